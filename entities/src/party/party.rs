//! A person or an organization (TMF632 Individual, Organization).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "parties")]
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
    pub kind: Kind,
    pub display_name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub legal_name: Option<String>,
    pub trading_name: Option<String>,
    pub birth_on: Option<Date>,
    pub gender: Option<String>,
    pub locale: String,
    pub status: Status,
    pub merged_into_id: Option<Uuid>,
    pub attrs: Json,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Party",
    prefix: "pty",
    table: "parties",
    rules: Rules {
        agent: All,
        partner: By(&super::customer::ENTITY, "party_id"),
        customer: By(&super::customer::ENTITY, "party_id"),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "PartyKind" { Individual = "individual", Organization = "organization" }
}

text_enum! {
    Status "PartyStatus" { Initialized = "initialized", Validated = "validated", Deceased = "deceased", Closed = "closed" }
}
