//! Tasks that the hub runs by itself: exports and erasures, one at a time on each node. A node that is gone leaves its
//! task to another, or to itself when it is back: every step can be done again.
use crate::{app::App, error::Result, exports};
use entities::{
    exchange::task::{
        self, Kind,
        queue::{self, File},
    },
    privacy::erasure::{self, scrub},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Other nodes ask for work too, and do not wake this one.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a node says that it is still at its task: well inside [`queue::LEASE`].
const HOLD_EVERY: Duration = Duration::from_secs(15);
/// How often files are looked through whose time may be over.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Works until the hub stops.
pub async fn run(app: Arc<App>) {
    let node = Uuid::new_v4().simple().to_string();
    let mut written = app.store.written();
    let mut swept: Option<tokio::time::Instant> = None;
    while !app.lifecycle.is_stopping() {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            swept = Some(tokio::time::Instant::now());
            if let Err(e) = exports::sweep(&app).await {
                tracing::warn!(error = %e, "old exports could not be deleted; it is tried again");
            }
        }
        match queue::take(&app.store, &node).await {
            Ok(Some(task)) => one(&app, &node, task).await,
            Ok(None) => {
                tokio::select! {
                    _ = app.lifecycle.stopped() => {}
                    _ = tokio::time::timeout(LOOK_EVERY, written.changed()) => {}
                }
            }
            Err(e) => {
                tracing::warn!(error = %e, "no task could be taken; it is tried again");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Runs a task to its end, until it is another's, or until the hub stops.
async fn one(app: &App, node: &str, task: task::Model) {
    let (id, kind) = (entities::store::public_id(&task::ENTITY, task.id), task.kind);
    tracing::info!(task = id, ?kind, "a task begins");
    let done = tokio::select! {
        done = work(app, &task) => done,
        _ = held(app, node, task.id) => {
            tracing::warn!(task = id, "a task was called off, or another node has it");
            return;
        }
        _ = app.lifecycle.stopped() => {
            let released = queue::release(&app.store, task.id, node).await;
            tracing::info!(task = id, released = released.is_ok(), "a task is left for later: the hub stops");
            return;
        }
    };
    let finished = match &done {
        Ok(file) => queue::finish(&app.store, &task, node, Ok(*file)).await,
        // the customer is to be gone: nobody asks again, so it is tried again once nobody holds it
        Err(e) if kind == Kind::Erase => {
            return tracing::error!(task = id, error = %e, "an erasure did not come to its end; it is tried again in a minute");
        }
        Err(e) => {
            tracing::error!(task = id, error = %e, "a task failed");
            let why = entities::Error::Invalid("it could not be done: the hub's log says why".into());
            queue::finish(&app.store, &task, node, Err(&why)).await
        }
    };
    match finished {
        Ok(true) => tracing::info!(task = id, ok = done.is_ok(), "a task ended"),
        Ok(false) => {
            // called off meanwhile: nobody may fetch what came of it
            if let Err(e) = exports::remove(app.config(), task.id) {
                tracing::error!(task = id, error = %e, "the file of a task that was called off could not be deleted");
            }
        }
        Err(e) => tracing::error!(task = id, error = %e, "the end of a task could not be written: it will run again"),
    }
}
/// Ends when the task is no longer this node's.
async fn held(app: &App, node: &str, id: Uuid) {
    loop {
        tokio::time::sleep(HOLD_EVERY).await;
        match queue::hold(&app.store, id, node).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(e) => tracing::warn!(error = %e, "a task could not be held on to; it is tried again"),
        }
    }
}

async fn work(app: &App, task: &task::Model) -> Result<Option<File>> {
    match task.kind {
        Kind::Export => Ok(Some(exports::make(app, task).await?)),
        Kind::Erase => erase(app, task).await.map(|()| None),
        Kind::Import | Kind::Reindex | Kind::Generate => Ok(None), // none of these waits in the queue
    }
}
/// Rows, files, search index, and what the database's files still hold.
async fn erase(app: &App, task: &task::Model) -> Result<()> {
    const STEPS: i64 = 4;
    let Some(customer) = task.customer_id else { return Ok(()) };
    let step = async |done: i64| task::advance(app.store.writer(), task.id, done, STEPS, app.store.clock().now()).await;
    step(0).await?;
    let erased = erasure::rows(&app.store, customer).await?;
    step(1).await?;
    for export in erased.exports {
        exports::remove(app.config(), export)?;
    }
    step(2).await?;
    app.index.forget(erased.position).await?;
    step(3).await?;
    scrub::scrub(&app.store).await?;
    step(STEPS).await?;
    Ok(())
}
