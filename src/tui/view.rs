//! Paints the app. Takes it by reference, changes nothing, and looks only at what is visible.

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    app::{App, Overlay, View, layout, line::Kind},
    capability::Glyphs,
    theme::Theme,
    widget::fit,
};

mod analysis;
mod approvals;
mod audit;
mod budget;
mod calendar;
mod choice;
mod clusters;
mod contexts;
mod detail;
pub(super) mod dialog;
mod flags;
mod follow;
mod footer;
mod gates;
mod header;
pub(super) mod help;
mod links;
mod menu;
mod objects;
mod overrides;
mod overview;
mod palette;
mod raw;
mod recover;
mod revisions;
mod sequence;
mod sites;
mod slis;
mod small;
mod strip;
mod timeline;
mod units;
mod windows;
pub(super) mod words;
mod workload;

pub(super) use dialog::{quoted, twin};

#[doc(hidden)]
pub use objects::formatted as objects_formatted;
#[doc(hidden)]
pub use overview::formatted;

/// Paints the whole screen, and puts the terminal's cursor on what has the keys.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    app.spots.clear();
    let area = frame.area();
    let cursor = paint(app, theme, area, frame.buffer_mut());
    if theme.glyphs() == Glyphs::Ascii {
        spell_in_ascii(frame.buffer_mut());
    }
    frame.set_cursor_position(cursor);
}

/// Puts a question mark, as wide as it is, in the place of what is not ASCII. Where the locale is not UTF-8 the
/// bytes of a name would be other letters, or controls.
fn spell_in_ascii(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(width) {
        let mut rest = 0_usize;
        for cell in row {
            if !cell.symbol().is_ascii() {
                rest = cell.symbol().width();
            } else if rest > 1 {
                rest -= 1;
            } else {
                continue;
            }
            cell.set_char('?');
        }
    }
}

/// What the screen shows, row by row without blanks at the ends, and the row of the selection.
pub(super) fn text(app: &App, theme: &Theme) -> (Vec<String>, usize) {
    app.spots.clear();
    let area = app.area();
    let mut buffer = Buffer::empty(area);
    let place = paint(app, theme, area, &mut buffer);
    let row = |y| {
        let mut line = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // The cells behind a wide character show nothing of their own.
            x += symbol.width().max(1) as u16;
        }
        line.truncate(line.trim_end().len());
        line
    };
    ((0..area.height).map(row).collect(), usize::from(place.y))
}

fn paint(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Position {
    ground(theme, area, buffer);
    if layout::too_small(area) {
        small::draw(app, theme, area, buffer);
        return area.as_position();
    }
    let zones = app.zones(area);
    header::draw(app, theme, zones.header, buffer);
    header::banner(app, theme, zones.banner, buffer);
    let body = zones.body;
    let mut cursor = match app.view {
        View::Overview => overview::draw(app, theme, body, buffer),
        View::Detail => detail::draw(app, theme, body, buffer),
        View::Audit => audit::draw(app, theme, body, buffer),
        View::Windows => windows::draw(app, theme, body, buffer),
        View::Overrides => overrides::draw(app, theme, body, buffer),
        View::Approvals => approvals::draw(app, theme, body, buffer),
        View::Follow => follow::draw(app, theme, body, buffer),
        View::Recover => recover::draw(app, theme, body, buffer),
        View::Sites => sites::draw(app, theme, body, buffer),
        View::Flags => flags::draw(app, theme, body, buffer),
        View::Contexts => contexts::draw(app, theme, body, buffer),
    };
    if !matches!(app.overlay, Overlay::None) || app.line.is_some() {
        // What has the keys has the mouse.
        app.spots.clear();
    }
    links::draw(app, body, buffer);
    let over = match &app.overlay {
        Overlay::None => None,
        Overlay::Dialog(dialog) => dialog::draw(app, dialog, theme, body, buffer),
        Overlay::Menu { cursor } => menu::draw(app, *cursor, theme, body, buffer),
        Overlay::Choice(choice) => choice::draw(app, choice, theme, body, buffer),
        Overlay::Help { search, cursor } => help::draw(app, search, *cursor, theme, body, buffer),
        Overlay::Raw { title, lines, top } => Some(raw::draw(title, lines, *top, theme, body, buffer)),
        Overlay::Clusters { top } => Some(clusters::draw(app, *top, theme, body, buffer)),
        Overlay::Leave { why } => Some(menu::leave(why, theme, body, buffer)),
    };
    cursor = over.or(cursor);
    if let Some(sequence) = app.shown_sequence() {
        sequence::draw(sequence, theme, body, buffer);
    }
    footer::message(app, theme, zones.message, buffer);
    if app.line.is_some() && app.notice.is_some() {
        // The line is typed over the message row: what is wrong with it is said below it.
        footer::message(app, theme, zones.keys, buffer);
    } else {
        footer::keys(app, theme, zones.keys, buffer);
    }
    if let Some(line) = &app.line {
        let prompt = match line.kind {
            Kind::Command => ":",
            Kind::Filter => "/",
        };
        palette::draw(app, &line.palette, theme, body, buffer);
        cursor = footer::line(app, line, prompt, theme, zones.message, buffer).or(cursor);
    }
    // Where nothing can be selected, whoever follows the cursor reads from the top.
    cursor.unwrap_or(body.as_position())
}

/// Paints the background of an area, where the theme has one of its own.
fn ground(theme: &Theme, area: Rect, buffer: &mut ratatui::buffer::Buffer) {
    if theme.paints_background() {
        buffer.set_style(area, theme.style(super::theme::Role::Normal));
    }
}

/// Empties an area and draws a border with a title around it; what is left inside.
fn boxed(theme: &Theme, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
    use super::theme::Role;
    use ratatui::widgets::{Block, Clear, Widget};
    Clear.render(area, buffer);
    ground(theme, area, buffer);
    let title = fit::fit(title, usize::from(area.width).saturating_sub(4), fit::ellipsis(theme));
    let block = Block::bordered()
        .border_set(theme.border())
        .border_style(theme.style(Role::BorderFocused))
        .title(ratatui::text::Span::styled(format!(" {title} "), theme.style(Role::Strong)));
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// An area of that size in the middle of another, or all of it.
fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
