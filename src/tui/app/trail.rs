//! The state of the audit view: the query as typed, what came back, and what is proven of it.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::when;
use crate::{
    backend::{AuditPage, AuditQuery, BackendError, CheckpointView, VerifyReport},
    domain::{AuditEntry, RolloutId},
};

/// Most entries that are asked for.
pub const PAGE: u32 = 500;

/// What is known of an entry's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nobody checked yet.
    Unchecked,
    /// A signed checkpoint proves it.
    Proven,
    /// No signed checkpoint covers it yet.
    Unproven,
    /// It is the first that does not hash to its leaf.
    Broken,
}

/// A filter as it was typed: what the backend filters, and words that are looked for in what it answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// What the backend is asked.
    pub query: AuditQuery,
    /// Words that every shown entry has.
    pub words: Vec<String>,
}

impl Filter {
    /// Reads `actor:x action:y rollout:t/n since:2h until:10m` and words.
    ///
    /// # Errors
    /// Which part is wrong, and what was expected.
    pub fn parse(text: &str, now: DateTime<Utc>, zone: Option<FixedOffset>) -> Result<Self, String> {
        let mut filter =
            Self { query: AuditQuery { limit: PAGE, newest: true, ..AuditQuery::default() }, ..Self::default() };
        for part in text.split_whitespace() {
            let Some((key, value)) = part.split_once(':') else {
                filter.words.push(part.to_lowercase());
                continue;
            };
            let ago = |value: &str| match when::span(value) {
                Some(span) => Ok(now - TimeDelta::from_std(span).unwrap_or_default()),
                None => when::instant(value, now, zone),
            };
            match key {
                "actor" | "who" => filter.query.actor = Some(value.to_owned()),
                "action" => filter.query.action = Some(value.to_owned()),
                "rollout" => {
                    let id: RolloutId =
                        value.parse().map_err(|_| format!("rollout:{value}: use rollout:TARGET/NAME"))?;
                    filter.query.rollout = Some(id.to_string());
                }
                "since" => filter.query.since = Some(ago(value).map_err(|e| format!("since: {e}"))?),
                "until" => filter.query.until = Some(ago(value).map_err(|e| format!("until: {e}"))?),
                _ => filter.words.push(part.to_lowercase()),
            }
        }
        Ok(filter)
    }

    fn shows(&self, entry: &AuditEntry) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = format!(
            "{} {} {} {} {} {} {}",
            entry.actor.id,
            entry.action,
            entry.subject.target.as_ref().map_or("", |t| t.as_str()),
            entry.subject.name,
            entry.reason.as_ref().map_or("", |t| t.as_str()),
            entry.effect.as_ref().map_or("", |t| t.as_str()),
            entry.ticket.as_ref().map_or("", |t| t.as_str()),
        )
        .to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// The audit view.
#[derive(Debug, Default)]
pub struct Trail {
    /// The filter as typed.
    pub text: String,
    /// The filter in force.
    pub filter: Filter,
    /// The newest signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
    /// What the last verification found, and when.
    pub verified: Option<(VerifyReport, Duration)>,
    /// Since when a verification runs.
    pub verifying: Option<Duration>,
    /// Why the last verification did not answer.
    pub verify_error: Option<BackendError>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Whether an answer is on its way.
    pub asking: bool,
    entries: Vec<AuditEntry>,
    selected: Option<u64>,
    cursor: usize,
    loaded: bool,
}

impl Trail {
    /// Whether a first answer has come.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The entries that are shown, the newest first.
    #[must_use]
    pub fn entries(&self) -> &[AuditEntry] {
        &self.entries
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The selected entry.
    #[must_use]
    pub fn selected(&self) -> Option<&AuditEntry> {
        self.entries.get(self.cursor)
    }

    /// Takes an answer to the question that is in force.
    pub fn take(&mut self, page: AuditPage) {
        self.loaded = true;
        self.asking = false;
        self.error = None;
        self.checkpoint = page.checkpoint;
        let filter = &self.filter;
        self.entries = page.entries.into_iter().rev().filter(|entry| filter.shows(entry)).collect();
        // The cursor stays on its entry; on the newest one it goes on to newer ones.
        match self.selected {
            Some(seq) if self.cursor > 0 => {
                let at = self.entries.iter().position(|entry| entry.seq <= seq);
                self.cursor = at.unwrap_or(self.entries.len().saturating_sub(1));
            }
            _ => self.cursor = 0,
        }
        self.selected = self.selected().map(|entry| entry.seq);
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.entries.len().saturating_sub(1));
        self.selected = self.selected().map(|entry| entry.seq);
    }

    /// What is known of an entry's place in the tree.
    #[must_use]
    pub fn proof(&self, seq: u64) -> Proof {
        match &self.verified {
            None => Proof::Unchecked,
            Some((report, _)) => match report.first_bad {
                Some(bad) if seq == bad => Proof::Broken,
                Some(bad) if seq > bad => Proof::Unproven,
                _ if report.differs_after.is_some_and(|size| seq > size) => Proof::Unproven,
                _ if seq <= report.proven => Proof::Proven,
                _ => Proof::Unproven,
            },
        }
    }
}
