use crossterm::event::{KeyCode, KeyEventKind, KeyEventState, KeyModifiers};
use tui_input::InputRequest;

use super::{ContextName as C, *};
use crate::domain::action::ACTIONS;

fn default() -> Keymap {
    Keymap::load(None, None).0
}

fn own(text: &str) -> (Keymap, Vec<String>) {
    let mut findings = Vec::new();
    let map = Keymap::build("mine", Some(("keymaps/mine.toml", text)), &mut findings);
    (map, findings.iter().map(ToString::to_string).collect())
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent { code, modifiers, kind: KeyEventKind::Press, state: KeyEventState::NONE }
}

fn char(c: char) -> KeyEvent {
    key(KeyCode::Char(c), if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE })
}

fn ctrl(c: char) -> KeyEvent {
    key(KeyCode::Char(c), KeyModifiers::CONTROL)
}

fn plain(code: KeyCode) -> KeyEvent {
    key(code, KeyModifiers::NONE)
}

const LIST: &[C] = &[C::List, C::Global];
const AT: Duration = Duration::from_secs(1);

#[test]
fn the_shipped_maps_are_read_whole_and_break_no_rule() {
    for (name, text) in BUILT_IN {
        let (map, findings) = Keymap::load(Some(name), None);
        assert_eq!(findings, [], "{name}");
        assert_eq!(map.check(), [], "{name}");
        let read = file::read(&Source { name, text }, false, &mut Vec::new());
        assert!(!read.entries.is_empty());
    }
}

#[test]
fn every_action_of_the_table_is_in_the_menu_under_its_letter() {
    for (name, _) in BUILT_IN {
        let map = Keymap::load(Some(name), None).0;
        for spec in ACTIONS {
            let mut resolver = map.resolver();
            let Press::Intent(intent) = resolver.press(&[C::Menu], char(spec.letter), AT) else {
                panic!("{name}: nothing on {}", spec.letter);
            };
            assert_eq!(intent.id(), spec.verb.replace('_', "-"), "{name}");
        }
    }
}

#[test]
fn no_single_key_press_at_the_top_level_begins_a_change() {
    let map = default();
    for context in C::ALL.into_iter().filter(|context| context.is_top_level()) {
        for (keys, intent) in map.bindings(context) {
            assert!(!["pause", "resume", "promote", "rollback", "retry"].contains(&intent.id()), "{keys}");
        }
    }
}

#[test]
fn every_intent_can_be_reached_by_some_key() {
    let maps = ["default", "vim", "emacs"].map(|name| Keymap::load(Some(name), None).0);
    let [default, ..] = &maps;
    for intent in Intent::ALL {
        // What only fingers that know vim ask for is for them.
        let vims = ["screen-", "row-to-"].iter().any(|begins| intent.id().starts_with(begins));
        assert!(vims || default.keys_for(*intent, &C::ALL).is_some(), "{} has no key", intent.id());
        assert!(maps.iter().any(|map| map.keys_for(*intent, &C::ALL).is_some()), "{} has no key", intent.id());
    }
}

#[test]
fn the_inner_context_answers_first_and_the_outer_ones_after_it() {
    let mut resolver = default().resolver();
    assert_eq!(resolver.press(&[C::Detail, C::Global], char(']'), AT), Press::Intent(Intent::NextStage));
    assert_eq!(resolver.press(LIST, char(']'), AT), Press::Intent(Intent::ViewForward));
    assert_eq!(resolver.press(LIST, char('V'), AT), Press::Unbound);
    assert_eq!(resolver.press(LIST, char('j'), AT), Press::Intent(Intent::Down));
    assert_eq!(resolver.press(&[C::Menu], char('q'), AT), Press::Intent(Intent::Back));
    assert_eq!(resolver.press(LIST, char('q'), AT), Press::Intent(Intent::Quit));
    assert_eq!(resolver.press(&[C::Menu], ctrl('l'), AT), Press::Intent(Intent::Redraw), "always is asked last");
}

