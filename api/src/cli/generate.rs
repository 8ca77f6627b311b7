use super::{Context, print::number};
use crate::{app, error::Result};
use chrono::NaiveDate;
use clap::Args;
use entities::{
    Store,
    generate::{Plan, Progress, Summary, generate},
};
use indicatif::ProgressBar;
use serde_json::json;
use std::time::Instant;

#[derive(Args)]
pub struct Generate {
    /// How many customers
    #[arg(long, default_value_t = 2000)]
    customers: u64,
    /// The same seed and day give the same data
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day on which the data ends (default: today)
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
}
impl Generate {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let store = app::open(&settings, false).await?.store;
        let until = self.until.unwrap_or_else(|| store.clock().now().date_naive());
        let started = Instant::now();
        let summary = fill(context, &store, &Plan::new(self.customers, self.seed, until)).await?;
        // No change is logged for these rows: an index of before does not learn of them.
        if settings.config.index.dir.join("meta.json").exists() {
            search_index::Index::open(&settings.config.index.dir, &store).await?.rebuild(&|_, _| {}).await?;
        }
        let counts: serde_json::Map<_, _> = summary.counts.iter().map(|(table, n)| (table.to_string(), json!(n))).collect();
        if !context.print.json {
            context
                .print
                .rows(["table", "rows"], &summary.counts.iter().map(|(table, n)| [table.to_string(), number(*n as i64)]).collect::<Vec<_>>());
        }
        context.print.result(
            format!("Made in {:.1} s.", started.elapsed().as_secs_f64()),
            &json!({"customers": self.customers, "seed": self.seed, "until": until, "rows": counts}),
        );
        Ok(())
    }
}

/// Fills an empty database, with a bar.
pub async fn fill(context: &Context, store: &Store, plan: &Plan) -> Result<Summary> {
    let bar = context.print.bar(Some(plan.customers), "Customers");
    let summary = generate(store, plan, shown(&bar)).await?;
    bar.finish_and_clear();
    Ok(summary)
}
/// Moves a bar of customers, and says what follows the last.
pub fn shown(bar: &ProgressBar) -> impl Fn(Progress) + '_ {
    |p| {
        bar.set_position(p.done);
        if p.done == p.total {
            bar.set_message("Keys and indexes");
        }
    }
}
