//! The front door: what every request to the hub can count on, whatever it asks for.
use crate::harness::customer as born;
use api::{
    app::{self, App},
    auth::{
        key::Keys,
        token::{Class, Order, Tokens},
    },
    config::Config,
    demo,
    graphql::persisted::Manifest,
};
use axum::{
    body::{Body, BodyDataStream, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use entities::{Store, generate::Plan, party::customer, store::public_id};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

pub struct Hub {
    pub app: Arc<App>,
    pub service: api::routes::Front,
    _folder: tempfile::TempDir,
}
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}
impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().into()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

pub async fn hub_with(change: impl FnOnce(&mut Config)) -> Hub {
    hub_of(change, |store| store, Manifest::default()).await
}
/// Over a store that was changed before anybody shares it, with trusted documents.
pub async fn hub_of(change: impl FnOnce(&mut Config), prepare: impl FnOnce(Store) -> Store, trusted: Manifest) -> Hub {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.place_in(folder.path());
    change(&mut config);
    let settings = api::config::Settings { config, ..Default::default() };
    let store = prepare(app::open(&settings, true).await.unwrap().store);
    let index = search_index::Index::open(&settings.config.index.dir, &store).await.unwrap();
    let app = App::trusting(settings.config, store, index, Keys::ephemeral(), trusted);
    Hub { service: app::service(app.clone()), app, _folder: folder }
}
pub async fn hub() -> Hub {
    hub_with(|_| {}).await
}
impl Hub {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 16 << 20).await.unwrap();
        Answer { status, headers, text: String::from_utf8_lossy(&body).into() }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }
    pub async fn post(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
    /// The answer as it comes.
    pub async fn stream(&self, headers: &[(&str, &str)], body: &str) -> BodyDataStream {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.service.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap().into_body().into_data_stream()
    }
    pub async fn ask(&self, query: &str) -> Answer {
        self.post(&[], &json!({"query": query}).to_string()).await
    }
    pub async fn ask_as(&self, token: &str, query: &str) -> Value {
        self.post(&[("authorization", &format!("Bearer {token}"))], &json!({"query": query}).to_string()).await.json()
    }
    pub fn token(&self, ttl_s: i64) -> String {
        let order = Order { class: Class::Agent, subject: "ada".into(), ttl_s, ..Default::default() };
        format!("Bearer {}", self.app.tokens.mint(order, self.app.store.clock().now()).unwrap().0)
    }
}
pub const STRICT: (&str, &str) = ("accept", "application/graphql-response+json");

#[tokio::test]
async fn no_token_is_the_public_and_a_bad_token_is_nobody() {
    let hub = hub().await;
    let query = r#"{"query":"{ __typename }"}"#;
    assert_eq!(hub.post(&[], query).await.status, StatusCode::OK);
    assert_eq!(hub.post(&[("authorization", &hub.token(60))], query).await.status, StatusCode::OK);
    let foreign = { Tokens::new(Keys::ephemeral(), &hub.app.config().auth) };
    let order = Order { class: Class::Agent, subject: "eve".into(), ttl_s: 60, ..Default::default() };
    let foreign = format!("Bearer {}", foreign.mint(order, hub.app.store.clock().now()).unwrap().0);
    for bad in [foreign.as_str(), &hub.token(-60), "Bearer x.y.z", "Bearer ", "Bearer", "Basic YTpi", ""] {
        let answer = hub.post(&[("authorization", bad)], query).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{bad}");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
        assert!(answer.json().get("data").is_none());
    }
    let two = hub.post(&[("authorization", &hub.token(60)), ("authorization", "Bearer x")], query).await;
    assert_eq!(two.status, StatusCode::UNAUTHORIZED, "two headers, one of them bad");
}

#[tokio::test]
async fn a_wrong_document_has_errors_and_no_data() {
    let hub = hub().await;
    for query in [
        "{",
        "{ noSuchField }",
        "query A { __typename } query B { __typename }",
        "",
        "fragment F on Query { __typename }",
        "query ($x: Int!) { __typename }",
    ] {
        let body = json!({"query": query}).to_string();
        let strict = hub.post(&[STRICT], &body).await;
        assert_eq!((strict.status, strict.json().get("data")), (StatusCode::BAD_REQUEST, None), "{query}");
        assert_eq!(strict.header("content-type"), "application/graphql-response+json; charset=utf-8");
        assert!(!strict.code().is_empty(), "{}", strict.text);
        assert_eq!(hub.post(&[], &body).await.status, StatusCode::OK, "{query}");
    }
    assert_eq!(hub.ask("{ noSuchField }").await.code(), "UNKNOWN_FIELD");
    let long = hub.ask(&format!("{{ {} }}", "x".repeat(31_000))).await;
    assert!(long.text.len() < 2000, "the document is not repeated");
}

