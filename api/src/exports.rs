//! Files with everything about a customer: made by the worker, fetched with a token of somebody who may, deleted when
//! their time is over or their customer is erased.
use crate::{
    app::App,
    auth::{self, address::Address},
    config::Config,
    error::{Error, Result},
    graphql::{self, call::Form},
    limits::problem,
    telemetry::RequestId,
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path as Place, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::Days;
use entities::{
    Scope,
    error::Error as Data,
    exchange::task::{self, queue},
    id::Id,
    party::customer,
    privacy::{access, audit_event::Action},
};
use futures::stream;
use sea_orm::{ColumnTrait, QueryFilter};
use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

const CHUNK_BYTES: usize = 64 << 10;

/// Where the file of a task is.
fn file(config: &Config, id: Uuid) -> PathBuf {
    config.exports.dir.join(format!("{}.ndjson", Id::new(&task::ENTITY, id)))
}

/// Makes the file of a task. It has its name only when it is whole.
pub async fn make(app: &App, task: &task::Model) -> Result<queue::File> {
    let dir = &app.config().exports.dir;
    private_folder(dir)?;
    // made for its owner alone
    let part = tempfile::Builder::new().prefix(&part_of(task.id)).tempfile_in(dir).map_err(Error::file("write in", dir))?;
    let copy = part.as_file().try_clone().map_err(Error::file("write in", dir))?;
    let mut out = BufWriter::new(copy);
    let rows = access::write(&app.store, task, &mut out).await?;
    let broken = |source| Error::Io { what: "cannot write an export".into(), source };
    out.flush().map_err(broken)?;
    part.as_file().sync_all().map_err(broken)?;
    let bytes = part.as_file().metadata().map_err(broken)?.len();
    let path = file(app.config(), task.id);
    part.persist(&path).map_err(|e| Error::file("write", &path)(e.error))?;
    let expires_at = app.store.clock().now() + Days::new(app.config().exports.keep_days.into());
    Ok(queue::File { rows: rows as i64, bytes: bytes as i64, expires_at })
}
fn part_of(id: Uuid) -> String {
    format!(".{}-", Id::new(&task::ENTITY, id))
}
fn private_folder(dir: &Path) -> Result<()> {
    let mut maker = std::fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.create(dir).map_err(Error::file("make the folder", dir))
}

/// Deletes the file of a task, where there is one.
pub fn remove(config: &Config, id: Uuid) -> Result<()> {
    let path = file(config, id);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::file("delete", &path)(e)),
        _ => Ok(()),
    }
}
/// Deletes the files whose time is over, and those that no task speaks of any more.
pub async fn sweep(app: &App) -> Result<()> {
    let dir = &app.config().exports.dir;
    if !dir.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir).map_err(Error::file("read", dir))? {
        let path = entry.map_err(Error::file("read", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.trim_start_matches('.').split(['.', '-']).next().unwrap_or_default();
        let Some(id) = Id::parse(stem).filter(|id| *id.kind == task::ENTITY) else { continue };
        if !queue::is_kept(&app.store, id.uuid).await? {
            std::fs::remove_file(&path).map_err(Error::file("delete", &path))?;
            queue::forget(&app.store, id.uuid).await?;
        }
    }
    Ok(())
}

/// `GET /exports/tsk_…`
pub async fn fetch(
    State(app): State<Arc<App>>,
    Place(id): Place<String>,
    Extension(request): Extension<RequestId>,
    Extension(address): Extension<Address>,
    headers: HeaderMap,
) -> Response {
    if app.gate.knock(&headers, address).await.is_err() {
        return graphql::overloaded(Form::Json);
    }
    let scope = match auth::caller(&app, &headers, &request.0).await {
        Ok(caller) => caller.scope,
        Err(rejected) => return graphql::rejected(rejected),
    };
    // the file itself goes out without a place
    let place = app.gate.enter(&scope, address).await;
    let Ok(_place) = place else { return graphql::overloaded(Form::Json) };
    match found(&app, &scope, &id).await {
        Ok(Some((task, opened))) => answer(&task, opened),
        Ok(None) => problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such file, none that you may fetch, or its time is over."),
        Err(e) => {
            tracing::error!(error = %e, "an export could not be read");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Something went wrong on our side. Please try again.")
        }
    }
}
/// The task and its open file, where the caller may have it now. That it was fetched is written down.
async fn found(app: &App, scope: &Scope, id: &str) -> Result<Option<(task::Model, tokio::fs::File)>> {
    let Some(id) = scope.id(&task::ENTITY, id).filter(|_| scope.has("export:run")) else { return Ok(None) };
    let task = scope.find::<task::Entity>().filter(task::Column::Id.eq(id)).filter(task::Column::Kind.eq(task::Kind::Export));
    let Some(task) = task.one(app.store.reader()).await.map_err(Data::from)? else { return Ok(None) };
    let over = task.expires_at.is_none_or(|end| end <= scope.at);
    let Some(customer_id) = task.customer_id.filter(|_| task.state == task::State::Succeeded && task.file_bytes.is_some() && !over) else {
        return Ok(None);
    };
    // whose the customer is may have changed since
    let seen = scope.find::<customer::Entity>().filter(customer::Column::Id.eq(customer_id)).one(app.store.reader()).await.map_err(Data::from)?;
    if seen.is_none() || customer::whole(scope, app.store.reader(), customer_id).await.is_err() {
        return Ok(None);
    }
    let path = file(app.config(), id);
    let opened = match tokio::fs::File::open(&path).await {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::file("read", &path))?,
    };
    let mut w = app.store.write(scope).await?;
    w.audit(Action::Export, &task::ENTITY, id, Some(customer_id), &["file"]);
    w.commit().await?;
    Ok(Some((task, opened)))
}
fn answer(task: &task::Model, opened: tokio::fs::File) -> Response {
    let chunks = stream::try_unfold(opened, |mut file| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        let n = file.read(&mut chunk).await?;
        chunk.truncate(n);
        Ok::<_, std::io::Error>((n > 0).then(|| (Bytes::from(chunk), file)))
    });
    let name = format!("attachment; filename=\"{}.ndjson\"", Id::new(&task::ENTITY, task.id));
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_DISPOSITION, name.as_str()),
    ];
    (StatusCode::OK, headers, Body::from_stream(chunks)).into_response()
}
