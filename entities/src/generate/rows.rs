//! Rows on their way into the database: many at once, in the order of their references.
use super::bulk::Part;
use crate::{
    billing::{bill, bill_line, billing_account},
    care::{ticket, ticket_note},
    catalogue::{offering_price, product, product_category, product_offering},
    conversation::{bot_answer, bot_citation, conversation, message},
    error::Result,
    exchange::source_system,
    party::{contact_medium, customer, customer_closure, partner, partner_customer, party, region},
    privacy::{consent, state_change},
};
use sea_orm::DbBackend;

/// One row that came from a source system: id, instant, system, external id; then its columns.
macro_rules! row {
    ($entity:ident, $id:expr, $at:expr, $source:expr, $external:expr; $($field:ident: $value:expr),+ $(,)?) => {
        $entity::ActiveModel {
            id: Set($id), created_at: Set($at), updated_at: Set($at), row_version: Set(1),
            source_system: Set($source.into()), external_id: Set($external.into()),
            $($field: Set($value.into()),)+
            ..Default::default()
        }
    };
}
pub(super) use row;

macro_rules! tables {
    ($($table:ident: $entity:ident),+ $(,)?) => {
        /// Rows of all tables, parents before their children.
        #[derive(Default)]
        pub struct Rows { $(pub $table: Vec<$entity::ActiveModel>),+ }
        impl Rows {
            /// How many rows there are of each table.
            pub fn counts(&self) -> Counts {
                vec![$((stringify!($table), self.$table.len() as u64)),+]
            }
            /// All, as the database takes them.
            pub fn parts(self, backend: DbBackend) -> Result<Vec<Part>> {
                Ok(vec![$(Part::of(backend, self.$table)?),+])
            }
        }
    };
}
tables! {
    source_systems: source_system, regions: region, product_categories: product_category, product_offerings: product_offering, parties: party,
    contact_media: contact_medium, partners: partner, offering_prices: offering_price, customers: customer, customer_closure: customer_closure,
    partner_customers: partner_customer, billing_accounts: billing_account, products: product, bills: bill, bill_lines: bill_line,
    conversations: conversation, messages: message, bot_answers: bot_answer, bot_citations: bot_citation, tickets: ticket,
    ticket_notes: ticket_note, consents: consent, state_changes: state_change,
}

/// Rows by table.
pub type Counts = Vec<(&'static str, u64)>;
