//! Whether what allowed a stream to begin still allows it.
use super::{Caller, Rejected, again};
use crate::app::App;

/// Why a stream ends before its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Over {
    Expired,
    /// The token was revoked, its key is gone, or its partner is.
    Revoked,
    /// The caller may do or see something else now. What is open was judged under what held when it began: whoever
    /// connects again is given what holds now.
    Changed,
    /// The database could not say.
    Unknown,
}

/// Whether a caller still is who it was, by the newest word.
pub async fn holds(app: &App, caller: &Caller) -> Result<(), Over> {
    if caller.until.is_some_and(|u| u <= app.store.clock().now().timestamp()) {
        return Err(Over::Expired);
    }
    match again(app, &caller.credential).await {
        Ok(now) if caller.same(&now) => Ok(()),
        Ok(_) => Err(Over::Changed),
        Err(Rejected::Token(_)) => Err(Over::Revoked),
        Err(Rejected::Store(error)) => {
            tracing::warn!(%error, "cannot tell whether a stream may go on");
            Err(Over::Unknown)
        }
    }
}
/// The same without anything to show: where the database cannot say, there is nothing to show either, and the stream may
/// wait for it.
pub async fn may_wait(app: &App, caller: &Caller) -> Result<(), Over> {
    match holds(app, caller).await {
        Err(Over::Unknown) => Ok(()),
        known => known,
    }
}
