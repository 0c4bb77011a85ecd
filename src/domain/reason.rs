//! The mandatory reason of an action.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest characters of a reason, after trimming.
pub const REASON_MIN: usize = 10;
/// Most characters of a reason, after trimming.
pub const REASON_MAX: usize = 500;

/// Why somebody acts: 10 to 500 characters after trimming, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Reason(String);

/// Why a text is not a reason. The text says the rule, so that it can be shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// Nothing was given.
    #[error("a reason is required: {REASON_MIN} to {REASON_MAX} characters that say why")]
    Missing,
    /// Fewer than [`REASON_MIN`] characters.
    #[error("the reason has {0} characters and needs at least {REASON_MIN}")]
    TooShort(usize),
    /// More than [`REASON_MAX`] characters.
    #[error("the reason has {0} characters, more than the {REASON_MAX} that are kept")]
    TooLong(usize),
    /// A control, bidirectional or invisible character.
    #[error("the reason has a control or invisible character at position {0}: write it as plain text on one line")]
    Control(usize),
}

impl Reason {
    /// Trims and checks a text.
    ///
    /// # Errors
    /// [`ReasonError`], whose message is the rule that was not kept.
    pub fn new(text: impl AsRef<str>) -> Result<Self, ReasonError> {
        let text = text.as_ref().trim();
        let length = text.chars().count();
        if let Some(at) = super::text::first_hostile(text) {
            return Err(ReasonError::Control(at + 1));
        }
        match length {
            0 => Err(ReasonError::Missing),
            n if n < REASON_MIN => Err(ReasonError::TooShort(n)),
            n if n > REASON_MAX => Err(ReasonError::TooLong(n)),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = ReasonError;
    fn try_from(text: String) -> Result<Self, ReasonError> {
        Self::new(text)
    }
}
impl From<Reason> for String {
    fn from(reason: Reason) -> String {
        reason.0
    }
}
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_taken_or_refused_by_the_rule_that_the_message_says() {
        let long = "x".repeat(REASON_MAX);
        let table: &[(&str, Result<&str, ReasonError>)] = &[
            ("", Err(ReasonError::Missing)),
            (" \t\n ", Err(ReasonError::Missing)),
            ("too short", Err(ReasonError::TooShort(9))),
            ("  too short  ", Err(ReasonError::TooShort(9))),
            ("ten chars!", Ok("ten chars!")),
            ("  ten chars!\n", Ok("ten chars!")),
            ("zehn Züge…", Ok("zehn Züge…")),
            (&long, Ok(&long)),
            ("spike of\nerrors", Err(ReasonError::Control(9))),
            ("spike of\terrors", Err(ReasonError::Control(9))),
            ("\u{1b}[31mspike of errors", Err(ReasonError::Control(1))),
            ("spike\u{202e} of errors", Err(ReasonError::Control(6))),
            ("spike\u{200b} of errors", Err(ReasonError::Control(6))),
            ("spike\u{fe0f} of errors", Err(ReasonError::Control(6))),
        ];
        for (text, expected) in table {
            assert_eq!(Reason::new(text).as_ref().map(Reason::as_str), expected.as_ref().map(|t| *t), "{text:?}");
        }
        assert_eq!(Reason::new(format!("{long}x")), Err(ReasonError::TooLong(REASON_MAX + 1)));
    }

    #[test]
    fn json_goes_through_the_same_rule() {
        assert!(serde_json::from_str::<Reason>("\"short\"").is_err());
        let reason: Reason = serde_json::from_str("\"  canary fails its checks \"").unwrap();
        assert_eq!(serde_json::to_string(&reason).unwrap(), "\"canary fails its checks\"");
    }
}
