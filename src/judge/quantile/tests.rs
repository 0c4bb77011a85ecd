#![expect(clippy::float_cmp, reason = "bounds and whole counts are compared as they were given")]

use proptest::prelude::*;

use super::*;

/// As `v_opt` 100 is for a share of 0.8, with the range 0.2 down and 0.8 up.
fn published(sides: Sides) -> Mixture {
    Mixture::new(0.8, 100.0, sides)
}

/// The sum `s` at the intrinsic time `v`, as the mixture's authors count.
fn hits_and_misses(s: f64, v: f64) -> (f64, f64) {
    ((v - 0.2 * s) / 0.2, (v + 0.8 * s) / 0.8)
}

fn near(found: f64, expected: f64, tolerance: f64, of: &str) {
    assert!((found - expected).abs() <= tolerance, "{of}: {found} instead of {expected}");
}

// gostevehoward/confseq, test/uniform_boundaries_unittest.cpp, tolerance 1e-5: both beta-binomial
// mixtures with v_opt 100, alpha_opt 0.05, g 0.2, h 0.8.
#[test]
fn the_mixture_is_that_of_its_authors() {
    for (sides, ln, bound) in [(Sides::Two, -0.694_101_2, 31.4308), (Sides::One, -0.071_340_19, 28.412_38)] {
        let mixture = published(sides);
        let (hits, misses) = hits_and_misses(10.0, 100.0);
        near(mixture.ln(hits, misses), ln, 1e-5, "log mixture");
        near(mixture.bound(100.0 / 0.16, 0.05), bound, 1e-5, "bound");
    }
    near(published(Sides::One).bound(2.0, 0.05), 1.6, 1e-5, "a bound that nothing can reach");
}

// The same file, QuantileABTest: 1..=1000 against the same moved, t_opt 100.
#[test]
fn the_p_value_of_two_arms_is_that_of_its_authors() {
    for (q, offset, expected) in
        [(0.5, 70, 0.814_704), (0.5, 85, 0.083_805_5), (0.5, 100, 0.005_494_7), (0.9, 55, 0.034_046_3)]
    {
        let bounds: Vec<f64> = (1..=1000 + offset).map(f64::from).collect();
        let counts = |from: i32| -> Vec<f64> {
            (1..=1001 + offset).map(|at| f64::from(u8::from(at > from && at <= from + 1000))).collect()
        };
        let (a, b) = (Arm::new(&bounds, &counts(0), 1.0), Arm::new(&bounds, &counts(offset), 1.0));
        let test = Quantile::tightest_at(q, 100.0);
        near(test.p_value(&a, &b), expected, 1e-5, "p");
        near(test.p_value(&b, &a), expected, 1e-5, "p, swapped");
    }
}

// The same file, EmpiricalProcessLILTest.
#[test]
fn the_margin_of_the_whole_distribution_is_that_of_its_authors() {
    near(shape_margin(1000.0, 100.0, ShapeLevel::FiveInHundred), 0.082_047_69, 1e-5, "1000 from 100");
    assert!(shape_margin(1000.0, 100.0, ShapeLevel::OneInForty) > 0.0820);
    for few in [0.0, 99.0, f64::NAN] {
        assert_eq!(shape_margin(few, 100.0, ShapeLevel::FiveInHundred), f64::INFINITY);
    }
    assert!(shape_margin(70_000.0, 100.0, ShapeLevel::FiveInHundred) > 0.01, "no use for p99 yet");
    assert!(shape_margin(76_000.0, 100.0, ShapeLevel::FiveInHundred) < 0.01);
}

// The method's reference table, to the printed digits.
#[test]
fn margins_are_those_of_the_reference() {
    for (q, observations, alpha, below, above) in [
        (0.95, 1000.0, 0.005, 0.02667, 0.02277),
        (0.95, 1000.0, 0.025, 0.02232, 0.01947),
        (0.95, 20_000.0, 0.005, 0.00589, 0.00571),
        (0.95, 20_000.0, 0.025, 0.00516, 0.00503),
        (0.99, 1000.0, 0.005, 0.01328, 0.00894),
        (0.99, 1000.0, 0.025, 0.01101, 0.00785),
        (0.99, 20_000.0, 0.005, 0.00275, 0.00255),
        (0.99, 20_000.0, 0.025, 0.00240, 0.00226),
    ] {
        let test = Quantile::new(q).unwrap();
        near(test.margin_below(observations, alpha), below, 5e-6, "below");
        near(test.margin_above(observations, alpha), above, 5e-6, "above");
    }
}

#[test]
fn the_fewest_observations_with_an_upper_end_are_those_of_the_reference() {
    for (q, strict, loose) in [(0.5, 44, 35), (0.9, 147, 114), (0.95, 234, 179), (0.99, 753, 555)] {
        let test = Quantile::new(q).unwrap();
        assert_eq!((test.fewest(0.005), test.fewest(0.025)), (strict, loose), "{q}");
        for (observations, known) in [(strict - 1, false), (strict, true)] {
            let counts = [observations as f64, 0.0];
            let high = test.high(&Arm::new(&[1.0], &counts, 1.0), 0.005);
            assert_eq!(high.is_finite(), known, "{q} of {observations}");
        }
    }
}

