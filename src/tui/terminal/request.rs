//! What the terminal is asked for beside its cells, as bytes: the clipboard, the bell, notifications.
//!
//! A multiplexer keeps such sequences to itself, unless they are wrapped so that it passes them on.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{domain::SafeText, tui::message::TerminalRequest};

/// Most bytes that are sent to a clipboard, as base64: the limit that terminals, tmux and other programs
/// have long kept to. It is room for 56 244 bytes of text.
pub const CLIPBOARD_MAX: usize = 74_994;
/// Most bytes of one device control string in GNU screen, whose buffer for them has 256 bytes in old builds.
const SCREEN_STRING: usize = 240;
/// Most characters of a notification: it is shown in a corner of the desktop.
const NOTIFICATION_MAX: usize = 160;

/// Buttons and the wheel are reported (1000), as numbers of any size (1006); moves are not.
pub const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// They are not.
pub const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What stands between the program and the person's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplexer {
    /// Nothing, as far as the environment says.
    #[default]
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Multiplexer {
    /// Reads the environment: `TMUX`, `STY`, and `TERM`, which alone comes through an SSH session.
    #[must_use]
    pub fn of(env: impl Fn(&str) -> Option<String>) -> Self {
        let has = |name: &str| env(name).is_some_and(|value| !value.is_empty());
        let term = env("TERM").unwrap_or_default();
        if has("TMUX") || term.starts_with("tmux") {
            Self::Tmux
        } else if has("STY") {
            Self::Screen
        } else {
            // A TERM of screen alone is what many a tmux says over SSH too: it gets the plain sequence, which
            // tmux may take and screen ignores.
            Self::None
        }
    }

    /// Reads the environment of this process.
    #[must_use]
    pub fn here() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// A sequence as it reaches the terminal behind the multiplexer.
    fn wrapped(self, sequence: &[u8]) -> Vec<u8> {
        match self {
            Self::None => sequence.to_vec(),
            Self::Tmux => {
                let mut out = b"\x1bPtmux;".to_vec();
                for byte in sequence {
                    // An escape inside is doubled.
                    if *byte == 0x1b {
                        out.push(0x1b);
                    }
                    out.push(*byte);
                }
                out.extend_from_slice(b"\x1b\\");
                out
            }
            Self::Screen => {
                let chunks = sequence.chunks(SCREEN_STRING);
                chunks.flat_map(|chunk| [b"\x1bP".as_slice(), chunk, b"\x1b\\"].concat()).collect()
            }
        }
    }
}

/// The bytes of a request; none where it would be too long.
#[must_use]
pub fn bytes(request: &TerminalRequest, multiplexer: Multiplexer) -> Vec<u8> {
    match request {
        TerminalRequest::Bell => vec![0x07],
        // A multiplexer wants to know it, and asks the terminal itself.
        TerminalRequest::Mouse(true) => MOUSE_ON.to_vec(),
        TerminalRequest::Mouse(false) => MOUSE_OFF.to_vec(),
        TerminalRequest::Clipboard(text) => {
            let encoded = STANDARD.encode(text);
            if encoded.len() > CLIPBOARD_MAX {
                return Vec::new();
            }
            let sequence = format!("\x1b]52;c;{encoded}\x07").into_bytes();
            match multiplexer {
                // tmux takes it itself where `set-clipboard` is on, and passes it on where
                // `allow-passthrough` is: nobody can tell from here, and the same text twice does no harm.
                Multiplexer::Tmux => [sequence.clone(), multiplexer.wrapped(&sequence)].concat(),
                _ => multiplexer.wrapped(&sequence),
            }
        }
        TerminalRequest::Notification(text) => multiplexer.wrapped(notification(text).as_bytes()),
    }
}

/// Whether a text is short enough for a clipboard.
#[must_use]
pub fn fits_clipboard(text: &str) -> bool {
    text.len().div_ceil(3) * 4 <= CLIPBOARD_MAX
}

/// OSC 9. It never begins with a number and a semicolon, which would be a command to some terminals.
fn notification(text: &SafeText) -> String {
    let text: String = text.as_str().chars().take(NOTIFICATION_MAX).collect();
    format!("\x1b]9;rolldeck: {text}\x07")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(request: &TerminalRequest, multiplexer: Multiplexer) -> String {
        String::from_utf8(bytes(request, multiplexer)).unwrap().replace('\x1b', "^").replace('\x07', "$")
    }

    #[test]
    fn a_text_goes_to_the_clipboard_through_whatever_is_between() {
        let copy = TerminalRequest::Clipboard("shop/cart".to_owned());
        let table = [
            (Multiplexer::None, "^]52;c;c2hvcC9jYXJ0$"),
            (Multiplexer::Tmux, "^]52;c;c2hvcC9jYXJ0$^Ptmux;^^]52;c;c2hvcC9jYXJ0$^\\"),
            (Multiplexer::Screen, "^P^]52;c;c2hvcC9jYXJ0$^\\"),
        ];
        for (multiplexer, wanted) in table {
            assert_eq!(shown(&copy, multiplexer), wanted, "{multiplexer:?}");
        }
    }

    #[test]
    fn screen_gets_long_texts_in_strings_that_it_can_hold() {
        let text = "x".repeat(2000);
        let sent = shown(&TerminalRequest::Clipboard(text.clone()), Multiplexer::Screen);
        let strings: Vec<&str> = sent.split("^P").skip(1).map(|part| part.strip_suffix("^\\").unwrap()).collect();
        assert!(strings.len() > 5 && strings.iter().all(|string| string.len() <= SCREEN_STRING));
        let joined = strings.concat();
        let encoded = joined.strip_prefix("^]52;c;").unwrap().strip_suffix('$').unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap(), text.as_bytes());
    }

    #[test]
    fn a_text_that_terminals_would_cut_is_not_sent_at_all() {
        for (len, fits) in [(56_243, true), (56_244, true), (56_245, false), (1_000_000, false)] {
            let text = "x".repeat(len);
            let sent = bytes(&TerminalRequest::Clipboard(text.clone()), Multiplexer::None);
            assert_eq!((fits_clipboard(&text), sent.is_empty()), (fits, !fits), "{len}");
        }
    }

    #[test]
    fn nothing_that_is_copied_or_told_can_steer_the_terminal() {
        let hostile = "\x07\x1b]0;gone\x07\x1b[2J\u{9b}31m";
        for multiplexer in [Multiplexer::None, Multiplexer::Tmux, Multiplexer::Screen] {
            let sent = bytes(&TerminalRequest::Clipboard(hostile.to_owned()), multiplexer);
            assert!(!String::from_utf8(sent).unwrap().contains("gone"), "{multiplexer:?}");
        }
        let told = shown(&TerminalRequest::Notification(hostile.into()), Multiplexer::None);
        assert_eq!(told.matches(['^', '$']).count(), 2, "{told}");
    }

    #[test]
    fn the_multiplexer_is_told_by_the_environment() {
        let of = |set: &[(&str, &str)]| {
            Multiplexer::of(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("TERM", "xterm-256color")]), Multiplexer::None);
        assert_eq!(of(&[("TERM", "screen-256color"), ("TMUX", "/tmp/x,1,0")]), Multiplexer::Tmux);
        assert_eq!(of(&[("TERM", "tmux-256color")]), Multiplexer::Tmux, "over SSH only TERM says so");
        assert_eq!(of(&[("TERM", "screen"), ("STY", "123.pts")]), Multiplexer::Screen);
        assert_eq!(of(&[("TERM", "screen-256color"), ("STY", "")]), Multiplexer::None);
    }
}
