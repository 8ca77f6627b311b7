//! Random valid queries over a view of the graph, from a seed: aliases, fragments, `@skip`, `@include`, `__typename`,
//! pages, filters and sorts.
use async_graphql::registry::{MetaField, MetaType, MetaTypeName};
use rand::{Rng, RngCore, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use schema::audience::Captured;
use std::fmt::Write;

/// A query, and the fields it selects as `Type.field`.
pub struct Random<'a> {
    view: &'a Captured,
    rng: ChaCha8Rng,
    fragments: String,
    names: usize,
    /// Ids that stand for rows of each kind, own and foreign.
    ids: &'a [String],
    /// What is searched and filtered by.
    words: &'a [String],
}
impl<'a> Random<'a> {
    pub fn new(view: &'a Captured, ids: &'a [String], seed: u64) -> Self {
        Random { view, rng: ChaCha8Rng::seed_from_u64(seed), fragments: String::new(), names: 0, ids, words: &[] }
    }
    pub fn words(self, words: &'a [String]) -> Self {
        Random { words, ..self }
    }
    /// One document; `$yes` and `$no` are its variables.
    pub fn query(&mut self) -> String {
        self.fragments.clear();
        let mut body = String::new();
        let roots = self.fields("Query");
        let n = self.rng.gen_range(1..=2);
        for field in roots.choose_multiple(&mut self.rng, n).cloned().collect::<Vec<_>>() {
            self.field(&mut body, &field, 0);
        }
        // with the one it is executed, with the other its statements may be known
        let (name, fields) = if self.rng.gen_bool(0.5) { ("viewer", "{ audience }") } else { ("articles(first: 1)", "{ totalCount }") };
        format!(
            "query Q($yes: Boolean! = true, $no: Boolean = false) {{ v: {name} @include(if: $yes) {fields} w: {name} @skip(if: $yes) {fields} x: {name} @include(if: $no) {fields} {body} }}{}",
            self.fragments
        )
    }
    fn fields(&self, ty: &str) -> Vec<MetaField> {
        match self.view.types.get(ty) {
            Some(MetaType::Object { fields, .. } | MetaType::Interface { fields, .. }) => {
                fields.values().filter(|f| !f.name.starts_with("__")).cloned().collect()
            }
            _ => vec![],
        }
    }
    fn field(&mut self, out: &mut String, field: &MetaField, depth: usize) {
        let to = MetaTypeName::concrete_typename(&field.ty).to_string();
        let Some(args) = self.arguments(field) else { return };
        if self.rng.gen_bool(0.25) {
            self.names += 1;
            write!(out, "a{}: ", self.names).unwrap();
        } else if !args.is_empty() {
            self.names += 1; // two of one key with other arguments would not merge
            write!(out, "b{}: ", self.names).unwrap();
        }
        out.push_str(&field.name);
        out.push_str(&args);
        match self.rng.gen_range(0..20) {
            0 => out.push_str(" @include(if: $yes)"),
            1 => out.push_str(" @skip(if: $no)"),
            _ => {}
        }
        if self.leads(&to) {
            out.push_str(" {");
            self.selection(out, &to, depth + 1);
            out.push('}');
        }
        out.push(' ');
    }
    fn leads(&self, ty: &str) -> bool {
        matches!(self.view.types.get(ty), Some(MetaType::Object { .. } | MetaType::Interface { .. } | MetaType::Union { .. }))
    }
    fn selection(&mut self, out: &mut String, ty: &str, depth: usize) {
        out.push_str("__typename ");
        if let Some(MetaType::Union { possible_types, .. } | MetaType::Interface { possible_types, .. }) = self.view.types.get(ty) {
            for member in possible_types.iter().cloned().collect::<Vec<_>>() {
                if self.rng.gen_bool(0.4) {
                    write!(out, "... on {member} {{").unwrap();
                    self.selection(out, &member, depth + 1);
                    out.push_str("} ");
                }
            }
            return;
        }
        let (leads, leaves): (Vec<_>, Vec<_>) = self.fields(ty).into_iter().partition(|f| self.leads(MetaTypeName::concrete_typename(&f.ty)));
        let n = self.rng.gen_range(1..=5);
        for f in leaves.choose_multiple(&mut self.rng, n).cloned().collect::<Vec<_>>() {
            self.field(out, &f, depth);
        }
        let wrapper = ty.ends_with("Connection") || ty.ends_with("Edge");
        if depth < 6 || wrapper {
            let n = if wrapper { 2 } else { self.rng.gen_range(0..=2) };
            for f in leads.choose_multiple(&mut self.rng, n).cloned().collect::<Vec<_>>() {
                match self.rng.gen_range(0..10) {
                    0 => self.fragment(out, ty, &f, depth),
                    1 => {
                        write!(out, "... on {ty} {{").unwrap();
                        self.field(out, &f, depth);
                        out.push_str("__typename } ");
                    }
                    _ => self.field(out, &f, depth),
                }
            }
        }
    }
    fn fragment(&mut self, out: &mut String, ty: &str, field: &MetaField, depth: usize) {
        self.names += 1;
        let name = format!("F{}", self.names);
        let mut body = String::new();
        self.field(&mut body, field, depth);
        write!(out, "...{name} ").unwrap();
        let all = format!(" fragment {name} on {ty} {{ __typename {body} }}");
        self.fragments.push_str(&all);
    }
    /// None where a required argument cannot be made up.
    fn arguments(&mut self, field: &MetaField) -> Option<String> {
        let mut args = vec![];
        for arg in field.args.values() {
            let required = arg.ty.ends_with('!');
            let value = match (arg.name.as_str(), MetaTypeName::concrete_typename(&arg.ty)) {
                ("ids", _) => Some(format!("[{}]", (0..4).map(|_| self.id()).collect::<Vec<_>>().join(", "))),
                ("id", _) => Some(self.id()),
                ("first", _) if self.rng.gen_bool(0.6) => Some(self.rng.gen_range(0..6).to_string()),
                ("filter", ty) if self.rng.gen_bool(0.3) => self.filter(ty),
                ("sort", ty) if self.rng.gen_bool(0.5) => self.enum_value(ty),
                ("includeDescendants", _) if self.rng.gen_bool(0.5) => Some("true".into()),
                ("locale", _) => Some("\"de\"".into()),
                ("query" | "text" | "value", _) => Some(self.word("bill")),
                ("slug" | "after" | "before", _) if !self.words.is_empty() && self.rng.gen_bool(0.05) => Some(self.word("x")),
                ("kind", ty) if required => self.enum_value(ty),
                _ if required => return None,
                _ => None,
            };
            if let Some(value) = value {
                args.push(format!("{}: {value}", arg.name));
            } else if required {
                return None;
            }
        }
        if field.args.contains_key("customerNo") && args.is_empty() {
            args.push(format!("id: {}", self.id()));
        }
        if field.args.contains_key("ticketNo") && args.is_empty() {
            args.push(format!("id: {}", self.id()));
        }
        Some(if args.is_empty() { String::new() } else { format!("({})", args.join(", ")) })
    }
    fn word(&mut self, otherwise: &str) -> String {
        format!("{:?}", self.words.choose(&mut self.rng).map_or(otherwise, String::as_str))
    }
    fn id(&mut self) -> String {
        match self.ids.choose(&mut self.rng) {
            Some(id) => format!("\"{id}\""),
            None => "\"cus_00000000000000000000000000000000\"".into(),
        }
    }
    fn enum_value(&mut self, ty: &str) -> Option<String> {
        match self.view.types.get(ty) {
            Some(MetaType::Enum { enum_values, .. }) => {
                let i = self.rng.next_u32() as usize % enum_values.len();
                enum_values.keys().nth(i).cloned()
            }
            _ => None,
        }
    }
    fn filter(&mut self, ty: &str) -> Option<String> {
        let Some(MetaType::InputObject { input_fields, .. }) = self.view.types.get(ty) else { return None };
        let fields: Vec<_> = input_fields.values().cloned().collect();
        let f = fields.choose(&mut self.rng)?;
        let value = match MetaTypeName::concrete_typename(&f.ty) {
            "Date" => "\"2025-12-01\"".into(),
            "DateTime" => "\"2025-12-01T00:00:00Z\"".into(),
            "String" => self.word("x"),
            "Boolean" => "true".into(),
            ty => {
                let most = if self.rng.gen_bool(0.5) { 1 } else { 10 };
                let values: Vec<_> = (0..self.rng.gen_range(1..=most)).map(|_| self.enum_value(ty)).collect::<Option<_>>()?;
                format!("[{}]", values.join(", "))
            }
        };
        Some(format!("{{{}: {value}}}", f.name))
    }
}
