//! The declarations themselves: names that exist, docs, audiences, indexes, prices; and what is hidden looks misspelt.
use super::{ask::World, cast};
use crate::harness;
use async_graphql::registry::{MetaType, MetaTypeName};
use entities::{
    model::EntityKind,
    rule::{Rule, Rules},
};
use schema::{
    audience::Captured,
    declare::{Source, Type},
    graph::{find_ty, graph, roots},
    guard,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[test]
fn every_field_has_a_doc_and_an_audience() {
    let whole = schema::whole();
    let unseen: Vec<_> = whole.policies.iter().filter(|(_, p)| p.see == 0).map(|(k, _)| k).collect();
    assert!(unseen.is_empty(), "no audience: {unseen:?}");
    let mut bare = vec![];
    for t in whole.types.values() {
        if let MetaType::Object { name, fields, description, .. } = t
            && !name.starts_with("__")
        {
            bare.extend(description.is_none().then(|| name.clone()));
            bare.extend(fields.values().filter(|f| !f.name.starts_with("__") && f.description.is_none()).map(|f| format!("{name}.{}", f.name)));
        }
    }
    assert!(bare.is_empty(), "no doc: {bare:?}");
}

#[test]
fn every_declared_name_exists() {
    for (owner, f) in graph().iter().flat_map(|t| t.fields.iter().map(move |f| (t.name, f))).chain(roots().iter().map(|f| ("Query", f))) {
        let to = match &f.source {
            Source::One { to, .. } | Source::Same { to } | Source::Find { to, .. } | Source::Mine { to } => to,
            Source::Many(m) => m.to,
            _ => continue,
        };
        assert!(find_ty(to).is_some(), "{owner}.{} leads to {to}, which is not declared", f.name);
    }
    for t in graph() {
        for f in &t.fields {
            if let Source::Computed { needs, .. } = &f.source {
                assert!(needs.iter().all(|n| t.field(n).is_some()), "{}.{} needs what is not there", t.name, f.name);
            }
        }
        for name in t.filters.iter().map(|f| f.field).chain(t.sorts.iter().map(|s| s.2)) {
            assert!(t.field(name).is_some(), "{} filters or sorts by {name}, which is no field", t.name);
        }
        let names: BTreeSet<_> = t.fields.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), t.fields.len(), "{} declares a field twice", t.name);
    }
}

#[test]
fn every_list_costs_by_its_length() {
    let whole = schema::whole();
    // Bounded by what they are: a handful, written by hand.
    let short = ["Query.lookup", "Query.nodes", "Viewer.customers"];
    for t in whole.types.values() {
        let MetaType::Object { name, fields, .. } = t else { continue };
        if name.starts_with("__") || name.ends_with("Connection") || name.ends_with("Payload") {
            continue;
        }
        for f in fields.values() {
            let path = format!("{name}.{}", f.name);
            assert!(guard::is_counted(&whole, f) || short.contains(&path.as_str()), "{path} is a list whose length is not counted");
        }
    }
}

/// The columns of every index, and whether it is unique.
async fn indexes(store: &entities::Store) -> BTreeMap<String, Vec<(Vec<String>, bool)>> {
    let sql = "select m.name as t, l.name as i, l.\"unique\" as u, x.name as c from sqlite_master m join pragma_index_list(m.name) l join pragma_index_info(l.name) x where m.type = 'table' order by m.name, l.name, x.seqno";
    let rows = store.reader().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("pragmas");
    let mut all: BTreeMap<(String, String), (Vec<String>, bool)> = BTreeMap::new();
    for r in rows {
        let get = |n: &str| r.try_get::<String>("", n).expect("a name");
        let entry = all.entry((get("t"), get("i"))).or_default();
        entry.0.push(get("c"));
        entry.1 = r.try_get::<i32>("", "u").expect("a flag") == 1;
    }
    let mut by_table: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for ((table, _), index) in all {
        by_table.entry(table).or_default().push(index);
    }
    by_table
}

