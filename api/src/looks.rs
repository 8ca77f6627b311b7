//! Who looked at whose data, and to whom it was denied. A look at a protected customer is in the audit log before the
//! answer goes out; all else is gathered, one an hour for each looker, customer and set of fields, and written a moment
//! later.
use crate::{app::App, error::Result};
use entities::{Audience, Scope, Store, party::customer::ENTITY, privacy::audit_event::Action};
use moka::sync::Cache;
use schema::{deny::Denial, look::Look};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
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
/// Denied rows of one caller that are written in an hour: who tries more of them fills the log no further.
const MOST_DENIED: usize = 100;

pub struct Looks {
    waiting: Mutex<HashMap<Looker, Waiting>>,
    told: Cache<[u8; 32], ()>,
    /// How much each caller was denied of late.
    denied: Cache<String, Arc<AtomicUsize>>,
}
impl Default for Looks {
    fn default() -> Self {
        Looks {
            waiting: Mutex::default(),
            told: Cache::builder().max_capacity(1_000_000).time_to_live(QUIET).build(),
            denied: Cache::builder().max_capacity(100_000).time_to_live(QUIET).build(),
        }
    }
}
/// What waits of one looker.
struct Waiting {
    scope: Scope,
    looks: BTreeMap<Uuid, Look>,
    denied: Vec<Denial>,
}
impl Waiting {
    fn of(scope: &Scope) -> Self {
        Waiting { scope: scope.clone(), looks: BTreeMap::new(), denied: vec![] }
    }
    fn len(&self) -> usize {
        self.looks.len() + self.denied.len()
    }
}
impl Looks {
    /// Notes what one answer showed. An error means that it may not be sent: a look at somebody protected was not written.
    pub async fn note(&self, store: &Store, scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Result<()> {
        let (protected, mut others): (BTreeMap<_, _>, BTreeMap<_, _>) = looks.into_iter().partition(|l| l.1.protected);
        if !protected.is_empty() {
            write(store, scope, protected.iter()).await?;
        }
        others.retain(|customer, look| self.is_new(said(scope, &customer.to_string(), &look.fields)));
        self.gather(scope, |waiting| waiting.looks.extend(others));
        Ok(())
    }
    /// Notes what one request was denied.
    pub fn note_denied(&self, scope: &Scope, mut denied: Vec<Denial>) {
        denied.retain(|d| {
            metrics::counter!("switchboard_denied_total", "audience" => scope.audience.name(), "kind" => d.kind.name).increment(1);
            self.is_new(said(scope, &format!("denied {}", d.id), std::slice::from_ref(&d.field))) && self.has_room(scope)
        });
        self.gather(scope, |waiting| waiting.denied.extend(denied));
    }
    fn is_new(&self, said: [u8; 32]) -> bool {
        let new = !self.told.contains_key(&said);
        if new {
            self.told.insert(said, ()); // and not again: the hour is that of the first
        }
        new
    }
    fn has_room(&self, scope: &Scope) -> bool {
        let who = format!("{} {}", scope.audience.name(), scope.actor.as_deref().unwrap_or(&scope.subject));
        let before = self.denied.get_with(who, Default::default).fetch_add(1, Ordering::Relaxed);
        if before == MOST_DENIED {
            tracing::warn!(
                audience = scope.audience.name(),
                most = MOST_DENIED,
                "a caller was denied too much within the hour: no more is written down"
            );
        }
        before < MOST_DENIED
    }
    fn gather(&self, scope: &Scope, add: impl FnOnce(&mut Waiting)) {
        let mut new = Waiting::of(scope);
        add(&mut new);
        if new.len() == 0 {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
        if waiting.values().map(Waiting::len).sum::<usize>() >= MOST {
            return tracing::error!(looks = new.len(), "looks are lost: the database takes none");
        }
        let there = waiting.entry(looker(scope)).or_insert_with(|| Waiting::of(scope));
        there.looks.extend(new.looks);
        there.denied.extend(new.denied);
    }
    /// Writes what waits. What cannot be written waits on.
    pub async fn flush(&self, store: &Store) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(|e| e.into_inner()));
        for Waiting { scope, looks, denied } in waiting.into_values() {
            let looks: Vec<_> = looks.into_iter().collect();
            for batch in looks.chunks(BATCH) {
                let Err(error) = write(store, &scope, batch.iter().map(|l| (&l.0, &l.1))).await else { continue };
                tracing::warn!(%error, looks = batch.len(), "looks could not be written yet");
                self.gather(&scope, |waiting| waiting.looks.extend(batch.iter().cloned()));
            }
            if let Err(error) = write_denied(store, &scope, &denied).await {
                tracing::warn!(%error, denied = denied.len(), "what was denied could not be written yet");
                self.gather(&scope, |waiting| waiting.denied.extend(denied));
            }
        }
    }
}
fn looker(scope: &Scope) -> Looker {
    (scope.audience, scope.subject.clone(), scope.actor.clone(), scope.reason.clone(), scope.request_id.clone())
}
/// One look, as it is told apart from others within the hour.
fn said(scope: &Scope, what: &str, fields: &[String]) -> [u8; 32] {
    let mut h = Sha256::new();
    for part in [scope.audience.name(), &scope.subject, scope.actor.as_deref().unwrap_or_default(), what, &fields.join(" ")] {
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
async fn write_denied(store: &Store, scope: &Scope, denied: &[Denial]) -> Result<()> {
    if denied.is_empty() {
        return Ok(());
    }
    let mut w = store.write(scope).await?;
    for d in denied {
        w.audit(Action::Deny, d.kind, d.id, Some(d.customer), &[&d.field]);
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
