//! What readers see: pictures of all rollouts, made by the writer after what they show is durable,
//! read by everybody else without asking the writer.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{Figures, core::Core, flags::PinnedFlag};
use crate::{
    domain::{Digest, FlagKey, Plan, Preview, Principal, Revision, Rollout, RolloutId, SafeText, UnitId, VersionRef},
    engine::{self, Context},
    wire::{CarrierView, Cursor, RolloutsPage},
};

/// How many removals are remembered; a client that missed more is sent everything.
const REMOVED: usize = 1024;
/// Units in a rollout's picture, at most.
const UNITS_SHOWN: usize = 1000;
/// Failures in a rollout's picture, at most.
const FAILURES_SHOWN: usize = 50;
/// A picture in which nothing but the time of observation changed is sent again after this.
const OBSERVED_QUANTUM: TimeDelta = TimeDelta::seconds(10);
/// One client is answered at most this often.
pub(super) const ANSWER_EVERY: Duration = Duration::from_secs(1);

/// One rollout's picture.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) rollout: Arc<Rollout>,
    pub(super) summary: Arc<Rollout>,
    /// The version in which all that is shown last changed.
    pub(super) changed: u64,
    /// The version in which the summary last changed.
    pub(super) summary_changed: u64,
    /// Which driver carries it out, where one does.
    pub(super) driver: Option<usize>,
}

/// All pictures at one version.
#[derive(Debug, Clone, Default)]
pub(super) struct Gallery {
    pub(super) version: u64,
    pub(super) pictures: Arc<BTreeMap<RolloutId, Arc<Picture>>>,
    pub(super) removed: Arc<VecDeque<(u64, RolloutId)>>,
    /// The oldest version from which `removed` is complete.
    pub(super) since: u64,
    pub(super) figures: Arc<Figures>,
    /// How the drivers do, in their order.
    pub(super) carriers: Arc<Vec<CarrierView>>,
    /// The version in which what is wrong with them last changed.
    pub(super) carriers_changed: u64,
}

/// Makes pictures.
pub(super) struct Publisher {
    gallery: Gallery,
    sender: watch::Sender<Gallery>,
}

impl Publisher {
    pub(super) fn new() -> (Self, watch::Receiver<Gallery>) {
        let (sender, receiver) = watch::channel(Gallery::default());
        (Self { gallery: Gallery::default(), sender }, receiver)
    }

    /// Makes the pictures of all that changed again, and shows them if they differ.
    pub(super) fn publish(&mut self, core: &mut Core) {
        core.urgent = false;
        let version = self.gallery.version + 1;
        // The first one is shown even when it is empty: whoever starts the control plane waits for it.
        let mut differs = self.gallery.version == 0;
        let mut pictures = None;
        for id in std::mem::take(&mut core.dirty) {
            let Some(rollout) = core.picture(&id) else { continue };
            let before = self.gallery.pictures.get(&id);
            let (mut changed, mut summary_changed) =
                before.map_or((version, version), |b| (b.changed, b.summary_changed));
            let summary = rollout.clone().summary();
            if let Some(before) = before {
                if !alike(&before.rollout, &rollout) {
                    changed = version;
                }
                if !alike(&before.summary, &summary) {
                    summary_changed = version;
                }
                if changed != version && summary_changed != version {
                    continue;
                }
            }
            differs = true;
            let driver = core.carried.get(&id).map(|carried| carried.driver);
            let picture =
                Picture { rollout: Arc::new(rollout), summary: Arc::new(summary), changed, summary_changed, driver };
            pictures.get_or_insert_with(|| BTreeMap::clone(&self.gallery.pictures)).insert(id, Arc::new(picture));
        }
        if !core.removed.is_empty() {
            let mut removed = VecDeque::clone(&self.gallery.removed);
            for id in core.removed.drain(..) {
                differs = true;
                pictures.get_or_insert_with(|| BTreeMap::clone(&self.gallery.pictures)).remove(&id);
                removed.push_back((version, id));
            }
            while removed.len() > REMOVED {
                if let Some((at, _)) = removed.pop_front() {
                    self.gallery.since = at;
                }
            }
            self.gallery.removed = Arc::new(removed);
        }
        let figures = core.figures_now();
        let carriers = core.carriers();
        let news = |view: &CarrierView| (view.as_of.is_some(), view.remarks.clone());
        if carriers.iter().map(news).ne(self.gallery.carriers.iter().map(news)) {
            differs = true;
            self.gallery.carriers_changed = version;
        }
        self.gallery.carriers = Arc::new(carriers);
        if differs {
            self.gallery.version = version;
        }
        if let Some(pictures) = pictures {
            self.gallery.pictures = Arc::new(pictures);
        }
        self.gallery.figures = Arc::new(figures);
        let gallery = self.gallery.clone();
        self.sender.send_if_modified(|shown| {
            *shown = gallery;
            differs
        });
    }
}

