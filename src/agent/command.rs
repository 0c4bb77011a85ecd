//! Runs one of the site's commands: by `/bin/sh -c`, in a process group of its own, with no
//! standard input, its output kept within bounds, and the whole group killed at the deadline.

use std::{
    future::Future,
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::domain::{SafeBlock, text::BLOCK_MAX};

/// How long a group that was told to end may take before it is killed.
pub(super) const TERM_GRACE: Duration = Duration::from_secs(5);
/// How long output is still read after the command itself has ended: a process that it left behind
/// may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(250);
/// How much of standard output is kept whole, where it is read as facts.
pub(super) const STDOUT_MAX: usize = 64 * 1024;

/// What is run.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The shell's text.
    pub(super) command: String,
    /// Variables that are set; those of [`OWN_VARIABLES`] that are not named here are removed.
    pub(super) variables: Vec<(&'static str, String)>,
}

/// Every variable that an agent may set; none is inherited, so that a stale one never misleads.
const OWN_VARIABLES: [&str; 9] = [
    "ROLLDECK_SNAPSHOT",
    "ROLLDECK_VERSION",
    "ROLLDECK_PREVIOUS",
    "ROLLDECK_GROUP",
    "ROLLDECK_SITE",
    "ROLLDECK_LANE",
    "ROLLDECK_GENERATION",
    "ROLLDECK_ARTIFACT",
    // A secret of the agent's; the commands have no use for it.
    "ROLLDECK_TOKEN",
];

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// It ran past its deadline and was killed, with its whole group.
    PastDeadline,
    /// The agent is ending, and it was killed with its whole group.
    Stopped,
}

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// How.
    pub(super) how: How,
    /// Standard output; none when it was longer than [`STDOUT_MAX`].
    pub(super) stdout: Option<Vec<u8>>,
    /// The end of standard output and standard error, in the order in which they came.
    pub(super) tail: SafeBlock,
}

