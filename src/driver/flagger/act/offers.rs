//! Which actions can be done now, and why the others cannot.

use super::{Deed, decide, rules::rules};
use crate::{
    domain::{Action, SafeText, action::ACTIONS, workload::Offer},
    driver::{flagger::object::Canary, kubernetes::grants::Grants},
};

/// All actions, each with why it cannot be done now.
#[must_use]
pub fn offers(canary: &Canary, grants: &Grants) -> Vec<Offer> {
    ACTIONS
        .iter()
        .map(|spec| {
            let why_not = match decide(canary, spec.action, None) {
                Err(blocker) => Some(blocker.summary.as_str().to_owned()),
                Ok(Deed::Nothing(why)) => Some(why),
                Ok(_) => missing(canary, spec.action, grants),
            };
            Offer { action: spec.action, why_not: why_not.map(SafeText::new) }
        })
        .collect()
}

/// The rule that is missing for an action, in words.
pub(super) fn missing(canary: &Canary, action: Action, grants: &Grants) -> Option<String> {
    grants.missing(&rules(canary, action)).map(|rule| format!("it needs {rule}"))
}