/// Whether two pictures show the same, give or take when it was observed.
fn alike(before: &Rollout, after: &Rollout) -> bool {
    let fresh = match (before.observed_at, after.observed_at) {
        (Some(before), Some(after)) => after - before < OBSERVED_QUANTUM,
        (before, after) => before == after,
    };
    if !fresh {
        return false;
    }
    let mut masked = after.clone();
    masked.observed_at = before.observed_at;
    for (masked, before) in masked.slis.iter_mut().zip(&before.slis) {
        masked.observed_at = before.observed_at;
    }
    if let (Some(units), Some(before)) = (&mut masked.units, &before.units) {
        for (masked, before) in units.iter_mut().zip(before) {
            masked.seen_at = before.seen_at;
        }
    }
    masked == *before
}

impl Gallery {
    /// What a client that has `cursor` needs; `None` when nothing changed for it.
    pub(super) fn page(
        &self,
        boot: &str,
        who: &Principal,
        cursor: Option<&Cursor>,
        as_of: DateTime<Utc>,
    ) -> Option<RolloutsPage> {
        let next = self.cursor(boot, as_of);
        let sees = |id: &RolloutId| super::authorize::holds_for(who, &id.target);
        let after = cursor.and_then(|c| read_cursor(c, boot)).map(|(version, _)| version);
        match after.filter(|version| *version >= self.since && *version <= self.version) {
            None => Some(RolloutsPage::All {
                rollouts: self
                    .pictures
                    .iter()
                    .filter(|(id, _)| sees(id))
                    .map(|(_, picture)| self.observed(picture, &picture.summary))
                    .collect(),
                cursor: next,
                as_of,
                carriers: Vec::clone(&self.carriers),
            }),
            Some(after) => {
                let changed: Vec<Rollout> = self
                    .pictures
                    .iter()
                    .filter(|(id, picture)| picture.summary_changed > after && sees(id))
                    .map(|(_, picture)| self.observed(picture, &picture.summary))
                    .collect();
                let removed: Vec<RolloutId> = self
                    .removed
                    .iter()
                    .filter(|(at, id)| *at > after && sees(id) && !self.pictures.contains_key(id))
                    .map(|(_, id)| id.clone())
                    .collect();
                let news = self.carriers_changed > after;
                (!changed.is_empty() || !removed.is_empty() || news).then_some(RolloutsPage::Changed {
                    changed,
                    removed,
                    cursor: next,
                    as_of,
                    carriers: Vec::clone(&self.carriers),
                })
            }
        }
    }

    /// A picture as it is sent: what a driver tells of is as old as the driver's last sign of life.
    pub(super) fn observed(&self, picture: &Picture, shown: &Rollout) -> Rollout {
        let mut rollout = shown.clone();
        if let Some(carrier) = picture.driver.and_then(|driver| self.carriers.get(driver)) {
            rollout.observed_at = carrier.as_of;
        }
        rollout
    }

    pub(super) fn cursor(&self, boot: &str, as_of: DateTime<Utc>) -> Cursor {
        Cursor(SafeText::new(format!("{boot}.{}.{}", self.version, as_of.timestamp_millis())))
    }
}

