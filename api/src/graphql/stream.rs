//! Answers that come one after another over one HTTP request: server-sent events (graphql-sse, distinct connections)
//! and multipart (as Apollo's clients ask for subscriptions).
use super::{Answer, Refused, call::Form};
use crate::{
    app::App,
    auth::{
        Caller, REMEMBERED, Rejected,
        watch::{self, Over},
    },
};
use axum::{
    body::{Body, Bytes},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream::BoxStream};
use schema::error::UNAUTHENTICATED;
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, Sender},
    },
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_stream::wrappers::ReceiverStream;

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

/// Runs a stream in a task of its own, one answer ahead: while its caller does not read, what it waits for inside (a
/// connection, its turn) is not held from others. It ends with what is returned.
pub fn apart(answers: impl Stream<Item = Answer> + Send + 'static) -> BoxStream<'static, Answer> {
    let (out, received) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        let mut answers = pin!(answers);
        while let Some(answer) = answers.next().await
            && out.send(answer).await.is_ok()
        {}
    });
    let ended = Ended(task.abort_handle());
    ReceiverStream::new(received)
        .map(move |answer| {
            let _with = &ended;
            answer
        })
        .boxed()
}
struct Ended(AbortHandle);
impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A caller that has not read for so long is gone.
const WRITE: Duration = Duration::from_secs(10);

/// Holds its permit until the last answer is out. A task of its own passes the answers on, one at a time: a caller that
/// does not read fills no queue, and is asked after all the same.
pub fn respond(form: Form, answers: BoxStream<'static, Answer>, app: Arc<App>, caller: Caller, permit: OwnedSemaphorePermit) -> Response {
    let words = if form == Form::EventStream { &EVENTS } else { &PARTS };
    let (out, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        pass(words, answers, &app, &caller, &out).await;
        drop(permit);
    });
    let body = ReceiverStream::new(parts).map(Ok::<_, Infallible>);
    // X-Accel-Buffering: nginx would gather the events otherwise
    ([(CONTENT_TYPE, words.content_type), (CACHE_CONTROL, "no-store")], [("x-accel-buffering", "no")], Body::from_stream(body)).into_response()
}

/// Ends when the answers do, the hub stops, the caller leaves or may no longer know them.
async fn pass(words: &'static Words, mut answers: BoxStream<'static, Answer>, app: &App, caller: &Caller, out: &Sender<Bytes>) -> Option<()> {
    let send = async |part: Bytes| out.send_timeout(part, WRITE).await.ok();
    let wrapped = |answer: Answer| Bytes::from([words.before.as_bytes(), &answer.body, words.after.as_bytes()].concat());
    send(Bytes::from_static(words.open.as_bytes())).await?;
    let stopping = app.lifecycle.stopped();
    tokio::pin!(stopping);
    let (mut beat, mut check) = (interval_at(Instant::now() + BEAT, BEAT), interval_at(Instant::now() + REMEMBERED, REMEMBERED));
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (part, may) = tokio::select! {
            () = &mut stopping => break,
            () = out.closed() => return None,
            _ = beat.tick() => (Some(Bytes::from_static(words.beat.as_bytes())), Ok(())),
            _ = check.tick() => (None, watch::may_wait(app, caller).await),
            answer = answers.next() => match answer {
                Some(answer) => (Some(wrapped(answer)), watch::holds(app, caller).await),
                None => break,
            },
        };
        if let Err(over) = may {
            send(wrapped(ended(over).answer())).await?;
            break;
        }
        if let Some(part) = part {
            send(part).await?;
        }
    }
    send(Bytes::from_static(words.end.as_bytes())).await
}
fn ended(over: Over) -> Refused {
    let message = match over {
        Over::Expired => "The token has expired.",
        Over::Revoked => "The token is no longer valid.",
        Over::Changed => "What you may do has changed: please connect again.",
        Over::Unknown => return Refused::from(Rejected::Store(entities::Error::Invalid("a stream ended: its caller could not be checked".into()))),
    };
    Refused::new(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message)
}
