//! What narrows a login beyond its audience: roles inside an enterprise, regions and teams of agents, protected customers;
//! and what is written down of who looked.
mod denied;

use crate::{
    graph::ask::World,
    harness::{self, Customer, ISSUER, act, agent, customer, customer_of, refused},
    http::{Hub, hub_with},
};
use api::auth::token::{Class, Order};
use entities::{
    Scope, Store,
    billing::bill,
    catalogue::product,
    error::Code,
    model::EntityKind,
    party::{
        customer as customers,
        customer_contact::{self, Role},
        region, team,
    },
    privacy::{
        access, audit_event,
        consent::{self, Purpose, State},
        privacy_request,
    },
    store::public_id,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

/// The login of this subject with these roots, as a token makes it.
async fn login(store: &Store, subject: &str, roots: &[Uuid]) -> Scope {
    let known = customer_contact::login(store, ISSUER, subject, roots).await.unwrap();
    let scope = Scope { subject: subject.into(), party: known.party, customers: roots.to_vec(), ..customer_of(roots[0]) };
    scope.with_roles(known.roles)
}
fn id(kind: &'static EntityKind, id: Uuid) -> String {
    public_id(kind, id)
}
async fn furnished(store: &Store, name: &str) -> Customer {
    let c = customer(store, name).await;
    c.product("Fibre").await;
    c.bill("2025-12", &[("Fibre", 2000)]).await;
    c.ticket("No light").await;
    c.conversation("How much do I owe?").await;
    c
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_leaves_of_a_root_what_it_gives() {
    for store in harness::stores().await {
        let (corp, own) = (furnished(&store, "Corp").await, furnished(&store, "Tom").await);
        let dept = furnished(&store, "Dept").await.child_of(&corp).await;
        corp.named("Olga", Role::AccountOwner, "olga").await;
        corp.named("Tom", Role::Technical, "tom").await;
        corp.named("Bill", Role::BillRecipient, "bill").await;
        corp.named("Ursula", Role::User, "ursula").await;
        let world = World::new(store.clone()).await;
        let query = format!(
            "{{ customer(id: \"{}\") {{ bills(includeDescendants: true) {{ totalCount }} products(includeDescendants: true) {{ totalCount }} tickets(includeDescendants: true) {{ totalCount }} conversations {{ totalCount }} }} }}",
            id(&customers::ENTITY, corp.id)
        );
        let seen = async |scope: &Scope| {
            let answer = world.ask(scope, &query).await;
            let c = &answer["data"]["customer"];
            ["bills", "products", "tickets", "conversations"].map(|f| c[f]["totalCount"].as_i64())
        };
        let of = async |subject: &str| login(&store, subject, &[corp.id]).await;
        assert_eq!(seen(&of("olga").await).await, [Some(2), Some(2), Some(2), Some(1)]);
        assert_eq!(seen(&of("tom").await).await, [None, Some(2), Some(2), Some(0)], "others' talks are not his");
        assert_eq!(seen(&of("bill").await).await, [Some(2), None, None, Some(0)]);
        assert_eq!(seen(&of("ursula").await).await, [None, None, None, Some(0)]);
        assert_eq!(seen(&of("nobody").await).await, [None; 4], "whoever is not named sees nothing of a company that named somebody");
        assert_eq!(seen(&agent()).await, [Some(2), Some(2), Some(2), Some(1)]);

        // one login, two roots: what one gives, the other does not
        let both = login(&store, "tom", &[own.id, corp.id]).await;
        assert!(both.has("billing:read") && both.has("consent:write"));
        assert_eq!(seen(&both).await, [Some(0), Some(2), Some(2), Some(0)]);
        both_roots(&world, &both, &own, &corp, &dept).await;
        written(&store, &both, &own, &corp).await;
    }
}
/// Nothing of the one root by way of the other.
async fn both_roots(world: &World, both: &Scope, own: &Customer, corp: &Customer, dept: &Customer) {
    let ids: Vec<_> = [own, corp, dept].map(|c| format!("\"{}\"", id(&customers::ENTITY, c.id))).into();
    let of = "displayName viewerCanUpdate viewerCanOpenTicket overview { openTickets balance { minor } lastBill { billNo } } timeline(first: 9) { nodes { kind } } billingAccounts { accountNo }";
    let data = world.data(both, &format!("{{ nodes(ids: [{}]) {{ ... on Customer {{ {of} }} }} }}", ids.join(", "))).await;
    let kinds = |n: usize| {
        let mut kinds: Vec<_> = data["nodes"][n]["timeline"]["nodes"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.join(" ")
    };
    assert_eq!([kinds(0), kinds(1), kinds(2)], ["BILL CONVERSATION TICKET", "TICKET", "TICKET"]);
    for (n, name, all) in [(0, "Tom", true), (1, "Corp", false), (2, "Dept", false)] {
        let c = &data["nodes"][n];
        assert_eq!(c["displayName"], name);
        assert_eq!((&c["viewerCanUpdate"], &c["viewerCanOpenTicket"]), (&json!(all), &json!(true)));
        assert_eq!(c["overview"]["lastBill"].is_null(), !all, "{name}");
        assert_eq!(c["billingAccounts"].as_array().unwrap().len(), usize::from(all));
    }
    for (c, hits) in [(own, 1), (corp, 0), (dept, 0)] {
        let bill = agent().find::<bill::Entity>().filter(bill::Column::CustomerId.eq(c.id)).one(world.store.reader()).await.unwrap().unwrap();
        let found = world
            .data(
                both,
                &format!(
                    "{{ search(query: \"{}\") {{ totalCount edges {{ title }} }} fibre: search(query: \"fibre\") {{ totalCount }} }}",
                    bill.bill_no
                ),
            )
            .await;
        assert_eq!((&found["search"]["totalCount"], &found["fibre"]["totalCount"]), (&json!(hits), &json!(3)), "{found} {}", bill.bill_no);
    }
}
/// Nothing is written at a root that does not give it.
async fn written(store: &Store, both: &Scope, own: &Customer, corp: &Customer) {
    let say = |customer_id| consent::Set {
        customer_id,
        purpose: Purpose::Research,
        state: State::Granted,
        evidence: consent::Evidence { channel: "portal".into(), text_version: "1".into() },
    };
    assert_eq!(refused(store, both, async |w| consent::set(w, say(corp.id)).await).await, [(Code::NotFound, String::new())]);
    act(store, both, async |w| consent::set(w, say(own.id)).await).await.unwrap();
    let rename = |customer_id| customers::Update { customer_id, expected_version: 1, display_name: Some("X".into()), ..Default::default() };
    assert_eq!(refused(store, both, async |w| customers::update(w, rename(corp.id)).await).await, [(Code::NotFound, String::new())]);
    let name = customer_contact::Save {
        id: None,
        customer_id: corp.id,
        party_id: None,
        display_name: Some("Mallory".into()),
        role: Role::AccountOwner,
        valid_from_on: None,
        valid_to_on: None,
        login: None,
    };
    let nothing = [(Code::NotFound, String::new())];
    assert_eq!(refused(store, both, async |w| customer_contact::save(w, name).await).await, nothing);
    assert_eq!(refused(store, both, async |w| privacy_request::create(w, corp.id, privacy_request::Kind::Access).await).await, nothing);
    assert_eq!(refused(store, both, async |w| access::ask(w, corp.id).await).await, nothing);
    let bill = login(store, "bill", &[corp.id, own.id]).await;
    let open = |customer_id| entities::care::ticket::Open {
        customer_id: Some(customer_id),
        kind: entities::care::ticket::Kind::Question,
        name: "Why".into(),
        description: "Why?".into(),
        product_id: None,
        bill_id: None,
        conversation_id: None,
        channel: entities::care::ticket::Channel::Portal,
    };
    assert_eq!(refused(store, &bill, async |w| entities::care::ticket::open(w, open(corp.id)).await).await, [(Code::NotFound, String::new())]);
    act(store, both, async |w| entities::care::ticket::open(w, open(corp.id)).await).await.expect("technical contacts open tickets");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_owner_names_people_and_ends_it() {
    for store in harness::stores().await {
        let (corp, other) = (customer(&store, "Corp").await, customer(&store, "Other").await);
        let stranger = other.named("Stranger", Role::Auditor, "stranger").await;
        corp.named("Olga", Role::AccountOwner, "olga").await;
        corp.named("Tom", Role::Technical, "tom").await;
        let (olga, tom) = (login(&store, "olga", &[corp.id]).await, login(&store, "tom", &[corp.id]).await);
        let save = |name: Option<&str>, party_id| customer_contact::Save {
            id: None,
            customer_id: corp.id,
            party_id,
            display_name: name.map(Into::into),
            role: Role::Auditor,
            valid_from_on: None,
            valid_to_on: None,
            login: None,
        };
        act(&store, &olga, async |w| customer_contact::save(w, save(Some("Ann"), None)).await).await.unwrap();
        assert_eq!(refused(&store, &tom, async |w| customer_contact::save(w, save(Some("Eve"), None)).await).await[0].0, Code::NotFound);
        let theirs = save(None, Some(stranger));
        assert_eq!(refused(&store, &olga, async |w| customer_contact::save(w, theirs).await).await, [(Code::NotFound, "partyId".into())]);
        let with_login = customer_contact::Save { login: Some((ISSUER.into(), "tom".into())), ..save(Some("Eve"), None) };
        assert_eq!(
            refused(&store, &olga, async |w| customer_contact::save(w, with_login.clone()).await).await,
            [(Code::InvalidValue, "login".into())]
        );
        assert_eq!(
            refused(&store, &agent(), async |w| customer_contact::save(w, with_login).await).await,
            [(Code::InvalidValue, "login".into())],
            "tom's login stays tom's"
        );
        let both = save(Some("Ann"), Some(stranger));
        assert_eq!(refused(&store, &olga, async |w| customer_contact::save(w, both).await).await, [(Code::Blank, "partyId".into())]);

        let yesterday = harness::now().date_naive().pred_opt();
        let contact = olga
            .find::<customer_contact::Entity>()
            .filter(customer_contact::Column::Role.eq(Role::Technical))
            .one(store.reader())
            .await
            .unwrap()
            .unwrap();
        let end =
            customer_contact::Save { id: Some(contact.id), display_name: None, valid_to_on: yesterday, role: Role::Technical, ..save(None, None) };
        act(&store, &olga, async |w| customer_contact::save(w, end).await).await.unwrap();
        assert!(login(&store, "tom", &[corp.id]).await.scopes.iter().all(|s| s.starts_with("conversation:")), "it ended yesterday");
        let owner = olga
            .find::<customer_contact::Entity>()
            .filter(customer_contact::Column::Role.eq(Role::AccountOwner))
            .one(store.reader())
            .await
            .unwrap()
            .unwrap();
        let over =
            customer_contact::Save { id: Some(owner.id), display_name: None, valid_to_on: yesterday, role: Role::AccountOwner, ..save(None, None) };
        act(&store, &agent(), async |w| customer_contact::save(w, over.clone()).await).await.unwrap();
        assert!(!login(&store, "olga", &[corp.id]).await.has("billing:read"), "the end of the last role opens nothing");
        act(&store, &agent(), async |w| customer_contact::save(w, customer_contact::Save { valid_to_on: None, ..over }).await).await.unwrap();
        let olga = login(&store, "olga", &[corp.id]).await;
        let world = World::new(store.clone()).await;
        let query = format!("{{ customer(id: \"{}\") {{ contacts {{ role validTo party {{ displayName }} }} }} }}", id(&customers::ENTITY, corp.id));
        let data = world.data(&olga, &query).await;
        assert_eq!(data["customer"]["contacts"].as_array().unwrap().len(), 3);
        assert_eq!(data["customer"]["contacts"][2], json!({"role": "AUDITOR", "validTo": null, "party": {"displayName": "Ann"}}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_an_enterprise_do_not_read_each_others_numbers() {
    for store in harness::stores().await {
        let corp = customer(&store, "Corp").await;
        let dept = customer(&store, "Dept").await.child_of(&corp).await;
        for c in [&corp, &dept] {
            c.contact(entities::party::contact_medium::Kind::Email, "someone@example.org").await;
        }
        let world = World::new(store.clone()).await;
        let query = "{ me { contactMedia { value } children(first: 1) { nodes { contactMedia { value } } } } }";
        let me = world.data(&customer_of(corp.id), query).await["me"].clone();
        assert_eq!(me["contactMedia"][0]["value"], "someone@example.org");
        assert_eq!(me["children"]["nodes"][0]["contactMedia"][0]["value"], "s***rg");
        let mut narrow = agent();
        narrow.scopes.remove("customer:read_pii");
        let query = format!("{{ customer(id: \"{}\") {{ contactMedia {{ value normalized }} }} }}", id(&customers::ENTITY, corp.id));
        assert_eq!(world.data(&narrow, &query).await["customer"]["contactMedia"][0], json!({"value": "s***rg", "normalized": null}));
        assert_eq!(world.data(&agent(), &query).await["customer"]["contactMedia"][0]["value"], "someone@example.org");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_know_their_regions_and_teams_and_nobody_protected() {
    for store in harness::stores().await {
        let north = furnished(&store, "North").await.cared_for("north", "red").await;
        let south = furnished(&store, "South").await.cared_for("south", "blue").await;
        let vip = furnished(&store, "Vip").await.protected().await;
        let world = World::new(store.clone()).await;
        let ids = |code: &str| {
            let (store, code) = (store.clone(), code.to_string());
            async move {
                let regions = agent().find::<region::Entity>().filter(region::Column::Code.eq(&code)).select_only().column(region::Column::Id);
                let teams = agent().find::<team::Entity>().filter(team::Column::Code.eq(&code)).select_only().column(team::Column::Id);
                let found: Vec<Uuid> = regions.into_tuple().all(store.reader()).await.unwrap();
                let teams: Vec<Uuid> = teams.into_tuple().all(store.reader()).await.unwrap();
                [found, teams].concat()
            }
        };
        let of = |regions: Option<Vec<Uuid>>, teams: Option<Vec<Uuid>>, reason: Option<&str>| Scope {
            regions,
            teams,
            reason: reason.map(Into::into),
            ..agent()
        };
        let (r, t) = (ids("north").await, ids("blue").await);
        for (scope, expected) in [
            (of(None, None, None), vec!["North", "South"]),
            (of(None, None, Some("court order")), vec!["North", "South", "Vip"]),
            (of(Some(r.clone()), None, None), vec!["North"]),
            (of(None, Some(t.clone()), None), vec!["South"]),
            (of(Some(r.clone()), Some(t.clone()), Some("court order")), vec![]),
            (of(Some(vec![]), None, None), vec![]),
        ] {
            let data = world.data(&scope, "{ customers(first: 9) { totalCount nodes { displayName } } tickets(first: 9) { totalCount nodes { customer { displayName } notes { totalCount } } } search(query: \"fibre\") { totalCount edges { title } } conversations { totalCount } }").await;
            let names = |list: &Value, at: &[&str]| {
                let mut names: Vec<_> =
                    list.as_array().unwrap().iter().map(|n| at.iter().fold(n, |n, k| &n[*k]).as_str().unwrap().to_string()).collect();
                names.sort();
                names
            };
            assert_eq!(names(&data["customers"]["nodes"], &["displayName"]), expected);
            assert_eq!(names(&data["tickets"]["nodes"], &["customer", "displayName"]), expected);
            let n = json!(expected.len());
            assert_eq!(
                [
                    &data["customers"]["totalCount"],
                    &data["tickets"]["totalCount"],
                    &data["search"]["totalCount"],
                    &data["conversations"]["totalCount"]
                ],
                [&n; 4],
                "{expected:?}"
            );
        }
        // what stands below a customer is not proven by it
        let corp = furnished(&store, "Corp").await.cared_for("north-2", "red-2").await;
        furnished(&store, "Vault").await.child_of(&corp).await.protected().await;
        let deep = format!(
            "{{ customer(id: \"{}\") {{ descendantsCount bills(includeDescendants: true) {{ totalCount nodes {{ billNo }} }} tickets(includeDescendants: true) {{ nodes {{ name }} }} }} }}",
            id(&customers::ENTITY, corp.id)
        );
        let data = world.data(&agent(), &deep).await["customer"].clone();
        assert_eq!(
            (&data["descendantsCount"], &data["bills"]["totalCount"], data["tickets"]["nodes"].as_array().unwrap().len()),
            (&json!(0), &json!(1), 1)
        );
        let whole = world.data(&of(None, None, Some("court order")), &deep).await["customer"].clone();
        assert_eq!((&whole["descendantsCount"], &whole["bills"]["totalCount"]), (&json!(1), &json!(2)));
        // and neither are the people who do something for somebody protected
        let guard = vip.named("Gus", Role::Technical, "gus").await;
        let who = format!("{{ node(id: \"{}\") {{ id }} }}", id(&entities::party::party::ENTITY, guard));
        assert_eq!(world.data(&agent(), &who).await["node"], Value::Null);
        assert!(world.data(&of(None, None, Some("court order")), &who).await["node"].is_object());

        // a protected customer cannot be told from none, by whatever way
        let product = agent().find::<product::Entity>().filter(product::Column::CustomerId.eq(vip.id)).one(store.reader()).await.unwrap();
        assert!(product.is_none(), "the verbs do not know them either");
        let query = |c: &Customer| {
            format!(
                "{{ a: node(id: \"{0}\") {{ id }} b: customer(id: \"{0}\") {{ id }} c: node(id: \"{1}\") {{ id }} }}",
                id(&customers::ENTITY, c.id),
                id(&entities::party::party::ENTITY, c.party_id)
            )
        };
        assert_eq!(world.data(&agent(), &query(&vip)).await, json!({"a": null, "b": null, "c": null}));
        assert_eq!(world.data(&of(Some(r), None, None), &query(&south)).await, json!({"a": null, "b": null, "c": null}));
        assert!(world.data(&of(Some(ids("north").await[..1].to_vec()), None, None), &query(&north)).await["c"].is_object());
        let mut unasked = of(None, None, Some("curious"));
        unasked.scopes.remove("customer:read_protected");
        assert_eq!(world.data(&unasked, &query(&vip)).await["a"], Value::Null, "a reason alone is not enough");
    }
}

async fn hub_on(url: &str) -> Hub {
    hub_with(|config| config.database.url = url.into()).await
}
fn bearer(hub: &Hub, class: Class, customers: Vec<String>, subject: &str) -> String {
    let order = Order { class, subject: subject.into(), customers, ttl_s: 600, ..Default::default() };
    format!("Bearer {}", hub.app.tokens.mint(order, hub.app.store.clock().now()).unwrap().0)
}
async fn events(store: &Store) -> Vec<audit_event::Model> {
    #[expect(clippy::disallowed_methods, reason = "reads the whole log")]
    audit_event::Entity::find().order_by_asc(audit_event::Column::Position).all(store.reader()).await.unwrap()
}

/// Looks of many go into the log together. One that the database refuses waits, and is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_cannot_be_written_keeps_back_no_other() {
    const DESKS: usize = 9;
    for url in harness::urls().await {
        let hub = hub_on(&url).await;
        let store = hub.app.store.clone();
        let ada = furnished(&store, "Ada").await;
        let run = async |sql: &str| store.writer().execute_unprepared(sql).await.expect("a change of the table");
        let (refuse, allow) = match store.backend() {
            DbBackend::Sqlite => (
                "create trigger refused before insert on audit_events when new.actor_subject = 'desk-4' begin select raise(abort, 'refused'); end",
                "drop trigger refused",
            ),
            _ => (
                "alter table audit_events add constraint refused check (actor_subject <> 'desk-4')",
                "alter table audit_events drop constraint refused",
            ),
        };
        run(refuse).await;
        let query = json!({"query": format!("{{ customer(id: \"{}\") {{ displayName }} }}", id(&customers::ENTITY, ada.id))}).to_string();
        for n in 0..DESKS {
            let desk = bearer(&hub, Class::Agent, vec![], &format!("desk-{n}"));
            let seen = hub.post(&[("authorization", &desk)], &query).await.json();
            assert_eq!(seen["data"]["customer"]["displayName"], "Ada");
        }
        let written = async || -> Vec<String> {
            hub.app.looks.flush(&store).await;
            let reads = events(&store).await.into_iter().filter(|e| e.action == audit_event::Action::Read);
            reads.map(|e| e.actor_subject).collect()
        };
        let mut desks: Vec<_> = (0..DESKS).map(|n| format!("desk-{n}")).collect();
        let late = desks.remove(4);
        assert_eq!(written().await, desks);
        run(allow).await;
        desks.push(late);
        assert_eq!(written().await, desks);
        assert_eq!(audit_event::seal::verify(&store).await.unwrap().broken, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looked_is_written_down() {
    for url in harness::urls().await {
        let hub = hub_on(&url).await;
        let store = hub.app.store.clone();
        let (ada, bo, vip) = (furnished(&store, "Ada").await, furnished(&store, "Boris").await, furnished(&store, "Vip").await.protected().await);
        let ada_id = id(&customers::ENTITY, ada.id);
        let desk = bearer(&hub, Class::Agent, vec![], "desk-7");
        let her = bearer(&hub, Class::Customer, vec![ada_id.clone()], "ada");
        let ask = async |headers: &[(&str, &str)], query: &str| hub.post(headers, &json!({"query": query}).to_string()).await.json();
        let query = format!("{{ customer(id: \"{ada_id}\") {{ displayName bills(first: 1) {{ nodes {{ billNo }} }} }} }}");
        for _ in 0..3 {
            assert_eq!(ask(&[("authorization", &desk)], &query).await["data"]["customer"]["displayName"], "Ada");
        }
        ask(&[("authorization", &her)], "{ me { displayName } }").await;
        let listed = ask(&[("authorization", &desk)], "{ customers(first: 9) { nodes { customerNo } } }").await;
        assert_eq!(listed["data"]["customers"]["nodes"].as_array().unwrap().len(), 2, "{listed}");
        hub.app.looks.flush(&store).await;
        let log = events(&store).await;
        let looks: Vec<_> = log.iter().filter(|e| e.action == audit_event::Action::Read).collect();
        assert_eq!(looks.len(), 3, "two for Ada, as other fields were shown, one for Bo, however often; none for her own look");
        assert!(looks.iter().all(|e| e.actor_subject == "desk-7" && e.acting_for.is_none()));
        let hers: Vec<_> = looks.iter().filter(|e| e.customer_id == Some(ada.id)).map(|e| &e.fields).collect();
        assert!(hers.contains(&&json!(["Customer.displayName", "Customer.bills"])) && hers.contains(&&json!(["Customer.customerNo"])), "{hers:?}");
        assert!(looks.iter().any(|e| e.customer_id == Some(bo.id)));

        // of two who looked in the same moment each has its own name, and of two looks of one request neither is lost
        let others = bearer(&hub, Class::Agent, vec![], "desk-8\0"); // no text for PostgreSQL
        for (token, field) in [(&others, "status"), (&others, "kind"), (&desk, "kind")] {
            let query = format!("{{ customer(id: \"{ada_id}\") {{ {field} }} }}");
            let seen = ask(&[("authorization", token), ("x-request-id", "the-same-request")], &query).await;
            assert!(seen["data"]["customer"][field].is_string(), "{seen}");
        }
        hub.app.looks.flush(&store).await;
        let together: Vec<_> = events(&store).await.into_iter().filter(|e| e.request_id.as_deref() == Some("the-same-request")).collect();
        let together: Vec<_> = together.iter().map(|e| (e.actor_subject.as_str(), e.fields.to_string())).collect();
        let look = |who, field: &str| (who, json!([format!("Customer.{field}")]).to_string());
        assert_eq!(together, [look("desk-8\u{fffd}", "status"), look("desk-8\u{fffd}", "kind"), look("desk-7", "kind")]);
        assert_eq!(audit_event::seal::verify(&store).await.unwrap().broken, None);

        // somebody protected: nothing without a reason, and with one it is in the log before the answer
        let vip_query = format!("{{ customer(id: \"{}\") {{ displayName tickets {{ totalCount }} }} }}", id(&customers::ENTITY, vip.id));
        assert_eq!(ask(&[("authorization", &desk)], &vip_query).await["data"]["customer"], Value::Null);
        assert_eq!(ask(&[("authorization", &desk), ("x-reason", " ")], &vip_query).await["data"]["customer"], Value::Null);
        let seen = ask(&[("authorization", &desk), ("x-reason", "caller%20verified, T-9")], &vip_query).await;
        assert_eq!(seen["data"]["customer"]["displayName"], "Vip");
        let last = events(&store).await.into_iter().rfind(|e| e.customer_id == Some(vip.id) && e.action == audit_event::Action::Read).unwrap();
        assert_eq!((last.reason.as_deref(), last.actor_subject.as_str()), (Some("caller verified, T-9"), "desk-7"));
        assert_eq!(last.fields, json!(["Customer.displayName", "Customer.tickets"]));

        // by its title in a search, too
        hub.app.index.catch_up().await.unwrap();
        let search = "{ search(query: \"C-VIP\") { edges { title } } }";
        assert_eq!(ask(&[("authorization", &desk)], search).await["data"]["search"]["edges"], json!([]));
        assert_eq!(ask(&[("authorization", &desk), ("x-reason", "court order")], search).await["data"]["search"]["edges"], json!([{"title": "Vip"}]));
        let last = events(&store).await.into_iter().next_back().unwrap();
        assert_eq!((last.reason.as_deref(), last.customer_id, last.fields), (Some("court order"), Some(vip.id), json!(["SearchResultEdge.title"])));

        // the index is behind the rows: what is not hers to know any more is not shown from it
        let search = "{ search(query: \"C-BORIS\") { edges { title } nodes { __typename } } }";
        assert_eq!(ask(&[("authorization", &desk)], search).await["data"]["search"]["edges"], json!([{"title": "Boris"}]));
        bo.protected().await;
        assert_eq!(ask(&[("authorization", &desk)], search).await["data"]["search"], json!({"edges": [], "nodes": []}));

        // what she reads of it
        let log = ask(&[("authorization", &her)], "{ me { accessLog { nodes { action actorAudience fields } } } }").await;
        let log = log["data"]["me"]["accessLog"]["nodes"].as_array().unwrap();
        assert!(log.contains(&json!({"action": "READ", "actorAudience": "AGENT", "fields": ["Customer.displayName", "Customer.bills"]})), "{log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_what_the_customer_sees_and_changes_nothing() {
    for url in harness::urls().await {
        let hub = hub_on(&url).await;
        let store = hub.app.store.clone();
        let ada = furnished(&store, "Ada").await;
        let ada_id = id(&customers::ENTITY, ada.id);
        let desk = bearer(&hub, Class::Agent, vec![], "desk-7");
        let ask = async |token: &str, query: &str| hub.post(&[("authorization", token)], &json!({"query": query}).to_string()).await.json();
        let view = |id: &str, reason: &str| {
            format!(
                "mutation {{ customerView(input: {{customerId: \"{id}\", reason: \"{reason}\"}}) {{ token expiresAt userErrors {{ code field }} }} }}"
            )
        };
        let none = ask(&desk, &view(&ada_id, " ")).await;
        assert_eq!(none["data"]["customerView"]["userErrors"][0], json!({"code": "BLANK", "field": ["reason"]}));
        let missing = ask(&desk, &view("cus_00000000000000000000000000000000", "help")).await;
        assert_eq!(missing["data"]["customerView"]["userErrors"][0]["code"], "NOT_FOUND");
        let corp = customer(&store, "Corp").await;
        customer(&store, "Vault").await.child_of(&corp).await.protected().await;
        let partly = ask(&desk, &view(&id(&customers::ENTITY, corp.id), "help")).await;
        assert_eq!(partly["data"]["customerView"]["userErrors"][0]["code"], "INVALID_VALUE", "a part of it is protected");
        let given = ask(&desk, &view(&ada_id, "asks what she sees")).await;
        let token = format!("Bearer {}", given["data"]["customerView"]["token"].as_str().expect("a token"));
        let seen = ask(&token, "{ viewer { audience actingFor scopes } me { displayName tickets { nodes { id version } } } }").await;
        assert_eq!(seen["data"]["viewer"]["actingFor"], "desk-7");
        assert!(seen["data"]["viewer"]["scopes"].as_array().unwrap().iter().all(|s| s.as_str().unwrap().ends_with(":read")));
        let ticket = &seen["data"]["me"]["tickets"]["nodes"][0]["id"];
        for write in [
            format!("mutation {{ ticketReply(input: {{ticketId: {ticket}, body: \"x\"}}) {{ ticket {{ id }} }} }}"),
            "mutation { ask(input: {question: \"why\"}) { answer { text } } }".to_string(),
        ] {
            assert_eq!(ask(&token, &write).await["errors"][0]["extensions"]["code"], "FORBIDDEN", "{write}");
        }
        hub.app.looks.flush(&store).await;
        let log = events(&store).await;
        let of = |action| log.iter().rfind(|e| e.action == action && e.customer_id == Some(ada.id)).expect("an event");
        assert_eq!(of(audit_event::Action::Login).reason.as_deref(), Some("asks what she sees"));
        let look = of(audit_event::Action::Read);
        assert_eq!(
            (look.actor_subject.as_str(), look.actor_audience, look.acting_for.as_deref()),
            ("desk-7", audit_event::ActorAudience::Agent, Some(ada_id.as_str()))
        );
    }
}
