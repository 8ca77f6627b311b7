//! How late the process is with what it has to do: where all threads are busy, a request waits before anybody looks at it.
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::time::sleep_until;

/// By how much those were late who were held back last.
#[derive(Default)]
pub struct Late {
    late_us: AtomicU64,
    asked: AtomicU64,
}
impl Late {
    /// Of so many who ask, one is held back whatever was found: to see whether it still is so.
    const SEEN_BY: u64 = 16;

    /// Waits for what a request has not waited by itself, and notes how much longer that took.
    pub async fn wait(&self, wait: Duration) {
        let due = Instant::now() + wait.saturating_sub(self.late());
        sleep_until(due.into()).await;
        self.late_us.store(due.elapsed().as_micros() as u64, Relaxed);
    }
    /// Whether a request waits most of that time by itself.
    pub fn is(&self, wait: Duration) -> bool {
        self.late() >= wait / 2 && !self.asked.fetch_add(1, Relaxed).is_multiple_of(Self::SEEN_BY)
    }
    fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_thread_is_late_until_it_is_seen_not_to_be() {
        const WAIT: Duration = Duration::from_millis(20);
        let late = Late::default();
        let is = || (0..2).any(|_| late.is(WAIT));
        assert!(!is());
        late.wait(WAIT).await;
        assert!(!is(), "a timer is late by a millisecond");
        let busy = async { std::thread::sleep(3 * WAIT) };
        futures::join!(late.wait(WAIT), busy);
        assert!(is());
        let asked = (0..10 * Late::SEEN_BY).filter(|_| late.is(WAIT)).count() as u64;
        assert_eq!(asked, 10 * (Late::SEEN_BY - 1), "some look again");
        late.wait(WAIT).await;
        assert!(!is());
    }
}
