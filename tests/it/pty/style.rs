//! Keymaps and themes of a person's own, saved while the dashboard runs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::support::pty::{Pty, SOON};

/// Saves a file again and again, each time another one, until the screen says what is expected of it: the
/// first look at the file may be still to come.
fn save(pty: &Pty, path: &Path, text: &str, expected: &str) {
    let began = Instant::now();
    let mut text = text.to_owned();
    loop {
        std::fs::write(path, &text).unwrap();
        let written = Instant::now();
        while written.elapsed() < Duration::from_secs(5) {
            if pty.screen().contains(expected) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(began.elapsed() < SOON, "{expected:?} did not come; the screen is\n{}", pty.screen());
        text.push('\n');
    }
}

#[test]
fn what_is_saved_while_it_runs_is_in_force_without_leaving() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config", "config/keymaps", "config/themes", "tmp"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, tmp) = (place("config"), place("tmp"));
    let keys = folder.path().join("config/keymaps/mine.toml");
    std::fs::write(&keys, "extends = \"emacs\"\n").unwrap();
    std::fs::write(folder.path().join("config/config.toml"), "keymap = \"mine\"\n").unwrap();
    let env = [("ROLLDECK_CONFIG_DIR", &*config), ("TMPDIR", &*tmp), ("COLORTERM", "truecolor")];
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo"], &env, 120, 40);
    pty.wait_for("WAITING");

    // What may follow is shown to who waits, and Esc takes it back without going anywhere.
    pty.keys("\x18");
    pty.wait_for("^x ...");
    pty.keys("\x1b");
    pty.until("the pop-up to go", SOON, |pty| !pty.screen().contains("^x ..."));

    // A key is moved.
    save(&pty, &keys, "extends = \"emacs\"\n[global]\n\"F9\" = \"view-sites\"\n", "keymap mine");
    pty.keys("\x1b[20~");
    pty.wait_for("SITES");
    // A file that is broken as a whole changes nothing, and says so.
    save(&pty, &keys, "[global\n", "what was in force stays");
    pty.keys("1");
    pty.wait_for("ROLLOUTS");
    pty.keys("\x1b[20~");
    pty.wait_for("SITES");

    // A theme is named in the config, and its colours come.
    let blue = "[roles]\nheader = { fg = \"#123456\" }\n";
    std::fs::write(folder.path().join("config/themes/own.toml"), blue).unwrap();
    let before = pty.count();
    save(&pty, &folder.path().join("config/config.toml"), "keymap = \"mine\"\ntheme = \"own\"\n", "theme own");
    let sent = |pty: &Pty| String::from_utf8_lossy(&pty.bytes_since(before)).contains("38;2;18;52;86");
    pty.until("the colour of the theme", SOON, sent);
    pty.keys("\x18\x03");
    assert_eq!(pty.ended().0, 0);
}
