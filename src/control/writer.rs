//! The one writer: takes requests in order, decides on the state in memory, makes what was decided
//! durable in one synced commit for all requests that came meanwhile, and only then answers them.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::{Shared, core::Core, flags::Book, publish::Publisher, scrub::Stored};
use crate::{
    audit::Witness,
    store::{Loaded, Store, StoreError, seen},
    wire::{Code, Problem},
};

/// Most requests that share one commit.
const GROUP: usize = 256;
/// Changes that agents report are shown at most this often; what a person did is shown at once.
const CALM: Duration = Duration::from_millis(250);
/// The writer shows that it lives at least this often.
pub(super) const PULSE: Duration = Duration::from_secs(5);

/// Answers a request, once it is known whether what it changed is durable.
pub(super) type Finish = Box<dyn FnOnce(Result<(), Problem>) + Send>;
/// A request: decides on the state.
pub(super) struct Job {
    pub(super) work: Box<dyn FnOnce(&mut Core) -> Finish + Send>,
    /// Whether it waits for as long as the store is away. Whoever does not is told to ask again.
    pub(super) waits: bool,
}

pub(super) struct Writer {
    pub(super) core: Core,
    pub(super) store: Arc<dyn Store>,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) shared: Arc<Shared>,
    pub(super) publisher: Publisher,
    pub(super) tokens: tokio::sync::watch::Sender<Arc<Vec<crate::store::TokenRecord>>>,
    pub(super) flags: tokio::sync::watch::Sender<Arc<Book>>,
    /// Whether the state in memory is what is stored, or follows from it.
    pub(super) sound: bool,
    /// Whether the last commit failed only because the store could not be reached.
    pub(super) away: bool,
    /// What came while the store was away, and waits for it.
    pub(super) kept: VecDeque<Job>,
    /// How many entries the checkpoint covers that is remembered apart from the store.
    pub(super) remembered: u64,
}

impl Writer {
    /// Works until the shutdown is asked for and all requests are answered.
    pub(super) async fn run(mut self) {
        // Long ago: the first picture is shown at once.
        let mut shown_at: Option<Duration> = None;
        // What followed from the start is durable before it is shown, as everything is. Where that
        // fails it is tried again with the next commit, and readiness says so meanwhile.
        if self.commit(0).await.is_err() {
            self.start_over().await;
        }
        self.show_flags();
        self.publisher.publish(&mut self.core);
        loop {
            let now = self.core.now();
            self.shared.alive.store(now.timestamp_micros(), Ordering::Relaxed);
            let mut pause = PULSE;
            let due =
                [self.core.next_due(), self.core.checkpoint_due(), self.core.flags.due()].into_iter().flatten().min();
            if let Some(due) = due {
                pause = pause.min((due - now).to_std().unwrap_or_default());
            }
            if !self.core.dirty.is_empty() {
                pause = pause.min(self.calm_left(shown_at));
            }
            let stopping = self.shared.stop.is_cancelled();
            if stopping {
                // Only what is in the queue already is still taken: nobody waits for the next pulse.
                pause = Duration::ZERO;
            }
            let first = if let Some(job) = self.kept.pop_front() {
                Some(job)
            } else {
                tokio::select! {
                    biased;
                    job = self.jobs.recv() => {
                        let Some(job) = job else { break };
                        Some(job)
                    }
                    () = self.shared.stop.cancelled(), if !stopping => None,
                    () = self.shared.clock.sleep(pause) => None,
                }
            };
            if stopping && first.is_none() {
                break;
            }
            let mut finishes = Vec::new();
            let mut sound = self.take(first, &mut finishes);
            for _ in 1..GROUP {
                let Ok(job) = self.jobs.try_recv() else { break };
                sound &= self.take(Some(job), &mut finishes);
            }
            self.core.tick();
            self.core.checkpoint_if_due(false);
            let committed = if sound { self.commit(finishes.len()).await } else { Err(started_over()) };
            if committed.is_ok() {
                if self.core.urgent || self.calm_left(shown_at).is_zero() {
                    self.publisher.publish(&mut self.core);
                    shown_at = Some(self.shared.clock.uptime());
                }
                self.core.wake_agents();
                self.show_flags();
                let tokens = &self.core.tokens;
                self.tokens.send_if_modified(|shown| {
                    let differs = !Arc::ptr_eq(shown, tokens);
                    *shown = Arc::clone(tokens);
                    differs
                });
            }
            for finish in finishes {
                finish(committed.clone());
            }
            if committed.is_ok() {
                self.remember().await;
            } else {
                self.start_over().await;
            }
        }
        // A state that could not be read again is not to be trusted, and signed least of all.
        if self.sound {
            self.core.store_flag_use(true);
            self.core.checkpoint_if_due(true);
            if let Err(problem) = self.commit(0).await {
                error!("the last checkpoint was not stored: {problem}");
            } else {
                self.remember().await;
            }
        }
        self.store.close().await;
    }

