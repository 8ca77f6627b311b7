//! Hub, limit and peer side by side on one database, with the customers that they are asked for. Nothing is timed before
//! their answers were equal.
use crate::{
    Bench, Result,
    ground::{Data, Database, Ground},
    hub::Hub,
    limit::Limit,
    load::{self, Call, Draw, closed},
    measure::{Contestant, Role},
    peer::{self, Peer},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait, Database as Connections, Statement};
use serde_json::{Value, json};
use std::{cell::Cell, rc::Rc, time::Duration};
use uuid::Uuid;

/// Rows of a list, for each of the three.
pub const PAGE: usize = 50;
/// Pages whose answers are compared.
const COMPARED_PAGES: usize = 20;
/// Logins whose looks nobody has written down yet, and customers who ask for themselves.
const LOGINS: usize = 50;

/// The customer 360: `…` in the questions below.
pub const CUSTOMER: &str = "customerNo displayName
    billingAccounts { accountNo balance { amount currency } bills(first: 6) { nodes { amountDue { amount currency } dueDate } } }
    products(first: 20) { nodes { name status } }
    tickets(first: 5, filter: {status: [ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS]}) { nodes { name status } }";
/// What a partner may know of it.
pub const RESOLD: &str = "customerNo displayName
    billingAccounts { accountNo bills(first: 6) { nodes { amountDue { amount currency } dueDate } } }
    products(first: 20) { nodes { name status } }
    tickets(first: 5, filter: {status: [ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS]}) { nodes { name status } }";
const ONE: &str = "query ($id: ID!) { customer(id: $id) { … } }";
const MINE: &str = "{ me { … } }";
const LIST: &str = "query ($after: String) { customers(first: 50, after: $after) { nodes { … } } }";

/// One login on many connections waits for itself instead of being told to come back: what is measured here is the work,
/// as neither of the others turns anybody away.
pub const PATIENT: &[&str] = &["limits.wait_ms=10000"];

/// How a login asks about a customer.
type Ask = Rc<dyn Fn(&Rc<str>, Uuid) -> Call>;
/// The hub as the goals mean it: with guard, row rules and cost.
pub const AGENT: &str = "hub, agent";

pub struct Stage {
    pub hub: Hub,
    pub agent: Rc<str>,
    limit: Limit,
    peer: Option<Peer>,
    /// Every customer that an agent sees without saying why, in the order of the list.
    customers: Vec<Uuid>,
    cursors: Cursors,
    seed: Cell<u64>,
}
impl Bench {
    /// The stage of a database, set where it is not yet.
    pub async fn stage(&mut self, database: Database) -> Result<Rc<Stage>> {
        self.stage_of(database, self.options.customers).await
    }
    /// The same with another number of customers.
    pub async fn stage_of(&mut self, database: Database, customers: u64) -> Result<Rc<Stage>> {
        if let Some(stage) = self.stages.get(&(database, customers)) {
            return Ok(stage.clone());
        }
        let data = self.ground.data(database, customers).await?;
        let set: Vec<_> = PATIENT.iter().map(|s| s.to_string()).chain(self.options.set.iter().cloned()).collect();
        let hub = Hub::start(&self.ground, &data, &set).await?;
        let agent = data.token(&self.ground, &["--audience", "agent"])?;
        let limit = Limit::start(&self.ground, &data).await?;
        let peer = match database {
            Database::Sqlite => None,
            Database::Postgres => match Peer::start(&self.ground, &data).await {
                Ok(peer) => Some(peer),
                Err(e) => {
                    self.report.remark(format!("PostGraphile was not measured: {e}"));
                    None
                }
            },
        };
        let cursors = Cursors::of(&hub, &agent).await?;
        let stage = Stage { agent, limit, peer, customers: shown(&data).await?, cursors, seed: Cell::new(self.options.seed), hub };
        stage.compare(self.options.compare).await?;
        stage.look_at_all().await?;
        let stage = Rc::new(stage);
        self.stages.insert((database, customers), stage.clone());
        Ok(stage)
    }
}

