//! The change log as it grows, read once for all who follow it in this process: a thousand subscriptions cost one
//! statement where something was written, and nothing in between.
use super::after;
use crate::{
    Error, Result, Scope, Store,
    care::ticket,
    conversation::message,
    party::{customer, customer_contact, party},
};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, watch};
use uuid::Uuid;

/// Other processes write too, and do not wake this one: the log is looked at this often.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What subscriptions follow.
const FOLLOWED: [&str; 2] = [ticket::ENTITY.name, message::ENTITY.name];
/// What says who a customer's login is.
const LOGINS: [&str; 3] = [customer::ENTITY.name, customer_contact::ENTITY.name, party::ENTITY.name];
/// Entries that are read together.
const BATCH: u64 = 500;
/// Entries that are kept for those who are slow; who is slower still reads for itself.
const KEPT: usize = 4096;
/// Streams that read their rows at a time, at most; of few connections half, as requests need them too.
const TURNS: usize = 2;

/// What is known of the log. Cheap to clone. Whoever waits for it has to be run by a task of its own: while one that is
/// not goes on holds it, all others wait.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Inner>);
struct Inner {
    recent: Mutex<Recent>,
    logins: AtomicI64,
    turns: Semaphore,
}
/// All that is followed after `from`, up to `to`.
#[derive(Default)]
struct Recent {
    from: i64,
    to: i64,
    entries: VecDeque<(i64, &'static str, Changed)>,
    looked: Option<Instant>,
    /// The last look did not come to the end.
    more: bool,
}
impl Recent {
    fn is_stale(&self) -> bool {
        self.more || self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY)
    }
}
/// A row that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    pub id: Uuid,
    /// The conversation of a message.
    pub of: Option<Uuid>,
}

impl Feed {
    /// Of a database that is read by so many connections.
    pub(crate) fn new(connections: u32) -> Self {
        let turns = (connections as usize / 2).clamp(1, TURNS);
        Feed(Arc::new(Inner { recent: Mutex::default(), logins: AtomicI64::new(0), turns: Semaphore::new(turns) }))
    }
    /// The last position at which something changed that says who a customer's login is, at most [`LOOK_EVERY`] old.
    pub async fn logins(&self, store: &Store) -> Result<i64> {
        let mut recent = self.0.recent.lock().await;
        if recent.is_stale() || *store.written().borrow() > recent.to {
            let position = if recent.looked.is_none() { store.position().await? } else { recent.to };
            self.read_on(&mut recent, store, position).await?;
        }
        Ok(self.0.logins.load(Ordering::Relaxed))
    }
    /// The rows of a kind that changed after a position, each once, and how far that is. `known`: somebody told that the
    /// log is so long.
    async fn since(&self, store: &Store, position: i64, kind: &str, known: i64) -> Result<(Vec<Changed>, i64)> {
        let mut recent = self.0.recent.lock().await;
        if position >= recent.to && (known > recent.to || recent.is_stale()) {
            self.read_on(&mut recent, store, position).await?;
        }
        if position >= recent.from {
            let start = recent.entries.partition_point(|e| e.0 <= position);
            let newer = recent.entries.range(start..).filter(|e| e.1 == kind).map(|e| e.2);
            return Ok((once(newer), recent.to.max(position)));
        }
        drop(recent);
        let entries = after(store, position, &[kind], BATCH).await?;
        let to = entries.last().map_or(position, |e| e.position);
        let read = described(store, entries.iter().map(|e| (e.position, kind, e.entity_id))).await?;
        Ok((once(read.into_iter().map(|e| e.2)), to))
    }
    /// Reads what came after the end; from `position` on where that is far ahead, as nobody has followed for long.
    async fn read_on(&self, recent: &mut Recent, store: &Store, position: i64) -> Result<()> {
        // the head first: all that is before it can be seen
        let head = store.position().await?;
        recent.looked = Some(Instant::now());
        recent.more = false;
        if position > recent.to + BATCH as i64 {
            *recent = Recent { from: position, to: position, looked: recent.looked, ..Recent::default() };
            self.0.logins.store(position, Ordering::Relaxed); // what was skipped may be of that kind
        }
        if head <= recent.to {
            return Ok(());
        }
        let kinds = [&FOLLOWED[..], &LOGINS].concat();
        let page = after(store, recent.to, &kinds, BATCH).await?;
        let full = page.len() as u64 == BATCH;
        let end = page.last().map_or(0, |e| e.position);
        if let Some(last) = page.iter().rev().find(|e| LOGINS.contains(&e.entity_type.as_str())) {
            self.0.logins.store(last.position, Ordering::Relaxed);
        }
        let followed = page.iter().filter_map(|e| Some((e.position, *FOLLOWED.iter().find(|k| **k == e.entity_type)?, e.entity_id)));
        recent.entries.extend(described(store, followed).await?);
        recent.to = if full { end } else { end.max(head) };
        while recent.entries.len() > KEPT {
            recent.from = recent.entries.pop_front().map_or(recent.from, |e| e.0);
        }
        recent.more = full;
        Ok(())
    }
}

/// What a follower needs to know of a row before it asks whether it may see it.
async fn described<'a>(store: &Store, entries: impl Iterator<Item = (i64, &'a str, Uuid)>) -> Result<Vec<(i64, &'a str, Changed)>> {
    let entries: Vec<_> = entries.collect();
    let messages: Vec<_> = entries.iter().filter(|e| e.1 == message::ENTITY.name).map(|e| e.2).collect();
    let mut of: HashMap<Uuid, Uuid> = HashMap::new();
    if !messages.is_empty() {
        let query = Scope::hub(store.clock().now()).find::<message::Entity>().filter(message::Column::Id.is_in(messages));
        let columns = query.select_only().column(message::Column::Id).column(message::Column::ConversationId);
        of = columns.into_tuple().all(store.reader()).await.map_err(Error::from)?.into_iter().collect();
    }
    Ok(entries.into_iter().map(|(position, kind, id)| (position, kind, Changed { id, of: of.get(&id).copied() })).collect())
}
/// Each once, in the order of their first change.
fn once(changed: impl Iterator<Item = Changed>) -> Vec<Changed> {
    let mut seen = BTreeSet::new();
    changed.filter(|c| seen.insert(*c)).collect()
}

/// Follows one kind of row from now on.
pub struct Follower {
    store: Store,
    kind: &'static str,
    position: i64,
    written: watch::Receiver<i64>,
}
impl Follower {
    /// From the end of the log as it is now.
    pub async fn new(store: &Store, kind: &'static str) -> Result<Self> {
        debug_assert!(FOLLOWED.contains(&kind), "{kind} is not read from the log");
        Ok(Follower { kind, position: store.position().await?, written: store.written(), store: store.clone() })
    }
    /// The rows that changed since the last time, each once. Waits until there are some; a failure is logged and tried again.
    pub async fn next(&mut self) -> Vec<Changed> {
        loop {
            let known = *self.written.borrow_and_update();
            match self.store.feed().since(&self.store, self.position, self.kind, known).await {
                Ok((changed, to)) => {
                    let moved = to > self.position;
                    self.position = to;
                    if !changed.is_empty() {
                        return changed;
                    }
                    if moved && to < known {
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "a subscription could not read the change log; it will try again"),
            }
            // woken by whoever looks, this process or its tail; else by itself
            _ = tokio::time::timeout(Duration::from_secs(1), self.written.changed()).await;
        }
    }
    pub fn store(&self) -> &Store {
        &self.store
    }
    /// A turn to read what changed. None where the process ends.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.store.feed().0.turns.acquire().await.ok()
    }
}
