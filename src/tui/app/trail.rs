//! The state of the audit view: the filter as typed, what came back, and what is proven of it.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Local, Utc};

use super::zone::{Mine, Zone};
use crate::{
    backend::{AuditPage, AuditQuery, BackendError, CheckpointView, EntryFilter, VerifyReport, Witnessed},
    domain::{AuditEntry, SafeText},
};

/// Most entries that are asked for.
pub const PAGE: u32 = 500;
/// How often the trail is held against what is remembered of it.
pub const WITNESS: Duration = Duration::from_mins(1);

/// What is known of an entry's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nobody checked yet.
    Unchecked,
    /// A signed checkpoint proves it.
    Proven,
    /// No signed checkpoint covers it yet, or none that can be trusted does.
    Unproven,
    /// It is the first that does not hash to its leaf.
    Broken,
}

/// Where the proof of the trail breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The last entry before it: 0 when nothing is as it was.
    pub after: u64,
    /// What was found, in words.
    pub why: SafeText,
}

/// What the backend is asked for, as somebody typed it; `@NAME` is one that was saved.
///
/// # Errors
/// What is wrong, with the part and where it is.
pub fn query(
    text: &str,
    saved: &BTreeMap<String, String>,
    now: DateTime<Utc>,
    zone: Zone,
) -> Result<AuditQuery, String> {
    let (text, of) = match text.trim().strip_prefix('@') {
        Some(name) => match saved.get(name) {
            Some(saved) => (saved.as_str(), format!("filter @{name} of the config: ")),
            None if saved.is_empty() => return Err(format!("@{name}: the config has no saved filters")),
            None => {
                let names: Vec<&str> = saved.keys().map(String::as_str).collect();
                return Err(format!("@{name}: the config has no such filter; it has {}", names.join(", ")));
            }
        },
        None => (text, String::new()),
    };
    let expression = match zone {
        Zone::Utc => EntryFilter::parse(text, &now),
        Zone::Mine(Mine::Local) => EntryFilter::parse(text, &now.with_timezone(&Local)),
        Zone::Mine(Mine::Named(zone)) | Zone::Site(zone) => EntryFilter::parse(text, &now.with_timezone(&zone)),
    }
    .map_err(|error| format!("{of}{error}"))?;
    let expression = (!expression.is_empty()).then_some(expression);
    Ok(AuditQuery { limit: PAGE, newest: true, expression, ..AuditQuery::default() })
}

/// The audit view.
#[derive(Debug, Default)]
pub struct Trail {
    /// The filter as typed.
    pub text: String,
    /// What the backend is asked for.
    pub query: AuditQuery,
    /// The newest signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
    /// How far back the backend looked, where that was not to the beginning.
    pub searched_to: Option<u64>,
    /// What the last verification found, and when.
    pub verified: Option<(VerifyReport, Duration)>,
    /// Since when a verification runs.
    pub verifying: Option<Duration>,
    /// Why the last verification did not answer.
    pub verify_error: Option<BackendError>,
    /// What holding the trail against what is remembered of it has shown, and when.
    pub witnessed: Option<(Witnessed, Duration)>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Whether an answer is on its way.
    pub asking: bool,
    witness_asked: Option<Duration>,
    entries: Vec<AuditEntry>,
    /// The first of the entries that the backend shows to be other than they were written.
    changed: Option<Break>,
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
        self.searched_to = page.searched_to;
        self.entries = page.entries.into_iter().rev().collect();
        self.changed =
            self.entries.iter().rev().find(|entry| entry.is_stand_in()).map(|entry| Break {
                after: entry.seq.saturating_sub(1),
                why: entry.reason.clone().unwrap_or_default(),
            });
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

    /// When the trail is next to be held against what is remembered of it; `None` is now.
    #[must_use]
    pub fn witness_due(&self) -> Option<Duration> {
        self.witness_asked.map(|at| at + WITNESS)
    }

    /// It is asked for now.
    pub fn asks_witness(&mut self, now: Duration) {
        self.witness_asked = Some(now);
    }

    /// Takes what holding it against what is remembered has shown. Says whether that is something else
    /// than before.
    pub fn take_witness(&mut self, result: Result<Witnessed, BackendError>, now: Duration) -> bool {
        // A backend that does not answer is said elsewhere: what was found before stays, with its age.
        let Ok(witnessed) = result else { return false };
        let same = self.witnessed.as_ref().is_some_and(|(before, _)| *before == witnessed);
        self.witnessed = Some((witnessed, now));
        !same
    }

    /// Where the proof of the trail breaks: of several places the first.
    #[must_use]
    pub fn broken(&self) -> Option<Break> {
        let report = self.verified.as_ref().map(|(report, _)| report);
        let read = report.and_then(|report| {
            let after = match (report.first_bad, report.differs_after) {
                (Some(bad), _) => bad.saturating_sub(1),
                (None, Some(size)) => size,
                (None, None) => report.proven,
            };
            let wrong = !report.ok && (report.first_bad.is_some() || report.differs_after.is_some());
            wrong.then(|| Break { after, why: report.detail.clone() })
        });
        let broken = self.witnessed.as_ref().and_then(|(witnessed, _)| witnessed.broken.as_ref());
        let seen = broken.map(|broken| Break { after: broken.holds_to.unwrap_or(0), why: broken.message.clone() });
        let own = self.witnessed.as_ref().and_then(|(witnessed, _)| witnessed.fault.as_ref());
        let own = own.map(|fault| Break {
            after: fault.after,
            why: SafeText::new(format!("the server itself found that {}", fault.why)),
        });
        [read, seen, own, self.changed.clone()].into_iter().flatten().min_by_key(|found| found.after)
    }

