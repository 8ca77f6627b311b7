use crate::http::{Hub, hub_of, hub_with};
use api::{config::Documents, graphql::persisted::Manifest};
use axum::{ServiceExt, extract::Request};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);
#[derive(Debug, PartialEq)]
enum Said {
    Message(Value),
    /// The code with which the hub closed.
    Closed(u16),
}
impl Socket {
    /// A socket to a hub that listens.
    async fn open(hub: &Hub) -> Self {
        Self::knock(hub, &[]).await.unwrap()
    }
    /// The same with these `Authorization` headers; the status where the hub opens none.
    async fn knock(hub: &Hub, authorization: &[&[u8]]) -> Result<Self, u16> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, ServiceExt::<Request>::into_make_service(hub.service.clone())).into_future());
        let mut request = format!("ws://{address}/graphql/ws").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        for value in authorization {
            request.headers_mut().append("authorization", HeaderValue::from_bytes(value).unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }
    /// One that has said who it is.
    async fn ready(hub: &Hub, token: Option<&str>) -> Self {
        let mut socket = Self::open(hub).await;
        socket.say(json!({"type": "connection_init", "payload": {"authorization": token}})).await;
        assert_eq!(socket.hear().await, Said::Message(json!({"type": "connection_ack"})));
        socket
    }
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }
    async fn subscribe(&mut self, id: &str, payload: Value) {
        self.say(json!({"id": id, "type": "subscribe", "payload": payload})).await;
    }
    async fn hear(&mut self) -> Said {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Said::Message(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Said::Closed(frame.code.into()),
                Some(Ok(_)) => {}
                _ => return Said::Closed(1006),
            }
        }
    }
    /// The code of the error that the next message is.
    async fn refusal(&mut self) -> String {
        match self.hear().await {
            Said::Message(m) if m["type"] == "error" => m["payload"][0]["extensions"]["code"].as_str().unwrap_or_default().into(),
            other => panic!("{other:?} is no error"),
        }
    }
}

#[tokio::test]
async fn an_authorization_that_cannot_be_read_is_not_the_public() {
    let hub = hub_with(|_| {}).await;
    assert!(Socket::knock(&hub, &[]).await.is_ok());
    for bad in [&[&b"Bearer \xff"[..]][..], &[b"Bearer a", b"Bearer b"]] {
        assert_eq!(Socket::knock(&hub, bad).await.err(), Some(401));
    }
}

#[tokio::test]
async fn a_socket_has_its_bounds() {
    let hub = hub_with(|c| c.limits.socket_operations = 3).await;
    let token = hub.token(60);
    let mut socket = Socket::ready(&hub, Some(&token)).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, json!({"query": "subscription { ticketUpdated { id } }"})).await;
    }
    socket.subscribe("4", json!({"query": "{ __typename }"})).await;
    assert_eq!(socket.refusal().await, "RATE_LIMITED");
    socket.say(json!({"id": "1", "type": "complete"})).await;
    socket.subscribe("4", json!({"query": "{ __typename }"})).await;
    let Said::Message(next) = socket.hear().await else { panic!("closed") };
    assert_eq!((&next["type"], &next["payload"]["data"]), (&json!("next"), &json!({"__typename": "Query"})), "one has ended: another may run");
    socket.say(json!({"type": "ping", "payload": {"long": "x".repeat(300 << 10)}})).await;
    assert!(matches!(loop_until_closed(&mut socket).await, Said::Closed(_)), "a message of more than limits.body_bytes");
    assert_eq!(Socket::open(&hub).await.hear().await, Said::Closed(4408), "nobody introduced themselves");
}
async fn loop_until_closed(socket: &mut Socket) -> Said {
    loop {
        if let closed @ Said::Closed(_) = socket.hear().await {
            return closed;
        }
    }
}

#[tokio::test]
async fn a_socket_pays_and_is_limited_like_a_request() {
    let documents = Documents { manifest: "made elsewhere".into(), trusted_only: vec!["public".into()] };
    let limited = hub_of(|c| c.documents = documents, |store| store, Manifest::default()).await;
    let mut socket = Socket::ready(&limited, None).await;
    socket.subscribe("1", json!({"query": "{ __typename }"})).await;
    assert_eq!(socket.refusal().await, "UNTRUSTED_DOCUMENT");
    let poor = hub_with(|c| (c.budget.public_points, c.budget.public_restored) = (20_000, 1)).await;
    let mut socket = Socket::ready(&poor, None).await;
    let dear = json!({"query": format!("{{ {} }}", (0..25).map(|i| format!("a{i}: suggestAnswers(text: \"\", first: 100) {{ __typename }} ")).collect::<String>())});
    let mut spent = 0;
    loop {
        socket.subscribe("1", dear.clone()).await;
        match socket.hear().await {
            Said::Message(m) if m["type"] == "error" => {
                assert_eq!(m["payload"][0]["extensions"]["code"], "RATE_LIMITED");
                break;
            }
            Said::Message(m) => spent += m["payload"]["extensions"]["cost"]["requested"].as_u64().expect("its cost"),
            closed => panic!("{closed:?}"),
        }
        assert!(matches!(socket.hear().await, Said::Message(m) if m["type"] == "complete"));
        assert!(spent <= 20_000 + 60, "the budget was {spent} and is not spent");
    }
    assert!(spent > 10_000, "{spent}");
}
