//! What was searched and how much was found: the gaps in the knowledge base.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "search_queries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub customer_id: Option<Uuid>,
    pub text: String,
    pub surface: Surface,
    pub hits: i32,
    pub top_score_micro: Option<i64>,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Surface "SearchQuerySurface" { Portal = "portal", Bot = "bot", Agent = "agent", Mail = "mail" }
}
