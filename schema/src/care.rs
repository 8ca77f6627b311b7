//! Tickets.
use crate::declare::*;
use entities::care::{ticket, ticket_note};

pub fn types() -> Vec<Type> {
    vec![ticket_type(), note()]
}
pub fn roots() -> Vec<Field> {
    const BY: &[(&str, &str, &str)] = &[("id", "Its public id.", "id"), ("ticketNo", "The number that people quote.", "ticket_no")];
    vec![
        find("ticket", "Ticket", BY, "One ticket. Null when there is none that you may see.").see(KNOWN).scope("ticket:read"),
        all(
            "tickets",
            "Ticket",
            desc(ticket::Column::OpenedAt),
            "All tickets that you may see, the newest first. Agents also see those whose sender is not known.",
        )
        .connection()
        .filtered()
        .sorted()
        .see(KNOWN)
        .scope("ticket:read"),
    ]
}
fn ticket_type() -> Type {
    use ticket::{Channel, Column, ENTITY, Kind, Priority, Status};
    const OPEN: &str = "{t}.status in ('acknowledged','pending','held','inProgress')";
    table(&ENTITY, "Something that a customer asked for or complained of.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("ticketNo", Column::TicketNo, "The number that people quote.").see(KNOWN),
            choice::<Kind>("kind", Column::Kind, "What sort of matter it is.").see(KNOWN),
            column("category", Column::Category, "Null when not sorted.").see(KNOWN),
            column("name", Column::Name, "What it is about, in one line.").see(KNOWN),
            column("description", Column::Description, "Null when there is no more to say.").see(KNOWN),
            choice::<Status>("status", Column::Status, "How far it is.").see(KNOWN),
            column("statusReason", Column::StatusReason, "Null when there is none.").see(AGENT),
            choice::<Priority>("priority", Column::Priority, "How urgent we take it to be.").see(AGENT).scope("ticket:triage"),
            column("severity", Column::Severity, "As the source spells it; null when it has none.").see(KNOWN),
            choice::<Channel>("channel", Column::Channel, "How it came.").see(KNOWN),
            column("openedAt", Column::OpenedAt, "When it came.").see(KNOWN),
            column("firstResponseAt", Column::FirstResponseAt, "When a person first answered; null until then.").see(KNOWN),
            column("requestedResolutionAt", Column::RequestedResolutionAt, "When the customer asked to have it done; null when not said.").see(KNOWN),
            column("expectedResolutionAt", Column::ExpectedResolutionAt, "Null when nobody promised.").see(KNOWN),
            column("resolvedAt", Column::ResolvedAt, "Null until then.").see(KNOWN),
            column("closedAt", Column::ClosedAt, "Null until then.").see(KNOWN),
            column("reopenedCount", Column::Reopened, "How often it was opened again.").see(KNOWN),
            column("resolution", Column::Resolution, "Null until it is resolved.").see(KNOWN),
            column("version", Column::RowVersion, "For `expectedVersion` of an update.").see(KNOWN),
            one("customer", "Customer", Column::CustomerId, "Whose it is; null while the sender is not known.").see(KNOWN).scope("customer:read"),
            one("product", "Product", Column::ProductId, "Null when it is not about one.").see(KNOWN).scope("product:read"),
            one("bill", "Bill", Column::BillId, "Null when it is not about one.").see(KNOWN).scope("billing:read"),
            one("conversation", "Conversation", Column::ConversationId, "The talk it came from; null otherwise.")
                .see(KNOWN)
                .scope("conversation:read"),
            many(
                "notes",
                "TicketNote",
                ticket_note::Column::TicketId,
                asc(ticket_note::Column::NotedAt),
                "What was said, the oldest first. Notes that you may not read are not in the list.",
            )
            .connection()
            .see(KNOWN),
            many(
                "stateChanges",
                "StateChange",
                entities::privacy::state_change::Column::EntityId,
                asc(entities::privacy::state_change::Column::ChangedAt),
                "Every change of its status, the oldest first.",
            )
            .see(KNOWN),
            sql(
                "viewerCanReply",
                Scalar::Bool,
                "({can ticket:write customer_id} and {t}.status <> 'closed')",
                "Whether `ticketReply` is open to you.",
            )
            .see(KNOWN),
            sql(
                "viewerCanClose",
                Scalar::Bool,
                &format!("({{can ticket:write customer_id}} and ({OPEN} or {{t}}.status = 'resolved'))"),
                "Whether you can close it by `ticketUpdate`.",
            )
            .see(KNOWN),
            sql(
                "viewerCanReopen",
                Scalar::Bool,
                "({can ticket:write customer_id} and {t}.status = 'resolved')",
                "Whether you can reopen it by `ticketUpdate`.",
            )
            .see(KNOWN),
        ])
        .fields(crate::party::origin())
        .filters([
            any_of::<Status>("status", Column::Status, "Any of these."),
            any_of::<Kind>("kind", Column::Kind, "Any of these kinds."),
            any_of::<Priority>("priority", Column::Priority, "Any of these."),
            from("openedFrom", "openedAt", Column::OpenedAt, "Opened then or later."),
            until("openedTo", "openedAt", Column::OpenedAt, "Opened then or earlier."),
        ])
        .sort("NEWEST", desc(Column::OpenedAt), "openedAt")
        .sort("OLDEST", asc(Column::OpenedAt), "openedAt")
}
fn note() -> Type {
    use ticket_note::{AuthorKind, Column, ENTITY, Visibility};
    table(&ENTITY, "Something that was said on a ticket.").fields([
        id(&ENTITY).see(KNOWN),
        choice::<AuthorKind>("authorKind", Column::AuthorKind, "What kind of person or system wrote it.").see(KNOWN),
        column("body", Column::Body, "What was said.").see(KNOWN),
        choice::<Visibility>("visibility", Column::Visibility, "Who may read it.").see(AGENT | PARTNER),
        column("notedAt", Column::NotedAt, "When it was said.").see(KNOWN),
        one("ticket", "Ticket", Column::TicketId, "The ticket it is on.").see(KNOWN),
    ])
}
