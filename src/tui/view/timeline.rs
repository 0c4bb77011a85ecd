//! What happened to a rollout, the newest first, from the audit trail.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::tui::{app::detail::Pane, theme::Role};

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, theme, .. } = scene;
    let entries = &detail.timeline;
    let text = match &detail.timeline_error {
        Some(error) => format!("timeline  not to be had: {error}"),
        None => format!("timeline  {} events", entries.len()),
    };
    title(scene, Pane::Timeline, &text, area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let height = usize::from(lines.height);
    let top = detail.top(Pane::Timeline, height, entries.len());
    let mut cursor = None;
    for (y, entry) in entries.iter().skip(top).take(height).enumerate() {
        let selected = is_selected(scene, Pane::Timeline, top + y);
        let why = entry.reason.as_ref().map(|reason| format!("\"{reason}\""));
        let effect = entry.effect.as_ref().map(|effect| effect.as_str().to_owned()).filter(|effect| !effect.is_empty());
        let said: Vec<String> = effect.into_iter().chain(why).collect();
        let row = lead(theme, area.width, selected)
            .cell(&app.clock_seconds(entry.at), 9, Role::Muted)
            .mark(words::outcome_mark(entry.outcome))
            .cell(entry.action.as_str(), 14, Role::Strong)
            .cell(entry.actor.id.as_str(), 12, Role::Normal)
            .text(&said.join(" "), Role::Normal);
        cursor = put(row, selected, lines, y as u16, buffer).or(cursor);
    }
    cursor
}
