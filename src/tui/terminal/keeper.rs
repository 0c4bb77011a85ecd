//! What ends the program from outside: signals, and the terminal going away. Two threads of their own
//! wait for them, so that the program ends even when its loop is stuck.

use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

/// The exit code after a panic.
pub(super) const PANICKED: i32 = 101;
/// The exit code when the terminal was closed.
pub(super) const HUNG_UP: i32 = 129;
/// How long the loop has to end by itself, so that what it holds is put away.
const GRACE: Duration = Duration::from_secs(2);
/// The same, when the terminal is gone and the loop does not hear of it.
const GRACE_HUNG_UP: Duration = Duration::from_millis(300);
/// A key that was pressed for another program may be heard of this long after that one has ended of it, on a
/// machine that is busy.
const LATE: Duration = Duration::from_millis(500);

static ENDING: OnceLock<Arc<Ending>> = OnceLock::new();

/// The program is to end, by the wish of somebody outside it.
#[derive(Debug, Default)]
pub struct Ending {
    /// The exit code; 0 as long as nobody asked.
    code: AtomicI32,
    asked: Notify,
    /// Whether the loop heard it: what it holds is being put away then, which may take its time.
    heard: AtomicBool,
    /// For the thread that ends what does not end by itself.
    overdue: Notify,
    /// Whether keys that interrupt and quit are meant for another program that has the terminal.
    lent: AtomicBool,
    /// When it was given back.
    returned: Mutex<Option<Instant>>,
}

/// The dashboard was ended from outside; the process is to exit with this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ended by {}", match .code {
    129 => "the terminal, which was closed",
    130 => "an interrupt",
    131 => "a quit signal",
    143 => "a termination signal",
    101 => "a defect in rolldeck",
    _ => "a signal",
})]
pub struct Ended {
    /// The exit code: 128 and the signal's number, or 101 after a panic.
    pub code: i32,
}

impl Ended {
    /// The terminal was closed.
    #[must_use]
    pub const fn hung_up() -> Self {
        Self { code: HUNG_UP }
    }

    /// Whether somebody goes on with the terminal, and would be given what it still answers.
    #[must_use]
    pub const fn leaves_a_terminal(self) -> bool {
        !matches!(self.code, HUNG_UP | PANICKED)
    }
}

impl Ending {
    /// Asks for the end; the first to ask decides the code.
    pub fn ask(&self, code: i32) {
        let _ = self.code.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.asked.notify_one();
        self.overdue.notify_one();
    }

    /// Whether interrupts from the keyboard are meant for another program now.
    pub(super) fn ignore_keyboard(&self, lent: bool) {
        if !lent {
            *self.returned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        self.lent.store(lent, Ordering::SeqCst);
    }

    fn ignores_keyboard(&self) -> bool {
        let returned = *self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        self.lent.load(Ordering::SeqCst) || returned.is_some_and(|at| at.elapsed() < LATE)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) -> Ended {
        loop {
            match self.code.load(Ordering::SeqCst) {
                0 => self.asked.notified().await,
                code => {
                    self.heard.store(true, Ordering::SeqCst);
                    return Ended { code };
                }
            }
        }
    }
}

/// Starts the two threads, once in a process.
pub(super) fn start() -> io::Result<Arc<Ending>> {
    if let Some(ending) = ENDING.get() {
        return Ok(Arc::clone(ending));
    }
    let ending = Arc::clone(ENDING.get_or_init(Arc::default));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        [
            (signal(SignalKind::hangup())?, HUNG_UP),
            (signal(SignalKind::interrupt())?, 130),
            (signal(SignalKind::quit())?, 131),
            (signal(SignalKind::terminate())?, 143),
        ]
    };
    let shared = Arc::clone(&ending);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let code = tokio::select! {
                code = any(&mut signals, &shared) => { shared.ask(code); code }
                () = shared.overdue.notified() => shared.code.load(Ordering::SeqCst),
            };
            tokio::time::sleep(GRACE_HUNG_UP).await;
            if code != HUNG_UP || shared.heard.load(Ordering::SeqCst) {
                tokio::time::sleep(GRACE).await;
            }
            // The loop is stuck, or what it left is: the person's terminal is worth more.
            super::leave();
            std::process::exit(code);
        });
    })?;
    let shared = Arc::clone(&ending);
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
        if hung_up() {
            if let Some(tty) = super::TTY.get() {
                tty.went_away();
            }
            shared.ask(HUNG_UP);
        }
    })?;
    Ok(ending)
}

/// The code of the first signal that comes and is meant for this program.
async fn any(signals: &mut [(Signal, i32); 4], ending: &Ending) -> i32 {
    let [(hup, a), (int, b), (quit, c), (term, d)] = signals;
    loop {
        let code = tokio::select! {
            _ = hup.recv() => *a,
            _ = int.recv() => *b,
            _ = quit.recv() => *c,
            _ = term.recv() => *d,
        };
        if !(ending.ignores_keyboard() && (code == *b || code == *c)) {
            return code;
        }
    }
}

/// Waits until the terminal is gone. The system tells it on its input without being asked for anything
/// else, so this sleeps for as long as the terminal lives.
fn hung_up() -> bool {
    let stdin = rustix::stdio::stdin();
    loop {
        let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => return true,
            Ok(_) if fds[0].revents().contains(PollFlags::NVAL) => return false,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_who_asks_decides_and_a_late_listener_hears_it_too() {
        let ending = Ending::default();
        ending.ask(143);
        ending.ask(129);
        assert_eq!(ending.asked().await, Ended { code: 143 });
        assert_eq!(ending.asked().await.to_string(), "ended by a termination signal");
    }
}
