//! Links behind names that are on the screen already: the rollouts of a list, the one that is open, the
//! tickets of what is selected. Only what the record says is linked, and only to what the config says of it.

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr as _;

use crate::{
    domain::{RolloutId, SafeText},
    tui::app::{App, View, layout},
};

/// Puts links behind what the view painted.
pub(super) fn draw(app: &App, body: Rect, buffer: &mut Buffer) {
    let links = app.links();
    if app.hyperlinks.is_none() || links.is_empty() {
        return;
    }
    let rollout = |id: &RolloutId| links.rollout(id.target.as_str(), id.name.as_str());
    match app.view {
        View::Overview => {
            let parts = layout::overview(body, app.wide);
            let table = parts.table;
            let height = table.height.saturating_sub(1);
            let top = app.rollouts.top(usize::from(height));
            for y in 0..height {
                let Some(row) = app.rollouts.at(top + usize::from(y)) else { break };
                let at = Rect { y: table.y + 1 + y, height: 1, ..table };
                mark(app, at, &row.id().to_string(), rollout(row.id()), buffer);
            }
            if let Some(row) = app.rollouts.selected() {
                for area in parts.strip.into_iter().chain(parts.side) {
                    mark(app, area, &row.id().to_string(), rollout(row.id()), buffer);
                }
            }
        }
        View::Detail => {
            if let Some(detail) = &app.detail {
                let head = Rect { height: body.height.min(1), ..body };
                mark(app, head, &detail.id.to_string(), rollout(&detail.id), buffer);
            }
        }
        View::Flags => {
            if let Some(view) = app.flags.selected() {
                let key = view.flag.key.to_string();
                mark(app, body, &key, links.flag(&key), buffer);
            }
        }
        View::Windows => {
            if let Some(view) = app.windows.selected() {
                let id = view.window.id.as_str();
                mark(app, body, id, links.window(id), buffer);
            }
        }
        _ => {}
    }
    if let Some(ticket) = ticket(app) {
        mark(app, body, ticket.as_str(), links.ticket(ticket.as_str()), buffer);
    }
}

/// The ticket of what is selected.
fn ticket(app: &App) -> Option<&SafeText> {
    match app.view {
        View::Audit => app.trail.selected()?.ticket.as_ref(),
        View::Windows => app.windows.selected()?.window.ticket.as_ref(),
        View::Overrides => app.overrides.selected()?.record.ticket.as_ref(),
        View::Approvals => app.approvals.selected()?.approval.ticket.as_ref(),
        _ => None,
    }
}

/// Links a name wherever it stands by itself in an area; one that is cut stays as it is.
fn mark(app: &App, area: Rect, name: &str, url: Option<String>, buffer: &mut Buffer) {
    if url.is_none() || name.is_empty() {
        return;
    }
    let style = app.link_style(url);
    let area = area.intersection(buffer.area);
    let mut line = String::new();
    // The column at which each byte of the line begins.
    let mut columns: Vec<u16> = Vec::new();
    for y in area.top()..area.bottom() {
        line.clear();
        columns.clear();
        let mut x = area.left();
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            columns.resize(line.len(), x);
            x += symbol.width().max(1) as u16;
        }
        for (at, _) in line.match_indices(name) {
            let end = at + name.len();
            let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            let part_of_more =
                line[..at].chars().next_back().is_some_and(joins) || line[end..].chars().next().is_some_and(joins);
            if !part_of_more {
                let to = columns.get(end).copied().unwrap_or_else(|| area.right());
                buffer.set_style(Rect { x: columns[at], y, width: to - columns[at], height: 1 }, style);
            }
        }
    }
}
