//! An indicator's past as a chart: canary minus baseline with its band and its limit, or their ratio, or
//! both as they were measured.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    domain::{
        Sli, SliArm,
        sli::{SliPoint, SliState, TelemetryState},
    },
    tui::{
        app::{
            App, age, change,
            chart::ChartMode,
            figure,
            signal::{self, Freshness},
        },
        theme::{Role, Theme},
        view::words,
        widget::{
            chart::{Change, Chart, Point, Tag},
            fit,
            row::{Row, titled_ends},
        },
    },
};

/// What a chart shows of an indicator.
struct Lines {
    points: Vec<Point>,
    rest: Option<f64>,
    limits: Vec<f64>,
    tags: Vec<Tag>,
}

/// Most slices that a chart shows; all that are known when it has the whole screen.
const LATEST: usize = 60;

/// How much of an indicator's past is shown, and whether the cursor is on its chart.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::tui::view) struct Look {
    /// The cursor is on it.
    pub selected: bool,
    /// All of its past is shown.
    pub whole: bool,
    /// Whether what is known of it may not hold any more.
    pub doubtful: bool,
}

/// Paints an indicator's chart, its title first.
pub(in crate::tui::view) fn draw(
    app: &App,
    sli: &Sli,
    changes: &[change::Change<'_>],
    look: Look,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.height == 0 {
        return;
    }
    title(app, sli, look, theme, area, buffer);
    let plot = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let Some(series) = &sli.series else {
        Row::new(theme, area.width).text("  asking for the past", Role::Muted).draw(plot, 0, buffer);
        return;
    };
    let series = if look.whole { &series[..] } else { &series[series.len().saturating_sub(LATEST)..] };
    let now = app.server_now();
    let fresh = signal::freshness(sli, now);
    let mut lines = match app.chart {
        ChartMode::Difference => differences(sli, series),
        ChartMode::Ratio => ratios(sli, series),
        ChartMode::Raw => raw(sli, series),
    };
    let live = app.link.is_live(app.now.elapsed) && !look.doubtful;
    if fresh == Freshness::Late || !live {
        // What it is now, nobody can say.
        for tag in &mut lines.tags {
            if let Some(value) = tag.text.strip_prefix("now ") {
                tag.text = format!("was {value}");
                tag.role = Role::Stale;
            }
        }
    }
    let silent = fresh == Freshness::Gone
        || matches!(signal::state(sli, now), SliState::Error | SliState::NoData | SliState::Stale);
    let last = lines.points.iter().rev().find(|point| point.line.is_some()).map(|point| point.at);
    if silent && let Some(at) = last {
        // What it was once is said with its time, and nothing is said to be now.
        let value = lines.tags.first().and_then(|tag| tag.beside);
        let once = lines.points.iter().rev().find_map(|point| point.line);
        lines.tags.retain(|tag| tag.text.starts_with("limit"));
        let text = once.map_or_else(String::new, |v| format!("last {}", axis_value(app.chart, v, sli)));
        lines.tags.insert(0, Tag { beside: once.or(value), text, role: Role::Stale });
        lines.tags.push(Tag { beside: once, text: format!("at {}", app.clock(at)), role: Role::Stale });
    }
    let newest = series.last().map_or(now, |point| point.at);
    // A chart of what comes ends with what came; one of what stopped goes on, a minute at a time.
    let until = if silent { newest.max(minute(now)) } else { newest };
    let changes: Vec<Change> =
        changes.iter().map(|change| Change { at: change.at, word: change.word.to_owned() }).collect();
    let drawn = Chart {
        points: &lines.points,
        rest: lines.rest,
        limits: &lines.limits,
        until,
        stopped: silent,
        changes: &changes,
        tags: &lines.tags,
        format: &|value| short(&axis_value(app.chart, value, sli)),
        clock: &|at| app.clock(at),
    }
    .draw(theme, plot, buffer);
    if !drawn {
        nothing(app, sli, theme, plot, buffer);
    }
}

fn minute(at: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(at.timestamp().div_euclid(60) * 60, 0).unwrap_or(at)
}

/// What it is and how it is drawn at the left, what it comes to at the right.
fn title(app: &App, sli: &Sli, look: Look, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let now = app.server_now();
    let state = signal::state(sli, now);
    let mark = words::sli_mark(state);
    let unit = match (app.chart, sli.unit.as_str()) {
        (ChartMode::Ratio, _) | (_, "") => String::new(),
        (ChartMode::Difference, "ratio") => ", pp".to_owned(),
        (ChartMode::Raw, "ratio") => ", %".to_owned(),
        (_, unit) => format!(", {unit}"),
    };
    let sign = if look.selected { "> " } else { "" };
    let says = match (app.chart, theme.glyphs()) {
        (ChartMode::Raw, crate::tui::capability::Glyphs::Ascii) => "canary *, base .",
        (ChartMode::Raw, crate::tui::capability::Glyphs::Unicode) => "canary line, base dots",
        (mode, _) => mode.says(),
    };
    let left = format!("{sign}{}: {says}{unit}", sli.name);
    let live = app.link.is_live(app.now.elapsed) && !look.doubtful;
    let text = match signal::freshness(sli, now) {
        _ if matches!(state, SliState::Error | SliState::NoData | SliState::Stale) => {
            let age = signal::since(sli, now).map_or_else(String::new, |at| format!(" {}", age::coarse(now, at)));
            format!("{}{age}", signal::word(state))
        }
        Freshness::Gone => {
            let age = sli.observed_at.map_or_else(String::new, |at| format!(" {}", age::coarse(now, at)));
            format!("{} STALE{age}", signal::word(state))
        }
        fresh => {
            let old = if fresh == Freshness::Late || !live { "~" } else { "" };
            let compared = figure::compared(sli).map_or_else(String::new, |text| format!(" {text}{old}"));
            format!("{}{compared}", signal::word(state))
        }
    };
    let right = format!("{} {text}", theme.mark(mark));
    let role = if state == SliState::Pass { Role::Heading } else { mark.role() };
    let left_role = if look.selected { Role::Strong } else { Role::Heading };
    titled_ends(theme, area.width, (&left, left_role), (&right, role)).draw(area, 0, buffer);
}

/// Why there is no chart.
fn nothing(app: &App, sli: &Sli, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let why = sli.why.as_str();
    let text = match (app.chart, sli.telemetry) {
        (ChartMode::Ratio, _) if is_drawn(sli) => "a ratio needs a baseline above zero: none was in this span",
        (_, TelemetryState::Ok) if is_drawn(sli) => "no data of both sides in this span",
        _ if !why.is_empty() => why,
        (_, TelemetryState::Error) => "the source does not answer",
        (_, TelemetryState::Empty | TelemetryState::Ok) => "no data yet",
        (_, TelemetryState::Stale) => "the newest value is too old",
        (_, TelemetryState::Warming) => "too young to say",
    };
    let width = usize::from(area.width).saturating_sub(2);
    let lines = fit::wrap(text, width.max(1), usize::from(area.height), fit::ellipsis(theme));
    for (y, line) in lines.iter().enumerate() {
        Row::new(theme, area.width).gap(2).text(line, Role::Normal).draw(area, y as u16, buffer);
    }
}

/// A value of the vertical axis, without its unit: the title names that.
fn axis_value(mode: ChartMode, value: f64, sli: &Sli) -> String {
    let unit = sli.unit.as_str();
    match mode {
        ChartMode::Difference => figure::signed(value, unit),
        ChartMode::Ratio => figure::times(value),
        ChartMode::Raw if unit == "ratio" => figure::value(value, unit).trim_end_matches('%').to_owned(),
        ChartMode::Raw => figure::number(value),
    }
}

/// A number of the axis without the digits that say nothing.
fn short(text: &str) -> String {
    if text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c)) {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Whether there is anything to draw of an indicator.
pub(in crate::tui::view) fn is_drawn(sli: &Sli) -> bool {
    let finite = |value: Option<f64>| value.is_some_and(f64::is_finite);
    sli.series.iter().flatten().any(|p| finite(p.canary) || finite(p.baseline) || finite(p.difference))
}

fn differences(sli: &Sli, series: &[SliPoint]) -> Lines {
    let path = sli.has_path();
    let points = series.iter().map(|point| Point {
        line: point.difference_along(path),
        band: point.interval.map(|interval| (interval.low, interval.high)),
        ..Point::at(point.at)
    });
    let unit = sli.unit.as_str();
    let limits = figure::limits(sli);
    let mut tags = Vec::new();
    if let Some(now) = figure::difference(sli) {
        tags.push(Tag { beside: Some(now), text: format!("now {}", figure::signed(now, unit)), role: Role::Strong });
    }
    if let Some(limit) = limits.first() {
        let text = format!("limit {}", figure::signed(*limit, unit));
        tags.push(Tag { beside: Some(*limit), text, role: Role::Normal });
    }
    if let Some(interval) = sli.interval {
        let text = figure::between(interval.low, interval.high, unit);
        // Beside its end that is further from the limit, so that the limit keeps its place.
        let beyond = figure::difference(sli).zip(limits.first().copied()).is_some_and(|(now, limit)| now > limit);
        let beside = Some(if beyond { interval.high } else { interval.low });
        tags.push(Tag { beside, text, role: Role::Normal });
    }
    Lines { points: points.collect(), rest: Some(0.0), limits, tags }
}

fn ratios(sli: &Sli, series: &[SliPoint]) -> Lines {
    let over = |canary: Option<f64>, baseline: Option<f64>| {
        let (canary, baseline) = canary.zip(baseline)?;
        (baseline > 0.0).then(|| canary / baseline).filter(|ratio| ratio.is_finite())
    };
    let points =
        series.iter().map(|point| Point { line: over(point.canary, point.baseline), ..Point::at(point.at) }).collect();
    let baseline = sli.baseline.value.filter(|v| *v > 0.0);
    let limits: Vec<f64> = baseline.map_or_else(Vec::new, |baseline| {
        figure::limits(sli).into_iter().map(|limit| (baseline + limit) / baseline).filter(|l| l.is_finite()).collect()
    });
    let mut tags = Vec::new();
    if let Some(now) = sli.ratio.or_else(|| over(sli.canary.value, sli.baseline.value)).filter(|r| r.is_finite()) {
        tags.push(Tag { beside: Some(now), text: format!("now {}", figure::times(now)), role: Role::Strong });
    }
    if let Some(limit) = limits.first() {
        let text = format!("limit {}", figure::times(*limit));
        tags.push(Tag { beside: Some(*limit), text, role: Role::Normal });
    }
    Lines { points, rest: Some(1.0), limits, tags }
}

fn raw(sli: &Sli, series: &[SliPoint]) -> Lines {
    let points =
        series.iter().map(|point| Point { line: point.canary, dots: point.baseline, ..Point::at(point.at) }).collect();
    // A limit on a difference lies that far from the baseline, as it is now.
    let baseline = sli.baseline.value.filter(|v| v.is_finite());
    let limits: Vec<f64> = baseline
        .map_or_else(Vec::new, |baseline| figure::limits(sli).into_iter().map(|limit| baseline + limit).collect());
    let tag = |sign: &str, arm: SliArm, role: Role| {
        let beside = arm.value.filter(|v| v.is_finite())?;
        let text = format!("{sign} {}", axis_value(ChartMode::Raw, beside, sli));
        Some(Tag { beside: Some(beside), text, role })
    };
    let mut tags: Vec<Tag> = Vec::new();
    tags.extend(tag("canary", sli.canary, Role::Strong));
    tags.extend(tag("base", sli.baseline, Role::Normal));
    if let Some(limit) = limits.first() {
        let text = format!("limit {}", axis_value(ChartMode::Raw, *limit, sli));
        tags.push(Tag { beside: Some(*limit), text, role: Role::Normal });
    }
    Lines { points, rest: None, limits, tags }
}
