//! From a committed dialog to the command that acts, and what becomes of it. The only place that
//! makes [`Command::Act`], [`Command::AddWindow`], [`Command::LiftWindow`], [`Command::AddOverride`],
//! [`Command::ChangeOverride`], [`Command::DecideApproval`], [`Command::PutFlag`] and [`Command::KillFlag`].

use chrono::{DateTime, Utc};

use super::{act, close};
use crate::{
    backend::{ActionReply, ActionRequest, BackendError, Code, Conditions, ReasonRequest, WindowReply, WindowRequest},
    domain::{Outcome, Rollout, SafeText},
    tui::{
        app::{
            App, Overlay, asking, attention,
            dialog::{Dialog, Focus, Pinned, PreviewState, STOP_WINDOW, Stage, Subject},
            flags::change::Verb,
            notice::{Lasting, Tone},
            when,
            zone::Zone,
        },
        history,
        message::Command,
    },
};

/// A press on the button that commits.
pub(super) fn press(app: &mut App) -> Vec<Command> {
    let Some(dialog) = app.dialog() else { return Vec::new() };
    match dialog.stage {
        Stage::Editing => {}
        // Asked again with the same key, and the same body: it cannot be done twice.
        Stage::Unconfirmed { .. } => return send(app),
        Stage::Counting { .. } | Stage::Sending { .. } => return Vec::new(),
    }
    if let Some(why) = app.commit_lock() {
        app.say(Tone::Attention, format!("not sent: {why}"));
        return Vec::new();
    }
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    if !dialog.widens() {
        return send(app);
    }
    if dialog.moved.is_some() {
        return look_again(app);
    }
    let at = app.now.elapsed + STOP_WINDOW;
    if let Some(dialog) = app.dialog_mut() {
        dialog.stage = Stage::Counting { at };
        dialog.refused = None;
    }
    Vec::new()
}

/// The wait is over: everything that could hold it is looked at again.
pub(super) fn send_after_wait(app: &mut App) -> Vec<Command> {
    let held = app.commit_lock().or_else(|| app.dialog().and_then(|dialog| dialog.moved.clone()));
    if let Some(why) = held {
        stop_counting(app);
        app.say(Tone::Attention, format!("not sent: {why}"));
        return Vec::new();
    }
    send(app)
}

/// Stops what waits to be sent; says whether there was anything.
pub(super) fn stop_counting(app: &mut App) -> bool {
    match app.dialog_mut() {
        Some(dialog) if matches!(dialog.stage, Stage::Counting { .. }) => {
            dialog.stage = Stage::Editing;
            dialog.focus = Focus::Keep;
            app.touch();
            true
        }
        _ => false,
    }
}

/// Esc, or the safe button: stops the wait, or closes.
pub(super) fn back(app: &mut App) -> Vec<Command> {
    if stop_counting(app) {
        app.say(Tone::Note, "stopped: nothing was sent");
        return Vec::new();
    }
    let sent = app.dialog().is_some_and(|dialog| !dialog.is_editing());
    close(app);
    if sent {
        app.say(
            Tone::Attention,
            "it was sent, and has no answer yet: it will be said here, and the audit trail has it",
        );
    }
    Vec::new()
}

fn send(app: &mut App) -> Vec<Command> {
    let since = app.now.elapsed;
    let (now, zone) = (app.server_now(), app.zone());
    let link = if app.link.is_live(app.now.elapsed) { "live" } else { "backend LOST" };
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let Ok(reason) = dialog.checked_reason() else { return Vec::new() };
    let reason = reason.as_str().to_owned();
    let Some(command) = command_of(dialog, &reason, link, now, zone) else { return Vec::new() };
    dialog.stage = Stage::Sending { since, again: 0 };
    dialog.refused = None;
    dialog.focus = Focus::Keep;
    history::push(&mut app.reasons, &reason);
    app.touch();
    vec![command, Command::Remember(reason)]
}

