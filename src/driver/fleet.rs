//! The fleet: which units there are, what each was told last, and what it said last.
//!
//! Orders and what was measured are stored; facts are not. They are older than three check
//! intervals after any crash worth the name, and unknown until the agent reports again.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, LaneName, Report, ReportState, SafeText, SiteName, TargetName, UnitId};

/// How many units a control plane takes: beyond it, an unknown unit's poll is refused.
pub const UNITS_MAX: usize = 20_000;

/// An order: what a unit was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What it is to run.
    pub snapshot: Digest,
    /// What it ran before.
    pub previous: Option<Digest>,
    /// When the unit was first told.
    pub told_at: DateTime<Utc>,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// `region`, `ring`, ...
    pub labels: BTreeMap<String, SafeText>,
    /// The number of the last order; 0 before any.
    pub generation: u64,
    /// The last order.
    pub order: Option<Order>,
    /// What was last measured to be running there.
    pub measured: Option<Digest>,
    /// What the agent last claimed, where it measures nothing.
    pub claimed: Option<Digest>,
    /// When it first polled.
    pub enrolled_at: DateTime<Utc>,
    /// The last report, kept in memory only.
    #[serde(skip)]
    pub report: Option<Report>,
    /// When it last polled or reported, in memory only.
    #[serde(skip)]
    pub seen_at: Option<DateTime<Utc>>,
    /// When it last reported, in memory only: a poll says nothing of what runs there.
    #[serde(skip)]
    pub heard_at: Option<DateTime<Utc>>,
    /// Whether its facts are too old, in memory only.
    #[serde(skip)]
    pub silent: bool,
}

impl Unit {
    /// What it runs, as far as anybody knows: measured, or else claimed.
    #[must_use]
    pub fn present(&self) -> Option<&Digest> {
        self.measured.as_ref().or(self.claimed.as_ref())
    }

    /// Whether facts are at hand that are not too old.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.report.is_some() && !self.silent
    }

    /// What order and measurement differ in, in a sentence.
    #[must_use]
    pub fn drift(&self) -> Option<SafeText> {
        if self.report.as_ref().is_some_and(|report| report.audit_broken.is_some()) {
            return Some(SafeText::new("saw another audit trail than this one"));
        }
        let order = self.order.as_ref()?;
        let settled = self.report.as_ref().is_some_and(|r| {
            r.generation == self.generation && matches!(r.state, ReportState::Healthy | ReportState::Unhealthy)
        });
        let differs = self.measured.as_ref().is_some_and(|measured| *measured != order.snapshot);
        (settled && differs).then(|| SafeText::new("runs another snapshot than it was told"))
    }
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Facts only.
    Facts,
    /// Progress or what runs there: to be stored before it is acknowledged.
    Progress,
}

/// All units, in order of group, site and lane.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    units: BTreeMap<UnitId, Unit>,
    /// When each unit's facts become too old.
    expiries: BTreeSet<(DateTime<Utc>, UnitId)>,
    expiry_of: BTreeMap<UnitId, DateTime<Utc>>,
}

/// Facts older than this many check intervals are unknown.
const FACTS_LAST: f64 = 3.0;

/// When facts that were reported at `at` become too old.
fn expires(at: DateTime<Utc>, check_interval: f64) -> DateTime<Utc> {
    // An interval comes from outside: an absurd one is cut to eight hours.
    let seconds = if check_interval.is_finite() { check_interval.clamp(0.05, 28_800.0) } else { 5.0 };
    at + TimeDelta::milliseconds((seconds * FACTS_LAST * 1000.0) as i64)
}

impl Fleet {
    /// The fleet as it was stored; each unit gets one grace period to report again.
    #[must_use]
    pub fn new(units: impl IntoIterator<Item = (UnitId, Unit)>, now: DateTime<Utc>) -> Self {
        let mut fleet = Self { units: units.into_iter().collect(), ..Self::default() };
        let ids: Vec<UnitId> = fleet.units.keys().cloned().collect();
        for id in ids {
            fleet.expire_at(id, expires(now, crate::domain::unit::check_interval()));
        }
        fleet
    }

    /// A unit.
    #[must_use]
    pub fn get(&self, id: &UnitId) -> Option<&Unit> {
        self.units.get(id)
    }

    /// All units.
    pub fn iter(&self) -> impl Iterator<Item = (&UnitId, &Unit)> {
        self.units.iter()
    }

