//! Files that say themselves what they are: invoices and TM Forum resources need no mapping.
use super::{Job, Reader, Row, Rows, Source, ledger::as_of_before, open};
use crate::{
    Error, Result, Store,
    exchange::{
        record::Mapped,
        sheet, source_system,
        tmf::{self, Defaults},
        ubl,
    },
};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::{
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Tmf,
    Ubl,
}
impl Format {
    pub const ALL: [Format; 2] = [Format::Tmf, Format::Ubl];
    /// By which `--mapping` asks for it, and the name of its source system.
    pub fn name(self) -> &'static str {
        match self {
            Format::Tmf => "tmf",
            Format::Ubl => "ubl",
        }
    }
    fn kind(self) -> source_system::Kind {
        match self {
            Format::Tmf => source_system::Kind::Crm,
            Format::Ubl => source_system::Kind::Billing,
        }
    }
    /// Of a file: the one that was asked for, else by its first character: a delimited file starts with neither. A
    /// folder holds other things too: there a file has to say more of itself.
    pub fn of(path: &Path, asked: Option<&str>, in_folder: bool) -> Result<Option<Format>> {
        if let Some(asked) = asked {
            return Ok(Self::ALL.into_iter().find(|f| f.name() == asked));
        }
        let mut start = vec![];
        let read = sheet::unpacked(path, Arc::default()).and_then(|file| file.take(4096).read_to_end(&mut start));
        read.map_err(|source| Error::Read { what: path.display().to_string(), source })?;
        let text = start.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&start);
        let holds = |words: &[&str]| !in_folder || words.iter().any(|w| text.windows(w.len()).any(|t| t == w.as_bytes()));
        Ok(match text.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'<') if holds(&["Invoice", "CreditNote"]) => Some(Format::Ubl),
            Some(b'{' | b'[') if holds(&["\"@type\"", "\"href\"", "\"op\""]) => Some(Format::Tmf),
            _ => None,
        })
    }
}

/// The files of one format as one source: the documents of a folder point to each other across files.
pub async fn source(store: &Store, job: &Job, format: Format, files: Vec<PathBuf>) -> Result<Source> {
    let hashed = files.clone();
    let hash = move || -> Result<String> {
        match &hashed[..] {
            [one] => open::sha256(one),
            all => Ok(format!("{:x}", Sha256::digest(all.iter().map(|f| open::sha256(f)).collect::<Result<Vec<_>>>()?.concat()))),
        }
    };
    let sha256 = tokio::task::spawn_blocking(hash).await.map_err(|e| Error::Invalid(e.to_string()))??;
    let source_system = job.source_system.clone().unwrap_or_else(|| format.name().into());
    let as_of = match job.as_of {
        Some(day) => Some(day),
        None => as_of_before(store, &sha256, &source_system).await?,
    };
    let total = files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    let shown = if files.len() == 1 { &files[0] } else { &job.path };
    let file_name = shown.file_name().map_or_else(|| shown.display().to_string(), |n| n.to_string_lossy().into_owned());
    let at = as_of.map_or_else(|| store.clock().now(), |day| day.and_time(Default::default()).and_utc());
    let currency = job.currency.clone().unwrap_or_else(|| DEFAULT_CURRENCY.into());
    let reader = Documents { files, format, at, currency, country: job.country.clone(), read: Arc::default(), total, fault: Fault::default() };
    Ok(Source { file_name, sha256: Some(sha256), source_system, source_kind: format.kind(), mapping: None, as_of, reader: Arc::new(reader) })
}
/// Of amounts that name none, where the operator has not set its own.
const DEFAULT_CURRENCY: &str = "EUR";

/// Files of documents, read one after the other.
struct Documents {
    files: Vec<PathBuf>,
    format: Format,
    at: DateTime<Utc>,
    currency: String,
    country: Option<String>,
    read: Arc<AtomicU64>,
    total: u64,
    fault: Fault,
}
/// Why the file could be read no further. The readers of documents take that for a document that is wrong.
type Fault = Arc<Mutex<Option<io::Error>>>;
struct Watched<R> {
    input: R,
    fault: Fault,
}
impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.input.read(buf).inspect_err(|e| {
            if e.kind() != io::ErrorKind::Interrupted {
                *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(io::Error::new(e.kind(), e.to_string()));
            }
        })
    }
}
impl Documents {
    fn open(&self, path: &Path) -> Result<Box<dyn Iterator<Item = Mapped> + Send>> {
        let text = sheet::unpacked(path, self.read.clone()).map_err(|source| Error::Read { what: path.display().to_string(), source })?;
        let text = BufReader::with_capacity(64 * 1024, Watched { input: text, fault: self.fault.clone() });
        Ok(match self.format {
            Format::Ubl => Box::new(ubl::read(text)),
            Format::Tmf => Box::new(tmf::read(text, Defaults { currency: self.currency.clone(), country: self.country.clone(), as_of: self.at })),
        })
    }
}
impl Reader for Documents {
    fn rows(&self) -> Result<Rows> {
        self.read.store(0, Ordering::Relaxed);
        let me = Documents {
            files: self.files.clone(),
            currency: self.currency.clone(),
            country: self.country.clone(),
            read: self.read.clone(),
            fault: Fault::default(),
            ..*self
        };
        let several = self.files.len() > 1;
        let (mut files, mut open, mut row_no) = (self.files.clone().into_iter(), None::<(String, Box<dyn Iterator<Item = Mapped> + Send>)>, 0);
        Ok(Box::new(std::iter::from_fn(move || {
            loop {
                if let Some((name, documents)) = &mut open
                    && let Some(mut mapped) = documents.next()
                {
                    if let Some(source) = me.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        let what = std::mem::take(name);
                        (files, open) = (vec![].into_iter(), None);
                        return Some(Err(Error::Read { what, source }));
                    }
                    row_no += 1;
                    mapped.row_no = row_no;
                    if several {
                        mapped.problems.iter_mut().for_each(|p| p.message = format!("{name}: {}", p.message));
                    }
                    return Some(Ok(Row::from(mapped)));
                }
                let path = files.next()?;
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match me.open(&path) {
                    Ok(documents) => open = Some((name, documents)),
                    Err(e) => {
                        (files, open) = (vec![].into_iter(), None);
                        return Some(Err(e));
                    }
                }
            }
        })))
    }
    fn bytes(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}
