//! One schema, four views. Declared types are put into async-graphql's registry by hand; then, when the last root is
//! registered, what the audience may not know is taken out. A pruned field is unknown to validation, introspection and
//! SDL alike: it cannot be told from a misspelt one.
use crate::{
    declare::*,
    graph::{UNIONS, graph, roots, ty},
};
use async_graphql::{TypeDirective, Value, indexmap::IndexMap, registry::*};
use entities::Audience;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

thread_local! {
    static VIEW: Cell<Audiences> = const { Cell::new(0) };
    static CAPTURED: RefCell<Captured> = const { RefCell::new(Captured { types: BTreeMap::new(), policies: BTreeMap::new() }) };
}

/// What a view knows beside the schema itself: its types, for checking variables before anything runs, and the policy
/// of every field of the whole graph.
#[derive(Clone, Default)]
pub struct Captured {
    pub types: BTreeMap<String, MetaType>,
    /// By type and field, from before the cut.
    pub policies: BTreeMap<(String, String), Policy>,
}
/// What a field declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub see: Audiences,
    pub scope: Option<String>,
    pub cost: u64,
}

/// Builds a schema as this audience sees it; none: everything, with the policy shown. One after another: the view is
/// chosen by thread while async-graphql registers types.
pub fn viewed_by<S>(who: Option<Audience>, build: impl FnOnce() -> S) -> (S, Captured) {
    VIEW.set(who.map_or(0, only));
    let schema = build();
    VIEW.set(0);
    (schema, CAPTURED.take())
}

/// The policy of a hand-written field or object: who may know it (names of audiences, or `all`), the scope it needs,
/// what it costs. `#[graphql(directive = auth::apply("agent customer".into(), Some("ticket:write".into()), Some(10)))]`
#[TypeDirective(location = "FieldDefinition", location = "Object", location = "InputFieldDefinition")]
pub fn auth(audience: String, scope: Option<String>, cost: Option<i32>) {}

const NAMES: [(&str, Audiences); 4] = [("agent", AGENT), ("partner", PARTNER), ("customer", CUSTOMER), ("public", PUBLIC)];
fn names(see: Audiences) -> String {
    NAMES.iter().filter(|n| n.1 & see != 0).map(|n| n.0).collect::<Vec<_>>().join(" ")
}
fn see_of(text: &str) -> Audiences {
    if text == "all" { ALL } else { text.split(' ').filter_map(|w| NAMES.iter().find(|n| n.0 == w)).map(|n| n.1).sum() }
}
fn directive(see: Audiences, scope: Option<&str>, cost: u64) -> MetaDirectiveInvocation {
    auth::apply(names(see), scope.map(Into::into), Some(cost as i32))
}
fn policy_of(directives: &[MetaDirectiveInvocation]) -> Option<Policy> {
    let args = &directives.iter().find(|d| d.name == "auth")?.args;
    let text = |name: &str| match args.get(name) {
        Some(Value::String(s)) => Some(s.clone()),
        _ => None,
    };
    let cost = match args.get("cost") {
        Some(Value::Number(n)) => n.as_u64().unwrap_or(1),
        _ => 1,
    };
    Some(Policy { see: see_of(&text("audience").unwrap_or_default()), scope: text("scope"), cost })
}
/// The scope that a field of the view asks for.
pub fn scope_of(field: &MetaField) -> Option<&str> {
    match field.directive_invocations.iter().find(|d| d.name == "auth")?.args.get("scope")? {
        Value::String(s) => Some(s),
        _ => None,
    }
}

// ---- registration ----------------------------------------------------------------------------------------------

