//! A hub that is told to stop while everybody asks: whoever sent something gets its answer, and then the door is closed.
use api::{
    auth::{
        key::{self, Keys},
        token::{Class, Order, Tokens},
    },
    config::Config,
};
use entities::clock::Clock;
use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const CLIENTS: usize = 16;
const BODY: &str = r#"{"query":"{ customers(first: 1) { totalCount } }"}"#;

struct Program {
    child: Child,
    address: SocketAddr,
}
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
fn serve(folder: &Path) -> Program {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = File::create(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).args(["serve", "--address", &address.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let program = Program { child: command.spawn().unwrap(), address };
    for _ in 0..600 {
        if TcpStream::connect(address).is_ok() {
            return program;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the hub does not start: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default());
}

/// One connection that is kept.
struct Connection(TcpStream);
impl Connection {
    fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Some(Connection(stream))
    }
    fn send(&mut self, text: &str) -> Result<(), String> {
        self.0.write_all(text.as_bytes()).map_err(|e| format!("cannot send: {e}"))
    }
    /// The head of one whole answer.
    fn answer(&mut self) -> Result<String, String> {
        let (mut heard, mut chunk) = (vec![], [0; 4096]);
        loop {
            if let Some(end) = heard.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&heard[..end]).to_lowercase();
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|l| l.parse().ok()).unwrap_or(0);
                if heard.len() >= end + 4 + length {
                    return Ok(head);
                }
            }
            match self.0.read(&mut chunk) {
                Ok(0) => return Err(format!("the connection ended after {} bytes of the answer", heard.len())),
                Ok(n) => heard.extend_from_slice(&chunk[..n]),
                Err(e) => return Err(format!("cannot read: {e}")),
            }
        }
    }
}
fn request(token: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}
/// Asks until nobody listens any more. Every request that was sent counts.
fn ask_on(address: SocketAddr, text: &str, answered: &AtomicUsize) -> Result<(), String> {
    while let Some(mut connection) = Connection::open(address) {
        loop {
            connection.send(text)?;
            let head = connection.answer()?;
            answered.fetch_add(1, Ordering::Relaxed);
            if head.contains("connection: close") {
                break;
            }
        }
    }
    Ok(())
}
fn ready(address: SocketAddr) -> Option<String> {
    let mut connection = Connection::open(address)?;
    connection.send("GET /readyz HTTP/1.1\r\nhost: hub\r\n\r\n").ok()?;
    connection.answer().ok()
}

#[test]
fn whoever_asks_a_hub_that_stops_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    std::fs::write(home.join("switchboard.toml"), "[server]\nleave_ms = 1000\n").unwrap();
    key::generate(&home.join("keys"), key::Kind::EdDsa).unwrap();
    let tokens = Tokens::new(Keys::load(&home.join("keys")).unwrap(), &Config::default().auth);
    let order = Order { class: Class::Agent, subject: "ada".into(), ttl_s: 600, ..Default::default() };
    let text = request(&tokens.mint(order, Clock::system().now()).unwrap().0);
    let mut hub = serve(home);
    let address = hub.address;
    // one that has said half when the hub is told to stop, and the rest when the door is closed
    let mut slow = Connection::open(address).unwrap();
    slow.send(&text[..text.len() - 9]).unwrap();

    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| ask_on(address, &text, &answered))).collect();
        while answered.load(Ordering::Relaxed) < 20 * CLIENTS {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(ready(address).unwrap().starts_with("http/1.1 200"));
        assert!(Command::new("kill").args(["-TERM", &hub.child.id().to_string()]).status().unwrap().success());
        let told = answered.load(Ordering::Relaxed);
        let leaving = std::iter::from_fn(|| ready(address)).find(|head| head.starts_with("http/1.1 503"));
        assert!(leaving.is_some_and(|head| head.contains("connection: close")), "it says that it leaves");
        let lost: Vec<_> = clients.into_iter().filter_map(|client| client.join().unwrap().err()).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(answered.load(Ordering::Relaxed) > told, "it still answered");
    });
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
    slow.send(&text[text.len() - 9..]).unwrap();
    assert!(slow.answer().unwrap().contains("connection: close"));
    assert!(hub.child.wait().unwrap().success(), "{}", std::fs::read_to_string(home.join("log")).unwrap_or_default());
}
