use super::{Column, ENTITY, Entity};
use crate::{
    error::{Code, Error, Result},
    input::{Check, needs, not_found},
    model::*,
    party::customer_closure as closure,
    privacy::audit_event::Action,
    scope::Scope,
    store::Write,
};
use sea_orm::{ConnectionTrait, PaginatorTrait, QuerySelect, QueryTrait};

/// Characters of a reason.
const MOST_REASON: usize = 200;

/// Writes down that an agent looks at the hub as this customer, and why: the customer reads that it was done.
pub async fn view(w: &mut Write, customer_id: Uuid, reason: &str) -> Result<()> {
    needs(w.scope(), "customer:impersonate")?;
    let mut check = Check::default();
    let reason = check.text("reason", reason, MOST_REASON);
    check.done()?;
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(customer_id)).one(w.tx()).await?;
    found.ok_or_else(|| not_found("customerId", "customer"))?;
    whole(w.scope(), w.tx(), customer_id).await?;
    // what is masked for an agent is not for the customer
    needs(w.scope(), "customer:read_pii")?;
    w.audit(Action::Login, &ENTITY, customer_id, Some(customer_id), &[]);
    w.because(reason);
    Ok(())
}

/// Refuses where a customer below this one is not the caller's to know: what is done to the whole is done to that one too.
pub async fn whole(scope: &Scope, db: &impl ConnectionTrait, customer_id: Uuid) -> Result<()> {
    let below = || closure::Entity::find().filter(closure::Column::AncestorId.eq(customer_id));
    let ids = below().select_only().column(closure::Column::DescendantId).into_query();
    let known = scope.find::<Entity>().filter(Column::Id.in_subquery(ids)).count(db).await?;
    if known == below().count(db).await? {
        return Ok(());
    }
    Err(Error::refused(Code::InvalidValue, "customerId", "A part of this customer is not yours to see. Please take one of the parts that you know."))
}
