//! From a request to the `Scope` of who asks. No token is the public; a bad token is refused and never the public.

/// The keys that sign and verify.
pub mod key;
/// Claims: how tokens are made and checked.
pub mod token;

use crate::app::App;
use axum::http::{HeaderMap, header::AUTHORIZATION};
use chrono::{DateTime, Utc};
use entities::{Audience, Error, Scope, Store, id::Id, party};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use token::Claims;
use uuid::Uuid;

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
pub struct Caller {
    pub scope: Scope,
    pub until: Option<i64>,
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
        return Ok(Caller { scope, until: None });
    };
    let (scheme, token) = authorization.split_once(' ').ok_or(Rejected::Token("no scheme"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejected::Token("not a bearer token"));
    }
    let claims = app.tokens.verify(token.trim(), at)?;
    let mut scope = scope_of(app, &claims, at).await?;
    scope.request_id = Some(request_id.into());
    Ok(Caller { scope, until: Some(claims.exp) })
}
/// Shorter names can be guessed, longer ones are not ours.
const SESSION_CHARS: std::ops::RangeInclusive<usize> = 16..=128;

/// What a token gives. A customer token without customers, or a partner token without a partner, sees nothing.
async fn scope_of(app: &App, claims: &Claims, at: DateTime<Utc>) -> Result<Scope, Rejected> {
    let mut scope = Scope::new(claims.aud_class.audience(), &claims.sub, at).with_scopes(claims.scope.split(' '));
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

/// Partners with their child partners, remembered briefly: every request of a partner asks.
pub struct Families(Cache<Uuid, Arc<[Uuid]>>);
impl Default for Families {
    fn default() -> Self {
        Families(Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(30)).build())
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
