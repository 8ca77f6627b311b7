//! What the binary carries with it: the explorer (GraphiQL) and the knowledge base of the demo. No CDN.
use crate::{app::App, limits};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use rust_embed::RustEmbed;
use std::{collections::BTreeMap, sync::Arc};

#[derive(RustEmbed)]
#[folder = "../web/graphiql/dist"]
#[allow_missing = true]
struct Explorer;

#[derive(RustEmbed)]
#[folder = "demo/knowledge"]
struct Knowledge;

/// The articles of the demo, by path.
pub fn knowledge() -> BTreeMap<String, Vec<u8>> {
    Knowledge::iter()
        .filter(|path| path.ends_with(".md"))
        .filter_map(|path| Some((path.to_string(), Knowledge::get(&path)?.data.into_owned())))
        .collect()
}

/// The page loads its own files, styles that its editor writes, and talks to this hub only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
    connect-src 'self' ws: wss:; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn home() -> Redirect {
    Redirect::temporary("/graphiql/")
}
pub async fn explorer() -> Response {
    file("index.html")
}
pub async fn explorer_file(Path(path): Path<String>) -> Response {
    file(&path)
}
/// Who one can be in the explorer. Holds tokens, so there is one in a demo only.
pub async fn personas(State(app): State<Arc<App>>) -> Response {
    match app.personas.get() {
        Some(personas) => {
            let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, personas.to_string()).into_response()
        }
        None => limits::problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There are no personas: this is no demo."),
    }
}

fn file(path: &str) -> Response {
    let Some(file) = Explorer::get(path) else {
        return limits::problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such file.");
    };
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let text = mime.type_() == "text" || matches!(mime.subtype().as_str(), "javascript" | "json" | "svg");
    let content_type = if text { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    // names of assets hold a hash of what is in them
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, content_type.as_str()), (header::CACHE_CONTROL, cache), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, Body::from(file.data.into_owned())).into_response()
}