#[test]
fn a_key_turns_the_charts_in_a_rollout_and_nowhere_else_and_vim_keeps_its_marks() {
    let detail = [C::Detail, C::Global];
    let mut resolver = default().resolver();
    assert_eq!(resolver.press(&detail, char('m'), AT), Press::Intent(Intent::ChartMode));
    assert_eq!(resolver.press(LIST, char('m'), AT), Press::Unbound);
    assert_eq!(resolver.press(&[C::Menu], char('m'), AT), Press::Intent(Intent::Promote), "in the menu it is a verb");
    let mut vim = Keymap::load(Some("vim"), None).0.resolver();
    assert_eq!(vim.press(&detail, char('m'), AT), Press::Unbound);
    assert_eq!(vim.press(&detail, char('g'), AT), Press::Pending);
    assert_eq!(vim.press(&detail, char('m'), AT), Press::Intent(Intent::ChartMode));
    assert_eq!(vim.press(&detail, char('g'), AT), Press::Pending);
    assert_eq!(vim.press(&detail, char('g'), AT), Press::Intent(Intent::Top), "the outer sequence still works");
}

#[test]
fn a_sequence_waits_for_its_next_key_and_not_for_ever() {
    let mut resolver = default().resolver();
    assert_eq!(resolver.press(LIST, char('g'), AT), Press::Pending);
    assert_eq!(resolver.pending().as_deref(), Some("g"));
    assert_eq!(resolver.press(LIST, char('g'), AT + Duration::from_millis(900)), Press::Intent(Intent::Top));
    assert_eq!(resolver.pending(), None);
    assert_eq!(resolver.press(LIST, char('g'), AT), Press::Pending);
    assert_eq!(resolver.press(LIST, char('g'), AT + Duration::from_secs(2)), Press::Pending, "begun anew");
    assert_eq!(resolver.press(LIST, char('j'), AT + Duration::from_secs(2)), Press::Intent(Intent::Down));
    assert_eq!(resolver.pending(), None);
}

#[test]
fn ctrl_c_leaves_only_when_it_is_pressed_twice_even_in_a_text_field() {
    for contexts in [LIST, &[C::Dialog], &[C::Text, C::Dialog], &[C::Menu]] {
        let mut resolver = default().resolver();
        assert_eq!(resolver.press(contexts, ctrl('c'), AT), Press::Pending, "{contexts:?}");
        assert_eq!(resolver.press(contexts, ctrl('c'), AT), Press::Intent(Intent::QuitNow), "{contexts:?}");
    }
}

#[test]
fn in_a_text_field_letters_are_typed_and_only_a_few_keys_are_not() {
    let text = [C::Text, C::Dialog, C::Global];
    let mut resolver = default().resolver();
    for c in ['a', 'q', ' ', 'G', '?', ':', 'é', '日'] {
        assert_eq!(resolver.press(&text, char(c), AT), Press::Edit(InputRequest::InsertChar(c)));
    }
    for (event, press) in [
        (plain(KeyCode::Enter), Press::Intent(Intent::Open)),
        (plain(KeyCode::Esc), Press::Intent(Intent::Back)),
        (plain(KeyCode::Tab), Press::Intent(Intent::NextPane)),
        (key(KeyCode::BackTab, KeyModifiers::SHIFT), Press::Intent(Intent::PreviousPane)),
        (plain(KeyCode::Up), Press::Intent(Intent::HistoryOlder)),
        (plain(KeyCode::Backspace), Press::Edit(InputRequest::DeletePrevChar)),
        (ctrl('h'), Press::Edit(InputRequest::DeletePrevChar)),
        (ctrl('w'), Press::Edit(InputRequest::DeletePrevWord)),
        (ctrl('k'), Press::Edit(InputRequest::DeleteTillEnd)),
        (plain(KeyCode::Home), Press::Edit(InputRequest::GoToStart)),
        (plain(KeyCode::End), Press::Edit(InputRequest::GoToEnd)),
        (plain(KeyCode::Left), Press::Edit(InputRequest::GoToPrevChar)),
        (key(KeyCode::Char('b'), KeyModifiers::ALT), Press::Edit(InputRequest::GoToPrevWord)),
        (key(KeyCode::Char('x'), KeyModifiers::CONTROL | KeyModifiers::ALT), Press::Unbound),
        (char('\u{202e}'), Press::Unbound),
    ] {
        let only_text = [C::Text, C::Dialog];
        assert_eq!(default().resolver().press(&only_text, event, AT), press, "{event:?}");
    }
}

