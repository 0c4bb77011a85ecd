//! A frame as a terminal gets it: painted by the real painter, read by an emulator.

use ratatui::{
    Terminal,
    buffer::{Buffer, Cell},
    layout::Size,
    style::Modifier,
};
use rolldeck::tui::{
    capability::{Depth, Glyphs},
    terminal::Painter,
    theme::Theme,
    view,
};

use super::desk::{Desk, capability};
use crate::support::bytes;

/// One whole frame.
pub struct Frame {
    pub buffer: Buffer,
    pub bytes: Vec<u8>,
    /// Where the cursor is shown, if it is.
    pub cursor: Option<(u16, u16)>,
    pub emulator: vt100::Parser,
}

/// The theme that everybody gets, at a depth.
pub fn theme(depth: Depth, glyphs: Glyphs) -> Theme {
    let (theme, findings) = Theme::load(None, None, &capability(depth, glyphs));
    assert!(findings.is_empty(), "{findings:?}");
    theme
}

/// Paints what is on a desk.
pub fn frame(desk: &Desk, theme: &Theme) -> Frame {
    let (width, height) = desk.size;
    let mut terminal = Terminal::new(Painter::new(Size { width, height })).unwrap();
    let buffer = terminal.draw(|frame| view::draw(&desk.app, theme, frame)).unwrap().buffer.clone();
    let bytes = terminal.backend_mut().take_frame().unwrap();
    let mut emulator = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
    // What a terminal does with a cursor that nobody spoke of.
    emulator.process(b"\x1b[?25l");
    emulator.process(&bytes::for_emulator(&bytes));
    let screen = emulator.screen();
    let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position()).map(|(y, x)| (x, y));
    Frame { buffer, bytes, cursor, emulator }
}

impl Frame {
    /// Fails unless the emulator shows what was painted, cell by cell, and nothing was sent but frames.
    pub fn check(&self, what: &str) {
        bytes::check_frames(&self.bytes, what);
        let area = self.buffer.area;
        for y in 0..area.height {
            let mut x = 0;
            // Terminals, this emulator among them, disagree on how wide emoji of several characters are; what
            // follows them is painted at its own place, and what is right behind them may be covered.
            let mut unsure = 0;
            while x < area.width {
                let cell = &self.buffer[(x, y)];
                let wide = unicode_width::UnicodeWidthStr::width(cell.symbol());
                if wide > 1 && cell.symbol().chars().count() > 1 {
                    unsure = 4;
                }
                if unsure > 0 {
                    let step = wide.max(1);
                    unsure -= step.min(unsure);
                    x += u16::try_from(step).unwrap();
                    continue;
                }
                let shown = self.emulator.screen().cell(y, x).unwrap();
                let symbol = if shown.contents().is_empty() { " " } else { shown.contents() };
                let symbol = symbol.replace('\u{25a1}', "\u{fffd}");
                assert_eq!(symbol, cell.symbol(), "{what} at {x},{y}:\n{}", self.text());
                let (bold, reversed) =
                    (cell.modifier.contains(Modifier::BOLD), cell.modifier.contains(Modifier::REVERSED));
                // The weight of a blank is not seen.
                let bold = if symbol == " " { shown.bold() } else { bold };
                assert_eq!(
                    (shown.bold(), shown.inverse()),
                    (bold, reversed),
                    "{what} at {x},{y}, {symbol:?}:\n{}",
                    self.text()
                );
                x += u16::try_from(wide).unwrap().max(1);
            }
        }
    }

    pub fn text(&self) -> String {
        self.emulator.screen().contents()
    }

    /// A row's cells, without the second halves of wide ones.
    pub fn row(&self, y: u16) -> Vec<(u16, &Cell)> {
        let mut cells = Vec::new();
        let mut x = 0;
        while x < self.buffer.area.width {
            let cell = &self.buffer[(x, y)];
            cells.push((x, cell));
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(cell.symbol())).unwrap().max(1);
        }
        cells
    }
}
