//! The keys that work here, from the keymap in force; searched by typing, done by Enter.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::boxed;
use crate::tui::{
    app::{App, Overlay, rollouts::scroll, spots::Spot, text::Field},
    intent::Intent,
    keymap::ContextName,
    theme::{Mark, Role, Theme},
    update::{COMMANDS, command_refused, refused},
    widget::{field, row::Row},
};

/// What a line of the help does when it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum HelpDoes {
    /// What its keys do.
    Intent(Intent),
    /// Begins a command to be typed.
    Command(&'static str),
    /// Nothing: it is told here, and works where it belongs.
    Nothing,
}

/// One line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct HelpRow {
    context: &'static str,
    keys: String,
    does: HelpDoes,
    text: String,
    /// Why it does nothing now.
    refused: Option<String>,
}

impl HelpRow {
    fn told(context: &'static str, keys: impl Into<String>, text: impl Into<String>) -> Self {
        Self { context, keys: keys.into(), does: HelpDoes::Nothing, text: text.into(), refused: None }
    }
}

/// The lines that match what is searched: keys of the view, then those that work on every view, each with what
/// works now first; then commands, the words of filters, and keys of what opens over a view.
pub(in crate::tui) fn rows(app: &App) -> Vec<HelpRow> {
    let Overlay::Help { search, .. } = &app.overlay else { return Vec::new() };
    let words: Vec<String> = search.text().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut rows: Vec<HelpRow> = Vec::new();
    for context in app.view_contexts().into_iter().chain([ContextName::Always]) {
        let mut keys = keys(app, context);
        keys.sort_by_key(|row| row.refused.is_some());
        rows.extend(keys);
    }
    rows.extend(COMMANDS.iter().map(|spec| HelpRow {
        context: "command",
        keys: format!(":{} {}", spec.name, spec.shape()).trim_end().to_owned(),
        does: HelpDoes::Command(spec.name),
        text: spec.help.to_owned(),
        refused: command_refused(app, spec),
    }));
    rows.extend(filters(app));
    rows.extend(mouse(app));
    for context in [ContextName::Menu, ContextName::Choice, ContextName::Dialog, ContextName::Text] {
        rows.extend(keys(app, context));
    }
    rows.retain(|row| {
        let text = format!("{} {} {}", row.context, row.keys, row.text).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    });
    rows
}

/// The keys of a context, those of the same meaning together.
fn keys(app: &App, context: ContextName) -> Vec<HelpRow> {
    let mut rows: Vec<HelpRow> = Vec::new();
    let on_views = !matches!(context, ContextName::Choice | ContextName::Dialog | ContextName::Text);
    for (keys, intent) in app.keymap.bindings(context) {
        let does = if on_views { HelpDoes::Intent(intent) } else { HelpDoes::Nothing };
        match rows.iter_mut().find(|row| row.text == intent.help()) {
            Some(row) => {
                row.keys.push(' ');
                row.keys.push_str(&keys);
            }
            None => rows.push(HelpRow {
                context: context.id(),
                keys,
                does,
                text: intent.help().to_owned(),
                refused: on_views.then(|| refused(app, intent)).flatten(),
            }),
        }
    }
    rows
}

/// The language of the filter of the view.
fn filters(app: &App) -> Vec<HelpRow> {
    let columns = app.filter_columns();
    if columns.is_empty() {
        return Vec::new();
    }
    let named: Vec<String> = columns.iter().map(|column| format!("{}:", column.name)).collect();
    let mut rows: Vec<HelpRow> = [
        ("word", "its letters in that order, in one column; several words: each of them somewhere"),
        ("'word", "the word as it is"),
        ("!word", "rows that do not have it"),
        ("^word word$", "at the beginning, or at the end, of a column"),
    ]
    .map(|(keys, text)| HelpRow::told("filter", keys, text))
    .to_vec();
    rows.push(HelpRow::told("filter", "name:word", format!("in that column: {}", named.join(" "))));
    rows
}

/// What the mouse does.
fn mouse(app: &App) -> Vec<HelpRow> {
    if !app.mouse {
        return vec![HelpRow::told(
            "mouse",
            "off",
            ":set mouse on lets it select, open and scroll; off, it selects text",
        )];
    }
    [
        (
            "click",
            "selects a row, focuses a pane or a field, does what a hint says; never presses what changes something",
        ),
        ("double click", "opens"),
        ("right click", "actions for the row"),
        ("wheel", "moves"),
        ("shift-drag", "selects text, as the terminal does without the program"),
    ]
    .map(|(keys, text)| HelpRow::told("mouse", keys, text))
    .to_vec()
}

/// What Enter does: keys of choices, dialogs and text fields are told, not pressed, from here; and so is what
/// does nothing now, with its reason.
pub(in crate::tui) fn chosen(app: &App) -> Option<Result<HelpDoes, String>> {
    let Overlay::Help { cursor, .. } = &app.overlay else { return None };
    let row = rows(app).into_iter().nth(*cursor)?;
    Some(match (row.refused, row.does) {
        // A command may be for something else than what is selected.
        (Some(why), HelpDoes::Intent(_)) => Err(why),
        (_, does) => Ok(does),
    })
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
        app.note_line(list, y as u16, Spot::HelpLine(top + y));
        let line = Row::new(theme, list.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .cell(row.context, 8, Role::Muted)
            .cell(&row.keys, 20, Role::Key);
        let line = match &row.refused {
            None => line.text(&row.text, Role::Normal),
            Some(why) => line.text(&format!("{}  ", row.text), Role::Muted).mark(Mark::Waiting).text(why, Role::Muted),
        };
        if selected {
            line.draw_selected(list, y as u16, buffer);
        } else {
            line.draw(list, y as u16, buffer);
        }
    }
    place
}
