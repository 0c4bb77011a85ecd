//! Ten ways in which Argo CD's arithmetic goes wrong on the days that clocks change, and what the same sync window is here.
//!
//! It moves the clock by the offset of the moment that it is asked at, and walks the cron as if it were UTC
//! (`SyncWindow.active` and `scheduleOffsetByTimeZone` in argo-cd, pkg/apis/application/v1alpha1/types.go).

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use rolldeck::{
    domain::Window,
    window::{self, Span, import},
};

/// A daily sync window.
struct Daily {
    kind: &'static str,
    zone: &'static str,
    hour: u32,
    minute: u32,
    minutes: i64,
}

impl Daily {
    fn deny(zone: &'static str, hour: u32, minute: u32, minutes: i64) -> Self {
        Self { kind: "deny", zone, hour, minute, minutes }
    }

    /// When Argo CD has it active between two instants, by the minute.
    fn by_argo_cd(&self, from: &str, until: &str) -> Vec<Span> {
        let zone: Tz = self.zone.parse().unwrap();
        let start = NaiveTime::from_hms_opt(self.hour, self.minute, 0).unwrap();
        let active = |at: DateTime<Utc>| {
            let moved = zone.from_utc_datetime(&at.naive_utc()).naive_local();
            let today = moved.date().and_time(start);
            let last = if today <= moved { today } else { today - TimeDelta::days(1) };
            moved - last < TimeDelta::minutes(self.minutes)
        };
        let mut spans: Vec<Span> = Vec::new();
        let (mut at, end) = (utc(from), utc(until));
        while at < end {
            let next = at + TimeDelta::minutes(1);
            if active(at) {
                match spans.last_mut() {
                    Some(span) if span.until == Some(at) => span.until = Some(next),
                    _ => spans.push(Span { from: at, until: Some(next) }),
                }
            }
            at = next;
        }
        spans
    }

    /// When it is active here, after its import.
    fn here(&self, from: &str, until: &str) -> Vec<Span> {
        let window = self.imported().unwrap();
        window::spans(&window, utc(from), utc(until), 100)
    }

