//! Takes an export back: into an empty database for a hub that is the same again, into another to bring it to the
//! same rows. Ids are kept where they are free, so that addresses and links still lead to the same row.
use super::{
    export::{
        HEADER, Shape,
        line::{columns, key, place},
    },
    table::{self, Column, ColumnKind, Table},
    upsert::{self, closure},
};
use crate::{
    Error, Result, Scope, Store, Write,
    bulk::{self, Change, insert_all, select_in},
    outbox::change::Operation,
    privacy::state_change,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryFilter, QuerySelect, Statement, prelude::Uuid};
use serde_json::{Map, Value as Json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::BufRead,
};

/// What came of an export that was read back.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Report {
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Lines that were not taken: number and reason.
    pub rejected: Vec<(u64, String)>,
}

type Line = Map<String, Json>;
const CHUNK: usize = 1000;

/// Whether this is the first line of an export.
pub fn is_export(first: &str) -> bool {
    first.trim_end() == HEADER
}

/// Reads an export. A dry run reports what it would do.
pub async fn restore(store: &Store, scope: &Scope, input: impl BufRead, dry_run: bool, mut progress: impl FnMut(u64)) -> Result<Report> {
    let shapes = Shape::all();
    let mut run = Run { report: Report::default(), later: vec![], shapes: &shapes };
    let mut one = if dry_run { Some(store.write(scope).await?) } else { None };
    let (mut chunk, mut of, mut n): (Vec<(u64, Line)>, Option<usize>, u64) = (vec![], None, 0);
    let mut lines = input.lines();
    loop {
        let next = lines.next().transpose().map_err(|source| Error::Read { what: format!("line {}", n + 1), source })?;
        let parsed = next.as_ref().map(|text| run.parse(text));
        let over = parsed.is_none();
        let shape = parsed.as_ref().and_then(|p| p.as_ref().ok()).and_then(|p| p.as_ref()).map(|p| p.0);
        if (over || chunk.len() == CHUNK || (shape.is_some() && shape != of && !chunk.is_empty()))
            && let Some(i) = of.filter(|_| !chunk.is_empty())
        {
            let lines = std::mem::take(&mut chunk);
            match &mut one {
                Some(w) => run.take(w, &shapes[i], lines).await?,
                None => {
                    let mut w = store.write(scope).await?;
                    run.take(&mut w, &shapes[i], lines).await?;
                    w.commit().await?;
                }
            }
            progress(n);
        }
        n += 1;
        match parsed {
            None => break,
            Some(Ok(None)) => {}
            Some(Ok(Some((i, line)))) => {
                of = Some(i);
                chunk.push((n, line));
            }
            Some(Err(reason)) => run.report.rejected.push((n, reason)),
        }
    }
    match &mut one {
        Some(w) => run.finish(w).await?,
        None => {
            let mut w = store.write(scope).await?;
            run.finish(&mut w).await?;
            w.commit().await?;
        }
    }
    Ok(run.report)
}

