//! The simulated fleet at work: every unit asks, applies, checks and reports through the very
//! calls that real agents' requests end in. One task for all units: what waits costs nothing.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{
    pace::Pace,
    telemetry::Telemetry,
    unit::{Troubles, Unit},
};
use crate::{
    control::Control,
    domain::{ActorKind, Binding, Principal, Report, Role, SafeText, Via},
    wire::{Desired, Problem},
};

/// How long a unit's question is held.
const WAIT: Duration = Duration::from_secs(20);
/// Pause after a refusal.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// What all units share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) control: Control,
    pub(super) pace: Pace,
    /// Whether people act one after the other.
    pub(super) in_turn: bool,
    pub(super) check_interval: f64,
    pub(super) stop: CancellationToken,
    /// While the scene is being set, applies take no time: the past is not waited for.
    pub(super) hurried: AtomicBool,
    /// What candidates do to units that run them.
    pub(super) troubles: RwLock<Arc<Troubles>>,
    /// Units that have reported once.
    pub(super) present: AtomicUsize,
    /// The metrics server, where there is one.
    pub(super) telemetry: Option<Arc<Telemetry>>,
}

impl Scene {
    fn troubles(&self) -> Arc<Troubles> {
        Arc::clone(&self.troubles.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }
}

/// Lets all units live until the scene ends.
pub(super) async fn live(scene: Arc<Scene>, units: Vec<Unit>) {
    let count = units.len().max(1) as f64;
    let mut lives: FuturesUnordered<_> = units
        .into_iter()
        .enumerate()
        // Checks are spread over the interval, as those of agents that started at different times.
        .map(|(index, unit)| Life::new(&scene, unit, index as f64 / count).live())
        .collect();
    while lives.next().await.is_some() {}
}

/// One unit and its agent.
struct Life<'a> {
    scene: &'a Scene,
    unit: Unit,
    who: Principal,
    /// Its place within the interval, 0 to 1, until its first check.
    place: Option<f64>,
    /// By the clock's uptime.
    check_due: Duration,
}

impl<'a> Life<'a> {
    fn new(scene: &'a Scene, unit: Unit, place: f64) -> Self {
        let who = Principal {
            id: SafeText::new(format!("agent:{}", unit.id)),
            kind: ActorKind::Agent,
            role: Role::Agent,
            targets: vec![unit.id.group.to_string()],
            binding: Some(Binding {
                group: unit.id.group.clone(),
                site: unit.id.site.clone(),
                lane: Some(unit.id.lane.clone()),
            }),
            credential: None,
            via: Via::Agent,
            source: None,
        };
        Self { scene, unit, who, place: Some(place), check_due: scene.pace.clock().uptime() }
    }

    async fn live(mut self) {
        let stop = self.scene.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        // The first question enrols the unit; then it says what it runs; then it waits for orders.
        let mut wait = Duration::ZERO;
        loop {
            self.be_mute().await;
            let generation = self.unit.generation();
            let (scene, who, id, labels) =
                (self.scene, self.who.clone(), self.unit.id.clone(), self.unit.labels.clone());
            let asking = scene.control.desired(&who, &id, labels, generation, wait);
            tokio::pin!(asking);
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut asking => break answer,
                    () = self.scene.pace.until(self.check_due), if !wait.is_zero() => {
                        if self.mute_until().is_some() {
                            break Ok(None);
                        }
                        self.check().await;
                    }
                }
            };
            match answer {
                Ok(Some(order)) if order.generation > generation => self.carry_out(order).await,
                Ok(None) => {}
                Ok(Some(_)) => scene.pace.clock().sleep(REFUSED_PAUSE).await,
                Err(problem) => {
                    self.complain("a unit's question", &problem);
                    scene.pace.clock().sleep(REFUSED_PAUSE).await;
                }
            }
            if wait.is_zero() {
                self.check().await;
                self.scene.present.fetch_add(1, Ordering::Relaxed);
                wait = WAIT;
            }
        }
    }

    fn mute_until(&self) -> Option<f64> {
        self.unit.mute_until(self.scene.pace.now(), &self.scene.troubles())
    }

    async fn be_mute(&mut self) {
        while let Some(until) = self.mute_until() {
            let pace = &self.scene.pace;
            pace.clock().sleep(pace.real(until - pace.now()).max(REFUSED_PAUSE)).await;
            self.check_due = pace.clock().uptime();
        }
    }

    async fn carry_out(&mut self, order: Desired) {
        let pace = &self.scene.pace;
        let interval = pace.check_interval(self.scene.check_interval);
        let seconds = self.unit.begin(order);
        let until = pace.clock().uptime() + if self.scene.is_hurried() { Duration::ZERO } else { pace.real(seconds) };
        self.send(self.unit.working(interval.as_secs_f64())).await;
        while pace.clock().uptime() < until {
            pace.until(until.min(pace.clock().uptime() + interval)).await;
            self.send(self.unit.working(interval.as_secs_f64())).await;
        }
        self.unit.finish(pace.now(), &self.scene.troubles());
        self.check().await;
    }

    async fn check(&mut self) {
        let interval = self.scene.pace.check_interval(self.scene.check_interval);
        let now = self.scene.pace.now();
        let report = self.unit.check(now, interval.as_secs_f64(), &self.scene.troubles(), self.scene.is_hurried());
        self.send(report).await;
        self.check_due =
            self.scene.pace.clock().uptime() + self.place.take().map_or(interval, |place| interval.mul_f64(place));
    }

    async fn send(&self, report: Report) {
        if let Err(problem) = self.scene.control.report(&self.who, &self.unit.id, report).await {
            self.complain("a unit's report", &problem);
        }
    }

    fn complain(&self, what: &str, problem: &Problem) {
        if !self.scene.stop.is_cancelled() {
            tracing::warn!(unit = %self.unit.id, "{what} was refused: {}", problem.detail);
        }
    }
}
