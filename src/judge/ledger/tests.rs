//! What goes into a ledger and what comes out, by the clock.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{
    super::evidence::{Amount, Counts, Data, Evidence, Judgement, Observed, Spec, Standing},
    BACKLOG, ERRORS, Given, HISTORY, LATEST, Ledger, MERGED, POINTS, SINGLE, TRACE,
};
use crate::domain::{
    SafeText, SliArm, Verdict,
    sli::{Direction, Family, Interval, Scoring, SliKind, TelemetryState},
};

const SLICE: i64 = 60;

/// Seconds after the beginning of a minute in 2026.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

fn minute(number: i64) -> DateTime<Utc> {
    at(number * SLICE)
}

fn spec(kind: SliKind) -> Spec {
    Spec {
        name: SafeText::new("errors"),
        kind,
        family: Family::Availability,
        unit: SafeText::new(if kind == SliKind::Latency { "ms" } else { "ratio" }),
        direction: Direction::HigherIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: Some(0.999),
        period: 30.0 * 86_400.0,
        threshold: None,
        limit: None,
        scoring: Scoring::Sequential,
    }
}

fn ledger(kind: SliKind) -> Ledger {
    Ledger::new(spec(kind), 60, TimeDelta::seconds(180))
}

#[expect(clippy::unnecessary_wraps, reason = "as a slice holds it")]
fn events(bad: f64, total: f64) -> Option<Amount> {
    Some(Amount::Events(Counts { bad, total }))
}

fn both(number: i64, canary: (f64, f64), baseline: (f64, f64)) -> Observed {
    Observed { at: minute(number), canary: events(canary.0, canary.1), baseline: events(baseline.0, baseline.1) }
}

/// A slice whose numbers say which it is.
fn plain(number: i64) -> Observed {
    let number_of = number.rem_euclid(1000) as f64;
    both(number, (1.0, 100.0 + number_of), (2.0, 1000.0 + number_of))
}

#[expect(clippy::unnecessary_wraps, reason = "as a ledger takes it")]
fn give(slices: &[Observed]) -> Result<Given<'_>, &str> {
    Ok(Given { slices, spent: None, remark: "" })
}

/// Answers, each minute, what is wanted then.
fn run(ledger: &mut Ledger, minutes: std::ops::Range<i64>, of: impl Fn(i64) -> Option<Observed>) {
    for now in minutes {
        let wanted = ledger.wanted(minute(now));
        let first = (wanted.from - minute(0)).num_minutes();
        let last = (wanted.to - minute(0)).num_minutes();
        let slices: Vec<Observed> = (first..last).filter_map(&of).collect();
        ledger.take(minute(now), give(&slices));
    }
}

fn slices(evidence: &Evidence) -> Vec<(i64, u32, Counts, Counts)> {
    let Data::Events { slices } = &evidence.data else { panic!("not events: {:?}", evidence.data) };
    slices.iter().map(|s| ((s.at - minute(0)).num_minutes(), s.merged, s.canary, s.baseline)).collect()
}

fn numbers(evidence: &Evidence) -> Vec<i64> {
    slices(evidence).into_iter().map(|(number, ..)| number).collect()
}

#[test]
fn a_source_is_asked_for_what_is_new_and_what_is_open() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(at(30));
    let wanted = ledger.wanted(minute(3) + TimeDelta::seconds(20));
    assert_eq!((wanted.from, wanted.to, wanted.spent), (minute(-60), minute(3), true), "the history, and all since");
    ledger.take(minute(3), give(&[]));
    let wanted = ledger.wanted(minute(4));
    assert_eq!((wanted.from, wanted.to, wanted.spent), (minute(1), minute(4), false), "two open ones, and the new one");
    for error in 4..40 {
        ledger.take(minute(error), Err("connection refused"));
    }
    let wanted = ledger.wanted(minute(40));
    assert_eq!((wanted.from, wanted.to), (minute(1), minute(40)), "what was missed while it could not be asked");
    let wanted = ledger.wanted(minute(10_000));
    assert_eq!(wanted.from, minute(10_000 - i64::from(BACKLOG)), "but not without end");
}

