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
    reads: Some("customer:read"),
    rules: Rules {
        agent: ServedParty("id"),
        partner: By(&super::customer::ENTITY, "party_id"),
        customer: Either(&[By(&super::customer::ENTITY, "party_id"), By(&super::customer_contact::ENTITY, "party_id")]),
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

/// SQL: whether a partner may know more of the party whose id is `$party` than its name. It is the partner itself; or it has
/// full share of a customer whom it sells to or serves today, and that customer's consent `partner_share` is in force
/// (`domain-model` §3): never asked is not agreed.
#[macro_export]
macro_rules! shared_in_full {
    ($party:literal) => {
        concat!(
            "(exists (select 1 from partners o where o.party_id = ",
            $party,
            " and o.id {partners}) or exists (select 1 from customers c join partner_customers pc on pc.customer_id = c.id join partners p on p.id = pc.partner_id join consents k on k.customer_id = c.id and k.party_id = c.party_id where c.party_id = ",
            $party,
            " and pc.partner_id {partners} and pc.valid_from_on <= {today} and (pc.valid_to_on is null or pc.valid_to_on >= {today}) and p.share_level = 'full' and k.purpose = 'partner_share' and k.state = 'granted' and ",
            $crate::consent_in_force!("k"),
            "))"
        )
    };
}
