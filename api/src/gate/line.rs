//! One caller before the gate: what it holds, who of it waits, and what is known of its operations.
use super::{Bounds, Place};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Operations that hold their place longer than this on average are slow.
pub(super) const SLOW: Duration = Duration::from_millis(25);
/// How far back it counts how many places a caller held.
pub(super) const MEMORY: Duration = Duration::from_secs(1);
/// A caller becomes greedy by so many times the few places, and is until it holds so many times as many: one that asks
/// again as soon as it has its answer, and holds a single place, never is.
const GREEDY: (f64, f64) = (1.25, 0.75);
/// Operations of one caller that wait at most, once they do not get on.
pub(super) const MOST_IN_LINE: usize = 24;
/// How much the newest says of a smoothed time: one part of so many.
pub(super) const SMOOTH: u32 = 4;

/// One caller.
pub(super) struct Line {
    pub(super) held: usize,
    pub(super) waiting: VecDeque<Waiter>,
    /// How long its operations hold a place, smoothed; and of how many that was learnt.
    pub(super) pace: Duration,
    pub(super) done: u32,
    /// Places that it held of late, on average.
    pub(super) used: f64,
    /// When it last gave one back.
    pub(super) seen: Instant,
    /// It held more than its share.
    pub(super) greedy: bool,
}
/// Who is there beside a caller.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Somebody else.
    pub(super) others: bool,
    /// Somebody else who is not greedy.
    pub(super) modest: bool,
}
/// An operation that has no place yet.
pub(super) struct Waiter {
    pub(super) since: Instant,
    pub(super) place: oneshot::Sender<Place>,
}
impl Line {
    pub(super) fn new(now: Instant) -> Self {
        Line { held: 0, waiting: VecDeque::new(), pace: Duration::ZERO, done: 0, used: 0.0, seen: now, greedy: false }
    }
    pub(super) fn is_slow(&self) -> bool {
        self.pace > SLOW
    }
    /// `slow`: how many places are held by those who are slow.
    pub(super) fn may_take(&self, bounds: Bounds, beside: Beside, slow: usize) -> bool {
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
    /// An operation that held a place for so long, until now; whether it is greedy now.
    pub(super) fn did(&mut self, held: Duration, bounds: Bounds, now: Instant) -> bool {
        self.pace = smooth(self.pace, held, SMOOTH);
        self.done = self.done.saturating_add(1);
        self.uses(held, now);
        self.judged(bounds, now)
    }
    /// A place for so long, until now.
    pub(super) fn uses(&mut self, held: Duration, now: Instant) {
        self.used = self.used_at(now) + 1.0 - left(held);
        self.seen = now;
    }
    fn used_at(&self, now: Instant) -> f64 {
        self.used * left(now - self.seen)
    }
    /// Whether it is greedy by now.
    pub(super) fn judged(&mut self, bounds: Bounds, now: Instant) -> bool {
        let times = if self.greedy { GREEDY.1 } else { GREEDY.0 };
        self.greedy = self.used_at(now) > times * bounds.among.1 as f64;
        self.greedy
    }
    /// Adds one who waits; whether it is the first.
    pub(super) fn stand(&mut self, waiter: Waiter) -> bool {
        self.waiting.push_back(waiter);
        self.waiting.len() == 1
    }
    /// Many wait, and the first of them for long. A page that asks for twenty things at once is none of that.
    pub(super) fn stands(&self, bounds: Bounds, now: Instant) -> bool {
        self.waiting.len() >= MOST_IN_LINE && self.waited(now).is_some_and(|waited| waited >= bounds.wait)
    }
    /// How long the first of those who wait has waited.
    pub(super) fn waited(&self, now: Instant) -> Option<Duration> {
        self.waiting.front().map(|first| now - first.since)
    }
    /// Those whose time is over, or who left.
    pub(super) fn drop_gone(&mut self) {
        while self.waiting.front().is_some_and(|w| w.place.is_closed()) {
            self.waiting.pop_front();
        }
    }
}
/// How much still counts of what was so long ago.
fn left(ago: Duration) -> f64 {
    (-ago.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}
pub(super) fn smooth(before: Duration, now: Duration, parts: u32) -> Duration {
    (before * (parts - 1) + now) / parts
}
