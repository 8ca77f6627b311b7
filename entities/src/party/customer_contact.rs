//! Who does what inside an enterprise. As soon as somebody is named for a customer, only those who are named get in, and
//! each with what its role gives (`domain-model` §3), also when the last role has ended; a customer who never named anybody is
//! its own account owner.
use crate::{error::Result, model::*, store::Store};
use sea_orm::{Condition, ConnectionTrait, QuerySelect, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// New contacts and their end.
mod save;
pub use save::{Save, save};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_contacts")]
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
    pub role: Role,
    pub valid_from_on: Date,
    pub valid_to_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "CustomerContact",
    prefix: "cct",
    table: "customer_contacts",
    reads: Some("customer:read"),
    rules: Rules { agent: Served("customer_id"), partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Role "CustomerContactRole" { AccountOwner = "account_owner", PortfolioManager = "portfolio_manager", BillRecipient = "bill_recipient", ReportRecipient = "report_recipient", CostCentreAdmin = "cost_centre_admin", Auditor = "auditor", Technical = "technical", Approver = "approver", User = "user" }
}
impl Role {
    /// What a role leaves of a customer's scopes (`domain-model` §3); none: all of them. Everybody knows the company,
    /// reads the knowledge base and their own talks. Reports, cost centres and approvals have no rows of their own yet: those roles give no
    /// more than that.
    pub fn scopes(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Role::AccountOwner => return None,
            Role::PortfolioManager => &["customer:read", "kb:read", "product:read"],
            Role::BillRecipient => &["billing:read", "customer:read", "kb:read"],
            Role::Auditor => &["audit:read", "billing:read", "customer:read", "kb:read"],
            Role::Technical => &["customer:read", "kb:read", "product:read", "ticket:read", "ticket:write"],
            Role::ReportRecipient | Role::CostCentreAdmin | Role::Approver | Role::User => &["customer:read", "kb:read"],
        })
    }
}

/// What the hub knows of a login.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Login {
    /// The person or company behind it.
    pub party: Option<Uuid>,
    /// By root what the roles leave; a root that is not named is the login's as a whole.
    pub roles: BTreeMap<Uuid, BTreeSet<&'static str>>,
}

/// The roles that a login has today at each of these roots. A role of a company holds for all below it.
pub async fn login(store: &Store, issuer: &str, subject: &str, roots: &[Uuid]) -> Result<Login> {
    let party = party_of(store, issuer, subject).await?;
    let mut roles: BTreeMap<Uuid, Option<BTreeSet<&'static str>>> = BTreeMap::new();
    for n in named(store, roots).await? {
        let left = roles.entry(n.root).or_insert_with(|| Some(BTreeSet::new()));
        if let Some(role) = n.role.filter(|_| n.party.is_some() && n.party == party) {
            match (role.scopes(), left.as_mut()) {
                (Some(scopes), Some(left)) => left.extend(scopes),
                _ => *left = None,
            }
        }
    }
    Ok(Login { party, roles: roles.into_iter().filter_map(|(root, left)| Some((root, left?))).collect() })
}
async fn party_of(store: &Store, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    use super::identity::{Audience::Customer, Column, Entity};
    let known = Condition::all().add(Column::Issuer.eq(issuer)).add(Column::Subject.eq(subject)).add(Column::Audience.eq(Customer));
    Ok(Entity::find().filter(known).select_only().column(Column::PartyId).into_tuple().one(store.reader()).await?)
}
/// Somebody who is or was named for a root or for what stands above it.
struct Named {
    root: Uuid,
    party: Option<Uuid>,
    /// None where it is over, and for a root that was erased: then nobody gets in.
    role: Option<Role>,
}
async fn named(store: &Store, roots: &[Uuid]) -> Result<Vec<Named>> {
    if roots.is_empty() {
        return Ok(vec![]);
    }
    let places: Vec<_> = (2..roots.len() + 2).map(|n| format!("${n}")).collect();
    let sql = format!(
        "select cc.descendant_id, k.party_id, case when k.valid_from_on <= $1 and (k.valid_to_on is null or k.valid_to_on >= $1) then k.role end
         from customer_closure cc join customer_contacts k on k.customer_id = cc.ancestor_id where cc.descendant_id in ({0})
         union all select id, null, null from customers where id in ({0}) and erased_at is not null",
        places.join(", ")
    );
    let values = std::iter::once(store.clock().now().date_naive().into()).chain(roots.iter().map(|r| (*r).into()));
    let rows = store.reader().query_all_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await?;
    let read = |r: &sea_orm::QueryResult| -> Result<Named> {
        let role: Option<String> = r.try_get_by_index(2)?;
        Ok(Named { root: r.try_get_by_index(0)?, party: r.try_get_by_index(1)?, role: role.as_deref().and_then(Role::parse) })
    };
    rows.iter().map(read).collect()
}
