//! Takes an export back: into an empty database for a hub that is the same again, into another to bring it to the
//! same rows. Ids are kept where they are free, so that addresses and links still lead to the same row.
//!
//! Rows are taken a chunk at a time, each chunk in one transaction. A line that needs a row further down waits for the
//! next reading of the file; of the lines that wait only the numbers are kept.
use super::{
    export::{HANDED_OUT, HEADER, Shape},
    import::{
        Batch, Hand, Progress,
        ledger::{self, File},
    },
    record::Problem,
    sheet, source_system,
    upsert::{Counts, Note, Taken},
};
use crate::{Error, Result, Scope, Store, Write};
use lines::{Entry, Lines, Text};
use sea_orm::prelude::Uuid;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, BufRead, BufReader},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Lines of somebody who was erased.
mod erased;
/// What the database has of a chunk.
mod here;
/// Lines of a file, and what they hold.
mod lines;
/// A table's share of a chunk.
mod rows;
/// Changes of state.
mod states;
/// Numbers that no two rows share, and trees without circles.
mod unique;
/// JSON as columns want it.
mod value;

/// An export to read back.
pub struct Export {
    pub file_name: String,
    pub sha256: Option<String>,
    /// Lines per transaction.
    pub chunk: usize,
    open: Box<Opener>,
    read: Arc<AtomicU64>,
    bytes: u64,
}
type Opener = dyn Fn() -> io::Result<Box<dyn BufRead + Send>> + Send + Sync;
impl Export {
    /// What `open` opens is read once, and again where rows wait for others further down.
    pub fn new(file_name: &str, open: impl Fn() -> io::Result<Box<dyn BufRead + Send>> + Send + Sync + 'static) -> Self {
        Export { file_name: file_name.into(), sha256: None, chunk: CHUNK, open: Box::new(open), read: Arc::default(), bytes: 0 }
    }
    /// A file, packed or plain.
    pub fn file(path: &Path) -> Result<Self> {
        let sha256 = super::import::open::sha256(path)?;
        let bytes = std::fs::metadata(path).map(|m| m.len()).unwrap_or(0);
        let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        let (read, path) = (Arc::<AtomicU64>::default(), path.to_path_buf());
        let count = read.clone();
        let open = move || Ok(Box::new(BufReader::new(sheet::unpacked(&path, count.clone())?)) as Box<dyn BufRead + Send>);
        Ok(Export { sha256: Some(sha256), read, bytes, ..Export::new(&name, open) })
    }
    fn lines(&self) -> Result<Lines<Box<dyn BufRead + Send>>> {
        self.read.store(0, Ordering::Relaxed);
        (self.open)().map(Lines::new).map_err(|source| self.unreadable(source))
    }
    fn unreadable(&self, source: io::Error) -> Error {
        Error::Read { what: self.file_name.clone(), source }
    }
}

/// Whether this is the first line of an export.
pub fn is_export(first: &str) -> bool {
    says(first, HEADER) || says(first, HANDED_OUT)
}
/// Whether a line is this one, however a program has spaced and sorted it since.
fn says(line: &str, header: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let may = line.len() <= 2 * header.len() && line.contains("switchboard_export");
    line.trim_end() == header || (may && json(line) == json(header))
}

