//! An erasure that was broken off while the search index was being written anew.
use crate::harness::{self, customer};
use entities::privacy::erasure;
use search_index::Index;
use std::{fs, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_not_purged_is_purged_after_the_next_start() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        ada.ticket("Zwickelwort").await;
        let dir = harness::folder().await;
        let index = Index::open(&dir, &store).await.unwrap();
        index.rebuild(&|_, _| {}).await.unwrap();
        // what a reader of long ago still has open: until it is gone, the bytes are not given up
        let held = dir.join(format!("{}.store", "0".repeat(32)));
        fs::write(&held, "zwickelwort").unwrap();
        let mark = || fs::read_to_string(dir.join("meta.json")).unwrap();
        let (clean, unclean) = (r#"\"unclean\":false"#, r#"\"unclean\":true"#);
        assert!(mark().contains(clean), "{}", mark());
        erasure::rows(&store, ada.id).await.unwrap();
        let feeding = tokio::spawn({
            let index = index.clone();
            async move { index.follow(std::future::pending()).await }
        });
        while !mark().contains(unclean) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        feeding.abort();
        _ = feeding.await;
        drop(index);

        fs::remove_file(&held).unwrap();
        let again = Index::open_at_once(&dir, &store).await.unwrap();
        assert_eq!(again.position(), store.position().await.unwrap(), "it has come to the end: nothing but the mark says what is to be done");
        while again.catch_up().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await; // the writer of before lets go
        }
        assert!(mark().contains(clean), "{}", mark());
        let bytes = |name: &str| fs::read(dir.join(name)).unwrap();
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!bytes(&name).to_ascii_lowercase().windows(11).any(|w| w == b"zwickelwort"), "{name}");
        }
    }
}
