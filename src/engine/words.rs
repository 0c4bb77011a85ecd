//! How counts, names and times read in the engine's sentences.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Plan, SafeText, UnitKey};

/// How many names a sentence lists before it counts the rest.
const NAMED: usize = 3;

/// `1 unit`, `10 units`.
pub(super) fn units(count: usize) -> String {
    counted(count, "unit")
}

/// `1 site`, `10 sites`.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `osl1/main, osl2/main, osl3/main and 7 more`.
pub(super) fn names<'a>(keys: impl IntoIterator<Item = &'a UnitKey>) -> String {
    let mut shown = Vec::with_capacity(NAMED);
    let mut more = 0_usize;
    for key in keys {
        if shown.len() < NAMED {
            shown.push(key.to_string());
        } else {
            more += 1;
        }
    }
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `12:31Z`, with the date where it is not today's.
pub(super) fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at.date_naive() == now.date_naive() { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" };
    at.format(form).to_string()
}

/// `90s`, `30m`, `2h`, `1h30m`, `3d`.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts =
        [(seconds / 86_400, 'd'), (seconds % 86_400 / 3_600, 'h'), (seconds % 3_600 / 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<String> =
        parts.iter().filter(|(whole, _)| *whole > 0).map(|(whole, letter)| format!("{whole}{letter}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}

/// `at` and `length` later; the end of time where that would be beyond it.
pub(super) fn later(at: DateTime<Utc>, length: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(length)
        .ok()
        .and_then(|length| at.checked_add_signed(length))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A sentence of ours as the text that is stored and painted.
pub(super) fn text(sentence: impl AsRef<str>) -> SafeText {
    SafeText::new(sentence)
}

/// `fast-path`, `dim-lights and fast-path`: the flags that a plan sets.
pub(super) fn flag_keys(plan: &Plan) -> String {
    let mut keys: Vec<&str> = plan.flags().map(|flag| flag.key.as_str()).collect();
    keys.dedup();
    keys.join(" and ")
}

/// That a rollout has come to its end, with how many units it reached.
pub(super) fn completed(plan: &Plan, units: &str) -> String {
    let how = if plan.snapshot.is_some() { "run" } else { "have" };
    format!("completed: {units} {how} {}", plan.candidate())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_names_spans_and_times_read_as_people_write_them() {
        assert_eq!(units(1), "1 unit");
        assert_eq!(units(0), "0 units");
        let keys: Vec<UnitKey> = (1..=5).map(|n| format!("osl{n}/main").try_into().unwrap()).collect();
        assert_eq!(names(&keys[..2]), "osl1/main, osl2/main");
        assert_eq!(names(&keys), "osl1/main, osl2/main, osl3/main and 2 more");
        for (seconds, read) in
            [(0, "0s"), (10, "10s"), (90, "1m30s"), (1_800, "30m"), (5_400, "1h30m"), (90_000, "1d1h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), read);
        }
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        assert_eq!(time(now, now), "12:00Z");
        assert_eq!(time(later(now, Duration::from_hours(24)), now), "2026-03-02 12:00Z");
        assert_eq!(later(now, Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }
}
