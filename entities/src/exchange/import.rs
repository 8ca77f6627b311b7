//! One run of an import: a task that others can watch, a batch per file with what came of it, and every row that was
//! not taken or was odd.
//!
//! Killed in the middle, it is simply run again: what was taken is known by its source's ids and is not taken twice.

/// What the database knows of tables that grow.
pub mod counted;
/// Files that need no mapping.
pub mod format;
/// Task, batch and row errors.
pub(crate) mod ledger;
/// Which reader and which mapping a file wants.
pub mod open;

use crate::{
    Error, Result, Scope, Store, Write,
    exchange::{
        mapping::row::Deferred,
        record::{Mapped, Severity},
        source_system,
        upsert::{self, Counts, Note, Origin, Prepared, Ready, Taken, Upsert},
    },
    money,
};
use chrono::NaiveDate;
use counted::Counted;
use ledger::{File, begin, end};
use sea_orm::{ConnectionTrait, DbBackend, prelude::Uuid};
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::Arc,
};
use tokio::{sync::mpsc, task::JoinSet};

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// A file, or a folder of files that belong together.
    pub path: PathBuf,
    /// A built-in mapping, a family of them, or a mapping file; found by looking where none.
    pub mapping: Option<String>,
    /// The name that the ids of the file belong to, where it is not the mapping's.
    pub source_system: Option<String>,
    /// Other systems whose ids the file uses for its parents.
    pub refs: Vec<String>,
    /// The day that the file tells of, where it does not say so itself.
    pub as_of: Option<NaiveDate>,
    /// Report what would happen, and change nothing.
    pub dry_run: bool,
    /// Of amounts that name no currency.
    pub currency: Option<String>,
    /// Two letters: how to read phone numbers without a country.
    pub country: Option<String>,
}

/// A row on its way: what it became, and what of it no table holds yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub mapped: Mapped,
    pub deferred: Vec<Deferred>,
}
impl From<Mapped> for Row {
    fn from(mapped: Mapped) -> Self {
        Row { mapped, deferred: vec![] }
    }
}
pub type Rows = Box<dyn Iterator<Item = Result<Row>> + Send>;

/// A source of rows.
pub trait Reader: Send + Sync {
    /// All rows from the first. Asked again where rows wait for parents that stand below them.
    fn rows(&self) -> Result<Rows>;
    /// How far the reading is, in bytes of the file and of all.
    fn bytes(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// One file with its reader.
pub struct Source {
    pub file_name: String,
    pub sha256: Option<String>,
    pub source_system: String,
    pub source_kind: source_system::Kind,
    /// Name and text of the mapping.
    pub mapping: Option<(String, String)>,
    pub as_of: Option<NaiveDate>,
    pub reader: Arc<dyn Reader>,
}
impl Source {
    fn about(&self) -> File<'_> {
        File {
            name: &self.file_name,
            sha256: self.sha256.as_deref(),
            source_system: &self.source_system,
            source_kind: self.source_kind,
            mapping: self.mapping.as_ref().map(|m| (m.0.as_str(), m.1.as_str())),
            as_of: self.as_of,
        }
    }
}

/// How far an import is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Progress {
    pub file: String,
    pub rows: u64,
    /// Of the file.
    pub bytes: u64,
    pub bytes_total: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub warned: u64,
}

/// What came of an import.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Report {
    pub dry_run: bool,
    pub batches: Vec<Batch>,
}
/// What came of one file.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Batch {
    /// None of a dry run.
    pub id: Option<Uuid>,
    pub file: String,
    pub source_system: String,
    pub mapping: Option<String>,
    pub as_of: Option<NaiveDate>,
    pub rows: u64,
    /// By row of the file: `rows` = inserted + updated + unchanged + rejected.
    #[serde(flatten)]
    pub counts: Counts,
    /// By row of our tables.
    pub tables: BTreeMap<&'static str, Counts>,
    /// What the file says that no table holds yet: how many rows say it, and the sum where it is money.
    pub deferred: BTreeMap<String, Waiting>,
    /// How many rows had each problem.
    pub problems: BTreeMap<&'static str, u64>,
    /// The first of them, for people.
    pub examples: Vec<Example>,
}
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Waiting {
    pub rows: u64,
    /// By currency, as decimal text.
    pub sum: BTreeMap<String, String>,
    #[serde(skip)]
    minor: BTreeMap<String, i64>,
}
#[derive(Clone, Debug, serde::Serialize)]
pub struct Example {
    pub row_no: u64,
    pub is_error: bool,
    pub code: &'static str,
    pub message: String,
}

