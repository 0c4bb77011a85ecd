//! Orders to drivers: asked about, guarded, journalled as intended, sent, and journalled with their
//! outcome once the cluster was seen to take them up.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    Control, Reply, actions,
    approvals::{self, Agreed, Asked, Pending},
    authorize,
    carried::{Carried, Sent},
    core::{Core, rollout_subject},
    idempotency,
    journal::Draft,
    overrides::{self, Trial},
};
use crate::{
    domain::{
        Action, Actor, Blocker, BlockerKind, Freeze, Operation, Outcome, Place, Preview, Principal, Reason, Role,
        RolloutId, SafeText,
        audit::RevisionChange,
        rollout::{Check, CheckState},
    },
    driver::{Driver, Order, OrderError, Proposal, Uptake},
    guard::{
        self, Decision, Question as Guarded,
        overriding::{self, Occasion},
    },
    wire::{ActionReply, ActionRequest, Code, Conditions, Problem},
};

/// Orders to one rollout whose outcome is not known, at most.
const SENT_MAX: usize = 8;

/// What an order did may be seen a little after it was seen to be taken up.
const OURS: TimeDelta = TimeDelta::seconds(3);

/// What an action comes to: an answer, or an order that a driver is asked about first.
#[derive(Debug)]
pub(super) enum Acted {
    /// Done, or said what it would do.
    Done(Box<Reply<ActionReply>>),
    /// For a driver.
    Ask(Box<Wanted>),
}

/// An action on a rollout that is carried out elsewhere.
#[derive(Debug)]
pub(super) struct Wanted {
    driver: Arc<dyn Driver>,
    order: Order,
    who: Principal,
    request: ActionRequest,
    conditions: Conditions,
    /// None for a dry run.
    why: Option<Reason>,
    fingerprint: String,
    /// That a second person agreed.
    agreed: Option<Agreed>,
}

/// What keeps an order from being sent, or that it may be.
struct Held {
    blockers: Vec<Blocker>,
    /// The windows among them.
    freezes: Vec<Freeze>,
    /// The override that it names, as it was tried.
    trial: Option<Trial>,
}

impl Core {
    /// An action on a rollout that is carried out elsewhere. The caller is authorized.
    pub(super) fn want(
        &mut self,
        who: &Principal,
        id: &RolloutId,
        request: &ActionRequest,
        conditions: &Conditions,
        why: Option<Reason>,
    ) -> Result<Acted, Problem> {
        let Some(carried) = self.carried.get(id) else { return Err(actions::not_found(id)) };
        let Some(driver) = self.options.drivers.get(carried.driver).map(Arc::clone) else {
            return Err(actions::not_found(id));
        };
        let present = carried.sighting.rollout.revision.clone();
        let avoid = carried.avoid();
        let fingerprint = idempotency::fingerprint(request);
        if why.is_some() {
            let key = conditions.idempotency_key.as_deref();
            if carried
                .stored
                .sent
                .iter()
                .any(|sent| !sent.unconfirmed && key.is_some() && sent.key.as_ref().map(SafeText::as_str) == key)
            {
                return Err(Problem::new(
                    Code::InProgress,
                    "this Idempotency-Key is being worked on: ask again for its outcome",
                ));
            }
            if let Some(body) = self.replay(who, &id.to_string(), conditions, &fingerprint)? {
                return Ok(Acted::Done(Box::new(Reply { body, replayed: true })));
            }
            if request.action.widens() {
                self.compare_revision(who, id, request, conditions, why.as_ref())?;
            }
        }
        // What stops a change names the candidate that it is about, where its sender said it.
        let order = Order {
            id: id.clone(),
            action: request.action,
            to: request.to.clone(),
            avoid,
            revision: conditions.revision.clone().unwrap_or(present),
            by: who.id.clone(),
            reason: why.as_ref().map(|why| SafeText::new(why.as_str())).unwrap_or_default(),
            at: self.now(),
        };
        Ok(Acted::Ask(Box::new(Wanted {
            driver,
            order,
            who: who.clone(),
            request: request.clone(),
            conditions: conditions.clone(),
            why,
            fingerprint,
            agreed: self.agreed.clone(),
        })))
    }

