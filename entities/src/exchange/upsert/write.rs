//! Statements of many rows.
use super::{
    Origin, closure,
    plan::{Insert, Plan, Removal, Update},
};
use crate::{
    Result, Write,
    bulk::{self, Change, execute_in, insert_all, select_in},
    exchange::{
        external_ref,
        record::Value,
        table::{self, Column, ColumnKind, Table},
    },
    outbox::change::Operation,
    party::customer,
    privacy::state_change,
};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbBackend, Statement, prelude::Uuid};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows whose every status is kept; of others only its changes are.
const STATES_FROM_THE_START: &[&str] = &["customers", "billing_accounts", "products", "bills", "tickets", "conversations"];

/// What was decided, as statements: made while the database is still busy with the chunk before.
pub struct Prepared {
    plan: Plan,
    /// By table.
    inserts: HashMap<&'static str, Vec<Statement>>,
    states: Vec<Statement>,
}
impl Prepared {
    pub fn new(backend: DbBackend, up: &Origin, mut plan: Plan, at: DateTime<Utc>) -> Result<Prepared> {
        let new = plan.inserts.iter().filter(|i| STATES_FROM_THE_START.contains(&i.table.name)).filter_map(|i| {
            let column = i.table.state_column()?;
            match &i.cells.iter().find(|c| c.0.name == column)?.1 {
                Value::Text(to) => Some(state(i.table.kind?.name, i.id, i.owner, None, to, at)),
                _ => None,
            }
        });
        let changed = plan.updates.iter().filter_map(|u| {
            let (from, to) = u.state.as_ref()?;
            Some(state(u.table.kind?.name, u.id, u.owner, from.clone(), to, at))
        });
        let states = new.chain(changed).collect();
        let mut inserts = HashMap::new();
        for table in table::tables() {
            let rows: Vec<&mut Insert> = plan.inserts.iter_mut().filter(|i| i.table.name == table.name).collect();
            inserts.insert(table.name, insert(backend, up, table, rows, at)?);
        }
        Ok(Prepared { plan, inserts, states: bulk::inserts_of(backend, states)? })
    }
}

/// Writes what was decided.
pub async fn all(w: &mut Write, up: &Origin, prepared: Prepared) -> Result<()> {
    let Prepared { plan, inserts: mut statements, states } = prepared;
    let at = w.at();
    for table in table::tables() {
        remove(w, table, plan.removals.iter().filter(|r| r.table.name == table.name).collect()).await?;
    }
    for table in table::tables() {
        let inserts: Vec<&Insert> = plan.inserts.iter().filter(|i| i.table.name == table.name).collect();
        let updates: Vec<&Update> = plan.updates.iter().filter(|u| u.table.name == table.name).collect();
        make_room(w.tx(), table, &updates).await?;
        let resells: Vec<Uuid> = match table.name {
            "partner_customers" => inserts.iter().map(|i| i.id).chain(updates.iter().map(|u| u.id)).collect(),
            _ => vec![],
        };
        let left = relations(w.tx(), &resells).await?;
        bulk::run(w.tx(), statements.remove(table.name).unwrap_or_default()).await?;
        update(w.tx(), up, table, &updates, at).await?;
        references(w.tx(), up, table, &inserts, &updates, at).await?;
        if table.name == "customers" {
            let new: Vec<Uuid> = inserts.iter().map(|i| i.id).collect();
            let moved: Vec<Uuid> = updates.iter().filter(|u| u.cells.iter().any(|c| c.0.name == "parent_id")).map(|u| u.id).collect();
            if !new.is_empty() || !moved.is_empty() {
                closure::rewrite(w.tx(), &new, &moved).await?;
            }
        }
        resold(w, &resells, left).await?;
        let Some(kind) = table.kind else { continue };
        inserts.iter().for_each(|i| w.changed(Operation::Insert, kind, i.id, i.owner.0, i.owner.1));
        updates.iter().for_each(|u| w.changed(Operation::Update, kind, u.id, u.owner.0, u.owner.1));
    }
    bulk::run(w.tx(), states).await
}
fn state(kind: &str, id: Uuid, owner: super::known::Owner, from: Option<String>, to: &str, at: DateTime<Utc>) -> state_change::ActiveModel {
    state_change::ActiveModel {
        id: Set(crate::id::at(at)),
        customer_id: Set(owner.0),
        partner_id: Set(owner.1),
        entity_type: Set(kind.into()),
        entity_id: Set(id),
        from_state: Set(from),
        to_state: Set(to.into()),
        reason: Set(None),
        actor: Set("import".into()),
        changed_at: Set(at),
    }
}

