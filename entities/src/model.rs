//! What every entity file starts from: the derive macros, the column types, and the two declarations of our own:
//! `ENTITY` (name, id prefix, table, row rules) and `text_enum!`.
pub use crate::rule::{Rule::*, Rules};
pub use crate::scope::Audience;
pub use crate::text_enum;
pub use sea_orm::entity::prelude::*;

/// A kind of row that the graph knows by name.
pub struct EntityKind {
    /// The name of its graph type, also in the change log and in audit events.
    pub name: &'static str,
    /// The start of its public ids (`tkt_…`); three lower-case letters, unique.
    pub prefix: &'static str,
    pub table: &'static str,
    /// The scope without which nobody meets its rows by their ids alone or by searching. Where a customer's roles differ
    /// from root to root, its rows are those below the roots that give this scope.
    pub reads: Option<&'static str>,
    /// Who sees which rows.
    pub rules: Rules,
}
impl PartialEq for EntityKind {
    fn eq(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }
}
impl std::fmt::Debug for EntityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A table that is read through [`crate::Scope`].
pub trait Record: EntityTrait {
    const ENTITY: &EntityKind;
}

/// An enum that is text in the database (TM Forum's spelling) and a name in the graph.
pub trait TextEnum: Sized + Copy + Send + Sync + 'static {
    /// The name of the graph's enum.
    const NAME: &'static str;
    /// Each value as (database text, graph name).
    const VALUES: &'static [(&'static str, &'static str)];
    fn text(self) -> &'static str;
    /// Trims, ignores case and `_`, `-` and blanks, as sources spell as they like.
    fn parse(text: &str) -> Option<Self>;
    fn graph_name(self) -> &'static str {
        let text = self.text();
        Self::VALUES.iter().find(|v| v.0 == text).map_or(text, |v| v.1)
    }
}

/// Compares enum texts as sources spell them: letters and digits only, case folded.
pub fn same_word(a: &str, b: &str) -> bool {
    fold(a).eq(fold(b))
}
fn fold(word: &str) -> impl Iterator<Item = char> + '_ {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// `text_enum! { Status "TicketStatus" { InProgress = "inProgress" } }`: the enum, its database text and its graph
/// names (`IN_PROGRESS`).
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident $graph:literal { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sea_orm::entity::prelude::EnumIter, sea_orm::entity::prelude::DeriveActiveEnum, serde::Serialize, serde::Deserialize)]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $(#[sea_orm(string_value = $text)] #[serde(rename = $text)] $variant),+
        }
        impl $crate::model::TextEnum for $name {
            const NAME: &'static str = $graph;
            const VALUES: &'static [(&'static str, &'static str)] = {
                const N: usize = [$($text),+].len();
                const NAMES: [$crate::model::Screaming; N] = [$($crate::model::Screaming::of($text)),+];
                const ALL: [(&str, &str); N] = {
                    let texts = [$($text),+];
                    let mut all = [("", ""); N];
                    let mut i = 0;
                    while i < N { all[i] = (texts[i], NAMES[i].as_str()); i += 1; }
                    all
                };
                &ALL
            };
            fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            fn parse(text: &str) -> Option<Self> {
                $(if $crate::model::same_word(text, $text) { return Some(Self::$variant) })+
                None
            }
        }
    };
}

/// `inProgress` as `IN_PROGRESS`, made while compiling.
pub struct Screaming {
    bytes: [u8; 48],
    len: usize,
}
impl Screaming {
    pub const fn of(text: &str) -> Self {
        let (text, mut bytes, mut len, mut i) = (text.as_bytes(), [0; 48], 0, 0);
        while i < text.len() {
            if text[i].is_ascii_uppercase() {
                bytes[len] = b'_';
                len += 1;
            }
            bytes[len] = text[i].to_ascii_uppercase();
            len += 1;
            i += 1;
        }
        Self { bytes, len }
    }
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(s) => s,
            Err(_) => panic!("enum texts are ASCII"),
        }
    }
}
