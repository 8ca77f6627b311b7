//! Importing what a provider's systems export: a ticketing system's file of a million lines, each one ticket of a
//! customer that is here, and the wide kind of file whose line is a customer with all that belongs to it. A row is a
//! line of the file. Each file is imported by the program itself, in a process of its own.
use crate::{
    Bench, Result,
    cpu::{Meter, peak_mb},
    ground::{Data, Database, run_alone},
    report::Check,
};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait, Database as Connections, Statement};
use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Customers that the tickets are of.
const CUSTOMERS: u64 = 20_000;
/// What the large file is compared with, as a part of it.
const SMALL: u64 = 10;
/// Lines of the wide file, as a part of the large one.
const WIDE: u64 = 20;
/// How often the memory of the import is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// (i) Files of many lines. Nobody asks meanwhile: the import and the database have all processors.
pub async fn import(bench: &mut Bench) -> Result<()> {
    let postgres = bench.options.databases().contains(&Database::Postgres);
    let cluster = if postgres { Some(bench.ground.cluster().await?.id()) } else { None };
    cluster.map_or(Ok(()), |pid| bench.ground.group.cores.spread(pid))?;
    let done = files(bench).await;
    cluster.map_or(Ok(()), |pid| bench.ground.group.cores.gather(pid))?;
    done
}
async fn files(bench: &mut Bench) -> Result<()> {
    let (rows, folder) = (bench.options.import_rows, bench.ground.folder.join("import"));
    std::fs::create_dir_all(&folder)?;
    let small = rows / SMALL;
    let customers = written(&folder.join("customers.csv"), write_customers)?;
    let part = written(&folder.join("tickets-part.csv"), |to| write_tickets(to, 0..small))?;
    let large = written(&folder.join("tickets.csv"), |to| write_tickets(to, small..small + rows))?;
    let wide = written(&folder.join("churn.csv"), |to| write_churn(to, rows / WIDE))?;
    for database in bench.options.databases() {
        bench.leave();
        let data = bench.ground.empty(database, "import").await?;
        run(bench, &data, &customers, &[]).await?;
        tidy(&data).await?;
        let of_customers = ["--refs", "customers"];
        let before = run(bench, &data, &part, &of_customers).await?;
        let run_of_all = run(bench, &data, &large, &of_customers).await?;
        count(&data, "tickets", rows + small).await?;
        tell(bench, database, "tickets", rows, &run_of_all);
        let speed = rows as f64 / run_of_all.seconds;
        let goal = (database == Database::Postgres).then(|| Check::at_least("≥ 20,000 rows/s", speed, 20_000.0));
        bench.report.figure("import", Some(database.name()), &format!("{rows} lines"), speed, "rows/s", goal);
        let growth = run_of_all.peak_mb / before.peak_mb;
        let constant = Check::at_most("≤ 1.2 × the memory of a tenth", growth, 1.2);
        bench.report.figure("import", Some(database.name()), "memory beside that of a tenth of the file", growth, "×", Some(constant));
        let again = run(bench, &data, &part, &of_customers).await?;
        tell(bench, database, "a tenth again, unchanged", small, &again);
        let run_of_wide = run(bench, &data, &wide, &["--as-of", "2024-01-31"]).await?;
        count(&data, "customers", CUSTOMERS + rows / WIDE).await?;
        tell(bench, database, "customers with all that is theirs", rows / WIDE, &run_of_wide);
    }
    Ok(())
}

