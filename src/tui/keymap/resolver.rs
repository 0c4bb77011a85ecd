//! From keys to intents: which context answers, and where in a sequence we are.

use std::time::Duration;

use crossterm::event::KeyEvent;
use keybinds::{KeyInput, KeySeq, Match};

use super::{ContextName, Keymap, normal, shown, text};
use crate::tui::intent::Intent;

/// What a key turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// It asks for something.
    Intent(Intent),
    /// It edits the text field that has the keys.
    Edit(tui_input::InputRequest),
    /// It begins or continues a sequence: [`Resolver::sequence`] says what may follow.
    Pending,
    /// It takes back a sequence that was begun, and does nothing else.
    Cancelled,
    /// It means nothing here.
    Unbound,
}

/// A key that may follow in a sequence that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextKey {
    /// The key, as keys are shown.
    pub key: String,
    /// What it would do.
    pub help: &'static str,
}

/// A sequence that waits for its next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The keys so far, as they are shown.
    pub keys: String,
    /// What may follow, in the order of the contexts and files.
    pub next: Vec<NextKey>,
    /// When its last key came, since the program started.
    pub since: Duration,
    /// Until when it waits.
    pub until: Duration,
}

/// What a key is for that continues a sequence and does not end it.
const GOES_ON: &str = "more keys";

/// Reads keys one after another.
#[derive(Debug, Clone)]
pub struct Resolver {
    keymap: Keymap,
    pending: Vec<KeyInput>,
    /// When the last key of the sequence came, since the program started.
    since: Duration,
}

impl Resolver {
    pub(super) fn new(keymap: Keymap) -> Self {
        Self { keymap, pending: Vec::new(), since: Duration::ZERO }
    }

    /// The map that it reads by.
    #[must_use]
    pub fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// The sequence that was begun, as keys are shown.
    #[must_use]
    pub fn pending(&self) -> Option<String> {
        (!self.pending.is_empty()).then(|| shown(&self.pending.iter().copied().collect::<KeySeq>()))
    }

    /// The sequence that was begun, with what may follow where these contexts have the keys.
    #[must_use]
    pub fn sequence(&self, contexts: &[ContextName]) -> Option<Sequence> {
        let keys = self.pending()?;
        let mut next: Vec<NextKey> = Vec::new();
        for context in asked(contexts) {
            for bind in self.keymap.binds.iter().filter(|bind| bind.context == context) {
                let inputs = bind.keys.as_slice();
                let Some([first, rest @ ..]) = inputs.strip_prefix(&*self.pending) else { continue };
                let key = shown(&std::iter::once(*first).collect::<KeySeq>());
                // The inner context answers first.
                if next.iter().all(|other| other.key != key) {
                    next.push(NextKey { key, help: if rest.is_empty() { bind.intent.help() } else { GOES_ON } });
                }
            }
        }
        Some(Sequence { keys, next, since: self.since, until: self.since + self.keymap.chord_timeout })
    }

    /// Forgets a sequence that was begun, as when something else happened meanwhile.
    pub fn reset(&mut self) {
        self.pending.clear();
    }

    /// What a key means where these contexts have the keys, the innermost first. `elapsed` is the time since
    /// the program started.
    pub fn press(&mut self, contexts: &[ContextName], key: KeyEvent, elapsed: Duration) -> Press {
        let input = normal(key);
        if matches!(input.key(), keybinds::Key::Ignored | keybinds::Key::Unidentified) {
            return Press::Unbound;
        }
        if elapsed.saturating_sub(self.since) > self.keymap.chord_timeout {
            self.pending.clear();
        }
        self.since = elapsed;
        self.pending.push(input);
        let mut answer = self.look_up(contexts, key, input);
        if answer == Press::Unbound && self.pending.len() > 1 {
            // A sequence that went nowhere is forgotten, the key itself is not.
            self.pending = vec![input];
            answer = self.look_up(contexts, key, input);
            // What goes back takes back the sequence, and leaves the view where it is. In a dialog it stops
            // what is about to be sent, whatever was pressed before.
            if answer == Press::Intent(Intent::Back) && contexts.iter().all(|context| context.is_top_level()) {
                answer = Press::Cancelled;
            }
        }
        if answer != Press::Pending {
            self.pending.clear();
        }
        answer
    }

    fn look_up(&self, contexts: &[ContextName], key: KeyEvent, input: KeyInput) -> Press {
        let typing = contexts.first() == Some(&ContextName::Text);
        for context in asked(contexts) {
            // What edits the field never reaches what lies behind the field.
            if typing && context != ContextName::Text && self.pending.len() == 1 {
                if let Some(request) = text::edit(key) {
                    return Press::Edit(request);
                }
                if text::is_typed(input) {
                    return Press::Unbound;
                }
            }
            let mut begun = false;
            for bind in self.keymap.binds.iter().filter(|bind| bind.context == context) {
                match bind.keys.match_to(&self.pending) {
                    Match::Matched => return Press::Intent(bind.intent),
                    Match::Prefix => begun = true,
                    Match::Unmatch => {}
                }
            }
            if begun {
                return Press::Pending;
            }
        }
        if contexts.first() == Some(&ContextName::Choice)
            && self.pending.len() == 1
            && let keybinds::Key::Char(letter) = input.key()
            && text::is_typed(input)
        {
            // A letter that moves nothing in a choice may be that of a line.
            return Press::Edit(tui_input::InputRequest::InsertChar(letter));
        }
        Press::Unbound
    }
}

/// The contexts that are asked where these have the keys, in that order.
fn asked(contexts: &[ContextName]) -> impl Iterator<Item = ContextName> {
    let always = (!contexts.contains(&ContextName::Always)).then_some(ContextName::Always);
    contexts.iter().copied().chain(always)
}
