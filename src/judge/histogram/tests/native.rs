//! Numbers from prometheus/prometheus, `promql/promqltest/testdata/native_histograms.test` and, for
//! custom buckets, `histograms.test`.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::{
    super::{classic::Bucket, native::*, *},
    near,
};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A histogram as the files write it: schema, buckets up and down from 1 and -1 (offset 0), the
/// zero bucket's count and width.
#[derive(Clone, Copy)]
struct Written<'a> {
    schema: i32,
    count: f64,
    sum: f64,
    zero: Option<(f64, f64)>,
    up: &'a [f64],
    down: &'a [f64],
}

impl Default for Written<'_> {
    fn default() -> Self {
        Self { schema: 0, count: 0.0, sum: 100.0, zero: None, up: &[], down: &[] }
    }
}

impl Written<'_> {
    /// As the API answers: ascending, without empty buckets.
    fn answered(self) -> NativeHistogram {
        let end = |place: i32| (f64::from(place) * (-f64::from(self.schema)).exp2()).exp2();
        let filled = |counts: &[f64]| -> Vec<(i32, f64)> {
            (0..).zip(counts).filter(|(_, count)| **count != 0.0).map(|(i, count)| (i, *count)).collect()
        };
        let mut buckets: Vec<NativeBucket> = filled(self.down)
            .iter()
            .rev()
            .map(|(i, count)| NativeBucket { rule: 1, lower: -end(*i), upper: -end(*i - 1), count: *count })
            .collect();
        buckets.extend(self.zero.map(|(count, wide)| NativeBucket { rule: 3, lower: -wide, upper: wide, count }));
        buckets.extend(filled(self.up).iter().map(|(i, count)| NativeBucket {
            rule: 0,
            lower: end(*i - 1),
            upper: end(*i),
            count: *count,
        }));
        NativeHistogram { count: self.count, sum: self.sum, buckets }
    }
}

/// Custom buckets, as the API answers them.
fn custom(count: f64, sum: f64, bounds: &[f64], counts: &[f64]) -> NativeHistogram {
    let ends: Vec<f64> = [&[-INF], bounds, &[INF]].concat();
    let buckets = counts.iter().enumerate().filter(|(_, count)| **count != 0.0).map(|(i, count)| NativeBucket {
        rule: if i == 0 { 3 } else { 0 },
        lower: ends[i],
        upper: ends[i + 1],
        count: *count,
    });
    NativeHistogram { count, sum, buckets: buckets.collect() }
}

const FIVE: [f64; 5] = [2.0, 3.0, 0.0, 1.0, 4.0];

fn above_zero() -> NativeHistogram {
    Written { count: 12.0, zero: Some((2.0, 0.001)), up: &FIVE, ..Written::default() }.answered()
}

fn below_zero() -> NativeHistogram {
    Written { count: 12.0, zero: Some((2.0, 0.001)), down: &FIVE, ..Written::default() }.answered()
}

fn both_sides() -> NativeHistogram {
    Written { count: 24.0, zero: Some((4.0, 0.001)), up: &FIVE, down: &FIVE, ..Written::default() }.answered()
}

