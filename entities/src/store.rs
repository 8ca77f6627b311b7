//! The database: reading connections, one way to write, and the change log that every write leaves behind.
use crate::{
    bulk::insert_all,
    clock::Clock,
    error::{Error, Result},
    id::Id,
    model::EntityKind,
    outbox::{
        change::{self, Operation},
        feed::{Feed, LOOK_EVERY},
    },
    privacy::{
        audit_event::{self, Action, ActorAudience},
        state_change,
    },
    reader::Reader,
    scope::Scope,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    Statement, TransactionOptions, TransactionTrait, prelude::Uuid, sqlx::sqlite::SqliteJournalMode,
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;

/// A database of the hub. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    reader: Reader,
    /// For what is read row by row for as long as it takes.
    bulk: DatabaseConnection,
    writer: DatabaseConnection,
    clock: Clock,
    /// The last position of the change log that this process knows of: wakes whoever follows it.
    written: Arc<watch::Sender<i64>>,
    feed: Feed,
}

impl Store {
    /// Opens `sqlite://FILE` (made when missing) or `postgres://…`, with so many connections for reading. Does not migrate.
    pub async fn open(url: &str, pool: u32, clock: Clock) -> Result<Self> {
        let lite = url.starts_with("sqlite:");
        let options = |connections: u32| {
            let mut o = ConnectOptions::new(url);
            o.max_connections(connections).min_connections(1).sqlx_logging(false).test_before_acquire(false).acquire_timeout(Duration::from_secs(10));
            if lite {
                o.map_sqlx_sqlite_opts(|s| {
                    s.create_if_missing(true)
                        .journal_mode(SqliteJournalMode::Wal)
                        .busy_timeout(Duration::from_secs(10))
                        .foreign_keys(true)
                        .pragma("synchronous", "FULL") // an acknowledged write survives a power cut
                        .pragma("temp_store", "MEMORY") // nothing is mapped: each write would unmap the file for all readers
                });
            }
            o
        };
        // SQLite has one writer: a pool of one queues the others instead of letting them meet a lock.
        let writer = Database::connect(options(if lite { 1 } else { pool })).await?;
        let bulk = if lite { Database::connect(options(pool)).await? } else { writer.clone() };
        let reader = Reader::open(pool, || options(1), writer.get_database_backend()).await?;
        Ok(Store { reader, bulk, writer, clock, written: Arc::new(watch::Sender::new(0)), feed: Feed::new(pool) })
    }
    /// A copy of a SQLite database in a new file, for what is to be tried without holding up its one writer. None for
    /// PostgreSQL, where a transaction that is never committed holds up only those who want the same rows.
    pub async fn copy_to(&self, file: &Path) -> Result<Option<Self>> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(None);
        }
        let name = file.display().to_string();
        self.bulk.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "vacuum into ?", [name.as_str().into()])).await?;
        let url = format!("sqlite://{}", name.replace('%', "%25").replace('?', "%3F"));
        Ok(Some(Self::open(&url, 1, self.clock.clone()).await?))
    }
    /// For reading; a read that is dropped stops in the database too. What it returns has no row rule: start from
    /// [`Scope::find`].
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
    /// For reading whole tables as a stream.
    pub fn bulk(&self) -> &DatabaseConnection {
        &self.bulk
    }
    /// For migrations and bulk work that brings its own transactions.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
    /// Tells `observe` of every statement: how long it took, and whether it failed. Before the store is shared.
    pub fn observed(mut self, observe: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + Clone + 'static) -> Self {
        self.reader = self.reader.observed(observe.clone());
        self.bulk.set_metric_callback(observe.clone());
        self.writer.set_metric_callback(observe);
        self
    }
    /// Wakes when the change log has grown: at once where this process wrote, and where another did as soon as
    /// [`Store::tail`] sees it. The value is a position of the log.
    pub fn written(&self) -> watch::Receiver<i64> {
        self.written.subscribe()
    }
    /// Looks at the change log for what other processes wrote, until `shutdown` is done.
    pub async fn tail(&self, shutdown: impl Future<Output = ()> + Send) {
        const LONGEST_PAUSE: Duration = Duration::from_secs(10);
        let mut pause = LOOK_EVERY;
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(pause) => {}
            }
            match self.position().await {
                Ok(position) => {
                    pause = LOOK_EVERY;
                    wake(&self.written, position);
                }
                Err(error) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    tracing::warn!(%error, "the change log cannot be looked at; it is tried again");
                }
            }
        }
    }
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }
    /// The last position of the change log at which something changed that says who a customer's login is. It may be a
    /// fifth of a second old.
    pub async fn logins_position(&self) -> Result<i64> {
        self.feed.logins(self).await
    }
    /// Starts a transaction on behalf of a caller.
    pub async fn write(&self, scope: &Scope) -> Result<Write> {
        let options = TransactionOptions { sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate), ..Default::default() };
        let tx = self.writer.begin_with_options(options).await?;
        let at = self.clock.now();
        Ok(Write { tx, scope: scope.clone(), by: Arc::new(scope.into()), at, changes: vec![], audits: vec![], written: self.written.clone() })
    }
    /// The last position of the change log.
    pub async fn position(&self) -> Result<i64> {
        let row = self.reader.query_one_raw(Statement::from_string(self.backend(), "select position from change_head where id = 1")).await?;
        Ok(row.map(|r| r.try_get_by_index(0)).transpose()?.unwrap_or(0))
    }
}

