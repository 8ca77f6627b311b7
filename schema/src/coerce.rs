//! Variables against their declared types, before anything runs: a missing or mistyped one is a request error, as the
//! specification asks, and never reads as "argument not given".
use crate::{audience::Captured, error::Refused};
use async_graphql::{
    Name, Value, Variables,
    parser::types::{BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type},
    registry::{MetaInputValue, MetaType, MetaTypeName},
};
use async_graphql_value::Value as Input;
use std::collections::HashSet;

/// The variables of the operation, checked, with defaults filled in: async-graphql forgets them in `@skip` and
/// `@include`. Those that were given but not declared are left out, as the specification says.
pub fn variables(view: &Captured, operation: &OperationDefinition, mut given: Variables) -> Result<Variables, Refused> {
    let mut all = Variables::default();
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        match (given.remove(name), &definition.node.default_value) {
            (Some(value), _) => {
                of_type(view, ty, &value, &format!("${name}"))?;
                all.insert(name.clone(), value);
            }
            (None, Some(default)) => _ = all.insert(name.clone(), default.node.clone()),
            (None, None) if !ty.nullable => return Err(Refused::input(format!("The variable ${name} of type {ty} was not given."))),
            (None, None) => {}
        }
    }
    Ok(all)
}
/// The document without the variables that were not given, as the specification asks: an argument or a field of an input
/// object that such a variable stands in is not there, an item of a list is null. async-graphql takes them all for null,
/// which clears what an absent field leaves as it is. None where none is missing; one that is used nowhere, or whose type
/// is none of an input, is left for validation to tell.
pub fn without_absent(
    view: &Captured,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    given: &Variables,
) -> Option<ExecutableDocument> {
    let absent = operation.variable_definitions.iter().map(|d| &d.node).filter(|d| !given.contains_key(&d.name.node));
    let absent = absent.filter(|d| view.types.get(base(&d.var_type.node)).is_some_and(MetaType::is_input)).map(|d| d.name.node.clone()).collect();
    let mut missing = Missing { absent, stripped: HashSet::new() };
    if missing.absent.is_empty() {
        return None;
    }
    let mut document = document.clone();
    each_operation(&mut document, |operation| missing.strip(&mut operation.selection_set.node));
    document.fragments.values_mut().for_each(|fragment| missing.strip(&mut fragment.node.selection_set.node));
    each_operation(&mut document, |operation| operation.variable_definitions.retain(|d| !missing.stripped.contains(&d.node.name.node)));
    Some(document)
}
/// Variables that are taken out, and those that were met.
struct Missing {
    absent: HashSet<Name>,
    stripped: HashSet<Name>,
}
impl Missing {
    fn strip(&mut self, set: &mut SelectionSet) {
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => {
                    field.node.arguments.retain_mut(|(_, value)| self.leaves(&mut value.node));
                    self.strip(&mut field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.strip(&mut fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    /// Whether anything is left of the value.
    fn leaves(&mut self, value: &mut Input) -> bool {
        match value {
            Input::Variable(name) if self.absent.contains(name) => {
                self.stripped.insert(name.clone());
                return false;
            }
            Input::Object(fields) => fields.retain(|_, field| self.leaves(field)),
            Input::List(items) => items.iter_mut().for_each(|item| {
                if !self.leaves(item) {
                    *item = Input::Null;
                }
            }),
            _ => {}
        }
        true
    }
}
fn each_operation(document: &mut ExecutableDocument, mut each: impl FnMut(&mut OperationDefinition)) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => each(&mut operation.node),
        DocumentOperations::Multiple(all) => all.values_mut().for_each(|operation| each(&mut operation.node)),
    }
}
fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::List(inner) => base(inner),
        BaseType::Named(name) => name,
    }
}
/// Whether all that variables can hold is checked here: numbers, texts, truth values and enums, and lists of them.
/// Other types are read where they are used.
pub fn is_plain(view: &Captured, operation: &OperationDefinition) -> bool {
    let plain =
        |name: &str| matches!(name, "Int" | "Float" | "Boolean" | "String" | "ID") || matches!(view.types.get(name), Some(MetaType::Enum { .. }));
    operation.variable_definitions.iter().all(|d| plain(base(&d.node.var_type.node)))
}
fn of_type(view: &Captured, ty: &Type, value: &Value, at: &str) -> Result<(), Refused> {
    match (value, &ty.base) {
        (Value::Null, _) if ty.nullable => Ok(()),
        (Value::Null, _) => Err(Refused::input(format!("{at} must not be null."))),
        (Value::List(items), BaseType::List(inner)) => items.iter().enumerate().try_for_each(|(i, v)| of_type(view, inner, v, &format!("{at}[{i}]"))),
        (one, BaseType::List(inner)) => of_type(view, inner, one, at), // a single value is a list of one
        (value, BaseType::Named(name)) => named(view, name, value, at),
    }
}
fn named(view: &Captured, name: &Name, value: &Value, at: &str) -> Result<(), Refused> {
    let ok = match (name.as_str(), value) {
        ("Int", Value::Number(n)) => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("Float", Value::Number(_)) | ("Boolean", Value::Boolean(_)) | ("String", Value::String(_)) | ("ID", Value::String(_)) => true,
        ("ID", Value::Number(n)) => n.is_i64() || n.is_u64(),
        ("Int" | "Float" | "Boolean" | "String" | "ID", _) => false,
        _ => return declared(view, name, value, at),
    };
    if ok { Ok(()) } else { Err(Refused::input(format!("{at} is not a {name}."))) }
}
fn declared(view: &Captured, name: &Name, value: &Value, at: &str) -> Result<(), Refused> {
    let wrong = || Err(Refused::input(format!("{at} is not a {name}.")));
    match (view.types.get(name.as_str()), value) {
        (Some(MetaType::Enum { enum_values, .. }), Value::String(s)) if enum_values.contains_key(s) => Ok(()),
        (Some(MetaType::Enum { enum_values, .. }), Value::Enum(s)) if enum_values.contains_key(s.as_str()) => Ok(()),
        (Some(MetaType::InputObject { input_fields, .. }), Value::Object(given)) => {
            if let Some(unknown) = given.keys().find(|k| !input_fields.contains_key(k.as_str())) {
                return Err(Refused::input(format!("{at} has no field {unknown}.")));
            }
            input_fields.values().try_for_each(|f| field(view, f, given.get(f.name.as_str()), at))
        }
        (Some(MetaType::Enum { .. } | MetaType::InputObject { .. }), _) => wrong(),
        (Some(MetaType::Scalar { .. }), Value::Object(_) | Value::List(_)) if name != "JSON" => wrong(),
        _ => Ok(()), // custom scalars are read where they are used; unknown types are validation's to tell
    }
}
fn field(view: &Captured, f: &MetaInputValue, given: Option<&Value>, at: &str) -> Result<(), Refused> {
    let at = format!("{at}.{}", f.name);
    match given {
        None if f.ty.ends_with('!') && f.default_value.is_none() => Err(Refused::input(format!("{at} of type {} was not given.", f.ty))),
        None => Ok(()),
        Some(value) => match Type::new(&f.ty) {
            Some(ty) => of_type(view, &ty, value, &at),
            None => Err(Refused::input(format!("{at} is not a {}.", MetaTypeName::concrete_typename(&f.ty)))),
        },
    }
}
