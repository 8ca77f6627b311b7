//! Every ancestor of every customer, itself at depth 0. Rewritten in the transaction that changes `parent_id`.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_closure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ancestor_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub descendant_id: Uuid,
    pub depth: i32,
}
impl ActiveModelBehavior for ActiveModel {}
