//! What a hub needs before anybody asks it: time to start, memory, disk; and what more customers cost.
use crate::{
    Bench, Result,
    cpu::memory_mb,
    hub::Hub,
    measure::contest,
    read::beside_first,
    report::{Check, Spread},
};
use serde_json::json;
use std::time::{Duration, Instant};

/// Starts of each hub; the middle one counts.
const STARTS: usize = 3;
/// Until a hub has done what it does at its beginning.
const QUIET: Duration = Duration::from_secs(5);
const MB: f64 = 1_048_576.0;

/// Start on an existing database, memory of a hub that nobody asks, size of the program.
pub async fn start(bench: &mut Bench) -> Result<()> {
    bench.leave();
    for database in bench.options.databases() {
        let data = bench.ground.data(database, bench.options.customers).await?;
        let agent = data.token(&bench.ground, &["--audience", "agent"])?;
        let (mut ready_s, mut answer_s, mut memory) = (vec![], vec![], vec![]);
        for _ in 0..STARTS {
            let started = Instant::now();
            let hub = Hub::start(&bench.ground, &data, &bench.options.set).await?;
            ready_s.push(hub.ready.as_secs_f64());
            hub.ask(&agent, "{ customers(first: 1) { nodes { displayName } } }", json!({})).await?;
            answer_s.push(started.elapsed().as_secs_f64());
            tokio::time::sleep(QUIET).await;
            memory.push(memory_mb(hub.process.id())?);
        }
        let middle = |all: Vec<f64>| Spread::of(all.into_iter()).median;
        let (ready, first, idle) = (middle(ready_s), middle(answer_s), middle(memory));
        let (name, customers) = (Some(database.name()), bench.options.customers);
        let what = |of: &str| format!("{of}, {customers} customers");
        bench.report.figure("start", name, &what("until /readyz says 200"), ready, "s", Some(Check::at_most("≤ 1 s", ready, 1.0)));
        bench.report.figure("start", name, &what("until the first answer"), first, "s", None);
        bench.report.figure("start", name, &what("memory when idle"), idle, "MB", Some(Check::at_most("≤ 60 MB", idle, 60.0)));
    }
    let size = std::fs::metadata(&bench.ground.binary)?.len() as f64 / MB;
    bench.report.figure("start", None, "size of the program", size, "MB", Some(Check::at_most("≤ 60 MB", size, 60.0)));
    Ok(())
}

/// One customer's 360 in databases of several sizes.
pub async fn growth(bench: &mut Bench) -> Result<()> {
    const FEW: u64 = 10_000;
    let mut sizes = vec![FEW.min(bench.options.customers), bench.options.customers];
    sizes.extend(&bench.options.growth);
    sizes.sort();
    sizes.dedup();
    for database in bench.options.databases() {
        let mut all = vec![];
        for customers in &sizes {
            let stage = bench.stage_of(database, *customers).await?;
            all.push(stage.agent_alone(&format!("hub, agent: {customers} customers")));
        }
        let mut rows = contest(bench, "growth", database, &mut all).await?;
        if rows.len() > 1 {
            beside_first(rows.last_mut(), "≤ 1.3 × the fewest", 1.3);
        }
        bench.report.rows.extend(rows);
    }
    bench.leave();
    Ok(())
}
