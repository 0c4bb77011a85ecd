//! Tests of queries that are made to tell canary from baseline.

use proptest::prelude::*;

use super::*;

const COUNTED: Asks = Asks::Events { counter: false };
const COUNTER: Asks = Asks::Events { counter: true };

fn track(query: &str, asks: Asks) -> Result<Arranged, Refusal> {
    arrange(query, asks, ArmsBy::Track)
}

/// Queries of published examples, by their shape: slok/sloth examples/ (getting-started, home-wifi,
/// kubernetes-apiserver, raw-home-wifi), OpenSLO/OpenSLO README.md and OpenSLO/go-sdk's example of an SLO.
#[test]
fn queries_of_a_service_become_queries_of_its_arms() {
    let table = [
        (
            "sum(rate(requests_count{job=\"shop\",code=~\"(5..|429)\"}[{{.window}}]))",
            COUNTED,
            "sum by (track) (increase(requests_count{code=~\"(5..|429)\",job=\"shop\",track=~\"$track\"}[$window]))",
        ),
        (
            "sum(rate(requests_total[{{ .window }}]))",
            COUNTED,
            "sum by (track) (increase(requests_total{track=~\"$track\"}[$window]))",
        ),
        (
            "(\n  sum(rate(d_count{verb!=\"WATCH\"}[{{.window}}]))\n  -\n  sum(rate(d_bucket{le=\"0.4\",verb!=\"WATCH\"}[{{.window}}]))\n)\n",
            COUNTED,
            "(sum by (track) (increase(d_count{track=~\"$track\",verb!=\"WATCH\"}[$window])) - sum by (track) (increase(d_bucket{le=\"0.4\",track=~\"$track\",verb!=\"WATCH\"}[$window])))",
        ),
        (
            "sum_over_time((count(satisfaction_ratio < 0.75))[{{.window}}:]) OR on() vector(0)",
            COUNTED,
            "sum_over_time((count by (track) (satisfaction_ratio{track=~\"$track\"} < 0.75))[$window:])",
        ),
        (
            "1 - (\n  sum(sum_over_time(satisfaction_ratio[{{.window}}]))\n  /\n  sum(count_over_time(satisfaction_ratio[{{.window}}]))\n)",
            Asks::Value,
            "1 - (sum by (track) (sum_over_time(satisfaction_ratio{track=~\"$track\"}[$window])) / sum by (track) (count_over_time(satisfaction_ratio{track=~\"$track\"}[$window])))",
        ),
        (
            "sum(http_requests{k8s_cluster=\"prod\",component=\"web\",code=~\"2xx|4xx\"})",
            COUNTER,
            "sum by (track) (increase(http_requests{code=~\"2xx|4xx\",component=\"web\",k8s_cluster=\"prod\",track=~\"$track\"}[$window]))",
        ),
        (
            "server_requests{code=\"total\",host=\"*\",instance=\"127.0.0.1:9090\"}",
            COUNTER,
            "sum by (track) (increase(server_requests{code=\"total\",host=\"*\",instance=\"127.0.0.1:9090\",track=~\"$track\"}[$window]))",
        ),
        (
            "histogram_quantile(0.99, sum(rate(d_bucket[5m])) by (le))",
            Asks::Value,
            "histogram_quantile(0.99, sum by (le, track) (rate(d_bucket{track=~\"$track\"}[5m])))",
        ),
        (
            "sum by (region) (increase(x[5m]))",
            COUNTED,
            "sum by (track) (sum by (region, track) (increase(x{track=~\"$track\"}[$window])))",
        ),
        ("cpu_usage{a=`it's`}", Asks::Value, "avg by (track) (cpu_usage{a=\"it's\",track=~\"$track\"})"),
        (
            "sum(rate(a[5m])) + on (zone) sum(rate(b[5m]))",
            COUNTED,
            "sum by (track) (sum by (track) (increase(a{track=~\"$track\"}[$window])) + on (zone, track) sum by (track) (increase(b{track=~\"$track\"}[$window])))",
        ),
        (
            "histogram_fraction(0, 0.3, sum(rate(d[5m]))) * histogram_count(sum(rate(d[5m])))",
            COUNTED,
            "histogram_fraction(0, 0.3, sum by (track) (increase(d{track=~\"$track\"}[$window]))) * histogram_count(sum by (track) (increase(d{track=~\"$track\"}[$window])))",
        ),
        ("sum(rate(x[5m])) > 0", COUNTED, "sum by (track) (increase(x{track=~\"$track\"}[$window])) > 0"),
        (
            "sum(rate({__name__=\"my.requests\"}[5m] offset 1m))",
            COUNTED,
            "sum by (track) (increase({__name__=\"my.requests\",track=~\"$track\"}[$window] offset 1m))",
        ),
    ];
    for (query, asks, expected) in table {
        assert_eq!(track(query, asks).map(|arranged| arranged.query), Ok(expected.to_owned()), "{query}");
        let rewritten = track(query, asks).unwrap().query;
        crate::source::slo_file::tests::assert_template(&rewritten);
    }
    let by_site = arrange("sum(rate(x[5m]))", COUNTED, ArmsBy::Cohort).unwrap();
    assert_eq!(by_site.query, "sum by (site) (increase(x{site=~\"$cohort\"}[$window]))");
}

