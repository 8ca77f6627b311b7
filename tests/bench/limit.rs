//! The limit: what somebody would write by hand for these two questions and nothing else. One prepared statement that
//! gathers the answer as JSON, whose text goes out as it is; no GraphQL, no tokens, no row rules beyond those that the
//! answer needs. A process of its own, so that its CPU time and memory are its own.
use crate::{
    Result,
    cpu::Meter,
    ground::{Data, Ground, free_address},
    load::{self, Target},
    process::Process,
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use sea_orm::sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use serde::Deserialize;
use std::{net::SocketAddr, process::Command, time::Duration};
use tokio::net::TcpListener;
use uuid::Uuid;

/// The first argument by which the benchmark starts itself as the limit.
pub const ARGUMENT: &str = "limit";

/// The limit, running.
pub struct Limit {
    process: Process,
    address: SocketAddr,
    database: Option<u32>,
}
impl Limit {
    pub async fn start(ground: &Ground, data: &Data) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([ARGUMENT, &data.url, &address.to_string()]);
        let mut process = ground.group.start(&format!("limit-{}", address.port()), &mut command)?;
        load::until(Duration::from_secs(30), || process.check(), || load::is_ok(address, "/livez")).await?;
        Ok(Limit { process, address, database: ground.postmaster(data.database) })
    }
    /// `/one` or `/list`.
    pub fn target(&self, path: &'static str) -> Target {
        Target { address: self.address, path }
    }
    pub fn meter(&self) -> Meter {
        Meter { server: self.process.id(), database: self.database }
    }
}

#[derive(Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}
/// Which customer, or behind which.
#[derive(Deserialize)]
struct Asked {
    id: Uuid,
}

/// Runs until it is ended: `limit URL ADDRESS`.
pub fn main(arguments: &[String]) -> Result<()> {
    let [url, address] = arguments else { return Err("usage: limit URL ADDRESS".into()) };
    tokio::runtime::Runtime::new()?.block_on(serve(url, address))
}
async fn serve(url: &str, address: &str) -> Result<()> {
    let pool = open(url).await?;
    let routes = Router::new().route("/one", post(one)).route("/list", post(list)).route("/livez", get(async || "ok")).with_state(pool);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}
/// As many connections as the hub has for reading.
async fn open(url: &str) -> Result<Pool> {
    let hubs = api::config::Database { url: url.into(), ..Default::default() }.connections(api::app::cores());
    if url.starts_with("postgres:") {
        let pool = PgPoolOptions::new().max_connections(hubs).min_connections(hubs).test_before_acquire(false).connect(url).await?;
        return Ok(Pool::Postgres(pool));
    }
    let options = url.parse::<SqliteConnectOptions>()?.journal_mode(SqliteJournalMode::Wal).pragma("temp_store", "MEMORY");
    Ok(Pool::Sqlite(SqlitePoolOptions::new().max_connections(hubs).min_connections(hubs).test_before_acquire(false).connect_with(options).await?))
}

