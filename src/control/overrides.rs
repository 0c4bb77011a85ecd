//! Overrides: asked for, agreed to, used and counted.
//!
//! Who may what:
//! - To ask takes the role operator on the rollout's target; for a flag, over the override's scope.
//! - It counts at once where whoever asks is commander over all that the named windows hold, each of these
//!   windows lets one person pass, and the server demands nobody else. Otherwise it waits for a second
//!   person, who is such a commander, and neither by name nor by token whoever asked.
//! - Taken without waiting (break-glass) it counts at once for such a commander whom the server's policy
//!   names; somebody else has to countersign, and until then it is open, whatever became of it.
//! - A window that nobody may pass is named by no override.
//! - To use it takes what the action takes. Whoever agreed to it uses it not: two people stay two.
//! - Whoever asked for it, and whoever agreed, must still be allowed to when it is used.
//!
//! One use lets one stage of one rollout through. The units of that stage pass what it lifts until it
//! expires or is taken back; that is asked before each of them is told. A driver that carries a workload
//! through several stages at once does so under one use.

mod asking;
mod using;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Control,
    authorize::{self, Wish},
    core::Core,
    journal::Draft,
};
use crate::{
    domain::{
        Actor, AuditEntry, Blocker, BlockerKind, Consent, Outcome, Override, OverrideState, Principal, Reason,
        Revision, Role, SafeText, Subject, SubjectKind, Window, WindowRef, WindowState, audit::RevisionChange,
    },
    store::{Document, RecordKind, StoreError, Write},
    wire::{
        Code, Conditions, OverrideChange, OverrideReply, OverrideRequest, OverrideView, OverridesPage, Problem,
        ReasonRequest,
    },
};

pub(super) use using::{Passage, Trial, offer};

/// Most overrides that are kept; those that ended longest ago are forgotten first, the audit trail keeps them.
const KEPT_MAX: usize = 10_000;

fn override_subject(record: &Override) -> Subject {
    let target = record.rollout.as_ref().map(|id| SafeText::new(id.target.as_str()));
    Subject { kind: SubjectKind::Override, target, name: record.id.clone() }
}

fn revision_of(record: &Override) -> Revision {
    Revision(SafeText::new(record.revision.to_string()))
}

/// Reads what is stored.
pub(super) fn read(
    records: &mut Vec<(RecordKind, String, Document)>,
) -> Result<BTreeMap<SafeText, Override>, StoreError> {
    records
        .extract_if(.., |(kind, ..)| *kind == RecordKind::Override)
        .map(|(_, id, document)| {
            let record: Override = serde_json::from_value(document)
                .map_err(|e| StoreError::Damaged { place: format!("override {id}"), detail: e.to_string() })?;
            Ok((record.id.clone(), record))
        })
        .collect()
}

impl Control {
    /// All overrides.
    pub async fn overrides(&self, who: &Principal) -> Result<OverridesPage, Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        self.decide(move |core| Ok(core.overrides_page(&who))).await
    }

    /// Asks for an override.
    pub async fn add_override(
        &self,
        who: &Principal,
        request: OverrideRequest,
        conditions: Conditions,
    ) -> Result<OverrideReply, Problem> {
        let who = who.clone();
        self.decide(move |core| core.add_override(&who, &request, &conditions)).await
    }

    /// Countersigns an override, or takes it back.
    pub async fn change_override(
        &self,
        who: &Principal,
        id: &str,
        change: OverrideChange,
        request: ReasonRequest,
    ) -> Result<OverrideReply, Problem> {
        let (who, id) = (who.clone(), SafeText::new(id));
        self.decide(move |core| {
            core.seeing(request.saw.as_ref(), |core| core.change_override(&who, &id, change, &request))
        })
        .await
    }
}

/// Somebody changes an override that is there.
struct Change<'a> {
    who: &'a Principal,
    verb: &'a str,
    why: &'a Reason,
    ticket: Option<SafeText>,
}

