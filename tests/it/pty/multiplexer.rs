//! Inside tmux, as most people run it: typed at, resized, left and come back to, and killed.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, Instant},
};

use super::dashboard::rolling;
use crate::{
    journey::stage::Stage,
    support::pty::{Pty, SOON},
};

/// A tmux of this test's own.
struct Tmux {
    folder: PathBuf,
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.run(&["kill-server"]);
    }
}

impl Tmux {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-L", "rolldeck", "-f", "/dev/null"])
            .args(arguments)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("TERM", "xterm-256color")])
            .env("TMUX_TMPDIR", &self.folder)
            .output()
            .unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.ok(&["capture-pane", "-p", "-t", "deck"])
    }

    fn until(&self, what: &str, so: impl Fn(&str) -> bool) {
        let until = Instant::now() + SOON;
        while !so(&self.screen()) {
            assert!(Instant::now() < until, "{what} did not come:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn started(stage: &Stage) -> Tmux {
    let tmux = Tmux { folder: stage.folder.path().to_owned() };
    let command = format!(
        "ROLLDECK_CONFIG_DIR='{}' ROLLDECK_DATA_DIR='{}' exec '{}' --server {}",
        stage.path("config").display(),
        stage.path("own").display(),
        env!("CARGO_BIN_EXE_rolldeck"),
        stage.url()
    );
    tmux.ok(&["new-session", "-d", "-s", "deck", "-x", "100", "-y", "30", &command]);
    tmux.until("the first frame", |screen| screen.contains("pick-assist"));
    tmux
}

#[test]
fn in_tmux_it_is_typed_at_resized_left_and_come_back_to_and_dies_with_its_session() {
    let stage = rolling();
    let tmux = started(&stage);
    let pid = tmux.ok(&["list-panes", "-t", "deck", "-F", "#{pane_pid}"]).trim().to_owned();
    assert!(lives(&pid));

    tmux.ok(&["send-keys", "-t", "deck", "Enter"]);
    tmux.until("the rollout", |screen| screen.contains("timeline"));
    tmux.ok(&["send-keys", "-t", "deck", "Escape"]);
    tmux.until("the list", |screen| screen.starts_with(" ROLLOUTS"));
    tmux.ok(&["send-keys", "-t", "deck", "/", "p", "i", "c"]);
    tmux.until("the filter", |screen| screen.contains("/pic"));
    tmux.ok(&["send-keys", "-t", "deck", "Enter"]);

    for (width, height, word) in [(50, 12, "needs 60x16, has 50x12"), (140, 45, "pick-assist"), (80, 24, "pick-assist")]
    {
        tmux.ok(&["resize-window", "-t", "deck", "-x", &width.to_string(), "-y", &height.to_string()]);
        tmux.until(word, |screen| screen.contains(word));
        let rows = tmux.screen();
        assert!(rows.lines().all(|row| row.chars().count() <= width), "{rows}");
    }

    // Somebody attaches from a terminal of another size, and leaves again.
    tmux.ok(&["set-option", "-g", "window-size", "latest"]);
    let folder = tmux.folder.to_str().unwrap().to_owned();
    let arguments = ["-L", "rolldeck", "-f", "/dev/null", "attach-session", "-t", "deck"];
    let mut pty = Pty::start("tmux", &arguments, &[("TMUX_TMPDIR", &folder)], 100, 31);
    pty.wait_for("pick-assist");
    pty.keys("?");
    pty.wait_for("keys that work here");
    tmux.ok(&["detach-client", "-s", "deck"]);
    assert_eq!(pty.ended().0, 0);
    assert!(lives(&pid), "leaving tmux leaves the program");
    let mut again = Pty::start("tmux", &arguments, &[("TMUX_TMPDIR", &folder)], 90, 25);
    again.wait_for("keys that work here");
    again.keys("\x1b");
    again.until("the list", SOON, |pty| !pty.screen().contains("keys that work here"));
    assert!(again.screen().contains("pick-assist"), "{}", again.screen());

    tmux.ok(&["kill-session", "-t", "deck"]);
    let killed = Instant::now();
    while lives(&pid) {
        assert!(killed.elapsed() < Duration::from_secs(1), "it outlives its session");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    again.ended();
}

#[test]
fn leaving_in_tmux_gives_the_shell_its_screen_back() {
    let stage = rolling();
    let tmux = Tmux { folder: stage.folder.path().to_owned() };
    let command = "PS1='prompt> ' exec bash --norc --noprofile";
    tmux.ok(&["new-session", "-d", "-s", "deck", "-x", "100", "-y", "30", command]);
    tmux.until("a prompt", |screen| screen.contains("prompt>"));
    let start = format!(
        "clear; echo be''fore; ROLLDECK_CONFIG_DIR='{}' '{}' --server {}",
        stage.path("config").display(),
        env!("CARGO_BIN_EXE_rolldeck"),
        stage.url()
    );
    tmux.ok(&["send-keys", "-t", "deck", &start, "Enter"]);
    tmux.until("the dashboard", |screen| screen.contains("pick-assist") && screen.starts_with(" ROLLOUTS"));
    let flags = || tmux.ok(&["display-message", "-p", "-t", "deck", "#{alternate_on}#{cursor_flag}"]);
    assert!(flags().starts_with('1'), "{}", flags());
    tmux.ok(&["send-keys", "-t", "deck", "q"]);
    tmux.until("the shell", |screen| screen.contains("before") && !screen.contains("ROLLOUTS"));
    assert_eq!(flags().trim(), "01", "the alternate screen is off, the cursor is shown");
}
