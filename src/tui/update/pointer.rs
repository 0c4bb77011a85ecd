//! The mouse, where it is on: it chooses and opens what keys choose and open. A click never commits a dialog.

use std::time::Duration;

use super::{commit, input::input, motion};
use crate::tui::{
    app::{App, Overlay, dialog::Focus, notice::Tone, spots::Spot},
    intent::Intent,
    message::{Command, Input, Pointer, PointerKind, TerminalRequest},
};

/// A second click within this time opens.
const DOUBLE: Duration = Duration::from_millis(400);
/// Rows that a notch of the wheel moves.
const NOTCH: usize = 3;

/// Switches the mouse on or off.
pub(super) fn set(app: &mut App, on: bool) -> Vec<Command> {
    app.mouse = on;
    app.spots.clear();
    app.say(
        Tone::Note,
        if on { "the mouse is on; with shift it still selects text" } else { "the mouse is the terminal's again" },
    );
    vec![Command::Terminal(TerminalRequest::Mouse(on))]
}

/// Something was done with the mouse.
pub(super) fn pointer(app: &mut App, pointer: Pointer) -> Vec<Command> {
    if !app.mouse {
        return Vec::new();
    }
    match pointer.kind {
        PointerKind::Wheel { down } => wheel(app, down),
        PointerKind::Press => press(app, pointer),
        PointerKind::Menu => {
            if let Some(Spot::Row(row)) = app.spots.at(pointer.x, pointer.y) {
                motion::select(app, row);
            }
            match app.overlay {
                Overlay::None if app.line.is_none() => input(app, Input::Intent(Intent::ActionMenu)),
                _ => Vec::new(),
            }
        }
    }
}

fn press(app: &mut App, at: Pointer) -> Vec<Command> {
    let now = app.now.elapsed;
    let place = (at.x, at.y);
    let twice = app.pressed.take().is_some_and(|(when, before)| before == place && now.saturating_sub(when) <= DOUBLE);
    if !twice {
        app.pressed = Some((now, place));
    }
    let open = |app: &mut App| if twice { input(app, Input::Intent(Intent::Open)) } else { Vec::new() };
    match app.spots.at(at.x, at.y) {
        None => Vec::new(),
        // The first click may have moved the list below the mouse.
        Some(Spot::Row(_)) if twice => open(app),
        Some(Spot::Row(row)) => {
            motion::select(app, row);
            Vec::new()
        }
        Some(Spot::Pane(pane)) => {
            if let Some(detail) = &mut app.detail {
                detail.pane = pane;
            }
            Vec::new()
        }
        Some(Spot::Hint(intent)) => {
            // What presses a dialog's button is a key, which has to be let go first.
            let presses = matches!(intent, Intent::Open | Intent::Press);
            match app.overlay {
                Overlay::Dialog(_) | Overlay::Leave { .. } if presses => Vec::new(),
                _ => input(app, Input::Intent(intent)),
            }
        }
        Some(Spot::MenuLine(line)) => {
            if let Overlay::Menu { cursor } = &mut app.overlay {
                *cursor = line;
            }
            input(app, Input::Intent(Intent::Open))
        }
        Some(Spot::ChoiceLine(line)) => {
            if let Overlay::Choice(choice) = &mut app.overlay {
                *choice = choice.clone().on(line);
            }
            input(app, Input::Intent(Intent::Open))
        }
        Some(Spot::HelpLine(line)) => {
            if let Overlay::Help { cursor, .. } = &mut app.overlay {
                *cursor = line;
            }
            open(app)
        }
        Some(Spot::Completion(index)) => {
            if let Some(line) = &mut app.line {
                line.choose(index);
            }
            open(app)
        }
        Some(Spot::Focus(focus)) => focused(app, focus),
    }
}

/// A field or a button of the dialog gets the keys. The button that changes nothing is pressed; one that
/// changes something is pressed by a key only.
fn focused(app: &mut App, focus: Focus) -> Vec<Command> {
    let elapsed = app.now.elapsed;
    let Some(dialog) = app.dialog_mut().filter(|dialog| dialog.takes_input(elapsed)) else { return Vec::new() };
    let is_button = matches!(focus, Focus::Keep | Focus::Commit);
    if dialog.is_editing() || is_button {
        dialog.focus = focus;
    }
    if focus == Focus::Keep { commit::back(app) } else { Vec::new() }
}

/// A notch of the wheel moves as the keys do that move; in a dialog it scrolls what is read.
fn wheel(app: &mut App, down: bool) -> Vec<Command> {
    if let Some(line) = &mut app.line {
        if !line.palette.list.is_empty() {
            line.complete(down);
        }
        return Vec::new();
    }
    let intent = if down { Intent::Down } else { Intent::Up };
    match &mut app.overlay {
        Overlay::Dialog(dialog) => {
            dialog.scroll = if down { dialog.scroll + 1 } else { dialog.scroll.saturating_sub(1) };
            Vec::new()
        }
        Overlay::Leave { .. } => Vec::new(),
        Overlay::Menu { .. } | Overlay::Choice(_) => input(app, Input::Intent(intent)),
        _ => (0..NOTCH).flat_map(|_| input(app, Input::Intent(intent))).collect(),
    }
}
