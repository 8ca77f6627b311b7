use super::field::{self, Related, Resource};
use crate::{
    care::ticket::{Kind, Priority, Status},
    conversation::conversation::Channel,
    exchange::record::{Record, Value},
    model::{TextEnum, same_word},
};

const STATES: &[(&str, Status)] = &[
    ("new", Status::Acknowledged),
    ("open", Status::InProgress),
    ("assigned", Status::InProgress),
    ("onHold", Status::Held),
    ("waiting", Status::Pending),
    ("solved", Status::Resolved),
    ("canceled", Status::Cancelled),
];
const PRIORITIES: &[(&str, Priority)] = &[
    ("1", Priority::Critical),
    ("urgent", Priority::Critical),
    ("2", Priority::High),
    ("3", Priority::Medium),
    ("normal", Priority::Medium),
    ("4", Priority::Low),
    ("5", Priority::Low),
];
/// Words of a type of ticket, tried in this order.
const KINDS: &[(&str, Kind)] = &[
    ("bill", Kind::BillDispute),
    ("dispute", Kind::BillDispute),
    ("invoice", Kind::BillDispute),
    ("complain", Kind::Complaint),
    ("change", Kind::ChangeRequest),
    ("move", Kind::ChangeRequest),
    ("request", Kind::ServiceRequest),
    ("order", Kind::ServiceRequest),
    ("commerce", Kind::ServiceRequest),
    ("question", Kind::Question),
    ("inquiry", Kind::Question),
    ("information", Kind::Question),
];
/// Words of a channel's name, tried in this order.
const CHANNELS: &[(&str, Channel)] = &[
    ("self", Channel::Portal),
    ("portal", Channel::Portal),
    ("web", Channel::Portal),
    ("app", Channel::Portal),
    ("mail", Channel::Email),
    ("phone", Channel::Phone),
    ("call", Channel::Phone),
    ("ivr", Channel::Phone),
    ("chat", Channel::Chat),
    ("bot", Channel::Bot),
    ("store", Channel::Store),
    ("shop", Channel::Store),
    ("retail", Channel::Store),
    ("sms", Channel::Sms),
    ("letter", Channel::Post),
    ("post", Channel::Post),
    ("forum", Channel::Forum),
    ("social", Channel::Social),
    ("technician", Channel::Field),
    ("field", Channel::Field),
];

pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let customer = r.related().into_iter().find(is_customer);
    let reporter = r.related().into_iter().find(|p| ["reporter", "originator", "requester"].iter().any(|w| same_word(w, &p.role)));
    let (said, kind, priority) = (r.text("status"), r.text("ticketType"), r.text("priority"));
    let status = r.state(said.as_deref(), STATES);
    let rank = r.state(priority.as_deref(), PRIORITIES);
    let named = kind.as_deref().map(|k| Kind::parse(k).or_else(|| word(k, KINDS)).unwrap_or(Kind::Incident));
    let channel = field::object(r.json, "channel").and_then(|c| field::text(c, "name")).and_then(|n| channel(&n));
    let opened = ["creationDate", "lastUpdate"].iter().find_map(|k| r.instant(k));
    let (resolved, changed) = (r.instant("resolutionDate"), r.instant("statusChangeDate"));
    let over = matches!(status, Some(Status::Resolved | Status::Closed));
    let reason = r.text("statusChangeReason");
    let (requested, expected, updated) = (r.instant("requestedResolutionDate"), r.instant("expectedResolutionDate"), r.instant("lastUpdate"));
    let subject = |kind: &str, table: &'static str| entity(r, kind).map(|id| Value::to(table, id));
    let record = Record::row("tickets", &id)
        .maybe("customer_id", customer.as_ref().map(|c| Value::to("customers", &c.id)))
        .new_with("ticket_no", id.as_str())
        .maybe("kind", named.map(TextEnum::text))
        .new_with("kind", "incident")
        .maybe("category", kind)
        .maybe("name", r.text("name"))
        .new_with("name", r.text("description").map_or_else(|| format!("Ticket {id}"), |d| d.chars().take(80).collect()))
        .maybe("description", r.text("description"))
        .maybe("severity", r.text("severity"))
        .maybe("priority", rank.map(TextEnum::text))
        .new_with("priority", "medium")
        .maybe("status", status.map(TextEnum::text))
        .new_with("status", "acknowledged")
        .maybe("source_status", said)
        .maybe("source_updated_at", updated)
        .maybe("status_reason", reason.clone())
        .maybe("channel", channel.map(TextEnum::text))
        .new_with("channel", "portal")
        .maybe("reporter_party_id", reporter.as_ref().map(|p| Value::to("parties", &p.id)))
        .maybe("bill_id", subject("CustomerBill", "bills"))
        .maybe("product_id", subject("Product", "products"))
        .maybe("opened_at", opened)
        .new_with("opened_at", r.defaults.as_of)
        .maybe("requested_resolution_at", requested)
        .maybe("expected_resolution_at", expected)
        .maybe("resolved_at", resolved.or(changed).filter(|_| over))
        .maybe("closed_at", changed.filter(|_| status == Some(Status::Closed)))
        .maybe("resolution", reason.filter(|_| over));
    if let Some(p) = reporter {
        r.mention_party(&p.id, p.name.as_deref(), &p.referred);
    }
    r.records.push(record);
    notes(r, &id, customer.as_ref());
}

/// TM Forum's notes do not say who may read them: what the customer wrote is public, all else stays inside.
fn notes(r: &mut Resource, ticket: &str, customer: Option<&Related>) {
    for (i, note) in field::list(r.json, "note").into_iter().enumerate() {
        let Some(body) = field::text(note, "text") else { continue };
        let author = field::text(note, "author");
        let own = customer.is_some_and(|c| author.is_some() && (author == c.name || author.as_ref() == Some(&c.id)));
        let key = field::text(note, "id").unwrap_or_else(|| (i + 1).to_string());
        let at = field::instant(note, "date");
        let record = Record::row("ticket_notes", format!("{ticket}/{key}"))
            .with("ticket_id", Value::to("tickets", ticket))
            .maybe("customer_id", customer.map(|c| Value::to("customers", &c.id)))
            .with("author_kind", if own { "customer" } else { "agent" })
            .with("body", body)
            .new_with("visibility", if own { "public" } else { "internal" })
            .maybe("noted_at", at)
            .new_with("noted_at", r.defaults.as_of);
        r.records.push(record);
    }
}

pub fn is_customer(party: &Related) -> bool {
    same_word(&party.role, "customer") || same_word(&party.referred, "Customer")
}
/// The channel that a name speaks of.
pub fn channel(name: &str) -> Option<Channel> {
    Channel::parse(name).or_else(|| word(name, CHANNELS))
}
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    let text = text.to_lowercase();
    words.iter().find(|(w, _)| text.contains(w)).map(|(_, t)| *t)
}
/// The id of what the ticket is about: v5 has it in `relatedEntity`, v4 as `relatedObject` with an address.
fn entity(r: &Resource, kind: &str) -> Option<String> {
    let all = field::list(r.json, "relatedEntity").into_iter().chain(field::list(r.json, "relatedObject"));
    all.into_iter().find_map(|e| {
        let reference = field::object(e, "entity").unwrap_or(e);
        let typed = field::text(reference, "@referredType").is_some_and(|t| same_word(&t, kind));
        let address = field::text(reference, "href").is_some_and(|h| h.to_lowercase().contains(&format!("/{}/", kind.to_lowercase())));
        (typed || address).then(|| field::id(reference))?
    })
}
