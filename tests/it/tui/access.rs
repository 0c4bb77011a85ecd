//! For those who see no colour, or no screen: nothing is told by colour alone, nothing moves by itself, the
//! cursor stands on what has the keys, and every state has its word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};
use rolldeck::{
    domain::{
        ApprovalState, BlockerKind, GateState, Outcome, OverrideState, Phase, ReportState, Role, StageState, Verdict,
        WindowState,
        approval::Decision,
        rollout::{Check, CheckState},
        sli::{Family, SliState, TelemetryState},
        workload::ObjectState,
    },
    tui::{
        app::{Overlay, attention::Class, dialog::Focus, trail::Proof},
        capability::{Depth, Glyphs},
        intent::Intent as I,
        message::Answer,
    },
};

use super::{
    cluster, consent,
    desk::{Desk, options, start},
    emulator::{Frame, frame, theme},
    fleet::{ago, blocker, breach, entry, freeze, gate, preview, rollout, sites, trail, verified, window},
    indicators::indicator,
    table::{SCREENS, SIZES},
};

/// A frame of every screen at every size, without colour and in ASCII.
fn every(mut look: impl FnMut(&str, &Desk, &Frame)) {
    let mono = theme(Depth::Mono, Glyphs::Ascii);
    for size in SIZES {
        for screen in SCREENS {
            let desk = (screen.of)(size);
            look(&format!("{} at {}x{}", screen.name, size.0, size.1), &desk, &frame(&desk, &mono));
        }
    }
}

/// What is told by how a cell is painted, colours apart.
fn told(cell: &Cell) -> (Modifier, bool) {
    // Dim is never more than a hint: what is said is said without it.
    (cell.modifier - Modifier::DIM, cell.symbol().trim().is_empty())
}

/// A word of a row, all of it painted alike.
struct Word {
    text: String,
    x: u16,
    colours: (Color, Color),
    /// How it looks without colour.
    modifier: Modifier,
}

fn words(colour: &Frame, mono: &Frame, y: u16) -> Vec<Word> {
    let mut words: Vec<(Word, u16)> = Vec::new();
    for ((x, cell), (_, plain)) in colour.row(y).into_iter().zip(mono.row(y)) {
        let (modifier, blank) = told(plain);
        let colours = (cell.fg, cell.bg);
        match words.last_mut() {
            Some((word, end)) if !blank && word.colours == colours && word.modifier == modifier && *end == x => {
                word.text.push_str(cell.symbol());
                *end = x + 1;
            }
            _ if !blank => words.push((Word { text: cell.symbol().to_owned(), x, colours, modifier }, x + 1)),
            _ => {}
        }
    }
    words.into_iter().map(|(word, _)| word).collect()
}

#[test]
fn nothing_is_told_by_colour_alone() {
    let mono = theme(Depth::Mono, Glyphs::Ascii);
    for depth in [Depth::Ansi16, Depth::True] {
        let rich = theme(depth, Glyphs::Ascii);
        for size in SIZES {
            for screen in SCREENS {
                let desk = (screen.of)(size);
                let (colour, plain) = (frame(&desk, &rich), frame(&desk, &mono));
                assert_eq!(colour.text(), plain.text(), "{}: a colour changes what is said", screen.name);
                // In one column the same word in another colour says something else, unless it belongs to
                // words of that colour that say it too.
                let mut looks: BTreeMap<(String, u16, u16), Vec<(String, (Color, Color), String)>> = BTreeMap::new();
                for y in 0..size.1 {
                    let words = words(&colour, &plain, y);
                    for (index, word) in words.iter().enumerate() {
                        let same = |(other, of): (usize, &Word)| {
                            (other != index && of.colours == word.colours).then(|| of.text.clone())
                        };
                        let others: Vec<String> = words.iter().enumerate().filter_map(same).collect();
                        let row: String = words.iter().map(|word| format!("{} ", word.text)).collect();
                        let before = looks.entry((word.text.clone(), word.x, word.modifier.bits())).or_default();
                        for (others_before, colours, row_before) in before.iter() {
                            let plain = (Color::Reset, Color::Reset);
                            let told = match (*colours == plain, word.colours == plain) {
                                _ if *colours == word.colours => true,
                                (true, false) => !others.is_empty(),
                                (false, true) => !others_before.is_empty(),
                                _ => *others_before != others.join(" "),
                            };
                            assert!(
                                told,
                                "{} at {size:?}: {:?} differs in colour alone in\n{row_before}\n{row}\n{}",
                                screen.name,
                                word.text,
                                frame(&desk, &mono).text()
                            );
                        }
                        before.push((others.join(" "), word.colours, row));
                    }
                }
            }
        }
    }
}

