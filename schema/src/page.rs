//! Pages of a list: `first`, `after`, `last`, `before`, and the cursor between them.
use crate::{
    declare::{Order, Scalar},
    error::Refused,
    write_sql::{hex, plain},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::Value;
use std::hash::{Hash, Hasher};

/// The most rows of one page.
pub const MAX_FIRST: u64 = 100;

/// Which end of the list, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub size: u64,
    pub backward: bool,
    pub cursor: Option<String>,
    /// The variable that holds the cursor.
    pub cursor_in: Option<async_graphql::Name>,
}

/// A position in a list: names the list it belongs to, the value it is ordered by, and the row. It opens nothing: the
/// row rules are applied after it.
pub struct Cursor;
impl Cursor {
    /// What tells lists apart: type, order and filters. A cursor of another list is refused.
    pub fn list(parts: &impl Hash) -> String {
        let mut h = Fnv(0xcbf29ce484222325);
        parts.hash(&mut h);
        format!("{:08x}", h.finish() as u32 ^ (h.finish() >> 32) as u32)
    }
    /// SQL that writes the cursor of the row `t`.
    pub fn sql(list: &str, t: &str, order: Order, pg: bool) -> String {
        let id = hex(&format!("{t}.id"), pg);
        let raw = Order { scalar: raw(order.scalar), ..order };
        let key = if order.column == "id" { "''".into() } else { plain(raw.scalar, &format!("{t}.{}", order.column), pg) };
        let text = format!("'{list}~' || {id} || '~' || {key}");
        if pg { format!("encode(convert_to({text}, 'UTF8'), 'hex')") } else { format!("lower(hex({text}))") }
    }
    /// The (key, id) behind a cursor of this list.
    pub fn read(cursor: &str, list: &str, order: Order) -> Result<(Option<Value>, Value), Refused> {
        Self::parts(cursor, list, order).ok_or_else(|| Refused::input("This cursor does not belong to this list. Start again without it."))
    }
    fn parts(cursor: &str, list: &str, order: Order) -> Option<(Option<Value>, Value)> {
        let text = String::from_utf8(unhex(cursor)?).ok()?;
        let mut parts = text.splitn(3, '~');
        let (of, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let id: Value = uuid::Uuid::try_parse(id).ok().filter(|_| of == list)?.into();
        if order.column == "id" {
            return Some((None, id));
        }
        let key: Value = match order.scalar {
            Scalar::Instant => key.parse::<DateTime<Utc>>().ok()?.into(),
            Scalar::Date => key.parse::<NaiveDate>().ok()?.into(),
            Scalar::Int => key.parse::<i32>().ok()?.into(),
            Scalar::BigInt | Scalar::Decimal => key.parse::<i64>().ok()?.into(),
            _ => key.into(),
        };
        Some((Some(key), id))
    }
}
/// The key is compared as it is stored: an enum by its database text.
fn raw(scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::Enum(..) => Scalar::Text,
        Scalar::Decimal => Scalar::BigInt,
        s => s,
    }
}
fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    (text.len().is_multiple_of(2) && text.len() <= 2048)
        .then(|| text.as_bytes().chunks(2).map(|c| Some(nibble(c[0])? << 4 | nibble(c[1])?)).collect())?
}
/// FNV-1a: the same number on every machine and in every version, so that cursors live on.
struct Fnv(u64);
impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x100000001b3);
        }
    }
}