    /// Remembers the newest checkpoint apart from the store, once it is durable there.
    async fn remember(&mut self) {
        let Some(dir) = self.core.options.beside.clone() else { return };
        let Some((size, _, note)) = self.core.checkpoint.as_ref().filter(|(size, ..)| *size != self.remembered) else {
            return;
        };
        self.remembered = *size;
        // One that was read at the start and does not verify is said to be so, and not remembered.
        let Ok(witness) = Witness::new(self.core.signer.verifier(), note) else { return };
        let written = tokio::task::spawn_blocking(move || seen::write(&dir, &witness)).await;
        if let Err(error) = written.map_err(std::io::Error::other).and_then(|written| written) {
            warn!("the newest checkpoint is not remembered beside the key: {error}");
        }
    }

    /// What is left until changes that agents report may be shown again.
    fn calm_left(&self, shown_at: Option<Duration>) -> Duration {
        shown_at.map_or(Duration::ZERO, |at| CALM.saturating_sub(self.shared.clock.uptime().saturating_sub(at)))
    }

    /// Shows evaluation the flags as they are now, where they changed.
    fn show_flags(&mut self) {
        let book = self.core.book();
        self.flags.send_if_modified(|shown| {
            let same = Arc::ptr_eq(&shown.flags, &book.flags) && Arc::ptr_eq(&shown.units, &book.units);
            if !same {
                *shown = Arc::new(book.clone());
            }
            !same
        });
    }

    /// Lets one request decide; `false` when it panicked, and the state in memory is not to be trusted.
    fn take(&mut self, job: Option<Job>, finishes: &mut Vec<Finish>) -> bool {
        let Some(job) = job else { return true };
        match catch_unwind(AssertUnwindSafe(|| {
            self.core.turn_windows();
            (job.work)(&mut self.core)
        })) {
            Ok(finish) => {
                finishes.push(finish);
                true
            }
            Err(_) => false,
        }
    }

    async fn commit(&mut self, requests: usize) -> Result<(), Problem> {
        if !self.core.has_batch() {
            return Ok(());
        }
        self.core.seal();
        let batch = self.core.take_batch();
        let mut result = self.store.commit(&batch).await;
        if matches!(result, Err(StoreError::Full { .. })) && matches!(self.store.release_reserve().await, Ok(true)) {
            warn!("the disk is full: the reserve was given up, only what stops a change is taken from now on");
            self.core.reserve_spent = true;
            result = self.store.commit(&batch).await;
        }
        match result {
            Ok(()) => {
                self.shared.failed.store(false, Ordering::Relaxed);
                self.core.figures.commits += 1;
                self.core.figures.committed_requests += requests as u64;
                Ok(())
            }
            Err(error) => {
                error!("{error}");
                self.shared.failed.store(true, Ordering::Relaxed);
                self.sound = false;
                self.away = error.is_away();
                let text = match error {
                    StoreError::Unconfirmed { .. } => format!("{error}; ask again with the same idempotency key"),
                    _ => format!("nothing was changed: {error}"),
                };
                Err(Problem::new(Code::Unavailable, text))
            }
        }
    }

