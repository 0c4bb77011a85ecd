//! Approvals: what waits for a second person, and what becomes of it.
//!
//! What needs a second person is not done when it is asked for: its intent is journalled and it is kept
//! with the request as it came. When somebody else agrees, the same request is made again as whoever
//! asked, with everything held against it anew: role, revision, windows, phase.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Control, Reply,
    authorize::{self, Wish},
    core::Core,
    journal::Draft,
    orders::Acted,
};
use crate::{
    domain::{
        Actor, Approvable, Approval, ApprovalState, Binding, Blocker, BlockerKind, FlagKey, Operation, Outcome,
        Preview, Principal, Reason, Revision, Role, RolloutId, SafeText, Subject, SubjectKind, TargetName, Via,
        approval::Decision,
        audit::RevisionChange,
        rollout::{Check, CheckState},
    },
    store::{Document, RecordKind, StoreError, Write},
    wire::{
        ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalView, ApprovalsPage, Code, Conditions,
        FlagRequest, Problem, ReasonRequest, StartRequest, WindowRequest,
    },
};

/// Most that wait at once.
const WAITING_MAX: usize = 1000;
/// Most that are kept; those decided longest ago are forgotten first, the audit trail keeps them.
const KEPT_MAX: usize = 5000;

/// What waits, with the request that is made when somebody agrees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) approval: Approval,
    pub(super) pending: Pending,
    /// The role that it takes, of whoever asks and of whoever agrees.
    needed: Role,
    /// Where it takes it; everywhere, when absent.
    target: Option<TargetName>,
    asker: Asker,
    /// Whether it was said that nobody decided in time.
    #[serde(default)]
    expired: bool,
}

/// The request that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pending {
    /// A rollout is to begin.
    Start(Box<StartRequest>),
    /// An action on a rollout.
    Act(RolloutId, Box<ActionRequest>),
    /// An override is to count.
    Override(SafeText),
    /// A flag is to change.
    Flag(FlagKey, Box<FlagRequest>),
    /// A window is to change.
    ChangeWindow(SafeText, Box<WindowRequest>),
    /// A window is to be lifted.
    LiftWindow(SafeText, ReasonRequest),
}

/// Whoever asked, as far as it is needed to ask again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asker {
    actor: Actor,
    role: Role,
    targets: Vec<String>,
    binding: Option<Binding>,
}

/// Something that a second person is asked about.
pub(super) struct Asked<'a> {
    pub(super) who: &'a Principal,
    pub(super) verb: &'a str,
    pub(super) subject: Subject,
    pub(super) needed: Role,
    pub(super) target: Option<TargetName>,
    pub(super) effect: Preview,
    pub(super) saw: Option<SafeText>,
    pub(super) why: &'a Reason,
    pub(super) ticket: Option<SafeText>,
    pub(super) revision: Option<Revision>,
    pub(super) pending: Pending,
    /// When it has no use any more, where that is known.
    pub(super) until: Option<DateTime<Utc>>,
}

/// That a second person agreed to what is being done now.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    /// The entry that says that it was asked for.
    pub(super) intent: u64,
    /// Who agreed.
    pub(super) by: SafeText,
}

/// What a dry run says of it.
pub(super) fn check(verb: &str) -> Check {
    Check {
        state: CheckState::Warn,
        text: SafeText::new(format!("{verb} needs a second person here: it waits until somebody else agrees")),
    }
}

impl Asker {
    fn of(who: &Principal) -> Self {
        Self { actor: who.actor(), role: who.role, targets: who.targets.clone(), binding: who.binding.clone() }
    }

    /// The caller as it asked; what it may now is for [`Core::asker`] to say.
    fn principal(&self) -> Principal {
        Principal {
            id: self.actor.id.clone(),
            kind: self.actor.kind,
            role: self.role,
            targets: self.targets.clone(),
            binding: self.binding.clone(),
            credential: self.actor.credential.clone(),
            via: self.actor.via.unwrap_or(Via::Api),
            source: self.actor.source.clone(),
        }
    }
}

/// Reads what is stored.
pub(super) fn read(
    records: &mut Vec<(RecordKind, String, Document)>,
) -> Result<BTreeMap<SafeText, Waiting>, StoreError> {
    records
        .extract_if(.., |(kind, ..)| *kind == RecordKind::Approval)
        .map(|(_, id, document)| {
            let waiting: Waiting = serde_json::from_value(document)
                .map_err(|e| StoreError::Damaged { place: format!("approval {id}"), detail: e.to_string() })?;
            Ok((waiting.approval.id.clone(), waiting))
        })
        .collect()
}

