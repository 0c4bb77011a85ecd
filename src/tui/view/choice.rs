//! A pop-up in which one of a few lines is chosen.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{boxed, centred};
use crate::tui::{
    app::{App, choice::Choice, spots::Spot},
    theme::{Mark, Role, Theme},
    widget::{fit, row::Row},
};

/// Columns that a line has besides its label and its text: the border, the cursor, the key, a mark, blanks.
const LEAD: usize = 10;
/// The widest pop-up.
const WIDEST: usize = 96;

/// Paints the choice; says where the selected line is.
pub(super) fn draw(app: &App, choice: &Choice, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let lines = choice.lines();
    let label = lines.iter().map(|line| fit::width(&line.label)).max().unwrap_or(0).min(20);
    let widest = |text: &str| LEAD + label + fit::width(text);
    let said = |line: &crate::tui::app::choice::ChoiceLine| match &line.chosen {
        Ok(_) => line.detail.clone(),
        Err(why) => format!("no: {why}"),
    };
    let columns = lines.iter().map(|line| widest(&said(line))).max().unwrap_or(0).max(fit::width(choice.title()) + 4);
    let area = centred(body, columns.min(WIDEST) as u16, lines.len() as u16 + 2);
    let inner = boxed(theme, area, choice.title(), buffer);
    let height = usize::from(inner.height);
    let top = crate::tui::app::rollouts::scroll(0, choice.cursor(), height, lines.len());
    let mut place = None;
    for (y, (index, line)) in lines.iter().enumerate().skip(top).take(height).enumerate() {
        let selected = index == choice.cursor();
        app.note_line(inner, y as u16, Spot::ChoiceLine(index));
        let (mark, role) = match line.chosen {
            Ok(_) => (None, Role::Normal),
            Err(_) => (Some(Mark::Waiting), Role::Muted),
        };
        let mut row = Row::new(theme, inner.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .cell(&line.key.to_string(), 1, Role::Key)
            .gap(1)
            .cell(&line.label, label, if mark.is_some() { role } else { Role::Strong });
        row = match mark {
            Some(mark) => row.mark(mark),
            None => row.gap(2),
        };
        row = row.text(&said(line), role);
        if selected {
            place = row.draw_selected(inner, y as u16, buffer);
        } else {
            row.draw(inner, y as u16, buffer);
        }
    }
    place
}