fn input(name: &str, ty: &str, doc: &str, see: Audiences) -> (String, MetaInputValue) {
    let value = MetaInputValue {
        name: name.into(),
        description: (!doc.is_empty()).then(|| doc.to_string()),
        ty: ty.into(),
        deprecation: Deprecation::NoDeprecated,
        default_value: None,
        visible: None,
        inaccessible: false,
        tags: vec![],
        is_secret: false,
        directive_invocations: vec![directive(see, None, 0)],
    };
    (name.into(), value)
}
fn meta(name: &str, ty: String, doc: &str, args: Vec<(String, MetaInputValue)>, policy: MetaDirectiveInvocation) -> (String, MetaField) {
    let field = MetaField {
        name: name.into(),
        description: (!doc.is_empty()).then(|| doc.to_string()),
        args: args.into_iter().collect(),
        ty,
        deprecation: Deprecation::NoDeprecated,
        cache_control: Default::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: vec![],
        override_from: None,
        compute_complexity: None,
        directive_invocations: vec![policy],
        requires_scopes: vec![],
    };
    (name.into(), field)
}
fn object(r: &mut Registry, name: &str, doc: &str, fields: Vec<(String, MetaField)>) {
    let ty = MetaType::Object {
        name: name.into(),
        description: (!doc.is_empty()).then(|| doc.to_string()),
        fields: fields.into_iter().collect(),
        cache_control: Default::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: vec![],
        is_subscription: false,
        rust_typename: None,
        directive_invocations: vec![],
        requires_scopes: vec![],
    };
    r.types.insert(name.into(), ty);
}
fn scalar(r: &mut Registry, name: &str, doc: &str) {
    let ty = MetaType::Scalar {
        name: name.into(),
        description: Some(doc.into()),
        is_valid: None,
        visible: None,
        inaccessible: false,
        tags: vec![],
        specified_by_url: None,
        directive_invocations: vec![],
        requires_scopes: vec![],
    };
    r.types.insert(name.into(), ty);
}
/// An enum by its values' names.
pub fn enumeration<'a>(r: &mut Registry, name: &str, values: impl Iterator<Item = &'a str>) {
    let value = |name: &str| {
        let v = MetaEnumValue {
            name: name.into(),
            description: None,
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: vec![],
            directive_invocations: vec![],
        };
        (name.to_string(), v)
    };
    let ty = MetaType::Enum {
        name: name.into(),
        description: None,
        enum_values: values.map(value).collect(),
        visible: None,
        inaccessible: false,
        tags: vec![],
        rust_typename: None,
        directive_invocations: vec![],
        requires_scopes: vec![],
    };
    r.types.insert(name.into(), ty);
}
fn input_object(r: &mut Registry, name: &str, doc: &str, fields: Vec<(String, MetaInputValue)>) {
    let ty = MetaType::InputObject {
        name: name.into(),
        description: Some(doc.into()),
        input_fields: fields.into_iter().collect(),
        visible: None,
        inaccessible: false,
        tags: vec![],
        rust_typename: None,
        oneof: false,
        directive_invocations: vec![],
    };
    r.types.insert(name.into(), ty);
}

