//! All that the stand-in is at a moment, and how it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::sync::watch as signal;

use super::{
    ADMIN, events,
    faults::{Asked, Trouble},
    gates::Gates,
    kinds::{RESOURCES, by_plural, of_object},
    now,
    selector::Selector,
    store::{Key, Store},
    users::User,
    watch,
};

/// All that the cluster is at a moment.
#[derive(Debug)]
pub struct World {
    pub store: Store,
    pub users: BTreeMap<String, User>,
    pub absent: BTreeSet<usize>,
    pub forbidden: BTreeSet<usize>,
    /// Fields that are shown with another value than the stored one: kind, JSON pointer, value.
    pub retyped: Vec<(usize, String, Value)>,
    pub troubles: Vec<Trouble>,
    pub log: Vec<Asked>,
    /// How many entries of the log were forgotten.
    pub log_start: usize,
    pub open: Vec<watch::Open>,
    pub watch_ids: u64,
    pub gates: Gates,
    pub names: u64,
}

/// The world, and what says that it changed.
#[derive(Debug)]
pub struct Shared {
    pub world: Mutex<World>,
    pub changed: signal::Sender<u64>,
}

impl Shared {
    pub fn tell(&self, world: &World) {
        self.changed.send_replace(world.store.version());
    }
}

impl World {
    /// One in which only this user is known, by the token [`ADMIN`].
    pub fn new(admin: User) -> Self {
        Self {
            store: Store::default(),
            users: BTreeMap::from([(ADMIN.to_owned(), admin)]),
            absent: BTreeSet::new(),
            forbidden: BTreeSet::new(),
            retyped: Vec::new(),
            troubles: Vec::new(),
            log: Vec::new(),
            log_start: 0,
            open: Vec::new(),
            watch_ids: 0,
            gates: Gates::default(),
            names: 0,
        }
    }

    pub fn list(&self, kind: usize, namespace: Option<&str>, selector: &Selector) -> Vec<Arc<Value>> {
        let all = self.store.at(kind, self.store.version()).unwrap_or_default();
        all.into_iter()
            .filter(|(key, object)| namespace.is_none_or(|namespace| namespace == key.1) && selector.holds(object))
            .map(|(_, object)| object)
            .collect()
    }

    /// An object as it is sent.
    pub fn shown(&self, kind: usize, newer_event: bool, object: &Arc<Value>) -> Value {
        let mut shown = if newer_event { events::newer(object) } else { Value::clone(object) };
        for (_, pointer, value) in self.retyped.iter().filter(|(retyped, _, _)| *retyped == kind) {
            if let Some(field) = shown.pointer_mut(pointer) {
                field.clone_from(value);
            }
        }
        shown
    }

    pub fn next_name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    pub fn next_uid(&mut self) -> String {
        // Told apart, and the same in every run.
        format!("5ca1ab1e-0000-4000-8000-{:012x}", self.next_name())
    }

    /// Stores an object; one that waits for its deletion goes when nothing holds it any more.
    pub fn write_or_finish(&mut self, key: Key, object: Value) -> Arc<Value> {
        let going = !object["metadata"]["deletionTimestamp"].is_null() && !held(&object);
        let stored = self.store.write(key.clone(), object);
        if going { self.store.remove(&key).unwrap_or(stored) } else { stored }
    }

    pub fn delete(&mut self, key: &Key) {
        let Some(object) = self.store.get(key) else { return };
        if held(&object) {
            let mut object = Value::clone(&object);
            if object["metadata"]["deletionTimestamp"].is_string() {
                return;
            }
            object["metadata"]["deletionTimestamp"] = json!(now());
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            if let Some(generation) = object["metadata"]["generation"].as_i64() {
                object["metadata"]["generation"] = json!(generation + 1);
            }
            self.store.write(key.clone(), object);
        } else {
            self.store.remove(key);
        }
    }
}

/// Whether an object may not go yet.
pub fn held(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|holds| !holds.is_empty())
}

pub fn put(world: &mut World, mut object: Value) -> Value {
    let kind = of_object(&object);
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let home = (by_plural("namespaces"), String::new(), namespace.clone());
    if !namespace.is_empty() && world.store.get(&home).is_none() {
        put(world, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let key = (kind, namespace, name);
    let known = world.store.get(&key);
    let uid = known
        .map_or_else(|| world.next_uid(), |known| known["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
    let mut missing = vec![("uid", json!(uid)), ("creationTimestamp", json!(now()))];
    if RESOURCES[kind].counts_generations() {
        missing.push(("generation", json!(1)));
    }
    for (field, value) in missing {
        if object["metadata"][field].is_null() {
            object["metadata"][field] = value;
        }
    }
    Value::clone(&world.store.write(key, object))
}
