//! Which actions are offered, and why one is not. Menu, dialog, palette and hints all ask here.

use std::sync::Arc;

use super::{App, View, age, flags::change::Verb, rollouts::Row};
use crate::{
    backend::{FlagView, ServerInfo},
    domain::{Action, Freeze, Role, Rollout, SafeText},
};

/// Why an action is not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It cannot be done here: no dialog is opened.
    Never(String),
    /// It could be, and something holds it now: the dialog opens with its button locked.
    Held(String),
}

impl Why {
    /// The sentence.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Never(text) | Self::Held(text) => text,
        }
    }
}

/// Whether a caller's role allows something that needs `needed` on a target; on any, where that is empty.
pub fn permitted(info: &ServerInfo, needed: Role, target: &str) -> Result<(), String> {
    if !info.role.covers(needed) {
        return Err(format!("your role here is {}; it needs {} or more", info.role.as_str(), needed.as_str()));
    }
    let holds = |pattern: &str| wildmatch::WildMatch::new(pattern).matches(target);
    if !target.is_empty() && !info.targets.is_empty() && !info.targets.iter().any(|p| holds(p.as_str())) {
        return Err(format!("your role does not hold for {target}"));
    }
    Ok(())
}

impl App {
    /// Whether an action on a rollout can be done now, or why not.
    pub fn offer(&self, action: Action, row: &Row) -> Result<(), Why> {
        self.offer_past(action, row, false)
    }

    /// The same, where an override lifts what windows hold.
    fn offer_past(&self, action: Action, row: &Row, overridden: bool) -> Result<(), Why> {
        let rollout = &self.latest(row);
        self.permits(Role::Operator, rollout.target.as_str()).map_err(Why::Never)?;
        if row.ghost {
            return Err(Why::Never("this rollout is gone".to_owned()));
        }
        rollout.offers(action).map_err(|why| Why::Never(why.as_str().to_owned()))?;
        if !action.widens() {
            return Ok(());
        }
        if let Some(freeze) = rollout.freeze.as_ref().filter(|_| !overridden) {
            let until =
                freeze.until.map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", self.clock(at)));
            return Err(Why::Held(format!("frozen by {} {until}: {}", freeze.window, freeze.reason)));
        }
        self.widening_held(Some(rollout)).map_or(Ok(()), |why| Err(Why::Held(why)))
    }

    /// A rollout as it was last heard of: the one that is watched is asked for by itself, and its row in the
    /// list may be behind what its view shows.
    fn latest(&self, row: &Row) -> Arc<Rollout> {
        let watched = (self.view == View::Detail).then(|| self.rollout(row.id())).flatten();
        watched.unwrap_or_else(|| Arc::clone(&row.rollout))
    }

    /// Whether a change of a flag can be done now, or why not.
    pub fn offer_flag(&self, verb: Verb, view: Option<&FlagView>) -> Result<(), Why> {
        self.permits(Role::Operator, "").map_err(Why::Never)?;
        let Some(view) = view else { return Err(Why::Never("no flag is selected".to_owned())) };
        if let Some(why) = verb.senseless(view) {
            return Err(Why::Never(why));
        }
        // Whether a share is more than it was, its dialog knows.
        if !matches!(verb, Verb::Enable | Verb::Revive) {
            return Ok(());
        }
        self.widening_held(None).map_or(Ok(()), |why| Err(Why::Held(why)))
    }

    /// Which window holds something, and until when.
    #[must_use]
    pub fn held_by(&self, freeze: &Freeze) -> String {
        let until =
            freeze.until.map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", self.day_clock(at)));
        format!("frozen by {} {until}: {}", freeze.window, freeze.reason)
    }

    /// Whether the caller's role allows something that needs `needed` on a target.
    pub fn permits(&self, needed: Role, target: &str) -> Result<(), String> {
        if self.view == View::Follow {
            return Err(format!("this view changes nothing: {}", self.who_may()));
        }
        if self.read_only {
            return Err("this session is read-only".to_owned());
        }
        self.info.as_ref().map_or(Ok(()), |info| permitted(info, needed, target))
    }

    /// What holds back whatever widens a change now: a lock, or data that is not fresh.
    #[must_use]
    pub fn widening_held(&self, rollout: Option<&Rollout>) -> Option<String> {
        if self.is_protected() && !self.is_armed() {
            return Some("locked: A arms it for 10 minutes".to_owned());
        }
        if self.hold.is_some() {
            return Some("the display is held: z lets it go on".to_owned());
        }
        if !self.link.is_live(self.now.elapsed) {
            return Some("what is shown is not fresh".to_owned());
        }
        let rollout = rollout?;
        if self.is_cut_off(rollout) {
            let silent = self.heard(rollout).map_or_else(String::new, |at| age::age(self.server_now() - at));
            return Some(format!("STALE: its cluster was last heard of {silent} ago"));
        }
        if self.is_protected() && self.is_stale(rollout) {
            return Some("its units have not been heard of for too long".to_owned());
        }
        None
    }