impl Control {
    /// What waits for a second person, and what became of it.
    pub async fn approvals(&self, who: &Principal) -> Result<ApprovalsPage, Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        self.decide(move |core| Ok(core.approvals_page(&who))).await
    }

    /// Agrees to what waits, refuses it, or takes it back.
    pub async fn decide_approval(
        &self,
        who: &Principal,
        id: &str,
        change: ApprovalChange,
        request: ReasonRequest,
    ) -> Result<ApprovalReply, Problem> {
        let (who, id) = (who.clone(), SafeText::new(id));
        let (decider, wanted) = (who.clone(), id.clone());
        let saw = request.saw.clone();
        let decide = move |core: &mut Core| core.decide_approval(&decider, &wanted, change, &request);
        let reply = self.decide(move |core| core.seeing(saw.as_ref(), decide)).await?;
        match reply {
            Decided::Done(reply) => Ok(*reply),
            Decided::Order(order, audit) => {
                // A driver carries it out: that takes as long as it takes to be seen.
                let done = self.order(order).await;
                let failed = done.as_ref().err().map(|problem| problem.detail.clone());
                let done = done.map(|reply| reply.body);
                let view = self.decide(move |core| core.carried_out(&who, &id, failed)).await?;
                let done = done?;
                Ok(ApprovalReply { outcome: done.outcome, approval: view, audit: *audit, done: Some(done) })
            }
        }
    }
}

/// What a decision came to.
enum Decided {
    Done(Box<ApprovalReply>),
    /// A driver is to be asked.
    Order(Box<super::orders::Wanted>, Box<crate::domain::AuditEntry>),
}

impl Core {
    /// Whether something needs a second person: by the server's policy, by a plan, or because whoever
    /// asks wants one.
    pub(super) fn needs_approval(&self, what: Approvable, plan: &[Approvable], ask: bool) -> bool {
        self.agreed.is_none() && (ask || self.options.policy.approvals.contains(&what) || plan.contains(&what))
    }

