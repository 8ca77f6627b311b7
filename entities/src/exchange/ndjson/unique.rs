//! What the rows of a chunk must not have in common with others: numbers, and ancestors that are their own descendants.
//! The database would refuse the whole chunk.
use super::{
    here::values,
    rows::{Draft, value_of},
};
use crate::{
    Result, Write,
    bulk::{Change, plain, select_in},
    exchange::{
        record::Problem,
        table::{ColumnKind, Table},
    },
};
use sea_orm::{QueryResult, prelude::Uuid};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A unique key of a table and its values.
type Natural = (usize, Vec<String>);

/// The drafts that can be written together, and the others with the reason. Rows that let go of a number which another
/// of them takes have let go of it.
pub async fn settle(w: &Write, table: &'static Table, mut drafts: Vec<Draft>) -> Result<(Vec<Draft>, Vec<(Draft, Problem)>)> {
    let holders = holders(w, table, &drafts).await?;
    let above = if table.name == "customers" { above(w, table, &drafts).await? } else { HashMap::new() };
    let mut refused = vec![];
    loop {
        let mut wrong = taken(table, &holders, &drafts);
        if wrong.is_empty() && table.name == "customers" {
            wrong.extend(circle(table, &above, &drafts));
        }
        if wrong.is_empty() {
            break;
        }
        // what is refused keeps its old number and parent: the rest is looked at again
        for (i, problem) in wrong.into_iter().rev() {
            refused.push((drafts.remove(i), problem));
        }
    }
    make_room(w, table, &holders, &drafts).await?;
    Ok((drafts, refused))
}

/// The unique keys beside the one that a row is known by.
fn keys(table: &'static Table) -> impl Iterator<Item = (usize, &'static Vec<&'static str>)> {
    table.unique.iter().enumerate().skip(usize::from(!table.has_source))
}
fn naturals(table: &'static Table, draft: &Draft) -> Vec<Natural> {
    let text = |column: &&str| plain(value_of(table, draft, column)?).ok().flatten().map(|t| t.into_owned());
    keys(table).filter_map(|(i, key)| Some((i, key.iter().map(text).collect::<Option<Vec<_>>>()?))).collect()
}
/// Who has these numbers now.
async fn holders(w: &Write, table: &'static Table, drafts: &[Draft]) -> Result<HashMap<Natural, Uuid>> {
    let mut holders = HashMap::new();
    for (i, key) in keys(table) {
        let firsts: BTreeSet<_> = drafts.iter().filter_map(|d| Some(plain(value_of(table, d, key[0])?).ok()??.into_owned())).collect();
        let firsts = firsts.into_iter().map(|t| if is_id(table, key[0]) { t.parse::<Uuid>().ok().into() } else { t.into() });
        let list: Vec<String> = key.iter().map(|k| if is_id(table, k) { k.to_string() } else { format!("cast({k} as text)") }).collect();
        let sql = format!("select id, {} from {} where {} in", list.join(", "), table.name, key[0]);
        for row in select_in(w.tx(), &sql, &[], firsts.collect()).await? {
            let texts: Option<Vec<String>> = key.iter().zip(1..).map(|(k, n)| text(&row, is_id(table, k), n)).collect::<Result<_>>()?;
            if let Some(texts) = texts {
                holders.insert((i, texts), row.try_get_by_index(0)?);
            }
        }
    }
    Ok(holders)
}
fn is_id(table: &Table, column: &str) -> bool {
    table.column(column).is_some_and(|c| c.kind == ColumnKind::Uuid)
}
fn text(row: &QueryResult, is_id: bool, n: usize) -> Result<Option<String>> {
    Ok(if is_id { row.try_get_by_index::<Option<Uuid>>(n)?.map(|u| u.to_string()) } else { row.try_get_by_index(n)? })
}

