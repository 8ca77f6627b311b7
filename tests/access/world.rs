//! The seeded world: two partners and a child partner with three customers each, an enterprise tree with contacts in
//! every role, protected and regional customers, and every kind of row of each of them, visible and not.
use super::tables::{self, Row, Tables, V};
use crate::{graph::ask::World, harness};
use entities::Store;
use sea_orm::{ConnectionTrait, DbBackend};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

pub struct Seeded {
    pub tables: Tables,
    pub rows: Vec<Row>,
    /// Customers, partners, regions, teams and people by their short names.
    pub named: BTreeMap<String, Uuid>,
    by_id: HashMap<Uuid, usize>,
}
impl Seeded {
    pub fn id(&self, name: &str) -> Uuid {
        *self.named.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }
    pub fn of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |r| r.table == table)
    }
    pub fn row(&self, id: Uuid) -> Option<&Row> {
        self.by_id.get(&id).map(|i| &self.rows[*i])
    }
    fn put(&mut self, table: &str, owner: &str, cells: &[(&str, V)]) -> Uuid {
        let cells = cells.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        let mut row = Row { table: table.into(), no: self.rows.len() + 1, owner: owner.into(), cells };
        let columns = self.tables.get(table).unwrap_or_else(|| panic!("no table {table}"));
        tables::fill(columns, &mut row);
        let id = row.id();
        self.by_id.insert(id, self.rows.len());
        self.rows.push(row);
        id
    }
    fn call(&mut self, name: &str, id: Uuid) -> Uuid {
        self.named.insert(name.into(), id);
        id
    }
}

/// The rows; the same every time.
pub async fn seeded() -> Seeded {
    let mut s = Seeded { tables: tables::tables().await, rows: vec![], named: BTreeMap::new(), by_id: HashMap::new() };
    places(&mut s);
    catalogue(&mut s);
    knowledge(&mut s);
    partners(&mut s);
    customers(&mut s);
    contacts(&mut s);
    strangers(&mut s);
    work(&mut s);
    s
}
/// A graph over a database with these rows.
pub async fn world(s: &Seeded, store: Store) -> World {
    let all: Vec<_> = s.rows.iter().map(|r| tables::insert(r, store.backend())).collect();
    let begin = if store.backend() == DbBackend::Postgres { "begin" } else { "begin immediate" };
    let text = format!("{begin};\n{};\ncommit;", all.join(";\n"));
    store.writer().execute_unprepared(&text).await.unwrap_or_else(|e| panic!("the seed: {e}"));
    World::new(store).await
}
pub async fn worlds(s: &Seeded) -> Vec<World> {
    let mut worlds = vec![];
    for store in harness::stores().await {
        worlds.push(world(s, store).await);
    }
    worlds
}

