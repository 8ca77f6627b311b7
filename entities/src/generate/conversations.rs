//! Talks with the bot and with people.
use super::{
    care::Desk,
    customers::{Customer, STORY},
    dice::Dice,
    money::eur,
    month::day,
    provider::Provider,
    rows::{Rows, row},
};
use crate::{
    billing::bill,
    conversation::{
        bot_answer, bot_citation,
        conversation::{self, Channel, ResolvedBy, Status, Verification},
        message::{self, AuthorKind, Direction},
    },
};
use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use uuid::Uuid;

/// Question and the bot's answer, from the knowledge base.
const ASKED: &[(&str, &str, &str)] = &[
    ("When is my bill due?", "bill.due", "Payment of your bill is due 14 days after the bill date, which is the 15th of the month."),
    (
        "What does roaming in Switzerland cost?",
        "roaming.price",
        "Switzerland is in Zone 2: data costs EUR 0.10 per MB and calls EUR 0.60 a minute. A Zone 2 Day Pass costs EUR 4.00.",
    ),
    (
        "How do I get more data this month?",
        "data.pack",
        "You can add 2 GB for EUR 5.00 or 10 GB for EUR 12.00 in My Fernhill under Mobile > Add data.",
    ),
    (
        "what is a part-month charge",
        "bill.proration",
        "A part-month charge is the price for the days you had a service: monthly price ÷ days in that month × days used.",
    ),
    ("How can I block a lost SIM?", "sim.block", "Block a lost SIM at once in My Fernhill or on 1600 (option 9), day and night."),
    (
        "What costs the late fee?",
        "late.fee",
        "The late fee is EUR 5.00 once for each bill that is still open 14 days after the due date. It has no VAT.",
    ),
    (
        "i move to a new flat, what do i have to do",
        "moving",
        "Tell us at least 21 days before you move. Moving broadband or TV to a new home costs EUR 29.00.",
    ),
    (
        "The hub light is red",
        "router.light",
        "A red light means no connection. Take the power off for 30 seconds, plug the hub in and wait 5 minutes.",
    ),
    ("How long is my notice period?", "contract.notice", "The notice period is 30 days for all home contracts."),
    ("Can I get my bill on paper?", "bill.paper", "Yes. A paper bill costs EUR 2.50 each; online bills are free."),
];
/// What the bot hands to a person, and the first answer of that person.
const HANDED: &[(&str, &str, &str)] = &[
    ("I want to talk to a person", "Of course. I am handing you over; a colleague will write here.", "Hello {name}, how can I help?"),
    (
        "This is the third time my internet is down, do something",
        "I am sorry. This is more than I can mend; I am handing you over.",
        "Hello {name}, I see your line and start a check now. I will stay in this chat.",
    ),
    (
        "You charged my card twice!!",
        "I am not sure about that. A colleague can see your payments; I am handing you over.",
        "Hello {name}, I found both payments. The second one goes back to you within 10 working days.",
    ),
    (
        "my mother has died, what happens with her contract",
        "I am very sorry. A colleague will help you with this.",
        "Dear {name}, my condolences. We need a copy of the certificate and then end the contract without a fee.",
    ),
];

/// One customer's talks. Every one ends before the data does.
pub fn rows(desk: &Desk, dice: &mut Dice, rows: &mut Rows) {
    let (provider, c) = (desk.provider, desk.c);
    let (from, to) = (c.since.max(provider.until - Months::new(12)), c.closed.unwrap_or(provider.until) - Days::new(2));
    if from >= to {
        return;
    }
    for nth in 0..dice.weighted(&[430, 330, 160, 80]) as u64 {
        let on = dice.day(from, to);
        let start = dice.moment(on);
        match dice.weighted(&[600, 220, 180]) {
            0 => answered(desk, nth, start, dice, rows),
            1 => handed(desk, nth, start, dice, rows),
            _ => about_bill(desk, nth, start, dice, rows),
        }
    }
    if c.number == STORY
        && let Some(newest) = desk.account.bills.last()
    {
        let start = dice.moment(newest.on.min(to) + Days::new(1));
        about_bill(desk, 9, start.min(provider.end() - TimeDelta::minutes(9)), dice, rows);
    }
}

