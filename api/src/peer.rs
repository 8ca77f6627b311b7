//! The other end of a connection.
use crate::door::Door;
use axum::{extract::connect_info::Connected, serve::IncomingStream};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// The other end of a connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// When it was last told to come back, or will be; when it came, where it never was.
    told: Arc<Mutex<Instant>>,
}
impl Peer {
    pub fn at(address: SocketAddr) -> Self {
        Peer { address, told: Arc::new(Mutex::new(Instant::now())) }
    }
    /// Notes that it is refused, and says how soon it is told: over one connection that is done once in so much time. One
    /// that asks in a loop gets on no faster by being refused, and all others know at once.
    pub fn refuse(&self, apart: Duration) -> Duration {
        self.refuse_at(Instant::now(), apart)
    }
    fn refuse_at(&self, now: Instant, apart: Duration) -> Duration {
        let mut told = self.told.lock().unwrap_or_else(|e| e.into_inner());
        if *told < now {
            *told = now.max(*told + apart); // else it will be told then, and this with it
        }
        told.saturating_duration_since(now)
    }
}
impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Peer::at(*stream.remote_addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_a_connection_it_is_told_once_in_a_while_to_come_back() {
        const APART: Duration = Duration::from_millis(20);
        let (peer, ms) = (Peer::at(([127, 0, 0, 1], 4000).into()), Duration::from_millis);
        let came = *peer.told.lock().unwrap();
        assert_eq!(peer.refuse_at(came + ms(5), APART), ms(15), "a new one is not better off");
        assert_eq!(peer.clone().refuse_at(came + ms(12), APART), ms(8), "all that it asks meanwhile is told with it");
        assert_eq!(peer.refuse_at(came + ms(40), APART), ms(0), "who comes back later is told at once");
        assert_eq!(peer.refuse_at(came + ms(41), APART), ms(19));
        assert_eq!(peer.refuse_at(came + ms(1000), APART), ms(0));
    }
}
