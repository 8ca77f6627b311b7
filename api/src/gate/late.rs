//! How late the process is with what it has to do: where all threads are busy, a request waits before anybody looks at it.
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::time::sleep_until;

/// How long what was seen is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// A timer is late by that much where nobody is busy.
const USUAL: Duration = Duration::from_millis(5);
/// How often it is looked for that alone.
const APART: Duration = Duration::from_millis(20);

/// By how much those were late who were held back last.
#[derive(Default)]
pub struct Late {
    /// Somebody waits only to see it.
    looking: AtomicBool,
    seen: Mutex<Option<(Instant, Duration)>>,
    skipped: AtomicU64,
}
impl Late {
    /// Of so many who need not wait, one is held back nevertheless: to see whether it still is so.
    const SEEN_BY: u64 = 16;

    /// Waits, and notes how much longer that took.
    pub async fn wait(&self, wait: Duration) {
        let due = Instant::now() + wait;
        sleep_until(due.into()).await;
        self.note(due.elapsed());
    }
    /// Whether nobody has seen it of late, nor is about to; whoever hears so calls [`Late::see`].
    pub fn is_to_be_seen(&self) -> bool {
        let seen = *self.seen.lock().unwrap_or_else(|e| e.into_inner());
        seen.is_none_or(|(at, _)| at.elapsed() >= APART) && !self.looking.swap(true, Relaxed)
    }
    /// Waits for a moment, only to see how late that is over.
    pub async fn see(&self) {
        self.wait(Duration::from_millis(1)).await;
        self.looking.store(false, Relaxed);
    }
    fn note(&self, late: Duration) {
        *self.seen.lock().unwrap_or_else(|e| e.into_inner()) = Some((Instant::now(), late));
    }
    /// By how much, as far as is known.
    pub fn by(&self) -> Duration {
        let seen = *self.seen.lock().unwrap_or_else(|e| e.into_inner());
        seen.filter(|(at, late)| at.elapsed() < BELIEVED && *late >= USUAL).map_or(Duration::ZERO, |(_, late)| late)
    }
    /// Whether somebody may be told at once, as a request waits most of this time by itself. Counts those to whom it says so.
    pub fn skips(&self, wait: Duration) -> bool {
        let late = self.by();
        !late.is_zero() && late >= wait / 2 && !self.skipped.fetch_add(1, Relaxed).is_multiple_of(Self::SEEN_BY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_skips_the_wait_until_it_is_seen_not_to_be() {
        const WAIT: Duration = Duration::from_millis(20);
        let late = Late::default();
        let skipped = || (0..10 * Late::SEEN_BY).filter(|_| late.skips(WAIT)).count() as u64;
        assert_eq!(skipped(), 0);
        late.note(Duration::from_millis(2));
        assert_eq!((skipped(), late.by()), (0, Duration::ZERO), "any timer is as late as that");
        late.note(WAIT / 2);
        assert_eq!((skipped(), late.by()), (10 * (Late::SEEN_BY - 1), WAIT / 2), "some look again");
        late.note(Duration::ZERO);
        assert_eq!(skipped(), 0);
        let before = Instant::now().checked_sub(BELIEVED).expect("the machine runs for longer");
        *late.seen.lock().expect("is not poisoned") = Some((before, WAIT));
        assert_eq!(skipped(), 0, "that was long ago");
    }
    #[tokio::test]
    async fn a_timer_that_comes_late_is_seen() {
        let late = Late::default();
        assert!(late.is_to_be_seen() && !late.is_to_be_seen(), "one looks for all");
        late.see().await;
        let long_ago = Instant::now().checked_sub(APART).expect("the machine runs for longer");
        *late.seen.lock().expect("is not poisoned") = Some((long_ago, Duration::ZERO));
        assert!(late.is_to_be_seen(), "again after a while");
        let busy = async { std::thread::sleep(Duration::from_millis(60)) };
        futures::join!(late.wait(Duration::from_millis(20)), busy);
        assert!(late.by() >= Duration::from_millis(30));
    }
}
