//! From a request to the `Scope` of who asks. No token is the public; a bad token is refused and never the public.

/// From where a caller comes.
pub mod address;
/// The keys of an OpenID provider.
pub mod jwks;
/// Signed tokens, and the keys that verify them.
pub mod jws;
/// The keys of the hub that sign and verify.
pub mod key;
/// Partner tokens.
pub mod partner_token;
/// Tokens of OpenID providers.
pub mod provider;
/// Claims: how tokens are made and checked.
pub mod token;
/// Whether what allowed a stream to begin still allows it.
pub mod watch;

use crate::app::App;
use address::Address;
use axum::http::{HeaderMap, header::AUTHORIZATION};
use chrono::{DateTime, Utc};
use entities::{Audience, Error, Scope, Store, id::Id, party};
use jws::Signed;
use moka::sync::Cache;
use partner_token::PartnerTokens;
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use token::Claims;
use uuid::Uuid;

/// How long what the database says of a caller is believed. Twice that, and what was revoked is over everywhere: open
/// streams ask as often.
pub const REMEMBERED: Duration = Duration::from_millis(500);

/// Why nobody can be made of the caller.
#[derive(Debug)]
pub enum Rejected {
    /// The token is no good. What exactly was wrong goes to the log, not to the caller.
    Token(&'static str),
    Store(Error),
}
impl From<Error> for Rejected {
    fn from(e: Error) -> Self {
        Rejected::Store(e)
    }
}

/// Who asks, and until when that holds (seconds since 1970; none without a token).
#[derive(Clone)]
pub struct Caller {
    pub scope: Scope,
    pub until: Option<i64>,
    pub credential: Credential,
}

/// By what a caller is known: enough to ask again whether it still holds.
#[derive(Clone)]
pub enum Credential {
    /// None.
    Public,
    /// A signed token: its claims, and the id of its key.
    Signed(Arc<Claims>, Arc<str>),
    /// The hash of a partner token.
    Partner(Arc<str>),
}

/// The caller of an HTTP request.
pub async fn caller(app: &App, headers: &HeaderMap, request_id: &str) -> Result<Caller, Rejected> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let authorization = match (all.next(), all.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().map_err(|_| Rejected::Token("not text"))?),
        _ => return Err(Rejected::Token("two Authorization headers")),
    };
    let session = headers.get("x-session").and_then(|v| v.to_str().ok());
    from(app, authorization, session, request_id).await
}

/// The caller by the value of an `Authorization` header and the name of an anonymous session.
pub async fn from(app: &App, authorization: Option<&str>, session: Option<&str>, request_id: &str) -> Result<Caller, Rejected> {
    let at = app.store.clock().now();
    let Some(authorization) = authorization else {
        let mut scope = Scope::public(at);
        scope.session = session.filter(|s| SESSION_CHARS.contains(&s.len())).map(|s| format!("{:x}", Sha256::digest(s)));
        scope.request_id = Some(request_id.into());
        return Ok(Caller { scope, until: None, credential: Credential::Public });
    };
    let (scheme, token) = authorization.split_once(' ').ok_or(Rejected::Token("no scheme"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejected::Token("not a bearer token"));
    }
    let credential = match PartnerTokens::hash(token.trim()) {
        Some(hash) => Credential::Partner(hash?),
        None => signed(app, token.trim(), at).await?,
    };
    let mut caller = holder(app, credential, at).await?;
    caller.scope.request_id = Some(request_id.into());
    Ok(caller)
}
/// Shorter names can be guessed, longer ones are not ours.
const SESSION_CHARS: std::ops::RangeInclusive<usize> = 16..=128;

/// The claims of a token that the hub or one of its providers signed: `iss` says who, and is believed only with the
/// signature of a key of that issuer.
async fn signed(app: &App, token: &str, at: DateTime<Utc>) -> Result<Credential, Rejected> {
    let signed = Signed::parse(token)?;
    let issuer = signed.issuer().ok_or(Rejected::Token("no issuer"))?;
    let claims = match app.providers.of(&issuer) {
        _ if issuer == app.tokens.issuer() => app.tokens.judge(&signed, at)?,
        Some(provider) => provider.judge(&app.store, &signed, at).await?,
        None => return Err(Rejected::Token("unknown issuer")),
    };
    Ok(Credential::Signed(claims.into(), signed.header.access_token()?.into()))
}

