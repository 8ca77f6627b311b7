//! Who may see and change what: the whole graph against an oracle of its own, canaries in every text, and writes that
//! touch nothing of anybody else's.

mod callers;
mod canary;
mod matrix;
mod mutants;
mod oracle;
mod paths;
mod policy;
mod scopes;
mod tables;
mod world;
mod writes;

use matrix::Matrix;

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_sees_every_field_of_every_row_as_the_rules_say() {
    matrix::every_kind_is_known();
    let (seeded, whole, policies) = (world::seeded().await, schema::whole(), policy::policies());
    for world in world::worlds(&seeded).await {
        let matrix = Matrix::new(&seeded, &world, &whole, &policies).await;
        let (mut all, every) = (0, callers::callers(&seeded, &world.store).await);
        for who in chosen(&world, &every) {
            let cells = matrix.check(who).await;
            println!("{cells:7} cells for {}", who.name);
            all += cells;
        }
        println!("{all:7} cells in all on {:?}, {} rows", world.store.backend(), seeded.rows.len());
        assert!(all > 50_000, "{all} cells");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_rule_picks_the_rows_of_the_oracle() {
    use sea_orm::{ConnectionTrait, sea_query::Query};
    let seeded = world::seeded().await;
    for world in world::worlds(&seeded).await {
        for who in callers::callers(&seeded, &world.store).await {
            for kind in entities::KINDS {
                let select = Query::select().column("id").from(kind.table).cond_where(who.scope.condition(kind)).to_owned();
                let rows = world.store.reader().query_all(&select).await.expect("rows");
                let is: std::collections::BTreeSet<uuid::Uuid> = rows.iter().map(|r| r.try_get("", "id").expect("an id")).collect();
                let oracle = oracle::Oracle(&seeded);
                assert_eq!(is, seeded.of(kind.table).filter(|r| oracle.sees(&who, r)).map(tables::Row::id).collect(), "{}: {}", who.name, kind.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_to_a_row_shows_what_its_id_shows() {
    let (seeded, whole) = (world::seeded().await, schema::whole());
    paths::every_root_is_known(&whole);
    for world in world::worlds(&seeded).await {
        let paths = paths::Paths { s: &seeded, world: &world };
        let (mut all, every) = (0, callers::callers(&seeded, &world.store).await);
        for who in chosen(&world, &every) {
            let cells = paths.check(who).await;
            println!("{cells:7} cells on paths of {}", who.name);
            all += cells;
        }
        for who in chosen(&world, &every) {
            all += paths.answers(who).await;
        }
        println!("{all:7} cells on paths in all on {:?}", world.store.backend());
        assert!(all > 2_000, "{all} cells");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_tells_of_the_rows_that_its_caller_sees() {
    let seeded = world::seeded().await;
    for world in world::worlds(&seeded).await {
        let paths = paths::Paths { s: &seeded, world: &world };
        let told = paths.streams(&callers::callers(&seeded, &world.store).await).await;
        println!("{told:7} streams on {:?}", world.store.backend());
        assert!(told > 100, "{told} streams");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_what_is_not_theirs() {
    let (seeded, whole) = (world::seeded().await, schema::whole());
    writes::every_mutation_is_known(&whole);
    for world in world::worlds(&seeded).await {
        let writes = writes::Writes { s: &seeded, world: &world };
        let (mut all, every) = (0, callers::callers(&seeded, &world.store).await);
        for who in chosen(&world, &every) {
            let cells = writes.refused(who).await;
            println!("{cells:7} writes of {} at what is not theirs", who.name);
            all += cells;
        }
        for who in chosen(&world, &every) {
            all += writes.done(who).await;
        }
        println!("{all:7} writes in all on {:?}", world.store.backend());
        assert!(all > 500, "{all} writes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_random_query_shows_a_word_of_somebody_else() {
    let seeded = world::seeded().await;
    let bait = canary::Bait::of(&seeded);
    let rounds = if std::env::var_os("PROOF").is_some() { 10_000 } else { 40 };
    let world = world::world(&seeded, crate::harness::store().await).await;
    let paths = paths::Paths { s: &seeded, world: &world };
    let (mut answered, every) = (0, callers::callers(&seeded, &world.store).await);
    for (i, who) in every.iter().enumerate() {
        answered += canary::probe(&paths, who, &bait, rounds, i as u64 * 1_000_000).await;
    }
    let asked = rounds * every.len() as u64;
    println!("{answered} of {asked} random queries answered without an error, no canary of anybody else in any");
    assert!(answered * 3 > asked);
}

/// Every row in the long run (`PROOF=1`), one in so many in the ordinary one.
fn one_in(n: usize) -> usize {
    if std::env::var_os("PROOF").is_some() { 1 } else { n }
}
/// All callers on SQLite; some of each kind on the other, as the rules are one text for both. All on both in the long run.
fn chosen<'a>(world: &crate::graph::ask::World, every: &'a [callers::Who]) -> impl Iterator<Item = &'a callers::Who> {
    let all = world.store.backend() == sea_orm::DbBackend::Sqlite || std::env::var_os("PROOF").is_some();
    every.iter().enumerate().filter(move |(i, _)| all || i % 5 == 2).map(|(_, who)| who)
}
