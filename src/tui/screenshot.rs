//! One frame of a view, without a terminal: asks for what the view needs, waits until all of it has come,
//! and paints. The same app, messages and painting as on a terminal.

use std::{fmt, sync::Arc, time::Duration};

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Size};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    app::{App, Overlay},
    capability::Capability,
    effects::Effects,
    intent::Intent,
    keymap::Keymap,
    message::{Answer, Command, Input, Message, Moment},
    options::Options,
    theme::Theme,
    update, view,
};
use crate::{
    backend::{BackendError, Code},
    domain::{RolloutId, SafeText, action::ACTIONS},
};

/// How long what a view needs is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Answers that may wait to be taken.
const MESSAGES: usize = 64;
/// When everything happens: a picture has no duration, so that nothing in it ages.
const THEN: Duration = Duration::from_secs(10);

/// What a picture is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its words, as they were given.
    words: String,
    steps: Vec<Step>,
}

/// What leads there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A line of the command line.
    Line(String),
    /// What a key asks for.
    Key(Intent),
    /// The dialog that a line opens.
    Dialog(String),
}

/// Words that name no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no picture of '{0}': name overview, detail TARGET/NAME, sites, audit [FILTER], windows, flags, overrides, \
     approvals, contexts, follow SITE, help, menu, or dialog ACTION TARGET/NAME"
)]
pub struct UnknownView(String);

impl Shown {
    /// Reads what a picture is to be of; without words, of the overview.
    ///
    /// # Errors
    /// [`UnknownView`], which names what there is.
    pub fn of(words: &[impl AsRef<str>]) -> Result<Self, UnknownView> {
        let words: Vec<&str> = words.iter().flat_map(|words| words.as_ref().split_whitespace()).collect();
        let unknown = || UnknownView(SafeText::new(words.join(" ")).to_string());
        let line = |line: String| vec![Step::Line(line)];
        let address = |text: &str| text.parse::<RolloutId>().map_err(|_| unknown());
        let steps = match words.as_slice() {
            [] | ["overview" | "rollouts"] => line("rollouts".to_owned()),
            [one @ ("sites" | "windows" | "flags" | "overrides" | "approvals" | "help")] => line((*one).to_owned()),
            ["calendar"] => line("windows".to_owned()),
            ["contexts"] => line("ctx".to_owned()),
            ["audit", filter @ ..] => line(format!("audit {}", filter.join(" "))),
            ["follow", site] => line(format!("follow {site}")),
            ["menu"] => vec![Step::Key(Intent::ActionMenu)],
            ["detail" | "open" | "show", id] | [id] if id.contains('/') => line(format!("open {}", address(id)?)),
            ["dialog", verb, id] if ACTIONS.iter().any(|spec| spec.verb == *verb) => {
                vec![Step::Dialog(format!("{verb} {}", address(id)?))]
            }
            ["dialog", "freeze", scope] => vec![Step::Dialog(format!("freeze {scope}"))],
            _ => return Err(unknown()),
        };
        let words = if words.is_empty() { "overview".to_owned() } else { words.join(" ") };
        Ok(Self { words, steps })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words)
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// The backend does not answer, or refuses.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Not all of it came in time.
    #[error("no answer within 20 s about {0}")]
    Late(String),
    /// What leads there cannot be done.
    #[error("{0}")]
    Refused(SafeText),
}