#[tokio::test]
async fn every_order_has_its_index() {
    let indexes = indexes(&harness::store().await).await;
    // A whole list that is short by nature, and one that is not a table.
    let short = ["ProductOffering", "TimelineEntry"];
    let mut missing = vec![];
    for (owner, f) in graph().iter().flat_map(|t| t.fields.iter().map(move |f| (t.name, f))).chain(roots().iter().map(|f| ("Query", f))) {
        let Source::Many(m) = &f.source else { continue };
        let to: &Type = find_ty(m.to).expect("declared");
        let (Some(entity), false) = (to.entity, short.contains(&m.to)) else { continue };
        let orders = std::iter::once(m.order).chain(to.sorts.iter().filter(|_| m.sorted).map(|s| s.1));
        for order in orders {
            let mut wanted: Vec<&str> = m.link.iter().map(|l| l.0).collect();
            wanted.extend([order.column, "id"].iter().take(if order.column == "id" { 1 } else { 2 }));
            let covers = |(columns, unique): &(Vec<String>, bool)| {
                let n = columns.iter().zip(&wanted).take_while(|(a, b)| a == *b).count();
                n == wanted.len() || (*unique && n == columns.len() && n + 1 == wanted.len())
            };
            if !indexes.get(entity.table).is_some_and(|all| all.iter().any(covers)) {
                missing.push(format!("{owner}.{}: {} ({})", f.name, entity.table, wanted.join(", ")));
            }
        }
    }
    assert!(missing.is_empty(), "no index for:\n{}", missing.join("\n"));
}

/// What a row rule looks up is found by an index: rows of a customer by its column, and rows that point at a row.
#[tokio::test]
async fn every_row_rule_has_its_index() {
    fn keys(kind: &'static EntityKind, rule: &'static Rule, all: &mut BTreeSet<(&'static str, &'static str)>) {
        match rule {
            Rule::Own(key) | Rule::OwnOr(key, _) | Rule::Served(key) | Rule::ServedParty(key) => _ = all.insert((kind.table, *key)),
            Rule::Via(_, to) => _ = all.insert((to.table, "id")),
            Rule::By(from, key) => _ = all.insert((from.table, *key)),
            Rule::Led(way) => _ = all.insert((way.table, way.key)),
            Rule::Both(rules) | Rule::Either(rules) => rules.iter().for_each(|r| keys(kind, r, all)),
            Rule::All | Rule::Nobody | Rule::Where(_) => {}
        }
    }
    let mut wanted = BTreeSet::new();
    for kind in entities::KINDS {
        let Rules { agent, partner, customer, public } = &kind.rules;
        [agent, partner, customer, public].into_iter().for_each(|rule| keys(kind, rule, &mut wanted));
    }
    let indexes = indexes(&harness::store().await).await;
    for way in entities::KINDS.iter().flat_map(|k| entities::Audience::ALL.iter().filter_map(|a| entities::rule::way(k, *a))) {
        let in_order = |(columns, _): &(Vec<String>, bool)| {
            columns.len() == 2 && columns[1] == way.key && way.whose.starts_with(&format!("{{l}}.{} ", columns[0]))
        };
        assert!(indexes[way.table].iter().any(in_order), "no index has the rows of a way in its order: {way:?}");
    }
    let begins = |(table, key): &(&str, &str)| indexes.get(*table).is_some_and(|all| all.iter().any(|(columns, _)| columns[0] == *key));
    // nobody comes to these by their customer: they are the few of a bill, and of an article
    let few = [("bill_lines", "customer_id"), ("kb_feedback", "customer_id")];
    let missing: Vec<_> = wanted.iter().filter(|w| !w.0.starts_with('(') && !few.contains(w) && !begins(w)).collect();
    assert!(wanted.len() > 20 && missing.is_empty(), "no index for {missing:?}");
}

