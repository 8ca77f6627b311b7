//! How fast the import is and how much memory it takes: `cargo run --release -p entities --example bench_import`.
//!
//! Without arguments: the IBM file once and ten times as long, into a fresh SQLite file and, where `BENCH_POSTGRES`
//! holds the address of an empty database, into PostgreSQL; each in a process of its own, so that its peak memory is
//! its own. With `URL FILE [MAPPING]`: that one measurement, and what came of it.
use entities::{
    Scope, Store,
    clock::Clock,
    exchange::import::{Job, import},
    migrations::Migrator,
};
use sea_orm_migration::MigratorTrait;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// That of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [] => all(),
        [url, file, mapping @ ..] => tokio::runtime::Runtime::new()?.block_on(one(url, Path::new(file), mapping.first())),
        _ => Err("usage: bench_import [URL FILE [MAPPING]]".into()),
    }
}
fn all() -> Result<(), Failure> {
    let data = std::env::var_os("SWITCHBOARD_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = data.join("telco-ibm/Telco-Customer-Churn.csv");
    let folder = std::env::temp_dir().join(format!("bench-import-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for factor in [1, 10] {
        let long = repeated(&file, factor, &folder.join(format!("{factor}.csv")))?;
        let lite = format!("sqlite://{}", folder.join(format!("{factor}.db")).display());
        for url in [Some(lite), std::env::var("BENCH_POSTGRES").ok()].into_iter().flatten() {
            let status = Command::new(std::env::current_exe()?).arg(url).arg(&long).status()?;
            assert!(status.success());
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
async fn one(url: &str, file: &Path, mapping: Option<&String>) -> Result<(), Failure> {
    let store = Store::open(url, 4, Clock::system()).await?;
    Migrator::fresh(store.writer()).await?;
    let as_of = chrono::NaiveDate::from_ymd_opt(2024, 1, 31);
    let job = Job { path: file.to_path_buf(), mapping: mapping.cloned(), as_of, ..Job::default() };
    let scope = Scope::hub(store.clock().now());
    for run in ["first", "again"] {
        let start = Instant::now();
        let report = import(&store, &scope, job.clone(), |_| {}).await?;
        let (s, rows) = (start.elapsed().as_secs_f64(), report.batches.iter().map(|b| b.rows).sum::<u64>());
        println!(
            "{} {run}: {rows} rows in {s:.2} s, {:.0} rows/s, peak memory {} MB",
            url.split(':').next().unwrap_or(url),
            rows as f64 / s,
            peak_mb()
        );
        for b in report.batches {
            let c = b.counts;
            println!(
                "  {} inserted, {} updated, {} unchanged, {} rejected, {} with warnings",
                c.inserted, c.updated, c.unchanged, c.rejected, c.warned
            );
        }
    }
    Ok(())
}
/// The file again and again, each time with ids of its own.
fn repeated(file: &Path, factor: usize, to: &Path) -> Result<PathBuf, Failure> {
    let text = std::fs::read_to_string(file)?;
    let (head, body) = text.split_once('\n').ok_or("no header")?;
    let mut long = format!("{head}\n");
    for n in 0..factor {
        for line in body.lines() {
            long.push_str(&format!("{n}-{line}\n"));
        }
    }
    std::fs::write(to, long)?;
    Ok(to.to_path_buf())
}
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}
