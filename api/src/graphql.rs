//! The GraphQL endpoint: GraphQL over HTTP as its specification asks, in front of the views of `schema`.
//!
//! Every way in (a request, an event stream, a socket) goes through [`prepare`], and everything that goes out through
//! [`Answer`]: there the document is judged before it runs, and there no text of ours leaks.

/// How much one caller may ask.
pub mod budget;
/// What a caller sends, and the form in which it wants the answer.
pub mod call;
/// Documents that were read before.
pub mod document;
/// Documents by their hash: automatic and trusted ones.
pub mod persisted;
/// What is said where nothing is run.
mod refused;
/// Answers that come one after another: server-sent events and multipart.
pub mod stream;

use crate::{
    app::App,
    auth::{self, address::Address},
    gate::Place,
    limits,
    telemetry::{self, RequestId},
};
use async_graphql::{
    Request, Response as Outcome, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Request as HttpRequest, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use budget::Shown;
use call::{Call, Form};
use document::Document;
use entities::{Audience, Scope};
use futures::{FutureExt, StreamExt, stream::BoxStream};
use rand::Rng;
pub use refused::{Refused, overloaded, rejected};
use schema::{
    Caller, Graph, Mode,
    deny::Denied,
    error::{BAD_REQUEST, FORBIDDEN, INTERNAL, RATE_LIMITED, TIMEOUT, UNKNOWN_FIELD},
    guard::Limits,
    known::Known,
    look::Looked,
};
use std::{ops::Range, panic::AssertUnwindSafe, sync::Arc, time::Duration};

const OURS: &str = "Something went wrong on our side. Please try again; if it stays, tell us the request id.";

/// One answer, written.
pub struct Answer {
    /// Nothing was run: there are errors and no data.
    pub refused: bool,
    pub body: Vec<u8>,
}
impl Answer {
    fn of(mut outcome: Outcome, request_id: &str) -> Self {
        // what failed in a field has a path; without one, it failed before anything ran
        let refused = !outcome.errors.is_empty() && outcome.data == Value::Null && outcome.errors.iter().all(|e| e.path.is_empty());
        outcome.errors.truncate(MOST_ERRORS);
        outcome.errors.iter_mut().for_each(|e| tidy(e, request_id));
        Answer { refused, body: schema::write(&outcome, !refused) }
    }
    fn showing(mut self, cost: Option<Shown>) -> Self {
        if let Some(cost) = cost {
            cost.append(&mut self.body);
        }
        self
    }
}
/// A document can be wrong in thousands of ways at a time.
const MOST_ERRORS: usize = 10;
const LONGEST_MESSAGE: usize = 400;

/// Every error that leaves has a code that we gave it; an error without one is a surprise, and its text is for the log.
fn tidy(error: &mut ServerError, request_id: &str) {
    let known = error.extensions.as_ref().and_then(|e| e.get("code")).cloned();
    let code = match known {
        Some(Value::String(code)) => code,
        _ if error.message.starts_with("Failed to parse ") => {
            error.message = "An argument has a value that its type does not take.".into();
            BAD_REQUEST.into()
        }
        _ if error.path.is_empty() => if error.message.starts_with("Unknown field") { UNKNOWN_FIELD } else { BAD_REQUEST }.into(),
        _ => {
            tracing::error!(error = %error.message, "a field failed");
            error.message = OURS.into();
            INTERNAL.into()
        }
    };
    if let Some((end, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
        error.message.truncate(end);
    }
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code.as_str());
    if code == INTERNAL {
        extensions.set("requestId", request_id);
    }
}

/// A call that was found good and may run.
pub struct Prepared {
    app: Arc<App>,
    asked: Box<Asked>,
    pub kind: OperationType,
    /// Its variables can make no difference to whether the document is valid.
    plain: bool,
    scope: Arc<Scope>,
    looked: Looked,
    denied: Denied,
    shown: Shown,
    /// Where it works: given back when it is done.
    place: Option<Place>,
}
/// What is to be run, for whom.
struct Asked {
    caller: Caller,
    document: Arc<Document>,
    /// Of what changes something: the document without the variables that were not given.
    stripped: Option<ExecutableDocument>,
    variables: Variables,
    operation: Option<String>,
}
impl Asked {
    fn request(self) -> Request {
        let mut request = Request::new("").variables(self.variables).data(self.caller);
        request.operation_name = self.operation;
        request.set_parsed_query(self.stripped.unwrap_or_else(|| self.document.parsed.clone()));
        request
    }
    /// `valid`: this graph has found the document good before. The executor is put aside, as every request would carry about
    /// what it takes, and few need it.
    async fn outcome(self: Box<Self>, graph: &Graph, valid: bool) -> Outcome {
        if !valid {
            return Box::pin(graph.schema.execute(self.request())).await;
        }
        if let Some(operation) = self.document.only() {
            let known = Known { number: self.document.number, document: &self.document.parsed, operation, variables: &self.variables };
            if let Some(outcome) = graph.answer(&self.caller, known).await {
                return outcome;
            }
        }
        Box::pin(graph.validated.execute(self.request())).await
    }
}

/// Waits for its turn and prepares the call: what is judged holds a place as what runs does.
pub async fn admit(app: &Arc<App>, scope: Arc<Scope>, address: Address, call: Call) -> Result<Prepared, Refused> {
    let place = app.gate.enter(&scope, address).await?;
    match prepare(app, scope, address, call) {
        Ok(prepared) => Ok(Prepared { place: Some(place), ..prepared }),
        Err(spent) if spent.status == StatusCode::TOO_MANY_REQUESTS => {
            drop(place);
            Err(Box::pin(held_back(spent)).await)
        }
        Err(refused) => Err(refused),
    }
}
/// Who has spent its budget and asks in a loop would take a core by being told so; and who asks on many connections would
/// take it for a moment again and again, if all were told at once. It may not come back before a second.
async fn held_back(spent: Refused) -> Refused {
    const WAIT_MS: Range<u64> = 150..350;
    let wait = Duration::from_millis(rand::thread_rng().gen_range(WAIT_MS));
    tokio::time::sleep(wait).await;
    spent
}
/// Finds the document, judges it and its variables for this caller, and takes its cost from the caller's budget: for
/// reading it before, the rest after.
pub fn prepare(app: &Arc<App>, scope: Arc<Scope>, address: Address, call: Call) -> Result<Prepared, Refused> {
    let found = app.persisted.find(scope.audience, call.source)?;
    let read = app.budgets.charge(&scope, address, budget::reading(&found.text)).map_err(Refused::spent)?;
    let document = app.documents.read(&found.text)?;
    let name = call.operation.as_deref();
    let operation = operation(&document.parsed, name)?;
    let view = &app.graphs.of(scope.audience).view;
    let refuse = |r: schema::error::Refused| Refused { shown: r.cost.map(|c| app.budgets.unpaid(c)), ..Refused::document(r.server(None)) };
    let cost = match document.cost(scope.audience) {
        Some(known) => known,
        None => {
            let found = schema::guard::check(view, &Limits::default(), found.text.len(), &document.parsed, name, &call.variables).map_err(refuse)?;
            if !found.by_variables {
                document.costs(scope.audience, found.cost);
            }
            found.cost
        }
    };
    let variables = schema::coerce::variables(view, operation, call.variables).map_err(refuse)?;
    if let Some(hash) = found.learn {
        app.persisted.learn(hash, found.text.clone());
    }
    let shown = app.budgets.charge_rest(&scope, address, cost, read).map_err(Refused::spent)?;
    let kind = operation.ty;
    if kind == OperationType::Mutation && scope.actor.is_some() {
        let message = "You look at this as the customer does: nothing can be changed that way.";
        return Err(Refused::document(Refused::new(StatusCode::OK, FORBIDDEN, message).error));
    }
    let caller = Caller::new(scope.clone()).mode(Mode::Bytes);
    let caller = if kind == OperationType::Subscription { caller.streaming(app.deadline()) } else { caller.within(app.deadline()) };
    let (looked, denied) = (caller.looked.clone(), caller.denied.clone());
    let plain = || document.parsed.operations.iter().all(|(_, o)| schema::coerce::is_plain(view, &o.node));
    let plain = kind == OperationType::Query && !document.is_valid(scope.audience) && plain();
    // a query makes no difference between null and absent, and its document is known again as it stands
    let stripped = match kind {
        OperationType::Query => None,
        _ => schema::coerce::without_absent(view, &document.parsed, operation, &variables),
    };
    let asked = Box::new(Asked { caller, document, stripped, variables, operation: call.operation });
    Ok(Prepared { app: app.clone(), asked, kind, plain, scope, looked, denied, shown, place: None })
}
fn operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition, Refused> {
    let mut named = document.operations.iter().filter(|(n, _)| name.is_none() || n.map(|n| n.as_str()) == name);
    match (named.next(), named.next()) {
        (Some((_, operation)), None) => Ok(&operation.node),
        (None, _) => Err(Refused::document(Refused::bad("The document has no such operation.").error)),
        _ => Err(Refused::document(Refused::bad("The document has several operations: say which by operationName.").error)),
    }
}

impl Prepared {
    /// Runs a query or a mutation.
    pub async fn run(self) -> Answer {
        // the graph keeps the deadline itself; this is for what forgets to ask
        let deadline = self.app.deadline() + Duration::from_secs(1);
        let request_id = self.scope.request_id.clone().unwrap_or_default();
        let (audience, document) = (self.scope.audience, self.asked.document.clone());
        // a mutation is always validated: nothing of it may run before all of it is found good
        let valid = self.kind == OperationType::Query && document.is_valid(audience);
        let running = AssertUnwindSafe(self.asked.outcome(self.app.graphs.of(audience), valid)).catch_unwind();
        let (answer, outcome) = match tokio::time::timeout(deadline, running).await {
            Ok(Ok(outcome)) => {
                let name = if outcome.errors.is_empty() { "ok" } else { "errors" };
                if self.plain && outcome.errors.is_empty() {
                    document.found_valid(audience);
                }
                (told(&self.app, &self.scope, &self.looked, Answer::of(outcome, &request_id)).await, name)
            }
            Ok(Err(_panic)) => (failed(INTERNAL, OURS, &request_id), "panic"), // the panic hook wrote it to the log
            Err(_late) => (failed(TIMEOUT, "This took too long: ask for less at a time.", &request_id), "timeout"),
        };
        self.app.looks.note_denied(&self.scope, self.denied.take());
        telemetry::count_operation(self.scope.audience, self.kind, outcome);
        answer.showing(Some(self.shown))
    }
    /// Runs anything, in a task of its own; a subscription gives many answers.
    pub fn stream(self) -> BoxStream<'static, Answer> {
        stream::apart(self.answers())
    }
    fn answers(self) -> BoxStream<'static, Answer> {
        if self.kind != OperationType::Subscription {
            return futures::stream::once(self.run()).boxed();
        }
        drop(self.place); // a stream works when something happens, and waits for the rest of its life
        telemetry::count_operation(self.scope.audience, self.kind, "ok");
        let request_id = self.scope.request_id.clone().unwrap_or_default();
        let outcomes = self.app.graphs.of(self.scope.audience).schema.execute_stream(self.asked.request());
        let stream = AssertUnwindSafe(outcomes).catch_unwind().map(move |outcome| match outcome {
            Ok(outcome) => Answer::of(outcome, &request_id),
            Err(_panic) => failed(INTERNAL, OURS, &request_id),
        });
        let (app, scope, looked) = (self.app, self.scope, self.looked);
        let told = move |answer| {
            let (app, scope, looked) = (app.clone(), scope.clone(), looked.clone());
            async move { told(&app, &scope, &looked, answer).await }
        };
        stream.then(told).boxed()
    }
}
/// A call whose answers come one after another: its turn, its judgement and its answers, in a task of its own.
pub fn operate(app: Arc<App>, scope: Arc<Scope>, address: Address, call: Call) -> BoxStream<'static, Answer> {
    let answers = async move {
        match admit(&app, scope, address, call).await {
            Ok(prepared) => prepared.answers(),
            Err(refused) => futures::stream::once(async { refused.answer() }).boxed(),
        }
    };
    stream::apart(answers.flatten_stream())
}
/// The answer, once it is noted whose data it shows.
async fn told(app: &App, scope: &Scope, looked: &Looked, answer: Answer) -> Answer {
    let looks = looked.take();
    if looks.is_empty() {
        return answer;
    }
    match app.looks.note(&app.store, scope, looks).await {
        Ok(()) => answer,
        Err(error) => {
            tracing::error!(%error, "a look at protected data could not be written down");
            failed(INTERNAL, OURS, scope.request_id.as_deref().unwrap_or_default())
        }
    }
}
/// It ran and did not end well as a whole.
fn failed(code: &'static str, message: &str, request_id: &str) -> Answer {
    let mut refused = Refused::new(StatusCode::OK, code, message);
    tidy(&mut refused.error, request_id);
    Answer { refused: false, ..refused.answer() }
}

