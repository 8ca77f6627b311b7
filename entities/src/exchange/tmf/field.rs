//! How TM Forum resources write things: ids, money, instants, references and names of parties, in v4 and v5.
use crate::{
    exchange::record::{Problem, Record, Value},
    model::TextEnum,
    money,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

/// What a resource leaves to the reader.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// For amounts that name no currency.
    pub currency: String,
    /// Two letters: how to read national phone numbers.
    pub country: Option<String>,
    /// The instant of the export, for resources without dates.
    pub as_of: DateTime<Utc>,
}

/// One resource, and what is gathered from it.
pub struct Resource<'a> {
    pub json: &'a Map<String, Json>,
    pub id: String,
    pub defaults: &'a Defaults,
    pub records: Vec<Record>,
    pub problems: Vec<Problem>,
}

/// A party or party role that something relates to.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    pub role: String,
    pub id: String,
    pub name: Option<String>,
    /// `Individual`, `Organization`, `Customer`, …; empty where it is not said.
    pub referred: String,
}

/// The text of a member; numbers as they are written, blanks are none.
pub fn text(json: &Map<String, Json>, key: &str) -> Option<String> {
    match json.get(key)? {
        Json::String(s) => Some(s.trim().to_string()).filter(|s| !s.is_empty()),
        Json::Number(n) => Some(n.to_string()),
        Json::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}
pub fn object<'a>(json: &'a Map<String, Json>, key: &str) -> Option<&'a Map<String, Json>> {
    list(json, key).into_iter().next()
}
/// The objects of a member, which some write as a list and some as one object.
pub fn list<'a>(json: &'a Map<String, Json>, key: &str) -> Vec<&'a Map<String, Json>> {
    match json.get(key) {
        Some(Json::Array(a)) => a.iter().filter_map(Json::as_object).collect(),
        Some(Json::Object(o)) => vec![o],
        _ => vec![],
    }
}
/// The id of a resource or reference: its own, else another system's, else the end of its address.
pub fn id(json: &Map<String, Json>) -> Option<String> {
    let external = || list(json, "externalIdentifier").iter().chain(&list(json, "externalReference")).find_map(|e| text(e, "id"));
    text(json, "id")
        .or_else(|| text(json, "externalId"))
        .or_else(external)
        .or_else(|| text(json, "href").and_then(|h| h.trim_end_matches('/').rsplit('/').next().map(str::to_string)))
}
/// RFC 3339, or without a zone (UTC), or a date.
pub fn instant(json: &Map<String, Json>, key: &str) -> Option<DateTime<Utc>> {
    let text = text(json, key)?;
    let whole = DateTime::parse_from_rfc3339(&text).map(|t| t.to_utc());
    let naive = || text.parse::<NaiveDateTime>().map(|t| t.and_utc());
    let day = || text.parse::<NaiveDate>().map(|d| d.and_time(Default::default()).and_utc());
    whole.ok().or_else(|| naive().ok()).or_else(|| day().ok()).map(|t| t.trunc_subsecs(0))
}
pub fn date(json: &Map<String, Json>, key: &str) -> Option<NaiveDate> {
    instant(json, key).map(|t| t.date_naive())
}
/// An amount from its literal text, and its currency.
pub fn amount(json: &Map<String, Json>, key: &str) -> Option<(Decimal, Option<String>)> {
    let member = json.get(key)?;
    let Some(money) = member.as_object() else { return Some((number(&member.to_string())?, None)) };
    let value = ["value", "amount"].iter().find_map(|k| text(money, k))?;
    let unit = ["unit", "currency", "units"].iter().find_map(|k| text(money, k)).map(|u| u.to_uppercase());
    Some((number(&value)?, unit.filter(|u| money::known(u))))
}
fn number(text: &str) -> Option<Decimal> {
    let text = text.trim().trim_matches('"');
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}
/// The names and values of characteristics, and further members of the resource, as `attrs`.
pub fn attributes(json: &Map<String, Json>, characteristics: &str, further: &[&str]) -> Json {
    let mut attrs = Map::new();
    for c in list(json, characteristics) {
        if let (Some(name), Some(value)) = (text(c, "name"), c.get("value")) {
            attrs.insert(name, value.clone());
        }
    }
    for key in further {
        if let Some(value) = json.get(*key) {
            attrs.insert(key.to_string(), value.clone());
        }
    }
    Json::Object(attrs)
}

