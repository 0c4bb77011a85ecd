//! The connection: when it last answered, what its clock says, and how far what is shown can be trusted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::age;
use crate::{domain::SafeText, tui::message::Moment};

/// How long the poll task lets the backend hold an answer.
pub const POLL_WAIT: Duration = Duration::from_secs(10);
/// No answer for longer than this is slow.
pub const SLOW_AFTER: Duration = Duration::from_secs(13);
/// No answer for three refreshes is a lost connection, whatever the socket says.
pub const LOST_AFTER: Duration = Duration::from_secs(30);

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It has not answered yet; for how long it was asked.
    Connecting(Duration),
    /// What is shown is what is.
    Live,
    /// The answer is late; how old the last one is.
    Slow(Duration),
    /// It does not answer; how old the last answer is (or since when it was asked).
    Lost(Duration),
}

/// A connection to one backend.
#[derive(Debug, Clone)]
pub struct Link {
    since: Duration,
    answered: Option<(Duration, DateTime<Utc>)>,
    failure: Option<(Duration, SafeText)>,
    retry_at: Option<Duration>,
    /// Whether it was lost since the last answer.
    blind_since: Option<Duration>,
}

impl Link {
    /// A connection that was asked for now.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self { since: now.elapsed, answered: None, failure: None, retry_at: None, blind_since: None }
    }

    /// It answered. Says for how long nothing was known, when the connection had been lost.
    pub fn answered(&mut self, now: Moment, as_of: DateTime<Utc>) -> Option<Duration> {
        let lost = matches!(self.state(now.elapsed), LinkState::Lost(_));
        let blind = self.blind_since.take().or(if lost { self.answered.map(|(at, _)| at) } else { None });
        self.answered = Some((now.elapsed, as_of));
        self.failure = None;
        self.retry_at = None;
        blind.map(|at| now.elapsed.saturating_sub(at))
    }

    /// It did not answer.
    pub fn failed(&mut self, now: Moment, why: SafeText) {
        if self.blind_since.is_none() {
            self.blind_since = Some(self.answered.map_or(self.since, |(at, _)| at));
        }
        self.failure = Some((now.elapsed, why));
        self.retry_at = None;
    }

    /// It is asked again after that time.
    pub fn retry_in(&mut self, now: Moment, wait: Duration) {
        self.retry_at = Some(now.elapsed + wait);
    }

    /// How it is.
    #[must_use]
    pub fn state(&self, elapsed: Duration) -> LinkState {
        let Some((at, _)) = self.answered else {
            let waited = elapsed.saturating_sub(self.since);
            return if self.failure.is_some() { LinkState::Lost(waited) } else { LinkState::Connecting(waited) };
        };
        let silent = elapsed.saturating_sub(at);
        if self.failure.is_some() || silent >= LOST_AFTER {
            LinkState::Lost(silent)
        } else if silent >= SLOW_AFTER {
            LinkState::Slow(silent)
        } else {
            LinkState::Live
        }
    }

    /// Whether what is shown is what is.
    #[must_use]
    pub fn is_live(&self, elapsed: Duration) -> bool {
        self.state(elapsed) == LinkState::Live
    }

    /// Why it does not answer.
    #[must_use]
    pub fn why(&self) -> Option<&SafeText> {
        self.failure.as_ref().map(|(_, why)| why)
    }

    /// What is left until it is asked again.
    #[must_use]
    pub fn retry_left(&self, elapsed: Duration) -> Option<TimeDelta> {
        let left = self.retry_at?.saturating_sub(elapsed);
        TimeDelta::from_std(left).ok()
    }

    /// The server's time of the last answer.
    #[must_use]
    pub fn as_of(&self) -> Option<DateTime<Utc>> {
        self.answered.map(|(_, as_of)| as_of)
    }

    /// The server's time now, from its last answer; the wall clock before any.
    #[must_use]
    pub fn server_now(&self, now: Moment) -> DateTime<Utc> {
        self.answered.map_or(now.wall, |(at, as_of)| {
            as_of + TimeDelta::from_std(now.elapsed.saturating_sub(at)).unwrap_or_default()
        })
    }

    /// How far the server's clock is ahead of ours.
    #[must_use]
    pub fn skew(&self, now: Moment) -> TimeDelta {
        self.server_now(now) - now.wall
    }

    /// When what is shown of it changes by itself.
    #[must_use]
    pub fn flips_at(&self, elapsed: Duration) -> Option<Duration> {
        let aged = |silent: Duration| elapsed + age::age_flips_in(TimeDelta::from_std(silent).unwrap_or_default());
        let state = match self.state(elapsed) {
            LinkState::Live => self.answered.map(|(at, _)| at + SLOW_AFTER),
            LinkState::Slow(silent) => {
                self.answered.map(|(at, _)| at + LOST_AFTER).into_iter().chain([aged(silent)]).min()
            }
            LinkState::Lost(silent) | LinkState::Connecting(silent) => Some(aged(silent)),
        };
        let retry = self.retry_left(elapsed).and_then(age::left_flips_in).map(|flip| elapsed + flip);
        state.into_iter().chain(retry).min()
    }
}
