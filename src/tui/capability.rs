//! What this terminal can show, told from the environment alone: nothing is asked of the terminal,
//! because an answer that comes late lands in the shell's prompt.

use std::fmt;
use std::str::FromStr;

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// None: marks, words and attributes alone.
    Mono,
    /// The 16 named ones, which the person's own palette decides.
    Ansi16,
    /// The palette of 256.
    Ansi256,
    /// Red, green and blue.
    True,
}

/// A text that names no [`Depth`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no colour depth: expected auto, never, 16, 256 or true")]
pub struct DepthError(String);

impl Depth {
    /// Reads a setting; `auto` is none.
    ///
    /// # Errors
    /// [`DepthError`], which names what is expected.
    pub fn parse(text: &str) -> Result<Option<Self>, DepthError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "auto" => Ok(None),
            "never" | "no" | "none" | "mono" | "0" => Ok(Some(Self::Mono)),
            "16" | "always" => Ok(Some(Self::Ansi16)),
            "256" => Ok(Some(Self::Ansi256)),
            "true" | "truecolor" | "24bit" => Ok(Some(Self::True)),
            other => Err(DepthError(other.to_owned())),
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mono => "no colour",
            Self::Ansi16 => "16 colours",
            Self::Ansi256 => "256 colours",
            Self::True => "true colour",
        })
    }
}

/// Which characters marks, borders and charts may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Glyphs {
    /// ASCII alone.
    Ascii,
    /// Box drawing, braille and marks that are one cell wide everywhere.
    Unicode,
}

impl FromStr for Glyphs {
    type Err = GlyphsError;
    fn from_str(text: &str) -> Result<Self, GlyphsError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "ascii" => Ok(Self::Ascii),
            "unicode" | "utf8" | "utf-8" => Ok(Self::Unicode),
            other => Err(GlyphsError(other.to_owned())),
        }
    }
}

impl fmt::Display for Glyphs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ascii => "ascii",
            Self::Unicode => "unicode",
        })
    }
}

/// A text that names no [`Glyphs`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no set of marks: expected ascii or unicode")]
pub struct GlyphsError(String);

/// What was asked for; it wins over what the environment says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// A colour depth.
    pub depth: Option<Depth>,
    /// A set of marks.
    pub glyphs: Option<Glyphs>,
}

/// What this terminal can show, and why that is thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// How many colours may be used.
    pub depth: Depth,
    /// What decided it.
    pub depth_why: String,
    /// Which characters may be used.
    pub glyphs: Glyphs,
    /// What decided it.
    pub glyphs_why: String,
    /// Whether the terminal can move its cursor, so that a screen can be painted at all.
    pub full_screen: bool,
}

impl Capability {
    /// Reads the environment, in this order: a wish, `ROLLDECK_COLOR`, `NO_COLOR`, `TERM`, `COLORTERM`.
    #[must_use]
    pub fn of(env: impl Fn(&str) -> Option<String>, wishes: Wishes) -> Self {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = env("TERM").unwrap_or_default();
        let (depth, depth_why) = depth(&env, &term, wishes.depth);
        let (glyphs, glyphs_why) = glyphs(&env, &term, wishes.glyphs);
        Self { depth, depth_why, glyphs, glyphs_why, full_screen: !matches!(term.as_str(), "" | "dumb" | "unknown") }
    }

    /// Reads the environment of this process.
    #[must_use]
    pub fn here(wishes: Wishes) -> Self {
        Self::of(|name| std::env::var(name).ok(), wishes)
    }
}

fn depth(env: &impl Fn(&str) -> Option<String>, term: &str, wish: Option<Depth>) -> (Depth, String) {
    if let Some(depth) = wish {
        return (depth, "it was asked for".to_owned());
    }
    if let Some(Ok(Some(depth))) = env("ROLLDECK_COLOR").as_deref().map(Depth::parse) {
        return (depth, "ROLLDECK_COLOR asks for it".to_owned());
    }
    if env("NO_COLOR").is_some() {
        return (Depth::Mono, "NO_COLOR is set".to_owned());
    }
    match term {
        "" => return (Depth::Mono, "TERM is not set".to_owned()),
        "dumb" | "unknown" => return (Depth::Mono, format!("TERM is {term}")),
        // What terminfo calls the entries of terminals without colour: xterm-mono, linux-m.
        _ if term.ends_with("-mono") || term.ends_with("-m") => {
            return (Depth::Mono, format!("TERM is {term}"));
        }
        _ if term == "linux" || term.starts_with("vt") => {
            return (Depth::Ansi16, format!("TERM is {term}"));
        }
        _ => {}
    }
    // Over SSH the far terminal is not known, and each colour beyond the 16 costs bytes on the link.
    let remote = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| env(name).is_some());
    if remote {
        return (Depth::Ansi16, "this is a session over SSH".to_owned());
    }
    let claims_true =
        env("COLORTERM").is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "truecolor" | "24bit"));
    // GNU screen and Apple's Terminal say it and do not do it.
    let screen = term.starts_with("screen") || env("STY").is_some();
    let apple = env("TERM_PROGRAM").is_some_and(|program| program == "Apple_Terminal");
    if claims_true && !screen && !apple {
        return (Depth::True, "COLORTERM says so".to_owned());
    }
    if term.contains("256color") || claims_true {
        return (Depth::Ansi256, format!("TERM is {term}"));
    }
    (Depth::Ansi16, format!("TERM is {term}"))
}

