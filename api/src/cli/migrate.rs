use super::Context;
use crate::{app, error::Result};
use clap::Args;
use entities::{Store, clock::Clock, migrations::Migrator};
use sea_orm_migration::MigratorTrait;
use serde_json::json;

#[derive(Args)]
pub struct Migrate {
    /// Only say what would be done
    #[arg(long)]
    plan: bool,
}
impl Migrate {
    pub async fn run(self, context: &Context) -> Result<()> {
        let database = context.start_quiet()?.config.database;
        let store = Store::open(&database.url, database.connections(app::cores()), Clock::system()).await?;
        let pending: Vec<String> = Migrator::get_pending_migrations(store.writer()).await?.iter().map(|m| m.name().to_string()).collect();
        if !self.plan {
            Migrator::up(store.writer(), None).await?;
        }
        let done = match (pending.len(), self.plan) {
            (0, _) => "The database is up to date.".to_string(),
            (_, true) => format!("To be applied: {}.", pending.join(", ")),
            (_, false) => format!("Applied: {}.", pending.join(", ")),
        };
        context.print.result(done, &json!({"database": database.shown(), "applied": !self.plan, "migrations": pending}));
        Ok(())
    }
}
