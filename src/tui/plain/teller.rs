//! From what the app knows to lines: once how everything stands, then what changed since the last look.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use super::line::Voice;
use crate::{
    domain::{ActorKind, AuditEntry, Outcome, Rollout, RolloutId, SafeText, WindowState},
    tui::{
        app::{
            App, View, age,
            attention::{self, Class},
            link::LinkState,
            rollouts::Row,
            workload,
        },
        update::outcome_word,
        view::words,
    },
};

mod change;

pub(super) use change::changes;

/// A lost link is said again after this long: silence means that it is there.
const SAID_AGAIN: Duration = Duration::from_mins(1);
/// Beyond so many rollouts those that are quiet are counted and not listed.
const LISTED: usize = 50;

/// What is told of: everything, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// All rollouts.
    #[default]
    All,
    /// One rollout.
    One(RolloutId),
    /// What runs on the followed site.
    Site,
}

/// Tells what the app knows, each thing once.
#[derive(Debug)]
pub struct Teller {
    voice: Voice,
    scope: Scope,
    /// Whether it was told how everything stands.
    stood: bool,
    /// In which context.
    context: String,
    /// When it was last said that the link is lost.
    lost: Option<Duration>,
    rollouts: HashMap<RolloutId, Arc<Rollout>>,
    windows: Option<BTreeMap<SafeText, WindowState>>,
    approvals: Option<BTreeSet<SafeText>>,
    notice: Option<(SafeText, Duration)>,
    lasting: Option<SafeText>,
    broken: bool,
}

impl Teller {
    /// Tells of a part of what there is.
    #[must_use]
    pub fn new(voice: Voice, scope: Scope) -> Self {
        Self {
            voice,
            scope,
            stood: false,
            context: String::new(),
            lost: None,
            rollouts: HashMap::new(),
            windows: None,
            approvals: None,
            notice: None,
            lasting: None,
            broken: false,
        }
    }

    /// The lines that are new since the last call: all of how it stands, at first.
    pub fn tell(&mut self, app: &App) -> Vec<String> {
        let mut lines = Vec::new();
        if self.context != app.context_name() {
            // Another context: nothing of the last one is news of this one.
            *self = Self::new(self.voice, self.scope.clone());
            app.context_name().clone_into(&mut self.context);
        }
        self.link(app, &mut lines);
        self.notices(app, &mut lines);
        let known = app.info.is_some() && app.rollouts.is_loaded() && app.windows.is_loaded();
        // Whose site it is, and what runs there, is known when the sites came.
        if !known || (self.scope == Scope::Site && app.followed().is_err() && app.sites.page.is_none()) {
            return lines;
        }
        if self.stood {
            self.rollouts(app, &mut lines);
            self.windows(app, &mut lines);
            self.approvals(app, &mut lines);
        } else {
            self.stood = true;
            lines.extend(self.standing(app, false));
            self.remember(app);
        }
        lines
    }

