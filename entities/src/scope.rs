//! Who asks. Made by `api` from a token; every read and every write starts from it.
use crate::{id::Id, mutant::without};
use chrono::{DateTime, Utc};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    sync::Arc,
};
use uuid::Uuid;

/// The class of a caller. Each has its own view of the graph and its own row rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Audience {
    Agent,
    Partner,
    Customer,
    Public,
}
impl Audience {
    pub const ALL: [Audience; 4] = [Audience::Agent, Audience::Partner, Audience::Customer, Audience::Public];
    pub fn name(self) -> &'static str {
        match self {
            Audience::Agent => "agent",
            Audience::Partner => "partner",
            Audience::Customer => "customer",
            Audience::Public => "public",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == text)
    }
    /// The scopes that a token of this audience can hold at most (`domain-model` §3): a token that claims more is
    /// cut down, not refused.
    pub fn ceiling(self) -> &'static [&'static str] {
        match self {
            Audience::Agent => AGENT_SCOPES,
            Audience::Partner => PARTNER_SCOPES,
            Audience::Customer => CUSTOMER_SCOPES,
            Audience::Public => &[],
        }
    }
}

const AGENT_SCOPES: &[&str] = &[
    "admin:read",
    "audit:read",
    "billing:read",
    "consent:read",
    "consent:write",
    "conversation:read",
    "conversation:write",
    "customer:impersonate",
    "customer:read",
    "customer:read_pii",
    "customer:read_protected",
    "customer:write",
    "export:run",
    "import:run",
    "integration:read",
    "kb:publish",
    "kb:read",
    "kb:write",
    "metrics:read",
    "partner:write",
    "privacy:write",
    "product:read",
    "task:read",
    "ticket:read",
    "ticket:triage",
    "ticket:write",
];
const PARTNER_SCOPES: &[&str] = &[
    "partner.customer:read",
    "partner.order:read",
    "partner.price:read",
    "partner.product:read",
    "partner.profile:read",
    "partner.settlement:read",
    "partner.ticket:read",
    "partner.ticket:write",
    PARTNER_TOKEN_WRITE,
    "kb:read",
];
/// A partner's administrator: makes and revokes the tokens of its programs. No such token holds it.
pub const PARTNER_TOKEN_WRITE: &str = "partner.token:write";
const CUSTOMER_SCOPES: &[&str] = &[
    "audit:read",
    "billing:read",
    "consent:read",
    "consent:write",
    "conversation:read",
    "conversation:write",
    "customer:read",
    "customer:write",
    "export:run",
    "kb:read",
    "privacy:write",
    "product:read",
    "task:read",
    "ticket:read",
    "ticket:write",
];
/// Kept whatever the roles are: without a role's own word they reach the caller's own talks alone.
const OWN_TALKS: &[&str] = &["conversation:read", "conversation:write"];
/// Scopes that hold another: who may start long work may follow it, and an agent who cares for partners may read them.
const HOLDS: &[(&str, &[&str])] = &[
    ("export:run", &["task:read"]),
    ("import:run", &["task:read"]),
    ("partner:write", &["partner.profile:read"]),
    ("privacy:write", &["task:read"]),
];
/// What a partner's own scope stands for in the graph: fields name one scope, whoever asks.
const PARTNER_MEANS: &[(&str, &[&str])] = &[
    ("partner.customer:read", &["customer:read"]),
    ("partner.product:read", &["product:read"]),
    ("partner.settlement:read", &["billing:read"]),
    ("partner.ticket:read", &["ticket:read", "conversation:read"]),
    ("partner.ticket:write", &["ticket:write"]),
    (PARTNER_TOKEN_WRITE, &["partner:write"]),
];

/// What somebody may do. Cheap to clone, as a request passes it on: copied where it is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scopes(Arc<BTreeSet<&'static str>>);
impl Deref for Scopes {
    type Target = BTreeSet<&'static str>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
impl DerefMut for Scopes {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}
impl FromIterator<&'static str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'static str>>(scopes: I) -> Self {
        Scopes(Arc::new(scopes.into_iter().collect()))
    }
}

