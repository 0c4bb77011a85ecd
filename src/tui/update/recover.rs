//! Guided recovery: when what it reasons over is asked for, and what its numbers do. A number of a step opens
//! the dialog that the step always has, for what is pinned; nothing is sent from here.

use super::{act, around, command, flags};
use crate::{
    backend::{AuditPage, AuditQuery, BackendError},
    domain::SubjectKind,
    tui::{
        app::{
            App, View,
            notice::Tone,
            recover::{
                course::{Question, REST, Recover},
                steps::Deed,
            },
            touch::may_be_in,
        },
        intent::Intent,
        message::Command,
    },
};

/// Opens it on what is named, else on what is selected, else on the worst there is.
pub(super) fn open(app: &mut App, text: &str) -> Vec<Command> {
    let recover = if text.trim().is_empty() {
        app.recovery_of_selection().map(Recover::new).ok_or_else(|| "there is nothing to recover".to_owned())
    } else {
        Recover::parse(text)
    };
    match recover {
        Ok(recover) => {
            // Who comes back to the same thing goes on where they were.
            if app.recover.as_ref().is_none_or(|before| before.asked != recover.asked) {
                app.recover = Some(recover);
            }
            app.show(View::Recover);
            ask(app)
        }
        Err(why) => {
            app.say(Tone::Attention, why);
            Vec::new()
        }
    }
}

/// Asks for all that it reasons over.
pub(super) fn ask(app: &mut App) -> Vec<Command> {
    let mut commands = around::ask(app);
    settle(app, true);
    commands.extend(trail(app));
    commands
}

/// What is asked again with the list's own answers.
pub(super) fn poll(app: &mut App, moved: bool) -> Vec<Command> {
    if app.view != View::Recover {
        return Vec::new();
    }
    let mut commands = around::poll(app, moved);
    commands.extend(trail(app));
    commands
}

/// What time and new facts alone do: numbers are put in order while no key is pressed, and the trail is read
/// from earlier on where it began earlier.
pub(super) fn due(app: &mut App) -> Vec<Command> {
    if app.view != View::Recover || app.hold.is_some() {
        return Vec::new();
    }
    let rests = app.now.elapsed.saturating_sub(app.last_input) >= REST;
    settle(app, rests);
    let since = app.recovery_since();
    let reads = app.recover.as_ref().and_then(|recover| recover.trail.since());
    match since {
        Some(since) if reads.is_none_or(|reads| since < reads) => trail(app).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn settle(app: &mut App, sort: bool) {
    if app.settle_recovery(sort) {
        app.touch();
    }
}

fn trail(app: &mut App) -> Option<Command> {
    let (elapsed, since) = (app.now.elapsed, app.recovery_since()?);
    let recover = app.recover.as_mut()?;
    if recover.trail.since().is_none_or(|reads| since < reads) {
        recover.trail.begin(since);
    }
    recover.trail.wants(elapsed).map(Command::RecoveryTrail)
}

/// Entries of the trail came; where there may be more, they are asked for at once.
pub(super) fn trail_came(app: &mut App, query: &AuditQuery, result: Result<AuditPage, BackendError>) -> Vec<Command> {
    let elapsed = app.now.elapsed;
    let target = app.recovered().ok().map(|ground| ground.target);
    let Some(recover) = app.recover.as_mut() else { return Vec::new() };
    let before = recover.trail.unsettled().len();
    let (changed, more) = recover
        .trail
        .take(query, result, elapsed, |entry| target.as_ref().is_none_or(|target| may_be_in(entry, target)));
    let asks: Vec<SubjectKind> = recover.trail.unsettled().iter().skip(before).copied().collect();
    if changed {
        app.touch();
    }
    let mut commands = around::spoken_of(app, &asks);
    if more {
        commands.extend(trail(app));
    }
    commands
}

/// What entries speak of came, or cannot be had.
pub(super) fn settled(app: &mut App, kind: SubjectKind) {
    if app.recover.as_mut().is_some_and(|recover| recover.trail.settled(kind)) {
        app.touch();
    }
}

/// The line that a key chooses, from 0.
const fn line_of(intent: Intent) -> Option<usize> {
    Some(match intent {
        Intent::Choose1 => 0,
        Intent::Choose2 => 1,
        Intent::Choose3 => 2,
        Intent::Choose4 => 3,
        Intent::Choose5 => 4,
        Intent::Choose6 => 5,
        Intent::Choose7 => 6,
        Intent::Choose8 => 7,
        Intent::Choose9 => 8,
        _ => return None,
    })
}

/// A key in the view; none where it is not one of its own.
pub(super) fn key(app: &mut App, intent: Intent) -> Option<Vec<Command>> {
    if app.view != View::Recover {
        return None;
    }
    if let Some(line) = line_of(intent) {
        return Some(choose(app, line));
    }
    let page = app.page();
    let recover = app.recover.as_mut()?;
    let last = recover.len().saturating_sub(1);
    match intent {
        Intent::Up => recover.cursor = recover.cursor.saturating_sub(1),
        Intent::Down => recover.cursor = (recover.cursor + 1).min(last),
        Intent::PageUp | Intent::HalfPageUp => recover.cursor = recover.cursor.saturating_sub(page),
        Intent::PageDown | Intent::HalfPageDown => recover.cursor = (recover.cursor + page).min(last),
        Intent::Top => recover.cursor = 0,
        Intent::Bottom => recover.cursor = last,
        Intent::Open => {
            let line = recover.cursor;
            return Some(choose(app, line));
        }
        Intent::Back => {
            if !recover.back() {
                return None;
            }
            settle(app, true);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Chooses a line of the open question, or a step.
fn choose(app: &mut App, line: usize) -> Vec<Command> {
    let now = app.server_now();
    let Some(recover) = app.recover.as_mut() else { return Vec::new() };
    if line >= recover.len() {
        app.say(Tone::Note, "there is no such line");
        return Vec::new();
    }
    recover.cursor = line;
    if recover.question != Question::Answer {
        recover.answer(line, now);
        // What the next question offers depends on the answer.
        settle(app, false);
        return trail(app).into_iter().collect();
    }
    let deed = recover.deeds[line].clone();
    let Ok(ground) = app.recovered() else { return Vec::new() };
    match deed {
        Deed::Action(action) => act::open(app, action, ground.rollout),
        Deed::Flag(verb, key) => flags::open(app, verb, Some(key.as_str())),
        Deed::Freeze => act::add_window(app, Some(ground.target.as_str())),
        Deed::Lift(window) => act::lift_window(app, Some(&window)),
        Deed::Watch => {
            app.say(Tone::Note, "watching: nothing was sent, and this screen goes on by itself");
            Vec::new()
        }
        Deed::Look => match ground.rollout {
            Some(id) => {
                app.open_rollout(id);
                Vec::new()
            }
            None => command::show(app, View::Sites),
        },
    }
}
