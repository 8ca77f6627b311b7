//! One check after the other, each with what to do where it fails.
use super::{Context, print::number};
use crate::{
    auth::key,
    config::Config,
    error::{Error, Exit, Result},
    graphql::persisted::Manifest,
};
use clap::Args;
use entities::{
    Scope, Store,
    clock::Clock,
    knowledge::article,
    migrations::Migrator,
    party::customer,
    privacy::audit_event::seal::{Verdict, verify},
};
use sea_orm::PaginatorTrait;
use sea_orm_migration::MigratorTrait;
use search_index::Index;
use serde::Serialize;
use std::path::Path;

#[derive(Args)]
pub struct Doctor {}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Failed,
}
#[derive(Serialize)]
struct Check {
    check: &'static str,
    level: Level,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}
fn ok(check: &'static str, says: impl Into<String>) -> Check {
    Check { check, level: Level::Ok, says: says.into(), fix: None }
}
fn warning(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { check, level: Level::Warning, says: says.into(), fix: Some(fix.into()) }
}
fn failed(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { check, level: Level::Failed, says: says.into(), fix: Some(fix.into()) }
}

impl Doctor {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let config = &settings.config;
        let file = settings.file.as_deref();
        let mut checks = vec![match file {
            Some(file) => ok("settings", file.display().to_string()),
            None => warning(
                "settings",
                "no switchboard.toml here: defaults and environment",
                "`switchboard init` makes one; --config names one elsewhere",
            ),
        }];
        checks.extend(database(config).await);
        checks.push(keys(config));
        checks.extend(documents(config));
        checks.push(folder("index", &config.index.dir));
        checks.push(port(config).await);
        checks.extend(open_files());
        show(context, &checks);
        match checks.iter().filter(|c| c.level == Level::Failed).count() {
            0 => Ok(()),
            1 => Err(Error::said(Exit::Check, "1 check failed")),
            n => Err(Error::said(Exit::Check, format!("{n} checks failed"))),
        }
    }
}

fn show(context: &Context, checks: &[Check]) {
    for c in checks {
        context.print.object(c);
        let mark = match c.level {
            Level::Ok => "ok  ",
            Level::Warning => "warn",
            Level::Failed => "FAIL",
        };
        context.print.say(format!("{mark}  {:<10} {}", c.check, c.says));
        if let Some(fix) = &c.fix {
            context.print.say(format!("                 fix: {fix}"));
        }
    }
}

async fn database(config: &Config) -> Vec<Check> {
    let shown = config.database.shown();
    if let Some(file) = config.database.file()
        && !file.exists()
    {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return vec![match parent.is_dir() {
            true => warning("database", format!("{shown} is not there yet"), "`switchboard init` or `switchboard serve` makes it"),
            false => {
                failed("database", format!("{shown}: the folder {} is not there", parent.display()), "make the folder, or change `database.url`")
            }
        }];
    }
    let store = match Store::open(&config.database.url, 2, Clock::system()).await {
        Ok(store) => store,
        Err(e) => return vec![failed("database", format!("{shown}: {e}"), "is the server up, are name and password in `database.url` right?")],
    };
    let pending = match Migrator::get_pending_migrations(store.writer()).await {
        Ok(pending) => pending.len(),
        Err(e) => return vec![failed("database", format!("{shown}: {e}"), "the hub needs a database of its own, with the right to make tables")],
    };
    if pending == Migrator::migrations().len() {
        return vec![warning("database", format!("{shown} is empty"), "`switchboard migrate` makes the tables; `serve` does so by itself")];
    }
    if pending > 0 {
        return vec![failed("database", format!("{shown} lacks {pending} migrations"), "back it up, then `switchboard migrate`")];
    }
    let mut checks = vec![ok("database", shown), content(&store).await, audit_log(&store).await];
    checks.extend(index(config, &store).await);
    checks
}
/// What the index says, in one number: nodes over one database can be compared by it. Nothing where there is none yet.
async fn index(config: &Config, store: &Store) -> Option<Check> {
    let dir = &config.index.dir;
    if !dir.exists() {
        return None;
    }
    let index = match Index::standing(dir, store).await {
        Ok(index) => index,
        Err(why) => return Some(warning("documents", format!("the index cannot be used: {why}"), "`switchboard serve` builds it by itself")),
    };
    Some(match index.checksum().await {
        Ok(sum) => ok("documents", format!("{} up to position {}, checksum {sum}", number(index.documents() as i64), index.position())),
        Err(e) => failed("documents", format!("the index cannot be read: {e}"), "`switchboard reindex`"),
    })
}
async fn audit_log(store: &Store) -> Check {
    match verify(store).await {
        Ok(Verdict { broken: None, rows, erased }) => {
            let erased = if erased > 0 { format!(", {} of them without the words of who was erased", number(erased)) } else { String::new() };
            ok("audit log", format!("{} rows are as they were sealed{erased}", number(rows)))
        }
        Ok(Verdict { broken: Some(at), .. }) => {
            failed("audit log", format!("row {at} is missing or not as it was sealed"), "compare it with a backup: somebody changed it")
        }
        Err(e) => failed("audit log", format!("cannot be read: {e}"), "`switchboard migrate`"),
    }
}
async fn content(store: &Store) -> Check {
    let hub = Scope::hub(store.clock().now());
    let customers = hub.find::<customer::Entity>().count(store.reader()).await;
    let articles = hub.find::<article::Entity>().count(store.reader()).await;
    match (customers, articles) {
        (Ok(c), Ok(a)) => {
            let says = format!("{} customers, {} articles", number(c as i64), number(a as i64));
            match (c, a) {
                (0, _) => warning("content", says, "`switchboard import FILE` loads customers"),
                (_, 0) => warning("content", says, "`switchboard kb import FOLDER` loads what the bot answers from"),
                _ => ok("content", says),
            }
        }
        (Err(e), _) | (_, Err(e)) => failed("content", format!("cannot be read: {e}"), "`switchboard migrate`"),
    }
}

