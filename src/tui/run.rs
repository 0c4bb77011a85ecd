//! The one loop of the dashboard: what happens goes in as messages, what changed comes out as frames.
//!
//! It sleeps until something happens. A frame is drawn only when something changed, the queues are empty
//! and the frame before was written out, so that a burst costs one frame, a slow terminal gets fewer
//! frames instead of older ones, and nothing at all is written while nothing changes.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use futures_util::{Stream, StreamExt};
use ratatui::{Frame, Terminal, layout::Size};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep_until},
};

use super::{
    hyperlink::Hyperlinks,
    keymap::{ContextName, Press, Resolver},
    message::{Command, Input, Message, Moment, Pointer, PointerKind, TerminalRequest},
    terminal::{
        ASK, Answers, Editor, EditorError, Ended, Ending, Keyboard, Multiplexer, Painter, Session, Sheet, Sink, Writer,
        report_mouse, request_bytes,
    },
};
use crate::{clock::Clock, domain::SafeText};

mod meter;
mod pace;

use meter::Meter;
use pace::Pace;

/// Least time between two frames that data asked for; keys are shown at once.
const DATA_FRAME: Duration = Duration::from_millis(33);
/// Frames that are drawn as soon as there is something to show: a person who has just come waits for them.
const FIRST_FRAMES: u32 = 3;
/// Most time between two frames, however slowly the terminal reads.
const SLOWEST_FRAME: Duration = Duration::from_secs(2);
/// A changed screen is painted after this long even while more keeps coming.
const OVERDUE: Duration = Duration::from_millis(250);
/// A size is believed when it has stood still for this long.
const RESIZE_SETTLES: Duration = Duration::from_millis(80);
/// Least time between two deadlines, should a deadline not move on.
const DEADLINE_FLOOR: Duration = Duration::from_millis(20);
/// How long after it was let go on in the background the signal that ends it may come.
const ENDS_WITHIN: Duration = Duration::from_millis(200);
/// Most bytes of a paste that are kept.
const PASTE_MAX: usize = 64 * 1024;

/// What the loop runs: the state, and how it is painted.
pub trait Program {
    /// What to ask of the world first.
    fn start(&mut self) -> Vec<Command>;
    /// Where keys are pressed, the innermost context first.
    fn contexts(&self) -> Vec<ContextName>;
    /// Takes a message at a moment; answers with what to do in the world.
    fn update(&mut self, message: Message, now: Moment) -> Vec<Command>;
    /// When [`Message::Deadline`] is wanted next, since the program started.
    fn deadline(&self) -> Option<Duration>;
    /// Whether something on the screen may have changed since it was drawn.
    fn is_dirty(&self) -> bool;
    /// Paints the state; it counts as drawn from now on.
    fn draw(&mut self, frame: &mut Frame<'_>);
}

/// The way to the person: the real terminal, or what a test puts in its place.
pub struct Io {
    /// Keys, pastes and sizes.
    pub events: Pin<Box<dyn Stream<Item = io::Result<Event>> + Send>>,
    /// What the terminal answers to frames; none of one that is not asked.
    pub answers: Option<Answers>,
    /// Where frames go.
    pub sink: Box<dyn Sink>,
    /// The terminal's size now.
    pub size: Box<dyn Fn() -> Size + Send>,
    /// What is between the program and the terminal.
    pub multiplexer: Multiplexer,
    /// Links that are painted behind cells; none where the terminal has no links.
    pub hyperlinks: Option<Hyperlinks>,
    /// The real terminal, if it is one.
    pub session: Option<Session>,
}

impl Io {
    /// The real terminal.
    ///
    /// # Errors
    /// When its input cannot be read.
    pub fn terminal(session: Session) -> io::Result<Self> {
        let answers = Answers::default();
        Ok(Self {
            events: Box::pin(Keyboard::open(answers.clone())?),
            answers: Some(answers),
            sink: session.sink(),
            size: Box::new(terminal_size),
            multiplexer: Multiplexer::here(),
            hyperlinks: has_hyperlinks(&std::env::var("TERM").unwrap_or_default()).then(Hyperlinks::default),
            session: Some(session),
        })
    }
}

/// Whether a terminal can be told of links: those that cannot ignore them, but for consoles and old ones,
/// which print them.
fn has_hyperlinks(term: &str) -> bool {
    !(matches!(term, "" | "dumb" | "unknown" | "linux" | "cons25") || term.starts_with("vt"))
}

/// The size that the terminal says, or the size of old when it says none.
fn terminal_size() -> Size {
    match crossterm::terminal::size() {
        Ok((width, height)) if width > 0 && height > 0 => Size { width, height },
        _ => Size { width: 80, height: 24 },
    }
}

/// Why the loop ended otherwise than by leaving.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Somebody outside ended it.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The keyboard cannot be read, or there is no thread for writing.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl RunError {
    /// A keyboard that cannot be read because the terminal is gone is a closed terminal, whoever noticed it
    /// first.
    fn of_terminal(error: io::Error) -> Self {
        match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::IO | rustix::io::Errno::NXIO | rustix::io::Errno::BADF) => Ended::hung_up().into(),
            _ => Self::Io(error),
        }
    }
}

