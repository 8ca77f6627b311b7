//! Lines that speak of somebody who was erased: they are not taken again, and not quoted.
use super::{Chunk, lines::Entry};
use crate::{
    Result,
    bulk::select_in,
    exchange::{
        export::{
            Shape,
            line::{columns, type_of},
        },
        table::{self, Table},
        upsert,
    },
    privacy::erased_source::digest,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};

/// Takes such lines out of a chunk, and tells of them.
pub async fn reject(chunk: &mut Chunk<'_>, by_shape: &mut BTreeMap<usize, Vec<Entry>>) -> Result<()> {
    let any = Statement::from_string(ConnectionTrait::get_database_backend(chunk.w.tx()), "select 1 from erased_sources limit 1");
    if chunk.w.tx().query_one_raw(any).await?.is_none() {
        return Ok(());
    }
    let all = by_shape.iter().flat_map(|(i, entries)| entries.iter().flat_map(|e| named(&chunk.shapes[*i], e)));
    let digests: HashSet<String> = all.collect();
    let wanted = digests.into_iter().map(Into::into).collect();
    let mut erased = HashSet::new();
    for row in select_in(chunk.w.tx(), "select digest from erased_sources where digest in", &[], wanted).await? {
        erased.insert(row.try_get_by_index::<String>(0)?);
    }
    if erased.is_empty() {
        return Ok(());
    }
    for (i, entries) in by_shape {
        let shape = &chunk.shapes[*i];
        let (gone, stays): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(|e| named(shape, e).any(|d| erased.contains(&d)));
        *entries = stays;
        for mut entry in gone {
            entry.raw.clear();
            chunk.reject(&entry, upsert::erased(shape.table.map_or("state_changes", |t| t.name)));
        }
    }
    Ok(())
}

/// The rows that a line is or points to, by what stands for each of them.
fn named<'a>(shape: &'a Shape, entry: &'a Entry) -> impl Iterator<Item = String> + use<'a> {
    let line = &entry.line;
    let own = shape.table.and_then(|t| of(t, line));
    let about = line.get("entity_type").and_then(Json::as_str).and_then(|kind| table::tables().iter().find(|t| type_of(t) == kind));
    let about = about.and_then(|t| of(t, line.get("entity_id")?.as_object()?)).filter(|_| shape.table.is_none());
    let owner = shape.table.is_none().then(|| of(table::table("customers")?, line.get("customer_id")?.as_object()?)).flatten();
    let references = shape.table.into_iter().flat_map(columns).filter_map(|c| of(table::table(c.references?)?, line.get(c.name)?.as_object()?));
    own.into_iter().chain(about).chain(owner).chain(references)
}
fn of(table: &Table, named: &Map<String, Json>) -> Option<String> {
    table.has_source.then(|| Some(digest(named.get("source_system")?.as_str()?, table.name, named.get("external_id")?.as_str()?))).flatten()
}
