//! A schedule, read and checked: which spans it stands for.
//!
//! Starts are expanded in civil time, and each is then looked up in its zone. On the day that clocks change:
//! - a time that comes twice is read so that caution wins: a span that denies begins at the earlier and
//!   ends at the later of the two, one that allows begins at the later and ends at the earlier;
//! - a time that is left out is moved on by the length of the gap, whatever the effect. Where that would put the
//!   beginning after the end, the span begins when clocks change; one that lies in the gap to its very end is moved on
//!   whole. No span is left out: RFC 5545 section
//!   3.3.10 says both that such a start "is interpreted in the same manner as an explicit DATE-TIME value" and that
//!   it "MUST be ignored", and it is the former that is followed here;
//! - an elapsed duration is counted from the beginning, a civil end is looked up like the beginning.

use std::{collections::BTreeSet, str::FromStr as _};

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::{
    Span, Timeline,
    civil::{self, Reading},
    rule::{Rule, YEAR_END},
};
use crate::domain::{Effect, Schedule, Window};

/// Most further starts, and most that are left out.
const DATES_MAX: usize = 2000;
/// Longest span of a schedule that comes again.
const SPAN_MAX: TimeDelta = TimeDelta::days(400);
/// No start comes before this year.
const YEAR_BEGIN: i32 = 1970;
/// So many spans in a row that touch never come apart: calendars repeat, and this is more than eight years of days.
const TOUCHING_MAX: usize = 3000;

/// Why a window's schedule, or its `from` and `until`, cannot be what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} {got:?}: {why}")]
pub struct ScheduleError {
    /// Which part of it: a field, or a word of the rule.
    pub part: &'static str,
    /// The beginning of what was given there.
    pub got: String,
    /// What is wrong with it, and what to write.
    pub why: String,
}

impl ScheduleError {
    pub(super) fn new(part: &'static str, got: impl std::fmt::Display, why: impl Into<String>) -> Self {
        Self { part, got: format!("{got}").chars().take(80).collect(), why: why.into() }
    }
}

/// When a window first begins and last ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// When its first span begins.
    pub from: DateTime<Utc>,
    /// When its last span ends; none when it has no end.
    pub until: Option<DateTime<Utc>>,
}

/// Checks when a window is to hold, and says when it first begins and last ends: what its `from` and `until` are to be.
///
/// # Errors
/// The part that is wrong: a zone that the time zone database does not have, an impossible or backward span,
/// a rule outside the grammar or without a date.
pub fn check(window: &Window) -> Result<Bounds, ScheduleError> {
    let Some(schedule) = &window.schedule else {
        on_a_clock("from", window.from)?;
        window.until.map_or(Ok(()), |until| on_a_clock("until", until))?;
        return match window.until {
            Some(until) if until <= window.from => {
                Err(ScheduleError::new("until", until, format!("it has to be after {}", window.from)))
            }
            until => Ok(Bounds { from: window.from, until }),
        };
    };
    let timeline = Timeline::read(schedule, window.effect)?;
    let first = timeline.at_or_after(DateTime::<Utc>::MIN_UTC).ok_or_else(|| {
        ScheduleError::new("schedule.exdate", schedule.exdate.len(), "every start is left out: nothing remains")
    })?;
    Ok(Bounds { from: first.from, until: timeline.end() })
}

/// The version of the time zone database that schedules are worked out with, such as `2025b`.
#[must_use]
pub fn tzdb() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// How long a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// Without end.
    Open,
    /// So much time.
    Elapsed(TimeDelta),
    /// Until so much later on the clock.
    Civil(TimeDelta),
}

/// A schedule, read.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    zone: Tz,
    effect: Effect,
    length: Length,
    rule: Option<Rule>,
    /// Starts beside the rule's, in order.
    dates: Vec<NaiveDateTime>,
    left_out: BTreeSet<NaiveDateTime>,
    /// When the last span ends; none when they go on for ever.
    end: Option<DateTime<Utc>>,
}

/// What a schedule comes to.
pub(super) enum Shape {
    /// Spans again and again.
    Spans(Box<Compiled>),
    /// One span: it is one, or all of them touch.
    One(Span),
    /// None: all of them are left out.
    None,
}

