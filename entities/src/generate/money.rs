//! Sums of a bill line: whole cents, rounded once and half away from zero.
use crate::money;

/// 20 % in basis points.
pub const VAT: i32 = 2000;
/// A million millionths.
pub const ONE: i64 = 1_000_000;

/// Half away from zero; `by` is positive.
pub fn divide(a: i64, by: i64) -> i64 {
    (a.abs() * 2 + by) / (by * 2) * a.signum()
}
/// `EUR 18.00`
pub fn eur(cents: i64) -> String {
    format!("EUR {}", money::text(cents, "EUR"))
}

/// How a price in cents carries VAT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Vat {
    /// The customer sees and pays this price: VAT is taken out of it.
    Included,
    /// VAT is added to it.
    Added,
    /// No VAT at all.
    Free,
}
impl Vat {
    pub fn rate(self) -> i32 {
        if self == Vat::Free { 0 } else { VAT }
    }
    /// Cents before tax, and the tax.
    pub fn split(self, cents: i64) -> (i64, i64) {
        match self {
            Vat::Included => {
                let net = divide(cents * 5, 6);
                (net, cents - net)
            }
            Vat::Added => (cents, divide(cents, 5)),
            Vat::Free => (cents, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_price_with_vat_splits_into_what_the_customer_pays() {
        assert_eq!((Vat::Included.split(1800), Vat::Included.split(2600), Vat::Included.split(-500)), ((1500, 300), (2167, 433), (-417, -83)));
        assert_eq!((Vat::Added.split(4500), Vat::Free.split(500)), ((4500, 900), (500, 0)));
        assert_eq!((divide(5, 2), divide(-5, 2), divide(4, 3)), (3, -3, 1));
    }
}
