//! Changes of state: rows without a name of their own but their id.
use super::{
    Chunk,
    here::{Wanted, id_of, known, values},
    lines::{Entry, Line},
};
use crate::{
    Result,
    bulk::{insert_all, select_in},
    exchange::{export::line::place, record::Problem, table},
    privacy::state_change,
};
use chrono::DateTime;
use sea_orm::{ActiveValue::Set, prelude::Uuid};
use serde_json::Value as Json;
use std::collections::HashSet;

const TABLE: &str = "state_changes";
type Key = (&'static str, String);

pub async fn take(chunk: &mut Chunk<'_>, entries: Vec<Entry>) -> Result<()> {
    let mut wanted = Wanted::new();
    for Entry { line, .. } in &entries {
        let all = [about(chunk, line), owner(line, "customer_id", "customers"), owner(line, "partner_id", "partners")];
        all.into_iter().flatten().for_each(|(table, key)| _ = wanted.entry(table).or_default().insert(key));
    }
    let known = known(chunk.w, &wanted).await?;
    let find = |key: Option<Key>| key.and_then(|k| known.get(&k)).copied();
    let mut there = there(chunk, &entries).await?;
    let mut rows = vec![];
    for entry in &entries {
        let about = about(chunk, &entry.line);
        let (Some(kind), Some(mut row)) = (about.as_ref().and_then(|a| table::table(a.0)?.kind), row(&entry.line)) else {
            chunk.reject(entry, Problem::error("missing_value", "The change of state does not say of what, to what or when."));
            continue;
        };
        let Some(entity) = find(about) else {
            chunk.postpone(entry, Problem::error("missing_parent", "The change of state is of a row that is not here."));
            continue;
        };
        if there.contains(row.id.as_ref()) {
            chunk.count(entry, TABLE, |c| &mut c.unchanged);
            continue;
        }
        let owners = [owner(&entry.line, "customer_id", "customers"), owner(&entry.line, "partner_id", "partners")];
        if owners.iter().flatten().any(|o| !known.contains_key(o)) {
            let lost = "It names a customer or a partner that is not here";
            if !chunk.last {
                chunk.postpone(entry, Problem::error("missing_parent", lost));
                continue;
            }
            chunk.warn(entry, Problem::warning("unmatched", format!("{lost}; the row was taken without it.")));
        }
        there.insert(*row.id.as_ref());
        chunk.count(entry, TABLE, |c| &mut c.inserted);
        (row.entity_type, row.entity_id) = (Set(kind.name.into()), Set(entity));
        let [customer, partner] = owners;
        (row.customer_id, row.partner_id) = (Set(find(customer)), Set(find(partner)));
        rows.push(row);
    }
    insert_all(chunk.w.tx(), rows).await
}

/// The row whose state changed.
fn about(chunk: &Chunk<'_>, line: &Line) -> Option<Key> {
    let name = line.get("entity_type").and_then(Json::as_str)?;
    let table = chunk.shapes.iter().find(|s| s.is(name))?.table?;
    Some((table.name, place(table, line.get("entity_id")?.as_object()?)?))
}
fn owner(line: &Line, column: &str, name: &'static str) -> Option<Key> {
    Some((name, place(table::table(name)?, line.get(column)?.as_object()?)?))
}
async fn there(chunk: &Chunk<'_>, entries: &[Entry]) -> Result<HashSet<Uuid>> {
    let ids: HashSet<Uuid> = entries.iter().filter_map(|e| id_of(&e.line)).collect();
    let found = select_in(chunk.w.tx(), "select id from state_changes where id in", &[], values(ids)).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}
/// What the line says itself.
fn row(line: &Line) -> Option<state_change::ActiveModel> {
    let text = |key: &str| line.get(key).and_then(Json::as_str).map(str::to_string);
    let at = DateTime::parse_from_rfc3339(&text("changed_at")?).ok()?.to_utc();
    Some(state_change::ActiveModel {
        id: Set(id_of(line)?),
        from_state: Set(text("from_state")),
        to_state: Set(text("to_state")?),
        reason: Set(text("reason")),
        actor: Set(text("actor").unwrap_or_else(|| "import".into())),
        changed_at: Set(at),
        ..Default::default()
    })
}
