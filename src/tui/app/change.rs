//! What changed a rollout and when, for the time axis of its charts: stages that began, and what
//! somebody or something did to it.

use chrono::{DateTime, Utc};

use crate::domain::{AuditEntry, Outcome, Rollout};

/// What changed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// What, in a word: a stage's name, or what was done.
    pub word: &'a str,
}

/// Stages that began and acts that were carried out, the oldest first. A stage that begins because of an
/// act stands behind it.
#[must_use]
pub fn changes<'a>(rollout: &'a Rollout, timeline: &'a [AuditEntry]) -> Vec<Change<'a>> {
    let stages = rollout
        .stages
        .iter()
        .filter_map(|stage| Some((1, Change { at: stage.entered_at?, word: stage.name.as_str() })));
    let acts = timeline
        .iter()
        .filter(|entry| entry.outcome == Outcome::Applied)
        .filter_map(|entry| Some((0, Change { at: entry.at, word: word(entry.action.as_str())? })));
    let mut all: Vec<(u8, Change<'a>)> = stages.chain(acts).collect();
    all.sort_by_key(|(order, change)| (change.at, *order));
    all.into_iter().map(|(_, change)| change).collect()
}

/// The word of an act; none for what changes nothing of what runs.
fn word(action: &str) -> Option<&'static str> {
    Some(match action {
        "start" => "start",
        "promote" | "promote_full" => "promoted",
        "pause" => "paused",
        "resume" => "resumed",
        "rollback" => "rollback",
        "retry" => "retried",
        _ => return None,
    })
}
