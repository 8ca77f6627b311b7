//! What a customer pays from (TMF666).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_accounts")]
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
    pub account_no: String,
    pub name: String,
    pub currency: String,
    pub parent_id: Option<Uuid>,
    pub parent_pays: bool,
    pub cycle_day: i32,
    pub state: State,
    pub payment_status: PaymentStatus,
    pub balance_minor: i64,
    pub credit_limit_minor: Option<i64>,
    pub format: Format,
    pub media: Json,
    pub dunning_stage: i32,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "BillingAccount",
    prefix: "bac",
    table: "billing_accounts",
    reads: Some("billing:read"),
    rules: Rules { agent: Served("customer_id"), partner: Where("{t}.partner_id {partners}"), customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    State "BillingAccountState" { Active = "active", Suspended = "suspended", Closed = "closed" }
}

text_enum! {
    PaymentStatus "BillingAccountPaymentStatus" { Current = "current", Overdue = "overdue", Collections = "collections" }
}

text_enum! {
    Format "BillingAccountFormat" { Summary = "summary", Itemised = "itemised" }
}
