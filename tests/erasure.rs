//! Everything about a customer: handed out whole and nothing of anybody else's, and erased to the last byte.
mod unfinished;

use crate::harness::{
    self,
    canary::{self, Owner},
    partner,
};
use api::{
    app::{self, App},
    auth::{
        key::Keys,
        token::{Class, Order},
    },
    config::Config,
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use entities::{
    Scope, Store,
    exchange::{
        export,
        ndjson::{self, Export},
        table::ColumnKind,
        task,
    },
    party::customer,
    privacy::{audit_event, holding::HOLDINGS},
    store::public_id,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement, prelude::Uuid};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tower::ServiceExt;

struct Hub {
    app: Arc<App>,
    service: api::routes::Front,
    folder: PathBuf,
}
impl Hub {
    /// Over a database; what it runs beside requests is started by [`Hub::begin`].
    async fn over(url: &str) -> Hub {
        let folder = harness::folder().await;
        let mut config = Config::default();
        config.place_in(&folder);
        config.database.url = url.into();
        let settings = api::config::Settings { config, ..Default::default() };
        let store = app::open(&settings, true).await.unwrap().store;
        let index = search_index::Index::open(&settings.config.index.dir, &store).await.unwrap();
        let app = App::new(settings.config, store, index, Keys::ephemeral());
        Hub { service: app::service(app.clone()), app, folder }
    }
    fn begin(&self) {
        tokio::spawn(self.app.clone().follow());
        tokio::spawn(self.app.clone().work());
    }
    fn store(&self) -> &Store {
        &self.app.store
    }
    fn token(&self, class: Class, customers: &[Uuid]) -> String {
        let customers: Vec<String> = customers.iter().map(|c| public_id(&customer::ENTITY, *c)).collect();
        let subject = if customers.is_empty() { "agent-7".into() } else { format!("login-{}", customers[0]) };
        let order = Order { class, subject, customers, ttl_s: 600, ..Default::default() };
        format!("Bearer {}", self.app.tokens.mint(order, self.store().clock().now()).unwrap().0)
    }
    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        (status, headers, String::from_utf8_lossy(&body).into())
    }
    async fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = Request::post("/graphql").header("content-type", "application/json").header("authorization", token);
        let (_, _, text) = self.send(request.body(Body::from(body)).unwrap()).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(answer.get("errors"), None, "{query}: {answer:#}");
        answer["data"].clone()
    }
    async fn get(&self, token: Option<&str>, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::get(path);
        let request = if let Some(token) = token { request.header("authorization", token) } else { request };
        self.send(request.body(Body::empty()).unwrap()).await
    }
    /// The task when it is over.
    async fn over_with(&self, token: &str, id: &str) -> Value {
        for _ in 0..600 {
            let query = "query ($id: ID!) { task(id: $id) { kind state done total url fileSize objectCount expiresAt } }";
            let task = self.ask(token, query, json!({"id": id})).await["task"].clone();
            if !["QUEUED", "RUNNING"].contains(&task["state"].as_str().unwrap_or_default()) {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a task does not end on {:?}", self.store().backend());
    }
    async fn export(&self, token: &str, customer: &Owner) -> Value {
        let id = public_id(&customer::ENTITY, customer.id());
        self.ask(
            token,
            "mutation ($i: ExportCreateInput!) { exportCreate(input: $i) { task { id } userErrors { message } } }",
            json!({"i": {"customerId": id}}),
        )
        .await["exportCreate"]
            .clone()
    }
    async fn erase(&self, token: &str, customer: Uuid, more: Value) -> Value {
        let mut input = json!({"customerId": public_id(&customer::ENTITY, customer), "reason": "CONSENT_WITHDRAWN"});
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let query = "mutation ($i: CustomerEraseInput!) { customerErase(input: $i) { task { id } userErrors { code field } } }";
        self.ask(token, query, json!({"i": input})).await["customerErase"].clone()
    }
}
async fn hubs() -> Vec<Hub> {
    let mut hubs = vec![];
    for url in harness::urls().await {
        hubs.push(Hub::over(&url).await);
    }
    hubs
}
async fn run(store: &Store, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
    store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
async fn number(store: &Store, sql: &str) -> i64 {
    store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Ada with a customer below her, and Bo, who is nobody's.
async fn three(store: &Store) -> [Owner; 3] {
    let acme = partner(store, "Acme").await;
    let [ada, kid, bo] =
        [canary::seed(store, "ada", acme.id).await, canary::seed(store, "kid", acme.id).await, canary::seed(store, "bo", acme.id).await];
    canary::hang(store, &kid, &ada).await;
    [ada, kid, bo]
}
/// A row of Ada's that is not for her eyes: a copy of one of hers with another word in it.
async fn hidden(store: &Store, ada: &Owner) {
    for (table, word, mark, set) in [
        ("ticket_notes", "body", "CNRY-hidden-note", "visibility = 'internal'"),
        ("messages", "body_text", "CNRY-hidden-draft", "state = 'draft'"),
        ("products", "name", "CNRY-hidden-product", "is_customer_visible = false"),
        ("bills", "bill_no", "CNRY-hidden-bill", "state = 'onHold'"),
    ] {
        let table = entities::exchange::table::table(table).unwrap();
        let id = entities::id::at(store.clock().now());
        let others: Vec<&str> = table.columns.iter().map(|c| c.name).filter(|c| !["id", "external_id", "rfc_message_id", word].contains(c)).collect();
        let list = others.join(", ");
        let sql = format!("insert into {0} (id, external_id, {word}, {list}) select $1, $2, $3, {list} from {0} where id = $4", table.name);
        run(store, &sql, [id.into(), id.to_string().into(), mark.into(), ada.rows[table.name].into()]).await;
        run(store, &format!("update {} set {set} where id = $1", table.name), [id.into()]).await;
    }
}

#[tokio::test]
async fn an_export_holds_all_that_a_customer_may_know_of_itself_and_nothing_else() {
    for hub in hubs().await {
        let [ada, kid, bo] = three(hub.store()).await;
        hidden(hub.store(), &ada).await;
        hub.begin();
        let (hers, his, agents) = (hub.token(Class::Customer, &[ada.id()]), hub.token(Class::Customer, &[bo.id()]), hub.token(Class::Agent, &[]));
        let id = hub.export(&hers, &ada).await["task"]["id"].as_str().unwrap().to_string();
        let task = hub.over_with(&hers, &id).await;
        assert_eq!((&task["kind"], &task["state"]), (&json!("EXPORT"), &json!("SUCCEEDED")));
        let url = task["url"].as_str().unwrap();
        let (status, headers, text) = hub.get(Some(&hers), url).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::CONTENT_DISPOSITION], format!("attachment; filename=\"{id}.ndjson\""));
        assert_eq!(
            (task["fileSize"].as_str(), task["objectCount"].as_str()),
            (Some(&*text.len().to_string()), Some(&*(text.lines().count() - 1).to_string()))
        );
        complete(&text, &ada);
        complete(&text, &kid);
        for foreign in [bo.mark(), "CNRY-hidden".into()] {
            assert!(!text.contains(&foreign), "{foreign} on {:?}", hub.store().backend());
        }

        // an agent gets the same for her, but for who asked and what came of it
        let again = hub.export(&agents, &ada).await["task"]["id"].as_str().unwrap().to_string();
        assert_ne!(again, id);
        let task = hub.over_with(&agents, &again).await;
        let (_, _, agents_text) = hub.get(Some(&agents), task["url"].as_str().unwrap()).await;
        let rows = |text: &str| -> BTreeSet<String> {
            text.lines()
                .filter(|l| !l.contains(r#""type":"task""#) && !l.contains(r#""type":"audit_event""#) && !l.contains(r#""type":"privacy_request""#))
                .map(String::from)
                .collect()
        };
        let (mine, theirs) = (rows(&text), rows(&agents_text));
        assert_eq!(mine.symmetric_difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new());

        // nobody else fetches it, and none of them learns that it is there
        let nothing = hub.get(Some(&his), "/exports/tsk_00000000000070008000000000000000").await;
        assert_eq!(nothing.0, StatusCode::NOT_FOUND);
        assert_eq!(hub.get(Some(&his), url).await.2, nothing.2);
        assert_eq!(hub.get(None, url).await.2, nothing.2);
        assert_eq!(hub.get(Some("Bearer x"), url).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(
            hub.ask(&his, "query ($id: ID!) { task(id: $id) { state } node(id: $id) { id } }", json!({"id": id})).await,
            json!({"task": null, "node": null})
        );
        let refused = hub.export(&his, &ada).await;
        assert_eq!(refused["task"], Value::Null);

        // when its time is over it is not fetched any more, and goes
        run(hub.store(), "update tasks set expires_at = $1", [hub.store().clock().now().into()]).await;
        assert_eq!(hub.get(Some(&hers), url).await.2, nothing.2);
        api::exports::sweep(&hub.app).await.unwrap();
        assert_eq!(std::fs::read_dir(hub.folder.join("exports")).unwrap().count(), 0);
        assert_eq!(hub.over_with(&hers, &id).await["url"], Value::Null);
        hub.app.lifecycle.stop();
    }
}
/// Every canary of an owner stands in the text, but those that are declared to be withheld.
fn complete(text: &str, owner: &Owner) {
    let (mut missing, mut leaked, mut found) = (vec![], vec![], 0);
    for holding in HOLDINGS {
        let table = holding.table().unwrap();
        for column in table.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Text | ColumnKind::Json)) {
            let canary = owner.canary(holding.table, column.name);
            let seeded = column.texts.is_empty()
                && holding.keeps(column.name).is_none()
                && !["source_system", "entity_type", "client_id"].contains(&column.name);
            let told = text.contains(&format!("{canary}\"")) || text.contains(&format!("{canary} "));
            match (seeded && table.name != "changes", holding.withholds(column.name).is_some()) {
                (true, true) if told => leaked.push(canary),
                (true, false) if !told => missing.push(canary),
                (true, false) => found += 1,
                _ => {}
            }
        }
    }
    assert!(missing.is_empty() && leaked.is_empty() && found > 70, "{found} found; missing: {missing:#?}; leaked: {leaked:#?}");
}

/// Files below a folder that hold some bytes, and how often.
fn bytes_in(folder: &Path, wanted: &dyn Fn(&Path) -> bool, needle: &str) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += bytes_in(&path, wanted, needle);
        } else if wanted(&path) {
            let bytes = std::fs::read(&path).unwrap_or_default();
            count += aho(&bytes, needle);
        }
    }
    count
}
fn aho(bytes: &[u8], needle: &str) -> usize {
    bytes.windows(needle.len()).filter(|w| *w == needle.as_bytes()).count()
}
/// How often some bytes stand in the database's files, in the index and in the exports.
async fn bytes(hub: &Hub, needle: &str) -> [usize; 3] {
    let database = match hub.store().backend() {
        DbBackend::Sqlite => {
            let file = hub.app.config().database.file().unwrap();
            let stem = file.file_name().unwrap().to_string_lossy().to_string();
            bytes_in(
                file.parent().unwrap(),
                &|p| {
                    p.file_name()
                        .is_some_and(|n| [stem.clone(), format!("{stem}-wal"), format!("{stem}-shm")].contains(&n.to_string_lossy().to_string()))
                },
                needle,
            )
        }
        _ => {
            run(hub.store(), "checkpoint", []).await;
            bytes_in(&postgres(hub).await, &|_| true, needle)
        }
    };
    let folder = |name: &str, needle: &str| bytes_in(&hub.folder.join(name), &|_| true, needle);
    // its compression writes what stands in all canaries once: what comes after that is looked for
    let rest = needle.trim_start_matches("CNRY-");
    let rests = if ["ada-", "kid-", "bo-"].contains(&rest) {
        ["parties", "products", "tickets"].map(|t| format!("{rest}{t}")).to_vec()
    } else {
        vec![rest.into()]
    };
    [database, rests.iter().map(|r| folder("index", r)).sum(), folder("exports", needle)]
}
/// The folder of this one database.
async fn postgres(hub: &Hub) -> PathBuf {
    let sql = "select current_setting('data_directory') || '/base/' || oid from pg_database where datname = current_database()";
    let row = hub.store().reader().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    row.try_get_by_index::<String>(0).unwrap().into()
}

