//! Files of other calendars: what they become, and what is refused with the place.

use super::*;
use crate::window::spans;

mod hostile;

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn window(draft: &WindowDraft) -> Window {
    Window {
        effect: draft.effect,
        scope: draft.scope.clone(),
        from: draft.from,
        until: draft.until,
        schedule: draft.schedule.clone(),
        enabled: true,
        ..Window::default()
    }
}

/// The spans of all windows, in the order of the windows.
fn written(imported: &Imported, from: &str, until: &str) -> Vec<String> {
    let short = |at: DateTime<Utc>| at.format("%m-%dT%H:%M").to_string();
    let windows = imported.windows.iter().map(window);
    windows
        .flat_map(|window| spans(&window, utc(from), utc(until), 50))
        .map(|span| format!("{}/{}", short(span.from), span.until.map_or("..".to_owned(), short)))
        .collect()
}

fn scope() -> Scope {
    "dc-west".parse().unwrap()
}

/// A calendar with these lines in its one event.
fn event(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-TIMEZONE:Europe/Oslo\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
}

fn calendar(lines: &str) -> Result<Imported, ImportError> {
    ical(&event(lines), Some(&scope()))
}

#[test]
fn an_event_is_known_by_its_uid_and_by_the_start_that_it_stands_for() {
    let one = |lines: &str| calendar(lines).unwrap().windows[0].event.clone().unwrap();
    let times = "DTSTART:20261121T200000Z\nDTEND:20261121T220000Z";
    let plain = one(times);
    assert_eq!((plain.uid.as_str(), plain.recurrence, plain.sequence), ("1", None, 0));
    let written = [
        ("RECURRENCE-ID:20261121T200000Z", "20261121T200000Z"),
        ("RECURRENCE-ID;TZID=Europe/Oslo:20261121T210000", "20261121T200000Z"),
        ("RECURRENCE-ID:20261121T210000", "20261121T200000Z"),
        ("RECURRENCE-ID;VALUE=DATE:20261121", "20261121"),
    ];
    for (line, expected) in written {
        let event = one(&format!("{line}\n{times}\nSEQUENCE:3"));
        assert_eq!((event.recurrence.unwrap().as_str(), event.sequence), (expected, 3), "{line}");
    }
    assert!(calendar(&format!("{times}\nSEQUENCE:soon")).unwrap_err().why.contains("SEQUENCE is a number"));
    // Twice in one file: the newer one counts, wherever it stands.
    let event = |sequence: u32, end: &str| {
        format!("BEGIN:VEVENT\nUID:x\nSEQUENCE:{sequence}\nDTSTART:20261121T200000Z\nDTEND:{end}\nEND:VEVENT\n")
    };
    for (first, second) in
        [((2, "20261121T230000Z"), (1, "20261121T220000Z")), ((1, "20261121T220000Z"), (2, "20261121T230000Z"))]
    {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\n{}{}END:VCALENDAR\n",
            event(first.0, first.1),
            event(second.0, second.1)
        );
        let read = ical(&text, Some(&scope())).unwrap();
        assert_eq!((read.windows.len(), read.windows[0].until), (1, Some(utc("2026-11-21T23:00"))));
        assert!(read.remarks[0].contains("twice"), "{:?}", read.remarks);
    }
    let torn = [event(1, "20261121T220000Z"), event(1, "20261121T230000Z")].concat();
    let torn = ical(&format!("BEGIN:VCALENDAR\nVERSION:2.0\n{torn}END:VCALENDAR\n"), Some(&scope())).unwrap_err();
    assert!(torn.why.contains("SEQUENCE makes neither newer"), "{torn}");
}

#[test]
fn a_window_that_was_stored_before_events_were_kept_is_read() {
    let mut stored = serde_json::to_value(Window::default()).unwrap();
    assert!(stored.as_object_mut().unwrap().get("imported_from").is_none());
    assert_eq!(serde_json::from_value::<Window>(stored).unwrap().imported_from, None);
}

