//! A record as it is.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::boxed;
use crate::tui::{
    theme::{Role, Theme},
    widget::row::Row,
};

/// Paints the visible lines.
pub(super) fn draw(
    title: &str,
    lines: &[String],
    top: usize,
    theme: &Theme,
    body: Rect,
    buffer: &mut Buffer,
) -> Position {
    let inner = boxed(theme, body, &format!("{title}   line {} of {}", top + 1, lines.len()), buffer);
    for (y, line) in lines.iter().skip(top).take(usize::from(inner.height)).enumerate() {
        Row::new(theme, inner.width).text(line, Role::Normal).draw(inner, y as u16, buffer);
    }
    Position { x: inner.x, y: inner.y }
}
