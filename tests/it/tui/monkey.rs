//! A monkey at the keyboard: keys as a terminal sends them, through the real keymap, thousands at a time.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use rolldeck::{
    domain::{Reason, Role},
    tui::{
        app::dialog::Focus,
        capability::{Depth, Glyphs},
        keymap::{Keymap, Press, Resolver},
        message::{Answer, Command, Input, Message},
    },
};

use super::{
    consent,
    desk::{Desk, options, unreachable},
    emulator::{frame, theme},
    flags,
    fleet::{breach, nine, preview, sites, trail, windows},
};

#[derive(Debug, Clone)]
enum Step {
    Key(KeyCode, KeyModifiers),
    Type(String),
    Paste(String),
    Wait(u64),
    Answer(u8),
    Resize(u16, u16),
}

fn key() -> impl Strategy<Value = (KeyCode, KeyModifiers)> {
    let code = prop_oneof![
        8 => (b' '..=b'~').prop_map(|byte| KeyCode::Char(char::from(byte))),
        4 => prop_oneof![
            Just(KeyCode::Enter),
            Just(KeyCode::Tab),
            Just(KeyCode::BackTab),
            Just(KeyCode::Esc),
            Just(KeyCode::Backspace),
            Just(KeyCode::Delete),
        ],
        3 => prop_oneof![
            Just(KeyCode::Up),
            Just(KeyCode::Down),
            Just(KeyCode::Left),
            Just(KeyCode::Right),
            Just(KeyCode::Home),
            Just(KeyCode::End),
            Just(KeyCode::PageUp),
            Just(KeyCode::PageDown),
        ],
        1 => (1_u8..13).prop_map(KeyCode::F),
        1 => any::<char>().prop_map(KeyCode::Char),
        1 => prop_oneof![Just(KeyCode::Null), Just(KeyCode::Insert), Just(KeyCode::CapsLock), Just(KeyCode::Menu)],
    ];
    let modifiers = prop_oneof![
        10 => Just(KeyModifiers::NONE),
        2 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::SHIFT),
        1 => Just(KeyModifiers::ALT),
        1 => (0_u8..64).prop_map(KeyModifiers::from_bits_truncate),
    ];
    (code, modifiers)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => key().prop_map(|(code, modifiers)| Step::Key(code, modifiers)),
        // What leads somewhere: a menu and its letters, a reason, the way to the button.
        6 => prop_oneof![Just("a"), Just("p"), Just("b"), Just("m"), Just("canary looks wrong"), Just("\t\t"), Just("\t\r"), Just(":pause ber/planner\r"), Just("6axx"), Just("9ay"), Just("A")]
            .prop_map(|text| Step::Type(text.to_owned())),
        1 => "\\PC{0,30}[\r\n]?".prop_map(Step::Paste),
        6 => (0_u64..900).prop_map(Step::Wait),
        6 => (0_u8..9).prop_map(Step::Answer),
        1 => (1_u16..160, 1_u16..60).prop_map(|(width, height)| Step::Resize(width, height)),
    ]
}

struct Monkey {
    desk: Desk,
    resolver: Resolver,
    acts: usize,
    /// Those of them that the server offers by itself to whoever looks.
    offered: usize,
}

impl Monkey {
    fn new(protected: bool, read_only: bool, role: Role) -> Self {
        let mut desk = Desk::with(&options(protected, read_only), role, true, nine(), (100, 30));
        desk.answer(Answer::Windows(Ok(windows())));
        desk.answer(Answer::Overrides(Ok(consent::overrides())));
        desk.answer(Answer::Approvals(Ok(consent::approvals())));
        Self { desk, resolver: Keymap::load(None, None).0.resolver(), acts: 0, offered: 0 }
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        let contexts = self.desk.app.contexts();
        let message = match self.resolver.press(&contexts, KeyEvent::new(code, modifiers), self.desk.elapsed) {
            Press::Intent(intent) => Message::Input(Input::Intent(intent)),
            Press::Edit(request) => Message::Input(Input::Edit(request)),
            Press::Unbound => Message::Input(Input::Unbound),
            Press::Pending => Message::Sequence(self.resolver.sequence(&contexts).map(Box::new)),
            Press::Cancelled => Message::Sequence(None),
        };
        self.sent(|desk| {
            desk.send(message);
        });
    }

    /// Does something, and fails when something was sent that nobody committed.
    fn sent(&mut self, what: impl FnOnce(&mut Desk)) {
        self.desk.taken();
        let before = self.desk.app.dialog().cloned();
        what(&mut self.desk);
        for command in self.desk.acts() {
            self.acts += 1;
            self.offered +=
                usize::from(matches!(command, Command::DecideApproval { .. } | Command::ChangeOverride { .. }));
            let dialog = before.as_ref().expect("something was sent without a dialog");
            assert_eq!(dialog.focus, Focus::Commit, "something was sent from {:?}: {command:?}", dialog.focus);
            assert!(dialog.painted.is_some(), "something was sent from a dialog that nobody saw");
            let reason = match command {
                Command::Act { request, .. } => &request.reason,
                Command::AddWindow { request, .. } => &request.reason,
                Command::LiftWindow { request, .. } | Command::KillFlag { request, .. } => &request.reason,
                Command::PutFlag { request, .. } => &request.reason,
                Command::AddOverride { request, .. } => &request.reason,
                Command::ChangeOverride { request, .. } | Command::DecideApproval { request, .. } => &request.reason,
                other => panic!("{other:?}"),
            };
            assert!(Reason::new(reason).is_ok(), "{reason:?} is no reason");
        }
    }

