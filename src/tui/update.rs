//! The one place where the dashboard's state changes: a message comes in, commands go out.
//! Synchronous and without I/O, so that every rule here can be tested without a terminal.

use super::{
    app::{
        App, Overlay, View,
        dialog::{Stage, Subject},
        layout,
        notice::Tone,
        places::FLIPPED,
        rollouts::SETTLE,
    },
    message::{Answer, Command, Message, Moment},
};
use crate::settings::Occasion;

mod act;
mod answer;
mod around;
mod calendar;
mod choice;
mod command;
mod commit;
mod consent;
mod copy;
mod flags;
mod follow;
mod input;
mod motion;
mod offered;
mod palette;
mod pointer;
mod record;
mod recover;
mod set;
mod sort;
mod style;

pub(in crate::tui) use act::{Item, items};
pub(in crate::tui) use command::{COMMANDS, refused as command_refused};
pub(in crate::tui) use commit::outcome_word;
pub(in crate::tui) use copy::send as send_text;
pub(in crate::tui) use flags::share_typed;
pub(in crate::tui) use offered::refused;
pub(in crate::tui) use style::told as told_of_style;

/// Takes a message at a moment; answers with what to do in the world.
pub fn update(app: &mut App, message: Message, now: Moment) -> Vec<Command> {
    app.now = now;
    let mut commands = match message {
        Message::Input(input) => {
            app.sequence = None;
            app.touch();
            input::input(app, input)
        }
        Message::Painted => {
            app.painted();
            Vec::new()
        }
        Message::Deadline => {
            app.touch();
            Vec::new()
        }
        Message::Resized { width, height } => {
            app.size = (width, height);
            app.touch();
            Vec::new()
        }
        Message::Sequence(sequence) => {
            app.last_input = now.elapsed;
            // A sequence that is typed without hesitation costs no frame.
            if app.shown_sequence().is_some() {
                app.touch();
            }
            app.sequence = sequence;
            Vec::new()
        }
        Message::Keymap(keymap) => style::keymap(app, *keymap),
        Message::Told(why) => {
            app.say(Tone::Attention, format!("{why}; what was in force stays"));
            Vec::new()
        }
        Message::Resumed => {
            app.sequence = None;
            app.touch();
            resumed(app);
            vec![Command::Redraw, Command::Refresh]
        }
        Message::Measured(cost) => {
            record::cost(app, &cost);
            Vec::new()
        }
        Message::Edited(key, result) => input::edited(app, &key, result),
        Message::Answer(generation, answer) if generation == app.generation => match app.hold_answer(*answer) {
            Some(answer) if is_outcome(&answer) => {
                let commands = answer::answer(app, answer);
                if let Some(notice) = &app.notice {
                    app.alerts.note(Occasion::Answered, notice.text.as_str());
                }
                commands
            }
            Some(answer) => answer::answer(app, answer),
            None if app.hold_is_full() => {
                app.say(Tone::Attention, "the display goes on: more came than it can hold");
                command::hold(app)
            }
            None => Vec::new(),
        },
        // Another context's answer; and a theme, which whoever paints has, and what is shown does not depend on.
        Message::Answer(..) | Message::Theme(_) => Vec::new(),
    };
    commands.extend(afterwards(app));
    commands
}

/// Runs a line as if it had been typed on the command line, for those who have none.
pub(super) fn line(app: &mut App, text: &str, now: Moment) -> Vec<Command> {
    app.now = now;
    app.last_input = now.elapsed;
    app.touch();
    let mut commands = command::run(app, text.trim());
    commands.extend(afterwards(app));
    commands
}

/// What follows from whatever happened.
fn afterwards(app: &mut App) -> Vec<Command> {
    let mut commands = due(app);
    commands.extend(flags::due(app));
    commands.extend(witness(app));
    commands.extend(recover::due(app));
    commands.extend(follow(app));
    commands.extend(calendar::follow(app));
    commands.extend(app.call().map(Command::Terminal));
    commands
}