/// What a transaction takes at most: rows of the file, rows of our tables, and bytes of the file's text. Each
/// transaction costs some twenty statements and a wait for the disk, however little it holds.
const CHUNK_ROWS: usize = 2_500;
const CHUNK_RECORDS: usize = 7_500;
const CHUNK_BYTES: usize = 4 << 20;
const EXAMPLES: usize = 20;
/// Row errors that are kept per batch; beyond, they are only counted.
const MOST_ERRORS_KEPT: u64 = 100_000;

/// Imports a file or a folder.
pub async fn import(store: &Store, scope: &Scope, job: Job, progress: impl Fn(Progress) + Send + Sync) -> Result<Report> {
    let mut report = Report { dry_run: job.dry_run, batches: vec![] };
    let sources = open::sources(store, &job).await?;
    // what is only tried shares one transaction: a file may need what the one before it brings
    let mut trial = if job.dry_run { Some(store.write(scope).await?) } else { None };
    for source in sources {
        report.batches.push(match &mut trial {
            Some(w) => rehearse(w, source, &job, &progress).await?,
            None => run(store, scope, source, &job, &progress).await?,
        });
    }
    Ok(report) // a trial is dropped without commit: nothing happened
}

/// Imports what a reader reads.
pub async fn run(store: &Store, scope: &Scope, source: Source, job: &Job, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Batch> {
    let mut batch = Batch::of(&source);
    let mut w = store.write(scope).await?;
    let (id, task) = begin(&mut w, &source.about()).await?;
    w.commit().await?;
    batch.id = Some(id);
    let up = Upsert::new(&source.source_system, job.refs.clone(), id);
    let mut run = Run { up, source: &source, done: batch.clone(), batch, progress, ids: Some((id, task)), counted: Counted::default() };
    let outcome = run.all(&mut Hand::Each(store, scope)).await;
    // what was rolled back does not count
    let batch = if outcome.is_ok() { run.batch } else { run.done };
    end(store, scope, (id, task), &batch, outcome.as_ref().err()).await?;
    outcome.map(|()| batch)
}
async fn rehearse(w: &mut Write, source: Source, job: &Job, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Batch> {
    // no batch: a run of the same file that goes on meanwhile is not to wait for this one
    let up = Upsert::new(&source.source_system, job.refs.clone(), crate::id::at(w.at()));
    let mut run = Run { up, source: &source, done: Batch::default(), batch: Batch::of(&source), progress, ids: None, counted: Counted::default() };
    run.all(&mut Hand::One(w)).await?;
    Ok(run.batch)
}

/// Where the chunks go: into one transaction that is dropped, or into one each.
pub(crate) enum Hand<'a> {
    One(&'a mut Write),
    Each(&'a Store, &'a Scope),
}
impl Hand<'_> {
    fn backend(&self) -> DbBackend {
        match self {
            Hand::One(w) => w.tx().get_database_backend(),
            Hand::Each(store, _) => store.backend(),
        }
    }
}

struct Run<'a> {
    up: Upsert,
    source: &'a Source,
    /// Of all that was decided, and of what of it is written.
    batch: Batch,
    done: Batch,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    /// Of batch and task; none in a dry run.
    ids: Option<(Uuid, Uuid)>,
    counted: Counted,
}
impl Run<'_> {
    async fn all(&mut self, hand: &mut Hand<'_>) -> Result<()> {
        let (mut again, mut last, mut broken): (Option<HashSet<u64>>, bool, Option<Error>) = (None, false, None);
        loop {
            let (waiting, now) = self.pass(hand, again.as_ref(), last).await?;
            broken = broken.or(now);
            if waiting.is_empty() || last {
                return broken.map_or(Ok(()), Err);
            }
            // children stood before their parents: again, as long as that helps, also of a source that broke off
            last = again.as_ref().is_some_and(|a| a.len() == waiting.len());
            again = Some(waiting);
        }
    }
    /// Reads the source once; only the rows of `again` where given. Returns those that wait, and why it broke off.
    async fn pass(&mut self, hand: &mut Hand<'_>, again: Option<&HashSet<u64>>, last: bool) -> Result<(HashSet<u64>, Option<Error>)> {
        let (tx, mut chunks) = mpsc::channel::<Result<Vec<Ready>>>(1);
        let (reader, again_too) = (self.source.reader.clone(), again.cloned());
        // reading, mapping and checking beside the database's work; ends by itself when nobody listens any more
        tokio::task::spawn_blocking(move || feed(&*reader, again_too.as_ref(), &tx));
        let (mut waiting, mut ahead) = (HashSet::new(), again.cloned().unwrap_or_default());
        let mut writing = Writing::new();
        while let Some(rows) = chunks.recv().await {
            let step = match rows {
                Ok(rows) => {
                    rows.iter().for_each(|r| _ = ahead.remove(&r.row_no()));
                    self.step(hand, rows, again.is_none(), last).await
                }
                Err(unreadable) => {
                    self.written(&mut writing).await?;
                    waiting.extend(ahead);
                    return Ok((waiting, Some(unreadable)));
                }
            };
            self.written(&mut writing).await?; // whatever came of the next: what was decided is written
            let (step, waits) = step?;
            waiting.extend(waits);
            match hand {
                Hand::One(w) => {
                    let told = step.told.clone();
                    step.write(w, None).await?;
                    (self.progress)(told);
                }
                Hand::Each(store, scope) => {
                    self.counted.of(store, &self.done.tables).await;
                    step.start(&mut writing, store, scope, self.ids)
                }
            }
        }
        self.written(&mut writing).await?;
        if let Hand::Each(store, _) = hand {
            self.counted.of(store, &self.done.tables).await;
        }
        Ok((waiting, None))
    }
    async fn written(&mut self, writing: &mut Writing) -> Result<()> {
        if let Some(done) = writing.join_next().await {
            let (batch, told) = done.map_err(|e| Error::Invalid(format!("writing stopped: {e}")))??;
            self.done = batch;
            (self.progress)(told);
        }
        Ok(())
    }
    /// Decides a chunk: what is to be written of it, and which of its rows wait.
    async fn step(&mut self, hand: &Hand<'_>, rows: Vec<Ready>, first: bool, last: bool) -> Result<(Step, Vec<u64>)> {
        self.batch.rows += if first { rows.len() as u64 } else { 0 };
        let (at, (plan, mut taken)) = match hand {
            Hand::One(w) => (w.at(), self.up.decide(w.tx(), w.at(), rows, last).await?),
            Hand::Each(store, _) => {
                let at = store.clock().now();
                (at, self.up.decide(store.reader(), at, rows, last).await?)
            }
        };
        let prepared = Prepared::new(hand.backend(), &self.up.origin, plan, at)?;
        let waiting = std::mem::take(&mut taken.waiting);
        let notes = self.batch.take(taken);
        let told = self.batch.told(self.source.reader.bytes());
        Ok((Step { origin: self.up.origin.clone(), prepared, notes, told, batch: self.batch.clone() }, waiting))
    }
}

