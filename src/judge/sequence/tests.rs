//! The reference tables, and what must hold of any interval.

use proptest::prelude::*;

use super::*;

fn stratum(canary: (f64, f64), baseline: (f64, f64)) -> Stratum {
    Stratum { canary: Arm::new(canary.0, canary.1), baseline: Arm::new(baseline.0, baseline.1) }
}

fn difference(canary: (f64, f64), baseline: (f64, f64)) -> Difference {
    Difference::of_shares(&[stratum(canary, baseline)]).unwrap()
}

fn near(found: f64, expected: f64, relative: f64) -> bool {
    (found - expected).abs() <= relative * expected.abs()
}

/// From the method's reference table (alpha 0.01, one-sided), computed there with numpy.
#[test]
fn reference_values_are_met() {
    for (baseline, canary, d, error, half, lower) in [
        ((100.0, 100_000.0), (20.0, 10_000.0), 0.001, 0.000_457_81, 0.001_590_545_3, -0.000_590_545_3),
        ((950.0, 950_000.0), (150.0, 50_000.0), 0.002, 0.000_246_721_7, 0.000_925_475_0, 0.001_074_525_0),
        ((10.0, 9500.0), (5.0, 500.0), 0.008_947_368_4, 0.004_462_139_3, 0.015_170_184_3, -0.006_222_815_9),
        ((300.0, 10_000.0), (360.0, 10_000.0), 0.006, 0.002_525_945_4, 0.008_475_048_3, -0.002_475_048_3),
    ] {
        let found = difference(canary, baseline);
        let width = found.half_width(0.01, Sides::One).unwrap();
        assert!(near(found.difference, d, 1e-8), "{found:?}");
        assert!(near(found.variance.sqrt(), error, 1e-6), "{found:?}");
        assert!(near(width, half, 1e-7), "{width}");
        assert!(near(found.difference - width, lower, 1e-7), "{}", found.difference - width);
        assert_eq!(Edge::new(0.01).half_width(&found), Some(width));
        let mut sums = Sums::default();
        sums.add(Counts { bad: canary.0, total: canary.1 }, Counts { bad: baseline.0, total: baseline.1 });
        let summed = sums.difference(1.0, 1.0).unwrap();
        assert!(near(summed.variance, found.variance, 1e-12) && summed.difference == found.difference);
    }
}

/// From the same reference: at alpha 0.01, one-sided, the edge is so many standard errors away.
#[test]
fn edges_are_as_far_as_the_reference_says() {
    for (events, errors) in [(20_000.0, 3.36), (100_000.0, 3.46), (1_000_000.0, 3.75)] {
        let found = Difference { difference: 0.0, variance: 1.0, events };
        let half = found.half_width(0.01, Sides::One).unwrap();
        assert!((half - errors).abs() < 0.005, "{events}: {half}");
    }
    // What the tuning costs beside the best for each number, of the variance known at that number.
    let width = |events: f64, tuned_for: f64| {
        // Only their quotient matters to the width.
        let found = Difference { difference: 0.0, variance: 1.0, events: events * TIGHTEST_AT / tuned_for };
        found.half_width(0.01, Sides::One).unwrap()
    };
    for (events, cost) in [(5_000.0, 1.06), (100_000.0, 1.03), (1_000_000.0, 1.12), (10_000_000.0, 1.20)] {
        let found = width(events, TIGHTEST_AT) / width(events, events);
        assert!((found - cost).abs() < 0.011, "{events}: {found}");
    }
}

/// The base rate goes from 1 to 5 per cent while the canary's weight goes from 1 to 10 per cent, with
/// equal versions. The weights are those of Mantel and Haenszel's risk difference.
#[test]
fn equal_versions_on_a_ramp_do_not_differ() {
    let steps = [stratum((1.0, 100.0), (99.0, 9900.0)), stratum((50.0, 1000.0), (450.0, 9000.0))];
    let found = Difference::of_shares(&steps).unwrap();
    assert!(found.difference.abs() < 1e-15, "{found:?}");
    let pooled = difference((51.0, 1100.0), (549.0, 18_900.0));
    assert!((pooled.difference - 0.0173).abs() < 5e-5, "{pooled:?}");
    assert!(found.half_width(0.01, Sides::Two).unwrap() > 0.01);
}

