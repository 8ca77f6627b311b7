use super::*;
use crate::{
    harness::customer,
    http::{Hub, hub_of},
};
use api::graphql::persisted::Manifest;
use axum::body::BodyDataStream;
use futures::StreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const STREAMS: usize = 60;

/// What was asked of the database.
#[derive(Clone, Default)]
struct Asked {
    log: Arc<AtomicUsize>,
    tickets: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}
impl Asked {
    fn count(&self, sql: &str) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let of = if sql.contains("\"changes\"") { &self.log } else { &self.tickets };
        if sql.contains("\"changes\"") || sql.contains("\"tickets\"") {
            of.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn take(&self) -> [usize; 3] {
        [&self.log, &self.tickets, &self.all].map(|n| n.swap(0, Ordering::Relaxed))
    }
}
async fn scene(url: String) -> (Hub, Asked) {
    let asked = Asked::default();
    let counts = asked.clone();
    let observed = |store: entities::Store| store.observed(move |info| counts.count(&info.statement.sql));
    let hub = hub_of(|c| c.database.url = url, observed, Manifest::default()).await;
    (hub, asked)
}
async fn follow(hub: &Hub, query: &str) -> BodyDataStream {
    let body = serde_json::json!({"query": query}).to_string();
    hub.stream(&[("accept", "text/event-stream"), ("authorization", &hub.token(600))], &body).await
}
async fn hear(stream: &mut BodyDataStream, what: &str) {
    let mut text = String::new();
    while !text.contains(what) {
        text += std::str::from_utf8(&stream.next().await.expect("it goes on").unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_log_is_read_once_for_all_who_follow_it() {
    for url in harness::urls().await {
        let (hub, asked) = scene(url).await;
        let store = hub.app.store.clone();
        let ada = customer(&store, "Ada").await;
        let (mut streams, free) = (vec![], hub.app.streams.available_permits());
        for _ in 0..STREAMS {
            streams.push(follow(&hub, "subscription { ticketUpdated { name } }").await);
        }
        for stream in &mut streams {
            hear(stream, ":").await; // it follows from now on
        }
        tokio::time::sleep(Duration::from_secs(1)).await; // what came before it was followed
        asked.take();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let [log, tickets, all] = asked.take();
        assert!(log + tickets == 0 && all < STREAMS, "nothing happened: {log} {tickets} {all}");
        ada.ticket("Outage").await;
        for stream in &mut streams {
            hear(stream, "Outage").await;
        }
        let [log, ..] = asked.take();
        assert!(log < STREAMS / 4, "{log} statements");
        // a stream of one other ticket asks for nothing
        let mut other = follow(&hub, &format!("subscription {{ ticketUpdated(id: \"{}\") {{ name }} }}", missing())).await;
        hear(&mut other, ":").await;
        drop(streams);
        while hub.app.streams.available_permits() + 1 < free {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await; // the last of them is gone
        asked.take();
        ada.ticket("Another").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let [_, tickets, _] = asked.take();
        assert_eq!(tickets, 1, "the insert, and nobody's look at it");
    }
}
fn missing() -> String {
    entities::store::public_id(&entities::care::ticket::ENTITY, uuid::Uuid::nil())
}