#[test]
fn events_become_windows_with_the_same_spans() {
    let (from, until) = ("2026-11-01T00:00", "2026-12-01T00:00");
    for (what, lines, expected) in [
        ("once in UTC", "DTSTART:20261121T200000Z\nDTEND:20261121T220000Z", &["11-21T20:00/11-21T22:00"][..]),
        ("in a zone", "DTSTART;TZID=America/New_York:20261121T200000\nDURATION:PT2H", &["11-22T01:00/11-22T03:00"]),
        (
            "quoted, without regard to case",
            "dtstart;tzid=\"America/New_York\":20261121T200000\nduration:pt2h",
            &["11-22T01:00/11-22T03:00"],
        ),
        ("a day, in the calendar's zone", "DTSTART;VALUE=DATE:20261121", &["11-20T23:00/11-21T23:00"]),
        (
            "days, to the one before DTEND",
            "DTSTART;VALUE=DATE:20261121\nDTEND;VALUE=DATE:20261123",
            &["11-20T23:00/11-22T23:00"],
        ),
        ("weeks", "DTSTART;VALUE=DATE:20261109\nDURATION:P1W", &["11-08T23:00/11-15T23:00"]),
        (
            "without a zone, in the calendar's",
            "DTSTART:20261121T200000\nDTEND:20261121T220000",
            &["11-21T19:00/11-21T21:00"],
        ),
        (
            "again, folded in the middle of a word",
            "DTSTART;TZID=Europe/Oslo:20261102T220000\nDTEND;TZID=Europe/Oslo:20261103T060000\nRRULE:FREQ=WEEKLY;COU\n NT=3;BYDAY=MO,\n\tWE",
            &["11-02T21:00/11-03T05:00", "11-04T21:00/11-05T05:00", "11-09T21:00/11-10T05:00"],
        ),
        (
            "further dates and dates left out, one of them in UTC",
            "DTSTART;TZID=Europe/Oslo:20261102T220000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/Oslo:20261103T220000\nEXDATE:20261104T210000Z\nRDATE;TZID=Europe/Oslo:20261120T120000,20261121T120000",
            &[
                "11-02T21:00/11-02T22:00",
                "11-05T21:00/11-05T22:00",
                "11-20T11:00/11-20T12:00",
                "11-21T11:00/11-21T12:00",
            ],
        ),
        (
            "from one zone to another",
            "DTSTART;TZID=Europe/Oslo:20261121T200000\nDTEND;TZID=Asia/Tokyo:20261122T060000",
            &["11-21T19:00/11-21T21:00"],
        ),
        ("a day and hours in UTC", "DTSTART:20261121T200000Z\nDURATION:P1DT2H", &["11-21T20:00/11-22T22:00"]),
        (
            "an alarm is not looked at",
            "DTSTART:20261121T200000Z\nDTEND:20261121T220000Z\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nEND:VALARM",
            &["11-21T20:00/11-21T22:00"],
        ),
    ] {
        let imported = calendar(lines).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(written(&imported, from, until), expected, "{what}");
    }
}

#[test]
fn what_an_event_says_in_words_is_kept_and_unescaped() {
    let imported = calendar(
        "DTSTART:20261121T200000Z\nDTEND:20261121T220000Z\nSUMMARY:Peak\\, west\\; \"all\"\nDESCRIPTION:Black Friday\\nno changes\nCONTACT:ops@example.com",
    )
    .unwrap();
    let draft = &imported.windows[0];
    assert_eq!(draft.name.as_ref().unwrap().as_str(), "Peak, west; \"all\"");
    assert_eq!(draft.reason.as_ref().unwrap().as_str(), "Black Friday no changes");
    assert_eq!(draft.contact.as_ref().unwrap().as_str(), "ops@example.com");
    assert_eq!((draft.effect, draft.scope.to_string().as_str()), (Effect::Deny, "target=dc-west"));
    assert!(draft.schedule.is_none(), "instants need no civil time");
}

