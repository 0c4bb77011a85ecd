//! The real program in a terminal, on a real server with a real agent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::{
    journey::stage::{Stage, WHY},
    support::pty::{Left, Pty, SOON},
};

/// The dashboard on a stage's server.
pub fn dashboard(stage: &Stage, env: &[(&str, &str)], width: u16, height: u16) -> Pty {
    arguments(stage, &["--server", &stage.url()], env, width, height)
}

/// The real program with these arguments, in the stage's folders.
pub fn arguments(stage: &Stage, args: &[&str], env: &[(&str, &str)], width: u16, height: u16) -> Pty {
    let folders = ["ROLLDECK_CONFIG_DIR", "ROLLDECK_DATA_DIR", "ROLLDECK_STATE"];
    let paths = ["config", "own", "state"].map(|name| stage.path(name).to_str().unwrap().to_owned());
    let mut all: Vec<(&str, &str)> = folders.into_iter().zip(paths.iter().map(String::as_str)).collect();
    all.extend(env);
    Pty::start(env!("CARGO_BIN_EXE_rolldeck"), args, &all, width, height)
}

/// A server with one rollout in its first of two stages.
pub fn rolling() -> Stage {
    let mut stage = Stage::new();
    stage.agent("s1");
    stage.agent("s2");
    stage.wait("two units", |stage| stage.json(&["site", "list"])["sites"].as_array().map(Vec::len) == Some(2));
    let snapshot = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&snapshot, "  - canary: 1 site\n  - fleet: all\n");
    stage.code(&["start", &plan, "--reason", WHY], 0);
    stage.code(&["wait", "dc-west/pick-assist", "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    stage
}

pub fn phase(stage: &Stage) -> String {
    stage.json(&["show", "dc-west/pick-assist"])["phase"].as_str().unwrap().to_owned()
}

pub fn text(pty: &Pty, since: usize) -> String {
    String::from_utf8_lossy(&pty.bytes_since(since)).into_owned()
}

#[test]
fn the_first_frame_is_one_small_update() {
    let stage = rolling();
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let pty = dashboard(&stage, &[], width, height);
        pty.wait_for("pick-assist");
        pty.quiet(Duration::from_millis(300));
        let bytes = text(&pty, 0);
        let (first, _) = bytes.split_once("\x1b[?2026l").unwrap();
        assert!(first.starts_with("\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J\x1b[?2026h"), "{first:?}");
        assert!(bytes.len() < 8192, "{width}x{height} took {} bytes to be whole", bytes.len());
        assert_eq!(bytes.matches("\x1b[?2026h").count(), bytes.matches("\x1b[?2026l").count());
        let mut outside = bytes.split("\x1b[?2026l").skip(1).filter(|part| !part.is_empty());
        // Between frames there is the question whether the last one is on the screen, and nothing else.
        let ours = |part: &str| part == "\x1b[5n" || part.trim_start_matches("\x1b[5n").starts_with("\x1b[?2026h");
        assert!(outside.all(ours), "{bytes:?}");
    }
}

#[test]
fn nothing_is_written_in_ten_seconds_in_which_nothing_changes_though_agents_report() {
    let stage = rolling();
    let pty = dashboard(&stage, &[], 120, 40);
    pty.wait_for("pick-assist");
    // The header's clock and the ages turn with minutes: ten seconds without any are waited for.
    let mut last = Vec::new();
    for _ in 0..4 {
        pty.quiet(Duration::from_millis(1500));
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 60;
        if second > 47 {
            std::thread::sleep(Duration::from_secs(61 - second));
            pty.quiet(Duration::from_millis(500));
        }
        let before = pty.count();
        std::thread::sleep(Duration::from_secs(10));
        last = pty.bytes_since(before);
        if last.is_empty() {
            return;
        }
    }
    panic!("never silent for 10 s: {:?}", String::from_utf8_lossy(&last));
}

