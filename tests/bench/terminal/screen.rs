//! The screen behind the pseudo-terminal: it shows what arrives, answers what programs ask a terminal, and
//! knows which modes are on.

use std::{collections::BTreeSet, num::NonZeroU16};

use vt100::{MouseProtocolMode, Parser};

/// Marks the end of a frame that is shown as a whole.
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// Answers that a terminal owes, and modes that the emulator itself does not know.
#[derive(Debug, Default)]
struct Terminal {
    replies: Vec<u8>,
    modes: BTreeSet<u16>,
    keyboards: usize,
    no_wrap: bool,
}

impl Terminal {
    fn reply(&mut self, text: impl AsRef<str>) {
        self.replies.extend_from_slice(text.as_ref().as_bytes());
    }
}

impl vt100::Callbacks for Terminal {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let number = params.first().and_then(|sub| sub.first()).copied().unwrap_or(0);
        let (rows, columns) = screen.size();
        match (first, second, last) {
            (None, None, 'c') => self.reply("\x1b[?62;22c"),
            (Some(b'>'), None, 'c') => self.reply("\x1b[>41;390;0c"),
            (Some(b'>'), None, 'q') => self.reply("\x1bP>|bench\x1b\\"),
            (None, None, 'n') if number == 5 => self.reply("\x1b[0n"),
            (None, None, 'n') if number == 6 => {
                let (row, column) = screen.cursor_position();
                self.reply(format!("\x1b[{};{}R", row + 1, column + 1));
            }
            (Some(b'?'), Some(b'$'), 'p') => {
                let on = if self.modes.contains(&number) { 1 } else { 2 };
                self.reply(format!("\x1b[?{number};{on}$y"));
            }
            (None, None, 't') if number == 14 => {
                self.reply(format!("\x1b[4;{};{}t", rows.get() * 16, columns.get() * 8));
            }
            (None, None, 't') if number == 16 => self.reply("\x1b[6;16;8t"),
            (None, None, 't') if number == 18 => self.reply(format!("\x1b[8;{rows};{columns}t")),
            (Some(b'>'), None, 'u') => self.keyboards += 1,
            (Some(b'<'), None, 'u') => {
                self.keyboards = self.keyboards.saturating_sub(usize::from(number.max(1)));
            }
            (Some(b'?'), None, 'h') => {
                self.no_wrap &= number != 7;
                self.modes.extend(params.iter().filter_map(|sub| sub.first()));
            }
            (Some(b'?'), None, 'l') => {
                self.no_wrap |= number == 7;
                for mode in params.iter().filter_map(|sub| sub.first()) {
                    self.modes.remove(mode);
                }
            }
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        match params {
            [b"10", b"?", ..] => self.reply("\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"),
            [b"11", b"?", ..] => self.reply("\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"),
            _ => {}
        }
    }
}

/// A screen of cells.
pub struct Screen {
    parser: Parser<Terminal>,
    /// Frames that were shown whole.
    pub frames: usize,
}

/// All that a person sees: cells with colours, and a cursor where one is shown.
pub type Picture = (String, Option<(u16, u16)>);

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

impl Screen {
    pub fn new(width: u16, height: u16) -> Self {
        let parser = Parser::new_with_callbacks(cells(height), cells(width), 0, Terminal::default());
        Self { parser, frames: 0 }
    }

    /// Shows bytes; answers with what the terminal says to them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(bytes);
        std::mem::take(&mut self.parser.callbacks_mut().replies)
    }

    /// Whether a frame is half painted, and a terminal of today shows nothing of it yet.
    pub fn is_held(&self) -> bool {
        self.parser.callbacks().modes.contains(&2026)
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    pub fn picture(&self) -> Picture {
        let screen = self.parser.screen();
        (screen.contents_formatted(), (!screen.hide_cursor()).then(|| screen.cursor_position()))
    }

    pub fn has_application_cursor(&self) -> bool {
        self.parser.screen().application_cursor()
    }

    /// Modes that a fresh terminal does not have.
    pub fn left_on(&self) -> Vec<&'static str> {
        let (screen, terminal) = (self.parser.screen(), self.parser.callbacks());
        let all = [
            (screen.alternate_screen(), "alternate screen"),
            (screen.hide_cursor(), "cursor hidden"),
            (screen.bracketed_paste(), "bracketed paste"),
            (screen.application_cursor(), "application cursor keys"),
            (screen.mouse_protocol_mode() != MouseProtocolMode::None, "mouse"),
            (terminal.modes.contains(&1004), "focus events"),
            (terminal.modes.contains(&2026), "synchronized output"),
            (terminal.keyboards > 0, "kitty keyboard"),
            (terminal.no_wrap, "autowrap off"),
        ];
        all.into_iter().filter_map(|(on, name)| on.then_some(name)).collect()
    }
}

/// How many frames end in these bytes.
pub fn frames_in(bytes: &[u8]) -> usize {
    bytes.windows(FRAME_END.len()).filter(|window| *window == FRAME_END).count()
}
