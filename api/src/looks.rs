//! Who looked at whose data, and to whom it was denied. A look at a protected customer is in the audit log before the
//! answer goes out; all else is gathered, one an hour for each looker, customer and set of fields, and written a moment
//! later.
use crate::{app::App, error::Result};
use entities::{Scope, Store, party::customer::ENTITY, privacy::audit_event::Action, store::By};
use moka::sync::Cache;
use schema::{deny::Denial, look::Look};
use sea_orm::DbErr;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long the same person's look at the same fields of the same customer says nothing new.
const QUIET: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_secs(1);
/// Events in one transaction: rows that SQLite takes by one statement.
const BATCH: usize = 128;
/// Times that a batch is tried again in halves, each time that what waits is written.
const MOST_HALVED: usize = 12;
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
/// One row of the audit log to come.
#[derive(Clone)]
struct Event {
    by: Arc<By>,
    what: What,
}
#[derive(Clone)]
enum What {
    Look(Uuid, Look),
    Denial(Denial),
}
impl Event {
    fn all(scope: &Scope, what: impl ExactSizeIterator<Item = What>) -> Vec<Self> {
        if what.len() == 0 {
            return vec![]; // as a rule: it was told before
        }
        let by = Arc::new(By::from(scope));
        what.map(|what| Event { by: by.clone(), what }).collect()
    }
    fn looks(scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Vec<Self> {
        Self::all(scope, looks.into_iter().map(|(customer, look)| What::Look(customer, look)))
    }
}

/// What was told, and how many seconds after the start. Where it is too much, and most of it not old, it is forgotten, and
/// something told again.
struct Told {
    start: Instant,
    said: HashMap<Key, u32>,
    /// So many, and what is old goes: rarely enough that no look waits for it as a rule.
    full: usize,
}
/// Of an event's hash as much as tells a million of them apart: each takes 16 bytes.
type Key = [u8; 12];
impl Told {
    const MOST: usize = 1_000_000;
    const FEW: usize = 1_000;
    fn new() -> Self {
        Told { start: Instant::now(), said: HashMap::new(), full: Self::FEW }
    }
    fn is_new(&mut self, said: Key) -> bool {
        self.is_new_at(said, self.start.elapsed().as_secs() as u32)
    }
    /// And not again: the hour is that of the first.
    fn is_new_at(&mut self, said: Key, now_s: u32) -> bool {
        let is_old = |at_s: u32| u64::from(now_s.saturating_sub(at_s)) >= QUIET.as_secs();
        if self.said.get(&said).is_some_and(|at_s| !is_old(*at_s)) {
            return false;
        }
        if self.said.len() >= self.full {
            self.said.retain(|_, at_s| !is_old(*at_s));
            if self.full == Self::MOST && self.said.len() > Self::MOST / 2 {
                self.said.clear();
            }
            self.full = (2 * self.said.len()).clamp(Self::FEW, Self::MOST);
        }
        self.said.insert(said, now_s);
        true
    }
}

/// Makes the keys of a caller's events. They begin with what nobody outside of the process knows: two events of one key
/// cannot be sought, to hide one of them behind the other.
struct Keys(Sha256);
impl Keys {
    fn of(scope: &Scope) -> Self {
        static SALT: LazyLock<[u8; 16]> = LazyLock::new(rand::random);
        let mut h = Sha256::new_with_prefix(*SALT);
        for part in [scope.audience.name(), &scope.subject, scope.actor.as_deref().unwrap_or_default()] {
            h.update(part.as_bytes());
            h.update([0]);
        }
        Keys(h)
    }
    fn key(&self, what: &[u8], fields: &[&str]) -> Key {
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

impl Looks {
    /// Notes what one answer showed. An error means that it may not be sent: a look at somebody protected was not written.
    pub async fn note(&self, store: &Store, scope: &Scope, looks: BTreeMap<Uuid, Look>) -> Result<()> {
        let (mut others, mut protected) = (looks, BTreeMap::new());
        if others.values().any(|look| look.protected) {
            (protected, others) = others.into_iter().partition(|l| l.1.protected);
        }
        if !protected.is_empty() {
            Box::pin(write(store, &Event::looks(scope, protected))).await?;
        }
        let keys = Keys::of(scope);
        let keys: Vec<_> = others.iter().map(|(customer, look)| keys.key(customer.as_bytes(), &look.fields())).collect();
        let mut new = self.newly_told(keys);
        others.retain(|_, _| new.next().unwrap_or(true));
        self.keep(Event::looks(scope, others));
        Ok(())
    }
    /// Notes what one request was denied.
    pub fn note_denied(&self, scope: &Scope, mut denied: Vec<Denial>) {
        if denied.is_empty() {
            return;
        }
        for d in &denied {
            metrics::counter!("switchboard_denied_total", "audience" => scope.audience.name(), "kind" => d.kind.name).increment(1);
        }
        let keys = Keys::of(scope);
        let mut new = self.newly_told(denied.iter().map(|d| keys.key(format!("denied {}", d.id).as_bytes(), &[&d.field])).collect());
        denied.retain(|_| new.next().unwrap_or(true) && self.has_room(scope));
        self.keep(Event::all(scope, denied.into_iter().map(What::Denial)));
    }
    /// Which of them were not told within the hour. They count as told from now on.
    fn newly_told(&self, keys: Vec<Key>) -> impl Iterator<Item = bool> + use<> {
        let mut told = lock(&self.told);
        let new: Vec<bool> = keys.into_iter().map(|key| told.is_new(key)).collect();
        new.into_iter()
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
    /// Keeps them until they are written.
    fn keep(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MOST {
            return tracing::error!(events = events.len(), "looks are lost: the database takes none");
        }
        waiting.extend(events);
    }
    /// Writes what waits, many in one transaction. What cannot be written waits on, and as few others with it as can be.
    pub async fn flush(&self, store: &Store) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        let mut batches: Vec<_> = waiting.chunks(BATCH).rev().collect();
        let mut halved = 0;
        while let Some(batch) = batches.pop() {
            let Err(error) = write(store, batch).await else { continue };
            let of_a_row = matches!(error, entities::Error::Db(DbErr::Exec(_) | DbErr::Query(_)));
            if of_a_row && batch.len() > 1 && halved < MOST_HALVED {
                halved += 1;
                let (first, rest) = batch.split_at(batch.len() / 2);
                batches.extend([rest, first]);
                continue;
            }
            tracing::warn!(%error, events = batch.len(), "looks could not be written yet");
            self.keep(batch.to_vec());
        }
    }
}
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(|e| e.into_inner())
}
async fn write(store: &Store, events: &[Event]) -> entities::Result<()> {
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    for Event { by, what } in events {
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
    use entities::Audience;

    fn key(n: u32) -> Key {
        std::array::from_fn(|at| n.to_le_bytes().get(at).copied().unwrap_or_default())
    }
    #[test]
    fn a_look_is_told_once_within_an_hour_of_its_first() {
        let (mut told, hour) = (Told::new(), QUIET.as_secs() as u32);
        let mut new = |at_s: u32| (0..1000).filter(|n| told.is_new_at(key(*n), at_s)).count();
        assert_eq!([new(5), new(6), new(hour + 4), new(hour + 5), new(hour + 6)], [1000, 0, 0, 1000, 0]);
    }
    #[test]
    fn what_is_too_much_to_remember_is_told_again_and_never_kept_back() {
        let mut told = Told::new();
        let most = Told::MOST as u32;
        assert!((0..most).all(|n| told.is_new_at(key(n), 0) && told.said.len() <= Told::MOST));
        assert!(!told.is_new_at(key(0), 0), "all of them are remembered");
        assert!(told.is_new_at(key(most), 0) && told.is_new_at(key(0), 0), "one too many");
        // what is old goes, and makes room for as much again
        let (mut told, hour) = (Told::new(), QUIET.as_secs() as u32);
        assert!((0..most).all(|n| told.is_new_at(key(n), if n < most / 4 { 9 } else { 0 })));
        assert!(told.is_new_at(key(most), hour) && !told.is_new_at(key(0), hour));
        assert_eq!((told.said.len(), told.full), (Told::MOST / 4 + 1, Told::MOST / 2));
    }
    #[test]
    fn an_event_is_told_apart_by_who_and_whom_and_what() {
        let scope = |subject: &str, actor: Option<&str>, audience| {
            let mut scope = Scope::new(audience, subject, chrono::DateTime::UNIX_EPOCH);
            scope.actor = actor.map(Into::into);
            scope
        };
        let of = |subject: &str, actor: Option<&str>, what: &str, fields: &[&str]| {
            Keys::of(&scope(subject, actor, Audience::Agent)).key(what.as_bytes(), fields)
        };
        let one = of("a", None, "b", &["c", "d"]);
        assert_eq!(one, of("a", None, "b", &["c", "d"]));
        assert_ne!(one, Keys::of(&scope("a", None, Audience::Partner)).key(b"b", &["c", "d"]));
        for other in [
            of("ab", None, "", &["c", "d"]),
            of("a", Some("b"), "b", &["c", "d"]),
            of("a", None, "b", &["cd"]),
            of("a", None, "c", &["c", "d"]),
            of("a", None, "b", &["c"]),
        ] {
            assert_ne!(one, other);
        }
    }
}
