//! What was said on a ticket (TMF621 Note), and who may read it.
pub use crate::conversation::message::AuthorKind;
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket_notes")]
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
    pub ticket_id: Uuid,
    pub author_kind: AuthorKind,
    pub author_party_id: Option<Uuid>,
    pub body: String,
    pub visibility: Visibility,
    pub message_id: Option<Uuid>,
    pub noted_at: DateTimeUtc,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "TicketNote",
    prefix: "tno",
    table: "ticket_notes",
    reads: Some("ticket:read"),
    rules: Rules {
        agent: Via("ticket_id", &super::ticket::ENTITY),
        partner: Both(&[Via("ticket_id", &super::ticket::ENTITY), Where("{t}.visibility in ('public', 'partner')")]),
        customer: Both(&[Via("ticket_id", &super::ticket::ENTITY), Where("{t}.visibility = 'public'")]),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Visibility "TicketNoteVisibility" { Public = "public", Partner = "partner", Internal = "internal" }
}
