//! What PostgreSQL knows of tables that grow: it goes through all of a table for each chunk where it still takes it for a
//! small one, and its own look comes a minute too late.
use crate::{
    Store,
    exchange::{table, upsert::Counts},
};
use sea_orm::{ConnectionTrait, DbBackend};
use std::collections::BTreeMap;

/// New rows after which a table is first looked at, and how many times as many until the next look.
const FIRST: u64 = 5_000;
const TIMES: u64 = 4;
/// New rows of each table when it was last looked at.
#[derive(Default)]
pub struct Counted(BTreeMap<&'static str, u64>);
impl Counted {
    /// Has PostgreSQL look at the tables that have grown much. What hinders it hinders no import.
    pub async fn of(&mut self, store: &Store, tables: &BTreeMap<&'static str, Counts>) {
        if store.backend() != DbBackend::Postgres {
            return;
        }
        for (table, counts) in tables {
            let before = self.0.get(table).copied().unwrap_or_default();
            if counts.inserted < FIRST.max(before * TIMES) {
                continue;
            }
            self.0.insert(table, counts.inserted);
            // with what grows beside it
            let above = (*table == "customers").then_some("customer_closure");
            let known_by = table::tables().iter().find(|t| t.name == *table && !t.has_source).map(|_| "external_refs");
            for grown in [Some(*table), above, known_by].into_iter().flatten() {
                if let Err(error) = store.writer().execute_unprepared(&format!("analyze (skip_locked) {grown}")).await {
                    tracing::warn!(table = grown, %error, "the database did not look at a table that has grown");
                }
            }
        }
    }
}
