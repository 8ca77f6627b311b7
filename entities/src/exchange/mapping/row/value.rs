//! Values as the place wants them where they go: a text, a word of JSON, a yes, a day, a column.
use crate::exchange::{
    mapping::{convert, expression::Order},
    record::{Problem, Value},
    table::{Column, ColumnKind},
};
use rust_decimal::prelude::ToPrimitive;

pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::Null => false,
        other => text(other).is_some_and(|t| convert::truth(&t).unwrap_or(!t.is_empty())),
    }
}
/// A value as text; none where it is null.
pub(super) fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Instant(at) => at.to_rfc3339(),
        Value::Json(json) => json.to_string(),
        Value::Ref { external_id, .. } => external_id.clone(),
    })
}
pub(super) fn into_text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        other => text(&other),
    }
}
pub(super) fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Int(n) => n.into(),
        Value::Bool(b) => b.into(),
        Value::Json(json) => json,
        other => text(&other).into(),
    }
}
pub(super) fn into_day(value: Value) -> Result<Value, Problem> {
    Ok(match value {
        Value::Instant(at) => Value::Date(at.date_naive()),
        Value::Text(text) => {
            Value::Date(convert::date(&text, Order::Dmy).ok_or_else(|| Problem::error("invalid_date", format!("`{text}` is no date")))?)
        }
        other => other,
    })
}
/// A value as the column wants it.
pub(super) fn into_column(value: Value, column: &Column) -> Result<Value, Problem> {
    let wrong = |code: &'static str, text: &str, what: &str| Err(Problem::error(code, format!("{}: `{text}` is no {what}", column.name)));
    let order = Order::Dmy;
    Ok(match (column.kind, value) {
        (_, Value::Null) => Value::Null,
        (ColumnKind::Uuid, Value::Text(external_id)) => match column.references {
            Some(table) => Value::Ref { table, external_id },
            None => return wrong("invalid_value", &external_id, "id"),
        },
        (ColumnKind::Int, Value::Text(t)) => match convert::decimal(&t, None).filter(|d| d.fract().is_zero()).and_then(|d| d.to_i64()) {
            Some(n) => Value::Int(n),
            None => return wrong("invalid_number", &t, "whole number"),
        },
        (ColumnKind::Bool, Value::Text(t)) => match convert::truth(&t) {
            Some(b) => Value::Bool(b),
            None => return wrong("invalid_bool", &t, "yes or no"),
        },
        (ColumnKind::Date, Value::Text(t)) => match convert::date(&t, order) {
            Some(day) => Value::Date(day),
            None => return wrong("invalid_date", &t, "date"),
        },
        (ColumnKind::Date, Value::Instant(at)) => Value::Date(at.date_naive()),
        (ColumnKind::Instant, Value::Text(t)) => match convert::instant(&t, order, None) {
            Some(at) => Value::Instant(at),
            None => return wrong("invalid_date", &t, "instant"),
        },
        (ColumnKind::Instant, Value::Date(day)) => Value::Instant(day.and_time(chrono::NaiveTime::MIN).and_utc()),
        (ColumnKind::Json, Value::Json(json)) => Value::Json(json),
        (ColumnKind::Json, other) => Value::Json(json(other)),
        (ColumnKind::Text | ColumnKind::Currency, other) => Value::Text(into_text(other).unwrap_or_default()),
        (_, other) => other,
    })
}
