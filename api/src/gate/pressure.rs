//! How often statements of SQLite are to let others have their cores, by what happens at the gate.
use entities::reader::Turns;
use std::time::{Duration, Instant};

/// How long that counts.
pub(super) const COUNTS: Duration = Duration::from_millis(200);

#[derive(Default)]
pub struct Pressure {
    told: Turns,
    /// Until when somebody was refused, or was greedy beside others, of late.
    until: Option<Instant>,
    /// Until when somebody was greedy.
    greedy_until: Option<Instant>,
}
impl Pressure {
    pub fn new(told: Turns) -> Self {
        Pressure { told, ..Self::default() }
    }
    /// Somebody was greedy beside others: these need a core at once.
    pub fn by_greedy(&mut self, now: Instant) {
        (self.until, self.greedy_until) = (Some(now + COUNTS), Some(now + COUNTS));
        self.told.set(Turns::OFTEN);
    }
    /// Somebody was refused. Where all wait, and the process keeps up with refusing, it is cheaper for many at once; where a
    /// place is free, somebody may come who waits for nobody.
    pub fn by_refused(&mut self, now: Instant, all_wait: bool) {
        self.until = Some(now + COUNTS);
        let greedy = self.greedy_until.is_some_and(|until| now <= until);
        self.told.set(if all_wait && !greedy { Turns::SELDOM } else { Turns::OFTEN });
    }
    /// What was long ago does not count any more.
    pub fn ease(&mut self, now: Instant) {
        if self.until.take_if(|until| *until < now).is_some() {
            self.told.set(Turns::USUAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_let_others_have_their_cores_as_others_need_them() {
        let (turns, mut now) = (Turns::default(), Instant::now());
        let mut pressure = Pressure::new(turns.clone());
        pressure.ease(now);
        assert_eq!(turns.get(), Turns::USUAL);
        pressure.by_refused(now, true);
        assert_eq!(turns.get(), Turns::SELDOM, "to be refused one can wait");
        pressure.by_refused(now, false);
        assert_eq!(turns.get(), Turns::OFTEN, "but not for long");
        pressure.by_refused(now, true);
        pressure.ease(now + COUNTS);
        assert_eq!(turns.get(), Turns::SELDOM);
        pressure.by_greedy(now);
        pressure.by_refused(now + COUNTS, true);
        assert_eq!(turns.get(), Turns::OFTEN, "who is not greedy is there, too");
        now += COUNTS + Duration::from_millis(1);
        pressure.by_refused(now, true);
        assert_eq!(turns.get(), Turns::SELDOM);
        pressure.ease(now + COUNTS + Duration::from_millis(1));
        assert_eq!(turns.get(), Turns::USUAL);
    }
}
