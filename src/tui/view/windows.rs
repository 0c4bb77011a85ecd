//! Change windows: what is frozen now, what will be, what was; and why, by whom.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::calendar;
use crate::{
    backend::WindowView,
    domain::{Effect, OverrideState, SafeText, WindowState},
    tui::{
        app::{App, age, calendar::Pane, layout, rollouts::scroll, spots::Spot, wording},
        theme::{Mark, Role, Theme},
        widget::row::{Row, titled},
    },
};

/// The mark and the word of a window.
pub(super) const fn state(view: &WindowView) -> (Mark, &'static str) {
    match (view.state, view.window.effect) {
        (WindowState::Active, Effect::Deny) => (Mark::Frozen, "FROZEN"),
        (WindowState::Active, Effect::Allow) => (Mark::Passed, "open"),
        (WindowState::Upcoming, _) => (Mark::Waiting, "to come"),
        (WindowState::Ended, _) => (Mark::Passed, "ended"),
        (WindowState::Lifted, _) => (Mark::Passed, "lifted"),
        (WindowState::Disabled, _) => (Mark::Paused, "OFF"),
    }
}

/// How the windows are now, in a line.
pub(super) fn summary(app: &App) -> (String, Role) {
    let windows = &app.windows;
    let active = windows.active().count();
    match (&windows.error, windows.is_loaded()) {
        (Some(error), _) => (format!(" not to be had: {error}"), Role::Error),
        (None, false) => (" asking for windows".to_owned(), Role::Strong),
        (None, true) if windows.all().is_empty() => {
            (" no windows: nothing is frozen; a adds a freeze".to_owned(), Role::Strong)
        }
        (None, true) => {
            let now = app.server_now();
            let next = windows.flips_at().filter(|at| *at > now).map_or_else(String::new, |at| {
                format!("   next change {} ({})", app.calendar_clock(at), age::coarse_left(now, at))
            });
            (format!(" {active} hold now, {} in all{next}", windows.all().len()), Role::Strong)
        }
    }
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    if app.calendar.pane == Pane::Bars {
        return calendar::draw(app, theme, body, buffer);
    }
    let (table, record) = layout::table_and_record(body, layout::RECORD);
    let windows = &app.windows;
    let (text, role) = summary(app);
    Row::new(theme, table.width)
        .text(&text, role)
        .text("   they hold start, promote, resume and retry; pause and rollback never", Role::Muted)
        .draw(table, 0, buffer);
    let wide = table.width >= 100;
    let mut head = Row::new(theme, table.width)
        .gap(3)
        .cell("STATE", 8, Role::Heading)
        .cell("ID", 14, Role::Heading)
        .cell("SCOPE", if wide { 30 } else { 18 }, Role::Heading);
    if wide {
        head = head.cell("FROM", 13, Role::Heading);
    }
    head.cell("UNTIL", 13, Role::Heading).text("REASON", Role::Heading).draw(table, 2, buffer);
    let rows = Rect { y: table.y + 3, height: table.height.saturating_sub(3), ..table };
    let height = usize::from(rows.height);
    let top =
        scroll(windows.list.cursor().saturating_sub(height / 2), windows.list.cursor(), height, windows.list.len());
    let mut cursor = None;
    for (y, view) in (top..top + height).map_while(|row| windows.at(row)).enumerate() {
        let selected = windows.list.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let row = line(app, view, selected, theme, rows.width);
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    if let Some(view) = windows.selected().filter(|_| record.height > 1) {
        draw_record(app, view, theme, record, buffer);
    }
    cursor
}

fn line<'a>(app: &App, view: &WindowView, selected: bool, theme: &'a Theme, width: u16) -> Row<'a> {
    let (mark, word) = state(view);
    let window = &view.window;
    let until = window.until.map_or_else(|| "open end".to_owned(), |at| app.day_clock(at));
    let wide = width >= 100;
    let scope = window.scope.to_string();
    let filter = app.windows.list.filter();
    let found = |column, text: &str| filter.found(column, text);
    let row = Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .found(word, 8, mark.role(), &found("state", word))
        .found(window.id.as_str(), 14, Role::Muted, &found("id", window.id.as_str()))
        .found(&scope, if wide { 30 } else { 18 }, Role::Strong, &found("scope", &scope));
    let row = if wide { row.cell(&app.day_clock(window.from), 13, Role::Normal) } else { row };
    let (reason, row) = (window.reason.as_str(), row.cell(&until, 13, Role::Normal));
    let left = row.left();
    row.found(reason, left, Role::Normal, &found("reason", reason))
}

