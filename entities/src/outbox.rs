//! The change log: every change that was committed, in order and without gaps. Search index and subscriptions follow
//! it by position.

/// One entry of the change log.
pub mod change;
/// The end of the log, read once for all who follow it.
pub mod feed;

use crate::{Result, Store};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// The entries after a position, oldest first, at most `limit`; of these kinds of row, or of all.
pub async fn after(store: &Store, position: i64, kinds: &[&str], limit: u64) -> Result<Vec<change::Model>> {
    let mut query = change::Entity::find().filter(change::Column::Position.gt(position));
    if !kinds.is_empty() {
        query = query.filter(change::Column::EntityType.is_in(kinds.iter().copied()));
    }
    Ok(query.order_by_asc(change::Column::Position).limit(limit).all(store.reader()).await?)
}