#[test]
fn what_edits_the_line_is_not_taken_by_what_lies_behind_it() {
    let text = [C::Text, C::Dialog];
    assert_eq!(default().resolver().press(&text, ctrl('u'), AT), Press::Edit(InputRequest::DeleteFromStart));
    assert_eq!(default().resolver().press(&text, plain(KeyCode::Left), AT), Press::Edit(InputRequest::GoToPrevChar));
}

#[test]
fn an_alt_esc_and_a_backspace_by_another_name_mean_what_was_pressed() {
    let mut resolver = default().resolver();
    assert_eq!(resolver.press(LIST, key(KeyCode::Esc, KeyModifiers::ALT), AT), Press::Intent(Intent::Back));
    assert_eq!(resolver.press(LIST, ctrl('h'), AT), Press::Intent(Intent::Back));
}

#[test]
fn hints_show_keys_as_people_write_them_and_a_persons_own_key_first() {
    let (map, findings) = own("[global]\n\"Ctrl+g\" = \"back\"\n");
    assert_eq!(findings, [""; 0]);
    assert_eq!(map.keys_for(Intent::Back, LIST).as_deref(), Some("^g"));
    assert_eq!(map.keys_for(Intent::HalfPageUp, LIST).as_deref(), Some("^u"));
    assert_eq!(map.keys_for(Intent::PageDown, LIST).as_deref(), Some("pgdn"));
    assert_eq!(map.keys_for(Intent::PreviousPane, LIST).as_deref(), Some("shift-tab"));
    assert_eq!(map.keys_for(Intent::Top, LIST).as_deref(), Some("g g"));
    assert_eq!(map.keys_for(Intent::Help, LIST).as_deref(), Some("?"));
    assert_eq!(map.keys_for(Intent::VerifyAudit, LIST), None);
}

#[test]
fn a_key_can_be_moved_and_unbound() {
    let (map, findings) = own("extends = \"vim\"\n[global]\n\"R\" = false\n\"^r\" = { do = \"refresh\" }\n");
    assert_eq!(findings, [""; 0]);
    let mut resolver = map.resolver();
    assert_eq!(resolver.press(LIST, char('R'), AT), Press::Unbound);
    assert_eq!(resolver.press(LIST, ctrl('r'), AT), Press::Intent(Intent::Refresh));
    assert_eq!(resolver.press(LIST, char('Z'), AT), Press::Pending);
    assert_eq!(resolver.press(LIST, char('Z'), AT), Press::Intent(Intent::Quit));
}

