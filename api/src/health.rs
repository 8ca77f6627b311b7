//! `/livez` (the process runs), `/readyz` (it can do its work), `/metrics`.
use crate::{app::App, telemetry};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use entities::migrations::Migrator;
use futures::future::join;
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long `/readyz` waits for the database.
const PATIENCE: Duration = Duration::from_secs(3);

pub async fn livez() -> &'static str {
    "ok\n"
}

/// Ready where the database answers, is migrated, the index is built, and the hub is not on its way out.
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    let (database, index) = join(database(&app), index(&app)).await;
    let stopping = app.lifecycle.is_stopping();
    let ready = !stopping && database["ok"] == true && index["ok"] == true;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({"ready": ready, "stopping": stopping, "database": database, "index": index});
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], format!("{body}\n")).into_response()
}
async fn database(app: &App) -> Value {
    match timeout(PATIENCE, Migrator::get_pending_migrations(app.store.writer())).await {
        Ok(Ok(pending)) => json!({"ok": pending.is_empty(), "pendingMigrations": pending.len()}),
        Ok(Err(_)) => json!({"ok": false, "problem": "the database does not answer"}), // why is for the log, not for the public
        Err(_) => json!({"ok": false, "problem": "no answer"}),
    }
}
async fn index(app: &App) -> Value {
    let (position, built) = (app.index.position(), app.index.is_built());
    match timeout(PATIENCE, app.store.position()).await {
        Ok(Ok(head)) => json!({"ok": built, "building": !built, "position": position, "behind": (head - position).max(0)}),
        _ => json!({"ok": built, "building": !built, "position": position}),
    }
}

/// Prometheus text.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let open = app.config().limits.streams as usize - app.streams.available_permits();
    metrics::gauge!("switchboard_streams_open").set(open as f64);
    let (running, waiting) = app.gate.standing();
    metrics::gauge!("switchboard_operations_running").set(running as f64);
    metrics::gauge!("switchboard_operations_waiting").set(waiting as f64);
    metrics::gauge!("switchboard_index_position").set(app.index.position() as f64);
    if let Ok(head) = app.store.position().await {
        metrics::gauge!("switchboard_change_log_position").set(head as f64);
    }
    match telemetry::metrics() {
        Some(handle) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
