//! Who looked at whose data. A look at a protected customer is in the audit log before the answer goes out; other looks
//! are gathered, one an hour for each looker, customer and set of fields, and written a moment later.
use crate::{app::App, error::Result};
use entities::{Audience, Scope, Store, party::customer::ENTITY, privacy::audit_event::Action};
use moka::sync::Cache;
use schema::look::Look;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

/// Whose look it is: class, login, who acts as it, why, in which request. Looks of one are written together.
type Looker = (Audience, String, Option<String>, Option<String>, Option<String>);
/// How long the same person's look at the same fields of the same customer says nothing new.
const QUIET: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_secs(1);
/// Looks in one transaction.
const BATCH: usize = 500;
/// Looks that may wait while the database cannot take them.
const MOST: usize = 100_000;

pub struct Looks {
    waiting: Mutex<HashMap<Looker, (Scope, BTreeMap<Uuid, Look>)>>,
    told: Cache<[u8; 32], ()>,
}
impl Default for Looks {
    fn default() -> Self {
        Looks { waiting: Mutex::default(), told: Cache::builder().max_capacity(1_000_000).time_to_live(QUIET).build() }
    }
}
impl Looks {
    /// Notes what one answer showed. An error means that it may not be sent: a look at somebody protected was not written.
    pub async fn note(&self, store: &Store, scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Result<()> {
        let (protected, mut others): (BTreeMap<_, _>, BTreeMap<_, _>) = looks.into_iter().partition(|l| l.1.protected);
        if !protected.is_empty() {
            write(store, scope, protected.iter()).await?;
        }
        others.retain(|customer, look| {
            let same = said(scope, *customer, &look.fields);
            let new = !self.told.contains_key(&same);
            self.told.insert(same, ());
            new
        });
        if others.is_empty() {
            return Ok(());
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
        if waiting.values().map(|w| w.1.len()).sum::<usize>() >= MOST {
            tracing::error!(looks = others.len(), "looks are lost: the database takes none");
            return Ok(());
        }
        waiting.entry(looker(scope)).or_insert_with(|| (scope.clone(), BTreeMap::new())).1.extend(others);
        Ok(())
    }
    /// Writes what waits. What cannot be written waits on.
    pub async fn flush(&self, store: &Store) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(|e| e.into_inner()));
        for (scope, looks) in waiting.into_values() {
            let looks: Vec<_> = looks.into_iter().collect();
            for batch in looks.chunks(BATCH) {
                let Err(error) = write(store, &scope, batch.iter().map(|l| (&l.0, &l.1))).await else { continue };
                tracing::warn!(%error, looks = batch.len(), "looks could not be written yet");
                let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
                waiting.entry(looker(&scope)).or_insert_with(|| (scope.clone(), BTreeMap::new())).1.extend(batch.iter().cloned());
            }
        }
    }
}
fn looker(scope: &Scope) -> Looker {
    (scope.audience, scope.subject.clone(), scope.actor.clone(), scope.reason.clone(), scope.request_id.clone())
}
/// One look, as it is told apart from others within the hour.
fn said(scope: &Scope, customer: Uuid, fields: &[String]) -> [u8; 32] {
    let mut h = Sha256::new();
    for part in [scope.audience.name(), &scope.subject, scope.actor.as_deref().unwrap_or_default(), &customer.to_string(), &fields.join(" ")] {
        h.update(part.as_bytes());
        h.update([0]);
    }
    h.finalize().into()
}
async fn write(store: &Store, scope: &Scope, looks: impl Iterator<Item = (&Uuid, &Look)>) -> Result<()> {
    let mut w = store.write(scope).await?;
    for (customer, look) in looks {
        let fields: Vec<&str> = look.fields.iter().map(String::as_str).collect();
        w.audit(Action::Read, &ENTITY, *customer, Some(*customer), &fields);
    }
    w.commit().await?;
    Ok(())
}

/// Writes looks until the hub stops, and then what is left.
pub async fn follow(app: Arc<App>) {
    let stopped = app.lifecycle.stopped();
    tokio::pin!(stopped);
    loop {
        let done = tokio::select! { () = &mut stopped => true, () = tokio::time::sleep(BEAT) => false };
        app.looks.flush(&app.store).await;
        if done {
            return;
        }
    }
}