#[test]
fn each_mistake_is_named_by_line_and_key_and_costs_only_that_key() {
    let table = [
        ("[global]\n\"F9\" = \"refesh\"\n", ":2: global.\"F9\": 'refesh' is no intent, 'refresh' is near"),
        ("[globl]\n", ":1: globl: 'globl' is no context, 'global' is near"),
        ("[global]\n\"Crtl+g\" = \"back\"\n", ":2: global.\"Crtl+g\": "),
        ("[global]\n\"F9\" = 3\n", ":2: global.\"F9\": expected the name of an intent"),
        ("[global]\n\"Ctrl+s\" = \"sort\"\n", ":2: global.\"Ctrl+s\": Ctrl+s stops and starts"),
        ("[global]\n\"Ctrl+a\" = \"sort\"\n", ":2: global.\"Ctrl+a\": Ctrl+a is the prefix of screen or tmux"),
        ("[global]\n\"Ctrl+j\" = \"down\"\n", ":2: global.\"Ctrl+j\": Ctrl+j is the same byte"),
        ("[global]\n\"F12\" = \"sort\"\n", ":2: global.\"F12\": F12 belongs to the window"),
        ("[global]\n\"Esc x\" = \"sort\"\n", ":2: global.\"Esc x\": Esc may not be part of a sequence"),
        ("[global]\n\"g\" = \"top\"\n", ":2: global.\"g\": it begins g g (top) of [global]"),
        ("[list]\n\"g\" = \"top\"\n", ":2: list.\"g\": it begins g g (top) of [global]"),
        ("[global]\n\"q q\" = \"quit\"\n", ":2: global.\"q q\": it begins with q (quit) of [global]"),
        ("[list]\n\"Ctrl+l\" = \"right\"\n", ":2: list.\"Ctrl+l\": it hides Ctrl+l (redraw) of [always]"),
        ("[list]\n\"p\" = \"pause\"\n", ":2: list.\"p\": 'pause' may not be on one bare key"),
        ("[detail]\n\"P\" = \"promote\"\n", ":2: detail.\"P\": 'promote' may not be on one bare key"),
        ("[list]\n\"b b\" = \"rollback\"\n", ":2: list.\"b b\": 'rollback' may not be on a doubled key"),
        ("[list]\n\"Ctrl+d\" = \"rollback\"\n", ":2: list.\"Ctrl+d\": 'rollback' may not be on a key that moves"),
        ("[menu]\n\"Enter\" = \"pause\"\n", ":2: menu.\"Enter\": 'pause' may not be on Enter"),
        ("[menu]\n\"j\" = \"rollback\"\n", ""),
        ("[dialog]\n\"y\" = \"rollback\"\n", ":2: dialog.\"y\": 'rollback' may not be bound in a choice, a dialog"),
        ("[text]\n\"x\" = \"back\"\n", ":2: text.\"x\": x could no longer be typed"),
        (
            "[global]\n\"z\" = false\n\"Alt+z\" = \"hold-display\"\n",
            ":3: global.\"Alt+z\": 'hold-display' needs a key without Alt",
        ),
        ("[text]\n\"Esc\" = false\n", ":2: text.\"Esc\": leaves no key for 'back' in [text]"),
        ("chord_timeout_ms = 5\n", ":1: chord_timeout_ms: expected a number from 100 to 10000"),
        ("extends = \"nano\"\n", ":1: extends: expected \"default\" or \"vim\" or \"emacs\""),
    ];
    for (text, expected) in table {
        let (map, findings) = own(text);
        if expected.is_empty() {
            assert_eq!(findings, [""; 0], "{text}");
            continue;
        }
        assert_eq!(findings.len(), 1, "{text}\n{findings:#?}");
        assert!(findings[0].starts_with(&format!("keymaps/mine.toml{expected}")), "{text}\n{}", findings[0]);
        assert_eq!(map.check(), [], "{text}");
    }
}

#[test]
fn what_a_persons_file_takes_away_everywhere_or_in_one_view_comes_back() {
    let table: &[(&str, &[&str])] = &[
        // Of two keys one may go.
        ("[global]\n\"?\" = false\n", &[]),
        (
            "[global]\n\"?\" = false\n\"F1\" = \"sort\"\n\"F9\" = \"refresh\"\n",
            &[":2: global.\"?\": leaves no key for 'help' in [global]", ":3: global.\"F1\": leaves no key for 'help'"],
        ),
        ("[list]\n\"a\" = \"sort\"\n", &[":2: list.\"a\": leaves no key for 'action-menu' in [list]"]),
        ("[list]\n\"a\" = \"sort\"\n\"F9\" = \"action-menu\"\n", &[]),
        (
            "[dialog]\n\"Esc\" = \"left\"\n\"F9\" = \"up\"\n",
            &[":2: dialog.\"Esc\": leaves no key for 'back' in [dialog]"],
        ),
    ];
    for (text, expected) in table {
        let (map, findings) = own(text);
        assert_eq!(findings.len(), expected.len(), "{text}\n{findings:#?}");
        for (finding, expected) in findings.iter().zip(*expected) {
            assert!(finding.contains(expected), "{text}\n{finding}");
        }
        for (context, intent) in [(C::List, Intent::ActionMenu), (C::Global, Intent::Help), (C::Dialog, Intent::Back)] {
            assert!(map.reaches(context, intent), "{text}");
        }
        if text.contains("F9") {
            assert!(
                map.all().iter().any(|key| key.keys == "F9" && key.own),
                "a key that took nothing away went too: {text}"
            );
        }
    }
}