#[test]
fn every_way_out_leaves_the_terminal_as_it_was_found() {
    let stage = Stage::new();
    for (way, code) in [("q", 0), ("\x03\x03", 0), ("TERM", 143), ("HUP", 129)] {
        let mut pty = dashboard(&stage, &[], 80, 24);
        pty.wait_for("nothing is rolling out");
        match way {
            "TERM" => pty.signal(Signal::TERM),
            "HUP" => pty.signal(Signal::HUP),
            keys => pty.keys(keys),
        }
        assert_eq!(pty.ended().0, code, "{way:?}");
        assert_eq!(pty.left(), Left::default(), "{way:?}");
    }
    let mut pty = dashboard(&stage, &[], 80, 24);
    pty.wait_for("nothing is rolling out");
    pty.close();
    let (code, took) = pty.ended();
    assert_eq!(code, 129);
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[test]
fn one_ctrl_c_does_not_leave() {
    let stage = Stage::new();
    let mut pty = dashboard(&stage, &[], 80, 24);
    pty.wait_for("nothing is rolling out");
    pty.keys("\x03");
    std::thread::sleep(Duration::from_millis(1500));
    pty.keys("\x03");
    std::thread::sleep(Duration::from_millis(300));
    assert_ne!(pty.state(), 'X');
    assert!(pty.is_raw());
}

#[test]
fn without_colour_no_colour_is_sent_and_the_selection_is_still_seen() {
    let stage = rolling();
    let pty = dashboard(&stage, &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], 100, 30);
    pty.wait_for("pick-assist");
    pty.quiet(Duration::from_millis(300));
    let bytes = text(&pty, 0);
    for sgr in sgr(&bytes) {
        for code in sgr.split(';').filter(|code| !code.is_empty()) {
            let code: u8 = code.parse().unwrap();
            assert!(code < 30, "a colour in {sgr:?}");
        }
    }
    let row = pty.look(|screen| (0..30).find(|y| row_of(screen, *y).contains("pick-assist"))).unwrap();
    assert!(pty.look(|screen| screen.cell(row, 2).unwrap().inverse()), "{}", pty.screen());
    assert!(pty.look(|screen| (0..100).any(|x| screen.cell(row, x).unwrap().bold())), "{}", pty.screen());
}

#[test]
fn with_colour_the_state_is_coloured_and_named() {
    let stage = rolling();
    let theme = ("ROLLDECK_THEME", "dark");
    let pty = dashboard(&stage, &[("COLORTERM", "truecolor"), theme], 100, 30);
    pty.wait_for("WAITING");
    pty.quiet(Duration::from_millis(300));
    let bytes = text(&pty, 0);
    assert!(sgr(&bytes).iter().any(|sgr| sgr.contains("38;2;")), "no true colour");
    let far = dashboard(&stage, &[("COLORTERM", "truecolor"), ("SSH_TTY", "/dev/pts/9"), theme], 100, 30);
    far.wait_for("WAITING");
    far.quiet(Duration::from_millis(300));
    let bytes = text(&far, 0);
    assert!(sgr(&bytes).iter().all(|sgr| !sgr.contains("38;")), "more than 16 colours over SSH");
    assert!(sgr(&bytes).iter().any(|sgr| sgr.split(';').any(|code| code.starts_with('3') && code.len() == 2)));
}

#[test]
fn where_the_locale_is_not_utf_8_every_character_is_ascii() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[("LC_ALL", "C")], 100, 30);
    pty.wait_for("pick-assist");
    pty.keys("\r");
    pty.wait_for("timeline");
    pty.keys("?");
    pty.quiet(Duration::from_millis(500));
    let bytes = text(&pty, 0);
    let odd: String = bytes.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "");
}

#[test]
fn a_screen_that_is_too_small_says_so_and_a_bigger_one_is_used_at_once() {
    let stage = Stage::new();
    let mut pty = dashboard(&stage, &[], 52, 14);
    pty.wait_for("60x16");
    pty.wait_for("52x14");
    pty.resize(80, 24);
    pty.wait_for("nothing is rolling out");
    pty.resize(40, 8);
    pty.wait_for("40x8");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), Left::default());
}

