//! The open dialog, one question at a time: first what it would do, then its fields, then whether. Nothing
//! here sends anything: the last answer presses the dialog's own button, which has its own guards.

use std::time::Duration;

use super::Reply;
use crate::{
    domain::{Action, FlagKey, Scope},
    tui::{
        app::{
            App, age,
            dialog::{Dialog, Focus, PreviewState, Stage, Subject, TYPE_AHEAD},
            flags::change::Verb,
        },
        intent::Intent,
        message::{Input, Message, Moment},
        plain::line::Voice,
        theme::Mark,
        update,
        view::dialog as words,
    },
};

/// From this share of sites on a flag is switched on at large.
const AT_LARGE: f64 = 50.0;

/// Which question is open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// What it would do was asked, and has not come.
    Preview,
    /// A field.
    Field(Focus),
    /// The name of what is changed, because much is.
    Name(String),
    /// Whether.
    Whether,
    /// It is sent unless stopped.
    Counting,
    /// It was sent.
    Sent,
    /// Whether to ask again, because no answer came.
    Again,
    Over,
}

/// A dialog in questions.
#[derive(Debug)]
pub(super) struct Question {
    step: Step,
    /// Whether its fields were asked for.
    filled: bool,
    /// When the open question was asked: what was typed before was not meant for it.
    asked: Duration,
}

impl Question {
    pub(super) fn new() -> Self {
        Self { step: Step::Preview, filled: false, asked: Duration::ZERO }
    }

    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    pub(super) fn prompt(&self, app: &App) -> String {
        match &self.step {
            Step::Preview | Step::Sent | Step::Over => String::new(),
            Step::Field(focus) => field(app, *focus),
            Step::Name(name) => format!("this reaches far: type {name} to go on, or nothing to stop: "),
            Step::Whether | Step::Again => "1 or 2, nothing is 1: ".to_owned(),
            Step::Counting => "an empty line stops it: ".to_owned(),
        }
    }

    /// Takes the answer to the open question.
    pub(super) fn line(&mut self, voice: Voice, app: &mut App, text: &str, now: Moment) -> Reply {
        if app.dialog().is_none() {
            self.step = Step::Over;
            return Reply::default();
        }
        match self.step.clone() {
            Step::Preview => Reply::said("not asked yet: what it would do has not come"),
            Step::Sent => Reply::said("it was sent, and has no answer yet"),
            Step::Over => Reply::default(),
            Step::Field(focus) => self.fill(voice, app, focus, text, now),
            Step::Name(_) | Step::Whether | Step::Again if now.elapsed < self.asked + TYPE_AHEAD => {
                Reply::said("that was typed before the question was asked: it does not count")
            }
            Step::Name(name) if text == name => {
                self.step = Step::Whether;
                self.whether(voice, app, now)
            }
            Step::Name(_) => self.stop(app, now),
            Step::Counting => {
                let reply = Reply::asks(update::update(app, Message::Input(Input::Intent(Intent::Back)), now));
                self.step = Step::Whether;
                reply.and(self.whether(voice, app, now))
            }
            Step::Whether | Step::Again => match text {
                "" | "1" => self.stop(app, now),
                "2" => press(app, now),
                _ => Reply::said("1 or 2?"),
            },
        }
    }

    /// What is to be said, or asked, after something happened.
    pub(super) fn moved(&mut self, voice: Voice, app: &mut App, now: Moment) -> Reply {
        let Some(dialog) = app.dialog() else {
            self.step = Step::Over;
            return Reply::default();
        };
        let (stage, asks) = (dialog.stage.clone(), matches!(dialog.preview, PreviewState::Asking));
        match (self.step.clone(), stage) {
            (Step::Preview, Stage::Editing) if !asks => {
                let reply = describe(voice, app);
                reply.and(self.next(voice, app, None, now))
            }
            (Step::Whether, Stage::Editing) if asks => {
                // It is looked at again, because the world moved.
                self.step = Step::Preview;
                Reply::default()
            }
            (Step::Counting, Stage::Editing) => {
                self.step = Step::Whether;
                self.whether(voice, app, now)
            }
            (Step::Whether | Step::Counting | Step::Again, Stage::Sending { .. }) => {
                self.step = Step::Sent;
                Reply::said("sent")
            }
            (Step::Whether, Stage::Counting { at }) => {
                self.step = Step::Counting;
                self.asked = now.elapsed;
                let left = age::left(chrono::TimeDelta::from_std(at.saturating_sub(now.elapsed)).unwrap_or_default());
                Reply::said(format!("it is sent in {left}"))
            }
            (Step::Sent, Stage::Editing) => {
                // Refused: nothing was done, and what was typed is still there.
                let reply = describe(voice, app);
                self.step = Step::Whether;
                reply.and(self.whether(voice, app, now))
            }
            (Step::Sent, Stage::Unconfirmed { why }) => {
                self.step = Step::Again;
                self.asked = now.elapsed;
                painted(app, now);
                let button = app.dialog().map(words::commit_words).unwrap_or_default();
                let line = voice.line(&format!("UNCONFIRMED, it may have been done or not: {why}"), "audit");
                Reply { lines: vec![line, "1 leave it".to_owned(), format!("2 {button}")], ..Reply::default() }
            }
            _ => Reply::default(),
        }
    }

