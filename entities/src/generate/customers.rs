//! Who the customers are. The first 46 numbers are the people of the demo; after them chance decides, and at the start
//! of each block of 500 stands an enterprise. What a number becomes never depends on how many there are.
use super::{
    dice::{Dice, midnight},
    names::{self, BRANCHES, COUNTRY, GROUPS, PEOPLE, STREETS, TOWNS, TRADES, UNITS},
    provider::Provider,
    rows::{Rows, row},
};
use crate::{
    model::TextEnum,
    party::{
        contact_medium,
        customer::{self, Kind, PreferredChannel, Status},
        customer_closure, partner_customer, party,
    },
    privacy::{consent, state_change},
};
use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use uuid::Uuid;

/// The consumer whose newest bill tells a story.
pub const STORY: u64 = 1;
/// The root of the enterprise that the demo shows.
pub const GROUP: u64 = 2;
const GROUP_SIZE: u64 = 40;
/// The customers that the two partners are themselves, and the first that each sold to.
pub const WHOLESALE: [u64; 2] = [42, 43];
pub const RESOLD: [u64; 2] = [44, 45];
/// A small firm.
pub const FIRM: u64 = 46;
/// Below this the people of the demo are not complete.
pub const FEWEST: u64 = 50;
const BLOCK: u64 = 500;

/// What a customer number stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    Consumer,
    SmallBusiness,
    /// Group, subsidiary, unit; with the number above.
    Enterprise {
        depth: u8,
        root: u64,
        parent: Option<u64>,
    },
    /// One of the two partners as a customer of its own.
    Wholesale(usize),
}

pub struct Customer {
    pub number: u64,
    pub role: Role,
    pub id: Uuid,
    pub party: Uuid,
    pub account: Uuid,
    pub name: String,
    pub given: Option<&'static str>,
    pub family: Option<&'static str>,
    pub gender: Option<&'static str>,
    pub locale: &'static str,
    pub since: NaiveDate,
    pub closed: Option<NaiveDate>,
    /// The partner that sells to this customer now, or did until the day.
    pub seller: Option<(usize, Option<NaiveDate>)>,
    pub town: usize,
    pub street: String,
    pub mail: String,
    /// Who is above: (id, account, depth distance), nearest first.
    pub above: Vec<(Uuid, Uuid)>,
}
impl Customer {
    pub fn business(&self) -> bool {
        self.role != Role::Consumer
    }
    pub fn enterprise(&self) -> bool {
        matches!(self.role, Role::Enterprise { .. })
    }
    /// The partner on the rows that were sold.
    pub fn partner(&self, provider: &Provider) -> Option<Uuid> {
        let index = match (self.role, self.seller) {
            (Role::Wholesale(i), _) | (_, Some((i, None))) => Some(i),
            _ => None,
        };
        index.map(|i| provider.partners[i].id)
    }
    /// The instant when this customer came.
    pub fn came(&self) -> DateTime<Utc> {
        midnight(self.since) + chrono::TimeDelta::hours(6)
    }
    pub fn no(&self) -> String {
        format!("C-{:06}", self.number)
    }
    /// How a letter begins.
    pub fn greeting(&self) -> &str {
        self.given.unwrap_or("there")
    }
}

/// The role of a number.
pub fn role(provider: &Provider, number: u64) -> Role {
    if number == STORY {
        return Role::Consumer;
    }
    if let Some(i) = WHOLESALE.iter().position(|n| *n == number) {
        return Role::Wholesale(i);
    }
    if RESOLD.contains(&number) {
        return Role::Consumer;
    }
    if number == FIRM {
        return Role::SmallBusiness;
    }
    let root = (number - 1) / BLOCK * BLOCK + GROUP;
    let mut dice = Dice::of(provider.seed ^ 0x9e37_79b9, root);
    let size = if root == GROUP { GROUP_SIZE } else { dice.between(9, 40) as u64 };
    if number >= root && number < root + size {
        return place(root, size, number);
    }
    if Dice::of(provider.seed ^ 0x7f4a_7c15, number).per_mille(140) { Role::SmallBusiness } else { Role::Consumer }
}
/// One group, a tenth of subsidiaries, and units below them in turn.
fn place(root: u64, size: u64, number: u64) -> Role {
    let (at, subsidiaries) = (number - root, (size / 10).max(2));
    let (depth, parent) = match at {
        0 => (0, None),
        n if n <= subsidiaries => (1, Some(root)),
        n => (2, Some(root + 1 + (n - 1 - subsidiaries) % subsidiaries)),
    };
    Role::Enterprise { depth, root, parent }
}

