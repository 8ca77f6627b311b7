//! Each row holds the hash of the one before: a row that is taken out or changed later shows.
//!
//! The words of a row (which customer's login it was, for whom, why, which request) can name a person. They are sealed by
//! a salted digest of their own, and the hash holds that digest: when a customer is erased, words and salt go, and the
//! chain still holds. What the words were cannot be guessed from the digest without the salt.
use super::{ActorAudience, Column, Entity, Model};
use crate::{Result, Store, model::*};
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Statement};
use sha2::{Digest, Sha256};

/// Rows that are read together.
const PAGE: u64 = 5_000;

/// Seals a row that holds everything else, the hash of the one before among it.
pub fn close(row: &mut Model) {
    row.salt = Some(Uuid::new_v4().simple().to_string());
    row.words_digest = Some(words_digest(row));
    row.hash = hash(row);
}
fn words_digest(row: &Model) -> String {
    let words = [&row.acting_for, &row.reason, &row.request_id].map(|w| w.as_deref().unwrap_or_default());
    let theirs = if row.actor_audience == ActorAudience::Customer { &row.actor_subject } else { "" };
    digest(&[row.salt.as_deref().unwrap_or_default(), theirs, words[0], words[1], words[2]])
}
fn hash(row: &Model) -> String {
    let uuid = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let words = [&row.acting_for, &row.reason, &row.request_id].map(|w| w.as_deref().unwrap_or_default());
    let (id, at, action, fields) = (row.id.to_string(), row.at.to_rfc3339(), format!("{:?}", row.action), row.fields.to_string());
    let (entity, customer) = (uuid(row.entity_id), uuid(row.customer_id));
    let audience = row.actor_audience.text();
    let ours = if row.actor_audience == ActorAudience::Customer { "" } else { &row.actor_subject };
    match &row.words_digest {
        Some(sealed) => digest(&[&row.prev_hash, &id, &at, ours, audience, &action, &row.entity_type, &entity, &customer, &fields, sealed]),
        // as rows were sealed before their words had a digest
        None => digest(&[
            &row.prev_hash,
            &id,
            &at,
            &row.actor_subject,
            audience,
            words[0],
            &action,
            &row.entity_type,
            &entity,
            &customer,
            &fields,
            words[1],
            words[2],
        ]),
    }
}
/// A row from before words had a digest, whose words were erased: only its place in the chain can be told.
fn gone_before(row: &Model) -> bool {
    row.words_digest.is_none() && row.request_id.is_none() && row.reason.is_none() && row.acting_for.is_none() && row.customer_id.is_some()
}
fn digest(parts: &[&str]) -> String {
    let mut h = Sha256::new();
    for part in parts {
        h.update(part.as_bytes());
        h.update([0]);
    }
    format!("{:x}", h.finalize())
}

/// What is found where the log is read from its first row to its last.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub rows: i64,
    /// Rows whose words were erased; their seals hold.
    pub erased: i64,
    /// The position of the first row that is not as it was sealed, or is missing.
    pub broken: Option<i64>,
}

/// Reads the whole log and tells whether it is as it was written.
pub async fn verify(store: &Store) -> Result<Verdict> {
    let mut verdict = Verdict { rows: 0, erased: 0, broken: None };
    let mut last = String::new();
    loop {
        let rows = Entity::find().filter(Column::Position.gt(verdict.rows)).order_by_asc(Column::Position).limit(PAGE).all(store.reader()).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let words = row.salt.is_none() || row.words_digest.as_ref() == Some(&words_digest(&row));
            if row.position != verdict.rows + 1 || row.prev_hash != last || !(row.hash == hash(&row) || gone_before(&row)) || !words {
                verdict.broken = Some(verdict.rows + 1);
                return Ok(verdict);
            }
            verdict.rows = row.position;
            verdict.erased += i64::from(row.salt.is_none() && (row.words_digest.is_some() || row.hash != hash(&row)));
            last = row.hash;
        }
    }
    let sql = "select audit_hash from change_head where id = 1";
    let head = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await?;
    let head: Option<String> = head.map(|r| r.try_get_by_index(0)).transpose()?;
    verdict.broken = (head.as_deref() != Some(&last)).then_some(verdict.rows + 1);
    Ok(verdict)
}
