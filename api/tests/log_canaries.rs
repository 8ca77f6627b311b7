//! What the program writes about its work holds nothing of the people in its data: a hub over canaries is used in every
//! way, and what it wrote is searched for them.
use api::{
    auth::{
        key::{self, Keys},
        token::{Class, Order, Tokens},
    },
    config::Config,
};
use entities::{Store, clock::Clock, migrations::Migrator, party::customer, store::public_id};
use sea_orm::{ConnectionTrait, Statement, prelude::Uuid};
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

#[path = "../../tests/harness/canary.rs"]
#[allow(dead_code, reason = "shared with the tests of the workspace")]
mod canary;

struct Program {
    child: Child,
    address: SocketAddr,
}
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
const LEVEL: &str = "info,api=debug,schema=debug,bot=debug,search_index=debug,entities=debug,switchboard=debug";

fn command(folder: &Path, said: &str) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let file = |kind: &str| File::options().create(true).append(true).open(folder.join(format!("{said}.{kind}"))).unwrap();
    c.current_dir(folder).env("SWITCHBOARD_LOG__LEVEL", LEVEL).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
    c
}
fn serve(folder: &Path) -> Program {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = command(folder, "serve").args(["serve", "--address", &address.to_string()]).spawn().unwrap();
    let program = Program { child, address };
    for _ in 0..600 {
        if TcpStream::connect(address).is_ok() {
            return program;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the hub does not start: {}", std::fs::read_to_string(folder.join("serve.err")).unwrap_or_default());
}
impl Program {
    /// One request; the answer's head and body.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into()
    }
    fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let who = if token.is_empty() { "x-session: CNRY-session-0123456789\r\n".into() } else { format!("authorization: Bearer {token}\r\n") };
        let answer = self.send(
            "POST",
            "/graphql",
            &format!("content-type: application/json\r\n{who}"),
            &json!({"query": query, "variables": variables}).to_string(),
        );
        let body = answer.split_once("\r\n\r\n").map_or("", |a| a.1);
        let (start, end) = (body.find('{').unwrap_or(0), body.rfind('}').map_or(0, |e| e + 1));
        serde_json::from_str(body.get(start..end).unwrap_or("")).unwrap_or(Value::Null)
    }
}

async fn store(folder: &Path) -> Store {
    let store = Store::open(&format!("sqlite://{}", folder.join("switchboard.db").display()), 2, Clock::system()).await.unwrap();
    Migrator::up(store.writer(), None).await.unwrap();
    store
}
/// A partner, by hand.
async fn partner(store: &Store) -> Uuid {
    let id = entities::id::at(store.clock().now());
    let run = |sql: &str| {
        let sql = sql.replace("{base}", "id, created_at, updated_at, source_system, external_id").replace("{own}", "$1, $2, $2, 'hub', 'p'");
        store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), sql, [id.into(), store.clock().now().into()]))
    };
    run("insert into parties ({base}, kind, display_name, status) values ({own}, 'organization', 'Acme', 'validated')").await.unwrap();
    run("insert into partners ({base}, party_id, code, kind, brand_name, share_level, status) values ({own}, $1, 'A', 'reseller', 'Acme', 'full', 'active')").await.unwrap();
    id
}

