//! One message of a conversation (TMF681).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
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
    pub conversation_id: Uuid,
    pub direction: Direction,
    pub author_kind: AuthorKind,
    pub body_text: String,
    pub rfc_message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub from_addr: Option<String>,
    pub auto_submitted: bool,
    pub state: State,
    pub sent_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Message",
    prefix: "msg",
    table: "messages",
    rules: Rules { agent: All, partner: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]), customer: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]), public: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]) },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Direction "MessageDirection" { Inbound = "inbound", Outbound = "outbound" }
}

text_enum! {
    AuthorKind "AuthorKind" { Customer = "customer", Agent = "agent", Bot = "bot", Partner = "partner", System = "system" }
}

text_enum! {
    State "MessageState" { Draft = "draft", Queued = "queued", Sent = "sent", Delivered = "delivered", Failed = "failed" }
}