#[test]
fn the_form_of_the_api_is_read() {
    let text =
        r#"{"count":"24","sum":"100","buckets":[[1,"-16","-8","4"],[3,"-0.001","0.001","4"],[0,"0.5","1","2"]]}"#;
    let read: NativeHistogram = serde_json::from_str(text).unwrap();
    assert_eq!((read.count(), read.sum(), read.buckets.len()), (24.0, 100.0, 3));
    assert_eq!(read.buckets[0], NativeBucket { rule: 1, lower: -16.0, upper: -8.0, count: 4.0 });
    let read: NativeHistogram = serde_json::from_str(r#"{"count":"3","sum":"NaN"}"#).unwrap();
    assert!(read.sum.is_nan() && read.buckets.is_empty());
    let read: NativeHistogram =
        serde_json::from_str(r#"{"count":"1","sum":"-Inf","buckets":[[3,"-Inf","5","1"]]}"#).unwrap();
    assert!(read.is_custom());
    for broken in [
        r#"{"count":"many","sum":"1"}"#,
        r#"{"sum":"1"}"#,
        r#"{"count":"1","sum":"1","buckets":[["0","1","2"]]}"#,
        r#"{"count":"1","sum":"1","buckets":[[0,"1","2","3","4"]]}"#,
        r#"{"count":"1","sum":"1","buckets":{}}"#,
    ] {
        assert!(serde_json::from_str::<NativeHistogram>(broken).is_err(), "{broken}");
    }
}

#[test]
fn count_sum_and_average_are_those_of_prometheus() {
    let single = Written { count: 4.0, sum: 5.0, up: &[1.0, 2.0, 1.0], ..Written::default() }.answered();
    near(single.average(), 1.25, "average");
    let grown = Written { count: 14.0, sum: 24.0, up: &[1.0, 12.0, 1.0], ..Written::default() }.answered();
    near(grown.average(), 1.714_285_714_285_714_2, "average");
    near(grown.fraction(1.0, 2.0), 0.857_142_857_142_857_1, "fraction");
    let empty = Written { sum: 0.0, ..Written::default() }.answered();
    assert!(empty.average().is_nan());
    for (lower, upper) in [(-INF, INF), (0.0, 8.0), (3.2, 42.0)] {
        assert!(empty.fraction(lower, upper).is_nan());
    }
    assert!(empty.quantile(0.5).is_nan());
}

#[test]
fn quantiles_lie_between_bounds_as_prometheus_puts_them() {
    let single = Written { count: 4.0, sum: 5.0, up: &[1.0, 2.0, 1.0], ..Written::default() }.answered();
    near(single.quantile(0.5), SQRT_2, "single");
    near(single.fraction(1.0, 2.0), 0.5, "single");
    near(single.fraction(0.0, 8.0), 1.0, "single");
    let mirrored = Written { count: 4.0, sum: -5.0, down: &[1.0, 2.0, 1.0], ..Written::default() }.answered();
    near(mirrored.quantile(0.5), -SQRT_2, "mirrored");
    near(mirrored.fraction(-2.0, -1.0), 0.5, "mirrored");
    let around = Written { count: 1.0, sum: 0.25, zero: Some((1.0, 0.5)), ..Written::default() }.answered();
    near(around.quantile(0.5), 0.0, "zero bucket only");
    near(around.fraction(-0.5, 0.5), 1.0, "zero bucket only");
    let three = [1.0, 2.0, 1.0];
    let balanced = Written { count: 8.0, sum: 0.0, up: &three, down: &three, ..Written::default() }.answered();
    near(balanced.quantile(0.5), 0.5, "the first filled bucket after empty ones");
    near(balanced.fraction(0.0, 4.0), 0.5, "balanced");
    let coarse = NativeHistogram {
        count: 5.0,
        sum: 8.0,
        buckets: vec![NativeBucket { rule: 0, lower: 1.0, upper: 4.0, count: 5.0 }],
    };
    near(coarse.fraction(1.0, 4.0), 1.0, "schema -1");
    let ten = Written { count: 10.0, sum: 50.0, up: &[1.0, 2.0, 3.0, 4.0], ..Written::default() }.answered();
    near(ten.quantile(0.5), 3.174_802_103_936_398_7, "ten");
}

#[test]
fn quantiles_around_zero_are_those_of_prometheus() {
    for (of, histogram, expected) in [
        (
            "above",
            above_zero(),
            &[
                (1.001, INF),
                (1.0, 16.0),
                (0.99, 15.670_724_761_390_83),
                (0.9, 12.996_038_341_699_77),
                (0.6, 4.594_793_419_988_138),
                (0.5, 1.587_401_051_968_199_4),
                (0.1, 0.0006),
                (0.0, 0.0),
                (-1.0, -INF),
                (NAN, NAN),
                (0.083_333_333_333_333_33, 0.0005),
                (0.632_080_208_393_429_7, 6.0),
            ][..],
        ),
        (
            "below",
            below_zero(),
            &[
                (1.001, INF),
                (1.0, 0.0),
                (0.99, -0.00006),
                (0.9, -0.0006),
                (0.5, -1.587_401_051_968_199_6),
                (0.1, -12.996_038_341_699_768),
                (0.0, -16.0),
                (-1.0, -INF),
                (0.916_666_666_666_666_6, -0.0005),
                (0.367_919_791_606_570_35, -6.0),
            ],
        ),
        (
            "both",
            both_sides(),
            &[
                (1.001, INF),
                (1.0, 16.0),
                (0.99, 15.348_225_909_204_23),
                (0.9, 10.556_063_286_183_155),
                (0.7, 1.203_025_036_082_116_4),
                (0.55, 0.0006),
                (0.5, 0.0),
                (0.45, -0.0006),
                (0.3, -1.203_025_036_082_116_9),
                (0.1, -10.556_063_286_183_155),
                (0.01, -15.348_225_909_204_23),
                (0.0, -16.0),
                (-1.0, -INF),
                (0.541_666_666_666_666_6, 0.0005),
                (0.458_333_333_333_333_3, -0.0005),
            ],
        ),
    ] {
        for (q, value) in expected {
            near(histogram.quantile(*q), *value, &format!("{of} {q}"));
        }
    }
}

#[test]
fn fractions_around_zero_are_those_of_prometheus() {
    for (of, histogram, expected) in [
        (
            "above",
            above_zero(),
            &[
                (0.0, INF, 1.0),
                (-INF, 0.0, 0.0),
                (-0.001, 0.0, 0.0),
                (0.0, 0.001, 1.0 / 6.0),
                (0.001, INF, 5.0 / 6.0),
                (0.0, 0.0005, 1.0 / 12.0),
                (-INF, -0.001, 0.0),
                (1.0, 2.0, 0.25),
                (0.0, 1.5, 0.479_573_958_513_622_4),
                (1.5, 2.0, 0.103_759_374_819_710_91),
                (1.0, 8.0, 1.0 / 3.0),
                (0.0, 6.0, 0.632_080_208_393_429_7),
                (1.0, 6.0, 0.298_746_875_060_096_34),
                (1.5, 6.0, 0.152_506_249_879_807_24),
                (-2.0, -1.5, 0.0),
                (42.0, 3.2, 0.0),
                (0.0, 0.0, 0.0),
                (0.000_001, 0.000_001, 0.0),
                (3.2, NAN, NAN),
                (NAN, 42.0, NAN),
                (-INF, INF, 1.0),
            ][..],
        ),
        (
            "below",
            below_zero(),
            &[
                (0.0, INF, 0.0),
                (-INF, 0.0, 1.0),
                (-0.001, 0.0, 1.0 / 6.0),
                (0.0, 0.001, 0.0),
                (-0.0005, 0.0, 1.0 / 12.0),
                (-INF, -0.0005, 11.0 / 12.0),
                (0.001, INF, 0.0),
                (-INF, -0.001, 5.0 / 6.0),
                (1.5, 2.0, 0.0),
                (-2.0, -1.0, 0.25),
                (-2.0, -1.5, 0.103_759_374_819_710_91),
                (-8.0, -1.0, 1.0 / 3.0),
                (-INF, -6.0, 0.367_919_791_606_570_35),
                (-6.0, -1.0, 0.298_746_875_060_096_34),
                (-6.0, -1.5, 0.152_506_249_879_807_24),
                (-3.1, -3.1, 0.0),
                (-INF, INF, 1.0),
            ],
        ),
        (
            "both",
            both_sides(),
            &[
                (0.0, INF, 0.5),
                (-INF, 0.0, 0.5),
                (-0.001, 0.0, 1.0 / 12.0),
                (0.0, 0.001, 1.0 / 12.0),
                (-0.0005, 0.0005, 1.0 / 12.0),
                (-INF, 0.0005, 0.541_666_666_666_666_6),
                (-INF, -0.0005, 0.458_333_333_333_333_3),
                (0.001, INF, 5.0 / 12.0),
                (-INF, -0.001, 5.0 / 12.0),
                (1.0, 2.0, 0.125),
                (1.5, 2.0, 0.051_879_687_409_855_414),
                (1.0, 8.0, 1.0 / 6.0),
                (1.0, 6.0, 0.149_373_437_530_048_25),
                (1.5, 6.0, 0.076_253_124_939_903_66),
                (-2.0, -1.0, 0.125),
                (-2.0, -1.5, 0.051_879_687_409_855_456),
                (-8.0, -1.0, 1.0 / 6.0),
                (-6.0, -1.0, 0.149_373_437_530_048_17),
                (-6.0, -1.5, 0.076_253_124_939_903_62),
                (-INF, INF, 1.0),
            ],
        ),
    ] {
        for (lower, upper, share) in expected {
            near(histogram.fraction(*lower, *upper), *share, &format!("{of} {lower} to {upper}"));
        }
    }
}

// "Try different schemas", with buckets [0 5] and [0 0 5], up and down.
#[test]
fn a_schema_decides_where_the_bounds_are_and_nothing_else() {
    for (schema, second, third) in
        [(-1, 2.0, 8.0), (0, SQRT_2, 2.828_427_124_746_19), (1, 1.189_207_115_002_721, 1.681_792_830_507_429_2)]
    {
        for (counts, expected) in [(&[0.0, 5.0][..], second), (&[0.0, 0.0, 5.0], third)] {
            let up = Written { schema, count: 5.0, up: counts, ..Written::default() }.answered();
            near(up.quantile(0.5), expected, &format!("schema {schema}"));
            near(up.fraction(0.0, expected), 0.5, &format!("schema {schema}"));
            let down = Written { schema, count: 5.0, down: counts, ..Written::default() }.answered();
            near(down.quantile(0.5), -expected, &format!("schema {schema}, mirrored"));
            near(down.fraction(-expected, 0.0), 0.5, &format!("schema {schema}, mirrored"));
        }
    }
}

#[test]
fn every_schema_is_seen_to_be_exponential_from_its_bounds() {
    let up: Vec<f64> = vec![1.0; 40];
    for schema in -4..=8 {
        let histogram = Written { schema, count: 40.0, up: &up, zero: Some((1.0, 1e-128)), ..Written::default() };
        assert!(!histogram.answered().is_custom(), "schema {schema}");
    }
    let last = NativeBucket { rule: 0, lower: f64::MAX, upper: INF, count: 1.0 };
    assert!(!NativeHistogram { count: 1.0, sum: 1.0, buckets: vec![last] }.is_custom());
}

// "Test native histogram quantile and fraction when the native histogram with exponential buckets
// has NaN observations."
#[test]
fn observations_that_are_nan_are_in_no_bucket() {
    let all = Written { count: 3.0, sum: NAN, ..Written::default() }.answered();
    let some = Written { count: 15.0, sum: NAN, up: &[12.0], ..Written::default() }.answered();
    for (q, of_all, of_some) in [(1.0, NAN, NAN), (0.81, NAN, NAN), (0.8, NAN, 1.0), (0.4, NAN, FRAC_1_SQRT_2)] {
        near(all.quantile(q), of_all, &format!("all, {q}"));
        near(some.quantile(q), of_some, &format!("some, {q}"));
    }
    near(all.fraction(-INF, INF), 0.0, "all");
    near(some.fraction(-INF, FRAC_1_SQRT_2), 0.4, "some");
    near(some.fraction(-INF, INF), 0.8, "some");
    // A verdict takes them for slow.
    let taken = Histogram::from_native(&some).unwrap();
    assert_eq!(taken.counts().last(), Some(&3.0));
    assert_eq!(taken.total(), 15.0);
}

// histograms.test has each classic series also with custom buckets, and one result for both.
#[test]
fn custom_buckets_answer_as_classic_ones_do() {
    let plain = custom(4.0, 5.0, &[5.0, 10.0], &[1.0, 2.0, 1.0]);
    assert!(plain.is_custom());
    near(plain.quantile(0.5), 7.5, "plain");
    near(plain.fraction(5.0, 10.0), 0.5, "plain");
    let positive = custom(120.0, 0.0, &[0.1, 0.2, 1.0], &[50.0, 20.0, 40.0, 10.0]);
    let negative = custom(30.0, 0.0, &[-0.2, -0.1, 0.3], &[10.0, 10.0, 0.0, 10.0]);
    for (q, on_positive, on_negative) in [
        (-0.1, -INF, -INF),
        (1.01, INF, INF),
        (0.0, 0.0, -0.2),
        (1.0, 1.0, 0.3),
        (0.2, 0.048, -0.2),
        (0.5, 0.15, -0.15),
        (0.8, 0.72, 0.3),
    ] {
        near(positive.quantile(q), on_positive, &format!("positive {q}"));
        near(negative.quantile(q), on_negative, &format!("negative {q}"));
    }
    let positive = custom(110.0, 330.0, &[0.0, 0.1, 0.2, 1.0], &[0.0, 50.0, 20.0, 40.0, 0.0]);
    let negative = custom(20.0, 80.0, &[-0.25, -0.2, -0.1, 0.3], &[0.0, 10.0, 10.0, 0.0, 0.0]);
    near(positive.average(), 3.0, "average");
    near(negative.average(), 4.0, "average");
    for (q, on_positive, on_negative) in
        [(0.0, 0.0, -0.25), (0.25, 0.055, -0.225), (0.5, 0.125, -0.2), (0.75, 0.45, -0.15), (1.0, 1.0, -0.1)]
    {
        near(positive.quantile(q), on_positive, &format!("positive within {q}"));
        near(negative.quantile(q), on_negative, &format!("negative within {q}"));
    }
    near(positive.fraction(0.0, 0.2), 0.636_363_636_363_636_4, "positive within");
    near(negative.fraction(0.0, 0.2), 0.0, "negative within");
    let middle = custom(30.0, 0.0, &[0.0, 2.0, 4.0, 6.0], &[0.0, 10.0, 10.0, 10.0, 0.0]);
    for (upper, expected) in [(4.0, 2.0 / 3.0), (6.0, 1.0), (3.5, 0.583_333_333_333_333_4)] {
        near(middle.fraction(0.0, upper), expected, &format!("{upper}"));
    }
}

#[test]
fn a_native_histogram_taken_over_keeps_counts_and_quantiles() {
    let up: Vec<f64> = (0..60).map(|i| f64::from((i * 7) % 11)).collect();
    let count = up.iter().sum();
    for schema in [1, 3, 5] {
        let native = Written { schema, count, up: &up, ..Written::default() }.answered();
        let taken = Histogram::from_native(&native).unwrap();
        assert_eq!(taken.total(), count);
        for step in 1..100 {
            let q = f64::from(step) / 100.0;
            near(taken.quantile(q).unwrap().value, native.quantile(q), &format!("schema {schema}, {q}"));
            let value = native.quantile(q);
            near(taken.share_up_to(value).unwrap(), native.fraction(-INF, value), &format!("share, {q}"));
        }
    }
}

#[test]
fn a_resolution_that_no_verdict_needs_is_made_coarser_and_stays_exact() {
    let up: Vec<f64> = vec![1.0; 500];
    let native = Written { schema: 8, count: 500.0, up: &up, ..Written::default() }.answered();
    let taken = Histogram::from_native(&native).unwrap();
    assert!(taken.bounds().len() <= MAX_BOUNDS && taken.bounds().len() > MAX_BOUNDS / 2);
    assert_eq!(taken.total(), 500.0);
    for (bound, below) in taken.bounds().iter().zip(taken.below()) {
        near(below / 500.0, native.fraction(-INF, *bound), &format!("{bound}"));
    }
}

#[test]
fn custom_buckets_taken_over_have_the_bounds_of_the_classic_ones() {
    let native = custom(120.0, 0.0, &[0.1, 0.2, 1.0], &[50.0, 20.0, 40.0, 10.0]);
    let buckets = [(0.1, 50.0), (0.2, 70.0), (1.0, 110.0), (INF, 120.0)].map(|(le, count)| Bucket { le, count });
    assert_eq!(Histogram::from_native(&native).unwrap(), Histogram::from_classic(&buckets).unwrap().0);
}

#[test]
fn nonsense_is_refused_and_never_panics() {
    let one = |lower, upper, count| NativeHistogram {
        count: 1.0,
        sum: 1.0,
        buckets: vec![NativeBucket { rule: 0, lower, upper, count }],
    };
    for broken in [
        one(2.0, 1.0, 1.0),
        one(NAN, 1.0, 1.0),
        one(1.0, NAN, 1.0),
        one(1.0, 2.0, NAN),
        one(1.0, 2.0, -1.0),
        one(1.0, 2.0, INF),
        NativeHistogram { count: NAN, sum: 1.0, buckets: vec![] },
        NativeHistogram { count: -1.0, sum: 1.0, buckets: vec![] },
        NativeHistogram {
            count: 2.0,
            sum: 1.0,
            buckets: [one(1.0, 4.0, 1.0).buckets, one(2.0, 8.0, 1.0).buckets].concat(),
        },
    ] {
        assert!(Histogram::from_native(&broken).is_err(), "{broken:?}");
        let _ = (broken.quantile(0.5), broken.fraction(0.0, 1.0));
    }
}
