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

/// So many of them that none spends its budget.
const MANY_CALLERS: usize = 200;
const CONNECTIONS: usize = 64;
const MODEST_CONNECTIONS: usize = 64;
/// The share of the capacity that the others of a hostile caller ask for.
const MODEST: f64 = 0.2;
/// The hostile one is there so long before the others, and after them.
const AROUND: Duration = Duration::from_secs(1);

struct Hostile {
    name: &'static str,
    token: Rc<str>,
    /// What it may know of a customer.
    customer: &'static str,
}
impl Hostile {
    /// The dearest document that is allowed.
    async fn dearest(&self, scene: &Scene) -> Result<Call> {
        for first in [1000, 500, 300, 200, 100, 50] {
            let query = format!("{{ customers(first: {first}) {{ nodes {{ {} }} }} }}", self.customer);
            if scene.hub.ask(&self.token, &query, json!({})).await.is_ok() {
                return Ok(Call::graphql(Some(&self.token), &query, &json!({})));
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
    let token = login(bench, data, CALLERS)?;
    attack(bench, &scene, database, &Hostile { name: "agent without a budget", token, customer: CUSTOMER }).await
}
/// Agents and partners have the budgets that they have unless somebody sets others; one of each is hostile.
async fn with_budgets(bench: &mut Bench, data: &Rc<Data>, database: Database) -> Result<()> {
    let Budget { agent_points, partner_points, .. } = Budget::default();
    let set = [format!("budget.agent_points={agent_points}"), format!("budget.partner_points={partner_points}")];
    let scene = Scene::start(bench, data, &set, MANY_CALLERS).await?;
    let agent = login(bench, data, MANY_CALLERS)?;
    let partner = partner_login(&bench.ground, &scene.hub, &agent).await?;
    attack(bench, &scene, database, &Hostile { name: "agent with the default budget", token: agent, customer: CUSTOMER }).await?;
    attack(bench, &scene, database, &Hostile { name: "partner with the default budget", token: partner, customer: RESOLD }).await
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
    for n in 1..=bench.options.rounds {
        let round = round(scene, rate, &mut ones, &dear).await?;
        let [before, beside] = [&round.before, &round.beside].map(|t| t.ms(0.99));
        eprintln!("hostile, {}, {}, round {n}: p99 of the modest {before:.2} ms, beside it {beside:.2}", database.name(), one.name);
        rounds.push(round);
    }
    let middle = |of: fn(&Round) -> f64| Spread::of(rounds.iter().map(of)).median;
    let sum = |of: fn(&Round) -> u64| rounds.iter().map(of).sum::<u64>() as f64;
    let report = &mut bench.report;
    let mut figure =
        |what: &str, value, unit, check| report.figure("hostile", Some(database.name()), &format!("{}: {what}", one.name), value, unit, check);
    figure("p50 of modest callers before", middle(|r| r.before.ms(0.5)), "ms", None);
    figure("p50 of modest callers beside it", middle(|r| r.beside.ms(0.5)), "ms", None);
    figure("p99 of modest callers before", middle(|r| r.before.ms(0.99)), "ms", None);
    let times = Check::at_most("≤ 2 × that before", middle(|r| r.beside.ms(0.99) / r.before.ms(0.99)), 2.0);
    figure("p99 of modest callers beside it", middle(|r| r.beside.ms(0.99)), "ms", Some(times));
    let (told, answered) = (sum(|r| r.beside.retry_after), sum(|r| r.beside.ok));
    let refused = told / (told + answered) * 100.0;
    figure("modest callers told to come back", refused, "%", Some(Check::at_most("≤ 1 %", refused, 1.0)));
    figure("its answers", middle(|r| r.hostile.per_s()), "/s", None);
    Ok(())
}
async fn round(scene: &Scene, rate: f64, ones: &mut Draw, dear: &Call) -> Result<Round> {
    let before = scene.open(MODEST_CONNECTIONS, rate, scene.seconds, ones).await.answered()?;
    let dear = dear.clone();
    let mut draw: Draw = Box::new(move || dear.clone());
    let attack = closed(scene.hub.target(), CONNECTIONS, scene.seconds + 2 * AROUND, &mut draw);
    let others = async {
        tokio::time::sleep(AROUND).await;
        scene.open(MODEST_CONNECTIONS, rate, scene.seconds, ones).await
    };
    let (beside, hostile) = join(others, attack).await;
    Ok(Round { before, beside: beside.answered()?, hostile })
}
