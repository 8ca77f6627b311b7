//! A provider that does not exist: Fernhill Telecom, its customers, a year of their bills, tickets and talks. The same
//! seed and day give the same rows, ids included, on both databases, and customer 17 is the same in any crowd; only the
//! task of the run is of the run.
//!
//! No change is logged for these rows: whoever follows the log starts after them, so the search index is to be built
//! from the tables once they are there.
mod billing;
mod bulk;
mod care;
mod catalogue;
mod conversations;
mod customers;
mod dice;
mod keys;
mod money;
mod month;
mod names;
mod portfolio;
mod provider;
mod rows;

use crate::{
    error::{Error, Result},
    exchange::task,
    scope::Scope,
    store::Store,
};
use bulk::{Bulk, Part};
use chrono::NaiveDate;
use customers::{Customer, FEWEST, FIRM, GROUP, RESOLD, STORY};
use provider::Provider;
use rows::{Counts, Rows};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend, Statement};
use std::sync::Arc;
use uuid::Uuid;

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At least [`Plan::FEWEST`].
    pub customers: u64,
    pub seed: u64,
    /// The day on which the data ends: its bills are there, nothing else of that day or later is.
    pub until: NaiveDate,
    /// Months of bills.
    pub months: u32,
}
impl Plan {
    /// With fewer customers the enterprise and the partners are not complete.
    pub const FEWEST: u64 = FEWEST;
    pub fn new(customers: u64, seed: u64, until: NaiveDate) -> Self {
        Plan { customers, seed, until, months: 12 }
    }
}

/// How many customers are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// A row to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub id: Uuid,
    /// Customer number or partner code.
    pub no: String,
    pub name: String,
}

/// A partner and who it sold to.
#[derive(Clone, Debug, PartialEq)]
pub struct Reseller {
    pub partner: Named,
    /// What the partner is itself, with its settlement bills.
    pub wholesale: Named,
    /// One of its customers.
    pub customer: Named,
    /// How many it sold to.
    pub customers: u64,
}

/// Who is who, for the demo.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// A consumer whose newest bill has a new price, roaming and extra data on it.
    pub consumer: Named,
    /// The root of a group with subsidiaries and units.
    pub enterprise: Named,
    pub small_business: Named,
    /// Sees everything of its customers who agreed to that.
    pub full: Reseller,
    /// Sees only names of them.
    pub minimal: Reseller,
    /// Rows by table.
    pub counts: Counts,
}

/// Customers made and written together: few enough to be small in memory.
const CHUNK: u64 = 250;
/// Customers in one transaction of SQLite: their keys are spread over all pages of an index, so that each commit writes
/// most of it. The task says as often how far it is.
const KEEP: u64 = 4_000;

/// Fills an empty, migrated database; on PostgreSQL all or nothing, and nobody else reads its tables meanwhile.
pub async fn generate(store: &Store, plan: &Plan, progress: impl Fn(Progress)) -> Result<Summary> {
    if plan.customers < FEWEST {
        return Err(Error::Invalid(format!(
            "{} customers are too few: ask for {FEWEST} or more, so that the enterprise and the partners are complete",
            plan.customers
        )));
    }
    let full = store.reader().query_one_raw(Statement::from_string(store.backend(), "select 1 from customers limit 1")).await?;
    if full.is_some() {
        return Err(Error::Invalid(
            "this database already has customers: generate into an empty one, so that no real row meets an invented one".into(),
        ));
    }
    let task = begin(store, plan).await?;
    let made = run(store, plan, task, progress).await;
    task::end(store.writer(), task, made.as_ref().err(), store.clock().now()).await?;
    made
}
async fn run(store: &Store, plan: &Plan, task: Uuid, progress: impl Fn(Progress)) -> Result<Summary> {
    let mut bulk = Bulk::begin(store).await?;
    let written = fill(store, &mut bulk, plan, task, progress).await;
    bulk.end(written.is_ok()).await?;
    written
}
/// The task that agents see. Like the rows it is in no change log.
async fn begin(store: &Store, plan: &Plan) -> Result<Uuid> {
    let (db, at) = (store.writer(), store.clock().now());
    task::abandon(db, Condition::all().add(task::Column::Kind.eq(task::Kind::Generate)), at).await?;
    let title = format!("Generate {} customers until {}, seed {}", plan.customers, plan.until, plan.seed);
    task::begin(db, task::Kind::Generate, title, Some(plan.customers as i64), &Scope::hub(at).subject, at).await
}

