//! A party that buys (TMF629). Children of an enterprise are customers too.
use crate::model::*;

/// Changes of a customer and of its party's names.
mod update;
/// A look at the hub as a customer.
mod view;
pub use update::{MOST_NAME, Update, update};
pub use view::{view, whole};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customers")]
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
    pub customer_no: String,
    pub kind: Kind,
    pub status: Status,
    pub status_reason: Option<String>,
    pub parent_id: Option<Uuid>,
    pub region_id: Option<Uuid>,
    pub since_on: Option<Date>,
    pub closed_at: Option<DateTimeUtc>,
    pub churn_reason: Option<String>,
    pub preferred_channel: Option<PreferredChannel>,
    pub household: Json,
    pub protected: bool,
    pub erased_at: Option<DateTimeUtc>,
    pub team_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Customer",
    prefix: "cus",
    table: "customers",
    reads: Some("customer:read"),
    rules: Rules { agent: Served("id"), partner: Led(&super::partner_customer::KNOWN_TO_CALLER), customer: Own("id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "CustomerKind" { Consumer = "consumer", SmallBusiness = "small_business", Enterprise = "enterprise", Wholesale = "wholesale" }
}

text_enum! {
    Status "CustomerStatus" { Prospect = "prospect", Active = "active", Suspended = "suspended", Closed = "closed" }
}

text_enum! {
    PreferredChannel "CustomerPreferredChannel" { Phone = "phone", Email = "email", Chat = "chat", Portal = "portal", Sms = "sms", Post = "post" }
}
