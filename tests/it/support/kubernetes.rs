//! A stand-in for a Kubernetes API server, that behaves as a real one was measured to behave and fails when a test
//! wants it to. It knows the kinds of Argo Rollouts and Flagger, and what they are made of.
#![allow(dead_code, reason = "a bench, or one area of the tests, takes only a part of it")]

// With the paths written out, a bench can take this file for a module of its own.
#[path = "kubernetes/answer.rs"]
pub mod answer;
#[path = "kubernetes/api.rs"]
mod api;
#[path = "kubernetes/controller.rs"]
pub mod controller;
#[path = "kubernetes/discovery.rs"]
mod discovery;
#[path = "kubernetes/events.rs"]
mod events;
#[path = "kubernetes/faults.rs"]
pub mod faults;
#[path = "kubernetes/fields.rs"]
mod fields;
#[path = "kubernetes/flagger.rs"]
pub mod flagger;
#[path = "kubernetes/gates.rs"]
pub mod gates;
#[path = "kubernetes/kinds.rs"]
pub mod kinds;
#[path = "kubernetes/listen.rs"]
mod listen;
#[path = "kubernetes/parts.rs"]
pub mod parts;
#[path = "kubernetes/patch.rs"]
pub mod patch;
#[path = "kubernetes/reconcile.rs"]
mod reconcile;
#[path = "kubernetes/rollout_status.rs"]
mod rollout_status;
#[path = "kubernetes/rollouts.rs"]
pub mod rollouts;
#[path = "kubernetes/selector.rs"]
pub mod selector;
#[path = "kubernetes/server.rs"]
mod server;
#[path = "kubernetes/settle.rs"]
mod settle;
#[path = "kubernetes/store.rs"]
mod store;
#[path = "kubernetes/users.rs"]
pub mod users;
#[path = "kubernetes/watch.rs"]
mod watch;
#[path = "kubernetes/world.rs"]
mod world;
#[path = "kubernetes/write.rs"]
mod write;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::{sync::watch as signal, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    faults::Trouble,
    kinds::{RESOURCES, by_plural},
    listen::{Connection, Door},
    selector::Selector,
    world::{Shared, World, put},
    write::{Writing, Written},
};
pub use self::{
    faults::{Asked, Fault, Tell},
    users::{Allow, User},
};

/// How long anything may take before a test fails.
const SOON: Duration = Duration::from_secs(20);

/// The token of somebody who may do everything.
pub const ADMIN: &str = "token-of-the-admin";

/// The present time, as the cluster writes it: to the second.
pub fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: Mutex<Option<(JoinHandle<()>, CancellationToken)>>,
}

impl StandIn {
    /// Starts one with nothing in it but the namespace `default`, and somebody who may do everything ([`ADMIN`]).
    pub async fn start() -> Self {
        let world = World::new(User::new("admin", vec![Allow::all()]));
        let shared = Arc::new(Shared { world: Mutex::new(world), changed: signal::Sender::new(0) });
        let all = CancellationToken::new();
        let door = Door::open((Ipv4Addr::LOCALHOST, 0).into(), all.clone()).await.unwrap();
        let address = door.address();
        let task = tokio::spawn(serve(Arc::clone(&shared), door));
        let stand_in = Self { shared, address, serving: Mutex::new(Some((task, all))) };
        stand_in.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
        stand_in
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig with one context, `stand-in`, for whoever has this token. `namespace` is the context's.
    pub fn kubeconfig(&self, token: &str, namespace: &str) -> String {
        let url = self.url();
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "stand-in",
            "clusters": [{"name": "stand-in", "cluster": {"server": url}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{
                "name": "stand-in", "context": {"cluster": "stand-in", "user": "user", "namespace": namespace},
            }],
        })
        .to_string()
    }

    /// Writes such a kubeconfig into a folder.
    pub fn write_kubeconfig(&self, folder: &Path, token: &str, namespace: &str) -> PathBuf {
        let path = folder.join("kubeconfig");
        std::fs::write(&path, self.kubeconfig(token, namespace)).unwrap();
        path
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.shared.world.lock().unwrap();
        let made = change(&mut world);
        self.shared.tell(&world);
        made
    }

