//! A knowledge article; its text lives in versions.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_articles")]
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
    pub slug: String,
    pub kind: Kind,
    pub category_id: Option<Uuid>,
    pub audience: Audience,
    pub offering_id: Option<Uuid>,
    pub status: Status,
    pub review_due_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbArticle",
    prefix: "art",
    table: "kb_articles",
    rules: Rules { agent: All, partner: Where("{t}.status = 'published' and {t}.audience in ('public', 'partner')"), customer: Where("{t}.status = 'published' and {t}.audience in ('public', 'customer')"), public: Where("{t}.status = 'published' and {t}.audience in ('public')") },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "KbArticleKind" { Faq = "faq", Howto = "howto", Troubleshooting = "troubleshooting", Policy = "policy", Product = "product", Outage = "outage" }
}

text_enum! {
    Audience "KbArticleAudience" { Public = "public", Customer = "customer", Partner = "partner", Agent = "agent" }
}

text_enum! {
    Status "KbArticleStatus" { Draft = "draft", Review = "review", Published = "published", Archived = "archived" }
}
