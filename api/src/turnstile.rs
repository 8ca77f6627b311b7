//! In front of all that is asked of the graph. Who would wait too long for a place is told so here, before anything is
//! made for the request: under a load of many times what the hub can do, most of its work would be to refuse the rest.
use crate::{
    app::App,
    auth::address,
    graphql::{
        self,
        call::{self, Form},
    },
    peer::Peer,
    telemetry,
};
use axum::{
    body::BodyDataStream,
    extract::{ConnectInfo, Request},
    http::Method,
    response::Response,
};
use futures::{
    StreamExt,
    future::{BoxFuture, Either, FutureExt},
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;

/// The one address that it stands before.
const PATH: &str = "/graphql";

/// Lets a request through, or answers it.
#[derive(Clone)]
pub struct Turnstile<S> {
    open: S,
    closed: Refusal,
    cors: Option<Arc<CorsLayer>>,
}
impl<S> Turnstile<S> {
    /// `cors`: pages of other origins may read that they are to come back.
    pub fn new(app: Arc<App>, cors: Option<CorsLayer>, open: S) -> Self {
        Turnstile { open, closed: Refusal(app), cors: cors.map(Arc::new) }
    }
}
impl<S: Service<Request, Response = Response, Error = Infallible>> Service<Request> for Turnstile<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, <Refusal as Service<Request>>::Future>;
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.open.poll_ready(context)
    }
    fn call(&mut self, request: Request) -> Self::Future {
        if !self.closed.is_due_to(&request) {
            return Either::Left(self.open.call(request));
        }
        Either::Right(match &self.cors {
            Some(cors) => cors.layer(self.closed.clone()).call(request).boxed(),
            None => self.closed.call(request),
        })
    }
}

/// What is said to whom there is no place for.
#[derive(Clone)]
pub struct Refusal(Arc<App>);
impl Refusal {
    /// Whether the request is to be refused, which is counted then.
    fn is_due_to(&self, request: &Request) -> bool {
        let Refusal(app) = self;
        // what a browser asks beforehand runs nothing
        let asks = request.uri().path() == PATH && request.method() != Method::OPTIONS;
        app.gate.is_waited_at() && asks && app.gate.turns_away(request.headers(), address::of(request, &app.proxies))
    }
}
impl Service<Request> for Refusal {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request) -> Self::Future {
        let Refusal(app) = self.clone();
        let (id, form) = (telemetry::request_id(&request), call::negotiate(request.headers()).unwrap_or(Form::Json));
        let seen = telemetry::Seen::of(PATH, request.method());
        let told_in = app.gate.refuse_over(request.extensions().get::<ConnectInfo<Peer>>().map(|c| &c.0));
        async move {
            let mut body = request.into_body().into_data_stream();
            if is_whole(&mut body) {
                app.gate.hold_back_for(told_in).await;
            } else {
                app.gate.hold_back().await;
            }
            drop(body); // not before it is here: a connection whose body is dropped half-way is closed, and its answer lost
            let mut response = graphql::overloaded(form);
            seen.end(response.status());
            telemetry::head(&app, &id, &mut response);
            Ok(response)
        }
        .boxed()
    }
}
/// Takes what has come of a body: whether that is all. One that comes in many pieces is none that is waited for.
fn is_whole(body: &mut BodyDataStream) -> bool {
    const MOST_PIECES: usize = 4;
    for _ in 0..MOST_PIECES {
        match body.next().now_or_never() {
            Some(None) => return true,
            Some(Some(Ok(_))) => continue,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use futures::stream;

    #[test]
    fn a_body_is_whole_when_nothing_of_it_is_to_come() {
        let pieces = |n: usize| stream::iter((0..n).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"{}"))));
        let is = |body: Body| is_whole(&mut body.into_data_stream());
        assert!(is(Body::empty()) && is(Body::from("{}")) && is(Body::from_stream(pieces(3))));
        assert!(!is(Body::from_stream(pieces(1).chain(stream::pending()))));
        assert!(!is(Body::from_stream(pieces(100))), "what takes long to look at is not looked at");
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
        assert!(!is(Body::from_stream(broken)));
    }
}
