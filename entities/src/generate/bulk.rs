//! Whole tables of rows: `copy` on PostgreSQL, statements of many rows on SQLite. Both are made apart from the
//! transaction that takes them, so that the database never waits for them.
use crate::{
    bulk::{self, inserts_of, plain, set_columns, values},
    error::{Error, Result},
    store::Store,
};
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, EntityTrait, IdenStatic, RuntimeErr, Statement, TransactionTrait, Value,
    sqlx::{self, Postgres},
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

/// A transaction that only takes rows.
pub enum Bulk {
    Statements(DatabaseTransaction),
    Copy(sqlx::Transaction<'static, Postgres>),
}
impl Bulk {
    pub async fn begin(store: &Store) -> Result<Self> {
        Ok(match store.backend() {
            DbBackend::Postgres => Bulk::Copy(store.writer().get_postgres_connection_pool().begin().await.map_err(failed)?),
            _ => Bulk::Statements(store.writer().begin().await?),
        })
    }
    pub async fn put(&mut self, part: Part) -> Result<()> {
        match (self, part) {
            (Bulk::Statements(tx), Part::Statements(statements)) => bulk::run(tx, statements).await,
            (Bulk::Copy(tx), Part::Copy(command, pieces)) => {
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
    pub async fn commit(self) -> Result<()> {
        match self {
            Bulk::Statements(tx) => Ok(tx.commit().await?),
            Bulk::Copy(tx) => tx.commit().await.map_err(failed),
        }
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
