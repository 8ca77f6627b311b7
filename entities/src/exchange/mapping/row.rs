//! A row of a file as rows of tables.

/// What an expression is in one row.
mod evaluate;
/// The functions that an expression calls.
mod function;
/// Values as the place wants them where they go.
mod value;

use super::{Mapping, expression::suggest};
use crate::{
    Error, Result,
    exchange::{
        record::{Mapped, Problem, Severity},
        sheet::{Row, decoded},
    },
    model::same_word,
};
use chrono::NaiveDate;
use evaluate::Work;
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
    equal: Equal,
}

/// How often each row came so far, by its hash: of those that are known by nothing else, and no others, as it is all that
/// an import remembers of each row.
type Equal = HashMap<u64, u32>;

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
        Ok(Bound { mapping, slots, width: header.len(), as_of, file: file.into(), equal: Equal::new() })
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
        let mapping: &Mapping = &self.mapping;
        let mut work = Work::new(mapping, &self.slots, self.as_of, &self.file, &row.cells, &mut self.equal, row_no);
        let records = work.records();
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

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn equal_rows_are_numbered_and_rows_with_an_id_are_not_remembered() {
        let text = "source_system = 'x'\n[vars]\nid = 'default(No?, hash(*))'\n[regions]\nexternal_id = 'id'\nset = { code = 'hash(*)', name = 'Name', kind = 'const(country)' }";
        let mapping = Mapping::parse("test", text).unwrap_or_else(|e| panic!("{e}"));
        let mut bound = Bound::new(&mapping, &["No".into(), "Name".into()], None, "file").unwrap_or_else(|e| panic!("{e}"));
        let mut ids = |cells: [&str; 2]| {
            let row = Row { cells: cells.map(Into::into).into(), ..Row::default() };
            let (mapped, _) = bound.map(1, row);
            (mapped.records[0].external_id.clone(), bound.equal.len())
        };
        let (first, again, other) = (ids(["", "North"]), ids(["", "North"]), ids(["", "South"]));
        assert_eq!(again, (format!("{}-2", first.0), 1));
        assert!(!other.0.ends_with("-2") && other.0 != first.0);
        assert_eq!(ids(["7", "North"]).0, "7");
    }
    #[test]
    fn a_file_with_ids_leaves_nothing_behind() {
        let text =
            "source_system = 'x'\n[regions]\nexternal_id = 'default(No?, hash(*))'\nset = { code = 'No', name = 'Name', kind = 'const(country)' }";
        let mapping = Mapping::parse("test", text).unwrap_or_else(|e| panic!("{e}"));
        let mut bound = Bound::new(&mapping, &["No".into(), "Name".into()], None, "file").unwrap_or_else(|e| panic!("{e}"));
        (1..100).for_each(|n| _ = bound.map(n, Row { cells: vec![n.to_string(), "North".into()], ..Row::default() }));
        assert!(bound.equal.is_empty());
    }
}
