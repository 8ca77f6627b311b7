//! Who pays when, and what it costs to pay late.
use super::{Draft, Run, lines::once};
use crate::generate::{
    catalogue::Offer,
    customers::{Customer, FEWEST, Role},
    dice::Dice,
    month::{Month, day},
};
use chrono::{Days, NaiveDate};

/// How a customer pays.
pub enum Payer {
    /// By direct debit on the due day.
    Prompt,
    /// Sometimes weeks late.
    Late,
    /// Not at all for the last so many bills.
    Stopped(u32),
}
impl Payer {
    pub fn draw(c: &Customer, dice: &mut Dice) -> Self {
        let (kind, months) = (dice.weighted(&[780, 170, 50]), dice.between(1, 3) as u32);
        match (kind, c.role) {
            _ if c.number < FEWEST && !c.enterprise() => Payer::Prompt,
            (0, _) | (_, Role::Wholesale(_)) => Payer::Prompt,
            (1, _) | (_, Role::Enterprise { .. }) => Payer::Late,
            _ => Payer::Stopped(months),
        }
    }
    /// When the bill of so many months ago is paid, even if that day has not come yet.
    pub fn pays(&self, run: &Run, on: NaiveDate, ago: u32) -> Option<(NaiveDate, bool)> {
        // Decided by the bill's own day and the account, so that it takes no chance away from the lines.
        let mut dice = Dice::of(run.provider.seed ^ run.c.number.rotate_left(32), on.to_epoch_days() as u64);
        let due = on + Days::new(term(run.c));
        match self {
            Payer::Stopped(months) if ago < *months => None,
            Payer::Late if dice.per_mille(300) => Some((due + Days::new(dice.between(3, 44) as u64), dice.per_mille(200))),
            _ => Some((due, false)),
        }
    }
}

/// Days to pay.
pub fn term(c: &Customer) -> u64 {
    match c.role {
        Role::Enterprise { .. } | Role::Wholesale(_) => 30,
        _ => 14,
    }
}

/// Late and reconnection fees for the bills before.
pub fn fees(run: &Run, month: Month, out: &mut Vec<Draft>) {
    if run.c.enterprise() {
        return; // a framework contract has its own rule
    }
    let first = month.first();
    for bill in &run.bills {
        let last_call = bill.due + Days::new(14);
        let late = bill.open(last_call + Days::new(1)) && bill.credit.is_none() && bill.total - bill.part >= 1000;
        if bill.month.next() == month && late {
            let reason = format!(
                "The bill of {} ({}) was still open on {}, 14 days after it was due. The late fee is EUR 5.00, once for each bill and without VAT.",
                day(bill.on),
                bill.no,
                day(last_call)
            );
            out.push(once(Offer::LateFee, None, 1, reason, last_call, last_call));
        }
        let again = bill.paid.filter(|p| *p >= bill.due + Days::new(30) && *p >= month.back(1).first() && *p < first);
        if let Some(paid) = again {
            let reason = format!(
                "Your service was limited because the bill {} was open for more than 30 days. It came back when you paid on {}.",
                bill.no,
                day(paid)
            );
            out.push(once(Offer::Reconnection, None, 1, reason, paid, paid));
        }
    }
}
