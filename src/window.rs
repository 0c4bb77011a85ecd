//! Change windows, evaluated: which freeze covers a place at an instant.
//!
//! A window holds over `[from, until)`, or over `[from, lifted)` where it was lifted before that.

use chrono::{DateTime, Utc};

use crate::domain::{Freeze, Place, SafeText, Window, WindowState};

/// Where a window is at an instant. For an instant before it was lifted, it answers as it was then.
#[must_use]
pub fn state(window: &Window, at: DateTime<Utc>) -> WindowState {
    let lifted = window.lifted.as_ref().is_some_and(|lifted| lifted.at <= at);
    // One that had run out before it was lifted ended by itself.
    let ran_out =
        window.until.is_some_and(|until| until <= at && window.lifted.as_ref().is_none_or(|lifted| until <= lifted.at));
    if ran_out {
        WindowState::Ended
    } else if lifted {
        WindowState::Lifted
    } else if window.from <= at {
        WindowState::Active
    } else {
        WindowState::Upcoming
    }
}

/// The freeze that covers the place at the instant; of several the one that ends last, because that
/// is how long it lasts.
#[must_use]
pub fn freeze_over(windows: &[Window], place: &Place<'_>, at: DateTime<Utc>) -> Option<Freeze> {
    freezes_over(windows, place, at).into_iter().next()
}

/// Every freeze that covers the place at the instant, the one that ends last first.
#[must_use]
pub fn freezes_over(windows: &[Window], place: &Place<'_>, at: DateTime<Utc>) -> Vec<Freeze> {
    let mut covering: Vec<&Window> =
        windows.iter().filter(|w| state(w, at) == WindowState::Active && w.scope.covers(place)).collect();
    covering.sort_by(|a, b| {
        let ends = |w: &Window| w.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
        ends(b).cmp(&ends(a)).then_with(|| a.from.cmp(&b.from)).then_with(|| a.id.cmp(&b.id))
    });
    covering.into_iter().map(freeze).collect()
}

fn freeze(window: &Window) -> Freeze {
    Freeze {
        window: window.id.clone(),
        revision: window.revision,
        effect: window.effect,
        overridable: window.overridable,
        scope: SafeText::new(window.scope.to_string()),
        reason: window.reason.clone(),
        by: window.created_by.clone(),
        since: window.from,
        until: window.until,
        ..Freeze::default()
    }
}

/// The next instant after `at` at which some window begins or ends.
#[must_use]
pub fn next_transition(windows: &[Window], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    windows.iter().flat_map(transitions).filter(|instant| *instant > at).min()
}

/// When a window begins and ends; never, where it was lifted before it began.
fn transitions(window: &Window) -> impl Iterator<Item = DateTime<Utc>> {
    let end = match (window.until, window.lifted.as_ref().map(|lifted| lifted.at)) {
        (Some(until), Some(lifted)) => Some(until.min(lifted)),
        (until, lifted) => until.or(lifted),
    };
    let happens = end.is_none_or(|end| window.from < end);
    std::iter::once(window.from).chain(end).filter(move |_| happens)
}

#[cfg(test)]
mod tests;
