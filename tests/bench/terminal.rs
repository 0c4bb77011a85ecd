//! The dashboard as a terminal sees it, beside whatever peers are installed: first frame, bytes and bursts a
//! second, keys, memory, CPU, slow links, ways of leaving. Every program runs in a pseudo-terminal of its own
//! under an emulated screen. The rollouts are a stand-in's: SIMULATED.
//!
//! `cargo bench --bench terminal` measures and prints tables; `-- --quick` takes a fraction of the time,
//! `-- --only NAME` does one part (`beside`, `first`, `busy`, `keys`, `memory`, `slow`), and
//! `-- --program PATH` measures another `rolldeck` than the one that was built with it. Programs that show a
//! cluster are measured when `ROLLDECK_BENCH_CLUSTER` names a context of kubectl's.
//!
//! `-- --order FILE --program PATH` measures nothing: it writes `assets/link/session.ld`, the order of functions
//! in a release, from a program with symbols. It takes valgrind and nm.

#![allow(
    missing_docs,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::assigning_clones,
    clippy::cast_possible_wrap,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::must_use_candidate,
    clippy::print_stdout,
    clippy::single_match_else,
    clippy::type_complexity,
    reason = "a benchmark"
)]

#[path = "terminal/beside.rs"]
mod beside;
#[path = "terminal/figures.rs"]
mod figures;
#[path = "terminal/order.rs"]
mod order;
#[path = "terminal/ours.rs"]
mod ours;
#[path = "terminal/peers.rs"]
mod peers;
#[path = "terminal/process.rs"]
mod process;
#[path = "terminal/screen.rs"]
mod screen;
#[path = "terminal/session.rs"]
mod session;
#[path = "terminal/standin.rs"]
mod standin;

use std::path::PathBuf;

/// What was asked for on the command line.
pub struct Wanted {
    pub quick: bool,
    only: Option<String>,
    pub program: PathBuf,
    /// Where every program finds its home: empty, and gone afterwards.
    pub home: tempfile::TempDir,
}

impl Wanted {
    fn has(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }

    /// So many, or fewer when it is to be quick.
    pub fn times(&self, long: u32, quick: u32) -> u32 {
        if self.quick { quick } else { long }
    }

    /// The environment of every program.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let home = self.home.path().display().to_string();
        ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"]
            .map(|name| (name, home.clone()))
            .into()
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benches too, with this argument missing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("run it with: cargo bench --bench terminal");
        return;
    }
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let program = after("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_rolldeck").to_owned());
    let wanted = Wanted {
        quick: arguments.iter().any(|argument| argument == "--quick"),
        only: after("--only"),
        program: std::path::absolute(program).expect("the path of the program"),
        home: tempfile::tempdir().expect("a home for the programs"),
    };
    println!("rolldeck is {}", wanted.program.display());
    println!("rollouts are SIMULATED: a stand-in for a server tells of them");
    if let Some(path) = after("--order") {
        if let Err(why) = order::write(&wanted, path.as_ref()) {
            println!("{why}");
            std::process::exit(1);
        }
        return;
    }
    if wanted.has("beside") {
        beside::measure(&wanted);
    }
    let parts: [(&str, fn(&Wanted) -> figures::Held); 5] = [
        ("first", ours::first),
        ("busy", ours::busy),
        ("keys", ours::keys),
        ("memory", ours::memory),
        ("slow", ours::slow),
    ];
    for (name, part) in parts {
        if wanted.has(name) {
            part(&wanted).print(name);
        }
    }
}