    /// What holds an order now: windows, or another one that is under way.
    fn holds(&mut self, order: &Order, who: &Principal, named: Option<&String>) -> Held {
        let mut unfit = Vec::new();
        let mut trial = None;
        // What is always open asks for no override, and is not refused for one that does not fit.
        if let Some((operation, named)) = Operation::of(order.action).zip(named) {
            let present = self.candidate_now(&order.id).unwrap_or_default();
            let subject = overriding::Subject::Rollout { id: &order.id, candidate: present.as_str() };
            let occasion = Occasion { operation, subject, at: self.now() };
            match self.try_override(who, named, &occasion, self.stages_let_on(&order.id, order.action)) {
                Ok(fits) => trial = Some(fits),
                Err(blockers) => unfit = blockers,
            }
        }
        let asked = Operation::of(order.action).map(|operation| (operation, who.kind.into()));
        let (freezes, trial) = self.under_trial(trial, |core| {
            asked.map(|asked| core.freezes_of_carried(&order.id, asked)).unwrap_or_default()
        });
        let question = Guarded { action: Some(order.action), phase: None, role: who.role, freezes: &freezes };
        let mut blockers = match guard::decide(&question) {
            Decision::NeedsOverride(blockers) | Decision::Refused(blockers) => blockers,
            Decision::Allowed | Decision::Forbidden(_) => Vec::new(),
        };
        blockers.extend(unfit);
        let place = Place {
            target: &order.id.target,
            rollout: Some(&order.id.name),
            site: None,
            lane: None,
            stage: None,
            labels: None,
        };
        blockers.extend(trial.iter().flat_map(|trial| trial.why_not(&place, &freezes)));
        // Of what is always open they hold nothing.
        let freezes = if order.action.widens() { freezes } else { Vec::new() };
        let sent = self.carried.get(&order.id).map(|carried| carried.stored.sent.as_slice()).unwrap_or_default();
        if order.action.widens()
            && let Some(other) = sent.iter().find(|sent| !sent.unconfirmed)
        {
            blockers.push(Blocker {
                kind: BlockerKind::InProgress,
                summary: SafeText::new(format!(
                    "{} sent {} at {}, and it has not been seen to be taken up yet: wait for its outcome",
                    other.order.by,
                    other.order.action,
                    other.order.at.format("%H:%M:%SZ")
                )),
                since: Some(other.order.at),
                until: None,
            });
        }
        Held { blockers, freezes, trial }
    }

    /// Journals that an order is about to be sent; refused where something holds it.
    fn intend(&mut self, wanted: &Wanted, effect: &Preview) -> Result<u64, Problem> {
        let order = &wanted.order;
        let Held { blockers, freezes, trial } = self.holds(order, &wanted.who, wanted.request.override_id.as_ref());
        if !blockers.is_empty() {
            let refused = self.refuse_order(wanted, blockers, None);
            return Err(self.with_windows(refused, order, freezes));
        }
        let used = trial.filter(Trial::is_needed);
        if order.action.widens() {
            self.check_reserve(order.action.verb())?;
        }
        let entry = self.journal(Draft {
            effect: Some(effect.summary.clone()),
            override_id: used.as_ref().map(|trial| trial.id().clone()),
            approved_by: actions::approvers(wanted.agreed.as_ref(), used.as_ref()),
            ..self.draft(wanted, Outcome::Intended)
        });
        if let Some((trial, operation)) = used.as_ref().zip(Operation::of(order.action)) {
            self.pass_order_under(&order.id, trial, &wanted.who, operation, entry.seq);
        }
        let override_id = used.map(|trial| trial.id().clone());
        self.send_noted(Sent { override_id, ..wanted.sent(entry.seq) });
        Ok(entry.seq)
    }

