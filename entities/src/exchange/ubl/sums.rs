//! How the parts of a document make its totals (EN 16931 §6.4), in whole minor units.
//!
//! A difference of at most one minor unit per part is how systems round: it becomes a line of its own and a warning.
//! More than that is an error: whatever we wrote then would not be this bill.
use crate::{exchange::record::Problem, money};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// A tax category at a rate: lines and subtotals meet by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub code: String,
    pub percent: Decimal,
}

/// A line, an allowance (negative) or a charge.
pub struct Part {
    pub net: Decimal,
    pub category: Category,
}

pub struct Subtotal {
    pub category: Category,
    pub taxable: Option<Decimal>,
    pub tax: Decimal,
}

/// What the document says of itself. Totals that it may leave out are none.
pub struct Totals {
    pub lines: Option<Decimal>,
    pub allowances: Option<Decimal>,
    pub charges: Option<Decimal>,
    pub tax_exclusive: Option<Decimal>,
    pub tax_inclusive: Option<Decimal>,
    pub prepaid: Decimal,
    pub rounding: Decimal,
    pub payable: Decimal,
    pub tax: Decimal,
    pub subtotals: Vec<Subtotal>,
}

/// The same in minor units, and adding up: Σ net (with `rest.0`) = excluded, Σ tax (with `rest.1`) = tax,
/// excluded + tax = included, included + rounding + previous = due.
#[derive(Debug, Default, PartialEq)]
pub struct Settled {
    /// Net and tax of each part.
    pub parts: Vec<(i64, i64)>,
    /// Net and tax that belong to no part: a line of its own where it is not zero.
    pub rest: (i64, i64),
    pub excluded: i64,
    pub tax: i64,
    pub included: i64,
    pub rounding: i64,
    pub previous: i64,
    pub due: i64,
}

/// Makes minor units of it all. None where an error says why not.
pub fn settle(currency: &str, lines: usize, parts: &[Part], totals: &Totals, problems: &mut Vec<Problem>) -> Option<Settled> {
    let mut check = Check { currency, problems, fine: true };
    let sum = |of: &[Part]| of.iter().map(|p| p.net).sum::<Decimal>();
    let of_lines = sum(&parts[..lines]);
    let (less, more): (Vec<_>, Vec<_>) = parts[lines..].iter().map(|p| p.net).partition(|n| n.is_sign_negative());
    let said = totals.lines.unwrap_or(of_lines);
    check.equal("LineExtensionAmount", said, "its lines", of_lines, lines);
    let (less, more) = (-less.into_iter().sum::<Decimal>(), more.into_iter().sum::<Decimal>());
    // an allowance of negative amount is a charge by another name: what counts is the balance of the two
    let balance = totals.charges.unwrap_or(more) - totals.allowances.unwrap_or(less);
    check.equal("ChargeTotalAmount − AllowanceTotalAmount", balance, "its charges and allowances", more - less, parts.len() - lines);
    let exclusive = totals.tax_exclusive.unwrap_or(said + balance);
    check.equal("TaxExclusiveAmount", exclusive, "line total + charges − allowances", said + balance, 1);
    let inclusive = totals.tax_inclusive.unwrap_or(exclusive + totals.tax);
    check.equal("TaxInclusiveAmount", inclusive, "TaxExclusiveAmount + tax", exclusive + totals.tax, 1);
    let payable = inclusive - totals.prepaid + totals.rounding;
    check.equal("PayableAmount", totals.payable, "TaxInclusiveAmount − PrepaidAmount + PayableRoundingAmount", payable, 1);
    if !totals.subtotals.is_empty() {
        let taxes = totals.subtotals.iter().map(|s| s.tax).sum();
        check.equal("TaxAmount", totals.tax, "its subtotals", taxes, totals.subtotals.len());
    }
    if !check.fine {
        return None;
    }
    let settled = minor_units(currency, parts, totals, exclusive);
    if settled.is_none() {
        problems.push(Problem::error("amount_too_large", "An amount of this document is larger than a bill can hold."));
    }
    settled
}

