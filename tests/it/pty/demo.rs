//! The demo, which is the first thing that anybody sees: in a terminal, and in this process.

use std::{sync::Arc, time::Duration};

use rolldeck::{
    backend::local::Local,
    domain::Via,
    sim::{self, SimOptions},
};
use rustix::process::Signal;

use crate::support::{
    pty::{Left, Pty},
    runner::Runner,
};

fn written(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[test]
fn the_demo_writes_nothing_and_every_way_out_of_it_gives_the_terminal_back() {
    for (way, code) in [("q", 0), ("TERM", 143), ("HUP", 129), ("close", 129), ("KILL", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let env = [("TMPDIR", path), ("HOME", path), ("RUST_BACKTRACE", "1")];
        let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo"], &env, 120, 40);
        pty.wait_for("WAITING");
        assert!(pty.screen().contains("SIMULATED"), "{}", pty.screen());
        match way {
            "TERM" => pty.signal(Signal::TERM),
            "HUP" => pty.signal(Signal::HUP),
            "KILL" => pty.signal(Signal::KILL),
            "close" => pty.close(),
            keys => pty.keys(keys),
        }
        let (exit, took) = pty.ended();
        assert_eq!(exit, code, "{way}");
        assert!(took < Duration::from_secs(1), "{way} took {took:?}");
        assert_eq!(written(&folder), 0, "{way}");
        if !["close", "KILL"].contains(&way) {
            assert_eq!(pty.left(), Left::default(), "{way}");
        }
    }
}

#[test]
fn what_the_dashboard_costs_can_be_asked_of_it() {
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_rolldeck"), &["demo"], &[], 120, 40);
    pty.wait_for("WAITING");
    pty.keys(":perf\r");
    pty.wait_for("what this dashboard cost until");
    let screen = pty.screen();
    let words = |name: &str| -> Vec<String> {
        let line = screen.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name}\n{screen}"));
        line.split_once(name).unwrap().1.split_whitespace().map(str::to_owned).collect()
    };
    let number = |name: &str| words(name)[0].trim_end_matches(',').parse::<usize>().unwrap();
    let (frames, bytes, first, last) =
        (number("frames"), number("bytes "), number("first frame"), number("last frame"));
    assert!(frames > 0 && first > 100 && first.max(last) <= bytes && bytes <= pty.count(), "{screen}");
    assert!(words("round trip")[0].parse::<f64>().is_ok_and(|took| took > 0.0), "{screen}");
    pty.keys("q");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_opens_a_rollout_and_comes_back_through_the_real_loop() {
    let options = SimOptions { seed: 1, speed: 1.0, scenario: sim::DEFAULT_SCENARIO.to_owned() };
    let sim = sim::start(options).await.unwrap();
    let who = Local::person("mira", Via::Tui);
    let runner = Runner::start(Arc::new(Local::new(sim.control.clone(), who)), 100, 30);
    runner.wait_for("WAITING").await;
    assert!(runner.screen().contains("SIMULATED"));
    assert!(runner.screen().is_ascii(), "{}", runner.screen());
    runner.keys("\n");
    runner.wait_for("timeline").await;
    assert!(runner.screen().contains("SIMULATED"), "it says so on every screen");
    runner.keys("\x1b");
    runner.wait_for("ROLLOUTS").await;
    runner.leave().await;
    sim.shutdown().await;
}
