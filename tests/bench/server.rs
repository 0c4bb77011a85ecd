//! The server under the load of a fleet: 500 agents that hold a poll and report every 5 s, 10
//! dashboards, and people who act meanwhile. Prints how long an action took to be acknowledged and
//! how many were answered a second. Server and clients share this process and its cores.
//!
//! `cargo bench --bench server`; the store syncs every commit, in the system's temporary directory
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
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Url};
use rolldeck::{
    backend::{ActionRequest, Backend, Conditions, RolloutsPage, StartRequest, Tagged, remote::Remote},
    clock,
    control::{Control, Options},
    domain::{Action, RolloutId, Via},
    server::{Server, ServerOptions},
    store::sqlite::{Durability, Sqlite},
    wire::client::{ClientOptions, client},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

const AGENTS: u32 = 500;
const DASHBOARDS: u32 = 10;
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// One person who acts twice a second, and how long.
const CALM: Duration = Duration::from_secs(20);
/// Many who act as fast as they are answered, each on a rollout of their own.
const CROWD: u32 = 16;
const STORM: Duration = Duration::from_secs(10);
const WHY: &str = "measuring how long this takes";

#[derive(Default)]
struct Counts {
    polls: AtomicU64,
    reports: AtomicU64,
    views: AtomicU64,
    /// What failed, and how often.
    failed: Mutex<BTreeMap<String, u64>>,
}

fn main() {
    // `cargo test --all-targets` starts benches too, with this argument missing.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run it with: cargo bench --bench server");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
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
    };
    let control = Control::start(Arc::new(store), clock::system(), set).await.unwrap();
    let server = Server::bind(control.clone(), ServerOptions::loopback(clock::system())).unwrap();
    let url: Url = server.url().parse().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));
    let http = client(&ClientOptions::new(&url, Duration::from_mins(1))).unwrap();

    let mut load = JoinSet::new();
    let counts = Arc::new(Counts::default());
    let old = snapshot(&http, &url, "1.0.0").await;
    let mut enrolling = JoinSet::new();
    for number in 0..AGENTS {
        enrolling.spawn(http.get(unit_url(&url, number, "desired")).send());
    }
    for answer in enrolling.join_all().await {
        answer.unwrap().error_for_status().unwrap();
    }
    for number in 0..AGENTS {
        load.spawn(agent_polls(http.clone(), url.clone(), number, Arc::clone(&counts)));
        load.spawn(agent_reports(http.clone(), url.clone(), number, old.clone(), Arc::clone(&counts)));
    }
    let person = Arc::new(Remote::new(url.as_str(), None, None, Via::Cli).unwrap());
    let everybody = async {
        while control.figures().units_reachable < u64::from(AGENTS) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), everybody).await.expect("all agents enrol and report");
    let new = snapshot(&http, &url, "1.1.0").await;
    for number in 0..CROWD {
        start(&person, &new, number).await;
    }
    for _ in 0..DASHBOARDS {
        load.spawn(dashboard(url.clone(), Arc::clone(&counts)));
    }

    let before = [&counts.polls, &counts.reports, &counts.views].map(|c| c.load(Ordering::Relaxed));
    let begun = Instant::now();
    let mut acks = Vec::new();
    let mut beat = tokio::time::interval(Duration::from_millis(500));
    while begun.elapsed() < CALM {
        beat.tick().await;
        acks.push(toggle(&person, 0).await);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = [&counts.polls, &counts.reports, &counts.views].map(|c| c.load(Ordering::Relaxed));
    let [polls, reports, views] = std::array::from_fn(|i| (after[i] - before[i]) as f64 / seconds);
    println!("{AGENTS} agents, {DASHBOARDS} dashboards, one person who acts twice a second, {seconds:.0} s");
    println!(
        "  requests/s     {:.0} (reports {reports:.0}, polls {polls:.0}, views {views:.0})",
        polls + reports + views
    );
    print_times("  action ack", acks);

    let commits = control.figures().commits;
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let person = Arc::clone(&person);
        crowd.spawn(async move {
            let mut acks = Vec::new();
            while begun.elapsed() < STORM {
                acks.push(toggle(&person, number).await);
            }
            acks
        });
    }
    let acks = crowd.join_all().await.concat();
    let seconds = begun.elapsed().as_secs_f64();
    let commits = control.figures().commits - commits;
    println!("the same load, and {CROWD} people who act as fast as they are answered, {seconds:.0} s");
    println!("  synced actions/s  {:.0} (in {:.0} commits/s)", acks.len() as f64 / seconds, commits as f64 / seconds);
    print_times("  action ack", acks);
    println!("failed requests  {:?}", counts.failed.lock().unwrap());

    load.abort_all();
    shutdown.cancel();
    serving.await.unwrap().unwrap();
    control.shutdown().await;
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let (median, p99, most) = (at(0.5), at(0.99), at(1.0));
    println!("{what}     median {median:.1} ms, p99 {p99:.1} ms, max {most:.1} ms ({} actions)", times.len());
}

