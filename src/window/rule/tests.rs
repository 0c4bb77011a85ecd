//! Rules against the examples of RFC 5545 section 3.8.5.3, and against what must be refused.

use chrono_tz::{America, Europe};

use super::*;

fn civil(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap()
}

fn starts(text: &str, first: &str, most: usize) -> Vec<String> {
    let first = civil(first);
    let rule = Rule::new(text, first, America::New_York).unwrap_or_else(|error| panic!("{text}: {error}"));
    rule.starts_from(first).take(most).map(|start| start.format("%Y-%m-%d").to_string()).collect()
}

/// What the RFC says in words, the rule, the first start, how many dates are compared, and these.
type Example<'a> = (&'a str, &'a str, &'a str, usize, &'a str);

#[test]
fn the_examples_of_the_rfc_have_the_dates_that_it_lists() {
    let examples: &[Example<'_>] = &[
        (
            "daily for 10",
            "FREQ=DAILY;COUNT=10",
            "1997-09-02T09:00",
            99,
            "1997-09-02 1997-09-03 1997-09-04 1997-09-05 1997-09-06 1997-09-07 1997-09-08 1997-09-09 1997-09-10 1997-09-11",
        ),
        (
            "every other day",
            "FREQ=DAILY;INTERVAL=2",
            "1997-09-02T09:00",
            4,
            "1997-09-02 1997-09-04 1997-09-06 1997-09-08",
        ),
        (
            "every 10 days, 5 times",
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            "1997-09-02T09:00",
            99,
            "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12",
        ),
        (
            "every day in January, for 3 years",
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
            "1998-01-01T09:00",
            2,
            "1998-01-01 1998-01-02",
        ),
        (
            "weekly until December 24",
            "FREQ=WEEKLY;UNTIL=19971224T000000Z",
            "1997-09-02T09:00",
            99,
            "1997-09-02 1997-09-09 1997-09-16 1997-09-23 1997-09-30 1997-10-07 1997-10-14 1997-10-21 1997-10-28 1997-11-04 1997-11-11 1997-11-18 1997-11-25 1997-12-02 1997-12-09 1997-12-16 1997-12-23",
        ),
        (
            "weekly on Tuesday and Thursday for five weeks",
            "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
            "1997-09-02T09:00",
            99,
            "1997-09-02 1997-09-04 1997-09-09 1997-09-11 1997-09-16 1997-09-18 1997-09-23 1997-09-25 1997-09-30 1997-10-02",
        ),
        (
            "every other week on Monday, Wednesday, Friday",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,WE,FR",
            "1997-09-01T09:00",
            7,
            "1997-09-01 1997-09-03 1997-09-05 1997-09-15 1997-09-17 1997-09-19 1997-09-29",
        ),
        (
            "the first Friday, 10 times",
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
            "1997-09-05T09:00",
            99,
            "1997-09-05 1997-10-03 1997-11-07 1997-12-05 1998-01-02 1998-02-06 1998-03-06 1998-04-03 1998-05-01 1998-06-05",
        ),
        (
            "every other month on the first and last Sunday",
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07T09:00",
            99,
            "1997-09-07 1997-09-28 1997-11-02 1997-11-30 1998-01-04 1998-01-25 1998-03-01 1998-03-29 1998-05-03 1998-05-31",
        ),
        (
            "the second-to-last Monday, 6 months",
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09-22T09:00",
            99,
            "1997-09-22 1997-10-20 1997-11-17 1997-12-22 1998-01-19 1998-02-16",
        ),
        (
            "the third-to-last day",
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            "1997-09-28T09:00",
            6,
            "1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26",
        ),
        (
            "the 2nd and 15th, 10 times",
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
            "1997-09-02T09:00",
            99,
            "1997-09-02 1997-09-15 1997-10-02 1997-10-15 1997-11-02 1997-11-15 1997-12-02 1997-12-15 1998-01-02 1998-01-15",
        ),
        (
            "the first and last day, 10 times",
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            "1997-09-30T09:00",
            99,
            "1997-09-30 1997-10-01 1997-10-31 1997-11-01 1997-11-30 1997-12-01 1997-12-31 1998-01-01 1998-01-31 1998-02-01",
        ),
        (
            "every 18 months, 10th to 15th",
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10T09:00",
            99,
            "1997-09-10 1997-09-11 1997-09-12 1997-09-13 1997-09-14 1997-09-15 1999-03-10 1999-03-11 1999-03-12 1999-03-13",
        ),
        (
            "every Tuesday, every other month",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
            "1997-09-02T09:00",
            7,
            "1997-09-02 1997-09-09 1997-09-16 1997-09-23 1997-09-30 1997-11-04 1997-11-11",
        ),
        (
            "in June and July, 10 times",
            "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
            "1997-06-10T09:00",
            99,
            "1997-06-10 1997-07-10 1998-06-10 1998-07-10 1999-06-10 1999-07-10 2000-06-10 2000-07-10 2001-06-10 2001-07-10",
        ),
        (
            "every other year on January, February, March",
            "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
            "1997-03-10T09:00",
            99,
            "1997-03-10 1999-01-10 1999-02-10 1999-03-10 2001-01-10 2001-02-10 2001-03-10 2003-01-10 2003-02-10 2003-03-10",
        ),
        (
            "the 20th Monday of the year",
            "FREQ=YEARLY;BYDAY=20MO",
            "1997-05-19T09:00",
            3,
            "1997-05-19 1998-05-18 1999-05-17",
        ),
        (
            "every Thursday in March",
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
            "1997-03-13T09:00",
            7,
            "1997-03-13 1997-03-20 1997-03-27 1998-03-05 1998-03-12 1998-03-19 1998-03-26",
        ),
        (
            "Friday the 13th",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "1998-02-13T09:00",
            5,
            "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13",
        ),
        (
            "the Saturday after the first Sunday",
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
            "1997-09-13T09:00",
            10,
            "1997-09-13 1997-10-11 1997-11-08 1997-12-13 1998-01-10 1998-02-07 1998-03-07 1998-04-11 1998-05-09 1998-06-13",
        ),
        (
            "election day",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05T09:00",
            3,
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        (
            "the third of Tuesday, Wednesday or Thursday, 3 months",
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09-04T09:00",
            99,
            "1997-09-04 1997-10-07 1997-11-06",
        ),
        (
            "the second-to-last weekday",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29T09:00",
            7,
            "1997-09-29 1997-10-30 1997-11-27 1997-12-30 1998-01-29 1998-02-26 1998-03-30",
        ),
        (
            "weeks begin on Monday",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05T09:00",
            99,
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
        ),
        (
            "weeks begin on Sunday",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05T09:00",
            99,
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
        ),
        (
            "an invalid date is ignored",
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            "2007-01-15T09:00",
            99,
            "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30",
        ),
    ];
    for (what, rule, first, most, expected) in examples {
        assert_eq!(starts(rule, first, *most).join(" "), *expected, "{what}");
    }
    // Daily until December 24, 1997: the last is the day before, at 9 in New York.
    let daily = starts("RRULE:FREQ=DAILY;UNTIL=19971224T000000Z", "1997-09-02T09:00", 999);
    assert_eq!((daily.len(), daily.last().unwrap().as_str()), (113, "1997-12-23"));
    // January by days is the same as January by weekdays.
    assert_eq!(
        starts("FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", "1998-01-01T09:00", 999),
        starts("FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", "1998-01-01T09:00", 999),
    );
}

#[test]
fn what_the_table_of_the_rfc_leaves_open_is_taken_from_the_first_start() {
    let examples: &[Example<'_>] = &[
        (
            "a month that has no 31st has no start",
            "FREQ=MONTHLY",
            "2026-01-31T09:00",
            4,
            "2026-01-31 2026-03-31 2026-05-31 2026-07-31",
        ),
        ("a leap day comes every four years", "FREQ=YEARLY", "2024-02-29T09:00", 3, "2024-02-29 2028-02-29 2032-02-29"),
        (
            "the last day of each quarter",
            "FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1",
            "2026-03-31T09:00",
            5,
            "2026-03-31 2026-06-30 2026-09-30 2026-12-31 2027-03-31",
        ),
        ("a day of each month", "FREQ=YEARLY;BYMONTHDAY=5", "2026-11-05T09:00", 3, "2026-11-05 2026-12-05 2027-01-05"),
        ("the last Monday of the year", "FREQ=YEARLY;BYDAY=-1MO", "2026-12-28T09:00", 2, "2026-12-28 2027-12-27"),
        (
            "the last weekday of a week",
            "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1",
            "2026-11-20T09:00",
            2,
            "2026-11-20 2026-11-27",
        ),
        (
            "weekdays in summer",
            "FREQ=DAILY;BYDAY=SA,SU;BYMONTH=7",
            "2026-07-04T09:00",
            3,
            "2026-07-04 2026-07-05 2026-07-11",
        ),
        (
            "the 1st where it is a Monday",
            "FREQ=DAILY;BYDAY=MO;BYMONTHDAY=1",
            "2026-06-01T09:00",
            3,
            "2026-06-01 2027-02-01 2027-03-01",
        ),
        (
            "until a day, that day too",
            "FREQ=DAILY;UNTIL=20260103",
            "2026-01-01T23:00",
            99,
            "2026-01-01 2026-01-02 2026-01-03",
        ),
        (
            "until a civil time, that one too",
            "FREQ=DAILY;UNTIL=20260103T090000",
            "2026-01-01T09:00",
            99,
            "2026-01-01 2026-01-02 2026-01-03",
        ),
        (
            "until an instant, in the zone",
            "FREQ=DAILY;UNTIL=20260103T135959Z",
            "2026-01-01T09:00",
            99,
            "2026-01-01 2026-01-02",
        ),
    ];
    for (what, rule, first, most, expected) in examples {
        assert_eq!(starts(rule, first, *most).join(" "), *expected, "{what}");
    }
}

#[test]
fn a_rule_that_ends_or_runs_out_of_years_stops() {
    let rule =
        Rule::new("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", civil("2044-02-29T09:00"), Europe::Oslo).unwrap();
    let all: Vec<_> = rule.starts_from(rule.first).map(|start| start.year()).collect();
    assert_eq!(all, [2044, 2072]);
    let rule = Rule::new("FREQ=DAILY;INTERVAL=1000", civil("2026-01-01T09:00"), Europe::Oslo).unwrap();
    assert_eq!(rule.starts_from(civil("2099-12-31T10:00")).count(), 0);
}

#[test]
fn from_any_day_on_the_starts_are_those_that_it_has_from_its_first() {
    for text in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYDAY=TU;BYSETPOS=-1,1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=3,9;BYDAY=-1TU,2TU",
    ] {
        let mut first = (1..400).map(|day| civil("2026-01-01T09:00") + TimeDelta::days(day));
        let rule = first.find_map(|first| Rule::new(text, first, Europe::Oslo).ok()).unwrap();
        let all: Vec<_> = rule.starts_from(rule.first).take(200).collect();
        for day in 0..300 {
            let from = rule.first + TimeDelta::days(day);
            let expected: Vec<_> = all.iter().copied().filter(|start| *start >= from).take(5).collect();
            assert_eq!(rule.starts_from(from).take(5).collect::<Vec<_>>(), expected, "{text} from {from}");
        }
    }
}

