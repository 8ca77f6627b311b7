//! Rows whose every text names its owner: `CNRY-ada-tickets-name`. Whatever shows up somewhere tells whose it is. Made from
//! the tables as the migrations have them, so that a new table is not forgotten.
use entities::{
    Store,
    clock::Clock,
    exchange::table::{self, Column, ColumnKind, Table},
    id,
    privacy::holding::{Fate, HOLDINGS, Holding},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value, prelude::Uuid};
use std::collections::BTreeMap;

/// A customer of canaries, and the row of each table.
pub struct Owner {
    pub name: String,
    pub rows: BTreeMap<&'static str, Uuid>,
}
impl Owner {
    pub fn id(&self) -> Uuid {
        self.rows["customers"]
    }
    /// The subject of its login at the hub's own issuer.
    pub fn login(&self) -> String {
        format!("login-{}", entities::store::public_id(&entities::party::customer::ENTITY, self.id()))
    }
    /// The start of its canaries.
    pub fn mark(&self) -> String {
        format!("CNRY-{}-", self.name)
    }
    pub fn canary(&self, table: &str, column: &str) -> String {
        format!("{}{table}-{column}", self.mark())
    }
}

/// Enum values with which rows are in the sight of their customer.
const SHOWN: &[(&str, &str, &str)] = &[
    ("bills", "state", "sent"),
    ("messages", "state", "sent"),
    ("ticket_notes", "visibility", "public"),
    ("customers", "status", "active"),
    ("tasks", "state", "failed"),
    ("audit_events", "actor_audience", "customer"),
    ("audit_events", "action", "update"),
];
/// No person's: without them nothing works.
const NOT_SEEDED: &[&str] = &["changes"];

/// One row in every table that holds something of a customer.
pub async fn seed(store: &Store, name: &str, partner: Uuid) -> Owner {
    let mut owner = Owner { name: name.into(), rows: BTreeMap::new() };
    let held: Vec<&Table> = table::catalogue().iter().filter(|t| HOLDINGS.iter().any(|h| h.table == t.name)).collect();
    for table in &held {
        owner.rows.insert(table.name, id::at(store.clock().now()));
    }
    owner.rows.insert("partners", partner);
    let mut waiting: Vec<&Table> = held.into_iter().filter(|t| !NOT_SEEDED.contains(&t.name)).collect();
    while !waiting.is_empty() {
        // a table comes when all that it points to are there
        let names: Vec<&str> = waiting.iter().map(|t| t.name).collect();
        let waits = |t: &Table| t.columns.iter().any(|c| c.references.is_some_and(|r| r != t.name && names.contains(&r) && !is_left_open(c)));
        let (later, now): (Vec<&Table>, Vec<&Table>) = waiting.iter().partition(|t| waits(t));
        assert!(!now.is_empty(), "tables point to each other: {names:?}");
        for table in now {
            let holding = HOLDINGS.iter().find(|h| h.table == table.name).expect("held");
            insert(store, &owner, table, holding).await;
        }
        waiting = later;
    }
    // the account owner's own login: whoever is not named does not get in
    let sql = "insert into identities (id, created_at, updated_at, issuer, subject, party_id, audience) values ($1, $2, $2, 'switchboard', $3, $4, 'customer')";
    let now = store.clock().now();
    let values: [Value; 4] = [id::at(now).into(), now.into(), owner.login().into(), owner.rows["parties"].into()];
    store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await.expect("a login");
    owner
}
/// Hangs one below another.
pub async fn hang(store: &Store, below: &Owner, above: &Owner) {
    let run = |sql: &str| store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), sql, [below.id().into(), above.id().into()]));
    run("update customers set parent_id = $2 where id = $1").await.expect("hang");
    run("insert into customer_closure (descendant_id, ancestor_id, depth) values ($1, $2, 1)").await.expect("close");
}

async fn insert(store: &Store, owner: &Owner, table: &Table, holding: &Holding) {
    let columns: Vec<&Column> = table.columns.iter().collect();
    let values: Vec<Value> = columns.iter().map(|c| value(owner, table, holding, c, store.clock())).collect();
    let places: Vec<String> = (1..=columns.len()).map(|i| format!("${i}")).collect();
    let names: Vec<&str> = columns.iter().map(|c| c.name).collect();
    let sql = format!("insert into {} ({}) values ({})", table.name, names.join(", "), places.join(", "));
    let done = store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), &sql, values)).await;
    done.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
