//! The hub as an operator runs it: the release binary with its default settings, a database, keys, an index.
use crate::{
    Result,
    cpu::Meter,
    ground::{Data, Ground, free_address},
    load::{self, Call, Target},
    process::Process,
};
use serde_json::Value;
use std::{
    net::SocketAddr,
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};

pub struct Hub {
    pub process: Process,
    pub address: SocketAddr,
    pub data: Rc<Data>,
    /// From its start until `/readyz` said 200.
    pub ready: Duration,
    database: Option<u32>,
}
/// Nobody is to be refused for having asked too much. The cost of each document is still told and charged.
const NO_BUDGETS: &[&str] = &["budget.agent_points=0", "budget.partner_points=0", "budget.customer_points=0", "budget.public_points=0"];

impl Hub {
    /// Starts it and waits until it is ready. `set` are settings (`log.level=warn`).
    pub async fn start(ground: &Ground, data: &Rc<Data>, set: &[String]) -> Result<Self> {
        let address = free_address()?;
        Self::start_at(ground, data, set, address).await
    }
    pub async fn start_at(ground: &Ground, data: &Rc<Data>, set: &[String], address: SocketAddr) -> Result<Self> {
        let mut command = Command::new(&ground.binary);
        command
            .args(["serve", "--migrate", "--address", &address.to_string(), "--database", &data.url, "--config"])
            .arg(&data.folder)
            .current_dir(&ground.folder);
        for setting in NO_BUDGETS.iter().copied().chain(set.iter().map(String::as_str)) {
            command.args(["--set", setting]);
        }
        let started = Instant::now();
        let mut process = ground.group.start(&format!("hub-{}", address.port()), &mut command)?;
        load::until(Duration::from_secs(600), || process.check(), || load::is_ok(address, "/readyz")).await?;
        Ok(Hub { process, address, data: data.clone(), ready: started.elapsed(), database: ground.postmaster(data.database) })
    }
    pub fn target(&self) -> Target {
        Target { address: self.address, path: "/graphql" }
    }
    pub fn meter(&self) -> Meter {
        Meter { server: self.process.id(), database: self.database }
    }
    /// One question. Fails where the answer tells of errors.
    pub async fn ask(&self, token: &Rc<str>, query: &str, variables: Value) -> Result<Value> {
        Ok(load::ask(self.target(), Call::graphql(Some(token), query, &variables)).await?["data"].take())
    }
}
