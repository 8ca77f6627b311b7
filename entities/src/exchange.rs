//! exchange

/// Long work that somebody waits for, with its progress.
pub mod task;
/// A system that rows come from.
pub mod source_system;
/// A mapping file as it was used.
pub mod import_mapping;
/// One run of an import over one file, and what came of it.
pub mod import_batch;
/// A row that was not taken, or taken with a warning, and its raw text.
pub mod import_row_error;
/// Further ids of the same thing in other systems.
pub mod external_ref;
/// Answers already given, by client and key.
pub mod idempotency_key;
/// All rows as lines of JSON.
pub mod export;
/// An export, taken back.
pub mod ndjson;
/// A folder of Markdown.
pub mod knowledge;
/// TM Forum resources.
pub mod tmf;
mod json_stream;
/// UBL invoices.
pub mod ubl;
/// Ways to reach somebody, in one notation.
pub mod medium;
/// Rows between a reader and the import.
pub mod record;
/// The tables that can be imported and exported, in load order.
pub mod table;
/// Delimited text files as they come.
pub mod sheet;
/// Mapping files: which column of a source goes where.
pub mod mapping;
/// Rows of a source into the tables, by the ids that the source gave them.
pub mod upsert;
/// One run of an import.
pub mod import;
