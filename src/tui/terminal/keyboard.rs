//! What comes from the terminal: keys, pastes, the mouse, sizes, and answers to what frames ask. Read here
//! and not by crossterm, which keeps answers to itself; told in its words all the same.

use std::{
    collections::VecDeque,
    fs::OpenOptions,
    future::Future as _,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use crossterm::event::Event;
use futures_util::Stream;
use rustix::{fs::OFlags, io::Errno};
use termina::Parser;
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
    time::{Sleep, sleep},
};

mod words;

/// Asks the terminal whether it works: it answers when it has come to it. Every terminal since the first does.
pub const ASK: &[u8] = b"\x1b[5n";
/// The answer.
const WORKS: &[u8] = b"\x1b[0n";
/// Bytes that are read at a time.
const AT_ONCE: usize = 1024;
/// How long the rest of an answer may be behind its first byte, which is the escape key's too.
const REST_WITHIN: Duration = Duration::from_millis(25);

/// Answers to [`ASK`], from where they are read to where they are waited for.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    came: Semaphore,
    awaited: AtomicBool,
}

impl Default for Inner {
    fn default() -> Self {
        Self { came: Semaphore::new(0), awaited: AtomicBool::new(false) }
    }
}

impl Answers {
    /// One came.
    pub fn came(&self) {
        // Whoever sends answers that nobody asked for fills no memory and overflows nothing.
        if self.0.came.available_permits() < AT_ONCE {
            self.0.came.add_permits(1);
        }
    }

    /// Waits for one.
    pub async fn next(&self) {
        match self.0.came.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether one is due.
    pub fn await_one(&self, awaited: bool) {
        self.0.awaited.store(awaited, Ordering::Relaxed);
    }

    fn is_awaited(&self) -> bool {
        self.0.awaited.load(Ordering::Relaxed)
    }
}

/// The terminal's input. Nothing is read while nobody asks for an event, so that another program may have it.
pub struct Keyboard {
    fd: AsyncFd<OwnedFd>,
    sizes: Signal,
    reader: Reader,
    answers: Answers,
    /// When what is held is all there is.
    rest: Option<Pin<Box<Sleep>>>,
}

impl Keyboard {
    /// Opens standard input's terminal. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(answers: Answers) -> io::Result<Self> {
        let fd = match reopened() {
            Some(fd) => fd,
            // Somebody else's terminal: it is read only when there is something to read.
            None => rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?,
        };
        #[expect(deprecated, reason = "the fd is owned for as long, and its successor is for unsafe code only")]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { fd, sizes: signal(SignalKind::window_change())?, reader: Reader::default(), answers, rest: None })
    }
}

/// The terminal once more: the shell that shares the old description does not notice that this one does not block.
fn reopened() -> Option<OwnedFd> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).ok()?;
    let wanted = rustix::fs::fstat(rustix::stdio::stdin()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open("/proc/self/fd/0").ok()?;
    let found = rustix::fs::fstat(&file).ok()?;
    (found.st_rdev == wanted.st_rdev && found.st_ino == wanted.st_ino).then(|| OwnedFd::from(file))
}

impl Stream for Keyboard {
    type Item = io::Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.reader.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if this.sizes.poll_recv(context).is_ready() {
                let (width, height) = crossterm::terminal::size()?;
                return Poll::Ready(Some(Ok(Event::Resize(width, height))));
            }
            if let Some(rest) = &mut this.rest
                && rest.as_mut().poll(context).is_ready()
            {
                this.rest = None;
                this.reader.flush();
                continue;
            }
            let mut guard = ready!(this.fd.poll_read_ready(context))?;
            let mut bytes = [0; AT_ONCE];
            match rustix::io::read(guard.get_inner().as_fd(), &mut bytes) {
                // A terminal in raw mode has an end only when it is gone.
                Ok(0) => return Poll::Ready(Some(Err(Errno::IO.into()))),
                Ok(count) => {
                    if count < AT_ONCE {
                        guard.clear_ready();
                    }
                    let answers = this.reader.take(&bytes[..count], this.answers.is_awaited());
                    (0..answers).for_each(|_| this.answers.came());
                    this.rest = (!this.reader.held.is_empty()).then(|| Box::pin(sleep(REST_WITHIN)));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}

/// From bytes to events and answers.
#[derive(Debug, Default)]
struct Reader {
    parser: Parser,
    held: Vec<u8>,
    events: VecDeque<Event>,
}

impl Reader {
    /// Takes bytes; says how many answers were among them. What may be the beginning of an answer is held,
    /// the escape key only while one is awaited.
    fn take(&mut self, bytes: &[u8], awaited: bool) -> usize {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let (mut answers, mut from) = (0, 0);
        while let Some(at) = position(&all[from..], WORKS) {
            // Whatever stands before an answer is whole: an escape there is the key, and waits for nothing.
            self.parse(&all[from..from + at], false);
            from += at + WORKS.len();
            answers += 1;
        }
        let mut rest = all.split_off(from);
        let least = if awaited { 1 } else { 2 };
        let begun = (least..WORKS.len()).rev().find(|length| rest.ends_with(&WORKS[..*length]));
        if let Some(length) = begun {
            self.held = rest.split_off(rest.len() - length);
        }
        self.parse(&rest, bytes.len() == AT_ONCE || !self.held.is_empty());
        answers
    }

    /// What is held was no answer.
    fn flush(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.parse(&held, false);
    }

    /// Parses bytes. Strings that a terminal sends are left out whole; what only begins like one is Alt with a
    /// key, and nothing after it is lost in waiting for an end that never comes.
    fn parse(&mut self, mut bytes: &[u8], more: bool) {
        while let Some(at) = bytes.windows(2).position(|pair| matches!(pair, b"\x1b]" | b"\x1bP")) {
            let (before, string) = bytes.split_at(at);
            self.feed(before, true);
            let (begin, body) = string.split_at(2);
            let ends = [b"\x07".as_slice(), b"\x1b\\"].map(|end| position(body, end).map(|at| at + end.len()));
            if let Some(end) = ends.into_iter().flatten().min() {
                bytes = &body[end..];
            } else {
                self.events.push_back(words::alt(char::from(begin[1])));
                bytes = body;
            }
        }
        self.feed(bytes, more);
    }

    fn feed(&mut self, bytes: &[u8], more: bool) {
        if bytes.is_empty() {
            return;
        }
        self.parser.parse(bytes, more);
        self.events.extend(std::iter::from_fn(|| self.parser.pop()).filter_map(words::event));
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests;