/// The customers that these relations to partners are about.
pub async fn relations(tx: &DatabaseTransaction, relations: &[Uuid]) -> Result<BTreeSet<Uuid>> {
    let ids = relations.iter().map(|id| (*id).into()).collect();
    let found = select_in(tx, "select distinct customer_id from partner_customers where id in", &[], ids).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}
/// Who may see a customer is part of it: those that a partner came to, and those that it `left`, have changed.
pub async fn resold(w: &mut Write, changed: &[Uuid], left: BTreeSet<Uuid>) -> Result<()> {
    for id in relations(w.tx(), changed).await?.union(&left) {
        w.changed(Operation::Update, &customer::ENTITY, *id, Some(*id), None);
    }
    Ok(())
}
/// Rows that pass a number of theirs on to one another first let go of it.
async fn make_room(tx: &DatabaseTransaction, table: &'static Table, updates: &[&Update]) -> Result<()> {
    let numbers = table.unique.iter().flatten().filter(|k| table.column(k).is_some_and(|c| c.kind == ColumnKind::Int));
    for number in numbers {
        let rows = updates.iter().filter(|u| u.cells.iter().any(|c| c.0.name == *number)).map(|u| u.id.into()).collect();
        execute_in(tx, &format!("update {} set {number} = -1 - {number} where id in", table.name), rows).await?;
    }
    Ok(())
}
async fn remove(w: &mut Write, table: &'static Table, rows: Vec<&Removal>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids = || rows.iter().map(|r| r.id.into()).collect();
    for other in table::tables() {
        for column in other.columns.iter().filter(|c| c.references == Some(table.name) && c.nullable) {
            execute_in(w.tx(), &format!("update {} set {c} = null where {c} in", other.name, c = column.name), ids()).await?;
        }
    }
    execute_in(w.tx(), &format!("delete from {} where id in", table.name), ids()).await?;
    if let Some(kind) = table.kind {
        rows.iter().for_each(|r| w.changed(Operation::Delete, kind, r.id, r.owner.0, r.owner.1));
    }
    Ok(())
}

/// Takes the cells out of the rows.
fn insert(backend: DbBackend, up: &Origin, table: &'static Table, rows: Vec<&mut Insert>, at: DateTime<Utc>) -> Result<Vec<Statement>> {
    let mut statements = vec![];
    // rows of one shape share a statement; parents in the same table come first
    let own = table.columns.iter().any(|c| c.references == Some(table.name));
    let depths = if own { depths(&rows) } else { HashMap::new() };
    let mut shapes: BTreeMap<(usize, Vec<&str>), Vec<&mut Insert>> = BTreeMap::new();
    for row in rows {
        row.cells.sort_unstable_by_key(|c| c.0.name);
        let columns: Vec<&str> = row.cells.iter().map(|c| c.0.name).collect();
        shapes.entry((depths.get(&row.id).copied().unwrap_or(0), columns)).or_default().push(row);
    }
    for ((_, columns), rows) in shapes {
        let mut names = vec!["id", "created_at", "updated_at"];
        if table.has_source {
            names.extend(["source_system", "external_id", "row_hash", "import_batch_id"]);
        }
        names.extend(&columns);
        let values = |row: &mut Insert| {
            let mut values: Vec<sea_orm::Value> = Vec::with_capacity(names.len());
            values.extend([row.id.into(), at.into(), at.into()]);
            if table.has_source {
                values.extend([up.source.clone().into(), row.external_id.clone().into(), row.hash.clone().into(), up.batch.into()]);
            }
            values.extend(std::mem::take(&mut row.cells).into_iter().map(|(column, said)| value(column, said)));
            values
        };
        statements.extend(bulk::inserts(backend, table.name, &names, rows.into_iter().map(values).collect())?);
    }
    Ok(statements)
}
/// The values of these columns, in their order.
fn given<'a>(cells: &'a [(&'static Column, Value)], columns: &'a [&str]) -> impl Iterator<Item = sea_orm::Value> + 'a {
    columns.iter().filter_map(|name| cells.iter().find(|c| c.0.name == *name)).map(|c| value(c.0, c.1.clone()))
}
/// How deep a new row stands below other new rows of its table.
fn depths(rows: &[&mut Insert]) -> HashMap<Uuid, usize> {
    let parents: HashMap<Uuid, Vec<Uuid>> = rows
        .iter()
        .map(|r| {
            let own = r.cells.iter().filter(|c| c.0.references == Some(r.table.name));
            let ids = own.filter_map(|c| if let Value::Text(id) = &c.1 { id.parse().ok() } else { None });
            (r.id, ids.collect())
        })
        .collect();
    let mut depths: HashMap<Uuid, usize> = HashMap::new();
    let mut level: Vec<Uuid> = parents.iter().filter(|(_, p)| !p.iter().any(|p| parents.contains_key(p))).map(|(id, _)| *id).collect();
    let mut children: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for (id, ps) in &parents {
        ps.iter().filter(|p| parents.contains_key(p)).for_each(|p| children.entry(*p).or_default().push(*id));
    }
    let mut depth = 0;
    while !level.is_empty() && depth <= rows.len() {
        level.iter().for_each(|id| _ = depths.insert(*id, depth));
        level = level.iter().flat_map(|id| children.get(id).into_iter().flatten().copied()).collect();
        depth += 1;
    }
    depths
}

