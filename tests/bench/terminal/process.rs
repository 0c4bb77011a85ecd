//! What a process uses, as the kernel counts it.

use std::{fs, time::Duration};

/// What one process used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Time on a CPU, of threads that live.
    pub cpu: Duration,
    /// CPU ticks of a hundredth of a second, of threads that ended too.
    pub ticks: u64,
    /// Resident memory in KiB.
    pub rss: u64,
    /// Most resident memory ever, in KiB.
    pub peak: u64,
    /// Of the resident memory what no file backs, in KiB.
    pub anonymous: u64,
    pub threads: u64,
}

impl Usage {
    pub fn of(pid: i32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_ascii_whitespace().nth(1)?.parse().ok()
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let ticks = |index: usize| after.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        Self {
            cpu: on_cpu(pid),
            ticks: ticks(11) + ticks(12),
            rss: field("VmRSS:").unwrap_or(0),
            peak: field("VmHWM:").unwrap_or(0),
            anonymous: field("RssAnon:").unwrap_or(0),
            threads: field("Threads:").unwrap_or(0),
        }
    }
}

fn on_cpu(pid: i32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
