//! Numbers from prometheus/prometheus: `promql/promqltest/testdata/histograms.test` (the series as
//! they are at 50m, when each bucket has counted ten times its step) and `promql/quantile_test.go`.

use super::{
    super::{classic::*, *},
    near,
};

const INF: f64 = f64::INFINITY;

fn buckets(of: &[(f64, f64)]) -> Vec<Bucket> {
    of.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect()
}

fn positive() -> Vec<Bucket> {
    buckets(&[(0.1, 50.0), (0.2, 70.0), (1.0, 110.0), (INF, 120.0)])
}

fn negative() -> Vec<Bucket> {
    buckets(&[(-0.2, 10.0), (-0.1, 20.0), (0.3, 20.0), (INF, 30.0)])
}

/// "testhistogram3", with nothing beyond the last bound.
fn positive_within() -> Vec<Bucket> {
    buckets(&[(0.0, 0.0), (0.1, 50.0), (0.2, 70.0), (1.0, 110.0), (INF, 110.0)])
}

fn negative_within() -> Vec<Bucket> {
    buckets(&[(-0.25, 0.0), (-0.2, 10.0), (-0.1, 20.0), (0.3, 20.0), (INF, 20.0)])
}

fn in_the_middle() -> Vec<Bucket> {
    buckets(&[(0.0, 0.0), (2.0, 10.0), (4.0, 20.0), (6.0, 30.0), (INF, 30.0)])
}

#[test]
fn quantiles_are_those_of_prometheus() {
    for (q, on_positive, on_negative) in [
        (-0.1, -INF, -INF),
        (1.01, INF, INF),
        (f64::NAN, f64::NAN, f64::NAN),
        (0.0, 0.0, -0.2),
        (1.0, 1.0, 0.3),
        (0.2, 0.048, -0.2),
        (0.5, 0.15, -0.15),
        (0.8, 0.72, 0.3),
    ] {
        near(quantile(q, &positive()).value, on_positive, &format!("positive {q}"));
        near(quantile(q, &negative()).value, on_negative, &format!("negative {q}"));
    }
    for (q, on_positive, on_negative) in
        [(0.0, 0.0, -0.25), (0.25, 0.055, -0.225), (0.5, 0.125, -0.2), (0.75, 0.45, -0.15), (1.0, 1.0, -0.1)]
    {
        near(quantile(q, &positive_within()).value, on_positive, &format!("positive within {q}"));
        near(quantile(q, &negative_within()).value, on_negative, &format!("negative within {q}"));
    }
    for (q, expected) in [(1.0 / 6.0, 1.0), (0.5, 3.0), (5.0 / 6.0, 5.0)] {
        near(quantile(q, &in_the_middle()).value, expected, &format!("middle {q}"));
    }
}

// "Aggregated histogram": by job and instance, and summed by `le`.
#[test]
fn quantiles_of_summed_buckets_are_those_of_prometheus() {
    let series = [[1.0, 3.0, 4.0], [2.0, 5.0, 6.0], [3.0, 4.0, 6.0], [4.0, 7.0, 9.0]];
    for (summed, at_30, at_50) in [
        (&[0][..], 0.11, 0.15),
        (&[1], 0.09, 0.133_333_333_333_333_33),
        (&[2], 0.06, 0.1),
        (&[3], 0.0675, 0.116_666_666_666_666_67),
        (&[0, 1], 0.1, 0.14),
        (&[2, 3], 0.064_285_714_285_714_3, 0.1125),
        (&[0, 2], 0.075, 0.133_333_333_333_333_33),
        (&[1, 3], 0.075, 0.125),
        (&[0, 1, 2, 3], 0.075, 0.127_777_777_777_777_8),
    ] {
        let count = |bucket: usize| summed.iter().map(|of| series[*of][bucket]).sum();
        let summed = buckets(&[(0.1, count(0)), (0.2, count(1)), (INF, count(2))]);
        near(quantile(0.3, &summed).value, at_30, "0.3");
        near(quantile(0.5, &summed).value, at_50, "0.5");
    }
}