    fn answer(&mut self, kind: u8) {
        let previewed = self.desk.app.dialog().map(|dialog| dialog.key.clone());
        let flag = flags::asked(&self.desk);
        let audit = self.desk.commands.iter().rev().find_map(|command| match command {
            Command::Audit(query) => Some(query.clone()),
            _ => None,
        });
        self.sent(|desk| {
            match (kind, previewed, flag, audit) {
                (0 | 1, Some(key), ..) => desk.answer(Answer::Previewed(key, Ok(preview(&breach())))),
                (2, Some(key), ..) => desk.answer(Answer::Acted(key, Err(unreachable()))),
                (3, Some(key), ..) => desk.answer(Answer::Acted(key, Ok(preview(&breach())))),
                (4, _, Some(key), _) => desk.answer(Answer::FlagPreviewed(key, Ok(flags::intended("fast-path")))),
                (5, _, _, Some(query)) => desk.answer(Answer::Audit(query, Ok(trail()))),
                (6, ..) => desk.answer(Answer::View(Err(unreachable()))),
                (7, ..) => desk.answer(Answer::Sites(Ok(sites()))).answer(Answer::Flags(Ok(flags::page()))),
                _ => desk.all(nine()),
            };
        });
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Key(code, modifiers) => self.key(code, modifiers),
            Step::Type(text) => {
                for c in text.chars() {
                    // As fast as fingers are, and not faster: what is typed ahead of the screen does not count.
                    self.sent(|desk| {
                        desk.paint().wait(180);
                    });
                    let code = match c {
                        '\t' => KeyCode::Tab,
                        '\r' => KeyCode::Enter,
                        c => KeyCode::Char(c),
                    };
                    self.key(code, KeyModifiers::NONE);
                }
            }
            Step::Paste(text) => self.sent(|desk| {
                desk.paste(&text);
                assert!(desk.acts().is_empty(), "a paste sent something");
            }),
            Step::Wait(millis) => self.sent(|desk| {
                desk.paint().wait(millis);
            }),
            Step::Answer(kind) => self.answer(kind),
            Step::Resize(width, height) => self.sent(|desk| {
                desk.size = (width, height);
                desk.send(Message::Resized { width, height });
            }),
        }
    }

    /// Never blank: the first row says where one is, or how much room is missing.
    fn look(&self) {
        let row = self.desk.row(0);
        let words = [
            "ROLLOUT",
            "SITE",
            "AUDIT",
            "WINDOWS",
            "FLAGS",
            "OVERRIDES",
            "APPROVALS",
            "CONTEXTS",
            "RECOVER",
            "rolldeck",
        ];
        let (width, height) = self.desk.size;
        // A terminal of a few columns has no room for a word.
        let begins = words.iter().any(|word| {
            row.trim_start().starts_with(&word[..word.len().min(usize::from(width).saturating_sub(1)).min(5)])
        });
        assert!(begins && !row.trim().is_empty(), "{width}x{height}: {row:?}\n{}", self.desk.screen());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_typed_nothing_is_sent_without_a_committed_dialog_and_no_screen_is_blank(
        protected in any::<bool>(),
        role in prop_oneof![Just(Role::Viewer), Just(Role::Operator), Just(Role::Commander)],
        steps in prop::collection::vec(step(), 20..160),
    ) {
        let mut monkey = Monkey::new(protected, false, role);
        for step in steps {
            monkey.step(step);
            monkey.look();
        }
        prop_assert!(monkey.acts == monkey.offered || role != Role::Viewer, "a viewer changed something");
        frame(&monkey.desk, &theme(Depth::Ansi16, Glyphs::Unicode)).check("the last screen");
    }

    #[test]
    fn where_nothing_may_be_changed_nothing_is_whatever_is_typed(steps in prop::collection::vec(step(), 20..160)) {
        let mut monkey = Monkey::new(false, true, Role::Commander);
        for step in steps {
            monkey.step(step);
        }
        prop_assert_eq!(monkey.acts, 0);
    }
}

#[test]
fn a_monkey_that_knows_the_way_does_change_something() {
    // Otherwise the monkeys above would prove nothing.
    let mut monkey = Monkey::new(false, false, Role::Commander);
    monkey.desk.send(Message::Input(Input::Intent(rolldeck::tui::intent::Intent::ActionMenu)));
    monkey.step(Step::Wait(400));
    monkey.key(KeyCode::Char('p'), KeyModifiers::NONE);
    monkey.step(Step::Wait(400));
    monkey.step(Step::Answer(0));
    monkey.step(Step::Type("canary looks wrong".to_owned()));
    for _ in 0..6 {
        if monkey.desk.app.dialog().is_some_and(|dialog| dialog.focus == Focus::Commit) {
            break;
        }
        monkey.step(Step::Wait(400));
        monkey.key(KeyCode::Tab, KeyModifiers::NONE);
    }
    monkey.step(Step::Wait(400));
    monkey.key(KeyCode::Enter, KeyModifiers::NONE);
    monkey.desk.elapsed += Duration::from_millis(1);
    assert_eq!(monkey.acts, 1, "{}", monkey.desk.screen());
}
