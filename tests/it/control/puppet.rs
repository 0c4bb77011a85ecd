//! A driver whose cluster is a table in memory: the test says what is seen, and what becomes of orders.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use rolldeck::{
    domain::{
        Exposure, Phase, Preview, Revision, Rollout, RolloutId, SafeText, VersionRef,
        sli::{OverallVerdict, Verdict},
        workload::Offer,
    },
    driver::{Driver, Elsewhere, Examined, Health, Order, OrderError, Proposal, Seen, Sighting, Uptake},
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
struct Table {
    to_tell: Vec<Seen>,
    sent: Vec<Order>,
    looked_for: Vec<Order>,
    outcomes: VecDeque<Result<Uptake, OrderError>>,
    found: Option<Result<Uptake, OrderError>>,
    attended: BTreeSet<RolloutId>,
    refuses: Option<OrderError>,
}

/// The driver.
#[derive(Debug, Default)]
pub struct Puppet {
    table: Mutex<Table>,
    news: Notify,
    /// Orders wait here while the test holds them.
    gate: Notify,
    holds: std::sync::atomic::AtomicBool,
}

pub fn shop() -> RolloutId {
    "shop/basket".parse().unwrap()
}

pub fn rollout(revision: &str, phase: Phase) -> Rollout {
    let id = shop();
    Rollout {
        target: id.target,
        name: id.name,
        driver: "argo".into(),
        revision: Revision(revision.into()),
        phase,
        message: SafeText::default(),
        strategy: "canary".into(),
        stable: VersionRef { version: Some("1.0".into()), snapshot: None },
        candidate: VersionRef { version: Some("1.1".into()), snapshot: None },
        exposure: Exposure::default(),
        stages: Vec::new(),
        current_stage: None,
        blockers: Vec::new(),
        slis: Vec::new(),
        verdict: OverallVerdict { label: Verdict::NoData, score: None, why: SafeText::default() },
        trend: None,
        freeze: None,
        next: None,
        owner: SafeText::default(),
        failures: None,
        units: None,
        workload: Some(Box::default()),
        pending: None,
        offers: Vec::<Offer>::new(),
        correlation_id: SafeText::default(),
        created_at: at(0),
        updated_at: at(0),
        observed_at: None,
    }
}

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

pub fn sighting(rollout: Rollout) -> Seen {
    let labels = BTreeMap::from([("team".to_owned(), SafeText::new("carts"))]);
    let advances = rollout.phase == Phase::Progressing;
    Seen::Rollout(Box::new(Sighting { rollout, labels, advances, arms: None, elsewhere: Vec::new() }))
}

pub fn live() -> Seen {
    Seen::Health(Health { as_of: Some(Utc::now()), remarks: Vec::new() })
}

impl Puppet {
    pub fn new(first: Vec<Seen>) -> Arc<Self> {
        let puppet = Self::default();
        puppet.table.lock().unwrap().to_tell = first;
        Arc::new(puppet)
    }

    /// Tells what is seen.
    pub fn tell(&self, seen: Vec<Seen>) {
        self.table.lock().unwrap().to_tell.extend(seen);
        self.news.notify_one();
    }

    /// Tells that somebody did something elsewhere.
    pub fn tell_elsewhere(&self, rollout: Rollout, elsewhere: Elsewhere) {
        let Seen::Rollout(mut seen) = sighting(rollout) else { return };
        seen.elsewhere.push(elsewhere);
        self.tell(vec![Seen::Rollout(seen)]);
    }

    /// What becomes of the next order that is sent; taken up, when nothing is said.
    pub fn next_becomes(&self, outcome: Result<Uptake, OrderError>) {
        self.table.lock().unwrap().outcomes.push_back(outcome);
    }

    /// What is found of an order that is looked for.
    pub fn is_found(&self, found: Result<Uptake, OrderError>) {
        self.table.lock().unwrap().found = Some(found);
    }

    /// What orders are refused with, before they are sent.
    pub fn refuses(&self, error: Option<OrderError>) {
        self.table.lock().unwrap().refuses = error;
    }

    /// Orders are sent and wait, until [`Puppet::let_go`].
    pub fn hold(&self) {
        self.holds.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    pub fn let_go(&self) {
        self.holds.store(false, std::sync::atomic::Ordering::SeqCst);
        self.gate.notify_waiters();
        self.gate.notify_one();
    }

    pub fn sent(&self) -> Vec<Order> {
        self.table.lock().unwrap().sent.clone()
    }

    pub fn looked_for(&self) -> usize {
        self.table.lock().unwrap().looked_for.len()
    }

    pub fn attended(&self) -> BTreeSet<RolloutId> {
        self.table.lock().unwrap().attended.clone()
    }
}

#[async_trait::async_trait]
impl Driver for Puppet {
    fn place(&self) -> String {
        "puppet".to_owned()
    }

    async fn examine(&self) -> Vec<Examined> {
        Vec::new()
    }

    async fn identity(&self) -> Option<SafeText> {
        Some("mira".into())
    }

    async fn watch(&self, feed: mpsc::Sender<Vec<Seen>>, stop: CancellationToken) {
        loop {
            let batch = std::mem::take(&mut self.table.lock().unwrap().to_tell);
            if !batch.is_empty() && feed.send(batch).await.is_err() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.news.notified() => {}
            }
        }
    }

    fn attend(&self, rollouts: BTreeSet<RolloutId>) {
        self.table.lock().unwrap().attended = rollouts;
    }

    async fn propose(&self, order: &Order) -> Result<Proposal, OrderError> {
        if let Some(error) = self.table.lock().unwrap().refuses.clone() {
            return Err(error);
        }
        let summary = SafeText::new(format!("{} {}", order.action, order.id));
        Ok(Proposal { preview: Preview { summary, ..Preview::default() }, no_op: false })
    }

    async fn carry_out(&self, order: &Order) -> Result<Uptake, OrderError> {
        self.table.lock().unwrap().sent.push(order.clone());
        if self.holds.load(std::sync::atomic::Ordering::SeqCst) {
            self.gate.notified().await;
        }
        let next = self.table.lock().unwrap().outcomes.pop_front();
        next.unwrap_or_else(|| Ok(Uptake::TakenUp("the puppet moved".into())))
    }

    async fn look_for(&self, order: &Order) -> Result<Uptake, OrderError> {
        let mut table = self.table.lock().unwrap();
        table.looked_for.push(order.clone());
        table.found.clone().unwrap_or_else(|| Ok(Uptake::Unconfirmed("nothing is to be seen of it".into())))
    }
}
