//! Revisions of a workload with their images, and facts that have no place of their own.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::detail::{Scene, is_selected, lead, put, title};
use crate::{
    domain::workload::{Fact, RevisionView},
    tui::{
        app::{age, detail::Pane, workload},
        theme::Role,
        widget::row::Row,
    },
};

/// Paints the pane.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { detail, rollout, theme, .. } = scene;
    let told = rollout.workload.as_ref()?;
    let (revisions, facts) = (&told.revisions, &told.facts);
    let also = if facts.is_empty() { String::new() } else { format!("   facts {}", facts.len()) };
    title(scene, Pane::Revisions, &format!("revisions {}{also}", revisions.len()), area.width).draw(area, 0, buffer);
    let lines = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let len = revisions.len() + facts.len();
    if len == 0 {
        let text = if detail.full.is_some() { "  none is known" } else { "  asking for revisions" };
        lead(theme, area.width, false).text(text, Role::Muted).draw(lines, 0, buffer);
        return None;
    }
    let height = usize::from(lines.height);
    let top = detail.top(Pane::Revisions, height, len);
    let mut cursor = None;
    for index in top..len.min(top + height) {
        let selected = is_selected(scene, Pane::Revisions, index);
        let row = lead(theme, area.width, selected);
        let row = match revisions.get(index) {
            Some(revision) => line(scene, row, revision),
            None => facts.get(index - revisions.len()).map_or(Row::new(theme, 0), |told| fact(row, told)),
        };
        cursor = put(row, selected, lines, (index - top) as u16, buffer).or(cursor);
    }
    cursor
}

fn line<'a>(scene: &Scene<'_>, row: Row<'a>, revision: &RevisionView) -> Row<'a> {
    let number = if revision.number == 0 { "-".to_owned() } else { revision.number.to_string() };
    let roles: Vec<&str> = revision.roles.iter().map(crate::domain::SafeText::as_str).collect();
    let made = revision.created_at.map_or_else(String::new, |at| age::coarse(scene.app.server_now(), at));
    row.right(&number, 4, Role::Strong)
        .cell(&roles.join(","), 14, Role::Normal)
        .right(&made, 4, Role::Muted)
        .cell(&workload::images(&revision.images), 26, Role::Normal)
        .cell(revision.hash.as_str(), 10, Role::Muted)
        .text(&workload::pods(&revision.replicas), Role::Normal)
}

fn fact<'a>(row: Row<'a>, fact: &Fact) -> Row<'a> {
    row.text("     ", Role::Normal).cell(fact.name.as_str(), 18, Role::Muted).text(fact.value.as_str(), Role::Normal)
}
