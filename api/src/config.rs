//! Settings: defaults < switchboard.toml < `SWITCHBOARD_*` < flags, and where each of them came from.
/// Settings of what one caller may ask, and how often.
mod bounds;
/// Where the data is.
mod database;
/// What `init` writes, and what editors know of it.
mod file;
/// OpenID providers.
pub mod provider;

use crate::error::{Error, Exit, Result};
pub use bounds::{Budget, Documents};
pub use database::{Database, sqlite_url};
use figment::{
    Figment, Metadata, Profile, Provider, Source,
    providers::{Format, Serialized, Toml},
    value::{Dict, Map, Value},
};
pub use file::{schema, template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The name of the settings file.
pub const FILE: &str = "switchboard.toml";
/// What the names of environment variables start with; `__` parts section and name, `_FILE` at the end reads a file.
pub const ENV: &str = "SWITCHBOARD_";

/// The settings of a hub.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "switchboard.toml")]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub index: Index,
    pub auth: Auth,
    pub limits: Limits,
    pub budget: Budget,
    pub documents: Documents,
    pub exports: Exports,
    pub log: Log,
}

/// Where the hub listens, and how people reach it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Server")]
pub struct Server {
    /// Where the hub listens.
    #[schemars(title = "Address and port")]
    pub address: String,
    /// How people reach it, where that is not the address (behind a proxy).
    #[schemars(title = "Public URL")]
    pub public_url: String,
    /// Web pages of these origins may call the hub (`https://portal.example`); none by default.
    #[schemars(title = "CORS origins", inner(regex(pattern = r"^https?://[A-Za-z0-9.:\[\]-]+$")))]
    pub cors_origins: Vec<String>,
    /// A second address for `/metrics` alone; where it is blank, `/metrics` is served with the rest.
    #[schemars(title = "Address of the metrics")]
    pub metrics_address: String,
    /// Addresses and networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` is believed; none by default.
    #[schemars(title = "Trusted proxies")]
    pub trusted_proxies: Vec<String>,
    /// How long the hub goes on when it was told to stop, in milliseconds: it says that it is not ready, and each answer
    /// closes its connection, so that nobody sends into one that ends. Longer than a load balancer takes to notice.
    #[schemars(title = "Time of leaving", range(max = 300_000), extend("x-unit" = "milliseconds"))]
    pub leave_ms: u64,
}
impl Default for Server {
    fn default() -> Self {
        Server {
            address: "127.0.0.1:4000".into(),
            public_url: String::new(),
            cors_origins: vec![],
            metrics_address: String::new(),
            trusted_proxies: vec![],
            leave_ms: 500,
        }
    }
}

/// The search index.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Search index")]
pub struct Index {
    /// The folder of the search index. It is a cache: deleted, it is built again.
    #[schemars(title = "Folder of the index")]
    pub dir: PathBuf,
}
impl Default for Index {
    fn default() -> Self {
        Index { dir: "index".into() }
    }
}

/// Whose tokens are accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Tokens")]
pub struct Auth {
    /// Whose tokens are accepted (`iss`).
    #[schemars(title = "Issuer", length(min = 1))]
    pub issuer: String,
    /// For whom a token must be (`aud`): this hub.
    #[schemars(title = "Audience", length(min = 1))]
    pub audience: String,
    /// The folder of keys (`*.pem`): private ones sign and verify, public ones verify.
    #[schemars(title = "Folder of the keys")]
    pub keys: PathBuf,
    /// OpenID providers whose tokens are accepted too. As an environment variable: the list as JSON.
    #[schemars(title = "OpenID providers")]
    pub providers: Vec<provider::Provider>,
}
impl Default for Auth {
    fn default() -> Self {
        Auth { issuer: "switchboard".into(), audience: "switchboard".into(), keys: "keys".into(), providers: vec![] }
    }
}

