//! Missing values, outliers, percentiles, statistics and effect sizes: `TransformSuite.scala`,
//! `DetectorSuite.scala`, `StatisticSuite.scala`, `UtilsSuite.scala`.

use rolldeck::judge::kayenta::{
    clean::{Fences, NanStrategy, Outliers, Statistics, clean, percentile},
    effect::mean_ratio,
    label::{Direction, Label, MannWhitney, Rule, classify},
    rank::RankStatistic,
};

use super::{Samples, near};

const NAN: f64 = f64::NAN;

/// `TransformSuite.scala` "Remove Single NaN", "Remove Multiple NaN", "Replace NANs".
#[test]
fn missing_values_are_removed_or_become_zero() {
    for (given, nan, kept) in [
        (&[0.0, 1.0, NAN, 1.0, 0.0][..], NanStrategy::Remove, &[0.0, 1.0, 1.0, 0.0][..]),
        (&[NAN, NAN, NAN], NanStrategy::Remove, &[]),
        (&[NAN, 10.10, 20.20, 30.30, NAN, 40.40], NanStrategy::Replace, &[0.0, 10.10, 20.20, 30.30, 0.0, 40.40]),
    ] {
        assert_eq!(clean(given, nan, Outliers::Keep), kept);
    }
}

/// `DetectorSuite.scala` "IQR Detection", "IQR Detect Two Sided", "IQR Empty Data", "IQR NIST Test";
/// `TransformSuite.scala` "IQR Outlier Removal". All of them with a factor of 1.5, not widened.
#[test]
fn tukeys_fences_are_where_kayenta_has_them() {
    let samples = Samples::read();
    let nist = samples.get("nist.outlier");
    for (values, outliers) in [
        (&[21.0, 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0][..], &[50.0][..]),
        (&[1.0, 1.0, 1.0, 5.0, -1.0, -1.0, -1.0, -5.0], &[5.0, -5.0]),
        (&[], &[]),
        (nist, &[1441.0]),
    ] {
        let fences = Fences::tukey(values, 1.5);
        let out: Vec<f64> = values.iter().copied().filter(|value| fences.exclude(*value)).collect();
        assert_eq!(out, outliers);
    }
}

/// What the judge itself uses: fences widened to the first and 99th percentile, so that of few values
/// one a side goes at most.
#[test]
fn of_two_outliers_the_second_survives() {
    let mut values: Vec<f64> = (0..30).map(f64::from).collect();
    values.extend([1000.0, 1001.0, -1000.0, -1001.0]);
    let kept = clean(&values, NanStrategy::Remove, Outliers::Remove { factor: 3.0 });
    assert_eq!(kept.len(), values.len() - 2);
    assert!(kept.contains(&1000.0) && kept.contains(&-1000.0));
    assert!(!kept.contains(&1001.0) && !kept.contains(&-1001.0));
}

/// `StatisticSuite.scala` "Summary Statistics: Scalar", "List", "No Data".
#[test]
fn an_arm_in_five_numbers_is_kayentas() {
    let of_one = Statistics { min: 4.0, max: 4.0, mean: 4.0, std: 0.0, count: 1 };
    assert_eq!(Statistics::of(&[4.0]), of_one);
    assert_eq!(Statistics::of(&[]), Statistics { min: 0.0, max: 0.0, mean: 0.0, std: 0.0, count: 0 });
    let list = Statistics::of(&[1.0, 1.0, 1.0, 10.0, 10.0, 10.0]);
    assert_eq!((list.min, list.max, list.mean, list.count), (1.0, 10.0, 5.5, 6));
    near(list.std, 4.9295, 1e-4, "standard deviation");
}

/// `StatisticSuite.scala` "Basic Percentile", "Basic Percentile Estimate (Linear Interpolation)",
/// "Percentile (NIST Data)", "Percentile Metric Object", "Percentile Estimate (Linear Interpolation)".
#[test]
fn percentiles_are_interpolated_as_kayenta_does() {
    let samples = Samples::read();
    let halves: &[f64] = &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5];
    let ten: Vec<f64> = (0..10).map(f64::from).collect();
    for (values, percent, expected, tolerance) in [
        (halves, 5.0, 0.175, 1e-4),
        (halves, 50.0, 1.75, 1e-6),
        (halves, 100.0, 3.5, 1e-6),
        (&ten, 50.0, 4.5, 1e-6),
        (samples.get("nist.percentile"), 90.0, 95.195_68, 1e-6),
        (&[1.0], 100.0, 1.0, 1e-6),
        (samples.get("shares.percentile"), 25.0, 0.0, 1e-6),
        (samples.get("shares.percentile"), 75.0, 0.0416, 1e-4),
    ] {
        near(percentile(values, percent), expected, tolerance, "percentile");
    }
}

/// `StatisticSuite.scala` "Effect Size: Mean Ratio" (No Effect, Summary Stats, High, Low, Zero Mean).
#[test]
fn mean_ratios_are_kayentas() {
    for (experiment, control, ratio) in
        [(1.0, 1.0, Some(1.0)), (10.0, 1.0, Some(10.0)), (10.0, 100.0, Some(0.1)), (10.0, 0.0, None)]
    {
        assert_eq!(mean_ratio(&[experiment; 5], &[control; 5]), ratio);
    }
}

/// `StatisticSuite.scala` "CLES Effect Size": Identical, Different (No Overlap), High Metric, Low Metric.
#[test]
fn chances_of_superiority_are_kayentas() {
    let samples = Samples::read();
    let five: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0];
    for ((experiment, control), expected, tolerance) in [
        ((five, five), 0.5, 0.0),
        (samples.pair("apart"), 0.0, 0.0),
        (samples.pair("effect_high"), 0.771, 0.001),
        (samples.pair("effect_low"), 0.12, 0.0),
    ] {
        near(RankStatistic::new(experiment, control).superiority().unwrap(), expected, tolerance, "chance");
    }
}

/// `UtilsSuite.scala` and `TransformSuite.scala` "Add Gaussian Noise" hold mean and deviation of
/// random noise against 0.2. Ours is not random, and what it is for is what is looked at: two arms of
/// one value each are told apart, in both directions, and always in the same way.
#[test]
fn arms_of_one_value_each_are_compared_and_always_alike() {
    // A rise of negative values is a mean ratio below 1, which closes the gate for High.
    for (experiment, control, label) in [(10.0, 1.0, Label::High), (1.0, 10.0, Label::Low), (-1.0, -10.0, Label::Pass)]
    {
        for count in [3, 5, 60] {
            let rule = Rule { direction: Direction::Either, ..Rule::default() };
            let judge = || classify(&vec![experiment; count], &vec![control; count], &rule, MannWhitney::NETFLIX);
            assert_eq!(judge().label, label, "{experiment} against {control}, {count} points");
            assert_eq!(judge(), judge());
            near(judge().shift.unwrap().estimate, experiment - control, 1e-3, "shift");
        }
    }
}