#[test]
fn a_plan_that_lets_its_source_lag_waits_for_late_data() {
    let mut ledger = Ledger::new(spec(SliKind::Ratio), 60, TimeDelta::seconds(600));
    ledger.begin_step(minute(0));
    ledger.take(minute(20), give(&[]));
    assert_eq!(ledger.wanted(minute(20)).from, minute(20 - 9));
    let mut short = Ledger::new(spec(SliKind::Ratio), 60, TimeDelta::seconds(10));
    short.begin_step(minute(0));
    short.take(minute(20), give(&[]));
    assert_eq!(short.wanted(minute(20)).from, minute(18));
}

#[test]
fn the_first_two_minutes_of_a_step_are_left_out_of_both_arms() {
    for (began, first) in [(0, 2), (1, 3), (30, 3), (60, 3)] {
        let mut ledger = ledger(SliKind::Ratio);
        ledger.begin_step(at(began));
        run(&mut ledger, 1..10, |number| Some(plain(number)));
        assert_eq!(numbers(&ledger.evidence(minute(9))), (first..9).collect::<Vec<_>>(), "begun at {began} s");
    }
    let mut long = Ledger::new(spec(SliKind::Ratio), 600, TimeDelta::seconds(180));
    long.begin_step(minute(0));
    let slices: Vec<Observed> = (0..4).map(|n| plain(n * 10)).collect();
    long.take(minute(40), give(&slices));
    assert_eq!(numbers(&long.evidence(minute(40))), [10, 20, 30], "two minutes, not two slices of ten");
}

#[test]
fn what_was_before_the_step_is_history_and_what_is_latest_is_kept_across_steps() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    run(&mut ledger, 0..20, |number| Some(plain(number)));
    let evidence = ledger.evidence(minute(19));
    assert_eq!(evidence.history.len(), HISTORY);
    assert_eq!(evidence.history[0], Counts { bad: 2.0, total: 1940.0 });
    assert_eq!(evidence.history[59], Counts { bad: 2.0, total: 1999.0 });
    assert_eq!(evidence.latest.len(), LATEST);
    assert_eq!(evidence.latest[29].at, minute(18));

    ledger.begin_step(minute(19));
    ledger.begin_step(minute(19));
    let evidence = ledger.evidence(minute(19));
    assert_eq!(numbers(&evidence), Vec::<i64>::new(), "counted afresh");
    assert_eq!(evidence.latest.len(), LATEST);
    assert_eq!((evidence.history.len(), evidence.since), (HISTORY, minute(19)));
    run(&mut ledger, 20..26, |number| Some(plain(number)));
    let evidence = ledger.evidence(minute(25));
    assert_eq!(numbers(&evidence), [21, 22, 23, 24]);
    let newest: Vec<f64> = evidence.history[57..].iter().map(|counts| counts.total).collect();
    assert_eq!(newest, [1016.0, 1017.0, 1018.0], "with what was open when the step began");
}

#[test]
fn a_slice_counts_when_both_arms_have_it_and_never_before() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    let half = |number: i64| Observed { baseline: None, ..plain(number) };
    ledger.take(minute(5), give(&[plain(2), plain(3), half(4)]));
    assert_eq!(numbers(&ledger.evidence(minute(5))), [2, 3]);
    assert_eq!(ledger.evidence(minute(5)).telemetry.newest, Some(minute(4)));
    let other = Observed { canary: None, ..plain(4) };
    ledger.take(minute(6), give(&[other, half(5)]));
    assert_eq!(numbers(&ledger.evidence(minute(6))), [2, 3, 4], "the other arm's half came later");
    ledger.take(minute(8), give(&[plain(7)]));
    ledger.take(minute(9), give(&[plain(5), plain(6), plain(8)]));
    assert_eq!(numbers(&ledger.evidence(minute(9))), [2, 3, 4, 6, 7, 8], "too late for 5, not for 6");
}

