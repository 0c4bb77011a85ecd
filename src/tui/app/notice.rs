//! What the message row says.

use std::time::Duration;

use crate::domain::SafeText;

/// How long a notice stays.
pub const STAYS: Duration = Duration::from_secs(20);

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went as asked.
    Done,
    /// Worth knowing.
    Note,
    /// It was refused, or needs a person.
    Attention,
    /// It failed.
    Failed,
}

/// One line for the message row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: SafeText,
    /// How it is meant.
    pub tone: Tone,
    /// Until when it stays, since the program's start.
    pub until: Duration,
}

impl Notice {
    /// A notice that stays its time.
    #[must_use]
    pub fn new(tone: Tone, text: impl AsRef<str>, elapsed: Duration) -> Self {
        Self { text: SafeText::new(text), tone, until: elapsed + STAYS }
    }
}
