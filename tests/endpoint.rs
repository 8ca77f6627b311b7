//! The endpoint under load and under fire: budgets, documents by hash, deadlines that reach the database, faults.

/// Documents made of fragments, from a seed.
mod fragments;
/// Statements that would run for hours, and what stops them.
pub mod runaway;
/// The same over a WebSocket.
mod socket;

pub use runaway::replace_tasks;

use crate::http::{Answer, Hub, STRICT, hub, hub_of, hub_with};
use api::{
    auth::token::{Class, Order},
    config::Documents,
    graphql::persisted::Manifest,
    peer::Peer,
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use entities::{exchange::task, party::partner, store::public_id};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The SHA-256 of a document, as clients write it.
fn sha256(document: &str) -> String {
    api::graphql::persisted::hash(document).iter().map(|b| format!("{b:02x}")).collect()
}
fn apq(hash: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}
fn escaped(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
fn cost(answer: &Answer) -> (u64, u64) {
    let cost = &answer.json()["extensions"]["cost"];
    (cost["requested"].as_u64().expect("a cost"), cost["budget"]["remaining"].as_u64().expect("a budget"))
}

#[tokio::test]
async fn a_spent_budget_refuses_by_cost_until_it_has_filled() {
    let hub = hub_with(|c| {
        (c.budget.public_points, c.budget.public_restored) = (20_010, 1);
        c.budget.agent_points = 0;
    })
    .await;
    let dear = "{ articles(first: 100) { nodes { __typename } } }";
    let (one, left) = cost(&hub.ask(dear).await);
    let (two, _) = cost(&hub.ask("{ a: articles(first: 100) { nodes { __typename } } b: articles(first: 100) { nodes { __typename } } }").await);
    assert_eq!((two, left), (2 * one, 20_010 - one), "an alias costs as much as a request");
    let mut left = left - two;
    while left >= one {
        let answer = hub.ask(dear).await;
        let (requested, remaining) = cost(&answer);
        assert!(requested == one && remaining >= left - one && remaining <= left, "{}", answer.text);
        assert_eq!(answer.header("x-cost"), format!("requested={one}, limit=20000"));
        assert!(answer.header("ratelimit").starts_with(&format!(r#""points";r={remaining};t="#)), "{}", answer.header("ratelimit"));
        assert_eq!(answer.header("ratelimit-policy"), r#""points";q=20010;w=20010"#);
        left = remaining;
    }
    for form in [("accept", "application/json"), STRICT, ("accept", "text/event-stream"), ("accept", "multipart/mixed")] {
        let asked = std::time::Instant::now();
        let answer = hub.post(&[form], &json!({"query": dear}).to_string()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"), "{form:?}");
        assert!(asked.elapsed().as_millis() >= 150, "who asks in a loop is not answered as fast as it asks");
        assert!(answer.json().get("data").is_none());
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=one).contains(&wait), "{wait}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["retryAfterSeconds"], wait);
        assert!(cost(&answer).1 < one, "{}", answer.text);
    }
    assert_eq!(hub.ask("{ __typename }").await.code(), "", "what is cheap still goes");
    let agent = hub.post(&[("authorization", &hub.token(60))], &json!({"query": dear}).to_string()).await;
    assert_eq!(agent.json()["extensions"]["cost"], json!({"requested": one, "limit": 20_000}), "no points are no budget");
    let usual = hub_with(|_| {}).await;
    let agent = usual.post(&[("authorization", &usual.token(60))], &json!({"query": dear}).to_string()).await;
    assert_eq!(agent.header("ratelimit-policy"), r#""points";q=200000;w=20"#, "agents have one by default");
}

#[tokio::test]
async fn what_is_refused_is_paid_by_its_length() {
    let hub = hub_with(|c| (c.budget.public_points, c.budget.public_restored) = (20_010, 1)).await;
    let broken = format!("{{ {}", "a ".repeat(7_000)); // a syntax error at the end of 55 points
    let unknown = format!("{{ nonsense(text: \"{}\") }}", "x".repeat(14_000));
    let left = async || cost(&hub.ask("{ __typename }").await).1;
    let before = left().await;
    for document in [&broken, &unknown] {
        assert_ne!(hub.ask(document).await.code(), "", "is refused");
    }
    let after = left().await;
    assert!(after < before - 60, "{before} {after}");
    // 782 points each, and not even read
    let too_long = "x".repeat(200_000);
    let mut tried = 0;
    while hub.ask(&too_long).await.status != StatusCode::TOO_MANY_REQUESTS {
        tried += 1;
        assert!(tried < 40, "it is never spent");
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn each_address_pays_for_itself_and_the_word_of_a_proxy_counts_only_when_trusted() {
    let proxy: SocketAddr = "10.0.0.1:5000".parse().unwrap();
    let ask = async |hub: &Hub, from: &str| {
        let request = Request::post("/graphql").header("content-type", "application/json").header("x-session", "0123456789abcdef");
        let request = request.header("x-forwarded-for", from).extension(ConnectInfo(Peer::at(proxy)));
        cost(&hub.send(request.body(Body::from(r#"{"query":"{ __typename }"}"#)).unwrap()).await).1
    };
    let plain = hub_with(|c| c.budget.public_restored = 1).await;
    assert_eq!((ask(&plain, "192.0.2.1").await, ask(&plain, "192.0.2.2").await), (99_999, 99_998), "anybody can write a header");
    let proxied = hub_with(|c| (c.server.trusted_proxies, c.budget.public_restored) = (vec!["10.0.0.0/8".into()], 1)).await;
    assert_eq!((ask(&proxied, "192.0.2.1").await, ask(&proxied, "192.0.2.2").await), (99_999, 99_999));
    assert_eq!(ask(&proxied, "198.51.100.9, 192.0.2.1").await, 99_998, "the last one is the proxy's own word");
}

#[tokio::test]
async fn what_costs_too_much_says_how_much() {
    let hub = hub().await;
    let document = "{ customers(first: 100) { nodes { bills(first: 100) { nodes { lines(first: 100) { nodes { __typename } } } } } } }";
    let answer = hub.post(&[("authorization", &hub.token(60))], &json!({"query": document}).to_string()).await;
    assert_eq!((answer.code().as_str(), answer.json().get("data")), ("COST_EXCEEDED", None), "{}", answer.text);
    let cost = &answer.json()["extensions"]["cost"];
    assert!(cost["requested"].as_u64() > Some(1_000_000) && cost["limit"] == 20_000, "{}", answer.text);
    assert_eq!(answer.header("x-cost"), format!("requested={}, limit=20000", cost["requested"]));
}

#[tokio::test]
async fn a_document_that_was_sent_once_is_known_by_its_hash() {
    let hub = hub().await;
    let document = "query Who($yes: Boolean!) { viewer { audience @include(if: $yes) } }";
    let body = |with: bool| {
        let mut body = json!({"variables": {"yes": true}, "extensions": apq(&sha256(document))});
        if with {
            body["query"] = document.into();
        }
        body.to_string()
    };
    let missing = hub.post(&[STRICT], &body(false)).await;
    assert_eq!((missing.status, missing.code().as_str()), (StatusCode::BAD_REQUEST, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(missing.json()["errors"][0]["message"], "PersistedQueryNotFound");
    for sent in [true, false, false] {
        assert_eq!(hub.post(&[], &body(sent)).await.json()["data"], json!({"viewer": {"audience": "PUBLIC"}}), "{sent}");
    }
    let query = format!("/graphql?variables={}&extensions={}", escaped(r#"{"yes":true}"#), escaped(&apq(&sha256(document)).to_string()));
    assert_eq!(hub.get(&query).await.json()["data"]["viewer"]["audience"], "PUBLIC", "by GET too");
    let wrong = json!({"query": "{ __typename }", "extensions": apq(&sha256(document))}).to_string();
    assert_eq!(hub.post(&[], &wrong).await.status, StatusCode::BAD_REQUEST, "another document under a known hash");
    assert_eq!(hub.post(&[], &body(false)).await.code(), "", "and the known one is what it was");
    for refused in ["{", "{ noSuch", &format!("{{ {} }}", "a: __typename ".repeat(31)), &format!("{{ __typename {} }}", " ".repeat(40_000))] {
        let hash = sha256(refused);
        assert_ne!(hub.post(&[], &json!({"query": refused, "extensions": apq(&hash)}).to_string()).await.code(), "");
        let again = hub.post(&[], &json!({"extensions": apq(&hash)}).to_string()).await;
        assert_eq!(again.code(), "PERSISTED_QUERY_NOT_FOUND", "what is refused is not kept");
    }
    let mutation = "mutation M { ask(input: {question: \"x\"}) { userErrors { code } } }";
    hub.post(&[], &json!({"query": mutation, "extensions": apq(&sha256(mutation))}).to_string()).await;
    let by_get = hub.get(&format!("/graphql?extensions={}", escaped(&apq(&sha256(mutation)).to_string()))).await;
    assert_eq!(by_get.status, StatusCode::METHOD_NOT_ALLOWED, "a hash makes no mutation a query");
    for id in ["x", &sha256("never sent"), "sha256:"] {
        assert_eq!(hub.post(&[], &json!({"documentId": id}).to_string()).await.code(), "PERSISTED_QUERY_NOT_FOUND", "{id}");
    }
}

#[tokio::test]
async fn who_is_limited_to_trusted_documents_can_send_no_others() {
    let trusted = "query Who { viewer { audience } }";
    let folder = tempfile::tempdir().unwrap();
    let documents = Documents { manifest: folder.path().join("manifest.json"), trusted_only: vec!["customer".into(), "public".into()] };
    assert!(Manifest::load(&documents).is_err_and(|e| e.to_string().contains("cannot read")), "a manifest that is not there");
    std::fs::write(&documents.manifest, json!({sha256(trusted): trusted}).to_string()).unwrap();
    let manifest = Manifest::load(&documents).unwrap();
    let hub = hub_of(|c| c.documents = documents, |store| store, manifest).await;
    let own = json!({"viewer": {"audience": "PUBLIC"}});
    let id = sha256(trusted);
    for body in [
        json!({"documentId": id}),
        json!({"documentId": format!("sha256:{id}"), "operationName": "Who"}),
        json!({"extensions": apq(&id)}),
        json!({"query": trusted, "extensions": apq(&id)}),
        json!({"query": trusted}),
    ] {
        assert_eq!(hub.post(&[], &body.to_string()).await.json()["data"], own, "{body}");
    }
    assert_eq!(hub.get(&format!("/graphql?documentId=sha256:{id}")).await.json()["data"], own);
    let order = Order { class: Class::Customer, subject: "eve".into(), ttl_s: 60, ..Default::default() };
    let customer = format!("Bearer {}", hub.app.tokens.mint(order, hub.app.store.clock().now()).unwrap().0);
    let free = "{ viewer { audience } }";
    for headers in [vec![], vec![("authorization", customer.as_str())], vec![("accept", "text/event-stream")], vec![("accept", "multipart/mixed")]] {
        for body in [
            json!({"query": free}),
            json!({"query": free, "extensions": apq(&sha256(free))}),
            json!({"extensions": apq(&sha256(free))}),
            json!({"documentId": "x"}),
            json!({"query": "{ __schema { queryType { name } } }"}),
        ] {
            let answer = hub.post(&headers, &body.to_string()).await;
            assert_eq!(answer.code(), "UNTRUSTED_DOCUMENT", "{headers:?} {body}: {}", answer.text);
            assert!(answer.json().get("data").is_none());
        }
    }
    assert_eq!(hub.get(&format!("/graphql?query={}", escaped(free))).await.code(), "UNTRUSTED_DOCUMENT");
    assert_eq!(hub.post(&[("authorization", &hub.token(60))], &json!({"query": free}).to_string()).await.code(), "", "agents may");
    let learnt = json!({"query": free, "extensions": apq(&sha256(free))}).to_string();
    assert_eq!(hub.post(&[("authorization", &hub.token(60))], &learnt).await.code(), "");
    assert_eq!(
        hub.post(&[], &json!({"extensions": apq(&sha256(free))}).to_string()).await.code(),
        "UNTRUSTED_DOCUMENT",
        "what agents sent is not trusted"
    );
}

#[tokio::test]
async fn without_its_manifest_a_limited_audience_can_ask_nothing() {
    let documents = Documents { manifest: "gone.json".into(), trusted_only: vec!["public".into()] };
    let hub = hub_of(|c| c.documents = documents, |store| store, Manifest::default()).await;
    assert_eq!(hub.ask("{ __typename }").await.code(), "UNTRUSTED_DOCUMENT");
}

#[tokio::test]
async fn a_panic_is_an_answer_with_the_id_under_which_the_log_has_it() {
    for url in crate::harness::urls().await {
        let fault = |info: &sea_orm::metric::Info<'_>| {
            let sql = &info.statement.sql;
            assert!(!sql.contains("from tasks") && !sql.contains("\"partners\""), "CNRY-panic");
        };
        let hub = hub_of(|c| c.database.url = url, |store| store.observed(fault), Manifest::default()).await;
        let agent = hub.token(60);
        let inner = hub.post(&[("authorization", &agent)], r#"{"query":"{ a: __typename tasks(first: 1) { nodes { id } } }"}"#).await;
        let order = Order {
            class: Class::Partner,
            subject: "eve".into(),
            partner: Some(public_id(&partner::ENTITY, uuid::Uuid::nil())),
            ttl_s: 60,
            ..Default::default()
        };
        let partner = format!("Bearer {}", hub.app.tokens.mint(order, hub.app.store.clock().now()).unwrap().0);
        let outer = hub.post(&[("authorization", &partner)], r#"{"query":"{ __typename }"}"#).await;
        for (answer, status) in [(&inner, StatusCode::OK), (&outer, StatusCode::INTERNAL_SERVER_ERROR)] {
            assert_eq!((answer.status, answer.code().as_str()), (status, "INTERNAL"), "{}", answer.text);
            assert_eq!(answer.json()["errors"][0]["extensions"]["requestId"], answer.header("x-request-id"));
            assert!(!answer.text.contains("CNRY") && !answer.text.contains("panic"), "{}", answer.text);
            assert!(answer.header("content-type").starts_with("application/json") && answer.header("x-content-type-options") == "nosniff");
        }
        assert_eq!(hub.post(&[("authorization", &agent)], r#"{"query":"{ viewer { audience } }"}"#).await.code(), "", "the hub goes on");
    }
}

#[tokio::test]
async fn what_the_database_says_stays_inside() {
    for url in crate::harness::urls().await {
        let hub = hub_with(|c| c.database.url = url).await;
        runaway::replace_tasks(&hub.app.store, "select * from cnry_secret_table").await;
        let answer = hub.post(&[("authorization", &hub.token(60))], r#"{"query":"{ tasks(first: 1) { nodes { id } } }"}"#).await;
        assert_eq!(answer.code(), "INTERNAL", "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["extensions"]["requestId"], answer.header("x-request-id"));
        let all = format!("{} {:?}", answer.text, answer.headers).to_lowercase();
        assert!(!all.contains("cnry") && !all.contains("sql"), "{all}");
    }
}

#[tokio::test]
async fn every_answer_and_every_refusal_has_the_headers_that_keep_browsers_safe() {
    let hub = hub_with(|c| c.server.cors_origins = vec!["https://portal.example".into()]).await;
    let request = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let all = headers.iter().fold(Request::builder().method(method).uri(path), |r, (name, value)| r.header(*name, *value));
        all.body(Body::from(r#"{"query":"{"}"#)).unwrap()
    };
    let json = ("content-type", "application/json");
    for (request, status) in [
        (request("GET", "/graphql", &[]), StatusCode::BAD_REQUEST),
        (request("POST", "/graphql", &[json, STRICT]), StatusCode::BAD_REQUEST),
        (request("POST", "/graphql", &[("content-type", "text/plain")]), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (request("POST", "/graphql", &[json, ("accept", "text/html")]), StatusCode::NOT_ACCEPTABLE),
        (request("POST", "/graphql", &[json, ("authorization", "Bearer x")]), StatusCode::UNAUTHORIZED),
        (request("DELETE", "/graphql", &[]), StatusCode::METHOD_NOT_ALLOWED),
        (request("GET", "/nothing", &[]), StatusCode::NOT_FOUND),
        (request("GET", "/graphql/ws", &[]), StatusCode::BAD_REQUEST),
        (request("OPTIONS", "/graphql", &[("origin", "https://portal.example"), ("access-control-request-method", "POST")]), StatusCode::OK),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = hub.send(request).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")] {
            assert_eq!(answer.header(name), value, "{what}");
        }
        assert!(answer.header("content-security-policy").contains("default-src 'none'") && !answer.header("x-request-id").is_empty(), "{what}");
    }
    let page = request("POST", "/graphql", &[json, ("origin", "https://portal.example")]);
    let exposed = hub.send(page).await.header("access-control-expose-headers").to_lowercase();
    assert!(["x-request-id", "x-cost", "ratelimit", "retry-after"].iter().all(|h| exposed.contains(h)), "{exposed}");
}

/// The events of a stream, without their cost.
async fn events(hub: &Hub, query: &str) -> String {
    let answer = hub.post(&[("accept", "text/event-stream"), ("authorization", &hub.token(60))], &json!({"query": query}).to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.text.replace("event: complete\ndata:\n\n", "complete").replace(":\n\n", "").replace("event: next\ndata: ", "")
}
fn follow(id: &str) -> String {
    format!("subscription {{ taskUpdated(id: {id:?}) {{ state done total }} }}")
}

#[tokio::test]
async fn a_task_is_followed_until_it_is_over() {
    for url in crate::harness::urls().await {
        let hub = hub_with(|c| c.database.url = url).await;
        let (store, at) = (&hub.app.store, hub.app.store.clock().now());
        let id = task::begin(store.writer(), task::Kind::Import, "customers.csv".into(), None, "ada", at).await.unwrap();
        let public = public_id(&task::ENTITY, id);
        let work = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await; // the stream has begun; it looks again after a second
            task::advance(store.writer(), id, 3, 7, at).await.unwrap();
            task::end(store.writer(), id, None, at).await.unwrap();
        };
        let document = follow(&public);
        let (seen, ()) = tokio::join!(events(&hub, &document), work);
        let event = |state: &str, done: &str, total: Value| {
            format!("{}\n\n", json!({"data": {"taskUpdated": {"state": state, "done": done, "total": total}}}))
        };
        let over = event("SUCCEEDED", "3", json!("7")) + "complete";
        assert_eq!(seen, event("RUNNING", "0", Value::Null) + &over);
        assert_eq!(events(&hub, &follow(&public)).await, over, "one that is over is told once");
        let foreign = public_id(&partner::ENTITY, id);
        for none in [public_id(&task::ENTITY, uuid::Uuid::from_u128(7)), foreign, "x".into()] {
            assert_eq!(events(&hub, &follow(&none)).await, "complete", "{none}");
        }
    }
}
