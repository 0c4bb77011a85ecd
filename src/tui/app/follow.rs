//! One site, followed during a pilot window: what holds it, and everything that touched it since.
//!
//! Whether an entry of the audit trail touched the site is told by what it says of its subject. What
//! cannot be told counts as touching: "nothing else changed" is said of what is known to be elsewhere,
//! and of nothing else.

use std::{cell::Cell, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{App, reading::Reading, touch::Around};
pub use super::{
    reading::{FRESH, Known, PAGE},
    touch::{Touch, has_units_at, is_change, may_be_at, reaches},
};
use crate::{
    backend::{AuditPage, AuditQuery, BackendError, SiteView, WindowView, WindowsQuery, WindowsState},
    domain::{ActorKind, AuditEntry, Outcome, Role, RolloutId, SiteName, SubjectKind, TargetName},
};

/// How far back is read where no window holds the site.
const BACK: TimeDelta = TimeDelta::hours(12);

/// A followed site.
#[derive(Debug)]
pub struct Follow {
    /// Its name, as it was typed.
    pub site: SiteName,
    /// Its group, where it was named.
    pub group: Option<TargetName>,
    /// What holds it now.
    pub state: Option<WindowsState>,
    /// Why the last question about that was not answered.
    pub state_error: Option<BackendError>,
    /// The selected entry of the log; the newest there is, when none.
    selected: Option<u64>,
    /// How many entries were painted last, for whoever turns a page: what is above them leaves more or less room.
    pub(in crate::tui) shown: Cell<u16>,
    /// The trail since then.
    trail: Reading,
    /// Whether it is read since the beginning of a window.
    by_window: bool,
    asked_state: Option<WindowsQuery>,
}

impl Follow {
    /// A site to follow.
    #[must_use]
    pub fn new(group: Option<TargetName>, site: SiteName) -> Self {
        Self {
            site,
            group,
            state: None,
            state_error: None,
            selected: None,
            shown: Cell::new(0),
            trail: Reading::default(),
            by_window: false,
            asked_state: None,
        }
    }

    /// Reads `SITE` or `GROUP/SITE`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            let got: String = text.chars().take(40).collect();
            format!("'{got}' is no site: name a SITE, or GROUP/SITE")
        };
        let (group, site) = match text.trim().split_once('/') {
            Some((group, site)) => (Some(group.parse().map_err(|_| wrong())?), site),
            None => (None, text.trim()),
        };
        Ok(Self::new(group, site.parse().map_err(|_| wrong())?))
    }

    /// What is not elsewhere by what the entry itself says, the newest first.
    pub fn read(&self) -> impl Iterator<Item = &AuditEntry> {
        self.trail.entries()
    }

    /// How many older ones were let go of.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.trail.dropped()
    }

    /// How many entries of the trail were looked at.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.trail.looked_at()
    }

    /// The last entry that was looked at, and how many a signed checkpoint covers.
    #[must_use]
    pub fn reached(&self) -> (u64, Option<u64>) {
        self.trail.reached()
    }

    /// Since when the trail is read, and whether that is when a window began.
    #[must_use]
    pub fn since(&self) -> Option<(DateTime<Utc>, bool)> {
        self.trail.since().map(|since| (since, self.by_window))
    }

    /// How far what is known goes.
    #[must_use]
    pub fn known(&self, elapsed: Duration) -> Known {
        self.trail.known(elapsed)
    }

    /// The next question about what holds the site, where that was not asked yet.
    pub fn wants_state(&mut self, group: Option<&TargetName>, again: bool) -> Option<WindowsQuery> {
        let query =
            WindowsQuery { target: Some(group?.clone()), site: Some(self.site.clone()), ..WindowsQuery::default() };
        if self.asked_state.as_ref() == Some(&query) && !again {
            return None;
        }
        self.asked_state = Some(query.clone());
        Some(query)
    }

    /// Takes what holds the site; says whether the screen may differ. The trail is read since the window
    /// that holds it began.
    pub fn take_state(&mut self, answer: Result<WindowsState, BackendError>, now: DateTime<Utc>) -> bool {
        match answer {
            Ok(state) => {
                let began = state.decided_by.iter().map(|freeze| freeze.since).min().filter(|since| *since <= now);
                let since = began.or(self.trail.since()).unwrap_or(now - BACK);
                if self.trail.since().is_none_or(|before| began.is_some() && before != since) {
                    self.read_since(since, began.is_some());
                }
                // When it was worked out is no change of what it says.
                let same = self.state.as_ref().is_some_and(|before| {
                    (&before.decided_by, before.state, before.next_transition)
                        == (&state.decided_by, state.state, state.next_transition)
                });
                self.state = Some(state);
                self.state_error.take().is_some() || !same
            }
            Err(error) => {
                if self.trail.since().is_none() {
                    self.read_since(now - BACK, false);
                }
                let changed = self.state_error.as_ref() != Some(&error);
                self.state_error = Some(error);
                changed
            }
        }
    }

    fn read_since(&mut self, since: DateTime<Utc>, by_window: bool) {
        self.by_window = by_window;
        self.trail.begin(since);
    }

    /// The next question about the trail: what came after the last entry that is known.
    pub fn wants_trail(&mut self, elapsed: Duration) -> Option<AuditQuery> {
        self.trail.wants(elapsed)
    }

    /// Takes entries of the trail; says whether the screen may differ, and whether there may be more.
    pub fn take_trail(
        &mut self,
        query: &AuditQuery,
        answer: Result<AuditPage, BackendError>,
        elapsed: Duration,
        is_here: impl Fn(&AuditEntry) -> bool,
    ) -> (bool, bool) {
        self.trail.take(query, answer, elapsed, is_here)
    }

    /// What entries speak of that has to be asked for again.
    #[must_use]
    pub fn unsettled(&self) -> &[SubjectKind] {
        self.trail.unsettled()
    }

    /// That came, or cannot be had: entries about it are told by what is known now. Says whether the
    /// screen may differ.
    pub fn settled(&mut self, kind: SubjectKind) -> bool {
        self.trail.settled(kind)
    }

    /// When what is known becomes old, or its age is another text.
    #[must_use]
    pub fn flips_at(&self, elapsed: Duration) -> Option<Duration> {
        self.trail.flips_at(elapsed)
    }
}