/// Runs a program until it leaves. `perform` does in the world what the program asks for and must not
/// wait; what comes of it arrives in `messages`.
///
/// # Errors
/// [`RunError`]; the terminal has been given back in any case.
pub async fn drive(
    program: impl Program,
    perform: impl FnMut(Command),
    messages: Receiver<Message>,
    resolver: Resolver,
    clock: Arc<dyn Clock>,
    io: Io,
) -> Result<(), RunError> {
    let mut painter = Painter::new((io.size)());
    if let Some(hyperlinks) = &io.hyperlinks {
        painter.link_by(hyperlinks.clone());
    }
    if let Some(session) = &io.session {
        painter.open_with(session.opening());
    }
    let Ok(terminal) = Terminal::new(painter);
    let now = Instant::now();
    Loop {
        program,
        perform,
        messages,
        resolver,
        clock,
        started: now,
        terminal,
        writer: Writer::start(io.sink)?,
        events: Some(io.events),
        answers: io.answers,
        pace: Pace::default(),
        meter: Meter::default(),
        size: io.size,
        multiplexer: io.multiplexer,
        session: io.session,
        painted_at: None,
        painted: 0,
        dirty_since: None,
        urgent: true,
        repaint: false,
        paint_every: DATA_FRAME,
        owes_painted: false,
        resized: None,
        deadline_after: now,
        wish: None,
    }
    .run()
    .await
}

/// What a command asks of the loop itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Redraw,
    Suspend,
    Edit { key: String, text: String, about: Vec<String> },
    Quit,
}

struct Loop<P, F> {
    program: P,
    perform: F,
    messages: Receiver<Message>,
    resolver: Resolver,
    clock: Arc<dyn Clock>,
    started: Instant,
    terminal: Terminal<Painter>,
    writer: Writer,
    events: Option<Pin<Box<dyn Stream<Item = io::Result<Event>> + Send>>>,
    answers: Option<Answers>,
    /// How far the screen is behind.
    pace: Pace,
    /// What was painted so far, and what that took.
    meter: Meter,
    size: Box<dyn Fn() -> Size + Send>,
    multiplexer: Multiplexer,
    session: Option<Session>,
    painted_at: Option<Instant>,
    /// How many frames were drawn.
    painted: u32,
    /// Since when there is something to paint.
    dirty_since: Option<Instant>,
    /// Whether a person waits for the next frame.
    urgent: bool,
    /// Whether every cell is to be written again.
    repaint: bool,
    paint_every: Duration,
    /// Whether the frame in flight is to be told when it is written.
    owes_painted: bool,
    /// When the size changed first and last.
    resized: Option<(Instant, Instant)>,
    deadline_after: Instant,
    wish: Option<Wish>,
}

