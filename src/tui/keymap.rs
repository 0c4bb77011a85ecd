//! Keys become intents here, once: by context, with sequences, from TOML. Help, hints and the key files
//! read the same table, and a checker keeps what is dangerous off bare keys.

use std::{path::Path, time::Duration};

use crossterm::event::KeyEvent;
use keybinds::KeySeq;
use serde::Serialize;

use super::{
    intent::Intent,
    overlay::{self, Finding, Source},
};

mod check;
mod file;
mod resolver;
mod text;

pub use file::schema;
pub use resolver::{NextKey, Press, Resolver, Sequence};

/// The built-in keymaps: name and text. The first is what every other one extends.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("emacs", include_str!("../../keymaps/emacs.toml")),
];

/// How long a sequence waits before what may follow is shown.
pub const SHOWN_AFTER: Duration = Duration::from_millis(300);

/// How long a sequence waits for its next key, when a file does not say so.
pub const CHORD_TIMEOUT: Duration = Duration::from_millis(1200);

/// Where a key is pressed. What has the keys is asked first, [`ContextName::Always`] last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContextName {
    /// Everywhere, whatever has the keys; the resolver asks it without being told to.
    Always,
    /// Everywhere but in menus, dialogs and text fields.
    Global,
    /// A list of rollouts or sites.
    List,
    /// One rollout.
    Detail,
    /// The audit trail.
    Audit,
    /// Change windows.
    Windows,
    /// Flags.
    Flags,
    /// Guided recovery: numbers choose.
    Recover,
    /// The action menu.
    Menu,
    /// One of a few lines is chosen: a letter that is bound to nothing here chooses its line.
    Choice,
    /// A dialog, while a button has the keys.
    Dialog,
    /// A text field: what can be typed is typed.
    Text,
}

impl ContextName {
    /// Every context, in the order of the help.
    pub const ALL: [Self; 12] = [
        Self::Always,
        Self::Global,
        Self::List,
        Self::Detail,
        Self::Audit,
        Self::Windows,
        Self::Flags,
        Self::Recover,
        Self::Menu,
        Self::Choice,
        Self::Dialog,
        Self::Text,
    ];

    /// Its name in a keymap file.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Global => "global",
            Self::List => "list",
            Self::Detail => "detail",
            Self::Audit => "audit",
            Self::Windows => "windows",
            Self::Flags => "flags",
            Self::Recover => "recover",
            Self::Menu => "menu",
            Self::Choice => "choice",
            Self::Dialog => "dialog",
            Self::Text => "text",
        }
    }

    /// Whether a key pressed here is pressed at the top level, where no key may begin a change.
    const fn is_top_level(self) -> bool {
        !matches!(self, Self::Menu | Self::Choice | Self::Dialog | Self::Text)
    }

    /// The contexts that are asked after this one when it is what has the keys.
    const fn behind(self) -> &'static [Self] {
        match self {
            Self::Always => &[],
            Self::List | Self::Detail | Self::Audit | Self::Windows | Self::Flags | Self::Recover => {
                &[Self::Global, Self::Always]
            }
            Self::Global | Self::Menu | Self::Choice | Self::Dialog | Self::Text => &[Self::Always],
        }
    }
}

/// One key or sequence, bound.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bind {
    context: ContextName,
    keys: KeySeq,
    intent: Intent,
    origin: Origin,
}

/// A key of a map, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// Where it works: the name of a [`ContextName`].
    pub context: &'static str,
    /// The key or sequence, as keymap files write it.
    pub keys: String,
    /// What it asks for: the name of an [`Intent`].
    pub intent: &'static str,
    /// What that does.
    pub help: &'static str,
    /// The file that says so.
    pub file: String,
    /// The line there.
    pub line: usize,
    /// Whether a person's own file says so.
    pub own: bool,
}

impl Binding {
    fn of(bind: &Bind) -> Self {
        Self {
            context: bind.context.id(),
            keys: bind.keys.to_string(),
            intent: bind.intent.id(),
            help: bind.intent.help(),
            file: bind.origin.file.clone(),
            line: bind.origin.line,
            own: bind.origin.own,
        }
    }
}

/// Where a binding stands, for findings.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    file: String,
    line: usize,
    /// Whether a person wrote it.
    own: bool,
}

impl Bind {
    fn finding(&self, problem: impl AsRef<str>) -> Finding {
        Finding {
            file: self.origin.file.as_str().into(),
            line: self.origin.line,
            field: format!("{}.\"{}\"", self.context.id(), self.keys).into(),
            problem: problem.as_ref().into(),
        }
    }
}

