//! Who looked at whose data, and to whom it was denied. A look at a protected customer is in the audit log before the
//! answer goes out; all else is gathered, one an hour for each looker, customer and set of fields, and written a moment
//! later.
use crate::{app::App, error::Result};
use entities::{Scope, Store, party::customer::ENTITY, privacy::audit_event::Action, store::By};
use moka::sync::Cache;
use schema::{deny::Denial, look::Look};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long the same person's look at the same fields of the same customer says nothing new.
const QUIET: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_secs(1);
/// Events in one transaction.
const BATCH: usize = 200;
/// Events that may wait while the database cannot take them.
const MOST: usize = 100_000;
/// Denied rows of one caller that are written in an hour: who tries more of them fills the log no further.
const MOST_DENIED: usize = 100;

pub struct Looks {
    waiting: Mutex<Vec<Event>>,
    told: Mutex<Told>,
    /// How much each caller was denied of late.
    denied: Cache<String, Arc<AtomicUsize>>,
}
impl Default for Looks {
    fn default() -> Self {
        Looks { waiting: Mutex::default(), told: Mutex::new(Told::new()), denied: Cache::builder().max_capacity(100_000).time_to_live(QUIET).build() }
    }
}
/// One row of the audit log to come, and whose it is.
type Event = (Arc<By>, What);
#[derive(Clone)]
enum What {
    Look(Uuid, Look),
    Denial(Denial),
}

/// What was told, and how many seconds after the start. Where it is too much it is forgotten, and something told again.
struct Told {
    start: Instant,
    said: HashMap<Key, u32>,
}
/// Of an event's hash as much as tells a million of them apart: each takes 16 bytes.
type Key = [u8; 12];
impl Told {
    const MOST: usize = 1_000_000;
    fn new() -> Self {
        Told { start: Instant::now(), said: HashMap::new() }
    }
    fn is_new(&mut self, said: Key) -> bool {
        self.is_new_at(said, self.start.elapsed().as_secs() as u32)
    }
    /// And not again: the hour is that of the first.
    fn is_new_at(&mut self, said: Key, now_s: u32) -> bool {
        let is_old = |at_s: u32| u64::from(now_s - at_s) >= QUIET.as_secs();
        if self.said.len() == self.said.capacity() {
            self.said.retain(|_, at_s| !is_old(*at_s));
            if self.said.len() >= Self::MOST {
                self.said.clear();
            }
        }
        let new = self.said.get(&said).is_none_or(|at_s| is_old(*at_s));
        if new {
            self.said.insert(said, now_s);
        }
        new
    }
}

impl Looks {
    /// Notes what one answer showed. An error means that it may not be sent: a look at somebody protected was not written.
    pub async fn note(&self, store: &Store, scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Result<()> {
        let (mut others, mut protected) = (looks, BTreeMap::new());
        if others.values().any(|look| look.protected) {
            (protected, others) = others.into_iter().partition(|l| l.1.protected);
        }
        if !protected.is_empty() {
            Box::pin(write(store, &seen(scope, protected))).await?;
        }
        let said = Said::by(scope);
        let mut told = lock(&self.told);
        others.retain(|customer, look| told.is_new(said.of(customer.as_bytes(), &look.fields())));
        drop(told);
        self.wait(seen(scope, others));
        Ok(())
    }
    /// Notes what one request was denied.
    pub fn note_denied(&self, scope: &Scope, mut denied: Vec<Denial>) {
        if denied.is_empty() {
            return;
        }
        let said = Said::by(scope);
        denied.retain(|d| {
            metrics::counter!("switchboard_denied_total", "audience" => scope.audience.name(), "kind" => d.kind.name).increment(1);
            lock(&self.told).is_new(said.of(format!("denied {}", d.id).as_bytes(), &[&d.field])) && self.has_room(scope)
        });
        self.wait(events(scope, denied.into_iter().map(What::Denial)));
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
    fn wait(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MOST {
            return tracing::error!(events = events.len(), "looks are lost: the database takes none");
        }
        waiting.extend(events);
    }
    /// Writes what waits, many in one transaction. What cannot be written waits on.
    pub async fn flush(&self, store: &Store) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for batch in waiting.chunks(BATCH) {
            if let Err(error) = write(store, batch).await {
                tracing::warn!(%error, events = batch.len(), "looks could not be written yet");
                self.wait(batch.to_vec());
            }
        }
    }
}
fn seen(scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Vec<Event> {
    events(scope, looks.into_iter().map(|(customer, look)| What::Look(customer, look)))
}
fn events(scope: &Scope, what: impl ExactSizeIterator<Item = What>) -> Vec<Event> {
    if what.len() == 0 {
        return vec![]; // as a rule: it was told before
    }
    let by = Arc::new(By::from(scope));
    what.map(|what| (by.clone(), what)).collect()
}
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(|e| e.into_inner())
}

/// One event, as it is told apart from others within the hour: by whose it is first.
struct Said(Sha256);
impl Said {
    fn by(scope: &Scope) -> Self {
        let mut h = Sha256::new();
        for part in [scope.audience.name(), &scope.subject, scope.actor.as_deref().unwrap_or_default()] {
            h.update(part.as_bytes());
            h.update([0]);
        }
        Said(h)
    }
    fn of(&self, what: &[u8], fields: &[&str]) -> Key {
        let mut h = self.0.clone();
        h.update(what);
        for field in fields {
            h.update([0]);
            h.update(field.as_bytes());
        }
        let hash: [u8; 32] = h.finalize().into();
        hash.first_chunk().copied().unwrap_or_default()
    }
}
async fn write(store: &Store, events: &[Event]) -> entities::Result<()> {
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    for (by, what) in events {
        match what {
            What::Look(customer, look) => w.audit_of(by.clone(), Action::Read, &ENTITY, *customer, Some(*customer), &look.fields()),
            What::Denial(d) => w.audit_of(by.clone(), Action::Deny, d.kind, d.id, Some(d.customer), &[&d.field]),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_look_is_told_once_within_an_hour_of_its_first() {
        let (mut told, hour) = (Told::new(), QUIET.as_secs() as u32);
        let said: Vec<Key> = (0..1000u32).map(|n| std::array::from_fn(|at| n.to_le_bytes().get(at).copied().unwrap_or_default())).collect();
        let mut new = |at_s: u32| said.iter().filter(|s| told.is_new_at(**s, at_s)).count();
        assert_eq!([new(5), new(6), new(hour + 4), new(hour + 5), new(hour + 6)], [1000, 0, 0, 1000, 0]);
    }
    #[test]
    fn what_is_too_much_to_remember_is_told_again_and_never_kept_back() {
        let mut told = Told::new();
        let key = |n: u32| std::array::from_fn(|at| n.to_le_bytes().get(at).copied().unwrap_or_default());
        assert!((0..2_000_000).all(|n| told.is_new_at(key(n), 0)));
        assert!(told.said.capacity() < 4 * Told::MOST);
    }
    #[test]
    fn an_event_is_told_apart_by_who_and_whom_and_what() {
        let scope = |subject: &str| Scope::new(entities::Audience::Agent, subject, chrono::DateTime::UNIX_EPOCH);
        let of = |subject: &str, what: &str, fields: &[&str]| Said::by(&scope(subject)).of(what.as_bytes(), fields);
        let one = of("a", "b", &["c", "d"]);
        assert_eq!(one, of("a", "b", &["c", "d"]));
        for other in [of("ab", "", &["c", "d"]), of("a", "b", &["cd"]), of("a", "c", &["c", "d"]), of("a", "b", &["c"])] {
            assert_ne!(one, other);
        }
    }
}