    /// Notes an order that is about to be sent; durable with its intent.
    fn send_noted(&mut self, sent: Sent) {
        let id = sent.order.id.clone();
        let Some(carried) = self.carried.get_mut(&id) else { return };
        carried.followed.insert(sent.intent);
        carried.stored.sent.push(sent);
        while carried.stored.sent.len() > SENT_MAX {
            carried.stored.sent.remove(0);
        }
        self.touched_rollouts.insert(id.clone());
        self.dirty.insert(id);
    }

    /// Whether an order needs a second person, and nobody agreed yet.
    fn asks_somebody(&self, wanted: &Wanted) -> bool {
        let what = approvals::approvable(wanted.order.action);
        wanted.agreed.is_none() && what.is_some_and(|what| self.needs_approval(what, &[], wanted.request.ask))
    }

    /// Keeps an order until a second person agrees.
    fn ask_about_order(&mut self, wanted: &Wanted, effect: Preview) -> Result<Reply<ActionReply>, Problem> {
        // An override that is named is used when it is done, not when it is asked for.
        let order = &wanted.order;
        let Held { blockers, freezes, .. } = self.holds(order, &wanted.who, wanted.request.override_id.as_ref());
        if !blockers.is_empty() {
            let refused = self.refuse_order(wanted, blockers, None);
            return Err(self.with_windows(refused, order, freezes));
        }
        let Some(why) = &wanted.why else { return Err(actions::not_found(&wanted.order.id)) };
        let id = &wanted.order.id;
        let asked = Asked {
            who: &wanted.who,
            verb: wanted.order.action.verb(),
            subject: rollout_subject(id),
            needed: Role::Operator,
            target: Some(id.target.clone()),
            effect,
            saw: wanted.request.saw.as_ref().map(SafeText::new),
            why,
            ticket: authorize::ticket(wanted.request.ticket.as_ref()),
            revision: Some(wanted.order.revision.clone()),
            pending: Pending::Act(id.clone(), Box::new(wanted.request.clone())),
            until: None,
        };
        let rollout = self.picture(id);
        let reply = self.waits(asked, &wanted.conditions, rollout)?;
        let key = id.to_string();
        self.remember(&wanted.who, &key, &wanted.conditions, wanted.fingerprint.clone(), actions::ASKED, &reply.body);
        Ok(reply)
    }

    fn draft(&self, wanted: &Wanted, outcome: Outcome) -> Draft {
        let id = &wanted.order.id;
        let revision = self.revision(id);
        Draft {
            reason: wanted.why.as_ref().map(|why| SafeText::new(why.as_str())),
            ticket: authorize::ticket(wanted.request.ticket.as_ref()),
            revision: RevisionChange { before: revision, after: None },
            saw: wanted.request.saw.as_ref().map(SafeText::new),
            intent: wanted.agreed.as_ref().map(|agreed| agreed.intent),
            approved_by: wanted.agreed.iter().map(|agreed| agreed.by.clone()).collect(),
            idempotency_key: wanted.conditions.idempotency_key.as_ref().map(SafeText::new),
            correlation_id: self.carried.get(id).map(|carried| carried.stored.correlation_id.clone()),
            ..Draft::new(wanted.who.actor(), wanted.order.action.verb(), rollout_subject(id), outcome)
        }
    }

