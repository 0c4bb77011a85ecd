//! Flags over HTTP: questions answered a second on kept connections of loopback, and how long a kill takes
//! until a client that follows changes is told. Server and clients share this process and two threads.
//!
//! `cargo bench --bench ofrep`; the store syncs every commit, in the system's temporary directory
//! (`TMPDIR` moves it to another disk).

#![allow(
    missing_docs,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rolldeck::{
    clock,
    control::{Control, Options},
    domain::TokenText,
    server::{Server, ServerOptions},
    store::sqlite::{Durability, Sqlite},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Flags that there are.
const FLAGS: usize = 50;
/// Clients that ask as fast as they are answered, each on a connection of its own.
const CLIENTS: usize = 32;
/// How long they do.
const STORM: Duration = Duration::from_secs(8);
/// Flags that are killed, one after another.
const KILLS: usize = 200;
const WHY: &str = "measuring how long this takes";

fn main() {
    // `cargo test --all-targets` starts benches too, with this argument missing.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run it with: cargo bench --bench ofrep");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

/// A client on one kept connection.
struct Client {
    stream: BufReader<TcpStream>,
    token: Option<String>,
}

impl Client {
    async fn connect(address: SocketAddr, token: Option<&TokenText>) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), token: token.map(|token| token.expose().to_owned()) }
    }

    fn request(&self, method: &str, path: &str, more: &str, body: &str) -> Vec<u8> {
        let token = self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{token}{more}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// The head's status and the length of the body that follows.
    async fn head(&mut self) -> (u16, usize) {
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "the server closed the connection");
            let text = line.trim_end();
            if text.is_empty() {
                return (status, length);
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
    }

    async fn send(&mut self, request: &[u8], body: &mut Vec<u8>) -> u16 {
        self.stream.get_mut().write_all(request).await.unwrap();
        let (status, length) = self.head().await;
        body.resize(length, 0);
        self.stream.read_exact(body).await.unwrap();
        status
    }

    async fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let request = self.request(method, path, "", &body.to_string());
        let mut answer = Vec::new();
        let status = self.send(&request, &mut answer).await;
        assert!((200..300).contains(&status), "{path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or(Value::Null)
    }
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), Durability::Full).await.unwrap();
    let set = Options {
        simulated: false,
        signing_seed: [7; 32],
        origin: "rolldeck.bench/audit".to_owned(),
        sources: Vec::new(),
        drivers: Vec::new(),
        declared: None,
        pauses: true,
        policy: rolldeck::control::Policy::default(),
        beside: None,
    };
    let control = Control::start(Arc::new(store), clock::system(), set).await.unwrap();
    let server = Server::bind(control.clone(), ServerOptions::loopback(clock::system())).unwrap();
    let address: SocketAddr = server.url().rsplit('/').next().unwrap().parse().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));

    let mut open = Client::connect(address, None).await;
    let (ana, kiosk) = (token(), token());
    add_token(&mut open, "ana", &ana, json!({"role": "commander", "targets": ["*"]})).await;
    let mut ana = Client::connect(address, Some(&ana)).await;
    let binding = json!({"group": "dc-west", "site": "s1", "lane": "main"});
    add_token(&mut ana, "kiosk", &kiosk, json!({"role": "agent", "targets": ["dc-west"], "binding": binding})).await;
    let mut unit = Client::connect(address, Some(&kiosk)).await;
    unit.call("GET", "/agent/v1/groups/dc-west/sites/s1/lanes/main/desired", &json!({})).await;
    for number in 0..FLAGS {
        put(&mut ana, &format!("flag-{number:03}")).await;
    }

    let context = json!({"context": {"targetingKey": "jon@company.com", "plan": "gold", "age": 41}}).to_string();
    storm("one flag", address, &kiosk, "/ofrep/v1/evaluate/flags/flag-007", "", &context).await;
    storm(&format!("all {FLAGS} flags"), address, &kiosk, "/ofrep/v1/evaluate/flags", "", &context).await;
    let tag = {
        let request = unit.request("POST", "/ofrep/v1/evaluate/flags", "", &context);
        unit.stream.get_mut().write_all(&request).await.unwrap();
        let mut tag = String::new();
        let mut line = String::new();
        let mut length = 0;
        while unit.stream.read_line(&mut line).await.unwrap() > 2 {
            if let Some(value) = line.strip_prefix("etag: ") {
                tag = value.trim().to_owned();
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        unit.stream.read_exact(&mut body).await.unwrap();
        tag
    };
    let known = format!("if-none-match: {tag}\r\n");
    storm("nothing new (304)", address, &kiosk, "/ofrep/v1/evaluate/flags", &known, &context).await;

    for number in 0..KILLS {
        put(&mut ana, &format!("kill-{number:03}")).await;
    }
    let mut stream = Client::connect(address, Some(&kiosk)).await;
    let request = stream.request("GET", "/ofrep/v1/events", "accept: text/event-stream\r\n", "");
    stream.stream.get_mut().write_all(&request).await.unwrap();
    assert_eq!(stream.head().await.0, 200);
    let mut line = String::new();
    while !line.starts_with("id:") {
        line.clear();
        stream.stream.read_line(&mut line).await.unwrap();
    }
    let mut times = Vec::with_capacity(KILLS);
    for number in 0..KILLS {
        let path = format!("/api/v1/flags/kill-{number:03}/kill");
        let request = ana.request("POST", &path, "", &json!({"reason": WHY}).to_string());
        let begun = Instant::now();
        let told = async {
            let mut line = String::new();
            while !line.starts_with("data:") {
                line.clear();
                stream.stream.read_line(&mut line).await.unwrap();
            }
            begun.elapsed()
        };
        let mut body = Vec::new();
        let (told, status) = tokio::join!(told, ana.send(&request, &mut body));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        times.push(told);
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "a kill is told     median {:.1} ms, p99 {:.1} ms, max {:.1} ms ({KILLS} kills)",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    shutdown.cancel();
    serving.await.unwrap().unwrap();
    control.shutdown().await;
}

fn token() -> TokenText {
    TokenText::new(clock::secret().unwrap()[..5].try_into().unwrap(), &clock::secret().unwrap())
}

async fn add_token(client: &mut Client, name: &str, token: &TokenText, mut body: Value) {
    body["id"] = json!(token.id());
    body["name"] = json!(name);
    body["secret_hash"] = json!(token.hash());
    client.call("POST", "/api/v1/tokens", &body).await;
}

/// A flag with a condition on the place, one on the caller, and a split.
async fn put(client: &mut Client, key: &str) {
    let halves = json!([{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]);
    let definition = json!({
        "kind": "ops", "owner": "bench", "enabled": true, "scope": "target=dc-*",
        "variants": {"on": true, "off": false}, "default_variant": "off", "off_variant": "off",
        "rules": [
            {"id": "elsewhere", "when": "site == 's2' && lane == 'main'", "serve": {"variant": "off"}},
            {"id": "young", "when": "plan == 'gold' && age < 18", "serve": {"variant": "off"}},
            {"id": "half", "serve": {"split": halves}},
        ],
    });
    let body = json!({"definition": definition, "reason": WHY});
    client.call("PUT", &format!("/api/v1/flags/{key}"), &body).await;
}

async fn storm(what: &str, address: SocketAddr, token: &TokenText, path: &str, more: &str, body: &str) {
    let answered = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(address, Some(token)).await;
        let request = client.request("POST", path, more, body);
        let answered = Arc::clone(&answered);
        clients.spawn(async move {
            let mut answer = Vec::new();
            while begun.elapsed() < STORM {
                let status = client.send(&request, &mut answer).await;
                assert!(status == 200 || status == 304, "{status}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    clients.join_all().await;
    let rate = answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    println!("{what:<18} {rate:>8.0} answers/s ({CLIENTS} connections)");
}
