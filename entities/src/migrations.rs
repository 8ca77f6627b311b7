//! The tables. Migrations only grow; each is one SQL text for both databases, see `m0001_first_slice.sql`.
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait};

/// What the migrations say, in their order.
pub fn texts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|m| m.1)
}
/// (name, text)
const MIGRATIONS: &[(&str, &str)] = &[
    ("m0001_first_slice", include_str!("migrations/m0001_first_slice.sql")),
    ("m0002_access", include_str!("migrations/m0002_access.sql")),
    ("m0003_partner_tokens", include_str!("migrations/m0003_partner_tokens.sql")),
    ("m0004_privacy", include_str!("migrations/m0004_privacy.sql")),
    ("m0005_trees", include_str!("migrations/m0005_trees.sql")),
];

pub struct Migrator;
#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        MIGRATIONS.iter().map(|(name, up)| Box::new(Text { name, up }) as Box<dyn MigrationTrait>).collect()
    }
}

/// A migration written as SQL text. `down` drops the tables and indexes that `up` created, last first; columns that it added stay, as
/// SQLite drops none that refers to another table.
struct Text {
    name: &'static str,
    up: &'static str,
}
impl MigrationName for Text {
    fn name(&self) -> &str {
        self.name
    }
}
#[async_trait::async_trait]
impl MigrationTrait for Text {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in statements(self.up, manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in statements(self.up, manager.get_database_backend()).iter().rev() {
            if let Some(index) = statement.strip_prefix("create index ").and_then(|s| s.split_whitespace().next()) {
                manager.get_connection().execute_unprepared(&format!("drop index if exists {index}")).await?;
            }
            if let Some(table) = statement.strip_prefix("create table ").and_then(|s| s.split_whitespace().next()) {
                let cascade = if manager.get_database_backend() == DbBackend::Postgres { " cascade" } else { "" };
                manager.get_connection().execute_unprepared(&format!("drop table {table}{cascade}")).await?;
            }
        }
        Ok(())
    }
}

/// The statements of a migration in the words of one database.
pub fn statements(text: &str, backend: DbBackend) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    code.split(';').map(str::trim).filter(|s| !s.is_empty()).map(|s| translate(s, backend)).collect()
}
fn translate(statement: &str, backend: DbBackend) -> String {
    let owner = |null: &str| format!("customer_id uuid{null} references customers (id),\n  partner_id uuid references partners (id)");
    let mut s = statement
        .replace(
            "@base",
            "id uuid primary key,\n  created_at timestamptz not null,\n  updated_at timestamptz not null,\n  row_version integer not null default 1",
        )
        .replace("@source", SOURCE)
        .replace("@owned?", &owner(""))
        .replace("@owned", &owner(" not null"));
    // one `unique` per table constraint, after the columns
    if s.contains("import_batch_id") {
        s = s.trim_end().trim_end_matches(')').trim_end().to_string() + ",\n  unique (source_system, external_id)\n)";
    }
    if backend == DbBackend::Sqlite {
        for (pg, lite) in [(" uuid", " blob"), (" timestamptz", " text"), (" date", " text"), (" json", " text")] {
            for end in [" ", ",", "\n"] {
                s = s.replace(&format!("{pg}{end}"), &format!("{lite}{end}"));
            }
        }
    }
    s
}
/// A row may outlive the batch that brought it, and is not to wait for a look at it: `import_batch_id` refers without
/// holding.
const SOURCE: &str = "source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at timestamptz,
  row_hash text,
  import_batch_id uuid";

#[cfg(test)]
mod tests {
    use super::*;
    #[tokio::test]
    async fn migrations_go_up_and_down_on_sqlite() {
        let db = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        Migrator::down(&db, None).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
    }
}
