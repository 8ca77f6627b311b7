//! The tables that can be imported and exported, parents before children. Read from the migrations, so that a table
//! or column that is added there needs no line here.
use crate::{KINDS, migrations, model::EntityKind};
use sea_orm::DbBackend;
use std::sync::LazyLock;

/// A table as the import sees it.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<Column>,
    /// How the graph and the change log know its rows; none for rows that only join others.
    pub kind: Option<&'static EntityKind>,
    /// Column sets whose values no two rows share, beside the id and the id in the source.
    pub unique: Vec<Vec<&'static str>>,
    /// Whether its rows hold `(source_system, external_id)`. The others are known to a source by `external_refs`.
    pub has_source: bool,
}

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub nullable: bool,
    pub has_default: bool,
    /// The table that its value points to.
    pub references: Option<&'static str>,
    /// Whole numbers of 32 bits.
    pub narrow: bool,
    /// The values of an enum, in database text; empty for others.
    pub texts: Vec<&'static str>,
    /// Whether an index holds it: PostgreSQL has room for some 2,700 bytes there.
    pub indexed: bool,
}
impl Column {
    /// Whether a source can fill it.
    pub fn is_fillable(&self) -> bool {
        !BASE.contains(&self.name) && !SOURCE.contains(&self.name)
    }
    /// The most bytes of a text.
    pub fn longest(&self) -> usize {
        if self.indexed { 1_000 } else { 256 * 1024 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Uuid,
    Text,
    /// ISO 4217, three letters.
    Currency,
    Int,
    Bool,
    Date,
    Instant,
    Json,
}

/// What every row has and no source speaks of.
const BASE: &[&str] = &["id", "created_at", "updated_at", "row_version"];
/// What the import itself writes on every row of a source.
const SOURCE: &[&str] = &["source_system", "external_id", "row_hash", "import_batch_id"];
/// Tables without a source of their own that come with those that have one.
const BESIDE: &[&str] = &["identities", "kb_categories", "kb_article_versions"];

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
    /// The columns that a source can fill.
    pub fn fillable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.is_fillable())
    }
    /// The column whose changes are kept in `state_changes`.
    pub fn state_column(&self) -> Option<&'static str> {
        self.columns.iter().find(|c| matches!(c.name, "status" | "state") && !c.texts.is_empty()).map(|c| c.name)
    }
    /// Whether its rows belong to a customer.
    pub fn is_owned(&self) -> bool {
        self.column("customer_id").is_some() && self.column("partner_id").is_some_and(|c| c.nullable)
    }
    /// What `external_refs` and the change log call its rows.
    pub fn entity_type(&self) -> &'static str {
        self.kind.map_or(self.name, |k| k.name)
    }
}

/// All tables that can be imported, in load order.
pub fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| read().into_iter().filter(|t| t.has_source || BESIDE.contains(&t.name)).collect());
    &TABLES
}
/// All tables, those too that no source fills.
pub fn catalogue() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(read);
    &TABLES
}
pub fn table(name: &str) -> Option<&'static Table> {
    tables().iter().find(|t| t.name == name)
}
/// The place of a table in the load order.
pub fn rank(name: &str) -> usize {
    tables().iter().position(|t| t.name == name).unwrap_or(usize::MAX)
}