/// Makes the hub's cursor of a customer in the list: those of a list differ by the row alone.
#[derive(Clone)]
struct Cursors {
    list: String,
}
impl Cursors {
    async fn of(hub: &Hub, agent: &Rc<str>) -> Result<Self> {
        let said = hub.ask(agent, "{ customers(first: 1) { edges { cursor } } }", json!({})).await?;
        let cursor = said["customers"]["edges"][0]["cursor"].as_str().ok_or("a list without a cursor")?;
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair)?, 16).map_err(crate::Failure::from);
        let text = String::from_utf8(cursor.as_bytes().chunks(2).map(byte).collect::<Result<_>>()?)?;
        Ok(Cursors { list: text.split('~').next().unwrap_or_default().into() })
    }
    fn at(&self, id: Uuid) -> String {
        format!("{}~{}~", self.list, id.simple()).bytes().map(|b| format!("{b:02x}")).collect()
    }
}

pub async fn shown(data: &Data) -> Result<Vec<Uuid>> {
    let db = Connections::connect(&data.url).await?;
    let sql = "select id from customers where not protected and source_system = 'crm' order by id";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let ids = rows.iter().map(|r| Ok(r.try_get_by_index(0)?)).collect();
    db.close().await?;
    ids
}
/// The public id of a customer.
pub fn public_id(id: Uuid) -> String {
    entities::store::public_id(&entities::party::customer::ENTITY, id)
}

