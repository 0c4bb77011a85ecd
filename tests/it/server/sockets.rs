//! What only shows on a socket: TLS, slow and greedy clients, and the end of the server.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use rolldeck::{
    backend::{Backend, BackendError, remote::Remote},
    domain::{Role, Via},
    server::{Access, ServeError, Server, ServerOptions, TlsFiles},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::world::{World, options};

struct Running {
    address: SocketAddr,
    url: String,
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), ServeError>>,
}

fn run(world: &World, options: ServerOptions) -> Running {
    let server = Server::bind(world.control.clone(), options).unwrap();
    let shutdown = CancellationToken::new();
    let (address, url) = (server.address(), server.url());
    Running { address, url, ended: tokio::spawn(server.run(shutdown.clone())), shutdown }
}

impl Running {
    async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.shutdown.cancel();
        self.ended.await.unwrap().unwrap();
        begun.elapsed()
    }
}

/// Writes a request as it is, and reads until the server closes.
async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before all was written: what it said counts.
    let _ = stream.write_all(request).await;
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, more: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn a_server_on_a_free_port_says_which_it_took_and_who_gets_in() {
    let world = World::new().await;
    let server = Server::bind(world.control.clone(), options()).unwrap();
    assert_ne!(server.address().port(), 0);
    assert_eq!(server.url(), format!("http://{}", server.address()));
    assert_eq!(server.access(), Access::OpenOnLoopback);
    let taken = Server::bind(world.control.clone(), ServerOptions { listen: server.address(), ..options() });
    let said = taken.unwrap_err().to_string();
    assert!(said.contains(&server.address().to_string()) && said.contains("--listen"), "{said}");
    world.token("vera", Role::Viewer, &["*"], None).await;
    assert_eq!(Server::bind(world.control.clone(), options()).unwrap().access(), Access::Tokens);
}

