//! Which reader and which mapping a file wants.
use super::{
    Job, Reader, Row, Rows, Source,
    format::{self, Format},
    ledger::as_of_before,
};
use crate::{
    Error, Result, Store,
    exchange::{
        mapping::{Mapping, row::Bound},
        sheet::Sheet,
        table,
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The files of a job with their readers, parents before children.
pub async fn sources(store: &Store, job: &Job) -> Result<Vec<Source>> {
    let is_folder = job.path.is_dir();
    let files = if is_folder { files_in(&job.path)? } else { vec![job.path.clone()] };
    let (mut tables, mut documents) = (vec![], BTreeMap::<Format, Vec<PathBuf>>::new());
    for path in files {
        match Format::of(&path, job.mapping.as_deref(), is_folder)? {
            Some(format) => documents.entry(format).or_default().push(path),
            None => tables.push(path),
        }
    }
    let asked = job.mapping.as_deref().filter(|_| documents.is_empty());
    let mappings = asked.map(Mapping::named).transpose()?;
    let mut found = vec![];
    for path in tables {
        match choose(&path, mappings.as_deref(), job) {
            Ok(Some(mapping)) => found.push((path, mapping)),
            Ok(None) if is_folder => {} // a folder holds other things too
            Ok(None) => return Err(unknown(&path, mappings.as_deref())),
            Err(e) => return Err(e),
        }
    }
    if found.is_empty() && documents.is_empty() {
        return Err(Error::Invalid(format!(
            "{} holds no file that can be imported{}",
            job.path.display(),
            match job.mapping {
                None if holds_markdown(&job.path) => ": Markdown is taken by `switchboard kb import`",
                None => ": say which mapping with --mapping",
                Some(_) => "",
            }
        )));
    }
    found.sort_by_key(|(_, m)| m.sections.iter().map(|s| table::rank(s.table.name)).max());
    let mut sources = vec![];
    for (path, mapping) in found {
        sources.push(source(store, job, path, mapping).await?);
    }
    for (format, files) in documents {
        sources.push(format::source(store, job, format, files).await?);
    }
    Ok(sources)
}
async fn source(store: &Store, job: &Job, path: PathBuf, mut mapping: Mapping) -> Result<Source> {
    if let Some(system) = &job.source_system {
        mapping.source_system.clone_from(system);
    }
    let for_hash = path.clone();
    let sha256 = tokio::task::spawn_blocking(move || sha256(&for_hash)).await.map_err(|e| Error::Invalid(e.to_string()))??;
    let as_of = match job.as_of {
        Some(day) => Some(day),
        None => as_of_before(store, &sha256, &mapping.source_system).await?,
    };
    let as_of = as_of.or_else(|| (mapping.names.as_of && !mapping.needs_as_of).then(|| store.clock().now().date_naive()));
    if mapping.needs_as_of && as_of.is_none() {
        return Err(Error::Invalid(format!(
            "{} does not say which day it tells of, and the mapping {} needs it: add --as-of YYYY-MM-DD",
            path.display(),
            mapping.name
        )));
    }
    let file_name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    let total = std::fs::metadata(&path).map(|m| m.len()).unwrap_or(0);
    let (source_system, source_kind, kept) = (mapping.source_system.clone(), mapping.source_kind, (mapping.name.clone(), mapping.body.clone()));
    // read once before the batch begins: what is wholly unreadable leaves no trace
    let reader = Table { path, file_name: file_name.clone(), mapping: Arc::new(mapping), as_of, read: Arc::default(), total };
    reader.check()?;
    Ok(Source { file_name, sha256: Some(sha256), source_system, source_kind, mapping: Some(kept), as_of, reader: Arc::new(reader) })
}

/// The mapping for a file: the given one, or the one that knows most of its columns.
fn choose(path: &Path, given: Option<&[Mapping]>, job: &Job) -> Result<Option<Mapping>> {
    let fits = |m: &Mapping| fit(path, m);
    if let Some([one]) = given {
        return match fits(one) {
            Ok(_) => Ok(Mapping::named(job.mapping.as_deref().unwrap_or_default())?.pop()),
            // of a folder, only what fits; of a file, the reason why it does not
            Err(_) if job.path.is_dir() => Ok(None),
            Err(e) => Err(e),
        };
    }
    let candidates = match job.mapping.as_deref() {
        Some(family) => Mapping::named(family)?,
        None => Mapping::all()?,
    };
    // a file that cannot be read at all says so itself, whatever the mapping
    Sheet::open(path, &Default::default(), Arc::default())?;
    let scored = candidates.into_iter().filter_map(|m| fits(&m).ok().flatten().map(|n| ((m.rank, n), m)));
    let sure = scored.filter(|((_, (known, of)), _)| job.mapping.is_some() || known * LEAST_KNOWN >= *of);
    Ok(sure.max_by_key(|(score, _)| *score).map(|(_, m)| m))
}
/// Found by looking, a mapping knows at least one column in so many: orders with a customer's number are no customers.
const LEAST_KNOWN: usize = 3;
/// How many columns of the file the mapping knows, and of how many. A file without a header is told by its name.
fn fit(path: &Path, mapping: &Mapping) -> Result<Option<(usize, usize)>> {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !mapping.files.is_empty() && !mapping.files.iter().any(|p| matches(&p.to_lowercase(), &name)) {
        return Ok(None);
    }
    let sheet = Sheet::open(path, &mapping.layout, Arc::default())?;
    Ok(Some((Bound::new(mapping, &sheet.header, None, &name)?.fit(), sheet.header.len())))
}
/// `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => {
            name.strip_prefix(head).is_some_and(|rest| (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| matches(tail, &rest[i..])))
        }
    }
}
fn unknown(path: &Path, given: Option<&[Mapping]>) -> Error {
    let header = Sheet::open(path, &Default::default(), Arc::default()).map(|s| s.header.join(", ")).unwrap_or_default();
    match given {
        Some(family) => Error::Invalid(format!(
            "{} fits none of {}. Its first line is: {header}",
            path.display(),
            family.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ")
        )),
        None => Error::Invalid(format!(
            "no built-in mapping fits {}: write one and name it with --mapping FILE. Its first line is: {header}",
            path.display()
        )),
    }
}
fn holds_markdown(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().to_lowercase()).any(|n| n.ends_with(".md") && n != "source.md" && n != "readme.md")
}
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let fault = |source| Error::Read { what: folder.display().to_string(), source };
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".zst").unwrap_or(&name);
        if path.is_file()
            && [".csv", ".tsv", ".txt", ".xml", ".json", ".ndjson", ".jsonl"].iter().any(|e| name.ends_with(e))
            && path.metadata().is_ok_and(|m| m.len() > 0)
            && name != "source.txt"
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
pub fn sha256(path: &Path) -> Result<String> {
    let fault = |source| Error::Read { what: path.display().to_string(), source };
    let mut file = std::fs::File::open(path).map_err(fault)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer).map_err(fault)? {
            0 => return Ok(format!("{:x}", hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// A delimited file with its mapping.
struct Table {
    path: PathBuf,
    file_name: String,
    mapping: Arc<Mapping>,
    as_of: Option<chrono::NaiveDate>,
    read: Arc<AtomicU64>,
    total: u64,
}
impl Table {
    fn check(&self) -> Result<()> {
        let sheet = Sheet::open(&self.path, &self.mapping.layout, Arc::default())?;
        Bound::new(&*self.mapping, &sheet.header, self.as_of, &self.file_name).map(|_| ())
    }
}
impl Reader for Table {
    fn rows(&self) -> Result<Rows> {
        self.read.store(0, Ordering::Relaxed);
        let mut sheet = Sheet::open(&self.path, &self.mapping.layout, self.read.clone())?;
        let mut bound = Bound::new(self.mapping.clone(), &sheet.header, self.as_of, &self.file_name)?;
        let (mut row_no, mut what) = (0, Some(self.path.display().to_string()));
        Ok(Box::new(std::iter::from_fn(move || {
            let row = match sheet.next_row() {
                Ok(row) => row?,
                Err(source) => return what.take().map(|what| Err(Error::Read { what, source })),
            };
            row_no += 1;
            let (mapped, deferred) = bound.map(row_no, row);
            Some(Ok(Row { mapped, deferred }))
        })))
    }
    fn bytes(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}
