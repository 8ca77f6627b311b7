//! Follows the change log: what changed is read again, in batches, and replaces what stood of it.
use crate::{
    DAMAGED, Error, GENERATION, Index, Result, Writer, care,
    document::{self, Document},
    knowledge, owned, party,
};
use entities::{
    Store,
    billing::bill,
    care::{ticket, ticket_note},
    catalogue::product,
    knowledge::{article, article_version},
    model::EntityKind,
    outbox::change::{self, Operation},
    party::{contact_medium, party as person},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};
use tantivy::{Term, collector::TopDocs, query::TermQuery, schema::IndexRecordOption};
use uuid::Uuid;

/// How many entries of the change log are worked off together, and how many customers when a tree moves.
const BATCH: u64 = 1_000;
const CUSTOMERS: usize = 200;
/// Memory for documents that are not yet on disk.
const BUFFER_BYTES: usize = 50_000_000;
/// While changes keep coming, they are found after this long at the latest.
const COMMIT_AFTER: Duration = Duration::from_secs(2);
/// What comes within this time of the first change is worked off with it.
const GATHER: Duration = Duration::from_millis(200);
/// Other processes write too: they are not heard, so the log is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a commit carries: up to where the index is fed, and the entry there, which tells one database from another.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    generation: u32,
    pub position: i64,
    entry: Option<Uuid>,
    /// Customers were erased, and their bytes may still be in the files.
    #[serde(default)]
    pub unclean: bool,
}
impl Mark {
    pub fn read(index: &tantivy::Index) -> Option<Self> {
        let mark: Mark = serde_json::from_str(&index.load_metas().ok()?.payload?).ok()?;
        (mark.generation == GENERATION).then_some(mark)
    }
    pub async fn at(store: &Store, position: i64) -> Result<Self> {
        let entry = changes(store, position - 1, 1).await?.into_iter().find(|c| c.position == position);
        Ok(Mark { generation: GENERATION, position, entry: entry.map(|e| e.entity_id), unclean: false })
    }
    pub async fn is_of(&self, store: &Store) -> bool {
        matches!(Mark::at(store, self.position).await, Ok(mark) if mark == Mark { unclean: false, ..self.clone() })
    }
}

/// The entries after a position.
async fn changes(store: &Store, after: i64, most: u64) -> Result<Vec<change::Model>> {
    #[expect(clippy::disallowed_methods, reason = "the change log is the hub's own; rows behind it are read through a scope")]
    let entries = change::Entity::find().filter(change::Column::Position.gt(after)).order_by_asc(change::Column::Position).limit(most);
    Ok(entries.all(store.reader()).await?)
}

