//! What the message row says.

use std::time::Duration;

use crate::domain::{RolloutId, SafeText};

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

/// What became of an action is not known: said until it is, or until it is put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    /// Of which rollout.
    pub id: RolloutId,
    /// What is said.
    pub text: SafeText,
    /// Whether the rollout was seen to wait for it: when it does not any more, there is news.
    pub waited: bool,
}
