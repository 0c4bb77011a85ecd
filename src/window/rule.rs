//! Recurrence rules: RFC 5545 section 3.3.10, of days and longer, expanded in civil time.
//!
//! A rule is a sequence of periods (days, weeks, months, years), of which each has the dates that fit all of its
//! parts. That is what the RFC's table of "expand" and "limit" comes to when a start has one time of day: what a part
//! leaves open is taken from the first start, and nothing else.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::{ScheduleError, civil};

mod parse;

/// No start is looked for from this year on: the time zone database says nothing of it.
pub(super) const YEAR_END: i32 = 2100;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// What the last start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// None.
    Never,
    /// The last one at or before this civil time.
    Civil(NaiveDateTime),
    /// The last one at or before this instant.
    Utc(DateTime<Utc>),
}

/// A rule, read and checked against the first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    first: NaiveDateTime,
    zone: Tz,
    frequency: Frequency,
    interval: u32,
    until: Until,
    /// Months by bit; none is every one.
    months: u16,
    month_days: Vec<i8>,
    /// Weekdays, and which of them in the month or year; zero is every one.
    days: Vec<(i8, Weekday)>,
    positions: Vec<i16>,
    week_start: Weekday,
}

impl Rule {
    /// Reads a rule for a first start.
    ///
    /// # Errors
    /// The part that is outside the grammar, out of range, or without a date.
    pub(super) fn new(text: &str, first: NaiveDateTime, zone: Tz) -> Result<Self, ScheduleError> {
        let (mut rule, count) = parse::rule(text, first, zone)?;
        match rule.starts_from(first).next() {
            Some(start) if start == first => {}
            Some(start) => {
                return Err(ScheduleError::new(
                    "schedule.start",
                    first,
                    format!("it is none of the rule's dates: the first of them is {start}, begin there"),
                ));
            }
            None => return Err(rule.without_dates(text)),
        }
        if let Some(count) = count {
            // RFC 5545 section 3.3.10: "The DTSTART property value always counts as the first occurrence"; and 3.8.5.1 takes
            // the excluded ones out of the set after it was made, so they have been counted.
            let last = rule.starts_from(first).take(count).last();
            rule.until = last.map_or(Until::Never, Until::Civil);
        }
        Ok(rule)
    }

    /// Whether it goes on for ever.
    pub(super) fn endless(&self) -> bool {
        self.until == Until::Never
    }

    /// The civil time after which it has no start, where that is known.
    pub(super) fn last_at_most(&self) -> NaiveDateTime {
        match self.until {
            Until::Never => NaiveDate::from_ymd_opt(YEAR_END, 1, 1).map_or(NaiveDateTime::MAX, Into::into),
            Until::Civil(until) => until,
            // A clock is never further than this from UTC.
            Until::Utc(until) => until.naive_utc() + TimeDelta::days(1),
        }
    }

    /// Its starts at or after a civil time, in order.
    pub(super) fn starts_from(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let from = from.max(self.first);
        let mut period = self.period_of(from.date());
        let mut dates = VecDeque::new();
        let time = self.first.time();
        std::iter::from_fn(move || {
            while dates.is_empty() {
                dates.extend(self.dates_of(period)?);
                period += 1;
            }
            dates.pop_front()
        })
        .map(move |date: NaiveDate| date.and_time(time))
        .skip_while(move |start| *start < from)
        .take_while(|start| self.is_before_the_end(*start))
    }

    fn is_before_the_end(&self, start: NaiveDateTime) -> bool {
        match self.until {
            Until::Never => true,
            Until::Civil(until) => start <= until,
            Until::Utc(until) => civil::read(self.zone, start).first() <= until,
        }
    }

    /// The number of a period that is not after a date, and not long before it.
    fn period_of(&self, date: NaiveDate) -> u32 {
        let first = self.first.date();
        let units = match self.frequency {
            Frequency::Daily => (date - first).num_days(),
            Frequency::Weekly => (date - first).num_days() / 7 - 1,
            Frequency::Monthly => months_of(date) - months_of(first),
            Frequency::Yearly => i64::from(date.year() - first.year()),
        };
        u32::try_from(units / i64::from(self.interval)).unwrap_or(0)
    }

