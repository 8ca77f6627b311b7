//! From a request to the `Scope` of who asks. No token is the public; a bad token is refused and never the public.

/// The keys that sign and verify.
pub mod key;
/// What the database says of a login, remembered for a second.
pub mod known;
/// Claims: how tokens are made and checked.
pub mod token;

use crate::app::App;
use axum::http::{HeaderMap, header::AUTHORIZATION};
use chrono::{DateTime, Utc};
use entities::{Audience, Error, Scope, id::Id, party};
use sha2::{Digest, Sha256};
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
    let said = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    from(app, authorization, said("x-session"), said("x-reason"), request_id).await
}

/// The caller by the value of an `Authorization` header, the name of an anonymous session, and the reason for which an
/// agent wants to see what is protected (percent-encoded where it is not ASCII).
pub async fn from(app: &App, authorization: Option<&str>, session: Option<&str>, reason: Option<&str>, request_id: &str) -> Result<Caller, Rejected> {
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
    scope.reason = reason.filter(|_| scope.audience == Audience::Agent).and_then(plain);
    scope.request_id = Some(request_id.into());
    Ok(Caller { scope, until: Some(claims.exp) })
}
/// A reason as a person wrote it: none where it says nothing.
fn plain(reason: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(reason).decode_utf8_lossy();
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MOST_REASON).collect();
    (text.chars().count() >= LEAST_REASON).then_some(text)
}
const LEAST_REASON: usize = 3;
const MOST_REASON: usize = 200;
/// Shorter names can be guessed, longer ones are not ours.
const SESSION_CHARS: std::ops::RangeInclusive<usize> = 16..=128;

/// What a token gives. A customer token without customers, or a partner token without a partner, sees nothing.
async fn scope_of(app: &App, claims: &Claims, at: DateTime<Utc>) -> Result<Scope, Rejected> {
    let mut scope = Scope::new(claims.aud_class.audience(), &claims.sub, at).with_scopes(claims.scope.split(' '));
    scope.actor = claims.act.as_ref().map(|a| a.sub.clone());
    match scope.audience {
        Audience::Customer => {
            scope.customers = claims.customer_ids.iter().map(|id| uuid(id, &party::customer::ENTITY)).collect::<Result<_, _>>()?;
            match scope.actor {
                // an agent sees what the account owner does
                Some(_) => scope.scopes.retain(|s| s.ends_with(":read")),
                None => {
                    let login = app.known.login(&app.store, &claims.iss, &claims.sub, &scope.customers).await?;
                    scope.party = login.party;
                    scope = scope.with_roles(login.roles.clone());
                }
            }
        }
        Audience::Partner => {
            if let Some(id) = &claims.partner_id {
                scope.partners = app.known.partners(&app.store, uuid(id, &party::partner::ENTITY)?).await?.to_vec();
            }
        }
        Audience::Agent => {
            // a region or team that is not there leaves nobody: it does not open everything
            if let Some(names) = &claims.regions {
                scope.regions = Some(app.known.regions(&app.store, names).await?.to_vec());
            }
            if let Some(names) = &claims.teams {
                scope.teams = Some(app.known.teams(&app.store, names).await?.to_vec());
            }
        }
        Audience::Public => {}
    }
    Ok(scope)
}
fn uuid(id: &str, kind: &entities::model::EntityKind) -> Result<Uuid, Rejected> {
    Id::parse(id).filter(|i| i.kind == kind).map(|i| i.uuid).ok_or(Rejected::Token("malformed id in a claim"))
}
