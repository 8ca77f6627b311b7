//! What a partner pays for access and use: made on the 5th for the month before. It follows the partner's own
//! growth and not the customers at hand, so that it is the same in any crowd.
use super::{Draft, Run, Tag};
use crate::{
    billing::bill_line::Kind,
    generate::{
        catalogue::Offer,
        customers::Role,
        money::{Vat, eur},
        month::{Month, date},
    },
};

pub fn lines(run: &mut Run, month: Month, before: &[Draft]) -> Vec<Draft> {
    let Role::Wholesale(partner) = run.c.role else { return vec![] };
    let (used, size) = (month.back(1), if partner == 0 { 3 } else { 1 });
    let age = i64::from(used.since(Month::of(run.c.since)));
    let mut near = |n: i64| n + run.dice.between(-n / 40, n / 40);
    let fibre = size * (110 + age * 2);
    let sims = size * (420 + age * 9);
    let amounts = [
        (Offer::WholesaleFibre, fibre, "active lines"),
        (Offer::WholesaleMobile, sims, "active SIMs"),
        (Offer::WholesaleData, near(sims * 14), "GB of data"),
        (Offer::WholesaleMinutes, near(sims * 130), "minutes"),
        (Offer::WholesaleNewLine, near(size * 12), "new lines"),
    ];
    let mut out: Vec<_> = amounts.into_iter().enumerate().map(|(i, a)| line(run, i as u8, a, used, before)).collect();
    if run.dice.per_mille(350) {
        let days = run.dice.between(1, 9);
        out.push(Draft {
            tag: Tag::Once,
            service: Some(0),
            kind: Kind::SlaCredit,
            text: "Credit for late repairs (P2)".into(),
            reason: Some(format!("Repair targets of resold lines were missed by {days} full days in {}: {days} × EUR 5.00.", used.name())),
            quantity: days,
            unit: "day",
            unit_micro: -5_000_000,
            cents: -500 * days,
            vat: Vat::Added,
            from: used.first(),
            to: used.last(),
            link: None,
        });
    }
    out
}

fn line(run: &Run, tag: u8, (offer, quantity, what): (Offer, i64, &str), used: Month, before: &[Draft]) -> Draft {
    let newest = run.provider.newest;
    let (price, was) = (offer.price(used, newest), offer.price(used.back(1), newest));
    let old = before.iter().find(|b| b.tag == Tag::Settlement(tag)).map(|b| b.quantity);
    let mut reason = match old {
        Some(old) if old != quantity => Some(format!("{quantity} {what} in {}, {old} in the month before.", used.name())),
        _ => None,
    };
    if price != was {
        let sentence = format!("New price from {}: {} instead of {} (without VAT).", date(used.first()), eur(price), eur(was));
        reason = Some(reason.map_or(sentence.clone(), |r| format!("{r} {sentence}")));
    }
    let kind = match offer {
        Offer::WholesaleFibre | Offer::WholesaleMobile => Kind::Recurring,
        Offer::WholesaleNewLine => Kind::OneTime,
        _ => Kind::Usage,
    };
    Draft {
        tag: Tag::Settlement(tag),
        service: Some(usize::from(offer != Offer::WholesaleFibre)),
        kind,
        text: offer.spec().name.into(),
        reason,
        quantity,
        unit: offer.spec().unit,
        unit_micro: price * 10_000,
        cents: price * quantity,
        vat: Vat::Added,
        from: used.first(),
        to: used.last(),
        link: None,
    }
}
