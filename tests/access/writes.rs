//! Every mutation by every caller at rows of its own, of others, and of nobody, with references of each kind: what is not
//! the caller's stays byte for byte as it was, and a foreign row is answered like a missing one.
use super::{
    callers::Who,
    oracle::Oracle,
    tables::{self, Row},
    world::Seeded,
};
use crate::graph::ask::World;
use async_graphql::registry::MetaField;
use entities::{id::Id, model::EntityKind};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A mutation at one row (`ID`) for a customer of one's own (`OWN`): (mutation, arguments, table of the row, the scope to
/// write it).
pub type Case = (&'static str, &'static str, &'static str, Option<&'static str>);
pub const CASES: &[Case] = &[
    ("ticketOpen", "kind: COMPLAINT, name: \"w\", description: \"w\", customerId: \"ID\"", "customers", Some("ticket:write")),
    ("ticketOpen", "kind: COMPLAINT, name: \"x\", description: \"w\", customerId: \"OWN\", productId: \"ID\"", "products", Some("ticket:write")),
    ("ticketOpen", "kind: COMPLAINT, name: \"y\", description: \"w\", customerId: \"OWN\", billId: \"ID\"", "bills", Some("ticket:write")),
    ("ticketReply", "ticketId: \"ID\", body: \"w\"", "tickets", Some("ticket:write")),
    ("ticketUpdate", "ticketId: \"ID\", expectedVersion: 1, status: CLOSED", "tickets", Some("ticket:write")),
    ("customerUpdate", "customerId: \"ID\", expectedVersion: 1, displayName: \"w\"", "customers", Some("customer:write")),
    ("customerUpdate", "customerId: \"OWN\", expectedVersion: 1, parentId: \"ID\"", "customers", Some("no row")),
    ("customerContactSave", "customerId: \"ID\", displayName: \"w\", role: USER", "customers", Some("customer:write")),
    ("customerContactSave", "customerId: \"OWN\", partyId: \"ID\", role: USER", "parties", None),
    ("customerContactSave", "customerId: \"OWN\", id: \"ID\", role: USER", "customer_contacts", Some("customer:write")),
    ("consentSet", "customerId: \"ID\", purpose: RESEARCH, state: DENIED, channel: \"w\", textVersion: \"1\"", "customers", Some("consent:write")),
    ("customerView", "customerId: \"ID\", reason: \"w\"", "customers", Some("customer:impersonate")),
    ("articleSave", "id: \"ID\", kind: FAQ, audience: AGENT, locale: \"en\", title: \"w\", body: \"w\"", "kb_articles", None),
    ("articlePublish", "id: \"ID\", locale: \"en\"", "kb_articles", None),
    ("feedbackSubmit", "answerId: \"ID\", isHelpful: true", "bot_answers", None),
    ("feedbackSubmit", "articleVersionId: \"ID\", isHelpful: true", "kb_article_versions", None),
    ("partnerTokenCreate", "partnerId: \"ID\", name: \"w\", scopes: [\"kb:read\"]", "partners", Some("partner:write")),
    ("partnerTokenRevoke", "id: \"ID\"", "partner_tokens", Some("partner:write")),
    ("privacyRequestCreate", "customerId: \"ID\", kind: RESTRICTION", "customers", Some("privacy:write")),
    ("privacyRequestClose", "id: \"ID\", state: REJECTED", "privacy_requests", Some("privacy:write")),
    ("exportCreate", "customerId: \"ID\"", "customers", Some("export:run")),
    ("customerErase", "customerId: \"ID\", reason: CONSENT_WITHDRAWN, evenThoughOwing: true", "customers", Some("privacy:write")),
    ("ask", "question: \"What is my bill?\", conversationId: \"ID\"", "conversations", None),
];
/// Written for everybody: the record of what was done, counters.
const RECORDS: &[&str] = &["audit_events", "change_head", "changes", "idempotency_keys", "search_queries"];

pub fn every_mutation_is_known(whole: &schema::audience::Captured) {
    for f in super::policy::fields(whole, "Mutation") {
        assert!(CASES.iter().any(|c| c.0 == f.name), "Mutation.{} is tried by no case: say what it may change", f.name);
    }
}

pub struct Writes<'a> {
    pub s: &'a Seeded,
    pub world: &'a World,
}
impl<'a> Writes<'a> {
    pub fn document(&self, who: &Who, case: &Case, id: &str, own: &str) -> String {
        let view = &self.world.graphs.of(who.audience()).view;
        let rows: Vec<_> = shown(view, case).iter().map(|(f, _)| format!("{f} {{ id }}")).collect();
        let input = case.1.replace("ID", id).replace("OWN", own);
        format!("mutation {{ {}(input: {{{input}}}) {{ __typename userErrors {{ code field message }} {} }} }}", case.0, rows.join(" "))
    }
    pub fn public(&self, row: &Row) -> String {
        let kind = entities::KINDS.iter().find(|k| k.table == row.table).expect("a kind");
        Id::new(kind, row.id()).to_string()
    }
    /// A customer whom the caller may write for.
    fn own(&self, who: &Who, scope: &str) -> Option<&Row> {
        let oracle = Oracle(self.s);
        self.s.of("customers").find(|r| oracle.sees(who, r) && oracle.can(who, r, scope))
    }
    pub fn own_id(&self, who: &Who, case: &Case) -> String {
        self.own(who, case.3.unwrap_or("customer:write")).map_or_else(|| "cus_0".into(), |r| self.public(r))
    }
    pub fn may(&self, who: &Who, case: &Case, row: &Row) -> bool {
        let oracle = Oracle(self.s);
        let reads = super::oracle::reads(&row.table)
            .is_none_or(|s| who.has(s) || row.table == "bot_answers" || who.scope.audience == entities::Audience::Public);
        let talks = case.0 != "ask" || reads;
        oracle.sees(who, row) && talks && case.3.is_none_or(|s| oracle.can(who, row, s))
    }

