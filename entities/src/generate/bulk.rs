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
    /// The command, and its text in pieces.
    Copy(String, Vec<Vec<u8>>),
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
    /// PostgreSQL: one transaction for all, so that what stops on the way leaves no rows. Its connection is no longer of the
    /// pool, where whoever tells how far it is would wait for it if it were the only one.
    Copy(PgConnection, Keys),
}
impl<'a> Bulk<'a> {
    pub async fn begin(store: &'a Store) -> Result<Self> {
        let db = store.writer();
        if store.backend() == DbBackend::Sqlite {
            keys::set_aside_on_sqlite(db).await?;
            return Ok(Bulk::Statements(db, None));
        }
        let mut tx = db.get_postgres_connection_pool().acquire().await.map_err(failed)?.detach();
        sqlx::raw_sql("begin").execute(&mut tx).await.map_err(failed)?;
        let keys = Keys::set_aside(&mut tx).await.map_err(in_use)?;
        Ok(Bulk::Copy(tx, keys))
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
            (Bulk::Copy(tx, _), Part::Copy(command, pieces)) => {
                let mut out = tx.copy_in_raw(&command).await.map_err(failed)?;
                for piece in pieces {
                    out.send(piece).await.map_err(failed)?;
                }
                out.finish().await.map(|_| ()).map_err(failed)
            }
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
            Bulk::Copy(mut tx, keys) => {
                if written {
                    keys.make_again(&mut tx).await.map_err(failed)?;
                }
                sqlx::raw_sql(if written { "commit" } else { "rollback" }).execute(&mut tx).await.map_err(failed)?;
                tx.close().await.map_err(failed)
            }
        }
    }
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
/// Sent in pieces of about this many bytes.
const PIECE: usize = 1 << 20;

fn copy<A: ActiveModelTrait>(rows: Vec<A>, columns: &[<A::Entity as EntityTrait>::Column]) -> Result<Part> {
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let (mut pieces, mut piece) = (vec![], vec![]);
    for row in rows {
        for (i, v) in values(row, columns).iter().enumerate() {
            if i > 0 {
                piece.push(b'\t');
            }
            text(&mut piece, v)?;
        }
        piece.push(b'\n');
        if piece.len() >= PIECE {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    Ok(Part::Copy(format!("copy {} ({}) from stdin", A::Entity::default().table_name(), names.join(", ")), pieces))
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
