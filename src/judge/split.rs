//! Whether both arms see what they should: as much traffic as the weight says, of the same kind, with units
//! of the same age. Where they do not, a difference of the arms is no difference of the versions.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::words::{count, percent, span};
use crate::domain::SafeText;

/// A split so unlikely under the weight that it is not chance.
pub const UNLIKELY: f64 = 0.001;
/// Requests of both arms without which a split is not checked.
pub const REQUESTS_MIN: f64 = 1000.0;
/// A share that is off by no more, relative to what it should be, does no harm, however sure it is.
pub const OFF_BY: f64 = 0.1;
/// A part of the traffic that is no greater weighs too little to mislead.
pub const PART_MIN: f64 = 0.05;
/// Units whose ages are no further apart are of one age.
pub const AGES_APART: TimeDelta = TimeDelta::minutes(10);

/// How the traffic was split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// The share that the canary should have.
    pub weight: f64,
    /// The share that it had.
    pub share: f64,
    /// Requests of both arms (or users, where they are known).
    pub requests: f64,
    /// How likely a share at least so far off is by chance.
    pub p_value: f64,
    /// Whether the split is not what was asked for. Verdicts mean nothing then, until it is.
    pub is_broken: bool,
}

/// The traffic of one part of it, by arm: a route, a region, a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which.
    pub name: SafeText,
    /// The canary's requests.
    pub canary: f64,
    /// The baseline's.
    pub baseline: f64,
}

/// A part of which the arms have unlike shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Uneven {
    /// Which.
    pub name: SafeText,
    /// Its share of the canary's requests.
    pub canary: f64,
    /// Its share of the baseline's.
    pub baseline: f64,
    /// What is to be done.
    pub remedy: Remedy,
}

/// How arms with unlike traffic are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Within each part.
    Stratify,
    /// Without this part, which one arm lacks.
    Exclude,
}

/// Holds the split against the canary's weight, above 0 and below 1. None where there is nothing to hold
/// against it: no such weight, or no requests.
///
/// By chi-square on the requests of both arms. It is broken where it is unlikely ([`UNLIKELY`]), on enough
/// requests ([`REQUESTS_MIN`]), and off by more than does no harm ([`OFF_BY`]): requests of one client
/// are not independent, so that chance alone goes further than the test believes.
#[must_use]
pub fn split(canary: f64, baseline: f64, weight: f64) -> Option<Split> {
    let requests = canary + baseline;
    let known = canary >= 0.0 && baseline >= 0.0 && requests > 0.0 && requests.is_finite();
    if !(known && weight > 0.0 && weight < 1.0) {
        return None;
    }
    let share = canary / requests;
    let beyond = canary - requests * weight;
    let p_value = tail(beyond * beyond / (requests * weight * (1.0 - weight)));
    let off = (share / weight - 1.0).abs();
    let is_broken = p_value < UNLIKELY && requests >= REQUESTS_MIN && off > OFF_BY;
    Some(Split { weight, share, requests, p_value, is_broken })
}

impl Split {
    /// In one sentence.
    #[must_use]
    pub fn why(&self) -> SafeText {
        let Self { weight, share, requests, .. } = *self;
        let (share, weight, requests) = (percent(share), percent(weight), count(requests));
        SafeText::new(if self.is_broken {
            format!("the canary has {share} of {requests} requests instead of {weight}: the split is broken")
        } else {
            format!("the canary has {share} of {requests} requests, {weight} were asked for")
        })
    }
}

/// The parts of the traffic that one arm has more of than the other, and that weigh enough to mislead: of more
/// than [`PART_MIN`] of either arm's requests, with shares off by more than [`OFF_BY`], relative to the
/// baseline's. Parts that one arm lacks altogether are named whatever they weigh. What may be
/// chance ([`UNLIKELY`]) is not named.
#[must_use]
pub fn uneven(parts: &[Part]) -> Vec<Uneven> {
    let valid = |part: &&Part| {
        let Part { canary, baseline, .. } = part;
        *canary >= 0.0 && *baseline >= 0.0 && (canary + baseline).is_finite()
    };
    let all = |of: fn(&Part) -> f64| parts.iter().filter(valid).map(of).sum::<f64>();
    let (canary, baseline) = (all(|part| part.canary), all(|part| part.baseline));
    if canary <= 0.0 || baseline <= 0.0 {
        return Vec::new();
    }
    let judged = parts.iter().filter(valid).filter_map(|part| {
        let (of_canary, of_baseline) = (part.canary / canary, part.baseline / baseline);
        let lacks = part.canary <= 0.0 || part.baseline <= 0.0;
        let weighs = of_canary.max(of_baseline) > PART_MIN;
        let is_off = (of_canary / of_baseline - 1.0).abs() > OFF_BY;
        // Two shares, as in any table of two by two.
        let pooled = (part.canary + part.baseline) / (canary + baseline);
        let variance = pooled * (1.0 - pooled) * (1.0 / canary + 1.0 / baseline);
        let is_chance = variance <= 0.0 || tail((of_canary - of_baseline).powi(2) / variance) >= UNLIKELY;
        let remedy = match (lacks, weighs && is_off) {
            _ if is_chance => return None,
            (true, _) => Remedy::Exclude,
            (false, true) => Remedy::Stratify,
            (false, false) => return None,
        };
        Some(Uneven { name: part.name.clone(), canary: of_canary, baseline: of_baseline, remedy })
    });
    judged.collect()
}

