//! `/graphql/ws`: the graphql-transport-ws protocol of graphql-ws. One task a socket: it reads, runs and writes in
//! turn, so that a slow reader slows its own subscriptions and fills no queue.
use crate::{
    app::App,
    auth::{
        self, Caller, REMEMBERED, Rejected,
        address::Address,
        watch::{self, Over},
    },
    graphql::{self, Answer, Refused, call},
    telemetry::RequestId,
};
use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures::{StreamExt, stream::BoxStream};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_stream::StreamMap;

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say `connection_init`.
const INIT: Duration = Duration::from_secs(3);
const BEAT: Duration = Duration::from_secs(25);
/// Messages are small, and sockets are many.
const BUFFER_BYTES: usize = 4 << 10;
/// A client that has not read for so long is gone.
const WRITE: Duration = Duration::from_secs(10);

pub async fn endpoint(
    State(app): State<Arc<App>>,
    Extension(RequestId(id)): Extension<RequestId>,
    Extension(address): Extension<Address>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Ok(permit) = app.streams.clone().try_acquire_owned() else {
        return crate::limits::problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "Too many streams are open: try again later.");
    };
    let largest = app.config().limits.body_bytes;
    let authorization = match auth::authorization(&headers) {
        Ok(authorization) => authorization.map(String::from),
        Err(rejected) => return Refused::from(rejected).over_http(call::Form::Json),
    };
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(largest).max_frame_size(largest);
    upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES).on_upgrade(move |socket| async move {
        Talk { app, socket, id, address, authorization, caller: None, running: StreamMap::new() }.hold().await;
        drop(permit);
    })
}

