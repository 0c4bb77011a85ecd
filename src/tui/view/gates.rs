//! Why a rollout does not move: blockers, then the gates of a stage, what blocks first.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::{
    domain::GateState,
    tui::{
        app::{age, detail::Pane},
        theme::Role,
    },
};

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, rollout, theme, .. } = scene;
    let gates = detail.gates(rollout);
    let count = |states: &[GateState]| gates.iter().filter(|gate| states.contains(&gate.state)).count();
    let shown = detail.shown_stage(rollout).and_then(|at| rollout.stages.get(at));
    let stage = shown.map_or("-", |stage| stage.name.as_str());
    let state = shown.map_or("", |stage| words::stage_word(stage.state));
    let known = shown.is_some_and(|stage| stage.gates.is_some());
    let summary = if known {
        format!(
            "{} block, {} unknown, {} pass",
            count(&[GateState::Breached, GateState::NotYet]),
            count(&[GateState::Unknown]),
            count(&[GateState::Pass]),
        )
    } else {
        "asking".to_owned()
    };
    let hold = shown
        .and_then(|stage| stage.hold_until)
        .filter(|at| *at > app.server_now())
        .map_or_else(String::new, |at| format!("  hold until {}", words::deadline(app, at)));
    let selects = shown.map_or_else(String::new, |stage| {
        let sets = stage.flag.as_ref().map_or_else(String::new, |flag| format!(", {flag}"));
        format!(" ({}{sets})", stage.selects)
    });
    let blockers = match rollout.blockers.len() {
        0 => "nothing blocks".to_owned(),
        1 => "1 blocker".to_owned(),
        n => format!("{n} blockers"),
    };
    let text = format!("{blockers}   stage {stage}{selects} {state}: gates {summary}{hold}");
    title(scene, Pane::Gates, &text, area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let height = usize::from(lines.height);
    let len = rollout.blockers.len() + gates.len();
    if len == 0 {
        lead(theme, area.width, false)
            .text("  nothing blocks it, and this stage has no gates", Role::Normal)
            .draw(lines, 0, buffer);
        return None;
    }
    let top = detail.top(Pane::Gates, height, len);
    let mut cursor = None;
    for y in 0..height.min(len - top) {
        let index = top + y;
        let selected = is_selected(scene, Pane::Gates, index);
        let row = lead(theme, area.width, selected);
        let row = if let Some(blocker) = rollout.blockers.get(index) {
            let (mark, word) = words::blocker(blocker.kind);
            let until = blocker.until.map_or_else(String::new, |at| format!("  until {}", words::deadline(app, at)));
            let since =
                blocker.since.map_or_else(String::new, |at| format!("  for {}", age::coarse(app.server_now(), at)));
            row.mark(mark).cell(word, 8, mark.role()).text(&format!("{}{since}{until}", blocker.summary), Role::Normal)
        } else if let Some(gate) = gates.get(index - rollout.blockers.len()) {
            let (mark, word) = words::gate(gate.state);
            let since = gate.since.map_or_else(|| "-".to_owned(), |at| age::coarse(app.server_now(), at));
            let name = if area.width < 90 { 12 } else { 18 };
            let row = row.mark(mark).cell(word, 8, mark.role()).cell(gate.name.as_str(), name, Role::Strong).right(
                &since,
                4,
                Role::Normal,
            );
            let says = if gate.detail.is_empty() {
                gate.expression.as_str().to_owned()
            } else if area.width >= 100 {
                format!("{}   [{}]", gate.detail, gate.expression)
            } else {
                gate.detail.as_str().to_owned()
            };
            row.text(&says, Role::Normal)
        } else {
            row
        };
        cursor = put(row, selected, lines, y as u16, buffer).or(cursor);
    }
    cursor
}