async fn fill(store: &Store, bulk: &mut Bulk<'_>, plan: &Plan, task: Uuid, progress: impl Fn(Progress)) -> Result<Summary> {
    let (provider, first) = Provider::found(plan.seed, plan.until, plan.months);
    let provider = Arc::new(provider);
    // Rows are made on a thread of their own, a chunk ahead of the one that is written.
    let (sender, mut chunks) = tokio::sync::mpsc::channel(1);
    let (maker, total, backend) = (provider.clone(), plan.customers, store.backend());
    let making = tokio::task::spawn_blocking(move || {
        let mut chunk = Chunk { rows: first, ..Chunk::default() };
        for number in 1..=total {
            chunk.add(&maker, number);
            if number % CHUNK == 0 || number == total {
                let made = std::mem::take(&mut chunk).made(number, backend);
                if sender.blocking_send(made).is_err() {
                    return; // the writer failed and says why
                }
            }
        }
    });
    let mut summary = Tally::default();
    while let Some(made) = chunks.recv().await {
        let Made { tally, parts, done } = made?;
        summary.add(tally);
        for part in parts {
            bulk.put(part).await?;
        }
        if done % KEEP == 0 || done == total {
            bulk.keep().await?;
            task::advance(store.writer(), task, done as i64, total as i64, store.clock().now()).await?;
        }
        progress(Progress { done, total });
    }
    making.await.map_err(|e| Error::Invalid(format!("making the data stopped: {e}")))?;
    summary.of(&provider)
}

/// Some customers on their way.
#[derive(Default)]
struct Chunk {
    rows: Rows,
    tally: Tally,
}
/// The same as the database takes them.
struct Made {
    tally: Tally,
    parts: Vec<Part>,
    done: u64,
}
impl Chunk {
    fn add(&mut self, provider: &Provider, number: u64) {
        let c = one(provider, number, &mut self.rows);
        if let Some((partner, None)) = c.seller {
            self.tally.sold[partner] += 1;
        }
        if number <= FEWEST {
            self.tally.people.push((number, Named { id: c.id, no: c.no(), name: c.name }));
        }
    }
    fn made(mut self, done: u64, backend: DbBackend) -> Result<Made> {
        self.tally.counts = self.rows.counts();
        Ok(Made { tally: self.tally, parts: self.rows.parts(backend)?, done })
    }
}

/// Everything of one customer.
fn one(provider: &Provider, number: u64, rows: &mut Rows) -> Customer {
    let (c, mut dice) = customers::draw(provider, number);
    let services = portfolio::draw(provider, &c, &mut dice);
    let account = billing::run(provider, &c, &services, &mut dice, rows);
    let phone = services.iter().find(|s| s.mobile()).and_then(|s| s.number.as_deref());
    customers::rows(provider, &c, phone, account.limited() && c.closed.is_none(), &mut dice, rows);
    portfolio::rows(provider, &c, &services, account.limited(), rows);
    let desk = care::Desk { provider, c: &c, services: &services, account: &account };
    conversations::rows(&desk, &mut dice, rows);
    care::rows(&desk, &mut dice, rows);
    customers::share_rows(provider, &c, &mut dice, rows);
    c
}

#[derive(Default)]
struct Tally {
    people: Vec<(u64, Named)>,
    sold: [u64; 2],
    counts: Counts,
}
impl Tally {
    fn add(&mut self, chunk: Tally) {
        self.people.extend(chunk.people);
        self.sold = [self.sold[0] + chunk.sold[0], self.sold[1] + chunk.sold[1]];
        if self.counts.is_empty() {
            self.counts = chunk.counts;
        } else {
            self.counts.iter_mut().zip(chunk.counts).for_each(|(a, b)| a.1 += b.1);
        }
    }
    fn of(self, provider: &Provider) -> Result<Summary> {
        let person = |number: u64| {
            let found = self.people.iter().find(|p| p.0 == number).map(|p| p.1.clone());
            found.ok_or_else(|| Error::Invalid(format!("customer {number} of the demo was not made")))
        };
        let reseller = |i: usize| -> Result<Reseller> {
            let p = &provider.partners[i];
            let partner = Named { id: p.id, no: p.code.into(), name: p.brand.into() };
            Ok(Reseller { partner, wholesale: person(customers::WHOLESALE[i])?, customer: person(RESOLD[i])?, customers: self.sold[i] })
        };
        Ok(Summary {
            consumer: person(STORY)?,
            enterprise: person(GROUP)?,
            small_business: person(FIRM)?,
            full: reseller(0)?,
            minimal: reseller(1)?,
            counts: self.counts.clone(),
        })
    }
}
