//! Texts of the responder, by locale and channel.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "answer_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub source_system: String,
    pub external_id: String,
    pub source_status: Option<String>,
    pub source_updated_at: Option<DateTimeUtc>,
    pub row_hash: Option<String>,
    pub import_batch_id: Option<Uuid>,
    pub code: String,
    pub locale: String,
    pub channel: Channel,
    pub subject: Option<String>,
    pub body: String,
    pub status: Status,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Channel "Channel" { Any = "any", Chat = "chat", Email = "email" }
}

text_enum! {
    Status "AnswerTemplateStatus" { Draft = "draft", Active = "active", Retired = "retired" }
}
