//! Search: what a caller finds is what a caller may know, however the index came to be.
use crate::harness::{self, agent, customer, customer_of, partner, partner_of, public};
use entities::{
    Scope, Store,
    care::{ticket, ticket_note::Visibility},
    knowledge::article,
    model::EntityKind,
    outbox::change::Operation,
    party::{contact_medium, customer as customers},
    privacy::consent::{Purpose, State},
};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use search_index::{Hits, Index, SearchRequest};
use std::collections::BTreeSet;
use uuid::Uuid;

fn find(index: &Index, scope: &Scope, query: &str) -> Hits {
    index.search(scope, &SearchRequest { query: query.into(), first: 100, ..Default::default() }).expect("a search never fails")
}
fn ids(index: &Index, scope: &Scope, query: &str) -> BTreeSet<Uuid> {
    let hits = find(index, scope, query);
    assert_eq!(hits.total, hits.hits.len(), "{query}: the total counts what is there");
    hits.hits.into_iter().map(|h| h.id).collect()
}
async fn index(store: &Store) -> Index {
    Index::open(harness::folder().await.join("index"), store).await.expect("open an index")
}
/// Says in the change log that a row changed, as whoever changes it does.
async fn touched(store: &Store, kind: &'static EntityKind, id: Uuid, customer: Option<Uuid>) {
    let mut w = store.write(&agent()).await.unwrap();
    w.changed(Operation::Update, kind, id, customer, None);
    w.commit().await.unwrap();
}

#[tokio::test]
async fn a_caller_finds_only_what_the_row_rules_show() {
    for store in harness::stores().await {
        let (corp, acme, other) = (customer(&store, "Corp").await, partner(&store, "Acme").await, partner(&store, "Other").await);
        let ada = customer(&store, "Ada Lovelace").await.child_of(&corp).await.sold_by(&acme).await;
        let bob = customer(&store, "Bob Byron").await;
        for i in 0..3 {
            ada.ticket(&format!("Fibre outage number {i}")).await;
        }
        let his = bob.ticket("Fibre outage at home").await;
        let index = index(&store).await;
        let callers = [agent(), customer_of(ada.id), customer_of(corp.id), customer_of(bob.id), partner_of(acme.id), partner_of(other.id), public()];
        for scope in &callers {
            let may: u64 = scope.find::<ticket::Entity>().filter(ticket::Column::Name.contains("outage")).count(store.reader()).await.unwrap();
            let hits = find(&index, scope, "fibre outage");
            assert_eq!(hits.total as u64, may, "{:?} {:?} on {:?}", scope.audience, scope.customers, store.backend());
            assert_eq!(hits.hits.len() as u64, may);
            let people = ["Lovelace", "Byron", "Corp"];
            let names: usize = people.iter().map(|n| find(&index, scope, n).hits.iter().filter(|h| *h.entity == customers::ENTITY).count()).sum();
            assert_eq!(names as u64, scope.find::<customers::Entity>().count(store.reader()).await.unwrap(), "customers of {:?}", scope.audience);
        }
        assert!(!ids(&index, &customer_of(ada.id), "outage at home").contains(&his));
        let blind = Scope { scopes: Default::default(), ..customer_of(ada.id) };
        assert_eq!(find(&index, &blind, "fibre outage").total, 0, "without ticket:read there are no tickets");
    }
}

#[tokio::test]
async fn a_partner_finds_a_customer_while_the_contract_lasts() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (ada, _bob) =
            (customer(&store, "Ada").await.sold_by(&acme).await, customer(&store, "Bob").await.sold_by(&acme).await.left_partner().await);
        let index = index(&store).await;
        assert_eq!(ids(&index, &partner_of(acme.id), "ada"), [ada.id].into());
        assert_eq!(find(&index, &partner_of(acme.id), "bob").total, 0);
        let before = Scope { at: harness::now() - chrono::TimeDelta::days(40), ..partner_of(acme.id) };
        assert_eq!(find(&index, &before, "bob").total, 1, "the rule goes by the caller's day");
    }
}

#[tokio::test]
async fn notes_lead_only_those_who_may_read_them() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let ada = customer(&store, "Ada").await.sold_by(&acme).await;
        let ticket = ada.ticket("No signal").await;
        ada.note(ticket, Visibility::Public, "Please restart the handset").await;
        ada.note(ticket, Visibility::Partner, "Swap the sim at the dealer").await;
        ada.note(ticket, Visibility::Internal, "Suspected fraudster").await;
        let index = index(&store).await;
        let finds = |scope: &Scope, word: &str| find(&index, scope, word).hits.iter().any(|h| h.id == ticket);
        let seen = |scope: &Scope| ["handset", "dealer", "fraudster"].map(|w| finds(scope, w));
        assert_eq!(seen(&customer_of(ada.id)), [true, false, false]);
        assert_eq!(seen(&partner_of(acme.id)), [true, true, false]);
        assert_eq!(seen(&agent()), [true, true, true]);
        let said = find(&index, &customer_of(ada.id), "signal").hits.remove(0);
        assert!(!said.snippet.text.contains("fraud") && !said.snippet.text.contains("dealer"));
        assert_eq!(find(&index, &agent(), "fraudster").hits[0].snippet.pieces()[1], ("fraudster", true));
    }
}

