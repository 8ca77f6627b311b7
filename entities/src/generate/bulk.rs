//! Whole tables of rows: `copy` on PostgreSQL, statements of many rows on SQLite.
use crate::{
    bulk::{insert_all, plain, set_columns, values},
    error::{Error, Result},
    store::Store,
};
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, IdenStatic, RuntimeErr, TransactionTrait, Value,
    sqlx::{self, Postgres},
};

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
    /// All rows of a call have the same columns set. Returns how many they were.
    pub async fn put<A: ActiveModelTrait>(&mut self, rows: Vec<A>) -> Result<u64> {
        let total = rows.len() as u64;
        match self {
            Bulk::Statements(tx) => insert_all(tx, rows).await?,
            Bulk::Copy(tx) => copy(tx, rows).await?,
        }
        Ok(total)
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

async fn copy<A: ActiveModelTrait>(tx: &mut sqlx::Transaction<'static, Postgres>, rows: Vec<A>) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let columns = set_columns(first);
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let table = A::Entity::default();
    let mut out = tx.copy_in_raw(&format!("copy {} ({}) from stdin", table.table_name(), names.join(", "))).await.map_err(failed)?;
    let mut piece = Vec::with_capacity(PIECE + 4096);
    for row in rows {
        for (i, v) in values(row, &columns).iter().enumerate() {
            if i > 0 {
                piece.push(b'\t');
            }
            text(&mut piece, v)?;
        }
        piece.push(b'\n');
        if piece.len() >= PIECE {
            out.send(std::mem::take(&mut piece)).await.map_err(failed)?;
        }
    }
    out.send(piece).await.map_err(failed)?;
    out.finish().await.map_err(failed)?;
    Ok(())
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
