//! What happened to a rollout, the newest first: from the audit trail, and from the cluster that carries it out.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, is_selected, lead, put, title},
    words,
};
use crate::{
    domain::{AuditEntry, workload::Happening},
    tui::{
        app::{
            App,
            detail::Pane,
            story::{self, Told},
        },
        theme::{Mark, Role},
        widget::row::Row,
    },
};

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { app, detail, rollout, theme, .. } = scene;
    let happenings = story::happenings(rollout);
    let told = match happenings.iter().filter(|happening| happening.warning).count() {
        _ if happenings.is_empty() => String::new(),
        0 => format!(", {} of the cluster", happenings.len()),
        warnings => format!(", {} of the cluster, {warnings} WARNING", happenings.len()),
    };
    let text = match &detail.timeline_error {
        Some(error) => format!("timeline  not to be had: {error}{told}"),
        None => format!("timeline  {} events{told}", detail.timeline.len()),
    };
    title(scene, Pane::Timeline, &text, area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let story = detail.story(rollout);
    let height = usize::from(lines.height);
    let top = detail.top(Pane::Timeline, height, story.len());
    let mut cursor = None;
    for (y, told) in story.iter().skip(top).take(height).enumerate() {
        let selected = is_selected(scene, Pane::Timeline, top + y);
        let row = lead(theme, area.width, selected);
        let row = match told {
            Told::Entry(said) => entry(app, row, said),
            Told::Happened(happening) => happened(app, row, happening),
        };
        cursor = put(row, selected, lines, y as u16, buffer).or(cursor);
    }
    cursor
}

fn entry<'a>(app: &App, row: Row<'a>, entry: &AuditEntry) -> Row<'a> {
    let why = entry.reason.as_ref().map(|reason| format!("\"{reason}\""));
    let effect = entry.effect.as_ref().map(|effect| effect.as_str().to_owned()).filter(|effect| !effect.is_empty());
    let said: Vec<String> = effect.into_iter().chain(why).collect();
    row.cell(&app.clock_seconds(entry.at), 9, Role::Muted)
        .mark(words::outcome_mark(entry.outcome))
        .cell(entry.action.as_str(), 14, Role::Strong)
        .cell(entry.actor.id.as_str(), 12, Role::Normal)
        .text(&said.join(" "), Role::Normal)
}

/// What the cluster tells; what it warns of says so in a word, and how often it was told.
fn happened<'a>(app: &App, row: Row<'a>, happening: &Happening) -> Row<'a> {
    let often = if happening.count > 1 { format!("{}x ", happening.count) } else { String::new() };
    let row = row.cell(&app.clock_seconds(happening.at), 9, Role::Muted);
    let row = if happening.warning { row.mark(Mark::NeedsPerson) } else { row.gap(2) };
    let role = if happening.warning { Role::NeedsPerson } else { Role::Normal };
    let warns = if happening.warning { "WARNING " } else { "" };
    // Who says so is the controller nearly always: where there is little room, what it says comes first.
    let row = if row.left() < 90 {
        row.cell(happening.what.as_str(), 27, role)
    } else {
        row.cell(happening.what.as_str(), 24, role).cell(happening.by.as_str(), 20, Role::Muted)
    };
    row.text(&format!("{warns}{often}{}", happening.text), role)
}