#[test]
fn several_calendars_an_event_that_stands_for_one_of_a_series_and_cancelled_ones() {
    let text = "\u{feff}BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nUID:night\r\nDTSTART;TZID=Europe/Oslo:20261102T220000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:night\r\nRECURRENCE-ID;TZID=Europe/Oslo:20261103T220000\r\nDTSTART;TZID=Europe/Oslo:20261103T120000\r\nDURATION:PT2H\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:night\r\nRECURRENCE-ID:20261104T210000Z\r\nSTATUS:CANCELLED\r\nDTSTART:20261104T210000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:off\r\nSTATUS:CANCELLED\r\nDTSTART:20261110T210000Z\r\nDURATION:PT2H\r\nEND:VEVENT\r\n\
        BEGIN:VTODO\r\nUID:todo\r\nEND:VTODO\r\nEND:VCALENDAR\r\n\
        BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:DEFAULT_CLOSED\r\nBEGIN:VEVENT\r\nUID:open\r\nDTSTART:20261106T090000Z\r\nDURATION:PT3H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let imported = ical(text, Some(&scope())).unwrap();
    assert_eq!(
        written(&imported, "2026-11-01T00:00", "2026-12-01T00:00"),
        ["11-02T21:00/11-02T22:00", "11-03T11:00/11-03T13:00", "11-06T09:00/11-06T12:00"]
    );
    let effects: Vec<Effect> = imported.windows.iter().map(|draft| draft.effect).collect();
    assert_eq!(effects, [Effect::Deny, Effect::Deny, Effect::Allow]);
    let remarks = imported.remarks.join("\n");
    for word in ["Europe/Oslo is read as the time zone database", "the event is cancelled", "a VTODO is no event"] {
        assert!(remarks.contains(word), "{remarks}");
    }
}

#[test]
fn an_event_that_keeps_no_time_or_is_not_sure_freezes_and_that_is_said() {
    for (line, word) in [("TRANSP:TRANSPARENT", "taking no time"), ("STATUS:TENTATIVE", "tentative")] {
        let imported = calendar(&format!("DTSTART:20261121T200000Z\nDURATION:PT1H\n{line}")).unwrap();
        assert_eq!(imported.windows.len(), 1, "{line}");
        assert!(imported.remarks.iter().any(|remark| remark.contains(word)), "{:?}", imported.remarks);
    }
}

#[test]
fn of_a_series_with_thousands_of_moved_starts_each_is_left_out_once() {
    let moved: Vec<String> = (0..2000)
        .map(|minute| {
            let time = format!("20261121T{:02}{:02}00Z", minute / 60 % 24, minute % 60);
            format!("BEGIN:VEVENT\nUID:u\nRECURRENCE-ID:{time}\nDTSTART:{time}\nDURATION:PT1M\nSTATUS:CANCELLED\nEND:VEVENT\n")
        })
        .collect();
    let master = "BEGIN:VEVENT\nUID:u\nDTSTART:20261121T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
    let text = format!("BEGIN:VCALENDAR\n{}{master}END:VCALENDAR", moved.concat());
    let imported = ical(&text, Some(&scope())).unwrap();
    assert_eq!((imported.windows.len(), imported.cancelled.len()), (1, 2000));
    assert_eq!(imported.windows[0].schedule.as_ref().unwrap().exdate.len(), 2000);
}

