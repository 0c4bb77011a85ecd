//! The objects of a workload as a tree. Only the visible ones are formatted.

use std::sync::atomic::{AtomicU64, Ordering};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words, workload,
};
use crate::{
    domain::workload::{ObjectState, ObjectView},
    tui::{
        app::{
            age,
            detail::{Pane, objects},
            tree,
        },
        theme::Role,
        widget::{fit, row::Row},
    },
};

/// How many objects were formatted since the program started: a test holds it against what is visible.
static FORMATTED: AtomicU64 = AtomicU64::new(0);

/// How many objects were formatted so far, for tests.
#[doc(hidden)]
#[must_use]
pub fn formatted() -> u64 {
    FORMATTED.load(Ordering::Relaxed)
}

/// Most columns that the depth of an object takes.
const INDENT: usize = 12;

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { detail, rollout, theme, .. } = scene;
    let objects = objects(rollout);
    title(scene, Pane::Objects, &summary(objects), area.width).draw(area, 0, buffer);
    let mut lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if let Some(row) = workload::remark(scene, area.width) {
        row.draw(lines, 0, buffer);
        lines = Rect { y: lines.y + 1, height: lines.height - 1, ..lines };
    }
    if objects.is_empty() {
        let known = detail.full.is_some();
        let text = if known { "  no objects are known" } else { "  asking for objects" };
        lead(theme, area.width, false).text(text, Role::Muted).draw(lines, 0, buffer);
        return None;
    }
    let shown = detail.folded.shown(objects);
    let height = usize::from(lines.height);
    let top = detail.top(Pane::Objects, height, shown.len());
    let mut cursor = None;
    for (y, index) in shown.iter().skip(top).take(height).enumerate() {
        let selected = is_selected(scene, Pane::Objects, top + y);
        let row = line(scene, objects, *index, selected, lines.width);
        cursor = put(row, selected, lines, y as u16, buffer).or(cursor);
    }
    cursor
}

/// How many there are, and how many of them are not as they should be.
fn summary(objects: &[ObjectView]) -> String {
    let count = |state| objects.iter().filter(|object| object.state == state).count();
    let mut parts = vec![format!("objects {}", objects.len())];
    for (state, word) in
        [(ObjectState::Bad, "BAD"), (ObjectState::Unknown, "UNKNOWN"), (ObjectState::Working, "working")]
    {
        if count(state) > 0 {
            parts.push(format!("{} {word}", count(state)));
        }
    }
    parts.join("   ")
}

/// The short name of a kind, as people type it.
fn short(kind: &str) -> String {
    match kind {
        "ReplicaSet" => "rs".to_owned(),
        "AnalysisRun" => "run".to_owned(),
        "Experiment" => "exp".to_owned(),
        "Deployment" => "deploy".to_owned(),
        other => other.to_lowercase(),
    }
}

fn line<'a>(scene: &Scene<'a>, objects: &[ObjectView], index: usize, selected: bool, width: u16) -> Row<'a> {
    FORMATTED.fetch_add(1, Ordering::Relaxed);
    let object = &objects[index];
    let now = scene.app.server_now();
    let role = words::object_role(object.state);
    let mut row = lead(scene.theme, width, selected);
    row = match words::object_mark(object.state) {
        Some(mark) => row.mark(mark),
        None => row.gap(2),
    };
    let wide = width >= 76;
    row = row.cell(words::object_word(object.state, &object.status), if wide { 17 } else { 11 }, role);
    let sign = match (tree::is_parent(objects, index), scene.detail.folded.has(object)) {
        (true, true) => "+",
        (true, false) => "-",
        (false, _) => " ",
    };
    let indent = (usize::from(object.depth) * 2).min(INDENT);
    let name = format!("{}{sign} {} {}", " ".repeat(indent), short(object.kind.as_str()), object.name);
    // Names of children differ at their ends.
    let room = if wide { 38 } else { 26 };
    row = row.cell(&fit::middle(&name, room, fit::ellipsis(scene.theme)), room, Role::Strong);
    let made = object.created_at.map_or_else(String::new, |at| age::coarse(now, at));
    let state = if scene.live() { Role::Normal } else { Role::Stale };
    row.right(&made, 4, Role::Muted).text(object.detail.as_str(), state)
}
