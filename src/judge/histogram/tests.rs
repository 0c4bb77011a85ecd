#![expect(clippy::float_cmp, reason = "bounds and whole counts are compared as they were given")]

mod classic;
mod merge;
mod native;

/// Equal, or both NaN, or near: Prometheus' own test runner allows a relative 1e-6.
fn near(found: f64, expected: f64, of: &str) {
    let same = found == expected
        || (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3);
    assert!(same, "{of}: {found} instead of {expected}");
}
