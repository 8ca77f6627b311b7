//! Months as bills see them, and dates as people say them.
use chrono::{Datelike, Days, Months, NaiveDate};

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);
impl Month {
    pub fn of(day: NaiveDate) -> Self {
        Month(day - Days::new(u64::from(day.day0())))
    }
    pub fn first(self) -> NaiveDate {
        self.0
    }
    pub fn last(self) -> NaiveDate {
        self.next().0 - Days::new(1)
    }
    pub fn days(self) -> i64 {
        i64::from(self.last().day())
    }
    pub fn next(self) -> Self {
        Month(self.0 + Months::new(1))
    }
    pub fn back(self, months: u32) -> Self {
        Month(self.0 - Months::new(months))
    }
    /// How many months after `other`.
    pub fn since(self, other: Self) -> i32 {
        (self.0.year() - other.0.year()) * 12 + self.0.month0() as i32 - other.0.month0() as i32
    }
    /// `June`
    pub fn name(self) -> String {
        self.0.format("%B").to_string()
    }
    /// `202606`, as bill numbers have it.
    pub fn digits(self) -> String {
        self.0.format("%Y%m").to_string()
    }
}

/// `16 June`
pub fn day(day: NaiveDate) -> String {
    day.format("%-d %B").to_string()
}
/// `16 June 2026`
pub fn date(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}
