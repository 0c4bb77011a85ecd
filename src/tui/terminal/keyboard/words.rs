//! What the parser says, in crossterm's words.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use termina::event as theirs;

/// The same event; none of what the terminal answers to questions, and of keys that nothing is bound to.
pub(super) fn event(event: termina::Event) -> Option<Event> {
    Some(match event {
        termina::Event::Key(event) => Event::Key(key(event)?),
        termina::Event::Mouse(event) => Event::Mouse(mouse(event)),
        termina::Event::Paste(text) => Event::Paste(text),
        termina::Event::FocusIn => Event::FocusGained,
        termina::Event::FocusOut => Event::FocusLost,
        termina::Event::WindowResized(size) => Event::Resize(size.cols, size.rows),
        termina::Event::Csi(_) | termina::Event::Osc(_) | termina::Event::Dcs(_) => return None,
    })
}

/// A character with Alt.
pub(super) fn alt(c: char) -> Event {
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    Event::Key(KeyEvent::new(KeyCode::Char(c), shift | KeyModifiers::ALT))
}

fn key(event: theirs::KeyEvent) -> Option<KeyEvent> {
    let code = match event.code {
        theirs::KeyCode::Char(c) => KeyCode::Char(c),
        theirs::KeyCode::Enter => KeyCode::Enter,
        theirs::KeyCode::Backspace => KeyCode::Backspace,
        theirs::KeyCode::Tab => KeyCode::Tab,
        theirs::KeyCode::Escape => KeyCode::Esc,
        theirs::KeyCode::Left => KeyCode::Left,
        theirs::KeyCode::Right => KeyCode::Right,
        theirs::KeyCode::Up => KeyCode::Up,
        theirs::KeyCode::Down => KeyCode::Down,
        theirs::KeyCode::Home => KeyCode::Home,
        theirs::KeyCode::End => KeyCode::End,
        theirs::KeyCode::BackTab => KeyCode::BackTab,
        theirs::KeyCode::PageUp => KeyCode::PageUp,
        theirs::KeyCode::PageDown => KeyCode::PageDown,
        theirs::KeyCode::Insert => KeyCode::Insert,
        theirs::KeyCode::Delete => KeyCode::Delete,
        theirs::KeyCode::KeypadBegin => KeyCode::KeypadBegin,
        theirs::KeyCode::CapsLock => KeyCode::CapsLock,
        theirs::KeyCode::ScrollLock => KeyCode::ScrollLock,
        theirs::KeyCode::NumLock => KeyCode::NumLock,
        theirs::KeyCode::PrintScreen => KeyCode::PrintScreen,
        theirs::KeyCode::Pause => KeyCode::Pause,
        theirs::KeyCode::Menu => KeyCode::Menu,
        theirs::KeyCode::Null => KeyCode::Null,
        theirs::KeyCode::Function(number) => KeyCode::F(number),
        theirs::KeyCode::Modifier(_) | theirs::KeyCode::Media(_) => return None,
    };
    let kind = match event.kind {
        theirs::KeyEventKind::Press => KeyEventKind::Press,
        theirs::KeyEventKind::Release => KeyEventKind::Release,
        theirs::KeyEventKind::Repeat => KeyEventKind::Repeat,
    };
    let states = [
        (theirs::KeyEventState::KEYPAD, KeyEventState::KEYPAD),
        (theirs::KeyEventState::CAPS_LOCK, KeyEventState::CAPS_LOCK),
        (theirs::KeyEventState::NUM_LOCK, KeyEventState::NUM_LOCK),
    ];
    let state = states.into_iter().filter(|(theirs, _)| event.state.contains(*theirs)).map(|(_, ours)| ours).collect();
    Some(KeyEvent::new_with_kind_and_state(code, modifiers(event.modifiers), kind, state))
}

fn modifiers(modifiers: theirs::Modifiers) -> KeyModifiers {
    [
        (theirs::Modifiers::SHIFT, KeyModifiers::SHIFT),
        (theirs::Modifiers::ALT, KeyModifiers::ALT),
        (theirs::Modifiers::CONTROL, KeyModifiers::CONTROL),
        (theirs::Modifiers::SUPER, KeyModifiers::SUPER),
        (theirs::Modifiers::HYPER, KeyModifiers::HYPER),
        (theirs::Modifiers::META, KeyModifiers::META),
    ]
    .into_iter()
    .filter(|(theirs, _)| modifiers.contains(*theirs))
    .map(|(_, ours)| ours)
    .collect()
}

fn mouse(event: theirs::MouseEvent) -> MouseEvent {
    let button = |button| match button {
        theirs::MouseButton::Left => MouseButton::Left,
        theirs::MouseButton::Right => MouseButton::Right,
        theirs::MouseButton::Middle => MouseButton::Middle,
    };
    let kind = match event.kind {
        theirs::MouseEventKind::Down(which) => MouseEventKind::Down(button(which)),
        theirs::MouseEventKind::Up(which) => MouseEventKind::Up(button(which)),
        theirs::MouseEventKind::Drag(which) => MouseEventKind::Drag(button(which)),
        theirs::MouseEventKind::Moved => MouseEventKind::Moved,
        theirs::MouseEventKind::ScrollDown => MouseEventKind::ScrollDown,
        theirs::MouseEventKind::ScrollUp => MouseEventKind::ScrollUp,
        theirs::MouseEventKind::ScrollLeft => MouseEventKind::ScrollLeft,
        theirs::MouseEventKind::ScrollRight => MouseEventKind::ScrollRight,
    };
    MouseEvent { kind, column: event.column, row: event.row, modifiers: modifiers(event.modifiers) }
}
