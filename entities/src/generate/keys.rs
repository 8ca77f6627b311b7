//! Keys and indexes are set aside while tables are filled: made at once over all rows they cost a part of what they cost
//! row by row, and PostgreSQL looks up references in one join instead of one statement for each row.
use super::rows::Rows;
use crate::migrations;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr,
    sqlx::{self, AssertSqlSafe, PgConnection, Row},
};

/// Tables of few rows. These keep their keys, so that a row that is there already is met at once.
const CATALOGUE: [&str; 6] = ["source_systems", "regions", "product_categories", "product_offerings", "partners", "offering_prices"];

/// How PostgreSQL makes keys, indexes and references again, in this order.
pub struct Keys(Vec<String>);
impl Keys {
    /// The code of an error that says that somebody else did not let go of a table (PostgreSQL's `lock_not_available`).
    pub const IN_USE: &str = "55P03";
    /// Drops them in a transaction, which nobody who uses these tables gets past until it ends.
    pub async fn set_aside(tx: &mut PgConnection) -> sqlx::Result<Self> {
        let own = tables();
        let filled: Vec<&str> = own.iter().copied().filter(|t| !CATALOGUE.contains(t)).collect();
        run(tx, "set local lock_timeout = '10s'".into()).await?;
        run(tx, format!("lock table {} in access exclusive mode", own.join(", "))).await?;
        let found = sqlx::query(FIND).bind(filled).bind(own).fetch_all(&mut *tx).await?;
        let texts = |column| found.iter().map(|row| row.try_get(column)).collect::<sqlx::Result<Vec<String>>>();
        // references go before the keys that they refer to
        for drop in texts(0)?.into_iter().rev() {
            run(tx, drop).await?;
        }
        texts(1).map(Keys)
    }
    pub async fn make_again(self, tx: &mut PgConnection) -> sqlx::Result<()> {
        run(tx, SETTINGS.into()).await?;
        for make in self.0 {
            run(tx, make).await?;
        }
        run(tx, format!("analyze {}", tables().join(", "))).await
    }
}
/// Those that are filled.
fn tables() -> Vec<&'static str> {
    Rows::default().counts().into_iter().map(|c| c.0).collect()
}
/// How each is dropped and made, from the catalogue: keys, other indexes, and references to one another. To drop a
/// reference locks both of its tables: so those from other tables stay, and the keys that they refer to, and those to
/// other tables. What an index has beside its definition, such as a tablespace, is lost.
const FIND: &str = "\
    with filled as (select unnest($1)::regclass::oid as oid), own as (select unnest($2)::regclass::oid as oid), \
    kept as (select conindid from pg_constraint where contype = 'f' and conrelid not in (select oid from filled)), \
    aside as (select * from pg_constraint where conrelid in (select oid from filled) and case contype \
      when 'f' then confrelid in (select oid from own) else contype in ('p', 'u') and conindid not in (select conindid from kept) end) \
    select 'alter table ' || conrelid::regclass || ' drop constraint ' || quote_ident(conname) as d, \
      'alter table ' || conrelid::regclass || ' add constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) as m, \
      case contype when 'f' then 3 else 1 end as turn \
    from aside \
    union all select 'drop index ' || indexrelid::regclass, pg_get_indexdef(indexrelid), 2 \
    from pg_index where indrelid in (select oid from filled) and not exists (select 1 from pg_constraint c \
      where c.conindid = indexrelid and (c.contype <> 'f' or c.conrelid not in (select oid from filled))) \
    order by turn, m";
/// Memory to sort an index in, where there is not more; and a look every second whether the program still waits, so that
/// nothing goes on for one that was killed (from PostgreSQL 14 on).
const SETTINGS: &str = "\
    select set_config(name, '256MB', true) from pg_settings where name = 'maintenance_work_mem' and setting::bigint < 262144; \
    select set_config(name, '1s', true) from pg_settings where name = 'client_connection_check_interval'";

/// No text is of a caller: they are this file's, or the catalogue's.
async fn run(tx: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(tx).await.map(|_| ())
}

/// While it is filled, SQLite need not wait for the disk, look up what every row points to, or keep indexes that are made faster at once: a
/// database half filled is thrown away anyway.
pub async fn set_aside_on_sqlite(db: &DatabaseConnection) -> Result<(), DbErr> {
    db.execute_unprepared("pragma synchronous = off; pragma foreign_keys = off; pragma cache_size = -200000; pragma wal_autocheckpoint = 20000")
        .await?;
    for (name, _) in indexes() {
        db.execute_unprepared(&format!("drop index if exists {name}")).await?;
    }
    Ok(())
}
/// Those that are missing; and its settings as they were.
pub async fn make_again_on_sqlite(db: &DatabaseConnection) -> Result<(), DbErr> {
    for (_, index) in indexes() {
        db.execute_unprepared(&index.replacen("create index ", "create index if not exists ", 1)).await?;
    }
    db.execute_unprepared(
        "pragma optimize; pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 1000; pragma cache_size = -2000; pragma foreign_keys = on; pragma synchronous = full",
    )
    .await
    .map(|_| ())
}
/// Name and definition of every index that only serves speed. From the migrations: a run that was killed has none.
fn indexes() -> Vec<(String, String)> {
    let all = migrations::texts().flat_map(|text| migrations::statements(text, DbBackend::Sqlite));
    all.filter_map(|s| Some((s.strip_prefix("create index ")?.split_whitespace().next()?.to_string(), s))).collect()
}
