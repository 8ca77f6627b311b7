//! What a customer has: plans and lines, what hangs on them, when each started, changed and ended.
use super::{
    catalogue::Offer,
    customers::{Customer, Role, STORY},
    dice::{Dice, midnight},
    money::Vat,
    month::Month,
    provider::Provider,
    rows::{Rows, row},
};
use crate::catalogue::{
    product::{self, Status},
    product_offering,
};
use chrono::{Days, Months, NaiveDate, TimeDelta};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use uuid::Uuid;

/// One product of a customer.
pub struct Service {
    pub id: Uuid,
    pub offer: Offer,
    /// What it was before, and the first day of what it is now.
    pub before: Option<(Offer, NaiveDate)>,
    pub number: Option<String>,
    pub parent: Option<usize>,
    pub ordered: NaiveDate,
    /// None while it is only ordered.
    pub start: Option<NaiveDate>,
    /// The last day.
    pub end: Option<NaiveDate>,
    /// Without a minimum term: dearer by this many cents.
    pub flex: i64,
    pub welcome: bool,
    pub label: Option<&'static str>,
}
impl Service {
    pub fn kind(&self) -> product_offering::Kind {
        self.offer.spec().kind
    }
    pub fn mobile(&self) -> bool {
        self.kind() == product_offering::Kind::Mobile
    }
    pub fn broadband(&self) -> bool {
        self.kind() == product_offering::Kind::Broadband
    }
    pub fn on(&self, day: NaiveDate) -> bool {
        self.start.is_some_and(|s| s <= day) && self.end.is_none_or(|e| e >= day)
    }
    /// The plan on a day.
    pub fn plan(&self, day: NaiveDate) -> Offer {
        match self.before {
            Some((offer, changed)) if day < changed => offer,
            _ => self.offer,
        }
    }
    /// Cents for a whole month of the plan that runs on its first day.
    pub fn monthly(&self, day: NaiveDate, newest: Month) -> i64 {
        self.plan(day).price(Month::of(day), newest) + self.flex
    }
    pub fn vat(&self) -> Vat {
        if self.offer.spec().business { Vat::Added } else { Vat::Included }
    }
    /// As the bill calls it.
    pub fn title(&self, day: NaiveDate) -> String {
        let name = self.plan(day).spec().name;
        if self.flex > 0 { format!("{name} (Flex)") } else { name.into() }
    }
}

/// Draws what a customer has.
pub fn draw(provider: &Provider, c: &Customer, dice: &mut Dice) -> Vec<Service> {
    let mut cart = Cart { provider, c, dice, all: vec![], lines: 0 };
    match c.role {
        Role::Consumer if c.number == STORY => story(&mut cart),
        Role::Consumer => consumer(&mut cart),
        Role::SmallBusiness => small_business(&mut cart),
        Role::Enterprise { depth, .. } => enterprise(&mut cart, depth),
        Role::Wholesale(_) => {
            cart.put(Offer::WholesaleFibre, c.since, None, false);
            cart.put(Offer::WholesaleMobile, c.since, None, false);
        }
    }
    cart.all
}