impl Index {
    /// Builds the index where it is not, and feeds it from the change log until `shutdown` is done. A failure is logged and tried again.
    pub async fn follow(&self, shutdown: impl Future<Output = ()> + Send) {
        let mut written = self.store.written();
        let mut pause = LOOK_EVERY;
        tokio::pin!(shutdown);
        tokio::select! {
            () = &mut shutdown => return,
            () = self.mistrust() => {}
        }
        loop {
            let fed = if self.is_built() { self.catch_up().await.map(drop) } else { self.rebuild(&|_, _| {}).await.map(drop) };
            match fed {
                Ok(()) => pause = LOOK_EVERY,
                Err(e) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    tracing::warn!(error = %e, retry_in_s = pause.as_secs(), "search index: could not be fed");
                }
            }
            let wake = async {
                if pause > LOOK_EVERY || tokio::time::timeout(pause, written.changed()).await.is_ok_and(|w| w.is_err()) {
                    tokio::time::sleep(pause).await;
                }
                tokio::time::sleep(GATHER).await;
            };
            tokio::select! {
                _ = &mut shutdown => break,
                _ = wake => {}
            }
        }
        *self.writer.lock().await = None;
    }
    /// Has the index built anew where files of it are damaged. Nobody writes meanwhile: what is merged would hide it.
    async fn mistrust(&self) {
        let _held = self.writer.lock().await;
        if self.is_built() && self.is_damaged().await {
            tracing::warn!(dir = %self.dir.display(), why = DAMAGED, "search index: building it from the rows");
            self.built.store(false, Ordering::Relaxed);
        }
    }
    /// Works off everything that is in the change log now. Returns the position that it has come to.
    pub async fn catch_up(&self) -> Result<i64> {
        if self.position() >= self.store.position().await? && !self.is_unclean() {
            return Ok(self.position());
        }
        let mut held = self.writer.lock().await;
        let writer = self.writer(&mut held)?;
        let mut moves = Moves::default();
        let (mut position, mut committed) = (self.position(), Instant::now());
        loop {
            let entries = changes(&self.store, position, BATCH).await?;
            let Some(last) = entries.last().map(|e| e.position) else { break };
            self.take(&writer, &entries, &mut moves).await?;
            self.note_erased(&entries);
            position = last;
            if committed.elapsed() >= COMMIT_AFTER {
                self.commit(&writer, position).await?;
                (moves, committed) = (Moves::default(), Instant::now());
            }
        }
        if position > self.position() {
            self.commit(&writer, position).await?;
        }
        if self.is_unclean() {
            self.purge(&writer).await?;
            self.commit(&writer, position).await?; // the mark of before says that it is to be done
        }
        Ok(position)
    }
    /// The writer, opened where it is not.
    pub(crate) fn writer(&self, held: &mut Option<Writer>) -> Result<Writer> {
        if let Some(writer) = held {
            return Ok(writer.clone());
        }
        let opened = self.tantivy.writer_with_num_threads(1, BUFFER_BYTES).map_err(|e| match e {
            tantivy::TantivyError::LockFailure(..) => Error::Busy(self.dir.clone()),
            e => e.into(),
        })?;
        Ok(held.insert(Arc::new(Mutex::new(opened))).clone())
    }
    pub(crate) async fn commit(&self, writer: &Writer, position: i64) -> Result<()> {
        let mark = Mark { unclean: self.is_unclean(), ..Mark::at(&self.store, position).await? };
        let mark = serde_json::to_string(&mark).unwrap_or_default();
        let writer = writer.clone();
        blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(|e| e.into_inner());
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&mark);
            commit.commit()
        })
        .await?;
        self.reader.reload()?;
        self.position.store(position, Ordering::Relaxed);
        Ok(())
    }
    /// Lets what is written so far be found, without a mark: after a crash it is built again.
    pub(crate) async fn show(&self, writer: &Writer) -> Result<()> {
        let writer = writer.clone();
        blocking(move || writer.lock().unwrap_or_else(|e| e.into_inner()).commit()).await?;
        Ok(self.reader.reload()?)
    }
    /// Puts documents in the place of what stood of these rows.
    pub(crate) async fn replace(&self, writer: &Writer, gone: Vec<Term>, documents: Vec<Document>) -> Result<()> {
        let (writer, fields) = (writer.clone(), self.fields.clone());
        blocking(move || {
            let writer = writer.lock().unwrap_or_else(|e| e.into_inner());
            for term in gone {
                writer.delete_term(term);
            }
            documents.into_iter().try_for_each(|d| writer.add_document(d.into_tantivy(&fields)).map(drop))
        })
        .await
    }
    async fn take(&self, writer: &Writer, entries: &[change::Model], moves: &mut Moves) -> Result<()> {
        let rows = Rows::touched(&self.store, entries).await?;
        self.write(writer, &rows, moves).await?;
        let moved = self.moved(rows.customers, moves)?;
        if moved.is_empty() {
            return Ok(());
        }
        // Who stands above a customer is in the terms of all that it owns, and of all below it.
        let below: BTreeSet<_> = party::below(&self.store, moved).await?.into_iter().collect();
        for some in below.iter().copied().collect::<Vec<_>>().chunks(CUSTOMERS) {
            self.write(writer, &Rows::of_customers(&self.store, some.to_vec()).await?, moves).await?;
        }
        moves.before.extend(below.iter().filter_map(|id| moves.now.get(id).map(|now| (*id, now.clone()))));
        Ok(())
    }
    async fn write(&self, writer: &Writer, rows: &Rows, moves: &mut Moves) -> Result<()> {
        for kind in KINDS {
            let ids: Vec<_> = rows.of(kind).iter().copied().collect();
            if ids.is_empty() {
                continue;
            }
            let documents = documents(&self.store, kind, &ids).await?;
            if *kind == *party::KIND {
                moves.now.extend(documents.iter().map(|d| (d.id, d.visible.clone())));
            }
            let gone = ids.iter().map(|id| document::of_row(&self.fields, kind, *id)).collect();
            self.replace(writer, gone, documents).await?;
        }
        Ok(())
    }
    /// Those customers whose terms are others than those they were found by.
    fn moved(&self, customers: BTreeSet<Uuid>, moves: &mut Moves) -> Result<Vec<Uuid>> {
        let searcher = self.reader.searcher();
        let mut moved = vec![];
        for id in customers {
            let Some(now) = moves.now.get(&id) else { continue };
            let query = TermQuery::new(document::of_row(&self.fields, party::KIND, id), IndexRecordOption::Basic);
            let before = match moves.before.remove(&id) {
                Some(before) => Some(before),
                None => match searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?.first() {
                    Some((_, at)) => self.shown(&searcher, *at)?.map(|s| s.visible),
                    None => None,
                },
            };
            if before.is_some_and(|b| b != *now) {
                moved.push(id);
            }
            moves.before.insert(id, now.clone());
        }
        Ok(moved)
    }
}

