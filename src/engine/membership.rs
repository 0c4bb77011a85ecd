//! How a rollout begins: its membership is frozen, each unit's snapshot pinned, and each stage's
//! selection drawn from what the stages before it left.
//!
//! A site is counted once, with those of its lanes that are not yet taken; only a selection of
//! single units can part the lanes of a site, and the next selection by sites completes that site first.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Answer, BeginError, Fact, FactBy, Member, Step,
    state::{StageMemory, State, Unit},
    words,
};
use crate::domain::{Digest, Phase, Plan, SiteName, UnitKey, plan::Selection};

/// What each stage of a plan selects of a membership.
pub(super) struct Drawn {
    /// The membership, in the order of names, with the stage that selects each.
    pub(super) units: Vec<(UnitKey, Option<Digest>, Option<usize>)>,
}

/// Draws every stage's selection.
pub(super) fn draw(plan: &Plan, members: &[Member]) -> Result<Drawn, BeginError> {
    let frozen: BTreeMap<&UnitKey, &Option<Digest>> = members.iter().map(|m| (&m.unit, &m.present)).collect();
    if frozen.is_empty() {
        return Err(BeginError::NoUnits(plan.target.clone()));
    }
    let mut units: Vec<_> = frozen.into_iter().map(|(key, present)| (key.clone(), present.clone(), None)).collect();
    // Units are in the order of names, and so the units of a site are neighbours.
    let mut sites: Vec<std::ops::Range<usize>> = Vec::new();
    let mut last: Option<&SiteName> = None;
    for (at, (key, _, _)) in units.iter().enumerate() {
        match sites.last_mut() {
            Some(range) if last == Some(&key.site) => range.end = at + 1,
            _ => sites.push(at..at + 1),
        }
        last = Some(&key.site);
    }
    let total = units.len();
    for (index, stage) in plan.stages.iter().enumerate() {
        let before = units.iter().filter(|(_, _, taken)| taken.is_some()).count();
        match stage.selects {
            Selection::Units(count) => {
                let free = units.iter_mut().filter(|(_, _, taken)| taken.is_none());
                free.take(count as usize).for_each(|unit| unit.2 = Some(index));
            }
            Selection::All => take_sites(&mut units, &sites, index, usize::MAX, 0),
            Selection::Sites(count) => take_sites(&mut units, &sites, index, count as usize, 0),
            Selection::Percent(percent) => {
                let touched = touched_whole(&units, &sites);
                take_sites(&mut units, &sites, index, share(percent, sites.len()), touched);
            }
        }
        let after = units.iter().filter(|(_, _, taken)| taken.is_some()).count();
        // A fleet that is smaller than its plan is exhausted early: what remains is nothing, and the
        // stage has nothing to wait for. A share that is used up while units remain is a mistake.
        if after == before && before < total {
            return Err(BeginError::NothingFurther {
                stage: stage.name.clone(),
                selects: selects(&stage.selects),
                taken: before,
                members: total,
            });
        }
    }
    Ok(Drawn { units })
}

/// Takes what is left of sites, in the order of names, until `limit` sites count as taken.
fn take_sites(
    units: &mut [(UnitKey, Option<Digest>, Option<usize>)],
    sites: &[std::ops::Range<usize>],
    stage: usize,
    limit: usize,
    mut counted: usize,
) {
    for site in sites {
        let Some(lanes) = units.get_mut(site.clone()) else { continue };
        if lanes.iter().all(|(_, _, taken)| taken.is_some()) {
            continue;
        }
        if counted >= limit {
            return;
        }
        counted += 1;
        lanes.iter_mut().filter(|(_, _, taken)| taken.is_none()).for_each(|lane| lane.2 = Some(stage));
    }
}

/// Sites of which every lane is taken.
fn touched_whole(units: &[(UnitKey, Option<Digest>, Option<usize>)], sites: &[std::ops::Range<usize>]) -> usize {
    let whole = |site: &&std::ops::Range<usize>| {
        units.get((*site).clone()).is_some_and(|lanes| lanes.iter().all(|(_, _, taken)| taken.is_some()))
    };
    sites.iter().filter(whole).count()
}

/// A share of `of`, rounded up. What is no share (negative, not a number) is none.
fn share(percent: f64, of: usize) -> usize {
    // Without the small allowance, 14.7 % of 1000 could round up to 148.
    let exact = (percent.clamp(0.0, 100.0) * of as f64 / 100.0 - 1e-9).ceil();
    (exact.max(0.0) as usize).min(of)
}

/// What a stage selects, as it is written in a plan.
pub(super) fn selects(selection: &Selection) -> String {
    match selection {
        Selection::Sites(count) => words::counted(*count as usize, "site"),
        Selection::Units(count) => words::units(*count as usize),
        Selection::Percent(percent) => format!("{percent}%"),
        Selection::All => "all".to_owned(),
    }
}

/// `10 units at 10 sites` of those that a stage selects.
pub(super) fn size<'a>(keys: impl Iterator<Item = &'a UnitKey>) -> String {
    let (mut count, mut sites, mut last) = (0, 0, None);
    for key in keys {
        count += 1;
        if last != Some(&key.site) {
            sites += 1;
        }
        last = Some(&key.site);
    }
    format!("{} at {}", words::units(count), words::counted(sites, "site"))
}

/// Begins a rollout.
pub(super) fn begin(plan: &Plan, members: &[Member], now: DateTime<Utc>) -> Result<Step, BeginError> {
    let drawn = draw(plan, members)?;
    let what = size(drawn.units.iter().map(|(key, _, _)| key));
    let unit = |(key, pinned, stage): (UnitKey, Option<Digest>, Option<usize>)| {
        // What it runs is not touched where only flags are set.
        let pinned = pinned.filter(|_| plan.snapshot.is_some());
        Unit::new(key, stage, pinned, plan.gates.len())
    };
    let units = drawn.units.into_iter().map(unit).collect();
    let state = State {
        phase: Phase::Pending,
        revision: 1,
        stage: None,
        full: false,
        paused: None,
        stages: vec![StageMemory::default(); plan.stages.len()],
        back: None,
        restored: BTreeMap::new(),
        units,
        look_at: Some(now),
        created_at: now,
        updated_at: now,
    };
    let detail = format!(
        "{} begins with {} on {what}, in {}",
        plan.id(),
        plan.candidate(),
        words::counted(plan.stages.len(), "stage"),
    );
    let fact = Fact { what: "start", detail: words::text(detail), by: FactBy::Engine };
    Ok(Step { state, effects: Vec::new(), facts: vec![fact], answer: Answer::Done, routine: false })
}
