//! Errors of this crate. `Refused` is what the caller can mend and goes to them as it is; everything else is ours and
//! goes to the log.
use sea_orm::DbErr;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller can mend this: shown as typed `userErrors`.
    #[error("{}", .0.iter().map(|r| r.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    #[error("the database refused: {0}")]
    Db(#[from] DbErr),
    #[error("cannot read {what}: {source}")]
    Read { what: String, source: std::io::Error },
    /// A file or a setting that cannot be understood as a whole.
    #[error("{0}")]
    Invalid(String),
}
impl Error {
    pub fn refused(code: Code, field: &str, message: impl Into<String>) -> Self {
        Error::Refused(vec![Refusal { code, field: field.into(), message: message.into() }])
    }
}

/// One thing that is wrong with what the caller sent.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    pub code: Code,
    /// The input field, dotted; empty where it is the whole.
    pub field: String,
    /// A plain sentence for a person.
    pub message: String,
}

/// Why something was refused. The graph shows these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// A text that must not be blank.
    Blank,
    TooLong,
    /// No such row, or none that the caller may know.
    NotFound,
    InvalidValue,
    /// The status cannot change that way.
    InvalidTransition,
    /// Somebody else changed the row since it was read.
    StaleVersion,
    /// The same key was used with another body.
    IdempotencyConflict,
    DuplicateOfOpenTicket,
    ConversationClosed,
    RateLimited,
    LoginRequired,
}
