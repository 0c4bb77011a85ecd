//! A terminal that is too small: one sentence, the worst thing, and the keys that still work.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{header, words};
use crate::tui::{
    app::{App, attention, layout},
    theme::{Role, Theme},
    widget::{fit, row::Row},
};

/// Paints the sentence.
pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let simulated = if app.info.as_ref().is_some_and(|info| info.simulated) { "SIMULATED, " } else { "" };
    let (link, role) = header::link(app);
    let mut lines: Vec<(String, Role)> = vec![
        (
            format!("rolldeck needs {}x{}, has {}x{}", layout::MIN_WIDTH, layout::MIN_HEIGHT, area.width, area.height),
            Role::Strong,
        ),
        (format!("{simulated}{}, {link}", app.context_name()), role),
    ];
    if let Some(found) = app.trail.broken() {
        let sign = theme.mark(crate::tui::theme::Mark::Fail);
        lines.push((format!("{sign} AUDIT TRAIL BROKEN at #{}: {}", found.after + 1, found.why), Role::Fail));
    }
    // The worst of all, whatever is selected.
    let worst = app.rollouts.iter().filter(|row| !row.ghost).min_by_key(|row| (row.class, row.id().clone()));
    if let Some(row) = worst {
        let sign = words::class_mark(row.class).map_or("", |mark| theme.mark(mark));
        let text = format!(
            "{sign} {} {}: {}",
            row.class.word(),
            row.id(),
            attention::worst_signal(&row.rollout, app.server_now())
        );
        lines.push((text, words::class_role(row.class)));
    }
    if app.dialog().is_some() {
        lines.push(("a dialog is open: make room, or esc closes it".to_owned(), Role::NeedsPerson));
    } else {
        let contexts = app.contexts();
        let keys: Vec<String> =
            [(crate::tui::intent::Intent::ActionMenu, "actions"), (crate::tui::intent::Intent::Quit, "quit")]
                .into_iter()
                .filter_map(|(intent, what)| app.keymap.keys_for(intent, &contexts).map(|key| format!("{key} {what}")))
                .collect();
        lines.push((keys.join("  "), Role::Hint));
    }
    let mut y = 0;
    for (text, role) in lines {
        for line in fit::wrap(&text, usize::from(area.width).max(1), 3, fit::ellipsis(theme)) {
            Row::new(theme, area.width).text(&line, role).draw(area, y, buffer);
            y += 1;
        }
    }
}
