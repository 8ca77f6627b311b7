//! Who may work now, who waits a moment, and who is asked to come back: more than the hub can do at a time makes
//! everything slow and nothing faster.
//!
//! There are places for operations. Each caller has a line of its own, and a place that becomes free goes to the next
//! caller in turn, so that one who asks a thousand times at once waits for itself. No caller may hold all places. Few may
//! be held by one whose operations take long, and by one who is greedy: it held more than its share for a while, and
//! somebody is there who did not. The others find a place, a connection of the database and a core at once. Who would
//! have to wait longer than the bound, by the beat at which places become free, is refused before anything of its request
//! was read or checked; so that what is let in is done, and no work is lost on what is not.
mod late;
mod line;
mod pressure;

use crate::{auth::address::Address, graphql::budget::Payer, peer::Peer};
use axum::http::{HeaderMap, header::AUTHORIZATION};
use entities::{Scope, reader::Turns};
use late::Late;
use line::{Beside, Line, MEMORY, MOST_IN_LINE, SMOOTH, Waiter, smooth};
use metrics::Counter;
use moka::sync::Cache;
use pressure::Pressure;
use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

/// What a refused caller is told to wait, in seconds.
pub const RETRY_AFTER_S: u64 = 1;
/// How long one caller counts as being there for another.
const PRESENT: Duration = Duration::from_secs(1);
/// Operations that wait for each place, at most.
const MOST_WAITING: usize = 16;
/// Callers of whom is remembered how long their operations take.
const MOST_CALLERS: usize = 10_000;
/// How long that is remembered.
const REMEMBERED: Duration = Duration::from_secs(10);
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// There is no place within the bound of waiting.
#[derive(Clone, Debug, PartialEq)]
pub struct Overloaded;

/// The places of one process. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);
struct Shared {
    bounds: Bounds,
    state: Mutex<State>,
    /// Nobody waits: then nobody has to be looked at.
    waiting: AtomicUsize,
    late: Late,
    /// Who sent a token before, by the hash of the header: known before it is verified.
    senders: Cache<u64, Arc<Payer>>,
    hasher: RandomState,
}
/// How many operations at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Of all callers.
    pub places: usize,
    /// Of one caller that is alone; and the few that it may hold while its operations are slow.
    pub alone: (usize, usize),
    /// The same while others are there. The few are also what a greedy one may hold.
    pub among: (usize, usize),
    /// There is one core: the place of a greedy one is free again after twice the time, which leaves half of the core.
    pub rests: bool,
    /// Of one caller of whom it is not yet known how long its operations take.
    pub unknown: usize,
    /// Of all callers whose operations are slow: what is quick finds a connection of the database free.
    pub slow: usize,
    /// How long a newcomer may expect to wait.
    pub wait: Duration,
    /// How long one that was let in waits at most: for its own caller's, as those of others end sooner.
    pub patience: Duration,
}
impl Bounds {
    /// For so many connections for reading; `places` of 0 are as many as keep these and the cores busy.
    pub fn new(places: usize, wait: Duration, patience: Duration, readers: usize, cores: usize) -> Self {
        let places = if places == 0 { (2 * readers).max(4 * cores) } else { places };
        let share = |n: usize| n.clamp(1, places.saturating_sub(1).max(1));
        // an operation holds one connection at a time: slow ones leave half of them free, and half of the cores where
        // others need them
        Bounds {
            places,
            alone: (share(places - places / 4), share(readers / 2)),
            among: (share(places / 2), share((cores / 2).min(readers / 2))),
            rests: cores < 2,
            unknown: share(readers.saturating_sub(1)),
            slow: readers.saturating_sub(1).max(1),
            wait,
            patience,
        }
    }
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Of these, by callers whose operations are slow.
    slow: usize,
    lines: HashMap<Arc<Payer>, Line>,
    /// So many callers are to be looked through.
    sweep_at: usize,
    /// Callers of whom somebody waits, in turn.
    turns: VecDeque<Arc<Payer>>,
    last: Latest,
    /// Of those who are not greedy.
    modest: Latest,
    /// How far apart places become free while somebody waits, smoothed; and when one last did.
    beat: Duration,
    freed: Option<Instant>,
    refused: u64,
    told: Option<Instant>,
    pressure: Pressure,
}
/// The two callers who were here last.
#[derive(Default)]
struct Latest([Option<(Arc<Payer>, Instant)>; 2]);
impl Latest {
    fn came(&mut self, payer: &Arc<Payer>, now: Instant) {
        match &mut self.0 {
            [Some((last, at)), _] if Arc::ptr_eq(last, payer) => *at = now,
            [first, second] => {
                *second = first.take();
                *first = Some((payer.clone(), now));
            }
        }
    }
    /// Whether there is somebody else.
    fn has_beside(&self, payer: &Arc<Payer>, now: Instant) -> bool {
        self.0.iter().flatten().any(|(other, at)| !Arc::ptr_eq(other, payer) && now - *at < PRESENT)
    }
}
/// A place at work; given back when it is dropped.
pub struct Place {
    shared: Arc<Shared>,
    /// None where it was never taken.
    held: Option<Held>,
}
struct Held {
    payer: Arc<Payer>,
    since: Instant,
    /// Its caller's operations were slow when it was taken.
    slow: bool,
}
impl Drop for Place {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let shared = self.shared.clone();
        // without a runtime the process is ending
        match (shared.rest(&held), Handle::try_current()) {
            (Some(rest), Ok(runtime)) => drop(runtime.spawn(async move {
                sleep(rest).await;
                shared.leave(held);
            })),
            _ => shared.leave(held),
        }
    }
}