/// Whether an answer says what became of something that was sent from here.
const fn is_outcome(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Acted(..)
            | Answer::WindowChanged(..)
            | Answer::OverrideChanged(..)
            | Answer::ApprovalDecided(..)
            | Answer::FlagChanged(..)
    )
}

/// What time alone does.
fn due(app: &mut App) -> Vec<Command> {
    let elapsed = app.now.elapsed;
    if app.sequence.as_ref().is_some_and(|sequence| sequence.until <= elapsed) {
        app.sequence = None;
        app.touch();
    }
    if app.notice.as_ref().is_some_and(|notice| notice.until <= elapsed) {
        app.notice = None;
        app.touch();
    }
    if let Some(until) = app.armed_until() {
        let idle = elapsed.saturating_sub(app.last_input) >= super::app::IDLE_DISARMS;
        if until <= elapsed || idle {
            app.disarm();
            app.say(
                Tone::Note,
                if idle { "locked again: no key for 5 minutes" } else { "locked again: the time is up" },
            );
        }
    }
    if app.rollouts.order_changed && elapsed.saturating_sub(app.last_input) >= SETTLE {
        app.rollouts.sort();
        app.touch();
    }
    let server = app.server_now();
    let flipped = app.windows.flips_at().is_some_and(|at| at <= server);
    if app.hold.is_none() && flipped && app.windows.due(elapsed, FLIPPED) {
        // One of them began or ended since it was asked: what is shown of them is not what is.
        app.windows.asked(elapsed);
        return vec![super::message::Command::Windows];
    }
    let counting = app.dialog().and_then(|dialog| match dialog.stage {
        Stage::Counting { at } => Some(at),
        _ => None,
    });
    match counting {
        Some(at) if at <= elapsed => commit::send_after_wait(app),
        _ => Vec::new(),
    }
}

/// Holds the trail against what is remembered of it, from the first answer on and then every minute.
fn witness(app: &mut App) -> Vec<Command> {
    let now = app.now.elapsed;
    if !app.link.is_live(now) || app.trail.witness_due().is_some_and(|at| at > now) {
        return Vec::new();
    }
    app.trail.asks_witness(now);
    vec![Command::Witness]
}

/// The program was stopped by the shell: nothing armed or counting survives that.
fn resumed(app: &mut App) {
    let disarmed = app.disarm();
    let stopped = commit::stop_counting(app);
    if stopped {
        app.say(Tone::Attention, "stopped: nothing was sent");
    } else if disarmed {
        app.say(Tone::Note, "locked again: the program was suspended");
    }
}

/// Watches what the screen shows in full, and nothing else.
fn follow(app: &mut App) -> Vec<Command> {
    let body = app.zones(app.area()).body;
    // A dialog offers revisions, and a summary has none.
    let wanted = act::wants_revisions(app).or_else(|| match app.view {
        View::Detail => app.detail.as_ref().map(|detail| detail.id.clone()),
        View::Follow => app.followed_rollouts().into_iter().next(),
        View::Recover => app.subject(),
        View::Overview if layout::overview(body, app.wide).shows_past() => {
            app.rollouts.selected().map(|row| row.id().clone())
        }
        _ => None,
    });
    if wanted == app.watched {
        return Vec::new();
    }
    app.watched.clone_from(&wanted);
    let mut commands = vec![Command::Watch(wanted.clone())];
    if let Some(id) = wanted {
        if app.detail.as_ref().is_none_or(|detail| detail.id != id) {
            app.detail = Some(super::app::detail::Detail::new(id.clone()));
        }
        commands.push(Command::Timeline(id));
    }
    commands
}

/// Closes whatever lies over the screen; a dialog's text is kept for the session.
pub(super) fn close(app: &mut App) {
    if let Overlay::Dialog(dialog) = std::mem::replace(&mut app.overlay, Overlay::None) {
        app.drafts.insert(dialog.draft_key(), dialog.draft());
        if let Subject::Override(asking) = dialog.subject {
            // It was asked for from another dialog, which goes on.
            consent::go_on(app, *asking.then);
        }
    }
    app.touch();
}
