//! Ages and countdowns in steps, so that an idle screen stays silent, and when each text flips next.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};

/// The step that an age is shown in, in seconds.
const fn step(seconds: i64) -> i64 {
    match seconds {
        ..10 => 1,
        10..60 => 5,
        60..3600 => 60,
        3600..172_800 => 3600,
        _ => 86_400,
    }
}

fn words(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An age in steps: `7s`, `25s`, `6m`, `2h`, `3d`.
#[must_use]
pub fn age(age: TimeDelta) -> String {
    let seconds = age.num_seconds().max(0);
    words(seconds - seconds % step(seconds))
}

/// How long the text of [`age`] stays as it is.
#[must_use]
pub fn age_flips_in(age: TimeDelta) -> Duration {
    let seconds = age.num_seconds().max(0);
    let next = TimeDelta::seconds(seconds - seconds % step(seconds) + step(seconds));
    (next - age).to_std().unwrap_or_default().max(Duration::from_millis(50))
}

/// What is left until a deadline, in steps, rounded up: `3s`, `25s`, `6m`; `now` when it has come.
#[must_use]
pub fn left(left: TimeDelta) -> String {
    let millis = left.num_milliseconds();
    if millis <= 0 {
        return "now".to_owned();
    }
    let seconds = (millis + 999) / 1000;
    if (61..=120).contains(&seconds) {
        // The last two minutes are worth their tens of seconds.
        let tens = (seconds + 9) / 10 * 10;
        return if tens % 60 == 0 { format!("{}m", tens / 60) } else { format!("1m{:02}s", tens % 60) };
    }
    let step = step(seconds);
    let rounded = (seconds + step - 1) / step * step;
    if (3600..172_800).contains(&rounded) && rounded % 3600 == 0 && seconds < rounded {
        // Hours are too coarse for a window's end: say the minutes as well.
        return hours_minutes((seconds + 59) / 60);
    }
    words(rounded)
}

fn hours_minutes(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, m) => format!("{m}m"),
        (h, 0) => format!("{h}h"),
        (h, m) => format!("{h}h{m:02}m"),
    }
}

/// How long the text of [`left`] stays as it is.
#[must_use]
pub fn left_flips_in(left: TimeDelta) -> Option<Duration> {
    let millis = left.num_milliseconds();
    if millis <= 0 {
        return None;
    }
    let step = match millis {
        ..=10_000 => 1000,
        10_001..=60_000 => 5000,
        60_001..=120_000 => 10_000,
        _ => 60_000,
    };
    let over = match millis % step {
        0 => step,
        over => over,
    };
    Some(Duration::from_millis(over.max(50) as u64))
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// An age that changes only when the clock's minute does: `<1m`, `6m`, `2h`, `3d`.
#[must_use]
pub fn coarse(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match minute(now) - minute(at) {
        ..=0 => "<1m".to_owned(),
        minutes => words(minutes * 60),
    }
}

/// What is left, in minutes, changing only when the clock's minute does: `<1m`, `6m`, `1h55m`.
#[must_use]
pub fn coarse_left(now: DateTime<Utc>, until: DateTime<Utc>) -> String {
    if until <= now {
        return "now".to_owned();
    }
    match minute(until) - minute(now) {
        ..=0 => "<1m".to_owned(),
        minutes if minutes < 2880 => hours_minutes(minutes),
        minutes => format!("{}d", minutes / 1440),
    }
}

/// How long until the clock shows another minute.
#[must_use]
pub fn minute_flips_in(at: DateTime<Utc>) -> Duration {
    let into = Duration::new(u64::from(at.second()), at.nanosecond().min(999_999_999));
    Duration::from_mins(1).saturating_sub(into).max(Duration::from_millis(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_steps_and_flips_exactly_when_its_text_changes() {
        for millis in (0..400_000).step_by(370) {
            let now = TimeDelta::milliseconds(millis);
            let flip = TimeDelta::from_std(age_flips_in(now)).unwrap();
            assert_eq!(age(now), age(now + flip - TimeDelta::milliseconds(51)), "{millis}");
            assert_ne!(age(now), age(now + flip + TimeDelta::milliseconds(50)), "{millis}");
        }
        assert_eq!(age(TimeDelta::seconds(59)), "55s");
        assert_eq!(age(TimeDelta::seconds(7300)), "2h");
        assert_eq!(age(TimeDelta::seconds(-3)), "0s");
    }

    #[test]
    fn a_countdown_never_says_less_than_is_left() {
        assert_eq!(left(TimeDelta::milliseconds(2100)), "3s");
        assert_eq!(left(TimeDelta::seconds(61)), "1m10s");
        assert_eq!(left(TimeDelta::seconds(119)), "2m");
        assert_eq!(left(TimeDelta::seconds(121)), "3m");
        assert_eq!(left(TimeDelta::seconds(6900)), "1h55m");
        assert_eq!(left(TimeDelta::zero()), "now");
    }

    #[test]
    fn coarse_ages_change_with_the_minute_only() {
        let at = DateTime::from_timestamp(1_700_000_030, 0).unwrap();
        let minute = minute_flips_in(at).as_secs().cast_signed();
        assert_eq!(coarse(at + TimeDelta::seconds(minute - 1), at), "<1m");
        assert_eq!(coarse(at + TimeDelta::seconds(minute), at), "1m");
    }
}