#[test]
fn a_quantile_beyond_the_last_bound_is_that_bound_and_marked() {
    assert!(quantile(0.95, &positive()).clipped);
    assert!(!quantile(0.9, &positive()).clipped);
    assert!(!quantile(1.0, &positive_within()).clipped);
    let (histogram, _) = Histogram::from_classic(&positive()).unwrap();
    assert_eq!(histogram.quantile(0.95), Some(Estimate { value: 1.0, clipped: true }));
}

#[test]
fn counts_that_do_not_grow_are_mended_as_prometheus_mends_them() {
    let broken = buckets(&[(0.1, 20.0), (1.0, 10.0), (10.0, 50.0), (100.0, 40.0), (1000.0, 90.0), (INF, 80.0)]);
    for (q, expected) in [(0.01, 0.0045), (0.5, 8.5), (0.99, 979.75)] {
        let found = quantile(q, &broken);
        near(found.value, expected, &format!("{q}"));
        assert_eq!(found.repair, Repair { forced: true, rounded: false });
    }
    let (histogram, repair) = Histogram::from_classic(&broken).unwrap();
    assert!(repair.forced);
    assert_eq!(histogram.counts(), [20.0, 0.0, 30.0, 0.0, 40.0, 0.0]);
    near(histogram.quantile(0.99).unwrap().value, 979.75, "taken");
}

// promql/quantile_test.go, TestBucketQuantile_ForcedMonotonicity.
#[test]
fn differences_of_rounding_are_no_decrease() {
    let simple = |third| buckets(&[(10.0, 10.0), (15.0, 15.0), (20.0, third), (30.0, 15.0), (INF, 15.0)]);
    let real = |a, b| {
        let head = [
            (1.0, 6_454_661.301_416_622_5),
            (5.0, 8_339_611.200_191_296),
            (10.0, 14_118_319.244_476_216),
            (25.0, 14_130_031.527_285_65),
            (50.0, 46_001_270.303_000_82),
            (64.0, 46_008_473.858_556_38),
        ];
        let tail = [(80.0, a), (100.0, 46_008_473.858_556_38), (250.0, 46_008_473.858_556_38), (1000.0, b)];
        buckets(&[&head[..], &tail[..], &[(INF, 46_008_473.858_556_38)]].concat())
    };
    let small = |tenth, thirteenth| {
        let mut counts = vec![9.6, 9.688_888_889, 9.755_555_556, 9.844_444_444];
        counts.extend([9.888_888_889; 11]);
        counts[10] = tenth;
        counts[12] = thirteenth;
        let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, INF];
        buckets(&bounds.into_iter().zip(counts).collect::<Vec<_>>())
    };
    let of_simple = [(1.0, 15.0), (0.99, 14.85), (0.9, 13.5), (0.5, 7.5)];
    let of_real =
        [(1.0, 64.0), (0.99, 49.644_757_153_764_06), (0.9, 46.396_716_909_384_54), (0.5, 31.960_982_489_920_02)];
    let of_small = [
        (1.0, 0.1),
        (0.99, 0.034_687_500_002_812_61),
        (0.9, 0.004_635_416_666_718_75),
        (0.5, 0.002_575_231_481_510_417_4),
    ];
    let whole = 46_008_473.858_556_38;
    for (buckets, rounded, expected) in [
        (simple(15.0), false, of_simple),
        (simple(15.000_000_000_01), true, of_simple),
        (real(whole, whole), false, of_real),
        (real(46_008_473.858_556_39, 46_008_473.858_556_39), true, of_real),
        (small(9.888_888_889, 9.888_888_889), false, of_small),
        (small(9.888_888_889_001, 9.888_888_888_999), true, of_small),
    ] {
        for (q, value) in expected {
            let found = quantile(q, &buckets);
            near(found.value, value, &format!("{q}"));
            assert_eq!(found.repair, Repair { forced: false, rounded });
        }
    }
}