/// Puts all declared types into the registry, once.
pub fn register(r: &mut Registry) {
    if r.types.contains_key("PageInfo") {
        return;
    }
    scalar(r, "DateTime", "An instant in UTC, whole seconds: `2026-01-15T12:00:00Z`.");
    scalar(r, "Date", "A calendar day: `2026-01-15`.");
    scalar(r, "Decimal", "An exact decimal number as text: `-12.50`.");
    scalar(r, "BigInt", "A whole number as text, up to 64 bits.");
    scalar(r, "CurrencyCode", "A currency by its ISO 4217 code: `EUR`.");
    scalar(r, "JSON", "Any JSON value, as the source system gave it.");
    page_info(r);
    value_objects(r);
    for t in graph() {
        let fields = t.fields.iter().map(|f| field_meta(r, f)).collect();
        object(r, t.name, t.doc, fields);
        for f in &t.fields {
            if let Source::Column { scalar: Scalar::Enum(name, values), .. } = &f.source {
                enumeration(r, name, values.iter().map(|v| v.1));
            }
        }
        filters_and_sorts(r, t);
    }
    let everyone = || directive(ALL, None, 0);
    for f in graph().iter().flat_map(|t| &t.fields).chain(roots()) {
        let Source::Many(Many { to, shape: Shape::Connection, .. }) = f.source else { continue };
        object(
            r,
            &format!("{to}Connection"),
            &format!("A page of a list of {to}."),
            vec![
                meta("edges", format!("[{to}Edge!]!"), "The rows with their cursors.", vec![], everyone()),
                meta("nodes", format!("[{to}!]!"), "The rows.", vec![], everyone()),
                meta("pageInfo", "PageInfo!".into(), "Whether there are more, and where to go on.", vec![], everyone()),
                meta("totalCount", "Int".into(), "How many there are in all; counted only when asked for.", vec![], directive(ALL, None, 20)),
            ],
        );
        object(
            r,
            &format!("{to}Edge"),
            &format!("A {to} in a list."),
            vec![
                meta("cursor", "String!".into(), "Where in the list this row stands.", vec![], everyone()),
                meta("node", format!("{to}!"), "The row.", vec![], everyone()),
            ],
        );
    }
    abstract_types(r);
    input_object(
        r,
        "ExternalIdInput",
        "An id in a source system.",
        vec![input("sourceSystem", "String!", "The code of the source system.", ALL), input("externalId", "String!", "Its id there.", ALL)],
    );
}
fn page_info(r: &mut Registry) {
    let everyone = || directive(ALL, None, 0);
    let fields = vec![
        meta("hasNextPage", "Boolean!".into(), "Whether rows follow. Going backward: whether there is a `before`.", vec![], everyone()),
        meta("hasPreviousPage", "Boolean!".into(), "Whether rows come before. Going forward: whether there is an `after`.", vec![], everyone()),
        meta("startCursor", "String".into(), "The cursor of the first row; null on an empty page.", vec![], everyone()),
        meta("endCursor", "String".into(), "The cursor of the last row; null on an empty page.", vec![], everyone()),
    ];
    object(r, "PageInfo", "Where a page stands in its list.", fields);
}
fn value_objects(r: &mut Registry) {
    let everyone = || directive(ALL, None, 0);
    let money = vec![
        meta("amount", "Decimal!".into(), "In major units, with the digits of the currency: `12.50`.", vec![], everyone()),
        meta("currency", "CurrencyCode!".into(), "The currency of both numbers.", vec![], everyone()),
        meta("minor", "BigInt!".into(), "In minor units (cents): `1250`.", vec![], everyone()),
    ];
    object(r, "Money", "An exact amount of money.", money);
    let range =
        vec![meta("from", "Date".into(), "The first day.", vec![], everyone()), meta("to", "Date".into(), "The last day.", vec![], everyone())];
    object(r, "DateRange", "A time from day to day, both included.", range);
}
/// `Node`, and the unions of search and timeline.
fn abstract_types(r: &mut Registry) {
    let everyone = || directive(ALL, None, 0);
    let nodes: Vec<_> = graph().iter().filter(|t| t.is_node()).map(|t| t.name.to_string()).collect();
    for name in &nodes {
        r.add_implements(name, "Node");
    }
    let node = MetaType::Interface {
        name: "Node".into(),
        description: Some("Anything with an id of its own.".into()),
        fields: [meta("id", "ID!".into(), "Stays the same for ever.", vec![], everyone())].into_iter().collect(),
        possible_types: nodes.into_iter().collect(),
        extends: false,
        inaccessible: false,
        tags: vec![],
        keys: None,
        visible: None,
        rust_typename: None,
        directive_invocations: vec![],
        requires_scopes: vec![],
    };
    r.types.insert("Node".into(), node);
    for (name, doc, members) in UNIONS {
        let union = MetaType::Union {
            name: name.to_string(),
            description: Some(doc.to_string()),
            possible_types: members.iter().map(|m| m.to_string()).collect(),
            visible: None,
            inaccessible: false,
            tags: vec![],
            rust_typename: None,
            directive_invocations: vec![],
        };
        r.types.insert(name.to_string(), union);
    }
}
/// `TicketFilter` and `TicketSort`. What they speak of is as secret as the field, and nobody filters by what a mask
/// hides from them.
fn filters_and_sorts(r: &mut Registry, t: &Type) {
    let see = |field: &str| t.field(field).map_or(0, |f| f.masks.iter().fold(f.see, |see, m| see & !m.0));
    if !t.filters.is_empty() {
        for f in &t.filters {
            if let Scalar::Enum(name, values) = f.scalar {
                enumeration(r, name, values.iter().map(|v| v.1));
            }
        }
        let fields = t.filters.iter().map(|f| input(f.name, &f.graphql(), f.doc, see(f.field))).collect();
        input_object(r, &format!("{}Filter", t.name), &format!("Narrows a list of {}; conditions are joined by and.", t.name), fields);
    }
    if !t.sorts.is_empty() {
        let who = VIEW.get();
        let known = t.sorts.iter().filter(|s| who == 0 || see(s.2) & who != 0);
        enumeration(r, &format!("{}Sort", t.name), known.map(|s| s.0));
    }
}
/// A declared field as async-graphql knows it.
pub fn field_meta(r: &mut Registry, f: &Field) -> (String, MetaField) {
    let arg = |(name, ty, doc): &Argument| input(name, ty, doc, ALL);
    let args = match &f.source {
        Source::Find { by, .. } => {
            let ty = |name: &str| {
                if name == "externalId" {
                    "ExternalIdInput".to_string()
                } else {
                    format!("{}{}", if name == "id" { "ID" } else { "String" }, if by.len() == 1 { "!" } else { "" })
                }
            };
            by.iter().map(|(name, doc, _)| input(name, &ty(name), doc, ALL)).collect()
        }
        Source::One { args, .. } | Source::Computed { args, .. } => args.iter().map(arg).collect(),
        Source::Many(m) => many_args(m),
        _ => vec![],
    };
    let ty = f.graphql(r);
    meta(f.name, ty, f.doc, args, directive(f.see, f.scope, f.cost))
}
fn many_args(m: &Many) -> Vec<(String, MetaInputValue)> {
    let first = format!("At most {}; {} when not given.", crate::page::MAX_FIRST, m.default);
    let mut args = vec![input("first", "Int", &first, ALL)];
    if m.shape == Shape::Connection {
        args.push(input("after", "String", "Go on behind this cursor.", ALL));
        args.push(input("last", "Int", "The last rows, instead of the first.", ALL));
        args.push(input("before", "String", "Stop before this cursor.", ALL));
    }
    if m.filtered && !ty(m.to).filters.is_empty() {
        args.push(input("filter", &format!("{}Filter", m.to), "Only those for which all of this holds.", ALL));
    }
    if m.sorted && !ty(m.to).sorts.is_empty() {
        args.push(input("sort", &format!("{}Sort", m.to), "Another order.", ALL));
    }
    if m.tree {
        args.push(input("includeDescendants", "Boolean", "Also of all customers below in the hierarchy.", ALL));
    }
    args
}