async fn update(tx: &DatabaseTransaction, up: &Origin, table: &'static Table, rows: &[&Update], at: DateTime<Utc>) -> Result<()> {
    let mut shapes: BTreeMap<(bool, Vec<&str>), Vec<&Update>> = BTreeMap::new();
    for row in rows {
        let mut columns: Vec<&str> = row.cells.iter().map(|c| c.0.name).collect();
        columns.sort_unstable();
        shapes.entry((row.by_ref, columns)).or_default().push(row);
    }
    for ((by_ref, columns), rows) in shapes {
        let keep = !by_ref; // the hash and the batch of another source stay
        let values = |row: &&Update| {
            let hash = keep.then(|| row.hash.clone().into());
            [row.id.into()].into_iter().chain(given(&row.cells, &columns)).chain(hash).collect()
        };
        let mut same = vec![("updated_at", at.into())];
        same.extend(keep.then(|| ("import_batch_id", up.batch.into())));
        let rows = rows.iter().map(values).collect();
        let columns = ["id"].into_iter().chain(columns.iter().copied()).chain(keep.then_some("row_hash")).collect();
        Change { table: table.name, columns, rows, same, only: vec![] }.apply(tx).await?;
    }
    Ok(())
}
/// What the source said of rows that do not keep it themselves.
async fn references(
    tx: &DatabaseTransaction,
    up: &Origin,
    table: &'static Table,
    inserts: &[&Insert],
    updates: &[&Update],
    at: DateTime<Utc>,
) -> Result<()> {
    let new = inserts.iter().filter(|_| !table.has_source).map(|i| (i.id, &i.external_id, &i.hash));
    let adopted = updates.iter().filter(|u| u.by_ref && u.adopted).map(|u| (u.id, &u.external_id, &u.hash));
    let rows = new.chain(adopted).map(|(id, external_id, hash)| external_ref::ActiveModel {
        id: Set(crate::id::at(at)),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        entity_type: Set(table.entity_type().into()),
        entity_id: Set(id),
        source_system: Set(up.source.clone()),
        external_id: Set(external_id.clone()),
        row_hash: Set(Some(hash.clone())),
    });
    insert_all(tx, rows.collect()).await?;
    let again = updates.iter().filter(|u| u.by_ref && !u.adopted);
    let rows = again.map(|u| vec![u.external_id.clone().into(), u.hash.clone().into()]).collect();
    let only = vec![("source_system", up.source.clone().into()), ("entity_type", table.entity_type().into())];
    let columns = vec!["external_id", "row_hash"];
    Change { table: "external_refs", columns, rows, same: vec![("updated_at", at.into())], only }.apply(tx).await
}
/// Nulls too have the type of their column.
fn value(column: &Column, value: Value) -> sea_orm::Value {
    match (column.kind, value) {
        (ColumnKind::Uuid, Value::Text(id)) => id.parse::<Uuid>().ok().into(),
        (ColumnKind::Uuid, _) => None::<Uuid>.into(),
        (ColumnKind::Text | ColumnKind::Currency, Value::Text(text)) => text.into(),
        (ColumnKind::Text | ColumnKind::Currency, _) => None::<String>.into(),
        (ColumnKind::Int, Value::Int(n)) => n.into(),
        (ColumnKind::Int, _) => None::<i64>.into(),
        (ColumnKind::Bool, Value::Bool(b)) => b.into(),
        (ColumnKind::Bool, _) => None::<bool>.into(),
        (ColumnKind::Date, Value::Date(day)) => day.into(),
        (ColumnKind::Date, _) => None::<chrono::NaiveDate>.into(),
        (ColumnKind::Instant, Value::Instant(at)) => at.into(),
        (ColumnKind::Instant, _) => None::<DateTime<Utc>>.into(),
        (ColumnKind::Json, Value::Json(json)) => json.into(),
        (ColumnKind::Json, _) => None::<serde_json::Value>.into(),
    }
}