/// What a window says, the first thing to know first.
pub(super) fn record(app: &App, view: &WindowView) -> Vec<(&'static str, String)> {
    let window = &view.window;
    let now = app.server_now();
    let mut lines = Vec::new();
    if let Some(lifted) = &window.lifted {
        lines.push(("lifted", format!("{} by {}: {}", app.calendar_clock(lifted.at), lifted.by, lifted.reason)));
    }
    let next = match (view.state, view.next_transition.or(window.until)) {
        (WindowState::Active, Some(at)) => {
            format!("   ends {} (in {})", app.calendar_clock(at), age::coarse_left(now, at))
        }
        (WindowState::Active, None) => "   holds until somebody lifts it".to_owned(),
        (WindowState::Upcoming, _) => {
            let at = view.next_transition.unwrap_or(window.from);
            format!("   begins {} (in {})", app.calendar_clock(at), age::coarse_left(now, at))
        }
        (WindowState::Disabled, _) => "   it is switched OFF and holds nothing".to_owned(),
        (WindowState::Ended | WindowState::Lifted, _) => String::new(),
    };
    lines.push(("when", format!("{}{next}", wording::schedule(window, |at| app.calendar_clock(at)))));
    let ticket = window.ticket.as_ref().map_or("-", SafeText::as_str);
    let by = format!("set by {} at {}  ticket {ticket}", window.created_by, app.calendar_clock(window.created_at));
    lines.push(("reason", format!("{}   {by}", window.reason)));
    let verb = if window.effect.is_deny() { "blocks" } else { "holds" };
    lines.push((verb, wording::blocks(window)));
    lines.push(("allows", wording::allows(window)));
    let named: Vec<_> = app.overrides.of_window(&window.id).collect();
    let used: usize = named.iter().map(|view| view.record.uses.len()).sum();
    let active: Vec<&str> = named
        .iter()
        .filter(|view| view.record.state(now) == OverrideState::Active)
        .map(|view| view.record.id.as_str())
        .collect();
    let uses = match (app.overrides.is_loaded(), used, active.is_empty()) {
        (false, ..) => "   uses are not known".to_owned(),
        (true, 1, true) => "   used 1 time".to_owned(),
        (true, n, true) => format!("   used {n} times"),
        (true, n, false) => format!("   used {n} times, {} can be used", active.join(", ")),
    };
    lines.push(("override", format!("{}{uses}", wording::overridable(window.overridable))));
    let enter = if window.effect.is_deny() { "begins" } else { "ends" };
    let covers: Vec<String> = app
        .rollouts
        .iter()
        .filter(|row| row.rollout.freeze.as_ref().is_some_and(|freeze| freeze.window == window.id))
        .map(|row| row.id().to_string())
        .collect();
    let covers = match covers.len() {
        0 => "no rollout now".to_owned(),
        n if n > 5 => format!("{} and {} more", covers[..5].join(", "), n - 5),
        _ => covers.join(", "),
    };
    lines.push(("under way", format!("when it {enter}, {}; it holds {covers}", wording::on_enter(window.on_enter))));
    if let Some(contact) = &window.contact {
        lines.push(("contact", contact.as_str().to_owned()));
    }
    if let Some(name) = &window.name {
        lines.push(("name", name.as_str().to_owned()));
    }
    lines
}

fn draw_record(app: &App, view: &WindowView, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (mark, word) = state(view);
    let window = &view.window;
    titled(theme, area.width, &format!("{} {word} {}", window.id, window.scope), mark.role()).draw(area, 0, buffer);
    for (y, (name, text)) in record(app, view).into_iter().take(usize::from(area.height) - 1).enumerate() {
        Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 9, Role::Muted).text(&text, Role::Normal).draw(
            area,
            y as u16 + 1,
            buffer,
        );
    }
}
