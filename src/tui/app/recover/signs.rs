//! What is wrong, since when, and where: what is known of it, the most likely first.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde::Serialize;

use super::{Health, Runs, Situation, Weight};
use crate::{
    domain::{
        ActorKind, BlockerKind, GateState, Phase, Rollout, SafeText, SiteName, SubjectKind, Verdict, sli::SliState,
    },
    tui::app::{age, attention, figure::counted, signal},
};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// A unit could not be brought back.
    Stuck,
    /// An indicator, by its name.
    Indicator(SafeText),
    /// A gate breached.
    Breach,
    /// Units failed, or say that they are not well.
    Failed,
    /// Units are silent, or facts are missing.
    Silent,
    /// People report what is not measured here.
    Unmeasured,
    /// Nothing is known to be wrong.
    Nothing,
}

/// A sign that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Of what.
    pub symptom: Symptom,
    /// How bad.
    pub weight: Weight,
    /// In words.
    pub text: String,
    /// Since when, where that is known.
    pub since: Option<DateTime<Utc>>,
}

/// When it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Began {
    /// At a known moment, and what happened then.
    Known {
        /// The moment.
        at: DateTime<Utc>,
        /// What is known of it.
        what: String,
    },
    /// About so many minutes ago, as a person says.
    Ago(i64),
}

impl Began {
    /// The moment, and whether it is an estimate: that is said in whole minutes.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> (DateTime<Utc>, bool) {
        match self {
            Self::Known { at, .. } => (*at, false),
            Self::Ago(minutes) => {
                let at = now - TimeDelta::minutes(*minutes);
                (at.with_second(0).and_then(|at| at.with_nanosecond(0)).unwrap_or(at), true)
            }
        }
    }
}

/// Where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// At one site.
    Site(SiteName),
    /// Where the candidate is.
    Candidate,
    /// In the whole target.
    Target,
}

/// Most sites that are offered as an answer.
const SITES_MAX: usize = 4;

/// All signs, the most likely answer first, then what a person may say otherwise.
#[must_use]
pub fn signs(situation: &Situation<'_>) -> Vec<Sign> {
    let mut found: Vec<Sign> = Vec::new();
    if let Some(rollout) = situation.rollout.as_deref() {
        of_rollout(rollout, situation.now, &mut found);
    }
    of_units(situation, &mut found);
    // Stable: within a weight in the order above, that of what users feel first.
    found.sort_by_key(|sign| match sign.weight {
        Weight::Bad => 0,
        Weight::Unknown => 1,
        _ => 2,
    });
    let nothing = Sign {
        symptom: Symptom::Nothing,
        weight: Weight::Good,
        text: "nothing is known to be wrong".to_owned(),
        since: None,
    };
    let unmeasured = Sign {
        symptom: Symptom::Unmeasured,
        weight: Weight::Attention,
        text: "people report what is not measured here".to_owned(),
        since: None,
    };
    if found.is_empty() {
        found.push(nothing);
    }
    found.push(unmeasured);
    found
}

