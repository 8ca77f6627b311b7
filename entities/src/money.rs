//! Money is a whole number of minor units (cents) in a currency; prices and rates are 10⁻⁶ of the major unit.
use iso_currency::Currency;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// Currencies without minor units, and with three digits of them (ISO 4217); all others have two.
pub const NO_DIGITS: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"];
pub const THREE_DIGITS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Currencies of two digits that most rows have: only to find them sooner.
pub const OFTEN: [&str; 4] = ["EUR", "USD", "GBP", "CHF"];

/// Digits after the point.
pub fn digits(currency: &str) -> u32 {
    match currency {
        c if NO_DIGITS.contains(&c) => 0,
        c if THREE_DIGITS.contains(&c) => 3,
        _ => 2,
    }
}
/// Whether ISO 4217 knows it.
pub fn known(currency: &str) -> bool {
    Currency::from_code(currency).is_some()
}
/// A decimal in major units as minor units; none where it has more digits than the currency.
pub fn minor(amount: Decimal, currency: &str) -> Option<i64> {
    let scaled = amount.checked_mul(Decimal::from(10i64.pow(digits(currency))))?;
    (scaled.fract().is_zero()).then(|| scaled.to_i64()).flatten()
}
/// The same, rounded half away from zero as bills are.
pub fn minor_rounded(amount: Decimal, currency: &str) -> Option<i64> {
    let scaled = amount.checked_mul(Decimal::from(10i64.pow(digits(currency))))?;
    scaled.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
}
/// A decimal in major units as millionths, rounded half away from zero.
pub fn micro(amount: Decimal) -> Option<i64> {
    amount.checked_mul(Decimal::from(1_000_000))?.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
}
/// Minor units as the decimal text that people read: `-12.05`.
pub fn text(minor: i64, currency: &str) -> String {
    let digits = digits(currency) as usize;
    let sign = if minor < 0 { "-" } else { "" };
    let all = format!("{:0width$}", minor.unsigned_abs(), width = digits + 1);
    let (major, rest) = all.split_at(all.len() - digits);
    if digits == 0 { format!("{sign}{major}") } else { format!("{sign}{major}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn text_has_the_digits_of_its_currency() {
        assert_eq!([text(5, "EUR"), text(-1205, "EUR"), text(7, "JPY"), text(1234, "KWD"), text(0, "EUR")], ["0.05", "-12.05", "7", "1.234", "0.00"]);
    }
    #[test]
    fn minor_refuses_what_it_cannot_hold() {
        assert_eq!(minor("12.345".parse().unwrap(), "EUR"), None);
        assert_eq!(minor("12.3".parse().unwrap(), "EUR"), Some(1230));
        assert_eq!(minor_rounded("-0.125".parse().unwrap(), "EUR"), Some(-13));
    }
    #[test]
    fn the_lists_of_digits_are_those_of_iso_4217() {
        for code in NO_DIGITS.iter().chain(THREE_DIGITS).chain(&["SEK"]).chain(&OFTEN) {
            assert_eq!(Currency::from_code(code).unwrap().exponent().map(u32::from), Some(digits(code)), "{code}");
        }
    }
}
