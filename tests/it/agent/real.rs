//! Real agents with real commands against a real control plane over HTTP: forth and back.

use std::{path::Path, sync::Arc, time::Duration};

use base64::Engine as _;
use rolldeck::{
    agent::{AgentError, AgentOptions},
    backend::Tagged,
    clock,
    control::{Control, Options},
    domain::{Action, ActorKind, Binding, Digest, Phase, Principal, Role, Rollout, TokenText, Via},
    server::{Server, ServerOptions},
    store::sqlite::{Durability, Sqlite},
    wire::{ActionRequest, Code, Conditions, SnapshotRequest, StartRequest},
};
use tokio_util::sync::CancellationToken;

use super::Agent;

struct World {
    control: Control,
    url: String,
    stop: CancellationToken,
    directory: tempfile::TempDir,
}

fn person() -> Principal {
    Principal {
        id: "k.berg".into(),
        kind: ActorKind::Human,
        role: Role::Commander,
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Api,
        source: None,
    }
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&directory.path().join("data"), Durability::Relaxed).await.unwrap();
        let options = Options {
            simulated: false,
            signing_seed: [3; 32],
            origin: "rolldeck.test/audit".to_owned(),
            sources: Vec::new(),
            drivers: Vec::new(),
            declared: None,
            pauses: true,
            policy: rolldeck::control::Policy::default(),
            beside: None,
        };
        let control = Control::start(Arc::new(store), clock::system(), options).await.unwrap();
        let server = Server::bind(control.clone(), ServerOptions::loopback(clock::system())).unwrap();
        let (url, stop) = (server.url(), CancellationToken::new());
        tokio::spawn(server.run(stop.clone()));
        Self { control, url, stop, directory }
    }

    /// Applies by copying the artifact, checks by hashing the copy: measured for real.
    fn agent(&self, site: &str) -> AgentOptions {
        let running = self.directory.path().join(format!("running-{site}"));
        let running = running.display();
        let mut options = AgentOptions::new(
            &self.url,
            "dc-west".parse().unwrap(),
            site.parse().unwrap(),
            self.directory.path().join("state"),
        )
        .unwrap();
        options.apply = format!("cp \"$ROLLDECK_ARTIFACT\" {running}.new && mv {running}.new {running}");
        options.check = format!(
            "test -f {running} || exit 1; \
             printf '{{\"snapshot\":\"sha256:%s\",\"runtime_healthy\":true}}' \"$(sha256sum < {running} | cut -c1-64)\""
        );
        options.check_interval = Duration::from_millis(100);
        options
    }

    async fn snapshot(&self, version: &str, known_good: bool) -> Digest {
        let request = SnapshotRequest {
            version: version.to_owned(),
            group: Some("dc-west".parse().unwrap()),
            artifact: Some(base64::engine::general_purpose::STANDARD.encode(format!("release {version}"))),
            known_good,
            reason: "the first release of this test".to_owned(),
            ..SnapshotRequest::default()
        };
        self.control.add_snapshot(&person(), request).await.unwrap().snapshot.digest
    }

    async fn until(&self, what: &str, holds: impl Fn(&Rollout) -> bool) -> Rollout {
        let id = "dc-west/pick-assist".parse().unwrap();
        let mut tag = None;
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let look = self.control.rollout(&person(), &id, tag.as_deref(), Duration::from_secs(1)).await.unwrap();
            if let Tagged::Fresh(rollout, fresh) = look {
                if holds(&rollout) {
                    return *rollout;
                }
                tag = Some(fresh);
            }
            if std::time::Instant::now() > deadline {
                panic!("never {what}: {:#?}", self.control.sites(&person()).await.unwrap().sites);
            }
        }
    }

    async fn act(&self, action: Action, now: &Rollout) {
        let request = ActionRequest {
            action,
            reason: "because the test says so".to_owned(),
            ticket: None,
            to: None,
            override_id: None,
            saw: None,
            dry_run: false,
            ask: false,
        };
        let conditions = Conditions { revision: Some(now.revision.clone()), idempotency_key: None };
        self.control.act(&person(), &now.id(), request, conditions).await.unwrap();
    }

    fn running(&self, site: &str) -> String {
        read(&self.directory.path().join(format!("running-{site}")))
    }

    async fn sites_run(&self, version: &str) {
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while ["berlin", "madrid", "oslo"].iter().any(|site| self.running(site) != format!("release {version}")) {
            assert!(std::time::Instant::now() < deadline, "not all sites run {version}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_goes_over_three_sites_by_its_artifact_and_back_again() {
    let world = World::new().await;
    let old = world.snapshot("1.0", true).await;
    let agents: Vec<Agent> = ["berlin", "madrid", "oslo"].map(|site| Agent::start(world.agent(site))).into();
    world.sites_run("1.0").await;
    let new = world.snapshot("1.1", false).await;
    let plan = format!(
        "rollout: pick-assist\ntarget: dc-west\nsnapshot: {new}\nowner: team-picking\n\
         gates:\n  health: runtime_healthy\nstages:\n  - canary: 1 site\n  - fleet: all\n"
    );
    // The sites' first reports that they run 1.0 may still be on their way: wait for what is pinned.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let sites = world.control.sites(&person()).await.unwrap().sites;
        let lanes: Vec<_> = sites.iter().flat_map(|site| &site.lanes).collect();
        let measured = |lane: &&rolldeck::wire::LaneView| lane.report.as_ref().and_then(|r| r.measured.clone());
        if lanes.iter().filter_map(measured).filter(|digest| *digest == old).count() == 3 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not all sites measured 1.0");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let request = StartRequest {
        plan: plan.into(),
        reason: "because the test says so".to_owned(),
        ticket: None,
        dry_run: false,
        override_id: None,
        saw: None,
    };
    world.control.begin(&person(), request, Conditions::default()).await.unwrap();
    let ready = world.until("the canary passed", |r| r.phase == Phase::AwaitingPromotion).await;
    assert_eq!((world.running("berlin"), world.running("oslo")), ("release 1.1".to_owned(), "release 1.0".to_owned()));
    world.act(Action::Promote, &ready).await;
    world.sites_run("1.1").await;
    let ready = world.until("all passed", |r| r.phase == Phase::AwaitingPromotion && r.exposure.units == 3).await;
    world.act(Action::Rollback, &ready).await;
    let back = world.until("rolled back", |r| r.phase == Phase::RolledBack).await;
    world.sites_run("1.0").await;
    assert!(back.units.unwrap().iter().all(|unit| unit.measured.as_ref() == Some(&old)));
    for agent in agents {
        agent.stop().await;
    }
    world.stop.cancel();
    world.control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_its_own_site_and_no_other() {
    let world = World::new().await;
    world.snapshot("1.0", true).await;
    let token = TokenText::new([1; 5], &[2; 32]);
    let record = rolldeck::wire::TokenRequest {
        id: token.id(),
        name: "berlin".to_owned(),
        secret_hash: token.hash(),
        role: Role::Agent,
        holder: None,
        targets: vec!["dc-west".to_owned()],
        binding: Some(Binding { group: "dc-west".parse().unwrap(), site: "berlin".parse().unwrap(), lane: None }),
    };
    world.control.add_token(&person(), record).await.unwrap();
    let file = world.directory.path().join("token");
    rolldeck::settings::edit::write_private(&file, token.expose()).unwrap();
    for (site, with_token, code) in [("berlin", false, Code::Unauthenticated), ("madrid", true, Code::Forbidden)] {
        let mut options = world.agent(site);
        options.token_file = with_token.then(|| file.clone());
        let refused = rolldeck::agent::run(options, CancellationToken::new()).await;
        let Err(AgentError::Refused(problem)) = refused else { panic!("{refused:?}") };
        assert_eq!(problem.code, code);
        assert_eq!(world.running(site), "");
    }
    let mut options = world.agent("berlin");
    options.token_file = Some(file);
    let agent = Agent::start(options);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while world.running("berlin") != "release 1.0" {
        assert!(std::time::Instant::now() < deadline, "the agent's own token is not taken");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    agent.stop().await;
    world.stop.cancel();
    world.control.shutdown().await;
}