struct Talk<'a> {
    provider: &'a Provider,
    c: &'a Customer,
    id: Uuid,
    no: String,
    at: DateTime<Utc>,
    messages: u32,
}
impl<'a> Talk<'a> {
    fn new(desk: &Desk<'a>, no: String, at: DateTime<Utc>, dice: &mut Dice) -> Self {
        Talk { provider: desk.provider, c: desk.c, id: dice.id(at), no, at, messages: 0 }
    }
    /// One message some time after the last; returns its id.
    fn say(&mut self, author: AuthorKind, text: impl Into<String>, wait: TimeDelta, dice: &mut Dice, rows: &mut Rows) -> Uuid {
        self.at = (self.at + wait).min(self.provider.end());
        self.messages += 1;
        let id = dice.id(self.at);
        let inbound = author == AuthorKind::Customer;
        rows.messages.push(row!(message, id, self.at, "chat", format!("{}/{}", self.no, self.messages);
            customer_id: self.c.id, partner_id: self.c.partner(self.provider), conversation_id: self.id,
            direction: if inbound { Direction::Inbound } else { Direction::Outbound }, author_kind: author, body_text: text.into(),
            rfc_message_id: None::<String>, in_reply_to: None::<String>, from_addr: None::<String>, auto_submitted: author == AuthorKind::Bot,
            state: if inbound { message::State::Delivered } else { message::State::Sent }, sent_at: self.at));
        id
    }
    fn row(
        &self,
        start: DateTime<Utc>,
        channel: Channel,
        subject: &str,
        status: Status,
        by: Option<ResolvedBy>,
        handoff: Option<(DateTime<Utc>, &str)>,
        rows: &mut Rows,
    ) {
        let mut row = row!(conversation, self.id, start, "chat", self.no.clone();
            customer_id: self.c.id, partner_id: self.c.partner(self.provider), channel: channel, subject: subject.to_string(), status: status,
            verification: if channel == Channel::Email { Verification::AddressMatched } else { Verification::Authenticated }, session_hash: None::<String>,
            started_at: start, handoff_at: handoff.map(|h| h.0), handoff_reason: handoff.map(|h| h.1.to_string()),
            first_agent_reply_at: handoff.map(|_| self.at), resolved_at: by.map(|_| self.at), resolved_by: by);
        row.updated_at = Set(self.at);
        rows.conversations.push(row);
    }
}

fn no(c: &Customer, nth: u64) -> String {
    format!("CH-{:08}", c.number * 100 + nth)
}

/// Asked and answered by the bot.
fn answered(desk: &Desk, nth: u64, start: DateTime<Utc>, dice: &mut Dice, rows: &mut Rows) {
    let (question, intent, answer) = dice.pick(ASKED);
    let mut talk = Talk::new(desk, no(desk.c, nth), start, dice);
    talk.say(AuthorKind::Customer, *question, TimeDelta::zero(), dice, rows);
    let id = talk.say(AuthorKind::Bot, *answer, TimeDelta::seconds(1), dice, rows);
    bot(&talk, id, question, intent, bot_answer::Kind::Kb, dice.between(620_000, 970_000), dice, rows);
    if dice.per_mille(500) {
        talk.say(AuthorKind::Customer, *dice.pick(&["Thank you!", "ok thanks", "That helps.", "Good to know."]), TimeDelta::seconds(40), dice, rows);
    }
    let by = if dice.per_mille(800) { ResolvedBy::Bot } else { ResolvedBy::Timeout };
    talk.row(start, Channel::Chat, question, Status::Resolved, Some(by), None, rows);
}

/// The bot hands over to a person.
fn handed(desk: &Desk, nth: u64, start: DateTime<Utc>, dice: &mut Dice, rows: &mut Rows) {
    let (question, sorry, hello) = dice.pick(HANDED);
    let mut talk = Talk::new(desk, no(desk.c, nth), start, dice);
    talk.say(AuthorKind::Customer, *question, TimeDelta::zero(), dice, rows);
    let id = talk.say(AuthorKind::Bot, *sorry, TimeDelta::seconds(1), dice, rows);
    bot(&talk, id, question, "handover", bot_answer::Kind::Handoff, dice.between(150_000, 420_000), dice, rows);
    let handoff = talk.at;
    let wait = TimeDelta::seconds(dice.between(30, 900));
    talk.say(AuthorKind::Agent, hello.replace("{name}", desk.c.greeting()), wait, dice, rows);
    let replied = talk.at;
    talk.say(AuthorKind::Customer, *dice.pick(&["Thank you.", "Yes please.", "Good, I will wait."]), TimeDelta::seconds(70), dice, rows);
    let (end, handoff) = (talk.at, Some((handoff, "asked for a person")));
    talk.at = replied;
    talk.row(start, Channel::Chat, question, Status::Resolved, Some(ResolvedBy::Agent), handoff, rows);
    if let Some(row) = rows.conversations.last_mut() {
        (row.resolved_at, row.updated_at) = (Set(Some(end)), Set(end));
    }
}