#[test]
fn an_open_slice_is_what_was_said_last_of_it() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    ledger.take(minute(4), give(&[both(3, (1.0, 10.0), (1.0, 50.0))]));
    ledger.take(minute(5), give(&[both(3, (2.0, 20.0), (3.0, 90.0))]));
    let counts = |bad, total| Counts { bad, total };
    let expected = vec![(3, 1, counts(2.0, 20.0), counts(3.0, 90.0))];
    assert_eq!(slices(&ledger.evidence(minute(5))), expected);
    ledger.take(minute(30), give(&[both(3, (9.0, 90.0), (9.0, 90.0))]));
    let closed = slices(&ledger.evidence(minute(30)));
    assert_eq!(closed[0].2, counts(9.0, 90.0), "and is closed by the first answer after its time");
    ledger.take(minute(31), give(&[both(3, (1.0, 1.0), (1.0, 1.0))]));
    assert_eq!(slices(&ledger.evidence(minute(31))), closed, "for good");
}

#[test]
fn slices_of_the_future_are_refused() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    let now = minute(5) - TimeDelta::seconds(30);
    ledger.take(now, give(&[plain(3), plain(4), plain(5), plain(500)]));
    let evidence = ledger.evidence(now);
    assert_eq!(numbers(&evidence), [3, 4], "a clock may be half a minute ahead");
    assert!(evidence.telemetry.detail.as_str().contains("2 slices of the future refused"), "{:?}", evidence.telemetry);
}

#[test]
fn an_error_an_empty_answer_old_data_a_young_step_and_a_zero_are_five_things() {
    let mut ledger = ledger(SliKind::Ratio);
    let state = |ledger: &Ledger, now: i64| {
        let telemetry = ledger.evidence(at(now)).telemetry;
        (telemetry.state, telemetry.detail.to_string())
    };
    assert_eq!(state(&ledger, 0), (TelemetryState::Warming, "no step has begun".to_owned()));
    ledger.begin_step(minute(0));
    ledger.take(at(70), give(&[]));
    let (young, detail) = state(&ledger, 70);
    assert_eq!(young, TelemetryState::Warming);
    assert_eq!(detail, "the step is 70 s old, the first slice that counts ends at 180 s");
    ledger.take(at(190), give(&[]));
    assert_eq!(state(&ledger, 190).0, TelemetryState::Warming, "three slices may be late");
    ledger.take(at(300), give(&[Observed { canary: None, ..plain(3) }]));
    let (empty, detail) = state(&ledger, 300);
    assert_eq!((empty, detail.as_str()), (TelemetryState::Empty, "the source answers, and has nothing of the canary"));

    ledger.take(at(360), give(&[both(4, (0.0, 0.0), (0.0, 0.0))]));
    assert_eq!(state(&ledger, 360), (TelemetryState::Ok, String::new()), "no requests is a measurement");
    assert_eq!(state(&ledger, 480).0, TelemetryState::Ok);
    let (stale, detail) = state(&ledger, 481);
    assert_eq!((stale, detail.as_str()), (TelemetryState::Stale, "the newest value is 181 s old, limit 180 s"));
    ledger.take(at(600), give(&[Observed { canary: None, ..plain(9) }]));
    assert_eq!(
        state(&ledger, 600).1,
        "the newest value is 300 s old, limit 180 s (the canary's; the baseline's is 0 s old)"
    );

    ledger.take(at(660), give(&[plain(10)]));
    for errors in 1..ERRORS {
        ledger.take(at(660), Err("asked, and no answer in 10 s"));
        let (state, detail) = state(&ledger, 700);
        assert_eq!(state, TelemetryState::Ok, "what was good stays so for a while");
        assert_eq!(detail, format!("{errors} in a row could not be read: asked, and no answer in 10 s"));
    }
    ledger.take(at(660), Err("asked, and no answer in 10 s"));
    assert_eq!(state(&ledger, 700), (TelemetryState::Error, "4 in a row: asked, and no answer in 10 s".to_owned()));
    ledger.take(at(720), give(&[plain(11)]));
    assert_eq!(state(&ledger, 720), (TelemetryState::Ok, String::new()));
}

#[test]
fn a_source_that_never_answered_is_not_empty() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    for _ in 1..ERRORS {
        ledger.take(minute(30), Err("401"));
    }
    assert_eq!(ledger.evidence(minute(30)).telemetry.state, TelemetryState::Warming);
    ledger.take(minute(30), Err("401"));
    assert_eq!(ledger.evidence(minute(30)).telemetry.state, TelemetryState::Error);
}

