//! Whatever is pressed, typed or pasted: nothing is sent but from a dialog with a reason, on its button.

use proptest::prelude::*;
use rolldeck::{
    backend::ApprovalChange,
    domain::{Phase, Reason, Role},
    tui::{
        app::dialog::Subject,
        intent::Intent,
        message::{Answer, Command, Input, Message, Pointer, PointerKind},
    },
};
use tui_input::InputRequest;

use super::{
    consent,
    desk::{Desk, options, unreachable},
    flags,
    fleet::{freeze, nine, preview, rollout, sites, windows},
};

#[derive(Debug, Clone)]
enum Step {
    Press(usize),
    Type(String),
    Paste(String),
    Paint,
    Wait(u64),
    Preview(bool),
    Answer(bool),
    Lost,
    Back,
    Resize(u16, u16),
    Mouse(usize, u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..Intent::ALL.len()).prop_map(Step::Press),
        3 => "[ -~]{0,14}".prop_map(Step::Type),
        1 => "\\PC{0,20}[\r\n]?".prop_map(Step::Paste),
        3 => Just(Step::Paint),
        3 => (0_u64..5000).prop_map(Step::Wait),
        2 => any::<bool>().prop_map(Step::Preview),
        1 => any::<bool>().prop_map(Step::Answer),
        1 => Just(Step::Lost),
        1 => Just(Step::Back),
        1 => (1_u16..220, 1_u16..70).prop_map(|(w, h)| Step::Resize(w, h)),
        3 => (0_usize..4, 0_u16..110, 0_u16..32).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
    ]
}

fn key(commands: &[Command]) -> Option<String> {
    commands.iter().rev().find_map(|c| match c {
        Command::Preview { key, .. } | Command::PreviewFlag { key, .. } => Some(key.clone()),
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_sent_but_from_a_committed_dialog_and_no_screen_panics(
        protected in any::<bool>(),
        role in prop_oneof![Just(Role::Viewer), Just(Role::Operator), Just(Role::Commander)],
        view in 0..6_usize,
        mouse in any::<bool>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut desk = Desk::with(&options(protected, false), role, true, nine(), (100, 30));
        desk.answer(Answer::Windows(Ok(windows())));
        desk.answer(Answer::Overrides(Ok(consent::overrides())));
        desk.answer(Answer::Approvals(Ok(consent::approvals())));
        match view {
            1 => {
                desk.press(Intent::ViewApprovals);
            }
            2 => {
                desk.press(Intent::ViewOverrides);
            }
            3 => {
                desk.command("follow dc-west/osl2").answer(Answer::Sites(Ok(sites())));
            }
            4 => {
                desk.press(Intent::ViewFlags);
                desk.answer(Answer::Flags(Ok(flags::page())));
            }
            5 => {
                desk = super::recover::opened((100, 30), role, protected);
            }
            _ => {}
        }
        if mouse {
            desk.command("set mouse on");
        }
        let mut keys: Vec<String> = Vec::new();
        let mut sent: Vec<String> = Vec::new();
        for step in steps {
            desk.taken();
            let before = desk.app.dialog().cloned();
            let armed = desk.app.is_armed();
            match step {
                Step::Press(index) => {
                    desk.press(Intent::ALL[index]);
                }
                Step::Type(text) => {
                    desk.write(&text);
                }
                Step::Paste(text) => {
                    desk.paste(&text);
                    prop_assert!(desk.acts().is_empty(), "a paste sent something");
                }
                Step::Paint => {
                    desk.paint();
                }
                Step::Wait(millis) => {
                    desk.wait(millis);
                }
                Step::Preview(held) => {
                    if let Some(key) = keys.last() {
                        let now = rollout("dc-west/pick-assist", Phase::Progressing, 1);
                        let mut reply = preview(&now);
                        if held {
                            reply.blocking_windows = vec![freeze()];
                        }
                        desk.answer(Answer::Previewed(key.clone(), Ok(reply)));
                        desk.answer(Answer::FlagPreviewed(key.clone(), Ok(flags::intended("tls13-only"))));
                    }
                }
                Step::Answer(ok) => {
                    if let Some(key) = before.as_ref().map(|dialog| dialog.key.clone()) {
                        let result = if ok { Err(unreachable()) } else { Ok(preview(&nine()[0])) };
                        let changed = if ok { Err(unreachable()) } else { Ok(flags::intended("tls13-only")) };
                        match before.as_ref().map(|dialog| &dialog.subject) {
                            Some(Subject::Flag(_)) => desk.answer(Answer::FlagChanged(key, changed)),
                            _ => desk.answer(Answer::Acted(key, result)),
                        };
                    }
                }
                Step::Lost => {
                    desk.answer(Answer::View(Err(unreachable())));
                }
                Step::Back => {
                    desk.all(nine());
                }
                Step::Mouse(kind, x, y) => {
                    let kind = [
                        PointerKind::Press,
                        PointerKind::Menu,
                        PointerKind::Wheel { down: true },
                        PointerKind::Wheel { down: false },
                    ][kind];
                    desk.send(Message::Input(Input::Pointer(Pointer { kind, x, y })));
                    prop_assert!(desk.acts().is_empty(), "the mouse sent something");
                }
                Step::Resize(width, height) => {
                    desk.size = (width, height);
                    desk.send(Message::Resized { width, height });
                }
            }
            keys.extend(key(&desk.commands));
            for command in desk.acts() {
                let dialog = before.as_ref().expect("an action without a dialog");
                prop_assert!(dialog.painted.is_some(), "an action from a dialog that nobody saw");
                prop_assert!(role != Role::Viewer, "a viewer acted");
                let (reason, widens) = match command {
                    Command::Act { request, conditions, .. } => {
                        prop_assert!(!request.dry_run);
                        prop_assert_eq!(conditions.idempotency_key.as_ref(), Some(&dialog.key));
                        (request.reason.clone(), request.action.widens())
                    }
                    Command::AddWindow { request, .. } => (request.reason.clone(), false),
                    Command::LiftWindow { request, .. } => (request.reason.clone(), true),
                    Command::KillFlag { request, .. } => (request.reason.clone(), false),
                    Command::PutFlag { flag, request, conditions } => {
                        prop_assert!(!request.dry_run);
                        prop_assert_eq!(conditions.idempotency_key.as_ref(), Some(&dialog.key));
                        prop_assert!(conditions.revision.is_some(), "a definition for whatever revision there is");
                        (request.reason.clone(), flags::widens(flag, request))
                    }
                    Command::AddOverride { request, .. } => (request.reason.clone(), true),
                    Command::ChangeOverride { request, .. } => (request.reason.clone(), false),
                    Command::DecideApproval { request, change, .. } => {
                        (request.reason.clone(), *change == ApprovalChange::Approve)
                    }
                    other => unreachable!("{other:?}"),
                };
                prop_assert!(Reason::new(&reason).is_ok(), "{:?} is no reason", reason);
                // What was sent is asked about again with its key and body, whatever was locked meanwhile.
                let again = sent.contains(&dialog.key);
                prop_assert!(!widens || !protected || armed || again, "a locked context was widened");
                sent.push(dialog.key.clone());
            }
            // Whatever the state and the size, a frame can be drawn.
            desk.screen();
        }
    }

    #[test]
    fn typed_text_alone_never_does_anything(text in "[ -~]{0,60}") {
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (80, 24));
        for c in text.chars() {
            desk.send(Message::Input(Input::Edit(InputRequest::InsertChar(c))));
        }
        prop_assert!(desk.commands.is_empty());
    }
}