#[test]
fn what_was_written_for_arms_stays_as_it_is() {
    for query in [
        "sum by (track) (increase(x{track=~\"$track\"}[$window]))",
        "sum by (version) (increase(x{version=~\"$release\"}[$window]))",
    ] {
        assert_eq!(track(query, COUNTED).unwrap().query, query);
    }
    let sloth = "sum by (track) (increase(x{track=~\"$track\"}[{{.window}}]))";
    assert_eq!(track(sloth, COUNTED).unwrap().query, "sum by (track) (increase(x{track=~\"$track\"}[$window]))");
}

#[test]
fn what_is_changed_beyond_the_arms_is_said_and_durations_are_known() {
    let remarks = |query, asks| track(query, asks).unwrap().remarks.join("; ");
    assert!(
        remarks("sum(rate(x[5m])) / sum(rate(x[1h])) * sum(rate(x[5m]))", COUNTED).contains("[5m] became [$window]")
    );
    assert!(remarks("sum(rate(x[{{.window}}])) or vector(0)", COUNTED).contains("or vector(0)"));
    assert!(remarks("cpu_usage", Asks::Value).contains("averaged"));
    assert_eq!(remarks("sum(rate(x[{{.window}}]))", COUNTED), "");
    for (query, asks, durations) in [
        ("sum(rate(d_bucket{le=\"0.4\"}[5m]))", COUNTED, true),
        ("sum(rate(d_count[5m])) - sum(rate(fast{le=\"0.4\"}[5m]))", COUNTED, true),
        ("histogram_quantile(0.9, rate(d[5m]))", Asks::Value, true),
        ("sum(rate(d_count[5m]))", COUNTED, false),
    ] {
        assert_eq!(track(query, asks).unwrap().durations, durations, "{query}");
    }
}

