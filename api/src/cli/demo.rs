use super::{Context, generate::shown, print::number, serve::listen};
use crate::{
    app::{self, App},
    auth::key::Keys,
    config::{Config, Settings},
    demo::{self, Persona},
    error::{Error, Exit, Result},
    telemetry, worker,
};
use clap::Args;
use entities::generate::{Plan, Summary};
use serde_json::json;
use std::{io::ErrorKind, path::PathBuf, time::Instant};
use tokio::net::TcpListener;

#[derive(Args)]
pub struct Demo {
    /// Keep the data in this folder (default: a temporary one, gone afterwards)
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where to listen; without it, the first free port from 4000
    #[arg(long)]
    address: Option<String>,
    #[arg(long, default_value_t = 2000)]
    customers: u64,
    /// The same seed gives the same data
    #[arg(long, default_value_t = 1)]
    seed: u64,
}
impl Demo {
    pub async fn run(self, context: &Context) -> Result<()> {
        let started = Instant::now();
        let mut config = Config::default();
        config.log.level = "warn".into();
        telemetry::start(&config.log);
        let listener = match &self.address {
            Some(address) => listen(address).await?,
            None => first_free().await?,
        };
        let temporary = tempfile::tempdir().map_err(|source| Error::Io { what: "cannot make a temporary folder".into(), source })?;
        let folder = match &self.dir {
            Some(dir) => empty(dir)?,
            None => temporary.path().to_path_buf(),
        };
        config.place_in(&folder);
        let settings = Settings { config, ..Default::default() };
        let store = app::open(&settings, true).await?.store;
        let bar = context.print.bar(Some(self.customers), "Inventing a provider");
        let plan = Plan::new(self.customers, self.seed, store.clock().now().date_naive());
        let (who, index) = demo::fill(&store, &settings.config.index.dir, &settings.config.auth.issuer, &plan, shown(&bar)).await?;
        bar.finish_and_clear();
        let app = App::new(settings.config, store, index, Keys::ephemeral());
        let personas = demo::personas(&app, &who).unwrap_or_default();
        let _ = app.personas.set(demo::for_explorer(&personas));
        announce(context, &app.config().url(&address(&listener)?), &who, &personas, started);
        worker::run(app, listener, None).await
    }
}

/// The usual port, or the next that is free.
async fn first_free() -> Result<TcpListener> {
    for port in 4000..4020 {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(e) if e.kind() == ErrorKind::AddrInUse => continue,
            other => return other.map_err(|source| Error::Io { what: "cannot listen".into(), source }),
        }
    }
    Err(Error::said(Exit::Conflict, "the ports 4000 to 4019 are all taken").hint("choose another: --address 127.0.0.1:5000"))
}
fn empty(dir: &PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(dir).map_err(Error::file("make", dir))?;
    let mut entries = std::fs::read_dir(dir).map_err(Error::file("read", dir))?;
    match entries.next() {
        None => Ok(dir.clone()),
        Some(_) => {
            Err(Error::said(Exit::Conflict, format!("{} is not empty", dir.display())).hint("name a new folder; the demo never writes over anything"))
        }
    }
}
fn address(listener: &TcpListener) -> Result<String> {
    Ok(listener.local_addr().map_err(|source| Error::Io { what: "cannot listen".into(), source })?.to_string())
}

fn announce(context: &Context, url: &str, who: &Summary, personas: &[Persona], started: Instant) {
    let print = &context.print;
    let rows: u64 = who.counts.iter().map(|c| c.1).sum();
    let count = |table: &str| number(who.counts.iter().find(|c| c.0 == table).map_or(0, |c| c.1 as i64));
    print.say(format!("Fernhill Telecom, an invented provider, is at {url}/graphql ({:.1} s)\n", started.elapsed().as_secs_f64()));
    print.say(format!(
        "  {} customers, {} bills, {} tickets, {} rows in all",
        count("customers"),
        count("bills"),
        count("tickets"),
        number(rows as i64)
    ));
    print.say(format!("\n  Open {url}/graphiql/ in a browser: a tab for each of these people is ready.\n"));
    for p in personas {
        print.say(format!("{}: {}\n  {}\n", p.name, p.hint, p.curl(url)));
    }
    print.say("Ctrl-C stops it.");
    let people: Vec<_> = personas.iter().map(|p| json!({"name": p.name, "hint": p.hint, "token": p.token, "curl": p.curl(url)})).collect();
    print.object(&json!({"graph": format!("{url}/graphql"), "explorer": format!("{url}/graphiql/"), "seconds": started.elapsed().as_secs_f64(), "personas": people}));
}