/// The version that a cursor of this process stands for, and when it was given out.
pub(super) fn read_cursor(cursor: &Cursor, boot: &str) -> Option<(u64, DateTime<Utc>)> {
    let mut parts = cursor.0.as_str().split('.');
    let (Some(of), Some(version), Some(given), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let given = DateTime::from_timestamp_millis(given.parse().ok()?)?;
    (of == boot).then_some(())?;
    Some((version.parse().ok()?, given))
}

impl Core {
    /// All that is shown of a rollout.
    pub(super) fn picture(&self, id: &RolloutId) -> Option<Rollout> {
        if let Some(carried) = self.carried.get(id) {
            return Some(self.carried_picture(carried));
        }
        let record = self.rollouts.get(id)?;
        let stored = &record.stored;
        let now = self.now();
        let context = Context { now, plan: &stored.plan, held: &record.held };
        let mut view = engine::view(&stored.state, &context);
        let mut observed_at = None;
        for unit in &mut view.units {
            let place = UnitId { group: id.target.clone(), site: unit.site.clone(), lane: unit.lane.clone() };
            if let Some(known) = self.fleet.get(&place) {
                unit.seen_at = known.seen_at;
                unit.reachable = known.is_reachable();
                unit.measured.clone_from(&known.measured);
                unit.claimed = if known.measured.is_none() { known.claimed.clone() } else { None };
                observed_at = observed_at.max(known.heard_at);
            }
        }
        let stable = self.stable_of(&stored.plan, view.units.iter().map(|u| u.pinned.as_ref()));
        let freeze = self.freeze_shown(id, record);
        let stage = stored.plan.stages.iter().find(|stage| Some(&stage.name) == view.current_stage.as_ref());
        let slis = record.judging.slis(stage.and_then(|stage| stage.slis.as_ref()));
        let verdict = record.judging.verdict(&slis);
        view.units.truncate(UNITS_SHOWN);
        view.failures.truncate(FAILURES_SHOWN);
        let number = stored.revision_base + view.revision;
        Some(Rollout {
            target: id.target.clone(),
            name: id.name.clone(),
            driver: SafeText::new("fleet"),
            revision: Revision(SafeText::new(format!("r{number}"))),
            phase: view.phase,
            message: view.message,
            strategy: SafeText::new("staged"),
            stable,
            candidate: self.brought_by(&stored.plan),
            exposure: view.exposure,
            stages: view.stages,
            current_stage: view.current_stage,
            blockers: view.blockers,
            slis,
            verdict,
            trend: None,
            workload: None,
            pending: None,
            offers: Vec::new(),
            freeze: freeze.map(Box::new),
            next: view.next,
            owner: stored.plan.owner.clone(),
            failures: Some(view.failures),
            units: Some(view.units),
            correlation_id: stored.correlation_id.clone(),
            created_at: stored.created_at,
            updated_at: view.updated_at,
            observed_at,
        })
    }

    /// What a plan brings: its snapshot, or else its flags by name.
    pub(super) fn brought_by(&self, plan: &Plan) -> VersionRef {
        match &plan.snapshot {
            Some(snapshot) => self.version_of(snapshot),
            None => VersionRef { version: Some(SafeText::new(plan.candidate())), snapshot: None },
        }
    }

    /// A snapshot by its two names.
    pub(super) fn version_of(&self, digest: &Digest) -> VersionRef {
        VersionRef { version: self.snapshots.get(digest).map(|s| s.version.clone()), snapshot: Some(digest.clone()) }
    }

    /// The same preview with versions where the engine, which knows none, names digests.
    pub(super) fn with_versions(&self, mut preview: Preview) -> Preview {
        let checks = preview.checks.iter_mut().map(|check| &mut check.text);
        let lines = preview.changes.iter_mut().chain(&mut preview.unchanged).chain(checks);
        for text in std::iter::once(&mut preview.summary).chain(lines) {
            for snapshot in self.snapshots.values().filter(|s| !s.version.is_empty()) {
                let digest = snapshot.digest.short();
                if text.as_str().contains(digest) {
                    *text = SafeText::new(text.as_str().replace(digest, snapshot.version.as_str()));
                }
            }
        }
        preview
    }

    /// What is there where the candidate is not.
    pub(super) fn stable_of<'a>(&self, plan: &Plan, pinned: impl Iterator<Item = Option<&'a Digest>>) -> VersionRef {
        if plan.snapshot.is_some() {
            return self.stable_version(pinned);
        }
        let pinned = self.rollouts.get(&plan.id()).map(|record| &record.stored.flags);
        let one = |(key, pinned): (&FlagKey, &PinnedFlag)| format!("{key} r{}", pinned.revision);
        let was: Vec<String> = pinned.into_iter().flatten().map(one).collect();
        VersionRef { version: Some(SafeText::new(was.join(", "))), snapshot: None }
    }

    pub(super) fn stable_version<'a>(&self, pinned: impl Iterator<Item = Option<&'a Digest>>) -> VersionRef {
        let mut one = None;
        for digest in pinned.flatten() {
            match one {
                None => one = Some(digest),
                Some(known) if known == digest => {}
                Some(_) => return VersionRef { version: Some(SafeText::new("mixed")), snapshot: None },
            }
        }
        one.map_or_else(VersionRef::default, |digest| self.version_of(digest))
    }

    fn figures_now(&self) -> Figures {
        let mut figures = self.figures.clone();
        figures.rollouts.clear();
        for record in self.rollouts.values() {
            *figures.rollouts.entry(record.stored.state.phase().as_str()).or_default() += 1;
        }
        for carried in self.carried.values() {
            *figures.rollouts.entry(carried.sighting.rollout.phase.as_str()).or_default() += 1;
        }
        figures.dropped.insert("sli_readings", self.reported.dropped());
        figures.units = self.fleet.len() as u64;
        figures.units_reachable = self.fleet.iter().filter(|(_, unit)| unit.is_reachable()).count() as u64;
        figures.audit_entries = self.tree.size();
        figures
    }
}
