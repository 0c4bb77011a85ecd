//! The score that is shown beside the decision, and the verdict of the whole in a word. Neither decides.

use std::collections::BTreeMap;

use super::votes::Voter;
use crate::domain::{
    SafeText, Verdict,
    sli::{Family, OverallVerdict},
};

/// A score from 0 to 100, and whom it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The mean over families of the mean over their indicators, of which one that passes has 100, one
    /// that is watched 50, and one that fails none. None without any of these.
    pub points: Option<f64>,
    /// Those of which there is no evidence.
    pub unscored: Vec<SafeText>,
}

pub(super) fn of(voters: &[Voter<'_>]) -> Score {
    let mut families: BTreeMap<Family, (f64, f64)> = BTreeMap::new();
    let mut unscored = Vec::new();
    for voter in voters {
        let points = match voter.judgement.verdict {
            Verdict::Pass => 100.0,
            Verdict::Watch => 50.0,
            Verdict::Fail => 0.0,
            Verdict::Insufficient | Verdict::NoData => {
                unscored.push(voter.evidence.spec.name.clone());
                continue;
            }
        };
        if voter.evidence.spec.observe_only {
            continue;
        }
        let (sum, count) = families.entry(voter.evidence.spec.family).or_default();
        (*sum, *count) = (*sum + points, *count + 1.0);
    }
    let mean = families.values().map(|(sum, count)| sum / count).sum::<f64>() / families.len() as f64;
    let points = (!families.is_empty()).then(|| (mean * 10.0).round() / 10.0);
    Score { points, unscored }
}

/// The worst that any of them says; a pass only where every required one passes.
pub(super) fn verdict(voters: &[Voter<'_>], score: Option<f64>) -> OverallVerdict {
    let of = |verdict: Verdict| voters.iter().filter(move |voter| voter.judgement.verdict == verdict);
    let first = |verdict: Verdict, how: &str| {
        let names: Vec<&str> = of(verdict).map(Voter::name).collect();
        let why = of(verdict).next().map(|voter| voter.judgement.why.as_str()).unwrap_or_default();
        format!("{} {how}: {why}", names.join(", "))
    };
    let required: Vec<&Voter<'_>> = voters.iter().filter(|voter| voter.is_required()).collect();
    let without = |verdict: Verdict| required.iter().filter(|voter| voter.judgement.verdict == verdict).count();
    let (label, why) = if of(Verdict::Fail).next().is_some() {
        (Verdict::Fail, first(Verdict::Fail, "failed"))
    } else if of(Verdict::Watch).next().is_some() {
        (Verdict::Watch, first(Verdict::Watch, "watched"))
    } else if voters.is_empty() {
        (Verdict::NoData, "no indicator votes".to_owned())
    } else if voters.iter().all(|voter| voter.judgement.verdict == Verdict::NoData) {
        (Verdict::NoData, first(Verdict::NoData, "without data"))
    } else if without(Verdict::NoData) + without(Verdict::Insufficient) > 0 {
        let (silent, little) = (without(Verdict::NoData), without(Verdict::Insufficient));
        let of = required.len();
        let parts = [(silent, "without data"), (little, "with too little data")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}")).collect();
        (Verdict::Insufficient, format!("of {of} required indicators {}", parts.join(", ")))
    } else if required.is_empty() {
        (Verdict::Insufficient, "no indicator is required".to_owned())
    } else {
        (Verdict::Pass, format!("{} of {} indicators pass", of(Verdict::Pass).count(), voters.len()))
    };
    OverallVerdict { label, score, why: SafeText::new(why) }
}