/// Who asks, what they may do, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    pub audience: Audience,
    /// The token's subject; `public` without a token.
    pub subject: String,
    pub scopes: Scopes,
    /// The roots of the caller's customer trees (at most 20). Empty for a customer means: nothing.
    pub customers: Vec<Uuid>,
    /// What the caller's roles leave of its scopes at a root (`domain-model` §3, `customer_contacts.role`); a root that is
    /// not named here keeps them all.
    pub roles: BTreeMap<Uuid, BTreeSet<&'static str>>,
    /// The person or company behind the login, where the hub knows it.
    pub party: Option<Uuid>,
    /// The caller's partner and its child partners. Empty for a partner means: nothing.
    pub partners: Vec<Uuid>,
    /// An agent's regions, with all below them; none: everywhere.
    pub regions: Option<Vec<Uuid>>,
    /// An agent's teams; none: everybody's customers.
    pub teams: Option<Vec<Uuid>>,
    /// Why the caller looks at what is protected, in their own words.
    pub reason: Option<String>,
    /// The agent who acts as `subject`, when somebody does (RFC 8693 `act`).
    pub actor: Option<String>,
    /// SHA-256 of the anonymous session, public callers only.
    pub session: Option<String>,
    /// By which the log and the audit log tell of the same request.
    pub request_id: Option<Arc<str>>,
    /// The hub at its own work, and nobody's login: [`Scope::hub`] alone says so.
    pub hub: bool,
    /// The instant of the request: rules with dates all see the same day.
    pub at: DateTime<Utc>,
}
impl Scope {
    pub fn new(audience: Audience, subject: impl Into<String>, at: DateTime<Utc>) -> Self {
        Scope {
            audience,
            subject: subject.into(),
            scopes: Scopes::default(),
            customers: vec![],
            roles: BTreeMap::new(),
            party: None,
            partners: vec![],
            regions: None,
            teams: None,
            reason: None,
            actor: None,
            session: None,
            request_id: None,
            hub: false,
            at,
        }
    }
    /// Without a token.
    pub fn public(at: DateTime<Utc>) -> Self {
        Scope::new(Audience::Public, "public", at)
    }
    /// The hub itself: imports, workers, the command line.
    pub fn hub(at: DateTime<Utc>) -> Self {
        let hub = Scope::new(Audience::Agent, "hub", at).with_scopes(AGENT_SCOPES.iter().copied());
        Scope { hub: true, ..hub }
    }
    /// Adds scopes, within the ceiling of the audience.
    pub fn with_scopes<'a>(mut self, scopes: impl IntoIterator<Item = &'a str>) -> Self {
        for scope in scopes.into_iter().filter_map(|s| self.audience.ceiling().iter().copied().find(|c| *c == s)) {
            self.scopes.insert(scope);
            for (_, means) in PARTNER_MEANS.iter().chain(HOLDS).filter(|m| m.0 == scope) {
                self.scopes.extend(*means);
            }
        }
        self
    }
    pub fn for_customers(mut self, roots: impl IntoIterator<Item = Uuid>) -> Self {
        self.customers.extend(roots);
        self
    }
    pub fn for_partners(mut self, partners: impl IntoIterator<Item = Uuid>) -> Self {
        self.partners.extend(partners);
        self
    }
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
    /// Leaves of the scopes at a root what these roles give. The scopes of the whole are those that some root gives.
    pub fn with_roles(mut self, roles: BTreeMap<Uuid, BTreeSet<&'static str>>) -> Self {
        self.roles = roles;
        if !self.roles.is_empty() && !without(|| "roles:scopes".into()) && self.customers.iter().all(|root| self.roles.contains_key(root)) {
            let roles = &self.roles;
            self.scopes.retain(|s| OWN_TALKS.contains(s) || roles.values().any(|given| given.contains(s)));
        }
        self
    }
    /// The same caller at one of its roots.
    pub fn at_root(&self, root: Uuid) -> Self {
        let roles = self.roles.iter().filter(|r| *r.0 == root).map(|(id, given)| (*id, given.clone())).collect();
        Scope { customers: vec![root], roles: BTreeMap::new(), ..self.clone() }.with_roles(roles)
    }
    /// The roots at which the caller's roles give this scope; all where none is asked for.
    pub fn roots(&self, scope: Option<&str>) -> Cow<'_, [Uuid]> {
        match scope {
            Some(scope) if !self.roles.is_empty() && !without(|| "roles:roots".into()) => {
                let gives = |root: &Uuid| self.roles.get(root).is_none_or(|given| given.contains(scope));
                self.customers.iter().copied().filter(gives).collect()
            }
            _ => Cow::Borrowed(&self.customers),
        }
    }
    /// Whether the caller may know protected customers now: it takes the scope and a reason, and each look is written down.
    pub fn knows_protected(&self) -> bool {
        let may = self.has("customer:read_protected") || without(|| "protected:scope".into());
        self.hub || (may && (self.reason.is_some() || without(|| "protected:reason".into())))
    }
    /// The id of a row of this kind, from its public form; none for another kind's id or a malformed one.
    pub fn id(&self, kind: &crate::model::EntityKind, id: &str) -> Option<Uuid> {
        Id::parse(id).filter(|i| i.kind == kind).map(|i| i.uuid)
    }
}