impl Gate {
    /// `turns` hears how often statements are to let others have their cores.
    pub fn new(bounds: Bounds, turns: Turns) -> Self {
        Gate(Arc::new(Shared {
            bounds,
            state: Mutex::new(State { pressure: Pressure::new(turns), ..State::default() }),
            waiting: AtomicUsize::new(0),
            late: Late::default(),
            senders: Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(60)).build(),
            hasher: RandomState::new(),
        }))
    }
    /// Whether anybody waits. Where nobody does, nobody is refused.
    pub fn is_waited_at(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }
    /// Before anything of a request was read: whether its caller, as far as that can be told, would wait too long. Whoever
    /// is turned away is counted, and is told after [`Gate::hold_back_for`].
    pub fn turns_away(&self, headers: &HeaderMap, address: Address) -> bool {
        let (sender, now) = (self.0.sender(headers, address), Instant::now());
        let mut state = self.0.state();
        // where a place is free, it may be for this caller: `enter` knows
        let crowded = self.0.has_no_room() && state.taken >= self.0.bounds.places;
        let refused = crowded || state.is_closed(self.0.bounds, sender.as_ref(), now);
        if refused {
            self.0.refuse(&mut state, now);
        }
        refused
    }
    /// As long as who is refused could have waited: one that asks in a loop gets on no faster by being refused.
    pub async fn hold_back(&self) {
        self.0.late.wait(self.0.bounds.wait).await;
    }
    /// How soon one who is refused over this connection is told: at once, unless it was of late or is new.
    pub fn refuse_over(&self, peer: Option<&Peer>) -> Duration {
        peer.map_or(self.0.bounds.wait, |peer| peer.refuse(self.0.bounds.wait))
    }
    /// As [`Gate::hold_back`] for so long, and for one whose whole request is here: not at all where all threads are so busy
    /// that it has waited for most of the bound before it was looked at.
    pub async fn hold_back_for(&self, wait: Duration) {
        let late = &self.0.late;
        if !wait.is_zero() && !late.skips(self.0.bounds.wait) {
            late.wait(wait.saturating_sub(late.by())).await; // by so much it would be late
        }
    }
    /// [`Gate::turns_away`], and the wait after it.
    pub async fn knock(&self, headers: &HeaderMap, address: Address) -> Result<(), Overloaded> {
        if !self.is_waited_at() || !self.turns_away(headers, address) {
            return Ok(());
        }
        self.hold_back().await;
        Err(Overloaded)
    }
    /// Who sent these headers, for the next [`Gate::turns_away`].
    pub fn remember(&self, headers: &HeaderMap, scope: &Scope, address: Address) {
        if let Some(hash) = self.0.hash(headers).filter(|h| !self.0.senders.contains_key(h)) {
            self.0.senders.insert(hash, Arc::new(Payer::of(scope, address)));
        }
    }
    /// A place for an operation of this caller, as soon as it is its turn.
    pub async fn enter(&self, scope: &Scope, address: Address) -> Result<Place, Overloaded> {
        let bounds = self.0.bounds;
        match self.0.ask(Payer::of(scope, address)) {
            Asked::Taken(place) => Ok(place),
            Asked::Refused(overloaded) => {
                self.hold_back().await;
                Err(overloaded)
            }
            Asked::Waits(turn, since) => match timeout(bounds.patience, turn).await {
                Ok(Ok(place)) => {
                    metrics::histogram!("switchboard_wait_seconds").record(since.elapsed().as_secs_f64());
                    Ok(place)
                }
                _ => Err(self.0.refuse(&mut self.0.state(), Instant::now())),
            },
        }
    }
    /// Operations that hold a place, and that wait for one.
    pub fn standing(&self) -> (usize, usize) {
        (self.0.state().taken, self.0.waiting.load(Ordering::Relaxed))
    }
}

