//! What is wrong around the program: themes, keymaps, locales and terminals. It says so in a sentence, and goes
//! on with what is built in.

use super::dashboard::{dashboard, rolling};
use crate::{
    journey::stage::Stage,
    support::{
        bytes,
        pty::{Left, Pty, UNSET},
    },
};

fn file(stage: &Stage, name: &str, text: &str) {
    let path = stage.path("config").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// It works: it opens a rollout, says what the keys do, and leaves.
fn works(mut pty: Pty, what: &str) -> Vec<u8> {
    pty.wait_for("pick-assist");
    pty.keys("\r");
    pty.wait_for("timeline");
    pty.keys("?");
    pty.wait_for("keys that work here");
    pty.keys("\x1b");
    pty.until("the help is closed", crate::support::pty::SOON, |pty| !pty.screen().contains("keys that work here"));
    pty.keys("q");
    assert_eq!(pty.ended().0, 0, "{what}");
    assert_eq!(pty.left(), Left::default(), "{what}");
    let bytes = pty.bytes_since(0);
    bytes::check_frames(&bytes, what);
    bytes
}

#[test]
fn a_theme_or_a_keymap_that_is_wrong_is_said_and_the_rest_of_it_holds() {
    let stage = rolling();
    let cases = [
        (
            "an unknown colour",
            "theme = 'mine'\n",
            "themes/mine.toml",
            "[roles]\nfail = { fg = \"rouge\" }\n",
            "'rouge' is no colour",
        ),
        ("a theme that is no TOML", "theme = 'mine'\n", "themes/mine.toml", "[roles\n", "themes/mine.toml:1"),
        ("a theme of bytes", "theme = 'mine'\n", "themes/mine.toml", "\u{0}\u{1b}[2J\u{7}", "mine.toml"),
        ("no such theme", "theme = 'mien'\n", "other", "", "'mien' is no theme"),
        (
            "two meanings of a key",
            "keymap = 'mine'\n",
            "keymaps/mine.toml",
            "[global]\n\"x\" = \"help\"\n\"x x\" = \"quit\"\n",
            "keymaps/mine.toml",
        ),
        (
            "the same key twice",
            "keymap = 'mine'\n",
            "keymaps/mine.toml",
            "[global]\n\"x\" = \"help\"\n\"x\" = \"quit\"\n",
            "keymaps/mine.toml",
        ),
        ("an unknown action", "keymap = 'mine'\n", "keymaps/mine.toml", "[global]\n\"x\" = \"hepl\"\n", "'hepl'"),
        (
            "a danger key at top level",
            "keymap = 'mine'\n",
            "keymaps/mine.toml",
            "[global]\n\"x\" = \"rollback\"\n",
            "keymaps/mine.toml",
        ),
        ("no such keymap", "keymap = 'emaks'\n", "other", "", "'emaks' is no keymap"),
    ];
    for (what, config, name, text, says) in cases {
        file(&stage, "config.toml", config);
        file(&stage, name, text);
        let pty = dashboard(&stage, &[], 200, 30);
        pty.wait_for("pick-assist");
        pty.wait_for(says);
        works(pty, what);
    }
}

#[test]
fn a_locale_that_is_not_utf_8_gets_ascii_and_works() {
    let stage = rolling();
    for locale in [
        [("LC_ALL", "C"), ("LANG", "C.UTF-8")],
        [("LC_ALL", "POSIX"), ("LANG", UNSET)],
        [("LC_ALL", "de_DE.ISO-8859-1"), ("LANG", "de_DE.UTF-8")],
        [("LC_CTYPE", "ja_JP.eucJP"), ("LANG", "en_GB.UTF-8")],
        [("LANG", UNSET), ("LC_ALL", "")],
        [("LANG", "\u{202e}x"), ("LC_ALL", "")],
    ] {
        let what = format!("{locale:?}");
        let bytes = works(dashboard(&stage, &locale, 100, 30), &what);
        let odd: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii()).collect();
        assert_eq!(odd, [0; 0], "{what}");
    }
}

#[test]
fn a_terminal_that_is_old_or_unknown_by_name_works_without_what_it_may_not_know() {
    let stage = rolling();
    for (term, ascii) in
        [("vt100", true), ("linux", true), ("xterm", false), ("screen", false), ("no-such-terminal", false)]
    {
        let bytes = works(dashboard(&stage, &[("TERM", term)], 100, 30).mute(), term);
        assert!(!ascii || bytes.is_ascii(), "{term}");
        // Nothing is asked that this terminal, which answers nothing, would be waited for.
        let text = String::from_utf8(bytes).unwrap();
        for query in ["\x1b[c", "\x1b[6n", "\x1b]11;?", "\x1b[?u", "\x1bP"] {
            assert!(!text.contains(query), "{term}: {query:?}");
        }
        assert!(!text.contains("38;2;") && !text.contains("48;2;"), "{term}: true colour");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_is_given_lines() {
    let stage = Stage::new();
    for term in [UNSET, "", "dumb", "unknown"] {
        let mut pty = dashboard(&stage, &[("TERM", term)], 100, 30);
        pty.wait_for("(TERM): lines are printed, as with --plain");
        pty.wait_for("no rollouts");
        pty.keys("quit\n");
        assert_eq!(pty.ended().0, 0, "{term:?}: {}", pty.screen());
        assert!(!pty.bytes_since(0).contains(&0x1b), "{term:?}: {}", pty.screen());
        assert_eq!(pty.left(), Left::default());
    }
}

#[test]
fn what_a_terminal_answers_unasked_is_no_key() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 100, 30);
    pty.wait_for("pick-assist");
    // Attributes, a place, the keyboard's protocol, focus: late answers to what somebody else asked.
    pty.keys("\x1b[?62;22c\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1b[0n\x1b[24;80R\x1b[?1u\x1b[I\x1b[O");
    pty.quiet(std::time::Duration::from_millis(300));
    works(pty, "late answers");
}
