//! The flags view: which flags there are and where each stands, by site and lane or by stage. What is
//! selected is known by its name, never by its place on the screen.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use super::{
    filter::{Column as Looked, Words},
    listing::{Entry, Listing},
    sort::{Sort, SortBy},
};
use crate::{
    backend::{BackendError, FlagPlace, FlagView, FlagsPage},
    domain::{AuditEntry, FlagKey, FlagStage, StageName, UnitId},
};

pub mod cell;
pub mod change;

use cell::{Cell, State};

/// What a filter looks into.
pub const COLUMNS: &[Looked] =
    &[Looked::name("flag"), Looked::name("owner"), Looked::name("rollout"), Looked::part("state")];

/// How often flags are asked for while they are looked at: nobody is told when a site evaluates one.
pub const POLL: Duration = Duration::from_secs(5);
/// Entries of a flag's history that are asked for.
pub const HISTORY_MAX: u32 = 200;

/// One column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// A lane of a site.
    Lane(UnitId),
    /// All units that are in a stage of the rollout that covers them; none: those that no rollout covers.
    Stage(Option<StageName>),
}

/// Columns that stand below one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The heading: a site, or a stage.
    pub name: String,
    /// The columns, each with what stands over it.
    pub columns: Vec<(Column, String)>,
}

/// What happened to one flag, from the audit trail.
#[derive(Debug)]
pub struct History {
    /// Which flag.
    pub key: FlagKey,
    /// Its entries, the newest first; none before the first answer.
    pub entries: Option<Vec<AuditEntry>>,
    /// Why they are not to be had.
    pub error: Option<BackendError>,
}

/// The flags view.
#[derive(Debug, Default)]
pub struct Flags {
    /// Flags by key; none before the first answer.
    pub page: Option<FlagsPage>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Which of them are listed.
    pub list: Listing,
    /// Only flags that somebody should look at.
    pub changed_only: bool,
    /// Columns are stages, not lanes of sites.
    pub by_stage: bool,
    /// What happened to the selected flag.
    pub history: Option<History>,
    asked_at: Option<Duration>,
    asking: bool,
    groups: Vec<Group>,
    column: usize,
    selected_column: Option<Column>,
}

/// How much a flag needs somebody, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Some unit serves something else than it should.
    Drift,
    /// It was switched off in need.
    Killed,
    /// It should be gone, or somebody should look at it.
    Review,
    /// Some unit does not say what it serves.
    Silent,
    /// Nothing.
    Nothing,
}

impl Need {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Killed => "killed",
            Self::Review => "review",
            Self::Silent => "silent",
            Self::Nothing => "quiet",
        }
    }
}

/// What a flag needs.
#[must_use]
pub fn need(view: &FlagView) -> Need {
    let states = || view.places.iter().map(|place| Cell::of(view, std::slice::from_ref(&place)).map(|cell| cell.state));
    if states().any(|state| matches!(state, Some(State::Drift(_)))) {
        Need::Drift
    } else if view.flag.killed.is_some() {
        Need::Killed
    } else if view.stage != FlagStage::Live {
        Need::Review
    } else if states().any(|state| state == Some(State::Silent)) {
        Need::Silent
    } else {
        Need::Nothing
    }
}

impl Flags {
    /// All flags.
    #[must_use]
    pub fn all(&self) -> &[FlagView] {
        self.page.as_ref().map_or(&[], |page| &page.flags)
    }

