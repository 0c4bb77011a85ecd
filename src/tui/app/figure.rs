//! Numbers as people read them: three digits that matter, units, what is nearly nothing and what is none.

use crate::domain::{
    Sli,
    sli::{Direction, SliArm},
};

/// A number with three digits that matter; of any size, in at most eight columns.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    let plain = |value: f64, decimals: usize| {
        let text = format!("{value:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match size {
        _ if value.is_nan() => "-".to_owned(),
        0.0 => "0".to_owned(),
        1e12.. => format!("{value:.0e}"),
        1e9.. => format!("{}G", plain(value / 1e9, 1)),
        1e6.. => format!("{}M", plain(value / 1e6, 1)),
        1e4.. => format!("{:.0}k", value / 1e3),
        100.0.. => plain(value, 0),
        1.0.. => plain(value, 1),
        0.001.. => plain(value, 3),
        _ => format!("{value:.0e}"),
    }
}

/// A share of one as a percentage. What is nothing is `0.00%`, what is nearly nothing is not.
fn percent(share: f64) -> String {
    let value = share * 100.0;
    let size = value.abs();
    match size {
        _ if value.is_nan() => "-".to_owned(),
        0.0 => "0.00%".to_owned(),
        1000.0.. => format!("{}%", number(value)),
        100.0.. => format!("{value:.0}%"),
        99.995.. if value > 0.0 => ">99.99%".to_owned(),
        99.0.. => format!("{value:.2}%"),
        10.0.. => format!("{value:.1}%"),
        0.005.. => format!("{value:.2}%"),
        _ if value > 0.0 => "<0.01%".to_owned(),
        _ => ">-0.01%".to_owned(),
    }
}

/// A number and its unit: `212 ms`, `2/h`.
fn with_unit(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        unit if unit.starts_with('/') => format!("{number}{unit}"),
        unit => format!("{number} {unit}"),
    }
}

/// A value in its unit: a ratio as a percentage.
#[must_use]
pub fn value(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => percent(value),
        unit => with_unit(&number(value), unit),
    }
}

/// A difference without its unit, with its sign: points of a ratio's percentage.
#[must_use]
pub fn signed(difference: f64, unit: &str) -> String {
    let value = if unit == "ratio" { difference * 100.0 } else { difference };
    let text = match value.abs() {
        size if unit == "ratio" && (0.005..100.0).contains(&size) => format!("{value:.2}"),
        _ => number(value),
    };
    if value > 0.0 { format!("+{text}") } else { text }
}

/// Two ends of an interval of differences, in as few columns as say something: `+0.21..+0.36`.
#[must_use]
pub fn between(low: f64, high: f64, unit: &str) -> String {
    let end = |value: f64| {
        let size = value.abs() * if unit == "ratio" { 100.0 } else { 1.0 };
        // Of an end two digits are enough.
        if unit != "ratio" && (0.1..1.0).contains(&size) { format!("{value:+.2}") } else { signed(value, unit) }
    };
    format!("{}..{}", end(low), end(high))
}

/// A difference in its unit, with its sign: that of ratios in percentage points.
#[must_use]
pub fn shift(difference: f64, unit: &str) -> String {
    let text = signed(difference, unit);
    match unit {
        "ratio" => format!("{text}pp"),
        unit => with_unit(&text, unit),
    }
}

/// How many times as much.
#[must_use]
pub fn times(ratio: f64) -> String {
    match ratio {
        _ if ratio.is_nan() => "-".to_owned(),
        99.5.. => ">99x".to_owned(),
        9.95.. => format!("{ratio:.0}x"),
        1.995.. => format!("{ratio:.1}x"),
        _ => format!("{ratio:.2}x"),
    }
}

/// How many, in at most four columns.
#[must_use]
pub fn count(count: Option<f64>) -> String {
    let Some(count) = count.filter(|n| n.is_finite() && *n >= 0.0) else { return "-".to_owned() };
    let scaled = |by: f64, sign: &str| {
        let value = count / by;
        if value < 9.95 { format!("{value:.1}{sign}") } else { format!("{value:.0}{sign}") }
    };
    match count {
        ..999.5 => format!("{count:.0}"),
        ..999_500.0 => scaled(1e3, "k"),
        ..999_500_000.0 => scaled(1e6, "M"),
        ..999_500_000_000.0 => scaled(1e9, "G"),
        _ => format!("{count:.0e}"),
    }
}

