//! Which span of time each of several judgements looks at: growing from the beginning, or sliding.

use chrono::{DateTime, TimeDelta, Utc};

/// How the judgements of an analysis lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// When the analysis was asked for to begin; now, when nobody said.
    pub start: Option<DateTime<Utc>>,
    /// How far apart judgements are.
    pub interval: TimeDelta,
    /// How far back each looks; all the way to the beginning, without it.
    pub look_back: Option<TimeDelta>,
    /// How long to wait before the first. It counts only where no start was asked for.
    pub begin_after: TimeDelta,
    /// How much earlier the control is looked at.
    pub control_offset: TimeDelta,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From here.
    pub start: DateTime<Utc>,
    /// To here.
    pub end: DateTime<Utc>,
}

/// What one judgement looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// Of the control.
    pub control: Span,
    /// Of the experiment.
    pub experiment: Span,
}

impl Schedule {
    /// What the judgement of that number, from 1, looks at; none where it lies beyond all time.
    #[must_use]
    pub fn judgement(&self, number: u32, now: DateTime<Utc>) -> Option<Spans> {
        let warm_up = if self.start.is_some() { TimeDelta::zero() } else { self.begin_after };
        let first = self.start.unwrap_or(now).checked_add_signed(warm_up)?;
        let offset = self.interval.checked_mul(i32::try_from(number).ok()?)?;
        let end = first.checked_add_signed(offset)?;
        let start = match self.look_back {
            Some(look_back) if look_back > TimeDelta::zero() => end.checked_sub_signed(look_back)?,
            _ => first,
        };
        let earlier = |at: DateTime<Utc>| at.checked_sub_signed(self.control_offset);
        Some(Spans { control: Span { start: earlier(start)?, end: earlier(end)? }, experiment: Span { start, end } })
    }
}