/// Reads a schedule.
pub(super) fn read(schedule: &Schedule, effect: Effect) -> Result<Shape, ScheduleError> {
    let zone = zone(schedule.zone.as_str(), "schedule.zone")?;
    in_range("schedule.start", schedule.start)?;
    let length = length(schedule)?;
    for (part, dates) in [("schedule.rdate", &schedule.rdate), ("schedule.exdate", &schedule.exdate)] {
        if dates.len() > DATES_MAX {
            return Err(ScheduleError::new(part, dates.len(), format!("at most {DATES_MAX} dates")));
        }
        dates.iter().try_for_each(|date| in_range(part, *date))?;
    }
    let again = schedule.rrule.is_some() || !schedule.rdate.is_empty();
    match length {
        Length::Open if again => {
            let what = if schedule.rrule.is_some() { "schedule.rrule" } else { "schedule.rdate" };
            return Err(ScheduleError::new(
                what,
                schedule.start,
                "what has no end cannot come again: give an end or a duration",
            ));
        }
        Length::Elapsed(long) | Length::Civil(long) if again && long > SPAN_MAX => {
            let part = if schedule.end.is_some() { "schedule.end" } else { "schedule.duration" };
            let days = SPAN_MAX.num_days();
            return Err(ScheduleError::new(
                part,
                format!("{} days", long.num_days()),
                format!("what comes again lasts {days} days at most"),
            ));
        }
        _ => {}
    }
    let rule = schedule.rrule.as_ref().map(|rule| Rule::new(rule.as_str(), schedule.start, zone)).transpose()?;
    let mut dates = schedule.rdate.clone();
    dates.push(schedule.start);
    dates.sort_unstable();
    dates.dedup();
    if rule.is_none() && dates[0] != schedule.start {
        return Err(ScheduleError::new("schedule.rdate", dates[0], "it is before `start`: begin there"));
    }
    let left_out = schedule.exdate.iter().copied().collect();
    let mut compiled = Compiled { zone, effect, length, rule, dates, left_out, end: None };
    Ok(match compiled.touching() {
        Some(Touching::Nothing) => Shape::None,
        Some(Touching::All(span)) => Shape::One(span),
        None => {
            compiled.end = compiled.last_end();
            Shape::Spans(Box::new(compiled))
        }
    })
}

/// A zone of the time zone database.
pub(super) fn zone(text: &str, part: &'static str) -> Result<Tz, ScheduleError> {
    Tz::from_str(text).map_err(|_| {
        let near = chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| (strsim::jaro_winkler(zone.name(), text), zone.name()))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(likeness, _)| *likeness > 0.8);
        let hint = near.map_or("name one like Europe/Oslo".to_owned(), |(_, name)| format!("did you mean {name}?"));
        ScheduleError::new(part, text, format!("the time zone database {} has no such zone; {hint}", tzdb()))
    })
}

/// Refuses the second 60 of a minute: no clock that a window goes by shows it, and what is counted from it is a second off.
fn on_a_clock(part: &'static str, at: impl Timelike + std::fmt::Display) -> Result<(), ScheduleError> {
    if is_leap_second(&at) {
        return Err(ScheduleError::new(part, at, "a minute has seconds 0 to 59"));
    }
    Ok(())
}

/// Whether a time is the second 60 of a minute, which is read as a 59th of more than a thousand milliseconds.
pub(super) fn is_leap_second(at: &impl Timelike) -> bool {
    at.nanosecond() >= 1_000_000_000
}

fn in_range(part: &'static str, date: NaiveDateTime) -> Result<(), ScheduleError> {
    on_a_clock(part, date)?;
    if (YEAR_BEGIN..YEAR_END).contains(&date.year()) {
        Ok(())
    } else {
        Err(ScheduleError::new(part, date, format!("years are {YEAR_BEGIN} to {}", YEAR_END - 1)))
    }
}

fn length(schedule: &Schedule) -> Result<Length, ScheduleError> {
    match (schedule.end, &schedule.duration) {
        (None, None) => Ok(Length::Open),
        (Some(end), Some(_)) => {
            Err(ScheduleError::new("schedule.end", end, "there is a duration too: give one of them"))
        }
        (Some(end), None) => {
            in_range("schedule.end", end)?;
            if end <= schedule.start {
                return Err(ScheduleError::new("schedule.end", end, format!("it has to be after {}", schedule.start)));
            }
            Ok(Length::Civil(end - schedule.start))
        }
        (None, Some(text)) => elapsed(text.as_str())
            .map(Length::Elapsed)
            .map_err(|why| ScheduleError::new("schedule.duration", text, why)),
    }
}

