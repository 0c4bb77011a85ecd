//! Time zones change their rules, and with them the instants that a schedule stands for. What each was
//! worked out to is kept, so that another version of the time zone database tells what it moved.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{tzdb, window_revision, window_subject};
use crate::{
    control::{core::Core, journal::Draft},
    domain::{
        Actor, Outcome, SafeText, Window,
        audit::{FieldChange, RevisionChange},
        hex,
    },
    store::{RecordKind, Write},
    window,
};

/// The key under which the version of the time zone database is kept.
pub(in crate::control) const TZDB_KEY: &str = "tzdb";
/// How far ahead instants are kept, in parts that are told apart.
const PARTS: u32 = 16;
/// One part.
const PART: TimeDelta = TimeDelta::days(25);
/// What is kept is made anew once it reaches less far ahead by this.
const RENEWED_AFTER: TimeDelta = TimeDelta::days(7);
/// Most spans of a part.
const SPANS: usize = 2_000;

/// When a window's schedule was worked out to hold, 400 days ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::control) struct Times {
    /// The version that it was worked out with.
    tzdb: SafeText,
    from: DateTime<Utc>,
    /// A digest of the spans of each part.
    parts: Vec<String>,
}

impl Times {
    fn of(window: &Window, from: DateTime<Utc>) -> Self {
        let begin = |number: u32| from + PART * number.cast_signed();
        // Its schedule is read once: a file may bring a thousand windows while everybody waits.
        let all = window::spans(window, from, begin(PARTS), SPANS * PARTS as usize);
        let part = |number: u32| {
            let (from, until) = (begin(number), begin(number + 1));
            let mut hash = Sha256::new();
            for span in all.iter().filter(|span| span.reaches(from) && span.from < until).take(SPANS) {
                hash.update(span.from.timestamp().to_be_bytes());
                hash.update(span.until.map_or(i64::MAX, |until| until.timestamp()).to_be_bytes());
            }
            hex(&hash.finalize()[..8])
        };
        Self { tzdb: tzdb(), from, parts: (0..PARTS).map(part).collect() }
    }

    /// The first part that differs and is not over.
    fn differs(&self, window: &Window, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let anew = Self::of(window, self.from);
        let mut parts = (0..).zip(self.parts.iter().zip(&anew.parts));
        parts.find_map(|(number, (before, after))| {
            let from = self.from + PART * number;
            (before != after && from + PART > now).then_some(from.max(now))
        })
    }
}

impl Core {
    /// Keeps when a window holds; nothing of one whose instants do not depend on a time zone.
    pub(in crate::control) fn note_times(&mut self, window: &Window) {
        if window.schedule.is_none() || window.lifted.is_some() {
            self.forget_times(&window.id);
            return;
        }
        let times = Times::of(&Window { enabled: true, ..window.clone() }, self.now());
        if let Ok(document) = serde_json::to_value(&times) {
            self.batch.push(Write::Record(RecordKind::WindowTimes, window.id.to_string(), document));
        }
        self.times.insert(window.id.clone(), times);
    }

    pub(in crate::control) fn forget_times(&mut self, id: &SafeText) {
        if self.times.remove(id).is_some() {
            self.batch.push(Write::ForgetRecord(RecordKind::WindowTimes, id.to_string()));
        }
    }

    /// Makes anew what reaches less far ahead than it did.
    pub(in crate::control) fn renew_times(&mut self) {
        let until = self.now() - RENEWED_AFTER;
        let old = self.times.iter().filter(|(_, times)| times.from < until);
        let old: Vec<Window> = old.filter_map(|(id, _)| self.windows.get(id.as_str()).cloned()).collect();
        for window in old {
            self.note_times(&window);
        }
    }

    /// Looks, at a start with another version of the time zone database than before, which windows it moved.
    pub(in crate::control) fn check_times(&mut self, kept: Option<&String>) {
        let present = tzdb();
        if kept.is_some_and(|kept| kept.as_str() == present.as_str()) {
            return;
        }
        self.batch.push(Write::Meta(TZDB_KEY.to_owned(), present.to_string()));
        let now = self.now();
        let windows: Vec<Window> = self.windows.iter().filter(|w| w.schedule.is_some()).cloned().collect();
        for window in windows {
            let on = Window { enabled: true, ..window.clone() };
            let known = self.times.get(&window.id).filter(|times| times.tzdb != present).cloned();
            let moved = known.as_ref().and_then(|times| times.differs(&on, now));
            match known.zip(moved) {
                Some((known, moved)) => self.times_changed(&window, &known, moved),
                None => self.note_times(&window),
            }
        }
    }

    fn times_changed(&mut self, window: &Window, known: &Times, moved: DateTime<Utc>) {
        let mut after = Window { revision: window.revision + 1, ..window.clone() };
        // A zone that is not there any more leaves them as they were.
        if let Ok(bounds) = window::check(window) {
            (after.from, after.until) = (bounds.from, bounds.until);
        }
        self.windows.put(after.clone());
        self.batch.push(Write::Window(Box::new(after.clone())));
        let mut changes = super::diff(Some(window), &after);
        changes.push(FieldChange {
            field: SafeText::new("tzdb"),
            before: Some(known.tzdb.clone()),
            after: Some(tzdb()),
        });
        let effect = format!("its times from {} on are not what they were", moved.format("%Y-%m-%d %H:%MZ"));
        self.journal(Draft {
            reason: Some(SafeText::new(format!("time zone database {} -> {}", known.tzdb, tzdb()))),
            effect: Some(SafeText::new(effect)),
            revision: RevisionChange { before: Some(window_revision(window)), after: Some(window_revision(&after)) },
            changes,
            ..Draft::new(
                Actor::system("server"),
                "window_times_changed",
                window_subject(&window.id, &window.scope),
                Outcome::Applied,
            )
        });
        self.note_times(&after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Schedule;

    #[test]
    fn what_was_kept_part_by_part_before_is_what_is_worked_out_at_once() {
        let schedule = |start: &str, end: &str, rule: Option<&str>| Schedule {
            zone: "Europe/Oslo".into(),
            start: start.parse().unwrap(),
            end: Some(end.parse().unwrap()),
            duration: None,
            rrule: rule.map(Into::into),
            rdate: Vec::new(),
            exdate: Vec::new(),
        };
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        for schedule in [
            schedule("2026-11-01T22:00:00", "2026-11-02T06:00:00", Some("FREQ=DAILY")),
            // Spans that reach over the edges of parts, and one over many.
            schedule("2026-11-01T00:00:00", "2026-11-29T00:00:00", Some("FREQ=MONTHLY")),
            schedule("2026-11-01T00:00:00", "2027-10-01T00:00:00", None),
            schedule("2020-11-01T00:00:00", "2020-11-02T00:00:00", None),
        ] {
            let window = Window { schedule: Some(schedule), enabled: true, ..Window::default() };
            let one_by_one: Vec<String> = (0..PARTS.cast_signed())
                .map(|number| {
                    let mut hash = Sha256::new();
                    for span in window::spans(&window, now + PART * number, now + PART * (number + 1), SPANS) {
                        hash.update(span.from.timestamp().to_be_bytes());
                        hash.update(span.until.map_or(i64::MAX, |until| until.timestamp()).to_be_bytes());
                    }
                    hex(&hash.finalize()[..8])
                })
                .collect();
            assert_eq!(Times::of(&window, now).parts, one_by_one);
        }
    }
}
