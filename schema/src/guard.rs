//! Limits and cost of a document, before anything runs. Every fragment is walked once, so a document costs its length
//! and not its paths (a fragment DAG of 600 bytes has millions).
use crate::{
    audience::Captured,
    error::{BAD_REQUEST, COST_EXCEEDED, Refused},
    page::MAX_FIRST,
};
use async_graphql::{
    Name, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet},
    registry::{MetaField, MetaType, MetaTypeName},
};
use std::collections::HashMap;

/// The bounds of one request, in one place.
#[derive(Clone, Debug)]
pub struct Limits {
    pub document_bytes: usize,
    pub selections: u64,
    /// The standard introspection query of graphql-js needs 13.
    pub depth: u64,
    pub aliases: u64,
    pub root_fields: u64,
    pub directives: u64,
    pub operations: usize,
    pub fragments: usize,
    pub variables: usize,
    pub cost: u64,
}
impl Default for Limits {
    fn default() -> Self {
        Limits {
            document_bytes: 32 << 10,
            selections: 1000,
            depth: 16,
            aliases: 30,
            root_fields: 30,
            directives: 20,
            operations: 10,
            fragments: 50,
            variables: 50,
            cost: 20_000,
        }
    }
}

/// What a document amounts to, by the longest way through it.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Cost {
    pub selections: u64,
    pub depth: u64,
    pub aliases: u64,
    pub root_fields: u64,
    pub directives: u64,
    /// Points: own cost of each field, and at least one for each row that it can be asked for.
    pub cost: u64,
    introspection_lists: u64,
    /// A list is as long as a variable says: other variables may give another cost.
    pub by_variables: bool,
}
impl Cost {
    fn add(&mut self, o: Cost) {
        self.selections = self.selections.saturating_add(o.selections);
        self.depth = self.depth.max(o.depth);
        self.aliases = self.aliases.saturating_add(o.aliases);
        self.root_fields = self.root_fields.saturating_add(o.root_fields);
        self.directives = self.directives.saturating_add(o.directives);
        self.cost = self.cost.saturating_add(o.cost);
        self.introspection_lists = self.introspection_lists.max(o.introspection_lists);
        self.by_variables |= o.by_variables;
    }
}

/// The cost of the operation that would run, or why it may not. `bytes` is the length of the document's text.
pub fn check(
    view: &Captured,
    limits: &Limits,
    bytes: usize,
    doc: &ExecutableDocument,
    operation: Option<&str>,
    variables: &Variables,
) -> Result<Cost, Refused> {
    let mut walk = Walk { view, doc, variables, operation: None, done: HashMap::new(), steps: 0 };
    walk.check(limits, bytes, operation)
}
/// How many selections [`check`] looked at, whatever it found: the proof that a document costs its length.
pub fn steps(view: &Captured, limits: &Limits, bytes: usize, doc: &ExecutableDocument, variables: &Variables) -> u64 {
    let mut walk = Walk { view, doc, variables, operation: None, done: HashMap::new(), steps: 0 };
    let _ = walk.check(limits, bytes, None);
    walk.steps
}
fn too(what: &str, most: u64) -> Refused {
    Refused::new(BAD_REQUEST, format!("The document has too many {what}; at most {most} are allowed."))
}