#[test]
fn every_screen_is_in_the_terminal_as_it_was_painted_in_colour_and_without() {
    for (depth, glyphs) in [
        (Depth::Mono, Glyphs::Ascii),
        (Depth::Mono, Glyphs::Unicode),
        (Depth::Ansi16, Glyphs::Unicode),
        (Depth::True, Glyphs::Unicode),
    ] {
        let theme = theme(depth, glyphs);
        for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
            for screen in SCREENS {
                frame(&(screen.of)(size), &theme).check(&format!("{} at {size:?}, {depth}", screen.name));
            }
        }
    }
}

#[test]
fn what_is_selected_has_a_sign_and_is_reversed() {
    // Screens on which nothing can be selected: there is nothing, or it is read or typed and not chosen.
    let none = ["overview_loading", "overview_empty", "raw", "clusters", "leave"];
    every(|what, desk, frame| {
        let name = what.split(' ').next().unwrap();
        let dialog = desk.app.dialog().is_some();
        let typing = desk.app.line().is_some();
        if none.contains(&name) || dialog || typing {
            return;
        }
        let area = frame.buffer.area;
        let selected = (0..area.height).any(|y| {
            let row = frame.row(y);
            row.windows(2).any(|pair| {
                let [(_, before), (_, sign)] = pair else { return false };
                let begins = before.symbol() == " " || before.symbol() == "|" || before.symbol() == "-";
                begins && sign.symbol() == ">"
            }) || row.first().is_some_and(|(_, cell)| cell.symbol() == ">")
        });
        assert!(selected, "{what}: no '>'\n{}", frame.text());
        let reversed = |y: u16| frame.row(y).iter().skip(1).any(|(_, cell)| cell.modifier.contains(Modifier::REVERSED));
        assert!((2..area.height).any(reversed), "{what}: nothing is reversed\n{}", frame.text());
    });
}

#[test]
fn the_cursor_stands_on_what_has_the_keys() {
    every(|what, desk, frame| {
        let name = what.split(' ').next().unwrap();
        let Some((x, y)) = frame.cursor else { panic!("{what}: no cursor\n{}", frame.text()) };
        let line: String = frame.row(y).iter().map(|(_, cell)| cell.symbol()).collect();
        assert!(y >= 1, "{what}: the cursor is in the header\n{}", frame.text());
        if desk.app.line().is_some() {
            assert!(line.starts_with([':', '/']) && x > 0, "{what}: {x},{y} is not in the line: {line:?}");
            return;
        }
        match (desk.app.overlay(), desk.app.dialog()) {
            (_, Some(dialog)) if dialog.focus.is_text() && dialog.is_editing() => {
                // At the end of what was typed.
                assert!(x >= 3, "{what}: {x},{y} is not in a field: {line:?}");
            }
            (_, Some(dialog)) if dialog.is_editing() => {
                let word = line.chars().skip(usize::from(x)).collect::<String>();
                let sign = word.starts_with(['>', '[', '<']) || line.contains("[>") || line.contains("< ");
                assert!(sign, "{what}: {:?} has the keys, the cursor is at {x},{y}: {line:?}", dialog.focus);
            }
            (Overlay::Help { .. }, _) => assert!(line.contains("search"), "{what}: {line:?}"),
            (Overlay::None | Overlay::Menu { .. }, _) => {
                let cell = &frame.buffer[(x, y)];
                let reversed = cell.modifier.contains(Modifier::REVERSED);
                let first = line.trim_start_matches(['|', ' ']).starts_with('>');
                let pane = line.starts_with("-- >") || line.contains("-- > ");
                // Where nothing can be selected the cursor is at the top of what is read.
                let empty = ["overview_loading", "overview_empty"].contains(&name);
                assert!(
                    reversed || first || pane || empty,
                    "{what}: {x},{y} is not what is selected: {line:?}\n{}",
                    frame.text()
                );
            }
            _ => {}
        }
    });
}

