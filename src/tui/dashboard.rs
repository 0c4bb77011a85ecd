//! The dashboard as a program for the loop: the app, its theme, and the terminal around them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ratatui::{Frame, layout::Size};
use tokio::sync::mpsc;

use super::{
    app::{App, notice::Tone},
    capability::{Capability, Wishes},
    effects::Effects,
    keymap::{ContextName, Keymap, Resolver},
    message::{Command, Message, Moment},
    options::Options,
    run::{Io, Program, RunError, drive},
    terminal::{Ended, Session, TerminalError},
    theme::Theme,
    update, view,
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

/// Runs the dashboard on this process's terminal until the person leaves.
///
/// # Errors
/// [`DashboardError`]. The terminal has been given back in any case.
pub async fn run(options: Options) -> Result<(), DashboardError> {
    let capability = Capability::here(Wishes { depth: options.color, glyphs: options.glyphs });
    if !capability.full_screen {
        let term = std::env::var("TERM").unwrap_or_else(|_| "not set".to_owned());
        return Err(TerminalError::Dumb(term).into());
    }
    let session = Session::enter()?;
    let io = Io::terminal(session).map_err(RunError::from)?;
    Ok(run_on(options, &capability, io).await?)
}

/// Runs the dashboard on any terminal, also on one that a test made.
///
/// # Errors
/// [`RunError`].
pub async fn run_on(mut options: Options, capability: &Capability, io: Io) -> Result<(), RunError> {
    let user_dir = options.user_dir.clone();
    let (theme, mut findings) = Theme::load(options.theme.as_deref(), user_dir.as_deref(), capability);
    let (keymap, more) = Keymap::load(options.keymap.as_deref(), user_dir.as_deref());
    findings.extend(more);
    options.notices.extend(findings.iter().map(super::overlay::Finding::notice));
    let now = Moment { wall: options.clock.now(), elapsed: Duration::ZERO };
    let Size { width, height } = (io.size)();
    let resolver: Resolver = keymap.resolver();
    let app = App::new(&options, Arc::new(keymap), now, (width, height));
    let (sender, messages) = mpsc::channel(MESSAGES);
    let mut effects = Effects::new(Arc::clone(&options.connect), sender);
    let dashboard = Dashboard { app, theme, user_dir, capability: capability.clone(), restyled: false };
    // What is for the terminal was done by the loop before it came here.
    let perform = move |command| drop(effects.run(command));
    drive(dashboard, perform, messages, resolver, Arc::clone(&options.clock), io).await
}

struct Dashboard {
    app: App,
    theme: Theme,
    user_dir: Option<PathBuf>,
    capability: Capability,
    /// Whether the theme is another one since the last frame.
    restyled: bool,
}

impl Dashboard {
    fn restyle(&mut self, name: &str) {
        let (theme, findings) = Theme::load(Some(name), self.user_dir.as_deref(), &self.capability);
        (self.theme, self.restyled) = (theme, true);
        if let Some(finding) = findings.first() {
            self.app.say(Tone::Attention, finding.notice().as_str());
        }
    }
}

impl Program for Dashboard {
    fn start(&mut self) -> Vec<Command> {
        self.app.start()
    }

    fn contexts(&self) -> Vec<ContextName> {
        self.app.contexts()
    }

    fn update(&mut self, message: Message, now: Moment) -> Vec<Command> {
        let mut commands = update::update(&mut self.app, message, now);
        commands.retain(|command| match command {
            Command::Theme(name) => {
                self.restyle(name);
                false
            }
            _ => true,
        });
        commands
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