struct Walk<'a> {
    view: &'a Captured,
    doc: &'a ExecutableDocument,
    variables: &'a Variables,
    operation: Option<&'a OperationDefinition>,
    /// By fragment; none while it is being walked.
    done: HashMap<&'a str, Option<Cost>>,
    steps: u64,
}
impl<'a> Walk<'a> {
    fn check(&mut self, limits: &Limits, bytes: usize, operation: Option<&str>) -> Result<Cost, Refused> {
        let doc = self.doc;
        if bytes > limits.document_bytes {
            return Err(too("bytes", limits.document_bytes as u64));
        }
        if doc.operations.iter().count() > limits.operations {
            return Err(too("operations", limits.operations as u64));
        }
        if doc.fragments.len() > limits.fragments {
            return Err(too("fragments", limits.fragments as u64));
        }
        let mut chosen = Cost::default();
        for (name, op) in doc.operations.iter() {
            if op.node.variable_definitions.len() > limits.variables {
                return Err(too("variables", limits.variables as u64));
            }
            self.operation = Some(&op.node);
            self.done.clear();
            let root = match op.node.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            let mut cost = self.set(&op.node.selection_set.node, root, 0)?;
            cost.directives = cost.directives.saturating_add(op.node.directives.len() as u64);
            for (what, is, most) in [
                ("selections", cost.selections, limits.selections),
                ("levels", cost.depth, limits.depth),
                ("aliases", cost.aliases, limits.aliases),
                ("root fields", cost.root_fields, limits.root_fields),
                ("directives", cost.directives, limits.directives),
            ] {
                if is > most {
                    return Err(too(what, most));
                }
            }
            let runs = operation.is_none_or(|o| name.is_some_and(|n| n.as_str() == o));
            if runs && cost.cost > limits.cost {
                let message = format!(
                    "This asks for too much at once: it costs {}, the limit is {}. Ask for fewer rows (`first`) or fewer levels.",
                    cost.cost, limits.cost
                );
                return Err(Refused { cost: Some(cost.cost), ..Refused::new(COST_EXCEEDED, message) });
            }
            if runs {
                chosen = cost;
            }
        }
        // Validation comes before it says that nothing uses them.
        for name in doc.fragments.keys() {
            let unused = self.fragment(name, 0)?;
            if unused.selections > limits.selections {
                return Err(too("selections", limits.selections));
            }
        }
        Ok(chosen)
    }
    fn set(&mut self, set: &'a SelectionSet, on: &str, level: u32) -> Result<Cost, Refused> {
        const DEEPEST: u32 = 200; // deeper than any limit allows; keeps the stack small
        if level > DEEPEST {
            return Err(Refused::new(BAD_REQUEST, "The document is nested too deep."));
        }
        let mut total = Cost::default();
        for item in &set.items {
            self.steps += 1;
            total.add(match &item.node {
                Selection::Field(f) => self.field(&f.node, on, level)?,
                Selection::InlineFragment(f) => {
                    let on = f.node.type_condition.as_ref().map_or(on, |c| c.node.on.node.as_str());
                    let mut cost = self.set(&f.node.selection_set.node, on, level + 1)?;
                    cost.directives = cost.directives.saturating_add(f.node.directives.len() as u64);
                    cost
                }
                Selection::FragmentSpread(f) => {
                    let mut cost = self.fragment(&f.node.fragment_name.node, level)?;
                    cost.selections = cost.selections.saturating_add(1);
                    cost.directives = cost.directives.saturating_add(f.node.directives.len() as u64);
                    cost
                }
            });
        }
        Ok(total)
    }
    fn fragment(&mut self, name: &'a Name, level: u32) -> Result<Cost, Refused> {
        match self.done.get(name.as_str()) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(Refused::new(BAD_REQUEST, "A fragment contains itself.")),
            None => {}
        }
        let Some(fragment) = self.doc.fragments.get(name) else { return Ok(Cost::default()) }; // validation will say so
        self.done.insert(name.as_str(), None);
        let cost = self.set(&fragment.node.selection_set.node, fragment.node.type_condition.node.on.node.as_str(), level + 1)?;
        self.done.insert(name.as_str(), Some(cost));
        Ok(cost)
    }
    fn field(&mut self, f: &'a Field, on: &str, level: u32) -> Result<Cost, Refused> {
        let name = f.name.node.as_str();
        let meta = self.view.types.get(on).and_then(|t| t.field_by_name(name));
        let to = meta.map_or("", |m| MetaTypeName::concrete_typename(&m.ty)).to_string();
        let mut cost = self.set(&f.selection_set.node, &to, level + 1)?;
        match name {
            // graphql-js's own introspection query nests these once; nested again they multiply
            "fields" | "interfaces" | "possibleTypes" | "inputFields" if on.starts_with("__") || meta.is_none() => cost.introspection_lists += 1,
            "__schema" | "__type" if cost.introspection_lists >= 3 => return Err(Refused::new(BAD_REQUEST, "The introspection is nested too deep.")),
            "__schema" | "__type" => cost.introspection_lists = 0,
            _ => {}
        }
        let own = self.view.policies.get(&(on.to_string(), name.to_string())).map_or(1, |p| p.cost);
        let rows = meta.map_or(1, |m| self.rows(f, m));
        let sized = |argument: &&str| matches!(f.get_argument(argument).map(|a| &a.node), Some(async_graphql_value::Value::Variable(_)));
        // a row is a point, even where only its columns are asked for
        let each = if rows > 1 { cost.cost.max(1) } else { cost.cost };
        Ok(Cost {
            selections: cost.selections.saturating_add(1),
            depth: cost.depth + 1,
            aliases: cost.aliases.saturating_add(u64::from(f.alias.is_some())),
            root_fields: 1,
            directives: cost.directives.saturating_add(f.directives.len() as u64),
            cost: own.saturating_add(each.saturating_mul(rows)),
            introspection_lists: cost.introspection_lists,
            by_variables: cost.by_variables || ["first", "last", "ids"].iter().any(sized),
        })
    }
    /// How many rows a field can give at most: what `first` or `last` says, else what it gives unasked.
    fn rows(&self, f: &Field, meta: &MetaField) -> u64 {
        let connection = MetaTypeName::concrete_typename(&meta.ty).ends_with("Connection");
        let list = meta.ty.contains('[');
        if list && let Some(ids) = f.get_argument("ids") {
            return match &ids.node {
                async_graphql_value::Value::List(ids) => ids.len() as u64,
                async_graphql_value::Value::Variable(name) => match self.variables.get(name) {
                    Some(async_graphql::Value::List(ids)) => ids.len() as u64,
                    _ => MAX_FIRST,
                },
                _ => 1,
            };
        }
        if !connection && (!list || !meta.args.contains_key("first")) {
            // `nodes` and `edges` are counted by their connection; a short list without `first` is bounded by its field
            return 1;
        }
        // null is like not given, so both are looked at
        let asked = |argument: &&str| match &f.get_argument(argument)?.node {
            async_graphql_value::Value::Number(n) => Some(n.as_u64().unwrap_or(MAX_FIRST).min(MAX_FIRST)),
            async_graphql_value::Value::Variable(name) => self.variable(name),
            async_graphql_value::Value::Null => None,
            _ => Some(MAX_FIRST),
        };
        ["first", "last"].iter().filter_map(asked).max().unwrap_or_else(|| unasked(meta))
    }
    fn variable(&self, name: &Name) -> Option<u64> {
        let default =
            || self.operation?.variable_definitions.iter().find(|d| d.node.name.node == *name)?.node.default_value.as_ref().map(|v| v.node.clone());
        match self.variables.get(name).cloned().or_else(default)? {
            async_graphql::Value::Number(n) => Some(n.as_u64().unwrap_or(MAX_FIRST).min(MAX_FIRST)),
            async_graphql::Value::Null => None,
            _ => Some(MAX_FIRST),
        }
    }
}
/// The doc of `first` tells the default; the registry has no other place for a declared list's.
fn unasked(meta: &MetaField) -> u64 {
    let doc = meta.args.get("first").and_then(|a| a.description.as_deref()).unwrap_or_default();
    doc.split("; ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok()).unwrap_or(20)
}

/// Whether a type of the view is a list that costs by `first`, for the test that walks the registry.
pub fn is_counted(view: &Captured, field: &MetaField) -> bool {
    let to = MetaTypeName::concrete_typename(&field.ty);
    let leads = matches!(view.types.get(to), Some(MetaType::Object { .. } | MetaType::Interface { .. } | MetaType::Union { .. }));
    !field.ty.contains('[') || !leads || field.args.contains_key("first")
}
