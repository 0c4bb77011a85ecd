//! Schedules on the days that clocks change, and what is refused of them.

use super::*;
use crate::{
    domain::{SafeText, WindowState},
    window::{spans, state},
};

/// A window with a schedule: zone, start, end or duration, rule.
fn window(effect: Effect, zone: &str, start: &str, length: &str, rrule: Option<&str>) -> Window {
    let civil = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
    let elapsed = length.starts_with('P');
    Window {
        effect,
        enabled: true,
        schedule: Some(Schedule {
            zone: SafeText::new(zone),
            start: civil(start),
            end: (!elapsed && !length.is_empty()).then(|| civil(length)),
            duration: elapsed.then(|| SafeText::new(length)),
            rrule: rrule.map(SafeText::new),
            rdate: Vec::new(),
            exdate: Vec::new(),
        }),
        ..Window::default()
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn written(window: &Window, from: &str, until: &str) -> Vec<String> {
    let short = |at: DateTime<Utc>| at.format("%m-%dT%H:%M").to_string();
    spans(window, utc(from), utc(until), 50)
        .into_iter()
        .map(|span| format!("{}/{}", short(span.from), span.until.map_or("..".to_owned(), short)))
        .collect()
}

#[test]
fn when_clocks_are_put_forward_a_start_that_is_left_out_is_moved_on_and_none_is_skipped() {
    use Effect::{Allow, Deny};
    let (day, next) = ("2026-03-29T00:00", "2026-03-29T12:00");
    let daily = Some("FREQ=DAILY");
    for (what, effect, start, length, expected) in [
        ("both in the gap", Deny, "2026-03-01T01:30", "2026-03-01T01:50", "03-29T01:30/03-29T01:50"),
        ("both in the gap, allowed", Allow, "2026-03-01T01:30", "2026-03-01T01:50", "03-29T01:30/03-29T01:50"),
        ("elapsed from the gap", Deny, "2026-03-01T01:30", "PT20M", "03-29T01:30/03-29T01:50"),
        ("elapsed over the gap", Deny, "2026-03-01T00:30", "PT2H", "03-29T00:30/03-29T02:30"),
        ("on the clock over the gap", Deny, "2026-03-01T00:30", "2026-03-01T02:30", "03-29T00:30/03-29T01:30"),
        ("it ends in the gap", Deny, "2026-03-01T00:30", "2026-03-01T01:30", "03-29T00:30/03-29T01:30"),
        ("it begins in the gap", Deny, "2026-03-01T01:30", "2026-03-01T03:00", "03-29T01:30/03-29T02:00"),
        (
            "moved on, it would begin after its end",
            Deny,
            "2026-03-01T01:30",
            "2026-03-01T02:10",
            "03-29T01:00/03-29T01:10",
        ),
        ("the same, allowed", Allow, "2026-03-01T01:30", "2026-03-01T02:10", "03-29T01:00/03-29T01:10"),
        ("it ends as the gap does", Deny, "2026-03-01T01:30", "2026-03-01T02:00", "03-29T01:30/03-29T02:00"),
        ("it is the gap, allowed", Allow, "2026-03-01T01:00", "2026-03-01T02:00", "03-29T01:00/03-29T02:00"),
    ] {
        let window = window(effect, "Europe/London", start, length, daily);
        assert_eq!(written(&window, day, next), [expected], "{what}");
    }
}

#[test]
fn when_clocks_are_put_back_a_freeze_is_the_longest_that_anybody_could_read_and_an_allowance_the_shortest() {
    use Effect::{Allow, Deny};
    let (day, next) = ("2026-10-25T00:00", "2026-10-25T12:00");
    let daily = Some("FREQ=DAILY");
    for (what, effect, start, length, expected) in [
        ("both come twice", Deny, "2026-10-01T01:30", "2026-10-01T01:50", &["10-25T00:30/10-25T01:50"][..]),
        ("both come twice, allowed: no instant is in both", Allow, "2026-10-01T01:30", "2026-10-01T01:50", &[]),
        ("elapsed, once", Deny, "2026-10-01T01:30", "PT20M", &["10-25T00:30/10-25T00:50"]),
        ("elapsed, allowed, once", Allow, "2026-10-01T01:30", "PT20M", &["10-25T01:30/10-25T01:50"]),
        ("elapsed over the change", Deny, "2026-10-01T00:30", "PT2H", &["10-24T23:30/10-25T01:30"]),
        ("it ends in what comes twice", Deny, "2026-10-01T00:30", "2026-10-01T01:30", &["10-24T23:30/10-25T01:30"]),
        ("the same, allowed", Allow, "2026-10-01T00:30", "2026-10-01T01:30", &["10-24T23:30/10-25T00:30"]),
        ("it begins in what comes twice", Deny, "2026-10-01T01:30", "2026-10-01T03:00", &["10-25T00:30/10-25T03:00"]),
        ("the same, allowed", Allow, "2026-10-01T01:30", "2026-10-01T03:00", &["10-25T01:30/10-25T03:00"]),
    ] {
        let window = window(effect, "Europe/London", start, length, daily);
        assert_eq!(written(&window, day, next), expected, "{what}");
    }
}

#[test]
fn a_night_is_as_long_as_the_clock_says_and_elapsed_time_as_long_as_it_is() {
    let nights = |length: &str| window(Effect::Deny, "Europe/Oslo", "2026-03-01T22:00", length, Some("FREQ=DAILY"));
    // 22:00 to 06:00 is seven hours in the night of 28 March and nine in that of 24 October.
    let clock = nights("2026-03-02T06:00");
    assert_eq!(written(&clock, "2026-03-28T12:00", "2026-03-29T12:00"), ["03-28T21:00/03-29T04:00"]);
    assert_eq!(written(&clock, "2026-10-24T12:00", "2026-10-25T12:00"), ["10-24T20:00/10-25T05:00"]);
    let elapsed = nights("PT8H");
    assert_eq!(written(&elapsed, "2026-03-28T12:00", "2026-03-29T12:00"), ["03-28T21:00/03-29T05:00"]);
    assert_eq!(written(&elapsed, "2026-10-24T12:00", "2026-10-25T12:00"), ["10-24T20:00/10-25T04:00"]);
}

#[test]
fn further_starts_are_added_and_excluded_ones_left_out_after_they_were_counted() {
    let civil = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
    let mut pilot = window(Effect::Deny, "UTC", "2026-11-02T09:00", "PT1H", Some("FREQ=DAILY;COUNT=3"));
    let schedule = pilot.schedule.as_mut().unwrap();
    schedule.exdate = vec![civil("2026-11-03T09:00"), civil("2026-11-20T09:00")];
    schedule.rdate = vec![civil("2026-11-08T12:00"), civil("2026-11-02T09:30"), civil("2026-11-20T09:00")];
    assert_eq!(
        written(&pilot, "2026-11-01T00:00", "2026-12-01T00:00"),
        ["11-02T09:00/11-02T10:30", "11-04T09:00/11-04T10:00", "11-08T12:00/11-08T13:00"]
    );
    assert_eq!(check(&pilot), Ok(Bounds { from: utc("2026-11-02T09:00"), until: Some(utc("2026-11-08T13:00")) }));
    assert_eq!(state(&pilot, utc("2026-11-03T09:30")), WindowState::Upcoming);
    assert_eq!(state(&pilot, utc("2026-11-08T13:00")), WindowState::Ended);
}

#[test]
fn spans_that_touch_or_overlap_are_one_from_when_the_first_of_them_began() {
    // Weekdays whole: five days that touch are one span a week.
    let week = window(
        Effect::Deny,
        "Europe/Oslo",
        "2026-11-02T00:00",
        "2026-11-03T00:00",
        Some("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    );
    assert_eq!(
        written(&week, "2026-11-12T00:00", "2026-11-18T00:00"),
        ["11-08T23:00/11-13T23:00", "11-15T23:00/11-20T23:00"]
    );
    // Every day whole never ends, and neither does one whose days overlap.
    for length in ["2026-11-03T00:00", "2026-11-05T00:00"] {
        let always = window(Effect::Deny, "Europe/Oslo", "2026-11-02T00:00", length, Some("FREQ=DAILY"));
        assert_eq!(written(&always, "2040-01-01T00:00", "2040-01-02T00:00"), ["11-01T23:00/.."], "{length}");
        assert_eq!(check(&always), Ok(Bounds { from: utc("2026-11-01T23:00"), until: None }));
    }
    // Of 24 hours each, an hour is free on the day that has 25.
    let hours = window(Effect::Deny, "Europe/Oslo", "2026-11-02T00:00", "PT24H", Some("FREQ=DAILY"));
    assert_eq!(
        written(&hours, "2027-10-30T00:00", "2027-11-02T00:00"),
        ["11-01T23:00/10-31T22:00", "10-31T23:00/10-29T22:00"]
    );
    // Months of days, with an end: one span.
    let bounded =
        window(Effect::Deny, "Europe/Oslo", "2026-11-02T00:00", "2026-11-03T00:00", Some("FREQ=DAILY;UNTIL=20290101"));
    assert_eq!(written(&bounded, "2028-01-01T00:00", "2028-01-02T00:00"), ["11-01T23:00/01-01T23:00"]);
}

#[test]
fn a_schedule_without_an_end_holds_until_it_is_lifted() {
    let open = window(Effect::Deny, "Asia/Kolkata", "2026-11-02T09:00", "", None);
    assert_eq!(check(&open), Ok(Bounds { from: utc("2026-11-02T03:30"), until: None }));
    assert_eq!(state(&open, utc("2090-01-01T00:00")), WindowState::Active);
    assert_eq!(state(&open, utc("2026-11-02T03:29")), WindowState::Upcoming);
}

#[test]
fn what_a_schedule_cannot_mean_is_refused_with_its_part() {
    type Change = fn(&mut Schedule);
    let cases: &[(&str, &str, Change)] = &[
        ("schedule.zone", "Europe/Oslo?", |s| s.zone = SafeText::new("Europe/Olso")),
        ("schedule.zone", "no such zone", |s| s.zone = SafeText::new("")),
        ("schedule.zone", "no such zone", |s| s.zone = SafeText::new("europe/oslo")),
        ("schedule.end", "after", |s| s.end = Some(s.start)),
        ("schedule.end", "one of them", |s| s.duration = Some(SafeText::new("PT1H"))),
        ("schedule.end", "400 days", |s| s.end = Some(s.start + TimeDelta::days(401))),
        ("schedule.start", "1970 to 2099", |s| s.start -= TimeDelta::days(40_000)),
        ("schedule.start", "0 to 59", |s| s.start = "2026-11-01T23:59:60".parse().unwrap()),
        ("schedule.end", "0 to 59", |s| s.end = Some("2026-11-02T05:59:60".parse().unwrap())),
        ("schedule.exdate", "0 to 59", |s| s.exdate.push("2026-11-03T00:00:60".parse().unwrap())),
        ("schedule.end", "1970 to 2099", |s| s.end = Some(s.start + TimeDelta::days(40_000))),
        ("schedule.rdate", "1970 to 2099", |s| s.rdate.push(s.start + TimeDelta::days(40_000))),
        ("schedule.rdate", "at most", |s| s.rdate = vec![s.start; DATES_MAX + 1]),
        ("schedule.rdate", "before `start`", |s| {
            s.rrule = None;
            s.rdate.push(s.start - TimeDelta::days(1));
        }),
        ("schedule.rrule", "cannot come again", |s| s.end = None),
        ("schedule.rdate", "cannot come again", |s| {
            (s.end, s.rrule) = (None, None);
            s.rdate.push(s.start + TimeDelta::days(1));
        }),
        ("schedule.exdate", "nothing remains", |s| {
            s.rrule = Some(SafeText::new("FREQ=DAILY;COUNT=1"));
            s.exdate.push(s.start);
        }),
        ("FREQ", "nothing finer", |s| s.rrule = Some(SafeText::new("FREQ=HOURLY"))),
    ];
    let good = window(Effect::Deny, "Europe/Oslo", "2026-11-02T00:00", "2026-11-02T06:00", Some("FREQ=DAILY"));
    assert!(check(&good).is_ok());
    for (part, word, change) in cases {
        let mut bad = good.clone();
        change(bad.schedule.as_mut().unwrap());
        let error = check(&bad).unwrap_err();
        assert_eq!(error.part, *part, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for (duration, word) in [
        ("2h", "PT2H"),
        ("P1D", "PT24H"),
        ("PT0S", "some time"),
        ("PT", "some time"),
        ("PT1M2H", "PT2H"),
        ("PT-2H", "PT2H"),
        ("PT99999999H", "longer"),
    ] {
        let bad = window(Effect::Deny, "Europe/Oslo", "2026-11-02T00:00", "2026-11-02T06:00", None);
        let schedule = Schedule { end: None, duration: Some(SafeText::new(duration)), ..bad.schedule.clone().unwrap() };
        let error = check(&Window { schedule: Some(schedule), ..bad }).unwrap_err();
        assert_eq!(error.part, "schedule.duration", "{error}");
        assert!(error.to_string().contains(word), "{duration}: {error}");
    }
    let backward = Window { from: utc("2026-11-02T00:00"), until: Some(utc("2026-11-02T00:00")), ..Window::default() };
    assert_eq!(check(&backward).unwrap_err().part, "until");
    for (part, from, until) in [
        ("from", "2026-12-31T23:59:60Z", "2027-01-02T00:00:00Z"),
        ("until", "2026-12-31T00:00:00Z", "2026-12-31T23:59:60Z"),
    ] {
        let (from, until) = (from.parse().unwrap(), Some(until.parse().unwrap()));
        let error = check(&Window { from, until, ..Window::default() }).unwrap_err();
        assert_eq!(error.part, part, "the second 60 is on no clock: {error}");
    }
}

#[test]
fn a_stored_schedule_that_cannot_be_read_any_more_errs_on_the_side_of_caution() {
    let lost = |effect| Window {
        from: utc("2026-11-02T00:00"),
        until: Some(utc("2026-12-02T00:00")),
        ..window(effect, "Mars/Olympus", "2026-11-02T00:00", "PT1H", Some("FREQ=DAILY"))
    };
    for (at, deny, allow) in [
        ("2026-11-01T00:00", WindowState::Upcoming, WindowState::Upcoming),
        ("2026-11-15T12:00", WindowState::Active, WindowState::Upcoming),
        ("2026-12-02T00:00", WindowState::Ended, WindowState::Ended),
    ] {
        assert_eq!(state(&lost(Effect::Deny), utc(at)), deny, "{at}");
        assert_eq!(state(&lost(Effect::Allow), utc(at)), allow, "{at}");
    }
}
