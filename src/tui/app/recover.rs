//! Guided recovery: from a symptom, a time and a place to what changed, what speaks for and against each
//! change, what can be done about it, and what will show that it worked. It only reasons: it reads no clock,
//! asks nobody and changes nothing.
//!
//! 1. [`signs`]: what is wrong and since when. A person may say otherwise: three short questions.
//! 2. [`changes`]: what changed at the place in the hour before, ranked by closeness.
//! 3. [`evidence`]: what points to a change, and what clears it. No data is no evidence.
//! 4. [`steps`]: what can be done, the safest first, with what it stops and costs and how it is undone.
//! 5. [`worked`]: what will show that it worked, and by when.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    reading::Known,
    touch::{Around, Touch, may_be_at, may_be_in},
    zone::Zone,
};
use crate::{
    backend::{FlagView, SiteView},
    domain::{AuditEntry, FlagKey, LaneName, Phase, Rollout, RolloutId, SiteName, SubjectKind, TargetName},
};

pub mod changes;
pub mod course;
pub mod evidence;
pub mod signs;
pub mod steps;
pub mod worked;

use changes::{Change, Rest};
use evidence::{Evidence, Stand};
use signs::{Began, Spot, Symptom};
use steps::Step;
use worked::Worked;

/// How far back before the beginning a change is looked for.
pub const BEFORE: TimeDelta = TimeDelta::hours(1);

/// How something stands, for its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It is bad, or points to what is.
    Bad,
    /// A person should look.
    Attention,
    /// Nobody knows.
    Unknown,
    /// It is good, or clears something.
    Good,
    /// It is neither.
    Plain,
}

/// What something is about: what a change changed, and what evidence speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The version that the rollout at stake brings.
    Version,
    /// A flag.
    Flag(FlagKey),
    /// Another rollout of the same target.
    Rollout(String),
    /// One site, whatever runs there.
    Site(SiteName),
    /// What all of the place have in common.
    Common,
    /// Something that changes nothing of what runs: a window, an override, an approval.
    Paper,
}

/// How far the trail is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// How far the reading of it went.
    pub known: Known,
    /// Since when it was read.
    pub since: Option<DateTime<Utc>>,
    /// How many entries were looked at.
    pub looked_at: u64,
    /// The last of them.
    pub last: u64,
    /// How many entries a signed checkpoint covers that goes on from what was remembered here; none where
    /// that was not checked.
    pub proven: Option<u64>,
    /// How many older ones were let go of.
    pub dropped: usize,
    /// The last entry before a break of the trail.
    pub broken_after: Option<u64>,
}

/// All that is known where something is wrong.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The server's time.
    pub now: DateTime<Utc>,
    /// The zone that times are said in.
    pub zone: Zone,
    /// Why what is known may not hold any more: then nothing is ranked.
    pub doubt: Option<String>,
    /// The group of sites, or the target of a cluster.
    pub target: TargetName,
    /// The rollout at stake, as fully as it is known; none where no rollout is over the place.
    pub rollout: Option<Arc<Rollout>>,
    /// The site that was asked about.
    pub site: Option<SiteName>,
    /// Sites of the fleet; none before they came.
    pub sites: Option<&'a [SiteView]>,
    /// Flags; none before they came.
    pub flags: Option<&'a [FlagView]>,
    /// What entries name by an id.
    pub around: Around<'a>,
    /// Entries of the trail that may matter, the newest first.
    pub entries: Vec<&'a AuditEntry>,
    /// How far the trail is known.
    pub trail: Trail,
}

/// What a person said, or left as it was proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// What is wrong.
    pub symptom: Symptom,
    /// When it began.
    pub began: DateTime<Utc>,
    /// Whether that is a person's estimate: a change shortly after it may still be the cause.
    pub estimate: bool,
    /// Where.
    pub spot: Spot,
}

impl Answers {
    /// What is most likely, where nobody said otherwise.
    #[must_use]
    pub fn likely(situation: &Situation<'_>) -> Self {
        let symptom = signs::signs(situation).into_iter().next().map_or(Symptom::Nothing, |sign| sign.symptom);
        let began = signs::moments(situation, &symptom).into_iter().next().unwrap_or(Began::Ago(15));
        let spot = signs::spots(situation, &symptom).into_iter().next().unwrap_or(Spot::Target);
        let (began, estimate) = began.at(situation.now);
        Self { symptom, began, estimate, spot }
    }
}

/// All that can be said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    /// What changed at the place before it began, the closest first.
    pub changes: Vec<Change>,
    /// Whether anything else changed.
    pub rest: Rest,
    /// What speaks for and against each change.
    pub evidence: Vec<Evidence>,
    /// What can be done, the safest first.
    pub steps: Vec<Step>,
    /// What will show that it worked.
    pub worked: Worked,
}

