//! Answers that come one after another over one HTTP request: server-sent events (graphql-sse, distinct connections)
//! and multipart (as Apollo's clients ask for subscriptions).
use super::{Answer, call::Form, until_end};
use crate::app::App;
use axum::{
    body::{Body, Bytes},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream::BoxStream};
use std::{convert::Infallible, time::Duration};
use tokio::sync::OwnedSemaphorePermit;

/// Proxies cut what is silent for a minute; a write is also how a caller that left is noticed.
const BEAT: Duration = Duration::from_secs(15);

/// The form's own words around an answer.
struct Words {
    content_type: &'static str,
    open: &'static str,
    before: &'static str,
    after: &'static str,
    beat: &'static str,
    end: &'static str,
}
const EVENTS: Words = Words {
    content_type: "text/event-stream; charset=utf-8",
    open: ":\n\n",
    before: "event: next\ndata: ",
    after: "\n\n",
    beat: ":\n\n",
    end: "event: complete\ndata:\n\n",
};
const PARTS: Words = Words {
    content_type: r#"multipart/mixed; boundary="graphql"; subscriptionSpec=1.0"#,
    open: "",
    before: "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{\"payload\":",
    after: "}",
    beat: "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{}",
    end: "\r\n--graphql--\r\n",
};

/// Holds its permit until the last answer is out.
pub fn respond(form: Form, answers: BoxStream<'static, Answer>, app: &App, until: Option<i64>, permit: OwnedSemaphorePermit) -> Response {
    let words = if form == Form::EventStream { &EVENTS } else { &PARTS };
    let answers = until_end(answers, app, until).map(|answer| [words.before.as_bytes(), &answer.body, words.after.as_bytes()].concat());
    let answers = tokio_stream::StreamExt::timeout_repeating(answers, tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT));
    let parts = answers.map(|part| part.map_or(Bytes::from_static(words.beat.as_bytes()), Bytes::from));
    let open = futures::stream::iter([Bytes::from_static(words.open.as_bytes())]);
    let end = futures::stream::once(async move {
        drop(permit);
        Bytes::from_static(words.end.as_bytes())
    });
    let body = open.chain(parts).chain(end).map(Ok::<_, Infallible>);
    // X-Accel-Buffering: nginx would gather the events otherwise
    ([(CONTENT_TYPE, words.content_type), (CACHE_CONTROL, "no-store")], [("x-accel-buffering", "no")], Body::from_stream(body)).into_response()
}
