//! What the dashboard knows and shows. It does no I/O and reads no clock: moments and ids are handed in.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    hyperlink::Hyperlinks,
    keymap::{self, ContextName, Keymap, Sequence},
    message::{Answer, Command, Generation, Moment},
    options::{ContextChoice, Options, Preferences},
    theme,
};
use crate::{
    backend::{RolloutsPage, ServerInfo},
    clock::Clock,
    domain::{Rollout, RolloutId, WindowState},
    settings::Links,
};
use ratatui::style::Style;

pub mod age;
pub mod alert;
pub mod approvals;
pub mod asking;
pub mod attention;
mod banner;
pub mod calendar;
pub mod carriers;
pub mod change;
pub mod chart;
pub mod choice;
mod deadline;
pub mod detail;
pub mod dialog;
pub mod figure;
pub mod filter;
pub mod flags;
pub mod follow;
pub mod layout;
pub mod line;
pub mod link;
pub mod listing;
pub mod lists;
pub mod notice;
pub mod offer;
pub mod overrides;
pub mod palette;
pub mod places;
pub mod reading;
pub mod records;
pub mod recover;
pub mod rollouts;
pub mod signal;
pub mod sort;
pub mod spots;
pub mod story;
pub mod text;
pub mod touch;
pub mod trail;
pub mod tree;
pub mod when;
pub mod wording;
pub mod workload;
pub mod zone;

use alert::Alerts;
use approvals::Approvals;
use calendar::Calendar;
use carriers::Carriers;
use chart::ChartMode;
use choice::Choice;
use detail::{Detail, Pane};
use dialog::{Dialog, Draft};
use flags::Flags;
use follow::Follow;
use line::Line;
use link::Link;
use notice::{Lasting, Notice, Tone};
use overrides::Overrides;
use places::{Sites, Windows};
use recover::course::Recover;
use rollouts::Rollouts;
use spots::Spots;
use text::Field;
use trail::Trail;
use zone::{Mine, Zone};

/// How long an armed context stays so.
pub const ARMED_FOR: Duration = Duration::from_mins(10);
/// An armed context is locked again when no key was pressed for this long.
pub const IDLE_DISARMS: Duration = Duration::from_mins(5);
/// Most answers that a held display keeps.
const HELD_MAX: usize = 300;

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// All rollouts by need of attention.
    Overview,
    /// One rollout.
    Detail,
    /// Sites and their lanes.
    Sites,
    /// The audit trail.
    Audit,
    /// Change windows.
    Windows,
    /// Flags by site and lane, or by stage.
    Flags,
    /// Overrides of windows.
    Overrides,
    /// What waits for a second person.
    Approvals,
    /// One site during a pilot window.
    Follow,
    /// What is wrong, what changed, what to do.
    Recover,
    /// Contexts to switch to.
    Contexts,
}

/// What lies over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// Nothing.
    None,
    /// A change to be confirmed.
    Dialog(Box<Dialog>),
    /// What can be done to the selection.
    Menu {
        /// The selected line.
        cursor: usize,
    },
    /// One of a few lines to be chosen.
    Choice(Choice),
    /// Keys that work here.
    Help {
        /// What is looked for.
        search: Field,
        /// The selected line.
        cursor: usize,
    },
    /// A record as it is.
    Raw {
        /// Its title.
        title: String,
        /// Its lines, safe to paint.
        lines: Vec<String>,
        /// The first visible line.
        top: usize,
    },
    /// Clusters and others that carry rollouts out, with what is wrong there.
    Clusters {
        /// The first visible line.
        top: usize,
    },
    /// Whether to leave although something is under way.
    Leave {
        /// What is under way.
        why: String,
    },
}

/// A display that is held.
#[derive(Debug)]
pub struct Hold {
    /// Since when.
    pub since: Duration,
    /// What came meanwhile.
    pub answers: Vec<Answer>,
    /// How many changes of rollouts are in them.
    pub changes: usize,
    /// The server's time of what is shown.
    pub as_of: Option<DateTime<Utc>>,
}

