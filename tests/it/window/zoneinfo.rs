//! A table of 400 days around every change of clocks in ten zones, compared with what Python's zoneinfo makes of the same
//! schedules: `spans.py`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use chrono::{DateTime, Datelike as _, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use rolldeck::{
    domain::{Effect, SafeText, Schedule, Window},
    window,
};
use serde_json::{Value, json};

/// Each for something that the others do not do.
const ZONES: [Tz; 10] = [
    Tz::Europe__London,
    // Winter is what is saved.
    Tz::Europe__Dublin,
    Tz::America__New_York,
    // Half an hour from the others.
    Tz::America__St_Johns,
    // Summer in January.
    Tz::America__Santiago,
    // By half an hour.
    Tz::Australia__Lord_Howe,
    // Three quarters of an hour from the others.
    Tz::Pacific__Chatham,
    // Twice in a month, for Ramadan.
    Tz::Africa__Casablanca,
    // At midnight.
    Tz::Africa__Cairo,
    Tz::America__Havana,
];
/// How many of the zones may be other ones for Python, whose time zone database may be another version.
const OTHERS_MAX: usize = 2;

/// One schedule over the days around a change.
struct Table {
    what: String,
    zone: Tz,
    effect: Effect,
    schedule: Schedule,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Every change of a zone's offset: the instant, and the offset after it, in seconds.
fn transitions(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<(DateTime<Utc>, i32)> {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let mut found = Vec::new();
    let (mut hour, mut present) = (from, offset(from));
    while hour < until {
        let next = hour + TimeDelta::hours(1);
        if offset(next) != present {
            let minute = (0..=60).map(|n| hour + TimeDelta::minutes(n)).find(|at| offset(*at) != present).unwrap();
            present = offset(next);
            found.push((minute, present));
        }
        hour = next;
    }
    found
}

/// The schedules that are tried around a change, whose hour is `[low, high)` on the clock.
fn tables(zone: Tz, at: DateTime<Utc>, low: NaiveDateTime, high: NaiveDateTime) -> Vec<Table> {
    let middle = low + (high - low) / 2;
    let minutes = TimeDelta::minutes;
    let begin = |time: NaiveDateTime| time - TimeDelta::days(200);
    let times: Vec<(&str, NaiveDateTime, Option<NaiveDateTime>)> = vec![
        ("from its middle for 20 minutes of the clock", middle, Some(middle + minutes(20))),
        ("from before it to its middle", low - minutes(30), Some(middle)),
        ("from its middle to after it", middle, Some(high + minutes(30))),
        ("from its middle to its end", middle, Some(high)),
        ("from its middle to just after it", middle, Some(high + minutes(5))),
        ("exactly it", low, Some(high)),
        ("from its middle for 20 minutes", middle, None),
        ("the night", low.date().and_hms_opt(22, 0, 0).unwrap() - TimeDelta::days(1), low.date().and_hms_opt(6, 0, 0)),
    ];
    let mut found = Vec::new();
    for effect in [Effect::Deny, Effect::Allow] {
        for (what, start, end) in &times {
            let schedule = Schedule {
                zone: SafeText::new(zone.name()),
                start: begin(*start),
                end: end.map(begin),
                duration: end.is_none().then(|| SafeText::new("PT20M")),
                rrule: Some(SafeText::new("FREQ=DAILY")),
                rdate: Vec::new(),
                exdate: Vec::new(),
            };
            found.push((format!("{what}, daily"), effect, schedule));
        }
    }
    // Other rules, over the same hour. Each begins on its first date.
    let weekday = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][low.weekday().num_days_from_monday() as usize];
    let until = (middle + TimeDelta::days(90)).format("%Y%m%dT%H%M%S");
    let rules = [
        format!("FREQ=WEEKLY;INTERVAL=2;BYDAY={weekday},WE;WKST=SU"),
        "FREQ=MONTHLY;BYDAY=-1SU,2FR".to_owned(),
        "FREQ=MONTHLY;BYMONTHDAY=-1,29,30;BYSETPOS=-1,1".to_owned(),
        format!("FREQ=YEARLY;BYMONTH=3,4,9,10,11;BYDAY={weekday}"),
        format!("FREQ=DAILY;INTERVAL=3;UNTIL={until}"),
        "FREQ=DAILY;BYDAY=SU,MO;COUNT=60".to_owned(),
    ];
    for (number, rule) in rules.into_iter().enumerate() {
        let schedule = |start: NaiveDateTime| Schedule {
            zone: SafeText::new(zone.name()),
            start,
            end: Some(start + minutes(90)),
            duration: None,
            rrule: Some(SafeText::new(&rule)),
            // The day itself is added to some and taken from others.
            rdate: if number % 2 == 0 { vec![middle, middle + minutes(20)] } else { Vec::new() },
            exdate: if number % 2 == 1 { vec![middle, middle + TimeDelta::days(7)] } else { Vec::new() },
        };
        let fits = |start: &NaiveDateTime| {
            window::check(&Window { schedule: Some(schedule(*start)), ..Window::default() }).is_ok()
        };
        let start = (0..120).map(|day| begin(middle) + TimeDelta::days(day)).find(fits).unwrap();
        found.push((rule.clone(), Effect::Deny, schedule(start)));
    }
    found
        .into_iter()
        .map(|(what, effect, schedule)| Table {
            what: format!("{} {at}: {what}, {effect:?}", zone.name()),
            zone,
            effect,
            schedule,
            from: at - TimeDelta::days(200),
            until: at + TimeDelta::days(200),
        })
        .collect()
}

fn ask(question: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/window/spans.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which tests/run installs");
    let mut stdin = python.stdin.take().unwrap();
    let text = serde_json::to_vec(question).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&text).unwrap());
    let answer = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(answer.status.success(), "the script failed");
    serde_json::from_slice(&answer.stdout).unwrap()
}