#[test]
fn what_is_no_measurement_never_enters_and_is_told() {
    for (amount, kind, why) in [
        (Amount::Events(Counts { bad: f64::NAN, total: 9.0 }), SliKind::Ratio, "NaN of 9 is no count"),
        (Amount::Events(Counts { bad: -1.0, total: 9.0 }), SliKind::Ratio, "-1 of 9 is no count"),
        (Amount::Events(Counts { bad: 0.0, total: f64::INFINITY }), SliKind::Count, "0 of inf is no count"),
        (
            Amount::Events(Counts { bad: 99.0, total: 9.0 }),
            SliKind::Ratio,
            "99 bad events of 9 is more than there were",
        ),
        (Amount::Value(f64::NEG_INFINITY), SliKind::Gauge, "-inf is no measurement"),
        (Amount::Value(1.0), SliKind::Ratio, "a value, where a ratio is declared"),
        (Amount::Events(Counts::default()), SliKind::Gauge, "events, where a gauge is declared"),
        (Amount::Events(Counts::default()), SliKind::Latency, "events, where a latency is declared"),
        (
            Amount::Durations { bounds: vec![], counts: vec![1.0] },
            SliKind::Count,
            "durations, where a count is declared",
        ),
        (
            Amount::Durations { bounds: vec![2.0, 1.0], counts: vec![1.0; 3] },
            SliKind::Latency,
            "1 is no bucket bound after 2",
        ),
        (Amount::Durations { bounds: vec![1.0], counts: vec![1.0] }, SliKind::Latency, "1 counts for 1 bounds"),
        (
            Amount::Durations { bounds: vec![1.0], counts: vec![1.0, f64::NAN] },
            SliKind::Latency,
            "NaN observations in the bucket up to inf",
        ),
    ] {
        let mut ledger = ledger(kind);
        ledger.begin_step(minute(0));
        let slice = Observed { at: minute(3), canary: Some(amount.clone()), baseline: Some(amount.clone()) };
        ledger.take(minute(4), give(&[slice]));
        let evidence = ledger.evidence(minute(4));
        let detail = evidence.telemetry.detail.to_string();
        assert!(detail.contains("2 slices of an arm refused") && detail.contains(why), "{amount:?}: {detail}");
        assert_eq!(evidence.telemetry.newest, None);
        assert!(ledger.series().is_empty());
    }
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    ledger.take(minute(4), give(&[both(3, (10.4, 10.0), (1.0, 9.0))]));
    let counted = slices(&ledger.evidence(minute(4)));
    assert_eq!(counted[0].2, Counts { bad: 10.0, total: 10.0 }, "extrapolated rates are rounded");
}

#[test]
fn a_long_step_is_merged_and_loses_no_event() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    run(&mut ledger, 1..1000, |number| Some(both(number, (1.0, 10.0), (2.0, 100.0))));
    let counted = slices(&ledger.evidence(minute(999)));
    let total: u32 = counted.iter().map(|(_, merged, ..)| merged).sum();
    assert_eq!(total, 997, "all but the two of the warm-up");
    let bad: f64 = counted.iter().map(|(_, _, canary, _)| canary.bad).sum();
    assert!((bad - 997.0).abs() < 1e-9);
    let single = counted.iter().filter(|(_, merged, ..)| *merged == 1).count();
    assert!((SINGLE..SINGLE + 18).contains(&single), "{single}");
    assert_eq!(counted.len() - single, MERGED);
    assert!(counted[1..MERGED].iter().all(|(_, merged, ..)| *merged == 15), "each begins where evidence begins afresh");
    assert!(counted.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(counted[0].0, 2);
}

fn durations(number: i64, bounds: &[f64], canary: &[f64], baseline: &[f64]) -> Observed {
    let of = |counts: &[f64]| Some(Amount::Durations { bounds: bounds.to_vec(), counts: counts.to_vec() });
    Observed { at: minute(number), canary: of(canary), baseline: of(baseline) }
}

