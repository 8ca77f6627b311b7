//! The hand-written fields of `Query`: those that are not a row or a list of rows.
use crate::{
    audience::auth,
    error::{Refused, graph},
    names::{AnyRow, Customer, Partner},
    node::{AnyNode, Node, caller},
    search::{AnswerSuggestion, SearchResultConnection, SearchType},
};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use entities::{Audience, id::Id};

/// Everything that can be read.
pub struct Query;
/// Everything that can be read.
#[Object]
impl Query {
    /// Anything by its id. Null when there is none that you may see.
    #[graphql(directive = auth::apply("all".into(), None, Some(1)))]
    async fn node(&self, id: ID) -> Option<AnyNode<AnyRow>> {
        Id::parse(&id).map(AnyNode::asked)
    }
    /// Several things by their ids, in the order asked; null where there is none that you may see. At most 100.
    #[graphql(directive = auth::apply("all".into(), None, Some(20)))]
    async fn nodes(&self, ids: Vec<ID>) -> Result<Vec<Option<AnyNode<AnyRow>>>> {
        if ids.len() as u64 > crate::page::MAX_FIRST {
            return Err(graph(Refused::input(format!("At most {} ids at once.", crate::page::MAX_FIRST))));
        }
        Ok(ids.iter().map(|id| Id::parse(id).map(AnyNode::asked)).collect())
    }
    /// Who you are to the hub.
    #[graphql(directive = auth::apply("all".into(), None, Some(0)))]
    async fn viewer(&self, ctx: &Context<'_>) -> Viewer {
        let scope = &caller(ctx).scope;
        Viewer {
            audience: scope.audience.into(),
            subject: scope.subject.clone(),
            scopes: scope.scopes.iter().map(ToString::to_string).collect(),
            customers: scope.customers.iter().filter(|_| scope.has("customer:read")).map(|id| Node::by_id(*id)).collect(),
            partner: scope.partners.first().filter(|_| scope.has("partner.profile:read")).map(|id| Node::by_id(*id)),
            acting_for: scope.actor.clone(),
        }
    }
    /// Searches everything that you may see: names, numbers, addresses and texts.
    #[graphql(directive = auth::apply("all".into(), None, Some(50)))]
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words, \"a phrase\", or any number.")] query: String,
        #[graphql(desc = "Only of these types.")] types: Option<Vec<SearchType>>,
        #[graphql(desc = "At most 100; 20 when not given.")] first: Option<i32>,
        #[graphql(desc = "Go on behind this cursor.")] after: Option<String>,
    ) -> Result<SearchResultConnection> {
        crate::search::search(ctx, query, types.unwrap_or_default(), first, after).await
    }
    /// Passages of the knowledge base that may answer, to show before a ticket is sent.
    #[graphql(directive = auth::apply("all".into(), None, Some(50)))]
    async fn suggest_answers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The question, or the text of a ticket.")] text: String,
        #[graphql(desc = "At most 100; 5 when not given.")] first: Option<i32>,
        #[graphql(desc = "The language wanted; told from the text when not given.")] locale: Option<String>,
    ) -> Result<Vec<AnswerSuggestion>> {
        crate::search::suggest(ctx, text, first, locale).await
    }
    /// Who is calling or writing: the customers behind a phone number, mail address, or service number,
    /// however it is spelt. At most 20.
    #[graphql(directive = auth::apply("agent".into(), Some("customer:read".into()), Some(20)))]
    async fn lookup(&self, ctx: &Context<'_>, kind: LookupKind, value: String) -> Result<Option<Vec<Option<Node<Customer>>>>> {
        let found = kind.find(ctx, &value).await.map_err(|e| graph(Refused::internal(e)))?;
        Ok(Some(found.into_iter().map(|id| Some(Node::by_id(id))).collect()))
    }
}

/// Who asks.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct Viewer {
    /// Which view of the graph this is.
    audience: AudienceName,
    /// The token's subject; `public` without one.
    subject: String,
    /// What you may do.
    scopes: Vec<String>,
    /// The roots of the customer trees that you may see; empty for agents, partners and the public, and without
    /// `customer:read`.
    customers: Vec<Node<Customer>>,
    /// Null unless you are a partner with `partner.profile:read`.
    partner: Option<Node<Partner>>,
    /// The agent who looks at this as you do; null when it is you.
    acting_for: Option<String>,
}
/// The class of a caller.
#[derive(Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "Audience")]
pub enum AudienceName {
    Agent,
    Partner,
    Customer,
    Public,
}
impl From<Audience> for AudienceName {
    fn from(a: Audience) -> Self {
        match a {
            Audience::Agent => Self::Agent,
            Audience::Partner => Self::Partner,
            Audience::Customer => Self::Customer,
            Audience::Public => Self::Public,
        }
    }
}

/// What a lookup goes by.
#[derive(Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum LookupKind {
    /// A mail address.
    Email,
    /// A phone number on file, in any notation.
    Phone,
    /// The number of a product: mobile number, line or circuit.
    Service,
}
impl LookupKind {
    async fn find(self, ctx: &Context<'_>, value: &str) -> entities::Result<Vec<uuid::Uuid>> {
        use entities::party::{contact_medium::Kind, lookup};
        let (store, scope) = (&ctx.data_unchecked::<crate::Hub>().store, &caller(ctx).scope);
        match self {
            Self::Email => lookup::by_contact(store, scope, Kind::Email, value).await,
            Self::Phone => lookup::by_contact(store, scope, Kind::Phone, value).await,
            Self::Service => lookup::by_service(store, scope, value).await,
        }
    }
}
