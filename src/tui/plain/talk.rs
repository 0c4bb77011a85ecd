//! Commands typed as lines: what is asked is answered in lines; what changes something goes through the same
//! dialog as on the screen, asked one question at a time, the answer that changes nothing first.

use std::time::Duration;

use super::{
    line::Voice,
    teller::{Teller, done},
};
use crate::{
    backend::{AuditPage, AuditQuery},
    domain::{AuditEntry, Reason, RolloutId, action::ACTIONS},
    tui::{
        app::{ARMED_FOR, App, View, offer::Why, when},
        intent::Intent,
        message::{Command, Input, Message, Moment},
        update::{self, Item, items},
    },
};

mod ask;
mod show;

use ask::Question;

/// Most entries that are listed.
const ENTRIES: usize = 20;

/// What comes of a line.
#[derive(Debug, Default)]
pub struct Reply {
    /// What is printed.
    pub lines: Vec<String>,
    /// What is asked of the world.
    pub commands: Vec<Command>,
    /// Whether the program ends.
    pub leaves: bool,
}

impl Reply {
    fn said(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }

    fn asks(commands: Vec<Command>) -> Self {
        Self { commands, ..Self::default() }
    }

    fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self.commands.extend(other.commands);
        self.leaves |= other.leaves;
        self
    }
}

/// What the next line answers.
#[derive(Debug, Default)]
enum Mode {
    /// Nothing: it is a command.
    #[default]
    Command,
    /// Which action, by its number.
    Menu(RolloutId, Vec<Item>),
    /// A question of the open dialog.
    Dialog(Box<Question>),
    /// Why the context is to be armed, and for how long.
    Arm(Duration),
}

/// What was asked for and is shown when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Rollout(RolloutId),
    Flags,
    Sites,
    Entries,
    /// One entry of the audit trail, by the question that it answers.
    Entry(Box<AuditQuery>, u64),
}

/// A conversation in lines.
#[derive(Debug)]
pub struct Talk {
    voice: Voice,
    mode: Mode,
    wanted: Option<Wanted>,
}

const HELP: &[(&str, &str)] = &[
    ("list", "every rollout, the worst first; list all: quiet ones too"),
    ("show TARGET/NAME", "stages, gates, signals, what blocks it, what can be done, what happened"),
    ("act TARGET/NAME", "what can be done to it, by number"),
    ("pause, resume, promote, promote_full, rollback, retry TARGET/NAME", "ask what it would do, why, and whether"),
    ("windows", "change windows; freeze SCOPE and lift ID change them"),
    ("flags", "flags; flag kill|disable|enable|widen|revive KEY changes one"),
    ("approvals", "what waits for a second person; approve, reject or withdraw ID decides it"),
    ("sites", "the fleet"),
    ("audit [FILTER]", "the newest entries, such as: audit actor:k.berg since:2h; entry N: all of one"),
    ("arm [10m], disarm", "unlock what widens a change in a protected context, with a reason; lock it"),
    ("ctx NAME", "another context"),
    ("zone utc, zone mine", "the time zone of all times"),
    ("quit", "leave"),
];

impl Talk {
    /// A conversation that begins with a command.
    #[must_use]
    pub fn new(voice: Voice) -> Self {
        Self { voice, mode: Mode::Command, wanted: None }
    }

    /// What stands in front of what is typed.
    #[must_use]
    pub fn prompt(&self, app: &App) -> String {
        match &self.mode {
            Mode::Command => "> ".to_owned(),
            Mode::Menu(_, items) => format!("number, 1 to {}, or nothing: ", items.len()),
            Mode::Dialog(question) => question.prompt(app),
            Mode::Arm(_) => "reason for arming, 10 characters or more, or nothing: ".to_owned(),
        }
    }

    /// Takes a typed line.
    pub fn line(&mut self, app: &mut App, teller: &Teller, text: &str, now: Moment) -> Reply {
        app.now = now;
        app.last_input = now.elapsed;
        let text = text.trim();
        let reply = match std::mem::take(&mut self.mode) {
            Mode::Command => self.command(app, teller, text, now),
            Mode::Menu(id, items) => Self::choose(app, &id, &items, text, now),
            Mode::Dialog(mut question) => {
                let reply = question.line(self.voice, app, text, now);
                self.mode = Mode::Dialog(question);
                reply
            }
            Mode::Arm(span) => self.arm(app, span, text, now),
        };
        reply.and(self.moved(app, now))
    }

