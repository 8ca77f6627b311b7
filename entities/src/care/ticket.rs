//! Something a customer asked for or complained of (TMF621 TroubleTicket).
pub use crate::conversation::conversation::Channel;
use crate::model::*;

/// A new ticket.
mod open;
/// A note on a ticket, and what it does to its status.
mod reply;
/// What may follow what.
mod status;
/// Changes of a ticket's own fields.
mod update;

pub use open::{Open, open};
pub use reply::{Reply, reply};
pub use update::{Update, update};

/// Characters of a ticket's name.
pub const MOST_NAME: usize = 200;
/// Characters of a description or of a note.
pub const MOST_TEXT: usize = 20_000;
/// A second open ticket of the same name within this time is one click too many.
pub const SAME_WITHIN_MINUTES: i64 = 10;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tickets")]
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
    pub ticket_no: String,
    pub kind: Kind,
    pub category: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub severity: Option<String>,
    pub priority: Priority,
    pub status: Status,
    pub status_reason: Option<String>,
    pub channel: Channel,
    pub reporter_party_id: Option<Uuid>,
    pub product_id: Option<Uuid>,
    pub bill_id: Option<Uuid>,
    pub conversation_id: Option<Uuid>,
    pub opened_at: DateTimeUtc,
    pub first_response_at: Option<DateTimeUtc>,
    pub requested_resolution_at: Option<DateTimeUtc>,
    pub expected_resolution_at: Option<DateTimeUtc>,
    pub resolved_at: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    pub reopened: i32,
    pub resolution_code: Option<String>,
    pub resolution: Option<String>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Ticket",
    prefix: "tkt",
    table: "tickets",
    reads: Some("ticket:read"),
    rules: Rules { agent: Served("customer_id"), partner: Where("{t}.partner_id {partners}"), customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "TicketKind" { Incident = "incident", BillDispute = "billDispute", Complaint = "complaint", ServiceRequest = "serviceRequest", ChangeRequest = "changeRequest", Question = "question" }
}

text_enum! {
    Priority "TicketPriority" { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

text_enum! {
    Status "TicketStatus" { Acknowledged = "acknowledged", Pending = "pending", Held = "held", InProgress = "inProgress", Resolved = "resolved", Closed = "closed", Cancelled = "cancelled", Rejected = "rejected" }
}
