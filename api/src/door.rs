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
