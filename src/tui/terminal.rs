//! The person's terminal: taken when the dashboard begins, given back as it was found however it ends.
//!
//! As little as possible is switched on: raw mode, the alternate screen, bracketed paste, and the cursor
//! is hidden. There is one terminal in a process, so what was switched on is kept here, where a panic
//! hook and the threads that wait for signals can reach it.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc, Once, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

mod editor;
mod keeper;
mod keyboard;
mod painter;
mod request;
mod tty;
mod writer;

pub use editor::{Editor, EditorError, Sheet};
pub use keeper::{Ended, Ending};
pub use keyboard::{ASK, Answers, Keyboard};
pub use painter::Painter;
pub use request::{Multiplexer, bytes as request_bytes, fits_clipboard};
pub use writer::{Sink, Writer};

use tty::Tty;

/// Switches on what [`LEAVE`] switches off. It goes out in front of the first frame, in the same write.
/// Where there is no alternate screen, what was on the other one is not to show between the words.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J";
/// The same with the mouse.
const ENTER_MOUSE: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J\x1b[?1000h\x1b[?1006h";
/// In the order of what matters most if it is cut: an open frame, colours, the mouse, paste, cursor, the screen.
/// The mouse is switched off in any case: who left it on before matters to nobody.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// How long giving the terminal back may wait for a terminal that does not read.
const LEAVE_WITHIN: Duration = Duration::from_millis(300);

static TTY: OnceLock<Arc<Tty>> = OnceLock::new();
/// Whether raw mode is ours.
static RAW: AtomicBool = AtomicBool::new(false);
/// Whether [`ENTER`] was handed out and not undone.
static MODES: AtomicBool = AtomicBool::new(false);
/// Whether the mouse is to be reported, also after the shell had the terminal.
static MOUSE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Session {
    ending: Arc<Ending>,
}

/// Why the terminal could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Input or output is a pipe or a file.
    #[error("the dashboard needs a terminal on standard input and output: use `rolldeck list` or `-o json` in scripts")]
    NoTerminal,
    /// The terminal cannot place text.
    #[error("TERM is {0}, and the dashboard needs a terminal that can move its cursor: use `rolldeck list`")]
    Dumb(String),
    /// The system refused.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl Session {
    /// Takes the terminal, and begins to watch for the signals that end the program and for the terminal
    /// going away.
    ///
    /// # Errors
    /// [`TerminalError`], with nothing changed.
    pub fn enter() -> Result<Self, TerminalError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(TerminalError::NoTerminal);
        }
        if TTY.get().is_none() {
            let _ = TTY.set(Arc::new(Tty::open()?));
        }
        let ending = keeper::start()?;
        HOOK.call_once(|| install_hook(Arc::clone(&ending)));
        crossterm::terminal::enable_raw_mode()?;
        RAW.store(true, Ordering::SeqCst);
        Ok(Self { ending })
    }

    /// What ends the program from outside.
    #[must_use]
    pub fn ending(&self) -> Arc<Ending> {
        Arc::clone(&self.ending)
    }

    /// Where frames go.
    #[must_use]
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(TtySink)
    }

    /// What has to go out in front of the next frame, so that it is painted on a screen of our own.
    #[must_use]
    pub fn opening(&self) -> &'static [u8] {
        MODES.store(true, Ordering::SeqCst);
        if MOUSE.load(Ordering::SeqCst) { ENTER_MOUSE } else { ENTER }
    }

    /// Takes raw mode again after the shell had the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resume(&self) -> io::Result<()> {
        // The shell set its own mode meanwhile: what was found at first is set, then raw mode again.
        crossterm::terminal::disable_raw_mode()?;
        crossterm::terminal::enable_raw_mode()?;
        RAW.store(true, Ordering::SeqCst);
        if let Some(tty) = TTY.get() {
            tty.reopen_for_frames();
        }
        Ok(())
    }

    /// Gives the terminal back for as long as another program of this person has it. Interrupts from the
    /// keyboard are that program's until [`Session::end_loan`], after which [`Session::resume`] is to be called.
    pub fn lend(&self) {
        self.ending.ignore_keyboard(true);
        leave();
    }

    /// The other program is done.
    pub fn end_loan(&self) {
        self.ending.ignore_keyboard(false);
    }

    /// Gives the terminal back and stops the process group, as the shell expects it of Ctrl-Z. Comes back
    /// when the process goes on; [`Session::resume`] is to be called then.
    pub async fn stop(&self, continued: &mut tokio::signal::unix::Signal) {
        leave();
        // An orphaned group is not stopped by it, which is right: nobody could make it go on.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        let _ = tokio::time::timeout(Duration::from_millis(200), continued.recv()).await;
    }

    /// Whether what is typed comes here, and not to a shell that has this program in the background: that
    /// would stop it for reading.
    #[must_use]
    pub fn is_in_front(&self) -> bool {
        let front = rustix::termios::tcgetpgrp(rustix::stdio::stdin());
        front.is_ok_and(|group| group == rustix::process::getpgrp())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        leave();
    }
}

/// The mouse is reported from now on, or not: so it will be after the shell had the terminal.
pub(super) fn report_mouse(on: bool) {
    MOUSE.store(on, Ordering::SeqCst);
}

/// Gives the terminal back: from anywhere, any number of times.
pub fn leave() {
    let modes = MODES.swap(false, Ordering::SeqCst);
    if let Some(tty) = TTY.get().filter(|tty| modes && !tty.is_dead()) {
        tty.close_for_frames();
        tty.write_now(LEAVE, LEAVE_WITHIN);
    }
    if RAW.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs no mode.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// A panic's message is only readable on the screen that the person left.
fn install_hook(ending: Arc<Ending>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = RAW.load(Ordering::SeqCst);
        leave();
        before(info);
        if ours {
            // A panic in a task would go unnoticed: the program that it belonged to is broken.
            ending.ask(keeper::PANICKED);
        }
    }));
}

#[derive(Debug)]
struct TtySink;

impl Sink for TtySink {
    fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        TTY.get().map_or(Ok(()), |tty| tty.write_frame(frame))
    }
}
