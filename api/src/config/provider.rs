//! OpenID providers: whose tokens are accepted beside the hub's own, and what their claims mean here.
use crate::auth::{jwks, token::Class};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An OpenID provider whose access tokens (RFC 9068) are accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "OpenID provider")]
pub struct Provider {
    /// Exactly as its tokens spell it (`iss`). Its keys are found below it, at `/.well-known/openid-configuration`.
    #[schemars(title = "Issuer", regex(pattern = r"^https?://"))]
    pub issuer: String,
    /// For whom its tokens must be (`aud`); blank: `auth.audience`.
    #[serde(default)]
    #[schemars(title = "Audience")]
    pub audience: String,
    /// Which claim tells what.
    #[serde(default)]
    #[schemars(title = "Names of the claims")]
    pub claims: ClaimNames,
    /// What the words of the claim `class` stand for, where they are not `agent`, `partner` and `customer` themselves.
    #[serde(default)]
    #[schemars(title = "Words of the class")]
    pub classes: BTreeMap<String, Class>,
    /// What holds for the tokens of a client, whatever they claim: for programs whose tokens say no more than who they are.
    #[serde(default)]
    #[schemars(title = "Clients")]
    pub clients: Vec<Client>,
}

/// Names of claims; a dot leads into an object (`realm_access.roles`). A claim that is not there gives nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Names of the claims")]
pub struct ClaimNames {
    /// Agent, partner or customer: one word, or a list of which one word is known.
    pub class: String,
    /// What the caller may do: a text with blanks between, or a list.
    pub scope: String,
    /// The customers of a customer's token.
    pub customers: String,
    /// How these are named: `id` (of this hub), `number`, or `source:CODE` for ids in that source system.
    #[schemars(regex(pattern = "^(id|number|source:.+)$"))]
    pub customers_by: String,
    /// The partner of a partner's token.
    pub partner: String,
    /// How it is named: `id` (of this hub), `code`, or `source:CODE`.
    #[schemars(regex(pattern = "^(id|code|source:.+)$"))]
    pub partner_by: String,
    /// The regions of an agent.
    pub regions: String,
    /// The teams of an agent.
    pub teams: String,
}
impl Default for ClaimNames {
    fn default() -> Self {
        let own = |text: &str| text.to_string();
        ClaimNames {
            class: own("aud_class"),
            scope: own("scope"),
            customers: own("customer_ids"),
            customers_by: own("id"),
            partner: own("partner_id"),
            partner_by: own("id"),
            regions: own("regions"),
            teams: own("teams"),
        }
    }
}

/// One client of a provider, by its `client_id`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Client")]
pub struct Client {
    pub client_id: String,
    /// Whatever the token claims.
    #[serde(default)]
    pub class: Option<Class>,
    /// The most it may do, blanks between. A token without scopes has these; blank: what the token says.
    #[serde(default)]
    pub scope: String,
    /// Its customers, named as `customers_by` says; whatever the token claims.
    #[serde(default)]
    pub customers: Vec<String>,
    /// Its partner, named as `partner_by` says; whatever the token claims.
    #[serde(default)]
    pub partner: String,
}

impl Provider {
    /// What is wrong with it, as the end of a sentence.
    pub fn wrong(&self) -> Option<String> {
        let by = |text: &str, own: &str| text == "id" || text == own || text.strip_prefix("source:").is_some_and(|s| !s.is_empty());
        if jwks::safe(&self.issuer).is_none() {
            return Some(format!("names the issuer {:?}, which is no https:// address", self.issuer));
        }
        if !by(&self.claims.customers_by, "number") || !by(&self.claims.partner_by, "code") {
            return Some("names customers and partners neither by `id`, `number` or `code`, nor by `source:CODE`".into());
        }
        self.clients.iter().any(|c| c.client_id.is_empty()).then(|| "has a client without an id".into())
    }
}
