//! The harness itself: two databases that start equal, and a story that both tell alike.
use crate::harness::{self, agent, customer, customer_of, partner, partner_of, public};
use entities::{billing::bill, care::ticket};
use sea_orm::PaginatorTrait;

#[tokio::test]
async fn both_databases_tell_the_same_story() {
    for store in harness::stores().await {
        let (corp, acme) = (customer(&store, "Corp").await, partner(&store, "Acme").await);
        let ada = customer(&store, "Ada").await.child_of(&corp).await.sold_by(&acme).await;
        ada.bill("2026-01", &[("Mobile M", 2000), ("Roaming", 350)]).await;
        ada.ticket("No signal").await;
        for (who, scope, seen) in [
            ("agent", agent(), 1),
            ("Ada", customer_of(ada.id), 1),
            ("her enterprise", customer_of(corp.id), 1),
            ("her partner", partner_of(acme.id), 1),
            ("public", public(), 0),
        ] {
            assert_eq!(scope.find::<bill::Entity>().count(store.reader()).await.unwrap(), seen, "bills for {who} on {:?}", store.backend());
            assert_eq!(scope.find::<ticket::Entity>().count(store.reader()).await.unwrap(), seen, "tickets for {who} on {:?}", store.backend());
        }
        assert!(store.position().await.unwrap() >= 8, "the story is in the change log");
    }
}

#[tokio::test]
async fn no_test_sees_the_rows_of_another() {
    for store in harness::stores().await {
        assert_eq!(store.position().await.unwrap(), 0);
        assert_eq!(agent().find::<bill::Entity>().count(store.reader()).await.unwrap(), 0);
    }
}
