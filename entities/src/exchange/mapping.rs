//! Mapping files: TOML that says which column of a source goes where. Built-in ones are files in `mappings/`;
//! a customer's own is read from a path and is the same thing.
//!
//! ```toml
//! source_system = "ibm_telco"
//! [customers]                                  # one table of ours; `[[products]]` where a row makes several
//! external_id = "customerID|Customer ID"       # the file's column, by any of its names
//! set = { kind = "const(consumer)", status = "map(Churn, Yes=closed, No=active)", closed_at = "if(status=closed, as_of)" }
//! [customer_facts.lifetime_billed]             # a table of a later version: counted and summed, not stored
//! value = "money(TotalCharges, USD, blank=0, warn)"
//! ```
//! `[file]` describes a file that does not speak for itself, `[vars]` names expressions, `[lists.x]` repeats a section
//! (`each = "x"`), `[lookups.x]` holds words. Everything is checked when the mapping is read.

/// Texts as values.
pub mod convert;
/// The language of the right-hand sides.
pub mod expression;
/// A row of a file as rows of tables.
pub mod row;

use crate::{
    Error, Result,
    exchange::{
        sheet::Layout,
        source_system::Kind,
        table::{self, Column, ColumnKind, Table},
    },
    model::TextEnum,
};
use encoding_rs::Encoding;
use expression::{Expr, Fault, Names, Parser, Words, suggest};
use std::{borrow::Cow, path::Path};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

#[derive(Debug)]
pub struct Mapping {
    /// `ibm-telco`; of a file of one's own, its stem.
    pub name: String,
    /// Mappings for files that come together: `--mapping FAMILY` picks among them.
    pub family: Option<String>,
    pub source_system: String,
    pub source_kind: Kind,
    /// The text, as it is kept with the batches that used it.
    pub body: String,
    pub layout: Layout,
    /// Cells that mean nothing, beside blank ones.
    pub nulls: Vec<String>,
    /// Patterns of file names (`vertrag*`), for files without a header.
    pub files: Vec<String>,
    /// A file that fits several mappings goes to the one of the highest rank.
    pub rank: i64,
    /// It speaks of the day that the file tells of, and today will not do (`as_of = "today"`).
    pub needs_as_of: bool,
    pub names: Names,
    pub vars: Vec<Expr>,
    pub sections: Vec<Section>,
    pub later: Vec<Later>,
}

/// The fields of each repetition of a section.
pub type Each = Vec<Vec<(String, Expr)>>;

/// Rows for one table.
#[derive(Debug)]
pub struct Section {
    pub table: &'static Table,
    /// The fields of each repetition; one without fields where the section is not repeated.
    pub each: Each,
    pub when: Option<Expr>,
    pub external_id: Expr,
    pub set: Vec<(&'static Column, Expr)>,
    pub only_new: bool,
}
/// What has no table yet: counted, and summed where it is money.
#[derive(Debug)]
pub struct Later {
    /// `customer_facts.lifetime_billed`
    pub name: String,
    pub value: Expr,
}

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("mappings/", $name, ".toml")))),+] };
}
/// The mappings that come with the hub: name and text.
pub const BUILTIN: &[(&str, &str)] =
    builtin!["ibm-telco", "tickets-generic", "customers-generic", "linkage-fake", "linkage-febrl", "dwh-de-kunde", "dwh-de-tarif", "dwh-de-vertrag"];

/// Tables of the domain model that are not here yet: a mapping may speak of them, and the report counts what waits.
const LATER: &[&str] = &[
    "agreements",
    "appointments",
    "bill_disputes",
    "campaign_contacts",
    "campaigns",
    "change_requests",
    "communications",
    "cost_centres",
    "credit_profiles",
    "customer_contacts",
    "customer_facts",
    "customer_scores",
    "documents",
    "feedback",
    "interactions",
    "needs",
    "offering_components",
    "offering_relations",
    "order_items",
    "orders",
    "payment_allocations",
    "payment_methods",
    "payments",
    "preferences",
    "problems",
    "promotions",
    "prospects",
    "quotes",
    "services",
    "sites",
    "slas",
    "social_profiles",
    "teams",
    "ticket_links",
    "usage_buckets",
    "usage_daily",
    "usage_events",
];
const KEYS: &[&str] = &["source_system", "source_kind", "title", "family", "rank", "as_of", "file", "vars", "lists", "lookups"];