/// What does what the dialog says; none where one of its fields is not right.
fn command_of(dialog: &Dialog, reason: &str, link: &str, now: DateTime<Utc>, zone: Zone) -> Option<Command> {
    let key = dialog.key.clone();
    let ticket = dialog.checked_ticket();
    let override_id = dialog.overriding.as_ref().map(|id| id.as_str().to_owned());
    let because = |saw: String| ReasonRequest { reason: reason.to_owned(), ticket: ticket.clone(), saw: Some(saw) };
    Some(match &dialog.subject {
        Subject::Action { action, pinned } => Command::Act {
            id: pinned.id.clone(),
            request: ActionRequest {
                action: *action,
                reason: reason.to_owned(),
                ticket,
                to: dialog.rollback_to(),
                override_id,
                saw: Some(pinned.saw.clone()),
                dry_run: false,
                ask: false,
            },
            // What stops a change must not lose a race: it names no revision.
            conditions: Conditions {
                revision: action.widens().then(|| pinned.revision.clone()),
                idempotency_key: Some(key),
            },
        },
        Subject::AddWindow => {
            let request = when::window_request(dialog, now, zone).ok()?;
            let until = request.until.map_or_else(|| "until lifted".to_owned(), |until| format!("until {until}"));
            let saw = Some(format!("the dialog of a new window: {} {until}, {link}", request.scope));
            Command::AddWindow { key, request: Box::new(WindowRequest { saw, ..request }) }
        }
        Subject::LiftWindow(window) => Command::LiftWindow {
            key,
            id: window.id.as_str().to_owned(),
            request: because(format!(
                "the window {} at revision {}: {}, {}, {link}",
                window.id, window.revision, window.scope, window.reason
            )),
        },
        Subject::Flag(change) if change.verb == Verb::Kill => {
            Command::KillFlag { key, flag: change.pinned.flag.key.clone(), request: because(change.saw.clone()) }
        }
        Subject::Flag(change) => {
            let mut request = change.request(dialog.percent(), reason.to_owned(), ticket, false)?;
            request.override_id = override_id;
            Command::PutFlag {
                flag: change.pinned.flag.key.clone(),
                request: Box::new(request),
                conditions: Conditions { revision: Some(change.revision()), idempotency_key: Some(key) },
            }
        }
        Subject::Override(_) => {
            Command::AddOverride { key, request: Box::new(asking::request(dialog, now, zone).ok()?) }
        }
        Subject::ChangeOverride { change, view } => Command::ChangeOverride {
            key,
            id: view.record.id.as_str().to_owned(),
            change: *change,
            request: because(format!(
                "override {} at revision {}: {} uses left, by {}, {link}",
                view.record.id, view.record.revision, view.uses_left, view.record.requested_by
            )),
        },
        Subject::Decide { change, view } => Command::DecideApproval {
            key,
            id: view.approval.id.as_str().to_owned(),
            change: *change,
            request: because(format!(
                "approval {}: {} of {} asked for by {}, {}, {link}",
                view.approval.id,
                view.approval.action,
                view.approval.subject.name,
                view.approval.requested_by.id,
                view.approval.preview.summary
            )),
        },
    })
}

/// Asks again what the action would do, on the rollout as it is now.
pub(super) fn look_again(app: &mut App) -> Vec<Command> {
    if matches!(app.dialog().map(|dialog| &dialog.subject), Some(Subject::Flag(_))) {
        return super::flags::look_again(app);
    }
    let Some(id) = app.dialog().filter(|dialog| dialog.is_editing()).and_then(Dialog::rollout).cloned() else {
        return Vec::new();
    };
    let pinned = app.rollout(&id).map(|rollout| Pinned::of(&newest(app, &rollout), act::saw(app, &rollout)));
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    match (pinned, &mut dialog.subject) {
        (Some(new), Subject::Action { pinned, .. }) => **pinned = new,
        (Some(new), Subject::Override(asking)) => asking.pinned = new,
        _ => {}
    }
    dialog.moved = None;
    dialog.refused = None;
    if matches!(dialog.subject, Subject::Override(_)) {
        app.touch();
        return Vec::new();
    }
    dialog.preview = PreviewState::Asking;
    act::preview(app)
}

/// Chooses another revision to go back to, and asks what that would do.
pub(super) fn step_to(app: &mut App, older: bool) -> Vec<Command> {
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let before = dialog.to;
    dialog.step_to(older);
    if dialog.to == before {
        return Vec::new();
    }
    dialog.preview = PreviewState::Asking;
    dialog.refused = None;
    app.touch();
    act::preview(app)
}

/// Of the list's and the watched one's state of a rollout, the one that changed last.
fn newest(app: &App, rollout: &Rollout) -> Rollout {
    match app.rollouts.get(&rollout.id()) {
        Some(row) if row.rollout.updated_at > rollout.updated_at => row.rollout.as_ref().clone(),
        _ => rollout.clone(),
    }
}

