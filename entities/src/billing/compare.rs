//! Why a bill differs from another: its lines and the other's, matched and subtracted.
use super::{
    bill,
    bill_line::{self, Kind},
};
use crate::{
    error::{Code, Error, Result},
    model::*,
    scope::Scope,
    store::Store,
};
use sea_orm::QueryOrder;
use std::collections::BTreeMap;

/// What one matter costs on the one bill and on the other, tax included.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// What the lines were matched by: kind, service or product, description.
    pub key: String,
    pub description: String,
    pub kind: Kind,
    pub amount_minor: i64,
    pub previous_minor: i64,
    pub delta_minor: i64,
    pub currency: String,
    /// Why, in plain words, where the biller says it.
    pub plain_reason: Option<String>,
}

/// The lines of a bill against those of `with`, or of the bill before it on the same account; what changed most comes
/// first. The deltas add up to the difference of the bills' lines. Without another bill everything is new.
pub async fn compare(scope: &Scope, store: &Store, bill_id: Uuid, with: Option<Uuid>) -> Result<Vec<Delta>> {
    let bill = one(scope, store, bill_id).await?;
    let other = match with {
        Some(id) => Some(one(scope, store, id).await?),
        None => previous(scope, store, &bill).await?,
    };
    if let Some(other) = other.as_ref().filter(|o| o.currency != bill.currency) {
        return Err(Error::refused(
            Code::InvalidValue,
            "with",
            format!("The bills are in {} and {} and cannot be compared.", bill.currency, other.currency),
        ));
    }
    let ids = [Some(bill.id), other.map(|b| b.id)].into_iter().flatten();
    let lines = scope.find::<bill_line::Entity>().filter(bill_line::Column::BillId.is_in(ids));
    let lines = lines.order_by_asc(bill_line::Column::BillId).order_by_asc(bill_line::Column::LineNo).all(store.reader()).await?;
    Ok(deltas(bill.id, &bill.currency, &lines))
}

/// The bill before this one on the same account, credit notes left out.
pub async fn previous(scope: &Scope, store: &Store, bill: &bill::Model) -> Result<Option<bill::Model>> {
    let before = scope
        .find::<bill::Entity>()
        .filter(bill::Column::BillingAccountId.eq(bill.billing_account_id))
        .filter(bill::Column::BillOn.lt(bill.bill_on))
        .filter(bill::Column::Currency.eq(&bill.currency))
        .filter(bill::Column::Kind.ne(bill::Kind::CreditNote));
    Ok(before.order_by_desc(bill::Column::BillOn).order_by_desc(bill::Column::Id).one(store.reader()).await?)
}

async fn one(scope: &Scope, store: &Store, id: Uuid) -> Result<bill::Model> {
    let found = scope.find::<bill::Entity>().filter(bill::Column::Id.eq(id)).one(store.reader()).await?;
    found.ok_or_else(|| Error::refused(Code::NotFound, "billId", "There is no such bill."))
}

fn deltas(bill_id: Uuid, currency: &str, lines: &[bill_line::Model]) -> Vec<Delta> {
    let mut found: BTreeMap<String, Delta> = BTreeMap::new();
    for line in lines {
        let this = line.bill_id == bill_id;
        let delta = found.entry(key(line)).or_insert_with_key(|key| Delta {
            key: key.clone(),
            description: line.description.clone(),
            kind: line.kind,
            amount_minor: 0,
            previous_minor: 0,
            delta_minor: 0,
            currency: currency.into(),
            plain_reason: None,
        });
        let amount = line.tax_excluded_minor + line.tax_minor;
        if this {
            delta.amount_minor += amount;
            delta.description.clone_from(&line.description); // the newer words
            delta.plain_reason = delta.plain_reason.take().or_else(|| line.plain_reason.clone());
        } else {
            delta.previous_minor += amount;
        }
    }
    let mut all: Vec<_> = found.into_values().map(|d| Delta { delta_minor: d.amount_minor - d.previous_minor, ..d }).collect();
    all.sort_by_key(|d| (-d.delta_minor.abs(), d.key.clone()));
    all
}

/// Lines speak of the same when kind, service and words agree; digits in the words (dates, counts) do not matter.
fn key(line: &bill_line::Model) -> String {
    let about = line.service_identifier.clone().or_else(|| line.product_id.map(|p| p.simple().to_string())).unwrap_or_default();
    let words: String = line.description.chars().map(|c| if c.is_alphabetic() { c } else { ' ' }).flat_map(char::to_lowercase).collect();
    format!("{}|{about}|{}", line.kind.text(), words.split_whitespace().collect::<Vec<_>>().join(" "))
}
