//! The action menu: every action that is spoken of, and why one cannot be done. And the question before leaving.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{boxed, centred};
use crate::tui::{
    app::{App, View, offer::Why, spots::Spot},
    keymap::ContextName,
    theme::{Mark, Role, Theme},
    update::items,
    widget::{fit, row::Row},
};

/// Columns before the word and the reason of a line.
const LEAD: usize = 22;

/// Paints the menu.
pub(super) fn draw(app: &App, cursor: usize, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let items = items(app);
    let rows = items.len() as u16;
    let area = centred(body, body.width.min(96), rows + 4);
    let subject = match app.view {
        View::Flags => app.flags.selected().map(|view| format!("flag {}", view.flag.key)),
        View::Approvals => app.approvals.selected().map(|view| view.approval.id.as_str().to_owned()),
        View::Overrides => app.overrides.selected().map(|view| view.record.id.as_str().to_owned()),
        _ => app.subject().map(|id| id.to_string()),
    };
    let none = match app.view {
        View::Flags => "no flag",
        View::Approvals | View::Overrides => "nothing",
        _ => "no rollout",
    };
    let subject = subject.unwrap_or_else(|| none.to_owned());
    let inner = boxed(theme, area, &format!("actions for {subject}: nothing is sent from here"), buffer);
    let mut place = None;
    let mut cut = None;
    for (index, item) in items.into_iter().enumerate() {
        let selected = index == cursor;
        app.note_line(inner, index as u16, Spot::MenuLine(index));
        let key = app.keymap.keys_for(item.intent(), &[ContextName::Menu]).unwrap_or_default();
        let (label, summary) = item.words(app);
        let mut row =
            Row::new(theme, inner.width).text(if selected { ">" } else { " " }, Role::Normal).cell(&key, 3, Role::Key);
        row = match item.offer(app) {
            Ok(()) => row.cell(label, 14, Role::Strong).mark(Mark::Passed).text(summary, Role::Normal),
            Err(Why::Held(why)) => {
                row.cell(label, 14, Role::Strong).mark(Mark::Frozen).text(&format!("HELD: {why}"), Role::Frozen)
            }
            Err(Why::Never(why)) => {
                row.cell(label, 14, Role::Muted).mark(Mark::Waiting).text(&format!("no: {why}"), Role::Muted)
            }
        };
        if selected {
            let why = item.offer(app).err();
            let word = if matches!(why, Some(Why::Held(_))) { "HELD: " } else { "no: " };
            cut = why.filter(|why| LEAD + word.len() + fit::width(why.text()) > usize::from(inner.width));
            place = row.draw_selected(inner, index as u16, buffer);
        } else {
            row.draw(inner, index as u16, buffer);
        }
    }
    if let Some(why) = cut {
        // Which rule is missing is at the end of the sentence.
        let columns = usize::from(inner.width).saturating_sub(2);
        for (y, line) in fit::wrap(why.text(), columns, 2, fit::ellipsis(theme)).iter().enumerate() {
            Row::new(theme, inner.width).gap(1).text(line, Role::Notice).draw(inner, rows + y as u16, buffer);
        }
        return place;
    }
    let lock = match app.widening_held(None) {
        Some(why) => format!(" what widens a change is held: {why}"),
        None if app.view == View::Flags => " a kill needs a reason and nothing else".to_owned(),
        None => " pause and rollback need a reason and nothing else".to_owned(),
    };
    Row::new(theme, inner.width).text(&lock, Role::Muted).draw(inner, rows + 1, buffer);
    place
}

/// Paints the question before leaving.
pub(super) fn leave(why: &str, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Position {
    let area = centred(body, 60, 5);
    let inner = boxed(theme, area, "Leave?", buffer);
    Row::new(theme, inner.width).text(&format!(" {why}."), Role::Normal).draw(inner, 0, buffer);
    Row::new(theme, inner.width).text(" esc stays, enter leaves", Role::Normal).draw(inner, 1, buffer);
    Position { x: inner.x + 1, y: inner.y }
}
