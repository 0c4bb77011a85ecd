//! The dialog in which a change is confirmed: pinned target, preview, reason, safe button first.
//!
//! Nothing here sends anything; [`Dialog::press`] only says that a press on the button counts.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    asking::Asking,
    flags::change::{self, FlagChange, Verb},
    text::Field,
};
use crate::{
    backend::{ActionReply, ApprovalChange, ApprovalView, BackendError, FlagReply, OverrideChange, OverrideView},
    domain::{
        Action, Freeze, Phase, Reason, Revision, RollbackTo, Rollout, RolloutId, SafeText, Window, reason::REASON_MAX,
        rollout::CheckState, workload::RevisionView,
    },
};

/// Input is discarded for this long after the dialog was first painted: it was meant for what was there before.
pub const TYPE_AHEAD: Duration = Duration::from_millis(250);
/// A press counts only when the key has been quiet for this long: a held key repeats faster.
pub const QUIET: Duration = Duration::from_millis(150);
/// What widens a change waits this long before it is sent, and can be stopped.
pub const STOP_WINDOW: Duration = Duration::from_secs(3);

/// What a dialog is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An action on a rollout.
    Action {
        /// Which action.
        action: Action,
        /// The rollout, as it was when the dialog was opened or looked at again.
        pinned: Box<Pinned>,
    },
    /// A new freeze.
    AddWindow,
    /// The lifting of a freeze.
    LiftWindow(Box<Window>),
    /// A change of a flag.
    Flag(Box<FlagChange>),
    /// An override of what holds an action.
    Override(Box<Asking>),
    /// What somebody does about an override that is there.
    ChangeOverride {
        /// Which of the two.
        change: OverrideChange,
        /// The override, as it was when the dialog was opened.
        view: Box<OverrideView>,
    },
    /// What somebody does about what waits for a second person.
    Decide {
        /// Which of the three.
        change: ApprovalChange,
        /// What waits, as it was when the dialog was opened.
        view: Box<ApprovalView>,
    },
}

/// What a dialog was opened on.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// Which rollout.
    pub id: RolloutId,
    /// Its revision, which the request names.
    pub revision: Revision,
    /// Its phase.
    pub phase: Phase,
    /// The name of its stage.
    pub stage: Option<SafeText>,
    /// The candidate's version.
    pub candidate: SafeText,
    /// The stable version.
    pub stable: SafeText,
    /// Revisions that a rollback can go to, the newest first; none of a fleet's rollout, and before they
    /// are known.
    pub revisions: Vec<RevisionView>,
    /// What was on the screen, for the audit trail.
    pub saw: String,
}

impl Pinned {
    /// Pins a rollout as it is now.
    #[must_use]
    pub fn of(rollout: &Rollout, saw: String) -> Self {
        let version = |v: &crate::domain::VersionRef| v.version.clone().unwrap_or_else(|| SafeText::new("none"));
        Self {
            id: rollout.id(),
            revision: rollout.revision.clone(),
            phase: rollout.phase,
            stage: rollout.current_stage.as_ref().map(|s| SafeText::new(s.as_str())),
            candidate: version(&rollout.candidate),
            stable: version(&rollout.stable),
            revisions: earlier(rollout),
            saw,
        }
    }

    /// What differs between what was pinned and what is.
    #[must_use]
    pub fn differs(&self, now: &Rollout) -> Option<String> {
        if now.revision == self.revision {
            return None;
        }
        let mut parts = Vec::new();
        if now.phase != self.phase {
            parts.push(format!("phase {} -> {}", self.phase, now.phase));
        }
        let stage = now.current_stage.as_ref().map(crate::domain::StageName::as_str);
        if stage != self.stage.as_ref().map(SafeText::as_str) {
            let was = self.stage.as_ref().map_or("none", |s| s.as_str());
            parts.push(format!("stage {was} -> {}", stage.unwrap_or("none")));
        }
        if now.candidate.version.as_ref().is_some_and(|v| v != &self.candidate) {
            parts.push("the candidate".to_owned());
        }
        parts.push(format!("revision {} -> {}", self.revision, now.revision));
        Some(parts.join(", "))
    }
}

/// The revisions before the newest one: that is what runs, or is being rolled out.
fn earlier(rollout: &Rollout) -> Vec<RevisionView> {
    let all = rollout.workload.as_ref().map_or(&[][..], |workload| &workload.revisions);
    let newest = all.iter().map(|revision| revision.number).max().unwrap_or(0);
    let mut earlier: Vec<RevisionView> =
        all.iter().filter(|revision| revision.number > 0 && revision.number < newest).cloned().collect();
    earlier.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    earlier
}