fn of_rollout(rollout: &Rollout, now: DateTime<Utc>, found: &mut Vec<Sign>) {
    let class = attention::Class::of(rollout);
    if rollout.phase == Phase::RollbackFailed {
        found.push(Sign {
            symptom: Symptom::Stuck,
            weight: Weight::Bad,
            text: format!("{}: {}", class.word(), rollout.message),
            since: Some(rollout.updated_at),
        });
    }
    for sli in signal::by_need(&rollout.slis, now) {
        let state = signal::state(sli, now);
        let weight = match state {
            SliState::Fail => Weight::Bad,
            SliState::Error | SliState::NoData | SliState::Stale => Weight::Unknown,
            SliState::Watch => Weight::Attention,
            SliState::Warming | SliState::Insufficient | SliState::Pass => continue,
        };
        found.push(Sign {
            symptom: Symptom::Indicator(sli.name.clone()),
            weight,
            text: match weight {
                Weight::Unknown => signal::brief(sli, now),
                _ => format!("{} {}", signal::brief(sli, now), signal::word(state)),
            },
            since: signal::since(sli, now),
        });
    }
    let gates: Vec<_> = attention::current_stage(rollout)
        .and_then(|at| rollout.stages.get(at))
        .map(|stage| stage.gates().iter().filter(|gate| gate.state == GateState::Breached).collect())
        .unwrap_or_default();
    let blockers = |kind: BlockerKind| rollout.blockers.iter().filter(move |blocker| blocker.kind == kind);
    let breach = blockers(BlockerKind::Breach).next();
    if breach.is_some() || !gates.is_empty() {
        let text = match (gates.as_slice(), breach) {
            ([gate], _) => format!("gate {} BREACHED: {}", gate.name, gate.detail),
            ([], Some(blocker)) => format!("BREACH: {}", blocker.summary),
            (several, _) => {
                let names: Vec<&str> = several.iter().map(|gate| gate.name.as_str()).collect();
                format!("gates {} BREACHED", names.join(", "))
            }
        };
        let since =
            gates.iter().filter_map(|gate| gate.since).chain(blockers(BlockerKind::Breach).filter_map(|b| b.since));
        found.push(Sign { symptom: Symptom::Breach, weight: Weight::Bad, text, since: since.min() });
    } else if rollout.verdict.label == Verdict::Fail && found.iter().all(|sign| sign.weight != Weight::Bad) {
        found.push(Sign {
            symptom: Symptom::Breach,
            weight: Weight::Bad,
            text: format!("verdict FAIL: {}", rollout.verdict.why),
            since: Some(rollout.updated_at),
        });
    }
    let failures = rollout.failures.as_deref().unwrap_or_default();
    if let Some(first) = blockers(BlockerKind::Failure).next() {
        let since = failures.iter().map(|failure| failure.at).chain(first.since).min();
        found.push(Sign {
            symptom: Symptom::Failed,
            weight: Weight::Bad,
            text: format!("FAILED: {}", first.summary),
            since,
        });
    }
    if let Some(first) = blockers(BlockerKind::NoData).next() {
        found.push(Sign {
            symptom: Symptom::Silent,
            weight: Weight::Unknown,
            text: format!("NO DATA: {}", first.summary),
            since: first.since,
        });
    }
}

/// What units say of themselves, where the rollout says nothing of it.
fn of_units(situation: &Situation<'_>, found: &mut Vec<Sign>) {
    let units = situation.units();
    let here = |unit: &&super::Unit<'_>| situation.site.as_ref().is_none_or(|site| unit.site == site);
    let has = |found: &[Sign], symptom: &Symptom| found.iter().any(|sign| sign.symptom == *symptom);
    let bad = units.iter().filter(here).filter(|unit| unit.health == Health::Bad).count();
    if bad > 0 && !has(found, &Symptom::Failed) {
        found.push(Sign {
            symptom: Symptom::Failed,
            weight: Weight::Bad,
            text: format!("{} not well by their own checks", are(bad)),
            since: None,
        });
    }
    let silent: Vec<_> = units.iter().filter(here).filter(|unit| unit.health == Health::Silent).collect();
    if !silent.is_empty() && !has(found, &Symptom::Silent) {
        found.push(Sign {
            symptom: Symptom::Silent,
            weight: Weight::Unknown,
            text: format!("NO DATA: {} silent", are(silent.len())),
            since: silent.iter().filter_map(|unit| unit.seen_at).min(),
        });
    }
}

/// `1 unit is`, `3 units are`.
pub(super) fn are(count: usize) -> String {
    format!("{} {}", counted(count, "unit"), if count == 1 { "is" } else { "are" })
}

/// Entries that the server itself writes when something is wrong.
const TROUBLE: [&str; 6] = ["gate_breached", "judge_paused", "rollback_started", "unit_failed", "degraded", "paused"];

