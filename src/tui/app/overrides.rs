//! Overrides: what the backend said last, in the order of the need to look at them, and what is selected.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    filter::{Column, Words},
    listing::{Entry, Listing},
    sort::{Sort, SortBy},
    wording,
};
use crate::{
    backend::{BackendError, OverrideView, OverridesPage},
    domain::{FlagKey, Freeze, Operation, OverrideState, RolloutId, SafeText, overrides::WindowRef},
};

/// What a filter looks into.
pub const COLUMNS: &[Column] = &[
    Column::name("id"),
    Column::name("for"),
    Column::name("window"),
    Column::name("by"),
    Column::sentence("reason"),
    Column::name("ticket"),
];

/// The overrides.
#[derive(Debug, Default)]
pub struct Overrides {
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    page: Option<OverridesPage>,
    asked: Option<Duration>,
    /// Which of them are listed.
    pub list: Listing,
    order: Sort,
}

/// What may pass.
#[must_use]
pub fn subject(view: &OverrideView) -> String {
    let record = &view.record;
    let what = match (&record.rollout, &record.flag) {
        (Some(id), _) => id.to_string(),
        (None, Some(flag)) => format!("flag {flag}"),
        (None, None) => "nothing".to_owned(),
    };
    let actions: Vec<&str> = record.actions.iter().map(|action| wording::operation(*action)).collect();
    format!("{} {what}", actions.join(", "))
}

/// Whether one names a window at the revision that holds.
fn names(view: &OverrideView, freeze: &Freeze) -> bool {
    let named = WindowRef { id: freeze.window.clone(), revision: freeze.revision };
    view.record.windows.contains(&named)
}

impl Overrides {
    /// Whether a first answer has come.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.page.is_some()
    }

    /// All of them, what is open since a break of the glass first.
    #[must_use]
    pub fn all(&self) -> &[OverrideView] {
        self.page.as_ref().map_or(&[], |page| &page.overrides)
    }

    /// A listed one.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&OverrideView> {
        self.all().get(self.list.at(row)?)
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&OverrideView> {
        self.all().get(self.list.selected()?)
    }

    /// The order of the list.
    #[must_use]
    pub fn order(&self) -> Sort {
        self.order
    }

    /// Sorts by something else.
    pub fn set_order(&mut self, order: Sort) {
        self.order = order;
        self.arrange();
    }

    fn arrange(&mut self) {
        let order = self.order;
        let mut rows: Vec<(usize, &OverrideView)> = self.all().iter().enumerate().collect();
        rows.sort_by(|(i, a), (j, b)| {
            let (x, y) = (&a.record, &b.record);
            let ordering = match order.by {
                SortBy::Name => x.id.cmp(&y.id),
                SortBy::Age => y.not_before.cmp(&x.not_before),
                SortBy::Ends => x.expires_at.cmp(&y.expires_at),
                _ => i.cmp(j),
            };
            order.turned(ordering).then_with(|| x.id.cmp(&y.id))
        });
        let entries = rows.into_iter().map(|(at, view)| {
            let record = &view.record;
            let windows: Vec<&str> = record.windows.iter().map(|window| window.id.as_str()).collect();
            let words = Words::of(&[
                record.id.as_str(),
                &subject(view),
                &windows.join(" "),
                record.requested_by.as_str(),
                record.reason.as_str(),
                record.ticket.as_ref().map_or("", SafeText::as_str),
            ]);
            Entry { id: record.id.as_str().to_owned(), words, at }
        });
        let entries = entries.collect();
        self.list.put(entries);
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&OverrideView> {
        self.all().iter().find(|view| view.record.id.as_str() == id)
    }

    /// How many were taken without waiting, and nobody stood by them yet.
    #[must_use]
    pub fn open_break_glass(&self) -> usize {
        self.all().iter().filter(|view| view.record.awaits_countersign()).count()
    }

    /// Those that name a window, of any revision.
    pub fn of_window<'a>(&'a self, id: &'a SafeText) -> impl Iterator<Item = &'a OverrideView> {
        self.all().iter().filter(move |view| view.record.windows.iter().any(|window| &window.id == id))
    }

    /// One that can be used now to pass all of these windows, for an operation on a rollout's candidate;
    /// of several the one that ends first.
    #[must_use]
    pub fn fitting(
        &self,
        freezes: &[Freeze],
        operation: Operation,
        rollout: &RolloutId,
        at: DateTime<Utc>,
    ) -> Option<&OverrideView> {
        let fits = |view: &&OverrideView| {
            let record = &view.record;
            record.state(at) == OverrideState::Active
                && record.actions.contains(&operation)
                && record.rollout.as_ref() == Some(rollout)
                && freezes.iter().all(|freeze| names(view, freeze))
        };
        self.all().iter().filter(fits).min_by_key(|view| view.record.expires_at)
    }

    /// The same, for a flag.
    #[must_use]
    pub fn fitting_flag(
        &self,
        freezes: &[Freeze],
        operation: Operation,
        flag: &FlagKey,
        at: DateTime<Utc>,
    ) -> Option<&OverrideView> {
        let fits = |view: &&OverrideView| {
            let record = &view.record;
            record.state(at) == OverrideState::Active
                && record.actions.contains(&operation)
                && record.flag.as_ref().is_some_and(|key| key.as_str() == flag.as_str())
                && freezes.iter().all(|freeze| names(view, freeze))
        };
        self.all().iter().filter(fits).min_by_key(|view| view.record.expires_at)
    }

    /// Takes an answer; says whether it is another one than before. The selection stays where it was.
    pub fn take(&mut self, mut page: OverridesPage) -> bool {
        page.overrides.sort_by_key(|view| !view.record.awaits_countersign());
        let changed = self.error.take().is_some() || self.page.as_ref() != Some(&page);
        if changed {
            self.page = Some(page);
            self.arrange();
        }
        changed
    }

    /// Puts one in the place of its former self, or first.
    pub fn replace(&mut self, view: OverrideView) {
        let mut page = self.page.take().unwrap_or(OverridesPage { overrides: Vec::new() });
        match page.overrides.iter_mut().find(|old| old.record.id == view.record.id) {
            Some(old) => *old = view,
            None => page.overrides.insert(0, view),
        }
        self.take(page);
    }

    /// Notes that they were asked for.
    pub fn asked(&mut self, elapsed: Duration) {
        self.asked = Some(elapsed);
    }

    /// Whether they were asked for so long ago that it is time again.
    #[must_use]
    pub fn due(&self, elapsed: Duration, every: Duration) -> bool {
        self.asked.is_none_or(|asked| elapsed.saturating_sub(asked) >= every)
    }

    /// When the next of those that count, or will, changes by itself.
    #[must_use]
    pub fn flips_at(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let open = |state| matches!(state, OverrideState::Waiting | OverrideState::Upcoming | OverrideState::Active);
        self.all()
            .iter()
            .filter(|view| open(view.record.state(at)))
            .flat_map(|view| [view.record.not_before, view.record.expires_at])
            .filter(|flip| *flip > at)
            .min()
    }
}
