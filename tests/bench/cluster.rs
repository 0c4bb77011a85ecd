//! What a cluster costs: 1 000 rollouts with 10 000 pods behind the real driver and a control plane. Prints the
//! requests that were made, how soon everything is shown, what it takes of processor and memory while nothing and
//! while much changes, and how soon a change is at somebody who looks.
//!
//! `cargo bench --bench cluster`; the API server is the stand-in of the tests, in a process of its own that this one
//! starts, so that what is measured is ours alone. The processor's time and the memory are Linux's `/proc`.

#![allow(missing_docs, clippy::allow_attributes, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{
    collections::BTreeMap,
    io::BufRead as _,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rolldeck::{
    backend::{RolloutsPage, Tagged},
    clock,
    control::{Control, Options},
    domain::{ActorKind, Principal, Role, RolloutId, SafeText, Via},
    driver::{
        Driver,
        kubernetes::{client::ClusterOptions, cluster::Cluster},
    },
    store::sqlite::{Durability, Sqlite},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use self::kubernetes::{ADMIN, StandIn, rollouts::rollout};

#[path = "../it/support/kubernetes.rs"]
#[allow(clippy::pedantic, clippy::panic, clippy::disallowed_methods, reason = "what tests share fails as tests do")]
mod kubernetes;

const NAMESPACES: usize = 10;
const ROLLOUTS: usize = 1000;
const REPLICAS: u64 = 10;
/// Of all rollouts, those that are on their way, that wait for somebody, and that took too long: whose objects are
/// watched though nobody looks. The others are done.
const PROGRESSING: usize = 60;
const PAUSED: usize = 30;
const DEGRADED: usize = 10;
/// How long nothing happens, and then how long so many changes a second do.
const PHASE: Duration = Duration::from_secs(30);
const CHANGES: u64 = 20;
/// Rollouts that somebody looks at, and the changes of each kind of each of them.
const LOOKED_AT: usize = 10;
const LOOKS: usize = 10;
/// After this a change is taken for one that is never shown.
const LOST: Duration = Duration::from_secs(5);
/// Between a change and the next, where it is to meet nothing of the one before.
const APART: Duration = Duration::from_millis(300);
/// Ticks of the processor's time in `/proc`, per second: the same on every Linux.
const TICKS: f64 = 100.0;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, folder] = arguments.as_slice()
        && flag == "--stand-in"
    {
        return stand_in(Path::new(folder));
    }
    // `cargo test --all-targets` starts benches too, with this argument missing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("run it with: cargo bench --bench cluster");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

fn address(number: usize) -> (String, String) {
    (format!("shop-{}", number % NAMESPACES), format!("basket-{number:04}"))
}

fn id(number: usize) -> RolloutId {
    let (namespace, name) = address(number);
    format!("{namespace}/{name}").parse().unwrap()
}

/// The API server: does what it is told on its input, a line each, and says on its output what came of it.
fn stand_in(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stand_in = Arc::new(runtime.block_on(StandIn::start()));
    let weights: Vec<_> = (1..=20).map(|step| json!({"setWeight": 5 * step})).collect();
    for number in 0..ROLLOUTS {
        let (namespace, name) = address(number);
        let made = rollout(&namespace, &name).replicas(REPLICAS);
        let made = if number < PROGRESSING {
            made.canary(json!(weights)).progressing_at(0)
        } else if number < PROGRESSING + PAUSED {
            made.paused_at(1)
        } else if number < PROGRESSING + PAUSED + DEGRADED {
            made.too_long()
        } else {
            made.healthy()
        };
        stand_in.put_all(made.objects());
    }
    stand_in.write_kubeconfig(folder, ADMIN, "default");
    println!("{} {}", stand_in.all("rollouts", "").len(), stand_in.all("pods", "").len());
    let listed = Arc::clone(&stand_in);
    runtime.spawn(async move {
        let answered = |asked: &kubernetes::Asked| asked.verb == "list" && asked.path.ends_with("/rollouts");
        listed.wait_until("a list", |it| it.log().iter().any(|asked| answered(asked) && asked.code == 200)).await;
        println!("{}", clock::system().now().timestamp_micros());
    });
    let mut serial = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("asked", _) => {
                println!("{}", json!(stand_in.counts()));
                stand_in.forget_log();
            }
            (kind @ ("step" | "count"), number) => {
                let at = clock::system().now().timestamp_micros();
                change(&stand_in, number.parse().unwrap(), kind, &mut serial);
                println!("{at}");
            }
            _ => {
                let (begun, mut done) = (Instant::now(), 0);
                while begun.elapsed() < PHASE {
                    // Three of four are pods that come and go; the fourth is a step.
                    let kind = if done % 4 == 0 { "step" } else { "count" };
                    change(&stand_in, done as usize % PROGRESSING, kind, &mut serial);
                    done += 1;
                    let due = begun + Duration::from_secs(done) / CHANGES as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                println!("{done}");
            }
        }
    }
}