    /// What is to be said after something happened: a preview that came, an answer, what was asked for.
    pub fn moved(&mut self, app: &mut App, now: Moment) -> Reply {
        let mut reply = Reply::default();
        if let Some(lines) = self.wanted.as_ref().and_then(|wanted| show::came(app, self.voice, wanted)) {
            self.wanted = None;
            reply.lines.extend(lines);
        }
        if let Mode::Dialog(question) = &mut self.mode {
            let answer = question.moved(self.voice, app, now);
            if question.is_over() {
                self.mode = Mode::Command;
            }
            reply = reply.and(answer);
        } else if app.dialog().is_some() && matches!(self.mode, Mode::Command) {
            let mut question = Question::new();
            let answer = question.moved(self.voice, app, now);
            if !question.is_over() {
                self.mode = Mode::Dialog(Box::new(question));
            }
            reply = reply.and(answer);
        }
        reply
    }

    /// Takes the answer to a question of its own about the audit trail; others are not its business.
    pub fn entries(&mut self, app: &App, query: &AuditQuery, page: &AuditPage) -> Option<Reply> {
        match &self.wanted {
            Some(Wanted::Entry(asked, seq)) if **asked == *query => {
                let found = page.entries.iter().find(|entry| entry.seq == *seq);
                let lines = found.map_or_else(
                    || vec![format!("there is no entry {seq}")],
                    |entry| show::entry(app, self.voice, entry),
                );
                self.wanted = None;
                Some(Reply { lines, ..Reply::default() })
            }
            _ => None,
        }
    }

    /// Stops what waits to be sent; the program is about to end.
    pub fn leave(&mut self, app: &mut App, now: Moment) -> Vec<String> {
        app.now = now;
        self.mode = Mode::Command;
        let counting = app.dialog().is_some_and(|d| matches!(d.stage, crate::tui::app::dialog::Stage::Counting { .. }));
        if counting { vec!["stopped: nothing was sent".to_owned()] } else { Vec::new() }
    }