    /// Stores an object as it is, status and all, whoever may: what is missing of its metadata is made. One that
    /// is there already is replaced. Its namespace is made where there is none.
    pub fn put(&self, object: Value) -> Value {
        self.change(|world| put(world, object))
    }

    /// The object as it is now.
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let world = self.shared.world.lock().unwrap();
        let key = (by_plural(plural), namespace.to_owned(), name.to_owned());
        world.store.get(&key).map(|object| Value::clone(&object))
    }

    /// All objects of a kind; in all namespaces, when that is empty.
    pub fn all(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let world = self.shared.world.lock().unwrap();
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        let objects = world.list(by_plural(plural), namespace, &Selector::default());
        objects.iter().map(|object| Value::clone(object)).collect()
    }

    /// Changes an object as somebody else does, with that field manager: metadata and spec, and then its status.
    ///
    /// # Panics
    /// Where there is none, or the cluster would refuse it.
    pub fn edit(
        &self,
        plural: &str,
        namespace: &str,
        name: &str,
        manager: &str,
        edit: impl FnOnce(&mut Value),
    ) -> Value {
        let kind = by_plural(plural);
        let key = (kind, namespace.to_owned(), name.to_owned());
        self.change(|world| {
            let old = world.store.get(&key).unwrap_or_else(|| panic!("there is no {plural} {namespace}/{name}"));
            let mut wanted = Value::clone(&old);
            edit(&mut wanted);
            let mut stored = old;
            let (now, resource) = (now(), &RESOURCES[kind]);
            for status in [false, true] {
                if status && !resource.status {
                    continue;
                }
                let mut wanted = wanted.clone();
                wanted["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
                if status {
                    wanted["metadata"] = stored["metadata"].clone();
                }
                let writing = Writing { resource, status, whole: false, manager, now: &now };
                let Written { object, changed, .. } =
                    writing.update(&stored, wanted).unwrap_or_else(|refusal| panic!("{}", refusal.message));
                if changed {
                    stored = world.write_or_finish(key.clone(), object);
                }
            }
            Value::clone(&stored)
        })
    }

    /// Deletes an object.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let key = (by_plural(plural), namespace.to_owned(), name.to_owned());
        self.change(|world| world.delete(&key));
    }

    /// The version of the last write.
    pub fn version(&self) -> u64 {
        self.shared.world.lock().unwrap().store.version()
    }

    /// Forgets all changes until now, as a cluster does after some minutes: who asks for older ones is told that
    /// they are gone.
    pub fn compact(&self) {
        self.change(|world| world.store.compact());
    }

    /// Makes somebody known, or known with other rules.
    pub fn user(&self, token: &str, user: User) {
        self.change(|world| world.users.insert(token.to_owned(), user));
    }

    /// A token is not known any more.
    pub fn expire_token(&self, token: &str) {
        self.change(|world| world.users.remove(token));
    }

    /// A kind is not served any more: its definition is gone, and its watches end.
    pub fn remove_kind(&self, plural: &str) {
        let kind = by_plural(plural);
        self.change(|world| {
            world.absent.insert(kind);
            world.open.iter().filter(|open| open.kind == kind).for_each(|open| {
                let _ = open.tell.send(Tell::End);
            });
        });
    }

    /// Nobody may do anything with a kind. Watches that are open go on, as they do in a cluster.
    pub fn forbid_kind(&self, plural: &str) {
        self.change(|world| world.forbidden.insert(by_plural(plural)));
    }

    /// A kind is served to those who may.
    pub fn restore_kind(&self, plural: &str) {
        let kind = by_plural(plural);
        self.change(|world| {
            world.absent.remove(&kind);
            world.forbidden.remove(&kind);
            world.retyped.retain(|(retyped, _, _)| *retyped != kind);
        });
    }

    /// A field of a kind has another type from now on: wherever an object has it, this is shown instead.
    pub fn retype(&self, plural: &str, pointer: &str, value: Value) {
        self.change(|world| world.retyped.push((by_plural(plural), pointer.to_owned(), value)));
    }

    /// Something goes wrong with the next so many requests whose verb and path match; with all of them, without
    /// a number: `patch */rollouts/basket/status`, `list *`, `watch */pods`.
    pub fn fault(&self, pattern: &str, fault: Fault, times: impl Into<Option<usize>>) {
        self.change(|world| {
            world.troubles.retain(|trouble| !trouble.spent());
            world.troubles.push(Trouble::new(pattern, fault, times.into()));
        });
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.change(|world| world.troubles.clear());
    }

    /// Refuses connections from now on, and breaks those that are open.
    pub fn refuse(&self) {
        let serving = self.serving.lock().unwrap().take();
        if let Some((task, all)) = serving {
            task.abort();
            all.cancel();
        }
    }

    /// Takes connections again, at the same address.
    pub async fn accept(&self) {
        self.refuse();
        let all = CancellationToken::new();
        let begun = tokio::time::Instant::now();
        let door = loop {
            match Door::open(self.address, all.clone()).await {
                Ok(door) => break door,
                // The task that had it may still be coming down.
                Err(error) => assert!(begun.elapsed() < SOON, "{}: {error}", self.address),
            }
            tokio::task::yield_now().await;
        };
        let task = tokio::spawn(serve(Arc::clone(&self.shared), door));
        *self.serving.lock().unwrap() = Some((task, all));
    }

    /// Breaks every connection that is open, and takes new ones.
    pub async fn break_connections(&self) {
        self.accept().await;
    }

    /// The paths of the watches that are open now.
    pub fn watches(&self) -> Vec<String> {
        self.shared.world.lock().unwrap().open.iter().map(|open| open.path.clone()).collect()
    }

    /// Tells the open watches whose path matches; how many they are.
    pub fn tell_watches(&self, pattern: &str, tell: Tell) -> usize {
        let pattern = wildmatch::WildMatch::new(pattern);
        let world = self.shared.world.lock().unwrap();
        world.open.iter().filter(|open| pattern.matches(&open.path) && open.tell.send(tell).is_ok()).count()
    }

    /// What was asked for, the oldest first.
    pub fn log(&self) -> Vec<Asked> {
        self.shared.world.lock().unwrap().log.clone()
    }

    /// Forgets what was asked for until now.
    pub fn forget_log(&self) {
        self.change(|world| {
            world.log_start += world.log.len();
            world.log.clear();
        });
    }

    /// How often each verb was asked for.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in &self.shared.world.lock().unwrap().log {
            *counts.entry(asked.verb.clone()).or_default() += 1;
        }
        counts
    }

    /// How often a verb was asked for.
    pub fn count(&self, verb: &str) -> usize {
        self.counts().get(verb).copied().unwrap_or_default()
    }

    /// A load tester of Flagger answers behind this service from now on, on port 80.
    pub fn load_tester(&self, namespace: &str, service: &str) {
        self.put(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": service, "namespace": namespace},
            "spec": {"ports": [{"name": "http", "port": 80}], "selector": {"app": service}},
        }));
        self.change(|world| world.gates.add(namespace, service));
    }

    /// Asks a load tester as Flagger does; the code of the answer.
    pub fn ask_gate(&self, namespace: &str, service: &str, path: &str, body: &Value) -> Option<u16> {
        self.change(|world| world.gates.ask(namespace, service, path, body)).map(|(code, _)| code)
    }

    /// Says when anything changes, or is asked for.
    pub fn changes(&self) -> signal::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Stores all of these: see [`StandIn::put`].
    pub fn put_all(&self, objects: Vec<Value>) {
        objects.into_iter().for_each(|object| {
            self.put(object);
        });
    }

    /// Waits until something is so, looking again after each change and each request.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let wait = async {
            loop {
                changed.mark_unchanged();
                if holds(self) {
                    return;
                }
                let _ = changed.changed().await;
            }
        };
        let waited = tokio::time::timeout(SOON, wait).await;
        assert!(waited.is_ok(), "{what}: not within {SOON:?}; asked were {:#?}", self.log());
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.refuse();
    }
}

async fn serve(shared: Arc<Shared>, door: Door) {
    let app = Router::new().fallback(move |request: Request<Body>| server::serve(Arc::clone(&shared), request));
    let _ = axum::serve(door, app.into_make_service_with_connect_info::<Connection>()).await;
}