    /// The flag in a row.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&FlagView> {
        self.all().get(self.list.at(row)?)
    }

    /// The flag of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&FlagView> {
        self.all().iter().find(|view| view.flag.key.as_str() == key)
    }

    /// The selected flag.
    #[must_use]
    pub fn selected(&self) -> Option<&FlagView> {
        self.all().get(self.list.selected()?)
    }

    /// Sorts by something else.
    pub fn set_order(&mut self, order: Sort) {
        self.list.order = order;
        self.apply();
    }

    /// The columns, by what they stand below.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The column that has the cursor, counted over all groups.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The group that has the cursor's column, and the column.
    #[must_use]
    pub fn selected_column(&self) -> Option<(&Group, &Column)> {
        let mut at = 0;
        self.groups.iter().find_map(|group| {
            let found = group.columns.get(self.column.checked_sub(at)?);
            at += group.columns.len();
            found.map(|(column, _)| (group, column))
        })
    }

    /// The places of a flag that a column stands for.
    #[must_use]
    pub fn places<'a>(view: &'a FlagView, column: &Column) -> Vec<&'a FlagPlace> {
        let within = |place: &&FlagPlace| match column {
            Column::Lane(unit) => place.site == unit.site && place.lane == unit.lane && place.group == unit.group,
            Column::Stage(stage) => place.stage == *stage,
        };
        view.places.iter().filter(within).collect()
    }

    /// How many there are: flags, those with drift, killed, to be looked at, and with silent units.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Need, usize> {
        let mut counts = BTreeMap::new();
        for view in self.all() {
            *counts.entry(need(view)).or_insert(0) += 1;
        }
        counts
    }

    /// They are asked for now.
    pub fn asks(&mut self, now: Duration) {
        (self.asking, self.asked_at) = (true, Some(now));
    }

    /// When they are to be asked for again; none while an answer is on its way.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.asked_at.filter(|_| !self.asking).map(|at| at + POLL)
    }

    /// Takes an answer; the selection stays with its flag and its column. Says whether anything differs.
    pub fn take(&mut self, answer: Result<FlagsPage, BackendError>) -> bool {
        self.asking = false;
        match answer {
            Ok(page) => {
                let same = self.error.is_none() && self.page.as_ref().is_some_and(|old| old.flags == page.flags);
                self.page = Some(page);
                self.error = None;
                if !same {
                    self.apply();
                }
                !same
            }
            Err(error) => {
                let same = self.error.as_ref() == Some(&error);
                self.error = Some(error);
                !same
            }
        }
    }

    /// Puts one flag in the place of its former self.
    pub fn replace(&mut self, view: FlagView) {
        let Some(page) = &mut self.page else { return };
        match page.flags.iter_mut().find(|old| old.flag.key == view.flag.key) {
            Some(old) => *old = view,
            None => page.flags.push(view),
        }
        self.apply();
    }

    /// Shows all flags, or only those that somebody should look at.
    pub fn toggle_changed(&mut self) {
        self.changed_only = !self.changed_only;
        self.apply();
    }

    /// Turns columns from lanes of sites to stages, and back.
    pub fn pivot(&mut self) {
        self.by_stage = !self.by_stage;
        self.apply();
    }

    fn apply(&mut self) {
        let order = self.list.order;
        let counts =
            |need: Need, view: &FlagView| !self.changed_only || need != Need::Nothing || view.rollout.is_some();
        let mut rows: Vec<(usize, Need, &FlagView)> = self
            .all()
            .iter()
            .enumerate()
            .map(|(at, view)| (at, need(view), view))
            .filter(|(_, need, view)| counts(*need, view))
            .collect();
        rows.sort_by(|(_, a_need, a), (_, b_need, b)| {
            let (x, y) = (&a.flag, &b.flag);
            let ordering = match order.by {
                SortBy::Name => x.key.cmp(&y.key),
                SortBy::Owner => x.definition.owner.cmp(&y.definition.owner),
                _ => a_need.cmp(b_need),
            };
            order.turned(ordering).then_with(|| x.key.cmp(&y.key))
        });
        let entries = rows.into_iter().map(|(at, need, view)| {
            let plan = view.rollout.as_ref().map_or_else(String::new, ToString::to_string);
            let owner = view.flag.definition.owner.to_string();
            let words = Words::of(&[view.flag.key.as_str(), &owner, &plan, need.word()]);
            Entry { id: view.flag.key.as_str().to_owned(), words, at }
        });
        let entries = entries.collect();
        self.list.put(entries);
        self.groups = if self.by_stage { by_stage(self.all()) } else { by_site(self.all()) };
        let column = self.selected_column.take();
        let columns = || self.groups.iter().flat_map(|group| &group.columns);
        let at = column.and_then(|column| columns().position(|(other, _)| *other == column));
        self.move_to_column(at.unwrap_or(self.column));
    }

    /// Moves the cursor to a column.
    pub fn move_to_column(&mut self, position: usize) {
        let columns: usize = self.groups.iter().map(|group| group.columns.len()).sum();
        self.column = position.min(columns.saturating_sub(1));
        self.selected_column = self.selected_column().map(|(_, column)| column.clone());
    }

    /// Moves to the first column of the next group, or of the one before.
    pub fn step_group(&mut self, forward: bool) {
        let mut at = 0;
        let starts: Vec<usize> = self
            .groups
            .iter()
            .map(|group| {
                let start = at;
                at += group.columns.len();
                start
            })
            .collect();
        let to = if forward {
            starts.iter().copied().find(|start| *start > self.column)
        } else {
            starts.iter().copied().rev().find(|start| *start < self.column)
        };
        if let Some(to) = to {
            self.move_to_column(to);
        }
    }

    /// The flag whose history is to be asked for: the selected one, where that is not the one that is known.
    #[must_use]
    pub fn wants_history(&self) -> Option<FlagKey> {
        let key = &self.selected()?.flag.key;
        (self.history.as_ref().is_none_or(|history| history.key != *key)).then(|| key.clone())
    }
}