#[test]
fn an_event_that_a_schedule_cannot_say_is_refused_with_its_line() {
    // The event's own lines begin on line 6.
    let once = "DTSTART:20261121T200000Z\nDTEND:20261121T220000Z";
    let zoned = "DTSTART;TZID=Europe/Oslo:20261121T200000\nDURATION:PT1H";
    for (line, word, lines) in [
        (4, "no DTSTART", "SUMMARY:x".to_owned()),
        (6, "no date and time", "DTSTART:2026-11-21".to_owned()),
        (6, "no date and time", "DTSTART:20260230T100000Z\nDURATION:PT1H".to_owned()),
        (6, "no date and time", "DTSTART:20261121T235960Z\nDURATION:PT1H".to_owned()),
        (7, "no date and time", "DTSTART:20261121T200000Z\nDTEND:20261121T235960Z".to_owned()),
        (8, "20261231", format!("{zoned}\nRRULE:FREQ=DAILY;UNTIL=20261231T235960Z")),
        (6, "no date like", "DTSTART;VALUE=DATE:20260230".to_owned()),
        (6, "a date or a date and time", "DTSTART;VALUE=TIME:100000".to_owned()),
        (6, "takes no time", "DTSTART:20261121T200000Z".to_owned()),
        (7, "after", "DTSTART:20261121T200000Z\nDTEND:20261121T200000Z".to_owned()),
        (8, "one of them", format!("{once}\nDURATION:PT2H")),
        (7, "another kind of value", "DTSTART;VALUE=DATE:20261121\nDTEND:20261122T000000Z".to_owned()),
        (
            6,
            "no such zone; did you mean Europe/Oslo?",
            "DTSTART;TZID=Europe/Olso:20261121T200000\nDURATION:PT1H".to_owned(),
        ),
        (6, "no such zone", "DTSTART;TZID=W. Europe Standard Time:20261121T200000\nDURATION:PT1H".to_owned()),
        (8, "FREQ", format!("{zoned}\nRRULE:FREQ=HOURLY")),
        (8, "BYDAY", format!("{zoned}\nRRULE:FREQ=DAILY;BYDAY=2MO")),
        (6, "2026-11-23", format!("{zoned}\nRRULE:FREQ=WEEKLY;BYDAY=MO")),
        (9, "twice", format!("{zoned}\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY")),
        (8, "EXRULE", format!("{zoned}\nEXRULE:FREQ=DAILY")),
        (8, "another zone", format!("{zoned}\nEXDATE;TZID=Asia/Tokyo:20261121T200000")),
        (8, "date and time", format!("{zoned}\nRDATE;VALUE=PERIOD:20261121T200000Z/PT1H")),
        (
            8,
            "is not always as long",
            "DTSTART;TZID=Europe/Oslo:20261121T200000\nDURATION:P1DT2H\nX-A:1".replace("X-A:1", "").trim().to_owned(),
        ),
        (
            7,
            "not always as long",
            "DTSTART;TZID=Europe/Oslo:20261121T200000\nDTEND:20261121T220000Z\nRRULE:FREQ=DAILY".to_owned(),
        ),
        (8, "RANGE", format!("{zoned}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261121T200000Z")),
        (8, "unknown variant", format!("{once}\nX-ROLLDECK-EFFECT:maybe")),
        (8, "unknown variant", format!("{once}\nX-ROLLDECK-ACTIONS:start,explode")),
        (8, "no part of a scope", format!("{once}\nX-ROLLDECK-SCOPE:planet=mars")),
        (8, "no content line", format!("{once}\nwhat is this")),
        (8, "quote", format!("{once}\nX-A;B=\"c:d")),
    ] {
        let line = if word == "is not always as long" { 7 } else { line };
        let error = calendar(&lines).unwrap_err();
        assert_eq!(error.place, format!("line {line}"), "{error}");
        assert!(error.why.contains(word), "{word}: {error}");
    }
}

#[test]
fn a_calendar_that_is_not_whole_or_says_too_little_is_refused_with_its_line() {
    let floating = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261121T200000\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
    let custom = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Plant\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=Plant:20261121T200000\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
    let day = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261121\nEND:VEVENT\nEND:VCALENDAR";
    let series = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nRECURRENCE-ID:20261121T200000Z\nDTSTART:20261121T200000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
    for (place, word, text) in [
        ("file", "no calendar", ""),
        ("line 1", "begins with BEGIN:VCALENDAR", "BEGIN:VEVENT\nEND:VEVENT"),
        ("line 1", "outside", "VERSION:2.0"),
        ("line 2", "cut off", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261121T200000Z"),
        ("line 2", "is open", "BEGIN:VCALENDAR\nEND:VEVENT"),
        ("line 3", "nothing is open", "BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR"),
        ("line 1", "a line before it", " X:1"),
        ("line 2", "Gregorian", "BEGIN:VCALENDAR\nCALSCALE:HEBREW\nEND:VCALENDAR"),
        ("line 2", "takes events back", "BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR"),
        ("line 3", "has no zone", floating),
        ("line 3", "has no zone", day),
        ("line 6", "file's own (line 2)", custom),
        ("line 3", "without UID", series),
    ] {
        let error = ical(text, Some(&scope())).unwrap_err();
        assert_eq!(error.place, place, "{error}");
        assert!(error.why.contains(word), "{word}: {error}");
    }
    let error = ical(&event("DTSTART:20261121T200000Z\nDURATION:PT1H"), None).unwrap_err();
    assert!(error.why.contains("name a scope"), "{error}");
}

/// An `AppProject` with one sync window.
fn project(window: &str) -> String {
    let lines: Vec<String> = window.lines().map(|line| format!("      {line}")).collect();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: shop\nspec:\n  syncWindows:\n    -\n{}\n",
        lines.join("\n")
    )
}

