//! What a source said of a row before, as `row_hash` keeps it.
use crate::exchange::upsert::check::Cell;
use std::{collections::HashMap, fmt::Write};

/// The columns whose value in the source is not what it was.
pub fn changed<'a>(cells: impl Iterator<Item = &'a Cell>, stored: Option<&str>) -> Vec<&'static str> {
    let stored: HashMap<&str, &str> = stored.unwrap_or("").split(' ').filter_map(|c| c.split_once('=')).collect();
    let same = |c: &Cell| stored.get(c.column.name).is_some_and(|s| u32::from_str_radix(s, 16) == Ok(c.hash));
    cells.filter(|c| !same(c)).map(|c| c.column.name).collect()
}
/// The hashes to keep: the new ones over the old.
pub fn merged(cells: &[&Cell], stored: Option<&str>) -> String {
    let old = stored.unwrap_or("").split(' ').filter_map(|c| c.split_once('='));
    let old = old.filter(|o| !cells.iter().any(|c| c.column.name == o.0)).map(|o| (o.0, Err(o.1)));
    let mut all: Vec<(&str, Result<u32, &str>)> = cells.iter().map(|c| (c.column.name, Ok(c.hash))).chain(old).collect();
    all.sort_unstable_by_key(|c| c.0);
    let mut text = String::with_capacity(all.len() * 24);
    for (i, (name, hash)) in all.into_iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        let _ = match hash {
            Ok(new) => write!(text, "{space}{name}={new:08x}"),
            Err(old) => write!(text, "{space}{name}={old}"),
        };
    }
    text
}
