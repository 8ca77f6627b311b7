use crate::{
    harness,
    http::{Hub, hub_with},
};
use entities::{Store, exchange::task};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::time::Duration;

/// Counts for hours.
const RUNAWAY: &str =
    "with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < 1000000000000) select count(*) from n";
/// More than there are connections for reading.
const MANY: usize = 6;
const SHORT: Duration = Duration::from_millis(30);

fn statement(store: &Store, sql: &str) -> Statement {
    Statement::from_string(store.backend(), sql)
}
/// What the server works on, beside what looks after it.
async fn running(store: &Store) -> i64 {
    let sql = "select count(*) from pg_stat_activity where state = 'active' and query not like '%pg_stat_activity%' and datname = current_database()";
    let row = store.writer().query_one_raw(statement(store, sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
/// The database has stopped: PostgreSQL says so, and on SQLite, where a thread of ours would still count, every
/// connection for reading answers again.
pub async fn assert_stops(store: &Store) {
    let mut left = 0;
    if store.backend() == DbBackend::Postgres {
        for _ in 0..1000 {
            left = running(store).await;
            if left == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(left, 0, "statements run on");
    let reads = (0..2 * MANY).map(|_| store.reader().query_one_raw(statement(store, "select 1")));
    for read in futures::future::join_all(reads).await {
        assert!(read.is_ok(), "{read:?}");
    }
    if store.backend() == DbBackend::Postgres {
        // no statement that was on its way came after its connection was free again
        assert_eq!(running(store).await, 0, "statements run on");
    }
}

/// Puts a view in the place of a table with one row.
pub async fn replace_tasks(store: &Store, select: &str) {
    let db = store.writer();
    task::begin(db, task::Kind::Import, "a".into(), None, "ada", store.clock().now()).await.unwrap();
    db.execute_unprepared("alter table tasks rename to tasks_kept").await.unwrap();
    // a view on what is not there: SQLite finds out when it is read, PostgreSQL is asked by a function
    let select = match (store.backend(), select.contains("cnry")) {
        (DbBackend::Postgres, true) => {
            let function = format!("create function cnry() returns setof tasks_kept language plpgsql as $$ begin return query {select}; end $$");
            db.execute_unprepared(&function).await.unwrap();
            "select * from cnry()"
        }
        _ => select,
    };
    db.execute_unprepared(&format!("create view tasks as {select}")).await.unwrap();
}
async fn slow_hub(url: String, deadline_ms: u64) -> Hub {
    let hub = hub_with(|c| (c.database.url, c.limits.deadline_ms, c.limits.wait_ms) = (url, deadline_ms, 10_000)).await;
    replace_tasks(&hub.app.store, &format!("select * from tasks_kept where ({RUNAWAY}) > 0")).await;
    hub
}
const SLOW: &str = r#"{"query":"{ tasks(first: 1) { nodes { id } } }"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_waits_for_stops() {
    for store in harness::stores().await {
        let runaway = || tokio::time::timeout(SHORT, store.reader().query_one_raw(statement(&store, RUNAWAY)));
        for _ in 0..3 {
            let all = futures::future::join_all((0..MANY).map(|_| runaway())).await;
            assert!(all.iter().all(|r| r.is_err()), "{all:?}");
        }
        assert_stops(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_statement_and_not_only_the_answer() {
    for url in harness::urls().await {
        let hub = slow_hub(url, 50).await;
        let token = hub.token(600);
        for _ in 0..MANY {
            let answer = hub.post(&[("authorization", &token)], SLOW).await;
            assert_eq!(answer.code(), "TIMEOUT", "{}", answer.text);
            assert_eq!(answer.json()["errors"][0]["path"], serde_json::json!(["tasks"]));
        }
        assert_stops(&hub.app.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_takes_its_statement_along() {
    for url in harness::urls().await {
        let hub = slow_hub(url, 600_000).await;
        let token = hub.token(600);
        let headers = [("authorization", token.as_str())];
        let gone = (0..MANY).map(|_| tokio::time::timeout(SHORT, hub.post(&headers, SLOW)));
        assert!(futures::future::join_all(gone).await.iter().all(|r| r.is_err()));
        assert_stops(&hub.app.store).await;
    }
}
