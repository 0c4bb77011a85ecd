//! Watches: what was there, what changes, bookmarks, and the ways in which they end.

use std::{collections::VecDeque, io, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, Response, header::CONTENT_TYPE},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{Shared, World, answer::Refusal, faults::Tell, kinds::RESOURCES, selector::Selector, store::Change};

/// What a watch asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    pub kind: usize,
    /// Whether it is of the newer API of events.
    pub events_v1: bool,
    pub namespace: Option<String>,
    pub selector: Selector,
    /// None for "whatever there is".
    pub version: Option<u64>,
    pub bookmarks: bool,
    pub initial_events: bool,
    pub until: Option<Instant>,
    /// For the list of open watches.
    pub path: String,
}

/// An open watch, as the world knows it.
#[derive(Debug)]
pub struct Open {
    pub id: u64,
    pub kind: usize,
    pub path: String,
    pub tell: mpsc::UnboundedSender<Tell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
}

struct Watch {
    shared: Arc<Shared>,
    id: u64,
    wish: Wish,
    /// All changes up to this one were told.
    cursor: u64,
    queue: VecDeque<Vec<u8>>,
    end: Option<End>,
    break_in_next: bool,
    silent: bool,
    told: mpsc::UnboundedReceiver<Tell>,
    changed: watch::Receiver<u64>,
}

/// Answers a watch.
pub fn answer(shared: &Arc<Shared>, world: &mut World, wish: Wish) -> Response<Body> {
    let (tell, told) = mpsc::unbounded_channel();
    world.watch_ids += 1;
    let id = world.watch_ids;
    world.open.push(Open { id, kind: wish.kind, path: wish.path.clone(), tell });
    let mut watch = Watch {
        shared: Arc::clone(shared),
        id,
        cursor: wish.version.unwrap_or_else(|| world.store.version()),
        queue: VecDeque::new(),
        end: None,
        break_in_next: false,
        silent: false,
        told,
        changed: shared.changed.subscribe(),
        wish,
    };
    watch.begin(world);
    // The headers go out before there is an event, as a client waits for them.
    let events = stream::unfold(watch, |mut watch| async move {
        let next = watch.next().await?;
        Some((next, watch))
    });
    let mut response = Response::new(Body::from_stream(events));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl Watch {
    fn begin(&mut self, world: &World) {
        if self.wish.version.is_some_and(|version| version < world.store.compacted()) {
            self.expire(world);
            return;
        }
        if self.wish.version.is_some() && !self.wish.initial_events {
            return;
        }
        self.cursor = world.store.version();
        for object in world.list(self.wish.kind, self.wish.namespace.as_deref(), &self.wish.selector) {
            self.push("ADDED", &world.shown(self.wish.kind, self.wish.events_v1, &object));
        }
        if self.wish.initial_events && self.wish.bookmarks {
            self.bookmark(true);
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let mut line = serde_json::to_vec(&json!({"type": kind, "object": object})).unwrap();
        line.push(b'\n');
        if self.break_in_next {
            line.truncate(line.len() / 2);
            self.end = Some(End::Broken);
        }
        // Many small events make a few large pieces.
        const PIECE: usize = 64 * 1024;
        match self.queue.back_mut() {
            Some(piece) if piece.len() + line.len() <= PIECE => piece.append(&mut line),
            _ => self.queue.push_back(line),
        }
    }

    fn bookmark(&mut self, initial_end: bool) {
        let resource = &RESOURCES[self.wish.kind];
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata});
        self.push("BOOKMARK", &object);
    }

    fn expire(&mut self, world: &World) {
        let text = format!("too old resource version: {} ({})", self.cursor, world.store.compacted());
        self.push("ERROR", &Refusal::expired(text).status());
        self.end.get_or_insert(End::Whole);
    }

    /// What a change is to somebody who sees only what the selector lets through.
    fn tell(&mut self, world: &World, change: &Change) {
        let holds = |object: &Arc<Value>| self.wish.selector.holds(object);
        let was = change.before.as_ref().is_some_and(holds);
        let is = !change.deleted && holds(&change.object);
        let kind = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        let shown = if is || change.deleted {
            world.shown(self.wish.kind, self.wish.events_v1, &change.object)
        } else {
            // It left the selection: as it was, under the version of the change.
            let mut last = change.before.as_deref().cloned().unwrap_or_default();
            last["metadata"]["resourceVersion"] = json!(change.version.to_string());
            world.shown(self.wish.kind, self.wish.events_v1, &Arc::new(last))
        };
        self.push(kind, &shown);
    }

    fn catch_up(&mut self) {
        let shared = Arc::clone(&self.shared);
        let world = shared.world.lock().unwrap();
        if self.cursor < world.store.compacted() {
            self.expire(&world);
            return;
        }
        for change in world.store.since(self.cursor) {
            if self.end.is_some() {
                return;
            }
            let mine = change.key.0 == self.wish.kind
                && self.wish.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.1);
            if mine {
                self.tell(&world, change);
            }
        }
        self.cursor = self.cursor.max(world.store.version());
    }

    fn obey(&mut self, tell: Tell) {
        match tell {
            Tell::End => self.end = Some(End::Whole),
            Tell::Break => self.end = Some(End::Broken),
            Tell::BreakInNext => self.break_in_next = true,
            Tell::BeSilent => self.silent = true,
            Tell::Expire => {
                let shared = Arc::clone(&self.shared);
                self.expire(&shared.world.lock().unwrap());
            }
            Tell::Bookmark if self.wish.bookmarks => self.bookmark(false),
            Tell::Bookmark => {}
        }
    }

    async fn next(&mut self) -> Option<Result<Vec<u8>, io::Error>> {
        loop {
            if let (Some(piece), false) = (self.queue.pop_front(), self.silent) {
                return Some(Ok(piece));
            }
            match self.end {
                Some(End::Whole) => return None,
                Some(End::Broken) => return Some(Err(io::Error::other("the stand-in breaks this watch"))),
                None => {}
            }
            if !self.silent {
                self.changed.mark_unchanged();
                self.catch_up();
                if !self.queue.is_empty() || self.end.is_some() {
                    continue;
                }
            }
            let until = self.wish.until;
            let time = async move {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let silent = self.silent;
            tokio::select! {
                told = self.told.recv() => match told {
                    Some(tell) => self.obey(tell),
                    None => return None,
                },
                () = time, if !silent => self.end = Some(End::Whole),
                changed = self.changed.changed(), if !silent => {
                    if changed.is_err() {
                        return None;
                    }
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // While the world comes down its lock may be poisoned: then there is nobody to tell.
        if let Ok(mut world) = self.shared.world.lock() {
            world.open.retain(|open| open.id != self.id);
        }
        self.shared.changed.send_modify(|_| {});
    }
}
