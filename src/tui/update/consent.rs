//! Overrides and approvals: when they are asked for, how their dialogs open, and what answers do.

use std::time::Duration;

use super::{act, commit};
use crate::{
    backend::{
        ApprovalChange, ApprovalReply, ApprovalView, ApprovalsPage, BackendError, OverrideChange, OverrideReply,
        OverridesPage,
    },
    domain::{ApprovalState, Operation, OverrideState, Role},
    tui::{
        app::{
            App, Overlay, View, age,
            approvals::WAITING,
            asking::Asking,
            dialog::{Dialog, Focus, PreviewState, Subject},
            notice::Tone,
            offer::Why,
            wording,
        },
        intent::Intent,
        message::Command,
    },
};

/// What is asked along with the view: what waits for a second person, and the overrides where they are
/// looked at, or wait themselves. `moved`: something changed in the fleet.
pub(super) fn poll(app: &mut App, moved: bool) -> Vec<Command> {
    let (elapsed, now) = (app.now.elapsed, app.server_now());
    let mut commands = Vec::new();
    if moved || app.approvals.due(elapsed, app.approvals.every(now)) {
        app.approvals.asked(elapsed);
        commands.push(Command::Approvals);
    }
    let waits = app.overrides.all().iter().any(|view| view.record.state(now) == OverrideState::Waiting)
        || app.overrides.open_break_glass() > 0;
    let looked_at = matches!(app.view, View::Windows | View::Flags | View::Overrides | View::Follow | View::Recover);
    let every = if waits || looked_at { WAITING } else { Duration::from_mins(1) };
    if (moved && looked_at) || app.overrides.due(elapsed, every) {
        commands.extend(ask_for_overrides(app));
    }
    commands
}

/// Asks for the overrides.
pub(super) fn ask_for_overrides(app: &mut App) -> Vec<Command> {
    app.overrides.asked(app.now.elapsed);
    vec![Command::Overrides]
}

/// The overrides came. An action that waits for one of them goes on with it.
pub(super) fn overrides(app: &mut App, result: Result<OverridesPage, BackendError>) -> Vec<Command> {
    if app.overrides.take(result.map(|page| page.overrides)) {
        app.touch();
    }
    super::follow::settled(app, crate::domain::SubjectKind::Override);
    settle(app)
}

/// What a dialog waits for has come about, or cannot any more.
fn settle(app: &mut App) -> Vec<Command> {
    let now = app.server_now();
    let Some(id) = app.dialog().filter(|dialog| dialog.is_editing()).and_then(|dialog| dialog.awaiting.clone()) else {
        return Vec::new();
    };
    let Some(state) = app.overrides.get(id.as_str()).map(|view| view.record.state(now)) else { return Vec::new() };
    match state {
        OverrideState::Waiting | OverrideState::Upcoming => Vec::new(),
        OverrideState::Active => {
            app.say(Tone::Note, format!("override {id} can be used: look at what it does, and send it"));
            use_override(app, &id)
        }
        OverrideState::UsedUp | OverrideState::Expired | OverrideState::Withdrawn => {
            if let Some(dialog) = app.dialog_mut() {
                dialog.awaiting = None;
            }
            app.say(Tone::Attention, format!("override {id} cannot be used: it is {}", ended(state)));
            Vec::new()
        }
    }
}

const fn ended(state: OverrideState) -> &'static str {
    match state {
        OverrideState::Waiting => "waiting for a second person",
        OverrideState::Upcoming => "to come",
        OverrideState::Active => "active",
        OverrideState::UsedUp => "used up",
        OverrideState::Expired => "expired",
        OverrideState::Withdrawn => "withdrawn",
    }
}

/// Fills an override in, and asks what the action does with it.
fn use_override(app: &mut App, id: &crate::domain::SafeText) -> Vec<Command> {
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    dialog.overriding = Some(id.clone());
    dialog.awaiting = None;
    dialog.refused = None;
    dialog.preview = PreviewState::Asking;
    if dialog.focus == Focus::Override {
        dialog.focus = Focus::Keep;
    }
    app.touch();
    act::preview(app)
}

