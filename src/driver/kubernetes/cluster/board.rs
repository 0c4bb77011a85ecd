//! What is held of a cluster, and what of it was not told yet. Watches write it, the teller and orders read
//! it. Nothing waits while it is locked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{
    super::{
        api::ApiError,
        grants::Grants,
        kind::{Carried, Flavor},
        watch::{Key, Sink, State},
    },
    naming,
    remarks::{self, Source},
};
use crate::{
    clock::Clock,
    domain::RolloutId,
    driver::{Elsewhere, Health},
};

/// What was done elsewhere to one rollout and not told yet, at most.
const ELSEWHERE_MAX: usize = 50;

/// An object that is carried out.
pub type ObjectId = (Flavor, Key);

/// What is held of a cluster.
#[derive(Debug)]
pub struct Board {
    inner: Mutex<Inner>,
    /// Counts what changed.
    changed: watch::Sender<u64>,
    /// Counts what may change whose objects are watched.
    attention: watch::Sender<u64>,
    /// Counts what may change what the cluster grants.
    grants: watch::Sender<u64>,
    /// The newest count of what changed that was told.
    told: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<ObjectId, Arc<Carried>>,
    dirty: BTreeSet<ObjectId>,
    elsewhere: BTreeMap<ObjectId, Vec<Elsewhere>>,
    sources: Vec<Source>,
    beat: Beat,
    grants: Arc<Grants>,
    attended: BTreeSet<RolloutId>,
    troubled: BTreeSet<ObjectId>,
    /// What is held of these is from an answer to an order, and the watch is behind it.
    ahead: BTreeSet<ObjectId>,
}

#[derive(Debug, Default)]
struct Beat {
    heard: Option<DateTime<Utc>>,
    lost: Option<ApiError>,
}

/// What is to be told of an object.
#[derive(Debug)]
pub struct News {
    /// Which.
    pub object: ObjectId,
    /// What it is now; none when it is gone.
    pub carried: Option<Arc<Carried>>,
    /// What it is called.
    pub id: Option<RolloutId>,
    /// What was done to it elsewhere.
    pub elsewhere: Vec<Elsewhere>,
}

impl Board {
    /// Nothing is held yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Mutex::default(),
            changed: watch::Sender::default(),
            attention: watch::Sender::default(),
            grants: watch::Sender::default(),
            told: watch::Sender::default(),
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Forgets what was held: another watch begins.
    pub fn reset(&self) {
        let mut inner = self.lock();
        let attended = std::mem::take(&mut inner.attended);
        *inner = Inner { attended, ..Inner::default() };
    }

    /// Changes whenever something did.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Changes whenever it may change whose objects are watched.
    #[must_use]
    pub fn attention(&self) -> watch::Receiver<u64> {
        self.attention.subscribe()
    }

    /// Has whoever decides whose objects are watched decide again.
    pub fn reconsider(&self) {
        self.attention.send_modify(|count| *count += 1);
    }

    /// Changes whenever the cluster has to be asked again what it grants.
    #[must_use]
    pub fn grants_wanted(&self) -> watch::Receiver<u64> {
        self.grants.subscribe()
    }

    /// The cluster forbade what it was thought to grant.
    pub fn reconsider_grants(&self) {
        self.grants.send_modify(|count| *count += 1);
    }

    /// A new source; what it finds is told under the number.
    pub fn source(&self, flavor: Flavor, namespace: &str) -> usize {
        let mut inner = self.lock();
        inner.sources.push(Source { flavor, namespace: namespace.to_owned(), state: State::Starting, lost_at: None });
        inner.sources.len() - 1
    }

