//! Stands in for the crate `schema` until it is here.
use async_graphql::{EmptyMutation, Object, Response, Schema, Subscription, Variables, parser::types::ExecutableDocument};
use entities::{Audience, Store};
use futures::{Stream, StreamExt};
use std::time::Duration;

pub type Graph = Schema<Query, EmptyMutation, Live>;
pub struct Hub {
    pub store: Store,
}
pub struct Graphs(Graph);
impl Graphs {
    pub fn new(hub: Hub) -> Self {
        Graphs(Schema::build(Query, EmptyMutation, Live).data(hub.store).finish())
    }
    pub fn of(&self, _: Audience) -> &Graph {
        &self.0
    }
}
#[derive(Clone, Copy)]
pub enum Mode {
    Bytes,
}
pub fn write(response: &Response) -> Vec<u8> {
    let mut value = serde_json::to_value(response).unwrap_or_default();
    if !response.errors.is_empty() && response.data == async_graphql::Value::Null && response.errors.iter().all(|e| e.path.is_empty()) {
        value.as_object_mut().map(|o| o.remove("data"));
    }
    value.to_string().into_bytes()
}
pub fn coerce(document: &ExecutableDocument, _: Option<&str>, variables: Variables, _: &Graph) -> Result<Variables, error::Refused> {
    for (_, operation) in document.operations.iter() {
        for v in &operation.node.variable_definitions {
            let given = variables.get(&v.node.name.node).is_some_and(|v| *v != async_graphql::Value::Null);
            if !v.node.var_type.node.nullable && v.node.default_value.is_none() && !given {
                return Err(error::Refused { code: error::BAD_REQUEST, message: "a variable is missing".into() });
            }
        }
    }
    Ok(variables)
}
pub mod guard {
    use super::*;
    pub fn check(_: usize, _: &ExecutableDocument, _: Option<&str>, _: &Variables, _: &Graph) -> Result<u64, error::Refused> {
        Ok(1)
    }
}
pub mod error {
    pub const BAD_REQUEST: &str = "BAD_REQUEST";
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    pub const UNKNOWN_FIELD: &str = "UNKNOWN_FIELD";
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    pub const TIMEOUT: &str = "TIMEOUT";
    pub const INTERNAL: &str = "INTERNAL";
    #[derive(Debug)]
    pub struct Refused {
        pub code: &'static str,
        pub message: String,
    }
    impl Refused {
        pub fn server(&self, pos: Option<async_graphql::Pos>) -> async_graphql::ServerError {
            let mut e = async_graphql::ServerError::new(self.message.clone(), pos);
            e.extensions.get_or_insert_default().set("code", self.code);
            e
        }
    }
}

pub struct Query;
#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "hello"
    }
    async fn audience(&self, ctx: &async_graphql::Context<'_>) -> String {
        ctx.data_unchecked::<entities::Scope>().audience.name().into()
    }
    async fn subject(&self, ctx: &async_graphql::Context<'_>) -> String {
        ctx.data_unchecked::<entities::Scope>().subject.clone()
    }
    async fn fail(&self) -> async_graphql::Result<Option<i32>> {
        Err("db failure: password=geheim".into())
    }
    async fn boom(&self) -> i32 {
        std::hint::black_box(None::<i32>).expect("geheim")
    }
    async fn slow(&self) -> i32 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        1
    }
}
pub struct Live;
#[Subscription]
impl Live {
    async fn tick(&self, n: i32) -> impl Stream<Item = i32> {
        futures::stream::iter(0..n)
    }
    async fn forever(&self) -> impl Stream<Item = i32> {
        tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(Duration::from_millis(200))).enumerate().map(|(i, _)| i as i32)
    }
}
