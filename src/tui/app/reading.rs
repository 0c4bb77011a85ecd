//! The audit trail, read from a moment on to its end: what was looked at, what of it may matter, and how far
//! what is known goes. Whoever says "nothing else changed" says it by this and by nothing else.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    backend::{AuditPage, AuditQuery, BackendError},
    domain::{AuditEntry, SubjectKind},
};

/// Entries that are asked for at a time.
pub const PAGE: u32 = 500;
/// Most entries that are kept.
const KEPT_MAX: usize = 1000;
/// Three refreshes: what was read of the trail longer ago is not fresh.
pub const FRESH: Duration = Duration::from_secs(35);

/// How far what is known of the trail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The trail was read to its end, and that was just now: there is nothing else.
    All,
    /// It was not read yet.
    NotYet,
    /// It is still being read.
    Reading,
    /// It was read to its end, and that is a while ago.
    Old(Duration),
    /// It cannot be read.
    Not(String),
}

/// What was read of the trail since a moment.
#[derive(Debug, Default)]
pub struct Reading {
    since: Option<DateTime<Utc>>,
    /// What matters, or may: the oldest first.
    entries: VecDeque<AuditEntry>,
    dropped: usize,
    looked_at: u64,
    last: u64,
    checkpoint: Option<u64>,
    error: Option<BackendError>,
    asking: Option<Duration>,
    /// When it was last read to its end, since the program started.
    ended: Option<Duration>,
    /// What has to be asked for again before what new entries speak of is known.
    unsettled: Vec<SubjectKind>,
}

impl Reading {
    /// Since when it is read.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// What matters, or may, the newest first.
    pub fn entries(&self) -> impl Iterator<Item = &AuditEntry> {
        self.entries.iter().rev()
    }

    /// How many older ones were let go of.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many entries of the trail were looked at.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// The last entry that was looked at, and how many a signed checkpoint covers.
    #[must_use]
    pub fn reached(&self) -> (u64, Option<u64>) {
        (self.last, self.checkpoint)
    }

    /// How far what is known goes.
    #[must_use]
    pub fn known(&self, elapsed: Duration) -> Known {
        match (&self.error, self.ended) {
            (Some(error), _) => Known::Not(error.to_string()),
            (None, None) if self.asking.is_some() => Known::Reading,
            (None, None) => Known::NotYet,
            (None, Some(_)) if !self.unsettled.is_empty() => Known::Reading,
            (None, Some(ended)) => match elapsed.saturating_sub(ended) {
                old if old > FRESH => Known::Old(old),
                _ => Known::All,
            },
        }
    }

    /// Begins to read from a moment on: all that was read is forgotten.
    pub fn begin(&mut self, since: DateTime<Utc>) {
        self.since = Some(since);
        self.entries.clear();
        (self.dropped, self.looked_at, self.last, self.ended, self.asking) = (0, 0, 0, None, None);
    }

    /// The next question: what came after the last entry that is known.
    pub fn wants(&mut self, elapsed: Duration) -> Option<AuditQuery> {
        // An answer that never came does not end the reading.
        if self.asking.is_some_and(|at| elapsed.saturating_sub(at) < Duration::from_secs(20)) {
            return None;
        }
        let since = self.since?;
        self.asking = Some(elapsed);
        Some(AuditQuery { after: self.last, since: Some(since), limit: PAGE, ..AuditQuery::default() })
    }

    /// Takes an answer; says whether the screen may differ, and whether there may be more.
    pub fn take(
        &mut self,
        query: &AuditQuery,
        answer: Result<AuditPage, BackendError>,
        elapsed: Duration,
        matters: impl Fn(&AuditEntry) -> bool,
    ) -> (bool, bool) {
        if query.after != self.last || query.since != self.since {
            return (false, false);
        }
        self.asking = None;
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                let changed = self.error.as_ref() != Some(&error);
                self.error = Some(error);
                return (changed, false);
            }
        };
        let failed = self.error.take().is_some();
        let was = self.known(elapsed);
        let more = page.entries.len() >= PAGE as usize;
        self.checkpoint = page.checkpoint.map(|checkpoint| checkpoint.size).or(self.checkpoint);
        let came = !page.entries.is_empty();
        for entry in page.entries {
            self.last = self.last.max(entry.seq);
            self.looked_at += 1;
            if matters(&entry) {
                let kind = entry.subject.kind;
                let looked_up = matches!(kind, SubjectKind::Window | SubjectKind::Override | SubjectKind::Approval);
                if looked_up && !self.unsettled.contains(&kind) {
                    self.unsettled.push(kind);
                }
                self.entries.push_back(entry);
            }
        }
        while self.entries.len() > KEPT_MAX {
            self.entries.pop_front();
            self.dropped += 1;
        }
        if !more {
            self.ended = Some(elapsed);
        }
        (failed || came || was != self.known(elapsed), more)
    }

    /// What entries speak of that has to be asked for again.
    #[must_use]
    pub fn unsettled(&self) -> &[SubjectKind] {
        &self.unsettled
    }

    /// That came, or cannot be had: entries about it are told by what is known now. Says whether the
    /// screen may differ.
    pub fn settled(&mut self, kind: SubjectKind) -> bool {
        let before = self.unsettled.len();
        self.unsettled.retain(|other| *other != kind);
        before != self.unsettled.len()
    }

    /// When what is known becomes old, or its age is another text.
    #[must_use]
    pub fn flips_at(&self, elapsed: Duration) -> Option<Duration> {
        let ended = self.ended?;
        let old = elapsed.saturating_sub(ended);
        if old <= FRESH {
            return Some(ended + FRESH + Duration::from_millis(50));
        }
        Some(elapsed + super::age::age_flips_in(TimeDelta::from_std(old).unwrap_or_default()))
    }
}
