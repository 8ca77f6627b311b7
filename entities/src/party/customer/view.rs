use super::{Column, ENTITY, Entity};
use crate::{
    error::Result,
    input::{Check, needs, not_found},
    model::*,
    privacy::audit_event::Action,
    store::Write,
};

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
    w.audit(Action::Login, &ENTITY, customer_id, Some(customer_id), &[]);
    w.because(reason);
    Ok(())
}
