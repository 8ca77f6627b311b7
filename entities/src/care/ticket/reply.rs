use super::{ENTITY, Entity, MOST_TEXT, Status, status, update::locked};
use crate::{
    care::ticket_note::{self, AuthorKind, Visibility},
    error::{Code, Error, Result},
    input::{Check, needs, needs_at},
    model::*,
    mutant::without,
    outbox::change::Operation,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ActiveValue::Set, IntoActiveModel};

/// What somebody says on a ticket.
#[derive(Clone, Debug)]
pub struct Reply {
    pub ticket_id: Uuid,
    pub body: String,
    pub visibility: Visibility,
    /// What the ticket becomes with it: an agent resolves, a customer closes.
    pub status: Option<Status>,
}

/// Adds a note. The first word of an agent that the customer can read stops the clock of the first response; a word
/// from the customer's side wakes a ticket that was resolved or waited for them.
pub async fn reply(w: &mut Write, reply: Reply) -> Result<Uuid> {
    needs(w.scope(), "ticket:write")?;
    let mut check = Check::default();
    let body = check.text("body", &reply.body, MOST_TEXT);
    let may = may_write(w.scope().audience, reply.visibility) || without(|| "may_write:note".into());
    check.want(may, Code::InvalidValue, "visibility", "You cannot write notes that you could not read.");
    check.done()?;
    let ticket = locked(w, reply.ticket_id).await?;
    needs_at(w, "ticket:write", ticket.customer_id).await?;
    if ticket.status.is_final() {
        return Err(Error::refused(Code::InvalidTransition, "ticketId", format!("Ticket {} is closed. Please open a new one.", ticket.ticket_no)));
    }
    let (author, theirs) = match w.scope().audience {
        Audience::Agent => (AuthorKind::Agent, false),
        Audience::Partner => (AuthorKind::Partner, true),
        Audience::Customer | Audience::Public => (AuthorKind::Customer, true),
    };
    if let Some(to) = reply.status {
        status::allow(&ticket, to, w.scope().audience)?;
    }
    let woken = (theirs && matches!(ticket.status, Status::Resolved | Status::Pending)).then_some(Status::InProgress);
    let to = reply.status.or(woken);

    let (id, owner) = (crate::id::at(w.at()), (ticket.customer_id, ticket.partner_id));
    let note = ticket_note::Model {
        id,
        created_at: w.at(),
        updated_at: w.at(),
        row_version: 1,
        source_system: "hub".into(),
        external_id: id.to_string(),
        source_status: None,
        source_updated_at: None,
        row_hash: None,
        import_batch_id: None,
        customer_id: owner.0,
        partner_id: owner.1,
        ticket_id: ticket.id,
        author_kind: author,
        author_party_id: None,
        body,
        visibility: reply.visibility,
        message_id: None,
        noted_at: w.at(),
    };
    ticket_note::Entity::insert(note.into_active_model()).exec_without_returning(w.tx()).await?;
    let mut row = super::ActiveModel { id: Set(ticket.id), updated_at: Set(w.at()), row_version: Set(ticket.row_version + 1), ..Default::default() };
    if author == AuthorKind::Agent && reply.visibility == Visibility::Public && ticket.first_response_at.is_none() {
        row.first_response_at = Set(Some(w.at()));
    }
    if let Some(to) = to {
        status::step(&mut row, &ticket, to, w.at());
    }
    Entity::update(row).exec(w.tx()).await?;
    w.changed(Operation::Insert, &ticket_note::ENTITY, id, owner.0, owner.1);
    w.changed(Operation::Update, &ENTITY, ticket.id, owner.0, owner.1);
    w.audit(Action::Create, &ticket_note::ENTITY, id, owner.0, &["body", "visibility"]);
    if let Some(to) = to {
        w.state(&ENTITY, ticket.id, owner, Some(ticket.status.text()), to.text(), None).await?;
    }
    Ok(id)
}

fn may_write(audience: Audience, visibility: Visibility) -> bool {
    match audience {
        Audience::Agent => true,
        Audience::Partner => visibility != Visibility::Internal,
        Audience::Customer | Audience::Public => visibility == Visibility::Public,
    }
}