impl Mapping {
    /// Reads a mapping by its built-in name.
    pub fn builtin(name: &str) -> Result<Option<Mapping>> {
        BUILTIN.iter().find(|b| b.0 == name).map(|b| Mapping::parse(b.0, b.1)).transpose()
    }
    /// The mappings that a name or a path on the command line means: one, or those of a family.
    pub fn named(name: &str) -> Result<Vec<Mapping>> {
        if let Some(mapping) = Mapping::builtin(name)? {
            return Ok(vec![mapping]);
        }
        let path = Path::new(name);
        if path.is_file() {
            let body = std::fs::read_to_string(path).map_err(|source| Error::Read { what: name.into(), source })?;
            let stem = path.file_stem().map_or(name.into(), |s| s.to_string_lossy());
            return Ok(vec![Mapping::parse(&stem, &body).map_err(|e| Error::Invalid(format!("{name}: {e}")))?]);
        }
        let family: Vec<_> = Mapping::all()?.into_iter().filter(|m| m.family.as_deref() == Some(name)).collect();
        if family.is_empty() {
            let near = suggest(name, BUILTIN.iter().map(|b| b.0));
            let known = BUILTIN.iter().map(|b| b.0).collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid(format!("there is neither a mapping nor a file {name}{near} Built in are: {known}")));
        }
        Ok(family)
    }
    pub fn all() -> Result<Vec<Mapping>> {
        BUILTIN.iter().map(|b| Mapping::parse(b.0, b.1)).collect()
    }
    /// Reads and checks a mapping file.
    pub fn parse(name: &str, body: &str) -> Result<Mapping> {
        let tree = DeTable::parse(body).map_err(|e| Error::Invalid(format!("the mapping is not TOML: {e}")))?;
        Reader { body }.mapping(name, tree.get_ref()).map_err(|f| Error::Invalid(f.told(body)))
    }
}

/// A fault and where it is.
struct Place {
    at: usize,
    text: String,
}
impl Place {
    fn told(&self, body: &str) -> String {
        let before = &body[..self.at.min(body.len())];
        let (line, column) = (before.matches('\n').count() + 1, before.len() - before.rfind('\n').map_or(0, |i| i + 1) + 1);
        format!("line {line}, column {column}: {}", self.text)
    }
}
type Found<T> = std::result::Result<T, Place>;
type Node<'a> = Spanned<DeValue<'a>>;
type Entry<'a, 'b> = (&'b str, usize, &'b Node<'a>);

struct Reader<'a> {
    body: &'a str,
}
struct Scopes {
    vars: Vec<String>,
    lists: Vec<(String, Each)>,
    lookups: Vec<(String, Words)>,
}

