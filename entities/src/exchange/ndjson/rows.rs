//! A table's share of a chunk: what is known of its rows is read, every line is decided in memory, all is written
//! with statements of many rows.
use super::{
    Chunk, Wait,
    here::{Here, Ids, id_of},
    lines::{Entry, Line},
    unique,
    value::typed,
};
use crate::{
    Result, Write,
    bulk::{self, Change},
    exchange::{
        export::{
            Shape,
            line::{columns, place},
        },
        record::Problem,
        table::{self, Column, Table},
        upsert::{closure, key_of, relations, resold},
    },
    outbox::change::Operation,
};
use chrono::{DateTime, Utc};
use sea_orm::{Value, prelude::Uuid};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longer keys have no room in an index.
const LONGEST_KEY: usize = 500;

/// A row as it will be written.
pub struct Draft {
    entry: Entry,
    pub id: Uuid,
    is_new: bool,
    /// Whether a customer gets another parent.
    moves: bool,
    /// In the order of the table's columns.
    values: Vec<Value>,
    open: Vec<Open>,
    /// Customer and partner.
    owner: (Option<Uuid>, Option<Uuid>),
}
/// A reference to a row that is not here.
struct Open {
    column: &'static str,
    to: &'static Table,
    key: String,
}
impl Draft {
    pub fn is_open(&self, column: &str) -> bool {
        self.open.iter().any(|o| o.column == column)
    }
    /// As its source calls it.
    pub fn name(&self) -> &str {
        self.entry.line.get("external_id").and_then(Json::as_str).unwrap_or_default()
    }
}
/// What a draft says of a column.
pub fn value_of<'a>(table: &'static Table, draft: &'a Draft, column: &str) -> Option<&'a Value> {
    draft.values.get(columns(table).position(|c| c.name == column)?)
}

pub async fn take(chunk: &mut Chunk<'_>, shape: &Shape, table: &'static Table, entries: Vec<Entry>) -> Result<()> {
    let mut here = Here::load(chunk.w, chunk.id, shape, table, &entries).await?;
    let mut met: HashMap<String, Line> = HashMap::new();
    let mut drafts = vec![];
    for entry in entries {
        let Some(own) = place(table, &entry.line).filter(|k| k.len() <= LONGEST_KEY) else {
            chunk.reject(&entry, Problem::error("missing_id", "The line does not say which row it is, or its key is too long."));
            continue;
        };
        if !repeated(chunk, table, &entry, &own, &here, &met) {
            let (no, line, refused) = (entry.no, entry.line.clone(), chunk.taken.rows.rejected);
            drafts.extend(draft(chunk, table, entry, own.clone(), &mut here));
            // of a row that is not taken the next line may be right
            if chunk.taken.rows.rejected == refused && chunk.waiting.get(&no) != Some(&Wait::Lacks) {
                met.insert(own, line);
            }
        }
    }
    let (drafts, refused) = unique::settle(chunk.w, table, drafts).await?;
    refused.into_iter().for_each(|(draft, problem)| chunk.postpone(&draft.entry, problem));
    write(chunk, table, drafts).await
}

/// Whether the row stands in the file already; then the line is told of.
fn repeated(chunk: &mut Chunk<'_>, table: &'static Table, entry: &Entry, own: &str, here: &Here, met: &HashMap<String, Line>) -> bool {
    let id = here.known.get(&(table.name, own.to_string()));
    let met_before = chunk.seen.contains(&key_of(table.name, own)) || id.is_some_and(|id| here.written.contains(id));
    let first = met.get(own).or_else(|| id.and_then(|id| here.lines.get(id)).filter(|_| met_before));
    let in_chunk = met.contains_key(own);
    let own_turn = matches!(entry.before, Some(Wait::Open | Wait::Counted));
    match first.filter(|_| !own_turn) {
        None => return false,
        // what the row in the database points to may not be here yet
        Some(first)
            if same(first, &entry.line, |c| !in_chunk && !first.contains_key(c) && table.column(c).is_some_and(|c| c.references.is_some())) =>
        {
            chunk.count(entry, table.name, |c| &mut c.unchanged)
        }
        Some(_) => chunk
            .reject(entry, Problem::error("duplicate_id", "The row stands more than once in the file with different values; the first was taken.")),
    }
    true
}

