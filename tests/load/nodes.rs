use super::*;
use crate::{
    harness::{agent, customer},
    http::{Hub, hub_with},
};
use entities::{
    exchange::task::{self, State},
    party::customer::ENTITY,
    store::public_id,
};
use futures::StreamExt;
use sea_orm::{ColumnTrait, QueryFilter};
use std::time::Duration;
use tokio::task::JoinHandle;

const NODES: usize = 3;

/// Nodes over one database, each with its index, which do what a process does beside its requests.
async fn nodes(url: &str) -> (Vec<Hub>, Vec<JoinHandle<()>>) {
    let exports = harness::folder().await;
    let (mut hubs, mut beside) = (vec![], vec![]);
    for _ in 0..NODES {
        let hub = hub_with(|c| (c.database.url, c.exports.dir) = (url.into(), exports.clone())).await;
        beside.extend([tokio::spawn(hub.app.clone().tail()), tokio::spawn(hub.app.clone().follow()), tokio::spawn(hub.app.clone().work())]);
        hubs.push(hub);
    }
    (hubs, beside)
}
/// Waits for what comes by itself; how long that takes is for the benchmark.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_writes_the_others_tell_and_find() {
    for url in harness::urls().await {
        let (hubs, beside) = nodes(&url).await;
        let mut streams = vec![];
        for hub in &hubs {
            let token = hub.token(600);
            let headers = [("accept", "text/event-stream"), ("authorization", token.as_str())];
            streams.push(hub.stream(&headers, r#"{"query":"subscription { ticketUpdated { name } }"}"#).await);
        }
        let here = hubs[1].app.store.clone();
        let ada = customer(&here, "Ada").await;
        for i in 0..20 {
            ada.ticket(&format!("Outage {i}")).await;
        }
        for stream in &mut streams {
            let mut text = String::new();
            while !text.contains("Outage 19") {
                text += std::str::from_utf8(&stream.next().await.expect("it goes on").unwrap()).unwrap();
            }
            assert!((0..20).all(|i| text.contains(&format!("\"Outage {i}\""))), "{text}");
        }
        let head = here.position().await.unwrap();
        for hub in &hubs {
            until("the index", || async { hub.app.index.position() >= head }).await;
        }
        let mut sums = vec![];
        for hub in &hubs {
            sums.push(hub.app.index.checksum().await.unwrap());
        }
        assert!(sums.iter().all(|s| *s == sums[0]), "{sums:?}");
        ada.ticket("One more").await;
        let head = here.position().await.unwrap();
        until("the index", || async { hubs[2].app.index.position() >= head }).await;
        assert_ne!(hubs[2].app.index.checksum().await.unwrap(), sums[2]);
        hubs[2].app.index.rebuild(&|_, _| {}).await.unwrap();
        until("the index", || async { hubs[0].app.index.position() >= head }).await;
        assert_eq!(hubs[0].app.index.checksum().await.unwrap(), hubs[2].app.index.checksum().await.unwrap(), "followed or made anew");
        stop(hubs, beside).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_task_is_run_by_one_node() {
    for url in harness::urls().await {
        let (hubs, beside) = nodes(&url).await;
        let store = hubs[0].app.store.clone();
        for i in 0..12 {
            let id = public_id(&ENTITY, customer(&store, &format!("Ada {i}")).await.id);
            let create = format!(r#"mutation {{ exportCreate(input: {{customerId: "{id}"}}) {{ task {{ id }} }} }}"#);
            let made = hubs[i % NODES].ask_as(hubs[i % NODES].token(600).trim_start_matches("Bearer "), &create).await;
            assert!(made["data"]["exportCreate"]["task"]["id"].is_string(), "{made}");
        }
        let tasks = || async { agent().find::<task::Entity>().filter(task::Column::Kind.eq(task::Kind::Export)).all(store.reader()).await.unwrap() };
        until("the end of the tasks", || async { tasks().await.iter().all(|t| t.state.is_over()) }).await;
        let ended = tasks().await;
        assert_eq!(ended.len(), 12);
        assert!(ended.iter().all(|t| t.state == State::Succeeded && t.file_bytes.is_some() && t.lease_until.is_none()), "{ended:?}");
        // each beginning and each end is in the log once
        let log = entities::outbox::after(&store, 0, &[task::ENTITY.name], 1000).await.unwrap();
        for t in &ended {
            assert_eq!(log.iter().filter(|e| e.entity_id == t.id).count(), 2, "asked for, and done");
        }
        stop(hubs, beside).await;
    }
}

async fn stop(hubs: Vec<Hub>, beside: Vec<JoinHandle<()>>) {
    hubs.iter().for_each(|hub| hub.app.lifecycle.stop());
    for one in beside {
        one.await.unwrap();
    }
}
