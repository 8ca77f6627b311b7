//! What the hub costs, beside a peer on the same database and beside the statement that somebody would write by hand:
//! `make bench`. Everything runs on this machine, in one run and on the same data; answers are compared before anything
//! is timed.

/// Who asks.
mod client;
/// Who runs on which processors.
mod cores;
/// What processes used.
mod cpu;
/// A large enterprise.
mod enterprise;
/// Databases, and what they run on.
mod ground;
/// One hostile caller.
mod hostile;
/// The hub, running.
mod hub;
/// Files of many lines.
mod import;
/// The hand-written statement.
mod limit;
/// Questions, asked in a closed or an open loop.
mod load;
/// Servers in turn.
mod measure;
/// Several hubs over one database.
mod nodes;
/// More than the hub can do.
mod overload;
/// PostGraphile.
mod peer;
/// CPU per request as a picture.
mod plot;
/// Processes that end with the benchmark.
mod process;
/// Scenarios that read.
mod read;
/// What comes of it.
mod report;
/// Scenarios on a provider as large as a demo.
mod small;
/// Hub, limit and peer on one database.
mod stage;
/// Scenarios of starting and growing.
mod start;
/// Sockets.
mod streams;

use clap::Parser;
use futures::future::LocalBoxFuture;
use ground::{Database, Ground};
use report::Report;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, rc::Rc};

/// That of the hub: the limit shall not be slower for another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Failure = Box<dyn std::error::Error>;
pub type Result<T> = std::result::Result<T, Failure>;

/// Something that is measured.
struct Scenario {
    name: &'static str,
    about: &'static str,
    run: for<'a> fn(&'a mut Bench) -> LocalBoxFuture<'a, Result<()>>,
}
/// In the order in which they run.
const SCENARIOS: [Scenario; 14] = [
    Scenario { name: "one", about: "one customer's 360: accounts, bills, products, open tickets", run: |b| Box::pin(read::one(b)) },
    Scenario { name: "list", about: "fifty customers with the same nesting", run: |b| Box::pin(read::list(b)) },
    Scenario { name: "enterprise", about: "the newest bills of an enterprise of 10,000", run: |b| Box::pin(read::enterprise(b)) },
    Scenario { name: "deep", about: "a page deep in a list", run: |b| Box::pin(read::deep(b)) },
    Scenario { name: "growth", about: "one customer's 360 among 10,000 customers and among more", run: |b| Box::pin(start::growth(b)) },
    Scenario { name: "search", about: "search within what the caller may see, over some 50,000 documents", run: |b| Box::pin(small::search(b)) },
    Scenario { name: "ask", about: "questions to the bot", run: |b| Box::pin(small::ask(b)) },
    Scenario { name: "write", about: "tickets that are opened", run: |b| Box::pin(small::write(b)) },
    Scenario { name: "import", about: "a file of a million tickets, and a wide one of customers", run: |b| Box::pin(import::import(b)) },
    Scenario { name: "start", about: "time to start, memory when idle, size of the program", run: |b| Box::pin(start::start(b)) },
    Scenario { name: "streams", about: "a thousand sockets that follow the same", run: |b| Box::pin(streams::streams(b)) },
    Scenario { name: "overload", about: "four times what the hub can do, and the end", run: |b| Box::pin(overload::overload(b)) },
    Scenario { name: "hostile", about: "what one hostile caller takes from the others", run: |b| Box::pin(hostile::hostile(b)) },
    Scenario { name: "nodes", about: "three nodes over one PostgreSQL", run: |b| Box::pin(nodes::nodes(b)) },
];

