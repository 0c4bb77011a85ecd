//! From changed cells to the bytes of one frame: inside one synchronized update, with as few bytes as the
//! terminal needs, and none at all when nothing changed.

use std::{convert::Infallible, io::Write};

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
    style::{Color, Modifier},
};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::tui::{hyperlink::Hyperlinks, theme::color};

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// Most blanks that are shorter than the sequence that goes over them.
const BLANKS: u16 = 3;

/// How the cursor is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    visible: bool,
    at: Position,
}

/// A ratatui backend that gathers a frame.
#[derive(Debug)]
pub struct Painter {
    size: Size,
    body: Vec<u8>,
    opening: Vec<u8>,
    wanted: Cursor,
    /// What the terminal shows, as far as frames told it.
    shown: Cursor,
    pen: Pen,
    /// Which cells show nothing, row by row.
    blank: Vec<bool>,
    links: Option<Hyperlinks>,
    /// The link that is open, by its number.
    link: Option<u32>,
}

/// Colours and attributes in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Painter {
    /// For a screen of this size, with its cursor hidden.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let cursor = Cursor { visible: false, at: Position::ORIGIN };
        let blank = vec![true; usize::from(size.width) * usize::from(size.height)];
        Self {
            size,
            body: Vec::new(),
            opening: Vec::new(),
            wanted: cursor,
            shown: cursor,
            pen: PLAIN,
            blank,
            links: None,
            link: None,
        }
    }

    /// Paints links where cells carry them.
    pub fn link_by(&mut self, links: Hyperlinks) {
        self.links = Some(links);
    }

    /// Opens, changes or closes a link (OSC 8). It is told which cells belong together, so that a link that
    /// is painted in parts is one to the terminal.
    fn put_link(&mut self, number: Option<u32>) {
        if number == self.link {
            return;
        }
        let url = number.and_then(|number| Some((number, self.links.as_ref()?.url(number)?)));
        match &url {
            Some((number, url)) => {
                let _ = write!(self.body, "\x1b]8;id={number};{url}\x1b\\");
            }
            None if self.link.is_some() => self.body.extend_from_slice(b"\x1b]8;;\x1b\\"),
            None => {}
        }
        self.link = url.map(|(number, _)| number);
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        // What a terminal does with its cells then is its own affair.
        self.blank = vec![false; usize::from(size.width) * usize::from(size.height)];
    }

    /// Puts bytes in front of the next frame, which find a screen that shows no cursor.
    pub fn open_with(&mut self, opening: &[u8]) {
        self.opening.extend_from_slice(opening);
        self.shown.visible = false;
    }

    /// Puts bytes in front of the next frame that show nothing and move no cursor.
    pub fn send_with(&mut self, bytes: &[u8]) {
        self.opening.extend_from_slice(bytes);
    }

    /// Whether bytes wait for the next frame.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !self.opening.is_empty()
    }

    /// The frame that was gathered; none when the screen shows it already.
    pub fn take_frame(&mut self) -> Option<Vec<u8>> {
        let body = std::mem::take(&mut self.body);
        let moved = self.wanted.visible && (!body.is_empty() || self.wanted.at != self.shown.at);
        let toggled = self.wanted.visible != self.shown.visible;
        if body.is_empty() && self.opening.is_empty() && !moved && !toggled {
            return None;
        }
        let mut frame = std::mem::take(&mut self.opening);
        if body.is_empty() && !moved && !toggled {
            // Nothing of the screen changes: there is nothing to be synchronized.
            return Some(frame);
        }
        frame.extend_from_slice(BEGIN);
        // A cursor that runs across the screen while it is painted is seen by who has no synchronized output.
        let hides = self.shown.visible && (!body.is_empty() || !self.wanted.visible);
        if hides {
            frame.extend_from_slice(b"\x1b[?25l");
        }
        frame.extend_from_slice(&body);
        if self.wanted.visible {
            goto(&mut frame, self.wanted.at.x, self.wanted.at.y);
            if hides || !self.shown.visible {
                frame.extend_from_slice(b"\x1b[?25h");
            }
        }
        frame.extend_from_slice(END);
        self.shown = self.wanted;
        Some(frame)
    }

    /// Cells that stand beside one another as a line of its own: without moving the cursor.
    pub(in crate::tui) fn line<'a>(&mut self, cells: impl Iterator<Item = &'a Cell>) -> String {
        for cell in cells {
            self.put(Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier });
            self.body.extend_from_slice(cell.symbol().as_bytes());
        }
        self.put(PLAIN);
        String::from_utf8_lossy(&std::mem::take(&mut self.body)).into_owned()
    }

    /// Goes on to the right over cells that stay as they are: over a few blank ones with blanks, which are shorter
    /// than a sequence.
    fn skip(&mut self, from: u16, to: u16, y: u16) {
        let gap = to - from;
        let shows = Modifier::UNDERLINED | Modifier::REVERSED | Modifier::CROSSED_OUT;
        let is_flat = self.pen.bg == Color::Reset && !self.pen.modifier.intersects(shows);
        let are_blank = || (from..to).all(|x| self.index(x, y).is_some_and(|index| self.blank[index]));
        if gap <= BLANKS && is_flat && are_blank() {
            self.body.extend(std::iter::repeat_n(b' ', usize::from(gap)));
        } else if gap == 1 {
            self.body.extend_from_slice(b"\x1b[C");
        } else {
            // Writing to memory cannot fail.
            let _ = write!(self.body, "\x1b[{gap}C");
        }
    }

    fn index(&self, x: u16, y: u16) -> Option<usize> {
        let index = usize::from(y) * usize::from(self.size.width) + usize::from(x);
        (x < self.size.width && index < self.blank.len()).then_some(index)
    }

    /// Changes colours and attributes with one sequence.
    fn put(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let mut codes: Vec<u8> = Vec::new();
        let mut push = |code: std::fmt::Arguments<'_>| {
            if !codes.is_empty() {
                codes.push(b';');
            }
            let _ = codes.write_fmt(code);
        };
        let mut from = self.pen;
        if !(from.modifier - pen.modifier).is_empty() || pen == PLAIN {
            // Switching single attributes off is not understood everywhere (bold has two codes for it).
            push(format_args!("0"));
            from = PLAIN;
        }
        for (modifier, code) in ATTRIBUTES {
            if (pen.modifier - from.modifier).contains(modifier) {
                push(format_args!("{code}"));
            }
        }
        if pen.fg != from.fg {
            color(&mut push, pen.fg, 30);
        }
        if pen.bg != from.bg {
            color(&mut push, pen.bg, 40);
        }
        if codes == b"0" {
            codes.clear();
        }
        self.body.extend_from_slice(b"\x1b[");
        self.body.extend_from_slice(&codes);
        self.body.push(b'm');
        self.pen = pen;
    }
}

