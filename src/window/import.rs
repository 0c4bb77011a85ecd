//! Windows from other forms: what converts exactly, or else why it does not.
//!
//! A file is converted whole or refused whole. What was left out of it because it makes no difference here, and what was read
//! in one of several ways, is said in remarks.

mod argocd;
mod cron;
mod document;
mod gitlab;
mod ical;

use chrono::{DateTime, NaiveDateTime, Utc};

pub use self::{argocd::argocd, gitlab::gitlab, ical::ical};
use super::{ScheduleError, check};
use crate::domain::{
    Effect, ImportedFrom, Initiator, OnEnter, Operation, Overridable, SafeText, Schedule, Scope, Window,
};

/// A window as a file says it, without who adds it and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// What it is about; all that widens a change, when empty.
    pub actions: Vec<Operation>,
    /// Whose doing it is about; everybody's, when empty.
    pub initiators: Vec<Initiator>,
    /// What is done, when it begins, with what is under way.
    pub on_enter: OnEnter,
    /// Who may let something pass it.
    pub overridable: Overridable,
    /// The event that it is, where the form has a name for each; its content is not worked out yet.
    pub event: Option<ImportedFrom>,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The windows, in the file's order.
    pub windows: Vec<WindowDraft>,
    /// Events that the file says are cancelled.
    pub cancelled: Vec<ImportedFrom>,
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

impl ImportError {
    fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        let why: String = why.into();
        Self { place: place.into(), why: why.chars().take(400).collect() }
    }
}

impl Imported {
    /// Says something once, however often it comes up.
    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

impl WindowDraft {
    /// Checks the schedule that it has, and takes its bounds from it.
    fn checked(mut self) -> Result<Self, ScheduleError> {
        let window = Window {
            effect: self.effect,
            from: self.from,
            until: self.until,
            schedule: self.schedule.clone(),
            ..Window::default()
        };
        let bounds = check(&window)?;
        (self.from, self.until) = (bounds.from, bounds.until);
        Ok(self)
    }
}

/// A rule in a zone: the form in which crons end up.
fn schedule(zone: &str, start: NaiveDateTime, rule: &str) -> Schedule {
    Schedule {
        zone: SafeText::new(zone),
        start,
        end: None,
        duration: None,
        rrule: Some(SafeText::new(rule)),
        rdate: Vec::new(),
        exdate: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
