//! Tests of the ready-made indicators, and of what declarations come to.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::domain::{
    SafeText,
    plan::{PlanSli, PlanTelemetry},
};

fn prometheus() -> PlanTelemetry {
    PlanTelemetry { source: SafeText::new("main"), ..PlanTelemetry::default() }
}

fn uses(name: &str) -> PlanSli {
    PlanSli { uses: Some(SafeText::new(name)), ..PlanSli::new("mine") }
}

fn queries(pairs: &[(&str, &str)]) -> SliQueries {
    let mut queries = SliQueries::default();
    for (field, text) in pairs {
        let text = Some(template(text));
        match *field {
            "good" => queries.good = text,
            "bad" => queries.bad = text,
            "total" => queries.total = text,
            "histogram" => queries.histogram = text,
            "value" => queries.value = text,
            other => panic!("{other}"),
        }
    }
    queries
}

/// Templates that can be asked, by a letter.
const TEMPLATES: &[(&str, &str)] = &[
    ("g", "sum by (track) (increase(good{track=~\"$track\"}[$window]))"),
    ("b", "sum by (track) (increase(bad{track=~\"$track\"}[$window]))"),
    ("t", "sum by (track) (increase(all{track=~\"$track\"}[$window]))"),
    ("h", "sum by (le, track) (increase(h{track=~\"$track\"}[$window]))"),
    ("v", "avg by (track) (load{track=~\"$track\"})"),
];

fn template(text: &str) -> String {
    TEMPLATES.iter().find(|(letter, _)| *letter == text).map_or(text, |(_, template)| template).to_owned()
}

fn asking(pairs: &[(&str, &str)]) -> PlanSli {
    PlanSli { queries: queries(pairs), ..PlanSli::new("mine") }
}

/// What the issue of indicators asks for, each by its name here.
#[test]
fn every_indicator_of_the_field_is_there() {
    let names: BTreeSet<&str> = all().iter().map(|ready| ready.name).collect();
    for name in [
        "request_success_rate",
        "request_latency",
        "error_budget_burn",
        "conversion_rate",
        "deployment_failure_rate",
        "resource_cost_delta",
        "replica_health_ratio",
        "unit_health_ratio",
        "database_error_rate",
        "security_alerts",
        "model_accuracy_delta",
        "time_to_rollback",
        "telemetry_coverage",
        "user_impact_ratio",
    ] {
        assert!(names.contains(name), "{name} is not there");
    }
    assert_eq!(names.len(), all().len(), "a name is there twice");
}

