//! The keys that work here, from the keymap in force; searched by typing, done by Enter.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::boxed;
use crate::tui::{
    app::{App, Overlay, View, rollouts::scroll, text::Field},
    intent::Intent,
    keymap::ContextName,
    theme::{Role, Theme},
    update::COMMANDS,
    widget::{field, row::Row},
};

/// One line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct HelpRow {
    context: &'static str,
    keys: String,
    intent: Option<Intent>,
    text: String,
}

/// Where keys work in a view, the narrowest first, then what is behind other keys.
fn contexts(view: View) -> Vec<ContextName> {
    let own = match view {
        View::Detail => ContextName::Detail,
        View::Audit => ContextName::Audit,
        View::Windows => ContextName::Windows,
        View::Flags => ContextName::Flags,
        View::Overview | View::Sites | View::Contexts | View::Overrides | View::Approvals | View::Follow => {
            ContextName::List
        }
    };
    vec![
        own,
        ContextName::Global,
        ContextName::Always,
        ContextName::Menu,
        ContextName::Choice,
        ContextName::Dialog,
        ContextName::Text,
    ]
}

/// The lines that match what is searched.
pub(in crate::tui) fn rows(app: &App) -> Vec<HelpRow> {
    let Overlay::Help { search, .. } = &app.overlay else { return Vec::new() };
    let words: Vec<String> = search.text().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut rows: Vec<HelpRow> = Vec::new();
    for context in contexts(app.view) {
        for (keys, intent) in app.keymap.bindings(context) {
            match rows.iter_mut().find(|row| row.intent == Some(intent) && row.context == context.id()) {
                Some(row) => {
                    row.keys.push(' ');
                    row.keys.push_str(&keys);
                }
                None => rows.push(HelpRow {
                    context: context.id(),
                    keys,
                    intent: Some(intent),
                    text: intent.help().to_owned(),
                }),
            }
        }
    }
    for (command, rest) in COMMANDS {
        rows.push(HelpRow { context: "command", keys: format!(":{command}"), intent: None, text: (*rest).to_owned() });
    }
    rows.retain(|row| {
        let text = format!("{} {} {}", row.context, row.keys, row.text).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    });
    rows
}

/// What Enter does: keys of menus and dialogs are told, not pressed, from here.
pub(in crate::tui) fn chosen(app: &App) -> Option<Intent> {
    let Overlay::Help { cursor, .. } = &app.overlay else { return None };
    let row = rows(app).into_iter().nth(*cursor)?;
    row.intent.filter(|_| !matches!(row.context, "choice" | "dialog" | "text"))
}

/// Paints the help.
pub(super) fn draw(
    app: &App,
    search: &Field,
    cursor: usize,
    theme: &Theme,
    body: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let rows = rows(app);
    let inner =
        boxed(theme, body, &format!("keys that work here ({} map), {} lines", app.keymap.name(), rows.len()), buffer);
    Row::new(theme, inner.width).text(" search ", Role::Muted).draw(inner, 0, buffer);
    let at = Rect { x: inner.x + 8, width: inner.width.saturating_sub(8), height: 1, ..inner };
    let place = field::draw(search, true, theme, at, buffer);
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let height = usize::from(list.height);
    let cursor = cursor.min(rows.len().saturating_sub(1));
    let top = scroll(cursor.saturating_sub(height / 2), cursor, height, rows.len());
    for (y, row) in rows.iter().skip(top).take(height).enumerate() {
        let selected = top + y == cursor;
        let line = Row::new(theme, list.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .cell(row.context, 8, Role::Muted)
            .cell(&row.keys, 20, Role::Key)
            .text(&row.text, Role::Normal);
        if selected {
            line.draw_selected(list, y as u16, buffer);
        } else {
            line.draw(list, y as u16, buffer);
        }
    }
    place
}
