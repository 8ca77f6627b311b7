//! Tables, row rules and the verbs of each domain. Knows nothing of HTTP, GraphQL, tokens, search or mail.
#![allow(clippy::disallowed_methods, reason = "sea-orm's derive writes `find` into every entity; this crate is the one that may")]

/// Who asks, and what they may do.
pub mod scope;
/// Reading connections whose statements end with those who wait for them.
pub mod reader;
/// Row rules as data, and how a read starts from the caller.
pub mod rule;
/// Database connections, transactions on behalf of a caller, the change log and the audit log they leave.
pub mod store;
/// Many rows in few statements.
pub mod bulk;
/// What every entity file starts from.
pub mod model;
/// Public ids.
pub mod id;
/// Whole minor units.
pub mod money;
/// Time is passed in.
pub mod clock;
pub mod error;
/// Guards that a test takes away.
pub mod mutant;
/// Checks of what callers send.
pub mod input;
/// The tables.
pub mod migrations;

/// People, organizations, customers, partners, and how to reach them.
pub mod party;
/// What can be bought, and what was.
pub mod catalogue;
/// Accounts, bills and their lines.
pub mod billing;
/// Tickets.
pub mod care;
/// Talks with the bot or a human.
pub mod conversation;
/// Articles, their versions, and what was searched in vain.
pub mod knowledge;
/// Consent, audit, history of states, and what people may ask about their data.
pub mod privacy;
/// Import, export and long work.
pub mod exchange;
/// The change log.
pub mod outbox;
/// An invented provider, for the demo and for measuring.
pub mod generate;

pub use error::{Error, Result};
pub use scope::{Audience, Scope};
pub use store::{Store, Write};

use model::EntityKind;

/// Every kind of row that has a public id.
pub static KINDS: &[&EntityKind] = &[
    &billing::bill::ENTITY,
    &billing::bill_line::ENTITY,
    &billing::billing_account::ENTITY,
    &care::ticket::ENTITY,
    &care::ticket_note::ENTITY,
    &catalogue::offering_price::ENTITY,
    &catalogue::product::ENTITY,
    &catalogue::product_category::ENTITY,
    &catalogue::product_offering::ENTITY,
    &conversation::bot_answer::ENTITY,
    &conversation::bot_citation::ENTITY,
    &conversation::conversation::ENTITY,
    &conversation::message::ENTITY,
    &exchange::import_batch::ENTITY,
    &exchange::import_row_error::ENTITY,
    &exchange::source_system::ENTITY,
    &exchange::task::ENTITY,
    &knowledge::article::ENTITY,
    &knowledge::article_version::ENTITY,
    &knowledge::category::ENTITY,
    &knowledge::feedback::ENTITY,
    &party::contact_medium::ENTITY,
    &party::customer::ENTITY,
    &party::customer_contact::ENTITY,
    &party::partner::ENTITY,
    &party::partner_token::ENTITY,
    &party::party::ENTITY,
    &party::region::ENTITY,
    &party::team::ENTITY,
    &privacy::audit_event::ENTITY,
    &privacy::consent::ENTITY,
    &privacy::privacy_request::ENTITY,
    &privacy::state_change::ENTITY,
];
