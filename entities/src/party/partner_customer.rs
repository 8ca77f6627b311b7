//! Which customers a partner may know, and from when to when.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "partner_customers")]
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
    pub partner_id: Uuid,
    pub customer_id: Uuid,
    pub role: Role,
    pub valid_from_on: Date,
    pub valid_to_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Role "PartnerCustomerRole" { Sells = "sells", Serves = "serves", Refers = "refers" }
}
