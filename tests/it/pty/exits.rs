//! Every way out, from whatever is open: the terminal is left as it was found, and nothing stays behind.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::dashboard::{arguments, dashboard, phase, rolling};
use crate::{
    journey::stage::Stage,
    support::{
        bytes,
        pty::{Left, Pty, SOON},
    },
};

/// What may be open, the keys that open it, and what is on the screen then.
const OPEN: [(&str, &[&str], &str); 8] = [
    ("nothing", &[], "pick-assist"),
    ("the menu", &["a"], "enter open the dialog"),
    ("a dialog", &["a", "p"], "Keep it as it is"),
    ("the help", &["?"], "keys that work here"),
    ("a filter", &["/", "x", "y", "z"], "/xyz"),
    ("a raw record", &["d"], "line 1 of"),
    ("a command", &[":", "x", "y", "z"], ":xyz"),
    ("the question before leaving", &["A", "q"], "Leave?"),
];

/// A protected context of a stage's server, so that something is under way once it is armed.
fn protected(stage: &Stage) -> Pty {
    let folder = stage.path("config");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("current = 'prod'\n[contexts.prod]\nserver = '{}'\nprotected = true\n", stage.url());
    std::fs::write(folder.join("config.toml"), text).unwrap();
    let pty = arguments(stage, &[], &[], 90, 26);
    pty.wait_for("pick-assist");
    pty.wait_for("LOCKED");
    pty
}

fn open(pty: &mut Pty, keys: &[&str], word: &str) {
    for key in keys {
        pty.keys(key);
        // As a person does it: what is typed ahead of a dialog does not count.
        pty.quiet(Duration::from_millis(40));
    }
    pty.wait_for(word);
}

#[test]
fn every_way_out_from_whatever_is_open_leaves_the_terminal_as_it_was_found() {
    let stage = rolling();
    let ways: [(&str, u32); 7] =
        [("TERM", 143), ("HUP", 129), ("close", 129), ("\x03\x03", 0), ("INT", 130), ("QUIT", 131), ("q", 0)];
    for (index, (what, keys, word)) in OPEN.iter().enumerate() {
        for (number, (way, code)) in ways.iter().enumerate() {
            // Every overlay with the first four; each of the others with some.
            if number >= 4 && (index + number) % 4 != 0 && index != 0 {
                continue;
            }
            if *way == "q" && index != 0 {
                continue;
            }
            let mut pty = protected(&stage);
            open(&mut pty, keys, word);
            match *way {
                "TERM" => pty.signal(Signal::TERM),
                "HUP" => pty.signal(Signal::HUP),
                "INT" => pty.signal(Signal::INT),
                "QUIT" => pty.signal(Signal::QUIT),
                "close" => pty.close(),
                keys => pty.keys(keys),
            }
            let (exit, took) = pty.ended();
            assert_eq!(exit, *code, "{way:?} from {what}");
            assert!(took < Duration::from_secs(1), "{way:?} from {what} took {took:?}");
            if *way != "close" {
                assert_eq!(pty.left(), Left::default(), "{way:?} from {what}");
                bytes::check(&pty.bytes_since(0), what);
            }
        }
    }
    assert_eq!(phase(&stage), "awaiting_promotion");
}

#[test]
fn the_commands_that_leave_and_the_question_before_it_do() {
    let stage = rolling();
    for keys in [&[":q\r"][..], &[":quit\r"], &["A", "q", "\r"], &["a", "\x1b", "q"]] {
        let mut pty = protected(&stage);
        for key in keys {
            pty.keys(key);
            pty.quiet(Duration::from_millis(60));
        }
        assert_eq!(pty.ended().0, 0, "{keys:?}");
        assert_eq!(pty.left(), Left::default(), "{keys:?}");
    }
    let mut stays = protected(&stage);
    open(&mut stays, &["A", "q"], "Leave?");
    stays.keys("\x1b");
    stays.until("the question is closed", SOON, |pty| !pty.screen().contains("Leave?"));
    assert!(stays.screen().contains("ARMED"), "{}", stays.screen());
}

/// The dashboard as a shell's child, and its process; what the shell does after it.
fn under_a_shell(stage: &Stage, after: &str) -> (Pty, Pid) {
    let command = format!("'{}' --server {}; {after}", env!("CARGO_BIN_EXE_rolldeck"), stage.url());
    let config = stage.path("config");
    let env = [("ROLLDECK_CONFIG_DIR", config.to_str().unwrap()), ("HOME", stage.folder.path().to_str().unwrap())];
    let pty = Pty::start("/bin/sh", &["-c", &command], &env, 100, 30);
    pty.wait_for("pick-assist");
    let [program] = children(pty.pid())[..] else { panic!("{:?}", children(pty.pid())) };
    (pty, program)
}

#[test]
fn what_the_terminal_still_answers_after_a_signal_is_not_given_to_the_shell() {
    let stage = rolling();
    let (pty, program) = under_a_shell(&stage, "exec cat -v");
    pty.quiet(Duration::from_millis(40));
    // What this terminal answers comes late, as it does on a slow link.
    let mut pty = pty.mute();
    pty.keys("?");
    pty.wait_for("keys that work here");
    kill_process(program, Signal::TERM).unwrap();
    pty.quiet(Duration::from_millis(30));
    pty.keys("\x1b[0n");
    gone(program, Duration::from_secs(1));
    pty.keys("the shell is back\r");
    pty.wait_for("the shell is back");
    assert!(!pty.screen().contains("[0n"), "{}", pty.screen());
}

