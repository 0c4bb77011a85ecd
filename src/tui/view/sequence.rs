//! The keys that may follow the first ones of a sequence, while it waits for them.

use ratatui::{buffer::Buffer, layout::Rect};

use super::boxed;
use crate::tui::{
    keymap::Sequence,
    theme::{Role, Theme},
    widget::{fit, row::Row},
};

/// The widest pop-up.
const WIDEST: usize = 60;

/// Paints them into the corner above the keys, where they hide the least.
pub(super) fn draw(sequence: &Sequence, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    let keys = sequence.next.iter().map(|next| fit::width(&next.key)).max().unwrap_or(0);
    let text = sequence.next.iter().map(|next| fit::width(next.help)).max().unwrap_or(0);
    let title = format!("{} ...", sequence.keys);
    // A border, and a blank before and between.
    let width = (keys + text + 5).max(fit::width(&title) + 4).min(WIDEST).min(usize::from(body.width)) as u16;
    let rows = sequence.next.len().min(usize::from(body.height.saturating_sub(2)));
    if rows == 0 {
        return;
    }
    let height = rows as u16 + 2;
    let area = Rect { x: body.right() - width, y: body.bottom() - height, width, height };
    let inner = boxed(theme, area, &title, buffer);
    for (y, next) in sequence.next.iter().take(rows).enumerate() {
        let row = Row::new(theme, inner.width).gap(1).cell(&next.key, keys, Role::Key);
        row.text(next.help, Role::Normal).draw(inner, y as u16, buffer);
    }
}
