//! Text from outside on its whole way: from agents, files and servers that mean harm, to the terminal.

use std::time::Duration;

use serde_json::json;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::dashboard::{arguments, dashboard};
use crate::{
    journey::stage::{Stage, WHY},
    support::{bytes, pty::SOON},
};

/// Steers a terminal in as many ways as fit into a line.
const BAD: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}gnp\u{200b}\r\nx\u{1b}[6n\u{1b}]52;c;b3du\u{1b}\\\u{1b}P+q544e\u{1b}\\日本語";

#[test]
fn what_agents_and_plans_say_reaches_the_terminal_as_text() {
    let mut stage = Stage::new();
    // Bytes that are no text at all, and sequences, in what a command prints before it fails.
    let apply = "printf '\\377\\376\\033[2J\\033]0;owned\\007\\302\\233cafter'; exit 3";
    stage.agent_with("s1", apply, "echo '{\"runtime_healthy\": true}'");
    stage.wait("a unit", |stage| stage.json(&["site", "list"])["sites"].as_array().map(Vec::len) == Some(1));
    let snapshot = stage.snapshot("2.0", &[]);
    // As YAML lets it be written.
    let owner: String = BAD.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let path = stage.path("plan.yaml");
    let text = format!(
        "rollout: pick-assist\ntarget: dc-west\nsnapshot: {snapshot}\nowner: \"{owner}\"\ngates:\n  health: runtime_healthy\nstages:\n  - canary: 1 site\n"
    );
    std::fs::write(&path, &text).unwrap();
    let output = stage.run(&["start", path.to_str().unwrap(), "--reason", WHY]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("owner: a control or invisible character"), "{said}");
    std::fs::write(&path, text.replace(&owner, "team-日本語")).unwrap();
    let output = stage.run(&["start", path.to_str().unwrap(), "--reason", WHY]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stage.wait("a failure", |stage| {
        let shown = stage.json(&["show", "dc-west/pick-assist"]);
        shown["failures"].as_array().is_some_and(|all| !all.is_empty())
    });
    let mut pty = dashboard(&stage, &[], 120, 40);
    pty.wait_for("pick-assist");
    pty.keys("\r");
    pty.wait_for("timeline");
    pty.until("the output's end", SOON, |pty| pty.screen().contains("after"));
    for keys in ["\t", "\t", "f", "\t", "\t", "d", "\x1b", "4", "\r", "3", "1"] {
        pty.keys(keys);
        pty.quiet(Duration::from_millis(60));
    }
    bytes::check_frames(&pty.bytes_since(0), "what agents say");
    assert!(!String::from_utf8_lossy(&pty.bytes_since(0)).contains("owned\u{7}"));
}

/// A server that answers everything with this.
async fn answering(template: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

#[test]
fn a_server_that_answers_nonsense_or_harm_is_said_in_a_sentence_and_the_program_stays() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stage = Stage::new();
    let problem = json!({
        "type": BAD, "title": BAD, "status": 409, "detail": BAD, "code": "blocked", "field": BAD,
        "blockers": [{ "kind": "breach", "summary": BAD, "since": null, "until": null }],
    });
    let answers: Vec<(&str, ResponseTemplate)> = vec![
        (
            "a problem that steers",
            ResponseTemplate::new(409).set_body_raw(problem.to_string(), "application/problem+json"),
        ),
        (
            "bytes",
            ResponseTemplate::new(200).set_body_raw(vec![0xff, 0xfe, 0x1b, b'[', b'2', b'J'], "application/json"),
        ),
        ("a page of HTML", ResponseTemplate::new(502).set_body_raw(format!("<html>{BAD}</html>"), "text/html")),
        ("JSON without end", ResponseTemplate::new(200).set_body_raw("[".repeat(200_000), "application/json")),
        ("nothing", ResponseTemplate::new(200)),
        (
            "headers that steer",
            ResponseTemplate::new(401).insert_header("x-actor", "a\u{9b}31m").set_body_raw(BAD, "text/plain"),
        ),
    ];
    for (what, answer) in answers {
        let server = runtime.block_on(answering(move |_| answer.clone()));
        let mut pty = arguments(&stage, &["--server", &server.uri()], &[], 100, 30);
        pty.wait_for("ROLLOUTS");
        pty.until(what, SOON, |pty| pty.screen().contains("LOST"));
        for keys in ["3", "4", "5", "6", "9", "?", "\x1b", "1"] {
            pty.keys(keys);
            pty.quiet(Duration::from_millis(60));
        }
        bytes::check(&pty.bytes_since(0), what);
        pty.keys("q");
        assert_eq!(pty.ended().0, 0, "{what}");
        bytes::check_frames(&pty.bytes_since(0), what);
    }
}
