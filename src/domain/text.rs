//! Text from outside, made harmless once, where it enters.
//!
//! [`SafeText`] is one line, [`SafeBlock`] keeps line breaks. Both replace what could steer or
//! mislead a terminal or its reader by U+FFFD (never delete: deletion can join halves), and bound
//! the length. There is no way to make one that skips this, deserialising included.
//!
//! It works on characters, not on escape sequences: whoever looks for sequences misses one.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

use super::shared;

/// Longest [`SafeText`], in characters. A longer one ends in `…`.
pub const TEXT_MAX: usize = 500;
/// Longest [`SafeBlock`], in bytes: the tail of a command's output.
pub const BLOCK_MAX: usize = 4096;
/// Most combining marks on one base character. Living scripts need up to four.
pub const MARKS_MAX: usize = 4;
/// What stands where a character was replaced.
pub const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

const ELLIPSIS: char = '\u{2026}';

/// One line of text that is safe to store, log and paint.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct SafeText(Arc<str>);

/// Several lines of text that are safe to store and paint, the last [`BLOCK_MAX`] bytes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SafeBlock(String);

impl SafeText {
    /// Sanitises a text of any content and length. A tab becomes a space.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        if is_plain(text) {
            return Self(text.into());
        }
        let mut safe = String::new();
        let mut count = 0;
        let mut last = 0;
        for c in clean(text, Lines::One) {
            count += 1;
            if count > TEXT_MAX {
                safe.truncate(last);
                safe.push(ELLIPSIS);
                break;
            }
            last = safe.len();
            safe.push(c);
        }
        Self(safe.into())
    }

    /// The sanitised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether nothing of it has to be looked at closely.
fn is_plain(text: &str) -> bool {
    text.len() <= TEXT_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared::read(deserializer, |text| Ok(if is_plain(text) { Self(shared::share(text)) } else { Self::new(text) }))
    }
}

impl SafeBlock {
    /// Sanitises a text of any content and length; of a longer one the end is kept. Both `\n` and
    /// `\r\n` end a line, a tab becomes a space.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        // A character becomes at most three quarters as long (four bytes replaced by three, or
        // `\r\n` halved), so twice the bound is always enough to fill it.
        let tail = &text[text.ceil_char_boundary(text.len().saturating_sub(2 * BLOCK_MAX))..];
        let mut safe: String = clean(tail, Lines::Many).collect();
        if safe.len() > BLOCK_MAX {
            let from = safe.ceil_char_boundary(safe.len() - BLOCK_MAX);
            // A mark whose base was cut off would sit on whatever is painted before it.
            let kept = safe[from..].trim_start_matches(is_mark);
            safe = kept.to_owned();
        }
        Self(safe)
    }

    /// The sanitised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines, each safe to paint.
    #[must_use]
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.lines()
    }
}

macro_rules! conversions {
    ($($name:ident),*) => {$(
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.as_str().to_owned()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}
conversions!(SafeText, SafeBlock);

/// Whether a character could steer or mislead a terminal or a reader, and so is never kept as it
/// is: controls (a line break too), bidirectional and other format characters, zero-width and
/// blank-looking letters, tags, variation selectors but the two of emoji, private use, unassigned.
///
/// Combining marks and the two selectors of emoji are judged by what they stand on:
/// [`first_hostile`].
#[must_use]
pub fn is_hostile(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    is_invisible(c)
        || matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::Surrogate
                | GeneralCategory::PrivateUse
                | GeneralCategory::Unassigned
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
}

/// The position, in characters, of the first one that [`SafeText`] would replace.
#[must_use]
pub fn first_hostile(text: &str) -> Option<usize> {
    let mut context = Context::default();
    text.chars().position(|c| c != context.keep(c))
}

/// Characters that look like nothing and are no format characters by category.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{034f}'                     // combining grapheme joiner
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'      // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'      // Mongolian selectors
        | '\u{2065}'
        | '\u{2800}'                   // braille blank
        | '\u{fe00}'..='\u{fe0d}'      // variation selectors but the two of emoji
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1d159}'                  // musical null notehead
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'    // tags, and the other variation selectors
    )
}

/// Whether it has no place of its own but goes onto the one before: combining marks, and letters
/// that terminals give no width, such as the second half of a decomposed Hangul syllable.
fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && (c.width() == Some(0)
            || matches!(
                c.general_category(),
                GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark | GeneralCategory::SpacingMark
            ))
}

fn is_emoji_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

#[derive(Clone, Copy, PartialEq)]
enum Lines {
    One,
    Many,
}

/// What went before a character on its line.
struct Context {
    /// The character before it.
    before: Option<char>,
    /// Marks on the base so far; more than [`MARKS_MAX`] once one was replaced, so that the rest of
    /// the run is replaced too.
    marks: usize,
}

impl Default for Context {
    fn default() -> Self {
        // As after a line break: a mark has nothing of its own to stand on.
        Self { before: None, marks: MARKS_MAX }
    }
}

impl Context {
    fn keep(&mut self, c: char) -> char {
        let kept = if is_hostile(c) {
            REPLACEMENT
        } else if is_emoji_selector(c) {
            let fits = self.before.is_some_and(UnicodeEmoji::is_emoji_char);
            if fits { c } else { REPLACEMENT }
        } else if is_mark(c) {
            self.marks += 1;
            if self.marks > MARKS_MAX || !self.is_joined_by(c) { REPLACEMENT } else { c }
        } else {
            self.marks = 0;
            c
        };
        if kept == REPLACEMENT && !is_mark(c) {
            self.marks = 0;
        }
        self.before = Some(kept);
        kept
    }

    /// Whether a mark goes with what is before it. Letters without a width that begin a cluster of their own
    /// (half a Hangul syllable on no other half, signs that belong to what follows) have no cell, and a
    /// terminal paints them onto one that says something else.
    fn is_joined_by(&self, mark: char) -> bool {
        let pair: String = self.before.into_iter().chain([mark]).collect();
        mark.width() != Some(0) || pair.graphemes(true).nth(1).is_none()
    }
}

/// The characters of a text, each as it is kept.
fn clean(text: &str, lines: Lines) -> impl Iterator<Item = char> {
    let mut context = Context::default();
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        let ends_line = c == '\n' || (c == '\r' && chars.peek() == Some(&'\n'));
        if ends_line && lines == Lines::Many {
            if c == '\r' {
                chars.next();
            }
            context = Context::default();
            return Some('\n');
        }
        Some(context.keep(if c == '\t' { ' ' } else { c }))
    })
}

/// Bytes in hexadecimal digits of lower case, two for each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
