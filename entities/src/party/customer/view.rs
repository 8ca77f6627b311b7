use super::{Column, ENTITY, Entity};
use crate::{
    error::{Code, Error, Result},
    input::{Check, needs, not_found},
    model::*,
    party::customer_closure as closure,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{PaginatorTrait, QuerySelect, QueryTrait};

/// Characters of a reason.
const MOST_REASON: usize = 200;

/// Writes down that an agent looks at the hub as this customer, and why: the customer reads it.
pub async fn view(w: &mut Write, customer_id: Uuid, reason: &str) -> Result<()> {
    needs(w.scope(), "customer:impersonate")?;
    let mut check = Check::default();
    let reason = check.text("reason", reason, MOST_REASON);
    check.done()?;
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(customer_id)).one(w.tx()).await?;
    found.ok_or_else(|| not_found("customerId", "customer"))?;
    let below = || closure::Entity::find().filter(closure::Column::AncestorId.eq(customer_id));
    let ids = below().select_only().column(closure::Column::DescendantId).into_query();
    let known = w.scope().find::<Entity>().filter(Column::Id.in_subquery(ids)).count(w.tx()).await?;
    if known < below().count(w.tx()).await? {
        let message = "A part of this customer is not yours to see. Please look as one of the parts that you know.";
        return Err(Error::refused(Code::InvalidValue, "customerId", message));
    }
    w.audit(Action::Login, &ENTITY, customer_id, Some(customer_id), &[]);
    w.because(reason);
    Ok(())
}
