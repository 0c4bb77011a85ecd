//! Changing a window that is there, and ending it early: with the right to, and with what changed in the trail.

use super::{
    WINDOWS,
    loosening::{allows_more, closes, loosened, meet},
    window_revision, window_subject,
    written::{diff, window_of, words},
};
use crate::{
    control::{
        actions,
        approvals::{Asked, Pending},
        authorize::{self, Wish},
        core::Core,
        idempotency,
        journal::Draft,
    },
    domain::{
        Blocker, BlockerKind, Freeze, Outcome, Overridable, Preview, Principal, Reason, Role, SafeText, Window,
        WindowState, audit::RevisionChange, window::Lifted,
    },
    store::Write,
    window,
    wire::{Code, Conditions, Problem, ReasonRequest, WindowReply, WindowRequest},
};

/// A change to a window that is there.
pub(super) struct WindowChange<'a> {
    pub(super) before: &'a Window,
    pub(super) after: Window,
    pub(super) verb: &'a str,
    pub(super) why: &'a Reason,
    pub(super) effect: &'a str,
    pub(super) key: Option<&'a String>,
    /// What all changes of one file have in common.
    pub(super) together: Option<&'a SafeText>,
}

impl Core {
    pub(in crate::control) fn change_window(
        &mut self,
        who: &Principal,
        id: &str,
        request: &WindowRequest,
        conditions: &Conditions,
    ) -> Result<WindowReply, Problem> {
        let verb = "window_change";
        let why = authorize::reason(&request.reason)?;
        idempotency::check_key(conditions)?;
        let now = self.now();
        let before = self.find_window(who, id)?;
        let here = authorize::holds_for_scope(who, &before.scope) && authorize::holds_for_scope(who, &request.scope);
        self.may_change(who, Role::Operator, here, &before, verb, &why)?;
        let fingerprint = idempotency::fingerprint(request);
        let subject = format!("{WINDOWS}/{}", before.id);
        if let Some(reply) = self.replay(who, &subject, conditions, &fingerprint)? {
            return Ok(reply);
        }
        if let Some(seen) = &conditions.revision
            && *seen != window_revision(&before)
        {
            let detail = format!("window {} is at revision {} and not {seen}", before.id, before.revision);
            return Err(self.refuse_window(who, &before, verb, Problem::new(Code::RevisionMismatch, detail), &why));
        }
        if before.lifted.is_some() {
            let detail = format!("window {} was lifted: add a new one", before.id);
            return Err(self.refuse_window(who, &before, verb, Problem::new(Code::Blocked, detail), &why));
        }
        let after = window_of(request, Some(&before), &before.id, who, &why, now)?;
        if !loosened(&before, &after, now).is_empty() {
            self.may_change(who, Role::Commander, here, &before, verb, &why)?;
        }
        let pending = Pending::ChangeWindow(before.id.clone(), Box::new(request.clone()));
        self.check_right(who, Some(&before), &after, verb, &why, Some(pending))?;
        if diff(Some(&before), &after).is_empty() {
            let reply = self.unchanged(who, &before, verb, &why, request.ticket.as_ref(), "it is so already");
            self.remember(who, &subject, conditions, fingerprint, actions::DONE, &reply);
            return Ok(reply);
        }
        let effect = format!("{} -> {}", words(&before), words(&after));
        let key = conditions.idempotency_key.as_ref();
        let reply = self.put_window(
            who,
            WindowChange { before: &before, after, verb, why: &why, effect: &effect, key, together: None },
        );
        self.remember(who, &subject, conditions, fingerprint, actions::DONE, &reply);
        Ok(reply)
    }

