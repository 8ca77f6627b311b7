use crate::{
    Audience, Result, Scope,
    exchange::table::{self, Column, ColumnKind, Table},
    model::EntityKind,
    privacy::{holding, state_change},
    rule::{self, Binder},
};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sea_orm::{DbBackend, QueryResult, Statement, prelude::Uuid};
use serde_json::{Map, Value as Json};

/// A type of line: the rows of a table, or the changes of state of all of them.
pub struct Shape {
    /// `billing_account`
    pub name: String,
    pub table: Option<&'static Table>,
}

/// What a row keeps for itself: new in each database.
const OWN: &[&str] = &["id", "updated_at", "row_version", "import_batch_id"];
impl Shape {
    /// In load order, changes of state last.
    pub fn all() -> Vec<Shape> {
        let tables = table::tables().iter().map(|t| Shape { name: type_of(t), table: Some(t) });
        tables.chain([Shape { name: "state_change".into(), table: None }]).collect()
    }
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.table.is_some_and(|t| t.name == name)
    }
    /// The statements that read the rows; only those with these ids where given.
    pub fn select(&self, backend: DbBackend, scope: &Scope, ids: Option<&[Uuid]>) -> Vec<Statement> {
        match self.table {
            Some(table) => select(table, backend, scope, ids).into_iter().collect(),
            // what they are about is in another table each
            None => table::tables().iter().filter(|t| t.has_source).filter_map(|t| states(t, backend, scope)).collect(),
        }
    }
    pub fn line(&self, row: &QueryResult, audience: Audience) -> Result<Json> {
        let mut line = Map::new();
        line.insert("type".into(), self.name.clone().into());
        match self.table {
            Some(table) => fill(&mut line, table, row, audience)?,
            None => fill_state(&mut line, row, audience)?,
        }
        Ok(Json::Object(line))
    }
}

/// `BillingAccount` as `billing_account`; tables without a kind go by their own name.
pub fn type_of(table: &Table) -> String {
    table.kind.map_or_else(|| table.name.to_string(), |k| snake(k.name))
}
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
/// The columns of a line behind its id, in the table's order.
pub fn columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|c| !OWN.contains(&c.name))
}
/// What names a row of a table without a source: the columns of its first key.
pub fn key(table: &Table) -> &[&'static str] {
    table.unique.first().map_or(&[], Vec::as_slice)
}
/// What a reference to a row of this table holds.
fn parts_of(table: &Table) -> Vec<&'static str> {
    if table.has_source { vec!["source_system", "external_id"] } else { key(table).to_vec() }
}

/// The row rule; rows without one are the hub's own and for agents.
pub(super) fn allowed(kind: Option<&'static EntityKind>, scope: &Scope, binder: &mut Binder) -> Option<String> {
    match kind {
        Some(kind) => rule::predicate(kind, "t", scope, None, binder),
        None => (scope.audience != Audience::Agent).then(|| "1=0".into()),
    }
}

fn select(table: &'static Table, backend: DbBackend, scope: &Scope, ids: Option<&[Uuid]>) -> Option<Statement> {
    let mut binder = Binder::default();
    let (mut list, mut joins, mut order) = (vec!["t.id as id".to_string()], String::new(), vec![]);
    for (i, column) in columns(table).enumerate() {
        match column.references.and_then(table::table) {
            Some(to) => {
                joins.push_str(&format!(" left join {} r{i} on r{i}.id = t.{}", to.name, column.name));
                list.extend(parts_of(to).iter().enumerate().map(|(n, p)| format!("r{i}.{p} as c{i}_{n}")));
            }
            // one width, so that one type reads it
            None if column.kind == ColumnKind::Int => list.push(format!("cast(t.{} as bigint) as c{i}", column.name)),
            None => list.push(format!("t.{} as c{i}", column.name)),
        }
    }
    let sorted = |name: &str| if backend == DbBackend::Postgres { format!("{name} collate \"C\"") } else { name.to_string() };
    for part in if table.has_source { vec!["source_system", "external_id"] } else { key(table).to_vec() } {
        let at = columns(table).position(|c| c.name == part)?;
        let column = table.column(part)?;
        match column.references.and_then(table::table) {
            Some(to) => order.extend(parts_of(to).iter().map(|p| sorted(&format!("r{at}.{p}")))),
            None if column.kind == ColumnKind::Text => order.push(sorted(&format!("t.{part}"))),
            None => order.push(format!("t.{part}")),
        }
    }
    let mut conditions: Vec<String> = allowed(table.kind, scope, &mut binder).into_iter().collect();
    if let Some(ids) = ids {
        let places: Vec<String> = ids.iter().map(|id| rule::Statement::bind(&mut binder, (*id).into())).collect();
        conditions.push(format!("t.id in ({})", places.join(", ")));
    }
    let rule = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let sql = format!("select {} from {} t{joins}{rule} order by {}", list.join(", "), table.name, order.join(", "));
    Some(binder.statement(backend, sql))
}
fn states(table: &'static Table, backend: DbBackend, scope: &Scope) -> Option<Statement> {
    let mut binder = Binder::default();
    let kind = rule::Statement::bind(&mut binder, table.kind?.name.into());
    let rule = allowed(Some(&state_change::ENTITY), scope, &mut binder).map_or(String::new(), |r| format!(" and {r}"));
    let sql = format!(
        "select t.id as id, t.entity_type as kind, e.source_system as e0, e.external_id as e1, c.source_system as c0, c.external_id as c1, \
         p.source_system as p0, p.external_id as p1, t.from_state as f, t.to_state as s, t.reason as r, t.actor as a, t.changed_at as at \
         from state_changes t join {} e on e.id = t.entity_id left join customers c on c.id = t.customer_id left join partners p on p.id = t.partner_id \
         where t.entity_type = {kind}{rule} order by t.changed_at, t.id",
        table.name
    );
    Some(binder.statement(backend, sql))
}