#[test]
fn floors_are_those_of_the_reference_and_rise_towards_the_tail() {
    for (q, fewest) in [(0.5, 100.0), (0.95, 250.0), (0.99, 1000.0), (0.999, 10_000.0), (0.05, 250.0)] {
        assert_eq!(floor(q), fewest, "{q}");
    }
    let mut before = 0.0;
    for step in 0..500 {
        let at = floor(0.5 + f64::from(step) * 0.000_999);
        assert!(at >= before, "{step}");
        before = at;
    }
    for q in [0.5, 0.9, 0.95, 0.99, 0.995, 0.999] {
        assert!(floor(q) > Quantile::new(q).unwrap().fewest(0.005) as f64, "{q} has a floor with an upper end");
    }
}

#[test]
fn what_is_no_quantile_is_refused() {
    for q in [0.0, 1.0, -0.1, 95.0, f64::NAN, f64::INFINITY] {
        let refused = Quantile::new(q).unwrap_err().to_string();
        assert!(refused.contains("is no quantile"), "{refused}");
    }
    for (q, name) in [(0.95, "p95"), (0.99, "p99"), (0.999, "p99.9"), (0.5, "p50"), (0.07, "p7")] {
        assert_eq!(Quantile::new(q).unwrap().name(), name);
    }
}

#[test]
fn a_band_has_the_ends_that_the_margins_say() {
    let bounds: Vec<f64> = (1..=100).map(f64::from).collect();
    let counts = vec![200.0; 101];
    for q in [0.5, 0.9, 0.95, 0.99] {
        let test = Quantile::new(q).unwrap();
        for (effect, alpha) in [(1.0, 0.005), (1.0, 0.025), (7.0, 0.005)] {
            let arm = Arm::new(&bounds, &counts, effect);
            let share = |bound: usize| arm.below[bound] / arm.total;
            let (down, up) = (test.margin_below(arm.effective(), alpha), test.margin_above(arm.effective(), alpha));
            let low = (0..100).rev().find(|bound| q - share(*bound) > down).map_or(0.0, |bound| bounds[bound]);
            let high = (0..100).find(|bound| share(*bound) - q >= up).map_or(f64::INFINITY, |bound| bounds[bound]);
            assert_eq!(test.band(&arm, alpha), Band { low, high }, "{q} {effect} {alpha}");
        }
    }
}

#[test]
fn a_band_without_evidence_is_everything() {
    let test = Quantile::new(0.95).unwrap();
    let everything = Band { low: 0.0, high: f64::INFINITY };
    for counts in
        [vec![], vec![0.0; 4], vec![1.0, 0.0, 0.0, 0.0], vec![f64::NAN; 4], vec![0.0, 0.0, 0.0, f64::INFINITY]]
    {
        let arm = Arm::new(&[0.1, 0.2, 0.3], &counts, 1.0);
        let band = test.band(&arm, 0.005);
        assert!(band == everything || counts.contains(&f64::INFINITY), "{counts:?}: {band:?}");
    }
    let arm = Arm::new(&[-1.0, 1.0], &[0.0, 1.0, 0.0], 1.0);
    assert_eq!(test.band(&arm, 0.005), Band { low: f64::NEG_INFINITY, high: f64::INFINITY });
    assert_eq!(test.band(&Arm::new(&[], &[900.0], 1.0), 0.005), everything);
}

#[test]
fn a_quantile_beyond_the_last_bound_has_no_upper_end() {
    let test = Quantile::new(0.95).unwrap();
    let arm = Arm::new(&[0.1, 0.2], &[1000.0, 1000.0, 8000.0], 1.0);
    assert_eq!(test.band(&arm, 0.005), Band { low: 0.2, high: f64::INFINITY });
}

#[test]
fn billions_of_observations_still_have_a_band() {
    let test = Quantile::new(0.99).unwrap();
    let bounds: Vec<f64> = (1..=199).map(|i| f64::from(i) / 100.0).collect();
    let mut width = f64::INFINITY;
    for each in [1e2, 1e4, 1e6, 1e8] {
        let arm = Arm::new(&bounds, &[each; 200], 1.0);
        let band = test.band(&arm, 0.005);
        assert!(band.low < 1.98 && band.high >= 1.98 && band.high - band.low <= width, "{each}: {band:?}");
        width = band.high - band.low;
        // As of the normal mixture that it comes near: from 3 to 7 standard errors, slowly growing.
        let errors = test.margin_below(each * 200.0, 0.005) / (0.99 * 0.01 / (each * 200.0)).sqrt();
        assert!((3.0..8.0).contains(&errors), "{each}: {errors}");
    }
    assert!(width <= 0.021, "{width}");
}

