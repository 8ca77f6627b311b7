//! What is said where nothing is run: to the caller, with a code, and when it may be tried again.
use super::{
    Answer, OURS,
    budget::{self, Shown},
    call::Form,
    json,
};
use crate::{
    auth::Rejected,
    gate::{self, Overloaded},
};
use async_graphql::{Pos, Response as Outcome, ServerError};
use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use schema::error::{BAD_REQUEST, INTERNAL, OVERLOADED, RATE_LIMITED, UNAUTHENTICATED};
use std::sync::LazyLock;

/// Why a call was not run. The caller may read it.
#[derive(Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub error: ServerError,
    pub(super) shown: Option<Shown>,
    /// When it may be tried again, in seconds.
    pub(super) wait_s: Option<u64>,
}
impl Refused {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let mut error = ServerError::new(message, None);
        error.extensions.get_or_insert_default().set("code", code);
        Refused { status, error, shown: None, wait_s: None }
    }
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, BAD_REQUEST, message)
    }
    /// The call is well-formed, its document is not good: 200 for those who take plain JSON, 400 for all others.
    pub(super) fn document(error: ServerError) -> Self {
        Refused { status: StatusCode::OK, error, shown: None, wait_s: None }
    }
    pub(super) fn spent(spent: budget::Spent) -> Self {
        let message = format!(
            "You have asked for too much in a short time: this costs {} points. Try again in {} s, or ask for less.",
            spent.shown.requested, spent.wait_s
        );
        Refused { shown: Some(spent.shown), ..Refused::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMITED, message).later(spent.wait_s) }
    }
    /// Says when it may be tried again.
    pub(super) fn later(mut self, wait_s: u64) -> Self {
        self.error.extensions.get_or_insert_default().set("retryAfterSeconds", wait_s);
        self.wait_s = Some(wait_s);
        self
    }
    pub(super) fn at(mut self, pos: Option<Pos>) -> Self {
        self.error.locations.extend(pos);
        self
    }
    pub fn answer(self) -> Answer {
        Answer { refused: true, body: schema::write(&Outcome::from_errors(vec![self.error]), false) }.showing(self.shown)
    }
    pub(crate) fn over_http(self, form: Form) -> Response {
        let status = match self.status {
            StatusCode::OK if form != Form::Json => StatusCode::BAD_REQUEST,
            status => status,
        };
        let (shown, wait_s) = (self.shown, self.wait_s);
        let mut response = json(status, form, self.answer().body);
        if let Some(shown) = shown {
            shown.head(response.headers_mut());
        }
        if let Some(wait_s) = wait_s {
            response = with_retry_after(response, wait_s);
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#));
        }
        response
    }
}
impl From<Overloaded> for Refused {
    fn from(_: Overloaded) -> Self {
        let message = "More is asked of us than we can answer just now. Please try again in a moment.";
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, message).later(gate::RETRY_AFTER_S)
    }
}
impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Token(why) => {
                tracing::info!(why, "a token was refused");
                Refused::new(
                    StatusCode::UNAUTHORIZED,
                    UNAUTHENTICATED,
                    "The token is not valid: it may have expired. Without a token you see what is public.",
                )
            }
            Rejected::Store(e) => {
                tracing::error!(error = %e, "cannot tell who asks");
                Refused::new(StatusCode::SERVICE_UNAVAILABLE, INTERNAL, OURS)
            }
        }
    }
}
/// What those are told, at any address, of whom nobody can be made.
pub fn rejected(rejected: Rejected) -> Response {
    Refused::from(rejected).over_http(Form::Json)
}
/// What those are told, at any address, for whom there is no place.
pub fn overloaded(form: Form) -> Response {
    static BODY: LazyLock<Bytes> = LazyLock::new(|| Refused::from(Overloaded).answer().body.into());
    with_retry_after(json(StatusCode::SERVICE_UNAVAILABLE, form, BODY.clone()), gate::RETRY_AFTER_S)
}
fn with_retry_after(mut response: Response, wait_s: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.extensions_mut().insert(Overloaded);
    }
    response
}
