//! Says why a line is not as it was a month ago.
use super::{Draft, Run, Tag};
use crate::generate::{
    catalogue::Offer,
    money::{Vat, eur},
    month::{Month, date, day},
    portfolio::Service,
};
use chrono::Days;

/// Gives a reason to every line that is new or has another amount, and says which discounts are gone.
pub fn changes(run: &Run, month: Month, drafts: &mut [Draft], before: &[Draft]) {
    for draft in drafts.iter_mut().filter(|d| d.reason.is_none()) {
        let old = before.iter().find(|b| b.tag == draft.tag && b.service == draft.service);
        draft.reason = match old {
            Some(old) if old.cents == draft.cents => None,
            Some(old) => Some(changed(run, month, draft, old)),
            None => Some(new(run, month, draft)),
        };
    }
    for gone in before.iter().filter(|b| matches!(b.tag, Tag::Welcome | Tag::Together | Tag::MultiLine)) {
        if drafts.iter().any(|d| d.tag == gone.tag && d.service == gone.service) {
            continue;
        }
        if let Some(line) = drafts.iter_mut().find(|d| d.tag == Tag::Monthly && d.service == gone.service) {
            let name = gone.text.split(',').next().unwrap_or(&gone.text);
            let sentence = format!("The {name} of {} a month ended on {}.", eur(-gone.cents), day(month.back(1).last()));
            line.reason = Some(line.reason.take().map_or(sentence.clone(), |r| format!("{r} {sentence}")));
        }
    }
}

fn changed(run: &Run, month: Month, draft: &Draft, old: &Draft) -> String {
    let net = if draft.vat == Vat::Added { " (without VAT)" } else { "" };
    let service = draft.service.map(|i| &run.services[i]);
    if let Some(s) = service
        && let Some((was, on)) = s.before
        && s.plan(month.first()) != s.plan(month.back(1).first())
    {
        return format!(
            "You changed from {} to {} on {}. This is the full month of {}.",
            was.spec().name,
            s.offer.spec().name,
            day(on),
            s.offer.spec().name
        );
    }
    let told = month.first() - Days::new(33);
    format!(
        "New price from {}: {} costs {} a month instead of {}{net}. We told you by email on {}.",
        date(month.first()),
        draft.text,
        eur(draft.cents),
        eur(old.cents),
        date(told)
    )
}

fn new(run: &Run, month: Month, draft: &Draft) -> String {
    let start = draft.service.and_then(|i| run.services[i].start);
    match draft.tag {
        Tag::Welcome => "EUR 5.00 off each month for the first 6 months of a new contract.".into(),
        Tag::Together => "You have broadband and mobile with us, so broadband is EUR 5.00 cheaper each month.".into(),
        Tag::MultiLine => "Every mobile line after the first is EUR 3.00 cheaper each month.".into(),
        Tag::Paper => format!("A paper bill costs {}; online bills are free.", eur(Offer::PaperBill.spec().price)),
        Tag::Instalment => "The first of 24 instalments for your phone, without interest.".into(),
        _ => {
            let began = start.map(|d| format!(" started on {} and", day(d))).unwrap_or_default();
            format!("{}{began} is paid a month in advance, so all of {} is on this bill.", title(run, draft), month.name())
        }
    }
}
fn title(run: &Run, draft: &Draft) -> String {
    let name = |s: &Service| s.title(draft.from);
    draft.service.map_or_else(|| draft.text.clone(), |i| name(&run.services[i]))
}
