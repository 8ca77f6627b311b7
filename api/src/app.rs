//! Builds everything once. The process and the tests use the same.
use crate::{
    auth::{
        key::{self, Keys},
        known::Known,
        partner_token::PartnerTokens,
        provider::Providers,
        token::{Class, Order, Tokens},
    },
    config::{Config, Settings},
    error::{Error, Exit, Result},
    gate::{Bounds, Gate},
    graphql::{
        budget::{Budgets, Ticks},
        document::Documents,
        persisted::{Manifest, Persisted},
    },
    jobs,
    looks::Looks,
    routes, telemetry,
    worker::Lifecycle,
};
use entities::{Audience, Store, clock::Clock, migrations::Migrator, party::customer, store::public_id};
use schema::{Graphs, Hub, ViewAs, ViewToken, guard::Limits};
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
    pub tokens: Arc<Tokens>,
    pub providers: Providers,
    pub partner_tokens: PartnerTokens,
    pub known: Known,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Vec<ipnet::IpNet>,
    pub documents: Documents,
    pub looks: Looks,
    pub persisted: Persisted,
    pub budgets: Budgets,
    pub gate: Gate,
    pub lifecycle: Lifecycle,
    /// One permit for each open socket or event stream.
    pub streams: Arc<Semaphore>,
    /// Set by `demo`, once its address is known.
    pub personas: OnceLock<serde_json::Value>,
}

impl App {
    /// Over a migrated database and its index, without trusted documents.
    pub fn new(config: Config, store: Store, index: Index, keys: Keys) -> Arc<App> {
        Self::trusting(config, store, index, keys, Manifest::default())
    }
    /// The same with trusted documents.
    pub fn trusting(config: Config, store: Store, index: Index, keys: Keys, trusted: Manifest) -> Arc<App> {
        telemetry::metrics();
        let tokens = Arc::new(Tokens::new(keys, &config.auth));
        let hub = Hub { view_as: Some(view_as(&tokens, store.clock())), ..Hub::new(store.clone(), index.clone()) };
        Arc::new(App {
            graphs: Graphs::new(hub),
            tokens,
            providers: Providers::new(&config.auth, store.clock()),
            partner_tokens: PartnerTokens::default(),
            known: Known::default(),
            proxies: config.server.trusted_proxies.iter().filter_map(|p| crate::config::network(p)).collect(),
            documents: Documents::default(),
            looks: Looks::default(),
            persisted: Persisted::new(&config.documents, trusted),
            budgets: Budgets::new(&config.budget, Limits::default().cost, Ticks::default()),
            gate: Gate::new(bounds(&config, &store), store.reader().turns().clone()),
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
    /// Keeps the keys fresh, those of the hub and those of its providers, until the hub stops.
    pub async fn keep_keys(self: Arc<Self>) {
        let own = async {
            loop {
                tokio::time::sleep(key::LOOK).await;
                let app = self.clone();
                let _ = tokio::task::spawn_blocking(move || app.tokens.keyring.look()).await;
            }
        };
        tokio::select! {
            () = self.lifecycle.stopped() => (),
            _ = futures::future::join(own, self.providers.keep()) => (),
        }
    }
    /// Looks at the change log for what other processes wrote, until the hub stops.
    pub async fn tail(self: Arc<Self>) {
        self.store.tail(self.lifecycle.stopped()).await;
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

fn bounds(config: &Config, store: &Store) -> Bounds {
    let limits = &config.limits;
    let (wait, patience) = (Duration::from_millis(limits.wait_ms), Duration::from_millis(limits.deadline_ms));
    Bounds::new(limits.operations as usize, wait, patience, store.reader().connections(), cores())
}

/// Signs tokens by which agents see what a customer sees.
fn view_as(tokens: &Arc<Tokens>, clock: &Clock) -> ViewAs {
    const TTL_S: i64 = 15 * 60;
    let (tokens, clock) = (tokens.clone(), clock.clone());
    Arc::new(move |agent, customer| {
        let id = public_id(&customer::ENTITY, customer);
        let order = Order {
            class: Class::Customer,
            subject: id.clone(),
            customers: vec![id],
            // what the agent may not read of a customer, it does not read as one
            scope: Some(Audience::Customer.ceiling().iter().filter(|s| s.ends_with(":read") && agent.has(s)).copied().collect::<Vec<_>>().join(" ")),
            actor: Some(agent.subject.clone()),
            ttl_s: TTL_S,
            ..Default::default()
        };
        let (token, claims) = tokens.mint(order, clock.now())?;
        Some(ViewToken { token, expires_at: chrono::DateTime::from_timestamp(claims.exp, 0)? })
    })
}

/// All routes over an app: what the process serves, and what tests call.
pub fn service(app: Arc<App>) -> routes::Front {
    routes::service(app)
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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
    let store = Store::open(&database.url, database.connections(cores()), Clock::system())
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
