//! The lines of an ordinary bill: the month ahead, parts of the month before, use, fees, discounts.
use super::{Draft, Run, Tag, payment, usage};
use crate::{
    billing::bill_line::Kind,
    generate::{
        catalogue::Offer,
        customers::Role,
        money::{Vat, divide, eur},
        month::{Month, day},
        portfolio::Service,
    },
};
use chrono::{Days, NaiveDate};

/// All lines of the bill of a month, in the order of a bill's sections.
pub fn of(run: &mut Run, month: Month) -> Vec<Draft> {
    let mut out = vec![];
    for (i, s) in run.services.iter().enumerate() {
        out.extend(ahead(run, i, s, month));
    }
    for (i, s) in run.services.iter().enumerate() {
        parts(run, i, s, month.back(1), &mut out);
    }
    if out.is_empty() {
        return out; // nothing runs: no bill
    }
    payment::fees(run, month, &mut out);
    usage::lines(run, month.back(1), &mut out);
    discounts(run, month, &mut out);
    if run.paper {
        let fee = once(Offer::PaperBill, None, 1, "A paper bill costs EUR 2.50; online bills are free.".into(), month.first(), month.first());
        out.push(Draft { tag: Tag::Paper, reason: None, ..fee });
    }
    out
}

/// One piece of something with a fixed price.
pub fn once(offer: Offer, service: Option<usize>, quantity: i64, reason: String, from: NaiveDate, to: NaiveDate) -> Draft {
    let spec = offer.spec();
    let vat = match offer {
        Offer::LateFee => Vat::Free,
        _ if spec.business => Vat::Added,
        _ => Vat::Included,
    };
    let kind = match spec.price_type {
        crate::catalogue::offering_price::PriceType::Usage => Kind::Usage,
        crate::catalogue::offering_price::PriceType::Penalty => Kind::Penalty,
        crate::catalogue::offering_price::PriceType::Discount => Kind::Discount,
        _ => Kind::OneTime,
    };
    Draft {
        tag: Tag::Once,
        service,
        kind,
        text: spec.name.into(),
        reason: Some(reason),
        quantity,
        unit: spec.unit,
        unit_micro: spec.price * 10_000,
        cents: spec.price * quantity,
        vat,
        from,
        to,
        link: None,
    }
}

/// The price of the month that starts, paid in advance from the first bill after the start.
fn ahead(run: &Run, i: usize, s: &Service, month: Month) -> Option<Draft> {
    let first = month.first();
    let cents = s.monthly(first, run.provider.newest);
    if s.start.is_none_or(|d| d >= first) || !s.on(first) || cents <= 0 {
        return None;
    }
    let mut draft = Draft {
        tag: Tag::Monthly,
        service: Some(i),
        kind: Kind::Recurring,
        text: s.title(first),
        reason: None,
        quantity: 1,
        unit: "month",
        unit_micro: cents * 10_000,
        cents,
        vat: s.vat(),
        from: first,
        to: month.last(),
        link: None,
    };
    if s.offer == Offer::Phone {
        let nth = month.since(Month::of(s.start?));
        draft.text = format!("Device plan, {nth} of 24");
        draft.tag = Tag::Instalment;
        return (nth <= 24).then_some(draft);
    }
    Some(draft)
}

