//! What happened to a customer, on one string: tickets, bills, conversations and changes of status. Not a table: a
//! selection over theirs, with the rules of each. `@instant(DAY@end)` is that day's first instant.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "timeline")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub customer_id: Uuid,
    pub partner_id: Option<Uuid>,
    pub at: DateTimeUtc,
    pub kind: Kind,
    pub title: String,
    pub state: Option<String>,
    pub ticket_id: Option<Uuid>,
    pub bill_id: Option<Uuid>,
    pub conversation_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "TimelineEntry",
    prefix: "tml",
    table: "(select id, customer_id, partner_id, opened_at as at, 'ticket' as kind, name as title, status as state, id as ticket_id, cast(null as uuid) as bill_id, cast(null as uuid) as conversation_id from tickets where customer_id is not null \
union all select id, customer_id, partner_id, @instant(bill_on@end), 'bill', bill_no, state, cast(null as uuid), id, cast(null as uuid) from bills \
union all select id, customer_id, partner_id, started_at, 'conversation', coalesce(subject, channel), status, cast(null as uuid), cast(null as uuid), id from conversations where customer_id is not null \
union all select id, customer_id, partner_id, changed_at, 'status', entity_type, to_state, cast(null as uuid), cast(null as uuid), cast(null as uuid) from state_changes where customer_id is not null and entity_type in ('Customer', 'Product'))",
    reads: Some("customer:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Both(&[Where("{t}.partner_id {partners}"), Where("({t}.kind <> 'bill' or {t}.state not in ('new', 'onHold'))")]),
        customer: Both(&[Own("customer_id"), Where("({t}.kind <> 'bill' or {t}.state not in ('new', 'onHold'))")]),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "TimelineKind" { Ticket = "ticket", Bill = "bill", Conversation = "conversation", Status = "status" }
}
