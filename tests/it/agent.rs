//! A real agent with real commands, against a stand-in server on loopback.

mod real;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use rolldeck::{
    agent::{self, AgentError, AgentOptions},
    domain::{Digest, FailureCategory, Report, ReportState},
    wire::{Code, Desired, Problem},
};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the stand-in knows and answers.
#[derive(Debug, Default)]
struct Script {
    order: Option<Desired>,
    refuse_polls: Option<Code>,
    refuse_reports: Option<Code>,
    artifact: Vec<u8>,
    polls: Vec<BTreeMap<String, String>>,
    reports: Vec<Report>,
    refused_reports: usize,
    authorization: Option<String>,
    /// What it answers for the unit's flags.
    flags: String,
    flag_polls: usize,
}

#[derive(Debug, Clone, Default)]
struct StandIn(Arc<Mutex<Script>>);

impl StandIn {
    fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// Serves at a port (0: any) until the server is dropped, which closes every connection.
    fn serve(&self, port: u16) -> Server {
        let deadline = Instant::now() + Duration::from_secs(10);
        let listener = loop {
            match std::net::TcpListener::bind(("127.0.0.1", port)) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "the port stays taken: {error}"),
            }
            std::thread::yield_now();
        };
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let lane = "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}";
        let router = Router::new()
            .route(&format!("{lane}/desired"), get(desired))
            .route(&format!("{lane}/report"), post(report))
            .route(&format!("{lane}/flags"), get(flags))
            .route("/agent/v1/snapshots/{digest}/artifact", get(artifact))
            .with_state(self.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Server { port, runtime: Some(runtime) }
    }
}