    /// At rows that the caller may not change. Of all callers, before anybody writes anything.
    pub async fn refused(&self, who: &Who) -> usize {
        let mut cells = 0;
        let before = tables::snapshot(&self.world.store, &self.s.tables).await;
        for case in CASES {
            let own = self
                .own(who, case.3.unwrap_or("customer:write"))
                .or(self.own(who, "customer:write"))
                .map_or_else(|| "cus_0".into(), |r| self.public(r));
            let missing =
                format!("{}_{}", self.public(self.s.of(case.2).next().expect("a row")).split('_').next().unwrap_or_default(), "0".repeat(32));
            let stands = |r: &&Row| if case.3 == Some("no row") { !Oracle(self.s).sees(who, r) } else { !self.may(who, case, r) };
            // what is seen and not changed, and what is not even seen
            let (seen, unseen): (Vec<_>, Vec<_>) = self.s.of(case.2).filter(stands).partition(|r| Oracle(self.s).sees(who, r));
            let some = |rows: Vec<&'a Row>| rows.iter().step_by((rows.len() / 2).max(1)).take(2).copied().collect::<Vec<_>>();
            for row in some(seen).into_iter().chain(some(unseen)) {
                let ask =
                    async |id: &str| self.world.text(&who.scope, &self.document(who, case, id, &own), schema::Mode::Bytes).await.replace(id, "ID");
                let (is, none) = (ask(&self.public(row)).await, ask(&missing).await);
                if !Oracle(self.s).sees(who, row) {
                    assert_eq!(without_places(&is), without_places(&none), "{}: {} at row {} of {}", who.name, case.0, row.no, row.owner);
                }
                cells += 2;
            }
        }
        self.nothing_changed(who, &before, &tables::snapshot(&self.world.store, &self.s.tables).await);
        cells
    }
    /// At one's own rows.
    pub async fn done(&self, who: &Who) -> usize {
        let mut cells = 0;
        let mut changed = tables::snapshot(&self.world.store, &self.s.tables).await;
        for case in CASES {
            let Some(row) = self.s.of(case.2).find(|r| self.may(who, case, r) && (case.2 == "kb_articles" || r.owner != "stranger")) else {
                continue;
            };
            let own = self.own_id(who, case);
            self.world.text(&who.scope, &self.document(who, case, &self.public(row), &own), schema::Mode::Bytes).await;
            let after = tables::snapshot(&self.world.store, &self.s.tables).await;
            self.only_own_changed(who, case, &changed, &after);
            changed = after;
            cells += 1;
        }
        cells
    }
    fn nothing_changed(&self, who: &Who, before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) {
        for (table, lines) in after {
            let old: BTreeSet<_> = before[table].iter().collect();
            let new: Vec<_> = lines.iter().filter(|l| !old.contains(l)).collect();
            assert!(new.is_empty() && old.len() == lines.len(), "{} changed {table} of others: {new:?}", who.name);
        }
    }
    /// What changed was the caller's before and is the caller's now.
    fn only_own_changed(&self, who: &Who, case: &Case, before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) {
        let oracle = Oracle(self.s);
        for (table, lines) in after.iter().filter(|(t, _)| !RECORDS.contains(&t.as_str())) {
            let old: BTreeSet<_> = before[table].iter().collect();
            for line in lines.iter().filter(|l| !old.contains(l)) {
                let cell = |name: &str| {
                    let at = self.s.tables[table].iter().position(|c| c.name == name)?;
                    Uuid::parse_str(line.split('|').nth(at)?).ok()
                };
                let say = || format!("{}: {} {} wrote {table}: {line}", who.name, case.0, case.1);
                if let Some(row) = cell("id").and_then(|id| self.s.row(id)) {
                    assert!(oracle.sees(who, row), "{}", say());
                    assert_eq!(row.key("customer_id"), cell("customer_id"), "{}", say());
                }
                let seller = cell("partner_id").filter(|_| who.audience() == entities::Audience::Partner);
                assert!(seller.is_none_or(|p| who.partners.contains(&p)), "{}", say());
                if let Some(customer) = cell("customer_id").and_then(|c| self.s.row(c)) {
                    assert!(oracle.sees(who, customer) || case.0 == "feedbackSubmit" || case.0 == "ask", "{}", say());
                    // what it is about is the same customer's
                    for key in ["product_id", "bill_id", "conversation_id"] {
                        let about = cell(key).and_then(|id| self.s.row(id)).and_then(|r| oracle.customer_of(r));
                        assert!(about.is_none_or(|a| a == customer.id()), "{} about another's {key}", say());
                    }
                }
            }
        }
    }
}
/// The rows in the payload of a mutation, as a view knows it.
pub fn shown(view: &schema::audience::Captured, case: &Case) -> Vec<(String, &'static EntityKind)> {
    let kind = |f: &MetaField| super::policy::kind(f.ty.trim_end_matches('!'));
    let Some(field) = super::policy::fields(view, "Mutation").into_iter().find(|f| f.name == case.0) else { return vec![] };
    super::policy::fields(view, field.ty.trim_end_matches('!')).into_iter().filter_map(|f| kind(f).map(|k| (f.name.clone(), k))).collect()
}
fn without_places(text: &str) -> String {
    text.split("\"column\":")
        .enumerate()
        .map(|(i, p)| if i == 0 { p.to_string() } else { p.trim_start_matches(|c: char| c.is_ascii_digit()).to_string() })
        .collect()
}
