//! Windows at the present instant: what holds now, and when that next changes, without looking at each of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    Span, Timeline, freeze,
    index::Index,
    matcher::{Kinds, Matcher},
    state, state_by, stricter,
};
use crate::domain::{Effect, Freeze, Initiator, Operation, Overridable, Place, SafeText, Window, WindowState};

/// Windows, kept so that the present is answered from an index and the next change is known.
#[derive(Debug)]
pub struct Calendar {
    now: DateTime<Utc>,
    /// By number; a number whose window was removed is given again.
    kept: Vec<Option<Kept>>,
    free: Vec<usize>,
    numbers: BTreeMap<SafeText, usize>,
    /// When each next begins or ends.
    due: BTreeSet<(DateTime<Utc>, usize)>,
    /// Those that deny, and hold now.
    denying: Index,
    /// Those that allow, whether they are over or not.
    allowing: Index,
}

/// A window, and what was worked out of it.
#[derive(Debug)]
struct Kept {
    window: Window,
    timeline: Timeline,
    matcher: Matcher,
    kinds: Kinds,
    state: WindowState,
    /// The span that holds now, or else the next one.
    span: Option<Span>,
    /// When the last span before it ended.
    ended: Option<DateTime<Utc>>,
    /// When it next begins or ends.
    due: Option<DateTime<Utc>>,
    /// What is said of it when it closes something.
    freeze: Freeze,
}

impl Kept {
    fn new(window: Window, now: DateTime<Utc>) -> Self {
        let timeline = Timeline::of(&window);
        let mut kept = Self {
            matcher: Matcher::of(&window.scope),
            kinds: Kinds::of(&window),
            freeze: freeze(&window, Span { from: window.from, until: window.until }),
            timeline,
            window,
            state: WindowState::Upcoming,
            span: None,
            ended: None,
            due: None,
        };
        kept.renew(now);
        kept
    }

    /// Works out where it is now.
    fn renew(&mut self, now: DateTime<Utc>) {
        let lifted = self.window.lifted.as_ref().map(|lifted| lifted.at);
        let span = self.timeline.at_or_after(now);
        self.state = state_by(&self.window, &self.timeline, span, now);
        self.span = match self.state {
            WindowState::Active | WindowState::Upcoming => span,
            WindowState::Ended | WindowState::Lifted | WindowState::Disabled => None,
        };
        let next = match (self.state, self.span) {
            (WindowState::Active, Some(span)) => span.until,
            (_, Some(span)) => Some(span.from),
            // Nobody knows when it opens, but until when it closes what it is about.
            (WindowState::Upcoming, None) => self.timeline.end(),
            (_, None) => None,
        };
        // What is over does not change any more, and to lift it says only that it is.
        let over = matches!(self.state, WindowState::Ended | WindowState::Lifted);
        self.due = next.into_iter().chain(lifted.filter(|lifted| *lifted > now && !over)).min();
        self.ended = match (self.window.effect, self.state) {
            // Asked for only where nothing else says since when it is closed.
            (Effect::Allow, WindowState::Upcoming) => self.timeline.last_before(now).and_then(|span| span.until),
            (Effect::Allow, WindowState::Ended) => self.timeline.end(),
            (Effect::Allow, WindowState::Lifted) => lifted,
            _ => None,
        };
        if let Some(span) = self.span {
            (self.freeze.since, self.freeze.until) = (span.from, span.until);
        }
    }

    /// Whether it counts now, where it is looked for by its effect.
    fn counts(&self) -> bool {
        match self.window.effect {
            Effect::Deny => self.state == WindowState::Active,
            // One that is over says since when the others close.
            Effect::Allow => self.state != WindowState::Disabled,
        }
    }
}

impl Calendar {
    /// A calendar without windows.
    #[must_use]
    pub fn empty(now: DateTime<Utc>) -> Self {
        Self {
            now,
            kept: Vec::new(),
            free: Vec::new(),
            numbers: BTreeMap::new(),
            due: BTreeSet::new(),
            denying: Index::default(),
            allowing: Index::default(),
        }
    }

    /// The windows at an instant. Of several with one id the last counts.
    #[must_use]
    pub fn new(windows: Vec<Window>, now: DateTime<Utc>) -> Self {
        let mut calendar = Self::empty(now);
        for window in windows {
            calendar.put(window);
        }
        calendar
    }

