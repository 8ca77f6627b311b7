//! What becomes of each row: decided in memory, all or none of a source row.

/// What a source said of a row before.
mod said;
/// Numbers that no two rows share, and trees without circles.
mod unique;

use super::{
    Checked, Counts, Open, Upsert,
    check::Cell,
    known::{Known, Natural, Owner, number},
};
use crate::exchange::{
    record::{Problem, Value},
    table::{self, Column, Table},
};
use chrono::{DateTime, NaiveTime, Utc};
use said::{changed, merged};
use sea_orm::prelude::Uuid;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a chunk will write.
#[derive(Default)]
pub struct Plan {
    pub inserts: Vec<Insert>,
    pub updates: Vec<Update>,
    pub removals: Vec<Removal>,
    pub counts: BTreeMap<&'static str, Counts>,
    pub seen: HashSet<u64>,
    /// What this chunk has met, and what the chunk before it had: that may still be on its way into the database.
    pub here: Here,
    pub before: Here,
}
/// Rows that a chunk adds or has met.
#[derive(Default)]
pub struct Here {
    /// By table and the source's id.
    rows: HashMap<(usize, String), Met>,
    natural: HashMap<Natural, Uuid>,
    /// The same by the row that holds them.
    held: HashMap<Uuid, Vec<Natural>>,
    /// Customers whose parent the chunk sets.
    parents: HashMap<Uuid, Option<Uuid>>,
}
impl Here {
    fn find(&self, rank: usize, external_id: &str) -> Option<(Uuid, Owner)> {
        let place = (rank, external_id.to_string());
        if let Some(met) = self.rows.get(&place) {
            return Some((met.id, met.owner));
        }
        let number = number(&table::tables()[rank])?;
        let id = self.natural.get(&(rank, number, vec![place.1]))?;
        self.rows.values().find(|m| m.id == *id).map(|m| (m.id, m.owner))
    }
    /// Whether a row was given another value of a unique key.
    fn gave_up(&self, id: Uuid, natural: &Natural) -> bool {
        let other = |n: &Natural| (n.0, n.1) == (natural.0, natural.1) && n.2 != natural.2 && self.natural.get(n) == Some(&id);
        self.held.get(&id).is_some_and(|held| held.iter().any(other))
    }
}
pub struct Insert {
    pub table: &'static Table,
    pub id: Uuid,
    pub external_id: String,
    pub cells: Vec<(&'static Column, Value)>,
    pub hash: String,
    pub owner: Owner,
}
pub struct Update {
    pub table: &'static Table,
    pub id: Uuid,
    pub external_id: String,
    /// Only what changed.
    pub cells: Vec<(&'static Column, Value)>,
    pub hash: String,
    pub by_ref: bool,
    /// Whether `external_refs` must first learn of the row.
    pub adopted: bool,
    pub owner: Owner,
    pub state: Option<(Option<String>, String)>,
}
/// A part that its whole no longer has.
pub struct Removal {
    pub table: &'static Table,
    pub id: Uuid,
    pub owner: Owner,
}
#[derive(Clone)]
struct Met {
    id: Uuid,
    hash: Option<String>,
    owner: Owner,
}

pub enum Verdict {
    Taken(Outcome),
    Rejected(Problem),
    Waiting(Problem),
}
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub enum Outcome {
    Unchanged,
    Updated,
    Inserted,
}

/// Rows that are part of another and belong to whom that belongs.
pub(super) const PARTS: &[(&str, &str)] = &[("bill_lines", "bill_id"), ("ticket_notes", "ticket_id"), ("messages", "conversation_id")];
fn is_part(record: &Checked) -> bool {
    PARTS.iter().any(|p| p.0 == record.table.name)
}
fn is_whole(record: &Checked) -> bool {
    PARTS.iter().any(|p| table::table(p.0).and_then(|t| t.column(p.1)).is_some_and(|c| c.references == Some(record.table.name)))
}
/// References that a row can be taken without: what they point to may never come. Filled when it has.
const OPEN: &[&str] = &[
    "author_party_id",
    "bill_id",
    "billing_account_id",
    "conversation_id",
    "corrects_bill_id",
    "customer_id",
    "linked_line_id",
    "offering_id",
    "parent_product_id",
    "product_id",
    "reporter_party_id",
];
/// What a row is dated by, for ids in the order of time.
const DATED: &[&str] = &["opened_at", "started_at", "noted_at", "sent_at", "effective_at", "bill_on", "ordered_at", "start_at", "since_on"];

/// One row's share of the plan, until it is sure.
#[derive(Default)]
struct Draft {
    ids: HashMap<(usize, String), (Uuid, Owner)>,
    inserts: Vec<Insert>,
    updates: Vec<Update>,
    removals: Vec<Removal>,
    /// All that belongs to the document is here.
    whole: bool,
    naturals: Vec<(Natural, Uuid)>,
    parents: Vec<(Uuid, Option<Uuid>)>,
    met: Vec<(u64, (usize, String), Met)>,
    /// Those of them that do not hold the batch.
    seen: Vec<u64>,
    unchanged: Vec<&'static str>,
    notes: Vec<Problem>,
    repeated: usize,
    /// Rows that stand more than once in the file, with different values.
    conflicts: Vec<Uuid>,
}
impl Draft {
    /// Whether a new row is part of one that was taken with other values: with it the whole would not add up.
    fn adds_to_a_conflict(&self) -> bool {
        let whole = |i: &Insert| {
            let (_, column) = PARTS.iter().find(|p| p.0 == i.table.name)?;
            match &i.cells.iter().find(|c| c.0.name == *column)?.1 {
                Value::Text(id) => id.parse::<Uuid>().ok(),
                _ => None,
            }
        };
        self.inserts.iter().filter_map(whole).any(|id| self.conflicts.contains(&id))
    }
    fn conflicting(&self, record: &Checked) -> bool {
        self.ids.get(&(record.rank, record.external_id.clone())).is_some_and(|i| self.conflicts.contains(&i.0))
    }
    /// Whether a document that tells all of a whole tells it otherwise than one before.
    fn conflicts_as_a_whole(&self, records: &[Checked]) -> bool {
        records.iter().any(|r| self.conflicting(r) && (is_part(r) || is_whole(r)))
    }
    /// What people know the conflicting row by: the whole rather than a part of it.
    fn main_conflict<'a>(&self, records: &'a [Checked]) -> &'a str {
        let whole = records.iter().find(|r| is_whole(r)).filter(|_| self.conflicts_as_a_whole(records));
        &whole.or_else(|| records.iter().rfind(|r| self.conflicting(r))).unwrap_or(&records[0]).external_id
    }
}