fn latency(threshold: Option<f64>) -> Ledger {
    let mut ledger = Ledger::new(Spec { threshold, ..spec(SliKind::Latency) }, 60, TimeDelta::seconds(180));
    ledger.begin_step(minute(0));
    ledger
}

#[test]
fn durations_are_kept_by_start_and_slow_ones_by_slice() {
    let mut ledger = latency(Some(300.0));
    run(&mut ledger, 1..41, |n| Some(durations(n, &[100.0, 300.0], &[5.0, 3.0, 2.0], &[50.0, 30.0, 20.0])));
    let evidence = ledger.evidence(minute(40));
    let Data::Durations { bounds, segments, slow } = &evidence.data else { panic!() };
    assert_eq!(bounds, &[100.0, 300.0]);
    let merged: Vec<u32> = segments.iter().map(|segment| segment.merged).collect();
    assert_eq!(merged, [15, 15, 8]);
    assert_eq!(segments[0].canary, [75.0, 45.0, 30.0]);
    assert_eq!(segments[2].baseline, [400.0, 240.0, 160.0]);
    assert_eq!(slow.len(), 38);
    assert_eq!(
        (slow[0].canary, slow[0].baseline),
        (Counts { bad: 2.0, total: 10.0 }, Counts { bad: 20.0, total: 100.0 })
    );
    assert_eq!((evidence.latest.len(), evidence.history.len()), (LATEST, HISTORY));
    assert_eq!(evidence.telemetry.detail.as_str(), "");
    let drawn = ledger.series();
    assert!((drawn[0].canary.unwrap() - 300.0).abs() < 1e-9, "p95 by slice, beyond the last bound");
}

#[test]
fn bounds_that_change_are_put_on_those_in_common() {
    let mut ledger = latency(None);
    run(&mut ledger, 1..4, |n| Some(durations(n, &[1.0, 2.0, 4.0], &[1.0; 4], &[10.0; 4])));
    ledger.take(minute(5), give(&[durations(4, &[2.0, 4.0, 8.0], &[3.0, 1.0, 1.0, 0.0], &[1.0; 4])]));
    let evidence = ledger.evidence(minute(5));
    let Data::Durations { bounds, segments, .. } = &evidence.data else { panic!() };
    assert_eq!(bounds, &[2.0, 4.0]);
    assert_eq!(segments[0].canary, [5.0 + 0.0, 2.0, 2.0]);
    ledger.take(minute(9), give(&[durations(6, &[0.1, 0.3], &[3.0; 3], &[1.0; 3])]));
    let evidence = ledger.evidence(minute(9));
    let Data::Durations { bounds, segments, .. } = &evidence.data else { panic!() };
    assert_eq!((bounds.as_slice(), segments.len()), ([0.1, 0.3].as_slice(), 1));
    let detail = evidence.telemetry.detail.as_str();
    assert!(detail.contains("counted anew from 00:06:00Z on"), "{detail}");
}

#[test]
fn the_threshold_stands_at_a_bound_or_is_said_to_be_judged_elsewhere() {
    let first = |threshold: f64, bounds: &[f64]| {
        let mut ledger = latency(Some(threshold));
        let counts = vec![1.0; bounds.len() + 1];
        ledger.take(minute(4), give(&[durations(3, bounds, &counts, &counts)]));
        let evidence = ledger.evidence(minute(4));
        let Data::Durations { slow, .. } = evidence.data else { panic!() };
        (slow.first().map(|slice| slice.canary.bad), evidence.telemetry.detail.to_string())
    };
    assert_eq!(first(300.0, &[100.0, 300.0, 500.0]), (Some(2.0), String::new()));
    let (slow, said) = first(300.0, &[100.0, 290.0, 500.0]);
    assert_eq!(slow, Some(2.0));
    assert_eq!(said, "slow is beyond 290 ms, the bucket bound nearest to the threshold 300 ms");
    // A native histogram's bound is a power of two.
    let (_, said) = first(0.3, &[0.1, 0.288_159_817_009_076_4, 0.5]);
    assert!(said.starts_with("slow is beyond 0.29 ms, "), "{said}");
    let (slow, said) = first(300.0, &[100.0, 250.0, 500.0]);
    assert_eq!(slow, None);
    assert!(said.starts_with("no bucket bound is near the threshold 300 ms (they have 250 and 500 ms)"), "{said}");
    let (_, said) = first(900.0, &[100.0, 500.0]);
    assert!(said.contains("(the last is 500 ms)"), "{said}");
    let (_, said) = first(10.0, &[100.0, 500.0]);
    assert!(said.contains("(the first is 100 ms)"), "{said}");
}

