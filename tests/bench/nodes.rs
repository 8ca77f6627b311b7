//! Three nodes over one PostgreSQL: what one writes, the others tell and find.
use crate::{
    Bench, Result,
    ground::{Data, Database, free_address},
    hub::Hub,
    load::{self, Call, Draw, closed},
    report::{Check, Spread},
    stage::{CUSTOMER, choose, public_id, shown},
    streams::{FOLLOW, Socket, open_ticket},
};
use futures::future::join_all;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use uuid::Uuid;

const NODES: usize = 3;
const CUSTOMERS: u64 = 1000;
const WRITES: usize = 60;
const PATIENCE: Duration = Duration::from_secs(60);

struct Nodes {
    data: Rc<Data>,
    hubs: Vec<Hub>,
    agent: Rc<str>,
    customers: Vec<Uuid>,
}
impl Nodes {
    async fn start(bench: &mut Bench) -> Result<Self> {
        let data = bench.ground.plain_data(Database::Postgres, CUSTOMERS).await?;
        let mut hubs = vec![];
        for n in 0..NODES {
            let set: Vec<String> = bench.options.set.iter().cloned().chain([setting(n)]).collect();
            hubs.push(Hub::start_at(&bench.ground, &data, &set, free_address()?).await?);
        }
        Ok(Nodes { hubs, agent: data.token(&bench.ground, &["--audience", "agent"])?, customers: shown(&data).await?, data })
    }
    fn customer(&self, n: usize) -> Uuid {
        self.customers[n % self.customers.len()]
    }
    /// Requests in a second of so many of the nodes together.
    async fn throughput(&self, bench: &Bench, nodes: usize) -> Result<f64> {
        let seconds = Duration::from_secs_f64(bench.options.seconds);
        let each = self.hubs.iter().take(nodes).map(|hub| async move {
            let mut draw = self.one();
            closed(hub.target(), (bench.options.connections / nodes).max(1), seconds, &mut draw).await.whole()
        });
        let tallies = join_all(each).await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(tallies.iter().map(|t| t.per_s()).sum())
    }
    fn one(&self) -> Draw {
        let query = format!("query ($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}");
        let (agent, mut any) = (self.agent.clone(), choose(self.customers.clone(), ChaCha8Rng::seed_from_u64(1)));
        Box::new(move || Call::graphql(Some(&agent), &query, &json!({"id": public_id(any())})))
    }
    /// Milliseconds from each write, at one node after the other, until the index of every node has it.
    async fn index_lag(&self) -> Result<Vec<f64>> {
        let mut all = vec![];
        for n in 0..WRITES {
            let hub = &self.hubs[n % NODES];
            open_ticket(hub, &self.agent, self.customer(n), &format!("No signal at mast {n}")).await?;
            let written = Instant::now();
            let head = position(hub).await? + behind(hub).await?;
            for hub in &self.hubs {
                while position(hub).await? < head {
                    if written.elapsed() > PATIENCE {
                        return Err(format!("the index of {} does not follow", hub.address).into());
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            all.push(written.elapsed().as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_millis(37 * (n as u64 % 7))).await; // not in step with whoever looks
        }
        Ok(all)
    }
    /// Milliseconds from a write at one node until a socket at another hears of it.
    async fn told(&self) -> Result<Vec<f64>> {
        let mut socket = Socket::follow(self.hubs[0].address, &self.agent, FOLLOW).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut all = vec![];
        for n in 0..WRITES {
            let name = format!("No signal at tower {n}");
            let asked = Instant::now();
            open_ticket(&self.hubs[1], &self.agent, self.customer(n), &name).await?;
            let said = tokio::time::timeout(PATIENCE, socket.hear()).await.map_err(|_| format!("nobody told of {name}"))??;
            if said["payload"]["data"]["ticketUpdated"]["name"] != name {
                return Err(format!("{name} was written and {said} told").into());
            }
            all.push(asked.elapsed().as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_millis(37 * (n as u64 % 7))).await;
        }
        Ok(all)
    }
    /// The checksum of each node's index.
    fn checksums(&self, bench: &Bench) -> Result<Vec<String>> {
        (0..NODES)
            .map(|n| {
                let said = self.data.command(&bench.ground, "doctor", &["doctor", "--set", &setting(n)])?;
                let checks = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                let found = checks.filter(|c| c["check"] == "documents").find_map(|c| Some(c["says"].as_str()?.to_string()));
                found.ok_or_else(|| format!("`doctor` tells no checksum: {said}").into())
            })
            .collect()
    }
}
fn setting(node: usize) -> String {
    format!("index.dir=index-of-node-{node}")
}
async fn index(hub: &Hub, field: &str) -> Result<i64> {
    let ready = load::get(hub.address, "/readyz").await?;
    ready["index"][field].as_i64().ok_or_else(|| format!("/readyz tells no {field}: {ready}").into())
}
async fn position(hub: &Hub) -> Result<i64> {
    index(hub, "position").await
}
async fn behind(hub: &Hub) -> Result<i64> {
    index(hub, "behind").await
}

/// Throughput, how far the indexes are behind, whether they are the same, and streams from node to node.
pub async fn nodes(bench: &mut Bench) -> Result<()> {
    bench.leave();
    if !bench.options.databases().contains(&Database::Postgres) {
        return Ok(());
    }
    let nodes = Nodes::start(bench).await?;
    let (alone, together) = (nodes.throughput(bench, 1).await?, nodes.throughput(bench, NODES).await?);
    let (lag, told) = (Spread::of(nodes.index_lag().await?.into_iter()), Spread::of(nodes.told().await?.into_iter()));
    let head = position(&nodes.hubs[0]).await? + behind(&nodes.hubs[0]).await?;
    for hub in &nodes.hubs {
        load::until(PATIENCE, || Ok(()), || async { position(hub).await.is_ok_and(|p| p >= head) }).await?;
    }
    let sums = nodes.checksums(bench)?;
    let same = sums.iter().filter(|s| **s == sums[0]).count() as f64;
    let (name, report) = (Some(Database::Postgres.name()), &mut bench.report);
    report.figure("nodes", name, "one customer's 360 at one node", alone, "/s", None);
    report.figure("nodes", name, "the same at three nodes together, on the same cores", together, "/s", None);
    let (worst, last) = (lag.most, told.most);
    report.figure("nodes", name, "from a write until every index has it: middle", lag.median, "ms", None);
    report.figure(
        "nodes",
        name,
        &format!("from a write until every index has it: worst of {WRITES}"),
        worst,
        "ms",
        Some(Check::at_most("p99 < 1,500 ms", worst, 1500.0)),
    );
    report.figure("nodes", name, "indexes with the same checksum", same, "", Some(Check::at_least("all three", same, NODES as f64)));
    report.figure("nodes", name, "from a write at one node until a socket at another hears: middle", told.median, "ms", None);
    report.figure(
        "nodes",
        name,
        &format!("from a write at one node until a socket at another hears: worst of {WRITES}"),
        last,
        "ms",
        Some(Check::at_most("< 1,000 ms", last, 1000.0)),
    );
    Ok(())
}