#[tokio::test]
async fn off_loopback_it_does_not_start_without_tls_and_a_token() {
    let world = World::new().await;
    let everywhere = ServerOptions { listen: "0.0.0.0:0".parse().unwrap(), ..options() };
    let said = Server::bind(world.control.clone(), everywhere.clone()).unwrap_err();
    assert!(matches!(said, ServeError::TlsNeeded { .. }), "{said}");
    assert!(said.to_string().contains("--tls-cert"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    let with_tls = ServerOptions { tls: Some(files), ..everywhere };
    let said = Server::bind(world.control.clone(), with_tls.clone()).unwrap_err();
    assert!(matches!(said, ServeError::TokenNeeded { .. }), "{said}");
    assert!(said.to_string().contains("rolldeck token add"), "{said}");
    world.token("vera", Role::Viewer, &["*"], None).await;
    assert_eq!(Server::bind(world.control.clone(), with_tls).unwrap().access(), Access::Tokens);
}

/// Files of a self-signed certificate for localhost, and the certificate.
fn certificate(folder: &std::path::Path) -> (TlsFiles, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.pem())
}

#[tokio::test]
async fn over_tls_a_client_that_trusts_the_certificate_gets_in_and_no_other() {
    let world = World::new().await;
    let token = world.token("vera", Role::Viewer, &["*"], None).await;
    let folder = tempfile::tempdir().unwrap();
    let (files, pem) = certificate(folder.path());
    let running = run(&world, ServerOptions { tls: Some(files), ..options() });
    assert!(running.url.starts_with("https://"), "{}", running.url);
    let trusting = Remote::new(&running.url, Some(&token), Some(pem.as_bytes()), Via::Cli).unwrap();
    assert_eq!(trusting.info().await.unwrap().actor.as_str(), "vera");
    let doubting = Remote::new(&running.url, Some(&token), None, Via::Cli).unwrap();
    assert!(matches!(doubting.info().await, Err(BackendError::Unreachable { .. })));
    let plain = raw(running.address, &request("GET /healthz", "")).await;
    assert!(!plain.contains("200 OK"), "{plain}");
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named_with_its_file() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (elsewhere, _) = certificate(other.path());
    let missing = folder.path().join("none.pem");
    for (tls, named) in [
        (TlsFiles { cert: missing.clone(), ..files.clone() }, missing.clone()),
        (TlsFiles { key: missing.clone(), ..files.clone() }, missing),
        (TlsFiles { cert: files.key.clone(), ..files.clone() }, files.key.clone()),
        (TlsFiles { key: files.cert.clone(), ..files.clone() }, files.cert.clone()),
        (TlsFiles { key: elsewhere.key, ..files.clone() }, files.cert.clone()),
    ] {
        let said = Server::bind(world.control.clone(), ServerOptions { tls: Some(tls), ..options() }).unwrap_err();
        assert!(said.to_string().contains(&named.display().to_string()), "{said}");
    }
}

#[tokio::test]
async fn a_client_that_dawdles_is_let_go() {
    let world = World::new().await;
    let mut set = options();
    set.limits.header_time = Duration::from_millis(300);
    set.limits.body_time = Duration::from_millis(300);
    let running = run(&world, set);
    let begun = Instant::now();
    let answer = raw(running.address, b"GET /healthz HTTP/1.1\r\nHost: local").await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let headers = "Content-Type: application/json\r\nContent-Length: 100\r\n";
    let answer = raw(running.address, &request("POST /api/v1/rollouts", headers)).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("did not arrive whole"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_why() {
    let world = World::new().await;
    let running = run(&world, options());
    let size = 3 * 1024 * 1024;
    let head = |how: &str| request("POST /api/v1/windows", &format!("Content-Type: application/json\r\n{how}\r\n"));
    let mut declared = head(&format!("Content-Length: {size}"));
    declared.extend(std::iter::repeat_n(b' ', size));
    let mut chunked = head("Transfer-Encoding: chunked");
    for _ in 0..48 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend(std::iter::repeat_n(b' ', 0x10000));
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    for sent in [declared, chunked] {
        let answer = raw(running.address, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("too-large"), "{answer}");
    }
    let many = "X-Filler: a\r\n".repeat(100);
    let answer = raw(running.address, &request("GET /healthz", &many)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("too-large"), "{answer}");
    let huge = format!("X-Filler: {}\r\n", "a".repeat(200_000));
    let answer = raw(running.address, &request("GET /healthz", &huge)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn more_connections_than_there_are_places_for_are_closed_and_places_come_free() {
    let world = World::new().await;
    let mut set = options();
    set.limits.connections = 2;
    let running = run(&world, set);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    assert_eq!(raw(running.address, &request("GET /healthz", "")).await, "");
    held.clear();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !raw(running.address, &request("GET /healthz", "")).await.contains("200 OK") {
        assert!(Instant::now() < deadline, "no place came free");
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn when_it_ends_held_requests_are_answered_at_once_and_idle_connections_closed() {
    let world = World::new().await;
    world.rollout().await;
    let running = run(&world, options());
    let cursor = world.get("/api/v1/rollouts").await.json["cursor"].as_str().unwrap().to_owned();
    let tag = world.get("/api/v1/rollouts/dc-west/pick-assist").await.header("etag").to_owned();
    let mut held = Vec::new();
    for (line, more, expected) in [
        (format!("GET /api/v1/rollouts?wait=30&after={cursor}"), String::new(), "HTTP/1.1 200"),
        (
            "GET /api/v1/rollouts/dc-west/pick-assist?wait=30".to_owned(),
            format!("If-None-Match: {tag}\r\n"),
            "HTTP/1.1 304",
        ),
        ("GET /agent/v1/groups/dc-west/sites/s9/lanes/main/desired?wait=30".to_owned(), String::new(), "HTTP/1.1 204"),
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(&request(&line, &more)).await.unwrap();
        held.push((stream, expected));
    }
    // An idle connection must not hold it up either.
    let _idle = TcpStream::connect(running.address).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let metrics = raw(running.address, &request("GET /metrics", "")).await;
        // The three, and the request for the figures itself.
        if metrics.contains("rolldeck_http_requests_in_flight 4") {
            break;
        }
        assert!(Instant::now() < deadline, "the requests are not held: {metrics}");
        tokio::task::yield_now().await;
    }
    let took = running.stop().await;
    assert!(took < Duration::from_secs(5), "it took {took:?} to end");
    for (mut stream, expected) in held {
        let answer = read(&mut stream).await;
        assert!(answer.starts_with(expected), "expected {expected}, got {answer}");
    }
}
