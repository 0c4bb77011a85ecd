//! Indicators: canary, baseline, difference, samples, verdict, and their past as charts.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::{
    domain::{Sli, Verdict},
    tui::{
        app::{age, attention, detail::Pane},
        theme::{Role, Theme},
        widget::{
            chart::{Chart, Point},
            row::{Row, titled},
        },
    },
};

/// Paints the pane: the table, and charts in what room is left.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, rollout, theme, .. } = scene;
    let slis = detail.slis(rollout);
    let score = rollout.verdict.score.map_or_else(String::new, |score| format!(" score {score:.0}"));
    let why = if rollout.verdict.why.is_empty() { String::new() } else { format!(": {}", rollout.verdict.why) };
    let text = format!("indicators {}  {}{score}{why}", slis.len(), attention::verdict_word(rollout.verdict.label));
    title(scene, Pane::Slis, &text, area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if slis.is_empty() {
        lead(theme, area.width, false)
            .text("  agents report no indicators for this rollout", Role::Normal)
            .draw(lines, 0, buffer);
        return None;
    }
    heading(theme, lines.width).draw(lines, 0, buffer);
    // The table has a third of the room, and what the charts cannot use.
    let charted = if lines.height >= 9 {
        (lines.height - 1).saturating_sub((slis.len() as u16).min(lines.height / 3).max(2))
    } else {
        0
    };
    let table = usize::from(lines.height - 1 - charted.min(lines.height - 1)).clamp(1, slis.len());
    let top = detail.top(Pane::Slis, table, slis.len());
    let mut cursor = None;
    for y in 0..table.min(slis.len() - top) {
        let selected = is_selected(scene, Pane::Slis, top + y);
        cursor =
            put(line(scene, slis[top + y], selected, lines.width), selected, lines, y as u16 + 1, buffer).or(cursor);
    }
    let used = table as u16 + 1;
    let charts = Rect { y: lines.y + used, height: lines.height.saturating_sub(used), ..lines };
    if charts.height >= 5 {
        let chosen = detail.cursor(Pane::Slis).min(slis.len() - 1);
        let across = if charts.width >= 100 && slis.len() > 1 { 2 } else { 1 };
        let down = if charts.height >= 14 && slis.len() > across { 2 } else { 1 };
        // The selected one first, then the others in their order.
        let mut order: Vec<&Sli> = vec![slis[chosen]];
        order.extend(slis.iter().enumerate().filter(|(index, _)| *index != chosen).map(|(_, sli)| *sli));
        let (w, h) = (charts.width / across as u16, charts.height / down as u16);
        for (index, sli) in order.into_iter().take(across * down).enumerate() {
            let (x, y) = ((index % across) as u16, (index / across) as u16);
            let cell = Rect { x: charts.x + x * w, y: charts.y + y * h, width: w - u16::from(across > 1), height: h };
            chart(app, sli, theme, cell, buffer);
        }
    }
    cursor
}

fn heading(theme: &Theme, width: u16) -> Row<'_> {
    let wide = width >= 90;
    let row = lead(theme, width, false)
        .gap(2)
        .cell("VERDICT", 12, Role::Heading)
        .cell("INDICATOR", if wide { 24 } else { 16 }, Role::Heading)
        .right("CANARY", 9, Role::Heading)
        .right("BASE", 9, Role::Heading)
        .right("DIFF", 9, Role::Heading);
    let row = if wide { row.right("LIMIT", 9, Role::Heading) } else { row };
    row.right("N", 11, Role::Heading).text("AGE  WHY", Role::Heading)
}

fn line<'a>(scene: &Scene<'a>, sli: &Sli, selected: bool, width: u16) -> Row<'a> {
    let wide = width >= 90;
    let now = scene.app.server_now();
    let mark = words::verdict_mark(sli.verdict);
    let old = sli.observed_at.is_some_and(|at| now - at > attention::STALE_AFTER);
    // Old numbers never keep full ink: beyond its limit the value itself goes.
    let fresh = |text: String| if old { format!("~{text}") } else { text };
    let role = if old { Role::Stale } else { Role::Normal };
    let name = if sli.critical { format!("{} !", sli.name) } else { sli.name.as_str().to_owned() };
    let row = lead(scene.theme, width, selected)
        .mark(mark)
        .cell(attention::verdict_word(sli.verdict), 12, mark.role())
        .cell(&name, if wide { 24 } else { 16 }, Role::Strong)
        .right(&fresh(words::value_or_none(sli.canary.value, sli)), 9, role)
        .right(&fresh(words::value_or_none(sli.baseline.value, sli)), 9, role)
        .right(&words::difference(sli), 9, role);
    let row = if wide {
        let limit = sli.limit.map_or_else(|| "-".to_owned(), |limit| words::value(limit, sli.unit.as_str()));
        row.right(&limit, 9, Role::Normal)
    } else {
        row
    };
    // Fresh ages are not worth a byte a second: only from half a minute on they are said.
    let age = match sli.observed_at {
        None => "never".to_owned(),
        Some(at) if old => age::coarse(now, at),
        Some(_) => "now".to_owned(),
    };
    row.right(&words::samples(sli), 11, role).cell(&age, 4, role).text(sli.why.as_str(), Role::Normal)
}

pub(super) fn chart(app: &crate::tui::app::App, sli: &Sli, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let value = |v: Option<f64>| words::value_or_none(v, sli);
    let text = format!(
        "{}  canary {}  base {}  {}",
        sli.name,
        value(sli.canary.value),
        value(sli.baseline.value),
        attention::verdict_word(sli.verdict)
    );
    let role = if sli.verdict == Verdict::Pass { Role::Heading } else { words::verdict_mark(sli.verdict).role() };
    titled(theme, area.width, &text, role).draw(area, 0, buffer);
    let plot = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let points: Vec<Point> = sli
        .series
        .iter()
        .flatten()
        .map(|point| Point { at: point.at, first: point.canary, second: point.baseline })
        .collect();
    if points.is_empty() {
        let text = if sli.series.is_none() { "  asking for the past" } else { "  no data yet" };
        Row::new(theme, area.width).text(text, Role::Muted).draw(plot, 0, buffer);
        return;
    }
    let format = |v: f64| words::value(v, sli.unit.as_str());
    let clock = |at| app.clock(at);
    // A limit on the difference is no level of the values: it is in the table.
    Chart { points: &points, limit: None, format: &format, clock: &clock }.draw(theme, plot, buffer);
}
