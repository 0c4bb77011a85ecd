//! Starting rollouts and acting on them: authenticate, authorize, compare the revision, guard,
//! journal, step, answer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{
    Reply,
    approvals::{self, Agreed, Asked, Pending},
    authorize,
    core::{Core, Record, Stored, rollout_subject},
    journal::Draft,
    judging::{self, Judging},
    orders::Acted,
    overrides::Trial,
};
use crate::{
    domain::{
        Action, ActorKind, Approvable, Blocker, BlockerKind, Digest, Freeze, GateName, Operation, Outcome, Place, Plan,
        Principal, Reason, Role, RollbackTo, RolloutId, SafeText, TargetName, UnitKey,
        audit::RevisionChange,
        plan::REPORTED,
        rollout::{Check, CheckState},
    },
    engine::{self, Answer, Context, Event, Member},
    gate::Expression,
    guard::{
        self, Decision, Question,
        overriding::{self, Occasion},
    },
    source::SliSource as _,
    store::{IdempotencyRecord, Write},
    wire::{ActionReply, ActionRequest, Code, Conditions, Problem, StartRequest},
};

/// Longest idempotency key.
const KEY_MAX: usize = 255;
/// How many releases that the judge brought back are remembered of a target.
const BROUGHT_BACK: usize = 16;

/// The status of the answer to a start.
pub(super) const CREATED: u16 = 201;
/// The status of the answer to an action.
pub(super) const DONE: u16 = 200;
/// The status of the answer to what waits for a second person.
pub(super) const ASKED: u16 = 202;

/// What identifies a request beside its key: its body. The revision is not of it, nor what was on
/// the screen: whoever asks again for a lost answer has looked again by then, and sees what the
/// first request did.
pub(super) fn fingerprint(request: &impl serde::Serialize) -> String {
    let mut body = serde_json::to_value(request).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("saw");
    }
    let body = serde_json_canonicalizer::to_vec(&body).unwrap_or_default();
    Digest::of(Sha256::digest(body).into()).as_str().to_owned()
}

pub(super) fn check_key(conditions: &Conditions) -> Result<(), Problem> {
    match &conditions.idempotency_key {
        Some(key) if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(Problem::new(
                Code::Invalid,
                format!("an Idempotency-Key is 1 to {KEY_MAX} visible ASCII characters, for example a UUID"),
            )
            .in_field("Idempotency-Key"))
        }
        _ => Ok(()),
    }
}

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

