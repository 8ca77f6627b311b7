//! Where an answer was taken from: article version and anchor, or a row of the customer.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_citations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub answer_id: Uuid,
    pub rank: i32,
    pub article_version_id: Option<Uuid>,
    pub anchor: Option<String>,
    pub entity_type: Option<String>,
    pub entity_id: Option<Uuid>,
    pub score_micro: i64,
    pub snippet: String,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Citation",
    prefix: "cit",
    table: "bot_citations",
    reads: Some("conversation:read"),
    rules: Rules {
        agent: Via("answer_id", &super::bot_answer::ENTITY),
        partner: Via("answer_id", &super::bot_answer::ENTITY),
        customer: Via("answer_id", &super::bot_answer::ENTITY),
        public: Via("answer_id", &super::bot_answer::ENTITY),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}