impl<P: Program, F: FnMut(Command)> Loop<P, F> {
    async fn run(&mut self) -> Result<(), RunError> {
        let ending = self.session.as_ref().map(Session::ending);
        let continued = self.session.is_some().then(|| {
            let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
            tokio::signal::unix::signal(kind)
        });
        let mut continued = continued.transpose()?;
        for command in self.program.start() {
            self.perform(command);
        }
        loop {
            match self.wish.take() {
                Some(Wish::Quit) => {
                    self.hear_the_last().await;
                    return Ok(());
                }
                Some(Wish::Redraw) => self.repaint_all(),
                Some(Wish::Suspend) => {
                    self.hear_the_last().await;
                    if let (Some(session), Some(continued)) = (&self.session, &mut continued) {
                        session.stop(continued).await;
                        // A shell that ends what is stopped lets it go on for that. In the background the
                        // terminal is not to be touched: it would be stopped again.
                        if !session.is_in_front()
                            && let Ok(ended) = tokio::time::timeout(ENDS_WITHIN, asked(ending.as_deref())).await
                        {
                            return Err(ended.into());
                        }
                    }
                    self.go_on().map_err(RunError::of_terminal)?;
                }
                Some(Wish::Edit { key, text, about }) => {
                    let result = self.edit(&text, &about, ending.as_deref(), &mut continued).await?;
                    let result = result.map_err(|error| SafeText::new(error.to_string()));
                    self.deliver(Message::Edited(key, result));
                }
                None => {}
            }
            let now = Instant::now();
            let paint_at = self.paint_at(now);
            if paint_at.is_some_and(|at| at <= now) && self.dirty_since.is_some_and(|since| now - since > OVERDUE) {
                self.paint();
                continue;
            }
            let settles_at = self.resized.map(|(first, last)| (last + RESIZE_SETTLES).min(first + OVERDUE * 2));
            let deadline = self.program.deadline().map(|at| (self.started + at).max(self.deadline_after));
            tokio::select! {
                biased;
                ended = asked(ending.as_deref()) => {
                    if ended.leaves_a_terminal() && self.session.as_ref().is_some_and(Session::is_in_front) {
                        self.hear_the_last().await;
                    }
                    return Err(ended.into());
                }
                result = self.writer.written() => self.written(result)?,
                () = answer(self.answers.as_ref()) => self.answered(),
                Some(message) = self.messages.recv() => self.deliver(message),
                event = next(&mut self.events) => match event {
                    Some(event) => self.event(event.map_err(RunError::of_terminal)?),
                    None => self.events = None,
                },
                () = next_signal(&mut continued) => self.go_on().map_err(RunError::of_terminal)?,
                () = at(settles_at) => self.resize(),
                () = at(paint_at) => self.paint(),
                () = at(deadline) => {
                    self.deadline_after = Instant::now() + DEADLINE_FLOOR;
                    self.deliver(Message::Deadline);
                }
            }
        }
    }

    /// Gives the terminal to the person's editor and takes it again. What happens meanwhile is taken in and
    /// not painted.
    async fn edit(
        &mut self,
        text: &str,
        about: &[String],
        ending: Option<&Ending>,
        continued: &mut Option<tokio::signal::unix::Signal>,
    ) -> Result<Result<String, EditorError>, RunError> {
        let (editor, sheet) = match Editor::here().and_then(|editor| Ok((editor, Sheet::new(text, about)?))) {
            Ok(ready) => ready,
            Err(error) => return Ok(Err(error)),
        };
        // What the terminal still answers is not for the editor; from here on it reads the keys itself.
        self.hear_the_last().await;
        if let Some(session) = &self.session {
            session.lend();
        }
        let result = match editor.start(&sheet) {
            Err(error) => Err(error),
            Ok(mut child) => loop {
                tokio::select! {
                    biased;
                    ended = asked(ending) => return Err(ended.into()),
                    status = child.wait() => break match status {
                        Ok(status) => editor.ended(status).and_then(|()| Ok(sheet.text()?)),
                        Err(error) => Err(error.into()),
                    },
                    // The frame that was in flight was cut, or written before.
                    written = self.writer.written() => self.written(written)?,
                    Some(message) = self.messages.recv() => self.deliver(message),
                    // Stopped and continued with its editor, which has the terminal.
                    () = next_signal(continued) => {}
                }
            },
        };
        if let Some(session) = &self.session {
            session.end_loan();
            self.go_on_after(None).map_err(RunError::of_terminal)?;
        }
        Ok(result)
    }