impl Stage {
    fn rng(&self) -> ChaCha8Rng {
        self.seed.set(self.seed.get() + 1);
        ChaCha8Rng::seed_from_u64(self.seed.get())
    }
    /// Draws customers.
    fn any(&self) -> impl FnMut() -> Uuid + 'static + use<> {
        let (ids, mut rng) = (self.customers.clone(), self.rng());
        move || ids[rng.gen_range(0..ids.len())]
    }
    /// Draws customers with a whole page behind them.
    fn any_before_a_page(&self) -> impl FnMut() -> Uuid + 'static + use<> {
        let (ids, mut rng) = (self.customers.clone(), self.rng());
        move || ids[rng.gen_range(0..ids.len().saturating_sub(2 * PAGE).max(1))]
    }
    fn hub_one(&self) -> Ask {
        let query = ONE.replace('…', CUSTOMER);
        Rc::new(move |token, id| Call::graphql(Some(token), &query, &json!({"id": public_id(id)})))
    }
    fn hub_list(&self, customer: &str) -> Ask {
        let (query, cursors) = (LIST.replace('…', customer), self.cursors.clone());
        Rc::new(move |token, id| Call::graphql(Some(token), &query, &json!({"after": cursors.at(id)})))
    }

    /// Hub, limit and peer have to say the same.
    async fn compare(&self, customers: usize) -> Result<()> {
        let (mut any, mut page) = (self.any(), self.any_before_a_page());
        let (one, list) = (self.hub_one(), self.hub_list(CUSTOMER));
        for _ in 0..customers {
            let id = any();
            let peer = self.peer.as_ref().map(|p| (p, Peer::one(id)));
            self.same("/one", id, one(&self.agent, id), peer).await?;
        }
        for _ in 0..COMPARED_PAGES.min(customers) {
            let id = page();
            let peer = self.peer.as_ref().map(|p| (p, p.list()(id)));
            self.same("/list", id, list(&self.agent, id), peer).await?;
        }
        let others = if self.peer.is_some() { "hub, limit and PostGraphile" } else { "hub and limit" };
        eprintln!("{}: {others} answer alike for {customers} customers and {} lists", self.hub.data.database.name(), COMPARED_PAGES.min(customers));
        Ok(())
    }
    async fn same(&self, path: &'static str, id: Uuid, hub: Call, peer: Option<(&Peer, Call)>) -> Result<()> {
        let said = load::ask(self.hub.target(), hub).await?["data"].take();
        let limit = load::ask(self.limit.target(path), Call::new(None, &json!({"id": id}))).await?["data"].take();
        equal("the limit", id, &said, &limit)?;
        if let Some((peer, call)) = peer {
            equal("PostGraphile", id, &said, &peer::in_words_of_the_hub(&load::ask(peer.target(), call).await?)?)?;
        }
        let shown = said.pointer("/customer/customerNo").or_else(|| said.pointer(&format!("/customers/nodes/{}/customerNo", PAGE - 1)));
        shown.map(|_| ()).ok_or_else(|| format!("{id}: the answer is not whole: {said}").into())
    }
    /// The hub writes down once an hour who looked at whom. Let every look of this login be written before anything is timed:
    /// what first looks cost is measured by itself.
    async fn look_at_all(&self) -> Result<()> {
        let list = self.hub_list(CUSTOMER);
        let mut waiting: Vec<Call> = self.customers.iter().step_by(PAGE).map(|id| list(&self.agent, *id)).collect();
        let first = json!({"after": null});
        waiting.push(Call::graphql(Some(&self.agent), &LIST.replace('…', CUSTOMER), &first));
        let last = waiting[0].clone();
        let left = Rc::new(Cell::new(waiting.len()));
        let counted = left.clone();
        let mut draw: Draw = Box::new(move || {
            counted.set(counted.get().saturating_sub(1));
            waiting.pop().unwrap_or_else(|| last.clone())
        });
        while left.get() > 0 {
            closed(self.hub.target(), 4, Duration::from_millis(200), &mut draw).await.whole()?;
        }
        self.settled().await
    }
    /// Waits until the hub has written what it had to write.
    pub async fn settled(&self) -> Result<()> {
        let db = Connections::connect(&self.hub.data.url).await?;
        let count = async || -> Result<i64> {
            let sql = "select audit_position from change_head";
            let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?.ok_or("no change_head")?;
            Ok(row.try_get_by_index(0)?)
        };
        let mut before = -1;
        loop {
            let now = count().await?;
            if now == before {
                return Ok(db.close().await?);
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    }

    /// Everybody for the question about one customer.
    pub fn one(&self, ground: &Ground) -> Result<Vec<Contestant>> {
        let (query, mut mine) =
            (json!({"query": MINE.replace('…', CUSTOMER)}), choose(customer_logins(ground, &self.hub.data, self.any())?, self.rng()));
        let (mut ids, mut limits) = (self.any(), self.any());
        Ok(self
            .agents(ground, || Box::new(self.any()), self.hub_one())?
            .into_iter()
            .chain([self.hub_as("hub, customer", Box::new(move || Call::new(Some(&mine()), &query)))])
            .chain([self.limit_at("/one", Box::new(move || Call::new(None, &json!({"id": limits()}))))])
            .chain(self.peer.as_ref().map(|p| beside(p, Box::new(move || Peer::one(ids())))))
            .collect())
    }
    /// Everybody for the question about fifty customers.
    pub async fn list(&self, ground: &Ground) -> Result<Vec<Contestant>> {
        let (partner, resold) = (partner_login(ground, &self.hub, &self.agent, "partner").await?, self.hub_list(RESOLD));
        let (mut ids, mut limits, mut sold) = (self.any_before_a_page(), self.any_before_a_page(), self.any_before_a_page());
        Ok(self
            .agents(ground, || Box::new(self.any_before_a_page()), self.hub_list(CUSTOMER))?
            .into_iter()
            .chain([self.hub_as("hub, partner", Box::new(move || resold(&partner, sold())))])
            .chain([self.limit_at("/list", Box::new(move || Call::new(None, &json!({"id": limits()}))))])
            .chain(self.peer.as_ref().map(|p| {
                let list = p.list();
                beside(p, Box::new(move || list(ids())))
            }))
            .collect())
    }
    /// An agent whose looks are written down already, and agents whose looks are all new.
    fn agents(&self, ground: &Ground, ids: impl Fn() -> Box<dyn FnMut() -> Uuid>, ask: Ask) -> Result<Vec<Contestant>> {
        let logins: Vec<Rc<str>> =
            (0..LOGINS).map(|n| self.hub.data.token(ground, &["--audience", "agent", "--subject", &format!("agent-{n}")])).collect::<Result<_>>()?;
        let (mut new, mut new_ids, again) = (choose(logins, self.rng()), ids(), ask.clone());
        Ok(vec![
            self.hub_as(AGENT, self.asked_by_agent(ids(), ask)),
            self.hub_as("hub, agent, first looks", Box::new(move || again(&new(), new_ids()))),
        ])
    }
    fn asked_by_agent(&self, mut ids: Box<dyn FnMut() -> Uuid>, ask: Ask) -> Draw {
        let agent = self.agent.clone();
        Box::new(move || ask(&agent, ids()))
    }
    /// The agent alone with the question about one customer.
    pub fn agent_alone(&self, who: &str) -> Contestant {
        self.hub_as(who, self.asked_by_agent(Box::new(self.any()), self.hub_one()))
    }
    /// The hub, asked like this.
    pub fn hub_as(&self, who: &str, draw: Draw) -> Contestant {
        Contestant { who: who.into(), role: Role::Hub, target: self.hub.target(), meter: self.hub.meter(), draw }
    }
    fn limit_at(&self, path: &'static str, draw: Draw) -> Contestant {
        let who = "limit: one hand-written statement";
        Contestant { who: who.into(), role: Role::Limit, target: self.limit.target(path), meter: self.limit.meter(), draw }
    }
}
/// Customers who ask for themselves.
pub fn customer_logins(ground: &Ground, data: &Data, mut any: impl FnMut() -> Uuid) -> Result<Vec<Rc<str>>> {
    (0..LOGINS).map(|_| data.token(ground, &["--audience", "customer", "--customer", &public_id(any())])).collect()
}
/// A login of a partner who may see all of its customers.
pub async fn partner_login(ground: &Ground, hub: &Hub, agent: &Rc<str>, subject: &str) -> Result<Rc<str>> {
    let said = hub.ask(agent, "{ partners(first: 20) { nodes { code shareLevel } } }", json!({})).await?;
    let all = said["partners"]["nodes"].as_array().ok_or("no partners")?;
    let code = all.iter().find(|p| p["shareLevel"] == "FULL").and_then(|p| p["code"].as_str()).ok_or("no partner with full share")?;
    hub.data.token(ground, &["--audience", "partner", "--partner", code, "--subject", subject])
}
/// Draws one of them, again and again.
pub fn choose<T: Clone + 'static>(all: Vec<T>, mut rng: ChaCha8Rng) -> impl FnMut() -> T + 'static {
    move || all[rng.gen_range(0..all.len())].clone()
}
fn beside(peer: &Peer, draw: Draw) -> Contestant {
    Contestant { who: "PostGraphile".into(), role: Role::Peer, target: peer.target(), meter: peer.meter(), draw }
}
fn equal(who: &str, id: Uuid, hub: &Value, other: &Value) -> Result<()> {
    if hub == other {
        return Ok(());
    }
    let (path, a, b) = difference(hub, other, String::new());
    Err(format!("customer {id}: the answers differ at {path}\n  hub: {a}\n  {who}: {b}").into())
}
/// The first place at which two answers differ, and what stands there.
fn difference<'a>(a: &'a Value, b: &'a Value, path: String) -> (String, &'a Value, &'a Value) {
    let deeper = match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => {
            x.iter().find(|(k, v)| y.get(*k) != Some(*v)).and_then(|(k, v)| Some((k.clone(), v, y.get(k)?)))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find(|(_, (v, w))| v != w).map(|(i, (v, w))| (i.to_string(), v, w))
        }
        _ => None,
    };
    match deeper {
        Some((key, a, b)) => difference(a, b, format!("{path}/{key}")),
        None => (path, a, b),
    }
}