impl<'a> Resource<'a> {
    pub fn text(&self, key: &str) -> Option<String> {
        text(self.json, key)
    }
    pub fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|k| self.text(k))
    }
    pub fn instant(&mut self, key: &str) -> Option<DateTime<Utc>> {
        let instant = instant(self.json, key);
        if instant.is_none()
            && let Some(text) = self.text(key)
        {
            self.warn("date_invalid", format!("“{text}” ({key}) is not a date."));
        }
        instant
    }
    pub fn warn(&mut self, code: &'static str, message: String) {
        self.problems.push(Problem::warning(code, message));
    }
    pub fn fail(&mut self, code: &'static str, message: String) {
        self.problems.push(Problem::error(code, message));
    }
    /// A state in our words: as it is spelt, by what sources call it, else none and a warning.
    pub fn state<E: TextEnum>(&mut self, said: Option<&str>, also: &[(&str, E)]) -> Option<E> {
        let said = said?;
        let known = E::parse(said).or_else(|| also.iter().find(|(word, _)| crate::model::same_word(word, said)).map(|(_, e)| *e));
        if known.is_none() {
            let ours = E::VALUES.iter().map(|v| v.0).collect::<Vec<_>>().join(", ");
            self.warn("unknown_value", format!("“{said}” is none of {ours}."));
        }
        known
    }
    /// An amount in minor units of `currency`; a problem where it is in another.
    pub fn minor(&mut self, key: &str, currency: &str) -> Option<i64> {
        let (amount, unit) = amount(self.json, key)?;
        if let Some(other) = unit.filter(|u| u != currency) {
            self.fail("currency_differs", format!("{key} is in {other}, the rest in {currency}."));
        }
        let exact = money::minor(amount, currency);
        if exact.is_none() {
            self.warn("amount_rounded", format!("{key} {amount} has more digits than {currency}."));
        }
        exact.or_else(|| money::minor_rounded(amount, currency))
    }
    /// The currency of the first of these amounts that names one.
    pub fn currency(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|k| amount(self.json, k)?.1)
    }
    /// Everybody that the resource relates to.
    pub fn related(&self) -> Vec<Related> {
        let own = list(self.json, "relatedParty");
        let contacts = list(self.json, "contact");
        own.into_iter().chain(contacts.into_iter().flat_map(|c| list(c, "relatedParty"))).filter_map(related).collect()
    }
    /// The best of the related parties for a customer: a customer role, else by what the party does.
    pub fn customer(&self) -> Option<Related> {
        let all = self.related();
        let is = |r: &&Related, word: &str| crate::model::same_word(&r.role, word);
        let role = all.iter().find(|r| crate::model::same_word(&r.referred, "Customer") || is(r, "customer"));
        role.or_else(|| HOLDERS.iter().find_map(|word| all.iter().find(|r| is(r, word)))).cloned()
    }
    /// Records that stand in for a customer that is only referred to, until it comes itself.
    pub fn mention_customer(&mut self, id: &str, name: Option<&str>, referred: &str) {
        self.mention_party(id, name, referred);
        let kind = if crate::model::same_word(referred, "Organization") { "small_business" } else { "consumer" };
        self.records.push(
            Record::row("customers", id)
                .new_with("party_id", Value::to("parties", id))
                .new_with("customer_no", id)
                .new_with("kind", kind)
                .new_with("status", "active")
                .new_with("source_status", "initialized")
                .new_with("household", json!({})),
        );
    }
    pub fn mention_party(&mut self, id: &str, name: Option<&str>, referred: &str) {
        let organization = crate::model::same_word(referred, "Organization");
        self.records.push(
            Record::row("parties", id)
                .new_with("kind", if organization { "organization" } else { "individual" })
                .new_with("display_name", name.unwrap_or(id))
                .new_with("status", "initialized")
                .new_with("attrs", json!({})),
        );
    }
}

/// Roles of those whom a product or account belongs to, best first.
const HOLDERS: &[&str] = &["owner", "account holder", "subscriber", "bill receiver", "payer", "user"];

/// v5 has the reference inside `partyOrPartyRole`, v4 beside the role.
fn related(json: &Map<String, Json>) -> Option<Related> {
    let reference = object(json, "partyOrPartyRole").unwrap_or(json);
    let referred = text(reference, "@referredType").unwrap_or_default();
    Some(Related { role: text(json, "role").unwrap_or_default(), id: id(reference)?, name: text(reference, "name"), referred })
}
