//! A control plane in a temporary directory, people who act on it, and units that do as they are told.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};

use rolldeck::{
    clock::{self, Clock},
    control::{Control, Options, Policy, Tagged},
    domain::{
        Action, ActorKind, Digest, FactValue, Phase, Principal, Report, ReportState, Role, Rollout, RolloutId,
        SafeBlock, SafeText, UnitId, Via,
    },
    store::{
        Store as _,
        sqlite::{Durability, Sqlite},
    },
    wire::{ActionReply, ActionRequest, Conditions, Desired, Problem, SnapshotRequest, StartRequest},
};

pub const WHY: &str = "because the test says so";

pub struct World {
    pub control: Control,
    pub folder: tempfile::TempDir,
    pub policy: Policy,
    clock: Arc<dyn Clock>,
    hands: Option<Arc<Hands>>,
}

/// A clock that stands until it is set.
#[derive(Debug)]
pub struct Hands(Mutex<DateTime<Utc>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn id(&self) -> String {
        clock::system().id()
    }
}

pub fn person(id: &str, role: Role, targets: &[&str]) -> Principal {
    Principal {
        id: SafeText::new(id),
        kind: ActorKind::Human,
        role,
        targets: targets.iter().map(|t| (*t).to_owned()).collect(),
        binding: None,
        credential: None,
        via: Via::Api,
        source: None,
    }
}

pub fn mira() -> Principal {
    person("mira", Role::Commander, &["*"])
}

pub fn pick() -> RolloutId {
    "dc-west/pick-assist".parse().unwrap()
}

pub fn unit(site: &str) -> UnitId {
    UnitId { group: "dc-west".parse().unwrap(), site: site.parse().unwrap(), lane: "main".parse().unwrap() }
}

pub fn options(policy: Policy) -> Options {
    Options {
        simulated: false,
        signing_seed: [7; 32],
        origin: "rolldeck.test/audit".to_owned(),
        sources: Vec::new(),
        drivers: Vec::new(),
        declared: None,
        pauses: true,
        policy,
        beside: None,
    }
}

async fn open(folder: &Path, clock: &Arc<dyn Clock>, policy: Policy) -> Control {
    let store = Sqlite::open(folder, Durability::Relaxed).await.unwrap();
    Control::start(Arc::new(store), Arc::clone(clock), options(policy)).await.unwrap()
}

impl World {
    pub async fn new() -> Self {
        Self::demanding(Policy::default()).await
    }

    /// A control plane with a policy of its own.
    pub async fn demanding(policy: Policy) -> Self {
        Self::with(clock::system(), None, policy).await
    }

    /// One whose clock stands at an instant until it is set.
    pub async fn at(now: DateTime<Utc>) -> Self {
        let hands = Arc::new(Hands(Mutex::new(now)));
        Self::with(Arc::clone(&hands) as Arc<dyn Clock>, Some(hands), Policy::default()).await
    }

    async fn with(clock: Arc<dyn Clock>, hands: Option<Arc<Hands>>, policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { control: open(folder.path(), &clock, policy.clone()).await, folder, clock, hands, policy }
    }

    /// Sets the clock of a world that was made [`World::at`] an instant, and lets the writer go on to it.
    pub async fn set(&self, now: DateTime<Utc>) {
        *self.hands.as_ref().expect("a clock that can be set").0.lock().unwrap() = now;
        self.control.windows(&mira()).await.unwrap();
    }

    /// Stops the control plane cleanly and starts it again on the same directory.
    pub async fn restart(self) -> Self {
        self.control.shutdown().await;
        let control = open(self.folder.path(), &self.clock, self.policy.clone()).await;
        Self { control, ..self }
    }

    /// As [`World::restart`], with something done to the store while nobody has it open.
    pub async fn changed<F: Future<Output = ()>>(self, change: impl FnOnce(Arc<Sqlite>) -> F) -> Self {
        self.control.shutdown().await;
        let store = Arc::new(Sqlite::open(self.folder.path(), Durability::Relaxed).await.unwrap());
        change(Arc::clone(&store)).await;
        store.close().await;
        drop(store);
        let control = open(self.folder.path(), &self.clock, self.policy.clone()).await;
        Self { control, ..self }
    }

    pub async fn snapshot(&self, version: &str, known_good: bool) -> Digest {
        let request = SnapshotRequest {
            version: version.to_owned(),
            group: Some("dc-west".parse().unwrap()),
            known_good,
            reason: if known_good { WHY.to_owned() } else { String::new() },
            ..SnapshotRequest::default()
        };
        self.control.add_snapshot(&mira(), request).await.unwrap().snapshot.digest
    }