/// What is to be written of a chunk.
struct Step {
    origin: Origin,
    prepared: Prepared,
    notes: Vec<Note>,
    told: Progress,
    batch: Batch,
}
/// The chunk that is on its way into the database while the next is read and decided; dropped, it is given up.
type Writing = JoinSet<Result<(Batch, Progress)>>;
impl Step {
    fn start(self, writing: &mut Writing, store: &Store, scope: &Scope, ids: Option<(Uuid, Uuid)>) {
        let (store, scope) = (store.clone(), scope.clone());
        writing.spawn(async move {
            let (mut w, batch, told) = (store.write(&scope).await?, self.batch.clone(), self.told.clone());
            self.write(&mut w, ids).await?;
            w.commit().await?;
            Ok((batch, told))
        });
    }
    async fn write(self, w: &mut Write, ids: Option<(Uuid, Uuid)>) -> Result<()> {
        upsert::write(w, &self.origin, self.prepared).await?;
        let Some(ids) = ids else { return Ok(()) };
        ledger::progress(w, ids, &self.batch, self.notes, &self.told).await
    }
}
/// Reads in chunks until the end or until nobody listens.
fn feed(reader: &dyn Reader, again: Option<&HashSet<u64>>, tx: &mpsc::Sender<Result<Vec<Ready>>>) {
    let rows = match reader.rows() {
        Ok(rows) => rows,
        Err(e) => return drop(tx.blocking_send(Err(e))),
    };
    let (mut chunk, mut records, mut bytes) = (vec![], 0, 0);
    for row in rows {
        match row {
            Err(e) => {
                // what could be read is taken
                let _ = tx.blocking_send(Ok(std::mem::take(&mut chunk)));
                return drop(tx.blocking_send(Err(e)));
            }
            Ok(row) if again.is_some_and(|a| !a.contains(&row.mapped.row_no)) => {}
            Ok(row) => {
                (records, bytes) = (records + row.mapped.records.len(), bytes + row.mapped.raw.len());
                chunk.push(Ready::from(row));
            }
        }
        if chunk.len() >= CHUNK_ROWS || records >= CHUNK_RECORDS || bytes >= CHUNK_BYTES {
            if tx.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
                return;
            }
            (records, bytes) = (0, 0);
        }
    }
    if !chunk.is_empty() {
        drop(tx.blocking_send(Ok(chunk)));
    }
}

