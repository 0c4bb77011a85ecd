//! Follows the objects of a kind: reads the list once, in pages, and then the changes from there on.
//!
//! A watch that ends goes on from the last version that was seen, without another list. Where the server
//! does not know that version any more (410), the list is read again, and what is different now is told:
//! an object that is in both is never gone in between. What fails is tried again after a pause that grows,
//! with a part of it at random, so that not all ask at once.

use std::{collections::BTreeSet, pin::pin, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt as _;
use kube::core::WatchEvent;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, ApiError, Selection},
    read,
};

/// Objects on a page of a list: what client-go asks for.
const PAGE: u32 = 500;
/// After how long the server ends a watch, in seconds: at random in here, as client-go does it, so that not
/// all watches begin anew at once.
const WATCH_SECONDS: u32 = 240;
const WATCH_SPREAD: u32 = 60;
/// How much longer than the server was asked to keep it open a watch may be quiet.
const GRACE: Duration = Duration::from_secs(10);
/// How long a watch may be quiet on which bookmarks come: API servers send one a minute.
const QUIET: Duration = Duration::from_secs(90);
/// The first pause after a failure, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(300);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// When a kind that is absent or forbidden is looked for again.
const LATER: Duration = Duration::from_mins(1);
/// How often a server may refuse a version before the list is read again.
const REFUSALS: u32 = 3;
/// A watch that lasted this long was in order.
const LASTED: Duration = Duration::from_secs(5);

/// What an object is found by.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// Of an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self {
            namespace: read::text(object, "/metadata/namespace").unwrap_or_default(),
            name: read::text(object, "/metadata/name").unwrap_or_default(),
        }
    }
}

/// What is kept of an object. It is made at once, so that no list is ever held as it came.
pub trait Keep: Clone + Send + Sync + 'static {
    /// Keeps what is needed of an object.
    fn keep(object: Value) -> Self;
}

/// Where what is found is told, in the order in which it was.
pub trait Sink<T>: Send + Sync {
    /// An object is new, or was changed, or was read again.
    fn seen(&self, key: Key, object: T);
    /// An object was deleted.
    fn gone(&self, key: &Key);
    /// The list was read to its end: what is held and not in it is gone.
    fn listed(&self, present: &BTreeSet<Key>);
    /// How the watch does now.
    fn state(&self, state: State);
}

/// How a watch does.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// The list was not read yet.
    Starting,
    /// All is known that there is.
    Live,
    /// The kind is not installed.
    Absent,
    /// It may not be listed or watched.
    Forbidden,
    /// It cannot be asked, and will be tried again.
    Lost(ApiError),
}

/// An object with what it is found by.
#[derive(Clone)]
struct Item<T> {
    key: Key,
    version: String,
    object: T,
}

impl<'de, T: Keep> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let version = read::text(&object, "/metadata/resourceVersion").unwrap_or_default();
        Ok(Self { key: Key::of(&object), version, object: T::keep(object) })
    }
}

/// Why a watch ended.
enum End {
    /// The server or the connection ended it: it goes on from the same version.
    Closed,
    /// The server does not know the version any more.
    Expired,
    /// It failed.
    Failed(ApiError),
}

/// Follows what is selected until it is told to stop. When `reconnect` changes, a watch is begun anew
/// from its last version: the connection may be dead without saying so.
pub async fn follow<T: Keep>(
    api: &Api,
    selection: &Selection,
    sink: &dyn Sink<T>,
    reconnect: watch::Receiver<u64>,
    stop: &CancellationToken,
) {
    let watching = Watching { api, selection, sink, reconnect, pauses: pauses(), refusals: 0 };
    stop.run_until_cancelled(watching.run()).await;
}

struct Watching<'a, T> {
    api: &'a Api,
    selection: &'a Selection,
    sink: &'a dyn Sink<T>,
    reconnect: watch::Receiver<u64>,
    pauses: ExponentialBackoff,
    refusals: u32,
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}

