use super::field::{self, Resource};
use crate::{
    billing::billing_account::{PaymentStatus, State},
    exchange::record::{Record, Value},
    model::TextEnum,
    money,
};
use serde_json::{Map, Value as Json, json};

const STATES: &[(&str, State)] =
    &[("open", State::Active), ("created", State::Active), ("inactive", State::Closed), ("terminated", State::Closed), ("onHold", State::Suspended)];
const PAYMENTS: &[(&str, PaymentStatus)] = &[
    ("normal", PaymentStatus::Current),
    ("paid", PaymentStatus::Current),
    ("in arrears", PaymentStatus::Overdue),
    ("in collection", PaymentStatus::Collections),
];

pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let customer = r.customer().or_else(|| r.related().into_iter().next());
    let balance = balance(r);
    let currency = r.currency(&["creditLimit"]).or_else(|| balance.as_ref()?.1.clone());
    let unit = currency.clone().unwrap_or_else(|| r.defaults.currency.clone());
    let name = r.first(&["name", "description"]);
    // an account is always somebody's: who is not said goes by the account's own name until it is
    let (owner, title, referred) = match &customer {
        Some(c) => (c.id.clone(), c.name.clone(), c.referred.clone()),
        None => (format!("account/{id}"), name.clone(), String::new()),
    };
    r.mention_customer(&owner, title.as_deref(), &referred);
    let (state, paid) = (r.text("state").or_else(|| r.text("status")), r.text("paymentStatus"));
    let (status, payment) = (r.state(state.as_deref(), STATES), r.state(paid.as_deref(), PAYMENTS));
    let limit = r.minor("creditLimit", &unit);
    let record = account(&id, name.as_deref(), &unit, &owner)
        .maybe("customer_id", customer.map(|c| Value::to("customers", c.id)))
        .maybe("name", name.as_deref())
        .maybe("currency", currency)
        .maybe("state", status.map(TextEnum::text))
        .maybe("source_status", state)
        .maybe("source_updated_at", r.instant("lastModified"))
        .maybe("payment_status", payment.map(TextEnum::text))
        .maybe("balance_minor", balance.and_then(|b| money::minor_rounded(b.0, &unit)))
        .maybe("credit_limit_minor", limit)
        .maybe("format", structure(r, "format").map(|f| if f.to_lowercase().contains("summary") { "summary" } else { "itemised" }))
        .maybe("media", media(r));
    r.records.push(record);
}

/// An account that something refers to, of a customer.
pub fn mention(r: &mut Resource, reference: &Map<String, Json>, customer: &str) {
    if let Some(id) = field::id(reference) {
        let record = account(&id, field::text(reference, "name").as_deref(), &r.defaults.currency, customer);
        r.records.push(record);
    }
}
fn account(id: &str, name: Option<&str>, currency: &str, customer: &str) -> Record {
    Record::row("billing_accounts", id)
        .new_with("customer_id", Value::to("customers", customer))
        .new_with("account_no", id)
        .new_with("name", name.unwrap_or(id))
        .new_with("currency", currency)
        .new_with("state", "active")
        .new_with("payment_status", "current")
        .new_with("format", "itemised")
        .new_with("media", json!([]))
}

/// What is owed: the receivable balance, not deposits.
fn balance(r: &Resource) -> Option<(rust_decimal::Decimal, Option<String>)> {
    let all = field::list(r.json, "accountBalance");
    let receivable = all.iter().find(|b| field::text(b, "balanceType").is_some_and(|t| t.to_lowercase().contains("receivable")));
    field::amount(receivable?, "amount")
}
/// The name of a part of the bill structure; v4 writes `billFormat`.
fn structure(r: &Resource, key: &str) -> Option<String> {
    let parts = field::object(r.json, "billStructure")?;
    field::text(field::object(parts, key)?, "name")
}
fn media(r: &Resource) -> Option<Json> {
    let parts = field::list(field::object(r.json, "billStructure")?, "presentationMedia");
    let words = parts.iter().filter_map(|p| field::text(p, "name")).map(|name| {
        let name = name.to_lowercase();
        let known = [("post", "post"), ("paper", "post"), ("mail", "email"), ("electronic", "portal"), ("portal", "portal"), ("edi", "edi")];
        known.iter().find(|k| name.contains(k.0)).map_or("portal", |k| k.1)
    });
    Some(json!(words.collect::<Vec<_>>())).filter(|w| w != &json!([]))
}
