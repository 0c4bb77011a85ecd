//! The shell of the line mode: lines come in where there is a terminal, lines go out, the backend is asked as
//! for the screen.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Scope, Talk, Teller, Voice, entry};
use crate::{
    backend::AuditQuery,
    tui::{
        app::App,
        capability::Capability,
        effects::Effects,
        keymap::Keymap,
        message::{Answer, Command, Message, Moment},
        options::Options,
        terminal::Ended,
        update,
    },
};

/// Answers that may wait to be told.
const MESSAGES: usize = 64;
/// Lines that may wait to be taken.
const LINES: usize = 16;
/// Most entries of the audit trail that are asked for at a time.
const PAGE: u32 = 200;
/// The trail is looked at again after this long, also when no rollout changed.
const TRAIL_EVERY: Duration = Duration::from_secs(10);
/// Least time between two deadlines, should one not move on.
const DEADLINE_FLOOR: Duration = Duration::from_millis(50);
/// The size of a screen that nobody sees: what the app would show on it is what it asks for.
const SIZE: (u16, u16) = (80, 24);

/// Why it ended otherwise than by leaving.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// Somebody outside ended it.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Nothing can be printed, or no thread can be had.
    #[error("cannot go on: {0}")]
    Io(#[from] io::Error),
}

/// Runs until the person leaves, a signal ends it, or nobody reads what it prints.
///
/// # Errors
/// [`PlainError`]; a reader that went away is none.
pub async fn run(options: Options, capability: &Capability) -> Result<(), PlainError> {
    match Plain::new(options, capability)?.run().await {
        Err(PlainError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

/// The audit trail as it is read on: what people do is told.
#[derive(Debug, Default)]
struct Tail {
    /// The last entry that was read; none before the first answer.
    after: Option<u64>,
    asked: Option<AuditQuery>,
    due: Option<Instant>,
}

impl Tail {
    /// What to ask, unless it is asked already.
    fn ask(&mut self) -> Option<Command> {
        if self.asked.is_some() {
            return None;
        }
        let query = match self.after {
            // Only where it ends: what was done before is not news.
            None => AuditQuery { limit: 1, newest: true, ..AuditQuery::default() },
            Some(after) => AuditQuery { after, limit: PAGE, ..AuditQuery::default() },
        };
        self.asked = Some(query.clone());
        self.due = Some(Instant::now() + TRAIL_EVERY);
        Some(Command::Audit(query))
    }
}

struct Plain {
    app: App,
    effects: Effects,
    messages: mpsc::Receiver<Message>,
    clock: Arc<dyn crate::clock::Clock>,
    began: Instant,
    voice: Voice,
    teller: Teller,
    /// Where commands are typed.
    talk: Option<Talk>,
    lines: mpsc::Receiver<io::Result<String>>,
    tail: Tail,
    /// Whether a prompt stands at the end of what was printed.
    prompted: bool,
    deadline_after: Instant,
}

impl Plain {
    fn new(mut options: Options, capability: &Capability) -> io::Result<Self> {
        let (keymap, findings) = Keymap::load(options.keymap.as_deref(), options.user_dir.as_deref());
        options.notices.extend(findings.iter().map(crate::tui::overlay::Finding::notice));
        let now = Moment { wall: options.clock.now(), elapsed: Duration::ZERO };
        let app = App::new(&options, Arc::new(keymap), now, SIZE);
        let (sender, messages) = mpsc::channel(MESSAGES);
        let voice = Voice(capability.glyphs);
        // Whoever pipes something in does not see the questions: commands are for people.
        let typed = io::stdin().is_terminal() && io::stdout().is_terminal();
        let (tell, lines) = mpsc::channel(LINES);
        if typed {
            std::thread::Builder::new().name("lines".to_owned()).spawn(move || read(&tell))?;
        }
        let teller = Teller::new(voice, Scope::of(&app, options.open.clone()));
        Ok(Self {
            app,
            effects: Effects::new(Arc::clone(&options.connect), sender),
            messages,
            clock: Arc::clone(&options.clock),
            began: Instant::now(),
            voice,
            teller,
            talk: typed.then(|| Talk::new(voice)),
            lines,
            tail: Tail::default(),
            prompted: false,
            deadline_after: Instant::now(),
        })
    }

    fn now(&self) -> Moment {
        Moment { wall: self.clock.now(), elapsed: self.began.elapsed() }
    }

    async fn run(mut self) -> Result<(), PlainError> {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        let mut unread = unread()?;
        let commands = self.app.start();
        self.perform(commands);
        loop {
            self.say()?;
            let deadline = [self.app.deadline(), self.teller.deadline()].into_iter().flatten().min();
            let deadline = deadline.map(|at| (self.began + at).max(self.deadline_after));
            let trail = self.tail.due;
            let code = tokio::select! {
                biased;
                _ = interrupted.recv() => 130,
                _ = terminated.recv() => 143,
                _ = hung_up.recv() => 129,
                _ = &mut unread => return Ok(()),
                line = self.lines.recv(), if self.talk.is_some() => {
                    match line {
                        Some(line) => {
                            self.prompted = false;
                            if self.typed(&line?)? {
                                return Ok(());
                            }
                        }
                        // The end of what is typed: whoever types it wants to leave.
                        None => return self.leave(),
                    }
                    continue;
                }
                Some(message) = self.messages.recv() => {
                    self.take(message)?;
                    continue;
                }
                () = at(trail) => {
                    self.tail.due = None;
                    if let Some(command) = self.tail.ask() {
                        self.perform(vec![command]);
                    }
                    continue;
                }
                () = at(deadline) => {
                    self.deadline_after = Instant::now() + DEADLINE_FLOOR;
                    let now = self.now();
                    let commands = update::update(&mut self.app, Message::Deadline, now);
                    self.perform(commands);
                    self.moved()?;
                    continue;
                }
            };
            self.leave()?;
            return Err(Ended { code }.into());
        }
    }

    /// Says what is left to say before the end.
    fn leave(&mut self) -> Result<(), PlainError> {
        let now = self.now();
        if let Some(talk) = &mut self.talk {
            let lines = talk.leave(&mut self.app, now);
            if self.prompted {
                // What the shell prints next begins a line of its own.
                self.prompted = false;
                io::stdout().write_all(b"\n")?;
            }
            self.print(&lines)?;
        }
        Ok(())
    }

    fn perform(&mut self, commands: Vec<Command>) {
        for command in commands {
            // What is for a screen has none here.
            drop(self.effects.run(command));
        }
    }

    /// Takes a typed line; says whether the program ends.
    fn typed(&mut self, line: &str) -> Result<bool, PlainError> {
        let now = self.now();
        let Some(talk) = &mut self.talk else { return Ok(false) };
        let reply = talk.line(&mut self.app, &self.teller, line, now);
        self.perform(reply.commands);
        self.print(&reply.lines)?;
        self.say()?;
        Ok(reply.leaves)
    }

    fn take(&mut self, message: Message) -> Result<(), PlainError> {
        let now = self.now();
        let mut looked = false;
        if let Message::Answer(_, answer) = &message {
            if let Answer::Audit(query, result) = &**answer {
                if self.tail.asked.as_ref() == Some(query) {
                    self.tail.asked = None;
                    if let Ok(page) = result {
                        let lines: Vec<String> = match self.tail.after {
                            None => Vec::new(),
                            Some(_) => {
                                page.entries.iter().filter_map(|one| entry(&self.app, self.voice, one)).collect()
                            }
                        };
                        let last = page.entries.last().map(|entry| entry.seq);
                        let more = page.entries.len() >= PAGE as usize;
                        self.tail.after = last.or(self.tail.after).or(Some(0));
                        self.print(&lines)?;
                        if more && let Some(command) = self.tail.ask() {
                            self.perform(vec![command]);
                        }
                    }
                    return Ok(());
                }
                if let (Ok(page), Some(talk)) = (result, &mut self.talk)
                    && let Some(reply) = talk.entries(&self.app, query, page)
                {
                    self.print(&reply.lines)?;
                    return Ok(());
                }
            }
            looked = matches!(&**answer, Answer::View(Ok(_)));
        }
        let commands = update::update(&mut self.app, message, now);
        self.perform(commands);
        if looked && let Some(command) = self.tail.ask() {
            self.perform(vec![command]);
        }
        self.moved()
    }

    fn moved(&mut self) -> Result<(), PlainError> {
        let now = self.now();
        // What happened is said before what is asked because of it.
        self.say()?;
        if let Some(talk) = &mut self.talk {
            let reply = talk.moved(&mut self.app, now);
            self.perform(reply.commands);
            self.print(&reply.lines)?;
        }
        Ok(())
    }

    /// Tells what is new, and asks for the next line.
    fn say(&mut self) -> Result<(), PlainError> {
        let lines = self.teller.tell(&self.app);
        self.print(&lines)?;
        if let Some(talk) = &self.talk
            && !self.prompted
            && self.teller.has_begun()
        {
            let prompt = talk.prompt(&self.app);
            if !prompt.is_empty() {
                let mut out = io::stdout().lock();
                out.write_all(prompt.as_bytes())?;
                out.flush()?;
                self.prompted = true;
            }
        }
        Ok(())
    }

    fn print(&mut self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        if std::mem::take(&mut self.prompted) {
            // The prompt that stands there stays, and is asked again below.
            text.push('\n');
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// Reads lines until there are no more, or nobody takes them.
fn read(tell: &mpsc::Sender<io::Result<String>>) {
    for line in io::stdin().lock().lines() {
        let ends = line.is_err();
        if tell.blocking_send(line).is_err() || ends {
            return;
        }
    }
}

/// Told when whoever reads standard output went away: without it, a program that has nothing to say for
/// hours would wait for hours to notice.
fn unread() -> io::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        let out = io::stdout();
        loop {
            let mut polled = [PollFd::new(&out, PollFlags::empty())];
            match poll(&mut polled, None) {
                Ok(_) if polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                // Nobody can tell: then it is not told.
                Err(_) => loop {
                    std::thread::park();
                },
            }
        }
        let _ = tell.send(());
    })?;
    Ok(told)
}
