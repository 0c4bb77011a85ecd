//! Flags: when they are asked for, the dialogs that change them, and what becomes of a change.

use super::{act, command, commit};
use crate::{
    backend::{AuditPage, BackendError, FlagReply, FlagView, FlagsPage},
    domain::{FlagKey, Outcome, SafeText},
    tui::{
        app::{
            App, View,
            dialog::{Dialog, Focus, PreviewState, Subject},
            flags::{
                History,
                change::{self, FlagChange, STEPS, Verb},
            },
            notice::Tone,
            offer::Why,
        },
        intent::Intent,
        message::Command,
    },
};

/// The change that an intent is about.
pub(super) fn verb_of(intent: Intent) -> Option<Verb> {
    Verb::ALL.into_iter().find(|verb| verb.intent() == intent)
}

/// Asks for flags, and for the history of the selected one.
pub(super) fn ask(app: &mut App) -> Vec<Command> {
    let now = app.now.elapsed;
    app.flags.asks(now);
    let mut commands = vec![Command::Flags];
    commands.extend(app.flags.selected().map(|view| Command::FlagHistory(view.flag.key.clone())));
    commands
}

/// What time and the selection alone ask for: flags every few seconds while they are looked at, and the
/// history of a flag that came to be selected.
pub(super) fn due(app: &mut App) -> Vec<Command> {
    if app.view != View::Flags {
        return Vec::new();
    }
    let now = app.now.elapsed;
    let mut commands = Vec::new();
    if app.flags.due().is_some_and(|at| at <= now) {
        app.flags.asks(now);
        commands.push(Command::Flags);
    }
    if let Some(key) = app.flags.wants_history() {
        app.flags.history = Some(History { key: key.clone(), entries: None, error: None });
        app.touch();
        commands.push(Command::FlagHistory(key));
    }
    commands
}

/// Flags came, or did not.
pub(super) fn came(app: &mut App, result: Result<FlagsPage, BackendError>) -> Vec<Command> {
    let before = app.flags.selected().map(|view| (view.flag.key.clone(), view.flag.revision));
    if app.flags.take(result) {
        app.touch();
    }
    let mut commands = world_moved(app);
    let now = app.flags.selected().map(|view| (view.flag.key.clone(), view.flag.revision));
    if let (Some((was, old)), Some((key, new))) = (before, now)
        && was == key
        && old != new
    {
        commands.push(Command::FlagHistory(key));
    }
    commands
}

/// The history of a flag came, or did not.
pub(super) fn history_came(app: &mut App, key: &FlagKey, result: Result<AuditPage, BackendError>) {
    let Some(history) = app.flags.history.as_mut().filter(|history| history.key == *key) else { return };
    match result {
        Ok(page) => {
            history.entries = Some(page.entries.into_iter().rev().collect());
            history.error = None;
        }
        Err(error) => history.error = Some(error),
    }
    app.touch();
}

/// Turns the matrix.
pub(super) fn pivot(app: &mut App) {
    app.flags.pivot();
    let said = if app.flags.by_stage { "columns are stages" } else { "columns are lanes of sites" };
    app.say(Tone::Note, said);
}

/// Shows what somebody should look at, or all.
pub(super) fn toggle_changed(app: &mut App) {
    app.flags.toggle_changed();
    let said = if app.flags.changed_only {
        "only flags that drift, are killed, silent, due, or are being widened"
    } else {
        "all flags"
    };
    app.say(Tone::Note, said);
}

/// `kill KEY`, `widen KEY 25`.
pub(super) fn run(app: &mut App, rest: &str) -> Vec<Command> {
    let mut words = rest.split_whitespace();
    let (verb, key, share) = (words.next(), words.next(), words.next());
    let Some(verb) = verb else { return command::show(app, View::Flags) };
    let Some(verb) = Verb::ALL.into_iter().find(|known| known.as_str() == verb) else {
        app.say(Tone::Attention, "flag kill, disable, enable, widen or revive, and a flag's key");
        return Vec::new();
    };
    let mut commands = open(app, verb, key);
    if let (Some(share), Some(dialog)) = (share, app.dialog_mut())
        && matches!(&dialog.subject, Subject::Flag(change) if change.verb == Verb::Widen)
    {
        dialog.share.set(share);
        commands = preview(app);
    }
    commands
}

