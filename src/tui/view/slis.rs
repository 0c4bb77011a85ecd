//! Indicators: what they come to together, the budget, one line each, and their past as charts.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    budget,
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::{
    domain::{Sli, sli::SliState},
    tui::{
        app::{
            attention,
            change::{self, Change},
            detail::Pane,
            figure, signal,
        },
        theme::Role,
        widget::{fit, row::Row},
    },
};

pub(super) mod plot;
mod table;

use plot::Look;
use table::Columns;

/// Fewest rows of a chart: its title, three of the plot, the times.
const CHART: u16 = 5;
/// Rows from which on the verdict has a line of its own.
const ROOMY: u16 = 13;

/// Where the parts of the pane are.
struct Parts {
    /// Lines of the table, its heading not counted.
    lines: u16,
    /// The selected indicator in words.
    record: u16,
    /// Charts, side by side and below each other.
    charts: Vec<Rect>,
}

impl Parts {
    /// The parts of an area that begins with the table's heading; the selected indicator's words take
    /// so many rows where there is room for them.
    fn of(area: Rect, slis: usize, record: u16, zoom: bool) -> Self {
        let count = slis as u16;
        let left = area.height.saturating_sub(1);
        let record = if left >= 12 { record } else { 0 };
        let left = left - record;
        // Four charts where they fit, one large and two small ones, or one.
        let wanted = match area.width {
            _ if zoom => (left * 3 / 5).max(CHART),
            100.. if slis > 2 && left >= 2 * (CHART + 1) + 3 => 2 * (CHART + 1),
            76.. if slis > 2 && left >= 2 * CHART + 1 + 4 => 2 * CHART + 1,
            _ => CHART + 1,
        };
        let lines = if left < CHART + 2 { left } else { left.saturating_sub(wanted).clamp(2, left - CHART) };
        let lines = lines.min(count);
        let used = 1 + lines + record;
        let rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
        Self { lines, record, charts: if rest.height < CHART { Vec::new() } else { charts(rest, slis, zoom) } }
    }
}

