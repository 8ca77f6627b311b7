//! A row of a file as rows of tables.
use super::{
    Mapping, Section, convert,
    expression::{Expr, Function, Options, Other, Special, suggest},
};
use crate::{
    Error, Result,
    exchange::{
        record::{Mapped, Problem, Record, Severity, Value},
        sheet::{Row, decoded},
        table::{Column, ColumnKind},
    },
    model::same_word,
    money,
};
use chrono::{Days, Months, NaiveDate};
use rust_decimal::prelude::ToPrimitive;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, ops::Deref};

/// The longest raw text that is kept of a row.
const LONGEST_RAW: usize = 4096;

/// A mapping bound to the columns of one file.
pub struct Bound<M> {
    mapping: M,
    /// For each name of the mapping, the place of its column.
    slots: Vec<Option<usize>>,
    width: usize,
    as_of: Option<NaiveDate>,
    file: String,
    /// How often a row with this hash came so far; counted only where the mapping asks for it.
    equal: Option<HashMap<u64, u32>>,
}

/// Something that the source says and no table holds yet: its name, and the amount where it is money.
#[derive(Clone, Debug, PartialEq)]
pub struct Deferred {
    pub name: String,
    pub amount: Option<(i64, String)>,
}

impl<M: Deref<Target = Mapping>> Bound<M> {
    /// Finds the mapping's columns in the header. A column that is missing and not optional makes the file unreadable.
    pub fn new(mapping: M, header: &[String], as_of: Option<NaiveDate>, file: &str) -> Result<Self> {
        let mut missing = vec![];
        let mut slots = vec![];
        for name in &mapping.names.columns {
            let slot = name.aliases.iter().find_map(|a| header.iter().position(|h| h == a).or_else(|| header.iter().position(|h| same_word(h, a))));
            if slot.is_none() && !name.optional {
                missing.push(format!("`{}`{}", name.aliases.join("|"), suggest(&name.aliases[0], header.iter().map(String::as_str))));
            }
            slots.push(slot);
        }
        if !missing.is_empty() {
            let has = header.iter().take(60).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid(format!(
                "{file} does not fit the mapping {}: it has no column {}. It has: {has}",
                mapping.name,
                missing.join(", nor ")
            )));
        }
        let numbered = mapping.names.row_hash;
        Ok(Bound { mapping, slots, width: header.len(), as_of, file: file.into(), equal: numbered.then(HashMap::new) })
    }
    /// How many columns of the file the mapping speaks of.
    pub fn fit(&self) -> usize {
        self.slots.iter().flatten().collect::<std::collections::BTreeSet<_>>().len()
    }
    pub fn map(&mut self, row_no: u64, row: Row) -> (Mapped, Vec<Deferred>) {
        let raw = shortened(decoded(&row.raw, self.mapping.layout.encoding));
        let mut mapped = Mapped { row_no, raw, ..Mapped::default() };
        if let Some(problem) = self.misshapen(&row) {
            mapped.problems.push(problem);
            return (mapped, vec![]);
        }
        let ordinal = self.ordinal(&row);
        let mapping: &Mapping = &self.mapping;
        let mut work = Work {
            mapping,
            slots: &self.slots,
            as_of: self.as_of,
            file: &self.file,
            cells: &row.cells,
            ordinal,
            row_no,
            vars: vec![],
            items: &[],
            set: vec![],
            problems: vec![],
        };
        work.vars.resize_with(mapping.vars.len(), || None);
        let mut records = vec![];
        for section in &mapping.sections {
            for items in &section.each {
                work.items = items;
                records.extend(work.record(section));
            }
        }
        work.items = &[];
        let deferred = mapping.later.iter().filter_map(|l| work.deferred(&l.name, &l.value)).collect();
        for problem in work.problems {
            if !mapped.problems.contains(&problem) {
                mapped.problems.push(problem);
            }
        }
        if mapped.problems.iter().any(|p| p.severity == Severity::Error) {
            return (mapped, vec![]);
        }
        mapped.records = records;
        (mapped, deferred)
    }
    fn misshapen(&self, row: &Row) -> Option<Problem> {
        if row.broken {
            return Some(Problem::error("unclosed_quote", "a quote is opened and never closed; the line was left out"));
        }
        let (is, should) = (row.cells.len(), self.width);
        let blank_tail = is > should && row.cells[should..].iter().all(String::is_empty);
        let odd = is != should && !blank_tail;
        odd.then(|| {
            Problem::error(
                "wrong_number_of_cells",
                format!("the row has {is} cells where the header has {should}: is a delimiter missing or too many?"),
            )
        })
    }
    fn ordinal(&mut self, row: &Row) -> u32 {
        let Some(equal) = &mut self.equal else { return 1 };
        let hash = hashed(row.cells.iter().map(String::as_str));
        let n = equal.entry(u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])).or_insert(0);
        *n += 1;
        *n
    }
}

