//! Values of arguments: durations, instants, pairs, addresses.

use std::{str::FromStr as _, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Phase, RolloutId, SiteName, TargetName};

/// A duration such as `500ms`, `30s`, `10m`, `1h30m`, `2d`.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write it like 30s, 10m, 1h30m or 2d");
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| after.starts_with(unit)).ok_or_else(wrong)?;
        total = number.checked_mul(factor).and_then(|n| total.checked_add(n)).ok_or_else(wrong)?;
        rest = &after[unit.len()..];
    }
    // A hundred years are enough, and fit every type of time.
    if total > 100 * 366 * 86_400_000 { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

/// A site as `SITE` or `GROUP/SITE`.
///
/// # Errors
/// What was expected.
pub fn followed(text: &str) -> Result<(Option<TargetName>, SiteName), String> {
    let follow = crate::tui::app::follow::Follow::parse(text)?;
    Ok((follow.group, follow.site))
}

/// A point in time as it is written: an instant, or a span from now that is put on one side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// An RFC 3339 time.
    At(DateTime<Utc>),
    /// So far from now.
    Span(Duration),
}

impl When {
    /// The instant, where a span means that long ago.
    pub fn past(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Span(span) => now - TimeDelta::from_std(span).unwrap_or_default(),
        }
    }

    /// The instant, where a span means in that time.
    pub fn future(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Span(span) => now + TimeDelta::from_std(span).unwrap_or_default(),
        }
    }
}

/// An RFC 3339 time, or a duration.
///
/// # Errors
/// What was expected.
pub fn when(text: &str) -> Result<When, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text.trim()) {
        return Ok(When::At(at.with_timezone(&Utc)));
    }
    duration(text)
        .map(When::Span)
        .map_err(|_| format!("{text:?} is no time: write it like 2026-05-04T14:00:00Z, or as a span such as 2h"))
}

/// `KEY=VALUE`.
///
/// # Errors
/// What was expected.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is no KEY=VALUE")),
    }
}

/// A phase's name.
///
/// # Errors
/// The names that there are.
pub fn phase(text: &str) -> Result<Phase, String> {
    Phase::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = Phase::ALL.iter().map(|phase| phase.as_str()).collect();
        format!("{text:?} is no phase: there are {}", names.join(", "))
    })
}

/// A rollout's address; what has no slash was meant to be a subcommand.
///
/// # Errors
/// What was expected.
pub fn rollout_or_subcommand(text: &str) -> Result<RolloutId, String> {
    if text.contains('/') {
        return RolloutId::from_str(text).map_err(|error| error.to_string());
    }
    let near = super::command()
        .get_subcommands()
        .map(|command| (strsim::levenshtein(command.get_name(), text), command.get_name().to_owned()))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let hint = near.map(|(_, name)| format!(" Did you mean {name}?")).unwrap_or_default();
    Err(format!("there is no such subcommand, and a rollout is addressed TARGET/NAME.{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("1s500ms"), Ok(Duration::from_millis(1500)));
        for text in ["", "10", "m", "1w", "-5s", "5 m", "1h30", "99999999999999999999s", "99999999999d", "5µ"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_lies_before_or_after_now_as_the_option_needs() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(when("2h").unwrap().past(now), now - TimeDelta::hours(2));
        assert_eq!(when("2h").unwrap().future(now), now + TimeDelta::hours(2));
        assert_eq!(when("2026-05-04T14:00:00+02:00").unwrap().past(now).to_rfc3339(), "2026-05-04T12:00:00+00:00");
        assert!(when("tomorrow").unwrap_err().contains("2026-"));
    }

    #[test]
    fn a_misspelt_subcommand_is_told_what_is_near() {
        assert!(rollout_or_subcommand("lst").unwrap_err().contains("list"));
        assert!(rollout_or_subcommand("xyzzy").unwrap_err().contains("TARGET/NAME"));
        assert!(rollout_or_subcommand("dc-west/pick-assist").is_ok());
        assert!(rollout_or_subcommand("dc west/pick").is_err());
    }
}
