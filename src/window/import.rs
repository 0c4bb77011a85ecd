//! Windows from other forms: what converts exactly, or else why it does not.

use chrono::{DateTime, Utc};

use crate::domain::{Effect, Overridable, SafeText, Schedule, Scope};

/// A window as a file says it, without who adds it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowDraft {
    /// What people call it.
    pub name: Option<SafeText>,
    /// Whether it denies or allows.
    pub effect: Effect,
    /// What it is about.
    pub scope: Scope,
    /// Why, where the file says it.
    pub reason: Option<SafeText>,
    /// Whom to ask, where the file says it.
    pub contact: Option<SafeText>,
    /// When it first begins.
    pub from: DateTime<Utc>,
    /// When it last ends; none when it has no end.
    pub until: Option<DateTime<Utc>>,
    /// When it holds, where that is more than one span or is said in civil time.
    pub schedule: Option<Schedule>,
    /// Who may let something pass it.
    pub overridable: Overridable,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The windows, in the file's order.
    pub windows: Vec<WindowDraft>,
    /// What was left out of them or read in a certain way, and why.
    pub remarks: Vec<String>,
}

/// Why a file, or a part of it, does not convert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct ImportError {
    /// Where: a line, or a field's path.
    pub place: String,
    /// What is wrong there, and what to do.
    pub why: String,
}