enum Asked {
    Taken(Place),
    Waits(oneshot::Receiver<Place>, Instant),
    Refused(Overloaded),
}
impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
    /// By the end of a token: whoever has the same has the same signature.
    fn hash(&self, headers: &HeaderMap) -> Option<u64> {
        const END_BYTES: usize = 64;
        let token = headers.get(AUTHORIZATION)?.as_bytes().trim_ascii_end();
        Some(self.hasher.hash_one(&token[token.len().saturating_sub(END_BYTES)..]))
    }
    fn sender(&self, headers: &HeaderMap, address: Address) -> Option<Arc<Payer>> {
        match self.hash(headers) {
            Some(hash) => self.senders.get(&hash),
            None => Some(Arc::new(Payer::at(address))),
        }
    }
    fn ask(self: &Arc<Self>, payer: Payer) -> Asked {
        let now = Instant::now();
        let mut state = self.state();
        let payer = state.arrived(payer, self.bounds, now);
        let beside = state.beside(&payer, now);
        let free = state.taken < self.bounds.places;
        if free && state.lines.get(&payer).is_some_and(|line| line.waiting.is_empty() && line.may_take(self.bounds, beside, state.slow)) {
            return Asked::Taken(self.take(&mut state, &payer, now));
        }
        if self.has_no_room() || state.is_closed(self.bounds, Some(&payer), now) {
            return Asked::Refused(self.refuse(&mut state, now));
        }
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter { since: now, place: sender };
        if state.lines.get_mut(&payer).is_some_and(|line| line.stand(waiter)) {
            state.turns.push_back(payer);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Asked::Waits(receiver, now)
    }
    /// Counts one who is to come back later.
    fn refuse(self: &Arc<Self>, state: &mut State, now: Instant) -> Overloaded {
        static REFUSED: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("switchboard_operations_refused_total"));
        REFUSED.increment(1);
        state.refused += 1;
        let all_wait = state.taken >= self.bounds.places && self.late.by().is_zero();
        state.pressure.by_refused(now, all_wait);
        self.look_how_late();
        if state.told.is_none_or(|at| now - at >= TOLD_EVERY) {
            tracing::warn!(refused = state.refused, "more is asked than can be answered in time: callers are told to come back");
            (state.refused, state.told) = (0, Some(now));
        }
        Overloaded
    }
    /// Those who are told at once do not see how late the process is.
    fn look_how_late(self: &Arc<Self>) {
        if let Ok(runtime) = Handle::try_current()
            && self.late.is_to_be_seen()
        {
            let shared = self.clone();
            runtime.spawn(async move { shared.late.see().await });
        }
    }
    /// As many wait as may.
    fn has_no_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= (MOST_WAITING * self.bounds.places).max(2 * MOST_IN_LINE)
    }
    fn take(self: &Arc<Self>, state: &mut State, payer: &Arc<Payer>, now: Instant) -> Place {
        let slow = state.lines.get(payer).is_some_and(Line::is_slow);
        state.taken += 1;
        state.slow += usize::from(slow);
        if let Some(line) = state.lines.get_mut(payer) {
            line.held += 1;
        }
        Place { shared: self.clone(), held: Some(Held { payer: payer.clone(), since: now, slow }) }
    }
    /// How long a place is kept after it was held; none where it is free at once.
    fn rest(&self, Held { payer, since, .. }: &Held) -> Option<Duration> {
        if !self.bounds.rests {
            return None;
        }
        let (state, now) = (self.state(), Instant::now());
        let greedy = state.lines.get(payer)?.greedy && state.beside(payer, now).modest;
        greedy.then(|| (now - *since).min(MEMORY))
    }
    fn leave(self: &Arc<Self>, held: Held) {
        let now = Instant::now();
        let mut state = self.state();
        // a place that nobody was kept from says nothing of how long one waits for a place
        let wanted = state.taken >= self.bounds.places && self.waiting.load(Ordering::Relaxed) > 0;
        state.gave_back(&held);
        state.learn(&held, self.bounds, now);
        state.tick(now, wanted);
        self.fill(&mut state, now);
    }
    /// Gives free places to those who wait, one caller after the other.
    fn fill(self: &Arc<Self>, state: &mut State, now: Instant) {
        let mut passed = 0; // callers in a row who may not take one
        while state.taken < self.bounds.places && passed < state.turns.len() {
            let Some(payer) = state.turns.pop_front() else { return };
            let (beside, slow) = (state.beside(&payer, now), state.slow);
            let Some(line) = state.lines.get_mut(&payer) else { continue };
            let before = line.waiting.len();
            line.drop_gone();
            let next = if line.may_take(self.bounds, beside, slow) { line.waiting.pop_front() } else { None };
            self.waiting.fetch_sub(before - line.waiting.len(), Ordering::Relaxed);
            let stays = !line.waiting.is_empty();
            if stays {
                state.turns.push_back(payer.clone());
            }
            let Some(next) = next else {
                passed += usize::from(stays); // whose askers have all gone has no turn any more
                continue;
            };
            passed = 0;
            let place = self.take(state, &payer, now);
            let unwanted = next.place.send(place).err();
            if let Some(held) = unwanted.and_then(|mut place| place.held.take()) {
                state.gave_back(&held); // the state is in our hands
            }
        }
    }
}

