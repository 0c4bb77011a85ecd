//! The corpus of hostile text, and what holds of every text.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::*;

/// What comes in, and what of it is kept on one line; `?` stands for U+FFFD.
const CORPUS: &[(&str, &str, &str)] = &[
    ("plain", "pick-assist 2.4.1", "pick-assist 2.4.1"),
    ("other scripts", "Käse 東京 Привет नमस्ते ไทย", "Käse 東京 Привет नमस्ते ไทย"),
    ("decomposed", "e\u{301}", "e\u{301}"),
    ("tab", "a\tb", "a b"),
    ("null", "a\0b", "a?b"),
    ("line break", "a\nb", "a?b"),
    ("carriage return overwrites", "safe\rEVIL", "safe?EVIL"),
    ("backspace", "ab\u{8}c", "ab?c"),
    ("bell", "a\u{7}b", "a?b"),
    ("colour", "\u{1b}[31mred\u{1b}[0m", "?[31mred?[0m"),
    ("clear screen", "\u{1b}[2J\u{1b}[H", "?[2J?[H"),
    ("window title", "\u{1b}]0;owned\u{7}", "?]0;owned?"),
    ("clipboard", "\u{1b}]52;c;ZXZpbA==\u{1b}\\", "?]52;c;ZXZpbA==?\\"),
    ("link", "\u{1b}]8;;http://evil\u{1b}\\x\u{1b}]8;;\u{1b}\\", "?]8;;http://evil?\\x?]8;;?\\"),
    ("device control", "\u{1b}P+q544e\u{1b}\\", "?P+q544e?\\"),
    ("query answered into the shell", "\u{1b}[21t", "?[21t"),
    ("C1 introducer", "\u{9b}31m", "?31m"),
    ("C1 string", "\u{9d}0;t\u{9c}", "?0;t?"),
    ("next line", "a\u{85}b", "a?b"),
    ("delete", "a\u{7f}b", "a?b"),
    ("sequence with a hole", "\u{1b}\u{200b}[31m", "??[31m"),
    ("bidi override", "exe\u{202e}txt.", "exe?txt."),
    ("bidi isolate", "\u{2066}a\u{2069}", "?a?"),
    ("bidi marks", "\u{200e}\u{200f}\u{61c}", "???"),
    ("zero width", "ad\u{200b}min", "ad?min"),
    ("joiners", "a\u{200d}b\u{200c}c\u{2060}d", "a?b?c?d"),
    ("byte order mark", "\u{feff}x", "?x"),
    ("soft hyphen", "ad\u{ad}min", "ad?min"),
    ("tags", "x\u{e0041}\u{e0042}\u{e007f}", "x???"),
    ("line separator", "a\u{2028}b\u{2029}c", "a?b?c"),
    ("private use", "\u{e000}\u{f8ff}\u{f0000}\u{10fffd}", "????"),
    ("noncharacters", "\u{fdd0}\u{fffe}\u{10ffff}", "???"),
    ("unassigned", "\u{378}\u{e1000}", "??"),
    ("invisible letters", "\u{3164}\u{115f}\u{1160}\u{ffa0}\u{2800}\u{34f}", "??????"),
    ("interlinear annotation", "\u{fff9}a\u{fffa}b\u{fffb}", "?a?b?"),
    ("emoji with its selector", "\u{26a0}\u{fe0f} hot", "\u{26a0}\u{fe0f} hot"),
    ("selector on a letter", "a\u{fe0f}b\u{fe0e}", "a?b?"),
    ("data hidden in selectors", "x\u{fe00}\u{fe05}\u{e0100}\u{e01ef}", "x????"),
    ("joined emoji", "👩\u{200d}🚀", "👩?🚀"),
    ("decomposed Hangul", "\u{1112}\u{1161}\u{11ab}", "\u{1112}\u{1161}\u{11ab}"),
    ("half a Hangul syllable on no other", "a\u{1161}", "a?"),
    ("letters without a width, of what follows", "x\u{d4e}\u{d4e}k", "x??k"),
    ("a letter without a width at the end", "x\u{113d1}", "x?"),
    ("mark without a base", "\u{301}x", "?x"),
    ("five marks", "o\u{301}\u{302}\u{303}\u{304}\u{305}", "o\u{301}\u{302}\u{303}\u{304}?"),
    (
        "marks past the bound",
        "o\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}p\u{301}",
        "o\u{301}\u{302}\u{303}\u{304}??p\u{301}",
    ),
    ("already replaced", "a\u{fffd}b", "a?b"),
];

