//! Which rules the cluster must grant for an action.

use super::{Deed, decide};
use crate::{
    domain::Action,
    driver::{
        flagger::object::Canary,
        kubernetes::request::{Kind, Rule},
    },
};

/// The rules that an action needs; those that it usually needs, where it cannot be done now, so that they can be
/// asked for ahead. Empty for what Flagger never does.
#[must_use]
pub fn rules(canary: &Canary, action: Action) -> Vec<Rule> {
    let rule =
        |verb, kind, subresource, namespace: &str| Rule { verb, kind, subresource, namespace: namespace.to_owned() };
    let own = canary.meta.namespace.as_str();
    let main = || rule("patch", Kind::CANARY, None, own);
    let proxy = |namespace: &str| rule("create", Kind::SERVICE, Some("proxy"), namespace);
    match (decide(canary, action, None), action) {
        (Ok(Deed::Open(gates) | Deed::Skip(gates)), _) => {
            std::iter::once(main()).chain(gates.iter().map(|gate| proxy(&gate.namespace))).collect()
        }
        (Ok(Deed::AskBack(gate)), _) => vec![proxy(&gate.namespace), main()],
        (Ok(Deed::FailChecks(_)), _) => {
            let status = rule("patch", Kind::CANARY, Some("status"), own);
            if canary.suspended || canary.skips_analysis { vec![status, main()] } else { vec![status] }
        }
        (Ok(Deed::Touch(kind)), _) => vec![rule("patch", kind, None, own)],
        (_, Action::Pause | Action::Resume | Action::Promote | Action::PromoteFull | Action::Rollback) => vec![main()],
        (_, Action::Retry) => vec![rule("patch", canary.target.known_kind().unwrap_or(Kind::DEPLOYMENT), None, own)],
        (_, Action::Restart | Action::Terminate) => Vec::new(),
    }
}
