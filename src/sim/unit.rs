//! One simulated unit: what it runs, how it is doing, what its check would print. No clock, no
//! I/O: simulated seconds come in, facts go out, the same ones for the same seed.

use std::{collections::BTreeMap, f64::consts::TAU};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::scenario::Trouble;
use crate::{
    domain::{
        Digest, FactValue, Facts, FailureCategory, LaneName, Report, ReportState, SafeBlock, SafeText, SiteName,
        SliReading, TargetName, UnitId,
    },
    wire::Desired,
};

/// How long numbers take to go bad, in seconds.
const DECAY: f64 = 20.0;
/// How long after an apply the acceptance suite has passed.
const ACCEPTANCE: f64 = 8.0;

/// The seed of the sequence that belongs to a name.
pub(super) fn seed_of(name: &str, seed: u64) -> u64 {
    name.bytes()
        .fold(seed ^ 0x9E37_79B9_7F4A_7C15, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// What candidates do to units, by digest.
pub(super) type Troubles = BTreeMap<Digest, Trouble>;

/// What a unit is born with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Birth<'a> {
    pub(super) group: &'a TargetName,
    pub(super) region: &'a str,
    /// Its place in its group, in the order of names.
    pub(super) ordinal: usize,
    /// What it runs.
    pub(super) stable: &'a Digest,
    pub(super) seed: u64,
    /// How much its numbers vary: 1 as in life, 0 not at all.
    pub(super) noise: f64,
}

/// A unit.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) id: UnitId,
    pub(super) labels: BTreeMap<String, SafeText>,
    /// Its place in its group.
    ordinal: usize,
    rng: StdRng,
    noise: f64,
    /// What it really runs.
    running: Digest,
    order: Option<Desired>,
    /// Why the order could not be carried out.
    failed: Option<(FailureCategory, SafeBlock)>,
    /// When what runs was applied.
    applied_at: f64,
    orders_per_second: f64,
    good: f64,
    total: f64,
    counted_at: f64,
    p95: f64,
}