    /// Whether it has said how everything stands, or why that is not known: only then is it of use to answer.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.stood || self.lost.is_some()
    }

    /// When it has something to say again although nothing happened, since the program started.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.lost.map(|at| at + SAID_AGAIN)
    }

    fn line(&self, app: &App, text: &str, more: &str) -> String {
        self.voice.line(&format!("{} {text}", app.clock_seconds(app.server_now())), more)
    }

    fn concerns(&self, app: &App, id: &RolloutId) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::One(one) => one == id,
            Scope::Site => app.followed_rollouts().contains(id),
        }
    }

    fn link(&mut self, app: &App, lines: &mut Vec<String>) {
        let elapsed = app.now.elapsed;
        let LinkState::Lost(silent) = app.link.state(elapsed) else {
            if self.lost.take().is_some()
                && !app.notice.as_ref().is_some_and(|n| n.text.as_str().starts_with("connected"))
            {
                lines.push(self.line(app, "link back", ""));
            }
            return;
        };
        if self.lost.is_some_and(|at| elapsed < at + SAID_AGAIN) {
            return;
        }
        let why = app.link.why().map_or_else(String::new, |why| format!(": {why}"));
        let silent = age::age(chrono::TimeDelta::from_std(silent).unwrap_or_default());
        let text = match (self.lost, app.link.as_of()) {
            (_, None) => format!("LINK LOST, nothing is known yet, it is asked again{why}"),
            (None, Some(at)) => {
                format!("LINK LOST, what was said is as of {}, it is asked again{why}", app.clock_seconds(at))
            }
            (Some(_), Some(_)) => format!("LINK still LOST, for {silent}{why}"),
        };
        self.lost = Some(elapsed);
        lines.push(self.line(app, &text, "rolldeck doctor"));
    }

    /// What the message row would say: answers, refusals, what was sent.
    fn notices(&mut self, app: &App, lines: &mut Vec<String>) {
        let notice = app.notice.as_ref().map(|notice| (notice.text.clone(), notice.until));
        if notice != self.notice {
            lines.extend(notice.as_ref().map(|(text, _)| self.line(app, text.as_str(), "")));
            self.notice = notice;
        }
        let lasting = app.lasting.as_ref().map(|lasting| lasting.text.clone());
        if lasting != self.lasting {
            lines.extend(lasting.as_ref().map(|text| self.line(app, text.as_str(), "")));
            self.lasting = lasting;
        }
        let broken = app.trail.broken();
        if broken.is_some() != self.broken {
            lines.extend(broken.as_ref().map(|found| {
                self.line(app, &format!("AUDIT TRAIL BROKEN after entry {}: {}", found.after, found.why), "")
            }));
            self.broken = broken.is_some();
        }
    }

    /// How everything stands, the worst first. Quiet ones are counted where there are many, unless all are asked for.
    #[must_use]
    pub fn standing(&self, app: &App, all: bool) -> Vec<String> {
        let mut lines = vec![self.voice.line(&who(app), "")];
        if self.scope == Scope::Site {
            let site = match app.followed() {
                Ok(site) => format!("following site {}/{}: nothing can be changed here", site.group, site.site),
                Err(why) => why,
            };
            lines.push(self.voice.line(&site, ""));
        }
        let mut rows: Vec<&Row> =
            app.rollouts.iter().filter(|row| !row.ghost && self.concerns(app, row.id())).collect();
        rows.sort_by(|one, other| {
            let rank = |row: &Row| (row.class, attention::rank(&row.rollout));
            rank(one).cmp(&rank(other)).then_with(|| one.id().cmp(other.id()))
        });
        match &self.scope {
            Scope::One(id) if rows.is_empty() => {
                lines.push(self.voice.line(&format!("there is no rollout {id}"), "list all"));
            }
            _ => lines.push(self.voice.line(&counts(&rows), "list all")),
        }
        for view in app.windows.active() {
            lines.push(self.voice.line(&window(app, &view.window, "holds"), "windows"));
        }
        for view in app.approvals.waiting(app.server_now()) {
            lines.push(self.voice.line(&approval(app, view), "approvals"));
        }
        let hides = !all && rows.len() > LISTED;
        let quiet = rows.iter().filter(|row| row.class.is_quiet()).count();
        for row in rows.iter().filter(|row| !(hides && row.class.is_quiet())) {
            lines.push(self.voice.line(&stands(app, &row.rollout), "show"));
        }
        if hides && quiet > 0 {
            lines.push(self.voice.line(&format!("{quiet} more are quiet: the command list all names them"), ""));
        }
        lines
    }

    fn remember(&mut self, app: &App) {
        self.rollouts = app.rollouts.iter().filter(|row| !row.ghost).map(kept).collect();
        self.windows = Some(states(app));
        self.approvals = Some(waiting(app));
    }

    fn rollouts(&mut self, app: &App, lines: &mut Vec<String>) {
        let now = app.server_now();
        let mut told: Vec<(Class, RolloutId, Vec<String>)> = Vec::new();
        let mut seen = 0;
        for row in app.rollouts.iter().filter(|row| !row.ghost) {
            seen += 1;
            let before = self.rollouts.get(row.id());
            if before.is_some_and(|before| Arc::ptr_eq(before, &row.rollout)) {
                continue;
            }
            let news = match before {
                Some(before) => changes(before, &row.rollout, now),
                None => vec![format!("is new: {}", stands(app, &row.rollout))],
            };
            if !news.is_empty() && self.concerns(app, row.id()) {
                told.push((row.class, row.id().clone(), news));
            }
            let (id, rollout) = kept(row);
            self.rollouts.insert(id, rollout);
        }
        if self.rollouts.len() > seen {
            let here: BTreeSet<&RolloutId> = app.rollouts.iter().filter(|row| !row.ghost).map(Row::id).collect();
            let gone: BTreeSet<RolloutId> = self.rollouts.keys().filter(|id| !here.contains(id)).cloned().collect();
            for id in gone {
                self.rollouts.remove(&id);
                if self.concerns(app, &id) {
                    lines.push(self.line(app, &format!("{id} is gone"), "list"));
                }
            }
        }
        told.sort();
        for (_, id, news) in told {
            for what in news {
                lines.push(self.line(app, &format!("{id} {what}"), "show"));
            }
        }
    }

    fn windows(&mut self, app: &App, lines: &mut Vec<String>) {
        let now = states(app);
        let Some(before) = self.windows.replace(now.clone()) else { return };
        for view in app.windows.all() {
            let was = before.get(&view.window.id).copied();
            if was == Some(view.state) {
                continue;
            }
            let how = match (was, view.state) {
                (None, WindowState::Active) => "holds from now on",
                (_, WindowState::Active) => "begins",
                (None, WindowState::Upcoming) => "is to come",
                (Some(WindowState::Active), WindowState::Upcoming) => "ends, and comes again",
                (Some(_), WindowState::Upcoming) => "is enabled again",
                (Some(_), WindowState::Ended) => "ends",
                (Some(_), WindowState::Lifted) => "was lifted",
                (Some(_), WindowState::Disabled) => "was switched off",
                // What was over before it was heard of holds nothing.
                (None, WindowState::Ended | WindowState::Lifted | WindowState::Disabled) => continue,
            };
            lines.push(self.line(app, &window(app, &view.window, how), "windows"));
        }
    }

    fn approvals(&mut self, app: &App, lines: &mut Vec<String>) {
        let now = waiting(app);
        let Some(before) = self.approvals.replace(now) else { return };
        for view in app.approvals.waiting(app.server_now()).filter(|view| !before.contains(&view.approval.id)) {
            lines.push(self.line(app, &approval(app, view), "approvals"));
        }
    }
}