/// The places of the drafts whose number another row has.
fn taken(table: &'static Table, holders: &HashMap<Natural, Uuid>, drafts: &[Draft]) -> Vec<(usize, Problem)> {
    let wanted: Vec<Vec<Natural>> = drafts.iter().map(|d| naturals(table, d)).collect();
    let kept: HashSet<(Uuid, &Natural)> = drafts.iter().zip(&wanted).flat_map(|(d, n)| n.iter().map(|n| (d.id, n))).collect();
    let rewritten: HashSet<Uuid> = drafts.iter().map(|d| d.id).collect();
    let (mut claims, mut wrong) = (HashMap::<&Natural, Uuid>::new(), vec![]);
    for (place, (draft, wanted)) in drafts.iter().zip(&wanted).enumerate() {
        let other = |n: &&Natural| {
            let holder = holders.get(n).filter(|h| !rewritten.contains(h) || kept.contains(&(**h, n)));
            holder.or_else(|| claims.get(n)).is_some_and(|h| *h != draft.id)
        };
        match wanted.iter().find(other) {
            Some((i, values)) => {
                wrong.push((place, Problem::taken(table, &table.unique[*i], values)));
            }
            None => claims.extend(wanted.iter().map(|n| (n, draft.id))),
        }
    }
    wrong
}

/// Rows that pass a number of theirs on to one another first let go of it.
async fn make_room(w: &Write, table: &'static Table, holders: &HashMap<Natural, Uuid>, drafts: &[Draft]) -> Result<()> {
    let mut rows: HashMap<&'static str, Vec<Vec<sea_orm::Value>>> = HashMap::new();
    for draft in drafts {
        for natural in naturals(table, draft) {
            let Some(holder) = holders.get(&natural).filter(|h| **h != draft.id) else { continue };
            let key = &table.unique[natural.0];
            let number = key.iter().position(|k| table.column(k).is_some_and(|c| c.kind == ColumnKind::Int));
            let free: sea_orm::Value = match number {
                Some(n) => (-1 - natural.1[n].parse::<i64>().unwrap_or_default()).into(),
                None => holder.to_string().into(),
            };
            rows.entry(key[number.unwrap_or(0)]).or_default().push(vec![(*holder).into(), free]);
        }
    }
    for (column, rows) in rows {
        Change { table: table.name, columns: vec!["id", column], rows, same: vec![], only: vec![] }.apply(w.tx()).await?;
    }
    Ok(())
}

/// The parent of each customer above those that the drafts stand below.
async fn above(w: &Write, table: &'static Table, drafts: &[Draft]) -> Result<HashMap<Uuid, Uuid>> {
    let parents: BTreeSet<Uuid> = drafts.iter().filter_map(|d| parent(table, d)).collect();
    let sql = "select descendant_id, depth, ancestor_id from customer_closure where descendant_id in";
    let mut lines: HashMap<Uuid, Vec<(i32, Uuid)>> = HashMap::new();
    for row in select_in(w.tx(), sql, &[], values(parents)).await? {
        lines.entry(row.try_get_by_index(0)?).or_default().push((row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    let mut above = HashMap::new();
    for line in lines.values_mut() {
        line.sort_unstable();
        above.extend(line.windows(2).map(|pair| (pair[0].1, pair[1].1)));
    }
    Ok(above)
}
fn parent(table: &'static Table, draft: &Draft) -> Option<Uuid> {
    match value_of(table, draft, "parent_id") {
        Some(sea_orm::Value::Uuid(id)) => *id,
        _ => None,
    }
}
/// The last draft that would be its own ancestor. A reference that is left open leaves the parent as it is.
fn circle(table: &'static Table, above: &HashMap<Uuid, Uuid>, drafts: &[Draft]) -> Option<(usize, Problem)> {
    let set: HashMap<Uuid, Option<Uuid>> = drafts.iter().filter(|d| !d.is_open("parent_id")).map(|d| (d.id, parent(table, d))).collect();
    let next = |id: Uuid| set.get(&id).copied().unwrap_or_else(|| above.get(&id).copied());
    let closes = |draft: &Draft| {
        let (mut at, mut steps) = (next(draft.id), 0);
        while let Some(ancestor) = at.filter(|a| *a != draft.id) {
            (at, steps) = (next(ancestor), steps + 1);
            if steps > above.len() + drafts.len() {
                return false; // the circle is of others above it
            }
        }
        at.is_some()
    };
    let place = drafts.iter().rposition(closes)?;
    Some((place, Problem::cycle(drafts[place].name())))
}
