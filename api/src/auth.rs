//! From a request to the `Scope` of who asks. No token is the public; a bad token is refused and never the public.

/// From where a caller comes.
pub mod address;
/// The keys of an OpenID provider.
pub mod jwks;
/// Signed tokens, and the keys that verify them.
pub mod jws;
/// The keys of the hub that sign and verify.
pub mod key;
/// What the database says of a login, remembered for a moment.
pub mod known;
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
use entities::{Audience, Error, Scope, id::Id, party};
use jws::Signed;
use partner_token::PartnerTokens;
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
    pub scope: Arc<Scope>,
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

/// The `Authorization` header; what is there and cannot be read is no good, and never the public.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Rejected> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => Ok(Some(one.to_str().map_err(|_| Rejected::Token("not text"))?)),
        _ => Err(Rejected::Token("two Authorization headers")),
    }
}

/// The caller of an HTTP request.
pub async fn caller(app: &App, headers: &HeaderMap, request_id: &Arc<str>) -> Result<Caller, Rejected> {
    let authorization = authorization(headers)?;
    let said = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    from(app, authorization, said("x-session"), said("x-reason"), request_id).await
}

/// The caller by the value of an `Authorization` header, the name of an anonymous session, and the reason for which an
/// agent wants to see what is protected (percent-encoded where it is not ASCII).
pub async fn from(
    app: &App,
    authorization: Option<&str>,
    session: Option<&str>,
    reason: Option<&str>,
    request_id: &Arc<str>,
) -> Result<Caller, Rejected> {
    let at = app.store.clock().now();
    let Some(authorization) = authorization else {
        let mut scope = Scope::public(at);
        scope.session = session.filter(|s| SESSION_CHARS.contains(&s.len())).map(|s| format!("{:x}", Sha256::digest(s)));
        scope.request_id = Some(request_id.clone());
        return Ok(Caller { scope: scope.into(), until: None, credential: Credential::Public });
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
    let scope = Arc::make_mut(&mut caller.scope);
    scope.reason = reason.filter(|_| scope.audience == Audience::Agent).and_then(plain);
    scope.request_id = Some(request_id.clone());
    Ok(caller)
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

/// The claims of a token that the hub or one of its providers signed: `iss` says who, and is believed only with the
/// signature of a key of that issuer.
async fn signed(app: &App, token: &str, at: DateTime<Utc>) -> Result<Credential, Rejected> {
    if let Some(known) = app.tokens.known(token, at) {
        return known.map(|(claims, key)| Credential::Signed(claims, key));
    }
    let signed = Signed::parse(token)?;
    let issuer = signed.issuer().ok_or(Rejected::Token("no issuer"))?;
    let own = issuer == app.tokens.issuer();
    let claims = match app.providers.of(&issuer) {
        _ if own => app.tokens.judge(&signed, at)?,
        Some(provider) => Box::pin(provider.judge(&app.store, &signed, at)).await?,
        None => return Err(Rejected::Token("unknown issuer")),
    };
    let verified = (claims.into(), signed.header.access_token()?.into());
    if own {
        app.tokens.remember(token, &verified); // what a provider's claims mean can change with the rows they name
    }
    Ok(Credential::Signed(verified.0, verified.1))
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
            scope.partners = app.known.partners(&app.store, token.partner_id).await?.to_vec();
            (scope, Some(token.expires_at.timestamp()))
        }
    };
    Ok(Caller { scope: scope.into(), until, credential })
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
        let rights = |s: &Scope| Scope { reason: None, session: None, request_id: None, at: DateTime::UNIX_EPOCH, ..s.clone() };
        let day = |s: &Scope| (s.audience != Audience::Public).then(|| s.at.date_naive());
        rights(&self.scope) == rights(&now.scope) && day(&self.scope) == day(&now.scope)
    }
}

/// What a token gives. A customer token without customers, or a partner token without a partner, sees nothing.
async fn scope_of(app: &App, claims: &Claims, at: DateTime<Utc>) -> Result<Scope, Rejected> {
    // two issuers may each have somebody of that name
    let subject = if claims.iss == app.tokens.issuer() { claims.sub.clone() } else { format!("{} {}", claims.iss, claims.sub) };
    let mut scope = Scope::new(claims.aud_class.audience(), subject, at);
    scope.scopes = claims.scopes();
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
