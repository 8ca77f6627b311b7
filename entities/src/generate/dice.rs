//! Chance that can be repeated: every customer has its own stream, so that customer 17 is the same in any crowd.
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::{Builder, Uuid};

pub struct Dice {
    rng: ChaCha8Rng,
    ids: u16,
}
impl Dice {
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice { rng, ids: 0 }
    }
    /// `lo` to `hi`, both included; `lo` where there is nothing between.
    pub fn between(&mut self, lo: i64, hi: i64) -> i64 {
        if lo >= hi { lo } else { self.rng.gen_range(lo..=hi) }
    }
    pub fn per_mille(&mut self, chance: u32) -> bool {
        self.rng.gen_range(0..1000u32) < chance
    }
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.rng.gen_range(0..of.len() as u32) as usize]
    }
    /// A place in the list of weights, as often as its weight says.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut at = self.rng.gen_range(0..weights.iter().sum::<u32>());
        for (i, weight) in weights.iter().enumerate() {
            if at < *weight {
                return i;
            }
            at -= weight;
        }
        0
    }
    pub fn day(&mut self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        from + Days::new(self.between(0, (to - from).num_days()) as u64)
    }
    /// Some second of the day while people are awake.
    pub fn moment(&mut self, day: NaiveDate) -> DateTime<Utc> {
        midnight(day) + TimeDelta::seconds(self.between(7 * 3600, 20 * 3600))
    }
    /// The shape of a UUIDv7: the instant, then a count so that rows of one instant keep their order, then chance.
    pub fn id(&mut self, at: DateTime<Utc>) -> Uuid {
        let mut tail = [0; 10];
        self.rng.fill_bytes(&mut tail[2..]);
        tail[..2].copy_from_slice(&(self.ids & 0xfff).to_be_bytes());
        self.ids = self.ids.wrapping_add(1);
        Builder::from_unix_timestamp_millis(at.timestamp_millis().max(0) as u64, &tail).into_uuid()
    }
}

pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
