//! Where connections come in, and how that ends without losing one: those that are there already when the hub closes are
//! taken in first. A listener that is closed on them would answer with a reset.
use axum::serve::Listener;
use std::{
    collections::VecDeque,
    io::{Error, ErrorKind},
    net::SocketAddr,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Duration, timeout},
};

/// How long a connection that has begun may take to be made.
const HANDSHAKE: Duration = Duration::from_millis(100);

/// Takes connections until it is told to close.
pub struct Door {
    /// None once it is closed.
    listener: Option<TcpListener>,
    close: watch::Receiver<bool>,
    /// Those that were there when it closed.
    last: VecDeque<(TcpStream, SocketAddr)>,
    closed: watch::Sender<bool>,
}
impl Door {
    /// Closes as soon as `close` says true.
    pub fn new(listener: TcpListener, close: watch::Receiver<bool>) -> Self {
        Door { listener: Some(listener), close, last: VecDeque::new(), closed: watch::Sender::new(false) }
    }
    /// Says true when it is closed and everybody is in.
    pub fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }
    /// Who comes in next; nobody any more once it is closed.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                taken = Listener::accept(listener) => return taken,
                _ = self.close.wait_for(|close| *close) => {}
            }
            if bar(listener)
                && let Ok(taken) = timeout(HANDSHAKE, Listener::accept(listener)).await
            {
                return taken;
            }
        }
        if let Some(listener) = self.listener.take()
            && let Err(error) = self.shut(listener)
        {
            tracing::warn!(%error, "some connections may have been lost when the hub closed");
        }
        match self.last.pop_front() {
            Some(last) => last,
            None => {
                self.closed.send_replace(true);
                std::future::pending().await
            }
        }
    }
    /// Takes in who is there, and closes right behind the last.
    fn shut(&mut self, listener: TcpListener) -> Result<(), Error> {
        let listener = listener.into_std()?; // asked itself, and not what was heard of it last
        loop {
            match listener.accept() {
                Ok((stream, address)) => {
                    stream.set_nonblocking(true)?;
                    self.last.push_back((TcpStream::from_std(stream)?, address));
                }
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }
}

/// Nobody new comes in: the system drops what begins a connection, as if it were lost, and whoever sent it tries again a
/// second later and is refused. One that came between the last who was taken in and the closing would be answered with a
/// reset. Connections that have begun are made. Returns whether the system can do that.
#[cfg(target_os = "linux")]
fn bar(listener: &impl std::os::fd::AsFd) -> bool {
    use socket2::{SockFilter, SockRef};
    const FLAGS: u32 = 13; // their byte in the head of TCP
    const SYN: u32 = 2;
    let syn_is_dropped = [
        SockFilter::new(0x30, 0, 0, FLAGS),    // load the byte
        SockFilter::new(0x45, 0, 1, SYN),      // is the bit set?
        SockFilter::new(0x06, 0, 0, 0),        // then nothing of the packet passes
        SockFilter::new(0x06, 0, 0, u32::MAX), // else all of it
    ];
    let barred = SockRef::from(listener).attach_filter(&syn_is_dropped);
    barred.inspect_err(|error| tracing::debug!(%error, "somebody may come in while the door closes")).is_ok()
}
#[cfg(not(target_os = "linux"))]
fn bar<T>(_: &T) -> bool {
    false
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let taken = self.next().await;
        let _ = taken.0.set_nodelay(true); // answers are small and whole
        taken
    }
    fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.listener.as_ref().ok_or(ErrorKind::NotConnected)?.local_addr()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::TcpStream as Client;

    #[tokio::test]
    async fn a_door_that_closes_takes_in_who_is_there_and_nobody_behind_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let early = [Client::connect(address).unwrap(), Client::connect(address).unwrap()];
        let listener = listener.into_std().unwrap();
        assert!(bar(&listener));
        assert!(Client::connect_timeout(&address, Duration::from_millis(100)).is_err(), "somebody came in");
        let taken = [listener.accept().unwrap().1, listener.accept().unwrap().1];
        assert_eq!(taken, early.map(|client| client.local_addr().unwrap()));
    }
}
