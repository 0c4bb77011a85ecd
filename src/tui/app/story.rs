//! What happened to a rollout, the newest first: entries of the audit trail and what a cluster tells,
//! in one line of time.

use chrono::{DateTime, Utc};

use crate::domain::{AuditEntry, Rollout, workload::Happening};

/// One line of it.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// From the audit trail.
    Entry(&'a AuditEntry),
    /// From the cluster.
    Happened(&'a Happening),
}

impl Told<'_> {
    /// When.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Entry(entry) => entry.at,
            Self::Happened(happening) => happening.at,
        }
    }
}

/// What the cluster tells of a rollout.
#[must_use]
pub fn happenings(rollout: &Rollout) -> &[Happening] {
    rollout.workload.as_ref().map_or(&[], |workload| &workload.happenings)
}

/// Both, the newest first. Of what is of one moment, that comes first which somebody did.
#[must_use]
pub fn story<'a>(entries: &'a [AuditEntry], rollout: &'a Rollout) -> Vec<Told<'a>> {
    let mut all: Vec<Told<'a>> = entries.iter().map(Told::Entry).collect();
    all.extend(happenings(rollout).iter().map(Told::Happened));
    // The trail is in the order of its numbers: only what is put between them is put by its time.
    if !happenings(rollout).is_empty() {
        all.sort_by_key(|told| std::cmp::Reverse(told.at()));
    }
    all
}