/// `/graphql`.
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Extension(RequestId(id)): Extension<RequestId>,
    Extension(address): Extension<Address>,
    request: HttpRequest,
) -> Response {
    let Some(form) = call::negotiate(request.headers()) else {
        let message = "This endpoint answers application/graphql-response+json, application/json, text/event-stream or multipart/mixed.";
        return Refused::new(StatusCode::NOT_ACCEPTABLE, BAD_REQUEST, message).over_http(Form::Json);
    };
    answer(&app, (id, address), form, request).await.unwrap_or_else(|refused| refused.over_http(form))
}

async fn answer(app: &Arc<App>, (id, address): (Arc<str>, Address), form: Form, request: HttpRequest) -> Result<Response, Refused> {
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    let caller = auth::caller(app, &headers, &id).await?;
    app.gate.remember(&headers, &caller.scope, address);
    let call = match method {
        Method::GET => call::from_query(uri.query().unwrap_or_default())?,
        Method::POST => call::from_body(&headers, &read(body, app.config().limits.body_bytes).await?)?,
        _ => return Err(not_allowed("GraphQL takes GET and POST.")),
    };
    caller.note(app, address).await;
    let prepared = admit(app, caller.scope.clone(), address, call).await?;
    let shown = prepared.shown;
    if method == Method::GET && prepared.kind != OperationType::Query {
        return Err(not_allowed("GET runs queries only: send this by POST."));
    }
    let mut response = match form {
        Form::EventStream | Form::Multipart => {
            let permit = app.streams.clone().try_acquire_owned();
            let permit =
                permit.map_err(|_| Refused::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMITED, "Too many streams are open: try again later."))?;
            stream::respond(form, prepared.stream(), app.clone(), caller, permit)
        }
        _ if prepared.kind == OperationType::Subscription => {
            let message = "A subscription needs Accept: text/event-stream or multipart/mixed, or the socket at /graphql/ws.";
            return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, BAD_REQUEST, message));
        }
        _ => {
            let answer = prepared.run().await;
            let status = if answer.refused && form != Form::Json { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            json(status, form, answer.body)
        }
    };
    shown.head(response.headers_mut());
    Ok(response)
}
async fn read(body: Body, most: usize) -> Result<Bytes, Refused> {
    limits::body(body, most).await.map_err(|status| match status {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::new(status, BAD_REQUEST, format!("A call has at most {most} bytes.")),
        _ => Refused::new(status, BAD_REQUEST, "The body ended before it was whole."),
    })
}
fn not_allowed(message: &str) -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, BAD_REQUEST, message)
}

