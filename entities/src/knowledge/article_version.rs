//! One text of an article in one language. Never changed once published.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_article_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub article_id: Uuid,
    pub version: i32,
    pub locale: String,
    pub state: State,
    pub title: String,
    pub summary: Option<String>,
    pub body_md: String,
    pub keywords: Json,
    pub questions: Json,
    pub author: String,
    pub published_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbArticleVersion",
    prefix: "kbv",
    table: "kb_article_versions",
    reads: None,
    rules: Rules {
        agent: All,
        partner: Both(&[Via("article_id", &super::article::ENTITY), Where("{t}.state = 'published'")]),
        customer: Both(&[Via("article_id", &super::article::ENTITY), Where("{t}.state = 'published'")]),
        public: Both(&[Via("article_id", &super::article::ENTITY), Where("{t}.state = 'published'")]),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    State "KbArticleVersionState" { Draft = "draft", Published = "published", Superseded = "superseded" }
}
