//! What an expression of the mapping is in one row.
use super::{
    Deferred, Equal,
    value::{into_column, into_day, into_text, is_true, json, text},
};
use crate::{
    exchange::{
        mapping::{
            Mapping, Section, convert,
            expression::{Expr, Function, Options, Order, Other, Special},
        },
        record::{Problem, Record, Value},
    },
    model::same_word,
    money,
};
use chrono::{Days, Months, NaiveDate};
use chrono_tz::Tz;
use rust_decimal::prelude::ToPrimitive;

/// The work on one row. A value is none where the file has no such column: the row then does not speak of it.
pub(super) struct Work<'b> {
    mapping: &'b Mapping,
    slots: &'b [Option<usize>],
    as_of: Option<NaiveDate>,
    file: &'b str,
    pub(super) cells: &'b [String],
    pub(super) equal: &'b mut Equal,
    /// What the hash of the row was found to be.
    pub(super) hash: Option<String>,
    row_no: u64,
    vars: Vec<Option<Option<Value>>>,
    items: &'b [(String, Expr)],
    set: Vec<(&'static str, Value)>,
    pub(super) problems: Vec<Problem>,
}
pub(super) type Evaluated = std::result::Result<Option<Value>, Problem>;

impl<'b> Work<'b> {
    pub(super) fn new(
        mapping: &'b Mapping,
        slots: &'b [Option<usize>],
        as_of: Option<NaiveDate>,
        file: &'b str,
        cells: &'b [String],
        equal: &'b mut Equal,
        row_no: u64,
    ) -> Self {
        let mut vars = vec![];
        vars.resize_with(mapping.vars.len(), || None);
        Work { mapping, slots, as_of, file, cells, equal, hash: None, row_no, vars, items: &[], set: vec![], problems: vec![] }
    }
    /// Every section's rows, once for each item of its list.
    pub(super) fn records(&mut self) -> Vec<Record> {
        let mut records = vec![];
        for section in &self.mapping.sections {
            for items in &section.each {
                self.items = items;
                records.extend(self.record(section));
            }
        }
        self.items = &[];
        records
    }
    /// The section's row of its table; none where its condition does not hold or something is wrong.
    fn record(&mut self, section: &'b Section) -> Option<Record> {
        self.set.clear();
        let wanted = match &section.when {
            None => true,
            Some(when) => self.noted(when, "when").is_some_and(|v| v.as_ref().is_some_and(is_true)),
        };
        if !wanted {
            return None;
        }
        let id = self.noted(&section.external_id, "external_id")?;
        let Some(external_id) = id.and_then(into_text).filter(|t| !t.is_empty()) else {
            self.problems.push(Problem::error("missing_id", format!("the id of the {} row is blank", section.table.name)));
            return None;
        };
        for (column, value) in &section.set {
            let Some(Some(value)) = self.noted(value, column.name) else { continue };
            match into_column(value, column) {
                Ok(value) => self.set.push((column.name, value)),
                Err(problem) => self.problems.push(problem),
            }
        }
        let values = std::mem::take(&mut self.set);
        let (values, when_new) = if section.only_new { (vec![], values) } else { (values, vec![]) };
        Some(Record { table: section.table.name, external_id, values, when_new })
    }
    /// The outer none is an error that was noted. Problems name the column they were met at.
    fn noted(&mut self, expr: &'b Expr, column: &str) -> Option<Option<Value>> {
        let before = self.problems.len();
        let value = self.value(expr).map_err(|problem| self.problems.push(problem)).ok();
        for problem in &mut self.problems[before..] {
            problem.message = format!("{column}: {}", problem.message);
        }
        value
    }
    pub(super) fn deferred(&mut self, name: &str, value: &'b Expr) -> Option<Deferred> {
        let found = self.noted(value, name)??;
        if found == Value::Null {
            return None;
        }
        let amount = match (value, found) {
            (Expr::Money { currency, .. }, Value::Int(minor)) => self.value(currency).ok().flatten().as_ref().and_then(text).map(|c| (minor, c)),
            _ => None,
        };
        Some(Deferred { name: name.into(), amount })
    }
    pub(super) fn value(&mut self, expr: &'b Expr) -> Evaluated {
        Ok(match expr {
            Expr::Text(text) => Some(Value::Text(text.clone())),
            Expr::Int(n) => Some(Value::Int(*n)),
            Expr::Bool(b) => Some(Value::Bool(*b)),
            Expr::Null => Some(Value::Null),
            Expr::Cell(place) => self.slots[*place].map(|slot| self.cell(slot)),
            Expr::Var(place) => return self.var(*place),
            Expr::Item(name) => match self.items.iter().find(|i| i.0 == *name) {
                Some((_, value)) => return self.value(value),
                None => None,
            },
            Expr::Set(column) => self.set.iter().find(|s| s.0 == *column).map(|s| s.1.clone()),
            Expr::Special(special) => Some(self.special(*special)?),
            Expr::Is { left, right, not } => {
                let left = self.value(left)?.as_ref().and_then(text);
                Some(Value::Bool(left.is_some_and(|l| same_word(&l, right) && (l.is_empty() == right.is_empty())) != *not))
            }
            Expr::Shift { base, by, back } => return self.shift(base, by, *back),
            Expr::Map { of, pairs, other, warn } => return self.map(of, pairs, other, *warn),
            Expr::Money { of, currency, options } => return self.money(of, currency, options),
            Expr::Number { of, micro, options } => return self.number(of, *micro, options),
            Expr::Date { of, order, zone } => return self.date(of, *order, *zone),
            Expr::Match { of, pattern, group } => {
                let Some(found) = self.text_of(of)? else { return Ok(None) };
                let part = found.and_then(|f| pattern.captures(&f).and_then(|c| c.get(*group)).map(|m| m.as_str().to_string()));
                Some(part.map_or(Value::Null, Value::Text))
            }
            Expr::Object(fields) => Some(self.object(fields)?),
            Expr::Ref { table, of } => self.text_of(of)?.map(|id| id.map_or(Value::Null, |external_id| Value::Ref { table, external_id })),
            Expr::Phone { of, region } => return self.phone(of, *region),
            Expr::Call { function, args } => return self.call(*function, args),
        })
    }
    fn cell(&self, slot: usize) -> Value {
        match self.cells.get(slot).map(|c| c.trim()) {
            None | Some("") => Value::Null,
            Some(cell) if self.mapping.nulls.iter().any(|n| n.eq_ignore_ascii_case(cell)) => Value::Null,
            Some(cell) => Value::Text(cell.into()),
        }
    }
    /// A variable sees neither the list item nor the columns of the place that uses it.
    fn var(&mut self, place: usize) -> Evaluated {
        if let Some(value) = &self.vars[place] {
            return Ok(value.clone());
        }
        let mapping = self.mapping;
        let (items, set) = (std::mem::take(&mut self.items), std::mem::take(&mut self.set));
        let value = self.value(&mapping.vars[place]);
        (self.items, self.set) = (items, set);
        self.vars[place] = Some(value.clone()?);
        value
    }
    fn special(&self, special: Special) -> std::result::Result<Value, Problem> {
        Ok(match special {
            Special::AsOf => Value::Date(self.as_of.ok_or_else(|| Problem::error("no_as_of", "the day of the file is not known"))?),
            Special::RowNo => Value::Int(self.row_no as i64),
            Special::File => Value::Text(self.file.into()),
            Special::SourceSystem => Value::Text(self.mapping.source_system.clone()),
        })
    }
    /// The outer none: no such column; the inner: blank.
    pub(super) fn text_of(&mut self, expr: &'b Expr) -> std::result::Result<Option<Option<String>>, Problem> {
        Ok(self.value(expr)?.map(|v| into_text(v).filter(|t| !t.is_empty())))
    }
    fn shift(&mut self, base: &'b Expr, by: &'b Expr, back: bool) -> Evaluated {
        let Expr::Call { function, args } = by else {
            return Err(Problem::error("invalid_span", "only months(…), days(…) and years(…) can be added or taken"));
        };
        let (Some(base), Some(n)) = (self.value(base)?, self.text_of(&args[0])?) else { return Ok(None) };
        let (Value::Date(day), Some(n)) = (into_day(base)?, n) else { return Ok(Some(Value::Null)) };
        let n: i64 = convert::decimal(&n, None)
            .filter(|d| d.fract().is_zero())
            .and_then(|d| d.to_i64())
            .ok_or_else(|| Problem::error("invalid_number", format!("`{n}` is no whole number")))?;
        let (n, back) = (n.unsigned_abs(), back != (n < 0));
        let months = |m: u64| u32::try_from(m).ok().map(Months::new);
        let moved = match (function, back) {
            (Function::Months, true) => months(n).and_then(|m| day.checked_sub_months(m)),
            (Function::Months, false) => months(n).and_then(|m| day.checked_add_months(m)),
            (Function::Years, true) => months(n * 12).and_then(|m| day.checked_sub_months(m)),
            (Function::Years, false) => months(n * 12).and_then(|m| day.checked_add_months(m)),
            (_, true) => day.checked_sub_days(Days::new(n)),
            (_, false) => day.checked_add_days(Days::new(n)),
        };
        moved.map(|d| Some(Value::Date(d))).ok_or_else(|| Problem::error("invalid_date", "the date is out of all bounds"))
    }
    fn map(&mut self, of: &'b Expr, pairs: &[(String, Option<String>)], other: &Other, warn: bool) -> Evaluated {
        let Some(found) = self.text_of(of)? else { return Ok(None) };
        let word = found.as_deref().unwrap_or_default();
        let as_value = |v: &Option<String>| v.clone().map_or(Value::Null, Value::Text);
        if let Some((_, value)) = pairs.iter().find(|p| p.0 == word || (!word.is_empty() && !p.0.is_empty() && same_word(&p.0, word))) {
            return Ok(Some(as_value(value)));
        }
        let value = match other {
            _ if found.is_none() && !matches!(other, Other::Is(_)) => return Ok(Some(Value::Null)),
            Other::Refuse => {
                let known = pairs.iter().map(|p| p.0.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Problem::error("unknown_value", format!("`{word}` is none of {known}")));
            }
            Other::Keep => Value::Text(word.to_string()),
            Other::Is(value) => as_value(value),
        };
        if warn && found.is_some() {
            self.problems.push(Problem::warning(
                "unknown_value",
                format!("`{word}` is not known; it was taken as {}", text(&value).unwrap_or_else(|| "nothing".into())),
            ));
        }
        Ok(Some(value))
    }
    fn money(&mut self, of: &'b Expr, currency: &'b Expr, options: &Options) -> Evaluated {
        let Some(found) = self.text_of(of)? else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(self.blank(options, "amount"))) };
        let currency = self.value(currency)?.as_ref().and_then(text).unwrap_or_default();
        if !money::known(&currency) {
            return Err(Problem::error("unknown_currency", format!("`{currency}` is no currency")));
        }
        let amount = convert::decimal(&found, options.decimal).ok_or_else(|| Problem::error("invalid_amount", format!("`{found}` is no amount")))?;
        if let Some(minor) = money::minor(amount, &currency) {
            return Ok(Some(Value::Int(minor)));
        }
        let minor =
            money::minor_rounded(amount, &currency).ok_or_else(|| Problem::error("invalid_amount", format!("`{found}` is out of all bounds")))?;
        self.problems.push(Problem::warning(
            "rounded_amount",
            format!("`{found}` is finer than {currency} can be; it was rounded to {}", money::text(minor, &currency)),
        ));
        Ok(Some(Value::Int(minor)))
    }
    fn number(&mut self, of: &'b Expr, micro: bool, options: &Options) -> Evaluated {
        let Some(found) = self.text_of(of)? else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(self.blank(options, "number"))) };
        let wrong = || Problem::error("invalid_number", format!("`{found}` is no {}number", if micro { "" } else { "whole " }));
        let number = convert::decimal(&found, options.decimal).ok_or_else(wrong)?;
        let whole = if micro { money::micro(number) } else { number.fract().is_zero().then(|| number.to_i64()).flatten() };
        whole.map(|n| Some(Value::Int(n))).ok_or_else(wrong)
    }
    fn date(&mut self, of: &'b Expr, order: Order, zone: Option<Tz>) -> Evaluated {
        let Some(found) = self.text_of(of)? else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(Value::Null)) };
        let wrong = || Problem::error("invalid_date", format!("`{found}` is no date"));
        Ok(Some(match zone {
            Some(zone) => Value::Instant(convert::instant(&found, order, Some(zone)).ok_or_else(wrong)?),
            // a time of day is kept where the column has one
            None if found.contains(':') => Value::Instant(convert::instant(&found, order, None).ok_or_else(wrong)?),
            None => Value::Date(convert::date(&found, order).ok_or_else(wrong)?),
        }))
    }
    fn object(&mut self, fields: &'b [(String, Expr)]) -> std::result::Result<Value, Problem> {
        let mut object = serde_json::Map::new();
        for (key, value) in fields {
            if let Some(value) = self.value(value)?.filter(|v| *v != Value::Null) {
                object.insert(key.clone(), json(value));
            }
        }
        Ok(Value::Json(object.into()))
    }
    fn phone(&mut self, of: &'b Expr, region: phonenumber::country::Id) -> Evaluated {
        let Some(found) = self.text_of(of)? else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(Value::Null)) };
        let number = convert::phone(&found, region);
        if number.is_none() {
            self.problems.push(Problem::warning("invalid_phone", format!("`{found}` is no phone number; it was kept as it stands")));
        }
        Ok(Some(Value::Text(number.unwrap_or(found))))
    }
    fn blank(&mut self, options: &Options, what: &str) -> Value {
        if options.warn {
            let taken = options.blank.map_or("nothing".into(), |b| b.to_string());
            self.problems.push(Problem::warning("blank_value", format!("the {what} is blank; it was taken as {taken}")));
        }
        options.blank.map_or(Value::Null, Value::Int)
    }
}
