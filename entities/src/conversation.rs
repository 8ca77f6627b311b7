//! conversation

/// A talk on one channel, with the bot or a human.
pub mod conversation;
/// One message of a conversation (TMF681).
pub mod message;
/// What the bot decided for a message, and how sure it was.
pub mod bot_answer;
/// Where an answer was taken from: article version and anchor, or a row of the customer.
pub mod bot_citation;
/// What happened to a customer, on one string.
pub mod timeline;