impl Plan {
    pub(super) fn row(&mut self, up: &Upsert, known: &Known, open: &mut Open, soft: bool, at: DateTime<Utc>) -> Verdict {
        let mut draft = Draft { whole: open.row.mapped.whole, ..Draft::default() };
        let wanted = wanted(&open.records);
        if let Some(gone) = open.records.iter().find(|r| wanted.contains(&r.key) && known.was_erased(r.rank, &r.external_id)) {
            return Verdict::Rejected(erased(gone.table.name));
        }
        // ids first: records of one row may point to each other in any order
        for record in open.records.iter().filter(|r| wanted.contains(&r.key)) {
            let (id, owner) = match self.find_own(known, record) {
                Some(met) => (met.id, met.owner),
                None => {
                    let id = crate::id::at(dated(record).unwrap_or(at));
                    (id, if record.table.name == "customers" { (Some(id), None) } else { (None, None) })
                }
            };
            draft.ids.insert((record.rank, record.external_id.clone()), (id, owner));
        }
        if open.row.mapped.whole {
            draft.removals = self.gone(known, &open.records);
        }
        for record in open.records.iter().filter(|r| wanted.contains(&r.key)) {
            if let Err(verdict) = self.record(up, known, record, soft, &mut draft) {
                return verdict;
            }
        }
        let all = !draft.conflicts.is_empty() && draft.repeated == wanted.len();
        if all || draft.adds_to_a_conflict() || open.row.mapped.whole && draft.conflicts_as_a_whole(&open.records) {
            let id = draft.main_conflict(&open.records);
            return Verdict::Rejected(Problem::error(
                "duplicate_id",
                format!("`{id}` stands more than once in the file with different values; the first was taken"),
            ));
        }
        if draft.repeated > 0 && !draft.removals.is_empty() {
            draft.removals.clear(); // what stands twice in the file is taken as it stood first
        }
        if !draft.conflicts.is_empty() {
            draft.notes.push(Problem::warning(
                "conflicting_values",
                "a row that stands more than once in the file has different values; the first were taken",
            ));
        }
        open.row.mapped.problems.append(&mut draft.notes);
        Verdict::Taken(self.settle(draft))
    }
    /// The parts that the wholes among these records had and that are no longer among them.
    fn gone(&self, known: &Known, records: &[Checked]) -> Vec<Removal> {
        let told: HashSet<(usize, &str)> = records.iter().map(|r| (r.rank, r.external_id.as_str())).collect();
        let wholes = records.iter().filter_map(|r| known.rows.get(&(r.rank, r.external_id.clone())));
        let parts = wholes.flat_map(|w| known.parts.get(&w.id).into_iter().flatten().map(|p| (w.owner, p)));
        let gone = parts.filter(|(_, (rank, _, external_id))| !told.contains(&(*rank, external_id.as_str())));
        gone.map(|(owner, (rank, id, _))| Removal { table: &table::tables()[*rank], id: *id, owner }).collect()
    }
    fn settle(&mut self, draft: Draft) -> Outcome {
        let outcome = match (&draft.inserts[..], &draft.updates[..], &draft.removals[..]) {
            ([_, ..], ..) => Outcome::Inserted,
            (_, [_, ..], _) | (.., [_, ..]) => Outcome::Updated,
            _ => Outcome::Unchanged,
        };
        for insert in &draft.inserts {
            self.counts.entry(insert.table.name).or_default().inserted += 1;
        }
        for update in &draft.updates {
            self.counts.entry(update.table.name).or_default().updated += 1;
        }
        for table in draft.unchanged {
            self.counts.entry(table).or_default().unchanged += 1;
        }
        for removal in &draft.removals {
            self.counts.entry(removal.table.name).or_default().updated += 1;
        }
        self.inserts.extend(draft.inserts);
        self.removals.extend(draft.removals);
        self.updates.extend(draft.updates);
        for (natural, id) in draft.naturals {
            self.here.held.entry(id).or_default().push(natural.clone());
            self.here.natural.insert(natural, id);
        }
        self.here.parents.extend(draft.parents);
        self.seen.extend(draft.seen);
        self.here.rows.extend(draft.met.into_iter().map(|(_, place, met)| (place, met)));
        outcome
    }
    fn met(&self, place: &(usize, String)) -> Option<&Met> {
        self.here.rows.get(place).or_else(|| self.before.rows.get(place))
    }
    /// The row that a record is: met before, known by the source's id, or, where the table keeps no source, by its key.
    fn find_own(&self, known: &Known, record: &Checked) -> Option<Met> {
        let place = (record.rank, record.external_id.clone());
        if let Some(met) = self.met(&place) {
            return Some(met.clone());
        }
        if let Some(row) = known.rows.get(&place) {
            return Some(Met { id: row.id, hash: row.hash.clone(), owner: row.owner });
        }
        if record.in_passing()
            && let Some(row) = known.find(record.rank, &record.external_id)
        {
            return Some(Met { id: row.id, hash: row.hash.clone(), owner: row.owner });
        }
        if record.table.has_source {
            return None;
        }
        record.table.unique.iter().enumerate().find_map(|(i, key)| {
            let values = key.iter().map(|k| self.key_text(known, record, k)).collect::<Option<Vec<_>>>()?;
            known.natural.get(&(record.rank, i, values)).map(|row| Met { id: row.id, hash: None, owner: row.owner })
        })
    }
    fn key_text(&self, known: &Known, record: &Checked, column: &str) -> Option<String> {
        match &record.all().find(|c| c.column.name == column)?.value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(n) => Some(n.to_string()),
            Value::Ref { table, external_id } => {
                let rank = table::rank(table);
                let met = self.met(&(rank, external_id.clone())).map(|m| m.id);
                met.or_else(|| known.find(rank, external_id).map(|r| r.id)).map(|id| id.to_string())
            }
            _ => None,
        }
    }
    fn find(&self, known: &Known, draft: &Draft, rank: usize, external_id: &str) -> Option<(Uuid, Owner)> {
        let place = (rank, external_id.to_string());
        if let Some(found) = draft.ids.get(&place) {
            return Some(*found);
        }
        if let Some(met) = self.met(&place) {
            return Some((met.id, met.owner));
        }
        if let Some(row) = known.find(rank, external_id) {
            return Some((row.id, row.owner));
        }
        self.here.find(rank, external_id).or_else(|| self.before.find(rank, external_id))
    }
    fn record(&self, up: &Upsert, known: &Known, record: &Checked, soft: bool, draft: &mut Draft) -> Result<(), Verdict> {
        let place = (record.rank, record.external_id.clone());
        let (id, _) = draft.ids[&place];
        let there = self.find_own(known, record);
        let written = known.rows.get(&place).is_some_and(|r| !r.by_ref && r.batch == Some(up.origin.batch));
        let repeated = written || self.met(&place).is_some() || up.seen.contains(&record.key) || draft.met.iter().any(|m| m.0 == record.key);
        if repeated {
            let hash = self.met(&place).map(|m| m.hash.clone()).or_else(|| there.as_ref().map(|t| t.hash.clone())).flatten();
            draft.repeated += 1;
            draft.conflicts.extend(Some(id).filter(|_| !changed(record.cells.iter(), hash.as_deref()).is_empty()));
            return Ok(());
        }
        let mut cells = vec![];
        let mut owners = vec![];
        for cell in record.cells.iter().chain(record.start.iter().filter(|_| there.is_none())) {
            let value = self.resolved(known, record, cell, soft, draft, &mut owners)?;
            cells.push((cell.column, value));
        }
        // what stays open is not taken as said: the next run looks again
        let said: Vec<&Cell> = record.cells.iter().filter(|c| !is_open(c, &cells)).collect();
        let Some(there) = there else { return self.insert(known, record, id, cells, &said, &owners, draft) };
        let diff = changed(said.iter().copied(), there.hash.as_deref());
        if diff.is_empty() {
            draft.unchanged.push(record.table.name);
            draft.seen.push(record.key);
            draft.met.push((record.key, place, there));
            return Ok(());
        }
        let known_row = known.rows.get(&place);
        let cells: Vec<_> = cells.into_iter().filter(|c| diff.contains(&c.0.name)).collect();
        self.check_natural(known, record, id, draft)?;
        self.check_parent(known, record, id, &cells, draft)?;
        let hash = merged(&said, there.hash.as_deref());
        let state = record.table.state_column().and_then(|s| cells.iter().find(|c| c.0.name == s)).and_then(|c| match &c.1 {
            Value::Text(to) => Some((known_row.and_then(|r| r.state.clone()), to.clone())),
            _ => None,
        });
        let owner = given_owner(record.table, &cells, there.owner);
        draft.met.push((record.key, place, Met { id, hash: Some(hash.clone()), owner }));
        let by_ref = known_row.map_or(!record.table.has_source, |r| r.by_ref);
        draft.seen.extend(by_ref.then_some(record.key));
        draft.updates.push(Update {
            table: record.table,
            id,
            external_id: record.external_id.clone(),
            cells,
            hash,
            by_ref,
            adopted: known_row.is_none(),
            owner,
            state: state.filter(|(from, to)| from.as_ref() != Some(to)),
        });
        Ok(())
    }
    /// References become keys. What is not there is waited for; in the end a row whose customer may be unknown goes
    /// without.
    fn resolved(
        &self,
        known: &Known,
        record: &Checked,
        cell: &Cell,
        soft: bool,
        draft: &mut Draft,
        owners: &mut Vec<(&'static str, Owner)>,
    ) -> Result<Value, Verdict> {
        let Value::Ref { table, external_id } = &cell.value else { return Ok(cell.value.clone()) };
        if let Some((id, owner)) = self.find(known, draft, table::rank(table), external_id) {
            owners.push((cell.column.name, owner));
            return Ok(Value::Text(id.to_string()));
        }
        let column = cell.column.name;
        if known.was_erased(table::rank(table), external_id) {
            return Err(Verdict::Rejected(erased(table)));
        }
        if soft && cell.column.nullable && OPEN.contains(&column) {
            draft.notes.push(Problem::warning(
                "unmatched",
                format!("{}.{column}: there is no {table} row `{external_id}`; it was left open", record.table.name),
            ));
            return Ok(Value::Null);
        }
        Err(Verdict::Waiting(Problem::error("missing_parent", format!("{}.{column}: there is no {table} row `{external_id}`", record.table.name))))
    }
    fn insert(
        &self,
        known: &Known,
        record: &Checked,
        id: Uuid,
        mut cells: Vec<(&'static Column, Value)>,
        said: &[&Cell],
        owners: &[(&'static str, Owner)],
        draft: &mut Draft,
    ) -> Result<(), Verdict> {
        let mut owner = given_owner(record.table, &cells, draft.ids[&(record.rank, record.external_id.clone())].1);
        if record.table.is_owned() {
            let part = PARTS.iter().find(|p| p.0 == record.table.name).and_then(|p| owners.iter().find(|o| o.0 == p.1));
            if let Some((_, whole)) = part {
                owner = *whole;
            } else {
                owner.0 = owner.0.or_else(|| owners.iter().find_map(|o| o.1.0));
                owner.1 = owner.1.or_else(|| owners.iter().find_map(|o| o.1.1));
            }
            for (name, owner) in [("customer_id", owner.0), ("partner_id", owner.1)] {
                cells.retain(|c| c.0.name != name);
                if let (Some(column), Some(owner)) = (record.table.column(name), owner) {
                    cells.push((column, Value::Text(owner.to_string())));
                }
            }
        }
        let missing = |c: &&Column| !c.nullable && !c.has_default && c.is_fillable() && !cells.iter().any(|d| d.0.name == c.name);
        if let Some(column) = record.table.columns.iter().find(missing) {
            return Err(Verdict::Rejected(Problem::error(
                "missing_value",
                format!("{}.{}: the source says nothing of it", record.table.name, column.name),
            )));
        }
        self.check_natural(known, record, id, draft)?;
        self.check_parent(known, record, id, &cells, draft)?;
        let hash = merged(said, None);
        let place = (record.rank, record.external_id.clone());
        draft.ids.insert(place.clone(), (id, owner));
        draft.met.push((record.key, place, Met { id, hash: Some(hash.clone()), owner }));
        draft.seen.extend((!record.table.has_source).then_some(record.key));
        draft.inserts.push(Insert { table: record.table, id, external_id: record.external_id.clone(), cells, hash, owner });
        Ok(())
    }
}
/// The code of a row that speaks of somebody who was erased.
pub const ERASED: &str = "erased";
/// What is told of such a row, without its words.
pub fn erased(table: &str) -> Problem {
    Problem::error(ERASED, format!("it is, or points to, a row that was erased here with its customer ({table}): it is not taken again"))
}
/// The rows to make or change: what the source speaks of, and what that points to among what it only mentions.
fn wanted(records: &[Checked]) -> HashSet<u64> {
    let mut wanted: HashSet<u64> = records.iter().filter(|r| !r.in_passing()).map(|r| r.key).collect();
    loop {
        let before = wanted.len();
        for record in records {
            let points_here =
                |c: &Cell| matches!(&c.value, Value::Ref { table, external_id } if *table == record.table.name && *external_id == record.external_id);
            if !wanted.contains(&record.key) && records.iter().any(|r| wanted.contains(&r.key) && r.all().any(points_here)) {
                wanted.insert(record.key);
            }
        }
        if wanted.len() == before {
            return wanted;
        }
    }
}
/// Whether a reference was left open.
fn is_open(cell: &Cell, resolved: &[(&'static Column, Value)]) -> bool {
    matches!(cell.value, Value::Ref { .. }) && resolved.iter().any(|(c, v)| c.name == cell.column.name && *v == Value::Null)
}

/// Whose the row is, as far as its own columns say.
fn given_owner(table: &Table, cells: &[(&'static Column, Value)], before: Owner) -> Owner {
    if !table.is_owned() {
        return before;
    }
    let given = |name: &str| match cells.iter().find(|c| c.0.name == name).map(|c| &c.1) {
        Some(Value::Text(id)) => id.parse().ok(),
        _ => None,
    };
    (given("customer_id").or(before.0), given("partner_id").or(before.1))
}
fn dated(record: &Checked) -> Option<DateTime<Utc>> {
    DATED.iter().find_map(|name| match &record.all().find(|c| c.column.name == *name)?.value {
        Value::Instant(at) => Some(*at),
        Value::Date(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
        _ => None,
    })
}
