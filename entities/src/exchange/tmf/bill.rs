use super::{
    account,
    field::{self, Resource},
};
use crate::{
    billing::bill::{RunType, State},
    exchange::record::{Record, Value},
    model::TextEnum,
    money,
};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

const STATES: &[(&str, State)] = &[("inProgress", State::New), ("created", State::New), ("done", State::Validated), ("paid", State::Settled)];
const AMOUNTS: &[&str] = &["taxIncludedAmount", "taxExcludedAmount", "amountDue", "remainingAmount"];

/// A bill. Its amounts are what it says: a bill without them is never made up, it only changes one that is known.
pub fn map(r: &mut Resource) {
    let id = r.id.clone();
    let account = account(r);
    let currency = r.currency(AMOUNTS);
    let unit = currency.clone().unwrap_or_else(|| r.defaults.currency.clone());
    let said = r.first(&["state", "status"]);
    let state = r.state(said.as_deref(), STATES);
    let run = r.text("runType");
    let run = r.state::<RunType>(run.as_deref(), &[]);
    let sums = sums(r, &unit);
    let credit = r.text("category").is_some_and(|c| c.to_lowercase().contains("credit")) || sums.included.is_some_and(|i| i < 0);
    let period = field::object(r.json, "billingPeriod");
    let bill_on = ["billDate", "lastUpdate"].iter().find_map(|k| r.instant(k)).map(|t| t.date_naive());
    let due_on = r.instant("paymentDueDate").map(|t| t.date_naive());
    let record = Record::row("bills", &id)
        .maybe("customer_id", r.customer().map(|c| Value::to("customers", c.id)))
        .maybe("billing_account_id", account.map(|a| Value::to("billing_accounts", a)))
        .maybe("bill_no", r.text("billNo"))
        .new_with("bill_no", id.as_str())
        .new_with("kind", if credit { "credit_note" } else { "invoice" })
        .maybe("run_type", run.map(TextEnum::text))
        .new_with("run_type", "onCycle")
        .maybe("state", state.map(TextEnum::text))
        .new_with("state", "sent")
        .maybe("source_status", said)
        .maybe("source_updated_at", r.instant("lastUpdate"))
        .maybe("bill_on", bill_on)
        .maybe("period_from_on", period.and_then(|p| field::date(p, "startDateTime")))
        .maybe("period_to_on", period.and_then(|p| field::date(p, "endDateTime")))
        .maybe("due_on", due_on)
        .maybe("currency", currency)
        .maybe("tax_excluded_minor", sums.excluded)
        .maybe("tax_minor", sums.tax)
        .maybe("tax_included_minor", sums.included)
        .maybe("previous_minor", sums.previous)
        .maybe("amount_due_minor", sums.due)
        .maybe("remaining_minor", sums.remaining);
    r.records.push(record);
}

#[derive(Default)]
struct Sums {
    excluded: Option<i64>,
    tax: Option<i64>,
    included: Option<i64>,
    previous: Option<i64>,
    due: Option<i64>,
    remaining: Option<i64>,
}

/// Two of excluded, tax and included make the third; a difference among all three is a warning.
fn sums(r: &mut Resource, unit: &str) -> Sums {
    let (excluded, included) = (r.minor("taxExcludedAmount", unit), r.minor("taxIncludedAmount", unit));
    let (due, remaining) = (r.minor("amountDue", unit), r.minor("remainingAmount", unit));
    let items = field::list(r.json, "taxItem");
    let taxes: Vec<i64> = items.iter().filter_map(|t| money::minor_rounded(field::amount(t, "taxAmount")?.0, unit)).collect();
    let tax = (!taxes.is_empty()).then(|| taxes.iter().sum::<i64>());
    let (excluded, tax, included) = match (excluded, tax, included) {
        (Some(e), Some(t), Some(i)) => {
            if e + t != i {
                let text = |m| money::text(m, unit);
                r.warn(
                    "sum_differs",
                    format!(
                        "taxIncludedAmount is {} {unit}, but {} and taxes of {} make {}: a difference of {}.",
                        text(i),
                        text(e),
                        text(t),
                        text(e + t),
                        text(i - e - t)
                    ),
                );
            }
            (Some(e), Some(i - e), Some(i))
        }
        (Some(e), None, Some(i)) => (Some(e), Some(i - e), Some(i)),
        (None, Some(t), Some(i)) => (Some(i - t), Some(t), Some(i)),
        (Some(e), t, None) if t.is_some() => (Some(e), t, t.map(|t| e + t)),
        known => known,
    };
    let Some(whole) = included else { return Sums { excluded, tax, included, remaining, ..Default::default() } };
    // `amountDue` is what there was to pay; some systems take payments off it
    let paid: i64 =
        field::list(r.json, "appliedPayment").iter().filter_map(|p| money::minor_rounded(field::amount(p, "appliedAmount")?.0, unit)).sum();
    let due_before = due.map(|d| if d != whole && d + paid == whole { whole } else { d }).unwrap_or(whole);
    let remaining = remaining.or(Some(due.unwrap_or(whole)));
    Sums { excluded, tax, included, previous: Some(due_before - whole), due: Some(due_before), remaining }
}