/// What a controller writes: the next step, or that other pods are there.
fn change(stand_in: &StandIn, number: usize, kind: &str, serial: &mut u64) {
    *serial += 1;
    let (namespace, name) = address(number);
    stand_in.edit("rollouts", &namespace, &name, "rollouts-controller", |object| {
        let status = &mut object["status"];
        if kind == "count" {
            status["message"] = json!(format!("{serial} replicas are pending termination"));
            status["availableReplicas"] = json!(REPLICAS - *serial % 2);
        } else {
            let step = status["currentStepIndex"].as_u64().unwrap_or_default();
            status["currentStepIndex"] = json!((step + 1) % 20);
        }
    });
}

/// The other process.
struct Server {
    said: Lines<BufReader<ChildStdout>>,
    orders: ChildStdin,
    _process: Child,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--stand-in").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { said, orders: process.stdin.take().unwrap(), _process: process }
    }

    async fn said(&mut self) -> String {
        self.said.next_line().await.unwrap().unwrap()
    }

    async fn told(&mut self, order: &str) -> String {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        self.said().await
    }

    async fn print_asked(&mut self, when: &str) {
        println!("  requests {when}: {}", self.told("asked").await);
    }
}

/// The seconds of the processor that this process took until now.
fn taken() -> (f64, Instant) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    (ticks / TICKS, Instant::now())
}

fn print_taken(since: (f64, Instant), what: &str) {
    let (cpu, seconds) = (taken().0 - since.0, since.1.elapsed().as_secs_f64());
    println!("  {what}: {cpu:.2} s of the processor in {seconds:.0} s ({:.1} % of a core)", 100.0 * cpu / seconds);
}

fn print_memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    };
    let [resident, file, most] = ["VmRSS", "RssFile", "VmHWM"].map(of);
    println!("  memory {when}: {resident:.0} MiB resident ({file:.0} of them the program's file; at most {most:.0})");
}

fn somebody() -> Principal {
    Principal {
        id: SafeText::new("mira"),
        kind: ActorKind::Human,
        role: Role::Viewer,
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Tui,
        source: None,
    }
}