// ---- the cut ---------------------------------------------------------------------------------------------------

/// Called when the last root is registered.
pub fn finish(r: &mut Registry) {
    let policies = policies(r);
    if VIEW.get() != 0 {
        prune(r, VIEW.get());
    }
    CAPTURED.set(Captured { types: r.types.clone(), policies });
}
fn policies(r: &Registry) -> BTreeMap<(String, String), Policy> {
    let mut all = BTreeMap::new();
    for t in r.types.values() {
        let MetaType::Object { name, fields, directive_invocations, .. } = t else { continue };
        let own = policy_of(directive_invocations);
        for f in fields.values().filter(|f| !f.name.starts_with("__") && !name.starts_with("__")) {
            let mut policy = policy_of(&f.directive_invocations).or_else(|| own.clone()).unwrap_or_default();
            policy.see |= crate::mutant::also_seen(name, &f.name, policy.see);
            all.insert((name.clone(), f.name.clone()), policy);
        }
    }
    all
}
fn prune(r: &mut Registry, who: Audiences) {
    for t in r.types.values_mut() {
        match t {
            MetaType::Object { name, fields, directive_invocations, .. } if !name.starts_with("__") => {
                let own = policy_of(directive_invocations);
                fields.retain(|n, f| {
                    n.starts_with("__")
                        || policy_of(&f.directive_invocations)
                            .or_else(|| own.clone())
                            .is_some_and(|p| (p.see | crate::mutant::also_seen(name, n, p.see)) & who != 0)
                });
                for f in fields.values_mut() {
                    f.args.retain(|_, a| policy_of(&a.directive_invocations).is_none_or(|p| p.see & who != 0));
                }
            }
            MetaType::InputObject { input_fields, .. } => {
                input_fields.retain(|_, a| policy_of(&a.directive_invocations).is_none_or(|p| p.see & who != 0))
            }
            _ => {}
        }
    }
    while remove_empty(r) {}
    hide_policies(r);
}
/// A type without members is unknown too, and so is everything that speaks of it. Says whether any went.
fn remove_empty(r: &mut Registry) -> bool {
    let empty = |t: &MetaType| match t {
        MetaType::Object { fields, name, .. } => fields.is_empty() && !name.starts_with("__"),
        MetaType::InputObject { input_fields, .. } => input_fields.is_empty(),
        MetaType::Enum { enum_values, .. } => enum_values.is_empty(),
        MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. } => possible_types.is_empty(),
        MetaType::Scalar { .. } => false,
    };
    let gone: Vec<String> = r.types.values().filter(|t| empty(t)).map(|t| t.name().to_string()).collect();
    for name in &gone {
        r.types.remove(name);
        r.implements.remove(name);
    }
    let known = |ty: &str| !gone.iter().any(|g| MetaTypeName::concrete_typename(ty) == g);
    for t in r.types.values_mut() {
        match t {
            MetaType::Object { fields, .. } | MetaType::Interface { fields, .. } => {
                fields.retain(|_, f| known(&f.ty));
                for f in fields.values_mut() {
                    f.args.retain(|_, a| known(&a.ty));
                }
            }
            MetaType::InputObject { input_fields, .. } => input_fields.retain(|_, a| known(&a.ty)),
            _ => {}
        }
        if let MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. } = t {
            possible_types.retain(|p| !gone.contains(p));
        }
    }
    !gone.is_empty()
}
/// Who else sees a field is nobody's business: only its scope stays in the SDL.
fn hide_policies(r: &mut Registry) {
    if let Some(d) = r.directives.get_mut("auth") {
        d.args.retain(|n, _| n == "scope");
    }
    let clean = |directives: &mut Vec<MetaDirectiveInvocation>| {
        for d in directives.iter_mut().filter(|d| d.name == "auth") {
            d.args.retain(|n, v| n == "scope" && *v != Value::Null);
        }
        directives.retain(|d| d.name != "auth" || !d.args.is_empty());
    };
    let clean_args = |args: &mut IndexMap<String, MetaInputValue>| args.values_mut().for_each(|a| a.directive_invocations.clear());
    for t in r.types.values_mut() {
        match t {
            MetaType::Object { fields, directive_invocations, .. } => {
                directive_invocations.retain(|d| d.name != "auth");
                for f in fields.values_mut() {
                    clean(&mut f.directive_invocations);
                    clean_args(&mut f.args);
                }
            }
            MetaType::Interface { fields, .. } => fields.values_mut().for_each(|f| clean(&mut f.directive_invocations)),
            MetaType::InputObject { input_fields, .. } => clean_args(input_fields),
            _ => {}
        }
    }
}

/// audience × field, from before the cut: the golden file `authorization.txt`.
pub fn matrix(captured: &Captured) -> String {
    let mut out = format!("{:48} {:9} {:9} {:9} {:9} scope\n", "field", "agent", "partner", "customer", "public");
    for ((ty, field), p) in &captured.policies {
        let [agent, partner, customer, public] = NAMES.map(|n| if p.see & n.1 != 0 { "yes" } else { "-" });
        let line = format!("{:48} {agent:9} {partner:9} {customer:9} {public:9} {}", format!("{ty}.{field}"), p.scope.as_deref().unwrap_or("-"));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
/// What a caller must be allowed to do to meet a row of each type by its id alone, or by searching.
pub fn reads() -> String {
    let mut lines: Vec<_> = graph()
        .iter()
        .filter(|t| entities::KINDS.iter().any(|k| k.name == t.name))
        .map(|t| format!("{:48} {}", t.name, t.reads().unwrap_or("-")))
        .collect();
    lines.sort();
    format!("\n{:48} scope\n{}\n", "row by its id or by searching", lines.join("\n"))
}
