//! What evaluation looks at: all flags, compiled once, and what is known of every unit, published by the
//! writer after what it shows is durable. Whoever evaluates never asks the writer.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::usage::{StoredUse, Usage};
use crate::{
    control::core::Core,
    domain::{
        Flag, FlagKey, LaneName, Place, RolloutId, RolloutName, SafeText, SiteName, StageName, TargetName, UnitId,
        flag::HeldFlag, hex, unit::UnitKey,
    },
    flag::{Compiled, FlagError},
    store::{Document, RecordKind, StoreError, Write},
};

/// What is known of units is published at most this often, where there are many of them.
const CALM: TimeDelta = TimeDelta::milliseconds(250);
/// As few units as this are published at once.
const FEW: usize = 500;
/// Use is stored at most this often.
const STORED_EVERY: TimeDelta = TimeDelta::minutes(15);

/// A flag, ready to be evaluated.
#[derive(Debug)]
pub(in crate::control) struct Entry {
    pub(in crate::control) compiled: Compiled,
    /// Tells what is served outside of the scope from what is served there after another change.
    outside: [u8; 32],
}

impl Entry {
    pub(in crate::control) fn new(flag: &Flag) -> Result<Self, FlagError> {
        let definition = &flag.definition;
        let off = flag.killed.is_some() || !definition.enabled;
        let served = if off { &definition.off_variant } else { &definition.default_variant };
        let outside =
            serde_json::to_vec(&(off, served, definition.variants.get(served), definition.kind, &definition.owner));
        Ok(Self { outside: Sha256::digest(outside.unwrap_or_default()).into(), compiled: Compiled::new(flag)? })
    }

    pub(in crate::control) fn flag(&self) -> &Flag {
        self.compiled.flag()
    }

    /// Whether its rules count at a place.
    pub(super) fn covers(&self, place: Option<&Place<'_>>) -> bool {
        let scope = self.flag().definition.scope.as_ref();
        scope.is_none_or(|scope| place.is_some_and(|place| scope.covers(place)))
    }
}

/// What the server knows of a unit that a flag may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::control) struct Spot {
    pub(in crate::control) labels: BTreeMap<String, SafeText>,
    /// The open rollout that it is part of.
    pub(in crate::control) rollout: Option<RolloutName>,
    /// Its stage there.
    pub(in crate::control) stage: Option<StageName>,
    /// The flags that its agent keeps, as it said last.
    pub(in crate::control) held: BTreeMap<FlagKey, HeldFlag>,
}

impl Spot {
    pub(in crate::control) fn place<'a>(&'a self, unit: &'a UnitId) -> Place<'a> {
        Place {
            target: &unit.group,
            rollout: self.rollout.as_ref(),
            site: Some(&unit.site),
            lane: Some(&unit.lane),
            stage: self.stage.as_ref(),
            labels: Some(&self.labels),
        }
    }
}

/// All flags and all units at one instant.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Book {
    pub(in crate::control) flags: Arc<BTreeMap<FlagKey, Arc<Entry>>>,
    pub(in crate::control) units: Arc<BTreeMap<UnitId, Arc<Spot>>>,
    /// The open rollouts whose stages set flags.
    pub(in crate::control) widening: Arc<BTreeMap<FlagKey, RolloutId>>,
}

impl Book {
    /// The only lane of a site, where it has one only.
    pub(super) fn only_lane(&self, group: &TargetName, site: &SiteName) -> Option<LaneName> {
        // Names start with a letter or digit, so this is at or below each of them.
        let first = UnitId { group: group.clone(), site: site.clone(), lane: "0".parse().ok()? };
        let mut lanes = self.units.range((Bound::Included(first), Bound::Unbounded));
        let here = |unit: &UnitId| unit.group == *group && unit.site == *site;
        let only = lanes.next().map(|(unit, _)| unit).filter(|unit| here(unit))?;
        (!lanes.next().is_some_and(|(next, _)| here(next))).then(|| only.lane.clone())
    }

    /// Changes when a flag does that a place can see, or what is known of the place, and else does not.
    pub(super) fn digest(&self, place: Option<&Place<'_>>) -> String {
        let mut hash = Sha256::new();
        if let Some(place) = place {
            let known = (
                place.target,
                place.rollout,
                place.site,
                place.lane,
                place.stage,
                place.labels.filter(|labels| !labels.is_empty()),
            );
            hash.update(serde_json::to_vec(&known).unwrap_or_default());
        }
        for (key, entry) in self.flags.iter() {
            hash.update(key.as_str());
            if entry.covers(place) {
                hash.update([0]);
                hash.update(entry.flag().revision.to_be_bytes());
            } else {
                hash.update([1]);
                hash.update(entry.outside);
            }
        }
        hex(&hash.finalize()[..16])
    }
}

/// The writer's own: the book as it is decided on, and when what is to be done about it.
#[derive(Debug)]
pub(in crate::control) struct Shelf {
    pub(in crate::control) book: Book,
    pub(in crate::control) usage: Arc<Usage>,
    /// Whether what is known of units may have changed since the book was made.
    units_moved: bool,
    units_at: DateTime<Utc>,
    store_use_at: DateTime<Utc>,
    /// When each flag had last been evaluated, as it is stored.
    use_stored: BTreeMap<FlagKey, DateTime<Utc>>,
}