    fn command(&mut self, app: &mut App, teller: &Teller, text: &str, now: Moment) -> Reply {
        let (word, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()));
        match word {
            "" => Reply::default(),
            "help" | "h" | "?" => {
                Reply { lines: HELP.iter().map(|(word, what)| format!("{word}: {what}")).collect(), ..Reply::default() }
            }
            "list" | "rollouts" | "overview" => {
                Reply { lines: teller.standing(app, rest == "all"), ..Reply::default() }
            }
            "show" | "open" => self.show(app, rest, now),
            "act" | "actions" => self.menu(app, rest, now),
            "windows" | "calendar" => Reply { lines: show::windows(app, self.voice), ..Reply::default() },
            "approvals" => Reply { lines: show::approvals(app, self.voice), ..Reply::default() },
            "approve" => decide(app, rest, Intent::Approve, now),
            "reject" => decide(app, rest, Intent::Reject, now),
            "withdraw" => decide(app, rest, Intent::Withdraw, now),
            "flags" => self.ask_for(app, Wanted::Flags, "flags", now),
            "sites" => self.ask_for(app, Wanted::Sites, "sites", now),
            "audit" => self.ask_for(app, Wanted::Entries, text, now),
            "entry" => match rest.trim_start_matches('#').parse::<u64>() {
                Ok(seq) if seq > 0 => {
                    let query = AuditQuery { after: seq - 1, limit: 1, ..AuditQuery::default() };
                    self.wanted = Some(Wanted::Entry(Box::new(query.clone()), seq));
                    Reply::asks(vec![Command::Audit(query)])
                }
                _ => Reply::said("entry which? name its number, such as entry 12"),
            },
            "arm" => self.begin_arming(app, rest),
            "zone" => Reply::asks(update::line(app, &format!("set zone {rest}"), now)),
            "quit" | "q" | "exit" => Reply { leaves: true, ..Reply::default() },
            // Only what makes sense without a screen, by its whole word: a slip does nothing.
            "ctx" | "context" | "contexts" if rest.is_empty() => {
                let names: Vec<&str> = app.contexts.iter().map(|context| context.name.as_str()).collect();
                Reply::said(self.voice.line(&format!("contexts: {}", names.join(", ")), ""))
            }
            "freeze" | "lift" | "flag" if rest.is_empty() => {
                Reply::said(format!("{word} what? the command help says what follows"))
            }
            "ctx" | "context" | "freeze" | "lift" | "flag" | "disarm" => run(app, text, now),
            _ if ACTIONS.iter().any(|spec| spec.verb == word) => match rest.parse::<RolloutId>() {
                Ok(_) => run(app, text, now),
                Err(_) => Reply::said(format!("{word} what? name a rollout as TARGET/NAME; list names them")),
            },
            _ if word.contains('/') && rest.is_empty() => self.show(app, word, now),
            _ => Reply::said(self.voice.line(&format!("'{word}' is no command here: help lists them"), "")),
        }
    }

    fn show(&mut self, app: &mut App, rest: &str, now: Moment) -> Reply {
        let Ok(id) = rest.parse::<RolloutId>() else {
            return Reply::said("show what? name a rollout as TARGET/NAME; list names them");
        };
        if app.rollouts.get(&id).is_none() {
            return Reply::said(format!("{id} is not in the list"));
        }
        let commands = update::line(app, &format!("open {id}"), now);
        if !app.link.is_live(now.elapsed) {
            // What is known of it is shown at once: nobody knows when more comes.
            return Reply { lines: show::rollout(app, self.voice, &id), commands, leaves: false };
        }
        self.wanted = Some(Wanted::Rollout(id));
        Reply::asks(commands)
    }

    fn ask_for(&mut self, app: &mut App, wanted: Wanted, line: &str, now: Moment) -> Reply {
        // What was asked before is not what is: only what comes now is shown.
        match wanted {
            Wanted::Flags => app.flags.page = None,
            Wanted::Sites => app.sites.page = None,
            _ => {}
        }
        let commands = update::line(app, line, now);
        self.wanted = (!commands.is_empty()).then_some(wanted);
        Reply::asks(commands)
    }

    fn menu(&mut self, app: &mut App, rest: &str, now: Moment) -> Reply {
        let Ok(id) = rest.parse::<RolloutId>() else {
            return Reply::said("act on what? name a rollout as TARGET/NAME; list names them");
        };
        if app.rollouts.get(&id).is_none() {
            return Reply::said(format!("{id} is not in the list"));
        }
        let commands = update::line(app, &format!("open {id}"), now);
        let items: Vec<Item> = items(app);
        let mut lines = vec![format!("what can be done to {id}:")];
        for (index, item) in items.iter().enumerate() {
            let (label, summary) = item.words(app);
            let why = match item.offer(app) {
                Ok(()) => String::new(),
                Err(Why::Held(why)) => format!(" (held: {why})"),
                Err(Why::Never(why)) => format!(" (not now: {why})"),
            };
            lines.push(self.voice.line(&format!("{} {label}: {summary}{why}", index + 1), ""));
        }
        self.mode = Mode::Menu(id, items);
        Reply { lines, commands, leaves: false }
    }

    fn choose(app: &mut App, id: &RolloutId, items: &[Item], text: &str, now: Moment) -> Reply {
        if text.is_empty() {
            return Reply::said("nothing was chosen");
        }
        let Some(item) = text.parse::<usize>().ok().and_then(|number| items.get(number.checked_sub(1)?)) else {
            return Reply::said(format!("{text} is no number of this list; nothing was chosen"));
        };
        if app.view != View::Detail || app.detail.as_ref().is_none_or(|detail| &detail.id != id) {
            return Reply::said("something else is shown by now: choose again with act");
        }
        Reply::asks(update::update(app, Message::Input(Input::Intent(item.intent())), now))
    }

    fn begin_arming(&mut self, app: &mut App, rest: &str) -> Reply {
        if !app.is_protected() {
            return Reply::said("this context is not protected: there is nothing to arm");
        }
        let span = if rest.is_empty() { Some(ARMED_FOR) } else { when::span(rest) };
        match span {
            Some(span) => {
                self.mode = Mode::Arm(span);
                Reply::default()
            }
            None => Reply::said("arm for how long? a span such as 10m, at most 1h"),
        }
    }

    /// Arms with a reason, which is then at hand for what it was armed for.
    fn arm(&mut self, app: &mut App, span: Duration, text: &str, now: Moment) -> Reply {
        if text.is_empty() {
            return Reply::said("still locked");
        }
        match Reason::new(text) {
            Ok(reason) => {
                let reason = reason.as_str().to_owned();
                app.reasons.retain(|used| used != &reason);
                app.reasons.push(reason);
                Reply::asks(update::line(app, &format!("arm {}s", span.as_secs()), now))
            }
            Err(rule) => {
                self.mode = Mode::Arm(span);
                Reply::said(rule.to_string())
            }
        }
    }
}

/// Runs a line of the command line. What it says is said once, and what was said before is not said again.
fn run(app: &mut App, text: &str, now: Moment) -> Reply {
    let was = app.notice.take();
    let commands = update::line(app, text, now);
    if app.notice.is_none() && app.dialog().is_none() {
        app.notice = was;
    }
    Reply::asks(commands)
}

/// Opens the dialog that decides what waits for a second person.
fn decide(app: &mut App, id: &str, intent: Intent, now: Moment) -> Reply {
    let mut rows = (0..).map_while(|row| app.approvals.at(row).map(|view| (row, view)));
    let Some(row) = rows.find(|(_, view)| view.approval.id.as_str() == id).map(|(row, _)| row) else {
        return Reply::said("which one? name its id; approvals lists them");
    };
    let mut commands = update::line(app, "approvals", now);
    app.approvals.list.move_to(row);
    commands.extend(update::update(app, Message::Input(Input::Intent(intent)), now));
    Reply::asks(commands)
}

/// An entry in a list of entries.
fn listed(app: &App, voice: Voice, entry: &AuditEntry) -> String {
    voice.line(&format!("{} {}", app.clock_seconds(entry.at), done(entry)), &format!("entry {}", entry.seq))
}
