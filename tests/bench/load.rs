//! Load from one thread over kept connections: closed (each connection asks again when it has its answer) and open (a
//! fixed rate, whether answers come or not).
use crate::{
    Failure, Result,
    client::{Answer, Client},
};
use axum::body::Bytes;
use futures::future::{join, join_all};
use hdrhistogram::Histogram;
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::{
    Notify,
    mpsc::{UnboundedReceiver, unbounded_channel},
};

/// Where questions go.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pub path: &'static str,
}
/// One question: a body of JSON, and the token of whoever asks.
#[derive(Clone)]
pub struct Call {
    pub token: Option<Rc<str>>,
    pub body: Bytes,
}
impl Call {
    pub fn new(token: Option<&Rc<str>>, body: &Value) -> Self {
        Call { token: token.cloned(), body: body.to_string().into() }
    }
    pub fn graphql(token: Option<&Rc<str>>, query: &str, variables: &Value) -> Self {
        Call::new(token, &serde_json::json!({"query": query, "variables": variables}))
    }
}
/// Makes the next question.
pub type Draw = Box<dyn FnMut() -> Call>;

/// What came of a load.
pub struct Tally {
    /// Answers with status 200 and without errors.
    pub ok: u64,
    /// Answers with status 200 that tell of errors.
    pub errors: u64,
    /// Answers by their status, where it is not 200.
    pub refused: BTreeMap<u16, u64>,
    /// Refusals that say when to try again.
    pub retry_after: u64,
    /// Questions whose connection broke.
    pub broken: u64,
    /// Bytes of good answers.
    pub bytes: u64,
    /// Of good answers, in microseconds.
    pub latency: Histogram<u64>,
    /// Of refusals, in microseconds.
    pub refusal: Histogram<u64>,
    pub elapsed: Duration,
    /// The first answer that was not good.
    pub example: Option<String>,
}
impl Default for Tally {
    fn default() -> Self {
        let latency = || Histogram::new_with_bounds(1, 600_000_000, 3).unwrap_or_else(|_| unreachable!("the bounds are good"));
        Tally {
            ok: 0,
            errors: 0,
            refused: BTreeMap::new(),
            retry_after: 0,
            broken: 0,
            bytes: 0,
            latency: latency(),
            refusal: latency(),
            elapsed: Duration::ZERO,
            example: None,
        }
    }
}
impl Tally {
    /// Good answers in a second.
    pub fn per_s(&self) -> f64 {
        self.ok as f64 / self.elapsed.as_secs_f64()
    }
    /// Good answers' latency at a quantile (0.99), in milliseconds.
    pub fn ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
    /// Fails where any answer was not good, besides those that say when to come back.
    pub fn answered(self) -> Result<Self> {
        let refused: u64 = self.refused.values().sum();
        if self.ok > 0 && self.errors + self.broken + refused == self.retry_after { Ok(self) } else { self.whole() }
    }
    /// Fails where any answer was not good.
    pub fn whole(self) -> Result<Self> {
        match &self.example {
            None if self.ok > 0 => Ok(self),
            None => Err("there was no answer at all".into()),
            Some(example) => {
                let refused: u64 = self.refused.values().sum();
                Err(format!("{} answers with errors, {refused} refused, {} broken off; the first: {example}", self.errors, self.broken).into())
            }
        }
    }
    fn note(&mut self, answer: Result<Answer>, waited: Duration) {
        let us = (waited.as_micros() as u64).max(1);
        match answer {
            Ok(a) if !a.is_ok() => {
                *self.refused.entry(a.status).or_default() += 1;
                self.retry_after += u64::from(a.retry_after);
                self.refusal.saturating_record(us);
                self.example.get_or_insert_with(|| format!("{}: {}", a.status, shortened(&a.body)));
            }
            Ok(a) if tells_errors(&a) => {
                self.errors += 1;
                self.example.get_or_insert_with(|| shortened(&a.body));
            }
            Ok(a) => {
                self.ok += 1;
                self.bytes += a.body.len() as u64;
                self.latency.saturating_record(us);
            }
            Err(e) => {
                self.broken += 1;
                self.example.get_or_insert_with(|| e.to_string());
            }
        }
    }
}
fn shortened(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned()
}

/// Of the request, or of a mutation that was refused (`userErrors`).
fn tells_errors(answer: &Answer) -> bool {
    memchr::memmem::find(&answer.body, b"rrors\":[{").is_some()
}