/// What is to be written of a line; none where nothing is, and the line is told of.
fn draft(chunk: &mut Chunk<'_>, table: &'static Table, mut entry: Entry, own: String, here: &mut Here) -> Option<Draft> {
    let key = key_of(table.name, &own);
    let there = here.known.get(&(table.name, own)).copied();
    let told = there.and_then(|id| here.lines.get(&id));
    if let Some(born) = told.and_then(|t| t.get("created_at")) {
        entry.line.entry("created_at").or_insert_with(|| born.clone());
    }
    let (values, open, owner) = match values(table, &entry.line, &here.known, chunk.w.at()) {
        Ok(found) => found,
        Err(Fault::Wrong(problem)) => {
            chunk.reject(&entry, problem);
            return None;
        }
        Err(Fault::Lacks(problem)) => {
            chunk.postpone(&entry, problem);
            return None;
        }
    };
    if !table.has_source || told.is_some_and(|t| same(t, &entry.line, |c| open.iter().any(|o| o.column == c))) {
        chunk.seen.insert(key);
    }
    if told.is_some_and(|t| same(t, &entry.line, |c| open.iter().any(|o| o.column == c))) {
        unchanged(chunk, table, &entry, &open);
        return None;
    }
    let moves = told.is_some_and(|t| t.get("parent_id") != entry.line.get("parent_id")) && !open.iter().any(|o| o.column == "parent_id");
    let id = there.or_else(|| id_of(&entry.line).filter(|id| here.free.remove(id))).unwrap_or_else(|| crate::id::at(chunk.w.at()));
    let owner = if table.name == "customers" { (Some(id), None) } else { owner };
    Some(Draft { entry, id, is_new: there.is_none(), moves, values, open, owner })
}
/// The row is here and the same; what its line points to may still come.
fn unchanged(chunk: &mut Chunk<'_>, table: &'static Table, entry: &Entry, open: &[Open]) {
    if open.is_empty() || chunk.last {
        chunk.count(entry, table.name, |c| &mut c.unchanged);
        unmatched(chunk, entry, open);
    } else {
        chunk.waiting.insert(entry.no, entry.before.filter(|b| *b == Wait::Counted).unwrap_or(Wait::Open));
    }
}
/// References that nothing in the file fills.
fn unmatched(chunk: &mut Chunk<'_>, entry: &Entry, open: &[Open]) {
    if !open.is_empty() {
        let names: Vec<String> = open.iter().map(|o| format!("{} names a row of {} that is not here", o.column, o.to.name)).collect();
        chunk.warn(entry, Problem::warning("unmatched", format!("{}; the row was taken without it.", names.join(", "))));
    }
}
/// Whether a row says what the line says but for open references. Its id is its own, and how it is kept is no part of it.
fn same(there: &Line, line: &Line, open: impl Fn(&str) -> bool) -> bool {
    let told = |l: &Line| -> BTreeMap<String, Json> {
        let own = |k: &str| k == "id" || k == "type" || open(k);
        l.iter().filter(|(k, v)| !own(k) && !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    told(there) == told(line)
}

enum Fault {
    Wrong(Problem),
    /// A row that has to be here first.
    Lacks(Problem),
}
type Values = (Vec<Value>, Vec<Open>, (Option<Uuid>, Option<Uuid>));
/// The values in the order of the table's columns, the references that stay open, and whose the row is.
fn values(table: &'static Table, line: &Line, known: &Ids, at: DateTime<Utc>) -> Result<Values, Fault> {
    let (mut values, mut open, mut owner) = (vec![], vec![], (None, None));
    for column in columns(table) {
        let said = line.get(column.name).filter(|v| !v.is_null());
        if said.is_none() && !column.nullable && column.name != "created_at" {
            return Err(Fault::Wrong(Problem::error("missing_value", format!("{} is missing.", column.name))));
        }
        let Some(to) = column.references.and_then(table::table) else {
            values.push(plain(table, column, said, at).map_err(Fault::Wrong)?);
            continue;
        };
        let key = match said.map(|s| s.as_object().and_then(|o| place(to, o))) {
            Some(None) => return Err(Fault::Wrong(Problem::error("wrong_reference", format!("{} does not name a row.", column.name)))),
            named => named.flatten(),
        };
        let found = key.as_ref().and_then(|k| known.get(&(to.name, k.clone()))).copied();
        match (key, found) {
            (Some(_), None) if !column.nullable => {
                return Err(Fault::Lacks(Problem::error("missing_parent", format!("{} names a row of {} that is not here.", column.name, to.name))));
            }
            (Some(key), None) => open.push(Open { column: column.name, to, key }),
            _ => {}
        }
        match column.name {
            "customer_id" => owner.0 = found,
            "partner_id" => owner.1 = found,
            _ => {}
        }
        values.push(found.into());
    }
    Ok((values, open, owner))
}
fn plain(table: &Table, column: &'static Column, said: Option<&Json>, at: DateTime<Utc>) -> Result<Value, Problem> {
    if said.is_none() && column.name == "created_at" {
        return Ok(at.into());
    }
    // what no index has to hold, the hub may have written itself, however long
    if let Some(text) = said.and_then(Json::as_str).filter(|text| column.indexed && text.len() > column.longest()) {
        let (long, most) = (text.len(), column.longest());
        return Err(Problem::error("too_long", format!("{}.{}: {long} bytes are more than {most}", table.name, column.name)));
    }
    typed(column, said).ok_or_else(|| Problem::error("wrong_type", format!("{} cannot be {}.", column.name, said.unwrap_or(&Json::Null))))
}

async fn write(chunk: &mut Chunk<'_>, table: &'static Table, mut drafts: Vec<Draft>) -> Result<()> {
    for draft in &drafts {
        let operation = if draft.is_new { Operation::Insert } else { Operation::Update };
        chunk.count(&draft.entry, table.name, if draft.is_new { |c| &mut c.inserted } else { |c| &mut c.updated });
        if let Some(kind) = table.kind {
            chunk.w.changed(operation, kind, draft.id, draft.owner.0, draft.owner.1);
        }
    }
    let resells = table.name == "partner_customers";
    let ids = |of: fn(&Draft) -> bool| drafts.iter().filter(|d| of(d)).map(|d| d.id).collect::<Vec<Uuid>>();
    let (all, new, moved) = (ids(|_| true), ids(|d| d.is_new), ids(|d| d.moves));
    let left = if resells { relations(chunk.w.tx(), &all).await? } else { BTreeSet::new() };
    insert(chunk.w, chunk.id, table, &drafts).await?;
    update(chunk.w, chunk.id, table, &drafts).await?;
    match table.name {
        // with the rows themselves: a restore that is killed leaves no customer that cannot see itself
        "customers" => closure::rewrite(chunk.w.tx(), &new, &moved).await?,
        "partner_customers" => resold(chunk.w, &all, left).await?,
        // of a trial nobody needs to wait for the counter
        "tickets" if !chunk.dry => past(chunk.w, &drafts).await?,
        _ => {}
    }
    fill(chunk.w, table, &mut drafts).await?;
    for Draft { entry, open, .. } in drafts {
        if chunk.last {
            unmatched(chunk, &entry, &open);
        } else if !open.is_empty() {
            chunk.waiting.insert(entry.no, Wait::Counted);
        }
    }
    Ok(())
}
async fn insert(w: &Write, batch: Uuid, table: &'static Table, drafts: &[Draft]) -> Result<()> {
    let own = [("updated_at", Value::from(w.at()))].into_iter().chain(table.has_source.then(|| ("import_batch_id", batch.into())));
    let own: Vec<_> = own.collect();
    let names: Vec<&str> = ["id"].into_iter().chain(columns(table).map(|c| c.name)).chain(own.iter().map(|o| o.0)).collect();
    let row = |d: &Draft| [d.id.into()].into_iter().chain(d.values.iter().cloned()).chain(own.iter().map(|o| o.1.clone())).collect();
    bulk::insert(w.tx(), table.name, &names, drafts.iter().filter(|d| d.is_new).map(row).collect()).await
}
/// Rows with the same open references share a statement: what they point to now is left as it is.
async fn update(w: &Write, batch: Uuid, table: &'static Table, drafts: &[Draft]) -> Result<()> {
    let mut alike: BTreeMap<Vec<&str>, Vec<&Draft>> = BTreeMap::new();
    for draft in drafts.iter().filter(|d| !d.is_new) {
        alike.entry(draft.open.iter().map(|o| o.column).collect()).or_default().push(draft);
    }
    for (open, drafts) in alike {
        let said: Vec<(usize, &str)> = columns(table).map(|c| c.name).enumerate().filter(|c| !open.contains(&c.1)).collect();
        let row = |d: &&Draft| [d.id.into()].into_iter().chain(said.iter().map(|c| d.values[c.0].clone())).collect();
        let same = [("updated_at", w.at().into())].into_iter().chain(table.has_source.then(|| ("import_batch_id", batch.into())));
        let columns = ["id"].into_iter().chain(said.iter().map(|c| c.1)).collect();
        let rows = drafts.iter().map(row).collect();
        Change { table: table.name, columns, rows, same: same.collect(), only: vec![] }.apply(w.tx()).await?;
    }
    Ok(())
}
/// References to rows of the same table that came with this chunk. A customer's parent waits for the next reading: it
/// moves what stands below.
async fn fill(w: &Write, table: &'static Table, drafts: &mut [Draft]) -> Result<()> {
    if table.name == "customers" {
        return Ok(());
    }
    let new: HashMap<String, Uuid> = drafts.iter().filter(|d| d.is_new).filter_map(|d| Some((place(table, &d.entry.line)?, d.id))).collect();
    let mut sets: BTreeMap<&'static str, Vec<Vec<Value>>> = BTreeMap::new();
    for draft in drafts {
        draft.open.retain(|open| {
            let found = new.get(&open.key).filter(|_| open.to.name == table.name);
            sets.entry(open.column).or_default().extend(found.map(|to| vec![draft.id.into(), (*to).into()]));
            found.is_none()
        });
    }
    for (column, rows) in sets {
        Change { table: table.name, columns: vec!["id", column], rows, same: vec![], only: vec![] }.apply(w.tx()).await?;
    }
    Ok(())
}
/// The hub does not give the numbers of these tickets again. Larger ones were never its own.
async fn past(w: &Write, tickets: &[Draft]) -> Result<()> {
    const LARGEST: i64 = 1 << 40;
    let number = |d: &Draft| d.entry.line.get("ticket_no")?.as_str()?.strip_prefix("T-")?.parse::<i64>().ok();
    match tickets.iter().filter_map(number).filter(|n| *n <= LARGEST).max() {
        Some(last) => w.ticket_no_past(last).await,
        None => Ok(()),
    }
}
