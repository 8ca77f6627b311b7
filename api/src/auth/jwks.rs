//! The keys of an OpenID provider: found by its issuer URL, remembered, and fetched again when a token names one that is
//! not known. However many such tokens come, there is one fetch at a time, and the next no sooner than [`LEAST_S`].
use super::{
    Rejected,
    jws::{PublicKey, Signed},
};
use entities::clock::Clock;
use reqwest::{Client, Url, redirect::Policy};
use serde_json::Value;
use std::{
    sync::{Arc, OnceLock, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::timeout};

/// Between two fetches, whatever asks for them. Within it, a key that was not found stays not found.
pub const LEAST_S: i64 = 10;
/// Unasked, the keys are fetched so often. One that its provider lists no more holds for as long after it was last seen.
const REFRESH_S: i64 = 300;
/// Where the provider cannot be reached, its keys hold for so long.
const LIFE_S: i64 = 3600;
/// Discovery and keys together.
const PATIENCE: Duration = Duration::from_secs(5);
const LARGEST_BYTES: usize = 256 << 10;
const MOST_KEYS: usize = 64;

/// The keys of one issuer.
pub struct KeySet {
    issuer: String,
    clock: Clock,
    known: RwLock<Known>,
    /// When it was last tried. Held while fetching.
    tried: Arc<Mutex<Option<i64>>>,
}
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Vec<Entry>>,
    /// Counts what was fetched.
    generation: u64,
    fetched: Option<i64>,
}
#[derive(Clone)]
struct Entry {
    kid: String,
    jwk: Value,
    key: PublicKey,
    seen: i64,
    /// The provider named it the last time.
    listed: bool,
}
impl Known {
    fn holds(&self, entry: &Entry, now: i64) -> bool {
        match entry.listed {
            true => self.fetched.is_some_and(|at| now - at < LIFE_S),
            false => now - entry.seen < REFRESH_S,
        }
    }
    fn of<'a>(&'a self, kid: &'a str, now: i64) -> impl Iterator<Item = &'a Entry> {
        self.keys.iter().filter(move |e| e.kid == kid && self.holds(e, now))
    }
}

