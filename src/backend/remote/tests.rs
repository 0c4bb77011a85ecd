//! Tests against servers that behave, and servers that do not.

use std::time::Instant;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, header_exists, method, path, query_param},
};

use super::*;
use crate::{
    backend::{Code, Problem},
    domain::{Action, Outcome, Revision},
};

fn token() -> TokenText {
    TokenText::new([0xab; 5], &[0xcd; 32])
}

fn remote(url: &str) -> Remote {
    Remote::new(url, Some(&token()), None, Via::Cli).unwrap()
}

fn rollout_json() -> serde_json::Value {
    json!({
        "target": "dc-west", "name": "pick-assist", "driver": "fleet", "revision": "r3", "phase": "progressing",
        "message": "", "strategy": "staged", "stable": {"version": null, "snapshot": null},
        "candidate": {"version": "2\u{1b}[31m.0", "snapshot": null},
        "exposure": {"percent": 0.0, "units": 0, "units_total": 0}, "stages": [], "current_stage": null,
        "blockers": [], "slis": [], "verdict": {"label": "no_data", "score": null, "why": ""}, "freeze": null,
        "next": null, "owner": "team-picking", "correlation_id": "c", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "observed_at": null
    })
}

fn id() -> RolloutId {
    "dc-west/pick-assist".parse().unwrap()
}

fn action() -> ActionRequest {
    serde_json::from_value(json!({"action": "promote", "reason": "canary looks healthy"})).unwrap()
}

#[tokio::test]
async fn an_action_carries_token_key_revision_and_what_the_client_is() {
    let server = MockServer::start().await;
    let reply = json!({
        "outcome": "applied",
        "effect": {"summary": "s", "changes": [], "unchanged": [], "checks": [], "units": 1},
        "audit": null, "rollout": rollout_json()
    });
    Mock::given(method("POST"))
        .and(path("/deck/api/v1/rollouts/dc-west/pick-assist/actions"))
        .and(header("authorization", format!("Bearer {}", token().expose())))
        .and(header("idempotency-key", "k1"))
        .and(header("if-match", "\"r3\""))
        .and(header("rolldeck-via", "cli"))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(reply))
        .expect(1)
        .mount(&server)
        .await;
    let conditions = Conditions { revision: Some(Revision("r3".into())), idempotency_key: Some("k1".to_owned()) };
    let reply = remote(&format!("{}/deck", server.uri())).act(&id(), action(), conditions).await.unwrap();
    assert_eq!(reply.outcome, Outcome::Applied);
    // Text of a server passes the domain's types.
    assert!(!reply.rollout.unwrap().candidate.version.unwrap().as_str().contains('\u{1b}'));
    assert_eq!(action().action, Action::Promote);
}

#[tokio::test]
async fn a_rollout_is_held_by_its_tag_and_unchanged_when_the_server_says_so() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/rollouts/dc-west/pick-assist"))
        .and(header("if-none-match", "\"t1\""))
        .and(query_param("wait", "20"))
        .respond_with(ResponseTemplate::new(304))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/rollouts/dc-west/pick-assist"))
        .respond_with(ResponseTemplate::new(200).insert_header("etag", "\"t1\"").set_body_json(rollout_json()))
        .mount(&server)
        .await;
    let remote = remote(&server.uri());
    let wait = Duration::from_secs(20);
    let Tagged::Fresh(rollout, tag) = remote.rollout(&id(), None, wait).await.unwrap() else { panic!() };
    assert_eq!((rollout.revision.to_string().as_str(), tag.as_str()), ("r3", "t1"));
    assert_eq!(remote.rollout(&id(), Some(tag), wait).await.unwrap(), Tagged::Unchanged);
}

#[tokio::test]
async fn a_problem_arrives_as_it_was_said() {
    let server = MockServer::start().await;
    let problem = Problem::new(Code::Blocked, "the window w-1 holds dc-west").in_field("x");
    let body = serde_json::to_vec(&problem).unwrap();
    Mock::given(any())
        .respond_with(ResponseTemplate::new(409).set_body_raw(body, "application/problem+json"))
        .mount(&server)
        .await;
    let error = remote(&server.uri()).act(&id(), action(), Conditions::default()).await.unwrap_err();
    assert_eq!(error, BackendError::Problem(Box::new(problem)));
    assert!(!error.may_have_been_sent());
}

