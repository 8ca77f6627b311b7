//! Documents that were read before. What is found of one is the same whenever it comes again, so that it is judged once
//! for each audience; its variables are judged each time.
use super::Refused;
use crate::limits;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use entities::Audience;
use moka::sync::Cache;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A document, read.
pub struct Document {
    pub parsed: ExecutableDocument,
    /// No other that was read since the start has it.
    pub number: u64,
    found: [Found; 4],
}
/// What one audience's view of the graph says of a document.
#[derive(Default)]
struct Found {
    /// Where no variable has a say in it, and there is one operation.
    cost: OnceLock<u64>,
    valid: AtomicBool,
}
impl Document {
    fn of(&self, audience: Audience) -> &Found {
        &self.found[Audience::ALL.iter().position(|a| *a == audience).unwrap_or(0)]
    }
    /// Its operation, where it has one alone.
    pub fn only(&self) -> Option<&OperationDefinition> {
        let mut all = self.parsed.operations.iter();
        all.next().filter(|_| all.next().is_none()).map(|(_, operation)| &operation.node)
    }
    /// What it costs, where that is known.
    pub fn cost(&self, audience: Audience) -> Option<u64> {
        self.of(audience).cost.get().copied()
    }
    pub fn costs(&self, audience: Audience, cost: u64) {
        if self.only().is_some() {
            _ = self.of(audience).cost.set(cost);
        }
    }
    /// Whether it was validated, and found good, with variables that cannot make a difference.
    pub fn is_valid(&self, audience: Audience) -> bool {
        self.of(audience).valid.load(Ordering::Acquire)
    }
    pub fn found_valid(&self, audience: Audience) {
        self.of(audience).valid.store(true, Ordering::Release);
    }
}

/// By their text.
pub struct Documents(Cache<Arc<str>, Arc<Document>>);
impl Default for Documents {
    fn default() -> Self {
        const BYTES: u64 = 8 << 20; // of text; the parsed form is some ten times as large
        Documents(Cache::builder().max_capacity(BYTES).weigher(|k: &Arc<str>, _| k.len() as u32).build())
    }
}
impl Documents {
    pub fn read(&self, text: &str) -> Result<Arc<Document>, Refused> {
        if let Some(known) = self.0.get(text) {
            return Ok(known);
        }
        limits::check_text(text).map_err(|why| Refused::document(Refused::bad(why).error))?;
        let parsed = async_graphql::parser::parse_query(text).map_err(|e| {
            let pos = e.positions().next();
            let place = pos.map(|p| format!(" at line {}, column {}", p.line, p.column)).unwrap_or_default();
            // never with the text itself: it may be long, and not the caller's to repeat
            Refused::document(Refused::bad(format!("The document cannot be read: syntax error{place}.")).at(pos).error)
        })?;
        static READ: AtomicU64 = AtomicU64::new(0);
        let document = Arc::new(Document { parsed, number: READ.fetch_add(1, Ordering::Relaxed), found: Default::default() });
        self.0.insert(text.into(), document.clone());
        Ok(document)
    }
}
