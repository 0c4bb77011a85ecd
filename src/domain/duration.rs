//! Spans of time as plans and gates write them: `10s`, `250ms`, `5m`, `1h30m`.

use std::time::Duration;

/// Longest span that is read: 366 days. Keeps every sum with an instant in range.
pub const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Units, the longest first, in microseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];

/// Why a text is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not written as one.
    #[error("{0:?} is not a duration: write 10s, 250ms, 5m or 1h30m")]
    Form(String),
    /// A number without its unit.
    #[error("{0} what? write a duration with its unit: {0}s, {0}m or {0}h")]
    Bare(String),
    /// Longer than [`LONGEST`].
    #[error("{0:?} is longer than 366 days")]
    TooLong(String),
}

/// Reads a span: numbers with `h`, `m`, `s`, `ms`, the longest unit first, each at most once.
///
/// # Errors
/// [`DurationError`] when it is written otherwise, or is longer than [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let form = || DurationError::Form(text.chars().take(40).collect());
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(form());
    }
    if rest.len() <= 20 && rest.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(DurationError::Bare(rest.to_owned()));
    }
    let mut micros = 0.0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(form)?;
        let number: f64 =
            Some(&rest[..digits]).filter(|d| is_decimal(d)).and_then(|d| d.parse().ok()).ok_or_else(form)?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[..letters]).ok_or_else(form)?;
        if unit < next_unit {
            return Err(form());
        }
        next_unit = unit + 1;
        micros += number * UNITS[unit].1 as f64;
        rest = &rest[letters..];
    }
    if micros > LONGEST.as_micros() as f64 {
        return Err(DurationError::TooLong(text.chars().take(40).collect()));
    }
    Ok(Duration::from_micros(micros.round() as u64))
}

/// Digits, with digits after a point if there is one.
fn is_decimal(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.len() <= 15 && t.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(part)
}

/// Writes a span so that [`parse`] reads it back, to the microsecond.
#[must_use]
pub fn print(duration: Duration) -> String {
    use std::fmt::Write as _;
    let mut rest = duration.as_micros();
    let mut text = String::new();
    for (name, unit) in UNITS {
        let count = rest / u128::from(unit);
        rest %= u128::from(unit);
        let fraction = if name == "ms" { rest } else { 0 };
        if fraction > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", format!("{count}.{fraction:03}").trim_end_matches('0'));
            text.push_str(name);
        } else if count > 0 {
            let _ = write!(text, "{count}{name}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_are_read_with_their_units_and_nothing_is_guessed() {
        for (text, ms) in [
            ("10s", 10_000),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("1h1m1s1ms", 3_661_001),
            ("0s", 0),
            (" 5m ", 300_000),
            ("8784h", 366 * 24 * 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "", "s", "5 m", "5min", "5M", "5d", "-5s", "+5s", "5s5s", "30m1h", "1..5s", ".5s", "5.s", "1e3s", "∞s",
            "10s!", "10ss", "5us", "NaNs",
        ] {
            assert!(matches!(parse(text), Err(DurationError::Form(_))), "{text:?}: {:?}", parse(text));
        }
        assert_eq!(parse("30").unwrap_err().to_string(), "30 what? write a duration with its unit: 30s, 30m or 30h");
        assert!(matches!(parse("8785h"), Err(DurationError::TooLong(_))));
        assert!(parse(&"9".repeat(1000)).is_err());
        assert!(parse(&format!("{}h", "9".repeat(400))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in 0..LONGEST.as_micros() as u64) {
            let span = Duration::from_micros(micros);
            prop_assert_eq!(parse(&print(span)), Ok(span));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), near in "[0-9.hms]{0,12}") {
            let _ = parse(&text);
            if let Ok(span) = parse(&near) {
                prop_assert!(span <= LONGEST);
            }
        }
    }
}