#[test]
fn how_bursty_durations_are_is_known_without_a_threshold() {
    let mut ledger = latency(None);
    run(&mut ledger, 1..5, |n| Some(durations(n, &[100.0, 300.0], &[5.0, 3.0, 2.0], &[900.0, 80.0, 20.0])));
    let evidence = ledger.evidence(minute(4));
    assert_eq!(evidence.history, vec![Counts { bad: 20.0, total: 1000.0 }; HISTORY], "beyond the bound nearest to p95");
    assert!(evidence.latest.is_empty(), "of which no budget burns");
}

#[test]
fn a_threshold_whose_bound_is_lost_is_judged_no_longer() {
    let mut ledger = latency(Some(300.0));
    let with = |n| durations(n, &[100.0, 300.0, 500.0], &[1.0; 4], &[1.0; 4]);
    let without = |n| durations(n, &[100.0, 500.0], &[1.0; 3], &[1.0; 3]);
    ledger.take(minute(6), give(&[with(3), with(4), without(5)]));
    let evidence = ledger.evidence(minute(6));
    let Data::Durations { slow, segments, .. } = &evidence.data else { panic!() };
    assert!(slow.is_empty(), "slices that happen to know would be the fast ones");
    assert_eq!(segments[0].canary, [3.0, 5.0, 3.0], "quantiles go on");
    let detail = evidence.telemetry.detail.as_str();
    assert!(detail.contains("no longer have a bound at the threshold 300 ms (they have 100 and 500 ms)"), "{detail}");
}

#[test]
fn points_of_a_gauge_count_as_far_as_both_arms_go() {
    let mut ledger = ledger(SliKind::Gauge);
    ledger.begin_step(minute(0));
    let value = |number: i64, canary: Option<f64>, baseline: Option<f64>| Observed {
        at: minute(number),
        canary: canary.map(Amount::Value),
        baseline: baseline.map(Amount::Value),
    };
    ledger.take(
        minute(6),
        give(&[
            value(2, Some(1.0), Some(2.0)),
            value(3, None, Some(2.0)),
            value(4, Some(1.5), None),
            value(5, None, Some(2.5)),
        ]),
    );
    let Data::Values { points } = ledger.evidence(minute(6)).data else { panic!() };
    let seen: Vec<_> = points.iter().map(|point| (point.canary, point.baseline)).collect();
    assert_eq!(seen, [(Some(1.0), Some(2.0)), (None, Some(2.0)), (Some(1.5), None)]);
    run(&mut ledger, 7..1000, |n| Some(value(n, Some(1.0), Some(2.0))));
    let Data::Values { points } = ledger.evidence(minute(999)).data else { panic!() };
    assert_eq!(points.len(), POINTS);
}

fn judgement(difference: f64, after: Standing) -> Judgement {
    Judgement {
        found: Verdict::Watch,
        verdict: Verdict::Watch,
        why: SafeText::default(),
        method: SafeText::default(),
        canary: SliArm::default(),
        baseline: SliArm::default(),
        difference: Some(difference),
        ratio: None,
        interval: Some(Interval { low: difference - 0.1, high: difference + 0.1 }),
        limit: None,
        e_value: None,
        burn: None,
        after,
        path: Vec::new(),
    }
}

