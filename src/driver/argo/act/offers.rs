//! Which actions can be done now, and why the others cannot.

use super::{Deed, decide, lacks, rules::rules};
use crate::{
    domain::{Action, SafeText, action::ACTIONS, workload::Offer},
    driver::{argo::object::Rollout, kubernetes::grants::Grants},
};

/// All actions, each with why it cannot be done now.
///
/// A roll back is offered where only the rule for ending a person's pause is missing: it is better than none,
/// and its preview says what stays.
#[must_use]
pub fn offers(rollout: &Rollout, grants: &Grants) -> Vec<Offer> {
    ACTIONS
        .iter()
        .map(|spec| Offer { action: spec.action, why_not: why_not(rollout, spec.action, grants).map(SafeText::new) })
        .collect()
}

fn why_not(rollout: &Rollout, action: Action, grants: &Grants) -> Option<String> {
    match decide(rollout, action, None, true) {
        Err(blocker) => return Some(blocker.summary.as_str().to_owned()),
        Ok(Deed::Nothing(why)) => return Some(why),
        Ok(_) => {}
    }
    missing(rollout, action, grants)
}

/// The rule that is missing for an action, in words.
pub(super) fn missing(rollout: &Rollout, action: Action, grants: &Grants) -> Option<String> {
    let rules = rules(rollout, action);
    let needed = if action == Action::Rollback { &rules[..rules.len().min(1)] } else { &rules[..] };
    grants.missing(needed).map(lacks)
}