fn children(of: Pid) -> Vec<Pid> {
    let of = of.as_raw_nonzero();
    let text = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn gone(pid: Pid, within: Duration) {
    let began = Instant::now();
    while test_kill_process(pid).is_ok() {
        // What nobody has waited for yet is gone all the same.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        if stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z')) {
            return;
        }
        assert!(began.elapsed() < within, "{pid:?} is still there after {within:?}: {stat}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn a_shell_that_is_killed_takes_the_program_with_it() {
    let stage = rolling();
    let (pty, program) = under_a_shell(&stage, "exit 7");
    pty.signal(Signal::KILL);
    gone(program, Duration::from_secs(1));
    pty.read_out();
    let bytes = pty.bytes_since(0);
    assert_eq!(crate::support::pty::modes(&bytes), Vec::<u16>::new(), "modes are left on");
}

#[test]
fn stopped_by_ctrl_z_it_gives_the_shell_its_terminal_and_can_be_killed_or_gone_on_with() {
    let stage = rolling();
    let config = stage.path("config");
    let env = [
        ("ROLLDECK_CONFIG_DIR", config.to_str().unwrap()),
        ("HOME", stage.folder.path().to_str().unwrap()),
        ("PS1", "prompt> "),
    ];
    let mut pty = Pty::start("/bin/bash", &["--norc", "--noprofile", "--noediting", "-i"], &env, 100, 30);
    pty.wait_for("prompt>");
    let start = format!("'{}' --server {}\r", env!("CARGO_BIN_EXE_rolldeck"), stage.url());
    for (stops, (round, word)) in (1..).zip([("fg\r", "ROLLOUTS"), ("kill %1\r", "Terminated")]) {
        if round.starts_with('f') {
            pty.keys(&start);
        }
        pty.until("the dashboard", SOON, |pty| {
            pty.look(vt100::Screen::alternate_screen) && pty.screen().contains("pick-assist")
        });
        let [program] = children(pty.pid())[..] else { panic!("{:?}", children(pty.pid())) };
        pty.keys("\x1a");
        pty.until("the shell", SOON, |pty| {
            // What is typed before it asks again may be lost.
            let screen = pty.screen();
            !pty.look(vt100::Screen::alternate_screen)
                && screen.matches("Stopped").count() == stops
                && screen.trim_end().ends_with("prompt>")
        });
        assert!(!pty.look(vt100::Screen::hide_cursor) && !pty.look(vt100::Screen::bracketed_paste));
        pty.keys(round);
        if word == "Terminated" {
            gone(program, Duration::from_secs(3));
            // A shell that does not know it yet would not leave, for there are stopped jobs.
            pty.until("the shell has seen it", SOON, |_| test_kill_process(program).is_err());
            pty.until("the shell", SOON, |pty| !pty.look(vt100::Screen::alternate_screen));
        }
    }
    pty.keys("exit\r");
    pty.ended();
}

#[test]
fn without_a_terminal_on_both_sides_there_is_a_sentence_and_no_dashboard() {
    let stage = Stage::new();
    for redirected in ["<&-", "</dev/null", ">&-", ">/dev/null", "| cat", "<&- >&-"] {
        let command = format!("exec 2>&1; '{}' --server {} {redirected}", env!("CARGO_BIN_EXE_rolldeck"), stage.url());
        let command = command.replace("exec 2>&1; ", if redirected.contains('>') { "" } else { "exec 2>&1; " });
        let config = stage.path("config");
        let env = [("ROLLDECK_CONFIG_DIR", config.to_str().unwrap()), ("HOME", stage.folder.path().to_str().unwrap())];
        let mut pty = Pty::start("/bin/sh", &["-c", &command], &env, 100, 30);
        let (code, took) = pty.ended();
        let said = pty.screen();
        assert!(said.contains("needs a terminal on standard input and output"), "{redirected}: {said}");
        assert!(code == 2 || redirected == "| cat", "{redirected}: {code}");
        assert!(took < Duration::from_secs(5), "{redirected}: {took:?}");
        assert_eq!(pty.left(), Left::default(), "{redirected}");
    }
}

#[test]
fn a_server_that_is_gone_does_not_hold_up_leaving() {
    let stage = rolling();
    for way in ["q", "TERM", "\x03\x03"] {
        let mut pty = dashboard(&stage, &[], 100, 30);
        pty.wait_for("pick-assist");
        stage.kill_server();
        pty.wait_for("LOST");
        if way == "TERM" {
            pty.signal(Signal::TERM);
        } else {
            pty.keys(way);
        }
        let (_, took) = pty.ended();
        assert!(took < Duration::from_secs(1), "{way:?} took {took:?}");
        assert_eq!(pty.left(), Left::default(), "{way:?}");
        stage.serve();
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_child_and_no_lock_behind() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 100, 30);
    pty.wait_for("pick-assist");
    assert_eq!(children(pty.pid()), [], "the dashboard has no children");
    kill_process(pty.pid(), Signal::KILL).unwrap();
    pty.ended();
    // The next one starts on the same folders as if nothing had been.
    let mut next = dashboard(&stage, &[], 100, 30);
    next.wait_for("pick-assist");
    next.keys("q");
    assert_eq!(next.ended().0, 0);
}
