//! The loop and the terminal around a program that only echoes what it is told.

use std::time::Duration;

use rustix::process::Signal;

use super::child::BEHAVIOUR;
use crate::support::pty::{Left, Pty, SOON};

/// The time within which a program whose terminal is gone must be gone too.
const HANG_UP: Duration = Duration::from_millis(500);

fn start(behaviour: &str) -> Pty {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "pty::child::child", "--ignored", "--nocapture", "--test-threads=1"];
    let pty = Pty::start(program.to_str().unwrap(), &args, &[(BEHAVIOUR, behaviour)], 80, 24);
    pty.wait_for("<ready>");
    pty
}

fn whole() -> Left {
    Left::default()
}

#[test]
fn leaving_gives_the_terminal_back_as_it_was_found() {
    let mut pty = start("");
    assert!(pty.is_raw());
    assert_eq!(pty.look(|screen| (screen.alternate_screen(), screen.hide_cursor())), (true, true));
    pty.keys("j");
    pty.wait_for("<down>");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), whole());
}

#[test]
fn the_first_frame_brings_the_screen_with_it_and_is_one_update() {
    let mut pty = start("");
    pty.quiet(Duration::from_millis(100));
    let bytes = String::from_utf8(pty.bytes_since(0)).unwrap();
    let (_, ours) = bytes.split_once("\x1b[?1049h").unwrap();
    assert!(ours.starts_with("\x1b[?2004h\x1b[?25l\x1b[2J\x1b[?2026h"), "{ours:?}");
    assert!(ours.ends_with("\x1b[?2026l"), "{ours:?}");
    assert_eq!(ours.matches("\x1b[?2026h").count(), 1, "{ours:?}");
    pty.keys("q");
    pty.ended();
}

#[test]
fn every_signal_that_ends_it_gives_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let mut pty = start("");
        pty.signal(signal);
        let (exit, took) = pty.ended();
        assert_eq!(exit, code, "{signal:?}");
        assert!(took < Duration::from_secs(1), "{signal:?} took {took:?}");
        assert_eq!(pty.left(), whole(), "{signal:?}");
    }
}

#[test]
fn a_program_that_is_stuck_ends_by_a_signal_all_the_same() {
    let mut pty = start("stuck");
    pty.keys("!");
    std::thread::sleep(Duration::from_millis(100));
    pty.signal(Signal::TERM);
    assert_eq!(pty.ended().0, 143);
    assert_eq!(pty.left(), whole());
}

#[test]
fn a_panic_is_read_on_the_screen_that_was_there_before() {
    for behaviour in ["panic", "task"] {
        let mut pty = start(behaviour);
        pty.keys("!");
        assert_eq!(pty.ended().0, 101, "{behaviour}");
        assert_eq!(pty.left(), whole(), "{behaviour}");
        pty.wait_for("something is wrong in");
        assert!(!pty.look(vt100::Screen::alternate_screen));
    }
}

#[test]
fn a_closed_terminal_ends_it_even_when_the_loop_is_stuck() {
    let mut pty = start("");
    pty.close();
    let (code, took) = pty.ended();
    assert_eq!(code, 129);
    assert!(took < HANG_UP, "{took:?}");

    let mut pty = start("stuck");
    pty.close_while(|pty| {
        pty.keys("!");
        // Nothing shows from outside that it is stuck by now.
        std::thread::sleep(Duration::from_millis(100));
    });
    let (code, took) = pty.ended();
    assert_eq!(code, 129);
    assert!(took < HANG_UP, "{took:?}");
}

#[test]
fn a_terminal_that_does_not_read_holds_up_neither_keys_nor_the_end() {
    let mut pty = start("full");
    pty.pause(true);
    for _ in 0..60 {
        pty.keys("\x0c");
        std::thread::sleep(Duration::from_millis(5));
    }
    pty.keys("G");
    std::thread::sleep(Duration::from_millis(50));
    assert_ne!(pty.state(), 'X', "it lives");
    pty.pause(false);
    pty.wait_for("<bottom>");

    pty.pause(true);
    for _ in 0..60 {
        pty.keys("\x0c");
        std::thread::sleep(Duration::from_millis(5));
    }
    pty.signal(Signal::TERM);
    let (code, took) = pty.ended_within(Duration::from_secs(3));
    assert_eq!(code, 143, "after {took:?}");
    assert!(!pty.is_raw());
}

#[test]
fn frames_that_are_held_back_are_not_queued() {
    let mut pty = start("full");
    pty.pause(true);
    let before = pty.count();
    for _ in 0..200 {
        pty.keys("\x0c");
        std::thread::sleep(Duration::from_millis(2));
    }
    pty.keys("G");
    pty.pause(false);
    pty.wait_for("<bottom>");
    pty.quiet(Duration::from_millis(100));
    let frames = String::from_utf8_lossy(&pty.bytes_since(before)).matches("\x1b[?2026h").count();
    // A pseudo-terminal holds some 64 KB by itself, which is about thirty full frames.
    assert!(frames < 60, "{frames} frames for 201 keys");
}

#[test]
fn a_storm_of_sizes_ends_in_one_whole_screen_of_the_last_size() {
    let mut pty = start("");
    let before = pty.count();
    for width in 60..120 {
        pty.resize(width, 30);
    }
    pty.wait_for("<119x30>");
    pty.quiet(Duration::from_millis(200));
    let bytes = String::from_utf8(pty.bytes_since(before)).unwrap();
    assert!(bytes.matches("\x1b[?2026h").count() <= 3, "{bytes:?}");
    pty.keys("q");
    pty.ended();
    assert_eq!(pty.left(), whole());
}

#[test]
fn a_paste_is_one_input_and_its_keys_do_nothing() {
    let mut pty = start("");
    pty.keys("\x1b[200~qq\rq\x1b[201~");
    pty.wait_for("<paste qq\\rq>");
    assert_ne!(pty.state(), 'X');
}

#[test]
fn a_stopped_program_paints_everything_again_when_it_goes_on() {
    let mut pty = start("");
    pty.signal(Signal::STOP);
    pty.until("the stop", SOON, |pty| pty.state() == 'T');
    let before = pty.count();
    pty.signal(Signal::CONT);
    pty.wait_for("<resumed>");
    pty.quiet(Duration::from_millis(100));
    let bytes = String::from_utf8(pty.bytes_since(before)).unwrap();
    assert!(bytes.contains("\x1b[?1049h") && bytes.contains("\x1b[2J"), "{bytes:?}");
    assert!(pty.is_raw());
    pty.keys("q");
    pty.ended();
    assert_eq!(pty.left(), whole());
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_takes_it_again() {
    let mut pty = start("");
    let before = pty.count();
    // The terminal's only process group is an orphan here, which is not stopped: it must go on by itself.
    pty.keys("\x1a");
    pty.wait_for("<resumed>");
    let bytes = String::from_utf8(pty.bytes_since(before)).unwrap();
    let (left, entered) = (bytes.find("\x1b[?1049l"), bytes.find("\x1b[?1049h"));
    assert!(left.is_some() && left < entered, "{bytes:?}");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), whole());
}
