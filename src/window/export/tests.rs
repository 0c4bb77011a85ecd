//! What is written is what others can read, and reads back as it was.

use super::*;
use crate::{
    domain::{Initiator, OnEnter, Operation, Overridable, SafeText, window::Lifted},
    window::{import, spans},
};

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn window(id: &str, schedule: Option<Schedule>) -> Window {
    Window {
        id: SafeText::new(id),
        revision: 3,
        name: Some(SafeText::new("Peak; west, \\ all")),
        scope: "target=dc-west,site=sea-*,label:ring=0".parse().unwrap(),
        reason: SafeText::new("Nobody changes anything in the busiest week of the year, whatever it is, because ☃"),
        from: utc("2026-11-20T00:00"),
        until: Some(utc("2026-12-01T00:00")),
        schedule,
        enabled: true,
        created_at: utc("2026-11-01T00:00"),
        ..Window::default()
    }
}

fn schedule(zone: &str, start: &str, end: Option<&str>, duration: Option<&str>, rule: Option<&str>) -> Schedule {
    let civil = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
    Schedule {
        zone: SafeText::new(zone),
        start: civil(start),
        end: end.map(civil),
        duration: duration.map(SafeText::new),
        rrule: rule.map(SafeText::new),
        rdate: if rule.is_some() { vec![civil("2026-12-24T12:00"), civil("2026-12-27T12:00")] } else { Vec::new() },
        exdate: if rule.is_some() { vec![civil("2026-11-24T22:00")] } else { Vec::new() },
    }
}

#[test]
fn what_was_written_reads_back_with_the_same_spans_and_words() {
    let now = utc("2026-11-21T00:00");
    let windows = [
        window("w-once", None),
        Window { until: None, ..window("w-open", None) },
        Window {
            effect: Effect::Allow,
            actions: vec![Operation::Start, Operation::FlagWiden],
            initiators: vec![Initiator::Automation, Initiator::Agent],
            on_enter: OnEnter::AbortAndRestore,
            overridable: Overridable::TwoPerson,
            contact: Some(SafeText::new("ops, west")),
            ..window(
                "w-nights",
                Some(schedule(
                    "Europe/Oslo",
                    "2026-11-23T22:00",
                    Some("2026-11-24T06:00"),
                    None,
                    Some("FREQ=DAILY;UNTIL=20270405"),
                )),
            )
        },
        window(
            "w-elapsed",
            Some(schedule(
                "America/New_York",
                "2026-11-23T22:00",
                None,
                Some("pt8h"),
                Some("RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=40"),
            )),
        ),
        window("w-utc", Some(schedule("UTC", "2026-11-23T22:00", None, Some("PT8H"), Some("FREQ=MONTHLY;BYDAY=-2MO")))),
        window("w-pilot", Some(schedule("Asia/Kolkata", "2026-11-23T22:00", None, None, None))),
    ];
    let text = ical(&windows, "Change windows, all", now);
    let imported = import::ical(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(imported.windows.len(), windows.len());
    for (window, draft) in windows.iter().zip(&imported.windows) {
        let read = Window {
            from: draft.from,
            until: draft.until,
            schedule: draft.schedule.clone(),
            effect: draft.effect,
            ..window.clone()
        };
        let all = |window: &Window| spans(window, utc("2026-01-01T00:00"), utc("2029-01-01T00:00"), 10_000);
        assert!(!all(window).is_empty());
        assert_eq!(all(&read), all(window), "{}\n{text}", window.id);
        assert_eq!(
            (&draft.name, &draft.scope, draft.reason.as_ref(), &draft.contact),
            (&window.name, &window.scope, Some(&window.reason), &window.contact)
        );
        assert_eq!(
            (draft.effect, &draft.actions, &draft.initiators, draft.on_enter, draft.overridable),
            (window.effect, &window.actions, &window.initiators, window.on_enter, window.overridable)
        );
    }
}

#[test]
fn lines_are_as_long_as_readers_take_them_and_hold_what_they_need() {
    let text = ical(&[window("w-once", None)], "Change windows", utc("2026-11-21T00:00"));
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
    }
    for needed in [
        "VERSION:2.0\r\n",
        "PRODID:",
        "UID:w-once@rolldeck\r\n",
        "DTSTAMP:20261121T000000Z\r\n",
        "DTSTART:20261120T000000Z\r\n",
        "DTEND:20261201T000000Z\r\n",
        "SUMMARY:Peak\\; west\\, \\\\ all\r\n",
        "TRANSP:OPAQUE\r\n",
        "SEQUENCE:3\r\n",
    ] {
        assert!(text.contains(needed), "{needed}\n{text}");
    }
    let zoned = window(
        "w",
        Some(schedule("Europe/Oslo", "2026-11-23T22:00", None, Some("PT8H"), Some("FREQ=DAILY;UNTIL=20270405"))),
    );
    let text = ical(&[zoned], "n", utc("2026-11-21T00:00"));
    // A rule of a start with a zone ends in UTC.
    assert!(text.contains("RRULE:FREQ=DAILY;UNTIL=20270405T215959Z\r\n"), "{text}");
    assert!(text.contains("DTSTART;TZID=Europe/Oslo:20261123T220000\r\n"), "{text}");
}

#[test]
fn a_window_that_does_not_count_is_not_in_it_and_a_lifted_one_ends_when_it_was_lifted() {
    let now = utc("2026-11-28T00:00");
    let off = Window { enabled: false, ..window("w-off", None) };
    let lifted_at = |window: Window, at: &str| Window {
        lifted: Some(Lifted { at: utc(at), by: SafeText::new("omar"), reason: SafeText::new("the pilot is over") }),
        ..window
    };
    let before = lifted_at(window("w-before", None), "2026-11-19T00:00");
    let during = lifted_at(window("w-during", None), "2026-11-25T00:00");
    let nights = window("w-nights", Some(schedule("UTC", "2026-11-22T22:00", None, Some("PT8H"), Some("FREQ=DAILY"))));
    let text = ical(&[off, before, during, lifted_at(nights, "2026-11-25T23:00")], "n", now);
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 4, "{text}");
    for needed in
        ["DTEND:20261125T000000Z", "UID:w-nights@rolldeck", "UID:w-nights-2@rolldeck", "DTEND:20261125T230000Z"]
    {
        assert!(text.contains(needed), "{needed}\n{text}");
    }
    assert!(!text.contains("w-off") && !text.contains("w-before") && !text.contains("RRULE"), "{text}");
}