/// Room for all headers that an answer is given on its way out, so that their map need not grow.
const HEADERS_ROOM: usize = 16;
fn json(status: StatusCode, form: Form, body: impl Into<Body>) -> Response {
    const VARY: HeaderValue = HeaderValue::from_static("accept, authorization");
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(form.content_type())),
        (header::VARY, VARY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, body.into()).into_response();
    response.headers_mut().reserve(HEADERS_ROOM);
    response.headers_mut().extend(headers);
    response
}

/// Variables as the graph's values. Not `Variables::from_json`: that takes numbers for objects where serde_json keeps
/// their digits, and takes bad ones for none.
pub fn variables(values: serde_json::Map<String, serde_json::Value>) -> Variables {
    Variables::from_value(graph_value(serde_json::Value::Object(values)))
}
fn graph_value(value: serde_json::Value) -> Value {
    use serde_json::Value as J;
    match value {
        J::Null => Value::Null,
        J::Bool(b) => Value::Boolean(b),
        J::Number(n) => Value::Number(n),
        J::String(s) => Value::String(s),
        J::Array(items) => Value::List(items.into_iter().map(graph_value).collect()),
        J::Object(fields) => Value::Object(fields.into_iter().map(|(k, v)| (async_graphql::Name::new(k), graph_value(v))).collect()),
    }
}

/// The schema of one audience as text.
pub fn sdl(audience: Audience) -> String {
    schema::sdl(audience)
}