    /// The dates of a period, in order; none at the end of time.
    fn dates_of(&self, period: u32) -> Option<Vec<NaiveDate>> {
        let units = period.checked_mul(self.interval)?;
        let first = self.first.date();
        let (begin, end) = match self.frequency {
            Frequency::Daily => {
                let day = first.checked_add_days(Days::new(units.into()))?;
                (day, day.succ_opt()?)
            }
            Frequency::Weekly => {
                let week = first - Days::new(first.weekday().days_since(self.week_start).into());
                let week = week.checked_add_days(Days::new(u64::from(units) * 7))?;
                (week, week.checked_add_days(Days::new(7))?)
            }
            Frequency::Monthly => {
                let month = first.with_day(1)?.checked_add_months(Months::new(units))?;
                (month, month.checked_add_months(Months::new(1))?)
            }
            Frequency::Yearly => {
                let year = NaiveDate::from_ymd_opt(first.year().checked_add_unsigned(units)?, 1, 1)?;
                (year, year.checked_add_months(Months::new(12))?)
            }
        };
        if begin.year() >= YEAR_END {
            return None;
        }
        let mut dates = Vec::new();
        let mut day = begin;
        while day < end {
            if self.has_month(day.month()) {
                if self.fits(day) {
                    dates.push(day);
                }
                day = day.succ_opt()?;
            } else {
                // On to the next month.
                day = day.with_day(1)?.checked_add_months(Months::new(1))?;
            }
        }
        Some(self.at_positions(dates))
    }

    fn has_month(&self, month: u32) -> bool {
        self.months == 0 || self.months & 1 << month != 0
    }

    /// Whether a date of a month that it has fits the other parts, and what they leave open.
    fn fits(&self, day: NaiveDate) -> bool {
        let in_month = self.month_days.is_empty() || {
            let back = i64::from(day.day()) - i64::from(days_in_month(day)) - 1;
            self.month_days.iter().any(|n| i64::from(*n) == i64::from(day.day()) || i64::from(*n) == back)
        };
        let of_week = self.days.is_empty() || self.days.iter().any(|(nth, weekday)| self.is_nth(day, *nth, *weekday));
        let open = self.month_days.is_empty() && self.days.is_empty();
        let as_first = match self.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => !open || day.weekday() == self.first.weekday(),
            Frequency::Monthly => !open || day.day() == self.first.day(),
            Frequency::Yearly => {
                !open || day.day() == self.first.day() && (self.months != 0 || day.month() == self.first.month())
            }
        };
        in_month && of_week && as_first
    }

    /// Whether a date is this weekday, and the nth of the month, or of the year where no month is named.
    fn is_nth(&self, day: NaiveDate, nth: i8, weekday: Weekday) -> bool {
        if day.weekday() != weekday {
            return false;
        }
        let (place, length) = if self.frequency == Frequency::Yearly && self.months == 0 {
            (day.ordinal0(), if day.leap_year() { 366 } else { 365 })
        } else {
            (day.day0(), days_in_month(day))
        };
        let (ahead, back) = (place / 7 + 1, (length - 1 - place) / 7 + 1);
        match nth {
            0 => true,
            1.. => ahead == u32::from(nth.unsigned_abs()),
            _ => back == u32::from(nth.unsigned_abs()),
        }
    }

    fn at_positions(&self, dates: Vec<NaiveDate>) -> Vec<NaiveDate> {
        if self.positions.is_empty() {
            return dates;
        }
        let count = i64::try_from(dates.len()).unwrap_or(i64::MAX);
        let picked = |at: i64| self.positions.iter().any(|n| i64::from(*n) == at + 1 || i64::from(*n) == at - count);
        (0..).zip(dates).filter(|(at, _)| picked(*at)).map(|(_, date)| date).collect()
    }

    /// Why there is no start at all.
    fn without_dates(&self, text: &str) -> ScheduleError {
        let months = || (1..=12).filter(|month| self.has_month(*month));
        // 2024 has all the days that any year has.
        let longest = months().filter_map(|month| NaiveDate::from_ymd_opt(2024, month, 1)).map(days_in_month).max();
        let fits = |n: &i8| u32::from(n.unsigned_abs()) <= longest.unwrap_or(31);
        if !self.month_days.is_empty() && !self.month_days.iter().any(fits) {
            let days: Vec<String> = self.month_days.iter().map(ToString::to_string).collect();
            return ScheduleError::new("BYMONTHDAY", days.join(","), "none of the months in BYMONTH is that long");
        }
        if self.until != Until::Never {
            return ScheduleError::new("UNTIL", text, "no start comes before it");
        }
        ScheduleError::new("schedule.rrule", text, format!("no date before {YEAR_END} fits all of its parts"))
    }
}

fn months_of(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

fn days_in_month(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

#[cfg(test)]
mod tests;
