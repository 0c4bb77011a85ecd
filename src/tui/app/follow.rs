//! One site, followed during a pilot window: what holds it, and everything that touched it since.
//!
//! Whether an entry of the audit trail touched the site is told by what it says of its subject. What
//! cannot be told counts as touching: "nothing else changed" is said of what is known to be elsewhere,
//! and of nothing else.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use crate::{
    backend::{AuditPage, AuditQuery, BackendError, SiteView, WindowView, WindowsQuery, WindowsState},
    domain::{
        ActorKind, AuditEntry, Outcome, Place, Role, Rollout, RolloutId, RolloutName, Scope, SiteName, SubjectKind,
        TargetName,
    },
};

/// Entries that are asked for at a time.
pub const PAGE: u32 = 500;
/// Most entries that are kept.
const KEPT_MAX: usize = 1000;
/// How far back is read where no window holds the site.
const BACK: TimeDelta = TimeDelta::hours(12);
/// Three refreshes: what was read of the trail longer ago is not fresh.
pub const FRESH: Duration = Duration::from_secs(35);

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
    /// Why the last question about the trail was not answered.
    pub trail_error: Option<BackendError>,
    /// The first line of the log that is shown.
    pub top: usize,
    /// Since when the trail is read.
    since: Option<DateTime<Utc>>,
    /// Whether that is the beginning of a window.
    by_window: bool,
    /// What touched the site, or may have, the oldest first.
    entries: VecDeque<AuditEntry>,
    dropped: usize,
    looked_at: u64,
    last: u64,
    checkpoint: Option<u64>,
    asking: Option<Duration>,
    /// When it was last read to its end, since the program started.
    ended: Option<Duration>,
    asked_state: Option<WindowsQuery>,
    /// What has to be asked for again before what new entries speak of is known.
    unsettled: Vec<SubjectKind>,
}

/// How far what is known of the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The trail was read to its end, and that was just now: there is nothing else.
    All,
    /// It was not read yet.
    NotYet,
    /// It is still being read.
    Reading,
    /// It was read to its end, and that is a while ago.
    Old(Duration),
    /// It cannot be read.
    Not(String),
}