fn pin(app: &App, verb: Verb, view: &FlagView) -> FlagChange {
    let as_of = app.flags.page.as_ref().map(|page| page.as_of);
    let saw = change::saw(view, as_of, app.link.is_live(app.now.elapsed));
    FlagChange { verb, pinned: view.clone(), saw }
}

/// Opens the dialog of a change of the named flag, or of the selected one, and asks for its preview.
pub(super) fn open(app: &mut App, verb: Verb, key: Option<&str>) -> Vec<Command> {
    let view = match key {
        Some(key) => app.flags.get(key),
        None if app.view == View::Flags => app.flags.selected(),
        None => None,
    };
    let Some(view) = view else {
        let unknown = key.filter(|_| app.flags.page.is_some());
        match unknown {
            Some(key) => app.say(Tone::Attention, format!("there is no flag '{key}'")),
            None => app.say(Tone::Attention, "select a flag in the flags view, or name its key there"),
        }
        return Vec::new();
    };
    if let Err(Why::Never(why)) = app.offer_flag(verb, Some(view)) {
        let text = format!("{} {}: {why}", verb.label(), view.flag.key);
        app.say(Tone::Attention, text);
        return Vec::new();
    }
    let change = pin(app, verb, view);
    let step = next_step(change::present_share(&view.flag.definition));
    let id = app.new_id();
    act::show(app, Subject::Flag(Box::new(change)), id);
    if verb == Verb::Widen
        && let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.share.text().is_empty())
    {
        dialog.share.set(&step.to_string());
    }
    preview(app)
}

/// The first step that is more than a share.
fn next_step(present: f64) -> u8 {
    STEPS.into_iter().find(|step| f64::from(*step) > present).unwrap_or(100)
}

/// The question what the open dialog would do.
fn preview(app: &mut App) -> Vec<Command> {
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let percent = dialog.percent();
    let Subject::Flag(change) = &dialog.subject else { return Vec::new() };
    let Some(mut request) = change.request(percent, String::new(), None, true) else { return Vec::new() };
    request.override_id = dialog.overriding.as_ref().map(|id| id.as_str().to_owned());
    let flag = change.pinned.flag.key.clone();
    let key = dialog.preview_key();
    dialog.preview = PreviewState::Asking;
    vec![Command::PreviewFlag { key, flag, request: Box::new(request) }]
}

/// What is typed into the field of the share asks for another preview.
pub(in crate::tui) fn share_typed(app: &mut App) -> Vec<Command> {
    let typed = app.dialog().is_some_and(|dialog| dialog.focus == Focus::Share);
    if !typed {
        return Vec::new();
    }
    if let Some(dialog) = app.dialog_mut() {
        dialog.preview = PreviewState::Asking;
        dialog.refused = None;
    }
    preview(app)
}

/// Takes the next of the usual shares.
pub(super) fn step_share(app: &mut App, more: bool) -> Vec<Command> {
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let now = dialog.percent().unwrap_or(0.0);
    let next = if more {
        STEPS.into_iter().find(|step| f64::from(*step) > now)
    } else {
        STEPS.into_iter().rev().find(|step| f64::from(*step) < now)
    };
    let Some(next) = next else { return Vec::new() };
    dialog.share.set(&next.to_string());
    dialog.refused = None;
    preview(app)
}

/// A preview came.
pub(super) fn previewed(app: &mut App, key: &str, result: Result<FlagReply, BackendError>) -> Vec<Command> {
    if let Ok(reply) = &result
        && let Some(id) = fitting(app, key, reply)
        && let Some(dialog) = app.dialog_mut()
    {
        // What it does with the override that is there, the backend says.
        dialog.overriding = Some(id);
        return preview(app);
    }
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.preview_key() == key) else { return Vec::new() };
    if !matches!(dialog.subject, Subject::Flag(_)) {
        return Vec::new();
    }
    dialog.preview = match result {
        Ok(reply) => PreviewState::Flag(Box::new(reply)),
        Err(error) => PreviewState::Failed(error),
    };
    app.touch();
    Vec::new()
}