/// Bounds of what one caller can ask of the hub.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Limits")]
pub struct Limits {
    /// The largest request body and socket message, in bytes.
    #[schemars(title = "Size of a request", extend("x-unit" = "bytes"))]
    pub body_bytes: usize,
    /// How long one query or mutation may take, in milliseconds.
    #[schemars(title = "Time of an operation", range(min = 1), extend("x-unit" = "milliseconds"))]
    pub deadline_ms: u64,
    /// Open subscriptions: sockets and event streams together.
    #[schemars(title = "Open streams", range(min = 1), extend("x-unit" = "streams"))]
    pub streams: u32,
    /// Operations at a time on one socket.
    #[schemars(title = "Operations of a socket", extend("x-unit" = "operations"))]
    pub socket_operations: usize,
    /// Operations at a time, of all callers together; 0 is as many as keep the reading connections and the cores busy.
    #[schemars(title = "Operations at a time", extend("x-unit" = "operations"))]
    pub operations: u32,
    /// How long an operation may expect to wait for its turn, in milliseconds. Where it would be longer it is refused with
    /// 503: at once, but over one connection no more often than once in this time.
    #[schemars(title = "Time of waiting", range(min = 1, max = 10_000), extend("x-unit" = "milliseconds"))]
    pub wait_ms: u64,
}
impl Default for Limits {
    fn default() -> Self {
        Limits { body_bytes: 256 << 10, deadline_ms: 10_000, streams: 1000, socket_operations: 20, operations: 0, wait_ms: 20 }
    }
}

/// Files that customers, and agents for them, ask for: everything that the hub knows of a customer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Exports")]
pub struct Exports {
    /// The folder of the files. Several hubs over one database share it.
    #[schemars(title = "Folder of the exports")]
    pub dir: PathBuf,
    /// How long a file can be fetched, in days; then it is deleted.
    #[schemars(title = "Life of an export", range(min = 1), extend("x-unit" = "days"))]
    pub keep_days: u32,
}
impl Default for Exports {
    fn default() -> Self {
        Exports { dir: "exports".into(), keep_days: 7 }
    }
}

/// What the log tells, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Log")]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or filters by module (`info,tantivy=warn`).
    #[schemars(title = "Level")]
    pub level: String,
    /// `auto` is `pretty`, for people, on a terminal and `json` otherwise.
    #[schemars(title = "Format")]
    pub format: LogFormat,
}
impl Default for Log {
    fn default() -> Self {
        Log { level: "info".into(), format: LogFormat::Auto }
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Pretty,
    Json,
}

/// Where settings are looked for.
#[derive(Clone, Default)]
pub struct Sources {
    /// A settings file, or the folder that holds one.
    pub file: Option<PathBuf>,
    pub env: Vec<(String, String)>,
    /// (flag, setting, value)
    pub flags: Vec<(String, String, String)>,
}

/// The settings, with paths made whole, and where each came from.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub config: Config,
    pub file: Option<PathBuf>,
    /// (setting, value as text with secrets masked, origin)
    pub origins: Vec<(String, String, String)>,
}

impl Settings {
    pub fn load(sources: Sources) -> Result<Self> {
        let file = find_file(sources.file)?;
        let known = known();
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(path) = &file {
            check_file(path, &known)?;
            figment = figment.merge(Toml::file_exact(path));
        }
        let settings = from_env(&sources.env, &known)?.into_iter().chain(sources.flags);
        for (origin, key, text) in settings {
            let value = typed(&known, &origin, &key, &text)?;
            figment = figment.merge(One { origin, key, value });
        }
        let mut config: Config =
            figment.extract().map_err(|e| Error::said(Exit::Usage, e.to_string()).hint("`switchboard config print` shows all settings"))?;
        let origins = known.iter().map(|(key, _)| (key.clone(), shown(&figment, key), origin(&figment, key))).collect();
        let home = file.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf();
        config.place_in(&home);
        config.check()?;
        Ok(Settings { config, file, origins })
    }
}

