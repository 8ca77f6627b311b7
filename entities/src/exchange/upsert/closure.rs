//! Every ancestor of every customer, after customers came or moved.
use crate::{
    Error, Result,
    bulk::{execute_in, insert_all, select_in},
    party::customer_closure,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, prelude::Uuid};
use std::collections::{BTreeSet, HashMap};

/// Rewrites the ancestors of new and moved customers and of all below the moved ones. The plan refused
/// cycles, but somebody may have moved a customer since.
pub async fn rewrite(tx: &DatabaseTransaction, new: &[Uuid], moved: &[Uuid]) -> Result<()> {
    let values = |ids: &mut dyn Iterator<Item = Uuid>| ids.map(Into::into).collect::<Vec<sea_orm::Value>>();
    let mut below: BTreeSet<Uuid> = BTreeSet::new();
    for row in select_in(tx, "select descendant_id from customer_closure where ancestor_id in", &[], values(&mut moved.iter().copied())).await? {
        below.insert(row.try_get_by_index(0)?);
    }
    let all: BTreeSet<Uuid> = below.iter().chain(new).chain(moved).copied().collect();
    let mut parents: HashMap<Uuid, Option<Uuid>> = HashMap::new();
    for row in select_in(tx, "select id, parent_id from customers where id in", &[], values(&mut all.iter().copied())).await? {
        parents.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    let outside: BTreeSet<Uuid> = parents.values().flatten().filter(|p| !all.contains(p)).copied().collect();
    let mut lines: HashMap<Uuid, Vec<(i32, Uuid)>> = HashMap::new();
    for row in select_in(
        tx,
        "select descendant_id, depth, ancestor_id from customer_closure where descendant_id in",
        &[],
        values(&mut outside.iter().copied()),
    )
    .await?
    {
        lines.entry(row.try_get_by_index(0)?).or_default().push((row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    if !below.is_empty() {
        execute_in(tx, "delete from customer_closure where descendant_id in", values(&mut below.into_iter())).await?;
    }
    let mut rows = vec![];
    for id in &all {
        let (mut depth, mut at) = (0, Some(*id));
        while let Some(ancestor) = at {
            if depth as usize > all.len() {
                return Err(Error::Invalid(format!("customer {id} became its own ancestor while it was imported: run the import again")));
            }
            if let Some(line) = lines.get(&ancestor) {
                rows.extend(line.iter().map(|(d, a)| entry(*a, *id, depth + d)));
                break;
            }
            rows.push(entry(ancestor, *id, depth));
            depth += 1;
            at = parents.get(&ancestor).copied().flatten();
        }
    }
    insert_all(tx, rows).await
}
fn entry(ancestor: Uuid, descendant: Uuid, depth: i32) -> customer_closure::ActiveModel {
    customer_closure::ActiveModel { ancestor_id: Set(ancestor), descendant_id: Set(descendant), depth: Set(depth) }
}