    /// Keeps a request until a second person agrees; its intent is journalled.
    pub(super) fn ask_approval(
        &mut self,
        asked: Asked<'_>,
        conditions: &Conditions,
    ) -> Result<(ApprovalView, crate::domain::AuditEntry), Problem> {
        let now = self.now();
        self.check_reserve(asked.verb)?;
        let waiting = |w: &&Waiting| w.approval.state(now) == ApprovalState::Waiting;
        if let Some(twin) = self
            .approvals
            .values()
            .filter(waiting)
            .find(|w| w.approval.subject == asked.subject && w.approval.action.as_str() == asked.verb)
        {
            let blocker = Blocker {
                kind: BlockerKind::Approval,
                summary: SafeText::new(format!(
                    "{} of {} asked for by {} waits already: approval {}",
                    asked.verb, asked.subject.name, twin.approval.requested_by.id, twin.approval.id
                )),
                since: Some(twin.approval.requested_at),
                until: Some(twin.approval.expires_at),
            };
            let approval = Some(twin.approval.id.clone());
            let text = blocker.summary.clone();
            let entry = self.journal(Draft {
                reason: Some(SafeText::new(asked.why.as_str())),
                ticket: asked.ticket,
                revision: RevisionChange { before: asked.revision, after: None },
                effect: Some(text.clone()),
                saw: asked.saw,
                blockers: vec![blocker.clone()],
                idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
                ..Draft::new(asked.who.actor(), asked.verb, asked.subject, Outcome::Refused)
            });
            let (blockers, audit) = (vec![blocker], Some(entry.seq));
            return Err(Problem { blockers, approval, audit, ..Problem::new(Code::Blocked, text) });
        }
        if self.approvals.values().filter(waiting).count() >= WAITING_MAX {
            let text = format!("{WAITING_MAX} requests wait for a second person: decide some first");
            return Err(Problem::new(Code::Unavailable, text));
        }
        let id = SafeText::new(format!("a-{}", super::windows::short_id(&self.clock.id())));
        let lasts = now + self.options.policy.approval_lasts;
        let expires_at = asked.until.map_or(lasts, |until| until.min(lasts));
        let Asked { who, verb, subject, needed, target, effect, saw, why, ticket, revision, pending, until: _ } = asked;
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: ticket.clone(),
            revision: RevisionChange { before: revision.clone(), after: None },
            effect: Some(SafeText::new(format!(
                "waits for a second person until {}, approval {id}: {}",
                expires_at.format("%Y-%m-%d %H:%MZ"),
                effect.summary
            ))),
            saw: saw.clone(),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(who.actor(), verb, subject.clone(), Outcome::Intended)
        });
        let approval = Approval {
            id: id.clone(),
            action: SafeText::new(verb),
            subject,
            revision,
            preview: effect,
            saw,
            requested_by: who.actor(),
            requested_at: now,
            reason: SafeText::new(why.as_str()),
            ticket,
            expires_at,
            decision: None,
            intent: entry.seq,
        };
        let waiting = Waiting { approval, pending, needed, target, asker: Asker::of(who), expired: false };
        let view = self.approval_view(who, &waiting);
        self.put_approval(waiting);
        self.forget_old_approvals();
        self.count(verb, "asked");
        Ok((view, entry))
    }

    /// The approval that something waits for.
    pub(super) fn waits_for(&self, subject: &Subject) -> Option<SafeText> {
        let now = self.now();
        let waits = |w: &&Waiting| w.approval.state(now) == ApprovalState::Waiting && w.approval.subject == *subject;
        self.approvals.values().find(waits).map(|w| w.approval.id.clone())
    }

    fn put_approval(&mut self, waiting: Waiting) {
        if let Ok(document) = serde_json::to_value(&waiting) {
            self.batch.push(Write::Record(RecordKind::Approval, waiting.approval.id.to_string(), document));
        }
        self.approvals.insert(waiting.approval.id.clone(), waiting);
        self.urgent = true;
    }

    fn forget_old_approvals(&mut self) {
        while self.approvals.len() > KEPT_MAX {
            let now = self.now();
            let over = |w: &&Waiting| w.approval.state(now) != ApprovalState::Waiting;
            let oldest = self.approvals.values().filter(over).min_by_key(|w| w.approval.requested_at);
            let Some(id) = oldest.map(|w| w.approval.id.clone()) else { return };
            self.approvals.remove(&id);
            self.batch.push(Write::ForgetRecord(RecordKind::Approval, id.to_string()));
        }
    }

    pub(super) fn approvals_page(&self, who: &Principal) -> ApprovalsPage {
        let sees = |w: &&Waiting| match &w.approval.subject.target {
            Some(target) => target.as_str().parse().is_ok_and(|target| authorize::holds_for(who, &target)),
            None => true,
        };
        let mut approvals: Vec<ApprovalView> =
            self.approvals.values().filter(sees).map(|w| self.approval_view(who, w)).collect();
        approvals.sort_by_key(|view| {
            let waits = view.state == ApprovalState::Waiting;
            let order =
                if waits { view.approval.expires_at.timestamp() } else { -view.approval.requested_at.timestamp() };
            (!waits, order)
        });
        ApprovalsPage { approvals }
    }

    fn approval_view(&self, who: &Principal, waiting: &Waiting) -> ApprovalView {
        let state = waiting.approval.state(self.now());
        let why_not = (state == ApprovalState::Waiting).then(|| self.why_not_yours(who, waiting)).flatten();
        ApprovalView {
            approval: waiting.approval.clone(),
            state,
            yours: (state == ApprovalState::Waiting).then_some(why_not.is_none()),
            why_not: why_not.map(SafeText::new),
        }
    }

    /// Why somebody may not agree to it.
    fn why_not_yours(&self, who: &Principal, waiting: &Waiting) -> Option<String> {
        let asker = &waiting.asker.actor;
        if authorize::is_person(who, &asker.id, asker.credential.as_ref()) {
            let alone = who.credential.is_none().then_some("; without tokens nobody can be told apart");
            return Some(format!("you asked for it: somebody else has to agree{}", alone.unwrap_or_default()));
        }
        if let Err(text) = self.asker(waiting) {
            return Some(format!("{text}: reject it"));
        }
        if self.is_younger(who, waiting.approval.requested_at) {
            return Some("your token was made after it was asked for".to_owned());
        }
        if self.is_machine(who) {
            return Some("your token is a machine's, and it waits for a person".to_owned());
        }
        let here = waiting
            .target
            .as_ref()
            .map_or_else(|| authorize::holds_everywhere(who), |target| authorize::holds_for(who, target));
        if who.role.covers(waiting.needed) && here {
            return None;
        }
        let place = waiting.target.as_ref().map_or_else(|| "everywhere".to_owned(), |target| format!("on {target}"));
        Some(format!("it takes the role {} {place}; {} is {}", waiting.needed.as_str(), who.id, who.role.as_str()))
    }

    /// Whoever asked, as they are now; why they may not any more.
    fn asker(&self, waiting: &Waiting) -> Result<Principal, String> {
        let mut asker = waiting.asker.principal();
        let Some((role, targets)) = self.powers(asker.credential.as_ref()) else {
            return Err(format!(
                "{} asked for it with a token that was revoked, or before there were tokens",
                asker.id
            ));
        };
        (asker.role, asker.targets) = (role, targets);
        Ok(asker)
    }

    fn decide_approval(
        &mut self,
        who: &Principal,
        id: &SafeText,
        change: ApprovalChange,
        request: &ReasonRequest,
    ) -> Result<Decided, Problem> {
        let why = authorize::reason(&request.reason)?;
        let now = self.now();
        let Some(mut waiting) = self.approvals.get(id).cloned() else {
            return Err(Problem::new(
                Code::NotFound,
                format!("there is no approval {id}: `rolldeck approval list` shows those there are"),
            ));
        };
        let subject = approval_subject(&waiting.approval);
        let target = waiting.target.clone();
        let is_own = authorize::is_person(who, &waiting.asker.actor.id, waiting.asker.actor.credential.as_ref());
        let state = waiting.approval.state(now);
        if state != ApprovalState::Waiting {
            let text = format!("approval {id} does not wait any more: it is {}", word(state));
            return Err(self.refuse_decision(who, &waiting, change, &why, Code::Blocked, text));
        }
        if change == ApprovalChange::Withdraw {
            if !is_own {
                let text = format!("only {} can take approval {id} back: refuse it instead", waiting.asker.actor.id);
                return Err(self.refuse_decision(who, &waiting, change, &why, Code::Forbidden, text));
            }
        } else {
            let here = target
                .as_ref()
                .map_or_else(|| authorize::holds_everywhere(who), |target| authorize::holds_for(who, target));
            self.allow(Wish {
                who,
                needed: waiting.needed,
                here,
                target: target.as_ref(),
                subject: subject.clone(),
                verb: change.as_str(),
                why: Some(&why),
                dry_run: false,
            })?;
            if change == ApprovalChange::Approve && self.is_machine(who) {
                let text = format!("{} is a machine, and approval {id} waits for a second person", who.id);
                return Err(self.refuse_decision(who, &waiting, change, &why, Code::Forbidden, text));
            }
            if change == ApprovalChange::Approve && self.is_younger(who, waiting.approval.requested_at) {
                let text = format!(
                    "the token of {} was made after approval {id} was asked for: it cannot agree to it",
                    who.id
                );
                return Err(self.refuse_decision(who, &waiting, change, &why, Code::Forbidden, text));
            }
            if is_own {
                let text = format!("{} asked for approval {id}: somebody else has to decide it", who.id);
                return Err(self.refuse_decision(who, &waiting, change, &why, Code::Forbidden, text));
            }
        }
        if change != ApprovalChange::Approve {
            let state =
                if change == ApprovalChange::Reject { ApprovalState::Rejected } else { ApprovalState::Withdrawn };
            let audit = self.journal_decision(who, &waiting, change, &why, request, Outcome::Applied);
            self.close(&mut waiting, state, &who.id, &why, None);
            self.end_intent(&waiting, who.actor(), &format!("{} by {}: {}", word(state), who.id, why.as_str()));
            let approval = self.approval_view(who, &waiting);
            return Ok(Decided::Done(Box::new(ApprovalReply {
                outcome: Outcome::Applied,
                approval,
                audit,
                done: None,
            })));
        }
        let asker = match self.asker(&waiting) {
            Ok(asker) => asker,
            Err(text) => {
                // It cannot be done any more: it must not keep others from asking.
                self.close(&mut waiting, ApprovalState::Approved, &who.id, &why, Some(SafeText::new(&text)));
                self.end_intent(&waiting, who.actor(), &format!("agreed to by {}, and not done: {text}", who.id));
                return Err(self.refuse_decision(who, &waiting, change, &why, Code::Blocked, text));
            }
        };
        self.agreed = Some(Agreed { intent: waiting.approval.intent, by: who.id.clone() });
        let made = self.make(&asker, who, &waiting, &why);
        self.agreed = None;
        match made {
            Ok(Made::Done(done)) => {
                let audit = self.journal_decision(who, &waiting, change, &why, request, Outcome::Applied);
                self.close(&mut waiting, ApprovalState::Approved, &who.id, &why, None);
                let approval = self.approval_view(who, &waiting);
                let outcome = done.as_ref().map_or(Outcome::Applied, |done| done.outcome);
                Ok(Decided::Done(Box::new(ApprovalReply { outcome, approval, audit, done: done.map(|done| *done) })))
            }
            Ok(Made::Order(order)) => {
                let audit = self.journal_decision(who, &waiting, change, &why, request, Outcome::Applied);
                self.close(&mut waiting, ApprovalState::Approved, &who.id, &why, None);
                Ok(Decided::Order(order, Box::new(audit)))
            }
            Err(problem) => {
                // On another revision it can never be done; what only holds it now may be over in a while.
                // An override that does not wait any more is over, too.
                let over = matches!(waiting.pending, Pending::Override(_)) && problem.code == Code::Blocked;
                let never =
                    matches!(problem.code, Code::RevisionMismatch | Code::NotFound | Code::Forbidden | Code::Invalid);
                if never || over {
                    self.close(&mut waiting, ApprovalState::Approved, &who.id, &why, Some(problem.detail.clone()));
                    self.end_intent(
                        &waiting,
                        who.actor(),
                        &format!("agreed to by {}, and not done: {}", who.id, problem.detail),
                    );
                    return Err(problem);
                }
                // It waits on. That it was tried as whoever asked is not all: somebody agreed.
                let text = format!("it waits on, as it cannot be done now: {}", problem.detail);
                let tried = self.refuse_decision(who, &waiting, change, &why, Code::Blocked, text);
                Err(Problem { audit: tried.audit, ..problem })
            }
        }
    }

    /// Makes the request that waited, as whoever asked.
    fn make(
        &mut self,
        asker: &Principal,
        approver: &Principal,
        waiting: &Waiting,
        why: &Reason,
    ) -> Result<Made, Problem> {
        let conditions = Conditions { revision: waiting.approval.revision.clone(), idempotency_key: None };
        match &waiting.pending {
            Pending::Start(request) => {
                let reply = self.begin(asker, request, &Conditions::default())?;
                Ok(Made::Done(Some(Box::new(reply.body))))
            }
            Pending::Act(id, request) => match self.act(asker, id, request, &conditions)? {
                Acted::Done(reply) => Ok(Made::Done(Some(Box::new(reply.body)))),
                Acted::Ask(order) => Ok(Made::Order(order)),
            },
            Pending::Override(id) => {
                self.approve_override(id, approver, why)?;
                Ok(Made::Done(None))
            }
            Pending::ChangeWindow(id, request) => {
                self.change_window(asker, id.as_str(), request, &conditions)?;
                Ok(Made::Done(None))
            }
            Pending::LiftWindow(id, request) => {
                let present = self.windows.get(id.as_str()).map(|window| window.revision.to_string());
                if present.as_deref() != conditions.revision.as_ref().map(|revision| revision.0.as_str()) {
                    let text = format!("window {id} was changed since its lift was asked for: ask again");
                    return Err(Problem::new(Code::RevisionMismatch, text));
                }
                self.lift_window(asker, id.as_str(), request)?;
                Ok(Made::Done(None))
            }
            Pending::Flag(key, request) => {
                self.change_flag(asker, key, request, &conditions)?;
                Ok(Made::Done(None))
            }
        }
    }

    /// What a driver made of what was agreed to.
    fn carried_out(
        &mut self,
        who: &Principal,
        id: &SafeText,
        failed: Option<SafeText>,
    ) -> Result<ApprovalView, Problem> {
        let Some(mut waiting) = self.approvals.get(id).cloned() else {
            return Err(Problem::new(Code::NotFound, format!("there is no approval {id} any more")));
        };
        if let Some(decision) = &mut waiting.approval.decision
            && failed.is_some()
        {
            decision.failed = failed;
            self.put_approval(waiting.clone());
        }
        Ok(self.approval_view(who, &waiting))
    }

    fn close(
        &mut self,
        waiting: &mut Waiting,
        state: ApprovalState,
        by: &SafeText,
        why: &Reason,
        failed: Option<SafeText>,
    ) {
        let at = self.now();
        waiting.approval.decision =
            Some(Decision { state, by: by.clone(), at, reason: SafeText::new(why.as_str()), failed });
        self.put_approval(waiting.clone());
    }

    /// The entry that says what became of the intent, where it was not done.
    fn end_intent(&mut self, waiting: &Waiting, actor: Actor, effect: &str) {
        let approval = &waiting.approval;
        self.journal(Draft {
            intent: Some(approval.intent),
            reason: Some(approval.reason.clone()),
            ticket: approval.ticket.clone(),
            revision: RevisionChange { before: approval.revision.clone(), after: None },
            effect: Some(SafeText::new(effect)),
            ..Draft::new(actor, approval.action.as_str(), approval.subject.clone(), Outcome::Refused)
        });
    }

    fn journal_decision(
        &mut self,
        who: &Principal,
        waiting: &Waiting,
        change: ApprovalChange,
        why: &Reason,
        request: &ReasonRequest,
        outcome: Outcome,
    ) -> crate::domain::AuditEntry {
        let approval = &waiting.approval;
        self.journal(Draft {
            intent: Some(approval.intent),
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(request.ticket.as_ref()),
            effect: Some(SafeText::new(format!(
                "{} of {}, asked for by {}: {}",
                approval.action, approval.subject.name, approval.requested_by.id, approval.preview.summary
            ))),
            ..Draft::new(who.actor(), change.as_str(), approval_subject(approval), outcome)
        })
    }

    fn refuse_decision(
        &mut self,
        who: &Principal,
        waiting: &Waiting,
        change: ApprovalChange,
        why: &Reason,
        code: Code,
        text: String,
    ) -> Problem {
        let blocker = Blocker {
            kind: BlockerKind::Approval,
            summary: SafeText::new(&text),
            since: Some(waiting.approval.requested_at),
            until: None,
        };
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            effect: Some(SafeText::new(&text)),
            blockers: vec![blocker.clone()],
            ..Draft::new(who.actor(), change.as_str(), approval_subject(&waiting.approval), Outcome::Refused)
        });
        let blockers = if code == Code::Blocked { vec![blocker] } else { Vec::new() };
        let approval = Some(waiting.approval.id.clone());
        Problem { audit: Some(entry.seq), blockers, approval, ..Problem::new(code, text) }
    }

    /// Says of what nobody decided in time that it is over.
    pub(super) fn expire_approvals(&mut self, now: DateTime<Utc>) {
        let over: Vec<SafeText> = self
            .approvals
            .values()
            .filter(|w| !w.expired && w.approval.state(now) == ApprovalState::Expired)
            .map(|w| w.approval.id.clone())
            .collect();
        for id in over {
            let Some(mut waiting) = self.approvals.get(&id).cloned() else { continue };
            waiting.expired = true;
            self.end_intent(&waiting, Actor::system("approvals"), "nobody agreed in time");
            self.put_approval(waiting);
        }
    }

    /// When something that waits is next over.
    pub(super) fn next_approval_due(&self) -> Option<DateTime<Utc>> {
        let waits = |w: &&Waiting| !w.expired && w.approval.decision.is_none();
        self.approvals.values().filter(waits).map(|w| w.approval.expires_at).min()
    }

    /// The answer to an action that waits for a second person.
    pub(super) fn waits(
        &mut self,
        asked: Asked<'_>,
        conditions: &Conditions,
        rollout: Option<crate::domain::Rollout>,
    ) -> Result<Reply<ActionReply>, Problem> {
        let effect = asked.effect.clone();
        let (view, audit) = self.ask_approval(asked, conditions)?;
        let body = ActionReply {
            outcome: Outcome::Intended,
            effect,
            audit: Some(audit),
            rollout,
            blocking_windows: Vec::new(),
            approval: Some(Box::new(view)),
        };
        Ok(Reply { body, replayed: false })
    }
}

/// What was made of a request that waited.
enum Made {
    Done(Option<Box<ActionReply>>),
    Order(Box<super::orders::Wanted>),
}

const fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Rejected => "rejected",
        ApprovalState::Withdrawn => "withdrawn",
        ApprovalState::Expired => "expired",
    }
}

fn approval_subject(approval: &Approval) -> Subject {
    Subject { kind: SubjectKind::Approval, target: approval.subject.target.clone(), name: approval.id.clone() }
}

/// What of an action a second person can be demanded for.
pub(super) fn approvable(action: crate::domain::Action) -> Option<Approvable> {
    Operation::of(action).map(Approvable::Operation)
}
