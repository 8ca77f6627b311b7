//! What readers and mappings hand to the import: rows of our tables, still without ids of our own.
use super::table::Table;
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
    Ref {
        table: &'static str,
        external_id: String,
    },
}

impl Value {
    pub fn to(table: &'static str, external_id: impl Into<String>) -> Self {
        Value::Ref { table, external_id: external_id.into() }
    }
}
macro_rules! from {
    ($($from:ty => $variant:ident),+) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value.into())
            }
        }
    )+};
}
from! { &str => Text, String => Text, i64 => Int, i32 => Int, bool => Bool, NaiveDate => Date, DateTime<Utc> => Instant, serde_json::Value => Json }

/// One row for one of our tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub table: &'static str,
    pub external_id: String,
    /// What the source said of it; columns it does not speak of are left as they are.
    pub values: Vec<(&'static str, Value)>,
    /// What a new row starts with where `values` do not say. Left out of the hash, and never written over a row that
    /// is there. With nothing in `values` the row was only mentioned in passing (the customer of a bill): it is made
    /// when a row that is written points to it and there is none.
    pub when_new: Vec<(&'static str, Value)>,
}
impl Record {
    pub fn row(table: &'static str, external_id: impl Into<String>) -> Self {
        Record { table, external_id: external_id.into(), values: vec![], when_new: vec![] }
    }
    pub fn with(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((column, value.into()));
        self
    }
    /// Says nothing of the column where the source does not.
    pub fn maybe(self, column: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(column, value),
            None => self,
        }
    }
    pub fn new_with(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.when_new.push((column, value.into()));
        self
    }
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

impl Problem {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Error, code, message: message.into() }
    }
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, code, message: message.into() }
    }
    /// The values of a unique key are those of another row.
    pub fn taken(table: &Table, key: &[&str], values: &[String]) -> Self {
        Self::error("taken", format!("another row of {} already has the {} `{}`", table.name, key.join(" and "), values.join(", ")))
    }
    /// A customer whose parent stands below it.
    pub fn cycle(customer: &str) -> Self {
        Self::error("cycle", format!("customer `{customer}` would be its own ancestor"))
    }
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
    /// The records are all that belongs to the document: a line of its bill that is not among them is gone.
    pub whole: bool,
    pub problems: Vec<Problem>,
}
