//! privacy

/// Consent by purpose with its evidence (TMF644). Append-only: the latest `effective_at` counts.
pub mod consent;
/// Who did or read what. Append-only, each row sealed by the hash of the one before.
pub mod audit_event;
/// Every change of a status: the source of every duration.
pub mod state_change;