    fn written(&mut self, result: io::Result<Duration>) -> Result<(), Ended> {
        let took = result.map_err(|_| Ended::hung_up())?;
        self.meter.written(took);
        self.paint_every = (took * 4).clamp(DATA_FRAME, SLOWEST_FRAME);
        if std::mem::take(&mut self.owes_painted) {
            self.deliver(Message::Painted);
        }
        Ok(())
    }

    fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), elapsed: self.started.elapsed() }
    }

    fn deliver(&mut self, message: Message) {
        let now = self.moment();
        for command in self.program.update(message, now) {
            self.perform(command);
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Quit => self.wish = Some(Wish::Quit),
            // Leaving is not forgotten for anything that comes with it.
            Command::Suspend if self.wish != Some(Wish::Quit) => self.wish = Some(Wish::Suspend),
            Command::Redraw if self.wish.is_none() => self.wish = Some(Wish::Redraw),
            Command::Edit { key, text, about } if self.wish.is_none() => {
                self.wish = Some(Wish::Edit { key, text, about });
            }
            Command::Suspend | Command::Redraw | Command::Edit { .. } => {}
            Command::Measure => {
                let cost = self.meter.cost(Instant::now(), self.started, self.pace.round_trip());
                self.deliver(Message::Measured(Box::new(cost)));
            }
            Command::Keys(keymap) => self.resolver = keymap.resolver(),
            Command::Terminal(request) => {
                if let TerminalRequest::Mouse(on) = request {
                    report_mouse(on);
                }
                let bytes = request_bytes(&request, self.multiplexer);
                self.terminal.backend_mut().send_with(&bytes);
            }
            command => (self.perform)(command),
        }
    }

    fn event(&mut self, event: Event) {
        let input = match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => return,
            Event::Key(key) => match self.resolver.press(&self.program.contexts(), key, self.started.elapsed()) {
                Press::Intent(intent) => Input::Intent(intent),
                Press::Edit(request) => Input::Edit(request),
                Press::Unbound => Input::Unbound,
                Press::Pending => {
                    let sequence = self.resolver.sequence(&self.program.contexts()).map(Box::new);
                    return self.deliver(Message::Sequence(sequence));
                }
                Press::Cancelled => {
                    self.urgent = true;
                    return self.deliver(Message::Sequence(None));
                }
            },
            Event::Paste(mut text) => {
                self.resolver.reset();
                text.truncate(text.floor_char_boundary(PASTE_MAX));
                Input::Paste(text)
            }
            Event::Resize(..) => {
                let now = Instant::now();
                self.resized = Some((self.resized.map_or(now, |(first, _)| first), now));
                return;
            }
            Event::Mouse(mouse) => match pointer(mouse) {
                Some(pointer) => Input::Pointer(pointer),
                None => return,
            },
            Event::FocusGained | Event::FocusLost => return,
        };
        self.urgent = true;
        self.deliver(Message::Input(input));
    }

    /// When the next frame may be drawn; none when there is nothing to draw, or nowhere to put it yet.
    fn paint_at(&mut self, now: Instant) -> Option<Instant> {
        if !self.program.is_dirty() && !self.repaint && !self.terminal.backend().has_waiting() {
            self.dirty_since = None;
            return None;
        }
        self.dirty_since.get_or_insert(now);
        if !self.writer.is_free() || self.resized.is_some() {
            return None;
        }
        let free = self.pace.free_at(now);
        match self.painted_at {
            Some(before) if !self.urgent && self.painted >= FIRST_FRAMES => Some((before + self.paint_every).max(free)),
            _ => Some(free),
        }
    }

    fn answered(&mut self) {
        self.pace.answered(Instant::now());
        self.expect();
    }

    /// Waits a little for what the terminal still owes: the shell would take it for keys.
    async fn hear_the_last(&mut self) {
        let until = Instant::now() + self.pace.patience(Instant::now());
        while self.pace.is_waiting() && Instant::now() < until {
            tokio::select! {
                () = answer(self.answers.as_ref()) => self.pace.answered(Instant::now()),
                // Keys that come meanwhile are for nobody.
                event = next(&mut self.events) => if event.is_none_or(|event| event.is_err()) { return },
                () = sleep_until(until) => return,
            }
        }
    }

    /// Tells who reads the keyboard whether an answer may come.
    fn expect(&self) {
        if let Some(answers) = &self.answers {
            answers.await_one(self.pace.is_waiting());
        }
    }

    fn paint(&mut self) {
        let program = &mut self.program;
        let Ok(_) = self.terminal.draw(|frame| program.draw(frame));
        (self.urgent, self.repaint) = (false, false);
        self.painted = self.painted.saturating_add(1);
        self.dirty_since = None;
        self.painted_at = Some(Instant::now());
        let now = Instant::now();
        self.pace.risk(now);
        match self.terminal.backend_mut().take_frame() {
            Some(mut frame) => {
                self.owes_painted = true;
                if self.answers.is_some() && self.pace.asks() {
                    frame.extend_from_slice(ASK);
                    self.pace.sent(now);
                    self.expect();
                }
                self.meter.sent(now, frame.len());
                self.writer.submit(frame);
            }
            // What was to be seen is on the screen already.
            None => self.deliver(Message::Painted),
        }
    }

    fn resize(&mut self) {
        self.resized = None;
        let size = (self.size)();
        self.terminal.backend_mut().resize(size);
        self.urgent = true;
        self.deliver(Message::Resized { width: size.width, height: size.height });
    }

    /// After the shell had the terminal.
    fn go_on(&mut self) -> io::Result<()> {
        self.go_on_after(Some(Message::Resumed))
    }

    /// After another program had the terminal: nothing that was on it is left.
    fn go_on_after(&mut self, message: Option<Message>) -> io::Result<()> {
        if let Some(session) = &self.session {
            session.resume()?;
            self.pace.begin_anew();
            self.terminal.backend_mut().open_with(session.opening());
        }
        self.resolver.reset();
        self.resize();
        if let Some(message) = message {
            self.deliver(message);
        }
        self.repaint_all();
        Ok(())
    }

    fn repaint_all(&mut self) {
        let Ok(()) = self.terminal.clear();
        (self.urgent, self.repaint) = (true, true);
    }
}

/// What was done with the mouse, where it is one of the things that mean something.
fn pointer(event: MouseEvent) -> Option<Pointer> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => PointerKind::Press,
        MouseEventKind::Down(MouseButton::Right) => PointerKind::Menu,
        MouseEventKind::ScrollDown => PointerKind::Wheel { down: true },
        MouseEventKind::ScrollUp => PointerKind::Wheel { down: false },
        _ => return None,
    };
    Some(Pointer { kind, x: event.column, y: event.row })
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) if when <= Instant::now() => {}
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn asked(ending: Option<&Ending>) -> Ended {
    match ending {
        Some(ending) => ending.asked().await,
        None => std::future::pending().await,
    }
}

async fn answer(answers: Option<&Answers>) {
    match answers {
        Some(answers) => answers.next().await,
        None => std::future::pending().await,
    }
}

async fn next(events: &mut Option<Pin<Box<dyn Stream<Item = io::Result<Event>> + Send>>>) -> Option<io::Result<Event>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn next_signal(signal: &mut Option<tokio::signal::unix::Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
