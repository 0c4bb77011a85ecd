//! When a place next closes or opens: what begins and ends over it is gone through in order, and each window is
//! looked at only where something of it does.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Timeline;
use crate::domain::{Effect, Window};

/// Most spans that are looked up for one answer: of a few windows that is decades, of a thousand over one place months.
const LOOKS_MAX: usize = 50_000;

/// A window that is about what is asked.
struct Swept {
    effect: Effect,
    timeline: Timeline,
    lifted: Option<DateTime<Utc>>,
    /// Where it is at the instant that was reached.
    now: Now,
    /// When it is next to be looked at.
    due: Option<DateTime<Utc>>,
}

/// Where a window is at an instant, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// It holds; a window that denies until then, or until it is lifted.
    Active,
    /// It is to hold later, or never opens while it closes.
    Ahead,
    /// It makes no difference any more.
    Over,
}

/// The windows over a place, at an instant that only goes on.
pub(super) struct Sweep {
    windows: Vec<Swept>,
    due: BTreeSet<(DateTime<Utc>, usize)>,
    /// When those end that deny now; one without end at the end of time.
    denying: BTreeSet<(DateTime<Utc>, usize)>,
    /// How many allow now or later.
    allowing: usize,
    /// How many allow now.
    allowed: usize,
    looks: usize,
}

impl Sweep {
    /// These windows at an instant.
    pub(super) fn new<'a>(windows: impl Iterator<Item = &'a Window>, at: DateTime<Utc>) -> Self {
        let windows: Vec<Swept> = windows
            .map(|window| Swept {
                effect: window.effect,
                timeline: Timeline::of(window),
                lifted: window.lifted.as_ref().map(|lifted| lifted.at),
                now: Now::Over,
                due: None,
            })
            .collect();
        let count = windows.len();
        let mut sweep =
            Self { windows, due: BTreeSet::new(), denying: BTreeSet::new(), allowing: 0, allowed: 0, looks: 0 };
        for number in 0..count {
            sweep.look(number, at);
        }
        sweep
    }

    /// The first instant from here on at which the place is open that was closed, or closed that was open; none when
    /// that never happens, or not within what is looked up.
    pub(super) fn next_change(mut self) -> Option<DateTime<Utc>> {
        let was_closed = self.is_closed();
        while self.looks < LOOKS_MAX {
            let next = self.next()?;
            while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= next) {
                self.due.remove(&(at, number));
                self.look(number, next);
            }
            if self.is_closed() != was_closed {
                return Some(next);
            }
        }
        None
    }

    fn is_closed(&self) -> bool {
        !self.denying.is_empty() || (self.allowing > 0 && self.allowed == 0)
    }

    /// Before it nothing changes.
    fn next(&self) -> Option<DateTime<Utc>> {
        match self.denying.last() {
            // While a freeze holds, what else begins or ends makes no difference.
            Some((until, _)) => Some(*until).filter(|until| *until < DateTime::<Utc>::MAX_UTC),
            None => self.due.first().map(|(at, _)| *at),
        }
    }

    /// Looks where a window is at an instant.
    fn look(&mut self, number: usize, at: DateTime<Utc>) {
        self.looks += 1;
        let Some(window) = self.windows.get_mut(number) else { return };
        let ends = window.due.unwrap_or(DateTime::<Utc>::MAX_UTC);
        match (window.effect, window.now) {
            (_, Now::Over) | (Effect::Deny, Now::Ahead) => {}
            (Effect::Deny, Now::Active) => {
                self.denying.remove(&(ends, number));
            }
            (Effect::Allow, now) => {
                self.allowing -= 1;
                self.allowed -= usize::from(now == Now::Active);
            }
        }
        let span = window.timeline.at_or_after(at);
        let (now, edge) = match span {
            _ if window.lifted.is_some_and(|lifted| lifted <= at) => (Now::Over, None),
            Some(span) if span.from <= at => (Now::Active, span.until),
            Some(span) => (Now::Ahead, Some(span.from)),
            None if window.timeline.never_opens(at) => (Now::Ahead, window.timeline.end()),
            None => (Now::Over, None),
        };
        window.now = now;
        window.due = edge.into_iter().chain(window.lifted.filter(|_| now != Now::Over)).min();
        if let Some(due) = window.due {
            self.due.insert((due, number));
        }
        match (window.effect, now) {
            (_, Now::Over) | (Effect::Deny, Now::Ahead) => {}
            (Effect::Deny, Now::Active) => {
                self.denying.insert((window.due.unwrap_or(DateTime::<Utc>::MAX_UTC), number));
            }
            (Effect::Allow, now) => {
                self.allowing += 1;
                self.allowed += usize::from(now == Now::Active);
            }
        }
    }
}
