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
    outbox,
};
use futures::{Stream, StreamExt, stream};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::{collections::VecDeque, time::Duration};
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
        let events = follow(ctx, "Ticket").await?;
        Ok(events
            .filter_map(move |(store, ids)| {
                let scope = scope.clone();
                async move {
                    Some(
                        visible::<ticket::Entity>(&store, &scope, ids, ticket::Column::Id, |q| {
                            if let Some(id) = wanted { q.filter(ticket::Column::Id.eq(id)) } else { q }
                        })
                        .await,
                    )
                }
            })
            .flat_map(|ids| stream::iter(ids.into_iter().map(|id| Some(Node::by_id(id))))))
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
        let events = follow(ctx, "Message").await?;
        Ok(events
            .filter_map(move |(store, ids)| {
                let scope = scope.clone();
                async move {
                    Some(
                        visible::<message::Entity>(&store, &scope, ids, message::Column::Id, |q| {
                            q.filter(message::Column::ConversationId.eq(conversation))
                        })
                        .await,
                    )
                }
            })
            .flat_map(|ids| stream::iter(ids.into_iter().map(|id| Some(Node::by_id(id))))))
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
fn progress(store: Store, scope: Scope, id: Uuid) -> impl Stream<Item = Uuid> {
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

/// The ids of changed rows of one kind, in batches, from now on.
async fn follow(ctx: &Context<'_>, kind: &'static str) -> Result<impl Stream<Item = (Store, Vec<Uuid>)> + use<>> {
    const BATCH: u64 = 200;
    const POLL: Duration = Duration::from_secs(1); // other nodes write too, and do not wake this process
    let store = ctx.data_unchecked::<crate::Hub>().store.clone();
    let position = store.position().await.map_err(|e| graph(Refused::internal(e)))?;
    let written = store.written();
    Ok(stream::unfold((store, position, written), move |(store, mut position, mut written)| async move {
        loop {
            match outbox::after(&store, position, &[kind], BATCH).await {
                Ok(changes) if !changes.is_empty() => {
                    position = changes.last().map_or(position, |c| c.position);
                    let mut ids: VecDeque<Uuid> = changes.into_iter().map(|c| c.entity_id).collect();
                    let mut seen = std::collections::HashSet::new();
                    ids.retain(|id| seen.insert(*id));
                    return Some(((store.clone(), ids.into()), (store, position, written)));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a subscription could not read the change log; it will try again"),
            }
            _ = tokio::time::timeout(POLL, written.changed()).await;
        }
    }))
}
/// Those that the caller may see, in their order.
async fn visible<E: Record>(
    store: &Store,
    scope: &Scope,
    ids: Vec<Uuid>,
    column: E::Column,
    narrow: impl FnOnce(sea_orm::Select<E>) -> sea_orm::Select<E>,
) -> Vec<Uuid> {
    let query = narrow(scope.find::<E>().filter(column.is_in(ids.clone())));
    let found: Vec<Uuid> = match query.select_only().column(column).into_tuple().all(store.reader()).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "a subscription could not read its rows");
            vec![]
        }
    };
    ids.into_iter().filter(|id| found.contains(id)).collect()
}
