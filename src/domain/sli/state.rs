//! What is to be said of an indicator in one word, and how it compares: one place, so that the
//! screen, the command line and a summary never disagree.

use super::{BurnLevel, Direction, Sli, SliPoint, TelemetryState, Verdict};

/// What an indicator comes to, its telemetry considered; the one that needs somebody most comes first.
/// That a source fails, has nothing, or is late are three different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SliState {
    /// Worse, whatever became of its telemetry since.
    Fail,
    /// Its source cannot be asked, refuses, or answers nonsense.
    Error,
    /// Its source answers, and has nothing.
    NoData,
    /// Its newest value is too old.
    Stale,
    /// Looks worse; not proven.
    Watch,
    /// Too young to say.
    Warming,
    /// Too little to say.
    Insufficient,
    /// Not worse than the margin allows.
    Pass,
}

impl Sli {
    /// What it comes to.
    #[must_use]
    pub fn state(&self) -> SliState {
        match (self.verdict, self.telemetry) {
            (Verdict::Fail, _) => SliState::Fail,
            (_, TelemetryState::Error) => SliState::Error,
            (_, TelemetryState::Empty) | (Verdict::NoData, TelemetryState::Ok) => SliState::NoData,
            (_, TelemetryState::Stale) => SliState::Stale,
            (Verdict::NoData | Verdict::Insufficient, TelemetryState::Warming) => SliState::Warming,
            (Verdict::Watch, _) => SliState::Watch,
            (Verdict::Insufficient, TelemetryState::Ok) => SliState::Insufficient,
            (Verdict::Pass, _) => SliState::Pass,
        }
    }

    /// How much it needs somebody: less comes first. What fails, then what burns its budget, then the
    /// other states; among equals what is critical, then what a promotion needs.
    #[must_use]
    pub fn need(&self) -> (u8, bool, bool) {
        let burns = self.burn.as_ref().is_some_and(|burn| matches!(burn.level, BurnLevel::Page | BurnLevel::Halt));
        let rank = match self.state() {
            SliState::Fail => 0,
            _ if burns => 1,
            state => state as u8 + 1,
        };
        (rank, !self.critical, !self.required)
    }

    /// Which direction is worse, as a value; `either` for a word that is none.
    #[must_use]
    pub fn worse(&self) -> Direction {
        Direction::ALL.into_iter().find(|d| d.as_str() == self.direction.as_str()).unwrap_or_default()
    }

    /// How harmful a difference of canary and baseline is: above 0 is worse. None for what is no finite
    /// number.
    #[must_use]
    pub fn harm(&self, difference: f64) -> Option<f64> {
        difference.is_finite().then(|| match self.worse() {
            Direction::HigherIsWorse => difference,
            Direction::LowerIsWorse => -difference,
            Direction::Either => difference.abs(),
        })
    }

    /// The harm that is too much, above 0, where one is known.
    #[must_use]
    pub fn too_much(&self) -> Option<f64> {
        self.limit.map(f64::abs).filter(|limit| limit.is_finite() && *limit > 0.0)
    }

    /// What a harm is held against: the limit; the baseline's value where none is known.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let baseline = || self.baseline.value.map(f64::abs).filter(|v| v.is_finite() && *v > 0.0);
        self.too_much().or_else(baseline).unwrap_or(f64::MIN_POSITIVE)
    }

    /// Whether its series says what was concluded at each moment, and not only what was measured.
    #[must_use]
    pub fn has_path(&self) -> bool {
        self.series.iter().flatten().any(|point| point.difference.is_some())
    }
}

impl SliPoint {
    /// Canary minus baseline at this moment: of all that was seen until then where the series has a
    /// `path` ([`Sli::has_path`]), of this moment alone where it has none. None is a gap.
    #[must_use]
    pub fn difference_along(&self, path: bool) -> Option<f64> {
        let difference = if path { self.difference? } else { self.canary? - self.baseline? };
        Some(difference).filter(|d| d.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        SafeText,
        sli::{Burn, SliArm},
    };

    fn sli(verdict: Verdict, telemetry: TelemetryState) -> Sli {
        Sli {
            name: SafeText::new("errors"),
            unit: SafeText::new("ratio"),
            direction: SafeText::new("higher_is_worse"),
            family: None,
            critical: false,
            required: true,
            method: SafeText::new("compare"),
            canary: SliArm::default(),
            baseline: SliArm::default(),
            difference: None,
            ratio: None,
            interval: None,
            limit: None,
            verdict,
            why: SafeText::default(),
            over_since: None,
            telemetry,
            burn: None,
            observed_at: None,
            series: None,
        }
    }

    #[test]
    fn an_error_an_empty_answer_a_stale_sample_and_a_young_one_are_four_things() {
        use TelemetryState as T;
        use Verdict as V;
        for (verdict, telemetry, state) in [
            (V::NoData, T::Error, SliState::Error),
            (V::NoData, T::Empty, SliState::NoData),
            (V::NoData, T::Stale, SliState::Stale),
            (V::NoData, T::Warming, SliState::Warming),
            (V::NoData, T::Ok, SliState::NoData),
            (V::Insufficient, T::Warming, SliState::Warming),
            (V::Insufficient, T::Ok, SliState::Insufficient),
            // A judgement that stands is not hidden by a source that is young.
            (V::Pass, T::Warming, SliState::Pass),
            (V::Watch, T::Warming, SliState::Watch),
            // A pass without data is none, and a fail stays one.
            (V::Pass, T::Error, SliState::Error),
            (V::Fail, T::Error, SliState::Fail),
        ] {
            assert_eq!(sli(verdict, telemetry).state(), state, "{verdict:?} {telemetry:?}");
        }
    }

    #[test]
    fn what_fails_comes_first_then_what_burns_then_what_nobody_knows_and_critical_ones_before_others() {
        let burn = |level| Burn {
            objective: 0.999,
            short: None,
            middle: None,
            long: None,
            baseline: None,
            level,
            budget_left: None,
            empty_in: None,
        };
        let fail = sli(Verdict::Fail, TelemetryState::Ok);
        let burning = Sli { burn: Some(Box::new(burn(BurnLevel::Halt))), ..sli(Verdict::Pass, TelemetryState::Ok) };
        let calm = Sli { burn: Some(Box::new(burn(BurnLevel::Ok))), ..sli(Verdict::Pass, TelemetryState::Ok) };
        let critical = Sli { critical: true, ..sli(Verdict::NoData, TelemetryState::Ok) };
        let order = [
            fail,
            burning,
            sli(Verdict::NoData, TelemetryState::Error),
            critical,
            sli(Verdict::NoData, TelemetryState::Ok),
            sli(Verdict::Pass, TelemetryState::Stale),
            sli(Verdict::Watch, TelemetryState::Ok),
            sli(Verdict::NoData, TelemetryState::Warming),
            sli(Verdict::Insufficient, TelemetryState::Ok),
            calm,
        ];
        for pair in order.windows(2) {
            assert!(pair[0].need() < pair[1].need(), "{:?} {:?}", pair[0].need(), pair[1].need());
        }
    }

    #[test]
    fn harm_goes_by_the_direction_that_is_worse() {
        let mut errors = sli(Verdict::Pass, TelemetryState::Ok);
        for (direction, harm) in [("higher_is_worse", -0.25), ("lower_is_worse", 0.25), ("either", 0.25)] {
            errors.direction = SafeText::new(direction);
            assert_eq!(errors.harm(-0.25), Some(harm), "{direction}");
        }
        assert_eq!(errors.harm(f64::NAN), None);
    }
}