    /// The instant that it answers for.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// How many windows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Window> + '_ {
        self.numbers.values().filter_map(|number| self.at(*number)).map(|kept| &kept.window)
    }

    /// A window.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Window> {
        self.find(id).map(|kept| &kept.window)
    }

    /// Adds a window, in place of the one with its id.
    pub fn put(&mut self, window: Window) {
        self.remove(window.id.as_str());
        let id = window.id.clone();
        let kept = Kept::new(window, self.now);
        let number = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            self.kept.len() - 1
        });
        self.numbers.insert(id, number);
        self.file(number, &kept);
        self.kept[number] = Some(kept);
    }

    /// Takes a window out.
    pub fn remove(&mut self, id: &str) -> Option<Window> {
        let number = self.numbers.remove(&SafeText::new(id))?;
        let kept = self.kept.get_mut(number)?.take()?;
        self.take(number, &kept);
        self.free.push(number);
        Some(kept.window)
    }

    /// Goes on to an instant; `true` when a window began or ended on the way.
    pub fn advance(&mut self, now: DateTime<Utc>) -> bool {
        // A clock that was set back is looked at anew: what was over may be to come again.
        let due: Vec<usize> = if now < self.now {
            self.numbers.values().copied().collect()
        } else {
            self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, number)| *number).collect()
        };
        self.now = now;
        let mut changed = false;
        for number in due {
            let Some(mut kept) = self.kept.get_mut(number).and_then(Option::take) else { continue };
            self.take(number, &kept);
            let before = (kept.state, kept.span);
            kept.renew(now);
            changed |= before != (kept.state, kept.span);
            self.file(number, &kept);
            self.kept[number] = Some(kept);
        }
        changed
    }

    /// When a window next begins or ends; none when none ever does.
    #[must_use]
    pub fn next_transition(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, _)| *at)
    }

    /// When this window next begins or ends.
    #[must_use]
    pub fn next_of(&self, id: &str) -> Option<DateTime<Utc>> {
        self.find(id)?.due
    }

    /// Where a window is now, whether it is one of these or not.
    #[must_use]
    pub fn state_of(&self, window: &Window) -> WindowState {
        match self.find(window.id.as_str()) {
            Some(kept) if kept.window == *window => kept.state,
            _ => state(window, self.now),
        }
    }

    /// Windows that hold now, by id.
    pub fn active(&self) -> impl Iterator<Item = &Window> + '_ {
        let active = |kept: &&Kept| kept.state == WindowState::Active;
        self.numbers.values().filter_map(|number| self.at(*number)).filter(active).map(|kept| &kept.window)
    }

    /// Everything that closes a place to an operation now, the one that ends last first. It is open when
    /// there is nothing.
    ///
    /// Windows that allow close it together, while none of them holds: that is one freeze, in the
    /// name of the one that opens next.
    #[must_use]
    pub fn freezes(&self, place: &Place<'_>, operation: Operation, initiator: Initiator) -> Vec<Freeze> {
        let mut closing: Vec<&Freeze> =
            self.about(&self.denying, place, operation, initiator).map(|kept| &kept.freeze).collect();
        let allowed = self.not_allowed(place, operation, initiator);
        closing.extend(allowed.as_ref());
        closing.sort_by(|a, b| later(a, b));
        closing.into_iter().cloned().collect()
    }

    /// The first of [`Calendar::freezes`], which costs less than all of them.
    #[must_use]
    pub fn freeze(&self, place: &Place<'_>, operation: Operation, initiator: Initiator) -> Option<Freeze> {
        let denied =
            self.about(&self.denying, place, operation, initiator).map(|kept| &kept.freeze).min_by(|a, b| later(a, b));
        let not_allowed = self.not_allowed(place, operation, initiator);
        denied.into_iter().chain(not_allowed.as_ref()).min_by(|a, b| later(a, b)).cloned()
    }

    /// What windows that allow close together, because none of them holds.
    fn not_allowed(&self, place: &Place<'_>, operation: Operation, initiator: Initiator) -> Option<Freeze> {
        let opens = |kept: &Kept| kept.span.map_or(DateTime::<Utc>::MAX_UTC, |span| span.from);
        let mut next: Option<&Kept> = None;
        let (mut ended, mut made): (Option<DateTime<Utc>>, Option<DateTime<Utc>>) = (None, None);
        let mut overridable = Overridable::default();
        for kept in self.about(&self.allowing, place, operation, initiator) {
            if kept.state == WindowState::Active {
                return None;
            }
            ended = ended.max(kept.ended);
            if matches!(kept.state, WindowState::Ended | WindowState::Lifted) {
                continue;
            }
            if next.is_none_or(|next| (opens(kept), &kept.window.id) < (opens(next), &next.window.id)) {
                next = Some(kept);
            }
            made = Some(made.map_or(kept.window.created_at, |made| made.min(kept.window.created_at)));
            overridable = stricter(overridable, kept.window.overridable);
        }
        let next = next?;
        Some(Freeze {
            // Each of them would have to let it pass, so the strictest of them says who may.
            overridable,
            since: ended.or(made).unwrap_or(self.now),
            until: next.span.map(|span| span.from),
            ..next.freeze.clone()
        })
    }

    /// Windows of an index that are about a place, an operation and an initiator.
    fn about(
        &self,
        index: &Index,
        place: &Place<'_>,
        operation: Operation,
        initiator: Initiator,
    ) -> impl Iterator<Item = &Kept> {
        let found = index.find(place).filter_map(|number| self.at(number));
        found.filter(move |kept| kept.kinds.has(operation, initiator))
    }

    fn at(&self, number: usize) -> Option<&Kept> {
        self.kept.get(number).and_then(Option::as_ref)
    }

    fn find(&self, id: &str) -> Option<&Kept> {
        self.at(*self.numbers.get(&SafeText::new(id))?)
    }

    fn file(&mut self, number: usize, kept: &Kept) {
        if let Some(due) = kept.due {
            self.due.insert((due, number));
        }
        if kept.counts() {
            self.index(kept.window.effect).add(&kept.matcher, number);
        }
    }

    fn take(&mut self, number: usize, kept: &Kept) {
        if let Some(due) = kept.due {
            self.due.remove(&(due, number));
        }
        if kept.counts() {
            self.index(kept.window.effect).remove(&kept.matcher, number);
        }
    }

    fn index(&mut self, effect: Effect) -> &mut Index {
        match effect {
            Effect::Deny => &mut self.denying,
            Effect::Allow => &mut self.allowing,
        }
    }
}

/// Freezes in the order in which they are named: the one that ends last first, because that is how long it
/// lasts; of two that end together the one that began first.
fn later(a: &Freeze, b: &Freeze) -> std::cmp::Ordering {
    let ends = |freeze: &Freeze| freeze.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
    ends(b).cmp(&ends(a)).then_with(|| a.since.cmp(&b.since)).then_with(|| a.window.cmp(&b.window))
}

#[cfg(test)]
mod tests;
