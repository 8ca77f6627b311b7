use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How much one caller may ask in a row, in points of cost. A budget of 0 points is none: the caller may ask on and on.
/// A caller is a subject of tokens; without a token, a network address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Budget")]
pub struct Budget {
    /// What an agent may spend at once. A person never asks for so much; a service that acts as an agent and reads on and on
    /// may need more, or none.
    #[schemars(title = "Budget of an agent", extend("x-unit" = "points"))]
    pub agent_points: u32,
    /// What comes back to an agent each second.
    #[schemars(title = "Restored to an agent", range(min = 1), extend("x-unit" = "points per second"))]
    pub agent_restored: u32,
    /// What a partner may spend at once.
    #[schemars(title = "Budget of a partner", extend("x-unit" = "points"))]
    pub partner_points: u32,
    /// What comes back to a partner each second.
    #[schemars(title = "Restored to a partner", range(min = 1), extend("x-unit" = "points per second"))]
    pub partner_restored: u32,
    /// What a customer may spend at once.
    #[schemars(title = "Budget of a customer", extend("x-unit" = "points"))]
    pub customer_points: u32,
    /// What comes back to a customer each second.
    #[schemars(title = "Restored to a customer", range(min = 1), extend("x-unit" = "points per second"))]
    pub customer_restored: u32,
    /// What an address without a token may spend at once.
    #[schemars(title = "Budget of the public", extend("x-unit" = "points"))]
    pub public_points: u32,
    /// What comes back to an address each second.
    #[schemars(title = "Restored to the public", range(min = 1), extend("x-unit" = "points per second"))]
    pub public_restored: u32,
}
impl Default for Budget {
    fn default() -> Self {
        Budget {
            agent_points: 200_000,
            agent_restored: 10_000,
            partner_points: 200_000,
            partner_restored: 10_000,
            customer_points: 100_000,
            customer_restored: 5000,
            public_points: 100_000,
            public_restored: 5000,
        }
    }
}
impl Budget {
    /// Every pair, with the name of its first setting.
    pub fn all(&self) -> [(&'static str, u32, u32); 4] {
        [
            ("budget.agent_points", self.agent_points, self.agent_restored),
            ("budget.partner_points", self.partner_points, self.partner_restored),
            ("budget.customer_points", self.customer_points, self.customer_restored),
            ("budget.public_points", self.public_points, self.public_restored),
        ]
    }
}

/// Documents that are known beforehand.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Trusted documents")]
pub struct Documents {
    /// A JSON file of trusted documents by their SHA-256: `{"HASH": "query …"}`, or the manifest of Apollo's tools.
    #[schemars(title = "Manifest")]
    pub manifest: PathBuf,
    /// Audiences that may send trusted documents and no others: `agent`, `partner`, `customer`, `public`.
    #[schemars(title = "Trusted documents only", inner(regex(pattern = r"^(agent|partner|customer|public)$")))]
    pub trusted_only: Vec<String>,
}