#[tokio::test]
async fn numbers_are_found_in_any_notation_by_those_who_may_see_them() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        ada.contact(contact_medium::Kind::Phone, "+491511234567").await;
        ada.contact(contact_medium::Kind::Email, "Ada@Example.org").await;
        let index = index(&store).await;
        for query in ["+49 151 1234567", "0151/1234567", "00491511234567", "ada@example.org", "C-ADA"] {
            assert!(ids(&index, &agent(), query).contains(&ada.id), "{query}");
        }
        let mut curious = agent();
        curious.scopes.remove("customer:read_pii");
        assert_eq!(find(&index, &curious, "+491511234567").total, 0, "contact data need customer:read_pii");
        assert!(ids(&index, &curious, "C-ADA").contains(&ada.id));
    }
}

#[tokio::test]
async fn a_partner_finds_nobody_by_what_it_must_not_know_of_them() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await.full_share().await;
        let ada = customer(&store, "Ada").await.sold_by(&acme).await;
        ada.contact(contact_medium::Kind::Email, "lovelace@example.org").await;
        let index = index(&store).await;
        for state in [None, Some(State::Granted)] {
            if let Some(state) = state {
                ada.consent(Purpose::PartnerShare, state).await;
                index.catch_up().await.unwrap();
            }
            for (scope, by_mail) in [(partner_of(acme.id), 0), (customer_of(ada.id), 0), (agent(), 1)] {
                assert_eq!(find(&index, &scope, "lovelace@example.org").total, by_mail, "{:?} {state:?}", scope.audience);
                assert_eq!(find(&index, &scope, "C-ADA").total, 1, "{:?} {state:?}", scope.audience);
            }
        }
    }
}

#[tokio::test]
async fn an_index_fed_by_the_log_equals_one_built_anew() {
    for store in harness::stores().await {
        let fed = index(&store).await;
        let corp = customer(&store, "Corp").await;
        let ada = customer(&store, "Ada").await.child_of(&corp).await;
        fed.catch_up().await.unwrap();
        // searched before tickets, notes and articles have words: what is found below are fields that were empty here
        assert_eq!(find(&fed, &agent(), "router").total, 0);
        let ticket = ada.ticket("Router keeps rebooting").await;
        ada.product("Fibre 500").await;
        let bill = ada.bill("2025-12", &[("Fibre 500", 3000)]).await;
        fed.catch_up().await.unwrap();
        ada.note(ticket, Visibility::Public, "Firmware replaced").await;
        harness::article(&store, "restart-the-router", article::Audience::Public, "How do I restart the router?", "Hold the button for ten seconds.")
            .await;
        assert_eq!(fed.catch_up().await.unwrap(), store.position().await.unwrap());
        let built = index(&store).await;
        assert_eq!((built.position(), built.documents()), (fed.position(), fed.documents()));
        for scope in [agent(), customer_of(ada.id), customer_of(corp.id), public()] {
            for query in ["router", "firmware", "fibre", "ada", "corp", "2025", "button seconds", "nothing at all"] {
                assert_eq!(ids(&fed, &scope, query), ids(&built, &scope, query), "{query} as {:?}", scope.audience);
            }
        }
        assert!(ids(&fed, &agent(), "firmware").contains(&ticket));
        let number = agent().find::<entities::billing::bill::Entity>().one(store.reader()).await.unwrap().unwrap().bill_no;
        assert_eq!(ids(&fed, &customer_of(corp.id), &number), [bill].into());
    }
}

