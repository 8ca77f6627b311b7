//! The settings file as it is written, and as editors know it.
use super::Config;
use schemars::{Schema, generate::SchemaSettings};

/// The settings file as JSON Schema (draft 2020-12), for editors. Nothing in it points elsewhere: not every editor follows.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator().into_root_schema_for::<Config>()
}

/// The file that `init` writes.
pub fn template(config: &Config) -> String {
    format!(
        r#"# Settings of this hub. Every line may also be an environment variable: SWITCHBOARD_SERVER__ADDRESS, …
# `switchboard config print --origin` shows all settings and where each came from. Paths are relative to this file.
# An editor completes them where the first line is `#:schema ./switchboard.schema.json`: `switchboard config schema > switchboard.schema.json`

[server]
address = {address:?}
# public_url = "https://hub.example"
# cors_origins = ["https://portal.example"]

[database]
# One file. When it grows beyond one machine: postgres://USER:PASSWORD@HOST/NAME
url = {url:?}

[index]
dir = {index:?}

[auth]
issuer = {issuer:?}
audience = {audience:?}
keys = {keys:?}

# Tokens of an OpenID provider are accepted too. Its programs by client_id, its people by the claims of their tokens:
# [[auth.providers]]
# issuer = "https://login.example/realms/telecom"
# claims = {{ class = "realm_access.roles", customers = "customer_number", customers_by = "number" }}
# classes = {{ callcentre = "agent", subscriber = "customer" }}
# clients = [{{ client_id = "reporting", class = "agent", scope = "ticket:read" }}]

# Callers who may send these documents and no others; the manifest is made when the app is built.
# [documents]
# manifest = "persisted-documents.json"
# trusted_only = ["customer", "public"]

[exports]
dir = {exports:?}

[log]
level = {level:?}
"#,
        address = config.server.address,
        url = config.database.url,
        index = config.index.dir,
        exports = config.exports.dir,
        issuer = config.auth.issuer,
        audience = config.auth.audience,
        keys = config.auth.keys,
        level = config.log.level,
    )
}
