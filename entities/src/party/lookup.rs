//! Who is calling or writing: from an address or a number to customers, within what the caller may see.
use super::{contact_medium, customer};
use crate::{Result, Scope, Store, catalogue::product, model::*};
use sea_orm::{QueryOrder, QuerySelect, QueryTrait};

/// The most customers of one answer.
const MOST: u64 = 20;

/// A mail address as it is compared: trimmed, lower case.
pub fn normal_email(value: &str) -> String {
    value.trim().to_lowercase()
}
/// A phone number as it is compared: E.164 where it can be read with or without a country, else its digits.
pub fn normal_phone(value: &str, country: Option<phonenumber::country::Id>) -> String {
    match phonenumber::parse(country, value) {
        Ok(number) => number.format().mode(phonenumber::Mode::E164).to_string(),
        Err(_) => value.chars().filter(char::is_ascii_digit).collect(),
    }
}

/// The customers whose party is reached by this address.
pub async fn by_contact(store: &Store, scope: &Scope, kind: contact_medium::Kind, value: &str) -> Result<Vec<Uuid>> {
    let norm = if kind == contact_medium::Kind::Email { normal_email(value) } else { normal_phone(value, None) };
    let parties = scope
        .find::<contact_medium::Entity>()
        .filter(contact_medium::Column::ValueNorm.eq(norm))
        .filter(contact_medium::Column::Kind.is_in(if kind == contact_medium::Kind::Email {
            vec![kind]
        } else {
            vec![contact_medium::Kind::Phone, contact_medium::Kind::Sms]
        }))
        .select_only()
        .column(contact_medium::Column::PartyId);
    customers(store, scope.find::<customer::Entity>().filter(customer::Column::PartyId.in_subquery(parties.into_query()))).await
}
/// The customers that have a product with this number or line.
pub async fn by_service(store: &Store, scope: &Scope, identifier: &str) -> Result<Vec<Uuid>> {
    let (typed, phone) = (identifier.trim().to_string(), normal_phone(identifier, None));
    let products = scope
        .find::<product::Entity>()
        .filter(product::Column::ServiceIdentifier.is_in([typed, phone]))
        .select_only()
        .column(product::Column::CustomerId);
    customers(store, scope.find::<customer::Entity>().filter(customer::Column::Id.in_subquery(products.into_query()))).await
}
async fn customers(store: &Store, found: Select<customer::Entity>) -> Result<Vec<Uuid>> {
    let ids = found.select_only().column(customer::Column::Id).order_by_asc(customer::Column::Id).limit(MOST);
    Ok(ids.into_tuple().all(store.reader()).await?)
}
