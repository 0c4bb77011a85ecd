//! Keys of the calendar of change windows, and the range that is asked for.

use super::consent;
use crate::tui::{
    app::{
        App, Overlay, View,
        calendar::{Grid, Pane},
        notice::Tone,
    },
    intent::Intent,
    message::Command,
};

fn grid(app: &App) -> Grid {
    app.grid(app.zones(app.area()).body.width)
}

/// Whether bars over time have the keys.
pub(super) fn has_keys(app: &App) -> bool {
    app.view == View::Windows && app.calendar.pane == Pane::Bars
}

/// Asks for the range that is shown, where another one was asked for last.
pub(super) fn follow(app: &mut App) -> Option<Command> {
    if app.view != View::Windows || app.hold.is_some() {
        return None;
    }
    let grid = grid(app);
    if app.calendar.pane == Pane::Bars {
        app.calendar_chosen(&grid);
    }
    app.calendar.wants(&grid).map(|(from, until)| Command::Calendar { from, until })
}

/// Asks for all that the calendar shows besides.
pub(super) fn ask(app: &mut App) -> Vec<Command> {
    app.calendar.outdated();
    let mut commands = vec![Command::Windows];
    commands.extend(consent::ask_for_overrides(app));
    commands
}

/// Bars over time, or the list of all windows.
pub(super) fn switch_pane(app: &mut App) {
    app.calendar.pane = match app.calendar.pane {
        Pane::Bars => Pane::List,
        Pane::List => Pane::Bars,
    };
}

/// A key that moves about on the bars; says whether it was one.
pub(super) fn motion(app: &mut App, intent: Intent) -> bool {
    if !matches!(app.overlay, Overlay::None | Overlay::Help { .. }) {
        return false;
    }
    let grid = grid(app);
    let cells = i32::try_from(grid.cells).unwrap_or(i32::MAX);
    match intent {
        Intent::Up => app.calendar_move_row(-1, &grid),
        Intent::Down => app.calendar_move_row(1, &grid),
        Intent::Top => app.calendar_move_row(isize::MIN / 2, &grid),
        Intent::Bottom => app.calendar_move_row(isize::MAX / 2, &grid),
        Intent::Left => app.calendar_move_cell(-1, &grid),
        Intent::Right => app.calendar_move_cell(1, &grid),
        Intent::HalfPageUp => app.calendar_move_cell(-(cells / 2).max(1), &grid),
        Intent::HalfPageDown => app.calendar_move_cell((cells / 2).max(1), &grid),
        Intent::PageUp => app.calendar_move_cell(-cells, &grid),
        Intent::PageDown => app.calendar_move_cell(cells, &grid),
        Intent::CalendarNow => app.calendar_now(&grid),
        Intent::ZoomIn | Intent::ZoomOut => {
            if !app.calendar.step_zoom(intent == Intent::ZoomIn, grid.cell.num_minutes()) {
                app.say(Tone::Note, "there is no finer or coarser step");
            }
        }
        Intent::NextMatch | Intent::PreviousMatch => {
            if !app.calendar_conflict(intent == Intent::NextMatch, &grid) {
                app.say(Tone::Note, "nothing that is planned meets a window in the range that is shown");
            }
        }
        _ => return false,
    }
    true
}
