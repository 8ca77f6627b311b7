//! Resources of TM Forum's Open APIs, v4 and v5: customers (629), parties (632), accounts (666), bills (678), products
//! (637), tickets (621) and interactions (683), as answers, lists, create requests or events.
//!
//! `@type` says what a resource is; where it is missing its address does, or its shape. A resource that speaks of a few
//! members only changes those. What is no resource (a patch, a subscription) or belongs to another API is an error
//! with its reason.
use super::{
    json_stream,
    record::{Mapped, Problem},
};
pub use field::Defaults;
use field::Resource;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::io::BufRead;

/// Billing accounts (TMF666).
mod account;
/// Bills and their lines (TMF678).
mod bill;
/// Customers (TMF629).
mod customer;
/// How resources write things.
mod field;
/// Interactions as conversations (TMF683).
mod interaction;
/// Individuals and organizations (TMF632), and contact media.
mod party;
/// Products (TMF637).
mod product;
/// Trouble tickets (TMF621).
mod ticket;

/// Reads an array, one resource, or one per line; each is a row.
pub fn read(input: impl BufRead, defaults: Defaults) -> impl Iterator<Item = Mapped> {
    json_stream::values(input).zip(1..).map(move |(raw, row_no)| match raw {
        Ok(raw) => Mapped { row_no, ..map(&raw, &defaults) }.with_raw(raw),
        Err(message) => Mapped { row_no, problems: vec![Problem::error("unreadable", message)], ..Default::default() },
    })
}
impl Mapped {
    fn with_raw(self, raw: String) -> Self {
        Mapped { raw, ..self }
    }
}

fn map(raw: &str, defaults: &Defaults) -> Mapped {
    let mut mapped = Mapped::default();
    match serde_json::from_str::<Json>(raw) {
        Ok(json) => value(&json, defaults, &mut mapped),
        Err(e) => mapped.problems.push(Problem::error("malformed_json", format!("This is not JSON: {e}."))),
    }
    mapped
}

fn value(json: &Json, defaults: &Defaults, mapped: &mut Mapped) {
    match json {
        Json::Array(all) => all.iter().for_each(|one| value(one, defaults, mapped)),
        Json::Object(object) => resource(object, defaults, mapped),
        _ => mapped.problems.push(Problem::error("not_a_resource", "A resource is an object; this is a bare value.")),
    }
}

type Mapper = fn(&mut Resource);

/// What each type becomes; compared in any case.
const TYPES: &[(&str, Mapper)] = &[
    ("Customer", customer::map),
    ("Individual", party::individual),
    ("Organization", party::organization),
    ("BillingAccount", account::map),
    ("PartyAccount", account::map),
    ("SettlementAccount", account::map),
    ("CustomerBill", bill::map),
    ("AppliedCustomerBillingRate", bill::rate),
    ("Product", product::map),
    ("TroubleTicket", ticket::map),
    ("PartyInteraction", interaction::map),
];
/// A member that only one type has, for resources without `@type` and address.
const SHAPES: &[(&str, &str)] = &[
    ("engagedParty", "Customer"),
    ("familyName", "Individual"),
    ("tradingName", "Organization"),
    ("organizationType", "Organization"),
    ("billStructure", "BillingAccount"),
    ("billNo", "CustomerBill"),
    ("appliedTax", "AppliedCustomerBillingRate"),
    ("productOffering", "Product"),
    ("productSerialNumber", "Product"),
    ("ticketType", "TroubleTicket"),
    ("interactionItem", "PartyInteraction"),
];
/// Members of a request for something else than a resource.
const REQUESTS: &[(&[&str], &str)] = &[
    (&["op", "path"], "a JSON Patch: it says how to change a resource, not what the resource is. Import the resource itself."),
    (&["callback"], "a subscription to notifications, not a resource."),
    (&["code", "reason"], "an error answer, not a resource."),
];

fn resource(json: &Map<String, Json>, defaults: &Defaults, mapped: &mut Mapped) {
    if let Some(event) = json.get("event").and_then(Json::as_object) {
        return notified(json, event, defaults, mapped);
    }
    if let Some((_, what)) = REQUESTS.iter().find(|(keys, _)| keys.iter().all(|k| json.contains_key(*k))) {
        return mapped.problems.push(Problem::error("not_a_resource", format!("This is {what}")));
    }
    let Some(kind) = kind(json) else {
        return mapped
            .problems
            .push(Problem::error("not_a_resource", "The object has no @type, and neither its address nor its members tell what it is."));
    };
    let Some((_, mapper)) = TYPES.iter().find(|t| t.0.eq_ignore_ascii_case(&kind)) else {
        return mapped.problems.push(Problem::error("unsupported_type", format!("{kind} is a type that is not imported yet.")));
    };
    let Some(id) = field::id(json).or_else(|| new_id(json, &kind, mapped)) else { return };
    let mut resource = Resource { json, id, defaults, records: vec![], problems: vec![] };
    mapper(&mut resource);
    mapped.records.append(&mut resource.records);
    mapped.problems.append(&mut resource.problems);
}

