//! What a plan says of indicators, of gates on them, and of where they come from.

use proptest::{option::of, prelude::*};
use serde_json::json;

use super::*;
use crate::domain::sli::{Family, Scoring, SliKind, SliQueries};

/// A plan with these lines before its stages, from line 4 on.
fn with(lines: &str) -> String {
    with_stages(&format!("{lines}\nstages:\n  - canary: 1 site\n"))
}

fn read(lines: &str) -> Plan {
    Plan::from_yaml(&with(lines)).unwrap_or_else(|error| panic!("{error}\n{lines}"))
}

#[test]
fn every_setting_of_indicators_and_telemetry_is_read() {
    let plan = read(
        r#"slis:
  success:
    use: request_success_rate
    objective: 99.9%
    period: 28d
  pages:
    kind: latency
    family: latency
    unit: ms
    direction: higher_is_worse
    critical: true
    required: false
    limit: 20
    objective: 0.95
    period: 720h
    threshold: 300ms
    scoring: kayenta
    histogram: |
      sum by (track, le) (
        increase(page_seconds_bucket{service="$service"}[$window]))
  orders: {good: a, total: b, observe_only: true}
  failed: {bad: a, total: b}
  load: {value: a}
telemetry:
  source: prometheus
  service: pick
  arms: release
  canary: next
  baseline: stable
  slice: 30s
  max_lag: 5m
  on_fail: pause"#,
    );
    let [success, pages, orders, failed, load] = plan.slis.as_slice() else { panic!("five indicators") };
    assert_eq!(success.uses.as_ref().map(SafeText::as_str), Some("request_success_rate"));
    assert_eq!((success.objective, success.period), (Some(0.999), Some(Duration::from_hours(28 * 24))));
    assert_eq!((success.required, success.critical, success.observe_only), (true, false, false));
    let expected = PlanSli {
        kind: Some(SliKind::Latency),
        family: Some(Family::Latency),
        unit: SafeText::new("ms"),
        direction: Direction::HigherIsWorse,
        critical: true,
        required: false,
        limit: Some(20.0),
        objective: Some(0.95),
        period: Some(Duration::from_hours(720)),
        threshold: Some(300.0),
        scoring: Scoring::Kayenta,
        queries: SliQueries {
            histogram: Some(
                "sum by (track, le) (\n  increase(page_seconds_bucket{service=\"$service\"}[$window]))".to_owned(),
            ),
            ..SliQueries::default()
        },
        ..PlanSli::new("pages")
    };
    assert_eq!(*pages, expected);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        (orders.observe_only, &orders.queries),
        (true, &SliQueries { good: some("a"), total: some("b"), ..SliQueries::default() })
    );
    assert_eq!(failed.queries, SliQueries { bad: some("a"), total: some("b"), ..SliQueries::default() });
    assert_eq!(load.queries, SliQueries { value: some("a"), ..SliQueries::default() });
    let expected = PlanTelemetry {
        source: SafeText::new("prometheus"),
        service: Some(SafeText::new("pick")),
        arms: ArmsBy::Release,
        canary: SafeText::new("next"),
        baseline: SafeText::new("stable"),
        slice: Duration::from_secs(30),
        max_lag: Duration::from_mins(5),
        on_fail: Some(FailResponse::Pause),
    };
    assert_eq!(plan.telemetry, expected);
    assert_eq!(read("owner: me").telemetry, PlanTelemetry::default(), "agents' reports, in minutes");
}

/// The form that the module's documentation shows, without what it leaves out.
#[test]
fn the_plan_of_the_documentation_reads() {
    let source = include_str!("../../plan.rs");
    let shown = source.lines().skip_while(|line| *line != "//! ```yaml").skip(1).take_while(|line| *line != "//! ```");
    let lines: Vec<&str> = shown.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or("")).collect();
    let text = lines.join("\n").replace("sha256:...", DIGEST);
    let plan = Plan::from_yaml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((plan.gates.len(), plan.slis.len(), plan.stages.len()), (3, 3, 2));
    assert_eq!(plan.telemetry.on_fail, Some(FailResponse::Rollback));
}