fn glyphs(env: &impl Fn(&str) -> Option<String>, term: &str, wish: Option<Glyphs>) -> (Glyphs, String) {
    if let Some(glyphs) = wish {
        return (glyphs, "it was asked for".to_owned());
    }
    if let Some(Ok(glyphs)) = env("ROLLDECK_GLYPHS").as_deref().map(str::parse) {
        return (glyphs, "ROLLDECK_GLYPHS asks for it".to_owned());
    }
    if term == "linux" || term == "dumb" || term.starts_with("vt") {
        return (Glyphs::Ascii, format!("TERM is {term}"));
    }
    // The first of the three that is set decides, as for every program that asks the locale.
    for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
        if let Some(value) = env(name) {
            let lower = value.to_ascii_lowercase();
            let glyphs =
                if lower.contains("utf-8") || lower.contains("utf8") { Glyphs::Unicode } else { Glyphs::Ascii };
            // `LC_ALL=a name of any length` is not ours to repeat on the screen.
            return (glyphs, format!("{name} says so"));
        }
    }
    (Glyphs::Ascii, "no locale is set".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)], wishes: Wishes) -> Capability {
        Capability::of(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()), wishes)
    }

    #[test]
    fn the_colour_ladder_takes_the_first_rung_that_speaks() {
        let table: &[(&[(&str, &str)], Depth)] = &[
            (&[], Depth::Mono),
            (&[("TERM", "dumb")], Depth::Mono),
            (&[("TERM", "xterm")], Depth::Ansi16),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], Depth::Ansi16),
            (&[("TERM", "vt220")], Depth::Ansi16),
            (&[("TERM", "xterm-mono"), ("COLORTERM", "truecolor")], Depth::Mono),
            (&[("TERM", "linux-m")], Depth::Mono),
            (&[("TERM", "xterm-256color")], Depth::Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], Depth::True),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Depth::Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("STY", "1.pts")], Depth::Ansi256),
            (
                &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("TERM_PROGRAM", "Apple_Terminal")],
                Depth::Ansi256,
            ),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("SSH_TTY", "/dev/pts/1")], Depth::Ansi16),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Ansi256),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("ROLLDECK_COLOR", "256")], Depth::Ansi256),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("ROLLDECK_COLOR", "auto")], Depth::Mono),
            (&[("TERM", "xterm"), ("ROLLDECK_COLOR", "plaid")], Depth::Ansi16),
        ];
        for (env, depth) in table {
            assert_eq!(of(env, Wishes::default()).depth, *depth, "{env:?}");
        }
    }

    #[test]
    fn a_wish_wins_over_the_environment() {
        let env = [("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("LC_ALL", "C")];
        let wishes = Wishes { depth: Some(Depth::True), glyphs: Some(Glyphs::Unicode) };
        let capability = of(&env, wishes);
        assert_eq!((capability.depth, capability.glyphs), (Depth::True, Glyphs::Unicode));
    }

    #[test]
    fn marks_are_ascii_wherever_the_locale_is_not_utf_8() {
        let table: &[(&[(&str, &str)], Glyphs)] = &[
            (&[("TERM", "xterm")], Glyphs::Ascii),
            (&[("TERM", "xterm"), ("LANG", "en_GB.UTF-8")], Glyphs::Unicode),
            (&[("TERM", "xterm"), ("LANG", "C.utf8")], Glyphs::Unicode),
            (&[("TERM", "xterm"), ("LANG", "en_GB.UTF-8"), ("LC_ALL", "C")], Glyphs::Ascii),
            (&[("TERM", "xterm"), ("LANG", "en_GB.UTF-8"), ("LC_ALL", "")], Glyphs::Unicode),
            (&[("TERM", "xterm"), ("LANG", "C"), ("LC_CTYPE", "de_CH.UTF-8")], Glyphs::Unicode),
            (&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")], Glyphs::Ascii),
            (&[("TERM", "linux"), ("ROLLDECK_GLYPHS", "unicode")], Glyphs::Unicode),
        ];
        for (env, glyphs) in table {
            assert_eq!(of(env, Wishes::default()).glyphs, *glyphs, "{env:?}");
        }
    }

    #[test]
    fn a_terminal_that_cannot_move_its_cursor_gets_no_full_screen() {
        assert!(!of(&[("TERM", "dumb")], Wishes::default()).full_screen);
        assert!(!of(&[], Wishes::default()).full_screen);
        assert!(of(&[("TERM", "vt100")], Wishes::default()).full_screen);
    }

    #[test]
    fn a_depth_that_is_none_says_what_is_expected() {
        assert_eq!(Depth::parse("auto").unwrap(), None);
        assert_eq!(Depth::parse("256").unwrap(), Some(Depth::Ansi256));
        assert!(Depth::parse("plaid").unwrap_err().to_string().contains("expected auto, never, 16, 256 or true"));
    }
}
