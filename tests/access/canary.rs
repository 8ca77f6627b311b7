//! Every text of the seed names its row. Random valid queries over a caller's whole view never show a text of a row, or
//! of a column, that is not for the caller.
use super::{callers::Who, paths::Paths, tables::canaries};
use crate::graph::random::Random;
use entities::{Audience, id::Id};

/// Columns for agents alone.
const INTERNAL: &[&str] = &[
    "audit_events.actor_subject",
    "audit_events.reason",
    "conversations.handoff_reason",
    "customers.churn_reason",
    "customers.household",
    "customers.status_reason",
    "import_batches.report",
    "kb_article_versions.author",
    "kb_article_versions.keywords",
    "kb_article_versions.questions",
    "partner_tokens.token_hash",
    "privacy_requests.requested_by",
    "state_changes.reason",
    "tasks.error_code",
    "tasks.lease_by",
    "tasks.message",
    "tasks.subject",
    "tickets.status_reason",
];

/// Ids, words and cursors of everybody, for queries to aim at.
pub struct Bait {
    pub ids: Vec<String>,
    pub words: Vec<String>,
}
impl Bait {
    pub fn of(s: &super::world::Seeded) -> Self {
        let (mut ids, mut words) = (vec![], vec![]);
        for kind in entities::KINDS.iter().filter(|k| s.tables.contains_key(k.table)) {
            ids.extend(s.of(kind.table).map(|r| Id::new(kind, r.id()).to_string()));
        }
        for (table, column) in [
            ("tickets", "name"),
            ("tickets", "ticket_no"),
            ("customers", "customer_no"),
            ("bills", "bill_no"),
            ("products", "name"),
            ("contact_media", "value_norm"),
            ("ticket_notes", "body"),
        ] {
            words.extend(s.of(table).map(|r| r.text(column).to_string()));
        }
        words.push("bill".into());
        Bait { ids, words }
    }
}
/// So many queries of one caller. Returns how many were answered without an error.
pub async fn probe(paths: &Paths<'_>, who: &Who, bait: &Bait, rounds: u64, seed: u64) -> u64 {
    let view = &paths.world.graphs.of(who.audience()).view;
    let mut answered = 0;
    for round in 0..rounds {
        let query = Random::new(view, &bait.ids, seed + round).words(&bait.words).query();
        let text = paths.world.text(&who.scope, &query, schema::Mode::Bytes).await;
        assert!(!text.contains("\"code\":\"INTERNAL\""), "{}: {query}\n{text}", who.name);
        paths.innocent(who, &text, &query);
        if who.audience() != Audience::Agent {
            let inside = canaries(&text).into_iter().find(|(column, _)| INTERNAL.contains(&column.as_str()));
            assert_eq!(inside, None, "{}: {query}\n{text}", who.name);
        }
        answered += u64::from(!text.contains("\"errors\""));
    }
    answered
}