/// Draws a customer. The dice that come back go on with what the customer has.
pub fn draw(provider: &Provider, number: u64) -> (Customer, Dice) {
    let role = role(provider, number);
    let mut dice = Dice::of(provider.seed, number);
    let above = match role {
        Role::Enterprise { parent: Some(parent), .. } => {
            let up = draw(provider, parent).0;
            std::iter::once((up.id, up.account, up.since)).chain(up.above.iter().map(|a| (a.0, a.1, up.since))).collect::<Vec<_>>()
        }
        _ => vec![],
    };
    let since = since(provider, role, above.first().map(|a| a.2), number, &mut dice);
    let at = midnight(since) + chrono::TimeDelta::hours(6);
    let (party, id, account) = (dice.id(at), dice.id(at), dice.id(at));
    let closes = dice.per_mille(60) && role == Role::Consumer && number > FEWEST && since + Days::new(200) < provider.until;
    let closed = closes.then(|| dice.day((since + Days::new(150)).max(provider.until - Days::new(540)), provider.until - Days::new(20)));
    let seller = seller(provider, role, number, since, &mut dice);
    let town = dice.between(0, TOWNS.len() as i64 - 1) as usize;
    let street = format!("{} {}", dice.between(1, 148), dice.pick(STREETS));
    let person = person(number, &mut dice);
    let name = match role {
        Role::Consumer => format!("{} {}", person.0, person.2),
        Role::SmallBusiness => format!("{} {}", person.2, dice.pick(TRADES)),
        Role::Enterprise { depth, root, .. } => unit_name(depth, root, number, town, provider.seed),
        Role::Wholesale(i) => provider.partners[i].legal.into(),
    };
    let mail = match role {
        Role::Consumer => format!("{}.{number}@mail.example", names::mailbox(&name)),
        _ => format!("office.{number}@{}.example", names::mailbox(&name).replace('.', "-")),
    };
    let natural = role == Role::Consumer;
    let customer = Customer {
        number,
        role,
        id,
        party,
        account,
        name,
        given: natural.then_some(person.0),
        family: natural.then_some(person.2),
        gender: natural.then_some(person.1),
        locale: if natural { person.3 } else { "en" },
        since,
        closed,
        seller,
        town,
        street,
        mail,
        above: above.into_iter().map(|a| (a.0, a.1)).collect(),
    };
    (customer, dice)
}

fn since(provider: &Provider, role: Role, above: Option<NaiveDate>, number: u64, dice: &mut Dice) -> NaiveDate {
    let (oldest, newest) = (provider.until - Months::new(108), provider.until - Days::new(20));
    let year = provider.until - Months::new(12);
    match role {
        _ if number == STORY => provider.until - Months::new(38),
        Role::Wholesale(_) => provider.until - Months::new(60),
        Role::Enterprise { .. } => dice.day(above.unwrap_or(oldest).max(oldest), above.unwrap_or(oldest) + Days::new(400)).min(year),
        _ if dice.per_mille(880) || number <= FEWEST => dice.day(oldest, year - Days::new(40)),
        _ => dice.day(year, newest),
    }
}

