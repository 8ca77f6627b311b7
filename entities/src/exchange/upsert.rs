//! Rows of a source into the tables. Each chunk is one transaction: what is known of its rows is read with a query
//! per table, every row is decided in memory, all is written with statements of many rows.
//!
//! `row_hash` keeps a short hash of each column as the source last said it (`name=1a2b3c4d status=…`): only a column
//! whose source value changed is written, and an edit made here of any other stands.

/// Values as their columns want them.
mod check;
/// Ancestors of customers.
pub(crate) mod closure;
/// What the database knows of a chunk.
mod known;
/// What becomes of each row.
mod plan;
/// Statements of many rows.
mod write;

pub use plan::Plan;
pub(crate) use plan::erased;
pub use write::{Prepared, all as write};
pub(crate) use write::{relations, resold};

use crate::{
    Result,
    exchange::{
        import::Row,
        mapping::row::Deferred,
        record::{Problem, Severity},
        table::Table,
    },
};
use check::Cell;
use chrono::{DateTime, Utc};
use known::Known;
use plan::{Here, Verdict};
use sea_orm::{ConnectionTrait, prelude::Uuid};
use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// Where rows come from.
#[derive(Clone)]
pub struct Origin {
    pub source: String,
    pub batch: Uuid,
}
/// Decides what becomes of the rows of an import.
pub struct Upsert {
    pub origin: Origin,
    /// Other systems whose ids the rows may use.
    also: Vec<String>,
    /// The rows that this run has met and not written: eight bytes each. Those that it wrote hold its batch.
    seen: HashSet<u64>,
    /// What the last chunk has met: it is written while the next is decided.
    before: Here,
}

/// What came of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub warned: u64,
}
/// Something to tell about a row of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub row_no: u64,
    pub problem: Problem,
    pub raw: String,
}
/// What came of a chunk.
#[derive(Debug, Default)]
pub struct Taken {
    /// By row of the source.
    pub rows: Counts,
    /// By row of our tables.
    pub tables: BTreeMap<&'static str, Counts>,
    pub notes: Vec<Note>,
    /// Rows whose parents are not here yet.
    pub waiting: Vec<u64>,
    /// Of the rows that were taken.
    pub deferred: Vec<Deferred>,
}

/// A record that passed its checks.
pub(crate) struct Checked {
    pub table: &'static Table,
    pub rank: usize,
    pub external_id: String,
    pub cells: Vec<Cell>,
    /// What a new row starts with.
    pub start: Vec<Cell>,
    /// Stands for (table, external id) in the set of rows that were met.
    pub key: u64,
}
impl Checked {
    /// All that a new row would hold.
    fn all(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().chain(&self.start)
    }
    /// The source only mentioned it.
    fn in_passing(&self) -> bool {
        self.cells.is_empty()
    }
}
pub(crate) struct Open {
    pub row: Row,
    pub records: Vec<Checked>,
}
/// A row of the source whose records have been looked at: they fit their tables, or the row says why not.
pub struct Ready {
    row: Row,
    records: Option<Vec<Checked>>,
}
impl Ready {
    pub fn row_no(&self) -> u64 {
        self.row.mapped.row_no
    }
}
impl From<Row> for Ready {
    fn from(mut row: Row) -> Self {
        Ready { records: checked(&mut row), row }
    }
}

impl Upsert {
    pub fn new(source: &str, also: Vec<String>, batch: Uuid) -> Self {
        Upsert { origin: Origin { source: source.into(), batch }, also, seen: HashSet::new(), before: Here::default() }
    }
    /// What becomes of a chunk; [`Prepared`] makes statements of it and [`write()`] runs them. The chunk before may still be on its way into the database. Rows that
    /// point to rows which are not here yet wait, unless this is their `last` chance.
    pub async fn decide(&mut self, db: &impl ConnectionTrait, at: DateTime<Utc>, rows: Vec<Ready>, last: bool) -> Result<(Plan, Taken)> {
        let mut taken = Taken::default();
        let mut open = vec![];
        for Ready { row, records } in rows {
            match records {
                Some(records) => open.push(Open { row, records }),
                None => taken.reject(row, None),
            }
        }
        let known = Known::load(db, self, &open).await?;
        let mut plan = Plan { before: std::mem::take(&mut self.before), ..Plan::default() };
        let mut waits = vec![];
        for soft in [false, true] {
            if soft && !last {
                break;
            }
            // a parent may stand below its child: again, as long as that helps
            loop {
                let before = open.len();
                waits.clear();
                open = open
                    .into_iter()
                    .filter_map(|mut o| match plan.row(self, &known, &mut o, soft, at) {
                        Verdict::Taken(outcome) => {
                            taken.take(o.row, outcome);
                            None
                        }
                        Verdict::Rejected(problem) => {
                            taken.reject(o.row, Some(problem));
                            None
                        }
                        Verdict::Waiting(problem) => {
                            waits.push(problem);
                            Some(o)
                        }
                    })
                    .collect();
                if open.len() == before || open.is_empty() {
                    break;
                }
            }
        }
        for (o, problem) in open.into_iter().zip(waits) {
            if last {
                taken.reject(o.row, Some(problem));
            } else {
                taken.waiting.push(o.row.mapped.row_no);
            }
        }
        self.seen.extend(plan.seen.drain());
        taken.tables = std::mem::take(&mut plan.counts);
        self.before = std::mem::take(&mut plan.here);
        Ok((plan, taken))
    }
}

/// The row's records as their tables want them; none where something is wrong, which the row then says.
fn checked(row: &mut Row) -> Option<Vec<Checked>> {
    let mapped = &mut row.mapped;
    let mut records = vec![];
    for record in std::mem::take(&mut mapped.records) {
        match check::record(record) {
            Ok(record) => records.push(record),
            Err(problems) => mapped.problems.extend(problems),
        }
    }
    if mapped.problems.iter().any(|p| p.severity == Severity::Error) {
        return None;
    }
    records.sort_by_key(|r| r.rank);
    Some(records)
}

impl Taken {
    fn take(&mut self, row: Row, outcome: plan::Outcome) {
        match outcome {
            plan::Outcome::Inserted => self.rows.inserted += 1,
            plan::Outcome::Updated => self.rows.updated += 1,
            plan::Outcome::Unchanged => self.rows.unchanged += 1,
        }
        self.rows.warned += u64::from(!row.mapped.problems.is_empty());
        self.deferred.extend(row.deferred);
        self.note(row.mapped);
    }
    fn reject(&mut self, mut row: Row, problem: Option<Problem>) {
        self.rows.rejected += 1;
        if problem.as_ref().is_some_and(|p| p.code == plan::ERASED) {
            // what is told of a row is kept: not the words of somebody who was erased
            row.mapped.problems.clear();
            row.mapped.raw.clear();
        }
        row.mapped.problems.extend(problem);
        self.note(row.mapped);
    }
    fn note(&mut self, mapped: crate::exchange::record::Mapped) {
        let (row_no, raw) = (mapped.row_no, mapped.raw);
        self.notes.extend(mapped.problems.into_iter().map(|problem| Note { row_no, problem, raw: raw.clone() }));
    }
}

pub(crate) fn key_of(table: &str, external_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (table, external_id).hash(&mut hasher);
    hasher.finish()
}