fn places(s: &mut Seeded) {
    for (name, parent) in [("land", None), ("north", Some("land")), ("south", Some("land"))] {
        let parent = parent.map(|p| s.id(p));
        let id = s.put("regions", "all", &[("parent_id", parent.into())]);
        s.call(name, id);
    }
    for (name, region) in [("blue", "north"), ("green", "south")] {
        let region = s.id(region);
        let id = s.put("teams", "staff", &[("region_id", region.into())]);
        s.call(name, id);
    }
}
fn catalogue(s: &mut Seeded) {
    let category = s.put("product_categories", "all", &[]);
    for (name, status, sellable) in [("plan", "active", true), ("retired", "retired", true), ("part", "active", false)] {
        let words = s.tables["product_offerings"].iter().find(|c| c.name == "lifecycle_status").map(|c| c.kind.clone());
        let Some(tables::Kind::Choice(words)) = words else { panic!("offerings have a status") };
        let status = if words.iter().any(|w| w == status) { status.to_string() } else { words.last().expect("words").clone() };
        let owner = if name == "plan" { "all" } else { "known" };
        let cells = [("category_id", category.into()), ("lifecycle_status", status.into()), ("is_sellable", sellable.into())];
        let id = s.put("product_offerings", owner, &cells);
        s.call(&format!("offering.{name}"), id);
        s.put("offering_prices", owner, &[("offering_id", id.into()), ("book", "retail".into())]);
        s.put("offering_prices", "staff", &[("offering_id", id.into()), ("book", "wholesale".into())]);
    }
}
fn knowledge(s: &mut Seeded) {
    let shelf = s.put("kb_categories", "all", &[]);
    for audience in ["public", "customer", "partner", "agent"] {
        for status in ["published", "draft", "archived"] {
            let owner = if status == "published" { audience } else { "agent" };
            let cells = [("audience", audience.into()), ("status", status.into()), ("category_id", shelf.into())];
            let article = s.put("kb_articles", owner, &cells);
            let states: &[&str] = if status == "published" { &["superseded", "published", "draft"] } else { &["draft"] };
            for (i, state) in states.iter().enumerate() {
                let owner = if *state == "published" { owner } else { "agent" };
                let published = if *state == "draft" { V::Null } else { "2026-01-01T00:00:00+00:00".into() };
                let cells =
                    [("article_id", article.into()), ("version", (i as i64 + 1).into()), ("state", (*state).into()), ("published_at", published)];
                s.put("kb_article_versions", owner, &cells);
            }
            s.call(&format!("article.{audience}.{status}"), article);
        }
    }
}
fn partners(s: &mut Seeded) {
    for (name, parent, share) in [("lumen", None, "full"), ("minimo", None, "minimal"), ("kid", Some("lumen"), "full")] {
        let party = s.put("parties", name, &[("kind", "organization".into())]);
        s.put("contact_media", name, &[("party_id", party.into())]);
        let parent = parent.map(|p| s.id(p));
        let id = s.put("partners", name, &[("party_id", party.into()), ("parent_id", parent.into()), ("share_level", share.into())]);
        s.call(name, id);
        s.put("partner_tokens", name, &[("partner_id", id.into()), ("creator_audience", "partner".into())]);
        let offering = s.id("offering.plan");
        s.put("offering_prices", name, &[("offering_id", offering.into()), ("book", "wholesale".into()), ("partner_id", id.into())]);
    }
}