/// From the dialog of what windows hold to the override that lets it pass: one that is there is used, or
/// one is asked for, where anybody can.
pub(super) fn ask_override(app: &mut App) -> Vec<Command> {
    let now = app.server_now();
    let Some(dialog) = app.dialog() else { return Vec::new() };
    let Subject::Action { action, pinned } = &dialog.subject else { return Vec::new() };
    let Some(operation) = Operation::of(*action) else { return Vec::new() };
    let freezes = dialog.blocking().to_vec();
    if freezes.is_empty() {
        app.say(Tone::Note, "no window holds it: there is nothing to override");
        return Vec::new();
    }
    if let Some(id) = dialog.awaiting.clone() {
        app.say(Tone::Note, format!("override {id} was asked for already, and waits for a second person"));
        return Vec::new();
    }
    if let Some(view) = app.overrides.fitting(&freezes, operation, &pinned.id, now) {
        let (id, left) = (view.record.id.clone(), view.record.uses_left());
        let until = age::coarse_left(now, view.record.expires_at);
        app.say(Tone::Note, format!("override {id} is used: {left} uses left, for {until}; sending it consumes one"));
        return use_override(app, &id);
    }
    if let Err(why) = wording::who_can(&freezes, |at| app.day_clock(at)) {
        app.say(Tone::Attention, why);
        return Vec::new();
    }
    if let Err(why) = app.permits(Role::Operator, pinned.id.target.as_str()) {
        app.say(Tone::Attention, format!("Override: {why}"));
        return Vec::new();
    }
    let pinned = (**pinned).clone();
    let key = app.new_id();
    let Overlay::Dialog(then) = std::mem::replace(&mut app.overlay, Overlay::None) else { return Vec::new() };
    let asking = Asking::new(freezes, operation, pinned, *then);
    act::show(app, Subject::Override(Box::new(asking)), key);
    Vec::new()
}

/// The dialog that an override was asked for from goes on.
pub(super) fn go_on(app: &mut App, mut dialog: Dialog) {
    // What is typed ahead was meant for the dialog that closed.
    dialog.painted = None;
    dialog.press(app.now.elapsed);
    dialog.focus = if dialog.checked_reason().is_ok() { Focus::Keep } else { Focus::Reason };
    app.overlay = Overlay::Dialog(Box::new(dialog));
    app.touch();
}

/// Whether something can be done about the selected approval or override.
pub(super) fn offer(app: &App, intent: Intent) -> Result<(), Why> {
    let never = |why: &str| Err(Why::Never(why.to_owned()));
    let now = app.server_now();
    if app.read_only {
        return never("this session is read-only");
    }
    match app.view {
        View::Approvals => {
            let Some(view) = app.approvals.selected() else { return never("nothing is selected") };
            if view.approval.state(now) != ApprovalState::Waiting {
                return never("it does not wait any more");
            }
            if intent == Intent::Withdraw {
                let own = app.info.as_ref().is_none_or(|info| info.actor == view.approval.requested_by.id);
                let who = &view.approval.requested_by.id;
                return if own { Ok(()) } else { never(&format!("{who} asked for it: nobody else can take it back")) };
            }
            if view.yours != Some(true) {
                return never(view.why_not.as_ref().map_or("it is not yours to decide", |why| why.as_str()));
            }
            if intent == Intent::Approve
                && let Some(why) = app.widening_held(None)
            {
                return Err(Why::Held(why));
            }
            Ok(())
        }
        View::Overrides => {
            let Some(view) = app.overrides.selected() else { return never("nothing is selected") };
            let record = &view.record;
            if intent == Intent::Countersign && !record.awaits_countersign() {
                return never("it was not taken without waiting, or somebody stands by it already");
            }
            if intent == Intent::Withdraw && !record.lasts(now) {
                return never("it is over already");
            }
            Ok(())
        }
        _ => never("select one in :approvals or :overrides"),
    }
}

/// Opens the dialog about the selected approval or override.
pub(super) fn open(app: &mut App, intent: Intent) -> Vec<Command> {
    if let Err(Why::Never(why)) = offer(app, intent) {
        app.say(Tone::Attention, why);
        return Vec::new();
    }
    let decide = |change| {
        let view = app.approvals.selected().cloned().map(Box::new);
        view.map(|view| Subject::Decide { change, view })
    };
    let alter = |change| {
        let view = app.overrides.selected().cloned().map(Box::new);
        view.map(|view| Subject::ChangeOverride { change, view })
    };
    let subject = match (app.view, intent) {
        (View::Approvals, Intent::Approve) => decide(ApprovalChange::Approve),
        (View::Approvals, Intent::Reject) => decide(ApprovalChange::Reject),
        (View::Approvals, Intent::Withdraw) => decide(ApprovalChange::Withdraw),
        (View::Overrides, Intent::Countersign) => alter(OverrideChange::Countersign),
        (View::Overrides, Intent::Withdraw) => alter(OverrideChange::Withdraw),
        _ => None,
    };
    if let Some(subject) = subject {
        let key = app.new_id();
        act::show(app, subject, key);
    }
    Vec::new()
}

/// The approvals came. What is decided in an open dialog is as it is now.
pub(super) fn approvals(app: &mut App, result: Result<ApprovalsPage, BackendError>) {
    if app.approvals.take(result.map(|page| page.approvals)) {
        app.touch();
    }
    super::follow::settled(app, crate::domain::SubjectKind::Approval);
    let now = app.server_now();
    let Some(Subject::Decide { view, .. }) = app.dialog().filter(|d| d.is_editing()).map(|d| &d.subject) else {
        return;
    };
    let Some(state) = app.approvals.get(view.approval.id.as_str()).map(|view| view.approval.state(now)) else { return };
    if state != ApprovalState::Waiting && view.approval.decision.is_none() {
        let said = format!("{} does not wait any more: somebody decided it, or its time is over", view.approval.id);
        super::close(app);
        app.say(Tone::Attention, said);
    }
}

