//! Who may find a document. The row rules of `entities` as terms: a document carries the term of everybody who may
//! know its row, a query the terms of its caller, and nothing is found, counted or suggested without one in common.
use chrono::NaiveDate;
use entities::{Audience, Scope, knowledge::article};
use std::collections::HashMap;
use uuid::Uuid;

/// Every agent knows what is nobody's.
pub const AGENT: &str = "agent";

/// What agents ask of a customer before they know it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Care {
    pub protected: bool,
    pub region: Option<Uuid>,
    pub team: Option<Uuid>,
}
impl Care {
    /// One term for every way in which an agent may be limited: not, by region, by team, by both.
    fn terms(self) -> impl Iterator<Item = String> {
        let limits = [
            Some((None, None)),
            self.region.map(|r| (Some(r), None)),
            self.team.map(|t| (None, Some(t))),
            self.region.zip(self.team).map(|(r, t)| (Some(r), Some(t))),
        ];
        limits.into_iter().flatten().map(move |(region, team)| served(self.protected, region, team))
    }
}
fn served(protected: bool, region: Option<Uuid>, team: Option<Uuid>) -> String {
    let id = |id: Option<Uuid>| id.map(|id| id.simple().to_string()).unwrap_or_default();
    format!("served:{}:{}:{}", if protected { "protected" } else { "" }, id(region), id(team))
}
fn of_agent(scope: &Scope) -> Vec<String> {
    let each = |ids: &Option<Vec<Uuid>>| ids.as_ref().map_or(vec![None], |ids| ids.iter().copied().map(Some).collect());
    let (regions, teams) = (each(&scope.regions), each(&scope.teams));
    let mut terms = vec![AGENT.to_string()];
    for protected in [false, true].into_iter().take(1 + usize::from(scope.knows_protected())) {
        terms.extend(regions.iter().flat_map(|r| teams.iter().map(move |t| served(protected, *r, *t))));
    }
    terms
}

/// The terms of a caller over rows that are read by this scope.
pub fn of_caller(scope: &Scope, reads: Option<&str>) -> Vec<String> {
    match scope.audience {
        Audience::Agent => of_agent(scope),
        Audience::Customer => scope.roots(reads).iter().map(|id| customer(*id)).chain([readers("public"), readers("customer")]).collect(),
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

/// What the terms of rows are made of, by customer.
#[derive(Default)]
pub struct Owners {
    /// The customer and all above it.
    pub above: HashMap<Uuid, Vec<Uuid>>,
    pub care: HashMap<Uuid, Care>,
}
/// Who may know a row of this customer: the agents who care for it, its trees unless it is not for the customer's eyes, and
/// the selling partner.
pub fn of_row(owners: &Owners, customer_id: Option<Uuid>, is_customers: bool, partner_id: Option<Uuid>) -> Vec<String> {
    let mut terms: Vec<String> = match customer_id {
        Some(id) => owners.care.get(&id).copied().unwrap_or_default().terms().collect(),
        None => vec![AGENT.into()],
    };
    let trees = customer_id.filter(|_| is_customers).and_then(|c| owners.above.get(&c));
    terms.extend(trees.into_iter().flatten().map(|a| customer(*a)));
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
            of_caller(&Scope::new(Audience::Partner, "p", at).for_partners([id]), None).iter().any(|t| terms.contains(t))
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
