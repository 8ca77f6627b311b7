//! Everything about a customer, in a file for it to keep (GDPR Art. 15 and 20): asked for by the customer or by an agent on
//! its behalf, made by the hub. What is in it is what the customer may know, whoever asks.
use crate::{
    Audience, Error, Result, Scope, Store,
    error::Code,
    exchange::{
        export::{self, Options},
        task::{self, Kind, State, queue},
    },
    input::{needs, needs_at},
    model::*,
    party::customer,
    privacy::{
        audit_event::Action,
        privacy_request::{self, of_customer},
    },
    store::Write,
};
use sea_orm::prelude::Uuid;

/// Asks for the file. One that is on its way is not asked for twice.
pub async fn ask(w: &mut Write, customer_id: Uuid) -> Result<Uuid> {
    needs(w.scope(), "export:run")?;
    if w.scope().audience == Audience::Partner {
        return Err(Error::refused(Code::NotFound, "", "There is nothing here that you may export."));
    }
    let customer = of_customer(w, customer_id).await?;
    needs_at(w, "export:run", Some(customer.id)).await?;
    if let Some(underway) = underway(w, customer.id, Kind::Export).await? {
        return Ok(underway);
    }
    let id = queue::ask(w, Kind::Export, "Everything about a customer", customer.id).await?;
    w.audit(Action::Export, &customer::ENTITY, customer.id, Some(customer.id), &["everything"]);
    for kind in [privacy_request::Kind::Access, privacy_request::Kind::Portability] {
        privacy_request::begun(w, customer.id, kind, id).await?;
    }
    Ok(id)
}
/// The task of that kind that waits or runs.
pub async fn underway(w: &Write, customer_id: Uuid, kind: Kind) -> Result<Option<Uuid>> {
    let found = task::Entity::find().filter(task::Column::CustomerId.eq(customer_id)).filter(task::Column::Kind.eq(kind));
    let found = found.filter(task::Column::State.is_in([State::Queued, State::Running])).one(w.tx()).await?;
    Ok(found.map(|t| t.id))
}

/// Writes the file. Returns how many rows are in it. The row rule is the customer's at the moment that it was asked for.
pub async fn write(store: &Store, task: &task::Model, out: &mut (dyn std::io::Write + Send)) -> Result<u64> {
    let Some(customer) = task.customer_id else { return Err(Error::Invalid("an export of nobody".into())) };
    let scope = Scope { at: task.created_at, ..Scope::hub(task.created_at) };
    let options = Options { types: vec![], customer: Some(customer) };
    let counts = export::export(store, &scope, &options, out, |_| {}).await?;
    Ok(counts.values().sum())
}
