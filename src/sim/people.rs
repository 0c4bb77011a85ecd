//! The people of a scenario: they begin rollouts, wait, act and freeze, as anybody does through
//! the API, with a reason each time.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use tokio::sync::watch;

use super::{
    SimError,
    fleet::Scene,
    scenario::{BERG, Group, Person, Step, Story, Trouble},
    telemetry::{self, Truth},
};
use crate::{
    control::Tagged,
    domain::{
        Action, ActorKind, Digest, Phase, Principal, Role, Rollout, RolloutId, RolloutName, SafeText, TargetName, Via,
    },
    wire::{ActionRequest, Code, Conditions, Problem, SnapshotRequest, StartRequest, WindowRequest},
};

/// How long a look at a rollout is held.
const WAIT: Duration = Duration::from_secs(20);
/// How often somebody whose action lost a race tries again.
const TRIES: usize = 5;

/// Who that is to the control plane.
pub(super) fn principal(person: Person) -> Principal {
    Principal {
        id: SafeText::new(person.id),
        kind: ActorKind::Human,
        role: if person.commands { Role::Commander } else { Role::Operator },
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Api,
        source: None,
    }
}

/// Adds a version of a group; again with a reason, to say that it is known good.
pub(super) async fn add_version(
    scene: &Scene,
    group: &TargetName,
    version: &str,
    by: Person,
    known_good: Option<&str>,
) -> Result<Digest, SimError> {
    let request = SnapshotRequest {
        version: version.to_owned(),
        group: Some(group.clone()),
        artifact: None,
        // The digest is over version and metadata: two groups never share one.
        metadata: BTreeMap::from([("group".to_owned(), group.to_string())]),
        known_good: known_good.is_some(),
        reason: known_good.unwrap_or_default().to_owned(),
        saw: None,
    };
    let reply = scene.control.add_snapshot(&principal(by), request).await;
    Ok(reply.map_err(|problem| SimError::story(group, &problem))?.snapshot.digest)
}

/// Carries the stories of one group out, one after another; `set` is counted up when its scene is set.
pub(super) async fn tell(
    scene: &Scene,
    group: &Group,
    versions: &BTreeMap<String, Digest>,
    set: &watch::Sender<usize>,
    turn: Duration,
) -> Result<(), SimError> {
    let target = TargetName::new(&group.name).map_err(|error| SimError::name(&error))?;
    let mut has_set = false;
    for story in &group.stories {
        let name = RolloutName::new(&story.name).map_err(|error| SimError::name(&error))?;
        let told = Told { scene, story, id: RolloutId { target: target.clone(), name }, versions, turn };
        for step in &story.steps {
            if matches!(step, Step::Set) {
                has_set = true;
                set.send_modify(|count| *count += 1);
            } else {
                told.step(step).await.map_err(|problem| SimError::story(&told.id, &problem))?;
            }
        }
    }
    if !has_set {
        set.send_modify(|count| *count += 1);
    }
    Ok(())
}

struct Told<'a> {
    scene: &'a Scene,
    story: &'a Story,
    id: RolloutId,
    versions: &'a BTreeMap<String, Digest>,
    /// How long they take to act on what they see.
    turn: Duration,
}

