//! The small parts that run for each request, by themselves: `make pieces`. What they cost together, beside others, is for
//! `make bench` to say; this tells which of them became dearer.
use async_graphql::{Response, Value, Variables, parser::parse_query};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use entities::{
    Audience, Scope, Store,
    billing::bill,
    care::ticket,
    clock::Clock,
    migrations::Migrator,
    party::customer,
    rule::{Binder, predicate},
};
use schema::{
    Caller, Graphs, Hub, Mode,
    declare::{Order, Scalar},
    guard::{Limits, check},
    known::Known,
    page::Cursor,
};
use sea_orm_migration::MigratorTrait;
use std::hint::black_box;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// One customer with what it has.
const ONE: &str = "query ($id: ID!) { customer(id: $id) { customerNo displayName
    billingAccounts { accountNo balance { amount currency } bills(first: 6) { nodes { amountDue { amount currency } dueDate } } }
    products(first: 20) { nodes { name status } }
    tickets(first: 5, filter: {status: [ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS]}) { nodes { name status } } } }";
/// The newest of all tickets, with cursors: their order is by an instant.
const NEWEST: Order = Order { column: "opened_at", scalar: Scalar::Instant, desc: true };

/// A hub over an empty database, and the folder that it is in.
fn hub(runtime: &Runtime) -> (tempfile::TempDir, Graphs) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("switchboard.db").display());
    let graphs = runtime.block_on(async {
        let store = Store::open(&url, 4, Clock::system()).await.expect("a database");
        Migrator::up(store.writer(), None).await.expect("migrations");
        let index = search_index::Index::open(folder.path().join("index"), &store).await.expect("an index");
        Graphs::new(Hub::new(store, index))
    });
    (folder, graphs)
}
fn agent() -> Scope {
    let may = Audience::Agent.ceiling().iter().copied().filter(|s| *s != "customer:read_protected");
    Scope::new(Audience::Agent, "agent-1", Clock::system().now()).with_scopes(may)
}
fn customer() -> Scope {
    let may = Audience::Customer.ceiling().iter().copied();
    Scope::new(Audience::Customer, "login-1", Clock::system().now()).with_scopes(may).for_customers([Uuid::now_v7()])
}
fn partner() -> Scope {
    let may = Audience::Partner.ceiling().iter().copied();
    Scope::new(Audience::Partner, "token-1", Clock::system().now()).with_scopes(may).for_partners([Uuid::now_v7()])
}
fn variables() -> Variables {
    Variables::from_value(
        Value::from_json(serde_json::json!({"id": entities::store::public_id(&customer::ENTITY, Uuid::now_v7())})).expect("a value"),
    )
}

/// From a document to what it costs: limits and cost are one walk.
fn guard_and_cost(c: &mut Criterion) {
    let (_folder, graphs) = hub(&Runtime::new().expect("a runtime"));
    let (view, document, variables) = (&graphs.of(Audience::Agent).view, parse_query(ONE).expect("a document"), variables());
    c.bench_function("parse", |b| b.iter(|| parse_query(black_box(ONE))));
    c.bench_function("guard and cost", |b| {
        b.iter(|| check(view, &Limits::default(), ONE.len(), black_box(&document), None, &variables).map(|c| c.cost).ok())
    });
}
/// From a caller to the condition of its rows.
fn scope_to_sql(c: &mut Criterion) {
    for (who, scope) in [("agent", agent()), ("customer", customer()), ("partner", partner())] {
        c.bench_function(&format!("scope to SQL, {who}"), |b| {
            b.iter(|| {
                let mut binder = Binder::default();
                let all = [&customer::ENTITY, &bill::ENTITY, &ticket::ENTITY].map(|kind| predicate(kind, "t", black_box(&scope), None, &mut binder));
                (all, binder)
            })
        });
    }
}
fn cursor(c: &mut Criterion) {
    let list = Cursor::list(&("Ticket", "opened_at"));
    let text = format!("{list}~{}~2026-06-30T12:00:00Z", Uuid::now_v7().simple());
    let cursor: String = text.bytes().map(|b| format!("{b:02x}")).collect();
    assert!(Cursor::read(&cursor, &list, NEWEST).is_ok(), "what is measured has to work");
    c.bench_function("cursor, read", |b| b.iter(|| Cursor::read(black_box(&cursor), &list, NEWEST).is_ok()));
    c.bench_function("cursor, as SQL", |b| b.iter(|| Cursor::sql(&list, black_box("t1"), NEWEST, true)));
}
/// What the database made goes out as it is; what the hub made is written.
fn writing_json(c: &mut Criterion) {
    let text = serde_json::json!({"nodes": vec![serde_json::json!({"name": "Fibre 1000", "status": "ACTIVE"}); 100]}).to_string();
    let walked = Value::from_json(serde_json::from_str(&text).expect("JSON")).expect("a value");
    let answer = |value| Response::new(Value::Object([(async_graphql::Name::new("products"), value)].into_iter().collect()));
    let (passed, walked) = (answer(Value::Binary(text.into())), answer(walked));
    c.bench_function("JSON, passed on", |b| b.iter(|| schema::write(black_box(&passed), true)));
    c.bench_function("JSON, written", |b| b.iter(|| schema::write(black_box(&walked), true)));
}
/// Everything between a parsed document and its answer: validation, the statement, the database that finds no such row.
fn operation(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (_folder, graphs) = hub(&runtime);
    let document = parse_query(ONE).expect("a document");
    for (name, schema) in
        [("operation, validated anew", &graphs.of(Audience::Agent).schema), ("operation, known as valid", &graphs.of(Audience::Agent).validated)]
    {
        let request = || {
            let mut request = async_graphql::Request::new("").variables(variables()).data(Caller::new(agent()).mode(Mode::Bytes));
            request.set_parsed_query(document.clone());
            request
        };
        let said = runtime.block_on(schema.execute(request()));
        assert!(said.errors.is_empty(), "{:?}", said.errors);
        c.bench_function(name, |b| b.iter_batched(request, |request| runtime.block_on(schema.execute(request)), BatchSize::SmallInput));
    }
    let (graph, variables) = (graphs.of(Audience::Agent), variables());
    let operation = &document.operations.iter().next().expect("an operation").1.node;
    let known = Known { number: 0, document: &document, operation, variables: &variables };
    let caller = || Caller::new(agent()).mode(Mode::Bytes);
    let answer = |caller: Caller| runtime.block_on(async { graph.answer(&caller, known).await });
    assert!(answer(caller()).is_some_and(|said| said.errors.is_empty()), "all of it is declared");
    c.bench_function("operation, by its statements", |b| b.iter_batched(caller, answer, BatchSize::SmallInput));
}

criterion_group!(pieces, guard_and_cost, scope_to_sql, cursor, writing_json, operation);
criterion_main!(pieces);
