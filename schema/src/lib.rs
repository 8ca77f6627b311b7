//! The graph: declared types, hand-written roots, one view per audience, limits and cost. Knows nothing of HTTP, tokens
//! or mail.

/// The vocabulary of a declaration.
pub mod declare;
/// Declarations from which a test took something away.
pub mod mutant;
/// All declared types on one screen.
pub mod graph;
/// Registration, the views, the matrix.
pub mod audience;
/// What a request selects.
mod select;
/// A selection as one SQL statement.
mod compile;
/// Whose data an answer shows.
pub mod look;
/// Whose data was asked for in vain.
pub mod deny;
/// SQL text that writes JSON text.
mod write_sql;
/// Pages and cursors.
pub mod page;
/// What a document is known to read.
pub mod known;
/// Resolving: roots, rows, computed fields.
pub mod node;
/// Limits and cost before execution.
pub mod guard;
/// Variables before execution.
pub mod coerce;
/// Writing a response.
mod response;
/// Codes and sentences.
pub mod error;
/// Rust names of declared types.
pub mod names;
/// Inputs and outputs that the registry knows by name only.
mod scalars;
/// Search and suggestions.
mod search;

/// Customers and partners.
mod party;
/// Offerings and products.
mod catalogue;
/// Accounts, bills and their lines.
mod billing;
/// Tickets.
mod care;
/// Conversations, answers, the timeline.
mod conversation;
/// Articles.
mod knowledge;
/// Consent, audit, history of states.
mod privacy;
/// Tasks and imports.
mod exchange;
/// The hand-written fields of `Query`.
mod query;
/// Everything that can be done.
mod mutation;
/// Everything that can be followed.
mod subscription;

pub use node::{Caller, Mode};
pub use response::write;

use async_graphql::{Schema, ValidationMode};
use audience::Captured;
use bot::Bot;
use entities::{Audience, Store};
use node::{Guarded, Root};
use search_index::Index;
use std::sync::Arc;

/// What resolvers work with.
#[derive(Clone)]
pub struct Hub {
    pub store: Store,
    pub index: Index,
    pub bot: Bot,
    /// Signs tokens by which agents see what a customer sees; none where there is no key.
    pub view_as: Option<ViewAs>,
}
/// For (agent, customer).
pub type ViewAs = Arc<dyn Fn(&entities::Scope, uuid::Uuid) -> Option<ViewToken> + Send + Sync>;
/// A token, and until when it holds.
pub struct ViewToken {
    pub token: String,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}
impl Hub {
    /// A hub whose bot answers from this index.
    pub fn new(store: Store, index: Index) -> Self {
        Hub { bot: Bot::new(&store, &index), store, index, view_as: None }
    }
}

/// The schema as one audience knows it, with what is needed before a request runs.
pub struct Graph {
    pub schema: GraphSchema,
    /// The same for documents that `schema` has found valid before: they are not validated again.
    pub validated: GraphSchema,
    pub view: Captured,
    store: Store,
    plans: known::Plans,
}
impl Graph {
    /// Answers a query that `schema` has found valid before by the statements that it is known to need. None where it has to
    /// be executed.
    pub async fn answer(&self, caller: &Caller, known: known::Known<'_>) -> Option<async_graphql::Response> {
        self.plans.answer(&self.store, caller, known).await
    }
}
pub type GraphSchema = Schema<Root<query::Query>, Guarded<mutation::Mutation>, Guarded<subscription::Subscription>>;

/// The four views.
#[derive(Clone)]
pub struct Graphs(Arc<[Graph; 4]>);
impl Graphs {
    /// Builds all views; a few milliseconds each.
    pub fn new(hub: Hub) -> Self {
        Graphs(Arc::new(Audience::ALL.map(|audience| {
            let build = |mode| audience::viewed_by(Some(audience), || build(Some(hub.clone()), mode));
            let (schema, view) = build(ValidationMode::Strict);
            Graph { schema, validated: build(ValidationMode::Fast).0, view, store: hub.store.clone(), plans: Default::default() }
        })))
    }
    pub fn of(&self, audience: Audience) -> &Graph {
        &self.0[Audience::ALL.iter().position(|a| *a == audience).unwrap_or(0)]
    }
}
fn build(hub: Option<Hub>, mode: ValidationMode) -> GraphSchema {
    let mut schema = Schema::build(Root(query::Query), Guarded(mutation::Mutation), Guarded(subscription::Subscription))
        .disable_suggestions()
        .validation_mode(mode);
    if let Some(hub) = hub {
        schema = schema.data(hub);
    }
    schema.finish()
}
/// The SDL as an audience knows it: the golden files `schema.graphql`.
pub fn sdl(audience: Audience) -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items();
    audience::viewed_by(Some(audience), || build(None, ValidationMode::Strict)).0.sdl_with_options(options)
}
/// audience × field with scopes: the golden file `authorization.txt`.
pub fn authorization() -> String {
    audience::matrix(&audience::viewed_by(None, || build(None, ValidationMode::Strict)).1) + &audience::reads()
}
/// Every field of the whole graph and its policy, and every type, before any view was cut.
pub fn whole() -> Captured {
    audience::viewed_by(None, || build(None, ValidationMode::Strict)).1
}
