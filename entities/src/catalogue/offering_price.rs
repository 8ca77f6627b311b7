//! A price of an offering (TMF620 ProductOfferingPrice).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "offering_prices")]
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
    pub offering_id: Uuid,
    pub price_type: PriceType,
    pub period_months: Option<i32>,
    pub amount_micro: i64,
    pub currency: String,
    pub unit: Option<String>,
    pub tax_included: bool,
    pub book: Book,
    pub partner_id: Option<Uuid>,
    pub valid_from_on: Option<Date>,
    pub valid_to_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "OfferingPrice",
    prefix: "opr",
    table: "offering_prices",
    reads: None,
    rules: Rules {
        agent: All,
        partner: Where("({t}.book = 'retail' or {t}.partner_id {partners})"),
        customer: Where("{t}.book = 'retail'"),
        public: Both(&[Where("{t}.book = 'retail'"), Via("offering_id", &super::product_offering::ENTITY)]),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    PriceType "OfferingPricePriceType" { OneTime = "oneTime", Recurring = "recurring", Usage = "usage", Discount = "discount", Penalty = "penalty" }
}

text_enum! {
    Book "OfferingPriceBook" { Retail = "retail", Wholesale = "wholesale" }
}