#[test]
fn the_chart_has_gaps_where_nothing_was_measured() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    run(&mut ledger, 1..4, |number| Some(plain(number)).filter(|_| number >= 0));
    ledger.commit(&judgement(0.25, Standing { fails: 1, ..Standing::default() }));
    run(&mut ledger, 4..9, |number| Some(plain(number)).filter(|_| number >= 7));
    let drawn = ledger.series();
    let shown: Vec<_> = drawn.iter().map(|p| ((p.at - minute(0)).num_minutes(), p.canary.is_some())).collect();
    assert_eq!(shown, [(0, true), (1, true), (2, true), (3, false), (7, true)]);
    assert_eq!(drawn[2].difference, Some(0.25));
    assert_eq!(drawn[2].interval, Some(Interval { low: 0.15, high: 0.35 }));
    assert_eq!(drawn[1].difference, None);
    assert_eq!(ledger.standing().fails, 1);
    run(&mut ledger, 9..900, |number| Some(plain(number)));
    assert_eq!(ledger.series().len(), TRACE);
}

#[test]
fn success_is_drawn_as_success() {
    let direction = Direction::LowerIsWorse;
    let mut ledger = Ledger::new(Spec { direction, ..spec(SliKind::Ratio) }, 60, TimeDelta::seconds(180));
    ledger.begin_step(minute(0));
    ledger.take(minute(4), give(&[both(3, (1.0, 100.0), (0.0, 50.0))]));
    let point = ledger.series()[0];
    assert_eq!((point.canary, point.baseline), (Some(0.99), Some(1.0)));
}

#[test]
fn a_new_step_forgets_a_failure_and_an_acknowledgement_lets_it_pass() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    let failed = Standing { fails: 2, failed: true, held: true, halted: true, ..Standing::default() };
    ledger.commit(&judgement(0.0, failed.clone()));
    ledger.begin_step(minute(0));
    assert!(ledger.standing().held, "the same step");
    ledger.acknowledge();
    assert!(!ledger.standing().held && ledger.standing().failed);
    ledger.restore(failed);
    ledger.begin_step(minute(30));
    assert_eq!(*ledger.standing(), Standing { halted: true, ..Standing::default() }, "budgets burn across steps");
}

#[test]
fn the_budget_is_asked_for_now_and_then_and_forgotten_when_it_is_old() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    let spent = Some(Counts { bad: 10.0, total: 1e6 });
    ledger.take(minute(1), Ok(Given { spent, ..Given::default() }));
    assert_eq!(ledger.evidence(minute(1)).spent, spent);
    assert!(!ledger.wanted(minute(5)).spent);
    assert!(ledger.wanted(minute(6)).spent);
    let nonsense = Some(Counts { bad: f64::NAN, total: 1.0 });
    ledger.take(minute(6), Ok(Given { spent: nonsense, ..Given::default() }));
    assert_eq!(ledger.evidence(minute(61)).spent, spent);
    assert_eq!(ledger.evidence(minute(62)).spent, None);
    let unasked = Ledger::new(Spec { objective: None, ..spec(SliKind::Ratio) }, 60, TimeDelta::seconds(180));
    assert!(!unasked.wanted(minute(6)).spent);
}

#[test]
fn indicators_that_move_together_are_found() {
    let of = |bad: &dyn Fn(i64) -> f64| {
        let mut ledger = ledger(SliKind::Ratio);
        ledger.begin_step(minute(0));
        run(&mut ledger, 3..4, |n| Some(both(n, (0.0, 10.0), (bad(n), 100.0))));
        ledger
    };
    let waves = of(&|n| (n.rem_euclid(7)) as f64);
    let same = of(&|n| 3.0 + 2.0 * n.rem_euclid(7) as f64);
    let inverse = of(&|n| 9.0 - n.rem_euclid(7) as f64);
    let flat = of(&|_| 5.0);
    assert!((waves.correlation(&same).unwrap() - 1.0).abs() < 1e-9);
    assert!((waves.correlation(&inverse).unwrap() + 1.0).abs() < 1e-9);
    assert_eq!(waves.correlation(&flat), None);
    assert_eq!(waves.correlation(&ledger(SliKind::Ratio)), None);
    let other = of(&|n| n.rem_euclid(11) as f64);
    assert!(waves.correlation(&other).unwrap().abs() < 0.5);
}

/// What the front of the ledger says of its room.
const EVENTS_ROOM: usize = 60 * 1024;
const DURATIONS_ROOM: usize = 200 * 1024;