    fn fill(&mut self, voice: Voice, app: &mut App, focus: Focus, text: &str, now: Moment) -> Reply {
        let offered = offered(app);
        let Some(dialog) = app.dialog_mut() else { return Reply::default() };
        dialog.focus = focus;
        if focus == Focus::Reason && text.is_empty() {
            match offered {
                Some(offered) => {
                    if let Some(field) = dialog.field() {
                        field.set(&offered);
                    }
                }
                None => return self.stop(app, now),
            }
        } else if !(text.is_empty() && keeps(focus))
            && let Some(field) = dialog.field()
        {
            field.set(text);
        }
        if focus == Focus::Reason
            && let Err(rule) = dialog.checked_reason()
        {
            return Reply::said(rule.to_string());
        }
        let commands = if focus == Focus::Share { update::share_typed(app) } else { Vec::new() };
        Reply::asks(commands).and(self.next(voice, app, Some(focus), now))
    }

    /// Asks for the next field, then for the name where it reaches far, then whether.
    fn next(&mut self, voice: Voice, app: &mut App, after: Option<Focus>, now: Moment) -> Reply {
        let Some(dialog) = app.dialog() else { return Reply::default() };
        if matches!(dialog.subject, Subject::Override(_)) {
            let reply = self.stop(app, now);
            return Reply::said("an override is asked for by: rolldeck override ask").and(reply);
        }
        let mut fields = dialog.order().iter().copied().filter(|focus| focus.is_text());
        let next = match after {
            Some(after) => fields.skip_while(|focus| *focus != after).nth(1),
            None => fields.next(),
        };
        self.asked = now.elapsed;
        // What it would do was looked at again after the fields: they stay as they are.
        if let Some(next) = next.filter(|_| !self.filled) {
            self.step = Step::Field(next);
            return Reply::default();
        }
        self.filled = true;
        if let Some(name) = far(app, dialog) {
            self.step = Step::Name(name);
            return Reply::default();
        }
        self.step = Step::Whether;
        self.whether(voice, app, now)
    }

    /// The last question: what changes nothing is first, and is what an empty line means.
    fn whether(&mut self, voice: Voice, app: &mut App, now: Moment) -> Reply {
        painted(app, now);
        self.asked = now.elapsed;
        let Some(dialog) = app.dialog() else { return Reply::default() };
        let mut lines = Vec::new();
        if let Some(moved) = &dialog.moved {
            lines.push(voice.line(&format!("CHANGED since this was asked: {moved}"), ""));
        }
        lines.push(voice.line(&format!("same as: {}", words::twin(app, dialog)), ""));
        let button = words::commit_words(dialog);
        lines.push("1 keep it as it is".to_owned());
        lines.push(match app.commit_lock() {
            Some(why) => voice.line(&format!("2 {button}: not possible now, {why}"), ""),
            None => voice.line(&format!("2 {button}"), ""),
        });
        Reply { lines, ..Reply::default() }
    }

    fn stop(&mut self, app: &mut App, now: Moment) -> Reply {
        self.step = Step::Over;
        let sent = app.dialog().is_some_and(|dialog| !dialog.is_editing());
        painted(app, now);
        // Behind the type-ahead guard there is nobody who could have typed ahead: this changes nothing.
        let later = Moment { elapsed: now.elapsed + TYPE_AHEAD, ..now };
        let commands = update::update(app, Message::Input(Input::Intent(Intent::Back)), later);
        app.now = now;
        let said = if sent { Vec::new() } else { vec!["kept as it is: nothing was sent".to_owned()] };
        Reply { lines: said, commands, leaves: false }
    }
}

