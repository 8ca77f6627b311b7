use super::field::{self, Resource};
use crate::{
    catalogue::product::Status,
    exchange::record::{Record, Value},
    model::{TextEnum, same_word},
    money,
};
use rust_decimal::Decimal;
use serde_json::json;

const STATES: &[(&str, Status)] =
    &[("inactive", Status::Terminated), ("ceased", Status::Terminated), ("pending", Status::PendingActive), ("ordered", Status::Created)];
/// Relations whose target is the product that this one is a part of.
const PARENTS: &[&str] = &["bundledBy", "isContainedIn", "isPartOf", "belongsTo", "parent", "childOf"];
/// Characteristics that hold the number or line that people name a product by.
const IDENTIFIERS: &[&str] = &["msisdn", "phoneNumber", "telephoneNumber", "serviceIdentifier", "serviceId", "lineNumber", "circuitId", "lineId"];

pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let owner = r.customer().or_else(|| r.related().into_iter().next());
    if let Some(c) = &owner {
        r.mention_customer(&c.id, c.name.as_deref(), &c.referred);
    }
    let offering = offering(r);
    let said = r.text("status");
    let status = r.state(said.as_deref(), STATES);
    let (recurring, currency) = recurring(r).unzip();
    let terms = field::list(r.json, "productTerm");
    let term_end = terms.iter().filter_map(|t| field::date(field::object(t, "validFor")?, "endDateTime")).max();
    let relations = field::list(r.json, "productRelationship");
    let parent = relations.iter().find(|rel| field::text(rel, "relationshipType").is_some_and(|t| PARENTS.iter().any(|p| same_word(p, &t))));
    let parent = parent.and_then(|rel| field::object(rel, "product").and_then(field::id).or_else(|| field::id(rel)));
    let traits = field::list(r.json, "productCharacteristic");
    let named = |c: &&&serde_json::Map<_, _>| field::text(c, "name").is_some_and(|n| IDENTIFIERS.iter().any(|i| same_word(i, &n)));
    let identifier = traits.iter().find(named).and_then(|c| field::text(c, "value"));
    let attrs = r.json.contains_key("productCharacteristic").then(|| field::attributes(r.json, "productCharacteristic", &["description"]));
    let (ordered, started, ended) =
        (r.instant("orderDate").or_else(|| r.instant("creationDate")), r.instant("startDate"), r.instant("terminationDate"));
    let account = field::object(r.json, "billingAccount").and_then(field::id);
    let record = Record::row("products", &id)
        .maybe("customer_id", owner.map(|c| Value::to("customers", c.id)))
        .maybe("name", r.text("name"))
        .new_with("name", offering.clone().map_or(id.clone(), |o| o.1))
        .maybe("offering_id", offering.map(|o| Value::to("product_offerings", o.0)))
        .maybe("parent_product_id", parent.map(|p| Value::to("products", p)))
        .maybe("billing_account_id", account.map(|a| Value::to("billing_accounts", a)))
        .maybe("status", status.map(TextEnum::text))
        .new_with("status", "created")
        .maybe("source_status", said)
        .maybe("service_identifier", identifier)
        .maybe("serial", r.text("productSerialNumber"))
        .maybe("ordered_at", ordered)
        .maybe("start_at", started)
        .maybe("term_end_on", term_end)
        .maybe("terminated_at", ended)
        .maybe("recurring_minor", recurring)
        .maybe("currency", currency)
        .new_with("currency", r.defaults.currency.as_str())
        .maybe("is_customer_visible", r.json.get("isCustomerVisible").and_then(|v| v.as_bool()))
        .maybe("attrs", attrs)
        .new_with("attrs", json!({}));
    r.records.push(record);
}

/// What the product is one of: id and name.
fn offering(r: &mut Resource) -> Option<(String, String)> {
    let reference = field::object(r.json, "productOffering")?;
    let id = field::id(reference)?;
    let name = field::text(reference, "name").unwrap_or_else(|| id.clone());
    r.records.push(
        Record::row("product_offerings", &id)
            .new_with("code", id.as_str())
            .new_with("name", name.as_str())
            .new_with("kind", "service")
            .new_with("lifecycle_status", "active")
            .new_with("attrs", json!({})),
    );
    Some((id, name))
}

/// What it costs per month, of all its recurring prices.
fn recurring(r: &mut Resource) -> Option<(i64, String)> {
    let (mut sum, mut unit) = (Decimal::ZERO, None);
    for price in field::list(r.json, "productPrice") {
        // `reccurring` is how TMF637's own examples write it
        if !field::text(price, "priceType").is_some_and(|t| t.to_lowercase().starts_with("rec")) {
            continue;
        }
        let parts = field::object(price, "price").unwrap_or(price);
        let Some((amount, currency)) = ["taxIncludedAmount", "dutyFreeAmount", "taxExcludedAmount"].iter().find_map(|k| field::amount(parts, k))
        else {
            continue;
        };
        let months = months(field::text(price, "recurringChargePeriod").as_deref());
        sum = sum.checked_add(amount.checked_div(months)?)?;
        unit = unit.or(currency);
    }
    let unit = unit?;
    Some((money::minor_rounded(sum, &unit)?, unit))
}
fn months(period: Option<&str>) -> Decimal {
    let word = period.unwrap_or_default().to_lowercase();
    let known = [("year", 12), ("annual", 12), ("quarter", 3)];
    Decimal::from(known.iter().find(|k| word.contains(k.0)).map_or(1, |k| k.1))
}