/// The name that a restore goes by among the imports. Its rows keep the sources that their lines name.
const SOURCE: &str = "hub";
/// Lines per transaction, unless the export says otherwise, and the most text that these may hold.
const CHUNK: usize = 1000;
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// Reads an export. A dry run reports what it would do.
pub async fn restore(store: &Store, scope: &Scope, export: &Export, dry_run: bool, mut progress: impl FnMut(Progress)) -> Result<Batch> {
    let batch = Batch { file: export.file_name.clone(), source_system: SOURCE.into(), ..Batch::default() };
    let mut run = Run {
        export,
        shapes: Shape::all(),
        batch,
        id: crate::id::at(store.clock().now()),
        task: None,
        seen: HashSet::new(),
        progress: &mut progress,
    };
    let mut w = store.write(scope).await?;
    if dry_run {
        run.all(&mut Hand::One(&mut w)).await?;
        return Ok(run.batch); // dropped without commit: nothing happened
    }
    let (sha256, kind) = (export.sha256.as_deref(), source_system::Kind::Hub);
    let file = File { name: &export.file_name, sha256, source_system: SOURCE, source_kind: kind, mapping: None, as_of: None };
    let (id, task) = ledger::begin(&mut w, &file).await?;
    w.commit().await?;
    (run.id, run.task, run.batch.id) = (id, Some(task), Some(id));
    let outcome = run.all(&mut Hand::Each(store, scope)).await;
    ledger::end(store, scope, (id, task), &run.batch, outcome.as_ref().err()).await?;
    outcome.map(|()| run.batch)
}

/// What became so far of a line that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wait {
    /// Nothing: it needs a row that is not here, or a number that another row has.
    Lacks,
    /// Its row is here and the same, but for a reference.
    Open,
    /// It was taken without a reference, and counted.
    Counted,
}
/// By number of the line.
type Waiting = HashMap<u64, Wait>;

struct Run<'a> {
    export: &'a Export,
    shapes: Vec<Shape>,
    batch: Batch,
    /// Of the batch; of none in a dry run.
    id: Uuid,
    task: Option<Uuid>,
    /// The rows that this run has met and that do not hold its batch: eight bytes each.
    seen: HashSet<u64>,
    progress: &'a mut dyn FnMut(Progress),
}
impl Run<'_> {
    async fn all(&mut self, hand: &mut Hand<'_>) -> Result<()> {
        // how much is left to do: a line that was taken in part counts half
        let left = |w: &Waiting| w.len() + w.values().filter(|w| **w != Wait::Counted).count();
        let (mut again, mut last, mut broken): (Option<Waiting>, bool, Option<Error>) = (None, false, None);
        loop {
            let (waiting, now) = self.pass(hand, again.as_ref(), last).await?;
            broken = broken.or(now);
            if waiting.is_empty() || last {
                return broken.map_or(Ok(()), Err);
            }
            last = again.as_ref().is_some_and(|a| left(a) == left(&waiting));
            again = Some(waiting);
        }
    }
    /// Reads the file once; only the lines of `again` where given. Returns those that wait, and why it broke off.
    async fn pass(&mut self, hand: &mut Hand<'_>, again: Option<&Waiting>, last: bool) -> Result<(Waiting, Option<Error>)> {
        let (mut lines, mut waiting, mut ahead) = (self.export.lines()?, Waiting::new(), again.cloned().unwrap_or_default());
        let (mut chunk, mut bytes) = (vec![], 0);
        loop {
            let next = lines.next();
            let over = !matches!(next, Ok(Some(_)));
            if over || chunk.len() >= self.export.chunk || bytes > CHUNK_BYTES {
                self.chunk(hand, std::mem::take(&mut chunk), again, last, &mut waiting).await?;
                bytes = 0;
            }
            match next {
                Ok(Some(text)) if again.is_some_and(|a| !a.contains_key(&text.no)) => {}
                Ok(Some(text)) => {
                    ahead.remove(&text.no);
                    bytes += text.raw.len();
                    chunk.push(text);
                }
                Ok(None) => return Ok((waiting, None)),
                Err(source) => {
                    waiting.extend(ahead); // what could be read was taken
                    return Ok((waiting, Some(self.export.unreadable(source))));
                }
            }
        }
    }
    async fn chunk(&mut self, hand: &mut Hand<'_>, lines: Vec<Text>, again: Option<&Waiting>, last: bool, waiting: &mut Waiting) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match hand {
            Hand::One(w) => waiting.extend(self.take(w, lines, again, last).await?),
            Hand::Each(store, scope) => {
                let mut w = store.write(scope).await?;
                let before = self.batch.clone();
                let taken = match self.take(&mut w, lines, again, last).await {
                    Ok(waits) => w.commit().await.map(|_| waits),
                    Err(e) => Err(e),
                };
                // what was rolled back does not count
                waiting.extend(taken.inspect_err(|_| self.batch = before)?);
            }
        }
        let told = self.told();
        (self.progress)(told);
        Ok(())
    }
    /// The lines of a chunk by table, parents before children.
    async fn take(&mut self, w: &mut Write, lines: Vec<Text>, again: Option<&Waiting>, last: bool) -> Result<Waiting> {
        self.batch.rows += if again.is_none() { lines.len() as u64 } else { 0 };
        let mut chunk = Chunk {
            w,
            shapes: &self.shapes,
            id: self.id,
            dry: self.task.is_none(),
            last,
            seen: &mut self.seen,
            taken: Taken::default(),
            waiting: Waiting::new(),
        };
        let mut by_shape: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
        for text in lines {
            let before = again.and_then(|a| a.get(&text.no)).copied();
            match text.parse(chunk.shapes, before) {
                Ok((shape, entry)) => by_shape.entry(shape).or_default().push(entry),
                Err((entry, problem)) => chunk.reject(&entry, problem),
            }
        }
        erased::reject(&mut chunk, &mut by_shape).await?;
        for (i, entries) in by_shape {
            let shape = &self.shapes[i];
            match shape.table {
                Some(table) => rows::take(&mut chunk, shape, table, entries).await?,
                None => states::take(&mut chunk, entries).await?,
            }
        }
        let (taken, waiting) = (chunk.taken, chunk.waiting);
        let notes = self.batch.take(taken);
        if let Some(task) = self.task {
            let told = self.told();
            ledger::progress(w, (self.id, task), &self.batch, notes, &told).await?;
        }
        Ok(waiting)
    }
    fn told(&self) -> Progress {
        self.batch.told((self.export.read.load(Ordering::Relaxed), self.export.bytes))
    }
}

