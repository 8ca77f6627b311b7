//! Who sees which rows, worked out again by hand from plain rows, and compared with what the graph shows. It knows the
//! rules of `domain-model` §3 and nothing of how they are written in the project.
use super::ask::World;
use crate::harness;
use chrono::NaiveDate;
use entities::{Audience, Scope, Store, generate, id::Id, model::EntityKind};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// An invented provider, and a caller of each kind.
pub async fn provider(store: &Store) -> Vec<Scope> {
    let plan = generate::Plan::new(generate::Plan::FEWEST, 7, harness::now().date_naive());
    let made = generate::generate(store, &plan, |_| {}).await.expect("an invented provider");
    store.writer().execute_unprepared("delete from tasks").await.expect("the run goes, its data stay"); // each run has an id of its own
    vec![
        harness::agent(),
        harness::customer_of(made.enterprise.id),
        harness::customer_of(made.consumer.id),
        harness::partner_of(made.full.partner.id),
        harness::partner_of(made.minimal.partner.id),
        harness::public(),
    ]
}

/// All rows of the tables that the rules speak of.
struct Rows {
    parents: HashMap<Uuid, Option<Uuid>>,
    parties: HashMap<Uuid, Uuid>,
    resold: HashSet<(Uuid, Uuid)>,
    full: HashSet<Uuid>,
    /// The last word on `partner_share` of each customer, where it is a yes.
    agreed: HashSet<Uuid>,
}
async fn select(store: &Store, sql: &str) -> Vec<QueryResult> {
    store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}
