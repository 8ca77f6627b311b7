//! Reading connections whose statements end with the request that waits for them. Whoever drops a read before it is
//! over (a deadline has passed, the caller has gone) stops the statement in the database too, not only the waiting.
use futures::FutureExt;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    metric::Info,
    sqlx::{self, AssertSqlSafe, Postgres, Row, Sqlite, pool::PoolConnection, postgres::PgConnection, sqlite::SqliteConnection},
};
use sea_query_sqlx::SqlxValues;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, time::timeout};

/// Several connections, each lent to one statement at a time. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Lanes>);

/// After how many looks a statement of SQLite lets other threads have its core: one that takes long holds up those that do
/// not. PostgreSQL has its own processes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Turns(Arc<AtomicU32>);
impl Turns {
    pub const USUAL: u32 = 16;
    /// Others need the core more. Beside an agent that asked in a loop, the others' p99 on one core was 3 ms instead of 5 to 8;
    /// always, it would cost a tenth of what can be done.
    pub const OFTEN: u32 = 4;
    /// Others can wait, and it costs less to serve many of them at once: at four times what one core can do, it did a tenth to a fifth more.
    pub const SELDOM: u32 = 256;

    pub fn set(&self, looks: u32) {
        self.0.store(looks, Ordering::Relaxed);
    }
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
impl Default for Turns {
    fn default() -> Self {
        Turns(Arc::new(AtomicU32::new(Self::USUAL)))
    }
}

struct Lanes {
    idle: Mutex<VecDeque<Lane>>,
    free: Semaphore,
    connections: usize,
    backend: DbBackend,
    /// Beside the others, as they are busy when this is needed. PostgreSQL only: SQLite is in this process.
    canceller: Option<DatabaseConnection>,
    turns: Turns,
    observe: Option<Box<dyn Fn(&Info<'_>) + Send + Sync>>,
}

/// One connection, and how its statement is stopped.
struct Lane {
    /// A pool of one: it connects when first used, and again after a fault.
    db: DatabaseConnection,
    /// Its connection, from one statement to the next; none before the first, and after a fault.
    kept: Option<Kept>,
    /// SQLite: asked every [`STEPS`] of a running statement.
    stop: Arc<AtomicBool>,
    /// PostgreSQL: the process that runs the statements; none before it is connected.
    process: Arc<Mutex<Option<Process>>>,
}
impl Lane {
    fn process(&self) -> Option<Process> {
        self.process.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}
/// A process of the server. Ids are given again: since when it runs tells it from another.
#[derive(Clone, Debug, PartialEq)]
struct Process {
    pid: i32,
    since: String,
}

/// Steps of SQLite's machine between two looks at `stop`: some ten microseconds, at a price that cannot be measured.
const STEPS: i32 = 1000;
/// How long a read waits for a connection.
const WAIT: Duration = Duration::from_secs(10);

impl Reader {
    /// `options` are those of a pool of one.
    pub(crate) async fn open(connections: u32, options: impl Fn() -> ConnectOptions, backend: DbBackend) -> Result<Self, DbErr> {
        let (mut idle, turns) = (VecDeque::new(), Turns::default());
        for _ in 0..connections {
            let (stop, process) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
            let mut one = options();
            one.max_connections(1).min_connections(0).connect_lazy(true);
            match backend {
                DbBackend::Sqlite => stoppable(&mut one, stop.clone(), turns.clone()),
                _ => known(&mut one, process.clone()),
            }
            idle.push_back(Lane { db: Database::connect(one).await?, kept: None, stop, process });
        }
        let canceller = match backend {
            DbBackend::Postgres => {
                let mut one = options();
                one.max_connections(1).min_connections(0).connect_lazy(true);
                Some(Database::connect(one).await?)
            }
            _ => None,
        };
        let (free, connections) = (Semaphore::new(idle.len()), idle.len());
        Ok(Reader(Arc::new(Lanes { idle: Mutex::new(idle), free, connections, backend, canceller, turns, observe: None })))
    }
    /// Tells `observe` of every statement.
    pub(crate) fn observed(self, observe: impl Fn(&Info<'_>) + Send + Sync + 'static) -> Self {
        let idle = std::mem::take(&mut *self.0.idle());
        let (free, connections) = (Semaphore::new(idle.len()), self.0.connections);
        let (backend, canceller, turns) = (self.0.backend, self.0.canceller.clone(), self.0.turns.clone());
        Reader(Arc::new(Lanes { idle: Mutex::new(idle), free, connections, backend, canceller, turns, observe: Some(Box::new(observe)) }))
    }
    /// How many statements run at a time.
    pub fn connections(&self) -> usize {
        self.0.connections
    }
    /// Where it is said how often statements take turns with other threads.
    pub fn turns(&self) -> &Turns {
        &self.0.turns
    }
    async fn lend(&self) -> Result<Lent, DbErr> {
        let free = timeout(WAIT, self.0.free.acquire()).await;
        let (Ok(Ok(permit)), Some(lane)) = (free, self.0.idle().pop_front()) else {
            return Err(DbErr::Conn(RuntimeErr::Internal(format!("no connection for reading became free in {} s", WAIT.as_secs()))));
        };
        permit.forget(); // comes back with the lane
        Ok(Lent { lanes: self.0.clone(), lane: Some(lane), over: false })
    }
}

impl Lanes {
    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Lane>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }
    fn give_back(&self, lane: Lane) {
        // Before the others: what it and its process remember is still warm.
        self.idle().push_front(lane);
        self.free.add_permits(1);
    }
    /// Stops what runs on a lane, and waits until it has stopped.
    async fn stop(&self, lane: &Lane) {
        const PATIENCE: Duration = Duration::from_millis(200);
        const APART: Duration = Duration::from_millis(5);
        lane.stop.store(true, Ordering::Release);
        let old = lane.process();
        let mut ping = lane.db.ping().boxed();
        loop {
            let replaced = lane.process() != old;
            let works = self.still_works(old.as_ref(), replaced).await;
            // A ping is not given up: it may be connecting anew, which takes its time.
            match timeout(PATIENCE, &mut ping).await {
                // A statement that was still on its way when the process was looked at comes before a ping by the same
                // connection. By a new one it tells nothing of the old process: that has to be gone.
                Ok(Ok(())) if !works && (lane.process() != old) == replaced => break,
                Ok(answer) => {
                    ping = lane.db.ping().boxed();
                    tokio::time::sleep(if answer.is_ok() { APART } else { PATIENCE }).await;
                }
                Err(_) => {}
            }
        }
        lane.stop.store(false, Ordering::Release);
    }
    /// Cancels what a process works on; one whose connection was replaced is ended. Whether there was anything to do.
    async fn still_works(&self, process: Option<&Process>, replaced: bool) -> bool {
        let (Some(canceller), Some(process)) = (&self.canceller, process) else { return false };
        let (stop, whom) = if replaced { ("pg_terminate_backend", "true") } else { ("pg_cancel_backend", "state = 'active'") };
        let sql = format!("select {stop}(pid) from pg_stat_activity where pid = $1 and backend_start::text = $2 and {whom}");
        let values = [process.pid.into(), process.since.as_str().into()];
        match canceller.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await {
            Ok(row) => row.is_some(),
            Err(error) => {
                tracing::warn!(%error, "a statement could not be stopped; it will be tried again");
                true
            }
        }
    }
}

/// A lane in use.
struct Lent {
    lanes: Arc<Lanes>,
    /// Until it is given back.
    lane: Option<Lane>,
    /// The statement has ended by itself.
    over: bool,
}
impl Lent {
    /// Runs a statement on the lane's own connection, which stays with the lane unless something went wrong.
    async fn run<T>(mut self, statement: &Statement, run: impl AsyncFnOnce(&mut Kept) -> Result<T, sqlx::Error>) -> Result<T, DbErr> {
        let Some(lane) = &mut self.lane else { return Err(DbErr::Conn(RuntimeErr::Internal("a lane was given back".into()))) };
        let started = self.lanes.observe.as_ref().map(|_| Instant::now());
        let result = match lane.connection().await {
            Ok(kept) => run(kept).await.map_err(|e| DbErr::Query(RuntimeErr::SqlxError(Arc::new(e)))),
            Err(e) => Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(e)))),
        };
        if let (Some(observe), Some(started)) = (&self.lanes.observe, started) {
            observe(&Info { elapsed: started.elapsed(), statement, failed: result.is_err() });
        }
        if result.is_err() {
            lane.kept = None; // its pool finds out whether it still works
        }
        self.over = true;
        result
    }
}
impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut lane) = self.lane.take() else { return };
        if self.over {
            return self.lanes.give_back(lane);
        }
        lane.stop.store(true, Ordering::Release); // at once; the rest needs to wait
        let lanes = self.lanes.clone();
        // Without a runtime the process is ending, and its connections with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                lane.kept = None; // its pool hears the rest of what the statement had to say
                lanes.stop(&lane).await;
                lanes.give_back(lane);
            });
        }
    }
}

