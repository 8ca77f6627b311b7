use super::*;
use crate::harness::{Partner, customer, partner};
use api::auth::key;
use entities::{party::partner as partner_row, store::public_id};
use futures::{SinkExt, StreamExt};
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// The hub on a real port.
async fn serve(hub: &Hub) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, axum::ServiceExt::<axum::extract::Request>::into_make_service(hub.service.clone())).into_future());
    address
}
/// A socket with an open subscription to tickets.
async fn subscribed(address: &str, token: &str) -> Socket {
    let mut request = format!("ws://{address}/graphql/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let say = |v: Value| Message::Text(v.to_string().into());
    socket.send(say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}))).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "connection_ack");
    socket.send(say(json!({"id": "1", "type": "subscribe", "payload": {"query": "subscription { ticketUpdated { id name } }"}}))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await; // it follows from now on
    socket
}
/// The next message: JSON, or `{"close": code}`.
async fn next(socket: &mut Socket) -> Value {
    loop {
        match tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("a message") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(Some(frame)))) => return json!({"close": u16::from(frame.code)}),
            Some(Ok(_)) => {}
            other => return json!({"ended": format!("{other:?}")}),
        }
    }
}
/// (close code, milliseconds until it came).
async fn closed(mut socket: Socket) -> (u64, u128) {
    let begin = Instant::now();
    loop {
        if let Some(code) = next(&mut socket).await["close"].as_u64() {
            return (code, begin.elapsed().as_millis());
        }
    }
}
struct Scene {
    hub: Hub,
    acme: Partner,
    address: String,
    token: String,
    token_id: String,
}
async fn scene(store: Store, keys: Keys) -> Scene {
    let acme = partner(&store, "Acme").await;
    let hub = Hub::new(store, keys, |_| {}).await;
    let input = format!(r#"partnerId: "{}", name: "x", scopes: ["partner.ticket:read"]"#, public_id(&partner_row::ENTITY, acme.id));
    let (token_id, token) = hub.make(&hub.agent(), &input).await;
    Scene { address: serve(&hub).await, hub, acme, token, token_id }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_does_not_outlive_its_partner_token() {
    for store in harness::stores().await {
        let Scene { hub, acme, address, token, token_id } = scene(store.clone(), Keys::ephemeral()).await;
        let bolt = customer(&store, "Bolt").await.sold_by(&acme).await;
        let mut socket = subscribed(&address, &token).await;
        bolt.ticket("First").await;
        assert_eq!(next(&mut socket).await["payload"]["data"]["ticketUpdated"]["name"], "First", "it is alive");
        hub.revoke(&hub.agent(), &token_id).await;
        let (code, ms) = closed(socket).await;
        println!("{:?}: a socket closed with {code} after {ms} ms", store.backend());
        assert!(code == 4401 && ms < 1000, "{code} after {ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_what_its_caller_may_see_changes() {
    for store in harness::stores().await {
        let Scene { hub, acme, address, .. } = scene(store.clone(), Keys::ephemeral()).await;
        let little = partner(&store, "Little").await;
        let signed = hub.mint(Class::Partner, Some(public_id(&partner_row::ENTITY, acme.id)), None);
        let socket = subscribed(&address, &signed).await;
        let adopt = sea_orm::Statement::from_sql_and_values(
            store.backend(),
            "update partners set parent_id = $1 where id = $2",
            [acme.id.into(), little.id.into()],
        );
        store.writer().execute_raw(adopt).await.unwrap();
        let (code, ms) = closed(socket).await;
        println!("{:?}: another family: {code} after {ms} ms", store.backend());
        assert!(code == 4403 && ms < 1000, "{code} after {ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token_and_with_its_key() {
    let store = harness::store().await;
    let folder = harness::folder().await;
    let file = key::generate(&folder, key::Kind::Es256).unwrap();
    let Scene { hub, address, .. } = scene(store.clone(), Keys::load(&folder).unwrap()).await;
    let socket = subscribed(&address, &hub.agent()).await;
    key::remove(&file).unwrap();
    hub.app.tokens.keyring.look();
    let (code, ms) = closed(socket).await;
    assert!(code == 4401 && ms < 1000, "its key is gone: {code} after {ms} ms");

    key::generate(&folder, key::Kind::EdDsa).unwrap();
    hub.app.tokens.keyring.look();
    let socket = subscribed(&address, &hub.agent()).await;
    store.clock().set(harness::now() + chrono::TimeDelta::seconds(3600));
    let (code, ms) = closed(socket).await;
    assert!(code == 4401 && ms < 1000, "expired: {code} after {ms} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_says_why_it_ends() {
    for store in harness::stores().await {
        let Scene { hub, acme, token, token_id, .. } = scene(store.clone(), Keys::ephemeral()).await;
        let bolt = customer(&store, "Bolt").await.sold_by(&acme).await;
        let open = async |token: &str| {
            let request = Request::post("/graphql")
                .header("content-type", "application/json")
                .header("accept", "text/event-stream")
                .header("authorization", format!("Bearer {token}"));
            let body = r#"{"query":"subscription { ticketUpdated { name } }"}"#;
            let response = hub.service.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            response.into_body()
        };
        let stream = open(&token).await;
        bolt.ticket("First").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        hub.revoke(&hub.agent(), &token_id).await;
        let begin = Instant::now();
        let text = String::from_utf8(to_bytes(stream, 1 << 20).await.unwrap().to_vec()).unwrap();
        let ms = begin.elapsed().as_millis();
        assert!(text.contains(r#""name":"First""#) && text.contains("UNAUTHENTICATED") && text.ends_with("event: complete\ndata:\n\n"), "{text}");
        assert!(ms < 1000, "{ms} ms");

        // who does not read loses nothing, fills nothing, and holds its place no longer than it stays
        let places = hub.app.streams.available_permits();
        let unread = open(&hub.agent()).await;
        for i in 0..300 {
            bolt.ticket(&format!("T{i}")).await;
        }
        assert_eq!(hub.app.streams.available_permits(), places - 1);
        let mut unread = unread.into_data_stream();
        let mut text = String::new();
        while !text.contains("T299") {
            text += std::str::from_utf8(&unread.next().await.unwrap().unwrap()).unwrap();
        }
        assert!((0..300).all(|i| text.contains(&format!(r#""T{i}""#))), "all in order");
        drop(unread);
        for _ in 0..100 {
            if hub.app.streams.available_permits() == places {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(hub.app.streams.available_permits(), places);
    }
}
