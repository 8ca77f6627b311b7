/// Where a dry run works.
pub mod aside;

use super::{
    Context,
    print::{Print, number},
};
use crate::{
    app, config,
    error::{Error, Exit, Result},
    worker,
};
use chrono::NaiveDate;
use clap::Args;
use entities::{
    Scope, Store,
    exchange::{
        import::{Batch, Job, Progress, import},
        ndjson, sheet,
    },
};
use indicatif::ProgressBar;
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

#[derive(Args)]
pub struct Import {
    /// Files, or folders of files that belong together
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// A built-in mapping, a family of them, or a mapping file (default: found by looking)
    #[arg(long)]
    mapping: Option<String>,
    /// The day that the file tells of, where it does not say so itself
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
    /// The system that the ids of the file belong to (default: the mapping's)
    #[arg(long, value_name = "SYSTEM")]
    source: Option<String>,
    /// Another system whose ids the file uses for its parents; may be repeated
    #[arg(long, value_name = "SYSTEM")]
    refs: Vec<String>,
    /// Report what would happen, and change nothing (on PostgreSQL each path by itself)
    #[arg(long)]
    dry_run: bool,
}
impl Import {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        if let Some(missing) = self.paths.iter().find(|p| !p.exists()) {
            return Err(Error::said(Exit::Usage, format!("there is no {}", missing.display())).hint("name a file or a folder"));
        }
        let store = app::open(&settings, false).await?.store;
        if !self.dry_run {
            return self.all(context, &store, false).await;
        }
        // stopped, it still takes its copy away
        tokio::select! {
            biased;
            () = worker::stopped() => Err(Error::said(Exit::Failed, "stopped; nothing was changed")),
            done = self.rehearse(context, &store, &settings.config.database) => done,
        }
    }
    async fn rehearse(&self, context: &Context, store: &Store, database: &config::Database) -> Result<()> {
        match aside::aside(store, database).await? {
            None => self.all(context, store, true).await,
            // in a copy it is done indeed: what the first file brings is there for the second
            Some(copy) => self.all(context, &copy.store, false).await,
        }
    }
    async fn all(&self, context: &Context, store: &Store, pretend: bool) -> Result<()> {
        let scope = Scope::hub(store.clock().now());
        for path in &self.paths {
            let started = Instant::now();
            if is_export(path) {
                let steps = Steps::new(&context.print);
                let batch = ndjson::restore(store, &scope, &ndjson::Export::file(path)?, pretend, |p| steps.tell(&p)).await;
                steps.bar.finish_and_clear();
                show(&context.print, &self.shown(batch?), self.dry_run, started.elapsed());
                continue;
            }
            for batch in self.one(context, store, &scope, path.clone(), pretend).await? {
                show(&context.print, &batch, self.dry_run, started.elapsed());
            }
        }
        Ok(())
    }
    async fn one(&self, context: &Context, store: &Store, scope: &Scope, path: PathBuf, pretend: bool) -> Result<Vec<Batch>> {
        let steps = Steps::new(&context.print);
        let job = Job {
            path,
            mapping: self.mapping.clone(),
            source_system: self.source.clone(),
            refs: self.refs.clone(),
            as_of: self.as_of,
            dry_run: pretend,
            ..Job::default()
        };
        let report = import(store, scope, job, |p| steps.tell(&p)).await;
        steps.bar.finish_and_clear();
        Ok(report?.batches.into_iter().map(|b| self.shown(b)).collect())
    }
    /// What was done in a copy has no id here.
    fn shown(&self, b: Batch) -> Batch {
        Batch { id: b.id.filter(|_| !self.dry_run), ..b }
    }
}

/// Whether it is what `switchboard export` writes, packed or plain.
fn is_export(path: &Path) -> bool {
    let Ok(file) = sheet::unpacked(path, Arc::default()) else { return false };
    let mut first = String::new();
    // enough for the line that an export starts with; other files may hold no line at all
    BufReader::new(file.take(256)).read_line(&mut first).is_ok() && ndjson::is_export(&first)
}

/// A bar on a terminal, a line of JSON now and then for programs.
struct Steps<'a> {
    print: &'a Print,
    bar: ProgressBar,
    told: Mutex<Option<Instant>>,
}
impl<'a> Steps<'a> {
    fn new(print: &'a Print) -> Self {
        Steps { print, bar: print.bar(Some(0), "Importing"), told: Mutex::new(None) }
    }
    fn tell(&self, p: &Progress) {
        self.bar.set_length(p.bytes_total.max(1));
        self.bar.set_position(p.bytes);
        self.bar.set_message(format!("{}: {} rows", p.file, number(p.rows as i64)));
        let mut told = self.told.lock().unwrap_or_else(|e| e.into_inner());
        if self.print.json && told.is_none_or(|t| t.elapsed() >= Duration::from_secs(1)) {
            *told = Some(Instant::now());
            self.print.object(&json!({"step": "import", "progress": p}));
        }
    }
}

fn show(print: &Print, b: &Batch, dry_run: bool, took: Duration) {
    print.object(&json!({"step": "imported", "dryRun": dry_run, "seconds": took.as_secs_f64(), "batch": b}));
    let n = |n: u64| number(n as i64);
    let mapping = b.mapping.as_deref().map(|m| format!(" by {m}")).unwrap_or_default();
    print.say(format!("{}{mapping}, source {}", b.file, b.source_system));
    let would = if dry_run { "would be " } else { "" };
    print.say(format!(
        "  {} rows: {} {would}inserted, {} {would}updated, {} unchanged, {} rejected, {} with a warning ({:.1} s)",
        n(b.rows),
        n(b.counts.inserted),
        n(b.counts.updated),
        n(b.counts.unchanged),
        n(b.counts.rejected),
        n(b.counts.warned),
        took.as_secs_f64()
    ));
    for (table, c) in &b.tables {
        print.say(format!("    {table:<20} {:>9} inserted {:>9} updated {:>9} unchanged", n(c.inserted), n(c.updated), n(c.unchanged)));
    }
    for (name, w) in &b.deferred {
        let sums: Vec<String> = w.sum.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
        print.say(format!("    {name}: {} rows {}, kept for later", n(w.rows), sums.join(", ")));
    }
    for (code, count) in &b.problems {
        print.say(format!("  {code}: {}", n(*count)));
        for e in b.examples.iter().filter(|e| e.code == *code).take(3) {
            print.say(format!("    row {}: {}", e.row_no, e.message));
        }
    }
}