/// The room of each chart.
fn charts(area: Rect, slis: usize, zoom: bool) -> Vec<Rect> {
    let cell = |x: u16, y: u16, width: u16, height: u16| Rect { x: area.x + x, y: area.y + y, width, height };
    let grid = |across: u16, down: u16| {
        let (w, h) = (area.width / across, area.height / down);
        let at = |n: u16| cell(n % across * w, n / across * h, w - u16::from(across > 1), h);
        (0..across * down).map(at).collect()
    };
    match area.width {
        _ if zoom || slis < 2 => vec![area],
        160.. if slis > 2 && area.height < 2 * CHART => grid(4, 1),
        100.. if slis > 2 && area.height >= 2 * CHART => grid(2, 2),
        100.. => grid(2, 1),
        76.. if slis > 2 && area.height > 2 * CHART => {
            let half = area.width / 2;
            let large = area.height - CHART;
            vec![
                cell(0, 0, area.width, large),
                cell(0, large, half - 1, CHART),
                cell(half, large, area.width - half, CHART),
            ]
        }
        _ => vec![area],
    }
}

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, rollout, theme, .. } = scene;
    let now = app.server_now();
    let slis = detail.slis(rollout, now);
    let roomy = area.height >= ROOMY;
    let verdict = &rollout.verdict;
    let word = attention::verdict_word(verdict.label);
    let score = verdict.score.filter(|s| s.is_finite()).map_or_else(String::new, |score| format!("  score {score:.0}"));
    let text = if roomy || slis.is_empty() {
        format!("indicators {}{}{score}", slis.len(), states(&slis, now))
    } else {
        let why = if verdict.why.is_empty() { String::new() } else { format!(": {}", verdict.why) };
        format!("indicators {}{score}  {word}{why}", slis.len())
    };
    title(scene, Pane::Slis, &text, area.width).draw(area, 0, buffer);
    let mut rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if slis.is_empty() {
        let why = match verdict.why.as_str() {
            "" => "no indicator is reported for this rollout",
            why => why,
        };
        lead(theme, area.width, false).text("  ", Role::Normal).text(why, Role::Normal).draw(rest, 0, buffer);
        return None;
    }
    if roomy {
        let mark = words::verdict_mark(verdict.label);
        let role = if mark.role() == Role::Waiting { Role::Normal } else { mark.role() };
        lead(theme, area.width, false)
            .mark(mark)
            .text(&format!("{word}{}", if scene.live() { "  " } else { "~ " }), role)
            .text(verdict.why.as_str(), Role::Normal)
            .draw(rest, 0, buffer);
        rest = below(rest, 1);
    }
    if area.height >= 9
        && let Some(line) = budget::line(&rollout.slis, scene.live(), theme, area.width)
    {
        line.draw(rest, 0, buffer);
        rest = below(rest, 1);
    }
    let zoom = scene.keys && detail.zoom;
    let chosen = detail.cursor(Pane::Slis).min(slis.len() - 1);
    let record = record(scene, slis[chosen], zoom, rest.width);
    let parts = Parts::of(rest, slis.len(), record.len() as u16, zoom);
    let columns = Columns::of(rest.width, table::longest(scene, &slis));
    table::heading(&columns, theme, rest.width).draw(rest, 0, buffer);
    let lines = usize::from(parts.lines);
    let top = detail.top(Pane::Slis, lines, slis.len());
    let mut cursor = None;
    for (y, sli) in slis.iter().skip(top).take(lines).enumerate() {
        let selected = is_selected(scene, Pane::Slis, top + y);
        let row = table::line(scene, &columns, sli, selected, rest.width);
        cursor = put(row, selected, rest, y as u16 + 1, buffer).or(cursor);
    }
    for (y, line) in record.iter().take(usize::from(parts.record)).enumerate() {
        Row::new(theme, rest.width).gap(2).text(line, Role::Normal).draw(rest, 1 + parts.lines + y as u16, buffer);
    }
    let changes: Vec<Change<'_>> = change::changes(rollout, &detail.timeline);
    if let [only] = parts.charts[..] {
        let look = Look { selected: false, whole: zoom, doubtful: app.is_cut_off(rollout) };
        plot::draw(app, slis[chosen], &changes, look, theme, only, buffer);
        return cursor;
    }
    // Charts stay where they are while the cursor moves among them, and none is spent on what has no past.
    let drawn: Vec<usize> = (0..slis.len()).filter(|index| plot::is_drawn(slis[*index])).collect();
    let room = parts.charts.len().max(1);
    let first = drawn.iter().position(|index| *index == chosen).unwrap_or(0) / room * room;
    for (at, index) in parts.charts.into_iter().zip(drawn.into_iter().skip(first)) {
        let look =
            Look { selected: is_selected(scene, Pane::Slis, index), whole: false, doubtful: app.is_cut_off(rollout) };
        plot::draw(app, slis[index], &changes, look, theme, at, buffer);
    }
    cursor
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// How many are in which state, those that are not as they should be first.
fn states(slis: &[&Sli], now: chrono::DateTime<chrono::Utc>) -> String {
    const ALL: [SliState; 8] = [
        SliState::Fail,
        SliState::Error,
        SliState::NoData,
        SliState::Stale,
        SliState::Watch,
        SliState::Warming,
        SliState::Insufficient,
        SliState::Pass,
    ];
    let count = |state| slis.iter().filter(|sli| signal::state(sli, now) == state).count();
    let said: Vec<String> = ALL
        .into_iter()
        .filter(|state| count(*state) > 0)
        .map(|state| format!("{} {}", count(state), signal::word(state)))
        .collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) }
}

/// The selected indicator in words: why, and with the whole screen what it is and how it burns. The table
/// has no room for reasons where it is narrow.
fn record(scene: &Scene<'_>, sli: &Sli, zoom: bool, width: u16) -> Vec<String> {
    if !zoom && width >= 100 {
        return Vec::new();
    }
    let why = if sli.why.is_empty() { "nothing is said of it" } else { sli.why.as_str() };
    let columns = usize::from(width).saturating_sub(2).max(1);
    let mut lines =
        fit::wrap(&format!("{}: {why}", sli.name), columns, if zoom { 2 } else { 1 }, fit::ellipsis(scene.theme));
    if zoom {
        lines.push(what(scene, sli));
        lines.extend(sli.burn.as_deref().map(budget::rates));
    }
    lines
}

/// What kind of indicator it is, how it was judged, and when it was last measured.
fn what(scene: &Scene<'_>, sli: &Sli) -> String {
    let now = scene.app.server_now();
    let family = sli.family.map(|family| family.as_str().to_owned());
    let flags = [(sli.critical, "critical"), (sli.required, "required")];
    let flags = flags.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    let method = (!sli.method.is_empty()).then(|| format!("by {}", sli.method));
    let of = |arm| figure::of(arm, sli.unit.as_str());
    let measured = match (sli.observed_at, of(sli.canary).zip(of(sli.baseline))) {
        (None, _) => "never measured".to_owned(),
        // What the table does not show any more.
        (Some(at), Some((canary, base))) if signal::freshness(sli, now) == signal::Freshness::Gone => {
            format!("last {canary} against {base} at {}", scene.app.clock_seconds(at))
        }
        (Some(at), _) => format!("measured {}", scene.app.clock_seconds(at)),
    };
    let parts: Vec<String> = family.into_iter().chain(flags).chain(method).chain([measured]).collect();
    parts.join(", ")
}
