//! Errors of this crate: what the command line says and with which exit code it ends. Errors of a request never get
//! here, `graphql.rs` answers them.
use std::path::Path;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Failed = 1,
    /// The command or a setting makes no sense.
    Usage = 2,
    /// A check found something.
    Check = 3,
    /// Something is in the way: a file, a port.
    Conflict = 4,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A plain sentence for a person, and what to do about it.
    #[error("{message}")]
    Said { exit: Exit, message: String, hint: Option<String> },
    #[error("{0}")]
    Entities(#[from] entities::Error),
    #[error("{0}")]
    Search(#[from] search_index::Error),
    #[error("{0}")]
    Bot(#[from] bot::Error),
    #[error("the database refused: {0}")]
    Db(#[from] sea_orm::DbErr),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}
impl Error {
    pub fn said(exit: Exit, message: impl Into<String>) -> Self {
        Error::Said { exit, message: message.into(), hint: None }
    }
    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Error::Said { exit, message, .. } => Error::Said { exit, message, hint: Some(hint.into()) },
            other => Error::Said { exit: other.exit(), message: other.to_string(), hint: Some(hint.into()) },
        }
    }
    /// For `map_err` on a file: `Error::file("write", &path)`.
    pub fn file(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let what = format!("cannot {verb} {}", path.display());
        move |source| Error::Io { what, source }
    }
    pub fn exit(&self) -> Exit {
        match self {
            Error::Said { exit, .. } => *exit,
            Error::Search(search_index::Error::Busy(_)) => Exit::Conflict,
            _ => Exit::Failed,
        }
    }
    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Error::Said { hint, .. } => hint.as_deref(),
            Error::Db(_) | Error::Entities(entities::Error::Db(_)) => Some("`switchboard doctor` checks the database"),
            _ => None,
        }
    }
}