impl Config {
    /// Relative paths are relative to the folder of the settings file.
    pub fn place_in(&mut self, home: &Path) {
        self.index.dir = home.join(&self.index.dir);
        self.exports.dir = home.join(&self.exports.dir);
        self.auth.keys = home.join(&self.auth.keys);
        if !self.documents.manifest.as_os_str().is_empty() {
            self.documents.manifest = home.join(&self.documents.manifest);
        }
        if let Some(file) = self.database.file() {
            self.database.url = sqlite_url(&home.join(file));
        }
    }
    fn check(&self) -> Result<()> {
        let bad = |key: &str, why: &str| {
            Err(Error::said(Exit::Usage, format!("`{key}` {why}")).hint("`switchboard config print --origin` says where it was set"))
        };
        let url = &self.database.url;
        if url.contains(":memory:") {
            return bad("database.url", "cannot be a database in memory: reading and writing use connections of their own");
        }
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|s| url.starts_with(s)) {
            return bad("database.url", "must start with sqlite:// or postgres://");
        }
        if let Some(o) = self.server.cors_origins.iter().find(|o| !is_origin(o)) {
            return bad("server.cors_origins", &format!("holds {o:?}, which is no origin such as https://portal.example"));
        }
        if self.auth.issuer.is_empty() || self.auth.audience.is_empty() {
            return bad("auth.issuer and auth.audience", "must not be blank: a token names both");
        }
        if let Some(p) = self.server.trusted_proxies.iter().find(|p| network(p).is_none()) {
            return bad("server.trusted_proxies", &format!("holds {p:?}, which is no address or network such as 10.0.0.0/8"));
        }
        if let Some(wrong) = self.auth.providers.iter().find_map(provider::Provider::wrong) {
            return bad("auth.providers", &wrong);
        }
        let issuers = || self.auth.providers.iter().map(|p| &p.issuer);
        if let Some(twice) = issuers().find(|i| **i == self.auth.issuer || issuers().filter(|o| o == i).count() > 1) {
            return bad("auth.providers", &format!("names the issuer {twice} twice"));
        }
        if self.limits.streams == 0 || self.limits.deadline_ms == 0 || self.exports.keep_days == 0 {
            return bad("limits.streams, limits.deadline_ms and exports.keep_days", "must be at least 1");
        }
        if !(1..=10_000).contains(&self.limits.wait_ms) {
            return bad("limits.wait_ms", "must be between 1 and 10000");
        }
        if self.server.leave_ms > 300_000 {
            return bad("server.leave_ms", "must be at most 300000");
        }
        let most = schema::guard::Limits::default().cost as u32;
        for (name, points, restored) in self.budget.all() {
            if restored == 0 {
                return bad(&name.replace("points", "restored"), "must be at least 1; a budget of 0 points is none");
            }
            if points != 0 && points < most {
                return bad(name, &format!("must be 0 for none, or at least {most}: so much one document may cost"));
            }
        }
        if let Some(name) = self.documents.trusted_only.iter().find(|n| entities::Audience::parse(n).is_none()) {
            return bad("documents.trusted_only", &format!("holds {name:?}, which is none of agent, partner, customer, public"));
        }
        if !self.documents.trusted_only.is_empty() && self.documents.manifest.as_os_str().is_empty() {
            return bad("documents.trusted_only", "needs `documents.manifest`: without one these callers could ask nothing");
        }
        Ok(())
    }
    /// What to put into a browser.
    pub fn url(&self, bound: &str) -> String {
        if self.server.public_url.is_empty() { format!("http://{bound}") } else { self.server.public_url.trim_end_matches('/').into() }
    }
}
/// A network of addresses, or one alone.
pub fn network(text: &str) -> Option<ipnet::IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(Into::into))
}
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)))
}

fn find_file(given: Option<PathBuf>) -> Result<Option<PathBuf>> {
    let Some(path) = given else {
        let here = PathBuf::from(FILE);
        return Ok(here.is_file().then_some(here));
    };
    let path = if path.is_dir() { path.join(FILE) } else { path };
    if !path.is_file() {
        return Err(Error::said(Exit::Usage, format!("there is no settings file {}", path.display())).hint("`switchboard init FOLDER` makes one"));
    }
    Ok(Some(path))
}

/// Every setting with its default, by dotted name.
fn known() -> Vec<(String, serde_json::Value)> {
    let mut out = vec![];
    for (section, values) in serde_json::to_value(Config::default()).ok().and_then(|v| v.as_object().cloned()).into_iter().flatten() {
        for (name, value) in values.as_object().cloned().into_iter().flatten() {
            out.push((format!("{section}.{name}"), value));
        }
    }
    out
}

/// Serde says that a field is unknown, too; here the nearest known one is named with it.
fn check_file(path: &Path, known: &[(String, serde_json::Value)]) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| Error::said(Exit::Usage, format!("{} is not TOML: {}", path.display(), e.to_string().trim_end())))?;
    for (section, value) in &table {
        let names: Vec<String> = match value {
            toml::Value::Table(t) if !t.is_empty() => t.keys().map(|k| format!("{section}.{k}")).collect(),
            toml::Value::Table(_) if known.iter().any(|k| k.0.starts_with(&format!("{section}."))) => vec![],
            _ => vec![section.clone()],
        };
        if let Some(name) = names.iter().find(|n| !known.iter().any(|k| k.0 == **n)) {
            return Err(unknown(name, &path.display().to_string(), known));
        }
    }
    Ok(())
}
fn unknown(name: &str, place: &str, known: &[(String, serde_json::Value)]) -> Error {
    let hint = match nearest(name, known) {
        Some(n) => format!("did you mean `{n}`?"),
        None => "`switchboard config print` shows all settings".into(),
    };
    Error::said(Exit::Usage, format!("unknown setting `{name}` in {place}")).hint(hint)
}
fn nearest<'a>(name: &str, known: &'a [(String, serde_json::Value)]) -> Option<&'a str> {
    let near = |k: &str| strsim::jaro_winkler(name, k).max(strsim::jaro_winkler(name, k.split('.').next_back().unwrap_or(k)));
    known.iter().map(|k| (k.0.as_str(), near(&k.0))).filter(|k| k.1 > 0.8).max_by(|a, b| a.1.total_cmp(&b.1)).map(|k| k.0)
}

