//! Subcommands against a stand-in server that answers what a test wants it to.

use std::io::Read as _;

use rolldeck::wire::{Code, Problem};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, method, path},
};

use super::{Ran, Shell};

const WHY: &str = "canary is slower than the rest";

fn rollout(phase: &str) -> Value {
    json!({
        "target": "dc-west", "name": "pick-assist", "driver": "fleet", "revision": "r3", "phase": phase,
        "message": "soaking", "strategy": "staged", "stable": {"version": "1.0", "snapshot": null},
        "candidate": {"version": "2.0\u{1b}]0;owned\u{7}", "snapshot": null},
        "exposure": {"percent": 18.3, "units": 11, "units_total": 60},
        "stages": [{"name": "canary", "state": "progressing", "selects": "1 site",
            "exposure": {"percent": 100.0, "units": 1, "units_total": 1},
            "gates": [{"name": "health", "kind": "expression", "expression": "runtime_healthy", "state": "not_yet",
                "detail": "false on dc-w-1/main", "since": null}],
            "entered_at": "2026-01-01T00:00:00Z", "hold_until": null, "finished_at": null}],
        "current_stage": "canary",
        "blockers": [{"kind": "gate", "summary": "gate health: not yet", "since": null, "until": null}],
        "slis": [], "verdict": {"label": "no_data", "score": null, "why": ""}, "freeze": null, "next": null,
        "owner": "team-picking", "correlation_id": "c", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "observed_at": null,
        "failures": [{"site": "dc-w-1", "lane": "main", "category": "apply",
            "output_tail": "no space\u{1b}[2J\nleft", "at": "2026-01-01T00:00:00Z"}]
    })
}

fn reply(outcome: &str) -> Value {
    json!({
        "outcome": outcome,
        "effect": {"summary": "stops where it is", "changes": ["no unit is told"], "unchanged": ["11 units keep 2.0"],
            "checks": [{"state": "pass", "text": "you may"}], "units": 0},
        "audit": null, "rollout": rollout("paused")
    })
}

struct Deck {
    shell: Shell,
    server: MockServer,
}

impl Deck {
    async fn new() -> Self {
        Self { shell: Shell::new(), server: MockServer::start().await }
    }

    async fn answers(&self, verb: &str, at: &str, template: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(template).mount(&self.server).await;
    }

    fn run(&self, args: &[&str]) -> Ran {
        let uri = self.server.uri();
        self.shell.run(&[args, &["--server", &uri]].concat())
    }

    async fn sent(&self, verb: &str) -> Vec<wiremock::Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.method.as_str() == verb).collect()
    }
}

