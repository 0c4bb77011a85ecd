//! Instants and spans as people type them: `14:00`, `+2h`, `2026-03-26T14:00Z`, `30m`.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::dialog::Dialog;
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
pub fn instant(text: &str, now: DateTime<Utc>, zone: Option<FixedOffset>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(span) = span(text.strip_prefix('+').unwrap_or(text)) {
        return Ok(now + TimeDelta::from_std(span).unwrap_or_default());
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let utc = FixedOffset::east_opt(0);
    let (local, offset) = match text.strip_suffix('Z') {
        Some(rest) => (rest, utc),
        None => (text, zone.or(utc)),
    };
    let Some(offset) = offset else { return Err(expected(text)) };
    let in_zone = |at: NaiveDateTime| at.and_local_timezone(offset).single().map(|at| at.with_timezone(&Utc));
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(local, form) {
            return in_zone(at).ok_or_else(|| expected(text));
        }
    }
    if let Ok(time) = NaiveTime::parse_from_str(local, "%H:%M") {
        let today = now.with_timezone(&offset).date_naive();
        let at = in_zone(today.and_time(time)).ok_or_else(|| expected(text))?;
        return Ok(if at <= now { at + TimeDelta::days(1) } else { at });
    }
    Err(expected(text))
}

fn expected(text: &str) -> String {
    let got: String = text.chars().take(20).collect();
    format!("'{got}' is no time: use +2h, 14:00Z or 2026-03-26T14:00Z")
}

/// The freeze that a dialog describes, without its reason being checked.
pub fn window_request(dialog: &Dialog, now: DateTime<Utc>, zone: Option<FixedOffset>) -> Result<WindowRequest, String> {
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
        let berlin = FixedOffset::east_opt(3600);
        let table = [
            ("+2h", "2026-03-26T14:04:31Z"),
            ("30m", "2026-03-26T12:34:31Z"),
            ("14:00Z", "2026-03-26T14:00:00Z"),
            ("14:00", "2026-03-26T13:00:00Z"),
            ("09:00Z", "2026-03-27T09:00:00Z"),
            ("2026-03-28T00:10Z", "2026-03-28T00:10:00Z"),
            ("2026-03-28 00:10Z", "2026-03-28T00:10:00Z"),
            ("2026-03-28T00:10:00+02:00", "2026-03-27T22:10:00Z"),
        ];
        for (text, at) in table {
            assert_eq!(instant(text, now, berlin), Ok(at.parse().unwrap()), "{text}");
        }
        assert!(instant("soon", now, None).unwrap_err().contains("14:00Z"));
        assert!(instant("99999999999999h", now, None).is_err());
    }
}
