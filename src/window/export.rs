//! Windows as a calendar that other programs can subscribe to: iCalendar, RFC 5545.
//!
//! Each window is an event with an IANA zone by name, and without a `VTIMEZONE`: programs know those zones, and a copy of
//! their rules would grow stale. What iCalendar has no word for is in `X-ROLLDECK-` properties, by which the import reads back
//! what was written.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{
    Timeline, civil,
    content_line::{escaped, write},
};
use crate::domain::{Effect, Schedule, Window};

/// The instant form of a date and time.
const INSTANT: &str = "%Y%m%dT%H%M%SZ";
/// The local form.
const LOCAL: &str = "%Y%m%dT%H%M%S";

/// The windows as one calendar with a name, as of an instant. Those that are switched off, and those that were lifted before
/// they began, are not in it; one that was lifted ends then.
#[must_use]
pub fn ical(windows: &[Window], name: &str, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for line in [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Rolldeck//Change windows//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ] {
        write(&mut text, line);
    }
    write(&mut text, &format!("X-WR-CALNAME:{}", escaped(name)));
    for window in windows.iter().filter(|window| window.enabled) {
        for (number, times) in times(window, now).into_iter().enumerate() {
            event(&mut text, window, number, &times, now);
        }
    }
    write(&mut text, "END:VCALENDAR");
    text
}

/// The lines that say when a window holds; of each event that it takes.
fn times(window: &Window, now: DateTime<Utc>) -> Vec<Vec<String>> {
    let timeline = Timeline::of(window);
    match (&window.schedule, &window.lifted) {
        (None, _) | (Some(_), Some(_)) => {
            // What a lifted one held is a list of what has been: spans that do not come again.
            let lifted = window.lifted.as_ref().map(|lifted| lifted.at);
            let spans = timeline.spans_from(DateTime::<Utc>::MIN_UTC).map_while(|span| span.cut_at(lifted));
            // What lasted no whole second cannot be written.
            spans
                .filter(|span| span.until.is_none_or(|until| until.timestamp() > span.from.timestamp()))
                .take(SPANS_MAX)
                .map(|span| {
                    let mut lines = vec![format!("DTSTART:{}", span.from.format(INSTANT))];
                    match span.until {
                        Some(until) => lines.push(format!("DTEND:{}", until.format(INSTANT))),
                        None => lines.extend(open(window, span.from, now)),
                    }
                    lines
                })
                .collect()
        }
        (Some(schedule), None) => vec![scheduled(window, schedule, now)],
    }
}

/// Most past spans of a window that was lifted.
const SPANS_MAX: usize = 100;

/// How one without an end is shown: for a year from now on, and said to be open for whoever reads it back.
fn open(window: &Window, from: DateTime<Utc>, now: DateTime<Utc>) -> [String; 2] {
    let shown = now.max(from).max(window.created_at) + TimeDelta::days(365);
    [format!("DTEND:{}", shown.format(INSTANT)), "X-ROLLDECK-OPEN:TRUE".to_owned()]
}

fn scheduled(window: &Window, schedule: &Schedule, now: DateTime<Utc>) -> Vec<String> {
    let zone = schedule.zone.as_str();
    let of = |name: &str, dates: &[NaiveDateTime]| {
        let mut line = format!("{name}{}", if zone == "UTC" { ":".to_owned() } else { format!(";TZID={zone}:") });
        for (number, date) in dates.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let utc = if zone == "UTC" { "Z" } else { "" };
            // Writing into text does not fail.
            let _ = write!(line, "{comma}{}{utc}", date.format(LOCAL));
        }
        line
    };
    let mut lines = vec![of("DTSTART", &[schedule.start])];
    match (schedule.end, &schedule.duration) {
        (Some(end), _) => lines.push(of("DTEND", &[end])),
        (None, Some(duration)) => lines.push(format!("DURATION:{}", duration.as_str().trim().to_ascii_uppercase())),
        (None, None) => {
            let from = window.from;
            let [end, open] = open(window, from, now);
            // In UTC, as only a reader that does not know the other line looks at it.
            lines.extend([end, open]);
        }
    }
    if let Some(text) = &schedule.rrule {
        lines.push(format!("RRULE:{}", rule(text.as_str(), zone)));
    }
    for (name, dates) in [("RDATE", &schedule.rdate), ("EXDATE", &schedule.exdate)] {
        if !dates.is_empty() {
            lines.push(of(name, dates));
        }
    }
    lines
}

/// A rule with its UNTIL in UTC: RFC 5545 section 3.3.10 wants it so where the start has a zone.
fn rule(text: &str, zone: &str) -> String {
    let upper = text.trim().to_ascii_uppercase();
    let parts = upper.trim_start_matches("RRULE:").split(';').map(|part| {
        let civil = part.strip_prefix("UNTIL=").filter(|until| !until.ends_with('Z')).and_then(|until| {
            let date = || NaiveDate::parse_from_str(until, "%Y%m%d").ok()?.and_hms_opt(23, 59, 59);
            NaiveDateTime::parse_from_str(until, LOCAL).ok().or_else(date)
        });
        match (civil, zone.parse::<Tz>()) {
            (Some(until), Ok(zone)) => format!("UNTIL={}", civil::read(zone, until).first().format(INSTANT)),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(";")
}

fn event(text: &mut String, window: &Window, number: usize, times: &[String], now: DateTime<Utc>) {
    let part = if number == 0 { String::new() } else { format!("-{number}") };
    let what = match window.effect {
        Effect::Deny => "Changes frozen",
        Effect::Allow => "Changes allowed",
    };
    let summary = window.name.as_ref().map_or_else(|| format!("{what}: {}", window.scope), ToString::to_string);
    // A calendar that blocks time shows it as busy, whatever it does.
    let mut lines = vec![
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}{part}@rolldeck", escaped(window.id.as_str())),
        format!("DTSTAMP:{}", now.format(INSTANT)),
        format!("SEQUENCE:{}", window.revision),
    ];
    lines.extend(times.iter().cloned());
    lines.push(format!("SUMMARY:{}", escaped(&summary)));
    if !window.reason.is_empty() {
        lines.push(format!("DESCRIPTION:{}", escaped(window.reason.as_str())));
    }
    if let Some(contact) = &window.contact {
        lines.push(format!("CONTACT:{}", escaped(contact.as_str())));
    }
    lines.push("STATUS:CONFIRMED".to_owned());
    lines.push("TRANSP:OPAQUE".to_owned());
    lines.push(format!("X-ROLLDECK-SCOPE:{}", escaped(&window.scope.to_string())));
    let comma = |words: Vec<&str>| words.join(",");
    lines.push(format!("X-ROLLDECK-EFFECT:{}", word(&window.effect)));
    lines.push(format!("X-ROLLDECK-OVERRIDABLE:{}", word(&window.overridable)));
    lines.push(format!("X-ROLLDECK-ON-ENTER:{}", word(&window.on_enter)));
    if !window.actions.is_empty() {
        let actions = window.actions.iter().map(|action| action.as_str()).collect();
        lines.push(format!("X-ROLLDECK-ACTIONS:{}", comma(actions)));
    }
    if !window.initiators.is_empty() {
        let initiators = window.initiators.iter().map(|initiator| initiator.as_str()).collect();
        lines.push(format!("X-ROLLDECK-INITIATORS:{}", comma(initiators)));
    }
    lines.push("END:VEVENT".to_owned());
    for line in lines {
        write(text, &line);
    }
}

/// A word as it is in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
