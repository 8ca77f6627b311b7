//! Who looked at whose data. A look at a protected customer is in the audit log before the answer goes out; other looks
//! are gathered, one an hour for each looker and customer, and written a moment later.
use crate::{app::App, error::Result};
use entities::{Scope, Store, party::customer::ENTITY, privacy::audit_event::Action};
use moka::sync::Cache;
use schema::look::Look;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

/// Who looked at whom: somebody who acts as another is the one who looks.
type Key = (String, Uuid);
/// How long further looks of the same person at the same customer say nothing new.
const QUIET: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_secs(1);
/// Looks in one transaction.
const BATCH: usize = 500;
/// Looks that may wait while the database cannot take them.
const MOST: usize = 100_000;

pub struct Looks {
    waiting: Mutex<HashMap<Key, (Scope, Look)>>,
    told: Cache<Key, ()>,
}
impl Default for Looks {
    fn default() -> Self {
        Looks { waiting: Mutex::default(), told: Cache::builder().max_capacity(1_000_000).time_to_live(QUIET).build() }
    }
}
impl Looks {
    /// Notes what one answer showed. An error means that it may not be sent: a look at somebody protected was not written.
    pub async fn note(&self, store: &Store, scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Result<()> {
        let (protected, others): (BTreeMap<_, _>, BTreeMap<_, _>) = looks.into_iter().partition(|l| l.1.protected);
        if !protected.is_empty() {
            write(store, scope, protected.iter()).await?;
        }
        let looker = scope.actor.as_ref().unwrap_or(&scope.subject);
        let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
        for (customer, look) in others {
            let key = (looker.clone(), customer);
            if waiting.len() < MOST && !self.told.contains_key(&key) {
                self.told.insert(key.clone(), ());
                waiting.insert(key, (scope.clone(), look));
            }
        }
        Ok(())
    }
    /// Writes what waits. What cannot be written waits on.
    pub async fn flush(&self, store: &Store) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(|e| e.into_inner()));
        let mut by_looker: HashMap<String, Vec<(Uuid, Scope, Look)>> = HashMap::new();
        for ((looker, customer), (scope, look)) in waiting {
            by_looker.entry(looker).or_default().push((customer, scope, look));
        }
        for (looker, looks) in by_looker {
            for batch in looks.chunks(BATCH) {
                let Err(error) = write(store, &batch[0].1, batch.iter().map(|l| (&l.0, &l.2))).await else { continue };
                tracing::warn!(%error, looks = batch.len(), "looks could not be written yet");
                let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
                waiting.extend(batch.iter().cloned().map(|(customer, scope, look)| ((looker.clone(), customer), (scope, look))));
            }
        }
    }
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
