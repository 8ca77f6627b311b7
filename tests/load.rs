//! The hub when much is asked of it: who is refused and who is not, nodes side by side, and what streams cost.

/// More than there are places.
mod gate;
/// Several nodes over one database.
mod nodes;
/// Many who follow the same.
mod streams;

use crate::harness;
