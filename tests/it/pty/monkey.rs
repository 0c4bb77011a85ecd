//! A monkey at the real program, on a real server: what it types must change nothing.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use super::dashboard::{arguments, phase, rolling};
use crate::{
    journey::stage::Stage,
    support::{
        bytes,
        pty::{Left, Pty, SOON},
    },
};

const KEYS: usize = 3000;

/// What the trail says came from a dashboard.
fn by_dashboard(stage: &Stage) -> Vec<Value> {
    let entries = stage.json(&["audit", "list"]);
    let entries = entries["entries"].as_array().cloned().unwrap_or_default();
    assert!(!entries.is_empty(), "the trail is empty, which proves nothing");
    entries.into_iter().filter(|entry| entry["actor"]["via"] == "tui").collect()
}

/// Something to press, in which `without` does not occur: neither leaving nor stopping is the point here.
fn key(random: &mut StdRng, without: &str) -> String {
    loop {
        let key = match random.random_range(0..100) {
            0..55 => char::from(random.random_range(b' '..=b'~')).to_string(),
            55..62 => "\r".to_owned(),
            62..69 => "\t".to_owned(),
            69..75 => "\x1b".to_owned(),
            75..85 => {
                format!("\x1b[{}", ["A", "B", "C", "D", "H", "F", "5~", "6~", "Z", "3~"][random.random_range(0..10)])
            }
            85..90 => char::from(random.random_range(1..27_u8)).to_string(),
            90..93 => format!("\x1b[200~{}\r\n\x1b[201~", "paste \x1b[A q\t".repeat(random.random_range(1..4))),
            93..95 => "\x7f".to_owned(),
            95..97 => "é漢👍🏽\u{301}".to_owned(),
            97 => "\x1b[<0;10;10M\x1b[M !!".to_owned(),
            98 => "\x1b[?1;2c\x1bP>|xterm\x1b\\\x1b]11;rgb:0000/0000/0000\x07\x1b[24;80R".to_owned(),
            _ => "ap".to_owned(),
        };
        if !key.chars().any(|c| without.contains(c)) {
            return key;
        }
    }
}

fn monkey(pty: &mut Pty, seed: u64, without: &str) {
    let mut random = StdRng::seed_from_u64(seed);
    for count in 0..KEYS {
        pty.keys(&key(&mut random, without));
        if count % 250 == 249 {
            let (width, height) = (random.random_range(60..140), random.random_range(16..50));
            pty.resize(width, height);
            // Whatever is open, the first row says where one is.
            pty.until("the name of a view", SOON, |pty| {
                let screen = pty.screen();
                let first = screen.lines().next().unwrap_or_default().trim_start();
                ["ROLLOUT", "SITE", "AUDIT", "WINDOWS", "FLAGS", "OVERRIDES", "APPROVALS", "CONTEXTS"]
                    .iter()
                    .any(|view| first.starts_with(view))
            });
            assert!(!matches!(pty.state(), 'X' | 'Z'), "seed {seed}: it is gone after {count} keys\n{}", pty.screen());
        }
    }
    pty.quiet(Duration::from_millis(300));
    assert!(!matches!(pty.state(), 'X' | 'Z'), "seed {seed}: it is gone");
}

#[test]
fn thousands_of_random_keys_change_nothing_on_a_real_server() {
    let stage = rolling();
    // Tab and arrows lead to the button of a dialog: without them nobody gets there. q, ^C and ^Z leave.
    let mut pty = arguments(&stage, &["--server", &stage.url()], &[], 100, 30);
    pty.wait_for("pick-assist");
    monkey(&mut pty, 1, "q\t\x03\x1a\x1b");
    // All keys there are, where nothing may be changed.
    let mut watcher = arguments(&stage, &["--server", &stage.url(), "--read-only"], &[], 100, 30);
    watcher.wait_for("pick-assist");
    monkey(&mut watcher, 2, "q\x03\x1a");
    assert_eq!(by_dashboard(&stage), Vec::<Value>::new());
    assert_eq!(phase(&stage), "awaiting_promotion");
    for mut pty in [pty, watcher] {
        pty.keys("\x03\x03");
        assert_eq!(pty.ended().0, 0);
        assert_eq!(pty.left(), Left::default());
        bytes::check_frames(&pty.bytes_since(0), "the monkey");
    }
}
