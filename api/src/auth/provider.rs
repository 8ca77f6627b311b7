//! Tokens of OpenID providers: verified with the provider's keys, then put into the hub's own words by the settings.
//! What a mapping does not find is not there: it gives nothing.
use super::{
    REMEMBERED, Rejected,
    jwks::KeySet,
    jws::{self, Signed},
    token::{self, Aud, Claims, Class},
};
use crate::config::{Auth, provider as config};
use chrono::{DateTime, Utc};
use entities::{
    Error, Scope, Store,
    clock::Clock,
    model::Record,
    party::{customer, partner},
    store::public_id,
};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// All providers of the settings.
#[derive(Default)]
pub struct Providers(Vec<Provider>);
impl Providers {
    pub fn new(auth: &Auth, clock: &Clock) -> Self {
        Providers(auth.providers.iter().map(|p| Provider::new(p, auth, clock)).collect())
    }
    /// The provider of exactly this issuer.
    pub fn of(&self, issuer: &str) -> Option<&Provider> {
        self.0.iter().find(|p| p.config.issuer == issuer)
    }
    /// Keeps the keys of all fresh for as long as it runs. One that is down now is asked again later.
    pub async fn keep(&self) {
        futures::future::join_all(self.0.iter().map(|p| p.keys.clone().keep())).await;
    }
}