/// Presses the dialog's button, as a key would.
fn press(app: &mut App, now: Moment) -> Reply {
    if let Some(dialog) = app.dialog_mut() {
        dialog.focus = Focus::Commit;
    }
    Reply::asks(update::update(app, Message::Input(Input::Intent(Intent::Press)), now))
}

/// What was said of the dialog counts as seen.
fn painted(app: &mut App, now: Moment) {
    app.take_dirty();
    drop(update::update(app, Message::Painted, now));
}

/// Fields whose text stays where nothing is typed.
const fn keeps(focus: Focus) -> bool {
    matches!(focus, Focus::Scope | Focus::Share | Focus::Ticket)
}

/// The reason that an empty line stands for: what was typed before for this, or the last one that was used.
fn offered(app: &App) -> Option<String> {
    let kept = app.dialog().and_then(|dialog| dialog.checked_reason().ok()).map(|reason| reason.as_str().to_owned());
    kept.or_else(|| app.reasons.last().cloned())
}

/// The question for a field.
fn field(app: &App, focus: Focus) -> String {
    let dialog = app.dialog();
    let kept = |field: Option<&str>| match field.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => format!(", nothing keeps {text}"),
        None => String::new(),
    };
    match focus {
        Focus::Share => "share of sites, percent: ".to_owned(),
        Focus::Scope => format!("scope{}: ", kept(dialog.map(|dialog| dialog.scope.text()))),
        Focus::From => "from, such as 14:00 or 2h, nothing is now: ".to_owned(),
        Focus::Until => "until, nothing is until somebody lifts it: ".to_owned(),
        Focus::Ticket => format!("ticket, may be empty{}: ", kept(dialog.map(|dialog| dialog.ticket.text()))),
        _ => match offered(app) {
            Some(used) => format!("reason, kept in the audit trail, nothing repeats \"{used}\": "),
            None => "reason, 10 characters or more, kept in the audit trail, nothing stops: ".to_owned(),
        },
    }
}

/// What the dialog says it does, the same sentences as on the screen.
fn describe(voice: Voice, app: &App) -> Reply {
    let Some(dialog) = app.dialog() else { return Reply::default() };
    let mut lines = vec![voice.line(&words::title(app, dialog), "")];
    for (mark, text, _) in words::preview_lines(app, dialog) {
        let text = text.trim();
        let said = match mark {
            None => text.to_owned(),
            Some(mark) => format!("{}: {text}", word(mark)),
        };
        lines.push(voice.line(&said, ""));
    }
    Reply { lines, ..Reply::default() }
}

/// What a mark says.
const fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Passed => "ok",
        Mark::NeedsPerson => "careful",
        Mark::NoData => "unknown",
        Mark::Stale => "stale",
        Mark::Frozen => "held",
        Mark::Paused => "paused",
        Mark::RolledBack => "back",
        Mark::Fail => "NO",
        _ => "note",
    }
}

/// The name that has to be typed, where what widens a change does so at large: through all stages, over
/// half of all units or sites, or everywhere at once.
fn far(app: &App, dialog: &Dialog) -> Option<String> {
    if !dialog.widens() {
        return None;
    }
    match &dialog.subject {
        Subject::Action { action, pinned } => {
            let total = app.rollout(&pinned.id).map_or(0, |rollout| rollout.exposure.units_total);
            let units = match &dialog.preview {
                PreviewState::Ready(reply) => reply.effect.units,
                _ => 0,
            };
            let wide = matches!(action, Action::PromoteFull | Action::Restart) || (total > 0 && units * 2 >= total);
            wide.then(|| pinned.id.to_string())
        }
        Subject::LiftWindow(window) => (window.scope == Scope::default()
            || window.scope.targets.iter().any(|target| target == "*"))
        .then(|| window.id.to_string()),
        Subject::Flag(change) => {
            let key: &FlagKey = &change.pinned.flag.key;
            let wide = match change.verb {
                Verb::Enable | Verb::Revive => true,
                Verb::Widen => dialog.percent().is_some_and(|percent| percent >= AT_LARGE),
                Verb::Kill | Verb::Disable => false,
            };
            wide.then(|| key.to_string())
        }
        _ => None,
    }
}