/// Why a socket is closed. A reason has at most 123 bytes.
struct Close(u16, &'static str);
const GONE: Close = Close(1006, "");

/// One step of an operation.
enum Step {
    Answer(Answer),
    Done,
}

struct Talk {
    app: Arc<App>,
    socket: WebSocket,
    /// Of the request that opened the socket.
    id: Arc<str>,
    address: Address,
    authorization: Option<String>,
    /// Set by `connection_init`.
    caller: Option<Caller>,
    running: StreamMap<String, BoxStream<'static, Step>>,
}

impl Talk {
    async fn hold(mut self) {
        let Close(code, reason) = match self.socket.protocol().is_some_and(|p| p == PROTOCOL) {
            true => self.talk().await,
            false => Close(4406, "Subprotocol not acceptable"),
        };
        self.running.clear();
        if code != GONE.0 {
            let _ = self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
        }
    }

    async fn talk(&mut self) -> Close {
        let stopping = self.app.lifecycle.stopped();
        let init = sleep(INIT);
        tokio::pin!(stopping, init);
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        let mut check = interval_at(Instant::now() + REMEMBERED, REMEMBERED);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                () = &mut stopping => return Close(1001, "Going away"),
                () = &mut init, if self.caller.is_none() => return Close(4408, "Connection initialisation timeout"),
                _ = check.tick() => self.holds(false).await,
                _ = beat.tick() => self.send(Message::Ping(Default::default())).await,
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.take(message).await,
                    _ => Err(GONE),
                },
                Some((id, step)) = self.running.next() => self.pass(id, step).await,
            };
            if let Err(close) = step {
                return close;
            }
        }
    }

    /// Whether the caller still is who it was: asked twice a second, and before something is shown.
    async fn holds(&mut self, shows: bool) -> Result<(), Close> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let still = if shows { watch::holds(&self.app, caller).await } else { watch::may_wait(&self.app, caller).await };
        still.map_err(|over| match over {
            Over::Expired => Close(4401, "Token expired"),
            Over::Revoked => Close(4401, "Unauthorized"),
            Over::Changed => Close(4403, "Permissions changed: connect again"),
            Over::Unknown => Close(1011, "Internal error"),
        })
    }
    async fn take(&mut self, message: Message) -> Result<(), Close> {
        let text = match message {
            Message::Text(text) => text,
            // axum answers these itself, with the next read
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
            Message::Binary(_) => return Err(Close(4400, "Messages are text")),
        };
        let Ok(Value::Object(mut message)) = serde_json::from_str(&text) else { return Err(Close(4400, "Invalid message received")) };
        let payload = message.remove("payload");
        let id = match message.remove("id") {
            Some(Value::String(id)) if !id.is_empty() && id.len() <= 128 => Some(id),
            _ => None,
        };
        match (message.get("type").and_then(Value::as_str), id) {
            (Some("connection_init"), _) => self.init(payload).await,
            (Some("ping"), _) => self.say(&json!({"type": "pong"})).await,
            (Some("pong"), _) => Ok(()),
            (Some("subscribe"), Some(id)) => self.subscribe(id, payload).await,
            (Some("complete"), Some(id)) => {
                self.running.remove(&id);
                Ok(())
            }
            _ => Err(Close(4400, "Invalid message received")),
        }
    }

    /// The token is in the payload, as browsers can set no headers here, or in the header of the upgrade.
    async fn init(&mut self, payload: Option<Value>) -> Result<(), Close> {
        if self.caller.is_some() {
            return Err(Close(4429, "Too many initialisation requests"));
        }
        let payload = match payload {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(Close(4400, "Invalid message received")),
        };
        let field = |name: &str| payload.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        let authorization = match field("authorization") {
            None | Some(Value::Null) => self.authorization.take(),
            Some(Value::String(text)) => Some(text.clone()).filter(|t| !t.is_empty()),
            Some(_) => return Err(Close(4403, "Forbidden")),
        };
        let said = |name| field(name).and_then(Value::as_str);
        match auth::from(&self.app, authorization.as_deref(), said("x-session"), said("x-reason"), &self.id).await {
            Ok(caller) => {
                caller.note(&self.app, self.address).await;
                self.caller = Some(caller);
            }
            Err(Rejected::Token(why)) => {
                tracing::info!(why, request_id = &*self.id, "a token was refused");
                return Err(Close(4403, "Forbidden"));
            }
            Err(Rejected::Store(e)) => {
                tracing::error!(error = %e, request_id = &*self.id, "cannot tell who asks");
                return Err(Close(1011, "Internal error"));
            }
        }
        self.say(&json!({"type": "connection_ack"})).await
    }

    async fn subscribe(&mut self, id: String, payload: Option<Value>) -> Result<(), Close> {
        let Some(caller) = &self.caller else { return Err(Close(4401, "Unauthorized")) };
        if self.running.contains_key(&id) {
            return Err(Close(4409, "There is already a subscriber of this id"));
        }
        let Some(Value::Object(fields)) = payload else { return Err(Close(4400, "Invalid message received")) };
        let mut scope = caller.scope.clone();
        Arc::make_mut(&mut scope).at = self.app.store.clock().now();
        let many = self.running.len() >= self.app.config().limits.socket_operations;
        let call = match many {
            true => Err(Refused::new(StatusCode::OK, "RATE_LIMITED", "Too many operations run on this socket.")),
            false => call::from_fields(fields),
        };
        match call {
            Ok(call) => {
                let answers = graphql::operate(self.app.clone(), scope, self.address, call);
                self.running.insert(id, answers.map(Step::Answer).chain(futures::stream::once(async { Step::Done })).boxed());
                Ok(())
            }
            Err(refused) => self.error(&id, refused.answer()).await,
        }
    }

    async fn pass(&mut self, id: String, step: Step) -> Result<(), Close> {
        match step {
            Step::Answer(answer) if answer.refused => {
                self.running.remove(&id);
                self.error(&id, answer).await
            }
            Step::Answer(answer) => {
                self.holds(true).await?;
                // the answer is JSON already: it is put between the rest as it is
                let mut text = format!(r#"{{"id":{},"type":"next","payload":"#, json!(id)).into_bytes();
                text.extend(answer.body);
                text.push(b'}');
                self.text(text).await
            }
            Step::Done => {
                self.running.remove(&id);
                self.say(&json!({"id": id, "type": "complete"})).await
            }
        }
    }
    async fn error(&mut self, id: &str, answer: Answer) -> Result<(), Close> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        self.say(&json!({"id": id, "type": "error", "payload": body["errors"]})).await
    }
    async fn say(&mut self, message: &Value) -> Result<(), Close> {
        self.text(message.to_string().into_bytes()).await
    }
    async fn text(&mut self, text: Vec<u8>) -> Result<(), Close> {
        let text = String::from_utf8(text).map_err(|_| Close(1011, "Internal error"))?;
        self.send(Message::Text(text.into())).await
    }
    async fn send(&mut self, message: Message) -> Result<(), Close> {
        match timeout(WRITE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(GONE),
        }
    }
}