    fn imported(&self) -> Result<Window, import::ImportError> {
        let text = format!(
            "kind: AppProject\nspec:\n  syncWindows:\n    - kind: {}\n      schedule: '{} {} * * *'\n      duration: {}m\n      timeZone: {}\n      namespaces: ['*']\n",
            self.kind, self.minute, self.hour, self.minutes, self.zone
        );
        let draft = import::argocd(&text, None)?.windows.remove(0);
        Ok(Window {
            effect: draft.effect,
            schedule: draft.schedule,
            from: draft.from,
            until: draft.until,
            enabled: true,
            ..Window::default()
        })
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn span(from: &str, until: &str) -> Span {
    Span { from: utc(from), until: Some(utc(until)) }
}

#[test]
fn a_freeze_in_the_hour_that_clocks_leave_out_holds_and_is_not_lost() {
    let window = Daily::deny("Europe/London", 1, 30, 20);
    let day = ("2026-03-29T00:00", "2026-03-29T12:00");
    assert_eq!(window.by_argo_cd(day.0, day.1), []);
    assert_eq!(window.here(day.0, day.1), [span("2026-03-29T01:30", "2026-03-29T01:50")]);
}

#[test]
fn a_freeze_in_the_hour_that_comes_twice_holds_once() {
    let window = Daily::deny("Europe/London", 1, 30, 20);
    let day = ("2026-10-25T00:00", "2026-10-25T12:00");
    let twice = [span("2026-10-25T00:30", "2026-10-25T00:50"), span("2026-10-25T01:30", "2026-10-25T01:50")];
    assert_eq!(window.by_argo_cd(day.0, day.1), twice);
    assert_eq!(window.here(day.0, day.1), twice[..1]);
}

#[test]
fn two_hours_are_two_hours_when_clocks_are_put_forward() {
    let window = Daily::deny("Europe/London", 0, 30, 120);
    let day = ("2026-03-29T00:00", "2026-03-29T12:00");
    assert_eq!(window.by_argo_cd(day.0, day.1), [span("2026-03-29T00:30", "2026-03-29T01:30")]);
    assert_eq!(window.here(day.0, day.1), [span("2026-03-29T00:30", "2026-03-29T02:30")]);
}

#[test]
fn two_hours_are_two_hours_when_clocks_are_put_back() {
    let window = Daily::deny("Europe/London", 0, 30, 120);
    let day = ("2026-10-24T12:00", "2026-10-25T12:00");
    assert_eq!(window.by_argo_cd(day.0, day.1), [span("2026-10-24T23:30", "2026-10-25T02:30")]);
    assert_eq!(window.here(day.0, day.1), [span("2026-10-24T23:30", "2026-10-25T01:30")]);
}

#[test]
fn a_night_of_eight_hours_is_not_one_of_seven() {
    let window = Daily::deny("America/New_York", 22, 0, 480);
    let night = ("2026-03-07T12:00", "2026-03-08T12:00");
    assert_eq!(window.by_argo_cd(night.0, night.1), [span("2026-03-08T03:00", "2026-03-08T10:00")]);
    assert_eq!(window.here(night.0, night.1), [span("2026-03-08T03:00", "2026-03-08T11:00")]);
}

#[test]
fn an_allowance_of_twenty_minutes_does_not_open_a_second_time() {
    let window = Daily { kind: "allow", ..Daily::deny("America/New_York", 1, 30, 20) };
    let day = ("2026-11-01T00:00", "2026-11-01T12:00");
    let twice = [span("2026-11-01T05:30", "2026-11-01T05:50"), span("2026-11-01T06:30", "2026-11-01T06:50")];
    assert_eq!(window.by_argo_cd(day.0, day.1), twice);
    // What allows is read so that it opens late.
    assert_eq!(window.here(day.0, day.1), twice[1..]);
}

#[test]
fn half_an_hour_that_is_left_out_loses_no_freeze_either() {
    let window = Daily::deny("Australia/Lord_Howe", 2, 10, 15);
    let day = ("2026-10-03T12:00", "2026-10-04T06:00");
    assert_eq!(window.by_argo_cd(day.0, day.1), []);
    assert_eq!(window.here(day.0, day.1), [span("2026-10-03T15:40", "2026-10-03T15:55")]);
}

#[test]
fn a_day_that_begins_at_one_in_the_morning_has_its_freeze_of_midnight() {
    let window = Daily::deny("Africa/Cairo", 0, 10, 20);
    let day = ("2026-04-23T12:00", "2026-04-24T12:00");
    assert_eq!(window.by_argo_cd(day.0, day.1), []);
    assert_eq!(window.here(day.0, day.1), [span("2026-04-23T22:10", "2026-04-23T22:30")]);
}

#[test]
fn the_next_beginning_is_told_right_on_the_day_before_clocks_change() {
    let window = Daily::deny("Europe/London", 9, 0, 60);
    let asked = utc("2026-03-28T12:00");
    // The cron as if it were UTC, moved back by the offset of the moment of asking: an hour late.
    let zone: Tz = window.zone.parse().unwrap();
    let offset = asked.with_timezone(&zone).naive_local() - asked.naive_utc();
    let told = utc("2026-03-29T09:00") - offset;
    assert_eq!(told, utc("2026-03-29T09:00"));
    let next = window::spans(&window.imported().unwrap(), asked, utc("2026-04-01T00:00"), 1);
    assert_eq!(next, [span("2026-03-29T08:00", "2026-03-29T09:00")]);
}

#[test]
fn a_zone_that_nobody_knows_is_an_error_and_not_utc() {
    // Argo CD logs a warning, and takes UTC.
    let error = Daily::deny("Europe/Lodnon", 1, 30, 20).imported().unwrap_err();
    assert!(error.place.contains("spec.syncWindows[0].timeZone"), "{error}");
    assert!(error.why.contains("did you mean Europe/London?"), "{error}");
}
