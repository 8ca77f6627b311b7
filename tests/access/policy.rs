//! The table of fields as it was reviewed (`tests/authorization.txt`), and how a field is asked for.
use crate::harness;
use async_graphql::registry::{MetaField, MetaType, MetaTypeName};
use entities::{Audience, model::EntityKind};
use schema::audience::Captured;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Policy {
    see: [bool; 4],
    pub scope: Option<String>,
}
impl Policy {
    pub fn sees(&self, audience: Audience) -> bool {
        self.see[Audience::ALL.iter().position(|a| *a == audience).expect("an audience")]
    }
}
/// By type and field.
pub type Policies = BTreeMap<String, BTreeMap<String, Policy>>;

pub fn policies() -> Policies {
    let text = std::fs::read_to_string(harness::root().join("tests/authorization.txt")).expect("the golden file");
    let mut all = Policies::new();
    for line in text.lines().skip(1).take_while(|l| !l.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [path, see @ .., scope] = words.as_slice() else { panic!("{line}") };
        let (ty, field) = path.split_once('.').expect("Type.field");
        let see: Vec<bool> = see.iter().map(|s| *s == "yes").collect();
        let policy = Policy { see: see.try_into().expect("four audiences"), scope: (*scope != "-").then(|| scope.to_string()) };
        all.entry(ty.into()).or_default().insert(field.into(), policy);
    }
    all
}

/// The kind of rows behind a type of the graph.
pub fn kind(ty: &str) -> Option<&'static EntityKind> {
    entities::KINDS.iter().find(|k| k.name == ty).copied()
}
pub fn fields<'a>(whole: &'a Captured, ty: &str) -> Vec<&'a MetaField> {
    match whole.types.get(ty) {
        Some(MetaType::Object { fields, .. }) => fields.values().filter(|f| !f.name.starts_with("__")).collect(),
        _ => vec![],
    }
}

/// What a field leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Leads {
    /// A value: compared as it is.
    Value,
    /// Rows of a kind: one, a list, a connection.
    Rows(&'static EntityKind),
    /// The same row, seen as another type.
    Same(String),
    /// Entries of a timeline.
    Timeline,
}
/// How to ask for a field, and what it leads to.
pub fn ask(whole: &Captured, field: &MetaField) -> (String, Leads) {
    let to = MetaTypeName::concrete_typename(&field.ty).to_string();
    let first = if field.args.contains_key("first") { "(first: 100)" } else { "" };
    let name = &field.name;
    if to == "TimelineEntryConnection" {
        return (format!("{name}{first} {{ totalCount nodes {{ kind title }} }}"), Leads::Timeline);
    }
    if let Some(to) = to.strip_suffix("Connection") {
        return (format!("{name}{first} {{ totalCount nodes {{ id }} }}"), Leads::Rows(kind(to).expect("rows")));
    }
    if let Some(kind) = kind(&to) {
        return (format!("{name}{first} {{ id }}"), Leads::Rows(kind));
    }
    match whole.types.get(&to) {
        Some(MetaType::Object { .. }) if to == "Money" => (format!("{name} {{ amount currency minor }}"), Leads::Value),
        Some(MetaType::Object { .. }) if to == "DateRange" => (format!("{name} {{ from to }}"), Leads::Value),
        Some(MetaType::Object { .. }) => (name.clone(), Leads::Same(to)),
        _ => (name.clone(), Leads::Value),
    }
}