impl Reader<'_> {
    fn mapping(&self, name: &str, tree: &DeTable<'_>) -> Found<Mapping> {
        let top = entries(tree);
        let get = |key: &str| top.iter().find(|e| e.0 == key);
        let text_of = |key: &str| get(key).map(|e| text(e.2)).transpose();
        let source_system = text_of("source_system")?.ok_or_else(|| fault(0, "`source_system` is missing: the name that these ids belong to"))?;
        let source_kind =
            text_of("source_kind")?.map(|k| Kind::parse(&k).ok_or_else(|| fault(0, format!("`source_kind` cannot be {k}")))).transpose()?;
        let mut mapping = Mapping {
            name: name.into(),
            family: text_of("family")?,
            source_system,
            source_kind: source_kind.unwrap_or(Kind::Crm),
            body: self.body.into(),
            layout: Layout::default(),
            nulls: vec![],
            files: vec![],
            rank: get("rank").and_then(|e| e.2.get_ref().as_integer()?.as_str().parse().ok()).unwrap_or(0),
            needs_as_of: false,
            names: Names::default(),
            vars: vec![],
            sections: vec![],
            later: vec![],
        };
        if let Some(file) = get("file") {
            self.file(&mut mapping, file.2)?;
        }
        let mut scopes = Scopes { vars: vec![], lists: vec![], lookups: vec![] };
        for (list, _, words) in get("lookups").map_or(Ok(vec![]), |e| table_of(e.2))? {
            let pairs = table_of(words)?.into_iter().map(|(k, _, v)| Ok((k.to_string(), Some(text(v)?)))).collect::<Found<_>>()?;
            scopes.lookups.push((list.to_string(), pairs));
        }
        for (var, _, node) in get("vars").map_or(Ok(vec![]), |e| table_of(e.2))? {
            let value = self.expr(&mut mapping, &scopes, &[], vec![], node)?;
            mapping.vars.push(value);
            scopes.vars.push(var.to_string());
        }
        for (list, _, node) in get("lists").map_or(Ok(vec![]), |e| table_of(e.2))? {
            let each = self.each(&mut mapping, &scopes, node)?;
            scopes.lists.push((list.to_string(), each));
        }
        for (key, at, node) in &top {
            if KEYS.contains(key) {
                continue;
            }
            if let Some(table) = table::table(key) {
                for section in several(node) {
                    let section = self.section(&mut mapping, &scopes, table, section)?;
                    mapping.sections.push(section);
                }
            } else if LATER.contains(key) {
                self.later(&mut mapping, &scopes, key, node)?;
            } else {
                let known = table::tables().iter().map(|t| t.name).chain(KEYS.iter().copied()).chain(LATER.iter().copied());
                return Err(fault(*at, format!("there is no table or setting `{key}`{}", suggest(key, known))));
            }
        }
        if mapping.sections.is_empty() {
            return Err(fault(0, "no table is filled: a section like [customers] is missing"));
        }
        mapping.needs_as_of = mapping.names.as_of && get("as_of").is_none_or(|e| e.2.get_ref().as_str() != Some("today"));
        mapping.sections.sort_by_key(|s| table::rank(s.table.name));
        Ok(mapping)
    }
    fn file(&self, mapping: &mut Mapping, node: &Node<'_>) -> Found<()> {
        for (key, at, node) in table_of(node)? {
            match key {
                "delimiter" => mapping.layout.delimiter = text(node)?.bytes().next(),
                "encoding" => {
                    let name = text(node)?;
                    mapping.layout.encoding =
                        Some(Encoding::for_label(name.as_bytes()).ok_or_else(|| fault(at, format!("there is no encoding {name}")))?);
                }
                "columns" => mapping.layout.columns = texts(node)?,
                "null" => mapping.nulls = texts(node)?,
                "names" => mapping.files = texts(node)?,
                _ => {
                    return Err(fault(
                        at,
                        format!("[file] has no `{key}`{}", suggest(key, ["delimiter", "encoding", "columns", "null", "names"].into_iter())),
                    ));
                }
            }
        }
        Ok(())
    }
    fn section(&self, mapping: &mut Mapping, scopes: &Scopes, table: &'static Table, node: &Node<'_>) -> Found<Section> {
        let entries = table_of(node)?;
        let mut each = vec![vec![]];
        for (key, at, value) in &entries {
            match *key {
                "each" => each = self.repeated(mapping, scopes, value)?,
                "when" | "external_id" | "set" | "only_new" => {}
                _ => {
                    return Err(fault(
                        *at,
                        format!("[{}] has no `{key}`{}", table.name, suggest(key, ["external_id", "set", "when", "each", "only_new"].into_iter())),
                    ));
                }
            }
        }
        let items: Vec<String> = each.first().map(|e| e.iter().map(|f| f.0.clone()).collect()).unwrap_or_default();
        let find = |key: &str| entries.iter().find(|e| e.0 == key).map(|e| e.2);
        let when = find("when").map(|n| self.expr(mapping, scopes, &items, vec![], n)).transpose()?;
        let id = find("external_id").ok_or_else(|| fault(node.span().start, format!("[{}] needs an `external_id`", table.name)))?;
        let external_id = self.expr(mapping, scopes, &items, vec![], id)?;
        let only_new = find("only_new").and_then(|n| n.get_ref().as_bool()).unwrap_or(false);
        let mut set = vec![];
        for (name, at, value) in find("set").map_or(Ok(vec![]), table_of)? {
            let Some(column) = table.fillable().find(|c| c.name == name) else {
                return Err(fault(at, format!("{} has no column `{name}`{}", table.name, suggest(name, table.fillable().map(|c| c.name)))));
            };
            let before = set.iter().map(|s: &(&Column, Expr)| s.0.name).collect();
            let value = self.expr(mapping, scopes, &items, before, value)?;
            check(column, &value).map_err(|e| fault(at, e))?;
            set.push((column, value));
        }
        for column in table.fillable().filter(|c| !only_new && !c.nullable && !c.has_default && c.name != "customer_id") {
            if !set.iter().any(|s| s.0.name == column.name) {
                return Err(fault(node.span().start, format!("[{}] must set `{}`", table.name, column.name)));
            }
        }
        Ok(Section { table, each, when, external_id, set, only_new })
    }
    /// A list of items, or the name of one.
    fn repeated(&self, mapping: &mut Mapping, scopes: &Scopes, node: &Node<'_>) -> Found<Each> {
        let Some(name) = node.get_ref().as_str() else { return self.each(mapping, scopes, node) };
        let Some((_, _)) = scopes.lists.iter().find(|l| l.0 == name) else {
            return Err(fault(
                node.span().start,
                format!("there is no [[lists.{name}]]{}", suggest(name, scopes.lists.iter().map(|l| l.0.as_str()))),
            ));
        };
        // read once more: expressions are not copied
        let tree = DeTable::parse(self.body).map_err(|e| fault(0, e.to_string()))?;
        let list = tree.get_ref().get("lists").and_then(|l| l.get_ref().get(name));
        list.map_or(Ok(vec![]), |l| self.each(mapping, scopes, l))
    }
    fn each(&self, mapping: &mut Mapping, scopes: &Scopes, node: &Node<'_>) -> Found<Each> {
        let items = node.get_ref().as_array().ok_or_else(|| fault(node.span().start, "a list of tables belongs here"))?;
        let mut out: Each = vec![];
        for item in items.iter() {
            let fields = table_of(item)?
                .into_iter()
                .map(|(k, _, v)| Ok((k.to_string(), self.expr(mapping, scopes, &[], vec![], v)?)))
                .collect::<Found<Vec<_>>>()?;
            if let Some(first) = out.first()
                && let Some(missing) = first.iter().find(|f| !fields.iter().any(|g| g.0 == f.0))
            {
                return Err(fault(item.span().start, format!("this item has no `{}`, the first has", missing.0)));
            }
            out.push(fields);
        }
        Ok(out)
    }
    fn later(&self, mapping: &mut Mapping, scopes: &Scopes, name: &str, node: &Node<'_>) -> Found<()> {
        for (key, at, value) in table_of(node)? {
            let (name, value) = match value.get_ref().as_table() {
                None if key == "value" => (name.to_string(), value),
                Some(_) => {
                    let inner = table_of(value)?.into_iter().find(|e| e.0 == "value").map(|e| e.2);
                    (format!("{name}.{key}"), inner.ok_or_else(|| fault(at, "`value` is missing"))?)
                }
                None => return Err(fault(at, format!("`{name}` is not stored yet: it takes `value` and no `{key}`"))),
            };
            let value = self.expr(mapping, scopes, &[], vec![], value)?;
            mapping.later.push(Later { name, value });
        }
        Ok(())
    }
    fn expr(&self, mapping: &mut Mapping, scopes: &Scopes, items: &[String], set: Vec<&'static str>, node: &Node<'_>) -> Found<Expr> {
        let at = node.span().start;
        let text = match node.get_ref() {
            DeValue::String(text) => text.clone(),
            DeValue::Integer(number) => Cow::Borrowed(number.as_str()),
            DeValue::Boolean(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            _ => return Err(fault(at, "an expression in quotes belongs here")),
        };
        let parsed = Parser { names: &mut mapping.names, vars: &scopes.vars, items, set, lookups: &scopes.lookups }
            .expr(&text)
            .map_err(|f: Fault| fault(at, f.text))?;
        if !mapping.layout.columns.is_empty() {
            let known = &mapping.layout.columns;
            for name in mapping.names.columns.iter().filter(|n| !n.optional) {
                if !name.aliases.iter().any(|a| known.iter().any(|k| crate::model::same_word(a, k))) {
                    let word = &name.aliases[0];
                    return Err(fault(at, format!("the file has no column `{word}`{}", suggest(word, known.iter().map(String::as_str)))));
                }
            }
        }
        Ok(parsed)
    }
}

