//! Error budgets: how fast one burns, what is left of it, and when that halts or pages.
//!
//! An objective of 0.999 leaves a budget of a thousandth of all events over its period. A burn of 1
//! spends exactly that; one of 3 empties 30 days' budget in 10 days. Time is counted in slices, which
//! are minutes unless a plan says otherwise; the rules' "30 minutes" are 30 slices.
//!
//! - [`Objective`]: a share that can be judged, or why not.
//! - [`read`] and [`step`]: the two rules, [`HALT`] and [`PAGE`], over canary and baseline.
//! - [`Budget`]: what is left.
//! - [`poisson`]: the bounds and chances of counts.

use serde::{Deserialize, Serialize};

mod budget;
pub mod poisson;
mod rules;

#[cfg(test)]
mod tests;

pub use self::{
    budget::Budget,
    rules::{Attribution, HALT, Look, PAGE, Rates, Reading, Recent, Rule, State, read, step},
};

/// The share of good events that is aimed at, such that the rules can fire.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Objective(f64);

/// Why a share is no objective.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// Not a share.
    #[error("an objective of {0} is none: it is a share above 0 and below 1; 99.9 % is 0.999")]
    Outside(f64),
    /// So low that a rule would never fire, whatever happened.
    #[error(
        "under an objective of {objective} no budget burns faster than {fastest:.1}x, and {times}x pages: \
         nobody would ever be called. Set 0.9 or more, or leave the objective out"
    )]
    TooLow {
        /// The objective.
        objective: f64,
        /// The burn when every event is bad.
        fastest: f64,
        /// The burn that would have to be reached.
        times: f64,
    },
}

impl Objective {
    /// Takes an objective under which both rules can fire.
    pub fn new(objective: f64) -> Result<Self, ObjectiveError> {
        if !(objective > 0.0 && objective < 1.0) {
            return Err(ObjectiveError::Outside(objective));
        }
        let fastest = 1.0 / (1.0 - objective);
        match [HALT, PAGE].iter().map(|rule| rule.times).find(|times| !reaches(fastest, *times)) {
            // The higher of both is the one that says how to mend it.
            Some(_) => Err(ObjectiveError::TooLow { objective, fastest, times: PAGE.times }),
            None => Ok(Self(objective)),
        }
    }

    /// The share of good events: 0.999.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0
    }

    /// The share of events that may be bad: 0.001.
    #[must_use]
    pub fn budget(self) -> f64 {
        1.0 - self.0
    }

    /// How many times faster than allowed a share of bad events spends the budget; none without events.
    #[must_use]
    pub fn burn(self, bad: f64, total: f64) -> Option<f64> {
        let possible = total > 0.0 && total.is_finite() && bad >= 0.0 && bad.is_finite();
        possible.then(|| bad / total / self.budget())
    }
}

impl TryFrom<f64> for Objective {
    type Error = ObjectiveError;

    fn try_from(objective: f64) -> Result<Self, Self::Error> {
        Self::new(objective)
    }
}

impl From<Objective> for f64 {
    fn from(objective: Objective) -> Self {
        objective.0
    }
}

/// Whether a burn is at least so many times, give or take what 1 - 0.999 rounds.
fn reaches(burn: f64, times: f64) -> bool {
    burn >= times * (1.0 - 1e-9)
}

/// The burn that uses a share of the budget within a span: the factor of an alert. Span and period in
/// one unit.
#[must_use]
pub fn factor(share: f64, span: f64, period: f64) -> f64 {
    share * period / span
}

/// The share of the budget that a steady burn uses within a span.
#[must_use]
pub fn used(burn: f64, span: f64, period: f64) -> f64 {
    burn * span / period
}

/// How long a whole budget lasts at a steady burn; none when it does not burn.
#[must_use]
pub fn lasts(burn: f64, period: f64) -> Option<f64> {
    (burn > 0.0 && burn.is_finite()).then(|| period / burn)
}

/// The burn of a whole service whose canary has a share of the traffic.
#[must_use]
pub fn of_service(share: f64, canary: f64, baseline: f64) -> f64 {
    share * canary + (1.0 - share) * baseline
}

/// An alert of the SRE workbook's set: on a long and a short span at once, any of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// The share of the budget that is used when it fires.
    pub share: f64,
    /// The long span, in seconds.
    pub long: f64,
    /// The short one: a twelfth of it, so that it ends soon after the burn does.
    pub short: f64,
    /// Whether somebody is called, or it can wait for the day.
    pub pages: bool,
}

const HOUR: f64 = 3600.0;

/// The set of Google's SRE workbook ("Alerting on SLOs"), with the fourth alert of slok/sloth. Rolldeck's
/// own rules are tighter, because a canary can be stopped cheaply; these are what to compare them with.
pub const WORKBOOK: [Alert; 4] = [
    Alert { share: 0.02, long: HOUR, short: HOUR / 12.0, pages: true },
    Alert { share: 0.05, long: 6.0 * HOUR, short: HOUR / 2.0, pages: true },
    Alert { share: 0.10, long: 24.0 * HOUR, short: 2.0 * HOUR, pages: false },
    Alert { share: 0.10, long: 72.0 * HOUR, short: 6.0 * HOUR, pages: false },
];
