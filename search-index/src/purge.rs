//! A document that was deleted is still in the files of its segment until that is merged with others. Where a customer
//! was erased, all segments are written anew without what was deleted, and the old files are removed.
use crate::{
    Error, Index, Result, Writer,
    writer::{self, blocking},
};
use entities::outbox::change::{self, Operation};
use std::{sync::atomic::Ordering, time::Duration};

/// How often, and how long apart: a merge may be under way, and a search may still read the old files.
const TRIES: u32 = 100;
const APART: Duration = Duration::from_millis(100);

impl Index {
    pub(crate) fn is_unclean(&self) -> bool {
        self.unclean.load(Ordering::Acquire)
    }
    /// A customer that is deleted was erased.
    pub(crate) fn note_erased(&self, entries: &[change::Model]) {
        if entries.iter().any(|e| e.operation == Operation::Delete && e.entity_type == crate::party::KIND.name) {
            self.unclean.store(true, Ordering::Release);
        }
    }
    /// Writes everything anew without what was deleted.
    pub(crate) async fn purge(&self, writer: &Writer) -> Result<()> {
        for _ in 0..TRIES {
            let (merging, tantivy) = (writer.clone(), self.tantivy.clone());
            let merged = blocking(move || {
                let mut writer = merging.lock().unwrap_or_else(|e| e.into_inner());
                let segments = tantivy.searchable_segment_ids()?;
                if !segments.is_empty() {
                    writer.merge(&segments).wait()?;
                }
                Ok(())
            });
            let merged = merged.await;
            self.reader.reload()?;
            let collecting = writer.clone();
            blocking(move || collecting.lock().unwrap_or_else(|e| e.into_inner()).garbage_collect_files().wait().map(drop)).await?;
            if merged.is_ok() && self.only_living_files()? {
                self.unclean.store(false, Ordering::Release);
                return Ok(());
            }
            tokio::time::sleep(APART).await;
        }
        Err(tantivy::TantivyError::SystemError("what was erased could not be written out of the search index: old files are still in use".into())
            .into())
    }
    /// Whether the folder has the files of segments that are searched, and of no others.
    fn only_living_files(&self) -> Result<bool> {
        let living: Vec<String> = self.tantivy.searchable_segment_ids()?.iter().map(|id| id.uuid_string()).collect();
        let folder = |source| Error::Folder { path: self.dir.clone(), source };
        for entry in std::fs::read_dir(&self.dir).map_err(folder)? {
            let name = entry.map_err(folder)?.file_name().to_string_lossy().into_owned();
            let stem = name.split('.').next().unwrap_or_default();
            let of_segment = stem.len() == 32 && stem.bytes().all(|b| b.is_ascii_hexdigit());
            if of_segment && !living.iter().any(|l| l == stem) {
                return Ok(false);
            }
        }
        Ok(true)
    }
    /// Comes to this position of the change log and gives up the bytes of customers that were erased up to it.
    pub async fn forget(&self, position: i64) -> Result<()> {
        while !self.is_built() {
            tokio::time::sleep(APART).await;
        }
        while self.catch_up().await? < position || self.is_unclean() {
            tokio::time::sleep(APART).await;
        }
        // whoever works something off holds the writer until it is written
        drop(self.writer.lock().await);
        if writer::Mark::read(&self.tantivy).is_some_and(|m| m.position >= position) { Ok(()) } else { Err(Error::Busy(self.dir.clone())) }
    }
}
