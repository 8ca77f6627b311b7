//! What was used beyond the plan in the month before: extra data, roaming, passes, and small things.
use super::{Draft, Run, lines::once};
use crate::generate::{
    catalogue::Offer,
    customers::{Role, STORY},
    dice::Dice,
    money::eur,
    month::{Month, day},
    portfolio::Service,
};
use chrono::{Datelike, Days, NaiveDate};

const ZONE_2: &[&str] = &["Switzerland", "the United Kingdom", "Turkey", "the USA", "Canada", "Japan", "Australia"];
const ZONE_3: &[&str] = &["Thailand", "Morocco", "Brazil", "South Africa", "India", "Serbia", "Mexico", "Kenya"];

/// Use of all lines of a customer in a month.
pub fn lines(run: &mut Run, month: Month, out: &mut Vec<Draft>) {
    let wholesale = matches!(run.c.role, Role::Wholesale(_));
    for (i, s) in run.services.iter().enumerate() {
        let whole = s.on(month.first() + Days::new(4)) && s.on(month.last() - Days::new(4));
        if !whole || wholesale {
            continue;
        }
        let mut trip = Trip { i, s, month, out };
        if run.c.number == STORY {
            script(&mut trip, run.provider.newest);
        } else if s.mobile() {
            chance(&mut trip, run.dice);
        } else if matches!(s.offer, Offer::TvStart | Offer::TvPlus) && run.dice.per_mille(90) {
            let films = run.dice.between(1, 3);
            trip.add(Offer::TvFilm, films, format!("{} rented on TV in {}.", count(films, "film"), month.name()), month.first(), month.last());
        }
    }
}

/// The two months of the demo's consumer: a little at first, then a trip on which much was used.
fn script(trip: &mut Trip, newest: Month) {
    if !trip.s.mobile() {
        return;
    }
    if trip.month == newest.back(2) {
        trip.extra_data(2);
        trip.pass(Offer::Zone2Day, 1, "the United Kingdom", 11);
    } else if trip.month == newest.back(1) {
        trip.extra_data(3);
        trip.roaming(Offer::Zone2Data, 245, "Switzerland", 2, (8, 12));
        trip.roaming(Offer::Zone2Call, 14, "Switzerland", 2, (8, 12));
    }
}

fn chance(trip: &mut Trip, dice: &mut Dice) {
    let over = match trip.s.plan(trip.month.last()) {
        Offer::MobileS => 120,
        Offer::MobileM => 55,
        Offer::MobileL => 18,
        Offer::MobileClassic => 90,
        Offer::BusinessMobile => 25,
        _ => 0,
    };
    if dice.per_mille(over) {
        let blocks = if dice.per_mille(120) { 10 } else { dice.between(1, 6) };
        trip.extra_data(blocks);
    } else if over > 0 && dice.per_mille(35) {
        let offer = *dice.pick(&[Offer::Data2, Offer::Data10]);
        trip.add(offer, 1, format!("You bought a {} in {}.", offer.spec().name, trip.month.name()), trip.month.first(), trip.month.last());
    }
    let summer = (6..=8).contains(&trip.month.first().month());
    if dice.per_mille(if summer { 110 } else { 40 }) {
        abroad(trip, dice);
    }
    for (offer, often, most, what) in [
        (Offer::Mms, 35, 6, "MMS sent"),
        (Offer::Premium, 9, 12, "minutes to 0900 numbers of another company"),
        (Offer::Zone1Data, 5, 8, "GB in Zone 1 above the fair use limit of the plan"),
        (Offer::SeaData, 3, 12, "MB over the network of a ship or plane"),
    ] {
        if dice.per_mille(often) {
            let quantity = dice.between(1, most);
            let reason = format!("{quantity} {what} in {}, at {} each.", trip.month.name(), eur(offer.spec().price));
            trip.add(offer, quantity, reason, trip.month.first(), trip.month.last());
        }
    }
    if dice.per_mille(4) {
        let on = dice.day(trip.month.first(), trip.month.last());
        trip.add(Offer::SimCard, 1, format!("A new plastic SIM was sent to you on {}.", day(on)), on, on);
    }
}