// "Different le representations in one histogram": three of one bound are added up.
#[test]
fn bounds_written_in_two_ways_are_one_bucket() {
    let mixed = buckets(&[(0.1, 10.0), (0.2, 10.0), (0.2, 10.0), (0.2, 10.0), (INF, 40.0)]);
    for (q, expected) in [(0.5, 0.15), (0.75, 0.2), (1.0, 0.2)] {
        near(quantile(q, &mixed).value, expected, &format!("{q}"));
    }
}

#[test]
fn nothing_observed_is_nan_and_never_zero() {
    for none in [
        buckets(&[]),
        buckets(&[(INF, 0.0)]),
        buckets(&[(INF, 7.0)]),
        buckets(&[(0.1, 0.0), (0.2, 0.0), (INF, 0.0)]),
        buckets(&[(0.1, 3.0), (0.2, 7.0)]),
    ] {
        assert!(quantile(0.2, &none).value.is_nan(), "{none:?}");
    }
    let nothing = buckets(&[(0.1, 0.0), (0.2, 0.0), (INF, 0.0)]);
    assert!(fraction(0.0, 1.0, &nothing).is_nan());
    assert_eq!(Histogram::from_classic(&nothing).unwrap().0.quantile(0.5), None);
}

#[test]
fn fractions_are_those_of_prometheus() {
    for (lower, upper, expected) in [
        (0.0, 4.0, 2.0 / 3.0),
        (0.0, 6.0, 1.0),
        (0.0, 3.5, 0.583_333_333_333_333_4),
        (4.0, 0.0, 0.0),
        (f64::NAN, 4.0, f64::NAN),
        (-INF, INF, 1.0),
    ] {
        near(fraction(lower, upper, &in_the_middle()), expected, &format!("{lower} to {upper}"));
    }
    near(fraction(0.0, 0.2, &positive_within()), 0.636_363_636_363_636_4, "positive");
    near(fraction(0.0, 0.2, &negative_within()), 0.0, "negative");
}

#[test]
fn what_is_no_histogram_is_refused_with_what_to_do() {
    let many: Vec<(f64, f64)> = (0..=MAX_BOUNDS).map(|i| (i as f64, 1.0)).chain([(INF, 1.0)]).collect();
    for (buckets, hint) in [
        (buckets(&[]), "sum by (le)"),
        (buckets(&[(0.1, 3.0)]), "+Inf"),
        (buckets(&[(0.1, -3.0), (INF, 1.0)]), "-3 observations"),
        (buckets(&[(0.1, f64::NAN), (INF, 1.0)]), "NaN observations"),
        (buckets(&[(0.1, 1.0), (INF, INF)]), "inf observations"),
        (buckets(&[(f64::NAN, 1.0), (INF, 1.0)]), "no bucket bound"),
        (buckets(&many), "201 bucket bounds"),
    ] {
        let refused = Histogram::from_classic(&buckets).unwrap_err().to_string();
        assert!(refused.contains(hint), "{refused}");
    }
    let taken: Vec<(f64, f64)> = many[1..].to_vec();
    assert_eq!(Histogram::from_classic(&buckets(&taken)).unwrap().0.bounds().len(), MAX_BOUNDS);
}

#[test]
fn a_histogram_taken_over_answers_as_its_buckets_do() {
    for buckets in [positive(), negative_within(), in_the_middle()] {
        let (histogram, _) = Histogram::from_classic(&buckets).unwrap();
        for step in 1..=40 {
            let q = f64::from(step) / 40.0;
            near(histogram.quantile(q).unwrap().value, quantile(q, &buckets).value, &format!("{q}"));
        }
        for value in [-0.22, -0.1, 0.05, 0.2, 0.7, 3.5] {
            let share = histogram.share_up_to(value).unwrap();
            near(share, fraction(-INF, value, &buckets), &format!("share up to {value}"));
        }
    }
}
