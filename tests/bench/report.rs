//! What was measured, as Markdown and as JSON.
use crate::{
    Options, Result,
    cores::Cores,
    cpu::{huge_pages_mb, machine_mb},
    ground::{Database, settings},
};
use serde::{Deserialize, Serialize};
use std::{fmt::Write, fs, path::Path, process::Command};

/// The middle of some rounds, and how far they were apart.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}
impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = values.collect();
        all.sort_by(f64::total_cmp);
        let at = |i: usize| all.get(i).copied().unwrap_or_default();
        let median = (at(all.len().saturating_sub(1) / 2) + at(all.len() / 2)) / 2.0;
        Spread { median, least: at(0), most: at(all.len().saturating_sub(1)) }
    }
    fn text(&self, digits: usize) -> String {
        let Spread { median, least, most } = self;
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

/// A figure that was to be reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// What is meant, as the goal says it.
    pub goal: String,
    pub measured: f64,
    pub reached: bool,
}
impl Check {
    pub fn at_least(goal: &str, measured: f64, wanted: f64) -> Self {
        Check { goal: goal.into(), measured, reached: measured >= wanted }
    }
    pub fn at_most(goal: &str, measured: f64, wanted: f64) -> Self {
        Check { goal: goal.into(), measured, reached: measured <= wanted }
    }
    fn text(&self) -> String {
        format!("{}: {} ({})", self.goal, number(self.measured), if self.reached { "reached" } else { "**missed**" })
    }
    fn short(&self) -> String {
        format!("{} {}", number(self.measured), if self.reached { "✓" } else { "✗" })
    }
}