#[test]
fn sync_windows_become_windows_with_the_times_that_they_name() {
    let (from, until) = ("2026-11-19T12:00", "2026-11-24T00:00");
    for (what, window, expected) in [
        (
            "nights, in a zone",
            "kind: deny\nschedule: '0 22 * * 1-5'\nduration: 8h\ntimeZone: Europe/Oslo\nnamespaces: [shop]",
            &["11-19T21:00/11-20T05:00", "11-20T21:00/11-21T05:00", "11-23T21:00/11-24T05:00"][..],
        ),
        (
            "named days",
            "kind: deny\nschedule: '0 22 * * fri,SUN'\nduration: 90m\nnamespaces: ['*']",
            &["11-20T22:00/11-20T23:30", "11-22T22:00/11-22T23:30"],
        ),
        (
            "a week that ends on its seventh day",
            "kind: deny\nschedule: '30 6 * * 6-7'\nduration: 30m\nnamespaces: ['*']",
            &["11-21T06:30/11-21T07:00", "11-22T06:30/11-22T07:00"],
        ),
        (
            "a day of the month",
            "kind: deny\nschedule: '0 0 20 11,12 *'\nduration: 24h\nnamespaces: ['*']",
            &["11-20T00:00/11-21T00:00"],
        ),
        (
            "several times a day: a window for each",
            "kind: allow\nschedule: '15 */12 21 * *'\nduration: 1h\napplications: ['*']",
            &["11-21T00:15/11-21T01:15", "11-21T12:15/11-21T13:15"],
        ),
        (
            "times that touch: one window",
            "kind: allow\nschedule: '*/30 9-16 20 * *'\nduration: 30m\napplications: ['*']",
            &["11-20T09:00/11-20T17:00"],
        ),
        ("always", "kind: deny\nschedule: '* * * * *'\nduration: 1h\nnamespaces: ['*']", &["01-01T00:00/.."]),
        ("every day whole", "kind: deny\nschedule: '@daily'\nduration: 24h\nnamespaces: ['*']", &["01-01T00:00/.."]),
    ] {
        let imported = argocd(&project(window), None).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(written(&imported, from, until), expected, "{what}");
    }
}

#[test]
fn a_sync_window_keeps_what_it_is_about_and_who_may_pass_it() {
    let west: Scope = "label:region=west".parse().unwrap();
    for (window, scope, expected) in [
        ("namespaces: [shop, 'pay-*']", None, "target=shop,target=pay-*"),
        ("namespaces: ['*']", None, "*"),
        ("namespaces: [shop]", Some(&west), "target=shop,label:region=west"),
        ("applications: ['*-prod']", None, "label:app.kubernetes.io/instance=*-prod"),
        (
            "applications: ['*-prod']\nnamespaces: [shop]\nclusters: ['*']\nandOperator: true",
            None,
            "target=shop,label:app.kubernetes.io/instance=*-prod",
        ),
        // Either of them is everything.
        ("applications: ['*-prod']\nclusters: ['*']", None, "*"),
    ] {
        let text = project(&format!("kind: deny\nschedule: '0 22 * * *'\nduration: 1h\nmanualSync: true\n{window}"));
        let imported = argocd(&text, scope).unwrap_or_else(|error| panic!("{window}: {error}"));
        assert_eq!(imported.windows[0].scope.to_string(), expected, "{window}");
        assert_eq!(imported.windows[0].overridable, Overridable::Single);
        assert_eq!(imported.windows[0].name.as_ref().unwrap().as_str(), "shop: 0 22 * * *");
    }
    let never = argocd(&project("kind: deny\nschedule: '0 22 * * *'\nduration: 1h\nnamespaces: [a]"), None).unwrap();
    assert_eq!(never.windows[0].overridable, Overridable::Never);
    // As `kubectl get -o json` lists them.
    let json = r#"{"apiVersion":"v1","kind":"List","items":[{"kind":"AppProject","metadata":{"name":"a"},"spec":{"syncWindows":[{"kind":"deny","schedule":"0 22 * * *","duration":"1h","namespaces":["a"]}]}},{"kind":"AppProject","spec":{}}]}"#;
    assert_eq!(argocd(json, None).unwrap().windows.len(), 1);
}

