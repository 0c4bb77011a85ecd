//! Verdicts of made-up and of simulated traffic.

use chrono::TimeDelta;
use proptest::prelude::*;

use self::traffic::{Rollout, Truth};
use super::*;
use crate::judge::evidence;

#[path = "../../../tests/bench/judge/traffic.rs"]
mod traffic;

fn terms() -> Terms {
    Terms {
        measure: Measure::Share,
        direction: Direction::HigherIsWorse,
        objective: None,
        limit: None,
        scale: 1.0,
        noun: "requests",
        alphas: Alphas::default(),
    }
}

fn slice(minute: i64, canary: (f64, f64), baseline: (f64, f64)) -> Slice {
    let counts = |(bad, total)| Counts { bad, total };
    let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minute);
    Slice { at, merged: 1, canary: counts(canary), baseline: counts(baseline) }
}

/// The same in every minute.
fn steady(minutes: i64, canary: (f64, f64), baseline: (f64, f64)) -> Vec<Slice> {
    (0..minutes).map(|minute| slice(minute, canary, baseline)).collect()
}

/// An hour of a baseline whose errors come one by one.
fn calm(bad: f64, total: f64) -> Vec<Counts> {
    vec![Counts { bad, total }; 60]
}

fn why(finding: &Finding) -> String {
    finding.why(None, 60.0).as_str().to_owned()
}

#[test]
fn a_version_that_is_clearly_worse_fails_and_says_by_how_much() {
    let slices = steady(10, (8.0, 1800.0), (24.0, 20_000.0));
    let found = judge(&terms(), &slices, &calm(24.0, 20_000.0));
    assert_eq!((found.verdict, found.method), (Verdict::Fail, Method::Sequence));
    assert!(found.over && found.missing.is_none());
    assert_eq!(found.why(Some(330.0), 60.0).as_str(), "0.44% against 0.12%, limit 1.1x for 5m, 18k requests");
    let (interval, limit) = (found.interval.unwrap(), found.limit.unwrap());
    assert!(limit < interval.low && interval.low < found.difference.unwrap(), "the picture is the rule: {found:?}");
    assert!((found.ratio.unwrap() - 3.7037).abs() < 1e-4);
}

#[test]
fn equal_versions_pass_once_it_is_shown() {
    let terms = Terms { objective: Some(0.9995), ..terms() };
    let early = judge(&terms, &steady(10, (1.0, 1000.0), (50.0, 50_000.0)), &calm(50.0, 50_000.0));
    assert_eq!((early.verdict, early.method), (Verdict::Insufficient, Method::Sequence));
    assert_eq!(
        why(&early),
        "0.10% against 0.10%, true difference between -0.12 and +0.0998 points, 10k requests; not enough to tell"
    );
    let found = judge(&terms, &steady(20, (5.0, 5000.0), (50.0, 50_000.0)), &calm(50.0, 50_000.0));
    assert_eq!((found.verdict, found.method), (Verdict::Pass, Method::Sequence));
    assert_eq!(why(&found), "0.10% against 0.10%, worse by 0.034 points at most, 0.05 allowed, 100k requests");
}

#[test]
fn a_service_with_hardly_an_error_passes() {
    let terms = Terms { objective: Some(0.999), ..terms() };
    let judge = |minutes| judge(&terms, &steady(minutes, (0.0, 2000.0), (0.0, 20_000.0)), &calm(0.0, 20_000.0));
    let early = judge(5);
    assert_eq!(early.verdict, Verdict::Insufficient);
    assert_eq!(why(&early), "0.00% against 0.00%, too little to judge: 0 of 10 bad events of the canary");
    let found = judge(25);
    assert_eq!((found.verdict, found.method), (Verdict::Pass, Method::Exact));
    assert_eq!(why(&found), "0.00% against 0.00%, worse by 0.0639 points at most, 0.1 allowed, 50k requests");
    assert!(found.interval.unwrap().high < 0.001);
}

