//! The vertical axis: round ends, so that it stays where it is while values move a little.

/// Larger values are drawn at the edge: sums of them must stay finite.
const HUGE: f64 = 1e150;

/// The values at the bottom and at the top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
}

impl Scale {
    /// Holds every value of `core`, and what of `bands` is no further away than `core` is high: the
    /// first band of a young comparison is as wide as the sky. None when there is no value.
    pub fn over(core: impl Iterator<Item = f64>, bands: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = ends(core)?;
        let reach = pad(low, high);
        let bands = bands.map(|edge| edge.clamp((low - reach).max(-HUGE), (high + reach).min(HUGE)));
        let (low, high) = ends(bands.chain([low, high]))?;
        let (low, high) = if high - low <= low.abs().max(high.abs()) * 1e-9 { around(low, high) } else { (low, high) };
        let step = round_up((high - low) / 8.0);
        // An end that lies on a step, but for its last bits, is one.
        let (down, up) = ((low / step + 1e-6).floor() * step, (high / step - 1e-6).ceil() * step);
        Some(Self { low: down.min(low), high: up.max(high) })
    }

    /// The row of a value in cells that hold so many rows of dots each, 0 at the top: everything that is
    /// drawn goes by it, so that a line and the level that it touches stand in one row.
    pub fn cell(&self, value: f64, cells: usize, down: usize) -> usize {
        self.row(value, cells * down) / down.max(1)
    }

    /// The dot row of a value, 0 at the top.
    pub fn row(&self, value: f64, rows: usize) -> usize {
        let share = (value.clamp(-HUGE, HUGE) - self.low) / (self.high - self.low);
        let share = if share.is_nan() { 0.5 } else { share.clamp(0.0, 1.0) };
        ((1.0 - share) * (rows.saturating_sub(1)) as f64).round() as usize
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values
        .filter(|v| !v.is_nan())
        .map(|v| v.clamp(-HUGE, HUGE))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    (low <= high).then_some((low, high))
}

/// How far a band may reach beyond the values.
fn pad(low: f64, high: f64) -> f64 {
    if high > low { high - low } else { around(low, high).1 - low }
}

/// Ends around a single value; one that is not below nothing is not shown as if it could be.
fn around(low: f64, high: f64) -> (f64, f64) {
    // A value so small that half of it is none still has a height.
    let pad = if high == 0.0 { 0.01 } else { (high.abs() * 0.5).max(f64::MIN_POSITIVE) };
    (if low >= 0.0 { (low - pad).max(0.0) } else { low - pad }, high + pad)
}

/// The next larger of 1, 2 and 5 times a power of ten.
fn round_up(step: f64) -> f64 {
    let step = step.max(1e-300);
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|round| *round >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(values: &[f64]) -> Scale {
        Scale::over(values.iter().copied(), std::iter::empty()).unwrap()
    }

    #[test]
    fn the_ends_are_round_and_stay_while_values_move_a_little() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let scale = over(&[0.0, 0.0012, 0.0029]);
        assert!(near(scale.low, 0.0) && near(scale.high, 0.003), "{scale:?}");
        assert_eq!(over(&[0.0, 0.0012, 0.002_61]), scale);
        let scale = over(&[205.3, 211.7]);
        assert!(near(scale.low, 205.0) && near(scale.high, 212.0), "{scale:?}");
    }

    #[test]
    fn a_line_that_never_goes_below_nothing_is_not_shown_as_if_it_could() {
        for values in [&[0.0][..], &[0.02, 0.4, f64::NAN], &[62.0, 62.0], &[1e-9]] {
            let scale = over(values);
            assert!(scale.low >= 0.0 && scale.high > scale.low, "{values:?} {scale:?}");
        }
        assert!(Scale::over([f64::NAN].into_iter(), std::iter::empty()).is_none());
    }

    #[test]
    fn a_band_as_wide_as_the_sky_does_not_flatten_the_line() {
        let scale = Scale::over([0.0, 0.002].into_iter(), [-1.0, 1.0].into_iter()).unwrap();
        assert!(scale.low >= -0.0041 && scale.high <= 0.0061, "{scale:?}");
    }

    proptest::proptest! {
        #[test]
        fn every_number_has_a_row(
            values in proptest::collection::vec(proptest::num::f64::ANY, 1..20),
            bands in proptest::collection::vec(proptest::num::f64::ANY, 0..20),
            rows in 1_usize..40,
        ) {
            if let Some(scale) = Scale::over(values.iter().copied(), bands.iter().copied()) {
                proptest::prop_assert!(scale.low.is_finite() && scale.high.is_finite() && scale.low < scale.high, "{:?}", scale);
                for value in values.iter().chain(&bands) {
                    proptest::prop_assert!(scale.row(*value, rows) < rows);
                }
            }
        }
    }
}
