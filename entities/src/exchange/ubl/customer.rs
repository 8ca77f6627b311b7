use super::xml::Node;
use crate::exchange::{
    medium::Medium,
    record::{Problem, Record, Value},
};
use serde_json::json;

/// Who pays the bill. The same for all documents of one customer.
pub struct Customer {
    /// The customer's id in the source.
    pub key: String,
    pub name: String,
    /// The id under which the supplier keeps the account, where it says so.
    pub account: Option<String>,
}

/// What names a party, best first.
const KEYS: &[&str] = &["PartyIdentification/ID", "EndpointID", "PartyLegalEntity/CompanyID", "PartyTaxScheme/CompanyID"];
const NAMES: &[&str] = &["PartyName/Name", "PartyLegalEntity/RegistrationName", "Contact/Name"];

/// A stable id of a party: one of its registered ids with its scheme, else its name.
pub fn key(party: &Node) -> Option<String> {
    let registered = KEYS.iter().find_map(|path| {
        let node = party.at(path)?;
        Some(match node.attribute("schemeID") {
            Some(scheme) => format!("{scheme}:{}", node.value()?),
            None => node.value()?.to_string(),
        })
    });
    registered.or_else(|| Some(["name", &name(party)?, party.text("PostalAddress/PostalZone").unwrap_or_default()].join(":")))
}
fn name(party: &Node) -> Option<String> {
    let named = NAMES.iter().find_map(|path| party.text(path)).map(str::to_string);
    let person = || [party.text("Person/FirstName"), party.text("Person/FamilyName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    named.or_else(|| Some(person()).filter(|p| !p.is_empty()))
}

/// The customer of a document: party, ways to reach it, customer and (in this currency) billing account.
pub fn map(role: &Node, currency: &str, records: &mut Vec<Record>, problems: &mut Vec<Problem>) -> Option<Customer> {
    let party = role.at("Party")?;
    let (key, name) = (key(party)?, name(party)?);
    let account = ["SupplierAssignedAccountID", "CustomerAssignedAccountID"].iter().find_map(|p| role.text(p)).map(str::to_string);
    let organization =
        party.at("PartyLegalEntity/CompanyID").is_some() || party.at("PartyTaxScheme/CompanyID").is_some() || party.at("Person").is_none();
    let attrs = json!({ "vat_id": vat_id(party), "legal_id": party.text("PartyLegalEntity/CompanyID"), "contact": party.text("Contact/Name") });
    records.push(
        Record::row("parties", &key)
            .with("kind", if organization { "organization" } else { "individual" })
            .with("display_name", name.as_str())
            .maybe("legal_name", party.text("PartyLegalEntity/RegistrationName"))
            .maybe("trading_name", party.text("PartyName/Name").filter(|_| organization))
            .maybe("given_name", party.text("Person/FirstName"))
            .maybe("family_name", party.text("Person/FamilyName"))
            .new_with("status", "validated")
            .with("attrs", attrs),
    );
    media(party, &key, records, problems);
    // That somebody was billed says nothing of what became of the customer since: nothing is written over.
    records.push(
        Record::row("customers", &key)
            .new_with("party_id", Value::to("parties", &key))
            .new_with("customer_no", key.as_str())
            .new_with("kind", if organization { "small_business" } else { "consumer" })
            .new_with("status", "active")
            .new_with("household", json!({})),
    );
    let customer = Customer { key, name, account };
    records.push(
        Record::row("billing_accounts", customer.account_id(currency))
            .new_with("customer_id", Value::to("customers", &customer.key))
            .new_with("account_no", customer.account_id(currency))
            .new_with("name", customer.name.as_str())
            .new_with("currency", currency)
            .new_with("state", "active")
            .new_with("payment_status", "current")
            .new_with("format", "itemised")
            .new_with("media", json!(["edi"])),
    );
    Some(customer)
}
impl Customer {
    /// An account has one currency; a customer billed in two has two accounts.
    pub fn account_id(&self, currency: &str) -> String {
        format!("{}/{currency}", self.account.as_ref().unwrap_or(&self.key))
    }
}

fn vat_id(party: &Node) -> Option<&str> {
    party.all("PartyTaxScheme").find(|t| t.text("TaxScheme/ID") == Some("VAT"))?.text("CompanyID")
}

fn media(party: &Node, key: &str, records: &mut Vec<Record>, problems: &mut Vec<Problem>) {
    let text = |path: &str| party.text(path).map(str::to_string);
    let country = text("PostalAddress/Country/IdentificationCode");
    if let Some(mail) = party.text("Contact/ElectronicMail") {
        match Medium::email(mail) {
            Some(medium) => records.push(medium.record(key, format!("{key}/email"))),
            None => problems.push(Problem::warning("email_invalid", format!("“{mail}” is not an e-mail address."))),
        }
    }
    if let Some(phone) = party.text("Contact/Telephone").and_then(|t| Medium::phone(t, country.as_deref())) {
        records.push(phone.record(key, format!("{key}/phone")));
    }
    let address = ["StreetName", "AdditionalStreetName", "AddressLine/Line"];
    let street = address.iter().filter_map(|p| text(&format!("PostalAddress/{p}"))).collect::<Vec<_>>().join(", ");
    let street = Some(street).filter(|s| !s.is_empty());
    let (city, state, postcode) = (text("PostalAddress/CityName"), text("PostalAddress/CountrySubentity"), text("PostalAddress/PostalZone"));
    if let Some(post) = Medium::post(street, city, state, postcode, country) {
        records.push(post.record(key, format!("{key}/post")));
    }
}
