//! What the stand-in remembers: objects, and every change to them since the last compaction.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

/// Where an object is: its kind's place in the table of kinds, namespace (empty where it has none), name.
pub type Key = (usize, String, String);

/// One write.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: u64,
    pub key: Key,
    /// As it was before; none when it is new.
    pub before: Option<Arc<Value>>,
    /// As it is now; of a deletion, as it was at last.
    pub object: Arc<Value>,
    pub deleted: bool,
}

/// Objects and changes.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    version: u64,
    changes: VecDeque<Change>,
    /// Changes up to this version are forgotten.
    compacted: u64,
}

impl Default for Store {
    fn default() -> Self {
        // A cluster never begins at 1, and version 1 is what tests take for one that is too old.
        Self { objects: BTreeMap::new(), version: 1000, changes: VecDeque::new(), compacted: 1000 }
    }
}

impl Store {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// Writes an object under the next version.
    pub fn write(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.note(Change { version: self.version, key, before, object: Arc::clone(&object), deleted: false });
        object
    }

    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(last);
        let change = Change {
            version: self.version,
            key: key.clone(),
            before: Some(before),
            object: Arc::clone(&object),
            deleted: true,
        };
        self.note(change);
        Some(object)
    }

    fn note(&mut self, change: Change) {
        // A bench that runs for long must not fill the memory.
        const KEPT: usize = 200_000;
        self.changes.push_back(change);
        while self.changes.len() > KEPT {
            self.compacted = self.changes.pop_front().map_or(self.compacted, |change| change.version);
        }
    }

    /// Forgets all changes, as the cluster does with those that are some minutes old.
    pub fn compact(&mut self) {
        self.changes.clear();
        self.compacted = self.version;
    }

    /// What was there of a kind at a version, in the order of a list; none when it is forgotten.
    pub fn at(&self, kind: usize, version: u64) -> Option<BTreeMap<Key, Arc<Value>>> {
        if version < self.compacted {
            return None;
        }
        let first = (kind, String::new(), String::new());
        let mut objects: BTreeMap<Key, Arc<Value>> = self
            .objects
            .range(first..)
            .take_while(|(key, _)| key.0 == kind)
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect();
        for change in self.changes.iter().rev().take_while(|change| change.version > version) {
            if change.key.0 != kind {
                continue;
            }
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        Some(objects)
    }

    /// Changes after a version, the oldest first.
    pub fn since(&self, version: u64) -> impl Iterator<Item = &Change> {
        let from = self.changes.partition_point(|change| change.version <= version);
        self.changes.range(from..)
    }
}