#[test]
fn a_key_that_means_something_else_in_one_view_is_remarked_and_no_mistake() {
    let (map, findings) = own("[audit]\n\"R\" = \"verify-audit\"\n\"z\" = \"verify-audit\"\n\"F9\" = \"raw\"\n");
    assert_eq!(findings, [""; 0]);
    let remarks: Vec<String> = map.remarks().iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "keymaps/mine.toml:2: audit.\"R\": hides 'refresh' of [global] in [audit], which is on F5 there",
            "keymaps/mine.toml:3: audit.\"z\": hides 'hold-display' of [global] in [audit], which has no key there",
        ]
    );
    assert_eq!(default().remarks(), [], "the shipped maps are not a person's");
}

#[test]
fn no_file_of_a_persons_own_makes_a_map_that_breaks_a_rule_whatever_it_extends() {
    let files = [
        "",
        "[global]\n\"Ctrl+g\" = \"back\"\n\"g g\" = false\n\"g\" = \"top\"\n",
        "[global]\n\"Ctrl+x\" = \"raw\"\n\"Space\" = \"open\"\n",
        "[detail]\n\"m\" = \"promote\"\n\"z\" = \"zoom\"\n",
        "[menu]\n\"q\" = false\n\"Esc\" = false\n\"Backspace\" = false\n\"Ctrl+g\" = false\n",
        "[text]\n\"Ctrl+g\" = \"open\"\n\"Esc\" = \"open\"\n",
        "[always]\n\"Ctrl+c Ctrl+c\" = false\n\"Ctrl+c\" = \"quit-now\"\n",
        "[global]\n\"Alt+p\" = \"pause\"\n\"P\" = \"pause\"\n\"p p\" = \"pause\"\n\"Ctrl+d\" = \"rollback\"\n",
    ];
    for (base, _) in BUILT_IN {
        for file in files {
            let text = format!("extends = \"{base}\"\n{file}");
            let (map, _) = own(&text);
            assert_eq!(map.check(), [], "{text}");
            assert!(map.reaches(C::Menu, Intent::Back) && map.reaches(C::Text, Intent::Back), "{text}");
            assert!(map.reaches(C::List, Intent::QuitNow) && map.reaches(C::Detail, Intent::ActionMenu), "{text}");
        }
    }
}

#[test]
fn whatever_says_that_it_opens_a_dialog_is_kept_off_careless_keys() {
    for intent in Intent::ALL.iter().filter(|intent| intent.help().ends_with("(opens the dialog)")) {
        let (_, findings) = own(&format!("[list]\n\"P\" = \"{}\"\n", intent.id()));
        assert_eq!(findings.len(), 1, "{} on a bare key", intent.id());
    }
}

#[test]
fn vim_has_its_leader_its_views_and_its_windows_and_no_prefix_of_tmux() {
    let mut vim = Keymap::load(Some("vim"), None).0.resolver();
    for (keys, intent) in [
        ("gt", Intent::NextView),
        ("gT", Intent::PreviousView),
        (" a", Intent::ActionMenu),
        (" f", Intent::Filter),
        ("zh", Intent::HoldDisplay),
        ("zt", Intent::RowToTop),
        ("zz", Intent::RowToMiddle),
        ("zb", Intent::RowToBottom),
        ("ZZ", Intent::Quit),
        ("gg", Intent::Top),
        ("yy", Intent::Copy),
    ] {
        let [first, second] = keys.chars().collect::<Vec<_>>()[..] else { panic!("{keys}") };
        assert_eq!(vim.press(LIST, char(first), AT), Press::Pending, "{keys}");
        assert_eq!(vim.press(LIST, char(second), AT), Press::Intent(intent), "{keys}");
    }
    assert_eq!(vim.press(LIST, ctrl('f'), AT), Press::Intent(Intent::PageDown));
    for (key, intent) in [('H', Intent::ScreenTop), ('M', Intent::ScreenMiddle), ('L', Intent::ScreenBottom)] {
        assert_eq!(vim.press(LIST, char(key), AT), Press::Intent(intent), "{key}");
    }
    assert_eq!(vim.press(LIST, ctrl('w'), AT), Press::Pending);
    assert_eq!(vim.press(LIST, char('j'), AT), Press::Intent(Intent::NextPane));
    assert_eq!(vim.press(LIST, ctrl('b'), AT), Press::Unbound);
}

