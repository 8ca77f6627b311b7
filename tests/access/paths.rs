//! The ways to rows that are no row by its id: lists with filters, sorts, pages and foreign cursors, other unique columns,
//! searching, suggestions, lookups, exports, streams, and the bot's answers.
use super::{
    callers::{self, Who},
    oracle::Oracle,
    tables::{Row, canaries},
    world::Seeded,
};
use crate::graph::ask::World;
use async_graphql::{Request, registry::MetaType};
use entities::{Audience, Scope, exchange::export, id::Id, model::EntityKind, outbox::change::Operation};
use futures::StreamExt;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// Root lists: (field, kind, a filter by one exact text as (name, column), sorts).
const LISTS: &[(&str, &str, Option<(&str, &str)>, &[&str])] = &[
    ("customers", "Customer", Some(("customerNo", "customer_no")), &["OLDEST", "NEWEST"]),
    ("tickets", "Ticket", None, &["OLDEST", "NEWEST"]),
    ("conversations", "Conversation", None, &[]),
    ("offerings", "ProductOffering", Some(("code", "code")), &[]),
    ("articles", "KbArticle", None, &[]),
    ("importBatches", "ImportBatch", None, &[]),
    ("tasks", "Task", None, &[]),
    ("partners", "Partner", None, &[]),
    ("privacyRequests", "PrivacyRequest", None, &[]),
];
/// Root fields that find one row: (field, argument, kind, column).
const FINDS: &[(&str, &str, &str, &str)] = &[
    ("customer", "customerNo", "Customer", "customer_no"),
    ("customer", "externalId", "Customer", "external_id"),
    ("ticket", "ticketNo", "Ticket", "ticket_no"),
    ("article", "slug", "KbArticle", "slug"),
];
/// Root fields that other tests go by: each has its own.
const ELSEWHERE: &[&str] =
    &["node", "nodes", "viewer", "search", "suggestAnswers", "lookup", "me", "partner", "bill", "conversation", "importBatch", "task"];

/// A root field that no path here takes must not come unseen.
pub fn every_root_is_known(whole: &schema::audience::Captured) {
    let known = |name: &str| LISTS.iter().any(|l| l.0 == name) || FINDS.iter().any(|f| f.0 == name) || ELSEWHERE.contains(&name);
    for f in super::policy::fields(whole, "Query") {
        assert!(known(&f.name), "Query.{} is on no path of the matrix: say how its rows are compared", f.name);
    }
    for f in super::policy::fields(whole, "Subscription") {
        assert!(["ticketUpdated", "conversationUpdated", "taskUpdated"].contains(&f.name.as_str()), "Subscription.{} is not followed", f.name);
    }
}

