//! Why a distribution was judged as it was, in words with numbers.

use super::{
    Found, Look, PASS_FACTOR,
    terms::{Limit, Terms, Worse},
};
use crate::{
    domain::{SafeText, Verdict},
    judge::{
        histogram::Estimate,
        quantile::{self, Band},
        words::figure,
    },
};

impl Terms {
    pub(super) fn figure(&self, value: f64) -> String {
        figure(value, self.unit.as_str())
    }

    pub(super) fn limit_word(&self) -> String {
        match self.limit {
            Limit::Factor(factor) => format!("{factor:.2}x"),
            Limit::Difference(difference) => format!("+{}", self.figure(difference)),
        }
    }

    pub(super) fn allowed(&self) -> String {
        match self.limit {
            Limit::Factor(factor) => format!("{:.2}x", factor.max(PASS_FACTOR)),
            Limit::Difference(_) => self.limit_word(),
        }
    }

    /// Why it fails or is watched: the canary is above, or below, the baseline.
    pub(super) fn why_above(&self, found: &Found, worse: Worse, canary: Band, baseline: Band) -> String {
        let (high, base) = worse.order(canary, baseline);
        let clipped = worse.order(found.canary, found.baseline).0.is_some_and(|value| value.clipped);
        let at_least = if clipped { "above" } else { "at least" };
        let (high_of, base_of) = worse.order("canary", "baseline");
        let ratio = high.low / base.high;
        let times = if ratio.is_finite() { format!(", {ratio:.2}x") } else { String::new() };
        let proven = match (found.verdict, worse) {
            (Verdict::Fail, _) => format!("limit {}", self.limit_word()),
            (_, Worse::Canary) => format!("not proven beyond its limit of {}", self.limit_word()),
            (_, Worse::Baseline) => format!("lower, not proven beyond its limit of {}", self.limit_word()),
        };
        format!(
            "{} of the {high_of} {at_least} {} against at most {} of the {base_of}{times}, {proven}",
            found.name,
            self.figure(high.low),
            self.figure(base.high),
        )
    }

    /// Why nothing is proven.
    pub(super) fn why_open(&self, found: &Found) -> String {
        let value = |estimate: Option<Estimate>| match estimate {
            Some(Estimate { value, clipped: true }) => format!("over {}", self.figure(value)),
            Some(Estimate { value, clipped: false }) => self.figure(value),
            None => "nothing".to_owned(),
        };
        format!(
            "{} {} against {}, neither beyond {} nor within {} is proven",
            found.name,
            value(found.canary),
            value(found.baseline),
            self.limit_word(),
            self.allowed(),
        )
    }

    /// What to know when reading what was found.
    pub(super) fn warnings(&self, whole: &Look) -> Vec<SafeText> {
        let mut warnings = Vec::new();
        let coarse = self.quantiles.iter().find(|of| of.q() >= 0.95).or(self.quantiles.first());
        if let Some((of, (lower, upper))) = coarse.and_then(|of| Some((of, of.coarse(&whole.baseline)?))) {
            warnings.push(format!(
                "the buckets are coarse: {} of the baseline lies between {} and {}, and a change inside is not seen; \
                 add bounds, or use a native histogram",
                of.name(),
                self.figure(lower),
                self.figure(upper),
            ));
        }
        for (arm, whose) in [(&whole.canary, "canary"), (&whole.baseline, "baseline")] {
            let beyond = self.quantiles.iter().find_map(|of| {
                let found = arm.estimate(of.q()).filter(|found| found.clipped)?;
                Some((of.name(), found.value))
            });
            if let Some((name, last)) = beyond {
                let hides = if whose == "baseline" { ", so that nothing can be proven slower" } else { "" };
                let last = self.figure(last);
                warnings.push(format!("{name} of the {whose} lies beyond the last bucket, {last}{hides}"));
            }
        }
        if let Some(gap) = quantile::shifted(&whole.canary, &whole.baseline) {
            let gap = figure(gap, "ratio");
            warnings.push(format!("the distributions differ: by {gap} of the observations at one bound"));
        }
        warnings.into_iter().map(SafeText::new).collect()
    }
}
