//! To a human: a ticket with the question, and for agents' eyes what the bot found and why it did not answer.
use crate::{Result, understand::Understood};
use entities::{
    Audience, Store, Write,
    care::{
        ticket::{self, Channel},
        ticket_note::{self, AuthorKind, Visibility},
    },
    conversation::conversation,
    id,
    model::{Record, TextEnum},
    outbox::change::Operation,
    privacy::audit_event::Action,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use search_index::Passage;
use uuid::Uuid;

/// Why the bot hands over: what is stored, and what an agent reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    NotSure,
    AskedForHuman,
}
impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::NotSure => "not_sure",
            Reason::AskedForHuman => "asked_for_human",
        }
    }
    pub fn phrase(self) -> &'static str {
        match self {
            Reason::NotSure => "not_sure",
            Reason::AskedForHuman => "human",
        }
    }
}

/// Opens the ticket of a talk and lets the talk wait for a human. Returns the ticket's id and number.
pub async fn hand_over(
    w: &mut Write,
    talk: &conversation::Model,
    asked: &Understood,
    reason: Reason,
    passages: &[Passage],
    confidence: f32,
) -> Result<(Uuid, String)> {
    let name: String = asked.question.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    let (ticket_id, ticket_no) = open(w, talk, name, &asked.question).await?;
    note(w, talk, ticket_id, learnt(asked, reason, passages, confidence)).await?;
    if talk.status == conversation::Status::Bot {
        conversation::hand_over(w, talk, reason.name()).await?;
    }
    Ok((ticket_id, ticket_no))
}

/// The ticket that a talk was handed over with.
pub async fn ticket_of(store: &Store, talk: Uuid) -> Result<Option<ticket::Model>> {
    let hub = entities::Scope::hub(store.clock().now());
    let of = hub.find::<ticket::Entity>().filter(ticket::Column::ConversationId.eq(talk));
    Ok(of.order_by_desc(ticket::Column::OpenedAt).order_by_desc(ticket::Column::Id).one(store.reader()).await?)
}

fn learnt(asked: &Understood, reason: Reason, passages: &[Passage], confidence: f32) -> String {
    let mut lines = vec![format!(
        "Handed over by the bot: {}. Intent {}, language {}, confidence {confidence:.2}.",
        reason.name(),
        asked.intent.name(),
        asked.language.code
    )];
    lines.extend(passages.iter().take(3).map(|p| {
        let place = p.anchor.as_ref().map_or(p.slug.clone(), |a| format!("{}#{a}", p.slug));
        format!("- {} ({place}), covers {:.0} %", p.title, p.coverage * 100.0)
    }));
    lines.join("\n")
}

async fn open(w: &mut Write, talk: &conversation::Model, name: String, question: &str) -> Result<(Uuid, String)> {
    let (ticket_id, ticket_no) = (id::at(w.at()), format!("TKT-{}", w.next_ticket_no().await?));
    let row = ticket::ActiveModel {
        id: Set(ticket_id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        source_system: Set("hub".into()),
        external_id: Set(ticket_id.to_string()),
        customer_id: Set(talk.customer_id),
        partner_id: Set(talk.partner_id),
        ticket_no: Set(ticket_no.clone()),
        kind: Set(ticket::Kind::Question),
        name: Set(name),
        description: Set(Some(question.into())),
        priority: Set(ticket::Priority::Medium),
        status: Set(ticket::Status::Acknowledged),
        channel: Set(if w.scope().audience == Audience::Public { Channel::Chat } else { Channel::Bot }),
        conversation_id: Set(Some(talk.id)),
        opened_at: Set(w.at()),
        reopened: Set(0),
        ..Default::default()
    };
    ticket::Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, ticket::Entity::ENTITY, ticket_id, talk.customer_id, talk.partner_id);
    w.audit(Action::Create, ticket::Entity::ENTITY, ticket_id, talk.customer_id, &["name", "description"]);
    w.state(&ticket::ENTITY, ticket_id, (talk.customer_id, talk.partner_id), None, ticket::Status::Acknowledged.text(), None).await?;
    Ok((ticket_id, ticket_no))
}

async fn note(w: &mut Write, talk: &conversation::Model, ticket_id: Uuid, body: String) -> Result<()> {
    let note_id = id::at(w.at());
    let row = ticket_note::ActiveModel {
        id: Set(note_id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        source_system: Set("hub".into()),
        external_id: Set(note_id.to_string()),
        customer_id: Set(talk.customer_id),
        partner_id: Set(talk.partner_id),
        ticket_id: Set(ticket_id),
        author_kind: Set(AuthorKind::Bot),
        body: Set(body),
        visibility: Set(Visibility::Internal),
        noted_at: Set(w.at()),
        ..Default::default()
    };
    ticket_note::Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ticket_note::ENTITY, note_id, talk.customer_id, talk.partner_id);
    Ok(())
}
