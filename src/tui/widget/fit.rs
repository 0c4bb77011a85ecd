//! Text cut and padded by the columns it takes, never by its bytes or characters.

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation;

use crate::tui::{capability::Glyphs, theme::Theme};

/// How many columns a text takes, by the same rule as it is painted by.
#[must_use]
pub fn width(text: &str) -> usize {
    // One byte is one column: a control character that is measured before it is replaced is no mistake.
    text.graphemes(true).map(|of| if of.len() == 1 { 1 } else { usize::from(of.cell_width()) }).sum()
}

/// The sign that something was cut off.
#[must_use]
pub fn ellipsis(theme: &Theme) -> &'static str {
    match theme.glyphs() {
        Glyphs::Unicode => "\u{2026}",
        Glyphs::Ascii => "~",
    }
}

/// The text, or its beginning and an ellipsis, in at most `columns`.
#[must_use]
pub fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut out = String::with_capacity(columns);
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let w = width(grapheme);
        if used + w > room {
            break;
        }
        out.push_str(grapheme);
        used += w;
    }
    if columns >= width(ellipsis) {
        out.push_str(ellipsis);
    }
    out
}

/// The text, or its beginning and its end with an ellipsis between, in at most `columns`: for names that
/// differ at their ends.
#[must_use]
pub fn middle(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns || columns < width(ellipsis) + 4 {
        return fit(text, columns, ellipsis);
    }
    let room = columns - width(ellipsis);
    let take = |graphemes: &mut dyn Iterator<Item = &str>, room: usize| {
        let mut used = 0;
        let mut taken: Vec<String> = Vec::new();
        for grapheme in graphemes {
            used += width(grapheme);
            if used > room {
                break;
            }
            taken.push(grapheme.to_owned());
        }
        taken
    };
    let mut end = take(&mut text.graphemes(true).rev(), room / 2);
    end.reverse();
    let end = end.concat();
    let start = take(&mut text.graphemes(true), room - width(&end)).concat();
    // Joined graphemes may take more room than they did apart.
    fit(&format!("{start}{ellipsis}{end}"), columns, ellipsis)
}

/// The text in exactly `columns`, padded on the right.
#[must_use]
pub fn pad(text: &str, columns: usize, ellipsis: &str) -> String {
    let mut out = fit(text, columns, ellipsis);
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

/// Words of a text in lines of at most `columns`, at most `lines` of them; the last is cut.
#[must_use]
pub fn wrap(text: &str, columns: usize, lines: usize, ellipsis: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && out.len() < lines {
        if width(rest) <= columns || out.len() + 1 == lines {
            out.push(fit(rest, columns, ellipsis));
            break;
        }
        let mut used = 0;
        let mut end = 0;
        let mut space = None;
        for (at, grapheme) in rest.grapheme_indices(true) {
            let w = width(grapheme);
            if used + w > columns {
                // A line that ends just before a space is full of whole words.
                if grapheme == " " {
                    space = Some(at);
                }
                break;
            }
            if grapheme == " " {
                space = Some(at);
            }
            used += w;
            end = at + grapheme.len();
        }
        let cut = space.filter(|at| *at > 0).unwrap_or(end).max(1);
        let cut = (cut..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        out.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_so_that_wide_characters_never_push_a_column_out() {
        assert_eq!(fit("canary", 6, "~"), "canary");
        assert_eq!(fit("canary rollout", 8, "~"), "canary ~");
        assert_eq!(fit("日本語テキスト", 7, "~"), "日本語~");
        assert_eq!(fit("日本語テキスト", 6, "~"), "日本~");
        assert_eq!(width(&pad("日本語テキスト", 6, "~")), 6);
        assert_eq!(fit("abc", 0, "~"), "");
        assert_eq!(middle("request_latency_p99", 13, "~"), "reques~cy_p99");
        assert_eq!(middle("latency", 13, "~"), "latency");
        assert_eq!(wrap("one two three", 7, 3, "~"), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4, 2, "~"), ["abcd", "efg~"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_takes_more_than_its_columns(text in "\\PC{0,40}", columns in 0_usize..30) {
            proptest::prop_assert!(width(&fit(&text, columns, "~")) <= columns);
            proptest::prop_assert!(width(&middle(&text, columns, "~")) <= columns);
            proptest::prop_assert_eq!(width(&pad(&text, columns, "~")), columns);
            for line in wrap(&text, columns.max(2), 4, "~") {
                proptest::prop_assert!(width(&line) <= columns.max(2), "{:?}", line);
            }
        }
    }
}