impl Core {
    fn overrides_page(&self, who: &Principal) -> OverridesPage {
        let now = self.now();
        let sees = |record: &&Override| match &record.rollout {
            Some(id) => authorize::holds_for(who, &id.target),
            None => true,
        };
        let mut overrides: Vec<OverrideView> =
            self.overrides.values().filter(sees).map(|record| self.override_view(record, now)).collect();
        overrides.sort_by_key(|view| {
            let rank = match view.state {
                OverrideState::Active => 0,
                OverrideState::Waiting | OverrideState::Upcoming => 1,
                _ if view.record.awaits_countersign() => 1,
                OverrideState::UsedUp | OverrideState::Expired | OverrideState::Withdrawn => 2,
            };
            (rank, std::cmp::Reverse(view.record.requested_at), view.record.id.clone())
        });
        OverridesPage { overrides }
    }

    fn override_view(&self, record: &Override, at: DateTime<Utc>) -> OverrideView {
        OverrideView {
            record: record.clone(),
            state: record.state(at),
            uses_left: record.uses_left(),
            approval: self.approval_of(record),
            why_not: (record.state(at) == OverrideState::Active).then(|| self.lifts_nothing(record)).flatten(),
        }
    }

    /// Why an override that could still be used lifts nothing any more: all its windows were changed since, or
    /// are over.
    fn lifts_nothing(&self, record: &Override) -> Option<SafeText> {
        let holds = |named: &WindowRef| {
            self.named_window(named.id.as_str()).is_some_and(|(window, state)| {
                window.revision == named.revision && matches!(state, WindowState::Active | WindowState::Upcoming)
            })
        };
        (!record.windows.iter().any(holds))
            .then(|| SafeText::new("what it names was changed since, or is over: it lifts nothing any more"))
    }

    /// A window by its id, and where it is now.
    fn named_window(&self, id: &str) -> Option<(&Window, WindowState)> {
        let window = self.windows.get(id)?;
        Some((window, self.windows.state_of(window)))
    }

    /// Whether the caller's role holds for what the override is about, and for all that its windows hold.
    fn holds_over(&self, who: &Principal, record: &Override) -> bool {
        let about = match &record.rollout {
            Some(id) => authorize::holds_for(who, &id.target),
            None => {
                record.scope.as_ref().is_some_and(|scope| authorize::holds_for_scope(who, scope))
                    || authorize::holds_everywhere(who)
            }
        };
        about
            && record.windows.iter().all(|named| {
                let window = self.named_window(named.id.as_str());
                window.is_none_or(|(window, _)| authorize::holds_for_scope(who, &window.scope))
            })
    }

    /// Keeps an override as it is now; durable with what is decided, and signed for at once.
    fn put_override(&mut self, record: Override) {
        if let Ok(document) = serde_json::to_value(&record) {
            self.batch.push(Write::Record(RecordKind::Override, record.id.to_string(), document));
        }
        self.overrides.insert(record.id.clone(), record);
        self.override_due = self.next_of_overrides();
        self.sign_now = true;
        self.urgent = true;
    }

    /// Makes room for one more: those that ended longest ago are forgotten, the audit trail keeps them.
    fn make_room_for_override(&mut self) -> Result<(), Problem> {
        while self.overrides.len() >= KEPT_MAX {
            let now = self.now();
            let over = |record: &&Override| !record.lasts(now) && !record.awaits_countersign();
            let oldest = self.overrides.values().filter(over).min_by_key(|record| record.expires_at);
            let Some(id) = oldest.map(|record| record.id.clone()) else {
                return Err(Problem::new(
                    Code::Unavailable,
                    format!("there are {KEPT_MAX} open overrides: take some back first"),
                ));
            };
            self.overrides.remove(&id);
            self.batch.push(Write::ForgetRecord(RecordKind::Override, id.to_string()));
        }
        Ok(())
    }