/// Asks once more who somebody is whose call goes on: a stream must not outlive what allowed it. Cheap: nothing is
/// verified again, and the database is asked once in [`REMEMBERED`] for all streams of a caller together.
pub async fn again(app: &App, credential: &Credential) -> Result<Caller, Rejected> {
    holder(app, credential.clone(), app.store.clock().now()).await
}
/// Who holds a credential, where it still holds.
async fn holder(app: &App, credential: Credential, at: DateTime<Utc>) -> Result<Caller, Rejected> {
    let (scope, until) = match &credential {
        Credential::Public => (Scope::public(at), None),
        Credential::Signed(claims, key) => {
            let known = match app.providers.of(&claims.iss) {
                Some(provider) => provider.keys.knows(key),
                None => app.tokens.keyring.keys().find(key, at.timestamp()).is_some(),
            };
            if !known || claims.exp.saturating_add(token::LEEWAY_S) <= at.timestamp() {
                return Err(Rejected::Token("its key is gone, or it expired"));
            }
            (scope_of(app, claims, at).await?, Some(claims.exp))
        }
        Credential::Partner(hash) => {
            let token = app.partner_tokens.holding(&app.store, hash, at).await?;
            let mut scope = Scope::new(Audience::Partner, format!("{}", Id::new(&party::partner_token::ENTITY, token.id)), at);
            scope = scope.with_scopes(PartnerTokens::scopes(&token));
            scope.partners = app.families.of(&app.store, token.partner_id).await?.to_vec();
            (scope, Some(token.expires_at.timestamp()))
        }
    };
    Ok(Caller { scope, until, credential })
}

impl Caller {
    /// Notes that a partner token was used, in the background.
    pub async fn note(&self, app: &App, address: Address) {
        if let Credential::Partner(hash) = &self.credential
            && let Ok(token) = app.partner_tokens.holding(&app.store, hash, self.scope.at).await
        {
            app.partner_tokens.used(&app.store, token.id, address.0);
        }
    }
    /// Whether somebody may now do and see the same as this caller. A day is part of it: rules with dates look at the
    /// day on which a stream began.
    pub fn same(&self, now: &Caller) -> bool {
        let (a, b) = (&self.scope, &now.scope);
        let known = |s: &Scope| (s.audience != Audience::Public).then(|| s.at.date_naive());
        (a.audience, &a.subject, &a.scopes, &a.customers, &a.partners, &a.acting_for, known(a))
            == (b.audience, &b.subject, &b.scopes, &b.customers, &b.partners, &b.acting_for, known(b))
    }
}

/// What a token gives. A customer token without customers, or a partner token without a partner, sees nothing.
async fn scope_of(app: &App, claims: &Claims, at: DateTime<Utc>) -> Result<Scope, Rejected> {
    // two issuers may each have somebody of that name
    let subject = if claims.iss == app.tokens.issuer() { claims.sub.clone() } else { format!("{} {}", claims.iss, claims.sub) };
    let mut scope = Scope::new(claims.aud_class.audience(), subject, at).with_scopes(claims.scope.split(' '));
    scope.acting_for = claims.act.as_ref().map(|a| a.sub.clone());
    match scope.audience {
        Audience::Customer => scope.customers = claims.customer_ids.iter().map(|id| uuid(id, &party::customer::ENTITY)).collect::<Result<_, _>>()?,
        Audience::Partner => {
            if let Some(id) = &claims.partner_id {
                scope.partners = app.families.of(&app.store, uuid(id, &party::partner::ENTITY)?).await?.to_vec();
            }
        }
        Audience::Agent | Audience::Public => {}
    }
    Ok(scope)
}
fn uuid(id: &str, kind: &entities::model::EntityKind) -> Result<Uuid, Rejected> {
    Id::parse(id).filter(|i| i.kind == kind).map(|i| i.uuid).ok_or(Rejected::Token("malformed id in a claim"))
}

/// Partners with their child partners, remembered for a moment: every request of a partner asks.
pub struct Families(Cache<Uuid, Arc<[Uuid]>>);
impl Default for Families {
    fn default() -> Self {
        Families(Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build())
    }
}
impl Families {
    async fn of(&self, store: &Store, partner: Uuid) -> Result<Arc<[Uuid]>, Error> {
        if let Some(known) = self.0.get(&partner) {
            return Ok(known);
        }
        let family: Arc<[Uuid]> = family(store, partner).await?.into();
        self.0.insert(partner, family.clone());
        Ok(family)
    }
}
/// A partner and all below it, one statement a level; nobody where there is no such partner.
async fn family(store: &Store, partner: Uuid) -> Result<Vec<Uuid>, Error> {
    use party::partner::{Column, Entity};
    let hub = Scope::hub(store.clock().now());
    let ids = |condition| hub.find::<Entity>().filter(condition).select_only().column(Column::Id).into_tuple::<Uuid>().all(store.reader());
    let mut all = ids(Column::Id.eq(partner)).await?;
    let mut level = all.clone();
    while !level.is_empty() {
        level = ids(Column::ParentId.is_in(level).and(Column::Id.is_not_in(all.clone()))).await?;
        all.extend(&level);
    }
    Ok(all)
}
