//! The simulated fleet tells its stories through the real control plane.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rolldeck::{
    backend::AuditQuery,
    domain::{ActorKind, Phase, Principal, Role, Rollout, Via},
    sim::{self, Sim, SimError, SimOptions},
    wire::RolloutsPage,
};

fn viewer() -> Principal {
    Principal {
        id: "viewer".into(),
        kind: ActorKind::Human,
        role: Role::Viewer,
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Api,
        source: None,
    }
}

async fn start(scenario: &str, seed: u64, speed: f64) -> Sim {
    sim::start(SimOptions { seed, speed, scenario: scenario.to_owned() }).await.unwrap()
}

async fn rollouts(sim: &Sim) -> BTreeMap<String, Rollout> {
    let RolloutsPage::All { rollouts, .. } = sim.control.rollouts(&viewer(), None, Duration::ZERO).await.unwrap()
    else {
        panic!("without a cursor it is everything")
    };
    rollouts.into_iter().map(|rollout| (rollout.id().to_string(), rollout)).collect()
}

async fn until(sim: &Sim, id: &str, what: &str, holds: impl Fn(&Rollout) -> bool) -> Rollout {
    let deadline = Instant::now() + Duration::from_secs(60);
    let id = id.parse().unwrap();
    let mut tag = None;
    loop {
        let look = sim.control.rollout(&viewer(), &id, tag.as_deref(), Duration::from_secs(1)).await.unwrap();
        if let rolldeck::backend::Tagged::Fresh(rollout, fresh) = look {
            if holds(&rollout) {
                return *rollout;
            }
            assert!(Instant::now() < deadline, "{id} never: {what}; it is {} ({})", rollout.phase, rollout.message);
            tag = Some(fresh);
        }
        assert!(Instant::now() < deadline, "{id} never: {what}");
    }
}

