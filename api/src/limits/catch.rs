//! What is answered where code of ours panicked outside a query.
use super::error;
use crate::telemetry::RequestId;
use axum::{extract::Request, http::StatusCode, response::Response};
use futures::{FutureExt, future::CatchUnwind};
use pin_project_lite::pin_project;
use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower::Service;

/// A service that answers where the one within panicked while it answered.
#[derive(Clone)]
pub struct Catch<S>(pub S);
impl<S: Service<Request, Response = Response, Error = Infallible>> Service<Request> for Catch<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Caught<S::Future>;
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }
    fn call(&mut self, request: Request) -> Self::Future {
        let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Caught { answering: AssertUnwindSafe(self.0.call(request)).catch_unwind(), id }
    }
}
pin_project! {
    /// An answer to come, whatever happens.
    pub struct Caught<F> {
        #[pin]
        answering: CatchUnwind<AssertUnwindSafe<F>>,
        id: Arc<str>,
    }
}
impl<F: Future<Output = Result<Response, Infallible>>> Future for Caught<F> {
    type Output = Result<Response, Infallible>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.answering.poll(context));
        Poll::Ready(answered.unwrap_or_else(|_| Ok(broken(this.id))))
    }
}
fn broken(id: &str) -> Response {
    let extensions = serde_json::json!({"code": "INTERNAL", "requestId": id});
    let message = "Something went wrong on our side. Please try again; if it stays, tell us the request id.";
    error(StatusCode::INTERNAL_SERVER_ERROR, extensions, message)
}
