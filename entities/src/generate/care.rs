//! Tickets of all kinds with what was said on them, in an order that time allows.
mod topics;

use super::{
    billing::{Account, Issued},
    conversations,
    customers::{Customer, Role, STORY},
    dice::{Dice, midnight},
    money::eur,
    names::TOWNS,
    portfolio::Service,
    provider::Provider,
    rows::{Rows, row},
};
use crate::{
    care::{
        ticket::{self, Kind, Priority, Status},
        ticket_note::{self, Visibility},
    },
    conversation::{conversation::Channel, message::AuthorKind},
    model::TextEnum,
    privacy::state_change,
};
use chrono::{DateTime, Days, Months, NaiveDate, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use topics::{Needs, TOPICS, Topic};
use uuid::Uuid;

/// Whose tickets, and what they can be about.
pub struct Desk<'a> {
    pub provider: &'a Provider,
    pub c: &'a Customer,
    pub services: &'a [Service],
    pub account: &'a Account,
}

/// Most tickets of one customer; the last place is for a sender whom nobody knows.
const MOST: u64 = 100;

pub fn rows(desk: &Desk, dice: &mut Dice, rows: &mut Rows) {
    let c = desk.c;
    let from = c.since.max(desk.provider.until - Months::new(12));
    let to = c.closed.unwrap_or(desk.provider.until) - Days::new(1);
    let many = if from < to { dice.weighted(&[80, 150, 200, 190, 150, 110, 70, 35, 15]) } else { 0 };
    let mut days: Vec<NaiveDate> = (0..many).map(|_| dice.day(from, to)).collect();
    days.sort();
    let mut nth = 0;
    for on in days {
        if let Some(topic) = topic(desk, on, dice) {
            nth += 1;
            one(desk, nth, on, topic, dice, rows);
        }
    }
    if c.number == STORY
        && let Some(topic) = TOPICS.iter().find(|t| t.needs == Needs::Bill && t.kind == Kind::BillDispute)
    {
        let newest = desk.account.bills.last().map_or(to, |b| b.on);
        one(desk, nth + 1, (newest + Days::new(2)).min(to), topic, dice, rows);
    }
    if dice.per_mille(30) {
        let on = dice.day(from.min(to), to);
        unmatched(desk, on, dice, rows);
    }
}

/// Something that this customer can have asked on that day.
fn topic(desk: &Desk, on: NaiveDate, dice: &mut Dice) -> Option<&'static Topic> {
    let fits = |t: &Topic| match t.needs {
        Needs::Nothing => true,
        Needs::Bill => bill_of(desk, on).is_some_and(|b| b.reason.is_some() || !t.solved.contains("{reason}")),
        Needs::Business => desk.c.business(),
        Needs::Wholesale => matches!(desk.c.role, Role::Wholesale(_)) && bill_of(desk, on).is_some(),
        _ => product(desk, t.needs, on).is_some(),
    };
    (0..6).map(|_| &TOPICS[dice.weighted(topics::WEIGHTS)]).find(|t| fits(t))
}

/// The newest bill that the customer has seen by then.
fn bill_of<'a>(desk: &Desk<'a>, on: NaiveDate) -> Option<&'a Issued> {
    desk.account.bills.iter().rev().find(|b| b.on <= on && !b.held)
}

fn product<'a>(desk: &Desk<'a>, needs: Needs, on: NaiveDate) -> Option<&'a Service> {
    desk.services.iter().find(|s| {
        s.on(on - Days::new(1))
            && match needs {
                Needs::Mobile => s.mobile(),
                Needs::Broadband => s.broadband(),
                Needs::Tv => s.kind() == crate::catalogue::product_offering::Kind::Tv,
                _ => false,
            }
    })
}

/// When what happened; each not before the one to its left, none after the end of the data.
struct Course {
    status: Status,
    opened: DateTime<Utc>,
    answered: Option<DateTime<Utc>>,
    waiting: Option<DateTime<Utc>>,
    resolved: Option<DateTime<Utc>>,
    reopened: Option<(DateTime<Utc>, DateTime<Utc>)>,
    closed: Option<DateTime<Utc>>,
}