fn value(owner: &Owner, table: &Table, holding: &Holding, column: &Column, clock: &Clock) -> Value {
    let shown = SHOWN.iter().find(|s| s.0 == table.name && s.1 == column.name).map(|s| s.2);
    let canary = || {
        // such rows are found by their words
        let sought = matches!(holding.fate, Fate::Sought(_)) && table.name != "idempotency_keys";
        let name = if sought { format!(" of {}", owner.canary("customers", "customer_no")) } else { String::new() };
        owner.canary(table.name, column.name) + &name
    };
    match (column.kind, column.name) {
        (ColumnKind::Uuid, "id") => owner.rows[table.name].into(),
        (ColumnKind::Uuid, "customer_id" | "entity_id") => owner.id().into(),
        (ColumnKind::Uuid, "import_batch_id") => owner.rows["import_batches"].into(),
        (ColumnKind::Uuid, _) => match column.references.filter(|r| *r != table.name).and_then(|r| owner.rows.get(r)) {
            Some(id) if !is_left_open(column) => (*id).into(),
            _ => Value::Uuid(None),
        },
        (ColumnKind::Text, "entity_type") => "Customer".into(),
        (ColumnKind::Text, "source_system") => "crm".into(),
        (ColumnKind::Text, "client_id") => format!("customer|{}|", owner.canary("identities", "subject")).into(),
        (ColumnKind::Text, name) if holding.keeps(name).is_some() => format!("kept-{}", owner.rows[table.name]).into(),
        (ColumnKind::Text, _) => shown.or(column.texts.first().copied()).map_or_else(canary, String::from).into(),
        (ColumnKind::Currency, _) => "EUR".into(),
        (ColumnKind::Int, "position") => {
            (1_000_000_000 + i64::from(u16::from_be_bytes([owner.rows[table.name].as_bytes()[6] & 15, owner.rows[table.name].as_bytes()[7]]))).into()
        }
        (ColumnKind::Int, "depth" | "remaining_minor") if column.narrow => 0.into(),
        (ColumnKind::Int, "depth" | "remaining_minor") => 0i64.into(),
        (ColumnKind::Int, _) if column.narrow => 1.into(),
        (ColumnKind::Int, _) => 7i64.into(),
        (ColumnKind::Bool, name) => (name == "is_customer_visible" || name == "preferred").into(),
        (ColumnKind::Date, _) if column.nullable => Value::ChronoDate(None),
        (ColumnKind::Date, _) => clock.now().date_naive().into(),
        (ColumnKind::Instant, _) if column.nullable => Value::ChronoDateTimeUtc(None),
        (ColumnKind::Instant, _) => clock.now().into(),
        (ColumnKind::Json, name) if holding.keeps(name).is_some() => serde_json::json!([]).into(),
        (ColumnKind::Json, _) => serde_json::json!({"said": canary()}).into(),
    }
}

/// References that would go round in a circle, or make a row somebody else's too.
fn is_left_open(column: &Column) -> bool {
    column.nullable && ["task_id", "partner_id"].contains(&column.name)
}

/// The columns of all tables in which a text stands, as the database itself has them.
pub async fn columns_with(store: &Store, text: &str) -> Vec<String> {
    let sql = match store.backend() {
        DbBackend::Sqlite => "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'",
        _ => "select table_name::text, column_name::text from information_schema.columns where table_schema = 'public'",
    };
    let mut found = vec![];
    for row in store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.expect("the columns") {
        let (table, column): (String, String) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        let sql = format!("select count(*) from {table} where cast({column} as text) like $1");
        let count = store.reader().query_one_raw(Statement::from_sql_and_values(store.backend(), &sql, [format!("%{text}%").into()])).await;
        let count: i64 = count.unwrap_or_else(|e| panic!("{sql}: {e}")).expect("a count").try_get_by_index(0).unwrap();
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found.sort();
    found
}