    /// Whether an action is among those that are spoken of for a rollout: what no fleet has is named only
    /// where it can be done at all.
    #[must_use]
    pub fn names(&self, action: Action) -> bool {
        if !matches!(action, Action::Restart | Action::Terminate) {
            return true;
        }
        let row = self.subject().and_then(|id| self.rollouts.get(&id));
        row.is_some_and(|row| row.rollout.offers.iter().any(|offer| offer.action == action))
    }

    /// Why the button of the open dialog is locked.
    #[must_use]
    pub fn commit_lock(&self) -> Option<String> {
        use super::dialog::{PreviewState, Subject};
        let dialog = self.dialog()?;
        let widens = dialog.widens();
        if let Subject::Action { action, pinned } = &dialog.subject {
            match self.rollouts.get(&pinned.id) {
                Some(row) => {
                    if let Err(why) = self.offer_past(*action, row, dialog.overriding.is_some()) {
                        return Some(why.text().to_owned());
                    }
                }
                None if widens => return Some("this rollout is not in the list any more".to_owned()),
                None => {}
            }
        } else if let Subject::Flag(change) = &dialog.subject {
            if let Err(why) = self.offer_flag(change.verb, Some(&change.pinned)) {
                return Some(why.text().to_owned());
            }
            if change.verb == Verb::Widen
                && let Err(why) = super::flags::change::share(dialog.share.text())
            {
                return Some(why);
            }
            if let Some(why) = self.widening_held(None).filter(|_| widens) {
                return Some(why);
            }
        } else {
            if let Some(why) = self.change_lock(dialog) {
                return Some(why);
            }
            if widens && let Some(why) = self.widening_held(None) {
                return Some(why);
            }
        }
        if widens && dialog.moved.is_none() {
            match &dialog.preview {
                PreviewState::Asking => return Some("the preview has not come yet".to_owned()),
                PreviewState::Failed(_) => return Some("there is no preview of what it does".to_owned()),
                PreviewState::Ready(_) => {
                    if let Some(check) = dialog.blocked() {
                        return Some(check.as_str().to_owned());
                    }
                    if let Some(freeze) = dialog.blocking().first() {
                        return Some(format!("held by {}: {}", freeze.window, freeze.reason));
                    }
                }
                PreviewState::Flag(reply) => {
                    if let Some(freeze) = reply.blocking_windows.first() {
                        return Some(self.held_by(freeze));
                    }
                }
                PreviewState::None => {}
            }
        }
        if matches!(dialog.subject, Subject::AddWindow)
            && let Err(why) = super::when::window_request(dialog, self.server_now(), self.zone())
        {
            return Some(why);
        }
        if matches!(dialog.subject, Subject::Override(_))
            && dialog.moved.is_none()
            && let Err(why) = super::asking::request(dialog, self.server_now(), self.zone())
        {
            return Some(why);
        }
        // A button that only looks again needs no reason.
        if widens && dialog.moved.is_some() {
            return None;
        }
        dialog.checked_reason().err().map(|rule| rule.to_string())
    }

    /// Why the caller may not make the change of a dialog that is about no rollout's action.
    fn change_lock(&self, dialog: &super::dialog::Dialog) -> Option<String> {
        use super::dialog::Subject;
        use crate::backend::{ApprovalChange, OverrideChange};
        let own = |who: &SafeText| self.info.as_ref().is_none_or(|info| &info.actor == who);
        let needed = match &dialog.subject {
            Subject::Override(asking) => {
                if let Err(why) = super::wording::who_can(&asking.windows, |at| self.day_clock(at)) {
                    return Some(why);
                }
                if asking.is_alone() { Role::Commander } else { Role::Operator }
            }
            // Whoever asked may always think better of it.
            Subject::ChangeOverride { change: OverrideChange::Withdraw, view } if own(&view.record.requested_by) => {
                Role::Operator
            }
            Subject::ChangeOverride { change: OverrideChange::Countersign, view }
                if self.info.is_some() && own(&view.record.requested_by) =>
            {
                return Some("you took it: somebody else has to countersign it".to_owned());
            }
            Subject::Decide { change: ApprovalChange::Withdraw, view } if own(&view.approval.requested_by.id) => {
                Role::Operator
            }
            Subject::Decide { change: ApprovalChange::Withdraw, view } => {
                return Some(format!("{} asked for it: nobody else can take it back", view.approval.requested_by.id));
            }
            Subject::Decide { view, .. } => {
                if view.yours != Some(true) {
                    let why = view.why_not.as_ref().map_or("it is not yours to decide", SafeText::as_str);
                    return Some(why.to_owned());
                }
                Role::Operator
            }
            _ => Role::Commander,
        };
        self.permits(needed, "").err()
    }
}
