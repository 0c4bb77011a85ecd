//! A one-line text field on the screen, scrolled so that the cursor is in it.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{fit, row::Row};
use crate::{
    domain::text::{REPLACEMENT, first_hostile},
    tui::{
        app::text::Field,
        theme::{Role, Theme},
    },
};

/// Paints a field into one row; says where the cursor is when it has the keys.
pub fn draw(field: &Field, focused: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let text = shown(field.text());
    let (before, after): (String, String) =
        (text.chars().take(field.cursor()).collect(), text.chars().skip(field.cursor()).collect());
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

/// The text as it may be painted, character for character: what was typed passes the same edge as what came
/// over the wire, and a mark whose letter was deleted stands on nothing.
fn shown(text: &str) -> String {
    let mut shown = text.to_owned();
    while let Some(at) = first_hostile(&shown) {
        shown = shown.chars().enumerate().map(|(n, c)| if n == at { REPLACEMENT } else { c }).collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_a_character_for_each_that_was_typed() {
        for (text, safe) in [
            ("plain", "plain"),
            ("e\u{301}t", "e\u{301}t"),
            ("\u{301}t\u{1b}[2J", "\u{fffd}t\u{fffd}[2J"),
            ("z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}", "z\u{300}\u{301}\u{302}\u{303}\u{fffd}\u{305}"),
        ] {
            assert_eq!(shown(text), safe, "{text:?}");
        }
    }
}
