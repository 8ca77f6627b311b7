//! JSON as the columns want it.
use crate::exchange::table::{Column, ColumnKind};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sea_orm::prelude::Uuid;
use serde_json::Value as Json;

/// The value of a column; none where it cannot be that. What is not said is a null of the column's type.
pub fn typed(column: &Column, said: Option<&Json>) -> Option<sea_orm::Value> {
    let Some(said) = said else { return Some(null(column.kind)) };
    let text = said.as_str();
    Some(match column.kind {
        ColumnKind::Uuid => Uuid::try_parse(text?).ok()?.into(),
        ColumnKind::Text if !column.texts.is_empty() && !column.texts.contains(&text?) => return None,
        ColumnKind::Currency if !crate::money::known(text?) => return None,
        ColumnKind::Text | ColumnKind::Currency => text?.into(),
        ColumnKind::Int if column.narrow && i32::try_from(said.as_i64()?).is_err() => return None,
        ColumnKind::Int => said.as_i64()?.into(),
        ColumnKind::Bool => said.as_bool()?.into(),
        ColumnKind::Date => text?.parse::<NaiveDate>().ok().filter(in_years)?.into(),
        ColumnKind::Instant => DateTime::parse_from_rfc3339(text?).ok().map(|t| t.to_utc()).filter(in_years)?.into(),
        ColumnKind::Json => said.clone().into(),
    })
}
fn null(kind: ColumnKind) -> sea_orm::Value {
    match kind {
        ColumnKind::Uuid => None::<Uuid>.into(),
        ColumnKind::Text | ColumnKind::Currency => None::<String>.into(),
        ColumnKind::Int => None::<i64>.into(),
        ColumnKind::Bool => None::<bool>.into(),
        ColumnKind::Date => None::<NaiveDate>.into(),
        ColumnKind::Instant => None::<DateTime<Utc>>.into(),
        ColumnKind::Json => None::<Json>.into(),
    }
}
/// PostgreSQL writes other years otherwise.
fn in_years(date: &impl Datelike) -> bool {
    (1..=9999).contains(&date.year())
}
