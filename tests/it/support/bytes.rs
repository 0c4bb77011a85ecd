//! What may reach a terminal: the sequences that the dashboard itself writes, and nothing else.

/// Splits what was written into text and sequences, and fails at a sequence that is not ours.
struct Check<'a> {
    what: &'a str,
    bytes: &'a [u8],
    /// Whether a synchronized update is open, and how many there were.
    open: bool,
    frames: usize,
    at: usize,
}

impl vte::Perform for Check<'_> {
    fn print(&mut self, c: char) {
        let odd = rolldeck::domain::text::is_hostile(c);
        assert!(!odd || c == char::REPLACEMENT_CHARACTER, "{}: {c:?} was written{}", self.what, self.place());
    }

    fn execute(&mut self, byte: u8) {
        // The bell is rung between frames, and in none.
        let next = &self.bytes[self.at + 1..];
        let rings = byte == 0x07 && !self.open && (next.starts_with(b"\x1b[?2026h") || next.starts_with(b"\x1b[5n"));
        let fine = rings || matches!(byte, b'\r' | b'\n');
        assert!(fine, "{}: control {byte:#04x} was written{}", self.what, self.place());
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], ignore: bool, action: char) {
        let params: Vec<u16> = params.iter().map(|param| param[0]).collect();
        assert!(!ignore, "{}: a sequence without end{}", self.what, self.place());
        let fine = match (intermediates, action) {
            (b"?", 'h' | 'l') => {
                if params == [2026] {
                    // What leaves closes an update, whether one is open or not.
                    assert!(!(self.open && action == 'h'), "{}: an update in an update{}", self.what, self.place());
                    self.open = action == 'h';
                    self.frames += usize::from(self.open);
                }
                // What leaves switches the mouse off, whether it was on or not.
                matches!(params[..], [1049 | 2004 | 25 | 2026])
                    || (action == 'l' && matches!(params[..], [1000 | 1006]))
            }
            (b"", 'H') => params.len() <= 2,
            (b"", 'C') => params.len() == 1,
            (b"", 'J') => params == [2],
            // Whether the frame is on the screen: the one thing that is asked.
            (b"", 'n') => params == [5],
            // Blinking (5, 6), hidden text (8) and other fonts are not ours.
            (b"", 'm') => {
                let mut rest = &params[..];
                let mut fine = true;
                while let [code, more @ ..] = rest {
                    rest = match (code, more) {
                        (38 | 48, [5, _, more @ ..]) | (38 | 48, [2, _, _, _, more @ ..]) => more,
                        (0 | 1 | 2 | 3 | 4 | 7 | 9 | 30..=37 | 39 | 40..=47 | 49 | 90..=97 | 100..=107, more) => more,
                        _ => {
                            fine = false;
                            &[]
                        }
                    };
                }
                fine
            }
            _ => false,
        };
        let intermediates = String::from_utf8_lossy(intermediates);
        assert!(fine, "{}: CSI {intermediates}{params:?} {action} is not ours{}", self.what, self.place());
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        // The end of a string that is ours.
        let ends = intermediates.is_empty() && byte == b'\\';
        assert!(ends, "{}: ESC {byte:#04x} was written{}", self.what, self.place());
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        // Links, titles, notifications and the clipboard: their text is base64, percent-encoded or sanitised.
        let kind = params.first().map(|kind| String::from_utf8_lossy(kind).into_owned()).unwrap_or_default();
        let fine = matches!(kind.as_str(), "0" | "2" | "8" | "9" | "52" | "777");
        assert!(fine, "{}: OSC {kind} was written{}", self.what, self.place());
        for param in &params[1..] {
            let text = std::str::from_utf8(param).unwrap();
            assert_eq!(rolldeck::domain::text::first_hostile(text), None, "{}: OSC {kind} {text:?}", self.what);
        }
    }

    fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        panic!("{}: DCS {action} was written{}", self.what, self.place());
    }
}

impl Check<'_> {
    fn place(&self) -> String {
        let around = &self.bytes[self.at.saturating_sub(60)..(self.at + 20).min(self.bytes.len())];
        format!(" at byte {}: {:?}", self.at, String::from_utf8_lossy(around))
    }
}

/// Fails unless all these bytes are whole frames of ours; says how many.
pub fn check_frames(bytes: &[u8], what: &str) -> usize {
    let (frames, open) = check(bytes, what);
    assert!(!open, "{what}: the last update is not whole");
    frames
}

/// Fails at a byte that is not ours; says how many frames there were, and whether the last is still open.
pub fn check(bytes: &[u8], what: &str) -> (usize, bool) {
    assert!(std::str::from_utf8(bytes).is_ok(), "{what}: not UTF-8");
    let mut check = Check { what, bytes, open: false, frames: 0, at: 0 };
    let mut parser = vte::Parser::new();
    for (at, byte) in bytes.iter().enumerate() {
        check.at = at;
        parser.advance(&mut check, std::slice::from_ref(byte));
    }
    (check.frames, check.open)
}

/// The same bytes for an emulator, which throws the replacement character away where a terminal shows it.
pub fn for_emulator(bytes: &[u8]) -> Vec<u8> {
    const REPLACED: &[u8] = "\u{fffd}".as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, more @ ..] = rest {
        if let Some(after) = rest.strip_prefix(REPLACED) {
            out.extend_from_slice("\u{25a1}".as_bytes());
            rest = after;
        } else {
            out.push(*first);
            rest = more;
        }
    }
    out
}

#[test]
fn what_is_not_ours_is_found() {
    for bad in [
        "\x1b[2K",
        "\x1b[6n",
        "\x1b[5m",
        "\x1b[1;5m",
        "\x1b[38;2;1;2m",
        "\x07",
        "\x1b[?1000h",
        "\u{9b}2J",
        "\u{202e}",
        "\x1bc",
        "\x1bP+q\x1b\\",
    ] {
        let found = std::panic::catch_unwind(|| check(bad.as_bytes(), "bad"));
        assert!(found.is_err(), "{bad:?}");
    }
    assert_eq!(
        check("\x1b[?2026h\x1b[m\x1b[2J\x1b[H\x1b[1;38;2;1;2;3mé\x1b[m\x1b[?2026l".as_bytes(), "good"),
        (1, false)
    );
}