/// (what happened, kind, row, customer, partner).
type Changed = (Operation, &'static str, Uuid, Option<Uuid>, Option<Uuid>);
struct Audit {
    by: Arc<By>,
    action: Action,
    entity: &'static str,
    entity_id: Option<Uuid>,
    customer: Option<Uuid>,
    fields: Vec<String>,
    reason: Option<String>,
}
/// Who does something, as the audit log names them.
pub struct By {
    subject: String,
    audience: ActorAudience,
    acting_for: Option<String>,
    reason: Option<String>,
    request_id: Option<String>,
}
impl From<&Scope> for By {
    fn from(scope: &Scope) -> Self {
        // PostgreSQL takes no text with it, and one such row would keep all those from being written that go with it
        let text = |s: &str| s.replace('\0', "\u{fffd}");
        // who acts as another is the one who acts
        let (subject, acting_for, audience) = match &scope.actor {
            Some(agent) => (text(agent), Some(text(&scope.subject)), ActorAudience::Agent),
            None => (text(&scope.subject), None, scope.audience.into()),
        };
        By { subject, audience, acting_for, reason: scope.reason.as_deref().map(text), request_id: scope.request_id.as_deref().map(text) }
    }
}

/// A transaction on behalf of a caller. It gathers what changed and appends it to the change log when it commits;
/// dropped without commit, nothing happened.
pub struct Write {
    tx: DatabaseTransaction,
    scope: Scope,
    by: Arc<By>,
    at: DateTime<Utc>,
    changes: Vec<Changed>,
    audits: Vec<Audit>,
    written: Arc<watch::Sender<i64>>,
}
impl Write {
    pub fn tx(&self) -> &DatabaseTransaction {
        &self.tx
    }
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
    /// One instant for everything in this transaction.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }
    /// Notes for the change log that a row came, changed or went.
    pub fn changed(&mut self, operation: Operation, kind: &'static EntityKind, id: Uuid, customer: Option<Uuid>, partner: Option<Uuid>) {
        self.changes.push((operation, kind.name, id, customer, partner));
    }
    /// Notes for the audit log what the caller did, and which fields it touched.
    pub fn audit(&mut self, action: Action, kind: &'static EntityKind, id: Uuid, customer: Option<Uuid>, fields: &[&str]) {
        self.audit_of(self.by.clone(), action, kind, id, customer, fields);
    }
    /// The same of others: what many did can be written down at once.
    pub fn audit_of(&mut self, by: Arc<By>, action: Action, kind: &'static EntityKind, id: Uuid, customer: Option<Uuid>, fields: &[&str]) {
        let fields = fields.iter().map(|f| f.to_string()).collect();
        self.audits.push(Audit { by, action, entity: kind.name, entity_id: Some(id), customer, fields, reason: None });
    }
    /// Why the caller did what was noted last.
    pub fn because(&mut self, reason: String) {
        if let Some(last) = self.audits.last_mut() {
            last.reason = Some(reason);
        }
    }
    /// Writes a change of status: durations are made of these.
    pub async fn state(
        &mut self,
        kind: &'static EntityKind,
        id: Uuid,
        owner: (Option<Uuid>, Option<Uuid>),
        from: Option<&str>,
        to: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        let row = state_change::ActiveModel {
            id: Set(crate::id::at(self.at)),
            customer_id: Set(owner.0),
            partner_id: Set(owner.1),
            entity_type: Set(kind.name.into()),
            entity_id: Set(id),
            from_state: Set(from.map(Into::into)),
            to_state: Set(to.into()),
            reason: Set(reason.map(Into::into)),
            actor: Set(self.actor()),
            changed_at: Set(self.at),
        };
        state_change::Entity::insert(row).exec_without_returning(&self.tx).await?;
        Ok(())
    }
    /// The class of the caller, for rows that say who did something without naming anybody.
    pub fn actor(&self) -> String {
        self.scope.audience.name().into()
    }
    /// The next number of a counter in the head row (`ticket_no`). Held until the commit.
    pub async fn next_ticket_no(&mut self) -> Result<i64> {
        let sql = "update change_head set ticket_no = ticket_no + 1 where id = 1 returning ticket_no";
        let row = self.tx.query_one_raw(Statement::from_string(self.tx.get_database_backend(), sql)).await?;
        Ok(row.ok_or_else(missing_head)?.try_get_by_index(0)?)
    }
    /// Numbers up to this one are not given any more.
    pub async fn ticket_no_past(&self, last: i64) -> Result<()> {
        let sql = "update change_head set ticket_no = $1 where id = 1 and ticket_no < $1";
        self.tx.execute_raw(Statement::from_sql_and_values(self.tx.get_database_backend(), sql, [last.into()])).await?;
        Ok(())
    }
    /// Appends what changed to the change log and commits. Returns the log's last position.
    pub async fn commit(self) -> Result<i64> {
        let mut position = 0;
        if !self.changes.is_empty() || !self.audits.is_empty() {
            position = self.append().await?;
        }
        self.tx.commit().await?;
        wake(&self.written, position);
        Ok(position)
    }
    /// The head row is locked from here to the commit: positions have no gaps and become visible in order.
    async fn append(&self) -> Result<i64> {
        let (n, audits) = (self.changes.len() as i64, self.audits.len() as i64);
        let backend = self.tx.get_database_backend();
        let sql = "update change_head set position = position + $1, audit_position = audit_position + $2 where id = 1 returning position, audit_position, audit_hash";
        let head = self.tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [n.into(), audits.into()])).await?.ok_or_else(missing_head)?;
        let (last, last_audit, mut hash): (i64, i64, String) = (head.try_get_by_index(0)?, head.try_get_by_index(1)?, head.try_get_by_index(2)?);
        let rows = self.changes.iter().enumerate().map(|(i, c)| change::ActiveModel {
            position: Set(last - n + 1 + i as i64),
            at: Set(self.at),
            operation: Set(c.0),
            entity_type: Set(c.1.into()),
            entity_id: Set(c.2),
            customer_id: Set(c.3),
            partner_id: Set(c.4),
        });
        insert_all(&self.tx, rows.collect()).await?;
        let mut sealed = vec![];
        for (i, a) in self.audits.iter().enumerate() {
            let row = self.seal(last_audit - audits + 1 + i as i64, a, &hash);
            hash.clone_from(row.hash.as_ref());
            sealed.push(row);
        }
        if !sealed.is_empty() {
            insert_all(&self.tx, sealed).await?;
            self.tx
                .execute_raw(Statement::from_sql_and_values(backend, "update change_head set audit_hash = $1 where id = 1", [hash.into()]))
                .await?;
        }
        Ok(last)
    }
    /// Each audit row holds the hash of the one before: a row taken out or changed later shows.
    fn seal(&self, position: i64, a: &Audit, prev: &str) -> audit_event::ActiveModel {
        let id = crate::id::at(self.at);
        let (fields, by) = (serde_json::json!(a.fields), &a.by);
        let mut row = audit_event::Model {
            position,
            id,
            at: self.at,
            actor_subject: by.subject.clone(),
            actor_audience: by.audience,
            acting_for: by.acting_for.clone(),
            action: a.action,
            entity_type: a.entity.into(),
            entity_id: a.entity_id,
            customer_id: a.customer,
            fields,
            reason: a.reason.as_ref().or(by.reason.as_ref()).cloned(),
            request_id: by.request_id.clone(),
            prev_hash: prev.into(),
            hash: String::new(),
            salt: None,
            words_digest: None,
        };
        audit_event::seal::close(&mut row);
        row.into_active_model()
    }
}

/// Only for a position that is news.
fn wake(written: &watch::Sender<i64>, position: i64) {
    written.send_if_modified(|last| {
        let news = position > *last;
        *last = position.max(*last);
        news
    });
}

/// The public id of a row, for messages and stored answers.
pub fn public_id(kind: &'static EntityKind, id: Uuid) -> String {
    Id::new(kind, id).to_string()
}

fn missing_head() -> Error {
    Error::Invalid("the change log has no head row: the database was not migrated".into())
}