/// A worked example of two strata with unlike differences, by hand: `w = (99, 900)`.
#[test]
fn strata_weigh_as_mantel_and_haenszel_weigh_them() {
    let found = Difference::of_shares(&[
        stratum((3.0, 100.0), (99.0, 9900.0)),
        stratum((60.0, 1000.0), (450.0, 9000.0)),
        stratum((7.0, 10.0), (0.0, 0.0)),
    ])
    .unwrap();
    let expected = (99.0 * 0.02 + 900.0 * 0.01) / 999.0;
    assert!(near(found.difference, expected, 1e-12), "{found:?}");
    let variance = (99.0 * 99.0 * (0.03 * 0.97 / 100.0 + 0.01 * 0.99 / 9900.0)
        + 900.0 * 900.0 * (0.06 * 0.94 / 1000.0 + 0.05 * 0.95 / 9000.0))
        / (999.0 * 999.0);
    assert!(near(found.variance, variance, 1e-12), "{found:?}");
    assert!(near(found.events, 20_000.0, 1e-12), "a stratum without baseline counts for neither");
}

#[test]
fn scatter_between_ten_strata_widens_the_interval() {
    let even: Vec<Stratum> = (0..10).map(|_| stratum((10.0, 1000.0), (90.0, 9000.0))).collect();
    let bursty: Vec<Stratum> =
        (0..10).map(|n| stratum((if n == 3 { 100.0 } else { 0.0 }, 1000.0), (90.0, 9000.0))).collect();
    let (calm, wild) = (Difference::of_shares(&even).unwrap(), Difference::of_shares(&bursty).unwrap());
    assert!(near(calm.difference, wild.difference, 1e-9) || calm.difference.abs() < 1e-15);
    // Nine deviations of -0.01 and one of 0.09, over ten strata of one weight.
    assert!(near(wild.variance, (9.0 * 1e-4 + 81e-4) / 100.0, 1e-9), "{wild:?}");
    assert!(wild.variance > 5.0 * calm.variance);
    let nine = Difference::of_shares(&bursty[..9]).unwrap();
    assert!(nine.variance < wild.variance / 5.0, "nine strata are not believed");
}

#[test]
fn nothing_is_divided_by_zero() {
    assert_eq!(Difference::of_shares(&[]), None);
    assert_eq!(Difference::of_shares(&[stratum((0.0, 0.0), (3.0, 10.0))]), None);
    assert_eq!(Sums::default().difference(1.0, 1.0), None);
    for both in [(0.0, 100.0), (100.0, 100.0)] {
        let certain = difference(both, both);
        assert_eq!(certain.variance, 0.0);
        assert_eq!(certain.half_width(0.01, Sides::One), None);
        assert_eq!((certain.e_value(0.01), certain.p_value(0.01)), (None, None));
        assert!(!Edge::new(0.01).is_above(&certain, -1.0), "nothing is proven without variance");
    }
    let known = difference((5.0, 100.0), (5.0, 100.0));
    for alpha in [0.0, 0.5, 1.0, -0.1, f64::NAN] {
        assert_eq!(known.half_width(alpha, Sides::One), None, "{alpha}");
    }
    let broken = Difference { difference: f64::NAN, variance: f64::NAN, events: f64::NAN };
    assert_eq!(broken.half_width(0.01, Sides::Two), None);
}

#[test]
fn means_are_judged_by_their_sample_variances() {
    let canary = Mean { mean: 12.0, variance: 25.0, total: 400.0, design_effect: 1.0 };
    let baseline = Mean { mean: 10.0, variance: 16.0, total: 1600.0, design_effect: 2.0 };
    let found = Difference::of_means(canary, baseline).unwrap();
    assert_eq!(found, Difference { difference: 2.0, variance: 25.0 / 400.0 + 2.0 * 16.0 / 1600.0, events: 2000.0 });
    let relative = Difference::relative(canary, baseline).unwrap();
    assert!(near(relative.difference, 0.2, 1e-12));
    let expected = (25.0 / 400.0) / 100.0 + (2.0 * 16.0 / 1600.0) * 144.0 / 10_000.0;
    assert!(near(relative.variance, expected, 1e-12), "{relative:?}");

    let near_zero = Mean { mean: 0.42, ..baseline };
    assert!(Difference::relative(canary, near_zero).is_err(), "2.97 standard errors from zero");
    assert!(Difference::relative(canary, Mean { mean: 0.43, ..baseline }).is_ok());
    for mean in [0.0, f64::NAN] {
        assert!(Difference::relative(canary, Mean { mean, variance: 0.0, ..baseline }).is_err());
    }
    assert_eq!(Difference::of_means(Mean { total: 0.0, ..canary }, baseline), None);
}

fn arm() -> impl Strategy<Value = (f64, f64)> {
    arm_of(20)
}

