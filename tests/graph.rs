//! The read path of the graph: one declaration, one statement, one place for the rules.

pub mod ask;
mod declared;
mod oracle;
pub mod random;

use crate::harness::{self, agent, customer, customer_of, partner, partner_of, public};
use ask::World;
use entities::{Scope, Store, care::ticket, care::ticket_note::Visibility, store::public_id};
use random::Random;
use schema::Mode;
use sea_orm::ConnectionTrait;

/// Callers of each kind, and ids of what is in the store: their own, others', and none's.
struct Cast {
    callers: Vec<Scope>,
    ids: Vec<String>,
}
async fn cast(store: &Store) -> Cast {
    let lumen = partner(store, "Lumen").await;
    let corp = customer(store, "Corp").await;
    let dept = customer(store, "Dept \"Ω\"\\ \u{7f}\u{2028}{t}🦀\n").await.child_of(&corp).await;
    let ada = customer(store, "Ada").await;
    let eve = customer(store, "Eve").await.sold_by(&lumen).await;
    let mut ids = vec![];
    for c in [&corp, &dept, &ada, &eve] {
        let product = c.product("Mobile M").await;
        let bill = c.bill("2025-12", &[("Mobile M", 2000), ("Roaming", 155)]).await;
        c.bill("2026-01", &[("Mobile M", 2000)]).await;
        let ticket = c.ticket("No signal").await;
        c.ticket_in(ticket::Status::Resolved, "Late bill").await;
        c.note(ticket, Visibility::Public, "We look into it").await;
        c.note(ticket, Visibility::Internal, "Mast 7 is down").await;
        let talk = c.conversation("How much is it?").await;
        ids.extend([
            public_id(&entities::party::customer::ENTITY, c.id),
            public_id(&entities::catalogue::product::ENTITY, product),
            public_id(&entities::billing::bill::ENTITY, bill),
            public_id(&ticket::ENTITY, ticket),
            public_id(&entities::conversation::conversation::ENTITY, talk),
        ]);
    }
    ids.push("tkt_00000000000000000000000000000000".into());
    ids.push("nonsense".into());
    harness::article(store, "bills", entities::knowledge::article::Audience::Public, "Your bill", "## Why\n\nBecause.").await;
    let blind = Scope::new(entities::Audience::Agent, "agent-0", harness::now()).with_scopes(["customer:read"]);
    Cast { callers: vec![agent(), blind, customer_of(corp.id), customer_of(ada.id), partner_of(lumen.id), public()], ids }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ways_of_reading_give_the_same_answer() {
    let rounds: u64 = if std::env::var_os("PROOF").is_some() { 3_000 } else { 60 };
    for store in harness::stores().await {
        let cast = cast(&store).await;
        let world = World::new(store).await;
        let mut answered = 0;
        for caller in &cast.callers {
            let view = &world.graphs.of(caller.audience).view;
            for round in 0..rounds {
                // the same for all callers of an audience: each is answered by statements that were made for another
                let query = Random::new(view, &cast.ids, round * 10 + caller.audience as u64).query();
                let through = world.text(caller, &query, Mode::Bytes).await;
                for mode in [Mode::Values, Mode::Fields] {
                    let other = world.text(caller, &query, mode).await;
                    assert_eq!(through, other, "{mode:?} differs for {} in round {round}:\n{query}", caller.subject);
                }
                assert!(!through.contains("\"code\":\"INTERNAL\""), "{} in round {round}:\n{query}\n{through}", caller.subject);
                answered += usize::from(!through.contains("\"errors\""));
            }
        }
        let all = rounds as usize * cast.callers.len();
        println!("{answered} of {all} random queries answered without an error, equal in three ways");
        let again = world.again.load(std::sync::atomic::Ordering::Relaxed);
        println!("{again} answers by statements that were known, equal to executed ones");
        assert!(again > all / 5);
        assert!(answered * 2 > all, "most random queries are answered: {answered} of {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_field_is_one_statement_and_a_list_of_rows_too() {
    let queries = [
        (
            "{ customers(first: 5) { nodes { displayName billingAccounts { accountNo balance { amount } bills(first: 3) { nodes { billNo lines { nodes { description } } } } } products { nodes { name } } tickets(first: 2) { totalCount nodes { name notes { nodes { body } } } } overview { openTickets balance { amount } } timeline(first: 5) { nodes { at title } } } } }",
            1,
        ),
        ("{ a: tickets(first: 2) { nodes { name } } b: customers(first: 2) { nodes { id origin { sourceSystem } } } viewer { audience } }", 2),
    ];
    for store in harness::stores().await {
        let cast = cast(&store).await;
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seen = count.clone();
        let world = World::new(store.observed(move |_| _ = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed))).await;
        let tickets: Vec<_> = cast.ids.iter().filter(|id| id.starts_with("tkt")).map(|id| format!("\"{id}\"")).collect();
        let nodes = format!("{{ nodes(ids: [{}]) {{ id ... on Ticket {{ name notes {{ nodes {{ body }} }} }} }} }}", tickets.join(","));
        // one of them is not shown: one more tells whether it is there
        for (query, statements) in queries.iter().map(|q| (q.0.to_string(), q.1)).chain([(nodes, 2)]) {
            count.store(0, std::sync::atomic::Ordering::Relaxed);
            let said = world.text(&cast.callers[0], &query, Mode::Values).await;
            assert!(!said.contains("\"errors\""), "{said}");
            assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), statements, "{query}");
        }
        // executed, and twice as it is known then: as it stands, and with variables
        count.store(0, std::sync::atomic::Ordering::Relaxed);
        world.data(&cast.callers[0], queries[0].0).await;
        assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_comes_back_as_it_is() {
    for store in harness::stores().await {
        let someone = customer(&store, "Someone").await;
        for text in [
            "quote \" backslash \\ slash /",
            "tab\t line\n return\r bell\u{7}",
            "\u{7f}\u{2028}\u{2029} 🦀 Ω ß",
            "{t} {customers} {{x}} $1 ?1 ' '' %s",
            "</script><b>",
        ] {
            let ticket = someone.ticket(text).await;
            let world = World::new(store.clone()).await;
            let id = public_id(&ticket::ENTITY, ticket);
            let data = world.data(&agent(), &format!("{{ ticket(id: \"{id}\") {{ name }} }}")).await;
            assert_eq!(data["ticket"]["name"], text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_be_asked_for_its_count_or_its_ends_alone() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let lonely = customer(&store, "Lonely").await;
        ada.bill("2025-12", &[("Plan", 1999)]).await;
        let world = World::new(store.clone()).await;
        for (who, n) in [(&ada, "1"), (&lonely, "0")] {
            for mode in [Mode::Values, Mode::Bytes] {
                for (part, answer) in [
                    ("totalCount", format!("\"totalCount\":{n}")),
                    ("__typename", "\"__typename\":\"BillConnection\"".into()),
                    ("pageInfo { hasPreviousPage }", "\"pageInfo\":{\"hasPreviousPage\":false}".into()),
                    ("pageInfo { hasNextPage __typename }", "\"pageInfo\":{\"hasNextPage\":false,\"__typename\":\"PageInfo\"}".into()),
                ] {
                    let text = world.text(&customer_of(who.id), &format!("{{ me {{ bills {{ {part} }} }} }}"), mode).await;
                    assert!(text.contains(&answer) && !text.contains("errors"), "{part}: {text}");
                }
            }
        }
    }
}

/// The ids of a list, three by three from its beginning or from its end.
async fn pages(world: &World, caller: &Scope, list: &str, args: &str, backward: bool) -> Vec<serde_json::Value> {
    let (size, at, cursor, more, beyond) = match backward {
        false => ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage"),
        true => ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage"),
    };
    let (mut all, mut from) = (vec![], String::new());
    for _ in 0..100 {
        let query = format!("{{ {list}({size}: 3, {args}{from}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ {more} {beyond} {cursor} }} }} }}");
        let page = world.data(caller, &query).await[list].clone();
        assert_eq!(page["pageInfo"][beyond], !from.is_empty());
        let edges = page["edges"].as_array().expect("edges");
        let far = if backward { edges.first() } else { edges.last() };
        assert_eq!(page["pageInfo"][cursor], far.map_or(serde_json::Value::Null, |edge| edge["cursor"].clone()));
        let at_end = if backward { 0 } else { all.len() };
        all.splice(at_end..at_end, edges.iter().map(|edge| edge["node"]["id"].clone()));
        if page["pageInfo"][more] == false {
            return all;
        }
        from = format!(", {at}: {}", page["pageInfo"][cursor]);
    }
    panic!("{list} has no end: {all:?}")
}

/// More customers below one than are gathered: the rows of such a tree are walked in their order.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_through_a_large_tree_shows_its_rows_in_order_and_no_others() {
    const LARGE: usize = 510;
    for store in harness::stores().await {
        let (top, stranger) = (customer(&store, "Top").await, customer(&store, "Stranger").await);
        let mut bills = vec![];
        for n in 0..LARGE {
            let unit = customer(&store, &format!("Unit {n}")).await;
            if n % 100 == 0 {
                let month = format!("2025-{:02}", n / 100 + 1);
                bills.push(public_id(&entities::billing::bill::ENTITY, unit.bill(&month, &[("Plan", 1999)]).await));
            }
        }
        stranger.bill("2025-12", &[("Plan", 1999)]).await;
        bills.reverse(); // the newest first
        let sql = "insert into customer_closure (ancestor_id, descendant_id, depth) select $1, id, 1 from customers where id not in ($1, $2)";
        let below = sea_orm::Statement::from_sql_and_values(store.backend(), sql, [top.id.into(), stranger.id.into()]);
        sea_orm::ConnectionTrait::execute_raw(store.writer(), below).await.expect("a tree");
        let world = World::new(store.clone()).await;
        let id = public_id(&entities::party::customer::ENTITY, top.id);
        let list = |page: &str, ends: &str| {
            format!("{{ customer(id: \"{id}\") {{ bills({page}, includeDescendants: true) {{ totalCount nodes {{ id }} {ends} }} }} }}")
        };
        let ids = |page: &serde_json::Value| -> Vec<String> {
            let nodes = page["nodes"].as_array().expect("nodes");
            nodes.iter().map(|n| n["id"].as_str().expect("an id").to_string()).collect()
        };
        let all = world.data(&agent(), &list("first: 50", "")).await["customer"]["bills"].clone();
        assert_eq!((ids(&all), &all["totalCount"]), (bills.clone(), &bills.len().into()));
        let first = world.data(&agent(), &list("first: 4", "pageInfo { hasNextPage endCursor }")).await["customer"]["bills"].clone();
        assert_eq!((ids(&first), &first["pageInfo"]["hasNextPage"]), (bills[..4].to_vec(), &true.into()));
        let after = format!("first: 4, after: {}", first["pageInfo"]["endCursor"]);
        let rest = world.data(&agent(), &list(&after, "pageInfo { hasNextPage }")).await["customer"]["bills"].clone();
        assert_eq!((ids(&rest), &rest["pageInfo"]["hasNextPage"]), (bills[4..].to_vec(), &false.into()));
        let last = world.data(&agent(), &list("last: 2", "")).await["customer"]["bills"].clone();
        assert_eq!(ids(&last), bills[4..].to_vec());

        // a tree inside a large one is another's, and may be the large one itself
        let own = public_id(&entities::billing::bill::ENTITY, top.bill("2025-11", &[("Plan", 1999)]).await);
        let whole: Vec<_> = [own.clone()].into_iter().chain(bills.clone()).collect();
        let within = |rest: String| format!("bills(first: 9, includeDescendants: true) {{ nodes {{ id customer {{ displayName {rest} }} }} }}");
        let nested = format!("{{ customer(id: \"{id}\") {{ {} }} }}", within(within(within(String::new()))));
        let nested = world.data(&agent(), &nested).await["customer"]["bills"].clone();
        assert_eq!(ids(&nested), whole);
        for (bill, outer) in whole.iter().zip(nested["nodes"].as_array().expect("nodes")) {
            let below = if *bill == own { whole.clone() } else { vec![bill.clone()] }; // a unit has nobody below it
            let inner = &outer["customer"]["bills"];
            assert_eq!((ids(inner), ids(&inner["nodes"][0]["customer"]["bills"])), (below.clone(), below), "{outer}");
        }

        // for whom not all of it is, the rows that are walked are no more than those that are gathered
        let protected = "update customers set protected = $3 where id in (select customer_id from bills where bill_on between $1 and $2)";
        let (from, until) = (chrono::NaiveDate::from_ymd_opt(2025, 2, 1), chrono::NaiveDate::from_ymd_opt(2025, 2, 28));
        let protected = sea_orm::Statement::from_sql_and_values(store.backend(), protected, [from.into(), until.into(), true.into()]);
        sea_orm::ConnectionTrait::execute_raw(store.writer(), protected).await.expect("somebody protected");
        let seen = world.data(&agent(), &list("first: 50", "")).await["customer"]["bills"].clone();
        let left: Vec<_> = whole.iter().filter(|bill| ids(&seen).contains(bill)).cloned().collect();
        assert_eq!((ids(&seen), left.len(), &seen["totalCount"]), (left.clone(), whole.len() - 1, &left.len().into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_missing_is_missing_by_id_too() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let bill = public_id(&entities::billing::bill::ENTITY, ada.bill("2025-12", &[("Plan", 1999)]).await);
        let her = public_id(&entities::party::customer::ENTITY, ada.id);
        let world = World::new(store.clone()).await;
        let few = |scopes: &[&'static str]| {
            Scope::new(entities::Audience::Customer, "customer-1", harness::now()).for_customers([ada.id]).with_scopes(scopes.iter().copied())
        };
        let query =
            format!("{{ viewer {{ customers {{ displayName }} }} node(id: \"{bill}\") {{ id }} nodes(ids: [\"{her}\", \"{bill}\"]) {{ id }} }}");
        let shown = |customers: bool, bills: bool| {
            let (her, bill) = (customers.then_some(&her), bills.then_some(&bill));
            let node = |id: Option<&String>| id.map(|id| serde_json::json!({ "id": id }));
            let own: Vec<_> = her.iter().map(|_| serde_json::json!({"displayName": "Ada"})).collect();
            serde_json::json!({"viewer": {"customers": own}, "node": node(bill), "nodes": [node(her), node(bill)]})
        };
        for (scopes, customers, bills) in [
            (&["kb:read"][..], false, false),
            (&["customer:read"], true, false),
            (&["billing:read"], false, true),
            (&["customer:read", "billing:read"], true, true),
        ] {
            assert_eq!(world.data(&few(scopes), &query).await, shown(customers, bills), "{scopes:?}");
        }
        let timeline = format!("{{ node(id: \"{her}\") {{ ... on Customer {{ timeline {{ nodes {{ kind }} }} }} }} }}");
        for (scopes, seen) in [(&["customer:read"][..], 0), (&["customer:read", "billing:read"], 1)] {
            let data = world.data(&few(scopes), &timeline).await;
            assert_eq!(data["node"]["timeline"]["nodes"].as_array().map(Vec::len), Some(seen), "{data}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_and_customers_are_listed_where_they_belong_together() {
    for store in harness::stores().await {
        let (acme, other) = (partner(&store, "Acme").await, partner(&store, "Other").await);
        let ada = customer(&store, "Ada").await.sold_by(&acme).await;
        customer(&store, "Bo").await.sold_by(&other).await;
        let her = public_id(&entities::party::customer::ENTITY, ada.id);
        let query = format!(
            "{{ customer(id: \"{her}\") {{ partners {{ brandName }} }}
                partners {{ nodes {{ brandName customers {{ totalCount nodes {{ displayName }} }} }} }} }}"
        );
        let sold = |partner: &str, customer: &str| serde_json::json!({"brandName": partner, "customers": {"totalCount": 1, "nodes": [{"displayName": customer}]}});
        let world = World::new(store.clone()).await;
        assert_eq!(
            world.data(&agent(), &query).await,
            serde_json::json!({"customer": {"partners": [{"brandName": "Acme"}]}, "partners": {"nodes": [sold("Acme", "Ada"), sold("Other", "Bo")]}})
        );
        let again = format!("{{ node(id: \"{}\") {{ ... on Partner {{ brandName }} }} }}", public_id(&entities::party::partner::ENTITY, acme.id));
        assert_eq!(world.data(&agent(), &again).await, serde_json::json!({"node": {"brandName": "Acme"}}), "what is listed is found by its id");
    }
}

/// Whoever was sold to twice, or by two of those who ask, is one customer of the list.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_lists_whom_it_knows_today_once_each_and_in_order() {
    for store in harness::stores().await {
        let (acme, other) = (partner(&store, "Acme").await, partner(&store, "Other").await);
        let mut known = [vec![], vec![], vec![]]; // by Acme, by Other, by either
        let mut all = vec![];
        for n in 0..12 {
            all.push((n, customer(&store, &format!("Customer {n}")).await));
        }
        for (n, one) in all.into_iter().rev() {
            let (one, by): (_, &[usize]) = match n % 6 {
                0 => (one.sold_by(&acme).await, &[0, 2]),
                1 => (one.sold_by(&acme).await.left_partner().await, &[]),
                2 => (one.sold_by(&acme).await.left_partner().await.sold_by(&acme).await.sold_by(&acme).await, &[0, 2]),
                3 => (one.sold_by(&other).await.sold_by(&acme).await, &[0, 1, 2]),
                4 => (one.sold_by(&other).await, &[1, 2]),
                _ => (one, &[]),
            };
            by.iter().for_each(|who| known[*who].push((one.id, public_id(&entities::party::customer::ENTITY, one.id))));
        }
        let known = known.map(|mut ids| {
            ids.sort();
            ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        });
        let either = partner_of(acme.id).for_partners([other.id]);
        let world = World::new(store.clone()).await;
        for (caller, known) in [partner_of(acme.id), partner_of(other.id), either].iter().zip(&known) {
            let newest: Vec<_> = known.iter().rev().cloned().collect();
            for (sort, known) in [("OLDEST", known), ("NEWEST", &newest)] {
                for backward in [false, true] {
                    assert_eq!(pages(&world, caller, "customers", &format!("sort: {sort}"), backward).await, *known, "{sort} {backward}");
                }
            }
            let counted =
                world.data(caller, "{ customers { totalCount nodes { id } } none: customers(filter: {status: CLOSED}) { totalCount } }").await;
            assert_eq!((&counted["customers"]["totalCount"], &counted["none"]["totalCount"]), (&known.len().into(), &0.into()));
            assert_eq!(counted["customers"]["nodes"].as_array().map(Vec::len), Some(known.len()));
        }
        // the same way, from the partner that an agent looks at
        let query = "{ partners { nodes { brandName customers(last: 3) { totalCount nodes { id } } closed: customers(filter: {status: CLOSED}) { totalCount } } } }";
        let partners = world.data(&agent(), query).await["partners"]["nodes"].clone();
        for (name, known) in ["Acme", "Other"].iter().zip(&known) {
            let partner = partners.as_array().expect("partners").iter().find(|p| p["brandName"] == *name).expect("a partner");
            let seen = &partner["customers"];
            assert_eq!(partner["closed"]["totalCount"], 0);
            let nodes: Vec<_> = known[known.len() - 3..].iter().map(|id| serde_json::json!({ "id": id })).collect();
            assert_eq!(*seen, serde_json::json!({"totalCount": known.len(), "nodes": nodes}), "{name}");
        }
    }
}

/// The row rule is asked of each row that is not its parent's customer's: a source may hold such.
#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_somebody_protected_is_hidden_in_an_account_of_somebody_else() {
    for store in harness::stores().await {
        let (ada, bo) = (customer(&store, "Ada").await, customer(&store, "Bo").await.protected().await);
        ada.bill("2026-01", &[("Plan", 1_000)]).await;
        let stray = ada.bill("2026-02", &[("Plan", 2_000)]).await;
        let sql = "update bills set customer_id = $1 where id = $2";
        let moved = sea_orm::Statement::from_sql_and_values(store.backend(), sql, [bo.id.into(), stray.into()]);
        store.writer().execute_raw(moved).await.expect("the bill is Bo's");
        let her = public_id(&entities::party::customer::ENTITY, ada.id);
        let query = format!("{{ customer(id: \"{her}\") {{ billingAccounts {{ bills {{ totalCount nodes {{ amountDue {{ amount }} }} }} }} }} }}");
        let world = World::new(store.clone()).await;
        let told = Scope { reason: Some("a call".into()), ..agent() };
        for (caller, bills) in [(agent(), 1), (told, 2)] {
            let said = world.data(&caller, &query).await;
            let bills_shown = &said["customer"]["billingAccounts"][0]["bills"];
            assert_eq!((&bills_shown["totalCount"], bills_shown["nodes"].as_array().map(Vec::len)), (&bills.into(), Some(bills)), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_is_read_in_a_language_that_is_published() {
    for store in harness::stores().await {
        let id = harness::article(&store, "pay", entities::knowledge::article::Audience::Public, "Ways to pay", "By card.").await;
        let draft = entities::knowledge::article::ArticleSave {
            id: Some(id),
            slug: "pay".into(),
            kind: entities::knowledge::article::Kind::Howto,
            audience: entities::knowledge::article::Audience::Public,
            category_code: None,
            locale: "de".into(),
            title: "So zahlen Sie".into(),
            summary: None,
            body_md: "Mit Karte.".into(),
            keywords: vec![],
            questions: vec![],
            expected_version: None,
        };
        let mut w = store.write(&harness::agent()).await.unwrap();
        entities::knowledge::article::save(&mut w, draft).await.unwrap();
        w.commit().await.unwrap();
        let query = "{ article(slug: \"pay\") { text(locale: \"de\") { title } } }";
        let world = World::new(store.clone()).await;
        for (scope, title) in [(harness::public(), "Ways to pay"), (harness::agent(), "So zahlen Sie")] {
            assert_eq!(world.data(&scope, query).await["article"]["text"]["title"], title);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_tells_no_more_than_its_field() {
    for store in harness::stores().await {
        customer(&store, "Ada").await.ticket("No signal").await;
        let world = World::new(store.clone()).await;
        let query = "{ tickets(first: 5, filter: {priority: [MEDIUM]}) { nodes { name } } }";
        assert_eq!(world.data(&harness::agent(), query).await["tickets"]["nodes"], serde_json::json!([{"name": "No signal"}]));
        let mut clerk = harness::agent();
        clerk.scopes.remove("ticket:triage");
        let said = world.ask(&clerk, query).await;
        let told = &said["errors"][0]["extensions"];
        assert_eq!((&told["code"], &told["requiredScopes"]), (&serde_json::json!("FORBIDDEN"), &serde_json::json!(["ticket:triage"])), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_has_the_digits_of_its_currency() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let bill = ada.bill("2025-12", &[("Plan", 1999), ("Discount", -1)]).await;
        let world = World::new(store.clone()).await;
        let query = format!(
            "{{ bill(id: \"{}\") {{ taxExcluded {{ amount minor currency }} lines {{ nodes {{ taxExcluded {{ amount }} unitPrice taxRate }} }} }} }}",
            public_id(&entities::billing::bill::ENTITY, bill)
        );
        for (currency, total, second) in [("EUR", "19.98", "-0.01"), ("JPY", "1998", "-1"), ("KWD", "1.998", "-0.001")] {
            for table in ["bills", "bill_lines"] {
                sea_orm::ConnectionTrait::execute_unprepared(store.writer(), &format!("update {table} set currency = '{currency}'"))
                    .await
                    .expect("another currency");
            }
            let data = world.data(&agent(), &query).await;
            assert_eq!(data["bill"]["taxExcluded"], serde_json::json!({"amount": total, "minor": "1998", "currency": currency}));
            assert_eq!(data["bill"]["lines"]["nodes"][1]["taxExcluded"]["amount"], second);
            assert_eq!(data["bill"]["lines"]["nodes"][0]["taxRate"], "0.2");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_to_the_whole_list_in_both_directions() {
    for store in harness::stores().await {
        let corp = customer(&store, "Corp").await;
        for i in 0..7 {
            corp.ticket(&format!("T{i}")).await;
        }
        let world = World::new(store).await;
        for sort in ["NEWEST", "OLDEST"] {
            let all = world.data(&agent(), &format!("{{ tickets(first: 100, sort: {sort}) {{ totalCount nodes {{ id }} }} }}")).await;
            let all: Vec<_> = all["tickets"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].clone()).collect();
            assert_eq!(all.len(), 7);
            for backward in [false, true] {
                assert_eq!(pages(&world, &agent(), "tickets", &format!("sort: {sort}"), backward).await, all, "{sort} {backward}");
            }
        }
        let cursor = world.data(&agent(), "{ tickets(first: 1) { pageInfo { endCursor } } }").await["tickets"]["pageInfo"]["endCursor"].clone();
        for query in [
            format!("{{ customers(after: {cursor}) {{ nodes {{ id }} }} }}"),
            "{ tickets(after: \"zz\") { nodes { id } } }".into(),
            "{ tickets(first: 101) { nodes { id } } }".into(),
            "{ tickets(first: 1, last: 1) { nodes { id } } }".into(),
        ] {
            assert_eq!(world.ask(&agent(), &query).await["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{query}");
        }
    }
}