/// What is said when a second person has to agree before something is done.
pub(super) fn waits(app: &App, view: &ApprovalView) -> String {
    let approval = &view.approval;
    let left = age::coarse_left(app.server_now(), approval.expires_at);
    format!("NOT DONE YET: {} waits for a second person as {}, for {left} (:approvals)", approval.action, approval.id)
}

/// An override was asked for, countersigned or taken back, or not.
pub(super) fn override_changed(app: &mut App, key: &str, result: Result<OverrideReply, BackendError>) -> Vec<Command> {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            commit::failed(app, key, error);
            return ask_for_overrides(app);
        }
    };
    let record = reply.record.record.clone();
    app.overrides.replace(reply.record.clone());
    app.overrides.error = None;
    let mut commands = ask_for_overrides(app);
    commands.push(Command::Approvals);
    let entry = reply.audit.seq;
    let state = record.state(app.server_now());
    let asked = match app.dialog_mut().filter(|dialog| dialog.key == key).map(|dialog| &dialog.subject) {
        Some(Subject::Override(_)) => true,
        Some(_) => false,
        None => {
            app.say(Tone::Note, format!("override {} is {}, audit #{entry}", record.id, ended(state)));
            return commands;
        }
    };
    if !asked {
        commit::done(app, key);
        let word = commit::outcome_word(reply.outcome);
        let effect = reply.audit.effect.as_ref().map_or("", |effect| effect.as_str());
        app.say(
            commit::outcome_tone(reply.outcome),
            format!("{word}: override {} {effect}, audit #{entry}", record.id),
        );
        return commands;
    }
    if let Overlay::Dialog(dialog) = std::mem::replace(&mut app.overlay, Overlay::None)
        && let Subject::Override(asking) = dialog.subject
    {
        let draft = format!("override {} {}", asking.operation, asking.pinned.id);
        app.drafts.remove(&draft);
        go_on(app, *asking.then);
    }
    match state {
        OverrideState::Active => {
            let until = app.day_clock(record.expires_at);
            let uses = match record.uses_left() {
                1 => "1 use".to_owned(),
                uses => format!("{uses} uses"),
            };
            app.say(
                Tone::Done,
                format!(
                    "override {} is filled in: {uses} until {until}, audit #{entry}; nothing was sent yet",
                    record.id
                ),
            );
            commands.extend(use_override(app, &record.id));
        }
        OverrideState::Waiting | OverrideState::Upcoming => {
            if let Some(dialog) = app.dialog_mut() {
                dialog.awaiting = Some(record.id.clone());
            }
            let by = reply.record.approval.as_ref().map_or_else(String::new, |id| format!(" as {id}"));
            app.say(
                Tone::Attention,
                format!("override {} waits for a second person{by}, audit #{entry} (:approvals)", record.id),
            );
        }
        ended_state => {
            app.say(Tone::Attention, format!("override {} cannot be used: it is {}", record.id, ended(ended_state)));
        }
    }
    commands
}

/// What waited was decided, or not.
pub(super) fn decided(app: &mut App, key: &str, result: Result<Box<ApprovalReply>, BackendError>) -> Vec<Command> {
    let mut commands = ask_for_overrides(app);
    commands.push(Command::Approvals);
    match result {
        Ok(reply) => {
            let view = &reply.approval;
            app.approvals.replace(view.clone());
            let word = match view.state {
                ApprovalState::Approved => "approved",
                ApprovalState::Rejected => "rejected",
                ApprovalState::Withdrawn => "taken back",
                ApprovalState::Expired => "EXPIRED",
                ApprovalState::Waiting => "it waits still",
            };
            let failed = view.approval.decision.as_ref().and_then(|decision| decision.failed.clone());
            let what = match (&failed, &reply.done) {
                (Some(why), _) => format!(", and NOT DONE: {why}"),
                (None, Some(done)) => {
                    let summary = done.audit.as_ref().and_then(|entry| entry.effect.as_ref());
                    let summary = summary.filter(|text| !text.is_empty()).unwrap_or(&done.effect.summary);
                    format!(", and done: {summary} ({})", commit::outcome_word(done.outcome))
                }
                (None, None) => String::new(),
            };
            if let Some(rollout) = reply.done.as_ref().and_then(|done| done.rollout.as_ref()) {
                app.rollouts.replace(rollout);
            }
            let tone = if failed.is_some() { Tone::Failed } else { commit::outcome_tone(reply.outcome) };
            let text =
                format!("{word}: {} {}{what}, audit #{}", view.approval.id, view.approval.action, reply.audit.seq);
            commit::done(app, key);
            app.say(tone, text);
        }
        Err(error) => commit::failed(app, key, error),
    }
    commands
}