fn kept(row: &Row) -> (RolloutId, Arc<Rollout>) {
    (row.id().clone(), Arc::clone(&row.rollout))
}

fn states(app: &App) -> BTreeMap<SafeText, WindowState> {
    app.windows.all().iter().map(|view| (view.window.id.clone(), view.state)).collect()
}

fn waiting(app: &App) -> BTreeSet<SafeText> {
    app.approvals.waiting(app.server_now()).map(|view| view.approval.id.clone()).collect()
}

/// Where, who, when, how fresh.
fn who(app: &App) -> String {
    let mut said = format!("rolldeck, context {}", app.context_name());
    if app.info.as_ref().is_some_and(|info| info.simulated) {
        said.push_str(", SIMULATED");
    }
    if let Some(info) = &app.info {
        _ = write!(said, ", you are {} ({})", info.actor, info.role.as_str());
    }
    if app.read_only {
        said.push_str(", READ-ONLY");
    } else if app.is_protected() {
        said.push_str(if app.is_armed() { ", protected and ARMED" } else { ", protected and LOCKED" });
    }
    _ = write!(said, ", {}", app.clock_seconds(app.server_now()));
    said.push_str(match app.link.state(app.now.elapsed) {
        LinkState::Connecting(_) => ", connecting",
        LinkState::Live if app.dark().is_some() => ", no cluster answers",
        LinkState::Live => ", live",
        LinkState::Slow(_) => ", answers are late",
        LinkState::Lost(_) => ", LINK LOST: all this is old",
    });
    said
}