impl State {
    /// Counts the caller as being there.
    fn arrived(&mut self, payer: Payer, bounds: Bounds, now: Instant) -> Arc<Payer> {
        if self.lines.len() >= self.sweep_at.max(MOST_CALLERS) {
            self.lines.retain(|_, line| line.held > 0 || !line.waiting.is_empty() || now - line.seen < REMEMBERED);
            self.sweep_at = 2 * self.lines.len(); // not with every arrival where all are here
        }
        let payer = match self.lines.get_key_value(&payer) {
            Some((known, _)) => known.clone(),
            None => {
                let payer = Arc::new(payer);
                self.lines.insert(payer.clone(), Line::new(now));
                payer
            }
        };
        self.last.came(&payer, now);
        if self.lines.get_mut(&payer).is_some_and(|line| !line.judged(bounds, now)) {
            self.modest.came(&payer, now);
        }
        self.pressure.ease(now);
        payer
    }
    fn beside(&self, payer: &Arc<Payer>, now: Instant) -> Beside {
        Beside { others: self.last.has_beside(payer, now), modest: self.modest.has_beside(payer, now) }
    }
    fn gave_back(&mut self, held: &Held) {
        self.taken -= 1;
        self.slow -= usize::from(held.slow);
        if let Some(line) = self.lines.get_mut(&held.payer) {
            line.held -= 1;
        }
    }
    /// What a place was used for is learnt from how long it was held.
    fn learn(&mut self, held: &Held, bounds: Bounds, now: Instant) {
        if self.lines.get_mut(&held.payer).is_some_and(|line| line.did(now - held.since, bounds, now)) && self.beside(&held.payer, now).modest {
            self.pressure.by_greedy(now);
        }
        self.pressure.ease(now);
    }
    /// A place became free; whether somebody waited for it.
    fn tick(&mut self, now: Instant, wanted: bool) {
        if let Some(before) = self.freed.filter(|_| wanted) {
            self.beat = smooth(self.beat, now - before, SMOOTH);
        }
        self.freed = wanted.then_some(now);
    }
    /// Whether who comes now would wait too long: until it is its turn, or behind its own.
    fn is_closed(&self, bounds: Bounds, payer: Option<&Arc<Payer>>, now: Instant) -> bool {
        let turns = self.turns.len() as u32 + 1;
        let longest = self.turns.front().and_then(|first| self.lines.get(first)?.waited(now));
        let full = self.taken >= bounds.places && self.beat * turns > bounds.wait && longest.is_some_and(|waited| waited >= bounds.wait);
        full || payer.and_then(|p| self.lines.get(p)).is_some_and(|line| line.stands(bounds, now))
    }
}
#[cfg(test)]
mod tests;