/// What every key means, in every context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    name: String,
    chord_timeout: Duration,
    binds: Vec<Bind>,
    findings: Vec<Finding>,
}

impl Keymap {
    /// Loads a keymap by its name: a person's own file laid over a built-in map, or that map itself. A key
    /// of theirs that cannot be is found, said, and keeps its built-in meaning; the other keys hold.
    #[must_use]
    pub fn load(name: Option<&str>, user_dir: Option<&Path>) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let name = name.unwrap_or("default");
        let user = overlay::user_file(user_dir, "keymaps", name, &mut findings);
        let own = user.as_ref().map(|(path, text)| (path.as_str(), text.as_str()));
        let mut map = Self::build(name, own, &mut findings);
        map.findings.clone_from(&findings);
        (map, findings)
    }

    /// Builds a keymap from a built-in one and, over it, a file given as name and text.
    fn build(name: &str, own: Option<(&str, &str)>, findings: &mut Vec<Finding>) -> Self {
        let own = own.map(|(file, text)| Source { name: file, text });
        let parsed = own.as_ref().map(|source| file::read(source, true, findings));
        let wanted = parsed.as_ref().and_then(|file| file.extends.clone()).unwrap_or_else(|| name.to_owned());
        if parsed.is_none() && !BUILT_IN.iter().any(|(built_in, _)| *built_in == wanted) {
            findings.push(overlay::missing("keymap", name, BUILT_IN.iter().map(|(name, _)| *name), "default"));
        }
        let mut map = Self::built_in(&wanted, findings);
        name.clone_into(&mut map.name);
        if let Some(own) = parsed {
            map = map.overlaid(&own, findings);
        }
        map
    }

    /// A built-in keymap; the default one for a name that is none.
    fn built_in(name: &str, findings: &mut Vec<Finding>) -> Self {
        let mut map =
            Self { name: name.to_owned(), chord_timeout: CHORD_TIMEOUT, binds: Vec::new(), findings: Vec::new() };
        for (index, (built_in, text)) in BUILT_IN.iter().enumerate() {
            if index == 0 || *built_in == name {
                let file = format!("keymaps/{built_in}.toml");
                let read = file::read(&Source { name: &file, text }, false, findings);
                map.lay(&read, &[]);
            }
        }
        map
    }

    /// Lays a person's file over this map, then takes back those of its entries that break a rule.
    fn overlaid(self, own: &file::Read, findings: &mut Vec<Finding>) -> Self {
        let mut refused: Vec<(ContextName, KeySeq)> = Vec::new();
        loop {
            let mut map = self.clone();
            map.lay(own, &refused);
            let mut found = check::rules(&map);
            found.extend(check::essentials(&map, &self, own));
            found.retain(|broken| broken.own && !refused.contains(&broken.at));
            if found.is_empty() {
                return map;
            }
            for broken in found {
                findings.push(broken.finding);
                refused.push(broken.at);
            }
        }
    }

    /// Binds and unbinds what a file says, but for the entries that were refused.
    fn lay(&mut self, file: &file::Read, refused: &[(ContextName, KeySeq)]) {
        self.chord_timeout = file.chord_timeout.unwrap_or(self.chord_timeout);
        for entry in &file.entries {
            let at = (entry.context, entry.keys.clone());
            if refused.contains(&at) {
                continue;
            }
            self.binds.retain(|bind| (bind.context, &bind.keys) != (at.0, &at.1));
            if let Some(intent) = entry.intent {
                let (context, keys) = at;
                self.binds.push(Bind { context, keys, intent, origin: entry.origin.clone() });
            }
        }
    }

    /// Loads a keymap from a file, wherever it lies: laid over the built-in map that it extends, or else over
    /// the one of its name.
    ///
    /// # Errors
    /// What is wrong with the file as a whole.
    pub fn read(path: &Path) -> Result<(Self, Vec<Finding>), Finding> {
        let (shown, text) = overlay::file_text(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut findings = Vec::new();
        let map = Self::build(&name, Some((&shown, &text)), &mut findings);
        Ok((map, findings))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long a sequence waits for its next key.
    #[must_use]
    pub fn chord_timeout(&self) -> Duration {
        self.chord_timeout
    }

    /// What was wrong with the file that it was loaded from.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is bound in a context, as keys are shown, in the order of the files.
    #[must_use]
    pub fn bindings(&self, context: ContextName) -> Vec<(String, Intent)> {
        self.binds.iter().filter(|bind| bind.context == context).map(|bind| (shown(&bind.keys), bind.intent)).collect()
    }

    /// The keys to hint at for an intent where these contexts have the keys: a person's own first.
    #[must_use]
    pub fn keys_for(&self, intent: Intent, contexts: &[ContextName]) -> Option<String> {
        let reachable = |bind: &&Bind| {
            bind.intent == intent && (contexts.contains(&bind.context) || bind.context == ContextName::Always)
        };
        let own = self.binds.iter().filter(reachable).rfind(|bind| bind.origin.own);
        own.or_else(|| self.binds.iter().find(reachable)).map(|bind| shown(&bind.keys))
    }

    /// Every key of the map, context by context in the order of the help.
    #[must_use]
    pub fn all(&self) -> Vec<Binding> {
        let of = |context: ContextName| self.binds.iter().filter(move |bind| bind.context == context);
        ContextName::ALL.into_iter().flat_map(of).map(Binding::of).collect()
    }

    /// The contexts that are asked where one has the keys, in that order.
    fn order(context: ContextName) -> impl Iterator<Item = ContextName> {
        std::iter::once(context).chain(context.behind().iter().copied())
    }

    /// Whether a binding is what its keys come to where a context has the keys.
    fn means(&self, context: ContextName, bind: &Bind) -> bool {
        let mut same = Self::order(context).flat_map(|at| self.binds.iter().filter(move |other| other.context == at));
        same.find(|other| other.keys == bind.keys) == Some(bind)
    }

    /// Whether some key comes to an intent where a context has the keys.
    fn reaches(&self, context: ContextName, intent: Intent) -> bool {
        self.binds.iter().any(|bind| bind.intent == intent && self.means(context, bind))
    }

    /// What a person may want to know of their own keys although it is no mistake.
    #[must_use]
    pub fn remarks(&self) -> Vec<Finding> {
        check::remarks(self)
    }

    /// Everything that is wrong with the map: a key that cannot be reached, two meanings for one key, and
    /// what may not begin a change. Each finding names file, line and key.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        check::rules(self).into_iter().map(|broken| broken.finding).collect()
    }

    /// Begins to read keys.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        Resolver::new(self.clone())
    }
}

