//! Scopes by themselves: every root without its scope, and every payload whose row the caller may change but not read.
use super::{
    callers, policy,
    world::{self, Seeded},
    writes::{self, CASES},
};
use crate::{graph::ask::World, harness};
use async_graphql::{
    Request,
    registry::{MetaField, MetaType},
};
use entities::{
    Audience, Scope, Write,
    error::Code,
    id::Id,
    party::{customer, partner_token},
    privacy::{erasure, privacy_request},
};
use futures::StreamExt;
use schema::audience::Captured;
use serde_json::Value;

/// With everything that an audience can hold, at these rows.
fn everything(s: &Seeded, audience: Audience) -> Scope {
    let scope =
        Scope { reason: Some("a test".into()), ..Scope::new(audience, "one", harness::now()) }.with_scopes(audience.ceiling().iter().copied());
    match audience {
        Audience::Customer => scope.for_customers([s.id("l1")]),
        Audience::Partner => scope.for_partners([s.id("lumen")]),
        _ => scope,
    }
}
fn without(mut scope: Scope, name: &str) -> Scope {
    scope.scopes.remove(name);
    scope
}
/// A root field with whatever its arguments take.
fn document(view: &Captured, root: &str, f: &MetaField) -> String {
    let name = &f.name;
    let input = CASES.iter().find(|c| root == "Mutation" && c.0 == name).map(|c| c.1.replace("ID", "cus_0").replace("OWN", "cus_0"));
    let value = |ty: &str| match view.types.get(ty) {
        Some(MetaType::Enum { enum_values, .. }) => enum_values.keys().next().cloned().unwrap_or_default(),
        Some(MetaType::InputObject { .. }) => format!("{{{}}}", input.clone().unwrap_or_default()),
        _ => "\"cus_0\"".into(),
    };
    let by_id = |a: &str| a == "id" && root != "Subscription";
    let arguments: Vec<_> = f.args.values().filter(|a| a.ty.ends_with('!') || by_id(&a.name)).collect();
    let arguments: Vec<_> = arguments.iter().map(|a| format!("{}: {}", a.name, value(a.ty.trim_end_matches('!')))).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    format!("{} {{ {name}{arguments} {{ __typename }} }}", root.to_lowercase())
}

/// Each root by each audience that knows it, with every scope but the one that it needs.
pub async fn roots(s: &Seeded, world: &World) -> usize {
    let policies = policy::policies();
    let mut cells = 0;
    for root in ["Query", "Mutation", "Subscription"] {
        for audience in Audience::ALL {
            let graph = world.graphs.of(audience);
            for f in policy::fields(&graph.view, root) {
                let Some(scope) = &policies[root][&f.name].scope else { continue };
                let caller = without(everything(s, audience), scope);
                let query = document(&graph.view, root, f);
                let request = Request::new(&query).data(schema::Caller::new(caller).streaming(schema::node::DEADLINE));
                let mut stream = std::pin::pin!(graph.schema.execute_stream(request));
                let first = tokio::time::timeout(std::time::Duration::from_secs(2), stream.next()).await.ok().flatten();
                let answer = serde_json::to_value(first).expect("JSON");
                let error = &answer["errors"][0]["extensions"];
                assert_eq!(
                    (error["code"].as_str(), error["requiredScopes"][0].as_str()),
                    (Some("FORBIDDEN"), Some(scope.as_str())),
                    "{query} {answer}"
                );
                cells += 1;
            }
        }
    }
    cells
}

/// Each mutation at one's own row, by callers who hold every scope but the one that reads what is answered.
pub async fn payloads(s: &Seeded, world: &World) -> usize {
    let tried = writes::Writes { s, world };
    let mut cells = 0;
    for audience in [Audience::Agent, Audience::Customer, Audience::Partner] {
        for case in CASES.iter().filter(|c| c.0 != "customerErase") {
            let (whole, view) = (callers::Who::of("all", everything(s, audience)), &world.graphs.of(audience).view);
            let Some(row) = s.of(case.2).find(|r| tried.may(&whole, case, r)) else { continue };
            for (field, kind) in writes::shown(view, case) {
                let Some(reads) = kind.reads.filter(|r| !["customer:write", "partner:write"].contains(r)) else { continue };
                let text = tried.document(&whole, case, &tried.public(row), &tried.own_id(&whole, case));
                let answer = world.ask(&without(everything(s, audience), reads), &text).await;
                assert!(answer["data"][case.0][field.as_str()].is_null(), "{} without {reads}: {text}\n{answer}", audience.name());
                cells += 1;
            }
        }
    }
    cells
}