/// (name, parent, partner, region, team, protected, organization, word on `partner_share`, last day with the partner)
type Line = (&'static str, &'static str, &'static str, &'static str, &'static str, bool, bool, &'static str, &'static str);
const CUSTOMERS: &[Line] = &[
    ("l1", "", "lumen", "north", "blue", false, false, "granted", ""),
    ("l2", "", "lumen", "south", "", false, false, "denied", ""),
    ("l3", "", "lumen", "north", "", false, false, "granted", "2026-01-14"),
    ("m1", "", "minimo", "north", "green", false, false, "granted", "2026-01-15"),
    ("m2", "", "minimo", "", "", false, true, "", ""),
    ("m3", "", "minimo", "south", "", true, false, "granted", ""),
    ("k1", "", "kid", "north", "", false, false, "granted", ""),
    ("k2", "", "kid", "", "blue", false, false, "withdrawn", ""),
    ("k3", "", "kid", "", "", false, false, "expired", ""),
    ("corp", "", "", "land", "blue", false, true, "", ""),
    ("dept", "corp", "", "north", "blue", false, true, "", ""),
    ("desk", "dept", "", "", "", false, true, "", ""),
    ("shop", "corp", "", "south", "", false, true, "", ""),
    ("firm", "", "", "", "", false, true, "", ""),
    ("solo", "", "", "north", "", false, false, "", ""),
    ("vip", "", "", "north", "blue", true, false, "", ""),
];

fn customers(s: &mut Seeded) {
    for line in CUSTOMERS {
        let (name, parent, partner, region, team, protected, organization, word, last) = *line;
        let at = |s: &Seeded, n: &str| V::from((!n.is_empty()).then(|| s.id(n)));
        let kind = if organization { "organization" } else { "individual" };
        let party = s.put("parties", name, &[("kind", kind.into()), ("birth_on", "1980-02-03".into())]);
        let (parent_id, partner_id, region_id, team_id) = (at(s, parent), at(s, partner), at(s, region), at(s, team));
        let cells =
            [("party_id", party.into()), ("parent_id", parent_id), ("region_id", region_id), ("team_id", team_id), ("protected", protected.into())];
        let id = s.put("customers", name, &cells);
        s.call(name, id);
        s.call(&format!("{name}.party"), party);
        let mut above = Some(id);
        let mut depth = 0i64;
        while let Some(a) = above {
            s.put("customer_closure", name, &[("ancestor_id", a.into()), ("descendant_id", id.into()), ("depth", depth.into())]);
            above = s.row(a).and_then(|r| r.key("parent_id"));
            depth += 1;
        }
        for kind in ["email", "post"] {
            let norm = tables::canary(name, "contact_media", "value_norm", s.rows.len() + 1).to_lowercase();
            s.put("contact_media", name, &[("party_id", party.into()), ("kind", kind.into()), ("value_norm", format!("{norm}@x.example").into())]);
        }
        if !partner.is_empty() {
            let to = if last.is_empty() { V::Null } else { last.into() };
            let cells = [("partner_id", partner_id.clone()), ("customer_id", id.into()), ("valid_from_on", "2025-01-01".into()), ("valid_to_on", to)];
            s.put("partner_customers", name, &cells);
        }
        consents(s, name, id, party, &partner_id, word);
        belongings(s, name, id, party, &partner_id);
        if !partner.is_empty() {
            // the same customer's direct business
            let account = s.put("billing_accounts", name, &[("customer_id", id.into())]);
            let (bill, ticket) =
                (vec![("customer_id", id.into()), ("billing_account_id", account.into()), ("state", "sent".into())], [("customer_id", id.into())]);
            s.put("bills", name, &bill);
            s.put("tickets", name, &ticket);
            s.put("products", name, &[("customer_id", id.into()), ("is_customer_visible", true.into())]);
            s.put("conversations", name, &[("customer_id", id.into())]);
        }
    }
}
fn consents(s: &mut Seeded, name: &str, id: Uuid, party: Uuid, partner: &V, word: &str) {
    let mut say = |purpose: &str, state: &str, at: &str, end: V| {
        let cells = [
            ("customer_id", id.into()),
            ("partner_id", partner.clone()),
            ("party_id", party.into()),
            ("purpose", purpose.into()),
            ("state", state.into()),
            ("effective_at", at.into()),
            ("expires_at", end),
        ];
        s.put("consents", name, &cells);
    };
    say("marketing_email", "granted", "2025-01-01T00:00:00+00:00", V::Null);
    say("marketing_email", "withdrawn", "2025-06-01T00:00:00+00:00", V::Null);
    match word {
        "" => {}
        "expired" => say("partner_share", "granted", "2025-01-01T00:00:00+00:00", "2025-12-31T00:00:00+00:00".into()),
        "withdrawn" => {
            say("partner_share", "granted", "2025-01-01T00:00:00+00:00", V::Null);
            say("partner_share", "withdrawn", "2025-02-01T00:00:00+00:00", V::Null);
        }
        word => say("partner_share", word, "2025-01-01T00:00:00+00:00", V::Null),
    }
}
fn belongings(s: &mut Seeded, name: &str, id: Uuid, party: Uuid, partner: &V) {
    let owned = |more: &[(&'static str, V)]| {
        let mut cells = vec![("customer_id", V::from(id)), ("partner_id", partner.clone())];
        cells.extend(more.iter().cloned());
        cells
    };
    let account = s.put("billing_accounts", name, &owned(&[("balance_minor", 5i64.into()), ("payment_status", "overdue".into())]));
    s.call(&format!("{name}.account"), account);
    let offering = s.id("offering.retired");
    let mut last = V::Null;
    for (visible, status) in [(true, "active"), (false, "active"), (true, "active")] {
        let cells = owned(&[
            ("billing_account_id", account.into()),
            ("offering_id", offering.into()),
            ("is_customer_visible", visible.into()),
            ("status", status.into()),
            ("parent_product_id", last.clone()),
        ]);
        last = s.put("products", name, &cells).into();
    }
    s.call(&format!("{name}.product"), last.id().expect("a product"));
    let mut sent = V::Null;
    for state in ["sent", "new", "onHold"] {
        let day = if state == "sent" { "2025-12-01" } else { "2026-01-01" };
        let bill = s.put(
            "bills",
            name,
            &owned(&[("billing_account_id", account.into()), ("state", state.into()), ("bill_on", day.into()), ("corrects_bill_id", sent.clone())]),
        );
        s.put("bill_lines", name, &owned(&[("bill_id", bill.into()), ("product_id", last.clone())]));
        if state == "sent" {
            sent = bill.into();
            s.call(&format!("{name}.bill"), bill);
        }
    }
    for (talker, kind) in [(V::from(party), "own"), (V::Null, "other")] {
        let talk = s.put("conversations", name, &owned(&[("party_id", talker), ("status", "bot".into())]));
        s.call(&format!("{name}.talk.{kind}"), talk);
        for state in ["sent", "draft"] {
            let message = s.put("messages", name, &owned(&[("conversation_id", talk.into()), ("state", state.into())]));
            let answer = s.put("bot_answers", name, &[("customer_id", id.into()), ("message_id", message.into())]);
            s.call(&format!("{name}.answer.{kind}.{state}"), answer);
            s.put("bot_citations", name, &[("answer_id", answer.into())]);
        }
        let ticket = s.put(
            "tickets",
            name,
            &owned(&[
                ("product_id", last.clone()),
                ("bill_id", sent.clone()),
                ("conversation_id", talk.into()),
                ("status", "inProgress".into()),
                ("reporter_party_id", party.into()),
            ]),
        );
        s.call(&format!("{name}.ticket.{kind}"), ticket);
        for visibility in ["public", "partner", "internal"] {
            s.put("ticket_notes", name, &owned(&[("ticket_id", ticket.into()), ("visibility", visibility.into())]));
        }
        let cells = [("entity_type", "Ticket".into()), ("entity_id", ticket.into()), ("to_state", "acknowledged".into()), ("actor", "agent".into())];
        s.put("state_changes", name, &owned(&cells));
        s.put("kb_feedback", name, &[("customer_id", id.into()), ("conversation_id", talk.into())]);
    }
    let cells = [("entity_type", "Customer".into()), ("entity_id", id.into()), ("to_state", "active".into()), ("actor", "agent".into())];
    s.put("state_changes", name, &owned(&cells));
    for action in ["read", "deny"] {
        let no = s.rows.len() as i64 + 1_000_000;
        let cells = [("position", no.into()), ("customer_id", id.into()), ("action", action.into()), ("entity_type", "Customer".into())];
        s.put("audit_events", name, &cells);
    }
    s.put("search_queries", name, &[("customer_id", id.into())]);
    let done =
        [("kind", "export".into()), ("state", "succeeded".into()), ("file_bytes", 7i64.into()), ("expires_at", "2026-01-20T00:00:00+00:00".into())];
    let cells: Vec<_> = done.into_iter().chain([("customer_id", V::from(id))]).collect();
    let task = s.put("tasks", name, &cells);
    s.put("privacy_requests", name, &owned(&[("kind", "access".into()), ("task_id", task.into())]));
}

pub const ROLES: &[&str] =
    &["account_owner", "portfolio_manager", "bill_recipient", "report_recipient", "cost_centre_admin", "auditor", "technical", "approver", "user"];

/// People of the enterprise by their roles; one who has two companies; one whose time is over; and the consumers'.
fn contacts(s: &mut Seeded) {
    let person = |s: &mut Seeded, who: &str, at: &[(&str, &str, Option<&str>)]| {
        let party = s.put("parties", who, &[]);
        s.call(who, party);
        s.put("contact_media", who, &[("party_id", party.into())]);
        let cells = [("party_id", party.into()), ("issuer", "test".into()), ("subject", who.into()), ("audience", "customer".into())];
        s.put("identities", who, &cells);
        for (customer, role, end) in at {
            let cells = [
                ("customer_id", s.id(customer).into()),
                ("party_id", party.into()),
                ("role", (*role).into()),
                ("valid_from_on", "2025-01-01".into()),
                ("valid_to_on", end.map_or(V::Null, V::from)),
            ];
            s.put("customer_contacts", customer, &cells);
        }
        party
    };
    for role in ROLES {
        person(s, &role.replace('_', ""), &[("corp", role, None)]);
    }
    person(s, "both", &[("corp", "technical", None), ("firm", "bill_recipient", None)]);
    person(s, "mixed", &[("corp", "account_owner", None), ("firm", "auditor", None)]);
    person(s, "deep", &[("dept", "user", None)]);
    person(s, "gone", &[("corp", "account_owner", Some("2026-01-14"))]);
    // somebody's own talks in the enterprise, whatever the role
    for who in ["user", "technical", "both"] {
        let (corp, party) = (s.id("corp"), s.id(who));
        let talk = s.put("conversations", who, &[("customer_id", corp.into()), ("party_id", party.into())]);
        s.call(&format!("{who}.talk"), talk);
        let message = s.put("messages", who, &[("customer_id", corp.into()), ("conversation_id", talk.into()), ("state", "sent".into())]);
        let answer = s.put("bot_answers", who, &[("customer_id", corp.into()), ("message_id", message.into())]);
        s.put("bot_citations", who, &[("answer_id", answer.into())]);
    }
}
/// What is nobody's: tickets and talks of unknown senders, and visitors known by their sessions.
fn strangers(s: &mut Seeded) {
    let party = s.put("parties", "stranger", &[]);
    s.call("stranger", party);
    s.put("contact_media", "stranger", &[("party_id", party.into())]);
    for (owner, session) in [("stranger", V::Null), ("visitor", "session-a".into()), ("guest", "session-b".into())] {
        let talk = s.put("conversations", owner, &[("session_hash", session), ("status", "bot".into())]);
        s.call(&format!("{owner}.talk"), talk);
        for state in ["sent", "draft"] {
            let message = s.put("messages", owner, &[("conversation_id", talk.into()), ("state", state.into())]);
            let answer = s.put("bot_answers", owner, &[("message_id", message.into())]);
            s.call(&format!("{owner}.answer.{state}"), answer);
            s.put("bot_citations", owner, &[("answer_id", answer.into())]);
        }
        let ticket = s.put("tickets", owner, &[("conversation_id", talk.into())]);
        s.call(&format!("{owner}.ticket"), ticket);
        s.put("ticket_notes", owner, &[("ticket_id", ticket.into()), ("visibility", "public".into())]);
        s.put("state_changes", owner, &[("entity_type", "Ticket".into()), ("entity_id", ticket.into()), ("to_state", "x".into())]);
        s.put("kb_feedback", owner, &[("conversation_id", talk.into())]);
    }
    s.put("audit_events", "staff", &[("position", 2_000_000i64.into()), ("entity_type", "KbArticle".into())]);
}
/// The hub's own work.
fn work(s: &mut Seeded) {
    s.put("source_systems", "staff", &[]);
    let task = s.put("tasks", "staff", &[]);
    let batch = s.put("import_batches", "staff", &[("task_id", task.into())]);
    s.call("batch", batch);
    s.put("import_row_errors", "staff", &[("batch_id", batch.into())]);
}
