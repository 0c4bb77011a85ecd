//! Analysis runs of a workload: each metric with what was counted and what is allowed, its conditions,
//! its last values, and of the selected one what is asked and what was measured.

use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::{
    domain::workload::{Measurement, MetricView, ObjectState, RunView, Tally},
    tui::{
        app::{
            age,
            detail::{Pane, RunLine},
            figure,
        },
        theme::Role,
        widget::{
            chart::{Chart, Point, Tag},
            fit,
            row::{Row, titled_ends},
        },
    },
};

/// Fewest rows of a chart: its title, three of the plot, the times.
const CHART: u16 = 5;
/// Last values that are said of a metric.
const LAST: usize = 3;

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { detail, rollout, theme, .. } = scene;
    let lines = detail.analysis(rollout);
    let runs = lines.iter().filter(|line| matches!(line, RunLine::Run(_))).count();
    let bad = lines.iter().filter(|line| matches!(line, RunLine::Run(run) if run.state == ObjectState::Bad)).count();
    let failed = if bad > 0 { format!("   {bad} FAILED") } else { String::new() };
    title(scene, Pane::Analysis, &format!("analysis  {}{failed}", figure::counted(runs, "run")), area.width)
        .draw(area, 0, buffer);
    let rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if lines.is_empty() {
        let text =
            if detail.full.is_some() { "  no analysis runs, and none is known" } else { "  asking for analysis runs" };
        lead(theme, area.width, false).text(text, Role::Muted).draw(rest, 0, buffer);
        return None;
    }
    let chosen = detail.cursor(Pane::Analysis).min(lines.len() - 1);
    let zoom = scene.keys && detail.zoom;
    let said = told(&lines, chosen);
    let record = said.map(|(run, metric)| record(run, metric, rest.width, zoom, theme)).unwrap_or_default();
    let parts = Parts::of(rest.height, lines.len(), record.len(), said.is_some_and(|(_, metric)| drawn(metric)));
    let height = usize::from(parts.lines);
    let top = detail.top(Pane::Analysis, height, lines.len());
    let mut cursor = None;
    for (y, shown) in lines.iter().skip(top).take(height).enumerate() {
        let selected = is_selected(scene, Pane::Analysis, top + y);
        let row = match shown {
            RunLine::Run(run) => run_line(scene, run, selected, rest.width),
            RunLine::Metric(_, metric) => metric_line(scene, metric, selected, rest.width),
        };
        cursor = put(row, selected, rest, y as u16, buffer).or(cursor);
    }
    for (y, text) in record.iter().take(usize::from(parts.record)).enumerate() {
        Row::new(theme, rest.width).gap(2).text(text, Role::Normal).draw(rest, parts.lines + y as u16, buffer);
    }
    if let Some((_, metric)) = said.filter(|_| parts.chart > 0) {
        let from = parts.lines + parts.record;
        let at = Rect { y: rest.y + from, height: parts.chart, ..rest };
        chart(scene, metric, at, buffer);
    }
    cursor
}

/// How many rows each part gets.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    lines: u16,
    record: u16,
    chart: u16,
}

impl Parts {
    /// The list first; then what is said of the selected metric, then its chart, where there is room.
    fn of(height: u16, lines: usize, record: usize, drawn: bool) -> Self {
        let lines = lines as u16;
        let least = lines.min(3);
        let record = if height >= least + 2 { (record as u16).min(height - least).min(height / 2) } else { 0 };
        // A chart says more than a long query does.
        let beside = height.saturating_sub(least + CHART);
        let record = if drawn && beside >= 2 { record.min(beside) } else { record };
        let left = height - record;
        let chart = if drawn && left >= least + CHART { (left - lines.min(left / 2).max(least)).min(24) } else { 0 };
        let chart = if chart < CHART { 0 } else { chart };
        Self { lines: lines.min(left - chart), record, chart }
    }
}

