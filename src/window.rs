//! Change windows, evaluated: when each of them holds, and what it holds at a place.
//!
//! Every span is half-open: `[from, until)`, cut off at the instant at which the window was lifted.
//! A window that denies closes what it covers while it holds. Where windows that allow cover a place, one of
//! them must hold, or it is closed. Where none covers it, it is open. No window is stronger because
//! it is narrower.
//!
//! [`Calendar`] answers for the present instant, quickly and for many windows. The functions here
//! answer for any instant.

mod calendar;
mod civil;
mod content_line;
pub mod export;
pub mod import;
mod index;
mod matcher;
mod rule;
mod schedule;
mod sweep;
mod timeline;

use chrono::{DateTime, Utc};

use self::sweep::Sweep;
pub use self::{
    calendar::Calendar,
    schedule::{Bounds, ScheduleError, check, tzdb},
    timeline::{Span, Timeline},
};
use crate::domain::{Freeze, Initiator, Operation, Overridable, Place, SafeText, Window, WindowState};

/// Where a window is at an instant. For an instant before it was lifted, it answers as it was then.
#[must_use]
pub fn state(window: &Window, at: DateTime<Utc>) -> WindowState {
    let timeline = Timeline::of(window);
    state_by(window, &timeline, timeline.at_or_after(at), at)
}

/// Where a window with this timeline is at an instant, of which this is the span that holds then, or else the next one.
fn state_by(window: &Window, timeline: &Timeline, span: Option<Span>, at: DateTime<Utc>) -> WindowState {
    if let Some(lifted) = window.lifted.as_ref().filter(|lifted| lifted.at <= at) {
        // One that had run out before it was lifted ended by itself.
        let ran_out = timeline.end().is_some_and(|end| end <= lifted.at);
        return if ran_out { WindowState::Ended } else { WindowState::Lifted };
    }
    match span {
        _ if !window.enabled => WindowState::Disabled,
        None if timeline.never_opens(at) => WindowState::Upcoming,
        None => WindowState::Ended,
        Some(span) if span.from <= at => WindowState::Active,
        Some(_) => WindowState::Upcoming,
    }
}

/// The window's spans that reach into `[from, until)`, by their beginning, at most `max` of them.
/// None reaches another: those that overlap or touch are one. A window that is switched off has none.
#[must_use]
pub fn spans(window: &Window, from: DateTime<Utc>, until: DateTime<Utc>, max: usize) -> Vec<Span> {
    if !window.enabled {
        return Vec::new();
    }
    let lifted = window.lifted.as_ref().map(|lifted| lifted.at);
    let timeline = Timeline::of(window);
    let spans = timeline.spans_from(from).map_while(|span| span.cut_at(lifted));
    spans.skip_while(|span| !span.reaches(from)).take_while(|span| span.from < until).take(max).collect()
}

/// Everything that closes a place to an operation at an instant, the one that ends last first. It is
/// open when there is nothing.
///
/// Windows that allow close it together, while none of them holds: that is one freeze, in the name of the
/// one that opens next.
#[must_use]
pub fn freezes_at<'a>(
    windows: impl IntoIterator<Item = &'a Window>,
    place: &Place<'_>,
    operation: Operation,
    initiator: Initiator,
    at: DateTime<Utc>,
) -> Vec<Freeze> {
    let mut calendar = Calendar::empty(at);
    for window in windows {
        if matcher::touches(window, place, operation, initiator) {
            calendar.put(window.clone());
        }
    }
    calendar.freezes(place, operation, initiator)
}

/// When a place that is open to an operation next closes, or one that is closed next opens; none when that
/// never happens, not within the years that time zones are known for, or not within 50 000 beginnings and ends.
#[must_use]
pub fn next_change<'a>(
    windows: impl IntoIterator<Item = &'a Window>,
    place: &Place<'_>,
    operation: Operation,
    initiator: Initiator,
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let touching =
        windows.into_iter().filter(|window| window.enabled && matcher::touches(window, place, operation, initiator));
    Sweep::new(touching, at).next_change()
}

fn freeze(window: &Window, span: Span) -> Freeze {
    Freeze {
        window: window.id.clone(),
        revision: window.revision,
        effect: window.effect,
        overridable: window.overridable,
        scope: SafeText::new(window.scope.to_string()),
        reason: window.reason.clone(),
        by: window.created_by.clone(),
        since: span.from,
        until: span.until,
    }
}

/// Of two, the one that fewer people may let something pass.
fn stricter(a: Overridable, b: Overridable) -> Overridable {
    a.max(b)
}

#[cfg(test)]
mod tests;