#[test]
fn a_sync_window_without_an_exact_counterpart_is_refused_with_its_field() {
    let good = [("kind", "deny"), ("schedule", "'0 22 * * *'"), ("duration", "1h"), ("namespaces", "[shop]")];
    for (field, value, word) in [
        ("kind", "maybe", "allow or deny"),
        ("schedule", "'0 22 * *'", "five fields"),
        ("schedule", "'0 22 1 * 1'", "either of them"),
        ("schedule", "'0 24 * * *'", "no hour"),
        ("schedule", "'*/0 * * * *'", "no minute"),
        ("schedule", "'0 22 * * 5-1'", "no day of the week"),
        ("schedule", "'0 22 30 2 *'", "no day of any year"),
        ("schedule", "'@every 5m'", "no schedule of a calendar"),
        ("schedule", "'CRON_TZ=Europe/Oslo 0 22 * * *'", "inside of the cron"),
        ("schedule", "'*/2 * * * *'", "times a day"),
        ("duration", "1d", "hours, minutes and seconds"),
        ("duration", "'0'", "hours, minutes and seconds"),
        ("timeZone", "Europe/Olso", "no such zone"),
        ("clusters", "[in-cluster]", "make a window for each list"),
        ("namespaces", "['{a,b}']", "not a pattern"),
        ("namespaces", "['[ab]-prod']", "not a pattern"),
        ("namespaces", "[1]", "not text"),
        ("manualSync", "'yes'", "true or false"),
        ("planet", "mars", "not known here"),
    ] {
        let duration = if word == "times a day" { "1m" } else { "1h" };
        let mut fields: Vec<(&str, &str)> = good.iter().copied().filter(|(name, _)| *name != field).collect();
        fields.iter_mut().filter(|(name, _)| *name == "duration").for_each(|(_, value)| *value = duration);
        fields.push((field, value));
        let text: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let error = argocd(&project(&text.join("\n")), None).unwrap_err();
        let named = if field == "clusters" { "andOperator" } else { field };
        assert!(error.place.contains(&format!("spec.syncWindows[0].{named}")), "{error}");
        assert!(error.why.contains(word), "{word}: {error}");
    }
    let alone =
        argocd(&project("kind: deny\nschedule: '0 22 * * *'\nduration: 1h\nclusters: [west]"), None).unwrap_err();
    assert!(alone.place.starts_with("line ") && alone.why.contains("no clusters"), "{alone}");
    let nothing = argocd(&project("kind: deny\nschedule: '0 22 * * *'\nduration: 1h"), None).unwrap_err();
    assert!(nothing.why.contains("matches nothing"), "{nothing}");
    assert!(argocd("kind: Application", None).unwrap_err().why.contains("not an AppProject"));
    assert!(argocd("kind: AppProject", None).unwrap_err().why.contains("no AppProject with"));
    assert!(argocd("a: [", None).is_err());
}

fn freeze(start: &str, end: &str, zone: &str) -> String {
    format!(
        r#"[{{"id":1,"freeze_start":"{start}","freeze_end":"{end}","cron_timezone":"{zone}","created_at":"2020-05-15T17:03:35.702Z","updated_at":"2020-05-15T17:06:41.566Z"}}]"#
    )
}