/// Measures the hub. Relative paths start at the project's folder.
#[derive(Parser)]
pub struct Options {
    /// What to measure (default: everything)
    scenarios: Vec<String>,
    /// Say what there is to measure, and end
    #[arg(long)]
    list: bool,
    /// Customers in each database
    #[arg(long, default_value_t = 100_000)]
    customers: u64,
    /// More sizes for the scenario growth: 1000000; may be repeated
    #[arg(long, value_name = "CUSTOMERS")]
    growth: Vec<u64>,
    /// Lines of the largest file that is imported
    #[arg(long, value_name = "LINES", default_value_t = 1_000_000)]
    import_rows: u64,
    /// Only on these databases
    #[arg(long, value_enum)]
    database: Vec<Database>,
    /// How long each server is asked in each round
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// How often; the middle one counts, of an even number the mean of the two
    #[arg(long, default_value_t = 3, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    rounds: usize,
    /// Connections that ask at a time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Customers whose answers are compared before anything is timed
    #[arg(long, default_value_t = 200)]
    compare: usize,
    /// What is drawn at random is drawn alike for the same seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where report.md, report.json and plot.svg go
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
    /// Keep databases and the peer's package here and use them again (default: a temporary folder)
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The hub (default: the one beside this benchmark)
    #[arg(long, value_name = "PROGRAM")]
    binary: Option<PathBuf>,
    /// A setting of the hub: log.level=warn; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Keep what the report that is there says of other scenarios, and of the database that is not asked for
    #[arg(long)]
    add: bool,
    /// Write the tables into README.md; the plot and all columns go to tests/bench/figures
    #[arg(long)]
    readme: bool,
    #[arg(long, hide = true)] // cargo says so
    bench: bool,
}
impl Options {
    fn databases(&self) -> Vec<Database> {
        if self.database.is_empty() { vec![Database::Postgres, Database::Sqlite] } else { self.database.clone() }
    }
}

/// One run of the benchmark.
pub struct Bench {
    pub options: Options,
    pub report: Report,
    // Processes end before the ground that they stand on.
    stages: BTreeMap<(Database, u64), Rc<stage::Stage>>,
    pub ground: Ground,
}
impl Bench {
    /// Ends hub, limit and peer, for what wants a database for itself.
    pub fn leave(&mut self) {
        self.stages.clear();
    }
}

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, rest)) if first == limit::ARGUMENT => limit::main(rest),
        _ => measure_all(Options::parse()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
/// On one thread, which has a processor of its own.
fn measure_all(mut options: Options) -> Result<()> {
    if options.list {
        SCENARIOS.iter().for_each(|s| println!("{:12} {}", s.name, s.about));
        return Ok(());
    }
    if let Some(unknown) = options.scenarios.iter().find(|name| SCENARIOS.iter().all(|s| s.name != **name)) {
        return Err(format!("there is no scenario {unknown:?}: --list tells them").into());
    }
    options.out = root().join(&options.out);
    options.data = options.data.map(|d| root().join(d));
    std::fs::create_dir_all(&options.out)?;
    let binary = match &options.binary {
        Some(path) => root().join(path),
        None => std::env::current_exe()?.ancestors().nth(2).map(|target| target.join("switchboard")).unwrap_or_default(),
    };
    let ground = Ground::new(options.data.as_deref(), binary)?;
    let kept = if options.add { Report::kept(&options.out, &options.scenarios, &options.databases())? } else { Report::default() };
    let report = Report { machine: report::machine(&options, &ground.group.cores), ..kept };
    let mut bench = Bench { report, stages: BTreeMap::new(), ground, options };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&mut bench))
}
async fn run(bench: &mut Bench) -> Result<()> {
    let (asked, mut failed) = (bench.options.scenarios.clone(), vec![]);
    for scenario in SCENARIOS.iter().filter(|s| asked.is_empty() || asked.iter().any(|name| name == s.name)) {
        eprintln!("== {}: {}", scenario.name, scenario.about);
        bench.report.begin(scenario.name, &bench.options);
        let (paused, longest) = bench.ground.group.cores.serve(|| Ok(cores::pauses()))?;
        bench.report.figure(scenario.name, None, "the machine stood still in the second before", paused.as_secs_f64() * 1000.0, "ms", None);
        bench.report.figure(scenario.name, None, "at most at once", longest.as_secs_f64() * 1000.0, "ms", None);
        if let Err(e) = (scenario.run)(bench).await {
            bench.report.remark(format!("{} was not measured to its end: {e}", scenario.name));
            failed.push(scenario.name);
        }
        bench.report.sort(&SCENARIOS.map(|s| s.name));
        bench.report.write(&bench.options.out)?; // an hour's figures are not lost with the last of them
    }
    bench.leave();
    plot::write(&bench.report, &bench.options.out.join("plot.svg"))?;
    if bench.options.readme {
        report::write_into_readme(bench)?;
    }
    println!("{}", bench.report.markdown());
    println!("{}", bench.options.out.display());
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured to their end: {}", failed.join(", ")).into()) }
}