#[test]
fn gates_ask_for_verdicts_and_budgets_beside_expressions() {
    let plan = read(
        "slis: {success: {objective: 99.9%}, latency: {use: request_latency}}
gates:
  health: runtime_healthy
  every: {verdict: all}
  one: {verdict: success}
  two: {verdict: [success, latency]}
  any: {budget: success}
  tenth: {budget: latency, above: 10%}
  share: {budget: success, above: 0.07}",
    );
    let names = |names: &[&str]| GateRule::Verdict(names.iter().map(SafeText::new).collect());
    let budget = |sli: &str, above| GateRule::Budget { sli: SafeText::new(sli), above };
    let expected = [
        ("health", GateRule::Expression("runtime_healthy".to_owned()), "runtime_healthy"),
        ("every", names(&[]), "every required indicator passes"),
        ("one", names(&["success"]), "success passes"),
        ("two", names(&["success", "latency"]), "success, latency pass"),
        ("any", budget("success", 0.0), "budget of success above 0%"),
        ("tenth", budget("latency", 0.1), "budget of latency above 10%"),
        ("share", budget("success", 0.07), "budget of success above 7%"),
    ];
    let read: Vec<_> = plan.gates.iter().map(|(name, rule)| (name.as_str(), rule.clone(), rule.shown())).collect();
    let expected: Vec<_> = expected.into_iter().map(|(name, rule, shown)| (name, rule, shown.to_owned())).collect();
    assert_eq!(read, expected);
}

#[test]
fn a_threshold_is_brought_to_the_unit_and_a_share_is_the_number_that_people_mean() {
    for (lines, expected) in [
        ("threshold: 300ms, unit: ms", 300.0),
        ("unit: s, threshold: 300ms", 0.3),
        ("threshold: 300ms", 0.3),
        ("threshold: 1.5s, unit: us", 1_500_000.0),
        ("threshold: 90s, unit: min", 1.5),
        ("threshold: 0.25, unit: s", 0.25),
        ("threshold: 250, unit: ms", 250.0),
    ] {
        let plan = read(&format!("slis: {{p: {{{lines}}}}}"));
        assert_eq!(plan.slis[0].threshold, Some(expected), "{lines}");
    }
    for (text, expected) in [
        ("90%", 0.9),
        ("0.9", 0.9),
        ("99%", 0.99),
        ("99.5 %", 0.995),
        ("99.9%", 0.999),
        ("99.95%", 0.9995),
        ("99.99%", 0.9999),
        ("'99.999%'", 0.99999),
    ] {
        let plan = read(&format!("slis: {{s: {{objective: {text}}}}}"));
        assert_eq!(plan.slis[0].objective, Some(expected), "{text}");
    }
    for (slice, lag) in [("30s", 180), ("5s", 180), ("1m", 180), ("2m", 360), ("10m", 1800)] {
        let telemetry = read(&format!("telemetry: {{slice: {slice}}}")).telemetry;
        assert_eq!(telemetry.max_lag, Duration::from_secs(lag), "{slice}");
    }
}

