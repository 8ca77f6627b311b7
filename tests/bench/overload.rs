//! More than the hub can do: how much of it is still done, how soon the rest is told to come back, and whether anybody is
//! lost when the hub is told to stop.
use crate::{
    Bench, Result,
    ground::{Data, Database},
    hub::Hub,
    load::{Call, Connection, Draw, Tally, closed, open},
    report::Check,
    stage::{CUSTOMER, choose, public_id, shown},
};
use futures::future::{join, join_all};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::{cell::Cell, io::ErrorKind, rc::Rc, time::Duration};
use uuid::Uuid;

pub const CUSTOMERS: u64 = 1000;
/// Callers who mean well.
pub const CALLERS: usize = 8;
const OVER: f64 = 4.0;
/// Connections at such a rate: enough that nobody waits for one.
const MANY_CONNECTIONS: usize = 2000;
/// How often it is looked whether all is well again, and how long.
const WINDOW: Duration = Duration::from_millis(500);
const WINDOWS: u32 = 20;
/// A second of the other scenarios is so many of an overload: 60 seconds by default.
const LONGER: f64 = 7.5;

/// A hub and those who ask it.
pub struct Scene {
    pub hub: Hub,
    callers: Vec<Rc<str>>,
    customers: Vec<Uuid>,
    pub seconds: Duration,
    connections: usize,
}
impl Scene {
    /// So many agents call a hub with these settings.
    pub async fn start(bench: &Bench, data: &Rc<Data>, set: &[String], callers: usize) -> Result<Self> {
        let set: Vec<_> = set.iter().chain(&bench.options.set).cloned().collect();
        let hub = Hub::start(&bench.ground, data, &set).await?;
        let callers = (0..callers).map(|n| login(bench, data, n)).collect::<Result<_>>()?;
        let (seconds, connections) = (Duration::from_secs_f64(bench.options.seconds), bench.options.connections);
        Ok(Scene { hub, callers, customers: shown(data).await?, seconds, connections })
    }
    fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }
    /// Fifty customers with what they have.
    fn lists(&self) -> Draw {
        let body = json!({"query": format!("{{ customers(first: 50) {{ nodes {{ {CUSTOMER} }} }} }}")});
        let (mut who, body) = (choose(self.callers.clone(), self.rng()), Call::new(None, &body).body);
        Box::new(move || Call { token: Some(who()), body: body.clone() })
    }
    /// One customer with what it has.
    pub fn ones(&self) -> Draw {
        let query = format!("query ($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}");
        // written before: at such rates it would take the load generator a tenth of its core
        let bodies = self.customers.iter().map(|id| Call::graphql(None, &query, &json!({"id": public_id(*id)})).body).collect();
        let (mut who, mut any) = (choose(self.callers.clone(), self.rng()), choose(bodies, self.rng()));
        Box::new(move || Call { token: Some(who()), body: any() })
    }
    /// Good answers in a second, of as many as come. Some callers may be told to come back: it is the most that is looked for.
    pub async fn capacity(&self, draw: &mut Draw) -> Result<f64> {
        Ok(closed(self.hub.target(), 2 * self.connections, self.seconds, draw).await.answered()?.per_s())
    }
    pub async fn open(&self, connections: usize, per_s: f64, duration: Duration, draw: &mut Draw) -> Tally {
        open(self.hub.target(), connections, per_s, duration, draw).await
    }
}

/// One agent of many.
pub fn login(bench: &Bench, data: &Data, n: usize) -> Result<Rc<str>> {
    data.token(&bench.ground, &["--audience", "agent", "--subject", &format!("agent-{n}")])
}

/// Overload and the end, on each database.
pub async fn overload(bench: &mut Bench) -> Result<()> {
    bench.leave();
    for database in bench.options.databases() {
        let data = bench.ground.plain_data(database, CUSTOMERS).await?;
        let scene = Scene::start(bench, &data, &[], CALLERS).await?;
        too_much(bench, &scene, database, "lists of fifty", scene.lists()).await?;
        too_much(bench, &scene, database, "one customer", scene.ones()).await?;
        told_to_stop(bench, scene, database).await?;
    }
    Ok(())
}

async fn too_much(bench: &mut Bench, scene: &Scene, database: Database, what: &str, mut draw: Draw) -> Result<()> {
    let before = scene.capacity(&mut draw).await?;
    let tally = scene.open(MANY_CONNECTIONS, before * OVER, scene.seconds.mul_f64(LONGER), &mut draw).await;
    let mut windows = 0;
    while windows < WINDOWS && scene.open(scene.connections, before / 2.0, WINDOW, &mut draw).await.whole().is_err() {
        windows += 1;
    }
    let recovered_s = (WINDOW * windows).as_secs_f64();
    let refused = tally.refused.values().sum::<u64>();
    let refusal_ms = tally.refusal.value_at_quantile(0.99) as f64 / 1000.0;
    let others = (tally.broken + tally.errors + refused - tally.retry_after) as f64;
    let report = &mut bench.report;
    let mut figure =
        |name: &str, value, unit, check| report.figure("overload", Some(database.name()), &format!("{what}: {name}"), value, unit, check);
    figure("most before", before, "/s", None);
    figure("p99 of what is done", tally.ms(0.99), "ms", None);
    figure("refused with Retry-After", tally.retry_after as f64 / tally.elapsed.as_secs_f64(), "/s", None);
    figure("p99 until refused", refusal_ms, "ms", Some(Check::at_most("≤ 50 ms", refusal_ms, 50.0)));
    figure("answered otherwise, or not", others, "", Some(Check::at_most("0", others, 0.0)));
    figure("until all is well again", recovered_s, "s", Some(Check::at_most("≤ 5 s", recovered_s, 5.0)));
    let after = scene.capacity(&mut draw).await?;
    figure("most after", after, "/s", None);
    // a machine is not as fast in one minute as in another
    let share = tally.per_s() / ((before + after) / 2.0) * 100.0;
    figure("done of it at 4 × as much", share, "%", Some(Check::at_least("≥ 90 %", share, 90.0)));
    Ok(())
}

async fn told_to_stop(bench: &mut Bench, scene: Scene, database: Database) -> Result<()> {
    let (answered, lost, draw) = (Cell::new(0u64), Cell::new(0u64), std::cell::RefCell::new(scene.ones()));
    let one = || async {
        let mut connection = Connection::new(scene.hub.target());
        loop {
            let call = draw.borrow_mut()();
            match connection.ask(call).await {
                Ok(_) => answered.set(answered.get() + 1),
                Err(e) if e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::ConnectionRefused) => return,
                Err(e) => {
                    eprintln!("lost: {e}");
                    lost.set(lost.get() + 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    };
    let stop = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.hub.process.signal("TERM")
    };
    let (_, told) = join(join_all((0..scene.connections).map(|_| one())), stop).await;
    told?;
    let lost = lost.get() as f64;
    let (report, name) = (&mut bench.report, Some(database.name()));
    report.figure("overload", name, "requests answered until the hub is told to stop", answered.get() as f64, "", None);
    report.figure("overload", name, "requests lost when the hub is told to stop", lost, "", Some(Check::at_most("0", lost, 0.0)));
    Ok(())
}
