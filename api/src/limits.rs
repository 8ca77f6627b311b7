//! Bounds that hold before GraphQL begins, and what is answered where something breaks.

/// Answers where code panicked.
mod catch;

use crate::telemetry;
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub use catch::Catch;
use futures::StreamExt;
use std::time::Duration;

/// The longest document; what is longer is no query that a person wrote.
pub const DOCUMENT_BYTES: usize = 32 << 10;
/// Brackets inside brackets. The parser goes down one call for each, so this is counted before it starts.
const NESTING: usize = 64;

/// Whether a document may be given to the parser.
pub fn check_text(text: &str) -> Result<(), &'static str> {
    if text.len() > DOCUMENT_BYTES {
        return Err("The document is too long.");
    }
    let (mut depth, mut deepest) = (0usize, 0);
    for b in text.bytes() {
        match b {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    if deepest > NESTING { Err("The document is nested too deep.") } else { Ok(()) }
}

/// What browsers are told about every answer.
pub const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// And where we are reached by HTTPS: never without it.
pub const SECURED: (HeaderName, HeaderValue) = (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// What is still read of a body that is too large. A connection that is closed on somebody who sends loses the answer.
const HEARD_BYTES: usize = 8 << 20;
const HEARD: Duration = Duration::from_secs(2);

/// A body of at most so many bytes, or the status of the answer.
pub async fn body(body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let (mut chunks, mut whole) = (body.into_data_stream(), vec![]);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if whole.len() + chunk.len() > most {
            let heard = async {
                let mut heard = 0;
                while heard < HEARD_BYTES
                    && let Some(Ok(chunk)) = chunks.next().await
                {
                    heard += chunk.len();
                }
            };
            let _ = tokio::time::timeout(HEARD, heard).await;
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// An error in the shape of GraphQL's, for every address.
pub fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    error(status, serde_json::json!({"code": code}), message)
}
fn error(status: StatusCode, extensions: serde_json::Value, message: &str) -> Response {
    let body = serde_json::json!({"errors": [{"message": message, "extensions": extensions}]});
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// Writes to the log where it panicked. The text goes to the debug log only: it can hold what a caller sent.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| l.to_string()).unwrap_or_default();
        tracing::error!(place, "panicked");
        tracing::debug!(place, text = telemetry::panic_text(info.payload()), "panicked with");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_document_that_would_fell_the_parser_is_refused_before_it() {
        assert!(check_text("{ a(x: [{b: 1}]) { c } }").is_ok());
        assert!(check_text(&"{a".repeat(65)).is_err());
        assert!(check_text(&"[".repeat(30_000)).is_err());
        assert!(check_text(&" ".repeat(DOCUMENT_BYTES + 1)).is_err());
    }
}
