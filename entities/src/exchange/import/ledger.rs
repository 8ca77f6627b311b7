//! What a run of an import leaves about itself: its task, its batch, the mapping it used and the rows that were not taken.
use super::{Batch, Progress};
use crate::{
    Error, Result, Scope, Store, Write,
    bulk::insert_all,
    clock::Clock,
    exchange::{import_batch, import_mapping, import_row_error, record::Severity, source_system, task, upsert::Note},
    outbox::change::Operation,
    privacy::audit_event::Action,
};
use chrono::NaiveDate;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, prelude::Uuid,
    sea_query::Expr,
};

/// What is told of a file before its first row.
pub(crate) struct File<'a> {
    pub name: &'a str,
    pub sha256: Option<&'a str>,
    pub source_system: &'a str,
    pub source_kind: source_system::Kind,
    /// Name and text.
    pub mapping: Option<(&'a str, &'a str)>,
    pub as_of: Option<NaiveDate>,
}

/// The source, its mapping, the task and the batch. A batch of the same file that was never finished is closed.
pub(crate) async fn begin(w: &mut Write, file: &File<'_>) -> Result<(Uuid, Uuid)> {
    let at = w.at();
    know_source(w, file).await?;
    let mapping = keep_mapping(w, file).await?;
    abandon(w, file).await?;
    let task = task::begin(w.tx(), task::Kind::Import, format!("Import {}", file.name), None, &w.scope().subject, at).await?;
    let batch = crate::id::at(at);
    let row = import_batch::ActiveModel {
        id: Set(batch),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        task_id: Set(Some(task)),
        mapping_id: Set(mapping),
        source_system: Set(file.source_system.into()),
        file_name: Set(file.name.into()),
        file_sha256: Set(file.sha256.map(Into::into)),
        as_of_on: Set(file.as_of),
        state: Set(import_batch::State::Running),
        rows: Set(0),
        inserted: Set(0),
        updated: Set(0),
        unchanged: Set(0),
        rejected: Set(0),
        warned: Set(0),
        report: Set(serde_json::json!({})),
    };
    import_batch::Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &task::ENTITY, task, None, None);
    w.changed(Operation::Insert, &import_batch::ENTITY, batch, None, None);
    w.audit(Action::Create, &import_batch::ENTITY, batch, None, &[]);
    Ok((batch, task))
}
async fn know_source(w: &Write, file: &File<'_>) -> Result<()> {
    let known = w.scope().find::<source_system::Entity>().filter(source_system::Column::Code.eq(file.source_system)).one(w.tx()).await?;
    if known.is_some() {
        return Ok(());
    }
    let (at, id) = (w.at(), crate::id::at(w.at()));
    let row = source_system::ActiveModel {
        id: Set(id),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        code: Set(file.source_system.into()),
        kind: Set(file.source_kind),
        priority: Set(0),
        freshness_target_min: Set(None),
    };
    source_system::Entity::insert(row).exec_without_returning(w.tx()).await?;
    Ok(())
}
/// The mapping as it is used; a new version where its text is not that of the last.
async fn keep_mapping(w: &Write, file: &File<'_>) -> Result<Option<Uuid>> {
    let Some((code, body)) = file.mapping else { return Ok(None) };
    let last = import_mapping::Entity::find()
        .filter(import_mapping::Column::Code.eq(code))
        .order_by_desc(import_mapping::Column::Version)
        .one(w.tx())
        .await?;
    if let Some(last) = last.as_ref().filter(|l| l.body == body) {
        return Ok(Some(last.id));
    }
    let (at, id) = (w.at(), crate::id::at(w.at()));
    let row = import_mapping::ActiveModel {
        id: Set(id),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        code: Set(code.into()),
        version: Set(last.map_or(1, |l| l.version + 1)),
        source_system: Set(file.source_system.into()),
        body: Set(body.into()),
    };
    import_mapping::Entity::insert(row).exec_without_returning(w.tx()).await?;
    Ok(Some(id))
}
async fn abandon(w: &Write, file: &File<'_>) -> Result<()> {
    use import_batch::Column as B;
    let same =
        Condition::all().add(B::State.eq(import_batch::State::Running)).add(B::SourceSystem.eq(file.source_system)).add(B::FileName.eq(file.name));
    let tasks = import_batch::Entity::find().select_only().column(B::TaskId).filter(same.clone()).into_query();
    task::abandon(w.tx(), Condition::all().add(Expr::col(task::Column::Id).in_subquery(tasks)), w.at()).await?;
    import_batch::Entity::update_many().col_expr(B::State, Expr::value(import_batch::State::Failed)).filter(same).exec(w.tx()).await?;
    Ok(())
}
pub(crate) async fn end(store: &Store, scope: &Scope, (id, task): (Uuid, Uuid), batch: &Batch, error: Option<&Error>) -> Result<()> {
    let mut w = store.write(scope).await?;
    let state = if error.is_some() { import_batch::State::Failed } else { import_batch::State::Succeeded };
    update_batch(&w, id, batch, state).await?;
    task::advance(w.tx(), task, batch.rows as i64, batch.rows as i64, w.at()).await?;
    task::end(w.tx(), task, error, w.at()).await?;
    w.changed(Operation::Update, &import_batch::ENTITY, id, None, None);
    w.changed(Operation::Update, &task::ENTITY, task, None, None);
    w.commit().await?;
    Ok(())
}
/// What a chunk leaves, in its own transaction: the rows of it that were odd, and how far it all is.
pub(crate) async fn progress(w: &Write, (id, task): (Uuid, Uuid), batch: &Batch, notes: Vec<Note>, told: &Progress) -> Result<()> {
    keep(w, id, notes).await?;
    show(w, told, task).await?;
    update_batch(w, id, batch, import_batch::State::Running).await
}
async fn update_batch(w: &Write, id: Uuid, batch: &Batch, state: import_batch::State) -> Result<()> {
    use import_batch::Column as B;
    let report = serde_json::to_value(batch).unwrap_or_default();
    import_batch::Entity::update_many()
        .col_expr(B::State, Expr::value(state))
        .col_expr(B::Rows, Expr::value(batch.rows as i64))
        .col_expr(B::Inserted, Expr::value(batch.counts.inserted as i64))
        .col_expr(B::Updated, Expr::value(batch.counts.updated as i64))
        .col_expr(B::Unchanged, Expr::value(batch.counts.unchanged as i64))
        .col_expr(B::Rejected, Expr::value(batch.counts.rejected as i64))
        .col_expr(B::Warned, Expr::value(batch.counts.warned as i64))
        .col_expr(B::Report, Expr::value(report))
        .col_expr(B::UpdatedAt, Expr::value(w.at()))
        .filter(B::Id.eq(id))
        .exec(w.tx())
        .await?;
    Ok(())
}
async fn keep(w: &Write, batch: Uuid, notes: Vec<Note>) -> Result<()> {
    let at = w.at();
    let rows = notes.into_iter().map(|note| import_row_error::ActiveModel {
        id: Set(crate::id::at(at)),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        batch_id: Set(batch),
        row_no: Set(note.row_no as i64),
        severity: Set(match note.problem.severity {
            Severity::Error => import_row_error::Severity::Error,
            Severity::Warning => import_row_error::Severity::Warning,
        }),
        code: Set(note.problem.code.into()),
        // PostgreSQL holds no zero bytes in texts
        message: Set(note.problem.message.replace('\0', "")),
        raw: Set(note.raw.replace('\0', "")),
    });
    insert_all(w.tx(), rows.collect()).await
}

/// The day that this very file was said to tell of when it was imported before.
pub(crate) async fn as_of_before(store: &Store, sha256: &str, source_system: &str) -> Result<Option<NaiveDate>> {
    let scope = Scope::hub(Clock::now(store.clock()));
    let last = scope
        .find::<import_batch::Entity>()
        .filter(import_batch::Column::FileSha256.eq(sha256))
        .filter(import_batch::Column::SourceSystem.eq(source_system));
    Ok(last.order_by_desc(import_batch::Column::CreatedAt).one(store.reader()).await?.and_then(|b| b.as_of_on))
}
/// How far the task is, for those who watch.
async fn show(w: &Write, told: &Progress, task: Uuid) -> Result<()> {
    // how many rows there will be is guessed from the bytes that are read
    let total = (told.bytes > 0 && told.bytes_total > told.bytes).then(|| (told.rows as u128 * told.bytes_total as u128 / told.bytes as u128) as i64);
    task::advance(w.tx(), task, told.rows as i64, total.unwrap_or(told.rows as i64), w.at()).await
}
