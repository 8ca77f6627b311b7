use super::*;
use crate::{
    endpoint::{replace_tasks, runaway::assert_stops},
    http::{Answer, Hub, hub_with},
};
use api::{
    auth::token::{Class, Order},
    peer::Peer,
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use entities::reader::Turns;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use std::{sync::Arc, time::Duration};

const QUICK: &str = r#"{"query":"{ customers(first: 1) { totalCount } }"}"#;
const SLOW: &str = r#"{"query":"{ tasks(first: 1) { nodes { id } } }"}"#;
/// Counts for hours.
const RUNAWAY: &str = "select * from tasks_kept where (with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n
    where i < 1000000000000) select count(*) from n) > 0";

const PAGE: &str = "https://portal.example";

/// A hub with places for this many, whose tasks take hours to read.
async fn hub(url: String, operations: u32, wait_ms: u64) -> Arc<Hub> {
    let hub = hub_with(|c| {
        (c.database.url, c.limits.operations, c.limits.wait_ms) = (url, operations, wait_ms);
        c.server.cors_origins = vec![PAGE.into()];
        c.limits.deadline_ms = 600_000; // what runs away ends with its caller only
    })
    .await;
    replace_tasks(&hub.app.store, RUNAWAY).await;
    Arc::new(hub)
}
fn token(hub: &Hub, subject: &str) -> String {
    let order = Order { class: Class::Agent, subject: subject.into(), ttl_s: 600, ..Default::default() };
    format!("Bearer {}", hub.app.tokens.mint(order, hub.app.store.clock().now()).unwrap().0)
}
async fn ask(hub: &Hub, token: &str, body: &str) -> Answer {
    hub.post(&[("authorization", token)], body).await
}
/// Asks in the background, so many times at once.
fn keep_asking(hub: &Arc<Hub>, token: &str, body: &'static str, times: usize) -> Vec<tokio::task::JoinHandle<Answer>> {
    let one = || {
        let (hub, token) = (hub.clone(), token.to_string());
        tokio::spawn(async move { ask(&hub, &token, body).await })
    };
    (0..times).map(|_| one()).collect()
}
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await; // longer than the bound of waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_when_too_much_is_asked_is_told_to_come_back() {
    for url in harness::urls().await {
        let hub = hub(url, 4, 1).await;
        let ada = token(&hub, "ada");
        assert_eq!(ask(&hub, &ada, QUICK).await.status, StatusCode::OK);
        let asked = keep_asking(&hub, &ada, SLOW, 40);
        until(|| hub.app.gate.standing().1 >= 24).await;
        let refused = ask(&hub, &ada, QUICK).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"), "{}", refused.text);
        assert_eq!((refused.header("retry-after"), &refused.json()["errors"][0]["extensions"]["retryAfterSeconds"]), ("1", &1.into()));
        assert_eq!(refused.json().get("data"), None);
        assert_ne!(hub.app.store.reader().turns().get(), Turns::USUAL, "the gate tells the readers");
        assert_eq!((refused.header("x-content-type-options"), refused.header("x-request-id").len()), ("nosniff", 32));
        // in the form that was asked for, and readable by pages of other origins
        let page = [("authorization", &*ada), ("accept", "application/graphql-response+json"), ("origin", PAGE)];
        let told = hub.post(&page, QUICK).await;
        assert_eq!((told.status, told.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"));
        assert!(told.header("content-type").starts_with("application/graphql-response+json"), "{}", told.header("content-type"));
        assert_eq!(told.header("access-control-allow-origin"), PAGE);
        // before anything of it was looked at
        let misspelt = hub.post(&[("authorization", &ada), ("content-type", "text/plain")], "{").await;
        assert_eq!(misspelt.code(), "OVERLOADED", "{}", misspelt.text);
        assert_eq!(hub.get("/livez").await.status, StatusCode::OK);
        assert_eq!(hub.get("/readyz").await.status, StatusCode::OK);
        let metrics = hub.get("/metrics").await.text;
        assert!(metrics.contains("switchboard_operations_refused_total") && metrics.contains("switchboard_operations_running"), "{metrics}");
        // and nobody else
        for other in [token(&hub, "bob"), token(&hub, "cy")] {
            assert_eq!(ask(&hub, &other, QUICK).await.status, StatusCode::OK);
        }
        assert_eq!(hub.ask("{ __typename }").await.status, StatusCode::OK);
        asked.iter().for_each(|one| one.abort());
        until(|| hub.app.gate.standing().0 == 0).await;
        assert_eq!(ask(&hub, &ada, QUICK).await.status, StatusCode::OK, "it is over");
        assert_eq!(hub.app.gate.standing(), (0, 0));
        assert_stops(&hub.app.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_no_loop_is_told_at_once() {
    const WAIT_MS: u64 = 2_000;
    for url in harness::urls().await {
        let hub = hub(url, 4, WAIT_MS).await;
        let ada = token(&hub, "ada");
        assert_eq!(ask(&hub, &ada, QUICK).await.status, StatusCode::OK);
        let peer = Peer::at(([192, 0, 2, 7], 40_000).into());
        let asked = keep_asking(&hub, &ada, SLOW, 40);
        until(|| hub.app.gate.standing().1 >= 24).await;
        tokio::time::sleep(Duration::from_millis(WAIT_MS)).await;
        let from = |peer: Peer| {
            let request = Request::post("/graphql").header("content-type", "application/json").header("authorization", &ada);
            let (hub, request) = (hub.clone(), request.extension(ConnectInfo(peer)).body(Body::from(QUICK)).unwrap());
            async move { hub.send(request).await.status }
        };
        let newcomer = tokio::spawn(from(Peer::at(([192, 0, 2, 8], 40_000).into())));
        assert_eq!(from(peer.clone()).await, StatusCode::SERVICE_UNAVAILABLE);
        let again = tokio::spawn(from(peer));
        assert!(!newcomer.is_finished(), "it came with its connection");
        tokio::time::sleep(Duration::from_millis(WAIT_MS / 4)).await;
        assert!(!again.is_finished(), "it was told before");
        for held_back in [newcomer, again] {
            assert_eq!(held_back.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
        }
        asked.iter().for_each(|one| one.abort());
        assert_stops(&hub.app.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_leaves_room_for_others() {
    for url in harness::urls().await {
        let hub = hub(url, 0, 10_000).await;
        let connections = hub.app.store.reader().connections();
        let eve = token(&hub, "eve");
        let asked = keep_asking(&hub, &eve, SLOW, 2 * connections);
        until(|| hub.app.gate.standing().1 > 0).await;
        let others: Vec<_> = (0..2 * connections).map(|i| token(&hub, &format!("agent-{i}"))).collect();
        let answers = join_all(others.iter().map(|other| ask(&hub, other, QUICK))).await;
        assert!(answers.iter().all(|a| a.status == StatusCode::OK), "{:?}", answers.iter().map(|a| &a.text).collect::<Vec<_>>());
        asked.iter().for_each(|one| one.abort());
        assert_stops(&hub.app.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_leaves_connections_to_others() {
    for url in harness::urls().await {
        let hub = hub(url, 0, 10_000).await;
        let many: String = (0..20).map(|i| format!("a{i}: tasks(first: 1) {{ nodes {{ id }} }} ")).collect();
        let body: &'static str = serde_json::json!({"query": format!("{{ {many} }}")}).to_string().leak();
        let asked = keep_asking(&hub, &token(&hub, "eve"), body, 1);
        until(|| hub.app.gate.standing().0 == 1).await;
        let one = hub.app.store.reader().query_one_raw(Statement::from_string(hub.app.store.backend(), "select 1"));
        assert!(one.await.is_ok());
        assert_eq!(ask(&hub, &token(&hub, "bob"), QUICK).await.status, StatusCode::OK);
        asked[0].abort();
        assert_stops(&hub.app.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_readers_are_all_busy_is_ready() {
    for url in harness::urls().await {
        let hub = hub(url, 0, 10_000).await;
        let store = hub.app.store.clone();
        let busy: Vec<_> = (0..store.reader().connections())
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.reader().query_one_raw(Statement::from_string(store.backend(), RUNAWAY)).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await; // they have begun
        // sooner than a reader would be given up
        let ready = tokio::time::timeout(Duration::from_secs(8), hub.get("/readyz")).await.expect("an answer without a reader");
        assert_eq!((ready.status, ready.json()["index"]["ok"].as_bool()), (StatusCode::OK, Some(true)), "{}", ready.text);
        assert_eq!(ready.json()["index"].get("behind"), None, "there was no reader to ask how far the log is");
        busy.iter().for_each(|one| one.abort());
        assert_stops(&store).await;
    }
}