#[test]
fn ten_million_observations_take_no_more_room_than_a_day_of_them() {
    let mut ledger = ledger(SliKind::Ratio);
    ledger.begin_step(minute(0));
    // Every second, out of order, twice, in the future, without end.
    let slices: Vec<Observed> =
        (0..100_000_i64).map(|n| Observed { at: at((n * 7919) % 500_000 - 1000), ..plain(n) }).collect();
    for now in 0..100 {
        ledger.take(minute(now * 80), give(&slices));
        assert!(ledger.bytes() < EVENTS_ROOM, "{} after {now}", ledger.bytes());
    }
    assert!(ledger.series().len() <= 2 * TRACE);
}

#[test]
fn hostile_buckets_take_no_more_room_than_a_histogram_may() {
    let mut ledger = latency(Some(0.3));
    for now in 1..150_i64 {
        let wanted = ledger.wanted(minute(now));
        let (from, to) = ((wanted.from - minute(0)).num_minutes(), (wanted.to - minute(0)).num_minutes());
        let slices: Vec<Observed> = (from..to)
            .map(|n| {
                // Other bounds in each slice, and in every tenth more than are taken.
                let many = if n % 10 == 0 { 5000 } else { 200 };
                let bounds: Vec<f64> = (0..many).map(|b| f64::from(b) + 1.0 / (n.rem_euclid(97) + 2) as f64).collect();
                let counts = vec![1e7; bounds.len() + 1];
                durations(n, &bounds, &counts, &counts)
            })
            .collect();
        ledger.take(minute(now), give(&slices));
        assert!(ledger.bytes() < DURATIONS_ROOM, "{} after {now}", ledger.bytes());
    }
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..1e6_f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-1.0),
        1 => Just(f64::MAX),
        1 => any::<f64>(),
    ]
}

fn any_amount() -> impl Strategy<Value = Option<Amount>> {
    prop_oneof![
        1 => Just(None),
        4 => (any_number(), any_number()).prop_map(|(bad, total)| Some(Amount::Events(Counts { bad, total }))),
        2 => any_number().prop_map(|value| Some(Amount::Value(value))),
        4 => (proptest::collection::vec(any_number(), 0..5), proptest::collection::vec(any_number(), 0..6))
            .prop_map(|(bounds, counts)| Some(Amount::Durations { bounds, counts })),
    ]
}

fn any_observed() -> impl Strategy<Value = Observed> {
    (-4000..4000_i64, any_amount(), any_amount()).prop_map(|(seconds, canary, baseline)| Observed {
        at: at(seconds),
        canary,
        baseline,
    })
}

fn all_finite(evidence: &Evidence) -> bool {
    let counts = |c: &Counts| c.bad.is_finite() && c.total.is_finite() && c.bad >= 0.0 && c.total >= 0.0;
    let slices = |slices: &[super::Slice]| slices.iter().all(|s| counts(&s.canary) && counts(&s.baseline));
    let data = match &evidence.data {
        Data::Events { slices: all } => slices(all),
        Data::Durations { bounds, segments, slow } => {
            bounds.iter().all(|bound| bound.is_finite())
                && slices(slow)
                && segments.iter().flat_map(|s| s.canary.iter().chain(&s.baseline)).all(|c| c.is_finite() && *c >= 0.0)
        }
        Data::Values { points } => points.iter().flat_map(|p| [p.canary, p.baseline]).flatten().all(f64::is_finite),
    };
    data && slices(&evidence.latest) && evidence.history.iter().all(counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_a_source_says_evidence_is_finite_and_survives_its_text(
        answers in proptest::collection::vec(proptest::collection::vec(any_observed(), 0..30), 0..8),
        kind in 0..4_usize,
    ) {
        let mut ledger = Ledger::new(Spec { threshold: Some(3.0), ..spec(SliKind::ALL[kind]) }, 60, TimeDelta::seconds(180));
        ledger.begin_step(minute(-30));
        for (number, slices) in (0_i64..).zip(&answers) {
            let now = minute(number * 7 - 20);
            ledger.take(now, give(slices));
            let evidence = ledger.evidence(now);
            prop_assert!(all_finite(&evidence), "{evidence:?}");
            let text = serde_json::to_string(&evidence).unwrap();
            let read: Evidence = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &evidence);
        }
    }
}
