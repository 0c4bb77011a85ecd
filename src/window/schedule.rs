//! A schedule, read and checked: which spans it stands for.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::{Schedule, Window};

/// Why a window's schedule, or its `from` and `until`, cannot be what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} {got:?}: {why}")]
pub struct ScheduleError {
    /// Which part of it: a field, or a word of the rule.
    pub part: &'static str,
    /// The beginning of what was given there.
    pub got: String,
    /// What is wrong with it, and what to write.
    pub why: String,
}

impl ScheduleError {
    pub(super) fn new(part: &'static str, got: impl std::fmt::Display, why: impl Into<String>) -> Self {
        Self { part, got: format!("{got}").chars().take(80).collect(), why: why.into() }
    }
}

/// When a window first begins and last ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// When its first span begins.
    pub from: DateTime<Utc>,
    /// When its last span ends; none when it has no end.
    pub until: Option<DateTime<Utc>>,
}

/// Checks when a window is to hold, and says when it first begins and last ends: what its `from` and `until` are to be.
///
/// # Errors
/// The part that is wrong: a zone that the time zone database does not have, an impossible or backward span,
/// a rule outside the grammar or without a date.
pub fn check(window: &Window) -> Result<Bounds, ScheduleError> {
    match &window.schedule {
        Some(schedule) => zone(schedule).map(|_| Bounds { from: window.from, until: window.until }),
        None => match window.until {
            Some(until) if until <= window.from => {
                Err(ScheduleError::new("until", until, format!("it has to be after {}", window.from)))
            }
            until => Ok(Bounds { from: window.from, until }),
        },
    }
}

/// The version of the time zone database that schedules are worked out with, such as `2025b`.
#[must_use]
pub fn tzdb() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

fn zone(schedule: &Schedule) -> Result<Tz, ScheduleError> {
    let text = schedule.zone.as_str();
    Tz::from_str(text).map_err(|_| {
        let near = chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| (strsim::jaro_winkler(zone.name(), text), zone.name()))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(likeness, _)| *likeness > 0.8);
        let hint = near.map_or_else(|| "Europe/Oslo".to_owned(), |(_, name)| name.to_owned());
        ScheduleError::new(
            "schedule.zone",
            text,
            format!("the time zone database {} has no such zone: name one like {hint}", tzdb()),
        )
    })
}