/// Who attempts what, and with which words: what a refusal is journalled with.
struct Attempt<'a> {
    who: &'a Principal,
    verb: &'a str,
    /// None for a dry run.
    why: Option<&'a Reason>,
    ticket: Option<&'a String>,
    conditions: &'a Conditions,
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
        let snapshot = self.snapshots.get(&plan.snapshot).ok_or_else(|| {
            Problem::new(
                Code::Invalid,
                format!("snapshot {} is not known here: add it first with `rolldeck snapshot add`", plan.snapshot),
            )
            .in_field("plan.snapshot")
        })?;
        if let Some(group) = snapshot.group.as_ref().filter(|group| **group != id.target) {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "snapshot {} belongs to group {group}, and the plan's target is {}",
                    plan.snapshot.short(),
                    id.target
                ),
            )
            .in_field("plan.snapshot"));
        }
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
            return Err(self.refuse(
                &id,
                &Attempt { who, verb: "start", why: why.as_ref(), ticket: request.ticket.as_ref(), conditions },
                vec![blocker],
            ));
        }
        let now = self.now();
        let members: Vec<Member> = self
            .fleet
            .group(&id.target)
            .map(|(unit, known)| Member { unit: unit.key(), present: known.present().cloned() })
            .collect();
        let began = engine::begin(&plan, &members, now)
            .map_err(|error| Problem::new(Code::Invalid, error.to_string()).in_field("plan"))?;
        let attempt = Attempt { who, verb: "start", why: why.as_ref(), ticket: request.ticket.as_ref(), conditions };
        let occasion = Occasion {
            operation: Operation::Start,
            subject: overriding::Subject::Rollout { id: &id, candidate: plan.snapshot.as_str() },
            at: now,
        };
        let by = who.kind.into();
        let first = plan.stages.first().map(|stage| stage.name.clone());
        let trial = match &request.override_id {
            Some(named) => match self.try_override(who, named, &occasion, first.into_iter().collect()) {
                Ok(trial) => Some(trial),
                Err(blockers) => return Err(self.refuse(&id, &attempt, blockers)),
            },
            None => None,
        };
        let (freezes, trial) = self.under_trial(trial, |core| {
            core.look_through(&id, (Operation::Start, by), began.state.members(&plan));
            core.freezes_at_start(&id, &plan, &began.state, by)
        });
        let question = Question { action: None, phase: None, role: who.role, freezes: &freezes };
        if let Decision::NeedsOverride(blockers) | Decision::Refused(blockers) = guard::decide(&question) {
            return Err(self.refuse_held(&id, &attempt, blockers, &occasion, &freezes, trial.as_ref()));
        }
        let effect = engine::preview_begin(&plan, &members, now)
            .map_err(|error| Problem::new(Code::Invalid, error.to_string()).in_field("plan"))?;
        let mut effect = self.with_versions(effect);
        let Some(why) = why else {
            if self.needs_approval(Approvable::Operation(Operation::Start), &plan.approvals, false) {
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
        if self.needs_approval(Approvable::Operation(Operation::Start), &plan.approvals, false) {
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
            if other.target == id.target && !record.stored.superseded {
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

    /// Acts on a rollout.
    pub(super) fn act(
        &mut self,
        who: &Principal,
        id: &RolloutId,
        request: &ActionRequest,
        conditions: &Conditions,
    ) -> Result<Acted, Problem> {
        let action = request.action;
        let verb = action.verb();
        let why = if request.dry_run { None } else { Some(authorize::reason(&request.reason)?) };
        check_key(conditions)?;
        self.authorize(who, Role::Operator, id, verb, why.as_ref())?;
        if self.carried.contains_key(id) {
            return self.want(who, id, request, conditions, why);
        }
        if !self.rollouts.contains_key(id) {
            return Err(not_found(id));
        }
        let fingerprint = fingerprint(request);
        if why.is_some()
            && let Some(body) = self.replay(who, &id.to_string(), conditions, &fingerprint)?
        {
            return Ok(Acted::Done(Box::new(Reply { body, replayed: true })));
        }
        // Stopping must not lose a race: only what widens is held against the revision.
        if action.widens() && !request.dry_run {
            self.compare_revision(who, id, request, conditions, why.as_ref())?;
        }
        let to = self.check_snapshot_to(id, request)?;
        let Some(record) = self.rollouts.get(id) else { return Err(not_found(id)) };
        if action == Action::Rollback && record.stored.superseded {
            let blocker = Blocker {
                kind: BlockerKind::Phase,
                summary: SafeText::new(format!(
                    "a newer rollout has begun on {}: what this one pinned is not kept any more; roll the newer one back",
                    id.target
                )),
                since: record.stored.ended_at,
                until: None,
            };
            return Err(self.refuse(
                id,
                &Attempt { who, verb, why: why.as_ref(), ticket: request.ticket.as_ref(), conditions },
                vec![blocker],
            ));
        }
        let phase = record.stored.state.phase();
        let candidate = record.stored.plan.snapshot.clone();
        let demanded = record.stored.plan.approvals.clone();
        let attempt = Attempt { who, verb, why: why.as_ref(), ticket: request.ticket.as_ref(), conditions };
        let subject = overriding::Subject::Rollout { id, candidate: candidate.as_str() };
        // What is always open asks for no override, and is not refused for one that does not fit.
        let occasion = Operation::of(action).map(|operation| Occasion { operation, subject, at: self.now() });
        let trial = match occasion.as_ref().zip(request.override_id.as_ref()) {
            Some((occasion, named)) => {
                let stages = self.stage_let_on(id, action).into_iter().collect();
                match self.try_override(who, named, occasion, stages) {
                    Ok(trial) => Some(trial),
                    Err(blockers) => return Err(self.refuse(id, &attempt, blockers)),
                }
            }
            None => None,
        };
        let by = who.kind.into();
        let (freezes, trial) = self.under_trial(trial, |core| {
            if let (Some(record), Some(occasion)) = (core.rollouts.get(id), &occasion) {
                core.look_through(id, (occasion.operation, by), record.stored.state.members(&record.stored.plan));
            }
            core.freezes_over_action(id, action, by)
        });
        let question = Question { action: Some(action), phase: Some(phase), role: who.role, freezes: &freezes };
        let decision = guard::decide(&question);
        let asks = approvals::approvable(action).is_some_and(|what| self.needs_approval(what, &demanded, request.ask));
        let now = self.now();
        let mut effect = {
            let Some(record) = self.rollouts.get(id) else { return Err(not_found(id)) };
            let context = Context { now, plan: &record.stored.plan, held: &record.held };
            self.with_versions(engine::preview(&record.stored.state, action, to.as_ref(), &context))
        };
        let Some(why) = why else {
            if let Decision::NeedsOverride(blockers) | Decision::Refused(blockers) = &decision {
                let forbidden = blockers.iter().map(|b| Check { state: CheckState::Block, text: b.summary.clone() });
                effect.checks.splice(0..0, forbidden);
            } else {
                effect.checks.insert(0, allowed_check(who, id));
            }
            if asks {
                effect.checks.push(approvals::check(action.words()));
            }
            let rollout = self.picture(id);
            let body = ActionReply {
                outcome: Outcome::Intended,
                effect,
                audit: None,
                rollout,
                blocking_windows: freezes,
                approval: None,
            };
            return Ok(Acted::Done(Box::new(Reply { body, replayed: false })));
        };
        match decision {
            Decision::Allowed => {}
            Decision::NeedsOverride(blockers) if let Some(occasion) = &occasion => {
                let attempt = Attempt { who, verb, why: Some(&why), ticket: request.ticket.as_ref(), conditions };
                return Err(self.refuse_held(id, &attempt, blockers, occasion, &freezes, trial.as_ref()));
            }
            Decision::NeedsOverride(blockers) | Decision::Refused(blockers) => {
                return Err(self.refuse(
                    id,
                    &Attempt { who, verb, why: Some(&why), ticket: request.ticket.as_ref(), conditions },
                    blockers,
                ));
            }
            Decision::Forbidden(needed) => {
                return Err(Problem::new(Code::Forbidden, format!("{verb} needs the role {}", needed.as_str())));
            }
        }
        if asks && self.act_changes_something(id, action) {
            let asked = Asked {
                who,
                verb,
                subject: rollout_subject(id),
                needed: Role::Operator,
                target: Some(id.target.clone()),
                effect,
                saw: request.saw.as_ref().map(SafeText::new),
                why: &why,
                ticket: authorize::ticket(request.ticket.as_ref()),
                revision: conditions.revision.clone(),
                pending: Pending::Act(id.clone(), Box::new(request.clone())),
            };
            let rollout = self.picture(id);
            let reply = self.waits(asked, conditions, rollout)?;
            self.remember(who, &id.to_string(), conditions, fingerprint, ASKED, &reply.body);
            return Ok(Acted::Done(Box::new(reply)));
        }
        if action.widens() {
            self.check_reserve(verb)?;
        }

        let begins = self.stage_let_on(id, action);
        let Some(mut stepped) = self.advance(id, &Event::Act { action, to: to.clone() }) else {
            return Err(not_found(id));
        };
        if matches!(action, Action::Resume | Action::Retry)
            && stepped.answer == Answer::Done
            && let Some(record) = self.rollouts.get_mut(id)
        {
            record.judging.acknowledge();
            record.stored.failed.clear();
        }
        let used = trial.filter(Trial::is_needed);
        // Going on is something to do for what went on already, when it is let past what held its units.
        let lets_on = action == Action::Resume && used.is_some();
        let outcome = match stepped.answer {
            Answer::Done => {
                if action.widens() {
                    self.let_on(id, begins, by);
                }
                Outcome::Applied
            }
            Answer::NoOp if lets_on => Outcome::Applied,
            Answer::NoOp => Outcome::NoOp,
            Answer::Refused(blockers) => {
                return Err(self.refuse(
                    id,
                    &Attempt { who, verb, why: Some(&why), ticket: request.ticket.as_ref(), conditions },
                    blockers,
                ));
            }
        };
        let used = used.filter(|_| outcome == Outcome::Applied);
        let done = if let (true, Some(trial)) = (stepped.facts.is_empty(), &used) {
            SafeText::new(format!("what {} held goes on", trial.windows_named()))
        } else if outcome == Outcome::NoOp || stepped.facts.is_empty() {
            SafeText::new("nothing was to be changed")
        } else {
            stepped.facts.remove(0).detail
        };
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(request.ticket.as_ref()),
            revision: RevisionChange { before: stepped.before.clone(), after: self.revision(id) },
            effect: Some(done),
            intent: self.agreed.as_ref().map(|agreed| agreed.intent),
            approved_by: approvers(self.agreed.as_ref(), used.as_ref()),
            override_id: used.as_ref().map(|trial| trial.id().clone()),
            saw: request.saw.as_ref().map(SafeText::new),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            correlation_id: self.rollouts.get(id).map(|r| r.stored.correlation_id.clone()),
            ..Draft::new(who.actor(), verb, rollout_subject(id), outcome)
        });
        if let Some((trial, occasion)) = used.as_ref().zip(occasion.as_ref()) {
            self.pass_under(id, trial, who, occasion.operation, entry.seq);
        }
        self.journal_facts(id, stepped.facts, stepped.before.as_ref(), stepped.known_good);
        if outcome == Outcome::Applied {
            self.step(id, &Event::Tick);
        }
        self.count(verb, if outcome == Outcome::Applied { "applied" } else { "no_op" });
        let body = ActionReply {
            outcome,
            effect,
            audit: Some(entry),
            rollout: self.picture(id),
            blocking_windows: Vec::new(),
            approval: None,
        };
        self.remember(who, &id.to_string(), conditions, fingerprint, DONE, &body);
        Ok(Acted::Done(Box::new(Reply { body, replayed: false })))
    }

    /// Whether an action would change something: nobody is asked to agree to nothing.
    fn act_changes_something(&self, id: &RolloutId, action: Action) -> bool {
        self.rollouts.get(id).is_some_and(|record| action.applies_in(record.stored.state.phase()))
    }

    /// Holds a change against the revision that its sender saw.
    pub(super) fn compare_revision(
        &mut self,
        who: &Principal,
        id: &RolloutId,
        request: &ActionRequest,
        conditions: &Conditions,
        why: Option<&Reason>,
    ) -> Result<(), Problem> {
        let verb = request.action.verb();
        let Some(present) = self.revision(id) else { return Err(not_found(id)) };
        let Some(seen) = &conditions.revision else {
            return Err(Problem {
                revision: Some(present.clone()),
                ..Problem::new(
                    Code::RevisionRequired,
                    format!("{verb} needs If-Match with the revision that you saw; it is {present} now"),
                )
            });
        };
        if *seen == present {
            return Ok(());
        }
        let changed = self.changed_since(id, seen);
        let detail = format!("{id} was at {seen} when you looked and is at {present} now: {changed}");
        let entry = self.journal(Draft {
            reason: why.map(|r| SafeText::new(r.as_str())),
            ticket: authorize::ticket(request.ticket.as_ref()),
            revision: RevisionChange { before: Some(present.clone()), after: None },
            effect: Some(SafeText::new(format!("revision mismatch: {seen} was named"))),
            saw: request.saw.as_ref().map(SafeText::new),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            correlation_id: self.correlation_id(id),
            ..Draft::new(who.actor(), verb, rollout_subject(id), Outcome::Refused)
        });
        self.count(verb, "refused");
        Err(Problem {
            revision: Some(present),
            changed: Some(SafeText::new(changed)),
            audit: Some(entry.seq),
            ..Problem::new(Code::RevisionMismatch, detail)
        })
    }

    /// What ties together all audit entries of a rollout.
    fn correlation_id(&self, id: &RolloutId) -> Option<SafeText> {
        let fleets = self.rollouts.get(id).map(|record| &record.stored.correlation_id);
        fleets.or_else(|| self.carried.get(id).map(|carried| &carried.stored.correlation_id)).cloned()
    }

    /// What happened since a revision, in one sentence.
    fn changed_since(&self, id: &RolloutId, seen: &crate::domain::Revision) -> String {
        if let Some(carried) = self.carried.get(id) {
            return carried.changed_since(seen);
        }
        let number = seen.0.as_str().strip_prefix('r').and_then(|n| n.parse::<u64>().ok());
        let Some((record, number)) = self.rollouts.get(id).zip(number) else {
            return "that revision is not one of this rollout".to_owned();
        };
        let since: Vec<&str> =
            record.stored.history.iter().filter(|(at, _)| *at > number).map(|(_, what)| what.as_str()).collect();
        if since.is_empty() { format!("it is {}", record.stored.state.phase().words()) } else { since.join("; ") }
    }

    /// The snapshot that a rollback is to go to, where one is named and may be.
    fn check_snapshot_to(&self, id: &RolloutId, request: &ActionRequest) -> Result<Option<Digest>, Problem> {
        let Some(to) = &request.to else { return Ok(None) };
        let invalid = |text: String| Err(Problem::new(Code::Invalid, text).in_field("to"));
        let RollbackTo::Snapshot(to) = to else {
            return invalid(format!("{id} is a fleet's rollout and has no revisions to go to: name a snapshot"));
        };
        if request.action != Action::Rollback {
            return invalid("`to` goes with a rollback only".to_owned());
        }
        match self.snapshots.get(to) {
            None => invalid(format!("snapshot {to} is not known here")),
            Some(known) if known.group.as_ref().is_some_and(|group| *group != id.target) => {
                invalid(format!("snapshot {} does not belong to {}", to.short(), id.target))
            }
            Some(known) if !known.known_good => invalid(format!(
                "snapshot {} ({}) is not known good: mark it with `rolldeck snapshot add --known-good --reason`, or roll back without `to`",
                to.short(),
                known.version
            )),
            Some(_) => Ok(Some(to.clone())),
        }
    }

    /// Journals that windows hold something, and why an override that was named does not lift them.
    fn refuse_held(
        &mut self,
        id: &RolloutId,
        attempt: &Attempt<'_>,
        mut blockers: Vec<Blocker>,
        occasion: &Occasion<'_>,
        freezes: &[Freeze],
        trial: Option<&Trial>,
    ) -> Problem {
        let place =
            Place { target: &id.target, rollout: Some(&id.name), site: None, lane: None, stage: None, labels: None };
        blockers.extend(trial.into_iter().flat_map(|trial| trial.why_not(&place, freezes)));
        let override_offer = super::overrides::offer(occasion.operation, occasion.subject, freezes);
        Problem { blocking_windows: freezes.to_vec(), override_offer, ..self.refuse(id, attempt, blockers) }
    }

    /// Journals a refusal and says it.
    fn refuse(&mut self, id: &RolloutId, attempt: &Attempt<'_>, blockers: Vec<Blocker>) -> Problem {
        let Attempt { who, verb, why, ticket, conditions } = attempt;
        let detail = match blockers.as_slice() {
            [] => format!("{verb} {id} is not possible now"),
            [only] => format!("{verb} {id}: {}", only.summary),
            [first, rest @ ..] => format!("{verb} {id}: {} (and {} more)", first.summary, rest.len()),
        };
        let next_transition = blockers.iter().filter(|b| b.kind == BlockerKind::Freeze).filter_map(|b| b.until).min();
        // A dry run has no reason and leaves no entry.
        let audit = why.map(|why| {
            let present = self.revision(id);
            self.journal(Draft {
                reason: Some(SafeText::new(why.as_str())),
                ticket: authorize::ticket(*ticket),
                revision: RevisionChange { before: present, after: None },
                effect: Some(SafeText::new(&detail)),
                blockers: blockers.clone(),
                idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
                correlation_id: self.rollouts.get(id).map(|r| r.stored.correlation_id.clone()),
                ..Draft::new(who.actor(), verb, rollout_subject(id), Outcome::Refused)
            })
            .seq
        });
        self.count(verb, "refused");
        Problem { blockers, next_transition, revision: self.revision(id), audit, ..Problem::new(Code::Blocked, detail) }
    }

    /// The first answer to an idempotency key, where there was one. `subject` is what the key belongs
    /// to beside its principal: a rollout's address, or `windows`.
    pub(super) fn replay<T: serde::de::DeserializeOwned>(
        &self,
        who: &Principal,
        subject: &str,
        conditions: &Conditions,
        fingerprint: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(key) = &conditions.idempotency_key else { return Ok(None) };
        let known = self.idempotency.get(&(who.id.to_string(), subject.to_owned(), key.clone()));
        let Some(known) = known else { return Ok(None) };
        if known.fingerprint != fingerprint {
            return Err(Problem::new(
                Code::IdempotencyMismatch,
                format!(
                    "this Idempotency-Key was used for another request on {subject}: use a new key for a new request"
                ),
            )
            .in_field("Idempotency-Key"));
        }
        serde_json::from_str(&known.body)
            .map(Some)
            .map_err(|_| Problem::new(Code::Unavailable, "the stored answer to this Idempotency-Key cannot be read"))
    }

    /// Keeps the answer to an idempotency key.
    pub(super) fn remember(
        &mut self,
        who: &Principal,
        subject: &str,
        conditions: &Conditions,
        fingerprint: String,
        status: u16,
        body: &impl serde::Serialize,
    ) {
        let Some(key) = &conditions.idempotency_key else { return };
        let Ok(body) = serde_json::to_string(body) else { return };
        let record = IdempotencyRecord {
            principal: who.id.to_string(),
            rollout: subject.to_owned(),
            key: key.clone(),
            fingerprint,
            status,
            body,
            at: self.now(),
        };
        self.idempotency.insert((record.principal.clone(), record.rollout.clone(), key.clone()), record.clone());
        self.batch.push(Write::Idempotency(record));
    }

    /// On a full disk the reserve is for what stops a change.
    pub(super) fn check_reserve(&self, verb: &str) -> Result<(), Problem> {
        if self.reserve_spent {
            return Err(Problem::new(
                Code::Unavailable,
                format!(
                    "the disk of the control plane is full: {verb} is not taken, pause and rollback are; free some and restart it"
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn count(&mut self, verb: &str, outcome: &'static str) {
        *self.figures.actions.entry((verb.to_owned(), outcome)).or_default() += 1;
    }
}

/// Who agreed to something, or to the override that it was done under.
pub(super) fn approvers(agreed: Option<&Agreed>, used: Option<&Trial>) -> Vec<SafeText> {
    let mut all: Vec<SafeText> = agreed.map(|agreed| agreed.by.clone()).into_iter().collect();
    for by in used.into_iter().flat_map(Trial::agreed) {
        if !all.contains(&by) {
            all.push(by);
        }
    }
    all
}

fn allowed_check(who: &Principal, id: &RolloutId) -> Check {
    Check {
        state: CheckState::Pass,
        text: SafeText::new(format!("{} is {} on {}", who.id, who.role.as_str(), id.target)),
    }
}

pub(super) fn not_found(id: &RolloutId) -> Problem {
    Problem::new(Code::NotFound, format!("there is no rollout {id}: `rolldeck list` shows those there are"))
}