/// The world moved: an open dialog says what changed, and what widens is locked until looked at again.
pub(super) fn world_moved(app: &mut App, now: &Rollout) -> Vec<Command> {
    let saw = act::saw(app, now);
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let widens = dialog.widens();
    let pinned = match &mut dialog.subject {
        Subject::Action { pinned, .. } => pinned.as_mut(),
        // An override is for a candidate; what else changes of the rollout does not matter to it.
        Subject::Override(asking) if now.candidate.version.as_ref() == Some(&asking.pinned.candidate) => {
            return Vec::new();
        }
        Subject::Override(asking) => &mut asking.pinned,
        _ => return Vec::new(),
    };
    if pinned.id != now.id() || dialog.stage.is_sent() {
        return Vec::new();
    }
    let Some(differs) = pinned.differs(now) else { return Vec::new() };
    dialog.moved = Some(differs);
    if widens {
        if stop_counting(app) {
            app.say(Tone::Attention, "not sent: the rollout changed meanwhile");
        }
        return Vec::new();
    }
    // What stops a change stays open to be sent; its preview is brought up to date behind it.
    let known = std::mem::take(&mut pinned.revisions);
    *pinned = Pinned::of(now, saw);
    if pinned.revisions.is_empty() {
        // A summary has none.
        pinned.revisions = known;
    }
    act::preview(app)
}

/// A preview came.
pub(super) fn previewed(app: &mut App, key: &str, result: Result<ActionReply, BackendError>) {
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.preview_key() == key) else { return };
    match result {
        Ok(reply) => {
            if let (Some(rollout), Subject::Action { pinned, .. }) = (&reply.rollout, &mut dialog.subject) {
                // The preview is true for the revision that it came with.
                if dialog.moved.is_none() {
                    pinned.revision = rollout.revision.clone();
                    pinned.phase = rollout.phase;
                }
            }
            dialog.preview = PreviewState::Ready(Box::new(reply));
        }
        Err(error) => dialog.preview = PreviewState::Failed(error),
    }
    app.touch();
}

/// It was asked again, because the answer was lost.
pub(super) fn asked_again(app: &mut App, key: &str, times: u32) {
    if let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.key == key) {
        if let Stage::Sending { again, .. } = &mut dialog.stage {
            *again = times;
        }
        app.touch();
    }
}

/// An action's answer came, or none.
pub(super) fn acted(app: &mut App, key: &str, result: Result<ActionReply, BackendError>) -> Vec<Command> {
    match result {
        Ok(reply) => {
            if let Some(rollout) = &reply.rollout {
                app.rollouts.replace(rollout);
                if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id == rollout.id()) {
                    detail.take(rollout.clone());
                }
            }
            let now = reply
                .rollout
                .as_ref()
                .map_or(String::new(), |rollout| format!(", now {}", attention::Class::of(rollout).word()));
            let entry = reply.audit.as_ref().map_or(String::new(), |entry| format!(", audit #{}", entry.seq));
            let what = became(&reply);
            let tone = outcome_tone(reply.outcome);
            if let Some(view) = &reply.approval {
                // Nothing was done: a second person has to agree first.
                let text = super::consent::waits(app, view);
                app.approvals.replace((**view).clone());
                done(app, key);
                app.say(Tone::Attention, text);
                return vec![Command::Approvals];
            }
            let id = reply.rollout.as_ref().map(Rollout::id).or_else(|| app.dialog()?.rollout().cloned());
            done(app, key);
            let text = format!("{}: {what}{now}{entry}", outcome_word(reply.outcome));
            match id.filter(|_| reply.outcome == Outcome::Unconfirmed) {
                Some(id) => {
                    let waited = reply.rollout.as_ref().is_some_and(|rollout| rollout.pending.is_some());
                    app.lasting = Some(Lasting { text: SafeText::new(format!("{text}  {id}")), id, waited });
                    app.touch();
                }
                None => app.say(tone, text),
            }
            let timeline = app.detail.as_ref().map(|detail| Command::Timeline(detail.id.clone()));
            timeline.into_iter().collect()
        }
        Err(error) => {
            failed(app, key, error);
            Vec::new()
        }
    }
}

