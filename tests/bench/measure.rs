//! One comparison: several servers do the same work in turn, some rounds long, so that noise of the machine hits all
//! alike.
use crate::{
    Bench, Result,
    cpu::{Meter, memory_mb},
    ground::Database,
    load::{self, Draw, Target, closed, open},
    report::{Row, Spread},
};
use sea_orm::{ConnectionTrait, Database as Connections, DbBackend, Statement};
use std::time::Duration;

/// What a server is in a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Hub,
    Limit,
    Peer,
}
/// A server and the questions that it is asked.
pub struct Contestant {
    pub who: String,
    pub role: Role,
    pub target: Target,
    pub meter: Meter,
    pub draw: Draw,
}

/// One run of one server.
struct Round {
    per_s: f64,
    server_ms: f64,
    database_ms: f64,
    per_cpu_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}
/// Connections where the rate is fixed: enough that nobody waits for one.
const OPEN_CONNECTIONS: usize = 64;
/// The share of its best rate at which a server has to answer in time.
const EASY: f64 = 0.7;
/// Questions over which statements are counted.
const COUNTED: u32 = 200;

/// Measures all of them. The rows stand in the order of the contestants.
pub async fn contest(bench: &mut Bench, scenario: &str, database: Database, all: &mut [Contestant]) -> Result<Vec<Row>> {
    let seconds = Duration::from_secs_f64(bench.options.seconds);
    for c in all.iter_mut() {
        let told = |e| format!("{scenario}, {}, {}: {e}", database.name(), c.who);
        closed(c.target, bench.options.connections, (seconds / 4).min(Duration::from_secs(2)), &mut c.draw).await.whole().map_err(told)?;
    }
    let mut rounds: Vec<Vec<Round>> = all.iter().map(|_| vec![]).collect();
    for n in 1..=bench.options.rounds {
        for (i, rounds) in rounds.iter_mut().enumerate() {
            calm(all).await?;
            let c = &mut all[i];
            let round = one(c, bench.options.connections, seconds).await.map_err(|e| format!("{scenario}, {}, {}: {e}", database.name(), c.who))?;
            eprintln!(
                "{scenario}, {}, round {n}: {} {:.0}/s, {:.3} + {:.3} ms CPU, p99 {:.2} ms",
                database.name(),
                c.who,
                round.per_s,
                round.server_ms,
                round.database_ms,
                round.p99_ms
            );
            rounds.push(round);
        }
    }
    let (mut rows, at) = (vec![], all.iter().map(|c| c.role).collect::<Vec<_>>());
    for i in 0..all.len() {
        calm(all).await?;
        let c = &mut all[i];
        let mut row = summed(scenario, database, &c.who, &rounds[i]);
        row.memory_mb = memory_mb(c.meter.server)?;
        row.statements = statements(bench, database, c).await?;
        let easy = open(c.target, OPEN_CONNECTIONS, row.per_s.median * EASY, seconds, &mut c.draw).await.whole()?;
        (row.p50_ms_at_70, row.p99_ms_at_70) = (Some(easy.ms(0.5)), Some(easy.ms(0.99)));
        if c.role == Role::Hub {
            row.to_first = (i > 0).then(|| ratio(&rounds[0], &rounds[i]));
            let beside = |role: Role| at.iter().position(|r| *r == role).map(|other| ratio(&rounds[i], &rounds[other]));
            (row.to_peer, row.to_limit) = (beside(Role::Peer), beside(Role::Limit));
        }
        rows.push(row);
    }
    Ok(rows)
}
/// Work per CPU second beside another's, round by round.
fn ratio(ours: &[Round], theirs: &[Round]) -> Spread {
    Spread::of(ours.iter().zip(theirs).map(|(a, b)| a.per_cpu_s / b.per_cpu_s))
}
/// Waits until none of them works any more. What one has left to do (the hub writes down who looked at whom) would count
/// as the next one's, by the database and the cores.
async fn calm(all: &[Contestant]) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(1200); // the hub writes once a second
    const MOST_LOOKS: usize = 50;
    const IDLE_S: f64 = 0.1; // looking at the change log takes two hundredths, and twice that on a slow day
    let read = || all.iter().map(|c| c.meter.read()).collect::<Result<Vec<_>>>();
    for _ in 0..MOST_LOOKS {
        let before = read()?;
        tokio::time::sleep(LOOK).await;
        if read()?.into_iter().zip(before).all(|(now, before)| now.since(before).total_s() < IDLE_S) {
            return Ok(());
        }
    }
    let names: Vec<_> = all.iter().map(|c| c.who.as_str()).collect();
    Err(format!("one of these is never idle, and what is measured would not be theirs alone: {}", names.join("; ")).into())
}
async fn one(c: &mut Contestant, connections: usize, seconds: Duration) -> Result<Round> {
    let before = c.meter.read()?;
    let tally = closed(c.target, connections, seconds, &mut c.draw).await.whole()?;
    let used = c.meter.read()?.since(before);
    let per_request_ms = |s: f64| s * 1000.0 / tally.ok as f64;
    Ok(Round {
        per_s: tally.per_s(),
        server_ms: per_request_ms(used.server_s),
        database_ms: per_request_ms(used.database_s),
        per_cpu_s: tally.ok as f64 / used.total_s().max(0.001),
        p50_ms: tally.ms(0.5),
        p99_ms: tally.ms(0.99),
    })
}
fn summed(scenario: &str, database: Database, who: &str, rounds: &[Round]) -> Row {
    let of = |get: fn(&Round) -> f64| Spread::of(rounds.iter().map(get));
    Row {
        scenario: scenario.into(),
        database: database.name().into(),
        who: who.into(),
        per_s: of(|r| r.per_s),
        server_ms: of(|r| r.server_ms),
        database_ms: of(|r| r.database_ms),
        per_cpu_s: of(|r| r.per_cpu_s),
        p50_ms: of(|r| r.p50_ms),
        p99_ms: of(|r| r.p99_ms),
        ..Row::default()
    }
}

/// How many SQL statements one question takes; none where nobody counts them (SQLite, or PostgreSQL without its module).
async fn statements(bench: &mut Bench, database: Database, c: &mut Contestant) -> Result<Option<f64>> {
    const CALLS: &str = "select sum(calls)::float8 from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname <> 'postgres'";
    if database == Database::Sqlite || !bench.ground.cluster().await?.counts {
        return Ok(None);
    }
    let cluster = bench.ground.cluster().await?;
    cluster.admin("create extension if not exists pg_stat_statements").await?;
    cluster.count(true).await?;
    cluster.admin("select pg_stat_statements_reset()").await?;
    let mut connection = load::Connection::new(c.target);
    for _ in 0..COUNTED {
        connection.ask((c.draw)()).await?;
    }
    let db = Connections::connect(cluster.url("postgres")).await?;
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, CALLS)).await?.ok_or("no count of statements")?;
    let calls: Option<f64> = row.try_get_by_index(0)?;
    db.close().await?;
    cluster.count(false).await?;
    Ok(calls.map(|calls| calls / f64::from(COUNTED)))
}
