//! Tells what changed: at most every 20 ms, and only what looks different from what was told last.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    attend::Attendance,
    board::{Board, News, ObjectId},
};
use crate::{
    clock::Clock,
    domain::{Phase, Rollout, RolloutId, rollout::BlockerKind},
    driver::{Health, Seen, Sighting},
};

/// Between two batches, at least.
const APART: Duration = Duration::from_millis(20);
/// In one batch, at most: the first ones are shown while the rest is still made.
const BATCH: usize = 200;
/// A countdown that ended is looked at this long after: a clock that is a little behind must not show
/// it as running for ever.
const AFTER: TimeDelta = TimeDelta::milliseconds(100);

/// What was told, and what has to be looked at again because time goes on.
#[derive(Debug)]
pub struct Teller {
    board: Arc<Board>,
    attendance: Arc<Attendance>,
    clock: Arc<dyn Clock>,
    told: BTreeMap<RolloutId, Box<Sighting>>,
    called: BTreeMap<ObjectId, RolloutId>,
    due: BTreeSet<(DateTime<Utc>, ObjectId)>,
    health: Option<Health>,
}

impl Teller {
    /// Nothing was told yet.
    #[must_use]
    pub fn new(board: Arc<Board>, attendance: Arc<Attendance>, clock: Arc<dyn Clock>) -> Self {
        Self {
            board,
            attendance,
            clock,
            told: BTreeMap::new(),
            called: BTreeMap::new(),
            due: BTreeSet::new(),
            health: None,
        }
    }

    /// Tells until it is told to stop, or nobody listens.
    pub async fn run(mut self, feed: mpsc::Sender<Vec<Seen>>, stop: CancellationToken) {
        let mut changes = self.board.changes();
        loop {
            let count = *changes.borrow_and_update();
            let began = Instant::now();
            for batch in self.batches() {
                let sent = tokio::select! {
                    sent = feed.send(batch) => sent,
                    () = stop.cancelled() => return,
                };
                if sent.is_err() {
                    return;
                }
            }
            self.board.told(count);
            let due = self.due.first().map(|(at, _)| (*at - self.clock.now()).to_std().unwrap_or_default());
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = async {
                    match due {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => std::future::pending().await,
                    }
                } => {}
                () = stop.cancelled() => return,
            }
            // What follows within moments is told with it.
            tokio::time::sleep_until(began + APART).await;
        }
    }

    /// What is to be told now, the health last: it says of all that was told before it.
    fn batches(&mut self) -> Vec<Vec<Seen>> {
        let now = self.clock.now();
        // Taken before the news: what comes in between is told the next time, with a later health.
        let health = self.board.health();
        while let Some((at, object)) = self.due.pop_first() {
            if at > now {
                self.due.insert((at, object));
                break;
            }
            self.board.touch([object]);
        }
        let grants = self.board.grants();
        let mut seen = Vec::new();
        for News { object, carried, id, elsewhere } in self.board.news() {
            let before = self.called.get(&object).cloned();
            let Some((carried, id)) = carried.zip(id) else {
                self.board.trouble(&object, false);
                if let Some(id) = self.called.remove(&object) {
                    self.gone(id, &mut seen);
                }
                continue;
            };
            if let Some(before) = before
                && before != id
            {
                self.called.remove(&object);
                self.gone(before, &mut seen);
            }
            let children = self.attendance.children(&carried);
            let mut sighting = carried.sighting(children.as_ref(), &grants, now);
            sighting.rollout.name = id.name.clone();
            sighting.rollout.target = id.target.clone();
            sighting.elsewhere = elsewhere;
            self.board.trouble(&object, is_troubled(&sighting.rollout));
            if let Some(at) = sighting.rollout.next.as_ref().and_then(|next| next.at)
                && at > now
            {
                self.due.insert((at + AFTER, object.clone()));
            }
            self.called.insert(object, id.clone());
            if self.told.get(&id).is_none_or(|told| differs(told, &sighting)) {
                let mut kept = sighting.clone();
                kept.elsewhere.clear();
                self.told.insert(id, Box::new(kept));
                seen.push(Seen::Rollout(Box::new(sighting)));
            }
        }
        if self.health.as_ref() != Some(&health) {
            self.health = Some(health.clone());
            seen.push(Seen::Health(health));
        }
        let mut batches = Vec::new();
        while seen.len() > BATCH {
            let rest = seen.split_off(BATCH);
            batches.push(std::mem::replace(&mut seen, rest));
        }
        if !seen.is_empty() {
            batches.push(seen);
        }
        batches
    }

    /// A name is free, unless another object is called so by now.
    fn gone(&mut self, id: RolloutId, seen: &mut Vec<Seen>) {
        if !self.called.values().any(|other| *other == id) && self.told.remove(&id).is_some() {
            seen.push(Seen::Gone(id));
        }
    }
}

/// Whether somebody would see a difference.
fn differs(told: &Sighting, now: &Sighting) -> bool {
    if !now.elsewhere.is_empty() {
        return true;
    }
    // When it was last heard of is told by the health, for all of them at once.
    if told.rollout.observed_at == now.rollout.observed_at {
        return told != now;
    }
    let mut same = now.clone();
    same.rollout.observed_at = told.rollout.observed_at;
    *told != same
}

/// Whether its objects say why, though nobody looks: a rollout that is degraded, goes back, or waits for
/// somebody because of what was measured.
fn is_troubled(rollout: &Rollout) -> bool {
    match rollout.phase {
        Phase::Degraded | Phase::RollingBack | Phase::RollbackFailed => true,
        Phase::AwaitingPromotion | Phase::Paused => rollout
            .blockers
            .iter()
            .any(|blocker| matches!(blocker.kind, BlockerKind::Failure | BlockerKind::Breach | BlockerKind::NoData)),
        _ => false,
    }
}
