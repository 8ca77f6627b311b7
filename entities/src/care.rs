//! care

/// Something a customer asked for or complained of (TMF621 TroubleTicket).
pub mod ticket;
/// What was said on a ticket (TMF621 Note), and who may read it.
pub mod ticket_note;
