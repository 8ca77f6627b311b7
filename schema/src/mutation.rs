//! Everything that can be done.
use crate::audience::auth;
use async_graphql::Object;

/// Everything that can be done.
pub struct Mutation;
#[Object]
impl Mutation {
    /// todo
    #[graphql(directive = auth::apply("all".into(), None, Some(1)))]
    async fn ping(&self) -> bool {
        true
    }
}
