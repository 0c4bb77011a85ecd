//! The completions above the command line.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    widgets::{Clear, Widget},
};

use crate::tui::{
    app::{
        App,
        lists::thousands,
        palette::{Candidate, Palette},
        rollouts::scroll,
        spots::Spot,
    },
    theme::{Mark, Role, Theme},
    widget::{
        fit,
        row::{Row, titled_ends},
    },
};

/// Most lines of it.
const LINES: u16 = 12;

/// Paints the completions over the end of the body, or nothing where there are none.
pub(super) fn draw(app: &App, palette: &Palette, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    if palette.list.is_empty() || body.height < 4 {
        return;
    }
    let height = (palette.list.len() as u16).min(LINES).min(body.height / 2);
    let area = Rect { y: body.y + body.height - height - 1, height: height + 1, ..body };
    Clear.render(area, buffer);
    let count = match palette.cursor {
        Some(at) => format!("{}/{}", at + 1, thousands(palette.total)),
        None => thousands(palette.total),
    };
    let title = ("tab and arrows choose, enter does it", Role::Muted);
    titled_ends(theme, area.width, title, (&count, Role::Notice)).draw(area, 0, buffer);
    let at = palette.cursor.unwrap_or(0);
    let shown = usize::from(height);
    let top = scroll(at.saturating_sub(shown / 2), at, shown, palette.list.len());
    let lines = Rect { y: area.y + 1, height, ..area };
    let label = |candidate: &Candidate| fit::width(&candidate.label) + 1 + fit::width(candidate.argument);
    let widest = palette.list.iter().map(label).max().unwrap_or(0);
    let columns = widest.clamp(12, usize::from(area.width) / 2);
    for (y, candidate) in palette.list.iter().skip(top).take(shown).enumerate() {
        let chosen = palette.cursor == Some(top + y);
        app.note_line(lines, y as u16, Spot::Completion(top + y));
        let row = line(candidate, chosen, columns, theme, area.width);
        if chosen {
            row.draw_selected(lines, y as u16, buffer);
        } else {
            row.draw(lines, y as u16, buffer);
        }
    }
}

fn line<'a>(candidate: &Candidate, chosen: bool, columns: usize, theme: &'a Theme, width: u16) -> Row<'a> {
    let refused = candidate.refused.as_deref();
    let role = if refused.is_some() { Role::Muted } else { Role::Strong };
    let name = fit::width(&candidate.label).min(columns);
    let row = Row::new(theme, width)
        .text(if chosen { ">" } else { " " }, Role::Normal)
        .found(&candidate.label, name, role, &candidate.found)
        .cell(candidate.argument, columns.saturating_sub(name + 1), Role::Muted)
        .cell(&candidate.keys, 7, Role::Key);
    match refused {
        Some(why) => {
            let why = if why.starts_with("HELD") { why.to_owned() } else { format!("no: {why}") };
            row.mark(Mark::Waiting).text(&why, Role::Muted)
        }
        None => row.text(&candidate.help, Role::Normal),
    }
}
