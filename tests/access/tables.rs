//! Every table as the database itself describes it, and rows that fill themselves: what a builder does not name gets a
//! value of its column's type, and every free text gets a canary. A new table or column is filled without being asked.
use crate::harness;
use entities::Store;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Id,
    Int,
    Bool,
    Text,
    Choice(Vec<String>),
    Instant,
    Day,
    Json,
    Currency,
}
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub required: bool,
}
pub type Tables = BTreeMap<String, Vec<Column>>;

/// Text columns whose values are words of a list that the database does not check, or digests.
const CLOSED: &[&str] = &[
    "actor",
    "audit_hash",
    "entity_type",
    "external_id",
    "from_state",
    "hash",
    "locale",
    "operation",
    "prev_hash",
    "row_hash",
    "session_hash",
    "source_system",
    "to_state",
];
const JSON: &[&str] = &["attrs", "evidence", "fields", "household", "keywords", "media", "postcodes", "questions", "report", "spec"];
const LISTS: &[&str] = &["fields", "keywords", "media", "postcodes", "questions"];

/// All tables of a migrated database.
pub async fn tables() -> Tables {
    let store = harness::store().await;
    let sql = "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite%' and name not like 'seaql%' order by name";
    let rows = store.reader().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("the catalogue");
    let text = |r: &sea_orm::QueryResult, c: &str| r.try_get::<String>("", c).expect(c);
    rows.iter().map(|r| (text(r, "name"), columns(&text(r, "sql")))).collect()
}
/// The columns of a `create table`.
fn columns(sql: &str) -> Vec<Column> {
    let body = &sql[sql.find('(').expect("columns") + 1..sql.rfind(')').expect("columns")];
    let (mut parts, mut depth, mut from) = (vec![], 0, 0);
    for (i, c) in body.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[from..]);
    parts.iter().filter_map(|p| column(p.trim())).collect()
}
fn column(text: &str) -> Option<Column> {
    let mut words = text.split_whitespace();
    let (name, ty) = (words.next()?.trim_matches('"').to_string(), words.next().unwrap_or_default());
    if ["unique", "primary", "check", "foreign", "constraint"].contains(&name.split('(').next().unwrap_or_default()) {
        return None;
    }
    let kind = match ty {
        "blob" => Kind::Id,
        "timestamptz" => Kind::Instant,
        "integer" | "bigint" => Kind::Int,
        "boolean" => Kind::Bool,
        "char(3)" => Kind::Currency,
        "text" if text.contains("check (") => {
            let list = &text[text.find(" in (").expect("a list") + 5..];
            Kind::Choice(list[..list.find(')').expect("a list")].split(',').map(|v| v.trim().trim_matches('\'').to_string()).collect())
        }
        "text" if JSON.contains(&name.as_str()) => Kind::Json,
        "text" if name == "at" || name.ends_with("_at") => Kind::Instant,
        "text" if name.ends_with("_on") => Kind::Day,
        "text" => Kind::Text,
        other => panic!("a column of an unknown type: {name} {other}"),
    };
    Some(Column { name, kind, required: text.contains("not null") || text.contains("primary key") })
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub enum V {
    Null,
    Id(Uuid),
    Text(String),
    Int(i64),
    Bool(bool),
}
impl V {
    pub fn id(&self) -> Option<Uuid> {
        if let V::Id(id) = self { Some(*id) } else { None }
    }
    pub fn text(&self) -> &str {
        if let V::Text(t) = self { t } else { "" }
    }
    fn literal(&self, backend: DbBackend) -> String {
        match self {
            V::Null => "null".into(),
            V::Id(id) if backend == DbBackend::Postgres => format!("'{id}'"),
            V::Id(id) => format!("x'{}'", id.simple()),
            V::Text(t) => format!("'{}'", t.replace('\'', "''")),
            V::Int(n) => n.to_string(),
            V::Bool(b) => b.to_string(),
        }
    }
}
impl From<Uuid> for V {
    fn from(id: Uuid) -> Self {
        V::Id(id)
    }
}
impl From<Option<Uuid>> for V {
    fn from(id: Option<Uuid>) -> Self {
        id.map_or(V::Null, V::Id)
    }
}
impl From<&str> for V {
    fn from(text: &str) -> Self {
        V::Text(text.into())
    }
}
impl From<String> for V {
    fn from(text: String) -> Self {
        V::Text(text)
    }
}
impl From<i64> for V {
    fn from(n: i64) -> Self {
        V::Int(n)
    }
}
impl From<bool> for V {
    fn from(b: bool) -> Self {
        V::Bool(b)
    }
}

/// A row as it was written.
#[derive(Clone, Debug)]
pub struct Row {
    pub table: String,
    /// Counts all rows: it stands in each canary of the row.
    pub no: usize,
    pub owner: String,
    pub cells: BTreeMap<String, V>,
}
impl Row {
    pub fn id(&self) -> Uuid {
        self.get("id").id().unwrap_or_default()
    }
    pub fn get(&self, column: &str) -> &V {
        self.cells.get(column).unwrap_or(&V::Null)
    }
    pub fn key(&self, column: &str) -> Option<Uuid> {
        self.get(column).id()
    }
    pub fn text(&self, column: &str) -> &str {
        self.get(column).text()
    }
    pub fn is(&self, column: &str) -> bool {
        *self.get(column) == V::Bool(true)
    }
}

/// `CNRY-l1-tickets-name-12`: owner, table, column, row.
pub fn canary(owner: &str, table: &str, column: &str, no: usize) -> String {
    format!("CNRY-{owner}-{table}-{column}-{no}")
}
/// The rows that canaries in a text name, with the column.
pub fn canaries(text: &str) -> Vec<(String, usize)> {
    let lower = text.to_lowercase();
    let mut found = vec![];
    for part in lower.split("cnry-").skip(1) {
        let word = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap_or_default();
        let bits: Vec<_> = word.split('-').collect();
        if let [_, table, column, no, ..] = bits.as_slice()
            && let Ok(no) = no.parse()
        {
            found.push((format!("{table}.{column}"), no));
        }
    }
    found
}

/// Completes a row: the cells given, and for the rest what their columns take.
pub fn fill(columns: &[Column], row: &mut Row) {
    let (now, today) = ("2026-01-15T12:00:00+00:00", "2026-01-15");
    for c in columns {
        if row.cells.contains_key(&c.name) {
            continue;
        }
        let word = canary(&row.owner, &row.table, &c.name, row.no);
        let value = match &c.kind {
            Kind::Id | Kind::Instant | Kind::Day if !c.required => V::Null,
            Kind::Id if c.name == "id" => V::Id(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + row.no as u128)),
            Kind::Id => panic!("{}.{} must be said", row.table, c.name),
            Kind::Instant => now.into(),
            Kind::Day => today.into(),
            Kind::Int => V::Int(1),
            Kind::Bool => V::Bool(false),
            Kind::Currency => "EUR".into(),
            Kind::Choice(words) => words[0].as_str().into(),
            Kind::Json if LISTS.contains(&c.name.as_str()) => format!("[\"{word}\"]").into(),
            Kind::Json => format!("{{\"x\":\"{word}\"}}").into(),
            Kind::Text if c.name == "locale" => "en".into(),
            Kind::Text if c.name == "source_system" => "hub".into(),
            Kind::Text if c.name == "external_id" => format!("x{}", row.no).into(),
            Kind::Text if CLOSED.contains(&c.name.as_str()) => {
                if c.required {
                    "x".into()
                } else {
                    V::Null
                }
            }
            Kind::Text => word.into(),
        };
        row.cells.insert(c.name.clone(), value);
    }
}
pub fn insert(row: &Row, backend: DbBackend) -> String {
    let names: Vec<_> = row.cells.keys().map(|k| format!("\"{k}\"")).collect();
    let values: Vec<_> = row.cells.values().map(|v| v.literal(backend)).collect();
    format!("insert into {} ({}) values ({})", row.table, names.join(", "), values.join(", "))
}

/// Every row of every table as text, by table: what must not change when something is refused.
pub async fn snapshot(store: &Store, tables: &Tables) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for (table, columns) in tables {
        let text = |c: &Column| match (store.backend(), &c.kind) {
            (DbBackend::Sqlite, Kind::Id) => format!("coalesce(lower(hex(\"{}\")), '')", c.name),
            (_, Kind::Id) => format!("coalesce(replace(\"{}\"::text, '-', ''), '')", c.name),
            _ => format!("coalesce(cast(\"{}\" as text), '')", c.name),
        };
        let sql = format!("select {} as line from {table}", columns.iter().map(text).collect::<Vec<_>>().join(" || '|' || "));
        let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), &sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let mut lines: Vec<String> = rows.iter().map(|r| r.try_get("", "line").expect("a line")).collect();
        lines.sort();
        all.insert(table.clone(), lines);
    }
    all
}