#[tokio::test]
async fn what_is_no_answer_becomes_a_typed_error_that_shows_no_token() {
    let html = "<html>hello</html>";
    let wrong = [
        (ResponseTemplate::new(200).set_body_raw(html, "text/html"), "text/html"),
        (ResponseTemplate::new(200).set_body_raw("{\"rollouts\": [", "application/json"), "EOF"),
        (ResponseTemplate::new(200).set_body_raw("{\"hello\": 1}", "application/json"), "missing field"),
        (ResponseTemplate::new(200).set_body_raw([0xff, 0xfe, 0x00], "application/json"), ""),
        (ResponseTemplate::new(200), "no content type"),
        (ResponseTemplate::new(404).set_body_raw(html, "text/html"), "HTTP 404"),
        (ResponseTemplate::new(418).set_body_json(json!({"teapot": true})), "HTTP 418"),
        (ResponseTemplate::new(200).set_body_raw("[".repeat(100_000), "application/json"), ""),
    ];
    for (answer, said) in wrong {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let error = remote(&server.uri()).view(None, Duration::ZERO).await.unwrap_err();
        assert!(matches!(&error, BackendError::Nonsense { why, .. } if why.contains(said)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("cdcd"));
    }
}

#[tokio::test]
async fn a_proxy_that_has_no_server_behind_it_is_a_server_that_is_not_there() {
    for (status, unreachable) in [(502, true), (503, true), (504, true), (500, false)] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_raw("oops", "text/plain"))
            .mount(&server)
            .await;
        let error = remote(&server.uri()).view(None, Duration::ZERO).await.unwrap_err();
        assert_eq!(matches!(error, BackendError::Unreachable { .. }), unreachable, "{error:?}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn a_token_never_follows_a_redirect() {
    let elsewhere = MockServer::start().await;
    Mock::given(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&elsewhere)
        .await;
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(307).insert_header("location", elsewhere.uri()))
        .mount(&server)
        .await;
    let error = remote(&server.uri()).view(None, Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

/// A server that reads a request and then writes what it is told, again and again.
async fn raw(head: &'static str, chunk: Vec<u8>, times: usize, hang: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut seen = Vec::new();
            while !seen.windows(4).any(|w| w == b"\r\n\r\n") {
                let mut buffer = [0; 4096];
                match socket.read(&mut buffer).await {
                    Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
                    _ => break,
                }
            }
            let _ = socket.write_all(head.as_bytes()).await;
            for _ in 0..times {
                if socket.write_all(&chunk).await.is_err() {
                    break;
                }
            }
            if hang {
                std::future::pending::<()>().await;
            }
        }
    });
    url
}

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    let endless = format!("{JSON}connection: close\r\n\r\n{{\"rollouts\": \"");
    let url = raw(endless.leak(), vec![b'a'; 1024 * 1024], 100, false).await;
    let error = remote(&url).view(None, Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, BackendError::Nonsense { why, .. } if why.contains("longer than")), "{error:?}");

    let announced = format!("{JSON}content-length: 104857600\r\n\r\n");
    let url = raw(announced.leak(), Vec::new(), 0, true).await;
    let error = remote(&url).view(None, Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, BackendError::Nonsense { why, .. } if why.contains("longer than")), "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_and_what_is_not_http_are_said_to_be_that() {
    let broken = format!("{JSON}content-length: 100\r\n\r\n{{\"roll");
    let url = raw(broken.leak(), Vec::new(), 0, false).await;
    let error = remote(&url).view(None, Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, BackendError::Unreachable { why, .. } if why.contains("broke off")), "{error:?}");
    assert!(error.may_have_been_sent());

    let url = raw("SSH-2.0-OpenSSH_9.6\r\n\x1b[2J\r\n", Vec::new(), 0, false).await;
    let error = remote(&url).view(None, Duration::ZERO).await.unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_told_apart_from_an_answer_that_was_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = remote(&url).act(&id(), action(), Conditions::default()).await.unwrap_err();
    assert!(!error.may_have_been_sent(), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");

    let url = raw("", Vec::new(), 0, false).await;
    let error = remote(&url).act(&id(), action(), Conditions::default()).await.unwrap_err();
    assert!(error.may_have_been_sent(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_does_not_hold_the_client() {
    let url = raw("", Vec::new(), 0, true).await;
    let started = Instant::now();
    let impatient = Remote { grace: Duration::from_millis(300), ..remote(&url) };
    let error = impatient.view(None, Duration::ZERO).await.unwrap_err();
    assert!(started.elapsed() < GRACE);
    assert!(matches!(&error, BackendError::Unreachable { why, .. } if why.contains("timed out")), "{error:?}");
}
