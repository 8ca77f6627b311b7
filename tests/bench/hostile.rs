//! One hostile caller, and what it takes from the others.
use crate::{
    Bench, Result,
    ground::{Data, Database},
    load::{Call, Draw, Tally, closed},
    overload::{CALLERS, CUSTOMERS, Scene, login},
    report::{Check, Spread},
    stage::{CUSTOMER, RESOLD, partner_login},
};
use api::config::Budget;
use futures::future::join;
use serde_json::json;
use std::{rc::Rc, time::Duration};

/// Callers who mean well, so many that none spends its budget.
const MANY_CALLERS: usize = 200;
const HOSTILE_CONNECTIONS: usize = 64;
const MODEST_CONNECTIONS: usize = 64;
/// The share of the capacity that the others of a hostile caller ask for.
const MODEST: f64 = 0.2;
/// The hostile one is there so long before the others, and after them.
const AROUND: Duration = Duration::from_secs(1);
/// Until the hub has written what an attack left it to write.
const QUIET: Duration = Duration::from_secs(3);

struct Hostile {
    name: &'static str,
    /// A login for each round, as nobody's budget is whole after one, and one before.
    tokens: Vec<Rc<str>>,
    /// What it may know of a customer.
    customer: &'static str,
}
impl Hostile {
    /// The dearest document that is allowed.
    async fn dearest(&self, scene: &Scene) -> Result<String> {
        let token = self.tokens.last().ok_or("nobody is hostile")?;
        for first in [1000, 500, 300, 200, 100, 50] {
            let query = format!("{{ customers(first: {first}) {{ nodes {{ {} }} }} }}", self.customer);
            if scene.hub.ask(token, &query, json!({})).await.is_ok() {
                return Ok(query);
            }
        }
        Err("no document is dear and allowed".into())
    }
}

/// Each of the hostile, on each database.
pub async fn hostile(bench: &mut Bench) -> Result<()> {
    bench.leave();
    for database in bench.options.databases() {
        let data = bench.ground.plain_data(database, CUSTOMERS).await?;
        without_budgets(bench, &data, database).await?;
        with_budgets(bench, &data, database).await?;
    }
    Ok(())
}
/// Nobody has a budget; one of the agents is hostile.
async fn without_budgets(bench: &mut Bench, data: &Rc<Data>, database: Database) -> Result<()> {
    let scene = Scene::start(bench, data, &[], CALLERS).await?;
    let tokens = agents(bench, data, CALLERS)?;
    attack(bench, &scene, database, &Hostile { name: "agent without a budget", tokens, customer: CUSTOMER }).await
}
/// Agents and partners have the budgets that they have unless somebody sets others; one of each is hostile.
async fn with_budgets(bench: &mut Bench, data: &Rc<Data>, database: Database) -> Result<()> {
    let Budget { agent_points, partner_points, .. } = Budget::default();
    let set = [format!("budget.agent_points={agent_points}"), format!("budget.partner_points={partner_points}")];
    let scene = Scene::start(bench, data, &set, MANY_CALLERS).await?;
    let tokens = agents(bench, data, MANY_CALLERS)?;
    let mut partners = vec![];
    for (n, agent) in tokens.iter().enumerate() {
        partners.push(partner_login(&bench.ground, &scene.hub, agent, &format!("partner-{n}")).await?);
    }
    attack(bench, &scene, database, &Hostile { name: "agent with the default budget", tokens, customer: CUSTOMER }).await?;
    attack(bench, &scene, database, &Hostile { name: "partner with the default budget", tokens: partners, customer: RESOLD }).await
}
/// Others than the first so many.
fn agents(bench: &Bench, data: &Data, others: usize) -> Result<Vec<Rc<str>>> {
    (0..=bench.options.rounds).map(|n| login(bench, data, others + n)).collect()
}

/// The modest by themselves, and then beside the hostile one.
struct Round {
    before: Tally,
    beside: Tally,
    hostile: Tally,
}
async fn attack(bench: &mut Bench, scene: &Scene, database: Database, one: &Hostile) -> Result<()> {
    let (mut ones, dear) = (scene.ones(), one.dearest(scene).await?);
    let rate = scene.capacity(&mut ones).await? * MODEST;
    let mut rounds = vec![];
    for (n, token) in (1..=bench.options.rounds).zip(&one.tokens) {
        tokio::time::sleep(QUIET).await;
        let round = round(scene, rate, &mut ones, Call::graphql(Some(token), &dear, &json!({}))).await?;
        let [before, beside] = [&round.before, &round.beside].map(|t| t.ms(0.99));
        eprintln!("hostile, {}, {}, round {n}: p99 of the modest {before:.2} ms, beside it {beside:.2}", database.name(), one.name);
        rounds.push(round);
    }
    let spread = |of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
    let middle = |of: fn(&Round) -> f64| spread(of).median;
    let sum = |of: fn(&Round) -> u64| rounds.iter().map(of).sum::<u64>() as f64;
    let report = &mut bench.report;
    let mut figure =
        |what: &str, value, unit, check| report.figure("hostile", Some(database.name()), &format!("{}: {what}", one.name), value, unit, check);
    figure("p50 of modest callers before", middle(|r| r.before.ms(0.5)), "ms", None);
    figure("p50 of modest callers beside it", middle(|r| r.beside.ms(0.5)), "ms", None);
    figure("p99 of modest callers before", middle(|r| r.before.ms(0.99)), "ms", None);
    let times = spread(|r| r.beside.ms(0.99) / r.before.ms(0.99));
    figure("p99 of modest callers beside it", middle(|r| r.beside.ms(0.99)), "ms", Some(Check::at_most("≤ 2 × that before", times.median, 2.0)));
    figure("p99 beside that before, in the worst round", times.most, "×", None);
    let (told, answered) = (sum(|r| r.beside.retry_after), sum(|r| r.beside.ok));
    let refused = told / (told + answered) * 100.0;
    figure("modest callers told to come back", refused, "%", Some(Check::at_most("≤ 1 %", refused, 1.0)));
    figure("its answers", middle(|r| r.hostile.per_s()), "/s", None);
    Ok(())
}
async fn round(scene: &Scene, rate: f64, ones: &mut Draw, dear: Call) -> Result<Round> {
    let before = scene.open(MODEST_CONNECTIONS, rate, scene.seconds, ones).await.answered()?;
    let mut draw: Draw = Box::new(move || dear.clone());
    let attack = closed(scene.hub.target(), HOSTILE_CONNECTIONS, scene.seconds + 2 * AROUND, &mut draw);
    let others = async {
        tokio::time::sleep(AROUND).await;
        scene.open(MODEST_CONNECTIONS, rate, scene.seconds, ones).await
    };
    let (beside, hostile) = join(others, attack).await;
    Ok(Round { before, beside: beside.answered()?, hostile })
}
