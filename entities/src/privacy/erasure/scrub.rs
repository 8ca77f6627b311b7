//! A row that was deleted or changed is still in the database's files: in free pages, in old versions, in the write-ahead
//! log. Here the tables are written anew without them.
use crate::{Error, Result, Store, privacy::holding};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::time::Duration;

/// How often, and how long apart, the log of SQLite is tried: a reader that is in the middle of something holds it.
const TRIES: u32 = 60;
const APART: Duration = Duration::from_millis(500);

/// Writes the tables that hold something of customers anew. SQLite: the whole file, and its log is emptied. PostgreSQL:
/// each table with its indexes; nobody reads it meanwhile. What its log (`pg_wal`), its archives and backups still hold
/// is the operator's: PostgreSQL gives the log's files to be written over, by and by.
pub async fn scrub(store: &Store) -> Result<()> {
    match store.backend() {
        DbBackend::Postgres => postgres(store).await,
        _ => sqlite(store).await,
    }
}
async fn sqlite(store: &Store) -> Result<()> {
    let db = store.writer();
    // the copy that is made on the way is as large as the file: not in memory
    db.execute_unprepared("pragma temp_store = file").await?;
    // where the planner has looked at the tables, it keeps values out of them; counts (`sqlite_stat1`) say nothing
    let sampled = "select 1 from sqlite_master where name = 'sqlite_stat4'";
    if db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sampled)).await?.is_some() {
        db.execute_unprepared("delete from sqlite_stat4").await?;
    }
    let vacuumed = db.execute_unprepared("vacuum").await;
    db.execute_unprepared("pragma temp_store = memory").await?;
    vacuumed?;
    for _ in 0..TRIES {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, "pragma wal_checkpoint(truncate)")).await?;
        let busy: i32 = row.map(|r| r.try_get_by_index(0)).transpose()?.unwrap_or(0);
        if busy == 0 {
            return Ok(());
        }
        tokio::time::sleep(APART).await;
    }
    Err(Error::Invalid("the database's log could not be emptied: something reads from it without an end".into()))
}
async fn postgres(store: &Store) -> Result<()> {
    let db = store.writer();
    for holding in holding::HOLDINGS {
        db.execute_unprepared(&format!("vacuum (full, analyze) {}", holding.table)).await?;
    }
    if let Err(e) = db.execute_unprepared("vacuum full pg_statistic").await {
        tracing::info!(error = %e, "old statistics of the planner stay until the database's own vacuum takes them");
    }
    // only the database's own administrators may; without it the old files go at the next one, minutes later
    if let Err(e) = db.execute_unprepared("checkpoint").await {
        tracing::info!(error = %e, "the database makes its next checkpoint in its own time: until then old files of its tables are there");
    }
    Ok(())
}
