//! The real program at every size a terminal can have, and while the size changes all the time.

use std::time::Duration;

use portable_pty::PtySize;

use super::dashboard::{dashboard, rolling};
use crate::support::{
    bytes,
    pty::{Left, Pty, SOON},
};

const SIZES: [(u16, u16); 15] = [
    (1, 1),
    (2, 2),
    (10, 5),
    (20, 10),
    (40, 12),
    (59, 15),
    (60, 16),
    (79, 24),
    (80, 24),
    (81, 24),
    (100, 30),
    (120, 40),
    (200, 60),
    (500, 200),
    (1000, 500),
];

/// The text without its breaks, for what is broken where the line ends.
fn flowing(pty: &Pty) -> String {
    pty.screen().split_whitespace().collect()
}

#[test]
fn at_every_size_the_screen_is_what_a_fresh_process_paints() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 80, 24);
    pty.wait_for("pick-assist");
    for (width, height) in SIZES {
        pty.resize(width, height);
        let mut fresh = dashboard(&stage, &[], width, height);
        let what = format!("{width}x{height}");
        let big = width >= 60 && height >= 16;
        fresh.until(&what, SOON, |fresh| {
            let text = flowing(fresh);
            match (big, width) {
                (true, _) => text.contains("pick-assist") && text.contains("live"),
                (false, 40..) => text.contains(&format!("needs60x16,has{what}")),
                (false, 10..) => text.contains("needs60x16"),
                (false, _) => text.starts_with('r') || text.starts_with('…'),
            }
        });
        pty.until_like(&fresh, &what);
        bytes::check_frames(&fresh.bytes_since(0), &what);
        fresh.keys("q");
        assert_eq!(fresh.ended().0, 0, "{what}");
        assert_eq!(fresh.left(), Left::default(), "{what}");
    }
    // Once more from the largest to the smallest: the way there does not matter.
    for (width, height) in [(2, 2), (80, 24)] {
        pty.resize(width, height);
    }
    pty.wait_for("pick-assist");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    bytes::check_frames(&pty.bytes_since(0), "all sizes");
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_taken_for_80x24() {
    let stage = rolling();
    let (folder, url) = (stage.path("config"), stage.url());
    let nothing = PtySize { rows: 0, cols: 0, pixel_width: 0, pixel_height: 0 };
    let env = [("ROLLDECK_CONFIG_DIR", folder.to_str().unwrap()), ("HOME", stage.folder.path().to_str().unwrap())];
    let mut pty = Pty::start_on(nothing, env!("CARGO_BIN_EXE_rolldeck"), &["--server", &url], &env, 80, 24);
    pty.wait_for("pick-assist");
    let fresh = dashboard(&stage, &[], 80, 24);
    fresh.wait_for("pick-assist");
    fresh.until_like(&pty, "no size");
    pty.resize(100, 30);
    let fresh = dashboard(&stage, &[], 100, 30);
    fresh.wait_for("pick-assist");
    pty.until_like(&fresh, "a size at last");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
}

#[test]
fn two_hundred_sizes_in_two_seconds_cost_a_few_frames_and_end_in_a_whole_one() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 80, 24);
    pty.wait_for("pick-assist");
    let before = pty.count();
    for step in 0..200_u16 {
        pty.resize(40 + (step * 37) % 130, 8 + (step * 13) % 45);
        // That is the storm: nothing is waited for.
        std::thread::park_timeout(Duration::from_millis(10));
    }
    pty.resize(117, 37);
    let fresh = dashboard(&stage, &[], 117, 37);
    fresh.wait_for("pick-assist");
    pty.until_like(&fresh, "after the storm");
    let stormy = pty.bytes_since(before);
    let frames = bytes::check_frames(&stormy, "the storm");
    assert!(frames < 40, "{frames} frames for 200 sizes");
    assert!(stormy.len() < 40 * 8192, "{} bytes for 200 sizes", stormy.len());
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), Left::default());
}