#[test]
fn what_is_outside_the_grammar_is_refused_by_name() {
    for (text, part, word) in [
        ("", "schedule.rrule", "FREQ=WEEKLY"),
        ("INTERVAL=2", "FREQ", "needs it"),
        ("FREQ=HOURLY", "FREQ", "nothing finer than a day"),
        ("FREQ=MINUTELY;INTERVAL=5", "FREQ", "nothing finer"),
        ("FREQ=SECONDLY", "FREQ", "nothing finer"),
        ("FREQ=FORTNIGHTLY", "FREQ", "DAILY, WEEKLY"),
        ("FREQ=DAILY;BYHOUR=9", "schedule.rrule", "time of day"),
        ("FREQ=DAILY;BYMINUTE=9", "schedule.rrule", "time of day"),
        ("FREQ=DAILY;BYSECOND=9", "schedule.rrule", "time of day"),
        ("FREQ=YEARLY;BYWEEKNO=20", "schedule.rrule", "not supported"),
        ("FREQ=YEARLY;BYYEARDAY=100", "schedule.rrule", "not supported"),
        ("FREQ=YEARLY;BYEASTER=0", "schedule.rrule", "no part of a rule"),
        ("FREQ=DAILY;FREQ=DAILY", "schedule.rrule", "twice"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "schedule.rrule", "COUNT and UNTIL"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=4294967296", "INTERVAL", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=+1", "INTERVAL", "1 to 1000"),
        ("FREQ=DAILY;COUNT=0", "COUNT", "1 to 10000"),
        ("FREQ=DAILY;COUNT=-1", "COUNT", "1 to 10000"),
        ("FREQ=DAILY;UNTIL=20260230T000000Z", "UNTIL", "20261231"),
        ("FREQ=DAILY;UNTIL=2026-12-31", "UNTIL", "20261231"),
        ("FREQ=DAILY;UNTIL=20250101", "UNTIL", "no start"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY", "1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY", "1 to 31"),
        ("FREQ=MONTHLY;BYMONTH=13", "BYMONTH", "1 to 12"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY", "MO, TU"),
        ("FREQ=WEEKLY;BYDAY=é", "BYDAY", "MO, TU"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY", "MONTHLY and YEARLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY", "five"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY", "MO, TU"),
        ("FREQ=YEARLY;BYDAY=0MO", "BYDAY", "MO, TU"),
        ("FREQ=WEEKLY;WKST=1MO", "WKST", "weekday"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY", "not for WEEKLY"),
        ("FREQ=DAILY;BYSETPOS=1;BYDAY=MO", "BYSETPOS", "one start"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS", "picks from"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS", "1 to 366"),
        // Never, and not after a long search.
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY", "that long"),
        ("FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=-31", "BYMONTHDAY", "that long"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "BYMONTHDAY", "that long"),
        ("FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8", "schedule.rrule", "no date"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "schedule.rrule", "no date"),
        // A start that is none of the dates: the RFC leaves open what that means.
        ("FREQ=WEEKLY;BYDAY=MO", "schedule.start", "2026-11-23"),
    ] {
        let error = Rule::new(text, civil("2026-11-21T22:00"), Europe::Oslo).unwrap_err();
        assert_eq!(error.part, part, "{text}: {error}");
        assert!(error.why.contains(word), "{text}: {error}");
    }
}
