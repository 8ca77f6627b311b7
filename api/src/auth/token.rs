//! Access tokens of RFC 9068: what they claim, and what of that is accepted. Those of the hub are signed by its own keys.
use super::{
    Rejected,
    jws::{self, Signed},
    key::{Keyring, Keys},
};
use crate::config;
use chrono::{DateTime, Utc};
use entities::{Audience, Scope, scope::Scopes};
use jsonwebtoken::{Header, encode};
use moka::sync::Cache;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Clocks differ a little.
pub const LEEWAY_S: i64 = 30;
/// A token that claims to live longer is refused: it could not be taken back.
pub const LONGEST_S: i64 = 24 * 3600;
pub const MOST_CUSTOMERS: usize = 20;

/// What a good token says, whoever made it: those of OpenID providers end in this form too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: Aud,
    pub sub: String,
    pub exp: i64,
    pub iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub jti: String,
    pub client_id: String,
    /// A list parted by blanks.
    #[serde(default)]
    pub scope: String,
    pub aud_class: Class,
    /// The roots of the caller's customer trees, as public ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customer_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// An agent's regions and teams, by code or public id; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Vec<String>>,
    /// Who acts for `sub` (RFC 8693): the agent who views as a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// What `scope` comes to, once it was asked.
    #[serde(skip)]
    pub(super) scopes: OnceLock<Scopes>,
}
impl Claims {
    /// What the token's class can hold of what it claims.
    pub fn scopes(&self) -> Scopes {
        let granted = || Scope::new(self.aud_class.audience(), "", DateTime::UNIX_EPOCH).with_scopes(self.scope.split(' ')).scopes;
        self.scopes.get_or_init(granted).clone()
    }
}
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Aud {
    One(String),
    Many(Vec<String>),
}
impl Aud {
    fn names(&self, audience: &str) -> bool {
        match self {
            Aud::One(one) => one == audience,
            Aud::Many(many) => many.iter().any(|a| a == audience),
        }
    }
}
/// The class of the caller. Nobody gets a token for being the public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Agent,
    Partner,
    // without customers it sees nothing
    #[default]
    Customer,
}
impl Class {
    pub fn audience(self) -> Audience {
        match self {
            Class::Agent => Audience::Agent,
            Class::Partner => Audience::Partner,
            Class::Customer => Audience::Customer,
        }
    }
}
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
}

/// What a token shall say; the rest follows from the hub.
#[derive(Default)]
pub struct Order {
    pub class: Class,
    pub subject: String,
    pub customers: Vec<String>,
    pub partner: Option<String>,
    /// All that the class may hold, where it is none.
    pub scope: Option<String>,
    /// The agent who will use it.
    pub actor: Option<String>,
    /// Where an agent's customers are, and whose: codes or public ids. None: all.
    pub regions: Option<Vec<String>>,
    pub teams: Option<Vec<String>>,
    pub ttl_s: i64,
}