/// One in nine home customers and small firms buys from a partner; a few of them no longer do.
fn seller(provider: &Provider, role: Role, number: u64, since: NaiveDate, dice: &mut Dice) -> Option<(usize, Option<NaiveDate>)> {
    let (sold, first, left) = (dice.per_mille(110), dice.per_mille(650), dice.per_mille(40));
    if let Some(i) = RESOLD.iter().position(|n| *n == number) {
        return Some((i, None));
    }
    if number < FEWEST || !sold || !matches!(role, Role::Consumer | Role::SmallBusiness) {
        return None;
    }
    let left = left && since + Days::new(60) < provider.until;
    Some((usize::from(!first), left.then(|| dice.day(since + Days::new(30), provider.until - Days::new(10)))))
}

/// Given name, gender, family name, locale.
fn person(number: u64, dice: &mut Dice) -> (&'static str, &'static str, &'static str, &'static str) {
    let people = &PEOPLE[dice.weighted(&[860, 70, 50, 20])];
    let (given, gender) = dice.pick(people.given);
    let family = dice.pick(people.family);
    if number == STORY { ("Elena", "female", "Marlow", "en") } else { (given, gender, family, people.locale) }
}

fn unit_name(depth: u8, root: u64, number: u64, town: usize, seed: u64) -> String {
    let nth = (root / BLOCK) as usize;
    let group = GROUPS[(nth + if nth == 0 { 0 } else { seed as usize }) % GROUPS.len()];
    let branch = |n: u64| BRANCHES[((n - root - 1) as usize) % BRANCHES.len()];
    match depth {
        0 => format!("{group} Group"),
        1 => format!("{group} {}", branch(number)),
        _ => format!("{group} {} {}", UNITS[((number - root) as usize) % UNITS.len()], TOWNS[town].1),
    }
}

/// The rows of the customer as a person: party, ways to reach them, place in the hierarchy, seller, consents.
pub fn rows(provider: &Provider, c: &Customer, phone: Option<&str>, suspended: bool, dice: &mut Dice, rows: &mut Rows) {
    party_rows(provider, c, dice, rows);
    contact_rows(c, phone, dice, rows);
    customer_rows(provider, c, suspended, dice, rows);
    consent_rows(provider, c, dice, rows);
}

fn party_rows(provider: &Provider, c: &Customer, dice: &mut Dice, rows: &mut Rows) {
    let birth = c.given.map(|_| dice.day(provider.until - Months::new(12 * 86), provider.until - Months::new(12 * 19)));
    let legal = c.business().then(|| if c.name.ends_with("Ltd") { c.name.clone() } else { format!("{} Ltd", c.name) });
    let kind = if c.given.is_some() { party::Kind::Individual } else { party::Kind::Organization };
    rows.parties.push(row!(party, c.party, c.came(), "crm", format!("PT-{:06}", c.number);
        kind: kind, display_name: c.name.clone(), given_name: c.given.map(String::from), family_name: c.family.map(String::from), legal_name: legal,
        trading_name: c.business().then(|| c.name.clone()), birth_on: birth, gender: c.gender.map(String::from), locale: c.locale,
        status: party::Status::Validated, attrs: json!({})));
}

fn contact_rows(c: &Customer, phone: Option<&str>, dice: &mut Dice, rows: &mut Rows) {
    let (area, town, postcode) = TOWNS[c.town];
    let postcode = (postcode + (c.number % 10) as u32).to_string();
    let post = format!("{}, {postcode} {town}", c.street);
    let mut media = vec![(contact_medium::Kind::Email, c.mail.clone(), c.mail.clone())];
    if let Some(number) = phone {
        media.push((contact_medium::Kind::Phone, number.into(), spaced(number)));
    }
    media.push((contact_medium::Kind::Post, post.to_lowercase(), post));
    for (i, (kind, norm, display)) in media.into_iter().enumerate() {
        let at = c.came();
        let postal = |value: &str| (kind == contact_medium::Kind::Post).then(|| value.to_string());
        let verified = kind != contact_medium::Kind::Post && dice.per_mille(820);
        rows.contact_media.push(row!(contact_medium, dice.id(at), at, "crm", format!("CM-{:06}-{}", c.number, i + 1);
            party_id: c.party, kind: kind, value_norm: norm, value_display: display, street: postal(&c.street), city: postal(town), state: postal(area),
            postcode: postal(&postcode), country: postal(COUNTRY), preferred: i == 0,
            verified_at: verified.then(|| at + chrono::TimeDelta::minutes(12)), valid_from_on: c.since, valid_to_on: None::<NaiveDate>));
    }
}
/// `+999 61 234 5678`
fn spaced(e164: &str) -> String {
    match (e164.get(..4), e164.get(4..6), e164.get(6..9), e164.get(9..)) {
        (Some(a), Some(b), Some(c), Some(d)) => format!("{a} {b} {c} {d}"),
        _ => e164.into(),
    }
}

