//! Who votes, and whether the votes are enough to send a release back.

use super::{Correlated, FAMILIES, incident};
use crate::{
    domain::{
        Verdict,
        sli::{BurnLevel, Family, TelemetryState},
    },
    judge::{
        evidence::{Evidence, Judgement},
        words,
    },
};

/// Indicators that moved together more than this before the step are one witness.
pub const CORRELATED: f64 = 0.8;

/// An indicator and its judgement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voter<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) judgement: &'a Judgement,
}

impl<'a> Voter<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.evidence.spec.name.as_str()
    }

    /// Whether a promotion needs it to pass.
    pub(super) fn is_required(&self) -> bool {
        self.evidence.spec.required
    }

    /// Whether nobody can say anything of it, other than that it is young.
    pub(super) fn is_silent(&self) -> bool {
        let state = self.evidence.telemetry.state;
        matches!(state, TelemetryState::Empty | TelemetryState::Stale | TelemetryState::Error)
            || (state == TelemetryState::Ok && self.judgement.verdict == Verdict::NoData)
    }

    /// The rate at which the canary burns its budget over 5 slices.
    pub(super) fn burn(&self) -> Option<f64> {
        self.judgement.burn.and_then(|burn| burn.middle)
    }
}

pub(super) fn voters<'a>(indicators: &'a [Evidence], judgements: &'a [Judgement]) -> Vec<Voter<'a>> {
    indicators.iter().zip(judgements).map(|(evidence, judgement)| Voter { evidence, judgement }).collect()
}

/// The families that fail.
pub(super) fn families(voters: &[Voter<'_>]) -> Vec<Family> {
    let failed = voters.iter().filter(|voter| voter.judgement.verdict == Verdict::Fail);
    let mut families: Vec<Family> = failed.map(|voter| voter.evidence.spec.family).collect();
    families.sort_unstable();
    families.dedup();
    families
}

/// Those whose failure may send a release back: found in this very evaluation, in data that is fresh, and
/// beyond the baseline's own trouble, where it has any.
pub(super) fn failing<'a>(voters: &[Voter<'a>], is_incident: bool) -> Vec<Voter<'a>> {
    let counts = |voter: &&Voter<'_>| {
        voter.judgement.verdict == Verdict::Fail
            && voter.judgement.found == Verdict::Fail
            && voter.evidence.telemetry.state == TelemetryState::Ok
            && (!is_incident || incident::exceeds(voter))
    };
    voters.iter().filter(counts).copied().collect()
}

/// Why they are enough to send a release back; none when they are not.
pub(super) fn convicted(failing: &[Voter<'_>], correlated: &[Correlated]) -> Option<String> {
    let why = |voter: &Voter<'_>| format!("{}: {}", voter.name(), voter.judgement.why);
    let witnesses = witnesses(failing, correlated);
    if witnesses.len() >= FAMILIES {
        let names: Vec<&str> = witnesses.iter().map(|family| family.as_str()).collect();
        let reasons: Vec<String> = witnesses
            .iter()
            .filter_map(|family| failing.iter().find(|voter| voter.evidence.spec.family == *family))
            .map(why)
            .collect();
        return Some(format!("{} fail ({})", names.join(" and "), reasons.join("; ")));
    }
    let is_paging = |voter: &&Voter<'_>| voter.judgement.burn.is_some_and(|burn| burn.level == BurnLevel::Page);
    let critical = failing.iter().filter(|voter| voter.evidence.spec.critical).find(is_paging)?;
    let rate = critical.burn().map_or_else(String::new, |rate| format!(" {}x", words::three_digits(rate)));
    Some(format!("{} is critical, fails, and burns its budget{rate} ({})", critical.name(), critical.judgement.why))
}

/// The families that fail, but one of those that fail by indicators that moved together before.
fn witnesses(failing: &[Voter<'_>], correlated: &[Correlated]) -> Vec<Family> {
    let mut witnesses: Vec<Family> = failing.iter().map(|voter| voter.evidence.spec.family).collect();
    witnesses.sort_unstable();
    witnesses.dedup();
    // Each family's place; those that are one witness come to share the smallest.
    let mut groups: Vec<usize> = (0..witnesses.len()).collect();
    let place = |name: &str| {
        let voter = failing.iter().find(|voter| voter.name() == name)?;
        witnesses.iter().position(|family| *family == voter.evidence.spec.family)
    };
    for pair in correlated.iter().filter(|pair| pair.correlation > CORRELATED) {
        if let (Some(one), Some(other)) = (place(pair.one.as_str()), place(pair.other.as_str())) {
            let (kept, gone) = (groups[one].min(groups[other]), groups[one].max(groups[other]));
            for group in &mut groups {
                if *group == gone {
                    *group = kept;
                }
            }
        }
    }
    witnesses
        .iter()
        .zip(&groups)
        .enumerate()
        .filter(|(place, (_, group))| place == *group)
        .map(|(_, (f, _))| *f)
        .collect()
}
