//! How much one caller may ask: each has a bucket of points that leaks at a steady rate, and each operation pays what
//! [`schema::guard`] found it to cost before it runs. Aliases and HTTP requests make no difference, only the cost does.
//! The part that stands for its length is paid before it is read, so that nobody has documents refused for nothing.
use crate::{auth::address::Address, config};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use entities::{Audience, Scope};
use governor::{Quota, RateLimiter, clock, middleware::StateInformationMiddleware, state::InMemoryState, state::NotKeyed};
use moka::sync::Cache;
use std::{
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

/// The buckets of all callers of this process.
pub struct Budgets {
    of: [Option<Buckets>; 4],
    limit: u64,
}
/// The buckets of one audience.
struct Buckets {
    quota: Quota,
    points: u32,
    restored: u32,
    /// One that nobody has touched for as long as it takes to fill is full, and forgotten.
    each: Cache<Payer, Arc<Bucket>>,
    clock: Ticks,
}
type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, StateInformationMiddleware>;

/// Whose bucket it is.
#[derive(Clone, Hash, PartialEq, Eq)]
pub enum Payer {
    Subject(String),
    Address(Option<IpAddr>),
}
impl Payer {
    pub fn of(scope: &Scope, address: Address) -> Self {
        match scope.audience {
            // an anonymous session is whatever its caller says: it would buy a new bucket
            Audience::Public => Payer::at(address),
            // who acts as another is the one who asks
            _ => Payer::Subject(scope.actor.as_ref().unwrap_or(&scope.subject).clone()),
        }
    }
    /// Somebody without a token.
    pub fn at(address: Address) -> Self {
        Payer::Address(address.0.map(network))
    }
}
/// A household has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        },
        four => four,
    }
}

/// Time since the start: a clock of the wall that is set back would close all buckets.
#[derive(Clone)]
pub struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);
impl Default for Ticks {
    fn default() -> Self {
        let start = Instant::now();
        Ticks(Arc::new(move || start.elapsed()))
    }
}
impl std::fmt::Debug for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", (self.0)())
    }
}
impl clock::Clock for Ticks {
    type Instant = Duration;
    fn now(&self) -> Duration {
        (self.0)()
    }
}

/// What an operation costs, and what its caller has left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    pub requested: u64,
    /// The most that one operation may cost.
    pub limit: u64,
    /// None for callers without a budget.
    pub budget: Option<Standing>,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub points: u32,
    pub remaining: u32,
    /// A second.
    pub restored: u32,
}
/// The budget does not suffice now. `wait_s` later it would.
#[derive(Debug, PartialEq)]
pub struct Spent {
    pub shown: Shown,
    pub wait_s: u64,
}

const MOST_BUCKETS: u64 = 100_000;

/// What it costs that a document is read and judged, whatever comes of it: a point for each 256 bytes begun.
pub fn reading(document: &str) -> u64 {
    const BYTES_A_POINT: u64 = 256;
    (document.len() as u64).div_ceil(BYTES_A_POINT)
}

impl Budgets {
    pub fn new(budget: &config::Budget, limit: u64, clock: Ticks) -> Self {
        let of = budget.all().map(|(_, points, restored)| {
            let (most, rate) = (NonZeroU32::new(points)?, NonZeroU32::new(restored)?);
            let full_s = u64::from(points.div_ceil(restored));
            Some(Buckets {
                quota: Quota::per_second(rate).allow_burst(most),
                points,
                restored,
                each: Cache::builder().max_capacity(MOST_BUCKETS).time_to_idle(Duration::from_secs(full_s + 1)).build(),
                clock: clock.clone(),
            })
        });
        Budgets { of, limit }
    }
    /// Takes the rest of what an operation costs, once that is known: reading it is paid.
    pub fn charge_rest(&self, scope: &Scope, address: Address, cost: u64, read: Shown) -> Result<Shown, Spent> {
        let Some(rest) = cost.checked_sub(read.requested).filter(|rest| *rest > 0) else { return Ok(read) };
        match self.charge(scope, address, rest) {
            Ok(shown) => Ok(Shown { requested: cost, ..shown }),
            // who tries again has to read it again
            Err(spent) => {
                let again = spent.shown.budget.map_or(0, |b| read.requested.div_ceil(u64::from(b.restored)));
                Err(Spent { shown: Shown { requested: cost, ..spent.shown }, wait_s: spent.wait_s + again })
            }
        }
    }
    /// Takes points from a caller's bucket.
    pub fn charge(&self, scope: &Scope, address: Address, cost: u64) -> Result<Shown, Spent> {
        let shown = self.unpaid(cost);
        let audience = if scope.actor.is_some() { Audience::Agent } else { scope.audience };
        let place = Audience::ALL.iter().position(|a| *a == audience).unwrap_or(0);
        let Some(buckets) = &self.of[place] else { return Ok(shown) };
        let bucket = buckets
            .each
            .get_with(Payer::of(scope, address), || Arc::new(RateLimiter::direct_with_clock(buckets.quota, buckets.clock.clone()).with_middleware()));
        // that an operation is looked at at all costs something
        let cost = NonZeroU32::new(u32::try_from(cost).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let standing = |remaining| Some(Standing { points: buckets.points, remaining, restored: buckets.restored });
        match bucket.check_n(cost) {
            Ok(Ok(left)) => Ok(Shown { budget: standing(left.remaining_burst_capacity()), ..shown }),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(clock::Clock::now(&buckets.clock));
                let missing = (wait.as_secs_f64() * f64::from(buckets.restored)).ceil() as u32;
                let remaining = cost.get().saturating_sub(missing);
                let wait_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Spent { shown: Shown { budget: standing(remaining), ..shown }, wait_s: wait_s.max(1) })
            }
            // more than a full bucket: the settings do not allow a bucket below the limit of one operation
            Err(_) => Err(Spent { shown: Shown { budget: standing(0), ..shown }, wait_s: u64::from(buckets.points.div_ceil(buckets.restored)) }),
        }
    }
    /// The cost of what was refused before it was paid.
    pub fn unpaid(&self, cost: u64) -> Shown {
        Shown { requested: cost, limit: self.limit, budget: None }
    }
}

