//! Change windows: what is frozen now, what will be, what was; and why, by whom.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    backend::WindowView,
    domain::WindowState,
    tui::{
        app::{App, age, layout, rollouts::scroll},
        theme::{Mark, Role, Theme},
        widget::row::{Row, titled},
    },
};

/// The mark and the word of a window.
const fn state(state: WindowState) -> (Mark, &'static str) {
    match state {
        WindowState::Active => (Mark::Frozen, "FROZEN"),
        WindowState::Upcoming => (Mark::Waiting, "to come"),
        WindowState::Ended => (Mark::Passed, "ended"),
        WindowState::Lifted => (Mark::Passed, "lifted"),
        WindowState::Disabled => (Mark::Paused, "off"),
    }
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (table, record) = layout::table_and_record(body, layout::RECORD);
    let windows = &app.windows;
    let active = windows.active().count();
    let text = match (&windows.error, &windows.page) {
        (Some(error), _) => format!(" not to be had: {error}"),
        (None, None) => " asking for windows".to_owned(),
        (None, Some(page)) if page.windows.is_empty() => " no windows: nothing is frozen; a adds a freeze".to_owned(),
        (None, Some(page)) => format!(
            " {active} hold now, {} in all   they hold start, promote, resume and retry; pause and rollback never",
            page.windows.len()
        ),
    };
    Row::new(theme, table.width)
        .text(&text, if windows.error.is_some() { Role::Error } else { Role::Strong })
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
    let top = scroll(windows.cursor().saturating_sub(height / 2), windows.cursor(), height, windows.all().len());
    let mut cursor = None;
    for (y, view) in windows.all().iter().skip(top).take(height).enumerate() {
        let selected = windows.cursor() == top + y;
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
    let (mark, word) = state(view.state);
    let window = &view.window;
    let until = window.until.map_or_else(|| "open end".to_owned(), |at| app.day_clock(at));
    let wide = width >= 100;
    let row = Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .cell(word, 8, mark.role())
        .cell(window.id.as_str(), 14, Role::Muted)
        .cell(&window.scope.to_string(), if wide { 30 } else { 18 }, Role::Strong);
    let row = if wide { row.cell(&app.day_clock(window.from), 13, Role::Normal) } else { row };
    row.cell(&until, 13, Role::Normal).text(window.reason.as_str(), Role::Normal)
}

fn draw_record(app: &App, view: &WindowView, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let window = &view.window;
    let (mark, word) = state(view.state);
    titled(theme, area.width, &format!("{} {word} {}", window.id, window.scope), mark.role()).draw(area, 0, buffer);
    let now = app.server_now();
    let span = match (view.state, window.until) {
        (WindowState::Active, Some(until)) => format!("ends in {}", age::coarse_left(now, until)),
        (WindowState::Active, None) => "until somebody lifts it".to_owned(),
        (WindowState::Upcoming, _) => format!("begins in {}", age::coarse_left(now, window.from)),
        _ => String::new(),
    };
    let until = window.until.map_or_else(|| "open end".to_owned(), |at| app.day_clock(at));
    let ticket = window.ticket.as_ref().map_or("-", |ticket| ticket.as_str());
    let lifted = window
        .lifted
        .as_ref()
        .map_or_else(String::new, |lifted| format!("{} by {}: {}", app.day_clock(lifted.at), lifted.by, lifted.reason));
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
    let lines = [
        ("span", format!("{} - {until}  {span}", app.day_clock(window.from))),
        ("reason", window.reason.as_str().to_owned()),
        ("by", format!("{} at {}  ticket {ticket}", window.created_by, app.day_clock(window.created_at))),
        ("holds", covers),
        ("blocks", "start, promote, resume, retry; pause and rollback stay open".to_owned()),
        ("lifted", lifted),
    ];
    for (y, (name, text)) in lines.into_iter().filter(|(_, text)| !text.is_empty()).enumerate() {
        Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 8, Role::Muted).text(&text, Role::Normal).draw(
            area,
            y as u16 + 1,
            buffer,
        );
    }
}