/// The dashboard's state.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and no two make a state together")]
pub struct App {
    pub(super) now: Moment,
    pub(super) size: (u16, u16),
    pub(super) generation: Generation,
    pub(super) contexts: Vec<ContextChoice>,
    pub(super) context: usize,
    pub(super) context_cursor: usize,
    pub(super) read_only: bool,
    pub(super) keymap: Arc<Keymap>,
    /// The keymaps and themes that can be chosen, by name.
    pub(super) keymaps: Vec<String>,
    pub(super) themes: Vec<String>,
    pub(super) sequence: Option<Box<Sequence>>,
    pub(super) info: Option<ServerInfo>,
    pub(super) link: Link,
    pub(super) rollouts: Rollouts,
    pub(super) carriers: Carriers,
    pub(super) detail: Option<Detail>,
    pub(super) watched: Option<RolloutId>,
    pub(super) trail: Trail,
    pub(super) windows: Windows,
    pub(super) calendar: Calendar,
    pub(super) overrides: Overrides,
    pub(super) approvals: Approvals,
    pub(super) follow: Option<Follow>,
    pub(super) recover: Option<Recover>,
    pub(super) sites: Sites,
    pub(super) flags: Flags,
    pub(super) view: View,
    pub(super) views: Vec<View>,
    /// Views that were left by going back, the nearest last.
    pub(super) ahead: Vec<View>,
    pub(super) overlay: Overlay,
    pub(super) line: Option<Line>,
    pub(super) commands: Vec<String>,
    pub(super) reasons: Vec<String>,
    pub(super) filters: BTreeMap<String, String>,
    pub(super) notice: Option<Notice>,
    pub(super) lasting: Option<Lasting>,
    pub(super) zone: Zone,
    pub(super) mine: Mine,
    pub(super) alerts: Alerts,
    pub(super) preferences: Preferences,
    /// Whether names are painted as links, and to where.
    pub(super) hyperlinks: Option<Hyperlinks>,
    pub(super) chart: ChartMode,
    pub(super) hold: Option<Hold>,
    /// Whether lists show all columns that fit.
    pub(super) wide: bool,
    /// Whether the mouse is the program's.
    pub(super) mouse: bool,
    /// What was painted where.
    pub(super) spots: Spots,
    /// When and where the mouse was pressed last.
    pub(super) pressed: Option<(Duration, (u16, u16))>,
    pub(super) drafts: BTreeMap<String, Draft>,
    pub(super) last_input: Duration,
    armed_until: Option<Duration>,
    open: Option<RolloutId>,
    clock: Arc<dyn Clock>,
    dirty: bool,
    dialog_drawn: bool,
}

