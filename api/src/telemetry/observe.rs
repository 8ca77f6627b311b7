//! Around every request: its id, one line in the log, its time.
use super::{Meters, RequestId, head, known, millis, request_id};
use crate::{app::App, auth::address, gate::Overloaded};
use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use pin_project_lite::pin_project;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tower::Service;
use tracing::{Instrument, instrument::Instrumented};

/// A service whose requests are observed. A type instead of a function as middleware: those make boxes for each request.
#[derive(Clone)]
pub struct Observe<S> {
    pub app: Arc<App>,
    pub inner: S,
}
impl<S: Service<Request, Response = Response<B>, Error = Infallible>, B> Service<Request> for Observe<S> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Observed<S::Future>;
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }
    fn call(&mut self, mut request: Request) -> Self::Future {
        let id: Arc<str> = request_id(&request).into();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = known(request.method());
        let span = tracing::info_span!("request", request_id = %id);
        let address = address::of(&request, &self.app.proxies);
        request.extensions_mut().insert(address);
        request.extensions_mut().insert(RequestId(id.clone()));
        let begun = Begun { app: self.app.clone(), id, route, method, since: Instant::now() };
        Observed { answering: self.inner.call(request).instrument(span), begun }
    }
}

/// What is known of a request before its answer.
struct Begun {
    app: Arc<App>,
    id: Arc<str>,
    route: Option<MatchedPath>,
    method: &'static str,
    since: Instant,
}
impl Begun {
    fn end<B>(&self, response: &mut Response<B>) {
        let (elapsed, status, method) = (self.since.elapsed(), response.status().as_u16(), self.method);
        let route = self.route.as_ref().map_or("other", MatchedPath::as_str);
        match route {
            // asked every few seconds by machines; refused by the thousand, which the gate tells as one
            "/livez" | "/readyz" | "/metrics" => tracing::debug!(method, route, status, duration_ms = millis(elapsed), "answered"),
            _ if response.extensions().get::<Overloaded>().is_some() => {
                tracing::debug!(method, route, status, duration_ms = millis(elapsed), "answered");
            }
            _ => tracing::info!(method, route, status, duration_ms = millis(elapsed), "answered"),
        }
        Meters::of(route, method, status).count(elapsed);
        head(&self.app, &self.id, response);
    }
}
pin_project! {
    /// An answer to come, which is told when it is there.
    pub struct Observed<F> {
        #[pin]
        answering: Instrumented<F>,
        begun: Begun,
    }
}
impl<F: Future<Output = Result<Response<B>, Infallible>>, B> Future for Observed<F> {
    type Output = Result<Response<B>, Infallible>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Ok(mut response) = ready!(this.answering.as_mut().poll(context));
        this.answering.span().in_scope(|| this.begun.end(&mut response));
        Poll::Ready(Ok(response))
    }
}
