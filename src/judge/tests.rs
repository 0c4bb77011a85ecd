//! From evidence to one verdict: what a user would miss if it were otherwise.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{
    act::{AutomaticAct, Origin, recompute, rejudge},
    evidence::{Amount, Counts, Data, Evidence, Judgement, Observed, Point, Segment, Slice, Spec, Standing, Telemetry},
    judge,
    ledger::{Given, Ledger},
    overall::{Decision, Memory, Situation, Step},
    path,
};
use crate::domain::{
    SafeText, Verdict, VersionRef,
    sli::{BurnLevel, Direction, Family, Scoring, SliKind, SliQueries, TelemetryState},
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

fn minute(number: i64) -> DateTime<Utc> {
    at(60 * number)
}

fn spec(kind: SliKind) -> Spec {
    let (unit, family) = match kind {
        SliKind::Latency => ("ms", Family::Latency),
        SliKind::Gauge => ("cores", Family::Saturation),
        SliKind::Count => ("", Family::Health),
        SliKind::Ratio => ("ratio", Family::Availability),
    };
    Spec {
        name: SafeText::new("indicator"),
        kind,
        family,
        unit: SafeText::new(unit),
        direction: Direction::HigherIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: None,
        period: 30.0 * 86_400.0,
        threshold: None,
        limit: None,
        scoring: Scoring::Sequential,
    }
}

fn evidence(spec: Spec, now: i64, data: Data) -> Evidence {
    let telemetry = Telemetry {
        state: TelemetryState::Ok,
        detail: SafeText::default(),
        errors: 0,
        newest: Some(minute(now)),
        max_lag: 180.0,
    };
    let latest = match &data {
        Data::Events { slices } => slices.clone(),
        Data::Durations { slow, .. } => slow.clone(),
        Data::Values { .. } => Vec::new(),
    };
    Evidence {
        schema: super::evidence::SCHEMA,
        spec,
        at: minute(now),
        since: minute(0),
        counts_from: minute(2),
        slice: 60.0,
        telemetry,
        history: vec![Counts { bad: 9.0, total: 9000.0 }; 60],
        latest,
        spent: None,
        data,
        before: Standing::default(),
    }
}

/// Minutes in which the canary has so many bad events of 1000, and the baseline 9 of 9000.
fn slices(minutes: std::ops::Range<i64>, bad: f64) -> Vec<Slice> {
    minutes
        .map(|n| Slice {
            at: minute(n),
            merged: 1,
            canary: Counts { bad, total: 1000.0 },
            baseline: Counts { bad: 9.0, total: 9000.0 },
        })
        .collect()
}

fn of_errors(now: i64, bad: f64) -> Evidence {
    evidence(spec(SliKind::Ratio), now, Data::Events { slices: slices(2..now, bad) })
}

#[test]
fn what_is_wrong_with_telemetry_is_said_and_is_no_verdict() {
    let with = |state, detail: &str, errors| {
        let mut evidence = of_errors(30, 50.0);
        evidence.telemetry =
            Telemetry { state, detail: SafeText::new(detail), errors, newest: Some(minute(25)), max_lag: 180.0 };
        let judgement = judge(&evidence);
        (judgement.verdict, judgement.why.to_string())
    };
    for (state, detail, errors, verdict, why) in [
        (
            TelemetryState::Error,
            "4 in a row: connection refused",
            4,
            Verdict::NoData,
            "error: 4 in a row, blocks promotion: connection refused",
        ),
        (
            TelemetryState::Stale,
            "the newest value is 190 s old, limit 180 s",
            0,
            Verdict::NoData,
            "stale, blocks promotion: the newest value is 190 s old, limit 180 s",
        ),
        (
            TelemetryState::Empty,
            "the source answers, and has nothing of the canary",
            0,
            Verdict::NoData,
            "no data, blocks promotion: the source answers, and has nothing of the canary",
        ),
        (
            TelemetryState::Warming,
            "the step is 70 s old, the first slice that counts ends at 180 s",
            0,
            Verdict::Insufficient,
            "warming up: the step is 70 s old, the first slice that counts ends at 180 s",
        ),
    ] {
        assert_eq!(with(state, detail, errors), (verdict, why.to_owned()));
    }
    let mut optional = of_errors(30, 50.0);
    optional.spec.required = false;
    optional.telemetry.state = TelemetryState::Error;
    optional.telemetry.errors = 7;
    optional.telemetry.detail = SafeText::new("7 in a row: 503");
    assert_eq!(judge(&optional).why.as_str(), "error: 7 in a row: 503");
}

#[test]
fn a_failure_is_one_when_a_newer_slice_finds_it_again() {
    let first = judge(&of_errors(20, 30.0));
    assert_eq!((first.found, first.verdict), (Verdict::Fail, Verdict::Watch));
    assert!(first.why.as_str().starts_with("3.00% against 0.10%, limit "), "{}", first.why);
    assert!(first.why.as_str().ends_with("; fails when it is found again"), "{}", first.why);

    let mut again = of_errors(20, 30.0);
    again.before = first.after.clone();
    again.at = at(20 * 60 + 30);
    assert_eq!(judge(&again).verdict, Verdict::Watch, "the same slices");

    let mut newer = of_errors(21, 30.0);
    newer.before = first.after.clone();
    let second = judge(&newer);
    assert_eq!((second.found, second.verdict), (Verdict::Fail, Verdict::Fail));
    assert!(second.why.as_str().contains(" for 1m, "), "{}", second.why);

    let mut silent = of_errors(21, 30.0);
    silent.before = second.after.clone();
    silent.telemetry.state = TelemetryState::Stale;
    let silent = judge(&silent);
    assert_eq!((silent.found, silent.verdict), (Verdict::NoData, Verdict::Fail));
    assert!(silent.why.as_str().starts_with("failed before, and stale, blocks promotion"), "{}", silent.why);

    let mut clean = of_errors(22, 1.0);
    clean.before = second.after;
    let clean = judge(&clean);
    assert_eq!(clean.verdict, Verdict::Fail);
    assert!(clean.why.as_str().starts_with("failed before, 1 of 10 clean since: 0.10% against 0.10%"), "{}", clean.why);
}

#[test]
fn equal_versions_pass_with_enough_events_and_say_what_is_missing_before() {
    let mut enough = of_errors(60, 1.0);
    enough.spec.objective = Some(0.995);
    let enough = judge(&enough);
    assert_eq!(enough.verdict, Verdict::Pass, "{}", enough.why);
    let little = judge(&of_errors(4, 1.0));
    assert_eq!(little.verdict, Verdict::Insufficient);
    assert!(little.why.as_str().contains("too little to judge"), "{}", little.why);
    let none = judge(&evidence(spec(SliKind::Ratio), 9, Data::Events { slices: Vec::new() }));
    assert_eq!(none.verdict, Verdict::NoData);
}

#[test]
fn counts_are_judged_by_who_produced_them() {
    let slices: Vec<Slice> = (2..12)
        .map(|n| Slice {
            at: minute(n),
            merged: 1,
            canary: Counts { bad: 2.0, total: 600.0 },
            baseline: Counts { bad: 0.1, total: 5400.0 },
        })
        .collect();
    let mut restarts = evidence(spec(SliKind::Count), 12, Data::Events { slices });
    restarts.history = vec![Counts { bad: 0.1, total: 5400.0 }; 60];
    let restarts = judge(&restarts);
    assert_eq!(restarts.found, Verdict::Fail, "{}", restarts.why);
    assert!(restarts.e_value.unwrap() > 100.0);
    assert_eq!((restarts.method.as_str(), restarts.burn), ("events", None));
}

/// Durations of a canary of which so many of 1000 a slice take 300 to 500 ms, and the rest up to 100.
fn durations(now: i64, slow: f64, threshold: Option<f64>) -> Evidence {
    let mut spec = spec(SliKind::Latency);
    spec.threshold = threshold;
    let segment = |from: i64, slices: f64| Segment {
        at: minute(from),
        merged: slices as u32,
        canary: vec![(1000.0 - slow) * slices, 0.0, slow * slices, 0.0],
        baseline: vec![8991.0 * slices, 0.0, 9.0 * slices, 0.0],
    };
    let counted = now - 2;
    let mut segments: Vec<Segment> = (0..counted / 15).map(|n| segment(2 + n * 15, 15.0)).collect();
    if counted % 15 > 0 {
        segments.push(segment(2 + counted / 15 * 15, (counted % 15) as f64));
    }
    let slow = if threshold.is_some() { slices(2..now, slow) } else { Vec::new() };
    evidence(spec, now, Data::Durations { bounds: vec![100.0, 300.0, 500.0], segments, slow })
}

#[test]
fn a_slow_canary_fails_by_the_share_that_is_slow_before_its_quantiles_move() {
    let share = judge(&durations(20, 30.0, Some(300.0)));
    assert_eq!(share.found, Verdict::Fail);
    assert!(share.why.as_str().starts_with("slower than 300 ms: 3.00% against 0.10%, limit "), "{}", share.why);
    assert_eq!(share.method.as_str(), "sequence");
    assert!(share.canary.value.unwrap() > 1.0, "its numbers stay milliseconds: {:?}", share.canary);

    let bands = judge(&durations(20, 90.0, None));
    assert_eq!((bands.found, bands.method.as_str()), (Verdict::Fail, "quantile_band"), "{}", bands.why);
    assert!(bands.why.as_str().contains("p9"), "{}", bands.why);

    let equal = judge(&durations(60, 1.0, Some(300.0)));
    assert_eq!(equal.verdict, Verdict::Pass, "{}", equal.why);
}

#[test]
fn a_threshold_that_is_none_is_said() {
    let wrong = judge(&durations(20, 90.0, Some(-1.0)));
    assert!(matches!(wrong.verdict, Verdict::Watch | Verdict::Fail | Verdict::Insufficient));
    let mut no_share = durations(20, 90.0, Some(-1.0));
    let Data::Durations { slow, .. } = &mut no_share.data else { panic!() };
    slow.clear();
    let no_share = judge(&no_share);
    assert_eq!(no_share.verdict, Verdict::Insufficient);
    assert!(no_share.why.as_str().starts_with("a threshold of -1 is none"), "{}", no_share.why);
}

/// Points of a gauge that vary without following each other.
fn points(minutes: std::ops::Range<i64>, canary: f64) -> Vec<Point> {
    let noise = |n: i64| ((n * 7919) % 97) as f64 / 97.0 - 0.5;
    minutes
        .map(|n| Point { at: minute(n), canary: Some(canary + noise(n)), baseline: Some(10.0 + noise(n * 31 + 7)) })
        .collect()
}

#[test]
fn a_gauge_is_looked_at_once_for_each_stretch_of_time() {
    let gauge = |now: i64, before: &Standing| {
        let data = Data::Values { points: points(2..now, 20.0) };
        judge(&Evidence { before: before.clone(), ..evidence(spec(SliKind::Gauge), now, data) })
    };
    let mut before = Standing::default();
    let mut seen = Vec::new();
    for now in 3..=22 {
        let judgement = gauge(now, &before);
        seen.push((judgement.found, judgement.verdict));
        before = judgement.after;
    }
    assert!(seen[..9].iter().all(|(found, _)| *found == Verdict::Insufficient), "{seen:?}");
    assert_eq!(seen[9..19], [(Verdict::Fail, Verdict::Watch); 10], "what was found stands, and counts once");
    assert_eq!(seen[19], (Verdict::Fail, Verdict::Fail));
}

#[test]
fn kayenta_can_be_asked_for_whatever_is_measured() {
    let kayenta = |evidence: Evidence| {
        let spec = Spec { scoring: Scoring::Kayenta, ..evidence.spec };
        judge(&Evidence { spec, ..evidence })
    };
    let noisy = |minutes: std::ops::Range<i64>| -> Vec<Slice> {
        minutes
            .map(|n| Slice {
                at: minute(n),
                merged: 1,
                canary: Counts { bad: 30.0 + (n % 5) as f64, total: 1000.0 },
                baseline: Counts { bad: 9.0 + (n % 7) as f64, total: 9000.0 },
            })
            .collect()
    };
    let ratio = kayenta(evidence(spec(SliKind::Ratio), 30, Data::Events { slices: noisy(2..30) }));
    assert_eq!((ratio.found, ratio.method.as_str()), (Verdict::Fail, "kayenta"), "{}", ratio.why);
    assert!(ratio.why.as_str().starts_with("High: mean 3.2"), "{}", ratio.why);
    let gauge = kayenta(evidence(spec(SliKind::Gauge), 30, Data::Values { points: points(2..30, 20.0) }));
    assert_eq!((gauge.found, gauge.method.as_str()), (Verdict::Fail, "kayenta"), "{}", gauge.why);
    let latency = kayenta(durations(30, 30.0, Some(300.0)));
    assert_eq!(latency.method.as_str(), "kayenta");
    let few = kayenta(evidence(spec(SliKind::Ratio), 11, Data::Events { slices: noisy(2..11) }));
    assert_eq!((few.found, few.why.as_str()), (Verdict::Insufficient, "9 and 9 points, 10 of each needed"));
}

#[test]
fn what_was_measured_of_another_kind_is_no_data() {
    let wrong = judge(&evidence(spec(SliKind::Gauge), 9, Data::Events { slices: slices(2..9, 1.0) }));
    assert_eq!((wrong.verdict, wrong.why.as_str()), (Verdict::NoData, "what was measured is not of a gauge"));
}

#[test]
fn a_budget_is_read_beside_the_verdict_and_each_slice_once() {
    let mut first = of_errors(40, 40.0);
    first.spec.objective = Some(0.999);
    first.spent = Some(Counts { bad: 250.0, total: 1e6 });
    let one = judge(&first);
    let burn = one.burn.unwrap();
    assert_eq!(
        (burn.level, burn.middle.map(f64::round), burn.baseline.map(f64::round)),
        (BurnLevel::Ok, Some(40.0), Some(1.0))
    );
    assert!((burn.budget_left.unwrap() - 0.75).abs() < 1e-9);
    assert_eq!((one.after.halts, one.after.pages), (1, 1));
    let mut same = first.clone();
    same.before = one.after.clone();
    same.at = at(40 * 60 + 30);
    let same = judge(&same);
    assert_eq!((same.after.pages, same.burn.unwrap().level), (1, BurnLevel::Ok), "nothing new was seen");
    let mut newer = of_errors(41, 40.0);
    newer.spec.objective = Some(0.999);
    newer.before = one.after;
    assert_eq!(judge(&newer).burn.unwrap().level, BurnLevel::Page);
    let mut unknown = first;
    unknown.spent = None;
    assert_eq!(judge(&unknown).burn.unwrap().budget_left, None, "nobody knows, which is not 'all of it'");
}

#[test]
fn arms_that_change_places_change_the_sign() {
    for (bad, kind) in [(30.0, SliKind::Ratio), (3.0, SliKind::Ratio)] {
        let there = evidence(spec(kind), 40, Data::Events { slices: slices(2..40, bad) });
        let swapped: Vec<Slice> =
            slices(2..40, bad).into_iter().map(|s| Slice { canary: s.baseline, baseline: s.canary, ..s }).collect();
        let back = Evidence {
            history: vec![Counts { bad, total: 1000.0 }; 60],
            ..evidence(spec(kind), 40, Data::Events { slices: swapped })
        };
        let (there, back) = (judge(&there), judge(&back));
        assert!((there.difference.unwrap() + back.difference.unwrap()).abs() < 1e-12);
        assert!(!(there.found == Verdict::Fail && back.found == Verdict::Fail));
        assert!(matches!(back.found, Verdict::Pass | Verdict::Insufficient), "{}", back.why);
    }
}

#[test]
fn a_chart_is_drawn_of_a_ratio_whose_telemetry_is_well() {
    let mut errors = of_errors(20, 30.0);
    assert_eq!(path(&errors).len(), 18);
    errors.telemetry.state = TelemetryState::Stale;
    assert!(path(&errors).is_empty());
}

fn act() -> AutomaticAct {
    let named = |name: &str, evidence: Evidence, before: Standing| Evidence {
        spec: Spec { name: SafeText::new(name), ..evidence.spec },
        before,
        ..evidence
    };
    let failed = |evidence: &Evidence, older: &Evidence| Evidence { before: judge(older).after, ..evidence.clone() };
    let errors = failed(&of_errors(21, 30.0), &of_errors(20, 30.0));
    let latency = failed(&durations(21, 90.0, Some(300.0)), &durations(20, 90.0, Some(300.0)));
    let cpu = evidence(spec(SliKind::Gauge), 21, Data::Values { points: points(2..21, 10.0) });
    let indicators = vec![
        named("errors", errors.clone(), errors.before.clone()),
        named("p99", latency.clone(), latency.before.clone()),
        named("cpu", cpu, Standing::default()),
    ];
    let situation = Situation {
        at: minute(21),
        step: Step { since: minute(0), dwell: 600.0, ends: None },
        indicators,
        correlated: Vec::new(),
        before: Memory { rows: 1, last: Some(minute(20)) },
    };
    let queries = SliQueries {
        bad: Some("sum(rate(errors{service=\"$service\"}[$window]))".to_owned()),
        ..SliQueries::default()
    };
    let origin = Origin {
        rollout: "dc-west/pick-assist".parse().unwrap(),
        stable: VersionRef::default(),
        candidate: VersionRef { version: Some(SafeText::new("2.5.0")), snapshot: None },
        source: SafeText::new("metrics"),
        queries: [("errors".to_owned(), queries)].into(),
    };
    AutomaticAct::new(origin, situation)
}

#[test]
fn an_automatic_act_is_judged_again_to_the_same_bytes() {
    let act = act();
    assert_eq!(act.conclusion.decision, Decision::Rollback, "{}", act.conclusion.why);
    assert_eq!(recompute(&act), act);
    let text = act.to_json().unwrap();
    let again = rejudge(&text).unwrap();
    assert_eq!(again.differs, Vec::<String>::new());
    assert_eq!(again.again.to_json().unwrap(), text);
}

#[test]
fn an_act_whose_evidence_or_verdict_was_changed_is_found_out() {
    let honest = act();
    let mut kinder = honest.clone();
    kinder.judgements[0].verdict = Verdict::Pass;
    let found = rejudge(&kinder.to_json().unwrap()).unwrap();
    assert_eq!(found.differs, ["errors was pass, and is fail"]);

    let mut other = honest.clone();
    other.conclusion.decision = Decision::Promote;
    let found = rejudge(&other.to_json().unwrap()).unwrap();
    assert!(found.differs[0].starts_with("the decision was promote, and is rollback"), "{:?}", found.differs);

    let mut milder = honest.clone();
    let Data::Events { slices } = &mut milder.situation.indicators[0].data else { panic!() };
    for slice in slices {
        slice.canary.bad = 1.0;
    }
    let found = rejudge(&milder.to_json().unwrap()).unwrap();
    assert!(found.differs.iter().any(|line| line.starts_with("errors was fail")), "{:?}", found.differs);

    let text = honest.to_json().unwrap();
    assert_eq!(rejudge(&text.replace("{\"schema\"", "{ \"schema\"")).unwrap().differs.len(), 1, "another text");
    assert!(rejudge("{}").is_err() && rejudge("[").is_err());
    let future = text.replacen("\"schema\":1", "\"schema\":2", 1);
    assert!(rejudge(&future).unwrap_err().to_string().starts_with("the evidence has form 2"));
}

#[test]
fn the_document_of_an_act_stays_small() {
    let mut ledger = Ledger::new(spec(SliKind::Ratio), 60, TimeDelta::seconds(180));
    ledger.begin_step(minute(0));
    for now in 1..400_i64 {
        let wanted = ledger.wanted(minute(now));
        let (from, to) = ((wanted.from - minute(0)).num_minutes(), (wanted.to - minute(0)).num_minutes());
        let events = |bad: f64, total: f64| Some(Amount::Events(Counts { bad, total }));
        let slices: Vec<Observed> = (from..to)
            .map(|n| Observed { at: minute(n), canary: events(1.0, 1017.0), baseline: events(9.0, 9411.0) })
            .collect();
        ledger.take(minute(now), Ok(Given { slices: &slices, ..Given::default() }));
    }
    let mut act = act();
    act.situation.indicators = vec![ledger.evidence(minute(399)); 8];
    let act = AutomaticAct::new(act.origin, act.situation);
    let bytes = act.to_json().unwrap().len();
    assert!(bytes < 160 * 1024, "{bytes} for 8 indicators after 6 hours");
}

fn any_slices() -> impl Strategy<Value = Vec<Slice>> {
    let counts =
        || (0.0..40.0_f64, 1.0..3000.0_f64).prop_map(|(bad, total)| Counts { bad: bad.min(total).floor(), total });
    proptest::collection::vec((counts(), counts()), 0..50).prop_map(|all| {
        (2..).zip(all).map(|(n, (canary, baseline))| Slice { at: minute(n), merged: 1, canary, baseline }).collect()
    })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let directions = proptest::sample::select(Direction::ALL.to_vec());
    let kinds = proptest::sample::select(vec![SliKind::Ratio, SliKind::Count]);
    (any_slices(), directions, kinds, proptest::option::of(0.9..0.9999_f64), any::<bool>()).prop_map(
        |(slices, direction, kind, objective, kayenta)| {
            let scoring = if kayenta { Scoring::Kayenta } else { Scoring::Sequential };
            let spec = Spec { direction, objective, scoring, ..spec(kind) };
            let now = 2 + slices.len().cast_signed() as i64;
            evidence(spec, now, Data::Events { slices })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_same_evidence_comes_to_the_same_bytes(evidence in any_evidence()) {
        let bytes = serde_json::to_vec(&judge(&evidence)).unwrap();
        prop_assert_eq!(&serde_json::to_vec(&judge(&evidence)).unwrap(), &bytes);
        let text = serde_json::to_string(&evidence).unwrap();
        let read: Evidence = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&serde_json::to_vec(&judge(&read)).unwrap(), &bytes);
        let judgement: Judgement = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_vec(&judgement).unwrap(), bytes);
    }

    /// Four bad events of the canary are below every floor, however few the baseline has.
    #[test]
    fn what_is_below_the_floors_never_fails(
        baseline in 0.0..5.0_f64, total in 1.0..1e6_f64, places in proptest::collection::vec(0..40_usize, 0..4),
        count: bool,
    ) {
        let mut slices = slices(2..42, 0.0);
        for slice in &mut slices {
            slice.canary.total = total;
            slice.baseline = Counts { bad: baseline.floor(), total: 1e6 };
        }
        for place in places {
            slices[place].canary.bad += 1.0;
        }
        let kind = if count { SliKind::Count } else { SliKind::Ratio };
        let mut evidence = evidence(spec(kind), 42, Data::Events { slices });
        evidence.before.fails = 1;
        let judgement = judge(&evidence);
        prop_assert!(judgement.found != Verdict::Fail && judgement.verdict != Verdict::Fail, "{}", judgement.why);
    }
}
