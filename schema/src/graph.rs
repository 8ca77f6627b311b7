//! All declared types on one screen. Adding a domain: a file with its types, a line here.
use crate::declare::{Field, Type};
use std::sync::OnceLock;

/// Every declared type.
pub fn graph() -> &'static [Type] {
    static GRAPH: OnceLock<Vec<Type>> = OnceLock::new();
    GRAPH.get_or_init(|| {
        [
            crate::party::types(),
            crate::catalogue::types(),
            crate::billing::types(),
            crate::care::types(),
            crate::conversation::types(),
            crate::knowledge::types(),
            crate::privacy::types(),
            crate::exchange::types(),
        ]
        .into_iter()
        .flatten()
        .map(crate::mutant::type_without)
        .collect()
    })
}
/// The declared fields of `Query`.
pub fn roots() -> &'static [Field] {
    static ROOTS: OnceLock<Vec<Field>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        [
            crate::party::roots(),
            crate::catalogue::roots(),
            crate::billing::roots(),
            crate::care::roots(),
            crate::conversation::roots(),
            crate::knowledge::roots(),
            crate::privacy::roots(),
            crate::exchange::roots(),
        ]
        .into_iter()
        .flatten()
        .map(|f| crate::mutant::field_without("Query", f))
        .collect()
    })
}
/// Unions of declared types: (name, doc, members).
pub const UNIONS: &[(&str, &str, &[&str])] =
    &[("SearchResult", "Whatever a search can find.", &["Customer", "Ticket", "KbArticle", "Product", "Bill", "Conversation"])];

pub fn find_ty(name: &str) -> Option<&'static Type> {
    graph().iter().find(|t| t.name == name)
}
/// A type that a declaration names. A test resolves every name, so a misspelt one does not reach a caller.
pub fn ty(name: &str) -> &'static Type {
    find_ty(name).unwrap_or_else(|| panic!("{name} is not declared"))
}