/// Why an entry is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// It is about the site.
    Site,
    /// It is about its group, or about more than the site: a part of it may be here.
    Perhaps,
    /// It is about something else.
    Elsewhere,
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
            trail_error: None,
            top: 0,
            since: None,
            by_window: false,
            entries: VecDeque::new(),
            dropped: 0,
            looked_at: 0,
            last: 0,
            checkpoint: None,
            asking: None,
            ended: None,
            asked_state: None,
            unsettled: Vec::new(),
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
        self.entries.iter().rev()
    }

    /// How many older ones were let go of.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// How many entries of the trail were looked at.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// The last entry that was looked at, and how many a signed checkpoint covers.
    #[must_use]
    pub fn reached(&self) -> (u64, Option<u64>) {
        (self.last, self.checkpoint)
    }

    /// Since when the trail is read, and whether that is when a window began.
    #[must_use]
    pub fn since(&self) -> Option<(DateTime<Utc>, bool)> {
        self.since.map(|since| (since, self.by_window))
    }

    /// How far what is known goes.
    #[must_use]
    pub fn known(&self, elapsed: Duration) -> Known {
        match (&self.trail_error, self.ended) {
            (Some(error), _) => Known::Not(error.to_string()),
            (None, None) if self.asking.is_some() => Known::Reading,
            (None, None) => Known::NotYet,
            (None, Some(_)) if !self.unsettled.is_empty() => Known::Reading,
            (None, Some(ended)) => match elapsed.saturating_sub(ended) {
                old if old > FRESH => Known::Old(old),
                _ => Known::All,
            },
        }
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
                let since = began.or(self.since).unwrap_or(now - BACK);
                if self.since.is_none_or(|before| began.is_some() && before != since) {
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
                if self.since.is_none() {
                    self.read_since(now - BACK, false);
                }
                let changed = self.state_error.as_ref() != Some(&error);
                self.state_error = Some(error);
                changed
            }
        }
    }

    fn read_since(&mut self, since: DateTime<Utc>, by_window: bool) {
        self.since = Some(since);
        self.by_window = by_window;
        self.entries.clear();
        (self.dropped, self.looked_at, self.last, self.ended, self.asking) = (0, 0, 0, None, None);
    }

    /// The next question about the trail: what came after the last entry that is known.
    pub fn wants_trail(&mut self, elapsed: Duration) -> Option<AuditQuery> {
        // An answer that never came does not end the reading.
        if self.asking.is_some_and(|at| elapsed.saturating_sub(at) < Duration::from_secs(20)) {
            return None;
        }
        let since = self.since?;
        self.asking = Some(elapsed);
        Some(AuditQuery { after: self.last, since: Some(since), limit: PAGE, ..AuditQuery::default() })
    }

    /// Takes entries of the trail; says whether the screen may differ, and whether there may be more.
    pub fn take_trail(
        &mut self,
        query: &AuditQuery,
        answer: Result<AuditPage, BackendError>,
        elapsed: Duration,
        is_here: impl Fn(&AuditEntry) -> bool,
    ) -> (bool, bool) {
        if query.after != self.last || query.since != self.since {
            return (false, false);
        }
        self.asking = None;
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                let changed = self.trail_error.as_ref() != Some(&error);
                self.trail_error = Some(error);
                return (changed, false);
            }
        };
        let failed = self.trail_error.take().is_some();
        let was = self.known(elapsed);
        let more = page.entries.len() >= PAGE as usize;
        self.checkpoint = page.checkpoint.map(|checkpoint| checkpoint.size).or(self.checkpoint);
        let came = !page.entries.is_empty();
        for entry in page.entries {
            self.last = self.last.max(entry.seq);
            self.looked_at += 1;
            if is_here(&entry) {
                let kind = entry.subject.kind;
                let looked_up = matches!(kind, SubjectKind::Window | SubjectKind::Override | SubjectKind::Approval);
                if looked_up && !self.unsettled.contains(&kind) {
                    self.unsettled.push(kind);
                }
                self.entries.push_back(entry);
            }
        }
        while self.entries.len() > KEPT_MAX {
            self.entries.pop_front();
            self.dropped += 1;
        }
        if !more {
            self.ended = Some(elapsed);
        }
        (failed || came || was != self.known(elapsed), more)
    }

    /// What entries speak of that has to be asked for again.
    #[must_use]
    pub fn unsettled(&self) -> &[SubjectKind] {
        &self.unsettled
    }

    /// That came, or cannot be had: entries about it are told by what is known now. Says whether the
    /// screen may differ.
    pub fn settled(&mut self, kind: SubjectKind) -> bool {
        let before = self.unsettled.len();
        self.unsettled.retain(|other| *other != kind);
        before != self.unsettled.len()
    }

    /// When what is known becomes old, or its age is another text.
    #[must_use]
    pub fn flips_at(&self, elapsed: Duration) -> Option<Duration> {
        let ended = self.ended?;
        let old = elapsed.saturating_sub(ended);
        if old <= FRESH {
            return Some(ended + FRESH + Duration::from_millis(50));
        }
        Some(elapsed + super::age::age_flips_in(TimeDelta::from_std(old).unwrap_or_default()))
    }
}

