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
};

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
    /// Takes in who is there, and closes right behind the last.
    fn shut(&mut self, listener: TcpListener) -> Result<(), Error> {
        let listener = listener.into_std()?; // asked itself, and not what was heard of it last
        if let Err(error) = bar(&listener) {
            tracing::debug!(%error, "somebody may come in while the door closes");
        }
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

/// Nobody comes in any more: the system drops what is sent to the listener. One that came between the last who was taken in
/// and the closing would be answered with a reset; now it tries again, as after any packet that was lost, and is refused.
#[cfg(target_os = "linux")]
fn bar(listener: &std::net::TcpListener) -> Result<(), Error> {
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const NOTHING: u32 = 0; // so many bytes of each packet pass
    socket2::SockRef::from(listener).attach_filter(&[socket2::SockFilter::new(RETURN, 0, 0, NOTHING)])
}
#[cfg(not(target_os = "linux"))]
fn bar(_: &std::net::TcpListener) -> Result<(), Error> {
    Ok(())
}
impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                taken = Listener::accept(listener) => return taken,
                _ = self.close.wait_for(|close| *close) => {}
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
    fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.listener.as_ref().ok_or(ErrorKind::NotConnected)?.local_addr()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{net::TcpStream as Client, time::Duration};

    #[tokio::test]
    async fn a_door_that_closes_takes_in_who_is_there_and_nobody_behind_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let early = [Client::connect(address).unwrap(), Client::connect(address).unwrap()];
        let listener = listener.into_std().unwrap();
        bar(&listener).unwrap();
        assert!(Client::connect_timeout(&address, Duration::from_millis(100)).is_err(), "somebody came in");
        let taken = [listener.accept().unwrap().1, listener.accept().unwrap().1];
        assert_eq!(taken, early.map(|client| client.local_addr().unwrap()));
    }
}