/// The shortest way from `Query` to each type of a view, as the text before and after a selection on it.
fn ways(view: &Captured) -> BTreeMap<String, (String, String)> {
    let mut ways = BTreeMap::from([("Query".to_string(), ("{".to_string(), "}".to_string()))]);
    let mut queue = VecDeque::from(["Query".to_string()]);
    while let Some(ty) = queue.pop_front() {
        let (open, close) = ways[&ty].clone();
        let fields = match view.types.get(&ty) {
            Some(MetaType::Object { fields, .. } | MetaType::Interface { fields, .. }) => fields.clone(),
            _ => continue,
        };
        for f in fields.values().filter(|f| !f.name.starts_with("__")) {
            let to = MetaTypeName::concrete_typename(&f.ty);
            let required: Vec<_> = f
                .args
                .values()
                .filter(|a| a.ty.ends_with('!'))
                .map(|a| {
                    format!(
                        "{}: {}",
                        a.name,
                        if a.ty.starts_with('[') {
                            "[]"
                        } else if a.ty.starts_with("LookupKind") {
                            "EMAIL"
                        } else {
                            "\"x\""
                        }
                    )
                })
                .collect();
            let args = if required.is_empty() { String::new() } else { format!("({})", required.join(", ")) };
            if matches!(view.types.get(to), Some(MetaType::Object { .. } | MetaType::Interface { .. })) && !ways.contains_key(to) {
                ways.insert(to.into(), (format!("{open}{}{args}{{", f.name), format!("}}{close}")));
                queue.push_back(to.into());
            }
        }
    }
    ways
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_cannot_be_told_from_what_is_misspelt() {
    let store = harness::store().await;
    let cast = cast(&store).await;
    let world = World::new(store).await;
    let whole = schema::whole();
    let mut compared = 0;
    for caller in &cast.callers {
        let view = &world.graphs.of(caller.audience).view;
        for (ty, (open, close)) in ways(view) {
            let Some(MetaType::Object { fields: known, .. }) = view.types.get(&ty) else { continue };
            for ((_, field), _) in whole.policies.iter().filter(|((t, f), _)| *t == ty && !known.contains_key(f)) {
                let wrong: String = "zqxjv".chars().cycle().take(field.len()).collect();
                for tail in ["", "{id}", "(first: 3)"] {
                    let [hidden, misspelt] = [field, &wrong].map(|name| format!("{open}{name}{tail}{close}"));
                    let (hidden, misspelt) = (world.ask(caller, &hidden).await, world.ask(caller, &misspelt).await);
                    let (quoted, wrong_quoted) = (format!("\\\"{field}\\\""), format!("\\\"{wrong}\\\""));
                    assert_eq!(
                        hidden.to_string().replace(&quoted, "?"),
                        misspelt.to_string().replace(&wrong_quoted, "?"),
                        "{ty}.{field} for {}",
                        caller.subject
                    );
                    assert!(hidden.get("errors").is_some());
                    compared += 1;
                }
            }
        }
        for hidden in whole.types.keys().filter(|t| !view.types.contains_key(*t)) {
            let wrong: String = "Zqxjv".chars().cycle().take(hidden.len()).collect();
            for form in ["{ __type(name: \"?\") { name fields { name } } }", "{ viewer { ... on ? { id } } }", "query($x: ?) { viewer { audience } }"]
            {
                let [a, b] = [hidden, &wrong].map(|name| form.replace('?', name));
                let (a, b) = (world.ask(caller, &a).await, world.ask(caller, &b).await);
                assert_eq!(a.to_string().replace(hidden.as_str(), "?"), b.to_string().replace(&wrong, "?"), "type {hidden} for {}", caller.subject);
                compared += 1;
            }
        }
    }
    println!("{compared} hidden names compared with misspelt ones");
    assert!(compared > 700, "{compared}");
}

#[test]
fn golden_graphs() {
    for audience in entities::Audience::ALL {
        harness::golden(&format!("schema/schema.{}.graphql", audience.name()), &schema::sdl(audience));
    }
    harness::golden("tests/authorization.txt", &schema::authorization());
}
