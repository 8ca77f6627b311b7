//! Everything anew: what was found before stays found until the new documents take its place in one commit.
use crate::{
    Index, Progress, Result, Writer,
    document::Document,
    party,
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
        let mut done = 0;
        let (mut ids, mut ready) = self.some_of(kind, Uuid::nil()).await?;
        // the database makes the next rows ready while these are written
        while let Some(last) = ids.last().copied() {
            done += ids.len() as u64;
            let writing = self.replace(writer, vec![], ready);
            let (next, ()) = tokio::try_join!(self.some_of(kind, last), writing)?;
            (ids, ready) = next;
            progress(kind.name, done);
        }
        Ok(done)
    }
    /// The rows of a kind behind a key, and their documents.
    async fn some_of(&self, kind: &'static EntityKind, after: Uuid) -> Result<(Vec<Uuid>, Vec<Document>)> {
        let ids = page(&self.store, kind, after).await?;
        let documents = if ids.is_empty() { vec![] } else { documents(&self.store, kind, &ids).await? };
        Ok((ids, documents))
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