#[test]
fn the_field_or_button_with_the_keys_is_told_by_a_sign() {
    let mono = theme(Depth::Mono, Glyphs::Ascii);
    for screen in SCREENS.iter().filter(|screen| screen.name.starts_with("dialog")) {
        let mut desk = (screen.of)((120, 40));
        if !desk.app.dialog().unwrap().is_editing() {
            continue;
        }
        let mut seen: BTreeMap<String, Focus> = BTreeMap::new();
        let first = desk.app.dialog().unwrap().focus;
        for _ in 0..16 {
            let focus = desk.app.dialog().unwrap().focus;
            // Text alone, with no attribute, tells one focus from every other.
            let text = frame(&desk, &mono).text();
            if let Some(other) = seen.insert(text.clone(), focus) {
                assert_eq!(other, focus, "{}: {other:?} looks like {focus:?}\n{text}", screen.name);
            }
            desk.keys(&[I::NextPane]);
            if desk.app.dialog().unwrap().focus == first {
                break;
            }
        }
        assert!(seen.len() > 1, "{}", screen.name);
    }
}

/// The text with what may change by itself replaced: ages, countdowns and clocks.
fn without_ages(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == '(' || c == ')' || c == ',') {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == '(' || c == ')' || c == ',');
        let age = bare.trim_start_matches('<').chars().all(|c| c.is_ascii_digit() || "smhd".contains(c))
            && bare.contains(|c: char| c.is_ascii_digit());
        let clock = bare.len() >= 5 && bare.contains(':') && bare.ends_with('Z');
        out.push_str(if age || clock { "?" } else { bare });
        out.push(' ');
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_blinks_and_nothing_moves_while_nothing_happens() {
    let mono = theme(Depth::Mono, Glyphs::Ascii);
    for screen in SCREENS {
        // A dialog that counts down, or waits for its answer, does move on; a lost backend is tried again.
        if ["dialog_counting", "dialog_sending", "overview_loading"].contains(&screen.name) {
            continue;
        }
        let mut desk = (screen.of)((120, 40));
        desk.polls = !screen.name.contains("lost") && desk.polls;
        let notice = desk.row(38);
        let before = frame(&desk, &mono);
        for cell in before.buffer.content() {
            assert!(!cell.modifier.intersects(Modifier::SLOW_BLINK | Modifier::RAPID_BLINK), "{}", screen.name);
        }
        // Notices go away by themselves, which is no motion: the rows that say them are left out.
        let rows = |frame: &Frame| {
            let text: Vec<String> =
                frame.text().lines().enumerate().filter(|(y, _)| *y < 38).map(|(_, row)| without_ages(row)).collect();
            text
        };
        let was = rows(&before);
        let mut changed = 0;
        for _ in 0..12 {
            desk.wait(1000);
            changed += usize::from(desk.app.take_dirty());
        }
        let now = rows(&frame(&desk, &mono));
        if desk.polls {
            assert_eq!(was, now, "{} moved within twelve seconds ({notice})", screen.name);
        }
        assert!(changed <= 12, "{}: painted {changed} times in twelve seconds", screen.name);
    }
}

/// The words of every variant of an enum, as they are on the screen: the match is whole, so that a variant
/// without a word does not compile.
macro_rules! words {
    ($all:ident, $type:ident { $($variant:ident => $word:literal,)* }) => {
        #[allow(dead_code)]
        fn $all() -> Vec<($type, &'static str)> {
            fn whole(of: $type) {
                match of { $($type::$variant => {})* }
            }
            let all = vec![$(($type::$variant, $word),)*];
            all.iter().for_each(|(of, _)| whole(*of));
            all
        }
    };
}

/// Each of them is on a screen of its own, by its word, and no two screens say the same.
fn told_apart<T: Copy + std::fmt::Debug>(all: Vec<(T, &str)>, screen: impl Fn(T) -> String) {
    let mut seen: BTreeMap<String, T> = BTreeMap::new();
    for (of, word) in all {
        let text = screen(of);
        assert!(text.contains(word), "{of:?} does not say {word:?}:\n{text}");
        if let Some(other) = seen.insert(text.clone(), of) {
            panic!("{other:?} and {of:?} look the same:\n{text}");
        }
    }
}

fn alone(rollout: &rolldeck::domain::Rollout) -> Desk {
    Desk::with(&options(false, false), Role::Commander, false, vec![rollout.clone()], (120, 40))
}

fn open(rollout: &rolldeck::domain::Rollout) -> Desk {
    let mut desk = alone(rollout);
    desk.press(I::Open);
    desk.watched(rollout.clone());
    desk
}

