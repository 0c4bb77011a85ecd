//! Overrides: what the backend said last, in the order of the need to look at them, and what is selected.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    backend::{BackendError, OverrideView, OverridesPage},
    domain::{FlagKey, Freeze, Operation, OverrideState, RolloutId, SafeText, overrides::WindowRef},
};

/// The overrides.
#[derive(Debug, Default)]
pub struct Overrides {
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    page: Option<OverridesPage>,
    asked: Option<Duration>,
    cursor: usize,
    selected: Option<String>,
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

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&OverrideView> {
        self.all().get(self.cursor)
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
            let at = self.selected.as_ref().and_then(|id| self.all().iter().position(|v| v.record.id.as_str() == id));
            self.move_to(at.unwrap_or(self.cursor));
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

    /// Moves the cursor.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.all().len().saturating_sub(1));
        self.selected = self.selected().map(|view| view.record.id.as_str().to_owned());
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
