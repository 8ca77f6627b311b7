//! What a caller sends, and the form in which it wants the answer (GraphQL over HTTP).
use super::{
    Refused,
    persisted::{self, Hash},
    variables,
};
use async_graphql::Variables;
use axum::http::{
    HeaderMap, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use schema::error::BAD_REQUEST;
use serde::{
    Deserialize,
    de::{Error as _, IgnoredAny},
};
use serde_json::{Map, Value};

/// A call as it came in.
#[derive(Debug)]
pub struct Call {
    pub source: Source,
    pub operation: Option<String>,
    pub variables: Variables,
}
/// How a call says which document it means.
#[derive(Debug, PartialEq)]
pub enum Source {
    Text(String),
    Hash(Hash),
    /// The text, to be remembered under the hash.
    Both(String, Hash),
    /// By an id that can be none of ours.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The old form: 200 even where the document is wrong.
    Json,
    /// `application/graphql-response+json`
    GraphqlResponse,
    EventStream,
    Multipart,
}
impl Form {
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Json => "application/json; charset=utf-8",
            _ => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The best form among those that the caller accepts; none where there is none. Without a word, plain JSON.
pub fn negotiate(headers: &HeaderMap) -> Option<Form> {
    let mut best: Option<(f32, Form)> = None;
    let mut said = false;
    for range in headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')) {
        said = true;
        let mut parts = range.split(';').map(str::trim);
        let form = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => Form::GraphqlResponse,
            "application/json" | "application/*" | "*/*" => Form::Json,
            "text/event-stream" => Form::EventStream,
            "multipart/mixed" => Form::Multipart,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        // the first of equal weight wins
        if weight > 0.0 && best.is_none_or(|b| weight > b.0) {
            best = Some((weight, form));
        }
    }
    if said { best.map(|b| b.1) } else { Some(Form::Json) }
}

/// From the query string of a GET.
pub fn from_query(query: &str) -> Result<Call, Refused> {
    let mut fields = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = match &*name {
            "query" | "operationName" | "documentId" => Value::String(text.into_owned()),
            "variables" | "extensions" => serde_json::from_str(&text).map_err(|_| Refused::bad(format!("The parameter {name} must be JSON.")))?,
            _ => continue,
        };
        if fields.insert(name.to_string(), value).is_some() {
            return Err(Refused::bad(format!("The parameter {name} is there twice.")));
        }
    }
    from_fields(fields)
}

/// From the body of a POST. Only JSON: what a foreign web page can send without asking (forms, plain text) is refused.
pub fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Call, Refused> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next() == Some("application/json");
    let utf8 = parts.filter_map(|p| p.strip_prefix("charset=")).all(|c| c.trim_matches('"') == "utf-8");
    if !json || !utf8 {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, BAD_REQUEST, "The body must be application/json in UTF-8."));
    }
    let fields = if body.trim_ascii_start().starts_with(b"{") { serde_json::from_slice(body) } else { no_object(body) };
    fields.map_err(unreadable)?.call()
}
/// Why a body that does not begin like an object is none. A list would be read as the fields in their order.
fn no_object(body: &[u8]) -> serde_json::Result<Fields> {
    serde_json::from_slice::<IgnoredAny>(body)?;
    Err(serde_json::Error::custom("no object"))
}
fn unreadable(e: serde_json::Error) -> Refused {
    match e.is_data() {
        true => Refused::bad("The body must be one JSON object that has each of its fields once; lists of calls are not taken."),
        false => Refused::bad(format!("The body is not JSON (line {}, column {}).", e.line(), e.column())),
    }
}
/// From fields that were read already.
pub fn from_fields(fields: Map<String, Value>) -> Result<Call, Refused> {
    serde_json::from_value::<Fields>(Value::Object(fields)).map_err(unreadable)?.call()
}

