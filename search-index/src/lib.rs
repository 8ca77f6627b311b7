//! Full-text search over the rows of the hub: which rows become documents, what a caller finds in them, and how the
//! index follows the change log. Knows nothing of who asks beyond their `Scope`, nor of how text is shown.
//!
//! The index is a cache. Its commit carries the position of the change log up to which it is fed; a folder that is
//! missing, broken, of an older make or of another database is built anew when it is opened.

/// Documents that answer to at least one of several queries.
mod any_of;
/// Tickets.
mod care;
/// Numbers and addresses, found in any notation.
mod codes;
/// Whether two indexes say the same.
mod checksum;
/// What a row becomes.
mod document;
/// The fields of the index.
mod fields;
/// Articles and their passages.
mod knowledge;
/// Languages: stems, stop words, and which one a text is in.
pub mod language;
/// Products and bills.
mod owned;
/// Customers.
mod party;
/// Finding passages.
mod passage;
/// From text to a query that cannot fail.
mod query;
/// Everything anew.
mod rebuild;
/// Finding rows.
mod search;
/// The few words around a hit.
mod snippet;
/// What the index knows of its fields.
mod statistics;
/// Who may find a document: terms in it, and the same terms in every query.
mod visibility;
/// Words out of text.
mod words;
/// Giving up the bytes of what was erased.
mod purge;
/// Follows the change log.
mod writer;

pub use passage::Passage;
pub use search::{Hit, Hits, SearchRequest};
pub use snippet::Snippet;

use entities::Store;
use fields::Fields;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, directory::error::LockError};

