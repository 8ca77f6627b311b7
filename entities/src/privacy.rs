//! Consent, who looked at what, what people ask of those who hold their data, and erasing it.

/// Consent by purpose with its evidence (TMF644). Append-only: the latest `effective_at` counts.
pub mod consent;
/// Who did or read what. Append-only, each row sealed by the hash of the one before.
pub mod audit_event;
/// Every change of a status: the source of every duration.
pub mod state_change;
/// What a customer asked of those who hold its data.
pub mod privacy_request;
/// Everything about a customer, in a file for it to keep.
pub mod access;
/// Erasing a customer, and all that the hub keeps of it.
pub mod erasure;
/// Rows of sources that were erased.
pub mod erased_source;
/// Which tables hold something of a person, and what becomes of it.
pub mod holding;
