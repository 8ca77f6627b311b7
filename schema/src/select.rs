//! What a request selects: fields merged by response key through fragments, `@skip` and `@include`, as the
//! specification's CollectFields does, and argument values with variables filled in.
use async_graphql::{
    Context, Name, Positioned, Value, Variables,
    parser::types::{Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::Value as Input;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

/// The parts of a request that a selection refers to.
#[derive(Clone, Copy)]
pub struct Doc<'a> {
    pub fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    pub variables: &'a Variables,
    pub operation: &'a OperationDefinition,
    /// Where it is noted which variables had a say.
    pub read: Option<&'a Read>,
}
/// Variables that were looked at, and what they were; none: not given.
pub type Read = Mutex<BTreeMap<Name, Option<Value>>>;
impl<'a> Doc<'a> {
    pub fn of(ctx: &Context<'a>) -> Self {
        let env = ctx.query_env;
        Doc { fragments: &env.fragments, variables: &env.variables, operation: &env.operation.node, read: None }
    }
    /// With its variables filled in (GraphQL, "Input Coercion"). Where a variable was not given, the value is none, a field
    /// of an input object is not there, and an item of a list is null.
    fn value(&self, value: &Input) -> Option<Value> {
        match value {
            Input::Variable(name) => self.variable(name),
            Input::List(items) => Some(Value::List(items.iter().map(|item| self.value(item).unwrap_or(Value::Null)).collect())),
            Input::Object(fields) => Some(Value::Object(fields.iter().filter_map(|(name, v)| Some((name.clone(), self.value(v)?))).collect())),
            constant => constant.clone().into_const(),
        }
    }
    fn variable(&self, name: &Name) -> Option<Value> {
        let given = self.variables.get(name).cloned();
        if let Some(read) = self.read {
            read.lock().unwrap_or_else(|e| e.into_inner()).entry(name.clone()).or_insert_with(|| given.clone());
        }
        let default =
            || self.operation.variable_definitions.iter().find(|d| d.node.name.node == *name)?.node.default_value.as_ref().map(|d| d.node.clone());
        given.or_else(default)
    }
    /// An argument; null and an absent variable count as not given.
    pub fn arg(&self, field: &Field, name: &str) -> Option<Value> {
        self.value(&field.get_argument(name)?.node).filter(|v| *v != Value::Null)
    }
    /// The same for a text that goes into the statement as a value: with the variable that holds it, where one does, which
    /// then has no say but by being there.
    pub fn bound(&self, field: &Field, name: &str) -> Option<(Value, Option<Name>)> {
        if let Input::Variable(variable) = &field.get_argument(name)?.node
            && let Some(given @ (Value::String(_) | Value::Number(_))) = self.variables.get(variable)
        {
            return Some((given.clone(), Some(variable.clone())));
        }
        self.arg(field, name).map(|value| (value, None))
    }
    /// Notes that what an argument is had a say.
    pub fn noted(&self, field: &Field, name: &str) {
        self.arg(field, name);
    }
    fn skips(&self, item: &Selection) -> bool {
        item.directives().iter().any(|d| {
            let on = || d.node.get_argument("if").and_then(|v| self.value(&v.node)) == Some(Value::Boolean(true));
            match d.node.name.node.as_str() {
                "skip" => on(),
                "include" => !on(),
                _ => false,
            }
        })
    }
}

/// One response key: the field, and all selection sets that were written for it.
pub struct Pick<'a> {
    pub key: &'a str,
    pub field: &'a Positioned<Field>,
    pub sets: Vec<&'a SelectionSet>,
}
impl Pick<'_> {
    pub fn name(&self) -> &str {
        self.field.node.name.node.as_str()
    }
}

/// The fields selected on an object of this type.
pub fn collect<'a>(doc: Doc<'a>, sets: &[&'a SelectionSet], ty: &str) -> Vec<Pick<'a>> {
    let mut picks = vec![];
    for set in sets {
        add(doc, set, ty, &mut picks);
    }
    picks
}
fn add<'a>(doc: Doc<'a>, set: &'a SelectionSet, ty: &str, picks: &mut Vec<Pick<'a>>) {
    for item in &set.items {
        if doc.skips(&item.node) {
            continue;
        }
        let (condition, inner) = match &item.node {
            Selection::Field(f) => {
                let (key, set) = (f.node.response_key().node.as_str(), &f.node.selection_set.node);
                match picks.iter_mut().find(|p| p.key == key) {
                    Some(p) => p.sets.push(set),
                    None => picks.push(Pick { key, field: f, sets: vec![set] }),
                }
                continue;
            }
            Selection::InlineFragment(f) => (f.node.type_condition.as_ref(), &f.node.selection_set.node),
            Selection::FragmentSpread(f) => {
                let Some(f) = doc.fragments.get(&f.node.fragment_name.node) else { continue };
                (Some(&f.node.type_condition), &f.node.selection_set.node)
            }
        };
        if condition.is_none_or(|c| applies(&c.node.on.node, ty)) {
            add(doc, inner, ty, picks);
        }
    }
}
/// Validation has seen to it that an interface or union named here can be this type.
fn applies(condition: &str, ty: &str) -> bool {
    condition == ty || crate::node::is_abstract(condition)
}
