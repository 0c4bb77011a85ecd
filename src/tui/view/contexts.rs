//! Contexts to switch to.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    domain::SafeText,
    tui::{
        app::{App, rollouts::scroll, spots::Spot},
        theme::{Role, Theme},
        widget::row::Row,
    },
};

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    Row::new(theme, body.width)
        .text(" contexts: enter connects; nothing stays armed", Role::Strong)
        .draw(body, 0, buffer);
    Row::new(theme, body.width)
        .gap(3)
        .cell("NAME", 24, Role::Heading)
        .cell("LOCK", 12, Role::Heading)
        .text("WHERE", Role::Heading)
        .draw(body, 1, buffer);
    let rows = Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let height = usize::from(rows.height);
    let top = scroll(0, app.context_cursor, height, app.contexts.len());
    let mut cursor = None;
    for (y, context) in app.contexts.iter().skip(top).take(height).enumerate() {
        let selected = app.context_cursor == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let here = if app.context == top + y { "* " } else { "  " };
        let row = Row::new(theme, rows.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .text(here, Role::Normal)
            .cell(SafeText::new(&context.name).as_str(), 24, Role::Strong)
            .cell(if context.protected { "PROTECTED" } else { "-" }, 12, Role::Normal)
            .text(SafeText::new(&context.place).as_str(), Role::Normal);
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    cursor
}
