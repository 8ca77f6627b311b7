//! Values as their columns want them.
use super::{Checked, key_of};
use crate::{
    exchange::{
        record::{Problem, Record, Value},
        table::{self, Column, ColumnKind, Table},
    },
    model::same_word,
    money,
};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// A value for a column, and the hash of what the source said.
#[derive(Clone, Debug)]
pub struct Cell {
    pub column: &'static Column,
    pub value: Value,
    /// Four bytes: enough to tell two values of one cell apart.
    pub hash: u32,
}

const LONGEST_ID: usize = 500;

/// The record with its columns found and its values sound, or all that is wrong with it.
pub fn record(record: Record) -> Result<Checked, Vec<Problem>> {
    let Some(table) = table::table(record.table) else {
        return Err(vec![Problem::error("unknown_table", format!("{} cannot be imported", record.table))]);
    };
    let external_id = id(&record.external_id);
    if external_id.is_empty() || external_id.len() > LONGEST_ID {
        return Err(vec![Problem::error("missing_id", format!("the id of the {} row is blank or longer than {LONGEST_ID}", table.name))]);
    }
    let mut problems = vec![];
    let status = status_as_it_stood(table, &record);
    let mut all = |values: &mut dyn Iterator<Item = (&'static str, Value)>| {
        let mut cells: Vec<Cell> = vec![];
        for (name, value) in values {
            // the last word on a column counts
            cells.retain(|c| c.column.name != name);
            match cell(table, name, value) {
                Ok(cell) => cells.extend(cell),
                Err(problem) => problems.push(problem),
            }
        }
        cells
    };
    let cells = all(&mut record.values.into_iter().chain(status));
    let mut start = all(&mut record.when_new.into_iter());
    start.retain(|s| !cells.iter().any(|c| c.column.name == s.column.name));
    if !problems.is_empty() {
        return Err(problems);
    }
    let key = key_of(table.name, &external_id);
    Ok(Checked { table, rank: table::rank(table.name), external_id, cells, start, key })
}
/// An id as it is compared; PostgreSQL holds no zero bytes in texts.
fn id(said: &str) -> String {
    said.trim().replace('\0', "")
}
/// The source's own spelling of a status, where it is not ours.
fn status_as_it_stood(table: &Table, record: &Record) -> Option<(&'static str, Value)> {
    let column = table.state_column().and_then(|s| table.column(s))?;
    table.column("source_status")?;
    if record.values.iter().any(|v| v.0 == "source_status") {
        return None;
    }
    match &record.values.iter().find(|v| v.0 == column.name)?.1 {
        Value::Text(text) if !column.texts.contains(&text.as_str()) => Some(("source_status", Value::Text(text.clone()))),
        _ => None,
    }
}
fn cell(table: &'static Table, name: &str, value: Value) -> Result<Option<Cell>, Problem> {
    let Some(column) = table.column(name).filter(|c| c.is_fillable()) else {
        return Err(Problem::error("unknown_column", format!("{} has no column {name}", table.name)));
    };
    let wrong = |code: &'static str, what: String| Problem::error(code, format!("{}.{name}: {what}", table.name));
    if value == Value::Null && !column.nullable {
        // a default or the parent's customer stands in
        return if column.has_default || name == "customer_id" {
            Ok(None)
        } else {
            Err(wrong("missing_value", "it is blank and must not be".into()))
        };
    }
    let value = match (column.kind, value) {
        (_, Value::Null) => Value::Null,
        (ColumnKind::Uuid, Value::Ref { table, external_id }) => match column.references {
            Some(to) if to != table => return Err(wrong("wrong_reference", format!("it points to {to}, not to {table}"))),
            None => return Err(wrong("wrong_reference", "it points to no table".into())),
            _ => Value::Ref { table, external_id: id(&external_id) },
        },
        (ColumnKind::Text, Value::Text(text)) if !column.texts.is_empty() => match column.texts.iter().find(|t| same_word(t, &text)) {
            Some(known) => Value::Text(known.to_string()),
            None => return Err(wrong("unknown_value", format!("`{text}` is none of {}", column.texts.join(", ")))),
        },
        (ColumnKind::Text, Value::Text(text)) if text.len() > column.longest() => {
            return Err(wrong("too_long", format!("{} bytes are more than {}", text.len(), column.longest())));
        }
        // PostgreSQL holds no zero bytes in texts
        (ColumnKind::Text, Value::Text(text)) if text.contains('\0') => Value::Text(text.replace('\0', "")),
        (ColumnKind::Text, Value::Text(text)) => Value::Text(text),
        (ColumnKind::Currency, Value::Text(text)) => match text.trim().to_uppercase() {
            code if money::known(&code) => Value::Text(code),
            code => return Err(wrong("unknown_currency", format!("`{code}` is no currency"))),
        },
        (ColumnKind::Int, Value::Int(n)) if column.narrow && i32::try_from(n).is_err() => return Err(wrong("too_large", format!("{n} has no room"))),
        (ColumnKind::Int, Value::Int(n)) => Value::Int(n),
        (ColumnKind::Bool, Value::Bool(b)) => Value::Bool(b),
        (ColumnKind::Date, Value::Date(day)) => Value::Date(day),
        (ColumnKind::Instant, Value::Instant(at)) => Value::Instant(chrono::SubsecRound::trunc_subsecs(at, 0)),
        (ColumnKind::Json, Value::Json(json)) => Value::Json(json),
        (kind, value) => return Err(wrong("wrong_type", format!("{value:?} is not of the kind {kind:?}"))),
    };
    let hash = hash(&value);
    Ok(Some(Cell { column, value, hash }))
}
fn hash(value: &Value) -> u32 {
    let text = match value {
        Value::Null => "\0".into(),
        Value::Text(text) => Cow::from(text),
        Value::Int(n) => n.to_string().into(),
        Value::Bool(b) => b.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Instant(at) => at.timestamp().to_string().into(),
        Value::Json(json) => json.to_string().into(),
        Value::Ref { external_id, .. } => external_id.into(),
    };
    let digest = Sha256::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
