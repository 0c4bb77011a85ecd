//! GitLab's freeze periods, as its API answers them: pairs of crons that nothing ties to each other.
//!
//! GitLab takes a moment as frozen from a start on until the first end after it, also where another start comes before
//! that (`Ci::FreezePeriod#within_freeze_period?`; older releases began anew there, and froze less). Where that
//! makes the same spans every week, month or year, they are taken. Else the pair is refused.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta};

use super::{
    ImportError, Imported, WindowDraft,
    argocd::as_list,
    cron::{self, Cron},
    document::{self, Fields},
    schedule,
};
use crate::{
    domain::{SafeText, Schedule, Scope},
    window::schedule as written,
};

const KNOWN: [&str; 6] = ["id", "freeze_start", "freeze_end", "cron_timezone", "created_at", "updated_at"];

/// Converts the answer of `GET /projects/:id/freeze_periods`. A freeze period does not say what it is about, so a
/// scope is needed.
///
/// # Errors
/// The field that has no exact counterpart, with its line.
pub fn gitlab(text: &str, scope: Option<&Scope>) -> Result<Imported, ImportError> {
    let Some(scope) = scope else {
        return Err(ImportError::new("scope", "a freeze period does not say what it is about: name a scope"));
    };
    let mut imported = Imported::default();
    for root in &document::read(text)? {
        for (at, node) in as_list(root).iter().enumerate() {
            let fields = Fields::of(&format!("[{at}]"), node)?;
            fields.only(&KNOWN)?;
            let zone = fields.text("cron_timezone")?.filter(|zone| !zone.is_empty()).unwrap_or("UTC");
            written::zone(zone, "cron_timezone").map_err(|error| {
                fields.wrong("cron_timezone", format!("{}; GitLab's own names of zones are not in it", error.why))
            })?;
            let read = |name| {
                let text = fields.needed(name)?;
                Cron::new(text).map(|cron| (text, cron)).map_err(|why| fields.wrong(name, why))
            };
            let ((start_text, start), (end_text, end)) = (read("freeze_start")?, read("freeze_end")?);
            let pairs = pairs(&start, &end, zone, &mut imported).map_err(|why| fields.wrong("freeze_end", why))?;
            for schedule in pairs {
                let draft = WindowDraft {
                    name: Some(SafeText::new(format!("{start_text} to {end_text}"))),
                    scope: scope.clone(),
                    schedule: Some(schedule),
                    ..WindowDraft::default()
                };
                imported
                    .windows
                    .push(draft.checked().map_err(|error| fields.wrong("freeze_start", error.to_string()))?);
            }
        }
    }
    if imported.windows.is_empty() {
        return Err(ImportError::new("file", "there is no freeze period in it"));
    }
    imported.remark("a cron has no beginning: these windows begin in 2020, and come again from then on".to_owned());
    imported.remark("GitLab only tells pipelines of a freeze: these windows hold".to_owned());
    Ok(imported)
}

/// The schedules of the spans from a start to its end.
fn pairs(start: &Cron, end: &Cron, zone: &str, imported: &mut Imported) -> Result<Vec<Schedule>, String> {
    let by_week = |cron: &Cron| cron.month_days.is_none() && cron.months.is_none();
    if by_week(start) && by_week(end) {
        return weekly(start, end, zone, imported);
    }
    let (&[start_time], &[end_time]) = (start.times().as_slice(), end.times().as_slice()) else {
        return Err("a start or an end comes more than once a day: make a freeze period for each pair".to_owned());
    };
    let one = |set: Option<u64>| match cron::bits(set.unwrap_or(0)).as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    match (one(start.month_days), one(end.month_days), start.months, end.months) {
        (Some(first), Some(last), None, None) => monthly(start, (first, start_time), (last, end_time), zone),
        (Some(first), Some(last), Some(from), Some(to)) => match (one(Some(from)), one(Some(to))) {
            (Some(from), Some(to)) => yearly(start, (from, first, start_time), (to, last, end_time), zone),
            _ => Err(untied()),
        },
        _ => Err(untied()),
    }
}

fn untied() -> String {
    "which end belongs to which start is not the same each time: give both weekdays, both one day of the month, or both one day of the year"
        .to_owned()
}

