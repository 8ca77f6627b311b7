//! All rows as lines of JSON: one per row, parents before children, and never the same file twice in different bytes.
//!
//! A line is `{"type":"bill","id":"bil_…","source_system":…,"external_id":…,"created_at":…, columns}`; columns without a
//! value are left out; a row that another points to is `{"source_system":…,"external_id":…}`. Left out of an export of all
//! are secrets, tasks, batches, mappings, what sources call rows of others, idempotency keys, what was asked and answered
//! for the bot's own record (its messages are there), feedback, the change log and the audit log. What a customer is
//! handed of itself has these too, as far as they are its own: `privacy/holding.rs` says what is withheld, and why.
use crate::{Audience, Error, Result, Scope, Store};
use futures::TryStreamExt;
use sea_orm::{StreamTrait, prelude::Uuid};
use std::{collections::BTreeMap, io::Write};

/// How rows are read and written as lines.
pub mod line;
/// What a customer is handed beyond the rows that another hub could take.
mod own;

pub use line::Shape;
use line::type_of;

/// The first line of an export: what kind of file this is.
pub const HEADER: &str = r#"{"type":"switchboard_export","version":1}"#;

/// The first line of what a customer is handed of itself: internal columns are left out, so that it is no copy of the rows.
pub const HANDED_OUT: &str = r#"{"type":"switchboard_export","version":1,"of":"customer"}"#;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of types (`bill`, `kb_article`); all where empty.
    pub types: Vec<String>,
    /// Only what this customer and the customers below it may know of themselves.
    pub customer: Option<Uuid>,
}

/// Writes the rows that the caller may know. Returns how many of each type.
pub async fn export(
    store: &Store,
    scope: &Scope,
    options: &Options,
    out: &mut (dyn Write + Send),
    mut progress: impl FnMut(u64),
) -> Result<BTreeMap<String, u64>> {
    let scope = match options.customer {
        Some(customer) => Scope::new(Audience::Customer, scope.subject.clone(), scope.at).for_customers([customer]),
        None => scope.clone(),
    };
    let shapes = Shape::all();
    let wanted = chosen(&shapes, &options.types)?;
    let mut counts = BTreeMap::new();
    let mut total = 0;
    let mut put = |text: &str| {
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|source| Error::Read { what: "the export's target".into(), source })
    };
    put(if scope.audience == Audience::Agent { HEADER } else { HANDED_OUT })?;
    for shape in wanted {
        // a table's rows are one statement that is read as it comes, so that memory does not grow with the table
        for statement in shape.select(store.backend(), &scope, None) {
            let mut rows = store.bulk().stream_raw(statement).await?;
            while let Some(row) = rows.try_next().await? {
                put(&shape.line(&row, scope.audience)?.to_string())?;
                *counts.entry(shape.name.clone()).or_default() += 1;
                total += 1;
                if total % 1000 == 0 {
                    progress(total);
                }
            }
        }
    }
    if scope.audience == Audience::Customer && options.types.is_empty() {
        for table in own::tables() {
            let mut rows = store.bulk().stream_raw(own::select(table, store.backend(), &scope)).await?;
            while let Some(row) = rows.try_next().await? {
                put(&own::line(table, &row)?.to_string())?;
                *counts.entry(type_of(table)).or_default() += 1;
                total += 1;
            }
        }
    }
    progress(total);
    Ok(counts)
}

fn chosen<'a>(shapes: &'a [Shape], types: &[String]) -> Result<Vec<&'a Shape>> {
    for name in types {
        if !shapes.iter().any(|s| s.is(name)) {
            let all = shapes.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid(format!("`{name}` is no type that can be exported. There are: {all}.")));
        }
    }
    Ok(shapes.iter().filter(|s| types.is_empty() || types.iter().any(|t| s.is(t))).collect())
}
