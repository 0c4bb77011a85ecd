//! Starting rollouts: the plan, its indicators and its snapshot checked, then guarded, journalled, begun.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    Reply,
    actions::{ASKED, Attempt, CREATED, approvers},
    approvals::{self, Asked, Pending},
    authorize,
    core::{Core, Record, Stored, rollout_subject},
    held,
    idempotency::{check_key, fingerprint},
    journal::Draft,
    judging::{self, Judging},
    overrides::Trial,
};
use crate::{
    domain::{
        ActorKind, Approvable, Blocker, BlockerKind, Digest, GateName, Operation, Outcome, Plan, Principal, Role,
        SafeText, TargetName, UnitKey, audit::RevisionChange, plan::REPORTED,
    },
    engine::{self, Event, Member},
    gate::Expression,
    guard::{
        self, Decision, Question,
        overriding::{self, Occasion},
    },
    source::SliSource as _,
    wire::{ActionReply, Code, Conditions, Problem, StartRequest},
};

/// How many releases that the judge brought back are remembered of a target.
const BROUGHT_BACK: usize = 16;

/// A plan, checked as a whole, with its gates compiled.
fn read_plan(value: &serde_json::Value) -> Result<(Plan, Vec<(GateName, Expression)>), Problem> {
    let mut gates = Vec::new();
    let plan = Plan::from_value_checked(value, |name, text| {
        let expression = Expression::compile(text).map_err(|error| error.to_string())?;
        gates.push((name.clone(), expression));
        Ok(())
    });
    let plan = plan.map_err(|error| Problem::new(Code::Invalid, error.to_string()).in_field("plan"))?;
    Ok((plan, gates))
}