#[test]
fn the_corpus_of_hostile_text_comes_out_harmless_and_nothing_is_joined() {
    for (what, text, expected) in CORPUS {
        let expected = expected.replace('?', "\u{fffd}");
        assert_eq!(SafeText::new(text).as_str(), expected, "{what}");
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(serde_json::from_str::<SafeText>(&json).unwrap().as_str(), expected, "{what} in JSON");
        let hostile = expected != *text && *what != "tab";
        assert_eq!(first_hostile(&text.replace('\t', " ")).is_some(), hostile, "{what}");
    }
}

#[test]
fn a_block_keeps_its_lines_and_nothing_else() {
    for (text, expected) in [
        ("one\ntwo\n", "one\ntwo\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("10%\r20%\rdone\n", "10%\u{fffd}20%\u{fffd}done\n"),
        ("\u{1b}[1mFAIL\u{1b}[0m\n\tat x", "\u{fffd}[1mFAIL\u{fffd}[0m\n at x"),
        ("a\n\u{301}b", "a\n\u{fffd}b"),
        ("a\u{2028}b\u{85}c", "a\u{fffd}b\u{fffd}c"),
    ] {
        assert_eq!(SafeBlock::new(text).as_str(), expected, "{text:?}");
    }
}

#[test]
fn a_long_text_ends_in_an_ellipsis_and_one_that_fits_is_whole() {
    let fits = "x".repeat(TEXT_MAX);
    assert_eq!(SafeText::new(&fits).as_str(), fits);
    let cut = SafeText::new(format!("{fits}y"));
    assert_eq!(cut.as_str(), format!("{}…", "x".repeat(TEXT_MAX - 1)));
    // However long it is, only what is kept is looked at.
    assert_eq!(SafeText::new("ß".repeat(10_000_000)).as_str().chars().count(), TEXT_MAX);
}

#[test]
fn of_a_long_output_the_end_is_kept() {
    let output = format!("{}the last line", "noise\n".repeat(100_000));
    let kept = SafeBlock::new(&output);
    assert_eq!(kept.as_str().len(), BLOCK_MAX);
    assert!(output.ends_with(kept.as_str()));
    // Not through the middle of a character, and not between a base and its mark.
    let kept = SafeBlock::new(format!("e\u{301}{}", "é".repeat(BLOCK_MAX)));
    assert_eq!(kept.as_str(), "é".repeat(BLOCK_MAX / 2));
    let kept = SafeBlock::new(format!("{}e\u{301}{}", "x".repeat(100), "y".repeat(BLOCK_MAX - 2)));
    assert_eq!(kept.as_str(), "y".repeat(BLOCK_MAX - 2));
}

/// Texts in which what is hostile comes often.
fn nasty() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        any::<char>(),
        proptest::char::range('\0', '\u{ff}'),
        proptest::char::range('\u{300}', '\u{36f}'),
        proptest::char::range('\u{2000}', '\u{206f}'),
        proptest::char::range('\u{fe00}', '\u{fe0f}'),
        proptest::char::range('\u{e0000}', '\u{e01ff}'),
        proptest::sample::select(vec!['a', '\r', '\n', '\u{26a0}', '1', '\u{fffd}', '\u{1b}']),
    ];
    proptest::collection::vec(c, 0..700).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_hostile_survives(text in nasty()) {
        prop_assert_eq!(first_hostile(SafeText::new(&text).as_str()), None);
        for line in SafeBlock::new(&text).lines() {
            prop_assert_eq!(first_hostile(line), None);
            prop_assert!(!line.chars().any(is_hostile));
        }
    }

    #[test]
    fn what_is_safe_stays_as_it_is(text in nasty()) {
        let line = SafeText::new(&text);
        prop_assert_eq!(&SafeText::new(line.as_str()), &line);
        let block = SafeBlock::new(&text);
        prop_assert_eq!(&SafeBlock::new(block.as_str()), &block);
    }

    #[test]
    fn nothing_is_deleted_and_nothing_exceeds_its_bound(text in nasty()) {
        let chars = text.chars().count();
        prop_assert_eq!(SafeText::new(&text).as_str().chars().count(), chars.min(TEXT_MAX));
        let block = SafeBlock::new(&text);
        prop_assert!(block.as_str().len() <= BLOCK_MAX);
        if 3 * text.len() <= BLOCK_MAX {
            prop_assert_eq!(block.as_str().chars().count(), text.replace("\r\n", "\n").chars().count());
        }
    }
}

#[test]
fn no_character_comes_out_without_a_width() {
    for c in '\0'..=char::MAX {
        let safe = SafeText::new(c.encode_utf8(&mut [0; 4]));
        assert!(safe.as_str().width() > 0, "{c:?} came out as {safe:?}");
        // Nor does it end up on a letter that it is no part of.
        let safe = SafeText::new(format!("x{c}"));
        assert!(safe.as_str().graphemes(true).all(|of| of.width() > 0), "after an x {c:?} came out as {safe:?}");
    }
}
