#![expect(clippy::float_cmp, reason = "bounds and whole counts are compared as they were given")]

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    domain::sli::{Direction, Family, Scoring, SliKind},
    judge::{evidence::Spec, restart},
};

/// The buckets that Prometheus' clients have when nobody says otherwise, in seconds.
const DEFAULT: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// As a native histogram of schema 3 has them: 9 % apart, from 16 ms to 4 s.
fn fine() -> Vec<f64> {
    (-48..=16).map(|step| (f64::from(step) / 8.0).exp2()).collect()
}

fn terms(quantiles: &[f64], threshold: Option<f64>) -> Terms {
    let unit = SafeText::new("s");
    Terms::new(quantiles, threshold, Limit::default(), Direction::HigherIsWorse, &unit).unwrap()
}

fn segment(number: i32, canary: Vec<f64>, baseline: Vec<f64>) -> Segment {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::minutes(15 * i64::from(number));
    Segment { at, merged: restart::EVERY, canary, baseline }
}

/// Counts of so many observations, log-normal around a median, in seconds.
fn lognormal(bounds: &[f64], many: f64, median: f64) -> Vec<f64> {
    let spread = 0.6;
    let share = |bound: f64| 0.5 * (1.0 + statrs::function::erf::erf((bound / median).ln() / spread / 2_f64.sqrt()));
    let mut before = 0.0;
    let mut counts: Vec<f64> = bounds
        .iter()
        .map(|bound| {
            let below = (share(*bound) * many).round();
            let count = below - before;
            before = below;
            count
        })
        .collect();
    counts.push(many - before);
    counts
}

fn one(terms: &Terms, bounds: &[f64], canary: Vec<f64>, baseline: Vec<f64>) -> Finding {
    judge(terms, bounds, &[segment(0, canary, baseline)], Effects::NONE)
}

fn seen(terms: &Terms, many: f64, factor: f64) -> Finding {
    let bounds = fine();
    let canary = lognormal(&bounds, many, 0.1 * factor);
    one(terms, &bounds, canary, lognormal(&bounds, many * 19.0, 0.1))
}

#[test]
fn a_slower_canary_fails_and_an_equal_one_passes() {
    let terms = terms(&QUANTILES, None);
    for (factor, verdict) in [(0.5, Verdict::Pass), (1.0, Verdict::Pass), (1.5, Verdict::Fail), (3.0, Verdict::Fail)] {
        let found = seen(&terms, 20_000.0, factor);
        assert_eq!(found.verdict, verdict, "{factor}: {}", found.why);
    }
    let watched = seen(&terms, 20_000.0, 1.2);
    assert_eq!(watched.verdict, Verdict::Watch, "{}", watched.why);
}

#[test]
fn the_sentence_says_what_is_proven_with_numbers() {
    for (factor, threshold, why) in [
        (
            2.0,
            None,
            "p95 of the canary at least 0.50 s against at most 0.27 s of the baseline, 1.83x, limit 1.10x, \
             20k and 380k observations",
        ),
        (
            1.2,
            None,
            "p95 of the canary at least 0.30 s against at most 0.27 s of the baseline, 1.09x, not proven beyond its \
             limit of 1.10x, 20k and 380k observations",
        ),
        (
            1.0,
            Some(0.5),
            "p95 at most 0.30 s, within 0.50 s, p99 at most 0.46 s, within 0.50 s, 20k and 380k observations",
        ),
        (
            1.0,
            None,
            "p95 of the canary at most 0.30 s against at least 0.25 s of the baseline, 1.25x allowed, p99 of the \
             canary at most 0.46 s against at least 0.39 s of the baseline, 1.25x allowed, 20k and 380k observations",
        ),
    ] {
        let found = seen(&terms(&QUANTILES, threshold), 20_000.0, factor);
        assert_eq!(found.why.as_str(), why, "{factor}");
    }
}

#[test]
fn too_few_observations_say_how_many_are_missing() {
    let terms = terms(&QUANTILES, None);
    let found = seen(&terms, 412.0, 1.0);
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert_eq!(found.quantiles[1].missing, Some(Missing { needs: 1000.0, has: 412.0, canary: true }));
    assert_eq!(found.quantiles[0].missing, None);
    let few = seen(&self::terms(&[0.99], None), 412.0, 1.0);
    assert_eq!(few.why.as_str(), "p99 needs 1000, has 412, 412 and 7828 observations");
    // A broken canary is seen by the quantile that has enough.
    let broken = seen(&terms, 412.0, 10.0);
    assert_eq!((broken.verdict, broken.of().map(|of| of.q)), (Verdict::Fail, Some(0.95)), "{}", broken.why);

    let bounds = fine();
    let canary = lognormal(&bounds, 5000.0, 1.0);
    let baseline = lognormal(&bounds, 412.0, 0.1);
    let found = one(&self::terms(&[0.99], None), &bounds, canary, baseline);
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(found.why.as_str().starts_with("p99 needs 1000, the baseline has 412"), "{}", found.why);
}