/// When it may have begun, the most likely first: what is known, then what a person may say.
#[must_use]
pub fn moments(situation: &Situation<'_>, symptom: &Symptom) -> Vec<Began> {
    let all = signs(situation);
    let mut known: Vec<Began> = Vec::new();
    let mut add = |at: DateTime<Utc>, what: String| {
        // What is within a minute of what is there already is no other answer.
        let near = |began: &Began| matches!(began, Began::Known { at: other, .. } if (at - *other).abs() < TimeDelta::minutes(1));
        if at <= situation.now && !known.iter().any(near) {
            known.push(Began::Known { at, what });
        }
    };
    if let Some((at, sign)) =
        all.iter().find(|sign| sign.symptom == *symptom).and_then(|sign| Some((sign.since?, sign)))
    {
        let what = match (&sign.symptom, sign.weight) {
            (Symptom::Indicator(name), Weight::Unknown) => format!("{name} was last measured"),
            (Symptom::Indicator(name), _) => format!("{name} went over its limit"),
            (Symptom::Breach, _) => "a gate breached".to_owned(),
            (Symptom::Failed, _) => "the first unit failed".to_owned(),
            (Symptom::Silent, _) => "one was last heard of".to_owned(),
            _ => "it came into this state".to_owned(),
        };
        add(at, what);
    }
    let measured = !matches!(symptom, Symptom::Unmeasured | Symptom::Nothing);
    // Only what came after the last time all was well.
    let trouble = situation
        .entries
        .iter()
        .filter(|entry| situation.is_own(entry) && entry.subject.kind == SubjectKind::Rollout)
        .take_while(|entry| !matches!(entry.action.as_str(), "recovered" | "start"))
        .filter(|entry| entry.actor.kind == ActorKind::System && TROUBLE.contains(&entry.action.as_str()))
        .last();
    if let Some(entry) = trouble.filter(|_| measured) {
        add(entry.at, format!("{} by {} (#{})", entry.action, entry.actor.id, entry.seq));
    }
    let first = all.iter().filter(|sign| sign.weight == Weight::Bad).filter_map(|sign| sign.since).min();
    if let Some(at) = first.filter(|_| measured) {
        add(at, "the first of all signs".to_owned());
    }
    if let Some(rollout) = situation.rollout.as_deref()
        && known.is_empty()
        && attention::Class::of(rollout).is_abnormal()
    {
        let at = rollout.updated_at;
        known.push(Began::Known { at, what: format!("it became {}", attention::Class::of(rollout).word()) });
    }
    known.extend([5, 15, 30, 60, 120].map(Began::Ago));
    known
}

/// A moment in words.
#[must_use]
pub fn moment_words(situation: &Situation<'_>, began: &Began) -> String {
    let (at, _) = began.at(situation.now);
    match began {
        Began::Known { what, .. } => {
            format!("{}, {} ago: {what}", situation.clock_seconds(at), age::coarse(situation.now, at))
        }
        Began::Ago(minutes) if *minutes < 60 => format!("about {minutes} minutes ago ({})", situation.clock(at)),
        Began::Ago(60) => format!("about an hour ago ({})", situation.clock(at)),
        Began::Ago(minutes) => format!("about {} hours ago ({})", minutes / 60, situation.clock(at)),
    }
}

/// Where it may be, the most likely first.
#[must_use]
pub fn spots(situation: &Situation<'_>, symptom: &Symptom) -> Vec<Spot> {
    let units = situation.units();
    let worse = match symptom {
        Symptom::Silent => Health::Silent,
        _ => Health::Bad,
    };
    let mut bad: Vec<&SiteName> = Vec::new();
    for unit in units.iter().filter(|unit| unit.health == worse) {
        if !bad.contains(&unit.site) {
            bad.push(unit.site);
        }
    }
    let several = units.iter().any(|unit| Some(unit.site) != units.first().map(|first| first.site));
    let mut spots: Vec<Spot> = situation.site.iter().cloned().map(Spot::Site).collect();
    // An indicator compares versions: it says nothing of one site.
    let by_unit = matches!(symptom, Symptom::Failed | Symptom::Silent | Symptom::Breach | Symptom::Stuck);
    if let ([only], true, true) = (bad.as_slice(), several, by_unit) {
        spots.push(Spot::Site((*only).clone()));
    }
    let reached = situation.rollout.as_deref().is_some_and(|rollout| {
        !rollout.phase.is_terminal() && (rollout.exposure.units > 0 || rollout.workload.is_some())
    });
    let everywhere = units.iter().any(|unit| unit.health == worse && unit.runs == Runs::Before);
    match (reached, everywhere && by_unit) {
        (true, false) => spots.extend([Spot::Candidate, Spot::Target]),
        (true, true) => spots.extend([Spot::Target, Spot::Candidate]),
        (false, _) => spots.push(Spot::Target),
    }
    spots.extend(bad.into_iter().take(SITES_MAX).cloned().map(Spot::Site));
    let mut out: Vec<Spot> = Vec::new();
    for spot in spots {
        if !out.contains(&spot) {
            out.push(spot);
        }
    }
    out
}
