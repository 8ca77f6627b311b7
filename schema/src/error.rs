//! Errors of the graph. `Refused` is what a caller can read: a plain sentence and a code; the cause of everything else
//! goes to the log under the request's id.
use async_graphql::{ErrorExtensionValues, ServerError, Value};

pub const BAD_REQUEST: &str = "BAD_REQUEST";
pub const FORBIDDEN: &str = "FORBIDDEN";
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
pub const UNKNOWN_FIELD: &str = "UNKNOWN_FIELD";
pub const COST_EXCEEDED: &str = "COST_EXCEEDED";
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// The hub has more to do than it can; nothing was run.
pub const OVERLOADED: &str = "OVERLOADED";
/// The words of Apollo's protocol.
pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
pub const UNTRUSTED_DOCUMENT: &str = "UNTRUSTED_DOCUMENT";
pub const TIMEOUT: &str = "TIMEOUT";
pub const INTERNAL: &str = "INTERNAL";

/// An error that the caller may read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub code: &'static str,
    pub message: String,
    /// The scope that was missing.
    pub scope: Option<&'static str>,
    /// What it would have cost, where that was too much.
    pub cost: Option<u64>,
}
impl Refused {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refused { code, message: message.into(), scope: None, cost: None }
    }
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(BAD_REQUEST, message)
    }
    pub fn scope(scope: &'static str) -> Self {
        Refused { scope: Some(scope), ..Self::new(FORBIDDEN, format!("This needs the scope {scope}.")) }
    }
    /// The cause is logged; the caller learns only that it is ours to mend.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed");
        Self::new(INTERNAL, "Something went wrong on our side. Please try again; if it stays, tell us the request id.")
    }
    pub fn server(&self, pos: Option<async_graphql::Pos>) -> ServerError {
        let mut error = ServerError::new(self.message.clone(), pos);
        error.extensions = Some(self.extensions());
        error
    }
    fn extensions(&self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code);
        if let Some(scope) = self.scope {
            values.set("requiredScopes", Value::List(vec![scope.into()]));
        }
        values
    }
}
// async_graphql::Error is made from any Display; ours must keep its code.
pub fn graph(refused: Refused) -> async_graphql::Error {
    let mut error = async_graphql::Error::new(refused.message.clone());
    error.extensions = Some(refused.extensions());
    error
}