/// What happened to one rollout, in order, without times.
async fn story(sim: &Sim, rollout: &str) -> Vec<String> {
    let query = AuditQuery { rollout: Some(rollout.to_owned()), limit: 1000, ..AuditQuery::default() };
    let page = sim.control.audit(&viewer(), query).await.unwrap();
    let mut told: Vec<_> = page.entries.iter().map(|entry| format!("{} {}", entry.actor.id, entry.action)).collect();
    // Whether two gates breach in one check or in two is a matter of milliseconds.
    told.dedup();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_opens_with_one_rollout_of_each_kind_and_each_goes_its_way() {
    let sim = start("mixed", 1, 60.0).await;
    assert!(sim.control.simulated());
    let first = rollouts(&sim).await;
    assert_eq!(first["stores-benelux/label-print"].phase, Phase::Paused);
    assert_eq!(first["hubs-dach/dock-scheduler"].phase, Phase::AwaitingPromotion);
    assert!(first["stores-nordic/self-checkout"].freeze.is_some());
    for done in ["returns/grading-vision", "returns/parcel-sorter", "hubs-dach/dock-cameras", "dc-west/slot-optimizer"]
    {
        assert_eq!(first[done].phase, Phase::Completed, "{done}");
    }
    until(&sim, "cold-chain/temp-sentinel", "without data", |r| r.phase == Phase::Degraded).await;
    let back = until(&sim, "dc-east/route-planner", "rolled back", |r| r.phase == Phase::RolledBack).await;
    assert_eq!(back.exposure.units, 0);
    let told = story(&sim, "dc-east/route-planner").await;
    assert_eq!(told[0], "m.adams start");
    assert!(told.iter().any(|entry| entry.ends_with(" gate_breached")), "{told:?}");
    let climbed =
        until(&sim, "dc-west/pick-assist", "at the top", |r| r.exposure.units == r.exposure.units_total).await;
    assert_ne!(climbed.phase, Phase::Degraded);
    assert_eq!(rollouts(&sim).await["stores-nordic/self-checkout"].phase, Phase::Progressing);
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_tells_the_same_story() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let sim = start("mixed", 42, 200.0).await;
        until(&sim, "dc-east/route-planner", "rolled back", |r| r.phase == Phase::RolledBack).await;
        let mut stories = BTreeMap::new();
        for id in
            ["dc-east/route-planner", "hubs-dach/dock-scheduler", "stores-benelux/label-print", "returns/parcel-sorter"]
        {
            stories.insert(id, story(&sim, id).await);
        }
        told.push(stories);
        sim.shutdown().await;
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_has_failures_with_their_output_and_a_way_back_that_fails() {
    let sim = start("incident", 3, 60.0).await;
    let failing = until(&sim, "dc-west/scanner-firmware", "failures", |r| {
        r.failures.as_ref().is_some_and(|failures| !failures.is_empty())
    })
    .await;
    let failures = failing.failures.unwrap();
    assert!(failures[0].output_tail.as_str().contains("bootloader"), "{failures:?}");
    until(&sim, "dc-east/route-planner", "rollback failed", |r| r.phase == Phase::RollbackFailed).await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_starts_and_ends() {
    for scenario in ["healthy", "quiet", "busy"] {
        let sim = start(scenario, 1, 10.0).await;
        assert!(!rollouts(&sim).await.is_empty(), "{scenario}");
        sim.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_scenario_is_quiet() {
    let sim = start("quiet", 1, 1.0).await;
    let RolloutsPage::All { cursor, .. } = sim.control.rollouts(&viewer(), None, Duration::ZERO).await.unwrap() else {
        panic!("without a cursor it is everything")
    };
    // What set the scene, and the first looks of the judge, may still be on their way to whoever looks.
    let mut cursor = cursor;
    let mut changes = Vec::new();
    for _ in 0..6 {
        let later = sim.control.rollouts(&viewer(), Some(cursor), Duration::from_secs(5)).await.unwrap();
        let RolloutsPage::Changed { changed, removed, cursor: next, .. } = later else { panic!("the cursor is known") };
        assert!(removed.is_empty(), "{removed:#?}");
        cursor = next;
        changes = changed;
        if changes.is_empty() {
            break;
        }
    }
    assert!(changes.is_empty(), "it never became quiet: {changes:#?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn options_that_cannot_be_simulated_are_refused_with_what_can() {
    let unknown = sim::start(SimOptions { scenario: "mxed".to_owned(), ..SimOptions::default() }).await.unwrap_err();
    assert!(matches!(unknown, SimError::UnknownScenario { .. }));
    for name in sim::scenarios() {
        assert!(unknown.to_string().contains(name), "{unknown}");
    }
    for speed in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(matches!(sim::start(SimOptions { speed, ..SimOptions::default() }).await, Err(SimError::Speed(_))));
    }
}

/// All that a moment consists of, as JSON.
async fn moment(after: u64) -> String {
    let options = SimOptions { seed: 1, speed: 1.0, scenario: "mixed".to_owned() };
    let began = "2026-03-26T12:00:00Z".parse().unwrap();
    let still = sim::still(options, began, Duration::from_secs(after)).await.unwrap();
    let control = &still.control;
    let RolloutsPage::All { rollouts, as_of, .. } = control.rollouts(&viewer(), None, Duration::ZERO).await.unwrap()
    else {
        panic!("without a cursor it is everything")
    };
    let mut whole = Vec::new();
    for summary in &rollouts {
        let full = control.rollout(&viewer(), &summary.id(), None, Duration::ZERO).await.unwrap();
        let rolldeck::backend::Tagged::Fresh(full, tag) = full else { panic!("nothing was known") };
        whole.push((full, tag));
    }
    let query = AuditQuery { limit: 10_000, ..AuditQuery::default() };
    let trail = control.audit(&viewer(), query).await.unwrap();
    let sites = control.sites(&viewer()).await.unwrap();
    serde_json::to_string_pretty(&(rollouts, as_of, whole, trail, sites, still.clock.now())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_of_the_demo_is_the_same_each_time_and_a_later_one_is_another() {
    let began = Instant::now();
    let first = moment(75).await;
    eprintln!("75 s of the demo took {:?}", began.elapsed());
    for _ in 0..2 {
        let again = moment(75).await;
        let differs = first.lines().zip(again.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert_eq!(first.len(), again.len());
    }
    assert_ne!(first, moment(30).await);
    assert!(!first.contains(env!("CARGO_MANIFEST_DIR")));
}