#[test]
fn few_errors_that_are_all_the_canarys_fail_before_the_sequence_can() {
    let mut slices = steady(3, (2.0, 500.0), (0.0, 9500.0));
    let found = judge(&terms(), &slices, &calm(1.0, 9500.0));
    assert_eq!((found.verdict, found.method), (Verdict::Fail, Method::Events));
    assert_eq!(found.missing.map(|missing| missing.floor), Some(Floor::Slices));
    assert_eq!(why(&found), "0.40% against 0.00%, limit 0 points, 1500 requests; 6 of 6 bad with 5.00% of the traffic");
    assert!(found.e_value.unwrap() > 100.0);
    slices.truncate(2);
    let two = judge(&terms(), &slices, &calm(1.0, 9500.0));
    assert_eq!(two.verdict, Verdict::Watch, "two slices are one burst, perhaps: {}", why(&two));
    slices.truncate(1);
    assert_eq!(judge(&terms(), &slices, &calm(1.0, 9500.0)).verdict, Verdict::Insufficient);
}

/// Where the objective allows more than the canary does harm, events do not convict it.
#[test]
fn few_errors_within_the_objective_are_a_trifle() {
    let slices = steady(10, (1.0, 5000.0), (1.0, 95_000.0));
    let history = calm(1.0, 95_000.0);
    assert_eq!(judge(&terms(), &slices, &history).verdict, Verdict::Fail);
    let lenient = Terms { objective: Some(0.999), ..terms() };
    let found = judge(&lenient, &slices, &history);
    assert!(found.e_value.unwrap() > 100.0);
    assert_eq!((found.verdict, found.method), (Verdict::Pass, Method::Sequence), "{}", why(&found));
}

#[test]
fn much_traffic_that_proves_a_trifle_passes() {
    let terms = Terms { objective: Some(0.99), ..terms() };
    let slices = steady(30, (110.0, 100_000.0), (100.0, 100_000.0));
    let found = judge(&terms, &slices, &calm(100.0, 100_000.0));
    assert!(found.interval.unwrap().high < 0.005);
    assert_eq!(found.verdict, Verdict::Pass, "{}", why(&found));
    // A difference that may be beyond what fails is worth watching.
    let found = judge(&Terms { objective: None, ..terms }, &slices, &calm(100.0, 100_000.0));
    assert_eq!((found.verdict, found.method), (Verdict::Watch, Method::Sequence), "{}", why(&found));
    assert_eq!(why(&found), "0.11% against 0.10%, limit 1.1x, 3000k requests; looks worse, not proven");
}

#[test]
fn a_late_regression_is_judged_by_the_slices_since_a_later_start() {
    let mut slices = steady(60, (5.0, 5000.0), (45.0, 45_000.0));
    slices.extend((60..67).map(|minute| slice(minute, (15.0, 5000.0), (45.0, 45_000.0))));
    let history = calm(45.0, 45_000.0);
    assert_eq!(judge(&terms(), &slices[..60], &history).since, None);
    let found = judge(&terms(), &slices, &history);
    assert_eq!((found.verdict, found.method), (Verdict::Fail, Method::Sequence));
    assert_eq!(found.since, Some(slices[60].at));
    assert_eq!(why(&found), "0.30% against 0.10% in the latest 7m, limit 1.1x, 35k requests");
    let path = path(&terms(), &slices, &history);
    let (last, shown) = (path.last().unwrap().interval.unwrap(), found.interval.unwrap());
    assert_eq!((last, path.last().unwrap().difference), (shown, found.difference), "the chart ends in the verdict");
}

#[test]
fn bursts_widen_what_independent_errors_would_prove() {
    let slices = steady(10, (8.0, 1800.0), (24.0, 20_000.0));
    let bursty: Vec<Counts> =
        (0..60).map(|n| Counts { bad: if n % 20 == 0 { 480.0 } else { 0.0 }, total: 20_000.0 }).collect();
    let found = judge(&terms(), &slices, &bursty);
    assert!(found.bursty);
    assert_ne!(found.verdict, Verdict::Fail);
    assert!(why(&found).ends_with("; errors come in bursts, so that a verdict takes long"), "{}", why(&found));
    // Without a history they are taken for bursty too, until the step has shown enough of its baseline.
    assert_ne!(judge(&terms(), &slices, &[]).verdict, Verdict::Fail);
    let longer = steady(25, (8.0, 1800.0), (24.0, 20_000.0));
    assert_eq!(judge(&terms(), &longer, &[]).verdict, Verdict::Fail);
}