    /// Journals what became of an order that was sent, and forgets it unless nobody knows.
    fn settle(
        &mut self,
        sent: &Sent,
        outcome: Outcome,
        effect: SafeText,
        blockers: Vec<Blocker>,
    ) -> crate::domain::AuditEntry {
        let (id, now) = (&sent.order.id, self.now());
        let noted = self.carried.get(id).and_then(|carried| carried.noted(sent.intent));
        let override_id = sent.override_id.clone().or_else(|| noted.and_then(|noted| noted.override_id.clone()));
        let entry = self.journal(Draft {
            intent: Some(sent.intent),
            reason: Some(sent.order.reason.clone()),
            ticket: sent.ticket.clone(),
            revision: RevisionChange { before: Some(sent.order.revision.clone()), after: self.revision(id) },
            effect: Some(effect),
            blockers,
            override_id: override_id.clone(),
            idempotency_key: sent.key.clone(),
            correlation_id: self.carried.get(id).map(|carried| carried.stored.correlation_id.clone()),
            ..Draft::new(sent.actor.clone(), sent.order.action.verb(), rollout_subject(id), outcome)
        });
        // Nothing was done: what it would have passed is as it was before. Of what may have been done, it counts.
        if let Some(override_id) = override_id.filter(|_| matches!(outcome, Outcome::Refused | Outcome::NoOp)) {
            self.give_back(&override_id, sent.intent);
        }
        let word = match outcome {
            Outcome::Applied => "applied",
            Outcome::NoOp => "no_op",
            Outcome::Refused => "refused",
            Outcome::Unconfirmed => "unconfirmed",
            Outcome::Failed | Outcome::Intended => "failed",
        };
        self.count(sent.order.action.verb(), word);
        if let Some(carried) = self.carried.get_mut(id) {
            carried.followed.remove(&sent.intent);
            carried.ours_until = Some(now + OURS);
            if sent.order.action == Action::Rollback && outcome == Outcome::Applied {
                carried.give_up(&sent.order.revision);
            }
            if outcome == Outcome::Unconfirmed {
                if let Some(known) = carried.stored.sent.iter_mut().find(|known| known.intent == sent.intent) {
                    known.unconfirmed = true;
                }
            } else {
                carried.stored.sent.retain(|known| known.intent != sent.intent);
            }
        } else if let Some(resting) = self.resting.get_mut(id) {
            resting.sent.retain(|known| known.intent != sent.intent);
        }
        self.touched_rollouts.insert(id.clone());
        self.dirty.insert(id.clone());
        entry
    }

    /// Journals that an order was not sent, and says why.
    fn refuse_order(&mut self, wanted: &Wanted, blockers: Vec<Blocker>, effect: Option<String>) -> Problem {
        let (verb, id) = (wanted.order.action.verb(), &wanted.order.id);
        let detail = effect.unwrap_or_else(|| match blockers.as_slice() {
            [] => format!("{verb} {id} is not possible now"),
            [only] => format!("{verb} {id}: {}", only.summary),
            [first, rest @ ..] => format!("{verb} {id}: {} (and {} more)", first.summary, rest.len()),
        });
        let audit = wanted.why.is_some().then(|| {
            let draft = self.draft(wanted, Outcome::Refused);
            let override_id = actions::naming(wanted.request.override_id.as_ref());
            self.journal(Draft {
                override_id,
                effect: Some(SafeText::new(&detail)),
                blockers: blockers.clone(),
                ..draft
            })
            .seq
        });
        self.count(verb, "refused");
        let next_transition = blockers.iter().filter(|b| b.kind == BlockerKind::Freeze).filter_map(|b| b.until).min();
        Problem { blockers, next_transition, revision: self.revision(id), audit, ..Problem::new(Code::Blocked, detail) }
    }

    /// Says which windows refused an order, and what to ask for to pass them.
    fn with_windows(&self, refused: Problem, order: &Order, freezes: Vec<Freeze>) -> Problem {
        let present = self.candidate_now(&order.id).unwrap_or_default();
        let subject = overriding::Subject::Rollout { id: &order.id, candidate: present.as_str() };
        let override_offer =
            Operation::of(order.action).and_then(|operation| overrides::offer(operation, subject, &freezes));
        Problem { blocking_windows: freezes, override_offer, ..refused }
    }

    /// The orders that nobody follows and whose outcome is not known: of a process that is gone, or
    /// given up to wait for.
    pub(super) fn unresolved(&self, driver: usize) -> Vec<Sent> {
        self.carried
            .values()
            .filter(|carried| carried.driver == driver)
            .flat_map(|carried| carried.stored.sent.iter().filter(|sent| !carried.followed.contains(&sent.intent)))
            .cloned()
            .collect()
    }