/// What an answer says became of the action: what was seen of it, else what it was to do.
fn became(reply: &ActionReply) -> String {
    let seen = reply.audit.as_ref().and_then(|entry| entry.effect.as_ref()).filter(|effect| !effect.is_empty());
    let summary = Some(&reply.effect.summary).filter(|summary| !summary.is_empty());
    let action = reply.audit.as_ref().map(|entry| &entry.action);
    seen.or(summary).or(action).map_or_else(String::new, |text| text.as_str().to_owned())
}

/// What lasts is put away when the rollout does not wait for it any more: its timeline says what became of it.
pub(super) fn resolved(app: &mut App) {
    let Some(lasting) = &mut app.lasting else { return };
    let Some(row) = app.rollouts.get(&lasting.id) else { return };
    if row.rollout.pending.is_some() {
        lasting.waited = true;
    } else if lasting.waited {
        let text = format!("{}: what was sent is not waited for any more, its timeline says why", lasting.id);
        app.lasting = None;
        app.say(Tone::Note, text);
    }
}

/// A window's change was answered.
pub(super) fn window_changed(app: &mut App, key: &str, result: Result<WindowReply, BackendError>) -> Vec<Command> {
    match result {
        Ok(reply) => {
            app.windows.replace(reply.window.clone());
            done(app, key);
            app.say(
                outcome_tone(reply.outcome),
                format!(
                    "{}: freeze {} over {}, audit #{}",
                    outcome_word(reply.outcome),
                    reply.window.window.id,
                    reply.window.window.scope,
                    reply.audit.seq
                ),
            );
            vec![Command::Windows]
        }
        Err(error) => {
            failed(app, key, error);
            Vec::new()
        }
    }
}

/// The dialog has done its work: its draft goes with it.
pub(super) fn done(app: &mut App, key: &str) {
    if let Some(draft) = app.dialog().filter(|dialog| dialog.key == key).map(Dialog::draft_key) {
        app.overlay = Overlay::None;
        app.drafts.remove(&draft);
    }
}

pub(super) fn failed(app: &mut App, key: &str, error: BackendError) {
    let moved = match &error {
        BackendError::Problem(problem) if problem.code == Code::RevisionMismatch => {
            Some(problem.changed.clone().unwrap_or_else(|| problem.detail.clone()).as_str().to_owned())
        }
        _ => None,
    };
    // A request that is still worked on, or a store that went away under it, may yet have been done.
    let unsure = match &error {
        BackendError::Problem(problem) => matches!(problem.code, Code::InProgress | Code::Unavailable),
        _ => true,
    };
    let text = error.to_string();
    // Only what was sent can be asked again, past all that holds it: no answer makes it so of a dialog that was not.
    match app.dialog_mut().filter(|dialog| dialog.key == key && dialog.stage.is_sent()) {
        Some(dialog) if unsure => {
            dialog.stage = Stage::Unconfirmed { why: SafeText::new(&text) };
            dialog.focus = Focus::Keep;
        }
        Some(dialog) => {
            // Refused: nothing was done, nothing typed is lost.
            dialog.stage = Stage::Editing;
            dialog.focus = Focus::Keep;
            dialog.moved = moved.or(dialog.moved.take());
            dialog.refused = Some(error);
        }
        None if unsure => app.say(Tone::Failed, format!("UNCONFIRMED: {text}; see the audit trail")),
        None => app.say(Tone::Attention, format!("refused: {text}")),
    }
    app.touch();
}

pub(super) const fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Applied => Tone::Done,
        Outcome::NoOp | Outcome::Intended => Tone::Note,
        Outcome::Refused | Outcome::Unconfirmed => Tone::Attention,
        Outcome::Failed => Tone::Failed,
    }
}

/// The word of an outcome.
#[must_use]
pub(in crate::tui) const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Intended => "intended",
        Outcome::Applied => "applied",
        Outcome::NoOp => "nothing to change",
        Outcome::Refused => "REFUSED",
        Outcome::Failed => "FAILED",
        Outcome::Unconfirmed => "UNCONFIRMED",
    }
}

/// Walks through reasons that were used before; what was typed comes back after the newest of them.
pub(super) fn step_reason(app: &mut App, older: bool) {
    let Overlay::Dialog(dialog) = &mut app.overlay else { return };
    if !dialog.is_editing() {
        return;
    }
    if dialog.focus == Focus::Reason {
        dialog.step_reason(older, &app.reasons);
    } else {
        // In another field the arrows move between fields.
        dialog.move_focus(!older);
    }
}
