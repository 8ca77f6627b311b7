//! Conversations, answers of the bot, and the timeline of a customer.
use crate::declare::*;
use entities::conversation::{bot_answer, bot_citation, conversation, message, timeline};

pub fn types() -> Vec<Type> {
    vec![conversation_type(), message_type(), answer(), citation(), timeline_entry()]
}
pub fn roots() -> Vec<Field> {
    vec![
        find("conversation", "Conversation", &[("id", "Its public id.", "id")], "One conversation. Null when there is none that you may see.")
            .see(ALL),
        all("conversations", "Conversation", desc(conversation::Column::StartedAt), "All conversations that you may see, the newest first.")
            .connection()
            .filtered()
            .see(KNOWN)
            .scope("conversation:read"),
    ]
}
fn conversation_type() -> Type {
    use conversation::{Channel, Column, ENTITY, Status, Verification};
    table(&ENTITY, "A talk with the bot or a human, on one channel.")
        .fields([
            id(&ENTITY).see(ALL),
            choice::<Channel>("channel", Column::Channel, "How it is held.").see(ALL),
            column("subject", Column::Subject, "Null where the channel has none.").see(ALL),
            choice::<Status>("status", Column::Status, "Who is to speak next.").see(ALL),
            choice::<Verification>("verification", Column::Verification, "How sure we are who it is.").see(AGENT),
            column("startedAt", Column::StartedAt, "When it began.").see(ALL),
            column("handoffAt", Column::HandoffAt, "When it was given to a human; null otherwise.").see(ALL),
            column("handoffReason", Column::HandoffReason, "Null otherwise.").see(AGENT),
            column("resolvedAt", Column::ResolvedAt, "Null until then.").see(ALL),
            one("customer", "Customer", Column::CustomerId, "Null while the sender is not known.").see(KNOWN).scope("customer:read"),
            many("messages", "Message", message::Column::ConversationId, asc(message::Column::CreatedAt), "The oldest first.").connection().see(ALL),
            one_by(
                "ticket",
                "Ticket",
                "(select k.id from tickets k where k.conversation_id = {t}.id and {may Ticket k} order by k.id desc limit 1)",
                &[],
                "The ticket it became; null otherwise.",
            )
            .see(KNOWN)
            .scope("ticket:read"),
        ])
        .fields(crate::party::origin())
        .filters([any_of::<Status>("status", Column::Status, "Any of these."), any_of::<Channel>("channel", Column::Channel, "Any of these.")])
}
fn message_type() -> Type {
    use message::{AuthorKind, Column, Direction, ENTITY, State};
    table(&ENTITY, "One message of a conversation.").fields([
        id(&ENTITY).see(ALL),
        choice::<Direction>("direction", Column::Direction, "From us or to us.").see(ALL),
        choice::<AuthorKind>("authorKind", Column::AuthorKind, "What kind of person or system wrote it.").see(ALL),
        column("body", Column::BodyText, "Plain text.").see(ALL),
        choice::<State>("state", Column::State, "Whether it went out.").see(AGENT),
        column("sentAt", Column::SentAt, "Null until it was sent.").see(ALL),
        column("createdAt", Column::CreatedAt, "When it was written.").see(ALL),
        one("conversation", "Conversation", Column::ConversationId, "The conversation it belongs to.").see(ALL),
        one_by(
            "answer",
            "BotAnswer",
            "(select a.id from bot_answers a where a.message_id = {t}.id order by a.id desc limit 1)",
            &[],
            "What the bot decided; null when a human wrote it.",
        )
        .see(ALL),
    ])
}
fn answer() -> Type {
    use bot_answer::{Column, ENTITY, Kind};
    table(&ENTITY, "What the bot decided, and from what.").fields([
        id(&ENTITY).see(ALL),
        choice::<Kind>("kind", Column::Kind, "From the knowledge base, from the caller's own data, a question back, a hand-over, or a refusal.").see(ALL),
        one("message", "Message", Column::MessageId, "The message that says it.").see(ALL),
        sql("text", Scalar::Text, "(select m.body_text from messages m where m.id = {t}.message_id)", "What was said.").see(ALL),
        rate("confidence", Column::ConfidenceMicro, "How sure the bot is that this is right, 0 to 1.").see(ALL),
        column("intent", Column::Intent, "Null when none was recognised.").see(AGENT),
        column("latencyMs", Column::LatencyMs, "How long the bot took, in milliseconds.").see(AGENT),
        column("engineVersion", Column::EngineVersion, "Which version of the engine decided.").see(AGENT),
        column("isHelpful", Column::Helpful, "What the asker said of it; null when nothing.").see(AGENT),
        many("citations", "Citation", bot_citation::Column::AnswerId, asc(bot_citation::Column::Rank), "Where it was taken from, the best first.").see(ALL),
        one_by("handedOffTo", "Ticket", "(select k.id from messages m join tickets k on k.conversation_id = m.conversation_id where m.id = {t}.message_id and {may Ticket k} order by k.id desc limit 1)", &[], "The ticket that a human works on; null otherwise.").see(KNOWN).scope("ticket:read"),
        sql("ticketNo", Scalar::Text, "(select k.ticket_no from messages m join tickets k on k.conversation_id = m.conversation_id where m.id = {t}.message_id and {t}.kind in ('handoff', 'refuse') and k.created_at = {t}.created_at order by k.id desc limit 1)", "The number to quote when a human takes over; null otherwise.").or_null().see(ALL),
    ])
}
fn citation() -> Type {
    use bot_citation::{Column, ENTITY};
    const BY_KIND: &str = "(select {t}.entity_id where {t}.entity_type = 'Bill')";
    table(&ENTITY, "A source of an answer.").fields([
        id(&ENTITY).see(ALL),
        column("rank", Column::Rank, "1 is the best.").see(ALL),
        column("snippet", Column::Snippet, "The words that were used.").see(ALL),
        column("anchor", Column::Anchor, "The section of the article; null for the whole.").see(ALL),
        rate("score", Column::ScoreMicro, "How well it fits the question.").see(AGENT),
        one("articleVersion", "KbArticleVersion", Column::ArticleVersionId, "Null when it is not from the knowledge base.").see(ALL),
        one_by("bill", "Bill", BY_KIND, &[], "Null when it is not from a bill.").see(KNOWN).scope("billing:read"),
    ])
}
fn timeline_entry() -> Type {
    use timeline::{Column, ENTITY, Kind};
    view("TimelineEntry", &ENTITY, "Something that happened to a customer.")
        .fields([
            column("at", Column::At, "When.").see(KNOWN),
            choice::<Kind>("kind", Column::Kind, "What sort of thing it was.").see(KNOWN),
            column("title", Column::Title, "In one line.").see(KNOWN),
            column("state", Column::State, "The state it is in, or went to; null where there is none.").see(KNOWN),
            one("ticket", "Ticket", Column::TicketId, "Null unless kind is TICKET.").see(KNOWN).scope("ticket:read"),
            one("bill", "Bill", Column::BillId, "Null unless kind is BILL.").see(KNOWN).scope("billing:read"),
            one("conversation", "Conversation", Column::ConversationId, "Null unless kind is CONVERSATION.").see(KNOWN).scope("conversation:read"),
        ])
        .filters([any_of::<Kind>("kind", Column::Kind, "Any of these.")])
}