/// Each rollout is over a group of its own, so that the crowd's do not exclude each other.
fn group(number: u32) -> String {
    format!("dc-{:02}", number % CROWD)
}

fn unit_url(url: &Url, number: u32, what: &str) -> Url {
    url.join(&format!("agent/v1/groups/{}/sites/site-{number:03}/lanes/main/{what}", group(number))).unwrap()
}

async fn agent_polls(http: Client, url: Url, number: u32, counts: Arc<Counts>) {
    let url = unit_url(&url, number, "desired");
    let mut generation = 0;
    loop {
        let query = [("generation", generation.to_string()), ("wait", "20".to_owned()), ("label", "ring=1".to_owned())];
        match http.get(url.clone()).query(&query).send().await {
            Ok(response) if response.status().is_success() => {
                counts.polls.fetch_add(1, Ordering::Relaxed);
                if let Ok(order) = response.json::<Value>().await {
                    generation = order["generation"].as_u64().unwrap_or(generation);
                }
            }
            other => failed(&counts, said(other)).await,
        }
    }
}

async fn agent_reports(http: Client, url: Url, number: u32, present: String, counts: Arc<Counts>) {
    let url = unit_url(&url, number, "report");
    tokio::time::sleep(REPORT_EVERY * number / AGENTS).await;
    let mut beat = tokio::time::interval(REPORT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let report = json!({
            "generation": 0, "state": "idle", "measured": present,
            "facts": {"runtime_healthy": true, "adapter_connected": true, "gap": 1.5, "drops": 0},
            "slis": {"success": {"good": 995, "total": 1000}, "latency": {"value": 120.0}},
        });
        match http.post(url.clone()).json(&report).send().await {
            // Agents here carry nothing out: one that was told something reports of an old order.
            Ok(response) if response.status().is_success() || response.status() == 412 => {
                counts.reports.fetch_add(1, Ordering::Relaxed);
            }
            other => failed(&counts, said(other)).await,
        }
    }
}

fn said(answer: reqwest::Result<reqwest::Response>) -> String {
    match answer {
        Ok(response) => response.status().to_string(),
        Err(error) => rolldeck::wire::client::chain(&error.without_url()),
    }
}

async fn failed(counts: &Counts, why: String) {
    *counts.failed.lock().unwrap().entry(why).or_default() += 1;
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn dashboard(url: Url, counts: Arc<Counts>) {
    let backend = Remote::new(url.as_str(), None, None, Via::Tui).unwrap();
    let mut cursor = None;
    loop {
        match backend.view(cursor.clone(), Duration::from_secs(20)).await {
            Ok(RolloutsPage::All { cursor: next, .. } | RolloutsPage::Changed { cursor: next, .. }) => {
                cursor = Some(next);
                counts.views.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => failed(&counts, error.to_string()).await,
        }
    }
}

async fn snapshot(http: &Client, url: &Url, version: &str) -> String {
    let request = http.post(url.join("api/v1/snapshots").unwrap()).json(&json!({"version": version}));
    let reply: Value = request.send().await.unwrap().json().await.unwrap();
    reply["snapshot"]["digest"].as_str().unwrap().to_owned()
}

fn id(number: u32) -> RolloutId {
    format!("{}/pick-assist", group(number)).parse().unwrap()
}

async fn start(person: &Remote, snapshot: &str, number: u32) {
    let plan = format!(
        "rollout: pick-assist\ntarget: {}\nsnapshot: {snapshot}\ngates:\n  health: runtime_healthy\n\
         stages:\n  - canary: 1 site\n  - fleet: all\n",
        group(number)
    );
    let request = StartRequest {
        plan: Value::String(plan),
        reason: WHY.to_owned(),
        ticket: None,
        dry_run: false,
        override_id: None,
        saw: None,
    };
    let conditions = Conditions { idempotency_key: Some(clock::system().id()), revision: None };
    person.start(request, conditions).await.unwrap();
}

/// Pauses, or resumes at the revision that is there; how long the acknowledgement took.
async fn toggle(person: &Remote, number: u32) -> Duration {
    let id = id(number);
    let Tagged::Fresh(rollout, _) = person.rollout(&id, None, Duration::ZERO).await.unwrap() else {
        unreachable!("no tag was named")
    };
    let paused = rollout.phase == rolldeck::domain::Phase::Paused;
    let request = ActionRequest {
        action: if paused { Action::Resume } else { Action::Pause },
        reason: WHY.to_owned(),
        ticket: None,
        to: None,
        override_id: None,
        saw: None,
        dry_run: false,
        ask: false,
    };
    let conditions = Conditions { revision: Some(rollout.revision), idempotency_key: Some(clock::system().id()) };
    let begun = Instant::now();
    person.act(&id, request, conditions).await.unwrap();
    begun.elapsed()
}
