//! Whole tables of rows: `copy` on PostgreSQL, statements of many rows on SQLite. Both are made apart from the
//! transaction that takes them, so that the database never waits for them.
use super::keys::{self, Keys};
use crate::{
    bulk::{self, inserts_of, plain, set_columns, values},
    error::{Error, Result},
    store::Store,
};
use sea_orm::{
    ActiveModelTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityName, EntityTrait, IdenStatic, RuntimeErr, Statement,
    TransactionTrait, Value,
    sqlx::{self, Connection, PgConnection},
};

/// Rows of one table, as its database takes them.
pub enum Part {
    Statements(Vec<Statement>),
    /// The command and its text.
    Copy(String, Vec<u8>),
}
impl Part {
    /// All rows have the same columns set.
    pub fn of<A: ActiveModelTrait>(backend: DbBackend, rows: Vec<A>) -> Result<Part> {
        match (backend, rows.first().map(set_columns)) {
            (DbBackend::Postgres, Some(columns)) => copy(rows, &columns),
            _ => Ok(Part::Statements(inserts_of(backend, rows)?)),
        }
    }
}

/// A database that is being filled.
pub enum Bulk<'a> {
    /// SQLite: a transaction at a time.
    Statements(&'a DatabaseConnection, Option<DatabaseTransaction>),
    /// PostgreSQL: one transaction for all, so that what stops on the way leaves no rows.
    Copy(Box<Copy>),
}
impl<'a> Bulk<'a> {
    pub async fn begin(store: &'a Store) -> Result<Self> {
        let db = store.writer();
        if store.backend() == DbBackend::Postgres {
            return Ok(Bulk::Copy(Box::new(Copy::begin(db).await?)));
        }
        keys::set_aside_on_sqlite(db).await?;
        Ok(Bulk::Statements(db, None))
    }
    pub async fn put(&mut self, part: Part) -> Result<()> {
        match (self, part) {
            (Bulk::Statements(db, open), Part::Statements(statements)) => {
                let tx = match open {
                    Some(tx) => tx,
                    None => open.insert(db.begin().await?),
                };
                bulk::run(tx, statements).await
            }
            (Bulk::Copy(copy), Part::Copy(command, text)) => copy.put(command, text).await.map_err(failed),
            (_, Part::Statements(none)) if none.is_empty() => Ok(()),
            _ => Err(Error::Invalid("rows were made for another database".into())),
        }
    }
    /// Keeps what SQLite has so far.
    pub async fn keep(&mut self) -> Result<()> {
        if let Bulk::Statements(_, open) = self
            && let Some(tx) = open.take()
        {
            tx.commit().await?;
        }
        Ok(())
    }
    /// Keys and indexes are as they were. PostgreSQL keeps all rows where all are `written`, and none otherwise.
    pub async fn end(self, written: bool) -> Result<()> {
        match self {
            Bulk::Statements(db, open) => {
                if let Some(tx) = open {
                    tx.rollback().await?;
                }
                Ok(keys::make_again_on_sqlite(db).await?)
            }
            Bulk::Copy(copy) if written => copy.commit().await.map_err(failed),
            Bulk::Copy(copy) => copy.roll_back().await.map_err(failed),
        }
    }
}

/// What PostgreSQL copies into its tables.
pub struct Copy {
    /// No longer of the pool, where whoever tells how far it is would wait for it if it were the only one.
    tx: PgConnection,
    keys: Keys,
    /// Commands whose text is not long enough yet, in the order in which they came first.
    waiting: Vec<(String, Vec<u8>)>,
}
impl Copy {
    /// Bytes that are sent together. Over TCP the end of fewer waits for an answer to them, which is slow to come.
    const ENOUGH: usize = 1 << 20;

    async fn begin(db: &DatabaseConnection) -> Result<Self> {
        let mut tx = db.get_postgres_connection_pool().acquire().await.map_err(failed)?.detach();
        sqlx::raw_sql("begin").execute(&mut tx).await.map_err(failed)?;
        let keys = Keys::set_aside(&mut tx).await.map_err(in_use)?;
        Ok(Copy { tx, keys, waiting: vec![] })
    }
    async fn put(&mut self, command: String, text: Vec<u8>) -> sqlx::Result<()> {
        let Some((_, all)) = self.waiting.iter_mut().find(|w| w.0 == command) else {
            // the first of each table at once, as they tell whether such a row is there already
            send(&mut self.tx, &command, text).await?;
            self.waiting.push((command, vec![]));
            return Ok(());
        };
        all.extend(text);
        if all.len() < Self::ENOUGH {
            return Ok(());
        }
        send(&mut self.tx, &command, std::mem::take(all)).await
    }
    async fn commit(mut self) -> sqlx::Result<()> {
        for (command, text) in self.waiting {
            send(&mut self.tx, &command, text).await?;
        }
        self.keys.make_again(&mut self.tx).await?;
        sqlx::raw_sql("commit").execute(&mut self.tx).await?;
        self.tx.close().await
    }
    async fn roll_back(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("rollback").execute(&mut self.tx).await?;
        self.tx.close().await
    }
}
async fn send(tx: &mut PgConnection, command: &str, text: Vec<u8>) -> sqlx::Result<()> {
    let mut out = tx.copy_in_raw(command).await?;
    out.send(text).await?;
    out.finish().await.map(|_| ())
}
fn in_use(e: sqlx::Error) -> Error {
    match e.as_database_error().and_then(|e| e.code()) {
        Some(code) if code == Keys::IN_USE => {
            Error::Invalid("somebody else uses this database: stop the hub, or wait for the export, then generate again".into())
        }
        _ => failed(e),
    }
}
fn failed(e: sqlx::Error) -> Error {
    Error::Db(DbErr::Exec(RuntimeErr::SqlxError(e.into())))
}

fn copy<A: ActiveModelTrait>(rows: Vec<A>, columns: &[<A::Entity as EntityTrait>::Column]) -> Result<Part> {
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let mut out = vec![];
    for row in rows {
        for (i, v) in values(row, columns).iter().enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            text(&mut out, v)?;
        }
        out.push(b'\n');
    }
    Ok(Part::Copy(format!("copy {} ({}) from stdin", A::Entity::default().table_name(), names.join(", ")), out))
}

/// One value in the text form of `copy`.
fn text(out: &mut Vec<u8>, value: &Value) -> Result<()> {
    match plain(value)? {
        Some(text) => escaped(out, &text),
        None => out.extend(b"\\N"),
    }
    Ok(())
}
fn escaped(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn text_keeps_what_copy_would_read_as_its_own() {
        let mut out = vec![];
        text(&mut out, &Value::String(Some("a\\b\tc\nd é".into()))).unwrap();
        text(&mut out, &Value::String(None)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\\\\b\\tc\\nd é\\N");
    }
}