    fn change_override(
        &mut self,
        who: &Principal,
        id: &SafeText,
        change: OverrideChange,
        request: &ReasonRequest,
    ) -> Result<OverrideReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        let Some(record) = self.overrides.get(id).cloned() else { return Err(no_override(id)) };
        let is_own = authorize::is_person(who, &record.requested_by, record.requested_with.as_ref());
        let verb = match change {
            OverrideChange::Countersign => "override_countersign",
            OverrideChange::Withdraw => "override_withdraw",
        };
        let target = record.rollout.as_ref().map(|id| id.target.clone());
        // Whoever asked may always think better of it.
        if !(is_own && change == OverrideChange::Withdraw) {
            self.allow(Wish {
                who,
                needed: Role::Commander,
                here: self.holds_over(who, &record),
                target: target.as_ref(),
                subject: override_subject(&record),
                verb,
                why: Some(&why),
                dry_run: false,
            })?;
        }
        let by = Change { who, verb, why: &why, ticket: authorize::ticket(request.ticket.as_ref()) };
        match change {
            OverrideChange::Countersign => self.countersign(&by, record, is_own),
            OverrideChange::Withdraw => Ok(self.withdraw(&by, record)),
        }
    }

    fn countersign(&mut self, by: &Change<'_>, record: Override, is_own: bool) -> Result<OverrideReply, Problem> {
        let id = record.id.clone();
        if !record.break_glass {
            let text = format!("override {id} was not taken without waiting: there is nothing to countersign");
            return Err(self.refuse_change(by, &record, Code::Blocked, text));
        }
        if is_own {
            let text = format!("{} took override {id}: somebody else has to countersign it", by.who.id);
            return Err(self.refuse_change(by, &record, Code::Forbidden, text));
        }
        if self.is_machine(by.who) {
            let text = format!("{} is a machine, and override {id} waits for a person to countersign it", by.who.id);
            return Err(self.refuse_change(by, &record, Code::Forbidden, text));
        }
        if self.is_younger(by.who, record.requested_at) {
            let text =
                format!("the token of {} was made after override {id} was taken: it cannot countersign it", by.who.id);
            return Err(self.refuse_change(by, &record, Code::Forbidden, text));
        }
        if let Some(known) = &record.countersigned {
            let effect = format!("{} countersigned it already", known.by);
            return Ok(self.changed(by, record, Outcome::NoOp, &effect));
        }
        let late = if record.overdue_since.is_some() { ", late" } else { "" };
        let effect = format!("{} stands by what {} took without waiting{late}", by.who.id, record.requested_by);
        let after = Override { countersigned: Some(consent(by.who, by.why, self.now())), ..record };
        Ok(self.changed(by, after, Outcome::Applied, &effect))
    }

    fn withdraw(&mut self, by: &Change<'_>, record: Override) -> OverrideReply {
        let now = self.now();
        if !record.lasts(now) {
            return self.changed(by, record, Outcome::NoOp, "it was over already");
        }
        let was_used = !record.uses.is_empty();
        let effect = if was_used {
            "what it let through and was not told yet is held again"
        } else {
            "it cannot be used any more"
        };
        let after = Override { withdrawn: Some(consent(by.who, by.why, now)), ..record };
        let reply = self.changed(by, after, Outcome::Applied, effect);
        if was_used {
            self.windows_changed();
        }
        reply
    }

    /// Journals a change of an override and keeps it.
    fn changed(&mut self, by: &Change<'_>, mut record: Override, outcome: Outcome, effect: &str) -> OverrideReply {
        let before = Some(revision_of(&record));
        if outcome == Outcome::Applied {
            record.revision += 1;
        }
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(by.why.as_str())),
            ticket: by.ticket.clone(),
            revision: RevisionChange { before, after: Some(revision_of(&record)) },
            effect: Some(SafeText::new(effect)),
            intent: self.agreed.as_ref().map(|agreed| agreed.intent),
            override_id: Some(record.id.clone()),
            ..Draft::new(by.who.actor(), by.verb, override_subject(&record), outcome)
        });
        if outcome == Outcome::Applied {
            self.put_override(record.clone());
        }
        self.count(by.verb, if outcome == Outcome::Applied { "applied" } else { "no_op" });
        OverrideReply { outcome, record: self.override_view(&record, self.now()), audit }
    }

    fn refuse_change(&mut self, by: &Change<'_>, record: &Override, code: Code, detail: String) -> Problem {
        let present = revision_of(record);
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(by.why.as_str())),
            ticket: by.ticket.clone(),
            revision: RevisionChange { before: Some(present), after: None },
            effect: Some(SafeText::new(&detail)),
            override_id: Some(record.id.clone()),
            ..Draft::new(by.who.actor(), by.verb, override_subject(record), Outcome::Refused)
        });
        self.count(by.verb, "refused");
        let blocker = Blocker {
            kind: BlockerKind::Override,
            summary: SafeText::new(&detail),
            since: Some(record.requested_at),
            until: None,
        };
        Problem { blockers: vec![blocker], audit: Some(audit.seq), ..Problem::new(code, detail) }
    }

    /// Somebody else agrees to an override that waits for it.
    ///
    /// # Errors
    /// Where it does not wait any more, or they may not; that is journalled.
    pub(super) fn approve_override(
        &mut self,
        id: &SafeText,
        who: &Principal,
        why: &Reason,
    ) -> Result<AuditEntry, Problem> {
        let Some(record) = self.overrides.get(id).cloned() else { return Err(no_override(id)) };
        let by = Change { who, verb: "override_approve", why, ticket: None };
        self.allow(Wish {
            who,
            needed: Role::Commander,
            here: self.holds_over(who, &record),
            target: record.rollout.as_ref().map(|id| &id.target),
            subject: override_subject(&record),
            verb: by.verb,
            why: Some(why),
            dry_run: false,
        })?;
        if authorize::is_person(who, &record.requested_by, record.requested_with.as_ref()) {
            let text = format!("{} asked for override {id}: somebody else has to agree to it", who.id);
            return Err(self.refuse_change(&by, &record, Code::Forbidden, text));
        }
        let now = self.now();
        if record.state(now) != OverrideState::Waiting {
            let text = format!("override {id} does not wait for anybody");
            return Err(self.refuse_change(&by, &record, Code::Blocked, text));
        }
        if let Some(why_not) = self.not_authorized(&record) {
            let text = format!("override {id} cannot be agreed to: {why_not}");
            return Err(self.refuse_change(&by, &record, Code::Blocked, text));
        }
        if record.approvals.iter().any(|known| authorize::is_person(who, &known.by, known.with.as_ref())) {
            let text = format!("{} agreed to override {id} already", who.id);
            return Err(self.refuse_change(&by, &record, Code::Blocked, text));
        }
        let effect = format!("{} agrees to what {} asked for", who.id, record.requested_by);
        let mut after = record;
        after.approvals.push(consent(who, why, now));
        Ok(self.changed(&by, after, Outcome::Applied, &effect).audit)
    }

    /// Why an override may not be used although it is in time and not used up: whoever asked for it, or
    /// agreed, may not do so any more.
    fn not_authorized(&self, record: &Override) -> Option<String> {
        let alone = record.approvals_needed == 0 || record.break_glass;
        let asker = self.person(&record.requested_by, record.requested_with.as_ref());
        let needed = if alone { Role::Commander } else { Role::Operator };
        let may_ask = |who: &Principal| {
            who.role.covers(needed)
                && match &record.rollout {
                    Some(id) if !alone => authorize::holds_for(who, &id.target),
                    _ => self.holds_over(who, record),
                }
        };
        match &asker {
            None => return Some(format!("the token of {}, who asked for it, was revoked", record.requested_by)),
            Some(who) if !may_ask(who) => {
                return Some(format!("{}, who asked for it, may not any more", record.requested_by));
            }
            Some(who) if record.break_glass && !self.may_break_glass(who) => {
                return Some(format!("{} may not pass windows without waiting any more", record.requested_by));
            }
            Some(_) => {}
        }
        for agreed in &record.approvals {
            match self.person(&agreed.by, agreed.with.as_ref()) {
                None => return Some(format!("the token of {}, who agreed to it, was revoked", agreed.by)),
                Some(who) if !(who.role.covers(Role::Commander) && self.holds_over(&who, record)) => {
                    return Some(format!("{}, who agreed to it, may not any more", agreed.by));
                }
                Some(_) => {}
            }
        }
        None
    }

    /// Whoever once came with this token, with what they may now; none when it was revoked.
    fn person(&self, id: &SafeText, with: Option<&SafeText>) -> Option<Principal> {
        let (role, targets) = self.powers(with)?;
        Some(Principal {
            id: id.clone(),
            kind: crate::domain::ActorKind::Human,
            role,
            targets,
            binding: None,
            credential: with.cloned(),
            via: crate::domain::Via::Api,
            source: None,
        })
    }

    /// Whether somebody may take an override without waiting, as far as the policy says: those whom it
    /// names; where it names nobody, whoever's role holds for all targets.
    fn may_break_glass(&self, who: &Principal) -> bool {
        let named = &self.options.policy.break_glass;
        if named.is_empty() {
            authorize::holds_everywhere(who)
        } else {
            named.iter().any(|name| name.as_str().eq_ignore_ascii_case(who.id.as_str()))
        }
    }

    /// Lets time go by: what expired holds again, and what nobody countersigned in time is said, once.
    pub(super) fn tick_overrides(&mut self, now: DateTime<Utc>) {
        if self.override_due.is_none_or(|due| now < due) {
            return;
        }
        let late = |record: &&Override| {
            record.awaits_countersign()
                && record.overdue_since.is_none()
                && record.countersign_until.is_some_and(|until| until <= now)
        };
        let overdue: Vec<Override> = self.overrides.values().filter(late).cloned().collect();
        for record in overdue {
            let before = Some(revision_of(&record));
            let after = Override { overdue_since: Some(now), revision: record.revision + 1, ..record };
            let text = format!(
                "nobody has countersigned what {} took without waiting at {}: {}",
                after.requested_by,
                after.requested_at.format("%Y-%m-%d %H:%MZ"),
                after.reason
            );
            tracing::warn!("override {} is overdue: {text}", after.id);
            self.journal(Draft {
                reason: Some(SafeText::new(text)),
                revision: RevisionChange { before, after: Some(revision_of(&after)) },
                override_id: Some(after.id.clone()),
                ..Draft::new(Actor::system("overrides"), "override_overdue", override_subject(&after), Outcome::Applied)
            });
            self.put_override(after);
        }
        self.override_due = self.next_of_overrides();
        self.windows_changed();
    }

    /// When [`Core::tick_overrides`] is next worth calling.
    pub(super) fn next_of_overrides(&self) -> Option<DateTime<Utc>> {
        let now = self.now();
        let next = |record: &Override| {
            let expires = (record.lasts(now) && !record.uses.is_empty()).then_some(record.expires_at);
            let countersign =
                record.countersign_until.filter(|_| record.awaits_countersign() && record.overdue_since.is_none());
            expires.into_iter().chain(countersign).min()
        };
        self.overrides.values().filter_map(next).min()
    }
}

fn consent(who: &Principal, why: &Reason, at: DateTime<Utc>) -> Consent {
    Consent { by: who.id.clone(), with: who.credential.clone(), at, reason: SafeText::new(why.as_str()) }
}

fn no_override(id: &SafeText) -> Problem {
    Problem::new(Code::NotFound, format!("there is no override {id}: `rolldeck override list` shows those there are"))
}