    fn state(&self, source: usize, state: State) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let heard = inner.beat.heard;
        let Some(source) = inner.sources.get_mut(source) else { return };
        if source.state == state {
            return;
        }
        source.lost_at = match (&state, &source.state, source.lost_at) {
            // What was known once, and is not told any more, is as old as that.
            (State::Lost(_) | State::Forbidden, State::Live, _) => Some(heard.map_or(now, |heard| heard.min(now))),
            (State::Lost(_) | State::Forbidden, _, since) => since,
            _ => None,
        };
        source.state = state;
        drop(inner);
        self.tell();
    }

    /// The cluster answered.
    pub fn heard(&self) {
        let now = self.clock.now();
        self.lock().beat = Beat { heard: Some(now), lost: None };
        self.tell();
    }

    /// The cluster did not answer.
    pub fn silent(&self, error: ApiError) {
        self.lock().beat.lost = Some(error);
        self.tell();
    }

    /// What changed up to this count was told.
    pub fn told(&self, count: u64) {
        self.told.send_replace(count);
    }

    /// Notes an object that was read besides the watch, where it is newer than what is held, and waits a moment
    /// until it was told: whoever is answered then sees the rollout as it is.
    pub async fn settle(&self, object: ObjectId, carried: Carried, moment: Duration) {
        if self.get(&object).is_some_and(|held| carried.is_newer_than(&held)) {
            self.put(object.clone(), carried);
            self.lock().ahead.insert(object);
        }
        let count = *self.changed.borrow();
        let mut told = self.told.subscribe();
        let _ = tokio::time::timeout(moment, told.wait_for(|told| *told >= count)).await;
    }

    fn put(&self, object: ObjectId, carried: Carried) {
        let mut inner = self.lock();
        if inner.ahead.contains(&object) {
            if inner.objects.get(&object).is_some_and(|held| held.is_newer_than(&carried)) {
                return;
            }
            inner.ahead.remove(&object);
        }
        let before = inner.objects.insert(object.clone(), Arc::new(carried));
        let after = inner.objects.get(&object).map(Arc::clone);
        let (Some(before), Some(after)) = (before, after) else {
            inner.renamed(&object);
            inner.dirty.insert(object);
            drop(inner);
            return self.tell();
        };
        if before == after {
            return;
        }
        let done = after.elsewhere(&before);
        if !done.is_empty() {
            let told = inner.elsewhere.entry(object.clone()).or_default();
            told.extend(done);
            let surplus = told.len().saturating_sub(ELSEWHERE_MAX);
            told.drain(..surplus);
        }
        inner.dirty.insert(object);
        drop(inner);
        self.tell();
    }

    fn remove(&self, object: &ObjectId) {
        let mut inner = self.lock();
        if inner.objects.remove(object).is_some() {
            inner.renamed(object);
            inner.dirty.insert(object.clone());
            drop(inner);
            self.tell();
        }
    }

    fn retain(&self, flavor: Flavor, namespace: &str, present: &BTreeSet<Key>) {
        let held: Vec<ObjectId> = self
            .lock()
            .objects
            .keys()
            .filter(|(of, key)| *of == flavor && (namespace.is_empty() || key.namespace == namespace))
            .filter(|(_, key)| !present.contains(key))
            .cloned()
            .collect();
        for object in held {
            self.remove(&object);
        }
        self.lock().ahead.retain(|(of, _)| *of != flavor);
    }

    /// An object has to be told again, as what belongs to it changed.
    pub fn touch(&self, objects: impl IntoIterator<Item = ObjectId>) {
        let mut inner = self.lock();
        inner.dirty.extend(objects);
        drop(inner);
        self.tell();
    }

    /// What is to be told, once.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        let mut inner = self.lock();
        let dirty = std::mem::take(&mut inner.dirty);
        dirty
            .into_iter()
            .map(|object| {
                let elsewhere = inner.elsewhere.remove(&object).unwrap_or_default();
                News { carried: inner.objects.get(&object).map(Arc::clone), id: inner.id(&object), elsewhere, object }
            })
            .collect()
    }

    /// What a rollout is.
    #[must_use]
    pub fn find(&self, rollout: &RolloutId) -> Option<(ObjectId, Arc<Carried>)> {
        let inner = self.lock();
        let object = naming::find(rollout, |flavor, key| inner.objects.contains_key(&(flavor, key.clone())))?;
        let carried = inner.objects.get(&object).map(Arc::clone)?;
        Some((object, carried))
    }

    /// An object as it is held.
    #[must_use]
    pub fn get(&self, object: &ObjectId) -> Option<Arc<Carried>> {
        self.lock().objects.get(object).map(Arc::clone)
    }

    /// All that is held.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Carried>> {
        self.lock().objects.values().map(Arc::clone).collect()
    }

    /// What the cluster grants, as far as it was asked.
    #[must_use]
    pub fn grants(&self) -> Arc<Grants> {
        Arc::clone(&self.lock().grants)
    }

    /// Notes what the cluster grants. What that changes is told.
    pub fn granted(&self, grants: Grants) {
        let mut inner = self.lock();
        if *inner.grants == grants {
            return;
        }
        inner.grants = Arc::new(grants);
        let all: Vec<ObjectId> = inner.objects.keys().cloned().collect();
        inner.dirty.extend(all);
        drop(inner);
        self.tell();
    }

    /// Notes which rollouts somebody looks at.
    pub fn attend(&self, rollouts: BTreeSet<RolloutId>) {
        self.lock().attended = rollouts;
        self.reconsider();
    }

    /// Notes whether an object is in trouble.
    pub fn trouble(&self, object: &ObjectId, troubled: bool) {
        let mut inner = self.lock();
        let changed = if troubled { inner.troubled.insert(object.clone()) } else { inner.troubled.remove(object) };
        drop(inner);
        if changed {
            self.reconsider();
        }
    }

    /// The objects that somebody looks at, and then those in trouble.
    #[must_use]
    pub fn interesting(&self) -> (Vec<Arc<Carried>>, Vec<Arc<Carried>>) {
        let inner = self.lock();
        let exists = |flavor: Flavor, key: &Key| inner.objects.contains_key(&(flavor, key.clone()));
        let attended: BTreeSet<ObjectId> =
            inner.attended.iter().filter_map(|rollout| naming::find(rollout, exists)).collect();
        let held = |object: &ObjectId| inner.objects.get(object).map(Arc::clone);
        let troubled = inner.troubled.iter().filter(|object| !attended.contains(*object)).filter_map(held).collect();
        (attended.iter().filter_map(held).collect(), troubled)
    }

    /// How the driver does now.
    #[must_use]
    pub fn health(&self) -> Health {
        let inner = self.lock();
        let read = inner.sources.iter().all(|source| match source.state {
            State::Starting => false,
            State::Lost(_) => source.lost_at.is_some(),
            State::Live | State::Absent | State::Forbidden => true,
        });
        let oldest = inner.sources.iter().filter_map(|source| source.lost_at).min();
        let as_of = inner.beat.heard.filter(|_| read).map(|heard| oldest.map_or(heard, |oldest| oldest.min(heard)));
        Health { as_of, remarks: remarks::remarks(&inner.sources, inner.beat.lost.as_ref()) }
    }
}