/// What the backend says would happen.
#[derive(Debug, Clone)]
pub enum PreviewState {
    /// There is none for this kind of change.
    None,
    /// It was asked.
    Asking,
    /// It said.
    Ready(Box<ActionReply>),
    /// It said, of a flag.
    Flag(Box<FlagReply>),
    /// It did not.
    Failed(BackendError),
}

/// How far a dialog is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// It is being filled in.
    Editing,
    /// Committed; sent at that time unless stopped.
    Counting {
        /// When it is sent.
        at: Duration,
    },
    /// Sent; no answer yet.
    Sending {
        /// Since when.
        since: Duration,
        /// How often it was asked again with the same key.
        again: u32,
    },
    /// No answer came: it may have been done or not.
    Unconfirmed {
        /// Why there is none.
        why: SafeText,
    },
}

impl Stage {
    /// Whether it went out: nothing of it can be changed any more.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(self, Self::Sending { .. } | Self::Unconfirmed { .. })
    }
}

/// What has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The revision that a rollback goes to.
    To,
    /// The share of sites that gets a flag.
    Share,
    /// The scope of a freeze.
    Scope,
    /// Its beginning.
    From,
    /// Its end.
    Until,
    /// What an override is for.
    Kind,
    /// How long it counts.
    Expires,
    /// How often.
    Uses,
    /// Whether nobody is waited for.
    BreakGlass,
    /// The ticket.
    Ticket,
    /// The reason.
    Reason,
    /// The button that changes nothing.
    Keep,
    /// The button that goes on to an override of what holds it.
    Override,
    /// The button that commits.
    Commit,
}

impl Focus {
    /// Whether it is a text field.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::To | Self::Kind | Self::BreakGlass | Self::Keep | Self::Override | Self::Commit)
    }
}

/// A dialog.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// What it is about.
    pub subject: Subject,
    /// The idempotency key, made when it was opened.
    pub key: String,
    /// When it was first on the screen.
    pub painted: Option<Duration>,
    /// What the backend says would happen.
    pub preview: PreviewState,
    /// What changed since, where it is to be looked at again.
    pub moved: Option<String>,
    /// The number of the revision that a rollback goes to, where one was chosen.
    pub to: Option<u64>,
    /// The share of sites that gets a flag, in percent.
    pub share: Field,
    /// The override that is used, by its id.
    pub overriding: Option<SafeText>,
    /// The override that was asked for and cannot be used yet, by its id.
    pub awaiting: Option<SafeText>,
    /// The scope of a freeze.
    pub scope: Field,
    /// Its beginning.
    pub from: Field,
    /// Its end.
    pub until: Field,
    /// The ticket.
    pub ticket: Field,
    /// The reason.
    pub reason: Field,
    /// What has the focus.
    pub focus: Focus,
    /// How far it is.
    pub stage: Stage,
    /// What refused it the last time.
    pub refused: Option<BackendError>,
    /// The server's time when it was opened.
    pub opened_at: DateTime<Utc>,
    /// How far its text is scrolled.
    pub scroll: usize,
    last_press: Option<Duration>,
    /// Where in the history of reasons it is, and what was typed before.
    walked: Option<(usize, String)>,
}

impl Dialog {
    /// A dialog with the draft that was kept for it.
    #[must_use]
    pub fn new(subject: Subject, key: String, draft: Option<&Draft>, opened_at: DateTime<Utc>) -> Self {
        let asks = match &subject {
            Subject::Action { .. } => true,
            Subject::Flag(change) => change.verb != Verb::Kill,
            _ => false,
        };
        let preview = if asks { PreviewState::Asking } else { PreviewState::None };
        let focus = match &subject {
            Subject::AddWindow => Focus::Scope,
            Subject::Flag(change) if change.verb == Verb::Widen => Focus::Share,
            _ => Focus::Reason,
        };
        let draft = draft.cloned().unwrap_or_default();
        Self {
            subject,
            key,
            painted: None,
            preview,
            moved: None,
            to: None,
            share: Field::with(8, &draft.share),
            overriding: None,
            awaiting: None,
            scope: Field::with(200, &draft.scope),
            from: Field::with(40, &draft.from),
            until: Field::with(40, &draft.until),
            ticket: Field::with(100, &draft.ticket),
            reason: Field::with(REASON_MAX + 100, &draft.reason),
            focus,
            stage: Stage::Editing,
            refused: None,
            opened_at,
            scroll: 0,
            last_press: None,
            walked: None,
        }
    }

    /// What was typed, to be kept for the session.
    #[must_use]
    pub fn draft(&self) -> Draft {
        Draft {
            share: self.share.text().to_owned(),
            scope: self.scope.text().to_owned(),
            from: self.from.text().to_owned(),
            until: self.until.text().to_owned(),
            ticket: self.ticket.text().to_owned(),
            reason: self.reason.text().to_owned(),
        }
    }

