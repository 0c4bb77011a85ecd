//! The loop and the terminal around a program that only echoes what it is told.

use std::time::Duration;

use rustix::process::Signal;

use super::child::BEHAVIOUR;
use crate::support::pty::{Left, Pty, SOON};

/// The time within which a program whose terminal is gone must be gone too.
const HANG_UP: Duration = Duration::from_millis(500);

fn start(behaviour: &str) -> Pty {
    start_in(behaviour, &[])
}

fn start_in(behaviour: &str, env: &[(&str, &str)]) -> Pty {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "pty::child::child", "--ignored", "--nocapture", "--test-threads=1"];
    let pty = Pty::start(program.to_str().unwrap(), &args, &[&[(BEHAVIOUR, behaviour)], env].concat(), 80, 24);
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
    assert!(ours.ends_with("\x1b[?2026l\x1b[5n"), "{ours:?}");
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

/// A shell script in a directory of its own.
fn script(text: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("an editor");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let quoted = format!("'{}'", path.display());
    (dir, quoted)
}

#[test]
fn an_editor_gets_the_terminal_as_the_shell_has_it_and_the_keys_and_gives_back_the_text() {
    // It says whether the terminal echoes, and puts what is typed in front of the text.
    let (_dir, editor) = script(
        r#"mode=raw; stty -a | grep -q ' icanon' && mode=cooked
           stat -c 'file %a' "$2"; printf 'editor %s %s\r\n' "$1" "$mode"
           read -r line; { echo "$line"; cat "$2"; } > "$2.new"; mv "$2.new" "$2""#,
    );
    let mut pty = start_in("", &[("VISUAL", &format!("{editor} --wait")), ("EDITOR", "false")]);
    let before = pty.count();
    pty.keys("d");
    pty.wait_for("editor --wait cooked");
    pty.wait_for("file 600");
    assert!(!pty.look(vt100::Screen::alternate_screen) && !pty.is_raw());
    // A key that leaves, were it not the editor's.
    pty.keys("q was typed\r");
    pty.wait_for("<k1: q was typed\\nas it was>");
    assert!(pty.is_raw() && pty.look(vt100::Screen::alternate_screen));
    let bytes = String::from_utf8_lossy(&pty.bytes_since(before)).into_owned();
    assert!(bytes.rfind("\x1b[?1049h") < bytes.rfind("\x1b[2J"), "painted whole: {bytes:?}");
    pty.keys("j");
    pty.wait_for("<down>");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), whole());
}

#[test]
fn an_interrupt_in_the_editor_is_the_editors() {
    // Whoever runs the tests in the background has the signal ignored in all that they start.
    let (_dir, editor) = script(
        r#"exec env --default-signal=INT sh -c '
             trap "echo interrupted > \"$1\"; exit 0" INT; echo waits; read -r nothing' x "$1""#,
    );
    let mut pty = start_in("", &[("EDITOR", &editor)]);
    pty.keys("d");
    pty.wait_for("waits");
    pty.keys("\x03");
    pty.wait_for("<k1: interrupted>");
    // And soon afterwards it is the program's again.
    pty.until("its end", SOON, |pty| {
        pty.signal(Signal::INT);
        pty.state() == 'Z'
    });
    assert_eq!(pty.ended().0, 130);
    assert_eq!(pty.left(), whole());
}

#[test]
fn an_editor_that_fails_or_is_missing_is_said_and_the_screen_comes_back() {
    for (editor, said) in [("false", "<k1 not: false ended with"), ("/nowhere/ed", "<k1 not: cannot start /nowhere/ed")]
    {
        let mut pty = start_in("", &[("EDITOR", editor)]);
        pty.keys("d");
        pty.wait_for(said);
        assert!(pty.is_raw() && pty.look(vt100::Screen::alternate_screen), "{editor}");
        pty.keys("q");
        assert_eq!(pty.ended().0, 0, "{editor}");
        assert_eq!(pty.left(), whole(), "{editor}");
    }
}

#[test]
fn a_terminal_that_is_closed_while_an_editor_has_it_ends_both() {
    let (dir, editor) = script(r#"echo $$ > "$0.pid"; echo waits; while :; do sleep 0.05; done"#);
    let mut pty = start_in("", &[("EDITOR", &editor)]);
    pty.keys("d");
    pty.wait_for("waits");
    pty.signal(Signal::TERM);
    assert_eq!(pty.ended().0, 143);
    let pid = std::fs::read_to_string(dir.path().join("an editor.pid")).unwrap();
    let status = format!("/proc/{}/stat", pid.trim());
    pty.until("the editor's end", SOON, |_| std::fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z")));
    assert_eq!(pty.left(), whole());
}

#[test]
fn what_is_copied_goes_out_beside_the_cells_and_in_front_of_the_frame() {
    let mut pty = start("");
    let before = pty.count();
    pty.keys("y");
    pty.until("the clipboard", SOON, |pty| pty.bytes_since(before).contains(&0x07));
    pty.quiet(Duration::from_millis(100));
    let bytes = String::from_utf8(pty.bytes_since(before)).unwrap();
    assert!(bytes.starts_with("\x1b]52;c;ZGMtd2VzdC9waWNrLWFzc2lzdA==\x07\x07"), "{bytes:?}");
    pty.keys("q");
    pty.ended();
}

#[test]
fn tmux_takes_what_is_copied_into_its_buffer() {
    use std::process::Command;
    if Command::new("tmux").arg("-V").output().is_err() {
        eprintln!("there is no tmux here: this was not looked at");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("tmux");
    let tmux = |args: &[&str]| {
        let done = Command::new("tmux").arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(args).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let program = std::env::current_exe().unwrap();
    let inner = format!(
        "{BEHAVIOUR}= exec '{}' --exact pty::child::child --ignored --nocapture --test-threads=1",
        program.display()
    );
    tmux(&["new-session", "-d", "-x", "80", "-y", "24", "cat"]);
    tmux(&["set-option", "-s", "set-clipboard", "on"]);
    tmux(&["respawn-pane", "-k", &inner]);
    let until = std::time::Instant::now() + SOON;
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        while !holds() {
            assert!(std::time::Instant::now() < until, "{what} did not come: {}", tmux(&["capture-pane", "-p"]));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait("the program", &|| tmux(&["capture-pane", "-p"]).contains("<ready>"));
    tmux(&["send-keys", "y"]);
    wait("the buffer", &|| tmux(&["show-buffer"]).trim() == "dc-west/pick-assist");
    tmux(&["kill-server"]);
}
