//! A one-line text field on the screen, scrolled so that the cursor is in it.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{fit, row::Row};
use crate::{
    domain::SafeText,
    tui::{
        app::text::Field,
        theme::{Role, Theme},
    },
};

/// Paints a field into one row; says where the cursor is when it has the keys.
pub fn draw(field: &Field, focused: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    // What was typed passes the same edge as what came over the wire.
    let before: String = field.text().chars().take(field.cursor()).collect();
    let after: String = field.text().chars().skip(field.cursor()).collect();
    let shown =
        |text: &str| text.chars().map(|c| SafeText::new(c.to_string())).fold(String::new(), |all, c| all + c.as_str());
    let (before, after) = (shown(&before), shown(&after));
    let room = usize::from(area.width).saturating_sub(1);
    let mut start = 0;
    let mut used = fit::width(&before);
    for (at, grapheme) in before.grapheme_indices(true) {
        if used <= room {
            break;
        }
        used -= fit::width(grapheme);
        start = at + grapheme.len();
    }
    let visible = format!("{}{after}", &before[start..]);
    let role = if focused { Role::FieldFocused } else { Role::Field };
    buffer.set_style(Rect { height: 1, ..area }, theme.style(role));
    Row::new(theme, area.width).text(&fit::fit(&visible, usize::from(area.width), ""), role).draw(area, 0, buffer);
    focused.then(|| Position { x: area.x + used.min(room) as u16, y: area.y })
}
