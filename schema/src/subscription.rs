//! Streams of changes. Each follows the change log; each event is read anew with the caller's row rules, so that a
//! subscription never shows more than a query would.
use crate::{
    audience::auth,
    error::{Refused, graph},
    names::{Message, Task, Ticket},
    node::{Node, caller},
};
use async_graphql::{Context, ID, Result, Subscription as Streams};
use entities::{
    Audience, Scope, Store,
    care::ticket,
    conversation::{conversation, message},
    exchange::task,
    model::Record,
    mutant::without,
    outbox::feed::{Changed, Follower},
};
use futures::{Stream, StreamExt, stream};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Everything that can be followed.
pub struct Subscription;
/// Everything that can be followed.
#[Streams]
impl Subscription {
    /// A ticket each time it changes: one by its id, or any that you may see.
    #[graphql(directive = auth::apply("agent partner customer".into(), Some("ticket:read".into()), Some(10)))]
    async fn ticket_updated(&self, ctx: &Context<'_>, id: Option<ID>) -> Result<impl Stream<Item = Option<Node<Ticket>>>> {
        let scope = caller(ctx).scope.clone();
        let wanted = id.map(|id| scope.id(&ticket::ENTITY, &id).unwrap_or_default());
        let follower = follow(ctx, ticket::ENTITY.name).await?;
        let ids = events::<ticket::Entity>(follower, scope, ticket::Column::Id, move |c| wanted.is_none_or(|id| id == c.id));
        Ok(ids.map(|id| Some(Node::by_id(id))))
    }
    /// The new messages of a conversation.
    #[graphql(directive = auth::apply("all".into(), None, Some(10)))]
    async fn conversation_updated(&self, ctx: &Context<'_>, id: ID) -> Result<impl Stream<Item = Option<Node<Message>>>> {
        let scope = caller(ctx).scope.clone();
        // visitors have no scopes: their session alone says what is theirs
        if let Some(missing) = conversation::ENTITY
            .reads
            .filter(|s| scope.audience != Audience::Public && !scope.has(s) && !without(|| "scope:Subscription.conversationUpdated".into()))
        {
            return Err(graph(Refused::scope(missing)));
        }
        let conversation = scope.id(&conversation::ENTITY, &id).unwrap_or_default();
        let follower = follow(ctx, message::ENTITY.name).await?;
        let ids = events::<message::Entity>(follower, scope, message::Column::Id, move |c| c.of == Some(conversation));
        Ok(ids.map(|id| Some(Node::by_id(id))))
    }
    /// Long work: how it stands now, then each time it gets on; completes when the work is over, and at once where
    /// there is none that you may see. Looked at once a second, as the work may run in another process.
    #[graphql(directive = auth::apply("agent customer".into(), Some("task:read".into()), Some(10)))]
    async fn task_updated(&self, ctx: &Context<'_>, id: ID) -> Result<impl Stream<Item = Option<Node<Task>>>> {
        let scope = caller(ctx).scope.clone();
        let id = scope.id(&task::ENTITY, &id).unwrap_or_default();
        Ok(progress(ctx.data_unchecked::<crate::Hub>().store.clone(), scope, id).map(|id| Some(Node::by_id(id))))
    }
}

/// A task's id, each time that the task is another than it was, until it is over or gone.
fn progress(store: Store, scope: Arc<Scope>, id: Uuid) -> impl Stream<Item = Uuid> {
    const POLL: Duration = Duration::from_secs(1);
    let seen: Option<task::Model> = None;
    stream::unfold((store, scope, seen), move |(store, scope, mut seen)| async move {
        if seen.as_ref().is_some_and(|task| task.state.is_over()) {
            return None;
        }
        loop {
            if seen.is_some() {
                tokio::time::sleep(POLL).await;
            }
            match scope.find::<task::Entity>().filter(task::Column::Id.eq(id)).one(store.reader()).await {
                Ok(None) => return None,
                Ok(now) if now != seen => {
                    seen = now;
                    return Some((id, (store, scope, seen)));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a subscription could not read its task; it will try again");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    })
}

/// The changed rows of one kind, in batches, from now on.
async fn follow(ctx: &Context<'_>, kind: &'static str) -> Result<Follower> {
    let store = &ctx.data_unchecked::<crate::Hub>().store;
    Follower::new(store, kind).await.map_err(|e| graph(Refused::internal(e)))
}
/// The ids of those that are wanted and that the caller may see, one after the other. What is not wanted costs nothing.
fn events<E: Record>(
    follower: Follower,
    scope: Arc<Scope>,
    column: E::Column,
    wanted: impl Fn(&Changed) -> bool + Send + Sync,
) -> impl Stream<Item = Uuid> {
    let batches = stream::unfold((follower, scope, wanted), move |(mut follower, scope, wanted)| async move {
        let ids: Vec<Uuid> = follower.next().await.into_iter().filter(|c| wanted(c)).map(|c| c.id).collect();
        let seen = if ids.is_empty() { vec![] } else { visible::<E>(&follower, &scope, ids, column).await };
        Some((seen, (follower, scope, wanted)))
    });
    batches.flat_map(stream::iter)
}
/// Those that the caller may see, in their order.
async fn visible<E: Record>(follower: &Follower, scope: &Scope, ids: Vec<Uuid>, column: E::Column) -> Vec<Uuid> {
    let _turn = follower.turn().await;
    let query = scope.find::<E>().filter(column.is_in(ids.clone()));
    let found: Vec<Uuid> = match query.select_only().column(column).into_tuple().all(follower.store().reader()).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "a subscription could not read its rows");
            vec![]
        }
    };
    ids.into_iter().filter(|id| found.contains(id)).collect()
}