/// The account of a bill or rate; it stands in for one that is not known yet, of a customer of its name.
fn account(r: &mut Resource) -> Option<String> {
    let reference = field::object(r.json, "billingAccount")?;
    let (id, name) = (field::id(reference)?, field::text(reference, "name"));
    let owner = match r.customer() {
        Some(c) => {
            r.mention_customer(&c.id, c.name.as_deref(), &c.referred);
            c.id
        }
        None => {
            let owner = format!("account/{id}");
            r.mention_customer(&owner, name.as_deref(), "");
            owner
        }
    };
    account::mention(r, reference, &owner);
    Some(id)
}

/// What a rate is, by words of its type and name.
const KINDS: &[(&str, &str)] = &[
    ("penalty", "penalty"),
    ("discount", "discount"),
    ("usage", "usage"),
    ("credit", "adjustment"),
    ("adjust", "adjustment"),
    ("nonrecurring", "oneTime"),
    ("onetime", "oneTime"),
    ("recurring", "recurring"),
    ("month", "recurring"),
    ("rental", "recurring"),
    ("subscription", "recurring"),
];

/// A line of a bill.
pub fn rate(r: &mut Resource) {
    let id = r.id.clone();
    let Some(bill) = ["bill", "customerBill"].iter().find_map(|k| field::id(field::object(r.json, k)?)) else {
        return r.fail("not_billed", "The rate is on no bill yet (isBilled is false or no bill is named).".into());
    };
    let unit = r.currency(&["taxExcludedAmount", "taxIncludedAmount"]).unwrap_or_else(|| r.defaults.currency.clone());
    let taxes = field::list(r.json, "appliedTax");
    let (excluded, included) = (r.minor("taxExcludedAmount", &unit), r.minor("taxIncludedAmount", &unit));
    let applied = taxes.iter().filter_map(|t| money::minor_rounded(field::amount(t, "taxAmount")?.0, &unit)).sum::<i64>();
    let (net, tax) = match (excluded, included) {
        (Some(e), Some(i)) => {
            if !taxes.is_empty() && applied != i - e {
                let text = |m| money::text(m, &unit);
                r.warn(
                    "sum_differs",
                    format!(
                        "The amounts leave a tax of {} {unit}, appliedTax makes {}: a difference of {}.",
                        text(i - e),
                        text(applied),
                        text(applied - i + e)
                    ),
                );
            }
            (e, i - e)
        }
        (Some(e), None) => (e, applied),
        (None, Some(i)) => (i - applied, applied),
        (None, None) => return r.fail("no_amount", "The rate has no amount.".into()),
    };
    let words = ["appliedBillingRateType", "type", "name"].iter().filter_map(|k| r.text(k)).map(|t| t.to_lowercase().replace(['-', '_', ' '], ""));
    let kind = words.into_iter().find_map(|w| KINDS.iter().find(|k| w.contains(k.0))).map_or("oneTime", |k| k.1);
    let rate = taxes.first().and_then(|t| field::amount(t, "taxRate")).map(|t| percent(t.0));
    let period = field::object(r.json, "periodCoverage");
    let product = field::object(r.json, "product").and_then(field::id);
    let record = Record::row("bill_lines", &id)
        .with("bill_id", Value::to("bills", bill))
        .new_with("line_no", line_no(&id))
        .with("kind", kind)
        .maybe("product_id", product.map(|p| Value::to("products", p)))
        .with("description", r.first(&["name", "description"]).unwrap_or_else(|| format!("Charge {id}")))
        .maybe("plain_reason", r.text("description").filter(|d| r.text("name").is_some_and(|n| n != *d)))
        .with("quantity_micro", 1_000_000i64)
        .with("unit_price_micro", money::micro(Decimal::new(net, money::digits(&unit))).unwrap_or_default())
        .with("tax_excluded_minor", net)
        .with("tax_rate_bp", rate.and_then(money::micro).unwrap_or_default() / 10_000)
        .with("tax_minor", tax)
        .with("currency", unit)
        .maybe("period_from_on", period.and_then(|p| field::date(p, "startDateTime")))
        .maybe("period_to_on", period.and_then(|p| field::date(p, "endDateTime")));
    r.records.push(record);
}
/// `0.2` and `20` are both twenty per cent.
fn percent(rate: Decimal) -> Decimal {
    if rate.abs() <= Decimal::ONE { rate * Decimal::ONE_HUNDRED } else { rate }
}
/// Rates have no order on their bill and come in any order: the same id is always the same number.
fn line_no(id: &str) -> i64 {
    let hash = Sha256::digest(id);
    i64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1)
}
