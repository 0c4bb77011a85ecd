//! A dashboard on a desk: messages go in, commands and frames come out, time passes when told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Modifier};
use rolldeck::{
    backend::{BackendError, CarrierView, Cursor, RolloutsPage, ServerInfo, Tagged},
    clock::Clock,
    domain::{Role, Rollout, RolloutId},
    tui::{
        ContextChoice, Options,
        app::App,
        capability::{Capability, Depth, Glyphs},
        intent::Intent,
        keymap::Keymap,
        message::{Answer, Command, Input, Message, Moment},
        theme::Theme,
        update::update,
        view,
    },
};
use tui_input::InputRequest;

/// Ids that count.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> DateTime<Utc> {
        start()
    }
    fn id(&self) -> String {
        format!("key-{}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// When every story begins.
pub fn start() -> DateTime<Utc> {
    "2026-03-26T12:04:31Z".parse().unwrap()
}

pub fn unreachable() -> BackendError {
    BackendError::Unreachable { place: "https://deck.example".into(), why: "connection refused".into() }
}

pub struct Desk {
    pub app: App,
    pub elapsed: Duration,
    /// Every command since the last look.
    pub commands: Vec<Command>,
    pub size: (u16, u16),
    cursor: u64,
    /// Whether the backend answers while time passes.
    pub polls: bool,
    polled: Duration,
    /// Those that carry rollouts out elsewhere.
    pub carriers: Vec<CarrierView>,
    /// Whether they are heard of with every answer.
    pub beats: bool,
}

pub fn options(protected: bool, read_only: bool) -> Options {
    Options {
        connect: Arc::new(|name: &str| Err(format!("no {name} in this test"))),
        contexts: vec![
            ContextChoice {
                name: "prod-eu".into(),
                protected,
                place: "https://deck.example".into(),
                reached_by: vec!["--context".into(), "prod-eu".into()],
            },
            ContextChoice {
                name: "lab".into(),
                protected: false,
                place: "https://lab.example".into(),
                reached_by: vec!["--context".into(), "lab".into()],
            },
        ],
        current: "prod-eu".into(),
        read_only,
        open: None,
        follow: None,
        theme: None,
        keymap: None,
        user_dir: None,
        color: None,
        glyphs: None,
        clock: Arc::new(Counting::default()),
        filters: [("freezes".to_owned(), "subject:window since:7d".to_owned())].into(),
        notices: Vec::new(),
        preferences: rolldeck::tui::Preferences::default(),
    }
}

pub fn info(role: Role, simulated: bool) -> ServerInfo {
    ServerInfo { version: "0.1.0".into(), simulated, actor: "mira".into(), role, targets: vec!["*".into()] }
}

impl Desk {
    /// An open context, a commander, nothing known yet.
    pub fn bare(options: &Options, size: (u16, u16)) -> Self {
        let moment = Moment { wall: start(), elapsed: Duration::from_secs(10) };
        let (keymap, findings) = Keymap::load(None, None);
        assert!(findings.is_empty(), "{findings:?}");
        let mut app = App::new(options, Arc::new(keymap), moment, size);
        let commands = app.start();
        Self {
            app,
            elapsed: moment.elapsed,
            commands,
            size,
            cursor: 0,
            polls: false,
            polled: moment.elapsed,
            carriers: Vec::new(),
            beats: true,
        }
    }

    /// Connected, with these rollouts.
    pub fn with(options: &Options, role: Role, simulated: bool, rollouts: Vec<Rollout>, size: (u16, u16)) -> Self {
        let mut desk = Self::bare(options, size);
        desk.answer(Answer::Info(Ok(info(role, simulated))));
        desk.all(rollouts);
        desk.commands.clear();
        desk.polls = true;
        desk
    }

    pub fn moment(&self) -> Moment {
        let since = TimeDelta::from_std(self.elapsed.checked_sub(Duration::from_secs(10)).unwrap()).unwrap();
        Moment { wall: start() + since, elapsed: self.elapsed }
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        let now = self.moment();
        self.commands.extend(update(&mut self.app, message, now));
        self
    }

    /// Time passes; the deadlines that come due are delivered, as the loop does.
    pub fn wait(&mut self, millis: u64) -> &mut Self {
        let end = self.elapsed + Duration::from_millis(millis);
        loop {
            let poll = self.polled + Duration::from_secs(10);
            let due = self.app.deadline().filter(|at| *at <= end);
            if self.polls && poll <= end && due.is_none_or(|at| poll < at) {
                self.elapsed = poll.max(self.elapsed);
                self.changed(vec![], vec![]);
                continue;
            }
            let Some(at) = due else { break };
            self.elapsed = at.max(self.elapsed + Duration::from_millis(1));
            self.send(Message::Deadline);
        }
        self.elapsed = self.elapsed.max(end);
        self
    }

    /// A frame is drawn and written.
    pub fn paint(&mut self) -> &mut Self {
        self.app.take_dirty();
        self.send(Message::Painted)
    }

    pub fn press(&mut self, intent: Intent) -> &mut Self {
        self.send(Message::Input(Input::Intent(intent)))
    }

    pub fn keys(&mut self, intents: &[Intent]) -> &mut Self {
        for intent in intents {
            self.wait(200);
            self.press(*intent);
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Message::Input(Input::Paste(text.to_owned())))
    }

    pub fn write(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Message::Input(Input::Edit(InputRequest::InsertChar(c))));
        }
        self
    }

    /// `:text` and Enter.
    pub fn command(&mut self, text: &str) -> &mut Self {
        self.press(Intent::CommandLine);
        self.write(text);
        self.press(Intent::Open)
    }

    pub fn answer(&mut self, answer: Answer) -> &mut Self {
        // Of the first connection: another context's answers have other numbers.
        self.send(Message::Answer(1, Box::new(answer)))
    }

    fn cursor(&mut self) -> Cursor {
        self.polled = self.elapsed;
        self.cursor += 1;
        Cursor(format!("c{}", self.cursor).into())
    }

    fn as_of(&self) -> DateTime<Utc> {
        self.moment().wall
    }

    /// How the carriers are now.
    fn carriers(&mut self) -> Vec<CarrierView> {
        let now = self.as_of();
        for carrier in self.carriers.iter_mut().filter(|carrier| self.beats && carrier.as_of.is_some()) {
            carrier.as_of = Some(now);
        }
        self.carriers.clone()
    }

    pub fn all(&mut self, rollouts: Vec<Rollout>) -> &mut Self {
        let (cursor, as_of) = (self.cursor(), self.as_of());
        let carriers = self.carriers();
        let rollouts = rollouts.into_iter().map(Rollout::summary).collect();
        self.answer(Answer::View(Ok(RolloutsPage::All { rollouts, cursor, as_of, carriers })))
    }

    pub fn changed(&mut self, changed: Vec<Rollout>, removed: Vec<RolloutId>) -> &mut Self {
        let (cursor, as_of) = (self.cursor(), self.as_of());
        let carriers = self.carriers();
        let changed = changed.into_iter().map(Rollout::summary).collect();
        self.answer(Answer::View(Ok(RolloutsPage::Changed { changed, removed, cursor, as_of, carriers })))
    }

    pub fn watched(&mut self, rollout: Rollout) -> &mut Self {
        self.answer(Answer::Rollout(rollout.id(), Ok(Tagged::Fresh(Box::new(rollout), "tag".into()))))
    }

    pub fn taken(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Commands that change the world, since the last look.
    pub fn acts(&self) -> Vec<&Command> {
        self.commands
            .iter()
            .filter(|c| {
                matches!(
                    c,
                    Command::Act { .. }
                        | Command::AddWindow { .. }
                        | Command::LiftWindow { .. }
                        | Command::AddOverride { .. }
                        | Command::ChangeOverride { .. }
                        | Command::DecideApproval { .. }
                        | Command::PutFlag { .. }
                        | Command::KillFlag { .. }
                )
            })
            .collect()
    }

    fn buffer(&self, theme: &Theme) -> (Buffer, Option<(u16, u16)>) {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let mut cursor = None;
        terminal
            .draw(|frame| {
                view::draw(&self.app, theme, frame);
            })
            .unwrap();
        let Ok(at) = terminal.get_cursor_position();
        cursor = cursor.or(Some((at.x, at.y)));
        (terminal.backend().buffer().clone(), cursor)
    }

    /// The screen in Unicode, as text.
    pub fn screen(&self) -> String {
        text(&self.buffer(theme(Glyphs::Unicode)).0)
    }

    /// The screen in ASCII, as text.
    pub fn ascii(&self) -> String {
        let screen = text(&self.buffer(theme(Glyphs::Ascii)).0);
        assert!(screen.is_ascii(), "{screen}");
        screen
    }

    /// The screen without colour, with what is reversed between « and », what is bold between * signs.
    pub fn styled(&self) -> String {
        styled(&self.buffer(theme(Glyphs::Ascii)).0)
    }

    /// What is underlined on the screen above the line that is typed, from the top: each run of cells as text.
    pub fn underlined(&self) -> Vec<String> {
        let buffer = self.buffer(theme(Glyphs::Unicode)).0;
        let mut out: Vec<String> = Vec::new();
        let (mut open, mut hidden) = (false, 0);
        let width = usize::from(buffer.area.width);
        let above = width * usize::from(buffer.area.height.saturating_sub(2));
        // The rows above a list count states, some of which a theme underlines.
        for cell in buffer.content().iter().take(above).skip(3 * width) {
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            hidden = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
            let under = cell.modifier.contains(Modifier::UNDERLINED);
            match out.last_mut() {
                Some(last) if under && open => last.push_str(cell.symbol()),
                _ if under => out.push(cell.symbol().to_owned()),
                _ => {}
            }
            open = under;
        }
        // The line that is typed into is underlined as a field is, wherever it stands.
        out.retain(|run| !run.starts_with('/'));
        out
    }

    /// Where the terminal's cursor is.
    pub fn place(&self) -> Option<(u16, u16)> {
        self.buffer(theme(Glyphs::Ascii)).1
    }

    pub fn row(&self, y: usize) -> String {
        self.screen().lines().nth(y).unwrap_or_default().to_owned()
    }
}

/// Without colour; read once, because a theme is a file.
fn theme(glyphs: Glyphs) -> &'static Theme {
    static THEMES: std::sync::OnceLock<[Theme; 2]> = std::sync::OnceLock::new();
    let [unicode, ascii] = THEMES.get_or_init(|| {
        [Glyphs::Unicode, Glyphs::Ascii].map(|glyphs| Theme::built_in("dark", &capability(Depth::Mono, glyphs)))
    });
    if glyphs == Glyphs::Unicode { unicode } else { ascii }
}

pub fn capability(depth: Depth, glyphs: Glyphs) -> Capability {
    Capability { depth, depth_why: String::new(), glyphs, glyphs_why: String::new(), full_screen: true }
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn styled(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let (mut reversed, mut bold) = (false, false);
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let now_bold = cell.modifier.contains(Modifier::BOLD);
            let now_reversed = cell.modifier.contains(Modifier::REVERSED);
            if bold && !now_bold {
                line.push('}');
            }
            if reversed != now_reversed {
                line.push(if now_reversed { '«' } else { '»' });
            }
            if !bold && now_bold {
                line.push('{');
            }
            (reversed, bold) = (now_reversed, now_bold);
            line.push_str(cell.symbol());
        }
        out.push_str(line.trim_end());
        if bold {
            out.push('}');
        }
        if reversed {
            out.push('»');
        }
        out.push('\n');
    }
    out
}