#[test]
fn emacs_moves_cancels_and_leaves_as_emacs_does_in_lists_menus_dialogs_and_fields() {
    let mut emacs = Keymap::load(Some("emacs"), None).0.resolver();
    let alt = |c| key(KeyCode::Char(c), KeyModifiers::ALT);
    for (event, intent) in [
        (ctrl('n'), Intent::Down),
        (ctrl('p'), Intent::Up),
        (ctrl('v'), Intent::PageDown),
        (alt('v'), Intent::PageUp),
        (alt('<'), Intent::Top),
        (alt('>'), Intent::Bottom),
        (alt('x'), Intent::CommandLine),
        (alt('w'), Intent::Copy),
        (ctrl('w'), Intent::Copy),
        (ctrl('g'), Intent::Back),
        (char('/'), Intent::Filter),
    ] {
        assert_eq!(emacs.press(LIST, event, AT), Press::Intent(intent), "{event:?}");
    }
    for contexts in [&[C::Menu][..], &[C::Dialog], &[C::Text, C::Dialog]] {
        assert_eq!(emacs.press(contexts, ctrl('g'), AT), Press::Intent(Intent::Back), "{contexts:?}");
    }
    for (second, intent) in [(ctrl('c'), Intent::Quit), (char('o'), Intent::NextPane), (char('1'), Intent::Zoom)] {
        assert_eq!(emacs.press(LIST, ctrl('x'), AT), Press::Pending);
        assert_eq!(emacs.press(LIST, second, AT), Press::Intent(intent), "{second:?}");
    }
    for (second, intent) in [(char('a'), Intent::ActionMenu), (char('?'), Intent::Help), (ctrl('c'), Intent::QuitNow)] {
        assert_eq!(emacs.press(LIST, ctrl('c'), AT), Press::Pending);
        assert_eq!(emacs.press(LIST, second, AT), Press::Intent(intent), "{second:?}");
    }
    let text = [C::Text, C::Dialog];
    assert_eq!(emacs.press(&text, ctrl('a'), AT), Press::Edit(InputRequest::GoToStart), "in a field it moves");
    assert_eq!(emacs.press(&text, ctrl('b'), AT), Press::Edit(InputRequest::GoToPrevChar));
    assert_eq!(emacs.press(&text, ctrl('e'), AT), Press::Edit(InputRequest::GoToEnd), "and is no editor");
    assert_eq!(emacs.press(&text, ctrl('x'), AT), Press::Pending);
    assert_eq!(emacs.press(&text, ctrl('e'), AT), Press::Intent(Intent::Editor));
}

#[test]
fn a_key_bound_twice_names_both_lines_and_keeps_its_built_in_meaning() {
    let (map, findings) = own("[global]\n\"Ctrl+u\" = \"back\"\n\"^u\" = \"help\"\n\"F9\" = \"sort\"\n");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains(":3: global.\"Ctrl+u\": is bound on line 2 already"), "{findings:?}");
    assert_eq!(map.resolver().press(LIST, ctrl('u'), AT), Press::Intent(Intent::HalfPageUp));
    assert_eq!(map.resolver().press(LIST, plain(KeyCode::F(9)), AT), Press::Intent(Intent::Sort));
}

#[test]
fn a_keymap_that_is_nowhere_is_named_and_the_default_is_used() {
    let (map, findings) = Keymap::load(Some("vi"), None);
    assert_eq!(findings[0].to_string(), "vi: 'vi' is no keymap, 'vim' is near; default is used");
    assert_eq!(map.binds, default().binds);
}

#[test]
fn no_file_of_any_content_breaks_the_map() {
    use proptest::prelude::*;
    proptest!(|(text in "(\\[(global|menu|text|always)\\]\n)?(\"[a-zA-Z+^ ]{0,8}\" = (\"[a-z-]{0,10}\"|false|3)\n){0,4}")| {
        let (map, _) = own(&text);
        prop_assert_eq!(map.check(), []);
        prop_assert!(map.keys_for(Intent::QuitNow, &[C::Always]).is_some());
    });
}

#[test]
fn the_schema_names_every_context_and_intent() {
    let schema = schema();
    for context in C::ALL {
        let pointer = format!("/properties/{}/additionalProperties/anyOf/0/enum", context.id());
        assert_eq!(schema.pointer(&pointer).unwrap().as_array().unwrap().len(), Intent::ALL.len());
    }
}