#[tokio::test]
async fn a_customer_who_moves_takes_what_they_own_along() {
    for store in harness::stores().await {
        let (old, new) = (customer(&store, "Old").await, customer(&store, "New").await);
        let unit = customer(&store, "Unit").await;
        let ada = customer(&store, "Ada").await.child_of(&unit).await;
        let ticket = ada.ticket("Outage in the lab").await;
        let index = index(&store).await;
        for (head, others) in [(&old, &new), (&new, &old)] {
            // The tree is rewritten as a whole; the log names only who was moved.
            let rest = "delete from customer_closure where descendant_id in ($1, $2) and ancestor_id not in ($1, $2)";
            let values: [sea_orm::Value; 2] = [unit.id.into(), ada.id.into()];
            let run = |sql: &str, values: Vec<sea_orm::Value>| sea_orm::Statement::from_sql_and_values(store.backend(), sql, values);
            use sea_orm::ConnectionTrait;
            store.writer().execute_raw(run(rest, values.to_vec())).await.unwrap();
            let unit = unit.clone().child_of(head).await;
            touched(&store, &customers::ENTITY, unit.id, Some(unit.id)).await;
            index.catch_up().await.unwrap();
            assert_eq!(ids(&index, &customer_of(head.id), "outage lab"), [ticket].into());
            assert_eq!(find(&index, &customer_of(others.id), "outage lab").total, 0);
            assert_eq!(find(&index, &customer_of(head.id), "ada").total, 1);
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_broken_or_foreign_heals() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        ada.ticket("Dropped calls").await;
        let dir = harness::folder().await.join("index");
        let opened = Index::open(&dir, &store).await.unwrap();
        assert_eq!(find(&opened, &agent(), "dropped").total, 1);
        assert_eq!(find(&Index::open(&dir, &store).await.unwrap(), &agent(), "dropped").total, 1, "as it stands");
        drop(opened);

        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(find(&Index::open(&dir, &store).await.unwrap(), &agent(), "dropped").total, 1, "deleted");

        for broken in ["meta.json", ".store", ".term"] {
            let files = std::fs::read_dir(&dir).unwrap().map(|f| f.unwrap().path());
            for file in files.filter(|f| f.to_string_lossy().ends_with(broken)) {
                let bytes = std::fs::read(&file).unwrap();
                std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
            }
            assert_eq!(find(&Index::open(&dir, &store).await.unwrap(), &agent(), "dropped").total, 1, "half of {broken}");
        }
        std::fs::write(dir.join(".tantivy-writer.lock"), "").unwrap();
        let index = Index::open(&dir, &store).await.unwrap();
        ada.ticket("Crackling line").await;
        index.catch_up().await.expect("a lock that nobody holds is no lock");
        assert_eq!(find(&index, &agent(), "crackling").total, 1);

        let empty = harness::store().await;
        drop(index);
        assert_eq!(find(&Index::open(&dir, &empty).await.unwrap(), &agent(), "dropped").total, 0, "of another database");
    }
}

#[tokio::test]
async fn a_hub_that_runs_mends_damaged_files() {
    let store = harness::store().await;
    customer(&store, "Ada").await.ticket("Dropped calls").await;
    let dir = harness::folder().await.join("index");
    drop(Index::open(&dir, &store).await.unwrap());
    let files = std::fs::read_dir(&dir).unwrap().map(|f| f.unwrap().path());
    for file in files.filter(|f| f.to_string_lossy().ends_with(".pos")) {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[0] ^= 0xff;
        std::fs::write(&file, bytes).unwrap();
    }
    let why = Index::standing(&dir, &store).await.map(drop);
    assert_eq!(why, Err("damaged files".to_string()));
    let index = Index::open_at_once(&dir, &store).await.unwrap();
    assert!(index.is_built(), "it works at once");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn({
        let index = index.clone();
        async move { index.follow(async { drop(stopped.await) }).await }
    });
    let started = std::time::Instant::now();
    while Index::standing(&dir, &store).await.is_err() {
        assert!(started.elapsed().as_secs() < 20, "nobody mended it");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(find(&index, &agent(), "dropped").total, 1);
    stop.send(()).unwrap();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_worker_follows_the_log_until_it_is_told_to_stop() {
    let store = harness::store().await;
    let index = index(&store).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn({
        let index = index.clone();
        async move { index.follow(async { drop(stopped.await) }).await }
    });
    let ada = customer(&store, "Ada").await;
    ada.ticket("Voicemail is silent").await;
    let started = std::time::Instant::now();
    while find(&index, &agent(), "voicemail").total == 0 {
        assert!(started.elapsed().as_secs() < 20, "the change never came");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    worker.await.unwrap();
    index.rebuild(&|_, _| {}).await.expect("the worker has let go of the folder");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let store = harness::store().await;
    let ada = customer(&store, "Ada").await;
    for i in 0..25 {
        ada.ticket(&format!("Slow network {i}")).await;
    }
    let index = index(&store).await;
    let (mut seen, mut after) = (vec![], None);
    loop {
        let page = index.search(&agent(), &SearchRequest { query: "slow network".into(), kinds: vec![&ticket::ENTITY], first: 10, after }).unwrap();
        assert_eq!(page.total, 25);
        seen.extend(page.hits.iter().map(|h| h.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (25, 25));
}

#[tokio::test]
async fn no_text_makes_a_search_fail() {
    let store = harness::store().await;
    let ada = customer(&store, "Ada").await;
    ada.ticket("Router (model \"X-1\") fails").await;
    let index = index(&store).await;
    let long = "router ".repeat(50_000);
    let hostile = [
        "",
        " ",
        "\"",
        "\"\"",
        "a:b^9~2",
        "(((",
        "AND OR NOT",
        "*",
        "visible:agent",
        "\u{0}\u{202e}\u{feff}",
        "router\u{0}",
        "%_'; drop table tickets; --",
        "🙂",
        "é\u{301}",
        "\u{1F1E9}\u{1F1EA}",
        &long,
    ];
    for query in hostile {
        for scope in [agent(), customer_of(Uuid::nil()), public()] {
            let hits = find(&index, &scope, query);
            assert!(scope.audience == entities::Audience::Agent || hits.total == 0, "{query:.40}");
            index.suggest(&scope, query, "xx-??", 3).unwrap();
        }
    }
    assert_eq!(find(&index, &agent(), "the router").total, 1, "little words are not asked for");
    assert_eq!(find(&index, &agent(), "ruoter").total, 1, "a slip of the finger");
    assert_eq!(find(&index, &agent(), "\"model router\"").total, 0, "a phrase is taken at its word");
}