impl App {
    /// The state to begin with.
    #[must_use]
    pub fn new(options: &Options, keymap: Arc<Keymap>, now: Moment, size: (u16, u16)) -> Self {
        let context = options.contexts.iter().position(|c| c.name == options.current).unwrap_or(0);
        let more = match options.notices.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more: rolldeck doctor says them all)", n - 1),
        };
        let follow = options.follow.as_ref().map(|site| Follow::new(site.0.clone(), site.1.clone()));
        let following = follow.is_some();
        let notice = options.notices.first();
        let notice = notice.map(|text| Notice::new(Tone::Attention, format!("{text}{more}"), now.elapsed));
        Self {
            now,
            size,
            generation: 0,
            contexts: options.contexts.clone(),
            context,
            context_cursor: context,
            read_only: options.read_only,
            keymap,
            keymaps: keymap::BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect(),
            themes: theme::BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect(),
            sequence: None,
            info: None,
            link: Link::new(now),
            rollouts: Rollouts::default(),
            carriers: Carriers::default(),
            detail: None,
            watched: None,
            trail: Trail::default(),
            windows: Windows::default(),
            calendar: Calendar::default(),
            overrides: Overrides::default(),
            approvals: Approvals::default(),
            follow,
            recover: None,
            sites: Sites::default(),
            flags: Flags::default(),
            view: if following { View::Follow } else { View::Overview },
            views: Vec::new(),
            ahead: Vec::new(),
            overlay: Overlay::None,
            line: None,
            commands: Vec::new(),
            reasons: Vec::new(),
            filters: options.filters.clone(),
            notice,
            lasting: None,
            zone: options.preferences.zone,
            mine: options.preferences.mine,
            alerts: Alerts::new(options.preferences.tui.notify, &options.preferences.tui.notify_on),
            preferences: options.preferences.clone(),
            hyperlinks: None,
            chart: ChartMode::default(),
            hold: None,
            wide: false,
            mouse: options.preferences.tui.mouse,
            spots: Spots::default(),
            pressed: None,
            drafts: BTreeMap::new(),
            last_input: now.elapsed,
            armed_until: None,
            open: options.open.clone(),
            clock: Arc::clone(&options.clock),
            dirty: true,
            dialog_drawn: false,
        }
    }

    /// What to ask of the world first.
    pub fn start(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(context) = self.contexts.get(self.context) {
            self.generation += 1;
            commands.push(Command::Connect(context.name.clone()));
            commands.push(Command::Windows);
        }
        if let Some(id) = self.open.take() {
            self.open_rollout(id.clone());
            self.watched = Some(id.clone());
            commands.extend([Command::Watch(Some(id.clone())), Command::Timeline(id)]);
        }
        commands
    }

    /// Whether something on the screen may have changed since the last frame.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The same, and what is shown counts as drawn from now on. To be called right before drawing.
    pub fn take_dirty(&mut self) -> bool {
        self.dialog_drawn = self.dialog().is_some();
        std::mem::take(&mut self.dirty)
    }

    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    /// The frame that was drawn last is on the screen.
    pub(super) fn painted(&mut self) {
        let elapsed = self.now.elapsed;
        if let Overlay::Dialog(dialog) = &mut self.overlay
            && self.dialog_drawn
            && dialog.painted.is_none()
        {
            dialog.painted = Some(elapsed);
        }
    }

    /// Names of the person's own themes and keymaps, to choose from beside those that are built in.
    pub fn can_choose(&mut self, themes: Vec<String>, keymaps: Vec<String>) {
        for (all, own) in [(&mut self.themes, themes), (&mut self.keymaps, keymaps)] {
            all.extend(own);
            all.sort();
            all.dedup();
        }
    }

    /// The sequence of keys that waits, once it has waited for long enough that somebody may look for its end.
    #[must_use]
    pub fn shown_sequence(&self) -> Option<&Sequence> {
        let waits = |sequence: &&Sequence| sequence.since + keymap::SHOWN_AFTER <= self.now.elapsed;
        self.sequence.as_deref().filter(waits)
    }

    /// Keymap contexts in force, the narrowest first.
    #[must_use]
    pub fn contexts(&self) -> Vec<ContextName> {
        if self.line.is_some() {
            return vec![ContextName::Text];
        }
        match &self.overlay {
            Overlay::Dialog(dialog) if dialog.is_editing() && dialog.focus.is_text() => vec![ContextName::Text],
            Overlay::Dialog(_) | Overlay::Leave { .. } => vec![ContextName::Dialog],
            Overlay::Menu { .. } => vec![ContextName::Menu],
            Overlay::Choice(_) => vec![ContextName::Choice],
            Overlay::Help { .. } => vec![ContextName::Text],
            Overlay::Raw { .. } | Overlay::Clusters { .. } => vec![ContextName::Global],
            Overlay::None => self.view_contexts(),
        }
    }

    /// Keymap contexts of the view, whatever lies over it.
    #[must_use]
    pub fn view_contexts(&self) -> Vec<ContextName> {
        let own = match self.view {
            View::Detail => ContextName::Detail,
            View::Audit => ContextName::Audit,
            View::Windows => ContextName::Windows,
            View::Flags => ContextName::Flags,
            View::Recover => ContextName::Recover,
            View::Overview | View::Sites | View::Contexts | View::Overrides | View::Approvals | View::Follow => {
                ContextName::List
            }
        };
        vec![own, ContextName::Global]
    }

    /// Whether keys that print are text here.
    #[must_use]
    pub fn wants_text(&self) -> bool {
        if self.line.is_some() {
            return true;
        }
        match &self.overlay {
            Overlay::Dialog(dialog) => dialog.is_editing() && dialog.focus.is_text(),
            Overlay::Help { .. } => true,
            _ => false,
        }
    }

    /// The screen that is shown.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// What lies over it.
    #[must_use]
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The pane that has the keys, in the detail view.
    #[must_use]
    pub fn pane(&self) -> Option<Pane> {
        self.detail.as_ref().filter(|_| self.view == View::Detail).map(|detail| detail.pane)
    }

    /// The line that is typed in.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// The open dialog.
    #[must_use]
    pub fn dialog(&self) -> Option<&Dialog> {
        match &self.overlay {
            Overlay::Dialog(dialog) => Some(dialog),
            _ => None,
        }
    }

    pub(super) fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.overlay {
            Overlay::Dialog(dialog) => Some(dialog),
            _ => None,
        }
    }

    /// The server's time now, as far as its last answer says.
    #[must_use]
    pub fn server_now(&self) -> DateTime<Utc> {
        self.link.server_now(self.now)
    }

    /// Links to other places from this context.
    pub(super) fn links(&self) -> &Links {
        static NONE: LazyLock<Links> = LazyLock::new(Links::default);
        self.preferences.links.get(self.context_name()).unwrap_or(&NONE)
    }

    /// Begins with reasons of other days, the newest last.
    pub(super) fn remember(&mut self, reasons: Vec<String>) {
        self.reasons = reasons;
    }

    /// Paints names as links from now on.
    pub fn link_names(&mut self, hyperlinks: Hyperlinks) {
        self.hyperlinks = Some(hyperlinks);
    }

    /// The style of a name that links to a URL, where there is one and names are links at all.
    pub(super) fn link_style(&self, url: Option<String>) -> Style {
        match (&self.hyperlinks, url) {
            (Some(hyperlinks), Some(url)) => hyperlinks.style(&url),
            _ => Style::new(),
        }
    }

    /// Whether the context is protected.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.contexts.get(self.context).is_some_and(|c| c.protected)
    }

    /// Whether what widens a change is unlocked.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.armed_until.is_some_and(|until| until > self.now.elapsed)
    }

    /// What is left of it.
    #[must_use]
    pub fn armed_left(&self) -> Option<TimeDelta> {
        let left = self.armed_until?.checked_sub(self.now.elapsed)?;
        TimeDelta::from_std(left).ok()
    }

    pub(super) fn arm(&mut self, span: Duration) {
        self.armed_until = Some(self.now.elapsed + span.min(Duration::from_hours(1)));
    }

    /// Locks it again; says whether it was armed.
    pub(super) fn disarm(&mut self) -> bool {
        self.armed_until.take().is_some_and(|until| until > self.now.elapsed)
    }

    pub(super) fn armed_until(&self) -> Option<Duration> {
        self.armed_until
    }

    /// The name of the context.
    #[must_use]
    pub fn context_name(&self) -> &str {
        self.contexts.get(self.context).map_or("no context", |c| c.name.as_str())
    }

    /// The options of a command line that reach this context.
    #[must_use]
    pub fn reached_by(&self) -> &[String] {
        self.contexts.get(self.context).map_or(&[], |c| &c.reached_by)
    }

    /// The rollout that actions are for: that of the detail view, or the selected one.
    #[must_use]
    pub fn subject(&self) -> Option<RolloutId> {
        match self.view {
            View::Detail => self.detail.as_ref().map(|detail| detail.id.clone()),
            View::Overview => self.rollouts.selected().map(|row| row.id().clone()),
            View::Follow => self.followed_rollouts().into_iter().next(),
            View::Recover => self.recovered().ok().and_then(|ground| ground.rollout),
            _ => None,
        }
    }

    /// All that is known of a rollout: the watched one in full, others in summary.
    #[must_use]
    pub fn rollout(&self, id: &RolloutId) -> Option<Arc<Rollout>> {
        let full = self.detail.as_ref().filter(|detail| &detail.id == id).and_then(|detail| detail.full.clone());
        let row = self.rollouts.get(id).map(|row| Arc::clone(&row.rollout));
        match (full, row) {
            // A rollout that is looked at again was not watched meanwhile: the list may know better.
            (Some(full), Some(row)) if row.updated_at > full.updated_at => Some(row),
            (full, row) => full.or(row),
        }
    }

    pub(super) fn say(&mut self, tone: Tone, text: impl AsRef<str>) {
        self.notice = Some(Notice::new(tone, text, self.now.elapsed));
        self.dirty = true;
    }

    pub(super) fn new_id(&self) -> String {
        self.clock.id()
    }

    /// How many rollouts an answer changes, held against what is shown.
    fn changes_in(&self, answer: &Answer) -> usize {
        match answer {
            Answer::View(Ok(RolloutsPage::Changed { changed, removed, .. })) => changed.len() + removed.len(),
            Answer::View(Ok(RolloutsPage::All { rollouts, .. })) => {
                let same = |rollout: &&Rollout| {
                    self.rollouts.get(&rollout.id()).is_some_and(|row| !row.ghost && *row.rollout == **rollout)
                };
                let known = rollouts.iter().filter(same).count();
                rollouts.len().max(self.rollouts.len()) - known
            }
            _ => 0,
        }
    }

    /// Keeps an answer for later while the display is held. What was asked by hand is never kept back.
    pub(super) fn hold_answer(&mut self, answer: Answer) -> Option<Answer> {
        if self.hold.is_none() {
            return Some(answer);
        }
        let changes = self.changes_in(&answer);
        let shown = matches!(
            answer,
            Answer::View(Ok(_))
                | Answer::Rollout(..)
                | Answer::Timeline(..)
                | Answer::Audit(..)
                | Answer::Windows(_)
                | Answer::Calendar(..)
                | Answer::Overrides(_)
                | Answer::Approvals(_)
                | Answer::SiteState(..)
                | Answer::SiteTrail(..)
                | Answer::RecoveryTrail(..)
                | Answer::Sites(_)
                | Answer::Flags(_)
                | Answer::FlagHistory(..)
        );
        if !shown {
            return Some(answer);
        }
        if let Answer::View(Ok(page)) = &answer {
            self.alert_of_held(page);
        }
        if let Answer::View(Ok(
            RolloutsPage::All { as_of, carriers, .. } | RolloutsPage::Changed { as_of, carriers, .. },
        )) = &answer
        {
            // The connection is alive all the same, and so may be the clusters.
            self.link.answered(self.now, *as_of);
            self.carriers.take(carriers.clone(), *as_of);
        }
        if let Some(hold) = &mut self.hold {
            hold.changes += changes;
            hold.answers.push(answer);
        }
        self.dirty = true;
        None
    }

    /// Whether a held display has kept as much as it may.
    pub(super) fn hold_is_full(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.answers.len() >= HELD_MAX)
    }

    /// How many windows hold now, by what the backend said last.
    #[must_use]
    pub fn freezes(&self) -> usize {
        self.windows.all().iter().filter(|view| view.state == WindowState::Active).count()
    }

    /// What is under way that leaving would leave unseen.
    #[must_use]
    pub fn under_way(&self) -> Option<String> {
        if self.is_armed() {
            return Some("this context is armed".to_owned());
        }
        self.dialog().filter(|dialog| !dialog.is_editing()).map(|_| "an action has no answer yet".to_owned())
    }

    /// Shows a rollout; it is watched for as long as it is shown.
    pub(super) fn open_rollout(&mut self, id: RolloutId) {
        if self.detail.as_ref().is_none_or(|detail| detail.id != id) {
            self.detail = Some(Detail::new(id));
        }
        if let Some(detail) = &mut self.detail
            && let Some(row) = self.rollouts.get(&detail.id)
        {
            detail.open_on(&row.rollout);
        }
        self.show(View::Detail);
    }

    /// Goes back to the view before, or forward to the one that was left by that; says whether there is one.
    pub(super) fn step_view(&mut self, back: bool) -> bool {
        let (from, to) = if back { (&mut self.views, &mut self.ahead) } else { (&mut self.ahead, &mut self.views) };
        let Some(view) = from.pop() else { return false };
        to.push(std::mem::replace(&mut self.view, view));
        self.dirty = true;
        true
    }

    /// Shows another view; the last one can be gone back to.
    pub(super) fn show(&mut self, view: View) {
        if view != self.view {
            self.ahead.clear();
            self.views.push(self.view);
            if self.views.len() > 20 {
                self.views.remove(0);
            }
            self.view = view;
        }
        self.dirty = true;
    }
}