    /// How many entries a checkpoint proves that goes on from what was seen here, or that the backend held
    /// its entries against; none where nobody checked.
    #[must_use]
    pub fn proven(&self) -> Option<u64> {
        let read = self.verified.as_ref().map(|(report, _)| report.proven);
        let seen = self.witnessed.as_ref().filter(|(witnessed, _)| {
            witnessed.key.is_some() || witnessed.broken.is_some() || witnessed.fault.is_some()
        });
        let most = read.max(seen.map(|(witnessed, _)| witnessed.proven_to))?;
        Some(self.broken().map_or(most, |found| most.min(found.after)))
    }

    /// How many entries there are, as far as anything said so.
    #[must_use]
    pub fn size(&self) -> u64 {
        let newest = self.entries.first().map_or(0, |entry| entry.seq);
        let read = self.verified.as_ref().map_or(0, |(report, _)| report.entries);
        let signed = self.checkpoint.as_ref().map_or(0, |point| point.size);
        newest.max(read).max(signed)
    }

    /// What is known of an entry's place in the tree.
    #[must_use]
    pub fn proof(&self, seq: u64) -> Proof {
        let bad = self.verified.as_ref().and_then(|(report, _)| report.first_bad);
        match self.proven() {
            _ if bad == Some(seq) => Proof::Broken,
            Some(proven) if seq <= proven => Proof::Proven,
            Some(_) => Proof::Unproven,
            None => Proof::Unchecked,
        }
    }

    /// The outcome of an intent that is shown, or the other way round.
    #[must_use]
    pub fn partner(&self, entry: &AuditEntry) -> Option<&AuditEntry> {
        let outcome = |other: &&AuditEntry| other.intent == Some(entry.seq);
        let intent = |other: &&AuditEntry| entry.intent == Some(other.seq);
        self.entries.iter().find(outcome).or_else(|| self.entries.iter().find(intent))
    }
}

/// Keys of the filter language, with the values of closed lists.
const KEYS: [(&str, &[&str]); 18] = [
    ("actor", &[]),
    ("action", &[]),
    ("outcome", &["applied", "refused", "failed", "intended", "no_op", "unconfirmed"]),
    ("subject", &["rollout", "window", "override", "flag", "snapshot", "unit", "token", "approval", "server"]),
    ("rollout", &[]),
    ("target", &[]),
    ("name", &[]),
    ("site", &[]),
    ("lane", &[]),
    ("since", &["30m", "2h", "24h", "7d", "today", "yesterday"]),
    ("until", &["30m", "2h", "today", "yesterday"]),
    ("kind", &["human", "automation", "agent", "system"]),
    ("role", &["viewer", "operator", "commander", "agent"]),
    ("via", &["tui", "cli", "api", "agent"]),
    ("override", &["*"]),
    ("approved", &["*"]),
    ("ticket", &["*"]),
    ("seq", &[]),
];

impl Trail {
    /// What can follow a filter that is being typed: keys, and values of the last one; after `@` the names of
    /// saved ones.
    #[must_use]
    pub fn completions(&self, text: &str, saved: &BTreeMap<String, String>) -> Vec<String> {
        if let Some(name) = text.strip_prefix('@') {
            return saved.keys().filter(|known| known.starts_with(name)).map(|known| format!("@{known}")).collect();
        }
        let (before, last) = text.rsplit_once(' ').map_or(("", text), |(before, last)| (before, last));
        let minus = if last.starts_with('-') { "-" } else { "" };
        let last = last.trim_start_matches('-');
        let found: Vec<String> = match last.split_once(':') {
            None => KEYS.iter().filter(|(key, _)| key.starts_with(last)).map(|(key, _)| format!("{key}:")).collect(),
            Some((key, value)) => {
                let (kept, value) = value.rsplit_once(',').map_or(("", value), |(kept, value)| (kept, value));
                let comma = if kept.is_empty() { "" } else { "," };
                let fits = |known: &String| known.starts_with(value) && known != value;
                self.values(key).into_iter().filter(fits).map(|known| format!("{key}:{kept}{comma}{known}")).collect()
            }
        };
        let space = if before.is_empty() { "" } else { " " };
        found.into_iter().map(|word| format!("{before}{space}{minus}{word}")).collect()
    }

    /// Values that a key can have: of closed lists all, of others those that are on the screen.
    fn values(&self, key: &str) -> Vec<String> {
        let closed = KEYS.iter().find(|(known, _)| *known == key).map_or(&[][..], |(_, values)| values);
        if !closed.is_empty() {
            return closed.iter().map(|value| (*value).to_owned()).collect();
        }
        let of = |entry: &AuditEntry| {
            let target = entry.subject.target.as_ref().map(ToString::to_string);
            match key {
                "actor" => Some(entry.actor.id.to_string()),
                "action" => Some(entry.action.to_string()),
                "target" => target,
                "name" => Some(entry.subject.name.to_string()),
                "rollout" => target.map(|target| format!("{target}/{}", entry.subject.name)),
                _ => None,
            }
        };
        // A value with a space would have to be quoted, and is found by a word as well.
        let mut values: Vec<String> =
            self.entries.iter().filter_map(of).filter(|value| !value.contains([' ', ',', '"'])).collect();
        values.sort();
        values.dedup();
        values.truncate(200);
        values
    }
}

#[cfg(test)]
mod tests;