fn course(provider: &Provider, on: NaiveDate, dice: &mut Dice) -> Course {
    let (opened, end) = (dice.moment(on), provider.end() - TimeDelta::minutes(10));
    let old = on + Days::new(14) < provider.until;
    let status = if old {
        [Status::Closed, Status::Resolved, Status::Cancelled, Status::Rejected, Status::Pending, Status::Held, Status::InProgress]
            [dice.weighted(&[780, 110, 30, 15, 20, 10, 35])]
    } else {
        [Status::Acknowledged, Status::InProgress, Status::Pending, Status::Held, Status::Resolved, Status::Closed]
            [dice.weighted(&[200, 300, 150, 50, 200, 100])]
    };
    // Near the end of the data each step keeps a little room for those after it.
    let after = |at: DateTime<Utc>, minutes: i64, room: i64| (at + TimeDelta::minutes(minutes)).min(end - TimeDelta::minutes(room));
    let quick = dice.between(3, 600);
    let answered = (status != Status::Acknowledged).then(|| after(opened, quick, 60));
    let mut c = Course { status, opened, answered, waiting: None, resolved: None, reopened: None, closed: None };
    let Some(first) = answered else { return c };
    let waits = dice.per_mille(250) || matches!(status, Status::Pending | Status::Held);
    c.waiting = waits.then(|| after(first, dice.between(20, 1500), 50));
    let from = c.waiting.unwrap_or(first);
    if matches!(status, Status::Resolved | Status::Closed | Status::Cancelled | Status::Rejected) {
        let done = after(from, dice.between(30, 7000), 40);
        c.resolved = matches!(status, Status::Resolved | Status::Closed).then_some(done);
        let again = after(done, dice.between(200, 3000), 30);
        if status == Status::Closed && dice.per_mille(50) {
            let fixed = after(again, dice.between(60, 3000), 20);
            (c.reopened, c.resolved) = (Some((done, again)), Some(fixed));
        }
        c.closed = (status != Status::Resolved)
            .then(|| after(c.resolved.unwrap_or(done), if c.resolved.is_some() { dice.between(60, 5000) } else { 0 }, 10));
    }
    c
}

/// The words of a topic with this customer's own names and numbers in them.
struct Words<'a> {
    desk: &'a Desk<'a>,
    service: Option<&'a Service>,
    bill: Option<&'a Issued>,
}
impl Words<'_> {
    fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.into();
        }
        let c = self.desk.c;
        let number = self.service.and_then(|s| s.number.clone()).unwrap_or_else(|| "my line".into());
        let product = self.service.map_or("the service", |s| s.offer.spec().name);
        let (bill, amount, month, reason) = match self.bill {
            Some(b) => (
                b.no.clone(),
                eur(b.total),
                b.month.name(),
                b.reason.clone().unwrap_or_else(|| "Nothing on it changed against the month before.".into()),
            ),
            None => ("my bill".into(), "the amount".into(), "this month".into(), String::new()),
        };
        text.replace("{number}", &number)
            .replace("{product}", product)
            .replace("{bill}", &bill)
            .replace("{amount}", &amount)
            .replace("{month}", &month)
            .replace("{reason}", &reason)
            .replace("{town}", TOWNS[c.town].1)
            .replace("{street}", &c.street)
            .replace("{name}", c.greeting())
    }
}

fn one(desk: &Desk, nth: u64, on: NaiveDate, topic: &Topic, dice: &mut Dice, rows: &mut Rows) {
    let (c, provider) = (desk.c, desk.provider);
    let course = if c.number == STORY && topic.kind == Kind::BillDispute { open_course(provider, on, dice) } else { course(provider, on, dice) };
    let bill = matches!(topic.needs, Needs::Bill | Needs::Wholesale).then(|| bill_of(desk, on)).flatten();
    let words = Words { desk, service: product(desk, topic.needs, on), bill };
    let sold = c.partner(provider);
    let channel = if sold.is_some() && dice.per_mille(700) {
        Channel::Portal
    } else {
        *dice.pick(&[Channel::Phone, Channel::Phone, Channel::Email, Channel::Email, Channel::Chat, Channel::Portal, Channel::Store])
    };
    let talk = matches!(channel, Channel::Chat | Channel::Email)
        .then(|| conversations::before_ticket(desk, nth, channel, course.opened, &words.fill(dice.pick::<&str>(topic.said)), dice, rows));
    let id = dice.id(course.opened);
    let no = number(topic.kind, sold.is_some(), c.number * MOST + nth);
    let mut row = ticket_row(&course, topic, &words, id, &no, channel, dice);
    row.customer_id = Set(Some(c.id));
    row.partner_id = Set(sold);
    row.reporter_party_id = Set(Some(c.party));
    row.product_id = Set(words.service.map(|s| s.id));
    row.bill_id = Set(bill.map(|b| b.id));
    row.conversation_id = Set(talk);
    rows.tickets.push(row);
    history(Some(c.id), sold, id, &course, dice, rows);
    notes(desk, id, &no, &course, topic, &words, dice, rows);
}

