//! The spans of one window, by its `from` and `until` or by its schedule.

use chrono::{DateTime, Utc};

use super::{
    ScheduleError,
    schedule::{self, Compiled, Shape},
};
use crate::domain::{Effect, Schedule, Window};

/// One span in which a window holds: `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it; open-ended, when absent.
    pub until: Option<DateTime<Utc>>,
}

impl Span {
    /// Whether it has not ended yet at an instant.
    #[must_use]
    pub fn reaches(&self, at: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| at < until)
    }

    /// What is left of it where its window was lifted; none when that was before it began.
    pub(super) fn cut_at(self, lifted: Option<DateTime<Utc>>) -> Option<Self> {
        let until = self.until.into_iter().chain(lifted).min();
        Some(Self { until, ..self }).filter(|span| span.reaches(span.from))
    }
}

/// The spans of one window, read once so that they can be asked for often. None reaches another.
#[derive(Debug, Clone)]
pub struct Timeline(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// One span.
    Once(Span),
    /// Spans again and again.
    Spans(Box<Compiled>),
    /// None at all.
    None,
    /// Its schedule cannot be read, and it allows: nobody knows when, so it allows nothing until this instant.
    Closed(Option<DateTime<Utc>>),
}

impl Timeline {
    /// The spans of a window, whether it is switched off or lifted or not.
    ///
    /// A stored schedule that cannot be read (a zone that is not in the time zone database any more)
    /// errs on the side of caution: a window that denies holds from its first span to its last without a gap, one that
    /// allows never opens.
    #[must_use]
    pub fn of(window: &Window) -> Self {
        let whole = Span { from: window.from, until: window.until };
        let timeline = window.schedule.as_ref().map(|schedule| Self::read(schedule, window.effect));
        match (timeline, window.effect) {
            (Some(Ok(timeline)), _) => timeline,
            (Some(Err(_)), Effect::Allow) => Self(Kind::Closed(window.until)),
            (Some(Err(_)), Effect::Deny) | (None, _) if whole.reaches(whole.from) => Self(Kind::Once(whole)),
            _ => Self(Kind::None),
        }
    }

    /// The spans of a schedule.
    pub(super) fn read(schedule: &Schedule, effect: Effect) -> Result<Self, ScheduleError> {
        Ok(Self(match schedule::read(schedule, effect)? {
            Shape::Spans(compiled) => Kind::Spans(compiled),
            Shape::One(span) => Kind::Once(span),
            Shape::None => Kind::None,
        }))
    }

    /// The span that holds at an instant, or else the next one.
    #[must_use]
    pub fn at_or_after(&self, at: DateTime<Utc>) -> Option<Span> {
        match &self.0 {
            Kind::Once(span) => Some(*span).filter(|span| span.reaches(at)),
            Kind::Spans(compiled) => compiled.at_or_after(at),
            Kind::None | Kind::Closed(_) => None,
        }
    }

    /// The span that holds at an instant, and all that follow.
    #[must_use]
    pub fn spans_from(&self, at: DateTime<Utc>) -> Box<dyn Iterator<Item = Span> + '_> {
        match &self.0 {
            Kind::Spans(compiled) => Box::new(compiled.spans_from(at)),
            Kind::Once(_) | Kind::None | Kind::Closed(_) => Box::new(self.at_or_after(at).into_iter()),
        }
    }

    /// The last span that is over at an instant.
    #[must_use]
    pub fn last_before(&self, at: DateTime<Utc>) -> Option<Span> {
        match &self.0 {
            Kind::Once(span) => Some(*span).filter(|span| !span.reaches(at)),
            Kind::Spans(compiled) => compiled.last_before(at),
            Kind::None | Kind::Closed(_) => None,
        }
    }

    /// When the last span ends; none when that never happens, or when there is no span.
    #[must_use]
    pub fn end(&self) -> Option<DateTime<Utc>> {
        match &self.0 {
            Kind::Once(span) => span.until,
            Kind::Spans(compiled) => compiled.end(),
            Kind::Closed(until) => *until,
            Kind::None => None,
        }
    }

    /// Whether it allows, nobody knows when, and is not over at an instant.
    #[must_use]
    pub fn never_opens(&self, at: DateTime<Utc>) -> bool {
        matches!(&self.0, Kind::Closed(until) if until.is_none_or(|until| at < until))
    }
}