fn minor_units(currency: &str, parts: &[Part], totals: &Totals, exclusive: Decimal) -> Option<Settled> {
    let minor = |d: Decimal| money::minor_rounded(d, currency);
    let (excluded, tax, due) = (minor(exclusive)?, minor(totals.tax)?, minor(totals.payable)?);
    let hundred = Decimal::from(10i64.pow(money::digits(currency)));
    // parts with more digits than the currency are rounded so that their sum is the rounded sum
    let net = round(minor(parts.iter().map(|p| p.net).sum())?, &parts.iter().map(|p| p.net * hundred).collect::<Vec<_>>())?;
    let tax_of = |whole: i64, members: &[usize]| {
        let by_rate: Vec<Decimal> = members.iter().map(|m| parts[*m].net * hundred * parts[*m].category.percent / Decimal::ONE_HUNDRED).collect();
        // by rate where the rates make about this tax, else by what the parts weigh
        round(whole, &by_rate).or_else(|| share(whole, &members.iter().map(|m| parts[*m].net).collect::<Vec<_>>()))
    };
    let mut taxes = vec![0; parts.len()];
    let all: Vec<usize> = (0..parts.len()).collect();
    let groups: Vec<(i64, Vec<usize>)> = match &totals.subtotals[..] {
        [] => vec![(tax, all)],
        subtotals => {
            let members = |i| all.iter().copied().filter(|p| place(&parts[*p].category, subtotals) == Some(i)).collect();
            subtotals.iter().enumerate().map(|(i, s)| Some((minor(s.tax)?, members(i)))).collect::<Option<_>>()?
        }
    };
    for (whole, members) in groups.iter().filter(|g| !g.1.is_empty()) {
        for (member, tax) in members.iter().zip(tax_of(*whole, members)?) {
            taxes[*member] = tax;
        }
    }
    let rest = (excluded - net.iter().sum::<i64>(), tax - taxes.iter().sum::<i64>());
    let (included, previous) = (excluded + tax, -minor(totals.prepaid)?);
    // what the document rounds away, and its own last cent where its totals differ by one
    let rounding = due - included - previous;
    Some(Settled { parts: net.into_iter().zip(taxes).collect(), rest, excluded, tax, included, rounding, previous, due })
}

/// The subtotal that a part belongs to: category and rate, else rate, else category, else the only one.
fn place(category: &Category, subtotals: &[Subtotal]) -> Option<usize> {
    let find = |test: &dyn Fn(&Category) -> bool| subtotals.iter().position(|s| test(&s.category));
    find(&|c| c == category)
        .or_else(|| find(&|c| c.percent == category.percent))
        .or_else(|| find(&|c| c.code == category.code))
        .or_else(|| (subtotals.len() == 1).then_some(0))
}

/// A whole split by weights: the shares are whole and make the whole again.
pub fn share(whole: i64, weights: &[Decimal]) -> Option<Vec<i64>> {
    let sum: Decimal = weights.iter().sum();
    if sum.is_zero() {
        // nothing to go by: the heaviest has it all
        let mut shares = vec![0; weights.len()];
        if let Some(heaviest) = (0..weights.len()).rev().max_by_key(|i| weights[*i].abs()) {
            shares[heaviest] = whole;
        }
        return Some(shares);
    }
    round(whole, &weights.iter().map(|w| Decimal::from(whole).checked_mul(*w)?.checked_div(sum)).collect::<Option<Vec<_>>>()?)
}

