use super::{ActiveModel, Column, ENTITY, Entity, Model, PreferredChannel, Status};
use crate::{
    error::{Code, Error, Result},
    input::{Check, is_locale, needs, needs_at, not_found, same_version},
    model::*,
    mutant::without,
    outbox::change::Operation,
    party::{customer_closure, party},
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, QuerySelect};

/// What is to change; none leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub customer_id: Uuid,
    /// The customer's `row_version` as it was read.
    pub expected_version: i32,
    pub display_name: Option<String>,
    pub locale: Option<String>,
    pub preferred_channel: Option<PreferredChannel>,
    pub status: Option<Status>,
    pub status_reason: Option<String>,
    /// The customer that this one is to stand below; `Some(None)` makes it the root of a tree.
    pub parent: Option<Option<Uuid>>,
}

/// Characters of a name.
pub const MOST_NAME: usize = 200;

/// What may follow what. A closed customer can come back.
const NEXT: &[(Status, &[Status])] = &[
    (Status::Prospect, &[Status::Active, Status::Closed]),
    (Status::Active, &[Status::Suspended, Status::Closed]),
    (Status::Suspended, &[Status::Active, Status::Closed]),
    (Status::Closed, &[Status::Active]),
];

/// Changes a customer: names, locale and preferred channel by themselves or by an agent; status and place in the
/// enterprise by an agent. Returns its version after that.
pub async fn update(w: &mut Write, update: Update) -> Result<i32> {
    needs(w.scope(), "customer:write")?;
    check(w, &update)?;
    let found = w
        .scope()
        .find::<Entity>()
        .filter(Column::Id.eq(update.customer_id))
        .filter(Column::ErasedAt.is_null())
        .lock(sea_orm::sea_query::LockType::NoKeyUpdate)
        .one(w.tx())
        .await?;
    let customer = found.ok_or_else(|| not_found("customerId", "customer"))?;
    needs_at(w, "customer:write", Some(customer.id)).await?;
    same_version(update.expected_version, customer.row_version)?;

    let mut row: ActiveModel = Default::default();
    let mut fields = names(w, &customer, &update).await?;
    if let Some(channel) = update.preferred_channel.filter(|c| Some(*c) != customer.preferred_channel) {
        row.preferred_channel = Set(Some(channel));
        fields.push("preferredChannel");
    }
    if let Some(parent) = update.parent.filter(|p| *p != customer.parent_id) {
        hang(w, &customer, parent).await?;
        row.parent_id = Set(parent);
        fields.push("parent");
    }
    let to = update.status.filter(|to| *to != customer.status);
    if let Some(to) = to {
        allow(customer.status, to)?;
        row.status = Set(to);
        row.closed_at = Set((to == Status::Closed).then_some(w.at()));
        row.status_reason = Set(update.status_reason.clone());
        fields.push("status");
    }
    if fields.is_empty() {
        return Ok(customer.row_version);
    }
    let version = customer.row_version + 1;
    Entity::update(ActiveModel { id: Set(customer.id), updated_at: Set(w.at()), row_version: Set(version), ..row }).exec(w.tx()).await?;
    w.changed(Operation::Update, &ENTITY, customer.id, Some(customer.id), None);
    w.audit(Action::Update, &ENTITY, customer.id, Some(customer.id), &fields);
    if let Some(to) = to {
        let owner = (Some(customer.id), None);
        w.state(&ENTITY, customer.id, owner, Some(customer.status.text()), to.text(), update.status_reason.as_deref()).await?;
    }
    Ok(version)
}

fn check(w: &Write, update: &Update) -> Result<()> {
    let mut check = Check::default();
    if let Some(name) = &update.display_name {
        check.text("displayName", name, MOST_NAME);
    }
    if let Some(locale) = &update.locale {
        check.want(is_locale(locale), Code::InvalidValue, "locale", "A locale is like “en” or “de-AT”.");
    }
    if let Some(reason) = &update.status_reason {
        check.text("statusReason", reason, MOST_NAME);
        check.want(update.status.is_some(), Code::InvalidValue, "statusReason", "A reason goes with a new status.");
    }
    let agent = w.scope().audience == Audience::Agent;
    for (field, asked) in [("status", update.status.is_some()), ("parentId", update.parent.is_some())] {
        check.want(agent || !asked || without(|| format!("agents:customer.{field}")), Code::InvalidValue, field, "Only an agent can change this.");
    }
    check.done()
}

fn allow(from: Status, to: Status) -> Result<()> {
    if NEXT.iter().any(|(f, next)| *f == from && next.contains(&to)) {
        return Ok(());
    }
    let message = format!("A customer that is {} cannot become {}.", from.text(), to.text());
    Err(Error::refused(Code::InvalidTransition, "status", message))
}

/// The names are the party's: it changes with the customer, under the customer's version.
async fn names(w: &mut Write, customer: &Model, update: &Update) -> Result<Vec<&'static str>> {
    let found = w.scope().find::<party::Entity>().filter(party::Column::Id.eq(customer.party_id)).one(w.tx()).await?;
    let party = found.ok_or_else(|| not_found("customerId", "customer"))?;
    let mut row: party::ActiveModel = Default::default();
    let mut fields = vec![];
    if let Some(name) = update.display_name.as_deref().map(str::trim).filter(|n| *n != party.display_name) {
        row.display_name = Set(name.into());
        fields.push("displayName");
    }
    if let Some(locale) = update.locale.as_ref().filter(|l| **l != party.locale) {
        row.locale = Set(locale.clone());
        fields.push("locale");
    }
    if fields.is_empty() {
        return Ok(fields);
    }
    let row = party::ActiveModel { id: Set(party.id), updated_at: Set(w.at()), row_version: Set(party.row_version + 1), ..row };
    party::Entity::update(row).exec(w.tx()).await?;
    w.changed(Operation::Update, &party::ENTITY, party.id, Some(customer.id), None);
    Ok(fields)
}

/// Moves a customer, with all below it, under another.
async fn hang(w: &Write, customer: &Model, parent: Option<Uuid>) -> Result<()> {
    // One move at a time: two that each look right could close a circle together.
    w.tx().execute_unprepared("update change_head set position = position where id = 1").await?;
    if let Some(parent) = parent {
        let seen = w.scope().find::<Entity>().filter(Column::Id.eq(parent)).one(w.tx()).await?;
        seen.ok_or_else(|| not_found("parentId", "customer"))?;
        if customer_closure::is_within(w.tx(), parent, customer.id).await? {
            return Err(Error::refused(Code::InvalidValue, "parentId", "A customer cannot stand below itself."));
        }
    }
    customer_closure::hang(w.tx(), customer.id, parent).await
}
