use super::{Context, print::number};
use crate::{
    app,
    error::{Error, Exit, Result},
};
use clap::Args;
use entities::Store;
use search_index::Index;
use serde_json::json;
use std::{path::Path, time::Instant};

#[derive(Args)]
pub struct Reindex {
    /// Change nothing: build one beside it from the rows, and say whether the two have the same documents
    #[arg(long)]
    check: bool,
}
impl Reindex {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let store = app::open(&settings, false).await?.store;
        if self.check {
            return check(context, &settings.config.index.dir, &store).await;
        }
        let started = Instant::now();
        let bar = context.print.bar(None, "Indexing");
        let tell = |kind: &'static str, done: u64| {
            bar.set_message(format!("Indexing: {kind}"));
            bar.set_position(done);
        };
        // An index that is not there is built by being opened; one that is there is built anew.
        let dir = &settings.config.index.dir;
        let before = dir.join("meta.json").exists();
        let index = Index::open_with(dir, &store, &tell).await?;
        if before {
            index.rebuild(&tell).await?;
        }
        bar.finish_and_clear();
        let (documents, position, seconds) = (index.documents(), index.position(), started.elapsed().as_secs_f64());
        context.print.result(
            format!("{} documents in {} ({seconds:.1} s), up to position {position} of the change log.", number(documents as i64), dir.display()),
            &json!({"documents": documents, "position": position, "seconds": seconds}),
        );
        Ok(())
    }
}
/// Compares the index with the rows. A hub may run: what it has not indexed yet differs.
async fn check(context: &Context, dir: &Path, store: &Store) -> Result<()> {
    let advice = "`switchboard reindex` builds it anew; stop the hub first";
    let index = Index::standing(dir, store)
        .await
        .map_err(|why| Error::said(Exit::Check, format!("the index in {} cannot be used: {why}", dir.display())).hint(advice))?;
    let beside = tempfile::tempdir().map_err(Error::file("make a folder in", &std::env::temp_dir()))?;
    let fresh = Index::open(beside.path(), store).await?;
    let (checksum, documents, position) = (index.checksum().await?, index.documents(), index.position());
    let (behind, same) = (fresh.position() - position, checksum == fresh.checksum().await?);
    context.print.result(
        format!("{} documents in {}, up to position {position} of the change log: checksum {checksum}.", number(documents as i64), dir.display()),
        &json!({"documents": documents, "position": position, "behind": behind, "checksum": checksum, "same": same}),
    );
    match same {
        true => Ok(()),
        false if behind > 0 => {
            Err(Error::said(Exit::Check, format!("the index is {behind} changes behind the rows")).hint("try again when the hub has caught up"))
        }
        false => {
            Err(Error::said(Exit::Check, format!("the index differs: the rows make {} documents", number(fresh.documents() as i64))).hint(advice))
        }
    }
}
