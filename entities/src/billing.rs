//! billing

/// What a customer pays from (TMF666).
pub mod billing_account;
/// A bill as it was made (TMF678 CustomerBill). Credit notes have negative sums.
pub mod bill;
/// A line of a bill (TMF678 AppliedCustomerBillingRate).
pub mod bill_line;
/// Why a bill differs from another.
pub mod compare;
