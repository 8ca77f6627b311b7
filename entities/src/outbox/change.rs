//! One entry of the change log.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "changes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub at: DateTimeUtc,
    pub entity_type: String,
    pub entity_id: Uuid,
    pub operation: Operation,
    pub customer_id: Option<Uuid>,
    pub partner_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Operation "ChangeOperation" { Insert = "insert", Update = "update", Delete = "delete" }
}