/// A command that runs. Dropping it kills its whole group.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    group: Option<Pid>,
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    stdout: Vec<u8>,
    overflow: bool,
    tail: Tail,
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// When `/bin/sh` cannot be started.
    pub(super) fn start(job: &Job) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&job.command).stdin(Stdio::null());
        Self::spawn(command, job)
    }

    /// Starts a shell that waits for [`release`](Self::release) before it runs anything, so that who
    /// it is can be written down first. Should the agent be killed before, it ends without having run it.
    ///
    /// # Errors
    /// When `/bin/sh` cannot be started.
    pub(super) fn start_held(job: &Job) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        // The command is the script's `$0`: nothing has to be quoted.
        command.args(["-c", r#"read -r _ && exec /bin/sh -c "$0" </dev/null"#]).arg(&job.command).stdin(Stdio::piped());
        Self::spawn(command, job)
    }

    /// Lets a command that is held run.
    ///
    /// # Errors
    /// When its shell has ended already.
    pub(super) async fn release(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut gate) => gate.write_all(b"\n").await,
            None => Ok(()),
        }
    }

    fn spawn(mut command: Command, job: &Job) -> io::Result<Self> {
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        command.envs(job.variables.iter().map(|(name, value)| (*name, value.as_str())));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        Ok(Self { child, group, out, err, stdout: Vec::new(), overflow: false, tail: Tail::default() })
    }

    /// The id of its process group, while it runs.
    pub(super) fn group(&self) -> Option<i32> {
        self.group.map(|pid| pid.as_raw_nonzero().get())
    }

    /// Waits for its end: at most until the deadline, and no longer than `stop` takes.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub(super) async fn finish(mut self, deadline: Instant, stop: impl Future<Output = ()>) -> io::Result<Ended> {
        let late = async {
            tokio::select! {
                () = sleep_until(deadline) => How::PastDeadline,
                () = stop => How::Stopped,
            }
        };
        let how = match self.pump(late).await {
            Pumped::Ended(status) => end_of(status?),
            Pumped::Interrupted(why) => {
                self.kill().await?;
                why
            }
        };
        self.group = None;
        self.drain().await;
        Ok(Ended { how, stdout: (!self.overflow).then(|| std::mem::take(&mut self.stdout)), tail: self.tail.text() })
    }

    /// Reads output until it ends or `until` happens.
    async fn pump<T>(&mut self, until: impl Future<Output = T>) -> Pumped<T> {
        tokio::pin!(until);
        let (mut first, mut second) = ([0_u8; 4096], [0_u8; 4096]);
        loop {
            tokio::select! {
                why = &mut until => return Pumped::Interrupted(why),
                read = read(&mut self.out, &mut first), if self.out.is_some() => self.took_stdout(&first[..read]),
                read = read(&mut self.err, &mut second), if self.err.is_some() => self.tail.push(&second[..read]),
                status = self.child.wait() => return Pumped::Ended(status),
            }
        }
    }

    /// Tells the whole group to end, and kills what is left of it after the grace.
    async fn kill(&mut self) -> io::Result<()> {
        let Some(group) = self.group else { return Ok(()) };
        let _ = kill_process_group(group, Signal::TERM);
        let gone = async {
            // The group is gone when its last process is, which may be another than the shell.
            while test_kill_process_group(group).is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let started = Instant::now();
        if let Pumped::Ended(status) = self.pump(sleep(TERM_GRACE)).await {
            status?;
            let _ = timeout(TERM_GRACE.saturating_sub(started.elapsed()), gone).await;
        }
        let _ = kill_process_group(group, Signal::KILL);
        self.child.wait().await.map(drop)
    }

    /// Takes what the pipes still hold.
    async fn drain(&mut self) {
        let (mut first, mut second) = ([0_u8; 4096], [0_u8; 4096]);
        let rest = async {
            while self.out.is_some() || self.err.is_some() {
                tokio::select! {
                    read = read(&mut self.out, &mut first), if self.out.is_some() => self.took_stdout(&first[..read]),
                    read = read(&mut self.err, &mut second), if self.err.is_some() => self.tail.push(&second[..read]),
                }
            }
        };
        let _ = timeout(DRAIN, rest).await;
    }

    fn took_stdout(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        if self.stdout.len() + bytes.len() > STDOUT_MAX {
            self.overflow = true;
            self.stdout.clear();
        }
        if !self.overflow {
            self.stdout.extend_from_slice(bytes);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

enum Pumped<T> {
    Ended(io::Result<ExitStatus>),
    Interrupted(T),
}

/// Reads once; at its end, or an error, the pipe is given up.
async fn read<R: tokio::io::AsyncRead + Unpin>(pipe: &mut Option<R>, buffer: &mut [u8]) -> usize {
    let Some(open) = pipe else { return 0 };
    let read = open.read(buffer).await.unwrap_or(0);
    if read == 0 {
        *pipe = None;
    }
    read
}

fn end_of(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exited(code),
        (None, signal) => How::Signalled(signal.unwrap_or_default()),
    }
}

/// The end of a stream of bytes.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 4 * BLOCK_MAX {
            self.0.drain(..self.0.len() - BLOCK_MAX);
        }
    }

    fn text(&self) -> SafeBlock {
        let mut bytes = &self.0[self.0.len().saturating_sub(BLOCK_MAX)..];
        // A character that was cut in two is not shown as damage.
        while let [0x80..=0xBF, rest @ ..] = bytes {
            bytes = rest;
        }
        SafeBlock::new(String::from_utf8_lossy(bytes).trim_end())
    }
}

/// Which process a group's leader is, so that it is known again after a restart of the agent, and
/// never mistaken for another that got its number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ProcessMark {
    group: i32,
    boot: String,
    started: String,
}

impl ProcessMark {
    /// Marks the leader of a group; none where the system does not tell (no `/proc`).
    pub(super) fn of(group: i32) -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{group}/stat")).ok()?;
        // The command's name, in parentheses, may hold anything; the fields follow the last one.
        let started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.to_owned();
        Some(Self { group, boot: boot.trim().to_owned(), started })
    }

    /// Kills the group, if its leader is still that very process.
    pub(super) async fn kill_left_over(&self) -> bool {
        let alive = || Self::of(self.group).as_ref() == Some(self);
        let Some(group) = Pid::from_raw(self.group).filter(|_| alive()) else { return false };
        let _ = kill_process_group(group, Signal::TERM);
        let give_up = Instant::now() + TERM_GRACE;
        while alive() && Instant::now() < give_up {
            sleep(Duration::from_millis(50)).await;
        }
        if alive() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        true
    }
}

#[cfg(test)]
mod tests;