const WHOLE: &str = "{ nodes { id customerNo displayName party { displayName givenName familyName } contactMedia { value } tickets { nodes { name description } }
    bills { nodes { number } } conversations { nodes { subject } } products { nodes { name } } accessLog { nodes { action } } consentHistory { nodes { evidence } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_metrics_hold_nothing_of_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_path_buf();
    std::fs::write(home.join("switchboard.toml"), "[log]\nformat = 'json'\n").unwrap();
    let store = store(&home).await;
    let acme = partner(&store).await;
    let (ada, bo) = (canary::seed(&store, "ada", acme).await, canary::seed(&store, "bo", acme).await);
    key::generate(&home.join("keys"), key::Kind::EdDsa).unwrap();
    let tokens = Tokens::new(Keys::load(&home.join("keys")).unwrap(), &Config::default().auth);
    let token = |class, customers: &[Uuid], partner: Option<String>| {
        let customers: Vec<_> = customers.iter().map(|c| public_id(&customer::ENTITY, *c)).collect();
        let subject = if customers.is_empty() { "CNRY-subject@example.org".into() } else { ada.login() };
        let order = Order { class, subject, customers, partner, ttl_s: 600, ..Default::default() };
        tokens.mint(order, store.clock().now()).unwrap().0
    };
    let (hers, agents) = (token(Class::Customer, &[ada.id()], None), token(Class::Agent, &[], None));
    let partners = token(Class::Partner, &[], Some(public_id(&entities::party::partner::ENTITY, acme)));
    let late =
        tokens.mint(Order { class: Class::Agent, subject: "CNRY-late".into(), ttl_s: -60, ..Default::default() }, store.clock().now()).unwrap().0;
    let id = public_id(&customer::ENTITY, ada.id());

    let hub = serve(&home);
    // asked well, by everybody
    for who in [&hers, &agents, &partners, ""] {
        hub.ask(who, &format!("{{ customers(first: 9) {WHOLE} }}"), json!({}));
        hub.ask(who, "query ($id: ID!) { customer(id: $id) { displayName } node(id: $id) { id } viewer { subject } }", json!({"id": id}));
        hub.ask(
            who,
            "query ($q: String!) { search(query: $q) { nodes { __typename } } suggestAnswers(text: $q) { __typename } }",
            json!({"q": "CNRY-ada-parties-display_name"}),
        );
        hub.ask(
            who,
            "mutation ($i: AskInput!) { ask(input: $i) { answer { id } } }",
            json!({"i": {"question": "CNRY-question why is my bill higher?", "idempotencyKey": "CNRY-key"}}),
        );
        let open = json!({"i": {"customerId": id, "kind": "INCIDENT", "name": "CNRY-name", "description": "CNRY-description"}});
        hub.ask(who, "mutation ($i: TicketOpenInput!) { ticketOpen(input: $i) { ticket { id } userErrors { message } } }", open);
        let update = json!({"i": {"customerId": id, "expectedVersion": 1, "displayName": "CNRY-new-name"}});
        hub.ask(who, "mutation ($i: CustomerUpdateInput!) { customerUpdate(input: $i) { userErrors { message } } }", update);
        let consent =
            json!({"i": {"customerId": id, "purpose": "RESEARCH", "state": "GRANTED", "channel": "CNRY-channel", "textVersion": "CNRY-version"}});
        hub.ask(who, "mutation ($i: ConsentSetInput!) { consentSet(input: $i) { userErrors { message } } }", consent);
        // and badly
        hub.ask(who, "{ CNRYfield(CNRYarg: \"CNRY-value\") }", json!({"x": "CNRY-variable"}));
        hub.ask(who, "query ($id: ID!) { customer(id: $id) { id } }", json!({"id": {"CNRY": "CNRY"}}));
        hub.ask(who, "{ customer(id: \"CNRY-ID\\u0000\") { id } search(query: \"CNRY\\u0000 \\\" ( ) * ~\") { nodes { __typename } } }", json!({}));
        hub.ask(who, "{ CNRY", json!({}));
        hub.ask(who, "{ customers(first: 9, after: \"CNRY-cursor\") { nodes { id } } }", json!({}));
    }
    for bad in ["CNRY.CNRY.CNRY", late.as_str(), &hers[..hers.len() - 4], "CNRY"] {
        hub.ask(bad, "{ __typename }", json!({}));
    }
    for (method, path) in [
        ("GET", "/CNRY-path?CNRY=CNRY"),
        ("CNRY", "/graphql"),
        ("GET", "/exports/CNRY-x"),
        ("GET", "/graphql?query=%7BCNRY"),
        ("PUT", "/graphql?CNRY"),
    ] {
        hub.send(method, path, &format!("authorization: Bearer {hers}\r\n"), "CNRY-body");
    }
    hub.send("POST", "/graphql", "content-type: application/json\r\n", "{\"CNRY");
    hub.send("POST", "/graphql", "content-type: CNRY/CNRY\r\naccept: CNRY/CNRY\r\norigin: https://cnry.CNRY\r\n", "CNRY");

    // an export is made and fetched, a customer erased
    let over = |id: &Value| {
        for _ in 0..300 {
            let task = hub.ask(&agents, "query ($id: ID!) { task(id: $id) { state url } }", json!({"id": id}))["data"]["task"].clone();
            if ["SUCCEEDED", "FAILED"].contains(&task["state"].as_str().unwrap_or_default()) {
                return task;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("a task does not end");
    };
    let made = hub.ask(&hers, "mutation ($i: ExportCreateInput!) { exportCreate(input: $i) { task { id } } }", json!({"i": {"customerId": id}}));
    let task = over(&made["data"]["exportCreate"]["task"]["id"]);
    let fetched = hub.send("GET", task["url"].as_str().unwrap(), &format!("authorization: Bearer {hers}\r\n"), "");
    assert!(fetched.contains("CNRY-ada-tickets-name"), "the data does hold them");
    let erase = json!({"i": {"customerId": public_id(&customer::ENTITY, bo.id()), "reason": "OBJECTED", "evenThoughOwing": true}});
    let made = hub.ask(&agents, "mutation ($i: CustomerEraseInput!) { customerErase(input: $i) { task { id } } }", erase);
    assert_eq!(over(&made["data"]["customerErase"]["task"]["id"])["state"], "SUCCEEDED");
    let metrics = hub.send("GET", "/metrics", "", "");
    assert!(metrics.contains("switchboard_requests_total"));
    drop(hub);

    // a file with rows that are not taken
    let lines = [
        r#"{"type":"switchboard_export","version":1}"#,
        r#"{"type":"party","source_system":"crm","external_id":"CNRY-new-1","kind":"CNRY-kind","display_name":"CNRY-imported","locale":"en","status":"validated","attrs":{}}"#,
        r#"{"type":"customer","source_system":"crm","external_id":"CNRY-new-2","party_id":{"source_system":"crm","external_id":"CNRY-nobody"},"customer_no":"CNRY-no","kind":"consumer","status":"active","household":{},"protected":false}"#,
        r#"{"type":"party","source_system":"crm","external_id":"CNRY-new-3","kind":"individual","display_name":"CNRY-broken"#,
    ];
    std::fs::write(home.join("rows.ndjson"), lines.join("\n")).unwrap();
    let ended = command(&home, "import").args(["import", "rows.ndjson"]).status().unwrap();
    let report = std::fs::read_to_string(home.join("import.out")).unwrap();
    assert!(!report.is_empty() || !ended.success(), "the import ran");

    let log = std::fs::read_to_string(home.join("serve.err")).unwrap();
    assert!(log.matches("\"answered\"").count() > 60 && log.contains("a task ended"), "the log was heard:\n{log}");
    let secrets = [&hers, &agents, &partners, &late].map(|t| t.rsplit('.').next().unwrap_or_default().to_string());
    let mut found = vec![];
    for name in ["serve.err", "serve.out", "import.err"] {
        let text = std::fs::read_to_string(home.join(name)).unwrap();
        let tells = |line: &&str| line.to_uppercase().contains("CNRY") || secrets.iter().any(|s| line.contains(s.as_str()));
        found.extend(text.lines().filter(tells).map(|line| format!("{name}: {line}")));
    }
    found.extend(metrics.lines().filter(|l| l.to_uppercase().contains("CNRY")).map(|l| format!("metrics: {l}")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
