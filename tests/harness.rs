//! What every test stands on: empty databases of both kinds, a clock that stands still, callers as roles, builders
//! that read as a story, and golden files.
#![allow(dead_code, unused_imports, reason = "a builder waits for the test that needs it")]

/// Rows whose every text names its owner.
pub mod canary;
/// The ground of one run: a folder, a private PostgreSQL, and who removes them.
mod ground;
/// Customers, partners and what they have.
mod story;
/// Writes of a caller, and the proof that a refused one left nothing behind.
mod verbs;

pub use story::{Customer, ISSUER, Partner, article, customer, offering, partner, visit};
pub use verbs::{act, refused, snapshot};

use chrono::{DateTime, TimeZone, Utc};
use entities::{Audience, Scope, Store, clock::Clock};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// When every test takes place unless it sets its clock: 2026-01-15 12:00 UTC, a Thursday.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).single().expect("a valid instant")
}
/// Stands still at [`now`] until it is set.
pub fn clock() -> Clock {
    Clock::fixed(now())
}

/// A migrated, empty store on each database: SQLite, then PostgreSQL. Each has its own [`clock`].
pub async fn stores() -> Vec<Store> {
    if ground::alone() {
        return vec![store().await];
    }
    let mut stores = vec![];
    for url in urls().await {
        stores.push(open(&url).await);
    }
    stores
}
/// The same for one database, where the test is not about databases.
pub async fn store() -> Store {
    open(&ground::get().await.sqlite()).await
}
/// An empty one of the same kind as another.
pub async fn store_like(other: &Store) -> Store {
    let [sqlite, postgres] = urls().await;
    open(if other.backend() == sea_orm::DbBackend::Sqlite { &sqlite } else { &postgres }).await
}
/// Fresh migrated databases by their addresses, for tests that start the program.
pub async fn urls() -> [String; 2] {
    let ground = ground::get().await;
    [ground.sqlite(), ground.postgres().await]
}
async fn open(url: &str) -> Store {
    Store::open(url, 4, clock()).await.unwrap_or_else(|e| panic!("cannot open {url}: {e}"))
}
/// A folder of its own for a test; gone after the run.
pub async fn folder() -> PathBuf {
    ground::get().await.folder()
}

/// An agent with every scope that an agent can have.
pub fn agent() -> Scope {
    caller(Audience::Agent, "agent-1")
}
/// A login of this customer, with every scope.
pub fn customer_of(id: Uuid) -> Scope {
    caller(Audience::Customer, "customer-1").for_customers([id])
}
/// A login of this partner, with every scope.
pub fn partner_of(id: Uuid) -> Scope {
    caller(Audience::Partner, "partner-1").for_partners([id])
}
/// Nobody known.
pub fn public() -> Scope {
    Scope::public(now())
}
fn caller(audience: Audience, subject: &str) -> Scope {
    Scope::new(audience, subject, now()).with_scopes(audience.ceiling().iter().copied())
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a crate of the workspace")
}
/// A file of the shared data sets: below `$SWITCHBOARD_DATA`, else beside the checkout. Where it is absent the test
/// says so and ends.
pub fn data(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("SWITCHBOARD_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let file = base.join(path);
    if file.exists() {
        return Some(file);
    }
    ground::say(&format!("skipped: no {path} below {} (set SWITCHBOARD_DATA)", base.display()));
    None
}

/// Compares a golden file with what the code says now; `make golden` writes it instead.
#[track_caller]
pub fn golden(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("SWITCHBOARD_GOLDEN").is_some_and(|v| v == "write") {
        return std::fs::write(&file, text).unwrap_or_else(|e| panic!("cannot write {path}: {e}"));
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    if there != text {
        let (old, new): (Vec<_>, Vec<_>) = (there.lines().collect(), text.lines().collect());
        let line = (0..old.len().max(new.len())).find(|&i| old.get(i) != new.get(i)).unwrap_or(0);
        let [was, is] = [old.get(line), new.get(line)].map(|l| l.copied().unwrap_or("(no such line)"));
        panic!("{path} is not what the code says, line {}:\n  was: {was}\n  is:  {is}\nrun `make golden` and look at the difference", line + 1);
    }
}
