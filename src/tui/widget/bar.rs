//! A share as a bar of a few cells: what is more than nothing shows, and what is not all of it is not full.

use crate::tui::capability::Glyphs;

/// A share in percent as a bar of so many cells.
#[must_use]
pub fn bar(percent: f64, cells: usize, glyphs: Glyphs) -> String {
    // Both signs are of East Asian width "neutral".
    let (full, empty) = match glyphs {
        Glyphs::Unicode => ('\u{25b0}', '\u{25b1}'),
        Glyphs::Ascii => ('=', '.'),
    };
    let share = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
    let filled = (share / 100.0 * cells as f64).round() as usize;
    let filled = match share {
        0.0 => 0,
        100.0 => cells,
        _ => filled.clamp(1.min(cells), cells.saturating_sub(1).max(1.min(cells))),
    };
    (0..cells).map(|at| if at < filled { full } else { empty }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_empty_only_at_nothing_and_full_only_at_all() {
        for (percent, text) in [
            (0.0, "....."),
            (0.4, "=...."),
            (20.0, "=...."),
            (50.0, "===.."),
            (99.9, "====."),
            (100.0, "====="),
            (-4.0, "....."),
            (1e9, "====="),
            (f64::NAN, "....."),
        ] {
            assert_eq!(bar(percent, 5, Glyphs::Ascii), text, "{percent}");
        }
        assert_eq!(bar(20.0, 5, Glyphs::Unicode), "▰▱▱▱▱");
        assert_eq!(bar(50.0, 0, Glyphs::Ascii), "");
    }
}
