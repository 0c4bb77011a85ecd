use proptest::prelude::*;

use super::{label::normal_sample, rank::RankStatistic, *};

/// Any number that a source could hand over, bad ones too, and often the same ones.
fn any_values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => (-3_i32..4).prop_map(f64::from),
        4 => -1e3..1e3,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(f64::MAX)],
        1 => any::<f64>(),
    ];
    proptest::collection::vec(value, 0..40)
}

/// The statistic by its definition: rank all values anew, ties sharing the mean of their ranks.
fn by_definition(x: &[f64], y: &[f64], shift: f64) -> Option<f64> {
    let all: Vec<f64> = x.iter().map(|x| x - shift).chain(y.iter().copied()).collect();
    let rank = |value: f64| {
        let below = all.iter().filter(|other| **other < value).count() as f64;
        let same = all.iter().filter(|other| other.partial_cmp(&&value).is_some_and(core::cmp::Ordering::is_eq)).count()
            as f64;
        (below + f64::midpoint(1.0, same), same)
    };
    let (m, n) = (x.len() as f64, y.len() as f64);
    let sum: f64 = all[..x.len()].iter().map(|value| rank(*value).0).sum();
    // Each of t tied values adds t^2 - 1, which is t^3 - t in all.
    let ties: f64 = all.iter().map(|value| rank(*value).1.powi(2) - 1.0).sum();
    let dz = sum - m * (m + 1.0) / 2.0 - m * n / 2.0;
    let sigma = (m * n / 12.0 * ((m + n + 1.0) - ties / ((m + n) * (m + n - 1.0)))).sqrt();
    let sign = if dz > 0.0 {
        0.5
    } else if dz < 0.0 {
        -0.5
    } else {
        0.0
    };
    (sigma > 0.0).then(|| (dz - sign) / sigma)
}

proptest! {
    #[test]
    fn merging_two_sorted_samples_ranks_them_as_the_definition_does(
        x in proptest::collection::vec((-20_i32..20).prop_map(|v| f64::from(v) / 4.0), 1..30),
        y in proptest::collection::vec((-20_i32..20).prop_map(|v| f64::from(v) / 4.0), 1..30),
        shift in (-40_i32..40).prop_map(|v| f64::from(v) / 8.0),
    ) {
        prop_assert_eq!(RankStatistic::new(&x, &y).standardised(shift, 0.0).ok(), by_definition(&x, &y, shift));
    }

    #[test]
    fn whatever_numbers_come_there_is_a_judgement_that_can_be_written(
        experiment in any_values(),
        control in any_values(),
        replace in any::<bool>(),
        remove in any::<bool>(),
        cles in any::<bool>(),
    ) {
        let metric = Metric {
            groups: vec!["group".into()],
            nan: if replace { NanStrategy::Replace } else { NanStrategy::Remove },
            outliers: if remove { Outliers::Remove { factor: 3.0 } } else { Outliers::Keep },
            effect: Effect { measure: if cles { effect::Measure::Cles } else { effect::Measure::MeanRatio }, ..Effect::default() },
            experiment,
            control,
            ..Metric::default()
        };
        let analysis =
            Analysis { thresholds: Thresholds { pass: 95.0, marginal: 75.0 }, groups: BTreeMap::new(), metrics: vec![metric] };
        let judgement = judge(&analysis).unwrap();
        prop_assert!((0.0..=100.0).contains(&judgement.score.score));
        prop_assert!(serde_json::to_string(&judgement).is_ok());
    }
}

/// The bounds of Kayenta's `UtilsSuite.scala` and `TransformSuite.scala` for its random noise.
#[test]
fn the_noise_that_is_always_the_same_is_spread_like_noise() {
    for (mean, std, count) in [(0.0, 1.0, 500), (10.0, 3.0, 1000), (1.0, 1.0, 5)] {
        let values: Vec<f64> = normal_sample(count).map(|normal| mean + std * normal).collect();
        let statistics = Statistics::of(&values);
        assert_eq!(statistics.count, count);
        assert!((statistics.mean - mean).abs() < 0.2 && (statistics.std - std).abs() < 0.2, "{statistics:?}");
    }
    assert_eq!(normal_sample(1).collect::<Vec<_>>(), [0.0]);
}
