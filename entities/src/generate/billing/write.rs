//! Bills, lines, credit notes and the account as rows.
use super::{Account, Credit, Draft, Issued, Run, payment::term};
use crate::{
    billing::{
        bill, bill_line,
        billing_account::{self, Format, PaymentStatus},
    },
    generate::{
        customers::{Customer, FEWEST, Role},
        dice::midnight,
        money::{ONE, Vat, divide, eur},
        month::{Month, day},
        portfolio::Service,
        provider::Provider,
        rows::{Rows, row},
    },
};
use chrono::{Days, NaiveDate, TimeDelta};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use uuid::Uuid;

/// One bill, its lines and perhaps its credit note.
pub fn bill(run: &mut Run, month: Month, on: NaiveDate, paid: Option<(NaiveDate, bool)>, drafts: &[Draft], rows: &mut Rows) {
    let (c, provider) = (run.c, run.provider);
    let (settlement, at) = (matches!(c.role, Role::Wholesale(_)), midnight(on));
    let id = run.dice.id(at);
    let no = format!("FT-{}-{:06}", month.digits(), c.number);
    let sums = sums(drafts);
    let rounding = if settlement { divide(sums.0 + sums.1, 100) * 100 - sums.0 - sums.1 } else { 0 };
    let total = sums.0 + sums.1 + rounding;
    let held = c.number > FEWEST && month == provider.newest && run.dice.per_mille(8);
    let owes = run.bills.iter().map(|b| b.owed(on)).sum();
    let partly = paid.is_none() && total > 4000 && run.dice.per_mille(300) || paid.is_some_and(|p| p.1 && p.0 >= provider.until);
    let mut issued = Issued {
        id,
        no,
        month,
        on,
        due: on + Days::new(term(c)),
        total,
        paid: if total == 0 { Some(on) } else { paid.map(|p| p.0) },
        part: if partly && total > 0 && on + Days::new(16) < provider.until { total / 2 } else { 0 },
        held,
        credit: None,
        reason: drafts.iter().filter(|d| d.reason.is_some()).max_by_key(|d| d.cents.abs()).and_then(|d| d.reason.clone()),
    };
    let line_ids: Vec<Uuid> = drafts.iter().map(|_| run.dice.id(at)).collect();
    let note = credit(run, &issued, drafts, &line_ids);
    issued.credit = note.as_ref().map(|n| Credit { total: n.2, on: n.1 });
    bill_row(provider, c, &issued, sums, rounding, owes, settlement, rows);
    for (i, draft) in drafts.iter().enumerate() {
        let link = draft.link.map(|l| line_ids[l]);
        line_row(provider, c, run.services, (id, &issued.no, on), i, line_ids[i], draft, link, rows);
    }
    if let Some(note) = note {
        credit_rows(run, &issued, note, rows);
    }
    run.bills.push(issued);
}

