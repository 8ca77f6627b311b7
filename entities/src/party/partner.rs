//! Who resells (TMF668).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "partners")]
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
    pub code: String,
    pub kind: Kind,
    pub brand_name: String,
    pub parent_id: Option<Uuid>,
    pub share_level: ShareLevel,
    pub status: Status,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Partner",
    prefix: "ptn",
    table: "partners",
    reads: Some("partner.profile:read"),
    rules: Rules {
        agent: All,
        partner: Where("{t}.id {partners}"),
        customer: Where(
            "exists (select 1 from partner_customers pc join customer_closure cc on cc.descendant_id = pc.customer_id where pc.partner_id = {t}.id and cc.ancestor_id {customers})",
        ),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "PartnerKind" { Reseller = "reseller", Mvno = "mvno", Dealer = "dealer", WholesaleBuyer = "wholesale_buyer", Interconnect = "interconnect" }
}

text_enum! {
    ShareLevel "PartnerShareLevel" { None = "none", Minimal = "minimal", Full = "full" }
}

text_enum! {
    Status "PartnerStatus" { Active = "active", Suspended = "suspended", Closed = "closed" }
}
