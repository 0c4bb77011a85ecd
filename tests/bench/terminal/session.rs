//! One run of a program in a pseudo-terminal of its own, with a link between the two that may be slow: what
//! the program writes is timed when it leaves, and shown when the link has carried it. The link holds a
//! bounded number of bytes; while it is full nothing is read, and the program feels it.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    time::{Duration, Instant},
};

use filedescriptor::{POLLIN, poll, pollfd};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    process::Usage,
    screen::{Screen, frames_in},
};

/// Writes closer together than this are one burst, which is roughly one frame.
pub const GAP: Duration = Duration::from_millis(10);

/// What lies between the program and the screen.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Bytes a second; none is as fast as can be.
    pub rate: Option<f64>,
    /// There and back.
    pub round_trip: Duration,
    /// Bytes that wait on it before nothing more is taken.
    pub buffer: usize,
}

impl Link {
    pub const NONE: Self = Self { rate: None, round_trip: Duration::ZERO, buffer: 65536 };

    pub const fn slow(rate: f64, buffer: usize) -> Self {
        Self { rate: Some(rate), round_trip: Duration::from_millis(150), buffer }
    }

    fn takes(&self, bytes: usize) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / rate))
    }
}

/// Bytes that left the program together.
#[derive(Debug)]
struct Piece {
    read: Instant,
    due: Instant,
    data: Vec<u8>,
}

/// When a piece left the program, and when it was on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub read: Instant,
    pub due: Instant,
}

/// How an ending went.
#[derive(Debug)]
pub struct End {
    /// How long it took; none when it did not end.
    pub took: Option<Duration>,
    /// Modes left on; none when nobody can look any more.
    pub left_on: Option<Vec<&'static str>>,
}

/// A way of ending a program.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Key(&'static str),
    Signal(Signal),
    /// The terminal is closed, as when a connection breaks.
    Close,
}

pub struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    reader: Option<Box<dyn Read + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    link: Link,
    /// Until when the link is busy with what it has taken.
    wire: Instant,
    inbox: VecDeque<Piece>,
    outbox: VecDeque<(Instant, Vec<u8>)>,
    eof: bool,
    pub screen: Screen,
    pub started: Instant,
    /// When bytes left the program, and how many.
    pub log: Vec<(Instant, usize)>,
    /// Frames that left the program whole.
    pub frames_out: usize,
    tail: Vec<u8>,
    shown_tail: Vec<u8>,
}