struct Run<'a> {
    report: Report,
    /// References to rows that stand further down: row, column, and what they name.
    later: Vec<(u64, &'static Table, Uuid, &'static str, &'static Table, String)>,
    shapes: &'a [Shape],
}
/// The rows that are here, by table and key.
type Ids = HashMap<(&'static str, String), Uuid>;

impl Run<'_> {
    /// None for blank lines and the header.
    fn parse(&self, text: &str) -> Result<Option<(usize, Line)>, String> {
        if text.trim().is_empty() || is_export(text) {
            return Ok(None);
        }
        let line: Line = serde_json::from_str(text).map_err(|e| format!("This is no JSON object: {e}."))?;
        let name = line.get("type").and_then(Json::as_str).unwrap_or_default();
        let found = self.shapes.iter().position(|s| s.is(name)).ok_or_else(|| format!("“{name}” is no type of row."))?;
        Ok(Some((found, line)))
    }

    async fn take(&mut self, w: &mut Write, shape: &Shape, lines: Vec<(u64, Line)>) -> Result<()> {
        match shape.table {
            Some(table) => self.rows(w, shape, table, lines).await,
            None => self.states(w, lines).await,
        }
    }

    async fn rows(&mut self, w: &mut Write, shape: &Shape, table: &'static Table, lines: Vec<(u64, Line)>) -> Result<()> {
        let mut wanted: BTreeMap<&'static str, HashSet<String>> = BTreeMap::new();
        for (_, line) in &lines {
            for (column, to) in references(table) {
                wanted.entry(to.name).or_default().extend(line.get(column.name).and_then(Json::as_object).and_then(|o| place(to, o)));
            }
            wanted.entry(table.name).or_default().extend(place(table, line));
        }
        let known = known(w, &wanted).await?;
        let free = self.free_ids(w, table, &lines, &known).await?;
        let there = self.as_lines(w, shape, table, &lines, &known).await?;
        let (mut inserts, mut updates, mut met) = (vec![], vec![], HashSet::new());
        for (n, line) in lines {
            let Some(own) = place(table, &line) else {
                self.report.rejected.push((n, "The line does not say which row it is.".into()));
                continue;
            };
            if !met.insert(own.clone()) {
                self.report.rejected.push((n, "The row stands in the file already.".into()));
                continue;
            }
            let here = known.get(&(table.name, own));
            if let Some(here) = here
                && there.get(here).is_some_and(|t| same(t, &line))
            {
                self.report.unchanged += 1;
                continue;
            }
            let id = here.copied().or_else(|| id_of(&line).filter(|id| free.contains(id))).unwrap_or_else(|| crate::id::at(w.at()));
            match self.values(n, table, &line, id, &known, w.at()) {
                Err(reason) => self.report.rejected.push((n, reason)),
                Ok((values, owner)) => {
                    let owner = if table.name == "customers" { (Some(id), None) } else { owner };
                    let operation = if here.is_some() { Operation::Update } else { Operation::Insert };
                    if let Some(kind) = table.kind {
                        w.changed(operation, kind, id, owner.0, owner.1);
                    }
                    if here.is_some() { updates.push(values) } else { inserts.push(values) }
                }
            }
        }
        self.report.inserted += inserts.len() as u64;
        self.report.updated += updates.len() as u64;
        let ids = |rows: &[Vec<sea_orm::Value>]| rows.iter().map(|r| r[0].clone()).collect::<Vec<_>>();
        let (new, changed) = (ids(&inserts), ids(&updates));
        insert(w, table, inserts).await?;
        update(w, table, updates).await?;
        match table.name {
            // with the rows themselves: a restore that is killed leaves no customer that cannot see itself
            "customers" => closure::rewrite(w.tx(), &uuids(new), &uuids(changed)).await,
            "partner_customers" => upsert::resold(w, new.into_iter().chain(changed).collect()).await,
            _ => Ok(()),
        }
    }

    /// The id of the row and its values in the order of the table's columns.
    fn values(
        &mut self,
        n: u64,
        table: &'static Table,
        line: &Line,
        id: Uuid,
        known: &Ids,
        at: DateTime<Utc>,
    ) -> Result<(Vec<sea_orm::Value>, (Option<Uuid>, Option<Uuid>)), String> {
        let (mut values, mut owner) = (vec![id.into()], (None, None));
        for column in columns(table) {
            let said = line.get(column.name).filter(|v| !v.is_null());
            let Some(to) = column.references.and_then(table::table) else {
                values.push(match said {
                    None if column.name == "created_at" => at.into(),
                    None if !column.nullable => return Err(format!("{} is missing.", column.name)),
                    said => typed(column, said).ok_or_else(|| format!("{} cannot be {}.", column.name, said.unwrap_or(&Json::Null)))?,
                });
                continue;
            };
            let named =
                said.map(|s| s.as_object().and_then(|o| place(to, o)).ok_or_else(|| format!("{} does not name a row.", column.name))).transpose()?;
            let found = named.as_ref().and_then(|k| known.get(&(to.name, k.clone()))).copied();
            if let (Some(named), None) = (named, found) {
                if !column.nullable {
                    return Err(format!("{} names a {} that is not here.", column.name, to.name));
                }
                self.later.push((n, table, id, column.name, to, named));
            } else if !column.nullable && found.is_none() {
                return Err(format!("{} is missing.", column.name));
            }
            match column.name {
                "customer_id" => owner.0 = found,
                "partner_id" => owner.1 = found,
                _ => {}
            }
            values.push(found.into());
        }
        Ok((values, owner))
    }

    /// Which of the ids that the lines hold no row has.
    async fn free_ids(&self, w: &Write, table: &Table, lines: &[(u64, Line)], known: &Ids) -> Result<HashSet<Uuid>> {
        let mut free: HashSet<Uuid> = lines.iter().filter_map(|(_, l)| id_of(l)).collect();
        let taken: HashSet<Uuid> = known.values().copied().collect();
        free.retain(|id| !taken.contains(id));
        for row in select_in(w.tx(), &format!("select id from {} where id in", table.name), &[], free.iter().map(|id| (*id).into()).collect()).await?
        {
            free.remove(&row.try_get_by_index(0)?);
        }
        Ok(free)
    }
    /// The rows that are here already, as they would be exported.
    async fn as_lines(&self, w: &Write, shape: &Shape, table: &'static Table, lines: &[(u64, Line)], known: &Ids) -> Result<HashMap<Uuid, Line>> {
        let ids: Vec<Uuid> = lines.iter().filter_map(|(_, l)| known.get(&(table.name, place(table, l)?))).copied().collect();
        let mut found = HashMap::new();
        for part in ids.chunks(CHUNK) {
            for statement in shape.select(w.tx().get_database_backend(), w.scope(), Some(part)) {
                for row in w.tx().query_all_raw(statement).await? {
                    if let Json::Object(line) = shape.line(&row, w.scope().audience)? {
                        found.insert(row.try_get("", "id")?, line);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Changes of state have no other name than their id.
    async fn states(&mut self, w: &mut Write, lines: Vec<(u64, Line)>) -> Result<()> {
        let mut wanted: BTreeMap<&'static str, HashSet<String>> = BTreeMap::new();
        let about = |line: &Line| {
            let name = line.get("entity_type").and_then(Json::as_str)?;
            let table = self.shapes.iter().find(|s| s.is(name))?.table?;
            Some((table, place(table, line.get("entity_id")?.as_object()?)?))
        };
        let owner = |line: &Line, column: &str, table: &'static str| Some((table, place(table::table(table)?, line.get(column)?.as_object()?)?));
        for (_, line) in &lines {
            let all = [about(line).map(|(t, k)| (t.name, k)), owner(line, "customer_id", "customers"), owner(line, "partner_id", "partners")];
            all.into_iter().flatten().for_each(|(t, k)| _ = wanted.entry(t).or_default().insert(k));
        }
        let known = known(w, &wanted).await?;
        let ids: Vec<Uuid> = lines.iter().filter_map(|(_, l)| id_of(l)).collect();
        let mut there = HashSet::new();
        for part in ids.chunks(CHUNK) {
            let found = w.scope().find::<state_change::Entity>().filter(sea_orm::ColumnTrait::is_in(&state_change::Column::Id, part.iter().copied()));
            there.extend(found.select_only().column(state_change::Column::Id).into_tuple::<Uuid>().all(w.tx()).await?);
        }
        let mut rows = vec![];
        for (n, line) in &lines {
            let text = |key: &str| line.get(key).and_then(Json::as_str).map(str::to_string);
            let found = |key: Option<(&'static str, String)>| key.and_then(|k| known.get(&k)).copied();
            let subject = about(line).and_then(|(t, k)| Some((t.kind?.name, found(Some((t.name, k)))?)));
            let at = text("changed_at").and_then(|t| DateTime::parse_from_rfc3339(&t).ok()).map(|t| t.to_utc());
            let (Some((kind, entity)), Some(id), Some(to), Some(at)) = (subject, id_of(line), text("to_state"), at) else {
                self.report.rejected.push((*n, "The change of state does not say of what, to what or when.".into()));
                continue;
            };
            if !there.insert(id) {
                self.report.unchanged += 1;
                continue;
            }
            rows.push(state_change::ActiveModel {
                id: Set(id),
                customer_id: Set(found(owner(line, "customer_id", "customers"))),
                partner_id: Set(found(owner(line, "partner_id", "partners"))),
                entity_type: Set(kind.into()),
                entity_id: Set(entity),
                from_state: Set(text("from_state")),
                to_state: Set(to),
                reason: Set(text("reason")),
                actor: Set(text("actor").unwrap_or_else(|| "import".into())),
                changed_at: Set(at),
            });
        }
        self.report.inserted += rows.len() as u64;
        insert_all(w.tx(), rows).await
    }

    /// What could only be done with all rows here: references further down, and the lines of ancestors.
    async fn finish(&mut self, w: &mut Write) -> Result<()> {
        let later = std::mem::take(&mut self.later);
        for part in later.chunks(CHUNK) {
            let mut wanted: BTreeMap<&'static str, HashSet<String>> = BTreeMap::new();
            part.iter().for_each(|l| _ = wanted.entry(l.4.name).or_default().insert(l.5.clone()));
            let known = known(w, &wanted).await?;
            let mut sets: BTreeMap<(&'static str, &'static str), Vec<Vec<sea_orm::Value>>> = BTreeMap::new();
            for (n, table, id, column, to, named) in part {
                match known.get(&(to.name, named.clone())) {
                    Some(here) => sets.entry((table.name, column)).or_default().push(vec![(*id).into(), (*here).into()]),
                    None => self.report.rejected.push((*n, format!("{column} names a row that is not here; the row was taken without it."))),
                }
            }
            for ((table, column), rows) in sets {
                Change { table, columns: vec!["id", column], rows, same: vec![("updated_at", w.at().into())], only: vec![] }.apply(w.tx()).await?;
            }
        }
        let last = "select ticket_no from tickets where ticket_no like 'T-%' order by length(ticket_no) desc, ticket_no desc limit 1";
        let last = w.tx().query_one_raw(Statement::from_string(w.tx().get_database_backend(), last)).await?;
        if let Some(n) = last.map(|r| r.try_get_by_index::<String>(0)).transpose()?.and_then(|t| t.get(2..)?.parse::<i64>().ok()) {
            w.ticket_no_past(n).await?; // the numbers that are there are not given again
        }
        if self.report.inserted + self.report.updated > 0 {
            w.tx().execute_unprepared("delete from customer_closure").await?;
            w.tx().execute_unprepared(CLOSURE).await?;
        }
        Ok(())
    }
}

/// Every customer with each of its ancestors.
const CLOSURE: &str = "with recursive line (ancestor, descendant, depth) as (
  select id, id, 0 from customers
  union all
  select c.parent_id, l.descendant, l.depth + 1 from line l join customers c on c.id = l.ancestor where c.parent_id is not null and l.depth < 100
) insert into customer_closure (ancestor_id, descendant_id, depth) select ancestor, descendant, depth from line";

fn references(table: &'static Table) -> impl Iterator<Item = (&'static Column, &'static Table)> {
    columns(table).filter_map(|c| Some((c, table::table(c.references?)?)))
}
fn uuids(values: Vec<sea_orm::Value>) -> Vec<Uuid> {
    values.into_iter().filter_map(|v| if let sea_orm::Value::Uuid(id) = v { id } else { None }).collect()
}
fn id_of(line: &Line) -> Option<Uuid> {
    let text = line.get("id")?.as_str()?;
    Uuid::try_parse(text.rsplit('_').next()?).ok()
}
/// Whether a row says what the line says. Its id is its own, and how it is kept is no part of it.
fn same(there: &Line, line: &Line) -> bool {
    let told = |l: &Line| {
        l.iter().filter(|(k, v)| *k != "id" && *k != "type" && !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect::<BTreeMap<_, _>>()
    };
    told(there) == told(line)
}

/// The rows with these keys.
async fn known(w: &Write, wanted: &BTreeMap<&'static str, HashSet<String>>) -> Result<Ids> {
    let mut ids = Ids::new();
    for (name, keys) in wanted {
        let Some(table) = table::table(name) else { continue };
        let (list, joins, first) = names(table);
        // the last part of a key tells most rows apart; the rest is compared here
        let part = |k: &String| k.split('\u{1f}').nth(first.1).unwrap_or_default().to_string();
        let values: HashSet<String> = keys.iter().map(part).collect();
        let sql = format!("select t.id as id, {list} from {name} t{joins} where {} in", first.0);
        let parts = list.matches(" as k").count();
        for row in select_in(w.tx(), &sql, &[], values.into_iter().map(Into::into).collect()).await? {
            let found = (0..parts).map(|i| row.try_get::<String>("", &format!("k{i}"))).collect::<Result<Vec<_>, _>>()?.join("\u{1f}");
            if keys.contains(&found) {
                ids.insert((name, found), row.try_get("", "id")?);
            }
        }
    }
    Ok(ids)
}
/// The parts of a table's key: select list, joins, and the expression and place of the one to look rows up by.
fn names(table: &'static Table) -> (String, String, (String, usize)) {
    if table.has_source {
        return ("t.source_system as k0, t.external_id as k1".into(), String::new(), ("t.external_id".into(), 1));
    }
    let (mut list, mut joins, mut n) = (vec![], String::new(), 0);
    let mut first = None;
    for name in key(table) {
        match table.column(name).and_then(|c| c.references).and_then(table::table) {
            Some(to) => {
                joins.push_str(&format!(" join {} j on j.id = t.{name}", to.name));
                list.push(format!("j.source_system as k{n}, j.external_id as k{}", n + 1));
                first.get_or_insert(("j.external_id".to_string(), n + 1));
                n += 2;
            }
            None => {
                list.push(format!("cast(t.{name} as text) as k{n}"));
                first.get_or_insert((format!("t.{name}"), n));
                n += 1;
            }
        }
    }
    (list.join(", "), joins, first.unwrap_or(("t.id".into(), 0)))
}

fn typed(column: &Column, said: Option<&Json>) -> Option<sea_orm::Value> {
    let text = said.and_then(Json::as_str);
    Some(match column.kind {
        ColumnKind::Uuid => said.map(|_| text.and_then(|t| Uuid::try_parse(t).ok()).ok_or(())).transpose().ok()?.into(),
        ColumnKind::Text if !column.texts.is_empty() && text.is_some_and(|t| !column.texts.contains(&t)) => return None,
        ColumnKind::Currency if text.is_some_and(|t| !crate::money::known(t)) => return None,
        ColumnKind::Int if column.narrow && said.and_then(Json::as_i64).is_some_and(|n| i32::try_from(n).is_err()) => return None,
        ColumnKind::Text | ColumnKind::Currency => said.map(|_| text.map(str::to_string).ok_or(())).transpose().ok()?.into(),
        ColumnKind::Int => said.map(|s| s.as_i64().ok_or(())).transpose().ok()?.into(),
        ColumnKind::Bool => said.map(|s| s.as_bool().ok_or(())).transpose().ok()?.into(),
        ColumnKind::Date => said.map(|_| text.and_then(|t| t.parse::<NaiveDate>().ok()).ok_or(())).transpose().ok()?.into(),
        ColumnKind::Instant => {
            said.map(|_| text.and_then(|t| DateTime::parse_from_rfc3339(t).ok()).map(|t| t.to_utc()).ok_or(())).transpose().ok()?.into()
        }
        ColumnKind::Json => said.cloned().into(),
    })
}

async fn insert(w: &Write, table: &'static Table, rows: Vec<Vec<sea_orm::Value>>) -> Result<()> {
    let names: Vec<&str> = ["id"].into_iter().chain(columns(table).map(|c| c.name)).chain(["updated_at"]).collect();
    let rows = rows.into_iter().map(|r| r.into_iter().chain([w.at().into()]).collect()).collect();
    bulk::insert(w.tx(), table.name, &names, rows).await
}
async fn update(w: &Write, table: &'static Table, rows: Vec<Vec<sea_orm::Value>>) -> Result<()> {
    let columns = ["id"].into_iter().chain(columns(table).map(|c| c.name)).collect();
    Change { table: table.name, columns, rows, same: vec![("updated_at", w.at().into())], only: vec![] }.apply(w.tx()).await
}
