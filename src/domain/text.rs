//! Text from outside, made harmless once, where it enters.
//!
//! [`SafeText`] is one line, [`SafeBlock`] keeps line breaks. Both replace what could steer or
//! mislead a terminal by something visible (never delete: deletion can join halves), and bound the
//! length. There is no way to make one that skips this, deserialising included.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest [`SafeText`], in characters.
pub const TEXT_MAX: usize = 500;
/// Longest [`SafeBlock`], in bytes: the tail of a command's output.
pub const BLOCK_MAX: usize = 4096;

/// One line of text that is safe to store, log and paint.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SafeText(String);

/// Several lines of text that are safe to store and paint, the last [`BLOCK_MAX`] bytes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SafeBlock(String);

impl SafeText {
    /// Sanitises a text of any content and length.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect())
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

impl SafeBlock {
    /// Sanitises a text of any content and length; of a longer one the end is kept.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().chars().filter(|c| *c == '\n' || !c.is_control()).collect())
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
    pub fn lines(&self) -> impl Iterator<Item = &str> {
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
                text.0
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

/// Whether a character could steer or mislead a terminal or a reader, and so is never kept as it is.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
}
