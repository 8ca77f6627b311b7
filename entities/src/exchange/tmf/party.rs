use super::field::{self, Resource};
use crate::{
    exchange::{medium::Medium, record::Record},
    model::same_word,
    party::party::Status,
};
use serde_json::{Map, Value as Json, json};

const STATES: &[(&str, Status)] = &[
    ("active", Status::Validated),
    ("created", Status::Initialized),
    ("deceaded", Status::Deceased), // TMF632's own spelling
    ("terminated", Status::Closed),
    ("inactive", Status::Closed),
];

pub fn individual(r: &mut Resource) {
    let whole = [r.text("givenName"), r.text("middleName"), r.text("familyName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = r.first(&["fullName", "formattedName"]).or(Some(whole).filter(|w| !w.is_empty())).or_else(|| r.text("legalName"));
    let birth = r.instant("birthDate").map(|t| t.date_naive());
    let record = party(r, "individual", name, &["nationality", "maritalStatus", "countryOfBirth", "title"])
        .maybe("given_name", r.text("givenName"))
        .maybe("family_name", r.text("familyName"))
        .maybe("legal_name", r.text("legalName"))
        .maybe("birth_on", birth)
        .maybe("gender", r.text("gender"));
    r.records.push(record);
    let id = r.id.clone();
    media(r, &id, &id);
}

pub fn organization(r: &mut Resource) {
    let name = r.first(&["tradingName", "name"]);
    let record = party(r, "organization", name, &["organizationType", "isLegalEntity", "isHeadOffice"])
        .maybe("legal_name", r.text("name"))
        .maybe("trading_name", r.text("tradingName"));
    r.records.push(record);
    let id = r.id.clone();
    media(r, &id, &id);
}

fn party(r: &mut Resource, kind: &'static str, name: Option<String>, further: &[&str]) -> Record {
    let said = r.text("status");
    let status = r.state(said.as_deref(), STATES);
    let language = field::list(r.json, "languageAbility").into_iter().find(|l| l.get("isFavouriteLanguage") == Some(&Json::Bool(true)));
    let locale = language.and_then(|l| field::text(l, "languageCode")).filter(|c| c.len() == 2).map(|c| c.to_lowercase());
    let attrs = r.json.contains_key("partyCharacteristic").then(|| field::attributes(r.json, "partyCharacteristic", further));
    Record::row("parties", &r.id)
        .with("kind", kind)
        .maybe("display_name", name)
        .new_with("display_name", r.id.as_str())
        .maybe("status", status.map(crate::model::TextEnum::text))
        .new_with("status", "initialized")
        .maybe("source_status", said)
        .maybe("locale", locale)
        .maybe("attrs", attrs)
        .new_with("attrs", json!({}))
}

/// The contact media of a resource, for a party. `owner` keeps the ids of two resources with one party apart.
pub fn media(r: &mut Resource, owner: &str, party: &str) {
    let all = field::list(r.json, "contactMedium");
    let country = all.iter().find_map(|m| member(m, &["country"])).filter(|c| c.len() == 2);
    for (i, json) in all.into_iter().enumerate() {
        let Some(medium) = medium(json, country.as_deref().or(r.defaults.country.as_deref())) else {
            r.warn("contact_medium_invalid", format!("Contact medium {} is no address, phone number or e-mail address.", i + 1));
            continue;
        };
        if !medium.is_certain() {
            r.warn("phone_not_international", format!("“{}” is taken as it is: its country is not known.", medium.display));
        }
        let valid = field::object(json, "validFor");
        let key = field::text(json, "id").unwrap_or_else(|| (i + 1).to_string());
        let record = medium
            .record(party, format!("{owner}/{key}"))
            .maybe("preferred", json.get("preferred").and_then(Json::as_bool))
            .maybe("valid_from_on", valid.and_then(|v| field::date(v, "startDateTime")))
            .maybe("valid_to_on", valid.and_then(|v| field::date(v, "endDateTime")));
        r.records.push(record);
    }
}

/// v5 has the members beside the type, v4 inside `characteristic`.
fn member(json: &Map<String, Json>, keys: &[&str]) -> Option<String> {
    let inner = field::object(json, "characteristic");
    keys.iter().find_map(|k| field::text(json, k).or_else(|| field::text(inner?, k)))
}
fn medium(json: &Map<String, Json>, country: Option<&str>) -> Option<Medium> {
    if let Some(mail) = member(json, &["emailAddress"]) {
        return Medium::email(&mail);
    }
    if let Some(phone) = member(json, &["phoneNumber"]) {
        let sms = member(json, &["contactType", "mediumType"]).is_some_and(|t| same_word(&t, "sms"));
        return Medium::phone(&phone, country).map(|m| if sms { Medium { kind: "sms", ..m } } else { m });
    }
    if let Some(network) = member(json, &["socialNetworkId"]) {
        return Some(Medium { kind: "social", norm: network.to_lowercase(), display: network, ..Default::default() });
    }
    let street = [member(json, &["street1"]), member(json, &["street2"])].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let street = Some(street).filter(|s| !s.is_empty());
    Medium::post(street, member(json, &["city"]), member(json, &["stateOrProvince"]), member(json, &["postCode"]), member(json, &["country"]))
}