#[test]
fn bursts_count_as_fewer_observations() {
    let bounds = fine();
    let segments = [segment(0, lognormal(&bounds, 4000.0, 0.1), lognormal(&bounds, 76_000.0, 0.1))];
    let terms = terms(&[0.99], None);
    let bursty = judge(&terms, &bounds, &segments, Effects { canary: 8.0, baseline: 8.0 });
    assert_eq!(bursty.quantiles[0].missing, Some(Missing { needs: 1000.0, has: 500.0, canary: true }));
    assert_eq!(bursty.canary_samples, 4000.0, "what is shown is what was observed");
    let calm = judge(&terms, &bounds, &segments, Effects::NONE);
    assert_eq!(calm.quantiles[0].missing, None);
}

#[test]
fn silence_of_a_side_is_no_data_and_says_which() {
    let terms = terms(&QUANTILES, None);
    let some = lognormal(&DEFAULT, 5000.0, 0.1);
    for (canary, baseline, why) in [
        (vec![0.0; 12], vec![0.0; 12], "nothing was observed of either side"),
        (vec![], vec![], "nothing was observed of either side"),
        (some.clone(), vec![0.0; 12], "nothing was observed of the baseline, 5000 of the canary"),
        (vec![0.0; 12], some.clone(), "nothing was observed of the canary, 5000 of the baseline"),
        (vec![f64::NAN; 12], some.clone(), "nothing was observed of the canary, 5000 of the baseline"),
    ] {
        let found = one(&terms, &DEFAULT, canary, baseline);
        assert_eq!((found.verdict, found.why.as_str()), (Verdict::NoData, why));
        assert_eq!((found.canary().value, found.decided), (None, None));
    }
    assert_eq!(judge(&terms, &DEFAULT, &[], Effects::NONE).verdict, Verdict::NoData);
}

#[test]
fn a_canary_beyond_the_last_bucket_fails_when_that_bound_is_too_much() {
    let terms = terms(&QUANTILES, None);
    let mut beyond = vec![0.0; 12];
    beyond[11] = 5000.0;
    let found = one(&terms, &DEFAULT, beyond.clone(), lognormal(&DEFAULT, 5000.0, 0.1));
    assert_eq!(found.verdict, Verdict::Fail);
    let p95 = found.of().unwrap();
    assert_eq!(p95.canary, Some(Estimate { value: 10.0, clipped: true }));
    assert_eq!((p95.canary_band.low, p95.interval()), (10.0, None));
    assert!(found.why.as_str().starts_with("p95 of the canary above 10.0 s against at most"), "{}", found.why);
    assert!(found.warnings.iter().any(|w| w.as_str() == "p95 of the canary lies beyond the last bucket, 10.0 s"));

    // Below 1.10 times the baseline's upper bound it is not proven slow enough.
    let near: Vec<f64> = [&vec![0.0; 10][..], &[5000.0, 0.0]].concat();
    let found = one(&terms, &DEFAULT, beyond.clone(), near);
    assert_eq!(found.verdict, Verdict::Insufficient, "{}", found.why);

    // A baseline that lies there has no upper bound at all.
    let found = one(&terms, &DEFAULT, beyond.clone(), beyond);
    assert_eq!(found.verdict, Verdict::Insufficient);
    assert!(found.warnings.iter().any(|w| w.as_str().ends_with("so that nothing can be proven slower")));
}

#[test]
fn coarse_buckets_are_said_and_a_threshold_still_passes() {
    let (canary, baseline) = (lognormal(&DEFAULT, 20_000.0, 0.1), lognormal(&DEFAULT, 20_000.0, 0.1));
    let found = one(&terms(&QUANTILES, None), &DEFAULT, canary.clone(), baseline.clone());
    assert_eq!(found.verdict, Verdict::Insufficient, "{}", found.why);
    assert!(found.why.as_str().contains("neither beyond 1.10x nor within 1.25x is proven"), "{}", found.why);
    let coarse = "the buckets are coarse: p95 of the baseline lies between 0.25 s and 0.50 s, and a change inside is \
                  not seen; add bounds, or use a native histogram";
    assert_eq!(found.warnings.first().map(SafeText::as_str), Some(coarse));
    let found = one(&terms(&QUANTILES, Some(0.5)), &DEFAULT, canary, baseline);
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.why);
    assert!(seen(&terms(&QUANTILES, None), 20_000.0, 1.0).warnings.is_empty());
}