/// Cents before tax and tax of all lines.
fn sums(drafts: &[Draft]) -> (i64, i64) {
    drafts.iter().map(|d| d.vat.split(d.cents)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

#[expect(clippy::too_many_arguments, reason = "one row from what the bill is made of")]
fn bill_row(provider: &Provider, c: &Customer, b: &Issued, sums: (i64, i64), rounding: i64, owes: i64, settlement: bool, rows: &mut Rows) {
    let paid = b.paid.filter(|p| *p < provider.until);
    let remaining = if b.held || paid.is_some() { 0 } else { b.total - b.part };
    let state = match remaining {
        _ if b.held => bill::State::OnHold,
        0 => bill::State::Settled,
        r if r < b.total => bill::State::PartiallyPaid,
        _ => bill::State::Sent,
    };
    let mut row = row!(bill, b.id, midnight(b.on), "billing", b.no.clone();
        customer_id: c.id, partner_id: c.partner(provider), bill_no: b.no.clone(), kind: if settlement { bill::Kind::Settlement } else { bill::Kind::Invoice },
        billing_account_id: c.account, corrects_bill_id: None::<Uuid>, run_type: bill::RunType::OnCycle, state: state, bill_on: b.on,
        period_from_on: if settlement { b.month.back(1).first() } else { b.month.first() }, period_to_on: if settlement { b.month.back(1).last() } else { b.month.last() },
        due_on: b.due, currency: "EUR", tax_excluded_minor: sums.0, tax_minor: sums.1, tax_included_minor: sums.0 + sums.1, rounding_minor: rounding,
        previous_minor: owes, amount_due_minor: b.total + owes, remaining_minor: remaining);
    if let Some(paid) = paid {
        row.updated_at = Set(midnight(paid) + TimeDelta::hours(5));
    }
    rows.bills.push(row);
}

#[expect(clippy::too_many_arguments, reason = "one row from what the line is made of")]
fn line_row(
    provider: &Provider,
    c: &Customer,
    services: &[Service],
    (bill, no, on): (Uuid, &str, NaiveDate),
    i: usize,
    id: Uuid,
    d: &Draft,
    link: Option<Uuid>,
    rows: &mut Rows,
) {
    let (net, tax) = d.vat.split(d.cents);
    let service = d.service.map(|s| &services[s]);
    let unit = if d.vat == Vat::Included { divide(d.unit_micro * 5, 6) } else { d.unit_micro };
    rows.bill_lines.push(row!(bill_line, id, midnight(on), "billing", format!("{no}/{}", i + 1);
        customer_id: c.id, partner_id: c.partner(provider), bill_id: bill, line_no: i as i32 + 1, kind: d.kind, product_id: service.map(|s| s.id),
        service_identifier: service.and_then(|s| s.number.clone()), description: d.text.as_str(), plain_reason: d.reason.clone(), quantity_micro: d.quantity * ONE,
        unit: d.unit.to_string(), unit_price_micro: unit, tax_excluded_minor: net, tax_rate_bp: d.vat.rate(), tax_minor: tax, currency: "EUR",
        period_from_on: d.from, period_to_on: d.to, linked_line_id: link));
}

/// Its line, its day, its sum with VAT, the line it corrects.
type Note = (Draft, NaiveDate, i64, Option<Uuid>);

/// Now and then something has to be given back.
fn credit(run: &mut Run, b: &Issued, drafts: &[Draft], ids: &[Uuid]) -> Option<Note> {
    let on = b.on + Days::new(run.dice.between(3, 12) as u64);
    let wanted = run.dice.per_mille(16) && run.c.number > FEWEST && !b.held && on < run.provider.until && b.total > 3000;
    if !wanted || matches!(run.c.role, Role::Wholesale(_)) {
        return None;
    }
    let like = |d: &Draft, kind, text: String, reason: String, quantity: i64, cents: i64| Draft {
        tag: super::Tag::Once,
        service: d.service,
        kind,
        text,
        reason: Some(reason),
        quantity,
        unit: "piece",
        unit_micro: divide(cents * 10_000, quantity),
        cents,
        vat: d.vat,
        from: d.from,
        to: d.to,
        link: None,
    };
    let used = drafts.iter().position(|d| d.kind == bill_line::Kind::Usage && d.cents <= b.total);
    let fixed = drafts.iter().find(|d| d.service.is_some_and(|s| run.services[s].broadband()));
    let (draft, line) = match (used, fixed) {
        (Some(at), _) => {
            let d = &drafts[at];
            let reason = format!("You questioned this charge of the bill of {} and were right: {} come back.", day(b.on), eur(d.cents));
            let note = like(d, bill_line::Kind::Adjustment, format!("Correction: {}", d.text), reason, d.quantity, -d.cents);
            (Draft { unit: d.unit, ..note }, Some(ids[at]))
        }
        (None, Some(d)) if run.dice.per_mille(600) => {
            let days = run.dice.between(1, 4);
            let reason = format!("Your broadband was down for {days} full days: EUR 5.00 for each.");
            (Draft { unit: "day", ..like(d, bill_line::Kind::SlaCredit, "Outage credit".into(), reason, days, -500 * days) }, None)
        }
        (None, Some(d)) => (
            like(d, bill_line::Kind::Adjustment, "Missed engineer visit".into(), "Our engineer did not come as agreed: EUR 25.00.".into(), 1, -2500),
            None,
        ),
        (None, None) => return None,
    };
    let (net, tax) = draft.vat.split(draft.cents);
    Some((draft, on, net + tax, line))
}

fn credit_rows(run: &mut Run, b: &Issued, (draft, on, total, corrected): Note, rows: &mut Rows) {
    let (c, provider, at) = (run.c, run.provider, midnight(on) + TimeDelta::hours(11));
    let (id, line) = (run.dice.id(at), run.dice.id(at));
    let no = format!("CN-{}-{:06}", b.month.digits(), c.number);
    let (net, tax) = draft.vat.split(draft.cents);
    let paid = b.paid.filter(|p| *p < provider.until);
    let remaining = if paid.is_some() { 0 } else { total };
    let state = if remaining == 0 { bill::State::Settled } else { bill::State::Sent };
    rows.bills.push(row!(bill, id, at, "billing", no.clone();
        customer_id: c.id, partner_id: c.partner(provider), bill_no: no.clone(), kind: bill::Kind::CreditNote, billing_account_id: c.account, corrects_bill_id: b.id,
        run_type: bill::RunType::OffCycle, state: state, bill_on: on, period_from_on: draft.from, period_to_on: draft.to, due_on: None::<NaiveDate>,
        currency: "EUR", tax_excluded_minor: net, tax_minor: tax, tax_included_minor: total, rounding_minor: 0, previous_minor: 0, amount_due_minor: total,
        remaining_minor: remaining));
    line_row(provider, c, run.services, (id, &no, on), 0, line, &draft, corrected, rows);
}

/// The account: its balance is what its bills have left open.
pub fn account(provider: &Provider, c: &Customer, account: &Account, rows: &mut Rows) {
    let days = account.overdue_days;
    let stage = [7, 14, 27, 30, 60].iter().filter(|d| days >= **d).count() as i32;
    let balance: i64 = account.bills.iter().map(|b| b.owed(provider.until)).sum();
    let state = match c.closed {
        Some(_) => billing_account::State::Closed,
        None if account.limited() => billing_account::State::Suspended,
        None => billing_account::State::Active,
    };
    let payment = match days {
        ..=0 => PaymentStatus::Current,
        1..60 => PaymentStatus::Overdue,
        _ => PaymentStatus::Collections,
    };
    let limit = match c.role {
        Role::Wholesale(_) => Some(5_000_000),
        Role::Enterprise { .. } => Some(1_000_000),
        _ => None,
    };
    let media = if c.enterprise() {
        json!(["portal", "edi"])
    } else if account.paper {
        json!(["portal", "email", "post"])
    } else {
        json!(["portal", "email"])
    };
    let format = if c.business() || c.number.is_multiple_of(3) { Format::Itemised } else { Format::Summary };
    rows.billing_accounts.push(row!(billing_account, c.account, c.came(), "billing", format!("BA-{:06}", c.number);
        customer_id: c.id, partner_id: c.partner(provider), account_no: format!("F{:08}", 10_000_000 + c.number), name: c.name.clone(), currency: "EUR",
        parent_id: c.above.first().map(|a| a.1), parent_pays: false, cycle_day: if matches!(c.role, Role::Wholesale(_)) { 5 } else { 1 }, state: state,
        payment_status: payment, balance_minor: balance, credit_limit_minor: limit, format: format, media: media, dunning_stage: stage));
}
