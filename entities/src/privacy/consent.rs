//! Consent by purpose with its evidence (TMF644). Append-only: the latest `effective_at` counts.
use crate::{
    error::{Code, Error, Result},
    input::{Check, needs, needs_at, not_found},
    model::*,
    outbox::change::Operation,
    party::{customer, partner_customer},
    privacy::audit_event::Action,
    scope::Scope,
    store::Write,
};
use sea_orm::{ConnectionTrait, IntoActiveModel, QueryOrder};
use std::collections::BTreeSet;

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
    reads: Some("consent:read"),
    rules: Rules { agent: Served("customer_id"), partner: Nobody, customer: Own("customer_id"), public: Nobody },
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

/// What somebody agreed to, or no longer does, and how one can prove it.
#[derive(Clone, Debug)]
pub struct Set {
    pub customer_id: Uuid,
    pub purpose: Purpose,
    pub state: State,
    pub evidence: Evidence,
}
/// Who said it is known from the caller.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Where it was said: `portal`, `phone`.
    pub channel: String,
    /// Which wording they were shown.
    pub text_version: String,
}

/// Characters of each part of the evidence.
pub const MOST_EVIDENCE: usize = 200;

/// Writes down a consent by the customer, or by an agent whom they told. Never changes what was written before.
pub async fn set(w: &mut Write, set: Set) -> Result<Uuid> {
    needs(w.scope(), "consent:write")?;
    let mut check = Check::default();
    let channel = check.text("evidence.channel", &set.evidence.channel, MOST_EVIDENCE);
    let text_version = check.text("evidence.textVersion", &set.evidence.text_version, MOST_EVIDENCE);
    check.done()?;
    let customer = w
        .scope()
        .find::<customer::Entity>()
        .filter(customer::Column::Id.eq(set.customer_id))
        .filter(customer::Column::ErasedAt.is_null())
        .one(w.tx())
        .await?;
    let customer = customer.ok_or_else(|| not_found("customerId", "customer"))?;
    needs_at(w, "consent:write", Some(customer.id)).await?;
    let before = current(w.scope(), w.tx(), customer.id).await?.into_iter().find(|c| c.purpose == set.purpose && c.party_id == customer.party_id);
    if set.state == State::Withdrawn && before.as_ref().is_none_or(|c| c.state != State::Granted) {
        return Err(Error::refused(Code::InvalidTransition, "state", "Only a consent that was granted can be withdrawn."));
    }
    let (id, partner_id) = (crate::id::at(w.at()), partner_customer::seller(w, customer.id).await?);
    let row = Model {
        id,
        created_at: w.at(),
        updated_at: w.at(),
        row_version: 1,
        source_system: "hub".into(),
        external_id: id.to_string(),
        source_status: None,
        source_updated_at: None,
        row_hash: None,
        import_batch_id: None,
        customer_id: customer.id,
        partner_id,
        party_id: customer.party_id,
        purpose: set.purpose,
        state: set.state,
        legal_basis: "consent".into(),
        evidence: serde_json::json!({ "channel": channel, "textVersion": text_version, "actor": w.actor() }),
        effective_at: w.at(),
        expires_at: None,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, Some(customer.id), partner_id);
    w.audit(Action::Create, &ENTITY, id, Some(customer.id), &["purpose", "state", "evidence"]);
    w.state(&ENTITY, id, (Some(customer.id), partner_id), before.map(|c| c.state.text()), set.state.text(), Some(set.purpose.text())).await?;
    Ok(id)
}

/// SQL: the consent `$t` is the one in force, which [`current`] tells.
#[macro_export]
macro_rules! consent_in_force {
    ($t:literal) => {
        concat!(
            $t,
            ".effective_at <= {now} and (",
            $t,
            ".expires_at is null or ",
            $t,
            ".expires_at > {now}) and not exists (select 1 from consents newer where newer.customer_id = ",
            $t,
            ".customer_id and newer.party_id = ",
            $t,
            ".party_id and newer.purpose = ",
            $t,
            ".purpose and newer.effective_at <= {now} and (newer.effective_at, newer.id) > (",
            $t,
            ".effective_at, ",
            $t,
            ".id))"
        )
    };
}

/// What counts now for a customer: the last word of each party on each purpose, unless it ran out.
pub async fn current(scope: &Scope, db: &impl ConnectionTrait, customer_id: Uuid) -> Result<Vec<Model>> {
    let all = scope.find::<Entity>().filter(Column::CustomerId.eq(customer_id)).filter(Column::EffectiveAt.lte(scope.at));
    let all = all.order_by_desc(Column::EffectiveAt).order_by_desc(Column::Id).all(db).await?;
    let mut heard = BTreeSet::new();
    let last = all.into_iter().filter(|c| heard.insert((c.party_id, c.purpose.text())));
    Ok(last.filter(|c| c.expires_at.is_none_or(|end| end > scope.at)).collect())
}
