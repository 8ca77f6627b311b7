use super::{Context, print::number};
use crate::{app, error::Result};
use clap::Args;
use search_index::Index;
use serde_json::json;
use std::time::Instant;

#[derive(Args)]
pub struct Reindex {}
impl Reindex {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let store = app::open(&settings, false).await?.store;
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