impl Inner {
    fn id(&self, (flavor, key): &ObjectId) -> Option<RolloutId> {
        naming::id(*flavor, key, |flavor, key| self.objects.contains_key(&(flavor, key.clone())))
    }

    /// Where an object came or went, the Canary that it shares its name with is called differently now.
    fn renamed(&mut self, (_, key): &ObjectId) {
        let mut name = key.name.as_str();
        loop {
            let beside = (Flavor::Flagger, Key { namespace: key.namespace.clone(), name: name.to_owned() });
            if self.objects.contains_key(&beside) {
                self.dirty.insert(beside);
            }
            match name.strip_suffix(naming::SUFFIX) {
                Some(stem) => name = stem,
                None => return,
            }
        }
    }
}

/// Where the watch of one kind in one namespace writes what it finds.
#[derive(Debug)]
pub struct Writer {
    /// The board.
    pub board: Arc<Board>,
    /// The source's number.
    pub source: usize,
    /// The kind.
    pub flavor: Flavor,
    /// The namespace; all, when empty.
    pub namespace: String,
}

impl<T: Into<Carried>> Sink<T> for Writer {
    fn seen(&self, key: Key, object: T) {
        self.board.put((self.flavor, key), object.into());
    }

    fn gone(&self, key: &Key) {
        self.board.remove(&(self.flavor, key.clone()));
    }

    fn listed(&self, present: &BTreeSet<Key>) {
        self.board.retain(self.flavor, &self.namespace, present);
    }

    fn state(&self, state: State) {
        self.board.state(self.source, state);
    }
}
