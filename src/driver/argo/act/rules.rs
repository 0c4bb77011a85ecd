//! Which rules the cluster must grant for an action.

use super::{Deed, decide, undo};
use crate::{
    domain::Action,
    driver::{
        argo::object::Rollout,
        kubernetes::request::{Kind, Rule},
    },
};

/// The rules that an action needs, the one without which nothing comes about first. Those that it usually
/// needs, where it cannot be done now, so that they can be asked for ahead.
#[must_use]
pub fn rules(rollout: &Rollout, action: Action) -> Vec<Rule> {
    let rule = |kind, subresource| Rule { verb: "patch", kind, subresource, namespace: rollout.meta.namespace.clone() };
    let main = || rule(Kind::ROLLOUT, None);
    let status = || rule(Kind::ROLLOUT, Some("status"));
    let and_unpause = |first| if rollout.paused { vec![first, main()] } else { vec![first] };
    match (decide(rollout, action, None, true), action) {
        (Ok(Deed::Undo(_)), _) => {
            let first = undo::place(rollout).map_or_else(|_| main(), |place| rule(place.kind, None));
            if first == main() { vec![first] } else { and_unpause(first) }
        }
        (Ok(Deed::Nudge | Deed::Promote(super::Promotion::Unpauses)), _)
        | (_, Action::Pause | Action::Resume | Action::Restart) => vec![main()],
        (_, Action::Promote | Action::PromoteFull | Action::Rollback) => and_unpause(status()),
        (_, Action::Retry) => vec![status()],
        (_, Action::Terminate) => vec![rule(Kind::ANALYSIS_RUN, None)],
    }
}
