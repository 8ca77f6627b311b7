//! Documents that a caller names by their SHA-256 instead of sending them: automatic ones, which somebody sent once
//! (Apollo's protocol), and trusted ones, which the settings name. Some audiences may use no others.
use super::{Refused, call::Source};
use crate::{
    config,
    error::{Error, Exit, Result},
    limits,
};
use async_graphql::ServerError;
use axum::http::StatusCode;
use entities::Audience;
use moka::sync::Cache;
use schema::error::{PERSISTED_QUERY_NOT_FOUND, UNTRUSTED_DOCUMENT};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, path::Path, sync::Arc};

/// A SHA-256.
pub type Hash = [u8; 32];

pub fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}
/// From 64 hexadecimal digits.
pub fn parse(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// The trusted documents of the settings.
#[derive(Clone, Default)]
pub struct Manifest(HashMap<Hash, Arc<str>>);
impl Manifest {
    /// Reads the manifest of the settings; none is an empty one. Every document must be readable and be its hash's.
    pub fn load(documents: &config::Documents) -> Result<Self> {
        let path = &documents.manifest;
        if path.as_os_str().is_empty() {
            return Ok(Manifest::default());
        }
        let text = std::fs::read_to_string(path)
            .map_err(Error::file("read", path))
            .map_err(|e| e.hint("`documents.manifest` names this file: the tools that build the app write it"))?;
        Self::read(path, &text)
    }
    fn read(path: &Path, text: &str) -> Result<Self> {
        let bad = |why: String| {
            Error::said(Exit::Usage, format!("{} is no manifest of trusted documents: {why}", path.display()))
                .hint(r#"it is {"HASH": "query …", …} with the SHA-256 of each document, or the manifest of Apollo's tools"#)
        };
        let Value::Object(manifest) = serde_json::from_str(text).map_err(|e| bad(e.to_string()))? else { return Err(bad("it is no object".into())) };
        let mut documents = HashMap::new();
        for (id, document) in entries(manifest).map_err(bad)? {
            let Some(wanted) = parse(&id) else { return Err(bad(format!("{id:?} is no SHA-256 of 64 hexadecimal digits"))) };
            if hash(&document) != wanted {
                return Err(bad(format!("the document under {id} has another hash: one of the two was changed")));
            }
            limits::check_text(&document).map_err(|why| bad(format!("{id}: {why}")))?;
            async_graphql::parser::parse_query(&document).map_err(|e| bad(format!("{id}: {e}")))?;
            documents.insert(wanted, document.into());
        }
        Ok(Manifest(documents))
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
/// (hash, document) of either format.
fn entries(mut manifest: Map<String, Value>) -> std::result::Result<Vec<(String, String)>, String> {
    let text = |value: Option<Value>, what: &str| match value {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("{what} is no text")),
    };
    match manifest.remove("format") {
        None => manifest.into_iter().map(|(id, document)| Ok((id.clone(), text(Some(document), &format!("the document under {id}"))?))).collect(),
        Some(format) if format == "apollo-persisted-query-manifest" && manifest.get("version").is_some_and(|v| v.as_u64() == Some(1)) => {
            let Some(Value::Array(operations)) = manifest.remove("operations") else { return Err("`operations` is no list".into()) };
            operations
                .into_iter()
                .map(|operation| {
                    let Value::Object(mut operation) = operation else { return Err("an operation is no object".into()) };
                    Ok((text(operation.remove("id"), "an operation's id")?, text(operation.remove("body"), "an operation's body")?))
                })
                .collect()
        }
        Some(format) => Err(format!("its format is {format}, of a version that is not known here")),
    }
}

/// All documents that can be named.
pub struct Persisted {
    trusted: Manifest,
    trusted_only: Vec<Audience>,
    /// Of this process: a client whose document is not known here sends it again.
    automatic: Cache<Hash, Arc<str>>,
}
/// A document by its text.
pub struct Found {
    pub text: Arc<str>,
    /// To be remembered under this hash, once it was found good.
    pub learn: Option<Hash>,
}
impl Persisted {
    pub fn new(documents: &config::Documents, trusted: Manifest) -> Self {
        const BYTES: u64 = 8 << 20;
        let trusted_only = documents.trusted_only.iter().filter_map(|name| Audience::parse(name)).collect();
        let automatic = Cache::builder().max_capacity(BYTES).weigher(|_, text: &Arc<str>| text.len() as u32).build();
        Persisted { trusted, trusted_only, automatic }
    }
    /// The document of a call, if this audience may use it.
    pub fn find(&self, audience: Audience, source: Source) -> std::result::Result<Found, Refused> {
        let only = self.trusted_only.contains(&audience);
        let (text, hash) = match source {
            Source::Text(text) if !only => return Ok(Found { text: text.into(), learn: None }),
            Source::Text(text) => {
                let hash = hash(&text);
                (Some(text), Some(hash))
            }
            Source::Both(text, named) if hash(&text) == named => (Some(text), Some(named)),
            Source::Both(..) => return Err(Refused::bad("The hash is not that of the document: it is the SHA-256 of `query` as it was sent.")),
            Source::Hash(hash) => (None, Some(hash)),
            Source::Unknown => (None, None),
        };
        if let Some(trusted) = hash.and_then(|h| self.trusted.0.get(&h)) {
            return Ok(Found { text: trusted.clone(), learn: None });
        }
        if only {
            let message = "This hub takes only documents from you that it knows beforehand: send the id of one of those (`documentId`).";
            return Err(refused(UNTRUSTED_DOCUMENT, message));
        }
        match (text, hash.and_then(|h| self.automatic.get(&h))) {
            (Some(text), known) => Ok(Found { text: text.into(), learn: hash.filter(|_| known.is_none()) }),
            (None, Some(known)) => Ok(Found { text: known, learn: None }),
            // the words that Apollo's clients look for
            (None, None) => Err(refused(PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")),
        }
    }
    pub fn learn(&self, hash: Hash, text: Arc<str>) {
        self.automatic.insert(hash, text);
    }
}
fn refused(code: &'static str, message: &str) -> Refused {
    let error: ServerError = Refused::new(StatusCode::OK, code, message).error;
    Refused::document(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "query Who { viewer { audience } }";
    fn hex(text: &str) -> String {
        hash(text).iter().map(|b| format!("{b:02x}")).collect()
    }
    fn read(text: &str) -> std::result::Result<usize, String> {
        Manifest::read(Path::new("m.json"), text).map(|m| m.len()).map_err(|e| e.to_string())
    }
    #[test]
    fn a_manifest_is_taken_whole_or_not_at_all() {
        let id = hex(DOCUMENT);
        assert_eq!(read(&serde_json::json!({id.as_str(): DOCUMENT}).to_string()), Ok(1));
        let apollo = |id: &str, version: u8| {
            let operation = serde_json::json!({"id": id, "name": "Who", "type": "query", "body": DOCUMENT});
            serde_json::json!({"format": "apollo-persisted-query-manifest", "version": version, "operations": [operation]}).to_string()
        };
        assert_eq!(read(&apollo(&id, 1)), Ok(1));
        for (text, said) in [
            ("", "EOF"),
            ("[]", "no object"),
            (r#"{"md5": "{ a }"}"#, "no SHA-256"),
            (&serde_json::json!({id.as_str(): "{ viewer { subject } }"}).to_string(), "has another hash"),
            (&serde_json::json!({hex("{ a"): "{ a"}).to_string(), "expected"),
            (&serde_json::json!({id.as_str(): 1}).to_string(), "is no text"),
            (&apollo(&id, 2), "not known here"),
            (&apollo(&hex("{ a }"), 1), "has another hash"),
        ] {
            let refused = read(text).expect_err(text);
            assert!(refused.contains(said) && refused.starts_with("m.json"), "{refused}");
        }
    }
    #[test]
    fn a_hash_has_64_digits() {
        assert_eq!(parse(&hex("a")), Some(hash("a")));
        assert_eq!(parse(&hex("a").to_uppercase()), Some(hash("a")));
        for wrong in ["", "a", &hex("a")[1..], &format!("+{}", &hex("a")[1..]), &"é".repeat(32)] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