#[test]
fn freeze_periods_whose_ends_belong_to_their_starts_become_windows() {
    let (from, until) = ("2026-11-16T12:00", "2026-11-30T00:00");
    for (what, start, end, zone, expected) in [
        (
            "the weekend, as GitLab's pages have it",
            "0 23 * * 5",
            "0 8 * * 1",
            "UTC",
            &["11-20T23:00/11-23T08:00", "11-27T23:00/11-30T08:00"][..],
        ),
        (
            "in a zone",
            "0 23 * * 5",
            "0 8 * * 1",
            "Europe/Oslo",
            &["11-20T22:00/11-23T07:00", "11-27T22:00/11-30T07:00"],
        ),
        (
            "two nights of one length",
            "0 22 * * 1,3",
            "0 6 * * 2,4",
            "UTC",
            &[
                "11-16T22:00/11-17T06:00",
                "11-18T22:00/11-19T06:00",
                "11-23T22:00/11-24T06:00",
                "11-25T22:00/11-26T06:00",
            ],
        ),
        (
            "of two lengths: two windows",
            "0 22 * * 1,5",
            "0 6 * * 2,1",
            "UTC",
            &[
                "11-16T22:00/11-17T06:00",
                "11-23T22:00/11-24T06:00",
                "11-20T22:00/11-23T06:00",
                "11-27T22:00/11-30T06:00",
            ],
        ),
        (
            "an end that comes daily belongs to the start before it",
            "0 22 * * 3",
            "0 6 * * *",
            "UTC",
            &["11-18T22:00/11-19T06:00", "11-25T22:00/11-26T06:00"],
        ),
        // Until the first end after any of the starts.
        (
            "a start after a start goes on",
            "0 22 * * 3,4",
            "0 6 * * 5",
            "UTC",
            &["11-18T22:00/11-20T06:00", "11-25T22:00/11-27T06:00"],
        ),
        ("days of the month", "0 0 20 * *", "0 12 22 * *", "UTC", &["11-20T00:00/11-22T12:00"]),
        ("days of the year", "0 0 20 11 *", "0 0 3 1 *", "UTC", &["11-20T00:00/01-03T00:00"]),
    ] {
        let imported =
            gitlab(&freeze(start, end, zone), Some(&scope())).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(written(&imported, from, until), expected, "{what}");
    }
    // One alone, without a zone.
    let one = r#"{"freeze_start":"0 22 * * *","freeze_end":"0 6 * * *"}"#;
    let imported = gitlab(one, Some(&scope())).unwrap();
    assert_eq!(written(&imported, "2026-11-16T12:00", "2026-11-17T12:00"), ["11-16T22:00/11-17T06:00"]);
}

#[test]
fn freeze_periods_that_nothing_ties_are_refused_with_the_field() {
    for (start, end, zone, field, word) in [
        ("0 22 * * 5", "0 8 3 * *", "UTC", "freeze_end", "not the same each time"),
        ("0 0 20 12 *", "0 0 3 * *", "UTC", "freeze_end", "not the same each time"),
        ("0 0 28 * *", "0 0 3 * *", "UTC", "freeze_end", "not equally long"),
        ("0 0 29 * *", "0 0 30 * *", "UTC", "freeze_end", "not every month"),
        ("0 0 20 2 *", "0 0 3 3 *", "UTC", "freeze_end", "end of February"),
        ("0 22 * * *", "0 22 * * *", "UTC", "freeze_end", "same time"),
        ("0 22 1 * 1", "0 8 * * 2", "UTC", "freeze_start", "either of them"),
        ("0 22 * *", "0 8 * * 2", "UTC", "freeze_start", "five fields"),
        ("0 22 * * 1", "0 8 * * 2", "Eastern Time (US & Canada)", "cron_timezone", "GitLab's own names"),
    ] {
        let error = gitlab(&freeze(start, end, zone), Some(&scope())).unwrap_err();
        assert!(error.place.contains(&format!("[0].{field}")), "{error}");
        assert!(error.why.contains(word), "{word}: {error}");
    }
    assert!(gitlab("[]", Some(&scope())).unwrap_err().why.contains("no freeze period"));
    assert_eq!(gitlab(&freeze("0 22 * * 1", "0 8 * * 2", "UTC"), None).unwrap_err().place, "scope");
    assert!(gitlab(r#"[{"freeze_start":"0 22 * * 1"}]"#, Some(&scope())).unwrap_err().place.contains("freeze_end"));
}