    /// What was found of an order that nobody follows.
    pub(super) fn resolved(&mut self, sent: &Sent, found: Result<Uptake, OrderError>, give_up: bool) {
        let known = self.carried.get(&sent.order.id).is_some_and(|carried| {
            carried.stored.sent.iter().any(|known| known.intent == sent.intent && known.unconfirmed == sent.unconfirmed)
        });
        if !known {
            return;
        }
        match found {
            Ok(Uptake::TakenUp(how)) => {
                let effect = SafeText::new(format!("seen later: {how}"));
                self.settle(sent, Outcome::Applied, effect, Vec::new());
            }
            Ok(Uptake::NoOp(why)) => {
                self.settle(sent, Outcome::NoOp, why, Vec::new());
            }
            Ok(Uptake::Unconfirmed(why)) if !sent.unconfirmed => {
                let effect =
                    SafeText::new(format!("whether it was taken up cannot be seen, and it is not sent again: {why}"));
                self.settle(sent, Outcome::Unconfirmed, effect, Vec::new());
            }
            Ok(Uptake::Unconfirmed(_)) | Err(_) => {}
        }
        if give_up && let Some(carried) = self.carried.get_mut(&sent.order.id) {
            carried.stored.sent.retain(|known| known.intent != sent.intent);
            self.touched_rollouts.insert(sent.order.id.clone());
            self.dirty.insert(sent.order.id.clone());
        }
    }

    /// Journals that Rolldeck itself is about to send an order.
    pub(super) fn intend_itself(&mut self, order: &Order) -> Sent {
        let actor = Actor::system("window");
        let entry = self.journal(Draft {
            reason: Some(order.reason.clone()),
            revision: RevisionChange { before: Some(order.revision.clone()), after: None },
            correlation_id: self.carried.get(&order.id).map(|carried| carried.stored.correlation_id.clone()),
            ..Draft::new(actor.clone(), order.action.verb(), rollout_subject(&order.id), Outcome::Intended)
        });
        let sent = Sent {
            order: order.clone(),
            intent: entry.seq,
            actor,
            ticket: None,
            key: None,
            override_id: None,
            unconfirmed: false,
        };
        self.send_noted(sent.clone());
        sent
    }

    /// What became of an order that Rolldeck itself sent.
    pub(super) fn settle_itself(&mut self, sent: &Sent, became: Result<Uptake, OrderError>) {
        let (outcome, effect, blockers) = outcome_of(became);
        let window = sent.order.by.as_str().strip_prefix("window ").map(SafeText::new);
        if matches!(outcome, Outcome::Applied | Outcome::NoOp)
            && let Some(window) = window
        {
            self.entered_carried(&sent.order.id, &window);
        }
        self.settle(sent, outcome, effect, blockers);
    }
}

impl Wanted {
    fn sent(&self, intent: u64) -> Sent {
        Sent {
            order: self.order.clone(),
            intent,
            actor: self.who.actor(),
            ticket: authorize::ticket(self.request.ticket.as_ref()),
            key: self.conditions.idempotency_key.as_ref().map(SafeText::new),
            override_id: None,
            unconfirmed: false,
        }
    }
}

/// What became of an order as the trail says it.
fn outcome_of(became: Result<Uptake, OrderError>) -> (Outcome, SafeText, Vec<Blocker>) {
    match became {
        Ok(Uptake::TakenUp(how)) => (Outcome::Applied, how, Vec::new()),
        Ok(Uptake::NoOp(why)) => (Outcome::NoOp, why, Vec::new()),
        Ok(Uptake::Unconfirmed(why)) => (Outcome::Unconfirmed, why, Vec::new()),
        Err(error) => {
            let text = SafeText::new(error.to_string());
            match error {
                OrderError::Refused(blockers) => (Outcome::Refused, text, blockers),
                OrderError::Moved { .. } | OrderError::Forbidden { .. } => (Outcome::Refused, text, Vec::new()),
                OrderError::Gone(_) | OrderError::Failed(_) => (Outcome::Failed, text, Vec::new()),
                OrderError::Lost(_) => (Outcome::Unconfirmed, text, Vec::new()),
            }
        }
    }
}

