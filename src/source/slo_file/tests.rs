//! Tests of SLO files: published examples restated, refusals with their places, hostile text.

use std::{fmt::Write as _, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        plan::{Direction, Plan},
        sli::{Family, SliKind},
    },
    source::{
        catalog,
        prometheus::template::{self, Placeholder},
    },
};

/// Whether a query is a template that tells arms apart, as a source takes it.
#[track_caller]
pub(super) fn assert_template(query: &str) {
    let template = template::check(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(template.label(Placeholder::Track), Some("track"), "{query}");
}

fn track(text: &str) -> Result<SloFile, SloFileError> {
    read(text, ArmsBy::Track)
}

fn remarks(file: &SloFile) -> String {
    file.remarks.iter().map(SafeText::as_str).collect::<Vec<_>>().join("\n")
}

/// A ratio of OpenSLO, as its objects are written, with queries of Prometheus.
fn openslo(method: &str, window: &str, objectives: &str) -> String {
    format!(
        "apiVersion: openslo/v1
kind: SLO
metadata:
  name: availability
  displayName: Requests that are answered
spec:
  service: shop
  indicator:
    metadata: {{name: answered}}
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource:
            type: Prometheus
            metricSourceRef: main
            spec: {{query: 'sum(http_requests{{code=~\"5..\"}})'}}
        total:
          metricSource:
            type: Prometheus
            metricSourceRef: main
            spec: {{query: sum(http_requests)}}
  timeWindow:
    - {window}
  budgetingMethod: {method}
  objectives:
{objectives}
"
    )
}

fn sloth(objective: &str, sli: &str) -> String {
    format!(
        "version: prometheus/v1\nservice: shop\nslos:\n  - name: errors\n    objective: {objective}\n    sli:\n{sli}\n"
    )
}

const EVENTS: &str = "      events:
        error_query: sum(rate(requests{code=~\"5..\"}[{{.window}}]))
        total_query: sum(rate(requests[{{.window}}]))";

/// slok/sloth examples/getting-started.yml and k8s-getting-started.yml: one SLO of 99.9 % by events, with alerts,
/// labels and plugins around it.
#[test]
fn sloths_first_example_is_read_in_both_of_its_forms() {
    let file = "version: \"prometheus/v1\"
service: \"shop\"
labels: {owner: team, tier: \"2\", generated: true}
slo_plugins:
  chain: [{id: some/plugin/v1}]
slos:
  - name: \"requests-availability\"
    objective: 99.9
    description: \"What it is for.\"
    infoLabels: {a: b}
    interval: {slierror: 4m}
    sli:
      events:
        error_query: sum(rate(duration_count{job=\"shop\",code=~\"(5..|429)\"}[{{.window}}]))
        total_query: sum(rate(duration_count{job=\"shop\"}[{{.window}}]))
    alerting:
      name: HighErrorRate
      page_alert: {labels: {severity: page}}
      ticket_alert: {disable: true}
";
    let resource = "apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: slo, namespace: monitoring}
spec:
  service: shop
  slos:
    - name: requests-availability
      objective: 99.9
      sli:
        events:
          errorQuery: sum(rate(duration_count{job=\"shop\",code=~\"(5..|429)\"}[{{.window}}]))
          totalQuery: sum(rate(duration_count{job=\"shop\"}[{{.window}}]))
      alerting: {pageAlert: {labels: {severity: page}}}
";
    for text in [file, resource] {
        let file = track(text).unwrap();
        assert_eq!(file.indicators.len(), 1);
        let FileSli { sli, service, source } = &file.indicators[0];
        assert_eq!(
            (sli.name.as_str(), service.as_ref().map(SafeText::as_str)),
            ("requests-availability", Some("shop"))
        );
        assert_eq!((sli.objective, sli.period, source), (Some(0.999), None, &None));
        let (spec, queries) =
            catalog::resolve(sli, &PlanTelemetry { source: SafeText::new("a"), ..PlanTelemetry::default() }).unwrap();
        assert_eq!(
            (spec.kind, spec.family, spec.direction),
            (SliKind::Ratio, Family::Availability, Direction::HigherIsWorse)
        );
        assert!((spec.period - 30.0 * 86_400.0).abs() < 1e-9, "Sloth's own period");
        assert_eq!(
            queries.bad.as_deref(),
            Some(
                "sum by (track) (increase(duration_count{code=~\"(5..|429)\",job=\"shop\",track=~\"$track\"}[$window]))"
            )
        );
    }
    assert!(remarks(&track(file).unwrap()).contains("plugins are passed over"));
}

/// slok/sloth examples/kubernetes-apiserver.yml, raw-home-wifi.yml and multifile.yml: slow requests by buckets, a
/// ratio that is there already (spelt as in resources), and two services in two documents.
#[test]
fn sloths_other_examples_are_read() {
    let latency = "      events:
        error_query: |
          (
            sum(rate(d_count{verb!=\"WATCH\"}[{{.window}}]))
            -
            sum(rate(d_bucket{le=\"0.4\",verb!=\"WATCH\"}[{{.window}}]))
          )
        total_query: sum(rate(d_count{verb!=\"WATCH\"}[{{.window}}]))";
    let file = track(&sloth("99", latency)).unwrap();
    let sli = &file.indicators[0].sli;
    assert_eq!((sli.family, sli.objective), (Some(Family::Latency), Some(0.99)), "slow requests have latency's vote");

    let raw = "      raw:
        errorRatioQuery: |
          1 - (
            sum(sum_over_time(satisfaction[{{.window}}]))
            /
            sum(count_over_time(satisfaction[{{.window}}]))
          )";
    let file = track(&sloth("95", raw)).unwrap();
    let sli = &file.indicators[0].sli;
    assert!(sli.queries.value.is_some() && sli.objective.is_none());
    assert_eq!((sli.direction, sli.family), (Direction::HigherIsWorse, Some(Family::Availability)));
    assert!(remarks(&file).contains("its objective of 95% is left out"), "{}", remarks(&file));

    let two = format!("---\n{}---\n{}", sloth("99.9", EVENTS), sloth("99.99", EVENTS).replace("shop", "desk"));
    let file = track(&two).unwrap();
    assert_eq!(file.indicators.len(), 2);
    let error = file.clone().of_service(None).unwrap_err().to_string();
    assert!(error.contains("desk, shop"), "{error}");
    let desk = file.of_service(Some("desk")).unwrap();
    assert_eq!(desk.indicators.iter().map(|i| i.sli.objective).collect::<Vec<_>>(), [Some(0.9999)]);
}

/// Every objective that is usual in percent is the share that people mean.
#[test]
fn percentages_become_the_shares_that_people_write() {
    for (percent, share) in [
        ("90", 0.9),
        ("95", 0.95),
        ("99", 0.99),
        ("99.5", 0.995),
        ("99.9", 0.999),
        ("99.95", 0.9995),
        ("99.99", 0.9999),
        ("99.999", 0.99999),
    ] {
        assert_eq!(track(&sloth(percent, EVENTS)).unwrap().indicators[0].sli.objective, Some(share), "{percent}");
        let objective = format!("    - targetPercent: {percent}");
        let text = openslo("Occurrences", "{duration: 4w, isRolling: true}", &objective);
        assert_eq!(track(&text).unwrap().indicators[0].sli.objective, Some(share), "{percent}");
    }
}

#[test]
fn an_openslo_ratio_is_read_with_its_source_service_objective_and_period() {
    let file = track(&openslo("Occurrences", "{duration: 2w, isRolling: true}", "    - target: 0.995")).unwrap();
    let FileSli { sli, service, source } = &file.indicators[0];
    assert_eq!((service.as_ref().unwrap().as_str(), source.as_ref().unwrap().as_str()), ("shop", "main"));
    assert_eq!((sli.name.as_str(), sli.objective), ("availability", Some(0.995)));
    assert_eq!(sli.period, Some(Duration::from_hours(14 * 24)));
    assert_eq!(
        sli.queries.bad.as_deref(),
        Some("sum by (track) (increase(http_requests{code=~\"5..\",track=~\"$track\"}[$window]))")
    );
    assert_eq!(
        sli.queries.total.as_deref(),
        Some("sum by (track) (increase(http_requests{track=~\"$track\"}[$window]))")
    );
    assert_eq!(remarks(&file), "");
}

/// OpenSLO/OpenSLO examples/budgeting-method and OpenSLO/go-sdk's example of an SLO: two objectives, slices of
/// time, a week by the calendar of New York.
#[test]
fn budgets_that_are_not_of_events_are_left_out_and_said_so() {
    let calendar =
        "{duration: 1w, isRolling: false, calendar: {startTime: 2022-01-01 12:00:00, timeZone: America/New_York}}";
    let two = "    - {displayName: Internal, op: gt, target: 0.995, timeSliceTarget: 0.95, timeSliceWindow: 1m}
    - {displayName: Contract, target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 1m}";
    let file = track(&openslo("Timeslices", calendar, two)).unwrap();
    let names: Vec<&str> = file.indicators.iter().map(|i| i.sli.name.as_str()).collect();
    assert_eq!(names, ["availability-1", "availability-2"]);
    assert!(file.indicators.iter().all(|i| i.sli.objective.is_none() && i.sli.queries.total.is_some()));
    assert!(remarks(&file).contains("availability-1: its objective of 99.5% is left out"), "{}", remarks(&file));
    let file = track(&openslo("RatioTimeslices", calendar, "    - {target: 0.99, timeSliceWindow: 1m}")).unwrap();
    assert!(remarks(&file).contains("it counts slices of time"));
    // A calendar alone is no reason to lose the budget.
    let file = track(&openslo("Occurrences", calendar, "    - target: 0.995")).unwrap();
    assert_eq!(file.indicators[0].sli.objective, Some(0.995));
    assert_eq!(file.indicators[0].sli.period, Some(Duration::from_hours(7 * 24)));
    assert!(remarks(&file).contains("calendar is left out"));
}

/// OpenSLO/oslo test/v1/multi.yaml: an SLO, its SLI and the source in three documents, here of Prometheus; and
/// OpenSLO/go-sdk, which writes objects as a list.
#[test]
fn openslo_objects_find_one_another_in_any_order_and_form() {
    let source = "apiVersion: openslo/v1
kind: DataSource
metadata: {name: main}
spec:
  type: VictoriaMetrics
  connectionDetails: {url: https://metrics.example, password: hunter2}
";
    let slo = "apiVersion: openslo/v1
kind: SLO
metadata: {name: waiting}
spec:
  service: shop
  indicatorRef: wait
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{op: lt, value: 0.5, target: 0.98}]
  alertPolicies: [{alertPolicyRef: everybody}]
";
    let sli = "apiVersion: openslo/v1
kind: SLI
metadata: {name: wait}
spec:
  thresholdMetric:
    metricSource:
      metricSourceRef: main
      spec: {query: 'histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m])))'}
";
    let other = sli.replace("wait", "alone").replace("thresholdMetric:", "ratioMetric:\n   rawType: success\n   raw:");
    let service = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: shop}\nspec: {}\n";
    for order in [[source, slo, sli, &other, service], [service, &other, sli, slo, source]] {
        let file = track(&order.join("---\n")).unwrap();
        let names: Vec<&str> = file.indicators.iter().map(|i| i.sli.name.as_str()).collect();
        assert_eq!(names, ["waiting", "alone"], "an SLI that no SLO refers to is an indicator of its own");
        let waiting = &file.indicators[0].sli;
        assert_eq!((waiting.direction, waiting.family), (Direction::HigherIsWorse, Some(Family::Latency)));
        assert_eq!(waiting.objective, None, "a value spends no budget");
        assert_eq!(
            waiting.queries.value.as_deref(),
            Some("histogram_quantile(0.99, sum by (le, track) (rate(d_bucket{track=~\"$track\"}[5m])))")
        );
        assert_eq!(file.indicators[1].sli.direction, Direction::LowerIsWorse);
        assert_eq!(file.indicators[0].source.as_ref().unwrap().as_str(), "main");
        let said = remarks(&file);
        assert!(said.contains("lt 0.5") && said.contains("alert policies are passed over"), "{said}");
        assert!(!format!("{file:?}").contains("hunter2"));
    }
    let list: String =
        [slo, sli].iter().flat_map(|text| text.lines().enumerate()).fold(String::new(), |mut list, (n, line)| {
            let _ = writeln!(list, "{} {line}", if n == 0 { "-" } else { " " });
            list
        });
    assert_eq!(track(&list.replace("-  ", "- ")).unwrap().indicators.len(), 1);
}

#[test]
fn what_is_not_supported_is_refused_with_document_line_field_and_what_to_do() {
    let rolling = "{duration: 2w, isRolling: true}";
    let good = openslo("Occurrences", rolling, "    - target: 0.995");
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let later = |text: &str| format!("{}---\n{text}", sloth("99.9", EVENTS));
    let plugin = "      plugin:\n        id: some/plugin";
    let v1alpha = "apiVersion: openslo/v1alpha\nkind: SLO\n";
    let table: Vec<(String, &str, &str)> = vec![
        // Forms.
        (String::new(), "", "there is no indicator"),
        ("# nothing\n".to_owned(), "", "there is no indicator"),
        ("just text".to_owned(), "document 1, line 1, column 1: ", "a mapping"),
        ("rules: []\n".to_owned(), "document 1, line 1, column 1: ", "version: prometheus/v1"),
        (later(v1alpha), "document 2, line 11, column 13: apiVersion: ", "openslo/v1 is read"),
        ("apiVersion: v1\nkind: Pod\n".to_owned(), "document 1, line 1, column 13: apiVersion: ", "is not known"),
        ("version: prometheus/v2\n".to_owned(), "document 1, line 1, column 10: version: ", "prometheus/v1"),
        ("a: [\n".to_owned(), "line ", "cannot be read"),
        // Sloth.
        (sloth("99.9", plugin), "document 1, line 8, column 9: slos[0].sli.plugin: ", "error_query and total_query"),
        (sloth("100", EVENTS), "document 1, line 5, column 16: slos[0].objective: ", "below 100 percent"),
        (sloth("0.999", EVENTS), "document 1, line 5, column 16: slos[0].objective: ", "could never fire"),
        (sloth("80", EVENTS), "document 1, line 5, column 16: slos[0].objective: ", "could never fire"),
        (sloth("high", EVENTS), "document 1, line 5, column 16: slos[0].objective: ", "a percentage"),
        (
            sloth("99.9", "      events:\n        error_query: sum(rate(x[{{.window}}]))"),
            "document 1, line 8, column 9: slos[0].sli.events.total_query: ",
            "it is missing",
        ),
        (
            sloth("99.9", &EVENTS.replace("sum(rate(requests{", "max(rate(requests{")),
            "document 1, line 8, column 22: slos[0].sli.events.error_query: ",
            "sum by (track) (increase(METRIC{track=~\"$track\"}[$window]))",
        ),
        (sloth("99.9", "      {}"), "document 1, line 7, column 7: slos[0].sli: ", "neither events nor raw"),
        (
            sloth("99.9", EVENTS).replace("name: errors", "name: 'errors/5xx'"),
            "document 1, line 4, column 11: slos[0].name: ",
            "letters, digits",
        ),
        (
            sloth("99.9", EVENTS).replace("objective:", "objektive:"),
            "document 1, line 5, column 5: slos[0].objektive: ",
            "did you mean \"objective\"?",
        ),
        ("version: prometheus/v1\nservice: shop\n".to_owned(), "document 1, line 1, column 1: slos: ", "it is missing"),
        (
            "apiVersion: sloth.slok.dev/v1\nkind: ManagedPrometheusServiceLevel\n".to_owned(),
            "document 1, line 2, column 7: kind: ",
            "PrometheusServiceLevel",
        ),
        // OpenSLO.
        (with("kind: SLO", "kind: SLo"), "document 1, line 2, column 7: kind: ", "did you mean \"SLO\"?"),
        (
            with(
                "type: Prometheus\n            metricSourceRef: main\n            spec: {query: 's",
                "type: Datadog\n            spec: {query: 's",
            ),
            "document 1, line 15, column 19: spec.indicator.spec.ratioMetric.bad.metricSource.type: ",
            "let agents report it",
        ),
        (
            // The published examples name no source: `type: Any`.
            with("type: Prometheus", "type: Any"),
            "document 1, line 15, column 19: spec.indicator.spec.ratioMetric.bad.metricSource.type: ",
            "Thanos, Mimir",
        ),
        (
            with("            metricSourceRef: main\n            spec: {query: sum", "            spec: {query: sum"),
            "document 1, line 19, column 11: spec.indicator.spec.ratioMetric.total: ",
            "one source",
        ),
        (
            with("counter: true", "counter: false"),
            "document 1, line 17, column 27: spec.indicator.spec.ratioMetric.bad.metricSource.spec.query: ",
            "it goes up and down",
        ),
        (
            with("spec: {query: sum(", "spec: {dimensions: 3, query: sum("),
            "document 1, line 22, column 20: spec.indicator.spec.ratioMetric.total.metricSource.spec.dimensions: ",
            "no such field here",
        ),
        (
            with("target: 0.995", "target: 1.0"),
            "document 1, line 27, column 15: spec.objectives[0].target: ",
            "below 1",
        ),
        (
            with("target: 0.995", "target: 0.8"),
            "document 1, line 27, column 15: spec.objectives[0].target: ",
            "never fire",
        ),
        (
            with("target: 0.995", "{target: 0.9, targetPercent: 90}"),
            "document 1, line 27, column 36: spec.objectives[0].targetPercent: ",
            "has one of them",
        ),
        (
            with("target: 0.995", "{target: 0.99, compositeWeight: 2}"),
            "document 1, line 27, column 39: spec.objectives[0].compositeWeight: ",
            "write one for each",
        ),
        // A published example writes it so.
        (
            with("objectives:", "objective:"),
            "document 1, line 26, column 3: spec.objective: ",
            "did you mean \"objectives\"?",
        ),
        (
            with("budgetingMethod: Occurrences", "budgetingMethod: Sometimes"),
            "document 1, line 25, column 20: spec.budgetingMethod: ",
            "Timeslices",
        ),
        // A published example has a minute where a month is meant.
        (with("2w", "1m"), "document 1, line 24, column 18: spec.timeWindow[0].duration: ", "an hour at the least"),
        (
            with("2w", "2 weeks"),
            "document 1, line 24, column 18: spec.timeWindow[0].duration: ",
            "m, h, d, w, M, Q or Y",
        ),
        (
            with(rolling, "{duration: 2w, isRolling: false}"),
            "document 1, line 24, column 7: spec.timeWindow[0]: ",
            "needs a calendar",
        ),
        (
            with(
                "  indicator:\n    metadata: {name: answered}\n    spec:\n",
                "  indicatorRef: answerd\n  indicator: {spec:\n",
            )
            .replace("  timeWindow", "  }\n  timeWindow"),
            "",
            "",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, place, said) in table {
        let got = track(&text).map_or_else(|error| error.to_string(), |file| format!("{file:?}"));
        if !got.starts_with(place) || !got.contains(said) {
            wrong.push(format!("expected {place}...{said}\ngot {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_reference_to_what_is_not_in_the_file_is_refused() {
    let slo = "apiVersion: openslo/v1
kind: SLO
metadata: {name: waiting}
spec:
  service: shop
  indicatorRef: wiat
  budgetingMethod: Occurrences
  objectives: [{op: lt, value: 0.5, target: 0.98}]
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: wait}
spec: {thresholdMetric: {metricSource: {type: Prometheus, spec: {query: x}}}}
";
    let error = track(slo).unwrap_err().to_string();
    assert!(error.starts_with("document 1, line 6, column 17: spec.indicatorRef: "), "{error}");
    assert!(error.contains("did you mean \"wait\"?"), "{error}");
    let error = track(&slo.replace("wiat", "wait").replace("op: lt, value: 0.5, ", "")).unwrap_err().to_string();
    assert!(error.contains("spec.objectives[0].op: it is missing"), "{error}");
    let both = slo.replace("wiat", "wait").replace("indicatorRef", "indicator: {}\n  indicatorRef");
    assert!(track(&both).unwrap_err().to_string().contains("has one of them"));
}

const PLAN: &str = "rollout: pick
target: dc
snapshot: sha256:0000000000000000000000000000000000000000000000000000000000000000
gates:
  better: {verdict: all}
  spare: {budget: availability, above: 10%}
stages:
  - canary: 1 site
  - all: all
";

fn telemetry(source: &str, service: &str) -> PlanTelemetry {
    PlanTelemetry { source: SafeText::new(source), service: Some(SafeText::new(service)), ..PlanTelemetry::default() }
}

#[test]
fn a_plan_without_indicators_is_lent_those_of_the_file_with_source_and_service() {
    let file = track(&openslo("Occurrences", "{duration: 2w, isRolling: true}", "    - target: 0.995")).unwrap();
    let lent = file.lend(None).unwrap();
    assert_eq!(lent.telemetry, Some(telemetry("main", "shop")));
    // Its gates may ask for what is lent, and the whole crosses the wire.
    let node = document::from_yaml(PLAN).unwrap();
    let plan = Plan::from_node_lent(&node, &lent, |_, _| Ok(())).unwrap();
    assert_eq!((plan.slis.len(), plan.telemetry.source.as_str()), (1, "main"));
    assert_eq!(Plan::from_value(&plan.to_value()).unwrap(), plan);
    assert!(Plan::from_yaml(PLAN).is_err(), "without them the gates ask for what is not there");
    // What the plan says wins.
    let near = file.lend(Some(&telemetry("near", "shop"))).unwrap();
    assert_eq!(near.telemetry, Some(telemetry("near", "shop")));
    // A file of one service serves a rollout that is called otherwise.
    assert_eq!(file.lend(Some(&telemetry("near", "shop-eu"))).unwrap().slis.len(), 1);
    // Nobody guesses which server to ask.
    let error = track(&sloth("99.9", EVENTS)).unwrap().lend(None).unwrap_err().to_string();
    assert!(error.contains("telemetry: {source: NAME}"), "{error}");
}

#[test]
fn the_slis_of_a_plan_are_read_on_their_own_with_their_places() {
    let text = "telemetry: {source: near, arms: release, service: shop}
slis:
  success: {use: request_success_rate, critical: true}
  load:
    value: avg by (release) (load{release=~\"$release\"})
";
    let file = track(text).unwrap();
    let names: Vec<&str> = file.indicators.iter().map(|i| i.sli.name.as_str()).collect();
    assert_eq!(names, ["success", "load"]);
    let lent = file.lend(None).unwrap();
    assert_eq!(lent.telemetry.as_ref().unwrap().arms, ArmsBy::Release);
    assert_eq!(lent.slis[0].uses.as_ref().unwrap().as_str(), "request_success_rate");
    assert_eq!(Declared::from_node(&document::from_json(&lent.to_value()).unwrap()).unwrap(), lent);
    for (from, to, place, said) in [
        (
            "request_success_rate",
            "request_sucess_rate",
            "document 1, line 3, column 18: slis.success.use: ",
            "did you mean",
        ),
        ("critical: true", "kritical: true", "document 1, line 3, column 40: slis.success.kritical: ", "did you mean"),
        (
            "avg by (release) (load{release=~\"$release\"})",
            "avg by (track) (load{track=~\"$track\"})",
            "document 1, line 5, column 12: slis.load.value: ",
            "$release",
        ),
        (
            "    value:",
            "    objective: 0.99\n    value:",
            "document 1, line 5, column 16: slis.load.objective: ",
            "leave the objective out",
        ),
    ] {
        assert!(text.contains(from));
        let error = track(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with(place) && error.contains(said), "{error}");
    }
}

#[test]
fn hostile_files_are_refused_and_show_nothing_hostile() {
    let escape = sloth("99.9", EVENTS).replace("name: errors", "name: \"\\e[31merrors\"");
    let unknown = sloth("99.9", EVENTS).replace("objective:", "\"\\u202e\\e]0;x\\a\":");
    let service = sloth("99.9", EVENTS).replace("service: shop", "service: \"sh\\u200bop\"");
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d]\n".to_owned();
    let deep = format!("a: {}x{}", "[".repeat(500), "]".repeat(500));
    let large = "x".repeat(document::SIZE_MAX + 1);
    let many = "version: prometheus/v1\n---\n".repeat(100);
    for text in [escape, unknown, service, bomb, deep, large, many] {
        let error = track(&text).unwrap_err().to_string();
        assert!(error.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{200b}'), "{error:?}");
        assert!(error.len() < 2000, "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), from in 0..400_usize, to in 0..60_usize, put in "[-a-z:{}\\[\\]&*|\" \n]{0,8}") {
        let _ = track(&text);
        // A file that was damaged somewhere.
        for whole in [
            sloth("99.9", EVENTS),
            openslo("Occurrences", "{duration: 2w, isRolling: true}", "    - target: 0.995"),
        ] {
            let from = whole.floor_char_boundary(from.min(whole.len()));
            let to = whole.floor_char_boundary((from + to).min(whole.len()));
            let damaged = format!("{}{put}{}", &whole[..from], &whole[to..]);
            if let Ok(file) = track(&damaged) {
                for indicator in &file.indicators {
                    let telemetry = PlanTelemetry { source: SafeText::new("a"), ..PlanTelemetry::default() };
                    prop_assert!(catalog::resolve(&indicator.sli, &telemetry).is_ok());
                }
            }
        }
    }
}
