//! The text of a rule: which parts it may have, and what may stand in them.

use chrono::{NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;

use super::{Frequency, Rule, Until};
use crate::window::{ScheduleError, schedule::is_leap_second};

/// Most starts that COUNT may ask for. They are counted out once.
const COUNT_MAX: u32 = 10_000;
/// Longest INTERVAL. A thousand days are more than two years.
const INTERVAL_MAX: u32 = 1000;

/// Reads a rule, and its COUNT.
pub(super) fn rule(text: &str, first: NaiveDateTime, zone: Tz) -> Result<(Rule, Option<usize>), ScheduleError> {
    let text = text.trim();
    let body = match text.get(..6) {
        Some(prefix) if prefix.eq_ignore_ascii_case("RRULE:") => &text[6..],
        _ => text,
    };
    let mut rule = Rule {
        first,
        zone,
        frequency: Frequency::Daily,
        interval: 1,
        until: Until::Never,
        months: 0,
        month_days: Vec::new(),
        days: Vec::new(),
        positions: Vec::new(),
        week_start: Weekday::Mon,
    };
    let mut seen: Vec<String> = Vec::new();
    let mut count = None;
    for part in body.split(';') {
        let Some((key, value)) = part.split_once('=') else {
            return Err(error("schedule.rrule", part, "a rule is parts like FREQ=WEEKLY, with `;` between them"));
        };
        let (key, value) = (key.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
        if seen.contains(&key) {
            return Err(error("schedule.rrule", &key, "it is there twice"));
        }
        match key.as_str() {
            "FREQ" => rule.frequency = frequency(&value)?,
            "INTERVAL" => rule.interval = number("INTERVAL", &value, INTERVAL_MAX)?,
            "COUNT" => count = Some(number("COUNT", &value, COUNT_MAX)? as usize),
            "UNTIL" => rule.until = until(&value)?,
            "BYMONTH" => {
                for month in list::<u16>("BYMONTH", &value, |n| (1..=12).contains(&n), "months are 1 to 12")? {
                    rule.months |= 1 << month;
                }
            }
            "BYMONTHDAY" => {
                let fits = |n: i8| (1..=31).contains(&n.unsigned_abs());
                rule.month_days =
                    list("BYMONTHDAY", &value, fits, "days are 1 to 31, or -31 to -1 from the month's end")?;
            }
            "BYDAY" => rule.days = value.split(',').map(weekday).collect::<Result<_, _>>()?,
            "BYSETPOS" => {
                let fits = |n: i16| (1..=366).contains(&n.unsigned_abs());
                rule.positions = list("BYSETPOS", &value, fits, "positions are 1 to 366, or -366 to -1 from the end")?;
            }
            "WKST" => match weekday(&value)? {
                (0, day) => rule.week_start = day,
                _ => return Err(error("WKST", &value, "it is a weekday: MO, TU, WE, TH, FR, SA or SU")),
            },
            "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                return Err(error("schedule.rrule", &key, "a span begins at the time of day of `start`: leave it out"));
            }
            "BYWEEKNO" | "BYYEARDAY" => {
                return Err(error(
                    "schedule.rrule",
                    &key,
                    "it is not supported: say it with BYMONTH and BYMONTHDAY or BYDAY",
                ));
            }
            _ => {
                return Err(error(
                    "schedule.rrule",
                    &key,
                    "it is no part of a rule here: use FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST, COUNT or UNTIL",
                ));
            }
        }
        seen.push(key);
    }
    let has = |key: &str| seen.iter().any(|seen| seen == key);
    if !has("FREQ") {
        return Err(error("FREQ", text, "a rule needs it: DAILY, WEEKLY, MONTHLY or YEARLY"));
    }
    if has("COUNT") && has("UNTIL") {
        return Err(error("schedule.rrule", text, "it has COUNT and UNTIL: use one of them"));
    }
    let ordinals = rule.days.iter().find(|(nth, _)| *nth != 0);
    match (rule.frequency, ordinals) {
        (Frequency::Daily | Frequency::Weekly, Some((nth, day))) => {
            return Err(error("BYDAY", &format!("{nth}{day}"), "the nth weekday is for MONTHLY and YEARLY"));
        }
        (Frequency::Monthly, Some((nth, day))) if nth.unsigned_abs() > 5 => {
            return Err(error("BYDAY", &format!("{nth}{day}"), "a month has five of a weekday at most"));
        }
        _ => {}
    }
    if rule.frequency == Frequency::Weekly && has("BYMONTHDAY") {
        return Err(error("BYMONTHDAY", text, "it is not for WEEKLY: use DAILY or MONTHLY with BYDAY"));
    }
    if has("BYSETPOS") && rule.frequency == Frequency::Daily {
        return Err(error("BYSETPOS", text, "a day has one start: it is for WEEKLY, MONTHLY and YEARLY"));
    }
    if has("BYSETPOS") && !(has("BYDAY") || has("BYMONTHDAY") || has("BYMONTH")) {
        return Err(error("BYSETPOS", text, "it picks from what BYDAY, BYMONTHDAY or BYMONTH give: add one of them"));
    }
    Ok((rule, count))
}

fn error(part: &'static str, got: &str, why: &str) -> ScheduleError {
    ScheduleError::new(part, got, why)
}

fn frequency(value: &str) -> Result<Frequency, ScheduleError> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        "HOURLY" | "MINUTELY" | "SECONDLY" => Err(error(
            "FREQ",
            value,
            "nothing finer than a day comes again: use DAILY, with a rule for each time of day",
        )),
        _ => Err(error("FREQ", value, "use DAILY, WEEKLY, MONTHLY or YEARLY")),
    }
}

fn number(part: &'static str, value: &str, max: u32) -> Result<u32, ScheduleError> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value
        .parse()
        .ok()
        .filter(|n| plain && (1..=max).contains(n))
        .ok_or_else(|| error(part, value, &format!("it is a number from 1 to {max}")))
}

fn list<T: std::str::FromStr + Copy>(
    part: &'static str,
    value: &str,
    fits: impl Fn(T) -> bool,
    why: &str,
) -> Result<Vec<T>, ScheduleError> {
    let read = |text: &str| text.parse().ok().filter(|n| fits(*n)).ok_or_else(|| error(part, text, why));
    value.split(',').map(read).collect()
}

/// A weekday, and which of them; zero is every one.
fn weekday(text: &str) -> Result<(i8, Weekday), ScheduleError> {
    let wrong = || error("BYDAY", text, "use MO, TU, WE, TH, FR, SA and SU, or the nth of them like 2TU and -1FR");
    let (nth, day) = text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)).ok_or_else(wrong)?;
    let day = match day {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return Err(wrong()),
    };
    if nth.is_empty() {
        return Ok((0, day));
    }
    let nth: i8 = nth.parse().map_err(|_| wrong())?;
    if nth == 0 || nth.unsigned_abs() > 53 { Err(wrong()) } else { Ok((nth, day)) }
}

/// A civil time, a date (all of it), or an instant in UTC.
fn until(value: &str) -> Result<Until, ScheduleError> {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok().filter(|_| text.len() == 8);
    let read = |text: &str| {
        let time = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
        time.filter(|time| text.len() == 15 && !is_leap_second(time))
    };
    let until = match value.strip_suffix('Z') {
        Some(text) => read(text).map(|until| Until::Utc(until.and_utc())),
        None => read(value).or_else(|| date(value)?.and_hms_opt(23, 59, 59)).map(Until::Civil),
    };
    until.ok_or_else(|| {
        error("UNTIL", value, "write 20261231T235959Z, or without Z in the schedule's zone, or 20261231")
    })
}