words!(classes, Class {
    RollbackFailed => "BACK FAILED",
    Breach => "BREACH",
    Failed => "FAILED",
    NoData => "NO DATA",
    RollingBack => "GOING BACK",
    Degraded => "DEGRADED",
    Waiting => "WAITING",
    Frozen => "FROZEN",
    Paused => "PAUSED",
    Running => "running",
    Pending => "pending",
    RolledBack => "ROLLED BACK",
    Aborted => "aborted",
    Completed => "quiet",
});

fn of_class(class: Class) -> rolldeck::domain::Rollout {
    let phase = match class {
        Class::RollbackFailed => Phase::RollbackFailed,
        Class::Breach | Class::Failed | Class::Degraded => Phase::Degraded,
        Class::NoData => Phase::Unknown,
        Class::RollingBack => Phase::RollingBack,
        Class::Waiting => Phase::AwaitingPromotion,
        Class::Frozen | Class::Running => Phase::Progressing,
        Class::Paused => Phase::Paused,
        Class::Pending => Phase::Pending,
        Class::RolledBack => Phase::RolledBack,
        Class::Aborted => Phase::Aborted,
        Class::Completed => Phase::Completed,
    };
    let mut of = rollout("dc-west/pick-assist", phase, 6);
    of.message = "as it is".into();
    match class {
        Class::Breach => of.blockers = vec![blocker(BlockerKind::Breach, "of a gate")],
        Class::Failed => of.blockers = vec![blocker(BlockerKind::Failure, "of a unit")],
        Class::Frozen => of.freeze = Some(Box::new(freeze())),
        _ => {}
    }
    assert_eq!(Class::of(&of), class);
    of
}

#[test]
fn every_state_of_a_rollout_has_its_word() {
    told_apart(classes(), |class| alone(&of_class(class)).ascii());
    told_apart(classes(), |class| open(&of_class(class)).ascii());
    // Also where there is room for one sentence only.
    told_apart(classes(), |class| {
        Desk::with(&options(false, false), Role::Commander, false, vec![of_class(class)], (59, 15)).ascii()
    });
}

words!(stage_states, StageState {
    Waiting => "waiting",
    Progressing => "running",
    Holding => "holding",
    Ready => "READY",
    Passed => "passed",
    Failed => "FAILED",
    RolledBack => "ROLLED BACK",
});

#[test]
fn every_state_of_a_stage_has_its_word() {
    told_apart(stage_states(), |state| {
        let mut of = rollout("dc-west/pick-assist", Phase::Progressing, 6);
        of.stages[2].state = state;
        open(&of).ascii()
    });
}

words!(gate_states, GateState {
    Waiting => "waiting",
    Pass => "pass",
    NotYet => "NOT YET",
    Unknown => "UNKNOWN",
    Breached => "BREACHED",
});

words!(blocker_kinds, BlockerKind {
    Failure => "FAILED",
    Breach => "BREACH",
    Gate => "GATE",
    NoData => "NO DATA",
    Freeze => "FROZEN",
    Paused => "PAUSED",
    InProgress => "running",
    Hold => "hold",
    Phase => "phase",
    Approval => "APPROVAL",
    Override => "OVERRIDE",
});

#[test]
fn every_gate_and_every_blocker_has_its_word() {
    told_apart(gate_states(), |state| {
        let mut of = rollout("dc-west/pick-assist", Phase::Degraded, 6);
        of.stages[2].gates = Some(vec![gate("telemetry", state, "as it is")]);
        open(&of).ascii()
    });
    told_apart(blocker_kinds(), |kind| {
        let mut of = rollout("dc-west/pick-assist", Phase::Degraded, 6);
        of.blockers = vec![blocker(kind, "as it is")];
        open(&of).ascii()
    });
}

words!(sli_states, SliState {
    Fail => "FAIL",
    Error => "ERROR",
    NoData => "NO DATA",
    Stale => "STALE",
    Watch => "WATCH",
    Warming => "warming",
    Insufficient => "insufficient",
    Pass => "pass",
});

words!(verdicts, Verdict {
    Pass => "pass",
    Watch => "WATCH",
    Fail => "FAIL",
    Insufficient => "insufficient",
    NoData => "NO DATA",
});

