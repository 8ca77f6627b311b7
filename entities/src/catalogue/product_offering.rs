//! What can be bought (TMF620).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "product_offerings")]
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
    pub code: String,
    pub name: String,
    pub description: Option<String>,
    pub kind: Kind,
    pub spec_code: Option<String>,
    pub category_id: Option<Uuid>,
    pub is_bundle: bool,
    pub is_sellable: bool,
    pub lifecycle_status: LifecycleStatus,
    pub term_months: Option<i32>,
    pub valid_from_on: Option<Date>,
    pub valid_to_on: Option<Date>,
    pub attrs: Json,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "ProductOffering",
    prefix: "off",
    table: "product_offerings",
    reads: None,
    rules: Rules { agent: All, partner: All, customer: All, public: Where("{t}.lifecycle_status = 'active' and {t}.is_sellable") },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "ProductOfferingKind" { Mobile = "mobile", Broadband = "broadband", FixedVoice = "fixed_voice", Tv = "tv", Content = "content", Device = "device", Addon = "addon", Bundle = "bundle", WholesaleAccess = "wholesale_access", Service = "service" }
}

text_enum! {
    LifecycleStatus "ProductOfferingLifecycleStatus" { InDesign = "inDesign", Active = "active", Retired = "retired" }
}