async fn measure() {
    let profile = if cfg!(debug_assertions) { "dev" } else { "optimised" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{profile} profile; the machine's load before: {}", load.trim());
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    println!("rollouts and pods in {NAMESPACES} namespaces: {}", server.said().await);
    print_memory("before");

    let options = ClusterOptions::new("bench", vec![folder.path().join("kubeconfig")]);
    let cluster: Arc<dyn Driver> = Arc::new(Cluster::open(options, clock::system()).await.unwrap());
    let store = Sqlite::open(&folder.path().join("journal"), Durability::Full).await.unwrap();
    let set = Options {
        simulated: false,
        signing_seed: [7; 32],
        origin: "rolldeck.bench/audit".to_owned(),
        sources: Vec::new(),
        drivers: vec![cluster],
        declared: None,
        pauses: true,
        policy: rolldeck::control::Policy::default(),
        beside: None,
    };
    let (begun, before) = (Instant::now(), taken());
    let control = Control::start(Arc::new(store), clock::system(), set).await.unwrap();
    while !matches!(
        control.rollouts(&somebody(), None, Duration::ZERO).await.unwrap(),
        RolloutsPage::All { rollouts, .. } if rollouts.len() == ROLLOUTS
    ) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let shown = clock::system().now().timestamp_micros();
    let listed: i64 = server.said().await.parse().unwrap();
    println!("first load");
    println!(
        "  all shown {:.0} ms after the first page of the list was answered, {:.0} ms after the start",
        (shown - listed) as f64 / 1000.0,
        begun.elapsed().as_secs_f64() * 1000.0
    );
    // What is read after it is part of it: the objects of those in trouble, and what is granted.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.print_asked("of the first load").await;
    print_taken(before, "first load");
    print_memory("after it");

    let dashboard = tokio::spawn(dashboard(control.clone()));
    println!("nothing changes, one dashboard");
    let before = taken();
    tokio::time::sleep(PHASE).await;
    print_taken(before, "nothing changes");
    server.print_asked("meanwhile").await;

    println!("{CHANGES} changes a second, one dashboard");
    let before = taken();
    let done = server.told("load").await;
    print_taken(before, &format!("{done} changes"));
    let figures = control.figures();
    println!("  the journal until now: {} entries, {} commits", figures.audit_entries, figures.commits);
    server.print_asked("meanwhile").await;
    print_memory("after it");

    println!("{LOOKED_AT} rollouts are looked at, {LOOKS} changes each");
    let kinds = [("a step", "step"), ("other pods", "count"), ("other pods just after", "count")];
    let mut latencies: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut lost = 0;
    for number in 0..LOOKED_AT {
        let mut tag = quiet(&control, number).await;
        for (what, kind) in kinds.repeat(LOOKS) {
            if !what.ends_with("after") {
                tokio::time::sleep(APART).await;
            }
            let waiting = tokio::spawn(look(control.clone(), number, Some(tag.clone()), LOST));
            let at: i64 = server.told(&format!("{kind} {number}")).await.parse().unwrap();
            let shown = waiting.await.unwrap();
            lost += u32::from(shown.is_none());
            let Some((next, seen)) = shown else { continue };
            tag = next;
            latencies.entry(what).or_default().push(Duration::from_micros((seen - at).try_into().unwrap_or_default()));
        }
    }
    for (what, took) in latencies {
        print_times(&format!("{what}, until it is shown:"), took);
    }
    println!("  never shown: {lost}");
    server.print_asked("meanwhile").await;
    print_memory("after it");
    dashboard.abort();
    control.shutdown().await;
}

/// Somebody who has the list open.
async fn dashboard(control: Control) {
    let mut cursor = None;
    while let Ok(RolloutsPage::All { cursor: next, .. } | RolloutsPage::Changed { cursor: next, .. }) =
        control.rollouts(&somebody(), cursor.take(), Duration::from_secs(20)).await
    {
        cursor = Some(next);
    }
}

/// The tag of a rollout once it is another, and when that was; none when it was not for that long.
async fn look(control: Control, number: usize, tag: Option<String>, wait: Duration) -> Option<(String, i64)> {
    match control.rollout(&somebody(), &id(number), tag.as_deref(), wait).await.unwrap() {
        Tagged::Fresh(_, tag) => Some((tag, clock::system().now().timestamp_micros())),
        Tagged::Unchanged => None,
    }
}

/// The tag of a rollout after all that looking at it brings was shown.
async fn quiet(control: &Control, number: usize) -> String {
    let (mut tag, _) = look(control.clone(), number, None, Duration::ZERO).await.unwrap();
    while let Some((next, _)) = look(control.clone(), number, Some(tag.clone()), Duration::from_secs(1)).await {
        tag = next;
    }
    tag
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let (median, p99, most) = (at(0.5), at(0.99), at(1.0));
    println!("  {what} median {median:.1} ms, p99 {p99:.1} ms, max {most:.1} ms ({})", times.len());
}
