//! Answers questions from the knowledge base and from the caller's own rows, or says that it is not sure and hands
//! over. It works on the caller's `Scope` and has no power of its own: none of its skills takes a customer. Knows
//! nothing of tokens, GraphQL or HTTP.

/// Where the answer comes from, word for word.
mod answer;
/// Skill: the caller's bills.
mod billing;
/// Skill: the caller's tickets.
mod care;
/// One question, from the text that came to the rows it leaves.
mod dialogue;
/// To a human, with what was learnt.
mod handover;
/// Skill: articles.
mod knowledge;
/// What the bot says in its own words.
mod phrases;
/// How sure, and when not to answer.
mod refuse;
/// What a question wants.
mod understand;

pub use dialogue::{Ask, Asked};

use entities::Store;
use search_index::Index;

/// Goes up when the bot decides another way: every answer carries it.
pub const ENGINE: &str = "lexical-1";

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Also what the caller can mend: see [`entities::Error::Refused`].
    #[error(transparent)]
    Entities(#[from] entities::Error),
    #[error(transparent)]
    Search(search_index::Error),
}
impl From<search_index::Error> for Error {
    fn from(e: search_index::Error) -> Self {
        match e {
            search_index::Error::Entities(e) => Error::Entities(e),
            e => Error::Search(e),
        }
    }
}
impl From<sea_orm::DbErr> for Error {
    fn from(e: sea_orm::DbErr) -> Self {
        Error::Entities(e.into())
    }
}

/// The bot of a hub. Cheap to clone.
#[derive(Clone)]
pub struct Bot {
    store: Store,
    index: Index,
}
impl Bot {
    pub fn new(store: &Store, index: &Index) -> Self {
        Bot { store: store.clone(), index: index.clone() }
    }
}