    /// Throws the state in memory away and reads what is stored: nothing that was not durable stays. Whoever asks
    /// for something meanwhile is told to ask again, however long it takes.
    async fn start_over(&mut self) {
        let mut wait = Duration::from_millis(50);
        self.sound = false;
        loop {
            let loaded = match self.loaded().await {
                Ok(loaded) => {
                    let stored = Stored::of(&loaded);
                    let reported = Arc::clone(&self.core.reported);
                    let core = Core::new(Arc::clone(&self.core.clock), self.core.options.clone(), reported, loaded);
                    core.map(|core| (core, stored))
                }
                Err(error) => Err(error),
            };
            match loaded {
                Ok((mut core, stored)) => {
                    core.waiters = std::mem::take(&mut self.core.waiters);
                    core.adopt(std::mem::take(&mut self.core.carried), std::mem::take(&mut self.core.health));
                    core.figures = std::mem::take(&mut self.core.figures);
                    core.flags.usage = Arc::clone(&self.core.flags.usage);
                    core.reserve_spent = self.core.reserve_spent;
                    core.faults = std::mem::take(&mut self.core.faults);
                    let beside = core.options.beside.clone();
                    core.take_up(&stored, beside.as_deref());
                    self.core = core;
                    self.sound = true;
                    if std::mem::take(&mut self.away) {
                        self.shared.failed.store(false, Ordering::Relaxed);
                    }
                    break;
                }
                Err(error) => {
                    error!("cannot read the store, trying again in {wait:?}: {error}");
                    self.shared.failed.store(true, Ordering::Relaxed);
                    if self.shared.stop.is_cancelled() {
                        break;
                    }
                    self.away |= error.is_away();
                    let shared = Arc::clone(&self.shared);
                    self.turning_away(async {
                        tokio::select! {
                            () = shared.clock.sleep(wait) => {}
                            () = shared.stop.cancelled() => {}
                        }
                    })
                    .await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }

    /// What is stored.
    async fn loaded(&mut self) -> Result<Loaded, StoreError> {
        let store = Arc::clone(&self.store);
        self.turning_away(async move { store.load().await }).await
    }

    /// Waits, and lets nobody else: a request that is dropped is told to ask again.
    async fn turning_away<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = std::pin::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                done = &mut waiting => return done,
                Some(job) = self.jobs.recv() => {
                    if job.waits {
                        self.kept.push_back(job);
                    }
                }
            }
        }
    }
}

fn started_over() -> Problem {
    Problem::new(Code::Unavailable, "nothing was changed: the control plane started over; ask again")
}

/// Lets the writer do something that nobody waits to see made durable; none once it is gone.
pub(super) async fn ask<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Core) -> T + Send + 'static,
) -> Option<T> {
    asked(jobs, work, false).await
}

/// Lets the writer journal something that is to be durable before what it says is done; none where it is not.
pub(super) async fn ask_durably<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Core) -> T + Send + 'static,
) -> Option<T> {
    asked(jobs, work, true).await
}

async fn asked<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Core) -> T + Send + 'static,
    durably: bool,
) -> Option<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let work = Box::new(move |core: &mut Core| {
        let done = work(core);
        let finish: Finish = Box::new(move |committed| {
            if committed.is_ok() || !durably {
                // Whoever asked may be gone by now.
                let _ = sender.send(done);
            }
        });
        finish
    });
    jobs.send(Job { work, waits: true }).await.ok()?;
    receiver.await.ok()
}

impl Core {
    /// Wakes the agents that would be told something now.
    fn wake_agents(&mut self) {
        for id in std::mem::take(&mut self.moved) {
            for (unit, waiter) in &self.waiters {
                if unit.group == id.target && self.has_order_for(&id, unit) {
                    waiter.notify_one();
                }
            }
        }
    }
}

/// The oldest that a published picture may be said to be true as of, when the writer last showed life then.
pub(super) fn as_of(
    now: chrono::DateTime<chrono::Utc>,
    alive: chrono::DateTime<chrono::Utc>,
) -> chrono::DateTime<chrono::Utc> {
    let trusted = TimeDelta::from_std(PULSE * 2).unwrap_or_default();
    if now - alive <= trusted { now } else { alive }
}
