//! outbox

/// One entry of the change log.
pub mod change;
