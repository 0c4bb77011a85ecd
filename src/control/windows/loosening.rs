//! Whether a change to a window lets something pass that the window holds.
//!
//! Errs on the side of caution: where it is not plain that a changed window holds as much as before, it is
//! taken to hold less.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{Effect, Initiator, OnEnter, Operation, Window},
    window::{self, Span},
};

/// How far ahead the spans of two windows are compared.
const AHEAD: TimeDelta = TimeDelta::days(400);
/// Most spans that are compared.
const SPANS: usize = 5_000;

/// What of a window a change loosens, in words; nothing, when it holds at least as much as before.
pub(super) fn loosened(before: &Window, after: &Window, now: DateTime<Utc>) -> Vec<&'static str> {
    if !counts(before, now) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut find = |is: bool, what| {
        if is {
            found.push(what);
        }
    };
    find(after.lifted.is_some(), "lifts it");
    find(!after.enabled, "switches it off");
    find(after.effect != before.effect, "makes it the opposite");
    find(!after.scope.contains(&before.scope), "narrows its scope");
    find(!has_all(&after.actions, &before.actions, &Operation::ALL), "takes actions from it");
    find(!has_all(&after.initiators, &before.initiators, &INITIATORS), "takes initiators from it");
    find(after.overridable < before.overridable, "lets more people pass it");
    // What a driver carries out goes on by itself: there, pausing it is how it is held.
    find(grip(after.on_enter) < grip(before.on_enter), "does less with what is under way");
    if after.lifted.is_none() && after.enabled && after.effect == before.effect {
        let (more, less) = match before.effect {
            Effect::Deny => (after, before),
            // It holds while it is not open.
            Effect::Allow => (before, after),
        };
        find(!spans_contain(more, less, now), "shortens it");
    }
    found
}

/// How firmly a window takes hold, when it begins, of what is under way.
const fn grip(on_enter: OnEnter) -> u8 {
    match on_enter {
        OnEnter::Hold => 0,
        OnEnter::Pause => 1,
        OnEnter::AbortAndRestore => 2,
    }
}

/// Whether a window that allows would allow more than before: it may then let pass what others that allow hold.
pub(super) fn allows_more(before: Option<&Window>, after: &Window, now: DateTime<Utc>) -> bool {
    if after.effect != Effect::Allow || !counts(after, now) {
        return false;
    }
    before.is_none_or(|before| {
        before.effect != Effect::Allow
            || !counts(before, now)
            || !before.scope.contains(&after.scope)
            || !has_all(&before.actions, &after.actions, &Operation::ALL)
            || !has_all(&before.initiators, &after.initiators, &INITIATORS)
            || !spans_contain(before, after, now)
    })
}

/// Whether two windows can be about the same thing.
pub(super) fn meet(one: &Window, other: &Window) -> bool {
    fn any<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        one.is_empty() || other.is_empty() || one.iter().any(|value| other.contains(value))
    }
    one.scope.meets(&other.scope) && any(&one.actions, &other.actions) && any(&one.initiators, &other.initiators)
}

/// Whether a window that is as it is holds anything at an instant, or by its closing holds everything else.
pub(super) fn closes(window: &Window, at: DateTime<Utc>) -> bool {
    use crate::domain::WindowState as S;
    match (window.effect, window::state(window, at)) {
        (Effect::Deny, state) => state == S::Active,
        (Effect::Allow, state) => state == S::Upcoming,
    }
}

const INITIATORS: [Initiator; 3] = [Initiator::Human, Initiator::Automation, Initiator::Agent];

/// Whether it holds now, or will.
fn counts(window: &Window, now: DateTime<Utc>) -> bool {
    use crate::domain::WindowState as S;
    matches!(window::state(window, now), S::Active | S::Upcoming)
}

/// Whether one list has all of another, where an empty one is everything.
fn has_all<T: PartialEq + Copy>(wide: &[T], narrow: &[T], all: &[T]) -> bool {
    let narrow = if narrow.is_empty() { all } else { narrow };
    wide.is_empty() || narrow.iter().all(|value| wide.contains(value))
}

/// Whether one holds, from now on, whenever the other does.
fn spans_contain(wide: &Window, narrow: &Window, now: DateTime<Utc>) -> bool {
    let until = now + AHEAD;
    let wide = window::spans(wide, now, until, SPANS);
    window::spans(narrow, now, until, SPANS).iter().all(|span| contained(&wide, span, now))
}

/// Whether what is left of a span lies in one of the others, which do not touch each other.
fn contained(wide: &[Span], span: &Span, now: DateTime<Utc>) -> bool {
    let from = span.from.max(now);
    wide.iter().any(|wide| {
        wide.from <= from
            && match (wide.until, span.until) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(wide), Some(span)) => span <= wide,
            }
    })
}

#[cfg(test)]
mod tests;
