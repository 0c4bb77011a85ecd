//! Files that nobody wrote by hand: lines in any order and number, cut and mixed up, and crons as they come.

use proptest::prelude::*;

use super::*;

/// Lines that calendars have, and lines that none should have.
const LINES: [&str; 44] = [
    "BEGIN:VEVENT",
    "END:VEVENT",
    "BEGIN:VALARM",
    "END:VALARM",
    "BEGIN:VTIMEZONE",
    "END:VTIMEZONE",
    "BEGIN:VCALENDAR",
    "END:VCALENDAR",
    "UID:1",
    "UID:",
    "SEQUENCE:-1",
    "SEQUENCE:99999999999999999999",
    "RECURRENCE-ID:20261122T200000Z",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20261122T200000Z",
    "DTSTART:20261121T200000Z",
    "DTSTART:20261121T200000",
    "DTSTART;VALUE=DATE:20261121",
    "DTSTART;TZID=Europe/London:20260329T013000",
    "DTSTART;TZID=Nowhere/Land:20260329T013000",
    "DTSTART;TZID=\"Europe/Oslo\":20261025T023000",
    "DTSTART:20260230T250000Z",
    "DTSTART:99991231T235959Z",
    "DTEND:20261121T210000Z",
    "DTEND;TZID=Asia/Tokyo:20261122T013000",
    "DTEND;VALUE=DATE:20261123",
    "DTEND:20261121T235960Z",
    "DURATION:PT1H",
    "DURATION:-P1D",
    "DURATION:P99999W",
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=WEEKLY;BYDAY=SA;COUNT=10000",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=-1",
    "RRULE:FREQ=SECONDLY;COUNT=99999999999",
    "RRULE:",
    "RDATE:20261123T200000Z,20261124T200000Z",
    "RDATE;VALUE=PERIOD:20261123T200000Z/PT1H",
    "EXDATE:20261121T200000Z",
    "EXRULE:FREQ=DAILY",
    "X-ROLLDECK-SCOPE:site=*,label:a=b",
    "X-ROLLDECK-SCOPE:\u{1b}[2J",
    "SUMMARY;X=\"a:b;c\":\u{1b}]0;owned\u{7}\\n\\,\u{202e}x",
    " goes on from nothing",
    "no colon at all",
    ";=:;=:",
];

fn any_lines() -> impl Strategy<Value = Vec<String>> {
    let known = (0..LINES.len()).prop_map(|at| LINES[at].to_owned());
    prop::collection::vec(prop_oneof![8 => known, 1 => ".{0,40}"], 0..14)
}

/// That whatever was taken can hold, and whatever was refused says where.
fn is_sound(text: &str, read: Result<Imported, ImportError>) {
    match read {
        Ok(imported) => {
            for draft in &imported.windows {
                let window = window(draft);
                check(&window).unwrap();
                assert!(draft.until.is_none_or(|until| draft.from < until), "{draft:?}\n{text}");
                let shown = [&draft.name, &draft.reason, &draft.contact];
                let said: String = shown.into_iter().flatten().map(SafeText::as_str).collect();
                assert!(!said.chars().any(|c| c.is_control() || c == '\u{202e}'), "{said:?}\n{text}");
                for span in spans(&window, utc("2026-01-01T00:00"), utc("2028-01-01T00:00"), 20) {
                    assert!(span.until.is_none_or(|until| span.from < until), "{span:?}\n{text}");
                }
            }
        }
        Err(error) => {
            let line = error.place.strip_prefix("line ").map(|number| number.parse::<usize>().unwrap());
            let lines = text.split('\n').count();
            assert!(error.place == "file" || line.is_some_and(|line| (1..=lines).contains(&line)), "{error}\n{text}");
            assert!(!error.why.is_empty() && error.why.chars().count() <= 400, "{error}");
        }
    }
}

/// Minutes of a week from Sunday on at which a cron of these minutes, hours and weekdays comes.
fn comes(minute: u32, hours: &[u32], days: &[u32]) -> Vec<i64> {
    days.iter().flat_map(|day| hours.iter().map(move |hour| i64::from(day * 1440 + hour * 60 + minute))).collect()
}