#[test]
fn every_state_of_an_indicator_and_every_verdict_has_its_word() {
    told_apart(sli_states(), |state| {
        let mut sli = indicator("errors", "%", 0.41, 0.12, 0.12, Family::Availability);
        (sli.verdict, sli.telemetry) = match state {
            SliState::Fail => (Verdict::Fail, TelemetryState::Ok),
            SliState::Error => (Verdict::NoData, TelemetryState::Error),
            SliState::NoData => (Verdict::NoData, TelemetryState::Empty),
            SliState::Stale => (Verdict::Pass, TelemetryState::Stale),
            SliState::Watch => (Verdict::Watch, TelemetryState::Ok),
            SliState::Warming => (Verdict::Insufficient, TelemetryState::Warming),
            SliState::Insufficient => (Verdict::Insufficient, TelemetryState::Ok),
            SliState::Pass => (Verdict::Pass, TelemetryState::Ok),
        };
        assert_eq!(sli.state(), state);
        let mut of = rollout("dc-west/pick-assist", Phase::Progressing, 6);
        of.slis = vec![sli];
        let mut desk = open(&of);
        desk.keys(&[I::PreviousPane]);
        desk.ascii()
    });
    told_apart(verdicts(), |verdict| {
        let mut of = rollout("dc-west/pick-assist", Phase::Progressing, 6);
        of.verdict.label = verdict;
        of.verdict.why = "as it is".into();
        open(&of).ascii()
    });
}

words!(outcomes, Outcome {
    Intended => "intended",
    Applied => "applied",
    NoOp => "nothing to change",
    Refused => "refused",
    Failed => "failed",
    Unconfirmed => "unconfirmed",
});

#[test]
fn every_outcome_has_its_word() {
    told_apart(outcomes(), |outcome| {
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, vec![breach()], (120, 40));
        desk.press(I::ViewAudit);
        let query = desk.commands.iter().rev().find_map(|command| match command {
            rolldeck::tui::message::Command::Audit(query) => Some(query.clone()),
            _ => None,
        });
        let mut page = trail();
        page.entries = vec![entry(9310, "resume", "k.berg", "as it is")];
        page.entries[0].outcome = outcome;
        desk.answer(Answer::Audit(query.unwrap(), Ok(page)));
        desk.ascii().to_lowercase()
    });
}

words!(window_states, WindowState {
    Upcoming => "to come",
    Active => "FROZEN",
    Ended => "ended",
    Lifted => "lifted",
    Disabled => "OFF",
});

#[test]
fn every_state_of_a_window_has_its_word() {
    told_apart(window_states(), |state| {
        let mut desk = alone(&breach());
        desk.press(I::ViewWindows);
        let mut of = window("w-1", state, "dc-north", "as it is", Some(start() + chrono::TimeDelta::hours(20)));
        of.window.enabled = state != WindowState::Disabled;
        desk.answer(Answer::Windows(Ok(rolldeck::backend::WindowsPage { windows: vec![of] })));
        super::calendar::answered(&mut desk);
        desk.keys(&[I::NextPane]);
        desk.ascii()
    });
}

words!(check_states, CheckState {
    Pass => "+ as it is",
    Warn => "! as it is",
    Block => "X as it is",
});

#[test]
fn every_line_of_a_preview_has_its_sign() {
    told_apart(check_states(), |state| {
        let mut desk = alone(&breach());
        desk.press(I::ActionMenu).wait(300).press(I::Rollback).paint().wait(300);
        let key = desk.app.dialog().unwrap().key.clone();
        let mut reply = preview(&breach());
        reply.effect.checks = vec![Check { state, text: "as it is".into() }];
        desk.answer(Answer::Previewed(key, Ok(reply)));
        desk.ascii()
    });
}

words!(object_states, ObjectState {
    Good => "good",
    Working => "working",
    Waiting => "waiting",
    Bad => "BAD",
    Off => "off",
    Unknown => "UNKNOWN",
});

#[test]
fn every_state_of_an_object_of_a_cluster_has_its_word() {
    told_apart(object_states(), |state| {
        let mut of = cluster::canary();
        of.workload.as_mut().unwrap().objects = vec![cluster::object(0, "ReplicaSet", "shop-1", state, "", "")];
        let mut desk = open(&of);
        desk.keys(&[I::NextPane, I::NextPane, I::NextPane]);
        desk.ascii()
    });
}

words!(report_states, ReportState {
    Idle => "idle",
    Applying => "applying",
    Applied => "applied",
    Healthy => "healthy",
    Unhealthy => "UNHEALTHY",
    Failed => "FAILED",
});

