//! The dashboard as a program for the loop: the app, its theme, and the terminal around them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ratatui::{Frame, layout::Size};
use tokio::sync::mpsc;

use super::{
    app::{App, notice::Tone},
    capability::{Capability, Wishes},
    effects::Effects,
    history,
    keymap::{ContextName, Keymap, Resolver},
    message::{Command, Message, Moment, ScreenPart, TerminalRequest},
    options::Options,
    overlay,
    run::{Io, Program, RunError, drive},
    terminal::{Ended, Session, TerminalError},
    theme::Theme,
    update, view,
    watch::{Names, Watch, WatchedConfig},
};

/// Answers that may wait for the loop before the tasks that bring them have to.
const MESSAGES: usize = 64;

/// Why the dashboard did not begin, or how it ended other than by leaving.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// There is no terminal for it.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// It ended.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl DashboardError {
    /// What ended it from outside, with the exit code that says so.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self {
            Self::Run(RunError::Ended(ended)) => Some(*ended),
            _ => None,
        }
    }
}

/// Runs the dashboard on this process's terminal until the person leaves; what the configuration says of
/// theme and keymap is followed.
///
/// # Errors
/// [`DashboardError`]. The terminal has been given back in any case.
pub async fn run(options: Options, config: Option<WatchedConfig>) -> Result<(), DashboardError> {
    let capability = Capability::here(Wishes { depth: options.color, glyphs: options.glyphs });
    if !capability.full_screen {
        let term = std::env::var("TERM").unwrap_or_else(|_| "not set".to_owned());
        return Err(TerminalError::Dumb(term).into());
    }
    let session = Session::enter()?;
    let io = Io::terminal(session).map_err(RunError::from)?;
    Ok(run_watching(options, config, &capability, io).await?)
}

/// Runs the dashboard on any terminal, also on one that a test made.
///
/// # Errors
/// [`RunError`].
pub async fn run_on(options: Options, capability: &Capability, io: Io) -> Result<(), RunError> {
    run_watching(options, None, capability, io).await
}

async fn run_watching(
    mut options: Options,
    config: Option<WatchedConfig>,
    capability: &Capability,
    io: Io,
) -> Result<(), RunError> {
    let user_dir = options.user_dir.clone();
    let (theme, mut findings) = Theme::load(options.theme.as_deref(), user_dir.as_deref(), capability);
    let (keymap, more) = Keymap::load(options.keymap.as_deref(), user_dir.as_deref());
    findings.extend(more);
    options.notices.extend(findings.iter().map(overlay::Finding::notice));
    let now = Moment { wall: options.clock.now(), elapsed: Duration::ZERO };
    let Size { width, height } = (io.size)();
    let resolver: Resolver = keymap.resolver();
    let names = Names { theme: theme.name().to_owned(), keymap: keymap.name().to_owned() };
    let mut app = App::new(&options, Arc::new(keymap), now, (width, height));
    app.can_choose(
        overlay::user_names(user_dir.as_deref(), "themes"),
        overlay::user_names(user_dir.as_deref(), "keymaps"),
    );
    let history = options.preferences.history();
    match history.as_deref().map(history::load) {
        Some(Ok(reasons)) => app.remember(reasons),
        Some(Err(error)) => app.say(Tone::Attention, format!("reasons of other days cannot be read: {error}")),
        None => {}
    }
    let hyperlinks = io.hyperlinks.clone();
    if let Some(hyperlinks) = hyperlinks.filter(|_| options.preferences.tui.links) {
        app.link_names(hyperlinks);
    }
    let (sender, messages) = mpsc::channel(MESSAGES);
    let dir = user_dir.as_deref();
    let watch = dir.and_then(|dir| Watch::start(dir, config, names, capability, sender.clone()));
    let mut effects = Effects::new(Arc::clone(&options.connect), sender);
    let dashboard = Dashboard { app, theme, user_dir, capability: capability.clone(), restyled: false, watch, history };
    // What is for the terminal was done by the loop before it came here.
    let perform = move |command| drop(effects.run(command));
    // What the loop holds is large, and is moved by all that wait for it.
    Box::pin(drive(dashboard, perform, messages, resolver, Arc::clone(&options.clock), io)).await
}

