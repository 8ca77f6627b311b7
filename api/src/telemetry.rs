//! Logs, metrics and the id that ties a request to both. No personal data, no tokens, no bodies.

/// A line of the log as JSON.
mod line;
/// What is done around every request.
mod observe;

use crate::{app::App, config, limits};
use async_graphql::parser::types::OperationType;
use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header::CONNECTION},
    response::Response,
};
use entities::Audience;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::{Arc, OnceLock, RwLock},
    time::{Duration, Instant},
};
use tracing_subscriber::EnvFilter;

pub use observe::Observe;

/// The id of a request: the caller's own where it sends a decent one, else ours.
#[derive(Clone)]
pub struct RequestId(pub Arc<str>);

/// Starts the log on stderr. Called once, by the process.
pub fn start(log: &config::Log) {
    // that a table is there already is nothing to tell
    let level = format!("sqlx::postgres::notice=warn,{}", log.level);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match log.format {
        config::LogFormat::Auto => !std::io::stderr().is_terminal(),
        format => format == config::LogFormat::Json,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json {
        lines.event_format(line::Line).fmt_fields(line::Line).try_init()
    } else {
        lines.with_target(false).with_ansi(crate::cli::print::color()).try_init()
    };
    if started.is_ok() {
        limits::log_panics();
    }
}

/// The metrics of this process; all apps in it share them.
pub fn metrics() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(recorder).as_ref()
}
fn recorder() -> Option<PrometheusHandle> {
    const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
    let recorder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS).ok()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    metrics::describe_counter!("switchboard_requests_total", "HTTP requests by route, method and status");
    metrics::describe_histogram!("switchboard_request_seconds", "Time to the first byte of the answer");
    metrics::describe_counter!("switchboard_operations_total", "GraphQL operations by audience, kind and outcome");
    metrics::describe_counter!("switchboard_operations_refused_total", "Operations that were refused because there was too much to do");
    metrics::describe_gauge!("switchboard_operations_running", "Operations that hold a place");
    metrics::describe_gauge!("switchboard_operations_waiting", "Operations that wait for a place");
    metrics::describe_histogram!("switchboard_wait_seconds", "How long operations waited that found no free place");
    metrics::describe_counter!("switchboard_denied_total", "Rows that are there and were not for their caller, by audience and kind");
    metrics::describe_gauge!("switchboard_streams_open", "Sockets and event streams that are open");
    metrics::describe_gauge!("switchboard_change_log_position", "Last position of the change log");
    metrics::describe_gauge!("switchboard_index_position", "Position of the change log that the search index has reached");
    Some(handle)
}

/// A request that is answered before all others are even observed.
pub struct Seen {
    route: &'static str,
    method: &'static str,
    since: Instant,
}
impl Seen {
    pub fn of(route: &'static str, method: &Method) -> Self {
        Seen { route, method: known(method), since: Instant::now() }
    }
    pub fn end(self, status: StatusCode) {
        Meters::of(self.route, self.method, status.as_u16()).count(self.since.elapsed());
    }
}
/// What every answer has.
pub fn head<B>(app: &App, id: &str, response: &mut Response<B>) {
    // who sends on into a connection that is about to end would be cut off
    if app.lifecycle.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", value);
    }
    let secured = app.config().server.public_url.starts_with("https://").then_some(limits::SECURED);
    for (name, value) in limits::HEADERS.into_iter().chain(secured) {
        headers.entry(name).or_insert(value); // a page says more of its own
    }
}
/// What is counted with, by its labels. Found once: that takes longer than to count.
struct Found<K, V>(RwLock<Vec<(K, V)>>);
impl<K, V: Clone> Found<K, V> {
    const fn new() -> Self {
        Found(RwLock::new(vec![]))
    }
    fn get(&self, is: impl Fn(&K) -> bool, make: impl FnOnce() -> (K, V)) -> V {
        let known = self.0.read().unwrap_or_else(|e| e.into_inner()).iter().find(|(key, _)| is(key)).map(|(_, value)| value.clone());
        known.unwrap_or_else(|| {
            let new = make();
            let value = new.1.clone();
            self.0.write().unwrap_or_else(|e| e.into_inner()).push(new);
            value
        })
    }
}
/// Where answers of one kind are counted.
#[derive(Clone)]
struct Meters {
    seconds: Histogram,
    requests: Counter,
}
impl Meters {
    fn count(self, elapsed: Duration) {
        self.seconds.record(elapsed.as_secs_f64());
        self.requests.increment(1);
    }
    fn of(route: &str, method: &'static str, status: u16) -> Self {
        static FOUND: Found<(String, &str, u16), Meters> = Found::new();
        let make = || {
            let seconds = metrics::histogram!("switchboard_request_seconds", "route" => route.to_string());
            let requests =
                metrics::counter!("switchboard_requests_total", "route" => route.to_string(), "method" => method, "status" => status.to_string());
            ((route.to_string(), method, status), Meters { seconds, requests })
        };
        FOUND.get(|(r, m, s)| *s == status && *m == method && r == route, make)
    }
}
/// Counts an operation that has ended, or a stream that has begun.
pub fn count_operation(audience: Audience, kind: OperationType, outcome: &'static str) {
    static FOUND: Found<(Audience, OperationType, &str), Counter> = Found::new();
    let this = (audience, kind, outcome);
    let labels = || [("audience", audience.name().to_string()), ("kind", kind.to_string()), ("outcome", outcome.to_string())];
    FOUND.get(|labelled| *labelled == this, || (this, metrics::counter!("switchboard_operations_total", &labels()))).increment(1);
}
fn millis(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e5).round() / 100.0
}
/// Callers can make up methods; labels must stay few.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
pub fn request_id(request: &Request) -> String {
    let given = request.headers().get("x-request-id").and_then(|v| v.to_str().ok());
    let decent = |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    given.filter(decent).map_or_else(|| format!("{:032x}", rand::random::<u128>()), Into::into)
}

pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("")
}
