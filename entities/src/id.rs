//! Public ids: three letters that name the kind, and the row's UUIDv7 in hex (`tkt_0192f3…`). Hex and not base32, so
//! that a statement can write them itself on both databases.
use crate::{KINDS, model::EntityKind};
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

/// The id of a row under which its kind is not known elsewhere: made from an instant, so that ids of imported rows
/// keep the order of their dates.
pub fn at(instant: chrono::DateTime<chrono::Utc>) -> Uuid {
    let (s, ns) = (instant.timestamp().max(0) as u64, instant.timestamp_subsec_nanos());
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, s, ns))
}
