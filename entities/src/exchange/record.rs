//! What readers and mappings hand to the import: rows of our tables, still without ids of our own.
use chrono::{DateTime, NaiveDate, Utc};

/// A value on its way into a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Int(i64),
    Bool(bool),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
    Json(serde_json::Value),
    /// The row of that table which the source knows by this id. The import turns it into a key.
    Ref { table: &'static str, external_id: String },
}

/// One row for one of our tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub table: &'static str,
    pub external_id: String,
    /// What the source said of it; columns it does not speak of are left as they are.
    pub values: Vec<(&'static str, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Severity {
    /// The row was not taken.
    Error,
    /// The row was taken, and this was odd.
    Warning,
}

/// Something wrong or odd about a source row.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub severity: Severity,
    /// A stable word, `snake_case`.
    pub code: &'static str,
    /// A sentence for the person who has to mend the source.
    pub message: String,
}

/// What one row (or document) of a source became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// 1 is the first row of data.
    pub row_no: u64,
    /// The row as it stood in the file.
    pub raw: String,
    /// Taken all or none: with an error among the problems nothing of the row is taken.
    pub records: Vec<Record>,
    pub problems: Vec<Problem>,
}