/// How many rollouts there are, and of what kind.
fn counts(rows: &[&Row]) -> String {
    let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
    for row in rows {
        *classes.entry(row.class).or_default() += 1;
    }
    let kinds: Vec<String> = classes.iter().map(|(class, count)| format!("{count} {}", class.count_word())).collect();
    match rows.len() {
        0 => "no rollouts".to_owned(),
        1 => format!("1 rollout: {}", kinds.join(", ")),
        count => format!("{count} rollouts: {}", kinds.join(", ")),
    }
}

/// How a rollout stands, in one sentence.
pub(super) fn stands(app: &App, rollout: &Rollout) -> String {
    let class = Class::of(rollout);
    let mut said = format!("{} {}", class.word(), rollout.id());
    if let Some(version) = &rollout.candidate.version {
        _ = write!(said, " {version}");
    }
    if !class.is_quiet()
        && let Some(stage) = &rollout.current_stage
    {
        _ = write!(said, ", stage {stage}");
    }
    _ = write!(said, ", {}", workload::reach(rollout));
    let signal = attention::worst_signal(rollout, app.server_now());
    if !signal.is_empty() {
        _ = write!(said, ": {signal}");
    }
    let next = words::next(app, rollout);
    if !class.is_quiet() && next != "-" {
        _ = write!(said, "; next: {next}");
    }
    said
}

/// A window and how it is.
pub(super) fn window(app: &App, window: &crate::domain::Window, how: &str) -> String {
    let what = match window.effect {
        crate::domain::Effect::Deny => "FREEZE",
        crate::domain::Effect::Allow => "CHANGE WINDOW",
    };
    let until = window.until.map_or_else(String::new, |at| format!(" until {}", app.day_clock(at)));
    format!("{what} {} {how}: {}{until}: {}", window.id, crate::tui::app::wording::scope(&window.scope), window.reason)
}

/// What waits for a second person.
pub(super) fn approval(app: &App, view: &crate::backend::ApprovalView) -> String {
    let approval = &view.approval;
    let yours = if view.yours == Some(true) { ", you can agree" } else { "" };
    format!(
        "WAITS FOR A SECOND PERSON {}: {} of {}, asked for by {} until {}{yours}: {}",
        approval.id,
        approval.action,
        approval.subject,
        approval.requested_by.id,
        app.day_clock(approval.expires_at),
        approval.reason
    )
}

/// What somebody did, in one line; none of what the machinery did by itself.
#[must_use]
pub fn entry(app: &App, voice: Voice, entry: &AuditEntry) -> Option<String> {
    if !matches!(entry.actor.kind, ActorKind::Human | ActorKind::Automation) {
        return None;
    }
    let more = format!("entry {}", entry.seq);
    Some(voice.line(&format!("{} {}", app.clock_seconds(entry.at), done(entry)), &more))
}

/// Who did what to what, why, and what became of it.
pub(super) fn done(entry: &AuditEntry) -> String {
    let outcome = match entry.outcome {
        Outcome::Applied => String::new(),
        outcome => format!(", {}", outcome_word(outcome)),
    };
    let why = entry.reason.as_ref().or(entry.effect.as_ref()).map_or_else(String::new, |why| format!(": {why}"));
    format!("{} did {} on {}{outcome}{why}", entry.actor.id, entry.action, entry.subject)
}

impl Scope {
    /// What is told of where the dashboard is started so.
    #[must_use]
    pub fn of(app: &App, open: Option<RolloutId>) -> Self {
        match open {
            Some(id) => Self::One(id),
            None if app.view == View::Follow => Self::Site,
            None => Self::All,
        }
    }
}