/// Requests of one kind to one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    pub scenario: String,
    pub database: String,
    pub who: String,
    pub per_s: Spread,
    /// CPU of the server for one request.
    pub server_ms: Spread,
    /// CPU of PostgreSQL for one request; SQLite's is the server's.
    pub database_ms: Spread,
    /// Requests for one CPU second of server and database.
    pub per_cpu_s: Spread,
    pub p50_ms: Spread,
    pub p99_ms: Spread,
    /// At 70 % of the best rate.
    pub p50_ms_at_70: Option<f64>,
    pub p99_ms_at_70: Option<f64>,
    pub statements: Option<f64>,
    /// Resident memory of the server after the rounds.
    pub memory_mb: f64,
    /// Requests per CPU second beside PostGraphile's.
    pub to_peer: Option<Spread>,
    /// Requests per CPU second beside the hand-written limit's.
    pub to_limit: Option<Spread>,
    /// CPU for a request beside that of the first row.
    pub to_first: Option<Spread>,
    pub checks: Vec<Check>,
}
impl Row {
    /// CPU of server and database for one request.
    pub fn cpu_ms(&self) -> f64 {
        self.server_ms.median + self.database_ms.median
    }
}
/// One number that is no load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    pub scenario: String,
    pub database: Option<String>,
    pub what: String,
    pub value: f64,
    pub unit: String,
    pub check: Option<Check>,
}
impl Figure {
    fn database(&self) -> &str {
        self.database.as_deref().unwrap_or("–")
    }
    fn amount(&self) -> String {
        format!("{} {}", number(self.value), self.unit)
    }
    fn goal(&self) -> String {
        self.check.as_ref().map_or(String::new(), Check::text)
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    pub machine: Vec<(String, String)>,
    /// How long and how often what was asked: scenarios that were measured alike, in one entry.
    #[serde(default)]
    pub runs: Vec<(String, Vec<String>)>,
    pub rows: Vec<Row>,
    pub figures: Vec<Figure>,
    /// What was left out, and why.
    pub remarks: Vec<String>,
}
impl Report {
    /// The report that is there, without what is measured anew: scenarios, on these databases.
    pub fn kept(folder: &Path, anew: &[String], databases: &[Database]) -> Result<Self> {
        let file = folder.join("report.json");
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut kept: Report = serde_json::from_str(&text).map_err(|e| format!("{} is of another version: {e}", file.display()))?;
        let stays = |scenario: &str| !anew.iter().any(|name| name == scenario);
        let others = |database: &str| database != "–" && databases.iter().all(|d| d.name() != database);
        kept.rows.retain(|r| stays(&r.scenario) || others(&r.database));
        kept.figures.retain(|f| stays(&f.scenario) || others(f.database()));
        for (_, scenarios) in &mut kept.runs {
            scenarios.retain(|s| stays(s) || databases.len() == 1); // the other database's rows are still of then
        }
        kept.runs.retain(|(_, scenarios)| !scenarios.is_empty());
        kept.remarks.retain(|r| stays(r.split(' ').next().unwrap_or_default()));
        Ok(kept)
    }
    /// In the order of these scenarios.
    pub fn sort(&mut self, scenarios: &[&str]) {
        let place = |scenario: &str| scenarios.iter().position(|name| *name == scenario);
        self.rows.sort_by_cached_key(|r| (place(&r.scenario), r.database.clone()));
        self.figures.sort_by_key(|f| place(&f.scenario));
    }
    /// A scenario begins.
    pub fn begin(&mut self, scenario: &str, options: &Options) {
        let Options { customers, rounds, seconds, connections, .. } = options;
        let how = format!("{customers} customers; {rounds} rounds of {seconds} s with {connections} connections");
        match self.runs.iter_mut().find(|(other, _)| *other == how) {
            Some((_, scenarios)) => scenarios.push(scenario.into()),
            None => self.runs.push((how, vec![scenario.into()])),
        }
    }
    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("{text}");
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }
    pub fn figure(&mut self, scenario: &str, database: Option<&'static str>, what: &str, value: f64, unit: &'static str, check: Option<Check>) {
        eprintln!("{scenario}: {what} {} {unit}", number(value));
        self.figures.push(Figure {
            scenario: scenario.into(),
            database: database.map(Into::into),
            what: what.into(),
            value,
            unit: unit.into(),
            check,
        });
    }
    /// `report.md` and `report.json`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("report.md"), self.markdown())?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
    /// All of it.
    pub fn markdown(&self) -> String {
        let mut out = self.tables();
        for (how, scenarios) in &self.runs {
            let _ = writeln!(out, "- {}: {how}", scenarios.join(", "));
        }
        for (name, value) in &self.machine {
            let _ = writeln!(out, "- {name}: {value}");
        }
        for remark in &self.remarks {
            let _ = writeln!(out, "- {remark}");
        }
        out
    }
    /// For the README: what was to be reached, and what was, on both databases.
    fn short(&self) -> String {
        let mut out =
            String::from("\n![CPU milliseconds for one request: hub, hand-written statement, PostGraphile](tests/bench/figures/benchmark.svg)\n\n");
        out += "| measured | goal | PostgreSQL | SQLite |\n|---|---|--:|--:|\n";
        for ((what, goal), [postgres, sqlite]) in self.goals() {
            let _ = writeln!(out, "| {what} | {goal} | {postgres} | {sqlite} |");
        }
        out += "\n✓ reached, ✗ missed, – no such goal. Every figure, the machine and what was left out: ";
        out + "[tests/bench/figures/benchmark.md](tests/bench/figures/benchmark.md).\n\n"
    }
    /// What was measured beside each goal, on PostgreSQL and on SQLite: the same in both where it is of neither.
    fn goals(&self) -> Vec<((String, &str), [String; 2])> {
        let who = |r: &Row| r.who.strip_prefix("hub, ").unwrap_or(&r.who).to_string();
        let rows = self.rows.iter().flat_map(|r| r.checks.iter().map(move |c| (&r.scenario, r.database.as_str(), who(r), c)));
        let figures = self.figures.iter().filter_map(|f| Some((&f.scenario, f.database(), f.what.clone(), f.check.as_ref()?)));
        let mut all: Vec<((String, &str), [String; 2])> = vec![];
        for (scenario, database, what, check) in rows.chain(figures) {
            let key = (format!("**{scenario}** {what}"), check.goal.as_str());
            let at = all.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
                all.push((key, ["–".into(), "–".into()]));
                all.len() - 1
            });
            let [postgres, sqlite] = &mut all[at].1;
            match database {
                d if d == Database::Postgres.name() => *postgres = check.short(),
                d if d == Database::Sqlite.name() => *sqlite = check.short(),
                _ => (*postgres, *sqlite) = (check.short(), check.short()),
            }
        }
        all
    }
    fn tables(&self) -> String {
        let mut out = String::new();
        if !self.rows.is_empty() {
            out += "| scenario | database | who | requests/s | CPU ms server | CPU ms database | requests per CPU s | p50 ms | p99 ms | p50, p99 ms at 70 % | SQL statements | memory MB | to PostGraphile | to the limit | CPU beside the first | goal |\n";
            out += "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n";
            self.rows.iter().for_each(|r| out += &line(r));
            out.push('\n');
        }
        if !self.figures.is_empty() {
            out += "| scenario | database | what | figure | goal |\n|---|---|---|--:|---|\n";
            for f in &self.figures {
                let _ = writeln!(out, "| {} | {} | {} | {} | {} |", f.scenario, f.database(), f.what, f.amount(), f.goal());
            }
            out.push('\n');
        }
        out
    }
}
fn line(r: &Row) -> String {
    let times = |s: Option<Spread>| s.map_or("–".into(), |s| format!("{} ×", s.text(2)));
    let easy = r.p50_ms_at_70.zip(r.p99_ms_at_70).map_or("–".into(), |(a, b)| format!("{a:.2}, {b:.2}"));
    let goals: Vec<_> = r.checks.iter().map(Check::text).collect();
    format!(
        "| {} | {} | {} | {} | {:.3} | {:.3} | {} | {:.2} | {:.2} | {easy} | {} | {:.0} | {} | {} | {} | {} |\n",
        r.scenario,
        r.database,
        r.who,
        r.per_s.text(0),
        r.server_ms.median,
        r.database_ms.median,
        r.per_cpu_s.text(0),
        r.p50_ms.median,
        r.p99_ms.median,
        r.statements.map_or("–".into(), |n| format!("{n:.1}")),
        r.memory_mb,
        times(r.to_peer),
        times(r.to_limit),
        times(r.to_first),
        goals.join("; ")
    )
}
/// With as many digits as say something.
fn number(n: f64) -> String {
    match n.abs() {
        100.0.. => format!("{n:.0}"),
        10.0.. => format!("{n:.1}"),
        _ => format!("{n:.2}"),
    }
}