impl Uneven {
    /// In one sentence.
    #[must_use]
    pub fn why(&self) -> SafeText {
        let (canary, baseline) = (percent(self.canary), percent(self.baseline));
        SafeText::new(match self.remedy {
            Remedy::Stratify => {
                format!("{} is {canary} of the canary's requests and {baseline} of the baseline's", self.name)
            }
            Remedy::Exclude if self.canary > 0.0 => {
                format!("{} is {canary} of the canary's requests, and the baseline has none: left out", self.name)
            }
            Remedy::Exclude => {
                format!("{} is {baseline} of the baseline's requests, and the canary has none: left out", self.name)
            }
        })
    }
}

/// A warning, where units of the arms started more than [`AGES_APART`] apart: cold caches are slow, whatever
/// the version.
#[must_use]
pub fn ages(canary_started: DateTime<Utc>, baseline_started: DateTime<Utc>) -> Option<SafeText> {
    let apart = canary_started - baseline_started;
    if apart.abs() <= AGES_APART {
        return None;
    }
    let long = span(apart.abs().num_seconds() as f64);
    Some(SafeText::new(if apart > TimeDelta::zero() {
        format!("the baseline has run {long} longer than the canary: cold caches can look like a regression")
    } else {
        format!("the canary has run {long} longer than the baseline: cold caches can hide a regression")
    }))
}

/// The chance of a chi-square of one degree beyond this.
fn tail(chi_square: f64) -> f64 {
    erfc((chi_square / 2.0).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Quantiles of the chi-square distribution with one degree, from any table of it.
    #[test]
    fn tails_are_those_of_the_table() {
        for (chi_square, p) in [(0.0, 1.0), (3.841_459, 0.05), (6.634_897, 0.01), (10.827_566, 0.001)] {
            assert!((tail(chi_square) - p).abs() < 1e-7, "{chi_square}: {}", tail(chi_square));
        }
    }

    #[test]
    fn a_split_is_broken_when_it_is_unlikely_on_enough_requests_and_far_off() {
        for (canary, baseline, weight, broken, why) in [
            (500.0, 9500.0, 0.05, false, "the canary has 5.00% of 10k requests, 5.00% were asked for"),
            (700.0, 9300.0, 0.05, true, "the canary has 7.00% of 10k requests instead of 5.00%: the split is broken"),
            (0.0, 5000.0, 0.05, true, "the canary has 0.00% of 5000 requests instead of 5.00%: the split is broken"),
            // Far off and unlikely, on too few requests.
            (100.0, 899.0, 0.05, false, "the canary has 10.0% of 999 requests, 5.00% were asked for"),
            // Unlikely on a great many requests, and not far off.
            (54_000.0, 946_000.0, 0.05, false, "the canary has 5.40% of 1000k requests, 5.00% were asked for"),
            // Far off, and not unlikely.
            (57.0, 943.0, 0.05, false, "the canary has 5.70% of 1000 requests, 5.00% were asked for"),
        ] {
            let found = split(canary, baseline, weight).unwrap();
            assert_eq!((found.is_broken, found.why().as_str()), (broken, why), "{found:?}");
        }
        let known = split(700.0, 9300.0, 0.05).unwrap();
        assert!((known.p_value - 4.42e-20).abs() < 1e-21, "84.2 of chi-square: {}", known.p_value);
    }

    #[test]
    fn without_a_weight_or_requests_there_is_no_split() {
        for (canary, baseline, weight) in [
            (0.0, 0.0, 0.5),
            (1.0, 1.0, 0.0),
            (1.0, 1.0, 1.0),
            (1.0, 1.0, f64::NAN),
            (f64::NAN, 1.0, 0.5),
            (-1.0, 9.0, 0.5),
            (f64::INFINITY, 1.0, 0.5),
        ] {
            assert_eq!(split(canary, baseline, weight), None);
        }
    }

    #[test]
    fn parts_that_one_arm_has_more_of_are_named_with_the_remedy() {
        let part = |name: &str, canary, baseline| Part { name: SafeText::new(name), canary, baseline };
        let parts = [
            part("/checkout", 300.0, 2000.0),
            part("/search", 600.0, 6500.0),
            part("/health", 90.0, 900.0),
            part("/new", 10.0, 0.0),
            part("/old", 0.0, 600.0),
            part("/rare", 0.0, 2.0),
            part("/broken", f64::NAN, 2.0),
        ];
        let found = uneven(&parts);
        let said: Vec<String> = found.iter().map(|uneven| uneven.why().as_str().to_owned()).collect();
        assert_eq!(
            said,
            [
                "/checkout is 30.0% of the canary's requests and 20.0% of the baseline's",
                "/new is 1.00% of the canary's requests, and the baseline has none: left out",
                "/old is 6.00% of the baseline's requests, and the canary has none: left out",
            ]
        );
        assert_eq!(uneven(&[part("/all", 100.0, 900.0)]), []);
        assert_eq!(uneven(&[part("/all", 0.0, 900.0)]), []);
        assert_eq!(uneven(&[]), []);
    }

    #[test]
    fn arms_of_unlike_age_are_worth_a_warning() {
        let at = |minutes| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minutes);
        assert_eq!(ages(at(10), at(0)), None);
        assert_eq!(ages(at(0), at(10)), None);
        let older = ages(at(200), at(0)).unwrap();
        assert_eq!(
            older.as_str(),
            "the baseline has run 3h longer than the canary: cold caches can look like a regression"
        );
        assert!(ages(at(0), at(11)).unwrap().as_str().contains("hide"));
    }

    proptest! {
        #[test]
        fn the_other_arm_sees_the_same_split(canary in 0..100_000_u32, baseline in 1..100_000_u32, weight in 0.01..0.99_f64) {
            let (canary, baseline) = (f64::from(canary), f64::from(baseline));
            let one = split(canary, baseline, weight).unwrap();
            let other = split(baseline, canary, 1.0 - weight).unwrap();
            prop_assert!((one.p_value - other.p_value).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&one.p_value));
        }
    }
}
