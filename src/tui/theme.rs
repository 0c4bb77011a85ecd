//! What things look like: a style for each meaning, a mark for each state.
//!
//! A theme is TOML; the built-in ones are compiled in, a person's own are laid over them by name. State
//! is always told by a mark and a word; colour comes third, and is made to fit the terminal once, when
//! the theme is loaded.

use std::path::Path;

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::{Marker, border},
};

use super::{
    capability::{Capability, Depth, Glyphs},
    overlay::{self, Finding, Source},
};

pub mod contrast;

pub(in crate::tui) mod color;
mod file;

pub use file::schema;

/// The built-in themes: name and text. The first is [`DEFAULT`].
pub const BUILT_IN: [(&str, &str); 6] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("color-safe", include_str!("../../themes/color-safe.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The theme that is used when none is named, or none of that name is there: it assumes nothing about the
/// terminal's background.
pub const DEFAULT: &str = "terminal";

macro_rules! roles {
    ($($variant:ident = $id:literal, $doc:literal;)*) => {
        /// What something on the screen means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $(#[doc = $doc] $variant,)*
        }

        impl Role {
            /// Every role, in the order of the theme files.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in a theme file.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What it is used for.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

roles! {
    Normal = "normal", "Text, and what is as it should be.";
    Muted = "muted", "What is read second: units, what repeats, why something cannot be done.";
    Heading = "heading", "The heading of a pane or of a column.";
    Header = "header", "The top row: where, who, when.";
    Strong = "strong", "A name or a number that is looked for first.";
    Selected = "selected", "The selected row.";
    Matched = "matched", "What a filter found.";
    Fail = "fail", "A breach, a failure, a broken record.";
    NeedsPerson = "needs-person", "What waits for a person.";
    NoData = "no-data", "What is not known.";
    Stale = "stale", "A value that is older than it should be.";
    Frozen = "frozen", "What a window holds.";
    Paused = "paused", "What somebody paused.";
    Running = "running", "What goes on by itself.";
    Waiting = "waiting", "What has not had its turn.";
    Passed = "passed", "What passed.";
    JustPassed = "just-passed", "What passed within the last ten seconds.";
    RolledBack = "rolled-back", "What went back.";
    Canary = "canary", "The candidate's line or value.";
    Baseline = "baseline", "The stable version's line or value.";
    Limit = "limit", "A limit in a chart.";
    Band = "band", "Where the truth may lie, around a line of a chart.";
    Live = "live", "The link while it is alive.";
    Lost = "lost", "The link when it is not.";
    Protected = "protected", "The name of a context that is protected.";
    Armed = "armed", "A protected context that is armed.";
    Simulated = "simulated", "The word that says that nothing here is real.";
    Banner = "banner", "A banner about the rollout.";
    BannerFrozen = "banner-frozen", "The banner of a window.";
    BannerLost = "banner-lost", "The banner of a lost backend.";
    BannerHold = "banner-hold", "The banner of a held display.";
    Border = "border", "The border of a pane.";
    BorderFocused = "border-focused", "The border of the pane that has the keys.";
    Key = "key", "A key in a hint.";
    Hint = "hint", "What a key does, in a hint.";
    Field = "field", "A text field.";
    FieldFocused = "field-focused", "The text field that has the keys.";
    ButtonSafe = "button-safe", "The button that changes nothing.";
    ButtonDanger = "button-danger", "The button that acts.";
    ButtonFocused = "button-focused", "The button that has the keys, laid over its own style.";
    ButtonLocked = "button-locked", "A button that cannot be pressed now.";
    Error = "error", "What went wrong.";
    Notice = "notice", "What is worth knowing.";
    Success = "success", "What was done.";
}

macro_rules! marks {
    ($($variant:ident = $ascii:literal, $unicode:literal, $role:ident, $doc:literal;)*) => {
        /// The sign of a state, one cell wide; a word always stands with it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Mark {
            $(#[doc = $doc] $variant,)*
        }

        impl Mark {
            /// Every mark.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The sign in a set of characters.
            #[must_use]
            pub const fn glyph(self, glyphs: Glyphs) -> &'static str {
                match (self, glyphs) {
                    $((Self::$variant, Glyphs::Ascii) => $ascii, (Self::$variant, Glyphs::Unicode) => $unicode,)*
                }
            }

            /// The role that it is painted in.
            #[must_use]
            pub const fn role(self) -> Role {
                match self { $(Self::$variant => Role::$role,)* }
            }
        }
    };
}

// The Unicode signs are all of East Asian width "neutral": no terminal paints them two cells wide.
marks! {
    Fail = "X", "✗", Fail, "A breach, a failure, a broken record.";
    NeedsPerson = "!", "!", NeedsPerson, "Waits for a person.";
    NoData = "?", "?", NoData, "Not known, not proven.";
    Stale = "~", "~", Stale, "Older than it should be.";
    Frozen = "#", "#", Frozen, "Held by a window.";
    Paused = "=", "=", Paused, "Paused by somebody.";
    Running = ">", "▸", Running, "Goes on by itself.";
    Waiting = ".", "◌", Waiting, "Has not had its turn.";
    Passed = "+", "✓", Passed, "Passed, proven.";
    RolledBack = "<", "⟲", RolledBack, "Went back.";
    Cursor = ">", ">", Normal, "The selected row.";
    Canary = "*", "*", Canary, "The candidate in a chart.";
    Baseline = ".", ".", Baseline, "The stable version in a chart.";
}

/// A style for each role, fitted to what the terminal can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    depth: Depth,
    glyphs: Glyphs,
    styles: Vec<Style>,
    background: Option<Color>,
    findings: Vec<Finding>,
}

impl Theme {
    /// Loads a theme by its name: a person's own file laid over a built-in theme, or that theme itself.
    /// What is wrong with the file is found, said, and replaced by what is built in.
    #[must_use]
    pub fn load(name: Option<&str>, user_dir: Option<&Path>, capability: &Capability) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let name = name.unwrap_or(DEFAULT);
        let user = overlay::user_file(user_dir, "themes", name, &mut findings);
        let own = user.as_ref().map(|(path, text)| (path.as_str(), text.as_str()));
        let mut theme = Self::build(name, own, capability, &mut findings);
        theme.findings.clone_from(&findings);
        (theme, findings)
    }

    /// A built-in theme; [`DEFAULT`] for a name that is none.
    #[must_use]
    pub fn built_in(name: &str, capability: &Capability) -> Self {
        Self::build(name, None, capability, &mut Vec::new())
    }

    /// Builds a theme from a built-in one and, over it, a file given as name and text.
    fn build(name: &str, own: Option<(&str, &str)>, capability: &Capability, findings: &mut Vec<Finding>) -> Self {
        let own = own.map(|(file, text)| Source { name: file, text });
        let parsed = own.as_ref().map(|source| (source, file::read(source, findings)));
        let wanted = parsed.as_ref().and_then(|(_, file)| file.extends.as_deref()).unwrap_or(name);
        let base = BUILT_IN.iter().find(|(built_in, _)| *built_in == wanted);
        if base.is_none() && parsed.is_none() {
            findings.push(overlay::missing("theme", name, BUILT_IN.iter().map(|(name, _)| *name), DEFAULT));
        }
        let (base_name, text) = base.unwrap_or(&BUILT_IN[0]);
        let built_in_name = format!("themes/{base_name}.toml");
        let mut read = file::read(&Source { name: &built_in_name, text }, findings);
        if let Some((_, own)) = parsed {
            read.paints.extend(own.paints);
            read.background = own.background.or(read.background);
        }
        let depth = capability.depth;
        let ground = read.paints.get(&Role::Normal).and_then(|paint| paint.bg.or(paint.bg16));
        let style = |role: &Role| read.paints.get(role).map_or_else(Style::default, |paint| paint.style(depth, ground));
        let styles = Role::ALL.iter().map(style).collect();
        let background = read.background.filter(|_| depth != Depth::Mono);
        Self { name: name.to_owned(), depth, glyphs: capability.glyphs, styles, background, findings: Vec::new() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was wrong with the file that it was loaded from.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The style of a meaning.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The background that it was made for and that it does not paint; none of a theme that assumes nothing,
    /// and of one that paints its own.
    #[must_use]
    pub fn made_for(&self) -> Option<Color> {
        self.background.filter(|_| !self.paints_background())
    }

    /// Whether it paints the background of the whole screen.
    #[must_use]
    pub fn paints_background(&self) -> bool {
        self.style(Role::Normal).bg.is_some()
    }

    /// The sign of a state.
    #[must_use]
    pub fn mark(&self, mark: Mark) -> &'static str {
        mark.glyph(self.glyphs)
    }

    /// The characters that may be used.
    #[must_use]
    pub fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// How many colours are used.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The borders of panes.
    #[must_use]
    pub fn border(&self) -> border::Set<'static> {
        match self.glyphs {
            Glyphs::Unicode => border::PLAIN,
            Glyphs::Ascii => border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            },
        }
    }

    /// A horizontal rule's character.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => "─",
            Glyphs::Ascii => "-",
        }
    }

    /// What charts draw their lines with.
    #[must_use]
    pub fn chart_marker(&self) -> Marker {
        match self.glyphs {
            Glyphs::Unicode => Marker::Braille,
            Glyphs::Ascii => Marker::Custom('*'),
        }
    }
}

/// How one role is painted, before it is fitted to a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Paint {
    fg: Option<Color>,
    bg: Option<Color>,
    fg16: Option<Color>,
    bg16: Option<Color>,
    attributes: Modifier,
}

impl Paint {
    /// Fitted to a colour depth. Without colour a background other than the screen's own, `ground`, becomes
    /// reverse video, so that what stood out still does.
    fn style(self, depth: Depth, ground: Option<Color>) -> Style {
        let pick = |color: Option<Color>, named: Option<Color>| match depth {
            Depth::Mono => None,
            Depth::Ansi16 => named.or(color).map(|color| color::fit(color, depth)),
            Depth::Ansi256 | Depth::True => color.or(named).map(|color| color::fit(color, depth)),
        };
        let mut attributes = self.attributes;
        let own = self.bg.or(self.bg16).filter(|bg| *bg != Color::Reset && Some(*bg) != ground);
        if depth == Depth::Mono && own.is_some() {
            attributes |= Modifier::REVERSED;
        }
        let mut style = Style::new().add_modifier(attributes);
        style.fg = pick(self.fg, self.fg16);
        style.bg = pick(self.bg, self.bg16);
        style
    }
}

#[cfg(test)]
mod tests;