/// One provider.
pub struct Provider {
    config: config::Provider,
    audience: String,
    pub keys: Arc<KeySet>,
    /// Rows by (table, name as the provider spells it).
    found: Cache<(&'static str, String), Option<Uuid>>,
}
/// What RFC 9068 wants of every access token.
#[derive(Deserialize)]
struct Standard {
    iss: String,
    aud: Aud,
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    jti: String,
    client_id: String,
    #[serde(default)]
    act: Option<Value>,
}

impl Provider {
    fn new(config: &config::Provider, auth: &Auth, clock: &Clock) -> Self {
        let audience = if config.audience.is_empty() { &auth.audience } else { &config.audience };
        let found = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build();
        Provider { config: config.clone(), audience: audience.clone(), keys: Arc::new(KeySet::new(&config.issuer, clock)), found }
    }
    /// The claims of a good token, in our words.
    pub async fn judge(&self, store: &Store, signed: &Signed<'_>, now: DateTime<Utc>) -> Result<Claims, Rejected> {
        let payload = self.keys.payload(signed, signed.header.access_token()?).await?;
        let claims = jws::object(payload).ok_or(Rejected::Token("claims are no object"))?;
        let standard: Standard =
            serde_json::from_value(Value::Object(claims.clone())).map_err(|_| Rejected::Token("a claim is missing or of another kind"))?;
        if standard.act.is_some() {
            return Err(Rejected::Token("who acts for others is for the hub to say"));
        }
        let client = self.config.clients.iter().find(|c| c.client_id == standard.client_id);
        let mut mapped = Claims {
            scope: self.scope(&claims, client)?,
            aud_class: self.class(&claims, client)?,
            regions: some_words(at(&claims, &self.config.claims.regions))?,
            teams: some_words(at(&claims, &self.config.claims.teams))?,
            customer_ids: vec![],
            partner_id: None,
            iss: standard.iss,
            aud: standard.aud,
            sub: standard.sub,
            exp: standard.exp,
            iat: standard.iat,
            nbf: standard.nbf,
            jti: standard.jti,
            client_id: standard.client_id,
            act: None,
            scopes: Default::default(),
        };
        token::check(&mapped, &self.config.issuer, &self.audience, now.timestamp())?;
        match mapped.aud_class {
            Class::Customer => mapped.customer_ids = self.customers(store, &claims, client).await?,
            Class::Partner => mapped.partner_id = self.partner(store, &claims, client).await?,
            Class::Agent => {}
        }
        Ok(mapped)
    }
    fn class(&self, claims: &Map<String, Value>, client: Option<&config::Client>) -> Result<Class, Rejected> {
        if let Some(fixed) = client.and_then(|c| c.class) {
            return Ok(fixed);
        }
        let known = |word: &String| match self.config.classes.get(word) {
            Some(class) => Some(*class),
            None if self.config.classes.is_empty() => serde_json::from_value(Value::String(word.clone())).ok(),
            None => None,
        };
        let words = words(at(claims, &self.config.claims.class)).ok_or(Rejected::Token("the class is no word"))?;
        let mut classes = words.iter().filter_map(known);
        match (classes.next(), classes.next()) {
            (Some(class), None) => Ok(class),
            (Some(class), Some(more)) if more == class && classes.all(|c| c == class) => Ok(class),
            (None, _) => Err(Rejected::Token("maps to no class")),
            _ => Err(Rejected::Token("maps to several classes")),
        }
    }
    /// The scopes that are words of ours by their form; others (`openid`, addresses) say nothing here.
    fn scope(&self, claims: &Map<String, Value>, client: Option<&config::Client>) -> Result<String, Rejected> {
        let claim = at(claims, &self.config.claims.scope);
        if self.config.claims.scope == "scope" && claim.is_some_and(|c| !c.is_string()) {
            return Err(Rejected::Token("the scope is no text")); // RFC 9068
        }
        let claimed = words(claim).ok_or(Rejected::Token("scopes are no words"))?;
        let most: Vec<&str> = client.map(|c| c.scope.split_whitespace().collect()).unwrap_or_default();
        if claim.is_none() {
            return Ok(most.join(" "));
        }
        let ours = |s: &&str| s.bytes().all(|b| b.is_ascii_lowercase() || b"._:".contains(&b)) && (most.is_empty() || most.contains(s));
        Ok(claimed.iter().map(String::as_str).filter(ours).collect::<Vec<_>>().join(" "))
    }
    async fn customers(&self, store: &Store, claims: &Map<String, Value>, client: Option<&config::Client>) -> Result<Vec<String>, Rejected> {
        let names = match client.map(|c| &c.customers).filter(|c| !c.is_empty()) {
            Some(fixed) => fixed.clone(),
            None => words(at(claims, &self.config.claims.customers)).ok_or(Rejected::Token("customers are no words"))?,
        };
        if names.len() > token::MOST_CUSTOMERS {
            return Err(Rejected::Token("too many customers"));
        }
        use customer::Column::{CustomerNo, ExternalId, Id, SourceSystem};
        let mut ids = vec![];
        for name in names {
            let condition = |by: &str| match by.strip_prefix("source:") {
                Some(source) => Condition::all().add(SourceSystem.eq(source)).add(ExternalId.eq(name.as_str())),
                None => Condition::all().add(CustomerNo.eq(name.as_str())),
            };
            let found = self.find::<customer::Entity>(store, &name, &self.config.claims.customers_by, condition, Id).await?;
            ids.extend(found.map(|id| public_id(&customer::ENTITY, id)));
        }
        Ok(ids)
    }
    async fn partner(&self, store: &Store, claims: &Map<String, Value>, client: Option<&config::Client>) -> Result<Option<String>, Rejected> {
        let name = match client.map(|c| &c.partner).filter(|p| !p.is_empty()) {
            Some(fixed) => fixed.clone(),
            None => match words(at(claims, &self.config.claims.partner)).ok_or(Rejected::Token("the partner is no word"))?.as_slice() {
                [] => return Ok(None),
                [one] => one.clone(),
                _ => return Err(Rejected::Token("several partners")),
            },
        };
        use partner::Column::{Code, ExternalId, Id, SourceSystem};
        let condition = |by: &str| match by.strip_prefix("source:") {
            Some(source) => Condition::all().add(SourceSystem.eq(source)).add(ExternalId.eq(name.as_str())),
            None => Condition::all().add(Code.eq(name.as_str())),
        };
        let found = self.find::<partner::Entity>(store, &name, &self.config.claims.partner_by, condition, Id).await?;
        Ok(found.map(|id| public_id(&partner::ENTITY, id)))
    }
    /// The row of that name; none where there is none, or where several could be meant.
    async fn find<E: Record>(
        &self,
        store: &Store,
        name: &str,
        by: &str,
        condition: impl Fn(&str) -> Condition,
        id: E::Column,
    ) -> Result<Option<Uuid>, Rejected> {
        if by == "id" {
            return Ok(entities::id::Id::parse(name).filter(|i| i.kind == E::ENTITY).map(|i| i.uuid));
        }
        let key = (E::ENTITY.table, name.to_string());
        if let Some(known) = self.found.get(&key) {
            return Ok(known);
        }
        let rows = Scope::hub(store.clock().now()).find::<E>().filter(condition(by)).select_only().column(id).limit(2);
        let rows: Vec<Uuid> = rows.into_tuple().all(store.reader()).await.map_err(Error::from)?;
        let found = if let [one] = rows[..] { Some(one) } else { None };
        self.found.insert(key, found);
        Ok(found)
    }
}

/// A claim by its name; where there is none of that name, its dots lead into objects.
fn at<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    at(claims.get(first)?.as_object()?, rest)
}
/// Words that narrow what an agent sees: a claim that is there and names nothing leaves nothing.
fn some_words(claim: Option<&Value>) -> Result<Option<Vec<String>>, Rejected> {
    claim.map(|c| words(Some(c)).ok_or(Rejected::Token("regions or teams are no words"))).transpose()
}
/// The words of a text or of a list of texts; none where it is anything else. What is absent has no words.
fn words(claim: Option<&Value>) -> Option<Vec<String>> {
    match claim {
        None | Some(Value::Null) => Some(vec![]),
        Some(Value::String(text)) => Some(text.split_whitespace().map(Into::into).collect()),
        Some(Value::Array(list)) => list.iter().map(|v| v.as_str().map(Into::into)).collect(),
        Some(_) => None,
    }
}
