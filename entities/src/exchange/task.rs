//! Long work that somebody waits for, with its progress.

/// Work that the nodes of the hub run by themselves.
pub mod queue;

use crate::{Error, Result, model::*};
use sea_orm::{ActiveValue::Set, Condition, ConnectionTrait, ExprTrait, UpdateMany, sea_query::Expr};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub kind: Kind,
    pub title: String,
    pub state: State,
    pub done: i64,
    pub total: Option<i64>,
    pub message: Option<String>,
    pub error_code: Option<String>,
    pub subject: String,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    /// Whom it is about.
    pub customer_id: Option<Uuid>,
    /// Until when the node that runs it holds it; null where no node of the hub does.
    pub lease_until: Option<DateTimeUtc>,
    pub lease_by: Option<String>,
    /// The size of the file that came of it; null where there is none.
    pub file_bytes: Option<i64>,
    /// When the file is deleted.
    pub expires_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Task",
    prefix: "tsk",
    table: "tasks",
    reads: Some("task:read"),
    rules: Rules { agent: Served("customer_id"), partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "TaskKind" { Import = "import", Export = "export", Reindex = "reindex", Generate = "generate", Erase = "erase" }
}

text_enum! {
    State "TaskState" { Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled" }
}
impl State {
    /// Nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self, State::Succeeded | State::Failed | State::Cancelled)
    }
}

/// A new task that runs from now on.
pub async fn begin(db: &impl ConnectionTrait, kind: Kind, title: String, total: Option<i64>, subject: &str, at: DateTimeUtc) -> Result<Uuid> {
    let id = crate::id::at(at);
    let row = ActiveModel {
        id: Set(id),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        kind: Set(kind),
        title: Set(title),
        state: Set(State::Running),
        done: Set(0),
        total: Set(total),
        message: Set(None),
        error_code: Set(None),
        subject: Set(subject.into()),
        started_at: Set(Some(at)),
        finished_at: Set(None),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(id)
}
/// How far it is, for those who watch.
pub async fn advance(db: &impl ConnectionTrait, id: Uuid, done: i64, total: i64, at: DateTimeUtc) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Done, Expr::value(done))
        .col_expr(Column::Total, Expr::value(Some(total)))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}
/// The end: well, or with the reason.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, error: Option<&Error>, at: DateTimeUtc) -> Result<()> {
    let over = match error {
        None => over(State::Succeeded, None, None, at),
        Some(e) => over(State::Failed, Some("FAILED"), Some(e.to_string()), at),
    };
    over.filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}
/// Those of these that still run were left by a process that is gone.
pub async fn abandon(db: &impl ConnectionTrait, which: Condition, at: DateTimeUtc) -> Result<()> {
    let over = over(State::Failed, Some("INTERRUPTED"), Some("it was interrupted, and run again".into()), at);
    over.filter(which).filter(Column::State.eq(State::Running)).exec(db).await?;
    Ok(())
}
fn over(state: State, code: Option<&str>, message: Option<String>, at: DateTimeUtc) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Message, Expr::value(message))
        .col_expr(Column::ErrorCode, Expr::value(code.map(String::from)))
        .col_expr(Column::FinishedAt, Expr::value(Some(at)))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .col_expr(Column::RowVersion, Expr::col(Column::RowVersion).add(1))
}
