//! Every change of a status: the source of every duration.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "state_changes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub customer_id: Option<Uuid>,
    pub partner_id: Option<Uuid>,
    pub entity_type: String,
    pub entity_id: Uuid,
    pub from_state: Option<String>,
    pub to_state: String,
    pub reason: Option<String>,
    pub actor: String,
    pub changed_at: DateTimeUtc,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "StateChange",
    prefix: "sch",
    table: "state_changes",
    reads: Some("customer:read"),
    rules: Rules { agent: Served("customer_id"), partner: Where("{t}.partner_id {partners}"), customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}
