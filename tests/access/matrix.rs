//! Caller × field × row: every field of every type that has rows, for every row of the seed, reached by its id; with
//! nested rows both ways, counts, and what a field answers that is hidden or refused.
use super::{
    callers::{self, Who},
    oracle::{Oracle, reads},
    policy::{self, Leads, Policies},
    tables::Row,
    world::Seeded,
};
use crate::graph::ask::World;
use async_graphql::registry::MetaField;
use entities::{Audience, id::Id};
use schema::audience::Captured;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

pub struct Matrix<'a> {
    pub s: &'a Seeded,
    pub world: &'a World,
    pub whole: &'a Captured,
    pub policies: &'a Policies,
    /// What the all-seeing agent reads, by row and path.
    pub full: HashMap<String, Value>,
    named: Mutex<HashSet<(Audience, String)>>,
}
/// A field below a type, as a path over the same row: `displayName`, `overview.balance`.
struct Ask {
    path: String,
    field: String,
    /// The types that the path goes through, with the scopes on the way.
    scopes: Vec<String>,
    sees: [bool; 4],
    text: String,
    leads: Leads,
}
const MISSING: &str = "00000000000000000000000000000000";

impl<'a> Matrix<'a> {
    pub async fn new(s: &'a Seeded, world: &'a World, whole: &'a Captured, policies: &'a Policies) -> Self {
        let mut m = Matrix { s, world, whole, policies, full: HashMap::new(), named: Mutex::default() };
        let all = callers::all_seeing();
        for kind in m.kinds() {
            let asks: Vec<_> = m.asks(kind.name).into_iter().filter(|a| a.sees[0]).collect();
            for (row, node) in m.nodes(&all, kind.name, &asks).await {
                assert_ne!(node, Value::Null, "the all-seeing agent does not see {} {row}", kind.name);
                for a in &asks {
                    m.full.insert(format!("{row} {}", a.path), at(&node, &a.path).clone());
                }
            }
        }
        m
    }
    pub fn kinds(&self) -> Vec<&'static entities::model::EntityKind> {
        let known = |k: &&&entities::model::EntityKind| self.policies.contains_key(k.name);
        entities::KINDS.iter().filter(known).copied().collect()
    }
    fn asks(&self, ty: &str) -> Vec<Ask> {
        let mut all = vec![];
        for f in policy::fields(self.whole, ty) {
            let p = self.policy(ty, &f.name);
            let (text, leads) = policy::ask(self.whole, f);
            let below = |to: &str| -> Vec<&MetaField> { policy::fields(self.whole, to) };
            if let Leads::Same(to) = &leads {
                for g in below(to) {
                    let q = self.policy(to, &g.name);
                    let (inner, leads) = policy::ask(self.whole, g);
                    all.push(Ask {
                        path: format!("{}.{}", f.name, g.name),
                        field: g.name.clone(),
                        scopes: [&p.scope, &q.scope].into_iter().flatten().cloned().collect(),
                        sees: Audience::ALL.map(|a| p.sees(a) && q.sees(a)),
                        text: format!("{} {{ {inner} }}", f.name),
                        leads,
                    });
                }
            } else {
                let scopes = p.scope.iter().cloned().collect();
                all.push(Ask { path: f.name.clone(), field: f.name.clone(), scopes, sees: Audience::ALL.map(|a| p.sees(a)), text, leads });
            }
        }
        all
    }
    fn policy(&self, ty: &str, field: &str) -> &policy::Policy {
        self.policies.get(ty).and_then(|t| t.get(field)).unwrap_or_else(|| panic!("{ty}.{field} is not in authorization.txt"))
    }
    /// These fields of all rows of a type: by row number, null where the caller is shown none.
    async fn nodes(&self, who: &Who, ty: &str, asks: &[Ask]) -> Vec<(usize, Value)> {
        let kind = policy::kind(ty).expect("rows");
        let known = self.world.graphs.of(who.audience()).view.types.contains_key(ty);
        let rows: Vec<&Row> = self.s.of(kind.table).collect();
        let mut all = vec![];
        for page in rows.chunks(60) {
            let ids: Vec<_> = page.iter().map(|r| format!("\"{}\"", Id::new(kind, r.id()))).collect();
            let fields: Vec<_> = asks.iter().map(|a| a.text.as_str()).collect();
            let on = if known { format!("... on {ty} {{ __typename {} }}", fields.join(" ")) } else { "__typename".into() };
            let data = self.world.data(&who.scope, &format!("{{ nodes(ids: [{}]) {{ {on} }} }}", ids.join(","))).await;
            let nodes = data["nodes"].as_array().expect("nodes");
            all.extend(page.iter().map(|r| r.no).zip(nodes.iter().cloned()));
        }
        all
    }

    /// Everything about one caller. Returns the number of cells.
    pub async fn check(&self, who: &Who) -> usize {
        let mut cells = 0;
        for kind in self.kinds() {
            cells += self.rows(who, kind.name).await;
            cells += self.refused(who, kind.name).await;
            cells += self.hidden(who, kind.name).await;
        }
        cells
    }
    /// Shown rows are those of the oracle, with the oracle's values; all others are null.
    async fn rows(&self, who: &Who, ty: &str) -> usize {
        let oracle = Oracle(self.s);
        let i = Audience::ALL.iter().position(|a| *a == who.audience()).expect("an audience");
        let asks: Vec<_> = self.asks(ty).into_iter().filter(|a| a.sees[i] && a.scopes.iter().all(|s| who.has(s))).collect();
        let mut cells = 0;
        let known = self.world.graphs.of(who.audience()).view.types.contains_key(ty);
        for (no, node) in self.nodes(who, ty, &asks).await {
            let row = &self.s.rows[no - 1];
            let met = known && oracle.meets(who, row);
            assert_eq!(node != Value::Null, met, "{}: {ty} {} of {} is {}", who.name, row.no, row.owner, if met { "hidden" } else { "shown" });
            cells += asks.len().max(1);
            for a in asks.iter().filter(|_| met) {
                let (is, full) = (at(&node, &a.path), self.full.get(&format!("{no} {}", a.path)));
                let full = full.unwrap_or_else(|| panic!("{ty}.{} is nothing that an agent sees", a.path));
                self.compare(who, (ty, a), row, is, full);
            }
        }
        cells
    }
    fn compare(&self, who: &Who, (ty, a): (&str, &Ask), row: &Row, is: &Value, full: &Value) {
        let oracle = Oracle(self.s);
        let say = || format!("{}: {ty}.{} of row {} of {}", who.name, a.path, row.no, row.owner);
        if let Some(wanted) = self.worked_out(who, a, row) {
            return assert_eq!(*is, wanted, "{}", say());
        }
        match &a.leads {
            Leads::Value => {
                let wanted = oracle.masked(who, row, &a.field, full).unwrap_or_else(|| full.clone());
                assert_eq!(*is, wanted, "{}", say());
            }
            Leads::Rows(_) => {
                let seen =
                    |v: &Value| Id::parse(v["id"].as_str().unwrap_or_default()).and_then(|i| self.s.row(i.uuid)).is_some_and(|r| oracle.sees(who, r));
                let wanted = kept(full, seen);
                assert_eq!(*is, wanted, "{}", say());
            }
            Leads::Timeline => assert_eq!(*is, self.timeline(who, row, full), "{}", say()),
            Leads::Same(_) => unreachable!("asked for field by field"),
        }
    }
    /// Entries whose rows the caller may see, and of which it may read this kind at this customer.
    fn timeline(&self, who: &Who, row: &Row, full: &Value) -> Value {
        let oracle = Oracle(self.s);
        let may = |v: &Value| {
            let scope = match v["kind"].as_str() {
                Some("TICKET") => "ticket:read",
                Some("BILL") => "billing:read",
                Some("CONVERSATION") => "conversation:read",
                _ => return who.audience() != Audience::Partner || row_partner(self.s, row).is_some_and(|p| who.partners.contains(&p)),
            };
            let named = super::tables::canaries(v["title"].as_str().unwrap_or_default());
            named.first().is_some_and(|(_, no)| oracle.sees(who, &self.s.rows[no - 1]) && oracle.can(who, &self.s.rows[no - 1], scope))
        };
        kept(full, may)
    }
    /// What depends on the caller and is no row: counts, sums, and what it may do.
    fn worked_out(&self, who: &Who, a: &Ask, row: &Row) -> Option<Value> {
        let oracle = Oracle(self.s);
        let of = |table: &'static str| {
            let mut rows: Vec<&Row> = self.s.of(table).filter(|r| r.key("customer_id") == Some(row.id()) && oracle.sees(who, r)).collect();
            rows.sort_by_key(|r| r.id());
            rows
        };
        let money = |minor: i64| json!({"amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "EUR", "minor": minor.to_string()});
        const OPEN: [&str; 4] = ["acknowledged", "pending", "held", "inProgress"];
        Some(match a.path.as_str() {
            "overview.openTickets" => json!(of("tickets").iter().filter(|r| OPEN.contains(&r.text("status"))).count()),
            "overview.activeProducts" => json!(of("products").iter().filter(|r| r.text("status") == "active").count()),
            "overview.recurring" => money(of("products").iter().filter(|r| r.text("status") == "active").map(|r| number(r, "recurring_minor")).sum()),
            "overview.balance" => money(of("billing_accounts").iter().map(|r| number(r, "balance_minor")).sum()),
            "overview.isOverdue" => json!(of("billing_accounts").iter().any(|r| r.text("payment_status") != "current")),
            "overview.lastContactAt" => match of("conversations").iter().map(|r| r.text("started_at")).max() {
                Some(at) => json!(at.replace("+00:00", "Z")),
                None => Value::Null,
            },
            "overview.lastBill" => match of("bills").into_iter().max_by_key(|r| (r.text("bill_on"), r.id())) {
                Some(r) => json!({"id": Id::new(&entities::billing::bill::ENTITY, r.id()).to_string()}),
                None => Value::Null,
            },
            "descendantsCount" => {
                let below =
                    self.s.of("customer_closure").filter(|r| r.key("ancestor_id") == Some(row.id()) && r.key("descendant_id") != Some(row.id()));
                json!(below.filter(|r| self.s.row(r.key("descendant_id").expect("a customer")).is_some_and(|c| oracle.sees(who, c))).count())
            }
            "viewerCanUpdate" => json!(oracle.can(who, row, "customer:write")),
            "viewerCanOpenTicket" => json!(oracle.can(who, row, "ticket:write")),
            "viewerCanReply" => json!(oracle.can(who, row, "ticket:write") && row.text("status") != "closed"),
            "viewerCanClose" => {
                json!(oracle.can(who, row, "ticket:write") && (OPEN.contains(&row.text("status")) || row.text("status") == "resolved"))
            }
            "viewerCanReopen" => json!(oracle.can(who, row, "ticket:write") && row.text("status") == "resolved"),
            "consents" => {
                let mut rows: Vec<_> = of("consents").into_iter().filter(|r| oracle.in_force(r)).collect();
                rows.sort_by_key(|r| std::cmp::Reverse((r.text("effective_at").to_string(), r.id())));
                json!(rows.iter().map(|r| json!({"id": Id::new(&entities::privacy::consent::ENTITY, r.id()).to_string()})).collect::<Vec<_>>())
            }
            // a text falls back to another where the draft is not for these eyes
            "text" if row.table == "kb_articles" => self.current_text(who, row),
            _ => return None,
        })
    }
    fn current_text(&self, who: &Who, row: &Row) -> Value {
        let oracle = Oracle(self.s);
        let texts: Vec<_> = self.s.of("kb_article_versions").filter(|r| r.key("article_id") == Some(row.id()) && oracle.sees(who, r)).collect();
        let published = texts.iter().find(|r| r.text("state") == "published");
        let draft = texts.iter().find(|r| r.text("state") == "draft");
        let shown = published.or(draft);
        shown.map_or(Value::Null, |r| json!({"id": Id::new(&entities::knowledge::article_version::ENTITY, r.id()).to_string()}))
    }

    /// A field without its scope is null with an error that names the scope, whatever the row.
    async fn refused(&self, who: &Who, ty: &str) -> usize {
        let oracle = Oracle(self.s);
        let kind = policy::kind(ty).expect("rows");
        let i = Audience::ALL.iter().position(|a| *a == who.audience()).expect("an audience");
        let Some(row) = self.s.of(kind.table).find(|r| oracle.meets(who, r)) else { return 0 };
        let mut cells = 0;
        for a in self.asks(ty).iter().filter(|a| a.sees[i]) {
            let Some(scope) = a.scopes.iter().find(|s| !who.has(s)) else { continue };
            let query = format!("{{ node(id: \"{}\") {{ ... on {ty} {{ {} }} }} }}", Id::new(kind, row.id()), a.text);
            let answer = self.world.ask(&who.scope, &query).await;
            let error = &answer["errors"][0]["extensions"];
            assert_eq!(
                (error["code"].as_str(), error["requiredScopes"][0].as_str()),
                (Some("FORBIDDEN"), Some(scope.as_str())),
                "{}: {query}\n{answer}",
                who.name
            );
            assert!(super::tables::canaries(&answer.to_string()).is_empty(), "{}: {query}\n{answer}", who.name);
            cells += 1;
        }
        cells
    }
    /// What the audience may not know is like a misspelt name, for rows of one's own, of others and of nobody.
    async fn hidden(&self, who: &Who, ty: &str) -> usize {
        let kind = policy::kind(ty).expect("rows");
        let oracle = Oracle(self.s);
        let view = &self.world.graphs.of(who.audience()).view;
        let own = self.s.of(kind.table).find(|r| oracle.meets(who, r)).map(|r| Id::new(kind, r.id()).to_string());
        let foreign: Vec<_> = self.s.of(kind.table).filter(|r| !oracle.meets(who, r)).collect();
        let step = (foreign.len() / 2).max(1);
        let others = foreign.iter().step_by(step).map(|r| Id::new(kind, r.id()).to_string());
        let missing = format!("{}_{MISSING}", kind.prefix);
        let mut cells = 0;
        let known =
            |field: &str| matches!(view.types.get(ty), Some(async_graphql::registry::MetaType::Object { fields, .. }) if fields.contains_key(field));
        for f in policy::fields(self.whole, ty) {
            let p = self.policy(ty, &f.name);
            assert_eq!(known(&f.name), p.sees(who.audience()), "{}: {ty}.{} is known or not, against the table", who.name, f.name);
            // one of each audience stands for all: names are checked before rows are read
            if known(&f.name) || !self.named.lock().expect("names").insert((who.audience(), format!("{ty}.{}", f.name))) {
                continue;
            }
            let id = own.as_ref().unwrap_or(&missing);
            let asked = |ty: &str, field: &str| format!("{{ node(id: \"{id}\") {{ ... on {ty} {{ {field} }} }} }}");
            let wrong = if view.types.contains_key(ty) { asked(ty, "nonsense") } else { asked("Nonsense", &f.name) };
            let (is, wanted) = (
                self.world.text(&who.scope, &asked(ty, &f.name), schema::Mode::Bytes).await,
                self.world.text(&who.scope, &wrong, schema::Mode::Bytes).await,
            );
            let wanted = wanted.replace("nonsense", &f.name).replace("Nonsense", ty);
            assert_eq!(without_columns(&is), without_columns(&wanted), "{}: {ty}.{}", who.name, f.name);
            cells += 1;
        }
        for id in others {
            for path in paths(ty) {
                let ask = async |id: &str| {
                    let text = self.world.text(&who.scope, &path.replace("ID", id), schema::Mode::Bytes).await;
                    text.replace(id, "ID")
                };
                assert_eq!(ask(&id).await, ask(&missing).await, "{}: {path} for {id}", who.name);
                cells += 1;
            }
        }
        cells
    }
}
/// Ways to ask for one row by its id.
fn paths(ty: &str) -> Vec<String> {
    let mut all = vec!["{ node(id: \"ID\") { id __typename } }".to_string(), "{ nodes(ids: [\"ID\"]) { id __typename } }".into()];
    let root = match ty {
        "Customer" => "customer",
        "Bill" => "bill",
        "Ticket" => "ticket",
        "Conversation" => "conversation",
        "ImportBatch" => "importBatch",
        "Task" => "task",
        _ => return all,
    };
    all.push(format!("{{ {root}(id: \"ID\") {{ id }} }}"));
    all
}
fn row_partner(s: &Seeded, customer: &Row) -> Option<uuid::Uuid> {
    s.of("partner_customers").find(|r| r.key("customer_id") == Some(customer.id())).and_then(|r| r.key("partner_id"))
}
fn number(row: &Row, column: &str) -> i64 {
    if let super::tables::V::Int(n) = row.get(column) { *n } else { 0 }
}
/// Where in a text an error stands differs with the length of a name.
fn without_columns(text: &str) -> String {
    text.split("\"column\":")
        .enumerate()
        .map(|(i, part)| if i == 0 { part.to_string() } else { part.trim_start_matches(|c: char| c.is_ascii_digit()).to_string() })
        .collect()
}
fn at<'v>(node: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(node, |v, key| &v[key])
}
/// A value that leads to rows, with those alone that pass.
fn kept(full: &Value, pass: impl Fn(&Value) -> bool) -> Value {
    match full {
        Value::Array(rows) => Value::Array(rows.iter().filter(|v| pass(v)).cloned().collect()),
        Value::Object(o) if o.contains_key("nodes") => {
            let nodes: Vec<_> = o["nodes"].as_array().expect("nodes").iter().filter(|v| pass(v)).cloned().collect();
            json!({"totalCount": nodes.len(), "nodes": nodes})
        }
        Value::Null => Value::Null,
        one => {
            if pass(one) {
                one.clone()
            } else {
                Value::Null
            }
        }
    }
}
/// The table of each kind has somebody who reads it.
pub fn every_kind_is_known() {
    for kind in entities::KINDS {
        assert_eq!(kind.reads, reads(kind.table), "{}", kind.name);
    }
}