/// So many things by their name: `1 blocker`, `3 blockers`.
#[must_use]
pub fn counted(count: usize, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

/// How many samples both sides stand on.
#[must_use]
pub fn samples(sli: &Sli) -> String {
    format!("{}/{}", count(sli.canary.samples), count(sli.baseline.samples))
}

/// The value of a side, if it has one.
#[must_use]
pub fn of(arm: SliArm, unit: &str) -> Option<String> {
    arm.value.filter(|v| v.is_finite()).map(|v| value(v, unit))
}

/// The value of a side without its unit, for where that does not fit; the sign of a percentage stays.
#[must_use]
pub fn bare(arm: SliArm, unit: &str) -> Option<String> {
    of(arm, if unit == "ratio" { unit } else { "" })
}

/// Canary over baseline, where that says something: not of shares that should be near all, where a
/// tenth of a percent is the whole error budget, nor beside a baseline of which the limit is many times.
#[must_use]
pub fn ratio(sli: &Sli) -> Option<f64> {
    let (canary, baseline) = sli.canary.value.zip(sli.baseline.value)?;
    let held = sli.too_much().is_none_or(|limit| limit <= baseline * 9.0);
    let speaks = baseline > 0.0 && held && !(sli.unit.as_str() == "ratio" && sli.worse() == Direction::LowerIsWorse);
    speaks.then(|| sli.ratio.unwrap_or(canary / baseline)).filter(|ratio| ratio.is_finite())
}

/// Canary minus baseline.
#[must_use]
pub fn difference(sli: &Sli) -> Option<f64> {
    let measured = || sli.canary.value.zip(sli.baseline.value).map(|(canary, baseline)| canary - baseline);
    sli.difference.or_else(measured).filter(|d| d.is_finite())
}

/// How canary and baseline compare: `3.4x`, or `-0.29pp` where a ratio says nothing.
#[must_use]
pub fn compared(sli: &Sli) -> Option<String> {
    compared_by(sli, shift)
}

/// [`compared`] without a unit, for where that does not fit.
#[must_use]
pub fn compared_bare(sli: &Sli) -> Option<String> {
    compared_by(sli, signed)
}

fn compared_by(sli: &Sli, shift: fn(f64, &str) -> String) -> Option<String> {
    match ratio(sli) {
        Some(ratio) => Some(times(ratio)),
        None => difference(sli).map(|difference| shift(difference, sli.unit.as_str())),
    }
}

/// The levels of a difference that are too much, by the direction that is worse.
#[must_use]
pub fn limits(sli: &Sli) -> Vec<f64> {
    let Some(limit) = sli.too_much() else { return Vec::new() };
    match sli.worse() {
        Direction::HigherIsWorse => vec![limit],
        Direction::LowerIsWorse => vec![-limit],
        Direction::Either => vec![limit, -limit],
    }
}

/// The limit in the form of [`compared`], so that the two can be held side by side.
#[must_use]
pub fn limit(sli: &Sli) -> Option<String> {
    limit_by(sli, shift)
}

/// [`limit`] without a unit, for where that does not fit.
#[must_use]
pub fn limit_bare(sli: &Sli) -> Option<String> {
    limit_by(sli, signed)
}

fn limit_by(sli: &Sli, shift: fn(f64, &str) -> String) -> Option<String> {
    let limits = limits(sli);
    let first = *limits.first()?;
    match (ratio(sli), sli.baseline.value) {
        (Some(_), Some(baseline)) => Some(times((baseline + first) / baseline)),
        _ if limits.len() > 1 => Some(shift(first, sli.unit.as_str()).trim_start_matches('+').to_owned()),
        _ => Some(shift(first, sli.unit.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_nearly_nothing_and_nearly_all_are_three_different_things() {
        for (share, text) in [
            (0.0, "0.00%"),
            (-0.0, "0.00%"),
            (0.000_01, "<0.01%"),
            (-0.000_01, ">-0.01%"),
            (0.0041, "0.41%"),
            (0.62, "62.0%"),
            (0.9959, "99.59%"),
            (0.999_97, ">99.99%"),
            (1.0, "100%"),
            (12.5, "1250%"),
            (1e300, "1e302%"),
        ] {
            assert_eq!(value(share, "ratio"), text);
        }
    }

    #[test]
    fn numbers_of_any_size_stay_short() {
        for (n, text) in [
            (0.0, "0"),
            (212.4, "212"),
            (100.0, "100"),
            (1.1, "1.1"),
            (1.0, "1"),
            (0.938, "0.938"),
            (0.000_002, "2e-6"),
            (12_345.0, "12k"),
            (-1_250_000.0, "-1.2M"),
            (2.5e9, "2.5G"),
            (1e300, "1e300"),
            (-5e-324, "-5e-324"),
        ] {
            assert_eq!(number(n), text);
        }
    }

    #[test]
    fn differences_of_ratios_are_points_and_have_a_sign() {
        assert_eq!(shift(0.0029, "ratio"), "+0.29pp");
        assert_eq!(shift(-0.0029, "ratio"), "-0.29pp");
        assert_eq!(shift(0.0, "ratio"), "0pp");
        assert_eq!(shift(0.000_01, "ratio"), "+0.001pp");
        assert_eq!(shift(7.0, "ms"), "+7 ms");
        assert_eq!(shift(-0.1, "MB/h"), "-0.1 MB/h");
    }

    #[test]
    fn ratios_have_the_digits_that_matter() {
        for (ratio, text) in
            [(3.4166, "3.4x"), (1.034, "1.03x"), (0.0, "0.00x"), (34.2, "34x"), (9.97, "10x"), (1e9, ">99x")]
        {
            assert_eq!(times(ratio), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_number_is_wider_than_its_column(value in proptest::num::f64::ANY) {
            proptest::prop_assert!(number(value).len() <= 9, "{}", number(value));
            proptest::prop_assert!(signed(value, "ms").len() <= 8, "{}", signed(value, "ms"));
            proptest::prop_assert!(count(Some(value)).len() <= 5, "{}", count(Some(value)));
            proptest::prop_assert!(times(value.abs()).len() <= 5, "{}", times(value.abs()));
        }
    }
}