/// Reasons over all of it. `offers` says whether a step can be done now, or why not.
#[must_use]
pub fn find(situation: &Situation<'_>, answers: &Answers, offers: &steps::Offers<'_>) -> Findings {
    let mut changes = changes::before(situation, answers);
    let evidence = evidence::weigh(situation, answers, &changes);
    changes::rank(situation, answers, &mut changes, &evidence);
    let rest = changes::rest(situation, answers, &changes);
    let steps = steps::steps(situation, answers, &changes, &evidence, offers);
    let worked = worked::worked(situation, answers, &steps);
    Findings { changes, rest, evidence, steps, worked }
}

/// What a unit runs, by what was measured or at least claimed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    Candidate,
    Before,
    Unknown,
}

/// How a unit does by its own checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    Bad,
    Silent,
    Unknown,
}

/// A unit of the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit<'a> {
    pub site: &'a SiteName,
    pub lane: &'a LaneName,
    pub runs: Runs,
    /// Whether it could not be brought to what it was told: `runs` is what it was told then, since that is what
    /// failed, and not what still runs there.
    pub unapplied: bool,
    pub health: Health,
    pub seen_at: Option<DateTime<Utc>>,
}

impl Situation<'_> {
    /// An instant in minutes, with its day when that is not today.
    #[must_use]
    pub fn clock(&self, at: DateTime<Utc>) -> String {
        let (civil, sign) = (self.zone.civil(at), self.zone.sign(at));
        if civil.date() == self.zone.civil(self.now).date() {
            format!("{}{sign}", civil.format("%H:%M"))
        } else {
            format!("{}{sign}", civil.format("%d %b %H:%M"))
        }
    }

    /// An instant in seconds.
    #[must_use]
    pub fn clock_seconds(&self, at: DateTime<Utc>) -> String {
        format!("{}{}", self.zone.civil(at).format("%H:%M:%S"), self.zone.sign(at))
    }

    /// The version that the rollout brings, and the one that it takes the place of.
    pub(super) fn versions(&self) -> (String, String) {
        let name = |version: &crate::domain::VersionRef, other: &str| {
            version.version.as_ref().map_or_else(|| other.to_owned(), |name| name.as_str().to_owned())
        };
        self.rollout.as_deref().map_or_else(
            || ("the candidate".to_owned(), "what ran before".to_owned()),
            |rollout| (name(&rollout.candidate, "the candidate"), name(&rollout.stable, "what ran before")),
        )
    }

    /// The sites of the target, as far as they are known.
    pub(super) fn own_sites(&self) -> impl Iterator<Item = &SiteView> {
        self.sites.into_iter().flatten().filter(|site| site.group == self.target)
    }

    /// The units of the target: what sites report, else what the rollout knows of its own.
    pub(super) fn units(&self) -> Vec<Unit<'_>> {
        use crate::domain::ReportState as R;
        let (candidate, stable) = self
            .rollout
            .as_deref()
            .map_or((None, None), |rollout| (rollout.candidate.snapshot.as_ref(), rollout.stable.snapshot.as_ref()));
        let runs = |digest: Option<&crate::domain::Digest>| match digest {
            Some(digest) if Some(digest) == candidate => Runs::Candidate,
            Some(_) if candidate.is_some() || stable.is_some() => Runs::Before,
            Some(_) | None => Runs::Unknown,
        };
        let reported: Vec<Unit<'_>> = self
            .own_sites()
            .flat_map(|site| site.lanes.iter().map(move |lane| (site, lane)))
            .map(|(site, lane)| {
                let report = lane.report.as_ref();
                let health = match report.map(|report| report.state) {
                    _ if !lane.reachable => Health::Silent,
                    Some(R::Failed | R::Unhealthy) => Health::Bad,
                    Some(R::Healthy | R::Applied | R::Idle) => Health::Good,
                    Some(R::Applying) | None => Health::Unknown,
                };
                let unapplied = report.is_some_and(|report| report.state == R::Failed)
                    && lane.desired.is_some()
                    && lane.desired.as_ref() == candidate;
                let digest = report.and_then(|report| report.measured.as_ref().or(report.claimed.as_ref()));
                let runs = if unapplied { Runs::Candidate } else { runs(digest) };
                Unit { site: &site.site, lane: &lane.lane, runs, unapplied, health, seen_at: lane.seen_at }
            })
            .collect();
        if !reported.is_empty() {
            return reported;
        }
        let goes_back = self.rollout.as_deref().is_some_and(|rollout| {
            matches!(rollout.phase, Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed)
        });
        let known = self.rollout.as_deref().and_then(|rollout| rollout.units.as_deref()).unwrap_or_default();
        known
            .iter()
            .map(|unit| {
                let health = match unit.state.as_str() {
                    _ if !unit.reachable => Health::Silent,
                    "failed" | "unhealthy" => Health::Bad,
                    "told" | "applying" | "reverting" => Health::Unknown,
                    _ => Health::Good,
                };
                let unapplied = unit.state.as_str() == "failed" && !goes_back;
                let digest = unit.measured.as_ref().or(unit.claimed.as_ref());
                let runs = if unapplied { Runs::Candidate } else { runs(digest) };
                Unit { site: &unit.site, lane: &unit.lane, runs, unapplied, health, seen_at: unit.seen_at }
            })
            .collect()
    }

    /// Whether a unit is in the place.
    pub(super) fn is_in(unit: &Unit<'_>, spot: &Spot) -> bool {
        match spot {
            Spot::Site(site) => unit.site == site,
            Spot::Candidate => unit.runs == Runs::Candidate,
            Spot::Target => true,
        }
    }

    /// Whether an entry is about the rollout at stake, or about what it did to a unit.
    pub(super) fn is_own(&self, entry: &AuditEntry) -> bool {
        let Some(rollout) = self.rollout.as_deref() else { return false };
        let target = entry.subject.target.as_ref().map(crate::domain::SafeText::as_str);
        match entry.subject.kind {
            SubjectKind::Rollout => {
                target == Some(rollout.target.as_str()) && entry.subject.name.as_str() == rollout.name.as_str()
            }
            SubjectKind::Unit => {
                target == Some(rollout.target.as_str())
                    && entry.correlation_id.as_ref() == Some(&rollout.correlation_id)
            }
            _ => false,
        }
    }

    /// Whether an entry touched the place.
    pub(super) fn touch(&self, entry: &AuditEntry, spot: &Spot) -> Touch {
        if !may_be_in(entry, &self.target) {
            return Touch::Elsewhere;
        }
        if entry.subject.kind == SubjectKind::Flag {
            return self.flag_touches(entry.subject.name.as_str(), spot);
        }
        if self.is_own(entry) && entry.subject.kind == SubjectKind::Rollout && !matches!(spot, Spot::Site(_)) {
            return Touch::Site;
        }
        let units = self.units();
        if let Spot::Site(name) = spot
            && !self.own_sites().any(|site| site.site == *name)
        {
            // Sites are not known: only what the entry says itself is.
            return if may_be_at(entry, &self.target, name) { Touch::Perhaps } else { Touch::Elsewhere };
        }
        let inside = |site: &&SiteView| match spot {
            Spot::Site(name) => site.site == *name,
            Spot::Target => true,
            Spot::Candidate => units.iter().any(|unit| unit.site == &site.site && unit.runs == Runs::Candidate),
        };
        let touches: Vec<Touch> = self.own_sites().filter(inside).map(|site| self.around.touch(entry, site)).collect();
        if touches.is_empty() || touches.contains(&Touch::Perhaps) && !touches.contains(&Touch::Site) {
            return Touch::Perhaps;
        }
        if touches.contains(&Touch::Site) { Touch::Site } else { Touch::Elsewhere }
    }

    /// A flag touched the place where it serves something there by its rules, or was switched off there.
    fn flag_touches(&self, key: &str, spot: &Spot) -> Touch {
        let Some(flags) = self.flags else { return Touch::Perhaps };
        let Some(view) = flags.iter().find(|view| view.flag.key.as_str() == key) else { return Touch::Perhaps };
        let units = self.units();
        let inside = |place: &&crate::backend::FlagPlace| {
            place.group == self.target
                && match spot {
                    Spot::Site(site) => place.site == *site,
                    Spot::Target => true,
                    Spot::Candidate => units.iter().any(|unit| {
                        unit.site == &place.site && unit.lane == &place.lane && unit.runs == Runs::Candidate
                    }),
                }
        };
        let mut here = view.places.iter().filter(inside).peekable();
        if here.peek().is_none() {
            // Whether it has a place here is known only where the units of the place are.
            let known = matches!(spot, Spot::Target) || !units.is_empty();
            return if known { Touch::Elsewhere } else { Touch::Perhaps };
        }
        let off = view.flag.killed.is_some() || !view.flag.definition.enabled;
        if off || here.any(|place| evidence::is_on(view, place) != Some(false)) { Touch::Site } else { Touch::Perhaps }
    }

    /// The place in words.
    #[must_use]
    pub fn spot_words(&self, spot: &Spot) -> String {
        match spot {
            Spot::Site(site) => format!("only {site}"),
            Spot::Target => format!("all of {}", self.target),
            Spot::Candidate => match self.rollout.as_deref() {
                Some(rollout) if rollout.workload.is_some() => super::workload::reach(rollout),
                Some(rollout) => format!(
                    "{} of {} units that have {}",
                    rollout.exposure.units,
                    rollout.exposure.units_total,
                    self.versions().0
                ),
                None => "where the candidate runs".to_owned(),
            },
        }
    }

    /// The address of the rollout at stake.
    #[must_use]
    pub fn id(&self) -> Option<RolloutId> {
        self.rollout.as_deref().map(Rollout::id)
    }
}

/// What all evidence together says of something.
pub(super) fn stand(evidence: &[Evidence], about: &About) -> Stand {
    let of = |says: Stand| evidence.iter().any(|piece| piece.about == *about && piece.says == says);
    match (of(Stand::PointsTo), of(Stand::Clears)) {
        (true, false) => Stand::PointsTo,
        (false, true) => Stand::Clears,
        (true, true) | (false, false) => Stand::Silent,
    }
}
