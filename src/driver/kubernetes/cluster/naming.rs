//! What objects are called as rollouts: `NAMESPACE/NAME`, and a Canary beside a Rollout of the same name
//! `NAMESPACE/NAME.canary`.

use super::super::{kind::Flavor, watch::Key};
use crate::domain::{RolloutId, RolloutName, TargetName};

/// What is put behind the name of a Canary that a Rollout has too.
pub const SUFFIX: &str = ".canary";

/// What an object is called; none where its name is none that a rollout can have.
pub fn id(flavor: Flavor, key: &Key, exists: impl Fn(Flavor, &Key) -> bool) -> Option<RolloutId> {
    let mut key = key.clone();
    if flavor == Flavor::Flagger && exists(Flavor::Argo, &key) {
        // Whoever is really called so comes first.
        while exists(Flavor::Argo, &key) || exists(Flavor::Flagger, &key) {
            key.name.push_str(SUFFIX);
            if key.name.len() > crate::domain::name::NAME_MAX {
                return None;
            }
        }
    }
    let target = TargetName::new(key.namespace).ok()?;
    Some(RolloutId { target, name: RolloutName::new(key.name).ok()? })
}

/// Which object a rollout is; none where there is none.
pub fn find(rollout: &RolloutId, exists: impl Fn(Flavor, &Key) -> bool) -> Option<(Flavor, Key)> {
    let mut key = Key { namespace: rollout.target.to_string(), name: rollout.name.to_string() };
    for flavor in Flavor::ALL {
        if exists(flavor, &key) && id(flavor, &key, &exists).as_ref() == Some(rollout) {
            return Some((flavor, key));
        }
    }
    while key.name.ends_with(SUFFIX) {
        key.name.truncate(key.name.len() - SUFFIX.len());
        if exists(Flavor::Flagger, &key) && id(Flavor::Flagger, &key, &exists).as_ref() == Some(rollout) {
            return Some((Flavor::Flagger, key));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        Key { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_canary_beside_a_rollout_of_its_name_is_called_so() {
        let there = [(Flavor::Argo, key("basket")), (Flavor::Flagger, key("basket")), (Flavor::Flagger, key("cart"))];
        let exists = |flavor: Flavor, key: &Key| there.contains(&(flavor, key.clone()));
        for ((flavor, key), name) in there.iter().zip(["shop/basket", "shop/basket.canary", "shop/cart"]) {
            let id = id(*flavor, key, exists).unwrap();
            assert_eq!(id.to_string(), name);
            assert_eq!(find(&id, exists), Some((*flavor, key.clone())));
        }
        assert_eq!(find(&"shop/cart.canary".parse().unwrap(), exists), None);
        assert_eq!(find(&"other/cart".parse().unwrap(), exists), None);
    }

    proptest! {
        #[test]
        fn every_object_is_found_by_what_it_is_called(
            rollouts in proptest::collection::btree_set("a(\\.canary){0,2}", 0..4),
            canaries in proptest::collection::btree_set("a(\\.canary){0,2}", 0..4),
        ) {
            let exists = |flavor: Flavor, key: &Key| match flavor {
                Flavor::Argo => rollouts.contains(&key.name),
                Flavor::Flagger => canaries.contains(&key.name),
            };
            for name in &rollouts {
                let id = id(Flavor::Argo, &key(name), exists).unwrap();
                prop_assert_eq!(find(&id, exists), Some((Flavor::Argo, key(name))));
            }
            let mut called = BTreeSet::new();
            for name in &canaries {
                called.insert(id(Flavor::Flagger, &key(name), exists).unwrap());
            }
            prop_assert!(called.iter().all(|id| !rollouts.contains(id.name.as_str())));
            // With one name above another that clash both, two would be one: the longer is found.
            for id in &called {
                prop_assert!(find(id, exists).is_some());
            }
        }
    }
}
