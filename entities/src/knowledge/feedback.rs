//! Whether an article or an answer helped.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_feedback")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub customer_id: Option<Uuid>,
    pub version_id: Option<Uuid>,
    pub answer_id: Option<Uuid>,
    pub helpful: bool,
    pub comment: Option<String>,
    pub conversation_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbFeedback",
    prefix: "kbf",
    table: "kb_feedback",
    rules: Rules { agent: All, partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}
