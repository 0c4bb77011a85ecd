//! `kill -9` of the server while an override is used: no use more than there are, and none that allowed nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::stage::{Stage, WHY};

const PICK: &str = "dc-west/pick-assist";
const USES: usize = 3;

#[test]
fn an_override_is_used_no_more_often_than_it_may_be_however_the_server_dies() {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    let sites = ["site-01", "site-02", "site-03", "site-04", "site-05"];
    for site in sites {
        stage.agent(site);
    }
    stage.wait("they run the known-good snapshot", |s| sites.iter().all(|site| s.runs(site) == old));
    let new = stage.snapshot("2.0", &[]);
    let stages: String = sites.iter().map(|site| format!("  - of-{site}: 1 site\n")).collect();
    let plan = stage.plan(&new, &stages);
    stage.code(&["start", &plan, "--reason", WHY], 0);
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    let window = stage.json(&["window", "add", "--scope", "dc-west", "--reason", WHY]);
    let window = window["window"]["id"].as_str().unwrap().to_owned();
    let uses = USES.to_string();
    let ask = ["override", "ask", PICK, "--window", &window, "--action", "promote", "--uses", &uses, "--reason", WHY];
    let given = stage.json(&ask);
    let named = given["override"]["id"].as_str().unwrap().to_owned();
    let used = |stage: &Stage| {
        let list = stage.json(&["override", "list"]);
        list["overrides"][0]["uses"].as_array().map_or(0, Vec::len)
    };

    let acknowledged = Mutex::new(0);
    let deadline = Instant::now() + Duration::from_secs(150);
    while used(&stage) < USES {
        assert!(Instant::now() < deadline, "it was never used up: {} of {USES}", used(&stage));
        let before = *acknowledged.lock().unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        while !stop.load(Ordering::Relaxed) {
                            let done = stage.run(&["promote", PICK, "--override", &named, "--reason", WHY]);
                            if done.status.success() {
                                *acknowledged.lock().unwrap() += 1;
                            }
                        }
                    })
                })
                .collect();
            // Killed a moment after something was acknowledged, while the next may be under way.
            let enough = Instant::now() + Duration::from_secs(12);
            while *acknowledged.lock().unwrap() == before && Instant::now() < enough {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            stage.kill_server();
            stop.store(true, Ordering::Relaxed);
            for worker in workers {
                worker.join().unwrap();
            }
        });
        stage.serve();
    }
    // Nothing more goes through.
    stage.code(&["promote", PICK, "--override", &named, "--reason", WHY], 4);
    assert_eq!(used(&stage), USES);
    assert!(*acknowledged.lock().unwrap() <= USES);
    // Without the refusals, of which there may be thousands.
    let of_it = format!("override:{named} outcome:applied");
    let trail = stage.json(&["audit", "list", "--rollout", PICK, "--filter", &of_it, "-n", "1000"]);
    let passed: Vec<u64> = trail["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["outcome"] == "applied" && entry["override"] == named.as_str())
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    let list = stage.json(&["override", "list"]);
    let uses = list["overrides"][0]["uses"].as_array().unwrap().clone();
    let entries: Vec<u64> = uses.iter().map(|used| used["entry"].as_u64().unwrap()).collect();
    assert_eq!(entries, passed, "each use is one promotion in the trail, and the other way round");
    stage.code(&["audit", "verify"], 0);
}
