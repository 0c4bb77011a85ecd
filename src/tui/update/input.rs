//! Keys, edits and pastes, by what has the focus.

use tui_input::InputRequest;

use super::super::view::help::HelpDoes;
use super::{
    act, calendar, choice, close, command, commit, consent, copy, flags, motion, palette, pointer, record, recover,
    set, sort,
};
use crate::domain::SafeText;
use crate::tui::{
    app::{
        App, Overlay, View,
        dialog::{Focus, Stage},
        line::{Kind, Line},
        notice::Tone,
        text::Field,
        trail,
    },
    intent::Intent,
    message::{Command, Input},
};

/// Takes what came from the keyboard.
pub(super) fn input(app: &mut App, input: Input) -> Vec<Command> {
    app.last_input = app.now.elapsed;
    match &input {
        Input::Intent(Intent::Redraw) => return vec![Command::Redraw],
        Input::Intent(Intent::Suspend) => {
            app.disarm();
            commit::stop_counting(app);
            return vec![Command::Suspend];
        }
        Input::Intent(Intent::QuitNow) => {
            if commit::stop_counting(app) {
                app.say(Tone::Attention, "stopped: nothing was sent");
                return Vec::new();
            }
            return vec![Command::Quit];
        }
        _ => {}
    }
    if let Input::Pointer(at) = input {
        return pointer::pointer(app, at);
    }
    if app.line.is_some() {
        return line(app, input);
    }
    match &app.overlay {
        Overlay::Dialog(_) => dialog(app, input),
        Overlay::Menu { .. } => act::menu(app, &input),
        Overlay::Choice(_) => choice::keys(app, &input),
        Overlay::Help { .. } => help(app, input),
        Overlay::Raw { .. } => record::scroll(app, &input),
        Overlay::Clusters { .. } => record::scroll_clusters(app, &input),
        Overlay::Leave { .. } => leave(app, &input),
        Overlay::None => match input {
            Input::Intent(intent) => view(app, intent),
            Input::Paste(_) => {
                app.say(Tone::Note, "a paste was dropped: it works in text fields only");
                Vec::new()
            }
            Input::Edit(_) | Input::Unbound | Input::Pointer(_) => Vec::new(),
        },
    }
}