/// What keeps a machine from beginning a rollout: the judge brought one back a short while ago, and
/// somebody should look first.
fn cooling_down(
    who: &Principal,
    brought_back: &BTreeMap<Digest, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Blocker> {
    let (digest, at) = brought_back.iter().max_by_key(|(_, at)| **at)?;
    let until = *at + judging::COOL_DOWN;
    (who.kind == ActorKind::Automation && now < until).then(|| Blocker {
        kind: BlockerKind::Hold,
        summary: SafeText::new(format!(
            "the judge brought {} back at {}: until {} a person begins the next rollout here, not a machine",
            digest.short(),
            at.format("%H:%M:%SZ"),
            until.format("%H:%M:%SZ")
        )),
        since: Some(*at),
        until: Some(until),
    })
}

/// Whether a newer rollout of the same target takes away what an older one could be brought back to: it
/// brings a snapshot as that did, or sets a flag that it set.
fn overtakes(newer: &Plan, older: &Plan) -> bool {
    (newer.snapshot.is_some() && older.snapshot.is_some())
        || newer.flags().any(|flag| older.flags().any(|known| known.key == flag.key))
}

impl Core {
    /// Begins a rollout.
    pub(super) fn begin(
        &mut self,
        who: &Principal,
        request: &StartRequest,
        conditions: &Conditions,
    ) -> Result<Reply<ActionReply>, Problem> {
        let (plan, gates) = read_plan(&request.plan)?;
        let id = plan.id();
        let why = if request.dry_run { None } else { Some(authorize::reason(&request.reason)?) };
        check_key(conditions)?;
        self.authorize(who, Role::Operator, &id, "start", why.as_ref())?;
        let fingerprint = fingerprint(request);
        if why.is_some()
            && let Some(body) = self.replay(who, &id.to_string(), conditions, &fingerprint)?
        {
            return Ok(Reply { body, replayed: true });
        }
        let judging = self.check_indicators(&plan)?;
        self.check_snapshot_of(&plan)?;
        let attempt = |why| Attempt {
            who,
            verb: "start",
            why,
            ticket: request.ticket.as_ref(),
            naming: request.override_id.as_ref(),
            conditions,
        };
        let under_way = self.of_target(&id.target).find(|(_, r)| !r.stored.state.phase().is_terminal());
        let under_way = under_way.map(|(other, record)| Blocker {
            kind: BlockerKind::InProgress,
            summary: SafeText::new(format!(
                "{other} is {} on the same units: finish it or roll it back first",
                record.stored.state.phase()
            )),
            since: Some(record.stored.created_at),
            until: None,
        });
        let brought_back = self.brought_back(&id.target);
        if let Some(blocker) = under_way.or_else(|| cooling_down(who, &brought_back, self.now())) {
            return Err(self.refuse(&id, &attempt(why.as_ref()), vec![blocker]));
        }
        let now = self.now();
        let members: Vec<Member> = self
            .fleet
            .group(&id.target)
            .map(|(unit, known)| Member { unit: unit.key(), present: known.present().cloned() })
            .collect();
        let began = engine::begin(&plan, &members, now)
            .map_err(|error| Problem::new(Code::Invalid, error.to_string()).in_field("plan"))?;
        let (flags, against_flags) = self.check_flags_of(who, &plan, &began.state)?;
        if !against_flags.is_empty() {
            return Err(self.refuse(&id, &attempt(why.as_ref()), against_flags));
        }
        let candidate = plan.snapshot.as_ref().map_or_else(|| plan.candidate(), ToString::to_string);
        let occasion = Occasion {
            operation: Operation::Start,
            subject: overriding::Subject::Rollout { id: &id, candidate: &candidate },
            at: now,
        };
        let by = who.kind.into();
        let first = plan.stages.first().map(|stage| stage.name.clone());
        let trial = match &request.override_id {
            Some(named) => match self.try_override(who, named, &occasion, first.into_iter().collect()) {
                Ok(trial) => Some(trial),
                Err(blockers) => return Err(self.refuse(&id, &attempt(why.as_ref()), blockers)),
            },
            None => None,
        };
        let (freezes, trial) = self.under_trial(trial, |core| {
            core.look_through(&id, (Operation::Start, by), began.state.members(&plan));
            let flagged = began.state.members(&plan).filter(|(_, stage)| held::sets_flag(&plan, *stage));
            core.look_through(&id, (Operation::FlagWiden, by), flagged);
            core.freezes_at_start(&id, &plan, &began.state, by)
        });
        let question = Question { action: None, phase: None, role: who.role, freezes: &freezes };
        if let Decision::NeedsOverride(blockers) | Decision::Refused(blockers) = guard::decide(&question) {
            return Err(self.refuse_held(&id, &attempt(why.as_ref()), blockers, &occasion, &freezes, trial.as_ref()));
        }
        let effect = engine::preview_begin(&plan, &members, now)
            .map_err(|error| Problem::new(Code::Invalid, error.to_string()).in_field("plan"))?;
        let mut effect = self.with_versions(effect);
        // Whoever agrees to the start agrees to what its stages do to flags.
        let demanded = |operation| self.needs_approval(Approvable::Operation(operation), &plan.approvals, false);
        let asks = demanded(Operation::Start) || (!flags.is_empty() && demanded(Operation::FlagWiden));
        let Some(why) = why else {
            if asks {
                effect.checks.push(approvals::check("start"));
            }
            return Ok(Reply {
                body: ActionReply {
                    outcome: Outcome::Intended,
                    effect,
                    audit: None,
                    rollout: None,
                    blocking_windows: Vec::new(),
                    approval: None,
                },
                replayed: false,
            });
        };
        if asks {
            let asked = Asked {
                who,
                verb: "start",
                subject: rollout_subject(&id),
                needed: Role::Operator,
                target: Some(id.target.clone()),
                effect,
                saw: request.saw.as_ref().map(SafeText::new),
                why: &why,
                ticket: authorize::ticket(request.ticket.as_ref()),
                revision: None,
                pending: Pending::Start(Box::new(request.clone())),
                until: None,
            };
            let reply = self.waits(asked, conditions, None)?;
            self.remember(who, &id.to_string(), conditions, fingerprint, ASKED, &reply.body);
            return Ok(reply);
        }
        self.check_reserve("start")?;

        let before = self.revision(&id);
        let revision_base =
            self.rollouts.get(&id).map_or(0, |r| r.stored.revision_base + r.stored.state.revision() + 1);
        for (other, record) in &mut self.rollouts {
            if other.target == id.target && !record.stored.superseded && overtakes(&plan, &record.stored.plan) {
                record.stored.superseded = true;
                self.touched_rollouts.insert(other.clone());
                self.dirty.insert(other.clone());
            }
        }
        let correlation_id = SafeText::new(self.clock.id());
        let let_on = plan.stages.first().map(|stage| (stage.name.clone(), by)).into_iter().collect();
        let stored = Stored {
            plan,
            state: began.state,
            revision_base,
            correlation_id: correlation_id.clone(),
            created_at: now,
            ended_at: None,
            superseded: false,
            brought_back,
            failed: BTreeMap::new(),
            let_through: Vec::new(),
            let_on,
            entered: BTreeSet::new(),
            flags,
            mandate: None,
            history: std::collections::VecDeque::new(),
        };
        let mut record = Record::new(stored).map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
        record.gates = gates;
        record.judging = judging;
        self.reported.forget(&id);
        self.rollouts.insert(id.clone(), record);
        self.touched_rollouts.insert(id.clone());
        self.dirty.insert(id.clone());
        self.flags.units_moved();
        self.hold_again(&id);
        self.note_windows(&id);
        let used = trial.filter(Trial::is_needed);
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(request.ticket.as_ref()),
            revision: RevisionChange { before, after: self.revision(&id) },
            effect: Some(effect.summary.clone()),
            saw: request.saw.as_ref().map(SafeText::new),
            intent: self.agreed.as_ref().map(|agreed| agreed.intent),
            approved_by: approvers(self.agreed.as_ref(), used.as_ref()),
            override_id: used.as_ref().map(|trial| trial.id().clone()),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            correlation_id: Some(correlation_id),
            ..Draft::new(who.actor(), "start", rollout_subject(&id), Outcome::Applied)
        });
        if let Some(trial) = &used {
            self.pass_under(&id, trial, who, Operation::Start, entry.seq);
        }
        // What nothing fresh is known of is unknown from the start.
        let silent: Vec<UnitKey> =
            self.fleet.group(&id.target).filter(|(_, unit)| !unit.is_reachable()).map(|(unit, _)| unit.key()).collect();
        for unit in silent {
            self.step(&id, &Event::Silent { unit });
        }
        self.step(&id, &Event::Tick);
        self.count("start", "applied");
        let body = ActionReply {
            outcome: Outcome::Applied,
            effect,
            audit: Some(entry),
            rollout: self.picture(&id),
            blocking_windows: Vec::new(),
            approval: None,
        };
        self.remember(who, &id.to_string(), conditions, fingerprint, CREATED, &body);
        Ok(Reply { body, replayed: false })
    }

    /// That a plan's snapshot is known, and one of its target.
    fn check_snapshot_of(&self, plan: &Plan) -> Result<(), Problem> {
        let Some(digest) = &plan.snapshot else { return Ok(()) };
        let invalid = |text: String| Problem::new(Code::Invalid, text).in_field("plan.snapshot");
        let known = self.snapshots.get(digest).ok_or_else(|| {
            invalid(format!("snapshot {digest} is not known here: add it first with `rolldeck snapshot add`"))
        })?;
        match known.group.as_ref().filter(|group| **group != plan.target) {
            None => Ok(()),
            Some(group) => Err(invalid(format!(
                "snapshot {} belongs to group {group}, and the plan's target is {}",
                digest.short(),
                plan.target
            ))),
        }
    }

    /// A plan's indicators as the judge will take them, where each can be understood and asked for.
    fn check_indicators(&self, plan: &Plan) -> Result<Judging, Problem> {
        let invalid = |field: &str, message: String| Problem::new(Code::Invalid, message).in_field(field);
        let judging = Judging::declared(&plan.telemetry, &plan.slis).map_err(|m| invalid("plan.slis", m))?;
        if let Some((gate, why)) = judging.unanswerable(&plan.gates) {
            return Err(invalid(&format!("plan.gates.{gate}"), why));
        }
        let name = plan.telemetry.source.as_str();
        let source = self.options.sources.iter().find(|source| source.name() == name);
        if source.is_none() && name != REPORTED {
            let names: Vec<&str> = self.options.sources.iter().map(|source| source.name()).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(invalid(
                "plan.telemetry.source",
                format!(
                    "this server has no source {name:?}, there is {there}: name it in its configuration, [sources.{name}]"
                ),
            ));
        }
        for (sli, queries) in judging.queries().filter(|(_, queries)| !queries.is_empty()) {
            let checked = source.map_or_else(|| self.reported.check(queries), |source| source.check(queries));
            checked.map_err(|message| invalid(&format!("plan.slis.{sli}"), message))?;
        }
        Ok(judging)
    }

    /// What the judge brought back on a target, and when; the newest few.
    pub(super) fn brought_back(&self, target: &TargetName) -> BTreeMap<Digest, DateTime<Utc>> {
        let mut all: BTreeMap<Digest, DateTime<Utc>> = BTreeMap::new();
        for (digest, at) in self.of_target(target).flat_map(|(_, record)| &record.stored.brought_back) {
            let known = all.entry(digest.clone()).or_insert(*at);
            *known = (*known).max(*at);
        }
        while all.len() > BROUGHT_BACK {
            let Some(oldest) = all.iter().min_by_key(|(_, at)| **at).map(|(digest, _)| digest.clone()) else { break };
            all.remove(&oldest);
        }
        all
    }
}
