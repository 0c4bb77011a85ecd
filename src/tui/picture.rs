//! A frame as a picture: as text, as what a terminal is told, as SVG. Pure: the frame comes as the buffer
//! that it was painted into.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Size,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

mod shape;
mod svg;

pub use svg::{Paper, svg};

use super::terminal::Painter;

/// A symbol of a frame, where it stands, and what it looks like.
#[derive(Debug, Clone, Copy)]
struct Glyph<'a> {
    x: u16,
    /// Its columns.
    width: u16,
    symbol: &'a str,
    cell: &'a Cell,
}

/// The symbols of a row; what a wide one covers is left out.
fn row(buffer: &Buffer, y: u16) -> impl Iterator<Item = Glyph<'_>> {
    let mut covered = 0;
    (0..buffer.area.width).filter_map(move |x| {
        if x < covered {
            return None;
        }
        let cell = buffer.cell((x, y))?;
        let symbol = cell.symbol();
        let width = u16::try_from(symbol.width()).unwrap_or(1).max(1);
        covered = x + width;
        Some(Glyph { x, width, symbol, cell })
    })
}

/// The words of a frame, a line a row, without blanks at the ends of lines.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = row(buffer, y).map(|glyph| glyph.symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A frame as lines for a terminal: colours and attributes, and no sequence that moves the cursor, so that
/// it can be printed, paged and kept.
#[must_use]
pub fn ansi(buffer: &Buffer) -> String {
    let Size { width, .. } = buffer.area.as_size();
    let mut lines = String::new();
    for y in 0..buffer.area.height {
        let mut painter = Painter::new(Size { width: width.saturating_add(1), height: 1 });
        let end = row(buffer, y).filter(|glyph| !is_blank(glyph.cell)).map(|glyph| glyph.x + glyph.width).max();
        let cells = row(buffer, y).take_while(|glyph| glyph.x < end.unwrap_or(0));
        lines.push_str(&painter.line(cells.map(|glyph| glyph.cell)));
        lines.push('\n');
    }
    lines
}

/// Whether nothing is to be seen of a cell.
fn is_blank(cell: &Cell) -> bool {
    let shows = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
    cell.symbol().trim().is_empty() && cell.bg == Color::Reset && !cell.modifier.intersects(shows)
}

#[cfg(test)]
mod tests;
