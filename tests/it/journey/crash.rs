//! `kill -9` of the server and of agents: what was acknowledged is there afterwards, once.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::stage::{Stage, WHY};

const PICK: &str = "dc-west/pick-assist";
const ROUNDS: usize = 4;

#[test]
fn every_acknowledged_action_survives_kill_nine_exactly_once() {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    stage.agent("site-01");
    stage.agent("site-02");
    stage.wait("they run the known-good snapshot", |s| ["site-01", "site-02"].iter().all(|site| s.runs(site) == old));
    let new = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&new, "  - canary: 1 site\n  - fleet: all\n");
    stage.code(&["start", &plan, "--reason", WHY], 0);

    let acknowledged: Mutex<Vec<String>> = Mutex::default();
    for round in 0..ROUNDS {
        let stop = AtomicBool::new(false);
        let before = acknowledged.lock().unwrap().len();
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("round-{round}-{n}");
                    let verb = if n % 2 == 0 { "pause" } else { "resume" };
                    let output = stage.run(&[verb, PICK, "--reason", WHY, "--idempotency-key", &key]);
                    if output.status.success() {
                        acknowledged.lock().unwrap().push(key);
                    }
                    n += 1;
                }
            });
            // A few are acknowledged in this round, and one is under way, when the server dies.
            let deadline = Instant::now() + Duration::from_secs(60);
            while acknowledged.lock().unwrap().len() < before + 2 + round {
                assert!(Instant::now() < deadline, "no action was acknowledged");
                std::thread::park_timeout(Duration::from_millis(7));
            }
            stage.kill_server();
            stop.store(true, Ordering::Relaxed);
            worker.join().unwrap();
        });
        stage.serve();
    }

    let trail = stage.json(&["audit", "list", "--rollout", PICK]);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in trail["entries"].as_array().unwrap() {
        if let Some(key) = entry["idempotency_key"].as_str() {
            *seen.entry(key).or_default() += 1;
        }
    }
    for key in acknowledged.lock().unwrap().iter() {
        assert_eq!(seen.get(key.as_str()), Some(&1), "{key} was acknowledged");
    }
    assert!(seen.values().all(|count| *count == 1), "nothing was done twice: {seen:?}");
    stage.code(&["audit", "verify"], 0);
}

#[test]
fn agents_that_are_killed_in_the_middle_finish_what_they_were_told() {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    let sites = ["site-01", "site-02", "site-03"];
    for site in sites {
        stage.agent(site);
    }
    stage.wait("they run the known-good snapshot", |s| sites.iter().all(|site| s.runs(site) == old));
    stage.wait("they have measured it", |s| {
        let sites = s.json(&["site", "list"]);
        sites["sites"].as_array().unwrap().iter().all(|site| site["lanes"][0]["report"]["measured"] == old.as_str())
    });
    let new = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&new, "  - all-of-it: all\n");
    stage.code(&["start", &plan, "--reason", WHY], 0);
    for site in sites {
        stage.kill_agent(site);
        stage.agent(site);
    }
    stage.kill_server();
    stage.serve();
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert!(sites.iter().all(|site| stage.runs(site) == new));
}
