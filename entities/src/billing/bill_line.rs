//! A line of a bill (TMF678 AppliedCustomerBillingRate).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bill_lines")]
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
    pub bill_id: Uuid,
    pub line_no: i32,
    pub kind: Kind,
    pub product_id: Option<Uuid>,
    pub service_identifier: Option<String>,
    pub description: String,
    pub plain_reason: Option<String>,
    pub quantity_micro: i64,
    pub unit: Option<String>,
    pub unit_price_micro: i64,
    pub tax_excluded_minor: i64,
    pub tax_rate_bp: i32,
    pub tax_minor: i64,
    pub currency: String,
    pub period_from_on: Option<Date>,
    pub period_to_on: Option<Date>,
    pub linked_line_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "BillLine",
    prefix: "bln",
    table: "bill_lines",
    reads: Some("billing:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Via("bill_id", &super::bill::ENTITY),
        customer: Via("bill_id", &super::bill::ENTITY),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "BillLineKind" { Recurring = "recurring", OneTime = "oneTime", Usage = "usage", Discount = "discount", Tax = "tax", Adjustment = "adjustment", SlaCredit = "slaCredit", Penalty = "penalty" }
}