/// Of the story: asked of late, answered once, still open.
fn open_course(provider: &Provider, on: NaiveDate, dice: &mut Dice) -> Course {
    let opened = dice.moment(on);
    let answered = (opened + TimeDelta::minutes(47)).min(provider.end());
    Course { status: Status::InProgress, opened, answered: Some(answered), waiting: None, resolved: None, reopened: None, closed: None }
}

/// Faults have numbers with FN, those of partners WF; everything else TK.
fn number(kind: Kind, sold: bool, nth: u64) -> String {
    let letters = match kind {
        Kind::Incident if sold => "WF",
        Kind::Incident => "FN",
        _ => "TK",
    };
    format!("{letters}-{nth:08}")
}

fn ticket_row(course: &Course, topic: &Topic, words: &Words, id: Uuid, no: &str, channel: Channel, dice: &mut Dice) -> ticket::ActiveModel {
    let priority = match topic.kind {
        Kind::Incident => *dice.pick(&[Priority::Medium, Priority::High, Priority::High, Priority::Critical]),
        Kind::Complaint | Kind::BillDispute => *dice.pick(&[Priority::Medium, Priority::Medium, Priority::High]),
        _ => *dice.pick(&[Priority::Low, Priority::Low, Priority::Medium]),
    };
    let reason = match course.status {
        Status::Pending => Some("waiting for the customer"),
        Status::Held => Some("waiting for another team"),
        Status::Cancelled => Some("taken back by the customer"),
        Status::Rejected => Some("not for us to decide"),
        _ => None,
    };
    let code = match course.status {
        Status::Resolved | Status::Closed => Some(topic.code),
        Status::Cancelled => Some("withdrawn"),
        Status::Rejected => Some("rejected"),
        _ => None,
    };
    let last = [course.closed, course.resolved, course.waiting, course.answered].into_iter().flatten().max().unwrap_or(course.opened);
    let expected = (topic.kind == Kind::Incident).then(|| course.opened + TimeDelta::days(2));
    let mut row = row!(ticket, id, course.opened, "ticketing", no;
        customer_id: None::<Uuid>, partner_id: None::<Uuid>, ticket_no: no, kind: topic.kind, category: topic.category.to_string(), name: words.fill(topic.name),
        description: words.fill(dice.pick::<&str>(topic.said)), severity: None::<String>, priority: priority, status: course.status,
        status_reason: reason.map(String::from), channel: channel, reporter_party_id: None::<Uuid>, product_id: None::<Uuid>, bill_id: None::<Uuid>,
        conversation_id: None::<Uuid>, opened_at: course.opened, first_response_at: course.answered, requested_resolution_at: None::<DateTime<Utc>>,
        expected_resolution_at: expected, resolved_at: course.resolved, closed_at: course.closed, reopened: i32::from(course.reopened.is_some()),
        resolution_code: code.map(String::from), resolution: course.resolved.map(|_| words.fill(topic.solved)));
    row.updated_at = Set(last);
    row
}