/// Paints a view of that size.
///
/// # Errors
/// [`ScreenshotError`].
pub async fn take(
    mut options: Options,
    shown: &Shown,
    size: Size,
    capability: &Capability,
) -> Result<Buffer, ScreenshotError> {
    let user_dir = options.user_dir.clone();
    let (theme, mut findings) = Theme::load(options.theme.as_deref(), user_dir.as_deref(), capability);
    let (keymap, more) = Keymap::load(options.keymap.as_deref(), user_dir.as_deref());
    findings.extend(more);
    options.notices.extend(findings.iter().map(super::overlay::Finding::notice));
    let now = Moment { wall: options.clock.now(), elapsed: THEN };
    let app = App::new(&options, Arc::new(keymap), now, (size.width, size.height));
    let (sender, messages) = mpsc::channel(MESSAGES);
    let effects = Effects::new(Arc::clone(&options.connect), sender);
    let deadline = Instant::now() + PATIENCE;
    let mut stage = Stage { app, effects, messages, now, open: Vec::new(), deadline };
    let commands = stage.app.start();
    stage.perform(commands);
    stage.settle().await?;
    for step in &shown.steps {
        stage.step(step)?;
        stage.settle().await?;
    }
    let Ok(mut terminal) = Terminal::new(TestBackend::new(size.width, size.height));
    let Ok(_) = terminal.draw(|frame| view::draw(&stage.app, &theme, frame));
    Ok(terminal.backend().buffer().clone())
}

/// A question that has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    Info,
    Rollouts,
    Rollout(RolloutId),
    Timeline(RolloutId),
    Audit,
    Verified,
    Witnessed,
    Windows,
    Calendar,
    Sites,
    Flags,
    FlagHistory,
    Overrides,
    Approvals,
    SiteState,
    SiteTrail,
    Preview,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Info => f.write_str("who asks"),
            Self::Rollouts => f.write_str("the rollouts"),
            Self::Rollout(id) => write!(f, "{id}"),
            Self::Timeline(id) => write!(f, "the timeline of {id}"),
            Self::Audit | Self::Verified | Self::Witnessed => f.write_str("the audit trail"),
            Self::Windows | Self::Calendar => f.write_str("the windows"),
            Self::Sites => f.write_str("the sites"),
            Self::Flags | Self::FlagHistory => f.write_str("the flags"),
            Self::Overrides => f.write_str("the overrides"),
            Self::Approvals => f.write_str("what waits for a second person"),
            Self::SiteState | Self::SiteTrail => f.write_str("the followed site"),
            Self::Preview => f.write_str("what the action would do"),
        }
    }
}

/// What a command asks, where it asks something that a picture needs.
fn asks(command: &Command) -> Vec<Question> {
    match command {
        Command::Connect(_) => vec![Question::Info, Question::Rollouts],
        Command::Watch(Some(id)) => vec![Question::Rollout(id.clone())],
        Command::Timeline(id) => vec![Question::Timeline(id.clone())],
        Command::Audit(_) => vec![Question::Audit],
        Command::Verify => vec![Question::Verified],
        Command::Witness => vec![Question::Witnessed],
        Command::Windows => vec![Question::Windows],
        Command::Calendar { .. } => vec![Question::Calendar],
        Command::Sites => vec![Question::Sites],
        Command::Flags => vec![Question::Flags],
        Command::FlagHistory(_) => vec![Question::FlagHistory],
        Command::Overrides => vec![Question::Overrides],
        Command::Approvals => vec![Question::Approvals],
        Command::SiteState(_) => vec![Question::SiteState],
        Command::SiteTrail(_) => vec![Question::SiteTrail],
        Command::Preview { .. } | Command::PreviewFlag { .. } => vec![Question::Preview],
        _ => Vec::new(),
    }
}

/// The question that an answer is about.
fn answered(answer: &Answer) -> Option<Question> {
    Some(match answer {
        Answer::Info(_) => Question::Info,
        Answer::View(_) => Question::Rollouts,
        Answer::Rollout(id, _) => Question::Rollout(id.clone()),
        Answer::Timeline(id, _) => Question::Timeline(id.clone()),
        Answer::Audit(..) => Question::Audit,
        Answer::Verified(_) => Question::Verified,
        Answer::Witnessed(_) => Question::Witnessed,
        Answer::Windows(_) => Question::Windows,
        Answer::Calendar(..) => Question::Calendar,
        Answer::Sites(_) => Question::Sites,
        Answer::Flags(_) => Question::Flags,
        Answer::FlagHistory(..) => Question::FlagHistory,
        Answer::Overrides(_) => Question::Overrides,
        Answer::Approvals(_) => Question::Approvals,
        Answer::SiteState(..) => Question::SiteState,
        Answer::SiteTrail(..) => Question::SiteTrail,
        Answer::Previewed(..) | Answer::FlagPreviewed(..) => Question::Preview,
        _ => return None,
    })
}

