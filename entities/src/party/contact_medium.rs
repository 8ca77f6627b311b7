//! One way to reach a party (TMF632 ContactMedium). `value_norm` is lower-case mail or E.164: who is calling.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_media")]
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
    pub party_id: Uuid,
    pub kind: Kind,
    pub value_norm: String,
    pub value_display: String,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postcode: Option<String>,
    pub country: Option<String>,
    pub preferred: bool,
    pub verified_at: Option<DateTimeUtc>,
    pub valid_from_on: Option<Date>,
    pub valid_to_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "ContactMedium",
    prefix: "com",
    table: "contact_media",
    reads: Some("customer:read"),
    rules: Rules {
        agent: ServedParty("party_id"),
        partner: Both(&[Via("party_id", &super::party::ENTITY), Where(crate::shared_in_full!("{t}.party_id"))]),
        customer: Via("party_id", &super::party::ENTITY),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "ContactMediumKind" { Email = "email", Phone = "phone", Sms = "sms", Post = "post", Social = "social", Push = "push" }
}
