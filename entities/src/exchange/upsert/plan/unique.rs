//! What the database would refuse a whole chunk for: a number that another row has, a customer that is its own ancestor.
use super::{Draft, Plan, Verdict};
use crate::exchange::{
    record::{Problem, Value},
    table::{self, Column},
    upsert::{Checked, known::Known},
};
use sea_orm::prelude::Uuid;
use std::collections::HashSet;

impl Plan {
    /// No two rows may have the same number or code.
    pub(super) fn check_natural(&self, known: &Known, record: &Checked, id: Uuid, draft: &mut Draft) -> Result<(), Verdict> {
        for (i, key) in record.table.unique.iter().enumerate() {
            let text = |k: &str| match &record.all().find(|c| c.column.name == k)?.value {
                Value::Ref { table, external_id } => self.find(known, draft, table::rank(table), external_id).map(|f| f.0.to_string()),
                _ => self.key_text(known, record, k),
            };
            let Some(values) = key.iter().map(|k| text(k)).collect::<Option<Vec<_>>>() else { continue };
            let natural = (record.rank, i, values);
            // what the document tells anew of its own rows frees what they had
            let moves = |id: &Uuid| draft.whole && draft.ids.values().any(|i| i.0 == *id);
            let holder = known.natural.get(&natural).map(|r| r.id);
            let holder = holder.filter(|id| !self.before.gave_up(*id, &natural) && !self.here.gave_up(*id, &natural) && !moves(id));
            let holder = holder.or_else(|| self.here.natural.get(&natural).or_else(|| self.before.natural.get(&natural)).copied());
            let holder = holder.or_else(|| draft.naturals.iter().find(|n| n.0 == natural).map(|n| n.1));
            if holder.is_some_and(|h| h != id && !draft.removals.iter().any(|r| r.id == h)) {
                let shown = record.all().filter(|c| key.contains(&c.column.name)).map(|c| match &c.value {
                    Value::Text(t) => t.clone(),
                    Value::Ref { external_id, .. } => external_id.clone(),
                    other => format!("{other:?}"),
                });
                return Err(Verdict::Rejected(Problem::taken(record.table, key, &shown.collect::<Vec<_>>())));
            }
            draft.naturals.push((natural, id));
        }
        Ok(())
    }
    /// Nobody is their own ancestor.
    pub(super) fn check_parent(
        &self,
        known: &Known,
        record: &Checked,
        id: Uuid,
        cells: &[(&'static Column, Value)],
        draft: &mut Draft,
    ) -> Result<(), Verdict> {
        if record.table.name != "customers" {
            return Ok(());
        }
        let Some((_, parent)) = cells.iter().find(|c| c.0.name == "parent_id") else { return Ok(()) };
        let parent = match parent {
            Value::Text(id) => id.parse().ok(),
            _ => None,
        };
        let (mut next, mut steps) = (parent, HashSet::new());
        while let Some(ancestor) = next {
            if ancestor == id || !steps.insert(ancestor) {
                return Err(Verdict::Rejected(Problem::cycle(&record.external_id)));
            }
            next = match self.here.parents.get(&ancestor).or_else(|| self.before.parents.get(&ancestor)) {
                Some(set_here) => *set_here,
                // as the database has it; an ancestor further up may have moved in this chunk
                None => known.ancestors.get(&ancestor).and_then(|a| a.get(1).copied()).or_else(|| above(known, ancestor)),
            };
        }
        draft.parents.push((id, parent));
        Ok(())
    }
}
/// The parent of a customer that is an ancestor of one that was asked for.
fn above(known: &Known, id: Uuid) -> Option<Uuid> {
    known.ancestors.values().find_map(|line| line.iter().position(|a| *a == id).and_then(|i| line.get(i + 1)).copied())
}
