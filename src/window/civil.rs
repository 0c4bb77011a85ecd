//! Civil time in a zone: which instants a time of day on a date stands for.
//!
//! RFC 5545 section 3.3.5 says how a local time is read that comes twice, or not at all, on the day that clocks change:
//! the first of two, and one that is left out as if the clock had not been changed yet.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The instants that a civil time stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// This one.
    Once(DateTime<Utc>),
    /// Clocks were put back: either of these.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// Clocks were put forward over it: moved on by the length of the gap. The gap is at `change`.
    LeftOut { moved: DateTime<Utc>, change: DateTime<Utc> },
}

impl Reading {
    /// The earliest reading: of two the first. A time that is left out has one.
    pub(super) fn first(self) -> DateTime<Utc> {
        match self {
            Self::Once(at) | Self::Twice(at, _) | Self::LeftOut { moved: at, .. } => at,
        }
    }

    /// The latest reading: of two the second.
    pub(super) fn last(self) -> DateTime<Utc> {
        match self {
            Self::Once(at) | Self::Twice(_, at) | Self::LeftOut { moved: at, .. } => at,
        }
    }
}

/// What a civil time stands for in a zone.
pub(super) fn read(zone: Tz, civil: NaiveDateTime) -> Reading {
    match zone.from_local_datetime(&civil) {
        LocalResult::Single(at) => Reading::Once(at.to_utc()),
        LocalResult::Ambiguous(a, b) => Reading::Twice(a.min(b).to_utc(), a.max(b).to_utc()),
        LocalResult::None => left_out(zone, civil),
    }
}

/// The longest that a clock was ever put forward is a day, where the date line was moved.
const QUARTERS_MAX: i32 = 26 * 4;

fn left_out(zone: Tz, civil: NaiveDateTime) -> Reading {
    // The offset that held before the gap is that of the last civil time before it.
    let before = (1..=QUARTERS_MAX)
        .filter_map(|quarters| civil.checked_sub_signed(TimeDelta::minutes(15) * quarters))
        .find_map(|earlier| zone.from_local_datetime(&earlier).latest())
        .map_or(0, |earlier| offset(zone, earlier.to_utc()));
    let moved = civil.and_utc() - TimeDelta::seconds(before.into());
    // Clocks change between the two readings that its offsets before and after would give it.
    let (mut low, mut high) = (moved - TimeDelta::minutes(15) * QUARTERS_MAX, moved);
    while high - low > TimeDelta::seconds(1) {
        let middle = low + (high - low) / 2;
        let middle = middle - TimeDelta::nanoseconds(middle.timestamp_subsec_nanos().into());
        // Civil time goes past the left out one exactly at the change.
        if zone.from_utc_datetime(&middle.naive_utc()).naive_local() < civil {
            low = middle;
        } else {
            high = middle;
        }
    }
    Reading::LeftOut { moved, change: high }
}

fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa, America, Australia, Europe, Pacific};

    use super::*;

    fn civil(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_that_clocks_leave_out_is_moved_on_by_as_much_as_they_were_put_forward() {
        for (zone, left_out, moved, change) in [
            (Europe::London, "2026-03-29T01:30:00", "2026-03-29T01:30:00Z", "2026-03-29T01:00:00Z"),
            (Europe::London, "2026-03-29T01:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            (Europe::London, "2026-03-29T01:59:59", "2026-03-29T01:59:59Z", "2026-03-29T01:00:00Z"),
            (America::New_York, "2026-03-08T02:30:00", "2026-03-08T07:30:00Z", "2026-03-08T07:00:00Z"),
            // By half an hour.
            (Australia::Lord_Howe, "2026-10-04T02:15:00", "2026-10-03T15:45:00Z", "2026-10-03T15:30:00Z"),
            // At midnight.
            (Africa::Cairo, "2026-04-24T00:00:00", "2026-04-23T22:00:00Z", "2026-04-23T22:00:00Z"),
            // A whole day, when the date line was moved.
            (Pacific::Apia, "2011-12-30T12:00:00", "2011-12-30T22:00:00Z", "2011-12-30T10:00:00Z"),
        ] {
            let expected = Reading::LeftOut { moved: utc(moved), change: utc(change) };
            assert_eq!(read(zone, civil(left_out)), expected, "{zone} {left_out}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_has_both_instants_and_any_other_one() {
        assert_eq!(
            read(Europe::London, civil("2026-10-25T01:30:00")),
            Reading::Twice(utc("2026-10-25T00:30:00Z"), utc("2026-10-25T01:30:00Z"))
        );
        assert_eq!(
            read(Australia::Lord_Howe, civil("2026-04-05T01:45:00")),
            Reading::Twice(utc("2026-04-04T14:45:00Z"), utc("2026-04-04T15:15:00Z"))
        );
        // The first instant after is not part of it.
        assert_eq!(read(Europe::London, civil("2026-10-25T02:00:00")), Reading::Once(utc("2026-10-25T02:00:00Z")));
        assert_eq!(read(Europe::London, civil("2026-03-29T02:00:00")), Reading::Once(utc("2026-03-29T01:00:00Z")));
    }
}
