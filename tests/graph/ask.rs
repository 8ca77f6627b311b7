//! Asking the graph as a caller, without HTTP.
use async_graphql::{
    Request, Response, Variables,
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationDefinition, OperationType},
    },
};
use entities::{Scope, Store};
use schema::{Caller, Graphs, Hub, Mode, coerce, known::Known};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Answers by known statements that were compared with executed ones.
pub static ANSWERED_AGAIN: AtomicUsize = AtomicUsize::new(0);

/// A graph over a store.
pub struct World {
    pub graphs: Graphs,
    pub store: Store,
    /// The number of each query that was asked here.
    numbers: Mutex<HashMap<String, u64>>,
}
impl World {
    pub async fn new(store: Store) -> Self {
        let index = search_index::Index::open(crate::harness::folder().await, &store).await.expect("an index");
        World { graphs: Graphs::new(Hub::new(store.clone(), index)), store, numbers: Mutex::default() }
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
        let caller = || Caller::new(scope.clone()).mode(mode);
        let mut request = Request::new(query).variables(variables.clone()).data(caller());
        request.set_parsed_query(doc.clone());
        let response = graph.schema.execute(request).await;
        let answer = text(&response);
        if mode == Mode::Bytes && response.errors.is_empty() && operation.ty == OperationType::Query && doc.operations.iter().count() == 1 {
            self.asked_again(query, &answer, &caller(), (&doc, &operation, &variables)).await;
        }
        answer
    }
    /// By the statements that were made for this caller or for another who asked the same query, the answer is the same.
    async fn asked_again(&self, query: &str, answer: &str, caller: &Caller, parts: (&ExecutableDocument, &OperationDefinition, &Variables)) {
        let number = {
            let mut numbers = self.numbers.lock().expect("no panic");
            let next = numbers.len() as u64;
            *numbers.entry(query.into()).or_insert(next)
        };
        let known = Known { number, document: parts.0, operation: parts.1, variables: parts.2 };
        if let Some(response) = self.graphs.of(caller.scope.audience).answer(caller, known).await {
            ANSWERED_AGAIN.fetch_add(1, Ordering::Relaxed);
            assert_eq!(text(&response), answer, "{} {query}\n{:?}", caller.scope.audience.name(), parts.2);
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
