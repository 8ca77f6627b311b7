//! Many rows in few statements, as each database takes them fastest: SQLite as bound values, in statements of a few
//! lengths; PostgreSQL as one array per column. Either way a statement's text is one of few, so that it is parsed once.
use crate::error::{Error, Result};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseTransaction, DbBackend, EntityName, EntityTrait, IdenStatic, Iterable, QueryResult,
    Statement, Value,
};
use std::borrow::Cow;

/// How many rows a statement of SQLite takes.
const LENGTHS: [usize; 4] = [128, 16, 4, 1];
/// How many rows a statement of PostgreSQL takes: what bounds the memory of one.
const MOST_ROWS: usize = 5_000;
/// How many values an `in (…)` of SQLite takes; the last is repeated to fill it.
const IN_LENGTHS: [usize; 4] = [1, 16, 256, 4_096];

/// Inserts rows; each has one value per column.
pub async fn insert(tx: &DatabaseTransaction, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<()> {
    let names = columns.join(", ");
    if tx.get_database_backend() == DbBackend::Postgres {
        return as_arrays(tx, &rows, &[], |arrays| format!("insert into {table} ({names}) select * from {arrays}")).await;
    }
    as_values(tx, rows, columns.len(), |places| format!("insert into {table} ({names}) values {places}"), &[]).await
}

/// Inserts rows that all have the same columns set.
pub async fn insert_all<A: ActiveModelTrait>(tx: &DatabaseTransaction, rows: Vec<A>) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let columns = set_columns(first);
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let values = rows.into_iter().map(|row| values(row, &columns)).collect();
    insert(tx, A::Entity::default().table_name(), &names, values).await
}
/// The columns that a row has set.
pub fn set_columns<A: ActiveModelTrait>(row: &A) -> Vec<<A::Entity as EntityTrait>::Column> {
    <A::Entity as EntityTrait>::Column::iter().filter(|c| !row.is_not_set(*c)).collect()
}
pub fn values<A: ActiveModelTrait>(mut row: A, columns: &[<A::Entity as EntityTrait>::Column]) -> Vec<Value> {
    let value = |of| match of {
        ActiveValue::Set(v) | ActiveValue::Unchanged(v) => v,
        ActiveValue::NotSet => Value::String(None),
    };
    columns.iter().map(|c| value(row.take(*c))).collect()
}

/// What to change in many rows.
pub struct Change<'a> {
    pub table: &'a str,
    /// The column that tells the rows apart, then those to set. Each row has one value per column.
    pub columns: Vec<&'a str>,
    pub rows: Vec<Vec<Value>>,
    /// Set alike on all.
    pub same: Vec<(&'a str, Value)>,
    /// Only rows with these values.
    pub only: Vec<(&'a str, Value)>,
}
impl Change<'_> {
    /// Changes the rows, and counts their versions up.
    pub async fn apply(self, tx: &DatabaseTransaction) -> Result<()> {
        let Change { table: t, columns, rows, same, only } = self;
        let (backend, key) = (tx.get_database_backend(), columns[0]);
        // on PostgreSQL the first places are those of the columns
        let place = |i: usize| place(backend, columns.len() + 1 + i);
        let sets = columns[1..].iter().map(|c| format!("{c} = v.{c}"));
        let sets = sets.chain(same.iter().enumerate().map(|(i, (c, _))| format!("{c} = {}", place(i))));
        let sets = sets.chain([format!("row_version = {t}.row_version + 1")]).collect::<Vec<_>>().join(", ");
        let only_those: String = only.iter().enumerate().map(|(i, (c, _))| format!(" and {t}.{c} = {}", place(same.len() + i))).collect();
        let more: Vec<Value> = same.into_iter().chain(only).map(|m| m.1).collect();
        let from = format!("{t}.{key} = v.{key}{only_those}");
        if backend == DbBackend::Postgres {
            let names = columns.join(", ");
            return as_arrays(tx, &rows, &more, |arrays| format!("update {t} set {sets} from {arrays} v ({names}) where {from}")).await;
        }
        let head = format!("with v ({}) as (values ", columns.join(", "));
        as_values(tx, rows, columns.len(), |places| format!("{head}{places}) update {t} set {sets} from v where {from}"), &more).await
    }
}