/// Columns by site; a site's name says its group where two groups have one of that name.
fn by_site(flags: &[FlagView]) -> Vec<Group> {
    let mut sites: BTreeMap<(String, String), BTreeMap<String, UnitId>> = BTreeMap::new();
    for place in flags.iter().flat_map(|view| &view.places) {
        let lanes = sites.entry((place.site.to_string(), place.group.to_string())).or_default();
        lanes.entry(place.lane.to_string()).or_insert_with(|| UnitId {
            group: place.group.clone(),
            site: place.site.clone(),
            lane: place.lane.clone(),
        });
    }
    let names: Vec<String> = sites.keys().map(|(site, _)| site.clone()).collect();
    let twice = |site: &str| names.iter().filter(|name| *name == site).count() > 1;
    sites
        .into_iter()
        .map(|((site, group), lanes)| Group {
            name: if twice(&site) { format!("{group}/{site}") } else { site },
            columns: lanes.into_iter().map(|(lane, unit)| (Column::Lane(unit), lane)).collect(),
        })
        .collect()
}

/// Columns by stage: that with the fewest units first, as rollouts go; those that no rollout covers last.
fn by_stage(flags: &[FlagView]) -> Vec<Group> {
    let mut stages: BTreeMap<Option<StageName>, usize> = BTreeMap::new();
    for view in flags {
        let mut here: BTreeMap<&Option<StageName>, usize> = BTreeMap::new();
        for place in &view.places {
            *here.entry(&place.stage).or_insert(0) += 1;
        }
        for (stage, count) in here {
            let most = stages.entry(stage.clone()).or_insert(0);
            *most = (*most).max(count);
        }
    }
    let mut stages: Vec<(Option<StageName>, usize)> = stages.into_iter().collect();
    stages.sort_by_key(|(stage, count)| (Reverse(stage.is_some()), *count, stage.clone()));
    stages
        .into_iter()
        .map(|(stage, count)| Group {
            name: stage.as_ref().map_or_else(|| "no stage".to_owned(), ToString::to_string),
            columns: vec![(Column::Stage(stage), format!("{count}u"))],
        })
        .collect()
}

#[cfg(test)]
mod tests;
