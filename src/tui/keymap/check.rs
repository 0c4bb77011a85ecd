//! What a keymap may not be: keys that never arrive or mean something to the terminal, two meanings for
//! one key, and a change that begins at one careless key.

use keybinds::{Key, KeyInput, KeySeq, Match, Mods};

use super::{
    Bind, ContextName, Keymap,
    file::{Entry, Read},
};
use crate::tui::{intent::Intent, overlay::Finding};

/// A rule that is broken, and the entry that breaks it.
#[derive(Debug)]
pub(super) struct Broken {
    pub at: (ContextName, KeySeq),
    /// Whether a person wrote the entry.
    pub own: bool,
    pub finding: Finding,
}

/// The intents that open the dialog of a change.
const DANGER: [Intent; 20] = [
    Intent::Pause,
    Intent::Resume,
    Intent::Promote,
    Intent::PromoteFull,
    Intent::Rollback,
    Intent::Retry,
    Intent::Restart,
    Intent::Terminate,
    Intent::AddWindow,
    Intent::LiftWindow,
    Intent::FlagKill,
    Intent::FlagDisable,
    Intent::FlagEnable,
    Intent::FlagWiden,
    Intent::FlagRevive,
    Intent::AskOverride,
    Intent::Approve,
    Intent::Reject,
    Intent::Withdraw,
    Intent::Countersign,
];

/// The intents that only move about, which fingers do without looking.
const NAVIGATION: [Intent; 16] = [
    Intent::Up,
    Intent::Down,
    Intent::Left,
    Intent::Right,
    Intent::Top,
    Intent::Bottom,
    Intent::PageUp,
    Intent::PageDown,
    Intent::HalfPageUp,
    Intent::HalfPageDown,
    Intent::Open,
    Intent::Back,
    Intent::NextPane,
    Intent::PreviousPane,
    Intent::NextMatch,
    Intent::PreviousMatch,
];

/// What must stay within reach, and where.
const ESSENTIAL: [(ContextName, Intent); 10] = [
    (ContextName::Always, Intent::QuitNow),
    (ContextName::Global, Intent::Help),
    (ContextName::Global, Intent::ActionMenu),
    (ContextName::Global, Intent::Back),
    (ContextName::Menu, Intent::Back),
    (ContextName::Choice, Intent::Back),
    (ContextName::Dialog, Intent::Back),
    (ContextName::Dialog, Intent::NextPane),
    (ContextName::Text, Intent::Back),
    (ContextName::Text, Intent::NextPane),
];

/// Every rule that some binding breaks.
pub(super) fn rules(map: &Keymap) -> Vec<Broken> {
    let mut broken = Vec::new();
    for bind in &map.binds {
        let problem = unreachable_key(bind)
            .or_else(|| untypable(bind))
            .or_else(|| danger(map, bind))
            .or_else(|| only_by_alt(map, bind))
            .or_else(|| hidden(map, bind));
        if let Some(problem) = problem {
            broken.push(Broken {
                at: (bind.context, bind.keys.clone()),
                own: bind.origin.own,
                finding: bind.finding(format!("{problem}; the built-in meaning is kept")),
            });
        }
    }
    broken
}

/// What a person's file leaves without any key, blamed on each entry of theirs that took one away. `base` is
/// the map that it was laid over.
pub(super) fn essentials(map: &Keymap, base: &Keymap, own: &Read) -> Vec<Broken> {
    let mut broken: Vec<Broken> = Vec::new();
    for (context, intent) in ESSENTIAL {
        // What is for everywhere may be taken away in one view alone.
        let views = ContextName::ALL.into_iter().filter(|view| *view == context || view.behind().contains(&context));
        for view in views.filter(|view| context == ContextName::Global || *view == context) {
            if map.reaches(view, intent) {
                continue;
            }
            let took = |entry: &&Entry| {
                let hides = |bind: &&Bind| {
                    bind.intent == intent && bind.keys == entry.keys && Keymap::order(view).any(|at| at == bind.context)
                };
                entry.intent != Some(intent)
                    && Keymap::order(view).any(|at| at == entry.context)
                    && base.binds.iter().any(|bind| hides(&bind))
            };
            for entry in own.entries.iter().filter(took) {
                let at = (entry.context, entry.keys.clone());
                if broken.iter().any(|other| other.at == at) {
                    continue;
                }
                let problem =
                    format!("leaves no key for '{}' in [{}]; the built-in meaning is kept", intent.id(), view.id());
                broken.push(Broken { at, own: true, finding: entry.finding(problem) });
            }
        }
    }
    broken
}

/// What a person may want to know of their own keys and what is no mistake: a key that means something else
/// in one view than everywhere.
pub(super) fn remarks(map: &Keymap) -> Vec<Finding> {
    let mut remarks = Vec::new();
    for bind in map.binds.iter().filter(|bind| bind.origin.own) {
        let hidden = map.binds.iter().find(|other| {
            bind.context.behind().contains(&other.context) && other.keys == bind.keys && other.intent != bind.intent
        });
        let Some(hidden) = hidden else { continue };
        let (context, intent) = (bind.context.id(), hidden.intent.id());
        let mut left =
            Keymap::order(bind.context).flat_map(|at| map.binds.iter().filter(move |other| other.context == at));
        let left = left.find(|other| other.intent == hidden.intent && map.means(bind.context, other));
        let rest = match left {
            Some(other) => format!("which is on {} there", other.keys),
            None => "which has no key there".to_owned(),
        };
        remarks.push(bind.finding(format!("hides '{intent}' of [{}] in [{context}], {rest}", hidden.context.id())));
    }
    remarks
}