/// One kept connection to a target.
pub struct Connection {
    target: Target,
    client: Client,
}
impl Connection {
    pub fn new(target: Target) -> Self {
        Connection { target, client: Client::new(target.address) }
    }
    pub async fn ask(&mut self, call: Call) -> Result<Answer> {
        self.client.post(self.target.path, call.token.as_ref(), &call.body).await
    }
}
/// One question on a connection of its own. Fails where the answer is not good.
pub async fn ask(target: Target, call: Call) -> Result<Value> {
    let answer = Connection::new(target).ask(call).await?;
    if !answer.is_ok() || tells_errors(&answer) {
        return Err(format!("{}: {}", answer.status, shortened(&answer.body)).into());
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

/// Each connection asks again as soon as it has its answer.
pub async fn closed(target: Target, connections: usize, duration: Duration, draw: &mut Draw) -> Tally {
    let (tally, draw, start) = (RefCell::new(Tally::default()), RefCell::new(draw), Instant::now());
    let one = || async {
        let mut connection = Connection::new(target);
        while start.elapsed() < duration {
            let call = draw.borrow_mut()();
            let asked = Instant::now();
            let answer = connection.ask(call).await;
            pause_where_broken(&answer).await;
            tally.borrow_mut().note(answer, asked.elapsed());
        }
    };
    join_all((0..connections).map(|_| one())).await;
    finish(tally, start)
}

/// Questions at a fixed rate. Each one's time counts from when it was meant to be asked: waiting for a connection is in
/// it.
pub async fn open(target: Target, connections: usize, per_s: f64, duration: Duration, draw: &mut Draw) -> Tally {
    let (tally, waiting, more, start) = (RefCell::new(Tally::default()), RefCell::new(VecDeque::new()), Notify::new(), Instant::now());
    let total = (per_s * duration.as_secs_f64()).round() as u64;
    let (asked, mut due) = (RefCell::new(0u64), beat(per_s, total, start));
    let ask = async {
        while let Some(intended) = due.recv().await {
            waiting.borrow_mut().push_back((intended, draw()));
            more.notify_one();
        }
    };
    let one = || async {
        let mut connection = Connection::new(target);
        while *asked.borrow() < total {
            let Some((intended, call)) = waiting.borrow_mut().pop_front() else {
                more.notified().await;
                continue;
            };
            *asked.borrow_mut() += 1;
            if *asked.borrow() == total {
                more.notify_waiters();
            }
            let answer = connection.ask(call).await;
            pause_where_broken(&answer).await;
            tally.borrow_mut().note(answer, intended.elapsed());
        }
        more.notify_waiters();
    };
    join(ask, join_all((0..connections).map(|_| one()))).await;
    finish(tally, start)
}
/// The least that is slept between two questions.
const LEAST: Duration = Duration::from_micros(100);
/// Says when each question is due, from a thread that sleeps until then: the runtime's own timer knows whole milliseconds
/// only, and questions would come in bursts. It wakes no more often than is needed for that: at tens of thousands of
/// questions a second the waking alone would take a quarter of the load generator's core. So some come up to [`LEAST`] late,
/// which is in their time.
fn beat(per_s: f64, total: u64, start: Instant) -> UnboundedReceiver<Instant> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for n in 0..total {
            let due = start + Duration::from_secs_f64(n as f64 / per_s);
            let early = due.saturating_duration_since(Instant::now());
            if !early.is_zero() {
                std::thread::sleep(early.max(LEAST));
            }
            if sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}
/// A server that is away is not asked as fast as the machine can.
async fn pause_where_broken(answer: &Result<Answer>) {
    if answer.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
fn finish(tally: RefCell<Tally>, start: Instant) -> Tally {
    Tally { elapsed: start.elapsed(), ..tally.into_inner() }
}

/// Waits until `ready` answers yes; an error of the process ends the waiting.
pub async fn until<F: Future<Output = bool>>(patience: Duration, mut check: impl FnMut() -> Result<()>, ready: impl Fn() -> F) -> Result<Duration> {
    let start = Instant::now();
    while !ready().await {
        check()?;
        if start.elapsed() > patience {
            return Err::<_, Failure>(format!("not ready after {} s", patience.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(start.elapsed())
}
/// What a GET is answered with, whatever its status.
pub async fn get(address: SocketAddr, path: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&Client::new(address).get(path).await?.body)?)
}
/// Whether a GET is answered with 200.
pub async fn is_ok(address: SocketAddr, path: &str) -> bool {
    Client::new(address).get(path).await.is_ok_and(|answer| answer.is_ok())
}