/// The problem that an order's error is to whoever gave it.
fn problem_of(error: &OrderError) -> Problem {
    let text = error.to_string();
    match error {
        OrderError::Refused(blockers) => {
            let next_transition = blockers.iter().filter_map(|blocker| blocker.until).min();
            Problem { blockers: blockers.clone(), next_transition, ..Problem::new(Code::Blocked, text) }
        }
        OrderError::Moved { present, what } => Problem {
            revision: Some(present.clone()),
            changed: Some(SafeText::new(what)),
            ..Problem::new(Code::RevisionMismatch, text)
        },
        OrderError::Gone(id) => actions::not_found(id),
        OrderError::Forbidden { .. } => Problem::new(Code::Forbidden, text),
        OrderError::Failed(_) | OrderError::Lost(_) => Problem::new(Code::DriverFailed, text),
    }
}

/// What became of an order before a driver is told.
enum Begun {
    /// A second person is asked first.
    Waits(Box<Reply<ActionReply>>),
    /// Its intent is journalled.
    Intended(Box<Wanted>, Preview, u64),
}

impl Control {
    /// Asks a driver about an order; sends it, unless it is a dry run, and waits for its outcome.
    pub(super) async fn order(&self, wanted: Box<Wanted>) -> Result<Reply<ActionReply>, Problem> {
        let proposed = wanted.driver.propose(&wanted.order).await;
        if wanted.why.is_none() {
            return self.say(&wanted, proposed).await;
        }
        let Proposal { preview: effect, no_op } = match proposed {
            Ok(proposal) => proposal,
            Err(error) => return self.decide(move |core| Err(core.not_sent(&wanted, &error))).await,
        };
        if no_op {
            return self.decide(move |core| Ok(core.nothing_to_do(&wanted, effect))).await;
        }
        let begun = self
            .decide(move |core| {
                if core.asks_somebody(&wanted) {
                    return core.ask_about_order(&wanted, effect).map(|reply| Begun::Waits(Box::new(reply)));
                }
                let intent = core.intend(&wanted, &effect)?;
                Ok(Begun::Intended(wanted, effect, intent))
            })
            .await?;
        let (wanted, effect, intent) = match begun {
            Begun::Waits(reply) => return Ok(*reply),
            Begun::Intended(wanted, effect, intent) => (wanted, effect, intent),
        };
        // Whoever asked may go away; an order that was begun is followed all the same.
        let control = self.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.shared.tasks.spawn(async move {
            let became = tokio::select! {
                became = wanted.driver.carry_out(&wanted.order) => became,
                // What is under way then is looked for after the next start, and never sent again.
                () = control.shared.stop.cancelled() => return,
            };
            let settled = control.decide(move |core| Ok(core.outcome(&wanted, effect, intent, became))).await;
            let _ = sender.send(settled.and_then(|settled| settled));
        });
        let stopping = || {
            Problem::new(
                Code::Unavailable,
                "the control plane is stopping: what became of it is looked for at the next start",
            )
        };
        receiver.await.map_err(|_| stopping())?
    }