/// Why is my bill higher? Answered from the account, with the bill as its source.
fn about_bill(desk: &Desk, nth: u64, start: DateTime<Utc>, dice: &mut Dice, rows: &mut Rows) {
    let day_of = start.date_naive();
    let Some(b) = desk.account.bills.iter().rev().find(|b| b.on <= day_of && !b.held) else { return };
    let question = *dice.pick(&["Why is my bill higher this month?", "How much do I have to pay?", "what is on my last bill"]);
    let reason = b.reason.as_deref().unwrap_or("Nothing on it changed against the month before.");
    let answer = format!("Your bill {} of {} is {} and due on {}. {reason}", b.no, day(b.on), eur(b.total), day(b.due));
    let mut talk = Talk::new(desk, no(desk.c, nth), start, dice);
    talk.say(AuthorKind::Customer, question, TimeDelta::zero(), dice, rows);
    let id = talk.say(AuthorKind::Bot, answer.clone(), TimeDelta::seconds(1), dice, rows);
    let given = bot(&talk, id, question, "bill.explain", bot_answer::Kind::Account, dice.between(800_000, 990_000), dice, rows);
    rows.bot_citations.push(bot_citation::ActiveModel {
        id: Set(dice.id(talk.at)),
        created_at: Set(talk.at),
        updated_at: Set(talk.at),
        row_version: Set(1),
        answer_id: Set(given),
        rank: Set(1),
        article_version_id: Set(None),
        anchor: Set(None),
        entity_type: Set(Some(bill::ENTITY.name.into())),
        entity_id: Set(Some(b.id)),
        score_micro: Set(1_000_000),
        snippet: Set(reason.into()),
    });
    talk.row(start, Channel::Chat, question, Status::Resolved, Some(ResolvedBy::Bot), None, rows);
}

#[expect(clippy::too_many_arguments, reason = "one row from what the answer is made of")]
fn bot(talk: &Talk, message: Uuid, question: &str, intent: &str, kind: bot_answer::Kind, confidence: i64, dice: &mut Dice, rows: &mut Rows) -> Uuid {
    let id = dice.id(talk.at);
    rows.bot_answers.push(bot_answer::ActiveModel {
        id: Set(id),
        created_at: Set(talk.at),
        updated_at: Set(talk.at),
        row_version: Set(1),
        customer_id: Set(Some(talk.c.id)),
        message_id: Set(message),
        query_text: Set(question.into()),
        intent: Set(Some(intent.into())),
        kind: Set(kind),
        confidence_micro: Set(confidence),
        latency_ms: Set(dice.between(12, 90) as i32),
        engine_version: Set("seeded".into()),
        helpful: Set(dice.per_mille(350).then(|| dice.per_mille(820))),
    });
    id
}

/// The chat or mail out of which a ticket was opened.
pub fn before_ticket(desk: &Desk, nth: u64, channel: Channel, opened: DateTime<Utc>, text: &str, dice: &mut Dice, rows: &mut Rows) -> Uuid {
    let start = opened - TimeDelta::minutes(dice.between(2, 6));
    let mut talk = Talk::new(desk, format!("CT-{:08}", desk.c.number * 100 + nth), start, dice);
    talk.say(AuthorKind::Customer, text, TimeDelta::zero(), dice, rows);
    if channel == Channel::Chat {
        let id = talk.say(
            AuthorKind::Bot,
            "I am not sure about that. I have opened a ticket, and a colleague will answer.",
            TimeDelta::seconds(1),
            dice,
            rows,
        );
        bot(&talk, id, text, "handover", bot_answer::Kind::Handoff, dice.between(150_000, 420_000), dice, rows);
    } else {
        talk.say(AuthorKind::System, "Thank you for your message. We have opened a ticket for it.", TimeDelta::seconds(20), dice, rows);
    }
    let subject: String = text.chars().take(60).collect();
    talk.row(start, channel, &subject, Status::Resolved, Some(ResolvedBy::Agent), None, rows);
    talk.id
}
