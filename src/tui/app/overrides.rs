//! Overrides: how they are listed, in the order of the need to look at them, and which of them fits.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{
    filter::{Column, Words},
    records::{Record, Records},
    sort::SortBy,
    wording,
};
use crate::{
    backend::OverrideView,
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

/// The overrides: what is open since a break of the glass first.
pub type Overrides = Records<OverrideView>;

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

impl Record for OverrideView {
    fn id(&self) -> &str {
        self.record.id.as_str()
    }

    fn words(&self) -> Words {
        let record = &self.record;
        let windows: Vec<&str> = record.windows.iter().map(|window| window.id.as_str()).collect();
        Words::of(&[
            record.id.as_str(),
            &subject(self),
            &windows.join(" "),
            record.requested_by.as_str(),
            record.reason.as_str(),
            record.ticket.as_ref().map_or("", SafeText::as_str),
        ])
    }

    fn compare(&self, other: &Self, by: SortBy) -> Option<Ordering> {
        let (a, b) = (&self.record, &other.record);
        match by {
            SortBy::Age => Some(b.not_before.cmp(&a.not_before)),
            SortBy::Ends => Some(a.expires_at.cmp(&b.expires_at)),
            _ => None,
        }
    }

    fn presses(&self) -> bool {
        self.record.awaits_countersign()
    }
}

impl Overrides {
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
