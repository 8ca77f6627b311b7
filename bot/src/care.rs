//! Skill: how the caller's tickets stand.
use crate::{
    Bot, Result,
    answer::{Answer, Citation},
    understand::Understood,
};
use entities::{
    Audience, Scope,
    care::ticket::{self, Status},
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

/// How many tickets are told of.
const MOST: u64 = 3;
const DONE: [Status; 4] = [Status::Resolved, Status::Closed, Status::Cancelled, Status::Rejected];

impl Bot {
    /// The ticket that is named, else the latest open ones. None for callers who have no tickets of their own.
    pub(crate) async fn ticket_status(&self, scope: &Scope, asked: &Understood) -> Result<Option<Answer>> {
        let own = matches!(scope.audience, Audience::Customer | Audience::Partner) && scope.has("ticket:read");
        if !own {
            return Ok(None);
        }
        let tickets = || scope.find::<ticket::Entity>().order_by_desc(ticket::Column::OpenedAt).order_by_desc(ticket::Column::Id).limit(MOST);
        let mut found = tickets().filter(ticket::Column::TicketNo.is_in(asked.codes.clone())).all(self.store.reader()).await?;
        if found.is_empty() {
            found = tickets().filter(ticket::Column::Status.is_not_in(DONE)).all(self.store.reader()).await?;
        }
        let p = asked.phrases;
        if found.is_empty() {
            return Ok(Some(Answer::account(p.say("ticket_none", &[]), vec![])));
        }
        let lines = found.iter().map(|t| {
            let opened = p.date(t.opened_at.date_naive());
            let line = p.say("ticket_line", &[("ticket", &t.ticket_no), ("name", &t.name), ("date", &opened), ("status", p.status(t.status))]);
            let expected = t
                .expected_resolution_at
                .filter(|_| !DONE.contains(&t.status))
                .map(|e| p.say("ticket_expected", &[("date", &p.date(e.date_naive()))]));
            [Some(line), expected].into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        let citations = found.iter().map(|t| Citation::row(&ticket::ENTITY, t.id, format!("{}: {}", t.ticket_no, p.status(t.status))));
        Ok(Some(Answer::account(lines.collect::<Vec<_>>().join("\n"), citations.collect())))
    }
}
