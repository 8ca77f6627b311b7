//! Rows of sources that were erased: what an import must not bring back. Only digests are kept.
use crate::model::*;
use sha2::{Digest, Sha256};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "erased_sources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    pub erased_at: DateTimeUtc,
}
impl ActiveModelBehavior for ActiveModel {}

/// What stands for a row of a source: who has the source's file can tell that it was erased, and nobody else learns an id.
pub fn digest(source_system: &str, table: &str, external_id: &str) -> String {
    format!("{:x}", Sha256::digest([source_system, table, external_id].join("\0")))
}
