//! Many rows in few statements, as each database takes them fastest: SQLite as bound values, in statements of a few
//! lengths; PostgreSQL as one array per column that differs. The rows of a source are mostly alike, so that a statement's
//! text comes again and is parsed once.
use crate::error::{Error, Result};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseTransaction, DbBackend, EntityName, EntityTrait, IdenStatic, Iterable, QueryResult,
    Statement, Value, sea_query::ArrayType,
};
use std::borrow::Cow;

/// How many rows a statement of SQLite takes.
const LENGTHS: [usize; 4] = [128, 16, 4, 1];
/// How many rows a statement of PostgreSQL takes: what bounds the memory of one.
const MOST_ROWS: usize = 5_000;
/// How many values an `in (…)` of SQLite takes; the last is repeated to fill it.
const IN_LENGTHS: [usize; 4] = [1, 16, 256, 4_096];

/// Statements that insert rows, made before anything waits for them; each row has one value per column.
pub fn inserts(backend: DbBackend, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<Vec<Statement>> {
    let names = columns.join(", ");
    if backend == DbBackend::Postgres {
        return as_arrays(rows, &[], |list| format!("insert into {table} ({names}) {list}"));
    }
    // `or fail`: whoever fails gives up the transaction, so that SQLite need not be able to undo half a statement
    Ok(as_values(rows, columns.len(), |places| format!("insert or fail into {table} ({names}) values {places}"), &[]))
}
/// The same for rows that all have the same columns set.
pub fn inserts_of<A: ActiveModelTrait>(backend: DbBackend, rows: Vec<A>) -> Result<Vec<Statement>> {
    let Some(first) = rows.first() else { return Ok(vec![]) };
    let columns = set_columns(first);
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let values = rows.into_iter().map(|row| values(row, &columns)).collect();
    inserts(backend, A::Entity::default().table_name(), &names, values)
}
/// Inserts rows; each has one value per column.
pub async fn insert(tx: &DatabaseTransaction, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<()> {
    run(tx, inserts(tx.get_database_backend(), table, columns, rows)?).await
}
/// Inserts rows that all have the same columns set.
pub async fn insert_all<A: ActiveModelTrait>(tx: &DatabaseTransaction, rows: Vec<A>) -> Result<()> {
    run(tx, inserts_of(tx.get_database_backend(), rows)?).await
}
pub async fn run(tx: &DatabaseTransaction, statements: Vec<Statement>) -> Result<()> {
    for statement in statements {
        tx.execute_raw(statement).await?;
    }
    Ok(())
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
            let statements = as_arrays(rows, &more, |list| format!("update {t} set {sets} from ({list}) v ({names}) where {from}"))?;
            return run(tx, statements).await;
        }
        let head = format!("with v ({}) as (values ", columns.join(", "));
        run(tx, as_values(rows, columns.len(), |places| format!("{head}{places}) update {t} set {sets} from v where {from}"), &more)).await
    }
}

/// What a query that ends in `{column} in` finds for any of many values, behind `first`, the values of its own places.
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
    let with = |sql: String, values: Vec<Value>| Statement::from_sql_and_values(backend, sql, first.iter().cloned().chain(values));
    if backend == DbBackend::Postgres {
        // one value whatever their number: nothing to plan anew
        let sql = format!("{} = any({})", sql.trim_end_matches(" in"), place(backend, first.len() + 1));
        return values.chunks(MOST_ROWS).map(|part| with(sql.clone(), vec![array(part.to_vec())])).collect();
    }
    let most = IN_LENGTHS[IN_LENGTHS.len() - 1];
    let parts = values.chunks(most).map(|part| {
        let length = IN_LENGTHS.into_iter().find(|l| *l >= part.len()).unwrap_or(most);
        let places = vec!["?"; length].join(", ");
        let filled = part.iter().chain(std::iter::repeat(&part[part.len() - 1])).take(length);
        with(format!("{sql} ({places})"), filled.cloned().collect())
    });
    parts.collect()
}
/// A place for a value. SQLite finds numbered ones by searching through all before them: not there.
pub fn place(backend: DbBackend, n: usize) -> String {
    if backend == DbBackend::Sqlite { "?".into() } else { format!("${n}") }
}

