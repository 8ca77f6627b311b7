//! Further ids of the same thing in other systems.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "external_refs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub entity_type: String,
    pub entity_id: Uuid,
    pub source_system: String,
    pub external_id: String,
    /// What the source last said, of rows in tables that do not keep it themselves.
    pub row_hash: Option<String>,
}
impl ActiveModelBehavior for ActiveModel {}