/// An override that can be used now, where windows hold what the open dialog would do and none is used yet.
fn fitting(app: &App, key: &str, reply: &FlagReply) -> Option<SafeText> {
    let dialog = app.dialog().filter(|dialog| dialog.preview_key() == key && dialog.overriding.is_none())?;
    let Subject::Flag(change) = &dialog.subject else { return None };
    if reply.blocking_windows.is_empty() {
        return None;
    }
    let flag = &change.pinned.flag.key;
    let fits = app.overrides.fitting_flag(&reply.blocking_windows, change.operation(), flag, app.server_now());
    fits.map(|view| view.record.id.clone())
}

/// The open dialog's flag, as it is now, where that is another revision.
fn moved(app: &App) -> Option<FlagView> {
    let dialog = app.dialog()?;
    let Subject::Flag(change) = &dialog.subject else { return None };
    let now = app.flags.get(change.pinned.flag.key.as_str())?;
    (now.flag.revision > change.pinned.flag.revision).then(|| now.clone())
}

/// The flag of the open dialog changed: what widens is locked until looked at again, what takes back is
/// made for the flag as it is now.
fn world_moved(app: &mut App) -> Vec<Command> {
    let Some(now) = moved(app) else { return Vec::new() };
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    let widens = dialog.widens();
    if dialog.stage.is_sent() {
        return Vec::new();
    }
    let Subject::Flag(change) = &dialog.subject else { return Vec::new() };
    let verb = change.verb;
    let flag = &now.flag;
    dialog.moved = Some(format!(
        "revision {} -> {} by {}: {}",
        change.pinned.flag.revision, flag.revision, flag.changed_by, flag.reason
    ));
    if widens {
        if commit::stop_counting(app) {
            app.say(Tone::Attention, "not sent: the flag changed meanwhile");
        }
        app.touch();
        return Vec::new();
    }
    let pinned = pin(app, verb, &now);
    if let Some(Dialog { subject: Subject::Flag(change), .. }) = app.dialog_mut() {
        **change = pinned;
    }
    app.touch();
    preview(app)
}

/// Looks at the flag as it is now, and asks again what would be done to it.
pub(super) fn look_again(app: &mut App) -> Vec<Command> {
    let Some(Dialog { subject: Subject::Flag(change), .. }) = app.dialog().filter(|dialog| dialog.is_editing()) else {
        return Vec::new();
    };
    let pinned = app.flags.get(change.pinned.flag.key.as_str()).map(|view| pin(app, change.verb, view));
    let Some(dialog) = app.dialog_mut() else { return Vec::new() };
    if let (Some(new), Subject::Flag(change)) = (pinned, &mut dialog.subject) {
        **change = new;
    }
    dialog.moved = None;
    dialog.refused = None;
    let mut commands = preview(app);
    let now = app.now.elapsed;
    app.flags.asks(now);
    commands.push(Command::Flags);
    commands
}

/// A flag's change was answered.
pub(super) fn changed(app: &mut App, key: &str, result: Result<FlagReply, BackendError>) -> Vec<Command> {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            commit::failed(app, key, error);
            // Another revision than the one that was looked at: see it.
            return if app.view == View::Flags { ask(app) } else { Vec::new() };
        }
    };
    let flag = reply.flag.flag.key.clone();
    commit::done(app, key);
    if let Some(approval) = &reply.approval {
        let until = app.day_clock(approval.approval.expires_at);
        let text = format!(
            "NOT DONE YET: {flag} waits for a second person until {until}, approval {}: {}",
            approval.approval.id, reply.effect
        );
        app.say(Tone::Attention, text);
        return ask(app);
    }
    let entry = reply.audit.as_ref().map_or(String::new(), |entry| format!(", audit #{}", entry.seq));
    let outcome = reply.outcome;
    let text = format!("{}: {flag}: {}{entry}", commit::outcome_word(outcome), reply.effect);
    if outcome != Outcome::Intended {
        app.flags.replace(reply.flag);
    }
    app.say(commit::outcome_tone(outcome), text);
    let mut commands = ask(app);
    if !commands.iter().any(|command| matches!(command, Command::FlagHistory(key) if *key == flag)) {
        commands.push(Command::FlagHistory(flag));
    }
    commands
}