#[test]
fn around_every_change_of_clocks_the_spans_are_those_of_another_implementation() {
    let year = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let (from, until) = (year(2026), year(2028));
    let changes: BTreeMap<&str, Vec<(DateTime<Utc>, i32)>> =
        ZONES.iter().map(|zone| (zone.name(), transitions(*zone, from, until))).collect();
    let mut all = Vec::new();
    for zone in ZONES {
        for (at, after) in &changes[zone.name()] {
            let local = at.with_timezone(&zone).naive_local();
            let before = (*at - TimeDelta::minutes(1)).with_timezone(&zone).naive_local() + TimeDelta::minutes(1);
            assert_eq!((local - at.naive_utc()).num_seconds(), i64::from(*after));
            assert_eq!(local.second(), 0);
            all.extend(tables(zone, *at, before.min(local), before.max(local)));
        }
    }
    let asked: Vec<Value> = all
        .iter()
        .map(|table| {
            json!({
                "zone": table.zone.name(),
                "effect": table.effect,
                "start": table.schedule.start,
                "end": table.schedule.end,
                "seconds": table.schedule.duration.as_ref().map(|_| 20 * 60),
                "rrule": table.schedule.rrule,
                "rdate": table.schedule.rdate,
                "exdate": table.schedule.exdate,
                "from": table.from.timestamp(),
                "until": table.until.timestamp(),
            })
        })
        .collect();
    let names: Vec<&str> = ZONES.iter().map(|zone| zone.name()).collect();
    let answer = ask(&json!({ "zones": names, "from": from.timestamp(), "until": until.timestamp(), "tables": asked }));
    let same = |zone: &str| {
        let ours: Vec<Value> = changes[zone].iter().map(|(at, after)| json!([at.timestamp(), after])).collect();
        answer["transitions"][zone] == Value::Array(ours)
    };
    let others: Vec<&&str> = names.iter().filter(|zone| !same(zone)).collect();
    assert!(others.len() <= OTHERS_MAX, "the time zone databases differ in {others:?}");
    let (mut compared, mut spans) = (0, 0);
    for (table, theirs) in all.iter().zip(answer["spans"].as_array().unwrap()) {
        if !same(table.zone.name()) {
            continue;
        }
        let window =
            Window { effect: table.effect, enabled: true, schedule: Some(table.schedule.clone()), ..Window::default() };
        let ours: Vec<Value> = window::spans(&window, table.from, table.until, 10_000)
            .into_iter()
            .map(|span| json!([span.from.timestamp(), span.until.unwrap().timestamp()]))
            .collect();
        let first = ours.iter().zip(theirs.as_array().unwrap()).find(|(ours, theirs)| ours != theirs);
        assert!(
            Value::Array(ours.clone()) == *theirs,
            "{}: {:?}, first other span: {first:?}, {} and {} spans",
            table.what,
            table.schedule,
            ours.len(),
            theirs.as_array().unwrap().len()
        );
        (compared, spans) = (compared + 1, spans + ours.len());
    }
    assert!(compared > 600 && spans > 150_000, "{compared} tables with {spans} spans");
}