/// What an import used.
struct Run {
    seconds: f64,
    server_s: f64,
    database_s: f64,
    peak_mb: f64,
}
fn tell(bench: &mut Bench, database: Database, what: &str, rows: u64, run: &Run) {
    let per_row_us = |s: f64| s * 1e6 / rows as f64;
    let mut figure = |of: &str, value: f64, unit| bench.report.figure("import", Some(database.name()), &format!("{what}: {of}"), value, unit, None);
    figure("rows", rows as f64 / run.seconds, "rows/s");
    figure("CPU of the import for a row", per_row_us(run.server_s), "µs");
    if database == Database::Postgres {
        figure("CPU of the database for a row", per_row_us(run.database_s), "µs");
    }
    figure("most memory", run.peak_mb, "MB");
}
/// Imports a file in a process of its own.
async fn run(bench: &Bench, data: &Data, file: &Path, args: &[&str]) -> Result<Run> {
    let mut command = Command::new(&bench.ground.binary);
    command.arg("import").arg(file).args(args).arg("--config").arg(&data.folder).current_dir(&bench.ground.folder);
    // the import's CPU is in the numbers of this process when it has ended
    let meter = Meter { server: std::process::id(), database: bench.ground.postmaster(data.database) };
    let (before, started) = (meter.read()?, Instant::now());
    let mut process = bench.ground.group.start_anywhere("import", &mut command)?;
    let mut most_mb: f64 = 0.0;
    while !process.has_ended()? {
        most_mb = most_mb.max(peak_mb(process.id()).unwrap_or(0.0));
        tokio::time::sleep(LOOK).await;
    }
    let (seconds, used) = (started.elapsed().as_secs_f64(), meter.read()?.since(before));
    Ok(Run { seconds, server_s: used.server_s, database_s: used.database_s, peak_mb: most_mb })
}
/// What autovacuum does in a database that runs for longer.
async fn tidy(data: &Data) -> Result<()> {
    match data.database {
        Database::Postgres => run_alone(&data.url, "vacuum analyze").await,
        Database::Sqlite => Ok(()),
    }
}
/// Fails where the table has not so many rows.
async fn count(data: &Data, table: &str, expected: u64) -> Result<()> {
    let db = Connections::connect(&data.url).await?;
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), format!("select count(*) from {table}"))).await?;
    let found: i64 = row.ok_or("no count")?.try_get_by_index(0)?;
    db.close().await?;
    if found as u64 == expected { Ok(()) } else { Err(format!("{table}: {found} rows where {expected} were imported").into()) }
}

fn written(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<PathBuf> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    Ok(path.into())
}
fn write_customers(out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "Customer ID,First Name,Last Name,Email,City")?;
    (0..CUSTOMERS).try_for_each(|n| writeln!(out, "C-{n:06},Given{},Family{},c{n}@example.org,Town", n % 997, n % 4_999))
}
/// Tickets in the order of their dates, with some three hundred bytes of text each.
fn write_tickets(out: &mut impl Write, numbers: Range<u64>) -> std::io::Result<()> {
    const WORDS: &str = "router internet slow bill higher invoice phone cannot call since yesterday please help contract moved new address line \
        dead modem light red technician waiting refund roaming charged twice";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(numbers.start);
    let start = chrono::DateTime::from_timestamp(1_600_000_000, 0).unwrap_or_default();
    writeln!(out, "Ticket ID,Customer ID,Opened At,Status,Priority,Channel,Ticket Type,Topic_group,Summary,Description")?;
    for n in numbers {
        let at = start + chrono::Duration::seconds(n as i64 * 60);
        let mut any = |of: &[&'static str]| of.choose(&mut rng).copied().unwrap_or_default();
        let status = any(&["New", "Open", "Resolved", "Closed"]);
        let (priority, channel) = (any(&["Low", "Medium", "High", "P1"]), any(&["Phone", "Email", "Chat", "Web"]));
        let (kind, topic) = (any(&["Incident", "Question", "Complaint", "Problem"]), any(&["Hardware", "Access", "Billing", "Storage"]));
        let text: Vec<_> = (0..50).map(|_| any(&words)).collect();
        let (summary, text) = (text[..8].join(" "), text.join(" "));
        let customer = rng.gen_range(0..CUSTOMERS);
        writeln!(out, "{n},C-{customer:06},{},{status},{priority},{channel},{kind},{topic},{summary},{text}", at.format("%Y-%m-%d %H:%M:%S"))?;
    }
    Ok(())
}
/// Lines as those of the public IBM file: a customer, an account, and products.
fn write_churn(out: &mut impl Write, lines: u64) -> std::io::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let services = "OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies";
    writeln!(
        out,
        "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,{services},Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges,Churn"
    )?;
    for n in 0..lines {
        let mut any = |of: &[&'static str]| of.choose(&mut rng).copied().unwrap_or_default();
        let (gender, net, term) = (any(&["Female", "Male"]), any(&["DSL", "Fiber optic"]), any(&["Month-to-month", "One year", "Two year"]));
        let mut yes = || any(&["Yes", "No"]);
        let (partner, dependents, lines, paperless, churn) = (yes(), yes(), yes(), yes(), yes());
        let services = (0..6).map(|_| yes()).collect::<Vec<_>>().join(",");
        let (tenure, cents) = (rng.gen_range(1..72), rng.gen_range(2_000..12_000));
        let (monthly, total) = (cents as f64 / 100.0, cents as f64 * tenure as f64 / 100.0);
        writeln!(
            out,
            "I-{n:07},{gender},0,{partner},{dependents},{tenure},Yes,{lines},{net},{services},{term},{paperless},Electronic check,{monthly:.2},{total:.2},{churn}"
        )?;
    }
    Ok(())
}