/// Puts products together for one customer.
struct Cart<'a> {
    provider: &'a Provider,
    c: &'a Customer,
    dice: &'a mut Dice,
    all: Vec<Service>,
    lines: u64,
}
impl Cart<'_> {
    /// Ordered on a day; starts some days later, on the same day where it hangs on something.
    fn put(&mut self, offer: Offer, ordered: NaiveDate, parent: Option<usize>, may_end: bool) -> usize {
        let newest_start = self.provider.until - Days::new(1);
        let wait = if parent.is_some() { 0 } else { self.dice.between(1, 9) as u64 };
        let start = (ordered + Days::new(wait)).min(newest_start).max(parent.and_then(|p| self.all[p].start).unwrap_or(ordered));
        let ended = may_end && self.dice.per_mille(90) && start + Days::new(120) < self.provider.until;
        let above = parent.and_then(|p| self.all[p].end);
        let end =
            ended.then(|| self.dice.day((start + Days::new(100)).max(self.provider.until - Months::new(16)), self.provider.until - Days::new(15)));
        let end = [end, above, self.c.closed].into_iter().flatten().min().map(|e| e.max(start + Days::new(1)));
        let kind = offer.spec().kind;
        let own_number = matches!(kind, product_offering::Kind::Mobile | product_offering::Kind::Broadband) || offer == Offer::FixedIp;
        let number = own_number.then(|| self.number(kind));
        let id = self.dice.id(midnight(ordered) + TimeDelta::hours(8));
        self.all.push(Service { id, offer, before: None, number, parent, ordered, start: Some(start), end, flex: 0, welcome: false, label: None });
        self.all.len() - 1
    }
    /// Numbers that nobody else has: the customer's number is in them.
    fn number(&mut self, kind: product_offering::Kind) -> String {
        let nth = self.c.number * 64 + self.lines;
        self.lines += 1;
        // A factor without a common divisor with the modulus: numbers look scattered and still differ.
        let scattered = nth * 61_803_399 % 100_000_000;
        match kind {
            product_offering::Kind::Mobile => format!("+99961{scattered:08}"),
            product_offering::Kind::Broadband => format!("FL-{scattered:08}"),
            _ => format!("198.18.{}.{}", (nth / 250) % 256, nth % 250 + 1),
        }
    }
    /// A day on which something more was ordered: mostly long ago, sometimes of late.
    fn later(&mut self) -> NaiveDate {
        let last = self.c.closed.map_or(self.provider.until - Days::new(14), |d| d - Days::new(30)).max(self.c.since);
        let recent = self.dice.per_mille(350);
        let from = if recent { self.c.since.max(self.provider.until - Months::new(12)) } else { self.c.since };
        self.dice.day(from.min(last), last)
    }
    /// Contract terms of a home plan: Flex, welcome discount.
    fn terms(&mut self, at: usize) {
        let (flex, welcome) = (self.dice.per_mille(110), self.dice.per_mille(600));
        let s = &mut self.all[at];
        s.flex = if flex { if s.mobile() { 300 } else { 500 } } else { 0 };
        s.welcome = welcome && !flex;
    }
    /// A few changed to a bigger plan within the last year and a half.
    fn upgrade(&mut self, at: usize, smaller: Offer) {
        let Some(start) = self.all[at].start else { return };
        let (from, to) = (start + Days::new(60), self.all[at].end.unwrap_or(self.provider.until) - Days::new(10));
        if self.dice.per_mille(120) && from < to {
            let day = self.dice.day(from.max(self.provider.until - Months::new(18)).min(to), to);
            let s = &mut self.all[at];
            (s.before, s.welcome) = (Some((smaller, day)), false);
        }
    }
    fn mobile_line(&mut self, ordered: NaiveDate, may_end: bool) -> usize {
        let offer = [Offer::MobileS, Offer::MobileM, Offer::MobileL, Offer::MobileUnlimited, Offer::MobileClassic]
            [self.dice.weighted(&[300, 360, 190, 90, 60])];
        let at = self.put(offer, ordered, None, may_end);
        self.terms(at);
        match offer {
            Offer::MobileM => self.upgrade(at, Offer::MobileS),
            Offer::MobileL => self.upgrade(at, Offer::MobileM),
            _ => {}
        }
        self.all[at].label = self.dice.per_mille(250).then(|| *self.dice.pick(&["Work", "Family", "Kids", "Tablet", "Second phone", "Mum"]));
        if self.dice.per_mille(120) {
            let day = self.all[at].ordered;
            self.put(Offer::Phone, day, Some(at), false);
        }
        if self.dice.per_mille(40) && self.all[at].end.is_none() {
            let day = self.later().max(self.all[at].ordered);
            self.put(Offer::MultiSim, day, Some(at), true);
        }
        at
    }
    fn broadband(&mut self, offer: Offer, ordered: NaiveDate) -> usize {
        let at = self.put(offer, ordered, None, false);
        let new = self.all[at].start.is_some_and(|s| s + Months::new(30) > self.provider.until);
        self.put(if new { Offer::Hub3 } else { Offer::Hub2 }, ordered, Some(at), false);
        at
    }
}

fn story(cart: &mut Cart) {
    let since = cart.c.since;
    let mobile = cart.put(Offer::MobileM, since, None, false);
    cart.all[mobile].label = Some("Elena");
    let fibre = cart.broadband(Offer::Fibre300, since + Days::new(30));
    cart.put(Offer::TvStart, since + Days::new(200), Some(fibre), false);
    bundle(cart, fibre);
}

fn consumer(cart: &mut Cart) {
    let (mut lines, fixed) = (cart.dice.weighted(&[140, 400, 270, 130, 60]), cart.dice.per_mille(650));
    if lines == 0 && !fixed {
        lines = 1;
    }
    for i in 0..lines {
        let day = if i == 0 { cart.c.since } else { cart.later() };
        cart.mobile_line(day, i > 0);
    }
    if fixed {
        let day = if lines == 0 { cart.c.since } else { cart.later() };
        let offer = [Offer::Dsl50, Offer::Fibre100, Offer::Fibre300, Offer::Fibre1000][cart.dice.weighted(&[170, 340, 350, 140])];
        let at = cart.broadband(offer, day);
        cart.terms(at);
        if offer == Offer::Fibre300 {
            cart.upgrade(at, Offer::Fibre100);
        }
        for (offer, chance) in [(Offer::TvStart, 250), (Offer::TvPlus, 160), (Offer::Booster, 110), (Offer::FixedIp, 25)] {
            if cart.dice.per_mille(chance) {
                let day = cart.later().max(day);
                cart.put(offer, day, Some(at), true);
            }
        }
        if lines > 0 {
            bundle(cart, at);
        }
    }
    if cart.c.closed.is_none() && cart.dice.per_mille(15) {
        pending(cart);
    }
}

