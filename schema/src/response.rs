//! Writing a response. `Value::Binary` is JSON text that the database made and goes out as it is.
use async_graphql::{Response, Value};

/// The response as JSON: `data` (unless the request was refused before it ran), then `errors`, then `extensions`.
pub fn write(response: &Response, ran: bool) -> Vec<u8> {
    const BESIDE: usize = 1024; // for keys, errors, and what is put at the end
    let mut out = Vec::with_capacity(BESIDE + texts(&response.data));
    out.push(b'{');
    if ran {
        out.extend_from_slice(b"\"data\":");
        value(&response.data, &mut out);
    }
    if !response.errors.is_empty() {
        // In the order of the document: which of two failing fields is first is else a race.
        let mut errors: Vec<_> = response.errors.iter().collect();
        errors.sort_by_cached_key(|e| (e.locations.first().map(|p| (p.line, p.column)), format!("{:?}", e.path)));
        member("errors", &errors, &mut out);
    }
    if !response.extensions.is_empty() {
        member("extensions", &response.extensions, &mut out);
    }
    out.push(b'}');
    out
}
/// The bytes of the database's texts in a value: to make room for them once takes less than to grow.
fn texts(v: &Value) -> usize {
    match v {
        Value::Binary(text) => text.len(),
        Value::Object(members) => members.values().map(texts).sum(),
        _ => 0,
    }
}
fn member(name: &str, value: &impl serde::Serialize, out: &mut Vec<u8>) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    json(value, out);
}
fn json(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        tracing::error!(%error, "a response could not be written");
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}
fn value(v: &Value, out: &mut Vec<u8>) {
    match v {
        Value::Binary(text) => out.extend_from_slice(text),
        Value::List(items) => {
            out.push(b'[');
            for (i, v) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                value(v, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (i, (key, v)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                out.push(b'"');
                out.extend_from_slice(key.as_bytes()); // a name by grammar: nothing to escape
                out.extend_from_slice(b"\":");
                value(v, out);
            }
            out.push(b'}');
        }
        v => json(v, out),
    }
}