const ROLLOUT: &str = "/api/v1/rollouts/dc-west/pick-assist";
const ACTIONS: &str = "/api/v1/rollouts/dc-west/pick-assist/actions";

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reason_nothing_is_sent() {
    let deck = Deck::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&deck.server).await;
    let plan = deck.shell.file("plan.yaml", "rollout: a\n");
    let plan = plan.to_str().unwrap();
    let table: [&[&str]; 8] = [
        &["pause", "dc-west/pick-assist"],
        &["pause", "dc-west/pick-assist", "--reason", "too short"],
        &["rollback", "dc-west/pick-assist", "--reason", "         x         "],
        &["promote", "dc-west/pick-assist", "--full", "--reason", "two\nlines of reason"],
        &["start", plan],
        &["window", "add", "--scope", "dc-west"],
        &["window", "lift", "w-1", "--reason", "no"],
        &["snapshot", "add", "--version", "1", "--known-good"],
    ];
    for args in table {
        deck.run(args).exits(2).says("reason");
    }
    deck.run(&["pause", "dc-west/pick-assist", "--reason", WHY, "--read-only"]).exits(2).says("read-only");
    assert!(deck.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_refusal_has_its_exit_code() {
    let table = [
        (Code::ReasonRequired, 2),
        (Code::NotFound, 3),
        (Code::Blocked, 4),
        (Code::RevisionMismatch, 5),
        (Code::RevisionRequired, 5),
        (Code::Forbidden, 6),
        (Code::Unauthenticated, 6),
        (Code::DriverFailed, 1),
        (Code::Unavailable, 7),
    ];
    for (code, exit) in table {
        let deck = Deck::new().await;
        let problem = Problem::new(code, "said by the server");
        let body = serde_json::to_vec(&problem).unwrap();
        let answer = ResponseTemplate::new(code.status()).set_body_raw(body, "application/problem+json");
        deck.answers("POST", ACTIONS, answer).await;
        let ran = deck.run(&["pause", "dc-west/pick-assist", "-r", WHY]).exits(exit).says("said by the server");
        assert!(ran.out.is_empty());
        assert_eq!(deck.sent("POST").await.len(), 1, "a refusal is not asked for again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_widens_a_change_names_the_revision_it_read_and_what_stops_it_names_none() {
    let deck = Deck::new().await;
    deck.answers("GET", ROLLOUT, ok(rollout("awaiting_promotion"))).await;
    deck.answers("POST", ACTIONS, ok(reply("applied"))).await;
    let ran = deck.run(&["promote", "dc-west/pick-assist", "-r", WHY]).exits(0).says("at revision r3");
    assert!(ran.out.contains("applied") && ran.out.contains("paused"), "{ran:?}");
    deck.run(&["rollback", "dc-west/pick-assist", "-r", WHY]).exits(0);
    deck.run(&["pause", "dc-west/pick-assist", "-r", WHY, "--if-revision", "r9"]).exits(0);

    let sent = deck.sent("POST").await;
    let header = |n: usize, name: &str| sent[n].headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header(0, "if-match").as_deref(), Some("\"r3\""));
    assert_eq!(header(1, "if-match"), None);
    assert_eq!(header(2, "if-match").as_deref(), Some("\"r9\""));
    assert_eq!(deck.sent("GET").await.len(), 1, "a rollback does not wait for a read");
    assert_ne!(header(0, "idempotency-key"), header(1, "idempotency-key"));
    assert_eq!(header(0, "rolldeck-via").as_deref(), Some("cli"));
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!((body["action"].as_str(), body["reason"].as_str()), (Some("promote"), Some(WHY)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_needs_no_reason_and_changes_nothing() {
    let deck = Deck::new().await;
    deck.answers("POST", ACTIONS, ok(reply("intended"))).await;
    let ran = deck.run(&["pause", "dc-west/pick-assist", "--dry-run"]).exits(0);
    assert!(ran.out.contains("11 units keep 2.0"), "{ran:?}");
    let sent = deck.sent("POST").await;
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(body["dry_run"], true);
    assert!(!sent[0].headers.contains_key("idempotency-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_not_done_is_not_exit_code_0() {
    for (outcome, exit) in [("applied", 0), ("no_op", 0), ("refused", 4), ("failed", 1), ("unconfirmed", 8)] {
        let deck = Deck::new().await;
        deck.answers("POST", ACTIONS, ok(reply(outcome))).await;
        let json = deck.run(&["pause", "dc-west/pick-assist", "-r", WHY, "-o", "json"]).exits(exit).json();
        assert_eq!(json["outcome"], outcome);
    }
}

#[test]
fn a_server_that_is_not_there_is_7_and_an_answer_that_is_lost_is_8_after_asking_again_with_the_same_key() {
    let shell = Shell::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pause = ["pause", "dc-west/pick-assist", "-r", WHY, "--idempotency-key", "mine-1", "--server", &url];
    // It takes each request and closes without an answer.
    let requests = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for stream in listener.incoming().take(5) {
            let (mut stream, mut text) = (stream.unwrap(), Vec::new());
            let mut buffer = [0; 4096];
            while !text.windows(4).any(|window| window == b"\r\n\r\n") {
                let n = stream.read(&mut buffer).unwrap();
                text.extend_from_slice(&buffer[..n]);
            }
            requests.push(String::from_utf8_lossy(&text).to_lowercase());
        }
        requests
    });
    shell.run(&pause).exits(8).says("unconfirmed").says("--idempotency-key mine-1");
    let requests = requests.join().unwrap();
    assert!(requests.iter().all(|request| request.contains("idempotency-key: mine-1")), "{requests:?}");
    // Now nobody listens there any more.
    let ran = shell.run(&pause).exits(7).says("cannot connect");
    assert!(!ran.err.contains("asking again"), "{ran:?}");
    shell.run(&["list", "--server", &url]).exits(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_the_apis_json_and_tables_let_no_hostile_text_through() {
    let deck = Deck::new().await;
    let page = json!({"rollouts": [rollout("progressing")], "cursor": "c1", "as_of": "2026-01-01T01:00:00Z"});
    deck.answers("GET", "/api/v1/rollouts", ok(page)).await;
    deck.answers("GET", ROLLOUT, ok(rollout("progressing"))).await;
    let json = deck.run(&["list", "-o", "json"]).exits(0).json();
    assert_eq!((json["rollouts"][0]["revision"].as_str(), json["cursor"].as_str()), (Some("r3"), Some("c1")));
    let table = deck.run(&["list"]).exits(0);
    assert!(table.out.contains("dc-west/pick-assist") && table.out.contains("11/60 (18%)"), "{table:?}");
    assert!(deck.run(&["list", "--phase", "completed", "-o", "json"]).exits(0).json()["rollouts"][0].is_null());
    let yaml = deck.run(&["show", "dc-west/pick-assist", "-o", "yaml"]).exits(0);
    assert!(yaml.out.contains("revision: r3"), "{yaml:?}");
    let show = deck.run(&["show", "dc-west/pick-assist"]).exits(0);
    for said in ["gate health: not yet", "false on dc-w-1/main", "apply", "no space", "  | left"] {
        assert!(show.out.contains(said), "no {said:?} in {}", show.out);
    }
    for text in [table.out, show.out, yaml.out] {
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_it_is_there_when_it_never_will_be_and_when_time_is_up() {
    let table = [("completed", "completed", 0), ("rolled_back", "completed", 1), ("rollback_failed", "completed", 1)];
    for (phase, wanted, exit) in table {
        let deck = Deck::new().await;
        deck.answers("GET", ROLLOUT, ok(rollout(phase))).await;
        deck.run(&["wait", "dc-west/pick-assist", "--for", wanted]).exits(exit);
    }
    let deck = Deck::new().await;
    deck.answers("GET", ROLLOUT, ok(rollout("progressing"))).await;
    let wait = ["wait", "dc-west/pick-assist", "--for", "completed,paused", "--timeout", "300ms"];
    deck.run(&wait).exits(1).says("not completed or paused in time").says("is progressing in stage canary: soaking");

    let deck = Deck::new().await;
    let body = serde_json::to_vec(&Problem::new(Code::NotFound, "there is no such rollout")).unwrap();
    let answer = ResponseTemplate::new(404).set_body_raw(body, "application/problem+json");
    deck.answers("GET", ROLLOUT, answer).await;
    deck.run(&wait).exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nonsense_is_said_to_do_so() {
    let deck = Deck::new().await;
    let html = ResponseTemplate::new(200).set_body_raw("<html>\u{1b}[31m</html>", "text/html");
    Mock::given(any()).respond_with(html).mount(&deck.server).await;
    for args in [&["list"][..], &["show", "dc-west/pick-assist"], &["audit", "list"], &["window", "list"]] {
        let ran = deck.run(args).exits(7).says("text/html");
        assert!(ran.out.is_empty() && !ran.err.contains('\u{1b}'), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_plan_is_named_by_file_and_line_before_anything_is_sent() {
    let deck = Deck::new().await;
    let plan = deck.shell.file("plan.yaml", "rollout: pick-assist\ntarget: dc-west\nstages:\n  - canary: one site\n");
    let plan = plan.to_str().unwrap();
    let ran = deck.run(&["start", plan, "-r", WHY]).exits(2).says(plan).says("line ");
    assert!(ran.out.is_empty());
    deck.run(&["start", "/nowhere.yaml", "-r", WHY]).exits(2).says("/nowhere.yaml");
    assert!(deck.server.received_requests().await.unwrap().is_empty());
}