/// A connection that is not given back after each statement: sqlx would ask the database each time whether it works.
enum Kept {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}
impl Kept {
    async fn one(&mut self, statement: &Statement) -> Result<Option<QueryResult>, sqlx::Error> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Kept::Postgres(c) => sqlx::query_with(sql, values).fetch_optional(&mut **c).await?.map(Into::into),
            Kept::Sqlite(c) => sqlx::query_with(sql, values).fetch_optional(&mut **c).await?.map(Into::into),
        })
    }
    async fn all(&mut self, statement: &Statement) -> Result<Vec<QueryResult>, sqlx::Error> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Kept::Postgres(c) => sqlx::query_with(sql, values).fetch_all(&mut **c).await?.into_iter().map(Into::into).collect(),
            Kept::Sqlite(c) => sqlx::query_with(sql, values).fetch_all(&mut **c).await?.into_iter().map(Into::into).collect(),
        })
    }
    async fn execute(&mut self, statement: &Statement) -> Result<ExecResult, sqlx::Error> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Kept::Postgres(c) => sqlx::query_with(sql, values).execute(&mut **c).await?.into(),
            Kept::Sqlite(c) => sqlx::query_with(sql, values).execute(&mut **c).await?.into(),
        })
    }
}
/// The caller of a verb wrote the text: nothing of a request is in it.
fn parts(statement: &Statement) -> (AssertSqlSafe<&str>, SqlxValues) {
    (AssertSqlSafe(statement.sql.as_str()), SqlxValues(statement.values.clone().unwrap_or(Values(vec![]))))
}
impl Lane {
    async fn connection(&mut self) -> Result<&mut Kept, sqlx::Error> {
        if self.kept.is_none() {
            self.kept = Some(Box::pin(self.take()).await?); // many times as large as all else of a read, and rare
        }
        self.kept.as_mut().ok_or(sqlx::Error::PoolClosed)
    }
    async fn take(&self) -> Result<Kept, sqlx::Error> {
        Ok(match self.db.get_database_backend() {
            DbBackend::Postgres => Kept::Postgres(self.db.get_postgres_connection_pool().acquire().await?),
            _ => Kept::Sqlite(self.db.get_sqlite_connection_pool().acquire().await?),
        })
    }
}
impl Drop for Lane {
    fn drop(&mut self) {
        // To be given back a connection needs a runtime. Where there is none, the process is ending.
        if tokio::runtime::Handle::try_current().is_err() {
            match self.kept.take() {
                Some(Kept::Postgres(c)) => drop(c.leak()),
                Some(Kept::Sqlite(c)) => drop(c.leak()),
                None => {}
            }
        }
    }
}

