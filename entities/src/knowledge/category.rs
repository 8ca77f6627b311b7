//! A shelf of the knowledge base.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_categories")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub code: String,
    pub name: String,
    pub parent_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbCategory",
    prefix: "kbc",
    table: "kb_categories",
    reads: None,
    rules: Rules { agent: All, partner: All, customer: All, public: All },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}
