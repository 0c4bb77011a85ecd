use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;

fn keys(reader: &mut Reader) -> Vec<KeyEvent> {
    reader.events.drain(..).filter_map(|event| event.as_key_event()).collect()
}

fn text(reader: &mut Reader) -> String {
    keys(reader).into_iter().filter_map(|key| key.code.as_char()).collect()
}

#[test]
fn answers_are_counted_and_are_no_keys_wherever_they_are_cut() {
    let stream = b"ab\x1b[0nc\x1b[0n\x1b[0nd";
    for size in 1..=stream.len() {
        let mut reader = Reader::default();
        let answers: usize = stream.chunks(size).map(|chunk| reader.take(chunk, true)).sum();
        reader.flush();
        assert_eq!((answers, text(&mut reader).as_str()), (3, "abcd"), "{size} bytes at a time");
    }
}

#[test]
fn escape_is_a_key_at_once_when_nothing_is_awaited_and_soon_when_something_is() {
    let mut reader = Reader::default();
    assert_eq!(reader.take(b"\x1b", false), 0);
    assert_eq!(keys(&mut reader), [KeyEvent::from(KeyCode::Esc)]);
    reader.take(b"\x1b", true);
    assert_eq!(keys(&mut reader), []);
    reader.flush();
    assert_eq!(keys(&mut reader), [KeyEvent::from(KeyCode::Esc)]);
}

#[test]
fn escape_right_before_an_answer_is_a_key_and_not_kept_for_the_next_one() {
    let mut reader = Reader::default();
    assert_eq!(reader.take(b"\x1b\x1b[0n", true), 1);
    assert_eq!(keys(&mut reader), [KeyEvent::from(KeyCode::Esc)]);
}

#[test]
fn keys_pastes_and_the_mouse_come_as_they_did() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
    let plain = KeyModifiers::NONE;
    let table: [(&[u8], Event); 13] = [
        (b"j", key(KeyCode::Char('j'), plain)),
        (b"G", key(KeyCode::Char('G'), KeyModifiers::SHIFT)),
        ("\u{e9}".as_bytes(), key(KeyCode::Char('\u{e9}'), plain)),
        (b"\r", key(KeyCode::Enter, plain)),
        (b"\x03", key(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        (b"\x1bf", key(KeyCode::Char('f'), KeyModifiers::ALT)),
        (b"\x1b[A", key(KeyCode::Up, plain)),
        (b"\x1bOB", key(KeyCode::Down, plain)),
        (b"\x1b[1;5C", key(KeyCode::Right, KeyModifiers::CONTROL)),
        (b"\x1b[5~", key(KeyCode::PageUp, plain)),
        (b"\x1b[15~", key(KeyCode::F(5), plain)),
        (b"\x1b[200~two\nlines\x1b[201~", Event::Paste("two\nlines".to_owned())),
        (
            b"\x1b[<0;5;7M",
            Event::Mouse(MouseEvent {
                kind: MouseEventKind::Down(MouseButton::Left),
                column: 4,
                row: 6,
                modifiers: plain,
            }),
        ),
    ];
    for (bytes, wanted) in table {
        let mut reader = Reader::default();
        reader.take(bytes, false);
        assert_eq!(reader.events.pop_front(), Some(wanted), "{:?}", String::from_utf8_lossy(bytes));
        assert!(reader.events.is_empty());
    }
}

#[test]
fn keys_after_what_begins_like_a_string_of_the_terminals_are_keys() {
    for (bytes, wanted) in
        [(b"\x1b]abc".as_slice(), "]abc"), (b"\x1bPabc", "Pabc"), (b"a\x1b]", "a]"), (b"a\x1b]11;x\x07b", "ab")]
    {
        let mut reader = Reader::default();
        reader.take(bytes, false);
        assert_eq!(text(&mut reader), wanted);
    }
}

#[test]
fn what_a_terminal_says_of_itself_is_no_key() {
    for report in ["\x1b[?62;22c", "\x1b[8;40;120t", "\x1b[3;4R", "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"] {
        let mut reader = Reader::default();
        reader.take(report.as_bytes(), false);
        assert_eq!(keys(&mut reader), [], "{report:?}");
    }
}

#[tokio::test]
async fn an_answer_is_waited_for_and_more_than_anybody_asked_for_fills_nothing() {
    let answers = Answers::default();
    assert!(tokio::time::timeout(Duration::from_millis(5), answers.next()).await.is_err());
    for _ in 0..2 * AT_ONCE {
        answers.came();
    }
    answers.next().await;
    assert!(answers.0.came.available_permits() <= AT_ONCE);
}