fn arm_of(least: u32) -> impl Strategy<Value = (f64, f64)> {
    (least..100_000_u32, 0.001..0.999_f64).prop_map(|(total, share)| {
        let total = f64::from(total);
        ((total * share).ceil().min(total - 1.0), total)
    })
}

proptest! {
    #[test]
    fn swapping_the_arms_turns_the_sign(canary in arm(), baseline in arm()) {
        let (one, other) = (difference(canary, baseline), difference(baseline, canary));
        prop_assert!((one.difference + other.difference).abs() < 1e-15);
        prop_assert!(near(one.variance, other.variance, 1e-12));
        prop_assert!(near(one.e_value(0.05).unwrap(), other.e_value(0.05).unwrap(), 1e-9));
    }

    #[test]
    // The mixture is tuned to alpha, which outweighs alpha itself where there is a handful of events.
    fn less_certainty_and_more_events_are_narrower(canary in arm_of(5_000), baseline in arm_of(5_000), alpha in 0.001..0.1_f64, more in 1.1..50.0_f64) {
        let found = difference(canary, baseline);
        for sides in [Sides::One, Sides::Two] {
            let width = found.half_width(alpha, sides).unwrap();
            prop_assert!(found.half_width(alpha * 0.7, sides).unwrap() > width);
            let longer = difference((canary.0 * more, canary.1 * more), (baseline.0 * more, baseline.1 * more));
            prop_assert!(longer.half_width(alpha, sides).unwrap() < width);
        }
        prop_assert!(found.half_width(alpha, Sides::One).unwrap() < found.half_width(alpha, Sides::Two).unwrap());
    }

    #[test]
    fn evidence_and_interval_say_the_same(canary in arm(), baseline in arm(), alpha in 0.001..0.2_f64) {
        let found = difference(canary, baseline);
        let width = found.half_width(alpha, Sides::Two).unwrap();
        let at_edge = Difference { difference: width, ..found };
        prop_assert!(near(at_edge.e_value(alpha).unwrap(), 1.0 / alpha, 1e-6));
        prop_assert!(near(at_edge.p_value(alpha).unwrap(), alpha, 1e-6));
    }

    #[test]
    fn an_edge_is_the_half_width_and_nothing_closer(canary in arm(), baseline in arm(), alpha in 0.0001..0.2_f64, margin in 0.0..0.1_f64) {
        let found = difference(canary, baseline);
        let beyond = found.difference - found.half_width(alpha, Sides::One).unwrap() > margin;
        prop_assert_eq!(Edge::new(alpha).is_above(&found, margin), beyond);
    }

    #[test]
    fn sums_since_a_start_are_those_of_its_slices(arms in prop::collection::vec((arm(), arm()), 1..40), cut in 0..40_usize) {
        let cut = cut.min(arms.len() - 1);
        let counts = |(bad, total): (f64, f64)| Counts { bad, total };
        let (mut all, mut before, mut after) = (Sums::default(), Sums::default(), Sums::default());
        for (n, (canary, baseline)) in arms.iter().enumerate() {
            all.add(counts(*canary), counts(*baseline));
            if n < cut { &mut before } else { &mut after }.add(counts(*canary), counts(*baseline));
        }
        let (since, alone) = (all.since(&before).difference(2.0, 3.0).unwrap(), after.difference(2.0, 3.0).unwrap());
        prop_assert!((since.difference - alone.difference).abs() < 1e-9);
        prop_assert!(near(since.variance, alone.variance, 1e-6), "{since:?} {alone:?}");
        prop_assert!(near(since.events, alone.events, 1e-9));
    }

    /// Within a step, a variance from the whole step's share is never smaller on average: here for slices of one size.
    #[test]
    fn one_share_for_a_step_errs_towards_wide(shares in prop::collection::vec((0.01..0.99_f64, 0.01..0.99_f64), 2..9)) {
        let slices: Vec<Stratum> = shares.iter().map(|(c, b)| stratum((c * 100.0, 100.0), (b * 900.0, 900.0))).collect();
        let mut sums = Sums::default();
        for Stratum { canary, baseline } in &slices {
            sums.add(Counts { bad: canary.bad, total: canary.total }, Counts { bad: baseline.bad, total: baseline.total });
        }
        let (summed, strata) = (sums.difference(1.0, 1.0).unwrap(), Difference::of_shares(&slices).unwrap());
        prop_assert!((summed.difference - strata.difference).abs() < 1e-12);
        prop_assert!(summed.variance >= strata.variance * (1.0 - 1e-9));
    }
}
