//! Tickets: number, name, description and notes, each kind of note for those who may read it.
use crate::{
    Result,
    document::Document,
    fields::{Codes, Part},
    language, owned, party,
    visibility::{self, Owners},
};
use entities::{
    Store,
    care::{ticket, ticket_note},
    scope::Scope,
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use std::collections::HashMap;
use uuid::Uuid;

/// How much of a ticket's notes is kept to show.
const MOST_SHOWN: usize = 8_000;

pub async fn documents(store: &Store, ids: &[Uuid]) -> Result<Vec<Document>> {
    let hub = Scope::hub(store.clock().now());
    let tickets = hub.find::<ticket::Entity>().filter(ticket::Column::Id.is_in(ids.to_vec())).filter(owned::alive(ticket::Column::CustomerId));
    let tickets = tickets.all(store.reader()).await?;
    let notes = hub.find::<ticket_note::Entity>().filter(ticket_note::Column::TicketId.is_in(ids.to_vec()));
    let notes = notes.order_by_asc(ticket_note::Column::NotedAt).order_by_asc(ticket_note::Column::Id).all(store.reader()).await?;
    let owners = party::owners(store, tickets.iter().filter_map(|t| t.customer_id)).await?;
    let mut said: HashMap<Uuid, Vec<ticket_note::Model>> = HashMap::new();
    for note in notes {
        said.entry(note.ticket_id).or_default().push(note);
    }
    Ok(tickets.iter().map(|t| document(t, said.get(&t.id).map_or(&[], Vec::as_slice), &owners)).collect())
}

/// The tickets of these notes.
pub async fn of_notes(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let notes = Scope::hub(store.clock().now()).find::<ticket_note::Entity>().filter(ticket_note::Column::Id.is_in(ids));
    Ok(notes.all(store.reader()).await?.into_iter().map(|n| n.ticket_id).collect())
}

/// The tickets of these customers.
pub async fn of_customers(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    use sea_orm::QuerySelect;
    let tickets = Scope::hub(store.clock().now()).find::<ticket::Entity>().filter(ticket::Column::CustomerId.is_in(ids));
    Ok(tickets.select_only().column(ticket::Column::Id).into_tuple().all(store.reader()).await?)
}

fn document(t: &ticket::Model, notes: &[ticket_note::Model], owners: &Owners) -> Document {
    use ticket_note::Visibility::*;
    let of = |kind| {
        let bodies = notes.iter().filter(|n| n.visibility == kind).map(|n| n.body.as_str());
        bodies.collect::<Vec<_>>().join("\n\n").chars().take(MOST_SHOWN).collect::<String>()
    };
    let mut d = Document::new(&ticket::ENTITY, t.id, visibility::of_row(owners, t.customer_id, true, t.partner_id));
    let body = [t.description.as_deref().unwrap_or_default(), &of(Public), t.resolution.as_deref().unwrap_or_default()];
    let body = body.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("\n\n");
    let language = language::detect(&format!("{} {body}", t.name));
    d.shown.title.clone_from(&t.name);
    d.shown.locale = language.code.into();
    (d.shown.partner, d.shown.internal) = (of(Partner), of(Internal));
    d.part(Part::Title, language, &t.name);
    d.part(Part::Body, language, &body);
    d.part(Part::Partner, language, d.shown.partner.clone());
    d.part(Part::Internal, language, d.shown.internal.clone());
    d.code(Codes::Own, &t.ticket_no);
    d.shown.body = body;
    d
}
