//! Public ids: three letters that name the kind, and the row's UUIDv7 in hex (`tkt_0192f3…`). Hex and not base32, so
//! that a statement can write them itself on both databases.
use crate::{KINDS, model::EntityKind};
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// A public id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Id {
    pub kind: &'static EntityKind,
    pub uuid: Uuid,
}
impl Id {
    pub fn new(kind: &'static EntityKind, uuid: Uuid) -> Self {
        Id { kind, uuid }
    }
    /// None where it is not the id of any kind of row.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, hex) = text.split_once('_')?;
        let kind = KINDS.iter().find(|k| k.prefix == prefix)?;
        let lower = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        lower.then(|| Uuid::try_parse(hex).ok()).flatten().map(|uuid| Id { kind, uuid })
    }
}
impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.kind.prefix, self.uuid.simple())
    }
}

/// The key of a new row of that instant: imported rows keep the order of their dates. Our instants are whole seconds,
/// so the bits below a second count up: rows of one second stand in the order in which this process made them.
pub fn at(instant: chrono::DateTime<chrono::Utc>) -> Uuid {
    static MADE: AtomicU32 = AtomicU32::new(0);
    const PER_MS: u32 = 1 << 12;
    let made = MADE.fetch_add(1, Ordering::Relaxed) % (1000 * PER_MS);
    let ms = instant.timestamp().max(0) as u64 * 1000 + u64::from(made / PER_MS);
    let mut tail: [u8; 10] = *Uuid::new_v4().as_bytes().last_chunk().unwrap_or(&[0; 10]);
    [tail[0], tail[1]] = ((made % PER_MS) as u16).to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn keys_of_one_second_stand_in_the_order_they_were_made() {
        let at_0 = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let keys: Vec<_> = (0..10_000).map(|_| at(at_0)).collect();
        assert!(keys.windows(2).all(|w| w[0] < w[1]));
        assert!(keys.iter().all(|k| k.get_version_num() == 7 && k.get_timestamp().unwrap().to_unix().0 == 1_700_000_000));
    }
}
