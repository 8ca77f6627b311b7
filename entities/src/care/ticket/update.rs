use super::{ActiveModel, Column, ENTITY, Entity, MOST_NAME, MOST_TEXT, Model, Priority, Status, status};
use crate::{
    error::{Code, Result},
    input::{Check, needs, needs_at, not_found, same_version},
    model::*,
    mutant::without,
    outbox::change::Operation,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ActiveValue::Set, QuerySelect};

/// What is to change; none leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub ticket_id: Uuid,
    /// The ticket's `row_version` as it was read.
    pub expected_version: i32,
    pub status: Option<Status>,
    /// Why, for agents' eyes.
    pub status_reason: Option<String>,
    pub priority: Option<Priority>,
    pub name: Option<String>,
    pub resolution: Option<String>,
}

/// Changes a ticket. Agents change all of it, its priority with `ticket:triage`; a customer or a partner can close
/// their own or open again what was resolved. Returns its version after that.
pub async fn update(w: &mut Write, update: Update) -> Result<i32> {
    needs(w.scope(), "ticket:write")?;
    let ticket = locked(w, update.ticket_id).await?;
    needs_at(w, "ticket:write", ticket.customer_id).await?;
    same_version(update.expected_version, ticket.row_version)?;
    let (row, fields) = changes(w, &ticket, &update)?;
    let to = update.status.filter(|to| *to != ticket.status);
    if let Some(to) = to {
        status::allow(&ticket, to, w.scope().audience)?;
    }
    if fields.is_empty() && to.is_none() {
        return Ok(ticket.row_version);
    }
    let version = ticket.row_version + 1;
    let mut row = ActiveModel { id: Set(ticket.id), updated_at: Set(w.at()), row_version: Set(version), ..row };
    if let Some(to) = to {
        status::step(&mut row, &ticket, to, w.at());
    }
    Entity::update(row).exec(w.tx()).await?;
    let owner = (ticket.customer_id, ticket.partner_id);
    let touched: Vec<_> = fields.into_iter().chain(to.map(|_| "status")).collect();
    w.changed(Operation::Update, &ENTITY, ticket.id, owner.0, owner.1);
    w.audit(Action::Update, &ENTITY, ticket.id, owner.0, &touched);
    if let Some(to) = to {
        w.state(&ENTITY, ticket.id, owner, Some(ticket.status.text()), to.text(), update.status_reason.as_deref()).await?;
    }
    Ok(version)
}

/// The ticket, if the caller may know it, held until the transaction ends.
pub(super) async fn locked(w: &Write, id: Uuid) -> Result<Model> {
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(id)).lock_exclusive().one(w.tx()).await?;
    found.ok_or_else(|| not_found("ticketId", "ticket"))
}

/// The columns that change besides the status, and their names.
fn changes(w: &Write, ticket: &Model, update: &Update) -> Result<(ActiveModel, Vec<&'static str>)> {
    let agent = w.scope().audience == Audience::Agent;
    let mut row: ActiveModel = Default::default();
    let (mut fields, mut check) = (vec![], Check::default());
    let mut touch = |check: &mut Check, may: bool, field: &'static str| {
        check.want(may || without(|| format!("agents:ticket.{field}")), Code::InvalidValue, field, "Only an agent can change this.");
        fields.push(field);
    };
    if let Some(priority) = update.priority.filter(|p| *p != ticket.priority) {
        touch(&mut check, w.scope().has("ticket:triage"), "priority");
        row.priority = Set(priority);
    }
    if let Some(name) = update.name.as_deref().map(|n| check.text("name", n, MOST_NAME)).filter(|n| *n != ticket.name) {
        touch(&mut check, agent, "name");
        row.name = Set(name);
    }
    if let Some(reason) = &update.status_reason {
        touch(&mut check, agent, "statusReason");
        row.status_reason = Set(Some(check.text("statusReason", reason, MOST_NAME)));
    }
    if let Some(resolution) = &update.resolution {
        touch(&mut check, agent, "resolution");
        row.resolution = Set(Some(check.text("resolution", resolution, MOST_TEXT)));
    }
    check.done()?;
    Ok((row, fields))
}
