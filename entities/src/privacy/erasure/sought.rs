//! Rows that nothing but their words ties to a customer: what an import said of rows that it did not take, what agents
//! searched for, names of files and of work, and answers kept for clients' second tries. They are found by what names the
//! customer: names, numbers, addresses, and ids in other systems, as whole words.
use super::{Rows, change};
use crate::{
    Error, Result,
    model::*,
    privacy::holding,
    rule::{Binder, Statement as _},
    store::Write,
};
use aho_corasick::{AhoCorasick, MatchKind};
use futures::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, StreamTrait};
use std::collections::{BTreeSet, HashSet};

/// Where to look: (table, columns).
const PLACES: &[(&str, &[&str])] = &[
    ("import_row_errors", &["raw", "message"]),
    ("import_batches", &["file_name", "report"]),
    ("search_queries", &["text"]),
    ("tasks", &["title", "message"]),
];
/// What names somebody: (table, columns).
const NAMES: &[(&str, &[&str])] = &[
    ("parties", &["display_name", "legal_name", "trading_name", "given_name || ' ' || family_name", "family_name || ', ' || given_name"]),
    ("contact_media", &["value_norm", "value_display", "street"]),
    ("customers", &["customer_no"]),
    ("billing_accounts", &["account_no"]),
    ("products", &["service_identifier", "serial"]),
    ("tickets", &["ticket_no"]),
    ("bills", &["bill_no"]),
    ("messages", &["rfc_message_id"]),
];
/// Shorter ones are in too many rows that speak of others.
const SHORTEST: usize = 4;
const SHORTEST_ID: usize = 8;
const TOGETHER: usize = 500;

pub async fn erase(w: &Write, root: Uuid, theirs: &Rows) -> Result<()> {
    if let Some(names) = Names::of(w.tx(), root, theirs).await? {
        for (table, columns) in PLACES {
            let Some(holding) = holding::of(table) else { continue };
            for ids in found(w.tx(), &names, table, columns).await?.chunks(TOGETHER) {
                let mut binder = Binder::default();
                let places: Vec<String> = ids.iter().map(|id| binder.bind((*id).into())).collect();
                if let Some(sql) = change(holding, w, &format!("t.id in ({})", places.join(", ")), &mut binder) {
                    w.tx().execute_raw(binder.statement(ConnectionTrait::get_database_backend(w.tx()), sql)).await?;
                }
            }
        }
    }
    answers(w.tx(), root, theirs).await
}

/// What names a customer.
struct Names(AhoCorasick);
impl Names {
    /// None where nothing does.
    async fn of(tx: &DatabaseTransaction, root: Uuid, theirs: &Rows) -> Result<Option<Self>> {
        let mut names = BTreeSet::new();
        for (table, columns) in NAMES {
            let Some(holding) = holding::of(table) else { continue };
            let mut binder = Binder::default();
            let rule = super::whose(holding.of, &[root], super::Parties::Alone, &mut binder);
            for row in tx
                .query_all_raw(
                    binder.statement(ConnectionTrait::get_database_backend(tx), format!("select {} from {table} t where {rule}", columns.join(", "))),
                )
                .await?
            {
                for i in 0..columns.len() {
                    names.extend(row.try_get_by_index::<Option<String>>(i)?);
                }
            }
        }
        // ids of a source are often plain numbers: short ones are in too many rows that speak of something else
        let ids = theirs.values().flatten().filter_map(|r| Some(r.source.as_ref()?.1.clone()));
        names.extend(ids.filter(|id| id.chars().count() >= SHORTEST_ID || id.chars().any(char::is_alphabetic)));
        let escaped: Vec<String> = names.iter().map(|n| serde_json::Value::from(n.as_str()).to_string().trim_matches('"').to_string()).collect();
        names.extend(escaped);
        names.retain(|n| n.chars().count() >= SHORTEST);
        if names.is_empty() {
            return Ok(None);
        }
        let names: BTreeSet<String> = names.iter().map(|n| n.to_lowercase()).collect();
        let found = AhoCorasick::builder().match_kind(MatchKind::Standard).build(names);
        Ok(Some(Names(found.map_err(|e| Error::Invalid(format!("cannot look for the names of a customer: {e}")))?)))
    }
    fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.find_overlapping_iter(&text).any(|m| {
            let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            !joins(text[..m.start()].chars().next_back()) && !joins(text[m.end()..].chars().next())
        })
    }
}
async fn found(tx: &DatabaseTransaction, names: &Names, table: &str, columns: &[&str]) -> Result<Vec<Uuid>> {
    let list: Vec<String> = columns.iter().map(|c| format!("cast({c} as text)")).collect();
    let sql = format!("select id, {} from {table}", list.join(", "));
    let mut rows = tx.stream_raw(Statement::from_string(ConnectionTrait::get_database_backend(tx), sql)).await?;
    let mut ids = vec![];
    while let Some(row) = rows.try_next().await? {
        for i in 1..=columns.len() {
            if row.try_get_by_index::<Option<String>>(i)?.is_some_and(|text| names.are_in(&text)) {
                ids.push(row.try_get_by_index(0)?);
                break;
            }
        }
    }
    Ok(ids)
}

/// Answers to what the customer's logins asked, and answers that hold ids of its rows: their keys are the clients' words.
async fn answers(tx: &DatabaseTransaction, root: Uuid, theirs: &Rows) -> Result<()> {
    let backend = ConnectionTrait::get_database_backend(tx);
    let mut binder = Binder::default();
    let people = super::whose("party_id in {parties}", &[root], super::Parties::Alone, &mut binder);
    let tree = super::whose("customer_id in {tree}", &[root], super::Parties::Alone, &mut binder);
    let sql = format!(
        "select subject from identities where {people} union select actor_subject from audit_events where actor_audience = 'customer' and {tree}"
    );
    let logins = tx.query_all_raw(binder.statement(ConnectionTrait::get_database_backend(tx), sql)).await?;
    let logins: HashSet<String> = logins.iter().map(|r| Ok(format!("customer|{}|", r.try_get_by_index::<String>(0)?))).collect::<Result<_>>()?;
    let ids: HashSet<Uuid> = theirs.values().flatten().map(|r| r.id).collect();
    let mut gone = vec![];
    let mut rows = tx.stream_raw(Statement::from_string(backend, "select client_id, key, response from idempotency_keys")).await?;
    while let Some(row) = rows.try_next().await? {
        let (client, key, response): (String, String, Json) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        if logins.contains(&client) || holds(&response, &ids) {
            gone.push((client, key));
        }
    }
    drop(rows);
    for (client, key) in gone {
        let mut binder = Binder::default();
        let sql = format!("delete from idempotency_keys where client_id = {} and key = {}", binder.bind(client.into()), binder.bind(key.into()));
        tx.execute_raw(binder.statement(ConnectionTrait::get_database_backend(tx), sql)).await?;
    }
    Ok(())
}
fn holds(answer: &Json, ids: &HashSet<Uuid>) -> bool {
    match answer {
        Json::String(text) => text.parse().is_ok_and(|id: Uuid| ids.contains(&id)),
        Json::Array(all) => all.iter().any(|a| holds(a, ids)),
        Json::Object(all) => all.values().any(|a| holds(a, ids)),
        _ => false,
    }
}