#[test]
fn a_floor_that_is_missing_is_named_with_what_is_missing() {
    for (slices, history, said) in [
        (steady(3, (50.0, 100.0), (400.0, 900.0)), calm(400.0, 900.0), "3m of 5m"),
        (steady(6, (1.0, 100.0), (20.0, 900.0)), calm(20.0, 900.0), "6 of 10 bad events of the canary"),
        (steady(6, (2.0, 900.0), (1.0, 900.0)), calm(2.0, 900.0), "18 of 20 bad events"),
        (steady(6, (99.0, 100.0), (891.0, 900.0)), calm(891.0, 900.0), "6 of 10 good events of the canary"),
        (steady(6, (2.0, 900.0), (9.0, 900.0)), vec![], "2.1 of 5 bad events of the canary, bursts discounted"),
    ] {
        let found = judge(&terms(), &slices, &history);
        assert!(why(&found).ends_with(&format!("too little to judge: {said}")), "{said}: {}", why(&found));
        assert_eq!(found.verdict, Verdict::Insufficient);
    }
}

#[test]
fn a_success_rate_is_shown_as_one_and_fails_when_it_falls() {
    let terms = Terms { direction: Direction::LowerIsWorse, objective: Some(0.999), scale: 100.0, ..terms() };
    let found = judge(&terms, &steady(10, (8.0, 1800.0), (24.0, 20_000.0)), &calm(24.0, 20_000.0));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(found.why(Some(60.0), 60.0).as_str(), "99.56% against 99.88%, limit 0.05 points for 1m, 18k requests");
    assert!((found.canary.value.unwrap() - 99.5556).abs() < 1e-4);
    let (difference, interval, limit) = (found.difference.unwrap(), found.interval.unwrap(), found.limit.unwrap());
    assert!((difference + 0.3244).abs() < 1e-4 && (limit + 0.05).abs() < 1e-12);
    assert!(interval.low < difference && difference < interval.high && interval.high < limit, "{interval:?}");
}

#[test]
fn a_share_of_which_any_change_matters_fails_in_both_directions() {
    let terms = Terms { direction: Direction::Either, ..terms() };
    let more = judge(&terms, &steady(20, (40.0, 1000.0), (20.0, 1000.0)), &calm(20.0, 1000.0));
    let fewer = judge(&terms, &steady(20, (20.0, 1000.0), (40.0, 1000.0)), &calm(40.0, 1000.0));
    assert_eq!((more.verdict, fewer.verdict), (Verdict::Fail, Verdict::Fail));
    assert!(fewer.interval.unwrap().high < -fewer.limit.unwrap());
    let equal = judge(&terms, &steady(60, (200.0, 1000.0), (200.0, 1000.0)), &calm(200.0, 1000.0));
    assert_eq!(equal.verdict, Verdict::Pass);
    assert!(why(&equal).contains("apart by"), "{}", why(&equal));
}

#[test]
fn conversions_are_judged_against_what_converts() {
    let terms = Terms { measure: Measure::Conversion, direction: Direction::LowerIsWorse, ..terms() };
    let history = calm(9700.0, 10_000.0);
    let fewer = judge(&terms, &steady(30, (4910.0, 5000.0), (9700.0, 10_000.0)), &history);
    assert_eq!(fewer.verdict, Verdict::Fail);
    assert!((fewer.limit.unwrap() + 0.003).abs() < 1e-9, "a tenth of 3 per cent");
    let equal = judge(&terms, &steady(60, (9700.0, 10_000.0), (9700.0, 10_000.0)), &history);
    assert_eq!(equal.verdict, Verdict::Pass, "{}", why(&equal));
    assert!((equal.pass_limit.unwrap() + 0.0015).abs() < 1e-9);
}

#[test]
fn an_own_limit_replaces_the_margins() {
    let terms = Terms { limit: Some(0.002), objective: Some(0.999), ..terms() };
    let slices = steady(20, (60.0, 10_000.0), (50.0, 10_000.0));
    let found = judge(&terms, &slices, &calm(50.0, 10_000.0));
    assert_eq!((found.limit, found.pass_limit), (Some(0.002), Some(0.002)));
    assert_ne!(found.verdict, Verdict::Fail);
    let strict = Terms { limit: Some(-0.0001), ..terms };
    let slices = steady(30, (90.0, 10_000.0), (50.0, 10_000.0));
    assert_eq!(judge(&strict, &slices, &calm(50.0, 10_000.0)).verdict, Verdict::Fail);
}

