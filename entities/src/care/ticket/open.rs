use super::{Channel, Column, ENTITY, Entity, Kind, MOST_NAME, MOST_TEXT, Model, Priority, SAME_WITHIN_MINUTES, Status};
use crate::{
    billing::bill,
    catalogue::product,
    conversation::conversation,
    error::{Code, Error, Result},
    input::{Check, needs, needs_at, not_found},
    model::*,
    mutant::without,
    outbox::change::Operation,
    party::{customer, partner_customer},
    privacy::audit_event::Action,
    store::Write,
};
use chrono::TimeDelta;
use sea_orm::IntoActiveModel;

/// What a ticket starts from. Its number, status and priority are the hub's to give.
#[derive(Clone, Debug)]
pub struct Open {
    /// Whose ticket it is. A customer with one login may leave it out; an agent may not know it yet.
    pub customer_id: Option<Uuid>,
    pub kind: Kind,
    pub name: String,
    pub description: String,
    pub product_id: Option<Uuid>,
    pub bill_id: Option<Uuid>,
    /// The talk that led to it.
    pub conversation_id: Option<Uuid>,
    pub channel: Channel,
}

/// Opens a ticket: a customer for their own tree, a partner for its customers, an agent for anybody or for a sender
/// still unknown. Without a login only out of the caller's own conversation, and then nobody's: agents see it.
pub async fn open(w: &mut Write, open: Open) -> Result<Uuid> {
    if w.scope().audience != Audience::Public {
        needs(w.scope(), "ticket:write")?;
    }
    let mut check = Check::default();
    let name = check.text("name", &open.name, MOST_NAME);
    let description = check.text("description", &open.description, MOST_TEXT);
    check.done()?;
    let customer = owner(w, open.customer_id, open.conversation_id).await?;
    if let Some(c) = &customer {
        needs_at(w, "ticket:write", Some(c.id)).await?;
    }
    belongings(w, &open, customer.as_ref().map(|c| c.id)).await?;
    let partner_id = match &customer {
        Some(c) => partner_customer::seller(w, c.id).await?,
        None => None,
    };
    // Locks the counter: a second click waits here and then sees the first.
    let ticket_no = free_number(w).await?;
    no_double(w, customer.as_ref().map(|c| c.id), open.conversation_id, &name).await?;

    let id = crate::id::at(w.at());
    let reporter = customer.as_ref().filter(|_| w.scope().audience == Audience::Customer).map(|c| c.party_id);
    let row = Model {
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
        customer_id: customer.as_ref().map(|c| c.id),
        partner_id,
        ticket_no,
        kind: open.kind,
        category: None,
        name,
        description: Some(description),
        severity: None,
        priority: Priority::Medium,
        status: Status::Acknowledged,
        status_reason: None,
        channel: open.channel,
        reporter_party_id: reporter,
        product_id: open.product_id,
        bill_id: open.bill_id,
        conversation_id: open.conversation_id,
        opened_at: w.at(),
        first_response_at: None,
        requested_resolution_at: None,
        expected_resolution_at: None,
        resolved_at: None,
        closed_at: None,
        reopened: 0,
        resolution_code: None,
        resolution: None,
    };
    let owner = (row.customer_id, row.partner_id);
    Entity::insert(row.into_active_model()).exec_without_returning(w.tx()).await?;
    readable(w, id).await?;
    w.changed(Operation::Insert, &ENTITY, id, owner.0, owner.1);
    w.audit(Action::Create, &ENTITY, id, owner.0, &["kind", "name", "description", "product", "bill", "conversation"]);
    w.state(&ENTITY, id, owner, None, Status::Acknowledged.text(), None).await?;
    Ok(id)
}

