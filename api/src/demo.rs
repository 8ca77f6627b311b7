//! The demo: an invented provider with its knowledge base, and the people whom one can be there.
use crate::{
    app::App,
    assets,
    auth::token::{Class, LONGEST_S, Order},
    error::{Error, Result},
};
use entities::{
    Scope, Store,
    exchange::knowledge,
    generate::{Named, Plan, Progress, Summary, generate},
    model::EntityKind,
    party::{customer, customer_contact, partner},
    store::public_id,
};
use search_index::Index;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// Fills an empty database, and makes its index of the articles meanwhile. Returns who is who.
pub async fn fill(store: &Store, index: &Path, issuer: &str, plan: &Plan, progress: impl Fn(Progress)) -> Result<(Summary, Index)> {
    let options = knowledge::Options { locale: "en".into(), audience: "public".into(), published_at: store.clock().now() };
    let collection = knowledge::read(&assets::knowledge(), &options);
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    knowledge::apply(&mut w, "demo", &collection, None).await?;
    w.commit().await?;
    let customers = async { generate(store, plan, progress).await.map_err(Error::from) };
    let articles = async { Index::open_at_once(index, store).await.map_err(Error::from) };
    let (summary, index) = tokio::try_join!(customers, articles)?;
    name_people(store, issuer, &summary).await?;
    Ok((summary, index))
}
/// Who does what for the enterprise: as soon as somebody is named, a role decides.
async fn name_people(store: &Store, issuer: &str, who: &Summary) -> Result<()> {
    use customer_contact::{Role, Save, save};
    let people = [
        ("Nadia Quill", Role::AccountOwner, OWNER),
        ("Owen Hale", Role::Technical, TECHNICIAN),
        ("Ida Brandt", Role::BillRecipient, "demo-bookkeeper"),
    ];
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    for (name, role, subject) in people {
        let login = Some((issuer.to_string(), subject.to_string()));
        let person = Save {
            id: None,
            customer_id: who.enterprise.id,
            party_id: None,
            display_name: Some(name.into()),
            role,
            valid_from_on: None,
            valid_to_on: None,
            login,
        };
        save(&mut w, person).await?;
    }
    w.commit().await?;
    Ok(())
}
const OWNER: &str = "demo-enterprise";
const TECHNICIAN: &str = "demo-technician";

/// Somebody whom one can be, with a first thing to ask.
#[derive(Debug, Serialize)]
pub struct Persona {
    pub name: &'static str,
    pub hint: String,
    pub token: String,
    pub query: &'static str,
    /// JSON, as a person would write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<String>,
    /// A short query for the command line.
    #[serde(skip)]
    pub short: &'static str,
}
impl Persona {
    /// A command that works as it stands.
    pub fn curl(&self, url: &str) -> String {
        let body = json!({"query": self.short}).to_string();
        format!("curl -s {url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {}' -d '{body}'", self.token)
    }
}

/// None where the hub has no key to sign with.
pub fn personas(app: &App, who: &Summary) -> Option<Vec<Persona>> {
    let token = |class, subject: &str, customer: Option<&Named>, partner: Option<&Named>| {
        let id = |kind: &'static EntityKind| move |n: &Named| public_id(kind, n.id);
        let order = Order {
            class,
            subject: subject.into(),
            customers: customer.map(id(&customer::ENTITY)).into_iter().collect(),
            partner: partner.map(id(&partner::ENTITY)),
            ttl_s: LONGEST_S,
            ..Default::default()
        };
        app.tokens.mint(order, app.store.clock().now()).map(|t| t.0)
    };
    Some(vec![
        Persona {
            name: "Agent",
            hint: "Works in the contact centre and sees every customer".into(),
            token: token(Class::Agent, "demo-agent", None, None)?,
            query: include_str!("../demo/queries/agent.graphql"),
            variables: Some(format!("{{\n  \"customerNo\": {:?}\n}}", who.consumer.no)),
            short: "{ customers(first: 3) { totalCount nodes { customerNo displayName overview { openTickets balance { amount currency } } } } }",
        },
        Persona {
            name: "Enterprise",
            hint: format!("{}: sees its companies and units", who.enterprise.name),
            token: token(Class::Customer, OWNER, Some(&who.enterprise), None)?,
            query: include_str!("../demo/queries/enterprise.graphql"),
            variables: None,
            short: "{ me { displayName descendantsCount children(first: 5) { nodes { displayName overview { activeProducts balance { amount currency } } } } } }",
        },
        Persona {
            name: "Technician",
            hint: format!("{}: sees its products and tickets, no bills", who.enterprise.name),
            token: token(Class::Customer, TECHNICIAN, Some(&who.enterprise), None)?,
            query: include_str!("../demo/queries/technician.graphql"),
            variables: None,
            short: "{ me { displayName tickets(first: 3, includeDescendants: true) { totalCount nodes { ticketNo name status } } } }",
        },
        Persona {
            name: "Consumer",
            hint: format!("{}: sees their own bills, products and tickets", who.consumer.name),
            token: token(Class::Customer, "demo-consumer", Some(&who.consumer), None)?,
            query: include_str!("../demo/queries/consumer.graphql"),
            variables: None,
            short: "{ me { displayName bills(first: 1) { nodes { billNo amountDue { amount currency } lines { nodes { description plainReason } } } } } }",
        },
        Persona {
            name: "Partner",
            hint: format!("{}: sees itself and what it sold to {} customers", who.full.partner.name, who.full.customers),
            token: token(Class::Partner, "demo-partner", None, Some(&who.full.partner))?,
            query: include_str!("../demo/queries/partner.graphql"),
            variables: None,
            short: "{ partner { brandName customers(first: 3) { totalCount nodes { customerNo displayName } } } }",
        },
    ])
}

/// For `/graphiql/personas.json`.
pub fn for_explorer(personas: &[Persona]) -> Value {
    json!({"hub": "Fernhill Telecom, an invented provider", "personas": personas})
}
