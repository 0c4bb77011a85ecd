//! What is decided of which indicators.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{
    super::{
        evidence::{Counts, Data, Evidence, Judgement, SCHEMA, Slice, Spec, Standing, Telemetry},
        gates::{budget_gate, verdict_gate},
    },
    Conclusion, Correlated, Decision, Memory, ReasonKind, Situation, Step, overall,
};
use crate::domain::{
    SafeText, SliArm, Truth, Verdict,
    sli::{Burn, BurnLevel, Direction, Family, Scoring, SliKind, TelemetryState},
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

/// One evaluation is made, 20 minutes into the step.
const NOW: i64 = 1200;

/// An indicator with what was concluded of it.
#[derive(Debug, Clone)]
struct Indicator {
    evidence: Evidence,
    judgement: Judgement,
}

impl Indicator {
    fn new(name: &str, family: Family, verdict: Verdict) -> Self {
        let spec = Spec {
            name: SafeText::new(name),
            kind: SliKind::Ratio,
            family,
            unit: SafeText::new("ratio"),
            direction: Direction::HigherIsWorse,
            critical: false,
            required: true,
            observe_only: false,
            objective: Some(0.99),
            period: 30.0 * 86_400.0,
            threshold: None,
            limit: None,
            scoring: Scoring::Sequential,
        };
        let state = if verdict == Verdict::NoData { TelemetryState::Empty } else { TelemetryState::Ok };
        let telemetry =
            Telemetry { state, detail: SafeText::default(), errors: 0, newest: Some(at(NOW - 20)), max_lag: 180.0 };
        let evidence = Evidence {
            schema: SCHEMA,
            spec,
            at: at(NOW),
            since: at(0),
            counts_from: at(120),
            slice: 60.0,
            telemetry,
            history: vec![Counts { bad: 10.0, total: 1000.0 }; 60],
            latest: latest(1.0, 10.0),
            spent: None,
            data: Data::Events { slices: Vec::new() },
            before: Standing::default(),
        };
        let failed = verdict == Verdict::Fail;
        let judgement = Judgement {
            found: verdict,
            verdict,
            why: SafeText::new(format!("numbers of {name}")),
            method: SafeText::new("sequence"),
            canary: SliArm::default(),
            baseline: SliArm::default(),
            difference: None,
            ratio: None,
            interval: None,
            limit: None,
            e_value: None,
            burn: None,
            after: Standing { failed, held: failed, ..Standing::default() },
            path: Vec::new(),
        };
        Self { evidence, judgement }
    }

    fn critical(mut self) -> Self {
        self.evidence.spec.critical = true;
        self
    }

    fn optional(mut self) -> Self {
        self.evidence.spec.required = false;
        self
    }

    fn watched_only(mut self) -> Self {
        self.evidence.spec.observe_only = true;
        self
    }

    fn telemetry(mut self, state: TelemetryState, age: i64) -> Self {
        self.evidence.telemetry.state = state;
        self.evidence.telemetry.newest = Some(at(NOW - age));
        self
    }

    fn burn(mut self, middle: f64, baseline: f64, level: BurnLevel) -> Self {
        self.judgement.burn = Some(Burn {
            objective: 0.99,
            short: Some(middle),
            middle: Some(middle),
            long: Some(middle),
            baseline: Some(baseline),
            level,
            budget_left: None,
            empty_in: None,
        });
        self
    }

    fn found(mut self, found: Verdict) -> Self {
        self.judgement.found = found;
        self
    }

    fn recent(mut self, canary: f64, baseline: f64) -> Self {
        self.evidence.latest = latest(canary, baseline);
        self
    }
}

/// 15 slices of so many bad events among 100 of the canary and 1000 of the baseline.
fn latest(canary: f64, baseline: f64) -> Vec<Slice> {
    (0..15)
        .map(|n| Slice {
            at: at(NOW - 60 * (15 - n)),
            merged: 1,
            canary: Counts { bad: canary, total: 100.0 },
            baseline: Counts { bad: baseline, total: 1000.0 },
        })
        .collect()
}

fn situation(indicators: &[Indicator]) -> Situation {
    Situation {
        at: at(NOW),
        step: Step { since: at(0), dwell: 600.0, ends: None },
        indicators: indicators.iter().map(|i| i.evidence.clone()).collect(),
        correlated: Vec::new(),
        before: Memory::default(),
    }
}

fn judgements(indicators: &[Indicator]) -> Vec<Judgement> {
    indicators.iter().map(|indicator| indicator.judgement.clone()).collect()
}

/// The decision after so many evaluations that find the same, half a minute apart.
fn decide(indicators: &[Indicator], evaluations: u32) -> Conclusion {
    decide_in(&situation(indicators), indicators, evaluations)
}

fn decide_in(situation: &Situation, indicators: &[Indicator], evaluations: u32) -> Conclusion {
    let mut situation = situation.clone();
    let judgements = judgements(indicators);
    let mut conclusion = overall(&situation, &judgements);
    for _ in 1..evaluations {
        situation.before = conclusion.after;
        situation.at += TimeDelta::seconds(30);
        conclusion = overall(&situation, &judgements);
    }
    conclusion
}

fn kinds(conclusion: &Conclusion) -> Vec<ReasonKind> {
    conclusion.reasons.iter().map(|reason| reason.kind).collect()
}

use Family::{Availability, Business, Cost, Latency};
use Verdict::{Fail, Insufficient, NoData, Pass, Watch};

fn of(name: &str, family: Family, verdict: Verdict) -> Indicator {
    Indicator::new(name, family, verdict)
}

#[test]
fn two_families_that_fail_twice_in_a_row_send_it_back() {
    let both = [of("errors", Availability, Fail), of("p99", Latency, Fail)];
    let first = decide(&both, 1);
    assert_eq!(first.decision, Decision::Halt);
    assert!(first.why.as_str().ends_with("one more evaluation that finds it rolls back"), "{}", first.why);
    let second = decide(&both, 2);
    assert_eq!(second.decision, Decision::Rollback);
    assert_eq!(
        second.why.as_str(),
        "availability and latency fail (errors: numbers of errors; p99: numbers of p99); found in 2 evaluations in a row"
    );
    assert_eq!(second.failed, [Availability, Latency]);
    assert_eq!(second.verdict.label, Fail);
}

#[test]
fn one_family_halts_however_many_of_its_indicators_fail() {
    for indicators in [
        vec![of("errors", Availability, Fail), of("p99", Latency, Pass)],
        vec![of("errors", Availability, Fail), of("5xx", Availability, Fail), of("timeouts", Availability, Fail)],
    ] {
        let conclusion = decide(&indicators, 9);
        assert_eq!(conclusion.decision, Decision::Halt);
        assert!(conclusion.why.as_str().starts_with("errors fails: numbers of errors"), "{}", conclusion.why);
        assert_eq!(conclusion.after, Memory::default());
    }
}

#[test]
fn a_critical_failure_that_burns_at_the_paging_rate_is_enough() {
    let of_level = |level| [of("errors", Availability, Fail).critical().burn(12.4, 1.0, level)];
    assert_eq!(decide(&of_level(BurnLevel::Page), 2).decision, Decision::Rollback);
    assert!(
        decide(&of_level(BurnLevel::Page), 2)
            .why
            .as_str()
            .contains("errors is critical, fails, and burns its budget 12.4x")
    );
    for level in [BurnLevel::Halt, BurnLevel::Ok, BurnLevel::TooLittle, BurnLevel::Unknown] {
        assert_eq!(decide(&of_level(level), 9).decision, Decision::Halt, "{level:?}");
    }
    let ordinary = [of("errors", Availability, Fail).burn(12.0, 1.0, BurnLevel::Page)];
    assert_eq!(decide(&ordinary, 9).decision, Decision::Halt, "not critical");
    let watched = [of("errors", Availability, Watch).critical().burn(12.0, 1.0, BurnLevel::Page)];
    assert_eq!(decide(&watched, 9).decision, Decision::Halt, "does not fail");
}

#[test]
fn evaluations_too_close_together_are_one() {
    let both = [of("errors", Availability, Fail), of("p99", Latency, Fail)];
    let mut situation = situation(&both);
    let first = overall(&situation, &judgements(&both));
    situation.before = first.after;
    situation.at += TimeDelta::seconds(29);
    let again = overall(&situation, &judgements(&both));
    assert_eq!((again.decision, again.after), (Decision::Halt, first.after));
    situation.at += TimeDelta::seconds(1);
    assert_eq!(overall(&situation, &judgements(&both)).decision, Decision::Rollback);

    for evidence in &mut situation.indicators {
        evidence.slice = 10.0;
    }
    situation.at = at(NOW + 5);
    assert_eq!(overall(&situation, &judgements(&both)).decision, Decision::Rollback, "half a slice, of short ones");
}

#[test]
fn an_evaluation_in_between_that_does_not_find_it_begins_the_count_anew() {
    let both = [of("errors", Availability, Fail), of("p99", Latency, Fail)];
    let one = [both[0].clone(), of("p99", Latency, Fail).found(Watch)];
    let mut situation = situation(&both);
    situation.before = Memory { rows: 1, last: Some(at(NOW - 60)) };
    let conclusion = overall(&situation, &judgements(&one));
    assert_eq!((conclusion.decision, conclusion.after), (Decision::Halt, Memory::default()));
}

#[test]
fn missing_data_rolls_nothing_back() {
    use TelemetryState::{Empty, Error, Ok, Stale, Warming};
    for state in [Empty, Error, Stale, Warming] {
        let silent = [
            of("errors", Availability, Fail).critical().burn(99.0, 1.0, BurnLevel::Page).telemetry(state, 30),
            of("p99", Latency, Fail).telemetry(state, 30),
            of("cost", Cost, Pass).telemetry(Ok, 10),
        ];
        assert_eq!(decide(&silent, 9).decision, Decision::Halt, "{state:?}");
    }
    let nothing = [of("errors", Availability, NoData), of("p99", Latency, NoData)];
    assert_eq!(decide(&nothing, 9).decision, Decision::Halt);
    let half = [
        of("errors", Availability, Fail),
        of("p99", Latency, Fail),
        of("conversion", Business, NoData),
        of("cost", Cost, NoData),
    ];
    let conclusion = decide(&half, 9);
    assert_eq!(conclusion.decision, Decision::Halt, "nobody should act on the rest");
    assert!(conclusion.reasons.iter().any(|r| r.text.as_str() == "2 of 4 required indicators have no data"));
    let third = [of("errors", Availability, Fail), of("p99", Latency, Fail), of("cost", Cost, NoData)];
    assert_eq!(decide(&third, 2).decision, Decision::Rollback);
}

#[test]
fn stale_telemetry_halts_and_says_by_how_much() {
    let stale = [
        of("errors", Availability, NoData).telemetry(TelemetryState::Stale, 190),
        of("p99", Latency, Pass),
        of("cost", Cost, Pass),
    ];
    let conclusion = decide(&stale, 1);
    assert_eq!(conclusion.decision, Decision::Halt);
    assert_eq!(conclusion.why.as_str(), "errors: telemetry lags 190 s behind, limit 180 s: promotion waits");
    let mut optional = stale;
    optional[0] = optional[0].clone().optional();
    assert_eq!(decide(&optional, 1).decision, Decision::Promote, "what nothing waits for holds nothing");
}

#[test]
fn silence_holds_at_first_and_halts_after_ten_minutes() {
    for (state, kind) in [(TelemetryState::Empty, ReasonKind::Empty), (TelemetryState::Error, ReasonKind::Error)] {
        let silent = |age| {
            [of("errors", Availability, NoData).telemetry(state, age), of("p99", Latency, Pass), of("cost", Cost, Pass)]
        };
        let early = decide(&silent(600), 1);
        assert_eq!((early.decision, early.reasons[0].kind, early.reasons[0].halts), (Decision::Continue, kind, false));
        let late = decide(&silent(660), 1);
        assert_eq!((late.decision, late.reasons[0].kind, late.reasons[0].halts), (Decision::Halt, kind, true));
        assert!(late.why.as_str().starts_with("errors has no data for 11m: "), "{}", late.why);
    }
}

#[test]
fn it_is_promoted_when_every_required_indicator_passes_and_the_step_ran_long_enough() {
    let pass = [of("errors", Availability, Pass), of("p99", Latency, Pass), of("cost", Cost, Insufficient).optional()];
    let conclusion = decide(&pass, 1);
    assert_eq!(conclusion.decision, Decision::Promote);
    assert_eq!(conclusion.why.as_str(), "all 2 required indicators pass, 20m into the step");
    assert_eq!((conclusion.reasons.len(), conclusion.unscored.len()), (0, 1));

    let mut young = situation(&pass);
    young.step.since = at(NOW - 599);
    let conclusion = overall(&young, &judgements(&pass));
    assert_eq!((conclusion.decision, kinds(&conclusion)), (Decision::Continue, vec![ReasonKind::Dwell]));
    assert_eq!(conclusion.why.as_str(), "the step runs for 9m, and must for 10m");

    for (verdict, kind) in
        [(Watch, ReasonKind::Watch), (Insufficient, ReasonKind::Insufficient), (NoData, ReasonKind::Empty)]
    {
        let one = [of("errors", Availability, verdict), of("p99", Latency, Pass), of("cost", Cost, Pass)];
        let conclusion = decide(&one, 1);
        assert_eq!((conclusion.decision, kinds(&conclusion)), (Decision::Continue, vec![kind]), "{verdict:?}");
    }
}

#[test]
fn what_is_not_required_votes_for_failing_and_is_not_needed_to_pass() {
    let optional = |verdict| [of("errors", Availability, Pass), of("cost", Cost, verdict).optional()];
    assert_eq!(decide(&optional(Fail), 1).decision, Decision::Halt);
    assert_eq!(decide(&optional(NoData), 1).decision, Decision::Promote);
    let mut young = optional(Watch);
    young[1].judgement.after.watched_since = Some(at(NOW - 299));
    assert_eq!(kinds(&decide(&young, 1)), [ReasonKind::Watch]);
    young[1].judgement.after.watched_since = Some(at(NOW - 300));
    assert_eq!(decide(&young, 1).decision, Decision::Promote);
    let warming = [
        of("errors", Availability, Pass),
        of("cost", Cost, Insufficient).optional().telemetry(TelemetryState::Warming, 0),
    ];
    assert_eq!(kinds(&decide(&warming, 1)), [ReasonKind::Warming], "nothing changes while any of them warms up");
}

#[test]
fn what_is_only_observed_never_votes() {
    let observed = [
        of("errors", Availability, Fail)
            .watched_only()
            .critical()
            .burn(99.0, 99.0, BurnLevel::Page)
            .recent(99.0, 900.0),
        of("p99", Latency, Fail).watched_only(),
        of("cost", Cost, Pass),
    ];
    let conclusion = decide(&observed, 9);
    assert_eq!(conclusion.decision, Decision::Promote);
    assert_eq!((conclusion.verdict.label, conclusion.verdict.score), (Pass, Some(100.0)));
    let alone = [of("errors", Availability, Pass).watched_only()];
    assert_eq!(kinds(&decide(&alone, 1)), [ReasonKind::Unasked], "and silence never promotes");
    assert_eq!(kinds(&decide(&[], 1)), [ReasonKind::Unasked]);
}

#[test]
fn a_failure_that_passed_again_holds_until_somebody_acknowledges_it() {
    let mut again = [of("errors", Availability, Pass), of("p99", Latency, Pass)];
    again[0].judgement.after.held = true;
    let conclusion = decide(&again, 1);
    assert_eq!((conclusion.decision, kinds(&conclusion)), (Decision::Continue, vec![ReasonKind::Held]));
    let (truth, why) = verdict_gate(&[], &situation(&again).indicators, &judgements(&again));
    assert_eq!(truth, Truth::False);
    assert!(why.as_str().starts_with("errors failed in this step"), "{why}");
}

#[test]
fn a_step_without_an_answer_in_its_time_asks_somebody() {
    let little = [of("errors", Availability, Insufficient), of("p99", Latency, Pass)];
    let mut situation = situation(&little);
    situation.step.ends = Some(1200.0);
    let conclusion = overall(&situation, &judgements(&little));
    assert_eq!(conclusion.decision, Decision::Ask);
    assert_eq!(conclusion.why.as_str(), "the step's time (20m) is up: errors has too little data: numbers of errors");
    situation.step.ends = Some(1201.0);
    assert_eq!(overall(&situation, &judgements(&little)).decision, Decision::Continue);
}

#[test]
fn a_burning_budget_halts_and_says_whose_it_is() {
    let burning = |baseline| [of("errors", Availability, Pass).burn(3.5, baseline, BurnLevel::Halt)];
    let own = decide(&burning(0.9), 1);
    assert_eq!(own.decision, Decision::Halt);
    assert_eq!(own.why.as_str(), "errors burns its budget 3.50x over 5 slices, 3.50x over 30");
    assert!(decide(&burning(2.9), 1).why.as_str().ends_with("so that it may not be the release's doing"));
}

#[test]
fn a_shared_incident_halts_and_sends_back_only_what_is_much_worse() {
    let fail = |canary: f64, baseline: f64| {
        [of("errors", Availability, Fail).recent(canary, baseline), of("p99", Latency, Fail).recent(canary, baseline)]
    };
    // Before the step the baseline had 1 % of bad events; now it has 8 %.
    let shared = decide(&fail(12.0, 80.0), 9);
    assert_eq!(shared.decision, Decision::Halt);
    let incident = shared.reasons.iter().find(|reason| reason.kind == ReasonKind::Incident).unwrap();
    assert!(incident.text.as_str().contains("worse than before the step (8.00% bad against 1.00%)"), "{incident:?}");
    assert_eq!(decide(&fail(16.0, 80.0), 2).decision, Decision::Rollback, "twice as bad as the baseline");
    assert_eq!(decide(&fail(2.0, 10.0), 2).decision, Decision::Rollback, "no incident: as before the step");

    let drifted = decide(&fail(3.0, 14.0), 2);
    assert_eq!(drifted.decision, Decision::Rollback, "1.4 times the errors are no incident: {:?}", drifted.reasons);

    // Of a conversion most are 'bad': fewer of the others are what tells.
    let business = |canary: f64, baseline: f64| {
        let mut conversion = of("conversion", Business, Fail).recent(canary, baseline);
        conversion.evidence.history = vec![Counts { bad: 970.0, total: 1000.0 }; 60];
        [conversion, of("errors", Availability, Fail).recent(100.0, 10.0)]
    };
    let broken = decide(&business(99.9, 995.0), 2);
    assert!(kinds(&broken).contains(&ReasonKind::Incident), "{:?}", broken.reasons);
    assert_eq!(broken.decision, Decision::Rollback, "conversions are a fifth of a baseline in trouble");
    assert_eq!(decide(&business(99.4, 995.0), 9).decision, Decision::Halt);

    let burning = [
        of("errors", Availability, Fail).burn(9.0, 6.0, BurnLevel::Halt).recent(1.2, 10.0),
        of("p99", Latency, Fail).recent(1.2, 10.0),
    ];
    let conclusion = decide(&burning, 9);
    assert_eq!(conclusion.decision, Decision::Halt, "a baseline that burns its budget");
    assert!(kinds(&conclusion).contains(&ReasonKind::Incident));
}

#[test]
fn indicators_that_moved_together_are_one_witness() {
    let three = [of("errors", Availability, Fail), of("p99", Latency, Fail), of("conversion", Business, Fail)];
    let pair = |one: &str, other: &str, correlation| Correlated {
        one: SafeText::new(one),
        other: SafeText::new(other),
        correlation,
    };
    let decision = |count: usize, correlated: Vec<Correlated>| {
        let mut situation = situation(&three[..count]);
        situation.correlated = correlated;
        decide_in(&situation, &three[..count], 2).decision
    };
    assert_eq!(decision(2, vec![pair("errors", "p99", 0.81)]), Decision::Halt);
    assert_eq!(decision(2, vec![pair("errors", "p99", 0.8)]), Decision::Rollback);
    assert_eq!(decision(3, vec![pair("errors", "p99", 0.9)]), Decision::Rollback, "a third says it too");
    let chain = vec![pair("p99", "conversion", 0.9), pair("errors", "p99", 0.9)];
    assert_eq!(decision(3, chain), Decision::Halt);
    assert_eq!(decision(2, vec![pair("errors", "nobody", 0.9)]), Decision::Rollback);
}

#[test]
fn the_score_is_for_show() {
    for (verdicts, score, label) in [
        (vec![Pass, Pass], Some(100.0), Pass),
        (vec![Pass, Watch], Some(75.0), Watch),
        (vec![Pass, Fail], Some(50.0), Fail),
        (vec![Watch, Insufficient], Some(50.0), Watch),
        (vec![Insufficient, NoData], None, Insufficient),
        (vec![NoData, NoData], None, NoData),
        (vec![Pass, Insufficient], Some(100.0), Insufficient),
    ] {
        let families = [Availability, Latency];
        let indicators: Vec<Indicator> =
            verdicts.iter().zip(families).map(|(verdict, family)| of(family.as_str(), family, *verdict)).collect();
        let conclusion = decide(&indicators, 1);
        assert_eq!((conclusion.verdict.score, conclusion.verdict.label), (score, label), "{verdicts:?}");
        let without = verdicts.iter().filter(|v| matches!(v, Insufficient | NoData)).count();
        assert_eq!(conclusion.unscored.len(), without);
    }
    let crowded = [
        of("a", Availability, Fail),
        of("b", Availability, Pass),
        of("c", Availability, Pass),
        of("d", Availability, Pass),
        of("e", Latency, Pass),
    ];
    assert_eq!(decide(&crowded, 1).verdict.score, Some(87.5), "a family weighs as one");
}

#[test]
#[expect(clippy::large_stack_arrays, reason = "a table of evidence, once in a test")]
fn a_verdict_gate_is_true_false_or_unknown() {
    let gate = |named: &[&str], indicators: &[Indicator]| {
        let named: Vec<SafeText> = named.iter().map(SafeText::new).collect();
        let (truth, why) = verdict_gate(&named, &situation(indicators).indicators, &judgements(indicators));
        (truth, why.to_string())
    };
    let all =
        |errors, p99| [of("errors", Availability, errors), of("p99", Latency, p99), of("cost", Cost, Fail).optional()];
    for (named, indicators, truth, why) in [
        (vec![], all(Pass, Pass), Truth::True, "errors, p99 pass"),
        (vec!["errors"], all(Pass, Fail), Truth::True, "errors passes"),
        (vec![], all(Pass, Fail), Truth::False, "p99 fails: numbers of p99"),
        (vec![], all(Insufficient, Fail), Truth::False, "p99 fails: numbers of p99"),
        (vec![], all(Watch, Pass), Truth::Unknown, "errors is watched: numbers of errors"),
        (vec![], all(Pass, Insufficient), Truth::Unknown, "p99 has too little data: numbers of p99"),
        (vec![], all(NoData, Pass), Truth::Unknown, "errors has no data: numbers of errors"),
        (vec!["cost"], all(Pass, Pass), Truth::False, "cost fails: numbers of cost"),
        (vec!["other", "cost"], all(Pass, Pass), Truth::Unknown, "no indicator is named other"),
    ] {
        assert_eq!(gate(&named, &indicators), (truth, why.to_owned()));
    }
    assert_eq!(gate(&[], &[]), (Truth::Unknown, "no indicator is required".to_owned()));
}

#[test]
fn a_budget_gate_is_shut_while_the_budget_is_spent_or_unknown() {
    let with = |left: Option<f64>, level| {
        let mut indicator = of("errors", Availability, Pass).burn(1.0, 1.0, level);
        indicator.judgement.burn.as_mut().unwrap().budget_left = left;
        [indicator]
    };
    let gate = |above, indicators: &[Indicator]| {
        let (truth, why) =
            budget_gate(&SafeText::new("errors"), above, &situation(indicators).indicators, &judgements(indicators));
        (truth, why.to_string())
    };
    for (left, above, truth, why) in [
        (Some(0.42), 0.1, Truth::True, "42.0% of the budget of errors is left, more than 10.0%"),
        (Some(0.1), 0.1, Truth::False, "10.0% of the budget of errors is left, not more than 10.0%"),
        (Some(0.0), 0.0, Truth::False, "the budget of errors is spent (0.00% left)"),
        (Some(-2.5), 0.0, Truth::False, "the budget of errors is spent (-250% left)"),
        (None, 0.0, Truth::Unknown, "the source does not know what is left of the budget of errors"),
        (Some(f64::NAN), 0.0, Truth::Unknown, "the source does not know what is left of the budget of errors"),
    ] {
        assert_eq!(gate(above, &with(left, BurnLevel::Ok)), (truth, why.to_owned()));
    }
    assert_eq!(gate(0.0, &with(Some(0.9), BurnLevel::TooLittle)).0, Truth::True, "too few events are no spending");
    let mut stale = with(Some(0.9), BurnLevel::Ok);
    stale[0] = stale[0].clone().telemetry(TelemetryState::Stale, 500);
    assert_eq!(gate(0.0, &stale).0, Truth::Unknown);
    let mut without = with(Some(0.9), BurnLevel::Ok);
    without[0].evidence.spec.objective = None;
    assert_eq!(gate(0.0, &without).1, "errors has no objective, and so no budget");
    assert_eq!(gate(0.0, &[]).1, "no indicator is named errors");
}

fn any_indicator() -> impl Strategy<Value = Indicator> {
    let families = proptest::sample::select(Family::ALL.to_vec());
    let verdicts = || proptest::sample::select(vec![Pass, Watch, Fail, Insufficient, NoData]);
    let states = proptest::sample::select(vec![
        TelemetryState::Ok,
        TelemetryState::Warming,
        TelemetryState::Empty,
        TelemetryState::Stale,
        TelemetryState::Error,
    ]);
    let levels = proptest::sample::select(vec![BurnLevel::Ok, BurnLevel::Halt, BurnLevel::Page, BurnLevel::Unknown]);
    (families, verdicts(), verdicts(), states, levels, any::<[bool; 3]>(), 0.0..40.0_f64, 0.0..400.0_f64, 0..2000_i64)
        .prop_map(
            |(family, verdict, found, state, level, [critical, required, observe_only], canary, baseline, age)| {
                let mut indicator = Indicator::new(family.as_str(), family, verdict)
                    .found(found)
                    .burn(canary, baseline / 10.0, level)
                    .recent(canary, baseline)
                    .telemetry(state, age);
                let spec = &mut indicator.evidence.spec;
                (spec.critical, spec.required, spec.observe_only) = (critical, required, observe_only);
                indicator
            },
        )
}

proptest! {
    #[test]
    fn no_decision_breaks_what_is_promised(
        indicators in proptest::collection::vec(any_indicator(), 0..8), evaluations in 1..4_u32,
    ) {
        let conclusion = decide(&indicators, evaluations);
        let voters: Vec<&Indicator> = indicators.iter().filter(|i| !i.evidence.spec.observe_only).collect();
        let live = |i: &&&Indicator| {
            i.judgement.verdict == Fail && i.judgement.found == Fail && i.evidence.telemetry.state == TelemetryState::Ok
        };
        match conclusion.decision {
            Decision::Rollback => {
                let failing: Vec<&&Indicator> = voters.iter().filter(live).collect();
                let mut families: Vec<Family> = failing.iter().map(|i| i.evidence.spec.family).collect();
                families.sort_unstable();
                families.dedup();
                let critical = failing.iter().any(|i| {
                    i.evidence.spec.critical && i.judgement.burn.is_some_and(|burn| burn.level == BurnLevel::Page)
                });
                prop_assert!(evaluations >= 2 && (families.len() >= 2 || critical));
            }
            Decision::Promote => {
                let required: Vec<&&Indicator> = voters.iter().filter(|i| i.evidence.spec.required).collect();
                prop_assert!(!required.is_empty());
                prop_assert!(required.iter().all(|i| i.judgement.verdict == Pass));
                prop_assert!(!voters.iter().any(|i| i.judgement.verdict == Fail));
                prop_assert!(conclusion.reasons.is_empty());
            }
            Decision::Halt | Decision::Continue | Decision::Ask => prop_assert!(!conclusion.reasons.is_empty()),
        }
        prop_assert!(!conclusion.why.is_empty());
        let text = serde_json::to_vec(&conclusion).unwrap();
        let read: Conclusion = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(serde_json::to_vec(&read).unwrap(), text);
    }
}