#[test]
fn every_ready_made_indicator_resolves_for_every_source_that_knows_it() {
    for ready in all() {
        assert!(ready.means.ends_with('.') && ready.means.len() > 20, "{}", ready.name);
        assert!(ready.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", ready.name);
        for arms in [ArmsBy::Track, ArmsBy::Release, ArmsBy::Cohort] {
            let telemetry = PlanTelemetry { arms, ..prometheus() };
            let (spec, queries) = resolve(&uses(ready.name), &telemetry).unwrap();
            assert_eq!(queries.is_empty(), ready.metrics.is_empty(), "{}", ready.name);
            assert_eq!(spec.family, ready.family);
            assert_eq!(spec.name.as_str(), "mine", "it is shown by the name that the plan gives it");
            if !queries.is_empty() {
                assert_eq!((spec.kind, spec.unit.as_str()), (ready.kind, ready.unit));
            }
            let (label, placeholder) = arms_label(arms);
            for (field, query) in resolve::named(&queries) {
                let about = format!("{}.{field}: {query}", ready.name);
                assert!(!query.contains('@'), "{about}");
                // What one request for many rollouts needs: matchers that are filled in with all of them, and
                // the same labels in the answer.
                let grouped = format!("by (service, {label}");
                let matched = format!("{{service=~\"$service\", {label}=~\"{placeholder}\"");
                assert!(query.contains(&grouped), "{about}");
                assert_eq!(query.matches(&grouped).count(), query.matches(&matched).count(), "{about}");
                assert_eq!(query.matches("[$window]").count(), query.matches(&matched).count(), "{about}");
                assert_eq!(query.matches('$').count(), 3 * query.matches(&matched).count(), "{about}");
            }
            // The metrics that it says it needs are those that it asks for, and so are their labels.
            for metric in ready.metrics {
                let asked: Vec<&str> =
                    resolve::named(&queries).map(|(_, query)| query).filter(|q| q.contains(metric.name)).collect();
                assert!(!asked.is_empty(), "{}: {} is not asked for", ready.name, metric.name);
            }
        }
        match (resolve(&uses(ready.name), &PlanTelemetry::default()), ready.reported) {
            (Ok((spec, queries)), Some(reported)) => {
                assert!(queries.is_empty());
                assert_eq!(spec.kind, reported.kind);
                assert_eq!(reported.form, if spec.kind == SliKind::Gauge { "{value}" } else { "{good, total}" });
            }
            (Err(error), None) => assert!(error.to_string().contains("agents cannot report"), "{error}"),
            (found, reported) => panic!("{}: {found:?} {reported:?}", ready.name),
        }
    }
}

#[test]
fn templates_are_made_for_what_tells_the_arms_apart() {
    let ready = find("request_success_rate").unwrap();
    for (arms, bad) in [
        (
            ArmsBy::Track,
            "sum by (service, track) (increase(http_requests_total{service=~\"$service\", track=~\"$track\", code=~\"5..\"}[$window]))",
        ),
        (
            ArmsBy::Release,
            "sum by (service, release) (increase(http_requests_total{service=~\"$service\", release=~\"$release\", code=~\"5..\"}[$window]))",
        ),
        (
            ArmsBy::Cohort,
            "sum by (service, site) (increase(http_requests_total{service=~\"$service\", site=~\"$cohort\", code=~\"5..\"}[$window]))",
        ),
    ] {
        assert_eq!(ready.queries(arms).bad.as_deref(), Some(bad));
    }
}

#[test]
fn what_a_plan_says_wins_over_what_is_ready_made() {
    let mut sli = uses("request_latency");
    sli.unit = SafeText::new("ms");
    sli.family = Some(Family::Business);
    sli.objective = Some(0.95);
    sli.threshold = Some(250.0);
    sli.period = Some(Duration::from_hours(7 * 24));
    sli.critical = true;
    sli.required = false;
    sli.limit = Some(20.0);
    sli.queries = queries(&[("histogram", "sum by (le, track) (increase(h{track=~\"$track\"}[$window]))")]);
    let (spec, asked) = resolve(&sli, &prometheus()).unwrap();
    assert_eq!(asked, sli.queries, "own queries are asked as they are, and none of the ready-made ones");
    assert_eq!((spec.kind, spec.family, spec.unit.as_str()), (SliKind::Latency, Family::Business, "ms"));
    assert_eq!((spec.objective, spec.threshold, spec.limit), (Some(0.95), Some(250.0), Some(20.0)));
    assert!((spec.period - 604_800.0).abs() < 1e-9);
    assert!(spec.critical && !spec.required && !spec.observe_only);
    // And what it does not say is as it was made.
    let (spec, _) = resolve(&uses("request_latency"), &prometheus()).unwrap();
    assert_eq!((spec.objective, spec.threshold, spec.unit.as_str()), (Some(0.99), Some(0.5), "s"));
    assert!((spec.period - 30.0 * 86_400.0).abs() < 1e-9);
    assert_eq!(spec.direction, Direction::HigherIsWorse);
}

#[test]
fn queries_say_what_an_indicator_is_made_of() {
    type Row<'r> = (&'r [(&'r str, &'r str)], Option<SliKind>, SliKind, Family, &'r str, Direction);
    let total = ("total", "t");
    let table: [Row<'_>; 7] = [
        (&[("good", "g"), total], None, SliKind::Ratio, Family::Availability, "ratio", Direction::LowerIsWorse),
        (&[("good", "g"), ("bad", "b")], None, SliKind::Ratio, Family::Availability, "ratio", Direction::HigherIsWorse),
        (&[("bad", "b"), total], None, SliKind::Ratio, Family::Availability, "ratio", Direction::HigherIsWorse),
        (
            &[("bad", "b"), total],
            Some(SliKind::Count),
            SliKind::Count,
            Family::Health,
            "ratio",
            Direction::HigherIsWorse,
        ),
        (&[("histogram", "h")], None, SliKind::Latency, Family::Latency, "s", Direction::HigherIsWorse),
        (&[("value", "v")], None, SliKind::Gauge, Family::Saturation, "", Direction::Either),
        (&[("value", "v")], Some(SliKind::Gauge), SliKind::Gauge, Family::Saturation, "", Direction::Either),
    ];
    for (pairs, declared, kind, family, unit, direction) in table {
        let sli = PlanSli { kind: declared, ..asking(pairs) };
        let (spec, _) = resolve(&sli, &prometheus()).unwrap();
        assert_eq!((spec.kind, spec.family, spec.unit.as_str(), spec.direction), (kind, family, unit, direction));
    }
    // Own queries of the ready-made kind keep its meaning; those of another one do not.
    let kept = PlanSli { queries: queries(&[("bad", "b"), total]), ..uses("request_success_rate") };
    assert_eq!(resolve(&kept, &prometheus()).unwrap().0.direction, Direction::LowerIsWorse);
    let counted = PlanSli { queries: queries(&[("bad", "b"), total]), ..uses("security_alerts") };
    let (spec, _) = resolve(&counted, &prometheus()).unwrap();
    assert_eq!((spec.kind, spec.family, spec.required), (SliKind::Count, Family::Security, false));
    let other = PlanSli { queries: queries(&[("value", "v")]), ..uses("model_accuracy_delta") };
    let (spec, _) = resolve(&other, &prometheus()).unwrap();
    assert_eq!((spec.kind, spec.family, spec.direction), (SliKind::Gauge, Family::Quality, Direction::Either));
}

#[test]
fn without_queries_agents_report_it_whatever_the_source_is() {
    for telemetry in [PlanTelemetry::default(), prometheus()] {
        let table = [
            ("", None, SliKind::Ratio, Direction::LowerIsWorse),
            ("ratio", None, SliKind::Ratio, Direction::LowerIsWorse),
            ("ms", None, SliKind::Gauge, Direction::Either),
            ("", Some(SliKind::Gauge), SliKind::Gauge, Direction::Either),
            ("restarts", Some(SliKind::Count), SliKind::Count, Direction::HigherIsWorse),
        ];
        for (unit, declared, kind, direction) in table {
            let sli = PlanSli { unit: SafeText::new(unit), kind: declared, ..PlanSli::new("mine") };
            let (spec, queries) = resolve(&sli, &telemetry).unwrap();
            assert!(queries.is_empty());
            assert_eq!((spec.kind, spec.direction), (kind, direction), "{unit:?} {declared:?}");
        }
        // The fleet's own are reported beside what a metrics server is asked.
        assert!(resolve(&uses("unit_health_ratio"), &telemetry).unwrap().1.is_empty());
    }
    let said = PlanSli { direction: Direction::HigherIsWorse, ..PlanSli::new("mine") };
    assert_eq!(resolve(&said, &prometheus()).unwrap().0.direction, Direction::HigherIsWorse);
}

#[test]
fn what_cannot_be_judged_is_refused_with_its_field_and_what_to_do() {
    let latency = asking(&[("histogram", "h")]);
    let ratio = asking(&[("bad", "b"), ("total", "t")]);
    let with = |base: &PlanSli, change: fn(&mut PlanSli)| {
        let mut sli = base.clone();
        change(&mut sli);
        sli
    };
    let server = prometheus();
    let agents = PlanTelemetry::default();
    let release = PlanTelemetry { arms: ArmsBy::Release, ..prometheus() };
    let table: Vec<(PlanSli, &PlanTelemetry, &str, &str)> = vec![
        (uses("request_sucess_rate"), &server, "slis.mine.use: ", "did you mean \"request_success_rate\"?"),
        (uses("success_rate"), &server, "slis.mine.use: ", "did you mean \"request_success_rate\"?"),
        (uses("telemetry-coverage"), &server, "slis.mine.use: ", "did you mean \"telemetry_coverage\"?"),
        (uses("happiness"), &server, "slis.mine.use: ", "rolldeck sli list"),
        (uses("\u{1b}[31m"), &server, "slis.mine.use: ", "rolldeck sli list"),
        (uses("request_latency_native"), &agents, "slis.mine.use: ", "use request_latency"),
        (ratio.clone(), &agents, "slis.mine.bad: ", "telemetry.source"),
        (asking(&[("good", "g")]), &server, "slis.mine.good: ", "needs total"),
        (asking(&[("total", "t")]), &server, "slis.mine.total: ", "needs good or bad"),
        (
            asking(&[("good", "g"), ("bad", "b"), ("total", "t")]),
            &server,
            "slis.mine.bad: ",
            "two of good, bad and total",
        ),
        (asking(&[("bad", "b"), ("histogram", "h")]), &server, "slis.mine.histogram: ", "threshold"),
        (asking(&[("total", "t"), ("value", "v")]), &server, "slis.mine.value: ", "stands alone"),
        (asking(&[("histogram", "h"), ("value", "v")]), &server, "slis.mine.value: ", "stands alone"),
        (with(&ratio, |s| s.kind = Some(SliKind::Latency)), &server, "slis.mine.kind: ", "buckets of durations"),
        (with(&latency, |s| s.kind = Some(SliKind::Ratio)), &server, "slis.mine.kind: ", "two of good, bad"),
        (with(&latency, |s| s.kind = Some(SliKind::Gauge)), &server, "slis.mine.kind: ", "needs value"),
        (with(&asking(&[("value", "v")]), |s| s.kind = Some(SliKind::Count)), &server, "slis.mine.kind: ", "exposure"),
        (
            with(&PlanSli::new("mine"), |s| s.kind = Some(SliKind::Latency)),
            &agents,
            "slis.mine.kind: ",
            "needs histogram",
        ),
        (with(&ratio, |s| s.objective = Some(0.8)), &server, "slis.mine.objective: ", "5 times as fast"),
        (with(&ratio, |s| s.objective = Some(99.9)), &server, "slis.mine.objective: ", "such as 0.999"),
        (with(&ratio, |s| s.objective = Some(1.0)), &server, "slis.mine.objective: ", "below 1"),
        (with(&ratio, |s| s.objective = Some(f64::NAN)), &server, "slis.mine.objective: ", "above 0"),
        (with(&latency, |s| s.objective = Some(0.99)), &server, "slis.mine.objective: ", "needs a threshold"),
        (
            with(&asking(&[("value", "v")]), |s| s.objective = Some(0.99)),
            &server,
            "slis.mine.objective: ",
            "leave the objective out",
        ),
        (with(&ratio, |s| s.threshold = Some(0.3)), &server, "slis.mine.threshold: ", "leave it out"),
        (with(&latency, |s| s.threshold = Some(-1.0)), &server, "slis.mine.threshold: ", "above 0"),
        (with(&ratio, |s| s.limit = Some(-0.1)), &server, "slis.mine.limit: ", "0 at the least"),
        (with(&ratio, |s| s.period = Some(Duration::from_mins(5))), &server, "slis.mine.period: ", "an hour"),
        (asking(&[("value", "avg by (track) (x{track=~\"$track\"})")]), &release, "slis.mine.value: ", "$release"),
    ];
    for (sli, telemetry, path, said) in table {
        let error = resolve(&sli, telemetry).unwrap_err().to_string();
        assert!(error.starts_with(path) && error.contains(said), "expected {path}...{said}, got {error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
    // The least objective under which the rule can fire is taken.
    assert!(resolve(&with(&ratio, |s| s.objective = Some(0.9)), &server).is_ok());
}

proptest! {
    #[test]
    fn no_declaration_makes_it_panic_and_what_it_takes_is_whole(
        name in any::<String>(),
        given in proptest::array::uniform5(proptest::option::of(prop_oneof![9 => Just("t"), 1 => Just("sum(x)")])),
        kind in 0..5_usize,
        objective in proptest::option::of(prop_oneof![any::<f64>(), 0.85..1.0_f64]),
        threshold in proptest::option::of(any::<f64>()),
        source in "reported|main",
    ) {
        let [good, bad, total, histogram, value] = given.map(|given| given.map(template));
        let sli = PlanSli {
            uses: all().iter().map(|ready| ready.name).find(|n| n.len() == name.len()).map(SafeText::new),
            kind: SliKind::ALL.get(kind).copied(),
            objective,
            threshold,
            queries: SliQueries { good, bad, total, histogram, value },
            ..PlanSli::new(&name)
        };
        let telemetry = PlanTelemetry { source: SafeText::new(source), ..PlanTelemetry::default() };
        let _ = nearest(&name);
        if let Ok((spec, queries)) = resolve(&sli, &telemetry) {
            prop_assert!(spec.objective.is_none_or(|o| (0.9..1.0).contains(&o)));
            prop_assert!(spec.kind != SliKind::Latency || queries.histogram.is_some());
            prop_assert!(spec.threshold.is_none_or(|t| t > 0.0 && spec.kind == SliKind::Latency));
            prop_assert!(spec.kind == SliKind::Gauge || spec.direction != Direction::Either);
            prop_assert!(queries.is_empty() || telemetry.source.as_str() == "main");
        }
    }
}