fn leave(app: &mut App, input: &Input) -> Vec<Command> {
    match input {
        Input::Intent(Intent::Quit | Intent::Open) => vec![Command::Quit],
        Input::Intent(_) => {
            close(app);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// A key on a view.
pub(super) fn view(app: &mut App, intent: Intent) -> Vec<Command> {
    if let Some(action) = act::action_of(intent) {
        return act::open(app, action, app.subject());
    }
    if let Some(verb) = flags::verb_of(intent) {
        return flags::open(app, verb, None);
    }
    if let Some(commands) = recover::key(app, intent) {
        return commands;
    }
    if calendar::has_keys(app) && calendar::motion(app, intent) {
        return Vec::new();
    }
    match intent {
        Intent::Help => app.overlay = Overlay::Help { search: Field::new(40), cursor: 0 },
        Intent::CommandLine => command::begin(app, ""),
        Intent::Filter => {
            let text = match (app.view, app.filter()) {
                (View::Audit, _) => app.trail.text.clone(),
                (_, Some(filter)) => filter.text().to_owned(),
                (_, None) => {
                    app.say(Tone::Note, "there is nothing to filter here");
                    return Vec::new();
                }
            };
            app.begin_filter();
            app.line = Some(Line::new(Kind::Filter, &text));
            palette::refresh(app);
        }
        Intent::ViewOverview => app.show(View::Overview),
        Intent::ViewDetail => match app.rollouts.selected().map(|row| row.id().clone()) {
            Some(id) if app.view == View::Overview => app.open_rollout(id),
            _ if app.detail.is_some() => app.show(View::Detail),
            Some(id) => app.open_rollout(id),
            None => app.say(Tone::Note, "no rollout is selected"),
        },
        Intent::ViewSites => return command::show(app, View::Sites),
        Intent::ViewAudit => return command::show(app, View::Audit),
        Intent::ViewWindows => return command::show(app, View::Windows),
        Intent::ViewFlags => return command::show(app, View::Flags),
        Intent::Pivot => flags::pivot(app),
        Intent::ChangedOnly => flags::toggle_changed(app),
        Intent::ViewOverrides => return command::show(app, View::Overrides),
        Intent::ViewApprovals => return command::show(app, View::Approvals),
        Intent::ViewRecover => return recover::open(app, ""),
        Intent::NextPane | Intent::PreviousPane if app.view == View::Windows => calendar::switch_pane(app),
        Intent::Approve | Intent::Reject | Intent::Withdraw | Intent::Countersign => return consent::open(app, intent),
        Intent::AskOverride => {
            app.say(Tone::Note, "open the action that a window holds: its dialog asks for an override");
        }
        Intent::LastView | Intent::ViewForward => {
            if app.step_view(intent == Intent::LastView) {
                return command::ask_for(app, app.view);
            }
        }
        Intent::NextView | Intent::PreviousView => {
            let next = motion::beside(app, intent == Intent::NextView);
            return view(app, next);
        }
        Intent::Back => back(app),
        Intent::Open | Intent::Press => return motion::open(app),
        Intent::Sort => return sort::open(app),
        Intent::ReverseSort => sort::reverse(app),
        Intent::Wide => command::set_wide(app, !app.wide),
        Intent::Zoom => {
            if let Some(detail) = app.detail.as_mut().filter(|_| app.view == View::Detail) {
                detail.toggle_zoom();
            }
        }
        Intent::ChartMode => {
            app.chart = app.chart.next();
            app.say(Tone::Note, format!("charts: {}", app.chart.says()));
        }
        Intent::HoldDisplay => return command::hold(app),
        Intent::Refresh => {
            app.say(Tone::Note, "asked again");
            let mut commands = vec![Command::Refresh];
            commands.extend(command::ask_for(app, app.view));
            if let Some(detail) = app.detail.as_ref().filter(|_| app.view == View::Detail) {
                commands.push(Command::Timeline(detail.id.clone()));
            }
            return commands;
        }
        Intent::Newest => return motion::newest(app),
        Intent::TimeZone => set::switch_zone(app),
        Intent::Raw => record::open(app),
        Intent::Copy => return copy::open(app),
        Intent::ActionMenu => app.overlay = Overlay::Menu { cursor: 0 },
        Intent::AddWindow => return act::add_window(app, None),
        Intent::LiftWindow => return act::lift_window(app, None),
        Intent::Arm => command::toggle_arm(app, None),
        Intent::VerifyAudit => return command::verify(app),
        Intent::Quit => return command::leave(app),
        _ => motion::motion(app, intent),
    }
    Vec::new()
}

/// One step back: a filter, a zoomed pane, then the view. It never leaves and never commits.
fn back(app: &mut App) {
    if app.clear_filter() {
        return;
    }
    match app.view {
        View::Overview => {
            if app.notice.is_some() {
                app.notice = None;
            } else {
                app.lasting = None;
            }
        }
        View::Detail if app.detail.as_ref().is_some_and(|detail| detail.zoom) => {
            if let Some(detail) = &mut app.detail {
                detail.zoom = false;
            }
        }
        _ => {
            if !app.step_view(true) {
                app.view = View::Overview;
            }
        }
    }
}

fn dialog(app: &mut App, input: Input) -> Vec<Command> {
    let elapsed = app.now.elapsed;
    let Overlay::Dialog(dialog) = &mut app.overlay else { return Vec::new() };
    let presses = matches!(input, Input::Intent(Intent::Open | Intent::Press));
    // A held key keeps its clock running even while its repeats are discarded.
    let quiet = !presses || dialog.press(elapsed);
    if !dialog.takes_input(elapsed) {
        return Vec::new();
    }
    match input {
        Input::Edit(request) => {
            if dialog.is_editing()
                && let Some(field) = dialog.field()
            {
                field.edit(request);
                return flags::share_typed(app);
            }
        }
        Input::Paste(text) => {
            let editing = dialog.is_editing();
            let dropped = dialog.field().filter(|_| editing).map(|field| field.insert(&text));
            let commands = flags::share_typed(app);
            match dropped {
                None => app.say(Tone::Note, "a paste was dropped: it never presses a button"),
                Some(0) => {}
                Some(n) => app.say(Tone::Note, format!("{n} characters of the paste were left out")),
            }
            return commands;
        }
        Input::Unbound | Input::Pointer(_) => {}
        Input::Intent(intent) => match intent {
            Intent::Back => return commit::back(app),
            Intent::Copy => return copy::open(app),
            Intent::Editor => return edit(app),
            Intent::Left | Intent::Right | Intent::Press if dialog.focus == Focus::To && dialog.is_editing() => {
                return commit::step_to(app, intent != Intent::Left);
            }
            Intent::Left | Intent::Right | Intent::Press
                if dialog.is_editing() && dialog.turn(intent != Intent::Left) => {}
            Intent::Open
                if dialog.is_editing() && matches!(dialog.focus, Focus::To | Focus::Kind | Focus::BreakGlass) =>
            {
                dialog.move_focus(true);
            }
            Intent::AskOverride if dialog.is_editing() => return consent::ask_override(app),
            Intent::Open if dialog.focus.is_text() && dialog.is_editing() => dialog.move_focus(true),
            Intent::Press if dialog.focus.is_text() && dialog.is_editing() => {
                if let Some(field) = dialog.field() {
                    field.edit(InputRequest::InsertChar(' '));
                }
            }
            Intent::Open | Intent::Press => {
                return match dialog.focus {
                    Focus::Keep => commit::back(app),
                    Focus::Commit if quiet => commit::press(app),
                    Focus::Override if quiet && dialog.is_editing() => consent::ask_override(app),
                    _ => Vec::new(),
                };
            }
            Intent::NextPane | Intent::Down if dialog.is_editing() => dialog.move_focus(true),
            Intent::PreviousPane | Intent::Up if dialog.is_editing() => dialog.move_focus(false),
            // Whoever goes to the button that stops it stops it: nothing is sent from anywhere but the other.
            Intent::Left | Intent::Right | Intent::NextPane | Intent::PreviousPane
                if matches!(dialog.stage, Stage::Counting { .. }) =>
            {
                return commit::back(app);
            }
            Intent::Left | Intent::Right | Intent::NextPane | Intent::PreviousPane if !dialog.focus.is_text() => {
                dialog.focus = if dialog.focus == Focus::Keep { Focus::Commit } else { Focus::Keep };
            }
            Intent::PageDown | Intent::HalfPageDown => dialog.scroll += 5,
            Intent::PageUp | Intent::HalfPageUp => dialog.scroll = dialog.scroll.saturating_sub(5),
            Intent::HistoryOlder | Intent::HistoryNewer if dialog.focus == Focus::Share && dialog.is_editing() => {
                return flags::step_share(app, intent == Intent::HistoryOlder);
            }
            Intent::HistoryOlder | Intent::HistoryNewer => commit::step_reason(app, intent == Intent::HistoryOlder),
            Intent::Refresh => return commit::look_again(app),
            _ => {}
        },
    }
    Vec::new()
}

/// Hands the focused field to the person's editor.
fn edit(app: &mut App) -> Vec<Command> {
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.is_editing()) else { return Vec::new() };
    let (key, about) = (dialog.key.clone(), dialog.draft_key());
    let Some(field) = dialog.field() else { return Vec::new() };
    let text = field.text().to_owned();
    let about = vec![about, "Line breaks become blanks. Nothing is sent by saving.".to_owned()];
    vec![Command::Edit { key, text, about }]
}

/// The person's editor ended. The dialog takes the text as it takes a paste; keys that were meant for the
/// editor do not reach it.
pub(super) fn edited(app: &mut App, key: &str, result: Result<String, SafeText>) -> Vec<Command> {
    app.last_input = app.now.elapsed;
    app.touch();
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.key == key) else {
        app.say(Tone::Attention, "the dialog that the text was for is closed");
        return Vec::new();
    };
    dialog.painted = None;
    let editing = dialog.is_editing();
    match (result, dialog.field().filter(|_| editing)) {
        (Err(why), _) => app.say(Tone::Attention, why),
        (Ok(_), None) => {}
        (Ok(text), Some(field)) => {
            field.clear();
            let dropped = field.insert(&text);
            if dropped > 0 {
                app.say(Tone::Note, format!("{dropped} characters of the text were left out"));
            }
            return flags::share_typed(app);
        }
    }
    Vec::new()
}

fn line(app: &mut App, input: Input) -> Vec<Command> {
    let Some(line) = &mut app.line else { return Vec::new() };
    match input {
        Input::Edit(request) => {
            // Rubbing out an empty command line closes it, as in an editor.
            let rubs = matches!(request, InputRequest::DeletePrevChar);
            if rubs && line.field.text().is_empty() && line.kind == Kind::Command {
                app.line = None;
                return Vec::new();
            }
            line.field.edit(request);
            line.history = None;
            typed(app);
        }
        Input::Paste(text) => {
            line.field.insert(&text);
            line.history = None;
            typed(app);
        }
        Input::Unbound | Input::Pointer(_) => {}
        // Here the key is what it is in a shell.
        Input::Intent(Intent::Editor) => {
            line.field.edit(InputRequest::GoToEnd);
        }
        Input::Intent(intent) => match intent {
            Intent::Back => {
                let before = (line.kind == Kind::Filter).then(|| line.before.clone());
                app.line = None;
                if let Some(before) = before {
                    app.end_filter(Some(&before));
                }
            }
            Intent::Open => return enter(app),
            // Up goes to older lines where nothing is typed, and up the list of completions else.
            Intent::HistoryOlder | Intent::Up if line.kind == Kind::Command && line.is_in_history() => {
                line.step(true, &app.commands);
                typed(app);
            }
            Intent::HistoryNewer | Intent::Down if line.history.is_some() => {
                line.step(false, &app.commands);
                typed(app);
            }
            Intent::NextPane | Intent::Down | Intent::HistoryNewer => line.complete(true),
            Intent::PreviousPane | Intent::Up | Intent::HistoryOlder => line.complete(false),
            _ => {}
        },
    }
    Vec::new()
}

/// The text of the line is another one: a filter works while it is typed, and completions follow.
fn typed(app: &mut App) {
    let filter = app.line.as_ref().filter(|line| line.kind == Kind::Filter).map(|line| line.field.text().to_owned());
    if let Some(text) = filter {
        app.set_filter(&text);
    }
    palette::refresh(app);
}

fn enter(app: &mut App) -> Vec<Command> {
    let Some(line) = app.line.take() else { return Vec::new() };
    let text = line.field.text().trim().to_owned();
    match line.kind {
        Kind::Command => {
            if !text.is_empty() && app.commands.last() != Some(&text) {
                app.commands.push(text.clone());
                if app.commands.len() > 100 {
                    app.commands.remove(0);
                }
            }
            command::run(app, &text)
        }
        Kind::Filter if app.view == View::Audit => {
            match trail::query(&text, &app.filters, app.server_now(), app.zone()) {
                Ok(query) => {
                    app.trail.text = text;
                    app.trail.query = query;
                    command::ask_for(app, View::Audit)
                }
                Err(error) => {
                    app.say(Tone::Attention, error);
                    // Nothing typed is lost.
                    app.line = Some(line);
                    Vec::new()
                }
            }
        }
        Kind::Filter => {
            app.end_filter(None);
            Vec::new()
        }
    }
}

fn help(app: &mut App, input: Input) -> Vec<Command> {
    let rows = super::super::view::help::rows(app).len();
    let Overlay::Help { search, cursor } = &mut app.overlay else { return Vec::new() };
    match input {
        Input::Edit(request) => {
            search.edit(request);
            *cursor = 0;
        }
        Input::Paste(text) => {
            search.insert(&text);
            *cursor = 0;
        }
        Input::Unbound | Input::Pointer(_) => {}
        Input::Intent(intent) => {
            let last = rows.saturating_sub(1);
            match intent {
                Intent::Back => close(app),
                Intent::Down | Intent::HistoryNewer | Intent::NextPane => *cursor = (*cursor + 1).min(last),
                Intent::Up | Intent::HistoryOlder | Intent::PreviousPane => *cursor = cursor.saturating_sub(1),
                Intent::PageDown | Intent::HalfPageDown => *cursor = (*cursor + 10).min(last),
                Intent::PageUp | Intent::HalfPageUp => *cursor = cursor.saturating_sub(10),
                Intent::Open => {
                    let chosen = super::super::view::help::chosen(app);
                    close(app);
                    // The help runs what it lists; whatever changes something still opens its dialog only.
                    match chosen {
                        Some(Ok(HelpDoes::Intent(Intent::Suspend | Intent::QuitNow) | HelpDoes::Nothing)) | None => {}
                        Some(Ok(HelpDoes::Intent(intent))) => return view(app, intent),
                        Some(Ok(HelpDoes::Command(name))) => command::begin(app, name),
                        Some(Err(why)) => app.say(Tone::Note, why),
                    }
                }
                _ => {}
            }
        }
    }
    Vec::new()
}
