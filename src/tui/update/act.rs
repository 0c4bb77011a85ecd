//! From an intent to an open dialog. Nothing here sends an action.

use crate::{
    backend::ActionRequest,
    domain::{Action, ActionSpec, Phase, Role, Rollout, RolloutId, WindowState, action::ACTIONS},
    tui::{
        app::{
            App, Overlay, View, age, attention,
            dialog::{Dialog, Pinned, Subject},
            figure,
            flags::change::Verb,
            notice::Tone,
            offer::Why,
            workload,
        },
        intent::Intent,
        message::{Command, Input},
    },
};

/// One line of the action menu.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// An action on a rollout.
    Action(&'static ActionSpec),
    /// A new freeze.
    AddWindow,
    /// The lifting of the selected freeze.
    LiftWindow,
    /// A change of the selected flag.
    Flag(Verb),
    /// What is done about what waits for a second person, or about an override: by its intent.
    Consent(Intent),
}

/// The lines of the action menu, in every view: what cannot be done says why.
pub fn items(app: &App) -> Vec<Item> {
    match app.view {
        View::Flags => return Verb::ALL.into_iter().map(Item::Flag).chain([Item::AddWindow]).collect(),
        View::Approvals => return [Intent::Approve, Intent::Reject, Intent::Withdraw].map(Item::Consent).to_vec(),
        View::Overrides => return [Intent::Countersign, Intent::Withdraw].map(Item::Consent).to_vec(),
        _ => {}
    }
    let actions = ACTIONS.iter().filter(|spec| app.names(spec.action)).map(Item::Action);
    actions.chain([Item::AddWindow, Item::LiftWindow]).collect()
}

impl Item {
    /// The intent that chooses it.
    #[must_use]
    pub const fn intent(self) -> Intent {
        match self {
            Self::Action(spec) => match spec.action {
                Action::Pause => Intent::Pause,
                Action::Resume => Intent::Resume,
                Action::Promote => Intent::Promote,
                Action::PromoteFull => Intent::PromoteFull,
                Action::Rollback => Intent::Rollback,
                Action::Retry => Intent::Retry,
                Action::Restart => Intent::Restart,
                Action::Terminate => Intent::Terminate,
            },
            Self::AddWindow => Intent::AddWindow,
            Self::LiftWindow => Intent::LiftWindow,
            Self::Flag(verb) => verb.intent(),
            Self::Consent(intent) => intent,
        }
    }

    /// Its words and one sentence of what it does: to units of a fleet, or to a workload of a cluster.
    #[must_use]
    pub fn words(self, app: &App) -> (&'static str, &'static str) {
        match self {
            Self::Action(spec) => {
                let row = app.subject().and_then(|id| app.rollouts.get(&id));
                let of_workload = row.is_some_and(|row| row.rollout.workload.is_some());
                (spec.label, if of_workload { summary(spec) } else { spec.summary })
            }
            Self::AddWindow => ("Freeze", "add a window that holds what widens a change"),
            Self::LiftWindow => ("Lift freeze", "end the selected window now"),
            Self::Flag(verb) => (verb.label(), verb.summary()),
            Self::Consent(Intent::Approve) => {
                ("Approve", "agree: it is done at once, on the revision that it was asked for")
            }
            Self::Consent(Intent::Reject) => ("Reject", "refuse it: it is not done"),
            Self::Consent(Intent::Countersign) => ("Countersign", "stand by what was taken without waiting"),
            Self::Consent(_) => ("Take back", "it does not count any more"),
        }
    }

    /// Whether it can be done now.
    pub fn offer(self, app: &App) -> Result<(), Why> {
        match self {
            Self::Action(spec) => match app.subject().and_then(|id| app.rollouts.get(&id)) {
                Some(row) => app.offer(spec.action, row),
                None => Err(Why::Never("no rollout is selected".to_owned())),
            },
            Self::AddWindow => app.permits(Role::Commander, "").map_err(Why::Never),
            Self::Consent(intent) => super::consent::offer(app, intent),
            Self::LiftWindow => {
                app.permits(Role::Commander, "").map_err(Why::Never)?;
                let held = app.view == View::Windows
                    && app
                        .windows
                        .selected()
                        .is_some_and(|v| matches!(v.state, WindowState::Active | WindowState::Upcoming));
                if !held {
                    return Err(Why::Never("select a freeze that holds or is to come in the windows view".to_owned()));
                }
                app.widening_held(None).map_or(Ok(()), |why| Err(Why::Held(why)))
            }
            Self::Flag(verb) => app.offer_flag(verb, app.flags.selected()),
        }
    }
}

