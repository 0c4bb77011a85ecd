//! What a workload on Kubernetes has beside stages and indicators, for people.

use std::fmt::Write as _;

use super::super::output::{Table, maybe_time, time, word};
use crate::domain::{
    Rollout, Workload,
    workload::{MetricView, RunView, Tally},
};

/// Measurements of a metric that are printed.
const MEASUREMENTS: usize = 5;
/// Happenings that are printed.
const HAPPENINGS: usize = 20;

/// The lines of the head: traffic, pods, an action that was sent.
pub fn head(rollout: &Rollout) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(pending) = &rollout.pending {
        let state = if pending.unconfirmed { "UNCONFIRMED" } else { "sent" };
        lines.push((
            "sent",
            format!("{} by {} at {}: {state}; {}", pending.action, pending.by, time(pending.at), pending.detail),
        ));
    }
    let Some(workload) = &rollout.workload else { return lines };
    if let Some(traffic) = workload.traffic {
        let actual = traffic.actual.map_or_else(|| "unknown".to_owned(), |actual| format!("{actual}"));
        let mirrored = traffic.mirrored.map(|share| format!(", {share} mirrored")).unwrap_or_default();
        let verified = match traffic.verified {
            Some(true) => ", verified",
            Some(false) => ", NOT verified by the router",
            None => "",
        };
        lines.push(("traffic", format!("set {} of {}, actual {actual}{mirrored}{verified}", traffic.set, traffic.max)));
    }
    let pods = workload.replicas;
    let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    lines.push((
        "pods",
        format!(
            "{} wanted, {} there, {} of the candidate, {} ready, {} available",
            count(pods.desired),
            count(pods.current),
            count(pods.updated),
            count(pods.ready),
            count(pods.available)
        ),
    ));
    for fact in &workload.facts {
        lines.push(("also", format!("{}: {}", fact.name, fact.value)));
    }
    if !workload.remark.is_empty() {
        lines.push(("not known", workload.remark.to_string()));
    }
    lines
}

/// Objects, analysis runs and what happened.
pub fn rest(workload: &Workload) -> String {
    let mut text = String::new();
    if !workload.objects.is_empty() {
        text.push_str("\nobjects\n");
        let mut table = Table::new(&["OBJECT", "STATE", "STATUS", "DETAIL", "MADE"]);
        for object in &workload.objects {
            table.row([
                format!("{:indent$}{} {}", "", object.kind, object.name, indent = 2 * usize::from(object.depth)),
                word(&object.state),
                object.status.to_string(),
                object.detail.to_string(),
                maybe_time(object.created_at),
            ]);
        }
        text.push_str(&table.text(2));
    }
    for run in &workload.runs {
        run_text(&mut text, run);
    }
    if !workload.happenings.is_empty() {
        text.push_str("\nhappened in the cluster\n");
        let mut table = Table::plain();
        for happening in workload.happenings.iter().take(HAPPENINGS) {
            let times = if happening.count > 1 { format!("{}x", happening.count) } else { String::new() };
            table.row([
                time(happening.at),
                if happening.warning { "WARNING" } else { "" }.to_owned(),
                happening.what.to_string(),
                times,
                happening.text.to_string(),
            ]);
        }
        text.push_str(&table.text(2));
    }
    text
}

fn run_text(text: &mut String, run: &RunView) {
    let current = if run.current { ", current" } else { "" };
    let message = if run.message.is_empty() { String::new() } else { format!(": {}", run.message) };
    let _ = writeln!(text, "\nanalysis {} ({}{current}) {}{message}", run.name, run.role, run.phase);
    let mut table =
        Table::new(&["METRIC", "PHASE", "GOOD", "FAILED", "INCONCLUSIVE", "ERRORS", "SUCCESS WHEN", "LAST"]);
    for metric in &run.metrics {
        table.row([
            format!("{}{}", metric.name, if metric.dry_run { " (dry run)" } else { "" }),
            metric.phase.to_string(),
            metric.successful.to_string(),
            tally(metric.failed),
            tally(metric.inconclusive),
            tally(metric.errors),
            condition(metric),
            last(metric),
        ]);
    }
    text.push_str(&table.text(2));
    for metric in run.metrics.iter().filter(|metric| !metric.query.is_empty()) {
        let _ = writeln!(text, "  {} asks {}: {}", metric.name, metric.provider, metric.query);
    }
}

fn tally(tally: Tally) -> String {
    let limit = tally.limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
    format!("{} of {limit}", tally.now)
}

fn condition(metric: &MetricView) -> String {
    match (metric.success.is_empty(), metric.failure.is_empty()) {
        (false, true) => metric.success.to_string(),
        (false, false) => format!("{} (fails when {})", metric.success, metric.failure),
        (true, false) => format!("not {}", metric.failure),
        (true, true) => "-".to_owned(),
    }
}

fn last(metric: &MetricView) -> String {
    let newest: Vec<&str> = metric.measurements.iter().rev().take(MEASUREMENTS).map(|m| m.value.as_str()).collect();
    if newest.is_empty() { "no measurement".to_owned() } else { newest.join(" ") }
}