#[test]
fn a_count_never_passes_and_fails_on_evidence() {
    let count = Terms { measure: Measure::Count, ..terms() };
    // Restarts against seconds that units ran: 10 units against 190.
    let exposure = |bad: (f64, f64)| ((bad.0, 600.0), (bad.1, 11_400.0));
    let (canary, baseline) = exposure((0.0, 1.0));
    let found = judge(&count, &steady(120, canary, baseline), &calm(1.0, 11_400.0));
    assert_eq!((found.verdict, found.method), (Verdict::Insufficient, Method::Events));
    assert_eq!(why(&found), "no evidence of more: 0 against 120, 6.32 expected");
    assert_eq!((found.interval, found.pass_limit, found.canary.samples), (None, None, Some(0.0)));

    let (canary, baseline) = exposure((2.0, 0.0));
    let found = judge(&count, &steady(4, canary, baseline), &calm(0.2, 11_400.0));
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(why(&found).starts_with("8 against 0, 0.00 expected, evidence "), "{}", why(&found));

    let fewer = Terms { direction: Direction::LowerIsWorse, ..count };
    let jobs = |canary| steady(10, (canary, 60.0), (10.0, 60.0));
    assert_eq!(judge(&fewer, &jobs(1.0), &calm(10.0, 60.0)).verdict, Verdict::Fail);
    assert_eq!(judge(&fewer, &jobs(10.0), &calm(10.0, 60.0)).verdict, Verdict::Insufficient);
    assert_eq!(judge(&fewer, &jobs(30.0), &calm(10.0, 60.0)).verdict, Verdict::Insufficient, "more is no harm");
    let silent = judge(&fewer, &jobs(0.0), &calm(10.0, 60.0));
    assert_eq!(silent.verdict, Verdict::Fail, "no event at all is the least: {}", why(&silent));
    let either = Terms { direction: Direction::Either, ..count };
    for canary in [1.0, 30.0] {
        assert_eq!(judge(&either, &jobs(canary), &calm(10.0, 60.0)).verdict, Verdict::Fail);
    }
}

#[test]
fn an_arm_without_data_is_no_data_and_says_which() {
    for (slices, said) in [
        (vec![], "no data of either side"),
        (steady(9, (0.0, 0.0), (1.0, 500.0)), "no data of the canary; baseline 0.20%"),
        (steady(9, (1.0, 500.0), (0.0, 0.0)), "no data of the baseline; canary 0.20%"),
        (steady(9, (f64::NAN, 500.0), (1.0, 500.0)), "no data of the canary; baseline 0.20%"),
        (steady(9, (-1.0, 500.0), (1.0, f64::INFINITY)), "no data of either side"),
    ] {
        let found = judge(&terms(), &slices, &[]);
        assert_eq!((found.verdict, why(&found).as_str()), (Verdict::NoData, said));
    }
}

#[test]
fn gaps_are_gaps_and_count_for_nothing() {
    let mut slices = steady(10, (8.0, 1800.0), (24.0, 20_000.0));
    let whole = judge(&terms(), &slices, &calm(24.0, 20_000.0));
    slices.insert(5, slice(99, (0.0, 0.0), (900.0, 1000.0)));
    slices.insert(2, slice(98, (f64::NAN, 7.0), (3.0, 1000.0)));
    let broken = judge(&terms(), &slices, &calm(24.0, 20_000.0));
    assert_eq!((broken.difference, broken.slices), (whole.difference, whole.slices));
    let path = path(&terms(), &slices, &calm(24.0, 20_000.0));
    assert_eq!(path.len(), slices.len());
    let gap = &path[6];
    assert_eq!((gap.canary, gap.baseline, gap.difference, gap.interval), (None, Some(0.9), None, None));
    assert!(path.iter().filter(|point| point.interval.is_some()).count() == 10);
}

#[test]
fn slices_that_were_merged_within_a_start_come_to_the_same_verdict() {
    let apart = steady(45, (8.0, 1800.0), (24.0, 20_000.0));
    let mut merged = vec![Slice { merged: 15, ..slice(0, (120.0, 27_000.0), (360.0, 300_000.0)) }];
    merged.extend_from_slice(&apart[15..]);
    let (one, other) =
        (judge(&terms(), &apart, &calm(24.0, 20_000.0)), judge(&terms(), &merged, &calm(24.0, 20_000.0)));
    assert_eq!((one.verdict, one.slices), (other.verdict, other.slices));
    assert!((one.difference.unwrap() - other.difference.unwrap()).abs() < 1e-12);
    let (one, other) = (one.interval.unwrap(), other.interval.unwrap());
    assert!((one.low - other.low).abs() < 1e-5 && (one.high - other.high).abs() < 1e-5, "{one:?} {other:?}");
}

