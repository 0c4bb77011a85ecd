//! Cron schedules of five fields, as sets of minutes, hours and days, and as the rules that mean the same.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime};

/// What a cron stands for before its first start is named: crons have no beginning.
const BEGIN: (i32, u32, u32) = (2020, 1, 1);
/// A leap year is at most so many days away.
const DAYS_MAX: usize = 366 * 9;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const SHORT: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/// All weekdays.
pub(super) const EVERY_DAY: u64 = 0b111_1111;

/// A cron, read: each field as bits, and a restricted one only where it does not have all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    /// Days of the month; none is every one.
    pub month_days: Option<u64>,
    /// Months; none is every one.
    pub months: Option<u64>,
    /// Weekdays from Sunday; none is every one.
    pub weekdays: Option<u64>,
}

struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of the month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    Field { name: "day of the week", low: 0, high: 6, names: &WEEKDAYS },
];

impl Cron {
    /// Reads five fields, or a word such as `@daily`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let spelled = match text.to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => {
                return Err(format!("{text:?} is no schedule of a calendar: write the five fields of a cron"));
            }
            _ => text,
        };
        if spelled.contains("TZ=") {
            return Err("the zone is inside of the cron: name it in the field for the zone".to_owned());
        }
        let fields: Vec<&str> = spelled.split_whitespace().collect();
        let &[minute, hour, month_day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "a cron has five fields (minute, hour, day of the month, month, day of the week), and this has {}",
                fields.len()
            ));
        };
        let [minutes, hours, month_days, months, weekdays] = FIELDS;
        let cron = Self {
            minutes: minutes.read(minute)?,
            hours: hours.read(hour)?,
            month_days: month_days.restricted(month_day)?,
            months: months.restricted(month)?,
            weekdays: weekdays.restricted(weekday)?,
        };
        if cron.month_days.is_some() && cron.weekdays.is_some() {
            return Err("it names days of the month and of the week, and cron takes either of them: make two windows"
                .to_owned());
        }
        Ok(cron)
    }

    /// Its times of day, in order.
    pub(super) fn times(&self) -> Vec<NaiveTime> {
        let minutes = bits(self.minutes);
        bits(self.hours)
            .into_iter()
            .flat_map(|hour| minutes.iter().filter_map(move |minute| NaiveTime::from_hms_opt(hour, *minute, 0)))
            .collect()
    }

    /// The same on these weekdays alone.
    pub(super) fn on_weekdays(&self, days: u64) -> Self {
        Self { weekdays: Some(days).filter(|days| *days != EVERY_DAY), ..*self }
    }

    /// Whether it comes on every day.
    pub(super) fn daily(&self) -> bool {
        self.month_days.is_none() && self.months.is_none() && self.weekdays.is_none()
    }

    pub(super) fn has_day(&self, date: NaiveDate) -> bool {
        let has = |set: Option<u64>, value: u32| set.is_none_or(|set| set & 1 << value != 0);
        has(self.month_days, date.day())
            && has(self.months, date.month())
            && has(self.weekdays, date.weekday().num_days_from_sunday())
    }

    /// The rule of its days, and its first start at a time of day.
    pub(super) fn rule(&self, time: NaiveTime) -> Result<(NaiveDateTime, String), String> {
        let (year, month, day) = BEGIN;
        let first = NaiveDate::from_ymd_opt(year, month, day)
            .and_then(|begin| begin.iter_days().take(DAYS_MAX).find(|date| self.has_day(*date)));
        let Some(first) = first else {
            return Err("no day of any year fits it".to_owned());
        };
        let join = |set: u64| bits(set).iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut rule = match (self.month_days, self.weekdays) {
            (Some(days), _) => format!("FREQ=MONTHLY;BYMONTHDAY={}", join(days)),
            (None, Some(days)) => format!("FREQ=WEEKLY;BYDAY={}", weekdays(days)),
            (None, None) => "FREQ=DAILY".to_owned(),
        };
        if let Some(months) = self.months {
            rule.push_str(";BYMONTH=");
            rule.push_str(&join(months));
        }
        Ok((first.and_time(time), rule))
    }
}

/// Weekdays as a rule writes them.
pub(super) fn weekdays(set: u64) -> String {
    bits(set).into_iter().map(|day| SHORT[day as usize % 7]).collect::<Vec<_>>().join(",")
}

/// The values of a set.
pub(super) fn bits(set: u64) -> Vec<u32> {
    (0..64).filter(|bit| set & 1 << bit != 0).collect()
}

impl Field {
    /// The set that a field names; none when that is all.
    fn restricted(&self, text: &str) -> Result<Option<u64>, String> {
        let set = self.read(text)?;
        Ok(Some(set).filter(|set| *set != self.all()))
    }

    fn all(&self) -> u64 {
        (self.low..=self.high).fold(0, |set, bit| set | 1 << bit)
    }

    fn read(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => {
                    let step: u32 = step.parse().ok().filter(|step| *step > 0).ok_or_else(|| self.wrong(item))?;
                    (range, Some(step))
                }
                None => (item, None),
            };
            let (low, high) = match (range, range.split_once('-')) {
                ("*" | "?", _) => (self.low, self.high),
                (_, Some((low, high))) => (self.value(low, item)?, self.end(high, item)?),
                (_, None) => {
                    let low = self.value(range, item)?;
                    // `5/15` is from 5 on.
                    (low, if step.is_some() { self.high } else { low })
                }
            };
            if low > high {
                return Err(self.wrong(item));
            }
            for value in (low..=high).step_by(step.unwrap_or(1) as usize) {
                // A week may end on a seventh day, which is its zeroth.
                set |= 1 << if self.high == 6 { value % 7 } else { value };
            }
        }
        Ok(set)
    }

    fn value(&self, text: &str, item: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + self.low),
            None => text.parse().ok(),
        };
        // Sunday is 7 as well as 0.
        let high = if self.high == 6 { 7 } else { self.high };
        value.filter(|value| (self.low..=high).contains(value)).ok_or_else(|| self.wrong(item))
    }

    fn end(&self, text: &str, item: &str) -> Result<u32, String> {
        let value = self.value(text, item)?;
        // `5-0` is Friday to Sunday.
        Ok(if self.high == 6 && value == 0 && !item.starts_with('0') { 7 } else { value })
    }

    fn wrong(&self, item: &str) -> String {
        format!("{item:?} is no {}: those are {} to {}, as *, lists, ranges and steps", self.name, self.low, self.high)
    }
}