/// What an action does to a workload. Its controller goes through steps, and full promotion of one waits
/// for neither pauses nor analysis.
const fn summary(spec: &ActionSpec) -> &'static str {
    match spec.action {
        Action::Pause => "hold it where it is, until a person resumes it",
        Action::Rollback => "give the candidate up; of a finished one, go back to a revision",
        Action::Promote => "go on to the next step; its dialog says what is left out",
        Action::Resume => "end a person's pause, and nothing else",
        Action::Retry => "begin again with the candidate that was given up",
        Action::PromoteFull => "go to the end at once: neither pauses nor analysis hold it",
        Action::Restart | Action::Terminate => spec.summary,
    }
}

/// The action that an intent is about.
pub(super) fn action_of(intent: Intent) -> Option<Action> {
    Some(match intent {
        Intent::Pause => Action::Pause,
        Intent::Resume => Action::Resume,
        Intent::Promote => Action::Promote,
        Intent::PromoteFull => Action::PromoteFull,
        Intent::Rollback => Action::Rollback,
        Intent::Retry => Action::Retry,
        Intent::Restart => Action::Restart,
        Intent::Terminate => Action::Terminate,
        _ => return None,
    })
}

/// A key in the action menu.
pub(super) fn menu(app: &mut App, input: &Input) -> Vec<Command> {
    let Input::Intent(intent) = input else { return Vec::new() };
    let items = items(app);
    let Overlay::Menu { cursor } = &mut app.overlay else { return Vec::new() };
    let last = items.len() - 1;
    *cursor = (*cursor).min(last);
    match intent {
        Intent::Up => *cursor = cursor.checked_sub(1).unwrap_or(last),
        Intent::Down => *cursor = if *cursor == last { 0 } else { *cursor + 1 },
        Intent::Top => *cursor = 0,
        Intent::Bottom => *cursor = last,
        Intent::Back | Intent::ActionMenu | Intent::Quit => super::close(app),
        Intent::Open => {
            let item = items[*cursor];
            return choose(app, item);
        }
        other => {
            if let Some(item) = items.into_iter().find(|item| item.intent() == *other) {
                return choose(app, item);
            }
        }
    }
    Vec::new()
}

fn choose(app: &mut App, item: Item) -> Vec<Command> {
    match item {
        Item::Action(spec) => open(app, spec.action, app.subject()),
        Item::AddWindow => add_window(app, None),
        Item::LiftWindow => lift_window(app, None),
        Item::Flag(verb) => super::flags::open(app, verb, None),
        Item::Consent(intent) => super::consent::open(app, intent),
    }
}

/// Opens the dialog of an action on a rollout, and asks for its preview.
pub(super) fn open(app: &mut App, action: Action, id: Option<RolloutId>) -> Vec<Command> {
    let Some(id) = id else {
        app.say(Tone::Attention, "no rollout is selected");
        return Vec::new();
    };
    let Some(row) = app.rollouts.get(&id) else {
        app.say(Tone::Attention, format!("{id} is not in the list"));
        return Vec::new();
    };
    if let Err(Why::Never(why)) = app.offer(action, row) {
        app.say(Tone::Attention, format!("{} {id}: {why}", action.spec().label));
        return Vec::new();
    }
    let rollout = app.rollout(&id).unwrap_or_else(|| row.rollout.clone());
    let pinned = Pinned::of(&rollout, saw(app, &rollout));
    let key = app.new_id();
    show(app, Subject::Action { action, pinned: Box::new(pinned) }, key);
    preview(app)
}

/// Opens the dialog of a new freeze.
pub(super) fn add_window(app: &mut App, scope: Option<&str>) -> Vec<Command> {
    if let Err(why) = app.permits(Role::Commander, "") {
        app.say(Tone::Attention, format!("Freeze: {why}"));
        return Vec::new();
    }
    let target = app.subject().map(|id| id.target.to_string());
    let key = app.new_id();
    show(app, Subject::AddWindow, key);
    if let (Some(dialog), Some(scope)) = (app.dialog_mut(), scope.map(str::to_owned).or(target))
        && (dialog.scope.text().is_empty() || scope != dialog.scope.text())
    {
        dialog.scope.set(&scope);
    }
    Vec::new()
}

