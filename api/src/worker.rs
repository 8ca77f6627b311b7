//! The life of the process: what runs beside the requests, and how all of it ends.
use crate::{
    app::App,
    door::Door,
    error::{Error, Result},
    looks,
    peer::Peer,
    routes,
};
use axum::{ServiceExt, extract::Request};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};

/// How long requests may go on after the hub closed its door.
const GRACE: Duration = Duration::from_secs(10);

/// What came in last has so long to say what it wants before connections without a request are closed.
const SETTLE: Duration = Duration::from_millis(200);

/// Whether the hub runs or is on its way out.
pub struct Lifecycle {
    stop: watch::Sender<bool>,
    ready: AtomicBool,
}
impl Default for Lifecycle {
    fn default() -> Self {
        Lifecycle { stop: watch::Sender::new(false), ready: AtomicBool::new(true) }
    }
}
impl Lifecycle {
    /// From here on the hub says that it is not ready, and closes connections behind their answers. It still works.
    pub fn leave(&self) {
        self.ready.store(false, Ordering::Release);
    }
    /// From here on the hub takes no new work.
    pub fn stop(&self) {
        self.ready.store(false, Ordering::Release);
        self.stop.send_replace(true);
    }
    pub fn is_stopping(&self) -> bool {
        !self.ready.load(Ordering::Acquire)
    }
    /// Ends when the hub is told to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            // an error means that the app itself is gone
            let _ = stop.wait_for(|s| *s).await;
        }
    }
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// Serves until a signal, then ends in order: not ready, each answer the last of its connection; then no new connections,
/// open requests to their end, sockets closed with 1001, index written.
pub async fn run(app: Arc<App>, listener: TcpListener, metrics: Option<TcpListener>) -> Result<()> {
    let follower = tokio::spawn(app.clone().follow());
    tokio::spawn(app.clone().keep_keys());
    tokio::spawn(app.clone().tail());
    let looks = tokio::spawn(looks::follow(app.clone()));
    let worker = tokio::spawn(app.clone().work());
    let side = metrics.map(|listener| tokio::spawn(axum::serve(listener, routes::metrics(app.clone())).into_future()));
    let door = Door::new(listener, app.lifecycle.watch());
    let mut closed = door.closed();
    let all_in = async move {
        let _ = closed.wait_for(|closed| *closed).await;
        tokio::time::sleep(SETTLE).await;
    };
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<Peer>(routes::service(app.clone()));
    let server = axum::serve(door, service).with_graceful_shutdown(all_in);
    let server = tokio::spawn(server.into_future());
    signal().await;
    tracing::info!("stopping: open requests are finished first");
    app.lifecycle.leave();
    tokio::time::sleep(Duration::from_millis(app.config().server.leave_ms)).await;
    app.lifecycle.stop();
    let ended = tokio::time::timeout(GRACE, async {
        let served = server.await;
        // sockets and streams hold a permit each
        let _ = app.streams.acquire_many(app.config().limits.streams).await;
        let _ = worker.await;
        let _ = follower.await;
        let _ = looks.await;
        served
    });
    match ended.await {
        Ok(served) => served.map_err(std::io::Error::other).and_then(|r| r).map_err(|source| Error::Io { what: "cannot serve".into(), source })?,
        Err(_) => tracing::warn!(grace_s = GRACE.as_secs(), "some requests were cut off"),
    }
    if let Some(side) = side {
        side.abort();
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ctrl-C or SIGTERM; a second one ends the process at once.
async fn signal() {
    stopped().await;
    tokio::spawn(async {
        stopped().await;
        std::process::exit(130);
    });
}
/// One of them.
#[cfg(unix)]
pub async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => (),
            _ = terminate.recv() => (),
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
#[cfg(not(unix))]
pub async fn stopped() {
    let _ = tokio::signal::ctrl_c().await;
}