const CHURN: &[&str] = &["Moved abroad", "Moved to an address without our fibre", "Cheaper offer elsewhere", "Household merged", "No longer needed"];

fn customer_rows(provider: &Provider, c: &Customer, suspended: bool, dice: &mut Dice, rows: &mut Rows) {
    let (status, reason) = match (c.closed, suspended) {
        (Some(_), _) => (Status::Closed, Some("ended by the customer")),
        (None, true) => (Status::Suspended, Some("bills overdue for more than 30 days")),
        _ => (Status::Active, None),
    };
    let kind = match c.role {
        Role::Consumer => Kind::Consumer,
        Role::SmallBusiness => Kind::SmallBusiness,
        Role::Enterprise { .. } => Kind::Enterprise,
        Role::Wholesale(_) => Kind::Wholesale,
    };
    let channel = *dice.pick(&[
        PreferredChannel::Email,
        PreferredChannel::Email,
        PreferredChannel::Portal,
        PreferredChannel::Chat,
        PreferredChannel::Phone,
        PreferredChannel::Sms,
    ]);
    let household = if c.given.is_some() { json!({ "people": dice.between(1, 5) }) } else { json!({}) };
    let closed_at = c.closed.map(|d| midnight(d) + chrono::TimeDelta::hours(18));
    let mut row = row!(customer, c.id, c.came(), "crm", c.no();
        party_id: c.party, customer_no: c.no(), kind: kind, status: status, status_reason: reason.map(String::from), parent_id: c.above.first().map(|a| a.0),
        region_id: provider.towns[c.town], since_on: c.since, closed_at: closed_at, churn_reason: c.closed.map(|_| dice.pick(CHURN).to_string()),
        preferred_channel: channel, household: household, protected: dice.per_mille(8), erased_at: None::<DateTime<Utc>>);
    if let Some(at) = closed_at {
        row.updated_at = Set(at);
    }
    rows.customers.push(row);
    for (depth, ancestor) in std::iter::once(c.id).chain(c.above.iter().map(|a| a.0)).enumerate() {
        rows.customer_closure.push(customer_closure::ActiveModel { ancestor_id: Set(ancestor), descendant_id: Set(c.id), depth: Set(depth as i32) });
    }
    let mut sold = |partner: usize, role: partner_customer::Role, to: Option<NaiveDate>| {
        rows.partner_customers.push(row!(partner_customer, dice.id(c.came()), c.came(), "crm", format!("PC-{:06}", c.number);
            partner_id: provider.partners[partner].id, customer_id: c.id, role: role, valid_from_on: c.since, valid_to_on: to));
    };
    match (c.role, c.seller) {
        (Role::Wholesale(i), _) => sold(i, partner_customer::Role::Serves, None),
        (_, Some((i, to))) => sold(i, partner_customer::Role::Sells, to),
        _ => {}
    }
    states(provider, c, status, closed_at, dice, rows);
}