/// Elapsed time as RFC 5545 section 3.3.6 writes it, without days and weeks: those are not always 24 hours.
fn elapsed(text: &str) -> Result<TimeDelta, &'static str> {
    let wrong = "write hours, minutes and seconds, such as PT2H or PT1H30M";
    let upper = text.trim().to_ascii_uppercase();
    let Some(mut rest) = upper.strip_prefix("PT") else {
        return Err(if upper.starts_with('P') {
            "a day is not always 24 hours: write PT24H for time that passes, or a civil `end` for a day of the calendar"
        } else {
            wrong
        });
    };
    let mut total: i64 = 0;
    for (unit, seconds) in [('H', 3600), ('M', 60), ('S', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u32 = number.parse().map_err(|_| wrong)?;
            total += i64::from(number) * seconds;
            rest = after;
        }
    }
    let longest = i64::from(YEAR_END - YEAR_BEGIN) * 366 * 86400;
    match total {
        _ if !rest.is_empty() => Err(wrong),
        ..=0 => Err("it has to last some time"),
        _ if total > longest => Err("it lasts longer than the time zone database reaches"),
        _ => Ok(TimeDelta::seconds(total)),
    }
}

/// What the spans of a schedule come to, where none of them stands alone.
enum Touching {
    Nothing,
    All(Span),
}

