//! Who asks. Each caller is the hub's `Scope` beside what the rules say of it in plain words, written here by hand.
use super::world::{ROLES, Seeded};
use crate::harness;
use entities::{Audience, Scope, Store, party::customer_contact};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub struct Who {
    pub name: String,
    pub scope: Scope,
    /// What the token may do in all.
    pub scopes: BTreeSet<&'static str>,
    /// What it may do at each root; none: everything that the token may.
    pub roots: BTreeMap<Uuid, Option<BTreeSet<String>>>,
    pub partners: Vec<Uuid>,
    pub party: Option<Uuid>,
    pub regions: Option<Vec<Uuid>>,
    pub teams: Option<Vec<Uuid>>,
    pub protected: bool,
    pub session: Option<String>,
}
impl Who {
    pub fn audience(&self) -> Audience {
        self.scope.audience
    }
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
    /// What somebody else has to do with a role of theirs leaves: a root may keep all or some.
    pub fn at(&self, root: Uuid, scope: Option<&str>) -> bool {
        let Some(given) = self.roots.get(&root) else { return false };
        match (scope, given) {
            (Some(scope), Some(given)) => given.contains(scope),
            _ => true,
        }
    }
    pub fn of(name: &str, scope: Scope) -> Self {
        let scopes = scope.scopes.iter().copied().collect();
        let roots = scope.customers.iter().map(|id| (*id, None)).collect();
        let partners = scope.partners.clone();
        Who {
            name: name.into(),
            scopes,
            roots,
            partners,
            party: scope.party,
            regions: None,
            teams: None,
            protected: false,
            session: scope.session.clone(),
            scope,
        }
    }
}

/// What a role leaves, in the words of the domain model.
fn role(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "account_owner" => return None,
        "portfolio_manager" => &["customer:read", "product:read", "kb:read"],
        "bill_recipient" => &["customer:read", "billing:read", "kb:read"],
        "auditor" => &["customer:read", "billing:read", "audit:read", "kb:read"],
        "technical" => &["customer:read", "product:read", "ticket:read", "ticket:write", "kb:read"],
        _ => &["customer:read", "kb:read"],
    })
}
const TALKS: [&str; 2] = ["conversation:read", "conversation:write"];

/// An agent without limits who says why: what everybody else is compared with.
pub fn all_seeing() -> Who {
    let mut scope = Scope { reason: Some("a test".into()), ..harness::agent() };
    scope.scopes.insert("partner.profile:read"); // no agent's, but a row of every kind must be met
    Who { protected: true, ..Who::of("all-seeing agent", scope) }
}