fn states(provider: &Provider, c: &Customer, status: Status, closed_at: Option<DateTime<Utc>>, dice: &mut Dice, rows: &mut Rows) {
    let mut change = |from: Option<Status>, to: Status, at: DateTime<Utc>, actor: &str, reason: Option<&str>| {
        rows.state_changes.push(state_change::ActiveModel {
            id: Set(dice.id(at)),
            customer_id: Set(Some(c.id)),
            partner_id: Set(c.partner(provider)),
            entity_type: Set(customer::ENTITY.name.into()),
            entity_id: Set(c.id),
            from_state: Set(from.map(|s| s.text().into())),
            to_state: Set(to.text().into()),
            reason: Set(reason.map(String::from)),
            actor: Set(actor.into()),
            changed_at: Set(at),
        });
    };
    change(None, Status::Active, c.came(), "agent", None);
    match (status, closed_at) {
        (Status::Closed, Some(at)) => change(Some(Status::Active), Status::Closed, at, "customer", Some("ended by the customer")),
        (Status::Suspended, _) => {
            change(Some(Status::Active), Status::Suspended, provider.end() - chrono::TimeDelta::hours(15), "service", Some("bills overdue"))
        }
        _ => {}
    }
}

/// The four consents that the portal shows; news has three ways.
const PURPOSES: &[(consent::Purpose, u32, &str)] = &[
    (consent::Purpose::MarketingEmail, 620, "News and offers by email"),
    (consent::Purpose::MarketingSms, 300, "News and offers by text"),
    (consent::Purpose::MarketingCall, 150, "News and offers by phone"),
    (consent::Purpose::Profiling, 280, "Personal offers"),
    (consent::Purpose::ThirdParty, 120, "Partner offers"),
    (consent::Purpose::CdrAnalysis, 210, "Movement statistics"),
];

fn consent_rows(provider: &Provider, c: &Customer, dice: &mut Dice, rows: &mut Rows) {
    if c.given.is_none() {
        return;
    }
    for (i, (purpose, yes, title)) in PURPOSES.iter().enumerate() {
        if !dice.per_mille(480) && c.number != STORY {
            continue;
        }
        let granted = dice.per_mille(*yes);
        let way = *dice.pick(&["app", "shop", "phone", "portal"]);
        let mut days = vec![(if granted { consent::State::Granted } else { consent::State::Denied }, c.since)];
        if granted && dice.per_mille(160) {
            days.push((consent::State::Withdrawn, dice.day(c.since + Days::new(1), provider.until - Days::new(1))));
        }
        for (nth, (state, day)) in days.into_iter().enumerate() {
            let at = dice.moment(day);
            let evidence = json!({ "channel": way, "text": title, "text_version": "2024-05", "seen_as": c.mail });
            rows.consents.push(row!(consent, dice.id(at), at, "crm", format!("CO-{:06}-{}-{}", c.number, i + 1, nth + 1);
                customer_id: c.id, partner_id: c.partner(provider), party_id: c.party, purpose: *purpose, state: state, legal_basis: "GDPR Art. 6(1)(a)",
                evidence: evidence, effective_at: at, expires_at: None::<DateTime<Utc>>));
        }
    }
}

/// Whoever was sold to by a partner was asked whether the partner may know who they are; most agreed.
pub fn share_rows(provider: &Provider, c: &Customer, dice: &mut Dice, rows: &mut Rows) {
    let Some(partner) = c.partner(provider) else { return };
    let asked_first = WHOLESALE.contains(&c.number) || RESOLD.contains(&c.number);
    let state = if asked_first || dice.per_mille(850) { consent::State::Granted } else { consent::State::Denied };
    let at = dice.moment(c.since);
    let basis = if c.given.is_some() { "GDPR Art. 6(1)(a)" } else { "contract" };
    let evidence = json!({ "channel": "shop", "text": "Your provider's partner", "text_version": "2024-05", "seen_as": c.mail });
    rows.consents.push(row!(consent, dice.id(at), at, "crm", format!("CO-{:06}-{}-1", c.number, PURPOSES.len() + 1);
        customer_id: c.id, partner_id: Some(partner), party_id: c.party, purpose: consent::Purpose::PartnerShare, state: state, legal_basis: basis,
        evidence: evidence, effective_at: at, expires_at: None::<DateTime<Utc>>));
}