struct Dashboard {
    app: App,
    theme: Theme,
    user_dir: Option<PathBuf>,
    capability: Capability,
    /// Whether the theme is another one since the last frame.
    restyled: bool,
    watch: Option<Watch>,
    /// Where reasons are kept for other days.
    history: Option<PathBuf>,
}

impl Dashboard {
    /// Takes a theme, unless its file is broken as a whole: then everything looks as it did.
    fn restyle(&mut self, theme: Theme) {
        if !update::told_of_style(&mut self.app, "theme", theme.name(), theme.findings()) {
            return;
        }
        if let Some(watch) = &self.watch {
            watch.theme(theme.name());
        }
        (self.theme, self.restyled) = (theme, true);
    }

    /// Does what is asked of the dashboard itself; the rest is for the loop and the world.
    fn perform(&mut self, command: Command, now: Moment) -> Vec<Command> {
        match command {
            Command::Theme(name) => {
                self.restyle(Theme::load(Some(&name), self.user_dir.as_deref(), &self.capability).0);
                Vec::new()
            }
            Command::Keymap(name) => {
                let keymap = Keymap::load(Some(&name), self.user_dir.as_deref()).0;
                self.update(Message::Keymap(Box::new(keymap)), now)
            }
            Command::Keys(keymap) => {
                if let Some(watch) = &self.watch {
                    watch.keymap(keymap.name());
                }
                vec![Command::Keys(keymap)]
            }
            Command::CopyScreen(part) => self.copy(part),
            Command::Remember(reason) => {
                self.keep(reason);
                Vec::new()
            }
            command => vec![command],
        }
    }

    /// Hands a part of what the screen shows to the terminal.
    fn copy(&mut self, part: ScreenPart) -> Vec<Command> {
        let (rows, selected) = view::text(&self.app, &self.theme);
        let row = rows.get(selected).map(|row| row.trim_start_matches('>').trim().to_owned());
        match part {
            ScreenPart::View => update::send_text(&mut self.app, "the screen", rows.join("\n")),
            ScreenPart::Row => {
                let Some(row) = row.filter(|row| !row.is_empty()) else {
                    self.app.say(Tone::Note, "no row is selected here");
                    return Vec::new();
                };
                update::send_text(&mut self.app, "the row", row)
            }
        }
    }

    /// Keeps a reason for other days, behind the back of the loop.
    fn keep(&self, reason: String) {
        if let Some(path) = self.history.clone() {
            // That it could not be kept is no news while something is being acted on.
            drop(tokio::task::spawn_blocking(move || history::add(&path, &reason)));
        }
    }
}

impl Program for Dashboard {
    fn start(&mut self) -> Vec<Command> {
        let mut commands = self.app.start();
        if self.app.mouse {
            commands.push(Command::Terminal(TerminalRequest::Mouse(true)));
        }
        commands
    }

    fn contexts(&self) -> Vec<ContextName> {
        self.app.contexts()
    }

    fn update(&mut self, message: Message, now: Moment) -> Vec<Command> {
        let message = match message {
            Message::Theme(theme) => {
                let commands = update::update(&mut self.app, Message::Deadline, now);
                self.restyle(*theme);
                return commands;
            }
            message => message,
        };
        let commands = update::update(&mut self.app, message, now);
        commands.into_iter().flat_map(|command| self.perform(command, now)).collect()
    }

    fn deadline(&self) -> Option<Duration> {
        self.app.deadline()
    }

    fn is_dirty(&self) -> bool {
        self.restyled || self.app.is_dirty()
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        self.restyled = false;
        self.app.take_dirty();
        view::draw(&self.app, &self.theme, frame);
    }
}
