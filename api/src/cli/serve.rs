use super::{Context, import::aside, print::number};
use crate::{
    app::{self, App},
    auth::key::{self, Keys, Kind},
    error::{Error, Exit, Result},
    graphql::persisted::Manifest,
    worker,
};
use clap::Args;
use entities::{Scope, party::customer};
use sea_orm::PaginatorTrait;
use search_index::Index;
use serde_json::json;
use std::{
    io::{ErrorKind, IsTerminal, stdout},
    sync::Arc,
};
use tokio::net::TcpListener;

#[derive(Args)]
pub struct Serve {
    /// Where to listen: 127.0.0.1:4000
    #[arg(long)]
    address: Option<String>,
    /// sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Bring the database up to date first
    #[arg(long)]
    migrate: bool,
}
impl Serve {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start(&[("--address", "server.address", self.address), ("--database", "database.url", self.database)])?;
        let trusted = Manifest::load(&settings.config.documents)?;
        let listener = listen(&settings.config.server.address).await?;
        let metrics = match settings.config.server.metrics_address.as_str() {
            "" => None,
            address => Some(listen(address).await?),
        };
        let opened = app::open(&settings, self.migrate).await?;
        aside::sweep(&settings.config.database);
        if opened.fresh && key::files(&settings.config.auth.keys)?.is_empty() {
            let file = key::generate(&settings.config.auth.keys, Kind::EdDsa)?;
            tracing::info!(file = %file.display(), "first start: made a database and a signing key");
        }
        let keys = Keys::load(&settings.config.auth.keys)?;
        if keys.all.is_empty() {
            tracing::warn!(folder = %settings.config.auth.keys.display(), "there are no keys: only the public can ask. `switchboard keys rotate` makes one");
        }
        let index = Index::open_at_once(&settings.config.index.dir, &opened.store).await?;
        let app = App::trusting(settings.config, opened.store, index, keys, trusted);
        announce(context, &app, &listener).await?;
        worker::run(app, listener, metrics).await
    }
}

pub async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => Error::said(Exit::Conflict, format!("{address} is taken: something listens there already"))
            .hint("stop it, or choose another: --address 127.0.0.1:4001"),
        ErrorKind::PermissionDenied => {
            Error::said(Exit::Failed, format!("not allowed to listen at {address}")).hint("ports below 1024 need rights: choose one above")
        }
        _ => Error::said(Exit::Usage, format!("cannot listen at {address}: {e}")).hint("write it as 127.0.0.1:4000"),
    })
}

/// Where the hub is, for whoever started it.
async fn announce(context: &Context, app: &Arc<App>, listener: &TcpListener) -> Result<()> {
    let bound = listener.local_addr().map_err(|source| Error::Io { what: "cannot listen".into(), source })?.to_string();
    let (url, database) = (app.config().url(&bound), app.config().database.shown());
    let customers = Scope::hub(app.store.clock().now()).find::<customer::Entity>().count(app.store.reader()).await?;
    tracing::info!(address = bound, database, customers, version = env!("CARGO_PKG_VERSION"), "the hub is running");
    if stdout().is_terminal() {
        context.print.say(format!("\nSwitchboard {} is running\n", env!("CARGO_PKG_VERSION")));
        context.print.say(format!(
            "  Graph      {url}/graphql\n  Explorer   {url}/graphiql/\n  Database   {database} ({} customers)\n  Index      {}\n",
            number(customers as i64),
            app.config().index.dir.display()
        ));
        context.print.say("A token: switchboard token mint --audience agent      Stop: Ctrl-C\n");
    }
    context.print.object(&json!({"address": bound, "graph": format!("{url}/graphql"), "explorer": format!("{url}/graphiql/"), "database": database, "customers": customers}));
    Ok(())
}