/// Broadband and mobile on one account: a bundle above both.
fn bundle(cart: &mut Cart, fixed: usize) {
    let Some(mobile) = cart.all.iter().position(Service::mobile) else { return };
    let ordered = cart.all[fixed].ordered.max(cart.all[mobile].ordered);
    let at = cart.put(Offer::Together, ordered, None, false);
    let start = [cart.all[fixed].start, cart.all[mobile].start].into_iter().flatten().max();
    let end = [cart.all[fixed].end, cart.all[mobile].end].into_iter().flatten().min();
    (cart.all[at].start, cart.all[at].end) = (start, end);
    (cart.all[fixed].parent, cart.all[mobile].parent) = (Some(at), Some(at));
}

/// Something ordered that has not started yet.
fn pending(cart: &mut Cart) {
    let day = cart.provider.until - Days::new(cart.dice.between(2, 6) as u64);
    let at = cart.put(Offer::MobileS, day, None, false);
    (cart.all[at].start, cart.all[at].end) = (None, None);
}

fn small_business(cart: &mut Cart) {
    for i in 0..cart.dice.between(1, 4) {
        let day = if i == 0 { cart.c.since } else { cart.later() };
        cart.put(Offer::BusinessMobile, day, None, i > 0);
    }
    if cart.dice.per_mille(720) {
        let day = cart.later();
        let offer = if cart.dice.per_mille(700) { Offer::BusinessFibre300 } else { Offer::BusinessFibre1000 };
        let at = cart.broadband(offer, day);
        if cart.dice.per_mille(260) {
            cart.put(Offer::Silver, day, Some(at), true);
        }
    }
}

fn enterprise(cart: &mut Cart, depth: u8) {
    let (offer, level) = match depth {
        0 | 1 => (Offer::BusinessFibre1000, Some(Offer::Gold)),
        _ if cart.dice.per_mille(500) => (Offer::BusinessFibre1000, Some(Offer::Gold)),
        _ => (Offer::BusinessFibre300, cart.dice.per_mille(600).then_some(Offer::Silver)),
    };
    let since = cart.c.since;
    let at = cart.broadband(offer, since);
    if let Some(level) = level {
        cart.put(level, since, Some(at), false);
    }
    for _ in 0..cart.dice.between(2, if depth == 2 { 6 } else { 8 }) {
        let day = cart.later();
        cart.put(Offer::BusinessMobile, day, None, true);
    }
}

/// The rows of all products; parents first, whatever the order in which they were put together.
pub fn rows(provider: &Provider, c: &Customer, services: &[Service], limited: bool, rows: &mut Rows) {
    let mut order: Vec<usize> = (0..services.len()).collect();
    order.sort_by_key(|i| depth(services, *i));
    for i in order {
        let s = &services[i];
        let spec = s.offer.spec();
        let ordered = midnight(s.ordered) + TimeDelta::hours(8);
        let status = match (s.start, s.end) {
            (None, _) => Status::PendingActive,
            (_, Some(end)) if end < provider.until => Status::Terminated,
            _ if limited => Status::Suspended,
            _ => Status::Active,
        };
        let term = spec.term_months.filter(|_| s.flex == 0).zip(s.start).map(|(m, d)| d + Months::new(m as u32) - Days::new(1));
        let monthly =
            if spec.price_type == crate::catalogue::offering_price::PriceType::Recurring { s.monthly(provider.until, provider.newest) } else { 0 };
        let serial = (spec.kind == product_offering::Kind::Device).then(|| format!("SN{:010}", c.number * 100 + i as u64));
        let attrs = match s.number.as_deref().filter(|_| s.mobile()) {
            Some(n) => {
                json!({ "contract": if s.flex > 0 { "Flex" } else { "24 months" }, "sim": format!("8999900{:012}", n[6..].parse::<u64>().unwrap_or(0)) })
            }
            None => json!({}),
        };
        let terminated = s.end.filter(|e| *e < provider.until).map(|e| midnight(e) + TimeDelta::hours(22));
        let mut row = row!(product, s.id, ordered, "crm", format!("P-{:06}-{}", c.number, i + 1);
            customer_id: c.id, partner_id: c.partner(provider), name: spec.name, offering_id: provider.offering(s.offer),
            parent_product_id: s.parent.map(|p| services[p].id), billing_account_id: c.account, status: status, service_identifier: s.number.clone(),
            serial: serial, ordered_at: ordered, start_at: s.start.map(|d| midnight(d) + TimeDelta::hours(10)), term_end_on: term, terminated_at: terminated,
            recurring_minor: monthly, currency: "EUR", is_customer_visible: true, label: s.label.map(String::from), attrs: attrs);
        row.updated_at = Set(terminated.or_else(|| s.start.map(|d| midnight(d) + TimeDelta::hours(10))).unwrap_or(ordered));
        rows.products.push(row);
    }
}
fn depth(services: &[Service], at: usize) -> usize {
    services[at].parent.map_or(0, |p| 1 + depth(services, p))
}