fn uuid(row: &QueryResult, column: &str) -> Option<Uuid> {
    row.try_get("", column).expect(column)
}
fn text(row: &QueryResult, column: &str) -> String {
    row.try_get("", column).expect(column)
}
async fn load(store: &Store) -> Rows {
    let customers = select(store, "select id, parent_id, party_id from customers").await;
    let today = harness::now().date_naive();
    let mut resold = HashSet::new();
    for r in select(store, "select partner_id, customer_id, valid_from_on, valid_to_on from partner_customers").await {
        let (from, to): (NaiveDate, Option<NaiveDate>) = (r.try_get("", "valid_from_on").unwrap(), r.try_get("", "valid_to_on").unwrap());
        if from <= today && to.is_none_or(|t| t >= today) {
            resold.insert((uuid(&r, "partner_id").unwrap(), uuid(&r, "customer_id").unwrap()));
        }
    }
    let mut word: HashMap<Uuid, bool> = HashMap::new();
    for r in select(store, "select customer_id, state from consents where purpose = 'partner_share' order by effective_at, id").await {
        word.insert(uuid(&r, "customer_id").unwrap(), text(&r, "state") == "granted");
    }
    Rows {
        agreed: word.into_iter().filter(|w| w.1).map(|w| w.0).collect(),
        parents: customers.iter().map(|r| (uuid(r, "id").unwrap(), uuid(r, "parent_id"))).collect(),
        parties: customers.iter().map(|r| (uuid(r, "id").unwrap(), uuid(r, "party_id").unwrap())).collect(),
        resold,
        full: select(store, "select id from partners where share_level = 'full'").await.iter().map(|r| uuid(r, "id").unwrap()).collect(),
    }
}
impl Rows {
    /// A customer of the caller's trees, by walking up.
    fn below(&self, scope: &Scope, customer: Option<Uuid>) -> bool {
        let mut at = customer;
        while let Some(id) = at {
            if scope.customers.contains(&id) {
                return true;
            }
            at = self.parents[&id];
        }
        false
    }
    fn customer(&self, scope: &Scope, id: Uuid) -> bool {
        match scope.audience {
            Audience::Agent => true,
            Audience::Customer => self.below(scope, Some(id)),
            Audience::Partner => scope.partners.iter().any(|p| self.resold.contains(&(*p, id))),
            Audience::Public => false,
        }
    }
    fn party(&self, scope: &Scope, party: Uuid) -> bool {
        scope.audience == Audience::Agent || self.parties.iter().any(|(c, p)| *p == party && self.customer(scope, *c))
    }
    /// Of a customer who agreed, whom a partner with full share knows.
    fn shared(&self, scope: &Scope, party: Uuid) -> bool {
        let mut customers = self.parties.iter().filter(|(c, p)| **p == party && self.agreed.contains(c));
        customers.any(|(c, _)| scope.partners.iter().any(|p| self.full.contains(p) && self.resold.contains(&(*p, *c))))
    }
    /// A row with a customer and a partner of its own.
    fn owned(&self, scope: &Scope, r: &QueryResult) -> bool {
        match scope.audience {
            Audience::Agent => true,
            Audience::Customer => uuid(r, "customer_id").is_some() && self.below(scope, uuid(r, "customer_id")),
            Audience::Partner => uuid(r, "partner_id").is_some_and(|p| scope.partners.contains(&p)),
            Audience::Public => false,
        }
    }
}
type Test = fn(&Rows, &Scope, &QueryResult) -> bool;
/// (kind, columns that the rule needs, the rule by hand).
fn rules() -> Vec<(&'static EntityKind, &'static str, Test)> {
    use entities::{billing::*, care::*, catalogue::*, conversation::*, knowledge::*, party::*, privacy::*};
    vec![
        (&customer::ENTITY, "select id from customers t", |rows, s, r| rows.customer(s, uuid(r, "id").unwrap())),
        (&party::ENTITY, "select id from parties t", |rows, s, r| rows.party(s, uuid(r, "id").unwrap())),
        (&contact_medium::ENTITY, "select id, party_id from contact_media t", |rows, s, r| {
            let party = uuid(r, "party_id").unwrap();
            rows.party(s, party) && (s.audience != Audience::Partner || rows.shared(s, party))
        }),
        (&billing_account::ENTITY, "select id, customer_id, partner_id from billing_accounts t", |rows, s, r| rows.owned(s, r)),
        (&product::ENTITY, "select id, customer_id, partner_id, cast(is_customer_visible as integer) v from products t", |rows, s, r| {
            rows.owned(s, r) && (s.audience != Audience::Customer || r.try_get::<i32>("", "v").unwrap() == 1)
        }),
        (&bill::ENTITY, "select id, customer_id, partner_id, state from bills t", |rows, s, r| {
            rows.owned(s, r) && (s.audience == Audience::Agent || !["new", "onHold"].contains(&text(r, "state").as_str()))
        }),
        (&bill_line::ENTITY, "select t.id, b.customer_id, b.partner_id, b.state from bill_lines t join bills b on b.id = t.bill_id", |rows, s, r| {
            rows.owned(s, r) && (s.audience == Audience::Agent || !["new", "onHold"].contains(&text(r, "state").as_str()))
        }),
        (&ticket::ENTITY, "select id, customer_id, partner_id from tickets t", |rows, s, r| rows.owned(s, r)),
        (
            &ticket_note::ENTITY,
            "select t.id, k.customer_id, k.partner_id, t.visibility from ticket_notes t join tickets k on k.id = t.ticket_id",
            |rows, s, r| {
                let visibility = text(r, "visibility");
                rows.owned(s, r)
                    && match s.audience {
                        Audience::Agent => true,
                        Audience::Partner => visibility != "internal",
                        _ => visibility == "public",
                    }
            },
        ),
        (&conversation::ENTITY, "select id, customer_id, partner_id from conversations t", |rows, s, r| rows.owned(s, r)),
        (
            &message::ENTITY,
            "select t.id, c.customer_id, c.partner_id, t.state from messages t join conversations c on c.id = t.conversation_id",
            |rows, s, r| rows.owned(s, r) && (s.audience == Audience::Agent || text(r, "state") != "draft"),
        ),
        (&consent::ENTITY, "select id, customer_id, partner_id from consents t", |rows, s, r| s.audience != Audience::Partner && rows.owned(s, r)),
        (&state_change::ENTITY, "select id, customer_id, partner_id from state_changes t", |rows, s, r| rows.owned(s, r)),
        (&article::ENTITY, "select id, status, audience from kb_articles t", |_, s, r| {
            let readers: &[&str] = match s.audience {
                Audience::Agent => return true,
                Audience::Partner => &["public", "partner"],
                Audience::Customer => &["public", "customer"],
                Audience::Public => &["public"],
            };
            text(r, "status") == "published" && readers.contains(&text(r, "audience").as_str())
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_shows_the_rows_that_a_plain_reading_of_the_rules_shows() {
    for store in harness::stores().await {
        let callers = provider(&store).await;
        for (slug, audience) in [("a", "Public"), ("b", "Customer"), ("c", "Partner"), ("d", "Agent")] {
            let audience = match audience {
                "Public" => entities::knowledge::article::Audience::Public,
                "Customer" => entities::knowledge::article::Audience::Customer,
                "Partner" => entities::knowledge::article::Audience::Partner,
                _ => entities::knowledge::article::Audience::Agent,
            };
            harness::article(&store, slug, audience, "Title", "Body").await;
        }
        let rows = load(&store).await;
        let world = World::new(store.clone()).await;
        let (mut shown, mut hidden) = (0, 0);
        for (kind, sql, rule) in rules() {
            let all = select(&store, sql).await;
            for caller in &callers {
                let expected: HashSet<Uuid> = all.iter().filter(|r| rule(&rows, caller, r)).map(|r| uuid(r, "id").unwrap()).collect();
                let mut seen = HashSet::new();
                for page in all.chunks(100) {
                    let ids: Vec<_> = page.iter().map(|r| format!("\"{}\"", Id::new(kind, uuid(r, "id").unwrap()))).collect();
                    let data = world.data(caller, &format!("{{ nodes(ids: [{}]) {{ id }} }}", ids.join(","))).await;
                    seen.extend(data["nodes"].as_array().unwrap().iter().filter_map(|n| Id::parse(n["id"].as_str()?).map(|i| i.uuid)));
                }
                assert_eq!(seen, expected, "{} for {:?}", kind.name, caller.audience);
                shown += seen.len();
                hidden += all.len() - seen.len();
            }
        }
        println!("{:?}: {shown} rows shown, {hidden} hidden, as the plain reading says", store.backend());
        assert!(shown > 1_000 && hidden > 1_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_give_the_same_bytes() {
    let rounds: u64 = if std::env::var_os("PROOF").is_some() { 2_000 } else { 50 };
    let stores = harness::stores().await;
    let mut callers = vec![];
    for store in &stores {
        callers = provider(store).await;
    }
    let ids = {
        let mut ids = vec![];
        for (kind, sql, _) in rules() {
            let sql = format!("{sql} order by t.id limit 40");
            ids.extend(select(&stores[0], &sql).await.iter().map(|r| Id::new(kind, uuid(r, "id").unwrap()).to_string()));
        }
        ids
    };
    let worlds = [World::new(stores[0].clone()).await, World::new(stores[1].clone()).await];
    assert_eq!((worlds[0].store.backend(), worlds[1].store.backend()), (DbBackend::Sqlite, DbBackend::Postgres));
    let mut bytes = 0;
    for (i, caller) in callers.iter().enumerate() {
        let view = &worlds[0].graphs.of(caller.audience).view;
        for round in 0..rounds {
            let query = super::random::Random::new(view, &ids, round * 10 + i as u64).query();
            let lite = worlds[0].text(caller, &query, schema::Mode::Bytes).await;
            let pg = worlds[1].text(caller, &query, schema::Mode::Bytes).await;
            assert_eq!(lite, pg, "{:?} in round {round}:\n{query}", caller.audience);
            bytes += lite.len();
        }
    }
    println!("{} answers, {bytes} bytes, equal on both databases", rounds as usize * callers.len());
}
