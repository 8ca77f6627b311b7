//! One run of an import over one file, and what came of it.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_batches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub task_id: Option<Uuid>,
    pub mapping_id: Option<Uuid>,
    pub source_system: String,
    pub file_name: String,
    pub file_sha256: Option<String>,
    pub as_of_on: Option<Date>,
    pub state: State,
    pub rows: i64,
    pub inserted: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub warned: i64,
    pub report: Json,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "ImportBatch",
    prefix: "imp",
    table: "import_batches",
    reads: Some("import:run"),
    rules: Rules { agent: All, partner: Nobody, customer: Nobody, public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    State "ImportBatchState" { Running = "running", Succeeded = "succeeded", Failed = "failed" }
}
