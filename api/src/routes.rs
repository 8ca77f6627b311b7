//! Every address of the hub.
use crate::{
    app::App,
    assets, exports,
    graphql::{self, budget},
    health, limits, socket, telemetry,
    turnstile::Turnstile,
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::IntoResponse,
    routing::{any, get},
};
use std::{sync::Arc, time::Duration};
use tower::{ServiceBuilder, layer::layer_fn};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate, SizeAbove},
    },
    cors::CorsLayer,
};

/// An answer that fits into one packet gains nothing from being packed.
const SMALL_BYTES: u16 = 1024;

/// What answers a request.
pub type Front = Turnstile<Router>;

pub fn service(app: Arc<App>) -> Front {
    let mut routes = Router::new()
        .route("/", get(assets::home))
        .route("/graphql", any(graphql::endpoint))
        .route("/graphql/ws", any(socket::endpoint))
        .route("/graphiql", get(assets::explorer))
        .route("/graphiql/", get(assets::explorer))
        .route("/graphiql/personas.json", get(assets::personas))
        .route("/graphiql/{*path}", get(assets::explorer_file))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/exports/{id}", get(exports::fetch))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(|| async {
            limits::problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here. The graph is at /graphql, an explorer at /graphiql/.")
        });
    if app.config().server.metrics_address.is_empty() {
        routes = routes.route("/metrics", get(health::metrics));
    }
    // one layer of all: each by itself would be copied into a box of its own for each request
    let (observed, cors) = (app.clone(), cors(&app));
    let layers = ServiceBuilder::new()
        .layer(layer_fn(move |inner| telemetry::Observe { app: observed.clone(), inner }))
        .option_layer(cors.clone())
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("multipart/")).and(SizeAbove::new(SMALL_BYTES))),
        )
        .layer(layer_fn(limits::Catch));
    let routes = routes.layer(layers).with_state(app.clone());
    Turnstile::new(app, cors, routes)
}

/// The public keys of the hub, for whoever verifies its tokens.
async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    let keys = app.tokens.keyring.keys().jwks(app.store.clock().now().timestamp());
    ([(header::CACHE_CONTROL, "public, max-age=60")], Json(keys))
}

/// The second address, where there is one.
pub fn metrics(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(health::metrics)).with_state(app)
}

/// None where no page of another origin may ask: its browser reads nothing where nothing is said.
fn cors(app: &App) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = app.config().server.cors_origins.iter().filter_map(|o| o.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let request_id = HeaderName::from_static("x-request-id");
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            request_id.clone(),
            HeaderName::from_static("x-session"),
            HeaderName::from_static("x-reason"),
        ])
        .expose_headers([request_id].into_iter().chain(budget::HEADERS).collect::<Vec<_>>())
        .max_age(Duration::from_secs(600));
    Some(layer)
}
