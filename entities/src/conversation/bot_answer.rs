//! What the bot decided for a message, and how sure it was.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_answers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub customer_id: Option<Uuid>,
    pub message_id: Uuid,
    pub query_text: String,
    pub intent: Option<String>,
    pub kind: Kind,
    pub confidence_micro: i64,
    pub latency_ms: i32,
    pub engine_version: String,
    pub helpful: Option<bool>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "BotAnswer",
    prefix: "ans",
    table: "bot_answers",
    reads: Some("conversation:read"),
    rules: Rules {
        agent: Via("message_id", &super::message::ENTITY),
        partner: Via("message_id", &super::message::ENTITY),
        customer: Via("message_id", &super::message::ENTITY),
        public: Via("message_id", &super::message::ENTITY),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "BotAnswerKind" { Kb = "kb", Account = "account", Clarify = "clarify", Handoff = "handoff", Refuse = "refuse" }
}