async fn one(State(pool): State<Pool>, Json(asked): Json<Asked>) -> Response {
    answer(&pool, ONE, asked.id).await
}
async fn list(State(pool): State<Pool>, Json(asked): Json<Asked>) -> Response {
    answer(&pool, LIST, asked.id).await
}
async fn answer(pool: &Pool, sql: Both, id: Uuid) -> Response {
    use sea_orm::sqlx::query_scalar;
    let text: std::result::Result<String, _> = match pool {
        Pool::Postgres(pool) => query_scalar(sql.postgres).bind(id).fetch_one(pool).await,
        Pool::Sqlite(pool) => query_scalar(sql.sqlite).bind(id).fetch_one(pool).await,
    };
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// The same statement in the words of either database.
#[derive(Clone, Copy)]
struct Both {
    postgres: &'static str,
    sqlite: &'static str,
}

/// What is told of a customer `c` and its party `p`.
macro_rules! postgres_customer {
    () => {
        "json_build_object(
          'customerNo', c.customer_no,
          'displayName', p.display_name,
          'billingAccounts', coalesce((
            select json_agg(json_build_object(
              'accountNo', a.account_no,
              'balance', json_build_object('amount', (a.balance_minor / 100.0)::numeric(18, 2)::text, 'currency', a.currency),
              'bills', json_build_object('nodes', coalesce((
                select json_agg(json_build_object(
                  'amountDue', json_build_object('amount', (b.amount_due_minor / 100.0)::numeric(18, 2)::text, 'currency', b.currency),
                  'dueDate', b.due_on))
                from (select amount_due_minor, currency, due_on from bills where billing_account_id = a.id order by bill_on desc, id desc limit 6) b), '[]'))))
            from (select id, account_no, balance_minor, currency from billing_accounts where customer_id = c.id order by id limit 20) a), '[]'),
          'products', json_build_object('nodes', coalesce((
            select json_agg(json_build_object('name', d.name, 'status', case d.status when 'pendingActive' then 'PENDING_ACTIVE' when 'pendingTerminate' then 'PENDING_TERMINATE' else upper(d.status) end))
            from (select name, status from products where customer_id = c.id order by id limit 20) d), '[]')),
          'tickets', json_build_object('nodes', coalesce((
            select json_agg(json_build_object('name', t.name, 'status', case t.status when 'inProgress' then 'IN_PROGRESS' else upper(t.status) end))
            from (select name, status from tickets where customer_id = c.id and status in ('acknowledged', 'pending', 'held', 'inProgress')
                  order by opened_at desc, id desc limit 5) t), '[]')))"
    };
}
macro_rules! sqlite_customer {
    () => {
        "json_object(
          'customerNo', c.customer_no,
          'displayName', p.display_name,
          'billingAccounts', (
            select json_group_array(json_object(
              'accountNo', a.account_no,
              'balance', json_object('amount', printf('%s%d.%02d', iif(a.balance_minor < 0, '-', ''), abs(a.balance_minor) / 100, abs(a.balance_minor) % 100), 'currency', a.currency),
              'bills', json_object('nodes', (
                select json_group_array(json_object(
                  'amountDue', json_object('amount', printf('%s%d.%02d', iif(b.amount_due_minor < 0, '-', ''), abs(b.amount_due_minor) / 100, abs(b.amount_due_minor) % 100), 'currency', b.currency),
                  'dueDate', b.due_on))
                from (select amount_due_minor, currency, due_on from bills where billing_account_id = a.id order by bill_on desc, id desc limit 6) b))))
            from (select id, account_no, balance_minor, currency from billing_accounts where customer_id = c.id order by id limit 20) a),
          'products', json_object('nodes', (
            select json_group_array(json_object('name', d.name, 'status', case d.status when 'pendingActive' then 'PENDING_ACTIVE' when 'pendingTerminate' then 'PENDING_TERMINATE' else upper(d.status) end))
            from (select name, status from products where customer_id = c.id order by id limit 20) d)),
          'tickets', json_object('nodes', (
            select json_group_array(json_object('name', t.name, 'status', case t.status when 'inProgress' then 'IN_PROGRESS' else upper(t.status) end))
            from (select name, status from tickets where customer_id = c.id and status in ('acknowledged', 'pending', 'held', 'inProgress')
                  order by opened_at desc, id desc limit 5) t)))"
    };
}
const ONE: Both = Both {
    postgres: concat!(
        "select json_build_object('data', json_build_object('customer', (select ",
        postgres_customer!(),
        " from customers c join parties p on p.id = c.party_id where c.id = $1 and not c.protected)))::text"
    ),
    sqlite: concat!(
        "select json_object('data', json_object('customer', (select ",
        sqlite_customer!(),
        " from customers c join parties p on p.id = c.party_id where c.id = ?1 and not c.protected)))"
    ),
};
const LIST: Both = Both {
    postgres: concat!(
        "select json_build_object('data', json_build_object('customers', json_build_object('nodes', coalesce((select json_agg(",
        postgres_customer!(),
        " order by c.id) from (select id, customer_no, party_id from customers where id > $1 and not protected order by id limit 50) c
        join parties p on p.id = c.party_id), '[]'))))::text"
    ),
    sqlite: concat!(
        "select json_object('data', json_object('customers', json_object('nodes', (select json_group_array(",
        sqlite_customer!(),
        " order by c.id) from (select id, customer_no, party_id from customers where id > ?1 and not protected order by id limit 50) c
        join parties p on p.id = c.party_id))))"
    ),
};
