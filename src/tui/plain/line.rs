//! One line: what is never in it, and how long it may be.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::{domain::SafeText, tui::capability::Glyphs};

/// Columns of a line that can be read on elsewhere; longer ones are cut.
pub const COLUMNS: usize = 100;

/// How text is said: typographic signs in ASCII always, and everything else where the locale has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice(pub Glyphs);

impl Voice {
    /// A line as it is printed. One that is too long is cut, and names the command that says the rest;
    /// where there is none, it is as long as it is.
    #[must_use]
    pub fn line(self, text: &str, more: &str) -> String {
        let text = self.said(text);
        if more.is_empty() || text.width() <= COLUMNS {
            return text;
        }
        let tail = format!("... ({more})");
        // A name alone may be longer than a line: something of it is said all the same.
        let room = COLUMNS.saturating_sub(tail.width()).max(COLUMNS / 3);
        let mut kept = String::new();
        for grapheme in text.graphemes(true) {
            if kept.width() + grapheme.width() > room {
                break;
            }
            kept.push_str(grapheme);
        }
        format!("{}{tail}", kept.trim_end_matches([' ', ',', ':', ';']))
    }

    fn said(self, text: &str) -> String {
        // Also what is put together of safe parts is made safe once more: it goes to a terminal as it is.
        let text = SafeText::new(text);
        let mut said = String::with_capacity(text.as_str().len());
        for c in text.as_str().chars() {
            match c {
                '\u{2026}' => said.push_str("..."),
                '\u{2192}' => said.push_str("to"),
                '\u{2190}' => said.push_str("from"),
                '\u{2013}' | '\u{2014}' | '\u{2212}' => said.push('-'),
                '\u{2018}' | '\u{2019}' => said.push('\''),
                '\u{201c}' | '\u{201d}' => said.push('"'),
                '\u{b1}' => said.push_str("+/-"),
                '\u{d7}' => said.push('x'),
                c if c.is_ascii() || self.0 == Glyphs::Unicode => said.push(c),
                _ => said.push('?'),
            }
        }
        // Keys are for screens: here the same is done by a word.
        for (key, word) in KEYS {
            if said.contains(key) {
                said = said.replace(key, word);
            }
        }
        said
    }
}

/// What the screen says of keys, and what does the same here.
const KEYS: [(&str, &str); 4] = [
    ("locked: A arms it for 10 minutes", "locked: the command arm unlocks it for 10 minutes"),
    ("LOCKED, A outside this dialog arms it", "LOCKED, the command arm unlocks it"),
    ("; A locks it again", "; the command disarm locks it again"),
    (": tab lists them", ": the command help lists them"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_where_the_rest_can_be_asked_for_and_only_there() {
        let voice = Voice(Glyphs::Unicode);
        let long = "word ".repeat(40);
        let cut = voice.line(&long, "show dc-west/pick-assist");
        assert!(cut.width() <= COLUMNS && cut.ends_with("word... (show dc-west/pick-assist)"), "{cut}");
        assert_eq!(voice.line(&long, "").width(), long.width());
        assert_eq!(voice.line("short", "show a/b"), "short");
        let wide = voice.line(&"日本".repeat(60), "show a/b");
        assert!(wide.width() <= COLUMNS && wide.ends_with("... (show a/b)"), "{wide}");
    }

    #[test]
    fn signs_are_said_in_ascii_and_control_characters_never_pass() {
        let voice = Voice(Glyphs::Ascii);
        assert_eq!(voice.line("a \u{2192} b\u{2026} \u{201c}x\u{201d} ü", ""), "a to b... \"x\" ?");
        assert_eq!(Voice(Glyphs::Unicode).line("ü \u{2026}", ""), "ü ...");
        let hostile = voice.line("a\u{1b}[2J\u{202e}b\r\nc", "");
        assert!(hostile.chars().all(|c| !c.is_control()), "{hostile:?}");
    }
}