const ATTRIBUTES: [(Modifier, u8); 8] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// The shortest code of a colour; `base` is 30 for text and 40 for backgrounds.
fn color(push: &mut impl FnMut(std::fmt::Arguments<'_>), color: Color, base: u8) {
    let named = |index: u8| if index < 8 { base + index } else { base + 60 + index - 8 };
    match color {
        Color::Indexed(index) => push(format_args!("{};5;{index}", base + 8)),
        Color::Rgb(r, g, b) => push(format_args!("{};2;{r};{g};{b}", base + 8)),
        color => push(format_args!("{}", color::number_of(color).map_or(base + 9, named))),
    }
}

fn goto(out: &mut Vec<u8>, x: u16, y: u16) {
    // The first column and the first row are what is meant when nothing is said.
    let _ = match (x, y) {
        (0, 0) => out.write_all(b"\x1b[H"),
        (0, y) => write!(out, "\x1b[{}H", y + 1),
        (x, y) => write!(out, "\x1b[{};{}H", y + 1, x + 1),
    };
}

/// Whether every terminal moves its cursor by one column for a symbol. Lines and blocks are taken to be what
/// everything else here is drawn with; who has them wide has the ASCII marks.
fn is_certain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => {
            c.is_ascii() || matches!(c, '\u{2500}'..='\u{259f}') || (c.width() == Some(1) && c.width_cjk() == Some(1))
        }
        _ => false,
    }
}

impl Backend for Painter {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        // Where the terminal's cursor is, as far as that is certain.
        let mut at: Option<(u16, u16)> = None;
        for (x, y, cell) in content {
            let link = self.links.as_ref().and_then(|_| Hyperlinks::number_of(cell.underline_color));
            if at != Some((x, y)) || link.is_none() {
                // Whatever moves the cursor does so outside of links.
                self.put_link(None);
            }
            match at {
                Some(here) if here == (x, y) => {}
                Some((from, row)) if row == y && x > from => self.skip(from, x, y),
                Some((_, row)) if row + 1 == y && x == 0 => self.body.extend_from_slice(b"\r\n"),
                _ => goto(&mut self.body, x, y),
            }
            self.put(Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier });
            self.put_link(link);
            let symbol = cell.symbol();
            if let Some(index) = self.index(x, y) {
                self.blank[index] = symbol == " " && cell.bg == Color::Reset && cell.modifier.is_empty();
            }
            self.body.extend_from_slice(symbol.as_bytes());
            // After a wide character, one whose width depends on the font, one with marks and joiners on it, and
            // at the right edge, terminals differ on where the cursor is.
            let plain = is_certain(symbol) && x + 1 < self.size.width;
            if let Some(covered) = self.index(x + 1, y).filter(|_| symbol.width() > 1) {
                self.blank[covered] = false;
            }
            at = plain.then_some((x + 1, y));
        }
        self.put_link(None);
        if !self.body.is_empty() {
            self.put(PLAIN);
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.wanted.visible = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.wanted.visible = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.wanted.at)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.wanted.at = position.into();
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        // A full screen is only ever cleared whole. What was gathered for it is void.
        self.body.clear();
        (self.pen, self.link) = (PLAIN, None);
        self.blank.fill(true);
        self.body.extend_from_slice(b"\x1b[m\x1b[2J");
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