/// A chunk on its way.
struct Chunk<'a> {
    w: &'a mut Write,
    shapes: &'a [Shape],
    id: Uuid,
    /// Nothing of it will be committed.
    dry: bool,
    /// Whether what waits has waited long enough.
    last: bool,
    seen: &'a mut HashSet<u64>,
    taken: Taken,
    waiting: Waiting,
}
impl Chunk<'_> {
    /// A line that is not taken. One that was taken without what is wrong with it stays.
    fn reject(&mut self, entry: &Entry, problem: Problem) {
        if entry.before == Some(Wait::Counted) {
            return self
                .warn(entry, Problem::warning(problem.code, format!("{}; the row was taken without it.", problem.message.trim_end_matches('.'))));
        }
        self.taken.rows.rejected += 1;
        self.note(entry, problem);
    }
    fn warn(&mut self, entry: &Entry, problem: Problem) {
        self.taken.rows.warned += 1;
        self.note(entry, problem);
    }
    fn note(&mut self, entry: &Entry, problem: Problem) {
        self.taken.notes.push(Note { row_no: entry.no, problem, raw: lines::shown(&entry.raw) });
    }
    /// A line that may be right when the rest of the file is here.
    fn postpone(&mut self, entry: &Entry, problem: Problem) {
        match entry.before {
            _ if self.last => self.reject(entry, problem),
            Some(Wait::Counted) => _ = self.waiting.insert(entry.no, Wait::Counted),
            _ => _ = self.waiting.insert(entry.no, Wait::Lacks),
        }
    }
    fn count(&mut self, entry: &Entry, table: &'static str, of: fn(&mut Counts) -> &mut u64) {
        if entry.before != Some(Wait::Counted) {
            *of(&mut self.taken.rows) += 1;
            *of(self.taken.tables.entry(table).or_default()) += 1;
        }
    }
}