    pub(in crate::control) fn lift_window(
        &mut self,
        who: &Principal,
        id: &str,
        request: &ReasonRequest,
    ) -> Result<WindowReply, Problem> {
        let verb = "window_lift";
        let why = authorize::reason(&request.reason)?;
        let now = self.now();
        let before = self.find_window(who, id)?;
        let here = authorize::holds_for_scope(who, &before.scope);
        self.may_change(who, Role::Commander, here, &before, verb, &why)?;
        if matches!(window::state(&before, now), WindowState::Ended | WindowState::Lifted) {
            return Ok(self.unchanged(who, &before, verb, &why, request.ticket.as_ref(), "it was over already"));
        }
        let lifted = Lifted { at: now, by: who.id.clone(), reason: SafeText::new(why.as_str()) };
        let ticket = authorize::ticket(request.ticket.as_ref()).or_else(|| before.ticket.clone());
        let after = Window { revision: before.revision + 1, lifted: Some(lifted), ticket, ..before.clone() };
        let pending = Pending::LiftWindow(before.id.clone(), request.clone());
        self.check_right(who, Some(&before), &after, verb, &why, Some(pending))?;
        let effect = format!("{} is lifted", words(&before));
        Ok(self.put_window(
            who,
            WindowChange { before: &before, after, verb, why: &why, effect: &effect, key: None, together: None },
        ))
    }

    fn may_change(
        &mut self,
        who: &Principal,
        needed: Role,
        here: bool,
        window: &Window,
        verb: &str,
        why: &Reason,
    ) -> Result<(), Problem> {
        let subject = window_subject(&window.id, &window.scope);
        self.allow(Wish { who, needed, here, target: None, subject, verb, why: Some(why), dry_run: false })
    }

    /// Whoever takes from a freeze that holds now needs the right to let something pass it. A window that
    /// allows takes from the others that allow and are not open, too. What two people have to agree to is
    /// kept until a second one does, where it can be made again: `pending`.
    pub(super) fn check_right(
        &mut self,
        who: &Principal,
        before: Option<&Window>,
        after: &Window,
        verb: &str,
        why: &Reason,
        pending: Option<Pending>,
    ) -> Result<(), Problem> {
        let now = self.now();
        let mut taken: Vec<(Window, String)> = Vec::new();
        if let Some(before) = before.filter(|before| closes(before, now)) {
            let what = loosened(before, after, now);
            if !what.is_empty() {
                taken.push((before.clone(), what.join(" and ")));
            }
        }
        if allows_more(before, after, now) {
            let opened = self.windows.iter().filter(|other| {
                other.id != after.id && other.effect == after.effect && meet(other, after) && closes(other, now)
            });
            taken.extend(opened.map(|other| (other.clone(), "allows what it does not".to_owned())));
        }
        // The strictest of them decides.
        let Some((window, what)) = taken.into_iter().max_by_key(|(window, _)| window.overridable) else {
            return Ok(());
        };
        let until =
            window.until.map_or_else(String::new, |until| format!(", until {}", until.format("%Y-%m-%d %H:%M UTC")));
        let problem = match window.overridable {
            Overridable::Single => {
                let here = authorize::holds_for_scope(who, &window.scope);
                return self.may_change(who, Role::Commander, here, &window, verb, why);
            }
            Overridable::TwoPerson if self.agreed.is_some() => return Ok(()),
            Overridable::TwoPerson => {
                let text = format!("window {} holds{until}, and a second person has to agree: this {what}", window.id);
                let problem = blocked(&window, BlockerKind::Approval, text);
                match pending {
                    Some(pending) => return Err(self.ask_about_window(who, after, verb, why, pending, problem)),
                    None => problem,
                }
            }
            Overridable::Never => blocked(
                &window,
                BlockerKind::Freeze,
                format!("window {} holds{until}, and nobody may take from it before that: this {what}", window.id),
            ),
        };
        Err(self.refuse_window(who, &window, verb, problem, why))
    }