#[test]
fn coarse_buckets_around_the_value_are_seen() {
    let test = Quantile::new(0.95).unwrap();
    let counts = [0.0, 900.0, 100.0, 0.0];
    assert_eq!(test.coarse(&Arm::new(&[0.1, 0.25, 0.5], &counts, 1.0)), Some((0.25, 0.5)));
    assert_eq!(test.coarse(&Arm::new(&[0.1, 0.25, 0.28], &counts, 1.0)), None);
    assert_eq!(test.coarse(&Arm::new(&[0.1, 0.2, 0.25], &[0.0, 0.0, 0.0, 9.0], 1.0)), None, "clipped");
    assert_eq!(test.coarse(&Arm::new(&[0.1], &[0.0, 0.0], 1.0)), None);
    assert_eq!(test.coarse(&Arm::new(&[0.1], &[5.0, 0.0], 1.0)), Some((0.0, 0.1)));
}

#[test]
fn a_shift_of_the_whole_distribution_is_seen_and_none_is_not() {
    let bounds = [1.0, 2.0, 3.0];
    let arm = |counts: [f64; 4]| Arm::new(&bounds, &counts, 1.0);
    let (early, late) = (arm([4e3, 3e3, 2e3, 1e3]), arm([2e3, 3e3, 3e3, 2e3]));
    near(shifted(&late, &early).unwrap(), 0.2, 1e-12, "gap");
    assert_eq!(shifted(&early, &early), None);
    assert_eq!(shifted(&arm([9.0, 0.0, 0.0, 0.0]), &arm([0.0, 0.0, 0.0, 9.0])), None, "too few");
    assert_eq!(shifted(&arm([0.0; 4]), &early), None);
}

fn any_counts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0u32..4000).prop_map(f64::from), 13)
}

const BOUNDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

proptest! {
    #[test]
    fn a_band_holds_its_estimate_and_narrows_as_errors_are_allowed(
        counts in any_counts(), q in 0.02..0.98f64, effect in 1.0..30.0f64,
    ) {
        let test = Quantile::new(q).unwrap();
        let arm = Arm::new(&BOUNDS, &counts, effect);
        let (strict, loose) = (test.band(&arm, 0.005), test.band(&arm, 0.025));
        prop_assert!(strict.low <= loose.low && loose.high <= strict.high);
        prop_assert!(loose.low < loose.high);
        if let Some(found) = arm.estimate(q) {
            prop_assert!(strict.low <= found.value && found.value <= strict.high, "{:?} {:?}", strict, found);
        }
        let wider = test.band(&Arm::new(&BOUNDS, &counts, effect * 2.0), 0.005);
        prop_assert!(wider.low <= strict.low && strict.high <= wider.high, "bursts make it wider");
    }

    #[test]
    fn evidence_stays_at_or_below_one_on_average(q in 0.05..0.95f64, trials in 1u32..60) {
        // Exactly what makes it valid: the mean over all outcomes, if the share is what it is said to be.
        for sides in [Sides::One, Sides::Two] {
            let mixture = Mixture::new(q, 1000.0 * q * (1.0 - q), sides);
            let mut ln_choose = 0.0;
            let mut mean = 0.0;
            for hits in 0..=trials {
                let (hits, misses) = (f64::from(hits), f64::from(trials - hits));
                mean += (ln_choose + hits * q.ln() + misses * (1.0 - q).ln() + mixture.ln(hits, misses)).exp();
                ln_choose += misses.ln() - (hits + 1.0).ln();
            }
            prop_assert!((mean - 1.0).abs() < 1e-6, "{:?}: {}", sides, mean);
        }
    }

    #[test]
    fn what_is_quick_to_decide_is_decided_as_all_of_it_would(
        q in 0.02..0.99f64, trials in 1.0..1e6f64, part in 0.0..1.0f64, alpha in 0.0001..0.05f64,
    ) {
        for sides in [Sides::One, Sides::Two] {
            let mixture = Mixture::new(q, 1000.0 * q * (1.0 - q), sides);
            // Where it is close, at the bound, as well as anywhere.
            let close = trials * q - mixture.bound(trials, alpha);
            for hits in [trials * q * part, close, close * (1.0 - 1e-9), close * (1.0 + 1e-9)] {
                let all = mixture.ln(hits, trials - hits);
                if (all + alpha.ln()).abs() > 1e-7 {
                    prop_assert_eq!(mixture.proves(hits, trials - hits, alpha), all >= -alpha.ln(), "{} {}", hits, all);
                }
            }
        }
    }

    #[test]
    fn the_same_arm_twice_is_no_evidence(counts in any_counts(), q in 0.05..0.95f64) {
        let arm = Arm::new(&BOUNDS, &counts, 1.0);
        let test = Quantile::new(q).unwrap();
        prop_assert!(test.p_value(&arm, &arm) >= 0.999);
    }
}