/// Goes up when documents are made another way: older folders are built anew.
const GENERATION: u32 = 4;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Entities(#[from] entities::Error),
    #[error("the search index failed: {0}")]
    Tantivy(#[from] tantivy::TantivyError),
    #[error("the search index in {} is being written by another process: stop the running hub first", .0.display())]
    Busy(PathBuf),
    #[error("cannot use the folder {} of the search index: {source}", .path.display())]
    Folder { path: PathBuf, source: std::io::Error },
}
impl From<sea_orm::DbErr> for Error {
    fn from(e: sea_orm::DbErr) -> Self {
        Error::Entities(e.into())
    }
}

/// How far a rebuild is: rows done, of which kind.
pub type Progress<'a> = &'a (dyn Fn(&'static str, u64) + Send + Sync);

/// The search index of one node. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    store: Store,
    dir: PathBuf,
    fields: Arc<Fields>,
    tantivy: tantivy::Index,
    reader: IndexReader,
    /// Opened by the first write: a process that only searches needs no lock on the folder.
    writer: Arc<tokio::sync::Mutex<Option<Writer>>>,
    position: Arc<AtomicI64>,
    built: Arc<AtomicBool>,
    /// Somebody was erased whose bytes may still be in the files.
    unclean: Arc<AtomicBool>,
    last_statistics: statistics::LastStatistics,
}
type Writer = Arc<Mutex<IndexWriter>>;
/// Why an index is built anew whose files are not as they were written.
const DAMAGED: &str = "damaged files";

impl Index {
    /// Opens the index in this folder, or builds it from the rows of the store.
    pub async fn open(dir: impl AsRef<Path>, store: &Store) -> Result<Self> {
        Self::open_with(dir, store, &|_, _| {}).await
    }
    /// The same, telling how far it is where it has to build.
    pub async fn open_with(dir: impl AsRef<Path>, store: &Store, progress: Progress<'_>) -> Result<Self> {
        let dir = dir.as_ref();
        let index = match Self::standing(dir, store).await {
            Ok(index) => index,
            Err(why) => Self::begun(dir, store, &why).await?,
        };
        if !index.is_built() {
            index.rebuild(progress).await?;
        }
        Ok(index)
    }
    /// The index that stands in this folder, to look at, or why it cannot be used. Nothing is built.
    pub async fn standing(dir: impl AsRef<Path>, store: &Store) -> std::result::Result<Self, String> {
        Self::usable(dir.as_ref(), store, true).await
    }
    /// Opens the index in this folder. Where there is none that can be used it has the articles only, for the
    /// bot to answer from, and [`Index::follow`] builds the rest. Whether each byte is as it was written is not asked here:
    /// all of the files would have to be read. [`Index::follow`] asks before it writes.
    pub async fn open_at_once(dir: impl AsRef<Path>, store: &Store) -> Result<Self> {
        match Self::usable(dir.as_ref(), store, false).await {
            Ok(index) => Ok(index),
            Err(why) => Self::begun(dir.as_ref(), store, &why).await,
        }
    }
    /// An index with the articles alone.
    async fn begun(dir: &Path, store: &Store, why: &str) -> Result<Self> {
        tracing::info!(dir = %dir.display(), why, "search index: building it from the rows");
        let index = Self::fresh(dir, store)?;
        index.articles_first().await?;
        Ok(index)
    }
    /// Whether a file holds something else than what was written. Reads them all, opened anew: what was read of files that
    /// stay open counts as memory of the process.
    async fn is_damaged(&self) -> bool {
        let dir = self.dir.clone();
        let damaged = writer::blocking(move || tantivy::Index::open_in_dir(dir)?.validate_checksum()).await;
        damaged.is_ok_and(|damaged| !damaged.is_empty())
    }
    /// The folder as it stands, or why it cannot be used. `to_the_byte`: its files are read and compared with what was
    /// written.
    async fn usable(dir: &Path, store: &Store, to_the_byte: bool) -> std::result::Result<Self, String> {
        if !dir.join("meta.json").exists() {
            return Err("there is none".into());
        }
        let index = tantivy::Index::open_in_dir(dir).map_err(|e| e.to_string())?;
        if to_the_byte && !index.validate_checksum().map_err(|e| e.to_string())?.is_empty() {
            return Err(DAMAGED.into());
        }
        let mark = writer::Mark::read(&index).ok_or("not finished, or of an older make")?;
        if index.schema() != fields::schema() || !mark.is_of(store).await {
            return Err("made for other fields or another database".into());
        }
        let index = Self::around(index, dir, store).map_err(|e| e.to_string())?;
        index.position.store(mark.position, Ordering::Relaxed);
        index.unclean.store(mark.unclean, Ordering::Relaxed);
        index.built.store(true, Ordering::Relaxed);
        Ok(index)
    }
    /// An empty index; whatever stood in the folder goes.
    fn fresh(dir: &Path, store: &Store) -> Result<Self> {
        let folder = |source| Error::Folder { path: dir.into(), source };
        if dir.exists() {
            // Lock files of a running process stay where they are: taking them away would let two write.
            held(dir)?;
            std::fs::remove_dir_all(dir).map_err(folder)?;
        }
        std::fs::create_dir_all(dir).map_err(folder)?;
        Self::around(tantivy::Index::create_in_dir(dir, fields::schema())?, dir, store)
    }
    fn around(tantivy: tantivy::Index, dir: &Path, store: &Store) -> Result<Self> {
        language::register(tantivy.tokenizers());
        let reader = tantivy.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = Arc::new(Fields::of(&tantivy.schema())?);
        Ok(Index {
            store: store.clone(),
            dir: dir.into(),
            fields,
            tantivy,
            reader,
            writer: Default::default(),
            position: Default::default(),
            built: Default::default(),
            unclean: Default::default(),
            last_statistics: Default::default(),
        })
    }
    /// Up to where of the change log the index is fed.
    pub fn position(&self) -> i64 {
        self.position.load(Ordering::Relaxed)
    }
    /// Whether every row has its document; what came since the position may still be on its way.
    pub fn is_built(&self) -> bool {
        self.built.load(Ordering::Relaxed)
    }
    /// How many documents there are: rows and passages.
    pub fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }
}

/// Refuses when a running process writes the index. The operating system frees the lock of one that was killed.
fn held(dir: &Path) -> Result<()> {
    let Ok(folder) = tantivy::directory::MmapDirectory::open(dir) else { return Ok(()) };
    match tantivy::Directory::acquire_lock(&folder, &tantivy::directory::INDEX_WRITER_LOCK) {
        Err(LockError::LockBusy) => Err(Error::Busy(dir.into())),
        _ => Ok(()),
    }
}