    /// Units that poll once, and report that they run `present`.
    pub async fn sites(&self, names: &[&str], present: &Digest) {
        for name in names {
            // The newest known good is given to a unit that was never told anything.
            if let Some(order) = self.ask(name, 0).await {
                self.obey(name, &order).await;
            } else {
                self.say(name, 0, ReportState::Idle, Some(present.clone()), &[]).await.unwrap();
            }
        }
    }

    pub async fn ask(&self, site: &str, generation: u64) -> Option<Desired> {
        self.control.desired(&mira(), &unit(site), BTreeMap::new(), generation, Duration::ZERO).await.unwrap()
    }

    pub async fn say(
        &self,
        site: &str,
        generation: u64,
        state: ReportState,
        measured: Option<Digest>,
        facts: &[(&str, FactValue)],
    ) -> Result<(), Problem> {
        let report = Report {
            generation,
            state,
            measured,
            claimed: None,
            facts: facts.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
            slis: BTreeMap::new(),
            category: None,
            output_tail: SafeBlock::default(),
            check_interval: 60.0,
            labels: BTreeMap::new(),
            flags: BTreeMap::new(),
            checked_at: None,
            evaluated: BTreeMap::new(),
            audit_broken: None,
        };
        self.control.report(&mira(), &unit(site), report).await
    }

    /// Does what an order says, and reports healthy with good facts.
    pub async fn obey(&self, site: &str, order: &Desired) {
        let measured = Some(order.snapshot.clone());
        self.say(site, order.generation, ReportState::Applying, None, &[]).await.unwrap();
        self.say(site, order.generation, ReportState::Applied, None, &[]).await.unwrap();
        self.say(site, order.generation, ReportState::Healthy, measured, &[("ok", FactValue::Bool(true))])
            .await
            .unwrap();
    }

    pub async fn start(&self, snapshot: &Digest, stages: &str) -> Result<ActionReply, Problem> {
        self.start_as(&mira(), snapshot, stages).await
    }

    pub async fn start_as(&self, who: &Principal, snapshot: &Digest, stages: &str) -> Result<ActionReply, Problem> {
        let plan = format!(
            "rollout: pick-assist\ntarget: dc-west\nsnapshot: {snapshot}\nowner: team-picking\ngates:\n  good: ok\nstages:\n{stages}"
        );
        let request = StartRequest {
            plan: serde_json::Value::String(plan),
            reason: WHY.to_owned(),
            ticket: None,
            dry_run: false,
            override_id: None,
            saw: None,
        };
        self.control.begin(who, request, Conditions::default()).await.map(|reply| reply.body)
    }

    pub async fn show(&self) -> Rollout {
        match self.control.rollout(&mira(), &pick(), None, Duration::ZERO).await.unwrap() {
            Tagged::Fresh(rollout, _) => *rollout,
            Tagged::Unchanged => unreachable!("no tag was named"),
        }
    }

    /// Acts with the present revision.
    pub async fn act(&self, action: Action) -> Result<ActionReply, Problem> {
        let revision = Some(self.show().await.revision);
        let conditions = Conditions { revision, idempotency_key: None };
        self.act_as(&mira(), action, conditions).await
    }

    pub async fn act_as(
        &self,
        who: &Principal,
        action: Action,
        conditions: Conditions,
    ) -> Result<ActionReply, Problem> {
        self.control.act(who, &pick(), request(action), conditions).await.map(|reply| reply.body)
    }

    /// Waits until the published picture says so.
    pub async fn until(&self, phase: Phase) -> Rollout {
        self.shows(&phase.to_string(), |rollout| rollout.phase == phase).await
    }

    /// Waits until the published picture is as it is to be.
    pub async fn shows(&self, what: &str, is: impl Fn(&Rollout) -> bool) -> Rollout {
        let mut tag: Option<String> = None;
        let mut last = None;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while tokio::time::Instant::now() < deadline {
            let answer = self.control.rollout(&mira(), &pick(), tag.as_deref(), Duration::from_secs(1)).await.unwrap();
            if let Tagged::Fresh(rollout, new) = answer {
                if is(&rollout) {
                    return *rollout;
                }
                last = Some((rollout.phase, rollout.message.to_string()));
                tag = Some(new);
            }
        }
        panic!("it never was {what}, it is {last:?}");
    }
}

pub fn request(action: Action) -> ActionRequest {
    ActionRequest {
        action,
        reason: WHY.to_owned(),
        ticket: None,
        to: None,
        override_id: None,
        saw: None,
        dry_run: false,
        ask: false,
    }
}
