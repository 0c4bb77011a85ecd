//! The units of a membership in the order of names, kept so that a state is copied cheaply.
//!
//! A step gives back a new state and leaves the old one as it was. Units lie in shared chunks, so
//! that a copy of 10 000 units copies 79 pointers, and a change copies one chunk's pointers and one unit.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::state::Unit;
use crate::domain::UnitKey;

/// Units of a chunk. About the square root of a large membership.
const CHUNK: usize = 128;

/// Every chunk is full but the last. Stored as a plain list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Units {
    chunks: Vec<Arc<Vec<Arc<Unit>>>>,
}

impl Units {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Unit> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(AsRef::as_ref)
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Unit> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Unit> {
        Arc::make_mut(self.chunks.get_mut(at / CHUNK)?).get_mut(at % CHUNK).map(Arc::make_mut)
    }

    /// Where a unit is.
    pub(super) fn find(&self, key: &UnitKey) -> Option<usize> {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.key < *key));
        let inside = self.chunks.get(chunk)?.binary_search_by(|unit| unit.key.cmp(key)).ok()?;
        Some(chunk * CHUNK + inside)
    }

    /// Changes the units for which `which` says so; how many.
    pub(super) fn change(&mut self, which: impl Fn(&Unit) -> bool, mut change: impl FnMut(&mut Unit)) -> usize {
        let mut count = 0;
        for chunk in self.chunks.iter_mut().filter(|chunk| chunk.iter().any(|unit| which(unit))) {
            for unit in Arc::make_mut(chunk).iter_mut().filter(|unit| which(unit)) {
                change(Arc::make_mut(unit));
                count += 1;
            }
        }
        count
    }
}

impl FromIterator<Unit> for Units {
    /// The units must come in the order of their names.
    fn from_iter<I: IntoIterator<Item = Unit>>(units: I) -> Self {
        let mut chunks: Vec<Vec<Arc<Unit>>> = Vec::new();
        for unit in units {
            match chunks.last_mut() {
                Some(chunk) if chunk.len() < CHUNK => chunk.push(Arc::new(unit)),
                _ => chunks.push(vec![Arc::new(unit)]),
            }
        }
        Self { chunks: chunks.into_iter().map(Arc::new).collect() }
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut units = Vec::<Unit>::deserialize(deserializer)?;
        // It is stored in order; an edit by hand must not make units unfindable.
        units.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(units.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_found_and_a_change_leaves_the_copy_before_it_alone() {
        let keys: Vec<UnitKey> = (1_000..1_300).map(|n| format!("osl{n}/main").try_into().unwrap()).collect();
        let units: Units = keys.iter().map(|key| Unit::new(key.clone(), None, None, 0)).collect();
        assert_eq!(units.len(), 300);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(units.find(key), Some(at));
            assert_eq!(units.get(at).map(|unit| &unit.key), Some(key));
        }
        for absent in ["osl0/main", "osl1100/west", "osl9999/main"] {
            assert_eq!(units.find(&absent.to_owned().try_into().unwrap()), None);
        }
        let mut changed = units.clone();
        changed.get_mut(129).unwrap().exposed = true;
        assert_eq!(changed.change(|unit| unit.exposed, |unit| unit.returned = true), 1);
        assert!(units.iter().all(|unit| !unit.exposed));
        assert_eq!(changed.iter().filter(|unit| unit.exposed && unit.returned).count(), 1);
        assert_ne!(units, changed);
        let stored = serde_json::to_value(&changed).unwrap();
        assert_eq!(stored.as_array().unwrap().len(), 300);
        assert_eq!(serde_json::from_value::<Units>(stored).unwrap(), changed);
    }
}