fn shortened(mut raw: String) -> String {
    if raw.len() > LONGEST_RAW {
        let end = (0..=LONGEST_RAW - 3).rev().find(|i| raw.is_char_boundary(*i)).unwrap_or(0);
        raw.truncate(end);
        raw.push('…');
    }
    raw
}
fn hashed<'a>(parts: impl Iterator<Item = &'a str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}
fn hex(hash: &[u8]) -> String {
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

/// The work on one row. A value is none where the file has no such column: the row then does not speak of it.
struct Work<'b> {
    mapping: &'b Mapping,
    slots: &'b [Option<usize>],
    as_of: Option<NaiveDate>,
    file: &'b str,
    cells: &'b [String],
    ordinal: u32,
    row_no: u64,
    vars: Vec<Option<Option<Value>>>,
    items: &'b [(String, Expr)],
    set: Vec<(&'static str, Value)>,
    problems: Vec<Problem>,
}
type Evaluated = std::result::Result<Option<Value>, Problem>;

impl<'b> Work<'b> {
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
        let Some(external_id) = id.as_ref().and_then(text).filter(|t| !t.is_empty()) else {
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
    fn deferred(&mut self, name: &str, value: &'b Expr) -> Option<Deferred> {
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
    fn value(&mut self, expr: &'b Expr) -> Evaluated {
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
            Expr::Date { of, order, zone } => {
                let Some(found) = self.text_of(of)? else { return Ok(None) };
                let Some(found) = found else { return Ok(Some(Value::Null)) };
                let wrong = || Problem::error("invalid_date", format!("`{found}` is no date"));
                match zone {
                    Some(zone) => Some(Value::Instant(convert::instant(&found, *order, Some(*zone)).ok_or_else(wrong)?)),
                    // a time of day is kept where the column has one
                    None if found.contains(':') => Some(Value::Instant(convert::instant(&found, *order, None).ok_or_else(wrong)?)),
                    None => Some(Value::Date(convert::date(&found, *order).ok_or_else(wrong)?)),
                }
            }
            Expr::Match { of, pattern, group } => {
                let Some(found) = self.text_of(of)? else { return Ok(None) };
                let part = found.and_then(|f| pattern.captures(&f).and_then(|c| c.get(*group)).map(|m| m.as_str().to_string()));
                Some(part.map_or(Value::Null, Value::Text))
            }
            Expr::Object(fields) => {
                let mut object = serde_json::Map::new();
                for (key, value) in fields {
                    if let Some(value) = self.value(value)?.filter(|v| *v != Value::Null) {
                        object.insert(key.clone(), json(value));
                    }
                }
                Some(Value::Json(object.into()))
            }
            Expr::Ref { table, of } => self.text_of(of)?.map(|id| id.map_or(Value::Null, |external_id| Value::Ref { table, external_id })),
            Expr::Phone { of, region } => {
                let Some(found) = self.text_of(of)? else { return Ok(None) };
                let Some(found) = found else { return Ok(Some(Value::Null)) };
                let number = convert::phone(&found, *region);
                if number.is_none() {
                    self.problems.push(Problem::warning("invalid_phone", format!("`{found}` is no phone number; it was kept as it stands")));
                }
                Some(Value::Text(number.unwrap_or(found)))
            }
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
    fn text_of(&mut self, expr: &'b Expr) -> std::result::Result<Option<Option<String>>, Problem> {
        Ok(self.value(expr)?.map(|v| text(&v).filter(|t| !t.is_empty())))
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
        let word = found.clone().unwrap_or_default();
        let as_value = |v: &Option<String>| v.clone().map_or(Value::Null, Value::Text);
        if let Some((_, value)) = pairs.iter().find(|p| p.0 == word || (!word.is_empty() && !p.0.is_empty() && same_word(&p.0, &word))) {
            return Ok(Some(as_value(value)));
        }
        let value = match other {
            _ if found.is_none() && !matches!(other, Other::Is(_)) => return Ok(Some(Value::Null)),
            Other::Refuse => {
                let known = pairs.iter().map(|p| p.0.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Problem::error("unknown_value", format!("`{word}` is none of {known}")));
            }
            Other::Keep => Value::Text(word.clone()),
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
    fn blank(&mut self, options: &Options, what: &str) -> Value {
        if options.warn {
            let taken = options.blank.map_or("nothing".into(), |b| b.to_string());
            self.problems.push(Problem::warning("blank_value", format!("the {what} is blank; it was taken as {taken}")));
        }
        options.blank.map_or(Value::Null, Value::Int)
    }
    fn call(&mut self, function: Function, args: &'b [Expr]) -> Evaluated {
        let of_first = |me: &mut Self, f: fn(&str) -> String| Ok(me.text_of(&args[0])?.map(|t| t.map_or(Value::Null, |t| Value::Text(f(&t)))));
        Ok(match function {
            Function::Lower => return of_first(self, |t| t.to_lowercase()),
            Function::Upper => return of_first(self, |t| t.to_uppercase()),
            Function::Title => return of_first(self, title),
            Function::HashRow => Some(Value::Text(self.hash_row())),
            Function::Bool => {
                let Some(found) = self.text_of(&args[0])? else { return Ok(None) };
                Some(match found {
                    None => Value::Null,
                    Some(t) => Value::Bool(convert::truth(&t).ok_or_else(|| Problem::error("invalid_bool", format!("`{t}` is neither yes nor no")))?),
                })
            }
            Function::Default => {
                let mut last = None;
                for arg in args {
                    last = self.value(arg)?.or(last);
                    if last.as_ref().is_some_and(|v| *v != Value::Null) {
                        break;
                    }
                }
                last
            }
            Function::If => {
                if self.value(&args[0])?.as_ref().is_some_and(is_true) {
                    return self.value(&args[1]);
                }
                match args.get(2) {
                    Some(otherwise) => return self.value(otherwise),
                    None => Some(Value::Null),
                }
            }
            Function::Concat => {
                let mut whole = String::new();
                for arg in args {
                    match self.text_of(arg)? {
                        None => return Ok(None),
                        Some(None) => return Ok(Some(Value::Null)),
                        Some(Some(part)) => whole.push_str(&part),
                    }
                }
                Some(Value::Text(whole))
            }
            Function::List => {
                let mut list = vec![];
                for arg in args {
                    list.extend(self.value(arg)?.filter(|v| *v != Value::Null).map(json));
                }
                Some(Value::Json(list.into()))
            }
            Function::Hash => {
                let parts =
                    args.iter().map(|a| Ok(self.text_of(a)?.flatten().unwrap_or_default())).collect::<std::result::Result<Vec<_>, Problem>>()?;
                Some(Value::Text(hex(&hashed(parts.iter().map(String::as_str))[..16])))
            }
            Function::And => {
                for arg in args {
                    if !self.value(arg)?.as_ref().is_some_and(is_true) {
                        return Ok(Some(Value::Bool(false)));
                    }
                }
                Some(Value::Bool(true))
            }
            Function::Or => {
                for arg in args {
                    if self.value(arg)?.as_ref().is_some_and(is_true) {
                        return Ok(Some(Value::Bool(true)));
                    }
                }
                Some(Value::Bool(false))
            }
            Function::Not => Some(Value::Bool(!self.value(&args[0])?.as_ref().is_some_and(is_true))),
            Function::Blank => Some(Value::Bool(self.text_of(&args[0])?.flatten().is_none())),
            Function::Left => {
                let most = match self.value(&args[1])? {
                    Some(Value::Int(n)) if n > 0 => n as usize,
                    _ => 120,
                };
                self.text_of(&args[0])?.map(|t| t.map_or(Value::Null, |t| Value::Text(left(&t, most))))
            }
            Function::Email => {
                let Some(found) = self.text_of(&args[0])? else { return Ok(None) };
                let Some(found) = found else { return Ok(Some(Value::Null)) };
                let mail = convert::email(&found);
                if mail.is_none() {
                    self.problems.push(Problem::warning("invalid_email", format!("`{found}` is no mail address; it was kept as it stands")));
                }
                Some(Value::Text(mail.unwrap_or_else(|| found.to_lowercase())))
            }
            Function::Months | Function::Days | Function::Years => {
                return Err(Problem::error("invalid_span", "a span can only be added to a date or taken from it"));
            }
        })
    }
    fn hash_row(&self) -> String {
        let hash = hex(&hashed(self.cells.iter().map(String::as_str))[..16]);
        if self.ordinal > 1 { format!("{hash}-{}", self.ordinal) } else { hash }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::Null => false,
        other => text(other).is_some_and(|t| convert::truth(&t).unwrap_or(!t.is_empty())),
    }
}
/// A value as text; none where it is null.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Instant(at) => at.to_rfc3339(),
        Value::Json(json) => json.to_string(),
        Value::Ref { external_id, .. } => external_id.clone(),
    })
}
fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Int(n) => n.into(),
        Value::Bool(b) => b.into(),
        Value::Json(json) => json,
        other => text(&other).into(),
    }
}
fn into_day(value: Value) -> std::result::Result<Value, Problem> {
    Ok(match value {
        Value::Instant(at) => Value::Date(at.date_naive()),
        Value::Text(text) => Value::Date(
            convert::date(&text, super::expression::Order::Dmy).ok_or_else(|| Problem::error("invalid_date", format!("`{text}` is no date")))?,
        ),
        other => other,
    })
}
fn title(text: &str) -> String {
    let mut start = true;
    text.chars()
        .flat_map(|c| {
            let out: Vec<char> = if start { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
            start = !c.is_alphabetic() && c != '\'';
            out
        })
        .collect()
}
/// At most so many letters, cut between words where that loses little.
fn left(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most - 1).collect();
    let end = cut.rfind(' ').filter(|i| *i > cut.len() / 2).unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

/// A value as the column wants it.
fn into_column(value: Value, column: &Column) -> std::result::Result<Value, Problem> {
    let wrong = |code: &'static str, text: &str, what: &str| Err(Problem::error(code, format!("{}: `{text}` is no {what}", column.name)));
    let order = super::expression::Order::Dmy;
    Ok(match (column.kind, value) {
        (_, Value::Null) => Value::Null,
        (ColumnKind::Uuid, Value::Text(external_id)) => match column.references {
            Some(table) => Value::Ref { table, external_id },
            None => return wrong("invalid_value", &external_id, "id"),
        },
        (ColumnKind::Int, Value::Text(t)) => match convert::decimal(&t, None).filter(|d| d.fract().is_zero()).and_then(|d| d.to_i64()) {
            Some(n) => Value::Int(n),
            None => return wrong("invalid_number", &t, "whole number"),
        },
        (ColumnKind::Bool, Value::Text(t)) => match convert::truth(&t) {
            Some(b) => Value::Bool(b),
            None => return wrong("invalid_bool", &t, "yes or no"),
        },
        (ColumnKind::Date, Value::Text(t)) => match convert::date(&t, order) {
            Some(day) => Value::Date(day),
            None => return wrong("invalid_date", &t, "date"),
        },
        (ColumnKind::Date, Value::Instant(at)) => Value::Date(at.date_naive()),
        (ColumnKind::Instant, Value::Text(t)) => match convert::instant(&t, order, None) {
            Some(at) => Value::Instant(at),
            None => return wrong("invalid_date", &t, "instant"),
        },
        (ColumnKind::Instant, Value::Date(day)) => Value::Instant(day.and_time(chrono::NaiveTime::MIN).and_utc()),
        (ColumnKind::Json, Value::Json(json)) => Value::Json(json),
        (ColumnKind::Json, other) => Value::Json(json(other)),
        (ColumnKind::Text | ColumnKind::Currency, other) => Value::Text(text(&other).unwrap_or_default()),
        (_, other) => other,
    })
}