/// What can be seen to be wrong before any row is read.
fn check(column: &Column, value: &Expr) -> std::result::Result<(), String> {
    let sound = |text: &str| match column.kind {
        _ if !column.texts.is_empty() => column.texts.iter().any(|t| crate::model::same_word(t, text)),
        ColumnKind::Currency => crate::money::known(text),
        ColumnKind::Int => text.parse::<i64>().is_ok(),
        ColumnKind::Bool => convert::truth(text).is_some(),
        _ => true,
    };
    let wrong = |text: &str| match column.texts.is_empty() {
        false => {
            format!("`{}` cannot be `{text}`: it is one of {}{}", column.name, column.texts.join(", "), suggest(text, column.texts.iter().copied()))
        }
        true => format!("`{}` cannot be `{text}`", column.name),
    };
    let texts: Vec<&String> = match value {
        Expr::Text(text) => vec![text],
        Expr::Map { pairs, other, .. } => {
            let other = if let expression::Other::Is(o) = other { o.as_ref() } else { None };
            pairs.iter().filter_map(|p| p.1.as_ref()).chain(other).collect()
        }
        _ => vec![],
    };
    texts.into_iter().find(|t| !sound(t)).map_or(Ok(()), |t| Err(wrong(t)))
}

fn fault(at: usize, text: impl Into<String>) -> Place {
    Place { at, text: text.into() }
}
/// In the order of the file, which TOML's own tables forget.
fn entries<'a, 'b>(table: &'b DeTable<'a>) -> Vec<Entry<'a, 'b>> {
    let mut all: Vec<_> = table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span().start, v)).collect();
    all.sort_by_key(|e| e.1);
    all
}
fn table_of<'a, 'b>(node: &'b Node<'a>) -> Found<Vec<Entry<'a, 'b>>> {
    node.get_ref().as_table().map(entries).ok_or_else(|| fault(node.span().start, "a table belongs here"))
}
fn several<'a, 'b>(node: &'b Node<'a>) -> Vec<&'b Node<'a>> {
    node.get_ref().as_array().map_or_else(|| vec![node], |a| a.iter().collect())
}
fn text(node: &Node<'_>) -> Found<String> {
    node.get_ref().as_str().map(str::to_string).ok_or_else(|| fault(node.span().start, "a text belongs here"))
}
fn texts(node: &Node<'_>) -> Found<Vec<String>> {
    node.get_ref().as_array().ok_or_else(|| fault(node.span().start, "a list of texts belongs here"))?.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    fn check(body: &str, expected: &str) {
        let error = Mapping::parse("test", body).map(|_| String::new()).unwrap_or_else(|e| e.to_string());
        assert!(error.contains(expected) && error.starts_with("line "), "{error}, not {expected}");
    }
    #[test]
    fn the_built_in_mappings_are_sound() {
        for (name, _) in BUILTIN {
            Mapping::builtin(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    #[test]
    fn a_misspelt_name_is_told_with_its_place_and_a_suggestion() {
        let head = "source_system = 'x'\n";
        check(&format!("{head}[customer]\nexternal_id = 'id'"), "there is no table or setting `customer`; did you mean `customers`?");
        check(
            &format!("{head}[regions]\nexternal_id = 'id'\nset = {{ cod = 'id' }}"),
            "line 4, column 9: regions has no column `cod`; did you mean `code`?",
        );
        check(&format!("{head}[regions]\nexternal_id = 'mony(id, EUR)'"), "line 3, column 15: there is no function `mony`; did you mean `money`?");
        check(
            &format!("{head}[regions]\nexternal_id = 'id'\nset = {{ code = 'id', name = 'id', kind = 'const(countri)' }}"),
            "did you mean `country`?",
        );
        check(&format!("{head}[regions]\nexternal_id = 'id'\nset = {{ code = 'id' }}"), "[regions] must set `name`");
        check(&format!("{head}[regions]\nexternal_id = 'money(id'"), "is a bracket or a quote missing?");
        check(
            &format!("{head}[file]\ncolumns = ['number']\n[regions]\nexternal_id = 'numbr'"),
            "the file has no column `numbr`; did you mean `number`?",
        );
        check(&format!("{head}[regions]\nexternal_id = 'money(id, NOPE=1)'"), "it is money(value, EUR");
    }
}
