//! Who produced the bad events: an e-process over counts, for errors too few for an interval, and for
//! restarts, out-of-memory kills and other events against exposure.
//!
//! Given that an event happened, the chance that it was the canary's is the canary's share of the
//! traffic, if both versions are equal, whatever the base rate does over time. Evidence multiplies from
//! event to event, and may be looked at as often as one likes: with equal versions, the chance that it
//! ever reaches `1 / alpha` is at most `alpha`. (A mixture of conditional binomial likelihood ratios, as
//! Lindon and Malek (2022) use it for counts with rates that change.)

use std::sync::LazyLock;

/// The ratio of the canary's rate to the baseline's that is tolerated.
pub const TOLERATED: f64 = 1.1;

/// Events of the canary without which nothing fails, and in how many slices.
pub const FAIL_EVENTS: f64 = 5.0;
/// Slices that these are spread over.
pub const FAIL_SLICES: f64 = 3.0;
/// Events of the canary without which nothing is worth watching.
pub const WATCH_EVENTS: f64 = 3.0;
/// Slices that these are spread over.
pub const WATCH_SLICES: f64 = 2.0;

/// Alternatives that are weighed against the tolerated ratio, equally, from 1.25 to 16 times it.
const ALTERNATIVES: usize = 16;
const NEAREST: f64 = 1.25;
const FARTHEST: f64 = 16.0;

/// The alternatives, evenly spaced in their logarithms, with these.
static GRID: LazyLock<[(f64, f64); ALTERNATIVES]> = LazyLock::new(|| {
    let step = (FARTHEST / NEAREST).ln() / (ALTERNATIVES as f64 - 1.0);
    std::array::from_fn(|n| {
        let ln = NEAREST.ln() + n as f64 * step;
        (ln.exp(), ln)
    })
});

/// What would be harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// More events.
    More,
    /// Fewer events.
    Fewer,
}

/// The logarithms of the likelihood ratios, one for each alternative; they add over what is independent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LikelihoodRatios([f64; ALTERNATIVES]);

impl LikelihoodRatios {
    /// Adds the events of a step in which the canary had `share` of the exposure, above 0 and below 1;
    /// events that are bursty are divided by their design effect first, and so is the exposure.
    /// `tolerated` is the ratio of rates, canary over baseline, up to which (or down to whose inverse)
    /// nobody is harmed. What is no number, or lacks an arm, adds nothing.
    pub fn add(&mut self, canary: f64, baseline: f64, share: f64, tolerated: f64, harm: Harm) {
        let all = canary + baseline;
        let known = all > 0.0 && all.is_finite() && canary >= 0.0 && baseline >= 0.0;
        if !(known && share > 0.0 && share < 1.0 && tolerated > 0.0 && tolerated.is_finite()) {
            return;
        }
        let rest = 1.0 - share;
        let (null, sign) = match harm {
            Harm::More => (tolerated, 1.0),
            Harm::Fewer => (1.0 / tolerated, -1.0),
        };
        let at_null = (share * null + rest).ln();
        for (sum, (factor, ln)) in self.0.iter_mut().zip(GRID.iter()) {
            let factor = if harm == Harm::More { *factor } else { 1.0 / factor };
            *sum += canary * sign * ln + all * (at_null - (share * null * factor + rest).ln());
        }
    }

    /// That of both.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum += more;
        }
        self
    }

    /// The logarithm of the e-value: of the mean over the alternatives. 0 without events.
    #[must_use]
    pub fn ln(&self) -> f64 {
        ln_sum_exp(self.0.iter().copied()) - (ALTERNATIVES as f64).ln()
    }
}