impl Session {
    /// Starts a program. Its environment is this one's, with what `env` says.
    pub fn start(
        command: &[String],
        env: &[(&str, String)],
        (width, height): (u16, u16),
        link: Link,
    ) -> Result<Self, String> {
        let size = PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).map_err(|error| format!("no pseudo-terminal: {error}"))?;
        let mut builder = CommandBuilder::new(&command[0]);
        builder.args(&command[1..]);
        for name in ["TMUX", "STY", "COLUMNS", "LINES", "NO_COLOR", "SSH_TTY", "SSH_CONNECTION"] {
            builder.env_remove(name);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            builder.env(name, value);
        }
        for (name, value) in env {
            builder.env(name, value);
        }
        let started = Instant::now();
        let child = pty.slave.spawn_command(builder).map_err(|error| error.to_string())?;
        drop(pty.slave);
        let keys = pty.master.take_writer().map_err(|error| error.to_string())?;
        let reader = pty.master.try_clone_reader().map_err(|error| error.to_string())?;
        Ok(Self {
            child,
            master: Some(pty.master),
            reader: Some(reader),
            keys: Some(keys),
            link,
            wire: started,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            eof: false,
            screen: Screen::new(width, height),
            started,
            log: Vec::new(),
            frames_out: 0,
            tail: Vec::new(),
            shown_tail: Vec::new(),
        })
    }

    fn delay(&self) -> Duration {
        self.link.round_trip / 2
    }

    fn has_room(&self) -> bool {
        self.wire.saturating_duration_since(Instant::now()) <= self.link.takes(self.link.buffer)
    }

    /// Carries bytes both ways for so long, or until `stop` accepts a piece that was shown.
    pub fn pump(&mut self, span: Duration, mut stop: impl FnMut(&Screen, Shown) -> bool) -> Option<Shown> {
        let deadline = Instant::now() + span;
        loop {
            let now = Instant::now();
            while self.outbox.front().is_some_and(|(at, _)| *at <= now) {
                if let (Some((_, bytes)), Some(keys)) = (self.outbox.pop_front(), &mut self.keys) {
                    // A program that has gone takes no keys.
                    let _ = keys.write_all(&bytes);
                }
            }
            while self.inbox.front().is_some_and(|piece| piece.due <= now) {
                let Some(piece) = self.inbox.pop_front() else { break };
                let replies = self.screen.feed(&piece.data);
                self.screen.frames += counted(&mut self.shown_tail, &piece.data);
                if !replies.is_empty() {
                    self.outbox.push_back((Instant::now() + self.delay(), replies));
                }
                let shown = Shown { read: piece.read, due: piece.due };
                if stop(&self.screen, shown) {
                    return Some(shown);
                }
            }
            if now >= deadline || (self.eof && self.inbox.is_empty()) {
                return None;
            }
            let due = self.inbox.front().map(|piece| piece.due).into_iter();
            let due = due.chain(self.outbox.front().map(|(at, _)| *at)).chain([deadline]).min();
            let wait = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            if self.eof || !self.has_room() {
                std::thread::sleep(wait.min(Duration::from_millis(5)));
            } else {
                self.read(wait);
            }
        }
    }

    fn read(&mut self, wait: Duration) {
        let (Some(master), Some(reader)) = (&self.master, &mut self.reader) else { return };
        let Some(fd) = master.as_raw_fd() else { return };
        let mut fds = [pollfd { fd, events: POLLIN, revents: 0 }];
        // A wait below the system's unit is rounded up, or this would spin.
        let wait = if wait.is_zero() { wait } else { wait.max(Duration::from_millis(1)) };
        if !matches!(poll(&mut fds, Some(wait)), Ok(1..)) {
            return;
        }
        let mut buffer = [0; 4096];
        let count = reader.read(&mut buffer).unwrap_or(0);
        let now = Instant::now();
        if count == 0 {
            self.eof = true;
            return;
        }
        self.log.push((now, count));
        self.frames_out += counted(&mut self.tail, &buffer[..count]);
        let step = self.link.rate.map_or(4096, |rate| (rate / 50.0).clamp(32.0, 4096.0) as usize);
        for data in buffer[..count].chunks(step) {
            self.wire = self.wire.max(now) + self.link.takes(data.len());
            self.inbox.push_back(Piece { read: now, due: self.wire + self.delay(), data: data.to_vec() });
        }
    }

    /// Waits until the program has written nothing for so long; at most for `limit`.
    pub fn quiet(&mut self, gap: Duration, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let silent = self.log.last().map_or(self.started, |(at, _)| *at) + gap;
            let left = silent.min(end).saturating_duration_since(Instant::now());
            if left.is_zero() || self.eof {
                return;
            }
            self.pump(left, |_, _| false);
        }
    }

    /// Types; the link carries it.
    pub fn send(&mut self, keys: &str) {
        let keys = match keys.strip_prefix("\x1b[") {
            Some(arrow @ ("A" | "B" | "C" | "D")) if self.screen.has_application_cursor() => format!("\x1bO{arrow}"),
            _ => keys.to_owned(),
        };
        self.outbox.push_back((Instant::now() + self.delay(), keys.into_bytes()));
    }

    /// How long a key took to change the screen; none when it did not.
    pub fn press(&mut self, keys: &str, timeout: Duration) -> Option<Duration> {
        let (mut before, sent) = (self.screen.picture(), Instant::now());
        let reaches = sent + self.delay();
        self.send(keys);
        let shown = self.pump(timeout, |screen, piece| {
            if screen.is_held() {
                return false;
            }
            if piece.read < reaches {
                // It was written before the key came.
                before = screen.picture();
                return false;
            }
            screen.picture() != before
        })?;
        self.quiet(GAP * 2, Duration::from_millis(500));
        Some(shown.due.saturating_duration_since(sent))
    }

    /// Frames that left the program and are not on the screen.
    pub fn frames_behind(&self) -> usize {
        self.frames_out - self.screen.frames
    }

    /// How long the link still needs for what it has taken.
    pub fn behind(&self) -> Duration {
        self.inbox.back().map_or(Duration::ZERO, |piece| piece.due.saturating_duration_since(Instant::now()))
    }

    /// Bytes that left the program so far.
    pub fn written(&self) -> usize {
        self.log.iter().map(|(_, count)| count).sum()
    }

    /// How often it wrote since a place in the log.
    pub fn bursts_since(&self, mark: usize) -> usize {
        let mut last = None;
        let log = self.log.get(mark..).unwrap_or_default().iter();
        log.filter(|(at, _)| last.replace(*at).is_none_or(|before| *at - before > GAP)).count()
    }

    fn pid(&self) -> i32 {
        self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0)
    }

    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the program, and says how that went.
    pub fn end(&mut self, way: Way, within: Duration) -> End {
        let asked = Instant::now();
        match way {
            Way::Key(keys) => self.send(keys),
            Way::Signal(signal) => {
                // One that has gone already is found below.
                let _ = Pid::from_raw(self.pid()).map(|pid| kill_process(pid, signal));
            }
            Way::Close => {
                (self.master, self.reader, self.keys) = (None, None, None);
                self.eof = true;
            }
        }
        let mut took = None;
        while took.is_none() && asked.elapsed() < within {
            if self.eof {
                std::thread::sleep(Duration::from_millis(1));
            } else {
                self.pump(Duration::from_millis(1), |_, _| false);
            }
            took = self.has_ended().then(|| asked.elapsed());
        }
        let left_on = self.master.is_some().then(|| {
            let rest = Duration::from_millis(50) + self.delay() + self.behind();
            self.pump(rest, |_, _| false);
            let mut left = self.screen.left_on();
            left.extend(self.is_raw().then_some("raw input"));
            left
        });
        End { took, left_on }
    }

    fn is_raw(&self) -> bool {
        let Some(name) = self.master.as_ref().and_then(|master| master.tty_name()) else { return false };
        let Ok(tty) = std::fs::OpenOptions::new().read(true).write(true).open(name) else { return false };
        rustix::termios::tcgetattr(&tty)
            .is_ok_and(|modes| !modes.local_modes.contains(rustix::termios::LocalModes::ICANON))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many frames end in a stream that continues with these bytes.
fn counted(tail: &mut Vec<u8>, bytes: &[u8]) -> usize {
    tail.extend_from_slice(bytes);
    let frames = frames_in(tail);
    // What may be the beginning of a mark is looked at again; a whole mark is not.
    let keep = tail.len().min(7);
    tail.drain(..tail.len() - keep);
    frames
}
