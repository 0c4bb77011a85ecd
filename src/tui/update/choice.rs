//! Keys of a choice, and what choosing does.

use tui_input::InputRequest;

use super::{close, sort};
use crate::tui::{
    app::{
        App, Overlay,
        choice::{Choice, Chosen},
        notice::Tone,
    },
    intent::Intent,
    message::{Command, Input},
};

/// Opens a choice.
pub(super) fn open(app: &mut App, choice: Choice) {
    app.notice = None;
    app.overlay = Overlay::Choice(choice);
    app.touch();
}

/// A key in a choice.
pub(super) fn keys(app: &mut App, input: &Input) -> Vec<Command> {
    let Overlay::Choice(choice) = &mut app.overlay else { return Vec::new() };
    match input {
        Input::Edit(InputRequest::InsertChar(letter)) => {
            if choice.find(*letter) {
                return choose(app);
            }
        }
        Input::Intent(intent) => match intent {
            Intent::Up => choice.step(false),
            Intent::Down => choice.step(true),
            Intent::Top => choice.end(false),
            Intent::Bottom => choice.end(true),
            Intent::Open => return choose(app),
            Intent::Back | Intent::Quit => close(app),
            _ => {}
        },
        Input::Edit(_) | Input::Paste(_) | Input::Unbound | Input::Pointer(_) => {}
    }
    Vec::new()
}

fn choose(app: &mut App) -> Vec<Command> {
    let Overlay::Choice(choice) = &app.overlay else { return Vec::new() };
    let Some(line) = choice.selected().cloned() else { return Vec::new() };
    let chosen = match line.chosen {
        Ok(chosen) => chosen,
        Err(why) => {
            app.say(Tone::Attention, format!("{}: {why}", line.label));
            return Vec::new();
        }
    };
    close(app);
    match chosen {
        Chosen::Copy { what, text } => super::copy::send(app, what, text),
        // What is on the screen is known where it is painted.
        Chosen::CopyScreen(part) => vec![Command::CopyScreen(part)],
        Chosen::Sort(by) => {
            sort::choose(app, by);
            Vec::new()
        }
    }
}