struct Stage {
    app: App,
    effects: Effects,
    messages: mpsc::Receiver<Message>,
    now: Moment,
    open: Vec<Question>,
    deadline: Instant,
}

impl Stage {
    fn perform(&mut self, commands: Vec<Command>) {
        for command in commands {
            if matches!(command, Command::Watch(_)) {
                // Only one is watched: what was asked of the last one is not answered any more.
                self.open.retain(|question| !matches!(question, Question::Rollout(_)));
            }
            for question in asks(&command) {
                if !self.open.contains(&question) {
                    self.open.push(question);
                }
            }
            // What is for the terminal has none here.
            drop(self.effects.run(command));
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), ScreenshotError> {
        let commands = match step {
            Step::Key(intent) => update::update(&mut self.app, Message::Input(Input::Intent(*intent)), self.now),
            Step::Line(line) | Step::Dialog(line) => update::line(&mut self.app, line, self.now),
        };
        self.perform(commands);
        if matches!(step, Step::Dialog(_)) && !matches!(self.app.overlay, Overlay::Dialog(_)) {
            let why = self.app.notice.as_ref().map_or_else(|| SafeText::new("it cannot be done"), |n| n.text.clone());
            return Err(ScreenshotError::Refused(why));
        }
        Ok(())
    }

    /// Waits until nothing is asked any more.
    async fn settle(&mut self) -> Result<(), ScreenshotError> {
        while !self.open.is_empty() {
            let Ok(Some(message)) = timeout_at(self.deadline, self.messages.recv()).await else {
                let open: Vec<String> = self.open.iter().map(ToString::to_string).collect();
                return Err(ScreenshotError::Late(open.join(", ")));
            };
            if let Message::Answer(_, answer) = &message {
                if let Some(error) = fatal(answer) {
                    return Err(error.clone().into());
                }
                if let Some(question) = answered(answer) {
                    self.open.retain(|open| *open != question);
                }
            }
            let commands = update::update(&mut self.app, message, self.now);
            self.perform(commands);
        }
        Ok(())
    }
}

/// What leaves nothing to be shown. Other errors are part of the picture.
fn fatal(answer: &Answer) -> Option<&BackendError> {
    match answer {
        Answer::Info(Err(error)) | Answer::View(Err(error)) => Some(error),
        Answer::Rollout(_, Err(error)) if error.code() == Some(Code::NotFound) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_words_and_others_are_answered_with_those_there_are() {
        let table: &[(&[&str], &str)] = &[
            (&[], "rollouts"),
            (&["overview"], "rollouts"),
            (&["detail", "dc-west/pick-assist"], "open dc-west/pick-assist"),
            (&["dc-west/pick-assist"], "open dc-west/pick-assist"),
            (&["audit", "site:osl2", "since:2h"], "audit site:osl2 since:2h"),
            (&["calendar"], "windows"),
            (&["follow", "osl2"], "follow osl2"),
        ];
        for (words, line) in table {
            assert_eq!(Shown::of(words).unwrap().steps, [Step::Line((*line).to_owned())], "{words:?}");
        }
        let dialog = Shown::of(&["dialog rollback dc-west/pick-assist"]).unwrap();
        assert_eq!(dialog.steps, [Step::Dialog("rollback dc-west/pick-assist".to_owned())]);
        for words in
            [&["nonsense"][..], &["detail"], &["detail", "x y/z"], &["dialog", "explode", "a/b"], &["flags", "x"]]
        {
            let error = Shown::of(words).unwrap_err().to_string();
            assert!(error.contains("name overview, detail TARGET/NAME"), "{error}");
        }
    }
}