/// The metric that is meant by a line: of a run the one that is worst.
fn told<'a>(lines: &[RunLine<'a>], chosen: usize) -> Option<(&'a RunView, &'a MetricView)> {
    match lines.get(chosen)? {
        RunLine::Metric(run, metric) => Some((run, metric)),
        RunLine::Run(run) => {
            let bad = |metric: &&MetricView| !metric.dry_run && metric.state == ObjectState::Bad;
            Some((run, run.metrics.iter().find(bad).or(run.metrics.first())?))
        }
    }
}

fn state<'a>(row: Row<'a>, state: ObjectState, status: &crate::domain::SafeText) -> Row<'a> {
    let row = match words::object_mark(state) {
        Some(mark) => row.mark(mark),
        None => row.gap(2),
    };
    row.cell(words::object_word(state, status), 12, words::object_role(state))
}

fn run_line<'a>(scene: &Scene<'a>, run: &RunView, selected: bool, width: u16) -> Row<'a> {
    let now = scene.app.server_now();
    let row = state(lead(scene.theme, width, selected), run.state, &run.phase);
    let when = match (run.started_at, run.completed_at) {
        (_, Some(at)) => format!("ended {} ago", age::coarse(now, at)),
        (Some(at), None) => format!("for {}", age::coarse(now, at)),
        (None, None) => "not begun".to_owned(),
    };
    let current = if run.current { "CURRENT " } else { "" };
    let name = if width < 100 { 24 } else { 34 };
    row.cell(&fit::middle(run.name.as_str(), name, fit::ellipsis(scene.theme)), name, Role::Strong)
        .text(&format!("{current}{}  {when}  ", run.role), if run.current { Role::Strong } else { Role::Muted })
        .text(run.message.as_str(), Role::Normal)
}

fn metric_line<'a>(scene: &Scene<'a>, metric: &MetricView, selected: bool, width: u16) -> Row<'a> {
    let row = state(lead(scene.theme, width, selected).gap(2), metric.state, &metric.phase);
    let name = if width < 100 { 16 } else { 24 };
    let row = row.cell(&fit::middle(metric.name.as_str(), name, fit::ellipsis(scene.theme)), name, Role::Strong);
    let doubt = if scene.live() { "" } else { "~" };
    row.text(&counted(metric), Role::Normal)
        .text(&format!("  last {}{doubt}", last(metric)), if scene.live() { Role::Normal } else { Role::Stale })
        .text(&format!("  {}", conditions(metric)), Role::Normal)
}

/// What was counted and what is allowed: `3 of 5 good, 2 failed (1 allowed)`.
fn counted(metric: &MetricView) -> String {
    let of = metric.count.map_or_else(String::new, |count| format!(" of {count}"));
    let mut parts = vec![format!("{}{of} good", metric.successful)];
    let allowed = |tally: Tally| tally.limit.map_or_else(|| " (any)".to_owned(), |limit| format!(" ({limit} allowed)"));
    parts.push(format!("{} failed{}", metric.failed.now, allowed(metric.failed)));
    for (tally, word) in [(metric.inconclusive, "inconclusive"), (metric.errors, "errors in a row")] {
        if tally.now > 0 {
            parts.push(format!("{} {word}{}", tally.now, allowed(tally)));
        }
    }
    let dry = if metric.dry_run { "DRY RUN, " } else { "" };
    format!("{dry}{}", parts.join(", "))
}

/// The last values, the newest first.
fn last(metric: &MetricView) -> String {
    let value = |measurement: &Measurement| match (measurement.number, measurement.value.as_str()) {
        (Some(number), _) => figure::number(number),
        (None, "") => measurement.phase.as_str().to_owned(),
        (None, value) => value.to_owned(),
    };
    let values: Vec<String> = metric.measurements.iter().rev().take(LAST).map(value).collect();
    if values.is_empty() { "-".to_owned() } else { values.join(" ") }
}

/// When a measurement is good, and when it is bad.
fn conditions(metric: &MetricView) -> String {
    match (metric.success.as_str(), metric.failure.as_str()) {
        ("", "") => "any value is good".to_owned(),
        (success, "") => format!("good if {success}"),
        ("", failure) => format!("bad if {failure}"),
        (success, failure) => format!("good if {success}, bad if {failure}"),
    }
}

