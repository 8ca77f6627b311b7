//! Reading connections whose statements end with the request that waits for them. Whoever drops a read before it is
//! over (a deadline has passed, the caller has gone) stops the statement in the database too, not only the waiting.
use futures::FutureExt;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    metric::Info,
    sqlx::{Row, postgres::PgConnection, sqlite::SqliteConnection},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::timeout};

/// Several connections, each lent to one statement at a time. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Lanes>);

struct Lanes {
    idle: Mutex<VecDeque<Lane>>,
    free: Semaphore,
    backend: DbBackend,
    /// Beside the others, as they are busy when this is needed. PostgreSQL only: SQLite is in this process.
    canceller: Option<DatabaseConnection>,
}

/// One connection, and how its statement is stopped.
#[derive(Clone)]
struct Lane {
    /// A pool of one: it connects when first used, and again after a fault.
    db: DatabaseConnection,
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
        let mut idle = VecDeque::new();
        for _ in 0..connections {
            let (stop, process) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
            let mut one = options();
            one.max_connections(1).min_connections(0).connect_lazy(true);
            match backend {
                DbBackend::Sqlite => stoppable(&mut one, stop.clone()),
                _ => known(&mut one, process.clone()),
            }
            idle.push_back(Lane { db: Database::connect(one).await?, stop, process });
        }
        let canceller = match backend {
            DbBackend::Postgres => {
                let mut one = options();
                one.max_connections(1).min_connections(0).connect_lazy(true);
                Some(Database::connect(one).await?)
            }
            _ => None,
        };
        let free = Semaphore::new(idle.len());
        Ok(Reader(Arc::new(Lanes { idle: Mutex::new(idle), free, backend, canceller })))
    }
    /// Tells `observe` of every statement.
    pub(crate) fn observed(&self, observe: impl Fn(&Info<'_>) + Send + Sync + Clone + 'static) -> Self {
        let mut idle = self.0.idle().clone();
        idle.iter_mut().for_each(|lane| lane.db.set_metric_callback(observe.clone()));
        let free = Semaphore::new(idle.len());
        Reader(Arc::new(Lanes { idle: Mutex::new(idle), free, backend: self.0.backend, canceller: self.0.canceller.clone() }))
    }
    async fn lend(&self) -> Result<Lent, DbErr> {
        let free = timeout(WAIT, self.0.free.acquire()).await;
        let (Ok(Ok(permit)), Some(lane)) = (free, self.0.idle().pop_front()) else {
            return Err(DbErr::Conn(RuntimeErr::Internal(format!("no connection for reading became free in {} s", WAIT.as_secs()))));
        };
        permit.forget(); // comes back with the lane
        Ok(Lent { lanes: self.0.clone(), lane, over: false })
    }
}

impl Lanes {
    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Lane>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }
    fn give_back(&self, lane: Lane) {
        // Behind the others: sqlx looks after a connection for a moment when it is given back.
        self.idle().push_back(lane);
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
    lane: Lane,
    /// The statement has ended by itself.
    over: bool,
}
impl Lent {
    fn over<T>(mut self, result: T) -> T {
        self.over = true;
        result
    }
}
impl Drop for Lent {
    fn drop(&mut self) {
        let lane = self.lane.clone();
        if self.over {
            return self.lanes.give_back(lane);
        }
        lane.stop.store(true, Ordering::Release); // at once; the rest needs to wait
        let lanes = self.lanes.clone();
        // Without a runtime the process is ending, and its connections with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                lanes.stop(&lane).await;
                lanes.give_back(lane);
            });
        }
    }
}

fn stoppable(options: &mut ConnectOptions, stop: Arc<AtomicBool>) {
    options.map_sqlx_sqlite_pool_opts(move |pool| {
        let stop = stop.clone();
        pool.after_connect(move |connection: &mut SqliteConnection, _| {
            let stop = stop.clone();
            Box::pin(async move {
                connection.lock_handle().await?.set_progress_handler(STEPS, move || !stop.load(Ordering::Acquire));
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
        let lent = self.lend().await?;
        let result = lent.lane.db.execute_raw(statement).await;
        lent.over(result)
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let lent = self.lend().await?;
        let result = lent.lane.db.execute_unprepared(sql).await;
        lent.over(result)
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let lent = self.lend().await?;
        let result = lent.lane.db.query_one_raw(statement).await;
        lent.over(result)
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let lent = self.lend().await?;
        let result = lent.lane.db.query_all_raw(statement).await;
        lent.over(result)
    }
}