#[test]
fn a_late_regression_is_found_by_a_later_start() {
    let bounds = fine();
    let good = || segment(0, lognormal(&bounds, 7500.0, 0.1), lognormal(&bounds, 142_500.0, 0.1));
    let bad = segment(0, lognormal(&bounds, 2500.0, 0.16), lognormal(&bounds, 47_500.0, 0.1));
    let terms = terms(&[0.95], None);
    let mut segments = vec![good(), good(), good(), good()];
    assert_eq!(judge(&terms, &bounds, &segments, Effects::NONE).verdict, Verdict::Pass);
    segments.push(Segment { merged: 5, ..bad });
    let found = judge(&terms, &bounds, &segments, Effects::NONE);
    assert_eq!((found.verdict, found.quantiles[0].start), (Verdict::Fail, 4), "{}", found.why);
    assert_eq!(found.canary_samples, 32_500.0, "samples are those since the step began");
}

#[test]
fn an_own_limit_is_held_to() {
    let unit = SafeText::new("s");
    let bounds = fine();
    let judge_by = |limit, factor: f64| {
        let terms = Terms::new(&[0.95], None, limit, Direction::HigherIsWorse, &unit).unwrap();
        one(&terms, &bounds, lognormal(&bounds, 20_000.0, 0.1 * factor), lognormal(&bounds, 380_000.0, 0.1))
    };
    for (limit, factor, verdict) in [
        (Limit::Factor(2.0), 1.5, Verdict::Watch),
        (Limit::Factor(2.0), 2.6, Verdict::Fail),
        (Limit::Factor(1.5), 1.0, Verdict::Pass),
        (Limit::Difference(0.2), 1.5, Verdict::Watch),
        (Limit::Difference(0.2), 2.2, Verdict::Fail),
        (Limit::Difference(0.2), 1.0, Verdict::Pass),
        (Limit::Difference(0.01), 1.0, Verdict::Insufficient),
    ] {
        let found = judge_by(limit, factor);
        assert_eq!(found.verdict, verdict, "{limit:?} {factor}: {}", found.why);
    }
    assert_eq!(judge_by(Limit::Difference(0.2), 2.2).of().unwrap().limit, Some(0.2));
    let found = judge_by(Limit::Factor(1.5), 2.0);
    let of = found.of().unwrap();
    let limit = of.limit.unwrap();
    assert!((limit - 0.5 * of.baseline_band.high).abs() < 1e-12, "the difference that a failure is measured against");
    assert!(of.interval().unwrap().low >= limit, "and it is beyond it");
    assert!(of.difference().unwrap() > limit && of.ratio().unwrap() > 1.5);
}

#[test]
fn where_less_is_worse_the_arms_change_places() {
    let unit = SafeText::new("");
    let bounds = fine();
    let judge_by = |direction, factor: f64, threshold| {
        let terms = Terms::new(&[0.95], threshold, Limit::default(), direction, &unit).unwrap();
        one(&terms, &bounds, lognormal(&bounds, 20_000.0, 0.1 * factor), lognormal(&bounds, 380_000.0, 0.1))
    };
    for (direction, factor, verdict) in [
        (Direction::LowerIsWorse, 0.5, Verdict::Fail),
        (Direction::LowerIsWorse, 1.0, Verdict::Pass),
        (Direction::LowerIsWorse, 2.0, Verdict::Pass),
        (Direction::Either, 0.5, Verdict::Fail),
        (Direction::Either, 1.0, Verdict::Pass),
        (Direction::Either, 2.0, Verdict::Fail),
    ] {
        let found = judge_by(direction, factor, None);
        assert_eq!(found.verdict, verdict, "{direction:?} {factor}: {}", found.why);
    }
    let low = judge_by(Direction::LowerIsWorse, 0.5, None);
    assert!(low.why.as_str().contains("of the baseline at least"), "{}", low.why);
    let of = low.of().unwrap();
    assert!(of.interval().unwrap().high <= of.limit.unwrap(), "{of:?}");
    assert_eq!(judge_by(Direction::LowerIsWorse, 0.7, Some(0.1)).verdict, Verdict::Fail);
    assert_eq!(judge_by(Direction::LowerIsWorse, 0.96, Some(0.1)).verdict, Verdict::Pass);
}

#[test]
fn a_declaration_asks_for_p95_and_p99_by_its_own_limit() {
    let mut spec = Spec {
        name: SafeText::new("request_latency"),
        kind: SliKind::Latency,
        family: Family::Latency,
        unit: SafeText::new("s"),
        direction: Direction::HigherIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: None,
        period: 2_592_000.0,
        threshold: Some(0.5),
        limit: None,
        scoring: Scoring::Sequential,
    };
    assert_eq!(Terms::of(&spec).unwrap(), terms(&QUANTILES, Some(0.5)));
    spec.limit = Some(0.05);
    assert_eq!(Terms::of(&spec).unwrap().limit, Limit::Difference(0.05));
    spec.limit = Some(-0.05);
    assert_eq!(Terms::of(&spec), Err(TermsError::Difference(-0.05)));
}