impl Compiled {
    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        self.end
    }

    /// The span of a start; none when it allows, and no instant lies in both of the ways to read it.
    fn span(&self, start: NaiveDateTime) -> Option<Span> {
        let reading = civil::read(self.zone, start);
        let from = match self.effect {
            Effect::Deny => reading.first(),
            Effect::Allow => reading.last(),
        };
        let until = match self.length {
            Length::Open => return Some(Span { from, until: None }),
            Length::Elapsed(long) => from + long,
            Length::Civil(long) => {
                let end = civil::read(self.zone, start + long);
                match self.effect {
                    Effect::Deny => end.last(),
                    Effect::Allow => end.first(),
                }
            }
        };
        let (from, until) = match (reading, self.length) {
            // Moved on, it would begin after its end.
            (Reading::LeftOut { change, .. }, _) if change < until && until <= from => (change, until),
            // It ends as the gap does: none of it is on the clock, and it is moved on whole.
            (Reading::LeftOut { .. }, Length::Civil(long)) if until <= from => (from, from + long),
            _ => (from, until),
        };
        (from < until).then_some(Span { from, until: Some(until) })
    }

    /// Its starts from a civil time on, in order.
    fn starts(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let mut ruled = self.rule.iter().flat_map(move |rule| rule.starts_from(from)).peekable();
        let at = self.dates.partition_point(|date| *date < from);
        let mut dated = self.dates[at..].iter().copied().peekable();
        std::iter::from_fn(move || match (ruled.peek(), dated.peek()) {
            (Some(rule), Some(date)) if rule == date => {
                dated.next();
                ruled.next()
            }
            (Some(rule), Some(date)) if rule > date => dated.next(),
            (Some(_), _) => ruled.next(),
            (None, _) => dated.next(),
        })
        .filter(|start| !self.left_out.contains(start))
    }

    /// The spans of starts from a civil time on, by their beginning.
    fn spans(&self, from: NaiveDateTime) -> impl Iterator<Item = Span> + '_ {
        // A start that was moved over a gap may come after one that is later on the clock: a span is given when no
        // start that is still to come can begin before it.
        let mut starts = self.starts(from).peekable();
        let mut waiting: BTreeSet<(DateTime<Utc>, Option<DateTime<Utc>>)> = BTreeSet::new();
        std::iter::from_fn(move || {
            loop {
                let first = waiting.first().copied();
                match (starts.peek(), first) {
                    (Some(start), Some((from, _))) if start.and_utc() - UTC_MOST > from => break,
                    (Some(_), _) => waiting.extend(starts.next().and_then(|s| self.span(s)).map(|s| (s.from, s.until))),
                    (None, _) => break,
                }
            }
            waiting.pop_first().map(|(from, until)| Span { from, until })
        })
    }

    /// Spans of starts from a civil time on; those that overlap or touch are one.
    fn merged(&self, from: NaiveDateTime) -> impl Iterator<Item = Span> + '_ {
        let mut spans = self.spans(from).peekable();
        std::iter::from_fn(move || {
            let mut span = spans.next()?;
            while let Some(next) = spans.next_if(|next| span.until.is_none_or(|until| next.from <= until)) {
                span.until = span.until.and_then(|until| Some(until.max(next.until?)));
            }
            Some(span)
        })
    }

    /// How far back a start may be whose span matters at an instant.
    fn reach(&self) -> TimeDelta {
        let long = match self.length {
            Length::Open => TimeDelta::days(365 * i64::from(YEAR_END - YEAR_BEGIN)),
            Length::Elapsed(long) | Length::Civil(long) => long,
        };
        long + UTC_MOST * 2
    }

    /// The merged span that holds at an instant, or else the next one.
    pub(super) fn at_or_after(&self, at: DateTime<Utc>) -> Option<Span> {
        let mut back = self.reach() * 2;
        loop {
            let from = before(at, back);
            let found = self.merged(from).find(|span| span.reaches(at));
            // Nothing that began before what was looked at can touch it.
            let whole = |span: Span| from <= self.dates[0] || span.from.naive_utc() - self.reach() > from;
            match found {
                Some(span) if !whole(span) => back = back * 2,
                found => return found,
            }
        }
    }

    /// The merged span that holds at an instant, and all that follow.
    pub(super) fn spans_from(&self, at: DateTime<Utc>) -> impl Iterator<Item = Span> + '_ {
        let first = self.at_or_after(at);
        // What touches the first one began before it, and is part of it.
        let rest = first
            .and_then(|first| first.until)
            .map(|until| self.merged(before(until, self.reach() * 2)).skip_while(move |span| span.from <= until));
        first.into_iter().chain(rest.into_iter().flatten())
    }

    /// The last merged span that is over at an instant. Its beginning may be later than it was.
    pub(super) fn last_before(&self, at: DateTime<Utc>) -> Option<Span> {
        let mut back = self.reach() * 2;
        loop {
            let from = before(at, back);
            let last = self.merged(from).take_while(|span| !span.reaches(at)).last();
            if last.is_some() || from <= self.dates[0] {
                return last;
            }
            back = back * 2;
        }
    }

    /// Whether all spans touch, so that they are one, or there is none.
    fn touching(&self) -> Option<Touching> {
        let mut spans = self.spans(NaiveDateTime::MIN);
        let Some(mut all) = spans.next() else { return Some(Touching::Nothing) };
        let endless = self.rule.as_ref().is_some_and(Rule::endless);
        let last_exception = self.left_out.last().max(self.dates.last()).map(NaiveDateTime::and_utc);
        let mut count = 0;
        for span in spans {
            if all.until.is_some_and(|until| until < span.from) {
                return None;
            }
            all.until = all.until.and_then(|until| Some(until.max(span.until?)));
            count += usize::from(last_exception.is_none_or(|last| last < span.from));
            if endless && count > TOUCHING_MAX {
                return Some(Touching::All(Span { until: None, ..all }));
            }
        }
        let until = all.until.filter(|_| !endless);
        Some(Touching::All(Span { until, ..all }))
    }

    fn last_end(&self) -> Option<DateTime<Utc>> {
        let last = match &self.rule {
            Some(rule) if rule.endless() => return None,
            Some(rule) => rule.last_at_most().max(*self.dates.last()?),
            None => *self.dates.last()?,
        };
        self.last_before(last.and_utc().checked_add_signed(self.reach())?)?.until
    }
}

/// A clock is never further than this from UTC, the longest gap included.
const UTC_MOST: TimeDelta = TimeDelta::hours(40);

fn before(at: DateTime<Utc>, back: TimeDelta) -> NaiveDateTime {
    at.naive_utc().checked_sub_signed(back).unwrap_or(NaiveDateTime::MIN)
}

#[cfg(test)]
mod tests;