#[tokio::test]
async fn nothing_of_an_erased_customer_is_left_in_any_file_and_all_of_the_others_is() {
    for hub in hubs().await {
        let store = hub.store();
        let [ada, kid, bo] = three(store).await;
        hidden(store, &ada).await;
        hub.begin();
        let (hers, agents) = (hub.token(Class::Customer, &[ada.id()]), hub.token(Class::Agent, &[]));
        used(&hub, &hers, &ada).await;
        let mut before = vec![];
        export::export(store, &Scope::hub(store.clock().now()), &Default::default(), &mut before, |_| {}).await.unwrap();
        let export = hub.export(&hers, &ada).await["task"]["id"].as_str().unwrap().to_string();
        let url = hub.over_with(&hers, &export).await["url"].as_str().unwrap().to_string();
        let bos = canary::columns_with(store, &bo.mark()).await;
        hub.app.index.rebuild(&|_, _| {}).await.unwrap();
        let [database, index, exports] = bytes(&hub, &ada.mark()).await;
        assert!(database > 50 && index > 0 && exports > 50, "there was something to erase: {database} {index} {exports}");
        let sums = "select cast(sum(tax_included_minor) + sum(amount_due_minor) as bigint) from bills";
        let lines = "select cast(sum(tax_excluded_minor) + sum(tax_minor) as bigint) from bill_lines";
        let (sum, line_sum) = (number(store, sums).await, number(store, lines).await);

        // she asks for it, an agent does it; unpaid bills want a second word
        let asked = hub
            .ask(
                &hers,
                "mutation ($i: PrivacyRequestCreateInput!) { privacyRequestCreate(input: $i) { privacyRequest { kind state dueOn } userErrors { message } } }",
                json!({"i": {"customerId": public_id(&customer::ENTITY, ada.id()), "kind": "ERASURE"}}),
            )
            .await;
        assert_eq!(asked["privacyRequestCreate"]["privacyRequest"]["state"], "RECEIVED");
        run(store, "update bills set remaining_minor = 100 where customer_id = $1 and state = 'sent'", [kid.id().into()]).await;
        let refused = hub.erase(&agents, ada.id(), json!({})).await;
        assert_eq!(refused, json!({"task": null, "userErrors": [{"code": "INVALID_TRANSITION", "field": ["evenThoughOwing"]}]}));
        let done = hub.erase(&agents, ada.id(), json!({"evenThoughOwing": true})).await;
        let task = hub.over_with(&agents, done["task"]["id"].as_str().unwrap()).await;
        assert_eq!((&task["kind"], &task["state"]), (&json!("ERASE"), &json!("SUCCEEDED")), "on {:?}", store.backend());

        let nothing: Vec<String> = vec![];
        for mark in [ada.mark(), kid.mark(), "CNRY-hidden".into(), "CNRY-said".into()] {
            // the number of a bill stays
            let left: Vec<_> = canary::columns_with(store, &mark).await.into_iter().filter(|c| c != "bills.bill_no").collect();
            assert_eq!(left, nothing, "{mark} on {:?}", store.backend());
            let kept = if mark == "CNRY-hidden" { "CNRY-hidden-note" } else { &mark };
            assert_eq!(bytes(&hub, kept).await, [0, 0, 0], "{kept} on {:?}", store.backend());
        }
        assert_eq!(canary::columns_with(store, &bo.mark()).await, bos, "others keep what is theirs");
        assert_eq!((number(store, sums).await, number(store, lines).await), (sum, line_sum));
        assert_eq!(hub.get(Some(&hers), &url).await.0, StatusCode::NOT_FOUND);

        let query = "query ($id: ID!) { customer(id: $id) { displayName status erasedAt privacyRequests { kind state completedAt } } }";
        let shown = hub.ask(&agents, query, json!({"id": public_id(&customer::ENTITY, ada.id())})).await["customer"].clone();
        assert!(shown["displayName"].as_str().unwrap().starts_with("Erased ") && shown["erasedAt"].is_string());
        assert_eq!(shown["status"], "CLOSED");
        assert_eq!(shown["privacyRequests"][0]["state"], "COMPLETED");

        // done again, it changes nothing; and the source's rows do not bring her back
        entities::privacy::erasure::rows(store, ada.id()).await.unwrap();
        let lines = String::from_utf8(before).unwrap();
        let restore = Export::new("hub.ndjson", move || Ok(Box::new(Cursor::new(lines.clone().into_bytes()))));
        let batch = ndjson::restore(store, &harness::agent(), &restore, false, |_| {}).await.unwrap();
        assert!(batch.counts.rejected > 10, "{:?}", batch.counts);
        let told = "select count(*) from import_row_errors where code = 'erased' and raw = ''";
        assert!(number(store, told).await > 10);
        for mark in [ada.mark(), kid.mark()] {
            let left: Vec<_> = canary::columns_with(store, &mark).await;
            assert_eq!(left, nothing, "{mark} after an import on {:?}", store.backend());
        }
        hub.app.lifecycle.stop();
    }
}
/// She talks to the bot, opens a ticket, gives feedback and searches; each word is a canary.
async fn used(hub: &Hub, hers: &str, ada: &Owner) {
    let asked = hub
        .ask(
            hers,
            "mutation ($i: AskInput!) { ask(input: $i) { answer { id } userErrors { message } } }",
            json!({"i": {"question": "CNRY-said-question: why is my bill higher?", "idempotencyKey": "CNRY-said-key-1"}}),
        )
        .await;
    let opened = "mutation ($i: TicketOpenInput!) { ticketOpen(input: $i) { ticket { id } userErrors { message } } }";
    let ticket = json!({"customerId": public_id(&customer::ENTITY, ada.id()), "kind": "INCIDENT", "name": "CNRY-said-ticket", "description": "CNRY-said-description", "idempotencyKey": "CNRY-said-key-2"});
    let ticket = hub.ask(hers, opened, json!({"i": ticket})).await["ticketOpen"]["ticket"]["id"].clone();
    let reply = "mutation ($i: TicketReplyInput!) { ticketReply(input: $i) { ticket { id } userErrors { message } } }";
    hub.ask(hers, reply, json!({"i": {"ticketId": ticket, "body": "CNRY-said-reply"}})).await;
    let feedback = "mutation ($i: FeedbackSubmitInput!) { feedbackSubmit(input: $i) { isAccepted } }";
    let answer = &asked["ask"]["answer"]["id"];
    hub.ask(hers, feedback, json!({"i": {"answerId": answer, "isHelpful": false, "comment": "CNRY-said-comment"}})).await;
    hub.ask(hers, "query ($q: String!) { search(query: $q) { nodes { __typename } } }", json!({"q": "CNRY-said-search"})).await;
}

