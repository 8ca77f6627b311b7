//! Partner tokens at the door: looked up by their hash, remembered for a moment, their use noted in the background.
use super::{REMEMBERED, Rejected};
use chrono::{DateTime, Utc};
use entities::{
    Store,
    party::partner_token::{self, Model, secret},
    scope::PARTNER_TOKEN_WRITE,
};
use moka::sync::Cache;
use std::{net::IpAddr, sync::Arc, time::Duration};
use uuid::Uuid;

/// What is known of partner tokens; never the tokens themselves.
pub struct PartnerTokens {
    /// By hash; none: there is no such token, or it holds no more.
    known: Cache<Arc<str>, Option<Arc<Model>>>,
    noted: Cache<Uuid, ()>,
}
impl Default for PartnerTokens {
    fn default() -> Self {
        PartnerTokens {
            known: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            noted: Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build(),
        }
    }
}
impl PartnerTokens {
    /// The hash of a bearer that is a partner token by its form; none where it is no such thing.
    pub fn hash(bearer: &str) -> Option<Result<Arc<str>, Rejected>> {
        bearer.starts_with(secret::START).then(|| match secret::is_partner_token(bearer) {
            true => Ok(secret::hash(bearer).into()),
            false => Err(Rejected::Token("misspelt partner token")),
        })
    }
    /// The token of that hash, where it holds.
    pub async fn holding(&self, store: &Store, hash: &Arc<str>, now: DateTime<Utc>) -> Result<Arc<Model>, Rejected> {
        let found = match self.known.get(hash) {
            Some(known) => known,
            None => {
                let found = Box::pin(partner_token::holding(store, hash)).await?.map(Arc::new);
                self.known.insert(hash.clone(), found.clone());
                found
            }
        };
        found.filter(|t| t.expires_at > now).ok_or(Rejected::Token("no such partner token, or it holds no more"))
    }
    /// Its scopes. Whatever the row says, no token makes tokens.
    pub fn scopes(token: &Model) -> impl Iterator<Item = &str> {
        token.scope.split(' ').filter(|s| *s != PARTNER_TOKEN_WRITE)
    }
    /// Notes when and from where it was used, once a minute at most, and not while its caller waits.
    pub fn used(&self, store: &Store, id: Uuid, address: Option<IpAddr>) {
        if self.noted.contains_key(&id) {
            return;
        }
        self.noted.insert(id, ());
        let store = store.clone();
        tokio::spawn(async move {
            if let Err(error) = partner_token::used(&store, id, address.map(|a| a.to_string())).await {
                tracing::warn!(%error, "the use of a partner token could not be noted");
            }
        });
    }
}