impl Batch {
    fn of(source: &Source) -> Self {
        Batch {
            file: source.file_name.clone(),
            source_system: source.source_system.clone(),
            mapping: source.mapping.as_ref().map(|m| m.0.clone()),
            as_of: source.as_of,
            ..Batch::default()
        }
    }
    /// Counts what came of a chunk. Returns what is to be kept about its rows.
    pub(crate) fn take(&mut self, taken: Taken) -> Vec<Note> {
        let kept: u64 = self.problems.values().sum();
        self.add(&taken);
        if kept < MOST_ERRORS_KEPT { taken.notes } else { vec![] }
    }
    pub(crate) fn told(&self, (bytes, bytes_total): (u64, u64)) -> Progress {
        let Counts { inserted, updated, unchanged, rejected, warned } = self.counts;
        Progress { file: self.file.clone(), rows: self.rows, bytes, bytes_total, inserted, updated, unchanged, rejected, warned }
    }
    fn add(&mut self, taken: &Taken) {
        self.counts.add(&taken.rows);
        for (table, counts) in &taken.tables {
            self.tables.entry(table).or_default().add(counts);
        }
        for note in &taken.notes {
            *self.problems.entry(note.problem.code).or_default() += 1;
            if self.examples.len() < EXAMPLES {
                let (code, message) = (note.problem.code, note.problem.message.clone());
                self.examples.push(Example { row_no: note.row_no, is_error: note.problem.severity == Severity::Error, code, message });
            }
        }
        for deferred in &taken.deferred {
            let waiting = self.deferred.entry(deferred.name.clone()).or_default();
            waiting.rows += 1;
            if let Some((minor, currency)) = &deferred.amount {
                let sum = waiting.minor.entry(currency.clone()).or_default();
                *sum += minor;
                waiting.sum.insert(currency.clone(), money::text(*sum, currency));
            }
        }
    }
}
impl Counts {
    fn add(&mut self, other: &Counts) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
        self.warned += other.warned;
    }
}