/// Rounds parts so that they make the whole: each down, and what is left goes to the largest remainders, the first
/// of equals first. None where the parts are too far from the whole for that.
pub fn round(whole: i64, exact: &[Decimal]) -> Option<Vec<i64>> {
    let mut rounded = exact.iter().map(|e| e.floor().to_i64()).collect::<Option<Vec<_>>>()?;
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(exact[*i] - exact[*i].floor()));
    let left = usize::try_from(whole - rounded.iter().sum::<i64>()).ok().filter(|left| *left <= exact.len())?;
    for i in order.into_iter().take(left) {
        rounded[i] += 1;
    }
    Some(rounded)
}

/// The rules that a document may break by itself without ceasing to be a bill.
pub fn advise(currency: &str, parts: &[Part], totals: &Totals, problems: &mut Vec<Problem>) {
    let unit = Decimal::new(1, money::digits(currency));
    for (i, subtotal) in totals.subtotals.iter().enumerate() {
        let (code, percent) = (&subtotal.category.code, subtotal.category.percent);
        let members: Vec<&Part> = parts.iter().filter(|p| place(&p.category, &totals.subtotals) == Some(i)).collect();
        let slack = unit * Decimal::from(members.len().max(1));
        let net: Decimal = members.iter().map(|m| m.net).sum();
        if let Some(taxable) = subtotal.taxable {
            let by = taxable - net;
            if by.abs() > slack {
                problems.push(Problem::warning(
                    "taxable_differs",
                    format!("Tax category {code} at {percent} %: TaxableAmount is {taxable}, its lines make {net}, a difference of {by}."),
                ));
            }
        }
        let due = subtotal.taxable.unwrap_or(net) * percent / Decimal::ONE_HUNDRED;
        if (subtotal.tax - due).abs() > slack {
            problems.push(Problem::warning(
                "tax_rate_differs",
                format!("Tax category {code} at {percent} %: TaxAmount is {}, the rate makes {}.", subtotal.tax, due.normalize()),
            ));
        }
    }
}

struct Check<'a> {
    currency: &'a str,
    problems: &'a mut Vec<Problem>,
    fine: bool,
}
impl Check<'_> {
    fn equal(&mut self, name: &str, said: Decimal, of: &str, sum: Decimal, parts: usize) {
        let by = said - sum;
        if by.is_zero() {
            return;
        }
        let slack = Decimal::new(parts.max(1) as i64, money::digits(self.currency));
        let text = format!("{name} is {said} {}, but {of} make {sum}: a difference of {}.", self.currency, by.normalize());
        if by.abs() <= slack {
            self.problems.push(Problem::warning("sum_rounded", text));
        } else {
            self.problems.push(Problem::error("sum_differs", text));
            self.fine = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }
    #[test]
    fn shares_make_the_whole_again() {
        assert_eq!(share(100, &[d("1"), d("1"), d("1")]).unwrap(), [34, 33, 33]);
        assert_eq!(share(-100, &[d("1"), d("1"), d("1")]).unwrap().iter().sum::<i64>(), -100);
        assert_eq!(share(25, &[d("100"), d("-99")]).unwrap(), [2500, -2475]);
        assert_eq!(share(7, &[d("0"), d("0")]).unwrap(), [7, 0]);
        assert_eq!(share(0, &[]).unwrap(), [0i64; 0]);
        assert_eq!(round(0, &[d("100"), d("-100")]), Some(vec![100, -100]));
        assert_eq!(round(5, &[d("0.5"), d("1.5"), d("2.5")]), Some(vec![1, 2, 2]));
        assert_eq!(round(100, &[d("1"), d("2")]), None);
    }
    #[test]
    fn any_weights_make_the_whole_again() {
        let mut seed = 7u64;
        for whole in [-12345, -1, 0, 1, 99, 20776] {
            for n in 1..40 {
                let weights: Vec<_> = (0..n)
                    .map(|_| {
                        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                        Decimal::new((seed >> 40) as i64 - 4_000_000, 3)
                    })
                    .collect();
                assert_eq!(share(whole, &weights).unwrap().iter().sum::<i64>(), whole);
            }
        }
    }
}
