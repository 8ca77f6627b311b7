//! Every test of the workspace that goes through more than one file, in one binary: it links once and shares one
//! PostgreSQL.

mod harness;

mod access;
mod care;
mod endpoint;
mod erasure;
mod exchange;
mod formats;
mod generate;
mod graph;
mod harness_stands;
mod http;
mod knowledge;
mod load;
mod party;
mod privacy;
mod restore;
mod roles;
mod search;
mod tidy;
mod tokens;