fn cron(minute: u32, hours: &[u32], days: &[u32]) -> String {
    let list = |values: &[u32]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    format!("{minute} {} * * {}", list(hours), list(days))
}

fn some(of: u32, most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(0..of, 1..=most).prop_map(|set| set.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_in_any_order_are_taken_soundly_or_refused_with_their_place(lines in any_lines(), whole in any::<bool>()) {
        let text = if whole { event(&lines.join("\n")) } else { lines.join("\n") };
        is_sound(&text, ical(&text, Some(&scope())));
    }

    #[test]
    fn a_calendar_that_is_cut_or_garbled_anywhere_is_taken_soundly_or_refused_with_its_place(
        cut in 0usize..400,
        put in "[\\x00-\\x7f\u{80}-\u{9f}\u{202e};:=,\"]{0,3}",
        keep in any::<bool>(),
    ) {
        let whole = event("SUMMARY:nights\nDTSTART;TZID=Europe/Oslo:20261121T220000\nDTEND;TZID=Europe/Oslo:20261122T060000\nRRULE:FREQ=WEEKLY;BYDAY=SA;UNTIL=20271231T000000Z\nEXDATE;TZID=Europe/Oslo:20261128T220000\nX-ROLLDECK-SCOPE:target=dc-*");
        let cut = (0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
        let rest = if keep { &whole[cut..] } else { "" };
        let text = format!("{}{put}{rest}", &whole[..cut]);
        is_sound(&text, ical(&text, Some(&scope())));
    }

    #[test]
    fn any_text_for_a_cron_is_read_or_refused(text in "[0-9a-zA-Z*/,?@# -]{0,24}") {
        for cron in [format!("{text} * * *"), format!("0 22 {text}"), text] {
            let frozen = freeze(&cron, "0 6 * * *", "UTC");
            if let Err(error) = gitlab(&frozen, Some(&scope())) {
                prop_assert!(error.place.contains("freeze_"), "{}", error);
            }
            let window = format!("kind: deny\nschedule: {cron:?}\nduration: 1h\napplications: ['*']");
            if let Err(error) = argocd(&project(&window), Some(&scope())) {
                prop_assert!(error.place.contains("schedule"), "{}", error);
            }
        }
    }

    #[test]
    fn freeze_periods_by_weekdays_freeze_every_minute_that_gitlab_does_and_no_other(
        (start_minute, start_hours, start_days) in (0u32..60, some(24, 3), some(7, 7)),
        (end_minute, end_hours, end_days) in (0u32..60, some(24, 3), some(7, 7)),
    ) {
        let starts = comes(start_minute, &start_hours, &start_days);
        let ends = comes(end_minute, &end_hours, &end_days);
        let (start, end) = (cron(start_minute, &start_hours, &start_days), cron(end_minute, &end_hours, &end_days));
        let read = gitlab(&freeze(&start, &end, "UTC"), Some(&scope()));
        if starts.iter().any(|at| ends.contains(at)) {
            prop_assert!(read.unwrap_err().why.contains("same time"));
            return Ok(());
        }
        let windows: Vec<Window> = read.unwrap().windows.iter().map(window).collect();
        // A Sunday.
        let sunday = utc("2026-11-22T00:00");
        let frozen: Vec<_> = windows
            .iter()
            .flat_map(|window| spans(window, sunday, sunday + chrono::TimeDelta::weeks(1), 200))
            .collect();
        let week = 7 * 1440;
        // Between two of these nothing begins or ends.
        let edges = starts.iter().chain(&ends).flat_map(|at| [at - 1, *at, at + 1]);
        for minute in edges.map(|minute| minute.rem_euclid(week)) {
            let since = starts.iter().map(|at| (minute - at).rem_euclid(week)).min().unwrap();
            let started = minute - since;
            let lasts = ends.iter().map(|at| (at - started).rem_euclid(week)).min().unwrap();
            let at = sunday + chrono::TimeDelta::minutes(minute);
            let ours = frozen.iter().any(|span| span.from <= at && span.until.is_none_or(|until| at < until));
            prop_assert_eq!(ours, since < lasts, "{} to {} at {}", start, end, at);
        }
    }
}
