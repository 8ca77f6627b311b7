//! Tokens by which a partner's programs call the hub. What is kept is a hash: the token is shown once, when it is made.
/// The token itself: how it looks, and what is kept of it.
pub mod secret;

use crate::{
    error::{Code, Error, Result},
    input::{Check, needs, not_found},
    model::*,
    outbox::change::Operation,
    party::partner,
    privacy::audit_event::Action,
    scope::{PARTNER_TOKEN_WRITE, Scope},
    store::{Store, Write},
};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, Condition, IntoActiveModel, PaginatorTrait, QuerySelect, sea_query::Expr};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "partner_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub partner_id: Uuid,
    pub name: String,
    /// SHA-256 of the token, in hex.
    pub token_hash: String,
    /// How the token begins: enough to tell it from others, too little to use it.
    pub token_prefix: String,
    /// Scopes, parted by blanks.
    pub scope: String,
    pub expires_at: DateTimeUtc,
    pub creator_audience: CreatorAudience,
    pub creator_subject: String,
    pub last_used_at: Option<DateTimeUtc>,
    pub last_used_address: Option<String>,
    pub revoked_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "PartnerToken",
    prefix: "ptk",
    table: "partner_tokens",
    reads: Some("partner:write"),
    rules: Rules { agent: All, partner: Where("{t}.partner_id {partners}"), customer: Nobody, public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    CreatorAudience "PartnerTokenCreator" { Agent = "agent", Partner = "partner" }
}

/// A new token, as its maker wants it.
#[derive(Clone, Debug)]
pub struct Create {
    /// Whose; none: the caller's own partner.
    pub partner_id: Option<Uuid>,
    pub name: String,
    pub scopes: Vec<String>,
    /// How long it holds, in days.
    pub ttl_days: i32,
    pub token_hash: String,
    pub token_prefix: String,
}

/// Days that a token can hold at most.
pub const MOST_DAYS: i32 = 366;
/// Characters of a name.
pub const MOST_NAME: usize = 100;
/// Tokens of one partner that hold at a time.
pub const MOST_TOKENS: u64 = 100;

/// Makes a token: as an agent for any partner, as a partner for itself or one below it. A partner hands on only what it
/// may do itself; no token makes tokens.
pub async fn create(w: &mut Write, create: Create) -> Result<Uuid> {
    needs(w.scope(), "partner:write")?;
    let mut check = Check::default();
    let name = check.text("name", &create.name, MOST_NAME);
    let scope = granted(&mut check, w.scope(), &create.scopes);
    check.want((1..=MOST_DAYS).contains(&create.ttl_days), Code::InvalidValue, "ttlDays", "A token holds for 1 to 366 days.");
    check.done()?;
    let wanted = create.partner_id.or(w.scope().partners.first().copied()).ok_or_else(|| not_found("partnerId", "partner"))?;
    let partner = w.scope().find::<partner::Entity>().filter(partner::Column::Id.eq(wanted)).one(w.tx()).await?;
    let partner = partner.ok_or_else(|| not_found("partnerId", "partner"))?;
    if partner.status != partner::Status::Active {
        return Err(Error::refused(Code::InvalidTransition, "partnerId", "This partner is suspended or closed."));
    }
    let holding = Condition::all().add(Column::PartnerId.eq(partner.id)).add(holds(w.at()));
    if w.scope().find::<Entity>().filter(holding).count(w.tx()).await? >= MOST_TOKENS {
        return Err(Error::refused(Code::RateLimited, "partnerId", "This partner has 100 tokens. Please revoke one first."));
    }
    let id = crate::id::at(w.at());
    let row = Model {
        id,
        created_at: w.at(),
        updated_at: w.at(),
        row_version: 1,
        partner_id: partner.id,
        name,
        token_hash: create.token_hash,
        token_prefix: create.token_prefix,
        scope,
        expires_at: w.at() + TimeDelta::days(create.ttl_days.into()),
        creator_audience: if w.scope().audience == Audience::Partner { CreatorAudience::Partner } else { CreatorAudience::Agent },
        creator_subject: w.scope().subject.clone(),
        last_used_at: None,
        last_used_address: None,
        revoked_at: None,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, None, Some(partner.id));
    w.audit(Action::Create, &ENTITY, id, None, &["name", "scope", "expiresAt"]);
    Ok(id)
}
/// The scopes that a caller can give, in order and each once.
fn granted(check: &mut Check, scope: &Scope, wanted: &[String]) -> String {
    let can = |s: &str| s != PARTNER_TOKEN_WRITE && Audience::Partner.ceiling().contains(&s) && (scope.audience != Audience::Partner || scope.has(s));
    check.want(!wanted.is_empty(), Code::Blank, "scopes", "Please name what the token may do.");
    if let Some(not) = wanted.iter().find(|s| !can(s)) {
        let not: String = not.chars().take(50).collect();
        check.refuse(Code::InvalidValue, "scopes", format!("You cannot give the scope {not} to a token."));
    }
    let words: std::collections::BTreeSet<_> = wanted.iter().map(String::as_str).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// Ends a token for ever. One that was revoked before stays as it is.
pub async fn revoke(w: &mut Write, id: Uuid) -> Result<()> {
    needs(w.scope(), "partner:write")?;
    let row = w.scope().find::<Entity>().filter(Column::Id.eq(id)).one(w.tx()).await?;
    let row = row.ok_or_else(|| not_found("id", "token"))?;
    if row.revoked_at.is_some() {
        return Ok(());
    }
    let (partner_id, version) = (row.partner_id, row.row_version);
    let mut row = row.into_active_model();
    (row.revoked_at, row.updated_at, row.row_version) = (Set(Some(w.at())), Set(w.at()), Set(version + 1));
    row.update(w.tx()).await?;
    w.changed(Operation::Update, &ENTITY, id, None, Some(partner_id));
    w.audit(Action::Update, &ENTITY, id, None, &["revokedAt"]);
    Ok(())
}

fn holds(at: DateTimeUtc) -> Condition {
    Condition::all().add(Column::RevokedAt.is_null()).add(Column::ExpiresAt.gt(at))
}

/// The token of that hash, where it holds and its partner is active. One statement over the unique index.
pub async fn holding(store: &Store, token_hash: &str) -> Result<Option<Model>> {
    let at = store.clock().now();
    let active = Scope::hub(at).find::<partner::Entity>().filter(partner::Column::Status.eq(partner::Status::Active));
    let active = active.select_only().column(partner::Column::Id);
    let row = Scope::hub(at).find::<Entity>().filter(Column::TokenHash.eq(token_hash)).filter(holds(at));
    Ok(row.filter(Column::PartnerId.in_subquery(sea_orm::QuerySelect::query(&mut { active }).take())).one(store.reader()).await?)
}

/// Notes a use, unless one was noted less than a minute ago, by whatever node.
pub async fn used(store: &Store, id: Uuid, address: Option<String>) -> Result<()> {
    let at = store.clock().now();
    let before = Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lt(at - TimeDelta::seconds(59)));
    let update = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(Some(at))).col_expr(Column::LastUsedAddress, Expr::value(address));
    update.filter(Column::Id.eq(id)).filter(before).exec(store.writer()).await?;
    Ok(())
}
