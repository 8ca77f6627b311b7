//! Work that the nodes of the hub run by themselves: asked for in a transaction, taken by one node at a time, and taken
//! again by another where that one is gone.
use super::{ActiveModel, Column, ENTITY, Entity, Kind, Model, State};
use crate::{Error, Result, Scope, Store, model::*, outbox::change::Operation, privacy::privacy_request, store::Write};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ExprTrait, QueryOrder, sea_query::Expr};

/// How long a node holds a task without saying that it is still at it.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// What the hub runs by itself.
const KINDS: [Kind; 2] = [Kind::Export, Kind::Erase];

/// Puts a task about a customer into the queue.
pub async fn ask(w: &mut Write, kind: Kind, title: &str, customer_id: Uuid) -> Result<Uuid> {
    let id = crate::id::at(w.at());
    let row = ActiveModel {
        id: Set(id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        kind: Set(kind),
        title: Set(title.into()),
        state: Set(State::Queued),
        done: Set(0),
        subject: Set(w.scope().subject.clone()),
        customer_id: Set(Some(customer_id)),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, Some(customer_id), None);
    Ok(id)
}

/// Takes the oldest task that waits, or whose node is gone. None where there is nothing to do, or another was faster.
pub async fn take(store: &Store, node: &str) -> Result<Option<Model>> {
    let at = store.clock().now();
    let free = || Column::State.eq(State::Queued).or(Column::State.eq(State::Running).and(Column::LeaseUntil.lt(at)));
    let mine = || Entity::find().filter(Column::Kind.is_in(KINDS)).filter(Column::CustomerId.is_not_null());
    let Some(next) = mine().filter(free()).order_by_asc(Column::Id).one(store.reader()).await? else { return Ok(None) };
    let taken = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Running))
        .col_expr(Column::LeaseUntil, Expr::value(Some(at + LEASE)))
        .col_expr(Column::LeaseBy, Expr::value(Some(node)))
        .col_expr(Column::StartedAt, Expr::value(Some(next.started_at.unwrap_or(at))))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::Id.eq(next.id))
        .filter(free())
        .exec(store.writer())
        .await?;
    Ok((taken.rows_affected == 1).then_some(next))
}

/// Says that the node is still at it. False where the task is another's by now.
pub async fn hold(store: &Store, id: Uuid, node: &str) -> Result<bool> {
    let at = store.clock().now();
    let held = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(Some(at + LEASE)))
        .filter(Column::Id.eq(id))
        .filter(Column::LeaseBy.eq(node))
        .filter(Column::State.eq(State::Running))
        .exec(store.writer())
        .await?;
    Ok(held.rows_affected == 1)
}

/// Gives it back: the node stops, and another, or this one when it is back, begins again.
pub async fn release(store: &Store, id: Uuid, node: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Queued))
        .col_expr(Column::LeaseUntil, Expr::value(None::<DateTimeUtc>))
        .filter(Column::Id.eq(id))
        .filter(Column::LeaseBy.eq(node))
        .filter(Column::State.eq(State::Running))
        .exec(store.writer())
        .await?;
    Ok(())
}

/// The file of an export.
#[derive(Clone, Copy, Debug)]
pub struct File {
    pub rows: i64,
    pub bytes: i64,
    pub expires_at: DateTimeUtc,
}
/// The end of a task, well or with the reason, and of the request that it came of. False where the task is another's by
/// now, or was called off: then nothing was written, and what came of it is to be thrown away.
pub async fn finish(store: &Store, task: &Model, node: &str, done: std::result::Result<Option<File>, &Error>) -> Result<bool> {
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    let held = Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(None::<DateTimeUtc>)).filter(Column::Id.eq(task.id));
    let held = held.filter(Column::LeaseBy.eq(node)).filter(Column::State.eq(State::Running)).exec(w.tx()).await?;
    if held.rows_affected == 0 {
        return Ok(false);
    }
    if let Ok(Some(file)) = done {
        Entity::update_many()
            .col_expr(Column::Done, Expr::value(file.rows))
            .col_expr(Column::Total, Expr::value(Some(file.rows)))
            .col_expr(Column::FileBytes, Expr::value(Some(file.bytes)))
            .col_expr(Column::ExpiresAt, Expr::value(Some(file.expires_at)))
            .filter(Column::Id.eq(task.id))
            .exec(w.tx())
            .await?;
    }
    let at = w.at();
    super::end(w.tx(), task.id, done.err(), at).await?;
    if done.is_ok() {
        privacy_request::completed(&mut w, task).await?;
    }
    w.changed(Operation::Update, &ENTITY, task.id, task.customer_id, None);
    w.commit().await?;
    Ok(true)
}

/// Whether the file of this export may still be fetched, or is being written.
pub async fn is_kept(store: &Store, id: Uuid) -> Result<bool> {
    let Some(task) = Entity::find_by_id(id).one(store.reader()).await? else { return Ok(false) };
    let over = task.expires_at.is_some_and(|end| end <= store.clock().now());
    Ok(matches!(task.state, State::Queued | State::Running) || (task.file_bytes.is_some() && !over))
}
/// Files that are gone are no longer told of.
pub async fn forget(store: &Store, id: Uuid) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::FileBytes, Expr::value(None::<i64>))
        .filter(Column::Id.eq(id))
        .filter(Column::FileBytes.is_not_null())
        .exec(store.writer())
        .await?;
    Ok(())
}
