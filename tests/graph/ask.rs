//! Asking the graph as a caller, without HTTP.
use async_graphql::{
    Name, Request, Response, Value as ConstValue, Variables,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationType, Selection},
    },
};
use entities::{Scope, Store};
use schema::{Caller, Graphs, Hub, Mode, coerce, deny::Denied, known::Known, look::Looked};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A graph over a store.
pub struct World {
    pub graphs: Graphs,
    pub store: Store,
    /// The number of each query that was asked here.
    numbers: Mutex<HashMap<String, u64>>,
    /// Answers by known statements that were compared with executed ones.
    pub again: AtomicUsize,
}
/// What was answered, and what was noted of it: whose data it shows, and what was denied.
#[derive(Debug, PartialEq)]
struct Answered {
    text: String,
    noted: String,
}
fn said((looked, denied): &(Looked, Denied)) -> String {
    format!("{:?} {:?}", looked.take(), denied.take())
}
/// The same query with the arguments of its root fields in variables, and a key for all that differ in these alone.
fn lifted(query: &str, mut document: ExecutableDocument, mut variables: Variables) -> (String, ExecutableDocument, Variables) {
    let mut key = format!("lifted {query}");
    let operation = match &mut document.operations {
        DocumentOperations::Single(operation) => operation,
        DocumentOperations::Multiple(named) => named.values_mut().next().expect("an operation"),
    };
    for item in &mut operation.node.selection_set.node.items {
        let Selection::Field(field) = &mut item.node else { continue };
        for (argument, value) in &mut field.node.arguments {
            let Some(given) = value.node.clone().into_const() else { continue };
            if let ConstValue::String(text) = &given {
                key = key.replace(&format!("{text:?}"), "?");
            }
            let name = Name::new(format!("{}_{}", argument.node, variables.len()));
            variables.insert(name.clone(), plain(given));
            value.node = async_graphql_value::Value::Variable(name);
        }
    }
    (key, document, variables)
}
/// As JSON holds it.
fn plain(value: ConstValue) -> ConstValue {
    match value {
        ConstValue::Enum(name) => ConstValue::String(name.to_string()),
        ConstValue::List(items) => ConstValue::List(items.into_iter().map(plain).collect()),
        ConstValue::Object(fields) => ConstValue::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        value => value,
    }
}
impl World {
    pub async fn new(store: Store) -> Self {
        let index = search_index::Index::open(crate::harness::folder().await, &store).await.expect("an index");
        World { graphs: Graphs::new(Hub::new(store.clone(), index)), store, numbers: Mutex::default(), again: AtomicUsize::new(0) }
    }
    /// The whole answer as text.
    pub async fn text(&self, scope: &Scope, query: &str, mode: Mode) -> String {
        self.run(scope, query, Value::Null, mode).await
    }
    pub async fn ask(&self, scope: &Scope, query: &str) -> Value {
        self.with(scope, query, Value::Null).await
    }
    pub async fn with(&self, scope: &Scope, query: &str, variables: Value) -> Value {
        serde_json::from_str(&self.run(scope, query, variables, Mode::Bytes).await).expect("an answer is JSON")
    }
    /// As the endpoint does: parse, limits, variables, execute.
    async fn run(&self, scope: &Scope, query: &str, variables: Value, mode: Mode) -> String {
        let graph = self.graphs.of(scope.audience);
        let doc = parse_query(query).unwrap_or_else(|e| panic!("{e}\n{query}"));
        let operation = doc.operations.iter().next().expect("an operation").1.node.clone();
        let given = Variables::from_json(variables);
        let variables = match coerce::variables(&graph.view, &operation, given) {
            Err(refused) => return text(&Response::from_errors(vec![refused.server(None)])),
            Ok(variables) => variables,
        };
        let caller = Caller::new(scope.clone()).mode(mode);
        let noted = (caller.looked.clone(), caller.denied.clone());
        let mut request = Request::new(query).variables(variables.clone()).data(caller);
        request.set_parsed_query(doc.clone());
        let response = graph.schema.execute(request).await;
        let answer = Answered { text: text(&response), noted: said(&noted) };
        if mode == Mode::Bytes && response.errors.is_empty() && operation.ty == OperationType::Query && doc.operations.iter().count() == 1 {
            self.asked_again(scope, query, &answer, &doc, &variables).await;
            let (key, doc, variables) = lifted(query, doc, variables);
            self.asked_again(scope, &key, &answer, &doc, &variables).await;
        }
        answer.text
    }
    /// By the statements that were made for this caller or for another who asked the same, the answer is the same, and so is
    /// what is noted of it.
    async fn asked_again(&self, scope: &Scope, key: &str, answer: &Answered, document: &ExecutableDocument, variables: &Variables) {
        let number = {
            let mut numbers = self.numbers.lock().expect("no panic");
            let next = numbers.len() as u64;
            *numbers.entry(key.into()).or_insert(next)
        };
        let operation = &document.operations.iter().next().expect("an operation").1.node;
        let caller = Caller::new(scope.clone()).mode(Mode::Bytes);
        let noted = (caller.looked.clone(), caller.denied.clone());
        let known = Known { number, document, operation, variables };
        if let Some(response) = self.graphs.of(scope.audience).answer(&caller, known).await {
            self.again.fetch_add(1, Ordering::Relaxed);
            let again = Answered { text: text(&response), noted: said(&noted) };
            assert_eq!(again, *answer, "{} {key}\n{variables:?}", scope.audience.name());
        }
    }
    /// `data`, where no error is expected.
    pub async fn data(&self, scope: &Scope, query: &str) -> Value {
        let answer = self.ask(scope, query).await;
        assert_eq!(answer.get("errors"), None, "{query}\n{answer:#}");
        answer["data"].clone()
    }
}
fn text(response: &Response) -> String {
    String::from_utf8(schema::write(response, true)).expect("an answer is text")
}
