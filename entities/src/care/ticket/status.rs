use super::{ActiveModel, Model, Status};
use crate::{
    error::{Code, Error, Result},
    model::*,
};
use sea_orm::{ActiveValue::Set, prelude::DateTimeUtc};

use Status::*;

/// What may follow what. The last three end a ticket: whoever comes back opens a new one.
const NEXT: &[(Status, &[Status])] = &[
    (Acknowledged, &[InProgress, Pending, Held, Resolved, Closed, Cancelled, Rejected]),
    (InProgress, &[Pending, Held, Resolved, Closed, Cancelled]),
    (Pending, &[InProgress, Held, Resolved, Closed, Cancelled]),
    (Held, &[InProgress, Pending, Resolved, Closed, Cancelled]),
    (Resolved, &[InProgress, Closed]),
    (Closed, &[]),
    (Cancelled, &[]),
    (Rejected, &[]),
];
/// Of these, what somebody who is no agent may do: close, and open again what was resolved.
const NEXT_FOR_OTHERS: &[(Status, Status)] =
    &[(Acknowledged, Closed), (InProgress, Closed), (Pending, Closed), (Held, Closed), (Resolved, Closed), (Resolved, InProgress)];

impl Status {
    /// Nothing follows these.
    pub const FINAL: &[Status] = &[Closed, Cancelled, Rejected];

    pub fn is_final(self) -> bool {
        Self::FINAL.contains(&self)
    }
    /// Whether this audience may take a ticket from here to there.
    pub fn may_become(self, to: Status, audience: Audience) -> bool {
        let follows = NEXT.iter().any(|(from, next)| *from == self && next.contains(&to));
        match audience {
            Audience::Agent => follows,
            Audience::Customer | Audience::Partner => follows && NEXT_FOR_OTHERS.contains(&(self, to)),
            Audience::Public => false,
        }
    }
}

/// Refuses a step that is not in the table, in words.
pub(super) fn allow(ticket: &Model, to: Status, audience: Audience) -> Result<()> {
    if ticket.status.may_become(to, audience) {
        return Ok(());
    }
    let message = match ticket.status.is_final() {
        true => format!("Ticket {} is {}. Please open a new one.", ticket.ticket_no, words(ticket.status)),
        false => format!("A ticket that is {} cannot become {} this way.", words(ticket.status), words(to)),
    };
    Err(Error::refused(Code::InvalidTransition, "status", message))
}
fn words(status: Status) -> &'static str {
    match status {
        InProgress => "in progress",
        other => other.text(),
    }
}

/// Sets the status and the instants that go with it.
pub(super) fn step(row: &mut ActiveModel, ticket: &Model, to: Status, at: DateTimeUtc) {
    row.status = Set(to);
    if ticket.status == Resolved && !to.is_final() {
        // The clock starts anew.
        row.reopened = Set(ticket.reopened + 1);
        row.resolved_at = Set(None);
    }
    if matches!(to, Resolved | Closed) && ticket.resolved_at.is_none() {
        row.resolved_at = Set(Some(at));
    }
    if to.is_final() {
        row.closed_at = Set(Some(at));
    }
}