impl KeySet {
    pub fn new(issuer: &str, clock: &Clock) -> Self {
        KeySet { issuer: issuer.into(), clock: clock.clone(), known: RwLock::default(), tried: Arc::default() }
    }
    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(|e| e.into_inner()).clone()
    }
    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }
    /// Whether a key of this id still holds.
    pub fn knows(&self, kid: &str) -> bool {
        self.known().of(kid, self.now()).next().is_some()
    }
    /// What was signed, where one of the provider's keys did it.
    pub async fn payload<'a>(self: &Arc<Self>, signed: &'a Signed<'_>, kid: &str) -> Result<&'a [u8], Rejected> {
        let before = self.known();
        let refused = match open(&before, signed, kid, self.now()) {
            Ok(payload) => return Ok(payload),
            Err(refused) => refused,
        };
        self.fetch().await;
        let now = self.known();
        // a provider may also use an id again for another key
        if now.generation == before.generation { Err(refused) } else { open(&now, signed, kid, self.now()) }
    }
    /// Fetches now, unless that was tried a moment ago. Goes on when the caller has left: who hangs up early must not be
    /// able to keep new keys out.
    pub async fn fetch(self: &Arc<Self>) {
        let mut tried = self.tried.clone().lock_owned().await;
        let now = self.now();
        // a clock that was set back must not keep keys out for long
        if tried.is_some_and(|at| (0..LEAST_S).contains(&(now - at))) {
            return;
        }
        *tried = Some(now);
        let set = self.clone();
        let fetching = tokio::spawn(async move {
            let _tried = tried;
            match timeout(PATIENCE, keys(&set.issuer)).await.unwrap_or_else(|_| Err("it does not answer".into())) {
                Ok(keys) => set.take(keys),
                Err(error) => tracing::warn!(issuer = set.issuer, error, "the keys of a provider could not be fetched"),
            }
        });
        let _ = fetching.await;
    }
    /// Keeps the keys fresh for as long as it runs.
    pub async fn keep(self: Arc<Self>) {
        loop {
            self.fetch().await;
            let fresh = self.known().fetched.is_some_and(|at| self.now() - at < REFRESH_S);
            tokio::time::sleep(Duration::from_secs(if fresh { REFRESH_S } else { LEAST_S } as u64)).await;
        }
    }
    fn take(&self, listed: Vec<(String, Value, PublicKey)>) {
        let now = self.now();
        let before = self.known();
        let mut keys: Vec<Entry> = listed.into_iter().map(|(kid, jwk, key)| Entry { kid, jwk, key, seen: now, listed: true }).collect();
        let gone = before.keys.iter().filter(|e| before.holds(e, now) && !keys.iter().any(|k| k.kid == e.kid && k.jwk == e.jwk));
        let gone: Vec<_> = gone.map(|e| Entry { listed: false, ..e.clone() }).collect();
        keys.extend(gone);
        keys.truncate(MOST_KEYS);
        tracing::info!(issuer = self.issuer, keys = keys.len(), "the keys of a provider were fetched");
        let known = Known { keys: Arc::new(keys), generation: before.generation + 1, fetched: Some(now) };
        *self.known.write().unwrap_or_else(|e| e.into_inner()) = known;
    }
}
fn open<'a>(known: &Known, signed: &'a Signed<'_>, kid: &str, now: i64) -> Result<&'a [u8], Rejected> {
    let mut refused = Rejected::Token("unknown key");
    for entry in known.of(kid, now) {
        match signed.payload(&entry.key) {
            Ok(payload) => return Ok(payload),
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

/// What the provider lists now, by key id. What is no key for signatures that we take is left out.
async fn keys(issuer: &str) -> Result<Vec<(String, Value, PublicKey)>, String> {
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let found = get(&place).await?;
    if found["issuer"].as_str() != Some(issuer) {
        return Err(format!("{place} speaks for another issuer"));
    }
    let place = found["jwks_uri"].as_str().ok_or("the provider does not say where its keys are")?;
    let set = get(place).await?;
    let listed = set["keys"].as_array().ok_or_else(|| format!("{place} holds no keys"))?;
    let key = |jwk: &Value| Some((jwk["kid"].as_str()?.to_string(), jwk.clone(), PublicKey::from_jwk(jwk)?));
    Ok(listed.iter().take(MOST_KEYS).filter_map(key).collect())
}
async fn get(place: &str) -> Result<Value, String> {
    let url = safe(place).ok_or_else(|| format!("{place} is not https"))?;
    let said = |e: reqwest::Error| format!("{place}: {}", e.without_url());
    let mut response = client(&url).ok_or("no TLS")?.get(url).send().await.map_err(said)?.error_for_status().map_err(said)?;
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(said)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_BYTES {
            return Err(format!("{place} is too large"));
        }
    }
    serde_json::from_slice(&body).map_err(|_| format!("{place} is no JSON"))
}
/// Keys come by https, or from this machine.
pub fn safe(place: &str) -> Option<Url> {
    let url = Url::parse(place).ok()?;
    (url.scheme() == "https" || (url.scheme() == "http" && is_here(&url))).then_some(url)
}
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
/// One for all providers; another, past any proxy, for this machine.
fn client(url: &Url) -> Option<Client> {
    static CLIENTS: [OnceLock<Option<Client>>; 2] = [OnceLock::new(), OnceLock::new()];
    let here = is_here(url);
    let build = || {
        let _ = rustls::crypto::ring::default_provider().install_default(); // an error: it is there already
        let builder = Client::builder().redirect(Policy::none()).timeout(PATIENCE).user_agent("switchboard");
        let builder = if here { builder.no_proxy() } else { builder };
        builder.build().inspect_err(|error| tracing::error!(%error, "no client for providers")).ok()
    };
    CLIENTS[usize::from(here)].get_or_init(build).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for good in ["https://login.example/realms/x", "http://127.0.0.1:4010", "http://localhost:8080/a", "http://[::1]:1"] {
            assert!(safe(good).is_some(), "{good}");
        }
        for bad in
            ["http://login.example", "ftp://127.0.0.1", "file:///etc/passwd", "http://127.0.0.1.evil.example", "http://localhost@evil.example", "x"]
        {
            assert!(safe(bad).is_none(), "{bad}");
        }
    }
}