/// Whose ticket it will be, as far as the caller may know them.
async fn owner(w: &Write, asked: Option<Uuid>, conversation_id: Option<Uuid>) -> Result<Option<customer::Model>> {
    let scope = w.scope();
    let id = match (scope.audience, asked) {
        (Audience::Public, None) if conversation_id.is_some() => return Ok(None),
        (Audience::Public, _) => return Err(Error::refused(Code::LoginRequired, "", "Please log in to open a ticket.")),
        (Audience::Agent, None) => return Ok(None),
        (Audience::Customer, None) if scope.customers.len() == 1 => scope.customers[0],
        (_, None) => return Err(Error::refused(Code::Blank, "customerId", "Please say for which customer this is.")),
        (_, Some(id)) => id,
    };
    let found = scope.find::<customer::Entity>().filter(customer::Column::Id.eq(id)).filter(customer::Column::ErasedAt.is_null()).one(w.tx()).await?;
    found.map(Some).ok_or_else(|| not_found("customerId", "customer"))
}

/// What the ticket is about must be visible to the caller and of the same customer.
async fn belongings(w: &Write, open: &Open, customer_id: Option<Uuid>) -> Result<()> {
    if let Some(id) = open.product_id {
        let row = w.scope().find::<product::Entity>().filter(product::Column::Id.eq(id)).one(w.tx()).await?;
        row.filter(|r| Some(r.customer_id) == customer_id || without(|| "belongs:product".into()))
            .ok_or_else(|| not_found("productId", "product of this customer"))?;
    }
    if let Some(id) = open.bill_id {
        let row = w.scope().find::<bill::Entity>().filter(bill::Column::Id.eq(id)).one(w.tx()).await?;
        row.filter(|r| Some(r.customer_id) == customer_id || without(|| "belongs:bill".into()))
            .ok_or_else(|| not_found("billId", "bill of this customer"))?;
    }
    if let Some(id) = open.conversation_id {
        let row = w.scope().find::<conversation::Entity>().filter(conversation::Column::Id.eq(id)).one(w.tx()).await?;
        // A talk may have begun before anybody knew with whom.
        let same = |c: Option<Uuid>| c.is_none() || c == customer_id || without(|| "belongs:conversation".into());
        row.filter(|r| same(r.customer_id)).ok_or_else(|| not_found("conversationId", "conversation"))?;
    }
    Ok(())
}

async fn no_double(w: &Write, customer_id: Option<Uuid>, conversation_id: Option<Uuid>, name: &str) -> Result<()> {
    let same = match (customer_id, conversation_id) {
        (Some(id), _) => Column::CustomerId.eq(id),
        (None, Some(id)) => Column::ConversationId.eq(id),
        (None, None) => return Ok(()),
    };
    let recent = w.at() - TimeDelta::minutes(SAME_WITHIN_MINUTES);
    let found = w.scope().find::<Entity>().filter(same).filter(Column::Name.eq(name)).filter(Column::OpenedAt.gte(recent));
    let open = Status::FINAL.iter().fold(found, |q, status| q.filter(Column::Status.ne(*status)));
    match open.one(w.tx()).await? {
        Some(other) => {
            let message = format!("You asked this a few minutes ago: ticket {}. Please add a note to it instead.", other.ticket_no);
            Err(Error::refused(Code::DuplicateOfOpenTicket, "name", message))
        }
        None => Ok(()),
    }
}

/// Nobody writes what they could not read. A visitor's ticket is for agents alone.
async fn readable(w: &Write, id: Uuid) -> Result<()> {
    let seen = w.scope().audience == Audience::Public
        || without(|| "readable:ticket".into())
        || w.scope().find::<Entity>().filter(Column::Id.eq(id)).one(w.tx()).await?.is_some();
    if seen { Ok(()) } else { Err(not_found("customerId", "customer")) }
}

/// The next number that no imported ticket has.
async fn free_number(w: &mut Write) -> Result<String> {
    loop {
        let number = format!("T-{}", w.next_ticket_no().await?);
        let there = crate::Scope::hub(w.at()).find::<Entity>().filter(Column::TicketNo.eq(&number)).one(w.tx()).await?;
        if there.is_none() {
            return Ok(number);
        }
    }
}