impl<T: Keep> Watching<'_, T> {
    async fn run(mut self) {
        let mut version: Option<String> = None;
        loop {
            let from = match version.take() {
                Some(from) => from,
                None => match self.list().await {
                    Ok(from) => from,
                    Err(error) => {
                        self.trouble(&error).await;
                        continue;
                    }
                },
            };
            let began = Instant::now();
            let mut at = from;
            let end = self.changes(&mut at).await;
            if began.elapsed() > LASTED {
                self.settled();
            }
            match end {
                End::Closed => {
                    version = Some(at);
                    // A server that ends every watch at once is not asked without a pause.
                    if began.elapsed() < LASTED {
                        self.pause(None).await;
                    }
                }
                End::Expired => {
                    if began.elapsed() < LASTED {
                        self.pause(None).await;
                    }
                }
                End::Failed(error) => {
                    self.refusals += u32::from(error.code().is_some());
                    // A version that is refused again and again is of no use: a server that was restored from
                    // a backup never heard of it.
                    let usable = self.refusals < REFUSALS && !matches!(error, ApiError::Unreadable { .. });
                    if usable && !matches!(error.code(), Some(404 | 410)) {
                        version = Some(at);
                    } else {
                        self.refusals = 0;
                    }
                    self.trouble(&error).await;
                }
            }
        }
    }

    /// Reads the whole list. Tells each page as it comes, and at the end what was not in any.
    async fn list(&mut self) -> Result<String, ApiError> {
        let mut present = BTreeSet::new();
        let mut next = None;
        loop {
            let page = self.api.list::<Item<T>>(self.selection, PAGE, next).await?;
            next = page.next().map(str::to_owned);
            let version = page.resource_version().to_owned();
            for item in page.items {
                present.insert(item.key.clone());
                self.sink.seen(item.key, item.object);
            }
            if next.is_none() {
                self.sink.listed(&present);
                self.sink.state(State::Live);
                return Ok(version);
            }
        }
    }

    /// Follows the changes from a version on, and notes how far it came.
    async fn changes(&mut self, at: &mut String) -> End {
        let seconds = WATCH_SECONDS + (f64::from(WATCH_SPREAD) * chance()) as u32;
        let stream = match self.api.watch::<Item<T>>(self.selection, at, seconds).await {
            Ok(stream) => stream,
            Err(error) if error.code() == Some(410) => return End::Expired,
            Err(error) => return End::Failed(error),
        };
        self.sink.state(State::Live);
        let mut stream = pin!(stream);
        let mut quiet = Duration::from_secs(seconds.into()) + GRACE;
        loop {
            let item = tokio::select! {
                item = tokio::time::timeout(quiet, stream.next()) => item,
                changed = self.reconnect.changed() => match changed {
                    Ok(()) => return End::Closed,
                    // Nobody is left who could say so.
                    Err(_) => std::future::pending().await,
                },
            };
            let event = match item {
                Err(_) | Ok(None) => return End::Closed,
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) if error.code() == Some(410) => return End::Expired,
                Ok(Some(Err(error))) => return End::Failed(error),
            };
            match event {
                WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                    item.version.clone_into(at);
                    self.sink.seen(item.key, item.object);
                }
                WatchEvent::Deleted(item) => {
                    item.version.clone_into(at);
                    self.sink.gone(&item.key);
                }
                WatchEvent::Bookmark(bookmark) => {
                    *at = bookmark.metadata.resource_version;
                    quiet = quiet.min(QUIET);
                }
                WatchEvent::Error(status) if status.code == 410 => return End::Expired,
                WatchEvent::Error(status) => return End::Failed(ApiError::of_status(&status)),
            }
        }
    }

    async fn trouble(&mut self, error: &ApiError) {
        match error.code() {
            Some(404) => {
                self.sink.listed(&BTreeSet::new());
                self.sink.state(State::Absent);
                self.installed().await;
            }
            Some(403) => {
                self.sink.state(State::Forbidden);
                tokio::time::sleep(later()).await;
            }
            // The list is read again at once: a page's token is as old as a version can be.
            Some(410) => self.pause(None).await,
            _ => {
                self.sink.state(State::Lost(error.clone()));
                let wait = match error {
                    ApiError::Status { retry_after, .. } => *retry_after,
                    _ => None,
                };
                self.pause(wait).await;
            }
        }
    }

    /// Waits until the kind is installed: what it asks for is no list.
    async fn installed(&self) {
        loop {
            tokio::time::sleep(later()).await;
            if matches!(self.api.serves(self.selection.kind).await, Ok(true)) {
                return;
            }
        }
    }

    fn settled(&mut self) {
        self.pauses = pauses();
        self.refusals = 0;
    }

    async fn pause(&mut self, at_least: Option<Duration>) {
        let pause = self.pauses.next().unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
        let pause = pause.max(at_least.unwrap_or_default().min(LATER));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Whoever says so just heard the server.
            changed = self.reconnect.changed() => if changed.is_err() { tokio::time::sleep(pause).await; },
        }
    }
}

fn later() -> Duration {
    LATER.mul_f64(0.9 + 0.3 * chance())
}

/// At random between 0 and 1; the middle, where the machine has no randomness to give.
pub(super) fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}
