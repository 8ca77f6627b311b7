use super::{
    field::{self, Resource},
    party,
};
use crate::{
    exchange::record::{Record, Value},
    model::{TextEnum, same_word},
    party::customer::Status,
};
use serde_json::{Value as Json, json};

const STATES: &[(&str, Status)] = &[
    ("created", Status::Prospect),
    ("initialized", Status::Prospect),
    ("creditCheckDone", Status::Prospect),
    ("pending", Status::Prospect),
    ("approved", Status::Active),
    ("validated", Status::Active),
    ("onHold", Status::Suspended),
    ("inactive", Status::Closed),
    ("terminated", Status::Closed),
    ("rejected", Status::Closed),
    ("deceased", Status::Closed),
];

pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let engaged = field::object(r.json, "engagedParty");
    let party = engaged.and_then(field::id);
    let referred = engaged.and_then(|e| field::text(e, "@referredType").or_else(|| field::text(e, "@type"))).unwrap_or_default();
    let name = engaged.and_then(|e| field::text(e, "name")).or_else(|| r.text("name"));
    // a customer that names no party is its own
    let own = party.clone().unwrap_or_else(|| format!("customer/{id}"));
    r.mention_party(&own, name.as_deref(), &referred);
    let said = r.text("status");
    let status = r.state(said.as_deref(), STATES);
    let valid = field::object(r.json, "validFor");
    let closed = valid.and_then(|v| field::instant(v, "endDateTime")).filter(|_| status == Some(Status::Closed));
    let record = Record::row("customers", &id)
        .maybe("party_id", party.map(|p| Value::to("parties", p)))
        .new_with("party_id", Value::to("parties", &own))
        .new_with("customer_no", id.as_str())
        .new_with("kind", if same_word(&referred, "Organization") { "small_business" } else { "consumer" })
        .maybe("status", status.map(TextEnum::text))
        .new_with("status", "active")
        .maybe("source_status", said)
        .maybe("status_reason", r.text("statusReason"))
        .maybe("since_on", valid.and_then(|v| field::date(v, "startDateTime")))
        .maybe("closed_at", closed)
        .maybe("preferred_channel", preferred(r))
        .new_with("household", json!({}));
    r.records.push(record);
    party::media(r, &format!("customer/{id}"), &own);
    for account in field::list(r.json, "account") {
        super::account::mention(r, account, &id);
    }
}

fn preferred(r: &Resource) -> Option<&'static str> {
    let media = field::list(r.json, "contactMedium");
    let first = media.into_iter().find(|m| m.get("preferred") == Some(&Json::Bool(true)))?;
    let kind = field::text(first, "@type")?.to_lowercase();
    [("email", "email"), ("phone", "phone"), ("address", "post")].iter().find(|k| kind.contains(k.0)).map(|k| k.1)
}
