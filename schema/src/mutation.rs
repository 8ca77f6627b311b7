use crate::audience::auth;
use async_graphql::Object;
pub struct Mutation;
#[Object]
impl Mutation { #[graphql(directive = auth::apply("all".into(), None, Some(1)))] /// x
 async fn ping(&self) -> bool { true } }