fn keys(config: &Config) -> Check {
    let dir = &config.auth.keys;
    let keys = match key::Keys::load(dir) {
        Ok(keys) => keys,
        Err(e) => return failed("keys", e.to_string(), "remove that file, or put a good key in its place"),
    };
    if keys.signing().is_none() {
        return failed("keys", format!("no signing key in {}", dir.display()), "`switchboard keys rotate` makes one; without it nobody can log in");
    }
    #[cfg(unix)]
    for file in key::files(dir).unwrap_or_default() {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(&file).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
            return failed("keys", format!("others can read {}", file.display()), format!("chmod 600 {}", file.display()));
        }
    }
    ok("keys", format!("{}, {} in all", dir.display(), keys.all.len()))
}

/// Only where the settings speak of trusted documents.
fn documents(config: &Config) -> Option<Check> {
    let file = &config.documents.manifest;
    if file.as_os_str().is_empty() {
        return None;
    }
    Some(match Manifest::load(&config.documents) {
        Err(e) => failed("documents", e.to_string(), e.advice().unwrap_or("write the manifest again")),
        Ok(trusted) if trusted.is_empty() => failed("documents", format!("{} holds none", file.display()), "write the manifest again"),
        Ok(trusted) => {
            let only = config.documents.trusted_only.join(", ");
            let who = if only.is_empty() { "nobody is limited to them".into() } else { format!("nothing else for: {only}") };
            ok("documents", format!("{} trusted in {}, {who}", trusted.len(), file.display()))
        }
    })
}

/// Whether files can be written there.
fn folder(check: &'static str, dir: &Path) -> Check {
    let existing = dir.ancestors().find(|d| d.exists()).filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::tempfile_in(existing) {
        Ok(_) if dir.exists() => ok(check, dir.display().to_string()),
        Ok(_) => ok(check, format!("{} will be made", dir.display())),
        Err(e) => failed(check, format!("cannot write in {}: {e}", existing.display()), "give the user of the hub the right to write there"),
    }
}

async fn port(config: &Config) -> Check {
    let address = &config.server.address;
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => ok("address", format!("{address} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            warning("address", format!("{address} is taken"), "fine if it is the hub itself; else change `server.address`")
        }
        Err(e) => failed("address", format!("{address}: {e}"), "write `server.address` as 127.0.0.1:4000"),
    }
}

/// A socket is an open file; the usual 1024 are gone sooner than the memory.
fn open_files() -> Option<Check> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|l| l.starts_with("Max open files"))?;
    let soft: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
    Some(match soft {
        0..4096 => warning("open files", format!("{soft} at most"), "ulimit -n 65536, or LimitNOFILE= in the unit"),
        _ => ok("open files", format!("{} at most", number(soft as i64))),
    })
}