    /// What an order would do, with what holds it.
    async fn say(
        &self,
        wanted: &Wanted,
        proposed: Result<Proposal, OrderError>,
    ) -> Result<Reply<ActionReply>, Problem> {
        let (order, who, named) = (wanted.order.clone(), wanted.who.clone(), wanted.request.override_id.clone());
        let mut effect = match proposed {
            Ok(proposal) => proposal.preview,
            Err(OrderError::Refused(blockers)) => Preview {
                summary: SafeText::new(format!("{} is not possible now", order.action)),
                checks: blockers.into_iter().map(|b| Check { state: CheckState::Block, text: b.summary }).collect(),
                ..Preview::default()
            },
            Err(error @ (OrderError::Forbidden { .. } | OrderError::Moved { .. })) => Preview {
                summary: SafeText::new(format!("{} is not possible now", order.action)),
                checks: vec![Check { state: CheckState::Block, text: SafeText::new(error.to_string()) }],
                ..Preview::default()
            },
            Err(error) => return Err(problem_of(&error)),
        };
        let ask = wanted.request.ask;
        self.decide(move |core| {
            let Held { blockers, freezes, .. } = core.holds(&order, &who, named.as_ref());
            let asks = approvals::approvable(order.action).is_some_and(|what| core.needs_approval(what, &[], ask));
            let warning = core.carried.get(&order.id).filter(|_| order.action.widens()).and_then(Carried::warning);
            effect.checks.extend(warning);
            let held = blockers.iter().map(|b| Check { state: CheckState::Block, text: b.summary.clone() });
            effect.checks.splice(0..0, held);
            if asks {
                effect.checks.push(approvals::check(order.action.words()));
            }
            let rollout = core.picture(&order.id);
            let body = ActionReply {
                outcome: Outcome::Intended,
                effect,
                audit: None,
                rollout,
                blocking_windows: freezes,
                approval: None,
            };
            Ok(Reply { body, replayed: false })
        })
        .await
    }
}

impl Core {
    /// An order that a driver says cannot be carried out: nothing was sent.
    fn not_sent(&mut self, wanted: &Wanted, error: &OrderError) -> Problem {
        let (outcome, effect, blockers) = outcome_of(Err(error.clone()));
        let outcome = if outcome == Outcome::Unconfirmed { Outcome::Failed } else { outcome };
        let draft = self.draft(wanted, outcome);
        let audit = self.journal(Draft { effect: Some(effect), blockers, ..draft }).seq;
        self.count(wanted.order.action.verb(), if outcome == Outcome::Refused { "refused" } else { "failed" });
        Problem { audit: Some(audit), ..problem_of(error) }
    }

    fn nothing_to_do(&mut self, wanted: &Wanted, effect: Preview) -> Reply<ActionReply> {
        let draft = self.draft(wanted, Outcome::NoOp);
        let audit = self.journal(Draft { effect: Some(effect.summary.clone()), ..draft });
        self.count(wanted.order.action.verb(), "no_op");
        self.answer(wanted, Outcome::NoOp, effect, audit)
    }

    fn outcome(
        &mut self,
        wanted: &Wanted,
        effect: Preview,
        intent: u64,
        became: Result<Uptake, OrderError>,
    ) -> Result<Reply<ActionReply>, Problem> {
        let problem = match &became {
            Err(OrderError::Lost(_)) | Ok(_) => None,
            Err(error) => Some(problem_of(error)),
        };
        let (outcome, became, blockers) = outcome_of(became);
        let entry = self.settle(&wanted.sent(intent), outcome, became, blockers);
        match problem {
            Some(problem) => Err(Problem { audit: Some(entry.seq), ..problem }),
            None => Ok(self.answer(wanted, outcome, effect, entry)),
        }
    }

    fn answer(
        &mut self,
        wanted: &Wanted,
        outcome: Outcome,
        effect: Preview,
        audit: crate::domain::AuditEntry,
    ) -> Reply<ActionReply> {
        let id = &wanted.order.id;
        let body = ActionReply {
            outcome,
            effect,
            audit: Some(audit),
            rollout: self.picture(id),
            blocking_windows: Vec::new(),
            approval: None,
        };
        let fingerprint = wanted.fingerprint.clone();
        self.remember(&wanted.who, &id.to_string(), &wanted.conditions, fingerprint, actions::DONE, &body);
        Reply { body, replayed: false }
    }
}