/// A metric in words: why it is as it is, its conditions, what is asked.
fn record(run: &RunView, metric: &MetricView, width: u16, zoom: bool, theme: &crate::tui::theme::Theme) -> Vec<String> {
    let columns = usize::from(width).saturating_sub(2).max(10);
    let wrap = |text: &str, lines: usize| fit::wrap(text, columns, lines, fit::ellipsis(theme));
    let failed = metric.measurements.iter().rev().find(|measurement| !measurement.message.is_empty());
    let why = [metric.message.as_str(), failed.map_or("", |failed| failed.message.as_str()), run.message.as_str()];
    let mut lines = Vec::new();
    let mut name = format!("{}: ", metric.name);
    if let Some(why) = why.into_iter().find(|text| !text.is_empty()) {
        lines.extend(wrap(&format!("{name}{why}"), if zoom { 3 } else { 1 }));
        name.clear();
    }
    lines.extend(wrap(&format!("{name}{}", conditions(metric)), if zoom { 3 } else { 1 }));
    let query = if metric.query.is_empty() { "asks nothing that is told" } else { metric.query.as_str() };
    let provider = if metric.provider.is_empty() { "unknown provider" } else { metric.provider.as_str() };
    lines.extend(wrap(&format!("{provider}: {query}"), if zoom { 8 } else { 2 }));
    lines
}

/// The measurements that are numbers, with when they were made.
fn numbers(metric: &MetricView) -> impl Iterator<Item = (DateTime<Utc>, f64)> {
    let all = metric.measurements.iter();
    all.filter_map(|measurement| Some((measurement.at?, measurement.number.filter(|number| number.is_finite())?)))
}

/// Whether there is a past to draw.
fn drawn(metric: &MetricView) -> bool {
    numbers(metric).count() > 1
}

fn chart(scene: &Scene<'_>, metric: &MetricView, area: Rect, buffer: &mut Buffer) {
    let theme = scene.theme;
    let word = words::object_word(metric.state, &metric.phase);
    let role = words::object_role(metric.state);
    titled_ends(theme, area.width, (&format!("{}: measured", metric.name), Role::Heading), (word, role))
        .draw(area, 0, buffer);
    let at = |measurement: &Measurement| measurement.at;
    let points: Vec<Point> = metric
        .measurements
        .iter()
        .filter_map(|measurement| Some((at(measurement)?, measurement)))
        .map(|(at, measurement)| Point { line: measurement.number.filter(|n| n.is_finite()), ..Point::at(at) })
        .collect();
    let Some((until, newest)) = numbers(metric).last() else { return };
    let now = if scene.live() { "last" } else { "was" };
    let mut tags = vec![Tag { beside: Some(newest), text: format!("{now} {}", figure::number(newest)), role }];
    let limits: Vec<f64> = metric.limits.iter().copied().filter(|limit| limit.is_finite()).take(4).collect();
    tags.extend(limits.iter().map(|limit| Tag {
        beside: Some(*limit),
        text: format!("limit {}", figure::number(*limit)),
        role: Role::Limit,
    }));
    let plot = Rect { y: area.y + 1, height: area.height - 1, ..area };
    Chart {
        points: &points,
        rest: None,
        limits: &limits,
        until: points.last().map_or(until, |point| point.at),
        stopped: false,
        changes: &[],
        tags: &tags,
        format: &figure::number,
        clock: &|at| scene.app.clock(at),
    }
    .draw(theme, plot, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_comes_first_and_a_chart_only_where_it_can_be_read() {
        for (height, lines, record, drawn) in [
            (1, 9, 4, true),
            (4, 2, 4, true),
            (9, 3, 4, true),
            (12, 30, 4, false),
            (20, 4, 4, true),
            (40, 1000, 14, true),
        ] {
            let parts = Parts::of(height, lines, record, drawn);
            assert!(parts.lines + parts.record + parts.chart <= height, "{height} {parts:?}");
            assert!(parts.lines >= 1.min(height), "{height} {parts:?}");
            assert!(parts.chart == 0 || parts.chart >= CHART, "{height} {parts:?}");
        }
        assert_eq!(Parts::of(20, 4, 4, true), Parts { lines: 4, record: 4, chart: 12 });
    }
}
