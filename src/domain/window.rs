//! Change windows. In this version: one-off freezes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SafeText, Scope};

/// A span of time, `[from, until)`, in which what widens a change is frozen for a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// `w-` and a short id.
    pub id: SafeText,
    /// Goes up by one with each change.
    pub revision: u64,
    /// What it holds.
    pub scope: Scope,
    /// Shown to whoever is blocked.
    pub reason: SafeText,
    /// A ticket's id.
    pub ticket: Option<SafeText>,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends by itself; open-ended, when absent.
    pub until: Option<DateTime<Utc>>,
    /// What is done, when it begins, with what goes on by itself.
    #[serde(default, skip_serializing_if = "OnEnter::is_hold")]
    pub on_enter: OnEnter,
    /// Who made it.
    pub created_by: SafeText,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who lifted it, when, and why.
    pub lifted: Option<Lifted>,
}

/// What a window does, when it begins, with a rollout that goes on by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEnter {
    /// It holds what goes through Rolldeck, and nothing else.
    #[default]
    Hold,
    /// What a driver carries out and goes on by itself is paused.
    Pause,
}

impl OnEnter {
    /// Whether it is what goes without saying.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        *self == Self::Hold
    }
}

/// How a window came to an early end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lifted {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: SafeText,
    /// Why.
    pub reason: SafeText,
}

/// Where a window is at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// It has not begun.
    Upcoming,
    /// It holds.
    Active,
    /// It is over.
    Ended,
    /// It was lifted.
    Lifted,
}