/// A key that the terminal, a multiplexer or the person's fingers mean otherwise, or that is never sent.
fn unreachable_key(bind: &Bind) -> Option<String> {
    let inputs = bind.keys.as_slice();
    if let Some(esc) = inputs.iter().position(|input| input.key() == Key::Esc)
        && (inputs.len() > 1 || esc > 0)
    {
        return Some("Esc may not be part of a sequence: its byte begins every other key".to_owned());
    }
    inputs.iter().find_map(|input| {
        let (key, mods) = (input.key(), input.mods());
        let ctrl = mods.contains(Mods::CTRL);
        let why = match key {
            _ if mods.intersects(Mods::CMD | Mods::WIN) => "is never sent by a terminal",
            Key::Char(c) if ctrl && c.is_uppercase() => "is sent without its Shift: write it in lower case",
            Key::Char('s' | 'q') if ctrl => "stops and starts the terminal's output",
            Key::Char('z') if ctrl && bind.intent != Intent::Suspend => "suspends",
            Key::Char('\\') if ctrl => "quits the program in other programs",
            Key::Char('h' | 'i' | 'm' | 'j' | '[') if ctrl => "is the same byte as Backspace, Tab, Enter or Esc",
            Key::Char(' ' | '@') if ctrl => "is a zero byte",
            Key::Char('a' | 'b') if ctrl => "is the prefix of screen or tmux",
            Key::Enter | Key::Char(' ') if !(mods - Mods::ALT).is_empty() => "is not sent by most terminals",
            Key::Tab if mods.intersects(Mods::CTRL | Mods::ALT) => "is not sent by most terminals",
            Key::F11 | Key::F12 | Key::Insert => "belongs to the window around the terminal",
            _ => return None,
        };
        Some(format!("{input} {why}"))
    })
}

/// In a text field a letter is a letter.
fn untypable(bind: &Bind) -> Option<String> {
    let first = bind.keys.as_slice().first()?;
    let typed = matches!(first.key(), Key::Char(_)) && (first.mods() - Mods::SHIFT).is_empty();
    (bind.context == ContextName::Text && typed).then(|| format!("{first} could no longer be typed in a text field"))
}

/// No change begins at one careless key.
fn danger(map: &Keymap, bind: &Bind) -> Option<String> {
    if !DANGER.contains(&bind.intent) {
        return None;
    }
    let verb = bind.intent.id();
    let inputs = bind.keys.as_slice();
    let navigates = |keys: &KeySeq| {
        map.binds.iter().any(|other| {
            other.keys == *keys
                && NAVIGATION.contains(&other.intent)
                && (other.context == bind.context || bind.context.is_top_level())
        })
    };
    match bind.context {
        // From the dialog of what a window holds it opens another dialog, and that one asks for a reason.
        ContextName::Dialog if bind.intent == Intent::AskOverride && !navigates(&bind.keys) => None,
        ContextName::Choice | ContextName::Dialog | ContextName::Text => {
            Some(format!("'{verb}' may not be bound in a choice, a dialog or a text field"))
        }
        _ if navigates(&bind.keys) => Some(format!("'{verb}' may not be on a key that moves")),
        ContextName::Menu => inputs.iter().find_map(|input| {
            let loose =
                matches!(input.key(), Key::Enter | Key::Char(' ') | Key::Backspace | Key::Delete | Key::Tab | Key::Esc);
            loose.then(|| format!("'{verb}' may not be on {input}, which is pressed without looking"))
        }),
        _ => match inputs {
            [one] if !one.mods().intersects(Mods::CTRL | Mods::ALT) => {
                Some(format!("'{verb}' may not be on one bare key: it belongs into [menu]"))
            }
            [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|input| input == first) => {
                Some(format!("'{verb}' may not be on a doubled key"))
            }
            _ => None,
        },
    }
}

/// Alt is lost on the way often enough that nothing may hang on it alone.
fn only_by_alt(map: &Keymap, bind: &Bind) -> Option<String> {
    let alt = |keys: &KeySeq| keys.as_slice().iter().any(|input| input.mods().contains(Mods::ALT));
    let other_way = || map.binds.iter().any(|other| other.intent == bind.intent && !alt(&other.keys));
    (alt(&bind.keys) && !other_way())
        .then(|| format!("'{}' needs a key without Alt too, which many links lose", bind.intent.id()))
}

/// A key that hides a sequence, or a sequence that hides a key, where both could be pressed.
fn hidden(map: &Keymap, bind: &Bind) -> Option<String> {
    map.binds.iter().find_map(|other| {
        let together = other.context == bind.context || bind.context.behind().contains(&other.context);
        if !together || other == bind {
            return None;
        }
        let begins = |short: &KeySeq, inputs: &[KeyInput]| {
            short.as_slice().len() < inputs.len() && inputs.starts_with(short.as_slice())
        };
        // Of two entries the person's own is to blame, or else the inner or the shorter one.
        let to_blame = bind.origin.own || !other.origin.own;
        let what = format!("{} ({}) of [{}]", other.keys, other.intent.id(), other.context.id());
        if begins(&bind.keys, other.keys.as_slice()) && to_blame {
            return Some(format!("it begins {what}, which could not be pressed any more"));
        }
        if begins(&other.keys, bind.keys.as_slice()) && to_blame {
            return Some(format!("it begins with {what}"));
        }
        let taken = other.context == ContextName::Always && bind.context != ContextName::Always;
        (taken && other.keys.match_to(bind.keys.as_slice()) == Match::Matched).then(|| format!("it hides {what}"))
    })
}
