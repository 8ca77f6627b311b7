//! A client that costs less than what it measures. Telling somebody to come back takes the hub some thirty microseconds; a
//! client that pools connections and runs tasks takes as long, and four times what the hub can do would never reach it. It
//! understands answers that say how long they are, as all of these do.
use crate::Result;
use std::{io::ErrorKind, net::SocketAddr, rc::Rc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Bytes of an answer that are asked for at once.
const CHUNK: usize = 64 * 1024;
/// Headers that an answer may have.
const MOST_HEADERS: usize = 64;

/// An answer as it came.
pub struct Answer {
    pub status: u16,
    pub retry_after: bool,
    pub body: Vec<u8>,
}
impl Answer {
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }
}

/// One kept connection; made anew when it broke.
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// What is sent, and what came.
    out: Vec<u8>,
    came: Vec<u8>,
}
impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Client { address, stream: None, out: vec![], came: vec![] }
    }
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.out.clear();
        self.out.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n").as_bytes());
        self.exchange().await
    }
    pub async fn post(&mut self, path: &str, token: Option<&Rc<str>>, body: &[u8]) -> Result<Answer> {
        self.out.clear();
        let length = body.len().to_string();
        for part in ["POST ", path, " HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: ", &length] {
            self.out.extend_from_slice(part.as_bytes());
        }
        for part in token.iter().flat_map(|token| ["\r\nauthorization: ", token]) {
            self.out.extend_from_slice(part.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n\r\n");
        self.out.extend_from_slice(body);
        self.exchange().await
    }
    async fn exchange(&mut self) -> Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) if is_open(&stream) => stream,
            _ => connect(self.address).await?,
        };
        stream.write_all(&self.out).await?;
        self.came.clear();
        let head = loop {
            more(&mut stream, &mut self.came).await?;
            if let Some(head) = Head::read(&self.came)? {
                break head;
            }
        };
        while self.came.len() < head.bytes + head.length {
            more(&mut stream, &mut self.came).await?;
        }
        if !head.last && self.came.len() == head.bytes + head.length {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head.status, retry_after: head.retry_after, body: self.came[head.bytes..head.bytes + head.length].to_vec() })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
/// Whether the server has not hung up. It has nothing to say before it is asked.
fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock)
}
async fn more(stream: &mut TcpStream, came: &mut Vec<u8>) -> Result<()> {
    came.reserve(CHUNK);
    match stream.read_buf(came).await? {
        0 => Err("the connection was closed before the answer was there".into()),
        _ => Ok(()),
    }
}

/// What is to be known of an answer before its body.
struct Head {
    status: u16,
    retry_after: bool,
    /// It is the last on this connection.
    last: bool,
    /// Of the head itself, and of the body.
    bytes: usize,
    length: usize,
}
impl Head {
    /// None until it is whole.
    fn read(came: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(bytes) = response.parse(came)? else { return Ok(None) };
        let (mut retry_after, mut last, mut length) = (false, false, None);
        for header in response.headers.iter() {
            match header.name {
                name if name.eq_ignore_ascii_case("content-length") => length = Some(std::str::from_utf8(header.value)?.trim().parse()?),
                name if name.eq_ignore_ascii_case("connection") => {
                    last |= header.value.split(|b| *b == b',').any(|v| v.trim_ascii().eq_ignore_ascii_case(b"close"))
                }
                name if name.eq_ignore_ascii_case("retry-after") => retry_after = true,
                _ => {}
            }
        }
        let length = length.ok_or("an answer does not say how long it is")?;
        Ok(Some(Head { status: response.code.unwrap_or_default(), retry_after, last, bytes, length }))
    }
}
