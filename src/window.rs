//! Change windows, evaluated: which freeze covers a place at an instant.

use chrono::{DateTime, Utc};

use crate::domain::{Freeze, Place, Window, WindowState};

/// Where a window is at an instant.
#[must_use]
pub fn state(window: &Window, at: DateTime<Utc>) -> WindowState {
    let _ = (window, at);
    todo!()
}

/// The freeze that covers the place at the instant; of several the one that ends last.
#[must_use]
pub fn freeze_over(windows: &[Window], place: &Place<'_>, at: DateTime<Utc>) -> Option<Freeze> {
    let _ = (windows, place, at);
    todo!()
}

/// The next instant after `at` at which some window begins or ends.
#[must_use]
pub fn next_transition(windows: &[Window], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let _ = (windows, at);
    todo!()
}