fn stoppable(options: &mut ConnectOptions, stop: Arc<AtomicBool>, turns: Turns) {
    options.map_sqlx_sqlite_pool_opts(move |pool| {
        let (stop, turns) = (stop.clone(), turns.clone());
        pool.after_connect(move |connection: &mut SqliteConnection, _| {
            let (stop, turns) = (stop.clone(), turns.clone());
            Box::pin(async move {
                let mut looks = 0u32;
                connection.lock_handle().await?.set_progress_handler(STEPS, move || {
                    looks += 1;
                    if looks >= turns.get() {
                        looks = 0;
                        std::thread::yield_now();
                    }
                    !stop.load(Ordering::Acquire)
                });
                Ok(())
            })
        })
    });
}
fn known(options: &mut ConnectOptions, process: Arc<Mutex<Option<Process>>>) {
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let process = process.clone();
        pool.after_connect(move |connection: &mut PgConnection, _| {
            let process = process.clone();
            Box::pin(async move {
                let sql = "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()";
                let row = sea_orm::sqlx::query(sql).fetch_one(connection).await?;
                *process.lock().unwrap_or_else(|e| e.into_inner()) = Some(Process { pid: row.try_get(0)?, since: row.try_get(1)? });
                Ok(())
            })
        })
    });
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lend().await?.run(&statement, async |c| c.execute(&statement).await).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.0.backend, sql)).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lend().await?.run(&statement, async |c| c.one(&statement).await).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lend().await?.run(&statement, async |c| c.all(&statement).await).await
    }
}
