//! Who may see and change what: the whole graph against an oracle of its own, canaries in every text, and writes that
//! touch nothing of anybody else's.

mod callers;
mod matrix;
mod oracle;
mod policy;
mod tables;
mod world;

use matrix::Matrix;

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_sees_every_field_of_every_row_as_the_rules_say() {
    matrix::every_kind_is_known();
    let (seeded, whole, policies) = (world::seeded().await, schema::whole(), policy::policies());
    for world in world::worlds(&seeded).await {
        let matrix = Matrix::new(&seeded, &world, &whole, &policies).await;
        let mut all = 0;
        let lite = world.store.backend() == sea_orm::DbBackend::Sqlite;
        for (i, who) in callers::callers(&seeded, &world.store).await.into_iter().enumerate() {
            // the rules are one text for both databases: an ordinary run has some callers of each kind on the other
            if !lite && i % 5 != 2 && std::env::var_os("PROOF").is_none() {
                continue;
            }
            let cells = matrix.check(&who).await;
            println!("{cells:7} cells for {}", who.name);
            all += cells;
        }
        println!("{all:7} cells in all on {:?}, {} rows", world.store.backend(), seeded.rows.len());
        assert!(all > 50_000, "{all} cells");
    }
}
