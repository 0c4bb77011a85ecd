//! Watches the objects of rollouts that somebody looks at, and of those in trouble; and no others, so that
//! ten thousand pods cost nothing. Rollouts with the same selection share a watch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        api::{Api, Selection},
        children::Children,
        kind::Carried,
        request::Kind,
        watch::{self as watches, Keep, Key, Sink, State},
    },
    belong::{self, Candidates},
    board::{Board, ObjectId},
};
use crate::domain::SafeText;

/// Rollouts in trouble whose objects are watched, at most.
const TROUBLED_MAX: usize = 50;
/// Rollouts that somebody looks at whose objects are watched, at most.
const ATTENDED_MAX: usize = 50;
/// How long objects are watched after nobody looks any more: people go back and forth.
const LINGER: Duration = Duration::from_secs(30);
/// How soon it is decided again.
const SETTLE: Duration = Duration::from_millis(20);

/// The objects that are watched now.
#[derive(Debug, Default)]
pub struct Attendance {
    inner: Mutex<Vec<Watched>>,
}

/// One watch and what it found.
#[derive(Debug)]
struct Watched {
    selection: Selection,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
    /// Since when nobody wants it.
    idle: Option<Instant>,
    users: BTreeSet<ObjectId>,
}

/// A watch to begin: of what, where what it finds goes, and what ends it.
type Begin = (Selection, Arc<Shelf>, CancellationToken);

/// What a watch found.
#[derive(Debug)]
struct Shelf {
    inner: Mutex<Found>,
}

#[derive(Debug)]
struct Found {
    objects: BTreeMap<Key, Arc<Value>>,
    state: State,
}

/// An object as it came, without what nobody reads.
#[derive(Debug, Clone)]
struct Child(Arc<Value>);

impl Keep for Child {
    fn keep(mut object: Value) -> Self {
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.remove("managedFields");
        }
        Self(Arc::new(object))
    }
}

/// Where a watch writes.
struct Writer {
    board: Arc<Board>,
    attendance: Arc<Attendance>,
    shelf: Arc<Shelf>,
    /// Whether what is found may say what else is to be watched.
    leads: bool,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Found> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn changed(&self) {
        let users = self.attendance.users(&self.shelf);
        self.board.touch(users);
        if self.leads {
            self.board.reconsider();
        }
    }
}

impl Sink<Child> for Writer {
    fn seen(&self, key: Key, Child(object): Child) {
        self.shelf.lock().objects.insert(key, object);
        self.changed();
    }

    fn gone(&self, key: &Key) {
        self.shelf.lock().objects.remove(key);
        self.changed();
    }

    fn listed(&self, present: &BTreeSet<Key>) {
        self.shelf.lock().objects.retain(|key, _| present.contains(key));
        self.changed();
    }

    fn state(&self, state: State) {
        let mut shelf = self.shelf.lock();
        if shelf.state != state {
            shelf.state = state;
            drop(shelf);
            self.changed();
        }
    }
}

impl Attendance {
    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn users(&self, shelf: &Arc<Shelf>) -> BTreeSet<ObjectId> {
        let inner = self.lock();
        inner
            .iter()
            .find(|watched| Arc::ptr_eq(&watched.shelf, shelf))
            .map(|watched| watched.users.clone())
            .unwrap_or_default()
    }

    /// The objects of a rollout; none while they are not watched, or not all of them were read once.
    #[must_use]
    pub fn children(&self, carried: &Carried) -> Option<Children> {
        let object = (carried.flavor(), carried.key());
        let shelves: Vec<(Kind, Arc<Shelf>)> = self
            .lock()
            .iter()
            .filter(|watched| watched.users.contains(&object))
            .map(|watched| (watched.selection.kind, Arc::clone(&watched.shelf)))
            .collect();
        if shelves.is_empty() {
            return None;
        }
        let mut candidates = Candidates::new();
        let (mut forbidden, mut lost) = (BTreeSet::new(), BTreeSet::new());
        for (kind, shelf) in &shelves {
            let shelf = shelf.lock();
            match shelf.state {
                State::Starting => return None,
                State::Forbidden => drop(forbidden.insert(kind.plural)),
                State::Lost(_) => drop(lost.insert(kind.plural)),
                State::Live | State::Absent => {}
            }
            candidates.entry(*kind).or_default().extend(shelf.objects.values().map(Arc::clone));
        }
        Some(Children { objects: belong::belonging(carried, &candidates), remark: remark(&forbidden, &lost) })
    }

