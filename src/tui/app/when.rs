//! Instants and spans as people type them: `14:00`, `+2h`, `2026-03-26T14:00Z`, `30m`.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{dialog::Dialog, zone::Zone};
use crate::{
    backend::WindowRequest,
    domain::{OnEnter, Scope},
};

/// Reads a span such as `90s`, `30m`, `2h`, `1d`.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).filter(|s| *s <= 366 * 86_400).map(Duration::from_secs)
}

/// Reads an instant: `+SPAN` or `SPAN` from now, `HH:MM` (the next one; with `Z` in UTC, else in the
/// zone on screen), or an RFC 3339 time, with a space or without seconds too.
pub fn instant(text: &str, now: DateTime<Utc>, zone: Zone) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(span) = span(text.strip_prefix('+').unwrap_or(text)) {
        return Ok(now + TimeDelta::from_std(span).unwrap_or_default());
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let (local, zone) = match text.strip_suffix('Z') {
        Some(rest) => (rest, Zone::Utc),
        None => (text, zone),
    };
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(local, form) {
            return zone.instant(at).ok_or_else(|| skipped(text));
        }
    }
    if let Ok(time) = NaiveTime::parse_from_str(local, "%H:%M") {
        let today = zone.civil(now).date();
        let next = [Some(today), today.succ_opt()].into_iter().flatten();
        let next = next.filter_map(|day| zone.instant(day.and_time(time))).find(|at| *at > now);
        return next.ok_or_else(|| skipped(text));
    }
    Err(expected(text))
}

fn skipped(text: &str) -> String {
    format!("clocks skip {text} on that day: use a time in UTC, such as 14:00Z")
}

fn expected(text: &str) -> String {
    let got: String = text.chars().take(20).collect();
    format!("'{got}' is no time: use +2h, 14:00Z or 2026-03-26T14:00Z")
}

/// The freeze that a dialog describes, without its reason being checked.
pub fn window_request(dialog: &Dialog, now: DateTime<Utc>, zone: Zone) -> Result<WindowRequest, String> {
    let scope: Scope = dialog.scope.text().parse().map_err(|e: crate::domain::ScopeError| e.to_string())?;
    let read = |field: &super::text::Field| match field.text().trim() {
        "" => Ok(None),
        text => instant(text, now, zone).map(Some),
    };
    let from = read(&dialog.from).map_err(|e| format!("from: {e}"))?;
    let until = read(&dialog.until).map_err(|e| format!("until: {e}"))?;
    if until.is_some_and(|until| until <= from.unwrap_or(now)) {
        return Err("it would end before it begins".to_owned());
    }
    Ok(WindowRequest {
        on_enter: OnEnter::Hold,
        scope,
        reason: dialog.reason.text().trim().to_owned(),
        from,
        until,
        ticket: dialog.checked_ticket(),
        ..WindowRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now: DateTime<Utc> = "2026-03-26T12:04:31Z".parse().unwrap();
        let berlin = Zone::Site(chrono_tz::Europe::Berlin);
        let table = [
            ("+2h", "2026-03-26T14:04:31Z"),
            ("30m", "2026-03-26T12:34:31Z"),
            ("14:00Z", "2026-03-26T14:00:00Z"),
            ("14:00", "2026-03-26T13:00:00Z"),
            ("09:00Z", "2026-03-27T09:00:00Z"),
            ("2026-03-28T00:10Z", "2026-03-28T00:10:00Z"),
            ("2026-03-28 00:10Z", "2026-03-28T00:10:00Z"),
            ("2026-03-28T00:10:00+02:00", "2026-03-27T22:10:00Z"),
            ("2026-03-28 12:00", "2026-03-28T11:00:00Z"),
            // Clocks go forward on the 29th.
            ("2026-03-30 12:00", "2026-03-30T10:00:00Z"),
        ];
        for (text, at) in table {
            assert_eq!(instant(text, now, berlin), Ok(at.parse().unwrap()), "{text}");
        }
        assert!(instant("2026-03-29 02:30", now, berlin).unwrap_err().contains("clocks skip"));
        assert!(instant("soon", now, Zone::Utc).unwrap_err().contains("14:00Z"));
        assert!(instant("99999999999999h", now, Zone::Utc).is_err());
    }
}
