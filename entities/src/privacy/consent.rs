//! Consent by purpose with its evidence (TMF644). Append-only: the latest `effective_at` counts.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "consents")]
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
    pub customer_id: Uuid,
    pub partner_id: Option<Uuid>,
    pub party_id: Uuid,
    pub purpose: Purpose,
    pub state: State,
    pub legal_basis: String,
    pub evidence: Json,
    pub effective_at: DateTimeUtc,
    pub expires_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Consent",
    prefix: "con",
    table: "consents",
    rules: Rules { agent: All, partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Purpose "ConsentPurpose" { MarketingEmail = "marketing_email", MarketingSms = "marketing_sms", MarketingCall = "marketing_call", Profiling = "profiling", CdrAnalysis = "cdr_analysis", PartnerShare = "partner_share", ThirdParty = "third_party", Research = "research", BotTraining = "bot_training" }
}

text_enum! {
    State "ConsentState" { Granted = "granted", Denied = "denied", Withdrawn = "withdrawn" }
}
