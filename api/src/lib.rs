//! The process around the graph: settings, command line, routes, tokens, limits, logs. Knows neither SQL nor the rules
//! of the trade.

/// Builds everything once; the process and the tests use the same.
pub mod app;
/// What the binary carries with it.
pub mod assets;
/// From a token to the `Scope` of who asks.
pub mod auth;
/// The command line.
pub mod cli;
/// Settings and where they came from.
pub mod config;
/// An invented provider, and the people whom one can be there.
pub mod demo;
/// Where connections come in.
pub mod door;
pub mod error;
/// Files with everything about a customer: made, fetched, deleted.
pub mod exports;
/// Who may work now, who waits, and who is asked to come back.
pub mod gate;
/// The GraphQL endpoint.
pub mod graphql;
/// `/livez`, `/readyz`, `/metrics`.
pub mod health;
/// Tasks that the hub runs by itself.
pub mod jobs;
/// Bounds that hold before GraphQL begins, and what is answered where something breaks.
pub mod limits;
/// Who looked at whose data.
pub mod looks;
/// The other end of a connection.
pub mod peer;
/// Every address of the hub.
pub mod routes;
/// GraphQL over a WebSocket.
pub mod socket;
/// Logs and metrics.
pub mod telemetry;
/// Who is turned away at the door.
mod turnstile;
/// What runs beside the requests, and how all of it ends.
pub mod worker;

pub use error::{Error, Result};