#[test]
fn terms_that_hold_nothing_are_refused_with_what_to_do() {
    let unit = SafeText::new("s");
    let make = |quantiles: &[f64], threshold, limit| {
        Terms::new(quantiles, threshold, limit, Direction::HigherIsWorse, &unit).unwrap_err().to_string()
    };
    for (refused, hint) in [
        (make(&[], None, Limit::default()), "leave it open"),
        (make(&[95.0], None, Limit::default()), "95 is no quantile"),
        (make(&[0.95], Some(0.0), Limit::default()), "threshold of 0"),
        (make(&[0.95], Some(f64::NAN), Limit::default()), "threshold of NaN"),
        (make(&[0.95], None, Limit::Factor(1.0)), "above 1"),
        (make(&[0.95], None, Limit::Factor(f64::INFINITY)), "above 1"),
        (make(&[0.95], None, Limit::Difference(-1.0)), "above 0"),
    ] {
        assert!(refused.contains(hint), "{refused}");
    }
}

fn any_arm() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0u32..3000).prop_map(f64::from), 12)
}

proptest! {
    #[test]
    fn below_the_floor_nothing_fails(
        canary in prop::collection::vec((0u32..20).prop_map(f64::from), 12), baseline in any_arm(),
    ) {
        let found = one(&terms(&QUANTILES, Some(0.25)), &DEFAULT, canary, baseline);
        prop_assert!(matches!(found.verdict, Verdict::Insufficient | Verdict::NoData), "{}", found.why);
    }

    #[test]
    fn a_verdict_turns_with_its_arms(canary in any_arm(), baseline in any_arm()) {
        let unit = SafeText::new("s");
        let by = |direction, canary, baseline| {
            let terms = Terms::new(&QUANTILES, None, Limit::default(), direction, &unit).unwrap();
            one(&terms, &DEFAULT, canary, baseline)
        };
        let up = by(Direction::HigherIsWorse, canary.clone(), baseline.clone());
        let down = by(Direction::LowerIsWorse, baseline, canary);
        prop_assert_eq!(up.verdict, down.verdict);
        let differences = [&up, &down].map(|found| found.quantiles.first().and_then(Found::difference));
        prop_assert_eq!(differences[0], differences[1].map(|difference| -difference + 0.0));
    }

    #[test]
    fn whatever_is_counted_there_is_an_answer(
        canary in prop::collection::vec(prop::num::f64::ANY, 0..14),
        baseline in prop::collection::vec(prop::num::f64::ANY, 0..14),
        effect in prop::num::f64::ANY,
    ) {
        let segments = [segment(0, canary, baseline)];
        let found = judge(&terms(&QUANTILES, None), &DEFAULT, &segments, Effects { canary: effect, baseline: 1.0 });
        prop_assert!(!found.why.is_empty());
    }
}

/// Equal arms, looked at every minute for an hour, as in the reference's measurements: 0 of 400 false
/// alarms there.
#[test]
fn equal_arms_do_not_fail_however_often_people_look() {
    let mut random = StdRng::seed_from_u64(7);
    let bounds: Vec<f64> = (-24..=8).map(|step| (f64::from(step) / 4.0).exp2()).collect();
    let below: Vec<f64> = lognormal(&bounds, 1e9, 0.1)
        .iter()
        .scan(0.0, |sum, count| {
            *sum += count / 1e9;
            Some(*sum)
        })
        .take(bounds.len())
        .collect();
    let terms = terms(&[0.95], None);
    let mut failed = 0;
    for _ in 0..60 {
        let mut segments: Vec<Segment> = Vec::new();
        let mut ever = false;
        for minute in 0..60 {
            if minute % restart::EVERY == 0 {
                let nothing = || vec![0.0; bounds.len() + 1];
                segments.push(Segment { merged: 0, ..segment(0, nothing(), nothing()) });
            }
            let newest = segments.last_mut().unwrap();
            newest.merged += 1;
            let mut observe = |counts: &mut Vec<f64>, many: usize| {
                for _ in 0..many {
                    let drawn: f64 = random.random();
                    counts[below.partition_point(|share| *share < drawn)] += 1.0;
                }
            };
            observe(&mut newest.canary, 50);
            observe(&mut newest.baseline, 150);
            ever |= judge(&terms, &bounds, &segments, Effects::NONE).verdict == Verdict::Fail;
        }
        failed += u32::from(ever);
    }
    assert_eq!(failed, 0, "of 60");
}