#[tokio::test]
async fn what_a_foreign_page_can_send_is_refused() {
    let hub = hub().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = Request::post("/graphql").header("content-type", content_type).body(Body::from(r#"{"query":"{ __typename }"}"#)).unwrap();
        assert_eq!(hub.send(request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let none = Request::post("/graphql").body(Body::from(r#"{"query":"{ __typename }"}"#)).unwrap();
    assert_eq!(hub.send(none).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(hub.get("/graphql?query=%7B__typename%7D").await.json()["data"], json!({"__typename": "Query"}));
    let subscription = hub.get("/graphql?query=subscription%7B__typename%7D").await;
    assert_eq!((subscription.status, subscription.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, POST"));
    let put = Request::put("/graphql").body(Body::empty()).unwrap();
    assert_eq!(hub.send(put).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn bounds_hold_before_the_parser() {
    let hub = hub().await;
    assert_eq!(hub.post(&[], &format!(r#"{{"query":"{}"}}"#, " ".repeat(300 << 10))).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(hub.ask(&"{a".repeat(10_000)).await.code(), "BAD_REQUEST");
    assert_eq!(hub.ask(&"[".repeat(30_000)).await.code(), "BAD_REQUEST");
    assert_eq!(hub.post(&[], r#"[{"query":"{ __typename }"}]"#).await.status, StatusCode::BAD_REQUEST, "no lists of calls");
}

#[tokio::test]
async fn a_document_that_is_known_answers_each_caller_with_their_own() {
    let hub = hub().await;
    let store = &hub.app.store;
    let all = [(born(store, "Ada").await.id, "Ada"), (born(store, "Bo").await.id, "Bo")];
    let public = |id| public_id(&customer::ENTITY, id);
    let bearer = |class, customers: Vec<String>, scope: Option<&str>| {
        let order = Order { class, subject: "login".into(), customers, scope: scope.map(Into::into), ttl_s: 60, ..Default::default() };
        format!("Bearer {}", hub.app.tokens.mint(order, store.clock().now()).unwrap().0)
    };
    let asks = async |token: &str, query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables}).to_string();
        hub.post(&[("authorization", token)], &body).await.json()
    };
    let one = "query ($id: ID!, $more: Boolean = false) { customer(id: $id) { displayName status @include(if: $more) } }";
    // judged, then known, then answered by what is known
    for _ in 0..3 {
        for (id, name) in all {
            let token = bearer(Class::Customer, vec![public(id)], None);
            assert_eq!(asks(&token, "{ me { displayName } }", json!({})).await["data"], json!({"me": {"displayName": name}}));
            for (other, _) in all {
                let shown = if other == id { json!({"displayName": name}) } else { Value::Null };
                assert_eq!(asks(&token, one, json!({"id": public(other)})).await["data"]["customer"], shown);
                assert_eq!(
                    asks(&token, one, json!({"id": public(other), "more": true})).await["data"]["customer"]["status"].is_string(),
                    other == id
                );
            }
            assert_eq!(asks(&token, one, json!({"id": "nobody"})).await["data"], json!({"customer": null}));
            assert_eq!(asks(&token, one, json!({})).await["data"], Value::Null);
            let weak = bearer(Class::Customer, vec![public(id)], Some("kb:read"));
            assert_eq!(asks(&weak, one, json!({"id": public(id)})).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
        let agent = bearer(Class::Agent, vec![], None);
        for (id, name) in all {
            assert_eq!(asks(&agent, one, json!({"id": public(id)})).await["data"]["customer"]["displayName"], name);
        }
    }
}

#[tokio::test]
async fn a_variable_that_is_not_given_is_not_there_and_null_is_null() {
    let hub = hub().await;
    let store = &hub.app.store;
    let public = |id| public_id(&customer::ENTITY, id);
    let (parent, child) = (born(store, "Ada").await.id, born(store, "Bo").await.id);
    let token =
        hub.app.tokens.mint(Order { class: Class::Agent, subject: "ada".into(), ttl_s: 60, ..Default::default() }, store.clock().now()).unwrap().0;
    let token = format!("Bearer {token}");
    let asks = async |query: &str, variables: Value| {
        hub.post(&[("authorization", &token)], &json!({"query": query, "variables": variables}).to_string()).await.json()
    };
    let change = "mutation ($id: ID!, $version: Int!, $parent: ID, $name: String, $key: String) {
        customerUpdate(input: {customerId: $id, expectedVersion: $version, parentId: $parent, displayName: $name, idempotencyKey: $key}) {
            customer { version displayName parent { displayName } } } }";
    let mut version = 1;
    for (given, above) in [
        (json!({"parent": public(parent)}), json!({"displayName": "Ada"})),
        (json!({"name": "Bo Marlow"}), json!({"displayName": "Ada"})), // the parent is not named, and stays
        (json!({"parent": null}), Value::Null),
    ] {
        let mut variables = json!({"id": public(child), "version": version});
        variables.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let said = asks(change, variables).await;
        let customer = &said["data"]["customerUpdate"]["customer"];
        assert_eq!(customer["parent"], above, "{said}");
        version = customer["version"].as_i64().expect("a version");
    }
    // what is wrong with a document is wrong whatever is given
    for wrong in ["$n: String", "$n: Nonsense, $m: Int"] {
        let said = asks(
            &format!("mutation ({wrong}) {{ ticketOpen(input: {{kind: BILL_DISPUTE, name: \"x\", description: \"y\"}}) {{ ticket {{ id }} }} }}"),
            json!({}),
        )
        .await;
        assert_eq!((said["errors"][0]["extensions"]["code"].as_str(), said.get("data")), (Some("BAD_REQUEST"), None), "{said}");
    }
    // what else a filter says holds without it, whether the document is known or not
    let list = "query ($status: [CustomerStatus!]) { customers(filter: {customerNo: \"nobody's\", status: $status}) { nodes { id } } }";
    for _ in 0..3 {
        assert_eq!(asks(list, json!({})).await["data"]["customers"]["nodes"], json!([]));
    }
    // null where there has to be something is the caller's mistake
    let said =
        asks("mutation ($n: String) { ticketOpen(input: {kind: BILL_DISPUTE, name: \"x\", description: $n}) { ticket { id } } }", json!({"n": null}))
            .await;
    assert_eq!(said["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{said}");
    let said =
        asks("mutation ($n: String) { ticketOpen(input: {kind: BILL_DISPUTE, name: \"x\", description: $n}) { ticket { id } } }", json!({})).await;
    assert_eq!((said["errors"][0]["extensions"]["code"].as_str(), said.get("data")), (Some("BAD_REQUEST"), None), "{said}");
}

#[tokio::test]
async fn a_visitor_without_a_session_is_told_how_to_ask() {
    let hub = hub().await;
    let question =
        json!({"query": "mutation { ask(input: {question: \"What is an eSIM?\"}) { answer { text } userErrors { code field } } }"}).to_string();
    for (headers, told) in [(vec![], true), (vec![("x-session", "too short")], true), (vec![("x-session", "0123456789abcdef")], false)] {
        let answered = &hub.post(&headers, &question).await.json()["data"]["ask"];
        let refused = json!([{"code": "LOGIN_REQUIRED", "field": null}]);
        assert_eq!(answered["userErrors"], if told { refused } else { json!([]) }, "{headers:?}");
        assert_eq!(answered["answer"]["text"].is_string(), !told, "{headers:?}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers_that_keep_browsers_safe() {
    let hub = hub().await;
    for path in ["/graphql?query=%7B__typename%7D", "/livez", "/nothing", "/graphiql/nothing"] {
        let answer = hub.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
    }
    let own = hub.post(&[("x-request-id", "portal-0123")], r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(own.header("x-request-id"), "portal-0123");
    let bent = hub.post(&[("x-request-id", "<script>alert(1)</script>")], r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(bent.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn pages_of_other_origins_call_the_hub_only_when_settings_say_so() {
    let hub = hub_with(|c| c.server.cors_origins = vec!["https://portal.example".into()]).await;
    for (origin, allowed) in [("https://portal.example", "https://portal.example"), ("https://evil.example", "")] {
        let preflight = Request::options("/graphql")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
        let answer = hub.send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
    let closed = hub_with(|_| {}).await;
    let preflight =
        Request::options("/graphql").header(header::ORIGIN, "https://portal.example").header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let answer = closed.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, POST"));
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{:?}", answer.headers);
}

#[tokio::test]
async fn an_event_stream_carries_the_answer_and_ends() {
    let hub = hub().await;
    let answer = hub.post(&[("accept", "text/event-stream")], r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let data = r#"{"data":{"__typename":"Query"},"extensions":{"cost":{"requested":1,"limit":20000,"budget":{"points":100000,"remaining":99999,"restoredPerSecond":5000}}}}"#;
    assert_eq!(answer.text, format!(":\n\nevent: next\ndata: {data}\n\nevent: complete\ndata:\n\n"));
    let hub = self::hub().await; // with a full budget
    let parts = hub.post(&[("accept", "multipart/mixed;subscriptionSpec=1.0, application/json")], r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(parts.header("content-type"), r#"multipart/mixed; boundary="graphql"; subscriptionSpec=1.0"#);
    assert_eq!(parts.text, format!("\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{{\"payload\":{data}}}\r\n--graphql--\r\n"));
    let limited = hub_with(|c| c.limits.streams = 1).await;
    let _held = limited.app.streams.try_acquire().unwrap();
    assert_eq!(limited.post(&[("accept", "text/event-stream")], r#"{"query":"{ __typename }"}"#).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_hub_that_stops_is_not_ready_but_alive() {
    let hub = hub().await;
    let ready = hub.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["database"]["ok"].clone()), (StatusCode::OK, json!(true)), "{}", ready.text);
    hub.app.lifecycle.stop();
    assert_eq!(hub.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(hub.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_count_requests_and_name_nobody() {
    let hub = hub().await;
    hub.get("/graphql?query=%7B__typename%7D").await;
    let metrics = hub.get("/metrics").await.text;
    assert!(metrics.contains(r#"switchboard_operations_total{audience="public",kind="query",outcome="ok"}"#), "{metrics}");
    assert!(metrics.contains("switchboard_index_position"));
    let apart = hub_with(|c| c.server.metrics_address = "127.0.0.1:0".into()).await;
    assert_eq!(apart.get("/metrics").await.status, StatusCode::NOT_FOUND, "they have an address of their own");
}

#[tokio::test]
async fn the_explorer_comes_from_the_binary_and_only_a_demo_has_personas() {
    let hub = hub().await;
    let page = hub.get("/graphiql/").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!page.text.contains("https://"), "nothing is loaded from elsewhere");
    for asset in page.text.split('"').filter(|s| s.starts_with("/graphiql/assets/")) {
        let file = hub.get(asset).await;
        assert_eq!(file.status, StatusCode::OK, "{asset}");
        assert!(file.header("cache-control").contains("immutable"));
    }
    assert_eq!(hub.get("/graphiql/personas.json").await.status, StatusCode::NOT_FOUND);
    assert_eq!(hub.get("/graphiql/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
    hub.app.personas.set(json!({"hub": "demo", "personas": []})).unwrap();
    assert_eq!(hub.get("/graphiql/personas.json").await.json()["hub"], "demo");
}

#[tokio::test]
async fn everybody_of_the_demo_asks_what_works() {
    let hub = hub().await;
    let plan = Plan::new(Plan::FEWEST, 1, hub.app.store.clock().now().date_naive());
    let folder = tempfile::tempdir().unwrap();
    let (who, _index) = demo::fill(&hub.app.store, folder.path(), &hub.app.config().auth.issuer, &plan, |_| {}).await.unwrap();
    for p in demo::personas(&hub.app, &who).unwrap() {
        let token = format!("Bearer {}", p.token);
        let variables: Value = p.variables.as_deref().map_or(Value::Null, |v| serde_json::from_str(v).unwrap());
        let names: Vec<_> = p.query.lines().filter_map(|l| l.strip_prefix("query ")).map(|l| l.split([' ', '(']).next().unwrap()).collect();
        assert!(!names.is_empty());
        for name in names {
            let body = json!({"query": p.query, "variables": variables, "operationName": name}).to_string();
            let answer = hub.post(&[("authorization", &token), STRICT], &body).await;
            assert!(answer.status == StatusCode::OK && !answer.text.contains("errors") && answer.text.len() > 500, "{name}: {}", answer.text);
        }
        let answer = hub.post(&[("authorization", &token)], &json!({"query": p.short}).to_string()).await;
        assert!(!answer.text.contains("errors") && answer.text.len() > 100, "{}: {}", p.name, answer.text);
    }
    let bill =
        &hub.ask_as(&demo::personas(&hub.app, &who).unwrap()[3].token, "{ me { bills(first: 1) { nodes { amountDue { amount minor } } } } }").await;
    let due = &bill["data"]["me"]["bills"]["nodes"][0]["amountDue"];
    let minor: i64 = due["minor"].as_str().unwrap().parse().unwrap();
    assert_eq!(due["amount"], format!("{}.{:02}", minor / 100, minor % 100), "money has the digits of its currency");
}
