use super::{
    field::{self, Related, Resource},
    ticket,
};
use crate::{
    conversation::conversation::Status,
    exchange::record::{Record, Value},
    model::{TextEnum, same_word},
};
use chrono::{DateTime, Utc};

const STATES: &[(&str, Status)] = &[
    ("ongoing", Status::Agent),
    ("opened", Status::Agent),
    ("inProgress", Status::Agent),
    ("pending", Status::Waiting),
    ("completed", Status::Resolved),
    ("closed", Status::Resolved),
    ("done", Status::Resolved),
    ("cancelled", Status::Abandoned),
];

/// A touch on any channel: a conversation, and a message for its reason, for each of its items and for each note.
pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let customer = customer(r);
    let said = r.text("status");
    let status = r.state(said.as_deref(), STATES);
    let dates = field::object(r.json, "interactionDate");
    let started = dates.and_then(|d| field::instant(d, "startDateTime")).or_else(|| r.instant("creationDate"));
    let ended = dates.and_then(|d| field::instant(d, "endDateTime"));
    let updated = r.instant("lastUpdateDate");
    let channels = field::list(r.json, "relatedChannel").into_iter().chain(field::list(r.json, "channel"));
    let named = channels.filter_map(|c| field::text(field::object(c, "channel").unwrap_or(c), "name"));
    let channel = named.chain(r.text("description")).find_map(|n| ticket::channel(&n));
    let resolved = status == Some(Status::Resolved);
    let record = Record::row("conversations", &id)
        .maybe("customer_id", customer.as_ref().map(|c| Value::to("customers", &c.id)))
        .maybe("channel", channel.map(TextEnum::text))
        .new_with("channel", "phone")
        .maybe("subject", r.text("description"))
        .maybe("status", status.map(TextEnum::text))
        .new_with("status", if ended.is_some() { "resolved" } else { "agent" })
        .maybe("source_status", said)
        .maybe("source_updated_at", updated)
        .new_with("verification", "anonymous") // the source does not say how the agent knew
        .maybe("started_at", started)
        .new_with("started_at", r.defaults.as_of)
        .maybe("resolved_at", ended.filter(|_| resolved))
        .maybe("resolved_by", resolved.then_some("agent"));
    r.records.push(record);
    messages(r, &id, customer.as_ref(), started);
}

fn messages(r: &mut Resource, id: &str, customer: Option<&Related>, started: Option<DateTime<Utc>>) {
    let outbound = r.text("direction").is_some_and(|d| d.to_lowercase().starts_with("out"));
    let ours = if outbound { ("outbound", "agent") } else { ("inbound", "customer") };
    if let Some(reason) = r.text("reason") {
        message(r, id, "reason", customer, ours, reason, started);
    }
    for (i, item) in field::list(r.json, "interactionItem").into_iter().enumerate() {
        let parts = [field::text(item, "reason"), field::text(item, "resolution")].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let at = field::object(item, "itemDate").and_then(|d| field::instant(d, "startDateTime")).or_else(|| field::instant(item, "creationDate"));
        let key = field::text(item, "id").unwrap_or_else(|| (i + 1).to_string());
        if !parts.is_empty() {
            message(r, id, &format!("item/{key}"), customer, ("outbound", "agent"), parts, at.or(started));
        }
    }
    for (i, note) in field::list(r.json, "note").into_iter().enumerate() {
        let key = field::text(note, "id").unwrap_or_else(|| (i + 1).to_string());
        let own = customer.is_some_and(|c| c.name.is_some() && field::text(note, "author") == c.name);
        if let Some(body) = field::text(note, "text") {
            let from = if own { ("inbound", "customer") } else { ("outbound", "agent") };
            message(r, id, &format!("note/{key}"), customer, from, body, field::instant(note, "date").or(started));
        }
    }
}

fn message(
    r: &mut Resource,
    conversation: &str,
    key: &str,
    customer: Option<&Related>,
    from: (&'static str, &'static str),
    body: String,
    at: Option<DateTime<Utc>>,
) {
    let record = Record::row("messages", format!("{conversation}/{key}"))
        .with("conversation_id", Value::to("conversations", conversation))
        .maybe("customer_id", customer.map(|c| Value::to("customers", &c.id)))
        .with("direction", from.0)
        .with("author_kind", from.1)
        .with("body_text", body)
        .new_with("state", "delivered")
        .maybe("sent_at", at);
    r.records.push(record);
}

/// A customer, else a party that uses something: whether it is a customer shows when it is looked up.
fn customer(r: &Resource) -> Option<Related> {
    let all = r.related();
    let found = all.iter().find(|p| ticket::is_customer(p));
    found.or_else(|| all.iter().find(|p| ["user", "owner", "subscriber"].iter().any(|w| same_word(w, &p.role)))).cloned()
}