const COST: HeaderName = HeaderName::from_static("x-cost");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// For pages of other origins to read.
pub const HEADERS: [HeaderName; 4] = [COST, POLICY, LEFT, RETRY_AFTER];

impl Shown {
    /// Puts `extensions.cost` at the end of an answer that has no other extensions.
    pub fn append(&self, answer: &mut Vec<u8>) {
        if answer.pop() != Some(b'}') {
            return;
        }
        let mut text = String::with_capacity(160);
        if answer.len() > 1 {
            text.push(',');
        }
        let _ = write!(text, r#""extensions":{{"cost":{{"requested":{},"limit":{}"#, self.requested, self.limit);
        if let Some(b) = self.budget {
            let _ = write!(text, r#","budget":{{"points":{},"remaining":{},"restoredPerSecond":{}}}"#, b.points, b.remaining, b.restored);
        }
        text.push_str("}}}");
        answer.extend_from_slice(text.as_bytes());
    }
    /// The same in headers: `RateLimit` and `RateLimit-Policy` as the IETF's httpapi group drafts them.
    pub fn head(&self, headers: &mut HeaderMap) {
        let mut put = |name: HeaderName, text: String| HeaderValue::try_from(text).map(|value| headers.insert(name, value)).is_ok();
        put(COST, format!("requested={}, limit={}", self.requested, self.limit));
        if let Some(Standing { points, remaining, restored }) = self.budget {
            put(POLICY, format!(r#""points";q={points};w={}"#, points.div_ceil(restored)));
            put(LEFT, format!(r#""points";r={remaining};t={}"#, (points - remaining.min(points)).div_ceil(restored)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn budgets() -> (Budgets, Arc<AtomicU64>) {
        let (at, config) =
            (Arc::new(AtomicU64::new(0)), config::Budget { agent_points: 0, customer_points: 100, customer_restored: 10, ..Default::default() });
        let hand = at.clone();
        (Budgets::new(&config, 20_000, Ticks(Arc::new(move || Duration::from_millis(hand.load(Ordering::Relaxed))))), at)
    }
    fn scope(audience: Audience, subject: &str) -> Scope {
        Scope::new(audience, subject, chrono::DateTime::UNIX_EPOCH)
    }
    fn remaining(paid: Result<Shown, Spent>) -> u32 {
        paid.expect("is paid").budget.expect("has a budget").remaining
    }

    #[test]
    fn a_bucket_is_spent_by_cost_and_fills_with_time() {
        let (budgets, at) = budgets();
        let (ada, ben) = (scope(Audience::Customer, "ada"), scope(Audience::Customer, "ben"));
        let pay = |who: &Scope, cost| budgets.charge(who, Address(None), cost);
        assert_eq!(remaining(pay(&ada, 60)), 40);
        assert_eq!(remaining(pay(&ada, 0)), 39, "nothing is for nothing");
        let spent = pay(&ada, 60).expect_err("39 points are left");
        assert_eq!((spent.wait_s, spent.shown.budget.map(|b| b.remaining)), (3, Some(39)));
        assert_eq!(remaining(pay(&ada, 39)), 0, "what was refused was not paid");
        assert_eq!(remaining(pay(&ben, 100)), 0, "another caller has a bucket of their own");
        at.store(2000, Ordering::Relaxed);
        assert_eq!(remaining(pay(&ada, 20)), 0);
        assert!(pay(&ada, 1).is_err());
        at.store(60_000, Ordering::Relaxed);
        assert_eq!(remaining(pay(&ada, 1)), 99, "never more than full");
    }
    #[test]
    fn no_points_is_no_budget_and_the_public_is_an_address() {
        let (budgets, _) = budgets();
        assert_eq!(budgets.charge(&scope(Audience::Agent, "ada"), Address(None), 20_000).map(|s| s.budget), Ok(None));
        let mut public = Scope::public(chrono::DateTime::UNIX_EPOCH);
        let from = |text: &str| Address(Some(text.parse().expect("an address")));
        for (session, address) in [("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "::ffff:192.0.2.1")] {
            public.session = Some(session.into());
            let left = remaining(budgets.charge(&public, from(address), 10_000));
            assert_eq!(left % 10_000, 0);
        }
        assert!(remaining(budgets.charge(&public, from("192.0.2.1"), 1)) < 70_001, "one address, whatever its session");
        assert!(remaining(budgets.charge(&public, from("2001:db8::1"), 1)) == 99_999);
        assert!(remaining(budgets.charge(&public, from("2001:db8::2"), 1)) == 99_998, "one network");
        assert!(remaining(budgets.charge(&public, from("2001:db8:0:1::1"), 1)) == 99_999);
    }
    #[test]
    fn an_agent_is_one_whomever_it_looks_as() {
        let config = config::Budget { agent_points: 100, agent_restored: 1, customer_points: 10, customer_restored: 1, ..Default::default() };
        let budgets = Budgets::new(&config, 20_000, Ticks::default());
        let looking_as = |whom: &str| Scope { actor: Some("eve".into()), ..scope(Audience::Customer, whom) };
        let left = [looking_as("cy"), looking_as("dan"), scope(Audience::Agent, "eve")].map(|who| remaining(budgets.charge(&who, Address(None), 30)));
        assert_eq!(left, [70, 40, 10]);
        assert_eq!(remaining(budgets.charge(&scope(Audience::Customer, "cy"), Address(None), 3)), 7, "and not who it looks as");
    }
    #[test]
    fn reading_is_a_part_of_the_cost() {
        let (budgets, _) = budgets();
        let ada = scope(Audience::Customer, "ada");
        assert_eq!([reading(""), reading("{a}"), reading(&"x".repeat(256)), reading(&"x".repeat(257))], [0, 1, 1, 2]);
        let read = || budgets.charge(&ada, Address(None), 10).expect("is paid");
        let whole = budgets.charge_rest(&ada, Address(None), 70, read()).expect("is paid");
        assert_eq!((whole.requested, whole.budget.map(|b| b.remaining)), (70, Some(30)));
        let cheap = budgets.charge_rest(&ada, Address(None), 3, read()).expect("is paid");
        assert_eq!((cheap.requested, cheap.budget.map(|b| b.remaining)), (10, Some(20)), "long and cheap");
        let spent = budgets.charge_rest(&ada, Address(None), 40, read()).expect_err("10 of 30 points are left");
        assert_eq!((spent.shown.requested, spent.shown.budget.map(|b| b.remaining), spent.wait_s), (40, Some(10), 3));
    }
    #[test]
    fn an_answer_shows_its_cost() {
        let (budgets, _) = budgets();
        let shown = budgets.charge(&scope(Audience::Customer, "ada"), Address(None), 7).expect("is paid");
        let (mut empty, mut full) = (b"{}".to_vec(), br#"{"data":null}"#.to_vec());
        shown.append(&mut empty);
        budgets.unpaid(30_000).append(&mut full);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        assert_eq!(
            text(empty),
            r#"{"extensions":{"cost":{"requested":7,"limit":20000,"budget":{"points":100,"remaining":93,"restoredPerSecond":10}}}}"#
        );
        assert_eq!(text(full), r#"{"data":null,"extensions":{"cost":{"requested":30000,"limit":20000}}}"#);
        let mut headers = HeaderMap::new();
        shown.head(&mut headers);
        assert_eq!(headers["x-cost"], "requested=7, limit=20000");
        assert_eq!(headers["ratelimit-policy"], r#""points";q=100;w=10"#);
        assert_eq!(headers["ratelimit"], r#""points";r=93;t=1"#);
    }
}
