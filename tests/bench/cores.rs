//! Which processors each part runs on: what is measured has its own, and the load generator another, as if it were
//! another machine. Otherwise an overload starves whoever is to be told of it, and the slowest answers say how the system
//! shares a processor out.
use crate::Result;
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

/// The processors of this run.
pub struct Cores {
    /// None where everything shares them: on a machine with one, or without `taskset` (util-linux).
    apart: Option<Apart>,
}
/// Lists of processors, as the system writes them: `0-2,4`.
struct Apart {
    all: String,
    servers: String,
    load: String,
}
impl Cores {
    /// The last processor for the load generator, which is this thread and those that it starts.
    pub fn apart() -> Self {
        let apart = allowed().and_then(|cpus| {
            let (load, servers) = cpus.split_last().filter(|(_, servers)| !servers.is_empty())?;
            Some(Apart { all: list(&cpus), servers: list(servers), load: list(&[*load]) })
        });
        Cores { apart: apart.filter(|apart| go_to(&apart.load).is_ok()) }
    }
    /// Starts what is measured, on its processors.
    pub fn serve<T>(&self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        self.on(|apart| &apart.servers, start)
    }
    /// Starts what is to be done by itself, on all of them.
    pub fn anywhere<T>(&self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        self.on(|apart| &apart.all, start)
    }
    /// Lets a server that is running start its next processes on all of them.
    pub fn spread(&self, pid: u32) -> Result<()> {
        self.apart.as_ref().map_or(Ok(()), |apart| place(pid, &apart.all))
    }
    /// The same, on those of what is measured.
    pub fn gather(&self, pid: u32) -> Result<()> {
        self.apart.as_ref().map_or(Ok(()), |apart| place(pid, &apart.servers))
    }
    /// A process begins where the thread is that starts it.
    fn on<T>(&self, cpus: fn(&Apart) -> &str, start: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(apart) = &self.apart else { return start() };
        go_to(cpus(apart))?;
        let started = start();
        go_to(&apart.load)?;
        started
    }
    /// How they are shared out, for the report.
    pub fn text(&self) -> String {
        match &self.apart {
            Some(Apart { servers, load, .. }) => format!("{servers} for the servers and the database, {load} for the load generator (one thread)"),
            None => "shared by the load generator (one thread), the servers and the database".into(),
        }
    }
}

/// How long a loop that does nothing stands still in a second, and at most at once: what the machine takes for itself, as a
/// virtual one does for its neighbours. An answer that meets such a pause takes at least as long.
pub fn pauses() -> (Duration, Duration) {
    const LOOK: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_millis(1);
    let (mut paused, mut longest) = (Duration::ZERO, Duration::ZERO);
    let (start, mut last) = (Instant::now(), Instant::now());
    while start.elapsed() < LOOK {
        let now = Instant::now();
        let gap = now - last;
        if gap > PAUSE {
            paused += gap;
            longest = longest.max(gap);
        }
        last = now;
    }
    (paused, longest)
}

/// Moves this thread, the first of the process.
fn go_to(cpus: &str) -> Result<()> {
    place(std::process::id(), cpus)
}
fn place(pid: u32, cpus: &str) -> Result<()> {
    let said = Command::new("taskset").args(["-cp", cpus, &pid.to_string()]).output()?;
    if said.status.success() { Ok(()) } else { Err(format!("taskset: {}", String::from_utf8_lossy(&said.stderr).trim()).into()) }
}
/// The processors that this process may run on.
fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let text = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?;
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').map(range).collect::<Option<Vec<_>>>().map(|ranges| ranges.into_iter().flatten().collect())
}
fn list(cpus: &[usize]) -> String {
    cpus.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}
