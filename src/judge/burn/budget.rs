//! What is left of an error budget, over its period.

use super::Objective;
use crate::judge::evidence::Counts;

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// A share of it, above 0 and at most 1.
    Left(f64),
    /// Nothing: 0, or the share by which it was overspent, below 0.
    Spent(f64),
    /// Nobody knows.
    Unknown,
}

impl Budget {
    /// From bad and all events over the whole period, as the source knows them.
    #[must_use]
    pub fn over_period(objective: Objective, spent: Option<Counts>) -> Self {
        let burn = spent.and_then(|Counts { bad, total }| objective.burn(bad, total));
        burn.map_or(Self::Unknown, |burn| Self::from_left(1.0 - burn))
    }

    /// From the events of slices that cover a part of the period: what is not covered counts as a time
    /// with as many events and none bad, because a service that is younger than its period had none.
    /// `covered` and `period` in one unit.
    #[must_use]
    pub fn of_slices(objective: Objective, slices: &[Counts], covered: f64, period: f64) -> Self {
        let all = slices.iter().fold(Counts::default(), |all, slice| all.plus(*slice));
        let known = covered > 0.0 && period > 0.0 && period.is_finite();
        let burn = objective.burn(all.bad, all.total).filter(|_| known);
        burn.map_or(Self::Unknown, |burn| Self::from_left(1.0 - burn * (covered / period).min(1.0)))
    }

    fn from_left(left: f64) -> Self {
        // What was spent to the last event is spent, whatever 1 - 0.999 rounds.
        if left > 1e-9 { Self::Left(left) } else { Self::Spent(left.min(0.0)) }
    }

    /// Whether it holds a promotion: when it is spent, and when nobody knows.
    #[must_use]
    pub fn blocks_promotion(self) -> bool {
        !matches!(self, Self::Left(_))
    }

    /// The share that is left: 0 and below is spent; none when nobody knows.
    #[must_use]
    pub fn left(self) -> Option<f64> {
        match self {
            Self::Left(left) | Self::Spent(left) => Some(left),
            Self::Unknown => None,
        }
    }

    /// How long it lasts at the present burn of the whole service: 0 when it is spent; none when it does
    /// not burn, or nobody knows. In the unit of the period.
    #[must_use]
    pub fn empty_in(self, burn: Option<f64>, period: f64) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Spent(_) => Some(0.0),
            Self::Left(left) => super::lasts(burn?, period).map(|whole| whole * left),
        }
    }
}