/// A task as it gets on, for those who may see it.
pub async fn progress(s: &Seeded, world: &World) -> usize {
    let oracle = super::oracle::Oracle(s);
    let mut cells = 0;
    for who in callers::callers(s, &world.store).await.iter().filter(|w| w.audience() == Audience::Agent && w.has("import:run")) {
        for row in s.of("tasks") {
            let id = Id::new(&entities::exchange::task::ENTITY, row.id()).to_string();
            let request = Request::new(format!("subscription {{ taskUpdated(id: \"{id}\") {{ id }} }}"));
            let request = request.data(schema::Caller::new(who.scope.clone()).streaming(schema::node::DEADLINE));
            let mut stream = std::pin::pin!(world.graphs.of(who.audience()).schema.execute_stream(request));
            let told = tokio::time::timeout(std::time::Duration::from_secs(5), stream.next()).await.expect("an end or an event");
            // nothing is told of what they may not see, not even that there is something
            let told = told.map(|r| serde_json::to_value(&r).expect("JSON")["data"]["taskUpdated"]["id"].clone());
            let wanted = oracle.sees(who, row).then_some(Value::String(id));
            assert_eq!(told, wanted, "{}: the task of {}", who.name, row.owner);
            cells += 1;
        }
    }
    cells
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_without_its_scope_is_refused() {
    let s = world::seeded().await;
    let world = world::world(&s, harness::store().await).await;
    assert!(roots(&s, &world).await > 40);
}
#[tokio::test(flavor = "multi_thread")]
async fn a_payload_shows_no_row_that_the_caller_may_not_read() {
    let s = world::seeded().await;
    for world in world::worlds(&s).await {
        assert!(payloads(&s, &world).await > 15);
    }
}
#[tokio::test(flavor = "multi_thread")]
async fn work_is_followed_by_those_who_may_see_it() {
    let s = world::seeded().await;
    let world = world::world(&s, harness::store().await).await;
    assert!(progress(&s, &world).await > 50);
}
/// What the guard of the graph refuses first, done past it: by somebody with everything, then by somebody with all but the
/// scope. It is done before, so that a shortcut for what is done is no way round either.
async fn past_the_graph(s: &Seeded, store: &entities::Store, wants: &str, verb: impl AsyncFn(&mut Write) -> entities::Result<()>) {
    let all = everything(s, Audience::Agent);
    harness::act(store, &all, &verb).await.unwrap_or_else(|e| panic!("{wants}: {e}"));
    let refused = harness::refused(store, &without(all, wants), &verb).await;
    assert_eq!(refused, [(Code::NotFound, String::new())], "without {wants}");
}
#[tokio::test(flavor = "multi_thread")]
async fn a_verb_asks_for_its_scope_past_the_graph() {
    let s = world::seeded().await;
    for world in world::worlds(&s).await {
        let (store, l1, l2) = (&world.store, s.id("l1"), s.id("l2"));
        for wants in ["customer:impersonate", "customer:read_pii"] {
            past_the_graph(&s, store, wants, async |w| customer::view(w, l1, "a call").await).await;
        }
        let token = |n: usize| partner_token::Create {
            partner_id: Some(s.id("lumen")),
            name: "billing".into(),
            scopes: vec!["kb:read".into()],
            ttl_days: 1,
            token_hash: format!("{n:064}"),
            token_prefix: "swb".into(),
        };
        let made = std::cell::Cell::new(0);
        let create = async |w: &mut Write| partner_token::create(w, token(made.replace(made.get() + 1))).await.map(drop);
        past_the_graph(&s, store, "partner:write", create).await;
        let id = s.of("partner_tokens").next().expect("a token").id();
        past_the_graph(&s, store, "partner:write", async |w| partner_token::revoke(w, id).await).await;
        let id = s.of("privacy_requests").find(|r| r.owner == "l2").expect("a request").id();
        let close = async |w: &mut Write| privacy_request::close(w, id, privacy_request::State::Completed).await.map(drop);
        past_the_graph(&s, store, "privacy:write", close).await;
        let create = async |w: &mut Write| privacy_request::create(w, l1, privacy_request::Kind::Restriction).await.map(drop);
        past_the_graph(&s, store, "privacy:write", create).await;
        let ask = erasure::Ask { customer_id: l2, ground: erasure::Ground::NoLongerNeeded, even_though_owing: true };
        past_the_graph(&s, store, "privacy:write", async |w| erasure::ask(w, ask.clone()).await.map(drop)).await;
    }
}
