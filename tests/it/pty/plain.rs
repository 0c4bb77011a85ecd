//! The line mode of the real program: in a terminal with commands, in a pipe without, and every way out.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::pty::{Left, Pty, SOON};

fn plain(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolldeck"));
    command.args(args).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

#[test]
fn in_a_terminal_it_asks_line_by_line_and_moves_no_cursor() {
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo", "--plain"], &[], 120, 50);
    pty.wait_for("SIMULATED, you are");
    pty.wait_for("> ");
    pty.keys("pause dc-west/pick-assist\n");
    pty.wait_for("ticket, may be empty");
    pty.keys("\n");
    pty.wait_for("reason, 10 characters or more");
    pty.keys("customers call about labels\n");
    pty.wait_for("2 Pause pick-assist");
    pty.wait_for("1 or 2, nothing is 1");
    // An answer that comes with the question was typed before it was read, and does not count.
    let too_soon = |pty: &Pty| pty.screen().matches("does not count").count();
    let is_sent = |pty: &Pty| pty.screen().contains("did pause on dc-west/pick-assist: customers call about labels");
    while !is_sent(&pty) {
        let before = too_soon(&pty);
        // Read, and then answered.
        pty.quiet(Duration::from_millis(400));
        pty.keys("2\n");
        pty.until("an answer", SOON, |pty| is_sent(pty) || too_soon(pty) > before);
    }
    // A terminal echoes what is typed; the program itself writes no control character but ends of lines.
    let bytes = pty.bytes_since(0);
    assert!(!bytes.contains(&0x1b), "{}", String::from_utf8_lossy(&bytes));
    pty.keys("quit\n");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), Left::default());
}

#[test]
fn every_way_out_ends_it_at_once() {
    for (way, code) in [("\u{4}", 0), ("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo", "--plain"], &[], 120, 40);
        pty.wait_for("SIMULATED, you are");
        pty.wait_for("> ");
        match way {
            "INT" => pty.signal(Signal::INT),
            "TERM" => pty.signal(Signal::TERM),
            "HUP" => pty.signal(Signal::HUP),
            keys => pty.keys(keys),
        }
        let (exit, took) = pty.ended();
        assert_eq!(exit, code, "{way}");
        assert!(took < Duration::from_secs(2), "{way} took {took:?}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_is_given_lines() {
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo"], &[("TERM", "dumb")], 120, 40);
    pty.wait_for("as with --plain");
    pty.wait_for("SIMULATED, you are");
    pty.wait_for("> ");
    pty.keys("q\n");
    assert_eq!(pty.ended().0, 0);
}

#[test]
fn in_a_pipe_it_goes_on_printing_when_nothing_is_typed_and_ends_when_nobody_reads() {
    let mut child = plain(&["demo", "--plain", "--speed", "10"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if out.read_line(&mut line).unwrap() == 0 {
                return lines;
            }
            // An event comes after how everything stood.
            let is_event = line.contains(" from ") && line.contains("Z ");
            lines.push(line);
            if is_event {
                let _ = tell.send(());
                // Nobody reads on.
                return lines;
            }
        }
    });
    told.recv_timeout(SOON).expect("something happens in the demo");
    let lines = reader.join().unwrap();
    assert!(lines[0].contains("SIMULATED"), "{lines:?}");
    let waited = std::time::Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(waited.elapsed() < SOON, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn an_interrupt_ends_what_prints_into_a_pipe() {
    let mut child = plain(&["demo", "--plain"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("SIMULATED"), "{line}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
