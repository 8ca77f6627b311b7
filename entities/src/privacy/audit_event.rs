//! Who did or read what. Append-only, each row sealed by the hash of the one before.

/// How rows are sealed, and whether they still are.
pub mod seal;

use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub actor_subject: String,
    pub actor_audience: ActorAudience,
    pub acting_for: Option<String>,
    pub action: Action,
    pub entity_type: String,
    pub entity_id: Option<Uuid>,
    pub customer_id: Option<Uuid>,
    pub fields: Json,
    pub reason: Option<String>,
    pub request_id: Option<String>,
    pub prev_hash: String,
    pub hash: String,
    /// Of the words; gone with them when the customer is erased.
    pub salt: Option<String>,
    /// What the seal holds in the place of the words: who, for whom, why, and the request.
    pub words_digest: Option<String>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "AuditEvent",
    prefix: "aud",
    table: "audit_events",
    reads: Some("audit:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Nobody,
        customer: Both(&[Own("customer_id"), Where("{t}.action <> 'deny'")]),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    ActorAudience "AuditEventActorAudience" { Agent = "agent", Partner = "partner", Customer = "customer", Public = "public", Service = "service" }
}

impl From<Audience> for ActorAudience {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Agent => Self::Agent,
            Audience::Partner => Self::Partner,
            Audience::Customer => Self::Customer,
            Audience::Public => Self::Public,
        }
    }
}

text_enum! {
    Action "AuditEventAction" { Read = "read", Create = "create", Update = "update", Delete = "delete", Export = "export", Login = "login", Deny = "deny" }
}