#[test]
fn each_mistake_about_indicators_is_named_by_its_place_and_what_was_expected() {
    let sli = |text: &str| with(&format!("slis: {{errors: {{{text}}}}}"));
    let gate = |text: &str| {
        with(&format!(
            "slis: {{errors: {{objective: 99%}}, seen: {{observe_only: true}}, load: {{}}}}\ngates: {{g: {text}}}"
        ))
    };
    let telemetry = |text: &str| with(&format!("telemetry: {text}"));
    let table: Vec<(String, &str)> = vec![
        (
            sli("objective: 85%"),
            "line 4, column 28: slis.errors.objective: under an objective of 85% a budget burns at most 6.66 times as fast as it may, so that a 10x burn could never fire; the least is 90%",
        ),
        (
            sli("objective: 0.8999"),
            "line 4, column 28: slis.errors.objective: under an objective of 89.99% a budget burns at most 9.99 times as fast as it may, so that a 10x burn could never fire; the least is 90%",
        ),
        (
            sli("objective: 100%"),
            "line 4, column 28: slis.errors.objective: an objective is above 0% and below 100%: what is between it and 100% is the budget",
        ),
        (
            sli("objective: 0"),
            "line 4, column 28: slis.errors.objective: an objective is above 0% and below 100%: what is between it and 100% is the budget",
        ),
        (
            sli("objective: 99.9"),
            "line 4, column 28: slis.errors.objective: 99.9 of what? write `99.9%`, or a share of 1, such as 99.9% or 0.999",
        ),
        (
            sli("objective: -0.5"),
            "line 4, column 28: slis.errors.objective: -0.5 is out of range; a share is 0% to 100%",
        ),
        (
            sli("objective: high"),
            "line 4, column 28: slis.errors.objective: \"high\" is not a share: write one such as 99.9% or 0.999",
        ),
        (
            sli("objective: [1]"),
            "line 4, column 28: slis.errors.objective: expected a share, such as 99.9% or 0.999, got a list",
        ),
        (
            sli("period: 30"),
            "line 4, column 25: slis.errors.period: 30 what? write a duration with its unit: 30s, 30m or 30h",
        ),
        (
            sli("period: 4w"),
            "line 4, column 25: slis.errors.period: \"4w\" is not a duration: write 10s, 250ms, 5m or 1h30m",
        ),
        (
            sli("period: 5m"),
            "line 4, column 25: slis.errors.period: a budget's period is an hour at the least, such as 30d",
        ),
        (sli("period: 367d"), "line 4, column 25: slis.errors.period: a budget's period is 366 days at the most"),
        (
            sli("threshold: 300ms, unit: ratio"),
            "line 4, column 28: slis.errors.threshold: \"300ms\" is a duration, and the unit is \"ratio\"",
        ),
        (sli("threshold: 0s"), "line 4, column 28: slis.errors.threshold: a duration that is good is above 0"),
        (
            sli("threshold: fast"),
            "line 4, column 28: slis.errors.threshold: \"fast\" is not a duration: write 10s, 250ms, 5m or 1h30m",
        ),
        (
            sli("threshold: []"),
            "line 4, column 28: slis.errors.threshold: expected a number in the indicator's unit, got a list",
        ),
        (
            sli("kind: ratios"),
            "line 4, column 23: slis.errors.kind: expected ratio or count or latency or gauge, got \"ratios\"; did you mean \"ratio\"?",
        ),
        (
            sli("family: speed"),
            "line 4, column 25: slis.errors.family: expected availability or latency or saturation or health or business or cost or security or quality or delivery, got \"speed\"",
        ),
        (
            sli("scoring: kayeta"),
            "line 4, column 26: slis.errors.scoring: expected sequential or kayenta, got \"kayeta\"; did you mean \"kayenta\"?",
        ),
        (sli("required: 1"), "line 4, column 27: slis.errors.required: expected true or false, got a number"),
        (
            sli("observe_only: true, critical: true"),
            "line 4, column 47: slis.errors.critical: it is only observed, and so nothing is done for it: it is critical, or observe_only",
        ),
        (
            sli("use: ''"),
            "line 4, column 22: slis.errors.use: expected the name of a ready-made indicator, of 1 to 128 characters",
        ),
        (sli("uses: a"), "line 4, column 17: slis.errors.uses: there is no such field; did you mean \"use\"?"),
        (sli("total: ''"), "line 4, column 24: slis.errors.total: the query is empty; leave it out, or write one"),
        (
            sli("good: \"sum(\\e[1m)\""),
            "line 4, column 23: slis.errors.good: a control or invisible character at position 5: write it as plain text",
        ),
        (sli("good: {a: b}"), "line 4, column 23: slis.errors.good: expected a query, got a mapping"),
        (
            with("slis: {errors: ratio}"),
            "line 4, column 16: slis.errors: expected a mapping of use, kind, family, unit, direction, critical, required, observe_only, objective, period, threshold, limit, scoring, good, bad, total, histogram, value, got text",
        ),
        (
            gate("{verdict: erors}"),
            "line 5, column 22: gates.g.verdict: the plan has no indicator \"erors\"; did you mean \"errors\"?",
        ),
        (
            gate("{verdict: []}"),
            "line 5, column 22: gates.g.verdict: the list is empty; name indicators, or write `all` for every one that is required",
        ),
        (gate("{verdict: [errors, errors]}"), "line 5, column 31: gates.g.verdict: it is in the list twice"),
        (
            gate("{verdict: 1}"),
            "line 5, column 22: gates.g.verdict: expected `all`, the name of an indicator or a list of names, got a number",
        ),
        (
            gate("{verdict: seen}"),
            "line 5, column 22: gates.g.verdict: seen is only observed, and so holds nothing: take observe_only from it",
        ),
        (
            gate("{}"),
            "line 5, column 12: gates.g: it says neither verdict nor budget; write `{verdict: all}`, `{verdict: [errors]}` or `{budget: errors, above: 10%}`",
        ),
        (gate("{verdic: all}"), "line 5, column 13: gates.g.verdic: there is no such field; did you mean \"verdict\"?"),
        (
            gate("{verdict: all, budget: errors}"),
            "line 5, column 27: gates.g.budget: a gate asks for a verdict or for a budget; make two gates of it",
        ),
        (
            gate("{verdict: all, above: 10%}"),
            "line 5, column 27: gates.g.above: above says how much of a budget must be left, and this gate asks for a verdict",
        ),
        (
            gate("{budget: load}"),
            "line 5, column 21: gates.g.budget: load has no error budget: give it an objective, such as `objective: 99.9%`",
        ),
        (
            gate("{budget: errors, above: 10}"),
            "line 5, column 36: gates.g.above: 10 of what? write `10%`, or a share of 1, such as 10% or 0.1",
        ),
        (
            gate("{budget: errors, above: 100%}"),
            "line 5, column 36: gates.g.above: more than all of a budget is never left",
        ),
        (
            gate("{budget: errors, above: -1%}"),
            "line 5, column 36: gates.g.above: \"-1%\" is not a share: write one such as 10% or 0.1",
        ),
        (
            with("gates: {g: {verdict: all}}"),
            "line 4, column 22: gates.g.verdict: the plan declares no indicator, so that nothing would have to pass: say so under slis",
        ),
        (
            with("slis: {a: {required: false}}\ngates: {g: {verdict: all}}"),
            "line 5, column 22: gates.g.verdict: the plan requires none of its indicators, so that nothing would have to pass: say so under slis",
        ),
        (
            with("gates: {g: {verdict: errors}}"),
            "line 4, column 22: gates.g.verdict: the plan declares no indicator \"errors\": a gate needs it under slis, with what it is",
        ),
        (
            with("slis: {a: {objective: 99%}}\ngates: {g: {budget: a}}\non_breach: {g: pause}"),
            "line 6, column 13: on_breach.g: a budget gate only holds: it does nothing else, whatever is left",
        ),
        (
            with("slis: {a: }\ngates: {g: {verdict: a}}\non_breach: {g: pause}\ntelemetry: {on_fail: hold}"),
            "line 6, column 13: on_breach.g: telemetry.on_fail says already what a failed judgement does",
        ),
        (
            telemetry("prometheus"),
            "line 4, column 12: telemetry: expected a mapping of source, service, arms, canary, baseline, slice, max_lag, on_fail, got text",
        ),
        (
            telemetry("{sorce: a}"),
            "line 4, column 13: telemetry.sorce: there is no such field; did you mean \"source\"?",
        ),
        (
            telemetry("{source: ''}"),
            "line 4, column 21: telemetry.source: expected `reported`, or the name of a source in the server's configuration, of 1 to 128 characters",
        ),
        (
            telemetry("{arms: site}"),
            "line 4, column 19: telemetry.arms: expected track or release or cohort, got \"site\"",
        ),
        (telemetry("{slice: 4s}"), "line 4, column 20: telemetry.slice: a slice is 5s to 10m long, got 4s"),
        (telemetry("{slice: 11m}"), "line 4, column 20: telemetry.slice: a slice is 5s to 10m long, got 11m"),
        (
            telemetry("{slice: 60}"),
            "line 4, column 20: telemetry.slice: 60 what? write a duration with its unit: 60s, 60m or 60h",
        ),
        (
            telemetry("{max_lag: 30s}"),
            "line 4, column 22: telemetry.max_lag: the newest value may be a whole slice old: 30s is less than the slice of 1m",
        ),
        (
            telemetry("{canary: a, baseline: a}"),
            "line 4, column 34: telemetry.baseline: canary and baseline are both a: they could not be told apart",
        ),
        (
            telemetry("{canary: baseline}"),
            "line 4, column 21: telemetry.canary: canary and baseline are both baseline: they could not be told apart",
        ),
        (
            telemetry("{on_fail: abort}"),
            "line 4, column 22: telemetry.on_fail: expected rollback or pause or hold, got \"abort\"",
        ),
    ];
    for (text, expected) in table {
        let error = Plan::from_yaml(&text).unwrap_err();
        assert_eq!(error.to_string(), expected, "of\n{text}");
    }
}

