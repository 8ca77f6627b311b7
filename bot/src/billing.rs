//! Skill: the caller's bills. It knows no customer but those of the caller's scope, and says nothing that is not in a
//! row: templates with the amounts of bills and lines.
use crate::{
    Bot, Result,
    answer::{Answer, Citation},
    phrases::Phrases,
    understand::Understood,
};
use entities::{
    Audience, Scope,
    billing::{
        bill,
        compare::{self, Delta},
    },
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

/// How many changes and bills are told one by one.
const MOST_LINES: usize = 6;

/// Who has bills of their own to ask for.
fn may(scope: &Scope) -> bool {
    scope.audience == Audience::Customer && scope.has("billing:read")
}

impl Bot {
    /// Why the latest bill, or the one that is named, differs from the one before. None where there is none.
    pub(crate) async fn explain_bill(&self, scope: &Scope, asked: &Understood) -> Result<Option<Answer>> {
        if !may(scope) {
            return Ok(None);
        }
        let bills = || scope.find::<bill::Entity>().order_by_desc(bill::Column::BillOn).order_by_desc(bill::Column::Id);
        let named = bills().filter(bill::Column::BillNo.is_in(asked.codes.clone())).one(self.store.reader()).await?;
        let bill = match named {
            Some(bill) => bill,
            None => match bills().filter(bill::Column::Kind.ne(bill::Kind::CreditNote)).one(self.store.reader()).await? {
                Some(bill) => bill,
                None => return Ok(None),
            },
        };
        let previous = compare::previous(scope, &self.store, &bill).await?;
        let deltas = match &previous {
            Some(previous) => compare::compare(scope, &self.store, bill.id, Some(previous.id)).await?,
            None => vec![],
        };
        let cited = [Some(&bill), previous.as_ref()].into_iter().flatten();
        let citations =
            cited.map(|b| Citation::row(&bill::ENTITY, b.id, format!("{}: {}", b.bill_no, asked.phrases.money(b.tax_included_minor, &b.currency))));
        Ok(Some(Answer::account(explain(asked.phrases, &bill, previous.as_ref(), &deltas), citations.collect())))
    }
    /// What is to be paid, and until when.
    pub(crate) async fn due(&self, scope: &Scope, asked: &Understood) -> Result<Option<Answer>> {
        if !may(scope) {
            return Ok(None);
        }
        let open = || scope.find::<bill::Entity>().filter(bill::Column::RemainingMinor.ne(0));
        let sum = Expr::cust("cast(sum(remaining_minor) as bigint)");
        let sums = open().select_only().column(bill::Column::Currency).column_as(sum, "sum").column_as(bill::Column::Id.count(), "count");
        let sums: Vec<(String, i64, i64)> =
            sums.group_by(bill::Column::Currency).order_by_asc(bill::Column::Currency).into_tuple().all(self.store.reader()).await?;
        let bills =
            open().order_by_asc(bill::Column::BillOn).order_by_asc(bill::Column::Id).limit(MOST_LINES as u64).all(self.store.reader()).await?;
        let p = asked.phrases;
        let total: Vec<_> = sums.iter().filter(|s| s.1 != 0).map(|s| p.money(s.1, &s.0)).collect();
        if total.is_empty() {
            return Ok(Some(Answer::account(p.say("due_nothing", &[]), vec![])));
        }
        let mut lines = vec![p.say("due_total", &[("total", &total.join(" + "))])];
        lines.extend(bills.iter().map(|b| due_line(p, b)));
        let more = sums.iter().map(|s| s.2).sum::<i64>() - bills.len() as i64;
        if more > 0 {
            lines.push(p.say("due_more", &[("count", &more.to_string())]));
        }
        let citations =
            bills.iter().map(|b| Citation::row(&bill::ENTITY, b.id, format!("{}: {}", b.bill_no, p.money(b.remaining_minor, &b.currency))));
        Ok(Some(Answer::account(lines.join("\n"), citations.collect())))
    }
}

fn due_line(p: &Phrases, b: &bill::Model) -> String {
    let (date, amount) = (p.date(b.bill_on), p.money(b.remaining_minor, &b.currency));
    let due = b.due_on.map(|d| p.date(d));
    let values = [("bill", b.bill_no.as_str()), ("date", &date), ("amount", &amount), ("due", due.as_deref().unwrap_or_default())];
    p.say(if due.is_some() { "due_line" } else { "due_line_open" }, &values)
}

fn explain(p: &Phrases, bill: &bill::Model, previous: Option<&bill::Model>, deltas: &[Delta]) -> String {
    let (date, total) = (p.date(bill.bill_on), p.money(bill.tax_included_minor, &bill.currency));
    let mut values = vec![("bill", bill.bill_no.as_str()), ("date", &date), ("total", &total)];
    let Some(previous) = previous else { return p.say("bill_first", &values) };
    let more = bill.tax_included_minor - previous.tax_included_minor;
    let (delta, before) = (p.money(more.abs(), &bill.currency), p.money(previous.tax_included_minor, &previous.currency));
    values.extend([("delta", delta.as_str()), ("previous", &previous.bill_no), ("previous_total", &before)]);
    let mut lines = vec![p.say(["bill_lower", "bill_same", "bill_higher"][(more.signum() + 1) as usize], &values)];
    let changed: Vec<_> = deltas.iter().filter(|d| d.delta_minor != 0).collect();
    if !changed.is_empty() {
        lines.push(p.say("bill_changes", &[]));
    }
    lines.extend(changed.iter().take(MOST_LINES).map(|d| change(p, d)));
    let rest = changed.get(MOST_LINES..).unwrap_or_default();
    if !rest.is_empty() {
        let sum = p.delta(rest.iter().map(|d| d.delta_minor).sum(), &bill.currency);
        lines.push(p.say("bill_line_rest", &[("count", &rest.len().to_string()), ("delta", &sum)]));
    }
    lines.join("\n")
}

fn change(p: &Phrases, d: &Delta) -> String {
    let (delta, before, now) = (p.delta(d.delta_minor, &d.currency), p.money(d.previous_minor, &d.currency), p.money(d.amount_minor, &d.currency));
    let phrase = match (d.previous_minor, d.amount_minor) {
        (0, _) => "bill_line_new",
        (_, 0) => "bill_line_gone",
        _ => "bill_line",
    };
    let line = p.say(phrase, &[("what", &d.description), ("delta", &delta), ("before", &before), ("now", &now)]);
    d.plain_reason.as_ref().map_or(line.clone(), |why| format!("{line}. {why}"))
}