impl Unit {
    /// A unit that runs its group's stable version since long ago.
    pub(super) fn new(site: SiteName, lane: LaneName, born: &Birth<'_>) -> Self {
        let Birth { group, region, ordinal, stable, seed, noise } = *born;
        let id = UnitId { group: group.clone(), site, lane };
        // One sequence a unit, so that the story does not depend on who is asked first.
        let mut rng = StdRng::seed_from_u64(seed_of(&id.to_string(), seed));
        // The first of a group takes changes first.
        let order_of_change = if ordinal == 0 { "0" } else { ["1", "2", "3"][ordinal % 3] };
        let labels = [("region", region), ("ring", order_of_change)];
        Self {
            id,
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), SafeText::new(value))).collect(),
            ordinal,
            orders_per_second: rng.random_range(2.0..6.0),
            p95: rng.random_range(170.0..210.0),
            good: 0.0,
            total: 0.0,
            counted_at: 0.0,
            rng,
            noise,
            running: stable.clone(),
            order: None,
            failed: None,
            applied_at: f64::NEG_INFINITY,
        }
    }

    /// The number of the newest order.
    pub(super) fn generation(&self) -> u64 {
        self.order.as_ref().map_or(0, |order| order.generation)
    }

    /// Takes an order on; how long carrying it out takes.
    pub(super) fn begin(&mut self, order: Desired) -> f64 {
        self.order = Some(order);
        self.failed = None;
        self.rng.random_range(3.0..25.0)
    }

    /// The order is carried out, or fails.
    pub(super) fn finish(&mut self, now: f64, troubles: &Troubles) {
        let Some(order) = &self.order else { return };
        let trouble = |digest| troubles.get(digest).copied().unwrap_or(Trouble::None);
        let is_one_of = |every: usize| every > 0 && self.ordinal % every == every - 1;
        self.failed = match (trouble(&order.snapshot), trouble(&self.running)) {
            (Trouble::FailsOn { every }, _) if is_one_of(every) => {
                Some((FailureCategory::Apply, SafeBlock::new(FAILED_APPLY)))
            }
            (_, Trouble::Stuck { every, .. }) if order.snapshot != self.running && is_one_of(every) => {
                Some((FailureCategory::Apply, SafeBlock::new(FAILED_REVERT)))
            }
            _ => None,
        };
        if self.failed.is_none() {
            self.running = order.snapshot.clone();
            self.applied_at = now;
        }
    }

    /// Until when its agent is silent, if it is.
    pub(super) fn mute_until(&self, now: f64, troubles: &Troubles) -> Option<f64> {
        match troubles.get(&self.running) {
            Some(Trouble::Mutes { after, lasts }) => {
                let from = self.applied_at + after;
                (from..from + lasts).contains(&now).then_some(from + lasts)
            }
            _ => None,
        }
    }

    /// How bad it is, from 0 (well) to 1.
    fn severity(&self, now: f64, troubles: &Troubles) -> f64 {
        match troubles.get(&self.running) {
            Some(Trouble::Decays { after } | Trouble::Stuck { after, .. }) => {
                ((now - self.applied_at - after) / DECAY).clamp(0.0, 1.0)
            }
            _ => 0.0,
        }
    }

    /// A number that varies around 0, within about `spread`.
    fn jitter(&mut self, spread: f64) -> f64 {
        self.noise * spread * self.rng.random_range(-1.0..1.0)
    }

    /// Says that it works on its order.
    pub(super) fn working(&self, interval: f64) -> Report {
        self.report(ReportState::Applying, interval)
    }

    /// Checks itself, as a check command would.
    pub(super) fn check(&mut self, now: f64, interval: f64, troubles: &Troubles, hurried: bool) -> Report {
        let bad = self.severity(now, troubles);
        let since = now - self.applied_at;
        let gap = 1.5 + self.jitter(1.0) + 13.0 * bad;
        let accepted = hurried || since >= ACCEPTANCE;
        let errors = 0.004 + self.jitter(0.002) + 0.09 * bad;
        self.count(now, errors);
        let p95 = self.p95 + self.noise * 6.0 * (TAU * now / 180.0 + self.p95).sin() + self.jitter(7.0) + 160.0 * bad;
        let facts = Facts::from([
            ("runtime_healthy".to_owned(), FactValue::Bool(bad < 1.0)),
            ("adapter_connected".to_owned(), FactValue::Bool(true)),
            ("gap".to_owned(), FactValue::Number(tenths(gap))),
            ("drops".to_owned(), FactValue::Number(0.0)),
            ("acceptance_suite_passed".to_owned(), FactValue::Bool(accepted)),
            ("error_rate".to_owned(), FactValue::Number((errors * 10_000.0).round() / 10_000.0)),
        ]);
        let slis = BTreeMap::from([
            ("pick_success".to_owned(), SliReading::Counter { good: self.good.round(), total: self.total.round() }),
            ("p95_ms".to_owned(), SliReading::Gauge { value: tenths(p95) }),
        ]);
        let state = match (&self.order, &self.failed) {
            (None, _) => ReportState::Idle,
            (Some(_), Some(_)) => ReportState::Failed,
            (Some(_), None) if bad < 1.0 => ReportState::Healthy,
            (Some(_), None) => ReportState::Unhealthy,
        };
        let (category, output_tail) = match (&self.failed, state) {
            (Some((category, output)), _) => (Some(*category), output.clone()),
            (None, ReportState::Unhealthy) => (Some(FailureCategory::Verify), SafeBlock::new(UNHEALTHY)),
            _ => (None, SafeBlock::default()),
        };
        Report {
            measured: Some(self.running.clone()),
            facts,
            slis,
            category,
            output_tail,
            ..self.report(state, interval)
        }
    }

    /// Goes on counting orders; without noise nothing is counted, so that nothing changes.
    fn count(&mut self, now: f64, errors: f64) {
        let seconds = (now - self.counted_at).clamp(0.0, 600.0) * f64::from(u8::from(self.noise > 0.0));
        self.counted_at = now;
        let served = if self.total == 0.0 { 1000.0 } else { self.orders_per_second * seconds };
        self.total += served;
        self.good += served * (1.0 - errors.clamp(0.0, 1.0));
    }

    fn report(&self, state: ReportState, interval: f64) -> Report {
        Report {
            generation: self.generation(),
            state,
            measured: None,
            claimed: None,
            facts: Facts::new(),
            slis: BTreeMap::new(),
            category: None,
            output_tail: SafeBlock::default(),
            check_interval: interval,
            labels: BTreeMap::new(),
            flags: BTreeMap::new(),
            checked_at: None,
            evaluated: BTreeMap::new(),
            audit_broken: None,
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

const FAILED_APPLY: &str = "\
scannerctl: flashing firmware 9.1.0 to 14 devices
scannerctl: device 3: bootloader 2.0 found, 2.2 needed
scannerctl: device 9: bootloader 2.0 found, 2.2 needed
scannerctl: 12 of 14 flashed, 2 refused
scannerctl: error: partial flash is not allowed on a live lane, stopping
apply exited 1";

const FAILED_REVERT: &str = "\
planner-deploy: stopping route-planner
planner-deploy: restoring database schema 41
planner-deploy: error: relation \"door_trailer\" is in use by 3 sessions
planner-deploy: schema 42 stays, previous planner cannot start on it
apply exited 1";

const UNHEALTHY: &str = "\
healthcheck: runtime did not answer within 5s
healthcheck: last telemetry 14.2s ago
check exited 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::of([byte; 32])
    }

    fn unit(ordinal: usize, seed: u64) -> Unit {
        born(ordinal, seed, 1.0)
    }

    fn born(ordinal: usize, seed: u64, noise: f64) -> Unit {
        let (site, lane) = ("reno".parse().unwrap(), "pick".parse().unwrap());
        let group = "dc-west".parse().unwrap();
        Unit::new(site, lane, &Birth { group: &group, region: "us-west", ordinal, stable: &digest(1), seed, noise })
    }

    fn order(generation: u64, byte: u8) -> Desired {
        Desired {
            generation,
            snapshot: digest(byte),
            version: "v".into(),
            previous: None,
            artifact: None,
            deadline: 600,
        }
    }

    fn run(unit: &mut Unit, troubles: &Troubles, until: f64) -> Vec<Report> {
        let checks = (until / 10.0) as u32 + 1;
        (0..checks).map(|n| unit.check(f64::from(n) * 10.0, 10.0, troubles, false)).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_another_one_another() {
        let troubles = Troubles::from([(digest(2), Trouble::Decays { after: 60.0 })]);
        let story = |seed| {
            let mut unit = unit(0, seed);
            let took = unit.begin(order(1, 2));
            unit.finish(took, &troubles);
            (took, run(&mut unit, &troubles, 200.0))
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
    }

    #[test]
    fn a_decaying_candidate_is_well_first_and_breaks_the_gates_of_the_plan_later() {
        let troubles = Troubles::from([(digest(2), Trouble::Decays { after: 60.0 })]);
        let mut unit = unit(0, 1);
        unit.begin(order(1, 2));
        unit.finish(0.0, &troubles);
        let reports = run(&mut unit, &troubles, 150.0);
        let gap = |report: &Report| match report.facts["gap"] {
            FactValue::Number(gap) => gap,
            FactValue::Bool(_) => panic!("gap is a number"),
        };
        assert!(reports[..7].iter().all(|r| gap(r) < 10.0 && r.state == ReportState::Healthy));
        assert!(reports[8..].iter().all(|r| gap(r) > 10.0 && r.state == ReportState::Unhealthy));
        assert!(!reports.last().unwrap().output_tail.is_empty());
    }

    #[test]
    fn counters_only_grow_and_what_is_good_is_part_of_the_total() {
        let mut unit = unit(3, 1);
        let mut last = (0.0, 0.0);
        for report in run(&mut unit, &Troubles::new(), 500.0) {
            let SliReading::Counter { good, total } = report.slis["pick_success"] else { panic!("a counter") };
            assert!(good >= last.0 && total > last.1 && good <= total);
            last = (good, total);
        }
    }

    #[test]
    fn a_failed_apply_leaves_what_ran_and_shows_its_output() {
        let troubles = Troubles::from([(digest(2), Trouble::FailsOn { every: 2 })]);
        let mut unlucky = unit(1, 1);
        unlucky.begin(order(1, 2));
        unlucky.finish(5.0, &troubles);
        let report = unlucky.check(6.0, 10.0, &troubles, false);
        assert_eq!((report.state, report.category), (ReportState::Failed, Some(FailureCategory::Apply)));
        assert_eq!(report.measured, Some(digest(1)));
        assert!(report.output_tail.as_str().contains("bootloader"));
        let mut lucky = unit(0, 1);
        lucky.begin(order(1, 2));
        lucky.finish(5.0, &troubles);
        assert_eq!(lucky.check(6.0, 10.0, &troubles, false).measured, Some(digest(2)));
    }

    #[test]
    fn without_noise_nothing_changes_from_check_to_check() {
        let mut still = born(0, 1, 0.0);
        let first = still.check(0.0, 600.0, &Troubles::new(), false);
        assert_eq!(still.check(700.0, 600.0, &Troubles::new(), false), first);
    }
}