pub struct Paths<'a> {
    pub s: &'a Seeded,
    pub world: &'a World,
}
impl Paths<'_> {
    fn kind(&self, name: &str) -> &'static EntityKind {
        super::policy::kind(name).expect("rows")
    }
    fn shown(&self, who: &Who, name: &str) -> BTreeSet<String> {
        let kind = self.kind(name);
        self.s.of(kind.table).filter(|r| Oracle(self.s).sees(who, r)).map(|r| Id::new(kind, r.id()).to_string()).collect()
    }
    fn knows(&self, who: &Who, root: &str) -> bool {
        matches!(self.world.graphs.of(who.audience()).view.types.get("Query"), Some(MetaType::Object { fields, .. }) if fields.contains_key(root))
    }
    pub async fn check(&self, who: &Who) -> usize {
        self.lists(who).await + self.finds(who).await + self.search(who).await + self.lookup(who).await + self.export(who).await
    }

    async fn lists(&self, who: &Who) -> usize {
        let mut cells = 0;
        for (root, ty, filter, sorts) in LISTS.iter().filter(|l| self.knows(who, l.0)) {
            let shown = self.shown(who, ty);
            let orders: Vec<String> = if sorts.is_empty() { vec![String::new()] } else { sorts.iter().map(|s| format!(", sort: {s}")).collect() };
            for order in &orders {
                let ask = async |after: &str| {
                    self.world
                        .ask(
                            &who.scope,
                            &format!("{{ {root}(first: 40{order}{after}) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"),
                        )
                        .await
                };
                let first = ask("").await;
                if first["data"][root].is_null() {
                    assert_eq!(first["errors"][0]["extensions"]["code"], "FORBIDDEN", "{}: {root} {first}", who.name);
                    cells += 1;
                    continue;
                }
                let (mut page, mut seen) = (first["data"][root].clone(), BTreeSet::new());
                loop {
                    assert_eq!(page["totalCount"], shown.len(), "{}: {root}{order}", who.name);
                    seen.extend(page["nodes"].as_array().expect("nodes").iter().map(|n| n["id"].as_str().expect("an id").to_string()));
                    if page["pageInfo"]["hasNextPage"] != true {
                        break;
                    }
                    page = ask(&format!(", after: {}", page["pageInfo"]["endCursor"])).await["data"][root].clone();
                }
                assert_eq!(seen, shown, "{}: {root}{order}", who.name);
                // a cursor of somebody else's row shows only what follows of one's own
                let others = callers::all_seeing();
                let cursor = self.world.data(&others.scope, &format!("{{ {root}(first: 7{order}) {{ pageInfo {{ endCursor }} }} }}")).await;
                let page = ask(&format!(", after: {}", cursor[root]["pageInfo"]["endCursor"])).await["data"][root].clone();
                assert_eq!(page["totalCount"], shown.len());
                assert!(
                    page["nodes"].as_array().expect("nodes").iter().all(|n| shown.contains(n["id"].as_str().expect("an id"))),
                    "{}: {root}",
                    who.name
                );
                cells += shown.len() + 2;
            }
            if let Some((name, column)) = filter {
                let kind = self.kind(ty);
                for row in self.s.of(kind.table).step_by(super::one_in(2)) {
                    let query = format!("{{ {root}(filter: {{{name}: \"{}\"}}) {{ totalCount nodes {{ id }} }} }}", row.text(column));
                    let is = self.world.ask(&who.scope, &query).await;
                    let wanted = usize::from(shown.contains(&Id::new(kind, row.id()).to_string()));
                    if !is["data"][root].is_null() {
                        assert_eq!(is["data"][root]["totalCount"], wanted, "{}: {query}", who.name);
                    }
                    cells += 1;
                }
            }
        }
        cells
    }
    async fn finds(&self, who: &Who) -> usize {
        let mut cells = 0;
        for (root, argument, ty, column) in FINDS.iter().filter(|f| self.knows(who, f.0)) {
            let kind = self.kind(ty);
            let ask = async |value: &str| {
                let value =
                    if *argument == "externalId" { format!("{{sourceSystem: \"hub\", externalId: \"{value}\"}}") } else { format!("\"{value}\"") };
                self.world.text(&who.scope, &format!("{{ {root}({argument}: {value}) {{ id }} }}"), schema::Mode::Bytes).await
            };
            let missing = ask("nobody's").await;
            for row in self.s.of(kind.table).step_by(super::one_in(3)) {
                let is = ask(row.text(column)).await;
                match Oracle(self.s).meets(who, row) {
                    true => assert!(is.contains(&Id::new(kind, row.id()).to_string()), "{}: {root} {} {is}", who.name, row.no),
                    false => assert_eq!(is, missing, "{}: {root} {}", who.name, row.no),
                }
                cells += 1;
            }
        }
        cells
    }

    /// Words of every row that the index knows of, and of what hangs on it.
    async fn search(&self, who: &Who) -> usize {
        const WORDS: &[(&str, &str, &str)] = &[
            ("customers", "customer_no", "customers"),
            ("tickets", "name", "tickets"),
            ("tickets", "ticket_no", "tickets"),
            ("ticket_notes", "body", "tickets"),
            ("products", "name", "products"),
            ("products", "service_identifier", "customers products"),
            ("bills", "bill_no", "bills"),
            ("contact_media", "value_norm", "customers"),
            ("kb_article_versions", "title", "kb_articles"),
        ];
        let oracle = Oracle(self.s);
        let step = super::one_in(19);
        let mut cells = 0;
        for (table, column, _) in WORDS {
            for row in self.s.of(table).step_by(step) {
                let query = format!(
                    "{{ search(query: {:?}, first: 50) {{ totalCount edges {{ title snippet node {{ ... on Node {{ id }} }} }} }} }}",
                    row.text(column)
                );
                let answer = self.world.ask(&who.scope, &query).await;
                let found = answer["data"]["search"].clone();
                let edges = found["edges"].as_array().unwrap_or_else(|| panic!("{}: {query}\n{answer}", who.name));
                for edge in edges {
                    let hit = Id::parse(edge["node"]["id"].as_str().unwrap_or_default()).and_then(|i| self.s.row(i.uuid));
                    assert!(hit.is_some_and(|r| oracle.meets(who, r)), "{}: {query} found {edge}", who.name);
                }
                // what is found by a word is known to the caller, or the word says nothing that it must not know
                if let Some(reason) = self.led_astray(who, row, column, edges) {
                    panic!("{}: {query} {reason}: {found}", who.name);
                }
                self.innocent(who, &found.to_string(), &query);
                assert!(found["totalCount"].as_i64().unwrap_or_default() as usize >= edges.len());
                if edges.len() < 50 {
                    assert_eq!(found["totalCount"], edges.len(), "{}: {query} counts what it does not show", who.name);
                }
                cells += 1;
            }
        }
        for text in ["CNRY agent kb_article_versions title", "CNRY customer body", "What does CNRY partner mean?"] {
            let found =
                self.world.ask(&who.scope, &format!("{{ suggestAnswers(text: \"{text}\", first: 50) {{ title text article {{ id }} }} }}")).await;
            self.innocent(who, &found.to_string(), text);
            cells += 1;
        }
        cells
    }
    /// A row that carries exactly this word was found, though the caller may not know the word.
    fn led_astray(&self, who: &Who, row: &Row, column: &str, edges: &[Value]) -> Option<String> {
        let oracle = Oracle(self.s);
        let owner: Vec<_> = match row.table.as_str() {
            "contact_media" => self.s.of("customers").filter(|c| c.key("party_id") == row.key("party_id")).map(Row::id).collect(),
            "ticket_notes" => row.key("ticket_id").into_iter().collect(),
            "products" if column == "service_identifier" => vec![row.key("customer_id").expect("a customer"), row.id()],
            _ => return None,
        };
        let found = |e: &&Value| Id::parse(e["node"]["id"].as_str().unwrap_or_default()).is_some_and(|i| owner.contains(&i.uuid));
        let led = edges.iter().find(found)?;
        let may = match row.table.as_str() {
            "contact_media" => who.audience() == Audience::Agent && who.has("customer:read_pii"),
            _ => oracle.meets(who, row),
        };
        // the number, which all others of the same words share, is what led here
        let same = canaries(&led.to_string()).iter().any(|(_, no)| *no == row.no);
        (!may && (same || edges.len() == 1)).then(|| format!("was led by a word of row {}", row.no))
    }
    /// No text of a row that the caller may not know.
    pub fn innocent(&self, who: &Who, text: &str, said: &str) {
        for (column, no) in canaries(text) {
            let Some(row) = self.s.rows.get(no.wrapping_sub(1)) else { continue };
            let asked = super::tables::canary(&row.owner, &row.table, column.split('.').next_back().unwrap_or_default(), no).to_lowercase();
            if column.starts_with(&row.table) && !said.to_lowercase().contains(&asked) {
                let known = ["identities", "search_queries", "customer_closure", "partner_customers"].contains(&row.table.as_str());
                assert!(!known && Oracle(self.s).sees(who, row), "{} reads {column} of row {no} of {}\n{said}\n{text}", who.name, row.owner);
            }
        }
    }
    /// What the bot says to everybody who asks about bills, products, tickets, and about somebody else. It writes: last.
    pub async fn answers(&self, who: &Who) -> usize {
        let other = self.s.of("tickets").last().expect("a ticket").text("name").to_string();
        let questions =
            ["Why is my bill higher than last month?", "Which products do I have?", "What about my ticket?", "What does CNRY title mean?", &other];
        for question in questions {
            let shown = "kind text ticketNo citations { article { id slug } } message { body }";
            let query = format!("mutation {{ ask(input: {{question: {question:?}}}) {{ answer {{ {shown} }} userErrors {{ message }} }} }}");
            let answer = self.world.text(&who.scope, &query, schema::Mode::Bytes).await;
            assert!(!answer.contains("\"code\":\"INTERNAL\""), "{}: {query}\n{answer}", who.name);
            self.innocent(who, &answer, question);
        }
        questions.len()
    }
    async fn lookup(&self, who: &Who) -> usize {
        if !self.knows(who, "lookup") || !who.has("customer:read") {
            return 0;
        }
        let oracle = Oracle(self.s);
        let mut cells = 0;
        for row in self.s.of("contact_media").filter(|r| r.text("kind") == "email") {
            let data = self.world.data(&who.scope, &format!("{{ lookup(kind: EMAIL, value: \"{}\") {{ id }} }}", row.text("value_norm"))).await;
            let owner = self.s.of("customers").filter(|c| c.key("party_id") == row.key("party_id") && oracle.sees(who, c) && oracle.sees(who, row));
            let wanted: Vec<Value> = owner.map(|c| serde_json::json!({"id": Id::new(self.kind("Customer"), c.id()).to_string()})).collect();
            assert_eq!(data["lookup"], Value::Array(wanted), "{}: {}", who.name, row.no);
            cells += 1;
        }
        for row in self.s.of("products").step_by(7) {
            let data =
                self.world.data(&who.scope, &format!("{{ lookup(kind: SERVICE, value: \"{}\") {{ id }} }}", row.text("service_identifier"))).await;
            self.innocent(who, &data.to_string(), "lookup");
            for found in data["lookup"].as_array().expect("a list") {
                let hit = Id::parse(found["id"].as_str().unwrap_or_default()).and_then(|i| self.s.row(i.uuid));
                assert!(hit.is_some_and(|r| oracle.sees(who, r)), "{}: {}", who.name, row.no);
            }
            cells += 1;
        }
        cells
    }
    /// Every line of an export is a row that the caller may know, and none is missing.
    async fn export(&self, who: &Who) -> usize {
        let oracle = Oracle(self.s);
        let mut out = vec![];
        export::export(&self.world.store, &who.scope, &export::Options::default(), &mut out, |_| {}).await.expect("an export");
        let text = String::from_utf8(out).expect("text");
        let mut seen: HashMap<&'static str, BTreeSet<uuid::Uuid>> = HashMap::new();
        let mut cells = 0;
        for line in text.lines().skip(1) {
            let json: Value = serde_json::from_str(line).expect("a line is JSON");
            let Some(id) = json["id"].as_str().and_then(Id::parse) else { continue };
            let row = self.s.row(id.uuid).unwrap_or_else(|| panic!("{line}"));
            assert!(oracle.sees(who, row), "{} exports row {} of {}: {line}", who.name, row.no, row.owner);
            seen.entry(id.kind.table).or_default().insert(id.uuid);
            cells += 1;
        }
        for (table, ids) in &seen {
            assert_eq!(self.s.of(table).filter(|r| oracle.sees(who, r)).count(), ids.len(), "{}: {table} is exported in part", who.name);
        }
        cells
    }

    /// Every ticket and message changes once: the streams tell of those that the caller may see, and of no others.
    pub async fn streams(&self, all: &[Who]) -> usize {
        let mut following = vec![];
        for (i, who) in all.iter().enumerate() {
            let talks = self
                .s
                .of("conversations")
                .map(|r| format!("subscription {{ conversationUpdated(id: \"{}\") {{ id }} }}", Id::new(self.kind("Conversation"), r.id())));
            for query in std::iter::once("subscription { ticketUpdated { id } }".to_string()).chain(talks.step_by(9).take(6)) {
                let graph = self.world.graphs.of(who.audience());
                let request = Request::new(query.clone()).data(schema::Caller::new(who.scope.clone()).streaming(schema::node::DEADLINE));
                following.push((i, query, graph.schema.clone(), request));
            }
        }
        let mut tasks = vec![];
        for (i, query, graph, request) in following {
            tasks.push(tokio::spawn(async move {
                let mut stream = std::pin::pin!(graph.execute_stream(request));
                let mut told = vec![];
                while let Ok(Some(response)) = tokio::time::timeout(Duration::from_secs(6), stream.next()).await {
                    told.push(serde_json::to_value(&response).expect("JSON"));
                }
                (i, query, told)
            }));
        }
        tokio::time::sleep(Duration::from_secs(3)).await; // all are listening, on a busy machine too
        let mut w = self.world.store.write(&Scope::hub(crate::harness::now())).await.expect("a write");
        for row in self.s.of("tickets").chain(self.s.of("messages")) {
            let kind = if row.table == "tickets" { self.kind("Ticket") } else { self.kind("Message") };
            let change = if row.table == "tickets" { Operation::Update } else { Operation::Insert };
            w.changed(change, kind, row.id(), row.key("customer_id"), row.key("partner_id"));
        }
        w.commit().await.expect("a commit");
        let mut cells = 0;
        for task in tasks {
            let (i, query, told) = task.await.expect("a stream");
            self.told(&all[i], &query, &told);
            cells += 1;
        }
        cells
    }
    fn told(&self, who: &Who, query: &str, told: &[Value]) {
        let oracle = Oracle(self.s);
        let talk = query.split('"').nth(1).and_then(Id::parse).map(|i| i.uuid);
        let (root, kind, scope) = match talk {
            None => ("ticketUpdated", self.kind("Ticket"), "ticket:read"),
            Some(_) => ("conversationUpdated", self.kind("Message"), "conversation:read"),
        };
        let known = matches!(self.world.graphs.of(who.audience()).view.types.get("Subscription"), Some(MetaType::Object { fields, .. }) if fields.contains_key(root));
        if !known || (!who.has(scope) && who.audience() != Audience::Public) {
            return assert!(told.iter().all(|t| t["data"].is_null()), "{}: {query} {told:?}", who.name);
        }
        let of = |r: &&Row| talk.is_none_or(|t| r.key("conversation_id") == Some(t)) && oracle.sees(who, r);
        let wanted: BTreeSet<String> = self.s.of(kind.table).filter(of).map(|r| Id::new(kind, r.id()).to_string()).collect();
        let is: Vec<String> = told.iter().map(|t| t["data"][root]["id"].as_str().unwrap_or("null").to_string()).collect();
        assert_eq!(is.iter().cloned().collect::<BTreeSet<_>>(), wanted, "{}: {query}", who.name);
        assert_eq!(is.len(), wanted.len(), "{}: {query} told twice", who.name);
    }
}