fn fill(line: &mut Map<String, Json>, table: &'static Table, row: &QueryResult, audience: Audience) -> Result<()> {
    let holding = holding::of(table.name).filter(|_| audience != Audience::Agent);
    line.insert("id".into(), public(table.kind, row.try_get("", "id")?).into());
    let mut created = None;
    for (i, column) in columns(table).enumerate() {
        if holding.is_some_and(|h| h.withholds(column.name).is_some()) || (audience != Audience::Agent && column.name == "row_hash") {
            continue;
        }
        let value = match column.references.and_then(table::table) {
            Some(to) => reference(to, row, i)?,
            None => value(column, row, &format!("c{i}"))?,
        };
        match value {
            Some(value) if column.name == "created_at" => created = Some(value),
            Some(value) => _ = line.insert(column.name.into(), value),
            None => {}
        }
        // where a row comes from stands first, when it came next
        if matches!(column.name, "external_id") || (!table.has_source && i == 0) {
            line.extend(created.take().map(|c| ("created_at".to_string(), c)));
        }
    }
    line.extend(created.map(|c| ("created_at".to_string(), c)));
    Ok(())
}
fn fill_state(line: &mut Map<String, Json>, row: &QueryResult, audience: Audience) -> Result<()> {
    let pair = |a: &str| -> Result<Option<Json>> {
        Ok(named(&["source_system", "external_id"], [row.try_get("", &format!("{a}0"))?, row.try_get("", &format!("{a}1"))?].into()))
    };
    line.insert("id".into(), public(Some(&state_change::ENTITY), row.try_get("", "id")?).into());
    let kind: String = row.try_get("", "kind")?;
    line.insert("entity_type".into(), snake(&kind).into());
    for (name, value) in [("entity_id", pair("e")?), ("customer_id", pair("c")?), ("partner_id", pair("p")?)] {
        line.extend(value.map(|v| (name.to_string(), v)));
    }
    for (name, short) in [("from_state", "f"), ("to_state", "s"), ("reason", "r"), ("actor", "a")] {
        let text: Option<String> = row.try_get("", short)?;
        // why an agent changed something stays inside
        line.extend(text.filter(|_| name != "reason" || audience == Audience::Agent).map(|t| (name.to_string(), t.into())));
    }
    line.insert("changed_at".into(), instant(row.try_get("", "at")?).into());
    Ok(())
}

pub(super) fn value(column: &Column, row: &QueryResult, name: &str) -> Result<Option<Json>> {
    Ok(match column.kind {
        ColumnKind::Uuid => row.try_get::<Option<Uuid>>("", name)?.map(|u| u.simple().to_string().into()),
        ColumnKind::Text | ColumnKind::Currency => row.try_get::<Option<String>>("", name)?.map(Json::from),
        ColumnKind::Int => row.try_get::<Option<i64>>("", name)?.map(Json::from),
        ColumnKind::Bool => row.try_get::<Option<bool>>("", name)?.map(Json::from),
        ColumnKind::Date => row.try_get::<Option<NaiveDate>>("", name)?.map(|d| d.to_string().into()),
        ColumnKind::Instant => row.try_get::<Option<DateTime<Utc>>>("", name)?.map(|t| instant(t).into()),
        ColumnKind::Json => row.try_get::<Option<Json>>("", name)?,
    })
}
fn reference(to: &'static Table, row: &QueryResult, i: usize) -> Result<Option<Json>> {
    let parts = parts_of(to);
    let values = (0..parts.len()).map(|n| row.try_get::<Option<String>>("", &format!("c{i}_{n}"))).collect::<Result<Vec<_>, _>>()?;
    Ok(named(&parts, values))
}
fn named(names: &[&str], values: Vec<Option<String>>) -> Option<Json> {
    let whole = values.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Json::Object(names.iter().map(|n| n.to_string()).zip(whole.into_iter().map(Json::from)).collect()))
}
pub(super) fn public(kind: Option<&'static EntityKind>, id: Uuid) -> String {
    kind.map_or_else(|| id.simple().to_string(), |k| crate::store::public_id(k, id))
}
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The key of a row that a line or a reference names, as one text.
pub fn place(table: &Table, line: &Map<String, Json>) -> Option<String> {
    let part = |name: &&str| match (line.get(*name)?, table.column(name).and_then(|c| c.references).and_then(table::table)) {
        (Json::Object(of), Some(to)) => place(to, of), // whatever the order of its parts
        (Json::String(text), _) => Some(text.clone()),
        (other, _) => Some(other.to_string()),
    };
    let parts: Option<Vec<String>> = parts_of(table).iter().map(part).collect();
    parts.map(|p| p.join("\u{1f}"))
}