/// Makes and checks the tokens of this hub.
pub struct Tokens {
    pub keyring: Keyring,
    issuer: String,
    audience: String,
    /// Whose signature was found good, by the hash of the token: to verify it is half of what a small request costs.
    signed: Cache<[u8; 32], Verified>,
}
/// What a token claims, and the id of the key that signed it: the thumbprint of that key, so never another one's.
pub type Verified = (Arc<Claims>, Arc<str>);
const MOST_SIGNED: u64 = 10_000;
impl Tokens {
    pub fn new(keys: Keys, auth: &config::Auth) -> Self {
        let signed = Cache::new(MOST_SIGNED);
        Tokens { keyring: Keyring::new(keys), issuer: auth.issuer.clone(), audience: auth.audience.clone(), signed }
    }
    pub fn can_sign(&self) -> bool {
        self.keyring.keys().signing().is_some()
    }
    /// Whose tokens these are (`iss`).
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
    /// None where there is no signing key.
    pub fn mint(&self, order: Order, now: DateTime<Utc>) -> Option<(String, Claims)> {
        let keys = self.keyring.keys();
        let signing = keys.signing()?;
        let (algorithm, key) = signing.signing()?;
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: Aud::One(self.audience.clone()),
            sub: order.subject,
            exp: iat + order.ttl_s,
            iat,
            nbf: Some(iat),
            jti: uuid::Uuid::now_v7().simple().to_string(),
            client_id: "switchboard-cli".into(),
            scope: order.scope.unwrap_or_else(|| order.class.audience().ceiling().join(" ")),
            aud_class: order.class,
            customer_ids: order.customers,
            partner_id: order.partner,
            regions: order.regions,
            teams: order.teams,
            act: order.actor.map(|sub| Actor { sub }),
            scopes: OnceLock::new(),
        };
        let header = Header { typ: Some("at+jwt".into()), kid: Some(signing.id.clone()), ..Header::new(*algorithm) };
        Some((encode(&header, &claims, key).ok()?, claims))
    }
    /// The claims of a good token of this hub. Everything that is not plainly good is refused.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Rejected> {
        self.judge(&Signed::parse(token)?, now)
    }
    /// The claims of a token that was found good before. What can change is judged anew: whether its key is still there,
    /// and whether the claims hold now.
    pub fn known(&self, token: &str, now: DateTime<Utc>) -> Option<Result<Verified, Rejected>> {
        let (claims, key) = self.signed.get::<[u8; 32]>(&Sha256::digest(token).into())?;
        let now = now.timestamp();
        let judged = match self.keyring.keys().find(&key, now) {
            Some(_) => holds(&claims, &self.issuer, &self.audience, now),
            None => Err(Rejected::Token("unknown key")),
        };
        Some(judged.map(|()| (claims, key)))
    }
    /// Notes that the signature of this token is good.
    pub fn remember(&self, token: &str, (claims, key): &Verified) {
        self.signed.insert(Sha256::digest(token).into(), (claims.clone(), key.clone()));
    }
    pub fn judge(&self, signed: &Signed, now: DateTime<Utc>) -> Result<Claims, Rejected> {
        let unknown = Rejected::Token("unknown key");
        let (id, now) = (signed.header.access_token()?, now.timestamp());
        let Some(keys) = self.keyring.with(id, now) else { return Err(unknown) };
        let Some(key) = keys.find(id, now) else { return Err(unknown) };
        let claims: Claims = jws::claims(signed.payload(&key.public)?)?;
        check(&claims, &self.issuer, &self.audience, now)?;
        Ok(claims)
    }
}

/// Whether claims that were truly signed hold here and now, and none is half there.
pub fn check(claims: &Claims, issuer: &str, audience: &str, now: i64) -> Result<(), Rejected> {
    holds(claims, issuer, audience, now)?;
    is_whole(claims)
}
/// From whom, for whom and when.
fn holds(claims: &Claims, issuer: &str, audience: &str, now: i64) -> Result<(), Rejected> {
    let bad = |why| Err(Rejected::Token(why));
    if claims.iss != issuer || !claims.aud.names(audience) {
        return bad("issuer or audience");
    }
    let (exp, iat) = (claims.exp, claims.iat);
    if exp + LEEWAY_S.min(i64::MAX.saturating_sub(exp)) <= now {
        return bad("expired");
    }
    if iat < 0 || iat > now + LEEWAY_S || claims.nbf.is_some_and(|nbf| nbf < 0 || nbf > now + LEEWAY_S) {
        return bad("not yet valid");
    }
    if exp.saturating_sub(iat) > LONGEST_S {
        return bad("lives too long");
    }
    Ok(())
}
/// What does not change with time.
fn is_whole(claims: &Claims) -> Result<(), Rejected> {
    let bad = |why| Err(Rejected::Token(why));
    if [&claims.sub, &claims.jti, &claims.client_id].iter().any(|c| c.is_empty() || c.len() > 200) {
        return bad("blank or overlong claim");
    }
    if claims.act.is_some() && claims.aud_class != Class::Customer {
        return bad("acts as somebody who is no customer");
    }
    if claims.act.as_ref().is_some_and(|a| a.sub.is_empty() || a.sub.len() > 200) {
        return bad("blank or overlong actor");
    }
    if claims.customer_ids.len() > MOST_CUSTOMERS {
        return bad("too many customers");
    }
    if claims.scope.split(' ').any(|s| !s.bytes().all(|b| b.is_ascii_lowercase() || b"._:".contains(&b))) {
        return bad("malformed scope");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
