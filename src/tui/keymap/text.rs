//! Keys in a text field.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use keybinds::{Key, KeyInput, Mods};
use tui_input::InputRequest;

use crate::domain::text::is_hostile;

/// Whether a key puts a character into the field.
pub(super) fn is_typed(input: KeyInput) -> bool {
    matches!(input.key(), Key::Char(_)) && (input.mods() - Mods::SHIFT).is_empty()
}

/// How a key edits the field, as fingers know it from a shell.
pub(super) fn edit(key: KeyEvent) -> Option<InputRequest> {
    use InputRequest as R;
    match (key.code, key.modifiers) {
        (KeyCode::Char(c), _) if is_hostile(c) => None,
        // A shell's ^U kills to the start of the line, not the whole of it.
        (KeyCode::Char('u'), KeyModifiers::CONTROL) => Some(R::DeleteFromStart),
        (KeyCode::Char('d'), KeyModifiers::CONTROL) => Some(R::DeleteNextChar),
        (KeyCode::Char('b'), KeyModifiers::ALT) => Some(R::GoToPrevWord),
        (KeyCode::Char('f'), KeyModifiers::ALT) => Some(R::GoToNextWord),
        (KeyCode::Char('d'), KeyModifiers::ALT) => Some(R::DeleteNextWord),
        (KeyCode::Char(_), modifiers) if modifiers == KeyModifiers::CONTROL | KeyModifiers::ALT => None,
        _ => tui_input::backend::crossterm::to_input_request(&Event::Key(key)),
    }
}
