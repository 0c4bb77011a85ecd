//! What Rolldeck is measured beside, where it is installed.

use std::path::Path;

/// A program that paints a terminal, and how it is driven.
#[derive(Debug, Clone)]
pub struct Contender {
    pub name: &'static str,
    pub command: Vec<String>,
    pub env: Vec<(&'static str, String)>,
    /// On the screen when the first frame is complete.
    pub ready: String,
    /// A key that moves something, and the one that moves it back.
    pub keys: [&'static str; 2],
    /// What it is left by.
    pub quit: &'static str,
}

impl Contender {
    fn new(name: &'static str, command: &[&str], ready: &str, keys: [&'static str; 2], quit: &'static str) -> Self {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Self { name, command, env: Vec::new(), ready: ready.to_owned(), keys, quit }
    }
}

const DOWN_UP: [&str; 2] = ["\x1b[B", "\x1b[A"];

/// The peers that are here, and what is not.
pub fn found() -> (Vec<Contender>, Vec<&'static str>) {
    let mut all = vec![
        Contender::new("bottom", &["btm"], "CPU", DOWN_UP, "q"),
        Contender::new("htop", &["htop", "-d", "10"], "Load average", DOWN_UP, "q"),
        Contender::new("btop", &["btop"], "cpu", DOWN_UP, "q"),
        Contender::new("trippy", &["trip", "127.0.0.1"], "Host", ["p", "p"], "q"),
        Contender::new("top", &["top", "-d", "1"], "PID", DOWN_UP, "q"),
    ];
    // What shows a cluster needs one.
    if let Some(context) = std::env::var_os("ROLLDECK_BENCH_CLUSTER").and_then(|name| name.into_string().ok()) {
        all.push(Contender::new("k9s", &["k9s", "--context", &context], "Pods", DOWN_UP, "\x03"));
        let watched = std::env::var("ROLLDECK_BENCH_ROLLOUT").unwrap_or_else(|_| "rollout".to_owned());
        let words = ["kubectl", "argo", "rollouts", "get", "rollout", &watched, "-w", "--context", &context];
        all.push(Contender::new("argo rollouts", &words, "Status", DOWN_UP, "\x03"));
    }
    let (here, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|peer| is_installed(&peer.command[0]));
    (here, missing.into_iter().map(|peer| peer.name).collect())
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