#[tokio::test]
async fn the_seals_of_the_audit_log_hold_after_an_erasure_and_show_every_other_change() {
    use audit_event::seal::verify;
    for store in harness::stores().await {
        let (ada, bo) = (harness::customer(&store, "Ada").await, harness::customer(&store, "Bo").await);
        for c in [&ada, &bo, &ada] {
            let scope = Scope { request_id: Some("request-1".into()), ..harness::customer_of(c.id) };
            harness::act(&store, &scope, async |w| {
                entities::privacy::privacy_request::create(w, c.id, entities::privacy::privacy_request::Kind::Access).await
            })
            .await
            .unwrap();
        }
        let before = verify(&store).await.unwrap();
        assert_eq!((before.broken, before.erased), (None, 0));
        assert!(before.rows >= 2);
        entities::privacy::erasure::rows(&store, ada.id).await.unwrap();
        let after = verify(&store).await.unwrap();
        assert_eq!(after.broken, None, "{after:?} on {:?}", store.backend());
        assert!(after.erased >= 1 && after.rows > before.rows);
        for change in [
            "update audit_events set actor_subject = 'somebody' where position = 2",
            "update audit_events set fields = '[]' where position = 1",
            "update audit_events set reason = 'none', salt = 'x' where position = 2",
            "delete from audit_events where position = 2",
        ] {
            let tx = sea_orm::TransactionTrait::begin(store.writer()).await.unwrap();
            tx.execute_unprepared(change).await.unwrap();
            tx.commit().await.unwrap();
            assert!(verify(&store).await.unwrap().broken.is_some(), "{change} on {:?}", store.backend());
            if change.starts_with("update audit_events set actor") {
                run(&store, "update audit_events set actor_subject = 'customer-1' where position = 2", []).await;
                assert_eq!(verify(&store).await.unwrap().broken, None);
            }
        }
    }
}

