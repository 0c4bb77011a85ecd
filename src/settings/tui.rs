//! The `[tui]` table: what the dashboard does beside its screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a text gets into the clipboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clipboard {
    /// By the terminal (OSC 52), also over SSH.
    #[default]
    Osc52,
    /// Not at all: texts are shown, to be taken by hand.
    Off,
}

/// How a person is called who looks elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// Not at all.
    Off,
    /// By the terminal's bell, which multiplexers pass on as a mark on the window.
    #[default]
    Bell,
    /// By a notification of the desktop (OSC 9), where the terminal has them.
    Osc9,
}

impl Notify {
    /// Reads its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "bell" => Some(Self::Bell),
            "osc9" => Some(Self::Osc9),
            _ => None,
        }
    }

    /// What it does, at the end of a sentence.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Off => "nothing",
            Self::Bell => "the bell",
            Self::Osc9 => "a notification",
        }
    }
}

/// What a person is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A rollout came to be in a state that needs a person: a breach, a failure, missing data, going back.
    Breach,
    /// A rollout waits for a person.
    NeedsYou,
    /// The connection was lost, or is back.
    Lost,
    /// An action of one's own was answered.
    Answered,
    /// A rollout ended, one way or the other.
    Done,
    /// A window began to hold a rollout.
    Frozen,
}

/// The table, with what holds where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TuiSettings {
    /// How a text gets into the clipboard.
    pub clipboard: Clipboard,
    /// Whether names are links to what `[links]` says, in terminals that can.
    pub links: bool,
    /// How a person is called.
    pub notify: Notify,
    /// What for.
    pub notify_on: Vec<Occasion>,
    /// Whether reasons that were given are kept for the next time.
    pub history: bool,
    /// Whether the mouse selects, opens and scrolls; without, it selects text as in any terminal.
    pub mouse: bool,
}

impl Default for TuiSettings {
    fn default() -> Self {
        Self {
            clipboard: Clipboard::default(),
            links: true,
            notify: Notify::default(),
            notify_on: vec![Occasion::Breach, Occasion::NeedsYou, Occasion::Lost],
            history: true,
            mouse: false,
        }
    }
}
