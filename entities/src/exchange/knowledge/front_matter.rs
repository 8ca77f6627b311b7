//! What stands above a page: YAML between `---` (Jekyll, MkDocs, Hugo), TOML between `+++` (Hugo), or nothing.
use serde_json::{Map, Value as Json};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrontMatter {
    values: Map<String, Json>,
    /// Why it could not be read as what it should be; then its `key: value` lines were taken.
    pub warning: Option<String>,
}
impl FrontMatter {
    pub fn text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|k| one(self.values.get(*k)?))
    }
    /// A list, or a text with commas.
    pub fn list(&self, keys: &[&str]) -> Vec<String> {
        let all = keys.iter().filter_map(|k| self.values.get(*k)).flat_map(|v| match v {
            Json::Array(all) => all.iter().filter_map(one).collect::<Vec<_>>(),
            Json::String(text) => text.split(',').map(|t| t.trim().to_string()).filter(|t| !t.is_empty()).collect(),
            _ => vec![],
        });
        all.collect()
    }
    pub fn is(&self, key: &str) -> bool {
        self.values.get(key) == Some(&Json::Bool(true))
    }
}
fn one(value: &Json) -> Option<String> {
    match value {
        Json::String(s) => Some(s.trim().to_string()).filter(|s| !s.is_empty()),
        Json::Number(n) => Some(n.to_string()),
        Json::Array(all) => all.iter().find_map(one),
        _ => None,
    }
}

/// Front matter and the rest.
pub fn split(text: &str) -> (FrontMatter, &str) {
    for (fence, parse) in [("---", yaml as fn(&str) -> Result<Json, String>), ("+++", toml)] {
        let Some(rest) = text.strip_prefix(fence).and_then(|r| r.trim_start_matches([' ', '\t']).strip_prefix('\n')) else { continue };
        let mut at = 0;
        for line in rest.split_inclusive('\n') {
            if line.trim_end() == fence {
                let (head, body) = (&rest[..at], &rest[at + line.len()..]);
                let matter = match parse(head) {
                    Ok(Json::Object(values)) => {
                        FrontMatter { values: values.into_iter().map(|(k, v)| (k.to_lowercase(), v)).collect(), warning: None }
                    }
                    Ok(Json::Null) => FrontMatter::default(),
                    Ok(_) => FrontMatter { values: lines(head), warning: Some("The front matter is no list of keys and values.".into()) },
                    Err(e) => FrontMatter { values: lines(head), warning: Some(format!("The front matter cannot be read: {e}.")) },
                };
                return (matter, body);
            }
            at += line.len();
        }
    }
    (FrontMatter::default(), text)
}
fn yaml(text: &str) -> Result<Json, String> {
    // without this, `no` and `y` are truth values and not a language and an answer
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| e.to_string().lines().next().unwrap_or_default().to_string())
}
fn toml(text: &str) -> Result<Json, String> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.message().to_string())?;
    fn json(value: toml::Value) -> Json {
        match value {
            toml::Value::Array(all) => all.into_iter().map(json).collect(),
            toml::Value::Table(all) => Json::Object(all.into_iter().map(|(k, v)| (k, json(v))).collect()),
            toml::Value::String(s) => s.into(),
            toml::Value::Boolean(b) => b.into(),
            toml::Value::Integer(i) => i.into(),
            other => other.to_string().into(), // dates and fractions, as they are written
        }
    }
    Ok(json(toml::Value::Table(table)))
}
/// `title: Wi-Fi: slow` is no YAML, and yet everybody knows what it means.
fn lines(text: &str) -> Map<String, Json> {
    let pairs = text.lines().filter_map(|l| l.split_once([':', '='])).filter(|(k, v)| !k.starts_with([' ', '-', '#']) && !v.trim().is_empty());
    pairs.map(|(k, v)| (k.trim().to_lowercase(), v.trim().trim_matches(['"', '\'']).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn all_dialects_are_read() {
        for text in ["---\ntitle: \"A: b\"\ntags: [x, y]\ndraft: true\n---\nbody", "+++\ntitle = 'A: b'\ntags = ['x', 'y']\ndraft = true\n+++\nbody"]
        {
            let (matter, body) = split(text);
            assert_eq!(
                (matter.text(&["title"]).unwrap().as_str(), matter.list(&["tags"]), matter.is("draft"), body),
                ("A: b", vec!["x".to_string(), "y".into()], true, "body")
            );
        }
        let (matter, body) = split("---\ntitle: Wi-Fi: slow\n---\nbody");
        assert_eq!((matter.text(&["title"]).unwrap().as_str(), matter.warning.is_some(), body), ("Wi-Fi: slow", true, "body"));
        assert_eq!(split("no front\n---\nmatter"), (FrontMatter::default(), "no front\n---\nmatter"));
        assert_eq!(split("---\nnever closed").1, "---\nnever closed");
    }
}