    /// Keeps a change to a window until a second person agrees, and says so.
    fn ask_about_window(
        &mut self,
        who: &Principal,
        after: &Window,
        verb: &str,
        why: &Reason,
        pending: Pending,
        problem: Problem,
    ) -> Problem {
        let asked = Asked {
            who,
            verb,
            subject: window_subject(&after.id, &after.scope),
            needed: Role::Commander,
            target: match after.scope.targets.as_slice() {
                [only] => only.parse().ok(),
                _ => None,
            },
            effect: Preview { summary: SafeText::new(words(after)), ..Preview::default() },
            saw: None,
            why,
            ticket: after.ticket.clone(),
            revision: self.windows.get(after.id.as_str()).map(window_revision),
            pending,
            until: None,
        };
        match self.ask_approval(asked, &Conditions::default()) {
            Ok((view, entry)) => {
                let id = view.approval.id;
                let detail =
                    format!("{}; it was asked for: rolldeck approval approve {id} --reason TEXT", problem.detail);
                let blockers = problem.blockers.clone();
                Problem {
                    blockers,
                    blocking_windows: problem.blocking_windows,
                    approval: Some(id),
                    audit: Some(entry.seq),
                    ..Problem::new(Code::Blocked, detail)
                }
            }
            Err(problem) => problem,
        }
    }

    /// Journals that a change of a window is refused, and says it.
    fn refuse_window(
        &mut self,
        who: &Principal,
        window: &Window,
        verb: &str,
        problem: Problem,
        why: &Reason,
    ) -> Problem {
        let present = window_revision(window);
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            revision: RevisionChange { before: Some(present.clone()), after: None },
            effect: Some(problem.detail.clone()),
            blockers: problem.blockers.clone(),
            ..Draft::new(who.actor(), verb, window_subject(&window.id, &window.scope), Outcome::Refused)
        });
        Problem { revision: Some(present), audit: Some(entry.seq), ..problem }
    }

    pub(super) fn unchanged(
        &mut self,
        who: &Principal,
        window: &Window,
        verb: &str,
        why: &Reason,
        ticket: Option<&String>,
        effect: &str,
    ) -> WindowReply {
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(ticket),
            effect: Some(SafeText::new(effect)),
            ..Draft::new(who.actor(), verb, window_subject(&window.id, &window.scope), Outcome::NoOp)
        });
        WindowReply { outcome: Outcome::NoOp, window: self.view_of(window), audit }
    }

    pub(super) fn put_window(&mut self, who: &Principal, change: WindowChange<'_>) -> WindowReply {
        let WindowChange { before, after, verb, why, effect, key, together } = change;
        self.windows.put(after.clone());
        self.batch.push(Write::Window(Box::new(after.clone())));
        self.note_times(&after);
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: after.ticket.clone(),
            revision: RevisionChange { before: Some(window_revision(before)), after: Some(window_revision(&after)) },
            effect: Some(SafeText::new(effect)),
            changes: diff(Some(before), &after),
            intent: self.agreed.as_ref().map(|agreed| agreed.intent),
            approved_by: self.agreed.iter().map(|agreed| agreed.by.clone()).collect(),
            idempotency_key: key.map(SafeText::new),
            correlation_id: together.cloned(),
            ..Draft::new(who.actor(), verb, window_subject(&after.id, &after.scope), Outcome::Applied)
        });
        self.windows_changed();
        WindowReply { outcome: Outcome::Applied, window: self.view_of(&after), audit }
    }

    fn find_window(&self, who: &Principal, id: &str) -> Result<Window, Problem> {
        let found = self.windows.get(id).filter(|window| authorize::sees_scope(who, &window.scope));
        found.cloned().ok_or_else(|| {
            let id = SafeText::new(id);
            Problem::new(
                Code::NotFound,
                format!("there is no window {id}: `rolldeck window list` shows those there are"),
            )
        })
    }
}

/// A problem that a window is.
fn blocked(window: &Window, kind: BlockerKind, summary: String) -> Problem {
    let freeze = Freeze {
        window: window.id.clone(),
        revision: window.revision,
        effect: window.effect,
        overridable: window.overridable,
        scope: SafeText::new(window.scope.to_string()),
        reason: window.reason.clone(),
        by: window.created_by.clone(),
        since: window.from,
        until: window.until,
    };
    let summary = SafeText::new(summary);
    let blocker = Blocker { kind, summary: summary.clone(), since: Some(window.from), until: window.until };
    Problem {
        blockers: vec![blocker],
        blocking_windows: vec![freeze],
        next_transition: window.until,
        ..Problem::new(Code::Blocked, summary.as_str())
    }
}