/// A server with a runtime of its own, so that ending it ends its connections too.
struct Server {
    port: u16,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn problem(code: Code) -> Response {
    let body = serde_json::to_string(&Problem::new(code, "the stand-in refuses")).unwrap();
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

async fn desired(
    State(standin): State<StandIn>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let generation: u64 = query["generation"].parse().unwrap();
    let give_up = Instant::now() + Duration::from_secs(query["wait"].parse().unwrap());
    standin.with(|script| {
        script.authorization = headers.get("authorization").map(|v| v.to_str().unwrap().to_owned());
        script.polls.push(query);
    });
    loop {
        let (refusal, order) = standin.with(|script| (script.refuse_polls, script.order.clone()));
        match (refusal, order) {
            (Some(code), _) => return problem(code),
            (None, Some(order)) if order.generation != generation => {
                let body = serde_json::to_vec(&order).unwrap();
                return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
            }
            _ if Instant::now() >= give_up => return StatusCode::NO_CONTENT.into_response(),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn report(State(standin): State<StandIn>, report: Bytes) -> Response {
    let report: Report = serde_json::from_slice(&report).unwrap();
    standin.with(|script| match script.refuse_reports {
        Some(code) => {
            script.refused_reports += 1;
            problem(code)
        }
        None => {
            script.reports.push(report);
            StatusCode::NO_CONTENT.into_response()
        }
    })
}

/// Answers with a tag, and holds a question whose tag is the present one.
async fn flags(
    State(standin): State<StandIn>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let give_up = Instant::now() + Duration::from_secs(query["wait"].parse().unwrap());
    standin.with(|script| script.flag_polls += 1);
    loop {
        let text = standin.with(|script| script.flags.clone());
        let tag = format!("\"{}\"", Digest::of(Sha256::digest(text.as_bytes()).into()));
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        match (text.is_empty(), known) {
            (true, _) => return problem(Code::NotFound),
            (false, false) => return ([(header::ETAG, tag)], text).into_response(),
            (false, true) if Instant::now() >= give_up => return StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn artifact(State(standin): State<StandIn>) -> Vec<u8> {
    standin.with(|script| script.artifact.clone())
}

/// An agent's surroundings: a stand-in server and a directory for everything.
struct Site {
    standin: StandIn,
    server: Server,
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let standin = StandIn::default();
        let server = standin.serve(0);
        Self { standin, server, directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Apply writes what it is to run into a file; check measures it from there.
    fn options(&self) -> AgentOptions {
        let mut options = AgentOptions::new(
            &format!("http://127.0.0.1:{}", self.server.port),
            "dc-west".parse().unwrap(),
            "berlin".parse().unwrap(),
            self.path("state"),
        )
        .unwrap();
        let running = self.path("running").display().to_string();
        options.apply = format!("echo \"$ROLLDECK_SNAPSHOT\" > {running}; echo applied $ROLLDECK_VERSION");
        options.check =
            format!("test -f {running} || exit 1; printf '{{\"snapshot\":\"%s\",\"gap\":1}}' \"$(cat {running})\"");
        options.check_interval = Duration::from_millis(50);
        options
    }

    fn order(&self, generation: u64, byte: u8) {
        self.standin.with(|script| script.order = Some(order(generation, byte)));
    }

    async fn reported(&self, what: &str, is_it: impl Fn(&Report) -> bool) -> Report {
        let mut found = None;
        self.until(what, |script| {
            found = script.reports.iter().rev().find(|report| is_it(report)).cloned();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Script) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.standin.with(|script| holds(script)) {
            assert!(
                Instant::now() < deadline,
                "never: {what}; {:#?}",
                self.standin.with(|s| s.reports.last().cloned())
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn digest(byte: u8) -> Digest {
    Digest::of([byte; 32])
}

fn order(generation: u64, byte: u8) -> Desired {
    Desired {
        generation,
        snapshot: digest(byte),
        version: format!("v{byte}").as_str().into(),
        previous: Some(digest(byte - 1)),
        artifact: None,
        deadline: 60,
    }
}

/// A running agent, ended when it goes.
struct Agent {
    stop: CancellationToken,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Agent {
    fn start(options: AgentOptions) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(agent::run(options, stop.clone()));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("it ends").unwrap().unwrap();
    }
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_order_is_applied_measured_and_reported_healthy() {
    let site = Site::new();
    let mut options = site.options();
    options.labels.insert("region".to_owned(), "eu".into());
    let agent = Agent::start(options);
    let idle = site.reported("facts before any order", |r| r.state == ReportState::Idle).await;
    assert_eq!((idle.generation, idle.measured), (0, None));
    site.order(1, 7);
    let healthy = site.reported("healthy", |r| r.state == ReportState::Healthy).await;
    assert_eq!(healthy.generation, 1);
    assert_eq!(healthy.measured, Some(digest(7)));
    assert_eq!(healthy.claimed, None);
    assert_eq!(healthy.facts.len(), 1);
    assert_eq!(healthy.labels["region"].as_str(), "eu");
    assert!(healthy.checked_at.is_some());
    let states: Vec<ReportState> =
        site.standin.with(|script| script.reports.iter().filter(|r| r.generation == 1).map(|r| r.state).collect());
    let healthy_at = states.iter().position(|state| *state == ReportState::Healthy).unwrap();
    assert!(
        states[..healthy_at].iter().all(|state| matches!(state, ReportState::Applying | ReportState::Applied)),
        "{states:?}"
    );
    let poll = site.standin.with(|script| script.polls[0].clone());
    assert_eq!(poll["label"], "region=eu");
    agent.stop().await;
}

#[tokio::test]
async fn a_preflight_refusal_is_told_apart_from_a_failure_and_both_show_their_output() {
    let site = Site::new();
    std::fs::write(site.path("running"), digest(1).to_string()).unwrap();
    let mut options = site.options();
    options.apply =
        "echo to stdout; echo disk almost full >&2; exit $(test $ROLLDECK_GENERATION = 1 && echo 3 || echo 9)"
            .to_owned();
    let agent = Agent::start(options);
    site.order(1, 2);
    let refused = site.reported("preflight", |r| r.state == ReportState::Failed && r.generation == 1).await;
    assert_eq!(refused.category, Some(FailureCategory::Preflight));
    assert!(refused.output_tail.as_str().contains("disk almost full"), "{}", refused.output_tail);
    site.order(2, 2);
    let failed =
        site.reported("apply", |r| r.state == ReportState::Failed && r.generation == 2 && r.measured.is_some()).await;
    assert_eq!(failed.category, Some(FailureCategory::Apply));
    assert!(failed.output_tail.as_str().contains("to stdout") && failed.output_tail.as_str().contains("exited 9"));
    assert_eq!(failed.measured, Some(digest(1)), "what runs is measured after a failure too");
    agent.stop().await;
}

#[tokio::test]
async fn an_apply_past_its_deadline_is_killed_with_everything_it_started() {
    let site = Site::new();
    let mut options = site.options();
    let pids = site.path("pids");
    options.apply = format!("sleep 300 & echo $! > {0}; echo $$ >> {0}; echo hanging; wait", pids.display());
    options.apply_deadline = Duration::from_millis(400);
    let agent = Agent::start(options);
    site.order(1, 2);
    let failed = site.reported("failed", |r| r.state == ReportState::Failed).await;
    assert_eq!(failed.category, Some(FailureCategory::Apply));
    assert!(failed.output_tail.as_str().contains("hanging") && failed.output_tail.as_str().contains("was killed"));
    for pid in lines(&pids) {
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while rustix::process::test_kill_process(pid).is_ok() && is_alive(pid) {
            assert!(Instant::now() < deadline, "{pid:?} outlived the deadline");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    agent.stop().await;
}

/// Not a zombie that nobody has reaped yet.
fn is_alive(pid: rustix::process::Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

#[tokio::test]
async fn what_was_not_measured_is_only_claimed_and_what_measures_differently_is_not_healthy() {
    let site = Site::new();
    let mut options = site.options();
    let says = site.path("says");
    std::fs::write(&says, "").unwrap();
    options.apply = "true".to_owned();
    options.check = format!("cat {}", says.display());
    let agent = Agent::start(options);
    site.order(1, 7);
    let claimed = site.reported("claimed", |r| r.state == ReportState::Healthy).await;
    assert_eq!((claimed.measured, claimed.claimed), (None, Some(digest(7))));
    std::fs::write(site.path("next"), format!("{{\"snapshot\":\"{}\"}}", digest(6))).unwrap();
    std::fs::rename(site.path("next"), &says).unwrap();
    let other = site.reported("unhealthy", |r| r.state == ReportState::Unhealthy).await;
    assert_eq!(other.category, Some(FailureCategory::Verify));
    assert_eq!((other.measured, other.claimed), (Some(digest(6)), None));
    assert!(other.output_tail.as_str().contains("was ordered"), "{}", other.output_tail);
    std::fs::write(site.path("next"), "no json").unwrap();
    std::fs::rename(site.path("next"), &says).unwrap();
    let unknown = site.reported("facts unknown", |r| r.output_tail.as_str().contains("not one JSON object")).await;
    assert!(unknown.facts.is_empty() && unknown.measured.is_none());
    agent.stop().await;
}

#[tokio::test]
async fn a_server_that_restarts_finds_its_agents_again_with_their_newest_state() {
    let mut site = Site::new();
    site.order(1, 7);
    let agent = Agent::start(site.options());
    site.reported("healthy", |r| r.state == ReportState::Healthy).await;
    let port = site.server.port;
    site.server = Site::new().server;
    site.order(2, 8);
    site.standin.with(|script| script.reports.clear());
    site.server = site.standin.serve(port);
    let healthy = site.reported("the new order", |r| r.generation == 2 && r.state == ReportState::Healthy).await;
    assert_eq!(healthy.measured, Some(digest(8)));
    agent.stop().await;
}

#[tokio::test]
async fn a_refused_agent_says_why_and_does_nothing() {
    for code in [Code::Unauthenticated, Code::Forbidden, Code::NotFound] {
        let site = Site::new();
        site.order(1, 7);
        site.standin.with(|script| script.refuse_polls = Some(code));
        let ended = agent::run(site.options(), CancellationToken::new()).await;
        let Err(AgentError::Refused(problem)) = ended else { panic!("{ended:?}") };
        assert_eq!(problem.code, code);
        assert!(!site.path("running").exists());
        assert!(site.standin.with(|script| script.reports.is_empty()));
    }
}

#[tokio::test]
async fn an_older_order_is_never_carried_out() {
    let site = Site::new();
    site.order(5, 7);
    let agent = Agent::start(site.options());
    site.reported("healthy", |r| r.state == ReportState::Healthy).await;
    let polls = site.standin.with(|script| script.polls.len());
    site.order(4, 6);
    site.until("it was offered", |script| script.polls.len() > polls + 1).await;
    site.order(6, 8);
    let next = site.reported("the newer one", |r| r.generation == 6 && r.state == ReportState::Healthy).await;
    assert_eq!(next.measured, Some(digest(8)));
    assert!(site.standin.with(|script| script.reports.iter().all(|r| r.generation != 4)));
    agent.stop().await;
}

#[tokio::test]
async fn refused_reports_neither_spin_nor_stop_the_agent() {
    let site = Site::new();
    site.standin.with(|script| script.refuse_reports = Some(Code::Invalid));
    let agent = Agent::start(site.options());
    site.until("a refusal", |script| script.refused_reports > 0).await;
    let begun = Instant::now();
    site.order(1, 7);
    let deadline = begun + Duration::from_secs(20);
    while !site.path("running").exists() {
        assert!(Instant::now() < deadline, "the order was not carried out");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let allowed = 2 + begun.elapsed().as_secs() as usize / 5;
    assert!(site.standin.with(|script| script.refused_reports) <= allowed);
    agent.stop().await;
}

#[tokio::test]
async fn killed_in_the_middle_of_an_apply_it_ends_what_is_left_and_applies_again() {
    let site = Site::new();
    let log = site.path("log");
    let go = site.path("go");
    let mut options = site.options();
    options.apply = format!(
        "echo begin $$ >> {log}; test -f {go} || sleep 300; echo \"$ROLLDECK_SNAPSHOT\" > {running}; echo end >> {log}",
        log = log.display(),
        go = go.display(),
        running = site.path("running").display()
    );
    site.order(1, 7);
    let killed = KilledAgent::start(&options);
    let deadline = Instant::now() + Duration::from_secs(30);
    while lines(&log).is_empty() {
        assert!(Instant::now() < deadline, "it never began");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    site.until("it says so", |script| script.reports.iter().any(|r| r.state == ReportState::Applying)).await;
    killed.kill();
    std::fs::write(&go, "").unwrap();
    let agent = Agent::start(options);
    let healthy = site.reported("healthy", |r| r.state == ReportState::Healthy).await;
    assert_eq!((healthy.generation, healthy.measured), (1, Some(digest(7))));
    let log = lines(&log);
    assert_eq!(log.iter().map(|line| &line[..3]).collect::<Vec<_>>(), ["beg", "beg", "end"], "{log:?}");
    let first = log[0].strip_prefix("begin ").unwrap().parse().unwrap();
    assert!(!is_alive(rustix::process::Pid::from_raw(first).unwrap()), "two applies at a time");
    agent.stop().await;
}

/// The program's own agent, to be killed for good: its apply command is left behind.
struct KilledAgent(std::process::Child);

impl KilledAgent {
    fn start(options: &AgentOptions) -> Self {
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_rolldeck"))
            .args(["agent", "--server", options.server.as_str()])
            .args(["--group", options.group.as_str(), "--site", options.site.as_str()])
            .args(["--apply", &options.apply, "--check", &options.check])
            .arg("--state")
            .arg(&options.state_directory)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn told_to_end_it_lets_a_short_apply_finish_and_remembers_it() {
    let site = Site::new();
    let mut options = site.options();
    let begun = site.path("begun");
    options.apply = format!("touch {}; sleep 0.5; {}", begun.display(), options.apply);
    let agent = Agent::start(options.clone());
    site.order(1, 7);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !begun.exists() {
        assert!(Instant::now() < deadline, "it never began");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    agent.stop().await;
    assert_eq!(lines(&site.path("running")), [digest(7).to_string()]);
    assert!(site.standin.with(|script| script.reports.iter().any(|r| r.state == ReportState::Applied)));
    std::fs::remove_file(&begun).unwrap();
    site.standin.with(|script| script.reports.clear());
    let agent = Agent::start(options);
    site.reported("healthy after the restart", |r| r.state == ReportState::Healthy && r.generation == 1).await;
    assert!(!begun.exists(), "what was done is not done again");
    agent.stop().await;
}

#[tokio::test]
async fn applies_never_overlap_and_the_newest_order_wins() {
    let site = Site::new();
    let log = site.path("log");
    let mut options = site.options();
    options.apply = format!("echo begin >> {0}; sleep 0.1; {1}; echo end >> {0}", log.display(), options.apply);
    let agent = Agent::start(options);
    for generation in 1..=4 {
        site.order(generation, 10 + generation as u8);
        let told = lines(&log).len();
        let deadline = Instant::now() + Duration::from_secs(30);
        while lines(&log).len() == told {
            assert!(Instant::now() < deadline, "order {generation} never began");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let last = site.reported("the last order", |r| r.generation == 4 && r.state == ReportState::Healthy).await;
    assert_eq!(last.measured, Some(digest(14)));
    for pair in lines(&log).chunks(2) {
        assert_eq!(pair, ["begin", "end"]);
    }
    agent.stop().await;
}

#[tokio::test]
async fn an_artifact_reaches_the_command_only_when_it_is_what_its_digest_says() {
    let site = Site::new();
    let content = b"the release".to_vec();
    let snapshot = Digest::of(Sha256::digest(&content).into());
    let mut options = site.options();
    options.apply = format!("cat \"$ROLLDECK_ARTIFACT\" > {}", site.path("got").display());
    options.check = "true".to_owned();
    let with_artifact = |generation, snapshot: &Digest| Desired {
        snapshot: snapshot.clone(),
        artifact: Some(format!("/agent/v1/snapshots/{snapshot}/artifact").as_str().into()),
        ..order(generation, 9)
    };
    site.standin.with(|script| {
        script.artifact = content.clone();
        script.order = Some(with_artifact(1, &digest(9)));
    });
    let agent = Agent::start(options);
    let failed = site.reported("mismatch", |r| r.state == ReportState::Failed).await;
    assert_eq!(failed.category, Some(FailureCategory::Download));
    assert!(failed.output_tail.as_str().contains(&snapshot.to_string()), "{}", failed.output_tail);
    assert!(!site.path("got").exists());
    site.standin.with(|script| script.order = Some(with_artifact(2, &snapshot)));
    site.reported("applied", |r| r.generation == 2 && r.state == ReportState::Healthy).await;
    assert_eq!(std::fs::read(site.path("got")).unwrap(), content);
    site.standin.with(|script| {
        script.order =
            Some(Desired { artifact: Some("http://192.0.2.1/steal".into()), ..with_artifact(3, &digest(8)) });
    });
    let elsewhere = site.reported("another server", |r| r.generation == 3 && r.state == ReportState::Failed).await;
    assert_eq!(elsewhere.category, Some(FailureCategory::Download));
    assert!(elsewhere.output_tail.as_str().contains("not on this server"), "{}", elsewhere.output_tail);
    agent.stop().await;
}

#[tokio::test]
async fn a_second_agent_for_the_same_unit_is_refused() {
    let site = Site::new();
    let agent = Agent::start(site.options());
    site.until("the first one works", |script| !script.polls.is_empty()).await;
    let second = agent::run(site.options(), CancellationToken::new()).await;
    assert!(matches!(second, Err(AgentError::Locked { .. })), "{second:?}");
    agent.stop().await;
}

#[tokio::test]
async fn options_that_cannot_work_are_refused_with_the_rule() {
    let site = Site::new();
    let wrong: [(&str, fn(&mut AgentOptions)); 4] = [
        ("--apply is empty", |o| o.apply = " ".to_owned()),
        ("--check-interval", |o| o.check_interval = Duration::ZERO),
        ("--apply-deadline", |o| o.apply_deadline = Duration::from_secs(1_000_000)),
        ("cannot name a label", |o| {
            o.labels.insert("a b".to_owned(), "c".into());
        }),
    ];
    for (rule, break_it) in wrong {
        let mut options = site.options();
        break_it(&mut options);
        let error = agent::run(options, CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.contains(rule), "{error}");
    }
}

/// A file as a server exports it for one place.
fn exported(revision: u64, default: &str) -> String {
    let shares = serde_json::json!({"if": [{"!!": [{"var": "targetingKey"}]}, {"fractional": [["on", 1]]}, null]});
    let variants = serde_json::json!({"on": true, "off": false});
    let flag = |targeting: serde_json::Value| {
        let metadata = serde_json::json!({"revision": revision, "owner": "team-picking"});
        serde_json::json!({"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting,
            "metadata": metadata})
    };
    let gold = serde_json::json!({"if": [{"===": [{"var": "plan"}, "gold"]}, "on", null]});
    serde_json::json!({"flags": {"fast-path": flag(gold), "by-share": flag(shares)},
        "metadata": {"flagSetId": "rolldeck/dc-west/berlin/main"}})
    .to_string()
}

#[tokio::test]
async fn a_site_evaluates_its_flags_while_its_server_is_away_and_after_a_restart() {
    let site = Site::new();
    site.standin.with(|script| script.flags = exported(3, "off"));
    let mut options = site.options();
    let told = site.path("told");
    options.check = format!("echo \"$ROLLDECK_FLAGS $ROLLDECK_FLAGS_URL\" > {0}.new; mv {0}.new {0}", told.display());
    options.flags_listen = Some("127.0.0.1:0".parse().unwrap());
    let agent = Agent::start(options.clone());
    let held = site.reported("the flags that it holds", |report| !report.flags.is_empty()).await;
    let fast = &held.flags[&"fast-path".parse().unwrap()];
    assert_eq!((fast.revision, fast.variant.as_ref().map(|v| v.as_str())), (3, Some("off")));
    assert_eq!(held.flags[&"by-share".parse().unwrap()].variant, None, "it depends on the caller");

    // What is no file of flags changes nothing; the next good one is taken.
    site.standin.with(|script| script.flags = "{\"flags\": {\"fast".to_owned());
    let polls = site.standin.with(|script| script.flag_polls);
    site.until("it asks again after a damaged answer", |script| script.flag_polls > polls).await;
    site.standin.with(|script| script.flags = exported(40, "on"));
    let newer = site
        .reported("the newer revision", |r| r.flags.values().all(|f| f.revision == 40) && !r.flags.is_empty())
        .await;
    let variant = |report: &Report| report.flags[&"fast-path".parse().unwrap()].variant.clone().unwrap().to_string();
    assert_eq!(variant(&newer), "on");
    agent.stop().await;

    // The server is gone, and the agent begins anew.
    let _ = std::fs::remove_file(&told);
    let Site { server, directory, .. } = site;
    drop(server);
    let agent = Agent::start(options);
    let deadline = Instant::now() + Duration::from_secs(30);
    let line = loop {
        if let Some(line) = lines(&told).first() {
            break line.clone();
        }
        assert!(Instant::now() < deadline, "no check ran");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let (file, url) = line.split_once(' ').unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), exported(40, "on"));
    let client = reqwest::Client::new();
    let ask = |path: &str, body: &str| {
        client
            .post(format!("{url}/ofrep/v1/evaluate/flags{path}"))
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    for (path, body, status, expected) in [
        ("/fast-path", r#"{"context":{"plan":"gold"}}"#, 200, r#""variant":"on""#),
        ("/fast-path", "", 200, r#""reason":"DEFAULT""#),
        ("/by-share", r#"{"context":{"targetingKey":"user1"}}"#, 200, r#""reason":"SPLIT""#),
        ("/by-share", r#"{"context":{}}"#, 400, "TARGETING_KEY_MISSING"),
        ("/nobody", "{}", 404, "FLAG_NOT_FOUND"),
        ("/fast-path", "{", 400, "PARSE_ERROR"),
        ("/fast-path", r#"{"context":[]}"#, 400, "INVALID_CONTEXT"),
    ] {
        let answer = ask(path, body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path} {body}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let text = answer.text().await.unwrap();
        assert!(text.contains(expected), "{path} {body}: {text}");
    }
    // A bulk answer's tag is over the answer: another context is another one.
    let gold = r#"{"context":{"plan":"gold","targetingKey":"a"}}"#;
    let tag = ask("", gold).send().await.unwrap().headers()["etag"].clone();
    let same = ask("", gold).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(same.status().as_u16(), 304);
    let other = ask("", r#"{"context":{"targetingKey":""}}"#).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(other.status().as_u16(), 200);
    assert!(other.text().await.unwrap().contains("TARGETING_KEY_MISSING"));
    agent.stop().await;
    drop(directory);
}

#[tokio::test]
async fn flags_are_answered_on_loopback_only() {
    let site = Site::new();
    let mut options = site.options();
    options.flags_listen = Some("0.0.0.0:0".parse().unwrap());
    let error = agent::run(options, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}
