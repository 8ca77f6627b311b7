//! Long work, as those follow it who asked for it, and imports, as agents do.
use crate::declare::*;
use entities::exchange::{import_batch, import_row_error, task};

pub fn types() -> Vec<Type> {
    vec![task_type(), batch(), row_error()]
}
pub fn roots() -> Vec<Field> {
    vec![
        find("importBatch", "ImportBatch", &[("id", "Its public id.", "id")], "One run of an import.").see(AGENT).scope("import:run"),
        all("importBatches", "ImportBatch", desc(import_batch::Column::CreatedAt), "Imports, the newest first.")
            .connection()
            .see(AGENT)
            .scope("import:run"),
        find("task", "Task", &[("id", "Its public id.", "id")], "One piece of long work. Null when there is none that you may see.")
            .see(AGENT | CUSTOMER)
            .scope("task:read"),
        all("tasks", "Task", desc(task::Column::CreatedAt), "Long work, the newest first.").connection().filtered().see(AGENT).scope("task:read"),
    ]
}
fn task_type() -> Type {
    use task::{Column, ENTITY, Kind, State};
    const BOTH: Audiences = AGENT | CUSTOMER;
    const URL: &str = "case when {t}.file_bytes is not null and {t}.state = 'succeeded' then '/exports/tsk_' || ";
    table(&ENTITY, "Long work, and how far it is.")
        .fields([
            id(&ENTITY).see(BOTH),
            choice::<Kind>("kind", Column::Kind, "What sort of work.").see(BOTH),
            column("title", Column::Title, "What it does, in a line.").see(BOTH),
            choice::<State>("state", Column::State, "How far it is.").see(BOTH),
            column("done", Column::Done, "How many steps are done.").see(BOTH),
            column("total", Column::Total, "Of how many; null while not known.").see(BOTH),
            column("message", Column::Message, "What it is doing, or why it failed; null when there is nothing to say.").see(AGENT),
            column("createdAt", Column::CreatedAt, "When it was asked for.").see(BOTH),
            column("startedAt", Column::StartedAt, "Null while it waits.").see(BOTH),
            column("finishedAt", Column::FinishedAt, "Null until then.").see(BOTH),
            sql(
                "objectCount",
                Scalar::BigInt,
                "case when {t}.kind = 'export' and {t}.state = 'succeeded' then {t}.done end",
                "How many rows an export holds; null for other work, and until it is whole.",
            )
            .or_null()
            .see(BOTH),
            column("fileSize", Column::FileBytes, "Bytes of the file that came of it; null where there is none, or none any more.").see(BOTH),
            sql(
                "url",
                Scalar::Text,
                &format!("{URL}replace(cast({{t}}.id as text), '-', '') end"),
                "Where the file is, on this hub: to be fetched with the same kind of token. Null where there is none, or none any more.",
            )
            .on_sqlite(&format!("{URL}lower(hex({{t}}.id)) end"))
            .or_null()
            .see(BOTH),
            column("expiresAt", Column::ExpiresAt, "When the file is deleted; null where there is none.").see(BOTH),
            one("customer", "Customer", Column::CustomerId, "Whom it is about; null where it is about nobody, or nobody that you may see.")
                .see(BOTH)
                .scope("customer:read"),
            many("batches", "ImportBatch", import_batch::Column::TaskId, asc(import_batch::Column::Id), "The files of an import.")
                .see(AGENT)
                .scope("import:run"),
        ])
        .filters([any_of::<State>("state", Column::State, "Any of these.")])
}
fn batch() -> Type {
    use import_batch::{Column, ENTITY, State};
    table(&ENTITY, "One run of an import over one file.").fields([
        id(&ENTITY).see(AGENT),
        column("sourceSystem", Column::SourceSystem, "Which system the file is from.").see(AGENT),
        column("fileName", Column::FileName, "The file's name.").see(AGENT),
        column("fileSha256", Column::FileSha256, "Null while it is being read.").see(AGENT),
        column("asOf", Column::AsOfOn, "The day that the file speaks of; null when it has its own dates.").see(AGENT),
        choice::<State>("state", Column::State, "How far it is.").see(AGENT),
        column("rows", Column::Rows, "Rows read.").see(AGENT),
        column("inserted", Column::Inserted, "Rows of our tables that are new.").see(AGENT),
        column("updated", Column::Updated, "Rows of our tables that changed.").see(AGENT),
        column("unchanged", Column::Unchanged, "Rows of our tables that stayed as they were.").see(AGENT),
        column("rejected", Column::Rejected, "Rows of the file that were not taken.").see(AGENT),
        column("warned", Column::Warned, "Rows of the file that were taken with a warning.").see(AGENT),
        column("report", Column::Report, "Counts per table, and what was put off.").see(AGENT),
        column("createdAt", Column::CreatedAt, "When it began.").see(AGENT),
        one("task", "Task", Column::TaskId, "The work it is part of.").see(AGENT),
        many(
            "rowErrors",
            "ImportRowError",
            import_row_error::Column::BatchId,
            asc(import_row_error::Column::RowNo),
            "Rows that were not taken, or taken with a warning.",
        )
        .connection()
        .filtered()
        .see(AGENT),
    ])
}
fn row_error() -> Type {
    use import_row_error::{Column, ENTITY, Severity};
    table(&ENTITY, "A row that was not taken, or taken with a warning.")
        .fields([
            id(&ENTITY).see(AGENT),
            column("rowNo", Column::RowNo, "1 is the first row of data.").see(AGENT),
            choice::<Severity>("severity", Column::Severity, "Whether the row was left out or only odd.").see(AGENT),
            column("code", Column::Code, "A stable word.").see(AGENT),
            column("message", Column::Message, "What is wrong, for the person who mends the source.").see(AGENT),
            column("raw", Column::Raw, "The row as it stood in the file; null without `customer:read_pii`.")
                .see(AGENT)
                .mask(AGENT, "case when {has customer:read_pii} then {c} end"),
        ])
        .filters([any_of::<Severity>("severity", Column::Severity, "Any of these.")])
}
