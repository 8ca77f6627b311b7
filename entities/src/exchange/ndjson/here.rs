//! What the database has of a chunk: the rows themselves, those they point to, and which ids are free.
use super::lines::{Entry, Line};
use crate::{
    Result, Write,
    bulk::{place, select_in},
    exchange::{
        export::{
            Shape,
            line::{self, columns, key},
        },
        table::{self, Column, Table},
    },
};
use sea_orm::{ConnectionTrait, prelude::Uuid};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The rows that are here, by table and key.
pub type Ids = HashMap<(&'static str, String), Uuid>;
/// Keys of rows by table.
pub type Wanted = BTreeMap<&'static str, HashSet<String>>;

pub struct Here {
    pub known: Ids,
    /// Of the ids that the lines hold, those that no row has.
    pub free: HashSet<Uuid>,
    /// The rows that are here, as they would be exported.
    pub lines: HashMap<Uuid, Line>,
    /// Those of them that this run wrote.
    pub written: HashSet<Uuid>,
}
impl Here {
    pub async fn load(w: &Write, batch: Uuid, shape: &Shape, table: &'static Table, entries: &[Entry]) -> Result<Here> {
        let mut wanted = Wanted::new();
        for Entry { line, .. } in entries {
            for (column, to) in references(table) {
                wanted.entry(to.name).or_default().extend(line.get(column.name).and_then(|v| line::place(to, v.as_object()?)));
            }
            wanted.entry(table.name).or_default().extend(line::place(table, line));
        }
        let known = known(w, &wanted).await?;
        let own = entries.iter().filter_map(|e| known.get(&(table.name, line::place(table, &e.line)?))).copied();
        let own: Vec<Uuid> = own.collect::<BTreeSet<_>>().into_iter().collect();
        let free = free_ids(w, table, entries).await?;
        let written = written(w, batch, table, &own).await?;
        Ok(Here { lines: as_lines(w, shape, own).await?, known, free, written })
    }
}

/// The columns that point to other rows, and where.
fn references(table: &'static Table) -> impl Iterator<Item = (&'static Column, &'static Table)> {
    columns(table).filter_map(|c| Some((c, table::table(c.references?)?)))
}
pub fn id_of(line: &Line) -> Option<Uuid> {
    let text = line.get("id")?.as_str()?;
    Uuid::try_parse(text.rsplit('_').next()?).ok()
}
pub fn values(ids: impl IntoIterator<Item = Uuid>) -> Vec<sea_orm::Value> {
    ids.into_iter().map(Into::into).collect()
}

async fn free_ids(w: &Write, table: &Table, entries: &[Entry]) -> Result<HashSet<Uuid>> {
    let mut free: HashSet<Uuid> = entries.iter().filter_map(|e| id_of(&e.line)).collect();
    let sql = format!("select id from {} where id in", table.name);
    for row in select_in(w.tx(), &sql, &[], values(free.iter().copied())).await? {
        free.remove(&row.try_get_by_index(0)?);
    }
    Ok(free)
}
async fn written(w: &Write, batch: Uuid, table: &Table, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    let mut found = HashSet::new();
    if table.has_source {
        let sql = format!("select id from {} where import_batch_id = {} and id in", table.name, place(w.tx().get_database_backend(), 1));
        for row in select_in(w.tx(), &sql, &[batch.into()], values(ids.iter().copied())).await? {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}
async fn as_lines(w: &Write, shape: &Shape, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Line>> {
    let mut found = HashMap::new();
    for statement in shape.select(w.tx().get_database_backend(), w.scope(), Some(&ids)).into_iter().filter(|_| !ids.is_empty()) {
        for row in w.tx().query_all_raw(statement).await? {
            if let serde_json::Value::Object(line) = shape.line(&row, w.scope().audience)? {
                found.insert(row.try_get("", "id")?, line);
            }
        }
    }
    Ok(found)
}

/// The rows with these keys.
pub async fn known(w: &Write, wanted: &Wanted) -> Result<Ids> {
    let mut ids = Ids::new();
    for (name, keys) in wanted {
        let Some(table) = table::table(name) else { continue };
        let names = Names::of(table);
        let part = |n: usize| -> BTreeSet<String> { keys.iter().map(|k| k.split('\u{1f}').nth(n).unwrap_or_default().to_string()).collect() };
        // the last part of a key tells most rows apart; the rest is compared here
        let values = part(names.first.1).into_iter().map(Into::into).collect();
        let (filter, systems) = names.of_systems(w.tx().get_database_backend(), part);
        let sql = format!("select t.id as id, {} from {name} t{} where {filter}{} in", names.list, names.joins, names.first.0);
        for row in select_in(w.tx(), &sql, &systems, values).await? {
            let found = (0..names.parts).map(|i| row.try_get::<String>("", &format!("k{i}"))).collect::<Result<Vec<_>, _>>()?.join("\u{1f}");
            if keys.contains(&found) {
                ids.insert((name, found), row.try_get("", "id")?);
            }
        }
    }
    Ok(ids)
}
/// The parts of a table's key in a statement.
struct Names {
    list: String,
    parts: usize,
    joins: String,
    /// The expression to look rows up by, and its place in the key.
    first: (String, usize),
    /// The same of the source system: an index starts with it.
    system: Option<(&'static str, usize)>,
}
/// Files speak of few systems. Where one does not, the database looks through all.
const MOST_SYSTEMS: usize = 16;
impl Names {
    fn of(table: &'static Table) -> Names {
        if table.has_source {
            let list = "t.source_system as k0, t.external_id as k1".into();
            return Names { list, parts: 2, joins: String::new(), first: ("t.external_id".into(), 1), system: Some(("t.source_system", 0)) };
        }
        let (mut list, mut joins, mut first, mut system) = (vec![], String::new(), None, None);
        for name in key(table) {
            let n = list.len();
            match table.column(name).and_then(|c| c.references).and_then(table::table) {
                Some(to) => {
                    joins.push_str(&format!(" join {} j on j.id = t.{name}", to.name));
                    list.extend([format!("j.source_system as k{n}"), format!("j.external_id as k{}", n + 1)]);
                    first.get_or_insert(("j.external_id".to_string(), n + 1));
                    system = Some(("j.source_system", n));
                }
                None => {
                    list.push(format!("cast(t.{name} as text) as k{n}"));
                    first.get_or_insert((format!("t.{name}"), n));
                }
            }
        }
        Names { parts: list.len(), list: list.join(", "), joins, first: first.unwrap_or(("t.id".into(), 0)), system }
    }
    fn of_systems(&self, backend: sea_orm::DbBackend, part: impl Fn(usize) -> BTreeSet<String>) -> (String, Vec<sea_orm::Value>) {
        let Some((column, at)) = self.system else { return (String::new(), vec![]) };
        let systems = part(at);
        if systems.is_empty() || systems.len() > MOST_SYSTEMS {
            return (String::new(), vec![]);
        }
        let places: Vec<String> = (1..=systems.len()).map(|i| place(backend, i)).collect();
        (format!("{column} in ({}) and ", places.join(", ")), systems.into_iter().map(Into::into).collect())
    }
}
