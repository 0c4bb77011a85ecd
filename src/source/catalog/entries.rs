//! The ready-made indicators themselves.

use super::{Metric, ReadyMade, Reported, Templates};
use crate::domain::{
    plan::Direction::{HigherIsWorse, LowerIsWorse},
    sli::{
        Family,
        SliKind::{Count, Gauge, Latency, Ratio},
    },
};

/// The label with an HTTP status.
const CODE: &[&str] = &["code"];
/// No further labels.
const NONE: &[&str] = &[];

const REQUESTS: Metric =
    Metric { name: "http_requests_total", labels: CODE, means: "requests, counted by HTTP status" };
const ALL_REQUESTS: &str = "sum by (@by) (increase(http_requests_total{@arms}[$window]))";
const FAILED_REQUESTS: &str = "sum by (@by) (increase(http_requests_total{@arms, code=~\"5..\"}[$window]))";

const NO_TEMPLATES: Templates = Templates { good: None, bad: None, total: None, histogram: None, value: None };

/// Good and all events, as agents report them, of which fewer good ones are worse.
const fn good_of_total(means: &'static str) -> Reported {
    Reported { kind: Ratio, unit: "ratio", direction: LowerIsWorse, form: "{good, total}", means }
}

/// A value, as agents report it.
const fn value(unit: &'static str, direction: crate::domain::plan::Direction, means: &'static str) -> Reported {
    Reported { kind: Gauge, unit, direction, form: "{value}", means }
}

