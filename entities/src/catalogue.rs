//! catalogue

/// A shelf of the catalogue (TMF620 Category).
pub mod product_category;
/// What can be bought (TMF620).
pub mod product_offering;
/// A price of an offering (TMF620 ProductOfferingPrice).
pub mod offering_price;
/// What a customer has (TMF637): the portfolio.
pub mod product;
