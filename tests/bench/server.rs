//! The server under the load of a fleet: 500 agents that hold a poll and report every 5 s, 10
//! dashboards, and people who act meanwhile. Prints how long an action took to be acknowledged, how long
//! until every dashboard had heard of it, and how many were answered a second. Server and clients share this
//! process and its cores.
//!
//! `cargo bench --bench server`; the store syncs every commit, in the system's temporary directory
//! (`TMPDIR` moves it to another disk). `-- --agents 2000 --every 10 --dashboards 50` is another load.

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

/// How long a change may take to be seen, before it counts as missed.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
/// One person who acts twice a second, and how long.
const CALM: Duration = Duration::from_secs(20);
/// One person whose changes everybody is to see, and how many of them.
const WATCHED: usize = 10;
/// Many who act as fast as they are answered, each on a rollout of their own.
const CROWD: u32 = 16;
const STORM: Duration = Duration::from_secs(10);
const WHY: &str = "measuring how long this takes";

/// How many of whom.
#[derive(Debug, Clone, Copy)]
struct Load {
    agents: u32,
    dashboards: usize,
    report_every: Duration,
}

impl Load {
    fn asked_for() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let number = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1)?.parse::<u32>().ok()
        };
        Self {
            agents: number("--agents").unwrap_or(500),
            dashboards: number("--dashboards").unwrap_or(10) as usize,
            report_every: Duration::from_secs(number("--every").unwrap_or(5).into()),
        }
    }
}

#[derive(Default)]
struct Counts {
    polls: AtomicU64,
    reports: AtomicU64,
    views: AtomicU64,
    /// When dashboards heard of which revision of the first rollout.
    seen: Mutex<BTreeMap<String, BTreeMap<usize, Instant>>>,
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
    let Load { agents, dashboards, report_every } = Load::asked_for();
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
    let url: Url = server.url().parse().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));
    let http = client(&ClientOptions::new(&url, Duration::from_mins(1))).unwrap();

    let mut load = JoinSet::new();
    let counts = Arc::new(Counts::default());
    let old = snapshot(&http, &url, "1.0.0").await;
    let mut enrolling = JoinSet::new();
    for number in 0..agents {
        enrolling.spawn(http.get(unit_url(&url, number, "desired")).send());
    }
    for answer in enrolling.join_all().await {
        answer.unwrap().error_for_status().unwrap();
    }
    for number in 0..agents {
        load.spawn(agent_polls(http.clone(), url.clone(), number, Arc::clone(&counts)));
        let first = report_every * number / agents;
        let (http, url, counts) = (http.clone(), url.clone(), Arc::clone(&counts));
        load.spawn(agent_reports(http, url, number, old.clone(), (first, report_every), counts));
    }
    let person = Arc::new(Remote::new(url.as_str(), None, None, Via::Cli).unwrap());
    let everybody = async {
        while control.figures().units_reachable < u64::from(agents) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20) + report_every * 2, everybody)
        .await
        .expect("all agents enrol and report");
    let new = snapshot(&http, &url, "1.1.0").await;
    for number in 0..CROWD {
        start(&person, &new, number).await;
    }
    for number in 0..dashboards {
        load.spawn(dashboard(url.clone(), number, Arc::clone(&counts)));
    }

    let before = [&counts.polls, &counts.reports, &counts.views].map(|c| c.load(Ordering::Relaxed));
    let begun = Instant::now();
    let mut acks = Vec::new();
    let mut beat = tokio::time::interval(Duration::from_millis(500));
    while begun.elapsed() < CALM {
        beat.tick().await;
        acks.push(toggle(&person, 0).await.0);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = [&counts.polls, &counts.reports, &counts.views].map(|c| c.load(Ordering::Relaxed));
    let [polls, reports, views] = std::array::from_fn(|i| (after[i] - before[i]) as f64 / seconds);
    println!("{agents} agents, {dashboards} dashboards, one person who acts twice a second, {seconds:.0} s");
    println!(
        "  requests/s     {:.0} (reports {reports:.0}, polls {polls:.0}, views {views:.0})",
        polls + reports + views
    );
    print_times("  action ack", acks);
    watched(&person, &counts, dashboards).await;

    let commits = control.figures().commits;
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let person = Arc::clone(&person);
        crowd.spawn(async move {
            let mut acks = Vec::new();
            while begun.elapsed() < STORM {
                acks.push(toggle(&person, number).await.0);
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

/// How long until every dashboard has heard of a change, from the moment in which it was asked for.
async fn watched(person: &Remote, counts: &Counts, dashboards: usize) {
    let (mut all, mut missed) = (Vec::new(), 0);
    for _ in 0..WATCHED {
        tokio::time::sleep(Duration::from_millis(1700)).await;
        let begun = Instant::now();
        let (_, revision) = toggle(person, 0).await;
        let heard = || counts.seen.lock().unwrap().get(&revision).map_or(0, BTreeMap::len);
        while heard() < dashboards && begun.elapsed() < SEEN_WITHIN {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        match counts.seen.lock().unwrap().get(&revision).filter(|seen| seen.len() >= dashboards) {
            Some(seen) => all.extend(seen.values().max().map(|last| *last - begun)),
            None => missed += 1,
        }
    }
    println!("  a change that some dashboard did not hear of in {} s: {missed}", SEEN_WITHIN.as_secs());
    if !all.is_empty() {
        print_times("  seen by all", all);
    }
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

async fn agent_reports(
    http: Client,
    url: Url,
    number: u32,
    present: String,
    (first, every): (Duration, Duration),
    counts: Arc<Counts>,
) {
    let url = unit_url(&url, number, "report");
    tokio::time::sleep(first).await;
    let mut beat = tokio::time::interval(every);
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

async fn dashboard(url: Url, number: usize, counts: Arc<Counts>) {
    let backend = Remote::new(url.as_str(), None, None, Via::Tui).unwrap();
    let mut cursor = None;
    loop {
        match backend.view(cursor.clone(), Duration::from_secs(20)).await {
            Ok(
                RolloutsPage::All { cursor: next, rollouts: told, .. }
                | RolloutsPage::Changed { cursor: next, changed: told, .. },
            ) => {
                cursor = Some(next);
                if let Some(first) = told.iter().find(|rollout| rollout.id() == id(0)) {
                    let mut seen = counts.seen.lock().unwrap();
                    seen.entry(first.revision.to_string()).or_default().entry(number).or_insert_with(Instant::now);
                }
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

/// Pauses, or resumes at the revision that is there; how long the acknowledgement took, and the new revision.
async fn toggle(person: &Remote, number: u32) -> (Duration, String) {
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
    let reply = person.act(&id, request, conditions).await.unwrap();
    let took = begun.elapsed();
    (took, reply.rollout.map_or(String::new(), |rollout| rollout.revision.to_string()))
}
