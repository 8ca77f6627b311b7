//! Who may work now, who waits a moment, and who is asked to come back: more than the hub can do at a time makes
//! everything slow and nothing faster.
//!
//! There are places for operations. Each caller has a line of its own, and a place that becomes free goes to the next
//! caller in turn, so that one who asks a thousand times at once waits for itself. No caller may hold all places. Few may
//! be held by one whose operations take long, and by one who is greedy: it held more than its share for a while, and
//! somebody is there who did not. The others find a place, a connection of the database and a core at once. Who would
//! have to wait longer than the bound, by the beat at which places become free, is refused before anything of its request
//! was read or checked; so that what is let in is done, and no work is lost on what is not.
use crate::{auth::address::Address, graphql::budget::Payer};
use axum::http::{HeaderMap, header::AUTHORIZATION};
use entities::{Scope, reader::Pressed};
use moka::sync::Cache;
use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard,
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
/// Operations that hold their place longer than this on average are slow.
const SLOW: Duration = Duration::from_millis(25);
/// How far back it counts how many places a caller held.
const MEMORY: Duration = Duration::from_secs(1);
/// A caller becomes greedy by so many times the few places, and is until it holds so many times as many: one that asks
/// again as soon as it has its answer, and holds a single place, never is.
const GREEDY: (f64, f64) = (1.25, 0.75);
/// How long one caller counts as being there for another.
const PRESENT: Duration = Duration::from_secs(1);
/// Operations that wait for each place, at most; and those of one caller, once they do not get on.
const MOST_WAITING: usize = 16;
const MOST_IN_LINE: usize = 24;
/// How much the newest says of a smoothed time: one part of so many.
const SMOOTH: u32 = 4;
/// How long statements let others go first after somebody was refused, or was greedy beside others.
const PRESSED: Duration = Duration::from_millis(200);
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
    press: Press,
}
/// Whether statements are to let others go first.
#[derive(Default)]
struct Press {
    told: Pressed,
    until: Option<Instant>,
}
impl Press {
    fn press(&mut self, now: Instant) {
        self.until = Some(now + PRESSED);
        self.told.set(true);
    }
    fn ease(&mut self, now: Instant) {
        if self.until.take_if(|until| *until < now).is_some() {
            self.told.set(false);
        }
    }
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
/// One caller.
struct Line {
    held: usize,
    waiting: VecDeque<Waiter>,
    /// How long its operations hold a place, smoothed; and of how many that was learnt.
    pace: Duration,
    done: u32,
    /// Places that it held of late, on average.
    used: f64,
    /// When it last gave one back.
    seen: Instant,
    /// It held more than its share.
    greedy: bool,
}
/// Who is there beside a caller.
#[derive(Clone, Copy)]
struct Beside {
    /// Somebody else.
    others: bool,
    /// Somebody else who is not greedy.
    modest: bool,
}
struct Waiter {
    since: Instant,
    place: oneshot::Sender<Place>,
}

/// A place at work; given back when it is dropped.
pub struct Place {
    shared: Arc<Shared>,
    /// None where it was never taken.
    payer: Option<Arc<Payer>>,
    since: Instant,
    /// Its caller's operations were slow when it was taken.
    slow: bool,
}
impl Drop for Place {
    fn drop(&mut self) {
        let Some(payer) = self.payer.take() else { return };
        let (shared, since, slow) = (self.shared.clone(), self.since, self.slow);
        // without a runtime the process is ending
        match (shared.rest(&payer, since.elapsed()), Handle::try_current()) {
            (Some(rest), Ok(runtime)) => drop(runtime.spawn(async move {
                sleep(rest).await;
                shared.leave(&payer, since, slow);
            })),
            _ => shared.leave(&payer, since, slow),
        }
    }
}

impl Gate {
    /// `pressed` hears whether statements are to let others go first.
    pub fn new(bounds: Bounds, pressed: Pressed) -> Self {
        Gate(Arc::new(Shared {
            bounds,
            state: Mutex::new(State { press: Press { told: pressed, until: None }, ..State::default() }),
            waiting: AtomicUsize::new(0),
            senders: Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(60)).build(),
            hasher: RandomState::new(),
        }))
    }
    /// Whether anybody waits. Where nobody does, nobody is refused.
    pub fn is_waited_at(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }
    /// Before anything of a request was read: whether its caller, as far as that can be told, would wait too long. Whoever
    /// is turned away is counted, and is told after [`Gate::hold_back`].
    pub fn turns_away(&self, headers: &HeaderMap, address: Address) -> bool {
        let (sender, now) = (self.0.sender(headers, address), Instant::now());
        let mut state = self.0.state();
        // where a place is free, it may be for this caller: `enter` knows
        let crowded = self.0.has_no_room() && state.taken >= self.0.bounds.places;
        let refused = crowded || state.is_closed(self.0.bounds, sender.as_ref(), now);
        if refused {
            state.refuse(now);
        }
        refused
    }
    /// As long as who is refused could have waited: one that asks in a loop gets on no faster by being refused.
    pub async fn hold_back(&self) {
        sleep(self.0.bounds.wait).await
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
                _ => Err(self.0.state().refuse(Instant::now())),
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
            return Asked::Refused(state.refuse(now));
        }
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter { since: now, place: sender };
        if state.lines.get_mut(&payer).is_some_and(|line| line.stand(waiter)) {
            state.turns.push_back(payer);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Asked::Waits(receiver, now)
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
        Place { shared: self.clone(), payer: Some(payer.clone()), since: now, slow }
    }
    /// How long a place is kept that was held so long; none where it is free at once.
    fn rest(&self, payer: &Arc<Payer>, held: Duration) -> Option<Duration> {
        if !self.bounds.rests {
            return None;
        }
        let (state, now) = (self.state(), Instant::now());
        let greedy = state.lines.get(payer)?.greedy && state.beside(payer, now).modest;
        greedy.then(|| held.min(MEMORY))
    }
    fn leave(self: &Arc<Self>, payer: &Arc<Payer>, since: Instant, slow: bool) {
        let now = Instant::now();
        let mut state = self.state();
        // a place that nobody was kept from says nothing of how long one waits for a place
        let wanted = state.taken >= self.bounds.places && self.waiting.load(Ordering::Relaxed) > 0;
        state.gave_back(payer, self.bounds, now, slow, Some(now - since));
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
            if let Err(mut unwanted) = next.place.send(place) {
                unwanted.payer = None; // the state is in our hands
                state.gave_back(&payer, self.bounds, now, unwanted.slow, None);
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
        self.press.ease(now);
        payer
    }
    fn beside(&self, payer: &Arc<Payer>, now: Instant) -> Beside {
        Beside { others: self.last.has_beside(payer, now), modest: self.modest.has_beside(payer, now) }
    }
    /// After so long, or never used.
    fn gave_back(&mut self, payer: &Arc<Payer>, bounds: Bounds, now: Instant, slow: bool, held: Option<Duration>) {
        self.taken -= 1;
        self.slow -= usize::from(slow);
        let Some(line) = self.lines.get_mut(payer) else { return };
        line.held -= 1;
        let Some(held) = held else { return };
        line.pace = smooth(line.pace, held, SMOOTH);
        line.done = line.done.saturating_add(1);
        line.uses(held, now);
        if line.judged(bounds, now) && self.beside(payer, now).modest {
            self.press.press(now);
        }
        self.press.ease(now);
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
    fn refuse(&mut self, now: Instant) -> Overloaded {
        metrics::counter!("switchboard_operations_refused_total").increment(1);
        self.refused += 1;
        self.press.press(now);
        if self.told.is_none_or(|at| now - at >= TOLD_EVERY) {
            tracing::warn!(refused = self.refused, "more is asked than can be answered in time: callers are told to come back");
            (self.refused, self.told) = (0, Some(now));
        }
        Overloaded
    }
}
impl Line {
    fn new(now: Instant) -> Self {
        Line { held: 0, waiting: VecDeque::new(), pace: Duration::ZERO, done: 0, used: 0.0, seen: now, greedy: false }
    }
    fn is_slow(&self) -> bool {
        self.pace > SLOW
    }
    /// `slow`: how many places are held by those who are slow.
    fn may_take(&self, bounds: Bounds, beside: Beside, slow: usize) -> bool {
        if self.is_slow() && slow >= bounds.slow {
            return false;
        }
        let (quick, few) = if beside.others { bounds.among } else { bounds.alone };
        let most = match self.is_slow() || (beside.modest && self.greedy) {
            true => few,
            false if self.done < SMOOTH => quick.min(bounds.unknown),
            false => quick,
        };
        self.held < most
    }
    /// A place for so long, until now.
    fn uses(&mut self, held: Duration, now: Instant) {
        self.used = self.used_at(now) + 1.0 - left(held);
        self.seen = now;
    }
    fn used_at(&self, now: Instant) -> f64 {
        self.used * left(now - self.seen)
    }
    /// Whether it is greedy by now.
    fn judged(&mut self, bounds: Bounds, now: Instant) -> bool {
        let times = if self.greedy { GREEDY.1 } else { GREEDY.0 };
        self.greedy = self.used_at(now) > times * bounds.among.1 as f64;
        self.greedy
    }
    /// Adds one who waits; whether it is the first.
    fn stand(&mut self, waiter: Waiter) -> bool {
        self.waiting.push_back(waiter);
        self.waiting.len() == 1
    }
    /// Many wait, and the first of them for long. A page that asks for twenty things at once is none of that.
    fn stands(&self, bounds: Bounds, now: Instant) -> bool {
        self.waiting.len() >= MOST_IN_LINE && self.waited(now).is_some_and(|waited| waited >= bounds.wait)
    }
    /// How long the first of those who wait has waited.
    fn waited(&self, now: Instant) -> Option<Duration> {
        self.waiting.front().map(|first| now - first.since)
    }
    /// Those whose time is over, or who left.
    fn drop_gone(&mut self) {
        while self.waiting.front().is_some_and(|w| w.place.is_closed()) {
            self.waiting.pop_front();
        }
    }
}
/// How much still counts of what was so long ago.
fn left(ago: Duration) -> f64 {
    (-ago.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}
fn smooth(before: Duration, now: Duration, parts: u32) -> Duration {
    (before * (parts - 1) + now) / parts
}

#[cfg(test)]
mod tests;