impl App {
    /// The site that is followed, where the fleet has it; of several groups that have one of this name,
    /// none until one is named.
    ///
    /// # Errors
    /// Why it is not known which site that is.
    pub fn followed(&self) -> Result<&SiteView, String> {
        let Some(follow) = &self.follow else { return Err("no site is followed: :follow SITE".to_owned()) };
        if let Some(error) = &self.sites.error {
            return Err(format!("the sites are not to be had: {error}"));
        }
        let Some(page) = &self.sites.page else { return Err("asking for the sites".to_owned()) };
        let named = |site: &&SiteView| {
            site.site == follow.site && follow.group.as_ref().is_none_or(|group| group == &site.group)
        };
        let found: Vec<&SiteView> = page.sites.iter().filter(named).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(format!("the fleet has no site {}: :sites lists them", follow.site)),
            several => {
                let groups: Vec<String> = several.iter().map(|site| format!("{}/{}", site.group, site.site)).collect();
                Err(format!("several groups have a site of this name: :follow {}", groups.join(" or :follow ")))
            }
        }
    }

    /// The rollouts of the site's group, what goes on before what is over, the most urgent first.
    #[must_use]
    pub fn followed_rollouts(&self) -> Vec<RolloutId> {
        let Ok(site) = self.followed() else { return Vec::new() };
        let mut rows: Vec<_> =
            self.rollouts.iter().filter(|row| !row.ghost && row.rollout.target == site.group).collect();
        rows.sort_by_key(|row| {
            let over = row.rollout.phase.is_terminal();
            (over, row.class, std::cmp::Reverse(row.rollout.updated_at), row.id().clone())
        });
        rows.into_iter().map(|row| row.id().clone()).collect()
    }

    /// Windows that reach the site.
    pub fn followed_windows<'a>(&'a self, site: &'a SiteView) -> impl Iterator<Item = &'a WindowView> {
        self.windows.all().iter().filter(move |view| reaches(&view.window.scope, site))
    }

    /// What entries name by an id, of a group of sites.
    #[must_use]
    pub fn around(&self, group: &TargetName) -> Around<'_> {
        let of_group = self.rollouts.iter().filter(|row| row.rollout.target == *group);
        Around {
            rollouts: of_group.map(|row| self.rollout(row.id()).unwrap_or_else(|| Arc::clone(&row.rollout))).collect(),
            windows: self.windows.all(),
            overrides: self.overrides.all(),
            approvals: self.approvals.all(),
        }
    }

    /// What touched the followed site, or may have, the newest first.
    #[must_use]
    pub fn followed_log(&self) -> Vec<(&AuditEntry, Touch)> {
        let Some(follow) = &self.follow else { return Vec::new() };
        let Ok(site) = self.followed() else { return follow.read().map(|entry| (entry, Touch::Perhaps)).collect() };
        let around = self.around(&site.group);
        let all = follow.read().map(|entry| (entry, around.touch(entry, site)));
        all.filter(|(_, touch)| *touch != Touch::Elsewhere).collect()
    }

    /// The place of the selected entry in the log. It stays on its entry; on the newest one it goes on to
    /// newer ones.
    #[must_use]
    pub fn followed_cursor(&self, log: &[(&AuditEntry, Touch)]) -> usize {
        let Some(seq) = self.follow.as_ref().and_then(|follow| follow.selected) else { return 0 };
        // Without it, the next older one.
        log.iter().position(|(entry, _)| entry.seq <= seq).unwrap_or(log.len().saturating_sub(1))
    }

    /// The selected entry of the log.
    #[must_use]
    pub fn followed_entry(&self) -> Option<&AuditEntry> {
        let log = self.followed_log();
        log.get(self.followed_cursor(&log)).map(|(entry, _)| *entry)
    }

    /// Moves the cursor of the log from its place to another.
    pub fn move_followed(&mut self, to: impl FnOnce(usize) -> usize) {
        let log = self.followed_log();
        let at = to(self.followed_cursor(&log)).min(log.len().saturating_sub(1));
        let selected = log.get(at).filter(|_| at > 0).map(|(entry, _)| entry.seq);
        if let Some(follow) = &mut self.follow {
            follow.selected = selected;
        }
    }

    /// Who may act on the followed site: a role, and those who were seen to have it.
    #[must_use]
    pub fn who_may(&self) -> String {
        let group = self.followed().map_or_else(|_| "its group".to_owned(), |site| site.group.to_string());
        let mut seen: Vec<String> = Vec::new();
        for (entry, _) in self.followed_log() {
            let may = entry.actor.kind == ActorKind::Human
                && entry.actor.role.is_some_and(|role| role.covers(Role::Operator))
                && entry.outcome != Outcome::Refused;
            let name = entry.actor.id.as_str().to_owned();
            if may && !seen.contains(&name) && seen.len() < 3 {
                seen.push(name);
            }
        }
        match seen.as_slice() {
            [] => format!("an operator or a commander of {group} can"),
            names => format!("{} did here; an operator or a commander of {group} can", names.join(", ")),
        }
    }
}