/// What a notification tells of. It may hold the whole resource or only what changed.
fn notified(json: &Map<String, Json>, event: &Map<String, Json>, defaults: &Defaults, mapped: &mut Mapped) {
    let name = field::text(json, "eventType").into_iter().chain(field::text(json, "@type")).find(|n| n.ends_with("Event")).unwrap_or_default();
    if name.ends_with("DeleteEvent") || name.ends_with("RemoveEvent") {
        let text = format!("{name}: an import adds and changes rows, it does not delete them. Close the row in its source instead.");
        return mapped.problems.push(Problem::error("deletion", text));
    }
    let before = (mapped.records.len(), mapped.problems.len());
    // `relatedParty`, `source` and the like of the event itself are no resources of it
    let told = |key: &str| !["relatedParty", "reportingSystem", "source", "analyticCharacteristic", "informationRequired"].contains(&key);
    for (key, one) in event.iter().filter(|(k, v)| told(k) && (v.is_object() || v.is_array())) {
        let named = |o: &Map<String, Json>| {
            let mut o = o.clone();
            o.entry("@type").or_insert_with(|| key.clone().into());
            Json::Object(o)
        };
        match one {
            Json::Array(all) => all.iter().filter_map(Json::as_object).for_each(|o| value(&named(o), defaults, mapped)),
            Json::Object(o) => value(&named(o), defaults, mapped),
            _ => {}
        }
    }
    if before == (mapped.records.len(), mapped.problems.len()) {
        mapped.problems.push(Problem::error("not_a_resource", "The notification holds no resource."));
    }
}

/// The type by name, by the type it is derived from, by address (`…/customerBill/CB-1`), by shape.
fn kind(json: &Map<String, Json>) -> Option<String> {
    let named: Vec<String> = ["@type", "@baseType"].iter().filter_map(|k| field::text(json, k)).collect();
    let known = named.iter().find(|n| TYPES.iter().any(|t| t.0.eq_ignore_ascii_case(n)));
    let by_address = || {
        let href = field::text(json, "href")?;
        let mut parts = href.trim_end_matches('/').rsplit('/');
        parts.nth(1).filter(|p| !p.is_empty() && !p.contains(':')).map(str::to_string)
    };
    let by_shape = || SHAPES.iter().find(|s| json.contains_key(s.0)).map(|s| s.1.to_string());
    known.or(named.first()).cloned().or_else(by_address).or_else(by_shape)
}

/// What a request to create one has to say. With less it is a request to change one, and says not which.
const CREATE: &[(&str, &[&str])] = &[
    ("Customer", &["name", "engagedParty"]),
    ("Individual", &["familyName"]),
    ("Organization", &["name"]),
    ("BillingAccount", &["name", "relatedParty"]),
    ("PartyAccount", &["name", "relatedParty"]),
    ("SettlementAccount", &["name", "relatedParty"]),
    ("Product", &["name"]),
    ("TroubleTicket", &["name", "severity"]),
    ("PartyInteraction", &["description", "reason"]),
];
/// A request to create a resource has no id yet: its content stands for it, so that the same request is the same row.
fn new_id(json: &Map<String, Json>, kind: &str, mapped: &mut Mapped) -> Option<String> {
    let complete = CREATE.iter().find(|c| c.0.eq_ignore_ascii_case(kind)).is_some_and(|c| c.1.iter().all(|k| json.contains_key(*k)));
    if !complete {
        let text = format!("This {kind} has no id and holds only a part of one: a request to change a resource that it does not name.");
        mapped.problems.push(Problem::error("not_a_resource", text));
        return None;
    }
    mapped.problems.push(Problem::warning("id_from_content", format!("This {kind} has no id: a hash of its content is taken.")));
    let hash = Sha256::digest(Json::Object(json.clone()).to_string());
    Some(format!("new-{}", hash[..8].iter().map(|b| format!("{b:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests;