#[test]
fn every_state_of_a_lane_has_its_word() {
    told_apart(report_states(), |state| {
        let mut page = sites();
        page.sites.truncate(1);
        page.sites[0].lanes.truncate(1);
        page.sites[0].lanes[0].report.as_mut().unwrap().state = state;
        let mut desk = alone(&breach());
        desk.press(I::ViewSites).answer(Answer::Sites(Ok(page)));
        desk.ascii()
    });
}

words!(override_states, OverrideState {
    Waiting => "WAITING",
    Upcoming => "to come",
    Active => "active",
    UsedUp => "used up",
    Expired => "expired",
    Withdrawn => "withdrawn",
});

words!(approval_states, ApprovalState {
    Waiting => "FOR YOU",
    Approved => "approved",
    Rejected => "rejected",
    Withdrawn => "withdrawn",
    Expired => "EXPIRED",
});

#[test]
fn every_state_of_an_override_and_of_an_approval_has_its_word() {
    told_apart(override_states(), |state| {
        let mut page = consent::overrides();
        page.overrides.truncate(1);
        let record = &mut page.overrides[0].record;
        match state {
            OverrideState::Waiting => {
                record.approvals.clear();
                record.uses.clear();
            }
            OverrideState::Upcoming => record.not_before = start() + TimeDelta::hours(1),
            OverrideState::Active => {}
            OverrideState::UsedUp => record.uses_max = 1,
            OverrideState::Expired => record.expires_at = ago(5),
            OverrideState::Withdrawn => record.withdrawn = consent::overrides().overrides[3].record.withdrawn.clone(),
        }
        assert_eq!(record.state(start()), state);
        let mut desk = alone(&breach());
        desk.answer(Answer::Overrides(Ok(page))).press(I::ViewOverrides);
        desk.ascii()
    });
    told_apart(approval_states(), |state| {
        let mut page = consent::approvals();
        page.approvals.truncate(1);
        let approval = &mut page.approvals[0].approval;
        match state {
            ApprovalState::Waiting => {}
            ApprovalState::Expired => approval.expires_at = ago(5),
            ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Withdrawn => {
                approval.decision = Some(Decision {
                    state,
                    by: "mira".into(),
                    at: ago(5),
                    reason: "looked at it".into(),
                    failed: None,
                });
            }
        }
        assert_eq!(approval.state(start()), state);
        let mut desk = alone(&breach());
        desk.answer(Answer::Approvals(Ok(page))).press(I::ViewApprovals);
        desk.ascii()
    });
}

words!(proofs, Proof {
    Unchecked => "not checked yet",
    Proven => "+ proven",
    Unproven => "? unproven",
    Broken => "X BROKEN",
});

#[test]
fn what_is_proven_of_an_entry_has_its_word() {
    told_apart(proofs(), |proof| {
        let mut desk = super::audit::opened(alone(&breach()));
        desk.press(I::Top);
        let first = super::audit::told().entries.iter().map(|entry| entry.seq).max().unwrap();
        match proof {
            Proof::Unchecked => {}
            Proof::Proven => {
                let mut report = verified(None);
                report.proven = first;
                desk.answer(Answer::Verified(Ok(report)));
            }
            Proof::Unproven => {
                desk.answer(Answer::Verified(Ok(verified(None))));
            }
            Proof::Broken => {
                desk.answer(Answer::Verified(Ok(verified(Some(first)))));
            }
        }
        // What is said of the selected entry, below the list.
        let screen = desk.ascii();
        screen[screen.find("-- #").unwrap()..].to_owned()
    });
}

#[test]
fn the_link_and_the_lock_are_words() {
    let mut screens = BTreeSet::new();
    for (what, word) in [
        ("overview_loading", "asking"),
        ("overview", "live"),
        ("overview_lost", "LOST"),
        ("overview_held", "HOLD"),
        ("overview_protected", "LOCKED"),
        ("overview_protected", "PROTECTED"),
        ("overview_armed", "ARMED"),
        ("overview_read_only", "READ-ONLY"),
        ("overview", "SIMULATED"),
    ] {
        let screen = SCREENS.iter().find(|screen| screen.name == what).unwrap();
        let row = (screen.of)((120, 40)).ascii().lines().next().unwrap().to_owned();
        assert!(row.contains(word), "{what} does not say {word}: {row}");
        screens.insert(row);
    }
    assert_eq!(screens.len(), 7, "two of them look the same: {screens:#?}");
    let mut slow = (SCREENS[0].of)((120, 40));
    slow.polls = false;
    slow.wait(20_000);
    assert!(slow.row(0).contains("slow"), "{}", slow.row(0));
}