/// Keys as hints show them: `^u`, `shift-tab`, `g g`.
fn shown(keys: &KeySeq) -> String {
    let mut out = Vec::new();
    for input in keys.as_slice() {
        let text = input.to_string();
        let (mods, key) = text.rsplit_once('+').map_or(("", text.as_str()), |(mods, key)| (mods, key));
        let key = match key {
            "PageUp" => "pgup".to_owned(),
            "PageDown" => "pgdn".to_owned(),
            "Plus" => "+".to_owned(),
            key if key.chars().count() == 1 || key.starts_with('F') => key.to_owned(),
            key => key.to_lowercase(),
        };
        out.push(match mods {
            "" => key,
            "Ctrl" if key.chars().count() == 1 => format!("^{key}"),
            mods => format!("{}-{key}", mods.to_lowercase().replace('+', "-")),
        });
    }
    out.join(" ")
}

/// Reads a key sequence as keymap files write it: `Ctrl+u`, `^u`, `g g`, `Shift+Tab`.
fn parse_keys(text: &str) -> Result<KeySeq, keybinds::Error> {
    let spelled: Vec<String> = text
        .split_ascii_whitespace()
        .map(|key| match key.strip_prefix('^') {
            Some(letter) if letter.chars().count() == 1 => format!("Ctrl+{}", letter.to_lowercase()),
            _ => key.to_owned(),
        })
        .collect();
    spelled.join(" ").parse()
}

/// A key as the terminal sent it, with what is the same byte or the same wish made the same.
fn normal(event: KeyEvent) -> keybinds::KeyInput {
    use keybinds::{Key, KeyInput, Mods};
    let input = KeyInput::from(event);
    match (input.key(), input.mods()) {
        // Some terminals send Ctrl-h for Backspace; under tmux an Esc may come as Alt-Esc.
        (Key::Char('h'), Mods::CTRL) => KeyInput::new(Key::Backspace, Mods::NONE),
        (Key::Esc, Mods::ALT) => KeyInput::new(Key::Esc, Mods::NONE),
        (key @ Key::Char(_), mods) => KeyInput::new(key, mods - Mods::SHIFT),
        _ => input,
    }
}

#[cfg(test)]
mod tests;