impl Shelf {
    /// Flags and their use as they were stored.
    pub(in crate::control) fn load(
        records: &[(RecordKind, String, Document)],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let damaged =
            |key: &str, detail: String| StoreError::Damaged { place: format!("flag {}", SafeText::new(key)), detail };
        let mut flags = BTreeMap::new();
        let mut uses = BTreeMap::new();
        for (kind, key, document) in records {
            match kind {
                RecordKind::Flag => {
                    let flag: Flag =
                        serde_json::from_value(document.clone()).map_err(|e| damaged(key, e.to_string()))?;
                    let entry = Entry::new(&flag).map_err(|e| damaged(key, e.to_string()))?;
                    flags.insert(flag.key, Arc::new(entry));
                }
                RecordKind::FlagUse => {
                    let stored: StoredUse =
                        serde_json::from_value(document.clone()).map_err(|e| damaged(key, e.to_string()))?;
                    let key: FlagKey = key.parse().map_err(|_| damaged(key, "it is no flag's key".to_owned()))?;
                    uses.insert(key, stored);
                }
                _ => {}
            }
        }
        let use_stored = uses.iter().filter_map(|(key, stored)| Some((key.clone(), stored.last()?))).collect();
        Ok(Self {
            book: Book { flags: Arc::new(flags), ..Book::default() },
            usage: Arc::new(Usage::load(uses)),
            units_moved: true,
            units_at: DateTime::UNIX_EPOCH,
            store_use_at: now + STORED_EVERY,
            use_stored,
        })
    }

    /// A flag.
    pub(in crate::control) fn get(&self, key: &FlagKey) -> Option<&Arc<Entry>> {
        self.book.flags.get(key)
    }

    /// A unit has other labels, another stage, or is new.
    pub(in crate::control) fn units_moved(&mut self) {
        self.units_moved = true;
    }

    /// When the book has to be made again, if nothing else happens.
    pub(in crate::control) fn due(&self) -> Option<DateTime<Utc>> {
        (self.units_moved && !self.book.flags.is_empty()).then(|| self.units_at + CALM)
    }
}

impl Core {
    /// Replaces a flag, or adds it; it is durable with the batch, and shown after.
    pub(in crate::control) fn keep_flag(&mut self, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        let key = entry.flag().key.clone();
        if let Ok(document) = serde_json::to_value(entry.flag()) {
            self.batch.push(Write::Record(RecordKind::Flag, key.to_string(), document));
        }
        Arc::make_mut(&mut self.flags.book.flags).insert(key, Arc::clone(&entry));
        self.urgent = true;
        entry
    }

    /// The book as it is to be shown.
    pub(in crate::control) fn book(&mut self) -> &Book {
        let now = self.now();
        let calm = self.flags.units_at + CALM <= now || self.fleet.len() <= FEW;
        if self.flags.units_moved && !self.flags.book.flags.is_empty() && calm {
            self.flags.units_moved = false;
            self.flags.units_at = now;
            let widening = self.widening();
            if *self.flags.book.widening != widening {
                self.flags.book.widening = Arc::new(widening);
            }
            let units = self.spots();
            if *self.flags.book.units != units {
                self.flags.book.units = Arc::new(units);
            }
        }
        &self.flags.book
    }

    /// The open rollouts whose stages set flags.
    pub(in crate::control) fn widening(&self) -> BTreeMap<FlagKey, RolloutId> {
        let open = self.rollouts.iter().filter(|(_, record)| !record.stored.state.phase().is_terminal());
        let flags = open.flat_map(|(id, record)| record.stored.plan.flags().map(|flag| (flag.key.clone(), id.clone())));
        flags.collect()
    }

    /// What is known of every unit now.
    pub(in crate::control) fn spots(&self) -> BTreeMap<UnitId, Arc<Spot>> {
        let mut stages: BTreeMap<UnitId, (RolloutName, Option<StageName>)> = BTreeMap::new();
        for (id, record) in &self.rollouts {
            if record.stored.superseded || record.stored.state.phase().is_terminal() {
                continue;
            }
            for (UnitKey { site, lane }, stage) in record.stored.state.members(&record.stored.plan) {
                let unit = UnitId { group: id.target.clone(), site: site.clone(), lane: lane.clone() };
                stages.insert(unit, (id.name.clone(), stage.cloned()));
            }
        }
        let spot = |(id, unit): (&UnitId, &crate::driver::fleet::Unit)| {
            let (rollout, stage) = stages.remove(id).map_or((None, None), |(rollout, stage)| (Some(rollout), stage));
            let held = unit.report.as_ref().map(|report| report.flags.clone()).unwrap_or_default();
            let spot = Spot { labels: unit.labels.clone(), rollout, stage, held };
            let known = self.flags.book.units.get(id).filter(|known| ***known == spot);
            (id.clone(), known.cloned().unwrap_or_else(|| Arc::new(spot)))
        };
        self.fleet.iter().map(spot).collect()
    }

    /// Stores when flags were last evaluated, where that is due.
    pub(in crate::control) fn store_flag_use(&mut self, now_please: bool) {
        let now = self.now();
        if !now_please && now < self.flags.store_use_at {
            return;
        }
        self.flags.store_use_at = now + STORED_EVERY;
        let keys: Vec<FlagKey> = self.flags.book.flags.keys().cloned().collect();
        for key in keys {
            let stored = self.flags.usage.to_store(&key);
            let Some(last) = stored.last() else { continue };
            if self.flags.use_stored.get(&key) == Some(&last) {
                continue;
            }
            if let Ok(document) = serde_json::to_value(&stored) {
                self.batch.push(Write::Record(RecordKind::FlagUse, key.to_string(), document));
                self.flags.use_stored.insert(key, last);
            }
        }
    }
}
