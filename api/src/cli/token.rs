use super::{Context, lookup, print, seconds, usage};
use crate::{
    app,
    auth::{
        key::Keys,
        token::{Class, LONGEST_S, Order, Tokens},
    },
    config::Settings,
    error::{Error, Exit, Result},
};
use clap::{Args, Subcommand, ValueEnum};
use entities::{Store, party, store::public_id};
use serde_json::json;

#[derive(Subcommand)]
pub enum Token {
    /// Sign an access token with the newest key of this hub
    Mint(Mint),
}

#[derive(Args)]
pub struct Mint {
    /// For whom: this decides the view of the graph and the rows
    #[arg(long, value_enum)]
    audience: For,
    /// Who the token stands for, in audit events (default: the audience)
    #[arg(long)]
    subject: Option<String>,
    /// A customer whose data it opens: id, number or id in the source system; may be repeated
    #[arg(long, value_name = "CUSTOMER")]
    customer: Vec<String>,
    /// The partner that it opens: id, code, brand or id in the source system
    #[arg(long)]
    partner: Option<String>,
    /// Only customers of this region and of those within it: its code or id; may be repeated
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Only customers for whom this team cares: its code or id; may be repeated
    #[arg(long, value_name = "TEAM")]
    team: Vec<String>,
    /// Scopes, parted by blanks (default: all that the audience may hold)
    #[arg(long)]
    scope: Option<String>,
    /// How long it holds: 15m, 1h, 1d
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: i64,
}
#[derive(Clone, Copy, ValueEnum)]
enum For {
    Agent,
    Partner,
    Customer,
}

impl Token {
    pub async fn run(self, context: &Context) -> Result<()> {
        let Token::Mint(mint) = self;
        let settings = context.start_quiet()?;
        let order = mint.check()?;
        let tokens = tokens(&settings)?;
        let store = app::open(&settings, false).await?.store;
        let order = mint.fill(order, &store).await?;
        let (token, claims) = tokens.mint(order, store.clock().now()).ok_or_else(no_key)?;
        context.print.object(&json!({"token": token, "audience": claims.aud_class, "subject": claims.sub, "customers": claims.customer_ids,
            "partner": claims.partner_id, "scopes": claims.scope.split(' ').collect::<Vec<_>>(), "expiresAt": claims.exp}));
        if !context.print.json {
            print::out(&token);
        }
        context.print.remark(format!(
            "\nFor {} ({}), {} minutes. Use it as: -H 'authorization: Bearer …'",
            claims.sub,
            claims.aud_class.audience().name(),
            (claims.exp - claims.iat) / 60
        ));
        Ok(())
    }
}
impl Mint {
    /// What can be told without the database.
    fn check(&self) -> Result<Order> {
        let (class, missing) = match self.audience {
            For::Agent => (Class::Agent, None),
            For::Partner => (Class::Partner, self.partner.is_none().then_some("--partner: a partner token without a partner sees nothing")),
            For::Customer => (Class::Customer, self.customer.is_empty().then_some("--customer: a customer token without customers sees nothing")),
        };
        if let Some(missing) = missing {
            return Err(usage("who is it for?", format!("add {missing}")));
        }
        if (class != Class::Customer && !self.customer.is_empty()) || (class != Class::Partner && self.partner.is_some()) {
            return Err(usage("--customer goes with --audience customer, --partner with --audience partner", "leave it out"));
        }
        if class != Class::Agent && !(self.region.is_empty() && self.team.is_empty()) {
            return Err(usage("--region and --team go with --audience agent", "leave them out"));
        }
        if self.ttl > LONGEST_S {
            return Err(usage("the hub refuses tokens that live longer than a day", "use --ttl 1d or less"));
        }
        let ceiling = class.audience().ceiling();
        let asked = self.scope.as_deref().map(|s| s.split_whitespace().collect::<Vec<_>>());
        if let Some(s) = asked.iter().flatten().find(|s| !ceiling.contains(s)) {
            return Err(usage(format!("this audience cannot hold the scope {s:?}"), format!("it may hold {}", ceiling.join(", "))));
        }
        let subject = self.subject.clone().unwrap_or_else(|| class.audience().name().into());
        let some = |names: &[String]| (!names.is_empty()).then(|| names.to_vec());
        let (regions, teams) = (some(&self.region), some(&self.team));
        Ok(Order { class, subject, scope: asked.map(|s| s.join(" ")), regions, teams, ttl_s: self.ttl, ..Default::default() })
    }
    async fn fill(&self, mut order: Order, store: &Store) -> Result<Order> {
        for text in &self.customer {
            order.customers.push(public_id(&party::customer::ENTITY, lookup::customer(store, text).await?));
        }
        if let Some(text) = &self.partner {
            order.partner = Some(public_id(&party::partner::ENTITY, lookup::partner(store, text).await?));
        }
        Ok(order)
    }
}

pub fn tokens(settings: &Settings) -> Result<Tokens> {
    let tokens = Tokens::new(Keys::load(&settings.config.auth.keys)?, &settings.config.auth);
    if tokens.can_sign() {
        Ok(tokens)
    } else {
        Err(no_key().hint(format!("{} holds none; `switchboard keys rotate` makes one", settings.config.auth.keys.display())))
    }
}
fn no_key() -> Error {
    Error::said(Exit::Failed, "there is no key to sign with")
}
