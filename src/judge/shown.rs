//! An indicator as it is shown, from its evidence and what that came to.

use super::evidence::{Evidence, Judgement};
use crate::domain::{SafeText, Sli, sli::SliPoint};

/// An indicator as lists and screens show it; `series` is left out of a list.
#[must_use]
pub fn shown(evidence: &Evidence, judgement: &Judgement, series: Option<Vec<SliPoint>>) -> Sli {
    let spec = &evidence.spec;
    Sli {
        name: spec.name.clone(),
        unit: spec.unit.clone(),
        direction: SafeText::new(spec.direction.as_str()),
        family: Some(spec.family),
        critical: spec.critical,
        required: spec.required && !spec.observe_only,
        method: judgement.method.clone(),
        canary: judgement.canary,
        baseline: judgement.baseline,
        difference: judgement.difference,
        ratio: judgement.ratio,
        interval: judgement.interval,
        limit: judgement.limit,
        verdict: judgement.verdict,
        why: judgement.why.clone(),
        over_since: judgement.after.over_since,
        telemetry: evidence.telemetry.state,
        burn: judgement.burn.map(Box::new),
        observed_at: evidence.telemetry.newest,
        series,
    }
}