/// What the month before had in part: starts, changes of plan, ends.
fn parts(run: &Run, i: usize, s: &Service, month: Month, out: &mut Vec<Draft>) {
    let (first, last) = (month.first(), month.last());
    let Some(start) = s.start else { return };
    let inside = |d: NaiveDate| d >= first && d <= last;
    let price = |d: NaiveDate| s.monthly(d, run.provider.newest);
    if s.offer == Offer::Phone {
        out.extend(s.end.filter(|e| inside(*e)).and_then(|_| rest_of_phone(i, s, start, month)));
        return;
    }
    if price(first.max(start)) <= 0 {
        return;
    }
    let share = |from: NaiveDate, to: NaiveDate, sign: i64, reason: &dyn Fn(i64, i64) -> String| {
        let (days, monthly) = ((to - from).num_days() + 1, price(from) * sign);
        let cents = divide(monthly * days, month.days());
        Draft {
            tag: Tag::Once,
            service: Some(i),
            kind: if sign < 0 { Kind::Adjustment } else { Kind::Recurring },
            text: format!("{}, {days} of {} days", s.title(from), month.days()),
            reason: Some(reason(days, cents.abs())),
            quantity: days,
            unit: "day",
            unit_micro: divide(monthly * 10_000, month.days()),
            cents,
            vat: s.vat(),
            from,
            to,
            link: None,
        }
    };
    let name = s.title(last.min(s.end.unwrap_or(last)));
    if inside(start) {
        let to = s.end.filter(|e| inside(*e)).unwrap_or(last);
        out.push(share(start, to, 1, &|days, cents| {
            let ended = if to < last { format!(" and ended on {}", day(to)) } else { String::new() };
            format!("{name} started on {}{ended}, so you pay {days} of the {} days in {}: {}.", day(start), month.days(), month.name(), eur(cents))
        }));
        out.extend(start_fee(run, i, s, start));
        return;
    }
    if let Some(end) = s.end.filter(|e| inside(*e) && *e < last) {
        out.push(back(share(end + Days::new(1), last, -1, &|days, cents| {
            format!(
                "{name} ended on {}. You had paid all of {} in advance, so you get {days} of {} days back: {}.",
                day(end),
                month.name(),
                month.days(),
                eur(cents)
            )
        })));
    }
    if let Some((old, changed)) = s.before.filter(|b| inside(b.1) && b.1 > first) {
        let (old, new) = (old.spec().name, s.offer.spec().name);
        let paid = s.monthly(changed - Days::new(1), run.provider.newest);
        let mut minus = share(changed, last, -1, &|_, _| String::new());
        minus.cents = divide(-paid * minus.quantity, month.days());
        minus.unit_micro = divide(-paid * 10_000, month.days());
        minus.text = format!("{old}, {} of {} days back", minus.quantity, month.days());
        let (days, cents) = (minus.quantity, eur(-minus.cents));
        minus.reason = Some(format!(
            "You changed from {old} to {new} on {}. {old} was paid for all of {}, so {days} days come back: {cents}.",
            day(changed),
            month.name()
        ));
        out.push(minus);
        out.push(share(changed, last, 1, &|days, cents| format!("{new} from {}: {days} of {} days, {}.", day(changed), month.days(), eur(cents))));
    }
}
/// A credit reads as one: positive days at a negative price.
fn back(mut draft: Draft) -> Draft {
    draft.text += " back";
    draft
}

fn rest_of_phone(i: usize, s: &Service, start: NaiveDate, month: Month) -> Option<Draft> {
    let left = i64::from(24 - month.since(Month::of(start)));
    let reason = format!("The mobile plan ended, so the last {left} instalments of the phone are due together.");
    (left > 0).then(|| Draft {
        text: format!("Device plan, last {left} of 24"),
        unit: "instalment",
        ..once(s.offer, Some(i), left, reason, month.first(), month.last())
    })
}

fn start_fee(run: &Run, i: usize, s: &Service, start: NaiveDate) -> Option<Draft> {
    let offer = if run.c.role != Role::Consumer {
        return None;
    } else if s.mobile() {
        Offer::ConnectionFee
    } else if s.broadband() {
        Offer::SetupFee
    } else {
        return None;
    };
    let reason = format!("The {} for {} is paid once, when a line starts.", offer.spec().name.to_lowercase(), s.title(start));
    Some(once(offer, Some(i), 1, reason, start, start))
}

/// Amounts that come off the month ahead.
fn discounts(run: &Run, month: Month, out: &mut Vec<Draft>) {
    if run.c.role != Role::Consumer {
        return;
    }
    let monthly: Vec<(usize, usize)> =
        out.iter().enumerate().filter(|(_, d)| d.tag == Tag::Monthly).filter_map(|(at, d)| Some((at, d.service?))).collect();
    let mut off = |tag, offer: Offer, at: usize, service: usize, text: String| {
        let draft = once(offer, Some(service), 1, String::new(), month.first(), month.last());
        out.push(Draft { tag, text, reason: None, unit: "month", link: Some(at), ..draft });
    };
    let mut mobiles = 0;
    for (at, i) in monthly {
        let s = &run.services[i];
        let Some(start) = s.start else { continue };
        let nth = month.since(Month::of(start));
        if s.welcome && (1..=6).contains(&nth) {
            off(Tag::Welcome, Offer::Welcome, at, i, format!("Welcome discount, {nth} of 6"));
        }
        if s.mobile() {
            mobiles += 1;
            if mobiles > 1 {
                off(Tag::MultiLine, Offer::MultiLine, at, i, "Multi-line discount".into());
            }
        }
        let together = s.broadband()
            && run.services.iter().any(|b| b.offer == Offer::Together && b.on(month.first()) && b.start.is_some_and(|d| d < month.first()));
        if together {
            off(Tag::Together, Offer::Together, at, i, "Together discount".into());
        }
    }
}
