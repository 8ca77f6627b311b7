//! To a human: a ticket with the question, and for agents' eyes what the bot found and why it did not answer.
use crate::{Result, understand::Understood};
use entities::{
    Error, Scope, Write,
    care::{
        ticket::{self, Channel, Open},
        ticket_note::{self, AuthorKind, Visibility},
    },
    conversation::conversation,
    error::Code,
    id,
    outbox::change::Operation,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{ExprTrait, SimpleExpr},
};
use search_index::Passage;
use uuid::Uuid;

/// How much of the question names the ticket, in characters.
const LONGEST_NAME: usize = 120;

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
    /// What the bot says, with a ticket and without.
    pub fn phrase(self, ticket: bool) -> &'static str {
        match (self, ticket) {
            (Reason::NotSure, true) => "not_sure",
            (Reason::NotSure, false) => "not_sure_here",
            (Reason::AskedForHuman, true) => "human",
            (Reason::AskedForHuman, false) => "human_here",
        }
    }
}

/// Opens the ticket of a talk and lets the talk wait for a human. Who asked the same a moment ago has a ticket: that
/// one. None where the caller may open none: the talk waits for a human all the same.
pub async fn hand_over(
    w: &mut Write,
    talk: &conversation::Model,
    asked: &Understood,
    reason: Reason,
    passages: &[Passage],
    confidence: f32,
) -> Result<Option<ticket::Model>> {
    let open = Open {
        customer_id: talk.customer_id,
        kind: ticket::Kind::Question,
        name: asked.question.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_NAME).collect(),
        description: asked.question.clone(),
        product_id: None,
        bill_id: None,
        conversation_id: Some(talk.id),
        channel: Channel::Bot,
    };
    let name = open.name.clone();
    let opened = match ticket::open(w, open).await {
        Ok(id) => {
            note(w, talk, id, learnt(asked, reason, passages, confidence)).await?;
            one(w, ticket::Column::Id.eq(id)).await?
        }
        Err(Error::Refused(why)) if why.iter().any(|r| r.code == Code::DuplicateOfOpenTicket) => {
            one(w, ticket::Column::CustomerId.eq(talk.customer_id).and(ticket::Column::Name.eq(name))).await?
        }
        Err(Error::Refused(why)) => {
            tracing::info!(?why, "the caller may open no ticket");
            None
        }
        Err(e) => return Err(e.into()),
    };
    if talk.status == conversation::Status::Bot {
        conversation::hand_over(w, talk, reason.name()).await?;
    }
    Ok(opened)
}

/// The latest such ticket. Asked as the hub: a visitor is told the number of a ticket that they cannot read.
async fn one(w: &Write, which: SimpleExpr) -> Result<Option<ticket::Model>> {
    let found = Scope::hub(w.at()).find::<ticket::Entity>().filter(which);
    Ok(found.order_by_desc(ticket::Column::OpenedAt).order_by_desc(ticket::Column::Id).one(w.tx()).await?)
}

/// The ticket that a talk was handed over with.
pub async fn ticket_of(w: &Write, talk: Uuid) -> Result<Option<ticket::Model>> {
    let hub = Scope::hub(w.at());
    let of = hub.find::<ticket::Entity>().filter(ticket::Column::ConversationId.eq(talk));
    Ok(of.order_by_desc(ticket::Column::OpenedAt).order_by_desc(ticket::Column::Id).one(w.tx()).await?)
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
