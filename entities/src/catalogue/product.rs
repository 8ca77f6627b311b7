//! What a customer has (TMF637): the portfolio.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
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
    pub customer_id: Uuid,
    pub partner_id: Option<Uuid>,
    pub name: String,
    pub offering_id: Option<Uuid>,
    pub parent_product_id: Option<Uuid>,
    pub billing_account_id: Option<Uuid>,
    pub status: Status,
    pub service_identifier: Option<String>,
    pub serial: Option<String>,
    pub ordered_at: Option<DateTimeUtc>,
    pub start_at: Option<DateTimeUtc>,
    pub term_end_on: Option<Date>,
    pub terminated_at: Option<DateTimeUtc>,
    pub recurring_minor: i64,
    pub currency: String,
    pub is_customer_visible: bool,
    pub label: Option<String>,
    pub attrs: Json,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Product",
    prefix: "prd",
    table: "products",
    reads: Some("product:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Where("{t}.partner_id {partners}"),
        customer: Both(&[Own("customer_id"), Where("{t}.is_customer_visible")]),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Status "ProductStatus" { Created = "created", PendingActive = "pendingActive", Active = "active", Suspended = "suspended", PendingTerminate = "pendingTerminate", Terminated = "terminated", Cancelled = "cancelled", Aborted = "aborted" }
}