pub(super) const ALL: &[ReadyMade] = &[
    ReadyMade {
        name: "request_success_rate",
        means: "The share of requests that were not answered with a server error (HTTP 5xx).",
        kind: Ratio,
        family: Family::Availability,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: Some(0.999),
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[REQUESTS],
        reported: Some(good_of_total("requests answered well, and all requests, counted since the process began")),
        templates: Templates { bad: Some(FAILED_REQUESTS), total: Some(ALL_REQUESTS), ..NO_TEMPLATES },
    },
    ReadyMade {
        name: "request_latency",
        means: "How long requests take: p95 and p99 side by side, and the share that is slower than the threshold.",
        kind: Latency,
        family: Family::Latency,
        unit: "s",
        direction: HigherIsWorse,
        objective: Some(0.99),
        threshold: Some(0.5),
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "http_request_duration_seconds_bucket",
            labels: &["le"],
            means: "a classic histogram of durations; the threshold is one of its bounds",
        }],
        reported: Some(good_of_total("requests answered within the threshold, and all requests")),
        templates: Templates {
            histogram: Some("sum by (@by, le) (increase(http_request_duration_seconds_bucket{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "request_latency_native",
        means: "How long requests take, as request_latency says it, from a native histogram, which sees smaller changes.",
        kind: Latency,
        family: Family::Latency,
        unit: "s",
        direction: HigherIsWorse,
        objective: Some(0.99),
        threshold: Some(0.5),
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "http_request_duration_seconds",
            labels: NONE,
            means: "a native histogram of durations",
        }],
        reported: None,
        templates: Templates {
            histogram: Some("sum by (@by) (increase(http_request_duration_seconds{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "error_budget_burn",
        means: "The share of requests that fail, held against the error budget: how fast it burns and what is left of it.",
        kind: Ratio,
        family: Family::Availability,
        unit: "ratio",
        direction: HigherIsWorse,
        objective: Some(0.999),
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[REQUESTS],
        reported: Some(Reported {
            kind: Ratio,
            unit: "ratio",
            direction: HigherIsWorse,
            form: "{good, total}",
            means: "requests answered well, and all requests",
        }),
        templates: Templates { bad: Some(FAILED_REQUESTS), total: Some(ALL_REQUESTS), ..NO_TEMPLATES },
    },
    ReadyMade {
        name: "conversion_rate",
        means: "The share of key transactions that people bring to their end: orders placed, picks confirmed.",
        kind: Ratio,
        family: Family::Business,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "key_transactions_total",
            labels: &["outcome"],
            means: "key transactions, counted when they end; outcome is completed, or why not",
        }],
        reported: Some(good_of_total("key transactions that were completed, and all that were begun")),
        templates: Templates {
            good: Some("sum by (@by) (increase(key_transactions_total{@arms, outcome=\"completed\"}[$window]))"),
            total: Some("sum by (@by) (increase(key_transactions_total{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "user_impact_ratio",
        means: "The share of sessions in which somebody met an error that they could see.",
        kind: Ratio,
        family: Family::Business,
        unit: "ratio",
        direction: HigherIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "user_sessions_total",
            labels: &["impacted"],
            means: "sessions, counted when they end; impacted is true or false",
        }],
        reported: Some(Reported {
            kind: Ratio,
            unit: "ratio",
            direction: HigherIsWorse,
            form: "{good, total}",
            means: "sessions without an error, and all sessions",
        }),
        templates: Templates {
            bad: Some("sum by (@by) (increase(user_sessions_total{@arms, impacted=\"true\"}[$window]))"),
            total: Some("sum by (@by) (increase(user_sessions_total{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "database_error_rate",
        means: "The share of database operations that ended in an error.",
        kind: Ratio,
        family: Family::Availability,
        unit: "ratio",
        direction: HigherIsWorse,
        objective: Some(0.999),
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "db_client_operation_duration_seconds_count",
            labels: &["error_type"],
            means: "operations, as OpenTelemetry counts them; error_type is there when one failed",
        }],
        reported: Some(Reported {
            kind: Ratio,
            unit: "ratio",
            direction: HigherIsWorse,
            form: "{good, total}",
            means: "operations that did not fail, and all operations",
        }),
        templates: Templates {
            bad: Some(
                "sum by (@by) (increase(db_client_operation_duration_seconds_count{@arms, error_type!=\"\"}[$window]))",
            ),
            total: Some("sum by (@by) (increase(db_client_operation_duration_seconds_count{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "replica_health_ratio",
        means: "The share of the replicas that were asked for which are there and ready.",
        kind: Gauge,
        family: Family::Health,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[
            Metric {
                name: "kube_deployment_status_replicas_available",
                labels: NONE,
                means: "replicas that are ready, of kube-state-metrics",
            },
            Metric {
                name: "kube_deployment_spec_replicas",
                labels: NONE,
                means: "replicas that are wanted, of kube-state-metrics",
            },
        ],
        reported: Some(value("ratio", LowerIsWorse, "replicas that are ready over those that are wanted, 0 to 1")),
        templates: Templates {
            value: Some(
                "sum by (@by) (avg_over_time(kube_deployment_status_replicas_available{@arms}[$window])) \
                 / (sum by (@by) (avg_over_time(kube_deployment_spec_replicas{@arms}[$window])) > 0)",
            ),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "unit_health_ratio",
        means: "The share of the checks on units of the fleet that found them healthy.",
        kind: Ratio,
        family: Family::Health,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[],
        reported: Some(good_of_total("checks that found the unit healthy, and all checks")),
        templates: NO_TEMPLATES,
    },
    ReadyMade {
        name: "telemetry_coverage",
        means: "The share of what should be measured that is: targets that answer, samples that arrive.",
        kind: Gauge,
        family: Family::Health,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[Metric { name: "up", labels: NONE, means: "1 where a target was scraped, of Prometheus itself" }],
        reported: Some(good_of_total("samples that arrived, and all that were expected")),
        templates: Templates { value: Some("avg by (@by) (avg_over_time(up{@arms}[$window]))"), ..NO_TEMPLATES },
    },
    ReadyMade {
        name: "security_alerts",
        means: "Alerts of detection rules, severe ones, against the traffic that they were raised in.",
        kind: Count,
        family: Family::Security,
        unit: "ratio",
        direction: HigherIsWorse,
        objective: None,
        threshold: None,
        required: false,
        observe_only: false,
        metrics: &[
            Metric {
                name: "security_alerts_total",
                labels: &["severity"],
                means: "alerts; severity is high or critical for those that count",
            },
            REQUESTS,
        ],
        reported: Some(Reported {
            kind: Count,
            unit: "ratio",
            direction: HigherIsWorse,
            form: "{good, total}",
            means: "events without an alert, and all events that rules looked at",
        }),
        templates: Templates {
            bad: Some("sum by (@by) (increase(security_alerts_total{@arms, severity=~\"high|critical\"}[$window]))"),
            total: Some(ALL_REQUESTS),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "deployment_failure_rate",
        means: "The share of deployments that failed or had to be taken back.",
        kind: Count,
        family: Family::Delivery,
        unit: "ratio",
        direction: HigherIsWorse,
        objective: None,
        threshold: None,
        required: false,
        observe_only: false,
        metrics: &[Metric {
            name: "deployments_total",
            labels: &["result"],
            means: "deployments, counted when they end; result is success, failure or rolled_back",
        }],
        reported: Some(Reported {
            kind: Count,
            unit: "ratio",
            direction: HigherIsWorse,
            form: "{good, total}",
            means: "deployments that succeeded, and all deployments",
        }),
        templates: Templates {
            bad: Some("sum by (@by) (increase(deployments_total{@arms, result=~\"failure|rolled_back\"}[$window]))"),
            total: Some("sum by (@by) (increase(deployments_total{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "time_to_rollback",
        means: "How long the latest way back took, from the order to the old version running.",
        kind: Gauge,
        family: Family::Delivery,
        unit: "s",
        direction: HigherIsWorse,
        objective: None,
        threshold: None,
        required: false,
        observe_only: true,
        metrics: &[Metric {
            name: "rollback_duration_seconds",
            labels: NONE,
            means: "the duration of the latest rollback",
        }],
        reported: Some(value("s", HigherIsWorse, "seconds that the latest rollback took")),
        templates: Templates {
            value: Some("max by (@by) (max_over_time(rollback_duration_seconds{@arms}[$window]))"),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "model_accuracy_delta",
        means: "The share of a model's answers that turned out right, candidate against baseline.",
        kind: Ratio,
        family: Family::Quality,
        unit: "ratio",
        direction: LowerIsWorse,
        objective: None,
        threshold: None,
        required: true,
        observe_only: false,
        metrics: &[Metric {
            name: "model_predictions_total",
            labels: &["outcome"],
            means: "answers of which the truth is known; outcome is correct or incorrect",
        }],
        reported: Some(good_of_total("answers that were right, and all of which the truth is known")),
        templates: Templates {
            good: Some("sum by (@by) (increase(model_predictions_total{@arms, outcome=\"correct\"}[$window]))"),
            total: Some(
                "sum by (@by) (increase(model_predictions_total{@arms, outcome=~\"correct|incorrect\"}[$window]))",
            ),
            ..NO_TEMPLATES
        },
    },
    ReadyMade {
        name: "resource_cost_delta",
        means: "What a thousand requests cost in processor time, candidate against baseline.",
        kind: Gauge,
        family: Family::Cost,
        unit: "CPU s per 1000 requests",
        direction: HigherIsWorse,
        objective: None,
        threshold: None,
        required: false,
        observe_only: true,
        metrics: &[
            Metric {
                name: "process_cpu_seconds_total",
                labels: NONE,
                means: "processor time, of Prometheus' client libraries",
            },
            REQUESTS,
        ],
        reported: Some(value(
            "cost",
            HigherIsWorse,
            "cost of a thousand requests, in any unit that is the same everywhere",
        )),
        templates: Templates {
            value: Some(
                "1000 * sum by (@by) (increase(process_cpu_seconds_total{@arms}[$window])) \
                 / (sum by (@by) (increase(http_requests_total{@arms}[$window])) > 0)",
            ),
            ..NO_TEMPLATES
        },
    },
];