#[tokio::test]
async fn a_task_that_a_node_left_is_done_by_another() {
    use task::queue::{self, LEASE};
    for store in harness::stores().await {
        let ada = harness::customer(&store, "Ada").await;
        let asked = harness::act(&store, &harness::agent(), async |w| entities::privacy::access::ask(w, ada.id).await).await.unwrap();
        let taken = queue::take(&store, "one").await.unwrap().expect("there is one");
        assert_eq!(taken.id, asked);
        assert!(queue::take(&store, "two").await.unwrap().is_none(), "one holds it");
        store.clock().set(harness::now() + LEASE);
        assert!(queue::hold(&store, asked, "one").await.unwrap());
        store.clock().set(harness::now() + LEASE * 2 + chrono::TimeDelta::seconds(1));
        assert_eq!(queue::take(&store, "two").await.unwrap().map(|t| t.id), Some(asked));
        assert!(!queue::hold(&store, asked, "one").await.unwrap());
        let file = queue::File { rows: 1, bytes: 1, expires_at: store.clock().now() };
        assert!(!queue::finish(&store, &taken, "one", Ok(Some(file))).await.unwrap(), "it is another's by now");
        assert!(queue::finish(&store, &taken, "two", Ok(Some(file))).await.unwrap());
        assert!(queue::take(&store, "one").await.unwrap().is_none());

        // whoever stops gives it back at once
        let asked = harness::act(&store, &harness::agent(), async |w| entities::privacy::access::ask(w, ada.id).await).await.unwrap();
        queue::take(&store, "one").await.unwrap().expect("there is one");
        queue::release(&store, asked, "one").await.unwrap();
        assert_eq!(queue::take(&store, "two").await.unwrap().map(|t| t.id), Some(asked));
    }
}
