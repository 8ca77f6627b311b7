//! A talk on one channel, with the bot or a human.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
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
    pub customer_id: Option<Uuid>,
    pub partner_id: Option<Uuid>,
    pub channel: Channel,
    pub subject: Option<String>,
    pub status: Status,
    pub verification: Verification,
    pub session_hash: Option<String>,
    pub started_at: DateTimeUtc,
    pub handoff_at: Option<DateTimeUtc>,
    pub handoff_reason: Option<String>,
    pub first_agent_reply_at: Option<DateTimeUtc>,
    pub resolved_at: Option<DateTimeUtc>,
    pub resolved_by: Option<ResolvedBy>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Conversation",
    prefix: "cnv",
    table: "conversations",
    rules: Rules { agent: All, partner: Where("{t}.partner_id {partners}"), customer: Own("customer_id"), public: Where("{t}.session_hash = {session}") },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Channel "Channel" { Phone = "phone", Email = "email", Chat = "chat", Portal = "portal", Store = "store", Field = "field", Social = "social", Forum = "forum", Sms = "sms", Post = "post", Bot = "bot" }
}

text_enum! {
    Status "ConversationStatus" { Bot = "bot", Waiting = "waiting", Agent = "agent", Resolved = "resolved", Abandoned = "abandoned" }
}

text_enum! {
    Verification "ConversationVerification" { Anonymous = "anonymous", AddressMatched = "address_matched", Authenticated = "authenticated" }
}

text_enum! {
    ResolvedBy "ConversationResolvedBy" { Bot = "bot", Agent = "agent", Customer = "customer", Timeout = "timeout" }
}