#[test]
fn what_is_usual_is_not_written_and_numbers_of_time_are_seconds_in_json() {
    let plan = read("slis: {errors: {objective: 99.9%, period: 30d}}\ngates: {g: {budget: errors}}");
    let value = plan.to_value();
    assert_eq!(value.get("telemetry"), None);
    assert_eq!(value["gates"], json!([{"g": {"budget": "errors"}}]));
    let errors = json!({"unit": "", "direction": "either", "critical": false, "limit": null, "objective": 0.999, "period": "720h"});
    assert_eq!(value["slis"], json!([{"errors": errors}]));
    let mut seconds = value.clone();
    seconds["slis"][0]["errors"]["period"] = json!(2_592_000);
    seconds["telemetry"] = json!({"slice": 60, "max_lag": 180});
    assert_eq!(Plan::from_value(&seconds).unwrap(), plan);
}

fn query() -> impl Strategy<Value = Option<String>> {
    of("[a-z({=\"$][a-z_(){}\\[\\]=\"$, \n]{0,40}[a-z)]")
}

prop_compose! {
    /// An indicator without its name.
    pub(super) fn slis()(
        flags in (any::<bool>(), any::<bool>(), any::<bool>()),
        limit in of(-1e6_f64..1e6),
        direction in 0_usize..3,
        kinds in (of(0_usize..4), of(0_usize..9), 0_usize..2),
        words in (of("[a-z_]{1,20}"), "[a-z%]{0,4}"),
        objective in of(0.9_f64..0.999_999),
        period in of(3_600_000_000_u64..31_000_000_000_000),
        threshold in of(1e-6_f64..1e6),
        queries in (query(), query(), query(), query(), query()),
    ) -> PlanSli {
        let (critical, required, observe_only) = flags;
        PlanSli {
            uses: words.0.map(SafeText::new),
            unit: SafeText::new(words.1),
            direction: Direction::ALL[direction],
            critical: critical && !observe_only,
            limit,
            kind: kinds.0.map(|at| SliKind::ALL[at]),
            family: kinds.1.map(|at| Family::ALL[at]),
            required,
            observe_only,
            objective,
            period: period.map(Duration::from_micros),
            threshold,
            scoring: Scoring::ALL[kinds.2],
            queries: SliQueries { good: queries.0, bad: queries.1, total: queries.2, histogram: queries.3, value: queries.4 },
            ..PlanSli::new("")
        }
    }
}

prop_compose! {
    pub(super) fn telemetry()(
        source in of("[a-z][a-z0-9-]{0,12}"),
        service in of("[a-z]{1,8}"),
        arms in 0_usize..3,
        tracks in of("[a-z]{1,5}"),
        slice in of(5_000_000_u64..600_000_000),
        lag in of(0_u64..600_000_000),
        on_fail in of(0_usize..3),
    ) -> PlanTelemetry {
        let usual = PlanTelemetry::default();
        let slice = slice.map_or(usual.slice, Duration::from_micros);
        PlanTelemetry {
            source: source.map_or(usual.source, SafeText::new),
            service: service.map(SafeText::new),
            arms: ArmsBy::ALL[arms],
            canary: tracks.clone().map_or(usual.canary, |track| SafeText::new(format!("{track}-next"))),
            baseline: tracks.map_or(usual.baseline, |track| SafeText::new(format!("{track}-now"))),
            slice,
            max_lag: lag.map_or(PlanTelemetry::usual_lag(slice), |more| slice + Duration::from_micros(more)),
            on_fail: on_fail.map(|at| FailResponse::ALL[at]),
        }
    }
}