impl Told<'_> {
    async fn step(&self, step: &Step) -> Result<(), Box<Problem>> {
        match step {
            Step::Start { by, reason } => self.start(*by, reason).await,
            Step::UntilReady => self.until(|rollout| rollout.phase == Phase::AwaitingPromotion).await,
            Step::UntilEnded => self.until(|rollout| rollout.phase.is_terminal()).await,
            Step::UntilReached { stage, units } => {
                self.until(|rollout| {
                    let entered = rollout.stages.iter().filter(|stage| stage.entered_at.is_some()).count();
                    // One that waits is helped on: nobody in the scenario is at fault for it.
                    entered > *stage && rollout.exposure.units >= *units
                })
                .await
            }
            Step::Act { action, by, reason } => self.act(*action, *by, reason).await,
            Step::Freeze { by, reason, lasts } => self.freeze(*by, reason, *lasts).await,
            Step::Set => Ok(()),
        }
    }

    async fn start(&self, by: Person, reason: &str) -> Result<(), Box<Problem>> {
        let request = StartRequest {
            plan: self.plan(),
            reason: reason.to_owned(),
            ticket: None,
            dry_run: false,
            override_id: None,
            saw: None,
        };
        self.scene.control.begin(&principal(by), request, Conditions::default()).await?;
        if let (Some(telemetry), Trouble::Regresses { after, errors, slow }) =
            (&self.scene.telemetry, self.story.trouble)
        {
            let after = TimeDelta::from_std(self.scene.pace.real(after)).unwrap_or_default();
            let truth = Truth { from: self.scene.pace.clock().now() + after, errors, slow };
            telemetry.tell(self.id.clone(), truth);
        }
        Ok(())
    }

    /// The plan, with holds in the simulation's time.
    fn plan(&self) -> serde_json::Value {
        let stages: Vec<serde_json::Value> = self
            .story
            .stages
            .iter()
            .map(|stage| {
                let mut plan = serde_json::Map::new();
                plan.insert(stage.name.to_owned(), stage.selects.into());
                if stage.hold > 0.0 {
                    plan.insert("hold".to_owned(), self.scene.pace.span(stage.hold).into());
                }
                if stage.automatic {
                    plan.insert("advance".to_owned(), "automatic".into());
                }
                plan.into()
            })
            .collect();
        serde_json::json!({
            "rollout": self.id.name,
            "target": self.id.target,
            "snapshot": self.versions.get(&self.story.version),
            "owner": self.story.owner,
            "gates": [
                { "health": "runtime_healthy && adapter_connected" },
                { "telemetry": "gap < 10s && drops == 0" },
                { "behavior": "acceptance_suite_passed" },
            ],
            "telemetry": self.telemetry(),
            "slis": self.indicators(),
            "stages": stages,
            "on_breach": "rollback",
        })
    }

    /// Where its indicators come from. What fails by them alone goes back by them.
    fn telemetry(&self) -> serde_json::Value {
        if self.scene.telemetry.is_none() {
            return serde_json::json!({});
        }
        let mut telemetry = serde_json::json!({ "source": telemetry::NAME, "slice": format!("{}s", telemetry::SLICE), "max_lag": "30s" });
        if matches!(self.story.trouble, Trouble::Regresses { .. }) {
            telemetry["on_fail"] = "rollback".into();
        }
        telemetry
    }

    fn indicators(&self) -> serde_json::Value {
        let reported = serde_json::json!([
            { "pick_success": { "unit": "ratio", "direction": "lower_is_worse", "required": false } },
            { "p95_ms": { "kind": "gauge", "unit": "ms", "direction": "higher_is_worse", "required": false } },
        ]);
        let Some(_) = &self.scene.telemetry else { return reported };
        serde_json::json!([
            { "success": { "use": "request_success_rate", "objective": 0.99, "critical": true } },
            { "latency": { "use": "request_latency", "threshold": "300ms" } },
            { "cpu": { "value": "sum by (track) (cpu_cores{track=~\"$track\"})", "unit": "cores", "direction": "higher_is_worse", "required": false } },
            reported[0],
        ])
    }

    async fn look(&self, tag: Option<&str>) -> Result<Tagged<Rollout>, Box<Problem>> {
        Ok(self.scene.control.rollout(&principal(BERG), &self.id, tag, WAIT).await?)
    }

    async fn until(&self, holds: impl Fn(&Rollout) -> bool) -> Result<(), Box<Problem>> {
        let mut tag: Option<String> = None;
        loop {
            if let Tagged::Fresh(rollout, now) = self.look(tag.as_deref()).await? {
                if holds(&rollout) {
                    if !self.turn.is_zero() {
                        self.scene.pace.clock().sleep(self.turn).await;
                    }
                    return Ok(());
                }
                tag = Some(now);
            }
        }
    }

    /// Acts on what it is now; a lost race is looked at again, as a person would.
    async fn act(&self, action: Action, by: Person, reason: &str) -> Result<(), Box<Problem>> {
        for _ in 0..TRIES {
            let Tagged::Fresh(rollout, _) = self.look(None).await? else { continue };
            let request = ActionRequest {
                action,
                reason: reason.to_owned(),
                ticket: None,
                to: None,
                override_id: None,
                saw: None,
                dry_run: false,
                ask: false,
            };
            let conditions = Conditions { revision: Some(rollout.revision.clone()), idempotency_key: None };
            match self.scene.control.act(&principal(by), &self.id, request, conditions).await {
                Err(problem) if problem.code == Code::RevisionMismatch => {}
                Err(problem) => return Err(problem.into()),
                Ok(_) => return Ok(()),
            }
        }
        Err(Problem::new(Code::RevisionMismatch, format!("{} changes too fast for {}", self.id, by.id)).into())
    }

    async fn freeze(&self, by: Person, reason: &str, lasts: f64) -> Result<(), Box<Problem>> {
        let invalid = |error: crate::domain::ScopeError| Problem::new(Code::Invalid, error.to_string());
        let now = self.scene.pace.clock().now();
        let request = WindowRequest {
            on_enter: crate::domain::OnEnter::Hold,
            scope: format!("target={}", self.id.target).parse().map_err(invalid)?,
            reason: reason.to_owned(),
            from: None,
            until: TimeDelta::from_std(self.scene.pace.real(lasts)).ok().map(|span| now + span),
            ticket: None,
            ..WindowRequest::default()
        };
        self.scene.control.add_window(&principal(by), request, Conditions::default()).await?;
        Ok(())
    }
}