/// The terms of the customers that were written since the last commit, which a search does not show yet.
#[derive(Default)]
struct Moves {
    before: HashMap<Uuid, Vec<String>>,
    now: HashMap<Uuid, Vec<String>>,
}

/// The kinds that have documents.
pub const KINDS: [&EntityKind; 5] = [&article::ENTITY, &bill::ENTITY, party::KIND, &product::ENTITY, &ticket::ENTITY];

/// The documents of these rows of a kind; none where there is no such row any more.
pub async fn documents(store: &Store, kind: &'static EntityKind, ids: &[Uuid]) -> Result<Vec<Document>> {
    match kind.prefix {
        p if p == article::ENTITY.prefix => knowledge::documents(store, ids).await,
        p if p == bill::ENTITY.prefix => owned::bills(store, ids).await,
        p if p == product::ENTITY.prefix => owned::products(store, ids).await,
        p if p == ticket::ENTITY.prefix => care::documents(store, ids).await,
        _ => party::documents(store, ids).await,
    }
}

/// Rows whose documents are to be made anew.
#[derive(Default)]
struct Rows {
    articles: BTreeSet<Uuid>,
    bills: BTreeSet<Uuid>,
    customers: BTreeSet<Uuid>,
    products: BTreeSet<Uuid>,
    tickets: BTreeSet<Uuid>,
}
impl Rows {
    fn of(&self, kind: &EntityKind) -> &BTreeSet<Uuid> {
        match kind.prefix {
            p if p == article::ENTITY.prefix => &self.articles,
            p if p == bill::ENTITY.prefix => &self.bills,
            p if p == product::ENTITY.prefix => &self.products,
            p if p == ticket::ENTITY.prefix => &self.tickets,
            _ => &self.customers,
        }
    }
    /// The rows whose documents these entries touch: one query per kind that is part of another's document.
    async fn touched(store: &Store, entries: &[change::Model]) -> Result<Self> {
        let mut ids: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
        for e in entries {
            ids.entry(&e.entity_type).or_default().push(e.entity_id);
        }
        let mut take = |kind: &EntityKind| ids.remove(kind.name).unwrap_or_default();
        let mut rows = Rows {
            articles: take(&article::ENTITY).into_iter().collect(),
            bills: take(&bill::ENTITY).into_iter().collect(),
            customers: take(party::KIND).into_iter().collect(),
            products: take(&product::ENTITY).into_iter().collect(),
            tickets: take(&ticket::ENTITY).into_iter().collect(),
        };
        let (versions, notes) = (take(&article_version::ENTITY), take(&ticket_note::ENTITY));
        let (media, mut people) = (take(&contact_medium::ENTITY), take(&person::ENTITY));
        if !versions.is_empty() {
            rows.articles.extend(knowledge::of_versions(store, versions).await?);
        }
        if !notes.is_empty() {
            rows.tickets.extend(care::of_notes(store, notes).await?);
        }
        if !media.is_empty() {
            people.extend(party::of_media(store, media).await?);
        }
        if !people.is_empty() {
            rows.customers.extend(party::of_parties(store, people).await?);
        }
        // A line's number is among its customer's; a row that went says no more than whose it was.
        let gone = |e: &&change::Model, kind: &EntityKind| e.operation == Operation::Delete && e.entity_type == kind.name;
        let of = |kind: &'static EntityKind| entries.iter().filter(move |e| gone(e, kind)).filter_map(|e| e.customer_id);
        rows.customers.extend(entries.iter().filter(|e| e.entity_type == product::ENTITY.name).filter_map(|e| e.customer_id));
        rows.customers.extend(of(&contact_medium::ENTITY));
        let bereft: Vec<_> = of(&ticket_note::ENTITY).collect();
        if !bereft.is_empty() {
            rows.tickets.extend(care::of_customers(store, bereft).await?);
        }
        Ok(rows)
    }
    async fn of_customers(store: &Store, ids: Vec<Uuid>) -> Result<Self> {
        let tickets = care::of_customers(store, ids.clone()).await?.into_iter().collect();
        let (products, bills) = owned::of_customers(store, ids.clone()).await?;
        Ok(Rows {
            articles: BTreeSet::new(),
            bills: bills.into_iter().collect(),
            customers: ids.into_iter().collect(),
            products: products.into_iter().collect(),
            tickets,
        })
    }
}

/// Tantivy waits for disks and threads: not on a thread that serves requests.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> tantivy::Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(e) => Err(tantivy::TantivyError::SystemError(e.to_string()).into()),
    }
}
