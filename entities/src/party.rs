//! party

/// A part of the area that is served (TMF673).
pub mod region;
/// A person or an organization (TMF632 Individual, Organization).
pub mod party;
/// One way to reach a party (TMF632 ContactMedium). `value_norm` is lower-case mail or E.164: who is calling.
pub mod contact_medium;
/// A login of a party at an issuer (TMF691).
pub mod identity;
/// A party that buys (TMF629). Children of an enterprise are customers too.
pub mod customer;
/// Every ancestor of every customer, itself at depth 0. Rewritten in the transaction that changes `parent_id`.
pub mod customer_closure;
/// Who does what inside an enterprise.
pub mod customer_contact;
/// Agents who care for certain customers.
pub mod team;
/// Who resells (TMF668).
pub mod partner;
/// Which customers a partner may know, and from when to when.
pub mod partner_customer;
/// Tokens by which a partner's programs call the hub.
pub mod partner_token;
/// Who is calling or writing.
pub mod lookup;