    /// Under which name the draft is kept.
    #[must_use]
    pub fn draft_key(&self) -> String {
        match &self.subject {
            Subject::Action { action, pinned } => format!("{action} {}", pinned.id),
            Subject::AddWindow => "window add".to_owned(),
            Subject::LiftWindow(window) => format!("window lift {}", window.id),
            Subject::Flag(change) => format!("flag {} {}", change.verb.as_str(), change.pinned.flag.key),
            Subject::Override(asking) => format!("override {} {}", asking.operation, asking.pinned.id),
            Subject::ChangeOverride { change, view } => format!("override {} {}", change.as_str(), view.record.id),
            Subject::Decide { change, view } => format!("approval {} {}", change.as_str(), view.approval.id),
        }
    }

    /// Whether it widens what gets a change: then it can be held, and waits before it is sent.
    #[must_use]
    pub fn widens(&self) -> bool {
        match &self.subject {
            Subject::Action { action, .. } => action.widens(),
            Subject::AddWindow | Subject::ChangeOverride { .. } => false,
            Subject::LiftWindow(_) | Subject::Override(_) => true,
            Subject::Decide { change, .. } => *change == ApprovalChange::Approve,
            Subject::Flag(change) => change.widens(self.percent()),
        }
    }

    /// The share of sites that was typed, in percent, where one was.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        change::share(self.share.text()).ok()
    }

    /// What can have the focus, in order. The reason comes before the buttons, the safe one first.
    #[must_use]
    pub fn order(&self) -> &'static [Focus] {
        match self.subject {
            Subject::AddWindow => {
                &[Focus::Scope, Focus::From, Focus::Until, Focus::Ticket, Focus::Reason, Focus::Keep, Focus::Commit]
            }
            Subject::Flag(ref change) if change.verb == Verb::Widen => {
                &[Focus::Share, Focus::Ticket, Focus::Reason, Focus::Keep, Focus::Commit]
            }
            Subject::Override(_) => &[
                Focus::Kind,
                Focus::Expires,
                Focus::Uses,
                Focus::BreakGlass,
                Focus::Ticket,
                Focus::Reason,
                Focus::Keep,
                Focus::Commit,
            ],
            Subject::Action { .. } if !self.blocking().is_empty() => {
                &[Focus::Ticket, Focus::Reason, Focus::Keep, Focus::Override, Focus::Commit]
            }
            _ if self.revisions().is_empty() => &[Focus::Ticket, Focus::Reason, Focus::Keep, Focus::Commit],
            _ => &[Focus::To, Focus::Ticket, Focus::Reason, Focus::Keep, Focus::Commit],
        }
    }

    /// The revisions that can be chosen from: of a rollback only.
    #[must_use]
    pub fn revisions(&self) -> &[RevisionView] {
        match &self.subject {
            Subject::Action { action: Action::Rollback, pinned } => &pinned.revisions,
            _ => &[],
        }
    }

    /// Chooses the next older revision, or the next newer one; before the newest is that none is named.
    pub fn step_to(&mut self, older: bool) {
        let numbers: Vec<u64> = self.revisions().iter().map(|revision| revision.number).collect();
        let at = numbers.iter().position(|number| Some(*number) == self.to);
        self.to = match (at, older) {
            (None, true) => numbers.first().copied(),
            (Some(at), true) => numbers.get(at + 1).or(numbers.last()).copied(),
            (None | Some(0), false) => None,
            (Some(at), false) => numbers.get(at - 1).copied(),
        };
    }

    /// Where a rollback goes, where somebody said it.
    #[must_use]
    pub fn rollback_to(&self) -> Option<RollbackTo> {
        self.to.map(RollbackTo::Revision)
    }

    /// Under which key its preview is asked for: that of another choice is another preview.
    #[must_use]
    pub fn preview_key(&self) -> String {
        let key = match (&self.subject, self.to) {
            // The same share of another revision is another preview too.
            (Subject::Flag(change), _) => {
                format!("{}.{}.{}", self.key, change.pinned.flag.revision, self.share.text())
            }
            (_, Some(number)) => format!("{}.{number}", self.key),
            (_, None) => self.key.clone(),
        };
        self.overriding.as_ref().map_or_else(|| key.clone(), |id| format!("{key}.{id}"))
    }

    /// Moves the focus on, or back.
    pub fn move_focus(&mut self, forward: bool) {
        let order = self.order();
        let at = order.iter().position(|f| *f == self.focus).unwrap_or(0);
        let to = if forward { at + 1 } else { at + order.len() - 1 };
        self.focus = order[to % order.len()];
    }

    /// The focused text field.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.focus {
            Focus::Share => Some(&mut self.share),
            Focus::Scope => Some(&mut self.scope),
            Focus::From => Some(&mut self.from),
            Focus::Until => Some(&mut self.until),
            Focus::Expires | Focus::Uses => {
                let Subject::Override(asking) = &mut self.subject else { return None };
                Some(if self.focus == Focus::Uses { &mut asking.uses } else { &mut asking.expires })
            }
            Focus::Ticket => Some(&mut self.ticket),
            Focus::Reason => Some(&mut self.reason),
            Focus::To | Focus::Kind | Focus::BreakGlass | Focus::Keep | Focus::Override | Focus::Commit => None,
        }
    }

    /// Whether it can be filled in now.
    #[must_use]
    pub const fn is_editing(&self) -> bool {
        matches!(self.stage, Stage::Editing)
    }

    /// Whether input at that time was meant for it.
    #[must_use]
    pub fn takes_input(&self, elapsed: Duration) -> bool {
        self.painted.is_some_and(|at| elapsed >= at + TYPE_AHEAD)
    }

    /// Notes a key that presses, and says whether it counts: not when it repeats.
    pub fn press(&mut self, elapsed: Duration) -> bool {
        let quiet = self.last_press.is_none_or(|at| elapsed.saturating_sub(at) >= QUIET);
        self.last_press = Some(elapsed);
        quiet
    }

    /// The reason, or the rule that it does not keep.
    pub fn checked_reason(&self) -> Result<Reason, crate::domain::ReasonError> {
        Reason::new(self.reason.text())
    }

    /// Goes to an older or a newer reason of those that were used before, the newest last. A reason that
    /// was typed, or changed, is kept, and comes back after the newest.
    pub fn step_reason(&mut self, older: bool, reasons: &[String]) {
        let text = self.reason.text();
        let at = self.walked.as_ref().map(|(at, _)| *at).filter(|at| reasons.get(*at).is_some_and(|used| used == text));
        let to = match (at, older) {
            (None, true) => reasons.len().checked_sub(1),
            (Some(at), true) => Some(at.saturating_sub(1)),
            (None, false) => return,
            (Some(at), false) => Some(at + 1).filter(|at| *at < reasons.len()),
        };
        let typed = match (at, self.walked.take()) {
            (Some(_), Some((_, typed))) => typed,
            _ => text.to_owned(),
        };
        match to.and_then(|at| Some((at, reasons.get(at)?))) {
            Some((at, reason)) => {
                self.reason.set(reason);
                self.walked = Some((at, typed));
            }
            None => self.reason.set(&typed),
        }
    }

    /// The ticket, where one was given.
    #[must_use]
    pub fn checked_ticket(&self) -> Option<String> {
        let ticket = self.ticket.text().trim();
        (!ticket.is_empty()).then(|| ticket.to_owned())
    }

    /// What the backend's preview forbids it with.
    #[must_use]
    pub fn blocked(&self) -> Option<&SafeText> {
        match &self.preview {
            PreviewState::Ready(reply) => {
                reply.effect.checks.iter().find(|c| c.state == CheckState::Block).map(|c| &c.text)
            }
            _ => None,
        }
    }

    /// The windows that hold it: as the last refusal says, or the preview.
    #[must_use]
    pub fn blocking(&self) -> &[Freeze] {
        let refused = match &self.refused {
            Some(BackendError::Problem(problem)) => problem.blocking_windows.as_slice(),
            _ => &[],
        };
        match &self.preview {
            _ if !matches!(self.subject, Subject::Action { .. }) => &[],
            _ if !refused.is_empty() => refused,
            PreviewState::Ready(reply) => &reply.blocking_windows,
            _ => &[],
        }
    }

    /// Turns the choice that has the focus; says whether there is one.
    pub fn turn(&mut self, forward: bool) -> bool {
        match (&mut self.subject, self.focus) {
            (Subject::Override(asking), Focus::Kind) => asking.step_kind(forward),
            (Subject::Override(asking), Focus::BreakGlass) => asking.break_glass = !asking.break_glass,
            _ => return false,
        }
        true
    }

    /// The rollout it is about.
    #[must_use]
    pub fn rollout(&self) -> Option<&RolloutId> {
        match &self.subject {
            Subject::Action { pinned, .. } => Some(&pinned.id),
            Subject::Override(asking) => Some(&asking.pinned.id),
            _ => None,
        }
    }
}

/// What was typed into a dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The share of sites.
    pub share: String,
    /// The scope.
    pub scope: String,
    /// The beginning.
    pub from: String,
    /// The end.
    pub until: String,
    /// The ticket.
    pub ticket: String,
    /// The reason.
    pub reason: String,
}
