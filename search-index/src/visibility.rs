//! Who may find a document. The row rules of `entities` as terms: a document carries the term of everybody who may
//! know its row, a query the terms of its caller, and nothing is found, counted or suggested without one in common.
use chrono::NaiveDate;
use entities::{Audience, Scope, knowledge::article};
use std::collections::HashMap;
use uuid::Uuid;

/// Agents know every row.
pub const AGENT: &str = "agent";

/// The terms of a caller.
pub fn of_caller(scope: &Scope) -> Vec<String> {
    match scope.audience {
        Audience::Agent => vec![AGENT.into()],
        Audience::Customer => scope.customers.iter().map(|id| customer(*id)).chain([readers("public"), readers("customer")]).collect(),
        Audience::Partner => {
            let today = day(scope.at.date_naive());
            let own = scope.partners.iter().flat_map(|id| std::iter::once(partner(*id)).chain((0..=LEVELS).map(|l| on_days(*id, l, today >> l))));
            own.chain([readers("public"), readers("partner")]).collect()
        }
        Audience::Public => vec![readers("public")],
    }
}

/// Who reads an article of this audience.
pub fn of_article(audience: article::Audience) -> Vec<String> {
    use entities::model::TextEnum;
    vec![AGENT.into(), readers(audience.text())]
}

/// The owners of a row: the customer and all above it, and the selling partner.
pub fn of_row(above: &HashMap<Uuid, Vec<Uuid>>, customer_id: Option<Uuid>, partner_id: Option<Uuid>) -> Vec<String> {
    let mut terms = vec![AGENT.to_string()];
    terms.extend(customer_id.and_then(|c| above.get(&c)).into_iter().flatten().map(|a| customer(*a)));
    terms.extend(partner_id.map(partner));
    terms
}

/// A partner who knows a customer from one day to another. The days are put as blocks of powers of two, so that a
/// query for one day needs one term a size, and the index need not be touched when a day begins.
pub fn of_partner(partner_id: Uuid, from: NaiveDate, to: Option<NaiveDate>) -> Vec<String> {
    let (mut from, end) = (day(from), to.map_or(DAYS, |to| (day(to) + 1).min(DAYS)));
    let mut terms = vec![];
    while from < end {
        let level = (0..=LEVELS).rev().find(|l| from.trailing_zeros().min(LEVELS) >= *l && from + (1 << l) <= end).unwrap_or(0);
        terms.push(on_days(partner_id, level, from >> level));
        from += 1 << level;
    }
    terms
}

/// Days since 1970 that are told apart: until 2149.
const LEVELS: u32 = 16;
const DAYS: u32 = 1 << LEVELS;

fn day(date: NaiveDate) -> u32 {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    u32::try_from(days).unwrap_or(0).min(DAYS - 1)
}
fn customer(id: Uuid) -> String {
    format!("customer:{}", id.simple())
}
fn partner(id: Uuid) -> String {
    format!("partner:{}", id.simple())
}
fn readers(audience: &str) -> String {
    format!("readers:{audience}")
}
fn on_days(partner: Uuid, level: u32, block: u32) -> String {
    format!("knows:{}:{level}:{block}", partner.simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_partner_knows_a_customer_on_exactly_those_days() {
        let id = Uuid::from_u128(7);
        let date = |n: i64| NaiveDate::default() + chrono::TimeDelta::days(n);
        let sees = |terms: &[String], n: i64| {
            let at = date(n).and_time(Default::default()).and_utc();
            of_caller(&Scope::new(Audience::Partner, "p", at).for_partners([id])).iter().any(|t| terms.contains(t))
        };
        for (from, to) in [(20_000, 20_000), (20_001, 20_017), (19_999, 20_400), (16_384, 32_767)] {
            let terms = of_partner(id, date(from), Some(date(to)));
            for n in [from - 1, from, from + 1, (from + to) / 2, to - 1, to, to + 1] {
                assert_eq!(sees(&terms, n), (from..=to).contains(&n), "{from}..={to} on {n}");
            }
        }
        let open = of_partner(id, date(20_000), None);
        assert!(!sees(&open, 19_999) && sees(&open, 20_000) && sees(&open, 60_000));
        assert!(of_partner(id, date(10), Some(date(9))).is_empty());
    }
}