/// `{sql} (values)`: what a query finds for any of many values, behind `first`, the values of its own places.
pub async fn select_in(tx: &impl ConnectionTrait, sql: &str, first: &[Value], values: Vec<Value>) -> Result<Vec<QueryResult>> {
    let mut rows = vec![];
    for statement in in_parts(tx.get_database_backend(), sql, first, values) {
        rows.extend(tx.query_all_raw(statement).await?);
    }
    Ok(rows)
}
/// The same for a statement that returns nothing.
pub async fn execute_in(tx: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<()> {
    for statement in in_parts(tx.get_database_backend(), sql, &[], values) {
        tx.execute_raw(statement).await?;
    }
    Ok(())
}
fn in_parts(backend: DbBackend, sql: &str, first: &[Value], values: Vec<Value>) -> Vec<Statement> {
    let most = IN_LENGTHS[IN_LENGTHS.len() - 1];
    let parts = values.chunks(most).map(|part| {
        let length = IN_LENGTHS.into_iter().find(|l| *l >= part.len()).unwrap_or(most);
        let places: Vec<String> = (1..=length).map(|i| place(backend, first.len() + i)).collect();
        let filled = part.iter().chain(std::iter::repeat(&part[part.len() - 1])).take(length);
        Statement::from_sql_and_values(backend, format!("{sql} ({})", places.join(", ")), first.iter().chain(filled).cloned())
    });
    parts.collect()
}
/// A place for a value. SQLite finds numbered ones by searching through all before them: not there.
pub fn place(backend: DbBackend, n: usize) -> String {
    if backend == DbBackend::Sqlite { "?".into() } else { format!("${n}") }
}

async fn as_values(tx: &DatabaseTransaction, rows: Vec<Vec<Value>>, width: usize, sql: impl Fn(&str) -> String, more: &[Value]) -> Result<()> {
    let row = format!("({})", vec!["?"; width].join(", "));
    let mut rows = rows.into_iter();
    for length in LENGTHS {
        if rows.len() < length {
            continue;
        }
        let sql = sql(&vec![row.as_str(); length].join(", "));
        while rows.len() >= length {
            let values: Vec<_> = rows.by_ref().take(length).flatten().chain(more.iter().cloned()).collect();
            tx.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, &sql, values)).await?;
        }
    }
    Ok(())
}
async fn as_arrays(tx: &DatabaseTransaction, rows: &[Vec<Value>], more: &[Value], sql: impl Fn(&str) -> String) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let places = first.iter().enumerate().map(|(i, v)| format!("${}::text::{}[]", i + 1, type_of(v))).collect::<Vec<_>>();
    let sql = sql(&format!("unnest({})", places.join(", ")));
    for part in rows.chunks(MOST_ROWS) {
        let mut bound = (0..first.len()).map(|i| array(part.iter().map(|row| &row[i])).map(Value::from)).collect::<Result<Vec<_>>>()?;
        bound.extend(more.iter().cloned());
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, &sql, bound)).await?;
    }
    Ok(())
}
/// The type of a value, and of a null in its place, on PostgreSQL.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Uuid(_) => "uuid",
        Value::Int(_) => "integer",
        Value::BigInt(_) => "bigint",
        Value::Bool(_) => "boolean",
        Value::ChronoDate(_) => "date",
        Value::ChronoDateTimeUtc(_) => "timestamptz",
        Value::Json(_) => "json",
        _ => "text",
    }
}
/// An array in PostgreSQL's own notation: what is bound value by value has no nulls.
fn array<'a>(values: impl Iterator<Item = &'a Value>) -> Result<String> {
    let mut out = String::from("{");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        match plain(value)? {
            None => out.push_str("NULL"),
            Some(text) if is_word(&text) => out.push_str(&text),
            Some(text) => quoted(&mut out, &text),
        }
    }
    out.push('}');
    Ok(out)
}
/// A value as PostgreSQL reads it from text; none for null.
pub fn plain(value: &Value) -> Result<Option<Cow<'_, str>>> {
    Ok(match value {
        Value::String(s) => s.as_deref().map(Cow::from),
        Value::Json(j) => j.as_ref().map(|j| j.to_string().into()),
        Value::Uuid(u) => u.map(|u| u.to_string().into()),
        Value::Int(n) => n.map(|n| n.to_string().into()),
        Value::BigInt(n) => n.map(|n| n.to_string().into()),
        Value::Bool(b) => b.map(|b| b.to_string().into()),
        Value::ChronoDate(d) => d.map(|d| d.to_string().into()),
        Value::ChronoDateTimeUtc(t) => t.map(|t| t.to_rfc3339().into()),
        // told, so that it is not lost as a null
        other => return Err(Error::Invalid(format!("a value of the type {:?} cannot be written with many others", other.array_type()))),
    })
}
/// Whether it needs no quotes in an array.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.eq_ignore_ascii_case("null") && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_keep_quotes_and_tell_null_from_blank() {
        let texts =
            [Value::String(Some("é \"q\" \\ {a,b}".into())), Value::String(Some("NULL".into())), Value::String(None), Value::String(Some("".into()))];
        assert_eq!(array(texts.iter()).unwrap(), r#"{"é \"q\" \\ {a,b}","NULL",NULL,""}"#);
        let keyed = Value::Json(Some(Box::new(serde_json::from_str(r#"{"b":1,"a":null}"#).unwrap())));
        assert_eq!(array([3i32.into(), Value::Int(None), true.into(), keyed].iter()).unwrap(), r#"{3,NULL,true,"{\"b\":1,\"a\":null}"}"#);
    }
    #[test]
    fn a_value_of_a_type_that_is_not_known_is_no_null() {
        assert!(array([Value::Double(Some(0.5))].iter()).is_err());
    }
    #[test]
    fn lists_of_values_have_one_of_few_lengths() {
        let lengths = |n: usize| {
            let all = in_parts(DbBackend::Sqlite, "select 1 where x in", &[], (0..n).map(|i| Value::from(i as i32)).collect());
            all.iter().map(|s| s.values.as_ref().map_or(0, |v| v.0.len())).collect::<Vec<_>>()
        };
        assert_eq!((lengths(0), lengths(1), lengths(17), lengths(5_000)), (vec![], vec![1], vec![256], vec![4_096, 4_096]));
    }
}
