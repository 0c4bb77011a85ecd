//! A program in a real pseudo-terminal, with a screen behind it that reads what it writes.

use std::{
    io::{Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// A variable of the environment that is not set.
pub const UNSET: &str = "\u{1}unset";

/// How long anything may take before a test fails.
pub const SOON: Duration = Duration::from_secs(20);

/// Whether the terminal works, and that it does.
const ASKS: &[u8] = b"\x1b[5n";
const WORKS: &[u8] = b"\x1b[0n";

/// What the terminal got, and when.
struct Received {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// Where keys are typed, and where the terminal answers.
type Keys = Arc<Mutex<Option<Box<dyn Write + Send>>>>;

/// A running program, and its terminal.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Keys,
    received: Arc<Mutex<Received>>,
    paused: Arc<AtomicBool>,
    hang_up: Arc<AtomicBool>,
    mute: Arc<AtomicBool>,
}

/// What a terminal is left with that it did not have before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Private modes that are still on, or off where they were on.
    pub modes: Vec<u16>,
    /// Whether what is typed is not echoed.
    pub raw: bool,
}

impl Pty {
    /// Starts a program in a terminal of this size. The environment is empty but for `env`; a variable that is
    /// [`UNSET`] is not set.
    pub fn start(program: &str, args: &[&str], env: &[(&str, &str)], width: u16, height: u16) -> Self {
        Self::start_on(size(width, height), program, args, env, width, height)
    }

    /// The same in a terminal that says that it is of another size than its emulator.
    pub fn start_on(
        said: PtySize,
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
        width: u16,
        height: u16,
    ) -> Self {
        let pty = native_pty_system().openpty(said).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        for (key, value) in [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            command.env(key, value);
        }
        for (key, value) in env {
            if *value == UNSET {
                command.env_remove(key);
            } else {
                command.env(key, value);
            }
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let keys: Keys = Arc::new(Mutex::new(Some(pty.master.take_writer().unwrap())));
        let reader = pty.master.try_clone_reader().unwrap();
        let screen = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
        let pty = Self {
            child,
            master: Some(pty.master),
            keys,
            received: Arc::new(Mutex::new(Received { screen, bytes: Vec::new() })),
            paused: Arc::default(),
            hang_up: Arc::default(),
            mute: Arc::default(),
        };
        pty.read(reader);
        pty
    }

    /// From now on the terminal answers nothing that it is asked.
    pub fn mute(self) -> Self {
        self.mute.store(true, Ordering::SeqCst);
        self
    }

    fn read(&self, mut reader: Box<dyn Read + Send>) {
        let (received, keys) = (Arc::clone(&self.received), Arc::clone(&self.keys));
        let [paused, hang_up, mute] = [&self.paused, &self.hang_up, &self.mute].map(Arc::clone);
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            let mut tail = Vec::new();
            loop {
                while paused.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let Ok(count @ 1..) = reader.read(&mut buffer) else { return };
                let mut received = received.lock().unwrap();
                // A character that is cut in two is seen whole with what comes next.
                tail.extend_from_slice(&buffer[..count]);
                let cut = tail.iter().rev().take(2).position(|byte| *byte == 0xef).map_or(0, |at| at + 1);
                let whole = tail.len() - cut;
                received.screen.process(&super::bytes::for_emulator(&tail[..whole]));
                tail.drain(..whole);
                let seen = received.bytes.len().saturating_sub(ASKS.len() - 1);
                received.bytes.extend_from_slice(&buffer[..count]);
                let asked = received.bytes[seen..].windows(ASKS.len()).filter(|bytes| *bytes == ASKS).count();
                drop(received);
                if let Some(keys) = keys.lock().unwrap().as_mut().filter(|_| !mute.load(Ordering::SeqCst)) {
                    // A terminal whose program is gone answers nobody.
                    let _ = keys.write_all(&WORKS.repeat(asked));
                }
                if hang_up.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        let writer = writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.received
            .lock()
            .unwrap()
            .screen
            .screen_mut()
            .set_size(height.try_into().unwrap(), width.try_into().unwrap());
        self.master.as_ref().unwrap().resize(size(width, height)).unwrap();
    }

    /// Whether the terminal reads.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.received.lock().unwrap().screen.screen().contents()
    }

    /// The screen with its colours, attributes and cursor. A cell that nothing was written to is a blank.
    pub fn painted(&self) -> String {
        self.look(|screen| {
            let (rows, columns) = screen.size();
            let mut out = format!("{:?} {}\n", screen.cursor_position(), screen.hide_cursor());
            let mut last = String::new();
            for y in 0..rows.get() {
                for x in 0..columns.get() {
                    let cell = screen.cell(y, x).unwrap();
                    let look =
                        (cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.dim(), cell.underline(), cell.inverse());
                    let text = if cell.contents().is_empty() { " " } else { cell.contents() };
                    // Neither colour nor weight of a blank is seen.
                    let seen = if text == " " && !cell.inverse() && !cell.underline() {
                        format!("{:?}", cell.bgcolor())
                    } else {
                        format!("{look:?}")
                    };
                    if seen != last && !(text == " " && seen == "Default") {
                        out.push_str(&format!("<{seen}>"));
                        last = seen;
                    }
                    out.push_str(text);
                }
                out.push('\n');
            }
            out
        })
    }

    /// Waits until two terminals show the same, cell by cell and colour by colour.
    pub fn until_like(&self, other: &Self, what: &str) {
        let until = Instant::now() + SOON;
        while self.painted() != other.painted() {
            assert!(
                Instant::now() < until,
                "{what}: they differ for {SOON:?}; one is\n{}\nand the other\n{}",
                self.screen(),
                other.screen()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Looks at the screen's cells.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.received.lock().unwrap().screen.screen())
    }

    /// How many bytes came.
    pub fn count(&self) -> usize {
        self.received.lock().unwrap().bytes.len()
    }

    /// The bytes that came after the first so many.
    pub fn bytes_since(&self, count: usize) -> Vec<u8> {
        self.received.lock().unwrap().bytes[count..].to_vec()
    }

    /// Waits until a condition holds.
    pub fn until(&self, what: &str, within: Duration, condition: impl Fn(&Self) -> bool) {
        let until = Instant::now() + within;
        while !condition(self) {
            assert!(Instant::now() < until, "{what} did not come in {within:?}; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&self, text: &str) {
        self.until(&format!("{text:?}"), SOON, |pty| pty.screen().contains(text));
    }

    /// Waits until nothing came for so long; says how many bytes there are.
    pub fn quiet(&self, long: Duration) -> usize {
        let until = Instant::now() + SOON;
        let (mut count, mut since) = (self.count(), Instant::now());
        while since.elapsed() < long {
            assert!(Instant::now() < until, "bytes come all the time; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
            if self.count() != count {
                (count, since) = (self.count(), Instant::now());
            }
        }
        count
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The program's process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// The letter of its state in the process table, such as `T` for stopped.
    pub fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid().as_raw_nonzero())).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('X')
    }

    /// Closes the terminal, as a lost link does. Something has to make the program write once more, so that
    /// the thread that reads notices.
    pub fn close(&mut self) {
        self.close_while(|_| {});
    }

    /// The same, doing something in the last moment.
    pub fn close_while(&mut self, last: impl FnOnce(&mut Self)) {
        self.hang_up.store(true, Ordering::SeqCst);
        self.keys("\x0c");
        self.until("the last read", SOON, |pty| Arc::strong_count(&pty.received) == 1);
        last(self);
        *self.keys.lock().unwrap() = None;
        self.master = None;
    }

    /// Waits until the program ends; says its exit code and how long it took.
    pub fn ended(&mut self) -> (u32, Duration) {
        self.ended_within(SOON)
    }

    /// Waits so long until the program ends.
    pub fn ended_within(&mut self, within: Duration) -> (u32, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let took = began.elapsed();
                self.read_out();
                return (status.exit_code(), took);
            }
            assert!(began.elapsed() < within, "it does not end; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until all that was written by programs that have ended is read; not for those that still run.
    pub fn read_out(&self) {
        let until = Instant::now() + Duration::from_secs(1);
        let is_reading = || Arc::strong_count(&self.received) > 1 && !self.paused.load(Ordering::SeqCst);
        while is_reading() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it left the terminal with. Only after it ended.
    pub fn left(&self) -> Left {
        // The last bytes may still be on their way.
        self.quiet(Duration::from_millis(100));
        let raw = self.is_raw();
        Left { modes: modes(&self.bytes_since(0)), raw }
    }

    /// Whether the terminal echoes nothing.
    pub fn is_raw(&self) -> bool {
        let name = self.master.as_ref().and_then(|master| master.tty_name()).unwrap();
        let tty = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
        let termios = rustix::termios::tcgetattr(&tty).unwrap();
        !termios.local_modes.contains(rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Private modes that differ from those of a fresh terminal after these bytes.
pub fn modes(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let mut on = vec![25];
    for part in text.split("\x1b[?").skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(mode) = digits.parse::<u16>() else { continue };
        match part[digits.len()..].chars().next() {
            Some('h') if !on.contains(&mode) => on.push(mode),
            Some('l') => on.retain(|other| *other != mode),
            _ => {}
        }
    }
    let mut left: Vec<u16> = on.iter().copied().filter(|mode| *mode != 25).collect();
    left.extend((!on.contains(&25)).then_some(25));
    left
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}