/// (variable, setting, text). A variable that looks like a misspelt setting is an error; others are none of ours.
fn from_env(env: &[(String, String)], known: &[(String, serde_json::Value)]) -> Result<Vec<(String, String, String)>> {
    let mut out = vec![];
    for (variable, text) in env {
        let Some(rest) = variable.strip_prefix(ENV) else { continue };
        let name = rest.to_lowercase().replace("__", ".");
        if known.iter().any(|k| k.0 == name) {
            out.push((variable.clone(), name, text.clone()));
        } else if let Some(base) = name.strip_suffix("_file").filter(|b| known.iter().any(|k| k.0 == *b)) {
            let secret = std::fs::read_to_string(text)
                .map_err(Error::file("read", Path::new(text)))
                .map_err(|e| e.hint(format!("{variable} names that file")))?;
            out.push((variable.clone(), base.into(), secret.trim_end().into()));
        } else if name.contains('.') || known.iter().any(|k| k.0.replace('.', "_") == name) {
            let hint = nearest(&name, known).map_or_else(
                || "`switchboard config print` shows all settings".into(),
                |n| format!("did you mean {ENV}{}?", n.to_uppercase().replace('.', "__")),
            );
            return Err(Error::said(Exit::Usage, format!("unknown setting `{variable}` in the environment")).hint(hint));
        }
    }
    Ok(out)
}
/// Text from the environment or a flag, as what the setting is.
fn typed(known: &[(String, serde_json::Value)], origin: &str, key: &str, text: &str) -> Result<Value> {
    use serde_json::Value as J;
    let Some((_, default)) = known.iter().find(|k| k.0 == key) else { return Err(unknown(key, origin, known)) };
    let number = |_| Error::said(Exit::Usage, format!("{origin}: `{text}` is not a whole number")).hint(format!("`{key}` is {default} by default"));
    if key == "auth.providers" {
        let not = |e: &dyn std::fmt::Display| Error::said(Exit::Usage, format!("{origin}: this is no list of providers as JSON: {e}"));
        let list: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|e| not(&e))?;
        return Value::serialize(list).map_err(|e| not(&e));
    }
    Ok(match default {
        J::Number(_) => text.trim().parse::<u64>().map_err(number)?.into(),
        J::Array(_) => text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(String::from).collect::<Vec<_>>().into(),
        _ => text.into(),
    })
}

/// One setting from the environment or a flag: figment keeps the origin of each.
struct One {
    origin: String,
    key: String,
    value: Value,
}
impl Provider for One {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }
    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        let Some(dict) = figment::util::nest(&self.key, self.value.clone()).into_dict() else { return Ok(Map::new()) };
        Ok(Map::from([(Profile::Default, dict)]))
    }
}
fn origin(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        None => "default".into(),
        Some(Metadata { source: Some(Source::File(path)), .. }) => path.display().to_string(),
        Some(Metadata { name, source: None, .. }) => name.to_string(),
        Some(_) => "default".into(), // the only code that sets anything
    }
}
fn shown(figment: &Figment, key: &str) -> String {
    let value: Option<serde_json::Value> = figment.extract_inner(key).ok();
    let text = match value {
        Some(serde_json::Value::String(s)) => s,
        Some(v) => v.to_string(),
        None => String::new(),
    };
    if key == "database.url" { mask_url(&text) } else { text }
}
/// `postgres://user:secret@host/db?password=secret` without its secrets.
fn mask_url(url: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut out = match base.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (login, host))) => {
            let user = login.split(':').next().unwrap_or("");
            format!("{scheme}://{user}{}@{host}", if login.contains(':') { ":***" } else { "" })
        }
        None => base.into(),
    };
    for (i, pair) in query.split('&').filter(|p| !p.is_empty()).enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = if name.eq_ignore_ascii_case("password") { "***" } else { value };
        out += &format!("{}{name}={value}", if i == 0 { '?' } else { '&' });
    }
    out
}

#[cfg(test)]
mod tests;