fn as_values(rows: Vec<Vec<Value>>, width: usize, sql: impl Fn(&str) -> String, more: &[Value]) -> Vec<Statement> {
    let row = format!("({})", vec!["?"; width].join(", "));
    let (mut rows, mut statements) = (rows.into_iter(), vec![]);
    for length in LENGTHS {
        if rows.len() < length {
            continue;
        }
        let sql = sql(&vec![row.as_str(); length].join(", "));
        while rows.len() >= length {
            let values: Vec<_> = rows.by_ref().take(length).flatten().chain(more.iter().cloned()).collect();
            statements.push(Statement::from_sql_and_values(DbBackend::Sqlite, &sql, values));
        }
    }
    statements
}
/// Hands `sql` a query that gives the rows: places from 1 on are those of the columns, then come those of `more`.
fn as_arrays(rows: Vec<Vec<Value>>, more: &[Value], sql: impl Fn(&str) -> String) -> Result<Vec<Statement>> {
    let (mut rows, mut statements) = (rows.into_iter().peekable(), vec![]);
    while rows.peek().is_some() {
        let mut query = Rows::default();
        let mut bound = vec![];
        for (i, values) in turned(rows.by_ref().take(MOST_ROWS)).into_iter().enumerate() {
            let kind = type_of(&values[0]);
            let column = column(values, i)?;
            query.add(i, &column, kind);
            bound.push(column.bound());
        }
        bound.extend(more.iter().cloned());
        statements.push(Statement::from_sql_and_values(DbBackend::Postgres, sql(&query.text()), bound));
    }
    Ok(statements)
}
/// The columns of rows.
fn turned(rows: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    let mut columns: Vec<Vec<Value>> = vec![];
    for row in rows {
        columns.resize_with(row.len(), Vec::new);
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    columns
}
/// How the values of a column are bound.
enum Bound {
    /// One for all.
    Same(Value),
    /// As they are: no null among them.
    Array(Vec<Value>),
    /// In PostgreSQL's own notation of an array: what is bound as it is has no nulls.
    Text(String),
}
impl Bound {
    fn bound(self) -> Value {
        match self {
            Bound::Same(value) => value,
            Bound::Array(values) => array(values),
            Bound::Text(text) => text.into(),
        }
    }
}
/// The first column is never one for all: the others have as many rows as it has.
fn column(values: Vec<Value>, i: usize) -> Result<Bound> {
    let first = &values[0];
    if i > 0 && values.iter().all(|v| v == first) {
        // json is bound as text, or its keys would change their order
        return Ok(Bound::Same(if matches!(first, Value::Json(_)) { plain(first)?.map(Cow::into_owned).into() } else { first.clone() }));
    }
    if as_it_is(first) && !values.contains(&first.as_null()) {
        return Ok(Bound::Array(values));
    }
    Ok(Bound::Text(array_text(values.iter())?))
}
fn as_it_is(value: &Value) -> bool {
    use Value::*;
    matches!(value, String(_) | Uuid(_) | Int(_) | BigInt(_) | Bool(_) | ChronoDate(_) | ChronoDateTimeUtc(_))
}
/// Values of one type, none of them null.
fn array(values: Vec<Value>) -> Value {
    let kind = values.first().map_or(ArrayType::String, Value::array_type);
    Value::Array(kind, Some(Box::new(values)))
}
/// `select u.c0, $2::uuid from unnest($1::uuid[]) u (c0)`
#[derive(Default)]
struct Rows {
    values: Vec<String>,
    arrays: Vec<String>,
    names: Vec<String>,
}
impl Rows {
    fn add(&mut self, i: usize, column: &Bound, kind: &str) {
        let place = i + 1;
        match column {
            Bound::Same(Value::String(_)) => return self.values.push(format!("${place}::text::{kind}")),
            Bound::Same(_) => return self.values.push(format!("${place}::{kind}")),
            Bound::Array(_) => self.arrays.push(format!("${place}::{kind}[]")),
            Bound::Text(_) => self.arrays.push(format!("${place}::text::{kind}[]")),
        }
        self.values.push(format!("u.c{i}"));
        self.names.push(format!("c{i}"));
    }
    fn text(&self) -> String {
        format!("select {} from unnest({}) u ({})", self.values.join(", "), self.arrays.join(", "), self.names.join(", "))
    }
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
fn array_text<'a>(values: impl Iterator<Item = &'a Value>) -> Result<String> {
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
        assert_eq!(array_text(texts.iter()).unwrap(), r#"{"é \"q\" \\ {a,b}","NULL",NULL,""}"#);
        let keyed = Value::Json(Some(Box::new(serde_json::from_str(r#"{"b":1,"a":null}"#).unwrap())));
        assert_eq!(array_text([3i32.into(), Value::Int(None), true.into(), keyed].iter()).unwrap(), r#"{3,NULL,true,"{\"b\":1,\"a\":null}"}"#);
    }
    #[test]
    fn columns_are_bound_as_little_as_they_need() {
        let id = |n: u128| Value::from(sea_orm::prelude::Uuid::from_u128(n));
        let json = |text: &str| Value::Json(serde_json::from_str(text).ok());
        let rows = [
            vec![id(1), id(7), Value::BigInt(Some(1)), Value::Int(None), json("{\"b\":1,\"a\":2}"), "x".into()],
            vec![id(2), id(7), Value::BigInt(None), Value::Int(None), json("{\"b\":1,\"a\":2}"), "y".into()],
        ];
        let mut query = Rows::default();
        let kinds = rows[0].iter().map(type_of).collect::<Vec<_>>();
        let columns = turned(rows.into_iter()).into_iter().enumerate().map(|(i, values)| column(values, i).unwrap()).collect::<Vec<_>>();
        columns.iter().enumerate().for_each(|(i, c)| query.add(i, c, kinds[i]));
        assert_eq!(
            query.text(),
            "select u.c0, $2::uuid, u.c2, $4::integer, $5::text::json, u.c5 from unnest($1::uuid[], $3::text::bigint[], $6::text[]) u (c0, c2, c5)"
        );
        let bound: Vec<Value> = columns.into_iter().map(Bound::bound).collect();
        assert_eq!((&bound[1], &bound[2], &bound[3]), (&id(7), &"{1,NULL}".into(), &Value::Int(None)));
        assert_eq!((&bound[4], &bound[5]), (&"{\"b\":1,\"a\":2}".into(), &array(vec!["x".into(), "y".into()])));
    }
    #[test]
    fn a_value_of_a_type_that_is_not_known_is_no_null() {
        assert!(array_text([Value::Double(Some(0.5))].iter()).is_err());
    }
    #[test]
    fn lists_of_values_have_one_of_few_lengths() {
        let lengths = |n: usize| {
            let all = in_parts(DbBackend::Sqlite, "select 1 where x in", &[], (0..n).map(|i| Value::from(i as i32)).collect());
            all.iter().map(|s| s.values.as_ref().map_or(0, |v| v.0.len())).collect::<Vec<_>>()
        };
        let array = in_parts(DbBackend::Postgres, "select 1 where y = $1 and x in", &["a".into()], vec![1.into(), 2.into()]);
        assert_eq!((array.len(), array[0].sql.as_str()), (1, "select 1 where y = $1 and x = any($2)"));
        assert_eq!((lengths(0), lengths(1), lengths(17), lengths(5_000)), (vec![], vec![1], vec![256], vec![4_096, 4_096]));
    }
}