#[test]
fn terms_are_those_of_the_indicator() {
    let spec = |kind, family, direction, unit: &str| Spec {
        name: "x".into(),
        kind,
        family,
        unit: unit.into(),
        direction,
        critical: false,
        required: true,
        observe_only: false,
        objective: Some(0.99),
        period: 0.0,
        threshold: Some(300.0),
        limit: Some(5.0),
        scoring: crate::domain::sli::Scoring::Sequential,
    };
    let ratio = Terms::of(&spec(SliKind::Ratio, Family::Availability, Direction::LowerIsWorse, "percent"));
    assert_eq!((ratio.measure, ratio.scale, ratio.limit, ratio.noun), (Measure::Share, 100.0, Some(5.0), "requests"));
    let conversion = Terms::of(&spec(SliKind::Ratio, Family::Business, Direction::LowerIsWorse, "ratio"));
    assert_eq!((conversion.measure, conversion.scale, conversion.noun), (Measure::Conversion, 1.0, "events"));
    let slow = Terms::of(&spec(SliKind::Latency, Family::Latency, Direction::HigherIsWorse, "ms"));
    assert_eq!((slow.measure, slow.limit, slow.objective), (Measure::Share, None, Some(0.99)));
    assert_eq!(Terms::of(&spec(SliKind::Count, Family::Health, Direction::HigherIsWorse, "")).measure, Measure::Count);
}

/// Of seeded rollouts, with a look after each of 60 slices: the shares that ever fail and ever pass.
fn ever(truth: Truth, terms: &Terms, rollouts: u64) -> (f64, f64) {
    let (mut failed, mut passed) = (0_u32, 0_u32);
    for seed in 0..rollouts {
        let mut rollout = Rollout::new(truth, seed);
        let history = rollout.history(60);
        let mut slices = Vec::new();
        let (mut fails, mut passes) = (false, false);
        for _ in 0..60 {
            slices.push(rollout.slice());
            let verdict = judge(terms, &slices, &history).verdict;
            fails |= verdict == Verdict::Fail;
            passes |= verdict == Verdict::Pass;
        }
        failed += u32::from(fails);
        passed += u32::from(passes);
    }
    (f64::from(failed) / rollouts as f64, f64::from(passed) / rollouts as f64)
}

/// What a share of so many rollouts may come to where the truth is `alpha`: three standard errors above.
fn at_most(alpha: f64, rollouts: u64) -> f64 {
    alpha + 3.0 * (alpha * (1.0 - alpha) / rollouts as f64).sqrt()
}

/// The larger tables are in `tests/bench/judge.rs`.
#[test]
fn clean_rollouts_hardly_ever_fail() {
    const ROLLOUTS: u64 = 100;
    let truth = Truth { canary: 100, baseline: 100, rate: 0.02, factor: 1.0, onset: 0, correlation: 0.0 };
    for truth in [
        truth,
        Truth { canary: 50, baseline: 950, rate: 0.001, ..truth },
        Truth { canary: 500, baseline: 9500, rate: 0.001, correlation: 0.005, ..truth },
        Truth { canary: 500, baseline: 9500, rate: 0.01, correlation: 0.01, ..truth },
    ] {
        let (failed, _) = ever(truth, &terms(), ROLLOUTS);
        assert!(failed <= at_most(0.01, ROLLOUTS), "{truth:?}: {failed}");
    }
}

#[test]
fn rollouts_that_are_worse_by_a_whole_margin_hardly_ever_pass() {
    const ROLLOUTS: u64 = 100;
    let terms = Terms { objective: Some(0.999), ..terms() };
    let truth = Truth { canary: 500, baseline: 9500, rate: 0.001, factor: 2.0, onset: 0, correlation: 0.0 };
    for truth in [
        truth,
        Truth { correlation: 0.005, ..truth },
        Truth { rate: 1e-7, factor: 1e4, ..truth },
        Truth { rate: 1e-7, factor: 1e4, correlation: 0.005, ..truth },
        Truth { canary: 5000, baseline: 5000, rate: 1e-7, factor: 1e4, correlation: 0.005, ..truth },
    ] {
        let (_, passed) = ever(truth, &terms, ROLLOUTS);
        assert!(passed <= at_most(0.05, ROLLOUTS), "{truth:?}: {passed}");
    }
}