#[test]
fn a_rollout_is_paused_by_two_keys_a_reason_and_a_button_and_by_nothing_less() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 100, 30);
    pty.wait_for("pick-assist");

    // All at once, as from a paste without brackets or from fingers that were ahead of the screen.
    pty.keys("ap\tcanary looks wrong to me\r\r\r");
    pty.quiet(Duration::from_millis(600));
    assert_eq!(phase(&stage), "awaiting_promotion");
    pty.keys("\x1b");
    pty.quiet(Duration::from_millis(300));
    pty.keys("\x1b");
    pty.quiet(Duration::from_millis(300));

    pty.keys("a");
    pty.wait_for("Pause");
    pty.keys("p");
    pty.quiet(Duration::from_millis(600));
    pty.keys("canary looks wrong to me");
    pty.wait_for("canary looks wrong to me");
    pty.keys("\r");
    pty.quiet(Duration::from_millis(400));
    assert_eq!(phase(&stage), "awaiting_promotion", "Enter in the reason sends nothing");

    for _ in 0..6 {
        if focused(&pty).contains("Pause") {
            break;
        }
        pty.keys("\t");
        pty.quiet(Duration::from_millis(200));
    }
    assert!(focused(&pty).contains("Pause"), "{}", pty.screen());
    pty.keys("\r");
    pty.wait_for("PAUSED");
    assert_eq!(phase(&stage), "paused");
}

#[test]
fn a_server_that_is_gone_is_said_and_the_program_stays() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 100, 30);
    pty.wait_for("pick-assist");
    stage.kill_server();
    pty.wait_for("LOST");
    assert!(pty.screen().contains("pick-assist"), "what was known is still shown");
    pty.keys("?");
    pty.until("the help", SOON, |pty| pty.screen().contains("keys that work here"));
    pty.keys("\x1b");
    stage.serve();
    pty.until("it is back", Duration::from_secs(60), |pty| !pty.screen().contains("LOST"));
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
}

/// The parameters of every sequence that sets colours or attributes.
fn sgr(bytes: &str) -> Vec<&str> {
    bytes
        .split("\x1b[")
        .skip(1)
        .filter_map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            (part.as_bytes()[end] == b'm').then(|| &part[..end])
        })
        .collect()
}

pub fn row_of(screen: &vt100::Screen, row: u16) -> String {
    screen.rows(0, screen.size().1.into()).nth(usize::from(row)).unwrap_or_default()
}

/// The reversed text of the screen: what has the keys, among others.
pub fn focused(pty: &Pty) -> String {
    pty.look(|screen| {
        let (rows, columns) = screen.size();
        let mut out = String::new();
        for y in 0..rows.get() {
            for x in 0..columns.get() {
                let cell = screen.cell(y, x).unwrap();
                if cell.inverse() {
                    out.push_str(if cell.contents().is_empty() { " " } else { cell.contents() });
                }
            }
            out.push('\n');
        }
        out
    })
}

#[test]
fn the_line_that_a_dialog_says_is_the_same_does_it_when_it_is_pasted_into_a_shell() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 120, 40);
    pty.wait_for("pick-assist");
    for key in ["a", "p"] {
        pty.keys(key);
        pty.quiet(Duration::from_millis(40));
    }
    pty.wait_for("same as: rolldeck ");
    let screen = pty.screen();
    let (_, line) = screen.split_once("same as: rolldeck ").unwrap();
    let words = line.split('│').next().unwrap().trim();
    let line = format!("'{}' {}", env!("CARGO_BIN_EXE_rolldeck"), words.replace("TEXT", "'seen on the screen'"));
    let shell = std::process::Command::new("/bin/sh")
        .args(["-c", &line])
        .env("ROLLDECK_CONFIG_DIR", stage.path("config"))
        .env("ROLLDECK_DATA_DIR", stage.path("own"))
        .output()
        .unwrap();
    assert!(shell.status.success(), "{line}: {}", String::from_utf8_lossy(&shell.stderr));
    assert_eq!(phase(&stage), "paused", "{line}");
}