/// What a call says. Fields of any other name are not ours; what is of another kind is refused by its name.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields {
    query: Value,
    document_id: Value,
    operation_name: Value,
    variables: Value,
    extensions: Value,
}
impl Fields {
    fn call(self) -> Result<Call, Refused> {
        let (query, id) = (text("query", self.query)?, text("documentId", self.document_id)?);
        let operation = text("operationName", self.operation_name)?;
        let variables = match self.variables {
            Value::Null => Variables::default(),
            Value::Object(values) => variables(values),
            _ => return Err(Refused::bad("`variables` must be an object.")),
        };
        let hash = hash(self.extensions)?;
        Ok(Call { source: source(query, id, hash)?, operation, variables })
    }
}
fn text(name: &str, value: Value) -> Result<Option<String>, Refused> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Refused::bad(format!("`{name}` must be a string."))),
    }
}
/// Of the document, by `extensions.persistedQuery`.
fn hash(extensions: Value) -> Result<Option<Hash>, Refused> {
    match extensions {
        Value::Null => Ok(None),
        Value::Object(mut extensions) => extensions.remove("persistedQuery").filter(|p| !p.is_null()).map(automatic).transpose(),
        _ => Err(Refused::bad("`extensions` must be an object.")),
    }
}
fn source(query: Option<String>, id: Option<String>, hash: Option<Hash>) -> Result<Source, Refused> {
    match (query, id, hash) {
        (None, None, None) => Err(Refused::bad("`query` must be there, as a string.")),
        (None, Some(id), None) => Ok(persisted::parse(id.strip_prefix("sha256:").unwrap_or(&id)).map_or(Source::Unknown, Source::Hash)),
        (_, Some(_), _) => Err(Refused::bad("A call has a `documentId`, or a `query`, not both.")),
        (Some(text), None, None) => Ok(Source::Text(text)),
        (Some(text), None, Some(hash)) if !text.is_empty() => Ok(Source::Both(text, hash)),
        (_, None, Some(hash)) => Ok(Source::Hash(hash)),
    }
}
/// `{"version": 1, "sha256Hash": "…"}`
fn automatic(persisted: Value) -> Result<Hash, Refused> {
    let hash = persisted["sha256Hash"].as_str().and_then(persisted::parse).filter(|_| persisted["version"].as_u64() == Some(1));
    hash.ok_or_else(|| Refused::bad("`extensions.persistedQuery` must be {version: 1, sha256Hash: …} with 64 hexadecimal digits."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (ACCEPT, v.parse().unwrap())).collect()
    }
    #[test]
    fn the_form_is_the_best_that_the_caller_accepts() {
        for (accept, form) in [
            (&[][..], Some(Form::Json)),
            (&["*/*"], Some(Form::Json)),
            (&["application/json"], Some(Form::Json)),
            (&["Application/GraphQL-Response+JSON; charset=utf-8"], Some(Form::GraphqlResponse)),
            (&["application/json;q=0.9, application/graphql-response+json"], Some(Form::GraphqlResponse)),
            (&["application/json, application/graphql-response+json"], Some(Form::Json)),
            (&["text/html", "application/json;q=0.1"], Some(Form::Json)),
            (&["text/event-stream"], Some(Form::EventStream)),
            (&[r#"multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json;q=0.9"#], Some(Form::Multipart)),
            (&["text/html"], None),
            (&["application/json;q=0"], None),
            (&["application/json;q=x"], None),
        ] {
            assert_eq!(negotiate(&accepting(accept)), form, "{accept:?}");
        }
    }
    #[test]
    fn variables_keep_their_numbers() {
        let call = from_query("query=%7Ba%7D&variables=%7B%22n%22%3A5%2C%22f%22%3A%5B1.5%5D%7D").unwrap();
        assert_eq!(call.variables["n"], async_graphql::Value::from(5));
        assert_eq!(call.variables["f"].to_string(), "[1.5]");
    }
    #[test]
    fn a_call_is_taken_whole_or_not_at_all() {
        let body =
            |content_type: &str, body: &str| from_body(&HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]), body.as_bytes());
        assert!(body("application/json; charset=UTF-8", r#"{"query":"{a}","variables":null,"extensions":{}}"#).is_ok());
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/json; charset=latin1",
        ] {
            assert_eq!(body(content_type, r#"{"query":"{a}"}"#).unwrap_err().status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        }
        for text in [
            "",
            "[]",
            "{}",
            r#"[{"query":"{a}"}]"#,
            r#"{"query":1}"#,
            r#"["{a}"]"#,
            "\"{a}\"",
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}","extensions":1}"#,
            r#"{"query":"{a}","documentId":"x"}"#,
            r#"{"documentId":1}"#,
            r#"{"extensions":{"persistedQuery":{}}}"#,
            r#"{"query":"{a}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}"#,
        ] {
            assert_eq!(body("application/json", text).unwrap_err().status, StatusCode::BAD_REQUEST, "{text}");
        }
        assert!(from_query("query=%7Ba%7D&query=%7Ba%7D").is_err());
        assert!(from_query("query=%7Ba%7D&variables=x").is_err());
    }
}
