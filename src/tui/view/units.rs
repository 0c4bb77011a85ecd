//! Units: those that failed first, with what their command printed.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::tui::{
    app::{
        age,
        detail::{Pane, UnitLine},
    },
    theme::{Mark, Role},
    widget::row::{Row, titled},
};

/// The mark and the word of a unit.
fn state(line: &UnitLine<'_>) -> (Mark, String) {
    let Some(unit) = line.unit else {
        return (Mark::Fail, "FAILED".to_owned());
    };
    if !unit.reachable {
        return (Mark::NoData, "SILENT".to_owned());
    }
    match unit.state.as_str() {
        "failed" => (Mark::Fail, "FAILED".to_owned()),
        "unhealthy" => (Mark::Fail, "UNHEALTHY".to_owned()),
        "told" | "applying" | "reverting" | "applied" => (Mark::Running, unit.state.as_str().to_owned()),
        "healthy" => (Mark::Passed, "healthy".to_owned()),
        "reverted" => (Mark::RolledBack, "reverted".to_owned()),
        "left_as_is" => (Mark::NeedsPerson, "LEFT AS IS".to_owned()),
        other => (Mark::Waiting, other.to_owned()),
    }
}

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, rollout, theme, .. } = scene;
    let units = detail.units(rollout);
    let failed = units.iter().filter(|line| line.failure.is_some()).count();
    let silent = units.iter().filter(|line| line.unit.is_some_and(|unit| !unit.reachable)).count();
    let text = format!("units {}   {failed} with a failure, {silent} silent", units.len());
    title(scene, Pane::Units, &text, area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if units.is_empty() {
        let text = if rollout.units.is_none() { "  asking for units" } else { "  no unit is selected yet" };
        lead(theme, area.width, false).text(text, Role::Muted).draw(lines, 0, buffer);
        return None;
    }
    let chosen = detail.cursor(Pane::Units).min(units.len() - 1);
    let tail = units[chosen].failure.filter(|_| lines.height >= 5);
    let tail_rows = if tail.is_some() { (lines.height / 2).max(3) } else { 0 };
    let height = usize::from(lines.height - tail_rows);
    let top = detail.top(Pane::Units, height, units.len());
    let mut cursor = None;
    for y in 0..height.min(units.len() - top) {
        let unit = &units[top + y];
        let selected = is_selected(scene, Pane::Units, top + y);
        cursor = put(row(scene, unit, selected, lines.width), selected, lines, y as u16, buffer).or(cursor);
    }
    if let Some(failure) = tail {
        let at = Rect { y: lines.y + height as u16, height: tail_rows, ..lines };
        let text = format!(
            "{}/{} {} at {}",
            failure.site,
            failure.lane,
            failure.category.as_str(),
            app.clock_seconds(failure.at)
        );
        titled(theme, at.width, &text, Role::Fail).draw(at, 0, buffer);
        let output: Vec<&str> = failure.output_tail.lines().collect();
        let rows = usize::from(tail_rows) - 1;
        // The end of what it printed says most.
        let from = output.len().saturating_sub(rows);
        for (y, text) in output[from..].iter().enumerate() {
            Row::new(theme, at.width).text("  | ", Role::Muted).text(text, Role::Normal).draw(at, y as u16 + 1, buffer);
        }
        if output.is_empty() {
            Row::new(theme, at.width).text("  it printed nothing", Role::Muted).draw(at, 1, buffer);
        }
    }
    cursor
}

fn row<'a>(scene: &Scene<'a>, line: &UnitLine<'_>, selected: bool, width: u16) -> Row<'a> {
    let (mark, word) = state(line);
    let now = scene.app.server_now();
    let name = match (line.unit, line.failure) {
        (Some(unit), _) => format!("{}/{}", unit.site, unit.lane),
        (None, Some(failure)) => format!("{}/{}", failure.site, failure.lane),
        (None, None) => String::new(),
    };
    let mut row =
        lead(scene.theme, width, selected).mark(mark).cell(&word, 12, mark.role()).cell(&name, 22, Role::Strong);
    if let Some(unit) = line.unit {
        let stage = unit.stage.as_ref().map_or("-", |stage| stage.as_str());
        let runs = match (&unit.measured, &unit.claimed) {
            (Some(digest), _) => format!("measured {}", digest.short()),
            (None, Some(digest)) => format!("claimed {}", digest.short()),
            (None, None) => "measures nothing".to_owned(),
        };
        row = row.cell(stage, 10, Role::Normal);
        if !unit.reachable {
            let seen = unit.seen_at.map_or_else(|| "never".to_owned(), |at| age::coarse(now, at));
            row = row.text(&format!("{} when last heard of, {seen} ago  ", unit.state), Role::NoData);
        }
        if let Some(failure) = line.failure {
            row = row.text(&format!("{}  ", failure.category.as_str()), Role::Fail);
        }
        row = row.text(&runs, Role::Normal);
        if width >= 100 {
            row = row.text(&format!("  back to {}", words::digest(unit.pinned.as_ref())), Role::Muted);
        }
    } else if let Some(failure) = line.failure {
        row = row.text(failure.category.as_str(), Role::Fail);
    }
    row
}