    fn known(&self, object: &ObjectId) -> Candidates {
        let mut known = Candidates::new();
        for watched in self.lock().iter().filter(|watched| watched.users.contains(object)) {
            let objects = watched.shelf.lock();
            known.entry(watched.selection.kind).or_default().extend(objects.objects.values().map(Arc::clone));
        }
        known
    }

    /// Decides what is to be watched: what to begin, and the objects for which that changed.
    fn decide(&self, board: &Board) -> (Vec<Begin>, BTreeSet<ObjectId>) {
        let (attended, troubled) = board.interesting();
        let attended = attended.into_iter().take(ATTENDED_MAX).map(|carried| (carried, true));
        let troubled = troubled.into_iter().take(TROUBLED_MAX).map(|carried| (carried, false));
        let mut wanted: Vec<(Selection, BTreeSet<ObjectId>)> = Vec::new();
        for (carried, attended) in attended.chain(troubled) {
            let object = (carried.flavor(), carried.key());
            let known = self.known(&object);
            for selection in belong::selections(&carried, &known, attended) {
                match wanted.iter_mut().find(|(there, _)| *there == selection) {
                    Some((_, users)) => drop(users.insert(object.clone())),
                    None => wanted.push((selection, BTreeSet::from([object.clone()]))),
                }
            }
        }
        let now = Instant::now();
        let (mut begin, mut touched) = (Vec::new(), BTreeSet::new());
        let mut inner = self.lock();
        inner.retain_mut(|watched| {
            let position = wanted.iter().position(|(selection, _)| *selection == watched.selection);
            if let Some(position) = position {
                let (_, users) = wanted.swap_remove(position);
                if users != watched.users {
                    touched.extend(users.iter().cloned());
                }
                watched.users = users;
                watched.idle = None;
                return true;
            }
            // What nobody looks at any more stays for a while, and so do those who may look again.
            let idle = *watched.idle.get_or_insert(now);
            if idle + LINGER > now {
                return true;
            }
            watched.stop.cancel();
            touched.extend(watched.users.iter().cloned());
            false
        });
        for (selection, users) in wanted {
            let shelf =
                Arc::new(Shelf { inner: Mutex::new(Found { objects: BTreeMap::new(), state: State::Starting }) });
            let stop = CancellationToken::new();
            begin.push((selection.clone(), Arc::clone(&shelf), stop.clone()));
            inner.push(Watched { selection, shelf, stop, idle: None, users });
        }
        (begin, touched)
    }

    /// When something that is idle is to be given up.
    fn next(&self) -> Option<Instant> {
        self.lock().iter().filter_map(|watched| Some(watched.idle? + LINGER)).min()
    }

    /// Begins and ends watches as it is decided, until it is told to stop.
    pub async fn run(
        self: Arc<Self>,
        api: Arc<Api>,
        board: Arc<Board>,
        reconnect: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        let mut attention = board.attention();
        let mut tasks = JoinSet::new();
        loop {
            attention.mark_unchanged();
            let (begin, touched) = self.decide(&board);
            for (selection, shelf, ends) in begin {
                let leads = matches!(selection.kind, Kind::DEPLOYMENT | Kind::DAEMON_SET);
                let writer = Writer { board: Arc::clone(&board), attendance: Arc::clone(&self), shelf, leads };
                let (api, reconnect) = (Arc::clone(&api), reconnect.clone());
                tasks.spawn(async move {
                    watches::follow::<Child>(&api, &selection, &writer, reconnect, &ends).await;
                });
            }
            board.touch(touched);
            while tasks.try_join_next().is_some() {}
            let next = self.next();
            tokio::select! {
                changed = attention.changed() => if changed.is_err() { break },
                () = async {
                    match next {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
                () = stop.cancelled() => break,
            }
            tokio::time::sleep(SETTLE).await;
        }
        for watched in self.lock().drain(..) {
            watched.stop.cancel();
        }
        tasks.shutdown().await;
    }
}

fn remark(forbidden: &BTreeSet<&str>, lost: &BTreeSet<&str>) -> SafeText {
    let listed = |kinds: &BTreeSet<&str>| kinds.iter().copied().collect::<Vec<_>>().join(", ");
    SafeText::new(match (forbidden.is_empty(), lost.is_empty()) {
        (true, true) => return SafeText::default(),
        (false, true) => format!("the cluster forbids to list {}: they are not shown", listed(forbidden)),
        (true, false) => format!("{} cannot be watched now: what is shown of them may be old", listed(lost)),
        (false, false) => format!(
            "the cluster forbids to list {}, and {} cannot be watched now: what is shown may be old",
            listed(forbidden),
            listed(lost)
        ),
    })
}
