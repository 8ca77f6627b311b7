//! What a customer is handed beyond the rows that another hub could take: what the bot made of its questions, its
//! feedback, its searches, who looked at its data, and the ids by which other systems know it. Rows that these point to
//! are named by their public ids.
use super::line::{allowed, public, type_of, value};
use crate::{
    Result, Scope,
    exchange::table::{self, ColumnKind, Table},
    privacy::{erasure, holding},
    rule::Binder,
};
use sea_orm::{DbBackend, QueryResult, Statement, prelude::Uuid};
use serde_json::{Map, Value as Json};

/// The tables whose rows are not among the [`super::Shape`]s that a customer sees, and are not withheld.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    let ours = |t: &Table| table::table(t.name).is_none_or(|t| t.kind.is_none());
    holding::HOLDINGS
        .iter()
        .filter(|h| h.withholds("*").is_none() && h.table != "state_changes")
        .filter_map(|h| h.table())
        .filter(move |t| ours(t) && t.column("id").is_some())
}

pub fn select(table: &'static Table, backend: DbBackend, scope: &Scope) -> Statement {
    let mut binder = Binder::default();
    let holding = holding::of(table.name);
    let mut rules = vec![];
    match table.kind {
        Some(kind) => rules.extend(allowed(Some(kind), scope, &mut binder)),
        None => rules.extend(holding.map(|h| erasure::whose(h.of, &scope.customers, erasure::Parties::All, &mut binder))),
    }
    rules.extend(holding.map(|h| h.shown.to_string()).filter(|s| !s.is_empty()));
    let list: Vec<String> = table
        .columns
        .iter()
        .map(|c| if c.kind == ColumnKind::Int { format!("cast(t.{0} as bigint) as {0}", c.name) } else { format!("t.{}", c.name) })
        .collect();
    let rule = if rules.is_empty() { "1=0".into() } else { rules.join(" and ") };
    let sql = format!("select {} from {} t where {rule} order by t.id", list.join(", "), table.name);
    binder.statement(backend, sql)
}

pub fn line(table: &'static Table, row: &QueryResult) -> Result<Json> {
    let mut line = Map::new();
    line.insert("type".into(), type_of(table).into());
    line.insert("id".into(), public(table.kind, row.try_get("", "id")?).into());
    let holding = holding::of(table.name);
    let hidden =
        |name: &str| ["id", "updated_at", "row_version", "import_batch_id"].contains(&name) || holding.is_some_and(|h| h.withholds(name).is_some());
    for column in table.columns.iter().filter(|c| !hidden(c.name)) {
        let to = column.references.and_then(|r| table::catalogue().iter().find(|t| t.name == r)).and_then(|t| t.kind);
        let told = match (column.kind, to) {
            (ColumnKind::Uuid, Some(kind)) => row.try_get::<Option<Uuid>>("", column.name)?.map(|id| public(Some(kind), id).into()),
            _ => value(column, row, column.name)?,
        };
        line.extend(told.map(|v| (column.name.to_string(), v)));
    }
    Ok(Json::Object(line))
}