fn counts() -> impl Strategy<Value = (f64, f64)> {
    prop_oneof![
        6 => (0..3000_u32, 0.0..=1.0_f64).prop_map(|(total, share)| ((f64::from(total) * share.powi(4)).floor(), f64::from(total))),
        1 => (any::<f64>(), any::<f64>()),
    ]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let measure = prop_oneof![Just(Measure::Share), Just(Measure::Conversion), Just(Measure::Count)];
    let direction = prop::sample::select(Direction::ALL.to_vec());
    let objective = prop::option::of(0.5..0.9999_f64);
    (measure, direction, objective, prop::option::of(-1.0..1.0_f64))
        .prop_map(|(measure, direction, objective, limit)| Terms { measure, direction, objective, limit, ..terms() })
}

proptest! {
    #[test]
    fn whatever_comes_is_judged_without_harm(
        terms in any_terms(),
        arms in prop::collection::vec((counts(), counts(), 0..20_u32), 0..50),
        history in prop::collection::vec(counts(), 0..40),
    ) {
        let slices: Vec<Slice> = (0..)
            .zip(&arms)
            .map(|(n, (canary, baseline, merged))| Slice { merged: *merged, ..slice(n, *canary, *baseline) })
            .collect();
        let history: Vec<Counts> = history.into_iter().map(|(bad, total)| Counts { bad, total }).collect();
        let found = judge(&terms, &slices, &history);
        let numbers = [found.difference, found.ratio, found.limit, found.pass_limit, found.e_value];
        prop_assert!(numbers.iter().flatten().all(|number| !number.is_nan()), "{found:?}");
        if let Some(interval) = found.interval {
            prop_assert!(interval.low <= interval.high, "{found:?}");
        }
        prop_assert!(terms.measure != Measure::Count || found.verdict != Verdict::Pass);
        prop_assert!(!found.why(Some(1.0), 60.0).is_empty());
        prop_assert_eq!(path(&terms, &slices, &history).len(), slices.len());
        prop_assert_eq!(judge(&terms, &slices, &history), found, "the same evidence is the same verdict");
    }

    /// Below the floors of events, data alone never make a failure.
    #[test]
    fn nothing_fails_below_the_floors(
        terms in any_terms().prop_filter("of fewer events, the floor is of those expected", |terms| {
            terms.measure != Measure::Count && terms.direction != Direction::Either
        }),
        canary in prop::collection::vec((0..2_u32, 1..2000_u32), 1..5),
        baseline in 0..20_u32,
    ) {
        let slices: Vec<Slice> = (0..)
            .zip(&canary)
            .map(|(n, (bad, total))| slice(n, (f64::from(*bad), f64::from(*total + 2)), (f64::from(baseline), 50_000.0)))
            .collect();
        prop_assert!(judge(&terms, &slices, &[]).verdict != Verdict::Fail);
    }

    #[test]
    fn swapping_the_arms_turns_the_difference(
        arms in prop::collection::vec(((1..50_u32, 100..3000_u32), (1..50_u32, 100..3000_u32)), 10..40),
    ) {
        let of = |(bad, total): (u32, u32)| (f64::from(bad), f64::from(total));
        let terms = Terms { direction: Direction::Either, ..terms() };
        let slices: Vec<Slice> = (0..).zip(&arms).map(|(n, (c, b))| slice(n, of(*c), of(*b))).collect();
        let swapped: Vec<Slice> = (0..).zip(&arms).map(|(n, (c, b))| slice(n, of(*b), of(*c))).collect();
        let history = calm(5.0, 1000.0);
        let (one, other) = (judge(&terms, &slices, &history), judge(&terms, &swapped, &history));
        // The floors of the e-process ask for events of the canary, so that it may speak for one and not the other.
        prop_assume!(one.since.is_none() && other.since.is_none());
        prop_assert!((one.difference.unwrap() + other.difference.unwrap()).abs() < 1e-12);
        // The interval need not turn: the canary's own scatter discounts its evidence, and the arms scatter
        // differently. It lies around the difference all the same.
        for found in [one, other] {
            let (difference, interval) = (found.difference.unwrap(), found.interval.unwrap());
            prop_assert!(interval.low <= difference && difference <= interval.high);
        }
    }
}
