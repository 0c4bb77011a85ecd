//! The way out to the terminal: written without ever blocking for good, so that a terminal that does not
//! read can neither hold a frame for ever nor keep the program from ending.

use std::{
    fs::OpenOptions,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    sync::{
        Mutex, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// How long a wait for room lasts before it is asked again whether to go on waiting.
const WAIT: Duration = Duration::from_millis(20);

/// The terminal's output.
#[derive(Debug)]
pub(super) struct Tty {
    fd: OwnedFd,
    /// Held while something is being written, so that nothing lands inside something else.
    writing: Mutex<()>,
    /// No frame may go out any more: the terminal is being given back.
    closed: AtomicBool,
    dead: AtomicBool,
}

impl Tty {
    /// Opens standard output's terminal once more. The new description does not block, and the shell that
    /// shares the old one does not notice.
    pub fn open() -> io::Result<Self> {
        let fd = match reopened() {
            Some(fd) => fd,
            // Somebody else's terminal, as after `su`: what is written to it may block.
            None => rustix::io::fcntl_dupfd_cloexec(io::stdout().as_fd(), 3)?,
        };
        Ok(Self { fd, writing: Mutex::new(()), closed: AtomicBool::new(false), dead: AtomicBool::new(false) })
    }

    /// Whether the terminal is gone.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// The terminal is gone: nothing is written to it any more.
    pub fn went_away(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.close_for_frames();
    }

    /// Frames may go out no more; one that is on its way is cut.
    pub fn close_for_frames(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Frames may go out again.
    pub fn reopen_for_frames(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// Writes a frame, however long the terminal takes to read it. A frame that comes when the terminal is
    /// being given back is dropped.
    pub fn write_frame(&self, frame: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(frame, || !self.closed.load(Ordering::SeqCst))
    }

    /// Writes at once, and gives up when that takes longer than `within`.
    pub fn write_now(&self, bytes: &[u8], within: Duration) {
        let until = Instant::now() + within;
        let _writing = loop {
            match self.writing.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::WouldBlock) => return,
            }
        };
        // Nothing can be done about a terminal that takes no more.
        let _ = self.write(bytes, || Instant::now() < until);
    }

    fn write(&self, mut bytes: &[u8], go_on: impl Fn() -> bool) -> io::Result<()> {
        while !bytes.is_empty() {
            if !go_on() {
                return Ok(());
            }
            match rustix::io::write(&self.fd, bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(),
                Err(error) => {
                    self.dead.store(true, Ordering::SeqCst);
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Waits for room, or a little while where the system cannot tell.
    fn wait(&self) {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(WAIT.subsec_nanos()) };
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let ready = matches!(poll(&mut fds, Some(&timeout)), Ok(1..)) && fds[0].revents().contains(PollFlags::OUT);
        if !ready {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn reopened() -> Option<OwnedFd> {
    let stdout = io::stdout();
    let wanted = rustix::fs::fstat(stdout.as_fd()).ok()?;
    let name = rustix::termios::ttyname(stdout.as_fd(), Vec::new()).ok();
    let name = name.as_ref().map(|name| std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())));
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).ok()?;
    [Some(std::path::Path::new("/proc/self/fd/1")), name].into_iter().flatten().find_map(|path| {
        let file = OpenOptions::new().write(true).custom_flags(flags).open(path).ok()?;
        let found = rustix::fs::fstat(&file).ok()?;
        (found.st_rdev == wanted.st_rdev && found.st_ino == wanted.st_ino).then(|| OwnedFd::from(file))
    })
}