/// What the figures were measured on, and how.
pub fn machine(options: &Options, cores: &Cores) -> Vec<(String, String)> {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok().filter(|o| o.status.success());
        output.and_then(|o| String::from_utf8(o.stdout).ok()).map(|s| s.trim().to_string())
    };
    let file = |path: &str, key: &str| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().find_map(|l| Some(l.strip_prefix(key)?.trim_start_matches([' ', '\t', ':']).trim().to_string()))
    };
    let gb = |mb: Result<f64>| mb.unwrap_or_default() / 1024.0;
    let settings: Vec<_> = settings().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let set = if options.set.is_empty() { String::new() } else { format!(", {}", options.set.join(", ")) };
    let mut all = vec![
        (
            "Hub".to_string(),
            format!(
                "{}, default settings without budgets, save two of three hostile scenes; where one login asks on many connections, limits.wait_ms=10000{set}",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        ("Cores".into(), cores.text()),
        ("Processor".into(), file("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into())),
        ("Memory".into(), format!("{:.0} GB, {:.1} of them in huge pages", gb(machine_mb()), gb(huge_pages_mb()))),
        ("PostgreSQL".into(), format!("{}; {}", said("pg_config", &["--version"]).unwrap_or_else(|| "unknown version".into()), settings.join(", "))),
    ];
    all.extend(said("rustc", &["--version"]).map(|v| ("Rust".into(), v)));
    all
}

/// Puts the figures that matter into README.md between two marks; the whole table and the plot go to the folder `figures`.
pub fn write_into_readme(bench: &crate::Bench) -> Result<()> {
    const MARKS: (&str, &str) =
        ("<!-- benchmark: `make bench ARGS=--readme` writes what is between these lines -->\n", "<!-- end of benchmark -->\n");
    let (root, report) = (crate::root(), &bench.report);
    let file = root.join("README.md");
    let text = fs::read_to_string(&file)?;
    let (head, rest) = text.split_once(MARKS.0).ok_or("README.md has no place for the benchmark")?;
    let (_, tail) = rest.split_once(MARKS.1).ok_or("README.md has no end of the benchmark")?;
    fs::create_dir_all(root.join("tests/bench/figures"))?;
    let plot = bench.options.out.join("plot.svg");
    if plot.exists() {
        fs::copy(plot, root.join("tests/bench/figures/benchmark.svg"))?;
    }
    fs::write(root.join("tests/bench/figures/benchmark.md"), format!("# Benchmark\n\n{}", report.markdown()))?;
    fs::write(&file, format!("{head}{}{}{}{tail}", MARKS.0, report.short(), MARKS.1))?;
    Ok(())
}
