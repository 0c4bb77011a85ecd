//! Clusters and others that carry rollouts out: how fresh each is, and what is wrong there.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::boxed;
use crate::tui::{
    app::{
        App, age,
        carriers::{CarrierState, state},
    },
    theme::{Mark, Role, Theme},
    widget::{fit, row::Row},
};

/// Paints the list.
pub(super) fn draw(app: &App, top: usize, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Position {
    let all = app.carriers.all();
    let title = if all.len() == 1 { "1 cluster".to_owned() } else { format!("{} clusters", all.len()) };
    let inner = boxed(theme, body, &title, buffer);
    let now = app.server_now();
    let mut lines: Vec<(usize, Option<Mark>, String, Role)> = Vec::new();
    if all.is_empty() {
        lines.push((1, None, "nothing is carried out elsewhere in this context".to_owned(), Role::Normal));
    }
    for view in all {
        // The age is said where it is too great: what is fresh costs no byte.
        let (mark, word, role) = match state(view, now) {
            CarrierState::Asking => (Mark::NoData, "asking".to_owned(), Role::NoData),
            CarrierState::Live => (Mark::Passed, "live".to_owned(), Role::Normal),
            CarrierState::Lost(silent) => (Mark::Stale, format!("LOST {}, STALE", age::age(silent)), Role::Error),
        };
        let from = match (state(view, now), view.as_of) {
            (CarrierState::Lost(_), Some(at)) => format!(", what is shown is from {}", app.clock_seconds(at)),
            (_, Some(_)) => ", what is shown is what is".to_owned(),
            (_, None) => ", nothing of it was read yet".to_owned(),
        };
        lines.push((1, Some(mark), format!("{}  {word}{from}", view.place), role));
        for remark in &view.remarks {
            let columns = usize::from(inner.width).saturating_sub(8).max(10);
            for (at, line) in fit::wrap(remark.as_str(), columns, 3, fit::ellipsis(theme)).into_iter().enumerate() {
                let (indent, mark) = if at == 0 { (3, Some(Mark::NeedsPerson)) } else { (5, None) };
                lines.push((indent, mark, line, Role::Normal));
            }
        }
    }
    for (y, (indent, mark, text, role)) in lines.iter().skip(top).take(usize::from(inner.height)).enumerate() {
        let mut row = Row::new(theme, inner.width).gap(*indent);
        if let Some(mark) = mark {
            row = row.mark(*mark);
        }
        row.text(text, *role).draw(inner, y as u16, buffer);
    }
    Position { x: inner.x, y: inner.y }
}
