//! A shelf of the catalogue (TMF620 Category).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "product_categories")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub source_system: String,
    pub external_id: String,
    pub source_status: Option<String>,
    pub source_updated_at: Option<DateTimeUtc>,
    pub row_hash: Option<String>,
    pub import_batch_id: Option<Uuid>,
    pub code: String,
    pub name: String,
    pub parent_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "ProductCategory",
    prefix: "pct",
    table: "product_categories",
    reads: None,
    rules: Rules { agent: All, partner: All, customer: All, public: All },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}