pub async fn callers(s: &Seeded, store: &Store) -> Vec<Who> {
    let mut all = vec![all_seeing()];
    agents(s, &mut all);
    for (name, roots) in [
        ("customer solo", &["solo"][..]),
        ("customer l1", &["l1"]),
        ("customer vip", &["vip"]),
        ("customer of nothing", &[]),
        ("customer l2 + m1", &["l2", "m1"]),
    ] {
        let scope = roots.iter().fold(harness::customer_of(Uuid::nil()), |c, r| c.for_customers([s.id(r)]));
        let scope = Scope { customers: scope.customers.into_iter().filter(|id| !id.is_nil()).collect(), ..scope };
        all.push(Who::of(name, scope));
    }
    let few = Scope::new(Audience::Customer, "few", harness::now()).with_scopes(["customer:read", "kb:read"]).for_customers([s.id("l1")]);
    all.push(Who::of("customer l1 with few scopes", few));
    let view = Scope { actor: Some("agent-7".into()), ..harness::customer_of(s.id("l1")) };
    let reads = view.scopes.iter().filter(|s| s.ends_with(":read")).copied().collect();
    all.push(Who::of("agent in view of l1", Scope { scopes: reads, ..view }));
    for name in ROLES {
        all.push(contact(s, store, &name.replace('_', ""), &[("corp", Some(name))]).await);
    }
    all.push(contact(s, store, "both", &[("corp", Some("technical")), ("firm", Some("bill_recipient"))]).await);
    all.push(contact(s, store, "mixed", &[("corp", Some("account_owner")), ("firm", Some("auditor"))]).await);
    all.push(contact(s, store, "gone", &[("corp", None)]).await);
    all.push(contact(s, store, "deep", &[("dept", Some("user"))]).await);
    for (name, partners) in
        [("partner lumen + kid", &["lumen", "kid"][..]), ("partner minimo", &["minimo"]), ("partner kid", &["kid"]), ("partner of nothing", &[])]
    {
        let scope = Scope { partners: partners.iter().map(|p| s.id(p)).collect(), ..harness::partner_of(Uuid::nil()) };
        all.push(Who::of(name, scope));
    }
    let few = Scope::new(Audience::Partner, "few", harness::now()).with_scopes(["partner.customer:read"]).for_partners([s.id("minimo")]);
    all.push(Who::of("partner minimo with few scopes", few));
    all.push(Who::of("public", harness::public()));
    all.push(Who::of("visitor", Scope { session: Some("session-a".into()), ..harness::public() }));
    all
}
fn agents(s: &Seeded, all: &mut Vec<Who>) {
    let but = |scopes: &[&str]| {
        let a = harness::agent();
        Scope { scopes: a.scopes.iter().filter(|s| !scopes.contains(s)).copied().collect(), ..a }
    };
    all.push(Who::of("agent without reason", harness::agent()));
    all.push(Who::of("agent without read_protected", Scope { reason: Some("why".into()), ..but(&["customer:read_protected"]) }));
    all.push(Who::of("agent without pii", but(&["customer:read_pii"])));
    let few = |scopes: &[&'static str]| Scope::new(Audience::Agent, "few", harness::now()).with_scopes(scopes.iter().copied());
    all.push(Who::of("agent with customers alone", few(&["customer:read"])));
    all.push(Who::of("agent with tickets alone", few(&["ticket:read", "ticket:write"])));
    all.push(Who::of("agent with nothing", few(&[])));
    let limited = |name: &str, regions: &[&str], teams: &[&str], reason: bool| {
        let ids = |names: &[&str]| (!names.is_empty()).then(|| names.iter().map(|n| s.id(n)).collect::<Vec<_>>());
        let (regions, teams) = (ids(regions), ids(teams));
        let reason = reason.then(|| "why".to_string());
        let protected = reason.is_some();
        let scope = Scope { regions: regions.clone(), teams: teams.clone(), reason, ..harness::agent() };
        Who { regions, teams, protected, ..Who::of(name, scope) }
    };
    all.push(limited("agent of the north", &["north"], &[], false));
    all.push(limited("agent of the north with a reason", &["north"], &[], true));
    all.push(limited("agent of team blue", &[], &["blue"], false));
    all.push(limited("agent of team blue in the north", &["north"], &["blue"], true));
    let nowhere = Scope { regions: Some(vec![]), ..harness::agent() };
    all.push(Who { regions: Some(vec![]), ..Who::of("agent of nowhere", nowhere) });
}
/// A login of the enterprise, as the hub finds out its roles, and as they are meant: (root, role), none: not named any more.
async fn contact(s: &Seeded, store: &Store, subject: &str, at: &[(&str, Option<&str>)]) -> Who {
    let roots: Vec<Uuid> = at.iter().map(|(root, _)| s.id(root)).collect();
    let login = customer_contact::login(store, "test", subject, &roots).await.expect("a login");
    let scope = Scope { party: login.party, customers: roots, ..harness::customer_of(Uuid::nil()) }.with_roles(login.roles);
    let full: BTreeSet<&'static str> = Audience::Customer.ceiling().iter().copied().collect();
    let mut who = Who::of(&format!("contact {subject}"), scope);
    who.roots = at
        .iter()
        .map(|(root, name)| {
            let given = match name {
                None => Some(BTreeSet::new()),
                Some(name) => role(name).map(|scopes| scopes.iter().map(|s| s.to_string()).collect()),
            };
            (s.id(root), given)
        })
        .collect();
    who.scopes =
        full.into_iter().filter(|scope| TALKS.contains(scope) || who.roots.values().any(|g| g.as_ref().is_none_or(|g| g.contains(*scope)))).collect();
    who.party = Some(s.id(subject));
    who
}
