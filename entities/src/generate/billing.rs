//! A year of bills for one account. The month before the first bill is worked out too and thrown away, so that
//! the first bill also has something to be compared with.
mod explain;
mod lines;
mod payment;
mod settlement;
mod usage;
mod write;

use super::{
    customers::{Customer, Role, STORY},
    dice::Dice,
    money::Vat,
    month::Month,
    portfolio::Service,
    provider::Provider,
    rows::Rows,
};
use crate::billing::bill_line::Kind;
use chrono::{Days, NaiveDate};
use payment::Payer;
use uuid::Uuid;

/// What a line is, to find the same line on the bill before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tag {
    Monthly,
    Instalment,
    Welcome,
    Together,
    MultiLine,
    Paper,
    Settlement(u8),
    /// Comes once: always new.
    Once,
}

/// A line before it is a row.
pub struct Draft {
    pub tag: Tag,
    pub service: Option<usize>,
    pub kind: Kind,
    pub text: String,
    pub reason: Option<String>,
    /// Whole units.
    pub quantity: i64,
    pub unit: &'static str,
    /// Millionths of a euro for one unit, as the price list has it.
    pub unit_micro: i64,
    /// The whole line in cents, as the price list has it.
    pub cents: i64,
    pub vat: Vat,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Another line of this bill.
    pub link: Option<usize>,
}

/// A bill as the rest of the story knows it.
pub struct Issued {
    pub id: Uuid,
    pub no: String,
    pub month: Month,
    pub on: NaiveDate,
    pub due: NaiveDate,
    /// What is asked for, with VAT and rounding.
    pub total: i64,
    pub paid: Option<NaiveDate>,
    pub part: i64,
    /// Still being checked: not shown to the customer, not asked for.
    pub held: bool,
    pub credit: Option<Credit>,
    /// The most telling reason on it.
    pub reason: Option<String>,
}
pub struct Credit {
    /// Below zero, with VAT.
    pub total: i64,
    pub on: NaiveDate,
}
impl Issued {
    fn open(&self, day: NaiveDate) -> bool {
        !self.held && self.paid.is_none_or(|p| p >= day)
    }
    /// Open cents on a day, less its credit note.
    fn owed(&self, day: NaiveDate) -> i64 {
        let credit = self.credit.as_ref().filter(|c| c.on < day).map_or(0, |c| c.total);
        if self.open(day) { self.total - self.part + credit } else { 0 }
    }
}

/// What the account looks like on the last day.
pub struct Account {
    pub bills: Vec<Issued>,
    /// Days since the oldest open bill was due.
    pub overdue_days: i64,
    pub paper: bool,
}
impl Account {
    pub fn limited(&self) -> bool {
        self.overdue_days >= 30
    }
}

/// What the lines of a bill are made from.
pub struct Run<'a> {
    pub provider: &'a Provider,
    pub c: &'a Customer,
    pub services: &'a [Service],
    pub dice: &'a mut Dice,
    pub bills: Vec<Issued>,
    pub paper: bool,
}

/// Makes all bills of a customer's account.
pub fn run(provider: &Provider, c: &Customer, services: &[Service], dice: &mut Dice, rows: &mut Rows) -> Account {
    let payer = Payer::draw(c, dice);
    let paper = c.number != STORY && !c.enterprise() && dice.per_mille(100);
    let mut run = Run { provider, c, services, dice, bills: vec![], paper };
    let mut before: Vec<Draft> = vec![];
    for ago in (0..=provider.months).rev() {
        let month = provider.newest.back(ago);
        let wholesale = matches!(c.role, Role::Wholesale(_));
        let mut drafts = if wholesale { settlement::lines(&mut run, month, &before) } else { lines::of(&mut run, month) };
        let on = month.first() + Days::new(if wholesale { 4 } else { 0 });
        if !drafts.is_empty() && ago < provider.months && on <= provider.until {
            explain::changes(&run, month, &mut drafts, &before);
            let paid = payer.pays(&run, on, ago);
            write::bill(&mut run, month, on, paid, &drafts, rows);
        }
        before = drafts;
    }
    let account = Account { overdue_days: overdue(&run.bills, provider.until), bills: run.bills, paper };
    write::account(provider, c, &account, rows);
    account
}

fn overdue(bills: &[Issued], until: NaiveDate) -> i64 {
    bills.iter().filter(|b| b.open(until) && b.owed(until) > 0).map(|b| (until - b.due).num_days()).max().unwrap_or(0).max(0)
}