/// Minutes of a week from Sunday on.
const WEEK: i64 = 7 * 24 * 60;

fn weekly(start: &Cron, end: &Cron, zone: &str, imported: &mut Imported) -> Result<Vec<Schedule>, String> {
    let minute = |day: u32, time: NaiveTime| i64::from(day) * 1440 + (time - NaiveTime::MIN).num_minutes();
    let moments = |cron: &Cron| -> Vec<i64> {
        let days = cron::bits(cron.weekdays.unwrap_or(cron::EVERY_DAY));
        days.iter().flat_map(|day| cron.times().into_iter().map(move |time| minute(*day, time))).collect()
    };
    let (starts, ends) = (moments(start), moments(end));
    let mut events: Vec<(i64, bool)> =
        starts.iter().map(|at| (*at, true)).chain(ends.iter().map(|at| (*at, false))).collect();
    events.sort_unstable();
    if events.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err("a start and an end come at the same time: nobody can tell which counts".to_owned());
    }
    // By time of day and length: the weekdays on which such a span begins.
    let mut spans: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    let count = events.len();
    for (at, (minute, starts)) in events.iter().enumerate() {
        let (_, begun_already) = events[(at + count - 1) % count];
        if *starts && begun_already {
            imported.remark(
                "a start comes again before its end: it is frozen from the first of them on, as in GitLab".to_owned(),
            );
        }
        if *starts && !begun_already {
            let following = (1..count).map(|step| events[(at + step) % count]);
            if let Some((end, _)) = following.into_iter().find(|(_, starts)| !starts) {
                let long = (end - minute).rem_euclid(WEEK);
                *spans.entry((minute % 1440, long)).or_default() |= 1 << (minute / 1440);
            }
        }
    }
    spans
        .into_iter()
        .map(|((time, long), days)| {
            let time = NaiveTime::MIN + TimeDelta::minutes(time);
            let (first, rule) = start.on_weekdays(days).rule(time)?;
            Ok(Schedule { end: Some(first + TimeDelta::minutes(long)), ..schedule(zone, first, &rule) })
        })
        .collect()
}

fn monthly(
    start: &Cron,
    (first, start_time): (u32, NaiveTime),
    (last, end_time): (u32, NaiveTime),
    zone: &str,
) -> Result<Vec<Schedule>, String> {
    if first.max(last) > 28 {
        return Err("not every month has that day, so a start could be without its end".to_owned());
    }
    if (last, end_time) <= (first, start_time) {
        return Err("it ends in the next month, and months are not equally long".to_owned());
    }
    let (begin, rule) = start.rule(start_time)?;
    let end = (begin.date() + TimeDelta::days(i64::from(last - first))).and_time(end_time);
    Ok(vec![Schedule { end: Some(end), ..schedule(zone, begin, &rule) }])
}

fn yearly(
    start: &Cron,
    (from, first, start_time): (u32, u32, NaiveTime),
    (to, last, end_time): (u32, u32, NaiveTime),
    zone: &str,
) -> Result<Vec<Schedule>, String> {
    let (begin, _) = start.rule(start_time)?;
    let next_year = (to, last, end_time) <= (from, first, start_time);
    let date = |year: i32| NaiveDate::from_ymd_opt(year, to, last);
    let year = begin.date().year() + i32::from(next_year);
    let days = |begins: i32| -> Option<i64> {
        let begin = NaiveDate::from_ymd_opt(begins, from, first)?;
        Some((date(begins + i32::from(next_year))? - begin).num_days())
    };
    // February has a day more in some years. Four years have one of each kind.
    let lengths: Vec<Option<i64>> = (2025..2029).map(days).collect();
    if lengths.iter().any(|length| *length != lengths[0]) || lengths[0].is_none() {
        return Err("it reaches over the end of February, which is a day longer in some years".to_owned());
    }
    let end = date(year).ok_or_else(untied)?.and_time(end_time);
    let rule = format!("FREQ=YEARLY;BYMONTH={from};BYMONTHDAY={first}");
    Ok(vec![Schedule { end: Some(end), ..schedule(zone, begin, &rule) }])
}
