//! One message of a conversation (TMF681).
use super::conversation;
use crate::{
    error::{Code, Error, Result},
    model::*,
    outbox::change::Operation,
    store::Write,
};
use sea_orm::ActiveValue::Set;

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
    reads: Some("conversation:read"),
    rules: Rules {
        agent: Via("conversation_id", &super::conversation::ENTITY),
        partner: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]),
        customer: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]),
        public: Both(&[Via("conversation_id", &super::conversation::ENTITY), Where("{t}.state <> 'draft'")]),
    },
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

/// The longest message that is taken.
pub const MOST: usize = 20_000;

/// Adds what somebody said to a talk that is still open.
pub async fn append(w: &mut Write, talk: &conversation::Model, author_kind: AuthorKind, body_text: &str) -> Result<Uuid> {
    if body_text.trim().is_empty() {
        return Err(Error::refused(Code::Blank, "text", "Please write something."));
    }
    if body_text.chars().count() > MOST {
        return Err(Error::refused(Code::TooLong, "text", format!("A message has room for {MOST} characters.")));
    }
    if talk.is_closed() {
        return Err(Error::refused(Code::ConversationClosed, "conversationId", "This conversation is closed. Please start a new one."));
    }
    let id = crate::id::at(w.at());
    let inbound = matches!(author_kind, AuthorKind::Customer | AuthorKind::Partner);
    let row = ActiveModel {
        id: Set(id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        source_system: Set("hub".into()),
        external_id: Set(id.to_string()),
        customer_id: Set(talk.customer_id),
        partner_id: Set(talk.partner_id),
        conversation_id: Set(talk.id),
        direction: Set(if inbound { Direction::Inbound } else { Direction::Outbound }),
        author_kind: Set(author_kind),
        body_text: Set(body_text.replace('\0', "")), // PostgreSQL takes none
        auto_submitted: Set(author_kind == AuthorKind::Bot),
        state: Set(State::Sent),
        sent_at: Set(Some(w.at())),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, talk.customer_id, talk.partner_id);
    Ok(id)
}