/// Opens the dialog that lifts a freeze: the named one, or the selected one.
pub(super) fn lift_window(app: &mut App, id: Option<&str>) -> Vec<Command> {
    let view = match id {
        Some(id) => app.windows.get(id),
        None if app.view == View::Windows => app.windows.selected(),
        None => None,
    };
    let Some(view) = view else {
        app.say(Tone::Attention, "select a freeze in the windows view, or name its id");
        return Vec::new();
    };
    if !matches!(view.state, WindowState::Active | WindowState::Upcoming) {
        app.say(Tone::Attention, "this freeze is over");
        return Vec::new();
    }
    let window = Box::new(view.window.clone());
    if let Err(why) = app.permits(Role::Commander, "") {
        app.say(Tone::Attention, format!("Lift freeze: {why}"));
        return Vec::new();
    }
    let key = app.new_id();
    show(app, Subject::LiftWindow(window), key);
    Vec::new()
}

pub(super) fn show(app: &mut App, subject: Subject, key: String) {
    let opened_at = app.server_now();
    let mut dialog = Dialog::new(subject, key, None, opened_at);
    if let Some(draft) = app.drafts.get(&dialog.draft_key()).cloned() {
        dialog = Dialog::new(dialog.subject, dialog.key, Some(&draft), opened_at);
    }
    // The key that chose it may still be held down.
    dialog.press(app.now.elapsed);
    app.line = None;
    app.notice = None;
    app.overlay = Overlay::Dialog(Box::new(dialog));
    app.touch();
}

/// The question what the action of the open dialog would do.
pub(super) fn preview(app: &App) -> Vec<Command> {
    let Some(dialog) = app.dialog() else { return Vec::new() };
    let Subject::Action { action, pinned } = &dialog.subject else { return Vec::new() };
    let request = ActionRequest {
        action: *action,
        reason: String::new(),
        ticket: None,
        to: dialog.rollback_to(),
        override_id: dialog.overriding.as_ref().map(|id| id.as_str().to_owned()),
        saw: None,
        dry_run: true,
        ask: false,
    };
    vec![Command::Preview { key: dialog.preview_key(), id: pinned.id.clone(), request }]
}

/// The workload whose revisions the open dialog offers.
pub(super) fn wants_revisions(app: &App) -> Option<RolloutId> {
    let dialog = app.dialog()?;
    let Subject::Action { action: Action::Rollback, pinned } = &dialog.subject else { return None };
    let row = app.rollouts.get(&pinned.id)?;
    row.rollout.workload.as_ref().map(|_| pinned.id.clone())
}

/// Revisions became known: an open dialog that had none offers them.
pub(super) fn revisions_came(app: &mut App, now: &Rollout) {
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.is_editing()) else { return };
    if let Subject::Action { pinned, .. } = &mut dialog.subject
        && pinned.id == now.id()
        && pinned.revisions.is_empty()
    {
        pinned.revisions = Pinned::of(now, String::new()).revisions;
    }
}

/// What is on the screen of a rollout, in a sentence for the audit trail.
pub(super) fn saw(app: &App, rollout: &Rollout) -> String {
    let stage = rollout.current_stage.as_ref().map_or(String::new(), |stage| format!(" at {stage}"));
    let data = app
        .heard(rollout)
        .map_or_else(|| "no data".to_owned(), |at| format!("data {} old", age::age(app.server_now() - at)));
    let link = match app.link.is_live(app.now.elapsed) {
        true if app.is_cut_off(rollout) => "cluster LOST",
        true => "live",
        false => "backend LOST",
    };
    let blockers = match rollout.blockers.first() {
        Some(first) if rollout.phase != Phase::Completed => {
            format!(", {}, first: {}", figure::counted(rollout.blockers.len(), "blocker"), first.summary)
        }
        _ => String::new(),
    };
    let sent = rollout.pending.as_ref().map_or_else(String::new, |pending| {
        let word = if pending.unconfirmed { "unconfirmed" } else { "sent" };
        format!(", {word}: {} by {}", pending.action, pending.by)
    });
    let text = format!(
        "{}{stage}, {}, verdict {}, revision {}, {data}, {link}{sent}{blockers}",
        rollout.phase,
        workload::reach(rollout),
        attention::verdict_word(rollout.verdict.label).to_lowercase(),
        rollout.revision,
    );
    text.chars().take(crate::domain::text::TEXT_MAX).collect()
}
