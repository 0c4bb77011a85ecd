//! One task a driver: hands what it tells to the writer, says what is looked at, looks for orders
//! whose outcome is not known, and sends what windows ask for when they begin.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior},
};

use super::{
    Shared,
    core::Core,
    writer::{Job, ask, ask_durably},
};
use crate::{
    domain::RolloutId,
    driver::{Driver, Seen},
};

/// Somebody looks at a rollout for this long after it was last asked for: longer than one hold.
const LOOKS: Duration = Duration::from_secs(45);
/// Rollouts that are looked at at the same time, at most.
const LOOKED_AT: usize = 64;
/// Batches that wait for the writer.
const BATCHES: usize = 64;
/// How often orders are looked for and windows' orders sent.
const PULSE: Duration = Duration::from_secs(1);
/// An order is looked for for so long; then what was journalled of it stands.
const GIVE_UP: TimeDelta = TimeDelta::hours(1);
/// An order of a process that is gone is given this long to be taken up before it is called unconfirmed.
const SETTLES: TimeDelta = TimeDelta::seconds(30);

/// What is looked at now, and since when it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Attention {
    looks: Mutex<BTreeMap<RolloutId, Instant>>,
    news: Notify,
}

impl Attention {
    /// Somebody asked for all that is shown of a rollout.
    pub(super) fn asked(&self, id: &RolloutId) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        looks.retain(|_, at| now - *at < LOOKS);
        if looks.len() < LOOKED_AT || looks.contains_key(id) {
            let is_new = looks.insert(id.clone(), now).is_none();
            if is_new {
                self.news.notify_waiters();
            }
        }
    }

    fn present(&self) -> BTreeSet<RolloutId> {
        let now = Instant::now();
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.iter().filter(|(_, at)| now - **at < LOOKS).map(|(id, _)| id.clone()).collect()
    }
}

/// Works until the shutdown is asked for.
pub(super) async fn run(shared: Arc<Shared>, jobs: mpsc::Sender<Job>, index: usize, driver: Arc<dyn Driver>) {
    let (feed, mut told) = mpsc::channel::<Vec<Seen>>(BATCHES);
    let watching = driver.watch(feed, shared.stop.clone());
    tokio::pin!(watching);
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut attended = BTreeSet::new();
    let mut over = false;
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = &mut watching, if !over => over = true,
            Some(batch) = told.recv() => {
                if ask(&jobs, move |core| core.seen(index, batch)).await.is_none() {
                    return;
                }
            }
            () = shared.attention.news.notified() => attend(&shared, &*driver, &mut attended),
            _ = pulse.tick() => {
                attend(&shared, &*driver, &mut attended);
                let Some(errands) = ask(&jobs, move |core| (core.unresolved(index), core.orders_of_windows(index))).await else {
                    return;
                };
                let (unresolved, of_windows) = errands;
                for sent in unresolved {
                    look_for(&shared, &jobs, &driver, sent).await;
                }
                for order in of_windows {
                    send(&shared, &jobs, &driver, order).await;
                }
            }
        }
    }
}

fn attend(shared: &Shared, driver: &dyn Driver, attended: &mut BTreeSet<RolloutId>) {
    let present = shared.attention.present();
    if present != *attended {
        attended.clone_from(&present);
        driver.attend(present);
    }
}

/// Looks for an order that nobody follows; sends nothing.
async fn look_for(shared: &Shared, jobs: &mpsc::Sender<Job>, driver: &Arc<dyn Driver>, sent: super::carried::Sent) {
    let age = shared.clock.now() - sent.order.at;
    let found = driver.look_for(&sent.order).await;
    let settled = !matches!(found, Ok(crate::driver::Uptake::Unconfirmed(_)) | Err(_));
    if settled || age > SETTLES {
        let _ = ask(jobs, move |core| core.resolved(&sent, found, age > GIVE_UP)).await;
    }
}

/// Sends what a window asks for that began.
async fn send(shared: &Arc<Shared>, jobs: &mpsc::Sender<Job>, driver: &Arc<dyn Driver>, order: crate::driver::Order) {
    let wanted = order.clone();
    let Some(sent) = ask_durably(jobs, move |core: &mut Core| core.intend_itself(&wanted)).await else { return };
    let (shared, jobs, driver) = (Arc::clone(shared), jobs.clone(), Arc::clone(driver));
    shared.tasks.clone().spawn(async move {
        let became = tokio::select! {
            became = driver.carry_out(&order) => became,
            () = shared.stop.cancelled() => return,
        };
        let _ = ask(&jobs, move |core| core.settle_itself(&sent, became)).await;
    });
}
