//! Asking the graph as a caller, without HTTP.
use async_graphql::{Request, Response, Variables, parser::parse_query};
use entities::{Scope, Store};
use schema::{Caller, Graphs, Hub, Mode, coerce};
use serde_json::Value;

/// A graph over a store.
pub struct World {
    pub graphs: Graphs,
    pub store: Store,
}
impl World {
    pub async fn new(store: Store) -> Self {
        let index = search_index::Index::open(crate::harness::folder().await, &store).await.expect("an index");
        World { graphs: Graphs::new(Hub::new(store.clone(), index)), store }
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
        let response = match coerce::variables(&graph.view, &operation, given) {
            Err(refused) => Response::from_errors(vec![refused.server(None)]),
            Ok(variables) => {
                let mut request = Request::new(query).variables(variables).data(Caller::new(scope.clone()).mode(mode));
                request.set_parsed_query(doc);
                graph.schema.execute(request).await
            }
        };
        String::from_utf8(schema::write(&response, true)).expect("an answer is text")
    }
    /// `data`, where no error is expected.
    pub async fn data(&self, scope: &Scope, query: &str) -> Value {
        let answer = self.ask(scope, query).await;
        assert_eq!(answer.get("errors"), None, "{query}\n{answer:#}");
        answer["data"].clone()
    }
}
