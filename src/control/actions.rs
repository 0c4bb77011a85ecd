//! Acting on rollouts: authenticate, authorize, compare the revision, guard,
//! journal, step, answer.

use super::{
    Reply,
    approvals::{self, Agreed, Asked, Pending},
    authorize,
    core::{Core, rollout_subject},
    held,
    idempotency::{check_key, fingerprint},
    journal::Draft,
    orders::Acted,
    overrides::Trial,
};
use crate::{
    domain::{
        Action, Blocker, BlockerKind, Digest, Freeze, Operation, Outcome, Place, Principal, Reason, Role, RollbackTo,
        RolloutId, SafeText,
        audit::RevisionChange,
        rollout::{Check, CheckState},
    },
    engine::{self, Answer, Context, Event},
    guard::{
        self, Decision, Question,
        overriding::{self, Occasion},
    },
    wire::{ActionReply, ActionRequest, Code, Conditions, Problem},
};

/// The status of the answer to a start.
pub(super) const CREATED: u16 = 201;
/// The status of the answer to an action.
pub(super) const DONE: u16 = 200;
/// The status of the answer to what waits for a second person.
pub(super) const ASKED: u16 = 202;

/// Who attempts what, and with which words: what a refusal is journalled with.
pub(super) struct Attempt<'a> {
    pub(super) who: &'a Principal,
    pub(super) verb: &'a str,
    /// None for a dry run.
    pub(super) why: Option<&'a Reason>,
    pub(super) ticket: Option<&'a String>,
    /// The override that it names.
    pub(super) naming: Option<&'a String>,
    pub(super) conditions: &'a Conditions,
}

impl<'a> Attempt<'a> {
    fn of(who: &'a Principal, request: &'a ActionRequest, why: Option<&'a Reason>, conditions: &'a Conditions) -> Self {
        Self {
            who,
            verb: request.action.verb(),
            why,
            ticket: request.ticket.as_ref(),
            naming: request.override_id.as_ref(),
            conditions,
        }
    }
}

/// The override that something names, whether it lets it pass or not.
pub(super) fn naming(override_id: Option<&String>) -> Option<SafeText> {
    override_id.map(|named| SafeText::new(named.trim())).filter(|named| !named.is_empty())
}

impl Core {
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
            return Err(self.refuse(id, &Attempt::of(who, request, why.as_ref(), conditions), vec![blocker]));
        }
        let phase = record.stored.state.phase();
        let candidate = self.candidate_now(id).unwrap_or_default();
        let Some(record) = self.rollouts.get(id) else { return Err(not_found(id)) };
        let demanded = record.stored.plan.approvals.clone();
        let attempt = Attempt::of(who, request, why.as_ref(), conditions);
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
                let plan = &record.stored.plan;
                core.look_through(id, (occasion.operation, by), record.stored.state.members(plan));
                let flagged = record.stored.state.members(plan).filter(|(_, stage)| held::sets_flag(plan, *stage));
                core.look_through(id, (Operation::FlagWiden, by), flagged);
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
                let attempt = Attempt::of(who, request, Some(&why), conditions);
                return Err(self.refuse_held(id, &attempt, blockers, occasion, &freezes, trial.as_ref()));
            }
            Decision::NeedsOverride(blockers) | Decision::Refused(blockers) => {
                return Err(self.refuse(id, &Attempt::of(who, request, Some(&why), conditions), blockers));
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
                until: None,
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
                return Err(self.refuse(id, &Attempt::of(who, request, Some(&why), conditions), blockers));
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
            override_id: naming(request.override_id.as_ref()),
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
    pub(super) fn refuse_held(
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
    pub(super) fn refuse(&mut self, id: &RolloutId, attempt: &Attempt<'_>, blockers: Vec<Blocker>) -> Problem {
        let Attempt { who, verb, why, ticket, naming: named, conditions } = attempt;
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
                override_id: naming(*named),
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