fn read() -> Vec<Table> {
    let mut tables: Vec<Table> = vec![];
    for text in migrations::texts() {
        for statement in migrations::statements(text, DbBackend::Postgres) {
            // leaked once per process: every name below is a part of it
            let statement: &'static str = Box::leak(statement.into_boxed_str());
            if let Some(rest) = statement.strip_prefix("create table ") {
                tables.extend(create(rest));
            } else if let Some((name, column)) = statement.strip_prefix("alter table ").and_then(|s| s.split_once(" add column "))
                && let Some(at) = tables.iter().position(|t| t.name == name.trim())
            {
                add(&mut tables[at], column.trim());
                // a table that is younger than one that points to it comes before that, where it needs nothing in between
                let to = tables[at].columns.last().and_then(|c| c.references);
                let known =
                    |t: &Table| t.columns.iter().filter_map(|c| c.references).all(|r| r == t.name || tables[..at].iter().any(|o| o.name == r));
                if let Some(younger) = tables.iter().skip(at + 1).position(|t| Some(t.name) == to && known(t)) {
                    let table = tables.remove(at + 1 + younger);
                    tables.insert(at, table);
                }
            } else if let Some((name, column)) = statement.strip_prefix("alter table ").and_then(|s| s.split_once(" drop column "))
                && let Some(table) = tables.iter_mut().find(|t| t.name == name.trim())
            {
                table.columns.retain(|c| c.name != column.trim());
            } else if let Some((name, columns)) = statement.strip_prefix("alter table ").and_then(|s| s.split_once(" rename column "))
                && let Some((from, to)) = columns.split_once(" to ")
                && let Some(table) = tables.iter_mut().find(|t| t.name == name.trim())
            {
                table.columns.iter_mut().filter(|c| c.name == from.trim()).for_each(|c| c.name = to.trim());
            } else if let Some((unique, name, list)) = index(statement)
                && let Some(table) = tables.iter_mut().find(|t| t.name == name)
            {
                let words = list.split(',').filter_map(|c| c.split_whitespace().next()).collect::<Vec<_>>();
                table.columns.iter_mut().filter(|c| words.contains(&c.name)).for_each(|c| c.indexed = true);
                if !unique {
                    continue;
                }
                let mut key: Vec<&str> = list.split(',').map(str::trim).collect();
                // rows are looked up by the first: not by one of few words
                key.sort_by_key(|k| table.column(k).is_some_and(|c| !c.texts.is_empty()));
                table.unique.push(key);
            }
        }
    }
    for table in &mut tables {
        let unique = table.unique.iter().flatten().copied().chain(["external_id"]).collect::<Vec<_>>();
        table.columns.iter_mut().filter(|c| unique.contains(&c.name)).for_each(|c| c.indexed = true);
    }
    tables
}
/// Whether it is unique, of what table, and of what columns.
fn index(statement: &'static str) -> Option<(bool, &'static str, &'static str)> {
    let (kind, rest) = statement.strip_prefix("create ")?.split_once("index ")?;
    let (name, rest) = rest.split_once(" on ")?.1.split_once('(')?;
    Some((kind == "unique ", name.trim(), rest.split_once(')')?.0))
}
fn create(text: &'static str) -> Option<Table> {
    let (name, body) = text.split_once('(')?;
    let name = name.trim();
    let kind = KINDS.iter().copied().find(|k| k.table == name);
    let mut table = Table { name, columns: vec![], kind, unique: vec![], has_source: false };
    for item in items(body.trim_end().strip_suffix(')')?) {
        add(&mut table, item);
    }
    table.has_source = table.column("import_batch_id").is_some();
    table.unique.retain(|u| *u != ["source_system", "external_id"]);
    Some(table)
}
/// A column or a constraint of a table.
fn add(table: &mut Table, item: &'static str) {
    if let Some(list) = item.strip_prefix("unique (") {
        table.unique.push(list.trim_end_matches(')').split(',').map(str::trim).collect());
        return;
    }
    let mut words = item.split_whitespace();
    let (Some(name), Some(kind)) = (words.next(), words.next()) else { return };
    let narrow = kind.trim_end_matches(',') == "integer";
    let kind = match kind.trim_end_matches(',') {
        "uuid" => ColumnKind::Uuid,
        "text" => ColumnKind::Text,
        "char(3)" => ColumnKind::Currency,
        "bigint" | "integer" => ColumnKind::Int,
        "boolean" => ColumnKind::Bool,
        "date" => ColumnKind::Date,
        "timestamptz" => ColumnKind::Instant,
        "json" => ColumnKind::Json,
        _ => return, // `primary key (…)`
    };
    if item.ends_with(" unique") {
        table.unique.push(vec![name]);
    }
    table.columns.push(Column {
        name,
        kind,
        narrow,
        nullable: !item.contains(" not null") && !item.contains(" primary key"),
        has_default: item.contains(" default "),
        references: item.split_once(" references ").and_then(|r| r.1.split_whitespace().next()),
        indexed: false,
        texts: item.split_once(" in (").map(|c| c.1.split('\'').skip(1).step_by(2).collect()).unwrap_or_default(),
    });
}
/// The parts between commas, not looking into brackets.
fn items(body: &'static str) -> Vec<&'static str> {
    let (mut depth, mut start, mut out) = (0, 0, vec![]);
    for (i, c) in body.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(body[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(body[start..].trim());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable};

    /// The migration and the entity say the same of each column.
    fn check<E: EntityTrait>(entity: E) {
        let table = table(entity.table_name()).unwrap();
        let ours: Vec<_> = table.columns.iter().map(|c| (c.name, c.nullable)).collect();
        let theirs: Vec<_> = E::Column::iter().map(|c| (c.as_str(), c.def().is_null())).collect();
        assert_eq!(ours, theirs, "{}", table.name);
    }
    #[test]
    fn the_migration_and_the_entities_have_the_same_columns() {
        use crate::{billing::*, care::*, catalogue::*, conversation::*, knowledge::*, party::*, privacy::*};
        check(region::Entity);
        check(party::Entity);
        check(contact_medium::Entity);
        check(customer::Entity);
        check(customer_contact::Entity);
        check(team::Entity);
        check(partner::Entity);
        check(partner_customer::Entity);
        check(product_category::Entity);
        check(product_offering::Entity);
        check(offering_price::Entity);
        check(billing_account::Entity);
        check(product::Entity);
        check(bill::Entity);
        check(bill_line::Entity);
        check(conversation::Entity);
        check(message::Entity);
        check(ticket::Entity);
        check(ticket_note::Entity);
        check(category::Entity);
        check(article::Entity);
        check(article_version::Entity);
        check(consent::Entity);
    }
    #[test]
    fn parents_come_before_children() {
        for (i, t) in tables().iter().enumerate() {
            for c in t.columns.iter().filter(|c| c.name != "import_batch_id") {
                let Some(parent) = c.references else { continue };
                assert!(rank(parent) <= i, "{}.{} points to {parent}", t.name, c.name);
            }
        }
    }
    #[test]
    fn a_column_tells_its_type_its_target_and_its_values() {
        let ticket = table("tickets").unwrap();
        assert_eq!(ticket.column("priority").unwrap().texts, ["low", "medium", "high", "critical"]);
        assert_eq!(ticket.column("customer_id").unwrap().references, Some("customers"));
        assert_eq!((ticket.unique.as_slice(), ticket.state_column()), (&[vec!["ticket_no"]][..], Some("status")));
        assert!(ticket.is_owned() && !table("offering_prices").unwrap().is_owned());
        let indexed = |table_name: &str, column: &str| table(table_name).unwrap().column(column).unwrap().indexed;
        assert!(indexed("parties", "given_name") && indexed("bills", "bill_no") && indexed("customers", "customer_no"));
        assert!(!indexed("tickets", "description") && indexed("messages", "rfc_message_id"));
        assert_eq!(table("bill_lines").unwrap().unique, [["bill_id", "line_no"]]);
        assert_eq!(table("messages").unwrap().unique, [["rfc_message_id", "direction"]]);
        assert_eq!(table("bills").unwrap().column("currency").unwrap().kind, ColumnKind::Currency);
    }
}