/// The logarithm of a sum of which the logarithms are given, without leaving the range of numbers.
#[must_use]
pub fn ln_sum_exp(logarithms: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = logarithms.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest.is_infinite() {
        return greatest;
    }
    greatest + logarithms.map(|ln| (ln - greatest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is said of nothing is exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ln_e(canary: f64, baseline: f64, share: f64, tolerated: f64, harm: Harm) -> f64 {
        let mut evidence = LikelihoodRatios::default();
        evidence.add(canary, baseline, share, tolerated, harm);
        evidence.ln()
    }

    /// From the method's reference table, computed there with numpy for a tolerated ratio of 1.
    #[test]
    fn reference_values_are_met() {
        for (canary, baseline, share, expected, digits) in [
            (5.0, 5.0, 0.05, 6.982_681_750_538_822, 1e-9),
            (10.0, 20.0, 0.05, 10.816_858_244_068_316, 1e-9),
            (3.0, 0.0, 0.05, 5.134_382_438_649_702, 1e-9),
            (50.0, 950.0, 0.05, -3.982_497_853_837_403_4, 1e-9),
            // Given with eight digits.
            (30.0, 10.0, 0.5, 4.150_570_92, 5e-9),
        ] {
            let found = ln_e(canary, baseline, share, 1.0, Harm::More);
            assert!((found - expected).abs() < digits, "{canary}, {baseline}: {found}");
        }
    }

    /// The smallest burst of the canary alone that rejects, from the same reference: events by share and level.
    #[test]
    fn few_events_of_the_canary_alone_are_enough() {
        for (share, smallest) in [(0.05, [2, 3, 4]), (0.1, [3, 4, 5]), (0.25, [4, 5, 7]), (0.5, [6, 9, 13])] {
            for (alpha, events) in [0.05_f64, 0.01, 0.001].into_iter().zip(smallest) {
                let reaches = |events: i32| ln_e(f64::from(events), 0.0, share, 1.0, Harm::More) >= -alpha.ln();
                assert!(reaches(events) && !reaches(events - 1), "{share}, {alpha}, {events}");
            }
        }
        for (alpha, events) in [(0.05_f64, 6), (0.01, 7), (0.001, 8)] {
            let reaches = |events: i32| ln_e(f64::from(events), 20.0, 0.05, 1.0, Harm::More) >= -alpha.ln();
            assert!(reaches(events) && !reaches(events - 1), "beside 20 of the baseline: {alpha}, {events}");
        }
    }

    #[test]
    fn nothing_and_nonsense_say_nothing() {
        assert_eq!(LikelihoodRatios::default().ln(), 0.0);
        for (canary, baseline, share, tolerated) in [
            (0.0, 0.0, 0.5, 1.1),
            (f64::NAN, 1.0, 0.5, 1.1),
            (1.0, f64::INFINITY, 0.5, 1.1),
            (-1.0, 3.0, 0.5, 1.1),
            (1.0, 1.0, 0.0, 1.1),
            (1.0, 1.0, 1.0, 1.1),
            (1.0, 1.0, f64::NAN, 1.1),
            (1.0, 1.0, 0.5, 0.0),
        ] {
            assert_eq!(ln_e(canary, baseline, share, tolerated, Harm::More), 0.0);
        }
        assert!(ln_e(1e9, 0.0, 0.01, 1.1, Harm::More).is_finite());
        assert!(ln_e(0.0, 1e9, 0.01, 1.1, Harm::More).is_finite());
    }

    /// A tenth of a per cent with a base rate of 1, then a tenth with 5: equal versions, and evidence
    /// over the sum of both steps would convict the canary.
    #[test]
    fn each_step_is_weighed_with_its_own_share() {
        let mut stepwise = LikelihoodRatios::default();
        stepwise.add(10.0, 990.0, 0.01, 1.0, Harm::More);
        stepwise.add(500.0, 4500.0, 0.1, 1.0, Harm::More);
        assert!(stepwise.ln() < 0.0, "{}", stepwise.ln());
        let pooled = ln_e(510.0, 5490.0, 0.055, 1.0, Harm::More);
        assert!(pooled > 20.0, "{pooled}");
    }

    proptest! {
        /// The expectation under the null is the sum over all outcomes of their chance times their e-value.
        #[test]
        fn evidence_is_fair_bet_where_the_tolerated_ratio_is_true(
            share in 0.01..0.99_f64, tolerated in 1.0..1.5_f64, all in 1..40_u32, fewer: bool,
        ) {
            let (harm, ratio) = if fewer { (Harm::Fewer, 1.0 / tolerated) } else { (Harm::More, tolerated) };
            let chance = share * ratio / (share * ratio + 1.0 - share);
            let mut sum = 0.0;
            let mut ln_ways = 0.0;
            for canary in 0..=all {
                let (c, b) = (f64::from(canary), f64::from(all - canary));
                let ln_chance = ln_ways + c * chance.ln() + b * (1.0 - chance).ln();
                sum += (ln_chance + ln_e(c, b, share, tolerated, harm)).exp();
                ln_ways += (b / (c + 1.0)).ln();
            }
            prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }

        #[test]
        fn fewer_of_one_arm_is_more_of_the_other(
            canary in 0.0..1e4_f64, baseline in 0.0..1e4_f64, share in 0.01..0.99_f64,
        ) {
            let fewer = ln_e(canary, baseline, share, 1.1, Harm::Fewer);
            let more = ln_e(baseline, canary, 1.0 - share, 1.1, Harm::More);
            prop_assert!((fewer - more).abs() <= 1e-9 * (1.0 + more.abs()), "{fewer} {more}");
        }
    }
}