#[test]
fn what_is_not_known_to_mean_the_same_is_refused_and_says_why() {
    let table = [
        ("", COUNTED, "empty"),
        ("   ", COUNTED, "empty"),
        ("sum(rate(x[{{.range}}]))", COUNTED, "{{.window}}"),
        ("sum(rate(x[{{", COUNTED, "{{.window}}"),
        ("sum(rate(x[5m])", COUNTED, "cannot be read as PromQL"),
        // slok/sloth examples/victoria-metrics.yml: a function of MetricsQL.
        ("1 - histogram_share(0.2, sum by (vmrange) (rate(x[5m])))", COUNTED, "cannot be read as PromQL"),
        // OpenSLO's examples ask Datadog.
        ("sum:trace.http.request.hits{status:200}.as_count()", COUNTED, "cannot be read as PromQL"),
        ("sum(rate(x{track=\"stable\"}[5m]))", COUNTED, "names one arm already"),
        ("sum without (pod) (rate(x[5m]))", COUNTED, "write by (...)"),
        ("sum(irate(x[5m]))", COUNTED, "two samples only"),
        ("topk(3, rate(x[5m]))", Asks::Value, "would not be the same"),
        ("max(rate(x[5m]))", COUNTED, "events are summed"),
        ("sum(x)", COUNTED, "it goes up and down"),
        ("sum(rate(a[5m])) / sum(rate(b[5m]))", COUNTED, "a share of events"),
        ("sum(rate(a[5m])) * sum(rate(b[5m]))", COUNTED, "a power of them"),
        ("sum(rate(x[5m])) * 60", COUNTED, "leave the number out"),
        ("sum(rate(x[5m])) + 1", COUNTED, "compared with 0"),
        ("sum(rate(x[5m]) > 5)", COUNTED, "compared with 0"),
        ("sum(rate(a[5m])) + sum(increase(b[5m]))", COUNTED, "mixed"),
        ("sum(rate(x[5m])) * on (pod) group_left () info", COUNTED, "group_left"),
        ("sum(rate(a[5m])) + ignoring (track) sum(rate(b[5m]))", COUNTED, "ignores the label"),
        ("sum(rate(x[5m] @ end()))", COUNTED, "fixed time"),
        ("sum(round(rate(x[5m])))", COUNTED, "no count of events"),
        ("sum(sum_over_time(rate(x[5m])[5m:]))", COUNTED, "counted again"),
        ("label_replace(rate(x[5m]), \"track\", \"a\", \"b\", \"c\")", Asks::Value, "keeps no labels"),
        ("scalar(x)", Asks::Value, "keeps no labels"),
        ("vector(0)", Asks::Value, "keeps no labels"),
        ("1 + 1", Asks::Value, "asks for no metric"),
        ("42", COUNTED, "asks for no metric"),
        ("\"text\"", Asks::Value, "no series"),
    ];
    for (query, asks, said) in table {
        match track(query, asks) {
            Err(refusal) => assert!(refusal.to_string().contains(said), "{query}: {refusal}"),
            Ok(arranged) => panic!("{query} became {}", arranged.query),
        }
    }
    // What is refused says how to write it.
    assert!(by_hand(ArmsBy::Release).contains("sum by (release) (increase(METRIC{release=~\"$release\"}[$window]))"));
}

#[test]
fn hostile_queries_cost_little_and_nothing_falls_over() {
    let table = [
        "x+".repeat(1900) + "x",
        "(".repeat(1900) + "x" + &")".repeat(1900),
        "-".repeat(3900) + "x",
        "- ".repeat(1900) + "x",
        "x^".repeat(1900) + "x",
        "sum(".repeat(900) + "x" + &")".repeat(900),
        "x or ".repeat(700) + "x",
        "abs(".repeat(900) + "x" + &")".repeat(900),
        "x[5m:".repeat(600) + &"]".repeat(600),
        "sum(rate(x[5m]))".repeat(1000),
    ];
    for query in table {
        for asks in [COUNTED, COUNTER, Asks::Value] {
            assert!(track(&query, asks).is_err(), "{}", &query[..40]);
        }
    }
    let error = track("sum(x{a=\"\u{1b}[31m\u{202e}\"})", COUNTED).unwrap_err().to_string();
    assert!(!error.contains('\u{1b}') && !error.contains('\u{202e}'), "{error:?}");
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(text in any::<String>(), near in "[a-c(){}\\[\\]<>=~\"$+*/,. 0-9mor-]{0,40}") {
        for asks in [COUNTED, COUNTER, Asks::Value] {
            let _ = track(&text, asks);
            let _ = track(&near, asks);
        }
    }

    /// Whatever is taken names the arms in every selector.
    #[test]
    fn what_is_taken_tells_arms_apart_everywhere(
        names in proptest::collection::vec("[a-f]{1,3}", 1..4),
        operator in "[+-]",
        by in proptest::option::of("pod|zone"),
    ) {
        let of = |name: &String| match &by {
            Some(by) => format!("sum by ({by}) (rate({name}[5m]))"),
            None => format!("sum(rate({name}[5m]))"),
        };
        let query = names.iter().map(of).collect::<Vec<_>>().join(&format!(" {operator} "));
        // A name may be a word of the language.
        if let Ok(arranged) = track(&query, COUNTED) {
            prop_assert_eq!(arranged.query.matches("track=~\"$track\"").count(), names.len());
            prop_assert_eq!(arranged.query.matches("increase(").count(), names.len());
            prop_assert!(!arranged.query.contains("rate("));
            crate::source::slo_file::tests::assert_template(&arranged.query);
        }
    }
}
