//! Long work that somebody waits for, with its progress.
use crate::model::*;

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
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind =
    EntityKind { name: "Task", prefix: "tsk", table: "tasks", rules: Rules { agent: All, partner: Nobody, customer: Nobody, public: Nobody } };
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "TaskKind" { Import = "import", Export = "export", Reindex = "reindex", Generate = "generate" }
}

text_enum! {
    State "TaskState" { Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled" }
}
