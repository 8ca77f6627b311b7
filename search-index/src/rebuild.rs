//! Everything anew: what was found before stays found until the new documents take its place in one commit.
use crate::{
    Index, Progress, Result, Writer, party,
    writer::{self, documents},
};
use entities::{
    Scope, Store, billing::bill, care::ticket, catalogue::product, knowledge::article, model::EntityKind, model::Record, party::customer,
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// How many rows are read together.
const PAGE: u64 = 1_000;

impl Index {
    /// Makes every document anew from the rows. Changes that come meanwhile are followed afterwards.
    pub async fn rebuild(&self, progress: Progress<'_>) -> Result<u64> {
        let mut held = self.writer.lock().await;
        let writer = self.writer(&mut held)?;
        let position = self.store.position().await?;
        {
            let writer = writer.clone();
            writer::blocking(move || writer.lock().unwrap_or_else(|e| e.into_inner()).delete_all_documents()).await?;
        }
        let mut rows = 0;
        for kind in writer::KINDS {
            rows += self.all_of(&writer, kind, progress).await?;
        }
        self.commit(&writer, position).await?;
        self.built.store(true, Ordering::Relaxed);
        // Held only while it writes: a command line that has built must not keep the hub from starting.
        *held = None;
        Ok(rows)
    }
    /// The articles of an index that is still empty. No mark goes with them: after a crash it is built again. The folder
    /// is locked from here on.
    pub(crate) async fn articles_first(&self) -> Result<()> {
        let mut held = self.writer.lock().await;
        let writer = self.writer(&mut held)?;
        self.all_of(&writer, &article::ENTITY, &|_, _| {}).await?;
        self.show(&writer).await
    }
    async fn all_of(&self, writer: &Writer, kind: &'static EntityKind, progress: Progress<'_>) -> Result<u64> {
        let (mut after, mut done) = (Uuid::nil(), 0);
        loop {
            let ids = page(&self.store, kind, after).await?;
            let Some(last) = ids.last() else { return Ok(done) };
            after = *last;
            done += ids.len() as u64;
            self.replace(writer, vec![], documents(&self.store, kind, &ids).await?).await?;
            progress(kind.name, done);
        }
    }
}

/// The keys of a kind after one, in their order.
async fn page(store: &Store, kind: &'static EntityKind, after: Uuid) -> Result<Vec<Uuid>> {
    match kind.prefix {
        p if p == article::ENTITY.prefix => keys::<article::Entity>(store, article::Column::Id, after).await,
        p if p == bill::ENTITY.prefix => keys::<bill::Entity>(store, bill::Column::Id, after).await,
        p if p == product::ENTITY.prefix => keys::<product::Entity>(store, product::Column::Id, after).await,
        p if p == ticket::ENTITY.prefix => keys::<ticket::Entity>(store, ticket::Column::Id, after).await,
        p => {
            debug_assert_eq!(p, party::KIND.prefix);
            keys::<customer::Entity>(store, customer::Column::Id, after).await
        }
    }
}
async fn keys<E: Record>(store: &Store, id: impl ColumnTrait, after: Uuid) -> Result<Vec<Uuid>> {
    let rows = Scope::hub(store.clock().now()).find::<E>().filter(id.gt(after)).order_by_asc(id).limit(PAGE);
    Ok(rows.select_only().column(id).into_tuple().all(store.reader()).await?)
}
