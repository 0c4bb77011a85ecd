//! Numbers and sentences, as people read them in a hurry.

/// A value with its unit; ratios in per cent. Shares close to all keep the digits that tell them apart.
#[must_use]
pub fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => percent(value),
        "" => three_digits(value),
        unit => format!("{} {unit}", three_digits(value)),
    }
}

/// A share in per cent: 0.0041 is `0.41%`, and 0.9987 is `99.87%`, not `99.9%`.
#[must_use]
pub fn percent(share: f64) -> String {
    let rest = (1.0 - share) * 100.0;
    if rest > 0.0 && rest < 10.0 {
        // Two digits that count of what is missing; six are enough for any objective.
        let decimals = (1.0 - rest.log10().floor()).clamp(1.0, 6.0) as usize;
        return format!("{:.decimals$}%", share * 100.0);
    }
    format!("{}%", three_digits(share * 100.0))
}

/// Three digits that count, at least, so that a small value is not shown as none.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        return format!("{value:.0}");
    }
    if size != 0.0 && size < 1e-6 {
        return format!("{value:.2e}");
    }
    let decimals = if size >= 10.0 {
        1
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        (2.0 - size.log10().floor()) as usize
    };
    format!("{value:.decimals$}")
}

/// A difference of shares in percentage points, without a unit: 0.0005 is `0.05`.
#[must_use]
pub fn points(share: f64) -> String {
    let digits = three_digits(share * 100.0);
    if !digits.contains('.') || digits.contains('e') {
        return digits;
    }
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How many times as much: `1.05x`, `2.0x`, `12x`.
#[must_use]
pub fn times(factor: f64) -> String {
    match factor {
        factor if factor >= 10.0 => format!("{factor:.0}x"),
        factor if factor < 1.095 => format!("{factor:.2}x"),
        factor => format!("{factor:.1}x"),
    }
}

/// How many: `250`, `18k`, `20M`.
#[must_use]
pub fn count(many: f64) -> String {
    match many {
        many if many >= 10_000_000.0 => format!("{:.0}M", many / 1_000_000.0),
        many if many >= 10_000.0 => format!("{:.0}k", many / 1000.0),
        many => format!("{many:.0}"),
    }
}

/// How long, in the unit that fits: `45s`, `5m`, `2h`.
#[must_use]
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s >= 2.0 * 3600.0 => format!("{:.0}h", (s / 3600.0).floor()),
        s if s >= 60.0 => format!("{:.0}m", (s / 60.0).floor()),
        s => format!("{:.0}s", s.max(0.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_tell_them_apart() {
        for (value, unit, shown) in [
            (0.0041, "ratio", "0.41%"),
            (0.9987, "ratio", "99.87%"),
            (0.999_87, "ratio", "99.987%"),
            (0.95, "ratio", "95.0%"),
            (1.0, "ratio", "100%"),
            (0.999_999_999_9, "ratio", "100.000000%"),
            (0.5, "ratio", "50.0%"),
            (0.0, "ratio", "0.00%"),
            (-0.002, "ratio", "-0.20%"),
            (212.4, "ms", "212 ms"),
            (0.004, "", "0.00400"),
            (1e-9, "", "1.00e-9"),
            (f64::NAN, "ratio", "NaN%"),
        ] {
            assert_eq!(figure(value, unit), shown, "{value}");
        }
    }

    #[test]
    fn numbers_and_spans_are_short() {
        for (many, shown) in [(9.0, "9"), (9999.0, "9999"), (18_400.0, "18k"), (2e7, "20M")] {
            assert_eq!(count(many), shown);
        }
        for (share, shown) in
            [(0.0005, "0.05"), (0.001, "0.1"), (0.05, "5"), (0.0, "0"), (1e-9, "1.00e-7"), (2.0, "200")]
        {
            assert_eq!(points(share), shown);
        }
        for (factor, shown) in [(1.05, "1.05x"), (1.1, "1.1x"), (2.0, "2.0x"), (9.96, "10.0x"), (41.6, "42x")] {
            assert_eq!(times(factor), shown);
        }
        for (seconds, shown) in [(-1.0, "0s"), (45.0, "45s"), (300.0, "5m"), (7199.0, "119m"), (7200.0, "2h")] {
            assert_eq!(span(seconds), shown);
        }
    }
}
