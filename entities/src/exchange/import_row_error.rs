//! A row that was not taken, or taken with a warning, and its raw text.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_row_errors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub batch_id: Uuid,
    pub row_no: i64,
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub raw: String,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "ImportRowError",
    prefix: "ire",
    table: "import_row_errors",
    reads: Some("import:run"),
    rules: Rules { agent: Where("{everywhere}"), partner: Nobody, customer: Nobody, public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Severity "ImportRowErrorSeverity" { Error = "error", Warning = "warning" }
}