    /// How many units there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The units of a group.
    pub fn group<'a>(&'a self, group: &'a TargetName) -> impl Iterator<Item = (&'a UnitId, &'a Unit)> {
        // Names start with a letter or digit, so this is at or below each of them.
        let first = UnitId { group: group.clone(), site: lowest_site(), lane: lowest_lane() };
        self.units.range((Bound::Included(first), Bound::Unbounded)).take_while(move |(id, _)| id.group == *group)
    }

    /// Adds a unit on its first poll, or notes new labels; `true` when it has to be stored.
    pub fn enrol(&mut self, id: &UnitId, labels: &BTreeMap<String, SafeText>, now: DateTime<Utc>) -> bool {
        let unknown = !self.units.contains_key(id);
        let unit = self.units.entry(id.clone()).or_insert_with(|| Unit {
            labels: labels.clone(),
            generation: 0,
            order: None,
            measured: None,
            claimed: None,
            enrolled_at: now,
            report: None,
            seen_at: None,
            heard_at: None,
            silent: false,
        });
        unit.seen_at = Some(now);
        let relabelled = !labels.is_empty() && unit.labels != *labels;
        if relabelled {
            unit.labels.clone_from(labels);
        }
        if unknown {
            self.expire_at(id.clone(), expires(now, crate::domain::unit::check_interval()));
        }
        unknown || relabelled
    }

    /// Notes that a unit was told to run a snapshot.
    pub fn tell(
        &mut self,
        id: &UnitId,
        generation: u64,
        snapshot: Digest,
        previous: Option<Digest>,
        now: DateTime<Utc>,
    ) {
        if let Some(unit) = self.units.get_mut(id) {
            unit.generation = generation;
            unit.order = Some(Order { snapshot, previous, told_at: now });
        }
    }

    /// Notes a report, whose generation was compared before. The unit is reachable again.
    pub fn hear(&mut self, id: &UnitId, report: Report, now: DateTime<Utc>) -> Option<Heard> {
        let expiry = expires(now, report.check_interval);
        let unit = self.units.get_mut(id)?;
        let same = unit.report.as_ref().is_some_and(|last| {
            last.generation == report.generation && last.state == report.state && last.category == report.category
        });
        let mut stored = false;
        // A report without a measurement (applying, failed) does not unmeasure what runs there.
        if report.measured.is_some() && unit.measured != report.measured {
            unit.measured.clone_from(&report.measured);
            stored = true;
        }
        if report.claimed.is_some() && report.measured.is_none() {
            stored |= unit.claimed != report.claimed || unit.measured.is_some();
            unit.claimed.clone_from(&report.claimed);
            unit.measured = None;
        }
        let routine = same || report.state == ReportState::Idle;
        unit.report = Some(report);
        unit.seen_at = Some(now);
        unit.heard_at = Some(now);
        unit.silent = false;
        self.expire_at(id.clone(), expiry);
        Some(if routine && !stored { Heard::Facts } else { Heard::Progress })
    }

    /// Units whose facts became too old by `now`; each is named once until it reports again.
    pub fn fall_silent(&mut self, now: DateTime<Utc>) -> Vec<UnitId> {
        let mut silent = Vec::new();
        while self.expiries.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.expiries.pop_first() else { break };
            self.expiry_of.remove(&id);
            if let Some(unit) = self.units.get_mut(&id) {
                unit.silent = true;
                silent.push(id);
            }
        }
        silent
    }

    /// When the next unit's facts become too old.
    #[must_use]
    pub fn next_silence(&self) -> Option<DateTime<Utc>> {
        self.expiries.first().map(|(at, _)| *at)
    }

    fn expire_at(&mut self, id: UnitId, at: DateTime<Utc>) {
        if let Some(before) = self.expiry_of.insert(id.clone(), at) {
            self.expiries.remove(&(before, id.clone()));
        }
        self.expiries.insert((at, id));
    }
}

fn lowest_site() -> SiteName {
    #[expect(clippy::expect_used, reason = "a digit is a name")]
    SiteName::new("0").expect("a name")
}

fn lowest_lane() -> LaneName {
    #[expect(clippy::expect_used, reason = "a digit is a name")]
    LaneName::new("0").expect("a name")
}

#[cfg(test)]
mod tests;
