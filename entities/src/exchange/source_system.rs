//! A system that rows come from.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_systems")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub code: String,
    pub kind: Kind,
    pub priority: i32,
    pub freshness_target_min: Option<i32>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "SourceSystem",
    prefix: "src",
    table: "source_systems",
    reads: None,
    rules: Rules { agent: All, partner: Nobody, customer: Nobody, public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "SourceSystemKind" { Crm = "crm", Billing = "billing", Ticketing = "ticketing", Order = "order", Usage = "usage", Noc = "noc", Web = "web", Hub = "hub" }
}