/// Every change of the status, in order.
fn history(customer: Option<Uuid>, partner: Option<Uuid>, id: Uuid, course: &Course, dice: &mut Dice, rows: &mut Rows) {
    let customer_said = if customer.is_some() { "customer" } else { "public" };
    let mut steps = vec![(Status::Acknowledged, course.opened, customer_said)];
    steps.extend(course.answered.map(|at| (Status::InProgress, at, "agent")));
    if let Some(at) = course.waiting {
        let how = if course.status == Status::Held { Status::Held } else { Status::Pending };
        steps.push((how, at, "agent"));
        if !matches!(course.status, Status::Held | Status::Pending) {
            steps.push((Status::InProgress, at + TimeDelta::seconds(1), "customer"));
        }
    }
    if let Some((done, again)) = course.reopened {
        steps.extend([(Status::Resolved, done, "agent"), (Status::InProgress, again, customer_said)]);
    }
    steps.extend(course.resolved.map(|at| (Status::Resolved, at, "agent")));
    steps.extend(course.closed.map(|at| (course.status, at, if course.status == Status::Cancelled { customer_said } else { "service" })));
    let mut from = None;
    for (to, at, actor) in steps {
        rows.state_changes.push(state_change::ActiveModel {
            id: Set(dice.id(at)),
            customer_id: Set(customer),
            partner_id: Set(partner),
            entity_type: Set(ticket::ENTITY.name.into()),
            entity_id: Set(id),
            from_state: Set(from.map(|s: Status| s.text().into())),
            to_state: Set(to.text().into()),
            reason: Set(None),
            actor: Set(actor.into()),
            changed_at: Set(at),
        });
        from = Some(to);
    }
}

#[expect(clippy::too_many_arguments, reason = "the notes of one ticket from what it is made of")]
fn notes(desk: &Desk, ticket: Uuid, no: &str, course: &Course, topic: &Topic, words: &Words, dice: &mut Dice, rows: &mut Rows) {
    let (c, sold) = (desk.c, desk.c.partner(desk.provider));
    let mut said: Vec<(AuthorKind, Visibility, String, DateTime<Utc>)> = vec![];
    if let Some(at) = course.answered {
        said.push((AuthorKind::Agent, Visibility::Public, words.fill(topic.answer), at));
        if dice.per_mille(400) {
            said.push((AuthorKind::Agent, Visibility::Internal, words.fill(topic.internal), at + TimeDelta::seconds(30)));
        }
    }
    if sold.is_some() && dice.per_mille(700) {
        let at = course.answered.unwrap_or(course.opened);
        said.push((
            AuthorKind::Partner,
            Visibility::Partner,
            words.fill("Line check done on our side, result attached. Please keep us informed, not the customer."),
            at + TimeDelta::seconds(45),
        ));
    }
    if let Some(at) = course.waiting {
        said.push((AuthorKind::Agent, Visibility::Public, words.fill(topic.asked), at));
        if !matches!(course.status, Status::Held | Status::Pending) {
            said.push((AuthorKind::Customer, Visibility::Public, words.fill(topic.replied), at + TimeDelta::seconds(1)));
        }
    }
    if let Some((done, again)) = course.reopened {
        said.push((AuthorKind::Agent, Visibility::Public, words.fill(topic.solved), done));
        said.push((AuthorKind::Customer, Visibility::Public, "It is not solved, the same thing happened again.".into(), again));
    }
    if let Some(at) = course.resolved {
        said.push((AuthorKind::Agent, Visibility::Public, words.fill(topic.solved), at));
    }
    said.sort_by_key(|s| s.3);
    for (i, (author, visibility, body, at)) in said.into_iter().enumerate() {
        let at = at.min(desk.provider.end());
        rows.ticket_notes.push(row!(ticket_note, dice.id(at), at, "ticketing", format!("{no}/{}", i + 1);
            customer_id: c.id, partner_id: sold, ticket_id: ticket, author_kind: author, author_party_id: (author == AuthorKind::Customer).then_some(c.party),
            body: body, visibility: visibility, message_id: None::<Uuid>, noted_at: at));
    }
}

/// Real mail arrives before anybody knows whose it is.
fn unmatched(desk: &Desk, on: NaiveDate, dice: &mut Dice, rows: &mut Rows) {
    let (name, text) = dice.pick(topics::UNMATCHED);
    let topic = Topic { name, said: std::slice::from_ref(text), ..topics::UNKNOWN };
    let opened = dice.moment(on).max(midnight(on));
    let course = Course { status: Status::Acknowledged, opened, answered: None, waiting: None, resolved: None, reopened: None, closed: None };
    let words = Words { desk, service: None, bill: None };
    let id = dice.id(opened);
    let no = number(topic.kind, false, desk.c.number * MOST + MOST - 1);
    let channel = *dice.pick(&[Channel::Email, Channel::Email, Channel::Social, Channel::Phone]);
    rows.tickets.push(ticket_row(&course, &topic, &words, id, &no, channel, dice));
    history(None, None, id, &course, dice, rows);
}