/// Whether a scope reaches a site at all: for some rollout or stage, on some lane.
#[must_use]
pub fn reaches(scope: &Scope, site: &SiteView) -> bool {
    let scope = Scope { rollouts: Vec::new(), stages: Vec::new(), ..scope.clone() };
    site.lanes.iter().any(|lane| {
        scope.covers(&Place {
            target: &site.group,
            rollout: None,
            site: Some(&site.site),
            lane: Some(&lane.lane),
            stage: None,
            labels: Some(&lane.labels),
        })
    })
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

    /// Whether an entry of the trail touched the site.
    #[must_use]
    pub fn touches(&self, entry: &AuditEntry) -> Touch {
        let Ok(site) = self.followed() else { return Touch::Perhaps };
        let subject = &entry.subject;
        if !may_be_at(entry, &site.group, &site.site) {
            return Touch::Elsewhere;
        }
        match subject.kind {
            SubjectKind::Unit => Touch::Site,
            SubjectKind::Rollout => self.rollout_touches(subject.name.as_str(), site),
            SubjectKind::Window => match self.windows.all().iter().find(|view| view.window.id == subject.name) {
                // One that was taken away from here changed something here.
                Some(_) if changed_scope_reaches(entry, site) => Touch::Site,
                Some(view) if !reaches(&view.window.scope, site) => Touch::Elsewhere,
                Some(_) => Touch::Site,
                None => Touch::Perhaps,
            },
            SubjectKind::Override => match self.overrides.get(subject.name.as_str()) {
                Some(view) => {
                    let record = &view.record;
                    let of_rollout = record.rollout.as_ref().is_none_or(|id| id.target == site.group);
                    let of_scope = record.scope.as_ref().is_none_or(|scope| reaches(scope, site));
                    if of_rollout && of_scope { Touch::Perhaps } else { Touch::Elsewhere }
                }
                None => Touch::Perhaps,
            },
            SubjectKind::Approval => {
                let about = self.approvals.get(subject.name.as_str()).map(|view| &view.approval.subject);
                let elsewhere = about.and_then(|about| about.target.as_ref());
                match elsewhere {
                    Some(target) if target.as_str() != site.group.as_str() => Touch::Elsewhere,
                    _ => Touch::Perhaps,
                }
            }
            SubjectKind::Flag | SubjectKind::Snapshot => Touch::Perhaps,
            SubjectKind::Token | SubjectKind::Server => Touch::Elsewhere,
        }
    }

    /// What touched the followed site, or may have, the newest first.
    #[must_use]
    pub fn followed_log(&self) -> Vec<(&AuditEntry, Touch)> {
        let Some(follow) = &self.follow else { return Vec::new() };
        let all = follow.read().map(|entry| (entry, self.touches(entry)));
        all.filter(|(_, touch)| *touch != Touch::Elsewhere).collect()
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

    fn rollout_touches(&self, name: &str, site: &SiteView) -> Touch {
        let Ok(name) = RolloutName::new(name) else { return Touch::Perhaps };
        let id = RolloutId { target: site.group.clone(), name };
        match self.rollout(&id).as_deref().and_then(|rollout| has_units_at(rollout, &site.site)) {
            Some(true) => Touch::Site,
            Some(false) => Touch::Elsewhere,
            None => Touch::Perhaps,
        }
    }
}

/// Whether an entry may be about a site, by what it says itself: what never changes.
#[must_use]
pub fn may_be_at(entry: &AuditEntry, group: &TargetName, site: &SiteName) -> bool {
    let subject = &entry.subject;
    let in_group = subject.target.as_ref().is_none_or(|target| target.as_str() == group.as_str());
    match subject.kind {
        SubjectKind::Unit => in_group && subject.name.as_str().split('/').next() == Some(site.as_str()),
        SubjectKind::Rollout => in_group,
        // One that is known to be good is what a unit is given that has none yet.
        SubjectKind::Snapshot => subject.target.is_some() && in_group,
        // Who may talk to the server, and the server itself, are at no site.
        SubjectKind::Token | SubjectKind::Server => false,
        SubjectKind::Window | SubjectKind::Override | SubjectKind::Flag | SubjectKind::Approval => true,
    }
}

/// Whether a scope that a change says a window had, or has, reaches the site: what cannot be read may.
fn changed_scope_reaches(entry: &AuditEntry, site: &SiteView) -> bool {
    entry.changes.iter().filter(|change| change.field.as_str() == "scope").any(|change| {
        [&change.before, &change.after].into_iter().flatten().any(|text| {
            let scope = serde_json::from_str::<Scope>(text.as_str());
            scope.map_or(true, |scope| reaches(&scope, site))
        })
    })
}

/// Whether a rollout has units at a site; none where its units are not all known.
#[must_use]
pub fn has_units_at(rollout: &Rollout, site: &SiteName) -> Option<bool> {
    let units = rollout.units.as_ref()?;
    if units.iter().any(|unit| &unit.site == site) {
        return Some(true);
    }
    (units.len() as u64 >= u64::from(rollout.exposure.units_total)).then_some(false)
}

/// Whether an entry changed something, rather than being refused or coming to nothing.
#[must_use]
pub fn is_change(entry: &AuditEntry) -> bool {
    matches!(entry.outcome, Outcome::Applied | Outcome::Unconfirmed | Outcome::Intended)
}
