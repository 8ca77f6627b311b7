//! Many sockets that follow the same: what they cost while nothing happens, and how long until all have heard.
use crate::{
    Bench, Result,
    cpu::memory_mb,
    ground::Data,
    hub::Hub,
    report::{Check, Spread},
    stage::{public_id, shown},
};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

const SOCKETS: usize = 1000;
const CUSTOMERS: u64 = 1000;
const WRITES: usize = 10;
const IDLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
pub const FOLLOW: &str = "subscription { ticketUpdated { ticketNo name status } }";
const OPEN: &str = "mutation ($i: TicketOpenInput!) { ticketOpen(input: $i) { ticket { id } userErrors { message } } }";

/// A socket with one subscription.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);
impl Socket {
    pub async fn follow(address: SocketAddr, token: &str, query: &str) -> Result<Self> {
        let mut request = format!("ws://{address}/graphql/ws").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
        let (mut socket, _) = connect_async(request).await?;
        let say = |message: Value| Message::text(message.to_string());
        socket.send(say(json!({"type": "connection_init", "payload": {"authorization": token}}))).await?;
        let mut this = Socket(socket);
        let said = this.hear().await?;
        if said["type"] != "connection_ack" {
            return Err(format!("a socket was not acknowledged: {said}").into());
        }
        this.0.send(say(json!({"id": "1", "type": "subscribe", "payload": {"query": query}}))).await?;
        Ok(this)
    }
    /// The next message.
    pub async fn hear(&mut self) -> Result<Value> {
        loop {
            match self.0.next().await.ok_or("a socket was closed")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(frame) => return Err(format!("a socket was closed: {frame:?}").into()),
                _ => {}
            }
        }
    }
}
/// Opens a ticket, so that there is something to hear.
pub async fn open_ticket(hub: &Hub, agent: &Rc<str>, customer: uuid::Uuid, name: &str) -> Result<()> {
    let input = json!({"i": {"customerId": public_id(customer), "kind": "INCIDENT", "name": name, "description": "Somebody waits to hear of it."}});
    hub.ask(agent, OPEN, input).await.map(drop)
}
/// Hears on, and says when each ticket was told of.
async fn hear_on(mut socket: Socket, heard: UnboundedSender<(String, Instant)>) {
    while let Ok(said) = socket.hear().await {
        let name = said["payload"]["data"]["ticketUpdated"]["name"].as_str().unwrap_or_default().to_string();
        if heard.send((name, Instant::now())).is_err() {
            return;
        }
    }
}
async fn until_all_heard(heard: &mut UnboundedReceiver<(String, Instant)>, name: &str) -> Result<Instant> {
    let mut last = Instant::now();
    for n in 0..SOCKETS {
        let one = timeout(PATIENCE, heard.recv()).await.map_err(|_| format!("{n} of {SOCKETS} sockets heard of {name}"))?;
        let (told, at) = one.ok_or("the sockets are gone")?;
        if told != name {
            return Err(format!("a socket told of {told:?} and not of {name}").into());
        }
        last = at;
    }
    Ok(last)
}

/// (h) A thousand sockets.
pub async fn streams(bench: &mut Bench) -> Result<()> {
    bench.leave();
    for database in bench.options.databases() {
        let data = bench.ground.plain_data(database, CUSTOMERS).await?;
        one(bench, &data).await?;
    }
    Ok(())
}
async fn one(bench: &mut Bench, data: &Rc<Data>) -> Result<()> {
    let hub = Hub::start(&bench.ground, data, &bench.options.set).await?;
    let agent = data.token(&bench.ground, &["--audience", "agent"])?;
    let customers = shown(data).await?;
    let alone = memory_mb(hub.process.id())?;
    let (sender, mut heard) = unbounded_channel();
    for _ in 0..SOCKETS {
        let socket = Socket::follow(hub.address, &agent, FOLLOW).await?;
        tokio::spawn(hear_on(socket, sender.clone()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await; // all follow from now on
    let before = hub.meter().read()?;
    tokio::time::sleep(IDLE).await;
    let idle_ms = hub.meter().read()?.since(before).total_s() * 1000.0 / IDLE.as_secs_f64();
    let (mut until_ms, mut cpu_ms) = (vec![], vec![]);
    for n in 0..WRITES {
        let name = format!("No signal at site {n}");
        let (before, asked) = (hub.meter().read()?, Instant::now());
        open_ticket(&hub, &agent, customers[n % customers.len()], &name).await?;
        let last = until_all_heard(&mut heard, &name).await?;
        until_ms.push((last - asked).as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(500)).await;
        cpu_ms.push(hub.meter().read()?.since(before).total_s() * 1000.0 - idle_ms / 2.0);
    }
    let memory = memory_mb(hub.process.id())?;
    let (until, cpu) = (Spread::of(until_ms.into_iter()), Spread::of(cpu_ms.into_iter()));
    let name = Some(data.database.name());
    let report = &mut bench.report;
    report.figure("streams", name, &format!("memory with {SOCKETS} sockets"), memory, "MB", Some(Check::at_most("≤ 200 MB", memory, 200.0)));
    report.figure("streams", name, "memory of one of them", (memory - alone) * 1024.0 / SOCKETS as f64, "kB", None);
    report.figure("streams", name, "CPU while nothing happens, in a second", idle_ms, "ms", None);
    report.figure("streams", name, "from a write until the last has heard", until.median, "ms", None);
    report.figure("streams", name, "CPU of a write that all hear", cpu.median, "ms", None);
    Ok(())
}