/// A journey beyond Zone 1, with a pass or without.
fn abroad(trip: &mut Trip, dice: &mut Dice) {
    let far = dice.per_mille(230);
    let country = *dice.pick(if far { ZONE_3 } else { ZONE_2 });
    let zone = if far { 3 } else { 2 };
    let from = dice.between(1, 18) as u32;
    let days = (from, from + dice.between(1, 9) as u32);
    if dice.per_mille(450) {
        let (daily, weekly) = if far { (Offer::Zone3Day, Offer::Zone3Week) } else { (Offer::Zone2Day, Offer::Zone2Week) };
        if days.1 - days.0 > 3 {
            trip.pass(weekly, 1, country, from)
        } else {
            trip.pass(daily, i64::from(days.1 - days.0), country, from)
        }
        return;
    }
    let (data, calls, most) = if far { (Offer::Zone3Data, Offer::Zone3Call, 120) } else { (Offer::Zone2Data, Offer::Zone2Call, 600) };
    let mb = if dice.per_mille(80) { most } else { dice.between(4, most / 2) };
    trip.roaming(data, mb, country, zone, days);
    if dice.per_mille(500) {
        trip.roaming(calls, dice.between(1, 25), country, zone, days);
    }
    if !far && dice.per_mille(300) {
        trip.roaming(Offer::Zone2Received, dice.between(1, 20), country, zone, days);
    }
}

/// One line in one month, and where its bill lines go.
struct Trip<'a> {
    i: usize,
    s: &'a Service,
    month: Month,
    out: &'a mut Vec<Draft>,
}
impl Trip<'_> {
    fn add(&mut self, offer: Offer, quantity: i64, reason: String, from: NaiveDate, to: NaiveDate) {
        self.out.push(once(offer, Some(self.i), quantity, reason, from, to));
    }
    fn extra_data(&mut self, blocks: i64) {
        let plan = self.s.plan(self.month.last());
        let limit = if blocks == 10 { " Then your limit of EUR 20.00 was reached and data went on slowly at no cost." } else { "" };
        let reason = format!(
            "The {} GB of {} were used up in {}. {} of 500 MB used after that, at {} each.{limit}",
            allowance(plan),
            plan.spec().name,
            self.month.name(),
            count(blocks, "more block"),
            eur(Offer::ExtraData.spec().price)
        );
        self.add(Offer::ExtraData, blocks, reason, self.month.first(), self.month.last());
    }
    fn pass(&mut self, offer: Offer, quantity: i64, country: &str, from: u32) {
        let from = self.month.first() + Days::new(u64::from(from) - 1);
        let reason =
            format!("{} bought for {country}, from {}. A pass is cheaper than paying by the MB.", count(quantity, offer.spec().name), day(from));
        self.add(offer, quantity, reason, from, self.month.last());
        if let Some(line) = self.out.last_mut() {
            line.text = format!("PASS {}", line.text);
        }
    }
    fn roaming(&mut self, offer: Offer, quantity: i64, country: &str, zone: u8, days: (u32, u32)) {
        let spec = offer.spec();
        let at = |d: u32| self.month.first() + Days::new(u64::from(d) - 1);
        let (from, to) = (at(days.0), at(days.1));
        let what = match spec.unit {
            "MB" => format!("{quantity} MB of data used"),
            _ if offer == Offer::Zone2Received => format!("{} of calls received", count(quantity, "minute")),
            _ => format!("{} of calls made", count(quantity, "minute")),
        };
        let limit =
            if quantity * spec.price == 6000 && spec.unit == "MB" { " Your roaming data limit of EUR 60.00 then stopped the data." } else { "" };
        let reason = format!(
            "Roaming: {what} in {country} (Zone {zone}) between {} and {} without a roaming pass, {quantity} × {}.{limit}",
            from.day(),
            day(to),
            eur(spec.price)
        );
        self.add(offer, quantity, reason, from, to);
    }
}

/// GB in a plan.
fn allowance(offer: Offer) -> u32 {
    match offer {
        Offer::MobileS => 5,
        Offer::MobileM => 25,
        Offer::MobileL => 80,
        Offer::BusinessMobile => 50,
        _ => 10,
    }
}

/// `1 film`, `2 films`, `3 Zone 2 Day Passes`
fn count(n: i64, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        _ if what.ends_with('s') => format!("{n} {what}es"),
        _ => format!("{n} {what}s"),
    }
}
