//! Builds everything once. The process and the tests use the same.
use crate::{
    auth::{Families, key::Keys, token::Tokens},
    config::{Config, Settings},
    error::{Error, Exit, Result},
    graphql::Documents,
    jobs, routes, telemetry,
    worker::Lifecycle,
};
use axum::Router;
use entities::{Store, clock::Clock, migrations::Migrator};
use schema::{Graphs, Hub};
use sea_orm_migration::MigratorTrait;
use search_index::Index;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Everything that a request needs.
pub struct App {
    config: Config,
    pub store: Store,
    pub index: Index,
    pub graphs: Graphs,
    pub tokens: Tokens,
    pub families: Families,
    pub documents: Documents,
    pub lifecycle: Lifecycle,
    /// One permit for each open socket or event stream.
    pub streams: Arc<Semaphore>,
    /// Set by `demo`, once its address is known.
    pub personas: OnceLock<serde_json::Value>,
}

impl App {
    /// Over a migrated database and its index.
    pub fn new(config: Config, store: Store, index: Index, keys: Keys) -> Arc<App> {
        telemetry::metrics();
        Arc::new(App {
            graphs: Graphs::new(Hub::new(store.clone(), index.clone())),
            tokens: Tokens::new(keys, &config.auth),
            families: Families::default(),
            documents: Documents::default(),
            lifecycle: Lifecycle::default(),
            streams: Arc::new(Semaphore::new(config.limits.streams as usize)),
            personas: OnceLock::new(),
            store,
            index,
            config,
        })
    }
    pub fn config(&self) -> &Config {
        &self.config
    }
    /// How long one query or mutation may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.config.limits.deadline_ms)
    }
    /// Keeps the search index behind the change log until the hub stops.
    pub async fn follow(self: Arc<Self>) {
        self.index.follow(self.lifecycle.stopped()).await;
    }
    /// Runs what waits to be done until the hub stops.
    pub async fn work(self: Arc<Self>) {
        jobs::run(self).await;
    }
}

/// All routes over an app: what the process serves, and what tests call.
pub fn router(app: Arc<App>) -> Router {
    routes::router(app)
}

/// A database that is ready to use.
pub struct Opened {
    pub store: Store,
    /// It was empty until now.
    pub fresh: bool,
}
/// Opens the database of the settings. An empty one is migrated; one that lacks migrations is so only when asked.
pub async fn open(settings: &Settings, migrate: bool) -> Result<Opened> {
    let database = &settings.config.database;
    let store = Store::open(&database.url, database.pool, Clock::system())
        .await
        .map_err(|e| Error::from(e).hint(format!("is {} right and reachable? `switchboard doctor` checks it", database.shown())))?;
    let pending = Migrator::get_pending_migrations(store.writer()).await?.len();
    let fresh = pending == Migrator::migrations().len();
    if pending > 0 && (fresh || migrate) {
        Migrator::up(store.writer(), None).await?;
    } else if pending > 0 {
        let what = if pending == 1 { "1 migration is".into() } else { format!("{pending} migrations are") };
        return Err(Error::said(Exit::Check, format!("{what} missing in {}", database.shown())).hint("back it up, then run `switchboard migrate`"));
    }
    Ok(Opened { store, fresh })
}
